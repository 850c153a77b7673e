//! Waiting on Tenable VM: what is asked how often, what ends it, and what the end is called.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::common::tenable_vm::{
    ADDRESS, NOW, OLD, OTHER, RUN, answer, details, details_of_run, dressed, get_details, get_latest, get_run, home,
    latest, launch, refusal, run, too_many,
};
use crate::common::{Authority, Env, Reply, Vendor, get, post};

/// Answers with these statuses one after the other, of which the last goes on.
fn words(words: &[&str]) -> Vec<Reply> {
    words.iter().map(|word| latest(word)).collect()
}

/// What was asked, shortened to the last part of the path.
fn asked(vendor: &Vendor) -> Vec<String> {
    let short = |line: String| match line.rsplit('/').next().unwrap_or_default() {
        RUN => "run".to_owned(),
        "219" => "details".to_owned(),
        other => other.to_owned(),
    };
    vendor.lines().into_iter().map(short).collect()
}

#[test]
fn the_end_of_the_run_is_the_exit_code() {
    for (word, state, code) in [
        ("completed", "completed", 0),
        ("imported", "imported", 0),
        ("canceled", "stopped", 11),
        ("stopped", "stopped", 11),
        ("aborted", "aborted", 11),
    ] {
        let (env, vendor) = home();
        vendor.expect(get_latest().reply(latest(word))).expect(get_run().reply(run(word)));
        let output = env.run(&["wait", ADDRESS, "-f", "json"]).expect_code(code);
        let outcome = &output.json()["items"][0];
        assert_eq!((&outcome["state"], &outcome["native_state"]), (&state.into(), &word.into()), "{output}");
        assert_eq!(outcome["ended_at"], "2019-11-21T12:05:00Z");
        assert_eq!(outcome["outcome"], if code == 0 { "confirmed" } else { "failed" });
        assert_eq!(outcome["error"]["kind"], if code == 0 { Value::Null } else { "ended_badly".into() });
    }
}

#[test]
fn a_whole_wait_is_told_change_by_change() {
    let (env, vendor) = home();
    vendor.expect(get_details().reply(details_of_run("initializing")));
    vendor.expect(
        get_latest().replies(words(&["pending", "running", "running", "publishing", "completed"])).repeatedly(),
    );
    vendor.expect(get_run().replies([run("running"), run("completed")]).repeatedly());
    let output = env.run(&["wait", "io/219"]);
    assert_output!(env, output, @r"
    exit code: 0
    ----- stdout -----
    ADDRESS                                      VERB  OUTCOME    STATE
    io/219@647ca798-de12-48e2-bf32-5c7332431050  wait  confirmed  completed
    ----- stderr -----
    io/219  starting (initializing)
    io/219  queued (pending)
    io/219  running
    io/219  publishing
    io/219  completed
    ");
}

#[test]
fn a_scan_that_never_ran_has_nothing_to_wait_for() {
    let (env, vendor) = home();
    vendor.expect(get_details().reply(details(&[])));
    let output = env.run(&["wait", "io/219"]);
    assert_output!(env, output, @r#"
    exit code: 6
    ----- stdout -----
    ADDRESS  VERB  OUTCOME  STATE         MESSAGE
    io/219   wait  failed   idle (empty)  scan 219 "Weekly DMZ" has no run to wait for
    ----- stderr -----
    io/219  idle (empty)
    error: io/219: scan 219 "Weekly DMZ" has no run to wait for
    "#);
}

#[test]
fn the_cheap_call_is_asked_and_the_run_itself_every_fifth_time_and_at_the_end() {
    let (env, vendor) = home();
    let mut running = vec!["running"; 9];
    running.push("completed");
    vendor.expect(get_details().reply(details_of_run("running")).any_number());
    vendor.expect(get_latest().replies(words(&running)).repeatedly());
    vendor.expect(get_run().replies([run("running"), run("running"), run("completed")]).repeatedly());
    env.run(&["wait", "io/219"]).expect_code(0);
    let (cheap, itself) = ("latest-status", "run");
    let expected = [
        &["details", cheap, cheap, cheap, itself][..],
        &[cheap, cheap, cheap, cheap, itself],
        // The newest run has ended; whether it is this one, only its own call tells.
        &[cheap, cheap, cheap, itself],
    ];
    assert_eq!(asked(&vendor), expected.concat());
}

#[test]
fn the_end_of_another_run_is_not_the_end_of_this_one() {
    let (env, vendor) = home();
    vendor.expect(get_latest().replies(words(&["running", "completed", "canceled", "aborted"])).repeatedly());
    vendor.expect(get_run().replies([run("running"), run("publishing"), run("completed")]).repeatedly());
    let output = env.run(&["wait", ADDRESS, "-f", "json"]).expect_code(0);
    assert_eq!(output.json()["items"][0]["native_state"], "completed");
    assert_eq!(
        asked(&vendor),
        ["latest-status", "latest-status", "run", "latest-status", "run", "latest-status", "run"]
    );
}

#[test]
fn a_status_that_goes_backwards_is_another_run() {
    for early in ["pending", "initializing", "empty"] {
        let (env, vendor) = home();
        vendor.expect(get_latest().replies(words(&["running", early])).repeatedly());
        vendor.expect(get_run().reply(run("canceled")));
        env.run(&["wait", ADDRESS, "-q"]).expect_code(11);
        assert_eq!(asked(&vendor), ["latest-status", "latest-status", "run"]);
    }
}

#[test]
fn a_run_that_is_not_known_yet_counts_as_queued_right_after_its_launch() {
    let (env, vendor) = home();
    let missing = || refusal(404, "Scan not found");
    vendor.expect(launch());
    // The newest run is still the one before.
    vendor.expect(get_latest().replies(words(&["completed", "completed", "running", "completed"])).repeatedly());
    vendor.expect(get_run().replies([missing(), missing(), run("completed")]).repeatedly());
    vendor.expect(get_details().reply(details(&[(OLD, "completed", NOW - 60)])).repeatedly());
    let output = env.run(&["launch", "io/219", "--wait"]);
    assert_output!(env, output, @r"
    exit code: 0
    ----- stdout -----
    ADDRESS                                      VERB    OUTCOME    STATE
    io/219@647ca798-de12-48e2-bf32-5c7332431050  launch  confirmed  completed
    ----- stderr -----
    launched io/219@647ca798-de12-48e2-bf32-5c7332431050: run 647ca798-de12-48e2-bf32-5c7332431050 (scan 219)
    io/219@647ca798-de12-48e2-bf32-5c7332431050  queued
    io/219@647ca798-de12-48e2-bf32-5c7332431050  running
    io/219@647ca798-de12-48e2-bf32-5c7332431050  completed
    ");

    let (env, vendor) = home();
    vendor.expect(get_latest().reply(latest("completed"))).expect(get_run().reply(missing()));
    vendor.expect(get_details().reply(details(&[(OLD, "completed", NOW - 60)])));
    env.run(&["wait", ADDRESS, "-q"]).expect_code(5);
}

#[test]
fn a_nessus_without_the_cheap_call_is_followed_by_its_details() {
    let (env, vendor) = home();
    let missing = || refusal(404, "The requested file was not found");
    vendor.expect(get_latest().reply(missing()).repeatedly()).expect(get_run().reply(missing()).repeatedly());
    vendor.expect(get_details().replies(["running", "running", "completed"].map(details_of_run)).repeatedly());
    env.run(&["wait", ADDRESS, "-q"]).expect_code(0);
}

#[test]
fn looks_that_fail_are_told_and_survived() {
    let (env, vendor) = home();
    let mut replies = vec![latest("running")];
    replies.extend(vec![refusal(503, "busy"); 5]);
    replies.extend(vec![dressed(Reply::html(200, "<html>"))]);
    replies.extend(vec![too_many("600"), latest("completed")]);
    vendor.expect(get_latest().replies(replies).repeatedly());
    vendor.expect(get_run().reply(run("completed")).repeatedly());
    let output = env.run(&["wait", ADDRESS, "--interval", "1s"]);
    let told: Vec<&str> = output.stderr.lines().filter(|line| line.contains("in a row failed")).collect();
    assert_eq!(
        told,
        [
            format!(
                "warning: {ADDRESS}: look 1 in a row failed, waiting on: HTTP 503: busy: GET {}/scans/219/latest-status",
                vendor.url()
            ),
            format!(
                "warning: {ADDRESS}: look 2 in a row failed, waiting on: the answer to `latest status` is not what the API promises: it is HTML, not JSON"
            ),
            format!(
                "warning: {ADDRESS}: look 3 in a row failed, waiting on: HTTP 429: 429 Too Many Requests: GET {}/scans/219/latest-status",
                vendor.url()
            ),
        ]
    );
    output.expect_code(0);
}

#[test]
fn broken_connections_are_survived() {
    let (env, vendor) = home();
    let replies = [Reply::close(), Reply::reset(), Reply::garbage("x"), latest("running").half(), latest("completed")];
    vendor.expect(get_latest().replies(replies).repeatedly());
    vendor.expect(get_run().reply(run("completed")));
    env.run(&["wait", ADDRESS, "-q"]).expect_code(0);
}

#[test]
fn failures_without_end_are_an_end() {
    let (env, vendor) = home();
    vendor.expect(launch().any_number()).expect(get_latest().reply(refusal(500, "oops")).repeatedly());
    vendor.expect(get_run().reply(refusal(500, "oops")).any_number());
    env.run(&["wait", ADDRESS, "-q"]).expect_code(9);
    // After the launch nothing may look as if it could be repeated.
    let output = env.run(&["launch", "io/219", "--wait", "-f", "json"]).expect_code(12);
    assert_eq!(output.json()["items"][0]["error"]["retryable"], false);
    assert_eq!(output.json()["items"][0]["address"], ADDRESS);
}

#[test]
fn refused_keys_end_a_wait_with_4_and_one_after_a_launch_with_12() {
    let denied = || refusal(401, "Invalid credentials.");
    let (env, vendor) = home();
    vendor.expect(get_latest().replies([latest("running"), denied()]).repeatedly());
    let output = env.run(&["wait", ADDRESS]);
    assert_output!(env, output, @r"
    exit code: 4
    ----- stdout -----
    ADDRESS                                      VERB  OUTCOME  STATE    MESSAGE
    io/219@647ca798-de12-48e2-bf32-5c7332431050  wait  failed   running  HTTP 401: Invalid credentials.
    ----- stderr -----
    io/219@647ca798-de12-48e2-bf32-5c7332431050  running
    error: io/219@647ca798-de12-48e2-bf32-5c7332431050: HTTP 401: Invalid credentials.
      caused by: GET http://127.0.0.1:[PORT]/scans/219/latest-status
      request id: d7b1c0f4a5e94a0e8f0c6f1d2b3a4958

    hint: the keys are not recognised: check them, and that they belong to this `base_url`
    ");

    let (env, vendor) = home();
    vendor.expect(launch()).expect(get_latest().replies([latest("running"), denied()]).repeatedly());
    let output = env.run(&["launch", "io/219", "--wait"]);
    assert_output!(env, output, @r"
    exit code: 12
    ----- stdout -----
    ADDRESS                                      VERB    OUTCOME  STATE    MESSAGE
    io/219@647ca798-de12-48e2-bf32-5c7332431050  launch  failed   running  the waiting ended: HTTP 401: Invalid credentials.
    ----- stderr -----
    launched io/219@647ca798-de12-48e2-bf32-5c7332431050: run 647ca798-de12-48e2-bf32-5c7332431050 (scan 219)
    io/219@647ca798-de12-48e2-bf32-5c7332431050  running
    error: io/219@647ca798-de12-48e2-bf32-5c7332431050: the waiting ended: HTTP 401: Invalid credentials.
      caused by: GET http://127.0.0.1:[PORT]/scans/219/latest-status
      request id: d7b1c0f4a5e94a0e8f0c6f1d2b3a4958

    hint: the scan goes on; follow it with `scanctl wait io/219@647ca798-de12-48e2-bf32-5c7332431050`
    ");
}

#[test]
fn a_word_that_nobody_knows_is_warned_about_once_and_is_no_end() {
    let (env, vendor) = home();
    let odd = ["requeued", "requeued", "crashed", "requeued", "completed"];
    vendor.expect(get_latest().replies(words(&odd)).repeatedly());
    vendor.expect(get_run().replies([run("requeued"), run("completed")]).repeatedly());
    let output = env.run(&["wait", ADDRESS]);
    assert_output!(env, output, @r#"
    exit code: 0
    ----- stdout -----
    ADDRESS                                      VERB  OUTCOME    STATE
    io/219@647ca798-de12-48e2-bf32-5c7332431050  wait  confirmed  completed
    ----- stderr -----
    warning: io/219@647ca798-de12-48e2-bf32-5c7332431050: the vendor says "requeued", which is not a known state; it is taken as active
    io/219@647ca798-de12-48e2-bf32-5c7332431050  unknown (requeued)
    warning: io/219@647ca798-de12-48e2-bf32-5c7332431050: the vendor says "crashed", which is not a known state; it is taken as active
    io/219@647ca798-de12-48e2-bf32-5c7332431050  unknown (crashed)
    io/219@647ca798-de12-48e2-bf32-5c7332431050  unknown (requeued)
    io/219@647ca798-de12-48e2-bf32-5c7332431050  completed
    "#);
}

#[test]
fn paused_is_said_each_time_and_waited_through() {
    let (env, vendor) = home();
    vendor.expect(
        get_latest().replies(words(&["running", "paused", "paused", "paused", "resuming", "completed"])).repeatedly(),
    );
    vendor.expect(get_run().replies([run("paused"), run("completed")]).repeatedly());
    let output = env.run(&["wait", ADDRESS, "--interval", "1m"]).expect_code(0);
    let told: Vec<&str> = output.stderr.lines().filter(|line| line.contains("paused")).collect();
    assert_eq!(told.len(), 4, "{output}");
    let mut different = told.clone();
    different.dedup();
    assert_eq!(told, different, "each says how long it has been");
    assert!(told.iter().all(|line| line.starts_with(&format!("{ADDRESS}  paused, still waiting after "))), "{output}");
}

#[test]
fn a_paused_run_is_12_at_the_deadline() {
    let (env, vendor) = home();
    vendor.expect(get_latest().reply(latest("paused")).repeatedly());
    vendor.expect(get_run().reply(run("paused")).any_number());
    let output = env.run(&["wait", ADDRESS, "--timeout", "2h30m", "--progress", "none"]);
    assert_output!(env, output, @r"
    exit code: 12
    ----- stdout -----
    ADDRESS                                      VERB  OUTCOME  STATE   MESSAGE
    io/219@647ca798-de12-48e2-bf32-5c7332431050  wait  failed   paused  waited 2h30m, and the run is still paused
    ----- stderr -----
    error: io/219@647ca798-de12-48e2-bf32-5c7332431050: waited 2h30m, and the run is still paused

    hint: the scan goes on; follow it with `scanctl wait io/219@647ca798-de12-48e2-bf32-5c7332431050`
    ");
}

#[test]
fn the_deadline_of_a_launch_names_the_run_and_how_to_go_on() {
    let (env, vendor) = home();
    vendor.expect(launch()).expect(get_latest().reply(latest("running")).repeatedly());
    vendor.expect(get_run().reply(run("running")).any_number());
    let output = env.run(&["launch", "io/219", "--wait", "--timeout", "1h", "-f", "json"]);
    assert_output!(env, output, @r#"
    exit code: 12
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
          "outcome": "failed",
          "state": "running",
          "native_state": "running",
          "ended_at": null,
          "message": null,
          "request": null,
          "request_id": "d7b1c0f4a5e94a0e8f0c6f1d2b3a4958",
          "error": {
            "kind": "wait_ended",
            "message": "waited 1h, and the run is still running",
            "hint": "the scan goes on; follow it with `scanctl wait io/219@647ca798-de12-48e2-bf32-5c7332431050`",
            "profile": "io",
            "backend": "tenable-io",
            "verb": "launch",
            "address": "io/219@647ca798-de12-48e2-bf32-5c7332431050",
            "http_status": null,
            "vendor_code": null,
            "request_id": null,
            "retryable": false
          }
        }
      ]
    }
    ----- stderr -----
    launched io/219@647ca798-de12-48e2-bf32-5c7332431050: run 647ca798-de12-48e2-bf32-5c7332431050 (scan 219)
    io/219@647ca798-de12-48e2-bf32-5c7332431050  running
    {"error":{"kind":"wait_ended","message":"waited 1h, and the run is still running","hint":"the scan goes on; follow it with `scanctl wait io/219@647ca798-de12-48e2-bf32-5c7332431050`","profile":"io","backend":"tenable-io","verb":"launch","address":"io/219@647ca798-de12-48e2-bf32-5c7332431050","http_status":null,"vendor_code":null,"request_id":null,"retryable":false}}
    "#);
    assert_eq!(vendor.writes(), 1);
}

#[test]
fn the_deadline_is_kept_although_the_server_says_nothing() {
    let (env, vendor) = home();
    vendor.expect(get_latest().replies([latest("running"), Reply::stall()]).repeatedly());
    let started = Instant::now();
    let output = env.run(&["wait", ADDRESS, "--timeout", "1500ms", "--interval", "1ms", "-q"]).expect_code(12);
    assert!(output.stderr.contains("waited 1s, and the run is still running"), "{output}");
    let elapsed = started.elapsed();
    assert!(elapsed >= Duration::from_millis(1490) && elapsed < Duration::from_secs(10), "{elapsed:?}");
}

#[test]
fn a_run_that_does_not_move_is_given_up_on() {
    let (env, vendor) = home();
    vendor.expect(get_latest().reply(latest("running")).repeatedly());
    vendor.expect(get_run().reply(run("running")).any_number());
    let output = env.run(&["wait", ADDRESS, "--stall-timeout", "20m", "--progress", "none"]);
    assert_output!(env, output, @r"
    exit code: 12
    ----- stdout -----
    ADDRESS                                      VERB  OUTCOME  STATE    MESSAGE
    io/219@647ca798-de12-48e2-bf32-5c7332431050  wait  failed   running  nothing moved for 20m
    ----- stderr -----
    error: io/219@647ca798-de12-48e2-bf32-5c7332431050: nothing moved for 20m

    hint: the scan goes on; follow it with `scanctl wait io/219@647ca798-de12-48e2-bf32-5c7332431050`
    ");
}

#[test]
fn a_paused_run_stands_still_and_is_no_stalled_one() {
    let (env, vendor) = home();
    vendor.expect(get_latest().reply(latest("paused")).repeatedly());
    vendor.expect(get_run().reply(run("paused")).any_number());
    let flags = ["--stall-timeout", "5m", "--timeout", "1h", "-q"];
    let output = env.run(&[&["wait", ADDRESS], &flags[..]].concat()).expect_code(12);
    assert!(output.stderr.contains("waited 1h, and the run is still paused"), "{output}");
}

#[test]
fn what_the_deadline_asks_for_is_sent_once_and_named() {
    for (flag, reply, said, hint) in [
        (
            "stop",
            dressed(Reply::empty(200)),
            "stop was accepted",
            format!("`scanctl wait {ADDRESS}` follows it to its end"),
        ),
        (
            "pause",
            dressed(Reply::empty(200)),
            "pause was accepted",
            format!("`scanctl resume {ADDRESS}` lets it go on, and `scanctl wait {ADDRESS}` follows it"),
        ),
        (
            "stop",
            dressed(Reply::empty(409)),
            "stop was refused",
            format!("the scan goes on; follow it with `scanctl wait {ADDRESS}`"),
        ),
        (
            "stop",
            Reply::close(),
            "stop was sent, and its answer was lost",
            format!("look with `scanctl status {ADDRESS}`"),
        ),
    ] {
        let said = format!("waited 1h, and the run is still running; {said}");
        let (env, vendor) = home();
        vendor.expect(get_latest().reply(latest("running")).repeatedly());
        vendor.expect(get_run().reply(run("running")).repeatedly());
        vendor.expect(post(&format!("/scans/219/{flag}")).json(json!({})).reply(reply).in_any_order());
        let output = env.run(&["wait", ADDRESS, "--timeout", "1h", "--on-timeout", flag, "-f", "json"]).expect_code(12);
        let error = &output.json()["items"][0]["error"];
        assert!(error["message"].as_str().unwrap().starts_with(&said), "{error}");
        assert_eq!(error["hint"], hint);
        assert_eq!(vendor.writes(), 1);
    }
}

#[test]
fn what_the_deadline_asks_for_does_not_hit_another_run() {
    let (env, vendor) = home();
    vendor.expect(get_latest().reply(latest("running")).repeatedly());
    vendor.expect(get_run().replies([run("running"), run("completed")]).repeatedly());
    // The run ends just before the deadline, while the scan's next one is under way.
    let flags = ["--timeout", "50s", "--interval", "10s", "--on-timeout", "stop", "-q"];
    let output = env.run(&[&["wait", ADDRESS], &flags[..]].concat()).expect_code(12);
    assert!(output.stderr.contains("stop did not work"), "{output}");
    assert!(
        output.stderr.contains(&format!("run {RUN} is completed; it is not the active run of scan 219")),
        "{output}"
    );
    assert_eq!(vendor.writes(), 0);
}

#[test]
fn a_stall_may_stop_the_run_too() {
    let (env, vendor) = home();
    vendor.expect(launch()).expect(get_latest().reply(latest("running")).repeatedly());
    vendor.expect(get_run().reply(run("running")).repeatedly());
    vendor.expect(post("/scans/219/stop").json(json!({})).in_any_order());
    let output = env.run(&["launch", "io/219", "--wait", "--stall-timeout", "20m", "--on-timeout", "stop", "-q"]);
    let output = output.expect_code(12);
    assert!(output.stderr.contains("nothing moved for 20m; stop was accepted"), "{output}");
}

#[test]
fn flags_of_patience_are_checked_before_anything_is_sent() {
    let (env, vendor) = home();
    let output = env.run(&["launch", "io/219", "--on-timeout", "stop"]);
    assert_output!(env, output, @r"
    exit code: 2
    ----- stderr -----
    error: `--on-timeout` needs `--wait`
    ");
    for flags in [["--timeout", "soon"], ["--interval", "-1s"], ["--on-timeout", "kill"], ["--stall-timeout", ""]] {
        env.run(&[&["launch", "io/219", "--wait"], &flags[..]].concat()).expect_code(2);
    }
    env.profile("jsa", "juniper", &vendor.url(), "");
    env.run(&["launch", "jsa/5", "--wait", "--on-timeout", "pause"]).expect_code(7);
    env.run(&["wait", "jsa/5", "--on-timeout", "stop"]).expect_code(7);
    assert_eq!(vendor.connections(), 0);
}

#[test]
fn an_interval_below_the_backends_own_is_raised_except_on_this_machine() {
    let authority = Authority::new("test authority");
    let vendor = Vendor::start_tls(authority.issue(&["scanner.example"]).serving());
    let env = Env::new();
    env.file("ca.pem", authority.pem(), 0o644);
    env.profile(
        "io",
        "tenable-io",
        &format!("https://scanner.example:{}", vendor.port()),
        &format!("connect_to = \"127.0.0.1\"\nca_file = \"{}\"\nca_only = true", env.path("ca.pem").display()),
    );
    vendor.expect(get_latest().replies(words(&["running", "running", "completed"])).repeatedly());
    vendor.expect(get_run().reply(run("completed")));
    let output = env.run(&["wait", ADDRESS, "--interval", "1s", "--progress", "none"]);
    drop(vendor);
    assert_output!(env, output, @r"
    exit code: 0
    ----- stdout -----
    ADDRESS                                      VERB  OUTCOME    STATE
    io/219@647ca798-de12-48e2-bf32-5c7332431050  wait  confirmed  completed
    ----- stderr -----
    warning: --interval is raised to 10 s: profile `io` is not asked more often
    ");

    let (env, vendor) = home();
    vendor.expect(get_latest().reply(latest("completed"))).expect(get_run().reply(run("completed")));
    let output = env.run(&["wait", ADDRESS, "--interval", "1s", "--progress", "none"]).expect_code(0);
    assert_eq!(output.stderr, "");
}

#[test]
fn several_waits_go_side_by_side() {
    let (env, vendor) = home();
    let other = Vendor::start();
    env.profile("io-eu", "tenable-io", &other.url(), "");
    let gate = other.gate();
    vendor.expect(get_latest().replies(words(&["running", "canceled"])).repeatedly());
    vendor.expect(get_run().reply(run("canceled")));
    let status = get("/scans/7/latest-status").replies(words(&["running", "completed"])).repeatedly();
    other.expect(status);
    let ended = answer(200, &json!({ "status": "completed", "scan_end": NOW }));
    other.expect(get(&format!("/scans/7/history/{OTHER}")).reply_with(move |_| {
        assert!(gate.until_seen(3));
        ended.clone()
    }));
    let eu = format!("io-eu/7@{OTHER}");
    let output = env.run(&["wait", ADDRESS, &eu, "-f", "json"]).expect_code(13);
    let items = output.json()["items"].clone();
    assert_eq!((&items[0]["address"], &items[0]["error"]["kind"]), (&ADDRESS.into(), &"ended_badly".into()));
    assert_eq!((&items[1]["address"], &items[1]["outcome"]), (&eu.into(), &"confirmed".into()));
}

#[test]
fn many_waits_on_one_profile_share_its_one_request_at_a_time() {
    let (env, vendor) = home();
    for scan in 1..=4 {
        vendor.expect(get(&format!("/scans/{scan}")).reply(details_of_run("completed")));
    }
    env.run(&["wait", "io/1", "io/2", "io/3", "io/4", "-q"]).expect_code(0);
    assert_eq!(vendor.most_in_flight(), 1);
}

#[test]
fn status_is_0_for_any_state_that_can_be_read() {
    for word in ["empty", "imported", "pending", "paused", "canceled", "aborted", "no such word"] {
        let (env, vendor) = home();
        vendor.expect(get_run().reply(run(word)));
        let output = env.run(&["status", ADDRESS, "-f", "json"]).expect_code(0);
        assert_eq!(output.json()["items"][0]["native_state"], word);
    }
}
