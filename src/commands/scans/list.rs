//! `scanctl scans list`: the stored scans of profiles.

use std::rc::Rc;

use crate::backends::{Backend, ScanQuery};
use crate::cli::Global;
use crate::commands::gather::{from_profiles, scan_row};
use crate::context::Context;
use crate::exit::Exit;
use crate::model::Operation;
use crate::output::rows::WithFields;

/// List the stored scans of the selected profiles
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  scanctl scans list -p io
  scanctl scans list -p prod -f csv -o scans.csv
  scanctl scans list -p director --sci 3
  scanctl scans list -p sc --fields name,policy,modifiedTime")]
pub struct Args {
    /// Ask the vendor for these fields of its own, where it takes such a list
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    pub fields: Vec<String>,

    /// Only scans of this instance, by Director's number of it
    #[arg(long, value_name = "ID")]
    pub sci: Option<String>,

    /// Only scans of this organization, by Director's number of it
    #[arg(long, value_name = "ID")]
    pub org: Option<String>,
}

/// Runs the command.
///
/// # Errors
/// What makes the whole call impossible.
pub async fn run(args: Args, global: &Global, context: &Context) -> anyhow::Result<Exit> {
    let Args { fields, sci, org } = args;
    let mut operations = vec![Operation::ScansList];
    if !fields.is_empty() {
        operations.push(Operation::Fields);
    }
    if sci.is_some() || org.is_some() {
        operations.push(Operation::OneInstance);
    }
    // Where only some fields or the vendor's bytes are shown, nobody sees the runs.
    let last_run = fields.is_empty() && !global.raw;
    let query = ScanQuery { fields, instance: sci, organization: org, last_run };
    let query = &query;
    let profiles = context.selected()?;
    let read = |backend: Rc<dyn Backend>| async move { backend.scans(query).await };
    let exit = if query.fields.is_empty() {
        from_profiles(context, global, profiles, &operations, read, scan_row).await
    } else {
        let row = |backend: &dyn Backend, scan| WithFields(scan_row(backend, scan));
        from_profiles(context, global, profiles, &operations, read, row).await
    };
    Ok(exit?)
}
