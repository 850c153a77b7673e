//! Runs and their states.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use super::{RunId, ScanId};

/// The state of a run in the program's own words. The vendor's word is always kept beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RunState {
    /// Defined, never run.
    Idle,
    /// Waits for a scanner.
    Queued,
    /// Being prepared.
    Starting,
    /// Scanning.
    Running,
    /// Being paused.
    Pausing,
    /// Paused; waits for a human.
    Paused,
    /// Being resumed.
    Resuming,
    /// Being stopped.
    Stopping,
    /// Scanned; results are being imported or indexed.
    Publishing,
    /// A word the program does not know. Counts as active.
    Unknown,
    /// Ended, whole.
    Completed,
    /// Ended with a part of the results.
    Partial,
    /// Ended by a user.
    Stopped,
    /// Ended by the vendor or by force.
    Aborted,
    /// Ended in an error.
    Failed,
    /// Never ran here: its results were uploaded.
    Imported,
    /// Ended; the vendor does not say how.
    Ended,
    /// There is a result; the vendor does not say of which scan, nor whether one has finished.
    ResultsAvailable,
}

impl RunState {
    /// Every state, in the order of a run's life.
    pub const ALL: [Self; 18] = [
        Self::Idle,
        Self::Queued,
        Self::Starting,
        Self::Running,
        Self::Pausing,
        Self::Paused,
        Self::Resuming,
        Self::Stopping,
        Self::Publishing,
        Self::Unknown,
        Self::Completed,
        Self::Partial,
        Self::Stopped,
        Self::Aborted,
        Self::Failed,
        Self::Imported,
        Self::Ended,
        Self::ResultsAvailable,
    ];

    /// The word in every output.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Queued => "queued",
            Self::Starting => "starting",
            Self::Running => "running",
            Self::Pausing => "pausing",
            Self::Paused => "paused",
            Self::Resuming => "resuming",
            Self::Stopping => "stopping",
            Self::Publishing => "publishing",
            Self::Unknown => "unknown",
            Self::Completed => "completed",
            Self::Partial => "partial",
            Self::Stopped => "stopped",
            Self::Aborted => "aborted",
            Self::Failed => "failed",
            Self::Imported => "imported",
            Self::Ended => "ended",
            Self::ResultsAvailable => "results_available",
        }
    }

    /// Whether the run is over. `paused` and unknown words are not an end.
    pub const fn is_terminal(self) -> bool {
        match self {
            Self::Completed
            | Self::Partial
            | Self::Stopped
            | Self::Aborted
            | Self::Failed
            | Self::Imported
            | Self::Ended
            | Self::ResultsAvailable => true,
            Self::Idle
            | Self::Queued
            | Self::Starting
            | Self::Running
            | Self::Pausing
            | Self::Paused
            | Self::Resuming
            | Self::Stopping
            | Self::Publishing
            | Self::Unknown => false,
        }
    }

    /// Whether a run in this state occupies the vendor: queued up to publishing, and words nobody knows.
    pub const fn is_active(self) -> bool {
        !self.is_terminal() && !matches!(self, Self::Idle)
    }

    /// Whether an ended run gave what was asked, as far as the vendor says.
    pub const fn succeeded(self) -> bool {
        matches!(self, Self::Completed | Self::Imported | Self::Ended | Self::ResultsAvailable)
    }
}

/// One execution of a scan, as read at one moment. What the vendor did not say is `None`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Run {
    /// The scan it belongs to, where the vendor says.
    pub scan: Option<ScanId>,
    /// Its own id, where the vendor has one.
    pub run: Option<RunId>,
    /// The scan's name.
    pub name: Option<String>,
    /// The state, where the vendor has one.
    pub state: Option<RunState>,
    /// The vendor's own word or words.
    pub native_state: Option<String>,
    /// Percent done, 0 to 100.
    pub progress: Option<u8>,
    /// When the vendor made it, where that is a time of its own: before it started.
    pub created_at: Option<Timestamp>,
    /// When it started.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// Hosts to scan.
    pub hosts_total: Option<u64>,
    /// Hosts scanned.
    pub hosts_done: Option<u64>,
    /// Something the user should know, in the vendor's words or ours.
    pub message: Option<String>,
    /// The fields that were asked for by name, as the vendor gave them.
    pub fields: Option<Value>,
    /// Whatever moves while the run moves, beyond the fields above: counters of checks, a digest of results.
    pub counters: String,
}

impl Run {
    /// What stall detection compares: a run whose mark does not change does not move.
    pub fn mark(&self) -> String {
        format!("{:?}|{:?}|{:?}|{:?}|{}", self.state, self.native_state, self.progress, self.hosts_done, self.counters)
    }

    /// Whether the run is over.
    pub fn is_terminal(&self) -> bool {
        self.state.is_some_and(RunState::is_terminal)
    }
}
