//! The filters of an analysis. Not for paging or sorting.

use serde_json::Value;

use super::super::records::Record;
use super::super::targets;
use super::super::wire::{Refusal, integer};
use super::Row;

/// Every filter of the `vuln` type that this sandbox knows. Those without an arm in [`takes`] are accepted and keep
/// everything.
const NAMES: &[&str] = &[
    "repository",
    "repositoryIDs",
    "asset",
    "assetID",
    "ip",
    "dnsName",
    "port",
    "protocol",
    "pluginID",
    "pluginName",
    "pluginText",
    "pluginOutput",
    "family",
    "familyID",
    "severity",
    "cveID",
    "baseCVSSScore",
    "cvssV3BaseScore",
    "vprScore",
    "exploitAvailable",
    "firstSeen",
    "lastSeen",
    "lastMitigated",
    "pluginPublished",
    "pluginModified",
    "vulnPublished",
    "patchPublished",
    "acceptRiskStatus",
    "recastRiskStatus",
    "mitigatedStatus",
    "wasVuln",
    "uuid",
    "hostUUID",
    "tcpport",
    "udpport",
    "xref",
    "policyID",
    "pluginType",
];

/// Keeps the rows that pass every filter.
///
/// # Errors
/// When a filter is unknown or not of the form name, operator, value.
pub(super) fn apply(rows: Vec<Row>, filters: Option<&Value>) -> Result<Vec<Row>, Refusal> {
    let none = Vec::new();
    let filters = match filters {
        None => &none,
        Some(Value::Array(filters)) => filters,
        Some(_) => return Err(Refusal::because("Invalid value for attribute 'filters': a list.")),
    };
    let mut kept = rows;
    for filter in filters {
        let name = filter.get("filterName").and_then(Value::as_str).unwrap_or_default();
        if !NAMES.contains(&name) {
            return Err(Refusal::because(format!(
                "Invalid parameters specified for vuln query.  The filter '{name}' is invalid (valid filters: {}).",
                NAMES.join(", ")
            )));
        }
        let operator = filter.get("operator").and_then(Value::as_str).unwrap_or("=");
        if !matches!(operator, "=" | "!=" | ">=" | "<=" | ">" | "<" | "~" | "~=" | "pcre") {
            return Err(Refusal::because(format!("Invalid operator '{operator}' of the filter '{name}'.")));
        }
        let value = filter.get("value").unwrap_or(&Value::Null);
        let wanted = words(value);
        kept.retain(|row| takes(row, name, operator, &wanted));
    }
    Ok(kept)
}

/// The value of a filter as a list of words: a comma-separated string, a number, an object with an id, or a list.
fn words(value: &Value) -> Vec<String> {
    match value {
        Value::Null => Vec::new(),
        Value::String(text) => text.split(',').map(|word| word.trim().to_owned()).collect(),
        Value::Array(list) => list.iter().flat_map(words).collect(),
        Value::Object(object) => object.get("id").map(words).unwrap_or_default(),
        other => vec![other.to_string()],
    }
}

fn takes(row: &Row, name: &str, operator: &str, wanted: &[String]) -> bool {
    let record = &row.record;
    let number = |actual: i64| numeric(actual, operator, wanted);
    let text = |actual: &str| {
        let actual = actual.to_lowercase();
        let any = wanted.iter().any(|word| actual.contains(&word.to_lowercase()));
        if operator == "!=" { !any } else { any }
    };
    match name {
        "severity" => number(record.severity.into()),
        "pluginID" => number(i64::try_from(record.plugin).unwrap_or(i64::MAX)),
        "port" => number(record.port.into()),
        "tcpport" => record.protocol == "tcp" && number(record.port.into()),
        "udpport" => record.protocol == "udp" && number(record.port.into()),
        "repository" | "repositoryIDs" => number(i64::try_from(row.repository).unwrap_or(i64::MAX)),
        "familyID" => number(super::tools::family_id(&record.family)),
        "protocol" => {
            let known = super::tools::protocol_number(&record.protocol);
            let any =
                wanted.iter().any(|word| word.eq_ignore_ascii_case(&record.protocol) || *word == known.to_string());
            any != (operator == "!=")
        }
        "ip" => targets::outside(&record.ip, &wanted.join(",")).is_empty() != (operator == "!="),
        "family" => text(&record.family),
        "pluginName" => text(&record.name),
        "pluginText" | "pluginOutput" => text(&record.output),
        "dnsName" => text(&record.dns),
        "cveID" => text(&record.cve),
        "xref" => text(&record.xref),
        "exploitAvailable" => wanted.iter().any(|word| (word == "true") == record.exploit),
        "baseCVSSScore" => score(record, |record| &record.cvss2, wanted),
        "cvssV3BaseScore" => score(record, |record| &record.cvss3, wanted),
        "vprScore" => score(record, |record| &record.vpr, wanted),
        // Nothing here comes from a web application scan.
        "wasVuln" => !wanted.iter().any(|word| word == "onlyWas"),
        _ => true,
    }
}

fn numeric(actual: i64, operator: &str, wanted: &[String]) -> bool {
    let numbers = || wanted.iter().filter_map(|word| integer(&Value::from(word.as_str())));
    match operator {
        "!=" => numbers().all(|number| number != actual),
        ">=" => numbers().all(|number| actual >= number),
        "<=" => numbers().all(|number| actual <= number),
        ">" => numbers().all(|number| actual > number),
        "<" => numbers().all(|number| actual < number),
        _ => numbers().any(|number| number == actual),
    }
}

/// Scores are asked for as `7.0-10.0`.
fn score(record: &Record, of: impl Fn(&Record) -> &String, wanted: &[String]) -> bool {
    let Ok(actual) = of(record).parse::<f64>() else { return false };
    wanted.iter().any(|word| {
        let (from, to) = word.split_once('-').unwrap_or((word, word));
        matches!((from.parse::<f64>(), to.parse::<f64>()), (Ok(from), Ok(to)) if (from..=to).contains(&actual))
    })
}
