//! JSON Schemas of everything that the program writes as JSON in a shape of its own.
//!
//! A [`Kind`] is the `kind` of a document, or one of the two kinds of lines on stderr. Each schema is closed: every key
//! is required unless it says otherwise, no other key is allowed, and where the program chooses among its own words the
//! schema lists them from the same tables. What comes from a vendor is text, or whatever the vendor's own field holds.
//!
//! Not for: SARIF, OCSF and DefectDojo, which others have specified, and `--raw`.

mod findings;
mod parts;
mod rows;

use serde_json::{Value, json};

use crate::error::{Error, Result, nearest};
use parts::{Shape, constant, object};

/// The dialect that the schemas are written in.
const DIALECT: &str = "https://json-schema.org/draft/2020-12/schema";
/// What `schema_version` of a document is. Keys are only ever added under the same version.
const VERSION: u32 = 1;

/// A shape of JSON that the program writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// What became of launches, controls, waits and whatever else changes something.
    Outcomes,
    /// Runs.
    Runs,
    /// Stored scans.
    Scans,
    /// Findings.
    Findings,
    /// What differs between two reports.
    Diff,
    /// Profiles of the config.
    Profiles,
    /// What each backend can do.
    Backends,
    /// The schemas themselves.
    Schemas,
    /// A failure, as a line on stderr.
    Error,
    /// A log line on stderr.
    Log,
}

/// Words of parts of the program that lie above this one.
#[derive(Debug, Clone)]
pub struct Words {
    /// The ids of the backends.
    pub backends: Vec<&'static str>,
    /// The verbs that `backends` lists.
    pub verbs: Vec<String>,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 10] = [
        Self::Outcomes,
        Self::Runs,
        Self::Scans,
        Self::Findings,
        Self::Diff,
        Self::Profiles,
        Self::Backends,
        Self::Schemas,
        Self::Error,
        Self::Log,
    ];

    /// The word on the command line, which is `kind` of the document.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Outcomes => "outcomes",
            Self::Runs => "runs",
            Self::Scans => "scans",
            Self::Findings => "findings",
            Self::Diff => "diff",
            Self::Profiles => "profiles",
            Self::Backends => "backends",
            Self::Schemas => "schemas",
            Self::Error => "error",
            Self::Log => "log",
        }
    }

    /// The commands and flags that print it.
    pub const fn printed_by(self) -> &'static str {
        match self {
            Self::Outcomes => {
                "launch, pause, resume, stop, force-stop, wait, scans create|update|copy|delete, runs \
                 delete|copy|email|import|reimport"
            }
            Self::Runs => "status, list, runs list|show",
            Self::Scans => "scans list|show",
            Self::Findings => "results",
            Self::Diff => "diff",
            Self::Profiles => "profiles list|show|check",
            Self::Backends => "backends",
            Self::Schemas => "schema",
            Self::Error => "any command with -f json, -f ndjson or --log-format json, on stderr",
            Self::Log => "any command with -v and --log-format json, on stderr",
        }
    }

    /// Whether it is printed as one document, and not only line by line.
    pub const fn has_document(self) -> bool {
        !matches!(self, Self::Error | Self::Log)
    }

    fn item(self, words: &Words) -> Shape {
        match self {
            Self::Outcomes => rows::outcome(words),
            Self::Runs => rows::run(words),
            Self::Scans => rows::scan(words),
            Self::Findings => findings::finding(),
            Self::Diff => findings::difference(),
            Self::Profiles => rows::profile(),
            Self::Backends => rows::support(words),
            Self::Schemas => rows::schema(),
            Self::Error => rows::error_line(words),
            Self::Log => rows::log_line(),
        }
    }

    /// The schema of what `-f json` prints; of a line, where it is only ever printed line by line.
    pub fn document(self, words: &Words) -> Value {
        if !self.has_document() {
            return self.line(words);
        }
        let Shape { schema: item, parts } = self.item(words);
        let mut schema = object(
            "What one call printed.",
            [
                ("schema_version", constant(VERSION, "Keys are only ever added under the same version.")),
                ("kind", constant(self.name(), "What the items are.")),
                ("complete", json!({ "type": "boolean", "description": "Whether everything was read to its end." })),
                ("items", json!({ "type": "array", "items": { "$ref": "#/$defs/item" } })),
            ],
        );
        schema["$defs"] = json!({ "item": item });
        self.whole(schema, parts, "")
    }

    /// The schema of one line of what `-f ndjson` prints.
    pub fn line(self, words: &Words) -> Value {
        let Shape { schema: item, parts } = self.item(words);
        if !self.has_document() {
            return self.whole(item, parts, "");
        }
        let end = object(
            "The last line of what is not complete; there is none after a complete one.",
            [("kind", constant("end", "Tells it from an item.")), ("complete", constant(false, "Always false."))],
        );
        let schema = json!({
            "description": "One line: an item, or the mark that the items are not complete.",
            "oneOf": [{ "$ref": "#/$defs/item" }, { "$ref": "#/$defs/end" }],
            "$defs": { "item": item, "end": end },
        });
        self.whole(schema, parts, ":line")
    }

    fn whole(self, schema: Value, parts: Vec<(&'static str, Value)>, suffix: &str) -> Value {
        let mut whole = json!({
            "$schema": DIALECT,
            "$id": format!("urn:scanctl:schema:{VERSION}:{}{suffix}", self.name()),
            "title": format!("scanctl {}", self.name()),
        });
        if let (Value::Object(whole), Value::Object(schema)) = (&mut whole, schema) {
            whole.extend(schema);
        }
        for (name, part) in parts {
            whole["$defs"][name] = part;
        }
        whole
    }
}

impl std::str::FromStr for Kind {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let names = Self::ALL.map(Self::name);
        Self::ALL.into_iter().find(|kind| kind.name() == text).ok_or_else(|| {
            let error = Error::usage(format!("there is no schema `{text}`"));
            match nearest(text, names) {
                Some(near) => error.hint(format!("did you mean `{near}`?")),
                None => error.hint(format!("the schemas are {}", names.join(", "))),
            }
        })
    }
}

#[cfg(test)]
mod tests;
