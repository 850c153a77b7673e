//! `scanctl list`: what is active now.

use super::gather::{from_profiles, run_row};
use crate::cli::Global;
use crate::context::Context;
use crate::exit::Exit;
use crate::model::Operation;

/// List active runs
///
/// Of every profile, or of those named with -p. Cloudflare has no runs and is left out.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  scanctl list
  scanctl list -p prod -f json")]
pub struct Args {}

/// Runs the command.
///
/// # Errors
/// What makes the whole call impossible.
pub async fn run(args: Args, global: &Global, context: &Context) -> anyhow::Result<Exit> {
    let Args {} = args;
    let profiles = if context.profiles_named() {
        context.selected()?
    } else {
        context.config()?.names().map(str::to_owned).collect()
    };
    let exit = from_profiles(
        context,
        global,
        profiles,
        &[Operation::List],
        |backend| async move { backend.active().await },
        run_row,
    );
    Ok(exit.await?)
}
