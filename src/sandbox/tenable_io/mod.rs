//! Tenable Vulnerability Management, simulated: scans, runs, exports, the editor and what stands around them.
//!
//! One folder a topic: `world` holds the state, `run` lets it move, `reply` knows the shapes of answers, `view` turns a
//! run into hosts and rows, and the others answer calls. Not for Nessus itself, whose API differs in many places.

mod account;
mod control;
mod editor;
mod export;
mod filters;
mod formats;
mod imported;
mod policies;
mod reply;
mod results;
mod run;
mod scanners;
mod scans;
mod seeds;
mod upload;
mod view;
mod world;
mod zones;

use std::cell::RefCell;

use self::control::Verb;
use self::reply::Outcome;
use self::world::World;
use super::{Moment, Reply, Request, Vendor, accepted};

/// The simulated vendor.
pub struct TenableIo {
    speed: f64,
    // Made at the first request: past runs are dated back from then.
    world: Option<World>,
    // In a cell, since faults have request numbers too and borrow the vendor shared.
    requests: RefCell<fastrand::Rng>,
}

impl TenableIo {
    /// A new container; `speed` divides how long states last.
    pub fn new(speed: f64) -> Self {
        Self { speed, world: None, requests: RefCell::new(fastrand::Rng::with_seed(0x7e4a_b1e0)) }
    }
}

impl Vendor for TenableIo {
    fn answer(&mut self, request: &Request, now: Moment) -> Reply {
        let now = now.0;
        let speed = self.speed;
        let world = self.world.get_or_insert_with(|| seeds::world(speed, now));
        world.advance(now);
        let outcome = authorize(world, request).and_then(|()| route(world, request, now));
        let mut reply = outcome.unwrap_or_else(|refusal| refusal);
        reply.headers.extend(gateway_headers(self.requests.get_mut()));
        reply
    }

    fn fault(&self, status: u16) -> Reply {
        let mut reply = match status {
            429 => reply::too_many(control::retry_after(self.speed)),
            _ => reply::long_error(
                status,
                "Internal Server Error",
                "An internal server error occurred. Please wait a moment and try your request again.",
            ),
        };
        reply.headers.extend(gateway_headers(&mut self.requests.borrow_mut()));
        reply
    }
}

/// What the gateway adds to every answer, good or bad.
fn gateway_headers(requests: &mut fastrand::Rng) -> Vec<(&'static str, String)> {
    let cookie = || ("Set-Cookie", "nginx-cloud-site-id=sandbox; path=/; HttpOnly; SameSite=Strict; Secure".to_owned());
    vec![
        ("X-Request-Uuid", format!("{:032x}", requests.u128(..))),
        ("X-Gateway-Site-ID", "nginx-router-sandbox".to_owned()),
        ("Server", "tenable.io".to_owned()),
        ("Cache-Control", "no-cache".to_owned()),
        ("Strict-Transport-Security", "max-age=63072000; includeSubDomains".to_owned()),
        ("X-Content-Type-Options", "nosniff".to_owned()),
        cookie(),
        cookie(),
    ]
}

/// Keys in one header, or the cookie of an old login. `POST /session` needs neither.
fn authorize(world: &World, request: &Request) -> Result<(), Reply> {
    if request.method == "POST" && request.segments() == ["session"] {
        return Ok(());
    }
    if let Some(keys) = request.header("x-apikeys") {
        let key = |name: &str| {
            let mut parts = keys.split(';').filter_map(|part| part.trim().split_once('='));
            parts.find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
        };
        match (key("accessKey"), key("secretKey")) {
            (Some(accepted::ACCESS_KEY), Some(accepted::SECRET_KEY)) => {}
            (Some(_), Some(_)) => return Err(unknown_keys()),
            _ => return Err(reply::long_error(401, "Unauthorized", "Invalid credentials.")),
        }
    } else {
        let token =
            session_token(request).ok_or_else(|| reply::long_error(401, "Unauthorized", "Missing authentication"))?;
        if !world.sessions.iter().any(|known| known == token) {
            return Err(reply::long_error(401, "Unauthorized", "Invalid credentials."));
        }
    }
    match request.header("x-impersonate").and_then(|text| text.strip_prefix("username=")) {
        Some(user) if user != world::OWNER && user != world::COLLEAGUE => {
            Err(reply::long_error(403, "Forbidden", "Forbidden"))
        }
        _ => Ok(()),
    }
}

fn session_token(request: &Request) -> Option<&str> {
    request
        .header("x-cookie")
        .and_then(|cookie| cookie.trim().strip_prefix("token="))
        .map(|token| token.trim_end_matches(';'))
}

/// Keys that no container knows are answered by another part of the gateway, in plain text and under a wrong type.
fn unknown_keys() -> Reply {
    let text = "This scanner, agent, or API key token does not appear to be related to any active containers on any \
        sites and has been blacklisted.";
    Reply {
        status: 401,
        headers: vec![
            ("Content-Type", "application/octet-stream".to_owned()),
            ("X-Path-Handler", "blacklisted".to_owned()),
        ],
        body: text.as_bytes().to_vec(),
    }
}

fn route(world: &mut World, request: &Request, now: f64) -> Outcome {
    let segments = request.segments();
    match segments.first() {
        Some(&"scans") => scans(world, request, &segments, now),
        Some(&"editor") => editor(world, request, &segments),
        Some(&"scanners") => scanners(world, request, &segments, now),
        Some(&"policies") => policies(world, request, &segments, now),
        _ => others(world, request, &segments, now),
    }
}

fn scans(world: &mut World, request: &Request, segments: &[&str], now: f64) -> Outcome {
    match (request.method.as_str(), segments) {
        ("GET", ["scans"]) => scans::list(world, request, now),
        ("POST", ["scans"]) => scans::create(world, request, false, now),
        ("GET", ["scans", "count"]) => scans::count(world, request),
        ("GET", ["scans", "timezones"]) => account::timezones(),
        ("GET", ["scans", "exports"]) => export::recent(world, request, now),
        ("GET", ["scans", "remediation"]) => scans::remediations(world, request, now),
        ("POST", ["scans", "remediation"]) => scans::create(world, request, true, now),
        ("POST", ["scans", "import"]) => upload::import(world, request, now),
        ("POST", ["scans", "check-auto-targets"]) => scans::check_targets(request),
        ("GET", ["scans", id]) => results::details(world, id, request, now),
        ("PUT", ["scans", id]) => scans::update(world, id, request, now),
        ("DELETE", ["scans", id]) => scans::delete(world, id),
        ("POST", ["scans", id, "launch"]) => control::launch(world, id, request, now),
        ("POST", ["scans", id, "pause"]) => control::steer(world, id, Verb::Pause, request, now),
        ("POST", ["scans", id, "resume"]) => control::steer(world, id, Verb::Resume, request, now),
        ("POST", ["scans", id, "stop"]) => control::steer(world, id, Verb::Stop, request, now),
        ("POST", ["scans", id, "force-stop"]) => control::steer(world, id, Verb::ForceStop, request, now),
        ("POST", ["scans", id, "copy"]) => scans::copy(world, id, request, now),
        ("PUT", ["scans", id, "schedule"]) => scans::schedule(world, id, request),
        ("PUT", ["scans", id, "status"]) => scans::mark(world, id, request),
        ("PUT", ["scans", id, "folder"]) => scans::move_to(world, id, request),
        ("GET", ["scans", id, "latest-status"]) => results::latest_status(world, id),
        ("GET", ["scans", id, "progress"]) => results::progress(world, id, request, now),
        ("GET", ["scans", id, "history"]) => results::history(world, id, request, now),
        ("GET", ["scans", id, "history", run]) => results::one_run(world, id, run, now),
        ("DELETE", ["scans", id, "history", run]) => results::delete_run(world, id, run, request),
        ("GET", ["scans", id, "hosts", host]) => results::host(world, id, host, request, now),
        ("GET", ["scans", id, "hosts", host, "plugins", plugin]) => {
            results::plugin_output(world, id, host, plugin, request, now)
        }
        ("GET", ["scans", id, "attachments", _]) => results::attachment(world, id, request),
        ("POST", ["scans", id, "export"]) => export::request(world, id, request, now),
        ("GET", ["scans", id, "export", file, "status"]) => export::status(world, id, file, request, now),
        ("GET", ["scans", id, "export", file, "download"]) => export::download(world, id, file, request, now),
        ("POST", ["scans", id, "credentials", credential, "upgrade"]) => {
            scans::upgrade_credential(world, id, credential, request)
        }
        _ => Err(unknown(segments)),
    }
}

fn editor(world: &World, request: &Request, segments: &[&str]) -> Outcome {
    match (request.method.as_str(), segments) {
        ("GET", ["editor", of, "templates"]) => editor::templates(of),
        ("GET", ["editor", of, "templates", uuid]) => editor::template(of, uuid),
        ("GET", ["editor", "scan", "policy", id]) => editor::from_policy(world, id),
        ("GET", ["editor", "scan", "policy", id, "families", family]) => editor::family(world, "policy", id, family),
        ("GET", ["editor", of, id]) => editor::object(world, of, id),
        ("GET", ["editor", of, id, "families", family]) => editor::family(world, of, id, family),
        ("GET", ["editor", of, id, "families", family, "plugins", plugin]) => {
            editor::plugin(world, of, id, family, plugin)
        }
        ("GET", ["editor", of, id, "audits", file]) => editor::audit(world, of, id, file),
        _ => Err(unknown(segments)),
    }
}

fn scanners(world: &mut World, request: &Request, segments: &[&str], now: f64) -> Outcome {
    match (request.method.as_str(), segments) {
        ("GET", ["scanners"]) => scanners::list(world, now),
        ("GET", ["scanners", id]) => scanners::details(world, id, now),
        ("PUT", ["scanners", id] | ["scanners", id, "link"]) => scanners::edit(id, request),
        ("DELETE", ["scanners", id]) => scanners::delete(id),
        ("GET", ["scanners", id, "key"]) => scanners::key(id),
        ("GET", ["scanners", id, "aws-targets"]) => scanners::aws_targets(id),
        ("GET", ["scanners", id, "scans"]) => scanners::live(world, id),
        ("POST", ["scanners", id, "scans", run, "control"]) => scanners::control(world, id, run, request, now),
        _ => Err(unknown(segments)),
    }
}

fn policies(world: &mut World, request: &Request, segments: &[&str], now: f64) -> Outcome {
    match (request.method.as_str(), segments) {
        ("GET", ["policies"]) => policies::list(world),
        ("POST", ["policies"]) => policies::create(world, request, now),
        ("POST", ["policies", "import"]) => policies::import(world, request, now),
        ("GET", ["policies", id]) => policies::details(world, id),
        ("PUT", ["policies", id]) => policies::update(world, id, request, now),
        ("DELETE", ["policies", id]) => policies::delete(world, id),
        ("POST", ["policies", id, "copy"]) => policies::copy(world, id, now),
        ("GET", ["policies", id, "export"]) => policies::export(world, id),
        _ => Err(unknown(segments)),
    }
}

fn others(world: &mut World, request: &Request, segments: &[&str], now: f64) -> Outcome {
    match (request.method.as_str(), segments) {
        ("GET", ["session"]) => account::session(world, now),
        ("PUT", ["session"]) => account::edit_session(world, request),
        ("POST", ["session"]) => account::login(world, request),
        ("DELETE", ["session"]) => account::logout(world, session_token(request)),
        ("PUT", ["session", "chpasswd"]) => account::change_password(request),
        ("PUT", ["session", "keys"]) => account::keys(),
        ("PUT", ["session", "two-factor"])
        | ("POST", ["session", "two-factor", "send-verification" | "verify-code"]) => account::two_factor(request),
        ("GET", ["server", "properties"]) => account::properties(now),
        ("GET", ["server", "status"]) => account::status(),
        ("GET", ["folders"]) => account::folders(world),
        ("POST", ["folders"]) => account::create_folder(world, request),
        ("PUT", ["folders", id]) => account::rename_folder(world, id, request),
        ("DELETE", ["folders", id]) => account::delete_folder(world, id),
        ("GET", ["filters", "scans", "reports"]) => account::report_filters(),
        ("GET", ["filters", "scans", "reports", "history"]) => account::history_filters(),
        ("POST", ["file", "upload"]) => upload::file(world, request),
        ("GET", ["permissions", "scanner", id]) => scanners::permissions(world, id),
        ("PUT", ["permissions", "scanner", id]) => scanners::change_permissions(world, id, request),
        _ => Err(unknown(segments)),
    }
}

/// A path that exists with another method, or none at all.
fn unknown(segments: &[&str]) -> Reply {
    let exists = match segments {
        ["scans" | "folders" | "policies" | "scanners" | "session"] => true,
        ["scans" | "folders" | "policies" | "scanners", _] => true,
        ["scans", _, verb] => matches!(
            *verb,
            "launch"
                | "pause"
                | "resume"
                | "stop"
                | "force-stop"
                | "copy"
                | "schedule"
                | "status"
                | "folder"
                | "latest-status"
                | "progress"
                | "history"
                | "export"
        ),
        ["scans", _, "history" | "hosts", _] => true,
        _ => false,
    };
    if exists {
        reply::long_error(405, "Method Not Allowed", "Method Not Allowed")
    } else {
        reply::long_error(404, "Not Found", "Not Found")
    }
}

#[cfg(test)]
mod tests;
