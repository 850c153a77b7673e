//! `/mgmt/scan`: definitions of the linked instances. They can be listed, shown, made and deleted; there is no edit, no
//! copy and no launch. Not for results.

use serde_json::{Value, json};

use super::super::Request;
use super::super::tenable_sc::catalog::{self, Named, User, space};
use super::super::tenable_sc::scans;
use super::super::tenable_sc::schedule::Schedule;
use super::super::tenable_sc::wire::{self, Object, Outcome, Refusal, Success, integer, uuid};
use super::super::tenable_sc::world::{Scan, World};
use super::{Instance, Scope, answered_names};

const ALWAYS: &[&str] = &["id", "uuid"];
const LISTED: &[&str] = &["name", "description", "status", "SCI", "organization"];

/// What is asked for, and what it comes back as.
const RENAMED: &[(&str, &str)] = &[
    ("policy", "policyUUID"),
    ("creator", "creatorUUID"),
    ("owner", "ownerUUID"),
    ("repository", "repositoryUUID"),
    ("zone", "zoneUUID"),
    ("plugin", "pluginID"),
    ("sci", "SCI"),
];

/// The schedule types of Director: it does not offer `now`.
const SCHEDULES: &[&str] = &["dependent", "ical", "never", "rollover", "template"];

/// The definition on the broken instance: its id there is that of another scan on the linked one.
pub(super) const STRANDED: (u64, &str, &str) = (2, "3", "Branch Office Weekly");

/// Answers the calls below `/mgmt/scan`.
pub(super) fn answer(world: &mut World, request: &Request, path: &[&str], now: f64) -> Outcome {
    match (request.method.as_str(), path) {
        ("GET", []) => list(world, request, now),
        ("POST", []) => create(world, request, now),
        ("GET", [id]) => {
            let fields = answered_names(request, RENAMED);
            let (_, full) = found(world, id, "Scan get failed.", now)?;
            Ok(wire::pick(full, fields.as_deref(), ALWAYS, None).into())
        }
        ("DELETE", [id]) => match found(world, id, &format!("Unable to find existing Scan #{id} to delete."), now)? {
            (Some(scan), _) => {
                world.drop_scan(scan);
                Ok(Success::nothing())
            }
            (None, _) => Err(Instance::Broken.unreachable("Delete Scan failed.")),
        },
        _ => Err(Refusal::no_route(request)),
    }
}

fn list(world: &World, request: &Request, now: f64) -> Outcome {
    let scope = Scope::read(request)?;
    let fields = answered_names(request, RENAMED);
    let mut rows: Vec<Object> = Vec::new();
    for instance in Instance::ALL.into_iter().filter(|instance| scope.takes(*instance, instance.organization_id())) {
        match instance {
            Instance::Linked => rows.extend(world.scans.iter().map(full)),
            Instance::Broken => rows.push(stranded(now)),
        }
    }
    let rows = rows.into_iter().map(|full| wire::pick(full, fields.as_deref(), ALWAYS, Some(LISTED)));
    Ok(Success::Body(rows.map(Value::Object).collect()))
}

/// The definition of that id or uuid, with the instance's id if it is on the linked one.
fn found(world: &World, id: &str, doing: &str, now: f64) -> Result<(Option<u64>, Object), Refusal> {
    let number = id.parse().ok();
    let same = |scan: &&Scan| Some(scan.director_id) == number || scan.uuid.eq_ignore_ascii_case(id);
    if let Some(scan) = world.scans.iter().find(same) {
        return Ok((Some(scan.id), full(scan)));
    }
    let (own, _, _) = STRANDED;
    if Some(own) == number || uuid(space::ELSEWHERE, own).eq_ignore_ascii_case(id) {
        return Ok((None, stranded(now)));
    }
    Err(Refusal::missing(doing, "Scan", id))
}

/// A definition with all its members: UUIDs where the instance has objects, and no schedule, assets, credentials or
/// reports at all.
fn full(scan: &Scan) -> Object {
    let mut object = head(Instance::Linked, scan.director_id, &scan.uuid, &scan.name, &scan.id.to_string());
    let user = |id| User::find(id).map(User::uuid).unwrap_or_default();
    for (key, value) in [
        ("description", scan.description.clone()),
        ("status", scan.status.to_owned()),
        ("ownerUUID", user(scan.owner)),
        ("creatorUUID", user(scan.creator)),
        ("policyUUID", uuid(space::POLICY, scan.policy)),
        ("repositoryUUID", uuid(space::REPOSITORY, scan.repository)),
        ("zoneUUID", scan.zone.map(|zone| uuid(space::ZONE, zone)).unwrap_or_default()),
    ] {
        object.insert(key.into(), value.into());
    }
    object.insert("createdTime".into(), wire::epoch(Some(scan.created)));
    object.insert("modifiedTime".into(), wire::epoch(Some(scan.modified)));
    for (key, value) in &scan.settings {
        object.insert((*key).into(), value.as_str().into());
    }
    object
}

fn head(instance: Instance, id: u64, uuid: &str, name: &str, there: &str) -> Object {
    let mut object = Object::new();
    for (key, value) in [
        ("id", json!(id.to_string())),
        ("uuid", json!(uuid)),
        ("name", json!(name)),
        ("sciScanID", json!(there)),
        ("pluginID", json!("-1")),
        ("SCI", instance.brief()),
        ("organization", instance.organization()),
    ] {
        object.insert(key.into(), value);
    }
    object
}

fn stranded(now: f64) -> Object {
    let (id, there, name) = STRANDED;
    let mut object = head(Instance::Broken, id, &uuid(space::ELSEWHERE, id), name, there);
    let made = wire::epoch(Some(now - 60.0 * 86_400.0));
    for (key, value) in scans::default_settings("172.16.5.0/24") {
        object.insert(key.into(), value.into());
    }
    for key in ["ownerUUID", "creatorUUID", "policyUUID", "repositoryUUID"] {
        object.insert(key.into(), uuid(space::ELSEWHERE, 10 + u64::from(key.as_bytes()[0])).into());
    }
    object.insert("description".into(), "".into());
    object.insert("status".into(), "0".into());
    object.insert("zoneUUID".into(), "".into());
    object.insert("createdTime".into(), made.clone());
    object.insert("modifiedTime".into(), made);
    object
}

fn create(world: &mut World, request: &Request, now: f64) -> Outcome {
    let body = wire::body(request)?;
    let instance = body.get("sciID").ok_or_else(|| required("sciID"))?;
    let instance = integer(instance)
        .and_then(|id| u64::try_from(id).ok())
        .and_then(Instance::find)
        .ok_or_else(|| Refusal::because("Invalid value for attribute 'sciID'.\nThe SCI does not exist."))?;
    if instance == Instance::Broken {
        return Err(instance.unreachable("Create Scan failed."));
    }
    // The page that documents the scan time knows no inactivity timeout, so giving the one alone must work.
    let mut scan = scans::draft(&body, now, scans::SHORTEST)?;
    let users = catalog::USERS.iter();
    scan.owner =
        by_uuid(&body, "userUUID", users.map(|user| (user.id, user.uuid())))?.ok_or_else(|| required("userUUID"))?;
    scan.creator = scan.owner;
    let named = |list: &'static [Named], space| list.iter().map(move |named| (named.id, uuid(space, named.id)));
    scan.policy =
        by_uuid(&body, "policyUUID", named(catalog::POLICIES, space::POLICY))?.ok_or_else(|| required("policyUUID"))?;
    scan.repository = by_uuid(&body, "repositoryUUID", named(catalog::REPOSITORIES, space::REPOSITORY))?
        .ok_or_else(|| required("repositoryUUID"))?;
    scan.zone = by_uuid(&body, "zoneUUID", named(catalog::ZONES, space::ZONE))?;
    // Of the lists that the instance takes, Director takes one.
    let lists =
        body.iter().filter(|(key, _)| *key == "assets").map(|(key, value)| (key.clone(), value.clone())).collect();
    scans::apply_lists(&mut scan, &lists)?;
    if let Some(value) = body.get("schedule") {
        scan.schedule = Schedule::read(value, "template", SCHEDULES)?;
        if matches!(scan.schedule, Schedule::Dependent(on) if world.scan(on).is_none()) {
            return Err(Refusal::because("Invalid value for attribute 'schedule'.\nThe scan does not exist."));
        }
    }
    let id = world.keep_scan(scan, now);
    Ok(world.scan(id).map(full).unwrap_or_default().into())
}

fn required(key: &str) -> Refusal {
    Refusal::because(format!("The attribute '{key}' is required."))
}

/// The id behind a UUID that was sent; an empty string is none.
fn by_uuid(body: &Object, key: &str, known: impl Iterator<Item = (u64, String)>) -> Result<Option<u64>, Refusal> {
    let mut known = known;
    match body.get(key) {
        None => Ok(None),
        Some(Value::String(sent)) if sent.is_empty() => Ok(None),
        Some(Value::String(sent)) => match known.find(|(_, uuid)| uuid.eq_ignore_ascii_case(sent)) {
            Some((id, _)) => Ok(Some(id)),
            None => Err(Refusal::because(format!("Invalid value for attribute '{key}'.\n'{sent}' does not exist."))),
        },
        Some(_) => Err(Refusal::because(format!("Invalid value for attribute '{key}': a UUID."))),
    }
}
