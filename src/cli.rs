//! The command line: global flags, and how a run of the program begins and ends.

mod help;
mod unparsed;

use std::path::PathBuf;
use std::process::{ExitCode, Termination as _};
use std::rc::Rc;

use clap::error::{ContextKind, ContextValue};
use clap::{Args, CommandFactory as _, Parser};

use crate::commands::{self, Command};
use crate::config::env;
use crate::context::Context;
use crate::error::{Detail, Error};
use crate::exit::Exit;
use crate::output::{self, rows, safe};
use crate::ui::{self, ColorChoice, ProgressChoice, Ui};

/// Launch, steer and follow scans on Tenable VM, Tenable.sc, Director, Juniper JSA and Cloudflare
#[derive(Debug, Parser)]
#[command(
    name = "scanctl",
    version,
    propagate_version = true,
    subcommand_required = true,
    arg_required_else_help = true
)]
pub struct Cli {
    /// Flags that every command takes.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Flags that every command takes.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Global options")]
pub struct Global {
    /// Use this profile, group or glob of profiles (repeatable) [env: SCANCTL_PROFILE]
    #[arg(short, long = "profile", value_name = "NAME", global = true, add = clap_complete::ArgValueCandidates::new(commands::completions::profiles))]
    pub profiles: Vec<String>,

    /// Read this config file [env: SCANCTL_CONFIG]
    #[arg(long, value_name = "FILE", global = true, value_hint = clap::ValueHint::FilePath)]
    pub config: Option<PathBuf>,

    /// Keep state in this folder; this version keeps none [env: SCANCTL_STATE_DIR]
    #[arg(long, value_name = "DIR", global = true, value_hint = clap::ValueHint::DirPath)]
    pub state_dir: Option<PathBuf>,

    /// Print stdout as table, json, ndjson or csv [env: SCANCTL_FORMAT]
    #[arg(short, long, value_name = "FORMAT", global = true, add = clap_complete::ArgValueCandidates::new(commands::completions::formats))]
    pub format: Option<String>,

    /// Write to a file instead of stdout, in the format named or told by its extension (repeatable; `-` is stdout)
    #[arg(short, long = "output", value_name = "[FORMAT=]FILE", global = true, value_hint = clap::ValueHint::FilePath)]
    pub outputs: Vec<String>,

    /// Print the vendor's bytes as received
    #[arg(long, global = true)]
    pub raw: bool,

    /// Print only errors on stderr, and on launch and control verbs only full addresses on stdout
    #[arg(short, long, global = true)]
    pub quiet: bool,

    /// Log on stderr: -v calls, -vv more, -vvv beginnings of answers [env: SCANCTL_LOG]
    #[arg(short, long, action = clap::ArgAction::Count, global = true)]
    pub verbose: u8,

    /// Write logs and errors as text or as JSON lines
    #[arg(long, value_name = "FORMAT", global = true, default_value = "text", hide_default_value = true)]
    pub log_format: LogFormat,

    /// Use colour [env: NO_COLOR, CLICOLOR_FORCE]
    #[arg(long, value_name = "WHEN", global = true, default_value = "auto", hide_default_value = true)]
    pub color: ColorChoice,

    /// Show progress as a live display (bar), as one line a change (plain), or not at all
    #[arg(long, value_name = "HOW", global = true, default_value = "auto", hide_default_value = true)]
    pub progress: ProgressChoice,

    /// Answer every confirmation with yes
    #[arg(short, long, global = true)]
    pub yes: bool,
}

/// How logs and errors are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// For programs.
    Json,
}

impl Global {
    /// What is wanted of output.
    pub fn output(&self) -> output::Wanted {
        output::Wanted {
            format: self.format.clone(),
            default_format: env::read(env::FORMAT),
            outputs: self.outputs.clone(),
            raw: self.raw,
        }
    }

    /// Refuses what says how a document is to be written, for a command that writes none.
    ///
    /// # Errors
    /// Exit 2.
    pub fn no_document(&self, command: &str) -> Result<(), Error> {
        if self.format.is_none() && self.outputs.is_empty() && !self.raw {
            return Ok(());
        }
        Err(Error::usage(format!(
            "`{command}` writes no document: `--format`, `--output` and `--raw` say nothing to it"
        ))
        .hint("what it prints is on stdout; a shell puts it into a file with >"))
    }

    fn ui(&self) -> Ui {
        let format = self.format.clone().or_else(|| env::read(env::FORMAT));
        let json = matches!(format.as_deref(), Some("json" | "ndjson"));
        Ui::new(ui::Settings {
            quiet: self.quiet,
            color: self.color,
            progress: self.progress,
            no_color: env::read(env::NO_COLOR).is_some(),
            force_color: env::read(env::CLICOLOR_FORCE).is_some_and(|value| value != "0"),
            json_errors: json || self.log_format == LogFormat::Json,
        })
    }

    fn context(&self, ui: Rc<Ui>) -> Context {
        let config = self.config.clone().or_else(|| env::read(env::CONFIG).map(PathBuf::from));
        let profiles = if self.profiles.is_empty() {
            let named = env::read(env::PROFILE).unwrap_or_default();
            named.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect()
        } else {
            self.profiles.clone()
        };
        Context::new(ui, config, profiles)
    }

    fn log(&self) {
        use tracing_subscriber::filter::{LevelFilter, Targets};
        use tracing_subscriber::layer::SubscriberExt as _;
        use tracing_subscriber::util::SubscriberInitExt as _;
        let level = match self.verbose {
            0 => None,
            1 => Some(LevelFilter::DEBUG),
            _ => Some(LevelFilter::TRACE),
        };
        let targets = match (level, env::read(env::LOG)) {
            // The libraries below log headers and bodies: only this program's own words are shown.
            (Some(level), _) => Targets::new().with_target("scanctl", level),
            (None, Some(text)) => match text.parse::<Targets>() {
                Ok(targets) => {
                    let own = targets.iter().filter(|(name, _)| name.starts_with("scanctl"));
                    let own = own.map(|(name, level)| (name.to_owned(), level));
                    Targets::new()
                        .with_target("scanctl", targets.default_level().unwrap_or(LevelFilter::OFF))
                        .with_targets(own)
                }
                Err(_invalid) => return,
            },
            (None, None) => return,
        };
        let layer = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_target(false);
        let registry = tracing_subscriber::registry().with(targets);
        // A subscriber can only be there already in tests.
        let _already = match self.log_format {
            LogFormat::Text => registry.with(layer.with_ansi(false)).try_init(),
            LogFormat::Json => registry.with(layer.json()).try_init(),
        };
    }
}

/// The whole command line, for completions, the man page and tests.
pub fn command() -> clap::Command {
    let mut codes = String::from("Exit codes:\n");
    for exit in Exit::ALL {
        codes.push_str(&format!("  {:>3}  {}\n", exit.code(), exit.meaning()));
    }
    help::fit(Cli::command()).after_long_help(codes)
}

/// Parses the arguments and runs the program.
pub fn main() -> ExitCode {
    clap_complete::CompleteEnv::with_factory(command).complete();
    let asked = unparsed::Asked::of(std::env::args_os().skip(1));
    let matches = command().color(asked.color).try_get_matches();
    let cli = match matches.and_then(|matches| <Cli as clap::FromArgMatches>::from_arg_matches(&matches)) {
        Ok(cli) => cli,
        Err(problem) => {
            let problem = with_hint(problem);
            // Help and version are no failures.
            asked.print(&problem);
            return if problem.use_stderr() { Exit::Usage } else { Exit::Success }.report();
        }
    };
    cli.global.log();
    let ui = Rc::new(cli.global.ui());
    let context = cli.global.context(Rc::clone(&ui));
    let result = commands::run(cli, &context);
    match result {
        Ok(exit) => exit,
        Err(problem) => {
            let error = match problem.downcast::<Error>() {
                Ok(error) => error,
                Err(other) => {
                    let mut causes = other.chain().map(ToString::to_string);
                    let mut error = Error::new(Exit::Internal, causes.next().unwrap_or_default());
                    for cause in causes {
                        error = error.because(cause);
                    }
                    error
                }
            };
            report(&ui, &error, rows::Subject::default());
            error.exit().report()
        }
    }
}

/// Adds the hint of a value's own error, which would get lost.
fn with_hint(mut problem: clap::Error) -> clap::Error {
    let source = std::error::Error::source(&problem).and_then(|source| source.downcast_ref::<Error>());
    if let Some(hint) = source.and_then(Error::hint_text).map(|hint| hint.to_owned().into()) {
        problem.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![hint]));
    }
    problem
}

/// Prints an error: as text, or as one line of JSON. Without a subject it is that of a whole call.
pub fn report(ui: &Ui, error: &Error, subject: rows::Subject<'_>) {
    if matches!(error.detail(), Detail::Told) {
        return;
    }
    if ui.json_errors() {
        ui.stderr(&error_line(error, subject));
    } else {
        ui.error(error);
    }
}

/// An error as programs read it from stderr: an object in one line.
pub fn error_line(error: &Error, subject: rows::Subject<'_>) -> String {
    safe::json(&serde_json::json!({ "error": rows::error_json(error, subject) }))
}
