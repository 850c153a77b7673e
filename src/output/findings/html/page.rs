//! The part of the page that is markup: what is counted, and the frame of the table.

use std::fmt::{self, Write};

use super::super::summary::{Check, Summary};
use super::super::words::{counted, filtered, grouped, times};
use super::Report;
use super::blocks::MOST_ROWS;
use crate::findings::Severity;

/// So many hosts and checks stand in the lists of the worst.
const TOP: usize = 10;

/// Everything that the markup tells.
pub(super) struct Told<'a> {
    pub summary: &'a Summary,
    pub reports: &'a [Report],
    pub count: usize,
    pub hosts: u64,
    /// In the user's words.
    pub filter: Option<&'a str>,
    /// Findings, those included that the filter left out.
    pub read: u64,
    pub incomplete: bool,
    pub unlisted: u64,
}

impl Told<'_> {
    pub(super) fn write(&self, out: &mut String) -> fmt::Result {
        writeln!(out, "<a class=\"skip\" href=\"#findings\">Skip to the findings</a>")?;
        self.write_header(out)?;
        writeln!(out, "<main>")?;
        if self.incomplete {
            writeln!(
                out,
                "<p class=\"banner\" role=\"alert\"><strong>Incomplete.</strong> A report was not read whole: findings \
                 are missing here, and what is not listed may still be there.</p>"
            )?;
        }
        if let Some(filter) = self.filter {
            let left_out = self.read.saturating_sub(self.summary.total());
            let left_out = self.summary.changes.is_none().then_some(left_out);
            let filter = format!("<code>{}</code>", escaped(filter));
            writeln!(out, "<p class=\"filter\">{}</p>", filtered(&filter, left_out))?;
        }
        if self.count > 1 {
            self.write_reports(out)?;
        }
        writeln!(out, "<section class=\"overview\" aria-label=\"Overview\">")?;
        self.write_chart(out)?;
        if let Some(changes) = self.summary.changes {
            writeln!(out, "<ul class=\"changes\" aria-label=\"Compared with the older report\">")?;
            let parts = [
                ("new", "New", changes.new),
                ("fixed", "Fixed", changes.fixed),
                ("changed", "Changed", changes.changed),
                ("unchanged", "Unchanged", changes.unchanged),
                ("unseen", "No longer seen, not known to be closed", changes.unseen),
            ];
            for (class, word, count) in parts {
                if class == "unseen" && count == 0 {
                    continue;
                }
                writeln!(out, "<li class=\"{class}\" data-change=\"{class}\"><b>{}</b> {word}</li>", grouped(count))?;
            }
            writeln!(out, "</ul>")?;
        }
        writeln!(out, "</section>\n<div class=\"tops\">")?;
        self.write_hosts(out)?;
        self.write_checks(out)?;
        writeln!(out, "</div>")?;
        self.write_table(out)?;
        writeln!(
            out,
            "</main>\n<footer>Made by scanctl {}. This page loads nothing and sends nothing.</footer>",
            env!("CARGO_PKG_VERSION")
        )
    }

    fn write_header(&self, out: &mut String) -> fmt::Result {
        writeln!(out, "<header>\n<h1>Scan findings</h1>")?;
        let mut parts = Vec::new();
        match self.reports {
            [only] if self.count == 1 => {
                parts.push(format!("<code>{}</code>", escaped(&only.address)));
                parts.extend(only.name.as_deref().map(|name| format!("<span>{}</span>", escaped(name))));
                parts.extend(only.product.map(|product| format!("<span>{}</span>", escaped(product))));
                parts.extend(times(only.started_at, only.ended_at).map(|times| format!("<span>{times}</span>")));
            }
            _ => parts.push(format!("<span>{} reports</span>", grouped(self.count as u64))),
        }
        parts.push(match &*self.summary.hosts.ranked(|_| true, |place| &place.label) {
            [only] if self.hosts == 1 => format!("<code>{}</code>", escaped(&only.label)),
            _ => format!("<span>{}</span>", counted(self.hosts, "host", "hosts")),
        });
        writeln!(out, "<p class=\"about\">{}</p>\n</header>", parts.join(" "))
    }

    fn write_reports(&self, out: &mut String) -> fmt::Result {
        writeln!(
            out,
            "<details class=\"card reports\"{}><summary>{} reports</summary>\n<ul>",
            if self.count <= 6 { " open" } else { "" },
            grouped(self.count as u64)
        )?;
        for report in self.reports {
            write!(out, "<li><code data-report>{}</code>", escaped(&report.address))?;
            if let Some(name) = &report.name {
                write!(out, " <span>{}</span>", escaped(name))?;
            }
            if let Some(times) = times(report.started_at, report.ended_at) {
                write!(out, " <span>{times}</span>")?;
            }
            write!(out, " <span>{}</span>", counted(report.findings, "finding", "findings"))?;
            writeln!(out, "{}</li>", if report.complete { "" } else { " <strong class=\"part\">incomplete</strong>" })?;
        }
        if self.count > self.reports.len() {
            writeln!(out, "<li>… and {} more</li>", grouped((self.count - self.reports.len()) as u64))?;
        }
        writeln!(out, "</ul></details>")
    }

    /// A ring with a part for each severity, and the counts beside it.
    fn write_chart(&self, out: &mut String) -> fmt::Result {
        // So that a radius gives a ring of length 100: parts are percents.
        const RADIUS: &str = "15.9155";
        let total = self.summary.total();
        let percent = |count: u64| if total == 0 { 0.0 } else { count as f64 * 100.0 / total as f64 };
        writeln!(
            out,
            "<svg class=\"ring\" viewBox=\"0 0 40 40\" role=\"img\" aria-label=\"{}\">\n\
             <circle class=\"track\" cx=\"20\" cy=\"20\" r=\"{RADIUS}\"/>",
            self.spoken()
        )?;
        let mut done = 0.0;
        for severity in Severity::ALL.into_iter().rev() {
            let part = percent(self.summary.counts[severity.rank()]);
            if part > 0.0 {
                writeln!(
                    out,
                    "<circle class=\"part {severity}\" cx=\"20\" cy=\"20\" r=\"{RADIUS}\" stroke-dasharray=\"{part:.3} \
                     {:.3}\" stroke-dashoffset=\"{:.3}\"><title>{severity}: {} ({part:.1} %)</title></circle>",
                    100.0 - part,
                    25.0 - done,
                    grouped(self.summary.counts[severity.rank()])
                )?;
                done += part;
            }
        }
        writeln!(
            out,
            "<text x=\"20\" y=\"20.6\" class=\"sum\">{}</text><text x=\"20\" y=\"25\" class=\"unit\">{}</text>\n</svg>",
            grouped(total),
            if total == 1 { "finding" } else { "findings" }
        )?;
        writeln!(out, "<ul class=\"counts\">")?;
        for severity in Severity::ALL.into_iter().rev() {
            let count = self.summary.counts[severity.rank()];
            let none = if count == 0 { " none" } else { "" };
            writeln!(
                out,
                "<li class=\"{severity}{none}\" data-severity=\"{}\"><b>{}</b> <span>{severity}</span></li>",
                severity.rank(),
                grouped(count)
            )?;
        }
        writeln!(out, "</ul>")
    }

    fn spoken(&self) -> String {
        let parts: Vec<String> = Severity::ALL
            .into_iter()
            .rev()
            .map(|severity| format!("{} {severity}", grouped(self.summary.counts[severity.rank()])))
            .collect();
        format!("Findings by severity: {}", parts.join(", "))
    }

    fn write_hosts(&self, out: &mut String) -> fmt::Result {
        let hosts = self.summary.hosts.ranked(|_| true, |place| &place.label);
        // A single host is named in the header.
        if hosts.len() < 2 {
            return Ok(());
        }
        writeln!(out, "<section class=\"card top\"><h2>Worst hosts</h2>\n<ol>")?;
        let most = hosts.iter().take(TOP).map(|place| place.counts.iter().sum::<u64>()).max().unwrap_or(1);
        for place in hosts.iter().take(TOP) {
            let label = escaped(&place.label);
            write!(out, "<li><span class=\"name\" data-host=\"{label}\"><bdi>{label}</bdi></span>")?;
            if let Some(ip) = &place.ip {
                write!(out, " <small>{}</small>", escaped(ip))?;
            }
            write_bar(out, &place.counts, most)?;
            writeln!(out, "</li>")?;
        }
        writeln!(out, "</ol>")?;
        let more = (hosts.len().saturating_sub(TOP)) as u64 + self.summary.hosts.forgotten;
        if more > 0 {
            writeln!(out, "<p class=\"more\">and {}</p>", counted(more, "more host", "more hosts"))?;
        }
        writeln!(out, "</section>")
    }

    fn write_checks(&self, out: &mut String) -> fmt::Result {
        let checks = self.summary.checks.ranked(|check| check.findings.count > 0, |check| &check.name);
        if checks.is_empty() {
            return Ok(());
        }
        writeln!(out, "<section class=\"card top\"><h2>Worst checks</h2>\n<ol>")?;
        for check in checks.iter().take(TOP) {
            let Check { name, severity, .. } = check;
            let name = escaped(name);
            write!(
                out,
                "<li><i class=\"dot {severity}\" title=\"{severity}\"></i><span class=\"name\" data-check=\"{name}\" \
                 data-plugin=\"{plugin}\"><bdi>{name}</bdi></span>",
                plugin = escaped(check.plugin_id.as_deref().unwrap_or_default()),
            )?;
            let scores = [("VPR", check.vpr), ("CVSS", check.cvss)];
            let score = scores.into_iter().find_map(|(name, score)| Some(format!("{name} {:.1}", score?)));
            let places = (self.hosts > 1).then(|| counted(check.hosts, "host", "hosts"));
            let facts: Vec<String> = [score, places].into_iter().flatten().collect();
            writeln!(out, " <small>{}</small></li>", facts.join(" · "))?;
        }
        writeln!(out, "</ol>")?;
        let more = (checks.len().saturating_sub(TOP)) as u64 + self.summary.checks.forgotten;
        if more > 0 {
            writeln!(out, "<p class=\"more\">and {}</p>", counted(more, "more check", "more checks"))?;
        }
        writeln!(out, "</section>")
    }

    fn write_table(&self, out: &mut String) -> fmt::Result {
        writeln!(out, "<section id=\"findings\" class=\"card\" tabindex=\"-1\"><h2>Findings</h2>")?;
        if self.unlisted > 0 {
            writeln!(
                out,
                "<p class=\"more\">{} findings are counted above and not listed here: a page lists at most {}.</p>",
                grouped(self.unlisted),
                grouped(MOST_ROWS)
            )?;
        }
        writeln!(
            out,
            "<noscript><p class=\"more\">The list needs scripts, which are off. The counts above need none.</p></noscript>\n\
             <div id=\"app\" hidden>\n<div class=\"tools\" role=\"search\">\n\
             <label class=\"find\"><span>Search</span><input id=\"query\" type=\"search\" autocomplete=\"off\" \
             spellcheck=\"false\" placeholder=\"host, check, CVE, port …\"></label>\n\
             <div id=\"chips\" role=\"group\" aria-label=\"Severities\"></div>\n<div id=\"choices\"></div>\n</div>\n\
             <p id=\"status\" role=\"status\"></p>\n\
             <div class=\"scroll\"><table><thead><tr id=\"heads\"></tr></thead><tbody id=\"rows\"></tbody></table></div>\n\
             <nav id=\"pager\" aria-label=\"Pages\"></nav>\n</div>\n</section>"
        )
    }
}

/// Counts as a bar of coloured parts, as long as they are many.
fn write_bar(out: &mut String, counts: &[u64; 5], most: u64) -> fmt::Result {
    let total: u64 = counts.iter().sum();
    let words: Vec<String> = Severity::ALL
        .into_iter()
        .rev()
        .filter(|severity| counts[severity.rank()] > 0)
        .map(|severity| format!("{} {severity}", grouped(counts[severity.rank()])))
        .collect();
    write!(
        out,
        "<svg class=\"bar\" viewBox=\"0 0 100 4\" preserveAspectRatio=\"none\" role=\"img\" aria-label=\"{0}\"><title>{0}</title>",
        words.join(", ")
    )?;
    let mut at = 0.0;
    for severity in Severity::ALL.into_iter().rev() {
        let wide = counts[severity.rank()] as f64 * 100.0 / most.max(1) as f64;
        if wide > 0.0 {
            write!(out, "<rect class=\"{severity}\" x=\"{at:.2}\" y=\"0\" width=\"{wide:.2}\" height=\"4\"/>")?;
            at += wide;
        }
    }
    write!(out, "</svg><span class=\"sum\">{}</span>", grouped(total))
}

/// Text in markup or in a quoted attribute, on one line.
pub(super) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    for symbol in crate::text::clean(text).chars() {
        match symbol {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            symbol => out.push(symbol),
        }
    }
    out
}
