//! `scanctl results`: the findings of runs and of report files, in any format, any size.

use std::path::Path;
use std::time::Duration;

use clap_complete::ArgValueCandidates;

use super::completions;
use super::misplaced::quoted;
use super::reading::call::{Call, Pipeline};
use super::reading::flags::{Filters, Gates, limit_of_new};
use super::reading::older::{Named, Side};
use super::reading::{self, Ask, Opened, save};
use super::targets::{self, Plan};
use super::waiting::parse_duration;
use crate::cli::Global;
use crate::context::Context;
use crate::error::{Error, Result};
use crate::exit::Exit;
use crate::findings::Severity;
use crate::findings::baseline::OlderReport;
use crate::model::{Operation, Verb};
use crate::output::delivery::Delivery;
use crate::output::findings::{self, Columns, FindingFormat, Options};
use crate::output::wanted::{Wanted, Where};

/// Read the findings of runs, or of report files
///
/// Writes them as table, json, ndjson, csv, sarif, ocsf, ocsf-array, defectdojo, markdown or html, to stdout and to any
/// number of files in one pass. A FILE appears only when everything was read whole; otherwise it stays as it was, and
/// what was read is in FILE.partial. A run that is active, or ended stopped, aborted, failed or partial, is refused
/// (exit 6) unless --partial.
///
/// What an ID means: tenable-io: scan id or schedule uuid (its active, else latest run). tenable-sc: scanResult id
/// (`sc/@8`), or a scan id where no scanResult has it. tenable-sc-director: Director scanResult id. juniper: scan
/// profile id. cloudflare: scan config id.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  scanctl results io/219 --min-severity high
  scanctl results io/219 sc/@8 -o findings.sarif -o report.html -o json=- --fail-on critical
  scanctl results io/219 --baseline ./last-week.json --fail-on-new high -o ./this-week.json
  scanctl results --from report.nessus -f csv --columns core
  run=$(scanctl launch -q --wait io/219) && scanctl results \"$run\" --fail-on high")]
pub struct Args {
    /// Runs, as [PROFILE/]ID, [PROFILE/]SCAN@RUN or [PROFILE/]name:NAME
    #[arg(value_name = "RUN", required_unless_present = "from", conflicts_with = "from", add = ArgValueCandidates::new(completions::address_starts))]
    pub runs: Vec<String>,

    /// Read a .nessus report, bare, gzip or zip, or findings saved as json or ndjson, from a file or from stdin (`-`); needs no profile (repeatable)
    #[arg(long, value_name = "FILE|-", value_hint = clap::ValueHint::FilePath)]
    pub from: Vec<String>,

    /// Ask another API of the vendor than the usual one
    #[arg(long, value_name = "API", conflicts_with = "from")]
    pub via: Option<Via>,

    /// Take what there is of a run that is active or did not end well; it is marked incomplete, exit 6 or 11
    #[arg(long, conflicts_with = "from")]
    pub partial: bool,

    /// Give up when the vendor has not prepared the report after this long, 24h unless told otherwise (exit 9)
    #[arg(long, value_name = "DURATION", value_parser = parse_duration, conflicts_with = "from")]
    pub timeout: Option<Duration>,

    /// Which findings.
    #[command(flatten)]
    pub filters: Filters,

    /// Exit 10 when there is a finding of this severity or worse, once everything is written
    #[arg(long, value_name = "SEVERITY", help_heading = "Gates", add = ArgValueCandidates::new(completions::severities))]
    pub fail_on: Option<Severity>,

    /// Exit 10 when there is a finding of this severity (info unless told) or worse that the baseline has not
    #[arg(long, value_name = "SEVERITY", num_args = 0..=1, default_missing_value = "info", requires = "baseline", value_parser = limit_of_new, help_heading = "Gates", add = ArgValueCandidates::new(completions::severities))]
    pub fail_on_new: Option<Severity>,

    /// Compare with an older report: ./FILE (.nessus, or findings saved as json or ndjson) or a run's address
    #[arg(long, value_name = "FILE|RUN", help_heading = "Gates", value_hint = clap::ValueHint::FilePath)]
    pub baseline: Option<String>,

    /// The columns of csv and table, in this order: keys of a finding, and core, facts or all for many at once
    #[arg(long, value_name = "LIST")]
    pub columns: Option<Columns>,

    /// Write open ports as events of ocsf too
    #[arg(long)]
    pub include_ports: bool,
}

/// Another API of the vendor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Via {
    /// The one that analyses findings, page by page.
    Analysis,
}

/// Runs the command.
///
/// # Errors
/// What makes the whole call impossible.
pub async fn run(args: Args, global: &Global, context: &Context) -> anyhow::Result<Exit> {
    let Args { runs, from, via, partial, timeout, filters, fail_on, fail_on_new, baseline, columns, include_ports } =
        args;
    let wanted = global.output();
    let places = wanted.places::<FindingFormat>()?;
    runs.iter().try_for_each(|run| no_file(run))?;
    let gates = Gates { any: fail_on, new: fail_on_new };
    let ask = Ask { partial, via_analysis: via == Some(Via::Analysis), timeout: timeout.unwrap_or(reading::TIMEOUT) };
    let operation = if ask.via_analysis { Operation::ResultsViaAnalysis } else { Operation::Results };
    if wanted.raw {
        let reads = !filters.is_empty() || !gates.is_empty() || baseline.is_some() || columns.is_some();
        return Ok(raw(context, &wanted, &runs, operation, ask, reads || include_ports).await?);
    }

    let named = baseline.as_deref().map(Named::parse).transpose()?;
    let mut typed = runs.clone();
    if let Some(Named::Address(address)) = &named {
        typed.push(address.clone());
    }
    let mut plan = targets::plan(context, Verb::Results, &typed, &[operation])?;
    need_older(&mut plan, runs.len())?;
    reading::each_once(from.iter().map(String::as_str))?;
    if from.iter().any(|name| name == "-") && named == Some(Named::File("-".to_owned())) {
        return Err(Error::usage("stdin is named twice").hint("give one of the reports as a file").into());
    }
    let older_file = match &named {
        Some(Named::File(name)) => Some(reading::open_older(name)?),
        _ => None,
    };
    let files = from.iter().map(|name| reading::open_file(name)).collect::<Result<Vec<Opened<'_>>>>()?;
    let reports = plan.jobs.iter().filter(|job| job.index < runs.len()).count() + files.len();
    for (format, _) in &places {
        if format.most_reports().is_some_and(|most| reports > most) {
            return Err(Error::usage(format!("{reports} reports are too many for one {} document", format.name()))
                .hint("split the call: each writes a document of its own")
                .into());
        }
    }
    unheeded(context, &places, columns.is_some(), include_ports);
    let options = Options { include_ports, columns, reports, filter: filters.in_words(), ..Options::default() };
    let delivery = Delivery::open(&wanted, options, &context.ui, findings::open)?;
    let older_name = match &named {
        Some(Named::File(name)) => Some(name),
        _ => None,
    };
    for name in from.iter().chain(older_name).filter(|name| *name != "-") {
        delivery.spare(Path::new(name))?;
    }
    let mut connected = targets::connect(context, plan, &[operation], false)?;
    let older = connected.take(runs.len());

    let side = match (&older, older_file) {
        (Some((job, backend)), _) => Some(Side::Address(job.clone(), backend)),
        (None, file) => file.map(|opened| Side::File(Box::new(opened))),
    };
    let mut baseline = None;
    if let Some(side) = side {
        let tell = side.teller(Verb::Results);
        match side.read_whole(context, Ask { partial: false, ..ask }, OlderReport::default()).await {
            Ok((read, _)) => baseline = Some(read),
            Err(error) => return Ok(tell(&context.ui, error)),
        }
    }
    let mut call = Call::new(context, Pipeline::new(filters.into_sieve(), gates, baseline, delivery));
    call.refused(&connected.refused);
    for opened in files {
        call.file(opened).await;
    }
    for (job, backend) in &connected.jobs {
        call.address(backend, job, ask).await;
    }
    Ok(call.finish().map_err(|problem| match (&named, runs.as_slice(), from.as_slice()) {
        (Some(older), [newer], []) => which(problem, gates, older, newer),
        (Some(older), [], [newer]) if newer != "-" => which(problem, gates, older, &as_file(newer)),
        _ => problem,
    })?)
}

/// Refuses a file where a run is named.
fn no_file(run: &str) -> Result<()> {
    let file = match Named::parse(run) {
        Ok(Named::Address(_)) => return Ok(()),
        Ok(Named::File(file)) => file,
        Err(_) => run.to_owned(),
    };
    Err(Error::usage(format!("`{run}` names a file, and RUN is the address of a run"))
        .hint(format!("scanctl results --from {}", quoted(&file))))
}

/// Warns of flags that no document of the call has a use for.
fn unheeded(context: &Context, places: &[(FindingFormat, Where)], columns: bool, include_ports: bool) {
    use FindingFormat::{Csv, Ocsf, OcsfArray, Table};
    for (flag, given, formats, words) in [
        ("--columns", columns, [Csv, Table], "csv and table"),
        ("--include-ports", include_ports, [Ocsf, OcsfArray], "ocsf and ocsf-array"),
    ] {
        if given && !places.iter().any(|(format, _)| formats.contains(format)) {
            context.ui.warn(&format!("{flag} changes nothing: it is about {words}, and none is written"));
        }
    }
}

/// Says how to see which findings are new, where that is what the gate is about.
fn which(gate: Error, gates: Gates, older: &Named, newer: &str) -> Error {
    let older = match older {
        Named::File(name) => as_file(name),
        Named::Address(address) => address.clone(),
    };
    if gate.exit() != Exit::Gate || gates.new.is_none() || gates.any.is_some() || older == "file:-" {
        return gate;
    }
    gate.hint(format!("`scanctl diff {} {}` tells which", quoted(&older), quoted(newer)))
}

/// A file's name as it is written where an address is possible too.
fn as_file(name: &str) -> String {
    if ["/", "./", "../"].iter().any(|start| name.starts_with(start)) {
        return name.to_owned();
    }
    format!("file:{name}")
}

/// Refuses a call whose older run, the one with this place, cannot be read: nothing could be compared.
fn need_older(plan: &mut Plan, index: usize) -> Result<()> {
    let Some(at) = plan.refused.iter().position(|(refused, _)| *refused == index) else { return Ok(()) };
    let (_, outcome) = plan.refused.remove(at);
    let error = outcome.error.unwrap_or_else(|| Error::new(outcome.exit, "it cannot be read"));
    Err(error.context("the baseline cannot be read"))
}

/// The vendor's bytes as they come.
async fn raw(
    context: &Context,
    wanted: &Wanted,
    runs: &[String],
    operation: Operation,
    ask: Ask,
    reads: bool,
) -> Result<Exit> {
    if reads {
        return Err(Error::usage("`--raw` prints the vendor's bytes, which are not read as findings"));
    }
    let [run] = runs else {
        return Err(Error::usage("`--raw` prints the result of one run").hint("name one RUN, and nothing else"));
    };
    let plan = targets::plan(context, Verb::Results, std::slice::from_ref(run), &[operation])?;
    let places = save::places(wanted, &context.ui)?;
    let (job, backend) = targets::connect(context, plan, &[operation], false)?.only()?;
    let progress = context.ui.progress(&job.full());
    let saved = async {
        let opened = reading::open_address(context, &backend, &job, ask, &progress).await?;
        opened.save(context, places, &progress).await
    };
    Ok(targets::concluded(&context.ui, &job, backend.spec().id, Verb::Results, saved.await.map(|()| Exit::Success)))
}
