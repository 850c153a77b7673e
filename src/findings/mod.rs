//! Bytes into findings: what a report is, how it is read, and who gets its rows.
//!
//! A source of bytes is looked at ([`sniff`]): plain, zipped or compressed XML is read, anything else is named for what
//! it is. Then `nessus` turns hosts into rows, an [`Emitter`] gives each row its id, and a [`FindingSink`] gets them
//! one by one in the report's order; a [`filter`] tells it which of them are wanted. Nothing here holds a report.
//!
//! A vendor whose results are JSON maps them to [`Host`] and [`Details`] itself and hands them to an [`Emitter`].
//!
//! Not for: fetching reports, or writing findings in a format.

mod archive;
pub mod baseline;
pub mod bound;
pub mod filter;
mod foreign;
pub mod hosts;
mod identity;
mod input;
mod nessus;
mod numbering;
mod paged;
mod saved;
mod shape;
pub mod sniff;

use std::borrow::Cow;
use std::io::{Cursor, Read};
use std::sync::atomic::Ordering;

use crate::error::{Error, Result};
use identity::EntryIds;
use numbering::Numbering;
use saved::Beginning;

pub use identity::FindingId;
pub use input::Chunks;
pub use numbering::HostSet;
pub use shape::{
    Attachment, Compliance, Cvss, Dates, Details, Exploit, Finding, Host, Origin, Severity, SeveritySource, Source,
    Text,
};

/// The name of a row that tells of an open port and of nothing else.
pub const OPEN_PORT: &str = "open port";

/// What to give in place of a file that holds no findings.
const READABLE: &str = "take a .nessus report, or what `scanctl results` wrote with `-f json` or `-f ndjson`";

/// How much of each row a sink looks at. What it does not need may be missing from the rows it gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Needs {
    /// Id, host, port, service, plugin, severity.
    Core,
    /// Also references, scores, dates, exploits, a compliance check's name and result.
    Facts,
    /// Also all text, attachments and everything that has no place of its own.
    All,
}

/// Something that takes findings in the report's order.
///
/// It is called from several threads, but never by two at once.
pub trait FindingSink: Send {
    /// Takes the next finding. An error ends the decoding.
    ///
    /// # Errors
    /// Whatever keeps the sink from going on.
    fn finding(&mut self, finding: &Finding<'_>) -> Result<()>;

    /// How much of each row is looked at; asked once, before the first.
    fn needs(&self) -> Needs {
        Needs::All
    }
}

impl<S: FindingSink + ?Sized> FindingSink for Box<S> {
    fn finding(&mut self, finding: &Finding<'_>) -> Result<()> {
        (**self).finding(finding)
    }

    fn needs(&self) -> Needs {
        (**self).needs()
    }
}

impl<S: FindingSink + ?Sized> FindingSink for &mut S {
    fn finding(&mut self, finding: &Finding<'_>) -> Result<()> {
        (**self).finding(finding)
    }

    fn needs(&self) -> Needs {
        (**self).needs()
    }
}

/// How a report was read.
#[derive(Debug, Default)]
pub struct Decoded {
    /// Hosts seen, each once, those without a row included.
    pub hosts: u64,
    /// Rows given to the sink.
    pub findings: u64,
    /// Bytes and characters that no document may hold; each was replaced by U+FFFD.
    pub replaced: u64,
    /// Why the report was not read to its end; what came before went to the sink. An [`Error`] of kind `bad_data`
    /// (not a report at all, broken, cut off), or the one with which the source failed.
    pub problem: Option<Error>,
}

impl Decoded {
    /// Whether the report was read whole.
    pub fn is_complete(&self) -> bool {
        self.problem.is_none()
    }
}

/// Reads a report of a Nessus scanner, bare or packed, and gives each of its findings to a sink.
///
/// Blocks until the source ends; a source that stalls stalls it, also after the sink has failed.
///
/// # Errors
/// Those of the sink. What is wrong with the report is [`Decoded::problem`], since findings may come before it.
pub fn decode(source: impl Read + Send, origin: &Origin, sink: &mut dyn FindingSink) -> Result<Decoded> {
    let emitter = Emitter::new(origin, sink);
    match sniff::open(source) {
        Ok((document, replaced)) => {
            let mut decoded = nessus::decode(document, emitter)?;
            decoded.replaced += replaced.load(Ordering::Relaxed);
            Ok(decoded)
        }
        Err(problem) => Ok(Decoded { problem: Some(problem), ..Decoded::default() }),
    }
}

/// Reads a report as [`decode`] does, or findings that this program wrote as JSON.
///
/// # Errors
/// Those of the sink.
pub fn decode_any(mut source: impl Read + Send, origin: &Origin, sink: &mut dyn FindingSink) -> Result<Decoded> {
    let mut head = Vec::with_capacity(saved::HEAD);
    let beginning = loop {
        let before = head.len();
        if let Err(failure) = source.by_ref().take(saved::HEAD as u64).read_to_end(&mut head) {
            return Ok(Decoded { problem: Some(input::read_failure(failure)), ..Decoded::default() });
        }
        let beginning = saved::recognizes(&head);
        if beginning != Beginning::Short || head.len() == before || head.len() >= saved::LONGEST_HEAD {
            break beginning;
        }
    };
    let whole = Cursor::new(head).chain(source);
    match beginning {
        Beginning::Of(kind) => saved::decode(whole, kind, sink),
        Beginning::Other | Beginning::Short => {
            let mut decoded = decode(whole, origin, sink)?;
            decoded.problem = decoded.problem.map(|problem| {
                let is_foreign = problem.message().starts_with(sniff::FOREIGN);
                if is_foreign { problem.or_hint(|| READABLE.to_owned()) } else { problem }
            });
            Ok(decoded)
        }
    }
}

/// Reads findings that this program wrote as lines. None at all are none, and no report that is missing.
///
/// # Errors
/// Those of the sink.
pub fn decode_lines(source: impl Read, sink: &mut dyn FindingSink) -> Result<Decoded> {
    saved::decode(source, saved::Kind::Lines, sink)
}

/// Reads one whole answer of a vendor's API as findings. `Err` is the sink's; `Some` is what is wrong with the answer,
/// and ends the reading.
pub type PageReader = Box<dyn FnMut(&[u8], &mut Emitter<'_>) -> Result<Option<Error>> + Send>;

/// Reads a result that comes as answers of a vendor's API, one a chunk. Blocks as [`decode`] does.
///
/// # Errors
/// Those of the sink.
pub fn decode_pages(
    mut pages: Chunks,
    mut read: PageReader,
    origin: &Origin,
    sink: &mut dyn FindingSink,
) -> Result<Decoded> {
    let mut emitter = Emitter::new(origin, sink);
    let mut problem = None;
    while let Some(page) = pages.next_chunk() {
        problem = match page {
            Ok(page) => read(&page, &mut emitter)?,
            Err(problem) => Some(problem),
        };
        if problem.is_some() {
            break;
        }
    }
    Ok(Decoded { problem, ..emitter.decoded() })
}

/// Gives rows their ids and hands them on.
pub struct Emitter<'s> {
    origin: &'s Origin,
    sink: &'s mut dyn FindingSink,
    numbering: Numbering,
    findings: u64,
}

impl<'s> Emitter<'s> {
    /// For one report.
    pub fn new(origin: &'s Origin, sink: &'s mut dyn FindingSink) -> Self {
        Self { origin, sink, numbering: Numbering::default(), findings: 0 }
    }

    /// The report.
    pub fn origin(&self) -> &'s Origin {
        self.origin
    }

    /// What the sink needs of each row.
    pub fn needs(&self) -> Needs {
        self.sink.needs()
    }

    /// Takes rows of one host, as many at once as may have equal keys: their order does not change their ids. A host that
    /// comes again counts once.
    ///
    /// # Errors
    /// Those of the sink.
    pub fn host(&mut self, host: &Host<'_>, rows: &[Details<'_>]) -> Result<()> {
        let output = |row: usize| {
            let details = rows.get(row)?;
            details.output.as_deref().or(details.description.as_deref()).map(Cow::Borrowed)
        };
        let mut ids = EntryIds::new(self.origin.source, host, rows, output);
        self.entry(host, rows, &mut ids)
    }

    fn entry(&mut self, host: &Host<'_>, rows: &[Details<'_>], ids: &mut EntryIds) -> Result<()> {
        let numbered = self.numbering.number(self.origin.source, rows, ids);
        let host_number = numbered.map_err(|problem| numbering::untracked(&problem))?;
        self.findings += rows.len() as u64;
        for (id, details) in ids.ids().zip(rows) {
            self.sink.finding(&Finding { id, origin: self.origin, host, host_number, details })?;
        }
        Ok(())
    }

    /// What went by so far.
    fn decoded(&self) -> Decoded {
        Decoded { hosts: self.numbering.hosts(), findings: self.findings, ..Decoded::default() }
    }
}
