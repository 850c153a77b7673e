//! Tenable Security Center Director, which manages other Security Centers ("instances").
//!
//! Vendor pages: <https://docs.tenable.com/security-center/api/Director-Scan.htm> (list, show, make, delete),
//! <https://docs.tenable.com/security-center/api/Director-Scan-Result.htm> (list, show, pause, resume, download, e-mail).
//! What it shares with its instances is in `sc_rest`.
//!
//! Quirks that shape this file:
//! - Director has neither launch nor stop. Both are done on the instance, by the instance's own profile, once that
//!   instance shows the same scan or run that Director does.
//! - Its runs are copies of the instances' results: they lag.
//! - It numbers everything anew. `sciScanID` and `sciScanResult` are the only bridges to an instance's numbers; a number
//!   of the one sent to the other hits something else.
//! - The names asked for are not those answered (`sci` comes back as `SCI`), so the bridges are looked for under several.

mod changes;
mod form;
mod instance;
mod new_scan;
mod reading;
mod results;
mod wire;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::{Duration, Instant};

use super::change::{Applied, Change, Found, PreparedChange};
use super::report::{ExportOrder, Fetch, Report};
use super::sc_rest::choice::{Family, Kinship};
use super::sc_rest::dialect::DIALECT;
use super::sc_rest::resolve::{self, Store, another_scan, found};
use super::sc_rest::session::Credentials;
use super::sc_rest::{self, Which};
use super::{
    Backend, Connect, Controlled, Delegate, Identity, Interval, Launched, Order, Prepared, Reading, RunQuery,
    RunningCheck, Runs, ScanQuery, Spec, Target, only_named, unsupported,
};
use crate::config::settings::{Reader, Settings};
use crate::error::{Error, Result};
use crate::exit::Exit;
use crate::http::Http;
use crate::http::connection::Defaults;
use crate::model::{Address, Control, ExportFormat, Operation, Run, RunId, RunState, Scan, ScanId, Support, Verb};
use async_trait::async_trait;
use instance::open_peers;
use reading::read;
use wire::StoredScan;

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
    keys: &["access_key", "secret_key", "username", "password", "release_session", "instances"],
    configure,
};

const COPY: &str = "a copy held by Director; it may lag";

const NO_LAUNCH: &str = "Director has no launch: map its instances to profiles of their own, \
                         `instances = { \"SCI-ID\" = \"PROFILE\" }`, or launch on the instance's profile";
const NO_STOP: &str = "Director has no stop: map its instances to profiles of their own, \
                       `instances = { \"SCI-ID\" = \"PROFILE\" }`, or use `scanctl pause`";
const NO_TARGETS: &str =
    "a launch scans the targets stored in the scan; launch a scan that is stored with those targets";
const NO_PORTS: &str = "a launch scans the ports of the scan's policy";
const NO_UPDATE: &str = "Director has no call that changes a scan: change it on the instance, `scanctl scans update \
                         INSTANCE/SCAN`, by the number that `scanctl scans show --fields sciScanID` tells";
const NO_SCAN_COPY: &str = "Director has no call that copies a scan: copy it on the instance, `scanctl scans copy \
                            INSTANCE/SCAN`, by the number that `scanctl scans show --fields sciScanID` tells, or make \
                            one with `scanctl scans create`";
const NO_RUN_CHANGE: &str = "Director holds copies of its instances' runs and has no call for this: do it on the \
                             instance's own profile, INSTANCE/@RUN, by the number that `scanctl runs show --fields \
                             sciScanResult` tells";
const NO_IMPORT: &str = "Director holds copies of its instances' runs and has no call for this: import on the instance's \
                         own profile, `scanctl runs import -p INSTANCE FILE --repository ID`";
const NO_OPTIMIZE: &str = "only an instance takes it: leave `--optimize` out";
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
        Operation::RunsDelete | Operation::RunsCopy | Operation::RunsReimport => Support::No(NO_RUN_CHANGE),
        Operation::RunsImport => Support::No(NO_IMPORT),
        Operation::Optimize => Support::No(NO_OPTIMIZE),
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

/// A profile of Director.
struct Director {
    profile: String,
    http: Http,
    proof: &'static str,
    /// Director's number of an instance, and the profile that speaks to it.
    instances: BTreeMap<String, String>,
    peers: BTreeMap<String, Result<Rc<dyn Backend>>>,
}

fn scan_of(target: &Target) -> Result<&ScanId> {
    target.scan.as_ref().ok_or_else(|| Error::usage("a Director scan id is needed"))
}

fn run_of(target: &Target) -> Result<&RunId> {
    target.run.as_ref().ok_or_else(|| Error::usage("a Director scanResult id is needed"))
}

impl Director {
    fn no_launch<T>(&self) -> Result<T> {
        Err(unsupported(&SPEC, Operation::Launch { targets: false }, NO_LAUNCH))
    }
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
        self.family_of(scan, self.copies(which), &[]).await
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
        self.launched_there(target).await
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
        let mut reading = read(self.copies(Which::Running).await?, &[]);
        reading.value.retain(|run| run.state.is_some_and(RunState::is_active));
        Ok(reading)
    }

    async fn scans(&self, query: &ScanQuery) -> Result<Reading<Vec<Scan>>> {
        self.listed_scans(query).await
    }

    async fn scan(&self, target: &Target, query: &ScanQuery) -> Result<Reading<Scan>> {
        self.shown_scan(target, query).await
    }

    async fn runs(&self, target: Option<&Target>, query: &RunQuery) -> Result<Reading<Vec<Run>>> {
        self.listed_runs(target, query).await
    }

    async fn run(&self, target: &Target, query: &RunQuery) -> Result<Reading<Run>> {
        if query.fields.is_empty() { self.status(target).await } else { self.shown_run(target, query).await }
    }

    async fn prepare_change(&self, target: &Target, change: &Change) -> Result<PreparedChange> {
        self.change_prepared(target, change).await
    }

    async fn apply(&self, prepared: &PreparedChange) -> Result<Applied> {
        self.change_sent(prepared).await
    }

    async fn find_applied(&self, prepared: &PreparedChange, _sent: Instant) -> Result<Found> {
        self.change_found(prepared).await
    }

    async fn close(&self) {
        self.http.close().await;
    }
}
