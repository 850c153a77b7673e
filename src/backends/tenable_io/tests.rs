//! Answers that are none of this product's: they are neither a success nor an empty one. What it does answer is in the
//! conformance suite and in the recorded traffic.

use std::time::Instant;

use serde_json::{Value, json};

use crate::backends::change::{Change, PreparedChange};
use crate::backends::scripted::{Rig, json as answer, reply, target, with};
use crate::backends::{Order, Prepared, RunQuery, ScanQuery};
use crate::exit::Exit;
use crate::model::{Control, RunState};

const KEYS: &str = "backend = \"tenable-io\"\naccess_key = \"0123-access\"\nsecret_key = \"0123-secret\"";
const CONTROLS: [(Control, &str); 4] = [
    (Control::Pause, "POST /scans/template-1/pause"),
    (Control::Resume, "POST /scans/template-1/resume"),
    (Control::Stop, "POST /scans/template-1/stop"),
    (Control::ForceStop, "POST /scans/template-1/force-stop"),
];

#[tokio::test]
async fn a_change_is_taken_only_if_nothing_else_is_said() {
    let rig = Rig::new(KEYS, Vec::new());
    let scan = target("template-1", None);
    let run = target("219", Some("647ca798"));
    for (body, is_taken) in [
        ("", true),
        ("{}", true),
        (" \n", true),
        ("null", true),
        (r#"{"status":"pausing"}"#, true),
        ("<html><title>Login</title>", false),
        (r#"{"error":"internal"}"#, false),
        ("[]", false),
        ("OK", false),
    ] {
        for (control, line) in CONTROLS {
            rig.then(vec![(line, reply(200, body))]);
            match rig.backend.control(&scan, control).await {
                Ok(_) => assert!(is_taken, "{line}: {body}"),
                Err(problem) => assert!(!is_taken && problem.lost().is_some(), "{line}: {body}: {problem}"),
            }
        }
        for (named, change, line) in [
            (&scan, Change::DeleteScan, "DELETE /scans/template-1"),
            (&run, Change::DeleteRun, "DELETE /scans/219/history/647ca798"),
        ] {
            rig.then(vec![(line, reply(200, body))]);
            match rig.backend.apply(&PreparedChange::new(named, &change)).await {
                Ok(_) => assert!(is_taken, "{line}: {body}"),
                Err(problem) => assert!(!is_taken && problem.lost().is_some(), "{line}: {body}: {problem}"),
            }
        }
    }
    let _all_was_asked = rig.heard();
}

#[tokio::test]
async fn nothing_is_made_of_answers_that_say_nothing() {
    let rig = Rig::new(KEYS, Vec::new());
    let (scan, run) = (target("219", None), target("219", Some("647ca798")));
    for body in ["{}", r#"{"error":"internal"}"#, r#"{"info":{}}"#] {
        let given = |line: &'static str| vec![(line, reply(200, body))];
        rig.then(given("GET /scans"));
        assert_eq!(rig.backend.active().await.unwrap_err().exit(), Exit::BadData, "{body}");
        rig.then(given("GET /scans"));
        assert_eq!(rig.backend.scans(&ScanQuery::default()).await.unwrap_err().exit(), Exit::BadData, "{body}");
        rig.then(given("GET /scans"));
        assert_eq!(rig.backend.runs(None, &RunQuery::default()).await.unwrap_err().exit(), Exit::BadData, "{body}");
        rig.then(given("GET /session"));
        assert_eq!(rig.backend.identity().await.unwrap_err().exit(), Exit::BadData, "{body}");
        rig.then(given("GET /scans/219"));
        assert_eq!(rig.backend.status(&scan).await.unwrap_err().exit(), Exit::BadData, "{body}");
        // A run whose state was not read is neither over nor active.
        const RUN: &str = "GET /scans/219/history/647ca798";
        rig.then(given(RUN));
        assert_eq!(rig.backend.status(&run).await.unwrap_err().exit(), Exit::BadData, "{body}");
        rig.then(given(RUN));
        assert_eq!(rig.backend.control(&run, Control::Pause).await.unwrap_err().exit(), Exit::BadData, "{body}");
        rig.then(given(RUN));
        let unread = rig.backend.prepare_change(&run, &Change::DeleteRun).await.unwrap_err();
        assert_eq!(unread.exit(), Exit::BadData, "{body}");
        rig.then(given("GET /scans/219"));
        let unread = rig.backend.prepare_change(&scan, &Change::DeleteScan).await.unwrap_err();
        assert_eq!(unread.exit(), Exit::BadData, "{body}");
    }
    rig.then(vec![("GET /scans", answer(200, json!({"scans": [{"id": 219, "uuid": "647ca798"}]})))]);
    assert_eq!(rig.backend.active().await.unwrap_err().exit(), Exit::BadData);
    rig.then(vec![("GET /scans/219/history", answer(200, json!({"history": [{}]})))]);
    let unread = rig.backend.runs(Some(&scan), &RunQuery::default()).await.unwrap_err();
    assert_eq!(unread.exit(), Exit::BadData);
    rig.then(vec![("GET /scans", answer(200, json!({"folders": [], "scans": null, "timestamp": 1})))]);
    assert!(rig.backend.scans(&ScanQuery::default()).await.unwrap().value.is_empty());
    let _all_was_asked = rig.heard();
}

#[tokio::test]
async fn what_goes_with_a_run_is_asked_about() {
    let run = target("219", Some("647ca798"));
    let over = answer(200, json!({"status": "completed", "name": "Nightly"}));
    let rig = Rig::new(KEYS, vec![("GET /scans/219/history/647ca798", over)]);
    let prepared = rig.backend.prepare_change(&run, &Change::DeleteRun).await.unwrap();
    assert!(prepared.doubts.concat().contains("rollover"), "{prepared:?}");
    rig.then(vec![("DELETE /scans/219/history/647ca798", reply(200, ""))]);
    rig.backend.apply(&prepared).await.unwrap();
    assert_eq!(rig.heard()[1].query, [("delete_rollovers".to_owned(), "true".to_owned())]);
}

/// Which run is new is told by the vendor's clock or not at all.
#[tokio::test]
async fn without_the_vendors_clock_no_run_is_new() {
    let ahead = jiff::Timestamp::now().as_second() + 1800;
    let details = |started: i64| -> Value {
        json!({
            "info": {"uuid": "old", "status": "completed", "scan_start": started},
            "history": [{"uuid": "old", "status": "completed", "creation_date": started}],
        })
    };
    let prepared =
        Prepared { target: target("219", None), order: Order::default(), before: Vec::new(), warnings: Vec::new() };
    let undated = with(answer(200, details(ahead)), "Date", "unknown");
    let rig = Rig::new(KEYS, vec![("GET /scans/219", undated)]);
    assert!(rig.backend.find_launched(&prepared, Instant::now()).await.unwrap().is_empty());
    let dated = with(answer(200, details(1_574_350_777)), "Date", "Thu, 21 Nov 2019 15:39:37 GMT");
    rig.then(vec![("GET /scans/219", dated)]);
    let found = rig.backend.find_launched(&prepared, Instant::now()).await.unwrap();
    assert_eq!(found.first().and_then(|run| run.state), Some(RunState::Completed));
    let _all_was_asked = rig.heard();
}
