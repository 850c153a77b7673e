//! What is sent to the console and what is made of its answers; and a life of a run on the simulated console.

use std::path::PathBuf;
use std::time::Instant;

use jiff::Timestamp;
use reqwest::header::HeaderMap;
use serde_json::{Value, json};

use super::records::{Profile, RunRecord, newest_first};
use super::{SPEC, refusal};
use crate::backends::scripted::{Rig, connect, json as answer, reply, target, with};
use crate::backends::{Order, Seen};
use crate::backends::{RunQuery, ScanQuery};
use crate::error::Detail;
use crate::exit::Exit;
use crate::model::{Control, Operation, Run, RunState, ScanId, Support, Verb};
use crate::sandbox::{Options, Sandbox, accepted, juniper};

const TOKEN: &str = "backend = \"juniper\"\ntoken = \"0123-token\"";
const ALL: &str = "GET /api/scanner/scanprofiles";
const PROFILE: &str = "GET /api/scanner/scanprofiles/5";
const RUNS: &str = "GET /api/scanner/scanprofiles/5/runs";
const START: &str = "POST /api/scanner/scanprofiles/5/start";

/// A body of the vendor's documentation, where the folder is at hand.
fn sample(path: &str) -> Option<Vec<u8>> {
    #[expect(clippy::disallowed_methods, reason = "where the samples lie is the caller's choice")]
    let Ok(folder) = std::env::var("SCANCTL_SAMPLES") else {
        eprintln!("left out: SCANCTL_SAMPLES is not set");
        return None;
    };
    Some(std::fs::read(PathBuf::from(folder).join("juniper").join(path)).unwrap())
}

fn profile(status: &str, progress: i64) -> Value {
    json!({
        "scanProfileId": 5, "scanProfileName": "Data centre", "description": "", "scanType": "Full", "schedule": "Manual",
        "status": status, "progress": progress,
        "endTime": {"time": 1_653_350_400_000_i64, "year": 122, "month": 4, "date": 24, "day": 2},
        "duration": {"null": true},
    })
}

/// Runs by id, start and end; the end as it is sent.
fn runs(rows: &[(i64, i64, Value)]) -> Value {
    let row = |(id, start, end): &(i64, i64, Value)| json!({"id": id, "scan_profile_id": 5, "start_time": start, "end_time": end});
    rows.iter().map(row).collect()
}

fn envelope(status: u16, code: i64, message: &str) -> Value {
    json!({
        "message": message, "details": {}, "description": "", "code": code,
        "http_response": {"code": status, "message": "generic words"},
    })
}

fn ids(runs: &[Run]) -> Vec<&str> {
    runs.iter().map(|run| run.run.as_ref().unwrap().as_str()).collect()
}

#[test]
fn only_an_end_time_after_the_start_ends_a_run() {
    for (record, state, ended) in [
        (json!({"id": 1, "start_time": 1000, "end_time": 2000}), RunState::Ended, Some(2)),
        (json!({"id": 1, "start_time": 1000, "end_time": 1000}), RunState::Ended, Some(1)),
        (json!({"id": 1, "start_time": 1000, "end_time": "2000"}), RunState::Ended, Some(2)),
        (json!({"id": 1, "end_time": 2000}), RunState::Ended, Some(2)),
        (json!({"id": 1, "start_time": 1000, "end_time": 0}), RunState::Running, None),
        (json!({"id": 1, "start_time": 1000, "end_time": null}), RunState::Running, None),
        (json!({"id": 1, "start_time": 1000, "end_time": -1}), RunState::Running, None),
        (json!({"id": 1, "start_time": 1000, "end_time": 999}), RunState::Running, None),
        (json!({"id": 1, "start_time": 1000}), RunState::Running, None),
        (json!({"id": 1}), RunState::Running, None),
    ] {
        let run = serde_json::from_value::<RunRecord>(record.clone()).unwrap().run(&ScanId::new("5")).unwrap();
        assert_eq!(run.state, Some(state), "{record}");
        assert_eq!(run.ended_at.map(Timestamp::as_second), ended, "{record}");
    }
}

#[test]
fn runs_are_sorted_by_start_whatever_their_order_and_ids() {
    let rows = json!([
        {"id": 30, "start_time": 1000, "end_time": 2000},
        {"id": 7, "start_time": 9000, "end_time": 0},
        {"id": 40, "start_time": null, "end_time": null},
        {"id": 9, "start_time": 1000, "end_time": 1500},
        {"id": 8, "start_time": 5000, "end_time": 6000},
    ]);
    let records: Vec<RunRecord> = serde_json::from_value(rows).unwrap();
    let mut runs: Vec<Run> = records.iter().filter_map(|record| record.run(&ScanId::new("5"))).collect();
    newest_first(&mut runs);
    assert_eq!(ids(&runs), ["40", "7", "8", "30", "9"]);
}

#[test]
fn what_a_profile_says_is_said_of_its_newest_run_alone() {
    let told: Profile = serde_json::from_value(profile("Running: 2 of 4 tools", 41)).unwrap();
    let running = Run { state: Some(RunState::Running), ..Run::default() };
    let mut runs = [running.clone(), running];
    told.describe(&mut runs);
    assert_eq!(runs[0].native_state.as_deref(), Some("Running: 2 of 4 tools"));
    assert_eq!((runs[0].progress, runs[1].progress), (Some(41), None));
    assert_eq!((runs[1].native_state.as_deref(), runs[1].name.as_deref()), (None, Some("Data centre")));
    let mut ended = [Run { state: Some(RunState::Ended), ..Run::default() }];
    told.describe(&mut ended);
    assert_eq!((ended[0].progress, ended[0].native_state.is_some()), (None, true));
}

#[test]
fn a_profile_of_nothing_but_nulls_is_read() {
    let told: Profile = serde_json::from_value(json!({
        "scanProfileId": "5", "scanProfileName": null, "schedule": null, "status": null, "progress": -1,
        "endTime": null, "duration": null, "newField": [1],
    }))
    .unwrap();
    let scan = told.scan().unwrap();
    assert_eq!((scan.scan.as_str(), scan.name, scan.schedule, scan.targets), ("5", None, None, None));
    assert_eq!(scan.last_run, None);
    assert_eq!(told.idle(&ScanId::new("5")).state, Some(RunState::Idle));
}

#[test]
fn the_vendors_own_samples_are_read() {
    for path in ["payloads/scanprofiles-list-response.json", "payloads/scanprofiles-get-one-response.json"] {
        let Some(body) = sample(path) else { return };
        let read: Vec<Profile> = serde_json::from_slice(&body).unwrap();
        let scan = read[0].scan().unwrap();
        assert_eq!((scan.scan.as_str(), scan.name.as_deref()), ("42", Some("String")));
        assert_eq!(scan.last_run.unwrap().ended_at.unwrap().as_millisecond(), 42);
    }
    let read: Vec<RunRecord> =
        serde_json::from_slice(&sample("payloads/runs-list-response.json").unwrap_or_default()).unwrap();
    assert_eq!(read[0].run(&ScanId::new("42")).unwrap().state, Some(RunState::Ended));
    let one: RunRecord = serde_json::from_slice(&sample("payloads/run-get-response.json").unwrap_or_default()).unwrap();
    assert_eq!(one.id.text(), Some("42"));
}

#[test]
fn every_recorded_refusal_keeps_its_code_and_words() {
    for (path, status, code, exit, words) in [
        ("errors/401-18-no-sec-header.json", 401, 18, None, "No SEC header present"),
        ("errors/403-26-insufficient-capabilities.json", 403, 26, None, "insufficient capabilities"),
        ("errors/404-1002-ibm-docs.json", 404, 1002, None, "does not exist"),
        ("errors/422-30-unknown-field.json", 422, 30, None, "is not recognized"),
        ("errors/422-8-missing-query-parameter.json", 422, 8, None, "Missing required parameter"),
    ] {
        let Some(body) = sample(path) else { return };
        let read = refusal::refusal(status, &HeaderMap::new(), &body);
        assert_eq!((read.code, read.exit), (Some(code), exit), "{path}");
        assert!(read.text.unwrap().contains(words), "{path}");
    }
}

#[test]
fn refusals_of_every_shape() {
    let gone = Some(Exit::Unsupported);
    for (status, body, code, exit, text) in [
        (
            422,
            envelope(422, 22, "Version 9.0 has been removed").to_string(),
            Some(22),
            Some(Exit::Config),
            Some("Version 9.0 has been removed"),
        ),
        (422, envelope(422, 1005, "in progress").to_string(), Some(1005), None, Some("in progress")),
        (404, envelope(404, 1002, "no run 7").to_string(), Some(1002), None, Some("no run 7")),
        (404, envelope(404, 12, "no endpoint").to_string(), Some(12), gone, Some("no endpoint")),
        (404, "<html><title>404 Not Found</title></html>".to_owned(), None, gone, Some("404 Not Found")),
        (410, String::new(), None, gone, None),
        (419, envelope(419, 9101, "bad ips").to_string(), Some(9101), Some(Exit::Usage), Some("bad ips")),
        (420, envelope(420, 9102, "bad filter").to_string(), Some(9102), Some(Exit::Usage), Some("bad filter")),
        (500, envelope(500, 1030, "too many").to_string(), Some(1030), None, Some("too many")),
        (401, "login first".to_owned(), None, None, Some("login first")),
        (
            409,
            json!({"message": null, "description": "cannot", "code": "1004"}).to_string(),
            Some(1004),
            None,
            Some("cannot"),
        ),
        (
            422,
            json!({"message": "", "code": 1005, "http_response": {"message": "generic"}}).to_string(),
            Some(1005),
            None,
            Some("generic"),
        ),
        (500, json!({"message": "x", "http_response": null, "details": null}).to_string(), None, None, Some("x")),
        (400, "[1]".to_owned(), None, None, Some("[1]")),
    ] {
        let read = refusal::refusal(status, &HeaderMap::new(), body.as_bytes());
        assert_eq!((read.code, read.exit, read.text.as_deref()), (code, exit, text), "{status} {body}");
    }
    let gone = refusal::refusal(404, &HeaderMap::new(), b"").hint.unwrap();
    assert!(gone.contains("this console may no longer ship the scanner"), "{gone}");
    let removed = refusal::refusal(422, &HeaderMap::new(), b"{\"message\":\"Version HAS BEEN REMOVED\"}");
    assert!(removed.hint.unwrap().contains("`api_version`"));
}

#[test]
fn what_cannot_be_done_is_said_with_the_place_where_it_can() {
    for control in [Control::Pause, Control::Resume, Control::Stop, Control::ForceStop] {
        let Support::No(why) = (SPEC.support)(Operation::Control(control), None) else { panic!("{control:?}") };
        assert!(why.contains("Vulnerabilities tab"));
    }
    assert!(matches!((SPEC.support)(Operation::Launch { targets: true }, None), Support::Via(_)));
    for verb in Verb::ALL {
        assert!(!(SPEC.bare_id)(verb).is_empty());
    }
}

#[tokio::test]
async fn credentials_go_by_header_and_exactly_one_kind_is_taken() {
    let rig = Rig::new(&format!("{TOKEN}\napi_version = \"19.0\""), vec![(ALL, reply(200, "[]"))]);
    let identity = rig.backend.identity().await.unwrap();
    assert_eq!((identity.user, identity.proved.as_str()), (None, "the scan profiles can be read"));
    let heard = rig.heard();
    assert_eq!(heard[0].header("sec"), Some("0123-token"));
    assert_eq!((heard[0].header("version"), heard[0].header("range")), (Some("19.0"), Some("items=0-0")));

    let login = "backend = \"juniper\"\nusername = \"jürgen\"\npassword = \"päss\"";
    let rig = Rig::new(login, vec![(ALL, reply(200, "[]"))]);
    rig.backend.identity().await.unwrap();
    let heard = rig.heard();
    assert_eq!(heard[0].header("authorization"), Some("Basic asO8cmdlbjpww6Rzcw=="));
    assert_eq!((heard[0].header("version"), heard[0].header("sec")), (Some("17.0"), None));

    for bad in [
        "",
        "username = \"a\"",
        "password = \"a\"",
        "token = \"a\"\nusername = \"b\"\npassword = \"c\"",
        "token = \"a\"\napi_version = \"latest\"",
        "token = \"a\"\napi_version = \"\"",
        "token = \"a\"\napi_version = 17.0",
        "token = \"a\"\naccess_key = \"b\"",
    ] {
        let error = connect("https://jsa.example.org", &format!("backend = \"juniper\"\n{bad}"), false).err().unwrap();
        assert_eq!(error.exit(), Exit::Config, "{bad}");
    }
}

#[tokio::test]
async fn lists_are_read_page_by_page_until_the_range_says_done() {
    let page = |from: i64, to: i64| {
        Value::from_iter((from..to).map(|id| json!({"scanProfileId": id, "scanProfileName": "n"})))
    };
    let rig = Rig::new(
        TOKEN,
        vec![
            (ALL, with(answer(200, page(0, 200)), "Content-Range", "items 0-199/250")),
            (ALL, with(answer(200, page(199, 249)), "Content-Range", "items 200-249/250")),
        ],
    );
    let reading = rig.backend.scans(&ScanQuery::default()).await.unwrap();
    // One was listed twice because the list moved meanwhile.
    assert_eq!((reading.value.len(), reading.raw.len()), (249, 2));
    let ranges: Vec<_> = rig.heard().iter().map(|heard| heard.header("range").unwrap().to_owned()).collect();
    assert_eq!(ranges, ["items=0-199", "items=200-399"]);

    // Past the end the list is empty; without a total a full page asks for one more.
    rig.then(vec![(ALL, answer(200, page(0, 200))), (ALL, with(reply(200, "[]"), "Content-Range", "items */200"))]);
    assert_eq!(rig.backend.scans(&ScanQuery::default()).await.unwrap().value.len(), 200);
    assert_eq!(rig.heard().len(), 2);

    // A server that knows no ranges sends everything, again and again.
    rig.then(vec![(ALL, answer(200, page(0, 200))), (ALL, answer(200, page(0, 200)))]);
    assert_eq!(rig.backend.scans(&ScanQuery::default()).await.unwrap().value.len(), 200);
    rig.then(vec![(ALL, answer(200, page(0, 450)))]);
    assert_eq!(rig.backend.scans(&ScanQuery::default()).await.unwrap().value.len(), 450);
    rig.heard();
}

#[tokio::test]
async fn a_start_has_no_body_and_its_sentence_is_shown_and_not_read() {
    let rig = Rig::new(
        TOKEN,
        vec![(RUNS, answer(200, runs(&[(3, 1000, json!(2000))]))), (START, reply(202, "Scan 7 failed to be slow.\n"))],
    );
    let prepared = rig.backend.prepare(&target("5", None), &Order::default()).await.unwrap();
    assert_eq!((prepared.before.as_slice(), prepared.warnings.is_empty()), (["3".to_owned()].as_slice(), true));
    let launched = rig.backend.launch(&prepared).await.unwrap();
    assert_eq!((launched.run, launched.scan), (None, Some(ScanId::new("5"))));
    assert_eq!(launched.message.as_deref(), Some("the console says: Scan 7 failed to be slow."));
    let heard = rig.heard();
    let start = heard.last().unwrap();
    assert_eq!(
        (start.body.as_str(), start.header("content-length"), start.header("content-type")),
        ("", Some("0"), None)
    );
    assert_eq!(start.header("accept"), Some("text/plain"));

    // Two runs may appear at the same moment.
    let now = json!(null);
    rig.then(vec![(RUNS, answer(200, runs(&[(9, 5000, now.clone()), (3, 1000, json!(2000)), (8, 5001, now)])))]);
    assert_eq!(ids(&rig.backend.find_launched(&prepared, Instant::now()).await.unwrap()), ["8", "9"]);
    rig.then(vec![(RUNS, answer(404, envelope(404, 1002, "none")))]);
    assert!(rig.backend.find_launched(&prepared, Instant::now()).await.unwrap().is_empty());
    rig.heard();
}

#[tokio::test]
async fn other_targets_go_as_a_bare_array_and_are_warned_about() {
    let rig = Rig::new(TOKEN, vec![(RUNS, reply(200, "[]")), (START, reply(202, ""))]);
    let order = Order { targets: vec!["10.0.0.7".to_owned(), "10.0.0.9-10.0.0.12".to_owned()], ports: Vec::new() };
    let prepared = rig.backend.prepare(&target("5", None), &order).await.unwrap();
    assert!(prepared.warnings[0].contains("scans the profile's own targets"), "{:?}", prepared.warnings);
    assert_eq!(rig.backend.launch(&prepared).await.unwrap().message, None);
    let heard = rig.heard();
    assert_eq!(heard[1].body, "[\"10.0.0.7\",\"10.0.0.9-10.0.0.12\"]");
    assert_eq!(heard[1].header("content-type"), Some("application/json"));

    let order = Order { targets: vec!["10.0.0.0/24".to_owned()], ports: Vec::new() };
    let error = rig.backend.prepare(&target("5", None), &order).await.unwrap_err();
    assert_eq!(error.exit(), Exit::Usage);
    assert!(matches!((SPEC.support)(Operation::LaunchPorts, None), Support::No(_)));
    assert!(rig.heard().is_empty());
}

#[tokio::test]
async fn a_profile_without_runs_may_be_launched_and_an_unknown_one_not() {
    let none = || answer(404, envelope(404, 1002, "there is nothing"));
    let rig = Rig::new(TOKEN, vec![(RUNS, none()), (PROFILE, answer(200, json!([profile("New", 0)])))]);
    let prepared = rig.backend.prepare(&target("5", None), &Order::default()).await.unwrap();
    assert!(prepared.before.is_empty());
    rig.then(vec![(RUNS, none()), (PROFILE, reply(200, "[]"))]);
    let error = rig.backend.prepare(&target("5", None), &Order::default()).await.unwrap_err();
    assert_eq!(error.exit(), Exit::NotFound);
    rig.heard();
}

#[tokio::test]
async fn a_refused_start_is_auth_and_a_lost_one_is_lost() {
    for (status, code, exit) in [(422, 1005, Exit::Auth), (422, 11, Exit::Usage), (404, 12, Exit::Unsupported)] {
        let rig =
            Rig::new(TOKEN, vec![(RUNS, reply(200, "[]")), (START, answer(status, envelope(status, code, "why")))]);
        let prepared = rig.backend.prepare(&target("5", None), &Order::default()).await.unwrap();
        let error = rig.backend.launch(&prepared).await.unwrap_err();
        assert_eq!((error.exit(), error.answer().code, error.refused()), (exit, Some(code), true));
        assert_eq!(error.answer().text.as_deref(), Some("why"));
        rig.heard();
    }
    for lost in [answer(500, envelope(500, 1030, "too many")), reply(200, "<html><title>Login</title></html>")] {
        let rig = Rig::new(TOKEN, vec![(RUNS, reply(200, "[]")), (START, lost)]);
        let prepared = rig.backend.prepare(&target("5", None), &Order::default()).await.unwrap();
        let error = rig.backend.launch(&prepared).await.unwrap_err();
        assert_eq!((error.exit(), error.lost().is_some()), (Exit::UnknownOutcome, true));
        assert_eq!(rig.heard().len(), 2);
    }
}

#[tokio::test]
async fn a_dry_run_reads_and_plans() {
    let rig = Rig::with(TOKEN, vec![(RUNS, reply(200, "[]"))], "", true);
    let prepared = rig.backend.prepare(&target("5", None), &Order::default()).await.unwrap();
    let error = rig.backend.launch(&prepared).await.unwrap_err();
    let Detail::Planned(planned) = error.detail() else { panic!("{error}") };
    assert_eq!((planned.path.as_str(), &planned.body), ("/api/scanner/scanprofiles/5/start", &None));
    assert_eq!(rig.lines(), [RUNS]);
}

#[tokio::test]
async fn a_bare_id_is_the_active_run_else_the_newest_else_idle() {
    let rig = Rig::new(
        TOKEN,
        vec![
            (PROFILE, answer(200, json!([profile("Running", 12)]))),
            (RUNS, answer(200, runs(&[(3, 1000, json!(2000)), (4, 3000, json!(0))]))),
        ],
    );
    let run = rig.backend.status(&target("5", None)).await.unwrap().value;
    assert_eq!((run.run.as_ref().unwrap().as_str(), run.state, run.progress), ("4", Some(RunState::Running), Some(12)));
    assert_eq!((run.native_state.as_deref(), run.name.as_deref()), (Some("Running"), Some("Data centre")));
    rig.heard();

    // One object instead of a list of one, and the newest is not the first.
    rig.then(vec![
        (PROFILE, answer(200, profile("Stopped by admin", 41))),
        (RUNS, answer(200, runs(&[(3, 1000, json!(2000)), (4, 3000, json!(4000))]))),
    ]);
    let run = rig.backend.status(&target("5", None)).await.unwrap().value;
    assert_eq!((run.run.as_ref().unwrap().as_str(), run.state, run.progress), ("4", Some(RunState::Ended), None));
    assert_eq!(run.native_state.as_deref(), Some("Stopped by admin"));
    rig.heard();

    rig.then(vec![(PROFILE, answer(200, profile("New", 0))), (RUNS, answer(404, envelope(404, 1002, "none")))]);
    let run = rig.backend.status(&target("5", None)).await.unwrap().value;
    assert_eq!((run.run, run.state), (None, Some(RunState::Idle)));
    rig.heard();

    rig.then(vec![(PROFILE, reply(200, "[]"))]);
    assert_eq!(rig.backend.status(&target("5", None)).await.unwrap_err().exit(), Exit::NotFound);
    // The list may be of another profile, where a filter was ignored.
    rig.then(vec![(PROFILE, answer(200, json!([{"scanProfileId": 6}])))]);
    assert_eq!(rig.backend.status(&target("5", None)).await.unwrap_err().exit(), Exit::NotFound);
}

#[tokio::test]
async fn a_run_by_its_id_is_that_run() {
    let rig = Rig::new(
        TOKEN,
        vec![
            (PROFILE, answer(200, json!([profile("Running", 12)]))),
            (RUNS, answer(200, runs(&[(3, 1000, json!(2000)), (4, 3000, json!(0))]))),
        ],
    );
    let run = rig.backend.run(&target("5", Some("3")), &RunQuery::default()).await.unwrap().value;
    assert_eq!((run.state, run.native_state, run.progress), (Some(RunState::Ended), None, None));
    rig.heard();

    let one = "GET /api/scanner/scanprofiles/5/runs/2";
    let steps = |body| vec![(PROFILE, answer(200, json!([profile("x", 1)]))), (RUNS, reply(200, "[]")), (one, body)];
    rig.then(steps(answer(200, json!({"id": 2, "scan_profile_id": 5, "start_time": 1, "end_time": 2}))));
    assert_eq!(
        rig.backend.run(&target("5", Some("2")), &RunQuery::default()).await.unwrap().value.state,
        Some(RunState::Ended)
    );
    rig.then(steps(answer(200, json!({"id": 2, "scan_profile_id": 6, "start_time": 1, "end_time": 2}))));
    assert_eq!(
        rig.backend.run(&target("5", Some("2")), &RunQuery::default()).await.unwrap_err().exit(),
        Exit::NotFound
    );
    rig.then(steps(answer(404, envelope(404, 1002, "no run"))));
    assert_eq!(
        rig.backend.run(&target("5", Some("2")), &RunQuery::default()).await.unwrap_err().exit(),
        Exit::NotFound
    );
    rig.heard();
}

#[tokio::test]
async fn a_poll_asks_for_the_run_and_then_for_its_profile() {
    let one = "GET /api/scanner/scanprofiles/5/runs/4";
    let row = |end: Value| json!({"id": 4, "scan_profile_id": 5, "start_time": 3000, "end_time": end});
    let rig = Rig::new(TOKEN, vec![(one, answer(200, row(json!(0)))), (PROFILE, answer(200, profile("Running", 60)))]);
    let running = Run {
        state: Some(RunState::Running),
        native_state: Some("Running".to_owned()),
        name: Some("Data centre".to_owned()),
        ..Run::default()
    };
    let seen = |last: &Run| Seen { polls: 1, first: Some(last.clone()), last: Some(last.clone()), launched: None };
    let wanted = target("5", Some("4"));
    let run = rig.backend.poll(&wanted, &seen(&running)).await.unwrap();
    assert_eq!(
        (run.state, run.progress, run.name.as_deref()),
        (Some(RunState::Running), Some(60), Some("Data centre"))
    );
    rig.heard();

    // A run that was not the newest when waiting began never gets the profile's word.
    rig.then(vec![(one, answer(200, row(json!(null))))]);
    let older = Run { native_state: None, ..running.clone() };
    assert_eq!(rig.backend.poll(&wanted, &seen(&older)).await.unwrap().native_state, None);
    rig.heard();

    // At the end once in full; and where that fails, the end is still the end.
    let full = || vec![(one, answer(200, row(json!(4000)))), (PROFILE, answer(200, profile("Completed", 100)))];
    rig.then(full());
    rig.then(vec![(RUNS, answer(200, json!([row(json!(4000))])))]);
    let run = rig.backend.poll(&wanted, &seen(&running)).await.unwrap();
    assert_eq!((run.state, run.native_state.as_deref()), (Some(RunState::Ended), Some("Completed")));
    rig.then(full());
    rig.then(vec![(RUNS, answer(403, envelope(403, 26, "no")))]);
    assert_eq!(rig.backend.poll(&wanted, &seen(&running)).await.unwrap().state, Some(RunState::Ended));
    rig.heard();
}

#[tokio::test]
async fn addresses_are_checked_before_anything_is_sent() {
    let rig = Rig::new(TOKEN, Vec::new());
    for (address, verb) in
        [("t/5@3", Verb::Launch), ("t/5", Verb::RunsShow), ("t/@3", Verb::Status), ("t/5@1", Verb::RunsList)]
    {
        let error = rig.backend.resolve(&address.parse().unwrap(), verb).await.unwrap_err();
        assert_eq!(error.exit(), Exit::Usage, "{address} {verb}");
    }
    let bound = rig.backend.resolve(&"t/5@3".parse().unwrap(), Verb::Status).await.unwrap();
    assert_eq!(bound, target("5", Some("3")));
    assert!(rig.heard().is_empty());
    for control in [Control::Pause, Control::Resume, Control::Stop, Control::ForceStop] {
        let error = rig.backend.control(&target("5", None), control).await.unwrap_err();
        assert_eq!(error.exit(), Exit::Unsupported);
    }
    assert!(rig.heard().is_empty());
}

#[tokio::test]
async fn the_simulated_console_agrees_from_launch_to_end() {
    let vendor = Box::new(juniper::Juniper::new(20_000.0));
    let sandbox = Sandbox::start_with(Options::default(), vec![("jsa", vendor)]).unwrap();
    let settings = format!("backend = \"juniper\"\ntoken = \"{}\"", accepted::TOKEN);
    let backend = connect(&sandbox.origins()[0].1, &settings, false).unwrap();

    let scans = backend.scans(&ScanQuery::default()).await.unwrap().value;
    assert!(scans.iter().any(|scan| scan.last_run.as_ref().is_some_and(|run| run.ended_at.is_some())));
    let scan = backend.resolve(&"t/name:New branch office".parse().unwrap(), Verb::Launch).await.unwrap();
    assert_eq!(backend.status(&scan).await.unwrap().value.state, Some(RunState::Idle));

    let prepared = backend.prepare(&scan, &Order::default()).await.unwrap();
    backend.launch(&prepared).await.unwrap();
    let mut bound = scan.clone();
    while bound.run.is_none() {
        if let [run] = backend.find_launched(&prepared, Instant::now()).await.unwrap().as_slice() {
            bound.learn(run);
        }
    }
    let mut seen = Seen::default();
    loop {
        let run = backend.poll(&bound, &seen).await.unwrap();
        seen.last = Some(run.clone());
        if run.is_terminal() {
            assert_eq!((run.state, run.native_state.as_deref()), (Some(RunState::Ended), Some("Completed")));
            break;
        }
    }
    let latest = format!("t/{}@latest", scan.scan.as_ref().unwrap()).parse().unwrap();
    assert_eq!(backend.resolve(&latest, Verb::RunsShow).await.unwrap().run, bound.run);
    assert_eq!(backend.runs(Some(&scan), &RunQuery::default()).await.unwrap().value.len(), 1);
    assert!(backend.runs(None, &RunQuery::default()).await.unwrap().value.len() > 5);
}

#[tokio::test]
async fn the_simulated_console_refuses_what_a_real_one_would() {
    let vendor = || Box::new(juniper::Juniper::new(0.01));
    let sandbox = Sandbox::start_with(
        Options::default(),
        vec![("jsa", vendor()), ("cf", Box::new(juniper::Juniper::end_of_life(1.0)))],
    )
    .unwrap();
    let settings = format!("backend = \"juniper\"\ntoken = \"{}\"", accepted::TOKEN);
    let backend = connect(&sandbox.origins()[0].1, &settings, false).unwrap();
    // Scan profile 5 has a run under way.
    let active = backend.active().await.unwrap().value;
    assert_eq!((active.len(), active[0].scan.as_ref().unwrap().as_str()), (1, "5"));
    let prepared = backend.prepare(&target("5", None), &Order::default()).await.unwrap();
    let refused = backend.launch(&prepared).await.unwrap_err();
    assert_eq!((refused.exit(), refused.answer().code), (Exit::Auth, Some(1005)));
    assert_eq!(backend.active_runs(&target("5", None)).await.unwrap().len(), 1);
    let unknown = backend.prepare(&target("999", None), &Order::default()).await.unwrap_err();
    assert_eq!(unknown.exit(), Exit::NotFound);

    let newer = connect(&sandbox.origins()[1].1, &settings, false).unwrap();
    let removed = newer.identity().await.unwrap_err();
    assert_eq!(removed.exit(), Exit::Config, "{}", removed.one_line());
}
