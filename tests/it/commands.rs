//! The commands that only read, and whole lives of runs against all five simulated vendors.

use serde_json::{Value, json};

use crate::common::env::Output;
use crate::common::tenable_vm::{
    ADDRESS, NOW, OLD, OTHER, RUN, answer, details, details_of_run, get_details, get_run, home, refusal, run,
};
use crate::common::{Env, Reply, Vendor, get};

/// The addresses of a document's items.
fn addresses(output: &Output) -> Vec<String> {
    let items = output.json()["items"].as_array().unwrap().clone();
    items.iter().map(|item| item["address"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn status_reads_once_and_tells_the_run() {
    let (env, vendor) = home();
    vendor.expect(get_details().reply(details_of_run("running")));
    let output = env.run(&["status", "io/219"]);
    assert_output!(env, output, @r"
    exit code: 0
    ----- stdout -----
    ADDRESS                                      NAME        STATE    STARTED
    io/219@647ca798-de12-48e2-bf32-5c7332431050  Weekly DMZ  running  2019-11-21 12:00Z
    ");
    vendor.expect(get_details().reply(details_of_run("canceled")));
    let output = env.run(&["status", "io/219", "-f", "json"]);
    assert_output!(env, output, @r#"
    exit code: 0
    ----- stdout -----
    {
      "schema_version": 1,
      "kind": "runs",
      "complete": true,
      "items": [
        {
          "profile": "io",
          "backend": "tenable-io",
          "address": "io/219@647ca798-de12-48e2-bf32-5c7332431050",
          "scan": "219",
          "name": "Weekly DMZ",
          "run": "647ca798-de12-48e2-bf32-5c7332431050",
          "state": "stopped",
          "native_state": "canceled",
          "progress": null,
          "started_at": "2019-11-21T12:00:00Z",
          "ended_at": "2019-11-21T12:05:00Z",
          "hosts_total": null,
          "hosts_done": null,
          "message": null
        }
      ]
    }
    "#);
    assert_eq!(vendor.lines(), ["GET /scans/219", "GET /scans/219"]);
}

#[test]
fn status_of_a_run_is_of_that_run() {
    let (env, vendor) = home();
    vendor.expect(get_run().reply(run("paused")));
    let output = env.run(&["status", ADDRESS, "-f", "json"]).expect_code(0);
    assert_eq!((&output.json()["items"][0]["state"], addresses(&output)), (&"paused".into(), vec![ADDRESS.to_owned()]));
    // What a run's own call does not know, the details may.
    vendor.expect(get_run().reply(refusal(404, "Scan not found")));
    vendor.expect(get_details().reply(details(&[(OTHER, "running", NOW), (RUN, "aborted", NOW - 60)])));
    let output = env.run(&["status", ADDRESS, "-f", "json"]).expect_code(0);
    assert_eq!(output.json()["items"][0]["state"], "aborted");
    vendor.expect(get_run().reply(refusal(404, "Scan not found")));
    vendor.expect(get_details().reply(details(&[(OTHER, "running", NOW)])));
    env.run(&["status", ADDRESS]).expect_code(5);
}

#[test]
fn latest_and_the_runs_before_it() {
    let (env, vendor) = home();
    let page = |run: &str| {
        answer(200, &json!({ "pagination": { "total": 3 }, "history": [{ "scan_uuid": run, "status": "completed" }] }))
    };
    vendor.expect(get_details().reply(details_of_run("running"))).expect(get_run().reply(run("running")));
    let output = env.run(&["status", "io/219@latest", "-f", "json"]).expect_code(0);
    assert_eq!(addresses(&output), [ADDRESS]);
    let history = get("/scans/219/history").query("limit", "1").query("offset", "2").query("exclude_rollover", "false");
    vendor.expect(history.clone().reply(page(OLD)));
    vendor.expect(get(&format!("/scans/219/history/{OLD}")).reply(run("completed")));
    let output = env.run(&["status", "io/219@latest~2", "-f", "json"]).expect_code(0);
    assert_eq!(addresses(&output), [format!("io/219@{OLD}")]);
    vendor.expect(history.reply(answer(200, &json!({ "pagination": { "total": 2 }, "history": [] }))));
    let output = env.run(&["status", "io/219@latest~2"]).expect_code(5);
    assert!(output.stderr.contains("`scanctl runs list io/219` shows its runs"), "{output}");
}

#[test]
fn rows_are_in_the_order_of_the_call_and_failures_on_stderr() {
    let (env, vendor) = home();
    let other = Vendor::start();
    env.profile("io-eu", "tenable-io", &other.url(), "");
    let gate = vendor.gate();
    vendor.expect(get_details().reply(details_of_run("running")));
    vendor.expect(get("/scans/220").reply(refusal(404, "Scan not found")));
    other.expect(get("/scans/7").reply_with(move |_| {
        assert!(gate.until_seen(2));
        details(&[(OTHER, "completed", NOW)])
    }));
    let output = env.run(&["status", "io-eu/7", "io/219", "io/220"]);
    assert_output!(env, output, @r"
    exit code: 13
    ----- stdout -----
    ADDRESS                                       NAME        STATE      STARTED            ENDED
    io-eu/7@1c36f9e6-24d0-4ad3-9ada-3a3bf13d544e  Weekly DMZ  completed  2019-11-21 12:00Z  2019-11-21 12:05Z
    io/219@647ca798-de12-48e2-bf32-5c7332431050   Weekly DMZ  running    2019-11-21 12:00Z  -
    ----- stderr -----
    warning: the output is not complete
    error: io/220: HTTP 404: Scan not found
      caused by: GET http://127.0.0.1:[PORT]/scans/220
      request id: d7b1c0f4a5e94a0e8f0c6f1d2b3a4958

    hint: no such scan or run, or no access to it
    ");
}

#[test]
fn a_list_of_active_runs_is_one_request_a_profile() {
    let (env, vendor) = home();
    let scans: Vec<Value> = ["running", "completed", "paused", "empty", "odd word", "publishing"]
        .iter()
        .enumerate()
        .map(|(at, word)| {
            let uuid = if *word == "empty" { Value::Null } else { json!(format!("run-{at}")) };
            json!({ "id": at + 1, "name": format!("Scan {at}"), "status": word, "uuid": uuid })
        })
        .collect();
    vendor.expect(get("/scans").reply(answer(200, &json!({ "scans": scans }))));
    let output = env.run(&["list"]);
    assert_output!(env, output, @r"
    exit code: 0
    ----- stdout -----
    ADDRESS     NAME    STATE
    io/1@run-0  Scan 0  running
    io/3@run-2  Scan 2  paused
    io/5@run-4  Scan 4  unknown (odd word)
    io/6@run-5  Scan 5  publishing
    ");
    assert_eq!(vendor.requests().len(), 1);
}

#[test]
fn a_backend_without_runs_is_a_note_and_7_only_if_alone() {
    let (env, vendor) = home();
    env.profile("cf", "cloudflare", &vendor.url(), "");
    vendor.expect(get("/scans").reply(answer(200, &json!({ "scans": [] }))));
    let output = env.run(&["list", "-f", "json"]).expect_code(0);
    assert_eq!(output.stderr, "note: profile `cf` is left out: backend `cloudflare` cannot list active runs\n");
    let output = env.run(&["list", "-p", "cf"]);
    assert_output!(env, output, @r"
    exit code: 7
    ----- stderr -----
    error: backend `cloudflare` cannot list active runs

    hint: Cloudflare has no runs, so none can be listed as active; `scanctl scans list` shows the configs
    ");
    assert_eq!(vendor.requests().len(), 1);
}

#[test]
fn groups_and_globs_choose_profiles() {
    let (env, vendor) = home();
    for name in ["io-eu", "io-us"] {
        env.profile(name, "tenable-io", &vendor.url(), "");
    }
    env.add_config("[groups]\nabroad = [\"io-us\", \"io-eu\"]");
    let list = answer(200, &json!({ "scans": [{ "id": 1, "name": "One", "status": "running", "uuid": RUN }] }));
    vendor.expect(get("/scans").reply(list).repeatedly());
    for (arguments, expected) in [
        (&["list"][..], &["io", "io-eu", "io-us"][..]),
        (&["list", "-p", "abroad"], &["io-us", "io-eu"]),
        (&["list", "-p", "io-*", "-p", "io"], &["io-eu", "io-us", "io"]),
        (&["scans", "list", "-p", "io?eu"], &["io-eu"]),
    ] {
        let output = env.run(&[arguments, &["-f", "json"]].concat()).expect_code(0);
        let profiles: Vec<String> =
            addresses(&output).iter().map(|address| address.split('/').next().unwrap().to_owned()).collect();
        assert_eq!(profiles, expected, "{arguments:?}");
    }
    env.run(&["list", "-p", "asia-*"]).expect_code(3);
}

#[test]
fn the_runs_of_a_scan_are_read_page_by_page() {
    let (env, vendor) = home();
    let page = |from: usize, count: usize| {
        let runs: Vec<Value> = (from..from + count)
            .map(|at| json!({ "id": at, "scan_uuid": format!("run-{at}"), "status": "completed", "time_start": NOW, "time_end": NOW + 60 }))
            .collect();
        answer(200, &json!({ "pagination": { "offset": from, "total": 70, "limit": 50 }, "history": runs }))
    };
    let history = |offset: &str| {
        get("/scans/219/history").query("limit", "50").query("offset", offset).query("exclude_rollover", "false")
    };
    vendor.expect(history("0").reply(page(0, 50))).expect(history("50").reply(page(50, 20)));
    let output = env.run(&["runs", "list", "io/219", "-f", "json"]).expect_code(0);
    assert_eq!(addresses(&output).len(), 70);
    let first = &output.json()["items"][0];
    let expected = json!({
        "profile": "io", "backend": "tenable-io", "address": "io/219@run-0", "scan": "219", "name": null, "run": "run-0",
        "state": "completed", "native_state": "completed", "progress": null, "started_at": "2019-11-21T12:00:00Z",
        "ended_at": "2019-11-21T12:01:00Z", "hosts_total": null, "hosts_done": null, "message": null,
    });
    assert_eq!(*first, expected);
    // A page that fails leaves nothing that looks whole.
    vendor.expect(history("0").reply(page(0, 50))).expect(history("50").reply(refusal(404, "Scan not found")));
    let output = env.run(&["runs", "list", "io/219", "-f", "json"]).expect_code(5);
    assert_eq!(output.json()["complete"], false);
}

#[test]
fn runs_without_a_scan_are_the_latest_of_each() {
    let (env, vendor) = home();
    let scans = json!({ "scans": [
        { "id": 1, "name": "One", "status": "completed", "uuid": OLD }, { "id": 2, "name": "Two", "status": "empty", "uuid": null },
    ] });
    vendor.expect(get("/scans").reply(answer(200, &scans)));
    let output = env.run(&["runs", "list"]);
    assert_output!(env, output, @r"
    exit code: 0
    ----- stdout -----
    ADDRESS                                    NAME  STATE
    io/1@fc9dc7c5-8eec-4d39-ad9c-20e833cca69b  One   completed
    ----- stderr -----
    note: the latest run of each scan; name a scan for all of its runs
    ");
    let output = env.run(&["runs", "show", "io/219"]);
    assert_output!(env, output, @r"
    exit code: 2
    ----- stderr -----
    error: `runs show` needs SCAN@RUN on this backend

    hint: scanctl runs show 'io/219@latest'
    ");
    vendor.expect(get_run().reply(run("completed")));
    env.run(&["runs", "show", ADDRESS]).expect_code(0);
}

#[test]
fn a_scan_is_shown_with_its_targets_and_last_run() {
    let (env, vendor) = home();
    vendor.expect(get_details().reply(details_of_run("completed")));
    let rule = "FREQ=WEEKLY;INTERVAL=1;BYDAY=MO";
    let list = json!({ "scans": [{ "id": 219, "enabled": true, "rrules": rule, "timezone": "Etc/UTC" }] });
    vendor.expect(get("/scans").reply(answer(200, &list)));
    let output = env.run(&["scans", "show", "io/219", "-f", "json"]);
    assert_output!(env, output, @r#"
    exit code: 0
    ----- stdout -----
    {
      "schema_version": 1,
      "kind": "scans",
      "complete": true,
      "items": [
        {
          "profile": "io",
          "backend": "tenable-io",
          "address": "io/219",
          "scan": "219",
          "name": "Weekly DMZ",
          "enabled": true,
          "schedule": "FREQ=WEEKLY;INTERVAL=1;BYDAY=MO Etc/UTC",
          "targets": [
            "192.0.2.1",
            "192.0.2.2"
          ],
          "last_run": {
            "profile": "io",
            "backend": "tenable-io",
            "address": "io/219@647ca798-de12-48e2-bf32-5c7332431050",
            "scan": "219",
            "name": "Weekly DMZ",
            "run": "647ca798-de12-48e2-bf32-5c7332431050",
            "state": "completed",
            "native_state": "completed",
            "progress": null,
            "started_at": "2019-11-21T12:00:00Z",
            "ended_at": "2019-11-21T12:05:00Z",
            "hosts_total": null,
            "hosts_done": null,
            "message": null
          }
        }
      ]
    }
    "#);
}

#[test]
fn a_check_says_what_it_proved() {
    let (env, vendor) = home();
    let other = Vendor::start();
    env.profile("io-eu", "tenable-io", &other.url(), "");
    env.add_config(&format!(
        "[profiles.io-us]\nbackend = \"tenable-io\"\nbase_url = \"{}\"\naccess_key = {{ env = \"ABSENT\" }}\nsecret_key = {{ env = \"ABSENT\" }}",
        other.url()
    ));
    let session = json!({ "username": "user@example.org", "permissions": 40, "container_name": "Example", "id": 2 });
    vendor.expect(get("/session").reply(answer(200, &session)).repeatedly());
    other.expect(get("/session").reply(refusal(401, "Invalid credentials.")).repeatedly());
    let output = env.run(&["profiles", "check"]);
    assert_output!(env, output, @r"
    exit code: 13
    ----- stdout -----
    PROFILE  BACKEND     BASE URL                 OK   USER              MESSAGE                                                                  DETAILS
    io       tenable-io  http://127.0.0.1:[PORT]/  yes  user@example.org  the keys open a session                                                  container: Example, role: Scan Manager
    io-eu    tenable-io  http://127.0.0.1:[PORT]/  no   -                 HTTP 401: Invalid credentials.                                           -
    io-us    tenable-io  http://127.0.0.1:[PORT]/  no   -                 profile `io-us`: `access_key`: environment variable `ABSENT` is not set  -
    ----- stderr -----
    error: profile `io-eu` does not work
      caused by: HTTP 401: Invalid credentials.
      caused by: GET http://127.0.0.1:[PORT]/session
      request id: d7b1c0f4a5e94a0e8f0c6f1d2b3a4958

    hint: the keys are not recognised: check them, and that they belong to this `base_url`
    error: profile `io-us` does not work
      caused by: profile `io-us`: `access_key`: environment variable `ABSENT` is not set
    ");
    env.run(&["profiles", "check", "io"]).expect_code(0);
    env.run(&["profiles", "check", "-p", "io-eu"]).expect_code(4);
    env.run(&["profiles", "check", "io-us"]).expect_code(3);
}

#[test]
fn what_backends_can_do_needs_no_config() {
    let env = Env::new();
    let output = env.run(&["backends", "tenable-io"]);
    assert_output!(env, output, @r"
    exit code: 0
    ----- stdout -----
    BACKEND     VERB              SUPPORT  BARE ID                                                    NOTE
    tenable-io  launch            yes      scan id or schedule uuid                                   -
    tenable-io  launch --targets  yes      scan id or schedule uuid                                   -
    tenable-io  pause             yes      scan id or schedule uuid: its active, else its latest run  -
    tenable-io  resume            yes      scan id or schedule uuid: its active, else its latest run  -
    tenable-io  stop              yes      scan id or schedule uuid: its active, else its latest run  -
    tenable-io  force-stop        yes      scan id or schedule uuid (sent as schedule uuid)           -
    tenable-io  status            yes      scan id or schedule uuid: its active, else its latest run  -
    tenable-io  wait              yes      scan id or schedule uuid: its active, else its latest run  -
    tenable-io  results           yes      scan id or schedule uuid: its active, else its latest run  -
    tenable-io  export            yes      scan id or schedule uuid: its active, else its latest run  -
    tenable-io  diff              yes      scan id or schedule uuid: its active, else its latest run  -
    tenable-io  list              yes      takes no id                                                -
    tenable-io  scans list        yes      scan id or schedule uuid                                   -
    tenable-io  scans show        yes      scan id or schedule uuid                                   -
    tenable-io  scans create      yes      takes no id                                                -
    tenable-io  scans update      yes      scan id or schedule uuid                                   -
    tenable-io  scans copy        yes      scan id or schedule uuid                                   -
    tenable-io  scans delete      yes      scan id or schedule uuid                                   -
    tenable-io  runs list         yes      scan id or schedule uuid                                   -
    tenable-io  runs show         yes      needs SCAN@RUN                                             -
    tenable-io  runs delete       yes      needs SCAN@RUN                                             -
    tenable-io  runs copy         no       -                                                          Tenable VM shares a scan with other users as a whole, which is done in its own pages; `scanctl export` makes a file to hand on
    tenable-io  runs email        no       -                                                          Tenable VM sends mail when a run ends, to the addresses of the scan: `scanctl scans update SCAN --set emails=…`
    tenable-io  runs import       yes      takes no id                                                -
    tenable-io  runs reimport     no       -                                                          Tenable VM imports its own runs by itself; `scanctl export` and `scanctl runs import` make a new imported scan of one
    ");
    let all = env.run(&["backends", "-f", "json"]).expect_code(0).json();
    assert_eq!(all["kind"], "backends");
    assert_eq!(all["items"].as_array().unwrap().len(), 125);
    env.run(&["backends", "nessus"]).expect_code(2);
}

#[test]
fn a_command_that_is_none_or_a_flag_that_is_not_its_own_is_2() {
    let (env, vendor) = home();
    for arguments in [
        &[][..],
        &["scans"],
        &["launhc", "io/219"],
        &["status", "io/219", "-n"],
        &["wait", "io/219", "--wait"],
        &["launch", "io/219", "--escalate-after", "1m"],
        &["launch", "io/219", "--fail-on", "high"],
        &["status"],
        &["man", "-o", "scanctl.1"],
        &["completions", "bash", "-f", "json"],
        &["demo", "-o", "demo.json"],
        &["sandbox", "-f", "json", "--", "true"],
        &["scans", "create", "--example=tenable-sc", "-o", "scan.toml"],
    ] {
        let output = env.run(arguments).expect_code(2);
        assert_eq!(output.stdout, "", "{arguments:?}");
    }
    // Every command takes the global flags.
    for arguments in [
        &["status", "io/219"][..],
        &["profiles", "check", "io"],
        &["profiles", "show", "io"],
        &["profiles", "list"],
        &["scans", "show", "io/219"],
        &["runs", "show", ADDRESS],
        &["backends"],
    ] {
        let output = env.run(&[arguments, &["-p", "io", "-y", "--color", "never", "-o", "absent/file.json"]].concat());
        assert!(output.stderr.contains("cannot write absent/file.json"), "{arguments:?}: {output}");
    }
    for arguments in [&["--help"][..], &["launch", "--help"], &["--version"], &["help", "wait"]] {
        let output = env.run(arguments).expect_code(0);
        assert_eq!(output.stderr, "", "{arguments:?}");
    }
    assert_eq!(vendor.connections(), 0);
}

/// Runs the program in a sandbox that goes so fast that every scan takes an instant.
fn in_sandbox(env: &Env, arguments: &[&str]) -> Output {
    env.run(&[&["sandbox", "--speed", "100000", "--", "scanctl"], arguments].concat())
}

#[test]
fn a_printed_address_can_be_pasted_into_every_other_command() {
    let program = std::path::Path::new(env!("CARGO_BIN_EXE_scanctl"));
    let folder = program.parent().unwrap().to_str().unwrap();
    for (scan, verbs) in [
        ("io/219", &["wait", "status", "runs show"][..]),
        ("sc/2", &["wait", "status", "runs show"]),
        ("director/9", &["wait", "status", "runs show"]),
        ("jsa/2", &["wait", "status", "runs show"]),
        ("cf/3a96f5ba-f6e1-4111-bc27-f354080b5160", &["wait", "status", "scans show"]),
    ] {
        let mut env = Env::new();
        env.set("PATH", &format!("{folder}:/usr/bin:/bin"));
        let mut script = format!("set -e\nrun=$(scanctl launch -q {scan})\necho \"$run\"\n");
        for verb in verbs {
            script.push_str(&format!("scanctl {verb} \"$run\" -f ndjson\n"));
        }
        let output = env.run(&["sandbox", "--speed", "100000", "--", "sh", "-c", &script]).expect_code(0);
        let mut lines = output.stdout.lines();
        let run = lines.next().unwrap().to_owned();
        let rows: Vec<Value> = lines.map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(rows.len(), verbs.len(), "{output}");
        for row in rows {
            assert_eq!(row["address"], run.as_str(), "{output}");
        }
    }
}

#[test]
fn a_launch_that_waits_reaches_the_end_on_every_simulated_vendor() {
    let env = Env::new();
    for (scan, state) in [
        ("io/219", "completed"),
        ("sc/2", "completed"),
        ("director/9", "completed"),
        ("jsa/2", "ended"),
        ("cf/3a96f5ba-f6e1-4111-bc27-f354080b5160", "results_available"),
    ] {
        let output = in_sandbox(&env, &["launch", scan, "--wait", "-f", "json"]).expect_code(0);
        let outcome = &output.json()["items"][0];
        assert_eq!((&outcome["outcome"], &outcome["state"]), (&"confirmed".into(), &state.into()), "{output}");
    }
}

#[test]
fn every_simulated_vendor_can_be_asked_at_once() {
    let env = Env::new();
    in_sandbox(&env, &["profiles", "check"]).expect_code(0);
    let output = in_sandbox(&env, &["scans", "list", "-p", "all", "-f", "json"]).expect_code(0);
    for profile in ["io", "sc", "director", "jsa", "cf"] {
        let its = |address: &String| address.starts_with(&format!("{profile}/"));
        assert!(addresses(&output).iter().any(its), "{profile}: {output}");
    }
    in_sandbox(&env, &["list"]).expect_code(0);
    // The exit code is the command's.
    in_sandbox(&env, &["pause", "jsa/2"]).expect_code(7);
    in_sandbox(&env, &["status", "io/nothing"]).expect_code(5);
}

#[test]
fn a_lost_launch_on_a_simulated_vendor_is_found_and_not_repeated() {
    let env = Env::new();
    let output = env.run(&[
        "sandbox",
        "--speed",
        "60",
        "--fault",
        "launch:reset=1",
        "--",
        "scanctl",
        "launch",
        "io/219",
        "-f",
        "json",
    ]);
    let outcome = output.json()["items"][0].clone();
    // The sandbox breaks the connection with or without having taken the request.
    match output.code() {
        Some(0) => assert_eq!(outcome["message"], "the answer was lost; found by reading back", "{output}"),
        _ => assert_eq!((output.code(), &outcome["error"]["kind"]), (Some(15), &"unknown_outcome".into()), "{output}"),
    }
    let output =
        env.run(&["sandbox", "--fault", "launch:429=1", "--", "scanctl", "launch", "io/219", "-q"]).expect_code(8);
    assert_eq!(output.stdout, "");
}

#[test]
fn answers_that_are_not_json_objects_are_bad_data() {
    for body in ["", "null", "[]", "\"running\"", "{\"info\":", "<html></html>", "{\"history\":[]}"] {
        let (env, vendor) = home();
        vendor.expect(get_details().reply(Reply::text(200, body)));
        let output = env.run(&["status", "io/219"]).expect_code(16);
        assert!(output.stderr.contains("the answer to `scan details` is not what the API promises"), "{output}");
    }
}
