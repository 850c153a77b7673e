//! Whole flows against a scripted Director and a scripted instance. No reply of a Director was ever recorded, so these
//! are made from the vendor's documentation.

mod changes;
mod reading;
mod results;

use std::rc::Rc;

use serde_json::{Value, json};

use super::SPEC;
use crate::backends::RunQuery;
use crate::backends::sc_rest::testing::{NOW, Program, Reply, Seen, Vendor, bare, busy, missing, ok, refused};
use crate::backends::{Backend, Peers as _, Target};
use crate::config::Config;
use crate::error::{Detail, Error};
use crate::exit::Exit;
use crate::model::{Control, Operation, Run, RunId, RunState, ScanId, Support, Verb};

const LAUNCH: Operation = Operation::Launch { targets: false };
const STOP: Operation = Operation::Control(Control::Stop);
const PAUSE: Operation = Operation::Control(Control::Pause);

/// Scan 43 is scan 1 of instance 4, and run 70 is run 8 there. Scan 44 is on an instance that no profile maps; scan 45
/// has another name there; scan 46 is nowhere there.
fn director(seen: &Seen) -> Reply {
    let scan = |id: &str, name: &str, there: &str, instance: &str| {
        json!({
            "id": id, "uuid": format!("B0DD6E59-850B-421B-9498-74DE0177CF{id}"), "name": name, "status": "0",
            "sciScanID": there, "ipList": "192.26.28.0/24", "maxScanTime": "unlimited",
            "SCI": {"id": instance, "name": format!("SCI {instance}"), "description": ""},
            "organization": {"id": "3", "name": "Org 4", "description": ""},
        })
    };
    let scans = [
        scan("43", "Basic Scan", "1", "4"),
        scan("44", "Far Scan", "1", "5"),
        scan("45", "Renamed", "2", "4"),
        scan("46", "Gone", "3", "4"),
    ];
    let copy = |id: &str, name: &str, there: &str, scan: Value, status: &str| {
        json!({
            "id": id, "name": name, "status": status, "importStatus": "Finished", "scan": scan, "createdTime": (NOW - 60).to_string(),
            "startTime": "-1", "finishTime": "-1", "sciScanResultID": there, "SCI": {"id": "4", "name": "SCI 3"}, "sciOrgID": "1",
        })
    };
    let copies = [
        copy("70", "Basic Scan", "8", json!({"id": "1", "name": "Basic Scan"}), "Running"),
        copy("69", "Basic Scan", "7", json!({"id": "43", "name": "Basic Scan"}), "Completed"),
        copy("71", "Other", "9", json!({"id": "43", "name": "Other"}), "Running"),
        copy("72", "Retold", "10", json!({"id": -1, "name": ""}), "Running"),
    ];
    match seen.line.as_str() {
        "GET /mgmt/scan" => ok(json!(scans)),
        "GET /mgmt/scan/43" | "GET /mgmt/scan/B0DD6E59-850B-421B-9498-74DE0177CF43" => ok(scans[0].clone()),
        "GET /mgmt/scan/44" => ok(scans[1].clone()),
        "GET /mgmt/scan/45" => ok(scans[2].clone()),
        "GET /mgmt/scan/46" => ok(scans[3].clone()),
        "GET /mgmt/scanResult" if seen.query.contains("filter=running") => ok(json!([copies[0], copies[2], copies[3]])),
        "GET /mgmt/scanResult" => ok(json!(copies)),
        "GET /mgmt/scanResult/70" => ok(copies[0].clone()),
        "GET /mgmt/scanResult/69" => ok(copies[1].clone()),
        "GET /mgmt/scanResult/71" => ok(copies[2].clone()),
        "GET /mgmt/scanResult/72" => ok(copies[3].clone()),
        "POST /mgmt/scanResult/70/pause" => {
            ok(json!({"id": "70", "name": "Basic Scan", "scan": {"id": "1"}, "status": "Running"}))
        }
        "POST /mgmt/scanResult/70/resume" => refused(146, "The Scan Result could not be resumed.\n"),
        "POST /mgmt/scanResult/71/pause" => bare("<html>"),
        "POST /mgmt/scanResult/71/resume" => busy(),
        "POST /mgmt/scanResult/72/pause" => refused(146, "Not here.\n"),
        _ => missing(),
    }
}

/// Instance 4.
fn instance(seen: &Seen) -> Reply {
    let result = |id: &str, name: &str| {
        json!({
            "id": id, "name": name, "status": "Running", "scan": {"id": "1"}, "createdTime": (NOW - 60).to_string(),
            "startTime": (NOW - 50).to_string(), "finishTime": "-1", "importStatus": "No Results",
        })
    };
    match seen.line.as_str() {
        "GET /scan/1" => ok(json!({"id": "1", "name": "Basic Scan"})),
        "GET /scan/2" => ok(json!({"id": "2", "name": "Something else"})),
        "GET /scanResult/8" => ok(result("8", "Basic Scan")),
        "GET /scanResult/9" => ok(result("9", "Stranger")),
        "GET /scanResult/10" => {
            let mut retold = result("10", "Retold");
            retold["createdTime"] = json!((NOW - 61).to_string());
            ok(retold)
        }
        "POST /scanResult/8/stop" | "POST /scanResult/8/resume" => ok(result("8", "Basic Scan")),
        "POST /scan/1/launch" => {
            ok(json!({"scanID": "1", "scanResult": {"id": "11", "scanID": "1", "status": "Queued"}}))
        }
        _ => missing(),
    }
}

struct Site {
    director: Vendor,
    instance: Vendor,
    config: String,
}

impl Site {
    fn new() -> Self {
        Self::of(director, instance)
    }

    fn of(director: fn(&Seen) -> Reply, instance: fn(&Seen) -> Reply) -> Self {
        let (director, instance) = (Vendor::new(director), Vendor::new(instance));
        let mapped = "instances = { '4' = 'sc' }";
        let config =
            director.profile("director", "tenable-sc-director", mapped) + &instance.profile("sc", "tenable-sc", "");
        Self { director, instance, config }
    }

    fn open(&self, operation: Operation) -> Rc<dyn Backend> {
        Program::new(&self.config).open("director", &[operation]).unwrap()
    }

    /// What both were sent since the last time.
    fn lines(&self) -> (Vec<String>, Vec<String>) {
        (self.director.lines(), self.instance.lines())
    }
}

fn scan(id: &str) -> Target {
    Target { scan: Some(ScanId::new(id)), ..Target::default() }
}

fn run(id: &str) -> Target {
    Target { run: Some(RunId::new(id)), ..Target::default() }
}

fn ids(runs: &[Run]) -> Vec<&str> {
    runs.iter().filter_map(|run| run.run.as_ref()).map(RunId::as_str).collect()
}

#[tokio::test]
async fn a_launch_is_done_on_the_instance_that_shows_the_same_scan() {
    let site = Site::new();
    for scan_id in ["43", "B0DD6E59-850B-421B-9498-74DE0177CF43"] {
        let director = site.open(LAUNCH);
        let delegate = director.delegate(&scan(scan_id)).await.unwrap().unwrap();
        assert_eq!(delegate.backend.profile(), "sc");
        assert_eq!(delegate.target, Target { name: Some("Basic Scan".into()), ..scan("1") });
        let (asked, there) = site.lines();
        assert_eq!((asked, there), (vec![format!("GET /mgmt/scan/{scan_id}")], vec!["GET /scan/1".to_owned()]));
        let prepared = delegate.backend.prepare(&delegate.target, &Default::default()).await.unwrap();
        let launched = delegate.backend.launch(&prepared).await.unwrap();
        assert_eq!((launched.scan, launched.run), (Some(ScanId::new("1")), Some(RunId::new("11"))));
        assert_eq!(site.lines(), (vec![], vec!["POST /scan/1/launch".to_owned()]));
    }
}

#[tokio::test]
async fn a_launch_that_cannot_be_matched_is_not_sent() {
    let site = Site::new();
    let director = site.open(LAUNCH);
    for (id, exit, said, there) in [
        ("44", Exit::Config, "instance 5 \"SCI 5\", which `instances`", 0),
        ("45", Exit::Config, "named \"Something else\" there and \"Renamed\" here", 1),
        ("46", Exit::Config, "it shows no such scan", 1),
        ("99", Exit::NotFound, "does not exist", 0),
    ] {
        let error = director.delegate(&scan(id)).await.unwrap_err();
        assert_eq!(error.exit(), exit, "{id}: {error}");
        assert!(error.one_line().contains(said), "{id}: {}", error.one_line());
        let (asked, seen) = site.lines();
        assert_eq!((asked.len(), seen.len()), (1, there), "{id}");
        assert!(seen.iter().all(|line| line.starts_with("GET ")));
    }
    assert_eq!(director.prepare(&scan("43"), &Default::default()).await.unwrap_err().exit(), Exit::Unsupported);
}

#[tokio::test]
async fn stop_goes_to_the_instance_after_comparing() {
    let site = Site::new();
    let director = site.open(STOP);
    let done = director.control(&run("70"), Control::Stop).await.unwrap();
    assert_eq!(done.target, Target { name: Some("Basic Scan".into()), ..run("70") });
    assert_eq!(done.message.as_deref(), Some("sent to the instance, as `sc/1@8`"));
    let (asked, there) = site.lines();
    assert_eq!(asked, ["GET /mgmt/scanResult/70"]);
    assert_eq!(there, ["GET /scanResult/8", "POST /scanResult/8/stop"]);

    for (id, said) in [
        ("71", "it is named \"Stranger\" there and \"Other\" here"),
        ("72", "it was created at another time there"),
        ("69", "it shows no such run"),
    ] {
        let error = director.control(&run(id), Control::Stop).await.unwrap_err();
        assert_eq!(error.exit(), Exit::Config);
        assert!(
            error.one_line().contains(said) && error.one_line().contains("nothing was sent"),
            "{}",
            error.one_line()
        );
        let (asked, there) = site.lines();
        assert_eq!(asked.len(), 1);
        assert!(there.iter().all(|line| line.starts_with("GET ")), "{there:?}");
    }
}

#[tokio::test]
async fn a_dry_run_plans_the_request_where_it_would_go() {
    let site = Site::new();
    let director = Program::dry_run(&site.config).open("director", &[STOP, PAUSE]).unwrap();
    let error = director.control(&run("70"), Control::Pause).await.unwrap_err();
    let Detail::Planned(planned) = error.detail() else { panic!("{error}") };
    assert_eq!(planned.path, "/rest/mgmt/scanResult/70/pause");
    assert_eq!(site.lines(), (vec![], vec![]));
    let error = director.control(&run("70"), Control::Stop).await.unwrap_err();
    let Detail::Planned(planned) = error.detail() else { panic!("{error}") };
    assert_eq!((planned.method.as_str(), planned.path.as_str()), ("POST", "/rest/scanResult/8/stop"));
    let (asked, there) = site.lines();
    assert!(asked.iter().chain(&there).all(|line| line.starts_with("GET ")));
}

#[tokio::test]
async fn pause_and_resume_are_directors_own_and_the_instance_only_the_second_way() {
    let site = Site::new();
    let director = site.open(PAUSE);
    let done = director.control(&run("70"), Control::Pause).await.unwrap();
    // The answer's scan may be the instance's number, so it is not taken for Director's.
    assert_eq!(done.target, Target { name: Some("Basic Scan".into()), ..run("70") });
    assert_eq!(site.lines(), (vec!["POST /mgmt/scanResult/70/pause".to_owned()], vec![]));

    let done = director.control(&run("70"), Control::Resume).await.unwrap();
    assert_eq!(done.message.as_deref(), Some("sent to the instance, as `sc/1@8`"));
    let (asked, there) = site.lines();
    assert_eq!(asked, ["POST /mgmt/scanResult/70/resume", "GET /mgmt/scanResult/70"]);
    assert_eq!(there, ["GET /scanResult/8", "POST /scanResult/8/resume"]);

    // A lost answer is no refusal.
    for (control, verb) in [(Control::Pause, "pause"), (Control::Resume, "resume")] {
        let lost = director.control(&run("71"), control).await.unwrap_err();
        assert!(lost.lost().is_some(), "{lost}");
        assert_eq!(site.lines(), (vec![format!("POST /mgmt/scanResult/71/{verb}")], vec![]));
    }

    // Another run there: nothing is sent to it.
    let error = director.control(&run("72"), Control::Pause).await.unwrap_err();
    assert_eq!(error.exit(), Exit::Config);
    assert_eq!(site.lines().1, ["GET /scanResult/10"]);

    // What cannot be looked up leaves Director's refusal standing.
    let refusal = director.control(&run("99"), Control::Pause).await.unwrap_err();
    assert!(refusal.refused() && refusal.exit() == Exit::NotFound);
    assert!(site.lines().1.is_empty());
}

#[tokio::test]
async fn without_instances_a_refused_pause_is_the_vendors() {
    let vendor = Vendor::new(director);
    let program = Program::new(&vendor.profile("director", "tenable-sc-director", ""));
    let backend = program.open("director", &[PAUSE]).unwrap();
    let error = backend.control(&run("70"), Control::Resume).await.unwrap_err();
    assert!(error.refused());
    assert_eq!(error.answer().text.as_deref(), Some("The Scan Result could not be resumed."));
    assert_eq!(vendor.lines(), ["POST /mgmt/scanResult/70/resume"]);
}

#[test]
fn peers_are_checked_before_anything_is_sent_and_only_where_they_are_needed() {
    let site = Site::new();
    let failure = |instances: &str, more: &str, operation: Operation| {
        let text = site.director.profile("director", "tenable-sc-director", instances) + more;
        Program::new(&text).open("director", &[operation]).err()
    };
    let told = |error: Option<Error>| error.map(|error| (error.exit(), error.one_line()));
    let unset = "[profiles.sc]\nbackend = 'tenable-sc'\nbase_url = 'https://sc.example.org'\n\
                 access_key = { env = 'SCANCTL_NOT_SET' }\nsecret_key = { env = 'SCANCTL_NOT_SET' }\n";
    for operation in [LAUNCH, STOP] {
        let (exit, line) = told(failure("instances = { '4' = 'sd' }", unset, operation)).unwrap();
        assert!(exit == Exit::Config && line.contains("`instances` names `sd`"), "{line}");
        let (exit, line) = told(failure("instances = { '4' = 'sc' }", unset, operation)).unwrap();
        assert!(exit == Exit::Config && line.contains("SCANCTL_NOT_SET"), "{line}");
        // Its own profile would be opened for ever.
        let (exit, line) = told(failure("instances = { '4' = 'director' }", unset, operation)).unwrap();
        assert!(exit == Exit::Config && line.contains("no `tenable-sc` profile but `tenable-sc-director`"), "{line}");
    }
    // Director pauses by itself, and reading needs no instance at all.
    for operation in [PAUSE, Operation::Status, Operation::List] {
        assert!(failure("instances = { '4' = 'sc' }", unset, operation).is_none(), "{operation:?}");
    }
    assert_eq!(site.lines(), (vec![], vec![]));
}

#[test]
fn launch_and_stop_need_mapped_instances() {
    let support = |more: &str, operation: Operation| {
        let text = format!("[profiles.d]\nbackend = 'tenable-sc-director'\n{more}");
        let settings = Config::parse("config.toml".into(), &text).unwrap().profile("d").unwrap();
        (SPEC.support)(operation, Some(&settings))
    };
    for operation in [LAUNCH, STOP] {
        assert!(matches!(support("", operation), Support::No(why) if why.contains("instances = ")));
        assert!(matches!(support("instances = { '4' = 'sc' }", operation), Support::Via(_)));
        assert!(matches!((SPEC.support)(operation, None), Support::Via(_)));
    }
    assert_eq!(support("", PAUSE), Support::Native);
    for operation in [Operation::Control(Control::ForceStop), Operation::Launch { targets: true }] {
        assert!(matches!(support("instances = { '4' = 'sc' }", operation), Support::No(_)));
    }
}

#[tokio::test]
async fn copies_are_read_from_a_bare_list_and_said_to_be_copies() {
    let site = Site::new();
    let director = site.open(Operation::RunsList);
    let all = director.runs(None, &RunQuery::default()).await.unwrap();
    assert_eq!(ids(&all.value), ["72", "71", "70", "69"]);
    assert!(all.value.iter().all(|run| run.scan.is_none()), "whose number `scan` has is not said");
    assert_eq!(all.notes[0], "a copy held by Director; it may lag");
    assert!(all.notes[1].starts_with("runs of all times") && all.notes.len() == 2);
    let seen = site.director.take();
    assert!(seen[0].query.starts_with("startTime=0&endTime=9999999999&fields=id,"), "{}", seen[0].query);
    assert!(seen[0].query.ends_with(",sci,sciScanResult") && !seen[0].query.contains("progress"));

    let active = director.active().await.unwrap();
    assert_eq!(ids(&active.value), ["72", "71", "70"]);
    assert!(site.director.take()[0].query.contains("filter=running"));

    let own = director.runs(Some(&scan("43")), &RunQuery::default()).await.unwrap();
    assert_eq!(ids(&own.value), ["70", "69"]);
    assert!(own.value.iter().all(|run| run.scan == Some(ScanId::new("43"))));

    let one = director.status(&run("70")).await.unwrap();
    assert_eq!(
        (one.value.state, one.value.run, one.value.scan),
        (Some(RunState::Running), Some(RunId::new("70")), None)
    );
    assert_eq!(one.notes, ["a copy held by Director; it may lag"]);
}

#[tokio::test]
async fn addresses_hold_directors_numbers() {
    let site = Site::new();
    let program = Program::new(&site.config);
    let director = program.open("director", &[Operation::Status]).unwrap();
    let meant = async |address: &str, verb: Verb| match director.resolve(&address.parse().unwrap(), verb).await {
        Ok(target) => format!(
            "{}@{}",
            target.scan.as_ref().map_or("", ScanId::as_str),
            target.run.as_ref().map_or("", RunId::as_str)
        ),
        Err(error) => error.exit().code().to_string(),
    };
    for (address, verb, expected) in [
        ("director/43", Verb::Launch, "43@"),
        ("director/name:Far Scan", Verb::Launch, "44@"),
        ("director/70", Verb::Pause, "@70"),
        ("director/70", Verb::Status, "@70"),
        ("director/43", Verb::Status, "43@70"),
        ("director/B0DD6E59-850B-421B-9498-74DE0177CF43", Verb::Status, "43@70"),
        ("director/43@69", Verb::Status, "43@69"),
        ("director/43@71", Verb::Stop, "5"),
        ("director/44@70", Verb::Stop, "5"),
        ("director/43@72", Verb::Status, "@72"),
        ("director/43@latest~1", Verb::Status, "43@69"),
        ("director/name:Basic Scan", Verb::Pause, "43@70"),
        ("director/99", Verb::Status, "5"),
        ("director/43@70", Verb::Launch, "2"),
    ] {
        assert_eq!(meant(address, verb).await, expected, "{verb} {address}");
    }
    assert!(site.instance.lines().is_empty());
    assert_eq!(program.notices.borrow().len(), 1);
}

#[tokio::test]
async fn the_identity_says_who_may_see_directors_scans() {
    let vendor = Vendor::new(|_| {
        ok(
            json!({"username": "ann", "role": {"id": "4", "name": "Security Manager"}, "organization": {"id": "1", "name": "Org"}}),
        )
    });
    let program = Program::new(&vendor.login_profile("director", "tenable-sc-director", ""));
    let backend = program.open("director", &[Operation::Check]).unwrap();
    // The scripted login has no token.
    assert_eq!(backend.identity().await.unwrap_err().exit(), Exit::Limited);
    let program = Program::new(&vendor.profile("director", "tenable-sc-director", ""));
    let identity = program.open("director", &[Operation::Check]).unwrap().identity().await.unwrap();
    assert!(identity.details.iter().any(|(_, value)| value.contains("administrators only")));
}
