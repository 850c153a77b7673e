//! `scanctl resume`.

use super::control;
use crate::cli::Global;
use crate::context::Context;
use crate::exit::Exit;
use crate::model::Control;

/// Resume paused runs
///
/// What an ID means: tenable-io: scan id or schedule uuid (its active run). tenable-sc: scanResult id.
/// tenable-sc-director: Director scanResult id. juniper and cloudflare cannot resume.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  scanctl resume io/219
  scanctl resume sc/8 --wait --timeout 10m")]
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
    let verb = control::Verb { control: Control::Resume, escalate_after: None };
    control::run(verb, shared, global, context).await
}
