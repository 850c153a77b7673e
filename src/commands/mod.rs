//! The commands: one file each, one line each here.

pub mod backends;
pub mod changing;
pub mod completions;
pub mod control;
pub mod demo;
pub mod diff;
pub mod drafting;
pub mod export;
pub mod force_stop;
pub mod gather;
pub mod launch;
pub mod list;
pub mod man;
pub mod misplaced;
pub mod one;
pub mod pause;
pub mod profiles;
pub mod reading;
pub mod results;
pub mod resume;
pub mod runs;
pub mod sandbox;
pub mod scans;
pub mod schema;
pub mod sending;
pub mod status;
pub mod stop;
pub mod targets;
pub mod wait;
pub mod waiting;

use std::future::Future;
use std::process::{ExitCode, Termination};

use clap::Subcommand;

use crate::cli::{Cli, Global};
use crate::context::Context;
use crate::exit::Exit;

/// What to do.
#[derive(Debug, Subcommand)]
#[expect(missing_docs, reason = "the doc comment of each command's own arguments is its help")]
pub enum Command {
    Launch(launch::Args),
    Pause(pause::Args),
    Resume(resume::Args),
    Stop(stop::Args),
    ForceStop(force_stop::Args),
    Status(status::Args),
    Wait(wait::Args),
    Results(results::Args),
    Export(export::Args),
    Diff(diff::Args),
    List(list::Args),
    Scans(scans::Args),
    Runs(runs::Args),
    Profiles(profiles::Args),
    Backends(backends::Args),
    Schema(schema::Args),
    Completions(completions::Args),
    Man(man::Args),
    Sandbox(sandbox::Args),
    Demo(demo::Args),
}

/// Runs one command.
///
/// # Errors
/// Whatever made the whole call impossible; what became of single addresses is an exit code.
pub fn run(cli: Cli, context: &Context) -> anyhow::Result<ExitCode> {
    let Cli { global, command } = cli;
    match command {
        Command::Launch(args) => online(context, launch::run(args, &global, context)),
        Command::Pause(args) => online(context, pause::run(args, &global, context)),
        Command::Resume(args) => online(context, resume::run(args, &global, context)),
        Command::Stop(args) => online(context, stop::run(args, &global, context)),
        Command::ForceStop(args) => online(context, force_stop::run(args, &global, context)),
        Command::Status(args) => online(context, status::run(args, &global, context)),
        Command::Wait(args) => online(context, wait::run(args, &global, context)),
        Command::Results(args) => online(context, results::run(args, &global, context)),
        Command::Export(args) => online(context, export::run(args, &global, context)),
        Command::Diff(args) => online(context, diff::run(args, &global, context)),
        Command::List(args) => online(context, list::run(args, &global, context)),
        Command::Scans(args) => online(context, scans::run(args, &global, context)),
        Command::Runs(args) => online(context, runs::run(args, &global, context)),
        Command::Profiles(args) => online(context, profiles::run(args, &global, context)),
        Command::Backends(args) => backends::run(args, &global, context).map(Exit::report),
        Command::Schema(args) => schema::run(args, &global, context).map(Exit::report),
        Command::Completions(args) => completions::run(args, &global, context).map(Exit::report),
        Command::Man(args) => man::run(args, &global, context).map(Exit::report),
        Command::Sandbox(args) => online(context, sandbox::run(args, &global, context)),
        Command::Demo(args) => online(context, demo::run(args, &global, context)),
    }
}

/// Runs a command that may talk to a vendor: on one thread, with signals, and with every session closed at the end.
fn online<T: Termination>(
    context: &Context,
    work: impl Future<Output = anyhow::Result<T>>,
) -> anyhow::Result<ExitCode> {
    const GOODBYE: std::time::Duration = std::time::Duration::from_secs(5);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let result = runtime.block_on(async {
        context.interrupt.listen();
        let whole = async {
            let result = work.await;
            // Nobody waits longer for a server that does not say goodbye.
            drop(tokio::time::timeout(GOODBYE, context.close()).await);
            result.map(T::report)
        };
        tokio::select! {
            biased;
            result = whole => result,
            signal = context.interrupt.second() => Ok(signal.report()),
        }
    });
    runtime.shutdown_background();
    result
}

/// The notes of a reading, for people.
fn tell(context: &Context, notes: &[String]) {
    for note in notes {
        context.ui.status(&format!("note: {note}"));
    }
}

/// Whether something that needs confirmation may be done.
///
/// # Errors
/// Exit 2 when nobody can be asked, or the answer is no.
fn confirm(context: &Context, global: &Global, question: &str) -> crate::error::Result<()> {
    use crate::error::Error;
    if global.yes {
        return Ok(());
    }
    if !context.ui.can_ask() {
        return Err(Error::usage(format!("{question} needs a confirmation, and there is no terminal to ask on"))
            .hint("say it with --yes"));
    }
    if context.ui.ask(&format!("{question}?")) { Ok(()) } else { Err(Error::usage("not confirmed; nothing was sent")) }
}
