//! `scanctl runs email`: have a run's result sent by e-mail.

use crate::backends::change::Change;
use crate::cli::Global;
use crate::commands::changing::Changing;
use crate::context::Context;
use crate::exit::Exit;
use crate::model::Verb;
use crate::output::Output;

/// Have the vendor send a run's result by e-mail
///
/// What an ID means: tenable-sc: scanResult id. tenable-sc-director: Director scanResult id.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  scanctl runs email sc/@8 --to soc@example.org --to audit@example.org
  scanctl runs email sc/@8 --to soc@example.org --dry-run")]
pub struct Args {
    /// The run, as [PROFILE/]@RUN
    #[arg(value_name = "RUN", add = clap_complete::ArgValueCandidates::new(crate::commands::completions::address_starts))]
    pub run: String,

    /// Where to send it (repeatable)
    #[arg(long = "to", value_name = "ADDRESS", required = true, value_delimiter = ',', value_parser = mail)]
    pub to: Vec<String>,

    /// Read what is to be read, send nothing, print what would be sent
    #[arg(short = 'n', long)]
    pub dry_run: bool,
}

/// No more than that it can be an address: the vendor joins several with commas.
fn mail(text: &str) -> Result<String, String> {
    let text = text.trim();
    let named = text.split_once('@').is_some_and(|(name, host)| !name.is_empty() && !host.is_empty());
    let plain = !text.chars().any(|sign| sign.is_whitespace() || sign.is_control());
    if named && plain { Ok(text.to_owned()) } else { Err("an e-mail address such as soc@example.org".to_owned()) }
}

/// Runs the command.
///
/// # Errors
/// What makes the whole call impossible.
pub async fn run(args: Args, global: &Global, context: &Context) -> anyhow::Result<Exit> {
    let Args { run, to, dry_run } = args;
    global.output().check()?;
    let changing = Changing { context, global, verb: Verb::RunsEmail, dry_run, wait: None };
    let (plan, _) = changing.on_one(run)?;
    let output = Output::open(&global.output(), &context.ui)?;
    Ok(changing.run(plan, output, &Change::EmailRun { to }).await?)
}
