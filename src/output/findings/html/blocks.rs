//! Rows and texts of the page, as blocks of JSON that are written whenever one is full.
//!
//! A block of facts has the checks, hosts and rows that came since the last one; each is an array, and refers to checks,
//! hosts and texts by their number in the page. It is read when the page opens. A block of texts is read when somebody
//! opens a row: it says which number its first text has.

use std::borrow::Cow;
use std::collections::HashMap;
use std::hash::{BuildHasher, Hash, Hasher as _, RandomState};

use serde::Serialize;

use super::super::Change;
use super::super::document::{Document, Embedded, cut};
use super::super::facts;
use super::super::summary::{check_name, host_name, short, solution};
use crate::findings::{Cvss, Finding, Severity};
use crate::output::safe::write_json;

/// More rows are only counted.
pub(super) const MOST_ROWS: u64 = 100_000;
/// Of these so many may be of information alone, which leaves room for what is worse.
const MOST_INFO: u64 = 50_000;
/// More texts are left out.
pub(super) const MOST_TEXT: usize = 64 << 20;
/// More of one text is cut off.
const LONGEST: usize = 16 << 10;
/// When a block is written.
const FULL: usize = 256 << 10;
/// So many checks are remembered, so that none is written twice.
const REMEMBERED: usize = 50_000;

#[derive(Default)]
pub(super) struct Blocks {
    checks: Array,
    hosts: Array,
    rows: Array,
    texts: Array,
    /// How many of each were written in all.
    all_checks: u32,
    all_hosts: u32,
    all_texts: u32,
    text_size: usize,
    dropped_texts: bool,
    listed: u64,
    listed_info: u64,
    unlisted: u64,
    report: usize,
    of_report: u64,
    hashing: RandomState,
    known: HashMap<u64, u32>,
    host: Option<(u64, u32)>,
}

/// The inside of a JSON array that is being written.
#[derive(Default)]
struct Array(Vec<u8>);

impl Array {
    fn push(&mut self, item: &impl Serialize) {
        if !self.0.is_empty() {
            self.0.push(b',');
        }
        // Writing to memory cannot fail.
        let _infallible = write_json(&mut self.0, Embedded, item);
    }

    fn take(&mut self) -> String {
        let text = String::from_utf8_lossy(&self.0).into_owned();
        self.0.clear();
        text
    }
}

/// A check as a row of the table needs it. Order and number are the script's.
#[derive(Serialize)]
struct Check<'a>(
    Option<String>,
    String,
    Option<String>,
    Option<f64>,
    Option<f64>,
    Option<f64>,
    Vec<&'a str>,
    Option<u32>,
    usize,
);

#[derive(Serialize)]
struct Host(String, Option<String>, Option<String>);

#[derive(Serialize)]
struct Row(u32, u32, u8, Option<u16>, Option<String>, Option<String>, u32, usize, Option<u8>);

/// What an opened row tells of its check.
#[derive(Serialize)]
struct CheckText<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    synopsis: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    solution: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    links: Vec<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    cves: Vec<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    cwes: Vec<u16>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    references: Vec<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    facts: Vec<(&'static str, Cow<'a, str>)>,
}

/// What an opened row tells of the host.
#[derive(Serialize)]
struct RowText<'a> {
    id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    output: Option<&'a str>,
    /// How many bytes of the output are not here.
    #[serde(skip_serializing_if = "Option::is_none")]
    cut: Option<usize>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    facts: Vec<(&'static str, Cow<'a, str>)>,
}

impl Blocks {
    pub(super) fn next_report(&mut self, report: usize) {
        (self.report, self.of_report, self.host) = (report, 0, None);
    }

    /// Findings of the current report; those that are gone since an older one are not among them.
    pub(super) fn of_report(&self) -> u64 {
        self.of_report
    }

    /// Findings that have no row.
    pub(super) fn unlisted(&self) -> u64 {
        self.unlisted
    }

    pub(super) fn has_dropped_texts(&self) -> bool {
        self.dropped_texts
    }

    /// Takes a finding, and writes what is full.
    pub(super) fn add(&mut self, finding: &Finding<'_>, change: Option<Change>, out: &mut Document) {
        let details = finding.details;
        if !matches!(change, Some(Change::Fixed | Change::Unseen)) {
            self.of_report += 1;
        }
        let is_info = details.severity == Severity::Info;
        if self.listed >= MOST_ROWS || (is_info && self.listed_info >= MOST_INFO) {
            self.unlisted += 1;
            return;
        }
        self.listed += 1;
        self.listed_info += u64::from(is_info);
        let check = self.check(finding);
        let host = self.host(finding);
        let text = self.row_text(finding);
        let name = |text: Option<&str>| text.map(short).filter(|text| !text.is_empty());
        let change = change.map(|change| match change {
            Change::New => 0,
            Change::Fixed => 1,
            Change::Changed => 2,
            Change::Unchanged => 3,
            Change::Unseen => 4,
        });
        self.rows.push(&Row(
            check,
            host,
            details.severity as u8,
            details.port,
            name(details.protocol.as_deref()),
            name(details.service.as_deref()),
            text,
            self.report,
            change,
        ));
        if self.texts.0.len() >= FULL {
            self.write_texts(out);
        }
        if self.rows.0.len() + self.checks.0.len() + self.hosts.0.len() >= FULL {
            self.write_facts(out);
        }
    }

    pub(super) fn finish(&mut self, out: &mut Document) {
        self.write_texts(out);
        self.write_facts(out);
    }

    fn write_facts(&mut self, out: &mut Document) {
        if self.rows.0.is_empty() {
            return;
        }
        out.text("<script type=\"application/json\" class=\"facts\">{\"checks\":[");
        out.text(&self.checks.take());
        out.text("],\"hosts\":[");
        out.text(&self.hosts.take());
        out.text("],\"rows\":[");
        out.text(&self.rows.take());
        out.text("]}</script>\n");
    }

    fn write_texts(&mut self, out: &mut Document) {
        if self.texts.0.is_empty() {
            return;
        }
        let end = self.all_texts;
        out.text(&format!("<script type=\"application/json\" class=\"texts\" data-end=\"{end}\">["));
        out.text(&self.texts.take());
        out.text("]</script>\n");
    }

    fn text(&mut self, text: &impl Serialize) -> u32 {
        self.texts.push(text);
        self.all_texts += 1;
        self.all_texts - 1
    }

    /// Whether there is room for so much more text.
    fn has_room(&mut self, size: usize) -> bool {
        let has_room = self.text_size + size <= MOST_TEXT;
        if has_room {
            self.text_size += size;
        }
        self.dropped_texts |= !has_room;
        has_room
    }

    /// The number of the finding's check.
    fn check(&mut self, finding: &Finding<'_>) -> u32 {
        let details = finding.details;
        let name = check_name(finding);
        let told = told_of_check(finding);
        let mut hasher = self.hashing.build_hasher();
        (details.plugin_id.as_deref(), name, details.plugin_family.as_deref()).hash(&mut hasher);
        (told.synopsis, told.description, told.solution, &told.links, &told.references).hash(&mut hasher);
        (&told.cves, &told.cwes, &told.facts).hash(&mut hasher);
        let best = facts::best_cvss(details).map(|best| best.base);
        let (vpr, epss) = (facts::vpr(details), facts::epss(details));
        for score in [best, vpr, epss] {
            score.map(f64::to_bits).hash(&mut hasher);
        }
        let key = hasher.finish();
        if let Some(number) = self.known.get(&key) {
            return *number;
        }
        let size = [told.synopsis, told.description, told.solution].into_iter().flatten().map(str::len).sum::<usize>()
            + told.links.iter().chain(&told.references).chain(&told.cves).map(|text| text.len()).sum::<usize>();
        let text = self.has_room(size).then(|| self.text(&told));
        self.checks.push(&Check(
            details.plugin_id.as_deref().map(short),
            short(name),
            details.plugin_family.as_deref().map(short),
            best,
            vpr,
            epss,
            told.cves.iter().take(40).copied().collect(),
            text,
            facts::cves(details).count(),
        ));
        if self.known.len() >= REMEMBERED {
            self.known.clear();
        }
        let number = self.all_checks;
        self.all_checks += 1;
        self.known.insert(key, number);
        number
    }

    /// The number of the finding's host. Rows of one host come one after the other.
    fn host(&mut self, finding: &Finding<'_>) -> u32 {
        let host = finding.host;
        let key = self.hashing.hash_one((host.label(), &host.name, &host.ip, &host.os));
        if let Some((known, number)) = self.host
            && known == key
        {
            return number;
        }
        let label = host_name(finding);
        self.hosts.push(&Host(
            short(label),
            host.ip.as_deref().filter(|ip| *ip != label).map(short),
            host.os.as_deref().and_then(|os| os.lines().next()).map(short),
        ));
        let number = self.all_hosts;
        self.all_hosts += 1;
        self.host = Some((key, number));
        number
    }

    fn row_text(&mut self, finding: &Finding<'_>) -> u32 {
        let Finding { host, details, origin, .. } = *finding;
        let mut known = Vec::new();
        let mut tell = |name: &'static str, text: Option<&str>| {
            if let Some(text) = text.map(str::trim).filter(|text| !text.is_empty()) {
                known.push((name, Cow::Owned(cut(text, 1000).0.to_owned())));
            }
        };
        if let Some(compliance) = &details.compliance {
            tell("Result", compliance.result.as_deref());
            tell("On the host", compliance.actual_value.as_deref());
            tell("Wanted", compliance.policy_value.as_deref());
            tell("Error", compliance.error.as_deref());
        }
        let time = |time| facts::plausible(time).map(|time| time.strftime("%Y-%m-%d %H:%M UTC").to_string());
        tell("First seen", time(details.first_seen).as_deref());
        tell("Last seen", time(details.last_seen.or(host.ended_at)).as_deref());
        tell("State", details.state.as_deref());
        tell("Operating system", host.os.as_deref());
        tell("NetBIOS name", host.netbios.as_deref());
        tell("Profile", origin.profile.as_deref());
        if !details.attachments.is_empty() {
            let names: Vec<&str> = details.attachments.iter().take(20).map(|attachment| &*attachment.name).collect();
            tell("Attachments", Some(&names.join(", ")));
        }
        let output = details.output.as_deref().filter(|output| !output.trim().is_empty());
        let (shown, whole) = (output.map(|output| cut(output, LONGEST).0), output.map_or(0, str::len));
        let shown = shown.filter(|shown| self.has_room(shown.len()));
        let missing = whole - shown.map_or(0, str::len);
        self.text(&RowText {
            id: finding.id.to_string(),
            output: shown,
            cut: (missing > 0).then_some(missing),
            facts: known,
        })
    }
}

fn told_of_check<'a>(finding: &'a Finding<'_>) -> CheckText<'a> {
    let details = finding.details;
    let audit = details.compliance.as_deref();
    let text = |text: Option<&'a str>| text.filter(|text| !text.trim().is_empty()).map(|text| cut(text, LONGEST).0);
    let many = |texts: &'a [Cow<'_, str>]| -> Vec<&'a str> {
        texts.iter().map(|text| cut(text.trim(), 500).0).filter(|text| !text.is_empty()).take(50).collect()
    };
    let mut known = Vec::new();
    let mut tell = |name: &'static str, text: Option<Cow<'a, str>>| {
        if let Some(text) = text.filter(|text| !text.trim().is_empty()) {
            known.push((name, text));
        }
    };
    let borrowed = |text: &'a Option<Cow<'_, str>>| text.as_deref().map(|text| Cow::Borrowed(cut(text, 500).0));
    tell("CVSS 4", details.cvss4.as_ref().map(score));
    tell("CVSS 3", details.cvss3.as_ref().map(score));
    tell("CVSS 2", details.cvss2.as_ref().map(score));
    let exploit = &details.exploit;
    tell(
        "Exploit",
        borrowed(&exploit.ease)
            .or_else(|| exploit.available.map(|known| if known { "available" } else { "none known" }.into())),
    );
    if !exploit.frameworks.is_empty() {
        tell("Exploited by", Some(exploit.frameworks.join(", ").into()));
    }
    tell("CISA wants it mended by", borrowed(&exploit.cisa_known));
    tell("Published", borrowed(&details.dates.vulnerability_published));
    tell("Patch published", borrowed(&details.dates.patch_published));
    tell("Check published", borrowed(&details.dates.plugin_published));
    tell("Check changed", borrowed(&details.dates.plugin_modified));
    if let Some(audit) = audit {
        tell("Audit file", borrowed(&audit.audit_file));
        tell("References", borrowed(&audit.reference));
    }
    // An audit's own description repeats what was found on the host.
    let description = audit.and_then(|audit| audit.info.as_deref()).or(details.description.as_deref());
    let mut links = many(&details.see_also);
    links.extend(audit.and_then(|audit| audit.see_also.as_deref()).map(|link| cut(link, 500).0));
    CheckText {
        synopsis: text(details.synopsis.as_deref()),
        description: text(description),
        solution: text(solution(details).or_else(|| audit?.solution.as_deref())),
        links,
        cves: facts::cves(details).take(500).collect(),
        cwes: facts::cwes(details).take(50).collect(),
        references: many(&details.xrefs),
        facts: known,
    }
}

fn score<'a>(cvss: &Cvss<'_>) -> Cow<'a, str> {
    let vector = cvss.vector.as_deref().map(|vector| cut(vector, 200).0);
    match (facts::base(cvss), vector) {
        (Some(base), Some(vector)) => format!("{base:.1} · {vector}").into(),
        (Some(base), None) => format!("{base:.1}").into(),
        (None, Some(vector)) => vector.to_owned().into(),
        (None, None) => "".into(),
    }
}
