//! Bytes to several places at once, as they come: stdout and files.
//!
//! A place that cannot be written any more is left out and the others go on: a closed stdout is no failure, anything
//! else is told at the end. Who writes may be stuck in one place, or lost; what reached the files is kept all the same.
//!
//! Not for: what is written, and whether it is whole.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::place::Target;
use super::wanted::{self, Where};
use crate::error::{Error, Result};
use crate::exit::Exit;
use crate::ui::{self, Ui};

/// What became of places.
#[derive(Debug, Default)]
pub struct Delivered {
    /// What formats left out.
    pub notes: Vec<String>,
    /// Files that hold a part.
    pub partial: Vec<PathBuf>,
    /// Places that could not be written.
    pub failures: Vec<Error>,
}

impl Delivered {
    /// Takes in how one place ended.
    pub fn take(&mut self, ended: Result<Option<PathBuf>>) {
        match ended {
            Ok(partial) => self.partial.extend(partial),
            Err(error) => self.failures.push(error),
        }
    }
}

/// A place to write to that never fails: what goes wrong is kept, and everything after it is dropped. A clone is the
/// same place.
#[derive(Debug, Clone)]
pub struct Pipe(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    place: Place,
    /// Nothing that is written goes anywhere any more.
    silent: AtomicBool,
    /// Something was written.
    touched: AtomicBool,
    failure: Mutex<Option<io::Error>>,
}

#[derive(Debug)]
enum Place {
    Stdout(Mutex<ui::Stdout>),
    File(Target),
}

impl Pipe {
    /// Opens every place, in this order.
    ///
    /// # Errors
    /// Exit 2 where a file cannot be opened, or a place is named twice.
    pub fn open_all(places: impl IntoIterator<Item = Where>, ui: &Ui) -> Result<Vec<Self>> {
        let mut pipes: Vec<Self> = Vec::new();
        for place in places {
            let place = match place {
                Where::Stdout => Place::Stdout(Mutex::new(ui.stdout())),
                Where::File(path) => Place::File(Target::open(&path)?),
            };
            if let Some(twice) = pipes.iter().find_map(|pipe| pipe.is_same(&place)) {
                return Err(twice);
            }
            let inner = Inner {
                place,
                silent: AtomicBool::default(),
                touched: AtomicBool::default(),
                failure: Mutex::default(),
            };
            pipes.push(Self(Arc::new(inner)));
        }
        Ok(pipes)
    }

    /// Whether it is stdout.
    pub fn is_stdout(&self) -> bool {
        matches!(self.0.place, Place::Stdout(_))
    }

    /// The name of the file, as the user gave it.
    pub fn file(&self) -> Option<&Path> {
        match &self.0.place {
            Place::Stdout(_) => None,
            Place::File(target) => Some(target.name()),
        }
    }

    /// Whether nothing that is written goes anywhere any more.
    pub fn is_silent(&self) -> bool {
        self.0.silent.load(Ordering::Relaxed)
    }

    /// Whether a file would be replaced.
    pub fn replaces(&self, path: &Path) -> bool {
        matches!(&self.0.place, Place::File(target) if target.replaces(path))
    }

    /// The error of two documents for one place.
    fn is_same(&self, other: &Place) -> Option<Error> {
        match (&self.0.place, other) {
            (Place::Stdout(_), Place::Stdout(_)) => Some(
                Error::usage("two documents cannot both go to stdout").hint("write one of them to a file: -o FILE"),
            ),
            (Place::File(mine), Place::File(other)) if mine.is_same(other) => Some(wanted::named_twice(other.name())),
            _ => None,
        }
    }

    /// Everything that a file got, from the beginning; `None` where that cannot be read back.
    ///
    /// # Errors
    /// Exit 1.
    pub fn read_back(&self) -> Result<Option<&File>> {
        match &self.0.place {
            Place::File(target) if !self.is_silent() => target.read_back(),
            _ => Ok(None),
        }
    }

    /// Puts a file at its place, or beside it; of nothing there is no part. The file with a part, if that is what there is.
    ///
    /// # Errors
    /// Exit 1: what went wrong on the way. What cannot be written is no part of anything; the file goes.
    pub fn finish(&self, whole: bool) -> Result<Option<PathBuf>> {
        let failure = self.0.failure.lock().unwrap_or_else(PoisonError::into_inner).take();
        match &self.0.place {
            Place::Stdout(stdout) => {
                let flush = || stdout.lock().unwrap_or_else(PoisonError::into_inner).flush();
                match failure.map_or_else(flush, Err) {
                    Err(problem) if problem.kind() != io::ErrorKind::BrokenPipe => {
                        Err(Error::new(Exit::Internal, format!("cannot write to stdout: {problem}")))
                    }
                    _ => Ok(None),
                }
            }
            Place::File(target) => {
                let ended = match failure {
                    Some(problem) => Err(target.fail(&problem)),
                    None if whole => target.keep_instead_of_part().map(|()| None),
                    None if self.0.touched.load(Ordering::Relaxed) => target.keep_partial(),
                    None => {
                        target.discard();
                        Ok(None)
                    }
                };
                ended.inspect_err(|_| target.discard())
            }
        }
    }

    fn note<T>(&self, result: io::Result<T>, otherwise: T) -> io::Result<T> {
        match result {
            Err(problem) if problem.kind() != io::ErrorKind::Interrupted => {
                self.0.silent.store(true, Ordering::Relaxed);
                *self.0.failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(problem);
                Ok(otherwise)
            }
            result => result,
        }
    }
}

impl Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if bytes.is_empty() || self.is_silent() {
            return Ok(bytes.len());
        }
        let written = match &self.0.place {
            Place::Stdout(stdout) => stdout.lock().unwrap_or_else(PoisonError::into_inner).write(bytes),
            Place::File(target) => target.write_some(bytes),
        };
        let written = match written {
            Ok(0) => Err(io::ErrorKind::WriteZero.into()),
            written => written,
        };
        self.0.touched.fetch_or(written.is_ok(), Ordering::Relaxed);
        self.note(written, bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.is_silent() {
            return Ok(());
        }
        let flushed = match &self.0.place {
            Place::Stdout(stdout) => stdout.lock().unwrap_or_else(PoisonError::into_inner).flush(),
            Place::File(_) => Ok(()),
        };
        self.note(flushed, ())
    }
}

/// The files of a call, held beside who writes them. Dropped before they are finished, as on a second signal, they are
/// abandoned.
#[derive(Debug)]
pub struct Files(Vec<Pipe>);

impl Files {
    /// The files among places.
    pub fn of<'p>(pipes: impl IntoIterator<Item = &'p Pipe>) -> Self {
        Self(pipes.into_iter().filter(|pipe| !pipe.is_stdout()).cloned().collect())
    }

    /// Keeps beside their places what reached files that nobody can finish: who writes is stuck, in another place
    /// perhaps, so what it holds back is missing.
    pub fn abandon(mut self) -> Delivered {
        self.give_up()
    }

    fn give_up(&mut self) -> Delivered {
        let mut delivered = Delivered::default();
        for pipe in self.0.drain(..) {
            pipe.0.silent.store(true, Ordering::Relaxed);
            delivered.take(pipe.finish(false));
        }
        delivered
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        drop(self.give_up());
    }
}
