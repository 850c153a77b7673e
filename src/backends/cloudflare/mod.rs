//! Cloudflare Cloudforce One: port scans from outside.
//!
//! Vendor pages: <https://developers.cloudflare.com/api/resources/cloudforce_one/subresources/scans/>, `config` (list,
//! create, update, delete) and `results` (latest open ports of a config).
//!
//! Quirks that shape this file:
//! - It is a scheduler that is told what to scan and how often. There is no run, state, time stamp or name, nothing
//!   starts or stops, and one config cannot be asked for: the list is read and searched.
//! - A one-off config (`frequency` 0) is the only thing that means "scan once", so that is what a launch makes.
//! - The result tells neither of which scan it is nor whether one has finished; no open port and not finished are alike.
//! - Success is told by the status and by `success` together. Refusals of credentials come with any status.
//! - Over the rate limit everything of the user is blocked for five minutes, the dashboard included.

mod answer;
mod changes;
mod form;
mod order;
mod results;
#[cfg(test)]
mod tests;

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bytes::Bytes;
use reqwest::header::HeaderName;
use serde::de::DeserializeOwned;
use serde_json::json;

use self::answer::{Config, Envelope, OpenPorts, Summary, sum_up};
pub use self::results::reader;
use super::change::{Applied, Change, Found, PreparedChange};
use super::report::{ExportOrder, Fetch, Report};
use super::{
    Backend, Connect, Controlled, Identity, Interval, Launched, Order, Prepared, Reading, RunQuery, RunningCheck, Runs,
    ScanQuery, Seen, Spec, Target, unsupported,
};
use crate::config::settings::{Reader, Settings};
use crate::error::{Error, Result};
use crate::exit::Exit;
use crate::http::auth::Auth;
use crate::http::connection::Defaults;
use crate::http::{Answer, Dialect, Http, Request};
use crate::model::{Address, Control, ExportFormat, IdOrName, Operation, Run, RunState, Scan, ScanId, Support, Verb};

/// The backend `cloudflare`.
pub static SPEC: Spec = Spec {
    id: "cloudflare",
    title: "Cloudflare Cloudforce One",
    defaults: Defaults {
        base_url: Some("https://api.cloudflare.com"),
        prefix: "/client/v4",
        max_concurrency: 2,
        public_cloud: Some("cloudflare.com"),
    },
    interval: Interval { first: Duration::from_secs(60), longest: Duration::from_secs(300) },
    running_check: RunningCheck::Unknowable,
    launches_without_scan: true,
    runs: Runs::None,
    forms: &form::FORMS,
    exports: &[ExportFormat::Json],
    bare_id,
    support,
    keys: &["account_id", "token", "email", "api_key"],
    configure,
};

const NO_ANALYSIS: &str = "Cloudflare has one way to its results: leave `--via` out";
const NO_PAUSE: &str = "Cloudflare's API has no pause: `scanctl scans update CONFIG --frequency 0` ends the recurrence of \
     a config, forgets its interval, and is not known to halt a scan under way";
const NO_RESUME: &str = "Cloudflare's API has no resume: `scanctl scans update CONFIG --frequency DAYS` makes a config \
     recur again";
const NO_STOP: &str = "Cloudflare's API has no stop: `scanctl scans delete CONFIG` prevents future scans and may take the \
     result along, `scanctl scans update CONFIG --frequency 0` ends the recurrence; neither is known to halt a scan under way";
const NO_LIST: &str = "Cloudflare has no runs, so none can be listed as active; `scanctl scans list` shows the configs";
const NO_RUNS: &str =
    "Cloudflare has no runs: `scanctl status CONFIG` tells whether the latest result has an open port";
const NO_RUN_DELETE: &str =
    "Cloudflare has no runs: `scanctl scans delete CONFIG` removes a config, and may take the result along";
const CLONES: &str = "Cloudflare cannot launch a stored config: a new one-off config of the same addresses and ports is \
     made, and stays until it is deleted";
const RESULTS_ONLY: &str = "Cloudflare tells no state: what is told is whether the latest result has an open port";
const NO_RESULT: &str = "no result to be seen: no open port and not finished look alike";

/// `cf-ray` names a request to Cloudflare's support; every answer that passes through Cloudflare has one.
const DIALECT: Dialect =
    Dialect { refusal: answer::refusal, error_in_success: answer::error_in_success, request_id: Some("cf-ray") };

fn bare_id(verb: Verb) -> &'static str {
    match verb {
        Verb::Launch
        | Verb::ScansList
        | Verb::ScansShow
        | Verb::ScansUpdate
        | Verb::ScansCopy
        | Verb::ScansDelete
        | Verb::Pause
        | Verb::Resume
        | Verb::Stop
        | Verb::Status
        | Verb::Wait
        | Verb::Results
        | Verb::Export => "scan config id",
        Verb::ForceStop
        | Verb::RunsList
        | Verb::RunsShow
        | Verb::RunsDelete
        | Verb::RunsCopy
        | Verb::RunsEmail
        | Verb::RunsImport
        | Verb::RunsReimport => "–",
        Verb::List | Verb::ScansCreate => "takes no id",
    }
}

fn support(operation: Operation, _settings: Option<&Settings>) -> Support {
    match operation {
        Operation::ResultsViaAnalysis => Support::No(NO_ANALYSIS),
        Operation::Launch { targets: false } => Support::Via(CLONES),
        Operation::Status | Operation::Wait => Support::Via(RESULTS_ONLY),
        Operation::Control(control) => Support::No(no_control(control)),
        Operation::List => Support::No(NO_LIST),
        Operation::RunsList
        | Operation::RunsShow
        | Operation::RunsCopy
        | Operation::RunsEmail
        | Operation::RunsReimport
        | Operation::Window
        | Operation::Optimize => Support::No(NO_RUNS),
        Operation::RunsDelete => Support::No(NO_RUN_DELETE),
        Operation::RunsImport => Support::No("Cloudflare imports nothing: its results come from its own scans"),
        Operation::ScansCopy => Support::Via("a new config of the same addresses, ports and frequency"),
        Operation::Fields => Support::No("Cloudflare takes no list of fields: `--raw` prints all that it sends"),
        Operation::OneInstance => Support::No("only Director has instances: leave `--sci` and `--org` out"),
        Operation::Launch { targets: true }
        | Operation::LaunchPorts
        | Operation::Results
        | Operation::Export
        | Operation::ScansList
        | Operation::ScansShow
        | Operation::ScansCreate
        | Operation::ScansUpdate
        | Operation::ScansDelete
        | Operation::Check => Support::Native,
    }
}

const fn no_control(control: Control) -> &'static str {
    match control {
        Control::Pause => NO_PAUSE,
        Control::Resume => NO_RESUME,
        Control::Stop | Control::ForceStop => NO_STOP,
    }
}

fn configure(reader: &Reader<'_>) -> Result<Connect> {
    let settings = reader.settings();
    let account = reader.required("account_id")?;
    if account.len() != 32 || !account.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(settings.error("account_id", "`account_id` must be 32 hexadecimal digits"));
    }
    let token = reader.secret("token")?;
    let email = reader.secret("email")?;
    let key = reader.secret("api_key")?;
    let missing = |key: &str| settings.error(key, format!("`{key}` is missing"));
    let login = match (&token, &email, &key) {
        (Some(_), None, None) | (None, Some(_), Some(_)) => Ok(()),
        (None, None, None) => Err(missing("token").hint("a profile has an API `token`, or `email` and `api_key`")),
        (None, None, Some(_)) => Err(missing("email")),
        (None, Some(_), None) => Err(missing("api_key")),
        (Some(_), _, _) => Err(settings
            .error("token", "`token` cannot stand beside `email` and `api_key`")
            .hint("keep the token: Cloudflare refuses a request that carries both")),
    };
    login?;
    Ok(Box::new(move |connector| {
        let profile = connector.profile.to_owned();
        let auth = match (token, email, key) {
            (Some(token), _, _) => Auth::bearer(connector.secret("token", &token)?),
            (None, Some(email), Some(key)) => {
                let email = connector.user("email", &email)?;
                let key = connector.secret("api_key", &key)?;
                let headers = vec![
                    (HeaderName::from_static("x-auth-email"), email.clone()),
                    (HeaderName::from_static("x-auth-key"), key.clone()),
                ];
                Auth::headers(headers, vec![email, key])
            }
            (None, _, _) => return Err(Error::config(format!("profile `{profile}`: `token` is missing"))),
        };
        let http = connector.http(auth, DIALECT)?;
        Ok(Rc::new(Cloudflare { profile, account, http, one_offs: RefCell::default() }))
    }))
}

/// A profile of a Cloudflare account.
#[derive(Debug)]
struct Cloudflare {
    profile: String,
    account: String,
    http: Http,
    /// Whether a config scans once, as last listed, so that a poll need not read the list.
    one_offs: RefCell<HashMap<ScanId, bool>>,
}

/// All configs, as listed.
struct Listed {
    configs: Vec<Config>,
    raw: Bytes,
    notes: Vec<String>,
}

impl Listed {
    fn find(&self, scan: &ScanId) -> Option<&Config> {
        self.configs.iter().find(|config| config.id().as_ref() == Some(scan))
    }

    fn ids(&self) -> Vec<String> {
        self.configs.iter().filter_map(Config::id).map(|id| id.as_str().to_owned()).collect()
    }
}

/// What the latest result of a config amounts to.
struct Latest {
    summary: Summary,
    raw: Bytes,
    notes: Vec<String>,
}

fn open<T: DeserializeOwned>(answer: &Answer) -> Result<(Option<T>, Vec<String>)> {
    let envelope: Envelope<T> = answer.json()?;
    if !envelope.succeeded() {
        return Err(answer.unreadable("`success` is missing"));
    }
    if !envelope.is_whole() {
        return Err(answer.unreadable("`result` is missing, and `errors` or `messages` too"));
    }
    let notes = envelope.warnings();
    Ok((envelope.result, notes))
}

/// Whether a failed look at the result means that there is none yet, provided that the config is listed: what an
/// unfinished config answers is not documented.
fn may_mean_no_result(problem: &Error) -> bool {
    let is_refusal = problem.refused() && matches!(problem.answer().status, Some(400..=499));
    is_refusal && !matches!(problem.exit(), Exit::Auth | Exit::Limited)
}

fn no_result(scan: &ScanId, summary: Option<&Summary>) -> Run {
    Run {
        scan: Some(scan.clone()),
        counters: summary.map(|summary| summary.digest.clone()).unwrap_or_default(),
        message: Some(NO_RESULT.to_owned()),
        ..Run::default()
    }
}

/// What a result says of a config's scans, as far as it does.
fn reading(scan: &ScanId, summary: &Summary) -> Run {
    let nothing = no_result(scan, Some(summary));
    if summary.ports == 0 {
        return nothing;
    }
    let message = format!(
        "open ports: {} on {} of the addresses; Cloudflare does not say when they were seen, nor whether a scan has finished",
        summary.ports, summary.addresses
    );
    Run { state: Some(RunState::ResultsAvailable), message: Some(message), ..nothing }
}

impl Cloudflare {
    fn path<'a>(&'a self, rest: &[&'a str]) -> Vec<&'a str> {
        let mut path = vec!["accounts", self.account.as_str(), "cloudforce-one", "scans"];
        path.extend(rest);
        path
    }

    fn get<'a>(&'a self, rest: &[&'a str]) -> Request<'a> {
        self.http.get(self.path(rest))
    }

    async fn list(&self) -> Result<Listed> {
        let answer = self.get(&["config"]).label("scan configs").send().await?;
        let (configs, notes) = open::<Vec<Config>>(&answer)?;
        let configs = configs.unwrap_or_default();
        if configs.iter().any(|config| config.id().is_none()) {
            return Err(answer.unreadable("a config has no `id`"));
        }
        let known = configs.iter().filter_map(|config| Some((config.id()?, config.is_one_off())));
        self.one_offs.borrow_mut().extend(known);
        Ok(Listed { configs, raw: answer.body, notes })
    }

    async fn latest(&self, scan: &ScanId) -> Result<Latest> {
        let answer = self.get(&["results", scan.as_str()]).label("latest result").send().await?;
        let (ports, notes) = open::<OpenPorts>(&answer)?;
        Ok(Latest { summary: sum_up(ports.as_ref()), raw: answer.body, notes })
    }

    fn not_listed(&self, scan: &ScanId) -> Error {
        Error::new(
            Exit::NotFound,
            format!("no scan config {scan} is listed for the account of profile `{}`", self.profile),
        )
        .hint(format!("`scanctl scans list -p {}` shows the ids", self.profile))
    }

    fn scan_of<'a>(&self, target: &'a Target) -> Result<&'a ScanId> {
        target.scan.as_ref().ok_or_else(|| {
            Error::usage("a Cloudflare scan is named by the id of its config").hint(format!("{}/CONFIG", self.profile))
        })
    }

    /// What a launch leaves behind.
    fn made(&self, scan: &ScanId) -> String {
        let address = Address::full(&self.profile, Some(scan), None);
        format!(
            "a new one-off config; Cloudflare does not say when it scans; `scanctl scans delete {address}` removes it"
        )
    }

    async fn is_one_off(&self, scan: &ScanId) -> Result<bool> {
        let known = self.one_offs.borrow().get(scan).copied();
        match known {
            Some(one_off) => Ok(one_off),
            None => self.list().await?.find(scan).map(Config::is_one_off).ok_or_else(|| self.not_listed(scan)),
        }
    }
}

#[async_trait(?Send)]
impl Backend for Cloudflare {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn profile(&self) -> &str {
        &self.profile
    }

    fn is_loopback(&self) -> bool {
        self.http.is_loopback()
    }

    /// The list is the only read that needs permission group and entitlement; checking the token proves neither.
    async fn identity(&self) -> Result<Identity> {
        let proved = match self.list().await?.configs.len() {
            1 => "1 scan config can be read".to_owned(),
            count => format!("{count} scan configs can be read"),
        };
        Ok(Identity { user: None, proved, details: Vec::new() })
    }

    async fn resolve(&self, address: &Address, _verb: Verb) -> Result<Target> {
        let id = match &address.subject {
            Some(IdOrName::Id(id)) => id,
            Some(IdOrName::Name(_)) => {
                return Err(Error::usage("Cloudflare's scan configs have no names")
                    .hint(format!("`scanctl scans list -p {}` shows their ids", self.profile)));
            }
            None => return Err(Error::usage("Cloudflare has no runs").hint(format!("{}/CONFIG", self.profile))),
        };
        let scan = ScanId::new(id.as_ref());
        if address.run.is_some() {
            let hint = Address::full(&self.profile, Some(&scan), None);
            return Err(Error::usage("Cloudflare has no runs: a config stands alone").hint(hint));
        }
        Ok(Target { scan: Some(scan), ..Target::default() })
    }

    async fn prepare(&self, target: &Target, order: &Order) -> Result<Prepared> {
        let (given, warnings) = order::targets(&order.targets)?;
        let ports = order::ports(&order.ports)?;
        if target.scan.is_none() && given.is_empty() {
            return Err(Error::usage("a launch needs a scan config or `--targets`"));
        }
        // Nothing of a config tells when it was made, so a launch whose answer is lost is found by what was there before.
        let listed = self.list().await?;
        let ports_given = !order.ports.is_empty();
        let mut order = Order { targets: given, ports };
        if let Some(scan) = &target.scan {
            let config = listed.find(scan).ok_or_else(|| self.not_listed(scan))?;
            if order.targets.is_empty() {
                order.targets = config.ips();
            }
            let stored = config.ports();
            if !ports_given && !stored.is_empty() {
                order.ports = stored;
            }
            if order.targets.is_empty() {
                return Err(Error::bad_data(format!("scan config {scan} is listed without an address")));
            }
        }
        let before = listed.ids();
        let warnings =
            warnings.into_iter().chain(listed.notes).map(|text| format!("profile `{}`: {text}", self.profile));
        Ok(Prepared { target: target.clone(), order, before, warnings: warnings.collect() })
    }

    async fn launch(&self, prepared: &Prepared) -> Result<Launched> {
        let Order { targets, ports } = &prepared.order;
        // All three are sent, so that nothing hangs on a default that is not documented.
        let body = json!({ "ips": targets, "ports": ports, "frequency": 0 });
        let answer = self.http.post(self.path(&["config"])).json(&body).label("create scan config").send().await?;
        let (created, notes) = open::<Config>(&answer)?;
        let scan = created.and_then(|config| config.id()).ok_or_else(|| answer.unreadable("`result.id` is missing"))?;
        self.one_offs.borrow_mut().insert(scan.clone(), true);
        let mut message = self.made(&scan);
        for note in notes {
            message.push_str("; ");
            message.push_str(&note);
        }
        Ok(Launched { scan: Some(scan), message: Some(message), request_id: answer.request_id, ..Launched::default() })
    }

    async fn find_launched(&self, prepared: &Prepared, _sent: Instant) -> Result<Vec<Run>> {
        let Order { targets, ports } = &prepared.order;
        let listed = self.list().await?;
        let is_it = |config: &&Config| {
            config.is_one_off()
                && order::same_targets(&config.ips(), targets)
                && order::same_ports(&config.ports(), ports)
        };
        let new = listed.configs.iter().filter(is_it).filter_map(Config::id);
        let new = new.filter(|id| !prepared.before.iter().any(|old| old == id.as_str()));
        Ok(new.map(|scan| Run { message: Some(self.made(&scan)), scan: Some(scan), ..Run::default() }).collect())
    }

    /// Cloudflare cannot tell, and an empty list would say that none is active.
    async fn active_runs(&self, _target: &Target) -> Result<Vec<Run>> {
        Err(unsupported(&SPEC, Operation::List, NO_LIST))
    }

    async fn control(&self, _target: &Target, control: Control) -> Result<Controlled> {
        Err(unsupported(&SPEC, Operation::Control(control), no_control(control)))
    }

    async fn status(&self, target: &Target) -> Result<Reading<Run>> {
        let scan = self.scan_of(target)?;
        let Listed { raw, notes, .. } = match self.list().await? {
            listed if listed.find(scan).is_some() => listed,
            _ => return Err(self.not_listed(scan)),
        };
        let mut reading_of = Reading { value: no_result(scan, None), raw: vec![raw], notes };
        match self.latest(scan).await {
            Ok(latest) => {
                reading_of.value = reading(scan, &latest.summary);
                reading_of.raw.push(latest.raw);
                reading_of.notes.extend(latest.notes);
            }
            Err(problem) if may_mean_no_result(&problem) => {
                reading_of.notes.push(format!("the result could not be read: {}", problem.message()));
            }
            Err(problem) => return Err(problem),
        }
        Ok(reading_of)
    }

    /// A one-off config ends with any entry. A recurring one may show the result of an earlier scan, so for it only a
    /// result that changed since the waiting began is an end; the first reading never is.
    async fn poll(&self, target: &Target, seen: &Seen) -> Result<Run> {
        let scan = self.scan_of(target)?;
        let run = match self.latest(scan).await {
            Ok(latest) => reading(scan, &latest.summary),
            Err(problem) if may_mean_no_result(&problem) => {
                return match self.list().await?.find(scan) {
                    Some(_) => Ok(no_result(scan, None)),
                    None => Err(self.not_listed(scan)),
                };
            }
            Err(problem) => return Err(problem),
        };
        let changed = seen.first.as_ref().is_some_and(|first| first.counters != run.counters);
        if run.state.is_none() || changed || self.is_one_off(scan).await? {
            return Ok(run);
        }
        let message = "the result has not changed since the waiting began, so it may be an earlier scan's".to_owned();
        Ok(Run { state: None, message: Some(message), ..run })
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
        Err(unsupported(&SPEC, Operation::List, NO_LIST))
    }

    async fn scans(&self, _query: &ScanQuery) -> Result<Reading<Vec<Scan>>> {
        let Listed { configs, raw, notes } = self.list().await?;
        Ok(Reading { value: configs.iter().filter_map(Config::scan).collect(), raw: vec![raw], notes })
    }

    async fn scan(&self, target: &Target, _query: &ScanQuery) -> Result<Reading<Scan>> {
        let scan = self.scan_of(target)?;
        let listed = self.list().await?;
        let value = listed.find(scan).and_then(Config::scan).ok_or_else(|| self.not_listed(scan))?;
        Ok(Reading { value, raw: vec![listed.raw], notes: listed.notes })
    }

    async fn runs(&self, _target: Option<&Target>, _query: &RunQuery) -> Result<Reading<Vec<Run>>> {
        Err(unsupported(&SPEC, Operation::RunsList, NO_RUNS))
    }

    async fn run(&self, _target: &Target, _query: &RunQuery) -> Result<Reading<Run>> {
        Err(unsupported(&SPEC, Operation::RunsShow, NO_RUNS))
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
