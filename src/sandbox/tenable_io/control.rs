//! Launching and steering runs.

use serde_json::json;

use super::reply::{self, Outcome};
use super::run::State;
use super::world::{MOST_ACTIVE, Scan, World};
use crate::sandbox::Request;

/// `POST /scans/{id}/launch`
pub fn launch(world: &mut World, id: &str, request: &Request, now: f64) -> Outcome {
    let body = reply::body(request)?;
    reply::only(&body, &["alt_targets", "rollover"])?;
    let targets = match body.get("alt_targets") {
        None => None,
        Some(value) => {
            let array =
                value.as_array().ok_or_else(|| reply::mistyped("payload", "alt_targets", "must be an array"))?;
            let texts: Option<Vec<&str>> = array.iter().map(serde_json::Value::as_str).collect();
            let texts = texts.ok_or_else(|| reply::mistyped("payload", "alt_targets", "must contain strings"))?;
            Some(texts.join(",")).filter(|text| !text.is_empty())
        }
    };
    if body.get("rollover").is_some_and(|value| !value.is_boolean()) {
        return Err(reply::mistyped("payload", "rollover", "must be a boolean"));
    }
    let place = controllable(world, id)?;
    let scan = world.scans.get(place).ok_or_else(reply::not_found)?;
    if !scan.control() {
        return Err(reply::error(403, "You are not authorized to perform this request"));
    }
    if scan.active() {
        return Err(conflict(&format!("Scan cannot be launched in its current status: {}", scan.status())));
    }
    if world.active() >= MOST_ACTIVE {
        return Err(reply::too_many(retry_after(world.speed)));
    }
    let uuid = world.launch(place, targets, false, now);
    reply::ok(&json!({ "scan_uuid": uuid }))
}

/// A whole number of seconds that suits the speed; the vendor's example is 30.
pub fn retry_after(speed: f64) -> u64 {
    (1..=30_u32).rev().find(|seconds| f64::from(*seconds) <= 30.0 / speed).map_or(1, u64::from)
}

fn conflict(text: &str) -> crate::sandbox::Reply {
    reply::long_error(409, "Conflict", text)
}

/// The place of a scan that the user may steer.
fn controllable(world: &World, id: &str) -> Result<usize, crate::sandbox::Reply> {
    let place = world
        .scans
        .iter()
        .position(|scan| scan.schedule_uuid == id || scan.id.to_string() == id)
        .ok_or_else(reply::not_found)?;
    if world.scans.get(place).is_some_and(|scan| scan.permissions < 32) {
        return Err(reply::insufficient());
    }
    Ok(place)
}

/// What a verb does to a run.
#[derive(Debug, Clone, Copy)]
pub enum Verb {
    Pause,
    Resume,
    Stop,
    ForceStop,
}

impl Verb {
    /// The states in which the contract allows it. It does not list `paused` for stop.
    fn allowed(self) -> &'static [State] {
        match self {
            Self::Pause => &[State::Running],
            Self::Resume => &[State::Paused],
            Self::Stop => &[State::Pending, State::Running, State::Resuming],
            Self::ForceStop => &[State::Stopping, State::Publishing],
        }
    }

    fn leads_to(self) -> State {
        match self {
            Self::Pause => State::Pausing,
            Self::Resume => State::Resuming,
            Self::Stop => State::Stopping,
            Self::ForceStop => State::Aborted,
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Pause => "paused",
            Self::Resume => "resumed",
            Self::Stop => "stopped",
            Self::ForceStop => "force-stopped",
        }
    }
}

fn apply(scan: &mut Scan, verb: Verb, now: f64) -> Outcome {
    let status = scan.status();
    let refusal = || conflict(&format!("Scan cannot be {} in its current status: {status}", verb.word()));
    let run = scan.runs.last_mut().ok_or_else(refusal)?;
    if !verb.allowed().contains(&run.state) {
        return Err(refusal());
    }
    run.enter(verb.leads_to(), now);
    reply::empty()
}

/// `POST /scans/{id}/pause|resume|stop|force-stop`
pub fn steer(world: &mut World, id: &str, verb: Verb, request: &Request, now: f64) -> Outcome {
    reply::only(&reply::body(request)?, &[])?;
    // Force-stop is documented for schedule UUIDs alone.
    if matches!(verb, Verb::ForceStop) && id.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(reply::not_found());
    }
    let place = controllable(world, id)?;
    let scan = world.scans.get_mut(place).ok_or_else(reply::not_found)?;
    apply(scan, verb, now)
}

/// `POST /scanners/{scanner}/scans/{run}/control`
pub fn by_scanner(world: &mut World, scanner: &str, run: &str, request: &Request, now: f64) -> Outcome {
    let body = reply::body(request)?;
    let verb = match body.get("action").and_then(serde_json::Value::as_str) {
        Some("pause") => Verb::Pause,
        Some("resume") => Verb::Resume,
        Some("stop") => Verb::Stop,
        _ => return Err(reply::mistyped("payload", "action", "must be one of [pause, resume, stop]")),
    };
    let scan = world
        .scans
        .iter_mut()
        .find(|scan| scan.scanner() == scanner && scan.latest().is_some_and(|latest| latest.uuid == run))
        .ok_or_else(reply::not_found)?;
    if scan.permissions < 32 {
        return Err(reply::insufficient());
    }
    apply(scan, verb, now)?;
    reply::ok(&json!({}))
}
