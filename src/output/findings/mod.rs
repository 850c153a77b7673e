//! Findings in the formats that people and programs read: one file a format, each with its specification.
//!
//! A writer takes reports one after the other, each as [`ReportWriter::begin`], findings, [`ReportWriter::end`], and
//! closes its document in [`ReportWriter::finish`]. It holds no report: what a format wants at its end is counted or kept
//! within bounds. Every format is a valid document with no finding at all.
//!
//! Not for: files and their names, gates, and what a closed pipe means; a writer only writes.

mod columns;
mod csv;
mod defectdojo;
pub mod diff;
mod document;
mod facts;
mod html;
mod json;
mod markdown;
mod ocsf;
mod out;
#[cfg(test)]
mod sample;
mod sarif;
mod scores;
mod states;
mod summary;
mod table;
#[cfg(test)]
mod testing;
mod words;

use std::io::Write;
use std::path::Path;
use std::str::FromStr;

use jiff::Timestamp;

use super::wanted::FormatWord;
use crate::error::{Error, Result, nearest};
use crate::findings::baseline::Change;
use crate::findings::{Decoded, Finding, FindingSink, Origin, Severity};

pub use columns::{Column, Columns};

/// A format of findings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FindingFormat {
    /// For people.
    Table,
    /// One document.
    Json,
    /// One object a line.
    Ndjson,
    /// Comma-separated, safe for spreadsheets.
    Csv,
    /// SARIF 2.1.0, as GitHub's code scanning takes it.
    Sarif,
    /// OCSF 1.8.0 Vulnerability Findings, one event a line.
    Ocsf,
    /// The same in one array.
    OcsfArray,
    /// DefectDojo's Generic Findings Import.
    Defectdojo,
    /// A summary for a comment or a ticket.
    Markdown,
    /// One page for a browser, self-contained.
    Html,
}

impl FindingFormat {
    /// Every format.
    pub const ALL: [Self; 10] = [
        Self::Table,
        Self::Json,
        Self::Ndjson,
        Self::Csv,
        Self::Sarif,
        Self::Ocsf,
        Self::OcsfArray,
        Self::Defectdojo,
        Self::Markdown,
        Self::Html,
    ];

    /// The word on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Table => "table",
            Self::Json => "json",
            Self::Ndjson => "ndjson",
            Self::Csv => "csv",
            Self::Sarif => "sarif",
            Self::Ocsf => "ocsf",
            Self::OcsfArray => "ocsf-array",
            Self::Defectdojo => "defectdojo",
            Self::Markdown => "markdown",
            Self::Html => "html",
        }
    }

    /// How many reports one document can hold, where there is a limit.
    pub const fn most_reports(self) -> Option<usize> {
        match self {
            Self::Sarif => Some(sarif::MOST_RUNS),
            _ => None,
        }
    }
}

impl FormatWord for FindingFormat {
    const USUAL: Self = Self::Table;
    const RAW: Self = Self::Json;

    fn name(self) -> &'static str {
        self.name()
    }

    fn of_extension(path: &Path) -> Option<Self> {
        match path.extension()?.to_str()? {
            "json" => Some(Self::Json),
            "ndjson" | "jsonl" => Some(Self::Ndjson),
            "csv" => Some(Self::Csv),
            "sarif" => Some(Self::Sarif),
            "md" | "markdown" => Some(Self::Markdown),
            "html" | "htm" => Some(Self::Html),
            "txt" => Some(Self::Table),
            _ => None,
        }
    }

    fn of_environment(text: &str) -> Result<Option<Self>> {
        text.parse().map(Some)
    }
}

impl FromStr for FindingFormat {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let names = Self::ALL.map(Self::name);
        Self::ALL.into_iter().find(|format| format.name() == text).ok_or_else(|| {
            let error = Error::usage(format!("unknown format of findings `{text}`"));
            match nearest(text, names) {
                Some(near) => error.hint(format!("did you mean `{near}`?")),
                None => error.hint(format!("the formats of findings are {}", names.join(", "))),
            }
        })
    }
}

/// What a document needs to know beside the findings.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The width that a table is to fit; `None` where nothing must be cut.
    pub width: Option<u16>,
    /// Whether a table has colour.
    pub color: bool,
    /// Whether rows that tell of an open port alone are events of OCSF too.
    pub include_ports: bool,
    /// The columns of table and CSV, where others are wanted than those they have by themselves.
    pub columns: Option<Columns>,
    /// The filter that findings have passed, in the user's words (`--severity high`); `None` where there is none.
    pub filter: Option<String>,
    /// How many reports will come; 0 where nobody knows. What a format allows in all is shared out among them.
    pub reports: usize,
}

/// What a writer is told of a report before its first finding.
#[derive(Debug, Clone, Default)]
pub struct About {
    /// Where its findings come from.
    pub origin: Origin,
    /// The address of its run, or the file's name; for people.
    pub address: String,
    /// The local file that it was read from, as the user named it.
    pub file: Option<String>,
    /// The vendor's product, where the report came from an API.
    pub product: Option<&'static str>,
    /// The scan's name.
    pub name: Option<String>,
    /// When the run began.
    pub started_at: Option<Timestamp>,
    /// When the run ended.
    pub ended_at: Option<Timestamp>,
    /// The file that declares the scan, relative and with `/`, and the line in it.
    pub declared: Option<(String, u64)>,
}

/// Writes reports as one document.
pub trait ReportWriter: FindingSink {
    /// A report begins.
    ///
    /// # Errors
    /// Exit 1 when the document cannot be written; so for every method here.
    fn begin(&mut self, about: &About) -> Result<()>;

    /// A finding that was compared with an older report, in which it was of the severity `before`. Formats without a word
    /// for it write what is in the newer one.
    ///
    /// # Errors
    /// As for [`FindingSink::finding`].
    fn compared(&mut self, finding: &Finding<'_>, change: Change, _before: Option<Severity>) -> Result<()> {
        match change {
            Change::New | Change::Changed | Change::Unchanged => self.finding(finding),
            Change::Fixed | Change::Unseen => Ok(()),
        }
    }

    /// The report has ended. `complete` also tells what is known beside the decoding, that the run was still active for
    /// instance.
    ///
    /// # Errors
    /// As above.
    fn end(&mut self, decoded: &Decoded, complete: bool) -> Result<()>;

    /// All reports have ended; nothing more is written.
    ///
    /// # Errors
    /// As above.
    fn finish(&mut self, complete: bool) -> Result<()>;

    /// What the user must know of what the document left out: findings beyond a limit of the format, for instance.
    fn notes(&self) -> Vec<String> {
        Vec::new()
    }
}

/// A writer of a format.
pub fn open(format: FindingFormat, out: Box<dyn Write + Send>, options: &Options) -> Box<dyn ReportWriter> {
    match format {
        FindingFormat::Table => table::open(out, options),
        FindingFormat::Json => json::document(out),
        FindingFormat::Ndjson => json::lines(out),
        FindingFormat::Csv => csv::open(out, options),
        FindingFormat::Sarif => sarif::open(out, options),
        FindingFormat::Ocsf => ocsf::lines(out, options),
        FindingFormat::OcsfArray => ocsf::array(out, options),
        FindingFormat::Defectdojo => defectdojo::open(out),
        FindingFormat::Markdown => markdown::open(out, options),
        FindingFormat::Html => html::open(out, options),
    }
}
