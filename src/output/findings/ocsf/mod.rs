//! Findings as OCSF 1.8.0 Vulnerability Findings (class 2002), one event a finding: NDJSON, or one array.
//!
//! - **`time`** must be there and is the moment of the finding: when it was last seen, else when the scan of its host
//!   ended or began, else when the run did. Where the report gives none of these it is the moment at which the event was
//!   written. `unmapped.scanctl.time_source` says which: `finding`, `host`, `run` or `written`. Instants outside 1990
//!   to 2100 are taken for none.
//! - **`vulnerabilities`** has one entry for each CVE; a check without one has a single entry with an `advisory` whose
//!   `uid` is the plugin's id. The class wants exactly one of `advisory`, `cve` and `cwe` in each.
//! - **Scores** are the check's, and so the same in each of its CVE entries. What has no place there (an advisory has
//!   none for CVSS; a version 3 score without a vector does not tell 3.0 from 3.1) is in `unmapped.cvss`.
//! - **Texts of the check** (`remediation`, `references`, `desc`) are repeated in each entry while that is at most 64 KiB
//!   an event; beyond, the first entry alone has them.
//! - **Port** has no attribute on a resource: it is an observable without a name, and in `unmapped`.
//! - **Long texts** are cut at 16 KiB, with `metadata.is_truncated`.
//! - **State** follows the vendor's word or the comparison with an older report; without either there is no
//!   `status_id`.
//! - **Rows that tell of an open port alone** are no vulnerabilities and left out, with a note that counts them, unless
//!   they are asked for.
//!
//! Neither form can say that a report was not read whole.

mod event;
mod mapping;
#[cfg(test)]
mod tests;

use std::io::Write;

use jiff::Timestamp;

use super::document::Document;
use super::summary::is_open_port;
use super::{About, Change, Options, ReportWriter};
use crate::error::Result;
use crate::findings::{Decoded, Finding, FindingSink, Severity, Source};
use mapping::{event, milliseconds};

/// One event a line.
pub(super) fn lines(out: Box<dyn Write + Send>, options: &Options) -> Box<dyn ReportWriter> {
    Box::new(Writer::new(out, options, false))
}

/// All events in one array.
pub(super) fn array(out: Box<dyn Write + Send>, options: &Options) -> Box<dyn ReportWriter> {
    Box::new(Writer::new(out, options, true))
}

struct Writer {
    out: Document,
    is_array: bool,
    include_ports: bool,
    events: u64,
    open_ports: u64,
    report: Report,
}

/// What is the same for each event of a report.
#[derive(Default)]
struct Report {
    address: String,
    product: &'static str,
    labels: Vec<String>,
    time: Option<i64>,
    written: i64,
}

impl Writer {
    fn new(out: Box<dyn Write + Send>, options: &Options, is_array: bool) -> Self {
        Self {
            out: Document::new(out),
            is_array,
            include_ports: options.include_ports,
            events: 0,
            open_ports: 0,
            report: Report::default(),
        }
    }

    fn write(&mut self, finding: &Finding<'_>, change: Option<Change>) -> Result<()> {
        if !self.include_ports && is_open_port(finding) {
            self.open_ports += 1;
            return Ok(());
        }
        if self.is_array {
            self.out.text(if self.events == 0 { "[\n" } else { ",\n" });
        }
        self.events += 1;
        self.out.json(&event(finding, change, &self.report));
        if !self.is_array {
            self.out.text("\n");
        }
        self.out.settle()
    }
}

impl FindingSink for Writer {
    fn finding(&mut self, finding: &Finding<'_>) -> Result<()> {
        self.write(finding, None)
    }
}

impl ReportWriter for Writer {
    fn begin(&mut self, about: &About) -> Result<()> {
        self.report = Report {
            address: about.address.clone(),
            product: about.product.unwrap_or(match about.origin.source {
                // A file does not tell which product its scanner served; the format is the scanner's.
                Source::Tenable => "Nessus",
                Source::Jsa => "Juniper Secure Analytics",
                Source::Cloudflare => "Cloudflare",
            }),
            labels: about.origin.profile.iter().map(|profile| format!("profile:{profile}")).collect(),
            time: [about.ended_at, about.started_at].into_iter().find_map(milliseconds),
            written: Timestamp::now().as_millisecond(),
        };
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

    fn finish(&mut self, _complete: bool) -> Result<()> {
        if self.is_array {
            self.out.text(if self.events == 0 { "[]\n" } else { "\n]\n" });
        }
        self.out.flush()
    }

    fn notes(&self) -> Vec<String> {
        let left_out = self.open_ports;
        if left_out == 0 {
            return Vec::new();
        }
        let what = if left_out == 1 { "row that tells" } else { "rows that tell" };
        vec![format!(
            "OCSF: left out {left_out} {what} of an open port alone, which is no vulnerability; \
             --include-ports makes events of such rows"
        )]
    }
}
