//! `scanctl scans copy`: make a stored scan like another.

use crate::backends::change::Change;
use crate::cli::Global;
use crate::commands::changing::Changing;
use crate::commands::drafting::{given, particulars};
use crate::context::Context;
use crate::exit::Exit;
use crate::model::Verb;
use crate::output::Output;

/// Make a stored scan like another and print its address
///
/// What an ID means: tenable-io: scan id or schedule uuid. tenable-sc: scan id. cloudflare: scan config id; a new config
/// of the same addresses, ports and frequency is made.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  scanctl scans copy io/219 --name 'Weekly DMZ, copy'
  scanctl scans copy sc/2 --name 'Weekly DMZ, copy' --user 4
  copy=$(scanctl scans copy -q io/219)")]
pub struct Args {
    /// The scan, as [PROFILE/]ID or [PROFILE/]name:NAME
    #[arg(value_name = "SCAN", add = clap_complete::ArgValueCandidates::new(crate::commands::completions::address_starts))]
    pub scan: String,

    /// The new scan's name
    #[arg(long)]
    pub name: Option<String>,

    /// The new scan's owner, by id (tenable-sc)
    #[arg(long, value_name = "ID")]
    pub user: Option<String>,

    /// The new scan's folder, by id (tenable-io)
    #[arg(long, value_name = "ID")]
    pub folder: Option<String>,

    /// Read what is to be read, send nothing, print what would be sent
    #[arg(short = 'n', long)]
    pub dry_run: bool,
}

/// Runs the command.
///
/// # Errors
/// What makes the whole call impossible.
pub async fn run(args: Args, global: &Global, context: &Context) -> anyhow::Result<Exit> {
    let Args { scan, name, user, folder, dry_run } = args;
    global.output().check()?;
    let changing = Changing { context, global, verb: Verb::ScansCopy, dry_run, wait: None };
    let (plan, spec) = changing.on_one(scan)?;
    let given = vec![given("--name", "name", name), given("--user", "user", user), given("--folder", "folder", folder)];
    let change = Change::CopyScan(particulars(&spec.forms.copy, spec, given)?);
    let output = Output::open(&global.output(), &context.ui)?;
    Ok(changing.run(plan, output, &change).await?)
}
