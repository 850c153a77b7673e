//! One run of a scan and its time line. A run moves by itself: whoever looks at it first says what time it is.
//!
//! Not for who may do what in which state as a request; `control` maps refusals to answers.

use super::imported::Upload;

/// How long states last at the vendor's own pace, in seconds. Recorded one-host scans took 68 to 142 from launch to
/// running, 33 to 89 to pause, 43 to 72 to resume and 127 to 251 to stop.
mod pace {
    pub const INITIALIZING: f64 = 4.0;
    pub const PENDING: f64 = 96.0;
    pub const RUNNING: f64 = 1000.0;
    pub const PAUSING: f64 = 60.0;
    pub const RESUMING: f64 = 60.0;
    pub const STOPPING: f64 = 180.0;
    pub const PUBLISHING: f64 = 100.0;
    /// The service gives up on what no scanner takes for four hours.
    pub const LONGEST_PENDING: f64 = 4.0 * 3600.0;
    /// The service gives up on what stays paused for fourteen days.
    pub const LONGEST_PAUSED: f64 = 14.0 * 86400.0;
}

/// The vendor's words for what a run is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    Initializing,
    Pending,
    Running,
    Pausing,
    Paused,
    Resuming,
    Stopping,
    Publishing,
    Completed,
    Canceled,
    Aborted,
    Imported,
}

impl State {
    /// The native word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Initializing => "initializing",
            Self::Pending => "pending",
            Self::Running => "running",
            Self::Pausing => "pausing",
            Self::Paused => "paused",
            Self::Resuming => "resuming",
            Self::Stopping => "stopping",
            Self::Publishing => "publishing",
            Self::Completed => "completed",
            Self::Canceled => "canceled",
            Self::Aborted => "aborted",
            Self::Imported => "imported",
        }
    }

    /// The vendor's own definition: anything that is not over.
    pub fn active(self) -> bool {
        !matches!(self, Self::Completed | Self::Canceled | Self::Aborted | Self::Imported)
    }
}

/// What becomes of a run that nobody touches.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Fate {
    /// It completes.
    Completes,
    /// The scanner gives up at this share of the work.
    Breaks(f64),
    /// No scanner ever takes it.
    Waits,
}

/// One run.
#[derive(Debug, Clone)]
pub struct Run {
    /// An ordinary UUID; 52 characters for an import.
    pub uuid: String,
    /// Eight digits.
    pub history_id: u64,
    /// The how-manieth run of its scan, from 1.
    pub ordinal: u32,
    /// What is scanned, comma separated.
    pub targets: String,
    /// Whether the launch named targets of its own.
    pub custom_targets: bool,
    /// `ps`, `remote` or `agent`; imports have none.
    pub kind: Option<&'static str>,
    /// Whether a schedule launched it.
    pub scheduled: bool,
    /// Unix seconds of the launch.
    pub launched: f64,
    /// What it is doing.
    pub state: State,
    /// Unix seconds since when.
    pub since: f64,
    /// Seconds of work done before `since`.
    pub worked: f64,
    /// What becomes of it.
    pub fate: Fate,
    /// Results that came with a file instead of a scan.
    pub upload: Option<Upload>,
    /// Divides the durations above.
    pub speed: f64,
}

impl Run {
    /// Moves on to `now`.
    pub fn advance(&mut self, now: f64) {
        while let Some((lasts, next)) = self.next() {
            let at = self.since + lasts;
            if at > now {
                return;
            }
            self.enter(next, at);
        }
    }

    /// How long this state lasts in all, and what comes after it.
    fn next(&self) -> Option<(f64, State)> {
        let (seconds, next) = match (self.state, self.fate) {
            (State::Initializing, _) => (pace::INITIALIZING, State::Pending),
            (State::Pending, Fate::Waits) => (pace::LONGEST_PENDING, State::Aborted),
            (State::Pending, _) => (pace::PENDING, State::Running),
            (State::Running, Fate::Breaks(share)) => return Some((self.work() * share - self.worked, State::Aborted)),
            (State::Running, _) => return Some((self.work() - self.worked, State::Publishing)),
            (State::Pausing, _) => (pace::PAUSING, State::Paused),
            (State::Paused, _) => (pace::LONGEST_PAUSED, State::Aborted),
            (State::Resuming, _) => (pace::RESUMING, State::Running),
            (State::Stopping, _) => (pace::STOPPING, State::Canceled),
            (State::Publishing, _) => (pace::PUBLISHING, State::Completed),
            (State::Completed | State::Canceled | State::Aborted | State::Imported, _) => return None,
        };
        Some((seconds / self.speed, next))
    }

    /// Seconds that the whole scanning takes.
    fn work(&self) -> f64 {
        pace::RUNNING / self.speed
    }

    /// Goes over to another state at that moment.
    pub fn enter(&mut self, state: State, at: f64) {
        if self.state == State::Running {
            self.worked += at - self.since;
        }
        self.state = state;
        self.since = at;
    }

    /// The share of the work that is done; stands still unless running.
    pub fn share(&self, now: f64) -> f64 {
        if matches!(self.state, State::Publishing | State::Completed | State::Imported) {
            return 1.0;
        }
        let running = if self.state == State::Running { now - self.since } else { 0.0 };
        ((self.worked + running) / self.work()).clamp(0.0, 1.0)
    }

    /// Percent as the vendor counts it: finished tasks, one for each 120 addresses or part of them. A small scan
    /// jumps from 0 to 100.
    pub fn progress(&self, now: f64) -> u64 {
        let tasks = addresses(&self.targets).div_ceil(120).max(1);
        let finished = (0..tasks).filter(|task| self.share(now) * count(tasks) >= count(task + 1)).count();
        100 * u64::try_from(finished).unwrap_or(100) / tasks
    }

    /// Unix seconds of the end, once there is one.
    pub fn ended(&self) -> Option<i64> {
        (!self.state.active()).then(|| whole(self.since))
    }

    /// The word that the history has for this run. It lags: a run that is `initializing` everywhere else is already
    /// listed as `pending`.
    pub fn history_word(&self) -> &'static str {
        if self.state == State::Initializing { State::Pending.word() } else { self.state.word() }
    }

    /// After 35 days hosts and findings can only be had by an export.
    pub fn archived(&self, now: f64) -> bool {
        self.older(now, 35.0)
    }

    /// Whether it ended more than so many days ago. Real days: time stamps do not follow the speed.
    pub fn older(&self, now: f64, days: f64) -> bool {
        !self.state.active() && now - self.since > days * 86400.0
    }
}

/// Unix seconds without the fraction.
#[expect(clippy::cast_possible_truncation, reason = "times of this century")]
pub fn whole(seconds: f64) -> i64 {
    seconds.floor() as i64
}

#[expect(clippy::cast_precision_loss, reason = "small counts")]
fn count(number: u64) -> f64 {
    number as f64
}

/// How many addresses comma-separated targets stand for.
pub fn addresses(targets: &str) -> u64 {
    targets
        .split([',', ' ', '\n'])
        .filter(|target| !target.is_empty())
        .map(|target| {
            if let Some((address, length)) = target.split_once('/')
                && address.parse::<std::net::Ipv4Addr>().is_ok()
                && let Ok(length @ 0..=32) = length.parse::<u32>()
            {
                return 1_u64 << (32 - length);
            }
            if let Some((first, last)) = target.split_once('-')
                && let (Ok(first), Ok(last)) = (first.parse::<std::net::Ipv4Addr>(), last.parse::<std::net::Ipv4Addr>())
                && first <= last
            {
                return u64::from(u32::from(last) - u32::from(first)) + 1;
            }
            1
        })
        .sum()
}

#[cfg(test)]
pub mod tests {
    use super::*;

    pub fn run(speed: f64, targets: &str, fate: Fate) -> Run {
        Run {
            uuid: "u".to_owned(),
            history_id: 1,
            ordinal: 1,
            targets: targets.to_owned(),
            custom_targets: false,
            kind: Some("ps"),
            scheduled: false,
            launched: 1000.0,
            state: State::Initializing,
            since: 1000.0,
            worked: 0.0,
            fate,
            upload: None,
            speed,
        }
    }

    fn words(run: &mut Run, times: &[f64]) -> Vec<&'static str> {
        times
            .iter()
            .map(|time| {
                run.advance(1000.0 + time);
                run.state.word()
            })
            .collect()
    }

    #[test]
    fn a_run_left_alone_takes_twenty_minutes() {
        let mut left_alone = run(1.0, "192.0.2.1", Fate::Completes);
        assert_eq!(
            words(&mut left_alone, &[0.0, 3.9, 4.0, 99.9, 100.0, 1099.9, 1100.0, 1199.9, 1200.0, 1e9]),
            [
                "initializing",
                "initializing",
                "pending",
                "pending",
                "running",
                "running",
                "publishing",
                "publishing",
                "completed",
                "completed"
            ]
        );
        assert_eq!(left_alone.ended(), Some(2200));
    }

    #[test]
    fn speed_divides_durations_and_looking_late_changes_no_time() {
        let mut quick = run(100.0, "192.0.2.1", Fate::Completes);
        quick.advance(99999.0);
        assert_eq!((quick.state, quick.ended()), (State::Completed, Some(1012)));
    }

    #[test]
    fn work_and_progress_stand_still_while_paused() {
        let mut paused = run(1.0, "10.0.0.0/22", Fate::Completes);
        paused.advance(1600.0);
        assert_eq!(paused.progress(1600.0), 44);
        paused.enter(State::Pausing, 1600.0);
        paused.advance(1660.0);
        assert_eq!((paused.state, paused.progress(9000.0)), (State::Paused, 44));
        paused.enter(State::Resuming, 9000.0);
        paused.advance(9060.0);
        assert_eq!((paused.state, paused.progress(9060.0)), (State::Running, 44));
        paused.advance(9559.0);
        assert_eq!(paused.state, State::Running);
        paused.advance(9560.0);
        assert_eq!((paused.state, paused.progress(9560.0)), (State::Publishing, 100));
    }

    #[test]
    fn a_small_scan_is_one_task() {
        let mut small = run(1.0, "192.0.2.1", Fate::Completes);
        small.advance(2099.0);
        assert_eq!(small.progress(2099.0), 0);
        small.advance(2100.0);
        assert_eq!(small.progress(2100.0), 100);
    }

    #[test]
    fn the_service_gives_up() {
        let mut waiting = run(1.0, "192.0.2.1", Fate::Waits);
        assert_eq!(words(&mut waiting, &[4.0 + 4.0 * 3600.0 - 1.0, 4.0 + 4.0 * 3600.0]), ["pending", "aborted"]);
        let mut breaking = run(1.0, "192.0.2.1", Fate::Breaks(0.4));
        assert_eq!(words(&mut breaking, &[499.0, 500.0]), ["running", "aborted"]);
        let mut paused = run(1.0, "192.0.2.1", Fate::Completes);
        paused.advance(1200.0);
        paused.enter(State::Paused, 1200.0);
        assert_eq!(words(&mut paused, &[200.0 + 14.0 * 86400.0 - 1.0, 200.0 + 14.0 * 86400.0]), ["paused", "aborted"]);
        assert_eq!(paused.share(1e12), 0.1);
    }

    #[test]
    fn addresses_are_counted() {
        assert_eq!(addresses("192.0.2.0/24, host.example.org,192.0.2.1-192.0.2.10"), 267);
        assert_eq!(addresses(""), 0);
    }
}
