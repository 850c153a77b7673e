//! The scanner's endpoints, under `/scanner`.

use super::reply::{self, body, code, error, integer, no_endpoint};
use super::world::{Profile, Started, World};
use super::{Outcome, catalogue, query, targets};
use crate::sandbox::{Reply, Request};
use query::Takes;
use serde_json::{Map, Value};

const PROFILE_FIELDS: &str = "scanProfileId,scanProfileName,description,scanType,scannerName,schedule,status,progress,\
    endTime(date,day,hours,minutes,month,seconds,time,timezoneOffset,year),\
    duration(days,hours,microSeconds,minutes,months,null,seconds,type,value,wholeSeconds,years)";
const RUN_FIELDS: &str = "id,scan_profile_id,start_time,end_time";
const RESULT_FIELDS: &str = "ip_address,hostname,port,vulnerability,exposure_id,cve_ids,base_score,temporal_score,\
    open_services,critical_details,informative_details";

/// Answers `/scanner/…`.
pub(super) fn answer(world: &mut World, request: &Request, path: &[&str], now: f64) -> Outcome {
    match (request.method.as_str(), path) {
        ("GET", ["profiles"]) => Ok(reply::json(200, &world.profiles.iter().map(Profile::brief).collect())),
        ("POST", ["profiles", "create"]) => create(world, request, Form::Old),
        ("POST", ["profiles", "start"]) => start_old(world, request, now),
        ("GET", ["scanprofiles"]) => {
            let all = world.profiles.iter().map(|profile| profile.full(now)).collect();
            query::list(request, all, PROFILE_FIELDS, Takes::All)
        }
        ("POST", ["scanprofiles"]) => create(world, request, Form::New),
        // One profile is a list of one, and an unknown id a list of none: no 404 is documented here.
        ("GET", ["scanprofiles", id]) => {
            let id = integer(id, "profileid")?;
            let found = world.profile(id).map(|profile| profile.full(now));
            query::list(request, found.into_iter().collect(), PROFILE_FIELDS, Takes::All)
        }
        ("POST", ["scanprofiles", id]) => update(world, request, integer(id, "profileid")?),
        ("DELETE", ["scanprofiles", id]) => {
            let id = integer(id, "profileid")?;
            let profile = world.profile(id).map(|profile| profile.id).ok_or_else(|| conditions(&no_profile(id)))?;
            world.profiles.retain(|kept| kept.id != profile);
            Ok(reply::empty(204))
        }
        ("POST", ["scanprofiles", id, "start"]) => {
            let id = integer(id, "profileid")?;
            let hosts = override_of(request)?;
            start(world, id, &hosts, 202, now)
        }
        ("GET", ["scanprofiles", id, "runs"]) => {
            let profile = known(world, id)?;
            let runs = profile.runs(now).iter().map(|run| run.object(profile.id, now)).collect();
            query::list(request, runs, RUN_FIELDS, Takes::RangeAndFields)
        }
        ("GET", ["scanprofiles", id, "runs", run]) => {
            let profile = known(world, id)?;
            let run = integer(run, "run_id")?;
            let found = profile.run(run, now).ok_or_else(|| no_run(profile.id, run))?;
            query::one(request, 200, &found.object(profile.id, now), RUN_FIELDS)
        }
        ("GET", ["scanprofiles", id, "runs", run, "results"]) => {
            let profile = known(world, id)?;
            let run = integer(run, "run_id")?;
            let found = profile.run(run, now).ok_or_else(|| no_run(profile.id, run))?;
            if found.is_going(now) {
                let message = format!("Run {run} of scan profile {} has not finished.", profile.id);
                return Err(error(422, code::NOT_PERMITTED, &message));
            }
            let rows = catalogue::scan(&found.addresses, run).iter().map(catalogue::Found::row).collect();
            query::list(request, rows, RESULT_FIELDS, Takes::RangeAndFields)
        }
        _ => Err(no_endpoint(request)),
    }
}

/// The two documented ways to create a profile. They name the addresses differently and fail differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// `POST /scanner/profiles/create` with `ips`, refusing with the non-standard status 419.
    Old,
    /// `POST /scanner/scanprofiles` with `hosts`.
    New,
}

impl Form {
    fn addresses(self) -> &'static str {
        match self {
            Self::Old => "ips",
            Self::New => "hosts",
        }
    }

    fn refuse(self, message: &str) -> Reply {
        match self {
            Self::Old => error(419, code::LEGACY_PARAMETER, message),
            Self::New => conditions(message),
        }
    }
}

/// The answer names neither the new id nor anything it could be read from.
fn create(world: &mut World, request: &Request, form: Form) -> Outcome {
    let refuse = |message: String| form.refuse(&message);
    let Some(value) = body(request)? else { return Err(refuse("The scan profile is missing.".to_owned())) };
    let mut members = object(value, &["name", "description", form.addresses()]).map_err(refuse)?;
    let name = text(&mut members, "name").map_err(refuse)?.filter(|name| !name.trim().is_empty());
    let name = name.ok_or_else(|| refuse("A scan profile needs a name.".to_owned()))?;
    let description = text(&mut members, "description").map_err(refuse)?.unwrap_or_default();
    let hosts = hosts(&mut members, form.addresses()).map_err(refuse)?;
    let hosts = hosts.ok_or_else(|| refuse(format!("A scan profile needs \"{}\".", form.addresses())))?;
    world.create(name, description, hosts);
    Ok(reply::text(200, "The scan profile was created."))
}

/// An update with addresses replaces the ones there were.
fn update(world: &mut World, request: &Request, id: i64) -> Outcome {
    let refuse = |message: String| conditions(&message);
    let Some(value) = body(request)? else { return Err(refuse("The scan profile is missing.".to_owned())) };
    let mut members = object(value, &["name", "description", "ips"]).map_err(refuse)?;
    let name = text(&mut members, "name").map_err(refuse)?;
    let description = text(&mut members, "description").map_err(refuse)?;
    let hosts = hosts(&mut members, "ips").map_err(refuse)?;
    let profile = world.profile_mut(id).ok_or_else(|| refuse(no_profile(id)))?;
    profile.name = name.unwrap_or_else(|| std::mem::take(&mut profile.name));
    profile.description = description.unwrap_or_else(|| std::mem::take(&mut profile.description));
    profile.hosts = hosts.unwrap_or_else(|| std::mem::take(&mut profile.hosts));
    Ok(reply::json(202, &Value::from("The scan profile was updated.")))
}

fn start(world: &mut World, id: i64, hosts: &[String], status: u16, now: f64) -> Outcome {
    match world.start(id, hosts, now) {
        Some(Started::Accepted) => Ok(reply::text(status, "The scan was started.")),
        Some(Started::AlreadyGoing) => {
            Err(error(422, code::NOT_PERMITTED, &format!("A scan of scan profile {id} is already in progress.")))
        }
        None => Err(error(422, code::NOT_PERMITTED, &no_profile(id))),
    }
}

/// The old form takes the id from the query alone and answers 200 where the new one answers 202.
fn start_old(world: &mut World, request: &Request, now: f64) -> Outcome {
    let Some(id) = request.parameter("scanProfileId") else {
        let message = "Missing required parameter \"scanProfileId\" from query parameters";
        return Err(error(422, code::MISSING_PARAMETER, message));
    };
    let id = id.parse().map_err(|_| error(422, code::NOT_PERMITTED, &format!("There is no scan profile \"{id}\".")))?;
    start(world, id, &[], 200, now)
}

/// The addresses in the body of a start: the bare list, not an object around it.
fn override_of(request: &Request) -> Result<Vec<String>, Reply> {
    let Some(value) = body(request)? else { return Ok(Vec::new()) };
    let hosts = serde_json::from_value::<Vec<String>>(value)
        .map_err(|_| error(422, code::WRONG_TYPE, "The body is not of type JSON array of strings."))?;
    targets::check(&hosts).map_err(|message| error(422, code::NOT_PERMITTED, &message))?;
    Ok(hosts)
}

fn object(value: Value, allowed: &[&str]) -> Result<Map<String, Value>, String> {
    let Value::Object(members) = value else { return Err("The scan profile is not a JSON object.".to_owned()) };
    match members.keys().find(|name| !allowed.contains(&name.as_str())) {
        Some(stranger) => Err(format!("A scan profile has no member \"{stranger}\".")),
        None => Ok(members),
    }
}

fn text(members: &mut Map<String, Value>, name: &str) -> Result<Option<String>, String> {
    match members.remove(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(format!("\"{name}\" is not a string.")),
    }
}

fn hosts(members: &mut Map<String, Value>, name: &str) -> Result<Option<Vec<String>>, String> {
    let Some(value) = members.remove(name) else { return Ok(None) };
    let hosts =
        serde_json::from_value::<Vec<String>>(value).map_err(|_| format!("\"{name}\" is not a list of strings."))?;
    if hosts.is_empty() {
        return Err(format!("\"{name}\" is empty."));
    }
    targets::check(&hosts)?;
    Ok(Some(hosts))
}

fn known<'world>(world: &'world World, id: &str) -> Result<&'world Profile, Reply> {
    let id = integer(id, "profileid")?;
    world.profile(id).ok_or_else(|| error(404, code::NOT_FOUND, &no_profile(id)))
}

fn no_profile(id: i64) -> String {
    format!("There is no scan profile {id}.")
}

fn no_run(profile: i64, run: i64) -> Reply {
    error(404, code::NOT_FOUND, &format!("Scan profile {profile} has no run {run}."))
}

fn conditions(message: &str) -> Reply {
    error(500, code::SCAN_CONDITIONS, message)
}
