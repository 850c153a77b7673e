//! The rows that commands print, in their own structs: what is printed has a schema, whatever the program is made of
//! inside. Field names and their order are those of the documentation; absent knowledge is null.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use crate::error::{Error, PlannedRequest};
use crate::model::{Address, Difference, Outcome, OutcomeKind, Run, RunState, Scan};

/// What a cell's content means, for its colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// Nothing special.
    Plain,
    /// As wished.
    Good,
    /// Under way.
    Busy,
    /// Worth a look.
    Odd,
    /// Not as wished.
    Bad,
}

/// A thing that can be printed in every format.
pub trait Row {
    /// `kind` of the JSON document.
    const KIND: &'static str;
    /// The columns of table and CSV.
    const HEADERS: &'static [&'static str];
    /// Columns that a table leaves out where it would not fit, the least missed first.
    const SPARE: &'static [&'static str];

    /// One JSON object.
    fn json(&self) -> Value;

    /// One cell for each column; empty where nothing is known.
    fn cells(&self) -> Vec<(String, Tone)>;
}

fn plain(text: impl Into<String>) -> (String, Tone) {
    (text.into(), Tone::Plain)
}

fn maybe(text: Option<impl ToString>) -> (String, Tone) {
    plain(text.map(|text| text.to_string()).unwrap_or_default())
}

fn to_json(value: &impl Serialize) -> Value {
    serde_json::to_value(value).unwrap_or_default()
}

fn state_cell(state: Option<RunState>, native: Option<&str>) -> (String, Tone) {
    let Some(state) = state else { return plain(native.unwrap_or_default()) };
    let tone = match state {
        _ if state.is_terminal() && state.succeeded() => Tone::Good,
        _ if state.is_terminal() => Tone::Bad,
        RunState::Paused | RunState::Unknown => Tone::Odd,
        RunState::Idle => Tone::Plain,
        _ => Tone::Busy,
    };
    // The vendor's word is shown where it says something else.
    let text = match native {
        Some(native) if !native.eq_ignore_ascii_case(state.name()) => format!("{} ({native})", state.name()),
        _ => state.name().to_owned(),
    };
    (text, tone)
}

/// A time for people: minutes and UTC.
fn when(time: Option<Timestamp>) -> (String, Tone) {
    plain(time.map(|time| time.strftime("%Y-%m-%d %H:%MZ").to_string()).unwrap_or_default())
}

/// An outcome.
#[derive(Debug)]
pub struct OutcomeRow(pub Outcome);

#[derive(Serialize)]
struct OutcomeJson<'a> {
    profile: &'a str,
    backend: &'a str,
    verb: &'a str,
    address: &'a str,
    scan: Option<&'a str>,
    run: Option<&'a str>,
    candidates: &'a [String],
    outcome: &'a str,
    state: Option<&'a str>,
    native_state: Option<&'a str>,
    ended_at: Option<Timestamp>,
    message: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    changes: Vec<DifferenceJson<'a>>,
    request: Option<&'a PlannedRequest>,
    request_id: Option<&'a str>,
    error: Option<Value>,
}

/// One key that an update changes; `before` is null where it cannot be read, which `readable` tells from no value.
#[derive(Serialize)]
struct DifferenceJson<'a> {
    key: &'a str,
    before: Option<&'a Value>,
    after: &'a Value,
    readable: bool,
    note: Option<&'a str>,
}

impl<'a> From<&'a Difference> for DifferenceJson<'a> {
    fn from(difference: &'a Difference) -> Self {
        let Difference { key, before, after, note } = difference;
        Self { key, before: before.as_ref(), after, readable: before.is_some(), note: note.as_deref() }
    }
}

impl Row for OutcomeRow {
    const KIND: &'static str = "outcomes";
    const HEADERS: &'static [&'static str] = &["ADDRESS", "VERB", "OUTCOME", "STATE", "MESSAGE"];
    const SPARE: &'static [&'static str] = &["VERB"];

    fn json(&self) -> Value {
        let outcome = &self.0;
        to_json(&OutcomeJson {
            profile: &outcome.profile,
            backend: outcome.backend,
            verb: outcome.verb.name(),
            address: &outcome.address,
            scan: outcome.scan.as_ref().map(|id| id.as_str()),
            run: outcome.run.as_ref().map(|id| id.as_str()),
            candidates: &outcome.candidates,
            outcome: outcome.kind.name(),
            state: outcome.state.map(RunState::name),
            native_state: outcome.native_state.as_deref(),
            ended_at: outcome.ended_at,
            message: outcome.message.as_deref(),
            changes: outcome.changes.iter().map(DifferenceJson::from).collect(),
            request: outcome.request.as_ref(),
            request_id: outcome.request_id.as_deref(),
            error: outcome.error.as_ref().map(|error| error_json(error, Subject::of(outcome))),
        })
    }

    fn cells(&self) -> Vec<(String, Tone)> {
        let outcome = &self.0;
        let tone = match outcome.kind {
            OutcomeKind::Accepted | OutcomeKind::Confirmed => Tone::Good,
            OutcomeKind::Skipped | OutcomeKind::Planned => Tone::Odd,
            OutcomeKind::Failed => Tone::Bad,
        };
        let mut message = outcome.message.clone().unwrap_or_default();
        if let Some(request) = &outcome.request {
            let body = request.body.as_ref().map(|body| format!(" {body}")).unwrap_or_default();
            message = format!("would send {} {}{body}", request.method, request.path);
        } else if let Some(error) = &outcome.error {
            message = error.message().to_owned();
        }
        vec![
            plain(outcome.label()),
            plain(outcome.verb.name()),
            (outcome.kind.name().to_owned(), tone),
            state_cell(outcome.state, outcome.native_state.as_deref()),
            plain(message),
        ]
    }
}

#[derive(Serialize)]
struct ErrorJson<'a> {
    kind: &'a str,
    message: String,
    hint: Option<&'a str>,
    profile: Option<&'a str>,
    backend: Option<&'a str>,
    verb: Option<&'a str>,
    address: Option<&'a str>,
    http_status: Option<u16>,
    vendor_code: Option<i64>,
    request_id: Option<&'a str>,
    retryable: bool,
}

/// What failed, for the JSON error object.
#[derive(Debug, Clone, Copy, Default)]
pub struct Subject<'a> {
    /// The profile.
    pub profile: Option<&'a str>,
    /// Its backend.
    pub backend: Option<&'a str>,
    /// What was asked.
    pub verb: Option<&'a str>,
    /// The address.
    pub address: Option<&'a str>,
}

impl<'a> Subject<'a> {
    /// The subject of an outcome.
    pub fn of(outcome: &'a Outcome) -> Self {
        Self {
            profile: Some(&outcome.profile),
            backend: Some(outcome.backend),
            verb: Some(outcome.verb.name()),
            address: Some(&outcome.address),
        }
    }
}

/// The JSON error object; without a subject it is that of a whole call.
pub fn error_json(error: &Error, subject: Subject<'_>) -> Value {
    let answer = error.answer();
    to_json(&ErrorJson {
        kind: error.exit().kind(),
        message: error.one_line(),
        hint: error.hint_text(),
        profile: subject.profile,
        backend: subject.backend,
        verb: subject.verb,
        address: subject.address,
        http_status: answer.status,
        vendor_code: answer.code,
        request_id: answer.request_id.as_deref(),
        retryable: error.exit().retryable(),
    })
}

/// A run.
#[derive(Debug)]
pub struct RunRow {
    /// Its profile.
    pub profile: String,
    /// That profile's backend.
    pub backend: &'static str,
    /// The run.
    pub run: Run,
}

#[derive(Serialize)]
struct RunJson<'a> {
    profile: &'a str,
    backend: &'a str,
    address: String,
    scan: Option<&'a str>,
    name: Option<&'a str>,
    run: Option<&'a str>,
    state: Option<&'a str>,
    native_state: Option<&'a str>,
    progress: Option<u8>,
    started_at: Option<Timestamp>,
    ended_at: Option<Timestamp>,
    hosts_total: Option<u64>,
    hosts_done: Option<u64>,
    message: Option<&'a str>,
}

impl RunRow {
    fn address(&self) -> String {
        Address::full(&self.profile, self.run.scan.as_ref(), self.run.run.as_ref())
    }

    fn wire(&self) -> RunJson<'_> {
        let run = &self.run;
        RunJson {
            profile: &self.profile,
            backend: self.backend,
            address: self.address(),
            scan: run.scan.as_ref().map(|id| id.as_str()),
            name: run.name.as_deref(),
            run: run.run.as_ref().map(|id| id.as_str()),
            state: run.state.map(RunState::name),
            native_state: run.native_state.as_deref(),
            progress: run.progress,
            started_at: run.started_at,
            ended_at: run.ended_at,
            hosts_total: run.hosts_total,
            hosts_done: run.hosts_done,
            message: run.message.as_deref(),
        }
    }
}

impl Row for RunRow {
    const KIND: &'static str = "runs";
    const HEADERS: &'static [&'static str] =
        &["ADDRESS", "NAME", "STATE", "PROGRESS", "HOSTS", "STARTED", "ENDED", "MESSAGE"];
    const SPARE: &'static [&'static str] = &["HOSTS", "STARTED", "ENDED", "PROGRESS"];

    fn json(&self) -> Value {
        to_json(&self.wire())
    }

    fn cells(&self) -> Vec<(String, Tone)> {
        let run = &self.run;
        let hosts = match (run.hosts_done, run.hosts_total) {
            (Some(done), Some(total)) => format!("{done}/{total}"),
            (None, Some(total)) => total.to_string(),
            (Some(done), None) => done.to_string(),
            (None, None) => String::new(),
        };
        vec![
            plain(self.address()),
            maybe(run.name.as_deref()),
            state_cell(run.state, run.native_state.as_deref()),
            maybe(run.progress.map(|percent| format!("{percent}%"))),
            plain(hosts),
            when(run.started_at),
            when(run.ended_at),
            maybe(run.message.as_deref()),
        ]
    }
}

/// A stored scan.
#[derive(Debug)]
pub struct ScanRow {
    /// Its profile.
    pub profile: String,
    /// That profile's backend.
    pub backend: &'static str,
    /// The scan.
    pub scan: Scan,
}

#[derive(Serialize)]
struct ScanJson<'a> {
    profile: &'a str,
    backend: &'a str,
    address: String,
    scan: &'a str,
    name: Option<&'a str>,
    enabled: Option<bool>,
    schedule: Option<&'a str>,
    targets: Option<&'a [String]>,
    last_run: Option<Value>,
}

impl Row for ScanRow {
    const KIND: &'static str = "scans";
    const HEADERS: &'static [&'static str] = &["ADDRESS", "NAME", "ENABLED", "SCHEDULE", "TARGETS", "LAST RUN"];
    // That a scan is disabled must not be overlooked.
    const SPARE: &'static [&'static str] = &["SCHEDULE", "LAST RUN", "ENABLED"];

    fn json(&self) -> Value {
        let scan = &self.scan;
        let last_run = scan
            .last_run
            .clone()
            .map(|run| to_json(&RunRow { profile: self.profile.clone(), backend: self.backend, run }.wire()));
        to_json(&ScanJson {
            profile: &self.profile,
            backend: self.backend,
            address: Address::full(&self.profile, Some(&scan.scan), None),
            scan: scan.scan.as_str(),
            name: scan.name.as_deref(),
            enabled: scan.enabled,
            schedule: scan.schedule.as_deref(),
            targets: scan.targets.as_deref(),
            last_run,
        })
    }

    fn cells(&self) -> Vec<(String, Tone)> {
        let scan = &self.scan;
        let targets = scan.targets.as_ref().map(|targets| match targets.as_slice() {
            [first, second, third, rest @ ..] if !rest.is_empty() => {
                format!("{first}, {second}, {third} and {} more", rest.len())
            }
            few => few.join(", "),
        });
        vec![
            plain(Address::full(&self.profile, Some(&scan.scan), None)),
            maybe(scan.name.as_deref()),
            maybe(scan.enabled.map(|on| if on { "yes" } else { "no" })),
            maybe(scan.schedule.as_deref()),
            maybe(targets),
            scan.last_run.as_ref().map_or(plain(""), |run| state_cell(run.state, run.native_state.as_deref())),
        ]
    }
}

/// A row whose vendor's fields were asked for by name: they are shown in place of the usual columns, and in JSON
/// beside them.
#[derive(Debug)]
pub struct WithFields<R>(pub R);

/// A row that may have the vendor's own fields.
pub trait HasFields: Row {
    /// The address and the name.
    fn head(&self) -> [(String, Tone); 2];

    /// The vendor's object.
    fn fields(&self) -> Option<&Value>;
}

impl HasFields for RunRow {
    fn head(&self) -> [(String, Tone); 2] {
        [plain(self.address()), maybe(self.run.name.as_deref())]
    }

    fn fields(&self) -> Option<&Value> {
        self.run.fields.as_ref()
    }
}

impl HasFields for ScanRow {
    fn head(&self) -> [(String, Tone); 2] {
        [plain(Address::full(&self.profile, Some(&self.scan.scan), None)), maybe(self.scan.name.as_deref())]
    }

    fn fields(&self) -> Option<&Value> {
        self.scan.fields.as_ref()
    }
}

impl<R: HasFields> Row for WithFields<R> {
    const KIND: &'static str = R::KIND;
    const HEADERS: &'static [&'static str] = &["ADDRESS", "NAME", "FIELDS"];
    const SPARE: &'static [&'static str] = &["NAME"];

    fn json(&self) -> Value {
        let mut row = self.0.json();
        if let Value::Object(row) = &mut row {
            row.insert("fields".to_owned(), self.0.fields().cloned().unwrap_or_default());
        }
        row
    }

    fn cells(&self) -> Vec<(String, Tone)> {
        let fields = self.0.fields().map(|fields| match fields {
            Value::Object(fields) => {
                let told = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                let parts: Vec<String> = fields.iter().map(|(name, value)| format!("{name}={}", told(value))).collect();
                parts.join(" ")
            }
            other => other.to_string(),
        });
        let [address, name] = self.0.head();
        vec![address, name, maybe(fields)]
    }
}

/// A profile of the config.
#[derive(Debug, Serialize)]
pub struct ProfileRow {
    /// Its name.
    pub profile: String,
    /// Its backend.
    pub backend: String,
    /// The API's root; null where the profile cannot be read.
    pub base_url: Option<String>,
    /// Whether it is the one used where none is named.
    pub default: bool,
    /// The groups it is in.
    pub groups: Vec<String>,
    /// Whether a check could read; null where none was made.
    pub ok: Option<bool>,
    /// Who the vendor says it is.
    pub user: Option<String>,
    /// What the check proved, or what is wrong.
    pub message: Option<String>,
    /// More about the connection.
    pub details: std::collections::BTreeMap<String, String>,
}

impl Row for ProfileRow {
    const KIND: &'static str = "profiles";
    const HEADERS: &'static [&'static str] =
        &["PROFILE", "BACKEND", "BASE URL", "DEFAULT", "GROUPS", "OK", "USER", "MESSAGE", "DETAILS"];
    const SPARE: &'static [&'static str] = &["DETAILS", "BASE URL", "GROUPS", "DEFAULT"];

    fn json(&self) -> Value {
        to_json(self)
    }

    fn cells(&self) -> Vec<(String, Tone)> {
        let details: Vec<String> = self.details.iter().map(|(key, value)| format!("{key}: {value}")).collect();
        let ok = match self.ok {
            Some(true) => ("yes".to_owned(), Tone::Good),
            Some(false) => ("no".to_owned(), Tone::Bad),
            None => plain(""),
        };
        vec![
            plain(&self.profile),
            plain(&self.backend),
            maybe(self.base_url.as_deref()),
            plain(if self.default { "yes" } else { "" }),
            plain(self.groups.join(", ")),
            ok,
            maybe(self.user.as_deref()),
            maybe(self.message.as_deref()),
            plain(details.join(", ")),
        ]
    }
}

/// What one backend does with one verb.
#[derive(Debug, Serialize)]
pub struct SupportRow {
    /// The backend.
    pub backend: &'static str,
    /// The verb.
    pub verb: String,
    /// `yes`, `via` or `no`.
    pub support: &'static str,
    /// What the user should know, or do instead.
    pub note: Option<String>,
    /// What an ID without a run means.
    pub bare_id: String,
}

impl SupportRow {
    /// The words of `support`: it can, it can by a detour, it cannot.
    pub const WORDS: [&'static str; 3] = ["yes", "via", "no"];
}

impl Row for SupportRow {
    const KIND: &'static str = "backends";
    const HEADERS: &'static [&'static str] = &["BACKEND", "VERB", "SUPPORT", "BARE ID", "NOTE"];
    const SPARE: &'static [&'static str] = &["BARE ID"];

    fn json(&self) -> Value {
        to_json(self)
    }

    fn cells(&self) -> Vec<(String, Tone)> {
        let tone = match self.support {
            "yes" => Tone::Good,
            "via" => Tone::Busy,
            _ => Tone::Plain,
        };
        vec![
            plain(self.backend),
            plain(&self.verb),
            (self.support.to_owned(), tone),
            plain(&self.bare_id),
            maybe(self.note.as_deref()),
        ]
    }
}

/// A JSON Schema that the program can print.
#[derive(Debug, Serialize)]
pub struct SchemaRow {
    /// Its name.
    pub kind: &'static str,
    /// The commands and flags that print what it describes.
    pub printed_by: &'static str,
    /// Whether there are documents of it, and not only lines.
    pub document: bool,
}

impl Row for SchemaRow {
    const KIND: &'static str = "schemas";
    const HEADERS: &'static [&'static str] = &["KIND", "PRINTED BY"];
    const SPARE: &'static [&'static str] = &[];

    fn json(&self) -> Value {
        to_json(self)
    }

    fn cells(&self) -> Vec<(String, Tone)> {
        vec![plain(self.kind), plain(self.printed_by)]
    }
}
