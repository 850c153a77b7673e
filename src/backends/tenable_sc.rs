//! Tenable Security Center ("Tenable.sc"), an instance with scans of its own.
//!
//! Vendor pages: <https://docs.tenable.com/security-center/api/Scan.htm> (list, show, launch),
//! <https://docs.tenable.com/security-center/api/Scan-Result.htm> (list, show, pause, resume, stop, download), Analysis,
//! Current-User, and the user guide's page on scan result statuses. What it shares with Director is in `sc_rest`.
//!
//! Quirks that shape this file:
//! - A launch takes the scan and answers with the result, whose id is the run; `scanID` and `jobID` beside it are not.
//! - Pause, resume and stop take the result. Their answer is the result as it was when the request came.
//! - Results often do not say which scan they are of, also after ordinary scheduled runs.
//! - There is no parameter for other targets than those stored.

mod analysis;
mod changes;
mod definition;
mod form;
mod lists;
mod record;
mod results;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

pub use self::analysis::reader;
use super::change::{Applied, Change, Found, PreparedChange};
use super::report::{ExportOrder, Fetch, Report};
use super::sc_rest::choice::{Family, Kinship, newest_first};
use super::sc_rest::dialect::DIALECT;
use super::sc_rest::resolve::{self, Store, another_scan, found};
use super::sc_rest::result::{FIELDS, ScanResult};
use super::sc_rest::session::Credentials;
use super::sc_rest::{self, Listed, Reference, Which, is_number};
use super::wire::Loose;
use super::{
    Backend, Connect, Controlled, Identity, Interval, Launched, Order, Prepared, Reading, RunQuery, RunningCheck, Runs,
    ScanQuery, Spec, Target, only_named, unsupported,
};
use crate::config::settings::{Reader, Settings};
use crate::error::{Error, Result};
use crate::http::connection::Defaults;
use crate::http::{Answer, Http};
use crate::model::{Address, Control, ExportFormat, Operation, Run, RunId, RunState, Scan, ScanId, Support, Verb};

/// The backend `tenable-sc`.
pub static SPEC: Spec = Spec {
    id: sc_rest::INSTANCE,
    title: "Tenable Security Center",
    defaults: Defaults { base_url: None, prefix: "/rest", max_concurrency: 2, public_cloud: None },
    interval: Interval { first: Duration::from_secs(10), longest: Duration::from_secs(60) },
    running_check: RunningCheck::Before,
    launches_without_scan: false,
    runs: Runs::Alone,
    forms: &form::FORMS,
    exports: &[ExportFormat::V2, ExportFormat::Scap12],
    bare_id,
    support,
    keys: Credentials::KEYS,
    configure,
};

/// What is asked of a scan. Without it the answer also holds the policy's settings: long, and with ciphertext in them.
const SCAN_FIELDS: &str = "id,name,ipList,assets,schedule";

const NO_TARGETS: &str =
    "a launch scans the targets stored in the scan; launch a scan that is stored with those targets";
const NO_PORTS: &str = "a launch scans the ports of the scan's policy";
const NO_FORCE_STOP: &str = "`scanctl stop` ends the run in order";

fn bare_id(verb: Verb) -> &'static str {
    match verb {
        Verb::Launch
        | Verb::ScansList
        | Verb::ScansShow
        | Verb::ScansUpdate
        | Verb::ScansCopy
        | Verb::ScansDelete
        | Verb::RunsList => "scan id",
        Verb::Pause
        | Verb::Resume
        | Verb::Stop
        | Verb::RunsShow
        | Verb::RunsDelete
        | Verb::RunsCopy
        | Verb::RunsEmail
        | Verb::RunsReimport => "scanResult id",
        Verb::Status | Verb::Wait | Verb::Results | Verb::Export => {
            "scanResult id, or the id of a scan that is no scanResult's"
        }
        Verb::ForceStop => "–",
        Verb::List | Verb::ScansCreate | Verb::RunsImport => "takes no id",
    }
}

fn support(operation: Operation, _settings: Option<&Settings>) -> Support {
    match operation {
        Operation::Launch { targets: true } => Support::No(NO_TARGETS),
        Operation::LaunchPorts => Support::No(NO_PORTS),
        Operation::Control(Control::ForceStop) => Support::No(NO_FORCE_STOP),
        Operation::OneInstance => Support::No("only Director has instances: leave `--sci` and `--org` out"),
        Operation::Launch { targets: false }
        | Operation::Control(Control::Pause | Control::Resume | Control::Stop)
        | Operation::Status
        | Operation::Wait
        | Operation::Results
        | Operation::ResultsViaAnalysis
        | Operation::Export
        | Operation::List
        | Operation::ScansList
        | Operation::ScansShow
        | Operation::ScansCreate
        | Operation::ScansUpdate
        | Operation::ScansCopy
        | Operation::ScansDelete
        | Operation::RunsList
        | Operation::RunsShow
        | Operation::RunsDelete
        | Operation::RunsCopy
        | Operation::RunsEmail
        | Operation::RunsImport
        | Operation::RunsReimport
        | Operation::Fields
        | Operation::Window
        | Operation::Optimize
        | Operation::Check => Support::Native,
    }
}

fn configure(reader: &Reader<'_>) -> Result<Connect> {
    let credentials = Credentials::configure(reader)?;
    Ok(Box::new(move |connector| {
        let profile = connector.profile.to_owned();
        let auth = credentials.read(&connector)?;
        let http = connector.http(auth, DIALECT)?;
        Ok(Rc::new(TenableSc { profile, http, proof: credentials.proof(), names: RefCell::default() }))
    }))
}

/// A profile of Tenable Security Center.
#[derive(Debug)]
struct TenableSc {
    profile: String,
    http: Http,
    proof: &'static str,
    /// Scans that were read, by the id they were asked for: the vendor's own number and the name.
    names: RefCell<BTreeMap<ScanId, (ScanId, Option<String>)>>,
}

/// A stored scan. `status` is left out on purpose: it is a mask of the definition's health, not a state.
#[derive(Debug, Deserialize)]
struct StoredScan {
    id: Loose,
    #[serde(default)]
    name: Loose,
    #[serde(default, rename = "ipList")]
    ip_list: Loose,
    #[serde(default, deserialize_with = "sc_rest::references")]
    assets: Vec<Reference>,
    #[serde(default)]
    schedule: Value,
}

impl StoredScan {
    fn scan(&self) -> Option<Scan> {
        let part = |key: &str| self.schedule.get(key).and_then(Value::as_str).filter(|part| !part.is_empty());
        let schedule: Vec<&str> = ["type", "start", "repeatRule"].into_iter().filter_map(part).collect();
        let listed = self.ip_list.text().unwrap_or_default().split([',', '\n']).map(str::trim);
        let targets = listed.filter(|target| !target.is_empty()).map(str::to_owned).collect();
        Some(Scan {
            scan: ScanId::new(self.id.text()?),
            name: self.name.owned(),
            enabled: part("enabled").map(|enabled| enabled == "true"),
            schedule: (!schedule.is_empty()).then(|| schedule.join(" ")),
            // What an asset list holds cannot be read here, and a part of the targets is not the targets.
            targets: self.assets.is_empty().then_some(targets),
            last_run: None,
            fields: None,
        })
    }
}

#[derive(Debug, Deserialize)]
struct LaunchAnswer {
    #[serde(rename = "scanResult")]
    scan_result: ScanResult,
}

fn scan_of(target: &Target) -> Result<&ScanId> {
    target.scan.as_ref().ok_or_else(|| Error::usage("a scan id is needed"))
}

fn run_of(target: &Target) -> Result<&RunId> {
    target.run.as_ref().ok_or_else(|| Error::usage("a scanResult id is needed"))
}

impl TenableSc {
    /// What a run is to the scan of that number and name.
    fn kinship(run: &Run, scan: &ScanId, name: Option<&str>) -> Kinship {
        match &run.scan {
            Some(owner) if owner == scan => Kinship::Own,
            None if name.is_some() && run.name.as_deref() == name => Kinship::Unsure,
            _ => Kinship::None,
        }
    }

    async fn result(&self, run: &RunId) -> Result<(Run, Answer)> {
        self.result_with(run, FIELDS).await.map(|(_, run, answer)| (run, answer))
    }

    async fn result_with(&self, run: &RunId, fields: &str) -> Result<(ScanResult, Run, Answer)> {
        let request = self.http.get(["scanResult", run.as_str()]).query("fields", fields);
        let answer = request.label("scan result").send().await?;
        let (result, now) = sc_rest::open::<ScanResult>(&answer)?;
        result.check(fields, &answer)?;
        let read = Run { run: Some(run.clone()), ..result.run(now) };
        Ok((result, read, answer))
    }

    async fn listed(&self, which: Which) -> Result<(Vec<Run>, Option<Timestamp>, Answer)> {
        let request = sc_rest::window(self.http.get(["scanResult"]), which).query("fields", FIELDS);
        let answer = request.label("scan results").send().await?;
        let (list, now) = sc_rest::open::<Listed>(&answer)?;
        let results = list.of::<ScanResult>(&answer)?;
        results.iter().try_for_each(|result| result.check(FIELDS, &answer))?;
        let mut runs: Vec<Run> = results.iter().map(|result| result.run(now)).collect();
        newest_first(&mut runs);
        Ok((runs, now, answer))
    }

    async fn stored(&self, scan: &ScanId) -> Result<(Scan, Vec<Reference>, Answer)> {
        self.stored_with(scan, SCAN_FIELDS).await.map(|(read, assets, _, answer)| (read, assets, answer))
    }

    /// A stored scan with these fields, and the object as it came.
    async fn stored_with(&self, scan: &ScanId, fields: &str) -> Result<(Scan, Vec<Reference>, Value, Answer)> {
        let request = self.http.get(["scan", scan.as_str()]).query("fields", fields);
        let answer = request.label("scan").send().await?;
        let (stored, _) = sc_rest::open::<StoredScan>(&answer)?;
        let (object, _) = sc_rest::open::<Value>(&answer)?;
        let read = stored.scan().ok_or_else(|| answer.unreadable("`response.id` is missing"))?;
        self.names.borrow_mut().insert(scan.clone(), (read.scan.clone(), read.name.clone()));
        Ok((read, stored.assets, object, answer))
    }

    /// The vendor's number and the name of a scan, read once.
    async fn names(&self, target: &Target) -> Result<(ScanId, Option<String>)> {
        let scan = scan_of(target)?;
        if target.name.is_some() && is_number(scan.as_str()) {
            return Ok((scan.clone(), target.name.clone()));
        }
        let known = self.names.borrow().get(scan).cloned();
        match known {
            Some(known) => Ok(known),
            None => self.stored(scan).await.map(|(read, ..)| (read.scan, read.name)),
        }
    }

    async fn stored_scans(&self) -> Result<(Vec<StoredScan>, Answer)> {
        let request = self.http.get(["scan"]).query("fields", SCAN_FIELDS);
        let answer = request.label("scans").send().await?;
        let (list, _) = sc_rest::open::<Listed>(&answer)?;
        Ok((list.of(&answer)?, answer))
    }
}

impl Store for TenableSc {
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
        Ok(read.map(|(scan, ..)| Target { scan: Some(scan.scan), name: scan.name, run: None }))
    }

    async fn find_run(&self, run: &RunId) -> Result<Option<Run>> {
        Ok(found(self.result(run).await)?.map(|(run, _)| run))
    }

    async fn family(&self, scan: &Target, which: Which) -> Result<Family> {
        let (names, results) = tokio::join!(self.names(scan), self.listed(which));
        let (scan, name) = names?;
        let (runs, now, answer) = results?;
        let runs: Vec<(Run, Kinship)> = runs
            .into_iter()
            .map(|run| {
                let kinship = Self::kinship(&run, &scan, name.as_deref());
                (run, kinship)
            })
            .collect();
        Ok(Family::new(&self.profile, (scan, name), runs, (now, &answer)))
    }

    async fn run_of(&self, scan: &ScanId, run: &RunId) -> Result<Target> {
        let (read, _) = self.result(run).await?;
        let mut target = Target { run: Some(run.clone()), ..Target::default() };
        target.learn(&read);
        match &read.scan {
            None => self.http.warn_once(&format!(
                "profile `{}`: {} does not say which scan it is of; going on with it",
                self.profile,
                target.describe()
            )),
            Some(owner) if owner == scan => {}
            Some(owner) => {
                let named = Target { scan: Some(scan.clone()), ..Target::default() };
                // A uuid names the scan as well as its number does.
                if is_number(scan.as_str()) || self.names(&named).await?.0 != *owner {
                    return Err(another_scan(&self.profile, scan, run, &format!("scan {owner}")));
                }
            }
        }
        Ok(target)
    }
}

#[async_trait(?Send)]
impl Backend for TenableSc {
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
        if is_administrator {
            let note = "an administrator has no scans; scanctl needs a user of an organization";
            identity.details.push(("note".to_owned(), note.to_owned()));
        }
        Ok(identity)
    }

    async fn resolve(&self, address: &Address, verb: Verb) -> Result<Target> {
        resolve::resolve(self, address, verb).await
    }

    async fn prepare(&self, target: &Target, order: &Order) -> Result<Prepared> {
        if !order.targets.is_empty() {
            return Err(unsupported(&SPEC, Operation::Launch { targets: true }, NO_TARGETS));
        }
        let (_, name) = self.names(target).await?;
        let target = Target { name, ..target.clone() };
        Ok(Prepared { target, order: order.clone(), before: Vec::new(), warnings: Vec::new() })
    }

    async fn launch(&self, prepared: &Prepared) -> Result<Launched> {
        let scan = scan_of(&prepared.target)?;
        let answer = self.http.post(["scan", scan.as_str(), "launch"]).json(&json!({})).label("launch").send().await?;
        let (LaunchAnswer { scan_result }, _) = sc_rest::open(&answer)?;
        let Some(run) = scan_result.id.text().map(RunId::new) else {
            return Err(answer.unreadable("`response.scanResult.id` is missing"));
        };
        Ok(Launched {
            scan: scan_result.scan().or_else(|| Some(scan.clone())),
            run: Some(run),
            name: scan_result.name.owned().or_else(|| prepared.target.name.clone()),
            native_state: scan_result.status(),
            ..Launched::default()
        })
    }

    async fn find_launched(&self, prepared: &Prepared, sent: Instant) -> Result<Vec<Run>> {
        let family = self.family(&prepared.target, Which::All).await?;
        let Some(asked) = sc_rest::earliest(family.now, family.received, sent) else { return Ok(Vec::new()) };
        let is_newer = |run: &&Run| run.created_at.or(run.started_at).is_some_and(|made| made >= asked);
        Ok(family.all().filter(is_newer).cloned().collect())
    }

    async fn active_runs(&self, target: &Target) -> Result<Vec<Run>> {
        Ok(self.family(target, Which::Running).await?.active())
    }

    async fn control(&self, target: &Target, control: Control) -> Result<Controlled> {
        let run = run_of(target)?;
        let verb = match control {
            Control::Pause => "pause",
            Control::Resume => "resume",
            Control::Stop => "stop",
            Control::ForceStop => return Err(unsupported(&SPEC, Operation::Control(control), NO_FORCE_STOP)),
        };
        // Without a body: what `stop` takes in one is what the product's own pages send, and no page documents it.
        let answer = self.http.post(["scanResult", run.as_str(), verb]).label(verb).send().await?;
        sc_rest::controlled(target, &answer)
    }

    async fn status(&self, target: &Target) -> Result<Reading<Run>> {
        if target.run.is_none() {
            let family = self.family(target, Which::All).await?;
            return Ok(Reading::new(family.current()?, vec![family.raw]));
        }
        let (run, answer) = self.result(run_of(target)?).await?;
        Ok(Reading::new(run, vec![answer.body]))
    }

    async fn results<'a>(&'a self, target: &Target, fetch: &Fetch<'_>) -> Result<Report<'a>> {
        if fetch.via_analysis { self.analysed(target, fetch).await } else { self.downloaded(target, fetch).await }
    }

    async fn export<'a>(&'a self, target: &Target, order: &ExportOrder, fetch: &Fetch<'_>) -> Result<Report<'a>> {
        self.exported(target, order.format, fetch).await
    }

    async fn active(&self) -> Result<Reading<Vec<Run>>> {
        let (mut runs, _, answer) = self.listed(Which::Running).await?;
        runs.retain(|run| run.state.is_some_and(RunState::is_active));
        Ok(Reading::new(runs, vec![answer.body]))
    }

    async fn scans(&self, query: &ScanQuery) -> Result<Reading<Vec<Scan>>> {
        self.list_scans(query).await
    }

    async fn scan(&self, target: &Target, query: &ScanQuery) -> Result<Reading<Scan>> {
        self.show_scan(target, query).await
    }

    async fn runs(&self, target: Option<&Target>, query: &RunQuery) -> Result<Reading<Vec<Run>>> {
        self.list_runs(target, query).await
    }

    async fn run(&self, target: &Target, query: &RunQuery) -> Result<Reading<Run>> {
        self.show_run(run_of(target)?, query).await
    }

    async fn prepare_change(&self, target: &Target, change: &Change) -> Result<PreparedChange> {
        self.prepared(target, change).await
    }

    async fn apply(&self, prepared: &PreparedChange) -> Result<Applied> {
        self.applied(prepared).await
    }

    async fn find_applied(&self, prepared: &PreparedChange, sent: Instant) -> Result<Found> {
        self.look(prepared, sent).await
    }

    async fn close(&self) {
        self.http.close().await;
    }
}

#[cfg(test)]
mod tests;
