//! The shared body of `pause`, `resume`, `stop` and `force-stop`.
//!
//! A control request is sent once, to the run that was named and no other. A refusal is explained by one reading of
//! the run; a lost answer is settled by reading back, or stays unknown.

use std::rc::Rc;
use std::time::Duration;

use super::sending::{Looked, READ_BACK, READ_BACK_PAUSE, guarded, look_until};
use super::targets::{self, Job};
use super::{confirm, waiting};
use crate::backends::{Backend, Target};
use crate::cli::Global;
use crate::context::Context;
use crate::error::{Error, Result};
use crate::exit::Exit;
use crate::model::{Address, Control, Operation, Outcome, OutcomeKind, Run, RunState};
use crate::output::Output;
use crate::wait::Goal;

/// The flags that the four verbs share.
#[derive(Debug, clap::Args)]
#[group(id = "control")]
pub struct Flags {
    /// Runs, as [PROFILE/]ID, [PROFILE/]SCAN@RUN or [PROFILE/]name:NAME
    #[arg(value_name = "RUN", required = true, add = clap_complete::ArgValueCandidates::new(super::completions::address_starts))]
    pub runs: Vec<String>,

    /// Wait until the run is where the verb wants it
    #[arg(long)]
    pub wait: bool,

    /// Patience.
    #[command(flatten)]
    pub patience: waiting::Flags,

    /// Read what the verb reads, send nothing, print what would be sent
    #[arg(short = 'n', long)]
    pub dry_run: bool,
}

/// What makes one of the four verbs.
#[derive(Debug, Clone, Copy)]
pub struct Verb {
    /// The control.
    pub control: Control,
    /// Force-stop what has not ended this long after the stop.
    pub escalate_after: Option<Duration>,
}

/// Runs one of the four verbs.
///
/// # Errors
/// What makes the whole call impossible.
pub async fn run(verb: Verb, flags: Flags, global: &Global, context: &Context) -> anyhow::Result<Exit> {
    let Flags { runs, wait, patience, dry_run } = flags;
    let control = verb.control;
    patience.need_wait(wait || verb.escalate_after.is_some())?;
    global.output().check()?;
    let mut operations = vec![Operation::Control(control)];
    if verb.escalate_after.is_some() {
        operations.push(Operation::Control(Control::ForceStop));
    }
    if wait || verb.escalate_after.is_some() {
        operations.extend(patience.operations());
    }
    let plan = targets::plan(context, control.verb(), &runs, &operations)?;
    let output = Output::open(&global.output(), &context.ui)?.no_raw()?.addresses_when_quiet();
    if !dry_run {
        let count = plan.jobs.len();
        let what = if count == 1 { "1 run".to_owned() } else { format!("{count} runs") };
        if control == Control::ForceStop {
            confirm(context, global, &format!("force-stop of {what} (unfinished work is dropped)"))?;
        } else if verb.escalate_after.is_some() {
            confirm(context, global, &format!("stop of {what}, with force-stop if it takes too long"))?;
        }
    }
    let connected = targets::connect(context, plan, &operations, dry_run)?;
    let (output_of, patience) = (&output, &patience);
    let work = async |backend: Rc<dyn Backend>, job: Job| {
        let steer = Steer { context, output: output_of, verb, patience, wait };
        steer.one(&backend, &job).await
    };
    Ok(targets::each(context, &output, connected, work).await?)
}

/// Where a verb wants the run.
const fn goal(control: Control) -> Goal {
    match control {
        Control::Pause => Goal::Paused,
        Control::Resume => Goal::Running,
        Control::Stop | Control::ForceStop => Goal::End,
    }
}

/// Whether a state shows that a verb's request was taken.
fn is_on_the_way(control: Control, state: RunState) -> bool {
    goal(control).is_reached(state)
        || match control {
            Control::Pause => state == RunState::Pausing,
            Control::Resume => state == RunState::Resuming,
            Control::Stop => state == RunState::Stopping,
            Control::ForceStop => false,
        }
}

/// Whether a verb makes sense in a state, by the vendors' own tables.
const fn fits(control: Control, state: RunState) -> bool {
    match control {
        Control::Pause => matches!(state, RunState::Running | RunState::Unknown),
        Control::Resume => matches!(state, RunState::Paused | RunState::Unknown),
        Control::Stop => matches!(
            state,
            RunState::Queued
                | RunState::Starting
                | RunState::Running
                | RunState::Pausing
                | RunState::Paused
                | RunState::Resuming
                | RunState::Unknown
        ),
        Control::ForceStop => {
            matches!(state, RunState::Stopping | RunState::Publishing | RunState::Resuming | RunState::Unknown)
        }
    }
}

struct Steer<'a> {
    context: &'a Context,
    output: &'a Output,
    verb: Verb,
    patience: &'a waiting::Flags,
    wait: bool,
}

impl Steer<'_> {
    async fn one(&self, backend: &Rc<dyn Backend>, job: &Job) -> Outcome {
        let control = self.verb.control;
        let mut outcome = targets::outcome(job, backend.spec().id, control.verb(), OutcomeKind::Accepted);
        let Some(address) = &job.address else { return outcome };
        let mut target = match guarded(self.context, backend.resolve(address, control.verb())).await {
            Ok(target) => target,
            Err(error) => {
                outcome.fail(error);
                return outcome;
            }
        };
        outcome.aim(&target);
        if !self.send(backend, control, &mut target, &mut outcome).await {
            return outcome;
        }
        if let Some(after) = self.verb.escalate_after
            && !self.escalate(backend, after, &mut target, &mut outcome).await
        {
            return outcome;
        }
        if self.wait && outcome.kind == OutcomeKind::Accepted {
            let goal = goal(control);
            outcome.message = None;
            waiting::conclude(self.context, backend, &mut target, goal, self.patience, None, true, &mut outcome).await;
            outcome.message.get_or_insert_with(|| target.describe());
        }
        outcome
    }

    /// Sends one control request; false when there is nothing left to do or to wait for.
    async fn send(
        &self,
        backend: &Rc<dyn Backend>,
        control: Control,
        target: &mut Target,
        outcome: &mut Outcome,
    ) -> bool {
        let verb = control.verb();
        match guarded(self.context, backend.control(target, control)).await {
            Ok(controlled) => {
                *target = Target {
                    scan: controlled.target.scan.or_else(|| target.scan.take()),
                    run: controlled.target.run.or_else(|| target.run.take()),
                    name: controlled.target.name.or_else(|| target.name.take()),
                };
                outcome.aim(target);
                outcome.request_id = controlled.request_id;
                outcome.message = Some(match controlled.message {
                    Some(message) => format!("{}; {message}", target.describe()),
                    None => target.describe(),
                });
                self.context.ui.status(&format!("{verb} accepted: {}: {}", outcome.address, target.describe()));
                self.say_address(outcome);
            }
            Err(error) => {
                let result = match error.lost() {
                    Some(_) => self.read_back(backend, control, target, error).await,
                    None if error.refused() => self.explain(backend, control, target, error, outcome).await,
                    None => Err(error),
                };
                match result {
                    Ok((kind, run, message)) => {
                        target.learn(&run);
                        outcome.learn(&run);
                        outcome.kind = kind;
                        self.context.ui.status(&format!("{}: {message}", outcome.address));
                        outcome.message = Some(message);
                        self.say_address(outcome);
                    }
                    Err(error) => {
                        let interrupted = self.context.interrupt.received();
                        let signal = interrupted.filter(|_| error.exit() != Exit::UnknownOutcome);
                        outcome.fail(error);
                        outcome.exit = signal.unwrap_or(outcome.exit);
                        return false;
                    }
                }
            }
        }
        if let Some(signal) = self.context.interrupt.received() {
            outcome.exit = signal;
            return false;
        }
        outcome.kind == OutcomeKind::Accepted
    }

    /// A refusal: where the run is already, that is no failure; where it cannot be steered so, that is said.
    async fn explain(
        &self,
        backend: &Rc<dyn Backend>,
        control: Control,
        target: &Target,
        refused: Error,
        outcome: &mut Outcome,
    ) -> Result<(OutcomeKind, Run, String)> {
        let Ok(reading) = guarded(self.context, backend.status(target)).await else { return Err(refused) };
        let run = reading.value;
        let Some(state) = run.state else { return Err(refused) };
        let word = run.native_state.clone().unwrap_or_else(|| state.name().to_owned());
        let mut named = target.clone();
        named.learn(&run);
        outcome.learn(&run);
        if goal(control).is_reached(state) {
            return Ok((OutcomeKind::Skipped, run, format!("{} is {word} already", named.describe())));
        }
        let stop_of_paused =
            control == Control::Stop && state == RunState::Paused && refused.exit() == Exit::InvalidState;
        if fits(control, state) && !stop_of_paused {
            return Err(refused);
        }
        let error = refused
            .context(format!("cannot {}: {} is {word}", control.verb(), named.describe()))
            .with_exit(Exit::InvalidState);
        let address = outcome.address.clone();
        Err(match (control, state) {
            (Control::Stop, RunState::Paused) => error.hint(
                "this vendor does not stop a paused run; resume it yourself first if it may scan on, or let it lie",
            ),
            (Control::Stop, RunState::Stopping | RunState::Publishing) => error.hint(format!(
                "it is ending; for one that hangs, where the backend has it: `scanctl force-stop {address}`"
            )),
            (Control::ForceStop, RunState::Running | RunState::Queued | RunState::Starting | RunState::Paused) => {
                error.hint(format!("stop it first: `scanctl stop {address}`"))
            }
            _ => error,
        })
    }

    /// The answer is lost: the wanted state, or one on the way to it, settles the matter.
    async fn read_back(
        &self,
        backend: &Rc<dyn Backend>,
        control: Control,
        target: &Target,
        lost: Error,
    ) -> Result<(OutcomeKind, Run, String)> {
        self.context.ui.warn(&format!("the answer to {} was lost ({}); reading back", control.verb(), lost.message()));
        let found = look_until(self.context, &**backend, READ_BACK, READ_BACK_PAUSE, async || {
            let run = backend.status(target).await?.value;
            Ok(run.state.filter(|state| is_on_the_way(control, *state)).map(|state| (state, run)))
        });
        let shows = match found.await {
            Looked::Found((state, run)) => {
                let seen = goal(control).is_reached(state);
                let kind = if seen { OutcomeKind::Confirmed } else { OutcomeKind::Accepted };
                let word = run.native_state.clone().unwrap_or_else(|| state.name().to_owned());
                return Ok((kind, run, format!("the answer was lost; the run is {word}")));
            }
            Looked::Nothing => "does not show it",
            Looked::Unread => "could not be read",
        };
        Err(lost
            .context(format!("{} was sent, its answer was lost, and the run's state {shows}", control.verb()))
            .hint(format!("look with `scanctl status {}` before doing it again", address_of(&**backend, target))))
    }

    /// Waits for the stop and force-stops what does not end in time. False when there is nothing left to do.
    async fn escalate(
        &self,
        backend: &Rc<dyn Backend>,
        after: Duration,
        target: &mut Target,
        outcome: &mut Outcome,
    ) -> bool {
        let flags =
            waiting::Flags { timeout: Some(after), on_timeout: waiting::OnTimeout::Leave, ..self.patience.clone() };
        if !waiting::conclude(self.context, backend, target, Goal::End, &flags, None, true, outcome).await {
            return false;
        }
        self.context.ui.status(&format!("{}: not ended in time, force-stopping it", outcome.address));
        outcome.error = None;
        outcome.exit = Exit::Success;
        outcome.kind = OutcomeKind::Accepted;
        self.send(backend, Control::ForceStop, target, outcome).await
    }

    fn say_address(&self, outcome: &mut Outcome) {
        if let Err(problem) = self.output.address(&outcome.address) {
            outcome.exit = problem.exit();
            self.context.ui.error(&problem);
        }
    }
}

/// The target as an address.
fn address_of(backend: &dyn Backend, target: &Target) -> String {
    Address::full(backend.profile(), target.scan.as_ref(), target.run.as_ref())
}
