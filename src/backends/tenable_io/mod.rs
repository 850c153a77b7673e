//! Tenable Vulnerability Management (`cloud.tenable.com`), and what it shares with Nessus Manager.
//!
//! Vendor pages: <https://developer.tenable.com/reference/scans-launch>, `scans-pause`, `scans-resume`, `scans-stop`,
//! `vm-scans-stop-force`, `scans-list`, `scans-details`, `scans-get-latest-status`, `scans-history`,
//! `scans-history-details`, `io-scans-count`; exports: see `export`; states: <https://developer.tenable.com/docs/scan-status-tio>.
//!
//! Quirks that shape this file:
//! - Control answers are 200 with an empty body, on some pages `{}`. The work is only queued.
//! - Scan and schedule ids are interchangeable in paths, except that force-stop takes the schedule uuid alone.
//! - `latest-status` tells of the newest run, whichever that is. Only `history/{run}` tells of one run.
//! - A scan id may be answered with 404 because it is not visible to the user: "no such scan, or no access".
//! - An unknown key is answered with plain text that says "blacklisted"; it only means that the keys are not known.

mod changes;
mod export;
mod form;
mod lists;
mod records;
#[cfg(test)]
mod tests;

use std::rc::Rc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value as Json, json};

use records::{
    Details, HistoryPage, HistoryRun, LatestStatus, LaunchAnswer, ListItem, ScanList, is_early, refusal, state,
};

use super::change::{Applied, Change, Found, PreparedChange};
use super::report::{ExportOrder, Fetch, Report};
use super::wire::Loose;
use super::{
    Backend, Connect, Controlled, Identity, Interval, Launched, Order, Prepared, Reading, RunQuery, RunningCheck, Runs,
    ScanQuery, Seen, Spec, Target, only_named,
};
use crate::config::settings::{Reader, Settings};
use crate::error::{Error, Result};
use crate::exit::Exit;
use crate::http::auth::Auth;
use crate::http::connection::Defaults;
use crate::http::{Answer, Dialect, Http};
use crate::model::{
    Address, Control, ExportFormat, IdOrName, Operation, Run, RunId, RunSelector, RunState, Scan, ScanId, Support, Verb,
};

/// The backend `tenable-io`.
pub static SPEC: Spec = Spec {
    id: "tenable-io",
    title: "Tenable Vulnerability Management",
    defaults: Defaults {
        base_url: Some("https://cloud.tenable.com"),
        prefix: "",
        // The vendor asks integrations not to send requests in parallel.
        max_concurrency: 1,
        public_cloud: Some("tenable.com"),
    },
    interval: Interval { first: Duration::from_secs(10), longest: Duration::from_secs(60) },
    running_check: RunningCheck::AfterRefusal { status: 409, code: None },
    launches_without_scan: false,
    runs: Runs::OfAScan,
    forms: &form::FORMS,
    exports: &[ExportFormat::Nessus, ExportFormat::Csv, ExportFormat::Html, ExportFormat::Pdf, ExportFormat::Db],
    bare_id,
    support,
    keys: &["access_key", "secret_key"],
    configure,
};

/// Active scans that a container may have at a time, by the vendor's page on concurrency limiting.
const ACTIVE_LIMIT: u64 = 25;
/// A launched run may be unknown to `history` for this long.
const HISTORY_LAG: Duration = Duration::from_secs(120);
/// Runs asked for at a time; the vendor's default.
const HISTORY_PAGE: usize = 50;
/// `latest-status` may tell of another run; every so many polls the run itself is asked.
const CONFIRM_EVERY: u32 = 5;

const NO_COPIES: &str = "Tenable VM shares a scan with other users as a whole, which is done in its own pages; \
                         `scanctl export` makes a file to hand on";
const NO_EMAIL: &str = "Tenable VM sends mail when a run ends, to the addresses of the scan: \
                        `scanctl scans update SCAN --set emails=…`";
const NO_REIMPORT: &str = "Tenable VM imports its own runs by itself; `scanctl export` and `scanctl runs import` make a \
                           new imported scan of one";

const DIALECT: Dialect = Dialect { refusal, error_in_success: |_| None, request_id: Some("x-request-uuid") };

fn bare_id(verb: Verb) -> &'static str {
    match verb {
        Verb::Launch
        | Verb::ScansList
        | Verb::ScansShow
        | Verb::ScansUpdate
        | Verb::ScansCopy
        | Verb::ScansDelete
        | Verb::RunsList => "scan id or schedule uuid",
        Verb::Pause | Verb::Resume | Verb::Stop | Verb::Status | Verb::Wait | Verb::Results | Verb::Export => {
            "scan id or schedule uuid: its active, else its latest run"
        }
        Verb::ForceStop => "scan id or schedule uuid (sent as schedule uuid)",
        Verb::RunsShow | Verb::RunsDelete => "needs SCAN@RUN",
        Verb::RunsCopy | Verb::RunsEmail | Verb::RunsReimport => "–",
        Verb::List | Verb::ScansCreate | Verb::RunsImport => "takes no id",
    }
}

/// What the vendor's API can do.
fn support(operation: Operation, _settings: Option<&Settings>) -> Support {
    match operation {
        Operation::ResultsViaAnalysis => {
            Support::No("Tenable VM gives the findings of a run as a report only: leave `--via` out")
        }
        Operation::Launch { .. }
        | Operation::Control(Control::Pause | Control::Resume | Control::Stop | Control::ForceStop)
        | Operation::Status
        | Operation::Wait
        | Operation::Results
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
        | Operation::RunsImport
        | Operation::Check => Support::Native,
        Operation::Window => Support::Via(
            "the runs of a scan are read and compared here; without a scan the vendor's own filter is used",
        ),
        Operation::LaunchPorts => Support::No("Tenable VM takes ports from the policy of the scan"),
        Operation::RunsCopy => Support::No(NO_COPIES),
        Operation::RunsEmail => Support::No(NO_EMAIL),
        Operation::RunsReimport => Support::No(NO_REIMPORT),
        Operation::Fields => Support::No("Tenable VM takes no list of fields: `--raw` prints all that it sends"),
        Operation::OneInstance => Support::No("only Director has instances: leave `--sci` and `--org` out"),
        Operation::Optimize => Support::No("only Tenable.sc takes it: leave `--optimize` out"),
    }
}

fn configure(reader: &Reader<'_>) -> Result<Connect> {
    let settings = reader.settings();
    let missing = |key: &str| settings.error(key, format!("`{key}` is missing"));
    let access = reader.secret("access_key")?.ok_or_else(|| missing("access_key"))?;
    let secret = reader.secret("secret_key")?.ok_or_else(|| missing("secret_key"))?;
    Ok(Box::new(move |connector| {
        let profile = connector.profile.to_owned();
        let auth = Auth::key_pair(
            "x-apikeys",
            connector.secret("access_key", &access)?,
            connector.secret("secret_key", &secret)?,
            |access, secret| format!("accessKey={access};secretKey={secret}"),
        );
        let http = connector.http(auth, DIALECT)?;
        Ok(Rc::new(TenableIo { profile, http }))
    }))
}

/// When a request was sent, in seconds by the vendor's clock, which an answer that came later tells. Where it does not,
/// nothing can be told to be newer: this machine's clock is not the vendor's.
fn asked_at(answer: &Answer, sent: Instant) -> Option<i64> {
    let ago = answer.received.duration_since(sent).as_secs();
    // The vendor's times are whole seconds, so the second before may be the same moment.
    Some(answer.date?.as_second().saturating_sub_unsigned(ago) - 1)
}

/// Reads the answer to a control or a deletion, which by the documentation says nothing. An object may say something some
/// day, as long as that is no error; anything else was written by somebody else.
fn taken(answer: &Answer) -> Result<()> {
    if matches!(answer.body.trim_ascii(), b"" | b"null") {
        return Ok(());
    }
    let members: Map<String, Json> = answer.json()?;
    if members.contains_key("error") { Err(answer.unreadable("it speaks of an error")) } else { Ok(()) }
}

/// A run whose state the vendor told. One without is no record of a run.
fn told(run: Run, answer: &Answer) -> Result<Run> {
    if run.state.is_some() { Ok(run) } else { Err(answer.unreadable("the run's `status` is missing")) }
}

/// A profile of Tenable Vulnerability Management.
#[derive(Debug)]
struct TenableIo {
    profile: String,
    http: Http,
}

impl TenableIo {
    async fn list(&self) -> Result<(ScanList, Answer)> {
        let answer = self.http.get(["scans"]).label("scans list").send().await?;
        Ok((answer.json()?, answer))
    }

    async fn details(&self, scan: &ScanId) -> Result<(Details, Answer)> {
        let answer = self.http.get(["scans", scan.as_str()]).label("scan details").send().await?;
        Ok((answer.json()?, answer))
    }

    /// One run by its own id: the only call that tells of that run and no other.
    async fn history_run(&self, scan: &ScanId, run: &RunId) -> Result<(HistoryRun, Answer)> {
        let answer =
            self.http.get(["scans", scan.as_str(), "history", run.as_str()]).label("run details").send().await?;
        Ok((answer.json()?, answer))
    }

    /// One run, from the details where the call for one run does not know it: Nessus has no such call, and right after
    /// a launch it may lag behind.
    async fn one_run(&self, scan: &ScanId, run: &RunId) -> Result<(Run, Answer)> {
        match self.history_run(scan, run).await {
            Err(missing) if missing.exit() == Exit::NotFound => {
                let (details, answer) = self.details(scan).await?;
                Ok((told(details.run(scan, run).ok_or(missing)?, &answer)?, answer))
            }
            known => {
                let (read, answer) = known?;
                Ok((told(read.run(scan, run), &answer)?, answer))
            }
        }
    }

    async fn history_page(&self, scan: &ScanId, offset: usize, limit: usize) -> Result<(HistoryPage, Answer)> {
        let request = self.http.get(["scans", scan.as_str(), "history"]).query("limit", limit).query("offset", offset);
        // Declared as required by the vendor, with a default of false.
        let answer = request.query("exclude_rollover", false).label("run history").send().await?;
        Ok((answer.json()?, answer))
    }

    /// The run that is `back` runs before the newest.
    async fn nth_run(&self, scan: &ScanId, back: usize) -> Result<RunId> {
        let none = || {
            Error::new(Exit::NotFound, format!("scan {scan} has no run that far back"))
                .hint(format!("`scanctl runs list {}/{scan}` shows its runs", self.profile))
        };
        if back == 0 {
            // The history lags behind a launch by seconds; the details name the newest run at once.
            let (details, _) = self.details(scan).await?;
            return details.info.uuid.text().map(RunId::new).ok_or_else(none);
        }
        let (page, _) = self.history_page(scan, back, 1).await?;
        page.history.first().and_then(|item| item.scan_uuid.text()).map(RunId::new).ok_or_else(none)
    }

    fn scan_of<'a>(&self, target: &'a Target) -> Result<&'a ScanId> {
        target.scan.as_ref().ok_or_else(|| {
            Error::usage("a run of Tenable VM is named together with its scan")
                .hint(format!("{}/SCAN@RUN", self.profile))
        })
    }

    /// How many scans there are, all or only those that are active; none where that cannot be read.
    async fn counted(&self, active: Option<bool>) -> Option<u64> {
        #[derive(Deserialize)]
        struct Count {
            count: Loose,
        }
        let request = self.http.get(["scans", "count"]).label("scan count");
        let request = active.into_iter().fold(request, |request, active| request.query("active", active));
        request.send().await.and_then(|answer| answer.json::<Count>()).ok()?.count.count()
    }

    /// A launch refused with 429 may be the limit of requests or the limit of active scans; counting tells which.
    async fn which_limit(&self, refused: Error) -> Error {
        match self.counted(Some(true)).await {
            Some(count) if count >= ACTIVE_LIMIT => refused
                .context(format!("{count} scans are active, and the vendor allows {ACTIVE_LIMIT} at a time"))
                .hint(format!("`scanctl list -p {}` shows them; paused ones count too", self.profile)),
            Some(count) => {
                refused.context(format!("too many requests ({count} scans are active, so it is not their limit)"))
            }
            None => refused.context("too many requests, or too many active scans: counting them failed as well"),
        }
    }
}

#[async_trait(?Send)]
impl Backend for TenableIo {
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
        #[derive(Deserialize)]
        struct Session {
            #[serde(default)]
            id: Loose,
            #[serde(default)]
            username: Loose,
            #[serde(default)]
            permissions: Loose,
            #[serde(default)]
            container_name: Loose,
        }
        let answer = self.http.get(["session"]).label("session").send().await?;
        let session: Session = answer.json()?;
        if session.id.text().or(session.username.text()).is_none() {
            return Err(answer.unreadable("neither `id` nor `username` is there"));
        }
        let role = match session.permissions.number() {
            Some(16) => "Basic",
            Some(24) => "Scan Operator",
            Some(32) => "Standard",
            Some(40) => "Scan Manager",
            Some(64) => "Administrator",
            _ => "unknown role",
        };
        let mut details = vec![("role".to_owned(), role.to_owned())];
        details.extend(session.container_name.owned().map(|name| ("container".to_owned(), name)));
        Ok(Identity { user: session.username.owned(), proved: "the keys open a session".to_owned(), details })
    }

    async fn resolve(&self, address: &Address, verb: Verb) -> Result<Target> {
        let mut target = match &address.subject {
            Some(IdOrName::Id(id)) => Target { scan: Some(ScanId::new(id.as_ref())), ..Target::default() },
            Some(IdOrName::Name(name)) => {
                let (list, _) = self.list().await?;
                let found = list
                    .scans
                    .iter()
                    .filter(|item| item.name.text() == Some(name))
                    .filter_map(ListItem::scan)
                    .collect();
                let scan = only_named(&self.profile, name, found)?;
                Target { scan: Some(scan.scan), name: scan.name, run: None }
            }
            None => Target::default(),
        };
        let scan = self.scan_of(&target)?.clone();
        match (&address.run, verb) {
            (Some(_), verb) if verb.takes_scan() || matches!(verb, Verb::ScansList | Verb::List) => {
                return Err(Error::usage(format!("`{verb}` takes a scan, not a run")).hint(Address::full(
                    &self.profile,
                    Some(&scan),
                    None,
                )));
            }
            (None, verb) if verb.takes_run() => {
                return Err(Error::usage(format!("`{verb}` needs SCAN@RUN on this backend"))
                    .hint(format!("scanctl runs list {}", Address::full(&self.profile, Some(&scan), None))));
            }
            (Some(RunSelector::Id(run)), _) => target.run = Some(run.clone()),
            (Some(RunSelector::Latest(back)), _) => target.run = Some(self.nth_run(&scan, *back).await?),
            (None, _) => {}
        }
        Ok(target)
    }

    async fn prepare(&self, target: &Target, order: &Order) -> Result<Prepared> {
        self.scan_of(target)?;
        Ok(Prepared { target: target.clone(), order: order.clone(), before: Vec::new(), warnings: Vec::new() })
    }

    async fn launch(&self, prepared: &Prepared) -> Result<Launched> {
        let scan = self.scan_of(&prepared.target)?;
        // Must be an array: a plain string is accepted by some versions and means something else.
        let body = if prepared.order.targets.is_empty() {
            json!({})
        } else {
            json!({ "alt_targets": prepared.order.targets })
        };
        let sent = self.http.post(["scans", scan.as_str(), "launch"]).json(&body).label("launch").send().await;
        let answer = match sent {
            Ok(answer) => answer,
            Err(refused) => {
                return Err(match refused.answer().status {
                    Some(403) if refused.refused() => {
                        refused.context("the scan is disabled, or the user has no right to launch it")
                    }
                    Some(429) if refused.exit() == Exit::Limited => self.which_limit(refused).await,
                    _ => refused,
                });
            }
        };
        let read: LaunchAnswer = answer.json()?;
        if read.scan_uuid.is_empty() {
            return Err(answer.unreadable("`scan_uuid` is empty"));
        }
        Ok(Launched {
            scan: Some(scan.clone()),
            run: Some(RunId::new(read.scan_uuid)),
            name: prepared.target.name.clone(),
            request_id: answer.request_id,
            ..Launched::default()
        })
    }

    async fn find_launched(&self, prepared: &Prepared, sent: Instant) -> Result<Vec<Run>> {
        let scan = self.scan_of(&prepared.target)?;
        let (details, answer) = self.details(scan).await?;
        let Some(asked) = asked_at(&answer, sent) else { return Ok(Vec::new()) };
        let is_newer = |started: Option<Timestamp>| started.is_some_and(|started| started.as_second() >= asked);
        let mut found: Vec<Run> =
            details.history.iter().map(|entry| entry.run(scan, details.info.name.owned())).collect();
        let newest = details.newest(scan);
        if newest.run.is_some() && !found.iter().any(|run| run.run == newest.run) {
            found.insert(0, newest);
        }
        found.retain(|run| run.run.is_some() && is_newer(run.started_at));
        Ok(found)
    }

    async fn active_runs(&self, target: &Target) -> Result<Vec<Run>> {
        let scan = self.scan_of(target)?;
        let (details, answer) = self.details(scan).await?;
        let newest = told(details.newest(scan), &answer)?;
        Ok(newest.state.is_some_and(RunState::is_active).then_some(newest).into_iter().collect())
    }

    async fn control(&self, target: &Target, control: Control) -> Result<Controlled> {
        let scan = self.scan_of(target)?.clone();
        let mut learned = target.clone();
        if let Some(run) = &target.run {
            // The vendor's call takes no run and would hit whichever is active.
            let (read, _) = self.one_run(&scan, run).await?;
            learned.learn(&read);
            if !read.state.is_some_and(RunState::is_active) {
                let word = read.native_state.as_deref().unwrap_or_default();
                return Err(Error::new(
                    Exit::InvalidState,
                    format!("run {run} is {word}; it is not the active run of scan {scan}"),
                ));
            }
        }
        let (path, verb) = match control {
            Control::Pause => (scan.clone(), "pause"),
            Control::Resume => (scan.clone(), "resume"),
            Control::Stop => (scan.clone(), "stop"),
            Control::ForceStop => (self.schedule_uuid(&scan, &mut learned).await?, "force-stop"),
        };
        let answer = self.http.post(["scans", path.as_str(), verb]).json(&json!({})).label(verb).send().await?;
        taken(&answer)?;
        Ok(Controlled { target: learned, request_id: answer.request_id, message: None })
    }

    async fn status(&self, target: &Target) -> Result<Reading<Run>> {
        let scan = self.scan_of(target)?;
        match &target.run {
            None => {
                let (details, answer) = self.details(scan).await?;
                Ok(Reading::new(told(details.newest(scan), &answer)?, vec![answer.body]))
            }
            Some(run) => {
                let (run, answer) = self.one_run(scan, run).await?;
                Ok(Reading::new(run, vec![answer.body]))
            }
        }
    }

    async fn poll(&self, target: &Target, seen: &Seen) -> Result<Run> {
        let scan = self.scan_of(target)?;
        let Some(run) = &target.run else { return Ok(self.status(target).await?.value) };
        let confirm = seen.polls % CONFIRM_EVERY == CONFIRM_EVERY - 1;
        if !confirm {
            let request = self.http.get(["scans", scan.as_str(), "latest-status"]).label("latest status");
            match request.send().await.and_then(|answer| answer.json::<LatestStatus>()) {
                Ok(latest) => {
                    let now = state(&latest.status);
                    let was_further =
                        seen.last.as_ref().and_then(|last| last.state).is_some_and(|last| !is_early(last));
                    let another_run = is_early(now) && was_further;
                    if !now.is_terminal() && !another_run {
                        let mut polled = seen.last.clone().unwrap_or_default();
                        polled.scan = Some(scan.clone());
                        polled.run = Some(run.clone());
                        polled.state = Some(now);
                        polled.native_state = Some(latest.status);
                        return Ok(polled);
                    }
                }
                // Nessus has no such call; the details have the same.
                Err(missing) if missing.exit() == Exit::NotFound => {}
                Err(problem) => return Err(problem),
            }
        }
        match self.one_run(scan, run).await {
            Err(missing) if missing.exit() == Exit::NotFound => {
                if seen.launched.is_none_or(|launched| launched.elapsed() >= HISTORY_LAG) {
                    return Err(missing);
                }
                let (scan, run) = (Some(scan.clone()), Some(run.clone()));
                Ok(Run { scan, run, name: target.name.clone(), state: Some(RunState::Queued), ..Run::default() })
            }
            known => Ok(known?.0),
        }
    }

    async fn results<'a>(&'a self, target: &Target, fetch: &Fetch<'_>) -> Result<Report<'a>> {
        let report = ExportOrder { format: ExportFormat::Nessus, chapters: Vec::new(), asset: None, password: None };
        self.exported(target, &report, fetch).await
    }

    async fn export<'a>(&'a self, target: &Target, order: &ExportOrder, fetch: &Fetch<'_>) -> Result<Report<'a>> {
        self.exported(target, order, fetch).await
    }

    async fn active(&self) -> Result<Reading<Vec<Run>>> {
        let (list, answer) = self.list().await?;
        if list.scans.iter().any(|item| item.status.text().is_none()) {
            return Err(answer.unreadable("a scan has no `status`"));
        }
        let active =
            list.scans.iter().filter_map(ListItem::run).filter(|run| run.state.is_some_and(RunState::is_active));
        Ok(Reading::new(active.collect(), vec![answer.body]))
    }

    async fn scans(&self, _query: &ScanQuery) -> Result<Reading<Vec<Scan>>> {
        let (list, answer) = self.list().await?;
        Ok(Reading::new(list.scans.iter().filter_map(ListItem::scan).collect(), vec![answer.body]))
    }

    async fn scan(&self, target: &Target, _query: &ScanQuery) -> Result<Reading<Scan>> {
        self.stored_scan(target).await
    }

    async fn runs(&self, target: Option<&Target>, query: &RunQuery) -> Result<Reading<Vec<Run>>> {
        match target {
            Some(target) => self.runs_of(self.scan_of(target)?, query).await,
            None => self.latest_runs(query).await,
        }
    }

    async fn prepare_change(&self, target: &Target, change: &Change) -> Result<PreparedChange> {
        self.prepared(target, change).await
    }

    async fn apply(&self, prepared: &PreparedChange) -> Result<Applied> {
        self.applied(prepared).await
    }

    async fn find_applied(&self, prepared: &PreparedChange, sent: Instant) -> Result<Found> {
        self.seen(prepared, sent).await
    }

    async fn close(&self) {
        self.http.close().await;
    }
}

impl TenableIo {
    /// Force-stop takes the schedule uuid alone. Scan ids are decimal numbers, and nothing else is. What has to be read
    /// for it tells the name as well.
    async fn schedule_uuid(&self, scan: &ScanId, learned: &mut Target) -> Result<ScanId> {
        if !scan.as_str().bytes().all(|byte| byte.is_ascii_digit()) {
            return Ok(scan.clone());
        }
        let (details, answer) = self.details(scan).await?;
        learned.name = learned.name.take().or_else(|| details.info.name.owned());
        details
            .info
            .schedule_uuid
            .text()
            .map(ScanId::new)
            .ok_or_else(|| answer.unreadable("`info.schedule_uuid` is missing"))
    }
}
