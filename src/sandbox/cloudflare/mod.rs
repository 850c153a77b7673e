//! Simulated Cloudforce One port scans of Cloudflare, under `/client/v4`.
//!
//! What it keeps of the vendor: a scheduler that is declared, not driven. There are configs and their latest result,
//! and no run, state, time stamp or name; creating answers 200, deleting answers 200 with a body; a finished scan
//! without an open port looks like one that has not finished; lists come in an order of their own.
//!
//! It serves one account, [`ACCOUNT`]. [`UNENTITLED_ACCOUNT`] exists but was not sold this service, which fails in the
//! shape of a wrong token. No address in 198.51.100.0/24 ever has an open port.
//!
//! It is not a simulation of anything else of Cloudflare: no zones, no other scanners, no paging.

mod config;
mod envelope;
mod limits;
mod scan;

#[cfg(test)]
mod tests;

use crate::sandbox::{Moment, Reply, Request, Vendor, accepted};
use config::Configs;
use envelope::{code, failure, failure_at, success, success_with_strings};
use limits::Budget;
use serde_json::{Value, json};

/// The account that is served.
pub const ACCOUNT: &str = "0123456789abcdef0123456789abcdef";
/// An account that lacks the entitlement to port scans.
pub const UNENTITLED_ACCOUNT: &str = "fedcba9876543210fedcba9876543210";
/// The e-mail address that goes with a Global API key.
pub const EMAIL: &str = "user@example.com";

/// A reply on both sides, so that `?` ends a request with the vendor's refusal.
type Outcome = Result<Reply, Reply>;

/// Simulated Cloudforce One scans.
pub struct Cloudflare {
    speed: f64,
    configs: Option<Configs>,
    budget: Budget,
}

/// How a request proved who sent it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Identity {
    Token,
    Key,
}

impl Cloudflare {
    /// An account with a few configs, whose scans are `speed` times faster and more frequent than told.
    pub fn new(speed: f64) -> Self {
        Self { speed, configs: None, budget: Budget::default() }
    }

    fn serve(&mut self, request: &Request, now: f64) -> Outcome {
        let segments = request.segments();
        let ["client", "v4", path @ ..] = segments.as_slice() else { return Err(no_route()) };
        let identity = identify(request)?;
        match path {
            ["user", "tokens", "verify"] => verify(request, identity),
            ["accounts", account, "tokens", "verify"] => {
                check_account(account)?;
                verify(request, identity)
            }
            ["accounts", account, "cloudforce-one", "scans", rest @ ..] => {
                check_account(account)?;
                if *account == UNENTITLED_ACCOUNT {
                    let message = "Authentication error: this account needs the cfone.port_scan entitlement";
                    return Err(failure(403, code::AUTHENTICATION, message));
                }
                let speed = if self.speed.is_finite() && self.speed > 0.0 { self.speed } else { 1.0 };
                let configs = self.configs.get_or_insert_with(|| Configs::seeded(now, speed));
                scans(configs, request, rest, now)
            }
            _ => Err(no_route()),
        }
    }
}

impl Vendor for Cloudflare {
    fn answer(&mut self, request: &Request, now: Moment) -> Reply {
        if let Some(blocked) = self.budget.spend(now.0) {
            return blocked;
        }
        let mut reply = self.serve(request, now.0).unwrap_or_else(|refusal| refusal);
        reply.headers.extend(self.budget.headers(now.0));
        reply
    }

    fn fault(&self, status: u16) -> Reply {
        match status {
            429 => limits::throttled(limits::SHORT_WAIT_SECONDS),
            other => envelope::gateway(other),
        }
    }
}

/// The five operations, and the methods that look as if they existed.
fn scans(configs: &mut Configs, request: &Request, path: &[&str], now: f64) -> Outcome {
    match (request.method.as_str(), path) {
        ("GET", ["config"]) => Ok(success(&configs.list())),
        ("POST", ["config"]) => {
            let wanted = config::Wanted::parse(&request.body).map_err(|problem| invalid(&problem))?;
            configs.create(wanted, now).map(|created| success(&created)).map_err(|problem| invalid(&problem))
        }
        ("PATCH", ["config", id]) => {
            let wanted = config::Wanted::parse(&request.body).map_err(|problem| invalid(&problem))?;
            configs.update(id, wanted, now).map(|updated| success(&updated)).ok_or_else(no_config)
        }
        ("DELETE", ["config", id]) => {
            configs.delete(id).then(|| success_with_strings(&json!({}), &["Scan config deleted"])).ok_or_else(no_config)
        }
        // Nothing found and nothing finished are both an empty map.
        ("GET", ["results", id]) => {
            let result = configs.result(id, now).ok_or_else(no_config)?;
            Ok(success_with_strings(&result.unwrap_or_else(|| json!({})), &[]))
        }
        (method, ["config"] | ["config" | "results", _]) => {
            let message = format!("Method {method} not available for that URI");
            let mut refused = failure(405, code::NO_METHOD, &message);
            let allowed = match path {
                ["config"] => "GET, POST",
                ["config", _] => "PATCH, DELETE",
                _ => "GET",
            };
            refused.headers.push(("Allow", allowed.to_owned()));
            Err(refused)
        }
        _ => Err(no_route()),
    }
}

/// A good token is told by a *message* of the very code that stands for failed authentication among *errors*.
fn verify(request: &Request, identity: Identity) -> Outcome {
    if request.method != "GET" {
        return Err(failure(405, code::NO_METHOD, &format!("Method {} not available for that URI", request.method)));
    }
    if identity == Identity::Key {
        return Err(failure(400, code::BAD_HEADERS, "Invalid request headers"));
    }
    let envelope = json!({
        "success": true,
        "errors": [],
        "messages": [{"code": code::AUTHENTICATION, "message": "This API Token is valid and active", "type": null}],
        "result": {"id": "f4d1c0a9b8e7463fa5d2e1c3b4a59687", "status": "active"},
    });
    Ok(envelope::json(200, &envelope))
}

/// A token, or the e-mail address and Global API key together; never both.
fn identify(request: &Request) -> Result<Identity, Reply> {
    let (email, key) = (request.header("x-auth-email"), request.header("x-auth-key"));
    match (request.header("authorization"), email, key) {
        (Some(_), Some(_), _) | (Some(_), _, Some(_)) => {
            Err(failure(400, code::BAD_HEADERS, "Invalid request headers"))
        }
        (Some(header), None, None) => match header.split_once(' ') {
            Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") && !token.trim().is_empty() => {
                if token == accepted::TOKEN {
                    Ok(Identity::Token)
                } else {
                    Err(failure(401, code::AUTHENTICATION, "Authentication error"))
                }
            }
            _ => Err(failure(400, code::BAD_HEADERS, "Invalid request headers")),
        },
        (None, Some(email), Some(key)) if email == EMAIL && key == accepted::SECRET_KEY => Ok(Identity::Key),
        (None, Some(_), Some(_)) => Err(failure(400, code::UNKNOWN_KEY, "Unknown X-Auth-Key or X-Auth-Email")),
        (None, _, _) => {
            let message = "Missing X-Auth-Key, X-Auth-Email or Authorization headers";
            Err(failure(400, code::MISSING_KEY, message))
        }
    }
}

fn check_account(account: &str) -> Result<(), Reply> {
    let is_identifier = account.len() == 32 && account.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    match account {
        ACCOUNT | UNENTITLED_ACCOUNT => Ok(()),
        _ if is_identifier => Err(failure(403, code::UNAUTHORIZED, "Unauthorized to access requested resource")),
        _ => {
            let message = format!("Could not route to /accounts/{account}, perhaps the object identifier is invalid");
            Err(failure(404, code::NO_ROUTE, &message))
        }
    }
}

fn no_route() -> Reply {
    failure(404, code::NO_ROUTE, "No route for the URI")
}

fn no_config() -> Reply {
    failure(404, code::NO_CONFIG, "Scan config not found")
}

fn invalid(problem: &config::Problem) -> Reply {
    failure_at(400, code::INVALID, &problem.message, problem.pointer)
}

/// The account's id as a JSON value of a config.
fn account() -> Value {
    Value::from(ACCOUNT)
}
