//! `scanctl scans show`: stored scans, one by one.

use std::rc::Rc;

use crate::backends::{Backend, ScanQuery, Target};
use crate::cli::Global;
use crate::commands::gather::scan_row;
use crate::commands::one::{Show, show};
use crate::context::Context;
use crate::exit::Exit;
use crate::model::{Operation, Scan, Verb};
use crate::output::rows::WithFields;

/// Print one stored scan, or several
///
/// What an ID means: tenable-io: scan id or schedule uuid. tenable-sc: scan id. tenable-sc-director: Director scan id or
/// uuid. juniper: scan profile id. cloudflare: scan config id.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  scanctl scans show io/219
  scanctl scans show 'sc/name:Weekly DMZ' -f json
  scanctl scans show sc/2 --fields policy,zone -f json
  scanctl scans show jsa/2 --raw")]
pub struct Args {
    /// Scans, as [PROFILE/]ID or [PROFILE/]name:NAME
    #[arg(value_name = "SCAN", required = true, add = clap_complete::ArgValueCandidates::new(crate::commands::completions::address_starts))]
    pub scans: Vec<String>,

    /// Ask the vendor for these fields of its own, where it takes such a list
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    pub fields: Vec<String>,
}

/// Runs the command.
///
/// # Errors
/// What makes the whole call impossible.
pub async fn run(args: Args, global: &Global, context: &Context) -> anyhow::Result<Exit> {
    let Args { scans, fields } = args;
    let what = Show { verb: Verb::ScansShow, operations: Show::with_fields(Operation::ScansShow, &fields) };
    let last_run = fields.is_empty() && !global.raw;
    let query = ScanQuery { fields, last_run, ..ScanQuery::default() };
    let read = async |backend: Rc<dyn Backend>, target: Target| backend.scan(&target, &query).await;
    let exit = if query.fields.is_empty() {
        let row = |backend: &dyn Backend, _: Target, scan: Scan| scan_row(backend, scan);
        show(context, global, what, &scans, read, row).await
    } else {
        let row = |backend: &dyn Backend, _: Target, scan: Scan| WithFields(scan_row(backend, scan));
        show(context, global, what, &scans, read, row).await
    };
    Ok(exit?)
}
