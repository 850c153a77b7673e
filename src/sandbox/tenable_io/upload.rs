//! Uploading files and importing scans from them.

use serde_json::{Map, Value, json};

use super::imported::{self, Upload};
use super::reply::{self, Outcome};
use super::run::{Fate, Run, State, whole};
use super::world::{Scan, World};
use crate::sandbox::{Reply, Request};

/// Results older than fifteen months are not taken.
const OLDEST: i64 = 456 * 86400;

/// `POST /file/upload`
pub fn file(world: &mut World, request: &Request) -> Outcome {
    let bytes = form_field(request, "Filedata").ok_or_else(|| reply::invalid("Filedata", "missing"))?;
    let mut name = bytes.0;
    if world.uploads.iter().any(|(known, _)| *known == name) {
        let base = name;
        let mut number = 1;
        loop {
            name = format!("{base}_{number}");
            if !world.uploads.iter().any(|(known, _)| *known == name) {
                break;
            }
            number += 1;
        }
    }
    world.uploads.push((name.clone(), bytes.1));
    reply::ok(&json!({ "fileuploaded": name }))
}

/// File name and content of one field of a multipart form.
fn form_field(request: &Request, field: &str) -> Option<(String, Vec<u8>)> {
    let kind = request.header("content-type")?;
    let boundary = kind.strip_prefix("multipart/form-data")?.split_once("boundary=")?.1;
    let boundary = boundary.split(';').next()?.trim_matches('"');
    let marker = format!("--{boundary}");
    let mut rest = request.body.as_slice();
    while let Some(at) = find(rest, marker.as_bytes()) {
        rest = rest.get(at + marker.len()..)?.strip_prefix(b"\r\n")?;
        let end = find(rest, b"\r\n\r\n")?;
        let head = String::from_utf8_lossy(rest.get(..end)?).into_owned();
        rest = rest.get(end + 4..)?;
        let length = find(rest, format!("\r\n{marker}").as_bytes())?;
        let parameter = |name: &str| {
            let after = head.split_once(&format!("; {name}=\""))?.1;
            Some(after.split_once('"')?.0.to_owned())
        };
        if parameter("name").as_deref() == Some(field) {
            return Some((parameter("filename").unwrap_or_else(|| field.to_owned()), rest.get(..length)?.to_vec()));
        }
    }
    None
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}

/// `POST /scans/import`
pub fn import(world: &mut World, request: &Request, now: f64) -> Outcome {
    let body = reply::body(request)?;
    reply::only(&body, &["file", "folder_id", "password"])?;
    if !matches!(request.parameter("include_aggregate"), None | Some("0" | "1")) {
        return Err(reply::mistyped("query", "include_aggregate", "must be one of [0, 1]"));
    }
    let name = match body.get("file") {
        Some(Value::String(name)) => name,
        _ => return Err(reply::mistyped("payload", "file", "is required")),
    };
    let folder = match body.get("folder_id") {
        None | Some(Value::Null) => None,
        Some(id) => Some(
            id.as_u64()
                .filter(|id| world.folders.iter().any(|folder| folder.id == *id))
                .ok_or_else(|| reply::invalid("folder_id", &id.to_string()))?,
        ),
    };
    let bytes = world.uploads.iter().find(|(known, _)| known == name).map(|(_, bytes)| bytes);
    let bytes = bytes.ok_or_else(reply::not_found)?;
    let upload = imported::read(bytes).ok_or_else(|| reply::invalid("file", "not a supported report"))?;
    if upload.scanned.is_some_and(|scanned| whole(now) - scanned > OLDEST) {
        return Err(too_old(whole(now)));
    }
    let place = add_import(world, upload, folder.unwrap_or(3), now);
    let scan = world.scans.get(place).ok_or_else(reply::not_found)?;
    reply::ok(&json!({ "scan": answer(scan, folder) }))
}

/// JSON inside JSON, and that under the name of HTML.
fn too_old(now: i64) -> Reply {
    let limit = jiff::Timestamp::from_second(now - OLDEST).map(|time| time.strftime("%m/%d/%Y").to_string());
    let inner = json!({ "error": format!("Scans older than {} cannot be imported.", limit.unwrap_or_default()) });
    let mut reply = reply::error(409, &inner.to_string());
    reply.headers = vec![("Content-Type", "text/html; charset=utf-8".to_owned())];
    reply
}

fn answer(scan: &Scan, folder: Option<u64>) -> Value {
    let mut answer = json!({
        "timezone": null, "id": scan.id, "last_modification_date": scan.modified, "status": "imported",
        "user_permissions": 128, "folder_id": folder, "owner": scan.owner, "control": null, "starttime": null,
        "uuid": null, "rrules": null, "creation_date": scan.created, "read": false, "name": scan.name(), "shared": false
    });
    if let Some(run) = scan.latest() {
        answer["uuid"] = json!(run.uuid);
    }
    answer
}

/// Adds a scan that consists of uploaded results and gives its place.
pub fn add_import(world: &mut World, upload: Upload, folder: u64, now: f64) -> usize {
    let name = if upload.name.is_empty() { "Imported scan" } else { &upload.name };
    let settings = Map::from_iter([("name".to_owned(), json!(name)), ("folder_id".to_owned(), json!(folder))]);
    let place = world.add(None, settings, now);
    let run = Run {
        uuid: world.long_uuid(),
        history_id: world.history_id(),
        ordinal: 1,
        targets: String::new(),
        custom_targets: false,
        kind: None,
        scheduled: false,
        launched: now,
        state: State::Imported,
        since: now,
        worked: 0.0,
        fate: Fate::Completes,
        upload: Some(upload),
        speed: world.speed,
    };
    if let Some(scan) = world.scans.get_mut(place) {
        scan.read = false;
        scan.runs.push(run);
    }
    place
}
