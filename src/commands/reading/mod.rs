//! Reading a report: from a file or from behind an address, to its end, with every finding given to a sink.
//!
//! Shared by the commands that read findings. Not for: which findings are wanted, where they are written, and what the
//! exit code is; that is each command's own.

pub mod call;
pub mod flags;
pub mod older;
pub mod pump;
pub mod save;

use std::fs::File;
use std::io::{self, IsTerminal as _, Read, Seek as _};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError, TryLockError};
use std::time::Duration;

use crate::backends::report::{Decoder, Download, Fetch, Report};
use crate::backends::{Backend, Target};
use crate::commands::targets::Job;
use crate::context::Context;
use crate::error::{Error, Result};
use crate::exit::Exit;
use crate::findings::{self, Decoded, Finding, FindingSink, Needs, Origin, PageReader};
use crate::model::{Address, ExportFormat, Run, RunState, Verb};
use crate::output::findings::About;
use crate::output::pipe::Pipe;
use crate::poll;
use crate::ui::Progress;
use pump::Enough;

/// How long a vendor may take to prepare a report unless told otherwise.
pub const TIMEOUT: Duration = Duration::from_secs(24 * 60 * 60);

/// How a result is to be fetched.
#[derive(Debug, Clone, Copy)]
pub struct Ask {
    /// Also of a run that is active or did not end well.
    pub partial: bool,
    /// Through the API that analyses findings.
    pub via_analysis: bool,
    /// How long a vendor may take to prepare it.
    pub timeout: Duration,
}

/// A report whose first byte can be read.
pub struct Opened<'b> {
    /// What is known before its findings.
    pub about: About,
    /// Why it is not the whole result.
    pub incomplete: Option<Error>,
    source: Source<'b>,
}

impl std::fmt::Debug for Opened<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Opened").field("address", &self.about.address).finish_non_exhaustive()
    }
}

enum Source<'b> {
    Local(Bytes),
    /// Findings that this very call wrote as lines.
    Lines(Bytes),
    /// A file without a byte that holds no findings, as its name says.
    Nothing,
    Vendor(Download<'b>, Option<Decoder>),
}

/// Bytes of this machine.
enum Bytes {
    /// They come once.
    Stream(Box<dyn Read + Send>),
    /// A file from its beginning on, wherever another handle of it was left.
    File { file: File, begun: bool },
}

impl Bytes {
    const fn of(file: File) -> Self {
        Self::File { file, begun: false }
    }
}

impl Read for Bytes {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Stream(stream) => stream.read(buffer),
            Self::File { file, begun } => {
                if !*begun {
                    file.rewind()?;
                    *begun = true;
                }
                file.read(buffer)
            }
        }
    }
}

/// How the reading of a report ended.
#[derive(Debug)]
pub enum End<S> {
    /// The source ended, or was found to be broken; the sink got everything before.
    Decoded(S, Decoded),
    /// The sink wanted no more.
    Enough(S, Error),
    /// A signal came, or nobody wanted more, while the sink was busy with something that did not end; it is lost.
    Abandoned,
}

/// Opens a local file; `-` is stdin.
///
/// # Errors
/// Exit 2 when it cannot be read.
pub fn open_file(name: &str) -> Result<Opened<'static>> {
    let fail = |problem: &dyn std::fmt::Display| Error::usage(format!("cannot read {name}: {problem}"));
    if name == "-" {
        if io::stdin().is_terminal() {
            return Err(Error::usage("`-` reads a report from stdin, and stdin is a terminal"));
        }
        return Ok(local("stdin", Source::Local(Bytes::Stream(Box::new(io::stdin())))));
    }
    let file = File::open(Path::new(name)).map_err(|problem| fail(&problem))?;
    let kind = file.metadata().map_err(|problem| fail(&problem))?.file_type();
    if kind.is_dir() {
        return Err(fail(&"it is a directory"));
    }
    let bytes = if kind.is_file() { Bytes::of(file) } else { Bytes::Stream(Box::new(file)) };
    Ok(local(name, Source::Local(bytes)))
}

/// What this call has written as lines of findings, to be read from the beginning.
pub fn open_lines(file: File) -> Opened<'static> {
    local("a temporary file", Source::Lines(Bytes::of(file)))
}

fn local(name: &str, source: Source<'static>) -> Opened<'static> {
    let about = About { file: Some(name.to_owned()), address: name.to_owned(), ..About::default() };
    Opened { about, incomplete: None, source }
}

/// Opens a local file that others are compared with. One of lines without a line is what a scan without findings is
/// written as; should it have lost them, then everything is new, which nobody overlooks.
///
/// # Errors
/// Exit 2 when it cannot be read.
pub fn open_older(name: &str) -> Result<Opened<'static>> {
    let opened = open_file(name)?;
    let of_lines = Path::new(name).extension().is_some_and(|extension| extension == "ndjson" || extension == "jsonl");
    let is_empty = std::fs::metadata(name).is_ok_and(|metadata| metadata.is_file() && metadata.len() == 0);
    Ok(if of_lines && is_empty { Opened { source: Source::Nothing, ..opened } } else { opened })
}

/// Refuses files that are named twice: a report would be counted twice, and stdin gives its bytes once.
///
/// # Errors
/// Exit 2.
pub fn each_once<'n>(names: impl IntoIterator<Item = &'n str>) -> Result<()> {
    let mut seen = Vec::new();
    for name in names {
        let place = match name {
            "-" => PathBuf::from(name),
            _ => std::fs::canonicalize(name).unwrap_or_else(|_absent| PathBuf::from(name)),
        };
        // Two names of one pipe may well be two reports.
        let is_one = name == "-" || place.is_file();
        if is_one && seen.contains(&place) {
            return Err(Error::usage(format!("`{name}` is named twice")));
        }
        seen.push(place);
    }
    Ok(())
}

/// Asks for the result behind an address, up to its first byte.
///
/// # Errors
/// The backend's, and the signal's.
pub async fn open_address<'b>(
    context: &Context,
    backend: &'b Rc<dyn Backend>,
    job: &Job,
    ask: Ask,
    progress: &Progress,
) -> Result<Opened<'b>> {
    let address = job.address()?;
    let tell = |text: &str| progress.show(&context.ui, text);
    let fetch = Fetch {
        partial: ask.partial,
        via_analysis: ask.via_analysis,
        deadline: (poll::now() + ask.timeout).into_std(),
        tell: &tell,
    };
    let asking = async {
        let mut target = backend.resolve(address, Verb::Results).await?;
        let report = backend.results(&target, &fetch).await?;
        target.learn(&report.run);
        Ok((target, report))
    };
    let (target, report) = tokio::select! {
        biased;
        signal = context.interrupt.first() => return Err(pump::interruption(signal)),
        asked = asking => asked?,
    };
    Ok(opened(context, &**backend, job, &target, report))
}

fn opened<'b>(context: &Context, backend: &dyn Backend, job: &Job, target: &Target, report: Report<'b>) -> Opened<'b> {
    let Report { run, source, decoder, download, incomplete, notes } = report;
    let address = Address::full(&job.profile, target.scan.as_ref(), target.run.as_ref());
    context.ui.status(&format!("{address}: {}", target.describe()));
    super::tell(context, &notes);
    let incomplete = incomplete.map(|why| part_only(&why, &run));
    let origin = Origin {
        source,
        profile: Some(job.profile.clone()),
        backend: Some(backend.spec().id.to_owned()),
        scan: target.scan.as_ref().map(ToString::to_string),
        run: target.run.as_ref().map(ToString::to_string),
    };
    let about = About {
        origin,
        address,
        file: None,
        product: Some(backend.spec().title),
        name: target.name.clone(),
        started_at: run.started_at,
        ended_at: run.ended_at.filter(|_| run.state.is_some_and(RunState::is_terminal)),
        declared: context.config().ok().and_then(|config| config.declared(&job.profile)),
    };
    Opened { about, incomplete, source: Source::Vendor(download, decoder) }
}

/// What ends the reading of a part that was asked for: never 0, so that nobody takes it for the whole.
pub fn part_only(why: &str, run: &Run) -> Error {
    let ended_badly = run.state.is_some_and(|state| state.is_terminal() && !state.succeeded());
    let exit = if ended_badly { Exit::EndedBadly } else { Exit::InvalidState };
    Error::new(exit, format!("not the whole result: {why}"))
}

impl Opened<'_> {
    /// The same once more, to be read after this has been. `None` where the bytes come once.
    ///
    /// # Errors
    /// Exit 1 when the system allows no more open files.
    pub fn again(&self) -> Result<Option<Opened<'static>>> {
        let source = match &self.source {
            Source::Local(Bytes::File { file, .. }) => {
                let file = file.try_clone().map_err(|problem| {
                    Error::new(Exit::Internal, format!("cannot read {} twice: {problem}", self.about.address))
                })?;
                Source::Local(Bytes::of(file))
            }
            Source::Nothing => Source::Nothing,
            Source::Local(Bytes::Stream(_)) | Source::Lines(_) | Source::Vendor(..) => return Ok(None),
        };
        Ok(Some(local(&self.about.address, source)))
    }

    /// Writes the vendor's bytes to these places as they come.
    ///
    /// # Errors
    /// What is wrong with the bytes, or that they are but a part; exit 1 where they cannot be written.
    pub async fn save(self, context: &Context, places: Vec<Pipe>, progress: &Progress) -> Result<()> {
        let Self { about: _, incomplete, source } = self;
        let Source::Vendor(download, decoder) = source else {
            return Err(Error::usage("a local file is not the vendor's answer"));
        };
        let format = match decoder {
            Some(Decoder::Pages(_)) => ExportFormat::Json,
            Some(Decoder::Nessus) | None => ExportFormat::Nessus,
        };
        let is_part = incomplete.is_some();
        let saved = save::save(context, download, decoder.as_ref(), format, is_part, places, Some(progress)).await?;
        saved.conclude(&context.ui, incomplete)
    }

    /// Reads the report to its end.
    ///
    /// # Errors
    /// Exit 1 when the thread that reads dies.
    pub async fn read<S: FindingSink + 'static>(
        self,
        context: &Context,
        progress: Option<&Progress>,
        sink: S,
    ) -> Result<End<S>> {
        let Self { about, incomplete: _, source } = self;
        let enough = Enough::default();
        let kept = Arc::new(Mutex::new(Kept { sink: Some(sink), problem: None }));
        let mut sink = Watched { kept: Arc::clone(&kept), enough: enough.clone() };
        let ended = match source {
            Source::Local(source) => {
                pump::local(context, source, &enough, move |source| {
                    findings::decode_any(source, &about.origin, &mut sink)
                })
                .await?
            }
            Source::Lines(source) => {
                pump::local(context, source, &enough, move |source| findings::decode_lines(source, &mut sink)).await?
            }
            Source::Nothing => Some(Ok(Decoded::default())),
            Source::Vendor(_, None) => return Err(Error::bad_data("the vendor's answer holds no findings")),
            Source::Vendor(download, Some(Decoder::Nessus)) => {
                pump::download(context, progress, download, &enough, move |chunks| {
                    findings::decode(chunks, &about.origin, &mut sink)
                })
                .await?
            }
            Source::Vendor(download, Some(Decoder::Pages(read))) => {
                let read: PageReader = read;
                pump::download(context, progress, download, &enough, move |chunks| {
                    findings::decode_pages(chunks, read, &about.origin, &mut sink)
                })
                .await?
            }
        };
        let (sink, problem) = Kept::take(&kept);
        let Some(sink) = sink else { return Ok(End::Abandoned) };
        Ok(match ended {
            Some(Ok(decoded)) => End::Decoded(sink, decoded),
            Some(Err(problem)) => End::Enough(sink, problem),
            // The thread waits for a source that says nothing, and gets no sink any more if that ever speaks.
            None => match (context.interrupt.received(), problem) {
                (Some(signal), _) => End::Enough(sink, pump::interruption(signal)),
                (None, Some(problem)) => End::Enough(sink, problem),
                (None, None) => End::Enough(sink, Error::new(Exit::Internal, "reading did not end")),
            },
        })
    }
}

/// A sink that the thread that reads uses and does not own, so that what it took in is not lost with a thread that a
/// silent source keeps.
struct Kept<S> {
    sink: Option<S>,
    /// Why it wanted no more.
    problem: Option<Error>,
}

impl<S> Kept<S> {
    /// Takes the sink away from the thread, unless that is in it right now.
    fn take(kept: &Mutex<Self>) -> (Option<S>, Option<Error>) {
        let mut kept = match kept.try_lock() {
            Ok(kept) => kept,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return (None, None),
        };
        (kept.sink.take(), kept.problem.take())
    }
}

/// Says at once when the sink wants no more, also while the source is silent.
struct Watched<S> {
    kept: Arc<Mutex<Kept<S>>>,
    enough: Enough,
}

impl<S: FindingSink> FindingSink for Watched<S> {
    fn finding(&mut self, finding: &Finding<'_>) -> Result<()> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(sink) = &mut kept.sink else {
            return Err(Error::new(Exit::Internal, "nobody waits for what is read"));
        };
        let taken = sink.finding(finding);
        if let Err(problem) = &taken {
            kept.problem = Some(problem.clone());
            drop(kept);
            self.enough.say();
        }
        taken
    }

    fn needs(&self) -> Needs {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.sink.as_ref().map_or(Needs::Core, FindingSink::needs)
    }
}
