//! `scanctl diff`: what differs between two reports, finding by finding.
//!
//! The older report is read first, and of each finding its id, its severity and a hash are kept. Then the newer one goes
//! by. What is in the older one alone is told from a second look at that: a file is read again, what came from a vendor or
//! out of a pipe is kept in a temporary file until then, as far as the filters want it.

use std::fs::File;
use std::path::Path;
use std::time::Duration;

use super::reading::call::{conclude, give_up};
use super::reading::flags::{Filters, Gates, limit_of_new, tell_unmet};
use super::reading::older::{Named, Side};
use super::reading::{self, Ask, End, Opened, pump};
use super::results::Via;
use super::targets;
use super::waiting::parse_duration;
use crate::cli::Global;
use crate::context::Context;
use crate::error::{Error, Result};
use crate::exit::Exit;
use crate::findings::baseline::{Change, OlderReport};
use crate::findings::filter::{Counts, Sieve};
use crate::findings::{Decoded, Finding, FindingSink, Needs, Severity};
use crate::model::{Operation, Verb};
use crate::output::delivery::Delivery;
use crate::output::findings::diff::{self, DiffFormat};
use crate::output::findings::{self, FindingFormat, Options, ReportWriter};
use crate::ui::Progress;

/// Compare two reports, finding by finding
///
/// A finding is the same in both if its id is: plugin, host, port, protocol and check. It has changed if its severity,
/// its output, a known exploit or the result of its check has; scores that change from day to day do not count. One that
/// the newer report lacks is fixed; an open port of Cloudflare's is unseen, since no list of them says what was looked
/// at. Filters apply to both sides: what passes on either is told. Differences are exit 0, unless --fail-on-new.
///
/// Files are ./x, /x or file:x (.nessus, or findings saved as json or ndjson); anything else is the address of a run, as
/// `scanctl results` takes it.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  scanctl diff io/219@latest~1 io/219@latest --min-severity medium
  scanctl diff ./last-week.nessus ./this-week.nessus -f markdown
  scanctl diff ./accepted.json io/219 --fail-on-new high -o diff.sarif")]
pub struct Args {
    /// The older report: ./FILE or a run's address
    #[arg(value_name = "OLDER", add = clap_complete::ArgValueCandidates::new(super::completions::address_starts))]
    pub older: String,

    /// The newer report
    #[arg(value_name = "NEWER", add = clap_complete::ArgValueCandidates::new(super::completions::address_starts))]
    pub newer: String,

    /// Ask another API of the vendor than the usual one
    #[arg(long, value_name = "API")]
    pub via: Option<Via>,

    /// Give up when a vendor has not prepared a report after this long, 24h unless told otherwise (exit 9)
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    pub timeout: Option<Duration>,

    /// Which findings.
    #[command(flatten)]
    pub filters: Filters,

    /// Exit 10 when there is a new finding of this severity (info unless told) or worse, once everything is written
    #[arg(long, value_name = "SEVERITY", num_args = 0..=1, default_missing_value = "info", value_parser = limit_of_new, help_heading = "Gates", add = clap_complete::ArgValueCandidates::new(super::completions::severities))]
    pub fail_on_new: Option<Severity>,
}

/// Runs the command.
///
/// # Errors
/// What makes the whole call impossible.
pub async fn run(args: Args, global: &Global, context: &Context) -> anyhow::Result<Exit> {
    let Args { older, newer, via, timeout, filters, fail_on_new } = args;
    let wanted = global.output();
    wanted.places::<DiffFormat>()?;
    if wanted.raw {
        return Err(Error::usage("`--raw` is for commands that print what a vendor sent").into());
    }
    let named = [Named::parse(&older)?, Named::parse(&newer)?];
    let ask =
        Ask { partial: false, via_analysis: via == Some(Via::Analysis), timeout: timeout.unwrap_or(reading::TIMEOUT) };
    let operation = [if ask.via_analysis { Operation::ResultsViaAnalysis } else { Operation::Results }];
    let addresses = named.iter().filter_map(|named| match named {
        Named::Address(address) => Some(address.clone()),
        Named::File(_) => None,
    });
    let plan = targets::plan(context, Verb::Diff, &addresses.collect::<Vec<_>>(), &operation)?;
    if let Some((_, outcome)) = plan.refused.first() {
        targets::report_failure(&context.ui, outcome);
        return Ok(outcome.exit);
    }
    if named.iter().all(|named| *named == Named::File("-".to_owned())) {
        return Err(Error::usage("stdin is named twice").hint("give one of the reports as a file").into());
    }
    let [older_file, newer_file] = named.each_ref().map(|named| match named {
        Named::File(name) => Some(name),
        Named::Address(_) => None,
    });
    let older_file = older_file.map(|name| reading::open_older(name)).transpose()?;
    let newer_file = newer_file.map(|name| reading::open_file(name)).transpose()?;
    let options = Options { reports: 1, filter: filters.in_words(), ..Options::default() };
    let delivery = Delivery::open(&wanted, options, &context.ui, diff::open)?;
    for named in &named {
        if let Named::File(name) = named
            && name != "-"
        {
            delivery.spare(Path::new(name))?;
        }
    }
    let connected = targets::connect(context, plan, &operation, false)?;
    let mut jobs = connected.jobs.iter();
    let mut side = |file: Option<Opened<'static>>| match file {
        Some(opened) => Some(Side::File(Box::new(opened))),
        None => jobs.next().map(|(job, backend)| Side::Address(job.clone(), backend)),
    };
    let (Some(older), Some(newer)) = (side(older_file), side(newer_file)) else {
        return Err(Error::new(Exit::Internal, "one of the reports was not connected").into());
    };

    let tell = older.teller(Verb::Diff);
    // What gives its bytes once is kept as far as the filter wants it.
    let (again, spool) = match older.again()? {
        Some(again) => (again, None),
        None => {
            let spool = tempfile::tempfile().map_err(|problem| spool_failed(&problem))?;
            let lines = spool.try_clone().map_err(|problem| spool_failed(&problem))?;
            (reading::open_lines(lines), Some(spool))
        }
    };
    let sink = Older::new(filters.into_sieve(), spool);
    let ((baseline, sieve), older_name) = match older.read_whole(context, ask, sink).await {
        Ok((sink, name)) => (sink.finish()?, name),
        Err(error) => return Ok(tell(&context.ui, error)),
    };

    let tell_of_older = tell;
    let tell = newer.teller(Verb::Diff);
    let mut pipeline = Newer { baseline, sieve, new: Counts::default(), unseen: 0, fail_on_new, delivery };
    let opened = newer.open(context, ask).await;
    let (mut opened, progress) = match opened {
        Ok(opened) => opened,
        Err(error) => return Ok(tell(&context.ui, error)),
    };
    opened.about.address = format!("{} since {older_name}", opened.about.address);
    pipeline.delivery.begin(&opened.about);
    let files = pipeline.delivery.files();
    let compared = compare(context, opened, progress, again, pipeline).await?;
    let Some(Compared { newer: mut pipeline, decoded, again }) = compared else {
        let problem = pump::abandoned(context);
        let exit = problem.exit();
        return Ok(give_up(context, files, exit, || {
            tell(&context.ui, problem);
        }));
    };
    pipeline.delivery.end(&decoded, decoded.is_complete());
    let exit = decoded.problem.as_ref().map_or(Exit::Success, Error::exit);
    let Newer { baseline: _, sieve, delivery, new, unseen, fail_on_new } = pipeline;
    // Where nobody reads any more, reading ended early.
    if fail_on_new.is_some() || !delivery.is_unheard() {
        tell_unmet(&context.ui, &sieve, fail_on_new.is_some());
    }
    if unseen > 0 {
        let (ports, are, they) = if unseen == 1 { ("port", "is", "it is") } else { ("ports", "are", "they are") };
        context.ui.status(&format!(
            "note: {unseen} open {ports} of the older report {are} not in the newer one, which does not tell that {they} closed"
        ));
    }
    let gate = Gates { any: None, new: fail_on_new }.judge(&Counts::default(), &new);
    let failed = || match decoded.problem {
        Some(problem) if again => drop(tell_of_older(&context.ui, problem)),
        Some(problem) => drop(tell(&context.ui, problem)),
        None => {}
    };
    Ok(conclude(context, delivery, exit, gate, failed)?)
}

/// Both reports, compared.
struct Compared {
    newer: Newer,
    /// How the newer one was read, with what kept either from being read.
    decoded: Decoded,
    /// Whether the problem is one of the older report, read once more.
    again: bool,
}

/// Reads the newer report, and the older one once more. `None` where the thread that reads is stuck in a place.
async fn compare(
    context: &Context,
    opened: Opened<'_>,
    progress: Option<Progress>,
    older: Opened<'_>,
    newer: Newer,
) -> Result<Option<Compared>> {
    let part = opened.incomplete.clone();
    let (newer, mut decoded) = match opened.read(context, progress.as_ref(), newer).await? {
        End::Decoded(newer, decoded) => (newer, decoded),
        End::Enough(newer, problem) => (newer, ended_by(problem)),
        End::Abandoned => return Ok(None),
    };
    decoded.problem = decoded.problem.or(part);
    // What is missing from a part may be in the rest, and who reads no more wants no more.
    if !decoded.is_complete() || newer.go_on().is_err() {
        return Ok(Some(Compared { newer, decoded, again: false }));
    }
    let (newer, problem) = match older.read(context, None, Missing(newer)).await? {
        End::Decoded(Missing(newer), Decoded { problem, .. }) => (newer, problem),
        End::Enough(Missing(newer), problem) => (newer, ended_by(problem).problem),
        End::Abandoned => return Ok(None),
    };
    Ok(Some(Compared { newer, decoded: Decoded { problem, ..decoded }, again: true }))
}

/// How a report ended whose reading was stopped from this side; that nobody reads what is written is no failure.
fn ended_by(problem: Error) -> Decoded {
    Decoded { problem: Some(problem).filter(|problem| problem.exit() != Exit::Success), ..Decoded::default() }
}

fn spool_failed(problem: &std::io::Error) -> Error {
    Error::new(Exit::Internal, format!("cannot keep the older report in a temporary file: {problem}"))
}

/// Takes in the older report.
struct Older {
    baseline: OlderReport,
    sieve: Sieve,
    /// Lines of what the filter wants.
    spool: Option<Box<dyn ReportWriter>>,
}

impl Older {
    fn new(sieve: Sieve, spool: Option<File>) -> Self {
        let spool = spool.map(|file| findings::open(FindingFormat::Ndjson, Box::new(file), &Options::default()));
        Self { baseline: OlderReport::default(), sieve, spool }
    }

    fn finish(self) -> Result<(OlderReport, Sieve)> {
        let Self { mut baseline, sieve, spool } = self;
        if let Some(mut spool) = spool {
            spool.finish(true)?;
        }
        baseline.seal();
        Ok((baseline, sieve))
    }
}

impl FindingSink for Older {
    fn finding(&mut self, finding: &Finding<'_>) -> Result<()> {
        let wanted = self.sieve.wants(finding);
        self.baseline.add(finding, wanted);
        match &mut self.spool {
            Some(spool) if wanted => spool.finding(finding),
            _ => Ok(()),
        }
    }

    fn needs(&self) -> Needs {
        Needs::All
    }
}

/// Compares the newer report.
struct Newer {
    baseline: OlderReport,
    sieve: Sieve,
    new: Counts,
    /// What is missing, which proves nothing.
    unseen: u64,
    fail_on_new: Option<Severity>,
    delivery: Delivery,
}

impl Newer {
    /// Ends the reading when nobody wants to know anything more.
    fn go_on(&self) -> Result<()> {
        if self.fail_on_new.is_none() && self.delivery.is_unheard() {
            return Err(Error::new(Exit::Success, "nobody reads what is written"));
        }
        Ok(())
    }
}

impl FindingSink for Newer {
    fn finding(&mut self, finding: &Finding<'_>) -> Result<()> {
        let compared = self.baseline.compare(finding);
        let wanted = self.sieve.wants(finding);
        if !wanted && !compared.marked {
            return Ok(());
        }
        if compared.change == Change::New {
            self.new.add(finding.details.severity);
        }
        self.delivery.finding(finding, Some(compared));
        self.go_on()
    }

    fn needs(&self) -> Needs {
        Needs::All
    }
}

/// Looks for what the newer report has not.
struct Missing(Newer);

impl FindingSink for Missing {
    fn finding(&mut self, finding: &Finding<'_>) -> Result<()> {
        let Self(newer) = self;
        if newer.baseline.take_missing(finding.id) {
            newer.unseen += u64::from(!finding.is_gone_when_absent());
            newer.delivery.missing(finding);
            newer.go_on()?;
        }
        Ok(())
    }

    fn needs(&self) -> Needs {
        self.0.delivery.needs()
    }
}
