//! `/analysis`: findings of one result, or of the repositories, filtered, sorted, paged, and shown by a tool. Not for
//! how runs get their findings.

mod filters;
mod tools;

use serde_json::{Value, json};

use super::super::Request;
use super::catalog;
use super::records::Record;
use super::timeline::Import;
use super::wire::{self, Object, Outcome, Refusal, Success, integer};
use super::world::{Run, World};

/// One finding together with the result it is of.
pub(super) struct Row {
    record: Record,
    repository: u64,
    seen: f64,
}

/// How many rows come when the end is not given.
const PAGE: i64 = 50;

/// Answers the calls below `/analysis`.
pub(super) fn answer(world: &World, request: &Request, path: &[&str], now: f64) -> Outcome {
    match (request.method.as_str(), path) {
        ("POST", []) => analyse(world, &wire::body(request)?, now),
        _ => Err(Refusal::no_route(request)),
    }
}

fn analyse(world: &World, body: &Object, now: f64) -> Outcome {
    let query = body.get("query").and_then(Value::as_object);
    let query = query.ok_or_else(|| Refusal::because("The attribute 'query' is required."))?;
    let kind = |object: &Object| object.get("type").and_then(Value::as_str).map(str::to_owned);
    let kinds = (kind(body), kind(query));
    let tool = query.get("tool").and_then(Value::as_str).unwrap_or_default();
    let rows = match (kinds.0.as_deref(), kinds.1.as_deref()) {
        (Some("vuln"), Some("vuln")) => rows(world, body, query, now)?,
        // Logs, events and devices are other worlds, and empty in this one.
        (Some(kind @ ("event" | "mobile" | "scLog" | "user" | "ticket")), Some(same)) if kind == same => Vec::new(),
        _ => return Err(Refusal::because("Invalid value for attribute 'type': vuln, at the root and in the query.")),
    };
    let kept = filters::apply(rows, query.get("filters"))?;
    let (from, to) = window(body, query)?;
    if tool == "iplist" {
        return Ok(Success::Body(ip_list(&kept)));
    }
    let mut results = tools::show(tool, &kept, kinds.0.as_deref() == Some("vuln"))?;
    tools::sort(&mut results, body, query)?;
    let total = results.len();
    let size = |offset: i64| usize::try_from(offset).unwrap_or(usize::MAX);
    let page: Vec<Value> = results.into_iter().skip(size(from)).take(size((to - from).max(0))).collect();
    Ok(Success::Body(json!({
        "totalRecords": total.to_string(),
        // The one number of the five.
        "returnedRecords": page.len(),
        "startOffset": from.to_string(),
        "endOffset": to.to_string(),
        "matchingDataElementCount": tools::element_count(tool, &kept),
        "results": page,
    })))
}

/// The addresses of an `iplist`: a list written as an object, beside results that are null.
fn ip_list(rows: &[Row]) -> Value {
    let mut addresses: Vec<&str> = rows.iter().map(|row| row.record.ip.as_str()).collect();
    addresses.sort_unstable();
    addresses.dedup();
    let mut response = wire_object(json!({
        "totalRecords": addresses.len().to_string(),
        "returnedRecords": addresses.len(),
        "startOffset": "0",
        "endOffset": addresses.len().to_string(),
        "matchingDataElementCount": "-1",
        "results": null,
    }));
    for (index, address) in addresses.into_iter().enumerate() {
        response.insert(index.to_string(), address.into());
    }
    Value::Object(response)
}

fn wire_object(value: Value) -> Object {
    catalog::object(value)
}

/// First row, and the one after the last. Inside the query or at the root: clients do either.
fn window(body: &Object, query: &Object) -> Result<(i64, i64), Refusal> {
    let offset = |key: &str, default: i64| match query.get(key).or_else(|| body.get(key)) {
        None => Ok(default),
        Some(value) => integer(value)
            .filter(|offset| *offset >= 0)
            .ok_or_else(|| Refusal::because(format!("Invalid value for attribute '{key}': a number from 0."))),
    };
    let from = offset("startOffset", 0)?;
    Ok((from, offset("endOffset", from + PAGE)?))
}

fn rows(world: &World, body: &Object, query: &Object, now: f64) -> Result<Vec<Row>, Refusal> {
    match body.get("sourceType").and_then(Value::as_str) {
        Some("cumulative") => Ok(cumulative(world, now)),
        Some("patched") => Ok(patched(world, now)),
        Some("individual") => individual(world, body, query, now),
        _ => Err(Refusal::because("Invalid value for attribute 'sourceType': one of cumulative, patched, individual.")),
    }
}

/// The findings of one result. Its id is needed twice: at the root, and since version 6.0 in the query.
fn individual(world: &World, body: &Object, query: &Object, now: f64) -> Result<Vec<Row>, Refusal> {
    let id =
        body.get("scanID").and_then(integer).ok_or_else(|| Refusal::because("The attribute 'scanID' is required."))?;
    let view = query.get("view").or_else(|| body.get("view")).and_then(Value::as_str).unwrap_or("all");
    if !matches!(view, "all" | "new" | "patched") {
        return Err(Refusal::because("Invalid value for attribute 'view': one of all, new, patched."));
    }
    if query.get("scanID").and_then(integer) != Some(id) {
        return Err(Refusal::because(
            "Unable to process vuln query.\nGroup 'Full Access' (#0) does not have access to the repository that \
             contains the scan result.",
        ));
    }
    let run = u64::try_from(id).ok().and_then(|id| world.run(id));
    let run = run.ok_or_else(|| Refusal::missing("Unable to process vuln query.", "Scan Result", &id.to_string()))?;
    if !imported(run, now) {
        return Err(Refusal::no_data(format!(
            "Unable to process vuln query.\nThe individual data of Scan Result #{id} is not available."
        )));
    }
    let before = previous(world, run, now);
    let (found, found_before) = (rows_of(run, now), before.map(|run| rows_of(run, now)).unwrap_or_default());
    Ok(match view {
        "new" => without(found, &found_before),
        "patched" => without(found_before, &found),
        _ => found,
    })
}

fn imported(run: &Run, now: f64) -> bool {
    run.has_data(now) && run.timeline.import(now) == Import::Finished
}

/// The imported run of the same definition before that one.
fn previous<'a>(world: &'a World, run: &Run, now: f64) -> Option<&'a Run> {
    let same = |other: &&Run| other.scan == run.scan && other.id != run.id && other.created < run.created;
    let runs = world.runs.iter().filter(|other| run.scan.is_some() && imported(other, now)).filter(same);
    runs.max_by(|a, b| a.created.total_cmp(&b.created))
}

fn rows_of(run: &Run, now: f64) -> Vec<Row> {
    let seen = run.timeline.finished(now).unwrap_or(run.created);
    run.records(now).into_iter().map(|record| Row { record, repository: run.repository, seen }).collect()
}

fn same_place(a: &Row, b: &Row) -> bool {
    let key = |row: &Row| (row.record.plugin, row.record.port);
    key(a) == key(b)
        && a.record.ip == b.record.ip
        && a.record.protocol == b.record.protocol
        && a.record.name == b.record.name
        && a.record.description == b.record.description
}

fn without(rows: Vec<Row>, others: &[Row]) -> Vec<Row> {
    rows.into_iter().filter(|row| !others.iter().any(|other| same_place(row, other))).collect()
}

/// The newest imported run of each definition, and every upload and agent result.
fn newest(world: &World, now: f64) -> Vec<&Run> {
    let runs: Vec<&Run> = world.runs.iter().filter(|run| run.deleted.is_none() && imported(run, now)).collect();
    let superseded = |run: &Run| {
        run.scan.is_some() && runs.iter().any(|other| other.scan == run.scan && other.created > run.created)
    };
    runs.iter().copied().filter(|run| !superseded(run)).collect()
}

fn cumulative(world: &World, now: f64) -> Vec<Row> {
    let mut all: Vec<Row> = Vec::new();
    for run in newest(world, now) {
        let rows = rows_of(run, now);
        all.retain(|row| !rows.iter().any(|new| new.repository == row.repository && same_place(new, row)));
        all.extend(rows);
    }
    all
}

fn patched(world: &World, now: f64) -> Vec<Row> {
    newest(world, now)
        .into_iter()
        .flat_map(|run| {
            let before = previous(world, run, now).map(|before| rows_of(before, now)).unwrap_or_default();
            without(before, &rows_of(run, now))
        })
        .collect()
}
