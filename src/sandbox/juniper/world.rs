//! The console's profiles and runs, and how a run passes with time.
//!
//! A run is fixed when it is accepted: when it begins, when it ends, what it scans. Asking later only reads this, so
//! nothing has to tick.

use super::{java, targets};
use serde_json::{Value, json};
use std::net::IpAddr;

/// From the acceptance of a start until its run is listed.
const QUEUED_SECONDS: f64 = 6.0;
/// How long the scanner takes for anything at all.
const SCAN_SECONDS: f64 = 600.0;
/// How much longer for each address.
const SECONDS_PER_ADDRESS: f64 = 4.0;
const DAY: f64 = 86_400.0;

/// Profiles with their runs.
pub(super) struct World {
    speed: f64,
    pub(super) profiles: Vec<Profile>,
    next_profile: i64,
    next_run: i64,
}

/// A scan profile. Its targets can be written, never read back.
pub(super) struct Profile {
    pub(super) id: i64,
    pub(super) name: String,
    pub(super) description: String,
    pub(super) hosts: Vec<String>,
    scan_type: &'static str,
    scanner: &'static str,
    schedule: &'static str,
    runs: Vec<Run>,
}

/// One execution of a profile.
pub(super) struct Run {
    pub(super) id: i64,
    pub(super) addresses: Vec<IpAddr>,
    accepted: f64,
    start: f64,
    end: f64,
    last_word: &'static str,
}

impl World {
    /// A console that has been in use for some weeks, seen at `now`.
    pub(super) fn seeded(now: f64, speed: f64) -> Self {
        let mut world = Self { speed, profiles: Vec::new(), next_profile: 21, next_run: 441 };
        let perimeter = world.seed(2, "Perimeter weekly", &["192.0.2.10-192.0.2.29"]);
        perimeter.description = "All that faces the Internet.\nOwner: network operations".to_owned();
        perimeter.schedule = "Every Sunday at 02:00";
        perimeter.past(402, now - 16.0 * DAY, 1_934.25, "Completed");
        perimeter.past(417, now - 9.0 * DAY, 14.5, "Failed: no scanner was free");
        perimeter.past(431, now - 2.0 * DAY, 2_011.75, "Completed");
        let centre = world.seed(5, "Data centre, full", &["10.100.85.1-10.100.85.40", "10.100.86.7"]);
        centre.scan_type = "Full scan";
        centre.scanner = "Scanner 2 :: jsa-vis-2";
        centre.past(398, now - 20.0 * DAY, 7_424.0, "Completed");
        centre.past(433, now - 1.0 * DAY, 2_650.5, "Stopped by admin");
        let going = centre.accept(440, &[], now - 180.0 / speed, speed);
        going.start = going.accepted;
        let quarterly = world.seed(3, "PCI quarterly", &["10.100.85.135"]);
        quarterly.scan_type = "PCI scan";
        quarterly.schedule = "Disabled";
        quarterly.past(377, now - 74.0 * DAY, 655.125, "Completed");
        let branch = world.seed(8, "New branch office", &["10.20.30.1-10.20.30.12"]);
        branch.description = "Waits for the first on-demand scan".to_owned();
        let silent = world.seed(13, "Decommissioned net", &["198.51.100.1-198.51.100.20"]);
        silent.past(409, now - 12.0 * DAY, 701.0, "Completed");
        world
    }

    fn seed(&mut self, id: i64, name: &str, hosts: &[&str]) -> &mut Profile {
        let hosts = hosts.iter().map(|host| (*host).to_owned()).collect();
        self.add(Profile::new(id, name.to_owned(), String::new(), hosts))
    }

    fn add(&mut self, profile: Profile) -> &mut Profile {
        self.profiles.push(profile);
        let last = self.profiles.len() - 1;
        &mut self.profiles[last]
    }

    /// Creates a profile; names need not be unique.
    pub(super) fn create(&mut self, name: String, description: String, hosts: Vec<String>) {
        let id = self.next_profile;
        self.next_profile += 1;
        self.add(Profile::new(id, name, description, hosts));
    }

    pub(super) fn profile(&self, id: i64) -> Option<&Profile> {
        self.profiles.iter().find(|profile| profile.id == id)
    }

    pub(super) fn profile_mut(&mut self, id: i64) -> Option<&mut Profile> {
        self.profiles.iter_mut().find(|profile| profile.id == id)
    }

    /// Starts a profile on its own or on other targets. `None` if there is no such profile.
    pub(super) fn start(&mut self, id: i64, hosts: &[String], now: f64) -> Option<Started> {
        let (run, speed) = (self.next_run, self.speed);
        let profile = self.profile_mut(id)?;
        if profile.runs.iter().any(|run| run.is_going(now)) {
            return Some(Started::AlreadyGoing);
        }
        profile.accept(run, hosts, now, speed);
        self.next_run += 1;
        Some(Started::Accepted)
    }
}

/// What came of a start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Started {
    /// A run will be listed soon.
    Accepted,
    /// The profile has a run that has not ended.
    AlreadyGoing,
}

impl Profile {
    fn new(id: i64, name: String, description: String, hosts: Vec<String>) -> Self {
        Self {
            id,
            name,
            description,
            hosts,
            scan_type: "Discovery scan",
            scanner: "Controller :: jsa-console",
            schedule: "Manual",
            runs: Vec::new(),
        }
    }

    fn past(&mut self, id: i64, start: f64, seconds: f64, last_word: &'static str) {
        let found_nothing = seconds < 60.0;
        let addresses = if found_nothing { Vec::new() } else { targets::expand(&self.hosts) };
        self.runs.push(Run { id, addresses, accepted: start, start, end: start + seconds, last_word });
    }

    fn accept(&mut self, id: i64, hosts: &[String], now: f64, speed: f64) -> &mut Run {
        let addresses = targets::expand(if hosts.is_empty() { &self.hosts } else { hosts });
        let count = u32::try_from(addresses.len()).unwrap_or(u32::MAX);
        let start = now + QUEUED_SECONDS / speed;
        let end = start + (SCAN_SECONDS + SECONDS_PER_ADDRESS * f64::from(count)) / speed;
        self.runs.push(Run { id, addresses, accepted: now, start, end, last_word: "Completed" });
        let last = self.runs.len() - 1;
        &mut self.runs[last]
    }

    /// The runs that are listed, in an order that is neither that of ids nor that of time.
    pub(super) fn runs(&self, now: f64) -> Vec<&Run> {
        let mut runs: Vec<&Run> = self.runs.iter().filter(|run| run.start <= now).collect();
        runs.sort_by_key(|run| (run.id % 10, run.id));
        runs
    }

    pub(super) fn run(&self, id: i64, now: f64) -> Option<&Run> {
        self.runs.iter().find(|run| run.id == id && run.start <= now)
    }

    /// The newest run that has ended.
    pub(super) fn last_ended(&self, now: f64) -> Option<&Run> {
        self.runs.iter().filter(|run| run.end <= now).max_by(|one, other| one.end.total_cmp(&other.end))
    }

    /// The five members of the old listing.
    pub(super) fn brief(&self) -> Value {
        json!({
            "scanProfileId": self.id,
            "scanProfileName": self.name,
            "description": self.description,
            "scanType": self.scan_type,
            "scannerName": self.scanner,
        })
    }

    /// All members. A profile that never ran has no end time, and an interval that says it is none.
    pub(super) fn full(&self, now: f64) -> Value {
        let mut all = self.brief();
        let newest = self.runs.iter().max_by(|one, other| one.accepted.total_cmp(&other.accepted));
        let (status, progress) = newest.map_or(("Never scanned", 0), |run| run.word(now));
        all["schedule"] = json!(self.schedule);
        all["status"] = json!(status);
        all["progress"] = json!(progress);
        all["duration"] = java::no_interval();
        if let Some(ended) = self.last_ended(now) {
            all["endTime"] = java::date(ended.end);
            all["duration"] = java::interval(ended.end - ended.start);
        }
        all
    }
}

impl Run {
    pub(super) fn is_going(&self, now: f64) -> bool {
        self.accepted <= now && now < self.end
    }

    /// When it ended, in milliseconds.
    pub(super) fn ended_at(&self) -> i64 {
        java::milliseconds(self.end)
    }

    /// Start and end alone: a run has neither state nor progress. What has not ended shows 0.
    pub(super) fn object(&self, profile: i64, now: f64) -> Value {
        json!({
            "id": self.id,
            "scan_profile_id": profile,
            "start_time": java::milliseconds(self.start),
            "end_time": if self.end <= now { self.ended_at() } else { 0 },
        })
    }

    /// The words and percentage that the profile shows while this is its newest run.
    fn word(&self, now: f64) -> (&'static str, i64) {
        if now >= self.end {
            return (self.last_word, if self.last_word == "Completed" { 100 } else { 41 });
        }
        if now < self.start {
            return ("Waiting for a scanner", 0);
        }
        #[expect(clippy::cast_possible_truncation, reason = "between 0 and 100")]
        let percent = (100.0 * (now - self.start) / (self.end - self.start)).floor() as i64;
        let status = match percent {
            ..15 => "Running: looking for hosts",
            15..90 => "Running: vulnerability checks",
            _ => "Running: storing results",
        };
        (status, percent.min(99))
    }
}
