//! Scan configs made, changed, copied and deleted. There is no run that could be.
//!
//! Vendor pages: <https://developers.cloudflare.com/api/resources/cloudforce_one/subresources/scans/subresources/config/>,
//! `create` (200 with the config), `edit` (PATCH, 200 with the config), `delete` (200 with an empty object). None takes a
//! version or a key that would make a second one the same as the first, and a config has neither name nor time, so the
//! list is read before everything: for what is there already, for before and after, and to find again what was made.

use serde::de::IgnoredAny;
use serde_json::{Map, Value, json};

use super::answer::Config;
use super::{Cloudflare, Listed, NO_RUN_DELETE, NO_RUNS, SPEC, open, order};
use crate::backends::change::{Applied, Change, Found, PreparedChange};
use crate::backends::definition::Draft;
use crate::backends::{Target, unsupported};
use crate::error::{Error, Result};
use crate::model::{Address, Difference, ScanId};

const DELETES: &str =
    "a config's latest result may go with it, and a scan under way is not known to end when its config is deleted";

/// Whether a config shows every member of a body.
fn shows(config: &Config, body: &Value) -> bool {
    let texts = |name: &str| -> Option<Vec<String>> {
        Some(body.get(name)?.as_array()?.iter().filter_map(|text| text.as_str().map(str::to_owned)).collect())
    };
    texts("ips").is_none_or(|ips| order::same_targets(&config.ips(), &ips))
        && texts("ports").is_none_or(|ports| order::same_ports(&config.ports(), &ports))
        && body.get("frequency").is_none_or(|days| days.as_f64() == config.days())
}

/// Days as they are sent: a whole number wherever they are one.
fn number(days: f64) -> Value {
    #[expect(clippy::cast_possible_truncation, reason = "checked to be whole and in range")]
    let whole = days as i64;
    if days.fract() == 0.0 && days.abs() < 1e15 { whole.into() } else { days.into() }
}

fn ports(draft: &Draft) -> Result<Option<Vec<String>>> {
    match draft.list("ports") {
        Some([]) => Err(Error::usage("`ports` names none").hint("`default` and `all` are ports too")),
        Some(texts) => order::ports(texts).map(Some),
        None => Ok(None),
    }
}

impl Cloudflare {
    pub(super) async fn before_change(&self, target: &Target, change: &Change) -> Result<PreparedChange> {
        match change {
            Change::CreateScan(draft) => self.prepare_create(change, draft).await,
            Change::UpdateScan(draft) => self.prepare_update(target, change, draft).await,
            Change::CopyScan(_) => {
                let listed = self.list().await?;
                let config = self.listed(&listed, target)?;
                let body = self.body_of(self.scan_of(target)?, config)?;
                let prepared = PreparedChange::new(target, change).body(body);
                Ok(PreparedChange { before: listed.ids(), warnings: self.named(listed.notes), ..prepared })
            }
            Change::DeleteScan => {
                let listed = self.list().await?;
                self.listed(&listed, target)?;
                let warnings = std::iter::once(DELETES.to_owned()).chain(listed.notes).collect();
                Ok(PreparedChange { warnings: self.named(warnings), ..PreparedChange::new(target, change) })
            }
            Change::DeleteRun => Err(unsupported(&SPEC, change.operation(), NO_RUN_DELETE)),
            Change::CopyRun { .. } | Change::EmailRun { .. } | Change::ImportRun { .. } | Change::ReimportRun(_) => {
                Err(unsupported(&SPEC, change.operation(), NO_RUNS))
            }
        }
    }

    /// All three members, so that nothing hangs on a default that is not documented.
    async fn prepare_create(&self, change: &Change, draft: &Draft) -> Result<PreparedChange> {
        let (targets, mut warnings) = order::targets(draft.list("targets").unwrap_or_default())?;
        let ports = match ports(draft)? {
            Some(ports) => ports,
            None => order::ports(&[])?,
        };
        let frequency = draft.number("frequency").unwrap_or(0);
        let body = json!({ "ips": targets, "ports": ports, "frequency": frequency });
        let listed = self.list().await?;
        let same: Vec<String> = listed
            .configs
            .iter()
            .filter(|config| shows(config, &body))
            .filter_map(|config| Some(Address::full(&self.profile, Some(&config.id()?), None)))
            .collect();
        let mut doubts = Vec::new();
        if !same.is_empty() {
            let kind = if frequency == 0 { "one-off config" } else { "config" };
            doubts.push(format!("another {kind} of the same addresses, ports and frequency as {}", same.join(", ")));
        }
        let before = listed.ids();
        warnings.extend(listed.notes);
        let prepared = PreparedChange::new(&Target::default(), change).body(body);
        Ok(PreparedChange { before, doubts, warnings: self.named(warnings), ..prepared })
    }

    /// Only what differs is sent, and nothing can be changed back but by somebody who knows what it was.
    async fn prepare_update(&self, target: &Target, change: &Change, draft: &Draft) -> Result<PreparedChange> {
        let targets = draft.list("targets").map(order::targets).transpose()?;
        let ports = ports(draft)?;
        let listed = self.list().await?;
        let config = self.listed(&listed, target)?;
        let mut body = Map::new();
        let mut differences = Vec::new();
        let mut differs = |key: &str, sent_as: &str, before: Option<Value>, after: Value| {
            body.insert(sent_as.to_owned(), after.clone());
            differences.push(Difference { key: key.to_owned(), before, after, note: None });
        };
        let mut warnings = Vec::new();
        if let Some((targets, said)) = targets
            && !order::same_targets(&config.ips(), &targets)
        {
            warnings.extend(said);
            differs("targets", "ips", Some(config.ips().into()), targets.into());
        }
        if let Some(ports) = ports
            && !order::same_ports(&config.ports(), &ports)
        {
            differs("ports", "ports", Some(config.ports().into()), ports.into());
        }
        let days = draft.number("frequency");
        let before = config.days();
        if let Some(days) = days
            && before != json!(days).as_f64()
        {
            differs("frequency", "frequency", before.map(number), days.into());
        }
        if !differences.is_empty() {
            let address = Address::full(&self.profile, target.scan.as_ref(), None);
            warnings.extend(after_an_update(before, days, &address));
        }
        warnings.extend(listed.notes);
        let prepared = PreparedChange::new(target, change).body(body.into());
        Ok(PreparedChange { differences, warnings: self.named(warnings), ..prepared })
    }

    /// A body that makes another config like this one.
    fn body_of(&self, scan: &ScanId, config: &Config) -> Result<Value> {
        let (ips, ports) = (config.ips(), config.ports());
        let lacks = |what: &str| Error::bad_data(format!("scan config {scan} is listed without {what}"));
        if ips.is_empty() {
            return Err(lacks("an address"));
        }
        if ports.is_empty() {
            return Err(lacks("ports"));
        }
        let days = config.days().ok_or_else(|| lacks("a frequency"))?;
        Ok(json!({ "ips": ips, "ports": ports, "frequency": number(days) }))
    }

    fn listed<'a>(&self, listed: &'a Listed, target: &Target) -> Result<&'a Config> {
        let scan = self.scan_of(target)?;
        listed.find(scan).ok_or_else(|| self.not_listed(scan))
    }

    /// Warnings with the profile that they are about.
    fn named(&self, warnings: Vec<String>) -> Vec<String> {
        warnings.into_iter().map(|text| format!("profile `{}`: {text}", self.profile)).collect()
    }

    pub(super) async fn send_change(&self, prepared: &PreparedChange) -> Result<Applied> {
        let body = prepared.body.clone().unwrap_or_default();
        match &prepared.change {
            Change::CreateScan(_) | Change::CopyScan(_) => {
                let request = self.http.post(self.path(&["config"])).json(&body).label("create scan config");
                let answer = request.send().await?;
                let (created, notes) = open::<Config>(&answer)?;
                let created = created.and_then(|config| config.id());
                let scan = created.ok_or_else(|| answer.unreadable("`result.id` is missing"))?;
                let what = if body["frequency"].as_f64() == Some(0.0) {
                    self.made(&scan)
                } else {
                    "Cloudflare does not say when it scans for the first time".to_owned()
                };
                let message: Vec<String> = std::iter::once(what).chain(notes).collect();
                let target = Target { scan: Some(scan), ..Target::default() };
                let message = Some(message.join("; "));
                Ok(Applied { target, message, request_id: answer.request_id, ..Applied::default() })
            }
            Change::UpdateScan(_) => {
                let scan = self.scan_of(&prepared.target)?;
                let request = self.http.patch(self.path(&["config", scan.as_str()])).json(&body);
                let answer = request.label("update scan config").send().await?;
                let (config, mut notes) = open::<Config>(&answer)?;
                self.one_offs.borrow_mut().remove(scan);
                let shown = config.map(|config| shows(&config, &body));
                if shown == Some(false) {
                    notes.push(format!(
                        "Cloudflare took it and answers with other values: look with `scanctl scans show {}`",
                        Address::full(&self.profile, Some(scan), None)
                    ));
                }
                let applied = self.applied(prepared, notes, answer.request_id);
                Ok(Applied { shown: shown == Some(true), ..applied })
            }
            Change::DeleteScan => {
                let scan = self.scan_of(&prepared.target)?;
                let request = self.http.delete(self.path(&["config", scan.as_str()]));
                let answer = request.label("delete scan config").send().await?;
                let (_, notes) = open::<IgnoredAny>(&answer)?;
                Ok(self.applied(prepared, notes, answer.request_id))
            }
            Change::DeleteRun
            | Change::CopyRun { .. }
            | Change::EmailRun { .. }
            | Change::ImportRun { .. }
            | Change::ReimportRun(_) => Err(unsupported(&SPEC, prepared.change.operation(), NO_RUNS)),
        }
    }

    fn applied(&self, prepared: &PreparedChange, notes: Vec<String>, request_id: Option<String>) -> Applied {
        let message = Some(notes.join("; ")).filter(|notes| !notes.is_empty());
        Applied { target: prepared.target.clone(), message, request_id, ..Applied::default() }
    }

    pub(super) async fn look_for_change(&self, prepared: &PreparedChange) -> Result<Found> {
        let listed = self.list().await?;
        let body = prepared.body.clone().unwrap_or_default();
        let seen = |is_so: bool| if is_so { Found::Seen(vec![prepared.target.clone()]) } else { Found::NotYet };
        Ok(match &prepared.change {
            Change::CreateScan(_) | Change::CopyScan(_) => {
                let new = listed.configs.iter().filter(|config| shows(config, &body)).filter_map(Config::id);
                let new = new.filter(|id| !prepared.before.iter().any(|old| old == id.as_str()));
                let found: Vec<Target> = new.map(|scan| Target { scan: Some(scan), ..Target::default() }).collect();
                if found.is_empty() { Found::NotYet } else { Found::Seen(found) }
            }
            Change::UpdateScan(_) => seen(shows(self.listed(&listed, &prepared.target)?, &body)),
            Change::DeleteScan => seen(listed.find(self.scan_of(&prepared.target)?).is_none()),
            Change::DeleteRun
            | Change::CopyRun { .. }
            | Change::EmailRun { .. }
            | Change::ImportRun { .. }
            | Change::ReimportRun(_) => Found::Untold,
        })
    }
}

/// What is to be known of an update beyond what differs. What a change starts or ends is documented nowhere.
fn after_an_update(before: Option<f64>, days: Option<i64>, address: &str) -> Option<String> {
    let recurred = before.is_some_and(|days| days != 0.0);
    match days {
        Some(0) if recurred => {
            let back = before.map(number).and_then(|days| days.as_i64());
            let back = back.map_or(String::new(), |days| {
                format!("`scanctl scans update {address} --frequency {days}` would bring it back; ")
            });
            Some(format!(
                "Cloudflare forgets the interval: {back}whether a config scans once more when its recurrence ends, and \
                 whether a scan under way ends, is not documented"
            ))
        }
        Some(days) if days > 0 => Some("when a config with another frequency scans next is not documented".to_owned()),
        _ if before == Some(0.0) => Some(format!(
            "{address} is a one-off, and nothing says that a changed one scans again: `scanctl launch {address}` makes a \
             new one"
        )),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
