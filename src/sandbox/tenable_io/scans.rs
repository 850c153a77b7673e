//! Stored scans: list, create, update, copy, delete, and the small switches.

use serde_json::{Map, Value, json};

use super::reply::{self, Outcome};
use super::results::{page, total_targets};
use super::run::whole;
use super::world::{CONTAINER, MOST_ACTIVE, MOST_SCANS, OWNER_ID, OWNER_UUID, Scan, TEMPLATES, WEB_TEMPLATE, World};
use super::{control, scanners};
use crate::sandbox::{Reply, Request};

/// `GET /scans`: everything at once.
pub fn list(world: &World, request: &Request, now: f64) -> Outcome {
    let folder = reply::number(request, "folder_id")?;
    let since = reply::number(request, "last_modification_date")?;
    let from = reply::number(request, "started_from")?;
    let to = reply::number(request, "started_to")?;
    let wanted = |scan: &&Scan| {
        let started = scan.latest().map(|run| whole(run.launched));
        !scan.remediation
            && folder.is_none_or(|folder| u64::try_from(folder) == Ok(scan.folder))
            // This one is about runs, not about edits: active now, or executed since.
            && since.is_none_or(|since| scan.active() || scan.latest().is_some_and(|run| whole(run.since) >= since))
            && from.is_none_or(|from| started.is_some_and(|started| started >= from))
            && to.is_none_or(|to| started.is_some_and(|started| started <= to))
    };
    let mut scans: Vec<Value> = world.scans.iter().filter(wanted).map(|scan| item(scan, now)).collect();
    scans.sort_by_key(|scan| std::cmp::Reverse(scan["last_modification_date"].as_i64()));
    reply::ok(&json!({ "folders": folders(world), "scans": scans, "timestamp": whole(now) }))
}

fn item(scan: &Scan, now: f64) -> Value {
    let mut item = json!({
        "template_uuid": scan.template, "permissions": scan.permissions, "legacy": false, "type": null, "read": scan.read,
        "last_modification_date": scan.modified, "creation_date": scan.created, "status": scan.status(), "uuid": null,
        "shared": scan.permissions < 128, "user_permissions": scan.permissions, "owner": scan.owner,
        "schedule_uuid": scan.schedule_uuid, "timezone": scan.text("timezone"), "rrules": scan.text("rrules"),
        "starttime": scan.text("starttime"), "enabled": scan.enabled(), "control": scan.control(),
        "wizard_uuid": scan.template, "policy_id": scan.policy_id, "name": scan.name(), "id": scan.id, "has_triggers": false
    });
    if let Some(run) = scan.latest() {
        item["uuid"] = json!(run.uuid);
        item["type"] = json!(run.kind);
        item["progress"] = json!(run.progress(now));
        item["total_targets"] = json!(total_targets(run));
    }
    item
}

/// Folders with how many of their scans have results that nobody looked at.
pub fn folders(world: &World) -> Vec<Value> {
    let unread = |id| world.scans.iter().filter(|scan| scan.folder == id && !scan.read).count();
    world
        .folders
        .iter()
        .map(|folder| {
            json!({
                "unread_count": unread(folder.id), "custom": u8::from(folder.kind == "custom"),
                "default_tag": u8::from(folder.kind == "main"), "type": folder.kind, "name": folder.name, "id": folder.id
            })
        })
        .collect()
}

/// Who may do what with a scan.
pub fn acls(scan: &Scan) -> Value {
    scan.settings.get("acls").filter(|acls| acls.as_array().is_some_and(|acls| !acls.is_empty())).cloned().unwrap_or_else(
        || {
            json!([
                { "permissions": 0, "owner": null, "display_name": null, "name": null, "uuid": null, "id": null, "type": "default" },
                { "permissions": 128, "owner": 1, "display_name": scan.owner, "name": scan.owner, "uuid": OWNER_UUID,
                  "id": OWNER_ID, "type": "user" }
            ])
        },
    )
}

/// A scan to change; the permissions to edit it are 64 and up.
fn editable<'a>(world: &'a mut World, id: &str) -> Result<&'a mut Scan, Reply> {
    let scan = world.scan_mut(id).ok_or_else(reply::not_found)?;
    if scan.permissions < 64 { Err(reply::insufficient()) } else { Ok(scan) }
}

/// Refuses settings of the wrong type. Values are stored unchecked otherwise: targets that are none, for example.
fn check_settings(world: &World, settings: &Map<String, Value>) -> Result<(), Reply> {
    for (name, value) in settings {
        let fits = match name.as_str() {
            "name"
            | "text_targets"
            | "file_targets"
            | "starttime"
            | "timezone"
            | "rrules"
            | "description"
            | "emails"
            | "launch"
            | "scheduleScan"
            | "target_network_uuid" => value.is_string() || (value.is_null() && name != "name"),
            "enabled" | "launch_now" | "include_aggregate" => value.is_boolean(),
            "folder_id" => {
                value.is_null() || value.as_u64().is_some_and(|id| world.folders.iter().any(|folder| folder.id == id))
            }
            "scanner_id" => value.is_null() || value.as_str().is_some_and(scanners::known),
            "policy_id" => policy(value).is_some_and(|id| known_policy(world, id)),
            "acls" | "target_groups" | "tag_targets" | "asset_lists" | "agent_group_id" => {
                value.is_array() || value.is_null()
            }
            _ => true,
        };
        if !fits {
            return Err(reply::invalid(name, &value.to_string()));
        }
    }
    let filled = |name: &str| settings.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    if filled("scanner_id") == Some("AUTO-ROUTED") && filled("target_network_uuid").is_none() {
        return Err(reply::invalid("target_network_uuid", ""));
    }
    Ok(())
}

/// Policy ids come as text or as number.
fn policy(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_str().and_then(|text| text.parse().ok()))
}

fn known_policy(world: &World, id: u64) -> bool {
    world.policies.iter().any(|policy| policy.id == id) || world.scans.iter().any(|scan| scan.policy_id == Some(id))
}

fn settings(body: &Map<String, Value>) -> Result<Map<String, Value>, Reply> {
    match body.get("settings") {
        Some(Value::Object(settings)) => Ok(settings.clone()),
        Some(_) => Err(reply::mistyped("payload", "settings", "must be an object")),
        None => Err(reply::mistyped("payload", "settings", "is required")),
    }
}

/// A template by UUID, which must be known.
fn template(body: &Map<String, Value>) -> Result<Option<String>, Reply> {
    match body.get("uuid") {
        None => Ok(None),
        Some(Value::String(uuid))
            if uuid == WEB_TEMPLATE.2 || TEMPLATES.iter().any(|template| template.2 == uuid.as_str()) =>
        {
            Ok(Some(uuid.clone()))
        }
        Some(value) => Err(reply::invalid("uuid", &value.to_string())),
    }
}

/// `POST /scans`, and `POST /scans/remediation`
pub fn create(world: &mut World, request: &Request, remediation: bool, now: f64) -> Outcome {
    let body = reply::body(request)?;
    let template = template(&body)?.ok_or_else(|| reply::mistyped("payload", "uuid", "is required"))?;
    let settings = settings(&body)?;
    check_settings(world, &settings)?;
    if body.get("credentials").is_some_and(|credentials| !credentials.is_object()) {
        return Err(reply::mistyped("payload", "credentials", "must be an object"));
    }
    if settings.get("name").and_then(Value::as_str).is_none_or(str::is_empty) {
        return Err(reply::invalid("name", ""));
    }
    let filled = |name: &str| match settings.get(name) {
        Some(Value::String(text)) => !text.is_empty(),
        Some(Value::Array(list)) => !list.is_empty(),
        _ => false,
    };
    let kinds = ["text_targets", "file_targets", "target_groups", "tag_targets", "agent_group_id", "asset_lists"];
    if !kinds.iter().any(|kind| filled(kind)) {
        return Err(reply::invalid("text_targets", ""));
    }
    if world.scans.len() >= MOST_SCANS {
        return Err(reply::insufficient());
    }
    let launch_now = settings.get("launch_now").and_then(Value::as_bool) == Some(true);
    if launch_now && world.active() >= MOST_ACTIVE {
        return Err(reply::too_many(control::retry_after(world.speed)));
    }
    let chosen_policy = settings.get("policy_id").and_then(policy);
    let place = world.add(Some(&template), settings, now);
    if let Some(scan) = world.scans.get_mut(place) {
        scan.remediation = remediation;
        scan.policy_id = chosen_policy.or(scan.policy_id);
    }
    change_credentials(world, place, &body)?;
    if launch_now {
        world.launch(place, None, false, now);
    }
    let scan = world.scans.get(place).ok_or_else(reply::not_found)?;
    reply::ok(&json!({ "scan": stored(scan) }))
}

/// A scan as create and update answer it.
fn stored(scan: &Scan) -> Value {
    let get = |name: &str| scan.settings.get(name).cloned().unwrap_or(Value::Null);
    json!({
        "tag_type": null, "container_id": CONTAINER, "owner_uuid": OWNER_UUID, "uuid": scan.schedule_uuid,
        "name": scan.name(), "description": get("description"), "policy_id": scan.policy_id, "scanner_id": null,
        "scanner_uuid": scan.scanner(), "emails": get("emails"), "sms": "", "enabled": scan.enabled(),
        "include_aggregate": true, "scan_time_window": get("scan_time_window"), "custom_targets": scan.text("text_targets"),
        "target_network_uuid": get("target_network_uuid"), "auto_routed": u8::from(scan.scanner() == "AUTO-ROUTED"),
        "remediation": u8::from(scan.remediation), "starttime": get("starttime"), "rrules": get("rrules"),
        "timezone": get("timezone"), "notification_filters": null, "shared": 0, "user_permissions": scan.permissions,
        "default_permissions": 0, "owner": scan.owner, "owner_id": OWNER_ID, "last_modification_date": scan.modified,
        "creation_date": scan.created, "type": "public", "id": scan.id
    })
}

/// `PUT /scans/{id}`
pub fn update(world: &mut World, id: &str, request: &Request, now: f64) -> Outcome {
    let body = reply::body(request)?;
    let template = template(&body)?;
    let sent = settings(&body)?;
    check_settings(world, &sent)?;
    editable(world, id)?;
    let place = world.scans.iter().position(|scan| scan.schedule_uuid == id || scan.id.to_string() == id);
    let place = place.ok_or_else(reply::not_found)?;
    change_credentials(world, place, &body)?;
    let launch_now = sent.get("launch_now").and_then(Value::as_bool) == Some(true);
    let main = world.folders.iter().find(|folder| folder.kind == "main").map_or(3, |folder| folder.id);
    let scan = world.scans.get_mut(place).ok_or_else(reply::not_found)?;
    // What is not named again is forgotten: the scan moves to the cloud scanner and the main folder, without a schedule.
    for name in ["scanner_id", "target_network_uuid", "scan_time_window"] {
        scan.settings.remove(name);
    }
    scan.settings.insert("enabled".to_owned(), json!(false));
    scan.folder = sent.get("folder_id").and_then(Value::as_u64).unwrap_or(main);
    scan.settings.extend(sent);
    if scan.template.is_some() {
        scan.template = template.or_else(|| scan.template.clone());
    }
    if scan.runs.is_empty() {
        scan.modified = whole(now);
    }
    let mut answer = stored(scan);
    // Text in this answer alone.
    if let Some(window) = scan.settings.get("scan_time_window").filter(|window| window.is_number()) {
        answer["scan_time_window"] = json!(window.to_string());
    }
    if launch_now && world.scans.get(place).is_some_and(|scan| !scan.active()) {
        world.launch(place, None, false, now);
    }
    reply::ok(&answer)
}

/// `credentials: {add: {category: {type: [..]}}, edit: {id: {..}}, delete: [id]}`
fn change_credentials(world: &mut World, place: usize, body: &Map<String, Value>) -> Result<(), Reply> {
    let Some(changes) = body.get("credentials") else { return Ok(()) };
    let changes = changes.as_object().ok_or_else(|| reply::mistyped("payload", "credentials", "must be an object"))?;
    let mut added = Vec::new();
    for (category, types) in changes.get("add").and_then(Value::as_object).into_iter().flatten() {
        for (kind, list) in types.as_object().into_iter().flatten() {
            for settings in list.as_array().into_iter().flatten() {
                added.push((world.id(), category.clone(), kind.clone(), settings.clone()));
            }
        }
    }
    let Some(scan) = world.scans.get_mut(place) else { return Ok(()) };
    for (id, settings) in changes.get("edit").and_then(Value::as_object).into_iter().flatten() {
        if let Some(known) = scan.credentials.iter_mut().find(|known| known.0.to_string() == *id) {
            known.3 = settings.clone();
        }
    }
    for id in changes.get("delete").and_then(Value::as_array).into_iter().flatten() {
        scan.credentials.retain(|known| Some(known.0) != policy(id));
    }
    scan.credentials.extend(added);
    Ok(())
}

/// `POST /scans/{id}/credentials/{credential}/upgrade`
pub fn upgrade_credential(world: &mut World, id: &str, credential: &str, request: &Request) -> Outcome {
    let body = reply::body(request)?;
    for name in ["name", "type", "category", "settings", "ad_hoc"] {
        if !body.contains_key(name) {
            return Err(reply::mistyped("payload", name, "is required"));
        }
    }
    let scan = editable(world, id)?;
    let before = scan.credentials.len();
    scan.credentials.retain(|known| known.0.to_string() != credential);
    if scan.credentials.len() == before {
        return Err(reply::not_found());
    }
    let uuid = world.uuid();
    reply::ok(&json!({ "uuid": uuid }))
}

/// `POST /scans/{id}/copy`
pub fn copy(world: &mut World, id: &str, request: &Request, now: f64) -> Outcome {
    let body = reply::body(request)?;
    reply::only(&body, &["folder_id", "name"])?;
    check_settings(world, &body)?;
    let scan = editable(world, id)?.clone();
    let mut settings = scan.settings.clone();
    let name =
        body.get("name").and_then(Value::as_str).map_or_else(|| format!("Copy of {}", scan.name()), str::to_owned);
    settings.insert("name".to_owned(), json!(name));
    if let Some(folder) = body.get("folder_id").filter(|folder| !folder.is_null()) {
        settings.insert("folder_id".to_owned(), folder.clone());
    }
    let place = world.add(scan.template.as_deref(), settings, now);
    let copy = world.scans.get_mut(place).ok_or_else(reply::not_found)?;
    // Copies have the bare form of the schedule UUID.
    copy.schedule_uuid = copy.schedule_uuid.trim_start_matches("template-").to_owned();
    copy.fate = scan.fate;
    copy.credentials = scan.credentials;
    copy.read = false;
    if body.get("folder_id").is_none() {
        copy.folder = scan.folder;
    }
    reply::ok(&json!({
        "timezone": copy.text("timezone"), "enabled": copy.enabled(), "last_modification_date": copy.modified, "id": copy.id,
        "status": "empty", "user_permissions": 128, "owner": copy.owner, "starttime": copy.text("starttime"), "control": true,
        "uuid": copy.schedule_uuid, "rrules": copy.text("rrules"), "creation_date": copy.created, "read": false,
        "shared": false, "name": copy.name()
    }))
}

/// `DELETE /scans/{id}`
pub fn delete(world: &mut World, id: &str) -> Outcome {
    let scan = editable(world, id)?;
    if scan.active() {
        return Err(reply::error(409, "Can not delete an active scan"));
    }
    let id = scan.id;
    world.scans.retain(|scan| scan.id != id);
    world.exports.retain(|export| export.scan != id);
    reply::empty()
}

/// `PUT /scans/{id}/schedule`
pub fn schedule(world: &mut World, id: &str, request: &Request) -> Outcome {
    let enabled = switch(request, "enabled")?;
    let scan = world.scan_mut(id).ok_or_else(reply::scan_not_found)?;
    if scan.permissions < 32 {
        return Err(reply::insufficient());
    }
    scan.settings.insert("enabled".to_owned(), json!(enabled));
    let mut answer = json!({ "control": scan.control(), "enabled": enabled, "rrules": scan.text("rrules") });
    // Without a schedule there is nothing to print.
    for name in ["timezone", "starttime"] {
        if let Some(text) = scan.text(name) {
            answer[name] = json!(text);
        }
    }
    reply::ok(&answer)
}

/// `PUT /scans/{id}/status`, which marks results as read and has nothing to do with the scan's status.
pub fn mark(world: &mut World, id: &str, request: &Request) -> Outcome {
    let read = switch(request, "read")?;
    world.scan_mut(id).ok_or_else(reply::not_found)?.read = read;
    reply::empty()
}

/// The one boolean of a body.
fn switch(request: &Request, name: &str) -> Result<bool, Reply> {
    let body = reply::body(request)?;
    reply::only(&body, &[name])?;
    body.get(name).and_then(Value::as_bool).ok_or_else(|| reply::mistyped("payload", name, "must be a boolean"))
}

/// `PUT /scans/{id}/folder`
pub fn move_to(world: &mut World, id: &str, request: &Request) -> Outcome {
    let body = reply::body(request)?;
    reply::only(&body, &["folder_id"])?;
    let folder = body.get("folder_id").and_then(Value::as_u64);
    let folder = folder.ok_or_else(|| reply::mistyped("payload", "folder_id", "must be a number"))?;
    if !world.folders.iter().any(|known| known.id == folder) {
        return Err(reply::not_found());
    }
    world.scan_mut(id).ok_or_else(reply::not_found)?.folder = folder;
    reply::empty()
}

/// `GET /scans/count`
pub fn count(world: &World, request: &Request) -> Outcome {
    let count = match reply::flag(request, "active")? {
        Some(true) => world.active(),
        _ => world.scans.len(),
    };
    reply::ok(&json!({ "count": count }))
}

/// `GET /scans/remediation`
pub fn remediations(world: &World, request: &Request, now: f64) -> Outcome {
    let limit = page(request, "limit", 50)?;
    let offset = page(request, "offset", 0)?;
    let sort = request.parameter("sort").unwrap_or("scan_creation_date:desc");
    let ascending = match sort {
        "scan_creation_date:asc" => true,
        "scan_creation_date:desc" => false,
        other => return Err(reply::invalid("sort", other)),
    };
    let mut scans: Vec<&Scan> = world.scans.iter().filter(|scan| scan.remediation).collect();
    scans.sort_by_key(|scan| scan.id);
    if !ascending {
        scans.reverse();
    }
    let total = scans.len();
    let lines: Vec<Value> = scans
        .into_iter()
        .skip(offset)
        .take(limit)
        .map(|scan| {
            let mut line = item(scan, now);
            line["scan_creation_date"] = json!(scan.created);
            line["remediation"] = json!(1);
            if let Some(members) = line.as_object_mut() {
                // Never run: zeros instead of dates, and what would be null is left out.
                if scan.runs.is_empty() {
                    members.insert("creation_date".to_owned(), json!(0));
                    members.insert("last_modification_date".to_owned(), json!(0));
                }
                members.retain(|name, value| !value.is_null() && name != "template_uuid" && name != "legacy");
            }
            line
        })
        .collect();
    reply::ok(&json!({
        "pagination": { "offset": offset, "total": total, "sort": sort, "limit": limit }, "scans": lines
    }))
}

/// `POST /scans/check-auto-targets`: whether any scanner's routes cover the targets. Only private networks are routed.
pub fn check_targets(request: &Request) -> Outcome {
    let body = reply::body(request)?;
    reply::only(&body, &["network_uuid", "target_list", "tags"])?;
    let limit = page(request, "limit", 10)?;
    let most = page(request, "matched_resource_limit", 5)?;
    let targets = match body.get("target_list") {
        None => "",
        Some(Value::String(text)) => text,
        Some(_) => return Err(reply::mistyped("payload", "target_list", "must be a string")),
    };
    let targets: Vec<&str> = targets.split(',').map(str::trim).filter(|target| !target.is_empty()).collect();
    let missed: Vec<&&str> = targets.iter().filter(|target| !target.starts_with("10.")).collect();
    let matched = if missed.len() < targets.len() { vec![super::world::OWN_SCANNER] } else { Vec::new() };
    reply::ok(&json!({
        "missed_targets": missed.iter().take(limit).collect::<Vec<_>>(), "total_missed_targets": missed.len(),
        "matched_resource_uuids": matched.iter().take(most).collect::<Vec<_>>(), "total_matched_resource_uuids": matched.len()
    }))
}
