//! `scanctl scans`: stored scans.

use super::gather::from_profiles;
use super::one::{Show, show};
use crate::backends::ScanQuery;
use crate::cli::Global;
use crate::context::Context;
use crate::exit::Exit;
use crate::model::{Operation, Verb};
use crate::output::rows::ScanRow;

/// Work with stored scans
#[derive(Debug, clap::Args)]
pub struct Args {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do with stored scans.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// List the stored scans of the selected profiles
    #[command(after_help = "Examples:
  scanctl scans list -p io
  scanctl scans list -p prod -f csv -o scans.csv")]
    List,
    /// Print one stored scan, or several
    #[command(after_help = "Examples:
  scanctl scans show io/219
  scanctl scans show 'sc/name:Weekly DMZ' -f json")]
    Show {
        /// Scans, as [PROFILE/]ID or [PROFILE/]name:NAME
        #[arg(value_name = "SCAN", required = true, add = clap_complete::ArgValueCandidates::new(super::completions::address_starts))]
        scans: Vec<String>,
    },
}

/// Runs the command.
///
/// # Errors
/// What makes the whole call impossible.
pub async fn run(args: Args, global: &Global, context: &Context) -> anyhow::Result<Exit> {
    let Args { command } = args;
    match command {
        Command::List => {
            let exit = from_profiles(
                context,
                global,
                context.selected()?,
                Operation::ScansList,
                |backend| async move { backend.scans(&ScanQuery::default()).await },
                |backend, scan| ScanRow { profile: backend.profile().to_owned(), backend: backend.spec().id, scan },
            );
            Ok(exit.await?)
        }
        Command::Show { scans } => {
            let what = Show { verb: Verb::ScansShow, operation: Operation::ScansShow };
            let exit = show(
                context,
                global,
                what,
                &scans,
                async |backend, target| backend.scan(&target, &ScanQuery::default()).await,
                |backend, _, scan| ScanRow { profile: backend.profile().to_owned(), backend: backend.spec().id, scan },
            );
            Ok(exit.await?)
        }
    }
}
