//! A simulated Juniper JSA console: the vulnerability scanner's REST API under `/api`, and what stands around it.
//!
//! What it keeps of the vendor: a start that names no run, runs without a state, successes in plain text beside
//! failures in JSON, ids that creation does not return, targets that cannot be read back, four ways to say a time.
//! What nobody documents (words of states, how long a scan takes, codes of the framework) is chosen here so that a
//! client which relies on it breaks.
//!
//! The console serves API versions 15.0 to 20.0. Up to 19.0 nothing is marked deprecated; from 20.0 on the scanner
//! endpoints are, so that both sides of that change can be rehearsed on one console. [`Juniper::end_of_life`] is a
//! console after the end of the scanner: 24.0 to 26.0, without the newer way to create profiles.
//!
//! It is not a simulation of the SIEM: no offenses, no Ariel, no reference data, and of `/services` only port scans.

mod asset_model;
mod catalogue;
mod filter;
mod help;
mod java;
mod port_scans;
mod query;
mod reply;
mod saved_searches;
mod scanner;
mod targets;
mod world;

#[cfg(test)]
mod tests;

use crate::sandbox::{Moment, Reply, Request, Vendor, accepted};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reply::{code, error};

/// A reply on both sides, so that `?` ends an endpoint with the vendor's refusal.
type Outcome = Result<Reply, Reply>;

/// A simulated JSA console.
pub struct Juniper {
    speed: f64,
    releases: Releases,
    state: Option<State>,
}

/// The API versions a console knows, all of them `N.0`.
#[derive(Debug, Clone, Copy)]
struct Releases {
    oldest: u32,
    oldest_current: u32,
    newest: u32,
}

/// Everything that changes, made when the first request tells what time it is.
struct State {
    world: world::World,
    searches: saved_searches::Searches,
    port_scans: port_scans::PortScans,
}

impl Juniper {
    /// A console with a few profiles and a history of runs, whose states last `speed` times shorter than recorded.
    pub fn new(speed: f64) -> Self {
        Self { speed, releases: Releases { oldest: 15, oldest_current: 15, newest: 20 }, state: None }
    }

    /// A console so new that API 17.0 is removed from it and profiles can only be created by the old form.
    pub fn end_of_life(speed: f64) -> Self {
        Self { speed, releases: Releases { oldest: 23, oldest_current: 24, newest: 26 }, state: None }
    }

    fn serve(&mut self, request: &Request, now: f64) -> Outcome {
        let segments = request.segments();
        let Some(("api", path)) = segments.split_first().map(|(first, rest)| (*first, rest)) else {
            return Err(reply::html(404, "Not Found"));
        };
        authenticate(request)?;
        let version = self.releases.resolve(request.header("version"))?;
        let speed = if self.speed.is_finite() && self.speed > 0.0 { self.speed } else { 1.0 };
        let state = self.state.get_or_insert_with(|| State {
            world: world::World::seeded(now, speed),
            searches: saved_searches::Searches::seeded(speed),
            port_scans: port_scans::PortScans::new(speed),
        });
        if let Some(refusal) = help::refusal(request, path, version) {
            return Err(refusal);
        }
        let mut answered = match path {
            ["scanner", rest @ ..] => scanner::answer(&mut state.world, request, rest, now),
            ["qvm", rest @ ..] => saved_searches::answer(&mut state.searches, &state.world, request, rest, now),
            ["services", "port_scans", rest @ ..] => port_scans::answer(&mut state.port_scans, request, rest, now),
            ["help", rest @ ..] => help::answer(self.releases, request, rest),
            _ => Err(reply::no_endpoint(request)),
        };
        if let Some(message) = help::deprecation(&request.method, path, version, self.releases) {
            let (Ok(reply) | Err(reply)) = &mut answered;
            reply.headers.push(("Deprecated", message));
        }
        answered
    }
}

impl Vendor for Juniper {
    fn answer(&mut self, request: &Request, now: Moment) -> Reply {
        self.serve(request, now.0).unwrap_or_else(|refusal| refusal)
    }

    fn fault(&self, status: u16) -> Reply {
        match status {
            // The one documented overload answer of this API; a 429 is nowhere in it and can only be a proxy's.
            500 => error(500, code::SCAN_CONDITIONS, "Too many scan requests have been made. Try again later."),
            429 => reply::html(429, "Too Many Requests"),
            other => reply::html(other, "Error"),
        }
    }
}

impl Releases {
    /// The version that answers. What does not exist is rounded down without a word, what was removed is refused.
    fn resolve(self, asked: Option<&str>) -> Result<u32, Reply> {
        let Some(asked) = asked else { return Ok(self.newest) };
        let (major, minor) = asked.trim().split_once('.').unwrap_or((asked.trim(), "0"));
        let (Ok(major), Ok(_minor)) = (major.parse::<u32>(), minor.parse::<u32>()) else {
            let message =
                format!("The Version header \"{asked}\" is not an API version. Expected a form such as 17.0.");
            return Err(error(422, code::WRONG_TYPE, &message));
        };
        if major < self.oldest {
            let message =
                format!("API version {asked} has been removed from this console. The oldest is {}.0.", self.oldest);
            return Err(error(422, code::REMOVED_VERSION, &message));
        }
        Ok(major.min(self.newest))
    }
}

fn authenticate(request: &Request) -> Result<(), Reply> {
    if let Some(token) = request.header("sec") {
        return if token == accepted::TOKEN {
            Ok(())
        } else {
            Err(error(401, code::UNAUTHORIZED, "The SEC token in the request is not valid, or has expired."))
        };
    }
    let Some(header) = request.header("authorization") else {
        let message = "No SEC header present in request. Send \"SEC: token\", or Basic credentials where allowed.";
        return Err(error(401, code::UNAUTHORIZED, message));
    };
    let decoded = header
        .split_once(' ')
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("basic"))
        .and_then(|(_, encoded)| STANDARD.decode(encoded.trim()).ok());
    let expected = format!("{}:{}", accepted::USER, accepted::PASSWORD);
    if decoded.is_some_and(|pair| pair == expected.as_bytes()) {
        Ok(())
    } else {
        Err(error(401, code::UNAUTHORIZED, "The user name or password is not correct."))
    }
}
