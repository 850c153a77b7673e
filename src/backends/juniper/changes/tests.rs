//! What the fixtures do not show: what is never asked, odd answers, and a life of a profile on two simulated consoles.

use std::time::Instant;

use serde_json::{Value, json};

use super::super::{SPEC, selection};
use crate::backends::change::{Change, Found, PreparedChange};
use crate::backends::definition::Draft;
use crate::backends::scripted::{self, Rig, connect, json as answer, reply, target};
use crate::backends::{Backend, Order, Prepared, Reading, RunQuery, ScanQuery, Target};
use crate::error::Error;
use crate::exit::Exit;
use crate::model::{Operation, Run, RunId, ScanId, Support};
use crate::sandbox::{Options, Reply, Sandbox, accepted, juniper};

const TOKEN: &str = "backend = \"juniper\"\ntoken = \"0123-token\"";
const ALL: &str = "GET /api/scanner/scanprofiles";
const ONE: &str = "GET /api/scanner/scanprofiles/5";
const CREATE: &str = "POST /api/scanner/scanprofiles";
const CREATE_BEFORE: &str = "POST /api/scanner/profiles/create";
const UPDATE: &str = "POST /api/scanner/scanprofiles/5";

fn draft(sets: &[&str]) -> Draft {
    scripted::draft(&SPEC.forms.scan, "juniper", sets)
}

fn create() -> Change {
    Change::CreateScan(draft(&["name=Edge", "targets=10.0.0.7,10.0.0.9-10.0.0.12"]))
}

fn profiles(rows: &[(i64, &str)]) -> Value {
    rows.iter().map(|(id, name)| json!({"scanProfileId": id, "scanProfileName": name})).collect()
}

async fn prepared(rig: &Rig, scan: Option<&str>, change: &Change) -> PreparedChange {
    let target = scan.map_or_else(Target::default, |scan| target(scan, None));
    rig.backend.prepare_change(&target, change).await.unwrap()
}

#[tokio::test]
async fn what_the_api_does_not_have_is_refused_unsent() {
    let rig = Rig::new(TOKEN, Vec::new());
    for change in [
        Change::CopyScan(Draft::new(&SPEC.forms.copy)),
        Change::DeleteRun,
        Change::CopyRun { users: vec!["1".into()] },
        Change::EmailRun { to: vec!["a@b".into()] },
        Change::ImportRun { file: "x".into(), draft: Draft::new(&SPEC.forms.import) },
        Change::ReimportRun(Draft::new(&SPEC.forms.reimport)),
    ] {
        assert!(matches!((SPEC.support)(change.operation(), None), Support::No(_)));
        let error = rig.backend.prepare_change(&target("5", Some("1")), &change).await.unwrap_err();
        assert_eq!(error.exit(), Exit::Unsupported);
        let error = rig.backend.apply(&PreparedChange::new(&target("5", Some("1")), &change)).await.unwrap_err();
        assert_eq!(error.exit(), Exit::Unsupported);
    }
    assert!(matches!((SPEC.support)(Operation::Window, None), Support::Via(_)));
    assert!(rig.heard().is_empty());
}

#[tokio::test]
async fn the_older_call_is_sent_only_where_the_newer_one_is_said_not_to_be_there() {
    for (status, goes_on) in
        [(404, true), (405, true), (410, true), (400, false), (401, false), (403, false), (422, false), (419, false)]
    {
        let rig = Rig::new(TOKEN, vec![(ALL, answer(200, json!([]))), (CREATE, reply(status, "{}"))]);
        let change = create();
        let prepared = prepared(&rig, None, &change).await;
        if goes_on {
            rig.then(vec![(CREATE_BEFORE, reply(200, "made"))]);
        }
        let applied = rig.backend.apply(&prepared).await;
        assert_eq!(applied.is_ok(), goes_on, "{status}");
        let heard = rig.heard();
        let last = heard.last().unwrap();
        let body: Value = serde_json::from_str(&last.body).unwrap();
        let targets = json!(["10.0.0.7", "10.0.0.9-10.0.0.12"]);
        let key = if goes_on { "ips" } else { "hosts" };
        assert_eq!(body, json!({"name": "Edge", key: targets}), "{status}");
        assert_eq!(last.header("accept"), Some("text/plain"));
    }
    // What may have been made is not made once more.
    for lost in [answer(500, json!({"code": 1030})), reply(503, ""), reply(200, "<html>")] {
        let rig = Rig::new(TOKEN, vec![(ALL, answer(200, json!([]))), (CREATE, lost)]);
        let error = rig.backend.apply(&prepared(&rig, None, &create()).await).await.unwrap_err();
        assert!(error.lost().is_some(), "{error}");
        assert_eq!(rig.heard().len(), 2);
    }
}

#[tokio::test]
async fn what_was_made_has_the_name_and_was_not_there() {
    let rig = Rig::new(TOKEN, vec![(ALL, answer(200, profiles(&[(3, "Other"), (4, "edge")])))]);
    let wanted = prepared(&rig, None, &create()).await;
    assert_eq!(wanted.before, ["3", "4"]);
    for (rows, found) in [
        (&[(3, "Other")][..], vec![]),
        // Renamed meanwhile by somebody else, so not this one.
        (&[(3, "Edge")], vec![]),
        (&[(3, "Other"), (9, "EDGE")], vec![]),
        (&[(9, "Edge ")], vec!["9"]),
        (&[(9, "Edge"), (10, "Edge")], vec!["9", "10"]),
    ] {
        rig.then(vec![(ALL, answer(200, profiles(rows)))]);
        let seen = match rig.backend.find_applied(&wanted, Instant::now()).await.unwrap() {
            Found::Seen(targets) => targets,
            Found::NotYet => Vec::new(),
            Found::Untold => panic!("untold"),
        };
        let ids: Vec<&str> = seen.iter().map(|target| target.scan.as_ref().unwrap().as_str()).collect();
        assert_eq!(ids, found, "{rows:?}");
    }
    for name in ["Edge", " Edge"] {
        rig.then(vec![(ALL, answer(200, profiles(&[(3, name)])))]);
        let error = rig.backend.prepare_change(&Target::default(), &create()).await.unwrap_err();
        assert_eq!(error.exit(), Exit::Usage, "{name}");
    }
    rig.heard();
}

#[tokio::test]
async fn a_description_that_is_not_told_is_unreadable_and_not_empty() {
    let change = Change::UpdateScan(draft(&["description="]));
    for (description, before) in [(json!("old"), Some(json!("old"))), (json!(null), None), (json!(7), None)] {
        let profile = json!([{"scanProfileId": 5, "scanProfileName": "Edge", "description": description}]);
        let rig = Rig::new(TOKEN, vec![(ONE, answer(200, profile))]);
        let prepared = prepared(&rig, Some("5"), &change).await;
        assert_eq!(prepared.differences.len(), 1);
        assert_eq!(prepared.differences[0].before, before);
        assert_eq!(prepared.body, Some(json!({"description": ""})));
        rig.heard();
    }
    let profile = json!({"scanProfileId": 5, "description": ""});
    let rig = Rig::new(TOKEN, vec![(ONE, answer(200, profile))]);
    assert!(prepared(&rig, Some("5"), &change).await.differences.is_empty());
    rig.heard();
}

#[tokio::test]
async fn whatever_an_update_answers_is_shown_unless_it_is_a_page() {
    for (body, message) in [
        ("", None),
        ("null", None),
        ("\"ok\"", Some("the console says: ok")),
        ("done\n", Some("the console says: done")),
        ("{\"a\":1}", Some("the console says: {\"a\":1}")),
    ] {
        let change = Change::UpdateScan(draft(&["targets=10.0.0.7"]));
        let rig = Rig::new(TOKEN, vec![(ONE, answer(200, profiles(&[(5, "Edge")]))), (UPDATE, reply(202, body))]);
        let wanted = prepared(&rig, Some("5"), &change).await;
        let applied = rig.backend.apply(&wanted).await.unwrap();
        assert_eq!(applied.message.as_deref(), message, "{body}");
        assert_eq!(applied.target.describe(), "scan 5 \"Edge\"");
        assert_eq!(rig.backend.find_applied(&wanted, Instant::now()).await.unwrap(), Found::Untold);
        rig.heard();
        rig.then(vec![(UPDATE, reply(202, "<html><title>Login</title>"))]);
        assert!(rig.backend.apply(&wanted).await.unwrap_err().lost().is_some());
        rig.heard();
    }
}

#[test]
fn fields_are_what_was_asked_and_what_is_needed() {
    let asked = |fields: &[&str]| fields.iter().map(|field| (*field).to_owned()).collect::<Vec<_>>();
    assert_eq!(selection::of_profiles(&[]), None);
    assert_eq!(
        selection::of_profiles(&asked(&["endTime(time", "year)", " scanProfileId "])).as_deref(),
        Some("endTime(time,year),scanProfileId,scanProfileName")
    );
    assert_eq!(selection::of_runs(&asked(&["end_time"])).as_deref(), Some("end_time,id,start_time"));
}

#[test]
fn a_span_of_time_leaves_out_what_is_known_to_be_outside() {
    let run = |id: &str, start: Option<i64>| Run {
        run: Some(RunId::new(id)),
        started_at: start.map(|second| jiff::Timestamp::from_second(second).unwrap()),
        ..Run::default()
    };
    let runs = || vec![run("d", None), run("c", Some(300)), run("b", Some(200)), run("a", Some(100))];
    let at = |second| Some(jiff::Timestamp::from_second(second).unwrap());
    for (since, until, left, said) in [
        (None, None, "dcba", ""),
        (at(200), None, "dcb", "all 4 runs that were read, the 3 that began from 1970-01-01T00:03:20Z on"),
        (at(200), at(200), "db", "the 2 that began from 1970-01-01T00:03:20Z on and up to 1970-01-01T00:03:20Z"),
        (None, at(99), "d", "the 1 that began up to 1970-01-01T00:01:39Z"),
    ] {
        let query = RunQuery { since, until, ..RunQuery::default() };
        let reading = selection::within(Reading::new(runs(), Vec::new()), &query);
        let ids: String = reading.value.iter().map(|run| run.run.as_ref().unwrap().as_str().to_owned()).collect();
        assert_eq!(ids, left);
        assert_eq!(reading.notes.len(), usize::from(!said.is_empty()));
        assert!(reading.notes.iter().all(|note| note.contains(said)), "{:?}", reading.notes);
    }
}

async fn made(backend: &dyn Backend, change: &Change) -> Target {
    let prepared = backend.prepare_change(&Target::default(), change).await.unwrap();
    assert_eq!(backend.apply(&prepared).await.unwrap().target, Target::default());
    match backend.find_applied(&prepared, Instant::now()).await.unwrap() {
        Found::Seen(mut targets) if targets.len() == 1 => targets.remove(0),
        found => panic!("{found:?}"),
    }
}

#[tokio::test]
async fn both_simulated_consoles_agree_from_the_making_to_the_deletion() {
    let sandbox = Sandbox::start_with(
        Options::default(),
        vec![
            ("jsa", Box::new(juniper::Juniper::new(20_000.0))),
            ("cf", Box::new(juniper::Juniper::end_of_life(20_000.0))),
        ],
    )
    .unwrap();
    for ((_, origin), version) in sandbox.origins().iter().zip(["17.0", "26.0"]) {
        let settings = format!("backend = \"juniper\"\ntoken = \"{}\"\napi_version = \"{version}\"", accepted::TOKEN);
        let backend = connect(origin, &settings, false).unwrap();
        let target = made(&*backend, &create()).await;
        let taken = backend.prepare_change(&Target::default(), &create()).await.unwrap_err();
        assert_eq!(taken.exit(), Exit::Usage);

        let update = Change::UpdateScan(draft(&["name=Rim", "targets=10.0.0.8", "description=x"]));
        let prepared = backend.prepare_change(&target, &update).await.unwrap();
        backend.apply(&prepared).await.unwrap();
        // Name and description are to be seen, the targets are not.
        assert_eq!(backend.find_applied(&prepared, Instant::now()).await.unwrap(), Found::Untold);
        let update = Change::UpdateScan(draft(&["name=Ring"]));
        let prepared = backend.prepare_change(&target, &update).await.unwrap();
        assert_eq!(backend.find_applied(&prepared, Instant::now()).await.unwrap(), Found::NotYet);
        backend.apply(&prepared).await.unwrap();
        assert_eq!(
            backend.find_applied(&prepared, Instant::now()).await.unwrap(),
            Found::Seen(vec![prepared.target.clone()])
        );
        let fields = vec!["description".to_owned()];
        let shown = backend.scan(&target, &ScanQuery { fields, ..ScanQuery::default() }).await.unwrap().value;
        assert_eq!((shown.name.as_deref(), &shown.fields.unwrap()["description"]), (Some("Ring"), &json!("x")));

        let gone = backend.prepare_change(&target, &Change::DeleteScan).await.unwrap();
        assert_eq!(gone.target.describe(), format!("scan {} \"Ring\"", target.scan.as_ref().unwrap()));
        assert_eq!(backend.find_applied(&gone, Instant::now()).await.unwrap(), Found::NotYet);
        backend.apply(&gone).await.unwrap();
        assert_eq!(backend.find_applied(&gone, Instant::now()).await.unwrap(), Found::Seen(vec![gone.target.clone()]));
        let unknown = backend.prepare_change(&target, &Change::DeleteScan).await.unwrap_err();
        assert_eq!(unknown.exit(), Exit::NotFound);
        assert!(
            backend
                .scans(&ScanQuery::default())
                .await
                .unwrap()
                .value
                .iter()
                .all(|scan| scan.scan != ScanId::new(target.scan.as_ref().unwrap().as_str()))
        );
    }
}

/// What the console writes about a failure is an object; most changes are answered with a sentence.
#[tokio::test]
async fn a_failure_under_a_status_of_success_is_no_sentence() {
    const START: &str = "POST /api/scanner/scanprofiles/5/start";
    const DELETE: &str = "DELETE /api/scanner/scanprofiles/5";
    let scan = target("5", None);
    let failure = json!({"message": "no", "http_response": {"code": 500}});
    let body = json!({"name": "Edge"});
    let deletion = PreparedChange::new(&scan, &Change::DeleteScan);
    let creation = PreparedChange::new(&Target::default(), &create()).body(body.clone());
    let update = PreparedChange::new(&scan, &Change::UpdateScan(draft(&["name=Edge"]))).body(body);
    let prepared = Prepared { target: scan.clone(), order: Order::default(), before: Vec::new(), warnings: Vec::new() };
    for (said, is_sentence, is_remark) in [
        (answer(200, failure), false, false),
        (answer(200, json!({"message": "error"})), false, true),
        (answer(200, json!([])), false, true),
        (answer(202, json!("String")), true, true),
        (reply(202, "It has started."), true, true),
        (reply(204, ""), true, true),
    ] {
        let rig = Rig::new(TOKEN, Vec::new());
        let again = || Reply { status: said.status, headers: Vec::new(), body: said.body.clone() };
        rig.then(vec![(DELETE, again()), (CREATE, again()), (UPDATE, again()), (START, again())]);
        let lost = |problem: Option<Error>| problem.map(|problem| problem.lost().is_some());
        let of_sentence = (!is_sentence).then_some(true);
        assert_eq!(lost(rig.backend.apply(&deletion).await.err()), of_sentence);
        assert_eq!(lost(rig.backend.apply(&creation).await.err()), of_sentence);
        assert_eq!(lost(rig.backend.launch(&prepared).await.err()), of_sentence);
        assert_eq!(lost(rig.backend.apply(&update).await.err()), (!is_remark).then_some(true));
        let _all_was_asked = rig.heard();
    }
}

#[tokio::test]
async fn nothing_is_made_of_answers_that_say_nothing() {
    const RUN: &str = "GET /api/scanner/scanprofiles/5/runs/7";
    let scan = target("5", None);
    let rig = Rig::new(TOKEN, Vec::new());
    for body in ["null", "{}", "[{}]", r#"{"error":"internal"}"#] {
        rig.then(vec![(ALL, reply(200, body)), (ALL, reply(200, body))]);
        assert_eq!(rig.backend.scans(&ScanQuery::default()).await.unwrap_err().exit(), Exit::BadData, "{body}");
        assert_eq!(rig.backend.identity().await.unwrap_err().exit(), Exit::BadData, "{body}");
        if body == "null" {
            continue;
        }
        rig.then(vec![(ONE, reply(200, body))]);
        assert_eq!(rig.backend.status(&scan).await.unwrap_err().exit(), Exit::BadData, "{body}");
        let whole = json!([{"scanProfileId": 5}]);
        rig.then(vec![(ONE, answer(200, whole)), ("GET /api/scanner/scanprofiles/5/runs", reply(200, "[]"))]);
        rig.then(vec![(RUN, reply(200, body))]);
        let unread = rig.backend.status(&target("5", Some("7"))).await.unwrap_err();
        assert_eq!(unread.exit(), Exit::BadData, "{body}");
    }
    let _all_was_asked = rig.heard();
}
