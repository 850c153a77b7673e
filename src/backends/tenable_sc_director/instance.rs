//! The instances behind Director: which profile speaks to each, and whether it shows the same scan or run as Director
//! does. Nothing is sent to an instance whose numbers are not certain; what is sent there is the callers' matter.

use std::collections::BTreeMap;
use std::rc::Rc;

use jiff::Timestamp;

use super::wire::{Copied, StoredScan};
use super::{Director, scan_of};
use crate::backends::sc_rest::resolve::found;
use crate::backends::sc_rest::{INSTANCE, Reference};
use crate::backends::{Backend, Connector, Controlled, Delegate, ScanQuery, Target};
use crate::error::{Error, Result};
use crate::exit::Exit;
use crate::model::{Address, Control, Operation, Run, RunId};

/// Opens the instances' profiles where an operation needs them, so that what is wrong with them is said before anything
/// is sent. Director pauses, resumes and hands out results by itself: there an instance is a second way, and may be
/// missing.
pub(super) fn open_peers(
    connector: &Connector<'_>,
    instances: &BTreeMap<String, String>,
) -> Result<BTreeMap<String, Result<Rc<dyn Backend>>>> {
    let asked = |wanted: fn(&Operation) -> bool| connector.operations.iter().any(wanted);
    let needed = asked(|operation| matches!(operation, Operation::Launch { .. } | Operation::Control(Control::Stop)));
    let useful = asked(|operation| {
        matches!(
            operation,
            Operation::Control(Control::Pause | Control::Resume) | Operation::Results | Operation::Export
        )
    });
    let mut peers = BTreeMap::new();
    if !needed && !useful {
        return Ok(peers);
    }
    let operations: Vec<Operation> =
        connector.operations.iter().copied().chain([Operation::ScansShow, Operation::RunsShow]).collect();
    for name in instances.values() {
        if peers.contains_key(name) {
            continue;
        }
        let opened = open_peer(connector, name, &operations);
        match opened {
            Err(problem) if needed => return Err(problem),
            opened => peers.insert(name.clone(), opened),
        };
    }
    Ok(peers)
}

fn open_peer(connector: &Connector<'_>, name: &str, operations: &[Operation]) -> Result<Rc<dyn Backend>> {
    let director = connector.profile;
    let spec = connector
        .peers
        .spec(name)
        .map_err(|problem| problem.context(format!("profile `{director}`: `instances` names `{name}`")))?;
    if spec.id != INSTANCE {
        return Err(Error::config(format!(
            "profile `{director}`: `instances` names `{name}`, which is no `{INSTANCE}` profile but `{}`",
            spec.id
        )));
    }
    connector.peers.open(name, operations)
}

/// A run of Director, the instance's profile, and the run there that it is a copy of.
pub(super) struct There<'a> {
    /// Director's copy.
    pub(super) ours: Run,
    /// The profile.
    pub(super) profile: &'a str,
    /// Its backend.
    pub(super) backend: &'a Rc<dyn Backend>,
    /// The run there.
    pub(super) target: Target,
}

impl Director {
    /// The profile that speaks to an instance.
    fn peer(&self, instance: &Reference, what: &str) -> Result<(&str, &Rc<dyn Backend>)> {
        let director = &self.profile;
        let Some(id) = instance.id.as_deref() else {
            return Err(Error::bad_data(format!("Director does not say on which instance {what} is")));
        };
        let called = instance.name.as_deref().map_or(String::new(), |name| format!(" \"{name}\""));
        let Some(name) = self.instances.get(id) else {
            return Err(Error::config(format!(
                "{what} is on instance {id}{called}, which `instances` of profile `{director}` does not map"
            ))
            .hint(format!("add \"{id}\" = \"PROFILE\" to `instances`, with a `{INSTANCE}` profile of that instance")));
        };
        match self.peers.get(name) {
            Some(Ok(backend)) => Ok((name, backend)),
            Some(Err(problem)) => Err(Error::new(problem.exit(), problem.one_line())),
            None => Err(Error::new(Exit::Internal, format!("profile `{name}` was not opened"))),
        }
    }

    /// Where a run is, by Director's copy.
    pub(super) async fn there(&self, run: &RunId) -> Result<There<'_>> {
        let (copied, ours, _) = self.copied(run).await?;
        self.bridge(run, &copied, ours)
    }

    pub(super) fn bridge(&self, run: &RunId, copied: &Copied, ours: Run) -> Result<There<'_>> {
        let what = format!("run {run}");
        let (profile, backend) = self.peer(&copied.instance, &what)?;
        let Some(there) = copied.there.clone() else {
            return Err(Error::bad_data(format!("Director does not say which run of the instance {what} is")));
        };
        Ok(There { ours, profile, backend, target: Target { run: Some(there), ..Target::default() } })
    }

    /// Reads the run on its instance, which must show the same as Director's copy does.
    pub(super) async fn compare(&self, there: &mut There<'_>) -> Result<()> {
        let ours = &there.ours;
        let read = found(there.backend.status(&there.target).await)?.map(|reading| reading.value);
        let differ = |ours: Option<Timestamp>, theirs: Option<Timestamp>| matches!((ours, theirs), (Some(ours), Some(theirs)) if ours != theirs);
        let why = match &read {
            None => "it shows no such run".to_owned(),
            Some(theirs) if ours.name.is_none() || ours.name != theirs.name => {
                names_differ(theirs.name.as_deref(), ours.name.as_deref())
            }
            Some(theirs) if differ(ours.created_at, theirs.created_at) => {
                "it was created at another time there".to_owned()
            }
            Some(theirs) if differ(ours.started_at, theirs.started_at) => "it started at another time there".to_owned(),
            Some(theirs) => {
                there.target.learn(theirs);
                return Ok(());
            }
        };
        let what = ours.run.as_ref().map_or_else(String::new, |run| format!("run {run}"));
        Err(self.differs(&what, there.profile, &there.target, &why))
    }

    /// The error of an instance that shows something else than Director does.
    fn differs(&self, what: &str, peer: &str, there: &Target, why: &str) -> Error {
        let there = Address::full(peer, there.scan.as_ref(), there.run.as_ref());
        Error::config(format!("{what} of profile `{}` is not `{there}`: {why}; nothing was sent", self.profile))
            .hint(format!("check that `instances` of profile `{}` maps each instance to its own profile", self.profile))
    }

    /// The one request of a control verb, on the instance.
    pub(super) async fn control_there(
        &self,
        target: &Target,
        there: There<'_>,
        control: Control,
    ) -> Result<Controlled> {
        let done = there.backend.control(&there.target, control).await?;
        let address = Address::full(there.profile, there.target.scan.as_ref(), there.target.run.as_ref());
        let message = [Some(format!("sent to the instance, as `{address}`")), done.message];
        let message = message.into_iter().flatten().collect::<Vec<_>>().join("; ");
        let target = Target { name: there.ours.name, ..target.clone() };
        Ok(Controlled { target, message: Some(message), request_id: done.request_id })
    }

    /// The scan of a launch, as the instance's own profile has it.
    pub(super) async fn launched_there(&self, target: &Target) -> Result<Option<Delegate>> {
        let scan = scan_of(target)?;
        let (stored, _) = self.stored(scan).await?;
        let what = format!("scan {scan}");
        let (profile, backend) = self.peer(&stored.instance, &what)?;
        let Some(there) = stored.there.clone() else {
            return Err(Error::bad_data(format!("Director does not say which scan of the instance {what} is")));
        };
        let mut target = Target { scan: Some(there), ..Target::default() };
        let Some(theirs) = found(backend.scan(&target, &ScanQuery::default()).await)? else {
            return Err(self.differs(&what, profile, &target, "it shows no such scan"));
        };
        let names = (theirs.value.name.as_deref(), stored.name.text());
        if names.0.is_none() || names.0 != names.1 {
            return Err(self.differs(&what, profile, &target, &names_differ(names.0, names.1)));
        }
        target.name = theirs.value.name;
        Ok(Some(Delegate { backend: Rc::clone(backend), target }))
    }

    /// On which instance which scans are, in words.
    pub(super) fn places(&self, scans: &[StoredScan]) -> Vec<String> {
        let mut places: BTreeMap<(&str, &str), Vec<&str>> = BTreeMap::new();
        for scan in scans {
            let instance = (scan.instance.id.as_deref(), scan.instance.name.as_deref());
            if let (Some(id), Some(scan)) = (instance.0, scan.id.text()) {
                places.entry((id, instance.1.unwrap_or_default())).or_default().push(scan);
            }
        }
        let place = |((id, name), scans): ((&str, &str), Vec<&str>)| {
            format!("on {}: {}", self.called(id, Some(name)), scans.join(", "))
        };
        places.into_iter().map(place).collect()
    }

    /// Where one scan is, in words.
    pub(super) fn place(&self, scan: &StoredScan) -> Option<String> {
        let instance = scan.instance.id.as_deref()?;
        let there = scan.there.as_ref().map_or_else(String::new, |there| format!("scan {there} "));
        Some(format!("{there}on {}", self.called(instance, scan.instance.name.as_deref())))
    }

    /// An instance by number, name and profile.
    fn called(&self, id: &str, name: Option<&str>) -> String {
        let name = name.map_or(String::new(), |name| format!(" \"{name}\""));
        let profile = self.instances.get(id).map_or(String::new(), |profile| format!(", profile `{profile}`"));
        format!("instance {id}{name}{profile}")
    }
}

fn names_differ(theirs: Option<&str>, ours: Option<&str>) -> String {
    format!("it is named \"{}\" there and \"{}\" here", theirs.unwrap_or_default(), ours.unwrap_or_default())
}
