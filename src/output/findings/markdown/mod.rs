//! Findings as a summary for a pull-request comment or a ticket, in Markdown as GitHub, GitLab and most trackers take
//! it: how many and how bad, the worst checks with where they were found, the hosts with most of the worst.
//!
//! - At most 65,536 characters, the limit of a comment on GitHub, whatever the reports hold: rows and texts are counted
//!   and cut, and what was left out is said.
//! - Findings are grouped by check. Information alone is only counted, unless there is nothing else.
//! - Compared findings are told first: what is new, fixed, changed and the same.
//! - A report that was not read whole is marked at the top.
//! - Text from vendors does nothing ([`texts`]): it formats nothing, links nothing, mentions nobody, refers to nothing.
//!
//! Nothing is written before the last report has ended, since the counts come first.

#[cfg(test)]
mod tests;
mod texts;

use std::fmt::Write as _;
use std::io::Write;

use self::texts::{code, prose};
use super::document::Document;
use super::states::Changes;
use super::summary::{Check, Part, Place, Summary};
use super::words::{counted, filtered, grouped, times};
use super::{About, Change, Options, ReportWriter};
use crate::error::Result;
use crate::findings::{Decoded, Finding, FindingSink, Severity};

/// So many checks are listed.
const CHECKS: usize = 20;
/// So many checks of each list of a comparison, which has four.
const COMPARED: usize = 10;
/// So many hosts are listed.
const HOSTS: usize = 10;
/// So many reports are listed.
const REPORTS: usize = 10;
/// So many places of one check are named.
const PLACES: usize = 3;
/// So many CVE ids of one check are named.
const CVES: usize = 3;
/// Characters of a name, of a place, and of what to do.
const NAME: usize = 120;
const SPOT: usize = 60;
/// Characters of the filter.
const FILTER: usize = 300;
const REMEDY: usize = 140;

/// A writer.
pub(super) fn open(out: Box<dyn Write + Send>, options: &Options) -> Box<dyn ReportWriter> {
    Box::new(Writer {
        out: Document::new(out),
        filter: options.filter.clone(),
        summary: Summary::default(),
        reports: Vec::new(),
        count: 0,
        hosts: 0,
        read: 0,
        incomplete: false,
        current: None,
        before: [0; 5],
    })
}

struct Writer {
    out: Document,
    /// In the user's words.
    filter: Option<String>,
    summary: Summary,
    /// The first reports.
    reports: Vec<Report>,
    /// How many reports there were.
    count: usize,
    hosts: u64,
    /// Findings of the reports, those included that the filter left out.
    read: u64,
    incomplete: bool,
    current: Option<Report>,
    /// The counts before the current report.
    before: [u64; 5],
}

/// One report, as far as it is told of.
struct Report {
    address: String,
    name: Option<String>,
    product: Option<&'static str>,
    times: Option<String>,
    counts: [u64; 5],
    complete: bool,
}

impl FindingSink for Writer {
    fn finding(&mut self, finding: &Finding<'_>) -> Result<()> {
        self.summary.add(finding, None);
        Ok(())
    }
}

impl ReportWriter for Writer {
    fn begin(&mut self, about: &About) -> Result<()> {
        self.summary.next_report();
        self.before = self.summary.counts;
        self.current = Some(Report {
            address: about.address.clone(),
            name: about.name.clone(),
            product: about.product,
            times: times(about.started_at, about.ended_at),
            counts: [0; 5],
            complete: false,
        });
        Ok(())
    }

    fn compared(&mut self, finding: &Finding<'_>, change: Change, _before: Option<Severity>) -> Result<()> {
        self.summary.add(finding, Some(change));
        Ok(())
    }

    fn end(&mut self, decoded: &Decoded, complete: bool) -> Result<()> {
        self.count += 1;
        self.hosts += decoded.hosts;
        self.read += decoded.findings;
        self.incomplete |= !complete;
        if let Some(mut report) = self.current.take().filter(|_| self.reports.len() < REPORTS) {
            for (of_report, (all, before)) in report.counts.iter_mut().zip(self.summary.counts.iter().zip(self.before))
            {
                *of_report = all - before;
            }
            report.complete = complete;
            self.reports.push(report);
        }
        Ok(())
    }

    fn finish(&mut self, complete: bool) -> Result<()> {
        let mut text = String::new();
        // Writing to memory cannot fail.
        let _infallible = self.write(&mut text, complete);
        self.out.text(&text);
        self.out.flush()
    }
}

impl Writer {
    fn write(&self, out: &mut String, complete: bool) -> std::fmt::Result {
        writeln!(out, "## {}\n", self.headline())?;
        if self.incomplete || !complete {
            writeln!(
                out,
                "> [!WARNING]\n> **Incomplete.** A report was not read whole: findings are missing here, and what is \
                 not listed may still be there.\n"
            )?;
        }
        if let Some(filter) = &self.filter {
            let left_out = self.read.saturating_sub(self.summary.total());
            let left_out = self.summary.changes.is_none().then_some(left_out);
            writeln!(out, "{}\n", filtered(&code(filter, FILTER), left_out))?;
        }
        match &*self.reports {
            [only] if self.count == 1 => writeln!(out, "From {}\n", self.about(only))?,
            _ => self.write_reports(out)?,
        }
        self.write_counts(out)?;
        if let Some(changes) = self.summary.changes {
            self.write_changes(out, changes)?;
        } else {
            self.write_checks(out)?;
        }
        self.write_hosts(out)
    }

    fn headline(&self) -> String {
        if let Some(changes) = self.summary.changes {
            let unseen = match changes.unseen {
                0 => String::new(),
                unseen => format!(", {} unseen", grouped(unseen)),
            };
            return format!("Scan findings: {} new, {} fixed{unseen}", grouped(changes.new), grouped(changes.fixed));
        }
        let [info, low, medium, high, critical] = self.summary.counts;
        let worst: Vec<String> = [(critical, "critical"), (high, "high"), (medium, "medium"), (low, "low")]
            .into_iter()
            .filter(|(count, _)| *count > 0)
            .take(2)
            .map(|(count, word)| format!("{} {word}", grouped(count)))
            .collect();
        match (worst.is_empty(), info) {
            (false, _) => format!("Scan findings: {}", worst.join(", ")),
            (true, 0) if self.filter.is_some() && self.read > 0 => "Scan findings: none pass the filter".to_owned(),
            (true, 0) => "Scan findings: none".to_owned(),
            (true, info) => format!("Scan findings: {} informational", grouped(info)),
        }
    }

    fn about(&self, report: &Report) -> String {
        let mut parts = vec![code(&report.address, NAME)];
        parts.extend(report.name.as_deref().map(|name| prose(name, NAME)));
        parts.extend(report.product.map(ToOwned::to_owned));
        parts.extend(report.times.clone());
        parts.push(counted(self.hosts, "host", "hosts"));
        parts.push(counted(self.summary.total(), "finding", "findings"));
        parts.join(" · ")
    }

    fn write_reports(&self, out: &mut String) -> std::fmt::Result {
        if self.count == 0 {
            return writeln!(out, "No report was read.\n");
        }
        writeln!(out, "| Report | Critical | High | Medium | Low | Info |\n|---|--:|--:|--:|--:|--:|")?;
        for report in &self.reports {
            let name = report.name.as_deref().map(|name| format!("<br>{}", prose(name, NAME))).unwrap_or_default();
            let mark = if report.complete { "" } else { " ⚠️ incomplete" };
            let [info, low, medium, high, critical] = report.counts.map(grouped);
            let address = code(&report.address, NAME);
            writeln!(out, "| {address}{mark}{name} | {critical} | {high} | {medium} | {low} | {info} |")?;
        }
        match self.count - self.reports.len() {
            0 => writeln!(out),
            more => writeln!(out, "\n… and {more} more reports; the counts below are of all.\n"),
        }
    }

    fn write_counts(&self, out: &mut String) -> std::fmt::Result {
        let [info, low, medium, high, critical] = self.summary.counts.map(grouped);
        let total = grouped(self.summary.total());
        writeln!(
            out,
            "| 🟥 Critical | 🟧 High | 🟨 Medium | 🟦 Low | ⬜ Info | Total |\n\
             |--:|--:|--:|--:|--:|--:|\n\
             | **{critical}** | **{high}** | **{medium}** | {low} | {info} | {total} |\n"
        )
    }

    fn write_changes(&self, out: &mut String, changes: Changes) -> std::fmt::Result {
        let [new, fixed, changed, unchanged, unseen] =
            [changes.new, changes.fixed, changes.changed, changes.unchanged, changes.unseen].map(grouped);
        if changes.unseen == 0 {
            writeln!(
                out,
                "| New | Fixed | Changed | Unchanged |\n|--:|--:|--:|--:|\n\
                 | **{new}** | **{fixed}** | {changed} | {unchanged} |\n"
            )?;
        } else {
            writeln!(
                out,
                "| New | Fixed | Changed | Unchanged | Unseen |\n|--:|--:|--:|--:|--:|\n\
                 | **{new}** | **{fixed}** | {changed} | {unchanged} | {unseen} |\n\n\
                 Unseen: listed before and not now, which does not tell that it is closed.\n"
            )?;
        }
        let checks = &self.summary.checks;
        let new = checks.ranked(|check| check.new.count > 0, |check| &check.name);
        write_list(out, "New findings", &new, COMPARED, |check| &check.new)?;
        let fixed = checks.ranked(|check| check.fixed.count > 0, |check| &check.name);
        write_list(out, "Fixed findings", &fixed, COMPARED, |check| &check.fixed)?;
        let unseen = checks.ranked(|check| check.unseen.count > 0, |check| &check.name);
        write_list(out, "Unseen, not known to be closed", &unseen, COMPARED, |check| &check.unseen)?;
        let changed = checks.ranked(|check| check.changed.count > 0, |check| &check.name);
        write_list(out, "Changed findings", &changed, COMPARED, |check| &check.changed)?;
        self.write_forgotten(out)
    }

    fn write_checks(&self, out: &mut String) -> std::fmt::Result {
        let checks = &self.summary.checks;
        let least =
            if self.summary.counts[1..].iter().any(|count| *count > 0) { Severity::Low } else { Severity::Info };
        let worst = checks.ranked(|check| check.severity >= least, |check| &check.name);
        write_list(out, "Worst findings", &worst, CHECKS, |check| &check.findings)?;
        let info = self.summary.counts[0];
        if least > Severity::Info && info > 0 {
            let (what, verb) = if info == 1 { ("finding", "is") } else { ("findings", "are") };
            writeln!(out, "{} informational {what} {verb} not listed.\n", grouped(info))?;
        }
        self.write_forgotten(out)
    }

    fn write_forgotten(&self, out: &mut String) -> std::fmt::Result {
        if self.summary.checks.forgotten > 0 {
            writeln!(out, "There were too many different checks to count each; the mildest are in the totals only.\n")?;
        }
        Ok(())
    }

    fn write_hosts(&self, out: &mut String) -> std::fmt::Result {
        let is_bad = |place: &Place| place.counts[1..].iter().any(|count| *count > 0);
        let hosts = self.summary.hosts.ranked(is_bad, |place| &place.label);
        if hosts.is_empty() {
            return Ok(());
        }
        writeln!(
            out,
            "### Hosts with the worst findings\n\n\
             | Host | Critical | High | Medium | Low | Info |\n|---|--:|--:|--:|--:|--:|"
        )?;
        for place in hosts.iter().take(HOSTS) {
            let address = place.ip.as_deref().map(|ip| format!(" {}", code(ip, SPOT))).unwrap_or_default();
            let [info, low, medium, high, critical] = place.counts.map(grouped);
            let label = code(&place.label, SPOT);
            writeln!(out, "| {label}{address} | {critical} | {high} | {medium} | {low} | {info} |")?;
        }
        match hosts.len().saturating_sub(HOSTS) {
            0 => Ok(()),
            more => writeln!(out, "\n… and {}.", counted(more as u64, "more host", "more hosts")),
        }
    }
}

/// A list of checks as a table; none where there is nothing in it.
fn write_list(
    out: &mut String,
    heading: &str,
    checks: &[&Check],
    most: usize,
    part: impl Fn(&Check) -> &Part,
) -> std::fmt::Result {
    if checks.is_empty() {
        return Ok(());
    }
    writeln!(out, "### {heading}\n\n| Severity | Finding | CVSS | VPR | Where |\n|---|---|--:|--:|---|")?;
    let score = |score: Option<f64>| score.map(|score| format!("{score:.1}")).unwrap_or_default();
    for check in checks.iter().take(most) {
        // The sign and its word stay on one line.
        let severity = match check.severity {
            Severity::Critical => "🟥\u{a0}critical",
            Severity::High => "🟧\u{a0}high",
            Severity::Medium => "🟨\u{a0}medium",
            Severity::Low => "🟦\u{a0}low",
            Severity::Info => "⬜\u{a0}info",
        };
        write!(out, "| {severity} | **{}**", prose(&check.name, NAME))?;
        let mut facts: Vec<String> = check.plugin_id.iter().map(|id| code(id, SPOT)).collect();
        facts.extend(check.cves.iter().take(CVES).map(|cve| code(cve, SPOT)));
        let more = check.cves.len().saturating_sub(CVES) + check.more_cves;
        if more > 0 {
            facts.push(format!("+{more}"));
        }
        if !facts.is_empty() {
            write!(out, "<br>{}", facts.join(" "))?;
        }
        if let Some(solution) = check.solution.as_deref().filter(|solution| !solution.is_empty()) {
            write!(out, "<br>{}", prose(solution, REMEDY))?;
        }
        let (cvss, vpr) = (score(check.cvss), score(check.vpr));
        writeln!(out, " | {cvss} | {vpr} | {} |", places(part(check)))?;
    }
    if let Some(rest) = checks.get(most..).filter(|rest| !rest.is_empty()) {
        let findings = rest.iter().map(|check| part(check).count).sum();
        let checks = counted(rest.len() as u64, "more check", "more checks");
        writeln!(out, "\n… and {checks} with {}.", counted(findings, "finding", "findings"))?;
    }
    writeln!(out)
}

fn places(part: &Part) -> String {
    let shown = || part.places.iter().take(PLACES);
    let mut parts: Vec<String> = shown().map(|(place, _)| code(place, SPOT)).collect();
    let more = part.count.saturating_sub(shown().map(|(_, count)| count).sum());
    if more > 0 {
        parts.push(format!("+{}", grouped(more)));
    }
    parts.join(" ")
}
