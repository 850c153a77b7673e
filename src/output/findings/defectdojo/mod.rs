//! Findings for DefectDojo's Generic Findings Import: one JSON object, its `findings` streamed.
//!
//! DefectDojo refuses the whole import for one unknown key, for a text too long for its column, or for a NUL. And it
//! takes two findings for one that agree in title, CWE, description and service. Therefore:
//!
//! - **`title`** names the place, `NAME on HOST:443/tcp`, cut in the name and never in the place. Further rows of one
//!   check at one place end in ` (2)`, ` (3)`; further addresses with one host name in ` [ADDRESS]`.
//! - **`description`** is what the vendor says of the check and the same in each run. What was seen on the host is in
//!   `steps_to_reproduce`.
//! - **`date`** is when the finding was first seen, else when its host or run was scanned, else left out (DefectDojo
//!   then takes the day of the import).
//! - **`endpoints`** have a scheme that DefectDojo knows, else the transport.
//! - Texts are shown as Markdown there: markup in the vendor's texts is made inert, output stands in a fence.
//!
//! A report that was not read whole is said to be so in the `description` of the whole import.

mod item;
#[cfg(test)]
mod tests;
mod texts;
mod titles;

use std::fmt::Write as _;
use std::io::Write;

use jiff::Timestamp;

use self::item::item;
use self::texts::plain;
use self::titles::{TITLE, Titles};
use super::document::{Document, shorten};
use super::{About, Change, ReportWriter};
use crate::error::Result;
use crate::findings::{Decoded, Finding, FindingSink, Severity};

/// A writer.
pub(super) fn open(out: Box<dyn Write + Send>) -> Box<dyn ReportWriter> {
    Box::new(Writer {
        out: Document::new(out),
        findings: 0,
        reports: Vec::new(),
        more: 0,
        time: None,
        titles: Titles::default(),
    })
}

struct Writer {
    out: Document,
    findings: u64,
    /// Names of the first reports.
    reports: Vec<String>,
    more: usize,
    /// When the report's run ended or began.
    time: Option<Timestamp>,
    titles: Titles,
}

/// So many reports are named.
const NAMED: usize = 5;

impl Writer {
    fn write(&mut self, finding: &Finding<'_>, change: Option<Change>) -> Result<()> {
        if self.findings == 0 {
            self.start();
        }
        self.out.text(if self.findings == 0 { "\n" } else { ",\n" });
        self.findings += 1;
        let suffix = self.titles.suffix(finding);
        self.out.json(&item(finding, change, &suffix, self.time));
        self.out.settle()
    }

    fn start(&mut self) {
        self.out.text("{\"type\":\"scanctl\",\"dynamic_tool\":true,\"static_tool\":false,\"findings\":[");
    }
}

impl FindingSink for Writer {
    fn finding(&mut self, finding: &Finding<'_>) -> Result<()> {
        self.write(finding, None)
    }
}

impl ReportWriter for Writer {
    fn begin(&mut self, about: &About) -> Result<()> {
        self.time = about.ended_at.or(about.started_at);
        self.titles.next_report();
        if self.reports.len() < NAMED {
            self.reports.push(match &about.name {
                Some(name) => format!("{name} ({})", about.address),
                None => about.address.clone(),
            });
        } else {
            self.more += 1;
        }
        Ok(())
    }

    fn compared(&mut self, finding: &Finding<'_>, change: Change, _before: Option<Severity>) -> Result<()> {
        if change == Change::Unseen {
            // There is no word for what nobody knows.
            return Ok(());
        }
        self.write(finding, Some(change))
    }

    fn end(&mut self, _decoded: &Decoded, _complete: bool) -> Result<()> {
        Ok(())
    }

    fn finish(&mut self, complete: bool) -> Result<()> {
        if self.findings == 0 {
            self.start();
        }
        self.out.text(if self.findings == 0 { "]" } else { "\n]" });
        let mut name = self.reports.join(", ");
        if self.more > 0 {
            let _ = write!(name, " and {} more", self.more);
        }
        if !name.trim().is_empty() {
            self.out.text(",\"name\":");
            self.out.json(&plain(&shorten(&name, TITLE)));
        }
        if !complete {
            self.out.text(",\"description\":\"Incomplete: a report was not read whole, findings are missing.\"");
        }
        self.out.text("}\n");
        self.out.flush()
    }
}
