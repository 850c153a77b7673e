//! A result on its way from a vendor: the bytes, and how they are to be read.
//!
//! A backend ends here. It reads the run, asks for the result, and hands on a stream; it knows neither findings' formats
//! nor files.

use std::time::Instant;

use crate::error::{Error, Result};
use crate::exit::Exit;
use crate::findings::{PageReader, Source};
pub use crate::http::download::Download;
use crate::model::{ExportFormat, Run, RunState};
use crate::secret::Secret;

/// How a result is to be fetched.
pub struct Fetch<'a> {
    /// Take what there is of a run that is active, or did not end well.
    pub partial: bool,
    /// Ask the API that analyses findings, page by page, and not for the report.
    pub via_analysis: bool,
    /// How long a vendor may take to prepare a file.
    pub deadline: Instant,
    /// Tells what is going on while nothing comes yet.
    pub tell: &'a dyn Fn(&str),
}

impl std::fmt::Debug for Fetch<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Fetch").field("partial", &self.partial).finish_non_exhaustive()
    }
}

/// What an export is to be.
#[derive(Debug, Clone)]
pub struct ExportOrder {
    /// The file's format; one of the backend's.
    pub format: ExportFormat,
    /// Chapters of a document; empty for the usual ones.
    pub chapters: Vec<String>,
    /// The asset whose database is wanted.
    pub asset: Option<String>,
    /// The password that encrypts a database.
    pub password: Option<Secret>,
}

/// A result, from its first byte on.
pub struct Report<'a> {
    /// The run as it was read before: its ids, name, state and times.
    pub run: Run,
    /// Whose checks the findings follow.
    pub source: Source,
    /// How the bytes are read as findings; none where they cannot be.
    pub decoder: Option<Decoder>,
    /// The bytes.
    pub download: Download<'a>,
    /// Why this is not the whole result, where that is known before the first byte.
    pub incomplete: Option<String>,
    /// What the user must know.
    pub notes: Vec<String>,
}

impl std::fmt::Debug for Report<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Report").field("run", &self.run).finish_non_exhaustive()
    }
}

/// How bytes are read as findings.
pub enum Decoder {
    /// A report in Tenable's XML, bare or packed; where chunks begin and end means nothing.
    Nessus,
    /// Each chunk is one whole answer of the vendor's API.
    Pages(PageReader),
}

impl std::fmt::Debug for Decoder {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::Nessus => "Nessus",
            Self::Pages(_) => "Pages",
        })
    }
}

/// Whether a run's result is whole, by the run's state: `None`, or why what there is of it is not.
///
/// # Errors
/// Exit 6 where it is not whole and a part is not wanted.
pub fn settled(address: &str, run: &Run, partial: bool) -> Result<Option<String>> {
    let (why, instead) = match run.state {
        Some(RunState::Completed | RunState::Imported | RunState::Ended | RunState::ResultsAvailable) => {
            return Ok(None);
        }
        Some(RunState::Idle) => {
            let error = Error::new(Exit::InvalidState, format!("`{address}` has never run: there is no result"));
            return Err(error.hint("`scanctl launch` starts a run, with `--wait` up to its end"));
        }
        Some(state) if state.is_terminal() => (format!("the run ended {}", state.name()), ""),
        Some(RunState::Paused) => ("the run is paused".to_owned(), "`scanctl resume` lets it go on; "),
        Some(state) => (format!("the run is {}", state.name()), "`scanctl wait` waits for its end; "),
        None => ("the vendor does not say that the run has ended".to_owned(), ""),
    };
    let native = run.native_state.as_deref().filter(|word| run.state.is_none_or(|state| state.name() != *word));
    let native = native.map_or(String::new(), |word| format!(" (\"{word}\")"));
    let message = run.message.as_ref().map_or(String::new(), |message| format!(": {message}"));
    let why = format!("{why}{native}{message}");
    if partial {
        return Ok(Some(why));
    }
    let name = run.name.as_ref().map_or(String::new(), |name| format!(" \"{name}\""));
    let which = run.run.as_ref().map_or(String::new(), |id| format!(" (run {id}{name})"));
    let error = Error::new(Exit::InvalidState, format!("{why}, so its result is not whole{which}"));
    Err(error.hint(format!("{instead}--partial takes what there is, marked as incomplete")))
}
