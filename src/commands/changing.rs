//! The shared body of the verbs that change what a vendor has stored: scans made, changed, copied and deleted; runs
//! deleted, copied, sent and imported.
//!
//! What must be read is read first and said: what is meant, what differs, what is doubtful. Then one request is sent,
//! once. A lost answer is settled by reading back, or stays unknown; what was made without being named is looked for.

use std::future::Future;
use std::rc::Rc;
use std::time::{Duration, Instant};

use super::sending::{Looked, READ_BACK, READ_BACK_PAUSE, guarded, look_until};
use super::targets::{self, Job, Plan};
use super::{confirm, waiting};
use crate::backends::change::{Applied, Change, Found, PreparedChange};
use crate::backends::definition::Draft;
use crate::backends::{Backend, Spec, Target};
use crate::cli::Global;
use crate::context::Context;
use crate::error::{Detail, Error, Result};
use crate::exit::Exit;
use crate::model::{Address, Difference, Operation, Outcome, OutcomeKind, Verb};
use crate::output::Output;
use crate::poll;
use crate::wait::Goal;

/// How long something is looked for that was made without being named, unless the call waits anyway.
const DISCOVERY: Duration = Duration::from_secs(60);

/// One call of such a verb.
pub struct Changing<'a> {
    /// The program run.
    pub context: &'a Context,
    /// Its flags.
    pub global: &'a Global,
    /// The verb.
    pub verb: Verb,
    /// What is sent is only planned.
    pub dry_run: bool,
    /// How long to follow what was made.
    pub wait: Option<&'a waiting::Flags>,
}

impl Changing<'_> {
    /// What must be supported.
    pub fn operations(&self) -> Vec<Operation> {
        let mut operations = vec![self.verb.operation()];
        operations.extend(self.wait.into_iter().flat_map(waiting::Flags::operations));
        operations
    }

    /// The plan of a call that takes no address: one job on the one selected profile, and its backend.
    ///
    /// # Errors
    /// Exit 2 for no or several profiles, 3, or 7.
    pub fn on_profile(&self) -> Result<(Plan, &'static Spec)> {
        let mut selected = self.context.selected()?;
        let (Some(profile), true) = (selected.pop(), selected.is_empty()) else {
            return Err(Error::usage(format!("`{}` works on one profile: name it with -p", self.verb)));
        };
        let spec = self.context.inspect(&profile)?.spec;
        let job = Job { index: 0, address: None, profile };
        Ok((targets::check(self.context, self.verb, vec![job], &self.operations())?, spec))
    }

    /// The plan of a call that takes one address, and its backend.
    ///
    /// # Errors
    /// Exit 2, 3, or 7.
    pub fn on_one(&self, typed: String) -> Result<(Plan, &'static Spec)> {
        let plan = targets::plan(self.context, self.verb, &[typed], &self.operations())?;
        let spec = self.context.inspect(&plan.only()?.profile)?.spec;
        Ok((plan, spec))
    }

    /// Asks before something is lost for good. Not in a dry run.
    ///
    /// # Errors
    /// Exit 2 when nobody can be asked, or the answer is no.
    pub fn ask(&self, question: &str) -> Result<()> {
        if self.dry_run { Ok(()) } else { confirm(self.context, self.global, question) }
    }

    /// Connects, and makes the change on every job.
    ///
    /// # Errors
    /// Exit 3; exit 1 when the output cannot be written.
    pub async fn run(&self, plan: Plan, output: Output, change: &Change) -> Result<Exit> {
        let output = output.no_raw()?.addresses_when_quiet();
        let connected = targets::connect(self.context, plan, &self.operations(), self.dry_run)?;
        let said = &output;
        let work = async |backend: Rc<dyn Backend>, job: Job| self.one(said, &backend, &job, change).await;
        targets::each(self.context, &output, connected, work).await
    }

    async fn one(&self, output: &Output, backend: &Rc<dyn Backend>, job: &Job, change: &Change) -> Outcome {
        let mut outcome = targets::outcome(job, backend.spec().id, self.verb, OutcomeKind::Accepted);
        let aimed = async {
            let target = match &job.address {
                Some(address) => backend.resolve(address, self.verb).await?,
                None => Target::default(),
            };
            backend.prepare_change(&target, change).await
        };
        let mut prepared = match self.guarded(aimed).await {
            Ok(prepared) => prepared,
            Err(error) => return failed(outcome, error),
        };
        outcome.aim(&prepared.target);
        outcome.changes.clone_from(&prepared.differences);
        if let Change::UpdateScan(draft) = change {
            prepared.doubts.extend(emptied(draft, &prepared.differences, &outcome.address));
        }
        if let Err(error) = self.tell(&prepared, &outcome) {
            return failed(outcome, error);
        }
        if matches!(change, Change::UpdateScan(_)) && prepared.differences.is_empty() {
            outcome.kind = OutcomeKind::Skipped;
            outcome.message = Some(format!("{} is so already; nothing was sent", prepared.target.describe()));
            self.say_address(output, &mut outcome);
            return outcome;
        }
        let sent = Instant::now();
        let applied = match self.guarded(backend.apply(&prepared)).await {
            Ok(applied) => applied,
            Err(lost) if lost.lost().is_some() => match self.read_back(&**backend, &prepared, lost).await {
                Ok(applied) => {
                    outcome.kind = OutcomeKind::Confirmed;
                    applied
                }
                Err(error) => return failed(outcome, error),
            },
            Err(planned) if matches!(planned.detail(), Detail::Planned(_)) => {
                let said = [planned.hint_text(), prepared.message.as_deref()].into_iter().flatten();
                let said: Vec<&str> = said.inspect(|text| self.context.ui.status(&format!("note: {text}"))).collect();
                let said = said.into_iter().chain(prepared.doubts.iter().map(String::as_str)).collect::<Vec<_>>();
                outcome.message = Some(said.join("; ")).filter(|said| !said.is_empty());
                return failed(outcome, self.unless_interrupted(planned));
            }
            // A signal cut the call off while the answer was under way.
            Err(error) if error.exit() == Exit::UnknownOutcome => {
                return failed(outcome, error.hint(look_hint(backend.profile(), &prepared)));
            }
            // Its file may be on its way, or there: that is no import.
            Err(error) if matches!(change, Change::ImportRun { .. }) && self.is_interruption(&error) => {
                return failed(outcome, Error::new(error.exit(), "interrupted; nothing was imported"));
            }
            Err(error) => return failed(outcome, self.unless_interrupted(error)),
        };
        self.applied(output, backend, &prepared, applied, sent, outcome).await
    }

    /// Says what is meant and what is to be known, and asks where something is doubtful.
    fn tell(&self, prepared: &PreparedChange, outcome: &Outcome) -> Result<()> {
        let ui = &self.context.ui;
        if matches!(self.verb, Verb::ScansDelete | Verb::RunsDelete) {
            ui.status(&format!("{}: {}", outcome.label(), prepared.target.describe()));
        }
        for difference in &prepared.differences {
            ui.status(&format!("{}: {}", outcome.label(), difference.describe()));
        }
        for warning in &prepared.warnings {
            ui.warn(warning);
        }
        for doubt in &prepared.doubts {
            // A yes that was given before the question is known does not silence it.
            if self.dry_run || self.global.yes {
                ui.warn(doubt);
            } else {
                confirm(self.context, self.global, doubt)?;
            }
        }
        Ok(())
    }

    /// What the vendor took: found where it has no name yet, said, and followed where that is wanted.
    async fn applied(
        &self,
        output: &Output,
        backend: &Rc<dyn Backend>,
        prepared: &PreparedChange,
        applied: Applied,
        sent: Instant,
        mut outcome: Outcome,
    ) -> Outcome {
        let asked = poll::now();
        let mut made = applied.target;
        outcome.request_id = applied.request_id;
        let mut said = None;
        if is_nothing(&made) && prepared.change.makes() {
            match self.discover(&**backend, prepared, sent, &mut outcome).await {
                Ok(Some(found)) => made = found,
                Ok(None) => said = outcome.message.take(),
                Err(error) => return failed(outcome, error),
            }
        }
        let named = !is_nothing(&made) || !prepared.change.makes();
        let mut target = if prepared.change.makes() { made } else { complete(made, &prepared.target) };
        outcome.aim(&target);
        let did = said.unwrap_or_else(|| did(&prepared.change, &prepared.target, &target, applied.shown));
        let message: Vec<String> =
            [Some(did), applied.message, prepared.message.clone()].into_iter().flatten().collect();
        self.context.ui.status(&format!("{}: {}", outcome.label(), message.join("; ")));
        // On stderr the doubts were said or asked before; whoever reads the outcome alone has not seen them.
        let message: Vec<String> = message.into_iter().chain(prepared.doubts.iter().cloned()).collect();
        outcome.message = Some(message.join("; "));
        if named {
            self.say_address(output, &mut outcome);
        }
        if let Some(signal) = self.context.interrupt.received() {
            outcome.exit = signal;
            return outcome;
        }
        if let (Some(flags), true) = (self.wait, named) {
            // One patience for the whole call: looking for the run was a part of it.
            let spent = Duration::from_secs((poll::now() - asked).as_secs());
            let left = flags.timeout().saturating_sub(spent);
            let flags = waiting::Flags { timeout: Some(left), ..flags.clone() };
            waiting::conclude(self.context, backend, &mut target, Goal::End, &flags, Some(sent), true, &mut outcome)
                .await;
        }
        outcome
    }

    /// The answer is lost: the effect settles it, or exactly one thing that is new. Absence proves nothing.
    async fn read_back(&self, backend: &dyn Backend, prepared: &PreparedChange, lost: Error) -> Result<Applied> {
        let verb = self.verb;
        self.context.ui.warn(&format!("the answer to {verb} was lost ({}); reading back", lost.message()));
        let sent = lost.lost().map_or_else(Instant::now, |lost| lost.sent);
        let seen = self.look(backend, prepared, sent, READ_BACK, READ_BACK_PAUSE).await;
        let unknown = |error: Error| error.hint(look_hint(backend.profile(), prepared));
        match seen {
            Looked::Found(Found::Seen(mut targets)) if targets.len() == 1 => Ok(Applied {
                target: targets.remove(0),
                shown: true,
                message: Some("the answer was lost; seen by reading back".to_owned()),
                request_id: None,
            }),
            Looked::Found(Found::Seen(targets)) if !targets.is_empty() => {
                let why = format!("the answer was lost, and {} things are new", targets.len());
                let error = Error::new(Exit::UnknownOutcome, why)
                    .because(lost.one_line())
                    .with_answer(lost.answer().clone())
                    .with_detail(Detail::Candidates(addresses(backend, &targets)));
                Err(unknown(error))
            }
            Looked::Found(Found::Untold) => {
                let error = lost.context(format!("{verb} was sent, its answer was lost, and nothing to read tells"));
                Err(match prepared.change {
                    // To look with a command would show nothing of it.
                    Change::UpdateScan(_) => {
                        let unread = prepared.differences.iter().filter(|difference| difference.before.is_none());
                        let unread: Vec<String> = unread.map(|difference| format!("`{}`", difference.key)).collect();
                        let unread =
                            if unread.is_empty() { "what was to be changed".to_owned() } else { unread.join(", ") };
                        error.hint(format!(
                            "{unread} cannot be read here: look in the vendor's own console before doing it again"
                        ))
                    }
                    _ => unknown(error),
                })
            }
            Looked::Found(Found::Seen(_) | Found::NotYet) | Looked::Nothing => Err(unknown(
                lost.context(format!("{verb} was sent, its answer was lost, and reading back does not show it")),
            )),
            Looked::Unread => Err(unknown(
                lost.context(format!("{verb} was sent, its answer was lost, and it could not be read back")),
            )),
        }
    }

    /// Looks for what was made without being named.
    async fn discover(
        &self,
        backend: &dyn Backend,
        prepared: &PreparedChange,
        sent: Instant,
        outcome: &mut Outcome,
    ) -> Result<Option<Target>> {
        // A call that waits anyway looks as seldom as a wait does.
        let (patience, longest) = match self.wait {
            None => (DISCOVERY, READ_BACK_PAUSE),
            Some(flags) => (flags.timeout(), backend.spec().interval.first),
        };
        self.context.ui.status("accepted; the vendor does not name what was made, looking for it");
        let said = match self.look(backend, prepared, sent, patience, longest).await {
            Looked::Found(Found::Seen(mut targets)) if targets.len() == 1 => return Ok(Some(targets.remove(0))),
            Looked::Found(Found::Seen(targets)) if !targets.is_empty() => {
                outcome.candidates = addresses(backend, &targets);
                format!("accepted; {} things are new, so which is this one is not known", targets.len())
            }
            Looked::Found(_) | Looked::Nothing => "accepted; what was made is not to be seen yet".to_owned(),
            Looked::Unread => "accepted; what was made could not be looked for".to_owned(),
        };
        if self.wait.is_some() && self.context.interrupt.received().is_none() {
            let error = Error::new(Exit::WaitEnded, said).hint(look_hint(backend.profile(), prepared));
            let candidates = outcome.candidates.clone();
            return Err(if candidates.is_empty() { error } else { error.with_detail(Detail::Candidates(candidates)) });
        }
        if self.context.ui.is_quiet() {
            self.context.ui.stderr(&format!("{}: {said}", outcome.label()));
        }
        outcome.message = Some(said);
        Ok(None)
    }

    async fn look(
        &self,
        backend: &dyn Backend,
        prepared: &PreparedChange,
        sent: Instant,
        patience: Duration,
        longest: Duration,
    ) -> Looked<Found> {
        look_until(self.context, backend, patience, longest, async || {
            Ok(match backend.find_applied(prepared, sent).await? {
                Found::NotYet => None,
                found => Some(found),
            })
        })
        .await
    }

    async fn guarded<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        guarded(self.context, work).await
    }

    /// Whether nothing but the signal is what it says.
    fn is_interruption(&self, error: &Error) -> bool {
        self.context.interrupt.received() == Some(error.exit())
    }

    fn unless_interrupted(&self, error: Error) -> Error {
        match self.context.interrupt.received() {
            Some(signal) if error.exit() != Exit::UnknownOutcome => error.with_exit(signal),
            _ => error,
        }
    }

    fn say_address(&self, output: &Output, outcome: &mut Outcome) {
        if let Err(problem) = output.address(&outcome.address) {
            outcome.exit = problem.exit();
            self.context.ui.error(&problem);
        }
    }
}

fn failed(mut outcome: Outcome, error: Error) -> Outcome {
    outcome.fail(error);
    outcome
}

fn is_nothing(target: &Target) -> bool {
    target.scan.is_none() && target.run.is_none()
}

fn complete(target: Target, from: &Target) -> Target {
    Target {
        scan: target.scan.or_else(|| from.scan.clone()),
        run: target.run.or_else(|| from.run.clone()),
        name: target.name.or_else(|| from.name.clone()),
    }
}

/// The doubts about an update that takes away what is scanned.
fn emptied(draft: &Draft, differences: &[Difference], address: &str) -> Vec<String> {
    let quoted = |keys: &[&str]| format!("`{}`", keys.join("`, `"));
    let differs = |key: &&str| differences.iter().any(|difference| difference.key == *key);
    let groups = draft.emptied().into_iter().filter(|(emptied, _)| emptied.iter().any(differs));
    let doubts = groups.map(|(emptied, others)| {
        // What the scan has of the others was not asked for, so it was not read.
        let unless = if others.is_empty() { String::new() } else { format!(" unless it has {}", quoted(&others)) };
        format!("emptying {} of {address}, which leaves it nothing to scan{unless}", quoted(&emptied))
    });
    doubts.collect()
}

/// What was done, in words; where an answer alone does not show it, what was asked for.
fn did(change: &Change, from: &Target, target: &Target, shown: bool) -> String {
    let what = target.describe();
    match change {
        Change::UpdateScan(_) if !shown => format!("asked to change {what}"),
        Change::ReimportRun(_) if !shown => format!("asked to import {what} once more"),
        // Nothing that can be read ever shows these two.
        Change::CopyRun { users } => format!("asked to copy {what} to {}", counted(users, "user")),
        Change::EmailRun { to } => format!("asked to send {what} to {}", to.join(", ")),
        Change::CreateScan(_) => format!("made {what}"),
        Change::UpdateScan(_) => format!("changed {what}"),
        Change::CopyScan(_) => format!("made {what}, a copy of {}", from.describe()),
        Change::DeleteScan | Change::DeleteRun => format!("deleted {what}"),
        Change::ImportRun { file, .. } => format!("imported {} as {what}", file.display()),
        Change::ReimportRun(_) => format!("{what} is imported once more"),
    }
}

fn counted(items: &[String], word: &str) -> String {
    let plural = if items.len() == 1 { "" } else { "s" };
    format!("{word}{plural} {}", items.join(", "))
}

/// Where to look before doing it again.
fn look_hint(profile: &str, prepared: &PreparedChange) -> String {
    let Target { scan, run, .. } = &prepared.target;
    let address = Address::full(profile, scan.as_ref(), run.as_ref());
    match &prepared.change {
        Change::CreateScan(_) | Change::CopyScan(_) => {
            format!("it may have been made: look with `scanctl scans list -p {profile}` before making it again")
        }
        Change::UpdateScan(_) | Change::DeleteScan => {
            format!("look with `scanctl scans show {address}` before doing it again")
        }
        Change::DeleteRun => format!("look with `scanctl runs show {address}` before doing it again"),
        Change::ImportRun { .. } => {
            format!("it may have been imported: look with `scanctl runs list -p {profile}` before doing it again")
        }
        Change::ReimportRun(_) => format!("look with `scanctl runs show {address}`: it tells the import's state"),
        Change::CopyRun { .. } => "the users may have it already: ask them before doing it again".to_owned(),
        Change::EmailRun { .. } => "it may have been sent: ask who should have it before sending it again".to_owned(),
    }
}

fn addresses(backend: &dyn Backend, targets: &[Target]) -> Vec<String> {
    let full = |target: &Target| Address::full(backend.profile(), target.scan.as_ref(), target.run.as_ref());
    targets.iter().map(full).collect()
}

#[cfg(test)]
mod tests;
