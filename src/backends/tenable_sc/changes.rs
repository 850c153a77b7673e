//! Changing what an instance has stored: scans made, changed, copied and deleted; results deleted, copied, sent by mail
//! and imported. Not for launching and steering runs.
//!
//! Vendor pages: Scan (POST, PATCH, DELETE, copy), Scan-Result (DELETE, copy, email, import), File (upload, clear).
//!
//! Quirks that shape this file:
//! - A scan is answered with the whole scan, a copy of one inside `scan`; everything else with an empty text.
//! - A mail that could not be sent is a success with a text; the dialect finds it.
//! - An import does not name its run. It is the new result whose name is that of imports and the file's; a new result of
//!   any other name is somebody else's, however alone it is.

use std::path::Path;
use std::time::Instant;

use serde_json::{Map, Value, json};

use super::{StoredScan, TenableSc, definition, run_of, scan_of};
use crate::backends::Target;
use crate::backends::change::{Applied, Change, Found, PreparedChange};
use crate::backends::definition::Draft;
use crate::backends::sc_rest::definition::{by_id, by_ids, texts};
use crate::backends::sc_rest::resolve::found;
use crate::backends::sc_rest::{self, Listed, Reference, Which};
use crate::backends::wire::Loose;
use crate::error::{Detail, Error, Result};
use crate::exit::Exit;
use crate::http::Answer;
use crate::http::upload::Upload;
use crate::model::{Address, RunId, ScanId};
use serde::Deserialize;

/// How the name of an imported result begins; the file's name follows.
const IMPORTED: &str = "Manual Import - ";

/// The import of a result, as far as it is read before and after another one.
const IMPORT_FIELDS: &str = "id,name,scan,status,running,importStatus,importStart";

/// Something that is listed with the time when it was made.
#[derive(Debug, Deserialize)]
struct Made {
    id: Loose,
    #[serde(default)]
    name: Loose,
    #[serde(default, rename = "createdTime")]
    created_time: Loose,
}

/// The import of one result.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Import {
    name: Loose,
    scan: Reference,
    status: Loose,
    running: Loose,
    #[serde(rename = "importStatus")]
    imported: Loose,
    #[serde(rename = "importStart")]
    start: Loose,
}

impl Import {
    /// When the run's import began, if run and import are over: only then does nothing but another import move it.
    fn last(&self) -> Option<String> {
        let is = |word: &Loose, ends: &[&str]| {
            word.text().is_some_and(|word| ends.iter().any(|end| end.eq_ignore_ascii_case(word)))
        };
        let over = is(&self.status, &["completed", "partial", "error"]) && self.running.flag() != Some(true);
        let over = over && is(&self.imported, &["finished", "error"]);
        self.start.owned().filter(|_| over && self.start.seconds().is_some())
    }
}

impl TenableSc {
    /// The reads of a change, and its request.
    pub(super) async fn prepared(&self, target: &Target, change: &Change) -> Result<PreparedChange> {
        match change {
            Change::CreateScan(draft) => Ok(PreparedChange::new(target, change).body(definition::new_scan(draft)?)),
            Change::UpdateScan(draft) => self.prepared_update(target, change, draft).await,
            Change::CopyScan(draft) => self.prepared_copy(target, change, draft).await,
            Change::DeleteScan => Ok(PreparedChange::new(&self.named_scan(target).await?, change)),
            Change::DeleteRun => {
                let run = run_of(target)?;
                let (read, _) = self.result(run).await?;
                let mut prepared = PreparedChange::new(&learned(target, &read), change);
                if read.state.is_some_and(crate::model::RunState::is_active) {
                    let word = read.native_state.unwrap_or_default();
                    prepared.doubts.push(format!("deletion of run {run} while it is {word}"));
                }
                Ok(prepared)
            }
            Change::CopyRun { users } => {
                let body = json!({"users": by_ids("--user", users)?});
                Ok(PreparedChange::new(&self.named_run(target).await?, change).body(body))
            }
            Change::EmailRun { to } => {
                let body = json!({"email": to.join(",")});
                Ok(PreparedChange::new(&self.named_run(target).await?, change).body(body))
            }
            Change::ImportRun { draft, .. } => {
                let repository = draft.text("repository").unwrap_or_default();
                let mut body = texts(draft);
                body.insert("repository".to_owned(), by_id("repository", repository)?);
                let (known, _) = self.made("scanResult").await?;
                let mut prepared = PreparedChange::new(target, change).body(Value::Object(body));
                prepared.before = known.iter().filter_map(|result| result.id.owned()).collect();
                Ok(prepared)
            }
            Change::ReimportRun(draft) => {
                let (import, ..) = self.import(run_of(target)?).await?;
                let target = Target {
                    scan: import.scan.id.as_deref().map(ScanId::new).or_else(|| target.scan.clone()),
                    name: import.name.owned(),
                    ..target.clone()
                };
                let mut prepared = PreparedChange::new(&target, change).body(Value::Object(texts(draft)));
                prepared.before = import.last().into_iter().collect();
                Ok(prepared)
            }
        }
    }

    async fn prepared_update(&self, target: &Target, change: &Change, draft: &Draft) -> Result<PreparedChange> {
        let scan = scan_of(target)?;
        let (shown, id, name) = self.shown(scan, draft).await?;
        let target = Target { scan: Some(id), name: name.or_else(|| target.name.clone()), run: None };
        let address = Address::full(&self.profile, target.scan.as_ref(), None);
        let (differences, body) = definition::update(draft, &shown, &address)?;
        Ok(PreparedChange { differences, ..PreparedChange::new(&target, change).body(body) })
    }

    async fn prepared_copy(&self, target: &Target, change: &Change, draft: &Draft) -> Result<PreparedChange> {
        let target = self.named_scan(target).await?;
        let name = match (draft.text("name"), &target.name) {
            (Some(name), _) => name.to_owned(),
            (None, Some(name)) => format!("Copy of {name}"),
            (None, None) => return Err(Error::usage("`name` is missing: the vendor shows no name to copy")),
        };
        let user = match draft.text("user") {
            Some(user) => by_id("user", user)?,
            None => by_id("user", &self.own_id().await?)?,
        };
        Ok(PreparedChange::new(&target, change).body(json!({"name": name, "targetUser": user})))
    }

    /// The one request of a change.
    pub(super) async fn applied(&self, prepared: &PreparedChange) -> Result<Applied> {
        let PreparedChange { target, change, .. } = prepared;
        let body = prepared.body.clone().unwrap_or_else(|| Value::Object(Map::new()));
        let run = || run_of(target).map(RunId::as_str);
        match change {
            Change::CreateScan(_) => {
                let answer = self.http.post(["scan"]).json(&body).label("new scan").send().await?;
                made_scan(&answer, |response| response)
            }
            Change::CopyScan(_) => {
                let path = ["scan", scan_of(target)?.as_str(), "copy"];
                let answer = self.http.post(path).json(&body).label("copy of a scan").send().await?;
                made_scan(&answer, |response| response.get("scan").cloned().unwrap_or(response))
            }
            Change::UpdateScan(_) => {
                let path = ["scan", scan_of(target)?.as_str()];
                let answer = self.http.patch(path).json(&body).label("change of a scan").send().await?;
                let (scan, _) = sc_rest::open::<Value>(&answer)?;
                Ok(Applied { shown: scan.is_object(), ..Applied::default() })
            }
            Change::DeleteScan => self.emptied(self.http.delete(["scan", scan_of(target)?.as_str()])).await,
            Change::DeleteRun => self.emptied(self.http.delete(["scanResult", run()?])).await,
            Change::CopyRun { .. } => self.emptied(self.http.post(["scanResult", run()?, "copy"]).json(&body)).await,
            Change::EmailRun { .. } => self.emptied(self.http.post(["scanResult", run()?, "email"]).json(&body)).await,
            Change::ReimportRun(_) => self.emptied(self.http.post(["scanResult", run()?, "import"]).json(&body)).await,
            Change::ImportRun { file, .. } => self.imported(file, body).await,
        }
    }

    /// Sends a request whose answer says nothing.
    async fn emptied(&self, request: crate::http::Request<'_>) -> Result<Applied> {
        sc_rest::taken(&request.label("change").send().await?)?;
        Ok(Applied::default())
    }

    /// Uploads a file, and imports it.
    async fn imported(&self, file: &Path, mut body: Value) -> Result<Applied> {
        #[derive(Deserialize)]
        struct Uploaded {
            filename: Loose,
        }
        let uploaded = async {
            let upload = Upload::new("Filedata", file)?;
            let answer = self.http.post(["file", "upload"]).upload(upload).incidental().label("upload").send().await?;
            let (Uploaded { filename }, _) = sc_rest::open(&answer)?;
            filename.owned().ok_or_else(|| answer.unreadable("`response.filename` is missing"))
        };
        let name = uploaded.await.map_err(|problem| match problem.detail() {
            Detail::Planned(upload) => {
                body["filename"] = "(as the upload is answered)".into();
                let path = upload.path.replace("file/upload", "scanResult/import");
                problem.hint(format!("then POST {path} {body}"))
            }
            // Only the file may be there; nothing was asked to be made of it.
            Detail::Lost(_) => problem
                .context("the answer to the upload was lost; nothing was imported")
                .with_exit(Exit::Network)
                .with_detail(Detail::Plain)
                .hint("it can be done again; the file that may lie there is used by nothing"),
            _ => problem,
        })?;
        body["filename"] = name.as_str().into();
        let request = self.http.post(["scanResult", "import"]).json(&body).label("import");
        match request.send().await {
            Ok(answer) => {
                sc_rest::taken(&answer)?;
                Ok(Applied::default())
            }
            Err(lost) if lost.lost().is_some() => Err(lost),
            Err(refused) => {
                // What lies there serves nothing any more. Where it cannot be removed, the refusal is still the news.
                let clear = self.http.post(["file", "clear"]).json(&json!({"filename": name})).incidental();
                match clear.label("clear").send().await {
                    Ok(_) => Err(refused),
                    Err(problem) => Err(refused.because(format!("the uploaded file was left: {}", problem.message()))),
                }
            }
        }
    }

    /// One look for a change whose answer is lost or names nothing.
    pub(super) async fn look(&self, prepared: &PreparedChange, sent: Instant) -> Result<Found> {
        let target = &prepared.target;
        let gone = |is_gone: bool| if is_gone { Found::Seen(vec![target.clone()]) } else { Found::NotYet };
        match &prepared.change {
            Change::CreateScan(_) | Change::CopyScan(_) => {
                let name = prepared.body.as_ref().and_then(|body| body.get("name")).and_then(Value::as_str);
                let (scans, earliest) = self.made_since("scan", sent).await?;
                let is_it = |scan: &&Made| {
                    let made = scan.created_time.seconds().zip(earliest);
                    scan.name.text() == name && made.is_some_and(|(made, earliest)| made >= earliest)
                };
                Ok(seen(scans.iter().filter(is_it).filter_map(Made::scan).collect()))
            }
            Change::ImportRun { file, .. } => {
                let (results, earliest) = self.made_since("scanResult", sent).await?;
                let name = format!("{IMPORTED}{}", file.file_name().unwrap_or_default().to_string_lossy());
                let is_it = |result: &&Made| {
                    let made = result.created_time.seconds().zip(earliest);
                    result.id.text().is_some_and(|id| !prepared.before.iter().any(|known| known == id))
                        && made.is_none_or(|(made, earliest)| made >= earliest)
                        && result.name.text() == Some(&*name)
                };
                Ok(seen(results.iter().filter(is_it).filter_map(Made::run).collect()))
            }
            Change::UpdateScan(draft) => {
                let (shown, ..) = self.shown(scan_of(target)?, draft).await?;
                let address = Address::full(&self.profile, target.scan.as_ref(), None);
                let (left, _) = definition::update(draft, &shown, &address)?;
                if left.iter().any(|difference| difference.before.is_some()) {
                    Ok(Found::NotYet)
                } else if left.is_empty() {
                    Ok(gone(true))
                } else {
                    // What is left cannot be read, and may have been refused alone.
                    Ok(Found::Untold)
                }
            }
            Change::DeleteScan => Ok(gone(found(self.stored(scan_of(target)?).await)?.is_none())),
            Change::DeleteRun => Ok(gone(found(self.result(run_of(target)?).await)?.is_none())),
            Change::ReimportRun(_) => {
                // A run whose first import was still to come has it without anybody's asking.
                let [last] = &prepared.before[..] else { return Ok(Found::Untold) };
                let (import, now, received) = self.import(run_of(target)?).await?;
                let earliest = sc_rest::earliest(now, received, sent);
                let begun = import.start.seconds().zip(earliest).is_some_and(|(start, earliest)| start >= earliest);
                Ok(gone(begun && import.start.text() != Some(last)))
            }
            Change::CopyRun { .. } | Change::EmailRun { .. } => Ok(Found::Untold),
        }
    }

    /// What is shown of those keys that are written.
    async fn shown(&self, scan: &ScanId, draft: &Draft) -> Result<(Value, ScanId, Option<String>)> {
        let request = self.http.get(["scan", scan.as_str()]).query("fields", definition::fields(draft));
        let answer = request.label("scan").send().await?;
        let (shown, _) = sc_rest::open::<Value>(&answer)?;
        let Reference { id, name } = sc_rest::reference(Some(&shown));
        let id = id.ok_or_else(|| answer.unreadable("`response.id` is missing"))?;
        Ok((shown, ScanId::new(id), name))
    }

    async fn named_scan(&self, target: &Target) -> Result<Target> {
        let (scan, ..) = self.stored(scan_of(target)?).await?;
        Ok(Target { scan: Some(scan.scan), name: scan.name, run: None })
    }

    async fn named_run(&self, target: &Target) -> Result<Target> {
        let (read, _) = self.result(run_of(target)?).await?;
        Ok(learned(target, &read))
    }

    /// The import of a result, the vendor's clock when it answered, and when that came.
    async fn import(&self, run: &RunId) -> Result<(Import, Option<jiff::Timestamp>, Instant)> {
        let request = self.http.get(["scanResult", run.as_str()]).query("fields", IMPORT_FIELDS);
        let answer = request.label("scan result").send().await?;
        let (import, now) = sc_rest::open::<Import>(&answer)?;
        Ok((import, now, answer.received))
    }

    /// The number of the profile's own user.
    async fn own_id(&self) -> Result<String> {
        let request = self.http.get(["currentUser"]).query("fields", "id,username").label("current user");
        let answer = request.send().await?;
        let (user, _) = sc_rest::open::<Value>(&answer)?;
        let id = sc_rest::reference(Some(&user)).id;
        id.ok_or_else(|| answer.unreadable("`response.id` is missing"))
    }

    /// Everything of a kind, with names and times.
    async fn made(&self, kind: &str) -> Result<(Vec<Made>, Answer)> {
        let request = self.http.get([kind]);
        let request = if kind == "scan" { request } else { sc_rest::window(request, Which::All) };
        let answer = request.query("fields", "id,name,createdTime").label("list").send().await?;
        let (list, _) = sc_rest::open::<Listed>(&answer)?;
        Ok((list.of(&answer)?, answer))
    }

    async fn made_since(&self, kind: &str, sent: Instant) -> Result<(Vec<Made>, Option<jiff::Timestamp>)> {
        let (made, answer) = self.made(kind).await?;
        let (_, now) = sc_rest::open::<Value>(&answer)?;
        Ok((made, sc_rest::earliest(now, answer.received, sent)))
    }
}

impl Made {
    fn scan(&self) -> Option<Target> {
        Some(Target { scan: Some(ScanId::new(self.id.text()?)), run: None, name: self.name.owned() })
    }

    fn run(&self) -> Option<Target> {
        Some(Target { scan: None, run: Some(RunId::new(self.id.text()?)), name: self.name.owned() })
    }
}

fn seen(targets: Vec<Target>) -> Found {
    if targets.is_empty() { Found::NotYet } else { Found::Seen(targets) }
}

fn learned(target: &Target, read: &crate::model::Run) -> Target {
    let mut target = Target { name: None, ..target.clone() };
    target.learn(read);
    target
}

/// The scan that an answer tells of.
fn made_scan(answer: &Answer, scan_in: impl FnOnce(Value) -> Value) -> Result<Applied> {
    let (response, _) = sc_rest::open::<Value>(answer)?;
    let stored: Option<StoredScan> = serde_json::from_value(scan_in(response)).ok();
    let scan = stored.and_then(|stored| stored.scan());
    let scan = scan.ok_or_else(|| answer.unreadable("the scan's id is missing"))?;
    Ok(Applied { target: Target { scan: Some(scan.scan), name: scan.name, run: None }, ..Applied::default() })
}

#[cfg(test)]
mod tests;
