//! Changing what is stored: scans made, changed, copied and deleted; runs deleted and imported.
//!
//! Vendor pages: <https://developer.tenable.com/reference/scans-create>, `scans-configure`, `scans-copy`,
//! `scans-delete`, `scans-history-delete`, `file-upload`, `scans-import`, `editor-list-templates`.
//!
//! Quirks that shape this file:
//! - The answer to a creation is wrapped in `scan`, those to an update and a copy are not.
//! - `uuid` is the template's in a request, the schedule's in an answer, and the run's in the answer to an import.
//! - What an update leaves out of certain settings falls back to a default: the scan moves to the vendor's cloud scanner.
//!   So these are read from the editor first and sent back.
//! - An update that was answered with 500 may have been made all the same.
//! - Deleting is for good; the vendor's own pages move a scan to a trash folder instead.
//! - An import is two calls. What was uploaded alone is no scan.

mod editor;
mod references;
mod report;
mod schedule;

use std::time::Instant;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Deserialize;
use serde_json::{Map, Value as Json, json};

use self::editor::{Editor, shown};
use self::references::{DEFAULT_NETWORK, ROUTED, network, whole};
use super::records::{ListItem, state};
use super::{NO_COPIES, NO_EMAIL, NO_REIMPORT, SPEC, TenableIo, asked_at, taken, told};
use crate::backends::Target;
use crate::backends::change::{Applied, Change, Found, PreparedChange};
use crate::backends::definition::Draft;
use crate::backends::unsupported;
use crate::backends::wire::Loose;
use crate::error::{Detail, Error, Result};
use crate::exit::Exit;
use crate::http::Answer;
use crate::http::upload::Upload;
use crate::model::{Address, Difference, RunId, RunState, ScanId};

/// What the vendor's page gives a default where it is left out, also of a scan that has something else.
const SENT_BACK: [&str; 4] = ["scanner_id", "target_network_uuid", "folder_id", "scan_time_window"];
/// Scans that a container may have.
const SCAN_LIMIT: u64 = 10_000;
/// The largest file that is imported.
const LARGEST_IMPORT: u64 = 4 << 30;

/// What the vendor answers about a scan that was made or changed.
#[derive(Debug, Deserialize)]
struct Stored {
    #[serde(default)]
    id: Loose,
    #[serde(default)]
    uuid: Loose,
    #[serde(default)]
    name: Loose,
}

impl Stored {
    /// Reads it, wrapped or not.
    fn read(answer: &Answer) -> Result<Self> {
        let whole: Json = answer.json()?;
        let inner = whole.get("scan").filter(|scan| scan.is_object()).unwrap_or(&whole);
        serde_json::from_value(inner.clone()).map_err(|problem| answer.unreadable(&problem.to_string()))
    }

    fn scan(&self, answer: &Answer) -> Result<ScanId> {
        self.id.text().map(ScanId::new).ok_or_else(|| answer.unreadable("`id` is missing"))
    }
}

impl TenableIo {
    pub(super) async fn prepared(&self, target: &Target, change: &Change) -> Result<PreparedChange> {
        match change {
            Change::CreateScan(draft) => self.prepared_creation(target, change, draft).await,
            Change::UpdateScan(draft) => self.prepared_update(target, change, draft).await,
            Change::CopyScan(draft) => {
                let (details, _) = self.details(self.scan_of(target)?).await?;
                let target = Target { name: details.info.name.owned(), ..target.clone() };
                let mut body = Map::new();
                if let Some(name) = draft.text("name") {
                    body.insert("name".to_owned(), name.into());
                }
                if let Some(folder) = draft.text("folder") {
                    body.insert("folder_id".to_owned(), self.folder(folder).await?.into());
                }
                let before = self.known_scans().await?;
                Ok(PreparedChange { before, ..PreparedChange::new(&target, change).body(body.into()) })
            }
            Change::DeleteScan => self.prepared_deletion(target, change).await,
            Change::DeleteRun => self.prepared_deletion_of_run(target, change).await,
            Change::ImportRun { file, draft } => {
                let upload = Upload::new("Filedata", file)?;
                if upload.size() > LARGEST_IMPORT {
                    return Err(Error::usage(format!("{} is too large: 4 GB can be imported", file.display())));
                }
                let mut body = Map::new();
                if let Some(folder) = draft.text("folder") {
                    body.insert("folder_id".to_owned(), self.folder(folder).await?.into());
                }
                let mut prepared = PreparedChange::new(target, change).body(body.into());
                prepared.before = self.known_scans().await?;
                Ok(prepared)
            }
            Change::CopyRun { .. } => Err(unsupported(&SPEC, change.operation(), NO_COPIES)),
            Change::EmailRun { .. } => Err(unsupported(&SPEC, change.operation(), NO_EMAIL)),
            Change::ReimportRun(_) => Err(unsupported(&SPEC, change.operation(), NO_REIMPORT)),
        }
    }

    async fn prepared_creation(&self, target: &Target, change: &Change, draft: &Draft) -> Result<PreparedChange> {
        let mut settings = self.settings(draft).await?;
        let schedule = schedule::settings(draft, &Map::new())?;
        if lacks_network(&settings) {
            settings.insert("target_network_uuid".to_owned(), DEFAULT_NETWORK.into());
        }
        let template = self.template_of(draft).await?;
        let mut warnings = Vec::new();
        if let Some(schedule) = schedule {
            warnings = schedule::warnings(&schedule, Timestamp::now().to_zoned(TimeZone::UTC).datetime());
            settings.extend(schedule);
        }
        let body = json!({ "uuid": template, "settings": settings });
        let before = self.known_scans().await?;
        Ok(PreparedChange { warnings, before, ..PreparedChange::new(target, change).body(body) })
    }

    /// The ids of all scans. The date of a scan's creation becomes that of its first launch, so it alone does not tell
    /// what is new.
    async fn known_scans(&self) -> Result<Vec<String>> {
        Ok(self.list().await?.0.scans.iter().filter_map(|item| item.id.owned()).collect())
    }

    async fn prepared_update(&self, target: &Target, change: &Change, draft: &Draft) -> Result<PreparedChange> {
        let scan = self.scan_of(target)?;
        let editor = self.editor(scan).await?;
        let mut settings = self.settings(draft).await?;
        let schedule = schedule::settings(draft, &editor.settings)?;
        let mut prepared = PreparedChange::new(&Target { name: editor.name(), ..target.clone() }, change);
        if let Some(schedule) = schedule {
            prepared.warnings = schedule::warnings(&schedule, Timestamp::now().to_zoned(TimeZone::UTC).datetime());
            settings.extend(schedule);
        }
        let keys = draft.iter().map(|(key, _)| key.name);
        // A schedule that is given is switched on with that.
        let switched = settings.contains_key("scheduleScan") && !draft.has("schedule.enabled");
        for key in keys.chain(switched.then_some("schedule.enabled")) {
            let Some(after) = shown(&settings, key) else { continue };
            let before = shown(&editor.settings, key);
            if before.as_ref() != Some(&after) {
                prepared.differences.push(Difference { key: key.to_owned(), before, after, note: None });
            }
        }
        for name in SENT_BACK {
            if let (false, Some(value)) = (settings.contains_key(name), editor.value(name)) {
                let number = value.as_str().filter(|_| name == "scan_time_window").and_then(|text| text.parse().ok());
                settings.insert(name.to_owned(), number.map_or_else(|| value.clone(), |number: i64| number.into()));
            }
        }
        if lacks_network(&settings) {
            if editor.value("scanner_id").is_some_and(|scanner| scanner == ROUTED) {
                prepared.doubts.push(format!(
                    "the vendor does not tell which network the results of scan {scan} belong to, so this may move them to \
                     the default network (`--set network=UUID` names one); change it all the same"
                ));
            }
            settings.insert("target_network_uuid".to_owned(), DEFAULT_NETWORK.into());
        }
        if !settings.contains_key("enabled") {
            settings.extend(schedule::kept(&editor.settings));
        }
        if !settings.contains_key("scanner_id") && !editor.by_agents && editor.value("agent_group_id").is_none() {
            prepared.doubts.push(format!(
                "the vendor does not tell which scanner scan {scan} has, so this may move it to the cloud scanner; \
                 change it all the same"
            ));
        }
        let template = match draft.has("policy") {
            true => self.template_of(draft).await?,
            false => editor.template,
        };
        let mut body = json!({ "settings": settings });
        if let Some(template) = template {
            body["uuid"] = template.into();
        }
        Ok(prepared.body(body))
    }

    async fn prepared_deletion(&self, target: &Target, change: &Change) -> Result<PreparedChange> {
        let scan = self.scan_of(target)?;
        let (details, answer) = self.details(scan).await?;
        let newest = told(details.newest(scan), &answer)?;
        // The statuses in which the vendor's page says that a scan cannot be deleted.
        if let Some(RunState::Running | RunState::Paused | RunState::Stopping) = newest.state {
            let word = newest.native_state.unwrap_or_default();
            return Err(Error::new(Exit::InvalidState, format!("scan {scan} is {word}, so it cannot be deleted"))
                .hint(format!("`scanctl stop {} --wait` first", Address::full(&self.profile, Some(scan), None))));
        }
        let mut prepared = PreparedChange::new(&Target { name: details.info.name.owned(), ..target.clone() }, change);
        prepared.warnings.push(match details.history.len() {
            0 => format!("scan {scan} is deleted for good: it does not go to the trash folder"),
            runs => format!(
                "scan {scan} is deleted for good, with {runs} {} and their results: it does not go to the trash folder",
                if runs == 1 { "run" } else { "runs" }
            ),
        });
        Ok(prepared)
    }

    async fn prepared_deletion_of_run(&self, target: &Target, change: &Change) -> Result<PreparedChange> {
        let scan = self.scan_of(target)?;
        let run = self.run_of(target)?;
        let (read, _) = self.one_run(scan, run).await?;
        if read.state.is_some_and(RunState::is_active) {
            let word = read.native_state.unwrap_or_default();
            return Err(Error::new(Exit::InvalidState, format!("run {run} is {word}: only what is over is deleted"))
                .hint(format!("`scanctl stop {} --wait` first", Address::full(&self.profile, Some(scan), None))));
        }
        let mut target = target.clone();
        target.learn(&read);
        let mut prepared = PreparedChange::new(&target, change);
        // The vendor refuses to delete such a run alone, and tells of none beforehand that it is one.
        prepared
            .doubts
            .push("what the run left to be scanned later (rollover) is deleted with it; delete both".to_owned());
        Ok(prepared)
    }

    pub(super) async fn applied(&self, prepared: &PreparedChange) -> Result<Applied> {
        let body = prepared.body.as_ref().unwrap_or(&Json::Null);
        let target = &prepared.target;
        let answer = match &prepared.change {
            Change::CreateScan(_) => {
                let sent = self.http.post(["scans"]).json(body).label("scan creation").send().await;
                let answer = match sent {
                    Ok(answer) => answer,
                    Err(refused) if refused.refused() && refused.answer().status == Some(403) => {
                        return Err(self.why_no_scan(refused).await);
                    }
                    Err(refused) => return Err(refused),
                };
                return made(&answer);
            }
            Change::CopyScan(_) => {
                let request = self.http.post(["scans", self.scan_of(target)?.as_str(), "copy"]).json(body);
                return made(&request.label("scan copy").send().await.map_err(may_not_edit)?);
            }
            Change::UpdateScan(_) => {
                let request = self.http.put(["scans", self.scan_of(target)?.as_str()]).json(body);
                let answer = request.label("scan update").send().await.map_err(may_not_edit)?;
                let read = Stored::read(&answer)?;
                read.scan(&answer)?;
                let name = read.name.owned().or_else(|| target.name.clone());
                return Ok(Applied {
                    target: Target { name, ..target.clone() },
                    shown: true,
                    message: None,
                    request_id: answer.request_id,
                });
            }
            Change::DeleteScan => {
                let request = self.http.delete(["scans", self.scan_of(target)?.as_str()]).label("scan deletion");
                request.send().await.map_err(|refused| match refused.answer().status {
                    Some(403) => refused.hint("deleting needs the role Scan Manager, and the right to edit the scan"),
                    Some(409) => refused.hint(format!(
                        "a scan that is active cannot be deleted: `scanctl stop {} --wait` first",
                        Address::full(&self.profile, target.scan.as_ref(), None)
                    )),
                    _ => refused,
                })?
            }
            Change::DeleteRun => {
                let (scan, run) = (self.scan_of(target)?, self.run_of(target)?);
                let request = self.http.delete(["scans", scan.as_str(), "history", run.as_str()]);
                // Without it, a run that left something is refused.
                let request = request.query("delete_rollovers", true).label("run deletion");
                request.send().await.map_err(|refused| match refused.answer().status {
                    // The only one of its kind that is documented as a refusal.
                    Some(501) => refused
                        .with_exit(Exit::Unsupported)
                        .with_detail(Detail::Refused)
                        .context("the vendor does not delete runs here")
                        .hint(format!(
                            "`scanctl scans delete {}` deletes the scan with all of its runs",
                            Address::full(&self.profile, Some(scan), None)
                        )),
                    _ => may_not_edit(refused),
                })?
            }
            Change::ImportRun { file, .. } => return self.import(file, body).await,
            Change::CopyRun { .. } => return Err(unsupported(&SPEC, prepared.change.operation(), NO_COPIES)),
            Change::EmailRun { .. } => return Err(unsupported(&SPEC, prepared.change.operation(), NO_EMAIL)),
            Change::ReimportRun(_) => return Err(unsupported(&SPEC, prepared.change.operation(), NO_REIMPORT)),
        };
        taken(&answer)?;
        Ok(Applied { target: target.clone(), request_id: answer.request_id, ..Applied::default() })
    }

    async fn import(&self, file: &std::path::Path, body: &Json) -> Result<Applied> {
        let upload = self.http.post(["file", "upload"]).upload(Upload::new("Filedata", file)?);
        let upload = upload.incidental().label("upload");
        let uploaded = async {
            let answer = upload.send().await?;
            #[derive(Deserialize)]
            struct Uploaded {
                #[serde(default)]
                fileuploaded: Loose,
            }
            let read: Uploaded = answer.json()?;
            read.fileuploaded.owned().ok_or_else(|| answer.unreadable("`fileuploaded` is missing"))
        };
        let name = uploaded.await.map_err(|problem| match problem.detail() {
            Detail::Planned(_) => {
                // Without it, the vendor's dashboards do not count what was imported.
                let body = imported(body, "(as the upload is answered)");
                problem.hint(format!("then POST /scans/import?include_aggregate=1 {body}"))
            }
            // A file that was only uploaded is no scan.
            Detail::Lost(_) => problem
                .with_exit(Exit::Network)
                .with_detail(Detail::Plain)
                .context("the upload failed, so nothing was imported; the file may lie among the uploads")
                .hint("try again"),
            _ => problem,
        })?;
        let request = self.http.post(["scans", "import"]).query("include_aggregate", 1).json(&imported(body, &name));
        let sent = request.label("import").send().await;
        let answer = sent.map_err(|refused| match refused.answer().status {
            Some(409) if refused.refused() => refused
                .with_exit(Exit::Usage)
                .context("the vendor does not import this file")
                .hint("results of runs of more than 15 months ago are not imported"),
            _ => refused,
        })?;
        let read = Stored::read(&answer)?;
        let scan = Some(read.scan(&answer)?);
        let target = Target { scan, run: read.uuid.text().map(RunId::new), name: read.name.owned() };
        Ok(Applied { target, request_id: answer.request_id, ..Applied::default() })
    }

    pub(super) async fn seen(&self, prepared: &PreparedChange, sent: Instant) -> Result<Found> {
        let target = &prepared.target;
        let body = |name: &str| prepared.body.as_ref().and_then(|body| body.pointer(name)).and_then(Json::as_str);
        match &prepared.change {
            Change::CreateScan(_) => {
                let name = body("/settings/name");
                Ok(seen(self.new_scans(prepared, sent, |item| name.is_some() && item.name.text() == name).await?))
            }
            Change::CopyScan(_) => {
                let named = body("/name").map(str::to_owned);
                let name = named.or_else(|| target.name.as_ref().map(|name| format!("Copy of {name}")));
                let is_copy = |item: &ListItem| name.is_some() && item.name.text() == name.as_deref();
                Ok(seen(self.new_scans(prepared, sent, is_copy).await?))
            }
            Change::ImportRun { file, .. } => {
                let name = report::name(file);
                let is_import = |item: &ListItem| {
                    item.status.text().map(state) == Some(RunState::Imported)
                        && name.as_deref().is_none_or(|name| item.name.text() == Some(name))
                };
                let found = self.new_scans(prepared, sent, is_import).await?;
                // Without a name, the only new import may be another user's.
                Ok(if name.is_none() && found.len() == 1 { Found::Untold } else { seen(found) })
            }
            Change::UpdateScan(_) => {
                let editor = self.editor(self.scan_of(target)?).await?;
                let is_open = |it: &&Difference| shown(&editor.settings, &it.key).as_ref() != Some(&it.after);
                let mut open = prepared.differences.iter().filter(is_open).peekable();
                if open.peek().is_some() {
                    // What the editor did not show before, it will not show: the rest alone does not prove it.
                    return Ok(if open.any(|it| it.before.is_some()) { Found::NotYet } else { Found::Untold });
                }
                let name = editor.name().or_else(|| target.name.clone());
                Ok(Found::Seen(vec![Target { name, ..target.clone() }]))
            }
            Change::DeleteScan => gone(self.details(self.scan_of(target)?).await, target),
            Change::DeleteRun => gone(self.one_run(self.scan_of(target)?, self.run_of(target)?).await, target),
            Change::CopyRun { .. } | Change::EmailRun { .. } | Change::ReimportRun(_) => Ok(Found::Untold),
        }
    }

    /// The scans that were not there before, were made since then by the vendor's clock, and are like what was asked for.
    async fn new_scans(
        &self,
        prepared: &PreparedChange,
        sent: Instant,
        is_it: impl Fn(&ListItem) -> bool,
    ) -> Result<Vec<Target>> {
        let (list, answer) = self.list().await?;
        let Some(asked) = asked_at(&answer, sent) else { return Ok(Vec::new()) };
        let is_new = |item: &&ListItem| {
            item.id.text().is_some_and(|id| !prepared.before.iter().any(|known| known == id))
                && item.creation_date.seconds().is_some_and(|made| made.as_second() >= asked)
        };
        let found = list.scans.iter().filter(is_new).filter(|item| is_it(item)).filter_map(|item| {
            let imported = item.status.text().map(state) == Some(RunState::Imported);
            let run = item.uuid.text().filter(|_| imported).map(RunId::new);
            Some(Target { scan: Some(item.scan_id()?), run, name: item.name.owned() })
        });
        Ok(found.collect())
    }

    /// A stored scan as the vendor's editor has it.
    pub(super) async fn editor(&self, scan: &ScanId) -> Result<Editor> {
        let sent = self.http.get(["editor", "scan", scan.as_str()]).label("scan editor").send().await;
        let answer = sent.map_err(|refused| match refused.exit() {
            Exit::NotFound => refused.context(format!(
                "scan {scan} cannot be edited: there is none, or no access to it, or it was imported"
            )),
            _ => refused,
        })?;
        let document: Json = answer.json()?;
        Editor::read(&document).ok_or_else(|| answer.unreadable("`settings.basic` is missing"))
    }

    /// Everything that was written but template and schedule, by the vendor's names, with its references resolved.
    async fn settings(&self, draft: &Draft) -> Result<Map<String, Json>> {
        let mut settings = Map::new();
        let mut put = |name: &str, value: Json| settings.insert(name.to_owned(), value);
        for (key, name) in [("name", "name"), ("description", "description"), ("policy", "policy_id")] {
            if let Some(text) = draft.text(key) {
                put(name, text.into());
            }
        }
        for (key, name) in [("targets", "text_targets"), ("emails", "emails")] {
            if let Some(list) = draft.list(key) {
                put(name, list.join(",").into());
            }
        }
        for (key, name) in [("tag_targets", "tag_targets"), ("agent_groups", "agent_group_id")] {
            if let Some(list) = draft.list(key) {
                put(name, list.into());
            }
        }
        if let Some(groups) = draft.list("target_groups") {
            let numbers = groups.iter().map(|group| whole("target_groups", group)).collect::<Result<Vec<_>>>()?;
            put("target_groups", numbers.into());
        }
        if let Some(minutes) = draft.number("scan_time_window") {
            put("scan_time_window", minutes.into());
        }
        if let Some(folder) = draft.text("folder") {
            put("folder_id", self.folder(folder).await?.into());
        }
        if let Some(scanner) = draft.text("scanner") {
            put("scanner_id", self.scanner(scanner).await?.into());
        }
        if let Some(text) = draft.text("network") {
            put("target_network_uuid", network(text)?.into());
        }
        if let Some(timezone) = draft.text("schedule.timezone") {
            self.check_timezone(timezone).await?;
        }
        Ok(settings)
    }

    fn run_of<'a>(&self, target: &'a Target) -> Result<&'a RunId> {
        target.run.as_ref().ok_or_else(|| Error::usage("which run?").hint(format!("{}/SCAN@RUN", self.profile)))
    }

    /// A refused creation may mean the right or the number of scans; counting tells which.
    async fn why_no_scan(&self, refused: Error) -> Error {
        match self.counted(None).await {
            Some(count) if count >= SCAN_LIMIT => refused
                .with_exit(Exit::Limited)
                .context(format!("there are {count} scans, and the vendor allows {SCAN_LIMIT}"))
                .hint(format!("delete what is not needed: `scanctl scans list -p {}` shows them all", self.profile)),
            _ => refused.hint("making scans needs the role Scan Operator, which must name a policy, or a higher one"),
        }
    }
}

/// Whether a scan is routed to scanners, which needs a network, and has none.
fn lacks_network(settings: &Map<String, Json>) -> bool {
    settings.get("scanner_id").is_some_and(|scanner| scanner == ROUTED) && !settings.contains_key("target_network_uuid")
}

fn seen(found: Vec<Target>) -> Found {
    if found.is_empty() { Found::NotYet } else { Found::Seen(found) }
}

/// The body of an import.
fn imported(body: &Json, file: &str) -> Json {
    let mut body = body.clone();
    body["file"] = file.into();
    body
}

fn made(answer: &Answer) -> Result<Applied> {
    let read = Stored::read(answer)?;
    let target = Target { scan: Some(read.scan(answer)?), run: None, name: read.name.owned() };
    Ok(Applied { target, request_id: answer.request_id.clone(), ..Applied::default() })
}

fn may_not_edit(refused: Error) -> Error {
    match refused.answer().status {
        Some(403) => refused.hint("it needs the role Scan Operator, and the right to edit the scan"),
        _ => refused,
    }
}

/// Whether what was to be deleted is not there any more.
fn gone<T>(read: Result<T>, target: &Target) -> Result<Found> {
    match read {
        Ok(_) => Ok(Found::NotYet),
        Err(missing) if missing.exit() == Exit::NotFound => Ok(Found::Seen(vec![target.clone()])),
        Err(problem) => Err(problem),
    }
}

#[cfg(test)]
mod tests;
