//! The vendor's bytes as they come, to a file or to stdout, and whether they came whole.

use std::io::Write as _;
use std::path::PathBuf;

use super::pump::{self, Enough};
use crate::backends::report::{Decoder, Download};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::exit::Exit;
use crate::findings::Chunks;
use crate::model::ExportFormat;
use crate::output::findings::FindingFormat;
use crate::output::place::Target;
use crate::output::wanted::{self, Wanted, Where};
use crate::output::whole::Witness;
use crate::ui::{self, Progress, Ui};

/// Where the vendor's bytes go.
#[derive(Debug)]
pub enum Place {
    /// To stdout.
    Stdout(ui::Stdout),
    /// To a file.
    File(Target),
}

/// What became of the bytes.
#[derive(Debug)]
pub struct Saved {
    /// What went by.
    pub length: u64,
    /// What is wrong with it.
    pub problem: Option<Error>,
    /// The file with a part of it.
    pub partial: Vec<PathBuf>,
}

impl Saved {
    /// Tells of parts.
    ///
    /// # Errors
    /// What is wrong with the bytes, else that they are the part that was asked for.
    pub fn conclude(self, ui: &Ui, part: Option<Error>) -> Result<()> {
        for partial in &self.partial {
            ui.status(&format!("note: what came is in {}", partial.display()));
        }
        self.problem.or(part).map_or(Ok(()), Err)
    }
}

/// Opens the places of the vendor's bytes.
///
/// # Errors
/// Exit 2 where one cannot be opened, or is a terminal.
pub fn places(wanted: &Wanted, ui: &Ui) -> Result<Vec<Place>> {
    let mut places: Vec<Place> = Vec::new();
    for (_, place) in wanted.places::<FindingFormat>()? {
        places.push(match place {
            Where::Stdout if ui.stdout_is_terminal() => return Err(wanted::raw_on_terminal()),
            Where::Stdout => Place::Stdout(ui.stdout()),
            Where::File(path) => {
                let target = Target::open(&path)?;
                if places.iter().any(|place| matches!(place, Place::File(other) if other.is_same(&target))) {
                    return Err(wanted::named_twice(&path));
                }
                Place::File(target)
            }
        });
    }
    Ok(places)
}

/// Writes a download to every place. A file is at its place only if all came, and looks like a whole file of its format;
/// `part` says that it is not the whole result anyway.
///
/// # Errors
/// Exit 1 when a place cannot be written; the signal's where the writing did not end.
pub async fn save(
    context: &Context,
    download: Download<'_>,
    decoder: Option<&Decoder>,
    format: ExportFormat,
    part: bool,
    places: Vec<Place>,
    progress: Option<&Progress>,
) -> Result<Saved> {
    let enough = Enough::default();
    let told = enough.clone();
    let separate = matches!(decoder, Some(Decoder::Pages(_)));
    let written = pump::download(context, progress, download, &enough, move |chunks| {
        let written = write(chunks, separate, format, part, places);
        if written.is_err() {
            told.say();
        }
        written
    });
    match written.await? {
        Some(saved) => saved,
        None => Err(pump::interruption(context.interrupt.received().unwrap_or(Exit::Internal))),
    }
}

fn write(
    mut chunks: Chunks,
    separate: bool,
    format: ExportFormat,
    part: bool,
    mut places: Vec<Place>,
) -> Result<Saved> {
    let mut witness = Witness::default();
    let mut problem = None;
    let mut open_line = false;
    while let Some(chunk) = chunks.next_chunk() {
        let chunk = match chunk {
            Ok(chunk) => chunk,
            Err(error) => {
                problem = Some(error);
                break;
            }
        };
        if separate && open_line {
            each(&mut places, b"\n")?;
        }
        open_line = !chunk.ends_with(b"\n");
        witness.see(&chunk);
        each(&mut places, &chunk)?;
        if places.is_empty() {
            return Ok(Saved { length: witness.length(), problem: None, partial: Vec::new() });
        }
    }
    let mut saved = Saved { length: witness.length(), problem, partial: Vec::new() };
    if saved.problem.is_none() {
        saved.problem = witness.judge(format).err();
    }
    for place in places {
        match place {
            Place::Stdout(mut stdout) => told(stdout.flush())?,
            Place::File(mut target) => {
                if saved.problem.is_none()
                    && let Some(file) = target.read_back()?
                {
                    saved.problem = witness.judge_file(format, file).err();
                }
                if saved.problem.is_none() && !part {
                    target.keep()?;
                } else if saved.length > 0 {
                    saved.partial.extend(target.keep_partial()?);
                }
            }
        }
    }
    Ok(saved)
}

/// Writes to every place; a closed stdout is one no more.
fn each(places: &mut Vec<Place>, bytes: &[u8]) -> Result<()> {
    let mut failure = None;
    places.retain_mut(|place| match place {
        Place::Stdout(stdout) => match stdout.write_all(bytes) {
            Err(problem) if problem.kind() == std::io::ErrorKind::BrokenPipe => false,
            written => {
                failure = failure.take().or(told(written).err());
                true
            }
        },
        Place::File(target) => {
            failure = failure.take().or(target.write(bytes).err());
            true
        }
    });
    failure.map_or(Ok(()), Err)
}

fn told(written: std::io::Result<()>) -> Result<()> {
    match written {
        Err(problem) if problem.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Error::new(Exit::Internal, format!("cannot write to stdout: {problem}")))
        }
        _ => Ok(()),
    }
}
