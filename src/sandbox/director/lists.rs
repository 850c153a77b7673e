//! What Director knows besides scans and results: instances, organizations, users, policies, repositories, zones and
//! scanners of the instances, and who is asking. Read only. Ids are Director's own.

use serde_json::{Value, json};

use super::super::Request;
use super::super::tenable_sc::catalog::{self, Named, USERS, space};
use super::super::tenable_sc::wire::{self, Object, Outcome, Refusal, Success, epoch, uuid};
use super::{Instance, Scope, answered_names};

const DAY: f64 = 86_400.0;

/// The organization of policies that administrators made.
const NO_ORGANIZATION: &str = "00000000-0000-0000-0000-000000000000";

/// One object of a list: where it lives, in which organization, and all its members.
struct Row {
    instance: Instance,
    organization: u64,
    full: Object,
}

/// How one list behaves.
struct Resource {
    kind: &'static str,
    always: &'static [&'static str],
    listed: &'static [&'static str],
    rows: Vec<Row>,
}

const RENAMED: &[(&str, &str)] = &[("sci", "SCI"), ("sciOrganization", "sciOrgID")];

/// Answers `/sci` and `/sci/{id}`. An instance out of reach says so by its status, its version and its address.
pub(super) fn instances(request: &Request, path: &[&str], now: f64) -> Outcome {
    let row = |instance: Instance| {
        let working = instance == Instance::Linked;
        let scanners: Vec<Value> = catalog::SCANNERS.iter().map(|scanner| scanner_of(instance, scanner)).collect();
        object(json!({
            "id": instance.id().to_string(),
            "name": instance.name(),
            "description": "",
            "status": if working { "1" } else { "8194" },
            "version": if working { "6.4.0" } else { "Unknown" },
            "ip": if working { "10.20.0.5" } else { "0.0.0.0" },
            "lastSyncTime": epoch(Some(if working { now - 40.0 } else { now - 12.0 * DAY })),
            "workingScanners": if working { scanners.len() } else { 0 },
            "totalScanners": scanners.len(),
            "scanners": scanners,
        }))
    };
    let all = |instance: Instance| Row { instance, organization: instance.organization_id(), full: row(instance) };
    let resource = Resource {
        kind: "Tenable.sc Instance",
        always: &["id", "workingScanners", "totalScanners", "status", "scanners"],
        listed: &["name", "description"],
        rows: Instance::ALL.map(all).into(),
    };
    answer(request, path, resource)
}

/// Answers the rest below `/mgmt`.
pub(super) fn managed(request: &Request, path: &[&str], now: f64) -> Outcome {
    let Some((kind, rest)) = path.split_first() else { return Err(Refusal::no_route(request)) };
    let resource = match *kind {
        "organization" => organizations(),
        "user" => users(),
        "policy" => policies(now),
        "repository" => repositories(now),
        "zone" => zones(now),
        "scanner" if rest.is_empty() => scanners(),
        _ => return Err(Refusal::no_route(request)),
    };
    answer(request, rest, resource)
}

fn answer(request: &Request, path: &[&str], resource: Resource) -> Outcome {
    let Resource { kind, always, listed, rows } = resource;
    let fields = answered_names(request, RENAMED);
    match (request.method.as_str(), path) {
        ("GET", []) => {
            let scope = Scope::read(request)?;
            let rows = rows.into_iter().filter(|row| scope.takes(row.instance, row.organization));
            let rows = rows.map(|row| Value::Object(wire::pick(row.full, fields.as_deref(), always, Some(listed))));
            Ok(Success::Body(rows.collect()))
        }
        ("GET", [id]) => {
            let row = rows.into_iter().find(|row| row.full.get("id").and_then(Value::as_str) == Some(id));
            let row = row.ok_or_else(|| Refusal::missing(&format!("{kind} get failed."), kind, id))?;
            Ok(wire::pick(row.full, fields.as_deref(), always, None).into())
        }
        _ => Err(Refusal::no_route(request)),
    }
}

fn object(value: Value) -> Object {
    match value {
        Value::Object(object) => object,
        _ => Object::new(),
    }
}

fn linked(full: Value) -> Row {
    Row { instance: Instance::Linked, organization: Instance::Linked.organization_id(), full: object(full) }
}

fn organizations() -> Resource {
    let row = |instance: Instance| {
        let mut full = object(instance.organization());
        full.insert("SCI".into(), instance.brief());
        full.insert("sciOrgID".into(), "1".into());
        full.insert("uuid".into(), organization_uuid(instance).into());
        Row { instance, organization: instance.organization_id(), full }
    };
    Resource {
        kind: "Organization",
        always: &["id", "SCI"],
        listed: &["sciOrgID", "name", "description"],
        rows: Instance::ALL.map(row).into(),
    }
}

fn organization_uuid(instance: Instance) -> String {
    uuid(space::ELSEWHERE, 50 + instance.id())
}

fn users() -> Resource {
    let row = |id: u64, uuid: String, there: u64, role: u64, names: [&str; 3]| {
        json!({
            "id": id.to_string(), "uuid": uuid, "sciUserID": there.to_string(), "sciRoleID": role.to_string(),
            "sciGroupID": "0", "SCI": Instance::Linked.brief(), "organization": Instance::Linked.organization(),
            "username": names[0], "firstname": names[1], "lastname": names[2],
        })
    };
    let mut rows: Vec<Row> = USERS
        .iter()
        .map(|user| {
            let names = [user.username, user.first, user.last];
            linked(row(user.director_id, user.uuid(), user.id, user.role.0, names))
        })
        .collect();
    // Administrators of an instance stand outside of its organizations.
    let mut administrator = object(row(1, uuid(space::ELSEWHERE, 60), 1, 1, ["admin", "Instance", "Administrator"]));
    administrator.insert("sciGroupID".into(), "-1".into());
    administrator
        .insert("organization".into(), json!({"id": 0, "name": "Tenable.sc Administration", "description": ""}));
    rows.push(Row { instance: Instance::Linked, organization: 0, full: administrator });
    let mut elsewhere = object(row(3, uuid(space::ELSEWHERE, 61), 2, 2, ["branch", "Branch", "Manager"]));
    elsewhere.insert("SCI".into(), Instance::Broken.brief());
    elsewhere.insert("organization".into(), Instance::Broken.organization());
    rows.push(Row { instance: Instance::Broken, organization: Instance::Broken.organization_id(), full: elsewhere });
    Resource {
        kind: "User",
        always: &["id", "uuid", "sciUserID", "sciRoleID", "sciGroupID", "SCI", "organization"],
        listed: &["username", "firstname", "lastname"],
        rows,
    }
}

fn policies(now: f64) -> Resource {
    let row = |policy: &Named| {
        // The first one came with the product.
        let owner = if policy.id == catalog::POLICIES[0].id {
            NO_ORGANIZATION.to_owned()
        } else {
            organization_uuid(Instance::Linked)
        };
        linked(json!({
            "id": policy.director_id.to_string(), "uuid": uuid(space::POLICY, policy.id), "name": policy.name,
            "description": policy.description, "orgUUID": owner, "status": "0", "SCI": Instance::Linked.brief(),
            "sciPolicyID": policy.id.to_string(), "createdTime": epoch(Some(now - 200.0 * DAY)),
            "modifiedTime": epoch(Some(now - 100.0 * DAY)),
        }))
    };
    Resource {
        kind: "Policy",
        always: &["id", "uuid"],
        listed: &["name", "description", "orgUUID", "status", "SCI"],
        rows: catalog::POLICIES.iter().map(row).collect(),
    }
}

fn repositories(now: f64) -> Resource {
    let row = |repository: &Named| {
        linked(json!({
            "id": repository.director_id.to_string(), "uuid": uuid(space::REPOSITORY, repository.id),
            "name": repository.name, "description": repository.description, "SCI": Instance::Linked.brief(),
            "type": "Local", "dataFormat": "IPv4", "vulnCount": "46",
            "organizations": [Instance::Linked.organization()], "createdTime": epoch(Some(now - 200.0 * DAY)),
            "modifiedTime": epoch(Some(now - 100.0 * DAY)),
        }))
    };
    Resource {
        kind: "Repository",
        always: &["id", "uuid"],
        listed: &["name", "description", "SCI", "type", "dataFormat"],
        rows: catalog::REPOSITORIES.iter().map(row).collect(),
    }
}

/// Zones have no UUID here, although a scan is created with one.
fn zones(now: f64) -> Resource {
    let row = |zone: &Named| {
        let scanners = catalog::find(catalog::SCANNERS, zone.id).map(|scanner| scanner_of(Instance::Linked, scanner));
        linked(json!({
            "id": zone.director_id.to_string(), "name": zone.name, "description": zone.description,
            "SCI": Instance::Linked.brief(), "ipList": zone.addresses, "scanners": [scanners],
            "organizations": [Instance::Linked.organization()], "createdTime": epoch(Some(now - 200.0 * DAY)),
            "modifiedTime": epoch(Some(now - 100.0 * DAY)),
        }))
    };
    Resource {
        kind: "Zone",
        always: &["id"],
        listed: &["name", "description", "SCI"],
        rows: catalog::ZONES.iter().map(row).collect(),
    }
}

fn scanner_of(instance: Instance, scanner: &Named) -> Value {
    let status = if instance == Instance::Linked { "1" } else { "2" };
    json!({
        "id": scanner.director_id.to_string(), "name": scanner.name, "description": scanner.description,
        "status": status,
    })
}

fn scanners() -> Resource {
    let row = |scanner: &Named| {
        let mut full = object(scanner_of(Instance::Linked, scanner));
        full.insert("SCI".into(), Instance::Linked.brief());
        full.insert("ip".into(), scanner.addresses.into());
        full.insert("port".into(), "8834".into());
        full.insert("version".into(), "10.8.3".into());
        linked(Value::Object(full))
    };
    Resource {
        kind: "Scanner",
        always: &["id"],
        listed: &["name", "description", "status", "SCI"],
        rows: catalog::SCANNERS.iter().map(row).collect(),
    }
}

/// Who asks: Director answers administrators alone. Their organization and group have numbers as ids.
pub(super) fn myself(request: &Request, now: f64) -> Success {
    let full = object(json!({
        "id": "1",
        "uuid": uuid(space::ELSEWHERE, 70),
        "username": super::super::accepted::USER,
        "firstname": "Director",
        "lastname": "Administrator",
        "status": "0",
        "role": {"id": "1", "name": "Administrator", "description": "Administrates the product."},
        "organization": {"id": 0, "name": "Tenable.sc Administration", "description": ""},
        "group": {"id": -1, "name": "", "description": ""},
        "authType": "tns",
        "locked": "false",
        "lastLogin": epoch(Some(now)),
        "lastLoginIP": "127.0.0.1",
        "createdTime": epoch(Some(now - 300.0 * DAY)),
        "modifiedTime": epoch(Some(now - 200.0 * DAY)),
    }));
    wire::pick(full, wire::parameter(request, "fields").as_deref(), &["id"], None).into()
}
