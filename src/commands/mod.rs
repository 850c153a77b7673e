//! The commands: one file each, one line each here.

pub mod backends;
pub mod completions;
pub mod control;
pub mod demo;
pub mod force_stop;
pub mod gather;
pub mod launch;
pub mod list;
pub mod man;
pub mod one;
pub mod pause;
pub mod profiles;
pub mod resume;
pub mod runs;
pub mod sandbox;
pub mod scans;
pub mod sending;
pub mod status;
pub mod stop;
pub mod targets;
pub mod wait;
pub mod waiting;

use std::future::Future;

use clap::Subcommand;

use crate::cli::{Cli, Global};
use crate::context::Context;
use crate::exit::Exit;

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Launch scans and print the address of each run
    Launch(launch::Args),
    /// Pause runs
    Pause(pause::Args),
    /// Resume paused runs
    Resume(resume::Args),
    /// Stop runs in order
    Stop(stop::Args),
    /// Stop runs at once, dropping unfinished work
    ForceStop(force_stop::Args),
    /// Print the state of runs
    Status(status::Args),
    /// Wait until runs end
    Wait(wait::Args),
    /// List active runs
    List(list::Args),
    /// Work with stored scans
    Scans(scans::Args),
    /// Work with runs
    Runs(runs::Args),
    /// Work with the profiles of the config
    Profiles(profiles::Args),
    /// Print what each backend can do
    Backends(backends::Args),
    /// Print the completion script of a shell
    Completions(completions::Args),
    /// Print the man page
    Man(man::Args),
    /// Simulate all five vendors on this machine
    Sandbox(sandbox::Args),
    /// Show everything against the sandbox, in under a minute
    Demo(demo::Args),
}

/// Runs one command.
///
/// # Errors
/// Whatever made the whole call impossible; what became of single addresses is an exit code.
pub fn run(cli: Cli, context: &Context) -> anyhow::Result<Exit> {
    let Cli { global, command } = cli;
    match command {
        Command::Launch(args) => online(context, launch::run(args, &global, context)),
        Command::Pause(args) => online(context, pause::run(args, &global, context)),
        Command::Resume(args) => online(context, resume::run(args, &global, context)),
        Command::Stop(args) => online(context, stop::run(args, &global, context)),
        Command::ForceStop(args) => online(context, force_stop::run(args, &global, context)),
        Command::Status(args) => online(context, status::run(args, &global, context)),
        Command::Wait(args) => online(context, wait::run(args, &global, context)),
        Command::List(args) => online(context, list::run(args, &global, context)),
        Command::Scans(args) => online(context, scans::run(args, &global, context)),
        Command::Runs(args) => online(context, runs::run(args, &global, context)),
        Command::Profiles(args) => online(context, profiles::run(args, &global, context)),
        Command::Backends(args) => backends::run(args, &global, context),
        Command::Completions(args) => completions::run(args, context),
        Command::Man(args) => man::run(args, context),
        Command::Sandbox(args) => online(context, sandbox::run(args, &global, context)),
        Command::Demo(args) => online(context, demo::run(args, &global, context)),
    }
}

/// Runs a command that may talk to a vendor: on one thread, with signals, and with every session closed at the end.
fn online(context: &Context, work: impl Future<Output = anyhow::Result<Exit>>) -> anyhow::Result<Exit> {
    const GOODBYE: std::time::Duration = std::time::Duration::from_secs(5);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let result = runtime.block_on(async {
        context.interrupt.listen();
        let whole = async {
            let result = work.await;
            // Nobody waits longer for a server that does not say goodbye.
            drop(tokio::time::timeout(GOODBYE, context.close()).await);
            result
        };
        tokio::select! {
            biased;
            result = whole => result,
            signal = context.interrupt.second() => Ok(signal),
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
        return Err(Error::usage(format!("{question} needs a confirmation, and there is no terminal to ask on")).hint("say it with --yes"));
    }
    if context.ui.ask(&format!("{question}?")) { Ok(()) } else { Err(Error::usage("not confirmed; nothing was sent")) }
}
