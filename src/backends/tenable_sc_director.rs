//! Tenable Security Center Director, which manages other Security Centers ("instances").
//!
//! Vendor pages: <https://docs.tenable.com/security-center/api/Director-Scan.htm> (list, show),
//! <https://docs.tenable.com/security-center/api/Director-Scan-Result.htm> (list, show, pause, resume, download).
//! What it shares with its instances is in `sc_rest`.
//!
//! Quirks that shape this file:
//! - Director has neither launch nor stop. Both are done on the instance, by the instance's own profile, once that
//!   instance shows the same scan or run that Director does.
//! - Its runs are copies of the instances' results: they lag.
//! - It numbers everything anew. `sciScanID` and `sciScanResult` are the only bridges to an instance's numbers; a number
//!   of the one sent to the other hits something else.
//! - The names asked for are not those answered (`sci` comes back as `SCI`), so the bridges are looked for under several.

mod form;
mod results;
mod wire;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::{Duration, Instant};

use super::change::{Applied, Change, Found, PreparedChange};
use super::report::{ExportOrder, Fetch, Report};
use super::sc_rest::choice::{Family, Kinship, newest_first};
use super::sc_rest::dialect::DIALECT;
use super::sc_rest::resolve::{self, Store, another_scan, found};
use super::sc_rest::result;
use super::sc_rest::session::Credentials;
use super::sc_rest::{self, INSTANCE, Listed, Reference, Which};
use super::{
    Backend, Connect, Connector, Controlled, Delegate, Identity, Interval, Launched, Order, Prepared, Reading,
    RunQuery, RunningCheck, Runs, ScanQuery, Spec, Target, only_named, unsupported,
};
use crate::config::settings::{Reader, Settings};
use crate::error::{Error, Result};
use crate::exit::Exit;
use crate::http::connection::Defaults;
use crate::http::{Answer, Http};
use crate::model::{Address, Control, ExportFormat, Operation, Run, RunId, RunState, Scan, ScanId, Support, Verb};
use async_trait::async_trait;
use jiff::Timestamp;
use wire::{Copied, StoredScan};

/// The backend `tenable-sc-director`.
pub static SPEC: Spec = Spec {
    id: "tenable-sc-director",
    title: "Tenable Security Center Director",
    defaults: Defaults { base_url: None, prefix: "/rest", max_concurrency: 2, public_cloud: None },
    interval: Interval { first: Duration::from_secs(30), longest: Duration::from_secs(120) },
    running_check: RunningCheck::Before,
    launches_without_scan: false,
    runs: Runs::Alone,
    forms: &form::FORMS,
    exports: &[ExportFormat::V2],
    bare_id,
    support,
    configure,
};

const SCAN_FIELDS: &str = "id,uuid,name,SCI,organization,sciScanID,ipList";
const COPY: &str = "a copy held by Director; it may lag";

const NO_LAUNCH: &str = "Director has no launch: map its instances to profiles of their own, \
                         `instances = { \"SCI-ID\" = \"PROFILE\" }`, or launch on the instance's profile";
const NO_STOP: &str = "Director has no stop: map its instances to profiles of their own, \
                       `instances = { \"SCI-ID\" = \"PROFILE\" }`, or use `scanctl pause`";
const NO_TARGETS: &str =
    "a launch scans the targets stored in the scan; launch a scan that is stored with those targets";
const NO_PORTS: &str = "a launch scans the ports of the scan's policy";
const NO_UPDATE: &str = "Director has no call that changes a scan: change it on the instance, \
                         `scanctl scans update INSTANCE/SCAN`, whose id is the `sciScanID` of `scans show --raw`";
const NO_SCAN_COPY: &str = "Director has no call that copies a scan: copy it on the instance, \
                            `scanctl scans copy INSTANCE/SCAN`, or make one with `scanctl scans create`";
const NO_RUN_CHANGE: &str = "Director holds copies of its instances' runs and has no call for this: do it on the \
                             instance's own profile";
const NO_FORCE_STOP: &str = "`scanctl stop` ends the run in order, on the instance";
const NO_ANALYSIS: &str = "ask the instance's own profile: `scanctl results --via analysis INSTANCE/@RUN`";

fn bare_id(verb: Verb) -> &'static str {
    match verb {
        Verb::Launch | Verb::ScansList | Verb::ScansShow | Verb::ScansDelete | Verb::RunsList => {
            "Director scan id or uuid"
        }
        Verb::Pause | Verb::Resume | Verb::Stop | Verb::RunsShow | Verb::RunsEmail => "Director scanResult id",
        Verb::Status | Verb::Wait | Verb::Results | Verb::Export => {
            "Director scanResult id, or the id of a scan that is no scanResult's"
        }
        Verb::ForceStop
        | Verb::ScansUpdate
        | Verb::ScansCopy
        | Verb::RunsDelete
        | Verb::RunsCopy
        | Verb::RunsImport
        | Verb::RunsReimport => "–",
        Verb::List | Verb::ScansCreate => "takes no id",
    }
}

fn support(operation: Operation, settings: Option<&Settings>) -> Support {
    if let Some(refusal) = super::not_in_this_version(operation) {
        return refusal;
    }
    let mapped = settings.is_none_or(|settings| settings.has("instances"));
    match operation {
        Operation::ResultsViaAnalysis => Support::No(NO_ANALYSIS),
        Operation::Launch { targets: true } => Support::No(NO_TARGETS),
        Operation::LaunchPorts => Support::No(NO_PORTS),
        Operation::Launch { targets: false } if mapped => {
            Support::Via("the instance's own profile (`instances`), once it shows the same scan")
        }
        Operation::Launch { targets: false } => Support::No(NO_LAUNCH),
        Operation::Control(Control::Stop) if mapped => {
            Support::Via("the instance's own profile (`instances`), once it shows the same run")
        }
        Operation::Control(Control::Stop) => Support::No(NO_STOP),
        Operation::Control(Control::ForceStop) => Support::No(NO_FORCE_STOP),
        Operation::ScansUpdate => Support::No(NO_UPDATE),
        Operation::ScansCopy => Support::No(NO_SCAN_COPY),
        Operation::RunsDelete | Operation::RunsCopy | Operation::RunsImport | Operation::RunsReimport => {
            Support::No(NO_RUN_CHANGE)
        }
        Operation::Optimize => Support::No("only an instance takes it: leave `--optimize` out"),
        Operation::Control(Control::Pause | Control::Resume)
        | Operation::Status
        | Operation::Wait
        | Operation::Results
        | Operation::Export
        | Operation::List
        | Operation::ScansList
        | Operation::ScansShow
        | Operation::ScansCreate
        | Operation::ScansDelete
        | Operation::RunsList
        | Operation::RunsShow
        | Operation::RunsEmail
        | Operation::Fields
        | Operation::OneInstance
        | Operation::Window
        | Operation::Check => Support::Native,
    }
}

fn configure(reader: &Reader<'_>) -> Result<Connect> {
    let credentials = Credentials::configure(reader)?;
    let instances = reader.string_map("instances")?;
    Ok(Box::new(move |connector| {
        let profile = connector.profile.to_owned();
        let peers = open_peers(&connector, &instances)?;
        let auth = credentials.read(&connector)?;
        let http = connector.http(auth, DIALECT)?;
        Ok(Rc::new(Director { profile, http, proof: credentials.proof(), instances, peers }))
    }))
}

/// Opens the instances' profiles where an operation needs them, so that what is wrong with them is said before anything
/// is sent. Director pauses, resumes and hands out results by itself: there an instance is a second way, and may be
/// missing.
fn open_peers(
    connector: &Connector<'_>,
    instances: &BTreeMap<String, String>,
) -> Result<BTreeMap<String, Result<Rc<dyn Backend>>>> {
    let asked = |wanted: fn(&Operation) -> bool| connector.operations.iter().any(wanted);
    let needed = asked(|operation| matches!(operation, Operation::Launch { .. } | Operation::Control(Control::Stop)));
    let useful = asked(|operation| {
        matches!(
            operation,
            Operation::Control(Control::Pause | Control::Resume) | Operation::Results | Operation::Export
        )
    });
    let mut peers = BTreeMap::new();
    if !needed && !useful {
        return Ok(peers);
    }
    let operations: Vec<Operation> =
        connector.operations.iter().copied().chain([Operation::ScansShow, Operation::RunsShow]).collect();
    for name in instances.values() {
        if peers.contains_key(name) {
            continue;
        }
        let opened = open_peer(connector, name, &operations);
        match opened {
            Err(problem) if needed => return Err(problem),
            opened => peers.insert(name.clone(), opened),
        };
    }
    Ok(peers)
}

fn open_peer(connector: &Connector<'_>, name: &str, operations: &[Operation]) -> Result<Rc<dyn Backend>> {
    let director = connector.profile;
    let spec = connector
        .peers
        .spec(name)
        .map_err(|problem| problem.context(format!("profile `{director}`: `instances` names `{name}`")))?;
    if spec.id != INSTANCE {
        return Err(Error::config(format!(
            "profile `{director}`: `instances` names `{name}`, which is no `{INSTANCE}` profile but `{}`",
            spec.id
        )));
    }
    connector.peers.open(name, operations)
}

/// A profile of Director.
struct Director {
    profile: String,
    http: Http,
    proof: &'static str,
    /// Director's number of an instance, and the profile that speaks to it.
    instances: BTreeMap<String, String>,
    peers: BTreeMap<String, Result<Rc<dyn Backend>>>,
}

/// A run of Director, the instance's profile, and the run there that it is a copy of.
struct There<'a> {
    ours: Run,
    profile: &'a str,
    backend: &'a Rc<dyn Backend>,
    target: Target,
}

fn scan_of(target: &Target) -> Result<&ScanId> {
    target.scan.as_ref().ok_or_else(|| Error::usage("a Director scan id is needed"))
}

fn run_of(target: &Target) -> Result<&RunId> {
    target.run.as_ref().ok_or_else(|| Error::usage("a Director scanResult id is needed"))
}

impl Director {
    async fn stored(&self, scan: &ScanId) -> Result<(StoredScan, Answer)> {
        let request = self.http.get(["mgmt", "scan", scan.as_str()]).query("fields", SCAN_FIELDS);
        let answer = request.label("Director scan").send().await?;
        Ok((sc_rest::open(&answer)?.0, answer))
    }

    async fn stored_scans(&self) -> Result<(Vec<StoredScan>, Answer)> {
        let request = self.http.get(["mgmt", "scan"]).query("fields", SCAN_FIELDS);
        let answer = request.label("Director scans").send().await?;
        let (list, _) = sc_rest::open::<Listed>(&answer)?;
        Ok((list.of(&answer)?, answer))
    }

    async fn copied(&self, run: &RunId) -> Result<(Copied, Run, Answer)> {
        self.copied_with(run, result::FIELDS).await
    }

    async fn copied_with(&self, run: &RunId, fields: &str) -> Result<(Copied, Run, Answer)> {
        let request = self.http.get(["mgmt", "scanResult", run.as_str()]).query("fields", bridged(fields));
        let answer = request.label("Director scan result").send().await?;
        let (copied, now) = sc_rest::open::<Copied>(&answer)?;
        let read = Run { run: Some(run.clone()), ..copied.run(now) };
        Ok((copied, read, answer))
    }

    async fn copies(&self, which: Which) -> Result<(Vec<Copied>, Option<Timestamp>, Answer)> {
        let request = sc_rest::window(self.http.get(["mgmt", "scanResult"]), which);
        let request = request.query("fields", bridged(result::FIELDS));
        let answer = request.label("Director scan results").send().await?;
        let (list, now) = sc_rest::open::<Listed>(&answer)?;
        Ok((list.of(&answer)?, now, answer))
    }

    /// The profile that speaks to an instance.
    fn peer(&self, instance: &Reference, what: &str) -> Result<(&str, &Rc<dyn Backend>)> {
        let director = &self.profile;
        let Some(id) = instance.id.as_deref() else {
            return Err(Error::bad_data(format!("Director does not say on which instance {what} is")));
        };
        let called = instance.name.as_deref().map_or(String::new(), |name| format!(" \"{name}\""));
        let Some(name) = self.instances.get(id) else {
            return Err(Error::config(format!(
                "{what} is on instance {id}{called}, which `instances` of profile `{director}` does not map"
            ))
            .hint(format!("add \"{id}\" = \"PROFILE\" to `instances`, with a `{INSTANCE}` profile of that instance")));
        };
        match self.peers.get(name) {
            Some(Ok(backend)) => Ok((name, backend)),
            Some(Err(problem)) => Err(Error::new(problem.exit(), problem.one_line())),
            None => Err(Error::new(Exit::Internal, format!("profile `{name}` was not opened"))),
        }
    }

    /// Where a run is, by Director's copy.
    async fn there(&self, run: &RunId) -> Result<There<'_>> {
        let (copied, ours, _) = self.copied(run).await?;
        self.bridge(run, &copied, ours)
    }

    fn bridge(&self, run: &RunId, copied: &Copied, ours: Run) -> Result<There<'_>> {
        let what = format!("run {run}");
        let (profile, backend) = self.peer(&copied.instance, &what)?;
        let Some(there) = copied.there.clone() else {
            return Err(Error::bad_data(format!("Director does not say which run of the instance {what} is")));
        };
        Ok(There { ours, profile, backend, target: Target { run: Some(there), ..Target::default() } })
    }

    /// Reads the run on its instance, which must show the same as Director's copy does.
    async fn compare(&self, there: &mut There<'_>) -> Result<()> {
        let ours = &there.ours;
        let read = found(there.backend.status(&there.target).await)?.map(|reading| reading.value);
        let differ = |ours: Option<Timestamp>, theirs: Option<Timestamp>| matches!((ours, theirs), (Some(ours), Some(theirs)) if ours != theirs);
        let why = match &read {
            None => "it shows no such run".to_owned(),
            Some(theirs) if ours.name.is_none() || ours.name != theirs.name => {
                names_differ(theirs.name.as_deref(), ours.name.as_deref())
            }
            Some(theirs) if differ(ours.created_at, theirs.created_at) => {
                "it was created at another time there".to_owned()
            }
            Some(theirs) if differ(ours.started_at, theirs.started_at) => "it started at another time there".to_owned(),
            Some(theirs) => {
                there.target.learn(theirs);
                return Ok(());
            }
        };
        let what = ours.run.as_ref().map_or_else(String::new, |run| format!("run {run}"));
        Err(self.differs(&what, there.profile, &there.target, &why))
    }

    /// The error of an instance that shows something else than Director does.
    fn differs(&self, what: &str, peer: &str, there: &Target, why: &str) -> Error {
        let there = Address::full(peer, there.scan.as_ref(), there.run.as_ref());
        Error::config(format!("{what} of profile `{}` is not `{there}`: {why}; nothing was sent", self.profile))
            .hint(format!("check that `instances` of profile `{}` maps each instance to its own profile", self.profile))
    }

    /// The one request of a control verb, on the instance.
    async fn control_there(&self, target: &Target, there: There<'_>, control: Control) -> Result<Controlled> {
        let done = there.backend.control(&there.target, control).await?;
        let address = Address::full(there.profile, there.target.scan.as_ref(), there.target.run.as_ref());
        let message = [Some(format!("sent to the instance, as `{address}`")), done.message];
        let message = message.into_iter().flatten().collect::<Vec<_>>().join("; ");
        let target = Target { name: there.ours.name, ..target.clone() };
        Ok(Controlled { target, message: Some(message), request_id: done.request_id })
    }

    async fn list(&self, which: Which) -> Result<Reading<Vec<Run>>> {
        let (copies, now, answer) = self.copies(which).await?;
        let mut runs: Vec<Run> = copies.iter().map(|copied| copied.run(now)).collect();
        newest_first(&mut runs);
        Ok(Reading::new(runs, vec![answer.body]).note(COPY))
    }

    /// On which instance which scans are, in words.
    fn places(&self, scans: &[StoredScan]) -> Vec<String> {
        let mut places: BTreeMap<(&str, &str), Vec<&str>> = BTreeMap::new();
        for scan in scans {
            let instance = (scan.instance.id.as_deref(), scan.instance.name.as_deref());
            if let (Some(id), Some(scan)) = (instance.0, scan.id.text()) {
                places.entry((id, instance.1.unwrap_or_default())).or_default().push(scan);
            }
        }
        let place = |((id, name), scans): ((&str, &str), Vec<&str>)| {
            let profile = self.instances.get(id).map_or(String::new(), |profile| format!(", profile `{profile}`"));
            format!("on instance {id} \"{name}\"{profile}: {}", scans.join(", "))
        };
        places.into_iter().map(place).collect()
    }

    fn no_launch<T>(&self) -> Result<T> {
        Err(unsupported(&SPEC, Operation::Launch { targets: false }, NO_LAUNCH))
    }
}

fn names_differ(theirs: Option<&str>, ours: Option<&str>) -> String {
    format!("it is named \"{}\" there and \"{}\" here", theirs.unwrap_or_default(), ours.unwrap_or_default())
}

/// These fields, and those that lead to an instance.
fn bridged(fields: &str) -> String {
    format!("{fields},sci,sciScanResult")
}

impl Store for Director {
    fn profile(&self) -> &str {
        &self.profile
    }

    async fn named(&self, name: &str) -> Result<Target> {
        let (stored, _) = self.stored_scans().await?;
        let found = stored.iter().filter(|scan| scan.name.text() == Some(name)).filter_map(StoredScan::scan).collect();
        let scan = only_named(&self.profile, name, found)?;
        Ok(Target { scan: Some(scan.scan), name: scan.name, run: None })
    }

    async fn find_scan(&self, scan: &ScanId) -> Result<Option<Target>> {
        let read = found(self.stored(scan).await)?;
        Ok(read.map(|(stored, _)| Target { scan: Some(scan.clone()), name: stored.name.owned(), run: None }))
    }

    async fn find_run(&self, run: &RunId) -> Result<Option<Run>> {
        Ok(found(self.copied(run).await)?.map(|(_, run, _)| run))
    }

    async fn family(&self, scan: &Target, which: Which) -> Result<Family> {
        let scan = scan_of(scan)?;
        let (stored, copies) = tokio::join!(self.stored(scan), self.copies(which));
        let (stored, _) = stored?;
        let (copies, now, answer) = copies?;
        let id = stored.id.text().map_or_else(|| scan.clone(), ScanId::new);
        let runs = copies.iter().map(|copied| {
            let kinship = copied.kinship(&stored);
            let scan = (kinship == Kinship::Own).then(|| id.clone());
            (Run { scan, ..copied.run(now) }, kinship)
        });
        Ok(Family::new(&self.profile, (id.clone(), stored.name.owned()), runs, (now, &answer)))
    }

    async fn run_of(&self, scan: &ScanId, run: &RunId) -> Result<Target> {
        let (stored, copied) = tokio::join!(self.stored(scan), self.copied(run));
        let (stored, _) = stored?;
        let (copied, read, _) = copied?;
        let mut target = Target { run: Some(run.clone()), name: read.name, scan: None };
        match copied.kinship(&stored) {
            Kinship::Own => target.scan = Some(stored.id.text().map_or_else(|| scan.clone(), ScanId::new)),
            Kinship::None if copied.result.scan().is_some() || copied.is_elsewhere(&stored) => {
                let owner =
                    target.name.as_deref().map_or_else(|| "another scan".to_owned(), |name| format!("\"{name}\""));
                return Err(another_scan(&self.profile, scan, run, &owner));
            }
            Kinship::None | Kinship::Unsure => self.http.warn_once(&format!(
                "profile `{}`: {} does not say which scan it is of; going on with it",
                self.profile,
                target.describe()
            )),
        }
        Ok(target)
    }
}

#[async_trait(?Send)]
impl Backend for Director {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn profile(&self) -> &str {
        &self.profile
    }

    fn is_loopback(&self) -> bool {
        self.http.is_loopback()
    }

    async fn identity(&self) -> Result<Identity> {
        let (mut identity, is_administrator) = sc_rest::identity(&self.http, self.proof).await?;
        if !is_administrator {
            let note = "Director shows its scans to administrators only";
            identity.details.push(("note".to_owned(), note.to_owned()));
        }
        Ok(identity)
    }

    async fn resolve(&self, address: &Address, verb: Verb) -> Result<Target> {
        resolve::resolve(self, address, verb).await
    }

    async fn delegate(&self, target: &Target) -> Result<Option<Delegate>> {
        let scan = scan_of(target)?;
        let (stored, _) = self.stored(scan).await?;
        let what = format!("scan {scan}");
        let (profile, backend) = self.peer(&stored.instance, &what)?;
        let Some(there) = stored.there.clone() else {
            return Err(Error::bad_data(format!("Director does not say which scan of the instance {what} is")));
        };
        let mut target = Target { scan: Some(there), ..Target::default() };
        let Some(theirs) = found(backend.scan(&target, &ScanQuery::default()).await)? else {
            return Err(self.differs(&what, profile, &target, "it shows no such scan"));
        };
        let names = (theirs.value.name.as_deref(), stored.name.text());
        if names.0.is_none() || names.0 != names.1 {
            return Err(self.differs(&what, profile, &target, &names_differ(names.0, names.1)));
        }
        target.name = theirs.value.name;
        Ok(Some(Delegate { backend: Rc::clone(backend), target }))
    }

    async fn prepare(&self, _target: &Target, _order: &Order) -> Result<Prepared> {
        self.no_launch()
    }

    async fn launch(&self, _prepared: &Prepared) -> Result<Launched> {
        self.no_launch()
    }

    async fn find_launched(&self, _prepared: &Prepared, _sent: Instant) -> Result<Vec<Run>> {
        self.no_launch()
    }

    async fn active_runs(&self, target: &Target) -> Result<Vec<Run>> {
        Ok(self.family(target, Which::Running).await?.active())
    }

    async fn control(&self, target: &Target, control: Control) -> Result<Controlled> {
        let run = run_of(target)?;
        let verb = match control {
            Control::Pause => "pause",
            Control::Resume => "resume",
            Control::Stop => {
                let mut there = self.there(run).await?;
                self.compare(&mut there).await?;
                return self.control_there(target, there, control).await;
            }
            Control::ForceStop => return Err(unsupported(&SPEC, Operation::Control(control), NO_FORCE_STOP)),
        };
        let refusal = match self.http.post(["mgmt", "scanResult", run.as_str(), verb]).label(verb).send().await {
            Ok(answer) => {
                let done = sc_rest::controlled(target, &answer)?;
                // Whose number the answer's scan has is not said.
                return Ok(Controlled { target: Target { scan: target.scan.clone(), ..done.target }, ..done });
            }
            Err(refusal) if refusal.refused() && !self.instances.is_empty() => refusal,
            Err(problem) => return Err(problem),
        };
        // The instance is a second way. Where it cannot be taken, Director's own refusal stands.
        let stands = |refusal: Error, problem: Error| {
            refusal.because(format!("the instance was not asked instead: {}", problem.one_line()))
        };
        let mut there = match self.there(run).await {
            Ok(there) => there,
            Err(problem) => return Err(stands(refusal, problem)),
        };
        match self.compare(&mut there).await {
            Ok(()) => {}
            Err(another) if another.exit() == Exit::Config => return Err(another),
            Err(problem) => return Err(stands(refusal, problem)),
        }
        let done = self.control_there(target, there, control).await;
        done.map_err(|problem| problem.because(format!("Director had refused: {}", refusal.one_line())))
    }

    async fn status(&self, target: &Target) -> Result<Reading<Run>> {
        if target.run.is_none() {
            let family = self.family(target, Which::All).await?;
            return Ok(Reading::new(family.current()?, vec![family.raw]).note(COPY));
        }
        let (_, read, answer) = self.copied(run_of(target)?).await?;
        Ok(Reading::new(Run { scan: target.scan.clone(), ..read }, vec![answer.body]).note(COPY))
    }

    async fn results<'a>(&'a self, target: &Target, fetch: &Fetch<'_>) -> Result<Report<'a>> {
        if fetch.via_analysis {
            return Err(unsupported(&SPEC, Operation::ResultsViaAnalysis, NO_ANALYSIS));
        }
        self.fetched(target, None, fetch).await
    }

    async fn export<'a>(&'a self, target: &Target, order: &ExportOrder, fetch: &Fetch<'_>) -> Result<Report<'a>> {
        SPEC.export_format(Some(order.format))?;
        self.fetched(target, Some(order), fetch).await
    }

    async fn active(&self) -> Result<Reading<Vec<Run>>> {
        let mut reading = self.list(Which::Running).await?;
        reading.value.retain(|run| run.state.is_some_and(RunState::is_active));
        Ok(reading)
    }

    async fn scans(&self, _query: &ScanQuery) -> Result<Reading<Vec<Scan>>> {
        let (stored, answer) = self.stored_scans().await?;
        let mut reading = Reading::new(stored.iter().filter_map(StoredScan::scan).collect(), vec![answer.body]);
        reading.notes = self.places(&stored);
        Ok(reading)
    }

    async fn scan(&self, target: &Target, _query: &ScanQuery) -> Result<Reading<Scan>> {
        let (stored, answer) = self.stored(scan_of(target)?).await?;
        let scan = stored.scan().ok_or_else(|| answer.unreadable("`response.id` is missing"))?;
        let mut reading = Reading::new(scan, vec![answer.body]);
        reading.notes = self.places(std::slice::from_ref(&stored));
        Ok(reading)
    }

    async fn runs(&self, target: Option<&Target>, _query: &RunQuery) -> Result<Reading<Vec<Run>>> {
        let Some(target) = target else { return self.list(Which::All).await };
        let family = self.family(target, Which::All).await?;
        let raw = vec![family.raw.clone()];
        let (runs, note) = family.own();
        let notes = [Some(COPY.to_owned()), note].into_iter().flatten().collect();
        Ok(Reading { value: runs, raw, notes })
    }

    async fn prepare_change(&self, _target: &Target, change: &Change) -> Result<PreparedChange> {
        Err(unsupported(&SPEC, change.operation(), "not in this version"))
    }

    async fn apply(&self, prepared: &PreparedChange) -> Result<Applied> {
        Err(unsupported(&SPEC, prepared.change.operation(), "not in this version"))
    }

    async fn find_applied(&self, _prepared: &PreparedChange, _sent: Instant) -> Result<Found> {
        Ok(Found::Untold)
    }

    async fn close(&self) {
        self.http.close().await;
    }
}
