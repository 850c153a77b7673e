//! What a user writes: the flags that stand for keys of a backend's form, and a file below them.

use std::path::PathBuf;

use super::launch::list;
use crate::backends::Spec;
use crate::backends::definition::{Draft, Form, Given, Purpose};
use crate::error::{Error, Result};

/// A stored scan, as flags and file. Which of them a backend takes is told by its template.
#[derive(Debug, Clone, clap::Args)]
pub struct Flags {
    /// Read the definition from this file, in TOML or JSON; flags go before it
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    pub file: Option<PathBuf>,

    /// Set any key of the definition (repeatable)
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub sets: Vec<String>,

    /// The scan's name
    #[arg(long)]
    pub name: Option<String>,

    /// A description
    #[arg(long, value_name = "TEXT")]
    pub description: Option<String>,

    /// What to scan: a comma-separated list, or @FILE with one a line
    #[arg(long, value_name = "LIST|@FILE")]
    pub targets: Option<String>,

    /// The template, by name, title or uuid (tenable-io)
    #[arg(long)]
    pub template: Option<String>,

    /// The policy, by id or uuid (tenable-io, tenable-sc, tenable-sc-director)
    #[arg(long, value_name = "ID")]
    pub policy: Option<String>,

    /// The scanner, by name, id or uuid (tenable-io)
    #[arg(long)]
    pub scanner: Option<String>,

    /// The folder, by id (tenable-io)
    #[arg(long, value_name = "ID")]
    pub folder: Option<String>,

    /// The repository, by id or uuid (tenable-sc, tenable-sc-director)
    #[arg(long, value_name = "ID")]
    pub repository: Option<String>,

    /// The scan zone, by id or uuid (tenable-sc, tenable-sc-director)
    #[arg(long, value_name = "ID")]
    pub zone: Option<String>,

    /// The instance that scans, by Director's number (tenable-sc-director)
    #[arg(long, value_name = "ID")]
    pub sci: Option<String>,

    /// The owner, by uuid (tenable-sc-director)
    #[arg(long, value_name = "UUID")]
    pub owner: Option<String>,

    /// Ports and ranges, or `default`, or `all` (cloudflare)
    #[arg(long, value_name = "LIST")]
    pub ports: Option<String>,

    /// Days between scans, 0 for one scan (cloudflare)
    #[arg(long, value_name = "DAYS")]
    pub frequency: Option<String>,

    /// When it recurs, as a rule such as FREQ=WEEKLY;INTERVAL=1;BYDAY=MO (tenable-io, tenable-sc, tenable-sc-director)
    #[arg(long, value_name = "RULE")]
    pub schedule: Option<String>,

    /// When it starts first, as YYYYMMDDTHHMMSS (tenable-io, tenable-sc, tenable-sc-director)
    #[arg(long, value_name = "TIME")]
    pub start: Option<String>,

    /// The time zone of the schedule (tenable-io, tenable-sc, tenable-sc-director)
    #[arg(long, value_name = "ZONE")]
    pub timezone: Option<String>,

    /// How long a run may take, as 12h or in seconds (tenable-sc, tenable-sc-director)
    #[arg(long, value_name = "DURATION")]
    pub max_scan_time: Option<String>,
}

impl Flags {
    /// The draft of a stored scan, checked for its purpose.
    ///
    /// # Errors
    /// Exit 2 or 7; see [`Draft::read`] and [`Draft::check`].
    pub fn draft(self, spec: &Spec, purpose: Purpose) -> Result<Draft> {
        let Self {
            file,
            sets,
            name,
            description,
            targets,
            template,
            policy,
            scanner,
            folder,
            repository,
            zone,
            sci,
            owner,
            ports,
            frequency,
            schedule,
            start,
            timezone,
            max_scan_time,
        } = self;
        let targets = targets.map(|text| list(Some(&text)).map(|targets| targets.join(","))).transpose()?;
        let given = [
            given("--name", "name", name),
            given("--description", "description", description),
            given("--targets", "targets", targets),
            given("--template", "template", template),
            given("--policy", "policy", policy),
            given("--scanner", "scanner", scanner),
            given("--folder", "folder", folder),
            given("--repository", "repository", repository),
            given("--zone", "zone", zone),
            given("--sci", "sci", sci),
            given("--owner", "owner", owner),
            given("--ports", "ports", ports),
            given("--frequency", "frequency", frequency),
            given("--schedule", "schedule.repeat", schedule),
            given("--start", "schedule.start", start),
            given("--timezone", "schedule.timezone", timezone),
            given("--max-scan-time", "max_scan_time", max_scan_time),
        ];
        let mut given: Vec<Given> = given.into_iter().flatten().collect();
        for text in &sets {
            given.push(Given::set(text)?);
        }
        let draft = Draft::read(&spec.forms.scan, spec.id, file.as_deref(), &given)?;
        draft.check(purpose, spec.id).map_err(|error| with_template(error, spec))?;
        Ok(draft)
    }
}

/// One value of the command line, if it was typed.
pub fn given(origin: &'static str, key: &str, text: Option<String>) -> Option<Given> {
    text.map(|text| Given { origin, key: key.to_owned(), text })
}

/// The draft of a copy or an import, from flags alone.
///
/// # Errors
/// Exit 2 or 7; see [`Draft::read`] and [`Draft::check`].
pub fn particulars(form: &'static Form, spec: &Spec, given: Vec<Option<Given>>) -> Result<Draft> {
    let given: Vec<Given> = given.into_iter().flatten().collect();
    let draft = Draft::read(form, spec.id, None, &given)?;
    draft.check(Purpose::New, spec.id).map_err(|error| {
        let missing = form.keys.iter().find(|key| key.required);
        match missing {
            Some(key) if error.hint_text().is_none() => error.hint(format!("{} `--{} …`", key.doc, key.name)),
            _ => error,
        }
    })?;
    Ok(draft)
}

fn with_template(error: Error, spec: &Spec) -> Error {
    if error.hint_text().is_some() {
        return error;
    }
    error.hint(format!("`scanctl scans create --example={}` prints everything that can be set", spec.id))
}

/// The commented template of a backend's scans.
pub fn template(spec: &Spec) -> String {
    let title = format!("A scan of {}, for `scanctl scans create --file FILE`.", spec.title);
    spec.forms.scan.example(&title)
}
