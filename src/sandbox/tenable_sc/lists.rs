//! What a client looks up around scans: policies, repositories, zones, users and the like, and the agent scans beside
//! the active ones. Read only. Not for scans and results.

use serde_json::{Value, json};

use super::super::Request;
use super::catalog::{self, Named, User};
use super::timeline::Timeline;
use super::wire::{self, Object, Outcome, Refusal, Success, epoch};
use super::world::{Kind, Run, World};
use super::{scans, seed};

const DAY: f64 = 86_400.0;

/// Answers what is left: the resources that this sandbox shows and does not change.
pub(super) fn answer(world: &mut World, request: &Request, path: &[&str], now: f64) -> Outcome {
    let get = request.method == "GET";
    match path {
        ["currentUser"] if get => Ok(myself(request, now)),
        ["currentUser", "associateCert"] if request.method == "POST" => Ok(myself(request, now)),
        ["currentOrganization"] if get => Ok(organization(request, now)),
        ["policy", rest @ ..] if get => owned(request, rest, "Policy", catalog::POLICIES, &policy(now)),
        ["credential", rest @ ..] if get => owned(request, rest, "Credential", catalog::CREDENTIALS, &credential(now)),
        ["asset", rest @ ..] if get => owned(request, rest, "Asset", catalog::ASSETS, &asset(now)),
        ["repository", rest @ ..] if get => {
            shared(request, rest, "Repository", catalog::REPOSITORIES, &repository(now))
        }
        ["zone", rest @ ..] if get => shared(request, rest, "Zone", catalog::ZONES, &zone(now)),
        ["scanner", rest @ ..] if get => shared(request, rest, "Scanner", catalog::SCANNERS, &scanner(now)),
        ["user", rest @ ..] if get => users(request, rest, now),
        ["agentScan", rest @ ..] => agent_scans(world, request, rest, now),
        ["wasScan"] if get => Ok(scans::usable_and_manageable("", &Vec::new, &Vec::new)),
        ["wasScan", id] if get => Err(Refusal::missing("WAS Scan get failed.", "WAS Scan", id)),
        ["wasScan", id, "launch"] if request.method == "POST" => {
            Err(Refusal::missing("Unable to launch WAS Scan.", "WAS Scan", id))
        }
        _ => Err(Refusal::no_route(request)),
    }
}

fn myself(request: &Request, now: f64) -> Success {
    let full = User::find(catalog::SELF).map(|user| user.wire(now)).unwrap_or_default();
    wire::pick(full, wire::parameter(request, "fields").as_deref(), &["id"], None).into()
}

fn organization(request: &Request, now: f64) -> Success {
    let mut full = catalog::object(catalog::organization());
    full.append(&mut catalog::object(json!({
        "uuid": wire::uuid(0, 2),
        "email": "", "address": "", "city": "", "state": "", "country": "", "phone": "", "fax": "",
        "ipInfoLinks": [],
        "zoneSelection": "auto_only",
        "restrictedIPs": "",
        "vulnScoreLow": "1", "vulnScoreMedium": "3", "vulnScoreHigh": "10", "vulnScoreCritical": "40",
        "vulnScoringSystem": "CVSSv3",
        "createdTime": epoch(Some(now - 300.0 * DAY)),
        "modifiedTime": epoch(Some(now - 300.0 * DAY)),
    })));
    wire::pick(full, wire::parameter(request, "fields").as_deref(), &["id"], None).into()
}

const ALWAYS: &[&str] = &["id", "uuid"];
const LISTED: &[&str] = &["name", "description", "status"];

/// Objects with owners come in two lists.
fn owned(
    request: &Request,
    path: &[&str],
    kind: &str,
    list: &'static [Named],
    full: &dyn Fn(&Named) -> Object,
) -> Outcome {
    if !path.is_empty() {
        return one(request, path, kind, list, full);
    }
    let rows = || rows(request, list, full);
    let filter = wire::parameter(request, "filter").unwrap_or_default();
    Ok(scans::usable_and_manageable(&filter, &rows, &rows))
}

/// Objects of the administrators come in one.
fn shared(
    request: &Request,
    path: &[&str],
    kind: &str,
    list: &'static [Named],
    full: &dyn Fn(&Named) -> Object,
) -> Outcome {
    if !path.is_empty() {
        return one(request, path, kind, list, full);
    }
    Ok(Success::Body(rows(request, list, full).into()))
}

fn rows(request: &Request, list: &'static [Named], full: &dyn Fn(&Named) -> Object) -> Vec<Value> {
    let fields = wire::parameter(request, "fields");
    list.iter().map(|named| Value::Object(wire::pick(full(named), fields.as_deref(), ALWAYS, Some(LISTED)))).collect()
}

fn one(
    request: &Request,
    path: &[&str],
    kind: &str,
    list: &'static [Named],
    full: &dyn Fn(&Named) -> Object,
) -> Outcome {
    let [id] = path else { return Err(Refusal::no_route(request)) };
    let named = id.parse().ok().and_then(|id| catalog::find(list, id));
    let named = named.ok_or_else(|| Refusal::missing(&format!("{kind} get failed."), kind, id))?;
    let fields = wire::parameter(request, "fields");
    Ok(wire::pick(full(named), fields.as_deref(), ALWAYS, None).into())
}

fn with(named: &Named, now: f64, more: Value) -> Object {
    let mut object = named.brief();
    object.insert("createdTime".into(), epoch(Some(now - 200.0 * DAY)));
    object.insert("modifiedTime".into(), epoch(Some(now - 100.0 * DAY)));
    object.append(&mut catalog::object(more));
    object
}

fn rights() -> Object {
    catalog::object(json!({
        "status": "0",
        "tags": "",
        "canUse": "true",
        "canManage": "true",
        "groups": [],
        "creator": User::brief(1),
        "owner": User::brief(1),
        "ownerGroup": catalog::full_access(),
        "targetGroup": wire::no_object(),
    }))
}

fn policy(now: f64) -> impl Fn(&Named) -> Object {
    move |named| {
        let scap = wire::flag(named.id == catalog::SCAP_POLICY);
        let mut object = with(
            named,
            now,
            json!({
                "uuid": wire::uuid(catalog::space::POLICY, named.id),
                "generateXCCDFResults": scap,
                "context": "",
                "auditFiles": [],
                "preferences": {"max_checks_per_host": "5", "max_hosts_per_scan": "30", "portscan_range": "default",
                    "safe_checks": "yes", "report_paranoia": "Normal", "network_type": "Mixed (use RFC 1918)"},
                "families": [],
                "policyTemplate": {"id": "1", "name": "Advanced Scan", "description": "A scan without a template."},
            }),
        );
        object.append(&mut rights());
        object
    }
}

fn credential(now: f64) -> impl Fn(&Named) -> Object {
    move |named| {
        let mut object = with(
            named,
            now,
            json!({
                "uuid": wire::uuid(catalog::space::SCAN, named.id),
                "type": "ssh",
                "typeFields": {"authType": "password", "username": "audit", "password": "SET", "privilegeEscalation": "none"},
            }),
        );
        object.append(&mut rights());
        object
    }
}

fn asset(now: f64) -> impl Fn(&Named) -> Object {
    move |named| {
        let mut object = with(
            named,
            now,
            json!({
                "type": "static",
                "typeFields": {"definedIPs": named.addresses},
                "ipCount": super::targets::count(named.addresses).to_string(),
                "repositories": [],
            }),
        );
        object.append(&mut rights());
        object
    }
}

fn repository(now: f64) -> impl Fn(&Named) -> Object {
    move |named| {
        with(
            named,
            now,
            json!({
                "uuid": wire::uuid(catalog::space::REPOSITORY, named.id),
                "type": "Local",
                "dataFormat": "IPv4",
                "remoteID": null,
                "remoteIP": null,
                "running": "false",
                "downloadFormat": "v2",
                "lastSyncTime": "0",
                "lastVulnUpdate": epoch(Some(now - DAY)),
                "vulnCount": "46",
                "organizations": [catalog::organization()],
                "typeFields": {
                    "correlation": [],
                    "nessusSchedule": {"type": "never", "start": "", "repeatRule": ""},
                    "ipRange": named.addresses,
                    "ipCount": "7",
                    "runningNessus": "false",
                    "lastGenerateNessusTime": "0",
                    "trendingDays": "30",
                    "trendWithRaw": "true",
                    "lastTrendUpdate": "0",
                },
            }),
        )
    }
}

fn zone(now: f64) -> impl Fn(&Named) -> Object {
    move |named| {
        let scanner = catalog::find(catalog::SCANNERS, named.id).map(Named::brief);
        with(
            named,
            now,
            json!({
                "ipList": named.addresses,
                "scanners": [scanner],
                "organizations": [catalog::organization()],
                "activeScanners": 1,
                "totalScanners": 1,
            }),
        )
    }
}

fn scanner(now: f64) -> impl Fn(&Named) -> Object {
    move |named| {
        with(
            named,
            now,
            json!({
                "status": "1",
                "ip": named.addresses,
                "port": "8834",
                "enabled": "true",
                "version": "10.8.3",
                "zones": [catalog::find(catalog::ZONES, named.id).map(Named::brief)],
            }),
        )
    }
}

fn users(request: &Request, path: &[&str], now: f64) -> Outcome {
    const NAMES: &[&str] = &["username", "firstname", "lastname"];
    let fields = wire::parameter(request, "fields");
    match path {
        [] => {
            let rows =
                catalog::USERS.iter().map(|user| wire::pick(user.wire(now), fields.as_deref(), ALWAYS, Some(NAMES)));
            Ok(Success::Body(rows.map(Value::Object).collect()))
        }
        [id] => {
            let user = id.parse().ok().and_then(User::find);
            let user = user.ok_or_else(|| Refusal::missing("User get failed.", "User", id))?;
            Ok(wire::pick(user.wire(now), fields.as_deref(), ALWAYS, None).into())
        }
        _ => Err(Refusal::no_route(request)),
    }
}

/// The one agent scan. Its runs stand among the others, and nobody can pause or stop them.
const AGENT_SCAN: Named = Named {
    id: 2,
    director_id: 0,
    name: "Server Agents",
    description: "Through the manager",
    addresses: "10.30.0.21,10.30.0.22",
};

fn agent_scans(world: &mut World, request: &Request, path: &[&str], now: f64) -> Outcome {
    let full = |named: &Named| {
        with(
            named,
            now,
            json!({
                "uuid": wire::uuid(catalog::space::SCAN, 1000 + named.id),
                "status": "0",
                "scanWindow": "3600",
                "agentGroups": [{"id": "1", "name": "Servers"}],
                "nessusManager": {"id": "3", "name": "Manager", "description": ""},
                "repository": catalog::REPOSITORIES[0].brief(),
                "schedule": {"id": "40", "objectType": "agentScan", "type": "template", "start": "", "repeatRule": "", "nextRun": 0},
                "canUse": "true",
                "canManage": "true",
                "owner": User::brief(catalog::SELF),
            }),
        )
    };
    let fields = wire::parameter(request, "fields");
    match (request.method.as_str(), path) {
        ("GET", []) => {
            let rows = || vec![Value::Object(wire::pick(full(&AGENT_SCAN), fields.as_deref(), ALWAYS, Some(LISTED)))];
            Ok(scans::usable_and_manageable("", &rows, &rows))
        }
        ("GET", ["2"]) => Ok(wire::pick(full(&AGENT_SCAN), fields.as_deref(), ALWAYS, None).into()),
        ("POST", ["2", "launch"]) => {
            let run = Run {
                name: format!("{} [Agent Scan Import]", AGENT_SCAN.name),
                details: "Basic Agent Scan".into(),
                targets: AGENT_SCAN.addresses.into(),
                kind: Kind::Agents,
                timeline: Timeline::agents(now, world.speed()),
                ..seed::blank(now)
            };
            let id = world.keep_run(run);
            let queued = world.run(id).map(scans::queued);
            Ok(Success::Body(json!({"scanID": AGENT_SCAN.id.to_string(), "scanResult": queued})))
        }
        ("GET", [id]) | ("POST", [id, "launch"]) => Err(Refusal::missing("Agent Scan get failed.", "Agent Scan", id)),
        _ => Err(Refusal::no_route(request)),
    }
}
