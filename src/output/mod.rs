//! Where data goes and in what shape: stdout and files, as table, JSON, NDJSON or CSV. [`delivery`] does the same for
//! findings, which are too many to hold.
//!
//! Files are opened before the first request ([`place`]). What is written while it comes goes through [`pipe`].

pub mod delivery;
pub mod findings;
pub mod pipe;
pub mod place;
pub mod rows;
pub mod safe;
pub mod schema;
mod table;
pub mod wanted;
pub mod whole;

use std::cell::RefCell;
use std::path::Path;
use std::rc::Rc;
use std::str::FromStr;

use serde_json::json;

use crate::error::{Error, Result, nearest};
use crate::text::clean;
use crate::ui::Ui;
use findings::FindingFormat;
use place::Target;
use rows::Row;
use wanted::{FormatWord, Where};

pub use wanted::Wanted;

/// A format of rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// For people.
    Table,
    /// One document.
    Json,
    /// One object a line, each as it comes.
    Ndjson,
    /// Comma-separated, safe for spreadsheets.
    Csv,
}

impl Format {
    /// Every format.
    pub const ALL: [Self; 4] = [Self::Table, Self::Json, Self::Ndjson, Self::Csv];

    /// The word on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Table => "table",
            Self::Json => "json",
            Self::Ndjson => "ndjson",
            Self::Csv => "csv",
        }
    }
}

impl FormatWord for Format {
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
            "txt" => Some(Self::Table),
            _ => None,
        }
    }

    fn of_environment(text: &str) -> Result<Option<Self>> {
        match text.parse() {
            Ok(format) => Ok(Some(format)),
            // The variable is for every command, and such a format for some: the others print as they usually do.
            Err(_) if text.parse::<FindingFormat>().is_ok() => Ok(None),
            Err(unknown) => Err(unknown),
        }
    }
}

impl FromStr for Format {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let names = Self::ALL.map(Self::name);
        Self::ALL.into_iter().find(|format| format.name() == text).ok_or_else(|| {
            if text.parse::<FindingFormat>().is_ok() {
                return Error::usage(format!("`{text}` is a format of findings, and there are none here"))
                    .hint("`scanctl results` reads findings and writes them in that format");
            }
            let error = Error::usage(format!("unknown format `{text}`"));
            match nearest(text, names) {
                Some(near) => error.hint(format!("did you mean `{near}`?")),
                None => error.hint(format!("the formats are {}", names.join(", "))),
            }
        })
    }
}

/// All places of one command's data.
#[derive(Debug)]
pub struct Output {
    ui: Rc<Ui>,
    sinks: Vec<Sink>,
    raw: bool,
    /// `--quiet` on a verb whose stdout is then addresses.
    addresses_only: bool,
    streamed: RefCell<usize>,
}

#[derive(Debug)]
struct Sink {
    format: Format,
    place: Place,
}

#[derive(Debug)]
enum Place {
    Stdout,
    File(Target),
}

impl Output {
    /// Reads what is wanted and opens every file.
    ///
    /// # Errors
    /// Exit 2 for an unknown format, a file without one, or a file that cannot be opened.
    pub fn open(wanted: &Wanted, ui: &Rc<Ui>) -> Result<Self> {
        let mut sinks: Vec<Sink> = Vec::new();
        for (format, place) in wanted.places::<Format>()? {
            let place = match place {
                Where::Stdout => Place::Stdout,
                Where::File(path) => {
                    let target = Target::open(&path)?;
                    let same = |sink: &Sink| matches!(&sink.place, Place::File(other) if other.is_same(&target));
                    if sinks.iter().any(same) {
                        return Err(wanted::named_twice(&path));
                    }
                    Place::File(target)
                }
            };
            sinks.push(Sink { format, place });
        }
        if wanted.raw && ui.stdout_is_terminal() && sinks.iter().any(|sink| matches!(sink.place, Place::Stdout)) {
            return Err(wanted::raw_on_terminal());
        }
        Ok(Self { ui: Rc::clone(ui), sinks, raw: wanted.raw, addresses_only: false, streamed: RefCell::default() })
    }

    /// Under `--quiet` stdout is full addresses and nothing else.
    #[must_use]
    pub fn addresses_when_quiet(mut self) -> Self {
        self.addresses_only = self.ui.is_quiet();
        self
    }

    /// Whether the vendor's bytes are wanted.
    pub fn is_raw(&self) -> bool {
        self.raw
    }

    /// Refuses `--raw` for a command that has no vendor's bytes to give.
    ///
    /// # Errors
    /// Exit 2.
    pub fn no_raw(self) -> Result<Self> {
        if self.raw { Err(Error::usage("`--raw` is for commands that read from the vendor")) } else { Ok(self) }
    }

    /// The full address of what was started or steered, as soon as it is known; only under `--quiet`.
    ///
    /// # Errors
    /// Exit 1 when stdout cannot be written.
    pub fn address(&self, address: &str) -> Result<()> {
        if !self.addresses_only {
            return Ok(());
        }
        let written = self.ui.data(format!("{}\n", clean(address)).as_bytes());
        if written.is_err() {
            // Without its address nobody could find the run again.
            self.ui.always(address);
        }
        written
    }

    /// Writes the vendor's bytes to every place, as they are; several answers are a line apart. Where nothing was read,
    /// files stay as they were.
    ///
    /// # Errors
    /// Exit 1 when a place cannot be written.
    pub fn raw(&self, bodies: &[bytes::Bytes]) -> Result<()> {
        if bodies.is_empty() {
            return Ok(());
        }
        for (at, body) in bodies.iter().enumerate() {
            let apart = bodies.get(at + 1).is_some() && !body.ends_with(b"\n");
            for sink in &self.sinks {
                sink.write(&self.ui, body)?;
                if apart {
                    sink.write(&self.ui, b"\n")?;
                }
            }
        }
        self.keep_files()
    }

    /// One row, as it comes: for the places that stream.
    ///
    /// # Errors
    /// Exit 1 when a place cannot be written.
    pub fn stream(&self, row: &impl Row) -> Result<()> {
        *self.streamed.borrow_mut() += 1;
        let line = format!("{}\n", safe::json(&row.json()));
        for sink in self.sinks.iter().filter(|sink| sink.format == Format::Ndjson) {
            if self.shows(sink) {
                sink.write(&self.ui, line.as_bytes())?;
            }
        }
        Ok(())
    }

    /// All rows. Rows that were streamed are not repeated in a stream.
    ///
    /// # Errors
    /// Exit 1 when a place cannot be written.
    pub fn finish<R: Row>(&self, rows: &[R], complete: bool) -> Result<()> {
        let streamed = *self.streamed.borrow() > 0;
        let has_no_mark = |sink: &Sink| matches!(sink.format, Format::Csv | Format::Table);
        if !complete && !rows.is_empty() && self.sinks.iter().any(has_no_mark) {
            self.ui.warn("the output is not complete");
        }
        for sink in self.sinks.iter().filter(|sink| self.shows(sink)) {
            let text = match sink.format {
                Format::Ndjson => {
                    let left: &[R] = if streamed { &[] } else { rows };
                    let mut lines: String = left.iter().map(|row| format!("{}\n", safe::json(&row.json()))).collect();
                    if !complete {
                        lines.push_str(&format!("{}\n", json!({ "kind": "end", "complete": false })));
                    }
                    lines
                }
                Format::Json => {
                    let items: Vec<serde_json::Value> = rows.iter().map(Row::json).collect();
                    let document =
                        json!({ "schema_version": 1, "kind": R::KIND, "complete": complete, "items": items });
                    format!("{}\n", safe::indented_json(&document))
                }
                Format::Csv => table::csv(rows),
                Format::Table => {
                    let on_stdout = matches!(sink.place, Place::Stdout);
                    let width = if on_stdout { self.ui.width() } else { None };
                    table::table(rows, width, on_stdout && self.ui.stdout_color())
                }
            };
            sink.write(&self.ui, text.as_bytes())?;
        }
        self.keep_files()
    }

    fn shows(&self, sink: &Sink) -> bool {
        !(self.addresses_only && matches!(sink.place, Place::Stdout))
    }

    fn keep_files(&self) -> Result<()> {
        for sink in &self.sinks {
            if let Place::File(target) = &sink.place {
                target.keep()?;
            }
        }
        Ok(())
    }
}

impl Sink {
    fn write(&self, ui: &Ui, bytes: &[u8]) -> Result<()> {
        match &self.place {
            Place::Stdout => ui.data(bytes),
            Place::File(target) => target.write(bytes),
        }
    }
}
