//! The vendor's bytes as they come, to a file or to stdout, and whether they came whole.

use std::io::Write as _;

use super::pump::{self, Enough};
use crate::backends::report::{Decoder, Download};
use crate::cli;
use crate::context::Context;
use crate::error::{Error, Result};
use crate::findings::Chunks;
use crate::model::ExportFormat;
use crate::output::findings::FindingFormat;
use crate::output::pipe::{Delivered, Files, Pipe};
use crate::output::rows::Subject;
use crate::output::wanted::{self, Wanted, Where};
use crate::output::whole::Witness;
use crate::ui::{Progress, Ui};

/// What became of the bytes.
#[derive(Debug)]
pub struct Saved {
    /// What went by.
    pub length: u64,
    /// What is wrong with it.
    pub problem: Option<Error>,
    /// What became of the places.
    pub delivered: Delivered,
}

impl Saved {
    /// Tells of parts, and of all failures but the one that it ends with.
    ///
    /// # Errors
    /// What is wrong with the bytes, else that they are the part that was asked for, else the first place that could
    /// not be written.
    pub fn conclude(self, ui: &Ui, part: Option<Error>) -> Result<()> {
        let Delivered { notes: _, partial, failures } = self.delivered;
        for partial in &partial {
            ui.status(&format!("note: what came is in {}", partial.display()));
        }
        let mut failures = failures.into_iter();
        let end = self.problem.or(part).or_else(|| failures.next());
        for failure in failures {
            cli::report(ui, &failure, Subject::default());
        }
        end.map_or(Ok(()), Err)
    }
}

/// Opens the places of the vendor's bytes.
///
/// # Errors
/// Exit 2 where one cannot be opened, or is a terminal.
pub fn places(wanted: &Wanted, ui: &Ui) -> Result<Vec<Pipe>> {
    open(wanted.places::<FindingFormat>()?.into_iter().map(|(_, place)| place).collect(), ui)
}

/// Opens these places for the vendor's bytes.
///
/// # Errors
/// As of [`places`].
pub fn open(places: Vec<Where>, ui: &Ui) -> Result<Vec<Pipe>> {
    if ui.stdout_is_terminal() && places.contains(&Where::Stdout) {
        return Err(wanted::raw_on_terminal());
    }
    Pipe::open_all(places, ui)
}

/// Writes a download to every place. A file is at its place only if all came, and looks like a whole file of its format;
/// `part` says that it is not the whole result anyway.
///
/// # Errors
/// Exit 1 when the thread that writes dies.
pub async fn save(
    context: &Context,
    download: Download<'_>,
    decoder: Option<&Decoder>,
    format: ExportFormat,
    part: bool,
    places: Vec<Pipe>,
    progress: Option<&Progress>,
) -> Result<Saved> {
    let separate = matches!(decoder, Some(Decoder::Pages(_)));
    let files = Files::of(&places);
    let written = pump::download(context, progress, download, &Enough::default(), move |chunks| {
        write(chunks, separate, format, part, places)
    })
    .await?;
    Ok(match written {
        Some(saved) => saved,
        None => Saved { length: 0, problem: Some(pump::abandoned(context)), delivered: files.abandon() },
    })
}

fn write(mut chunks: Chunks, separate: bool, format: ExportFormat, part: bool, mut places: Vec<Pipe>) -> Saved {
    let mut witness = Witness::default();
    let mut problem = None;
    let mut open_line = false;
    let mut is_heard = true;
    while let Some(chunk) = chunks.next_chunk() {
        let chunk = match chunk {
            Ok(chunk) => chunk,
            Err(error) => {
                problem = Some(error);
                break;
            }
        };
        let apart: &[u8] = if separate && open_line { b"\n" } else { b"" };
        open_line = !chunk.ends_with(b"\n");
        witness.see(&chunk);
        for place in &mut places {
            // It keeps its failure for the end.
            drop(place.write_all(apart).and_then(|()| place.write_all(&chunk)));
        }
        is_heard = !places.iter().all(Pipe::is_silent);
        if !is_heard {
            break;
        }
    }
    if is_heard && problem.is_none() {
        problem = witness.judge(format).err();
    }
    let (mut delivered, mut damage) = (Delivered::default(), None);
    for place in places {
        let mut is_whole = problem.is_none() && !part;
        if problem.is_none()
            && let Err(error) =
                place.read_back().and_then(|file| file.map_or(Ok(()), |file| witness.judge_file(format, file)))
        {
            is_whole = false;
            damage.get_or_insert(error);
        }
        delivered.take(place.finish(is_whole));
    }
    Saved { length: witness.length(), problem: problem.or(damage), delivered }
}
