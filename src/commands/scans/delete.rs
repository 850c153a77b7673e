//! `scanctl scans delete`: remove stored scans.

use crate::backends::change::Change;
use crate::cli::Global;
use crate::commands::changing::Changing;
use crate::commands::targets;
use crate::context::Context;
use crate::exit::Exit;
use crate::model::Verb;
use crate::output::Output;

/// Delete stored scans, for good
///
/// Asks first; --yes answers. Deleting a scan is no way to stop it: whether that ends a run under way is documented by no
/// vendor, and results may go with it.
///
/// What an ID means: tenable-io: scan id or schedule uuid. tenable-sc: scan id. tenable-sc-director: Director scan id or
/// uuid. juniper: scan profile id. cloudflare: scan config id.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  scanctl scans delete io/219
  scanctl scans delete 'sc/name:Weekly DMZ, copy' --yes
  scanctl scans delete cf/CONFIG --dry-run")]
pub struct Args {
    /// Scans, as [PROFILE/]ID or [PROFILE/]name:NAME
    #[arg(value_name = "SCAN", required = true, add = clap_complete::ArgValueCandidates::new(crate::commands::completions::address_starts))]
    pub scans: Vec<String>,

    /// Read what is to be read, send nothing, print what would be sent
    #[arg(short = 'n', long)]
    pub dry_run: bool,
}

/// Runs the command.
///
/// # Errors
/// What makes the whole call impossible.
pub async fn run(args: Args, global: &Global, context: &Context) -> anyhow::Result<Exit> {
    let Args { scans, dry_run } = args;
    global.output().check()?;
    let changing = Changing { context, global, verb: Verb::ScansDelete, dry_run, wait: None };
    let plan = targets::plan(context, changing.verb, &scans, &changing.operations())?;
    let output = Output::open(&global.output(), &context.ui)?.no_raw()?;
    let count = plan.jobs.len();
    let what = if count == 1 { "1 scan".to_owned() } else { format!("{count} scans") };
    let named: Vec<String> = plan.jobs.iter().map(targets::Job::full).collect();
    changing.ask(&format!("deletion of {what} ({})", named.join(", ")))?;
    Ok(changing.run(plan, output, &Change::DeleteScan).await?)
}
