//! `scanctl runs import`: make a run of a report in a file.

use std::path::PathBuf;
use std::time::Duration;

use crate::backends::change::Change;
use crate::cli::Global;
use crate::commands::changing::Changing;
use crate::commands::drafting::{given, particulars};
use crate::commands::waiting::{self, OnTimeout, parse_duration};
use crate::context::Context;
use crate::error::Error;
use crate::exit::Exit;
use crate::model::Verb;
use crate::output::Output;

/// Upload a report, import it, and print the address of what it became
///
/// On tenable-sc the new run is found by listing, since the answer does not name it. The file is sent in pieces, whatever
/// its size.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  scanctl runs import report.nessus -p sc --repository 1 --wait
  scanctl runs import report.nessus -p sc --repository 1 --mitigate-after 30 --host-tracking --vhosts
  scanctl runs import report.nessus -p io --folder 9
  run=$(scanctl runs import report.nessus -q -p sc --repository 1)")]
pub struct Args {
    /// The report
    #[arg(value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    pub file: PathBuf,

    /// The repository that the result goes to, by id (tenable-sc)
    #[arg(long, value_name = "ID")]
    pub repository: Option<String>,

    /// The folder, by id (tenable-io)
    #[arg(long, value_name = "ID")]
    pub folder: Option<String>,

    /// The particulars that another import takes too.
    #[command(flatten)]
    pub particulars: Particulars,

    /// Wait until the import has ended
    #[arg(long)]
    pub wait: bool,

    /// Give up waiting after this long, 24h unless told otherwise; the import goes on (exit 12)
    #[arg(long, value_name = "DURATION", value_parser = parse_duration, requires = "wait")]
    pub timeout: Option<Duration>,

    /// Look this often instead of at the backend's own growing interval
    #[arg(long, value_name = "DURATION", value_parser = parse_duration, requires = "wait")]
    pub interval: Option<Duration>,

    /// Read what is to be read, send nothing, print what would be sent
    #[arg(short = 'n', long)]
    pub dry_run: bool,
}

/// What an import of either kind may be told.
#[derive(Debug, Clone, clap::Args)]
pub struct Particulars {
    /// Count a finding that is not seen any more as mitigated after so many days (tenable-sc)
    #[arg(long, value_name = "DAYS")]
    pub mitigate_after: Option<String>,

    /// Tell hosts apart by name, for DHCP networks (tenable-sc)
    #[arg(long)]
    pub host_tracking: bool,

    /// Count virtual hosts as hosts (tenable-sc)
    #[arg(long)]
    pub vhosts: bool,
}

impl Particulars {
    /// As they are given to a form.
    pub fn given(self) -> Vec<Option<crate::backends::definition::Given>> {
        let Self { mitigate_after, host_tracking, vhosts } = self;
        let on = |flag: bool| flag.then(|| "true".to_owned());
        vec![
            given("--mitigate-after", "mitigate_after", mitigate_after),
            given("--host-tracking", "host_tracking", on(host_tracking)),
            given("--vhosts", "virtual_hosts", on(vhosts)),
        ]
    }
}

/// Runs the command.
///
/// # Errors
/// What makes the whole call impossible.
pub async fn run(args: Args, global: &Global, context: &Context) -> anyhow::Result<Exit> {
    let Args { file, repository, folder, particulars: more, wait, timeout, interval, dry_run } = args;
    global.output().check()?;
    let patience = waiting::Flags { timeout, interval, on_timeout: OnTimeout::Leave, stall_timeout: None };
    let wait = wait.then_some(&patience);
    let changing = Changing { context, global, verb: Verb::RunsImport, dry_run, wait };
    let (plan, spec) = changing.on_profile()?;
    let mut given = vec![given("--repository", "repository", repository), given("--folder", "folder", folder)];
    given.extend(more.given());
    let draft = particulars(&spec.forms.import, spec, given)?;
    let cannot = |why: &dyn std::fmt::Display| Error::usage(format!("cannot read {}: {why}", file.display()));
    let known = std::fs::File::open(&file).and_then(|file| file.metadata()).map_err(|problem| cannot(&problem))?;
    if !known.is_file() {
        return Err(cannot(&"it is no regular file").into());
    }
    let output = Output::open(&global.output(), &context.ui)?;
    Ok(changing.run(plan, output, &Change::ImportRun { file, draft }).await?)
}
