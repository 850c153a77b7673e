//! What the console sends: profiles in camelCase, runs in snake_case, and a time in three notations.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use crate::backends::wire::Loose;
use crate::model::{Run, RunId, RunState, Scan, ScanId};

/// A scan profile. Every field but the id is optional; its targets cannot be read.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Profile {
    /// The number that every other call takes.
    #[serde(default)]
    pub scan_profile_id: Loose,
    /// The name; called `name` where it is written.
    #[serde(default)]
    pub scan_profile_name: Loose,
    #[serde(default)]
    description: Value,
    /// Free text.
    #[serde(default)]
    schedule: Loose,
    /// Free text without a documented vocabulary.
    #[serde(default)]
    status: Loose,
    #[serde(default)]
    progress: Loose,
    #[serde(default)]
    end_time: Value,
}

impl Profile {
    /// Its id as an address has it.
    pub fn id(&self) -> Option<ScanId> {
        self.scan_profile_id.text().map(ScanId::new)
    }

    /// Its name.
    pub fn name(&self) -> Option<String> {
        self.scan_profile_name.owned()
    }

    /// Whether that is its name. Whether the console keeps blanks around a name is not known.
    pub fn is_named(&self, name: &str) -> bool {
        self.scan_profile_name.text().is_some_and(|known| known.trim() == name.trim())
    }

    /// Its description, which may be empty; none where the console does not tell it.
    pub fn description(&self) -> Option<&str> {
        self.description.as_str()
    }

    /// When its last run ended: a serialised `java.util.Date`, of which only `time` has no traps (`year` counts from
    /// 1900, `month` from 0).
    fn ended_at(&self) -> Option<Timestamp> {
        serde_json::from_value::<Loose>(self.end_time["time"].clone()).ok()?.milliseconds()
    }

    /// The stored scan.
    pub fn scan(&self) -> Option<Scan> {
        let scan = self.id()?;
        // Whether a newer run is under way is not told here, so this is an end without a state.
        let last_run = self.ended_at().map(|ended| Run {
            scan: Some(scan.clone()),
            name: self.name(),
            native_state: self.status.owned(),
            ended_at: Some(ended),
            ..Run::default()
        });
        Some(Scan {
            scan,
            name: self.name(),
            enabled: None,
            schedule: self.schedule.owned(),
            targets: None,
            last_run,
            fields: None,
        })
    }

    /// The state of a profile that has no run.
    pub fn idle(&self, scan: &ScanId) -> Run {
        Run {
            scan: Some(scan.clone()),
            name: self.name(),
            state: Some(RunState::Idle),
            native_state: self.status.owned(),
            ..Run::default()
        }
    }

    /// Says of its runs, newest first, what only the profile tells: the name of all, word and percentage of the newest.
    pub fn describe(&self, runs: &mut [Run]) {
        for run in runs.iter_mut() {
            run.name = self.name();
        }
        if let Some(newest) = runs.first_mut() {
            self.describe_newest(newest);
        }
    }

    /// Word and percentage are the profile's, so they can only be about its newest run.
    pub fn describe_newest(&self, newest: &mut Run) {
        newest.native_state = self.status.owned();
        newest.progress = self.progress.percent().filter(|_| !newest.is_terminal());
    }
}

/// A run. It has no state: the end time alone tells whether it is over.
#[derive(Debug, Deserialize)]
pub struct RunRecord {
    /// Its id, unique within the profile.
    #[serde(default)]
    pub id: Loose,
    /// The profile's id.
    #[serde(default)]
    pub scan_profile_id: Loose,
    #[serde(default)]
    start_time: Loose,
    #[serde(default)]
    end_time: Loose,
}

impl RunRecord {
    /// The run of that profile; one without an id cannot be addressed and is left out.
    pub fn run(&self, scan: &ScanId) -> Option<Run> {
        let started_at = self.start_time.milliseconds();
        // What an unfinished run shows is not documented: null, 0, absence and an end before the start all count as none.
        let ended_at = self.end_time.milliseconds().filter(|end| started_at.is_none_or(|start| *end >= start));
        Some(Run {
            scan: Some(scan.clone()),
            run: Some(RunId::new(self.id.text()?)),
            state: Some(if ended_at.is_some() { RunState::Ended } else { RunState::Running }),
            started_at,
            ended_at,
            ..Run::default()
        })
    }
}

/// Sorts runs, newest first; the console promises no order. A run that has neither begun nor ended is the newest.
pub fn newest_first(runs: &mut [Run]) {
    runs.sort_by_key(|run| {
        let started = match run.started_at {
            None if run.ended_at.is_none() => Timestamp::MAX,
            started => started.or(run.ended_at).unwrap_or(Timestamp::MIN),
        };
        let id: Option<u64> = run.run.as_ref().and_then(|id| id.as_str().parse().ok());
        std::cmp::Reverse((started, id))
    });
}
