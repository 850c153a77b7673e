//! `scanctl runs reimport`: import the result of a run once more.

use super::import::Particulars;
use crate::backends::change::Change;
use crate::cli::Global;
use crate::commands::changing::Changing;
use crate::commands::drafting::particulars;
use crate::context::Context;
use crate::exit::Exit;
use crate::model::Verb;
use crate::output::Output;

/// Import the result of a run once more into the repository it belongs to
///
/// What an ID means: tenable-sc: scanResult id.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  scanctl runs reimport sc/@8
  scanctl runs reimport sc/@8 --mitigate-after 30 --dry-run")]
pub struct Args {
    /// The run, as [PROFILE/]@RUN
    #[arg(value_name = "RUN", add = clap_complete::ArgValueCandidates::new(crate::commands::completions::address_starts))]
    pub run: String,

    /// The particulars.
    #[command(flatten)]
    pub particulars: Particulars,

    /// Read what is to be read, send nothing, print what would be sent
    #[arg(short = 'n', long)]
    pub dry_run: bool,
}

/// Runs the command.
///
/// # Errors
/// What makes the whole call impossible.
pub async fn run(args: Args, global: &Global, context: &Context) -> anyhow::Result<Exit> {
    let Args { run, particulars: more, dry_run } = args;
    global.output().check()?;
    let changing = Changing { context, global, verb: Verb::RunsReimport, dry_run, wait: None };
    let (plan, spec) = changing.on_one(run)?;
    let change = Change::ReimportRun(particulars(&spec.forms.reimport, spec, more.given())?);
    let output = Output::open(&global.output(), &context.ui)?;
    Ok(changing.run(plan, output, &change).await?)
}
