//! The life of one run as a list of dated states, so that what it was at any moment can be asked: the instance shows
//! now, Director shows a while ago. Not for ids, names or rights.

/// How long the states of a run last at normal speed, in seconds.
mod lasting {
    pub(super) const QUEUED: f64 = 4.0;
    pub(super) const PREPARING: f64 = 4.0;
    pub(super) const RESOLVING: f64 = 4.0;
    pub(super) const VERIFYING: f64 = 4.0;
    pub(super) const INITIALIZING: f64 = 4.0;
    pub(super) const RUNNING: f64 = 1200.0;
    pub(super) const AGENTS: f64 = 300.0;
    pub(super) const PAUSING: f64 = 30.0;
    pub(super) const RESUMING: f64 = 30.0;
    pub(super) const STOPPING: f64 = 60.0;
    pub(super) const BEFORE_IMPORT: f64 = 3.0;
    pub(super) const IMPORT_PENDING: f64 = 5.0;
    pub(super) const IMPORTING: f64 = 12.0;
}

/// The words of `status`. There is none for "stopped": a stopped scan is Partial.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::sandbox) enum Status {
    /// Waiting for the job daemon.
    Queued,
    /// Being put together.
    Preparing,
    /// Names of targets are looked up.
    ResolvingHostnames,
    /// Targets are held against the user's range and the repository's.
    VerifyingTargets,
    /// Work is handed out.
    InitializingScanners,
    /// At work.
    Running,
    /// On the way to Paused.
    Pausing,
    /// Standing still.
    Paused,
    /// On the way back to Running.
    Resuming,
    /// On the way to Partial.
    Stopping,
    /// Over, all done.
    Completed,
    /// Over, not all done.
    Partial,
    /// Over, with a reason in `errorDetails`.
    Error,
}

impl Status {
    /// As the wire says it.
    pub(in crate::sandbox) fn word(self) -> &'static str {
        match self {
            Self::Queued => "Queued",
            Self::Preparing => "Preparing",
            Self::ResolvingHostnames => "Resolving Hostnames",
            Self::VerifyingTargets => "Verifying Targets",
            Self::InitializingScanners => "Initializing Scanners",
            Self::Running => "Running",
            Self::Pausing => "Pausing",
            Self::Paused => "Paused",
            Self::Resuming => "Resuming",
            Self::Stopping => "Stopping",
            Self::Completed => "Completed",
            Self::Partial => "Partial",
            Self::Error => "Error",
        }
    }

    /// Whether the scanner has nothing more to do. What is paused is not over.
    pub(in crate::sandbox) fn is_over(self) -> bool {
        matches!(self, Self::Completed | Self::Partial | Self::Error)
    }
}

/// The words of `importStatus`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::sandbox) enum Import {
    /// Nothing yet, or nothing at all: the two look alike.
    NoResults,
    /// Waiting.
    Pending,
    /// Being read into the repository.
    Importing,
    /// In the repository.
    Finished,
    /// Refused by the repository.
    Error,
}

impl Import {
    /// As the wire says it.
    pub(in crate::sandbox) fn word(self) -> &'static str {
        match self {
            Self::NoResults => "No Results",
            Self::Pending => "Import Pending",
            Self::Importing => "Importing",
            Self::Finished => "Finished",
            Self::Error => "Error",
        }
    }
}

/// How an import ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::sandbox) enum Outlook {
    /// In the repository.
    Imported,
    /// Never begun.
    Discarded,
    /// Refused by the repository.
    Refused,
}

/// The dated states of one run.
#[derive(Debug, Clone)]
pub(in crate::sandbox) struct Timeline {
    speed: f64,
    states: Vec<(f64, Status)>,
    imports: Vec<(f64, Import)>,
    /// Whether a scanner worked on it here: agent results and uploads come finished.
    scanned: bool,
}

impl Timeline {
    /// A run that is launched at `at`; with `fails` it ends in Error once its targets are verified.
    pub(in crate::sandbox) fn launched(at: f64, speed: f64, fails: bool) -> Self {
        let mut timeline = Self { speed, states: Vec::new(), imports: Vec::new(), scanned: true };
        let mut time = at;
        for (status, lasts) in [
            (Status::Queued, lasting::QUEUED),
            (Status::Preparing, lasting::PREPARING),
            (Status::ResolvingHostnames, lasting::RESOLVING),
            (Status::VerifyingTargets, lasting::VERIFYING),
        ] {
            timeline.states.push((time, status));
            time += lasts / speed;
        }
        if fails {
            timeline.states.push((time, Status::Error));
        } else {
            timeline.states.push((time, Status::InitializingScanners));
            time += lasting::INITIALIZING / speed;
            timeline.work_from(time);
        }
        timeline
    }

    /// A run of the past, with the times it was started and finished.
    pub(in crate::sandbox) fn past(created: f64, lasted: f64, end: Status, outlook: Outlook, speed: f64) -> Self {
        let start = created + 6.0;
        let states = match end {
            Status::Error => vec![(created, Status::Queued), (start, Status::Error)],
            _ => vec![(created, Status::Queued), (start, Status::Running), (start + lasted, end)],
        };
        let mut timeline = Self { speed, states, imports: Vec::new(), scanned: true };
        if end != Status::Error {
            timeline.import_from(start + lasted, outlook, 1.0);
        }
        timeline
    }

    /// An agent scan launched at `at`: it has fewer states, and no scanner works on it here.
    pub(in crate::sandbox) fn agents(at: f64, speed: f64) -> Self {
        let start = at + lasting::QUEUED / speed;
        let end = start + lasting::AGENTS / speed;
        let states = vec![(at, Status::Queued), (start, Status::Running), (end, Status::Completed)];
        let mut timeline = Self { speed, states, imports: Vec::new(), scanned: false };
        timeline.import_from(end, Outlook::Imported, speed);
        timeline
    }

    /// An upload or an agent result: over before it is seen, only the import takes time.
    pub(in crate::sandbox) fn delivered(at: f64, outlook: Outlook, speed: f64) -> Self {
        let mut timeline = Self { speed, states: vec![(at, Status::Completed)], imports: Vec::new(), scanned: false };
        timeline.import_from(at, outlook, speed);
        timeline
    }

    /// The state at that time. Before the first state there is only the first.
    pub(in crate::sandbox) fn status(&self, at: f64) -> Status {
        at_time(&self.states, at).unwrap_or(Status::Queued)
    }

    /// The state of the import at that time.
    pub(in crate::sandbox) fn import(&self, at: f64) -> Import {
        at_time(&self.imports, at).unwrap_or(Import::NoResults)
    }

    /// When the scanner began, if it had by then.
    pub(in crate::sandbox) fn started(&self, at: f64) -> Option<f64> {
        first(&self.states, at, |status| status == Status::Running)
    }

    /// When it was over, if it was by then.
    pub(in crate::sandbox) fn finished(&self, at: f64) -> Option<f64> {
        first(&self.states, at, Status::is_over)
    }

    /// When the last import began, if it had by then.
    pub(in crate::sandbox) fn import_started(&self, at: f64) -> Option<f64> {
        last(&self.imports, at, |import| import == Import::Importing)
    }

    /// When the last import ended, if it had by then and nothing new has begun.
    pub(in crate::sandbox) fn import_finished(&self, at: f64) -> Option<f64> {
        last(&self.imports, at, |import| matches!(import, Import::Finished | Import::Error))
            .filter(|_| matches!(self.import(at), Import::Finished | Import::Error))
    }

    /// How much of the work was done by then, 0 to 1. It grows in Running alone.
    pub(in crate::sandbox) fn share(&self, at: f64) -> f64 {
        if self.status(at) == Status::Completed {
            return 1.0;
        }
        let worked: f64 = self
            .states
            .iter()
            .enumerate()
            .filter(|(_, (since, status))| *status == Status::Running && *since <= at)
            .map(|(index, (since, _))| self.states.get(index + 1).map_or(at, |(next, _)| next.min(at)) - since)
            .sum();
        (worked * self.speed / lasting::RUNNING).clamp(0.0, 1.0)
    }

    /// Whether a scanner of this product worked, or works, on it.
    pub(in crate::sandbox) fn was_scanned(&self) -> bool {
        self.scanned
    }

    /// Pauses what is Running. False where that is not so.
    pub(in crate::sandbox) fn pause(&mut self, at: f64) -> bool {
        self.turn(at, &[Status::Running], |timeline| {
            timeline.states.push((at, Status::Pausing));
            timeline.states.push((at + lasting::PAUSING / timeline.speed, Status::Paused));
        })
    }

    /// Resumes what is Paused. False where that is not so.
    pub(in crate::sandbox) fn resume(&mut self, at: f64) -> bool {
        self.turn(at, &[Status::Paused], |timeline| {
            timeline.states.push((at, Status::Resuming));
            timeline.work_from(at + lasting::RESUMING / timeline.speed);
        })
    }

    /// Stops what is not over yet. False where it is over, or stopping already.
    pub(in crate::sandbox) fn stop(&mut self, at: f64, outlook: Outlook) -> bool {
        use Status::{
            InitializingScanners, Paused, Pausing, Preparing, Queued, ResolvingHostnames, Resuming, Running,
            VerifyingTargets,
        };
        let stoppable = [
            Queued,
            Preparing,
            ResolvingHostnames,
            VerifyingTargets,
            InitializingScanners,
            Running,
            Pausing,
            Paused,
            Resuming,
        ];
        let any_data = self.share(at) > 0.0;
        self.turn(at, &stoppable, |timeline| {
            let end = at + lasting::STOPPING / timeline.speed;
            timeline.states.push((at, Status::Stopping));
            timeline.states.push((end, Status::Partial));
            timeline.import_from(end, if any_data { outlook } else { Outlook::Discarded }, timeline.speed);
        })
    }

    /// Imports once more what is over.
    pub(in crate::sandbox) fn import_again(&mut self, at: f64, speed: f64) {
        self.imports.retain(|(since, _)| *since <= at);
        self.import_from(at, Outlook::Imported, speed);
    }

    fn turn(&mut self, at: f64, from: &[Status], change: impl FnOnce(&mut Self)) -> bool {
        let fits = from.contains(&self.status(at));
        if fits {
            // What lay ahead will not happen.
            self.states.retain(|(since, _)| *since <= at);
            self.imports.retain(|(since, _)| *since <= at);
            change(self);
        }
        fits
    }

    fn work_from(&mut self, at: f64) {
        let rest = (1.0 - self.share(at)) * lasting::RUNNING / self.speed;
        self.states.push((at, Status::Running));
        self.states.push((at + rest, Status::Completed));
        self.import_from(at + rest, Outlook::Imported, self.speed);
    }

    fn import_from(&mut self, at: f64, outlook: Outlook, speed: f64) {
        let last = match outlook {
            Outlook::Discarded => return,
            Outlook::Imported => Import::Finished,
            Outlook::Refused => Import::Error,
        };
        let mut time = at + lasting::BEFORE_IMPORT / speed;
        for (import, lasts) in
            [(Import::Pending, lasting::IMPORT_PENDING), (Import::Importing, lasting::IMPORTING), (last, 0.0)]
        {
            self.imports.push((time, import));
            time += lasts / speed;
        }
    }
}

fn at_time<T: Copy>(steps: &[(f64, T)], at: f64) -> Option<T> {
    steps.iter().rev().find(|(since, _)| *since <= at).map(|(_, step)| *step)
}

fn first<T: Copy>(steps: &[(f64, T)], at: f64, wanted: impl Fn(T) -> bool) -> Option<f64> {
    steps.iter().find(|(since, step)| *since <= at && wanted(*step)).map(|(since, _)| *since)
}

fn last<T: Copy>(steps: &[(f64, T)], at: f64, wanted: impl Fn(T) -> bool) -> Option<f64> {
    steps.iter().rev().find(|(since, step)| *since <= at && wanted(*step)).map(|(since, _)| *since)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_goes_through_all_its_states_and_is_imported_last() {
        let run = Timeline::launched(1000.0, 1.0, false);
        let seen: Vec<_> =
            [0.0, 4.0, 8.0, 12.0, 16.0, 20.0, 1220.0].map(|after| run.status(1000.0 + after).word()).into();
        assert_eq!(
            seen,
            [
                "Queued",
                "Preparing",
                "Resolving Hostnames",
                "Verifying Targets",
                "Initializing Scanners",
                "Running",
                "Completed"
            ]
        );
        let imports: Vec<_> =
            [0.0, 1220.0, 1223.0, 1228.0, 1240.0].map(|after| run.import(1000.0 + after).word()).into();
        assert_eq!(imports, ["No Results", "No Results", "Import Pending", "Importing", "Finished"]);
        assert_eq!(run.started(1019.0), None);
        assert_eq!(run.started(1020.0), Some(1020.0));
        assert_eq!(run.finished(2219.0), None);
        assert_eq!(run.finished(2221.0), Some(2220.0));
        assert_eq!(run.import_started(3000.0), Some(2228.0));
        assert_eq!(run.import_finished(3000.0), Some(2240.0));
    }

    #[test]
    fn progress_stands_still_while_paused() {
        let mut run = Timeline::launched(0.0, 1.0, false);
        assert!(run.pause(320.0));
        assert_eq!(run.status(320.0), Status::Pausing);
        assert_eq!(run.status(350.0), Status::Paused);
        assert_eq!(run.share(350.0), 0.25);
        assert_eq!(run.share(90_000.0), 0.25);
        assert!(run.resume(90_000.0));
        assert_eq!(run.status(90_000.0), Status::Resuming);
        assert_eq!(run.status(90_030.0), Status::Running);
        assert_eq!(run.share(90_330.0), 0.5);
        assert_eq!(run.status(90_929.0), Status::Running);
        assert_eq!(run.status(90_930.0), Status::Completed);
        assert_eq!(run.started(90_930.0), Some(20.0), "a pause does not begin it anew");
        assert_eq!(run.status(100.0), Status::Running, "the past stays as it was");
    }

    #[test]
    fn speed_shortens_every_state() {
        let mut run = Timeline::launched(0.0, 100.0, false);
        assert_eq!(run.status(0.2), Status::Running);
        assert_eq!(run.status(12.2), Status::Completed);
        assert!(run.pause(6.2));
        assert_eq!(run.share(60.0), 0.5);
        assert_eq!(run.status(6.5), Status::Paused);
    }

    #[test]
    fn what_is_stopped_ends_partial() {
        let mut run = Timeline::launched(0.0, 1.0, false);
        assert!(run.pause(30.0));
        assert!(run.stop(100.0, Outlook::Imported));
        assert_eq!(run.status(100.0), Status::Stopping);
        assert_eq!(run.status(160.0), Status::Partial);
        assert_eq!(run.import(200.0), Import::Finished);
        assert!(!run.stop(120.0, Outlook::Imported), "stopping already");
        assert!(!run.stop(200.0, Outlook::Imported), "over");

        let mut early = Timeline::launched(0.0, 1.0, false);
        assert!(early.stop(2.0, Outlook::Imported));
        assert_eq!(early.import(9000.0), Import::NoResults, "nothing was scanned, nothing is imported");
    }

    #[test]
    fn wrong_states_change_nothing() {
        let mut run = Timeline::launched(0.0, 1.0, false);
        assert!(!run.pause(10.0), "not running yet");
        assert!(!run.resume(100.0), "not paused");
        assert!(run.pause(100.0));
        assert!(!run.pause(140.0), "paused already");
        assert!(!run.resume(110.0), "still pausing");
        let failed = Timeline::launched(0.0, 1.0, true);
        assert_eq!(failed.status(16.0), Status::Error);
        assert_eq!(failed.started(99.0), None);
        assert_eq!(failed.finished(99.0), Some(16.0));
        assert_eq!(failed.import(9000.0), Import::NoResults);
    }

    #[test]
    fn imports_can_be_repeated() {
        let mut run = Timeline::past(0.0, 100.0, Status::Completed, Outlook::Imported, 1.0);
        assert_eq!(run.import(1000.0), Import::Finished);
        run.import_again(1000.0, 10.0);
        assert_eq!(run.import(1000.0), Import::Finished);
        assert_eq!(run.import(1000.4), Import::Pending);
        assert_eq!(run.import(1001.0), Import::Importing);
        assert_eq!(run.import_finished(1001.0), None);
        assert_eq!(run.import_finished(1003.0), Some(1002.0));
    }
}
