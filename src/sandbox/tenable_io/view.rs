//! The findings of a run in one form, whether they were made up or uploaded. Every answer about results is made from
//! this, so that details, hosts, plugin output and exports cannot contradict each other.

use super::imported::{UploadedHost, UploadedRow};
use super::run::{Run, State, whole};
use crate::sandbox::nessus::{self, Cvss, Finding, Host};

/// A host that the run has finished.
#[derive(Debug, Clone)]
pub struct ViewHost {
    /// Number within the run, from 2: the first number is the scanner's own.
    pub id: u64,
    /// Name or address as scanned.
    pub name: String,
    /// IPv4 address.
    pub ip: Option<String>,
    /// Full name.
    pub fqdn: Option<String>,
    /// Hardware address.
    pub mac: Option<String>,
    /// Operating system.
    pub os: Option<String>,
    /// Asset id.
    pub uuid: Option<String>,
    /// Unix seconds.
    pub started: i64,
    /// Unix seconds.
    pub ended: i64,
    /// Its rows, compliance included.
    pub rows: Vec<ViewRow>,
}

/// One row.
#[derive(Debug, Clone)]
pub struct ViewRow {
    /// Plugin number.
    pub plugin: u32,
    /// Plugin name.
    pub name: String,
    /// Plugin family.
    pub family: String,
    /// 0 to 4.
    pub severity: u8,
    /// 0 for the host as a whole.
    pub port: u16,
    /// `tcp`, `udp`, `icmp`.
    pub protocol: String,
    /// Service name.
    pub service: String,
    /// Plugin output.
    pub output: String,
    /// Id, name and result of a compliance check.
    pub check: Option<[String; 3]>,
    /// CVE ids.
    pub cves: Vec<String>,
    /// CWE numbers.
    pub cwes: Vec<String>,
    /// Other references as `SOURCE:ID`.
    pub references: Vec<String>,
    /// One sentence.
    pub synopsis: String,
    /// Several lines.
    pub description: String,
    /// `n/a` for none.
    pub solution: String,
    /// Links.
    pub see_also: Vec<String>,
    /// None, Low, Medium, High, Critical.
    pub risk: String,
    /// CVSS 2 score and vector.
    pub cvss2: Option<[String; 2]>,
    /// CVSS 3 score and vector.
    pub cvss3: Option<[String; 2]>,
    /// Vulnerability priority rating.
    pub vpr: Option<String>,
    /// Whether an exploit is known.
    pub exploit: Option<bool>,
    /// `local`, `remote`, …
    pub kind: String,
    /// `YYYY/MM/DD`.
    pub published: String,
    /// `YYYY/MM/DD`.
    pub modified: String,
}

/// Rows of one host or run by severity, compliance apart.
pub fn counts<'a>(rows: impl Iterator<Item = &'a ViewRow>, compliance: bool) -> [u64; 5] {
    let mut counts = [0; 5];
    for row in rows.filter(|row| row.check.is_some() == compliance) {
        counts[usize::from(row.severity.min(4))] += 1;
    }
    counts
}

/// The made-up hosts that the run has finished by now; none for an import.
pub fn made(run: &Run, now: f64) -> Vec<Host> {
    if run.upload.is_some() {
        return Vec::new();
    }
    let begun = whole(run.launched) + 2;
    let ended = run.ended().unwrap_or(whole(now)).max(begun + 1);
    let mut hosts = nessus::hosts::scan(&run.targets, run.ordinal, begun, ended);
    hosts.truncate(finished(hosts.len(), run, now));
    hosts
}

/// How many of the hosts are through.
fn finished(hosts: usize, run: &Run, now: f64) -> usize {
    if matches!(run.state, State::Completed | State::Publishing) {
        return hosts;
    }
    let share = run.share(now);
    (1..=hosts).take_while(|number| ratio(*number, hosts) <= share).count()
}

#[expect(clippy::cast_precision_loss, reason = "small counts")]
fn ratio(part: usize, whole: usize) -> f64 {
    part as f64 / whole as f64
}

/// The hosts that the run has finished by now.
pub fn hosts(run: &Run, now: f64) -> Vec<ViewHost> {
    let mut hosts: Vec<ViewHost> = match &run.upload {
        Some(upload) => upload.hosts.iter().map(uploaded_host).collect(),
        None => made(run, now).iter().map(made_host).collect(),
    };
    for (id, host) in (2..).zip(&mut hosts) {
        host.id = id;
    }
    hosts
}

fn made_host(host: &Host) -> ViewHost {
    ViewHost {
        id: 0,
        name: host.name.clone(),
        ip: Some(host.ip.clone()),
        fqdn: host.fqdn.clone(),
        mac: host.mac.clone(),
        os: host.os.map(str::to_owned),
        uuid: Some(host.uuid.clone()),
        started: host.started,
        ended: host.ended,
        rows: host.findings.iter().map(made_row).collect(),
    }
}

/// A made-up finding as a row.
pub fn made_row(finding: &Finding) -> ViewRow {
    let plugin = finding.plugin;
    let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
    let pair = |cvss: Option<Cvss>| cvss.map(|cvss| [cvss.score.to_owned(), cvss.vector.to_owned()]);
    ViewRow {
        plugin: plugin.id,
        name: plugin.name.to_owned(),
        family: plugin.family.to_owned(),
        severity: finding.severity(),
        port: finding.port,
        protocol: finding.protocol.to_owned(),
        service: finding.service.to_owned(),
        output: finding.output.clone(),
        check: finding.check.map(|check| [check.id.to_owned(), check.name.to_owned(), check.result.to_owned()]),
        cves: owned(plugin.cves),
        cwes: plugin.cwes.iter().map(u32::to_string).collect(),
        references: owned(plugin.references),
        synopsis: plugin.synopsis.to_owned(),
        description: finding.check.map_or_else(|| plugin.description.to_owned(), nessus::compliance_text),
        solution: plugin.solution.to_owned(),
        see_also: owned(plugin.see_also),
        risk: nessus::risk(plugin.severity).to_owned(),
        cvss2: pair(plugin.cvss2),
        cvss3: pair(plugin.cvss3),
        vpr: plugin.vpr.map(str::to_owned),
        exploit: plugin.exploit,
        kind: plugin.kind.to_owned(),
        published: plugin.published.to_owned(),
        modified: plugin.modified.to_owned(),
    }
}

fn uploaded_host(host: &UploadedHost) -> ViewHost {
    let tag = |name: &str| host.tag(name).map(str::to_owned);
    let time = |name: &str| host.tag(name).and_then(|text| text.trim().parse().ok()).unwrap_or_default();
    ViewHost {
        id: 0,
        name: host.name.clone(),
        ip: tag("host-ip"),
        fqdn: tag("host-fqdn"),
        mac: tag("mac-address"),
        os: tag("operating-system"),
        uuid: tag("host-uuid"),
        started: time("HOST_START_TIMESTAMP"),
        ended: time("HOST_END_TIMESTAMP"),
        rows: host.rows.iter().map(uploaded_row).collect(),
    }
}

/// An uploaded row in the common form.
pub fn uploaded_row(row: &UploadedRow) -> ViewRow {
    let text = |name: &str| row.child(name).to_owned();
    let all = |name: &str| row.children(name).map(str::to_owned).collect::<Vec<_>>();
    let some = |name: &str| Some(text(name)).filter(|text| !text.is_empty());
    let check = some("cm:compliance-check-name").map(|name| {
        let id = some("cm:compliance-check-id").unwrap_or_else(|| name.clone());
        [id, name, text("cm:compliance-result")]
    });
    ViewRow {
        plugin: row.attribute("pluginID").parse().unwrap_or_default(),
        name: row.attribute("pluginName").to_owned(),
        family: row.attribute("pluginFamily").to_owned(),
        severity: row.attribute("severity").parse().unwrap_or_default(),
        port: row.attribute("port").parse().unwrap_or_default(),
        protocol: row.attribute("protocol").to_owned(),
        service: row.attribute("svc_name").to_owned(),
        output: text("plugin_output"),
        check,
        cves: all("cve"),
        cwes: all("cwe"),
        references: all("xref"),
        synopsis: text("synopsis"),
        description: text("description"),
        solution: text("solution"),
        see_also: text("see_also").lines().map(|line| line.trim().to_owned()).filter(|line| !line.is_empty()).collect(),
        risk: text("risk_factor"),
        cvss2: some("cvss_base_score").map(|score| [score, text("cvss_vector")]),
        cvss3: some("cvss3_base_score").map(|score| [score, text("cvss3_vector")]),
        vpr: some("vpr_score"),
        exploit: some("exploit_available").map(|text| text == "true"),
        kind: text("plugin_type"),
        published: text("plugin_publication_date"),
        modified: text("plugin_modification_date"),
    }
}
