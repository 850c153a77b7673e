//! What the program talks about: addresses, verbs, runs, scans and outcomes. Plain data, no I/O.

mod address;
mod difference;
mod outcome;
mod run;
mod scan;
mod verb;

pub use address::{Address, IdOrName, RunId, RunSelector, ScanId, is_profile_name};
pub use difference::Difference;
pub use outcome::{Outcome, OutcomeKind};
pub use run::{Run, RunState};
pub use scan::Scan;
pub use verb::{Control, ExportFormat, Operation, Support, Verb};
