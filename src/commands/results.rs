//! `scanctl results`: the findings of runs and of report files, in any format, any size.

use std::rc::Rc;
use std::time::Duration;

use super::reading::{self, Ask, End, Opened};
use super::targets::{self, Job};
use super::waiting::parse_duration;
use crate::backends::Backend;
use crate::cli::{self, Global};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::exit::Exit;
use crate::findings::filter::{Counts, Filter, HostPattern};
use crate::findings::{Finding, FindingSink, Needs, Severity};
use crate::model::{Operation, Verb};
use crate::output::delivery::Delivery;
use crate::output::findings::{FindingFormat, Options};
use crate::output::rows::Subject;

/// Read the findings of runs
///
/// What an ID means: tenable-io: scan id or schedule uuid (its active, else latest run). tenable-sc: scanResult id
/// (`sc/@8`), or a scan id where no scanResult has it. tenable-sc-director: Director scanResult id. juniper: scan
/// profile id. cloudflare: scan config id.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  scanctl results io/219 --min-severity high
  scanctl results io/219@latest -o findings.sarif -o summary.md --fail-on critical
  scanctl results --from report.nessus -f csv")]
pub struct Args {
    /// Runs, as [PROFILE/]ID, [PROFILE/]SCAN@RUN or [PROFILE/]name:NAME
    #[arg(value_name = "RUN", required_unless_present = "from", conflicts_with = "from", add = clap_complete::ArgValueCandidates::new(super::completions::address_starts))]
    pub runs: Vec<String>,

    /// Read a .nessus report, bare, gzip or zip, from a file or from stdin (`-`); needs no profile (repeatable)
    #[arg(long, value_name = "FILE|-", value_hint = clap::ValueHint::FilePath)]
    pub from: Vec<String>,

    /// Ask another API of the vendor than the usual one
    #[arg(long, value_name = "API")]
    pub via: Option<Via>,

    /// Take what there is of a run that is active or did not end well; it is marked incomplete, exit 6 or 11
    #[arg(long)]
    pub partial: bool,

    /// Give up when the vendor has not prepared the report after this long, 24h unless told otherwise (exit 9)
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    pub timeout: Option<Duration>,

    /// Only these severities: critical, high, medium, low, info
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    pub severity: Vec<Severity>,

    /// Only this severity and worse
    #[arg(long, value_name = "SEVERITY")]
    pub min_severity: Option<Severity>,

    /// Only these plugins
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    pub plugin: Vec<String>,

    /// Only these hosts: a network (192.0.2.0/24), an address, or a name with * and ? (repeatable, or a list)
    #[arg(long, value_name = "PATTERN", value_delimiter = ',')]
    pub host: Vec<HostPattern>,

    /// Exit 10 when there is a finding of this severity or worse, after everything is written
    #[arg(long, value_name = "SEVERITY")]
    pub fail_on: Option<Severity>,

    /// Include open ports where a format leaves them out
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
    let Args { runs, from, via, partial, timeout, severity, min_severity, plugin, host, fail_on, include_ports } = args;
    let wanted = global.output();
    wanted.places::<FindingFormat>()?;
    let ask = Ask { partial, via_analysis: via == Some(Via::Analysis), timeout: timeout.unwrap_or(reading::TIMEOUT) };
    let filter = Filter { severities: severity, least: min_severity, plugins: plugin, hosts: host };
    let operation = if ask.via_analysis { Operation::ResultsViaAnalysis } else { Operation::Results };
    let operations = [operation];
    let plan = targets::plan(context, Verb::Results, &runs, &operations)?;
    let files = from.iter().map(|name| reading::open_file(name)).collect::<Result<Vec<_>>>()?;
    let delivery = Delivery::open(&wanted, Options { include_ports, ..Options::default() }, &context.ui)?;
    let backends = targets::connect(context, &plan, &operations, false)?;

    let mut call = Call { context, fates: Vec::new(), pipeline: Some(Pipeline::new(filter, fail_on, delivery)) };
    for (_, outcome) in &plan.refused {
        call.fates.push(outcome.exit);
        targets::report_failure(&context.ui, outcome);
    }
    for opened in files {
        let name = opened.about.address.clone();
        let read = call.read(opened, false).await;
        call.conclude(read, |error| {
            let subject = Subject { verb: Some(Verb::Results.name()), address: Some(&name), ..Subject::default() };
            cli::report(&context.ui, &error.context(name.clone()), subject);
        });
    }
    for job in &plan.jobs {
        let Some(backend) = backends.get(&job.profile) else { continue };
        if call.is_over() {
            break;
        }
        let read = call.address(backend, job, ask).await;
        call.conclude(read, |error| {
            targets::report_failure(&context.ui, &targets::failed(job, backend.spec().id, Verb::Results, error));
        });
    }
    Ok(call.finish()?)
}

/// One call: what was read so far, and what became of it.
struct Call<'a> {
    context: &'a Context,
    fates: Vec<Exit>,
    /// None where the thread that reads kept it.
    pipeline: Option<Pipeline>,
}

impl Call<'_> {
    /// Whether nothing more is to be read.
    fn is_over(&self) -> bool {
        self.context.interrupt.received().is_some() || self.pipeline.as_ref().is_none_or(Pipeline::is_idle)
    }

    async fn address(&mut self, backend: &Rc<dyn Backend>, job: &Job, ask: Ask) -> Result<Exit> {
        let progress = self.context.ui.progress(&job.full());
        let opened = reading::open_address(self.context, backend, job, ask, &progress).await?;
        // A live display and rows on one terminal would write over each other.
        let shows = !(self.context.ui.stdout_is_terminal()
            && self.pipeline.as_ref().is_some_and(|pipeline| pipeline.delivery.is_on_stdout()));
        let progress = shows.then_some(progress);
        self.read_with(opened, progress.as_ref()).await
    }

    async fn read(&mut self, opened: Opened<'_>, _progress: bool) -> Result<Exit> {
        self.read_with(opened, None).await
    }

    async fn read_with(&mut self, opened: Opened<'_>, progress: Option<&crate::ui::Progress>) -> Result<Exit> {
        let Some(mut pipeline) = self.pipeline.take() else { return Ok(Exit::Success) };
        let incomplete = opened.incomplete.clone();
        pipeline.delivery.begin(&opened.about);
        match opened.read(self.context, progress, pipeline).await? {
            End::Decoded(mut pipeline, decoded) => {
                pipeline.delivery.end(&decoded, decoded.is_complete() && incomplete.is_none());
                self.pipeline = Some(pipeline);
                decoded.problem.or(incomplete).map_or(Ok(Exit::Success), Err)
            }
            End::Enough(pipeline, problem) => {
                let idle = pipeline.is_idle();
                self.pipeline = Some(pipeline);
                if idle { Ok(Exit::Success) } else { Err(problem) }
            }
            End::Abandoned => Ok(self.context.interrupt.received().unwrap_or(Exit::Success)),
        }
    }

    fn conclude(&mut self, read: Result<Exit>, report: impl FnOnce(Error)) {
        match read {
            Ok(exit) => self.fates.push(exit),
            Err(error) => {
                self.fates.push(error.exit());
                report(error);
            }
        }
    }

    fn finish(self) -> Result<Exit> {
        let Self { context, mut fates, pipeline } = self;
        fates.extend(context.interrupt.received());
        let exit = Exit::of_targets(fates);
        let Some(pipeline) = pipeline else { return Ok(exit) };
        let Pipeline { delivery, counts, fail_on, .. } = pipeline;
        let delivered = delivery.finish(exit == Exit::Success);
        for note in &delivered.notes {
            context.ui.warn(note);
        }
        for partial in &delivered.partial {
            context.ui.status(&format!("note: what was read is in {}", partial.display()));
        }
        for failure in &delivered.failures {
            cli::report(&context.ui, failure, Subject::default());
        }
        match delivered.failures.first() {
            _ if exit != Exit::Success => return Ok(exit),
            Some(failure) => return Ok(failure.exit()),
            None => {}
        }
        if let Some(limit) = fail_on
            && counts.at_least(limit) > 0
        {
            let found = counts.at_least(limit);
            return Err(Error::new(
                Exit::Gate,
                format!("gate: {found} findings of {limit} or worse (limit --fail-on {limit})"),
            ));
        }
        Ok(Exit::Success)
    }
}

/// What every finding goes through.
struct Pipeline {
    filter: Filter,
    counts: Counts,
    fail_on: Option<Severity>,
    delivery: Delivery,
}

impl Pipeline {
    fn new(filter: Filter, fail_on: Option<Severity>, delivery: Delivery) -> Self {
        Self { filter, counts: Counts::default(), fail_on, delivery }
    }

    /// Whether nobody wants to know anything more.
    fn is_idle(&self) -> bool {
        self.fail_on.is_none() && self.delivery.is_unheard()
    }
}

impl FindingSink for Pipeline {
    fn finding(&mut self, finding: &Finding<'_>) -> Result<()> {
        if !self.filter.wants(finding) {
            return Ok(());
        }
        self.counts.add(finding.details.severity);
        self.delivery.finding(finding, None);
        if self.is_idle() {
            return Err(Error::new(Exit::Success, "nobody reads what is written"));
        }
        Ok(())
    }

    fn needs(&self) -> Needs {
        self.delivery.needs()
    }
}
