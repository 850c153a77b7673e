//! Who the user is, the state of the service, and folders.

use serde_json::{Value, json};

use super::reply::{self, Outcome};
use super::run::whole;
use super::world::{CONTAINER, Folder, OWNER, OWNER_ID, OWNER_UUID, World};
use super::{filters, scans, zones};
use crate::sandbox::{Reply, Request, accepted};

/// `GET /session`
pub fn session(world: &World, now: f64) -> Outcome {
    let (name, email) = &world.user;
    reply::ok(&json!({
        "id": OWNER_ID, "uuid": OWNER_UUID, "uuid_id": OWNER_UUID, "username": OWNER, "user_name": OWNER, "email": email,
        "name": name, "type": "local", "permissions": 64, "enabled": true, "login_fail_count": 0, "login_fail_total": 0,
        "container_id": 1_000_010, "container_uuid": CONTAINER, "container_name": "Sandbox container",
        "features": { "access_groups": true, "analytics": true, "rbac": true, "scan_service": true, "tagging": true,
            "webapp_scanning": false },
        "apps": {}, "group_uuids": [], "groups": [], "lastlogin": whole(now) * 1000
    }))
}

/// `PUT /session`
pub fn edit_session(world: &mut World, request: &Request) -> Outcome {
    let body = reply::body(request)?;
    let text = |name: &str| {
        let text = body.get(name).and_then(Value::as_str).map(str::to_owned);
        text.ok_or_else(|| reply::mistyped("payload", name, "must be a string"))
    };
    let (name, email) = (text("name")?, text("email")?);
    world.user = (name.clone(), email.clone());
    reply::ok(&json!({
        "id": OWNER_ID, "user_name": OWNER, "username": OWNER, "email": email, "name": name, "type": "local",
        "whatsnew_version": "", "aggregate": true, "permissions": 64, "login_fail_count": 0, "login_fail_total": 0,
        "enabled": true, "uuid": OWNER_UUID, "container_uuid": CONTAINER, "uuid_id": OWNER_UUID
    }))
}

/// `POST /session`, the login of old.
pub fn login(world: &mut World, request: &Request) -> Outcome {
    let body = reply::body(request)?;
    let is = |name: &str, wanted: &str| body.get(name).and_then(Value::as_str) == Some(wanted);
    if !(is("username", accepted::USER) || is("username", OWNER)) || !is("password", accepted::PASSWORD) {
        return Err(reply::long_error(401, "Unauthorized", "Invalid credentials."));
    }
    let token = world.hex(64);
    world.sessions.push(token.clone());
    reply::ok(&json!({ "token": token }))
}

/// `DELETE /session`
pub fn logout(world: &mut World, token: Option<&str>) -> Outcome {
    world.sessions.retain(|known| Some(known.as_str()) != token);
    reply::empty()
}

/// `PUT /session/chpasswd`. The password stays what it is: the sandbox has only the one.
pub fn change_password(request: &Request) -> Outcome {
    let body = reply::body(request)?;
    if body.get("password").and_then(Value::as_str).is_none_or(str::is_empty) {
        return Err(reply::invalid("password", ""));
    }
    if body.get("current_password").and_then(Value::as_str) != Some(accepted::PASSWORD) {
        return Err(reply::error(400, "Current password does not match"));
    }
    reply::empty()
}

/// `PUT /session/keys`. New keys would shut out everybody else who uses this sandbox, so they are the old ones.
pub fn keys() -> Outcome {
    reply::ok(&json!({ "accessKey": accepted::ACCESS_KEY, "secretKey": accepted::SECRET_KEY }))
}

/// `PUT /session/two-factor`, `POST /session/two-factor/…`
pub fn two_factor(request: &Request) -> Outcome {
    reply::body(request)?;
    reply::empty()
}

/// `GET /server/properties`
pub fn properties(now: f64) -> Outcome {
    let expires = whole(now) + 300 * 86400;
    reply::ok(&json!({
        "limitEnabled": false, "region": "US East", "loaded_plugin_set": "202501280413",
        "server_uuid": "7d2c5e1a-4b3f-9a8e-6c7d-0b1a2c3d4e5f60718293a4b5c6d7",
        "update": { "href": null, "new_version": 0, "restart": 0 }, "expiration": expires, "nessus_ui_version": "11.0.101",
        "nessus_type": "Nessus Cloud", "notifications": [], "expiration_time": 300,
        "license": { "evaluation": false, "users": 10, "scanners_used": 2, "expiration_date": expires, "ips": 1024,
            "agents": 512, "agents_used": 2, "scanners": 2 },
        "enterprise": true, "analytics": { "enabled": true, "site_id": "sandbox" }, "msp": false, "server_build": "C20067",
        "force_ui_reload": true,
        "capabilities": { "multi_user": "full", "multi_scanner": true, "report_email_config": true,
            "two_factor": { "twilio": true, "smtp": false } },
        "plugin_set": "202501280413", "idle_timeout": "30", "nessus_ui_build": "211", "scanner_boottime": whole(now) - 86400,
        "evaluation": { "limitEnabled": true, "targets": 25 }, "container_db_version": "10.44.0", "login_banner": null,
        "server_version": "6.9.1"
    }))
}

/// `GET /server/status`
pub fn status() -> Outcome {
    reply::ok(&json!({ "code": 200, "status": "ready" }))
}

/// `GET /scans/timezones`
pub fn timezones() -> Outcome {
    let zones: Vec<Value> = zones::names()
        .map(|name| {
            let mut zone = json!({ "name": name, "value": name });
            if name == "Zulu" {
                zone["current"] = json!(true);
            }
            zone
        })
        .collect();
    reply::ok(&json!({ "timezones": zones }))
}

/// `GET /filters/scans/reports`
pub fn report_filters() -> Outcome {
    reply::ok(&json!({ "filters": filters::catalogue(None) }))
}

/// `GET /filters/scans/reports/history`
pub fn history_filters() -> Outcome {
    reply::ok(&json!({
        "wildcard_fields": ["status"], "filters": [],
        "sort": { "max_sort_fields": 3, "sortable_fields": ["start_date", "end_date", "status"] }
    }))
}

/// `GET /folders`
pub fn folders(world: &World) -> Outcome {
    reply::ok(&json!({ "folders": scans::folders(world) }))
}

fn folder_name(request: &Request) -> Result<String, Reply> {
    let body = reply::body(request)?;
    reply::only(&body, &["name"])?;
    let name = body.get("name").and_then(Value::as_str).filter(|name| !name.trim().is_empty());
    name.map(str::to_owned).ok_or_else(|| reply::invalid("name", ""))
}

/// `POST /folders`
pub fn create_folder(world: &mut World, request: &Request) -> Outcome {
    let name = folder_name(request)?;
    let id = world.id();
    world.folders.push(Folder { id, name, kind: "custom" });
    reply::ok(&json!({ "id": id }))
}

/// A folder that users may change.
fn custom_folder(world: &World, id: &str) -> Result<usize, Reply> {
    let place = world.folders.iter().position(|folder| folder.id.to_string() == id).ok_or_else(reply::not_found)?;
    match world.folders.get(place) {
        Some(folder) if folder.kind == "custom" => Ok(place),
        _ => Err(reply::insufficient()),
    }
}

/// `PUT /folders/{id}`
pub fn rename_folder(world: &mut World, id: &str, request: &Request) -> Outcome {
    let place = custom_folder(world, id)?;
    let name = folder_name(request)?;
    if let Some(folder) = world.folders.get_mut(place) {
        folder.name = name;
    }
    reply::empty()
}

/// `DELETE /folders/{id}`: its scans go to the trash.
pub fn delete_folder(world: &mut World, id: &str) -> Outcome {
    let place = custom_folder(world, id)?;
    let folder = world.folders.remove(place);
    for scan in world.scans.iter_mut().filter(|scan| scan.folder == folder.id) {
        scan.folder = 2;
        scan.settings.remove("folder_id");
    }
    reply::empty()
}
