//! What a backend is, and the registry of the five.
//!
//! A backend is one file that knows one vendor: its paths, bodies, states and refusals. It sends nothing while it is
//! connected, prints nothing, and parses no flags. Adding one is its file and a line in [`REGISTRY`].

pub mod change;
pub mod cloudflare;
pub mod definition;
pub mod juniper;
pub mod report;
mod sc_rest;
#[cfg(test)]
mod scripted;
pub mod tenable_io;
pub mod tenable_sc;
pub mod tenable_sc_director;
pub mod wire;

use std::rc::Rc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bytes::Bytes;
use jiff::Timestamp;

use crate::config::settings::{Reader, Settings};
use crate::error::{Error, Result};
use crate::exit::Exit;
use crate::http::auth::Auth;
use crate::http::connection::{Connection, Defaults};
use crate::http::{Dialect, Http, Shared};
use crate::model::{Address, Control, ExportFormat, Operation, Run, RunId, RunSelector, Scan, ScanId, Support, Verb};
use crate::secret::{Secret, SecretSource};
use change::{Applied, Change, Found, PreparedChange};
use definition::Forms;
use report::{ExportOrder, Fetch, Report};

/// Every backend, in the order of the documentation.
pub static REGISTRY: &[&Spec] =
    &[&tenable_io::SPEC, &tenable_sc::SPEC, &tenable_sc_director::SPEC, &juniper::SPEC, &cloudflare::SPEC];

/// What is known of a backend before any profile of it is read.
pub struct Spec {
    /// The word in the config.
    pub id: &'static str,
    /// The product's name.
    pub title: &'static str,
    /// How its vendor wants to be connected to.
    pub defaults: Defaults,
    /// How often a waiting client may ask.
    pub interval: Interval,
    /// When a launch can learn that the scan is running already.
    pub running_check: RunningCheck,
    /// Whether a launch over given targets needs no stored scan.
    pub launches_without_scan: bool,
    /// How its runs are named.
    pub runs: Runs,
    /// What can be written for it: scans, copies, imports.
    pub forms: &'static Forms,
    /// The files it makes of a result, the usual one first.
    pub exports: &'static [ExportFormat],
    /// What an ID without a run means for a verb, in words.
    pub bare_id: fn(Verb) -> &'static str,
    /// Whether an operation can be done; `None` asks for the backend at its best, without a profile.
    pub support: fn(Operation, Option<&Settings>) -> Support,
    /// The backend's own keys in a profile, beside [`Connection::KEYS`].
    pub keys: &'static [&'static str],
    /// Reads the backend's own keys. Reads no secret and sends nothing.
    pub configure: fn(&Reader<'_>) -> Result<Connect>,
}

impl std::fmt::Debug for Spec {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Spec").field("id", &self.id).finish_non_exhaustive()
    }
}

impl Spec {
    /// The export format that was asked for, or the usual one.
    ///
    /// # Errors
    /// Exit 7 for a format that the vendor does not make.
    pub fn export_format(&self, wanted: Option<ExportFormat>) -> Result<Option<ExportFormat>> {
        let Some(wanted) = wanted else { return Ok(self.exports.first().copied()) };
        if self.exports.contains(&wanted) {
            return Ok(Some(wanted));
        }
        let known: Vec<&str> = self.exports.iter().map(|format| format.name()).collect();
        let error = Error::new(Exit::Unsupported, format!("backend `{}` cannot export as {}", self.id, wanted.name()));
        Err(error.hint(format!("it exports {}", known.join(", "))))
    }

    /// Whether a file can be asked for in this way: which chapters it is to have, and whether an asset and a password are
    /// named. Reads no secret.
    ///
    /// # Errors
    /// Exit 7 for a format that the vendor does not make, 2 for what does not go with the format.
    pub fn check_export(&self, format: ExportFormat, chapters: &[String], asset: bool, password: bool) -> Result<()> {
        self.export_format(Some(format))?;
        let name = format.name();
        if !chapters.is_empty() && !format.is_document() {
            return Err(Error::usage(format!("`--chapters` is for html and pdf, not for {name}")));
        }
        for (flag, given, what) in [
            ("--asset-id", asset, "the asset it is of, an `asset_id` of the run's hosts"),
            ("--password-from", password, "where the password is that encrypts it"),
        ] {
            match (format == ExportFormat::Db, given) {
                (true, false) => {
                    return Err(Error::usage(format!("db needs `{flag}`")).hint(format!("{flag} says {what}")));
                }
                (false, true) => return Err(Error::usage(format!("`{flag}` is for db, not for {name}"))),
                (true, true) | (false, false) => {}
            }
        }
        Ok(())
    }
}

/// The second step of [`Spec::configure`]: reads the secrets and makes the backend. Sends nothing.
pub type Connect = Box<dyn FnOnce(Connector<'_>) -> Result<Rc<dyn Backend>>>;

/// How often a waiting client asks: from `first`, growing to `longest`.
#[derive(Debug, Clone, Copy)]
pub struct Interval {
    /// The first pause, and the shortest that a flag may ask for.
    pub first: Duration,
    /// The longest pause.
    pub longest: Duration,
}

/// How the runs of a backend are named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Runs {
    /// By an id of their own: `sc/@8`.
    Alone,
    /// Together with their scan: `io/219@…`.
    OfAScan,
    /// There are none, and scans have no names.
    None,
}

impl Runs {
    /// Whether an address can be meant for a verb. Costs nothing, so it is asked before secrets are read.
    ///
    /// # Errors
    /// Exit 2.
    pub fn check(self, profile: &str, address: &Address, verb: Verb) -> Result<()> {
        let name_it = |form: &str| format!("name it as `{profile}/{form}`");
        match self {
            Self::Alone => Ok(()),
            Self::OfAScan if address.subject.is_none() => {
                Err(Error::usage(format!("`{address}`: a run is named together with its scan here"))
                    .hint(name_it("SCAN@RUN")))
            }
            Self::OfAScan if verb.takes_run() && address.run.is_none() => {
                let newest = Address { run: Some(RunSelector::Latest(0)), ..address.clone() };
                let error = Error::usage(format!("`{verb}` needs SCAN@RUN on this backend"));
                Err(match verb {
                    Verb::RunsDelete => error.hint(format!("scanctl runs list '{address}'")),
                    _ => error.hint(format!("scanctl {verb} '{newest}'")),
                })
            }
            Self::OfAScan => Ok(()),
            Self::None if address.run.is_some() || address.name().is_some() => {
                Err(Error::usage(format!("`{address}`: there are no runs and no names here")).hint(name_it("ID")))
            }
            Self::None => Ok(()),
        }
    }
}

/// When a launch can learn that the scan is running already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunningCheck {
    /// By reading before the launch.
    Before,
    /// By reading after the vendor refused the launch in the one way that may mean it.
    AfterRefusal {
        /// The refusal's HTTP status.
        status: u16,
        /// The vendor's own code, where the status alone says too little.
        code: Option<i64>,
    },
    /// Not at all.
    Unknowable,
}

/// Everything a backend needs to be made.
pub struct Connector<'a> {
    /// The profile's name.
    pub profile: &'a str,
    /// Where and how to connect.
    pub connection: Connection,
    /// What the program run shares.
    pub shared: Shared,
    /// What will be asked of the backend.
    pub operations: &'a [Operation],
    /// Other profiles, for a backend that reaches its scans through them.
    pub peers: &'a dyn Peers,
}

impl std::fmt::Debug for Connector<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Connector").field("profile", &self.profile).finish_non_exhaustive()
    }
}

impl Connector<'_> {
    /// Reads a secret of the profile.
    ///
    /// # Errors
    /// Exit 3, naming profile, key and source.
    pub fn secret(&self, key: &str, source: &SecretSource) -> Result<Secret> {
        source.read(&format!("profile `{}`: `{key}`", self.profile))
    }

    /// Reads a user name or e-mail address, which is no secret: as plain text it may stand in a file that others read.
    ///
    /// # Errors
    /// Exit 3, naming profile, key and source.
    pub fn user(&self, key: &str, source: &SecretSource) -> Result<Secret> {
        match source {
            SecretSource::Literal { secret, .. } => Ok(secret.clone()),
            source => self.secret(key, source),
        }
    }

    /// The profile's HTTP client.
    ///
    /// # Errors
    /// Exit 3 for certificate files that cannot be used.
    pub fn http(self, auth: Auth, dialect: Dialect) -> Result<Http> {
        Http::new(self.profile, self.connection, auth, dialect, self.shared)
    }
}

/// Opens other profiles. Implemented by the context, which knows the config.
pub trait Peers {
    /// What another profile is, before any of its secrets is read.
    ///
    /// # Errors
    /// Exit 3.
    fn spec(&self, profile: &str) -> Result<&'static Spec>;

    /// The backend of another profile, made for these operations.
    ///
    /// # Errors
    /// As for the profile itself: exit 3 or 7.
    fn open(&self, profile: &str, operations: &[Operation]) -> Result<Rc<dyn Backend>>;
}

/// What an address means on one profile.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Target {
    /// The scan.
    pub scan: Option<ScanId>,
    /// The run, where one was named.
    pub run: Option<RunId>,
    /// The scan's name, where it is known.
    pub name: Option<String>,
}

impl Target {
    /// The target in words: `run 8 "Weekly DMZ" (scan 34)`.
    pub fn describe(&self) -> String {
        let name = self.name.as_deref().map_or(String::new(), |name| format!(" \"{name}\""));
        match (&self.run, &self.scan) {
            (Some(run), Some(scan)) => format!("run {run}{name} (scan {scan})"),
            (Some(run), None) => format!("run {run}{name}"),
            (None, Some(scan)) => format!("scan {scan}{name}"),
            (None, None) => "a new scan".to_owned(),
        }
    }

    /// Takes over what a reading of the run tells.
    pub fn learn(&mut self, run: &Run) {
        self.scan = self.scan.take().or_else(|| run.scan.clone());
        self.run = self.run.take().or_else(|| run.run.clone());
        self.name = self.name.take().or_else(|| run.name.clone());
    }
}

/// What a launch is to do besides the stored scan.
#[derive(Debug, Clone, Default)]
pub struct Order {
    /// Other targets than the stored ones.
    pub targets: Vec<String>,
    /// Ports and port ranges, where the vendor takes them.
    pub ports: Vec<String>,
}

/// A launch whose reads are done.
#[derive(Debug, Clone)]
pub struct Prepared {
    /// The scan to launch.
    pub target: Target,
    /// What else was asked.
    pub order: Order,
    /// Ids that existed before, where ids alone tell what is new.
    pub before: Vec<String>,
    /// What the user must be told before anything is sent.
    pub warnings: Vec<String>,
}

/// An accepted launch.
#[derive(Debug, Clone, Default)]
pub struct Launched {
    /// The scan that runs (on Cloudflare the new one).
    pub scan: Option<ScanId>,
    /// The run, where the answer named it.
    pub run: Option<RunId>,
    /// The scan's name.
    pub name: Option<String>,
    /// The vendor's word for the state, where the answer has one.
    pub native_state: Option<String>,
    /// What the user should know.
    pub message: Option<String>,
    /// The vendor's request id.
    pub request_id: Option<String>,
}

/// An accepted control request.
#[derive(Debug, Clone, Default)]
pub struct Controlled {
    /// What the answer told about the run: ids and name, never the new state.
    pub target: Target,
    /// What the user should know.
    pub message: Option<String>,
    /// The vendor's request id.
    pub request_id: Option<String>,
}

/// A launch that another backend does.
pub struct Delegate {
    /// The backend that launches.
    pub backend: Rc<dyn Backend>,
    /// The scan there.
    pub target: Target,
}

impl std::fmt::Debug for Delegate {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Delegate").field("target", &self.target).finish_non_exhaustive()
    }
}

/// What was read, with the vendor's bytes and what must be said about it.
#[derive(Debug, Clone, Default)]
pub struct Reading<T> {
    /// What was read.
    pub value: T,
    /// The vendor's bodies as received, in order.
    pub raw: Vec<Bytes>,
    /// What the user must know: a window, a copy that lags, something left out.
    pub notes: Vec<String>,
}

impl<T> Reading<T> {
    /// A reading without notes.
    pub fn new(value: T, raw: Vec<Bytes>) -> Self {
        Self { value, raw, notes: Vec::new() }
    }

    /// Adds a note.
    #[must_use]
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.notes.push(note.into());
        self
    }
}

/// Which stored scans are read, and how much of each.
#[derive(Debug, Clone, Default)]
pub struct ScanQuery {
    /// Names of the vendor's fields, passed on; empty for the vendor's or the program's own choice.
    pub fields: Vec<String>,
    /// Only those of this instance, by Director's own number of it. For lists.
    pub instance: Option<String>,
    /// Only those of this organization, by Director's own number of it. For lists.
    pub organization: Option<String>,
    /// Whether each scan's newest run is wanted too, where telling it takes a reading of its own.
    pub last_run: bool,
}

/// Which runs are read, and how much of each.
#[derive(Debug, Clone, Default)]
pub struct RunQuery {
    /// Names of the vendor's fields, passed on; empty for the program's own choice.
    pub fields: Vec<String>,
    /// Only those from this moment on. For lists.
    pub since: Option<Timestamp>,
    /// Only those up to this moment. For lists.
    pub until: Option<Timestamp>,
    /// Whether the vendor is to leave counters out that cost it time; none leaves it to the vendor. For lists.
    pub optimize: Option<bool>,
    /// No more than the newest so many are needed, so that reading may end early. For lists.
    pub limit: Option<usize>,
}

/// What a waiting client has seen so far.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    /// How many readings came before this one.
    pub polls: u32,
    /// The first reading.
    pub first: Option<Run>,
    /// The newest reading.
    pub last: Option<Run>,
    /// When this program launched the run, if it did.
    pub launched: Option<Instant>,
}

/// Who a profile is, as far as the vendor tells.
#[derive(Debug, Clone, Default)]
pub struct Identity {
    /// The user's name.
    pub user: Option<String>,
    /// What the read proved, in words.
    pub proved: String,
    /// Product version, role and the like.
    pub details: Vec<(String, String)>,
}

/// One vendor, connected with one profile.
///
/// Contract, tested for every backend by the conformance suite:
/// - An operation that [`Spec::support`] calls `No` is never asked; asked all the same it answers exit 7 unsent.
/// - `launch` and `control` send at most one changing request to one vendor. A lost answer is
///   [`crate::error::Detail::Lost`]; they never try again by themselves.
/// - `control` hits the run named by its target and no other; else exit 6.
/// - `apply` sends one changing request; an import also the file before it, and an older form of the request only after
///   the newer one was refused for certain. A lost answer to the request that makes the change is
///   [`crate::error::Detail::Lost`]; one that is lost before it changed nothing, and says so.
/// - Everything else only reads.
#[async_trait(?Send)]
pub trait Backend {
    /// What it is.
    fn spec(&self) -> &'static Spec;

    /// The profile's name.
    fn profile(&self) -> &str;

    /// Whether the other end is this machine, so that polite intervals need not be kept.
    fn is_loopback(&self) -> bool;

    /// One authenticated read.
    async fn identity(&self) -> Result<Identity>;

    /// What an address means for a verb. Reads only what it must: a plain id costs nothing where it is unambiguous.
    async fn resolve(&self, address: &Address, verb: Verb) -> Result<Target>;

    /// Where a launch is done by another profile, that profile and the scan there.
    async fn delegate(&self, _target: &Target) -> Result<Option<Delegate>> {
        Ok(None)
    }

    /// The reads of a launch.
    async fn prepare(&self, target: &Target, order: &Order) -> Result<Prepared>;

    /// The one request of a launch.
    async fn launch(&self, prepared: &Prepared) -> Result<Launched>;

    /// One look for runs that a launch sent at `sent` may have started: newer by the vendor's clock, or not there
    /// before. Finding none proves nothing.
    async fn find_launched(&self, prepared: &Prepared, sent: Instant) -> Result<Vec<Run>>;

    /// The runs of a scan that are active now, newest first.
    async fn active_runs(&self, target: &Target) -> Result<Vec<Run>>;

    /// The one request of a control verb.
    async fn control(&self, target: &Target, control: Control) -> Result<Controlled>;

    /// One reading of a run.
    async fn status(&self, target: &Target) -> Result<Reading<Run>>;

    /// One reading of a run for a waiting client, as cheap as the vendor allows. The first one binds a target without a
    /// run to the run it tells of.
    async fn poll(&self, target: &Target, _seen: &Seen) -> Result<Run> {
        Ok(self.status(target).await?.value)
    }

    /// The result of a run, from its first byte on. Reads the run before, and refuses what is no whole result unless
    /// that is wanted ([`report::Fetch::partial`]): exit 6. What the vendor must prepare is waited for until
    /// [`report::Fetch::deadline`]: exit 9.
    async fn results<'a>(&'a self, target: &Target, fetch: &Fetch<'_>) -> Result<Report<'a>>;

    /// The result of a run as a file of the vendor's making, with the same rules.
    async fn export<'a>(&'a self, target: &Target, order: &ExportOrder, fetch: &Fetch<'_>) -> Result<Report<'a>>;

    /// All active runs of the profile.
    async fn active(&self) -> Result<Reading<Vec<Run>>>;

    /// The stored scans. With [`ScanQuery::fields`] those are asked for, and what the program cannot do without; each
    /// scan then has [`Scan::fields`]: the vendor's object as it came. A window or page of the vendor's is a note.
    async fn scans(&self, query: &ScanQuery) -> Result<Reading<Vec<Scan>>>;

    /// One stored scan, as whole as the vendor shows it.
    async fn scan(&self, target: &Target, query: &ScanQuery) -> Result<Reading<Scan>>;

    /// The runs of a scan, or of the whole profile, newest first. Which span of time was read is a note wherever the
    /// vendor has a window of its own, and how many pages wherever it has pages.
    async fn runs(&self, target: Option<&Target>, query: &RunQuery) -> Result<Reading<Vec<Run>>>;

    /// One run.
    async fn run(&self, target: &Target, _query: &RunQuery) -> Result<Reading<Run>> {
        self.status(target).await
    }

    /// The reads of a change, and its request put together: references resolved and checked, values in the vendor's
    /// notation, before and after of an update, ids that exist already where only they tell what is new. Sends nothing
    /// that changes anything.
    ///
    /// # Errors
    /// Exit 2 for what the vendor would not take, naming the key; 5 where the target or a reference does not exist.
    async fn prepare_change(&self, target: &Target, change: &Change) -> Result<PreparedChange>;

    /// The one request of a change.
    async fn apply(&self, prepared: &PreparedChange) -> Result<Applied>;

    /// One look for a change that was sent at `sent` and whose answer is lost or does not name what was made. For an
    /// update or a deletion: its effect, read from the target. For what is made: new since then, by ids or by the
    /// vendor's clock, and like what was asked for.
    async fn find_applied(&self, prepared: &PreparedChange, sent: Instant) -> Result<Found>;

    /// Ends what must be ended, a login for instance.
    async fn close(&self);
}

/// The backend of that id.
///
/// # Errors
/// Exit 3 with the near match.
pub fn find(settings: &Settings) -> Result<&'static Spec> {
    let id: &str = &settings.backend;
    REGISTRY.iter().copied().find(|spec| spec.id == id).ok_or_else(|| {
        let known: Vec<&str> = REGISTRY.iter().map(|spec| spec.id).collect();
        let error = settings.error("backend", format!("unknown backend `{id}`"));
        match crate::error::nearest(id, known.iter().copied()) {
            Some(near) => error.hint(format!("did you mean `{near}`?")),
            None => error.hint(format!("the backends are {}", known.join(", "))),
        }
    })
}

/// Refuses a profile with keys that its backend does not have.
///
/// # Errors
/// Exit 3 at the first of them.
pub fn check_keys(settings: &Settings, spec: &Spec) -> Result<()> {
    let known: Vec<&str> = ["backend"].iter().chain(Connection::KEYS).chain(spec.keys).copied().collect();
    let elsewhere =
        |key: &str| REGISTRY.iter().filter(|other| other.keys.contains(&key)).map(|other| other.id).collect();
    settings.check_keys(&known, elsewhere)
}

/// The error of an operation that a backend cannot do.
pub fn unsupported(spec: &Spec, operation: Operation, why: &str) -> Error {
    Error::new(Exit::Unsupported, format!("backend `{}` cannot {}", spec.id, operation.describe())).hint(why)
}

/// The only match of a name, or the error that prints all of them.
///
/// # Errors
/// Exit 5 for none or several.
pub fn only_named(profile: &str, name: &str, mut found: Vec<Scan>) -> Result<Scan> {
    match found.len() {
        1 => Ok(found.remove(0)),
        0 => Err(Error::new(Exit::NotFound, format!("no scan of profile `{profile}` is named \"{name}\""))
            .hint(format!("`scanctl scans list -p {profile}` shows the names"))),
        _ => {
            let addresses: Vec<String> =
                found.iter().map(|scan| Address::full(profile, Some(&scan.scan), None)).collect();
            Err(Error::new(
                Exit::NotFound,
                format!("{} scans of profile `{profile}` are named \"{name}\"", found.len()),
            )
            .hint(format!("name one of {}", addresses.join(", ")))
            .with_detail(crate::error::Detail::Candidates(addresses)))
        }
    }
}
