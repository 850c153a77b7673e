//! `/scanResult`: runs, how they are watched, paused, resumed, stopped, fetched and brought in from elsewhere. Not for
//! their findings one by one.

use serde_json::{Value, json};

use super::super::Request;
use super::super::nessus;
use super::catalog::{self, User};
use super::timeline::{Import, Outlook, Status};
use super::wire::{self, Object, Outcome, Refusal, Success, epoch, flag, integer, no_object, seconds};
use super::world::{Kind, Run, World, pairs};
use super::{archive, scans, targets};

const ALWAYS: &[&str] = &["id"];
const LISTED: &[&str] = &["name", "description", "status"];

/// Counters that cost the server something, and that an optimized list leaves out for runs that are over.
const COSTLY: [&str; 3] = ["completedIPs", "completedChecks", "totalChecks"];

/// How far back a list reaches that does not say how far, in seconds.
const WINDOW: f64 = 30.0 * 86_400.0;

/// Checks of one host.
const CHECKS: u64 = 102_386;

/// Runs over more addresses than this have no range lists in their progress.
const MOST_LISTED: u64 = 8192;

/// Answers the calls below `/scanResult`.
pub(super) fn answer(world: &mut World, request: &Request, path: &[&str], now: f64) -> Outcome {
    match (request.method.as_str(), path) {
        ("GET", []) => list(world, request, now),
        ("POST", ["import"]) => import(world, request, now),
        ("GET", [id]) => show(world, request, id, now),
        ("DELETE", [id]) => delete(world, id, now),
        ("POST", [id, "pause"]) => control(world, id, Verb::Pause, now),
        ("POST", [id, "resume"]) => control(world, id, Verb::Resume, now),
        ("POST", [id, "stop"]) => {
            let number = managed(found(world, id, "Unable to stop Scan Result.")?)?.id;
            let outlook = partial_data(request)?;
            if let (Some(outlook), Some(run)) = (outlook, world.run_mut(number)) {
                run.when_cut_short = outlook;
            }
            control(world, id, Verb::Stop, now)
        }
        ("POST", [id, "copy"]) => copy(world, request, id, now),
        ("POST", [id, "email"]) => {
            found(world, id, "Scan Result email failed.")?;
            email(request)
        }
        ("POST", [id, "download"]) => {
            let run = found(world, id, &format!("Download of Scan Result #{id} failed."))?;
            download(run, run.id, request, now)
        }
        ("POST", [id, "import"]) => import_again(world, request, id, now),
        _ => Err(Refusal::no_route(request)),
    }
}

fn found<'a>(world: &'a World, id: &str, doing: &str) -> Result<&'a Run, Refusal> {
    let run = id.parse().ok().and_then(|id| world.run(id));
    run.ok_or_else(|| Refusal::missing(doing, "Scan Result", id))
}

fn managed(run: &Run) -> Result<&Run, Refusal> {
    if run.manageable {
        return Ok(run);
    }
    Err(Refusal::because(format!("You do not have permission to manage Scan Result #{}.", run.id)))
}

/// The time window and states that a list asks for.
pub(in crate::sandbox) struct Wanted {
    from: i64,
    to: i64,
    by_finish: bool,
    running: bool,
    completed: bool,
    /// Whether costly counters of what is over are left out.
    pub(in crate::sandbox) optimized: bool,
}

impl Wanted {
    /// Reads the parameters of a list.
    ///
    /// # Errors
    /// When one has a bad value.
    pub(in crate::sandbox) fn read(request: &Request, now: f64) -> Result<Self, Refusal> {
        let time = |key: &str, default: f64| match wire::parameter(request, key) {
            None => Ok(seconds(default)),
            Some(text) => text.trim().parse().map_err(|_| {
                Refusal::because(format!("Invalid value for attribute '{key}': seconds since the epoch."))
            }),
        };
        let by_finish = match wire::parameter(request, "timeCompareField").as_deref() {
            None | Some("createdTime") => false,
            Some("finishTime") => true,
            Some(_) => {
                let message = "Invalid value for attribute 'timeCompareField': createdTime or finishTime.";
                return Err(Refusal::because(message));
            }
        };
        let filter = wire::parameter(request, "filter").unwrap_or_default();
        let has = |word: &str| filter.split(',').any(|asked| asked.trim() == word);
        let (running, completed) = (has("running"), has("completed"));
        Ok(Self {
            from: time("startTime", now - WINDOW)?,
            to: time("endTime", now)?,
            by_finish,
            running: running || !completed,
            completed: completed || !running,
            optimized: has("optimizeCompletedScans")
                || wire::parameter(request, "optimizeCompletedScanResults").as_deref() == Some("true"),
        })
    }

    /// Whether a run, as it was at that time, is wanted.
    pub(in crate::sandbox) fn takes(&self, run: &Run, at: f64) -> bool {
        let time = if self.by_finish { run.timeline.finished(at).map_or(-1, seconds) } else { seconds(run.created) };
        let state = if run.status(at).is_over() { self.completed } else { self.running };
        state && (self.from..=self.to).contains(&time)
    }
}

fn list(world: &World, request: &Request, now: f64) -> Outcome {
    let wanted = Wanted::read(request, now)?;
    let fields = wire::parameter(request, "fields");
    let filter = wire::parameter(request, "filter").unwrap_or_default();
    let rows = |allowed: &dyn Fn(&Run) -> bool| -> Vec<Value> {
        let runs = world.runs.iter().filter(|run| run.deleted.is_none() && allowed(run) && wanted.takes(run, now));
        runs.map(|run| {
            let mut full = full(world, run, now);
            if wanted.optimized && run.status(now).is_over() {
                full.retain(|key, _| !COSTLY.contains(&key.as_str()));
            }
            Value::Object(wire::pick(full, fields.as_deref(), ALWAYS, Some(LISTED)))
        })
        .collect()
    };
    Ok(scans::usable_and_manageable(&filter, &|| rows(&|_| true), &|| rows(&|run| run.manageable)))
}

fn show(world: &World, request: &Request, id: &str, now: f64) -> Outcome {
    let run = found(world, id, "Scan Result get failed.")?;
    let fields = wire::parameter(request, "fields");
    Ok(wire::pick(with_progress(world, run, now), fields.as_deref(), ALWAYS, None).into())
}

fn with_progress(world: &World, run: &Run, now: f64) -> Object {
    let mut full = full(world, run, now);
    full.insert("progress".into(), progress(run, now));
    full
}

/// A run with all members but `progress`, as it was at that time.
pub(in crate::sandbox) fn full(world: &World, run: &Run, at: f64) -> Object {
    let status = run.status(at);
    let counts = Counts::of(run, at);
    let life = &run.timeline;
    let duration = |from: Option<f64>, to: Option<f64>| match (from, to) {
        (Some(from), Some(to)) => (seconds(to) - seconds(from)).to_string(),
        _ => "-1".to_owned(),
    };
    let scanned = matches!(run.kind, Kind::Active);
    let count = |number: u64| if scanned { number.to_string() } else { "-1".to_owned() };
    let scan = world.scan_of(run).map_or_else(no_object, |scan| {
        json!({
            "id": scan.id.to_string(), "name": scan.name, "description": scan.description,
            "type": scan.setting("type"), "uuid": scan.uuid,
        })
    });
    let mut repository =
        catalog::find(catalog::REPOSITORIES, run.repository).map(catalog::Named::brief).unwrap_or_default();
    repository.insert("type".into(), "Local".into());
    repository.insert("dataFormat".into(), "IPv4".into());
    repository.insert("uuid".into(), wire::uuid(catalog::space::REPOSITORY, run.repository).into());
    pairs([
        ("id", run.id.to_string().into()),
        ("name", run.name.as_str().into()),
        ("description", if scanned { run.description.as_str().into() } else { Value::Null }),
        ("status", status.word().into()),
        ("details", run.details.as_str().into()),
        ("importStatus", life.import(at).word().into()),
        ("importStart", epoch(life.import_started(at))),
        ("importFinish", epoch(life.import_finished(at))),
        ("importDuration", duration(life.import_started(at), life.import_finished(at)).into()),
        ("diagnosticAvailable", "false".into()),
        ("downloadAvailable", flag(run.has_data(at))),
        ("downloadFormat", "v2".into()),
        ("dataFormat", "IPv4".into()),
        ("resultType", "active".into()),
        ("resultSource", "internal".into()),
        ("running", flag(!status.is_over())),
        ("errorDetails", if status == Status::Error { run.error.as_str() } else { "" }.into()),
        ("importErrorDetails", if life.import(at) == Import::Error { run.import_error.as_str() } else { "" }.into()),
        ("totalIPs", count(counts.total).into()),
        ("scannedIPs", count(counts.done).into()),
        ("completedIPs", count(counts.done).into()),
        ("completedChecks", count(counts.checks).into()),
        ("totalChecks", count(counts.total * CHECKS).into()),
        ("createdTime", epoch(Some(run.created))),
        ("startTime", epoch(life.started(at))),
        ("finishTime", epoch(life.finished(at))),
        ("scanDuration", duration(life.started(at), life.finished(at)).into()),
        ("resultsSyncID", "-1".into()),
        ("jobID", run.job.to_string().into()),
        ("ioSyncStatus", Value::Null),
        ("ioSyncStart", "-1".into()),
        ("ioSyncFinish", "-1".into()),
        ("ioSyncDuration", "-1".into()),
        ("ioSyncErrorDetails", Value::Null),
        ("agentScanUUID", Value::Null),
        ("agentScanContainerUUID", Value::Null),
        ("canUse", "true".into()),
        ("canManage", flag(run.manageable)),
        ("initiator", User::brief(run.initiator)),
        ("owner", User::brief(run.owner)),
        ("ownerGroup", catalog::full_access()),
        ("scan", scan),
        ("repository", Value::Object(repository)),
    ])
}

/// How far a run was.
struct Counts {
    total: u64,
    done: u64,
    checks: u64,
}

impl Counts {
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a share of a count, rounded down"
    )]
    fn of(run: &Run, at: f64) -> Self {
        let total = targets::count(&run.targets);
        let share = run.timeline.share(at);
        let part = |whole: u64| (whole as f64 * share) as u64;
        Self { total, done: part(total), checks: part(total * CHECKS) }
    }
}

/// `progress`: an object once a scanner works on the run, until then, and for runs from elsewhere, an empty list.
fn progress(run: &Run, at: f64) -> Value {
    if !run.timeline.was_scanned() || run.timeline.started(at).is_none() {
        return json!([]);
    }
    let status = run.status(at);
    let counts = Counts::of(run, at);
    let size = usize::try_from(counts.done).unwrap_or(usize::MAX);
    let done: Vec<u32> = targets::addresses(&run.targets, MOST_LISTED).into_iter().take(size).collect();
    let answering: Vec<u32> = run
        .hosts(at)
        .iter()
        .filter_map(|host| host.ip.parse::<std::net::Ipv4Addr>().ok())
        .map(std::net::Ipv4Addr::to_bits)
        .filter(|address| done.contains(address))
        .collect();
    let dead: Vec<u32> = done.iter().copied().filter(|address| !answering.contains(address)).collect();
    let busy = !status.is_over() && !matches!(status, Status::Paused);
    let rest = counts.total - counts.done;
    // Engine words: "Stopped" is how every run ends, not what a user did.
    let engine = match status {
        Status::Paused | Status::Pausing => "Paused",
        _ if busy => "Running",
        _ => "Stopped",
    };
    let mut shared = pairs([
        ("scanningIPs", "".into()),
        ("scanningSize", json!(if busy { rest.min(30) } else { 0 })),
        ("scannedIPs", targets::ranges(&answering).into()),
        ("scannedSize", json!(counts.done - dead.len() as u64)),
        ("awaitingDownloadIPs", "".into()),
        ("awaitingDownloadSize", json!(0)),
        ("deadHostIPs", targets::ranges(&dead).into()),
        ("deadHostSize", json!(dead.len())),
        ("distributedSize", json!(counts.total)),
    ]);
    let mut scanner = shared.clone();
    scanner.append(&mut pairs([
        ("id", "1".into()),
        ("name", "Internal Scanner".into()),
        ("description", "".into()),
        ("loadAvg", if busy { "0.7" } else { "0.0" }.into()),
        ("chunkCompleted", counts.done.to_string().into()),
        ("completedChecks", counts.checks.to_string().into()),
        ("chunks", json!([])),
    ]));
    shared.append(&mut pairs([
        ("runState", engine.into()),
        ("status", status.word().into()),
        ("totalIPs", counts.total.to_string().into()),
        ("completedIPs", counts.done.to_string().into()),
        ("totalChecks", (counts.total * CHECKS).to_string().into()),
        ("completedChecks", counts.checks.to_string().into()),
        ("checksPerHost", CHECKS.to_string().into()),
        ("scanners", json!([scanner])),
    ]));
    Value::Object(shared)
}

fn delete(world: &mut World, id: &str, now: f64) -> Outcome {
    let run = managed(found(world, id, &format!("Unable to find existing Scan Result #{id} to delete."))?)?;
    if !run.status(now).is_over() {
        return Err(Refusal::because(format!("Scan Result #{id} is still running and cannot be deleted.")));
    }
    let id = run.id;
    if let Some(run) = world.run_mut(id) {
        run.deleted = Some(now);
    }
    Ok(Success::nothing())
}

/// What a user asks of a run at work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::sandbox) enum Verb {
    /// Stand still.
    Pause,
    /// Go on.
    Resume,
    /// End.
    Stop,
}

impl Verb {
    fn word(self) -> &'static str {
        match self {
            Self::Pause => "pause",
            Self::Resume => "resume",
            Self::Stop => "stop",
        }
    }
}

fn control(world: &mut World, id: &str, verb: Verb, now: f64) -> Outcome {
    let run = managed(found(world, id, &format!("Unable to {} Scan Result.", verb.word()))?)?;
    // The answer is the object as it was when the request came, not as it becomes.
    let before = with_progress(world, run, now);
    let number = run.id;
    if let Some(run) = world.run_mut(number) {
        turn(run, verb, now)?;
    }
    Ok(before.into())
}

/// Turns a run, if it is in a state for that.
///
/// # Errors
/// When it is not.
pub(in crate::sandbox) fn turn(run: &mut Run, verb: Verb, now: f64) -> Result<(), Refusal> {
    let refused =
        |why: String| Err(Refusal::because(format!("Unable to {} Scan Result #{}.\n{why}", verb.word(), run.id)));
    if !matches!(run.kind, Kind::Active) {
        return refused("Agent and imported results are not run by a scanner.".into());
    }
    let status = run.status(now).word();
    let outlook = run.when_cut_short;
    let turned = match verb {
        Verb::Pause => run.timeline.pause(now),
        Verb::Resume => run.timeline.resume(now),
        Verb::Stop => run.timeline.stop(now, outlook),
    };
    if turned { Ok(()) } else { refused(format!("The scan is {status}.")) }
}

/// What the body of a stop says about the data so far: the product's own pages say it, the documentation does not.
fn partial_data(request: &Request) -> Result<Option<Outlook>, Refusal> {
    match wire::body(request)?.get("type").map(Value::as_str) {
        None => Ok(None),
        Some(Some("import" | "rollover")) => Ok(Some(Outlook::Imported)),
        Some(Some("discard")) => Ok(Some(Outlook::Discarded)),
        Some(_) => Err(Refusal::because("Invalid value for attribute 'type': one of import, discard, rollover.")),
    }
}

fn copy(world: &mut World, request: &Request, id: &str, now: f64) -> Outcome {
    let run = found(world, id, "Scan Result copy failed.")?.clone();
    if !run.status(now).is_over() {
        return Err(Refusal::because(format!("Scan Result copy failed.\nScan Result #{id} is still running.")));
    }
    let body = wire::body(request)?;
    let bad = || Refusal::because("Invalid value for attribute 'users': a list of objects with an id.");
    let rows = match body.get("users") {
        None => Vec::new(),
        Some(value) => value.as_array().cloned().ok_or_else(bad)?,
    };
    let mut owners = Vec::new();
    for row in &rows {
        let id = row.get("id").and_then(integer).ok_or_else(bad)?;
        let user = u64::try_from(id).ok().and_then(User::find);
        let missing = || Refusal::because(format!("Scan Result copy failed.\nUser #{id} does not exist."));
        owners.push(user.ok_or_else(missing)?.id);
    }
    if owners.is_empty() {
        owners.push(run.owner);
    }
    for owner in owners {
        world.keep_run(Run { owner, created: now, announced: true, manageable: true, ..run.clone() });
    }
    // Not the copy, nor its id.
    Ok(Success::nothing())
}

/// Mails a result, or fails to, and says 200 either way.
///
/// # Errors
/// When no address is given at all.
pub(in crate::sandbox) fn email(request: &Request) -> Outcome {
    let body = wire::body(request)?;
    let addresses = body.get("email").and_then(Value::as_str).filter(|text| !text.trim().is_empty());
    let addresses = addresses.ok_or_else(|| Refusal::because("The attribute 'email' is required."))?;
    for address in addresses.split(',').map(str::trim) {
        let domain = address.split_once('@').map_or("", |(_, domain)| domain);
        // A name server would know none of these.
        let sendable = domain.contains('.') && !domain.ends_with(".invalid") && !domain.ends_with(".test");
        if !sendable {
            let message =
                format!("Scan Result email failed.\nError sending email.\nInvalid address:  (To): {address}\n");
            return Ok(Success::Noted(message));
        }
    }
    Ok(Success::nothing())
}

/// The data of a run. `id` names the file: Director calls the same run otherwise.
///
/// # Errors
/// When there is no data of that kind.
pub(in crate::sandbox) fn download(run: &Run, id: u64, request: &Request, now: f64) -> Outcome {
    let refused = |why: &str| Err(Refusal::because(format!("Scan Result #{id} failed.\n{why}")));
    let body = wire::body(request)?;
    let kind = match body.get("downloadType") {
        None => "v2",
        Some(Value::String(kind)) if matches!(kind.as_str(), "v2" | "scap1_2") => kind,
        Some(_) => return refused("Invalid value for attribute 'downloadType': v2 or scap1_2."),
    };
    if !run.has_data(now) {
        return refused("The scan result data is not available for download.");
    }
    if kind == "scap1_2" {
        if !run.scap {
            return refused("There are no SCAP results.");
        }
        let text = archive::scap_results(run, now);
        let zip = archive::zip(&format!("{id}.xml"), text.as_bytes());
        return Ok(Success::File("application/zip", format!("{id}-scap1_2.zip"), zip));
    }
    if let Kind::Upload(bytes) = &run.kind {
        // What came unzipped goes unzipped.
        return Ok(Success::File("text/xml", format!("{id}.nessus"), bytes.to_vec()));
    }
    let document = nessus::report(&run.name, &run.details, &run.targets, &run.hosts(now));
    let zip = archive::zip(&format!("{id}.nessus"), document.as_bytes());
    Ok(Success::File("application/zip", format!("{id}-nessus.zip"), zip))
}

fn import(world: &mut World, request: &Request, now: f64) -> Outcome {
    let body = wire::body(request)?;
    check_import_options(&body)?;
    let required = |key: &str| Refusal::because(format!("The attribute '{key}' is required."));
    let name = body.get("filename").and_then(Value::as_str).ok_or_else(|| required("filename"))?;
    let repository = wire::reference(&body, "repository")?.ok_or_else(|| required("repository"))?;
    let repository = u64::try_from(repository).ok().and_then(|id| catalog::find(catalog::REPOSITORIES, id));
    let repository = repository
        .ok_or_else(|| Refusal::because("Invalid value for attribute 'repository'.\nRepository does not exist."))?
        .id;
    let upload = world
        .uploads
        .remove(name)
        .ok_or_else(|| Refusal::because(format!("Error importing results.\nFile '{name}' does not exist.")))?;
    let readable = super::records::is_document(&String::from_utf8_lossy(&upload.content));
    let outlook = if readable { Outlook::Imported } else { Outlook::Refused };
    let speed = world.speed();
    world.keep_run(Run {
        name: format!("Manual Import - {}", upload.original),
        repository,
        kind: Kind::Upload(upload.content),
        timeline: super::timeline::Timeline::delivered(now, outlook, speed),
        import_error: if readable { String::new() } else { "The file is not a valid Nessus v2 report.".into() },
        kept: readable,
        ..super::seed::blank(now)
    });
    // No id: who imports has to look for the new result.
    Ok(Success::nothing())
}

fn import_again(world: &mut World, request: &Request, id: &str, now: f64) -> Outcome {
    let run = managed(found(world, id, "Scan Result import failed.")?)?;
    check_import_options(&wire::body(request)?)?;
    if !run.has_data(now) {
        return Err(Refusal::because(format!("Scan Result import failed.\nScan Result #{id} has no data to import.")));
    }
    let (id, speed) = (run.id, world.speed());
    if let Some(run) = world.run_mut(id) {
        run.timeline.import_again(now, speed);
    }
    Ok(Success::nothing())
}

fn check_import_options(body: &Object) -> Result<(), Refusal> {
    for key in ["dhcpTracking", "scanningVirtualHosts"] {
        if body.get(key).is_some_and(|value| !matches!(value.as_str(), Some("true" | "false"))) {
            return Err(Refusal::because(format!("Invalid value for attribute '{key}': \"true\" or \"false\".")));
        }
    }
    match body.get("classifyMitigatedAge") {
        Some(value) if integer(value).is_none() => {
            Err(Refusal::because("Invalid value for attribute 'classifyMitigatedAge': days."))
        }
        _ => Ok(()),
    }
}
