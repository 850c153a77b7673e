//! Several addresses in one call: what each means, in which order everything is checked before anything is sent, and
//! side by side across profiles.
//!
//! The order: grammar, config and profile, support, confirmation, secrets. An address whose backend cannot do what is
//! asked is its own failed outcome and the others go on.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::future::Future;
use std::rc::Rc;

use futures_util::stream::{FuturesUnordered, StreamExt as _};

use crate::backends::{Backend, Spec};
use crate::cli;
use crate::context::Context;
use crate::error::{Detail, Error, Result};
use crate::exit::Exit;
use crate::model::{Address, Operation, Outcome, OutcomeKind, Run, RunState, Support, Verb};
use crate::output::Output;
use crate::output::rows::{self, OutcomeRow};
use crate::ui::Ui;

/// One address with its profile.
#[derive(Debug, Clone)]
pub struct Job {
    /// Its place in the call.
    pub index: usize,
    /// The address; empty where a launch needs none.
    pub address: Option<Address>,
    /// The profile.
    pub profile: String,
}

impl Job {
    /// The address of a job that must have one.
    ///
    /// # Errors
    /// Exit 2 where it has none.
    pub fn address(&self) -> Result<&Address> {
        self.address.as_ref().ok_or_else(|| Error::usage("no run or scan is named"))
    }

    /// The address in full, as far as it is known before anything was read.
    pub fn full(&self) -> String {
        match &self.address {
            Some(address) => {
                let mut full = address.clone();
                full.profile = Some(self.profile.as_str().into());
                full.to_string()
            }
            None => format!("{}/", self.profile),
        }
    }
}

/// The addresses that can be worked on, and those that cannot.
#[derive(Debug)]
pub struct Plan {
    /// Can be worked on.
    pub jobs: Vec<Job>,
    /// Cannot, each with its outcome.
    pub refused: Vec<(usize, Outcome)>,
}

impl Plan {
    /// The job of a call that takes one address.
    ///
    /// # Errors
    /// Exit 2 where there is none.
    pub fn only(&self) -> Result<&Job> {
        self.jobs.first().ok_or_else(|| Error::usage("nothing is named"))
    }
}

/// Checks grammar, config, profile and support, in this order.
///
/// # Errors
/// Exit 2, 3, or 7 where nothing of the call can be done.
pub fn plan(context: &Context, verb: Verb, typed: &[String], operations: &[Operation]) -> Result<Plan> {
    let mut addresses: Vec<Address> = Vec::new();
    for text in typed {
        let address: Address = text.parse()?;
        if address.run.is_some() && verb.takes_scan() {
            let scan = Address { run: None, ..address };
            return Err(Error::usage(format!("`{verb}` takes a scan, and `{text}` is a run"))
                .hint(format!("scanctl {verb} '{scan}'")));
        }
        addresses.push(address);
    }
    let mut jobs = Vec::new();
    for (index, address) in addresses.into_iter().enumerate() {
        let profile = context.profile_of(&address)?;
        jobs.push(Job { index, address: Some(address), profile });
    }
    let mut named = HashSet::new();
    if let Some(twice) = jobs.iter().map(Job::full).find(|full| !named.insert(full.clone())) {
        return Err(Error::usage(format!("`{twice}` is named twice")));
    }
    check(context, verb, jobs, operations)
}

/// Checks the support of jobs whose profiles are known.
///
/// # Errors
/// Exit 3, or 7 where nothing of the call can be done.
pub fn check(context: &Context, verb: Verb, jobs: Vec<Job>, operations: &[Operation]) -> Result<Plan> {
    let mut plan = Plan { jobs: Vec::new(), refused: Vec::new() };
    let mut unsupported = Vec::new();
    let mut able: HashMap<String, &'static Spec> = HashMap::new();
    for job in jobs {
        if able.contains_key(&job.profile) {
            plan.jobs.push(job);
            continue;
        }
        match context.require(&job.profile, operations) {
            Ok(inspected) => {
                able.insert(job.profile.clone(), inspected.spec);
                plan.jobs.push(job);
            }
            Err(error) if error.exit() == Exit::Unsupported => {
                let backend = context.inspect(&job.profile)?.spec.id;
                unsupported.push((job, backend, error));
            }
            Err(error) => return Err(error),
        }
    }
    if plan.jobs.is_empty() && !unsupported.is_empty() {
        for (job, backend, error) in unsupported {
            report_failure(&context.ui, &failed(&job, backend, verb, error));
        }
        return Err(Error::new(Exit::Unsupported, "nothing of the call can be done").with_detail(Detail::Told));
    }
    for job in &plan.jobs {
        if let (Some(spec), Some(address)) = (able.get(&job.profile), &job.address) {
            spec.runs.check(&job.profile, address, verb)?;
        }
    }
    plan.refused =
        unsupported.into_iter().map(|(job, backend, error)| (job.index, failed(&job, backend, verb, error))).collect();
    Ok(plan)
}

/// The addresses of a call, each with its profile connected, and those that cannot be worked on.
pub struct Connected {
    /// Can be worked on, in the order of the call.
    pub jobs: Vec<(Job, Rc<dyn Backend>)>,
    /// Cannot, each with its outcome.
    pub refused: Vec<(usize, Outcome)>,
}

impl std::fmt::Debug for Connected {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let jobs: Vec<&Job> = self.jobs.iter().map(|(job, _)| job).collect();
        formatter.debug_struct("Connected").field("jobs", &jobs).field("refused", &self.refused).finish()
    }
}

impl Connected {
    /// The job of a call that takes one address.
    ///
    /// # Errors
    /// Exit 2 where there is none.
    pub fn only(self) -> Result<(Job, Rc<dyn Backend>)> {
        self.jobs.into_iter().next().ok_or_else(|| Error::usage("nothing is named"))
    }

    /// Takes the job with this place in the call out, if there is one.
    pub fn take(&mut self, index: usize) -> Option<(Job, Rc<dyn Backend>)> {
        let at = self.jobs.iter().position(|(job, _)| job.index == index)?;
        Some(self.jobs.remove(at))
    }
}

/// Connects every profile of the plan once. Secrets are read here, before anything is sent.
///
/// # Errors
/// Exit 3.
pub fn connect(context: &Context, plan: Plan, operations: &[Operation], dry_run: bool) -> Result<Connected> {
    let mut backends: HashMap<String, Rc<dyn Backend>> = HashMap::new();
    let mut jobs = Vec::new();
    for job in plan.jobs {
        let backend = match backends.get(&job.profile) {
            Some(backend) => Rc::clone(backend),
            None => {
                let backend = context.connect(&job.profile, operations, dry_run)?;
                tell_composed(context, &*backend, operations);
                backends.insert(job.profile.clone(), Rc::clone(&backend));
                backend
            }
        };
        jobs.push((job, backend));
    }
    Ok(Connected { jobs, refused: plan.refused })
}

/// Says where what is asked is composed from other calls of the vendor.
fn tell_composed(context: &Context, backend: &dyn Backend, operations: &[Operation]) {
    let mut told = Vec::new();
    for operation in operations {
        if let Support::Via(how) = (backend.spec().support)(*operation, None)
            && !told.contains(&how)
        {
            told.push(how);
            context.ui.status(&format!("note: profile `{}`: {}: {how}", backend.profile(), operation.describe()));
        }
    }
}

/// Works on all jobs: profiles side by side, within one as many at a time as it allows. Outcomes are told as they
/// come and returned in the order of the call.
pub async fn each<F, W>(context: &Context, output: &Output, connected: Connected, work: W) -> Result<Exit>
where
    W: Fn(Rc<dyn Backend>, Job) -> F,
    F: Future<Output = Outcome>,
{
    let done: RefCell<Vec<(usize, OutcomeRow)>> = RefCell::default();
    let mut problem = None;
    let mut tell = |index: usize, outcome: Outcome| {
        let row = OutcomeRow(outcome);
        if let Err(error) = output.stream(&row) {
            problem.get_or_insert(error);
        }
        if !context.ui.json_errors() {
            report_failure(&context.ui, &row.0);
        }
        done.borrow_mut().push((index, row));
    };
    let Connected { mut jobs, refused } = connected;
    for (index, outcome) in refused {
        tell(index, outcome);
    }
    // Profile by profile, and each in the order of the call.
    jobs.sort_by(|(one, _), (other, _)| one.profile.cmp(&other.profile));
    let work = &work;
    // Requests queue at the profile's own gate, so waiting for one run does not hold up another.
    let mut running: FuturesUnordered<_> =
        jobs.into_iter().map(|(job, backend)| async move { (job.index, work(backend, job).await) }).collect();
    while let Some((index, outcome)) = running.next().await {
        tell(index, outcome);
    }
    drop(running);
    let mut done = done.into_inner();
    done.sort_by_key(|(index, _)| *index);
    let rows: Vec<OutcomeRow> = done.into_iter().map(|(_, row)| row).collect();
    let written = output.finish(&rows, true);
    if context.ui.json_errors() {
        for row in &rows {
            report_failure(&context.ui, &row.0);
        }
    }
    let exit = Exit::of_targets(rows.iter().map(|row| row.0.exit));
    match written.err().or(problem) {
        // What became of the scans matters more than where it could not be written.
        Some(problem) if exit == Exit::Success => Err(problem),
        Some(problem) => {
            context.ui.error(&problem);
            Ok(exit)
        }
        None => Ok(exit),
    }
}

/// Prints the error of a failed outcome, its address before it.
pub fn report_failure(ui: &Ui, outcome: &Outcome) {
    let Some(error) = &outcome.error else { return };
    if ui.json_errors() {
        cli::report(ui, error, rows::Subject::of(outcome));
        return;
    }
    ui.error(&error.clone().prefix(outcome.label()));
}

/// A new outcome of a job.
pub fn outcome(job: &Job, backend: &'static str, verb: Verb, kind: OutcomeKind) -> Outcome {
    Outcome {
        profile: job.profile.clone(),
        backend,
        verb,
        address: job.full(),
        scan: None,
        run: None,
        candidates: Vec::new(),
        kind,
        state: None,
        native_state: None,
        ended_at: None,
        message: None,
        changes: Vec::new(),
        request: None,
        request_id: None,
        error: None,
        exit: Exit::Success,
    }
}

/// The outcome of a failure, or of a dry run that came to its request.
pub fn failed(job: &Job, backend: &'static str, verb: Verb, error: Error) -> Outcome {
    let mut outcome = outcome(job, backend, verb, OutcomeKind::Failed);
    outcome.fail(error);
    outcome
}

/// How a job ended, as an exit code; what went wrong is told.
pub fn concluded(ui: &Ui, job: &Job, backend: &'static str, verb: Verb, ended: Result<Exit>) -> Exit {
    ended.unwrap_or_else(|error| {
        let failure = failed(job, backend, verb, error);
        report_failure(ui, &failure);
        failure.exit
    })
}

impl Outcome {
    /// Turns it into a failure, or into a plan if that is how a dry run ended.
    pub fn fail(&mut self, error: Error) {
        if let Detail::Planned(request) = error.detail() {
            self.kind = OutcomeKind::Planned;
            self.request = Some(request.clone());
            return;
        }
        if let Detail::Candidates(candidates) = error.detail() {
            self.candidates.clone_from(candidates);
        }
        self.kind = OutcomeKind::Failed;
        self.exit = error.exit();
        self.request_id = self.request_id.take().or_else(|| error.answer().request_id.clone());
        self.error = Some(error);
    }

    /// Takes over what a reading of the run tells.
    pub fn learn(&mut self, run: &Run) {
        self.scan = run.scan.clone().or_else(|| self.scan.take());
        self.run = run.run.clone().or_else(|| self.run.take());
        self.state = run.state;
        self.native_state.clone_from(&run.native_state);
        self.ended_at = run.ended_at.filter(|_| run.state.is_some_and(RunState::is_terminal));
        if self.scan.is_some() || self.run.is_some() {
            self.address = Address::full(&self.profile, self.scan.as_ref(), self.run.as_ref());
        }
    }

    /// Takes over what a target tells.
    pub fn aim(&mut self, target: &crate::backends::Target) {
        self.scan.clone_from(&target.scan);
        self.run.clone_from(&target.run);
        if self.scan.is_some() || self.run.is_some() {
            self.address = Address::full(&self.profile, self.scan.as_ref(), self.run.as_ref());
        }
    }
}
