//! `scanctl stop`.

use std::time::Duration;

use super::{control, waiting};
use crate::cli::Global;
use crate::context::Context;
use crate::exit::Exit;
use crate::model::Control;

/// Stop runs in order
///
/// What an ID means: tenable-io: scan id or schedule uuid (its active run). tenable-sc: scanResult id.
/// tenable-sc-director: Director scanResult id, stopped through the profile of its instance. juniper and cloudflare
/// cannot stop.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  scanctl stop io/219 sc/8
  scanctl stop io/219 --wait --timeout 15m
  scanctl stop io/219 --escalate-after 10m --yes")]
pub struct Args {
    /// What the four verbs share.
    #[command(flatten)]
    pub shared: control::Flags,

    /// Force-stop what has not ended this long after the stop (needs confirmation)
    #[arg(long, value_name = "DURATION", value_parser = waiting::parse_duration)]
    pub escalate_after: Option<Duration>,
}

/// Runs the command.
///
/// # Errors
/// What makes the whole call impossible.
pub async fn run(args: Args, global: &Global, context: &Context) -> anyhow::Result<Exit> {
    let Args { shared, escalate_after } = args;
    control::run(control::Verb { control: Control::Stop, escalate_after }, shared, global, context).await
}
