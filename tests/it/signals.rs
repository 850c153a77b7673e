//! Ctrl-C and SIGTERM: the program ends in order, says how to go on, and never touches the remote scan.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::common::env::Running;
use crate::common::tenable_vm::{
    ADDRESS, NOW, OLD, OTHER, RUN, details, details_of_run, dressed, get_details, get_latest, get_run, held, home,
    latest, launch, launched, refusal, run, too_many,
};
use crate::common::{Env, Reply, Vendor, delete, get, post};

/// What the program says when a signal finds a changing request under way.
const UNDER_WAY: &str = "interrupted; waiting up to 5 s for the answer to what was sent";

/// Sends a signal to the program.
type Signal = fn(&Running);

/// Each signal with the code that the shell sees.
const SIGNALS: [(Signal, i32); 2] = [(Running::interrupt, 130), (Running::terminate, 143)];

/// The run goes on without end.
fn runs_forever(vendor: &Vendor) {
    vendor.expect(get_latest().reply(latest("running")).any_number());
    vendor.expect(get_run().reply(run("running")).any_number());
}

/// Blocks until the wait has looked a few times.
fn until_it_waits(vendor: &Vendor) {
    vendor.wait_until(|seen| seen.iter().filter(|request| request.method == "GET").count() > 3);
}

#[test]
fn a_wait_ends_with_how_to_go_on_and_its_outcome() {
    let (env, vendor) = home();
    runs_forever(&vendor);
    let running = env.spawn(&["wait", ADDRESS, "--on-timeout", "stop"]);
    until_it_waits(&vendor);
    running.interrupt();
    let output = running.wait();
    assert_output!(env, output, @r"
    exit code: 130
    ----- stdout -----
    ADDRESS                                      VERB  OUTCOME  STATE    MESSAGE
    io/219@647ca798-de12-48e2-bf32-5c7332431050  wait  failed   running  interrupted; the scan goes on
    ----- stderr -----
    io/219@647ca798-de12-48e2-bf32-5c7332431050  running
    error: io/219@647ca798-de12-48e2-bf32-5c7332431050: interrupted; the scan goes on

    hint: follow it with `scanctl wait io/219@647ca798-de12-48e2-bf32-5c7332431050`
    ");
    assert_eq!(vendor.writes(), 0);
}

#[test]
fn a_launch_that_waits_has_started_its_run_and_leaves_it_alone() {
    for (signal, code) in SIGNALS {
        let (env, vendor) = home();
        vendor.expect(launch());
        runs_forever(&vendor);
        let running = env.spawn(&["launch", "io/219", "--wait", "--on-timeout", "stop", "-f", "json"]);
        until_it_waits(&vendor);
        signal(&running);
        let output = running.wait().expect_code(code);
        let outcome = &output.json()["items"][0];
        assert_eq!((&outcome["outcome"], &outcome["address"]), (&"accepted".into(), &ADDRESS.into()), "{output}");
        assert_eq!(
            (&outcome["state"], &outcome["message"]),
            (&"running".into(), &"interrupted; the scan goes on".into())
        );
        let hint = format!("hint: the scan goes on; follow it with `scanctl wait {ADDRESS}`\n");
        assert!(output.stderr.ends_with(&hint), "{output}");
        assert_eq!(vendor.writes(), 1);
    }
}

#[test]
fn every_wait_of_a_call_says_how_to_go_on() {
    let (env, vendor) = home();
    let other = Vendor::start();
    env.profile("io-eu", "tenable-io", &other.url(), "");
    runs_forever(&vendor);
    other.expect(get("/scans/7/latest-status").reply(latest("running")).any_number());
    other.expect(get(&format!("/scans/7/history/{OTHER}")).reply(run("running")).any_number());
    let eu = format!("io-eu/7@{OTHER}");
    let running = env.spawn(&["wait", ADDRESS, &eu, "-f", "ndjson"]);
    until_it_waits(&vendor);
    until_it_waits(&other);
    running.terminate();
    let output = running.wait().expect_code(143);
    assert_eq!(output.stdout.lines().count(), 2, "{output}");
    let errors = output.stderr.lines().rev().take(2).map(|line| serde_json::from_str(line).unwrap());
    let errors: Vec<serde_json::Value> = errors.collect();
    for address in [ADDRESS, &eu] {
        let error = errors.iter().map(|line| &line["error"]).find(|error| error["address"] == address).unwrap();
        assert_eq!((&error["kind"], &error["verb"]), (&"terminated".into(), &"wait".into()), "{output}");
        assert_eq!(error["hint"], format!("follow it with `scanctl wait {address}`"), "{output}");
    }
}

#[test]
fn quiet_has_printed_the_address_by_then() {
    let (env, vendor) = home();
    vendor.expect(launch());
    runs_forever(&vendor);
    let running = env.spawn(&["launch", "io/219", "--wait", "-q"]);
    until_it_waits(&vendor);
    running.interrupt();
    assert_eq!(running.wait().expect_code(130).stdout, format!("{ADDRESS}\n"));
}

#[test]
fn the_answer_to_a_launch_that_is_under_way_is_waited_for() {
    for (signal, code) in SIGNALS {
        let (env, vendor) = home();
        let (release, reply) = held(launched(RUN));
        vendor.expect(launch().reply_with(reply));
        let running = env.spawn(&["launch", "io/219", "--wait", "-f", "json"]);
        vendor.wait_for("POST", "/scans/219/launch");
        signal(&running);
        running.until_stderr(UNDER_WAY);
        drop(release);
        let output = running.wait().expect_code(code);
        let outcome = &output.json()["items"][0];
        assert_eq!((&outcome["outcome"], &outcome["address"]), (&"accepted".into(), &ADDRESS.into()), "{output}");
        assert!(output.stderr.contains(&format!("launched {ADDRESS}")), "{output}");
        assert!(output.stderr.contains(&format!("follow it with `scanctl wait {ADDRESS}`")), "{output}");
        // It is not waited for any more.
        assert_eq!(vendor.requests().len(), 1);
    }
}

#[test]
fn the_answer_to_a_control_that_is_under_way_is_waited_for() {
    for (reply, kind) in [(dressed(Reply::empty(200)), "accepted"), (refusal(403, "Insufficient scope"), "failed")] {
        let (env, vendor) = home();
        let (release, reply) = held(reply);
        vendor.expect(post("/scans/219/stop").json(json!({})).reply_with(reply));
        vendor.expect(get_details().reply(details_of_run("running")).any_number());
        let running = env.spawn(&["stop", "io/219", "--wait", "-f", "json"]);
        vendor.wait_for("POST", "/scans/219/stop");
        running.interrupt();
        running.until_stderr(UNDER_WAY);
        drop(release);
        let output = running.wait().expect_code(130);
        assert_eq!(output.json()["items"][0]["outcome"], kind, "{output}");
    }
}

#[test]
fn an_answer_that_does_not_come_in_time_is_unknown() {
    // Both at once, since five seconds are really waited.
    let (env, vendor) = home();
    vendor.expect(launch().reply(Reply::stall()));
    let launching = env.spawn(&["launch", "io/219"]);
    let (other_env, other) = home();
    other.expect(post("/scans/219/pause").json(json!({})).reply(Reply::stall()));
    let pausing = other_env.spawn(&["pause", "io/219", "-f", "json"]);
    vendor.wait_for("POST", "/scans/219/launch");
    other.wait_for("POST", "/scans/219/pause");
    let started = Instant::now();
    launching.interrupt();
    pausing.terminate();
    let output = launching.wait();
    assert_output!(env, output, @r"
    exit code: 15
    ----- stdout -----
    ADDRESS  VERB    OUTCOME  MESSAGE
    io/219   launch  failed   interrupted while a changing request was under way, and its answer did not come
    ----- stderr -----
    interrupted; waiting up to 5 s for the answer to what was sent
    error: io/219: interrupted while a changing request was under way, and its answer did not come

    hint: look with `scanctl status` or `scanctl list` before doing it again
    ");
    let output = pausing.wait().expect_code(15);
    assert_eq!(output.json()["items"][0]["error"]["kind"], "unknown_outcome");
    assert!(started.elapsed() >= Duration::from_secs(5), "{:?}", started.elapsed());
    assert_eq!((vendor.requests().len(), other.requests().len()), (1, 1));
}

#[test]
fn a_second_signal_ends_at_once() {
    let (env, vendor) = home();
    vendor.expect(launch().reply(Reply::stall()));
    let running = env.spawn(&["launch", "io/219"]);
    vendor.wait_for("POST", "/scans/219/launch");
    running.interrupt();
    running.until_stderr(UNDER_WAY);
    let started = Instant::now();
    running.terminate();
    let output = running.wait().expect_code(143);
    assert!(started.elapsed() < Duration::from_secs(4), "{:?}", started.elapsed());
    assert_eq!(output.stdout, "");
}

#[test]
fn before_anything_is_sent_nothing_is_sent() {
    for (signal, code) in SIGNALS {
        let (env, vendor) = home();
        vendor.expect(get("/scans").reply(Reply::stall()));
        let running = env.spawn(&["launch", "io/name:Weekly DMZ", "-f", "json"]);
        vendor.wait_for("GET", "/scans");
        let started = Instant::now();
        signal(&running);
        let output = running.wait().expect_code(code);
        assert!(started.elapsed() < Duration::from_secs(4), "{:?}", started.elapsed());
        let outcome = &output.json()["items"][0];
        assert_eq!(
            (&outcome["outcome"], &outcome["error"]["message"]),
            (&"failed".into(), &"interrupted; nothing was sent".into())
        );
        assert_eq!(vendor.writes(), 0);
    }
}

#[test]
fn a_launch_that_waits_for_its_turn_is_not_sent_after_a_signal() {
    let (env, vendor) = home();
    let (release, reply) = held(launched(RUN));
    vendor.expect(launch().reply_with(reply));
    let running = env.spawn(&["launch", "io/219", "io/220", "-f", "json"]);
    vendor.wait_for("POST", "/scans/219/launch");
    running.interrupt();
    running.until_stderr(UNDER_WAY);
    drop(release);
    let output = running.wait().expect_code(130);
    let items = output.json()["items"].clone();
    assert_eq!((&items[0]["outcome"], &items[0]["address"]), (&"accepted".into(), &ADDRESS.into()), "{output}");
    assert_eq!(items[1]["error"]["message"], "interrupted; nothing was sent", "{output}");
    assert_eq!(vendor.writes(), 1);
}

#[test]
fn what_has_sent_nothing_is_not_unknown_because_another_request_is_under_way() {
    let (env, vendor) = home();
    let other = Vendor::start();
    env.profile("io-eu", "tenable-io", &other.url(), "");
    let (release, reply) = held(launched(RUN));
    vendor.expect(launch().reply_with(reply));
    other.expect(get("/scans").reply(Reply::stall()));
    let running = env.spawn(&["launch", "io/219", "io-eu/name:Weekly DMZ", "-f", "json"]);
    vendor.wait_for("POST", "/scans/219/launch");
    other.wait_for("GET", "/scans");
    let started = Instant::now();
    running.interrupt();
    running.until_stderr(UNDER_WAY);
    drop(release);
    let output = running.wait().expect_code(130);
    assert!(started.elapsed() < Duration::from_secs(4), "{:?}", started.elapsed());
    let items = output.json()["items"].clone();
    assert_eq!(items[0]["outcome"], "accepted", "{output}");
    assert_eq!(items[1]["error"]["message"], "interrupted; nothing was sent", "{output}");
}

#[test]
fn a_request_that_waits_out_a_rate_limit_is_not_sent_again() {
    let (mut env, vendor) = home();
    env.unset("__SCANCTL_TEST_NO_DELAY");
    vendor.expect(launch().reply(too_many("60")));
    let running = env.spawn(&["launch", "io/219"]);
    running.until_stderr("rate limited, waiting 60.0 s");
    running.interrupt();
    let output = running.wait().expect_code(130);
    assert!(output.stderr.contains("error: io/219: interrupted; nothing was sent"), "{output}");
    assert_eq!(vendor.writes(), 1);
}

#[test]
fn reading_back_ends_and_leaves_the_launch_unknown() {
    let (env, vendor) = home();
    vendor.expect(launch().reply(Reply::close()));
    vendor.expect(get_details().replies([details(&[(OLD, "completed", NOW - 60)]), Reply::stall()]).repeatedly());
    let running = env.spawn(&["launch", "io/219", "-q"]);
    vendor.wait_until(|seen| seen.len() >= 3);
    let started = Instant::now();
    running.interrupt();
    running.wait().expect_code(15);
    assert!(started.elapsed() < Duration::from_secs(4), "{:?}", started.elapsed());
}

/// What is said to have been read back was looked at, and what was not is not said to be.
#[test]
fn an_answer_that_is_lost_after_a_signal_is_looked_for_once() {
    let after_a_signal = |readings: Reply| {
        let (env, vendor) = home();
        let (release, reply) = held(Reply::close());
        vendor.expect(launch().reply_with(reply));
        vendor.expect(get_details().reply(readings));
        let running = env.spawn(&["launch", "io/219", "-f", "json"]);
        vendor.wait_for("POST", "/scans/219/launch");
        running.interrupt();
        running.until_stderr(UNDER_WAY);
        drop(release);
        (env, vendor, running)
    };
    let old = (OLD, "completed", NOW - 60);
    let (_shown_env, shown, found) = after_a_signal(details(&[(RUN, "pending", NOW), old]));
    let (_empty_env, empty, not_found) = after_a_signal(details(&[old]));
    let (_stalled_env, stalled, unread) = after_a_signal(Reply::stall());
    let started = Instant::now();
    let output = found.wait().expect_code(130);
    let outcome = &output.json()["items"][0];
    assert_eq!((&outcome["outcome"], &outcome["address"]), (&"accepted".into(), &ADDRESS.into()), "{output}");
    for (running, said) in [(not_found, "reading back found nothing"), (unread, "it could not be read back")] {
        let output = running.wait().expect_code(15);
        let message = output.json()["items"][0]["error"]["message"].as_str().unwrap().to_owned();
        assert!(message.starts_with(&format!("the launch was sent, its answer was lost, and {said}: ")), "{message}");
    }
    assert!(started.elapsed() < Duration::from_secs(6), "{:?}", started.elapsed());
    for vendor in [shown, empty, stalled] {
        assert_eq!(vendor.lines(), ["POST /scans/219/launch", "GET /scans/219"]);
    }
}

#[test]
fn the_readings_that_explain_a_refusal_end() {
    for (arguments, path) in [(["launch", "io/219"], "/scans/219/launch"), (["pause", "io/219"], "/scans/219/pause")] {
        let (env, vendor) = home();
        vendor
            .expect(post(path).json(json!({})).reply(refusal(409, "Conflict.")))
            .expect(get_details().reply(Reply::stall()));
        let running = env.spawn(&arguments);
        vendor.wait_for("GET", "/scans/219");
        let started = Instant::now();
        running.interrupt();
        let output = running.wait().expect_code(130);
        assert!(started.elapsed() < Duration::from_secs(4), "{:?}", started.elapsed());
        assert!(output.stderr.contains("error: io/219: HTTP 409: Conflict."), "{output}");
    }
}

#[test]
fn what_the_deadline_sent_is_under_way_like_any_other_request() {
    let (env, vendor) = home();
    let (release, reply) = held(dressed(Reply::empty(200)));
    runs_forever(&vendor);
    vendor.expect(post("/scans/219/stop").json(json!({})).reply_with(reply));
    let running = env.spawn(&["wait", ADDRESS, "--timeout", "1m", "--on-timeout", "stop", "-f", "json"]);
    vendor.wait_for("POST", "/scans/219/stop");
    running.interrupt();
    running.until_stderr(UNDER_WAY);
    drop(release);
    let output = running.wait().expect_code(130);
    let message = output.json()["items"][0]["error"]["message"].as_str().unwrap().to_owned();
    assert!(message.ends_with("stop was accepted"), "{message}");
}

#[test]
fn readings_end_too() {
    for arguments in [&["status", "io/219"][..], &["scans", "show", "io/219"], &["runs", "list", "io/219"], &["list"]] {
        let (env, vendor) = home();
        vendor.expect(get_details().reply(Reply::stall()).any_number());
        vendor.expect(get("/scans").reply(Reply::stall()).any_number());
        vendor.expect(get("/scans/219/history").any_query().reply(Reply::stall()).any_number());
        let running = env.spawn(arguments);
        vendor.wait_until(|seen| !seen.is_empty());
        running.interrupt();
        running.wait().expect_code(130);
    }
}

#[test]
fn a_session_is_closed_after_a_signal() {
    const PASSWORD: &str = "canary-password-0123";
    let ok = |response: serde_json::Value| {
        Reply::json(
            200,
            &json!({ "type": "regular", "response": response, "error_code": 0, "error_msg": "", "warnings": [], "timestamp": NOW }),
        )
    };
    for (signal, code) in SIGNALS {
        let (env, vendor) = (Env::new(), Vendor::start());
        env.add_config(&format!(
            "[profiles.sc]\nbackend = \"tenable-sc\"\nbase_url = \"{}\"\nusername = \"user\"\npassword = \"{PASSWORD}\"",
            vendor.url()
        ));
        let granted = ok(json!({ "token": 1_837_402, "releaseSession": false }));
        vendor.expect(
            post("/rest/token").any_body().reply(granted.header("Set-Cookie", "TNS_SESSIONID=canary-session; path=/")),
        );
        vendor.expect(get("/rest/scanResult/8").any_query().repeatedly().reply(ok(json!({
            "id": "8", "name": "Weekly DMZ", "status": "Running", "importStatus": "No Results",
            "scan": { "id": "34", "name": "Weekly DMZ" }
        }))));
        vendor.expect(delete("/rest/token").has_header("x-securitycenter").in_any_order().reply(ok(json!(""))));
        let running = env.spawn(&["wait", "sc/@8"]);
        until_it_waits(&vendor);
        signal(&running);
        let output = running.wait().expect_code(code);
        assert!(output.stderr.contains("follow it with `scanctl wait sc/34@8`"), "{output}");
    }
}

#[test]
fn the_demo_ends_with_the_signal_and_not_as_a_demo_that_failed() {
    let env = Env::new();
    let running = env.spawn_group(&["demo"]);
    running.until_stderr("$ scanctl launch");
    running.interrupt_group();
    let output = running.wait().expect_code(130);
    assert!(!output.stderr.contains("the demo expected"), "{output}");
}
