//! Scan profiles made, changed and deleted. Runs cannot be changed, and profiles cannot be copied.
//!
//! Vendor pages: `POST /scanner/scanprofiles` (answers 200 with a sentence and no id), `POST /scanner/scanprofiles/{profileid}`
//! (202 with an unspecified message), `DELETE /scanner/scanprofiles/{profileid}` (204), and for consoles from API 26.0 on,
//! which have the first no more, the older `POST /scanner/profiles/create`. The only failure that the pages name is 500 with
//! code 1030, which may come after the change as well as before.

use std::collections::HashSet;

use serde_json::{Map, Value, json};

use super::records::Profile;
use super::{Juniper, NO_COPY, NO_IMPORT, NO_RUN_CHANGE, SPEC};
use crate::backends::change::{Applied, Change, Found, PreparedChange};
use crate::backends::definition::Draft;
use crate::backends::wire::plain_text;
use crate::backends::{Target, unsupported};
use crate::error::{Detail, Error, Result};
use crate::http::Answer;
use crate::model::{Address, Difference, ScanId};

/// What is not known of new targets.
const BLIND: &str = "replace or append not known";
const UNDOCUMENTED_DELETE: &str =
    "what becomes of a scan profile's runs and results, and of a scan under way, when it is deleted is not documented";

/// Targets in the only notation that JSA is known to take.
///
/// # Errors
/// Exit 2 for a block.
pub fn check_targets(targets: &[String]) -> Result<()> {
    let Some(block) = targets.iter().find(|target| target.contains('/')) else { return Ok(()) };
    Err(Error::usage(format!("`{block}` is a CIDR block, which JSA does not take as a target"))
        .hint("name addresses, or a range such as 192.0.2.1-192.0.2.9"))
}

/// Whether the console says that there is no such call, so that nothing was made.
fn is_no_such_call(refusal: &Error) -> bool {
    refusal.refused() && matches!(refusal.answer().status, Some(404 | 405 | 410))
}

/// What the console answers to most changes: a sentence whose wording is undocumented, as plain text or as a JSON string.
pub fn sentence(answer: &Answer) -> Result<Option<String>> {
    match serde_json::from_slice::<Value>(&answer.body) {
        // Objects are what the console writes about failures, on these calls too.
        Ok(Value::Object(_) | Value::Array(_)) => Err(answer.unreadable("it is JSON, not a sentence")),
        _ => said(answer),
    }
}

/// The same of an update, whose answer is JSON of no documented form.
fn remark(answer: &Answer) -> Result<Option<String>> {
    match serde_json::from_slice::<Value>(&answer.body) {
        Ok(Value::Object(members)) if members.contains_key("http_response") => {
            Err(answer.unreadable("it is what the console writes about a failure"))
        }
        _ => said(answer),
    }
}

fn said(answer: &Answer) -> Result<Option<String>> {
    if answer.body.trim_ascii_start().starts_with(b"<") {
        return Err(answer.unreadable("it is HTML, not the console's answer to a change"));
    }
    let said = match serde_json::from_slice::<Value>(&answer.body) {
        Ok(Value::String(text)) => plain_text(text.as_bytes()),
        Ok(Value::Null) => None,
        _ => plain_text(&answer.body),
    };
    Ok(said.map(|said| format!("the console says: {said}")))
}

impl Juniper {
    pub(super) async fn before_change(&self, target: &Target, change: &Change) -> Result<PreparedChange> {
        match change {
            Change::CreateScan(draft) => self.prepare_create(change, draft).await,
            Change::UpdateScan(draft) => self.prepare_update(target, change, draft).await,
            Change::DeleteScan => {
                let (profile, _) = self.profile_of(self.scan_of(target)?, None).await?;
                let target = Target { name: profile.name(), ..target.clone() };
                let warnings = vec![format!("profile `{}`: {UNDOCUMENTED_DELETE}", self.profile)];
                Ok(PreparedChange { warnings, ..PreparedChange::new(&target, change) })
            }
            Change::CopyScan(_) => Err(unsupported(&SPEC, change.operation(), NO_COPY)),
            Change::DeleteRun | Change::CopyRun { .. } | Change::EmailRun { .. } => {
                Err(unsupported(&SPEC, change.operation(), NO_RUN_CHANGE))
            }
            Change::ImportRun { .. } | Change::ReimportRun(_) => Err(unsupported(&SPEC, change.operation(), NO_IMPORT)),
        }
    }

    /// The answer has no id, so the name must find the new profile, and no other may have it.
    async fn prepare_create(&self, change: &Change, draft: &Draft) -> Result<PreparedChange> {
        let name = draft.text("name").unwrap_or_default();
        let targets = draft.list("targets").unwrap_or_default();
        check_targets(targets)?;
        let listed = self.profiles(None).await?;
        if let Some(there) = listed.rows.iter().find(|profile| profile.is_named(name)) {
            let address = Address::full(&self.profile, there.id().as_ref(), None);
            return Err(Error::usage(format!("`name`: {address} is named \"{name}\" already")).hint(
                "the console answers without an id, so the name must find the new scan profile: choose another",
            ));
        }
        let before = listed.rows.iter().filter_map(|profile| profile.scan_profile_id.owned()).collect();
        let mut body = json!({ "name": name, "hosts": targets });
        if let Some(description) = draft.text("description") {
            body["description"] = description.into();
        }
        Ok(PreparedChange { before, ..PreparedChange::new(&Target::default(), change).body(body) })
    }

    async fn prepare_update(&self, target: &Target, change: &Change, draft: &Draft) -> Result<PreparedChange> {
        let targets = draft.list("targets");
        check_targets(targets.unwrap_or_default())?;
        let (profile, _) = self.profile_of(self.scan_of(target)?, None).await?;
        let mut body = Map::new();
        let mut differences = Vec::new();
        let mut differs = |key: &str, sent_as: &str, before: Option<Value>, after: Value, note: Option<&str>| {
            if before.as_ref() != Some(&after) {
                body.insert(sent_as.to_owned(), after.clone());
                differences.push(Difference { key: key.to_owned(), before, after, note: note.map(str::to_owned) });
            }
        };
        if let Some(name) = draft.text("name") {
            differs("name", "name", profile.name().map(Value::from), name.into(), None);
        }
        if let Some(targets) = targets {
            differs("targets", "ips", None, targets.into(), Some(BLIND));
        }
        if let Some(description) = draft.text("description") {
            differs("description", "description", profile.description().map(Value::from), description.into(), None);
        }
        let mut warnings = Vec::new();
        if let Some(name) = body.get("name").and_then(Value::as_str) {
            let listed = self.profiles(None).await?;
            let others = listed.rows.iter().filter(|other| other.is_named(name)).filter_map(Profile::id);
            let others = others.filter(|other| target.scan.as_ref() != Some(other));
            warnings.extend(others.map(|other| {
                let other = Address::full(&self.profile, Some(&other), None);
                format!("{other} is named \"{name}\" too, so `name:{name}` will mean neither")
            }));
        }
        let target = Target { name: profile.name(), ..target.clone() };
        Ok(PreparedChange { differences, warnings, ..PreparedChange::new(&target, change).body(body.into()) })
    }

    pub(super) async fn send_change(&self, prepared: &PreparedChange) -> Result<Applied> {
        let body = prepared.body.clone().unwrap_or_default();
        match &prepared.change {
            Change::CreateScan(_) => self.create(&body).await,
            Change::UpdateScan(_) => {
                let path = ["scanner", "scanprofiles", self.scan_of(&prepared.target)?.as_str()];
                let answer = self.http.post(path).json(&body).label("update scan profile").send().await?;
                Ok(Applied { target: prepared.target.clone(), message: remark(&answer)?, ..Applied::default() })
            }
            Change::DeleteScan => {
                let path = ["scanner", "scanprofiles", self.scan_of(&prepared.target)?.as_str()];
                let answer = self.http.delete(path).accept("text/plain").label("delete scan profile").send().await?;
                Ok(Applied { target: prepared.target.clone(), message: sentence(&answer)?, ..Applied::default() })
            }
            Change::CopyScan(_)
            | Change::DeleteRun
            | Change::CopyRun { .. }
            | Change::EmailRun { .. }
            | Change::ImportRun { .. }
            | Change::ReimportRun(_) => {
                Err(unsupported(&SPEC, prepared.change.operation(), "JSA's API has no such call"))
            }
        }
    }

    /// In the form of 17.0; in the older one only where the console says that it does not have that call, so that
    /// nothing can have been made by it.
    async fn create(&self, body: &Value) -> Result<Applied> {
        let request = self.http.post(["scanner", "scanprofiles"]).json(body);
        let answer = match request.accept("text/plain").label("create scan profile").send().await {
            Err(refusal) if is_no_such_call(&refusal) => return self.create_as_before(body).await,
            Err(planned) if matches!(planned.detail(), Detail::Planned(_)) => {
                let left_out = body.get("description").map_or("", |_| " and without the description");
                return Err(planned.hint(format!(
                    "a console that says that it has no such call is sent the older POST /api/scanner/profiles/create, \
                     with `ips` in place of `hosts`{left_out}"
                )));
            }
            answer => answer?,
        };
        Ok(Applied { message: sentence(&answer)?, ..Applied::default() })
    }

    async fn create_as_before(&self, body: &Value) -> Result<Applied> {
        let older = json!({ "name": body["name"], "ips": body["hosts"] });
        let request = self.http.post(["scanner", "profiles", "create"]).json(&older);
        let answer = request.accept("text/plain").label("create profile").send().await?;
        let left_out = body.get("description").map(|_| {
            "the description was left out, since this console has only the older call, which takes none; \
             `scanctl scans update` can set it"
                .to_owned()
        });
        let said: Vec<String> = [sentence(&answer)?, left_out].into_iter().flatten().collect();
        Ok(Applied { message: Some(said.join("; ")).filter(|said| !said.is_empty()), ..Applied::default() })
    }

    pub(super) async fn look_for_change(&self, prepared: &PreparedChange) -> Result<Found> {
        match &prepared.change {
            Change::CreateScan(draft) => {
                let name = draft.text("name").unwrap_or_default();
                let before: HashSet<&str> = prepared.before.iter().map(String::as_str).collect();
                let listed = self.profiles(None).await?;
                let named = listed.rows.iter().filter(|profile| profile.is_named(name));
                let new = named.filter_map(|profile| Some((profile.id()?, profile.name())));
                let new = new.filter(|(id, _)| !before.contains(id.as_str()));
                let found: Vec<Target> = new.map(|(id, name)| Target { scan: Some(id), name, run: None }).collect();
                Ok(if found.is_empty() { Found::NotYet } else { Found::Seen(found) })
            }
            Change::UpdateScan(_) => {
                let sent = |key: &str| prepared.body.as_ref().and_then(|body| body.get(key)).and_then(Value::as_str);
                let (name, description) = (sent("name"), sent("description"));
                // That the rest is so tells nothing of what is never shown.
                if prepared.differences.iter().any(|difference| difference.before.is_none()) {
                    return Ok(Found::Untold);
                }
                let (profile, _) = self.profile_of(self.scan_of(&prepared.target)?, None).await?;
                let shown = name.is_none_or(|name| profile.name().as_deref() == Some(name))
                    && description.is_none_or(|text| profile.description() == Some(text));
                Ok(if shown { Found::Seen(vec![prepared.target.clone()]) } else { Found::NotYet })
            }
            Change::DeleteScan => {
                // From the list: what the call for one profile answers to an unknown id is not documented.
                let scan = self.scan_of(&prepared.target)?;
                let there = |profile: &Profile| profile.id().as_ref() == Some::<&ScanId>(scan);
                let gone = !self.profiles(None).await?.rows.iter().any(there);
                Ok(if gone { Found::Seen(vec![prepared.target.clone()]) } else { Found::NotYet })
            }
            Change::CopyScan(_)
            | Change::DeleteRun
            | Change::CopyRun { .. }
            | Change::EmailRun { .. }
            | Change::ImportRun { .. }
            | Change::ReimportRun(_) => Ok(Found::Untold),
        }
    }
}

#[cfg(test)]
mod tests;
