//! The world that the instance and Director share: scan definitions, their runs, uploaded files, and time passing over
//! them. Not for how either product shows it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::Value;

use super::super::Moment;
use super::catalog::{self, Named};
use super::records::{self, Record};
use super::schedule::Schedule;
use super::targets;
use super::timeline::{Outlook, Status, Timeline};
use super::wire::{Object, uuid};

/// How long a change on the instance takes to reach Director, in seconds at normal speed.
const LAG: f64 = 30.0;

/// The world as both products hold it.
pub(in crate::sandbox) type SharedWorld = Arc<Mutex<World>>;

/// Locks the world as it is at `now`.
pub(in crate::sandbox) fn at(world: &SharedWorld, now: Moment) -> MutexGuard<'_, World> {
    let mut world = world.lock().unwrap_or_else(PoisonError::into_inner);
    world.advance(now.0);
    world
}

/// A scan definition.
#[derive(Debug, Clone)]
pub(in crate::sandbox) struct Scan {
    /// On the instance.
    pub(in crate::sandbox) id: u64,
    /// On Director.
    pub(in crate::sandbox) director_id: u64,
    /// On both.
    pub(in crate::sandbox) uuid: String,
    /// Its name.
    pub(in crate::sandbox) name: String,
    /// Its description.
    pub(in crate::sandbox) description: String,
    /// The plain members, as the wire has them.
    pub(in crate::sandbox) settings: BTreeMap<&'static str, String>,
    /// Policy id.
    pub(in crate::sandbox) policy: u64,
    /// Repository id.
    pub(in crate::sandbox) repository: u64,
    /// Scan zone id, none for automatic.
    pub(in crate::sandbox) zone: Option<u64>,
    /// Asset list ids.
    pub(in crate::sandbox) assets: Vec<u64>,
    /// Credential ids.
    pub(in crate::sandbox) credentials: Vec<u64>,
    /// Reports to run afterwards, as sent.
    pub(in crate::sandbox) reports: Vec<Value>,
    /// When it starts by itself.
    pub(in crate::sandbox) schedule: Schedule,
    /// The id of the schedule.
    pub(in crate::sandbox) schedule_id: u64,
    /// The next start by the clock.
    pub(in crate::sandbox) next: Option<f64>,
    /// The health mask.
    pub(in crate::sandbox) status: &'static str,
    /// When it was made.
    pub(in crate::sandbox) created: f64,
    /// When it was changed.
    pub(in crate::sandbox) modified: f64,
    /// User id.
    pub(in crate::sandbox) creator: u64,
    /// User id.
    pub(in crate::sandbox) owner: u64,
    /// Whether the accepted user may change it.
    pub(in crate::sandbox) manageable: bool,
    /// How often it has run.
    pub(in crate::sandbox) rounds: u32,
}

impl Scan {
    /// A plain member, as the wire has it.
    pub(in crate::sandbox) fn setting(&self, key: &str) -> &str {
        self.settings.get(key).map_or("", String::as_str)
    }

    /// Everything it scans: its own list and those of its asset lists.
    fn targets(&self) -> String {
        let lists = self.assets.iter().filter_map(|id| catalog::find(catalog::ASSETS, *id)).map(|list| list.addresses);
        let all: Vec<&str> =
            [self.setting("ipList")].into_iter().chain(lists).filter(|list| !list.is_empty()).collect();
        all.join(",")
    }
}

/// Where a run came from.
#[derive(Debug, Clone)]
pub(in crate::sandbox) enum Kind {
    /// A scanner.
    Active,
    /// Agents, which nobody can pause or stop.
    Agents,
    /// A file that someone sent.
    Upload(Arc<[u8]>),
}

/// One run, `scanResult` on the wire.
#[derive(Debug, Clone)]
pub(in crate::sandbox) struct Run {
    /// On the instance.
    pub(in crate::sandbox) id: u64,
    /// On Director.
    pub(in crate::sandbox) director_id: u64,
    /// The definition that the wire names; often none, even where there is one.
    pub(in crate::sandbox) shown_scan: Option<u64>,
    /// The definition that it is a run of.
    pub(in crate::sandbox) scan: Option<u64>,
    /// Its name.
    pub(in crate::sandbox) name: String,
    /// Its description.
    pub(in crate::sandbox) description: String,
    /// The name of the policy.
    pub(in crate::sandbox) details: String,
    /// Repository id.
    pub(in crate::sandbox) repository: u64,
    /// User id.
    pub(in crate::sandbox) initiator: u64,
    /// User id.
    pub(in crate::sandbox) owner: u64,
    /// What is scanned.
    pub(in crate::sandbox) targets: String,
    /// The how many-th run of its definition it is, from 0.
    pub(in crate::sandbox) round: u32,
    /// When it was made.
    pub(in crate::sandbox) created: f64,
    /// Its states.
    pub(in crate::sandbox) timeline: Timeline,
    /// What happens to the data when it is stopped.
    pub(in crate::sandbox) when_cut_short: Outlook,
    /// The reason of an Error.
    pub(in crate::sandbox) error: String,
    /// The reason of a refused import.
    pub(in crate::sandbox) import_error: String,
    /// Where it came from.
    pub(in crate::sandbox) kind: Kind,
    /// Whether its data is still there.
    pub(in crate::sandbox) kept: bool,
    /// Whether SCAP results come with it.
    pub(in crate::sandbox) scap: bool,
    /// Whether the accepted user may change it.
    pub(in crate::sandbox) manageable: bool,
    /// The job that ran it.
    pub(in crate::sandbox) job: u64,
    /// When it was deleted. Director's copy outlives that for a while.
    pub(in crate::sandbox) deleted: Option<f64>,
    /// Whether scans that wait for it were told of its end.
    pub(in crate::sandbox) announced: bool,
}

impl Run {
    /// Its state at that time.
    pub(in crate::sandbox) fn status(&self, at: f64) -> Status {
        self.timeline.status(at)
    }

    /// Whether its data can be had at that time.
    pub(in crate::sandbox) fn has_data(&self, at: f64) -> bool {
        let any = self.timeline.share(at) > 0.0;
        let dropped = self.status(at) == Status::Partial && self.when_cut_short == Outlook::Discarded;
        self.kept && self.status(at).is_over() && any && !dropped
    }

    /// What it found, host by host.
    pub(in crate::sandbox) fn records(&self, at: f64) -> Vec<Record> {
        match &self.kind {
            Kind::Upload(bytes) => records::of_document(&String::from_utf8_lossy(bytes)),
            Kind::Active | Kind::Agents => records::of_hosts(&self.hosts(at)),
        }
    }

    /// The hosts that it came to, with what was found there.
    pub(in crate::sandbox) fn hosts(&self, at: f64) -> Vec<super::super::nessus::Host> {
        let start = super::wire::seconds(self.timeline.started(at).unwrap_or(self.created));
        let end = super::wire::seconds(self.timeline.finished(at).unwrap_or(at));
        let mut hosts = super::super::nessus::hosts::scan(&self.targets, self.round, start, end);
        let share = self.timeline.share(at);
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a handful of hosts, and a share between 0 and 1"
        )]
        hosts.truncate((hosts.len() as f64 * share).ceil() as usize);
        hosts
    }
}

/// A file that was uploaded and not yet used.
pub(super) struct Upload {
    /// Its name where it came from.
    pub(super) original: String,
    /// Its content.
    pub(super) content: Arc<[u8]>,
}

/// Everything that changes.
pub(in crate::sandbox) struct World {
    speed: f64,
    /// No time has passed before the first request, and nothing is dated before there is a date.
    pub(super) begun: bool,
    /// Scan definitions.
    pub(in crate::sandbox) scans: Vec<Scan>,
    /// Runs, deleted ones included.
    pub(in crate::sandbox) runs: Vec<Run>,
    pub(super) uploads: BTreeMap<String, Upload>,
    pub(super) random: fastrand::Rng,
    pub(super) next_scan: u64,
    pub(super) next_run: u64,
    pub(super) next_schedule: u64,
    pub(super) next_job: u64,
    pub(super) next_director_scan: u64,
    pub(super) next_director_run: u64,
    /// When the last diagnostics file was made.
    pub(super) diagnostics: Option<f64>,
    /// The plugin language.
    pub(super) locale: String,
}

impl World {
    /// A world that will be filled when it is first looked at.
    pub(in crate::sandbox) fn new(speed: f64) -> Self {
        Self {
            speed,
            begun: false,
            scans: Vec::new(),
            runs: Vec::new(),
            uploads: BTreeMap::new(),
            random: fastrand::Rng::with_seed(0x5C),
            next_scan: 1,
            next_run: 1,
            next_schedule: 50,
            next_job: 3700,
            next_director_scan: 1,
            next_director_run: 1,
            diagnostics: None,
            locale: "en".into(),
        }
    }

    /// How fast states go by.
    pub(in crate::sandbox) fn speed(&self) -> f64 {
        self.speed
    }

    /// The time that Director's copies show.
    pub(in crate::sandbox) fn as_copied(&self, now: f64) -> f64 {
        now - LAG / self.speed
    }

    /// Lets time pass: schedules come due, and scans that waited for another start.
    fn advance(&mut self, now: f64) {
        if !self.begun {
            self.begun = true;
            super::seed::fill(self, now);
        }
        // A dependent scan may end, and start another, before now: until nothing happens any more.
        while self.start_what_is_due(now) {}
    }

    fn start_what_is_due(&mut self, now: f64) -> bool {
        let due = self.scans.iter().filter_map(|scan| Some((scan.id, scan.next.filter(|next| *next <= now)?)));
        if let Some((id, time)) = due.min_by(|(_, a), (_, b)| a.total_cmp(b)) {
            if let Some(scan) = self.scan_mut(id) {
                scan.next = scan.schedule.next(time);
            }
            self.launch(id, time, Start::Scheduled);
            return true;
        }
        let ended =
            self.runs.iter_mut().filter(|run| !run.announced).find_map(|run| Some((run.timeline.finished(now)?, run)));
        let Some((time, run)) = ended else { return false };
        run.announced = true;
        let origin = run.scan;
        let waiting: Vec<u64> = self
            .scans
            .iter()
            .filter(|scan| matches!(scan.schedule, Schedule::Dependent(on) if Some(on) == origin))
            .map(|scan| scan.id)
            .collect();
        for id in waiting {
            self.launch(id, time, Start::Scheduled);
        }
        true
    }

    /// The definition with that id.
    pub(in crate::sandbox) fn scan(&self, id: u64) -> Option<&Scan> {
        self.scans.iter().find(|scan| scan.id == id)
    }

    /// The definition with that id.
    pub(in crate::sandbox) fn scan_mut(&mut self, id: u64) -> Option<&mut Scan> {
        self.scans.iter_mut().find(|scan| scan.id == id)
    }

    /// The run with that id, unless it was deleted.
    pub(in crate::sandbox) fn run(&self, id: u64) -> Option<&Run> {
        self.runs.iter().find(|run| run.id == id && run.deleted.is_none())
    }

    /// The run with that id, unless it was deleted.
    pub(in crate::sandbox) fn run_mut(&mut self, id: u64) -> Option<&mut Run> {
        self.runs.iter_mut().find(|run| run.id == id && run.deleted.is_none())
    }

    /// Keeps a new definition under ids of its own.
    pub(in crate::sandbox) fn keep_scan(&mut self, mut scan: Scan, now: f64) -> u64 {
        scan.id = self.next_scan;
        scan.director_id = self.next_director_scan;
        scan.uuid = uuid(catalog::space::SCAN, scan.id);
        scan.schedule_id = self.next_schedule;
        scan.next = scan.schedule.next(now);
        self.next_scan += 1;
        self.next_director_scan += 1;
        self.next_schedule += 1;
        let id = scan.id;
        self.scans.push(scan);
        id
    }

    /// Takes a definition away. Its runs stay, and no longer know what they were runs of.
    pub(in crate::sandbox) fn drop_scan(&mut self, id: u64) {
        self.scans.retain(|scan| scan.id != id);
        for run in &mut self.runs {
            run.shown_scan = run.shown_scan.filter(|scan| *scan != id);
        }
    }

    /// Keeps a new run under ids of its own.
    pub(in crate::sandbox) fn keep_run(&mut self, mut run: Run) -> u64 {
        run.id = self.next_run;
        run.director_id = self.next_director_run;
        run.job = self.next_job;
        self.next_run += 1;
        self.next_director_run += 1;
        self.next_job += 7;
        let id = run.id;
        self.runs.push(run);
        id
    }

    /// Starts a definition. One that runs already starts once more: nothing here forbids it.
    pub(in crate::sandbox) fn launch(&mut self, scan: u64, at: f64, start: Start) -> Option<u64> {
        let speed = self.speed;
        let scan = self.scan_mut(scan)?;
        let round = scan.rounds;
        scan.rounds += 1;
        let targets = scan.targets();
        let error = refused_targets(&targets, catalog::find(catalog::REPOSITORIES, scan.repository));
        let when_cut_short =
            if scan.setting("timeoutAction") == "discard" { Outlook::Discarded } else { Outlook::Imported };
        let run = Run {
            id: 0,
            director_id: 0,
            shown_scan: (start == Start::ByHand).then_some(scan.id),
            scan: Some(scan.id),
            name: scan.name.clone(),
            description: scan.description.clone(),
            details: catalog::find(catalog::POLICIES, scan.policy).map_or("", |policy| policy.name).into(),
            repository: scan.repository,
            initiator: if start == Start::ByHand { catalog::SELF } else { scan.owner },
            owner: scan.owner,
            targets,
            round,
            created: at,
            timeline: Timeline::launched(at, speed, error.is_some()),
            when_cut_short,
            error: error.unwrap_or_default(),
            import_error: String::new(),
            kind: Kind::Active,
            kept: true,
            scap: scan.policy == catalog::SCAP_POLICY,
            manageable: scan.manageable,
            job: 0,
            deleted: None,
            announced: false,
        };
        Some(self.keep_run(run))
    }

    /// How a run names its definition.
    pub(in crate::sandbox) fn scan_of(&self, run: &Run) -> Option<&Scan> {
        run.shown_scan.and_then(|id| self.scan(id))
    }
}

/// Who started a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::sandbox) enum Start {
    /// A user. The run says which scan it is of.
    ByHand,
    /// The scheduler. The run does not say so.
    Scheduled,
}

/// Why targets cannot be scanned into a repository.
fn refused_targets(targets: &str, repository: Option<&Named>) -> Option<String> {
    if targets::count(targets) == 0 {
        return Some("There are no IPs to scan.".into());
    }
    let outside = targets::outside(targets, repository?.addresses);
    (!outside.is_empty()).then(|| format!("Targets outside of the range allowed to the user: {}", outside.join(",")))
}

/// The object with the given pairs.
pub(super) fn pairs<const N: usize>(pairs: [(&str, Value); N]) -> Object {
    pairs.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}
