//! `scanctl export`: the result of a run as a file of the vendor's making.

use std::path::Path;
use std::time::Duration;

use super::reading::save::{Place, save};
use super::reading::{self, pump};
use super::targets;
use super::waiting::parse_duration;
use crate::backends::report::{ExportOrder, Fetch};
use crate::cli::Global;
use crate::context::Context;
use crate::error::{Error, Result};
use crate::exit::Exit;
use crate::model::{Address, ExportFormat, Operation, Verb};
use crate::output::place::Target;
use crate::output::wanted;
use crate::poll;
use crate::secret::SecretSource;
use crate::ui::size;

/// Save the result of a run as a file of the vendor's making
///
/// The file appears under the name that you give once it has come whole: as long as announced, and ending as its format
/// ends. What was cut off is kept as FILE.partial, exit 16. Nothing is read as findings; `scanctl results` does that.
///
/// What an ID means: tenable-io: scan id or schedule uuid (its active, else latest run). tenable-sc: scanResult id
/// (`sc/@8`), or a scan id where no scanResult has it. tenable-sc-director: Director scanResult id. juniper: scan
/// profile id. cloudflare: scan config id.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  scanctl export io/219 --as pdf -o weekly.pdf --chapters vuln_hosts_summary
  scanctl export sc/@8 -o result.zip
  scanctl export io/219 --as db --asset-id 7a6cf6fb-c85c-4cd2-9cb4-ff76c41fbd13 --password-from env:DB_PASSWORD -o a.db
  scanctl export jsa/2 | jq .")]
pub struct Args {
    /// The run, as [PROFILE/]ID, [PROFILE/]SCAN@RUN or [PROFILE/]name:NAME
    #[arg(value_name = "RUN", add = clap_complete::ArgValueCandidates::new(super::completions::address_starts))]
    pub run: String,

    /// The file's format: nessus, csv, html, pdf or db (tenable-io), v2 or scap1_2 (tenable-sc), v2 (tenable-sc-director), json (juniper, cloudflare); else what FILE's name tells, else the usual one
    #[arg(long = "as", value_name = "FORMAT", add = clap_complete::ArgValueCandidates::new(super::completions::export_formats))]
    pub file_format: Option<ExportFormat>,

    /// Chapters of a pdf or html file, instead of the usual ones
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    pub chapters: Vec<String>,

    /// The asset whose database is wanted, with --as db
    #[arg(long, value_name = "ID")]
    pub asset_id: Option<String>,

    /// Where to read the password that encrypts a database: env:NAME, file:PATH or command:PROGRAM ARGUMENT…
    #[arg(long, value_name = "SOURCE")]
    pub password_from: Option<String>,

    /// Take what there is of a run that is active or did not end well: as FILE.partial, exit 6 or 11
    #[arg(long)]
    pub partial: bool,

    /// Give up when the vendor has not prepared the file after this long, 24h unless told otherwise (exit 9)
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    pub timeout: Option<Duration>,
}

/// Runs the command.
///
/// # Errors
/// What makes the whole call impossible.
pub async fn run(args: Args, global: &Global, context: &Context) -> anyhow::Result<Exit> {
    let Args { run, file_format, chapters, asset_id, password_from, partial, timeout } = args;
    let file = destination(global)?;
    let password = password_from.as_deref().map(SecretSource::parse).transpose()?;
    let operations = [Operation::Export];
    let plan = targets::plan(context, Verb::Export, &[run], &operations)?;
    let Some((job, address)) = plan.jobs.first().and_then(|job| Some((job, job.address.as_ref()?))) else {
        return Err(Error::usage("which run?").into());
    };
    let spec = context.inspect(&job.profile)?.spec;
    let format = spec.export_format(file_format.or_else(|| file.and_then(|file| told_by(file, spec.exports))))?;
    let Some(format) = format else {
        return Err(Error::new(Exit::Unsupported, format!("backend `{}` makes no files", spec.id)).into());
    };
    check(format, &chapters, asset_id.as_deref(), password.is_some())?;
    let places = vec![match file {
        Some(path) => Place::File(Target::open(path)?),
        None if context.ui.stdout_is_terminal() => {
            return Err(wanted::raw_on_terminal().into());
        }
        None => Place::Stdout(context.ui.stdout()),
    }];
    let backends = targets::connect(context, &plan, &operations, false)?;
    let password = password.map(|source| source.read("`--password-from`")).transpose()?;
    let Some(backend) = backends.get(&job.profile) else { return Ok(Exit::Success) };

    let order = ExportOrder { format, chapters, asset: asset_id, password };
    let progress = context.ui.progress(&job.full());
    let tell = |text: &str| progress.show(&context.ui, text);
    let deadline = (poll::now() + timeout.unwrap_or(reading::TIMEOUT)).into_std();
    let fetch = Fetch { partial, via_analysis: false, deadline, tell: &tell };
    let exporting = async {
        let asked = async {
            let mut target = backend.resolve(address, Verb::Export).await?;
            let report = backend.export(&target, &order, &fetch).await?;
            target.learn(&report.run);
            Ok((target, report))
        };
        let (target, report) = tokio::select! {
            biased;
            signal = context.interrupt.first() => return Err(pump::interruption(signal)),
            asked = asked => asked?,
        };
        let full = Address::full(&job.profile, target.scan.as_ref(), target.run.as_ref());
        context.ui.status(&format!("{full}: {}", target.describe()));
        super::tell(context, &report.notes);
        let part = report.incomplete.as_ref().map(|why| reading::part_only(why, &report.run));
        let decoder = report.decoder.as_ref();
        let saved = save(context, report.download, decoder, format, part.is_some(), places, Some(&progress)).await?;
        let length = saved.length;
        saved.conclude(&context.ui, part)?;
        if let Some(file) = file {
            context.ui.status(&format!("{}: {}", file.display(), size(length)));
        }
        Ok(Exit::Success)
    };
    Ok(targets::concluded(&context.ui, job, spec.id, Verb::Export, exporting.await))
}

/// The file that the user names; none for stdout.
fn destination(global: &Global) -> Result<Option<&Path>> {
    if global.format.is_some() || global.raw {
        return Err(Error::usage("an export is the vendor's bytes, in a format of the vendor's")
            .hint("choose it with --as; `scanctl results` writes findings in every format"));
    }
    match global.outputs.as_slice() {
        [] => Ok(None),
        [only] if only == "-" => Ok(None),
        [only] => Ok(Some(Path::new(only))),
        _ => Err(Error::usage("an export goes to one file")),
    }
}

/// The format that a file's name tells, if the backend makes it.
fn told_by(file: &Path, known: &[ExportFormat]) -> Option<ExportFormat> {
    let extension = file.extension()?.to_str()?;
    known.iter().copied().find(|format| format.name() == extension)
}

/// Whether what is said of a file goes with its format.
fn check(format: ExportFormat, chapters: &[String], asset: Option<&str>, password: bool) -> Result<()> {
    let is_document = matches!(format, ExportFormat::Pdf | ExportFormat::Html);
    if !chapters.is_empty() && !is_document {
        return Err(Error::usage(format!("`--chapters` is for pdf and html, not for {}", format.name())));
    }
    let is_database = format == ExportFormat::Db;
    if (asset.is_some() || password) && !is_database {
        let flag = if asset.is_some() { "--asset-id" } else { "--password-from" };
        return Err(Error::usage(format!("`{flag}` is for db, not for {}", format.name())));
    }
    if is_database && !(asset.is_some() && password) {
        return Err(Error::usage("a scan database is that of one asset, encrypted with a password")
            .hint("add --asset-id ID and --password-from env:NAME"));
    }
    Ok(())
}
