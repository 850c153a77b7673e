//! The HTTP client over real sockets: what is sent how often, what is said of it, and what never leaves.
//!
//! No vendor and no program here; those are tested through the command line.

mod gentle;
mod repeats;
mod sessions;
mod trust;
mod upload;
mod wire;

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use reqwest::header::{HeaderMap, HeaderName};
use scanctl::config::Config;
use scanctl::error::{Detail, Error, Result};
use scanctl::exit::Exit;
use scanctl::http::auth::{Auth, Session, SessionProtocol, SessionRequest};
use scanctl::http::connection::{Connection, Defaults};
use scanctl::http::{Dialect, Http, Shared, VendorError, Writes};
use scanctl::secret::Secret;

const KEY: &str = "canary-key-0123456789";

/// A client with what it told the user.
struct Client {
    http: Http,
    notices: Rc<RefCell<Vec<String>>>,
    writes: Rc<Writes>,
}

impl Client {
    /// A client of this origin, with these other lines of a profile.
    fn new(origin: &str, more: &str, auth: Auth) -> Self {
        Self::try_new(origin, more, auth, false).unwrap_or_else(|error| panic!("{}", error.one_line()))
    }

    /// The same, of a dry run.
    fn dry(origin: &str, auth: Auth) -> Self {
        Self::try_new(origin, "", auth, true).unwrap_or_else(|error| panic!("{}", error.one_line()))
    }

    fn try_new(origin: &str, more: &str, auth: Auth, dry_run: bool) -> Result<Self> {
        let notices: Rc<RefCell<Vec<String>>> = Rc::default();
        let writes: Rc<Writes> = Rc::default();
        let notice = {
            let notices = Rc::clone(&notices);
            Rc::new(move |text: &str| notices.borrow_mut().push(text.to_owned()))
        };
        let shared = Shared { dry_run, writes: Rc::clone(&writes), notice };
        let http = Http::new("test", connection(origin, more)?, auth, DIALECT, shared)?;
        Ok(Self { http, notices, writes })
    }

    fn notices(&self) -> Vec<String> {
        self.notices.borrow().clone()
    }
}

fn connection(origin: &str, more: &str) -> Result<Connection> {
    let text = format!("[profiles.test]\nbackend = \"test\"\nbase_url = \"{origin}\"\n{more}\n");
    let config = Config::parse("config.toml".into(), &text)?;
    let settings = config.profile("test")?;
    let defaults = Defaults { base_url: None, prefix: "/rest", max_concurrency: 2, public_cloud: None };
    Connection::read(&settings.reader(), defaults)
}

/// One key header.
fn keys() -> Auth {
    let name = HeaderName::from_static("x-apikeys");
    Auth::headers(vec![(name, Secret::new(KEY))], vec![Secret::new(KEY)])
}

/// A vendor that writes its refusals as `{"error", "code", "expired", "throttled", "pause"}`.
const DIALECT: Dialect = Dialect { refusal, error_in_success, request_id: Some("x-request-uuid") };

fn refusal(_status: u16, _headers: &HeaderMap, body: &[u8]) -> VendorError {
    let said: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
    VendorError {
        text: said["error"].as_str().map(str::to_owned),
        code: said["code"].as_i64(),
        expired_session: said["expired"] == true,
        throttled: said["throttled"] == true,
        pause: said["pause"].as_f64().map(Duration::from_secs_f64),
        ..VendorError::default()
    }
}

fn error_in_success(body: &[u8]) -> Option<VendorError> {
    let said: serde_json::Value = serde_json::from_slice(body).ok()?;
    said["error_code"].as_i64().filter(|code| *code != 0)?;
    Some(VendorError { exit: Some(Exit::InvalidState), ..refusal(200, &HeaderMap::new(), body) })
}

/// A login with user and password that is answered with a token and a cookie.
#[derive(Debug)]
struct Login {
    password: Secret,
}

const PASSWORD: &str = "canary-password-0123";

fn session() -> Auth {
    Auth::Session(Session::new(Box::new(Login { password: Secret::new(PASSWORD) })))
}

impl SessionProtocol for Login {
    fn login(&self) -> SessionRequest {
        SessionRequest {
            method: reqwest::Method::POST,
            path: vec!["token".to_owned()],
            body: Some(Secret::new(serde_json::json!({ "password": self.password.expose() }).to_string())),
        }
    }

    fn accept(&self, body: &[u8], cookies: &[String]) -> Result<Vec<(HeaderName, Secret)>> {
        let answer: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
        let Some(token) = answer["token"].as_str() else {
            return Err(Error::new(Exit::Limited, "the login gave no token"));
        };
        let mut headers = vec![(HeaderName::from_static("x-token"), Secret::new(token))];
        headers.extend(cookies.last().map(|cookie| (reqwest::header::COOKIE, Secret::new(cookie.as_str()))));
        Ok(headers)
    }

    fn logout(&self) -> SessionRequest {
        SessionRequest { method: reqwest::Method::DELETE, path: vec!["token".to_owned()], body: None }
    }

    fn secrets(&self) -> Vec<&Secret> {
        vec![&self.password]
    }
}

/// What callers must tell apart, in a word.
fn fate(error: &Error) -> String {
    let detail = match error.detail() {
        Detail::Plain | Detail::Told => "",
        Detail::Lost(_) => ", lost",
        Detail::Planned(_) => ", planned",
        Detail::Refused => ", refused",
        Detail::Candidates(_) => ", candidates",
    };
    format!("{}{detail}", error.exit().kind())
}
