//! Verbs, what is asked of a backend, and whether it can.

use std::fmt;

use crate::error::{Error, nearest};

/// A thing a user asks for by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Verb {
    /// Start a run.
    Launch,
    /// Suspend a run.
    Pause,
    /// Go on with a paused run.
    Resume,
    /// End a run in order.
    Stop,
    /// End a run at once, dropping unfinished work.
    ForceStop,
    /// One reading of a run's state.
    Status,
    /// Follow a run to its end.
    Wait,
    /// The findings of a run.
    Results,
    /// The result of a run as a file of the vendor's making.
    Export,
    /// Active runs.
    List,
    /// Stored scans.
    ScansList,
    /// One stored scan.
    ScansShow,
    /// Make a stored scan.
    ScansCreate,
    /// Change a stored scan.
    ScansUpdate,
    /// Make a stored scan like another.
    ScansCopy,
    /// Remove stored scans.
    ScansDelete,
    /// Runs.
    RunsList,
    /// One run.
    RunsShow,
    /// Remove runs with their results.
    RunsDelete,
    /// Give other users a copy of a run's result.
    RunsCopy,
    /// Have a run's result sent by e-mail.
    RunsEmail,
    /// Make a run of a report in a file.
    RunsImport,
    /// Import the result of a run once more.
    RunsReimport,
}

impl Verb {
    /// Every verb, in the order of the documentation.
    pub const ALL: [Self; 23] = [
        Self::Launch,
        Self::Pause,
        Self::Resume,
        Self::Stop,
        Self::ForceStop,
        Self::Status,
        Self::Wait,
        Self::Results,
        Self::Export,
        Self::List,
        Self::ScansList,
        Self::ScansShow,
        Self::ScansCreate,
        Self::ScansUpdate,
        Self::ScansCopy,
        Self::ScansDelete,
        Self::RunsList,
        Self::RunsShow,
        Self::RunsDelete,
        Self::RunsCopy,
        Self::RunsEmail,
        Self::RunsImport,
        Self::RunsReimport,
    ];

    /// The verb as typed.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Launch => "launch",
            Self::Pause => "pause",
            Self::Resume => "resume",
            Self::Stop => "stop",
            Self::ForceStop => "force-stop",
            Self::Status => "status",
            Self::Wait => "wait",
            Self::Results => "results",
            Self::Export => "export",
            Self::List => "list",
            Self::ScansList => "scans list",
            Self::ScansShow => "scans show",
            Self::ScansCreate => "scans create",
            Self::ScansUpdate => "scans update",
            Self::ScansCopy => "scans copy",
            Self::ScansDelete => "scans delete",
            Self::RunsList => "runs list",
            Self::RunsShow => "runs show",
            Self::RunsDelete => "runs delete",
            Self::RunsCopy => "runs copy",
            Self::RunsEmail => "runs email",
            Self::RunsImport => "runs import",
            Self::RunsReimport => "runs reimport",
        }
    }

    /// The operation that stands for the verb where nothing special is asked of it.
    pub const fn operation(self) -> Operation {
        match self {
            Self::Launch => Operation::Launch { targets: false },
            Self::Pause => Operation::Control(Control::Pause),
            Self::Resume => Operation::Control(Control::Resume),
            Self::Stop => Operation::Control(Control::Stop),
            Self::ForceStop => Operation::Control(Control::ForceStop),
            Self::Status => Operation::Status,
            Self::Wait => Operation::Wait,
            Self::Results => Operation::Results,
            Self::Export => Operation::Export,
            Self::List => Operation::List,
            Self::ScansList => Operation::ScansList,
            Self::ScansShow => Operation::ScansShow,
            Self::ScansCreate => Operation::ScansCreate,
            Self::ScansUpdate => Operation::ScansUpdate,
            Self::ScansCopy => Operation::ScansCopy,
            Self::ScansDelete => Operation::ScansDelete,
            Self::RunsList => Operation::RunsList,
            Self::RunsShow => Operation::RunsShow,
            Self::RunsDelete => Operation::RunsDelete,
            Self::RunsCopy => Operation::RunsCopy,
            Self::RunsEmail => Operation::RunsEmail,
            Self::RunsImport => Operation::RunsImport,
            Self::RunsReimport => Operation::RunsReimport,
        }
    }

    /// Whether the verb takes a stored scan and never a run.
    pub const fn takes_scan(self) -> bool {
        matches!(
            self,
            Self::Launch | Self::ScansShow | Self::ScansUpdate | Self::ScansCopy | Self::ScansDelete | Self::RunsList
        )
    }

    /// Whether the verb takes exactly one run, so that a scan's active or newest one is never meant instead.
    pub const fn takes_run(self) -> bool {
        matches!(self, Self::RunsShow | Self::RunsDelete | Self::RunsCopy | Self::RunsEmail | Self::RunsReimport)
    }
}

impl fmt::Display for Verb {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// The four verbs that steer a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Control {
    /// Suspend.
    Pause,
    /// Go on.
    Resume,
    /// End in order.
    Stop,
    /// End at once.
    ForceStop,
}

impl Control {
    /// The verb of this control.
    pub const fn verb(self) -> Verb {
        match self {
            Self::Pause => Verb::Pause,
            Self::Resume => Verb::Resume,
            Self::Stop => Verb::Stop,
            Self::ForceStop => Verb::ForceStop,
        }
    }
}

/// What is asked of a backend: a verb together with what changes whether it can be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Operation {
    /// Start a run; with `targets`, over other targets than the stored ones.
    Launch {
        /// `--targets` was given.
        targets: bool,
    },
    /// Take ports and port ranges with a launch.
    LaunchPorts,
    /// Steer a run.
    Control(Control),
    /// Read a run once.
    Status,
    /// Follow a run.
    Wait,
    /// Read the findings of a run.
    Results,
    /// Read the findings of a run through the API that analyses them, not from a report.
    ResultsViaAnalysis,
    /// Fetch the result of a run as a file.
    Export,
    /// Active runs.
    List,
    /// Stored scans.
    ScansList,
    /// One stored scan.
    ScansShow,
    /// Make a stored scan.
    ScansCreate,
    /// Change a stored scan.
    ScansUpdate,
    /// Make a stored scan like another.
    ScansCopy,
    /// Remove stored scans.
    ScansDelete,
    /// Runs.
    RunsList,
    /// One run.
    RunsShow,
    /// Remove runs with their results.
    RunsDelete,
    /// Give other users a copy of a run's result.
    RunsCopy,
    /// Have a run's result sent by e-mail.
    RunsEmail,
    /// Make a run of a report in a file.
    RunsImport,
    /// Import the result of a run once more.
    RunsReimport,
    /// Pass the names of fields on when scans or runs are read.
    Fields,
    /// List the scans of one instance or organization only.
    OneInstance,
    /// List the runs of a span of time only.
    Window,
    /// Leave counters that cost the vendor time out of a list of runs, or ask for them.
    Optimize,
    /// One authenticated read that says who the profile is.
    Check,
}

impl Operation {
    /// The words for an error message.
    pub const fn describe(self) -> &'static str {
        match self {
            Self::Launch { targets: false } => "launch a scan",
            Self::Launch { targets: true } => "launch a scan with `--targets`",
            Self::LaunchPorts => "launch a scan with `--ports`",
            Self::Control(Control::Pause) => "pause a run",
            Self::Control(Control::Resume) => "resume a run",
            Self::Control(Control::Stop) => "stop a run",
            Self::Control(Control::ForceStop) => "force-stop a run",
            Self::Status => "tell a run's status",
            Self::Wait => "wait for a run",
            Self::Results => "read the results of a run",
            Self::ResultsViaAnalysis => "read results with `--via analysis`",
            Self::Export => "export the result of a run",
            Self::List => "list active runs",
            Self::ScansList => "list scans",
            Self::ScansShow => "show a scan",
            Self::ScansCreate => "make a scan",
            Self::ScansUpdate => "change a scan",
            Self::ScansCopy => "copy a scan",
            Self::ScansDelete => "delete a scan",
            Self::RunsList => "list runs",
            Self::RunsShow => "show a run",
            Self::RunsDelete => "delete a run",
            Self::RunsCopy => "copy the result of a run to users",
            Self::RunsEmail => "send the result of a run by e-mail",
            Self::RunsImport => "import a report",
            Self::RunsReimport => "import the result of a run once more",
            Self::Fields => "choose fields with `--fields`",
            Self::OneInstance => "list with `--sci` or `--org`",
            Self::Window => "list runs with `--since` or `--until`",
            Self::Optimize => "list runs with `--optimize`",
            Self::Check => "check a profile",
        }
    }
}

/// A file that a vendor makes of a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ExportFormat {
    /// Tenable's XML, version 2.
    Nessus,
    /// A table with the vendor's own columns.
    Csv,
    /// A page.
    Html,
    /// A document.
    Pdf,
    /// A scan database, encrypted with a password.
    Db,
    /// What a Security Center keeps of a scan: a packed report in Tenable's XML.
    V2,
    /// The packed SCAP 1.2 result of an audit.
    Scap12,
    /// The API's own answers.
    Json,
}

impl ExportFormat {
    /// Every format.
    pub const ALL: [Self; 8] =
        [Self::Nessus, Self::Csv, Self::Html, Self::Pdf, Self::Db, Self::V2, Self::Scap12, Self::Json];

    /// The word on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Nessus => "nessus",
            Self::Csv => "csv",
            Self::Html => "html",
            Self::Pdf => "pdf",
            Self::Db => "db",
            Self::V2 => "v2",
            Self::Scap12 => "scap1_2",
            Self::Json => "json",
        }
    }

    /// What it is, in words: "a PDF document".
    pub const fn describe(self) -> &'static str {
        match self {
            Self::Nessus => "a .nessus report",
            Self::Csv => "a table of comma-separated values",
            Self::Html => "an HTML report",
            Self::Pdf => "a PDF document",
            Self::Db => "a scan database",
            Self::V2 => "a packed .nessus report",
            Self::Scap12 => "a packed SCAP result",
            Self::Json => "JSON",
        }
    }

    /// How the name of such a file ends, without the dot.
    pub const fn extensions(self) -> &'static [&'static str] {
        match self {
            Self::Nessus => &["nessus", "xml"],
            Self::Csv => &["csv"],
            Self::Html => &["html", "htm"],
            Self::Pdf => &["pdf"],
            Self::Db => &["db"],
            // Not every one of them is packed.
            Self::V2 => &["zip", "nessus", "xml"],
            Self::Scap12 => &["zip", "xml"],
            Self::Json => &["json"],
        }
    }

    /// Whether it is made of chapters.
    pub const fn is_document(self) -> bool {
        matches!(self, Self::Html | Self::Pdf)
    }
}

impl std::str::FromStr for ExportFormat {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let names = Self::ALL.map(Self::name);
        Self::ALL.into_iter().find(|format| format.name() == text).ok_or_else(|| {
            let error = Error::usage(format!("no vendor makes a file called `{text}`"));
            match nearest(text, names) {
                Some(near) => error.hint(format!("did you mean `{near}`?")),
                None => error.hint(format!("the formats are {}", names.join(", "))),
            }
        })
    }
}

/// Whether, and how, a backend does an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Support {
    /// Documented calls of the vendor do it.
    Native,
    /// Composed from documented calls; the text says what the user should know.
    Via(&'static str),
    /// The vendor's API has none; the text says what to do instead.
    No(&'static str),
}
