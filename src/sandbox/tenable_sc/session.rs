//! Who may come in: API keys, or a session of number and cookie. Shared by the instance and by Director, each with
//! sessions of its own. Not for what the user may then do.

use serde_json::{Value, json};

use super::super::accepted;
use super::super::{Moment, Reply, Request};
use super::wire::{self, Object, Outcome, Refusal, Success, integer, reply};

/// How long a session may lie idle, in seconds. It is a promise of `/system`, so the sandbox's speed leaves it alone.
const IDLE_TIMEOUT: f64 = 3600.0;

/// How many sessions one user may have open.
const SESSION_LIMIT: usize = 50;

const COOKIE: &str = "TNS_SESSIONID";

struct Session {
    token: u64,
    cookie: String,
    used: f64,
}

/// The front door of one product.
pub(in crate::sandbox) struct Door {
    random: fastrand::Rng,
    open: Vec<Session>,
    last_login: Option<f64>,
    failed_logins: u32,
    last_failed: Option<f64>,
}

/// Whether a request showed who it is from.
#[derive(PartialEq)]
enum Visitor {
    Stranger,
    Known,
}

impl Door {
    /// A door with no session open; `seed` makes its tokens and cookies.
    pub(in crate::sandbox) fn new(seed: u64) -> Self {
        Self {
            random: fastrand::Rng::with_seed(seed),
            open: Vec::new(),
            last_login: None,
            failed_logins: 0,
            last_failed: None,
        }
    }

    /// Answers login, logout and `/system` itself, and lets `inside` answer the rest to those who may come in.
    pub(in crate::sandbox) fn answer(
        &mut self,
        request: &Request,
        now: Moment,
        inside: impl FnOnce(&[&str]) -> Outcome,
    ) -> Reply {
        let segments = request.segments();
        let Some((&"rest", path)) = segments.split_first() else {
            return wire::web_server_page(404, "Not Found");
        };
        self.open.retain(|session| now.0 - session.used < IDLE_TIMEOUT);
        match (request.method.as_str(), path) {
            ("POST", ["token"]) => self.login(request, now),
            ("GET", ["system"]) => self.system(request, now),
            ("DELETE", ["token"]) => reply(self.logout(request), now),
            _ => match self.visitor(request, now) {
                Ok(Visitor::Known) => reply(inside(path), now),
                Ok(Visitor::Stranger) => reply(Err(Refusal::invalid_token()), now),
                Err(refusal) => reply(Err(refusal), now),
            },
        }
    }

    fn visitor(&mut self, request: &Request, now: Moment) -> Result<Visitor, Refusal> {
        let session = self.session_of(request);
        if let Some(keys) = request.header("x-apikey") {
            // The cookie that a stranger got from `/system` does no harm beside keys; that of a login does.
            let cookies = cookies(request);
            let logged_in = self.open.iter().any(|session| cookies.contains(&session.cookie.as_str()));
            if request.header("x-securitycenter").is_some() || logged_in {
                return Err(Refusal::two_credentials());
            }
            return if keys_are_accepted(keys) { Ok(Visitor::Known) } else { Err(Refusal::unknown_keys()) };
        }
        match session {
            Some(index) => {
                self.open[index].used = now.0;
                Ok(Visitor::Known)
            }
            None => Ok(Visitor::Stranger),
        }
    }

    /// The session that the request's token and cookie both belong to.
    fn session_of(&self, request: &Request) -> Option<usize> {
        let token: u64 = request.header("x-securitycenter")?.trim().parse().ok()?;
        let cookies = cookies(request);
        self.open.iter().position(|session| session.token == token && cookies.contains(&session.cookie.as_str()))
    }

    fn login(&mut self, request: &Request, now: Moment) -> Reply {
        if request.header("x-apikey").is_some() {
            return reply(Err(Refusal::two_credentials()), now);
        }
        let asked = match wire::body(request).and_then(|body| Login::read(&body)) {
            Ok(asked) => asked,
            Err(refusal) => return reply(Err(refusal), now),
        };
        if asked.username != accepted::USER || asked.password != accepted::PASSWORD {
            self.failed_logins += 1;
            self.last_failed = Some(now.0);
            return reply(Err(Refusal::because("Invalid login credentials.")), now);
        }
        if self.open.len() >= SESSION_LIMIT {
            if !asked.release {
                return reply(Ok(Success::Body(json!({"releaseSession": true}))), now);
            }
            let oldest = self.open.iter().enumerate().min_by(|(_, a), (_, b)| a.used.total_cmp(&b.used));
            if let Some((index, _)) = oldest {
                self.open.remove(index);
            }
        }
        let token = self.random.u64(100_000_000..2_147_483_647);
        let (replaced, cookie) = (self.cookie(), self.cookie());
        let response = json!({
            "lastLogin": wire::epoch(self.last_login.or(Some(now.0 - 86_400.0))),
            "lastLoginIP": "127.0.0.1",
            "failedLogins": self.failed_logins.to_string(),
            "failedLoginIP": if self.failed_logins == 0 { "N/A" } else { "127.0.0.1" },
            "lastFailedLogin": self.last_failed.map_or(Value::Null, |time| wire::epoch(Some(time))),
            "token": token,
            "unassociatedCert": "false",
        });
        self.last_login = Some(now.0);
        self.failed_logins = 0;
        self.last_failed = None;
        let mut answer = reply(Ok(Success::Body(response)), now);
        // Two cookies of one name: the first is dead on arrival, the last is the session's.
        for value in [&replaced, &cookie] {
            answer.headers.push(set_cookie(value));
        }
        self.open.push(Session { token, cookie, used: now.0 });
        answer
    }

    fn logout(&mut self, request: &Request) -> Outcome {
        match self.session_of(request) {
            Some(index) => {
                self.open.remove(index);
                Ok(Success::nothing())
            }
            None => Err(Refusal::invalid_token()),
        }
    }

    /// `/system` speaks to strangers too, but since 5.20 it tells them no version.
    fn system(&mut self, request: &Request, now: Moment) -> Reply {
        let visitor = match self.visitor(request, now) {
            Ok(visitor) => visitor,
            Err(refusal) => return self.with_stray_cookie(request, reply(Err(refusal), now)),
        };
        let mut response = super::system::describe(IDLE_TIMEOUT);
        if visitor == Visitor::Stranger {
            response.remove("version");
        }
        let answer = reply(Ok(response.into()), now);
        self.with_stray_cookie(request, answer)
    }

    /// Who comes without a cookie gets one that is worth nothing.
    fn with_stray_cookie(&mut self, request: &Request, mut answer: Reply) -> Reply {
        if cookies(request).is_empty() {
            answer.headers.push(set_cookie(&self.cookie()));
        }
        answer
    }

    fn cookie(&mut self) -> String {
        format!("{:016x}{:016x}", self.random.u64(..), self.random.u64(..))
    }
}

struct Login {
    username: String,
    password: String,
    release: bool,
}

impl Login {
    fn read(body: &Object) -> Result<Self, Refusal> {
        let text = |key: &str| match body.get(key) {
            Some(Value::String(text)) => Ok(text.clone()),
            // A password of digits alone is often sent as a number.
            Some(value) if integer(value).is_some() => Ok(value.to_string()),
            _ => Err(Refusal::because(format!("Invalid login: '{key}' is required."))),
        };
        let release = match body.get("releaseSession") {
            None => false,
            Some(Value::Bool(release)) => *release,
            Some(_) => return Err(Refusal::because("Invalid value for attribute 'releaseSession': a boolean.")),
        };
        Ok(Self { username: text("username")?, password: text("password")?, release })
    }
}

/// The real cookie also says `secure`; a client would then never send it back over the plain HTTP of a loopback.
fn set_cookie(value: &str) -> (&'static str, String) {
    ("Set-Cookie", format!("{COOKIE}={value}; path=/; HttpOnly; SameSite=Strict"))
}

fn cookies(request: &Request) -> Vec<&str> {
    request
        .headers
        .iter()
        .filter(|(name, _)| name == "cookie")
        .flat_map(|(_, value)| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .filter(|(name, _)| *name == COOKIE)
        .map(|(_, value)| value)
        .collect()
}

/// `accesskey=...; secretkey=...;`, names in any case, the last semicolon optional.
fn keys_are_accepted(header: &str) -> bool {
    let named = |wanted: &str| {
        header
            .split(';')
            .filter_map(|pair| pair.trim().split_once('='))
            .find(|(name, _)| name.trim().eq_ignore_ascii_case(wanted))
            .map(|(_, value)| value.trim())
    };
    named("accesskey") == Some(accepted::ACCESS_KEY) && named("secretkey") == Some(accepted::SECRET_KEY)
}
