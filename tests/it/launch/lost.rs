//! Launches whose answer is lost: read back, never sent again.

use serde_json::json;

use super::launch_answered;
use crate::common::tenable_vm::{
    ADDRESS, NOW, OLD, OTHER, RUN, answer, details, dressed, get_details, home, launch, launched, refusal,
};
use crate::common::{Reply, post};

#[test]
fn a_lost_answer_is_settled_by_the_one_run_that_is_newer_than_the_request() {
    for (what, reply) in [
        ("closed", Reply::close()),
        ("reset", Reply::reset()),
        ("no HTTP", Reply::garbage("\u{1}\u{2}\u{3}")),
        ("half", launched(OTHER).half()),
        ("500", refusal(500, "Internal Server Error")),
        ("502 page", dressed(Reply::html(502, "<html><title>502 Bad Gateway</title></html>"))),
        ("503 with a pause", refusal(503, "busy").header("Retry-After", "1")),
        ("504", dressed(Reply::empty(504))),
        ("408", dressed(Reply::empty(408))),
        ("a page", dressed(Reply::html(200, "<html><title>Welcome</title></html>"))),
        ("empty", dressed(Reply::empty(200))),
        ("no id", answer(200, &json!({}))),
        ("empty id", launched("")),
        ("null id", answer(200, &json!({ "scan_uuid": null }))),
    ] {
        // The older run began when the request was not sent yet, by the vendor's clock; by ours both are long ago.
        let readings = details(&[(RUN, "pending", NOW), (OLD, "completed", NOW - 5)]);
        let (_env, vendor, output) = launch_answered(reply, readings, &["-f", "json"]);
        assert_eq!(output.code(), Some(0), "{what}: {output}");
        let outcome = &output.json()["items"][0];
        assert_eq!((&outcome["address"], &outcome["outcome"]), (&ADDRESS.into(), &"accepted".into()), "{what}");
        assert_eq!(outcome["message"], "the answer was lost; found by reading back", "{what}");
        assert_eq!(vendor.lines(), ["POST /scans/219/launch", "GET /scans/219"], "{what}");
    }
}

#[test]
fn the_words_of_a_lost_answer_that_reading_back_settles() {
    let readings = details(&[(RUN, "initializing", NOW), (OLD, "completed", NOW - 5)]);
    let (env, _vendor, output) = launch_answered(Reply::close(), readings, &[]);
    assert_output!(env, output, @r#"
    exit code: 0
    ----- stdout -----
    ADDRESS                                      VERB    OUTCOME   STATE         MESSAGE
    io/219@647ca798-de12-48e2-bf32-5c7332431050  launch  accepted  initializing  the answer was lost; found by reading back
    ----- stderr -----
    warning: the answer to the launch was lost (the connection broke: connection closed before message completed); reading back
    launched io/219@647ca798-de12-48e2-bf32-5c7332431050: run 647ca798-de12-48e2-bf32-5c7332431050 "Weekly DMZ" (scan 219)
    note: the answer was lost; found by reading back
    "#);
}

#[test]
fn the_run_of_a_lost_answer_may_appear_late() {
    let (env, vendor) = home();
    vendor.expect(launch().reply(Reply::close()));
    let before = details(&[(OLD, "completed", NOW - 86_400)]);
    let after = details(&[(RUN, "pending", NOW), (OLD, "completed", NOW - 86_400)]);
    vendor.expect(get_details().repeatedly().replies([
        before,
        refusal(404, "Scan not found"),
        Reply::half(after.clone()),
        after,
    ]));
    let output = env.run(&["launch", "io/219", "-q"]).expect_code(0);
    assert_eq!(output.stdout, format!("{ADDRESS}\n"));
    assert_eq!(vendor.writes(), 1);
}

#[test]
fn two_new_runs_settle_nothing_and_both_are_named() {
    let readings = details(&[(RUN, "pending", NOW + 1), (OTHER, "canceled", NOW), (OLD, "completed", NOW - 5)]);
    let (env, _vendor, output) = launch_answered(Reply::close(), readings, &["-f", "json"]);
    assert_output!(env, output, @r#"
    exit code: 15
    ----- stdout -----
    {
      "schema_version": 1,
      "kind": "outcomes",
      "complete": true,
      "items": [
        {
          "profile": "io",
          "backend": "tenable-io",
          "verb": "launch",
          "address": "io/219",
          "scan": "219",
          "run": null,
          "candidates": [
            "io/219@647ca798-de12-48e2-bf32-5c7332431050",
            "io/219@1c36f9e6-24d0-4ad3-9ada-3a3bf13d544e"
          ],
          "outcome": "failed",
          "state": null,
          "native_state": null,
          "ended_at": null,
          "message": null,
          "request": null,
          "request_id": null,
          "error": {
            "kind": "unknown_outcome",
            "message": "the answer was lost, and 2 runs are new: the connection broke: connection closed before message completed: POST http://127.0.0.1:[PORT]/scans/219/launch",
            "hint": "it may be running: look with `scanctl status io/219` before launching again",
            "profile": "io",
            "backend": "tenable-io",
            "verb": "launch",
            "address": "io/219",
            "http_status": null,
            "vendor_code": null,
            "request_id": null,
            "retryable": false
          }
        }
      ]
    }
    ----- stderr -----
    warning: the answer to the launch was lost (the connection broke: connection closed before message completed); reading back
    {"error":{"kind":"unknown_outcome","message":"the answer was lost, and 2 runs are new: the connection broke: connection closed before message completed: POST http://127.0.0.1:[PORT]/scans/219/launch","hint":"it may be running: look with `scanctl status io/219` before launching again","profile":"io","backend":"tenable-io","verb":"launch","address":"io/219","http_status":null,"vendor_code":null,"request_id":null,"retryable":false}}
    "#);
}

#[test]
fn no_new_run_settles_nothing() {
    let readings = details(&[(OLD, "completed", NOW - 60)]);
    let (env, vendor, output) = launch_answered(Reply::close(), readings, &[]);
    assert_output!(env, output, @r"
    exit code: 15
    ----- stdout -----
    ADDRESS  VERB    OUTCOME  MESSAGE
    io/219   launch  failed   the launch was sent, its answer was lost, and reading back found nothing
    ----- stderr -----
    warning: the answer to the launch was lost (the connection broke: connection closed before message completed); reading back
    error: io/219: the launch was sent, its answer was lost, and reading back found nothing
      caused by: the connection broke: connection closed before message completed
      caused by: POST http://127.0.0.1:[PORT]/scans/219/launch

    hint: it may be running: look with `scanctl status io/219` before launching again
    ");
    assert!(vendor.requests().len() > 3, "it is looked for more than once: {:?}", vendor.lines());
}

#[test]
fn readings_that_fail_settle_nothing() {
    let (_env, _vendor, output) = launch_answered(Reply::close(), refusal(401, "Invalid credentials."), &["-q"]);
    let output = output.expect_code(15);
    assert_eq!(output.stdout, "");
    assert!(output.stderr.starts_with("error: io/219: the launch was sent, its answer was lost"), "{output}");
}

#[test]
fn a_lost_launch_outranks_other_fates() {
    let (env, vendor) = home();
    vendor.expect(launch().reply(Reply::close()).in_any_order());
    vendor.expect(post("/scans/220/launch").json(json!({})).reply(refusal(404, "Scan not found")).in_any_order());
    vendor.expect(get_details().reply(details(&[])).repeatedly());
    env.run(&["launch", "io/219", "io/220", "-q"]).expect_code(15);
}
