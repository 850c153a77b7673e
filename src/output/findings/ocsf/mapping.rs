//! A finding as an event.

use std::net::IpAddr;

use jiff::Timestamp;

use super::super::Change;
use super::super::document::cut;
use super::super::facts::{self, plausible};
use super::super::scores::{Score, version_2, version_3, version_4};
use super::super::states::{Standing, standing};
use super::super::summary::{check_name, host_name, is_open_port, place_of};
use super::Report;
use super::event::*;
use crate::findings::{Finding, Severity, Source};

/// More of one text is cut off.
const LONGEST_TEXT: usize = 16 * 1024;
/// More of a name is cut off.
const LONGEST_NAME: usize = 1024;
/// So much may the repeated texts of one event be.
const MOST_REPEATED: usize = 64 * 1024;

/// More weaknesses of one check are left out: each of its CVE entries repeats them.
const MOST_CWES: usize = 32;

/// Texts of one event, cut where they are too long.
#[derive(Default)]
struct Texts {
    is_truncated: bool,
}

impl Texts {
    fn most<'a>(&mut self, text: &'a str, most: usize) -> &'a str {
        let (text, is_cut) = cut(text, most);
        self.is_truncated |= is_cut;
        text
    }

    fn long<'a>(&mut self, text: Option<&'a str>) -> Option<&'a str> {
        text.filter(|text| !text.trim().is_empty()).map(|text| self.most(text, LONGEST_TEXT))
    }

    fn name<'a>(&mut self, text: Option<&'a str>) -> Option<&'a str> {
        text.filter(|text| !text.trim().is_empty()).map(|text| self.most(text, LONGEST_NAME))
    }
}

pub(super) fn event<'a>(finding: &'a Finding<'_>, change: Option<Change>, report: &'a Report) -> Event<'a> {
    let Finding { host, details, origin, .. } = *finding;
    let texts = &mut Texts::default();
    let (activity_id, status_id) = match standing(details.state.as_deref(), change) {
        None => (1, None),
        Some(Standing::New) => (1, Some(1)),
        Some(Standing::Accepted) => (1, Some(3)),
        Some(Standing::Changed | Standing::Unchanged) => (2, None),
        Some(Standing::Gone) => (3, Some(4)),
    };
    let last_seen = milliseconds(details.last_seen);
    let first_seen = milliseconds(details.first_seen).filter(|first| last_seen.is_none_or(|last| *first <= last));
    let (time, time_source) = [
        (last_seen, "finding"),
        ([host.ended_at, host.started_at].into_iter().find_map(milliseconds), "host"),
        (report.time, "run"),
    ]
    .into_iter()
    .find_map(|(time, source)| Some((time?, source)))
    .unwrap_or((report.written, "written"));
    let title = texts.most(check_name(finding), LONGEST_NAME);
    let plugin = texts.name(details.plugin_id.as_deref());
    let place = place_of(finding);
    let message = format!("{title} on {}", texts.most(&place, LONGEST_NAME));
    let address = [host.ip.as_deref(), Some(&host.name)].into_iter().flatten().find_map(address);
    let hostname =
        texts.name(host.fqdn.as_deref().or_else(|| Some(&*host.name).filter(|name| self::address(name).is_none())));
    let name = texts.most(host_name(finding), LONGEST_NAME);
    let port = details.port.filter(|port| *port > 0);
    let mut observables = Vec::with_capacity(3);
    if let Some(hostname) = hostname {
        observables.push(Observable { type_id: 1, name: Some("resources[0].hostname"), value: hostname.to_owned() });
    }
    if let Some(address) = &address {
        observables.push(Observable { type_id: 2, name: Some("resources[0].ip"), value: address.clone() });
    }
    if let Some(port) = port {
        observables.push(Observable { type_id: 11, name: None, value: port.to_string() });
    }
    let scores = scores(finding);
    let epss = facts::epss(details);
    let has_cve = facts::cves(details).next().is_some();
    let vulnerabilities = vulnerabilities(
        finding,
        texts,
        &Common { title, plugin, first_seen, last_seen, scores: &scores, epss, has_cve },
    );
    let unplaced = scores
        .iter()
        .filter(|score| !has_cve || score.version.is_none() || score.base.is_none())
        .filter(|score| score.base.is_some() || score.vector.is_some())
        .map(|score| Unplaced {
            version: score.version.unwrap_or("3"),
            base_score: score.base,
            vector_string: score.vector,
        })
        .collect();
    let compliance = details.compliance.as_deref().map(|compliance| Compliance {
        check: texts.name(compliance.check_id.as_deref()),
        result: texts.name(compliance.result.as_deref()),
        actual_value: texts.long(compliance.actual_value.as_deref()),
        policy_value: texts.long(compliance.policy_value.as_deref()),
        error: texts.long(compliance.error.as_deref()),
    });
    let desc = texts.long(details.description.as_deref());
    let output = texts.long(details.output.as_deref());
    let category = texts.name(details.plugin_family.as_deref());
    let unmapped = Unmapped {
        port: details.port,
        protocol: texts.name(details.protocol.as_deref()),
        service: texts.name(details.service.as_deref()),
        operating_system: texts.name(host.os.as_deref()),
        vpr: facts::vpr(details),
        epss: epss.filter(|_| !has_cve),
        cvss: unplaced,
        state: texts.name(details.state.as_deref()),
        compliance,
        output,
        scanctl: Ours {
            profile: origin.profile.as_deref(),
            backend: origin.backend.as_deref(),
            scan: origin.scan.as_deref(),
            report: &report.address,
            severity_source: details.severity_source.name(),
            time_source,
            baseline: change.map(Change::name),
        },
    };
    Event {
        activity_id,
        category_uid: 2,
        class_uid: 2002,
        type_uid: 200_200 + u32::from(activity_id),
        severity_id: 1 + details.severity as u8,
        time,
        status_id,
        message,
        metadata: Metadata {
            version: "1.8.0",
            product: Product { name: report.product, vendor_name: vendor(origin.source) },
            loggers: [Logger { name: "scanctl", version: env!("CARGO_PKG_VERSION") }],
            correlation_uid: origin.run.as_deref(),
            event_code: plugin,
            labels: &report.labels,
            is_truncated: texts.is_truncated,
        },
        finding_info: FindingInfo {
            uid: finding.id.to_string(),
            title,
            desc,
            first_seen_time: first_seen,
            last_seen_time: last_seen,
            analytic: Analytic { type_id: 1, uid: plugin, name: title, category },
        },
        resources: [Resource {
            uid: host.uuid.as_deref().filter(|uid| !uid.is_empty()),
            name,
            hostname,
            ip: address,
            role_id: 3,
        }],
        observables,
        vulnerabilities,
        unmapped,
    }
}

/// What all entries of one event have in common.
struct Common<'a, 's> {
    title: &'a str,
    plugin: Option<&'a str>,
    first_seen: Option<i64>,
    last_seen: Option<i64>,
    scores: &'s [Score<'a>],
    epss: Option<f64>,
    has_cve: bool,
}

fn vulnerabilities<'a>(finding: &'a Finding<'_>, texts: &mut Texts, common: &Common<'a, '_>) -> Vec<Vulnerability<'a>> {
    let Finding { details, origin, .. } = *finding;
    let vendor_name = vendor(origin.source);
    let mut references_left = LONGEST_TEXT;
    let mut references = Vec::with_capacity(details.see_also.len());
    for link in details.see_also.iter().filter(|link| !link.is_empty()) {
        let Some(left) = references_left.checked_sub(link.len()) else {
            texts.is_truncated = true;
            break;
        };
        references_left = left;
        references.push(&**link);
    }
    let mut cwes = facts::cwes(details);
    let related_cwes: Vec<Cwe> = cwes.by_ref().take(MOST_CWES).map(|cwe| Cwe { uid: format!("CWE-{cwe}") }).collect();
    texts.is_truncated |= cwes.next().is_some();
    let mut entry = Vulnerability {
        title: Some(common.title),
        desc: texts.long(details.synopsis.as_deref()),
        severity: caption(details.severity),
        vendor_name,
        first_seen_time: common.first_seen,
        last_seen_time: common.last_seen,
        remediation: texts
            .long(details.solution.as_deref().or_else(|| details.compliance.as_ref()?.solution.as_deref()))
            .map(|desc| Remediation { desc }),
        references,
        is_fix_available: details.dates.patch_published.is_some().then_some(true),
        is_exploit_available: details.exploit.available,
        cve: None,
        advisory: None,
    };
    if !common.has_cve {
        let uid = common.plugin.unwrap_or(if is_open_port(finding) { "open-port" } else { common.title });
        entry.advisory = Some(Advisory { uid, title: common.title, related_cwes });
        return vec![entry];
    }
    let cvss: Vec<Cvss<'a>> = common
        .scores
        .iter()
        .filter_map(|score| {
            let (base_score, version) = (score.base?, score.version?);
            Some(Cvss { base_score, version, vector_string: score.vector, vendor_name })
        })
        .collect();
    let epss = common.epss.map(|score| Epss { score: score.to_string() });
    let shared = LONGEST_TEXT - references_left
        + [entry.title, entry.desc, entry.remediation.map(|remediation| remediation.desc)]
            .into_iter()
            .flatten()
            .map(str::len)
            .sum::<usize>();
    let is_repeated = shared.saturating_mul(details.cves.len()) <= MOST_REPEATED;
    let mut entries: Vec<Vulnerability<'a>> = Vec::with_capacity(details.cves.len());
    for uid in facts::cves(details) {
        entry.cve = Some(Cve { uid, cvss: cvss.clone(), epss: epss.clone(), related_cwes: related_cwes.clone() });
        if !entries.is_empty() && !is_repeated {
            (entry.title, entry.desc, entry.remediation) = (None, None, None);
            entry.references.clear();
        }
        entries.push(entry.clone());
    }
    entries
}

fn scores<'a>(finding: &'a Finding<'_>) -> Vec<Score<'a>> {
    let details = finding.details;
    [
        details.cvss2.as_ref().map(version_2),
        details.cvss3.as_ref().map(version_3),
        details.cvss4.as_ref().map(version_4),
    ]
    .into_iter()
    .flatten()
    .collect()
}

pub(super) fn milliseconds(time: Option<Timestamp>) -> Option<i64> {
    plausible(time).map(Timestamp::as_millisecond)
}

fn address(text: &str) -> Option<String> {
    text.trim().parse::<IpAddr>().ok().map(|address| address.to_string())
}

const fn vendor(source: Source) -> &'static str {
    match source {
        Source::Tenable => "Tenable",
        Source::Jsa => "Juniper Networks",
        Source::Cloudflare => "Cloudflare",
    }
}

const fn caption(severity: Severity) -> &'static str {
    match severity {
        Severity::Info => "Informational",
        Severity::Low => "Low",
        Severity::Medium => "Medium",
        Severity::High => "High",
        Severity::Critical => "Critical",
    }
}
