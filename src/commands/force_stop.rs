//! `scanctl force-stop`.

use super::control;
use crate::cli::Global;
use crate::context::Context;
use crate::exit::Exit;
use crate::model::Control;

/// Stop runs at once, dropping unfinished work
///
/// Only Tenable VM has it, for runs that hang while stopping or publishing. What an ID means there: scan id or
/// schedule uuid, sent as schedule uuid. Needs a confirmation.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  scanctl force-stop io/219 --yes
  scanctl stop io/219 --escalate-after 10m --yes")]
pub struct Args {
    /// What the four verbs share.
    #[command(flatten)]
    pub shared: control::Flags,
}

/// Runs the command.
///
/// # Errors
/// What makes the whole call impossible.
pub async fn run(args: Args, global: &Global, context: &Context) -> anyhow::Result<Exit> {
    let Args { shared } = args;
    let verb = control::Verb { control: Control::ForceStop, escalate_after: None };
    control::run(verb, shared, global, context).await
}
