//! What a definition refers to by name or number: templates, policies, scanners, folders, time zones.
//!
//! A uuid is passed on as it is, since not every role may read the lists that would prove it.

use serde::Deserialize;

use super::TenableIo;
use crate::backends::definition::Draft;
use crate::backends::wire::{Loose, null_as_default};
use crate::error::{Error, Result, nearest};
use crate::exit::Exit;

#[derive(Debug, Deserialize)]
struct Templates {
    #[serde(default, deserialize_with = "null_as_default")]
    templates: Vec<Template>,
}

#[derive(Debug, Deserialize)]
struct Template {
    #[serde(default)]
    name: Loose,
    #[serde(default)]
    title: Loose,
    #[serde(default)]
    uuid: Loose,
}

#[derive(Debug, Deserialize)]
struct Policies {
    #[serde(default, deserialize_with = "null_as_default")]
    policies: Vec<Policy>,
}

#[derive(Debug, Deserialize)]
struct Policy {
    #[serde(default)]
    id: Loose,
    #[serde(default)]
    template_uuid: Loose,
}

#[derive(Debug, Deserialize)]
struct Scanners {
    #[serde(default, deserialize_with = "null_as_default")]
    scanners: Vec<Scanner>,
}

#[derive(Debug, Deserialize)]
struct Scanner {
    #[serde(default)]
    id: Loose,
    #[serde(default)]
    uuid: Loose,
    #[serde(default)]
    name: Loose,
}

#[derive(Debug, Deserialize)]
struct Folders {
    #[serde(default, deserialize_with = "null_as_default")]
    folders: Vec<Folder>,
}

#[derive(Debug, Deserialize)]
struct Folder {
    #[serde(default)]
    id: Loose,
    #[serde(default)]
    name: Loose,
}

#[derive(Debug, Deserialize)]
struct Zones {
    #[serde(default, deserialize_with = "null_as_default")]
    timezones: Vec<Zone>,
}

#[derive(Debug, Deserialize)]
struct Zone {
    #[serde(default)]
    value: Loose,
}

/// The scanner of a scan that is routed to scanners.
pub(super) const ROUTED: &str = "AUTO-ROUTED";

/// The network of those who have no other; the vendor's page wants it named for scans that are routed.
pub(super) const DEFAULT_NETWORK: &str = "00000000-0000-0000-0000-000000000000";

/// The vendor's uuids come in many lengths, and names and numbers are shorter than all of them.
fn is_uuid(text: &str) -> bool {
    text.len() >= 36 && text.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-')
}

fn missing(key: &str, what: &str, known: &[&str]) -> Error {
    let error = Error::new(Exit::NotFound, format!("`{key}`: there is no {what}, or no access to it"));
    match known {
        [] => error,
        _ => error.hint(format!("there are {}", known.join(", "))),
    }
}

/// The only one of several that were meant.
fn only<'a>(key: &str, what: &str, found: &[&'a str], known: &[&str]) -> Result<&'a str> {
    match found {
        [] => Err(missing(key, what, known)),
        [one] => Ok(one),
        several => Err(Error::new(Exit::NotFound, format!("`{key}`: {what} is the name of {}", several.len()))
            .hint(format!("name one of {}", several.join(", ")))),
    }
}

impl TenableIo {
    /// The uuid of the template that a draft names, itself or through its policy.
    pub(super) async fn template_of(&self, draft: &Draft) -> Result<Option<String>> {
        match (draft.text("template"), draft.text("policy")) {
            (Some(template), _) if is_uuid(template) => Ok(Some(template.to_owned())),
            (Some(template), _) => self.template(template).await.map(Some),
            (None, Some(policy)) => self.template_of_policy(policy).await.map(Some),
            (None, None) => Ok(None),
        }
    }

    async fn template(&self, wanted: &str) -> Result<String> {
        let answer = self.http.get(["editor", "scan", "templates"]).label("scan templates").send().await?;
        let list: Templates = answer.json()?;
        let named = |template: &&Template| template.name.text() == Some(wanted);
        if let Some(uuid) = list.templates.iter().find(named).and_then(|template| template.uuid.owned()) {
            return Ok(uuid);
        }
        // Titles are not unique: two templates may have one.
        let titled =
            |template: &&Template| template.title.text().is_some_and(|title| title.eq_ignore_ascii_case(wanted));
        let found: Vec<&Template> = list.templates.iter().filter(titled).collect();
        let names = |templates: &[&Template]| -> Vec<String> {
            templates.iter().filter_map(|template| template.name.owned()).collect()
        };
        let (found_names, all) = (names(&found), names(&list.templates.iter().collect::<Vec<_>>()));
        let found_names: Vec<&str> = found_names.iter().map(String::as_str).collect();
        let all: Vec<&str> = all.iter().map(String::as_str).collect();
        let what = format!("template \"{wanted}\"");
        only("template", &what, &found_names, &all).map_err(|error| match nearest(wanted, all.iter().copied()) {
            Some(near) if found.is_empty() => error.hint(format!("did you mean `{near}`?")),
            _ => error,
        })?;
        let uuid = found.first().and_then(|template| template.uuid.owned());
        uuid.ok_or_else(|| answer.unreadable("a template has no `uuid`"))
    }

    async fn template_of_policy(&self, policy: &str) -> Result<String> {
        let sent = self.http.get(["policies"]).label("policies").send().await;
        let answer = sent.map_err(|refused| match refused.exit() {
            Exit::Auth => refused
                .context("the template of the policy cannot be read")
                .hint("name the template too, by its uuid: `--template UUID`"),
            _ => refused,
        })?;
        let list: Policies = answer.json()?;
        let found = list.policies.iter().find(|known| known.id.text() == Some(policy));
        let found = found.ok_or_else(|| missing("policy", &format!("policy {policy}"), &[]))?;
        found.template_uuid.owned().ok_or_else(|| answer.unreadable("a policy has no `template_uuid`"))
    }

    /// The uuid of a scanner.
    pub(super) async fn scanner(&self, wanted: &str) -> Result<String> {
        if is_uuid(wanted) || wanted == ROUTED {
            return Ok(wanted.to_owned());
        }
        let answer = self.http.get(["scanners"]).label("scanners").send().await?;
        let list: Scanners = answer.json()?;
        let by = |is: &dyn Fn(&Scanner) -> bool| -> Vec<&str> {
            list.scanners.iter().filter(|scanner| is(scanner)).filter_map(|scanner| scanner.uuid.text()).collect()
        };
        let mut found = by(&|scanner| scanner.id.text() == Some(wanted));
        if found.is_empty() {
            found = by(&|scanner| scanner.name.text() == Some(wanted));
        }
        let mut names: Vec<&str> = list.scanners.iter().filter_map(|scanner| scanner.name.text()).collect();
        names.push(ROUTED);
        only("scanner", &format!("scanner \"{wanted}\""), &found, &names).map(str::to_owned)
    }

    /// The number of a folder that exists.
    pub(super) async fn folder(&self, wanted: &str) -> Result<i64> {
        let number = whole("folder", wanted)?;
        let list: Folders = self.http.get(["folders"]).label("folders").send().await?.json()?;
        if list.folders.iter().any(|folder| folder.id.number() == Some(number)) {
            return Ok(number);
        }
        let known: Vec<String> = list
            .folders
            .iter()
            .filter_map(|folder| Some(format!("{} ({})", folder.id.text()?, folder.name.text().unwrap_or("no name"))))
            .collect();
        let known: Vec<&str> = known.iter().map(String::as_str).collect();
        Err(missing("folder", &format!("folder {number}"), &known))
    }

    /// Refuses a time zone that the vendor does not have.
    pub(super) async fn check_timezone(&self, wanted: &str) -> Result<()> {
        let list: Zones = self.http.get(["scans", "timezones"]).label("time zones").send().await?.json()?;
        let known = || list.timezones.iter().filter_map(|zone| zone.value.text());
        if known().any(|zone| zone == wanted) {
            return Ok(());
        }
        let error = Error::usage(format!("`schedule.timezone`: the vendor has no time zone \"{wanted}\""));
        Err(match nearest(wanted, known()) {
            Some(near) => error.hint(format!("did you mean `{near}`?")),
            None => error.hint("they are named as in Europe/Berlin"),
        })
    }
}

/// The uuid of a network. Not looked up, as no uuid is.
pub(super) fn network(text: &str) -> Result<&str> {
    let text = text.trim();
    match is_uuid(text) {
        true => Ok(text),
        false => Err(Error::usage(format!("`network`: \"{text}\" is no uuid"))
            .hint(format!("the default network is {DEFAULT_NETWORK}"))),
    }
}

/// A number that the vendor wants as one.
pub(super) fn whole(key: &str, text: &str) -> Result<i64> {
    text.trim().parse().map_err(|_no_number| Error::usage(format!("`{key}`: \"{text}\" is no number")))
}
