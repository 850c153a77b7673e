//! `scanctl runs`: executions of scans.

pub mod copy;
pub mod delete;
pub mod email;
pub mod import;
pub mod list;
pub mod reimport;
pub mod show;

use crate::cli::Global;
use crate::context::Context;
use crate::exit::Exit;

/// Work with runs
#[derive(Debug, clap::Args)]
pub struct Args {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do with runs.
#[derive(Debug, clap::Subcommand)]
#[expect(missing_docs, reason = "the doc comment of each command's own arguments is its help")]
pub enum Command {
    List(list::Args),
    Show(show::Args),
    Delete(delete::Args),
    Copy(copy::Args),
    Email(email::Args),
    Import(import::Args),
    Reimport(reimport::Args),
}

/// Runs the command.
///
/// # Errors
/// What makes the whole call impossible.
pub async fn run(args: Args, global: &Global, context: &Context) -> anyhow::Result<Exit> {
    let Args { command } = args;
    match command {
        Command::List(args) => list::run(args, global, context).await,
        Command::Show(args) => show::run(args, global, context).await,
        Command::Delete(args) => delete::run(args, global, context).await,
        Command::Copy(args) => copy::run(args, global, context).await,
        Command::Email(args) => email::run(args, global, context).await,
        Command::Import(args) => import::run(args, global, context).await,
        Command::Reimport(args) => reimport::run(args, global, context).await,
    }
}
