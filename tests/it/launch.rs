//! `scanctl launch` on Tenable VM: sent once, whatever becomes of the answer; refusals named for what they are.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::common::env::{IO_KEYS, Output};
use crate::common::tenable_vm::{
    ADDRESS, NOW, OLD, OTHER, RUN, answer, details, details_of_run, dressed, get_details, get_latest, get_run, held,
    home, latest, launch, launched, refusal, run, too_many,
};
use crate::common::{Env, Reply, Vendor, get, post};

/// Launches the scan where the vendor answers the launch with this, and then any reading with the details.
fn launch_answered(reply: Reply, readings: Reply, arguments: &[&str]) -> (Env, Vendor, Output) {
    let (env, vendor) = home();
    vendor.expect(post("/scans/219/launch").json(json!({})).reply(reply));
    vendor.expect(get_details().any_number().reply(readings));
    let output = env.run(&[&["launch", "io/219"], arguments].concat());
    assert_eq!(vendor.writes(), 1, "{output}");
    (env, vendor, output)
}

#[test]
fn one_request_and_the_address_of_the_run() {
    let (env, vendor) = home();
    vendor.expect(launch().header("x-apikeys", IO_KEYS).header("content-type", "application/json"));
    let output = env.run(&["launch", "io/219"]);
    assert_output!(env, output, @r"
    exit code: 0
    ----- stdout -----
    ADDRESS                                      VERB    OUTCOME
    io/219@647ca798-de12-48e2-bf32-5c7332431050  launch  accepted
    ----- stderr -----
    launched io/219@647ca798-de12-48e2-bf32-5c7332431050: run 647ca798-de12-48e2-bf32-5c7332431050 (scan 219)
    ");
    assert_eq!(vendor.requests().len(), 1);
}

#[test]
fn the_outcome_as_json() {
    let (env, vendor) = home();
    vendor.expect(launch());
    let output = env.run(&["launch", "219", "-f", "json"]);
    assert_output!(env, output, @r#"
    exit code: 0
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
          "address": "io/219@647ca798-de12-48e2-bf32-5c7332431050",
          "scan": "219",
          "run": "647ca798-de12-48e2-bf32-5c7332431050",
          "candidates": [],
          "outcome": "accepted",
          "state": null,
          "native_state": null,
          "ended_at": null,
          "message": null,
          "request": null,
          "request_id": "d7b1c0f4a5e94a0e8f0c6f1d2b3a4958",
          "error": null
        }
      ]
    }
    ----- stderr -----
    launched io/219@647ca798-de12-48e2-bf32-5c7332431050: run 647ca798-de12-48e2-bf32-5c7332431050 (scan 219)
    "#);
}

#[test]
fn quiet_prints_the_address_as_soon_as_it_is_known_and_nothing_else() {
    let (mut env, vendor) = home();
    env.set("SCANCTL_FORMAT", "json");
    let (release, reply) = held(run("completed"));
    vendor.expect(launch()).expect(get_latest().reply(latest("completed"))).expect(get_run().reply_with(reply));
    let running = env.spawn(&["launch", "io/219", "-q", "--wait"]);
    running.until_stdout(&format!("{ADDRESS}\n"));
    vendor.wait_for("GET", &format!("/scans/219/history/{RUN}"));
    drop(release);
    let output = running.wait().expect_code(0);
    assert_eq!((output.stdout, output.stderr), (format!("{ADDRESS}\n"), String::new()));
}

#[test]
fn with_wait_the_address_is_on_stderr_before_the_waiting_begins() {
    let (env, vendor) = home();
    let (release, reply) = held(latest("completed"));
    vendor.expect(launch()).expect(get_latest().reply_with(reply)).expect(get_run().reply(run("completed")));
    let running = env.spawn(&["launch", "io/219", "--wait"]);
    vendor.wait_for("GET", "/scans/219/latest-status");
    running.until_stderr(ADDRESS);
    drop(release);
    assert_output!(env, running.wait(), @r"
    exit code: 0
    ----- stdout -----
    ADDRESS                                      VERB    OUTCOME    STATE
    io/219@647ca798-de12-48e2-bf32-5c7332431050  launch  confirmed  completed
    ----- stderr -----
    launched io/219@647ca798-de12-48e2-bf32-5c7332431050: run 647ca798-de12-48e2-bf32-5c7332431050 (scan 219)
    io/219@647ca798-de12-48e2-bf32-5c7332431050  completed
    ");
}

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
fn a_refusal_because_the_scan_runs_already_is_said_with_the_active_run() {
    let readings = || details_of_run("running");
    let conflict = || refusal(409, "Scan is already running.");
    let (env, _vendor, output) = launch_answered(conflict(), readings(), &[]);
    assert_output!(env, output, @r#"
    exit code: 6
    ----- stdout -----
    ADDRESS                                      VERB    OUTCOME  STATE    MESSAGE
    io/219@647ca798-de12-48e2-bf32-5c7332431050  launch  failed   running  run 647ca798-de12-48e2-bf32-5c7332431050 "Weekly DMZ" (scan 219) is running already
    ----- stderr -----
    error: io/219@647ca798-de12-48e2-bf32-5c7332431050: run 647ca798-de12-48e2-bf32-5c7332431050 "Weekly DMZ" (scan 219) is running already

    hint: follow it with `scanctl wait io/219@647ca798-de12-48e2-bf32-5c7332431050`, or launch with --if-running skip or attach
    "#);

    let (_env, _vendor, skipped) = launch_answered(conflict(), readings(), &["--if-running", "skip", "--wait"]);
    assert_output!(env, skipped, @r#"
    exit code: 0
    ----- stdout -----
    ADDRESS                                      VERB    OUTCOME  STATE    MESSAGE
    io/219@647ca798-de12-48e2-bf32-5c7332431050  launch  skipped  running  run 647ca798-de12-48e2-bf32-5c7332431050 "Weekly DMZ" (scan 219) is running already
    ----- stderr -----
    io/219@647ca798-de12-48e2-bf32-5c7332431050: run 647ca798-de12-48e2-bf32-5c7332431050 "Weekly DMZ" (scan 219) is running already
    "#);

    let (_env, _vendor, attached) = launch_answered(conflict(), readings(), &["--if-running", "attach", "-q"]);
    let attached = attached.expect_code(0);
    assert_eq!((attached.stdout, attached.stderr), (format!("{ADDRESS}\n"), String::new()));
}

#[test]
fn attach_with_wait_follows_the_active_run_to_its_end() {
    let (env, vendor) = home();
    vendor.expect(launch().reply(refusal(409, "Scan is already running.")));
    vendor.expect(get_details().reply(details_of_run("running")));
    vendor.expect(get_latest().reply(latest("canceled")));
    vendor.expect(get_run().reply(run("canceled")));
    let output = env.run(&["launch", "io/219", "--if-running", "attach", "--wait"]);
    assert_output!(env, output, @r#"
    exit code: 11
    ----- stdout -----
    ADDRESS                                      VERB    OUTCOME  STATE               MESSAGE
    io/219@647ca798-de12-48e2-bf32-5c7332431050  launch  failed   stopped (canceled)  the run ended stopped (canceled)
    ----- stderr -----
    io/219@647ca798-de12-48e2-bf32-5c7332431050: run 647ca798-de12-48e2-bf32-5c7332431050 "Weekly DMZ" (scan 219) is running already
    io/219@647ca798-de12-48e2-bf32-5c7332431050  stopped (canceled)
    error: io/219@647ca798-de12-48e2-bf32-5c7332431050: the run ended stopped (canceled)
    "#);
}

#[test]
fn a_conflict_without_an_active_run_is_the_vendors_own_word() {
    insta::allow_duplicates! {
        for more in [&[][..], &["--if-running", "skip"], &["--if-running", "attach"]] {
            let conflict = refusal(409, "Scan cannot be launched in its current status.");
            let (env, _vendor, output) = launch_answered(conflict, details_of_run("completed"), more);
            assert_output!(env, output, @r"
            exit code: 6
            ----- stdout -----
            ADDRESS  VERB    OUTCOME  MESSAGE
            io/219   launch  failed   HTTP 409: Scan cannot be launched in its current status.
            ----- stderr -----
            error: io/219: HTTP 409: Scan cannot be launched in its current status.
              caused by: POST http://127.0.0.1:[PORT]/scans/219/launch
              request id: d7b1c0f4a5e94a0e8f0c6f1d2b3a4958
            ");
        }
    }
}

#[test]
fn only_a_conflict_can_mean_that_the_scan_runs_already() {
    for (status, code) in [(400, 2), (401, 4), (403, 4), (404, 5)] {
        let (env, vendor) = home();
        vendor.expect(launch().reply(refusal(status, "No.")));
        // If it were read, this would be taken for a scan that runs already, and skipped.
        vendor.expect(get_details().any_number().reply(details_of_run("running")));
        let output = env.run(&["launch", "io/219", "--if-running", "skip"]).expect_code(code);
        assert_eq!(vendor.lines(), ["POST /scans/219/launch"], "{output}");
    }
}

#[test]
fn skip_and_attach_do_not_go_with_targets() {
    insta::allow_duplicates! {
        for what in ["skip", "attach"] {
            let (env, vendor) = home();
            let output = env.run(&["launch", "io/219", "--if-running", what, "--targets", "192.0.2.1"]);
            assert_output!(env, output, @r"
            exit code: 2
            ----- stderr -----
            error: `--if-running skip` and `attach` do not go with `--targets`: the active run has other targets
            ");
            assert_eq!(vendor.connections(), 0);
        }
    }
}

#[test]
fn a_rate_limit_is_waited_out_as_the_vendor_asks() {
    let (env, vendor) = home();
    vendor.expect(launch().replies([too_many("1"), too_many("30"), launched(RUN)]).repeatedly());
    let output = env.run(&["launch", "io/219"]);
    assert_output!(env, output, @r"
    exit code: 0
    ----- stdout -----
    ADDRESS                                      VERB    OUTCOME
    io/219@647ca798-de12-48e2-bf32-5c7332431050  launch  accepted
    ----- stderr -----
    warning: profile `io`: rate limited, waiting 1.0 s (try 2 of 5)
    warning: profile `io`: rate limited, waiting 30.0 s (try 3 of 5)
    launched io/219@647ca798-de12-48e2-bf32-5c7332431050: run 647ca798-de12-48e2-bf32-5c7332431050 (scan 219)
    ");
    assert_eq!(vendor.writes(), 3);
}

#[test]
fn the_pause_that_the_vendor_asks_for_is_really_made() {
    let (mut env, vendor) = home();
    env.unset("__SCANCTL_TEST_NO_DELAY");
    vendor.expect(launch().replies([too_many("0.3"), launched(RUN)]).repeatedly());
    let started = Instant::now();
    env.run(&["launch", "io/219", "-q"]).expect_code(0);
    assert!(started.elapsed() >= Duration::from_millis(300), "{:?}", started.elapsed());
}

#[test]
fn a_spent_rate_limit_says_which_limit_it_was() {
    for count in [25, 3] {
        let (env, vendor) = home();
        vendor.expect(launch().reply(too_many("1")).repeatedly());
        let counted = answer(200, &json!({ "count": count }));
        vendor.expect(get("/scans/count").query("active", "true").reply(counted).repeatedly());
        let output = env.run(&["launch", "io/219", "--log-format", "json"]).expect_code(8);
        assert_eq!(vendor.writes(), 5, "{output}");
        let error: serde_json::Value = serde_json::from_str(output.stderr.lines().last().unwrap()).unwrap();
        let said = error["error"]["message"].as_str().unwrap().split(':').next().unwrap();
        match count {
            25 => assert_eq!(said, "25 scans are active, and the vendor allows 25 at a time"),
            _ => assert_eq!(said, "too many requests (3 scans are active, so it is not their limit)"),
        }
        assert_eq!(error["error"]["retryable"], true);
    }
}

#[test]
fn a_long_pause_is_not_waited_for() {
    let (env, vendor) = home();
    vendor.expect(launch().reply(too_many("3600")));
    vendor.expect(get("/scans/count").any_query().reply(refusal(403, "Forbidden")));
    let output = env.run(&["launch", "io/219"]);
    assert_output!(env, output, @r"
    exit code: 8
    ----- stdout -----
    ADDRESS  VERB    OUTCOME  MESSAGE
    io/219   launch  failed   too many requests, or too many active scans: counting them failed as well
    ----- stderr -----
    error: io/219: too many requests, or too many active scans: counting them failed as well
      caused by: HTTP 429: 429 Too Many Requests
      caused by: POST http://127.0.0.1:[PORT]/scans/219/launch
      request id: d7b1c0f4a5e94a0e8f0c6f1d2b3a4958
    ");
    assert_eq!(vendor.writes(), 1);
}

#[test]
fn refusals_are_named_for_what_they_are() {
    let said = |reply: Reply| launch_answered(reply, details_of_run("completed"), &[]);
    let (env, _vendor, output) =
        said(answer(403, &json!({ "statusCode": 403, "error": "Forbidden", "message": "Insufficient scope" })));
    assert_output!(env, output, @r"
    exit code: 4
    ----- stdout -----
    ADDRESS  VERB    OUTCOME  MESSAGE
    io/219   launch  failed   the scan is disabled, or the user has no right to launch it
    ----- stderr -----
    error: io/219: the scan is disabled, or the user has no right to launch it
      caused by: HTTP 403: Insufficient scope
      caused by: POST http://127.0.0.1:[PORT]/scans/219/launch
      request id: d7b1c0f4a5e94a0e8f0c6f1d2b3a4958
    ");

    let blacklisted = "This scanner, agent, or API key token has been blacklisted.";
    let (env, _vendor, output) = said(dressed(Reply::text(401, blacklisted)));
    assert_output!(env, output, @r"
    exit code: 4
    ----- stdout -----
    ADDRESS  VERB    OUTCOME  MESSAGE
    io/219   launch  failed   HTTP 401: This scanner, agent, or API key token has been blacklisted.
    ----- stderr -----
    error: io/219: HTTP 401: This scanner, agent, or API key token has been blacklisted.
      caused by: POST http://127.0.0.1:[PORT]/scans/219/launch
      request id: d7b1c0f4a5e94a0e8f0c6f1d2b3a4958

    hint: the keys are not recognised: check them, and that they belong to this `base_url`
    ");

    let (env, _vendor, output) = said(refusal(404, "The requested file was not found"));
    assert_output!(env, output, @r"
    exit code: 5
    ----- stdout -----
    ADDRESS  VERB    OUTCOME  MESSAGE
    io/219   launch  failed   HTTP 404: The requested file was not found
    ----- stderr -----
    error: io/219: HTTP 404: The requested file was not found
      caused by: POST http://127.0.0.1:[PORT]/scans/219/launch
      request id: d7b1c0f4a5e94a0e8f0c6f1d2b3a4958

    hint: no such scan or run, or no access to it
    ");

    let (env, _vendor, output) = said(answer(412, &json!({ "error": "API is not available" })));
    assert_output!(env, output, @r"
    exit code: 7
    ----- stdout -----
    ADDRESS  VERB    OUTCOME  MESSAGE
    io/219   launch  failed   HTTP 412: API is not available
    ----- stderr -----
    error: io/219: HTTP 412: API is not available
      caused by: POST http://127.0.0.1:[PORT]/scans/219/launch
      request id: d7b1c0f4a5e94a0e8f0c6f1d2b3a4958

    hint: this Nessus edition does not allow scan control through its API
    ");

    let (env, _vendor, output) = said(answer(400, &json!({ "error": "{\"error\":\"Invalid 'alt_targets' field\"}" })));
    assert_output!(env, output, @r"
    exit code: 2
    ----- stdout -----
    ADDRESS  VERB    OUTCOME  MESSAGE
    io/219   launch  failed   HTTP 400: Invalid 'alt_targets' field
    ----- stderr -----
    error: io/219: HTTP 400: Invalid 'alt_targets' field
      caused by: POST http://127.0.0.1:[PORT]/scans/219/launch
      request id: d7b1c0f4a5e94a0e8f0c6f1d2b3a4958
    ");
}

#[test]
fn targets_are_an_array_from_a_list_or_a_file() {
    let (env, vendor) = home();
    env.file("targets.txt", "# the DMZ\n192.0.2.1\n\n  192.0.2.2 , 192.0.2.3  # two\r\n", 0o644);
    for (flag, targets) in [
        ("192.0.2.1", json!(["192.0.2.1"])),
        ("192.0.2.1, host.example ,", json!(["192.0.2.1", "host.example"])),
        ("@targets.txt", json!(["192.0.2.1", "192.0.2.2", "192.0.2.3"])),
    ] {
        vendor.expect(post("/scans/219/launch").json(json!({ "alt_targets": targets })).reply(launched(RUN)));
        env.run(&["launch", "io/219", "--targets", flag, "-q"]).expect_code(0);
    }
}

#[test]
fn targets_that_are_none_are_a_usage_error() {
    let (env, vendor) = home();
    env.file("empty.txt", "# nothing\n", 0o644);
    for flag in ["", ",", "@empty.txt", "@absent.txt"] {
        let output = env.run(&["launch", "io/219", "--targets", flag]).expect_code(2);
        assert_eq!(output.stdout, "");
    }
    env.run(&["launch", "io/219", "--ports", "80"]).expect_code(7);
    assert_eq!(vendor.connections(), 0);
}

#[test]
fn several_addresses_of_several_profiles_have_one_outcome_each() {
    let (env, vendor) = home();
    let other = Vendor::start();
    env.profile("io-eu", "tenable-io", &other.url(), "");
    let (release, reply) = held(launched(OTHER));
    vendor.expect(launch()).expect(post("/scans/220/launch").json(json!({})).reply(refusal(404, "Scan not found")));
    other.expect(post("/scans/7/launch").json(json!({})).reply_with(reply));
    let running = env.spawn(&["launch", "io-eu/7", "io/219", "io/220"]);
    running.until_stderr("hint: no such scan");
    drop(release);
    assert_output!(env, running.wait(), @r"
    exit code: 13
    ----- stdout -----
    ADDRESS                                       VERB    OUTCOME   MESSAGE
    io-eu/7@1c36f9e6-24d0-4ad3-9ada-3a3bf13d544e  launch  accepted  -
    io/219@647ca798-de12-48e2-bf32-5c7332431050   launch  accepted  -
    io/220                                        launch  failed    HTTP 404: Scan not found
    ----- stderr -----
    launched io/219@647ca798-de12-48e2-bf32-5c7332431050: run 647ca798-de12-48e2-bf32-5c7332431050 (scan 219)
    error: io/220: HTTP 404: Scan not found
      caused by: POST http://127.0.0.1:[PORT]/scans/220/launch
      request id: d7b1c0f4a5e94a0e8f0c6f1d2b3a4958

    hint: no such scan or run, or no access to it
    launched io-eu/7@1c36f9e6-24d0-4ad3-9ada-3a3bf13d544e: run 1c36f9e6-24d0-4ad3-9ada-3a3bf13d544e (scan 7)
    ");
}

#[test]
fn several_fates_that_are_alike_are_that_one() {
    let (env, vendor) = home();
    let other = Vendor::start();
    env.profile("io-eu", "tenable-io", &other.url(), "");
    vendor.expect(launch().reply(refusal(404, "Scan not found")));
    other.expect(post("/scans/7/launch").json(json!({})).reply(refusal(404, "Scan not found")));
    let output = env.run(&["launch", "io/219", "io-eu/7", "-f", "json"]).expect_code(5);
    let errors: Vec<serde_json::Value> =
        output.stderr.lines().rev().take(2).map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((&errors[1]["error"]["address"], &errors[0]["error"]["address"]), (&"io/219".into(), &"io-eu/7".into()));
    assert_eq!(output.json()["items"].as_array().unwrap().len(), 2);
}

#[test]
fn a_lost_launch_outranks_other_fates() {
    let (env, vendor) = home();
    vendor.expect(launch().reply(Reply::close()).in_any_order());
    vendor.expect(post("/scans/220/launch").json(json!({})).reply(refusal(404, "Scan not found")).in_any_order());
    vendor.expect(get_details().reply(details(&[])).repeatedly());
    env.run(&["launch", "io/219", "io/220", "-q"]).expect_code(15);
}

#[test]
fn the_same_address_twice_is_a_usage_error() {
    let (env, vendor) = home();
    insta::allow_duplicates! {
        for twice in [["io/219", "io/219"], ["219", "io/219"]] {
            let output = env.run(&["launch", twice[0], twice[1]]);
            assert_output!(env, output, @r"
            exit code: 2
            ----- stderr -----
            error: `io/219` is named twice
            ");
        }
    }
    assert_eq!(vendor.connections(), 0);
}

#[test]
fn one_address_that_is_not_supported_does_not_hold_up_the_others() {
    let (env, vendor) = home();
    let jsa = Vendor::start();
    env.profile("sc", "tenable-sc", &jsa.url(), "");
    vendor.expect(post("/scans/219/launch").json(json!({ "alt_targets": ["192.0.2.1"] })).reply(launched(RUN)));
    let output = env.run(&["launch", "sc/5", "io/219", "--targets", "192.0.2.1"]);
    assert_output!(env, output, @r"
    exit code: 13
    ----- stdout -----
    ADDRESS                                      VERB    OUTCOME   MESSAGE
    sc/5                                         launch  failed    backend `tenable-sc` cannot launch a scan with `--targets`
    io/219@647ca798-de12-48e2-bf32-5c7332431050  launch  accepted  -
    ----- stderr -----
    error: sc/5: backend `tenable-sc` cannot launch a scan with `--targets`

    hint: a launch scans the targets stored in the scan; launch a scan that is stored with those targets
    launched io/219@647ca798-de12-48e2-bf32-5c7332431050: run 647ca798-de12-48e2-bf32-5c7332431050 (scan 219)
    ");
    assert_eq!(jsa.connections(), 0);
}

#[test]
fn nothing_is_sent_where_no_address_is_supported() {
    let (env, vendor) = home();
    env.profile("sc", "tenable-sc", &vendor.url(), "");
    let output = env.run(&["launch", "sc/5", "--targets", "192.0.2.1"]);
    assert_output!(env, output, @r"
    exit code: 7
    ----- stderr -----
    error: sc/5: backend `tenable-sc` cannot launch a scan with `--targets`

    hint: a launch scans the targets stored in the scan; launch a scan that is stored with those targets
    ");
    assert_eq!(vendor.connections(), 0);
}

#[test]
fn a_dry_run_prints_the_request_and_sends_nothing() {
    let (env, vendor) = home();
    let output = env.run(&["launch", "io/219", "-n", "--wait", "--targets", "192.0.2.1,192.0.2.2", "-f", "json"]);
    assert_output!(env, output, @r#"
    exit code: 0
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
          "candidates": [],
          "outcome": "planned",
          "state": null,
          "native_state": null,
          "ended_at": null,
          "message": null,
          "request": {
            "method": "POST",
            "path": "/scans/219/launch",
            "body": {
              "alt_targets": [
                "192.0.2.1",
                "192.0.2.2"
              ]
            }
          },
          "request_id": null,
          "error": null
        }
      ]
    }
    "#);
    let output = env.run(&["launch", "io/219", "--dry-run"]);
    assert_output!(env, output, @r"
    exit code: 0
    ----- stdout -----
    ADDRESS  VERB    OUTCOME  MESSAGE
    io/219   launch  planned  would send POST /scans/219/launch {}
    ");
    let output = env.run(&["launch", "io/219", "-n", "-q"]).expect_code(0);
    assert_eq!((output.stdout, output.stderr), (String::new(), String::new()));
    assert_eq!(vendor.connections(), 0);
}

#[test]
fn a_name_is_resolved_by_a_list_and_must_be_one_scan() {
    let (env, vendor) = home();
    let scan = |id: u64, name: &str| json!({ "id": id, "name": name, "status": "completed", "uuid": OLD });
    let list = answer(200, &json!({ "scans": [scan(219, "Weekly DMZ"), scan(8, "Nightly"), scan(9, "Nightly")] }));
    vendor.expect(get("/scans").reply(list).repeatedly()).expect(launch());
    let output = env.run(&["launch", "io/name:Weekly DMZ", "-q"]).expect_code(0);
    assert_eq!(output.stdout, format!("{ADDRESS}\n"));
    let output = env.run(&["launch", "io/name:Nightly"]);
    assert_output!(env, output, @r#"
    exit code: 5
    ----- stdout -----
    ADDRESS          VERB    OUTCOME  MESSAGE
    io/name:Nightly  launch  failed   2 scans of profile `io` are named "Nightly"
    ----- stderr -----
    error: io/name:Nightly: 2 scans of profile `io` are named "Nightly"

    hint: name one of io/8, io/9
    "#);
    env.run(&["launch", "io/name:nightly"]).expect_code(5);
    assert_eq!(vendor.writes(), 1);
}

#[test]
fn a_run_cannot_be_launched_and_an_id_needs_one_profile() {
    let (env, vendor) = home();
    env.profile("io-eu", "tenable-io", &vendor.url(), "");
    let output = env.run(&["launch", &format!("io/219@{OLD}")]);
    assert_output!(env, output, @r"
    exit code: 2
    ----- stderr -----
    error: `launch` takes a scan, and `io/219@fc9dc7c5-8eec-4d39-ad9c-20e833cca69b` is a run

    hint: scanctl launch 'io/219'
    ");
    let output = env.run(&["launch", "-p", "io", "-p", "io-eu", "219"]);
    assert_output!(env, output, @r"
    exit code: 2
    ----- stderr -----
    error: `219` means something else on each of the selected profiles

    hint: put the profile before it: `io-eu/219`
    ");
    let output = env.run(&["launch", "219"]);
    assert_output!(env, output, @r"
    exit code: 2
    ----- stderr -----
    error: which profile? several are configured and there is no default_profile

    hint: name one with --profile, or in the address: io, io-eu
    ");
    let output = env.run(&["launch", "ioo/219"]);
    assert_output!(env, output, @r"
    exit code: 3
    ----- stderr -----
    error: no profile or group `ioo` in [HOME]/config/scanctl/config.toml

    hint: did you mean `io`?
    ");
    let output = env.run(&["launch"]);
    assert_output!(env, output, @r"
    exit code: 2
    ----- stderr -----
    error: which scan?

    hint: `scanctl scans list` shows them; `scanctl launch --help` has examples
    ");
    assert_eq!(vendor.connections(), 0);
}

#[test]
fn what_is_checked_first_is_said_first() {
    let (env, vendor) = home();
    let origin = vendor.url();
    env.add_config(&format!(
        "[profiles.sc]\nbackend = 'tenable-sc'\nbase_url = '{origin}'\naccess_key = {{ env = 'ABSENT' }}\nsecret_key = {{ env = 'ABSENT' }}"
    ));
    // Grammar, then profile, then support, then secrets.
    for (arguments, code) in [
        (&["launch", "sc/5@", "nope/1"][..], 2),
        (&["launch", "sc/5", "nope/1", "--targets", "192.0.2.1"], 3),
        (&["launch", "sc/5", "--targets", "192.0.2.1"], 7),
        (&["launch", "sc/5"], 3),
        (&["launch", "io/219", "sc/5"], 3),
    ] {
        let output = env.run(arguments);
        assert_eq!(output.code(), Some(code), "{arguments:?} {output}");
        assert_eq!(output.stdout, "", "{arguments:?}");
    }
    assert_eq!(vendor.connections(), 0);
}

#[test]
fn no_connection_is_a_network_error_that_is_safe_to_repeat() {
    let env = Env::new();
    let gone = Vendor::start();
    env.tenable_io(&gone);
    drop(gone);
    let output = env.run(&["launch", "io/219", "-q"]);
    assert_output!(env, output, @r"
    exit code: 9
    ----- stderr -----
    error: io/219: cannot connect: Connection refused (os error 111)
      caused by: POST http://127.0.0.1:[PORT]/scans/219/launch

    hint: check `base_url`, `proxy` and `ca_file` of profile `io`: `scanctl profiles check -p io`
    ");
}
