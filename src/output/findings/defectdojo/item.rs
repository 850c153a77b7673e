//! A finding as an item of the import: only keys that the import takes.

use std::borrow::Cow;
use std::net::IpAddr;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;

use super::super::Change;
use super::super::facts::{self, plausible};
use super::super::scores::{version_2, version_3, version_4};
use super::super::states::{Standing, standing};
use super::super::summary::{check_name, host_name};
use super::texts::{fenced, inert, limited, line, plain};
use super::titles::title;
use crate::findings::{Details, Finding, Severity, SeveritySource};

/// Lengths of DefectDojo's columns, in characters.
const SERVICE: usize = 200;
const TOOL_ID: usize = 500;
const VECTOR_3: usize = 117;
const HOST: usize = 256;
/// The schemes that DefectDojo knows.
const SCHEMES: [&str; 31] = [
    "ftp", "ftps", "http", "https", "icmp", "imap", "imaps", "ipp", "irc", "ldap", "ldaps", "mqtt", "mqtts", "nntp",
    "nntps", "openvpn", "pop3", "pop3s", "rdp", "rtsp", "sftp", "sip", "sips", "smb", "smtp", "smtps", "snmp", "ssh",
    "telnet", "tftp", "vnc",
];

#[derive(Serialize)]
pub(super) struct Item<'a> {
    title: String,
    severity: &'static str,
    description: Cow<'a, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    date: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    vuln_id_from_tool: Option<Cow<'a, str>>,
    unique_id_from_tool: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    cvssv3: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cvssv3_score: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cvssv4: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cvssv4_score: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    epss_score: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    severity_justification: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mitigation: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    references: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    steps_to_reproduce: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cve: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    vulnerability_ids: Vec<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cwe: Option<u16>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    cwes: Vec<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    publish_date: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    known_exploited: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fix_available: Option<bool>,
    active: bool,
    verified: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    is_mitigated: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mitigated: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    risk_accepted: Option<bool>,
    static_finding: bool,
    dynamic_finding: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    service: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tags: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    endpoints: Option<[Endpoint<'a>; 1]>,
}

#[derive(Serialize)]
struct Endpoint<'a> {
    host: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    port: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    protocol: Option<&'a str>,
}

/// The item; `suffix` ends its title, `run_time` is when its run was.
pub(super) fn item<'a>(
    finding: &'a Finding<'_>,
    change: Option<Change>,
    suffix: &str,
    run_time: Option<Timestamp>,
) -> Item<'a> {
    let Finding { host, details, origin, .. } = *finding;
    let scanned_at = plausible(host.ended_at).or(plausible(host.started_at)).or(plausible(run_time));
    let standing = standing(details.state.as_deref(), change);
    let is_gone = standing == Some(Standing::Gone);
    let is_accepted = standing == Some(Standing::Accepted);
    let three = details.cvss3.as_ref().map(version_3);
    let four = details.cvss4.as_ref().map(version_4);
    let cves: Vec<&str> = facts::cves(details).collect();
    let cwes: Vec<u16> = facts::cwes(details).collect();
    let (first_seen, last_seen) = (plausible(details.first_seen), plausible(details.last_seen));
    Item {
        title: title(finding, suffix),
        severity: severity(details.severity),
        description: description(finding),
        date: first_seen.or(scanned_at).map(day),
        vuln_id_from_tool: details.plugin_id.as_deref().map(|id| plain(id)).map(|id| limited(id, TOOL_ID)),
        unique_id_from_tool: finding.id.to_string(),
        cvssv3: three.and_then(|score| score.vector).filter(|vector| vector.len() <= VECTOR_3),
        cvssv3_score: three.and_then(|score| score.base),
        cvssv4: four.and_then(|score| score.vector),
        cvssv4_score: four.and_then(|score| score.base),
        epss_score: facts::epss(details),
        severity_justification: justification(finding),
        mitigation: details
            .solution
            .as_deref()
            .or_else(|| details.compliance.as_ref()?.solution.as_deref())
            .filter(|text| !text.trim().is_empty())
            .map(inert),
        references: references(details),
        steps_to_reproduce: details.output.as_deref().filter(|text| !text.trim().is_empty()).map(fenced),
        cve: cves.first().copied(),
        vulnerability_ids: cves,
        cwe: cwes.first().copied(),
        cwes,
        publish_date: details.dates.vulnerability_published.as_deref().and_then(vendor_day),
        known_exploited: details.exploit.cisa_known.is_some().then_some(true),
        fix_available: details.dates.patch_published.is_some().then_some(true),
        active: !is_gone && !is_accepted,
        verified: false,
        is_mitigated: is_gone.then_some(true),
        mitigated: is_gone
            .then(|| last_seen.or(scanned_at).unwrap_or_else(Timestamp::now))
            .map(|time| time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()),
        risk_accepted: is_accepted.then_some(true),
        static_finding: false,
        dynamic_finding: true,
        service: origin.profile.as_deref().map(|profile| limited(plain(profile), SERVICE)),
        tags: tags(finding),
        endpoints: endpoint(finding).map(|endpoint| [endpoint]),
    }
}

/// What the vendor says of the check, without what differs from run to run: a compliance check's own description
/// repeats what was found on the host.
fn description<'a>(finding: &'a Finding<'_>) -> Cow<'a, str> {
    let details = finding.details;
    let text = |text: Option<&'a str>| text.filter(|text| !text.trim().is_empty());
    if let Some(compliance) = &details.compliance {
        let told = [compliance.check_name.as_deref(), compliance.info.as_deref(), compliance.reference.as_deref()];
        let told: Vec<Cow<'_, str>> = told.into_iter().filter_map(text).map(inert).collect();
        if !told.is_empty() {
            return told.join("\n\n").into();
        }
    }
    match (text(details.synopsis.as_deref()), text(details.description.as_deref())) {
        (Some(synopsis), Some(description)) => format!("{}\n\n{}", inert(synopsis), inert(description)).into(),
        (Some(one), None) | (None, Some(one)) => inert(one),
        (None, None) => inert(check_name(finding)),
    }
}

fn justification(finding: &Finding<'_>) -> Option<String> {
    let details = finding.details;
    let mut lines = Vec::new();
    if details.severity_source == SeveritySource::Derived {
        lines.push("The severity was derived from a score; the vendor gives none.".to_owned());
    }
    if let Some(vpr) = facts::vpr(details) {
        lines.push(format!("Tenable VPR {vpr}"));
    }
    let two = details.cvss2.as_ref().map(version_2);
    match two.map(|two| (two.base, two.vector)) {
        Some((Some(base), Some(vector))) => lines.push(format!("CVSS 2.0 base score {base} ({vector})")),
        Some((Some(base), None)) => lines.push(format!("CVSS 2.0 base score {base}")),
        Some((None, Some(vector))) => lines.push(format!("CVSS 2.0 {vector}")),
        _ => {}
    }
    if let Some(ease) = details.exploit.ease.as_deref().filter(|ease| !ease.trim().is_empty()) {
        lines.push(inert(&line(ease, 200)).into_owned());
    } else if details.exploit.available == Some(true) {
        lines.push("An exploit is available.".to_owned());
    }
    (!lines.is_empty()).then(|| lines.join("\n"))
}

fn references(details: &Details<'_>) -> Option<String> {
    let audit = details.compliance.as_ref().and_then(|compliance| compliance.see_also.as_ref());
    let all: Vec<Cow<'_, str>> = details
        .see_also
        .iter()
        .chain(audit)
        .chain(&details.xrefs)
        .filter(|text| !text.trim().is_empty())
        .map(|text| inert(text))
        .collect();
    (!all.is_empty()).then(|| all.join("\n"))
}

fn tags(finding: &Finding<'_>) -> Vec<String> {
    let Finding { details, origin, .. } = *finding;
    let mut tags = Vec::new();
    let mut tag = |name: &str, value: &str| {
        let harmless = |symbol: char| match symbol {
            ' ' | ',' | '\'' | '"' => '-',
            symbol if symbol.is_whitespace() || crate::text::has_power(symbol) => '-',
            symbol => symbol,
        };
        let value: String = value.trim().chars().take(100).map(harmless).collect();
        if !value.is_empty() {
            tags.push(format!("{name}:{value}"));
        }
    };
    tag("backend", origin.backend.as_deref().unwrap_or_default());
    tag("profile", origin.profile.as_deref().unwrap_or_default());
    if let Some(vpr) = facts::vpr(details) {
        tag("vpr", &vpr.to_string());
    }
    if let Some(time) = plausible(details.last_seen) {
        tag("last-seen", &day(time));
    }
    tag("state", details.state.as_deref().unwrap_or_default());
    tags
}

fn endpoint<'a>(finding: &'a Finding<'_>) -> Option<Endpoint<'a>> {
    let Finding { host, details, .. } = *finding;
    let candidates = [host_name(finding), host.ip.as_deref().unwrap_or_default(), &host.name];
    let host = candidates.into_iter().find(|host| is_host(host))?;
    let protocol = details.service.as_deref().map(|service| service.trim_end_matches('?'));
    let protocol = protocol.and_then(|service| SCHEMES.into_iter().find(|scheme| service.eq_ignore_ascii_case(scheme)));
    let transport = || {
        let transport = details.protocol.as_deref()?;
        ["tcp", "udp", "icmp"].into_iter().find(|known| transport.eq_ignore_ascii_case(known))
    };
    Some(Endpoint { host, port: details.port.filter(|port| *port > 0), protocol: protocol.or_else(transport) })
}

fn is_host(text: &str) -> bool {
    let is_name = |text: &str| {
        let strange =
            |symbol: char| symbol.is_whitespace() || crate::text::has_power(symbol) || "/@:?#[]\\".contains(symbol);
        !text.is_empty() && text.chars().count() <= HOST && !text.contains(strange)
    };
    text.parse::<IpAddr>().is_ok() || is_name(text)
}

const fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Info => "Info",
        Severity::Low => "Low",
        Severity::Medium => "Medium",
        Severity::High => "High",
        Severity::Critical => "Critical",
    }
}

fn day(time: Timestamp) -> String {
    time.to_zoned(TimeZone::UTC).strftime("%Y-%m-%d").to_string()
}

/// A day as the vendor writes it, `2024/03/31`.
fn vendor_day(text: &str) -> Option<String> {
    let date = jiff::civil::Date::strptime("%Y/%m/%d", text.trim()).ok()?;
    (date.year() >= 1900).then(|| date.to_string())
}
