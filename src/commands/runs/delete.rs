//! `scanctl runs delete`: remove runs with their results.

use crate::backends::change::Change;
use crate::cli::Global;
use crate::commands::changing::Changing;
use crate::commands::targets;
use crate::context::Context;
use crate::error::{Error, Result};
use crate::exit::Exit;
use crate::model::{Address, RunSelector, Verb};
use crate::output::Output;

/// Delete runs with their results, for good
///
/// Asks first; --yes answers. A run is named by its own id, never as the latest one. On tenable-io, what a run left to be
/// scanned later (rollover) goes with it, which is asked about too.
///
/// What an ID means: tenable-io: needs SCAN@RUN. tenable-sc: scanResult id.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  scanctl runs delete io/219@647ca798-de12-48e2-bf32-5c7332431050
  scanctl runs delete sc/@8 sc/@9 --yes
  scanctl runs delete sc/@8 --dry-run")]
pub struct Args {
    /// Runs, as [PROFILE/]SCAN@RUN or [PROFILE/]@RUN
    #[arg(value_name = "RUN", required = true, add = clap_complete::ArgValueCandidates::new(crate::commands::completions::address_starts))]
    pub runs: Vec<String>,

    /// Read what is to be read, send nothing, print what would be sent
    #[arg(short = 'n', long)]
    pub dry_run: bool,
}

/// Runs the command.
///
/// # Errors
/// What makes the whole call impossible.
pub async fn run(args: Args, global: &Global, context: &Context) -> anyhow::Result<Exit> {
    let Args { runs, dry_run } = args;
    for typed in &runs {
        exact(typed)?;
    }
    global.output().check()?;
    let changing = Changing { context, global, verb: Verb::RunsDelete, dry_run, wait: None };
    let plan = targets::plan(context, changing.verb, &runs, &changing.operations())?;
    let output = Output::open(&global.output(), &context.ui)?.no_raw()?;
    let count = plan.jobs.len();
    let what = if count == 1 { "1 run with its result".to_owned() } else { format!("{count} runs with their results") };
    let named: Vec<String> = plan.jobs.iter().map(targets::Job::full).collect();
    changing.ask(&format!("deletion of {what} ({})", named.join(", ")))?;
    Ok(changing.run(plan, output, &Change::DeleteRun).await?)
}

/// Refuses an address that may mean another run a moment later.
fn exact(typed: &str) -> Result<()> {
    let address: Address = typed.parse()?;
    let moves =
        matches!(address.run, Some(RunSelector::Latest(_))) || (address.name().is_some() && address.run.is_none());
    if !moves {
        return Ok(());
    }
    let scan = Address { run: None, ..address };
    Err(Error::usage(format!("`runs delete` takes a run by its own id, and `{typed}` is whichever is the newest"))
        .hint(format!("scanctl runs list '{scan}'")))
}
