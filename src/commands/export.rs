//! `scanctl export`: the result of a run as a file of the vendor's making.

use std::time::Duration;

use super::reading::{self, pump, save};
use super::targets;
use super::waiting::parse_duration;
use crate::backends::report::{ExportOrder, Fetch};
use crate::cli::Global;
use crate::context::Context;
use crate::error::{Error, Result};
use crate::exit::Exit;
use crate::model::{Address, ExportFormat, Operation, Verb};
use crate::output::wanted::{self, Where};
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

    /// The file's format: nessus, csv, html, pdf or db (tenable-io), v2 or scap1_2 (tenable-sc), v2 (tenable-sc-director), json (juniper, cloudflare); else what -o FORMAT=FILE says, else what FILE's name tells, which must be one of them, else the usual one
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
    let (named, place) = destination(global)?;
    let asked = match (file_format, named) {
        (Some(one), Some(other)) if one != other => {
            return Err(
                Error::usage(format!("`--as {}` and `-o {}=` are two formats", one.name(), other.name())).into()
            );
        }
        (asked, named) => asked.or(named),
    };
    let password = password_from.as_deref().map(SecretSource::parse).transpose()?;
    let operations = [Operation::Export];
    let plan = targets::plan(context, Verb::Export, &[run], &operations)?;
    let spec = context.inspect(&plan.only()?.profile)?.spec;
    let told = if asked.is_none() { told_by(&place, spec.exports)? } else { None };
    let Some(format) = spec.export_format(asked.or(told))? else {
        return Err(Error::new(Exit::Unsupported, format!("backend `{}` makes no files", spec.id)).into());
    };
    spec.check_export(format, &chapters, asset_id.is_some(), password.is_some())?;
    let places = save::open(vec![place.clone()], &context.ui)?;
    let (job, backend) = targets::connect(context, plan, &operations, false)?.only()?;
    let password = password.map(|source| source.read("`--password-from`")).transpose()?;

    let order = ExportOrder { format, chapters, asset: asset_id, password };
    let progress = context.ui.progress(&job.full());
    let tell = |text: &str| progress.show(&context.ui, text);
    let deadline = (poll::now() + timeout.unwrap_or(reading::TIMEOUT)).into_std();
    let fetch = Fetch { partial, via_analysis: false, deadline, tell: &tell };
    let exporting = async {
        let asked = async {
            let mut target = backend.resolve(job.address()?, Verb::Export).await?;
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
        let saved =
            save::save(context, report.download, decoder, format, part.is_some(), places, Some(&progress)).await?;
        let length = saved.length;
        saved.conclude(&context.ui, part)?;
        if let Where::File(file) = &place {
            context.ui.status(&format!("{}: {}", file.display(), size(length)));
        }
        Ok(Exit::Success)
    };
    Ok(targets::concluded(&context.ui, &job, spec.id, Verb::Export, exporting.await))
}

/// Where the user wants the file, and the format if that is said with it.
fn destination(global: &Global) -> Result<(Option<ExportFormat>, Where)> {
    if global.format.is_some() || global.raw {
        return Err(Error::usage("an export is the vendor's bytes, in a format of the vendor's")
            .hint("choose it with --as; `scanctl results` writes findings in every format"));
    }
    match global.outputs.as_slice() {
        [] => Ok((None, Where::Stdout)),
        [only] => wanted::parse(only),
        _ => Err(Error::usage("an export goes to one file")),
    }
}

/// The format that a file's name tells, if it tells one.
///
/// # Errors
/// Exit 2 where it tells another one than the backend makes: the file would not be what its name says.
fn told_by(place: &Where, known: &[ExportFormat]) -> Result<Option<ExportFormat>> {
    let Where::File(file) = place else { return Ok(None) };
    let Some(extension) = file.extension().map(|extension| extension.to_string_lossy().to_ascii_lowercase()) else {
        return Ok(None);
    };
    let told = known.iter().find(|format| format.extensions().contains(&extension.as_str()));
    told.copied().map(Some).ok_or_else(|| {
        let names: Vec<&str> = known.iter().map(|format| format.name()).collect();
        Error::usage(format!("which format for {}?", file.display()))
            .hint(format!("name it with --as: {}", names.join(", ")))
    })
}
