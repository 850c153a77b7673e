//! `scanctl wait`: follow runs to their end.

use std::rc::Rc;

use super::misplaced::FindingFlags;
use super::sending::guarded;
use super::targets::{self, Job};
use super::waiting;
use crate::backends::Backend;
use crate::cli::Global;
use crate::context::Context;
use crate::exit::Exit;
use crate::model::{OutcomeKind, Verb};
use crate::output::Output;
use crate::wait::Goal;

/// Wait until runs end
///
/// Ends with 0 when a run completed, 11 when it ended otherwise, 12 when the patience ended first. A paused run has not
/// ended. Ctrl-C ends the waiting, never the scan.
///
/// What an ID means: tenable-io: scan id or schedule uuid (its active, else latest run). tenable-sc: scanResult id
/// (`sc/@8`), or a scan id where no scanResult has it. tenable-sc-director: Director scanResult id. juniper: scan
/// profile id. cloudflare: scan config id (waits for results).
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  scanctl wait io/219 --timeout 6h --stall-timeout 1h
  scanctl wait sc/@8 jsa/2 --timeout 2h --on-timeout leave")]
pub struct Args {
    /// Runs, as [PROFILE/]ID, [PROFILE/]SCAN@RUN or [PROFILE/]name:NAME
    #[arg(value_name = "RUN", required = true, add = clap_complete::ArgValueCandidates::new(super::completions::address_starts))]
    pub runs: Vec<String>,

    /// Patience.
    #[command(flatten)]
    pub patience: waiting::Flags,

    /// What belongs to `results`.
    #[command(flatten)]
    pub findings: FindingFlags,
}

/// Runs the command.
///
/// # Errors
/// What makes the whole call impossible.
pub async fn run(args: Args, global: &Global, context: &Context) -> anyhow::Result<Exit> {
    let Args { runs, patience, findings } = args;
    findings.refuse(Verb::Wait, global, &runs)?;
    global.output().check()?;
    let operations = patience.operations();
    let plan = targets::plan(context, Verb::Wait, &runs, &operations)?;
    let output = Output::open(&global.output(), &context.ui)?.no_raw()?;
    let connected = targets::connect(context, plan, &operations, false)?;
    let patience = &patience;
    let work = async |backend: Rc<dyn Backend>, job: Job| {
        let mut outcome = targets::outcome(&job, backend.spec().id, Verb::Wait, OutcomeKind::Confirmed);
        let Some(address) = &job.address else { return outcome };
        match guarded(context, backend.resolve(address, Verb::Wait)).await {
            Err(error) => outcome.fail(error),
            Ok(mut target) => {
                outcome.aim(&target);
                waiting::conclude(context, &backend, &mut target, Goal::End, patience, None, false, &mut outcome).await;
            }
        }
        outcome
    };
    Ok(targets::each(context, &output, connected, work).await?)
}
