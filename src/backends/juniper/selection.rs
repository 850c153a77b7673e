//! What a reading of lists may choose: fields, which the console takes on each list, and a span of time, which it takes on
//! none.

use std::collections::HashMap;

use bytes::Bytes;
use jiff::Timestamp;
use serde_json::Value;

use crate::backends::wire::Loose;
use crate::backends::{Reading, RunQuery, ScanQuery};
use crate::http::Request;
use crate::model::{Run, Scan};

/// What of a scan profile the program cannot do without.
const OF_PROFILES: [&str; 2] = ["scanProfileId", "scanProfileName"];
/// What of a run the program cannot do without: its state and its place are told by its times.
const OF_RUNS: [&str; 3] = ["id", "start_time", "end_time"];

/// `fields` of a list of scan profiles.
pub fn of_profiles(fields: &[String]) -> Option<String> {
    with(fields, &OF_PROFILES)
}

/// `fields` of a list of runs.
pub fn of_runs(fields: &[String]) -> Option<String> {
    with(fields, &OF_RUNS)
}

/// The names that were asked for, as they were typed (`endTime(time)` chooses within an object), and those that are
/// needed.
fn with(fields: &[String], needed: &[&str]) -> Option<String> {
    let asked: Vec<&str> = fields.iter().map(|field| field.trim()).filter(|field| !field.is_empty()).collect();
    if asked.is_empty() {
        return None;
    }
    let needed = needed.iter().copied().filter(|name| !asked.contains(name));
    Some(asked.iter().copied().chain(needed).collect::<Vec<_>>().join(","))
}

/// The console's objects by their ids, as they came, from bodies that were read before.
pub fn objects(bodies: &[Bytes], id: &str) -> HashMap<String, Value> {
    let read = |body: &Bytes| match serde_json::from_slice(body) {
        Ok(Value::Array(items)) => items,
        Ok(object @ Value::Object(_)) => vec![object],
        _ => Vec::new(),
    };
    let named = |object: Value| {
        let id = object.get(id).and_then(|id| serde_json::from_value::<Loose>(id.clone()).ok()?.owned())?;
        Some((id, object))
    };
    bodies.iter().flat_map(read).filter_map(named).collect()
}

/// With the fields that are wanted, where some are.
pub fn choosing<'a>(request: Request<'a>, fields: Option<&str>) -> Request<'a> {
    match fields {
        Some(fields) => request.query("fields", fields),
        None => request,
    }
}

/// Gives scans the console's objects, where fields were asked for.
pub fn choose(scans: &mut [Scan], bodies: &[Bytes], query: &ScanQuery) {
    if query.fields.is_empty() {
        return;
    }
    let mut objects = objects(bodies, "scanProfileId");
    for scan in scans {
        scan.fields = objects.remove(scan.scan.as_str());
    }
}

/// Says how many pages were read.
pub fn paged(reading: Reading<Vec<Run>>, pages: usize) -> Reading<Vec<Run>> {
    let count = reading.value.len();
    reading.note(format!("{count} runs in {pages} pages"))
}

/// Leaves the runs that began within the span that is wanted. One whose start is not told may belong to it.
pub fn within(mut reading: Reading<Vec<Run>>, query: &RunQuery) -> Reading<Vec<Run>> {
    if query.since.is_none() && query.until.is_none() {
        return reading;
    }
    let count = reading.value.len();
    let early = |start: Timestamp| query.since.is_some_and(|since| start < since);
    let late = |start: Timestamp| query.until.is_some_and(|until| start > until);
    reading.value.retain(|run| run.started_at.is_none_or(|start| !early(start) && !late(start)));
    let left = reading.value.len();
    let ends = [query.since.map(|since| format!("from {since} on")), query.until.map(|until| format!("up to {until}"))];
    let span: Vec<String> = ends.into_iter().flatten().collect();
    reading.note(format!(
        "JSA has no filter for time: of all {count} runs that were read, the {left} that began {} are left",
        span.join(" and ")
    ))
}
