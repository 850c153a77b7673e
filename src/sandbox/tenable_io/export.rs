//! The three calls of an export, and the list of recent ones.

use serde_json::{Map, Value, json};

use super::filters::{self, Filter};
use super::formats;
use super::reply::{self, Outcome};
use super::results::{chosen, page};
use super::run::{Run, whole};
use super::view;
use super::world::{Export, OWNER_UUID, Scan, World};
use crate::sandbox::{Reply, Request};

/// How long the service works on an export, in seconds at its own pace.
const PREPARING: f64 = 3.0;
const CHAPTERS: [&str; 6] =
    ["vuln_hosts_summary", "vuln_by_host", "compliance_exec", "remediations", "vuln_by_plugin", "compliance"];

/// What an export request asks for.
struct Wanted {
    format: String,
    chapters: String,
    filters: Vec<Filter>,
    any: bool,
}

/// `POST /scans/{id}/export`
pub fn request(world: &mut World, id: &str, request: &Request, now: f64) -> Outcome {
    let body = reply::body(request)?;
    let wanted = read(&body)?;
    let scan = exportable(world, id, request)?;
    let run = chosen(scan, request).ok().flatten().ok_or_else(reply::not_found)?;
    if wanted.format == "db" {
        // A database holds one host of one named run and is encrypted.
        for name in ["password", "asset_id"] {
            if body.get(name).and_then(Value::as_str).is_none_or(str::is_empty) {
                return Err(reply::mistyped("payload", name, "is required"));
            }
        }
        if request.parameter("history_id").is_none() {
            return Err(reply::mistyped("query", "history_id", "is required"));
        }
    }
    if run.older(now, 60.0) && (!matches!(wanted.format.as_str(), "nessus" | "csv") || !wanted.filters.is_empty()) {
        let text = "Results older than 60 days are exported as nessus or csv, and without filters.";
        return Err(reply::long_error(400, "Bad Request", text));
    }
    let bytes = bytes(scan, run, &wanted, now);
    let (scan, run_uuid) = (scan.id, run.uuid.clone());
    let file = if request.parameter("type").is_some() {
        // Exports of web applications have a bare UUID.
        run_uuid.clone()
    } else {
        file_id(&run_uuid, &wanted)
    };
    let token = world.hex(64);
    let ready = now + PREPARING / world.speed;
    match world.exports.iter_mut().find(|export| export.file == file && export.scan == scan) {
        // Asked for again: the same file, at once, unless the run has gone on since.
        Some(known) if known.bytes == bytes => {}
        Some(known) => {
            known.bytes = bytes;
            known.ready = ready;
        }
        None => world.exports.push(Export {
            file: file.clone(),
            scan,
            run: run_uuid,
            format: wanted.format,
            chapters: wanted.chapters,
            created: now,
            ready,
            bytes,
        }),
    }
    reply::ok(&json!({ "file": file, "temp_token": token }))
}

/// A scan that can be exported by this call: web applications with `type=web-app`, all others without.
fn exportable<'a>(world: &'a World, id: &str, request: &Request) -> Result<&'a Scan, Reply> {
    let web = match request.parameter("type") {
        None => false,
        Some("web-app") => true,
        Some(other) => return Err(reply::invalid("type", other)),
    };
    world.scan(id).filter(|scan| scan.web == web).ok_or_else(reply::not_found)
}

fn read(body: &Map<String, Value>) -> Result<Wanted, Reply> {
    let Some(format) = body.get("format") else { return Err(reply::mistyped("payload", "format", "is required")) };
    let format = format.as_str().filter(|format| matches!(*format, "nessus" | "csv" | "html" | "pdf" | "db"));
    let format = format
        .ok_or_else(|| reply::mistyped("payload", "format", "must be one of [nessus, html, pdf, csv, db]"))?
        .to_owned();
    let chapters = match body.get("chapters") {
        None => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(_) => return Err(reply::mistyped("payload", "chapters", "must be a string")),
    };
    // The other formats ignore chapters.
    if matches!(format.as_str(), "html" | "pdf") {
        if chapters.is_empty() {
            return Err(reply::mistyped("payload", "chapters", "is required"));
        }
        if let Some(unknown) = chapters.split(';').find(|chapter| !CHAPTERS.contains(chapter)) {
            return Err(reply::invalid("chapters", unknown));
        }
    }
    let (filters, any) = filters::read(body)?;
    Ok(Wanted { format, chapters, filters, any })
}

/// An id that depends on the run, the format, the filters and the chapters alone.
fn file_id(run: &str, wanted: &Wanted) -> String {
    let digest = |text: &str| {
        format!(
            "{:016x}",
            text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
                (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
            })
        )
    };
    let Wanted { format, chapters, filters, any } = wanted;
    let chaptered = matches!(format.as_str(), "html" | "pdf");
    match (filters.is_empty(), chaptered) {
        (true, false) if format == "nessus" => format!("SSE-{run}-nessus"),
        (true, false) => format!("SSEUF-{run}-{format}"),
        (true, true) => format!("SSEUF-{run}-C:{}-{format}", digest(chapters)),
        (false, _) => {
            let chapters = if chaptered { chapters.as_str() } else { "" };
            format!("SSEF-{run}-F:{}-{format}", digest(&format!("{filters:?}{any}{chapters}")))
        }
    }
}

fn bytes(scan: &Scan, run: &Run, wanted: &Wanted, now: f64) -> Vec<u8> {
    let passes = |host: &view::ViewHost, row: &view::ViewRow| filters::passes(&wanted.filters, wanted.any, host, row);
    let policy = scan.template.as_deref().map_or("", super::editor::template_title);
    if wanted.format == "nessus" {
        return formats::nessus(scan.name(), policy, run, now, &passes);
    }
    let mut hosts = view::hosts(run, now);
    for host in &mut hosts {
        let all = std::mem::take(&mut host.rows);
        host.rows = all.into_iter().filter(|row| passes(host, row)).collect();
    }
    match wanted.format.as_str() {
        "csv" => formats::csv(&hosts),
        "html" => formats::html(scan.name(), &wanted.chapters, &hosts),
        "pdf" => formats::pdf(scan.name(), &hosts),
        _ => formats::database(&run.uuid),
    }
}

/// An export that was asked for before.
fn known<'a>(world: &'a World, id: &str, file: &str, request: &Request) -> Result<&'a Export, Reply> {
    let scan = exportable(world, id, request)?;
    world.exports.iter().find(|export| export.scan == scan.id && export.file == file).ok_or_else(reply::not_found)
}

/// `GET /scans/{id}/export/{file}/status`
pub fn status(world: &World, id: &str, file: &str, request: &Request, now: f64) -> Outcome {
    let export = known(world, id, file, request)?;
    reply::ok(&json!({ "status": if now < export.ready { "loading" } else { "ready" } }))
}

/// `GET /scans/{id}/export/{file}/download`
pub fn download(world: &World, id: &str, file: &str, request: &Request, now: f64) -> Outcome {
    let accept = request.header("accept").unwrap_or("*/*");
    let accepted = accept.split(',').filter_map(|kind| kind.split(';').next()).map(str::trim);
    if !accepted.into_iter().any(|kind| matches!(kind, "*/*" | "application/*" | "application/octet-stream")) {
        return Err(reply::long_error(406, "Not Acceptable", "Not Acceptable"));
    }
    let export = known(world, id, file, request)?;
    if now < export.ready {
        return Err(reply::not_found());
    }
    let scan = world.scan(id).ok_or_else(reply::not_found)?;
    // The name is neither quoted nor cleaned, except of what a header cannot hold.
    let name: String = scan.name().chars().filter(|character| !character.is_control()).collect();
    Ok(Reply {
        status: 200,
        headers: vec![
            ("Content-Type", "application/octet-stream".to_owned()),
            ("Content-Disposition", format!("attachment; filename={name}.{}", export.format)),
            ("Accept-Ranges", "bytes".to_owned()),
        ],
        body: export.bytes.clone(),
    })
}

/// `GET /scans/exports`: an array, not an object.
pub fn recent(world: &World, request: &Request, now: f64) -> Outcome {
    let limit = page(request, "limit", 20)?;
    if limit > 5001 {
        return Err(reply::mistyped("query", "limit", "must be less than or equal to 5001"));
    }
    let offset = page(request, "offset", 0)?;
    let sort = request.parameter("sort").unwrap_or("created_at:desc");
    let Some((key, order @ ("asc" | "desc"))) = sort.split_once(':') else { return Err(reply::invalid("sort", sort)) };
    let mut exports: Vec<&Export> = world.exports.iter().filter(|export| export.format != "db").collect();
    match key {
        "created_at" => exports.sort_by(|one, other| one.created.total_cmp(&other.created)),
        "updated_at" | "ready_at" => exports.sort_by(|one, other| one.ready.total_cmp(&other.ready)),
        "export_id" => exports.sort_by(|one, other| one.file.cmp(&other.file)),
        _ => return Err(reply::invalid("sort", sort)),
    }
    if order == "desc" {
        exports.reverse();
    }
    let lines: Vec<Value> =
        exports.into_iter().skip(offset).take(limit).filter_map(|export| line(world, export, now)).collect();
    reply::ok(&json!(lines))
}

fn line(world: &World, export: &Export, now: f64) -> Option<Value> {
    let scan = world.scans.iter().find(|scan| scan.id == export.scan)?;
    let time = |seconds: f64| jiff::Timestamp::from_second(whole(seconds)).map(|time| time.to_string()).ok();
    let ready = now >= export.ready;
    let mut metadata = json!({
        "created_at": time(export.created), "updated_at": time(if ready { export.ready } else { export.created }),
        "created_by": OWNER_UUID, "chapters": export.chapters, "filters": {}, "num_chunks": 1,
        "file_name": format!("{}.{}", scan.name(), export.format)
    });
    if ready {
        metadata["ready_at"] = json!(time(export.ready));
        metadata["file_size"] = json!(export.bytes.len());
    }
    Some(json!({
        "export_id": export.file, "scan_uuid": export.run, "schedule_id": scan.id.to_string(),
        "schedule_uuid": scan.schedule_uuid, "ready": ready, "error": false, "format": export.format, "metadata": metadata
    }))
}
