//! `scanctl demo`: a tour of the program against the sandbox, with the program itself run for every step.

use std::ffi::OsString;
use std::process::{ExitCode, ExitStatus, Stdio};
use std::time::Duration;

use anyhow::Context as _;
use tokio::io::AsyncReadExt as _;

use super::sandbox::{Place, child, code, ended};
use crate::cli::Global;
use crate::context::Context;
use crate::exit::Exit;
use crate::sandbox::{Options, Sandbox, seeds};

/// How much faster than the vendors the tour goes: a scan of twenty minutes takes a few seconds.
const SPEED: f64 = 200.0;

/// Show everything against the sandbox, in under a minute
///
/// Starts the sandbox, launches one scan on each of the five backends, follows them, shows what they found and what is
/// new of it, steers one, and shows an honest refusal. Nothing leaves this machine.
#[derive(Debug, clap::Args)]
pub struct Args {}

/// One step: what it shows, the command, and how it must end.
struct Step {
    shows: &'static str,
    words: Vec<String>,
    expected: Exit,
    /// What it prints is an address, which later steps use: it is kept as [`KEPT`].
    keeps: bool,
}

/// What stands in later steps for the address that was kept, as in a shell.
const KEPT: &str = "$run";

fn step(shows: &'static str, words: &[&str], expected: Exit) -> Step {
    Step { shows, words: words.iter().map(|word| (*word).to_owned()).collect(), expected, keeps: false }
}

impl Step {
    /// As it is typed in a shell.
    fn line(&self) -> String {
        let line = format!("scanctl {}", self.words.join(" "));
        if self.keeps { format!("run=$({line})") } else { line }
    }
}

/// Runs the command.
///
/// # Errors
/// When the sandbox cannot be started, or a document is wanted.
pub async fn run(args: Args, global: &Global, context: &Context) -> anyhow::Result<ExitCode> {
    let Args {} = args;
    global.no_document("demo")?;
    let options = Options { speed: SPEED, latency: Duration::from_millis(20), ..Options::default() };
    let sandbox = Sandbox::start(options).context("cannot start the sandbox")?;
    let place = Place::new(&sandbox)?;
    context
        .ui
        .status("A simulated Tenable VM, Tenable.sc, Director, Juniper JSA and Cloudflare listen on this machine.");
    let steps = steps();
    let mut kept = String::new();
    for step in &steps {
        context.ui.stderr(&format!("\n# {}\n$ {}", step.shows, step.line()));
        let words = step.words.iter().map(|word| if word == KEPT { &kept } else { word });
        let mut command = child(&OsString::from("scanctl"), &sandbox, &place);
        if step.keeps {
            command.stdout(Stdio::piped());
        }
        let mut running = command.args(words).spawn()?;
        let status = ended(&mut running, context).await?;
        if let Some(signal) = context.interrupt.received().or_else(|| signalled(status)) {
            return Ok(ExitCode::from(signal.code()));
        }
        if let Some(mut stdout) = running.stdout.take() {
            kept.clear();
            stdout.read_to_string(&mut kept).await?;
            kept.truncate(kept.trim_end().len());
            context.ui.stderr(&format!("({KEPT} is {kept})"));
        }
        if status.code() != Some(i32::from(step.expected.code())) {
            context.ui.stderr(&format!("the demo expected exit code {}, and it was {status}", step.expected.code()));
            return Ok(ExitCode::from(Exit::Internal.code()));
        }
        if step.expected != Exit::Success {
            context.ui.stderr(&format!("(exit code {}: {})", step.expected.code(), step.expected.meaning()));
        }
    }
    context.ui.stderr("\nEverything above, to try yourself inside `scanctl sandbox -- sh`:");
    for step in &steps {
        context.ui.stderr(&format!("  {}", step.line()));
    }
    Ok(ExitCode::SUCCESS)
}

/// The signal that ended a step, by what the step says or because it could say nothing yet: it may be gone before this
/// program has seen the same one.
fn signalled(status: ExitStatus) -> Option<Exit> {
    [Exit::Interrupted, Exit::Terminated].into_iter().find(|exit| code(status) == exit.code())
}

fn steps() -> Vec<Step> {
    let all: Vec<String> = seeds::LAUNCHABLE.iter().map(|(profile, id)| format!("{profile}/{id}")).collect();
    let (io, jsa, cf) = (all[0].as_str(), all[3].as_str(), all[4].as_str());
    let [before, latest] = ["latest~1", "latest"].map(|run| format!("{io}@{run}"));
    let paused = seeds::PAUSED;
    let mut launch = vec!["launch"];
    launch.extend(all[..4].iter().map(String::as_str));
    launch.extend(["--wait", "--interval", "300ms", "--timeout", "2m"]);
    let clone = ["launch", "-q", cf, "--wait", "--interval", "300ms", "--timeout", "2m"];
    let clone = step("Cloudflare's are launched as a copy, whose address is kept.", &clone, Exit::Success);
    vec![
        step("Who are we, on each service?", &["profiles", "check"], Exit::Success),
        step("What is stored on one of them?", &["scans", "list", "-p", "io"], Exit::Success),
        step("One scan on each of four, followed to the end.", &launch, Exit::Success),
        Step { keeps: true, ..clone },
        step("Their states, read once.", &["status", io, jsa, KEPT], Exit::Success),
        step(
            "What did they find? The worst of it.",
            &["results", io, jsa, KEPT, "--severity", "critical"],
            Exit::Success,
        ),
        step(
            "What differs from the run before?",
            &["diff", &before, &latest, "--min-severity", "medium"],
            Exit::Success,
        ),
        step(
            "A gate for CI: nothing new that is high or worse, or exit 10.",
            &["results", &latest, "--baseline", &before, "--fail-on-new", "high", "--min-severity", "high"],
            Exit::Gate,
        ),
        step("Everything that is active.", &["list"], Exit::Success),
        step(
            "A colleague has paused a scan; resume it.",
            &["resume", paused, "--wait", "--interval", "300ms"],
            Exit::Success,
        ),
        step("Pause it again.", &["pause", paused, "--wait", "--interval", "300ms"], Exit::Success),
        step("And resume it.", &["resume", paused, "--wait", "--interval", "300ms"], Exit::Success),
        step("What would a stop send?", &["stop", paused, "-n"], Exit::Success),
        step("Stop it.", &["stop", paused, "--wait", "--interval", "300ms"], Exit::Success),
        step("What cannot be done is refused before anything is sent.", &["pause", cf], Exit::Unsupported),
    ]
}
