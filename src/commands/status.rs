//! `scanctl status`: one reading of each run.

use super::one::{Show, run_row, show};
use crate::cli::Global;
use crate::context::Context;
use crate::exit::Exit;
use crate::model::{Operation, Verb};

/// Print the state of runs
///
/// What an ID means: tenable-io: scan id or schedule uuid (its active, else latest run). tenable-sc: scanResult id
/// (`sc/@8`), or a scan id where no scanResult has it. tenable-sc-director: Director scanResult id. juniper: scan
/// profile id. cloudflare: scan config id.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  scanctl status io/219
  scanctl status io/219@latest~1 sc/@8 -f json")]
pub struct Args {
    /// Runs, as [PROFILE/]ID, [PROFILE/]SCAN@RUN or [PROFILE/]name:NAME
    #[arg(value_name = "RUN", required = true, add = clap_complete::ArgValueCandidates::new(super::completions::address_starts))]
    pub runs: Vec<String>,
}

/// Runs the command.
///
/// # Errors
/// What makes the whole call impossible.
pub async fn run(args: Args, global: &Global, context: &Context) -> anyhow::Result<Exit> {
    let Args { runs } = args;
    let what = Show { verb: Verb::Status, operations: vec![Operation::Status] };
    let read = async |backend: std::rc::Rc<dyn crate::backends::Backend>, target| backend.status(&target).await;
    Ok(show(context, global, what, &runs, read, run_row).await?)
}
