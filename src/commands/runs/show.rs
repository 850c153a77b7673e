//! `scanctl runs show`: runs, one by one.

use std::rc::Rc;

use crate::backends::{Backend, RunQuery, Target};
use crate::cli::Global;
use crate::commands::one::{Show, run_row, show};
use crate::context::Context;
use crate::exit::Exit;
use crate::model::{Operation, Run, Verb};
use crate::output::rows::WithFields;

/// Print one run, or several
///
/// What an ID means: tenable-io and juniper: needs SCAN@RUN. tenable-sc: scanResult id. tenable-sc-director:
/// Director scanResult id.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  scanctl runs show io/219@647ca798-de12-48e2-bf32-5c7332431050
  scanctl runs show sc/8 -f json
  scanctl runs show sc/8 --fields progress,importStatus -f json")]
pub struct Args {
    /// Runs, as [PROFILE/]SCAN@RUN or [PROFILE/]@RUN
    #[arg(value_name = "RUN", required = true, add = clap_complete::ArgValueCandidates::new(crate::commands::completions::address_starts))]
    pub runs: Vec<String>,

    /// Ask the vendor for these fields of its own, where it takes such a list
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    pub fields: Vec<String>,
}

/// Runs the command.
///
/// # Errors
/// What makes the whole call impossible.
pub async fn run(args: Args, global: &Global, context: &Context) -> anyhow::Result<Exit> {
    let Args { runs, fields } = args;
    let what = Show { verb: Verb::RunsShow, operations: Show::with_fields(Operation::RunsShow, &fields) };
    let query = RunQuery { fields, ..RunQuery::default() };
    let read = async |backend: Rc<dyn Backend>, target: Target| backend.run(&target, &query).await;
    let exit = if query.fields.is_empty() {
        show(context, global, what, &runs, read, run_row).await
    } else {
        let row = |backend: &dyn Backend, target: Target, run: Run| WithFields(run_row(backend, target, run));
        show(context, global, what, &runs, read, row).await
    };
    Ok(exit?)
}
