//! A new scan: the request put together, with what it refers to looked up first.
//!
//! Users, policies, repositories and zones go by uuid, instances and asset lists by Director's numbers. Lists are
//! documented of instances, users and policies, so those are checked; the rest is Director's to refuse.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value as Json, json};

use super::Director;
use super::wire::Known;
use crate::backends::change::{Change, PreparedChange};
use crate::backends::definition::{Draft, Value};
use crate::backends::sc_rest::definition::{Schedule, by_ids, number, targets, texts};
use crate::backends::sc_rest::{self, Listed};
use crate::backends::{ScanQuery, Target};
use crate::error::{Error, Result};
use crate::exit::Exit;
use crate::http::Request;
use crate::model::{Address, ScanId};

/// The status of an instance that is well, as the vendor's sample has it.
const WELL: &str = "1";

/// Entries of a list in a message.
const SHOWN: usize = 10;

/// A reference that is wrong, and what would be right.
struct Wrong {
    what: String,
    instead: String,
}

impl Director {
    /// The reads of a creation: the instance, then its users, its policies and the scans it has.
    pub(super) async fn new_scan(&self, change: &Change, draft: &Draft) -> Result<PreparedChange> {
        let mut body = body(draft)?;
        let id = body["sciID"].to_string();
        let instances = self.known_instances().await.map_err(|problem| unchecked(problem, "sci"))?;
        let Some(instance) = instances.iter().find(|instance| instance.id.text() == Some(id.as_str())) else {
            return Err(Error::new(Exit::NotFound, format!("`sci` {id}: Director has no such instance"))
                .hint(format!("its instances are {}", listed(&instances))));
        };
        let query = ScanQuery { instance: Some(id.clone()), ..ScanQuery::default() };
        let (users, policies, scans) = tokio::join!(
            self.known(self.http.get(["mgmt", "user"]).query("sciID", &id).label("users")),
            self.known(self.http.get(["mgmt", "policy"]).query("sciID", &id).label("policies")),
            self.stored_scans_of(&query),
        );
        let users: Vec<Known> = users.map_err(|problem| unchecked(problem, "owner"))?;
        let policies: Vec<Known> = policies.map_err(|problem| unchecked(problem, "policy"))?;
        let (scans, _) = scans?;
        let owner = checked("owner", "user", &id, &users, draft.text("owner"));
        let policy = checked("policy", "policy", &id, &policies, draft.text("policy"));
        let wrong: Vec<&Wrong> = [&owner, &policy].into_iter().filter_map(|checked| checked.as_ref().err()).collect();
        if !wrong.is_empty() {
            let each = |part: fn(&Wrong) -> &str| wrong.iter().map(|wrong| part(wrong)).collect::<Vec<_>>().join("; ");
            return Err(Error::new(Exit::NotFound, each(|wrong| &wrong.what)).hint(each(|wrong| &wrong.instead)));
        }
        let mut warnings = Vec::new();
        warnings.extend(unwell(instance).map(|unwell| format!("{unwell}: it may not take the scan")));
        for (key, reference) in [("userUUID", owner), ("policyUUID", policy)] {
            // As the vendor spells it.
            if let Ok(known) = reference {
                body[key] = known.uuid.text().unwrap_or_default().into();
                if known.organization.id.as_deref() == Some("0") {
                    warnings.push("the owner is an administrator and of no organization; scans are of one".to_owned());
                }
            }
        }
        warnings.extend(self.namesakes(&scans, &body["name"]));
        warnings.extend(not_checked(draft));
        if body["schedule"]["type"] == "dependent" {
            let why = "`schedule.type` dependent needs a scan to follow, and no key for it is documented";
            warnings.push(why.to_owned());
        }
        let by_clock = body["schedule"]["type"] == "ical";
        let target = Target { name: draft.text("name").map(str::to_owned), ..Target::default() };
        Ok(PreparedChange {
            before: scans.iter().filter_map(|scan| scan.id.owned()).collect(),
            warnings,
            message: by_clock.then(|| "its schedule cannot be read back".to_owned()),
            ..PreparedChange::new(&target, change).body(body)
        })
    }

    /// The linked instances.
    pub(super) async fn known_instances(&self) -> Result<Vec<Known>> {
        self.known(self.http.get(["sci"]).query("fields", "id,name,status").label("instances")).await
    }

    /// A list of what scans refer to.
    pub(super) async fn known<T: DeserializeOwned>(&self, request: Request<'_>) -> Result<Vec<T>> {
        let answer = request.send().await?;
        let (list, _) = sc_rest::open::<Listed>(&answer)?;
        list.of(&answer)
    }

    /// Scans of that name: allowed, and rarely meant.
    fn namesakes(&self, scans: &[super::wire::StoredScan], name: &Json) -> Option<String> {
        let same = scans.iter().filter(|scan| scan.name.text() == name.as_str());
        let addresses: Vec<String> = same
            .filter_map(|scan| Some(Address::full(&self.profile, Some(&ScanId::new(scan.id.text()?)), None)))
            .collect();
        (!addresses.is_empty())
            .then(|| format!("the instance has scans of that name already: {}", addresses.join(", ")))
    }
}

/// Every documented parameter, with its documented default where nothing was written.
fn body(draft: &Draft) -> Result<Json> {
    let written = |key: &str| draft.text(key).unwrap_or_default().trim().to_owned();
    let mut schedule = Schedule::written(draft, &Schedule::default())?
        .unwrap_or_else(|| Schedule { kind: "template".to_owned(), ..Schedule::default() });
    schedule.enabled = schedule.enabled.or(Some(true));
    let mut body = json!({
        "name": "", "type": "policy", "description": "", "sciID": number("sci", &written("sci"))?,
        "userUUID": written("owner"), "policyUUID": written("policy"), "repositoryUUID": written("repository"),
        "zoneUUID": written("zone"), "dhcpTracking": "false", "classifyMitigatedAge": 0, "schedule": schedule.json()?,
        "assets": by_ids("assets", draft.list("assets").unwrap_or_default())?, "emailOnLaunch": "false",
        "emailOnFinish": "false", "timeoutAction": "import", "scanningVirtualHosts": "false",
        "rolloverType": "template", "ipList": targets(draft.list("targets").unwrap_or_default())?, "maxScanTime": 3600,
    });
    let mut members: Map<String, Json> = texts(draft);
    if let Some(kind) = draft.text("type") {
        members.insert("type".to_owned(), kind.into());
    }
    // Two that the page has as numbers.
    for (key, name) in [("mitigate_after", "classifyMitigatedAge"), ("max_scan_time", "maxScanTime")] {
        if let Some(Value::Number(count)) = draft.value(key) {
            members.insert(name.to_owned(), (*count).into());
        }
    }
    for (name, value) in members {
        body[name] = value;
    }
    Ok(body)
}

/// What was written and cannot be looked up.
fn not_checked(draft: &Draft) -> Option<String> {
    let text = |key: &&str| draft.text(key).is_some_and(|text| !text.trim().is_empty());
    let mut keys: Vec<&str> = ["repository", "zone"].into_iter().filter(text).collect();
    keys.extend(draft.list("assets").filter(|list| !list.is_empty()).map(|_| "assets"));
    let keys: Vec<String> = keys.iter().map(|key| format!("`{key}`")).collect();
    (!keys.is_empty()).then(|| format!("not checked, since no list of them is documented: {}", keys.join(", ")))
}

/// The one of that uuid, if it is of that instance.
fn checked<'a>(key: &str, what: &str, id: &str, all: &'a [Known], written: Option<&str>) -> Result<&'a Known, Wrong> {
    let written = written.unwrap_or_default().trim();
    let elsewhere = |known: &&Known| known.instance.id.as_deref().filter(|other| *other != id).map(str::to_owned);
    let here: Vec<&Known> = all.iter().filter(|known| elsewhere(known).is_none()).collect();
    let instead =
        match here.iter().find(|known| known.id.text() == Some(written) || known.name.as_deref() == Some(written)) {
            Some(meant) => format!("`{key}` goes by uuid: {}", spelled(meant)),
            None if here.is_empty() => format!("Director lists no {what} of instance {id}"),
            None => format!("what instance {id} has: {}", listed(here)),
        };
    match all.iter().find(|known| known.uuid.text().is_some_and(|uuid| uuid.eq_ignore_ascii_case(written))) {
        None => Err(Wrong { what: format!("`{key}` {written}: instance {id} has no such {what}"), instead }),
        Some(known) => match elsewhere(&known) {
            Some(other) => {
                Err(Wrong { what: format!("`{key}` {written} is of instance {other}, and `sci` is {id}"), instead })
            }
            None => Ok(known),
        },
    }
}

/// An instance that Director is not on good terms with, in words.
pub(super) fn unwell(instance: &Known) -> Option<String> {
    let status = instance.status.text().filter(|status| *status != WELL)?;
    Some(format!("Director gives instance {} the status {status}, where {WELL} is well", spelled(instance)))
}

/// One of a list: what it goes by, and its name.
fn spelled(known: &Known) -> String {
    let id = known.uuid.text().or_else(|| known.id.text()).unwrap_or_default();
    known.name.as_deref().map_or_else(|| id.to_owned(), |name| format!("{id} \"{name}\""))
}

/// A list in a message.
pub(super) fn listed<'a>(all: impl IntoIterator<Item = &'a Known>) -> String {
    let mut all: Vec<String> = all.into_iter().map(spelled).collect();
    let more = all.len().saturating_sub(SHOWN);
    all.truncate(SHOWN);
    let shown = all.join(", ");
    if more == 0 { shown } else { format!("{shown} and {more} more") }
}

/// The error of a reference that could not be looked up, so that nothing was sent.
fn unchecked(problem: Error, key: &str) -> Error {
    problem.context(format!("`{key}` could not be checked, so nothing was sent"))
}
