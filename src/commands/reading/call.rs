//! One call that reads reports, one after the other: what every finding goes through, what became of each report, and
//! the exit code of it all.

use std::rc::Rc;

use super::flags::{Gates, in_words, tell_unmet};
use super::{Ask, End, Opened, open_address, pump};
use crate::backends::Backend;
use crate::cli;
use crate::commands::targets::{self, Job};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::exit::Exit;
use crate::findings::baseline::{Change, OlderReport};
use crate::findings::filter::{Counts, Sieve};
use crate::findings::{Decoded, Finding, FindingSink, Needs};
use crate::model::{Outcome, Verb};
use crate::output::delivery::Delivery;
use crate::output::pipe::{Delivered, Files};
use crate::output::rows::Subject;
use crate::ui::{Progress, Ui};

/// What every finding goes through: filter, comparison, counts, documents.
#[derive(Debug)]
pub struct Pipeline {
    sieve: Sieve,
    gates: Gates,
    baseline: Option<OlderReport>,
    delivery: Delivery,
    all: Counts,
    new: Counts,
}

impl Pipeline {
    /// A pipeline that nothing went through.
    pub fn new(sieve: Sieve, gates: Gates, mut baseline: Option<OlderReport>, delivery: Delivery) -> Self {
        if let Some(baseline) = &mut baseline {
            baseline.seal();
        }
        Self { sieve, gates, baseline, delivery, all: Counts::default(), new: Counts::default() }
    }

    /// Whether nobody wants to know anything more.
    fn is_idle(&self) -> bool {
        self.gates.is_empty() && self.delivery.is_unheard()
    }
}

impl FindingSink for Pipeline {
    fn finding(&mut self, finding: &Finding<'_>) -> Result<()> {
        if !self.sieve.wants(finding) {
            return Ok(());
        }
        let severity = finding.details.severity;
        let compared = self.baseline.as_mut().map(|baseline| baseline.compare(finding));
        self.all.add(severity);
        if compared.is_some_and(|compared| compared.change == Change::New) {
            self.new.add(severity);
        }
        self.delivery.finding(finding, compared);
        if self.is_idle() {
            return Err(Error::new(Exit::Success, "nobody reads what is written"));
        }
        Ok(())
    }

    fn needs(&self) -> Needs {
        let compared = self.baseline.as_ref().map_or(Needs::Core, FindingSink::needs);
        self.delivery.needs().max(compared)
    }
}

/// One call.
pub struct Call<'a> {
    context: &'a Context,
    fates: Vec<Exit>,
    /// Failures for programs: the last lines on stderr, after the counts and notes.
    failures: Vec<String>,
    /// None where the thread that reads is stuck in it.
    pipeline: Option<Pipeline>,
    files: Files,
}

impl std::fmt::Debug for Call<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Call").field("fates", &self.fates).finish_non_exhaustive()
    }
}

impl<'a> Call<'a> {
    /// A call that has read nothing.
    pub fn new(context: &'a Context, pipeline: Pipeline) -> Self {
        let files = pipeline.delivery.files();
        Self { context, fates: Vec::new(), failures: Vec::new(), pipeline: Some(pipeline), files }
    }

    /// Tells of the addresses that cannot be read.
    pub fn refused(&mut self, refused: &[(usize, Outcome)]) {
        for (_, outcome) in refused {
            self.fates.push(outcome.exit);
            self.failed(outcome);
        }
    }

    /// Reads a file.
    pub async fn file(&mut self, opened: Opened<'_>) {
        if self.is_over() {
            return;
        }
        let name = opened.about.address.clone();
        let read = self.read(opened, None).await;
        if let Some(error) = self.note(read) {
            let subject = Subject { verb: Some(Verb::Results.name()), address: Some(&name), ..Subject::default() };
            let (ui, error) = (&self.context.ui, error.prefix(&name));
            if ui.json_errors() {
                self.failures.push(cli::error_line(&error, subject));
            } else {
                cli::report(ui, &error, subject);
            }
        }
    }

    /// Reads the result behind an address.
    pub async fn address(&mut self, backend: &Rc<dyn Backend>, job: &Job, ask: Ask) {
        if self.is_over() {
            return;
        }
        let progress = self.context.ui.progress(&job.full());
        let read = async {
            let opened = open_address(self.context, backend, job, ask, &progress).await?;
            self.read(opened, Some(&progress)).await
        };
        let read = read.await;
        if let Some(error) = self.note(read) {
            self.failed(&targets::failed(job, backend.spec().id, Verb::Results, error));
        }
    }

    fn failed(&mut self, outcome: &Outcome) {
        match &outcome.error {
            Some(error) if self.context.ui.json_errors() => {
                self.failures.push(cli::error_line(error, Subject::of(outcome)));
            }
            _ => targets::report_failure(&self.context.ui, outcome),
        }
    }

    /// Whether nothing more is to be read.
    fn is_over(&self) -> bool {
        self.context.interrupt.received().is_some() || self.pipeline.as_ref().is_none_or(Pipeline::is_idle)
    }

    async fn read(&mut self, opened: Opened<'_>, progress: Option<&Progress>) -> Result<()> {
        let Some(mut pipeline) = self.pipeline.take() else { return Ok(()) };
        let part = opened.incomplete.clone();
        let name = opened.about.address.clone();
        let before = pipeline.sieve.seen();
        pipeline.delivery.begin(&opened.about);
        let (mut pipeline, decoded) = match opened.read(self.context, progress, pipeline).await? {
            End::Decoded(pipeline, decoded) => (pipeline, decoded),
            End::Enough(pipeline, _) if pipeline.is_idle() => {
                self.pipeline = Some(pipeline);
                return Ok(());
            }
            End::Enough(pipeline, problem) => {
                let findings = pipeline.sieve.seen() - before;
                (pipeline, Decoded { findings, problem: Some(problem), ..Decoded::default() })
            }
            End::Abandoned => return Err(pump::abandoned(self.context)),
        };
        pipeline.delivery.end(&decoded, decoded.is_complete() && part.is_none());
        self.pipeline = Some(pipeline);
        if decoded.replaced > 0 {
            // How many depends on which text is read.
            self.context.ui.warn(&format!("{name}: characters that no report may hold were replaced by U+FFFD"));
        }
        decoded.problem.or(part).map_or(Ok(()), Err)
    }

    /// Takes over what became of a report; its error is told by who knows its name.
    fn note(&mut self, read: Result<()>) -> Option<Error> {
        let error = read.err();
        self.fates.push(error.as_ref().map_or(Exit::Success, Error::exit));
        error
    }

    /// Ends the documents, then judges the gates.
    ///
    /// # Errors
    /// Exit 10 for a gate that was reached.
    pub fn finish(self) -> Result<Exit> {
        let Self { context, mut fates, failures, pipeline, files } = self;
        fates.extend(context.interrupt.received());
        let exit = Exit::of_targets(fates);
        let Some(Pipeline { sieve, delivery, gates, all, new, baseline }) = pipeline else {
            return Ok(give_up(context, files, exit, || failures.iter().for_each(|line| context.ui.stderr(line))));
        };
        let ui = &context.ui;
        // Where nobody reads any more, reading ended early and the counts are of no whole.
        let is_read = !gates.is_empty() || !delivery.is_unheard();
        if is_read && delivery.has_begun() {
            tell_unmet(ui, &sieve, !gates.is_empty());
        }
        if is_read && delivery.has_begun() && (!delivery.is_table_on_stdout() || baseline.is_some()) {
            let compared = match &baseline {
                Some(_) => format!("; {} new since the baseline", new.total()),
                None => String::new(),
            };
            let part = if exit == Exit::Success { "" } else { " (incomplete)" };
            let passed = delivery.filter().map(|filter| (filter, sieve.seen().saturating_sub(all.total())));
            ui.status(&format!("{}{compared}{part}", in_words(&all, passed)));
        }
        conclude(context, delivery, exit, gates.judge(&all, &new), || failures.iter().for_each(|line| ui.stderr(line)))
    }
}

/// Ends the documents, tells of them, and lets the gates speak: the exit code of the call. `tell` is what is said of
/// failures after all notes.
///
/// # Errors
/// Exit 10 for a gate that was reached.
pub fn conclude(
    context: &Context,
    delivery: Delivery,
    exit: Exit,
    gate: Result<()>,
    tell: impl FnOnce(),
) -> Result<Exit> {
    let ui = &context.ui;
    let delivered = delivery.finish(exit == Exit::Success);
    told_of(ui, &delivered);
    let fate = if exit == Exit::Success { delivered.failures.first().map_or(exit, Error::exit) } else { exit };
    let gate = match gate {
        Err(gate) if fate != Exit::Success => {
            // It is not what the call ends with: nobody knows what was not read.
            ui.warn(&gate.one_line());
            Ok(())
        }
        gate => gate,
    };
    tell();
    for failure in &delivered.failures {
        cli::report(ui, failure, Subject::default());
    }
    gate.map(|()| fate)
}

/// Keeps what reached the files of documents that nobody can end any more, and tells of them: the exit code of the call.
/// `tell` as for [`conclude`].
pub fn give_up(context: &Context, files: Files, exit: Exit, tell: impl FnOnce()) -> Exit {
    let delivered = files.abandon();
    told_of(&context.ui, &delivered);
    tell();
    for failure in &delivered.failures {
        cli::report(&context.ui, failure, Subject::default());
    }
    exit
}

fn told_of(ui: &Ui, delivered: &Delivered) {
    for note in &delivered.notes {
        ui.warn(note);
    }
    for partial in &delivered.partial {
        ui.status(&format!("note: what was read is in {}", partial.display()));
    }
}
