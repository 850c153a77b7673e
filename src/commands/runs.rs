//! `scanctl runs`: executions of scans.

use std::rc::Rc;

use super::gather::from_profiles;
use super::one::{Show, run_row, show};
use super::{targets, tell};
use crate::backends::{Backend, RunQuery};
use crate::cli::Global;
use crate::context::Context;
use crate::exit::Exit;
use crate::model::{Operation, Verb};
use crate::output::Output;
use crate::output::rows::RunRow;

/// Work with runs
#[derive(Debug, clap::Args)]
pub struct Args {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do with runs.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// List the runs of a scan, or of the selected profiles
    #[command(after_help = "Examples:
  scanctl runs list io/219
  scanctl runs list -p sc -f json")]
    List {
        /// The scan, as [PROFILE/]ID or [PROFILE/]name:NAME; without it, the runs of the selected profiles
        #[arg(value_name = "SCAN", add = clap_complete::ArgValueCandidates::new(super::completions::address_starts))]
        scan: Option<String>,
    },
    /// Print one run, or several
    ///
    /// What an ID means: tenable-io and juniper: needs SCAN@RUN. tenable-sc: scanResult id. tenable-sc-director:
    /// Director scanResult id.
    #[command(after_help = "Examples:
  scanctl runs show io/219@647ca798-de12-48e2-bf32-5c7332431050
  scanctl runs show sc/8 -f json")]
    Show {
        /// Runs, as [PROFILE/]SCAN@RUN or [PROFILE/]@RUN
        #[arg(value_name = "RUN", required = true, add = clap_complete::ArgValueCandidates::new(super::completions::address_starts))]
        runs: Vec<String>,
    },
}

/// Runs the command.
///
/// # Errors
/// What makes the whole call impossible.
pub async fn run(args: Args, global: &Global, context: &Context) -> anyhow::Result<Exit> {
    let Args { command } = args;
    match command {
        Command::List { scan: None } => {
            let exit = from_profiles(
                context,
                global,
                context.selected()?,
                Operation::RunsList,
                |backend| async move { backend.runs(None, &RunQuery::default()).await },
                |backend, run| RunRow { profile: backend.profile().to_owned(), backend: backend.spec().id, run },
            );
            Ok(exit.await?)
        }
        Command::List { scan: Some(scan) } => of_scan(scan, global, context).await,
        Command::Show { runs } => {
            let what = Show { verb: Verb::RunsShow, operation: Operation::RunsShow };
            let read = async |backend: Rc<dyn Backend>, target| backend.run(&target, &RunQuery::default()).await;
            Ok(show(context, global, what, &runs, read, run_row).await?)
        }
    }
}

async fn of_scan(scan: String, global: &Global, context: &Context) -> anyhow::Result<Exit> {
    let operations = [Operation::RunsList];
    let plan = targets::plan(context, Verb::RunsList, &[scan], &operations)?;
    let output = Output::open(&global.output(), &context.ui)?;
    let backends = targets::connect(context, &plan, &operations, false)?;
    let Some((job, backend)) = plan.jobs.first().and_then(|job| Some((job, backends.get(&job.profile)?))) else {
        return Ok(Exit::Success);
    };
    let read = async {
        let Some(address) = &job.address else { return backend.runs(None, &RunQuery::default()).await };
        let target = backend.resolve(address, Verb::RunsList).await?;
        backend.runs(Some(&target), &RunQuery::default()).await
    };
    let reading = tokio::select! {
        biased;
        signal = context.interrupt.first() => return Ok(signal),
        reading = read => reading,
    };
    let reading = match reading {
        Ok(reading) => reading,
        // Nothing was asked of the vendor; the call itself was wrong.
        Err(error) if matches!(error.exit(), Exit::Usage | Exit::Config | Exit::Unsupported) => {
            return Err(error.into());
        }
        Err(error) => {
            if !output.is_raw() {
                output.finish::<RunRow>(&[], false)?;
            }
            let failure = targets::failed(job, backend.spec().id, Verb::RunsList, error);
            targets::report_failure(&context.ui, &failure);
            return Ok(failure.exit);
        }
    };
    tell(context, &reading.notes);
    if output.is_raw() {
        output.raw(&reading.raw)?;
        return Ok(Exit::Success);
    }
    let row = |run| RunRow { profile: job.profile.clone(), backend: backend.spec().id, run };
    let rows: Vec<RunRow> = reading.value.into_iter().map(row).collect();
    output.finish(&rows, true)?;
    Ok(Exit::Success)
}
