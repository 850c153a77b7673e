//! Findings to every place at once: stdout and files, each in its own format, in one pass over the report.
//!
//! A place that cannot be written any more is left out and the others go on: a closed stdout is no failure, anything
//! else is told at the end. A file appears under its name only when every report was read whole; otherwise what was
//! written is kept beside it, as `FILE.partial`.
//!
//! Not for: what is written (the writers of [`super::findings`]), or which findings are wanted.

use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};

use super::findings::{About, Options, ReportWriter};
use super::place::Target;
use super::wanted::{self, FormatWord, Wanted, Where};
use crate::error::{Error, Result};
use crate::exit::Exit;
use crate::findings::baseline::{Change, Match};
use crate::findings::{Decoded, Finding, Needs};
use crate::ui::{self, Ui};

/// What is held back for writers that hand on less at once. Those of findings hand on more, which then is not copied again.
const BUFFER: usize = 16 * 1024;

/// All places of one call's findings.
pub struct Delivery {
    outlets: Vec<Outlet>,
    options: Options,
    /// A report has begun: from here on there are documents.
    begun: bool,
}

impl std::fmt::Debug for Delivery {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Delivery").field("outlets", &self.outlets.len()).finish_non_exhaustive()
    }
}

/// One place with the writer of its format.
struct Outlet {
    make: Make,
    /// For people.
    is_table: bool,
    pipe: Pipe,
    writer: Option<Box<dyn ReportWriter>>,
    /// Why nothing more is written, where the writer itself failed.
    failure: Option<Error>,
}

/// Makes the writer of a place.
type Make = Box<dyn Fn(Box<dyn Write + Send>, &Options) -> Box<dyn ReportWriter> + Send>;

/// What became of the documents.
#[derive(Debug, Default)]
pub struct Delivered {
    /// What the formats left out.
    pub notes: Vec<String>,
    /// Files that hold a part.
    pub partial: Vec<PathBuf>,
    /// Places that could not be written.
    pub failures: Vec<Error>,
}

/// Makes the writer of a format.
type MakeWriter<F> = fn(F, Box<dyn Write + Send>, &Options) -> Box<dyn ReportWriter>;

impl Delivery {
    /// Reads what is wanted and opens every file; `make` makes the writer of a format.
    ///
    /// # Errors
    /// Exit 2 for an unknown format, a file without one, or a file that cannot be opened.
    pub fn open<F: FormatWord + Send + 'static>(
        wanted: &Wanted,
        mut options: Options,
        ui: &Ui,
        make: MakeWriter<F>,
    ) -> Result<Self> {
        let mut outlets: Vec<Outlet> = Vec::new();
        for (format, place) in wanted.places::<F>()? {
            let place = match place {
                Where::Stdout => Place::Stdout(ui.stdout()),
                Where::File(path) => Place::File(Target::open(&path)?),
            };
            if let Some(twice) = outlets.iter().find_map(|outlet| outlet.pipe.is_same(&place)) {
                return Err(twice);
            }
            outlets.push(Outlet {
                make: Box::new(move |out, options| make(format, out, options)),
                is_table: format == F::USUAL,
                pipe: Pipe::new(place),
                writer: None,
                failure: None,
            });
        }
        options.width = ui.width();
        options.color = ui.stdout_color();
        Ok(Self { outlets, options, begun: false })
    }

    /// Refuses to replace a file that is read.
    ///
    /// # Errors
    /// Exit 2.
    pub fn spare(&self, path: &Path) -> Result<()> {
        if self.outlets.iter().any(|outlet| outlet.pipe.replaces(path)) {
            return Err(Error::usage(format!("{} is read, and would be replaced", path.display()))
                .hint("write to another file"));
        }
        Ok(())
    }

    /// Whether a document for people goes to stdout.
    pub fn is_table_on_stdout(&self) -> bool {
        self.outlets.iter().any(|outlet| outlet.pipe.is_stdout() && outlet.is_table)
    }

    /// Whether anything goes to stdout.
    pub fn is_on_stdout(&self) -> bool {
        self.outlets.iter().any(|outlet| outlet.pipe.is_stdout())
    }

    /// Whether nothing that is written reaches anybody any more.
    pub fn is_unheard(&self) -> bool {
        self.outlets.iter().all(Outlet::is_silent)
    }

    /// The files, for when this is lost.
    pub fn files(&self) -> Files {
        let files = self.outlets.iter().filter(|outlet| !outlet.pipe.is_stdout());
        Files(files.map(|outlet| outlet.pipe.clone()).collect())
    }

    /// Whether a report has begun.
    pub fn has_begun(&self) -> bool {
        self.begun
    }

    /// How much of each finding is written. Known once a report has begun.
    pub fn needs(&self) -> Needs {
        let needs = self.outlets.iter().filter_map(|outlet| outlet.writer.as_ref()).map(|writer| writer.needs());
        needs.max().unwrap_or(Needs::Core)
    }

    /// A report begins.
    pub fn begin(&mut self, about: &About) {
        self.begun = true;
        for outlet in &mut self.outlets {
            if outlet.writer.is_none() && outlet.failure.is_none() {
                // What a table may know of the terminal is no business of a file.
                let options = if outlet.pipe.is_stdout() {
                    self.options.clone()
                } else {
                    Options { width: None, color: false, ..self.options.clone() }
                };
                let out = Box::new(BufWriter::with_capacity(BUFFER, outlet.pipe.clone()));
                outlet.writer = Some((outlet.make)(out, &options));
            }
        }
        self.each(|writer| writer.begin(about));
    }

    /// The next finding, and what became of it where there is an older report.
    pub fn finding(&mut self, finding: &Finding<'_>, compared: Option<Match>) {
        self.each(|writer| match compared {
            None => writer.finding(finding),
            Some(Match { change, before, marked: _ }) => writer.compared(finding, change, before),
        });
    }

    /// A finding of the older report that is not in this one.
    pub fn missing(&mut self, finding: &Finding<'_>) {
        let change = if finding.is_gone_when_absent() { Change::Fixed } else { Change::Unseen };
        self.each(|writer| writer.compared(finding, change, Some(finding.details.severity)));
    }

    /// The report has ended.
    pub fn end(&mut self, decoded: &Decoded, complete: bool) {
        self.each(|writer| writer.end(decoded, complete));
    }

    /// Everything has ended. Where no report has begun, nothing is written anywhere.
    pub fn finish(mut self, complete: bool) -> Delivered {
        let mut delivered = Delivered::default();
        if !self.begun {
            return delivered;
        }
        self.each(|writer| writer.finish(complete));
        for outlet in self.outlets {
            let Outlet { pipe, writer, failure, .. } = outlet;
            if let Some(writer) = writer {
                delivered.notes.extend(writer.notes());
                // What is still in its buffer goes out.
                drop(writer);
            }
            match pipe.finish(complete && failure.is_none()) {
                Ok(partial) => delivered.partial.extend(partial),
                Err(error) => delivered.failures.push(error),
            }
            delivered.failures.extend(failure);
        }
        delivered
    }

    fn each(&mut self, mut act: impl FnMut(&mut (dyn ReportWriter + 'static)) -> Result<()>) {
        for outlet in &mut self.outlets {
            if outlet.is_silent() {
                continue;
            }
            if let Some(Err(problem)) = outlet.writer.as_deref_mut().map(&mut act) {
                outlet.failure = Some(problem);
            }
        }
    }
}

/// The files of a call, beside the writers that write them.
pub struct Files(Vec<Pipe>);

impl std::fmt::Debug for Files {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_tuple("Files").field(&self.0.len()).finish()
    }
}

impl Files {
    /// Keeps beside their places what reached the files of a delivery that cannot be ended: its writers are stuck in
    /// another place, so what they hold back is missing.
    pub fn abandon(self) -> Delivered {
        let mut delivered = Delivered::default();
        for Pipe { state, silent, stdout: _ } in self.0 {
            silent.store(true, Ordering::Relaxed);
            let ended = match state.try_lock() {
                Ok(mut state) => state.finish(false),
                Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner().finish(false),
                // It is the place that they are stuck in.
                Err(TryLockError::WouldBlock) => continue,
            };
            match ended {
                Ok(partial) => delivered.partial.extend(partial),
                Err(error) => delivered.failures.push(error),
            }
        }
        delivered
    }
}

impl Outlet {
    fn is_silent(&self) -> bool {
        self.failure.is_some() || self.pipe.is_silent()
    }
}

/// A place to write to that never fails: what goes wrong is kept, and everything after it is dropped.
#[derive(Clone)]
struct Pipe {
    state: Arc<Mutex<State>>,
    silent: Arc<AtomicBool>,
    stdout: bool,
}

struct State {
    place: Place,
    failure: Option<io::Error>,
}

enum Place {
    Stdout(ui::Stdout),
    File(Target),
}

impl Pipe {
    fn new(place: Place) -> Self {
        let stdout = matches!(place, Place::Stdout(_));
        Self { state: Arc::new(Mutex::new(State { place, failure: None })), silent: Arc::default(), stdout }
    }

    const fn is_stdout(&self) -> bool {
        self.stdout
    }

    fn is_silent(&self) -> bool {
        self.silent.load(Ordering::Relaxed)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn replaces(&self, path: &Path) -> bool {
        matches!(&self.lock().place, Place::File(target) if target.replaces(path))
    }

    /// The error of two documents for one place.
    fn is_same(&self, other: &Place) -> Option<Error> {
        match (&self.lock().place, other) {
            (Place::Stdout(_), Place::Stdout(_)) => Some(
                Error::usage("two documents cannot both go to stdout").hint("write one of them to a file: -o FILE"),
            ),
            (Place::File(mine), Place::File(other)) if mine.is_same(other) => Some(wanted::named_twice(other.name())),
            _ => None,
        }
    }

    fn note<T>(&self, state: &mut State, result: io::Result<T>, otherwise: T) -> io::Result<T> {
        match result {
            Err(problem) if problem.kind() != io::ErrorKind::Interrupted => {
                self.silent.store(true, Ordering::Relaxed);
                state.failure = Some(problem);
                Ok(otherwise)
            }
            result => result,
        }
    }

    fn finish(self, whole: bool) -> Result<Option<PathBuf>> {
        self.lock().finish(whole)
    }
}

impl State {
    /// Puts a file at its place, or beside it. The file with a part, if that is what there is.
    fn finish(&mut self, whole: bool) -> Result<Option<PathBuf>> {
        let Self { place, failure } = self;
        match (place, failure.take()) {
            (Place::Stdout(_), Some(problem)) if problem.kind() == io::ErrorKind::BrokenPipe => Ok(None),
            (Place::Stdout(_), Some(problem)) => {
                Err(Error::new(Exit::Internal, format!("cannot write to stdout: {problem}")))
            }
            (Place::Stdout(_), None) => Ok(None),
            // What cannot be written is no part of anything; the file goes.
            (Place::File(target), Some(problem)) => Err(target.fail(&problem)),
            (Place::File(target), None) if whole => target.keep().map(|()| None),
            (Place::File(target), None) => target.keep_partial(),
        }
    }
}

impl Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.is_silent() {
            return Ok(bytes.len());
        }
        let mut state = self.lock();
        let written = match &mut state.place {
            Place::Stdout(stdout) => stdout.write(bytes),
            Place::File(target) => target.write_some(bytes),
        };
        self.note(&mut state, written, bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.is_silent() {
            return Ok(());
        }
        let mut state = self.lock();
        let flushed = match &mut state.place {
            Place::Stdout(stdout) => stdout.flush(),
            Place::File(_) => Ok(()),
        };
        self.note(&mut state, flushed, ())
    }
}
