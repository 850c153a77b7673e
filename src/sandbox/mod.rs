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
pub mod nessus;
pub mod server;
pub mod tenable_io;
pub mod tenable_sc;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

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
    /// The Cloudflare account that the token belongs to.
    pub const ACCOUNT_ID: &str = "0123456789abcdef0123456789abcdef";
    /// The id under which the simulated Director knows the simulated Security Center.
    pub const DIRECTOR_INSTANCE: &str = "1";
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
#[derive(Debug, Clone)]
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

/// One request as the listener to the traffic is told of it. Carries no headers, since those hold credentials.
#[derive(Debug, Clone, Copy)]
pub struct Exchange<'a> {
    /// The profile that the vendor has in the generated configuration.
    pub profile: &'static str,
    /// HTTP method.
    pub method: &'a str,
    /// Path and query as sent.
    pub target: &'a str,
    /// Status of the answer, or nothing if none was sent.
    pub status: Option<u16>,
    /// The fault that struck this request.
    pub fault: Option<faults::Effect>,
    /// From the head of the request to the head of the answer.
    pub elapsed: Duration,
}

/// Called with each request after it was answered, or not answered.
pub type Log = Arc<dyn Fn(&Exchange<'_>) + Send + Sync>;

/// How to run a sandbox.
#[derive(Clone)]
pub struct Options {
    /// Divides how long states last; 1 is the vendors' own pace.
    pub speed: f64,
    /// What goes wrong.
    pub faults: Vec<faults::Fault>,
    /// Makes the chances of `faults` repeatable.
    pub seed: u64,
    /// The first of five consecutive ports; without it five free ones are taken.
    pub ports: Option<u16>,
    /// Added to every answer.
    pub latency: Duration,
    /// Told of every request.
    pub log: Option<Log>,
}

impl Default for Options {
    fn default() -> Self {
        Self { speed: 1.0, faults: Vec::new(), seed: 0, ports: None, latency: Duration::ZERO, log: None }
    }
}

/// A vendor with its profile name; the order is that of the ports.
pub type Named = (&'static str, Box<dyn Vendor>);

/// The five vendors of a new world.
fn vendors(speed: f64) -> Vec<Named> {
    let (security_center, director) = tenable_sc::pair(speed);
    vec![
        ("io", Box::new(tenable_io::TenableIo::new(speed))),
        ("sc", Box::new(security_center)),
        ("director", Box::new(director)),
        ("jsa", Box::new(juniper::Juniper::new(speed))),
        ("cf", Box::new(cloudflare::Cloudflare::new(speed))),
    ]
}

/// A running sandbox. Dropping it stops listening; requests in flight are still answered while the runtime lives.
pub struct Sandbox {
    origins: Vec<(&'static str, String)>,
    _stop: watch::Sender<()>,
}

/// Stored scans of the seeds that can be launched at once, one for each profile in the order of the ports.
pub mod seeds {
    /// A scan of Tenable VM whose run is paused from the start.
    pub const PAUSED: &str = "io/235";

    /// Profile and id. The Director's is another definition on the instance than the Security Center's, so that both
    /// can be launched together.
    pub const LAUNCHABLE: [(&str, &str); 5] =
        [("io", "219"), ("sc", "1"), ("director", "8"), ("jsa", "2"), ("cf", "3a96f5ba-f6e1-4111-bc27-f354080b5160")];
}

impl Sandbox {
    /// Starts all five vendors on the current tokio runtime; one thread is enough.
    ///
    /// # Errors
    /// When a port is taken or out of range, or the speed is not a positive number.
    pub fn start(options: Options) -> std::io::Result<Self> {
        let speed = options.speed;
        if !(speed.is_finite() && speed > 0.0) {
            return Err(invalid(format!("speed {speed} is not a positive number")));
        }
        Self::start_with(options, vendors(speed))
    }

    /// Starts these vendors on the current tokio runtime; one thread is enough. They need not be five.
    ///
    /// # Errors
    /// When a port is taken or out of range.
    pub fn start_with(options: Options, vendors: Vec<Named>) -> std::io::Result<Self> {
        let (stop, stopped) = watch::channel(());
        let mut origins = Vec::new();
        let mut sites = Vec::new();
        for (index, (profile, vendor)) in (0_u16..).zip(vendors) {
            let port = match options.ports {
                None => 0,
                Some(base) => base
                    .checked_add(index)
                    .ok_or_else(|| invalid(format!("five ports from {base} do not fit below 65536")))?,
            };
            let (listener, address) = server::listen(port).map_err(|error| {
                std::io::Error::new(error.kind(), format!("cannot listen on 127.0.0.1:{port} for {profile}: {error}"))
            })?;
            let dice = faults::Dice::new(profile, &options.faults, options.seed.wrapping_add(u64::from(index)));
            origins.push((profile, format!("http://{address}")));
            sites.push((listener, server::Site::new(profile, vendor, dice, options.latency, options.log.clone())));
        }
        // Only when all ports are open, so that a failed start leaves nothing behind.
        for (listener, site) in sites {
            tokio::spawn(server::serve(listener, Arc::new(site), stopped.clone()));
        }
        Ok(Self { origins, _stop: stop })
    }

    /// Profile names and base addresses, in the order of the ports.
    pub fn origins(&self) -> &[(&'static str, String)] {
        &self.origins
    }

    /// A complete scanctl configuration for this sandbox. It holds literal secrets, so it has to be written with mode
    /// 0600 to be accepted.
    pub fn config(&self) -> String {
        use std::fmt::Write as _;
        let keys = format!("access_key = \"{}\"\nsecret_key = \"{}\"\n", accepted::ACCESS_KEY, accepted::SECRET_KEY);
        let token = format!("token = \"{}\"\n", accepted::TOKEN);
        let mut text = String::from("# Profiles of a scanctl sandbox; the credentials are worth nothing elsewhere.\n");
        let names: Vec<String> = self.origins.iter().map(|(profile, _)| format!("\"{profile}\"")).collect();
        for (profile, origin) in &self.origins {
            let (backend, rest) = match *profile {
                "io" => ("tenable-io", keys.clone()),
                "sc" => ("tenable-sc", keys.clone()),
                "director" => (
                    "tenable-sc-director",
                    format!("{keys}instances = {{ \"{}\" = \"sc\" }}\n", accepted::DIRECTOR_INSTANCE),
                ),
                "jsa" => ("juniper", format!("{token}api_version = \"17.0\"\n")),
                _ => ("cloudflare", format!("account_id = \"{}\"\n{token}", accepted::ACCOUNT_ID)),
            };
            // Writing to a String cannot fail.
            let _ = write!(text, "\n[profiles.{profile}]\nbackend = \"{backend}\"\nbase_url = \"{origin}\"\n{rest}");
        }
        let _ = write!(text, "\n[groups]\nall = [{}]\n", names.join(", "));
        text
    }
}

fn invalid(message: String) -> std::io::Error {
    std::io::Error::new(std::io::ErrorKind::InvalidInput, message)
}

#[cfg(test)]
mod tests;
