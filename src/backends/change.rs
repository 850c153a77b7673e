//! Changing what a vendor has stored: scans made, changed, copied and deleted; runs deleted, copied, sent and imported.
//!
//! All of them go the same way, so three methods of the trait do them all. `prepare_change` reads whatever must be read
//! and puts the request together; `apply` sends it, once; `find_applied` looks whether a change whose answer is lost was
//! made, or what a change made whose answer does not name it. Launching and steering runs have methods of their own.

use std::path::PathBuf;

use serde_json::Value as Json;

use super::Target;
use super::definition::Draft;
use crate::model::{Difference, Operation, Verb};

/// What is to be changed. Drafts were checked against the backend's forms.
#[derive(Debug, Clone)]
pub enum Change {
    /// Make a stored scan; has no target.
    CreateScan(Draft),
    /// Change those keys of a stored scan and no other.
    UpdateScan(Draft),
    /// Make another stored scan like this one.
    CopyScan(Draft),
    /// Remove a stored scan.
    DeleteScan,
    /// Remove a run with its result.
    DeleteRun,
    /// Give these users, by the vendor's ids, a copy of a run's result.
    CopyRun {
        /// At least one.
        users: Vec<String>,
    },
    /// Have a run's result sent by e-mail.
    EmailRun {
        /// Addresses, at least one.
        to: Vec<String>,
    },
    /// Make a run of a report in a file; has no target.
    ImportRun {
        /// The file. It was opened once, so it is there.
        file: PathBuf,
        /// The particulars.
        draft: Draft,
    },
    /// Import the result of a run once more.
    ReimportRun(Draft),
}

impl Change {
    /// The verb that asks for it.
    pub const fn verb(&self) -> Verb {
        match self {
            Self::CreateScan(_) => Verb::ScansCreate,
            Self::UpdateScan(_) => Verb::ScansUpdate,
            Self::CopyScan(_) => Verb::ScansCopy,
            Self::DeleteScan => Verb::ScansDelete,
            Self::DeleteRun => Verb::RunsDelete,
            Self::CopyRun { .. } => Verb::RunsCopy,
            Self::EmailRun { .. } => Verb::RunsEmail,
            Self::ImportRun { .. } => Verb::RunsImport,
            Self::ReimportRun(_) => Verb::RunsReimport,
        }
    }

    /// The operation that must be supported.
    pub const fn operation(&self) -> Operation {
        self.verb().operation()
    }

    /// Whether it makes a scan or a run that was not there before.
    pub const fn makes(&self) -> bool {
        matches!(self, Self::CreateScan(_) | Self::CopyScan(_) | Self::ImportRun { .. })
    }
}

/// A change whose reads are done.
#[derive(Debug, Clone)]
pub struct PreparedChange {
    /// What is changed, as fully as it was read; empty for what is to be made.
    pub target: Target,
    /// What was asked.
    pub change: Change,
    /// The body to be sent, where there is one, with every reference resolved. Kept here so that what is read once is
    /// sent as it was checked.
    pub body: Option<Json>,
    /// Ids that existed before, where ids alone tell what is new.
    pub before: Vec<String>,
    /// Before and after, for an update: each key that differs, or whose old value is not known. None left: nothing is
    /// sent, and the outcome is `skipped`.
    pub differences: Vec<Difference>,
    /// What the user should know; it is done all the same.
    pub warnings: Vec<String>,
    /// What the user must say yes to, beyond what every such verb asks; a fragment that fits before a question mark.
    pub doubts: Vec<String>,
    /// Said in the outcome: what is left behind, what is to be known of it.
    pub message: Option<String>,
}

impl PreparedChange {
    /// A change for which nothing had to be read.
    pub fn new(target: &Target, change: &Change) -> Self {
        Self {
            target: target.clone(),
            change: change.clone(),
            body: None,
            before: Vec::new(),
            differences: Vec::new(),
            warnings: Vec::new(),
            doubts: Vec::new(),
            message: None,
        }
    }

    /// With a body.
    #[must_use]
    pub fn body(self, body: Json) -> Self {
        Self { body: Some(body), ..self }
    }
}

/// A change that the vendor took.
#[derive(Debug, Clone, Default)]
pub struct Applied {
    /// The scan or run that was made or changed. Empty where something was made and the answer does not name it: it is
    /// then looked for.
    pub target: Target,
    /// Whether the answer itself shows the change, such as by the scan as it is now. Otherwise it was taken, and no more
    /// is claimed.
    pub shown: bool,
    /// What the user should know.
    pub message: Option<String>,
    /// The vendor's request id.
    pub request_id: Option<String>,
}

/// What one look for a change found.
#[derive(Debug, Clone, PartialEq)]
pub enum Found {
    /// Nothing that can be read tells, now or later.
    Untold,
    /// Not to be seen, or not yet. Proves nothing.
    NotYet,
    /// The change is to be seen: in its target, or in what is new. Several new things that could be it are several
    /// here.
    Seen(Vec<Target>),
}
