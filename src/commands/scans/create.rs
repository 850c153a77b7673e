//! `scanctl scans create`: make a stored scan, from flags or a file.

use crate::backends::change::Change;
use crate::backends::definition::Purpose;
use crate::backends::{REGISTRY, Spec};
use crate::cli::Global;
use crate::commands::changing::Changing;
use crate::commands::drafting::{self, template};
use crate::context::Context;
use crate::error::Result;
use crate::exit::Exit;
use crate::model::Verb;
use crate::output::Output;

/// Make a stored scan on the selected profile and print its address
///
/// What can be set differs by backend: --example prints all of it, commented, as a file for --file. Nothing is started.
/// The request is sent once. If its answer is lost, what happened is read back; if that does not settle it, the exit code
/// is 15 and nothing is sent again.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  scanctl scans create -p sc --example > scan.toml
  scanctl scans create -p sc --file scan.toml --name 'Weekly DMZ'
  scanctl scans create -p io --name nightly --template basic --targets 192.0.2.0/24 --dry-run
  scanctl scans create -p jsa --name DMZ --targets 192.0.2.1,192.0.2.10-192.0.2.20
  scan=$(scanctl scans create -q -p cf --targets @edge.txt --ports 1-1024 --frequency 7)")]
pub struct Args {
    /// Print a commented definition for the selected profile's backend, or for the one named, and do nothing else
    #[arg(long, value_name = "BACKEND", num_args = 0..=1, require_equals = true, default_missing_value = "", hide_default_value = true, value_parser = backend_or_none())]
    pub example: Option<String>,

    /// The definition.
    #[command(flatten)]
    pub definition: drafting::Flags,

    /// Read what is to be read, send nothing, print what would be sent
    #[arg(short = 'n', long)]
    pub dry_run: bool,
}

fn backend_or_none() -> clap::builder::PossibleValuesParser {
    let none = clap::builder::PossibleValue::new("").hide(true);
    let backends = REGISTRY.iter().map(|spec| clap::builder::PossibleValue::new(spec.id));
    std::iter::once(none).chain(backends).collect::<Vec<_>>().into()
}

/// Runs the command.
///
/// # Errors
/// What makes the whole call impossible.
pub async fn run(args: Args, global: &Global, context: &Context) -> anyhow::Result<Exit> {
    let Args { example, definition, dry_run } = args;
    let changing = Changing { context, global, verb: Verb::ScansCreate, dry_run, wait: None };
    if let Some(backend) = example {
        global.no_document("scans create --example")?;
        let spec = match REGISTRY.iter().find(|spec| spec.id == backend) {
            Some(spec) => spec,
            None => of_profile(&changing)?,
        };
        context.ui.data(template(spec).as_bytes())?;
        return Ok(Exit::Success);
    }
    global.output().check()?;
    let (plan, spec) = changing.on_profile()?;
    let change = Change::CreateScan(definition.draft(spec, Purpose::New)?);
    let output = Output::open(&global.output(), &context.ui)?;
    Ok(changing.run(plan, output, &change).await?)
}

fn of_profile(changing: &Changing<'_>) -> Result<&'static Spec> {
    Ok(changing.on_profile()?.1)
}
