//! Where data goes and in what shape: stdout and files, as table, JSON, NDJSON or CSV.
//!
//! Files are opened before the first request. A regular file is written beside its place and renamed at the end;
//! anything else (a FIFO, `/dev/null`) is written in place.

pub mod findings;
pub mod rows;
mod table;

use std::cell::RefCell;
use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::str::FromStr;

use serde_json::json;

use crate::error::{Error, Result, nearest};
use crate::exit::Exit;
use crate::ui::{Ui, clean};
use rows::Row;

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

    fn of_extension(path: &Path) -> Option<Self> {
        match path.extension()?.to_str()? {
            "json" => Some(Self::Json),
            "ndjson" | "jsonl" => Some(Self::Ndjson),
            "csv" => Some(Self::Csv),
            "txt" => Some(Self::Table),
            _ => None,
        }
    }
}

impl FromStr for Format {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let names = Self::ALL.map(Self::name);
        Self::ALL.into_iter().find(|format| format.name() == text).ok_or_else(|| {
            let error = Error::usage(format!("unknown format `{text}`"));
            match nearest(text, names) {
                Some(near) => error.hint(format!("did you mean `{near}`?")),
                None => error.hint(format!("the formats are {}", names.join(", "))),
            }
        })
    }
}

/// What flags and environment say about output.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// `--format`.
    pub format: Option<String>,
    /// `SCANCTL_FORMAT`.
    pub default_format: Option<String>,
    /// `--output`, as typed.
    pub outputs: Vec<String>,
    /// `--raw`.
    pub raw: bool,
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
    File(RefCell<Target>),
}

/// An open file.
#[derive(Debug)]
struct Target {
    file: File,
    /// Where the user wants it, and where it is until it is whole.
    rename: Option<(PathBuf, PathBuf)>,
    name: PathBuf,
}

impl Wanted {
    /// Whether what is wanted can be understood; opens nothing.
    ///
    /// # Errors
    /// Exit 2 for an unknown format.
    pub fn check(&self) -> Result<()> {
        let flag = self.format.as_deref().map(Format::from_str).transpose()?;
        self.default_format.as_deref().map(Format::from_str).transpose()?;
        if self.raw && flag.is_some() {
            return Err(Error::usage("`--raw` and `--format` exclude each other"));
        }
        Ok(())
    }
}

impl Output {
    /// Reads what is wanted and opens every file.
    ///
    /// # Errors
    /// Exit 2 for an unknown format, a file without one, or a file that cannot be opened.
    pub fn open(wanted: &Wanted, ui: &Rc<Ui>) -> Result<Self> {
        wanted.check()?;
        let flag = wanted.format.as_deref().map(Format::from_str).transpose()?;
        let default = wanted.default_format.as_deref().map(Format::from_str).transpose()?;
        let stdout_format = flag.or(default).unwrap_or(Format::Table);
        let mut sinks = Vec::new();
        if wanted.outputs.is_empty() {
            sinks.push(Sink { format: stdout_format, place: Place::Stdout });
        }
        for typed in &wanted.outputs {
            let (named, path) = match typed.split_once('=') {
                // A path may have an equals sign; a format is one plain word.
                Some((format, path)) if format.bytes().all(|byte| byte.is_ascii_alphanumeric()) => {
                    (Some(Format::from_str(format)?), path)
                }
                _ => (None, typed.as_str()),
            };
            if path == "-" {
                sinks.push(Sink { format: named.unwrap_or(stdout_format), place: Place::Stdout });
                continue;
            }
            let path = Path::new(path);
            let format = named.or_else(|| Format::of_extension(path)).or(flag).or(default);
            let Some(format) = format.or(wanted.raw.then_some(Format::Json)) else {
                return Err(Error::usage(format!("which format for {}?", path.display()))
                    .hint(format!("name it: -o json={}", path.display())));
            };
            let target = Target::open(path)?;
            let same = |sink: &Sink| matches!(&sink.place, Place::File(other) if other.borrow().is_same(&target));
            if sinks.iter().any(same) {
                return Err(Error::usage(format!("{} is named twice as output", path.display())));
            }
            sinks.push(Sink { format, place: Place::File(RefCell::new(target)) });
        }
        if wanted.raw && ui.stdout_is_terminal() && sinks.iter().any(|sink| matches!(sink.place, Place::Stdout)) {
            return Err(Error::usage("the vendor's raw bytes are not written to a terminal")
                .hint("redirect them, or name a file with -o FILE"));
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
        let mut line = row.json().to_string();
        line.push('\n');
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
                    let mut lines: String = left.iter().map(|row| format!("{}\n", row.json())).collect();
                    if !complete {
                        lines.push_str(&format!("{}\n", json!({ "kind": "end", "complete": false })));
                    }
                    lines
                }
                Format::Json => {
                    let items: Vec<serde_json::Value> = rows.iter().map(Row::json).collect();
                    let document =
                        json!({ "schema_version": 1, "kind": R::KIND, "complete": complete, "items": items });
                    format!("{document:#}\n")
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
                target.borrow_mut().keep()?;
            }
        }
        Ok(())
    }
}

impl Sink {
    fn write(&self, ui: &Ui, bytes: &[u8]) -> Result<()> {
        match &self.place {
            Place::Stdout => ui.data(bytes),
            Place::File(target) => target.borrow_mut().write(bytes),
        }
    }
}

impl Target {
    fn open(path: &Path) -> Result<Self> {
        let fail =
            |problem: &dyn std::fmt::Display| Error::usage(format!("cannot write {}: {problem}", path.display()));
        let in_place = match std::fs::metadata(path) {
            Ok(metadata) if metadata.is_dir() => return Err(fail(&"it is a directory")),
            Ok(metadata) => !metadata.is_file(),
            Err(_absent) => false,
        };
        if in_place {
            let file = File::options().write(true).open(path).map_err(|problem| fail(&problem))?;
            return Ok(Self { file, rename: None, name: path.to_path_buf() });
        }
        // A symbolic link keeps pointing where it points; the file behind it is replaced.
        let place = std::fs::canonicalize(path).unwrap_or_else(|_absent| path.to_path_buf());
        let name = place.file_name().ok_or_else(|| fail(&"it has no name"))?.to_string_lossy().into_owned();
        // Nobody can know the name beforehand, and what is there already is never written to.
        let beside = place.with_file_name(format!(".{name}.{:016x}.tmp", fastrand::u64(..)));
        let file = File::options().write(true).create_new(true).open(&beside).map_err(|problem| fail(&problem))?;
        if let Ok(before) = std::fs::metadata(&place) {
            // A file that others could not read stays so. Where that cannot be set, writing is still what was asked.
            drop(file.set_permissions(before.permissions()));
        }
        Ok(Self { file, rename: Some((beside, place)), name: path.to_path_buf() })
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.file.write_all(bytes).map_err(|problem| self.fail(&problem))
    }

    fn keep(&mut self) -> Result<()> {
        self.file.flush().map_err(|problem| self.fail(&problem))?;
        let Some((beside, place)) = &self.rename else { return Ok(()) };
        self.file.sync_all().and_then(|()| std::fs::rename(beside, place)).map_err(|problem| self.fail(&problem))?;
        self.rename = None;
        Ok(())
    }

    /// Whether the other one would replace the same file.
    fn is_same(&self, other: &Self) -> bool {
        match (&self.rename, &other.rename) {
            (Some((_, mine)), Some((_, others))) => mine == others,
            _ => false,
        }
    }

    fn fail(&self, problem: &std::io::Error) -> Error {
        Error::new(Exit::Internal, format!("cannot write {}: {problem}", self.name.display()))
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        if let Some((beside, _)) = &self.rename {
            // Nothing was finished: what the user had stays as it was.
            drop(std::fs::remove_file(beside));
        }
    }
}
