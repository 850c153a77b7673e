//! `scanctl scans`: stored scans.

pub mod copy;
pub mod create;
pub mod delete;
pub mod list;
pub mod show;
pub mod update;

use crate::cli::Global;
use crate::context::Context;
use crate::exit::Exit;

/// Work with stored scans
#[derive(Debug, clap::Args)]
pub struct Args {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do with stored scans.
#[derive(Debug, clap::Subcommand)]
#[expect(missing_docs, reason = "the doc comment of each command's own arguments is its help")]
pub enum Command {
    List(list::Args),
    Show(show::Args),
    Create(Box<create::Args>),
    Update(Box<update::Args>),
    Copy(copy::Args),
    Delete(delete::Args),
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
        Command::Create(args) => create::run(*args, global, context).await,
        Command::Update(args) => update::run(*args, global, context).await,
        Command::Copy(args) => copy::run(args, global, context).await,
        Command::Delete(args) => delete::run(args, global, context).await,
    }
}
