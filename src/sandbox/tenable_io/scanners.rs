//! Scanners of the container: the cloud's, one of its own, and one that is off.

use serde_json::{Value, json};

use super::reply::{self, Outcome};
use super::run::whole;
use super::world::{CLOUD_SCANNER, DARK_SCANNER, OWNER_ID, OWNER_UUID, World};
use super::{results, world};
use crate::sandbox::{Reply, Request};

/// Number, UUID, name and whether it answers.
const SCANNERS: [(u64, &str, &str, bool); 3] = [
    (1001, CLOUD_SCANNER, "US Cloud Scanner", true),
    (1002, world::OWN_SCANNER, "Branch scanner", true),
    (1003, DARK_SCANNER, "Dark site scanner", false),
];

type Scanner = (u64, &'static str, &'static str, bool);

/// Whether a scan may name this scanner.
pub fn known(id: &str) -> bool {
    id.is_empty() || id == "AUTO-ROUTED" || find(id).is_some()
}

/// The name of a scanner by UUID.
pub fn name(id: &str) -> &str {
    find(id).map_or("Auto-Select", |scanner| scanner.2)
}

/// What the editor offers.
pub fn options() -> Value {
    SCANNERS.iter().map(|(_, uuid, name, _)| json!({ "id": uuid, "name": name, "type": "local" })).collect()
}

fn find(id: &str) -> Option<&'static Scanner> {
    SCANNERS.iter().find(|scanner| scanner.1 == id || scanner.0.to_string() == id)
}

fn wanted(id: &str) -> Result<&'static Scanner, Reply> {
    find(id).ok_or_else(|| reply::long_error(404, "Not Found", &format!("Scanner with id {id} not found.")))
}

fn item(scanner: &Scanner, world: &World, now: f64) -> Value {
    let (id, uuid, name, on) = scanner;
    let cloud = *uuid == CLOUD_SCANNER;
    json!({
        "id": id, "uuid": uuid, "name": name, "type": if cloud { "local" } else { "managed" }, "status": if *on { "on" } else { "off" },
        "scan_count": world.scans.iter().filter(|scan| scan.scanner() == *uuid && scan.active()).count(),
        "engine_version": "19.7.3", "platform": "LINUX", "loaded_plugin_set": "202501280413", "owner": "system",
        "owner_name": "system", "pool": cloud, "group": cloud, "linked": 1, "key": format!("{id:064x}"), "license": null,
        "num_scans": 0, "network_name": "Default", "source": "service", "timestamp": whole(now), "user_permissions": 128,
        "shared": true, "creation_date": 1_546_300_800, "last_modification_date": 1_546_300_800,
        "last_connect": if *on { Some(whole(now) - 20) } else { Some(whole(now) - 30 * 86400) }
    })
}

/// `GET /scanners`
pub fn list(world: &World, now: f64) -> Outcome {
    let scanners: Vec<Value> = SCANNERS.iter().map(|scanner| item(scanner, world, now)).collect();
    reply::ok(&json!({ "scanners": scanners }))
}

/// `GET /scanners/{id}`, whose 404 has no body at all.
pub fn details(world: &World, id: &str, now: f64) -> Outcome {
    match find(id) {
        Some(scanner) => reply::ok(&item(scanner, world, now)),
        None => Err(Reply { status: 404, headers: Vec::new(), body: Vec::new() }),
    }
}

/// `PUT /scanners/{id}` and `PUT /scanners/{id}/link`
pub fn edit(id: &str, request: &Request) -> Outcome {
    reply::body(request)?;
    wanted(id)?;
    reply::empty()
}

/// `DELETE /scanners/{id}`, which the simulated scanners do not allow.
pub fn delete(id: &str) -> Outcome {
    wanted(id)?;
    Err(reply::insufficient())
}

/// `GET /scanners/{id}/key`
pub fn key(id: &str) -> Outcome {
    reply::ok(&json!({ "key": format!("{:064x}", wanted(id)?.0) }))
}

/// `GET /scanners/{id}/aws-targets`
pub fn aws_targets(id: &str) -> Outcome {
    wanted(id)?;
    reply::ok(&json!({ "targets": [] }))
}

/// `GET /scanners/{id}/scans`
pub fn live(world: &World, id: &str) -> Outcome {
    reply::ok(&json!({ "scans": results::of_scanner(world, wanted(id)?.1) }))
}

/// `POST /scanners/{id}/scans/{run}/control`
pub fn control(world: &mut World, id: &str, run: &str, request: &Request, now: f64) -> Outcome {
    super::control::by_scanner(world, wanted(id)?.1, run, request, now)
}

/// `GET /permissions/scanner/{id}`
pub fn permissions(world: &World, id: &str) -> Outcome {
    let number = wanted(id)?.0;
    let edited = world.scanner_acls.iter().find(|(known, _)| *known == number).map(|(_, acls)| acls.clone());
    let acls = edited.unwrap_or_else(|| {
        json!([
            { "type": "default", "permissions": 16 },
            { "type": "user", "permissions": 128, "id": OWNER_ID, "uuid": OWNER_UUID, "name": world.user.0, "owner": 1 }
        ])
    });
    reply::ok(&json!({ "acls": acls }))
}

/// `PUT /permissions/scanner/{id}`
pub fn change_permissions(world: &mut World, id: &str, request: &Request) -> Outcome {
    let number = wanted(id)?.0;
    let body = reply::body(request)?;
    let acls = body.get("acls").filter(|acls| acls.is_array());
    let acls = acls.ok_or_else(|| reply::mistyped("payload", "acls", "must be an array"))?.clone();
    world.scanner_acls.retain(|(known, _)| *known != number);
    world.scanner_acls.push((number, acls));
    reply::empty()
}
