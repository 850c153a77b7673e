//! The sandbox: all five vendors, simulated on loopback, so that people can rehearse cron jobs and CI scripts
//! without an account and without touching a live network.
//!
//! It is a second reading of the vendors' documentation. It imports nothing of `backends` or `http`, shares no wire
//! structure with them, and keeps the vendors' ugliness: that is what makes agreement between the two mean something.
//!
//! One listener a vendor, since each vendor is an origin of its own. Every vendor is a plain synchronous [`Vendor`]:
//! a request and a time in, a reply out. Sockets, faults and delays live in [`server`].

pub mod cloudflare;
pub mod director;
pub mod faults;
pub mod juniper;
pub mod server;
pub mod tenable_io;
pub mod tenable_sc;

/// The access key, secret key, user name, password and token that every simulated vendor accepts.
pub mod accepted {
    /// API access key of both Tenable products.
    pub const ACCESS_KEY: &str = "access";
    /// API secret key of both Tenable products.
    pub const SECRET_KEY: &str = "secret";
    /// User name for session and Basic logins.
    pub const USER: &str = "user";
    /// Password for session and Basic logins.
    pub const PASSWORD: &str = "password";
    /// JSA authorized-service token and Cloudflare API token.
    pub const TOKEN: &str = "token";
}

/// A point in time as the simulated vendor's clock shows it: seconds since the Unix epoch, with fractions.
///
/// It is the machine's real clock. `--speed` shortens how long states last, it does not bend the clock, because
/// clients compare the vendor's time stamps with elapsed real time.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct Moment(pub f64);

/// One request as a vendor sees it.
#[derive(Debug)]
pub struct Request {
    /// Upper-case HTTP method.
    pub method: String,
    /// Percent-decoded path segments, without empty ones.
    pub path: Vec<String>,
    /// Percent-decoded query pairs in the order sent.
    pub query: Vec<(String, String)>,
    /// Header names in lower case.
    pub headers: Vec<(String, String)>,
    /// The whole body.
    pub body: Vec<u8>,
}

impl Request {
    /// The first header of that (lower-case) name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The first query parameter of that name.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The path as string slices, for matching together with the method.
    pub fn segments(&self) -> Vec<&str> {
        self.path.iter().map(String::as_str).collect()
    }
}

/// One reply of a vendor, before faults.
#[derive(Debug)]
pub struct Reply {
    /// HTTP status.
    pub status: u16,
    /// Headers besides `Date` and `Content-Length`, which the server adds. May repeat a name.
    pub headers: Vec<(&'static str, String)>,
    /// The body; empty is sent as `Content-Length: 0`.
    pub body: Vec<u8>,
}

/// One simulated vendor.
pub trait Vendor: Send {
    /// Answers one request at one moment. States move on by themselves as `now` grows.
    fn answer(&mut self, request: &Request, now: Moment) -> Reply;

    /// The reply of this vendor's gateway for an injected fault status (429 or 500), in its own ugly shape.
    fn fault(&self, status: u16) -> Reply;
}
