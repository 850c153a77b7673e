//! `scanctl scans update`: change what is named of a stored scan, and nothing else.

use crate::backends::change::Change;
use crate::backends::definition::Purpose;
use crate::cli::Global;
use crate::commands::changing::Changing;
use crate::commands::drafting;
use crate::context::Context;
use crate::exit::Exit;
use crate::model::Verb;
use crate::output::Output;

/// Change a stored scan: only what is named, after showing before and after
///
/// The scan is read first. A value that the vendor does not show is "unreadable" before. Where nothing differs, nothing
/// is sent.
///
/// What an ID means: tenable-io: scan id or schedule uuid. tenable-sc: scan id. juniper: scan profile id. cloudflare:
/// scan config id.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  scanctl scans update io/219 --targets 192.0.2.0/25
  scanctl scans update 'sc/name:Weekly DMZ' --max-scan-time 12h --dry-run
  scanctl scans update sc/2 --set schedule.enabled=false
  scanctl scans update cf/CONFIG --frequency 0")]
pub struct Args {
    /// The scan, as [PROFILE/]ID or [PROFILE/]name:NAME
    #[arg(value_name = "SCAN", add = clap_complete::ArgValueCandidates::new(crate::commands::completions::address_starts))]
    pub scan: String,

    /// What to change.
    #[command(flatten)]
    pub definition: drafting::Flags,

    /// Read what is to be read, send nothing, print what would be sent
    #[arg(short = 'n', long)]
    pub dry_run: bool,
}

/// Runs the command.
///
/// # Errors
/// What makes the whole call impossible.
pub async fn run(args: Args, global: &Global, context: &Context) -> anyhow::Result<Exit> {
    let Args { scan, definition, dry_run } = args;
    global.output().check()?;
    let changing = Changing { context, global, verb: Verb::ScansUpdate, dry_run, wait: None };
    let (plan, spec) = changing.on_one(scan)?;
    let change = Change::UpdateScan(definition.draft(spec, Purpose::Change)?);
    let output = Output::open(&global.output(), &context.ui)?;
    Ok(changing.run(plan, output, &change).await?)
}
