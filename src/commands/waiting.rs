//! What every waiting command shares: the flags of patience, what is shown meanwhile, and how an end becomes an outcome.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use super::sending::guarded;
use crate::backends::{Backend, Interval, Seen, Spec, Target};
use crate::config::settings::duration;
use crate::context::Context;
use crate::error::{Detail, Error, Result};
use crate::exit::Exit;
use crate::model::{Control, Operation, Outcome, OutcomeKind, Run, RunState};
use crate::poll;
use crate::ui::{Progress, Ui};
use crate::wait::{self, End, Ended, Goal, Patience, Watcher};

/// How long to wait, how often to look, what to do at the end of the patience.
#[derive(Debug, Clone, clap::Args)]
pub struct Flags {
    /// Give up waiting after this long, 24h unless told otherwise; the scan goes on (exit 12)
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    pub timeout: Option<Duration>,

    /// Look this often instead of at the backend's own growing interval
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    pub interval: Option<Duration>,

    /// What to do with the run when the patience ends: sent once, then exit 12
    #[arg(long, value_name = "WHAT", default_value = "leave", hide_default_value = true)]
    pub on_timeout: OnTimeout,

    /// Give up when neither state nor counters move for this long
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    pub stall_timeout: Option<Duration>,
}

/// What to do with a run when the patience ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum OnTimeout {
    /// Nothing.
    #[default]
    Leave,
    /// Stop it.
    Stop,
    /// Pause it.
    Pause,
}

impl OnTimeout {
    /// The control that is sent.
    pub const fn control(self) -> Option<Control> {
        match self {
            Self::Leave => None,
            Self::Stop => Some(Control::Stop),
            Self::Pause => Some(Control::Pause),
        }
    }
}

/// How long a wait may take unless told otherwise.
const TIMEOUT: Duration = Duration::from_secs(24 * 60 * 60);

/// A duration flag.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let read = duration(text).ok_or_else(|| "write it as `90s`, `10m` or `2h30m`".to_owned())?;
    if read.is_zero() { Err("it must be longer than nothing".to_owned()) } else { Ok(read) }
}

impl Flags {
    /// The whole wait.
    pub fn timeout(&self) -> Duration {
        self.timeout.unwrap_or(TIMEOUT)
    }

    /// Refuses patience that nobody will need: a limit that is not kept is worse than none.
    ///
    /// # Errors
    /// Exit 2 where a flag was given and the call does not wait.
    pub fn need_wait(&self, waits: bool) -> Result<()> {
        let Self { timeout, interval, on_timeout, stall_timeout } = self;
        let given = [
            ("--timeout", timeout.is_some()),
            ("--interval", interval.is_some()),
            ("--on-timeout", *on_timeout != OnTimeout::Leave),
            ("--stall-timeout", stall_timeout.is_some()),
        ];
        match given.into_iter().find(|(_, given)| *given && !waits) {
            Some((flag, _)) => Err(Error::usage(format!("`{flag}` needs `--wait`"))),
            None => Ok(()),
        }
    }

    /// What the waiting itself may ask of a backend.
    pub fn operations(&self) -> Vec<Operation> {
        let mut operations = vec![Operation::Wait];
        operations.extend(self.on_timeout.control().map(Operation::Control));
        operations
    }

    /// The patience towards one backend. An interval below the backend's own is raised, and said.
    pub fn patience(&self, ui: &Ui, backend: &dyn Backend) -> Patience {
        let spec: &Spec = backend.spec();
        let interval = match self.interval {
            None => spec.interval,
            Some(wanted) if wanted < spec.interval.first && !backend.is_loopback() => {
                ui.warn(&format!(
                    "--interval is raised to {} s: profile `{}` is not asked more often",
                    spec.interval.first.as_secs(),
                    backend.profile()
                ));
                Interval { first: spec.interval.first, longest: spec.interval.first }
            }
            Some(wanted) => Interval { first: wanted, longest: wanted },
        };
        Patience { timeout: self.timeout(), interval, stall: self.stall_timeout }
    }
}

/// Shows a wait on stderr.
struct Show<'a> {
    ui: &'a Ui,
    address: String,
    progress: Progress,
    started: tokio::time::Instant,
    goal: Goal,
    odd_words: RefCell<Vec<String>>,
}

impl<'a> Show<'a> {
    fn new(ui: &'a Ui, address: &str, goal: Goal) -> Self {
        Self {
            ui,
            address: address.to_owned(),
            progress: ui.progress(address),
            started: poll::now(),
            goal,
            odd_words: RefCell::default(),
        }
    }
}

/// Whole minutes and seconds, as people say them.
fn elapsed(since: tokio::time::Instant) -> String {
    let seconds = (poll::now() - since).as_secs();
    if seconds < 60 { format!("{seconds}s") } else { format!("{}m{:02}s", seconds / 60, seconds % 60) }
}

impl Watcher for Show<'_> {
    fn saw(&self, run: &Run) {
        let native = run.native_state.as_deref();
        let mut text = match (run.state, native) {
            (Some(RunState::Unknown), Some(word)) => {
                let mut words = self.odd_words.borrow_mut();
                if !words.iter().any(|known| known == word) {
                    words.push(word.to_owned());
                    self.ui.warn(&format!(
                        "{}: the vendor says \"{word}\", which is not a known state; it is taken as active",
                        self.address
                    ));
                }
                format!("unknown ({word})")
            }
            (Some(state), Some(word)) if !word.eq_ignore_ascii_case(state.name()) => {
                format!("{} ({word})", state.name())
            }
            (Some(state), _) => state.name().to_owned(),
            (None, Some(word)) => word.to_owned(),
            (None, None) => run.message.clone().unwrap_or_else(|| "no state".to_owned()),
        };
        if let Some(percent) = run.progress {
            text.push_str(&format!(" {percent}%"));
        }
        if run.state == Some(RunState::Paused) && self.goal != Goal::Paused {
            // Said at every look: somebody has to resume it.
            text.push_str(&format!(", still waiting after {}", elapsed(self.started)));
        }
        self.progress.show(self.ui, &text);
    }

    fn failed(&self, error: &Error, in_a_row: u32) {
        self.ui.warn(&format!("{}: look {in_a_row} in a row failed, waiting on: {}", self.address, error.one_line()));
    }
}

/// Follows a run and writes what came of it into the outcome. `accepted` tells that this call changed something before,
/// so that no failure of the waiting may look like one that can be repeated. True when the patience ended.
#[expect(
    clippy::too_many_arguments,
    reason = "each is a different thing, and a struct of them would be built once a call"
)]
pub async fn conclude(
    context: &Context,
    backend: &Rc<dyn Backend>,
    target: &mut Target,
    goal: Goal,
    flags: &Flags,
    launched: Option<Instant>,
    accepted: bool,
    outcome: &mut Outcome,
) -> bool {
    let patience = flags.patience(&context.ui, &**backend);
    let show = Show::new(&context.ui, &outcome.address, goal);
    let seen = Seen { launched, ..Seen::default() };
    let Ended { end, last } = wait::follow(&**backend, target, goal, patience, seen, &context.interrupt, &show).await;
    drop(show);
    if let Some(run) = &last {
        outcome.learn(run);
    }
    outcome.aim(target);
    let follow = format!("follow it with `scanctl wait {}`", outcome.address);
    let goes_on = format!("the scan goes on; {follow}");
    let time_is_up = matches!(end, End::Deadline | End::Stalled(_));
    match end {
        End::Reached(run) => reached(outcome, goal, &run),
        End::Other(run) => {
            let word = run.native_state.as_deref().or(run.state.map(RunState::name)).unwrap_or("over");
            let error = Error::new(Exit::InvalidState, format!("the run ended before that: {word}"));
            outcome.fail(error);
        }
        End::Deadline => {
            let why = ended_without(last.as_ref(), flags.timeout());
            outcome.fail(after_patience(context, backend, target, flags, why, &outcome.address).await);
        }
        End::Stalled(stall) => {
            let why = format!("nothing moved for {}", human(stall));
            outcome.fail(after_patience(context, backend, target, flags, why, &outcome.address).await);
        }
        End::Failed(error) if accepted => {
            outcome.fail(error.prefix("the waiting ended").with_exit(Exit::WaitEnded).hint(goes_on));
        }
        End::Failed(error) => outcome.fail(error),
        End::Interrupted(signal) => {
            const INTERRUPTED: &str = "interrupted; the scan goes on";
            context.writes.close(signal);
            outcome.message = Some(INTERRUPTED.to_owned());
            if outcome.kind == OutcomeKind::Confirmed {
                // A wait is that from the start, and nothing was seen.
                outcome.fail(Error::new(signal, INTERRUPTED).hint(follow));
            } else {
                context.ui.hint(&goes_on);
                outcome.exit = signal;
            }
        }
    }
    time_is_up
}

fn reached(outcome: &mut Outcome, goal: Goal, run: &Run) {
    outcome.kind = OutcomeKind::Confirmed;
    let Some(state) = run.state else { return };
    match state {
        RunState::Ended => outcome.message = Some("ended; the vendor does not say how".to_owned()),
        RunState::ResultsAvailable => {
            outcome.message =
                Some("results are available; the vendor does not say whether the scan has finished".to_owned());
        }
        _ => {}
    }
    if run.message.is_some() {
        outcome.message.clone_from(&run.message);
    }
    if goal == Goal::End
        && !state.succeeded()
        && !matches!(outcome.verb, crate::model::Verb::Stop | crate::model::Verb::ForceStop)
    {
        let word = run.native_state.as_deref().unwrap_or(state.name());
        let mut error = Error::new(Exit::EndedBadly, format!("the run ended {} ({word})", state.name()));
        if let Some(message) = &run.message {
            error = error.because(message.clone());
        }
        outcome.fail(error);
    }
}

fn human(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, 0, 0) => format!("{} ms", duration.as_millis()),
        (0, 0, seconds) => format!("{seconds}s"),
        (0, minutes, 0) => format!("{minutes}m"),
        (0, minutes, seconds) => format!("{minutes}m{seconds}s"),
        (hours, 0, 0) => format!("{hours}h"),
        (hours, minutes, _) => format!("{hours}h{minutes}m"),
    }
}

fn ended_without(last: Option<&Run>, timeout: Duration) -> String {
    let state = match last {
        Some(Run { state: Some(state), native_state, .. }) => {
            let native = native_state.as_deref().filter(|word| !word.eq_ignore_ascii_case(state.name()));
            format!("the run is still {}{}", state.name(), native.map(|word| format!(" ({word})")).unwrap_or_default())
        }
        Some(Run { message: Some(message), .. }) => message.clone(),
        _ => "no state was read".to_owned(),
    };
    format!("waited {}, and {state}", human(timeout))
}

/// What `--on-timeout` asks for, sent once; its answer is part of the message, and the hint is how to go on from there.
async fn after_patience(
    context: &Context,
    backend: &Rc<dyn Backend>,
    target: &Target,
    flags: &Flags,
    why: String,
    address: &str,
) -> Error {
    let goes_on = format!("the scan goes on; follow it with `scanctl wait {address}`");
    let Some(control) = flags.on_timeout.control() else { return Error::new(Exit::WaitEnded, why).hint(goes_on) };
    let word = control.verb();
    let result = guarded(context, backend.control(target, control)).await;
    let error = match &result {
        Ok(_) => {
            let hint = match flags.on_timeout {
                OnTimeout::Pause => {
                    format!("`scanctl resume {address}` lets it go on, and `scanctl wait {address}` follows it")
                }
                OnTimeout::Stop | OnTimeout::Leave => format!("`scanctl wait {address}` follows it to its end"),
            };
            Error::new(Exit::WaitEnded, format!("{why}; {word} was accepted")).hint(hint)
        }
        Err(problem) => {
            let what = match problem.detail() {
                Detail::Lost(_) => "was sent, and its answer was lost",
                Detail::Refused => "was refused",
                _ => "did not work",
            };
            let hint = match problem.detail() {
                Detail::Lost(_) => format!("look with `scanctl status {address}`"),
                _ => goes_on,
            };
            Error::new(Exit::WaitEnded, format!("{why}; {word} {what}")).because(problem.one_line()).hint(hint)
        }
    };
    let error = match (context.interrupt.received(), result) {
        (None, _) => error,
        (Some(_), Err(problem)) if problem.exit() == Exit::UnknownOutcome => error.with_exit(Exit::UnknownOutcome),
        (Some(signal), _) => error.with_exit(signal),
    };
    context.ui.status(&format!("{}: {}", target.describe(), error.one_line()));
    error
}
