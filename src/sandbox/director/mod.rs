//! Tenable Security Center Director as far as its pages tell: scans and results of linked instances, as bare lists, with
//! ids of its own and names in replies that differ from the names asked for.
//!
//! No traffic of a Director was ever recorded. Where the pages are silent it answers as the instance would. Not for
//! launching or stopping: Director has no calls for that, and they are answered like any path that does not exist.

mod lists;
mod results;
mod scans;

use serde_json::{Value, json};

use super::tenable_sc::session::Door;
use super::tenable_sc::wire::{self, Outcome, Refusal};
use super::tenable_sc::world::{self, Run, SharedWorld};
use super::tenable_sc::{fault, status};
use super::{Moment, Reply, Request, Vendor};

/// A simulated Director over two instances: one that works, and is simulated beside it, and one that does not.
pub struct Director {
    door: Door,
    world: SharedWorld,
    /// The copy that is left of a result on the broken instance.
    stranded: Option<Run>,
}

impl Director {
    /// A Director over the instance whose world it is given.
    pub(in crate::sandbox) fn new(world: SharedWorld) -> Self {
        Self { door: Door::new(0xD14EC7), world, stranded: None }
    }
}

/// A linked instance, by Director's id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Instance {
    /// The simulated one.
    Linked,
    /// One that Director cannot reach.
    Broken,
}

impl Instance {
    const ALL: [Self; 2] = [Self::Linked, Self::Broken];

    fn id(self) -> u64 {
        match self {
            Self::Linked => super::accepted::DIRECTOR_INSTANCE.parse().unwrap_or(1),
            Self::Broken => 2,
        }
    }

    fn find(id: u64) -> Option<Self> {
        Self::ALL.into_iter().find(|instance| instance.id() == id)
    }

    fn name(self) -> &'static str {
        match self {
            Self::Linked => "Head office",
            Self::Broken => "Branch office",
        }
    }

    /// As other objects mention it, under the key `SCI`.
    fn brief(self) -> Value {
        json!({"id": self.id().to_string(), "name": self.name(), "description": ""})
    }

    /// Director's id of its one organization, which the instance itself calls 1.
    fn organization_id(self) -> u64 {
        match self {
            Self::Linked => 3,
            Self::Broken => 4,
        }
    }

    /// Its organization, as other objects mention it.
    fn organization(self) -> Value {
        let name = match self {
            Self::Linked => "Corp",
            Self::Broken => "Branch",
        };
        json!({"id": self.organization_id().to_string(), "name": name, "description": ""})
    }

    /// What every change on an instance out of reach comes to.
    fn unreachable(self, doing: &str) -> Refusal {
        Refusal::because(format!("{doing}\nUnable to communicate with SCI #{}.", self.id()))
    }
}

/// Which instance and organization a list is asked for, both by Director's ids.
struct Scope {
    instance: Option<u64>,
    organization: Option<u64>,
}

impl Scope {
    fn read(request: &Request) -> Result<Self, Refusal> {
        let number = |key: &str| match wire::parameter(request, key) {
            None => Ok(None),
            Some(text) => text
                .trim()
                .parse()
                .map(Some)
                .map_err(|_| Refusal::because(format!("Invalid value for attribute '{key}': a number."))),
        };
        Ok(Self { instance: number("sciID")?, organization: number("orgID")? })
    }

    fn takes(&self, instance: Instance, organization: u64) -> bool {
        self.instance.is_none_or(|id| id == instance.id()) && self.organization.is_none_or(|id| id == organization)
    }
}

/// `fields` in the names that replies use: who asks for `policy` gets `policyUUID`.
fn answered_names(request: &Request, renamed: &[(&str, &str)]) -> Option<String> {
    let asked = wire::parameter(request, "fields")?;
    let names = asked
        .split(',')
        .map(str::trim)
        .map(|name| renamed.iter().find(|(asked, _)| *asked == name).map_or(name, |(_, answered)| answered));
    Some(names.collect::<Vec<_>>().join(","))
}

impl Vendor for Director {
    fn answer(&mut self, request: &Request, now: Moment) -> Reply {
        let (shared, stranded) = (&self.world, &mut self.stranded);
        self.door.answer(request, now, |path| -> Outcome {
            let mut world = world::at(shared, now);
            let now = now.0;
            let stranded = &*stranded.get_or_insert_with(|| results::stranded(now));
            match path {
                ["mgmt", "scan", rest @ ..] => scans::answer(&mut world, request, rest, now),
                ["mgmt", "scanResult", rest @ ..] => results::answer(&mut world, stranded, request, rest, now),
                ["mgmt", rest @ ..] => lists::managed(request, rest, now),
                ["sci", rest @ ..] => lists::instances(request, rest, now),
                ["currentUser"] if request.method == "GET" => Ok(lists::myself(request, now)),
                ["status"] if request.method == "GET" => Ok(status(now)),
                _ => Err(Refusal::no_route(request)),
            }
        })
    }

    fn fault(&self, status: u16) -> Reply {
        fault(status)
    }
}

#[cfg(test)]
mod tests;
