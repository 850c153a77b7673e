//! Findings as one page that needs nothing else: counts, a chart of severities, the hosts and checks that matter most,
//! and a table that can be searched, sorted and opened row by row. Light and dark, wide and narrow, from disk.
//!
//! - **No network.** The page's policy (`default-src 'none'`) lets nothing be loaded or sent, and lets only its own
//!   script and styles work, by their hashes. Links that vendors give are followed by whoever clicks them, nobody else.
//! - **Vendors' text is data**: in blocks of JSON in which no text can end the block (`document::Embedded`), put on the page as
//!   text only. What is in the page's own markup is escaped.
//! - **Streamed.** Rows and texts are written block by block as they come ([`blocks`]), each check's texts once. The
//!   counts follow at the end; they stand in the markup, and so are there without scripts too.
//! - **Bounded.** More than 100,000 findings, or 64 MiB of texts, no browser shows gladly: the rest is counted, and the
//!   page says so. Texts are cut at 16 KiB.
//! - **Honest.** A report that was not read whole is marked at the top; a page that itself was cut off says so, since
//!   what hides that mark comes last.

mod blocks;
mod page;
#[cfg(test)]
mod tests;

use std::io::Write;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use jiff::Timestamp;

use self::blocks::Blocks;
use super::document::Document;
use super::summary::Summary;
use super::{About, Change, Options, ReportWriter};
use crate::error::Result;
use crate::findings::{Decoded, Finding, FindingSink, Severity};

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");
/// Comes last, and so tells that the page is whole.
const WHOLE: &str = ".loading{display:none}";

/// So many reports are told of one by one.
const REPORTS: usize = 200;

/// A writer.
pub(super) fn open(out: Box<dyn Write + Send>, options: &Options) -> Box<dyn ReportWriter> {
    Box::new(Writer {
        out: Document::new(out),
        filter: options.filter.clone(),
        has_begun: false,
        summary: Summary::default(),
        blocks: Blocks::default(),
        reports: Vec::new(),
        count: 0,
        hosts: 0,
        read: 0,
        incomplete: false,
    })
}

struct Writer {
    out: Document,
    /// In the user's words.
    filter: Option<String>,
    has_begun: bool,
    summary: Summary,
    blocks: Blocks,
    /// The first reports.
    reports: Vec<Report>,
    count: usize,
    hosts: u64,
    /// Findings of the reports, those included that the filter left out.
    read: u64,
    incomplete: bool,
}

/// A report, as far as the page tells of it.
struct Report {
    address: String,
    name: Option<String>,
    product: Option<&'static str>,
    started_at: Option<Timestamp>,
    ended_at: Option<Timestamp>,
    findings: u64,
    complete: bool,
}

impl Writer {
    fn write(&mut self, finding: &Finding<'_>, change: Option<Change>) -> Result<()> {
        self.summary.add(finding, change);
        self.blocks.add(finding, change, &mut self.out);
        self.out.settle()
    }

    fn start(&mut self, title: &str) {
        if !std::mem::replace(&mut self.has_begun, true) {
            let title = page::escaped(title);
            let policy = format!(
                "default-src 'none'; script-src {}; style-src {} {}; base-uri 'none'; form-action 'none'",
                hash(SCRIPT),
                hash(STYLE),
                hash(WHOLE)
            );
            self.out.text(&format!(
                "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
                 <meta http-equiv=\"Content-Security-Policy\" content=\"{policy}\">\n\
                 <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
                 <meta name=\"color-scheme\" content=\"light dark\">\n\
                 <meta name=\"referrer\" content=\"no-referrer\">\n\
                 <meta name=\"generator\" content=\"scanctl {version}\">\n\
                 <title>Scan findings · {title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n\
                 <p class=\"loading\">Reading the findings… If this line stays, the page was cut off while it was \
                 written, and is not whole.</p>\n",
                version = env!("CARGO_PKG_VERSION"),
            ));
        }
    }
}

impl FindingSink for Writer {
    fn finding(&mut self, finding: &Finding<'_>) -> Result<()> {
        self.write(finding, None)
    }
}

impl ReportWriter for Writer {
    fn begin(&mut self, about: &About) -> Result<()> {
        self.start(&about.address);
        self.summary.next_report();
        self.count += 1;
        self.blocks.next_report(self.count - 1);
        if self.reports.len() < REPORTS {
            self.reports.push(Report {
                address: about.address.clone(),
                name: about.name.clone(),
                product: about.product,
                started_at: about.started_at,
                ended_at: about.ended_at,
                findings: 0,
                complete: false,
            });
        }
        self.out.settle()
    }

    fn compared(&mut self, finding: &Finding<'_>, change: Change, _before: Option<Severity>) -> Result<()> {
        self.write(finding, Some(change))
    }

    fn end(&mut self, decoded: &Decoded, complete: bool) -> Result<()> {
        self.hosts += decoded.hosts;
        self.read += decoded.findings;
        self.incomplete |= !complete;
        let number = self.count.saturating_sub(1);
        let findings = self.blocks.of_report();
        if let Some(report) = self.reports.get_mut(number) {
            (report.findings, report.complete) = (findings, complete);
        }
        self.out.settle()
    }

    fn finish(&mut self, complete: bool) -> Result<()> {
        self.start("no report");
        self.blocks.finish(&mut self.out);
        let mut text = String::new();
        let told = page::Told {
            summary: &self.summary,
            reports: &self.reports,
            count: self.count,
            hosts: self.hosts,
            filter: self.filter.as_deref(),
            read: self.read,
            incomplete: self.incomplete || !complete,
            unlisted: self.blocks.unlisted(),
        };
        // Writing to memory cannot fail.
        let _infallible = told.write(&mut text);
        self.out.text(&text);
        self.out.text(&format!("<style>{WHOLE}</style>\n<script>{SCRIPT}</script>\n</body>\n</html>\n"));
        self.out.flush()
    }

    fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        if self.blocks.unlisted() > 0 {
            notes.push(format!(
                "HTML: {} findings are counted but not listed; a page with more than {} is of no use",
                self.blocks.unlisted(),
                blocks::MOST_ROWS
            ));
        }
        if self.blocks.has_dropped_texts() {
            notes.push(format!("HTML: texts beyond {} MiB were left out", blocks::MOST_TEXT >> 20));
        }
        notes
    }
}

/// What the policy calls a script or style by.
fn hash(text: &str) -> String {
    let digest = ring::digest::digest(&ring::digest::SHA256, text.as_bytes());
    format!("'sha256-{}'", BASE64_STANDARD.encode(digest))
}
