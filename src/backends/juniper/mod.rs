//! Juniper Secure Analytics (JSA): the scanner of its console, which is that of IBM QRadar Vulnerability Manager.
//!
//! Vendor pages: Juniper's "REST API Version 17.0 References", `GET /scanner/scanprofiles`, `…/{profileid}`,
//! `…/{profileid}/runs`, `…/runs/{run_id}`, `…/runs/{run_id}/results` and `POST …/{profileid}/start`; for what Juniper
//! leaves out, IBM's reference of the same API.
//!
//! Quirks that shape this file:
//! - A start answers with a sentence. The run it started is whichever was not listed before.
//! - A run has no state, only an end time or none. Word and percentage belong to the profile, whose newest run they are
//!   about.
//! - There is no call to pause, resume or stop, in any version.
//! - The targets of a profile can be written and never read.
//! - `Version` asks for a version of the API: one that is too new is rounded down in silence, a removed one refused.
//! - The scanner is at its end of life. A newer console may have none, and then the endpoint itself is not found.

mod changes;
mod form;
mod range;
mod records;
mod refusal;
mod results;
mod selection;
#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::rc::Rc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::future::try_join_all;
use reqwest::header::{HeaderName, HeaderValue, RANGE};
use serde::de::DeserializeOwned;

use self::range::Extent;
use self::records::{Profile, RunRecord, newest_first};
use self::refusal::{NOT_FOUND, NOT_PERMITTED};
pub use self::results::reader;
use super::change::{Applied, Change, Found, PreparedChange};
use super::report::{ExportOrder, Fetch, Report};
use super::{
    Backend, Connect, Controlled, Identity, Interval, Launched, Order, Prepared, Reading, RunQuery, RunningCheck, Runs,
    ScanQuery, Seen, Spec, Target, only_named, unsupported,
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

/// The backend `juniper`.
pub static SPEC: Spec = Spec {
    id: "juniper",
    title: "Juniper Secure Analytics",
    defaults: Defaults { base_url: None, prefix: "/api", max_concurrency: 2, public_cloud: None },
    interval: Interval { first: Duration::from_secs(30), longest: Duration::from_secs(120) },
    running_check: RunningCheck::AfterRefusal { status: 422, code: Some(NOT_PERMITTED) },
    launches_without_scan: false,
    runs: Runs::OfAScan,
    forms: &form::FORMS,
    exports: &[ExportFormat::Json],
    bare_id,
    support,
    keys: &["token", "username", "password", "api_version"],
    configure,
};

/// The version of the API that this file was written for.
const API_VERSION: &str = "17.0";
/// Rows asked for at a time.
const PAGE: usize = 200;

const NO_ANALYSIS: &str = "JSA has one way to its results: leave `--via` out";
const NO_CONTROL: &str =
    "JSA's scanner API has no such call in any version; the Vulnerabilities tab of the console can do it";
const TARGETS: &str = "the body of JSA's start call is undocumented: the targets go as a bare JSON array, and a console \
     that ignores it scans the profile's own targets";

const DIALECT: Dialect = Dialect { refusal: refusal::refusal, error_in_success: |_| None, request_id: None };

const NO_COPY: &str = "JSA does not show the targets of a scan profile, so a copy cannot be made: \
                       `scanctl scans create` with targets of yours";
const NO_RUN_CHANGE: &str = "JSA's API only reads runs; the console's Vulnerabilities tab does more";
const NO_IMPORT: &str = "JSA's scanner API imports nothing; the console imports third-party results by itself";

fn bare_id(verb: Verb) -> &'static str {
    match verb {
        Verb::Launch | Verb::ScansList | Verb::ScansShow | Verb::ScansUpdate | Verb::ScansDelete | Verb::RunsList => {
            "scan profile id"
        }
        Verb::Pause | Verb::Resume | Verb::Stop | Verb::Status | Verb::Wait | Verb::Results | Verb::Export => {
            "scan profile id: its active, else its latest run"
        }
        Verb::ForceStop
        | Verb::ScansCopy
        | Verb::RunsDelete
        | Verb::RunsCopy
        | Verb::RunsEmail
        | Verb::RunsImport
        | Verb::RunsReimport => "–",
        Verb::RunsShow => "needs SCAN@RUN",
        Verb::List | Verb::ScansCreate => "takes no id",
    }
}

fn support(operation: Operation, _settings: Option<&Settings>) -> Support {
    match operation {
        Operation::ResultsViaAnalysis => Support::No(NO_ANALYSIS),
        Operation::Launch { targets: true } => {
            Support::Via("the start call's own body, as a bare JSON array of addresses and ranges; undocumented")
        }
        Operation::LaunchPorts => Support::No("JSA takes ports from the policy of the scan profile"),
        Operation::Control(Control::Pause | Control::Resume | Control::Stop | Control::ForceStop) => {
            Support::No(NO_CONTROL)
        }
        Operation::Launch { targets: false }
        | Operation::Status
        | Operation::Wait
        | Operation::Results
        | Operation::Export
        | Operation::List
        | Operation::ScansList
        | Operation::ScansShow
        | Operation::ScansCreate
        | Operation::ScansUpdate
        | Operation::ScansDelete
        | Operation::RunsList
        | Operation::RunsShow
        | Operation::Fields
        | Operation::Check => Support::Native,
        Operation::Window => Support::Via("the runs are read and compared here; the vendor has no such filter"),
        Operation::ScansCopy => Support::No(NO_COPY),
        Operation::RunsDelete | Operation::RunsCopy | Operation::RunsEmail => Support::No(NO_RUN_CHANGE),
        Operation::RunsImport | Operation::RunsReimport => Support::No(NO_IMPORT),
        Operation::OneInstance => Support::No("only Director has instances: leave `--sci` and `--org` out"),
        Operation::Optimize => Support::No("only Tenable.sc takes it: leave `--optimize` out"),
    }
}

fn configure(reader: &Reader<'_>) -> Result<Connect> {
    let settings = reader.settings();
    let token = reader.secret("token")?;
    let username = reader.secret("username")?;
    let password = reader.secret("password")?;
    let version = reader.string("api_version")?.unwrap_or_else(|| API_VERSION.to_owned());
    let is_version = version.split('.').all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()));
    let version = HeaderValue::from_str(&version)
        .ok()
        .filter(|_| is_version)
        .ok_or_else(|| settings.error("api_version", "`api_version` must be a version of the API such as \"17.0\""))?;
    let missing = |key: &str| settings.error(key, format!("`{key}` is missing"));
    let login =
        match (&token, &username, &password) {
            (Some(_), None, None) | (None, Some(_), Some(_)) => Ok(()),
            (None, None, None) => Err(missing("token")
                .hint("a profile has the `token` of an authorized service, or `username` and `password`")),
            (None, None, Some(_)) => Err(missing("username")),
            (None, Some(_), None) => Err(missing("password")),
            (Some(_), _, _) => Err(settings
                .error("token", "`token` cannot stand beside `username` and `password`")
                .hint("keep the token: the vendor means it for programs")),
        };
    login?;
    Ok(Box::new(move |connector| {
        let profile = connector.profile.to_owned();
        let auth = match (token, username, password) {
            (None, Some(username), Some(password)) => {
                Auth::basic(&connector.user("username", &username)?, connector.secret("password", &password)?)
            }
            (Some(token), _, _) => {
                let token = connector.secret("token", &token)?;
                Auth::headers(vec![(HeaderName::from_static("sec"), token.clone())], vec![token])
            }
            (None, _, _) => return Err(Error::config(format!("profile `{profile}`: `token` is missing"))),
        };
        let http = connector.http(auth, DIALECT)?.with_header(HeaderName::from_static("version"), version.clone());
        Ok(Rc::new(Juniper { profile, http, version }))
    }))
}

/// A profile of a JSA console.
#[derive(Debug)]
struct Juniper {
    profile: String,
    http: Http,
    version: HeaderValue,
}

/// Rows of several pages, with the bodies they came in.
struct Listed<T> {
    rows: Vec<T>,
    raw: Vec<Bytes>,
}

/// A profile with its runs, newest first.
struct Whole {
    profile: Profile,
    runs: Vec<Run>,
    raw: Vec<Bytes>,
}

/// One object that may come alone or as a list of one, as the vendor's own sample shows it.
fn one_or_list<T: DeserializeOwned>(answer: &Answer) -> Result<Vec<T>> {
    if answer.body.trim_ascii_start().starts_with(b"{") {
        return Ok(vec![answer.json()?]);
    }
    Ok(answer.json::<Option<Vec<T>>>()?.unwrap_or_default())
}

impl Juniper {
    /// All rows of a list. A server that ignores `Range` sends them at once, and one that repeats a page is not asked
    /// again. Ranged answers have the plain status 200.
    async fn list<T: DeserializeOwned>(
        &self,
        path: &[&str],
        fields: Option<String>,
        label: &'static str,
        id: impl Fn(&T) -> Option<&str>,
    ) -> Result<Listed<T>> {
        let mut listed = Listed { rows: Vec::new(), raw: Vec::new() };
        let mut known = HashSet::new();
        let mut first = 0;
        loop {
            let request = self.http.get(path).header(RANGE, range::ask(first, PAGE)).label(label);
            let answer = selection::choosing(request, fields.as_deref()).send().await?;
            let page = answer.json::<Vec<T>>()?;
            if page.iter().any(|row| id(row).is_none()) {
                return Err(answer.unreadable("a row has no id"));
            }
            let count = page.len();
            let before = known.len();
            listed.rows.extend(page.into_iter().filter(|row| id(row).is_some_and(|id| known.insert(id.to_owned()))));
            let total = Extent::of(&answer.headers).and_then(|extent| extent.total);
            listed.raw.push(answer.body);
            first += count;
            let all = total.map_or(count != PAGE, |total| first >= total);
            if all || known.len() == before {
                return Ok(listed);
            }
        }
    }

    async fn profiles(&self, fields: Option<String>) -> Result<Listed<Profile>> {
        let path = ["scanner", "scanprofiles"];
        self.list(&path, fields, "scan profiles", |profile: &Profile| profile.scan_profile_id.text()).await
    }

    async fn profile_of(&self, scan: &ScanId, fields: Option<String>) -> Result<(Profile, Answer)> {
        let request = self.http.get(["scanner", "scanprofiles", scan.as_str()]).label("scan profile");
        let answer = selection::choosing(request, fields.as_deref()).send().await?;
        let told = one_or_list::<Profile>(&answer)?;
        if told.iter().any(|profile| profile.id().is_none()) {
            return Err(answer.unreadable("`scanProfileId` is missing"));
        }
        let found = told.into_iter().find(|profile| profile.id().as_ref() == Some(scan));
        // No 404 is documented for this call: an unknown id is an empty list.
        let profile = found.ok_or_else(|| {
            Error::new(Exit::NotFound, format!("the console of profile `{}` has no scan profile {scan}", self.profile))
                .hint(format!("`scanctl scans list -p {}` shows the ids", self.profile))
        })?;
        Ok((profile, answer))
    }

    /// The runs of a scan profile in no order. "Not found" may mean that it has never run, or that it does not exist.
    async fn records(&self, scan: &ScanId, fields: Option<String>) -> Result<Option<Listed<RunRecord>>> {
        let path = ["scanner", "scanprofiles", scan.as_str(), "runs"];
        match self.list(&path, fields, "runs", |record: &RunRecord| record.id.text()).await {
            Ok(listed) => Ok(Some(listed)),
            Err(refused) if refused.answer().code == Some(NOT_FOUND) => Ok(None),
            Err(problem) => Err(problem),
        }
    }

    /// The runs of a scan profile, newest first, told by themselves alone.
    async fn bare_runs(&self, scan: &ScanId, fields: Option<String>) -> Result<(Vec<Run>, Vec<Bytes>)> {
        let chosen = fields.is_some();
        let Some(listed) = self.records(scan, fields).await? else { return Ok((Vec::new(), Vec::new())) };
        let mut runs: Vec<Run> = listed.rows.iter().filter_map(|record| record.run(scan)).collect();
        newest_first(&mut runs);
        if chosen {
            let mut objects = selection::objects(&listed.raw, "id");
            for run in &mut runs {
                run.fields = run.run.as_ref().and_then(|id| objects.remove(id.as_str()));
            }
        }
        Ok((runs, listed.raw))
    }

    async fn whole(&self, scan: &ScanId, query: &RunQuery) -> Result<Whole> {
        let (profile, answer) = self.profile_of(scan, None).await?;
        let (mut runs, bodies) = self.bare_runs(scan, selection::of_runs(&query.fields)).await?;
        profile.describe(&mut runs);
        let raw = std::iter::once(answer.body).chain(bodies).collect();
        Ok(Whole { profile, runs, raw })
    }

    /// Every run of every profile, profile by profile; how many at a time is up to `max_concurrency`.
    async fn all_runs(&self, query: &RunQuery) -> Result<Reading<Vec<Run>>> {
        let listed = self.profiles(None).await?;
        let of_one = async |profile: &Profile| {
            let Some(scan) = profile.id() else { return Ok::<_, Error>((Vec::new(), Vec::new())) };
            let (mut runs, raw) = self.bare_runs(&scan, selection::of_runs(&query.fields)).await?;
            profile.describe(&mut runs);
            Ok((runs, raw))
        };
        let parts = try_join_all(listed.rows.iter().map(of_one)).await?;
        let mut reading = Reading::new(Vec::new(), listed.raw);
        let of = listed.rows.len();
        let mut pages = 0;
        for (runs, raw) in parts {
            reading.value.extend(runs);
            pages += raw.len();
            reading.raw.extend(raw);
        }
        newest_first(&mut reading.value);
        Ok(if pages > of { selection::paged(reading, pages) } else { reading })
    }

    /// One run by its own id, told by itself alone.
    async fn bare_run(&self, scan: &ScanId, run: &RunId, fields: Option<String>) -> Result<(Run, Answer)> {
        let path = ["scanner", "scanprofiles", scan.as_str(), "runs", run.as_str()];
        let chosen = fields.is_some();
        let answer = selection::choosing(self.http.get(path).label("run"), fields.as_deref()).send().await?;
        let none = || Error::new(Exit::NotFound, format!("scan profile {scan} has no run {run}"));
        let records = one_or_list::<RunRecord>(&answer)?;
        if records.iter().any(|record| record.id.text().is_none()) {
            return Err(answer.unreadable("`id` is missing"));
        }
        let record = records.iter().find(|record| record.id.text() == Some(run.as_str())).ok_or_else(none)?;
        if record.scan_profile_id.text().is_some_and(|of| of != scan.as_str()) {
            return Err(none().because("the console says that the run is of another scan profile"));
        }
        let mut told = record.run(scan).ok_or_else(none)?;
        if chosen {
            told.fields = selection::objects(std::slice::from_ref(&answer.body), "id").remove(run.as_str());
        }
        Ok((told, answer))
    }

    fn scan_of<'a>(&self, target: &'a Target) -> Result<&'a ScanId> {
        target.scan.as_ref().ok_or_else(|| {
            Error::usage("a run of JSA is named together with its scan profile")
                .hint(format!("{}/SCAN@RUN", self.profile))
        })
    }

    /// The run that is `back` runs before the newest.
    async fn nth_run(&self, scan: &ScanId, back: usize) -> Result<(Option<String>, RunId)> {
        let whole = self.whole(scan, &RunQuery::default()).await?;
        let run = whole.runs.into_iter().nth(back).and_then(|run| run.run).ok_or_else(|| {
            Error::new(Exit::NotFound, format!("scan profile {scan} has no run that far back"))
                .hint(format!("`scanctl runs list {}/{scan}` shows its runs", self.profile))
        })?;
        Ok((whole.profile.name(), run))
    }
}

#[async_trait(?Send)]
impl Backend for Juniper {
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
        let request = self.http.get(["scanner", "scanprofiles"]).header(RANGE, range::ask(0, 1)).label("scan profiles");
        let answer = request.send().await?;
        if answer.json::<Vec<Profile>>()?.iter().any(|profile| profile.id().is_none()) {
            return Err(answer.unreadable("a row has no id"));
        }
        // The console names no user. The version is the one asked for; which one answers is not told either.
        let asked = self.version.to_str().unwrap_or_default().to_owned();
        Ok(Identity {
            user: None,
            proved: "the scan profiles can be read".to_owned(),
            details: vec![("api_version".to_owned(), asked)],
        })
    }

    async fn resolve(&self, address: &Address, verb: Verb) -> Result<Target> {
        let mut target = match &address.subject {
            Some(IdOrName::Id(id)) => Target { scan: Some(ScanId::new(id.as_ref())), ..Target::default() },
            Some(IdOrName::Name(name)) => {
                let listed = self.profiles(None).await?;
                let found = listed.rows.iter().filter(|profile| profile.scan_profile_name.text() == Some(name));
                let scan = only_named(&self.profile, name, found.filter_map(Profile::scan).collect())?;
                Target { scan: Some(scan.scan), name: scan.name, run: None }
            }
            None => Target::default(),
        };
        let scan = self.scan_of(&target)?.clone();
        match (&address.run, verb) {
            (Some(_), verb) if verb.takes_scan() => {
                let hint = Address::full(&self.profile, Some(&scan), None);
                return Err(Error::usage(format!("`{verb}` takes a scan, not a run")).hint(hint));
            }
            (None, Verb::RunsShow) => {
                let latest = Address::full(&self.profile, Some(&scan), Some(&RunId::new("latest")));
                return Err(Error::usage("`runs show` needs SCAN@RUN on this backend")
                    .hint(format!("scanctl runs show {latest}")));
            }
            (Some(RunSelector::Id(run)), _) => target.run = Some(run.clone()),
            (Some(RunSelector::Latest(back)), _) => {
                let (name, run) = self.nth_run(&scan, *back).await?;
                target.name = target.name.or(name);
                target.run = Some(run);
            }
            (None, _) => {}
        }
        Ok(target)
    }

    async fn prepare(&self, target: &Target, order: &Order) -> Result<Prepared> {
        let scan = self.scan_of(target)?;
        changes::check_targets(&order.targets)?;
        let mut warnings = Vec::new();
        if !order.targets.is_empty() {
            warnings.push(format!("profile `{}`: {TARGETS}", self.profile));
        }
        let before = match self.records(scan, None).await? {
            Some(listed) => listed.rows.iter().filter_map(|record| record.id.owned()).collect(),
            None => {
                // "Not found" also means that it has never run. A start would refuse a wrong id as "not permitted".
                self.profile_of(scan, None).await?;
                Vec::new()
            }
        };
        Ok(Prepared { target: target.clone(), order: order.clone(), before, warnings })
    }

    async fn launch(&self, prepared: &Prepared) -> Result<Launched> {
        let scan = self.scan_of(&prepared.target)?;
        let path = ["scanner", "scanprofiles", scan.as_str(), "start"];
        let request = self.http.post(path).accept("text/plain").label("start");
        // The documented parameter's name is not a key of the body: the body is the value. Without one there is none.
        let targets = &prepared.order.targets;
        let request = if targets.is_empty() { request } else { request.json(targets) };
        let answer = request.send().await.map_err(|refused| {
            if refused.refused() && refused.answer().code == Some(NOT_PERMITTED) {
                let why =
                    "the start was refused: no permission to start a scan, or one of this scan profile is in progress";
                return refused.context(why).with_exit(Exit::Auth);
            }
            refused
        })?;
        // Its wording is undocumented, so it is shown and not understood.
        let message = changes::sentence(&answer)?;
        let (scan, name) = (Some(scan.clone()), prepared.target.name.clone());
        Ok(Launched { scan, name, message, ..Launched::default() })
    }

    async fn find_launched(&self, prepared: &Prepared, _sent: Instant) -> Result<Vec<Run>> {
        let (mut runs, _) = self.bare_runs(self.scan_of(&prepared.target)?, None).await?;
        runs.retain(|run| run.run.as_ref().is_some_and(|id| !prepared.before.iter().any(|old| old == id.as_str())));
        Ok(runs)
    }

    async fn active_runs(&self, target: &Target) -> Result<Vec<Run>> {
        let (mut runs, _) = self.bare_runs(self.scan_of(target)?, None).await?;
        runs.retain(|run| !run.is_terminal());
        Ok(runs)
    }

    async fn control(&self, _target: &Target, control: Control) -> Result<Controlled> {
        Err(unsupported(&SPEC, Operation::Control(control), NO_CONTROL))
    }

    async fn status(&self, target: &Target) -> Result<Reading<Run>> {
        self.run(target, &RunQuery::default()).await
    }

    async fn run(&self, target: &Target, query: &RunQuery) -> Result<Reading<Run>> {
        let scan = self.scan_of(target)?;
        let Whole { profile, runs, mut raw } = self.whole(scan, query).await?;
        let wanted = match &target.run {
            Some(id) => runs.iter().find(|run| run.run.as_ref() == Some(id)),
            None => runs.iter().find(|run| !run.is_terminal()).or(runs.first()),
        };
        let run = match (wanted, &target.run) {
            (Some(run), _) => run.clone(),
            (None, None) => profile.idle(scan),
            (None, Some(id)) => {
                let (mut run, answer) = self.bare_run(scan, id, selection::of_runs(&query.fields)).await?;
                run.name = profile.name();
                raw.push(answer.body);
                run
            }
        };
        Ok(Reading::new(run, raw))
    }

    async fn poll(&self, target: &Target, seen: &Seen) -> Result<Run> {
        let scan = self.scan_of(target)?;
        let (Some(id), Some(last)) = (&target.run, &seen.last) else { return Ok(self.status(target).await?.value) };
        let (mut run, _) = self.bare_run(scan, id, None).await?;
        run.name.clone_from(&last.name);
        if run.is_terminal() {
            // Once more in full, for the profile's word about the end; the end itself is certain already.
            let whole = self.status(target).await.map(|reading| reading.value);
            return Ok(whole.ok().filter(Run::is_terminal).unwrap_or(run));
        }
        // The console refuses to start a second run, so a run that was the newest stays it while it is under way.
        if last.native_state.is_some()
            && let Ok((profile, _)) = self.profile_of(scan, None).await
        {
            profile.describe_newest(&mut run);
        }
        Ok(run)
    }

    async fn results<'a>(&'a self, target: &Target, fetch: &Fetch<'_>) -> Result<Report<'a>> {
        if fetch.via_analysis {
            return Err(unsupported(&SPEC, Operation::ResultsViaAnalysis, NO_ANALYSIS));
        }
        results::results(self, target, fetch).await
    }

    async fn export<'a>(&'a self, target: &Target, order: &ExportOrder, fetch: &Fetch<'_>) -> Result<Report<'a>> {
        SPEC.export_format(Some(order.format))?;
        results::export(self, target, fetch).await
    }

    async fn active(&self) -> Result<Reading<Vec<Run>>> {
        let mut reading = self.all_runs(&RunQuery::default()).await?;
        reading.value.retain(|run| run.state.is_some_and(RunState::is_active));
        Ok(reading)
    }

    async fn scans(&self, query: &ScanQuery) -> Result<Reading<Vec<Scan>>> {
        let listed = self.profiles(selection::of_profiles(&query.fields)).await?;
        let mut scans: Vec<Scan> = listed.rows.iter().filter_map(Profile::scan).collect();
        selection::choose(&mut scans, &listed.raw, query);
        Ok(Reading::new(scans, listed.raw))
    }

    async fn scan(&self, target: &Target, query: &ScanQuery) -> Result<Reading<Scan>> {
        let id = self.scan_of(target)?;
        let (profile, answer) = self.profile_of(id, selection::of_profiles(&query.fields)).await?;
        let mut scan =
            profile.scan().ok_or_else(|| Error::bad_data(format!("scan profile {id} has no id of its own")))?;
        selection::choose(std::slice::from_mut(&mut scan), std::slice::from_ref(&answer.body), query);
        let mut reading = Reading::new(scan, vec![answer.body]);
        if query.last_run {
            let (mut runs, bodies) = self.bare_runs(id, None).await?;
            profile.describe(&mut runs);
            reading.value.last_run = runs.into_iter().next().or(reading.value.last_run);
            reading.raw.extend(bodies);
        }
        Ok(reading)
    }

    async fn runs(&self, target: Option<&Target>, query: &RunQuery) -> Result<Reading<Vec<Run>>> {
        let reading = match target {
            None => self.all_runs(query).await?,
            Some(target) => {
                let Whole { runs, raw, .. } = self.whole(self.scan_of(target)?, query).await?;
                let pages = raw.len() - 1;
                let reading = Reading::new(runs, raw);
                if pages > 1 { selection::paged(reading, pages) } else { reading }
            }
        };
        Ok(selection::within(reading, query))
    }

    async fn prepare_change(&self, target: &Target, change: &Change) -> Result<PreparedChange> {
        self.before_change(target, change).await
    }

    async fn apply(&self, prepared: &PreparedChange) -> Result<Applied> {
        self.send_change(prepared).await
    }

    async fn find_applied(&self, prepared: &PreparedChange, _sent: Instant) -> Result<Found> {
        self.look_for_change(prepared).await
    }

    async fn close(&self) {
        self.http.close().await;
    }
}
