//! What Director can change: scans are made and deleted, results are sent by e-mail. It has no call that changes or
//! copies a scan, nor one that deletes, copies or imports a result; those are the instances' own.

use serde_json::{Value as Json, json};

use super::wire::StoredScan;
use super::{Director, NO_IMPORT, NO_RUN_CHANGE, NO_SCAN_COPY, NO_UPDATE, SPEC, run_of, scan_of};
use crate::backends::change::{Applied, Change, Found, PreparedChange};
use crate::backends::sc_rest::resolve::found;
use crate::backends::{ScanQuery, Target, sc_rest, unsupported};
use crate::error::{Error, Result};
use crate::exit::Exit;
use crate::model::{Address, RunId, ScanId};

/// What tells whose a new scan is, under the names that are asked for.
const LIKENESS: [&str; 4] = ["SCI", "owner", "policy", "repository"];

/// The same under the names that are answered, and those that are sent.
const SAME: [(&str, &str); 3] =
    [("ownerUUID", "userUUID"), ("policyUUID", "policyUUID"), ("repositoryUUID", "repositoryUUID")];

impl Director {
    pub(super) async fn change_prepared(&self, target: &Target, change: &Change) -> Result<PreparedChange> {
        match change {
            Change::CreateScan(draft) => self.new_scan(change, draft).await,
            Change::DeleteScan => {
                let (stored, _) = self.stored(scan_of(target)?).await?;
                let target = Target { name: stored.name.owned(), ..target.clone() };
                let place = self.place(&stored);
                // Said beforehand, since it is an instance's scan that is lost, and afterwards, for the record.
                let warnings = place.iter().map(|place| format!("this deletes {place}")).collect();
                let message = place.map(|place| format!("that is {place}"));
                Ok(PreparedChange { warnings, message, ..PreparedChange::new(&target, change) })
            }
            Change::EmailRun { to } => {
                let (_, run, _) = self.copied(run_of(target)?).await?;
                let target = Target { name: run.name, ..target.clone() };
                Ok(PreparedChange::new(&target, change).body(json!({"email": to.join(",")})))
            }
            Change::UpdateScan(_)
            | Change::CopyScan(_)
            | Change::DeleteRun
            | Change::CopyRun { .. }
            | Change::ImportRun { .. }
            | Change::ReimportRun(_) => Err(missing(change)),
        }
    }

    pub(super) async fn change_sent(&self, prepared: &PreparedChange) -> Result<Applied> {
        let PreparedChange { target, change, body, .. } = prepared;
        match change {
            Change::CreateScan(_) => {
                let answer = self.http.post(["mgmt", "scan"]).json(body).label("scan creation").send().await;
                let answer = answer.map_err(which_is_missing)?;
                let (made, _) = sc_rest::open::<StoredScan>(&answer)?;
                let Some(made_target) = target_of(&made) else {
                    return Err(answer.unreadable("`response.id` is missing"));
                };
                let message = self.place(&made).map(|place| format!("that is {place}"));
                Ok(Applied { target: made_target, message, ..Applied::default() })
            }
            Change::DeleteScan => {
                let scan = scan_of(target)?;
                let answer = self.http.delete(["mgmt", "scan", scan.as_str()]).label("scan deletion").send().await?;
                sc_rest::taken(&answer)?;
                Ok(Applied::default())
            }
            Change::EmailRun { .. } => {
                let run = run_of(target)?;
                let request = self.http.post(["mgmt", "scanResult", run.as_str(), "email"]).json(body);
                match request.label("e-mail").send().await {
                    Ok(answer) => sc_rest::taken(&answer)?,
                    // A missing run is refused in another way: what is not there is the call.
                    Err(refusal) if refusal.refused() && refusal.answer().status == Some(404) => {
                        return Err(self.no_email(run, refusal).await);
                    }
                    Err(problem) => return Err(problem),
                }
                Ok(Applied::default())
            }
            Change::UpdateScan(_)
            | Change::CopyScan(_)
            | Change::DeleteRun
            | Change::CopyRun { .. }
            | Change::ImportRun { .. }
            | Change::ReimportRun(_) => Err(missing(change)),
        }
    }

    /// One look for a change. Director's clock need not be that of an instance, so a new scan is told by its number alone.
    pub(super) async fn change_found(&self, prepared: &PreparedChange) -> Result<Found> {
        match (&prepared.change, &prepared.body) {
            (Change::CreateScan(_), Some(body)) => {
                let fields = LIKENESS.map(str::to_owned).to_vec();
                let instance = body["sciID"].as_u64().map(|id| id.to_string());
                let query = ScanQuery { fields, instance, ..ScanQuery::default() };
                let (stored, _) = self.stored_scans_of(&query).await?;
                let is_new = |scan: &&StoredScan| {
                    scan.id.text().is_some_and(|id| !prepared.before.iter().any(|known| known == id))
                };
                let like = stored.iter().filter(is_new).filter(|scan| is_like(&scan.object, body));
                let made: Vec<Target> = like.filter_map(target_of).collect();
                Ok(if made.is_empty() { Found::NotYet } else { Found::Seen(made) })
            }
            (Change::DeleteScan, _) => {
                let left = found(self.stored(scan_of(&prepared.target)?).await)?;
                Ok(if left.is_none() { Found::Seen(vec![prepared.target.clone()]) } else { Found::NotYet })
            }
            _ => Ok(Found::Untold),
        }
    }

    /// The error of a Director without the call that sends mail. The instance of the run has it.
    async fn no_email(&self, run: &RunId, refusal: Error) -> Error {
        let error = Error::new(Exit::Unsupported, "this Director has no call that sends a result by e-mail")
            .because(refusal.one_line())
            .with_answer(refusal.answer().clone());
        let copied = self.copied(run).await.ok().map(|(copied, ..)| copied);
        let instance = copied.as_ref().and_then(|copied| copied.instance.id.as_deref());
        let profile = instance.and_then(|id| self.instances.get(id));
        match (profile, copied.as_ref().and_then(|copied| copied.there.as_ref())) {
            (Some(profile), Some(there)) => {
                let there = Address::full(profile, None, Some(there));
                error.hint(format!("`scanctl runs email {there} --to …` asks the run's instance"))
            }
            _ => error.hint(NO_RUN_CHANGE),
        }
    }
}

/// The error of a change for which there is no call.
fn missing(change: &Change) -> Error {
    let why = match change {
        Change::UpdateScan(_) => NO_UPDATE,
        Change::CopyScan(_) => NO_SCAN_COPY,
        Change::ImportRun { .. } => NO_IMPORT,
        _ => NO_RUN_CHANGE,
    };
    unsupported(&SPEC, change.operation(), why)
}

/// A new scan cannot be missing itself: what it refers to is, and what was looked up was there.
fn which_is_missing(problem: Error) -> Error {
    if problem.refused() && problem.exit() == Exit::NotFound {
        problem.hint("something that could not be checked does not exist: `repository`, `zone` or one of `assets`")
    } else {
        problem
    }
}

fn target_of(scan: &StoredScan) -> Option<Target> {
    Some(Target { scan: Some(ScanId::new(scan.id.text()?)), name: scan.name.owned(), run: None })
}

/// Whether a scan is what was asked for, as far as it shows.
fn is_like(shown: &Json, sent: &Json) -> bool {
    let text = |object: &Json, key: &str| object.get(key).and_then(Json::as_str).unwrap_or_default().trim().to_owned();
    let same = |(shown_as, sent_as): (&str, &str)| {
        let shown = text(shown, shown_as);
        shown.is_empty() || shown.eq_ignore_ascii_case(&text(sent, sent_as))
    };
    text(shown, "name") == text(sent, "name") && SAME.into_iter().all(same)
}
