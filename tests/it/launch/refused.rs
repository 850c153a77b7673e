//! Launches that the vendor does not take: running already, limits, rights.

use std::time::{Duration, Instant};

use serde_json::json;

use super::launch_answered;
use crate::common::tenable_vm::{
    ADDRESS, RUN, answer, details_of_run, dressed, get_details, get_latest, get_run, home, latest, launch, launched,
    refusal, run, too_many,
};
use crate::common::{Env, Reply, Vendor, get};

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

    hint: the vendor asks to wait 3600 s before the next try
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
