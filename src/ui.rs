//! The only printer. stdout carries data and nothing else; everything for people goes to stderr.

mod screen;

use std::cell::{Cell, RefCell};
use std::io::{self, IsTerminal as _, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::error::{Error, Result};
use crate::exit::Exit;
use crate::text::clean;

/// Whether colour is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum ColorChoice {
    /// On a terminal, unless the environment says no.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// How progress is shown on stderr.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum ProgressChoice {
    /// A live display on a terminal, one line a change elsewhere.
    #[default]
    Auto,
    /// Nothing.
    None,
    /// One line a change.
    Plain,
    /// A live display.
    Bar,
}

/// What the command line and the environment decided about printing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Settings {
    /// `--quiet`.
    pub quiet: bool,
    /// `--color`.
    pub color: ColorChoice,
    /// `--progress`.
    pub progress: ProgressChoice,
    /// `NO_COLOR` is set.
    pub no_color: bool,
    /// `CLICOLOR_FORCE` is set.
    pub force_color: bool,
    /// Errors are JSON objects, a line each.
    pub json_errors: bool,
}

/// The printer, decided once at start.
#[derive(Debug)]
pub struct Ui {
    settings: Settings,
    stderr_terminal: bool,
    streams: Arc<Streams>,
}

/// What everything that prints has to know of the process's streams.
#[derive(Debug)]
struct Streams {
    stdout_terminal: bool,
    stdout_closed: AtomicBool,
    /// The live display, once there is one.
    live: OnceLock<MultiProgress>,
}

impl Streams {
    /// Writes where the live display is out of the way.
    fn apart<T>(&self, write: impl FnOnce() -> T) -> T {
        match self.live.get() {
            Some(live) => live.suspend(write),
            None => write(),
        }
    }

    /// Ends the live display: rows that come say how far it is. It is not held back while they are written, since a terminal
    /// may take none, and who watches for signals draws it.
    fn make_way(&self) {
        if let Some(live) = self.live.get()
            && !live.is_hidden()
        {
            drop(live.clear());
            live.set_draw_target(ProgressDrawTarget::hidden());
        }
    }

    /// As [`Self::apart`], if it goes to a terminal.
    fn on_stdout<T>(&self, write: impl FnOnce() -> T) -> T {
        if self.stdout_terminal { self.apart(write) } else { write() }
    }
}

impl Ui {
    /// A printer for this process's streams.
    pub fn new(settings: Settings) -> Self {
        let streams = Streams {
            stdout_terminal: io::stdout().is_terminal(),
            stdout_closed: AtomicBool::default(),
            live: OnceLock::new(),
        };
        Self { settings, stderr_terminal: io::stderr().is_terminal(), streams: Arc::new(streams) }
    }

    /// Whether `--quiet` was given.
    pub fn is_quiet(&self) -> bool {
        self.settings.quiet
    }

    /// Whether errors are JSON.
    pub fn json_errors(&self) -> bool {
        self.settings.json_errors
    }

    /// Whether stdout is a terminal.
    pub fn stdout_is_terminal(&self) -> bool {
        self.streams.stdout_terminal
    }

    /// Whether a person can be asked.
    pub fn can_ask(&self) -> bool {
        io::stdin().is_terminal() && self.stderr_terminal
    }

    /// Whether stdout gets colour.
    pub fn stdout_color(&self) -> bool {
        self.color(self.streams.stdout_terminal)
    }

    fn color(&self, terminal: bool) -> bool {
        match self.settings.color {
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            ColorChoice::Auto if self.settings.no_color => false,
            ColorChoice::Auto => self.settings.force_color || terminal,
        }
    }

    /// The width of a table on stdout; `None` where nothing must be cut, as in a pipe.
    pub fn width(&self) -> Option<u16> {
        if !self.streams.stdout_terminal {
            return None;
        }
        terminal_size::terminal_size_of(io::stdout()).map(|(width, _)| width.0).or(Some(80))
    }

    /// Writes data to stdout. A closed pipe silences stdout and is no error.
    ///
    /// # Errors
    /// Exit 1 when stdout cannot be written, a full disk for instance.
    pub fn data(&self, bytes: &[u8]) -> Result<()> {
        if self.streams.stdout_closed.load(Ordering::Relaxed) {
            return Ok(());
        }
        let write = || {
            let mut stdout = io::stdout().lock();
            stdout.write_all(bytes).and_then(|()| stdout.flush())
        };
        match self.streams.on_stdout(write) {
            Ok(()) => Ok(()),
            Err(problem) => {
                self.streams.stdout_closed.store(true, Ordering::Relaxed);
                match problem.kind() {
                    io::ErrorKind::BrokenPipe => Ok(()),
                    _ => Err(Error::new(Exit::Internal, format!("cannot write to stdout: {problem}"))),
                }
            }
        }
    }

    /// stdout for data that another thread writes as it comes.
    pub fn stdout(&self) -> Stdout {
        Stdout { streams: Arc::clone(&self.streams), line: Vec::new() }
    }

    /// A line for people; silent under `--quiet`.
    pub fn status(&self, text: &str) {
        if !self.settings.quiet {
            self.stderr(&clean(text));
        }
    }

    /// A warning; silent under `--quiet`.
    pub fn warn(&self, text: &str) {
        if !self.settings.quiet {
            self.stderr(&format!("{} {}", self.paint("warning:", "33"), clean(text)));
        }
    }

    /// A hint; silent under `--quiet`.
    pub fn hint(&self, text: &str) {
        if !self.settings.quiet {
            self.stderr(&format!("{} {}", self.paint("hint:", "36"), clean(text)));
        }
    }

    /// An error in its text form: message, causes, blank line, hint. Printed under `--quiet` too.
    pub fn error(&self, error: &Error) {
        let mut text = format!("{} {}", self.paint("error:", "31"), clean(error.message()));
        for cause in error.causes() {
            text.push_str(&format!("\n  caused by: {}", clean(cause)));
        }
        if let Some(id) = &error.answer().request_id {
            text.push_str(&format!("\n  request id: {}", clean(id)));
        }
        if let Some(hint) = error.hint_text() {
            text.push_str(&format!("\n\n{} {}", self.paint("hint:", "36"), clean(hint)));
        }
        self.stderr(&text);
    }

    /// A line for people that is said under `--quiet` too.
    pub fn always(&self, text: &str) {
        self.stderr(&clean(text));
    }

    /// A line on stderr as it is: JSON errors, prompts' answers.
    pub fn stderr(&self, text: &str) {
        self.streams.apart(|| {
            let mut stderr = io::stderr().lock();
            // Nobody is left to be told when stderr is gone.
            drop(writeln!(stderr, "{text}"));
        });
    }

    /// Asks a question on the terminal; `y` and `yes` are yes.
    pub fn ask(&self, question: &str) -> bool {
        let mut stderr = io::stderr().lock();
        drop(write!(stderr, "{} [y/N] ", clean(question)));
        drop(stderr.flush());
        let mut answer = String::new();
        let read = io::stdin().read_line(&mut answer);
        read.is_ok() && matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes")
    }

    fn paint(&self, text: &str, code: &str) -> String {
        if self.color(self.stderr_terminal) { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }

    /// Starts one line of progress.
    pub fn progress(&self, name: &str) -> Progress {
        let choice = match self.settings.progress {
            _ if self.settings.quiet => ProgressChoice::None,
            ProgressChoice::Auto if self.stderr_terminal => ProgressChoice::Bar,
            ProgressChoice::Auto => ProgressChoice::Plain,
            other => other,
        };
        // A display that cannot be drawn, on a dumb terminal or in a pipe, would say nothing at all.
        let choice = match choice {
            ProgressChoice::Bar if ProgressDrawTarget::stderr().is_hidden() => ProgressChoice::Plain,
            other => other,
        };
        let bar = (choice == ProgressChoice::Bar).then(|| {
            let live = self.streams.live.get_or_init(|| MultiProgress::with_draw_target(screen::target()));
            let bar = live.add(ProgressBar::new_spinner());
            if let Ok(style) = ProgressStyle::with_template("{spinner} {prefix}  {elapsed}  {wide_msg}") {
                bar.set_style(style);
            }
            bar.set_prefix(clean(name));
            bar.enable_steady_tick(std::time::Duration::from_millis(250));
            bar
        });
        Progress {
            name: clean(name),
            bar,
            plain: choice == ProgressChoice::Plain,
            last: RefCell::new(String::new()),
            started: Cell::new(None),
            shown: Cell::new(None),
        }
    }
}

/// stdout as a place to write to, for any thread. Fails with `BrokenPipe` once nobody reads it, and then always.
///
/// A terminal gets whole lines: between two of them something may be said on stderr. The first one ends a live display.
#[derive(Debug)]
pub struct Stdout {
    streams: Arc<Streams>,
    /// The beginning of a line for a terminal.
    line: Vec<u8>,
}

impl Write for Stdout {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.open()?;
        if !self.streams.stdout_terminal {
            let written = io::stdout().lock().write(bytes);
            return self.closed(written);
        }
        self.line.extend_from_slice(bytes);
        match memchr::memrchr(b'\n', &self.line) {
            Some(end) => self.lines(end + 1)?,
            None if self.line.len() > LONGEST_LINE => self.lines(self.line.len())?,
            None => {}
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.open()?;
        self.lines(self.line.len())?;
        let flushed = io::stdout().lock().flush();
        self.closed(flushed)
    }
}

/// A line that is longer than any screen need not be whole.
const LONGEST_LINE: usize = 64 * 1024;

impl Stdout {
    fn open(&self) -> io::Result<()> {
        if self.streams.stdout_closed.load(Ordering::Relaxed) {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        Ok(())
    }

    /// Writes the first of the bytes that are held back.
    fn lines(&mut self, length: usize) -> io::Result<()> {
        let lines: Vec<u8> = self.line.drain(..length).collect();
        if lines.is_empty() {
            return Ok(());
        }
        self.streams.make_way();
        let mut stdout = io::stdout().lock();
        let written = stdout.write_all(&lines).and_then(|()| stdout.flush());
        self.closed(written)
    }

    fn closed<T>(&self, result: io::Result<T>) -> io::Result<T> {
        if result.as_ref().is_err_and(|problem| problem.kind() != io::ErrorKind::Interrupted) {
            self.streams.stdout_closed.store(true, Ordering::Relaxed);
        }
        result
    }
}

/// One line of progress.
#[derive(Debug)]
pub struct Progress {
    name: String,
    bar: Option<ProgressBar>,
    plain: bool,
    last: RefCell<String>,
    /// When the first byte came.
    started: Cell<Option<Instant>>,
    /// When bytes were shown last.
    shown: Cell<Option<Instant>>,
}

/// How often bytes are shown on a live display, and in lines.
const REDRAW: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(10));

impl Progress {
    /// Shows where it is now. A plain display prints it only when it changed.
    pub fn show(&self, ui: &Ui, text: &str) {
        let text = clean(text);
        if let Some(bar) = &self.bar {
            bar.set_message(text);
        } else if self.plain && *self.last.borrow() != text {
            ui.stderr(&format!("{}  {text}", self.name));
            *self.last.borrow_mut() = text;
        }
    }
}

impl Progress {
    /// Shows how many bytes have come, of how many, and how fast; now and then, and at the end.
    pub fn bytes(&self, ui: &Ui, received: u64, length: Option<u64>, ended: bool) {
        let now = Instant::now();
        let started = self.started.get().unwrap_or(now);
        self.started.set(Some(started));
        let pause = if self.bar.is_some() { REDRAW.0 } else { REDRAW.1 };
        if !ended && now.duration_since(self.shown.get().unwrap_or(started)) < pause {
            return;
        }
        self.shown.set(Some(now));
        let seconds = now.duration_since(started).as_secs_f64();
        let of = match length {
            Some(length) if !ended && length > received => format!(" of {}", size(length)),
            _ => String::new(),
        };
        // What came at once came at no speed worth telling.
        let rate =
            if seconds >= 0.1 { format!(", {}/s", size((received as f64 / seconds) as u64)) } else { String::new() };
        self.show(ui, &format!("{}{of}{rate}", size(received)));
    }
}

/// A number of bytes for people.
pub fn size(bytes: u64) -> String {
    let units = ["KiB", "MiB", "GiB", "TiB"];
    let mut value = bytes as f64;
    let mut unit = "bytes";
    for larger in units {
        if value < 1024.0 {
            break;
        }
        value /= 1024.0;
        unit = larger;
    }
    if unit == "bytes" { format!("{bytes} bytes") } else { format!("{value:.1} {unit}") }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
