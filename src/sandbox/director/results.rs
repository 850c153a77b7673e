//! `/mgmt/scanResult`: Director's copies of runs. A copy shows what its run was a while ago, under another id. Pausing
//! and resuming reach the run itself. Not for the runs as the instance shows them.

use std::sync::Arc;

use serde_json::{Value, json};

use super::super::Request;
use super::super::tenable_sc::catalog::{self, User};
use super::super::tenable_sc::results::{self, Verb, Wanted};
use super::super::tenable_sc::timeline::{Import, Outlook, Status, Timeline};
use super::super::tenable_sc::wire::{self, Object, Outcome, Refusal, Success, no_object};
use super::super::tenable_sc::world::{Kind, Run, World};
use super::{Instance, answered_names, scans};

const ALWAYS: &[&str] = &["id"];
const LISTED: &[&str] = &["SCI", "sciOrgID", "sciScanResultID", "name", "description", "status"];

/// What is asked for, and what it comes back as.
const RENAMED: &[(&str, &str)] = &[
    ("sci", "SCI"),
    ("sciOrganization", "sciOrgID"),
    ("sciScanResult", "sciScanResultID"),
    ("job", "jobID"),
    ("resultsSync", "resultsSyncID"),
];

/// Members of a run on the instance that a copy does not have.
const LEFT_OUT: [&str; 5] = ["ownerGroup", "canUse", "canManage", "ioSyncDuration", "agentScanContainerUUID"];

/// Director's id of the copy from the broken instance.
const STRANDED_ID: u64 = 1;

/// The last copy that Director got from the broken instance before it broke.
pub(super) fn stranded(now: f64) -> Run {
    let (_, _, name) = scans::STRANDED;
    let created = now - 12.0 * 86_400.0;
    Run {
        id: 4,
        director_id: STRANDED_ID,
        shown_scan: None,
        scan: None,
        name: name.into(),
        description: String::new(),
        details: "Full Safe Scan".into(),
        repository: 1,
        initiator: 0,
        owner: 0,
        targets: "172.16.5.0/24".into(),
        round: 0,
        created,
        timeline: Timeline::past(created, 900.0, Status::Completed, Outlook::Imported, 1.0),
        when_cut_short: Outlook::Imported,
        error: String::new(),
        import_error: String::new(),
        kind: Kind::Upload(Arc::from([])),
        // Its file was never fetched.
        kept: false,
        scap: false,
        manageable: true,
        job: 12,
        deleted: None,
        announced: true,
    }
}

/// Answers the calls below `/mgmt/scanResult`.
pub(super) fn answer(world: &mut World, stranded: &Run, request: &Request, path: &[&str], now: f64) -> Outcome {
    let then = world.as_copied(now);
    match (request.method.as_str(), path) {
        ("GET", []) => list(world, stranded, request, now),
        ("GET", [id]) => {
            let (instance, run) = found(world, stranded, id, "Scan Result get failed.", then)?;
            let fields = answered_names(request, RENAMED);
            Ok(wire::pick(copy(world, instance, run, then), fields.as_deref(), ALWAYS, None).into())
        }
        ("POST", [id, "pause"]) => control(world, stranded, id, Verb::Pause, now),
        ("POST", [id, "resume"]) => control(world, stranded, id, Verb::Resume, now),
        ("POST", [id, "email"]) => {
            found(world, stranded, id, "Scan Result email failed.", then)?;
            results::email(request)
        }
        ("POST", [id, "download"]) => {
            let (_, run) = found(world, stranded, id, &format!("Download of Scan Result #{id} failed."), then)?;
            results::download(run, run.director_id, request, then)
        }
        _ => Err(Refusal::no_route(request)),
    }
}

/// Whether Director has a copy of a run: not of one too new, and still of one deleted a moment ago.
fn has_copy(run: &Run, then: f64) -> bool {
    run.created <= then && run.deleted.is_none_or(|deleted| deleted > then)
}

fn list(world: &World, stranded: &Run, request: &Request, now: f64) -> Outcome {
    let then = world.as_copied(now);
    let wanted = Wanted::read(request, now)?;
    let fields = answered_names(request, RENAMED);
    let linked = world.runs.iter().filter(|run| has_copy(run, then)).map(|run| (Instance::Linked, run));
    let rows = linked.chain([(Instance::Broken, stranded)]).filter(|(_, run)| wanted.takes(run, then));
    let rows = rows.map(|(instance, run)| {
        let full = copy(world, instance, run, then);
        Value::Object(wire::pick(full, fields.as_deref(), ALWAYS, Some(LISTED)))
    });
    Ok(Success::Body(rows.collect()))
}

fn found<'a>(
    world: &'a World,
    stranded: &'a Run,
    id: &str,
    doing: &str,
    then: f64,
) -> Result<(Instance, &'a Run), Refusal> {
    let number = id.parse().ok();
    if number == Some(STRANDED_ID) {
        return Ok((Instance::Broken, stranded));
    }
    let run = world.runs.iter().find(|run| Some(run.director_id) == number && has_copy(run, then));
    run.map(|run| (Instance::Linked, run)).ok_or_else(|| Refusal::missing(doing, "Scan Result", id))
}

/// A run as it was then, in Director's words and with Director's ids.
fn copy(world: &World, instance: Instance, run: &Run, then: f64) -> Object {
    let mut object = results::full(world, run, then);
    object.retain(|key, _| !LEFT_OUT.contains(&key.as_str()));
    let user = |id| {
        User::find(id).map_or_else(no_object, |user| {
            json!({
                "id": user.director_id.to_string(), "username": user.username,
                "firstname": user.first, "lastname": user.last, "uuid": user.uuid(),
            })
        })
    };
    let scan = world.scan_of(run).map_or_else(
        no_object,
        |scan| json!({"id": scan.director_id.to_string(), "name": scan.name, "description": scan.description}),
    );
    let repository = catalog::find(catalog::REPOSITORIES, run.repository).map_or_else(no_object, |repository| {
        json!({
            "id": repository.director_id.to_string(), "name": repository.name, "description": repository.description,
        })
    });
    let fetched = run.has_data(then) && run.timeline.import(then) == Import::Finished;
    for (key, value) in [
        ("id", json!(run.director_id.to_string())),
        ("SCI", instance.brief()),
        // The one organization of each instance, by the id that it has there.
        ("sciOrgID", json!("1")),
        ("sciScanResultID", json!(run.id.to_string())),
        ("retrievalStatus", json!(if fetched { "Retrieved" } else { "Not Retrieved" })),
        ("pluginSet", json!("202501280413")),
        ("initiator", user(run.initiator)),
        ("owner", user(run.owner)),
        ("scan", scan),
        ("repository", repository),
    ] {
        object.insert(key.into(), value);
    }
    object
}

fn control(world: &mut World, stranded: &Run, id: &str, verb: Verb, now: f64) -> Outcome {
    let then = world.as_copied(now);
    let (instance, run) = found(world, stranded, id, "Scan Result control failed.", then)?;
    if instance == Instance::Broken {
        return Err(instance.unreachable("Scan Result control failed."));
    }
    let before = copy(world, instance, run, then);
    let number = run.id;
    let run =
        world.run_mut(number).ok_or_else(|| Refusal::missing("Scan Result control failed.", "Scan Result", id))?;
    // The state that counts is the run's own, which the copy may not show yet.
    results::turn(run, verb, now)?;
    Ok(before.into())
}
