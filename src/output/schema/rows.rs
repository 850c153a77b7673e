//! The shapes of rows, errors and log lines.

use serde_json::{Value, json};

use super::parts::{
    Shape, anything, list, maybe_boolean, maybe_count, maybe_part, maybe_text, maybe_time, maybe_word, object, text,
    texts, with_optional, word,
};
use super::{Kind, Words};
use crate::exit::Exit;
use crate::model::{OutcomeKind, RunState, Verb};
use crate::output::rows::SupportRow;

fn profile_name() -> Value {
    text("The profile.")
}

fn backend(words: &Words) -> Value {
    word(words.backends.iter().copied(), "The profile's backend.")
}

fn verb() -> Value {
    word(Verb::ALL.map(Verb::name), "What was asked.")
}

fn state() -> Value {
    maybe_word(
        RunState::ALL.map(RunState::name),
        "The state; null where the vendor has none. `unknown` is a word of the vendor's that the program does not know.",
    )
}

fn native_state() -> Value {
    maybe_text("The vendor's own word for the state.")
}

pub(super) fn outcome(words: &Words) -> Shape {
    let difference = object(
        "One key that an update changes.",
        [
            ("key", text("The key of the definition.")),
            ("before", anything("The value before; null where there was none, or where it cannot be read.")),
            ("after", anything("The value that was asked for.")),
            ("readable", json!({ "type": "boolean", "description": "Whether `before` was read." })),
            ("note", maybe_text("What the user should know.")),
        ],
    );
    let request = object(
        "The request that a dry run would have sent.",
        [
            ("method", word(["GET", "POST", "PUT", "PATCH", "DELETE"], "The HTTP method.")),
            ("path", text("Path and query below the profile's origin.")),
            ("body", anything("The JSON body; null where none is sent.")),
        ],
    );
    let mut schema = with_optional(
        "What became of one address.",
        [
            ("profile", profile_name()),
            ("backend", backend(words)),
            ("verb", verb()),
            ("address", text("The fullest address known, else the address as typed.")),
            ("scan", maybe_text("The scan's id.")),
            ("run", maybe_text("The run's id; null where it is not known.")),
            ("candidates", texts("Full addresses of everything it could be, where that is not one.")),
            ("outcome", word(OutcomeKind::ALL.map(OutcomeKind::name), "How far it came.")),
            ("state", state()),
            ("native_state", native_state()),
            ("ended_at", maybe_time("When the run ended.")),
            ("message", maybe_text("What the user should know.")),
            ("request", maybe_part("request", "The request of a dry run.")),
            ("request_id", maybe_text("The vendor's id of the request.")),
            ("error", maybe_part("error", "Why it failed.")),
        ],
        [("changes", list(json!({ "$ref": "#/$defs/difference" }), "What an update changes."))],
    );
    let planned = OutcomeKind::Planned.name();
    schema["if"] = json!({ "properties": { "outcome": { "const": planned } } });
    schema["then"] = json!({ "properties": { "request": { "type": "object" }, "error": { "type": "null" } } });
    schema["else"] = json!({ "properties": { "request": { "type": "null" } } });
    let parts = vec![("difference", difference), ("request", request), ("error", error(words))];
    Shape { schema, parts }
}

/// The vendor's own fields, which stand beside the others where `--fields` asked for them.
fn fields() -> (&'static str, Value) {
    ("fields", anything("The vendor's fields that `--fields` named, as the vendor gave them."))
}

fn plain_run(words: &Words, description: &str, has_fields: bool) -> Value {
    let keys = [
        ("profile", profile_name()),
        ("backend", backend(words)),
        ("address", text("The full address.")),
        ("scan", maybe_text("The scan's id, where the vendor says which.")),
        ("name", maybe_text("The scan's name.")),
        ("run", maybe_text("The run's id, where the vendor has one.")),
        ("state", state()),
        ("native_state", native_state()),
        (
            "progress",
            json!({ "type": ["integer", "null"], "minimum": 0, "maximum": 100, "description": "Percent done." }),
        ),
        ("started_at", maybe_time("When it started.")),
        ("ended_at", maybe_time("When it ended.")),
        ("hosts_total", maybe_count("Hosts to scan.")),
        ("hosts_done", maybe_count("Hosts scanned.")),
        ("message", maybe_text("What the user should know, in the vendor's words or the program's.")),
    ];
    if has_fields { with_optional(description, keys, [fields()]) } else { object(description, keys) }
}

pub(super) fn run(words: &Words) -> Shape {
    Shape::plain(plain_run(words, "A run, as read at one moment.", true))
}

pub(super) fn scan(words: &Words) -> Shape {
    let schema = with_optional(
        "A stored scan.",
        [
            ("profile", profile_name()),
            ("backend", backend(words)),
            ("address", text("The full address.")),
            ("scan", text("The scan's id.")),
            ("name", maybe_text("Its name.")),
            ("enabled", maybe_boolean("Whether its schedule is on.")),
            ("schedule", maybe_text("Its schedule, in the vendor's words.")),
            (
                "targets",
                json!({
                    "type": ["array", "null"],
                    "items": { "type": "string" },
                    "description": "What it scans; null where that cannot be read.",
                }),
            ),
            ("last_run", maybe_part("run", "Its newest run.")),
        ],
        [fields()],
    );
    Shape { schema, parts: vec![("run", plain_run(words, "The newest run of the scan.", false))] }
}

pub(super) fn profile() -> Shape {
    Shape::plain(object(
        "A profile of the config.",
        [
            ("profile", profile_name()),
            // What a broken profile says stands here as it is.
            ("backend", json!({ "type": "string", "description": "Its backend, as the config names it." })),
            ("base_url", maybe_text("The API's root; null where the profile cannot be read.")),
            ("default", json!({ "type": "boolean", "description": "Whether it is used where none is named." })),
            ("groups", texts("The groups it is in.")),
            ("ok", maybe_boolean("Whether a check could read; null where none was made.")),
            ("user", maybe_text("Who the vendor says it is.")),
            ("message", maybe_text("What the check proved, or what is wrong.")),
            (
                "details",
                json!({
                    "type": "object",
                    "additionalProperties": { "type": "string" },
                    "description": "More about the connection; its keys differ by backend.",
                }),
            ),
        ],
    ))
}

pub(super) fn support(words: &Words) -> Shape {
    Shape::plain(object(
        "What one backend does with one verb.",
        [
            ("backend", word(words.backends.iter().copied(), "The backend.")),
            ("verb", word(words.verbs.iter().map(String::as_str), "The verb.")),
            (
                "support",
                word(
                    SupportRow::WORDS,
                    "`yes`: the vendor's API does it; `via`: composed from its documented calls; `no`: refused.",
                ),
            ),
            ("note", maybe_text("What the user should know, or do instead.")),
            (
                "bare_id",
                json!({ "type": "string", "description": "What an ID without a run means; empty where refused." }),
            ),
        ],
    ))
}

pub(super) fn schema() -> Shape {
    Shape::plain(object(
        "A schema that `scanctl schema KIND` prints.",
        [
            ("kind", word(Kind::ALL.map(Kind::name), "Its name.")),
            ("printed_by", text("The commands and flags that print what it describes.")),
            (
                "document",
                json!({ "type": "boolean", "description": "Whether there are documents of it, and not only lines." }),
            ),
        ],
    ))
}

fn error(words: &Words) -> Value {
    let kinds = Exit::ALL.into_iter().filter(|exit| *exit != Exit::Success).map(Exit::kind);
    object(
        "What failed, and why.",
        [
            ("kind", word(kinds, "The stable word for programs; there is an exit code for each.")),
            ("message", text("What failed and its causes.")),
            ("hint", maybe_text("What to do.")),
            ("profile", maybe_text("The profile; null where the whole call failed.")),
            ("backend", maybe_word(words.backends.iter().copied(), "Its backend.")),
            ("verb", maybe_word(Verb::ALL.map(Verb::name), "What was asked.")),
            ("address", maybe_text("The address.")),
            (
                "http_status",
                json!({
                    "type": ["integer", "null"],
                    "minimum": 100,
                    "maximum": 999,
                    "description": "The status of the vendor's answer.",
                }),
            ),
            ("vendor_code", json!({ "type": ["integer", "null"], "description": "The vendor's own code." })),
            ("request_id", maybe_text("The vendor's id of the request.")),
            (
                "retryable",
                json!({
                    "type": "boolean",
                    "description": "Whether the same call is safe to repeat because this one changed nothing.",
                }),
            ),
        ],
    )
}

pub(super) fn error_line(words: &Words) -> Shape {
    let line = object("A failure: one line on stderr.", [("error", json!({ "$ref": "#/$defs/error" }))]);
    Shape { schema: line, parts: vec![("error", error(words))] }
}

pub(super) fn log_line() -> Shape {
    // A span has its name, and whatever it was given.
    let span = json!({ "type": "object", "properties": { "name": { "type": "string" } }, "required": ["name"] });
    Shape::plain(with_optional(
        "A log line. What it says is for people: its words may change.",
        [
            ("timestamp", json!({ "type": "string", "format": "date-time", "description": "When it was written." })),
            ("level", word(["ERROR", "WARN", "INFO", "DEBUG", "TRACE"], "How much it matters.")),
            ("fields", json!({ "type": "object", "description": "What it says; `message` and details." })),
        ],
        [("span", span.clone()), ("spans", list(span, "What it was said in, the outermost first."))],
    ))
}
