//! One finding as a SARIF result.

use jiff::Timestamp;
use serde::Serialize;

use super::super::Change;
use super::super::facts;
use super::super::out::time;
use super::place::{Anchor, port, qualified};
use super::rule::title;
use crate::findings::{Finding, Host, Severity};
use crate::text::has_power;

/// Characters of a plugin's name in a message.
const LONGEST_TITLE: usize = 255;
/// Characters of a host's name; a name of the DNS has no more.
const LONGEST_HOST: usize = 255;
/// Characters of the output. It is there for a first look: GitHub shows none of it.
const LONGEST_OUTPUT: usize = 500;
/// References of one finding.
const MOST_REFERENCES: usize = 50;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Body<'a> {
    level: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    baseline_state: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rank: Option<f64>,
    message: Message,
    locations: [Location<'a>; 1],
    partial_fingerprints: PartialFingerprints,
    fingerprints: Fingerprints,
    #[serde(skip_serializing_if = "Provenance::is_empty")]
    provenance: Provenance,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    suppressions: &'static [Suppression],
    #[serde(skip_serializing_if = "Properties::is_empty")]
    properties: Properties,
}

#[derive(Serialize)]
struct Message {
    text: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Location<'a> {
    physical_location: &'a Anchor,
    #[serde(skip_serializing_if = "Option::is_none")]
    logical_locations: Option<[LogicalLocation; 1]>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct LogicalLocation {
    fully_qualified_name: String,
    kind: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PartialFingerprints {
    primary_location_line_hash: String,
}

#[derive(Serialize)]
struct Fingerprints {
    #[serde(rename = "scanctl/v1")]
    first_version: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Provenance {
    #[serde(skip_serializing_if = "Option::is_none")]
    first_detection_time_utc: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_detection_time_utc: Option<Timestamp>,
}

impl Provenance {
    fn is_empty(&self) -> bool {
        self.first_detection_time_utc.is_none() && self.last_detection_time_utc.is_none()
    }
}

#[derive(Serialize)]
struct Suppression {
    kind: &'static str,
}

/// Accepted where the finding comes from, and not in the source.
const ACCEPTED: &[Suppression] = &[Suppression { kind: "external" }];

#[derive(Default, PartialEq, Serialize)]
struct Properties {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    cves: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    vpr: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    epss: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    exploit_available: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    compliance: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    output: Option<String>,
}

impl Properties {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// What follows a result's rule, without the brace that begins the object.
pub(super) fn body(finding: &Finding<'_>, change: Option<Change>, anchor: &Anchor) -> Box<[u8]> {
    let details = finding.details;
    let [host, ip] = host_names(finding.host);
    let id = finding.id.to_string();
    let vpr = facts::vpr(details);
    let references = facts::cves(details).take(MOST_REFERENCES).map(str::to_owned);
    let is_accepted = details.state.as_deref().is_some_and(|state| state.eq_ignore_ascii_case("accepted"));
    let body = Body {
        level: level(details.severity),
        baseline_state: change.map(|change| match change {
            Change::New => "new",
            Change::Unchanged => "unchanged",
            Change::Changed => "updated",
            // SARIF's word for both says only that it is not in the newer report.
            Change::Fixed | Change::Unseen => "absent",
        }),
        rank: vpr.map(|vpr| (vpr * 100.0).round() / 10.0),
        message: Message {
            text: match change {
                Some(Change::Unseen) => {
                    format!("{}, no longer seen, not known to be closed", message(finding, &host, &ip))
                }
                _ => message(finding, &host, &ip),
            },
        },
        locations: [Location {
            physical_location: anchor,
            logical_locations: qualified(&host, details)
                .map(|fully_qualified_name| [LogicalLocation { fully_qualified_name, kind: "resource" }]),
        }],
        partial_fingerprints: PartialFingerprints {
            primary_location_line_hash: format!("{}:1", id.get(..16).unwrap_or_default()),
        },
        fingerprints: Fingerprints { first_version: id },
        provenance: Provenance {
            first_detection_time_utc: time(details.first_seen),
            last_detection_time_utc: time(details.last_seen),
        },
        suppressions: if is_accepted { ACCEPTED } else { &[] },
        properties: Properties {
            cves: references.collect(),
            vpr,
            epss: facts::epss(details),
            exploit_available: details.exploit.available,
            compliance: details.compliance.as_ref().and_then(|check| line(check.result.as_deref()?, 40)),
            output: details.output.as_deref().and_then(|output| text(output, LONGEST_OUTPUT)),
        },
    };
    // Plain data in memory has no way to fail.
    let mut bytes = serde_json::to_vec(&body).unwrap_or_default();
    if !bytes.is_empty() {
        bytes.remove(0);
    }
    bytes.into_boxed_slice()
}

/// What a host is called, and its address; empty where that is not known.
pub(super) fn host_names(host: &Host<'_>) -> [String; 2] {
    [host.label(), host.ip.as_deref().unwrap_or_default()].map(|name| line(name, LONGEST_HOST).unwrap_or_default())
}

/// `NAME on HOST (IP) 443/tcp`.
fn message(finding: &Finding<'_>, host: &str, ip: &str) -> String {
    let mut text = title(finding.details, LONGEST_TITLE);
    if !host.is_empty() {
        text.push_str(" on ");
        text.push_str(host);
    }
    if !ip.is_empty() && ip != host {
        text.push_str(&format!(" ({ip})"));
    }
    if let Some(port) = port(finding.details) {
        text.push(' ');
        text.push_str(&port);
    }
    // Square brackets before round ones would be a link.
    text.replace("](", "] (")
}

/// SARIF's word for how bad it is.
pub(super) const fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical | Severity::High => "error",
        Severity::Medium => "warning",
        Severity::Low | Severity::Info => "note",
    }
}

/// A vendor's text in one harmless line of at most so many characters; none where nothing is left.
pub(super) fn line(text: &str, most: usize) -> Option<String> {
    cut(text.chars().map(|symbol| if symbol.is_whitespace() { ' ' } else { symbol }), most)
}

/// The same with its lines.
pub(super) fn text(text: &str, most: usize) -> Option<String> {
    cut(text.chars(), most)
}

/// White space around is left out, and what does not fit is told by an ellipsis.
fn cut(symbols: impl Iterator<Item = char>, most: usize) -> Option<String> {
    let harmless = |symbol| if has_power(symbol) && !matches!(symbol, '\n' | '\t') { '\u{fffd}' } else { symbol };
    let mut symbols = symbols.skip_while(|symbol| symbol.is_whitespace()).map(harmless);
    let mut text: String = symbols.by_ref().take(most).collect();
    if symbols.any(|symbol| !symbol.is_whitespace()) {
        text.pop();
        text.truncate(text.trim_end().len());
        text.push('…');
    }
    text.truncate(text.trim_end().len());
    Some(text).filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_cut_at_characters_and_harmless() {
        assert_eq!(line(" a\n b\t", 10).unwrap(), "a  b");
        assert_eq!(text("\n a\n b\t", 10).unwrap(), "a\n b");
        assert_eq!(line("äöüß", 4).unwrap(), "äöüß");
        assert_eq!(line("äöüßé", 4).unwrap(), "äöü…");
        assert_eq!(line("ab  \u{1b}x", 4).unwrap(), "ab…");
        assert_eq!(line("a\u{1b}[2J\0", 10).unwrap(), "a\u{fffd}[2J\u{fffd}");
        assert_eq!(line("abc    ", 3).unwrap(), "abc");
        assert_eq!(line(" \u{2029}\n", 10), None);
    }
}
