//! The shapes of findings and of what differs between two reports.

use serde_json::{Value, json};

use super::parts::{
    Shape, list, maybe_boolean, maybe_part, maybe_score, maybe_text, maybe_time, maybe_word, object, part, word,
};
use crate::findings::baseline::Change;
use crate::findings::{Severity, SeveritySource};
use crate::output::findings::Column;

fn severities() -> impl Iterator<Item = &'static str> {
    Severity::ALL.into_iter().rev().map(Severity::name)
}

fn strings(description: &str) -> Value {
    list(json!({ "type": "string" }), description)
}

/// What stands under a key of a finding.
fn value(column: Column) -> Value {
    match column {
        Column::Id => json!({
            "type": "string",
            "pattern": "^[0-9a-f]{32}$",
            "description": "The same for the same problem from run to run, and from file to API.",
        }),
        Column::Profile => maybe_text("The profile; null for a local file."),
        Column::Backend => maybe_text("Its backend; null for a local file."),
        Column::Scan => maybe_text("The scan's id."),
        Column::Run => maybe_text("The run's id."),
        Column::Host => json!({
            "type": "string",
            "description": "Full name, else address, else what the report calls it.",
        }),
        Column::Ip => maybe_text("The address."),
        Column::Port => json!({
            "type": ["integer", "null"],
            "minimum": 0,
            "maximum": u16::MAX,
            "description": "The port; 0 where it concerns the host as a whole.",
        }),
        Column::Protocol => maybe_text("`tcp`, `udp`, `icmp`."),
        Column::Service => maybe_text("The service, as the scanner guessed it."),
        Column::PluginId => maybe_text("The check's id; null for an open port that no check reported."),
        Column::PluginName => maybe_text("The check's name."),
        Column::PluginFamily => maybe_text("The check's family."),
        Column::Severity => word(severities(), "How bad."),
        Column::SeveritySource => {
            word(SeveritySource::ALL.map(SeveritySource::name), "Who says so: the vendor, or the program from a score.")
        }
        Column::Cvss2 => maybe_part("cvss", "CVSS version 2."),
        Column::Cvss3 => maybe_part("cvss", "CVSS version 3."),
        Column::Cvss4 => maybe_part("cvss", "CVSS version 4."),
        Column::Vpr => maybe_score(10.0, "Vulnerability priority rating."),
        Column::Epss => maybe_score(1.0, "Exploit prediction score."),
        Column::Cves => strings("CVE ids."),
        Column::Cwes => strings("CWE numbers."),
        Column::Synopsis => maybe_text("One sentence."),
        Column::Description => maybe_text("What it is about."),
        Column::Solution => maybe_text("What to do."),
        Column::SeeAlso => strings("Links."),
        Column::Output => maybe_text("What was seen on this host."),
        Column::ExploitAvailable => maybe_boolean("Whether an exploit is known."),
        Column::Compliance => maybe_part("compliance", "Set on a row of a compliance audit."),
        Column::FirstSeen => maybe_time("When it was first seen on this host."),
        Column::LastSeen => maybe_time("When it was last seen on this host."),
        Column::State => maybe_text("The vendor's word for its state."),
    }
}

fn plain_finding() -> Value {
    object("One row of a result.", Column::ALL.map(|column| (column.name(), value(column))))
}

fn parts() -> Vec<(&'static str, Value)> {
    let cvss = object(
        "A CVSS rating.",
        [
            ("score", maybe_score(10.0, "The base score.")),
            ("vector", maybe_text("The base vector.")),
            ("temporal_score", maybe_score(10.0, "The temporal score.")),
            ("temporal_vector", maybe_text("The temporal vector.")),
        ],
    );
    let compliance = object(
        "A check of an audit.",
        [
            ("check_id", maybe_text("The check's id.")),
            ("check_name", maybe_text("The check's name.")),
            ("result", maybe_text("The vendor's word: `PASSED`, `FAILED`, `WARNING`, …")),
            ("actual_value", maybe_text("What was found.")),
            ("policy_value", maybe_text("What should be.")),
            ("info", maybe_text("What it is about.")),
            ("solution", maybe_text("What to do.")),
            ("audit_file", maybe_text("The audit that asks for it.")),
            ("reference", maybe_text("Where it stands in which standards.")),
            ("see_also", maybe_text("Links.")),
            ("error", maybe_text("Why the check could not tell, or not for sure.")),
        ],
    );
    vec![("cvss", cvss), ("compliance", compliance)]
}

pub(super) fn finding() -> Shape {
    Shape { schema: plain_finding(), parts: parts() }
}

pub(super) fn difference() -> Shape {
    let [new, changed, ..] = Change::ALL.map(Change::name);
    let mut schema = object(
        "A finding of either report, and how it differs.",
        [
            ("change", word(Change::ALL.map(Change::name), "How the newer report differs from the older one.")),
            ("severity_before", maybe_word(severities(), "That of the older report; null where it has none such.")),
            ("finding", part("finding")),
        ],
    );
    schema["if"] = json!({ "properties": { "change": { "const": new } } });
    schema["then"] = json!({ "properties": { "severity_before": { "type": "null" } } });
    schema["else"] = json!({ "properties": { "severity_before": { "type": "string" } } });
    schema["properties"]["finding"]["description"] =
        json!(format!("Of the newer report where it is {new}, {changed} or unchanged, else of the older one."));
    let mut parts = parts();
    parts.push(("finding", plain_finding()));
    Shape { schema, parts }
}
