//! `scanctl runs copy`: give other users a copy of a run's result.

use crate::backends::change::Change;
use crate::cli::Global;
use crate::commands::changing::Changing;
use crate::context::Context;
use crate::exit::Exit;
use crate::model::Verb;
use crate::output::Output;

/// Give other users a copy of a run's result
///
/// What an ID means: tenable-sc: scanResult id.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  scanctl runs copy sc/@8 --user 1 --user 4
  scanctl runs copy sc/@8 --user 4 --dry-run")]
pub struct Args {
    /// The run, as [PROFILE/]@RUN
    #[arg(value_name = "RUN", add = clap_complete::ArgValueCandidates::new(crate::commands::completions::address_starts))]
    pub run: String,

    /// A user, by id (repeatable)
    #[arg(long = "user", value_name = "ID", required = true, value_delimiter = ',', value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub users: Vec<String>,

    /// Read what is to be read, send nothing, print what would be sent
    #[arg(short = 'n', long)]
    pub dry_run: bool,
}

/// Runs the command.
///
/// # Errors
/// What makes the whole call impossible.
pub async fn run(args: Args, global: &Global, context: &Context) -> anyhow::Result<Exit> {
    let Args { run, users, dry_run } = args;
    global.output().check()?;
    let changing = Changing { context, global, verb: Verb::RunsCopy, dry_run, wait: None };
    let (plan, _) = changing.on_one(run)?;
    let output = Output::open(&global.output(), &context.ui)?;
    Ok(changing.run(plan, output, &Change::CopyRun { users }).await?)
}
