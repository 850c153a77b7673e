//! `scanctl launch` on Tenable VM: sent once, whatever becomes of the answer; refusals named for what they are.

mod lost;
mod refused;
mod several;

use serde_json::json;

use crate::common::env::{IO_KEYS, Output};
use crate::common::tenable_vm::{
    ADDRESS, RUN, get_details, get_latest, get_run, held, home, latest, launch, launched, run,
};
use crate::common::{Env, Reply, Vendor, post};

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
