//! Following a run: until it ends, until it is where a control verb wants it, or until the patience ends.
//!
//! The wait has a deadline, asks less and less often, survives failed looks, says `paused` aloud without taking it for
//! an end, keeps words it does not know, and never touches the scan.

use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use crate::backends::{Backend, Interval, Seen, Target};
use crate::error::{Error, Result};
use crate::exit::Exit;
use crate::interrupt::Interrupt;
use crate::model::{Run, RunState};
use crate::poll::{Pace, sleep};

/// Looks that may fail one after the other before the wait gives up. Each has its own retries below it.
const FAILED_LOOKS: u32 = 20;

/// What the wait is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Goal {
    /// Any terminal state.
    End,
    /// `paused`.
    Paused,
    /// `running`.
    Running,
}

impl Goal {
    /// Whether a state is what is waited for.
    pub fn is_reached(self, state: RunState) -> bool {
        match self {
            Self::End => state.is_terminal(),
            Self::Paused => state == RunState::Paused,
            Self::Running => state == RunState::Running,
        }
    }
}

/// How long and how often.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// The whole wait.
    pub timeout: Duration,
    /// The pauses.
    pub interval: Interval,
    /// A run that does not move for this long counts as stalled.
    pub stall: Option<Duration>,
}

/// How the wait ended.
#[derive(Debug)]
pub enum End {
    /// The goal was seen.
    Reached(Run),
    /// The run ended otherwise.
    Other(Run),
    /// The time is up.
    Deadline,
    /// The run did not move.
    Stalled(Duration),
    /// A look failed for good, or too many failed in a row.
    Failed(Error),
    /// A signal came.
    Interrupted(Exit),
}

/// A wait and the last thing it saw.
#[derive(Debug)]
pub struct Ended {
    /// How it ended.
    pub end: End,
    /// The last reading.
    pub last: Option<Run>,
}

/// What the wait tells while it waits.
pub trait Watcher {
    /// A reading.
    fn saw(&self, run: &Run);

    /// A look that failed; the wait goes on.
    fn failed(&self, error: &Error, in_a_row: u32);
}

/// Follows a run.
///
/// `seen.launched` tells that this program launched it: then a reading that is older than the launch is not believed,
/// and `idle` is one of those. Without it, `idle` ends the wait, since there is nothing to wait for.
pub async fn follow(
    backend: &dyn Backend,
    target: &mut Target,
    goal: Goal,
    patience: Patience,
    mut seen: Seen,
    interrupt: &Interrupt,
    watcher: &dyn Watcher,
) -> Ended {
    let deadline = Instant::now() + patience.timeout;
    let mut pace = Pace::new(patience.interval.first, patience.interval.longest);
    let mut failed = 0;
    let mut moved = (String::new(), Instant::now());
    let end = loop {
        let look = timeout_at(deadline, look(backend, target, &seen));
        let result = tokio::select! {
            biased;
            signal = interrupt.first() => break End::Interrupted(signal),
            result = look => result,
        };
        let mut pause = pace.pause();
        match result {
            Err(_elapsed) => break End::Deadline,
            Ok(Ok(run)) => {
                failed = 0;
                target.learn(&run);
                watcher.saw(&run);
                if run.mark() != moved.0 {
                    moved = (run.mark(), Instant::now());
                }
                seen.polls += 1;
                seen.first.get_or_insert_with(|| run.clone());
                seen.last = Some(run.clone());
                match run.state {
                    Some(state) if goal.is_reached(state) => break End::Reached(run),
                    Some(state) if state.is_terminal() => break End::Other(run),
                    Some(RunState::Idle) if seen.launched.is_none() => {
                        let what = target.describe();
                        break End::Failed(Error::new(Exit::InvalidState, format!("{what} has no run to wait for")));
                    }
                    _ => {}
                }
                // A paused run waits for a human: standing still is what it is meant to do.
                let stands = run.state != Some(RunState::Paused);
                if let Some(stall) = patience.stall.filter(|stall| stands && moved.1.elapsed() >= *stall) {
                    break End::Stalled(stall);
                }
            }
            Ok(Err(error)) => {
                failed += 1;
                let passing = matches!(error.exit(), Exit::Network | Exit::Limited | Exit::BadData);
                if !passing || failed >= FAILED_LOOKS {
                    break End::Failed(error);
                }
                watcher.failed(&error, failed);
                pause = pause.max(error.retry_after().unwrap_or_default());
            }
        }
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            break End::Deadline;
        }
        tokio::select! {
            biased;
            signal = interrupt.first() => break End::Interrupted(signal),
            () = sleep(pause.min(left)) => {}
        }
    };
    Ended { end, last: seen.last }
}

/// The first look reads the whole run, so that a bare id is bound to its run; later ones are cheap.
async fn look(backend: &dyn Backend, target: &Target, seen: &Seen) -> Result<Run> {
    match (&target.run, &seen.last) {
        (None, None) => Ok(backend.status(target).await?.value),
        _ => backend.poll(target, seen).await,
    }
}
