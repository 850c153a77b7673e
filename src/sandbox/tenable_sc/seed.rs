//! What is stored when the sandbox begins, dated back from the first request: definitions of every kind, and runs with
//! every kind of end. Not for what happens afterwards.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::json;

use super::catalog;
use super::schedule::Schedule;
use super::timeline::{Outlook, Status, Timeline};
use super::wire::seconds;
use super::world::{Kind, Run, Scan, World};

const HOUR: f64 = 3600.0;
const DAY: f64 = 86_400.0;

/// Stored definitions: name, description, targets, policy, repository, schedule.
struct Plan {
    name: &'static str,
    description: &'static str,
    targets: &'static str,
    policy: u64,
    repository: u64,
    schedule: Schedule,
}

/// Fills an empty world, as of `now`.
pub(super) fn fill(world: &mut World, now: f64) {
    // No seeded schedule comes due within the first hours, so that what runs was started by the user.
    let this_morning = now - 6.0 * HOUR;
    definitions(world, now, this_morning);
    // The last two are changed by hand.
    if let Some(broken) = world.scan_mut(7) {
        broken.status = "1024";
        broken.manageable = false;
        broken.owner = 1;
        broken.settings.insert("timeoutAction", "discard".into());
    }
    if let Some(audit) = world.scan_mut(5) {
        audit.credentials = vec![1_000_001];
        audit.assets = vec![2];
        audit.zone = Some(1);
        audit.settings.insert("dhcpTracking", "true".into());
        audit.settings.insert("maxScanTime", "unlimited".into());
        audit.settings.insert("inactivityTimeout", "43200".into());
        audit.reports = vec![json!({"id": "3", "name": "Audit summary", "reportSource": "individual"})];
    }
    runs(world, now, this_morning);
    // Neither side's next number is the other's.
    world.next_director_scan = 11;
    world.next_director_run = 18;
    for scan in &mut world.scans {
        scan.director_id = 11 - scan.id;
    }
    for run in &mut world.runs {
        run.director_id = 17 - run.id;
    }
}

fn definitions(world: &mut World, now: f64, this_morning: f64) {
    let daily = calendar(this_morning - 90.0 * DAY, "FREQ=DAILY;INTERVAL=1", true);
    let weekly = calendar(this_morning - 84.0 * DAY, "FREQ=WEEKLY;INTERVAL=1", true);
    let monthly = calendar(this_morning - 100.0 * DAY, "FREQ=MONTHLY;INTERVAL=1", false);
    for (id, plan) in [
        plan("Daily Internal Scan", "Head office", "10.20.0.0/28,files.corp.example", daily),
        Plan { repository: 2, ..plan("Weekly DMZ", "Public servers", "198.51.100.0/28", weekly) },
        plan("Web Tier on demand", "", "10.20.0.11-10.20.0.14,shop.corp.example", Schedule::Template),
        plan("Lab (never run)", "", "10.99.0.0/24", Schedule::Never),
        Plan { policy: 1_000_003, ..plan("Monthly CIS Audit", "Switched off until the audit", "", monthly) },
        plan("After the Weekly DMZ", "Waits for the DMZ", "10.20.0.40", Schedule::Dependent(2)),
        plan("Legacy Subnet", "Its zone has no working scanner", "10.66.0.0/27", Schedule::Template),
        Plan {
            policy: 1_000_002,
            ..plan("Patch Audit R&D <\"labs\">", "Names may hold anything", "10.20.0.50,10.20.0.51", Schedule::Template)
        },
    ]
    .into_iter()
    .enumerate()
    {
        #[expect(clippy::cast_precision_loss, reason = "eight definitions")]
        let created = now - (95.0 - id as f64) * DAY;
        let scan = Scan {
            id: 0,
            director_id: 0,
            uuid: String::new(),
            name: plan.name.into(),
            description: plan.description.into(),
            settings: super::scans::default_settings(plan.targets),
            policy: plan.policy,
            repository: plan.repository,
            zone: None,
            assets: Vec::new(),
            credentials: Vec::new(),
            reports: Vec::new(),
            schedule: plan.schedule,
            schedule_id: 0,
            next: None,
            status: "0",
            created,
            modified: created + 5.0 * HOUR,
            creator: catalog::SELF,
            owner: catalog::SELF,
            manageable: true,
            rounds: 0,
        };
        world.keep_scan(scan, now);
    }
}

fn plan(name: &'static str, description: &'static str, targets: &'static str, schedule: Schedule) -> Plan {
    Plan { name, description, targets, policy: 1_000_001, repository: 1, schedule }
}

fn calendar(start: f64, rule: &str, enabled: bool) -> Schedule {
    let start = Timestamp::from_second(seconds(start)).unwrap_or_default().strftime("TZID=UTC:%Y%m%dT%H%M%S");
    let enabled = if enabled { "true" } else { "false" };
    let value = json!({"type": "ical", "start": start.to_string(), "repeatRule": rule, "enabled": enabled});
    Schedule::read(&value, "never", &["ical"]).unwrap_or(Schedule::Never)
}

/// What a stored run was like.
struct Past {
    scan: u64,
    /// Days before this morning.
    days: f64,
    minutes: f64,
    end: Status,
    outlook: Outlook,
    /// Whether the wire says which scan it was of. Scheduled runs often do not.
    named: bool,
}

fn runs(world: &mut World, now: f64, this_morning: f64) {
    use Outlook::{Discarded, Imported, Refused};
    use Status::{Completed, Error, Partial};
    let past = |scan, days, minutes, end, outlook, named| Past { scan, days, minutes, end, outlook, named };
    for past in [
        past(1, 40.0, 31.0, Completed, Imported, false),
        past(5, 33.0, 12.0, Completed, Imported, true),
        past(5, 20.0, 12.0, Completed, Refused, true),
        past(2, 14.0, 26.0, Completed, Imported, true),
        past(2, 7.0, 27.0, Completed, Imported, true),
        past(7, 6.0, 9.0, Partial, Discarded, true),
        past(3, 5.0, 0.0, Error, Discarded, true),
        past(3, 4.0, 22.0, Completed, Imported, true),
        past(1, 3.0, 33.0, Completed, Imported, false),
        past(1, 2.0, 14.0, Partial, Imported, false),
        past(1, 1.0, 32.0, Completed, Imported, false),
    ] {
        store(world, &past, this_morning);
    }
    let delivered = |name: &str, kind, days: f64| {
        let created = now - days * DAY;
        Run {
            name: name.into(),
            created,
            timeline: Timeline::delivered(created, Imported, 1.0),
            kind,
            ..blank(created)
        }
    };
    world.keep_run(Run {
        details: "Basic Agent Scan".into(),
        targets: "10.30.0.21,10.30.0.22".into(),
        ..delivered("Server Agents [Agent Scan Import]", Kind::Agents, 0.9)
    });
    let branch = super::super::nessus::hosts::scan(
        "172.16.5.10,172.16.5.11",
        0,
        seconds(now - 10.2 * DAY),
        seconds(now - 10.1 * DAY),
    );
    let document = super::super::nessus::report("branch office", "Basic Network Scan", "172.16.5.0/24", &branch);
    world.keep_run(Run {
        initiator: 1,
        owner: 1,
        ..delivered("Manual Import - branch-office.nessus", Kind::Upload(Arc::from(document.into_bytes())), 10.0)
    });
    if let Some(last) = world.runs.first_mut() {
        // Data of one result is not kept for ever.
        last.kept = false;
    }
}

fn store(world: &mut World, past: &Past, this_morning: f64) {
    let created = this_morning - past.days * DAY;
    let Some(id) = world.launch(past.scan, created, super::world::Start::ByHand) else { return };
    let initiator = if past.named { catalog::SELF } else { 1 };
    let Some(run) = world.run_mut(id) else { return };
    // What is stored is over, at whatever speed the sandbox runs.
    run.timeline = Timeline::past(created, past.minutes * 60.0, past.end, past.outlook, 1.0);
    run.initiator = initiator;
    run.announced = true;
    run.error.clear();
    match (past.end, past.outlook) {
        (Status::Error, _) => {
            run.error = "Unable to resolve any of the scan targets: shop.corp.example".into();
        }
        (_, Outlook::Refused) => {
            run.import_error = "Error importing results: repository 'Default' is out of licensed IPs.".into();
        }
        _ => {}
    }
    if !past.named {
        run.shown_scan = None;
    }
}

/// A finished run of nothing, to be filled in.
pub(super) fn blank(created: f64) -> Run {
    Run {
        id: 0,
        director_id: 0,
        shown_scan: None,
        scan: None,
        name: String::new(),
        description: String::new(),
        details: String::new(),
        repository: 1,
        initiator: catalog::SELF,
        owner: catalog::SELF,
        targets: String::new(),
        round: 0,
        created,
        timeline: Timeline::delivered(created, Outlook::Imported, 1.0),
        when_cut_short: Outlook::Imported,
        error: String::new(),
        import_error: String::new(),
        kind: Kind::Active,
        kept: true,
        scap: false,
        manageable: true,
        job: 0,
        deleted: None,
        announced: true,
    }
}
