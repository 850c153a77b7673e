//! Whole flows against a scripted instance, and every recorded body.

mod answers;
mod results;

use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use base64::Engine as _;
use serde_json::{Value, json};

use super::{LaunchAnswer, SPEC, StoredScan};
use crate::backends::sc_rest::testing::{NOW, Program, Reply, Seen, Vendor, bare, missing, ok, refused};
use crate::backends::sc_rest::{Listed, result::ScanResult};
use crate::backends::{Backend, Order, Peers as _, Prepared, Target};
use crate::backends::{RunQuery, ScanQuery};
use crate::error::{Detail, Error};
use crate::exit::Exit;
use crate::model::{Control, Operation, Run, RunId, RunState, ScanId, Support, Verb};

fn connect(program: &Program) -> Rc<dyn Backend> {
    program.open("sc", &[Operation::Launch { targets: false }]).unwrap()
}

fn instance(script: impl Fn(&Seen) -> Reply + Send + 'static) -> (Vendor, Program) {
    let vendor = Vendor::new(script);
    let program = Program::new(&vendor.profile("sc", "tenable-sc", ""));
    (vendor, program)
}

async fn resolved(backend: &dyn Backend, address: &str, verb: Verb) -> Result<Target, Error> {
    backend.resolve(&address.parse().unwrap(), verb).await
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

/// Scan 34 "Weekly"; its runs 7 (over) and 8 (running); run 9 of scan 35; run 10 that says nothing and has the name.
fn results(seen: &Seen) -> Reply {
    let owned = |id: &str, scan: Value, status: &str| {
        json!({
            "id": id, "name": "Weekly", "scan": {"id": scan, "name": ""}, "status": status, "importStatus": "Finished",
            "createdTime": format!("{}", NOW - 100 + id.parse::<i64>().unwrap()), "finishTime": "-1",
        })
    };
    let runs = [
        owned("7", json!("34"), "Completed"),
        owned("8", json!("34"), "Running"),
        owned("9", json!("35"), "Running"),
        owned("10", json!(-1), "Completed"),
    ];
    let running_only = seen.query.contains("filter=running");
    let listed: Vec<&Value> = runs.iter().filter(|run| !running_only || run["status"] == "Running").collect();
    match seen.line.as_str() {
        "GET /scanResult" => ok(json!({"usable": listed, "manageable": listed})),
        "GET /scanResult/7" => ok(runs[0].clone()),
        "GET /scanResult/8" => ok(runs[1].clone()),
        "GET /scanResult/9" => ok(runs[2].clone()),
        "GET /scanResult/10" => ok(runs[3].clone()),
        "GET /scan" => {
            ok(json!([{"id": "34", "name": "Weekly"}, {"id": "35", "name": "Twin"}, {"id": "36", "name": "Twin"}]))
        }
        "GET /scan/34" | "GET /scan/0A-34" => ok(json!({"id": "34", "name": "Weekly"})),
        "GET /scan/8" => ok(json!({"id": "8", "name": "Eight"})),
        "GET /scan/35" => ok(json!({"id": "35", "name": "Twin"})),
        _ => missing(),
    }
}

#[tokio::test]
async fn a_launch_reads_what_runs_and_follows_the_result() {
    let (vendor, program) = instance(|seen| match seen.line.as_str() {
        "GET /scan/34" => ok(json!({"id": "34", "name": "Weekly"})),
        "GET /scanResult" => ok(json!({"usable": [], "manageable": []})),
        "POST /scan/34/launch" => ok(json!({"scanID": "34", "scanResult": {
            "initiatorID": "2", "scanID": "34", "resultsSyncID": -1, "jobID": "3784", "name": "Weekly", "status": "Queued",
            "id": "8",
        }})),
        _ => missing(),
    });
    let sc = connect(&program);
    let target = resolved(&*sc, "sc/34", Verb::Launch).await.unwrap();
    assert_eq!(target, scan("34"));
    assert!(vendor.lines().is_empty());

    assert!(sc.active_runs(&target).await.unwrap().is_empty());
    let mut seen = vendor.take();
    seen.sort_by(|left, right| left.line.cmp(&right.line));
    assert_eq!((seen[0].line.as_str(), seen[1].line.as_str()), ("GET /scan/34", "GET /scanResult"));
    assert!(seen[0].query.starts_with("fields=id,name,"));
    assert!(
        seen[1].query.starts_with("startTime=0&endTime=9999999999&filter=running&fields=id,name,status,importStatus,")
    );
    assert!(!seen[1].query.contains("progress"));
    for seen in &seen {
        assert_eq!(seen.headers["x-apikey"], "accesskey=access; secretkey=secret;");
        assert!(!seen.headers.contains_key("x-securitycenter") && !seen.headers.contains_key("cookie"));
    }

    let prepared = sc.prepare(&target, &Order::default()).await.unwrap();
    assert_eq!(prepared.target.name.as_deref(), Some("Weekly"));
    let launched = sc.launch(&prepared).await.unwrap();
    assert_eq!((launched.scan, launched.run), (Some(ScanId::new("34")), Some(RunId::new("8"))));
    assert_eq!((launched.name.as_deref(), launched.native_state.as_deref()), (Some("Weekly"), Some("Queued")));
    let seen = vendor.take();
    assert_eq!(seen.len(), 1, "the scan's name was read before");
    assert_eq!((seen[0].line.as_str(), seen[0].body.as_str()), ("POST /scan/34/launch", "{}"));
}

#[tokio::test]
async fn a_launch_of_what_does_not_exist_sends_no_launch() {
    let (vendor, program) = instance(results);
    let error = connect(&program).active_runs(&scan("99")).await.unwrap_err();
    assert_eq!((error.exit(), error.answer().code), (Exit::NotFound, Some(147)));
    assert!(vendor.lines().iter().all(|line| line.starts_with("GET ")));
}

#[tokio::test]
async fn runs_that_may_be_the_scans_count_as_running() {
    let (_vendor, program) = instance(|seen| match seen.line.as_str() {
        "GET /scan/34" => ok(json!({"id": "34", "name": "Weekly"})),
        _ => ok(json!({"usable": [
            {"id": "9", "name": "Weekly", "scan": {"id": -1}, "status": "Paused"},
            {"id": "10", "name": "Other", "scan": {"id": -1}, "status": "Running"},
            {"id": "11", "name": "Weekly", "scan": {"id": "35"}, "status": "Running"},
        ]})),
    });
    let running = connect(&program).active_runs(&scan("34")).await.unwrap();
    assert_eq!(ids(&running), ["9"]);
    assert_eq!(running[0].scan, None);
}

#[tokio::test]
async fn a_launch_answer_that_is_not_one_leaves_the_outcome_open() {
    for body in
        [r#"{"response":{"scanID":"34","scanResult":{"status":"Queued"}},"error_code":0}"#, "<html>", "", "{\"resp"]
    {
        let (_vendor, program) = instance(move |_| bare(body));
        let prepared =
            Prepared { target: scan("34"), order: Order::default(), before: Vec::new(), warnings: Vec::new() };
        let error = connect(&program).launch(&prepared).await.unwrap_err();
        assert!(error.lost().is_some() && error.exit() == Exit::UnknownOutcome, "{body}: {error}");
    }
    let (_vendor, program) = instance(|_| refused(146, "Scan #34 has no repository.\n"));
    let prepared = Prepared { target: scan("34"), order: Order::default(), before: Vec::new(), warnings: Vec::new() };
    let error = connect(&program).launch(&prepared).await.unwrap_err();
    assert!(error.refused() && error.exit() == Exit::Usage);
    assert_eq!(error.answer().text.as_deref(), Some("Scan #34 has no repository."));
}

#[tokio::test]
async fn a_lost_launch_is_found_by_the_vendors_clock() {
    let (_vendor, program) = instance(|seen| match seen.line.as_str() {
        "GET /scan/34" => ok(json!({"id": "34", "name": "Weekly"})),
        _ => {
            let made = |id: &str, scan: Value, ago: i64| json!({"id": id, "name": "Weekly", "scan": {"id": scan}, "status": "Queued", "createdTime": (NOW - ago).to_string()});
            ok(json!([
                made("5", json!("34"), 7200),
                made("6", json!("34"), 12),
                made("7", json!("34"), 11),
                made("8", json!(-1), 3),
                made("9", json!("35"), 1),
                {"id": "10", "name": "Weekly", "scan": {"id": "34"}, "status": "Queued"},
            ]))
        }
    });
    let prepared = Prepared { target: scan("34"), order: Order::default(), before: Vec::new(), warnings: Vec::new() };
    let sent = Instant::now().checked_sub(Duration::from_millis(10_200)).unwrap();
    let found = connect(&program).find_launched(&prepared, sent).await.unwrap();
    assert_eq!(ids(&found), ["8", "7"]);
}

#[tokio::test]
async fn a_scan_named_by_its_uuid_has_the_runs_of_its_number() {
    let (vendor, program) = instance(results);
    let sc = connect(&program);
    let target = resolved(&*sc, "sc/0A-34", Verb::Launch).await.unwrap();
    assert_eq!(ids(&sc.active_runs(&target).await.unwrap()), ["8"]);
    let prepared = sc.prepare(&target, &Order::default()).await.unwrap();
    assert_eq!(prepared.target, Target { name: Some("Weekly".into()), ..scan("0A-34") });
    let sent = Instant::now().checked_sub(Duration::from_secs(95)).unwrap();
    assert_eq!(ids(&sc.find_launched(&prepared, sent).await.unwrap()), ["10", "8", "7"]);
    assert_eq!(vendor.lines().iter().filter(|line| *line == "GET /scan/0A-34").count(), 1);
}

#[tokio::test]
async fn an_address_means_what_the_documentation_says() {
    let (vendor, program) = instance(results);
    let sc = connect(&program);
    let meant = async |address: &str, verb: Verb| match resolved(&*sc, address, verb).await {
        Ok(target) => format!(
            "{}@{}",
            target.scan.as_ref().map_or("", ScanId::as_str),
            target.run.as_ref().map_or("", RunId::as_str)
        ),
        Err(error) => match error.detail() {
            Detail::Candidates(candidates) => format!("{} {}", error.exit().code(), candidates.join(" ")),
            _ => error.exit().code().to_string(),
        },
    };
    for (address, verb, expected, reads) in [
        ("sc/34", Verb::Launch, "34@", 0),
        ("sc/34", Verb::RunsList, "34@", 0),
        ("sc/34@8", Verb::Launch, "2", 0),
        ("sc/@8", Verb::ScansShow, "2", 0),
        ("sc/name:Weekly", Verb::Launch, "34@", 1),
        ("sc/name:Twin", Verb::Launch, "5 sc/35 sc/36", 1),
        ("sc/name:None", Verb::Launch, "5", 1),
        // Control verbs take the run, without a reading.
        ("sc/8", Verb::Pause, "@8", 0),
        ("sc/@8", Verb::Stop, "@8", 0),
        ("sc/8", Verb::RunsShow, "@8", 0),
        // A run with its scan is compared.
        ("sc/34@8", Verb::Pause, "34@8", 1),
        ("sc/34@9", Verb::Stop, "5", 1),
        ("sc/0A-34@8", Verb::Status, "34@8", 2),
        ("sc/34@99", Verb::Resume, "5", 1),
        ("sc/34@10", Verb::Resume, "@10", 1),
        // Looking: a run, a scan, both, neither.
        ("sc/9", Verb::Status, "35@9", 2),
        ("sc/8", Verb::Status, "2 sc/@8 sc/8@latest", 2),
        ("sc/99", Verb::Wait, "5", 2),
        ("sc/34", Verb::Wait, "34@8", 3),
        // The newest says nothing about its scan: it may be the one that is meant, and is never chosen.
        ("sc/34@latest", Verb::Status, "5 sc/@10 sc/34@8", 1),
        ("sc/34@latest~1", Verb::Status, "5 sc/34@8 sc/34@7", 1),
        ("sc/34@latest~3", Verb::Status, "5", 1),
        // The only active one is certain.
        ("sc/name:Weekly", Verb::Pause, "34@8", 2),
        ("sc/name:Weekly@latest", Verb::Status, "5 sc/@10 sc/34@8", 2),
    ] {
        assert_eq!(meant(address, verb).await, expected, "{verb} {address}");
        assert_eq!(vendor.lines().len(), reads, "{verb} {address}");
    }
    let notices = program.notices.borrow();
    assert_eq!(notices.len(), 1);
    assert!(notices[0].contains("run 10 \"Weekly\" does not say which scan it is of"), "{notices:?}");
}

#[tokio::test]
async fn a_run_whose_number_cannot_be_read_as_a_scan_can_still_be_named() {
    let (_vendor, program) = instance(|seen| match seen.line.as_str() {
        "GET /scan/8" => refused(146, "You do not have permission to view scans.\n"),
        _ => results(seen),
    });
    let error = resolved(&*connect(&program), "sc/8", Verb::Status).await.unwrap_err();
    assert_eq!((error.exit(), error.hint_text()), (Exit::Auth, Some("`sc/@8` is that run")));
}

#[tokio::test]
async fn a_control_verb_is_one_request_without_a_body() {
    for (control, verb) in [(Control::Pause, "pause"), (Control::Resume, "resume"), (Control::Stop, "stop")] {
        let (vendor, program) =
            instance(|_| ok(json!({"id": "8", "name": "Weekly", "scan": {"id": "34"}, "status": "Running"})));
        let done = connect(&program).control(&run("8"), control).await.unwrap();
        assert_eq!(done.target.describe(), "run 8 \"Weekly\" (scan 34)");
        assert_eq!(done.message, None);
        let seen = vendor.take();
        assert_eq!(seen.len(), 1);
        assert_eq!(seen[0].line, format!("POST /scanResult/8/{verb}"));
        assert_eq!((seen[0].body.as_str(), seen[0].headers["content-length"].as_str()), ("", "0"));
    }
}

#[tokio::test]
async fn the_ends_of_a_control_verb_are_told_apart() {
    let done = async |reply: fn() -> Reply| {
        let (vendor, program) = instance(move |_| reply());
        let done = connect(&program).control(&run("8"), Control::Pause).await;
        assert_eq!(vendor.lines().len(), 1, "never sent twice");
        done
    };
    assert!(done(|| ok(json!(""))).await.is_ok());
    let agents = done(|| ok(json!({"id": "8", "name": "Daily [Agent Scan Import]", "scan": {"id": -1, "name": ""}})))
        .await
        .unwrap();
    assert!(agents.message.unwrap().contains("agents"));
    assert_eq!(agents.target.scan, None);
    let wrong = done(|| refused(146, "The Scan Result is not running.\n")).await.unwrap_err();
    assert!(wrong.refused() && wrong.exit() == Exit::Usage);
    assert!(done(missing).await.unwrap_err().exit() == Exit::NotFound);
    assert!(done(|| bare("<html>signed out</html>")).await.unwrap_err().lost().is_some());

    let (vendor, program) = instance(results);
    let error = connect(&program).control(&run("8"), Control::ForceStop).await.unwrap_err();
    assert_eq!(error.exit(), Exit::Unsupported);
    assert!(vendor.lines().is_empty());
}

#[tokio::test]
async fn a_dry_run_reads_and_plans() {
    let vendor = Vendor::new(results);
    let program = Program::dry_run(&vendor.profile("sc", "tenable-sc", ""));
    let sc = connect(&program);
    assert_eq!(ids(&sc.active_runs(&scan("34")).await.unwrap()), ["8"]);
    let prepared = sc.prepare(&scan("34"), &Order::default()).await.unwrap();
    vendor.take();
    for (error, path, body) in [
        (sc.launch(&prepared).await.unwrap_err(), "/rest/scan/34/launch", Some(json!({}))),
        (sc.control(&run("8"), Control::Stop).await.unwrap_err(), "/rest/scanResult/8/stop", None),
    ] {
        let Detail::Planned(planned) = error.detail() else { panic!("{error}") };
        assert_eq!((planned.method.as_str(), planned.path.as_str(), &planned.body), ("POST", path, &body));
    }
    assert!(vendor.lines().is_empty());
}

/// Logs in and out, and says that the first session is over when it is used the second time.
fn sessions(seen: &Seen, uses: &AtomicUsize) -> Reply {
    match seen.line.as_str() {
        "POST /token" => {
            let login = uses.fetch_add(100, Ordering::SeqCst) / 100 + 1;
            ok(json!({"lastLogin": "1", "lastFailedLogin": null, "token": 1000 + login, "unassociatedCert": "false"}))
                .cookie("TNS_SESSIONID=stale; path=/; secure; HttpOnly")
                .cookie(&format!("TNS_SESSIONID=cookie{login}; path=/; secure; HttpOnly; SameSite=Strict"))
        }
        "DELETE /token" => ok(json!("")),
        _ if seen.headers["x-securitycenter"] == "1001" && uses.fetch_add(1, Ordering::SeqCst) % 100 >= 1 => {
            refused(12, "This request contains an invalid token.")
        }
        _ => results(seen),
    }
}

#[tokio::test]
async fn a_session_is_opened_once_renewed_once_and_closed() {
    let uses = AtomicUsize::new(0);
    let vendor = Vendor::new(move |seen| match seen.line.as_str() {
        "POST /scanResult/8/pause" if seen.headers["x-securitycenter"] != "1001" => ok(json!("")),
        _ => sessions(seen, &uses),
    });
    let program = Program::new(&vendor.login_profile("sc", "tenable-sc", "release_session = true"));
    let sc = connect(&program);
    sc.status(&run("8")).await.unwrap();
    sc.control(&run("8"), Control::Pause).await.unwrap();
    sc.close().await;
    sc.close().await;
    let seen = vendor.take();
    let lines: Vec<&str> = seen.iter().map(|seen| seen.line.as_str()).collect();
    assert_eq!(
        lines,
        [
            "POST /token",
            "GET /scanResult/8",
            "POST /scanResult/8/pause",
            "POST /token",
            "POST /scanResult/8/pause",
            "DELETE /token"
        ]
    );
    let login: Value = serde_json::from_str(&seen[0].body).unwrap();
    assert_eq!(login, json!({"username": "ann", "password": "password", "releaseSession": true}));
    for (index, token, cookie) in
        [(1, "1001", "cookie1"), (2, "1001", "cookie1"), (4, "1002", "cookie2"), (5, "1002", "cookie2")]
    {
        assert_eq!(seen[index].headers["x-securitycenter"], token);
        assert_eq!(seen[index].headers["cookie"], format!("TNS_SESSIONID={cookie}"));
    }
    assert!(seen.iter().all(|seen| !seen.headers.contains_key("x-apikey")));
}

#[tokio::test]
async fn a_login_that_is_refused_says_why() {
    let told = async |reply: fn() -> Reply| {
        let vendor = Vendor::new(move |_| reply());
        let program = Program::new(&vendor.login_profile("sc", "tenable-sc", ""));
        let sc = connect(&program);
        let error = sc.status(&run("8")).await.unwrap_err();
        sc.close().await;
        assert_eq!(vendor.lines(), ["POST /token"]);
        error
    };
    let limit = told(|| ok(json!({"releaseSession": true}))).await;
    assert_eq!(limit.exit(), Exit::Limited);
    assert!(limit.hint_text().unwrap().contains("release_session = true"));
    let wrong = told(|| refused(146, "Invalid login credentials.\n")).await;
    assert_eq!(wrong.exit(), Exit::Auth);
    assert!(!wrong.one_line().contains("password"), "{}", wrong.one_line());
    assert_eq!(told(|| refused(12, "This request contains an invalid token.")).await.exit(), Exit::Auth);
}

#[tokio::test]
async fn refused_keys_are_an_auth_failure_and_nothing_is_sent_again() {
    let (vendor, program) = instance(|_| refused(0, ""));
    let error = connect(&program).status(&run("8")).await.unwrap_err();
    assert_eq!((error.exit(), error.answer().code), (Exit::Auth, Some(0)));
    assert!(error.hint_text().unwrap().contains("keys are not accepted"));
    assert_eq!(vendor.lines().len(), 1);
}

#[tokio::test]
async fn a_status_is_one_request_for_chosen_fields() {
    let (vendor, program) = instance(|_| {
        ok(json!({
            "id": "8", "name": "Weekly", "scan": {"id": "34", "name": "Weekly"}, "status": "Partial", "importStatus": "No Results",
            "createdTime": (NOW - 700).to_string(), "startTime": (NOW - 600).to_string(), "finishTime": (NOW - 119).to_string(),
            "totalIPs": "4", "completedIPs": "2", "totalChecks": "-1", "errorDetails": "stopped",
        }))
    });
    let reading = connect(&program).status(&run("8")).await.unwrap();
    let read = reading.value;
    assert_eq!((read.state, read.native_state.as_deref()), (Some(RunState::Publishing), Some("Partial")));
    assert_eq!((read.progress, read.hosts_done, read.hosts_total), (Some(50), Some(2), Some(4)));
    assert_eq!((read.message.as_deref(), reading.raw.len()), (Some("stopped"), 1));
    let seen = vendor.take();
    assert_eq!(seen.len(), 1);
    assert!(seen[0].query.starts_with("fields=id,name,status,"));
}

#[tokio::test]
async fn lists_hold_everything_newest_first_and_say_what_they_leave_out() {
    let (vendor, program) = instance(results);
    let sc = connect(&program);
    let all = sc.runs(None, &RunQuery::default()).await.unwrap();
    assert_eq!(ids(&all.value), ["10", "9", "8", "7"]);
    assert!(vendor.take()[0].query.starts_with("startTime=0&endTime=9999999999&fields="));
    let own = sc.runs(Some(&scan("34")), &RunQuery::default()).await.unwrap();
    assert_eq!(ids(&own.value), ["8", "7"]);
    assert!(own.notes[0].contains("30 days"), "{:?}", own.notes);
    assert!(own.notes[1].ends_with("runs named \"Weekly\": sc/@10"), "{:?}", own.notes);
    assert_eq!(sc.runs(Some(&scan("99")), &RunQuery::default()).await.unwrap_err().exit(), Exit::NotFound);
    assert_eq!(ids(&sc.active().await.unwrap().value), ["9", "8"]);
    assert_eq!(sc.scans(&ScanQuery::default()).await.unwrap().value.len(), 3);
}

#[tokio::test]
async fn targets_of_asset_lists_are_not_made_up() {
    let (_vendor, program) = instance(|seen| match seen.line.as_str() {
        "GET /scan/34" => ok(json!({
            "id": "34", "name": "Weekly", "ipList": "10.0.0.1, 10.0.0.0/24\nweb", "assets": [], "status": "1024",
            "schedule": {"type": "ical", "start": "TZID=UTC:20260101T000000", "repeatRule": "FREQ=DAILY", "enabled": "false"},
        })),
        "GET /scan/36" => ok(json!({"id": 36, "name": "Odd", "ipList": null, "assets": "", "schedule": null})),
        _ => ok(
            json!({"id": "35", "name": "Lists", "ipList": "10.0.0.1", "assets": [{"id": "3", "name": "DMZ"}], "schedule": []}),
        ),
    });
    let sc = connect(&program);
    let plain = sc.scan(&scan("34"), &ScanQuery::default()).await.unwrap();
    assert_eq!(plain.value.targets.unwrap(), ["10.0.0.1", "10.0.0.0/24", "web"]);
    assert_eq!(plain.value.schedule.as_deref(), Some("ical TZID=UTC:20260101T000000 FREQ=DAILY"));
    assert_eq!((plain.value.enabled, plain.notes.len()), (Some(false), 0));
    let odd = sc.scan(&scan("36"), &ScanQuery::default()).await.unwrap().value;
    assert_eq!((odd.scan.as_str(), odd.targets, odd.schedule), ("36", Some(vec![]), None));
    let lists = sc.scan(&scan("35"), &ScanQuery::default()).await.unwrap();
    assert_eq!((lists.value.targets, lists.value.schedule, lists.value.enabled), (None, None, None));
    assert!(lists.notes[0].ends_with("DMZ"));
}

#[tokio::test]
async fn the_identity_is_one_read() {
    let (vendor, program) = instance(|_| {
        ok(
            json!({"username": "admin", "role": {"id": "1", "name": "Administrator"}, "organization": {"id": 0, "name": ""}}),
        )
    });
    let identity = connect(&program).identity().await.unwrap();
    assert_eq!(identity.user.as_deref(), Some("admin"));
    assert_eq!(identity.proved, "the keys are accepted");
    assert!(identity.details.iter().any(|(key, value)| key == "note" && value.contains("administrator")));
    assert_eq!(vendor.lines(), ["GET /currentUser"]);
}

#[test]
fn what_cannot_be_done_is_said_before_anything() {
    for operation in [Operation::Launch { targets: true }, Operation::Control(Control::ForceStop)] {
        assert!(matches!((SPEC.support)(operation, None), Support::No(_)));
    }
    assert_eq!((SPEC.support)(Operation::Launch { targets: false }, None), Support::Native);
}

/// One recording: the request's line and the answer.
struct Recorded {
    line: String,
    status: u16,
    body: String,
    /// Where it is no text.
    bytes: Vec<u8>,
}

fn recorded(number: &str) -> Option<Recorded> {
    #[expect(clippy::disallowed_methods, reason = "where the recordings are is a matter of the test run")]
    let Some(folder) = std::env::var_os("SCANCTL_SAMPLES") else {
        eprintln!("left out: recording {number} (SCANCTL_SAMPLES is not set)");
        return None;
    };
    let folder = std::path::Path::new(&folder).join("tenable-sc");
    let file = std::fs::read_dir(folder).unwrap().filter_map(Result::ok).map(|entry| entry.path());
    let file = file.into_iter().find(|path| path.file_name().unwrap().to_string_lossy().starts_with(number)).unwrap();
    let value: Value = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let (request, response) = (&value["request"], &value["response"]);
    Some(Recorded {
        line: format!("{} {}", text(&request["method"]), text(&request["path_with_query"])),
        status: u16::try_from(response["status"].as_u64().unwrap()).unwrap(),
        body: text(&response["body"]),
        bytes: base64::prelude::BASE64_STANDARD.decode(text(&response["body_b64"])).unwrap(),
    })
}

/// What the backend does against the recordings, each answered where it was recorded.
#[tokio::test]
async fn recorded_answers_are_read_whole() {
    let numbers = ["024", "029", "043", "047", "054"];
    let recordings: Vec<Recorded> = numbers.iter().filter_map(|number| recorded(number)).collect();
    if recordings.len() < numbers.len() {
        return;
    }
    assert!(recordings.iter().all(|recorded| recorded.status == 200));
    let (_vendor, program) = instance(move |seen| {
        let line = seen.line.replace(' ', " /rest");
        recordings.iter().find(|recorded| recorded.line == line).map_or_else(missing, |recorded| bare(&recorded.body))
    });
    let sc = connect(&program);

    let read = sc.status(&run("120")).await.unwrap().value;
    assert_eq!(
        (read.state, read.progress, read.hosts_total, read.hosts_done),
        (Some(RunState::Completed), Some(100), Some(2048), Some(2048))
    );
    assert_eq!((read.name.as_deref(), read.scan), (Some("Daily Internal Scan"), None));
    assert_eq!(read.created_at.unwrap().as_second(), 1_550_037_600);
    assert_eq!(read.started_at.unwrap().as_second(), 1_550_037_606);
    assert_eq!(read.ended_at.unwrap().as_second(), 1_550_039_578);

    assert_eq!(ids(&sc.runs(None, &RunQuery::default()).await.unwrap().value), ["124", "123", "122", "121", "120"]);
    let scans = sc.scans(&ScanQuery::default()).await.unwrap().value;
    assert_eq!(scans.len(), 3);
    assert_eq!(resolved(&*sc, "sc/name:Daily Internal Scan", Verb::Launch).await.unwrap_err().exit(), Exit::NotFound);

    let stored = sc.scan(&scan("9"), &ScanQuery::default()).await.unwrap().value;
    assert_eq!((stored.scan.as_str(), stored.name.as_deref()), ("28", Some("Example Scan")));
    assert_eq!((stored.targets.unwrap(), stored.schedule.as_deref()), (vec!["127.0.0.1".to_owned()], Some("template")));

    let prepared = Prepared { target: scan("9"), order: Order::default(), before: Vec::new(), warnings: Vec::new() };
    let launched = sc.launch(&prepared).await.unwrap();
    assert_eq!((launched.scan, launched.run), (Some(ScanId::new("34")), Some(RunId::new("8"))));
    assert_eq!(launched.native_state.as_deref(), Some("Queued"));
}

#[test]
fn every_recorded_refusal_is_one_and_nothing_else_is() {
    use crate::backends::sc_rest::dialect::DIALECT;
    let headers = reqwest::header::HeaderMap::new();
    for (number, exit, code) in [
        ("016", None, 0),
        ("057", Some(Exit::NotFound), 147),
        ("066", Some(Exit::NotFound), 147),
        ("068", Some(Exit::NotFound), 147),
        ("069", Some(Exit::NotFound), 147),
        ("067", Some(Exit::NotFound), 146),
    ] {
        let Some(recorded) = recorded(number) else { return };
        assert_eq!(recorded.status, 403, "{number}");
        let error = (DIALECT.refusal)(recorded.status, &headers, recorded.body.as_bytes());
        assert_eq!((error.exit, error.code, error.expired_session), (exit, Some(code), false), "{number}");
    }
    let Some(expired) = recorded("018") else { return };
    assert!((DIALECT.refusal)(expired.status, &headers, expired.body.as_bytes()).expired_session);
    let Some(mail) = recorded("032") else { return };
    assert!((DIALECT.error_in_success)(mail.body.as_bytes()).unwrap().text.is_some());
    for fine in
        ["001", "002", "005", "020", "024", "029", "030", "031", "033", "035", "039", "040", "043", "047", "054"]
    {
        let recorded = recorded(fine).unwrap();
        assert!((DIALECT.error_in_success)(recorded.body.as_bytes()).is_none(), "{fine}");
    }
}

#[test]
fn every_recorded_object_fits_its_wire_form() {
    let response = |number: &str| {
        let body: Value = serde_json::from_str(&recorded(number)?.body).unwrap();
        Some(body["response"].clone())
    };
    for number in ["039", "043", "049"] {
        let Some(response) = response(number) else { return };
        assert!(serde_json::from_value::<StoredScan>(response).unwrap().scan().unwrap().name.is_some(), "{number}");
    }
    let Some(copy) = response("051") else { return };
    assert!(serde_json::from_value::<StoredScan>(copy["scan"].clone()).unwrap().scan().is_some());
    let launched: LaunchAnswer = serde_json::from_value(response("054").unwrap()).unwrap();
    assert_eq!(launched.scan_result.id.text(), Some("8"));
    let Listed(listed) = serde_json::from_value(response("024").unwrap()).unwrap();
    assert_eq!(listed.len(), 5);
    assert!(listed.into_iter().all(|item| serde_json::from_value::<ScanResult>(item).is_ok()));
}
