//! What became of one address of a launch, control or wait.

use jiff::Timestamp;

use super::{Difference, RunId, RunState, ScanId, Verb};
use crate::error::{Error, PlannedRequest};
use crate::exit::Exit;

/// How far an operation came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OutcomeKind {
    /// The vendor took the request; its effect was not seen.
    Accepted,
    /// The wanted state was seen.
    Confirmed,
    /// Nothing was sent because nothing was to be done.
    Skipped,
    /// A dry run: this is what would have been sent.
    Planned,
    /// It did not work, or it ended badly.
    Failed,
}

impl OutcomeKind {
    /// Every kind.
    pub const ALL: [Self; 5] = [Self::Accepted, Self::Confirmed, Self::Skipped, Self::Planned, Self::Failed];

    /// The word in every output.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Confirmed => "confirmed",
            Self::Skipped => "skipped",
            Self::Planned => "planned",
            Self::Failed => "failed",
        }
    }
}

/// What became of one address.
#[derive(Debug)]
pub struct Outcome {
    /// The profile whose address it is (of the instance, where a Director launched there).
    pub profile: String,
    /// That profile's backend.
    pub backend: &'static str,
    /// What was asked.
    pub verb: Verb,
    /// The fullest address known, else the address as typed.
    pub address: String,
    /// The scan.
    pub scan: Option<ScanId>,
    /// The run.
    pub run: Option<RunId>,
    /// Full addresses of everything it could be, where that is not one.
    pub candidates: Vec<String>,
    /// How far it came.
    pub kind: OutcomeKind,
    /// The last state seen.
    pub state: Option<RunState>,
    /// The vendor's word for it.
    pub native_state: Option<String>,
    /// When the run ended.
    pub ended_at: Option<Timestamp>,
    /// What the user should know.
    pub message: Option<String>,
    /// What an update changes.
    pub changes: Vec<Difference>,
    /// The request of a dry run.
    pub request: Option<PlannedRequest>,
    /// The vendor's id of the request.
    pub request_id: Option<String>,
    /// Why it failed.
    pub error: Option<Error>,
    /// The exit code of this address alone.
    pub exit: Exit,
}

impl Outcome {
    /// The address for people to read. Where nothing is known but the profile, as before something is made, that is all.
    pub fn label(&self) -> &str {
        self.address.strip_suffix('/').filter(|profile| *profile == self.profile).unwrap_or(&self.address)
    }
}
