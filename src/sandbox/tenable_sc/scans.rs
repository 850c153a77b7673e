//! `/scan`: definitions, how they are made, changed, copied, deleted and launched. Not for their runs.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::super::Request;
use super::catalog::{self, Named, User};
use super::schedule::Schedule;
use super::wire::{self, Object, Outcome, Refusal, Success, flag, integer, no_object};
use super::world::{Run, Scan, Start, World};

const ALWAYS: &[&str] = &["id", "uuid"];
const LISTED: &[&str] = &["name", "description", "status"];

/// The schedule types of this product.
const SCHEDULES: &[&str] = &["ical", "dependent", "never", "rollover", "template", "now"];

/// What a plain member may hold.
enum Form {
    Text,
    Flag,
    Word(&'static [&'static str]),
    Age,
}

/// The plain members of a definition, with what they are when not given.
const MEMBERS: &[(&str, Form, &str)] = &[
    ("ipList", Form::Text, ""),
    ("type", Form::Word(&["policy"]), "policy"),
    ("dhcpTracking", Form::Flag, "false"),
    ("classifyMitigatedAge", Form::Age, "0"),
    ("emailOnLaunch", Form::Flag, "false"),
    ("emailOnFinish", Form::Flag, "false"),
    ("timeoutAction", Form::Word(&["discard", "import", "rollover"]), "import"),
    ("scanningVirtualHosts", Form::Flag, "false"),
    ("rolloverType", Form::Word(&["nextDay", "template"]), "template"),
    ("maxScanTime", Form::Text, SHORTEST_TEXT),
    ("inactivityTimeout", Form::Text, SHORTEST_TEXT),
];

/// Scan times in seconds: an hour at least, 120 at most.
pub(in crate::sandbox) const SHORTEST: i64 = 3600;
const SHORTEST_TEXT: &str = "3600";
const LONGEST: i64 = 432_000;
/// What the server takes as inactivity timeout where only the scan time is given.
const DEFAULT_INACTIVITY: i64 = 43_200;

/// Answers the calls below `/scan`.
pub(super) fn answer(world: &mut World, request: &Request, path: &[&str], now: f64) -> Outcome {
    match (request.method.as_str(), path) {
        ("GET", []) => list(world, request),
        ("POST", []) => create(world, request, now),
        ("GET", [id]) => {
            let scan = found(world, id, "Scan get failed.")?;
            let fields = wire::parameter(request, "fields");
            Ok(wire::pick(full(world, scan), fields.as_deref(), ALWAYS, None).into())
        }
        ("PATCH", [id]) => edit(world, request, id, now),
        ("DELETE", [id]) => {
            let doing = format!("Unable to find existing Scan #{id} to delete.");
            let scan = managed(found(world, id, &doing)?)?.id;
            world.drop_scan(scan);
            Ok(Success::nothing())
        }
        ("POST", [id, "copy"]) => copy(world, request, id, now),
        ("POST", [id, "launch"]) => launch(world, request, id, now),
        _ => Err(Refusal::no_route(request)),
    }
}

/// The plain members as they are when only targets are given.
pub(in crate::sandbox) fn default_settings(targets: &str) -> BTreeMap<&'static str, String> {
    let mut settings: BTreeMap<_, _> = MEMBERS.iter().map(|(key, _, default)| (*key, (*default).to_owned())).collect();
    settings.insert("ipList", targets.to_owned());
    settings
}

fn list(world: &World, request: &Request) -> Outcome {
    let fields = wire::parameter(request, "fields");
    let filter = wire::parameter(request, "filter").unwrap_or_default();
    let rows = |wanted: &dyn Fn(&Scan) -> bool| -> Vec<Value> {
        let scans = world.scans.iter().filter(|scan| wanted(scan));
        scans
            .map(|scan| Value::Object(wire::pick(full(world, scan), fields.as_deref(), ALWAYS, Some(LISTED))))
            .collect()
    };
    Ok(usable_and_manageable(&filter, &|| rows(&|_| true), &|| rows(&|scan| scan.manageable)))
}

/// The two overlapping lists of an organization user; a filter may leave one out.
pub(super) fn usable_and_manageable(
    filter: &str,
    usable: &dyn Fn() -> Vec<Value>,
    manageable: &dyn Fn() -> Vec<Value>,
) -> Success {
    let asked: Vec<&str> =
        filter.split(',').map(str::trim).filter(|word| matches!(*word, "usable" | "manageable")).collect();
    let mut lists = Object::new();
    for (key, rows) in [("usable", usable), ("manageable", manageable)] {
        if asked.is_empty() || asked.contains(&key) {
            lists.insert(key.into(), Value::Array(rows()));
        }
    }
    lists.into()
}

fn found<'a>(world: &'a World, id: &str, doing: &str) -> Result<&'a Scan, Refusal> {
    let number = id.parse().ok();
    let scan = world.scans.iter().find(|scan| Some(scan.id) == number || scan.uuid.eq_ignore_ascii_case(id));
    scan.ok_or_else(|| Refusal::missing(doing, "Scan", id))
}

fn managed(scan: &Scan) -> Result<&Scan, Refusal> {
    if scan.manageable {
        return Ok(scan);
    }
    Err(Refusal::because(format!("You do not have permission to manage Scan #{}.", scan.id)))
}

fn create(world: &mut World, request: &Request, now: f64) -> Outcome {
    let body = wire::body(request)?;
    let mut scan = draft(&body, now, DEFAULT_INACTIVITY)?;
    scan.policy = known(&body, "policy", catalog::POLICIES, "Policy")?.ok_or_else(|| required("policy"))?;
    scan.repository =
        known(&body, "repository", catalog::REPOSITORIES, "Repository")?.ok_or_else(|| required("repository"))?;
    scan.zone = zone(&body)?;
    apply_lists(&mut scan, &body)?;
    let schedule =
        body.get("schedule").map_or(Ok(Schedule::Template), |value| Schedule::read(value, "template", SCHEDULES))?;
    check_dependence(world, &schedule)?;
    scan.schedule = schedule;
    let starts_now = scan.schedule == Schedule::Now;
    let id = world.keep_scan(scan, now);
    let run = if starts_now { world.launch(id, now, Start::ByHand) } else { None };
    let mut answer = world.scan(id).map(|scan| full(world, scan)).unwrap_or_default();
    if let Some(run) = run {
        answer.insert("scanResultID".into(), run.to_string().into());
    }
    Ok(answer.into())
}

/// A definition from the members that both products name alike: name, description and the plain ones. Everything that
/// refers to another object is left to the caller. `default_idle` is the inactivity timeout of those who give a scan
/// time alone.
///
/// # Errors
/// When a member is missing or has a bad value.
pub(in crate::sandbox) fn draft(body: &Object, now: f64, default_idle: i64) -> Result<Scan, Refusal> {
    let name = text(body, "name")?.filter(|name| !name.trim().is_empty()).ok_or_else(|| required("name"))?;
    let mut settings = default_settings("");
    apply_settings(&mut settings, body, default_idle)?;
    Ok(Scan {
        id: 0,
        director_id: 0,
        uuid: String::new(),
        name,
        description: text(body, "description")?.unwrap_or_default(),
        settings,
        policy: 0,
        repository: 0,
        zone: None,
        assets: Vec::new(),
        credentials: Vec::new(),
        reports: Vec::new(),
        schedule: Schedule::Template,
        schedule_id: 0,
        next: None,
        status: "0",
        created: now,
        modified: now,
        creator: catalog::SELF,
        owner: catalog::SELF,
        manageable: true,
        rounds: 0,
    })
}

fn edit(world: &mut World, request: &Request, id: &str, now: f64) -> Outcome {
    let mut scan = managed(found(world, id, "Scan edit failed.")?)?.clone();
    let body = wire::body(request)?;
    if let Some(name) = text(&body, "name")? {
        scan.name = Some(name).filter(|name| !name.trim().is_empty()).ok_or_else(|| required("name"))?;
    }
    if let Some(description) = text(&body, "description")? {
        scan.description = description;
    }
    let idle = scan.setting("inactivityTimeout").parse().unwrap_or(DEFAULT_INACTIVITY);
    apply_settings(&mut scan.settings, &body, idle)?;
    if let Some(policy) = known(&body, "policy", catalog::POLICIES, "Policy")? {
        scan.policy = policy;
    }
    if let Some(repository) = known(&body, "repository", catalog::REPOSITORIES, "Repository")? {
        scan.repository = repository;
    }
    if body.contains_key("zone") {
        scan.zone = zone(&body)?;
    }
    apply_lists(&mut scan, &body)?;
    if let Some(value) = body.get("schedule") {
        scan.schedule = Schedule::read(value, "template", SCHEDULES)?;
        check_dependence(world, &scan.schedule)?;
        scan.next = scan.schedule.next(now);
    }
    scan.modified = now;
    let id = scan.id;
    if let Some(kept) = world.scan_mut(id) {
        *kept = scan;
    }
    Ok(world.scan(id).map(|scan| full(world, scan)).unwrap_or_default().into())
}

fn copy(world: &mut World, request: &Request, id: &str, now: f64) -> Outcome {
    let mut scan = found(world, id, "Scan copy failed.")?.clone();
    let body = wire::body(request)?;
    scan.name = text(&body, "name")?.filter(|name| !name.trim().is_empty()).ok_or_else(|| required("name"))?;
    let user = wire::reference(&body, "targetUser")?.ok_or_else(|| required("targetUser"))?;
    let user = u64::try_from(user).ok().and_then(User::find);
    scan.owner = user.ok_or_else(|| Refusal::because("Scan copy failed.\nThe target user does not exist."))?.id;
    scan.created = now;
    scan.modified = now;
    scan.rounds = 0;
    scan.manageable = true;
    let id = world.keep_scan(scan, now);
    let copied = world.scan(id).map(|scan| full(world, scan)).unwrap_or_default();
    // Create and edit answer with the object itself, copy with an object that holds it.
    Ok(Success::Body(json!({"scan": copied})))
}

fn launch(world: &mut World, request: &Request, id: &str, now: f64) -> Outcome {
    let scan = found(world, id, "Unable to launch Scan.")?;
    let body = wire::body(request)?;
    if text(&body, "diagnosticTarget")?.is_some() != text(&body, "diagnosticPassword")?.is_some() {
        return Err(Refusal::because("diagnosticTarget and diagnosticPassword are given both or not at all."));
    }
    let scan = scan.id;
    let run = world.launch(scan, now, Start::ByHand).and_then(|run| world.run(run));
    let run = run.ok_or_else(|| Refusal::because("Unable to launch Scan."))?;
    Ok(Success::Body(json!({"scanID": scan.to_string(), "scanResult": queued(run)})))
}

/// A run as its launch shows it: flat ids where everywhere else there are objects.
pub(super) fn queued(run: &Run) -> Value {
    json!({
        "initiatorID": run.initiator.to_string(),
        "ownerID": run.owner.to_string(),
        "scanID": run.scan.map_or_else(|| "-1".to_owned(), |scan| scan.to_string()),
        "resultsSyncID": -1,
        "jobID": run.job.to_string(),
        "repositoryID": run.repository.to_string(),
        "name": run.name,
        "description": run.description,
        "details": run.details,
        "status": "Queued",
        "downloadFormat": "v2",
        "dataFormat": "IPv4",
        "resultType": "active",
        "id": run.id.to_string(),
    })
}

/// A definition with all its members.
fn full(world: &World, scan: &Scan) -> Object {
    let dependents =
        world.scans.iter().filter(|other| other.schedule == Schedule::Dependent(scan.id)).count().to_string();
    let mut schedule = scan.schedule.wire(scan.schedule_id, scan.next);
    if let Schedule::Dependent(on) = scan.schedule {
        let on = world.scan(on).map_or_else(no_object, |on| {
            json!({
                "id": on.id.to_string(), "name": on.name, "description": on.description, "status": on.status,
            })
        });
        schedule.insert("dependent".into(), on);
    }
    let brief = |named: Option<&Named>| named.map_or_else(no_object, |named| Value::Object(named.brief()));
    let list = |list: &'static [Named], ids: &[u64]| -> Value {
        ids.iter().filter_map(|id| catalog::find(list, *id)).map(|named| Value::Object(named.brief())).collect()
    };
    let mut policy = catalog::find(catalog::POLICIES, scan.policy).map(Named::brief).unwrap_or_default();
    policy.insert("context".into(), "".into());
    policy.insert("tags".into(), "".into());
    policy.insert("uuid".into(), wire::uuid(catalog::space::POLICY, scan.policy).into());
    policy.insert("owner".into(), User::brief(1));
    policy.insert("ownerGroup".into(), catalog::full_access());
    let mut repository = catalog::find(catalog::REPOSITORIES, scan.repository).map(Named::brief).unwrap_or_default();
    repository.insert("type".into(), "Local".into());
    repository.insert("uuid".into(), wire::uuid(catalog::space::REPOSITORY, scan.repository).into());
    let mut object = catalog::object(json!({
        "id": scan.id.to_string(),
        "uuid": scan.uuid,
        "name": scan.name,
        "description": scan.description,
        "status": scan.status,
        "createdTime": wire::epoch(Some(scan.created)),
        "modifiedTime": wire::epoch(Some(scan.modified)),
        "reports": scan.reports,
        "assets": list(catalog::ASSETS, &scan.assets),
        "credentials": list(catalog::CREDENTIALS, &scan.credentials),
        "numDependents": dependents,
        "schedule": schedule,
        "policy": policy,
        "policyPrefs": catalog::policy_preferences(scan.policy),
        "repository": repository,
        "canUse": "true",
        "canManage": flag(scan.manageable),
        "plugin": no_object(),
        "zone": brief(scan.zone.and_then(|zone| catalog::find(catalog::ZONES, zone))),
        "ownerGroup": catalog::full_access(),
        "creator": User::brief(scan.creator),
        "owner": User::brief(scan.owner),
    }));
    for (key, value) in &scan.settings {
        object.insert((*key).into(), value.as_str().into());
    }
    object
}

fn required(key: &str) -> Refusal {
    Refusal::because(format!("The attribute '{key}' is required."))
}

fn text(body: &Object, key: &str) -> Result<Option<String>, Refusal> {
    match body.get(key) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(Refusal::because(format!("Invalid value for attribute '{key}': a string."))),
    }
}

/// The object that a member refers to.
fn known(body: &Object, key: &str, list: &'static [Named], kind: &str) -> Result<Option<u64>, Refusal> {
    let Some(id) = wire::reference(body, key)? else { return Ok(None) };
    match u64::try_from(id).ok().and_then(|id| catalog::find(list, id)) {
        Some(named) => Ok(Some(named.id)),
        None => Err(Refusal::because(format!("Invalid value for attribute '{key}'.\n{kind} #{id} does not exist."))),
    }
}

/// The zone; 0 and -1 both mean that the product chooses.
fn zone(body: &Object) -> Result<Option<u64>, Refusal> {
    match wire::reference(body, "zone")? {
        None | Some(0 | -1) => Ok(None),
        Some(_) => known(body, "zone", catalog::ZONES, "Zone"),
    }
}

fn check_dependence(world: &World, schedule: &Schedule) -> Result<(), Refusal> {
    match schedule {
        Schedule::Dependent(on) if world.scan(*on).is_none() => {
            Err(Refusal::because(format!("Invalid value for attribute 'schedule'.\nScan #{on} does not exist.")))
        }
        _ => Ok(()),
    }
}

/// The lists of references, each replaced as a whole.
///
/// # Errors
/// When one is no list of objects with ids, or an id is unknown.
pub(in crate::sandbox) fn apply_lists(scan: &mut Scan, body: &Object) -> Result<(), Refusal> {
    for (key, list, kind, kept) in [
        ("assets", catalog::ASSETS, "Asset", &mut scan.assets),
        ("credentials", catalog::CREDENTIALS, "Credential", &mut scan.credentials),
    ] {
        let Some(value) = body.get(key) else { continue };
        let bad = || Refusal::because(format!("Invalid value for attribute '{key}': a list of objects with an id."));
        let rows = value.as_array().ok_or_else(bad)?;
        let mut ids = Vec::new();
        for row in rows {
            let id = row.get("id").and_then(integer).ok_or_else(bad)?;
            let named = u64::try_from(id).ok().and_then(|id| catalog::find(list, id));
            let missing =
                || Refusal::because(format!("Invalid value for attribute '{key}'.\n{kind} #{id} does not exist."));
            ids.push(named.ok_or_else(missing)?.id);
        }
        *kept = ids;
    }
    if let Some(value) = body.get("reports") {
        const SOURCES: [&str; 6] = ["cumulative", "patched", "individual", "lce", "archive", "mobile"];
        let bad = || Refusal::because("Invalid value for attribute 'reports': objects with id and reportSource.");
        let rows = value.as_array().ok_or_else(bad)?;
        let mut reports = Vec::new();
        for row in rows {
            let id = row.get("id").and_then(integer).ok_or_else(bad)?;
            let source = row.get("reportSource").and_then(Value::as_str).filter(|source| SOURCES.contains(source));
            let source = source.ok_or_else(bad)?;
            reports.push(json!({"id": id.to_string(), "name": format!("Report {id}"), "reportSource": source}));
        }
        scan.reports = reports;
    }
    Ok(())
}

fn apply_settings(
    settings: &mut BTreeMap<&'static str, String>,
    body: &Object,
    default_idle: i64,
) -> Result<(), Refusal> {
    for (key, form, _) in MEMBERS {
        let Some(value) = body.get(*key).filter(|_| !matches!(*key, "maxScanTime" | "inactivityTimeout")) else {
            continue;
        };
        let bad = |what: &str| Refusal::because(format!("Invalid value for attribute '{key}': {what}."));
        let checked = match (form, value) {
            (Form::Text, Value::String(text)) => text.clone(),
            (Form::Text, _) => return Err(bad("a string")),
            (Form::Flag, Value::String(text)) if matches!(text.as_str(), "true" | "false") => text.clone(),
            (Form::Flag, _) => return Err(bad("\"true\" or \"false\"")),
            (Form::Word(words), Value::String(text)) if words.contains(&text.as_str()) => text.clone(),
            (Form::Word(words), _) => return Err(bad(&format!("one of {}", words.join(", ")))),
            (Form::Age, value) => integer(value).filter(|age| *age >= 0).ok_or_else(|| bad("days"))?.to_string(),
        };
        settings.insert(key, checked);
    }
    apply_times(settings, body, default_idle)
}

/// The two scan times depend on each other: who gives the first alone gets the server's second, which may not fit.
fn apply_times(settings: &mut BTreeMap<&'static str, String>, body: &Object, default_idle: i64) -> Result<(), Refusal> {
    let unlimited = |value: &Value| value.as_str() == Some("unlimited");
    let most = match body.get("maxScanTime") {
        None => settings.get("maxScanTime").cloned().unwrap_or_default(),
        Some(value) if unlimited(value) => "unlimited".to_owned(),
        Some(value) => integer(value)
            .filter(|seconds| (SHORTEST..=LONGEST).contains(seconds))
            .ok_or_else(|| {
                Refusal::because(
                    "Invalid value for attribute 'maxScanTime': between 1 and 120 hours in seconds, or 'unlimited'.",
                )
            })?
            .to_string(),
    };
    let limit = most.parse().unwrap_or(LONGEST);
    let idle = match body.get("inactivityTimeout") {
        Some(value) => integer(value),
        None if body.contains_key("maxScanTime") => Some(default_idle),
        None => settings.get("inactivityTimeout").and_then(|idle| idle.parse().ok()),
    };
    let idle = idle.filter(|idle| (SHORTEST..=limit).contains(idle)).ok_or_else(|| {
        Refusal::because("Invalid value for attribute 'inactivityTimeout': between 3600 seconds and maxScanTime.")
    })?;
    settings.insert("maxScanTime", most);
    settings.insert("inactivityTimeout", idle.to_string());
    Ok(())
}
