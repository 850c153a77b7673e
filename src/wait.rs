//! Following a run: until it ends, until it is where a control verb wants it, or until the patience ends.
//!
//! The wait has a deadline, asks less and less often, survives failed looks, says `paused` aloud without taking it for
//! an end, keeps words it does not know, and never touches the scan.

use std::time::Duration;

use tokio::time::timeout;

use crate::backends::{Backend, Interval, Seen, Target};
use crate::error::Error;
use crate::exit::Exit;
use crate::interrupt::Interrupt;
use crate::model::{Run, RunState};
use crate::poll::{Pace, now, sleep};

/// Looks that may fail one after the other before the wait gives up. Each has its own retries below it.
const FAILED_LOOKS: u32 = 20;

/// What the last look, at the deadline itself, may take: a run that has ended by then is not missed.
const LAST_LOOK: Duration = Duration::from_secs(5);

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
    let deadline = now() + patience.timeout;
    let left = || deadline.saturating_duration_since(now());
    let mut pace = Pace::new(patience.interval.first, patience.interval.longest);
    let mut failed = 0;
    let mut moved = (String::new(), now());
    let end = loop {
        let look = timeout(left().max(LAST_LOOK), backend.poll(target, &seen));
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
                    moved = (run.mark(), now());
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
                if let Some(stall) = patience.stall.filter(|stall| stands && now() - moved.1 >= *stall) {
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
        if left().is_zero() {
            break End::Deadline;
        }
        tokio::select! {
            biased;
            signal = interrupt.first() => break End::Interrupted(signal),
            () = sleep(pause.min(left())) => {}
        }
    };
    Ended { end, last: seen.last }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::time::{Duration, Instant};

    use async_trait::async_trait;

    use super::{End, Goal, Patience, Watcher, follow};
    use crate::backends::change::{Applied, Change, Found, PreparedChange};
    use crate::backends::report::{ExportOrder, Fetch, Report};
    use crate::backends::{
        Backend, Controlled, Identity, Interval, Launched, Order, Prepared, REGISTRY, Reading, RunQuery, ScanQuery,
        Seen, Spec, Target,
    };
    use crate::error::{Error, Result};
    use crate::exit::Exit;
    use crate::interrupt::Interrupt;
    use crate::model::{Address, Control, Run, RunState, Scan, Verb};

    /// A run whose readings are scripted; the last one repeats.
    struct Scripted {
        readings: RefCell<Vec<Result<Run>>>,
        looks: RefCell<Vec<tokio::time::Instant>>,
    }

    fn run(state: RunState) -> Result<Run> {
        Ok(Run { state: Some(state), ..Run::default() })
    }

    fn failure(exit: Exit) -> Result<Run> {
        Err(Error::new(exit, "scripted"))
    }

    #[async_trait(?Send)]
    impl Backend for Scripted {
        fn spec(&self) -> &'static Spec {
            REGISTRY[0]
        }

        fn profile(&self) -> &str {
            "scripted"
        }

        fn is_loopback(&self) -> bool {
            true
        }

        async fn status(&self, _target: &Target) -> Result<Reading<Run>> {
            self.looks.borrow_mut().push(tokio::time::Instant::now());
            let mut readings = self.readings.borrow_mut();
            let next = if readings.len() > 1 { readings.remove(0) } else { Ok(readings[0].as_ref().unwrap().clone()) };
            Ok(Reading::new(next?, Vec::new()))
        }

        async fn identity(&self) -> Result<Identity> {
            unreachable!()
        }

        async fn resolve(&self, _address: &Address, _verb: Verb) -> Result<Target> {
            unreachable!()
        }

        async fn prepare(&self, _target: &Target, _order: &Order) -> Result<Prepared> {
            unreachable!()
        }

        async fn launch(&self, _prepared: &Prepared) -> Result<Launched> {
            unreachable!()
        }

        async fn find_launched(&self, _prepared: &Prepared, _sent: Instant) -> Result<Vec<Run>> {
            unreachable!()
        }

        async fn active_runs(&self, _target: &Target) -> Result<Vec<Run>> {
            unreachable!()
        }

        async fn control(&self, _target: &Target, _control: Control) -> Result<Controlled> {
            unreachable!()
        }

        async fn results<'a>(&'a self, _target: &Target, _fetch: &Fetch<'_>) -> Result<Report<'a>> {
            unreachable!()
        }
        async fn export<'a>(&'a self, _: &Target, _: &ExportOrder, _: &Fetch<'_>) -> Result<Report<'a>> {
            unreachable!()
        }
        async fn active(&self) -> Result<Reading<Vec<Run>>> {
            unreachable!()
        }

        async fn scans(&self, _query: &ScanQuery) -> Result<Reading<Vec<Scan>>> {
            unreachable!()
        }

        async fn scan(&self, _target: &Target, _query: &ScanQuery) -> Result<Reading<Scan>> {
            unreachable!()
        }

        async fn runs(&self, _target: Option<&Target>, _query: &RunQuery) -> Result<Reading<Vec<Run>>> {
            unreachable!()
        }

        async fn prepare_change(&self, _target: &Target, _change: &Change) -> Result<PreparedChange> {
            unreachable!()
        }

        async fn apply(&self, _prepared: &PreparedChange) -> Result<Applied> {
            unreachable!()
        }

        async fn find_applied(&self, _prepared: &PreparedChange, _sent: Instant) -> Result<Found> {
            unreachable!()
        }

        async fn close(&self) {}
    }

    #[derive(Default)]
    struct Told(RefCell<Vec<String>>);

    impl Watcher for Told {
        fn saw(&self, run: &Run) {
            self.0.borrow_mut().push(run.state.map_or("none", RunState::name).to_owned());
        }

        fn failed(&self, _error: &Error, in_a_row: u32) {
            self.0.borrow_mut().push(format!("failed {in_a_row}"));
        }
    }

    struct Waited {
        end: End,
        told: Vec<String>,
        pauses: Vec<u64>,
    }

    async fn waited(
        goal: Goal,
        readings: Vec<Result<Run>>,
        timeout: u64,
        stall: Option<u64>,
        launched: bool,
    ) -> Waited {
        let backend = Scripted { readings: RefCell::new(readings), looks: RefCell::default() };
        let patience = Patience {
            timeout: Duration::from_secs(timeout),
            interval: Interval { first: Duration::from_secs(10), longest: Duration::from_secs(60) },
            stall: stall.map(Duration::from_secs),
        };
        let told = Told::default();
        let seen = Seen { launched: launched.then(Instant::now), ..Seen::default() };
        let mut target = Target::default();
        let ended = follow(&backend, &mut target, goal, patience, seen, &Interrupt::default(), &told).await;
        let looks = backend.looks.into_inner();
        let pauses = looks.windows(2).map(|pair| (pair[1] - pair[0]).as_secs()).collect();
        Waited { end: ended.end, told: told.0.into_inner(), pauses }
    }

    #[tokio::test(start_paused = true)]
    async fn paused_and_unknown_are_waited_through() {
        use RunState::{Completed, Paused, Queued, Running, Unknown};
        let readings = vec![run(Queued), run(Running), run(Paused), run(Unknown), run(Running), run(Completed)];
        let waited = waited(Goal::End, readings, 3600, None, false).await;
        assert!(matches!(waited.end, End::Reached(_)), "{:?}", waited.end);
        assert_eq!(waited.told, ["queued", "running", "paused", "unknown", "running", "completed"]);
        assert!(
            waited.pauses.windows(2).all(|pair| pair[1] + 3 >= pair[0]) && waited.pauses[4] > waited.pauses[0],
            "{:?}",
            waited.pauses
        );
    }

    #[tokio::test(start_paused = true)]
    async fn failed_looks_are_survived_and_counted() {
        let readings = vec![
            run(RunState::Running),
            failure(Exit::Network),
            failure(Exit::Limited),
            failure(Exit::BadData),
            run(RunState::Aborted),
        ];
        let waited = waited(Goal::End, readings, 3600, None, false).await;
        assert!(matches!(&waited.end, End::Reached(run) if run.state == Some(RunState::Aborted)));
        assert_eq!(waited.told, ["running", "failed 1", "failed 2", "failed 3", "aborted"]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_refusal_ends_the_wait_at_once() {
        let waited = waited(
            Goal::End,
            vec![run(RunState::Running), failure(Exit::Auth), run(RunState::Completed)],
            3600,
            None,
            false,
        )
        .await;
        assert!(matches!(&waited.end, End::Failed(error) if error.exit() == Exit::Auth));
    }

    #[tokio::test(start_paused = true)]
    async fn failures_without_end_end_before_the_deadline() {
        let mut readings: Vec<Result<Run>> = (0..50).map(|_| failure(Exit::Network)).collect();
        readings.push(run(RunState::Completed));
        let waited = waited(Goal::End, readings, 86_400, None, false).await;
        assert!(matches!(&waited.end, End::Failed(error) if error.exit() == Exit::Network));
        assert_eq!(waited.told.len(), 19);
    }

    #[tokio::test(start_paused = true)]
    async fn the_deadline_is_kept_to_the_second_and_looked_at_last() {
        let start = tokio::time::Instant::now();
        let waited = waited(Goal::End, vec![run(RunState::Running)], 100, None, false).await;
        assert!(matches!(waited.end, End::Deadline));
        assert_eq!(start.elapsed().as_secs(), 100);
    }

    #[tokio::test(start_paused = true)]
    async fn a_run_that_does_not_move_is_stalled_and_a_paused_one_is_not() {
        let stalled = waited(Goal::End, vec![run(RunState::Running)], 86_400, Some(300), false).await;
        assert!(matches!(stalled.end, End::Stalled(_)));
        let paused = waited(Goal::End, vec![run(RunState::Paused)], 3600, Some(300), false).await;
        assert!(matches!(paused.end, End::Deadline));
    }

    #[tokio::test(start_paused = true)]
    async fn another_end_than_the_wanted_state_is_told_apart() {
        let other =
            waited(Goal::Paused, vec![run(RunState::Pausing), run(RunState::Completed)], 3600, None, false).await;
        assert!(matches!(other.end, End::Other(_)));
        let reached =
            waited(Goal::Paused, vec![run(RunState::Pausing), run(RunState::Paused)], 3600, None, false).await;
        assert!(matches!(reached.end, End::Reached(_)));
    }

    #[tokio::test(start_paused = true)]
    async fn idle_is_nothing_to_wait_for_unless_this_program_launched_it() {
        let nothing = waited(Goal::End, vec![run(RunState::Idle)], 3600, None, false).await;
        assert!(matches!(&nothing.end, End::Failed(error) if error.exit() == Exit::InvalidState));
        let stale = waited(Goal::End, vec![run(RunState::Idle), run(RunState::Completed)], 3600, None, true).await;
        assert!(matches!(stale.end, End::Reached(_)));
    }
}
