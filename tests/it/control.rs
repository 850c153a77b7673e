//! `pause`, `resume`, `stop` and `force-stop` on Tenable VM: sent once, to the run that was named and no other.

use serde_json::json;

use crate::common::env::IO_KEYS;
use crate::common::tenable_vm::{
    ADDRESS, NOW, OLD, RUN, SCHEDULE, answer, details, details_of_run, dressed, get_details, get_latest, get_run, home,
    latest, refusal, run, too_many,
};
use crate::common::{Exchange, Reply, Vendor, get, post};

/// The request of a verb, answered as the vendor does: accepted, with nothing to say.
fn verb(verb: &str) -> Exchange {
    post(&format!("/scans/219/{verb}")).json(json!({})).reply(dressed(Reply::empty(200)))
}

/// The request of a verb, refused because of the run's state.
fn conflict(name: &str) -> Exchange {
    verb(name).reply(dressed(Reply::empty(409)))
}

/// The request of force-stop, which takes the schedule uuid.
fn force_stop() -> Exchange {
    post(&format!("/scans/{SCHEDULE}/force-stop")).json(json!({})).reply(dressed(Reply::empty(200)))
}

#[test]
fn each_verb_is_one_request() {
    for name in ["pause", "resume", "stop"] {
        let (env, vendor) = home();
        vendor.expect(verb(name).header("x-apikeys", IO_KEYS));
        let output = env.run(&[name, "io/219", "-f", "json"]).expect_code(0);
        let outcome = &output.json()["items"][0];
        assert_eq!((&outcome["verb"], &outcome["outcome"]), (&name.into(), &"accepted".into()));
        assert_eq!(
            (&outcome["address"], &outcome["request_id"]),
            (&"io/219".into(), &"d7b1c0f4a5e94a0e8f0c6f1d2b3a4958".into())
        );
        assert_eq!(vendor.requests().len(), 1);
    }
}

#[test]
fn what_was_meant_is_said_back() {
    let (env, vendor) = home();
    vendor.expect(get_run().reply(run("running"))).expect(verb("pause"));
    let output = env.run(&["pause", ADDRESS]);
    assert_output!(env, output, @r#"
    exit code: 0
    ----- stdout -----
    ADDRESS                                      VERB   OUTCOME   MESSAGE
    io/219@647ca798-de12-48e2-bf32-5c7332431050  pause  accepted  run 647ca798-de12-48e2-bf32-5c7332431050 "Weekly DMZ" (scan 219)
    ----- stderr -----
    pause accepted: io/219@647ca798-de12-48e2-bf32-5c7332431050: run 647ca798-de12-48e2-bf32-5c7332431050 "Weekly DMZ" (scan 219)
    "#);
}

#[test]
fn force_stop_takes_the_schedule_uuid_and_no_other_id() {
    let (env, vendor) = home();
    vendor.expect(get_details().reply(details_of_run("stopping"))).expect(force_stop());
    let output = env.run(&["force-stop", "io/219", "--yes"]);
    assert_output!(env, output, @r#"
    exit code: 0
    ----- stdout -----
    ADDRESS  VERB        OUTCOME   MESSAGE
    io/219   force-stop  accepted  scan 219 "Weekly DMZ"
    ----- stderr -----
    force-stop accepted: io/219: scan 219 "Weekly DMZ"
    "#);

    let (env, vendor) = home();
    vendor.expect(force_stop());
    env.run(&["force-stop", &format!("io/{SCHEDULE}"), "--yes", "-q"]).expect_code(0);
    assert_eq!(vendor.requests().len(), 1);

    let (env, vendor) = home();
    vendor.expect(get_details().reply(answer(200, &json!({ "info": { "status": "stopping" }, "history": [] }))));
    let output = env.run(&["force-stop", "io/219", "--yes", "-q"]).expect_code(16);
    assert!(output.stderr.contains("`info.schedule_uuid` is missing"), "{output}");
    assert_eq!(vendor.writes(), 0);
}

#[test]
fn quiet_prints_the_address_alone() {
    let (env, vendor) = home();
    vendor.expect(get_run().reply(run("running"))).expect(verb("stop"));
    let output = env.run(&["stop", ADDRESS, "-q"]).expect_code(0);
    assert_eq!((output.stdout, output.stderr), (format!("{ADDRESS}\n"), String::new()));
}

#[test]
fn a_state_that_does_not_allow_the_verb_is_6() {
    for (name, word) in [
        ("pause", "stopping"),
        ("pause", "completed"),
        ("pause", "pending"),
        ("resume", "completed"),
        ("resume", "stopping"),
        ("stop", "publishing"),
        ("stop", "empty"),
    ] {
        let (env, vendor) = home();
        vendor.expect(conflict(name)).expect(get_details().reply(details_of_run(word)));
        let output = env.run(&[name, "io/219", "-f", "json"]).expect_code(6);
        let outcome = &output.json()["items"][0];
        assert_eq!((&outcome["outcome"], &outcome["error"]["kind"]), (&"failed".into(), &"invalid_state".into()));
        let message = outcome["error"]["message"].as_str().unwrap();
        assert!(
            message.starts_with(&format!("cannot {name}: ")) && message.contains(&format!(" is {word}")),
            "{message}"
        );
        assert_eq!(vendor.writes(), 1);
    }
}

#[test]
fn a_refusal_is_explained_by_the_state() {
    let (env, vendor) = home();
    vendor
        .expect(verb("pause").reply(refusal(409, "Scan is not running.")))
        .expect(get_details().reply(details_of_run("stopping")));
    let output = env.run(&["pause", "io/219"]);
    assert_output!(env, output, @r#"
    exit code: 6
    ----- stdout -----
    ADDRESS                                      VERB   OUTCOME  STATE     MESSAGE
    io/219@647ca798-de12-48e2-bf32-5c7332431050  pause  failed   stopping  cannot pause: run 647ca798-de12-48e2-bf32-5c7332431050 "Weekly DMZ" (scan 219) is stopping
    ----- stderr -----
    error: io/219@647ca798-de12-48e2-bf32-5c7332431050: cannot pause: run 647ca798-de12-48e2-bf32-5c7332431050 "Weekly DMZ" (scan 219) is stopping
      caused by: HTTP 409: Scan is not running.
      caused by: POST http://127.0.0.1:[PORT]/scans/219/pause
      request id: d7b1c0f4a5e94a0e8f0c6f1d2b3a4958
    "#);
}

#[test]
fn a_paused_run_that_the_vendor_does_not_stop_is_not_resumed() {
    let (env, vendor) = home();
    vendor.expect(conflict("stop")).expect(get_details().reply(details_of_run("paused")));
    let output = env.run(&["stop", "io/219"]);
    assert_output!(env, output, @r#"
    exit code: 6
    ----- stdout -----
    ADDRESS                                      VERB  OUTCOME  STATE   MESSAGE
    io/219@647ca798-de12-48e2-bf32-5c7332431050  stop  failed   paused  cannot stop: run 647ca798-de12-48e2-bf32-5c7332431050 "Weekly DMZ" (scan 219) is paused
    ----- stderr -----
    error: io/219@647ca798-de12-48e2-bf32-5c7332431050: cannot stop: run 647ca798-de12-48e2-bf32-5c7332431050 "Weekly DMZ" (scan 219) is paused
      caused by: HTTP 409 Conflict
      caused by: POST http://127.0.0.1:[PORT]/scans/219/stop
      request id: d7b1c0f4a5e94a0e8f0c6f1d2b3a4958

    hint: this vendor does not stop a paused run; resume it yourself first if it may scan on, or let it lie
    "#);
    assert_eq!(vendor.writes(), 1);
}

#[test]
fn force_stop_of_a_run_that_does_not_hang_says_what_to_do() {
    let (env, vendor) = home();
    vendor.expect(get_details().reply(details_of_run("running")).repeatedly());
    vendor.expect(force_stop().reply(refusal(409, "Scan is not stopping or publishing.")));
    let output = env.run(&["force-stop", "io/219", "--yes"]);
    assert_output!(env, output, @r#"
    exit code: 6
    ----- stdout -----
    ADDRESS                                      VERB        OUTCOME  STATE    MESSAGE
    io/219@647ca798-de12-48e2-bf32-5c7332431050  force-stop  failed   running  cannot force-stop: run 647ca798-de12-48e2-bf32-5c7332431050 "Weekly DMZ" (scan 219) is running
    ----- stderr -----
    error: io/219@647ca798-de12-48e2-bf32-5c7332431050: cannot force-stop: run 647ca798-de12-48e2-bf32-5c7332431050 "Weekly DMZ" (scan 219) is running
      caused by: HTTP 409: Scan is not stopping or publishing.
      caused by: POST http://127.0.0.1:[PORT]/scans/template-4ab61abb-5c16-129a-1e2d-a708c0d5f3146f785617596060f7/force-stop
      request id: d7b1c0f4a5e94a0e8f0c6f1d2b3a4958

    hint: stop it first: `scanctl stop io/219@647ca798-de12-48e2-bf32-5c7332431050`
    "#);
}

#[test]
fn already_there_is_skipped() {
    for (name, word) in [("pause", "paused"), ("resume", "running"), ("stop", "canceled"), ("stop", "completed")] {
        let (env, vendor) = home();
        vendor.expect(conflict(name)).expect(get_details().reply(details_of_run(word)));
        // With nothing done there is nothing to wait for.
        let output = env.run(&[name, "io/219", "--wait", "-f", "json"]).expect_code(0);
        let outcome = &output.json()["items"][0];
        assert_eq!((&outcome["outcome"], &outcome["address"]), (&"skipped".into(), &ADDRESS.into()), "{output}");
        assert_eq!(outcome["message"], format!("run {RUN} \"Weekly DMZ\" (scan 219) is {word} already"));
    }
}

#[test]
fn a_refusal_that_the_state_does_not_explain_is_its_own_code() {
    for (reply, readings, code) in [
        (refusal(403, "Insufficient scope"), details_of_run("running"), 4),
        (refusal(401, "Invalid credentials."), refusal(401, "Invalid credentials."), 4),
        (refusal(404, "Scan not found"), refusal(404, "Scan not found"), 5),
        (answer(412, &json!({ "error": "API is not available" })), details_of_run("running"), 7),
        (refusal(400, "bad"), details_of_run("running"), 2),
        (dressed(Reply::empty(409)), details_of_run("running"), 6),
        (dressed(Reply::empty(409)), refusal(403, "Insufficient scope"), 6),
    ] {
        let (env, vendor) = home();
        vendor.expect(verb("pause").reply(reply)).expect(get_details().any_number().reply(readings));
        let output = env.run(&["pause", "io/219"]).expect_code(code);
        assert_eq!(vendor.writes(), 1, "{output}");
    }
}

#[test]
fn a_run_that_is_not_the_active_one_is_left_alone() {
    for name in ["pause", "resume", "stop", "force-stop"] {
        let (env, vendor) = home();
        vendor.expect(get_run().reply(run("completed")).repeatedly());
        let output = env.run(&[name, ADDRESS, "--yes", "-f", "json"]).expect_code(6);
        let error = &output.json()["items"][0]["error"];
        assert_eq!(error["kind"], "invalid_state", "{name} {output}");
        assert_eq!(vendor.writes(), 0, "{name}");
    }
    let (env, vendor) = home();
    vendor.expect(get_run().reply(run("canceled")).repeatedly());
    let output = env.run(&["stop", ADDRESS]);
    assert_output!(env, output, @r"
    exit code: 6
    ----- stdout -----
    ADDRESS                                      VERB  OUTCOME  MESSAGE
    io/219@647ca798-de12-48e2-bf32-5c7332431050  stop  failed   run 647ca798-de12-48e2-bf32-5c7332431050 is canceled; it is not the active run of scan 219
    ----- stderr -----
    error: io/219@647ca798-de12-48e2-bf32-5c7332431050: run 647ca798-de12-48e2-bf32-5c7332431050 is canceled; it is not the active run of scan 219
    ");
    let output = env.run(&["stop", ADDRESS, "-n", "-q"]).expect_code(6);
    assert_eq!((output.stdout.as_str(), vendor.writes()), ("", 0));
}

#[test]
fn latest_is_the_newest_run_and_the_one_before_is_not_active() {
    let (env, vendor) = home();
    vendor.expect(get_details().reply(details_of_run("running")).any_number());
    vendor.expect(get_run().reply(run("running"))).expect(verb("pause"));
    let output = env.run(&["pause", "io/219@latest", "-q"]).expect_code(0);
    assert_eq!(output.stdout, format!("{ADDRESS}\n"));

    let (env, vendor) = home();
    let page = json!({ "pagination": { "total": 2 }, "history": [{ "scan_uuid": OLD, "status": "completed" }] });
    let history = get("/scans/219/history").any_query().reply(answer(200, &page));
    let before = answer(200, &json!({ "status": "completed", "scan_start": NOW - 86_400 }));
    vendor.expect(history).expect(get(&format!("/scans/219/history/{OLD}")).reply(before).repeatedly());
    env.run(&["pause", "io/219@latest~1", "-q"]).expect_code(6);
    assert_eq!(vendor.writes(), 0);
}

#[test]
fn a_run_that_is_unknown_is_not_found_and_nothing_is_sent() {
    let (env, vendor) = home();
    vendor.expect(get_run().reply(refusal(404, "Scan not found")).repeatedly());
    vendor.expect(get_details().reply(details(&[(OLD, "running", NOW)])).repeatedly());
    env.run(&["stop", ADDRESS]).expect_code(5);
    assert_eq!(vendor.writes(), 0);
}

#[test]
fn force_stop_needs_a_confirmation_before_anything_is_sent() {
    let (env, vendor) = home();
    let output = env.run(&["force-stop", "io/219", "io/220"]);
    assert_output!(env, output, @r"
    exit code: 2
    ----- stderr -----
    error: force-stop of 2 runs (unfinished work is dropped) needs a confirmation, and there is no terminal to ask on

    hint: say it with --yes
    ");
    let output = env.run(&["stop", "io/219", "--escalate-after", "10m"]);
    assert_output!(env, output, @r"
    exit code: 2
    ----- stderr -----
    error: stop of 1 run, with force-stop if it takes too long needs a confirmation, and there is no terminal to ask on

    hint: say it with --yes
    ");
    let output = env.run_on_terminal(&["force-stop", "io/219"], "n\n").expect_code(2);
    assert_eq!(output.stdout, "");
    assert!(output.stderr.contains("force-stop of 1 run (unfinished work is dropped)?"), "{output}");
    assert!(output.stderr.contains("not confirmed; nothing was sent"), "{output}");
    env.run_on_terminal(&["force-stop", "io/219"], "\n").expect_code(2);
    assert_eq!(vendor.connections(), 0);

    vendor.expect(get_details().reply(details_of_run("stopping"))).expect(force_stop());
    env.run_on_terminal(&["force-stop", "io/219"], "yes\n").expect_code(0);
}

#[test]
fn what_cannot_be_done_is_said_before_a_confirmation_is_asked_for() {
    let (env, vendor) = home();
    env.profile("jsa", "juniper", &vendor.url(), "");
    let output = env.run(&["force-stop", "jsa/5"]).expect_code(7);
    assert!(output.stderr.starts_with("error: jsa/5: backend `juniper` cannot force-stop a run\n\nhint: "), "{output}");
    for name in ["pause", "resume", "stop"] {
        env.run(&[name, "jsa/5", "jsa/6"]).expect_code(7);
    }
    assert_eq!(vendor.connections(), 0);
}

#[test]
fn escalation_force_stops_what_does_not_end_in_time() {
    let (env, vendor) = home();
    vendor.expect(verb("stop"));
    vendor.expect(get_details().reply(details_of_run("stopping")).any_number());
    vendor.expect(get_latest().reply(latest("stopping")).repeatedly());
    vendor.expect(get_run().reply(run("stopping")).any_number());
    vendor.expect(force_stop().in_any_order());
    let output = env.run(&["stop", "io/219", "--escalate-after", "10m", "--yes", "--progress", "none"]);
    assert_output!(env, output, @r#"
    exit code: 0
    ----- stdout -----
    ADDRESS                                      VERB  OUTCOME   STATE     MESSAGE
    io/219@647ca798-de12-48e2-bf32-5c7332431050  stop  accepted  stopping  run 647ca798-de12-48e2-bf32-5c7332431050 "Weekly DMZ" (scan 219)
    ----- stderr -----
    stop accepted: io/219: scan 219
    io/219@647ca798-de12-48e2-bf32-5c7332431050: not ended in time, force-stopping it
    force-stop accepted: io/219@647ca798-de12-48e2-bf32-5c7332431050: run 647ca798-de12-48e2-bf32-5c7332431050 "Weekly DMZ" (scan 219)
    "#);
    assert_eq!(vendor.writes(), 2);
}

#[test]
fn escalation_is_not_needed_where_the_stop_works() {
    let (env, vendor) = home();
    vendor.expect(verb("stop"));
    vendor.expect(get_details().replies([details_of_run("stopping"), details_of_run("canceled")]).repeatedly());
    vendor.expect(get_latest().replies([latest("stopping"), latest("canceled")]).repeatedly());
    vendor.expect(get_run().reply(run("canceled")));
    let output = env.run(&["stop", "io/219", "--escalate-after", "10m", "--yes", "-f", "json"]).expect_code(0);
    assert_eq!(output.json()["items"][0]["outcome"], "confirmed");
    assert_eq!(vendor.writes(), 1);
}

#[test]
fn a_lost_answer_is_settled_by_the_state_that_was_wanted_or_one_on_the_way() {
    for (name, word, outcome) in [
        ("pause", "pausing", "accepted"),
        ("pause", "paused", "confirmed"),
        ("resume", "resuming", "accepted"),
        ("resume", "running", "confirmed"),
        ("stop", "stopping", "accepted"),
        ("stop", "canceled", "confirmed"),
    ] {
        for reply in [Reply::close(), refusal(500, "oops"), dressed(Reply::empty(504))] {
            let (env, vendor) = home();
            vendor.expect(verb(name).reply(reply));
            let before = if name == "resume" { "paused" } else { "running" };
            vendor.expect(get_details().replies([details_of_run(before), details_of_run(word)]).repeatedly());
            let output = env.run(&[name, "io/219", "-f", "json"]).expect_code(0);
            let item = &output.json()["items"][0];
            assert_eq!((&item["outcome"], &item["native_state"]), (&outcome.into(), &word.into()), "{name} {output}");
            assert_eq!(item["address"], ADDRESS);
            assert_eq!(vendor.writes(), 1);
        }
    }
}

#[test]
fn a_lost_answer_that_the_state_does_not_settle_is_unknown() {
    let (env, vendor) = home();
    vendor.expect(verb("pause").reply(Reply::close()));
    vendor.expect(get_details().reply(details_of_run("running")).repeatedly());
    let output = env.run(&["pause", "io/219", "--wait"]);
    assert_output!(env, output, @r"
    exit code: 15
    ----- stdout -----
    ADDRESS  VERB   OUTCOME  MESSAGE
    io/219   pause  failed   pause was sent, its answer was lost, and the run's state does not show it
    ----- stderr -----
    warning: the answer to pause was lost (the connection broke: connection closed before message completed); reading back
    error: io/219: pause was sent, its answer was lost, and the run's state does not show it
      caused by: the connection broke: connection closed before message completed
      caused by: POST http://127.0.0.1:[PORT]/scans/219/pause

    hint: look with `scanctl status io/219` before doing it again
    ");
    assert_eq!(vendor.writes(), 1);
}

#[test]
fn waiting_is_for_the_state_that_the_verb_wants() {
    for (name, words, state) in [
        ("pause", ["running", "pausing", "paused"], "paused"),
        ("resume", ["paused", "resuming", "running"], "running"),
        ("stop", ["running", "stopping", "canceled"], "stopped"),
    ] {
        let (env, vendor) = home();
        vendor.expect(verb(name)).expect(get_details().reply(details_of_run(words[0])));
        vendor
            .expect(get_latest().replies(words[1..].iter().map(|word| latest(word)).collect::<Vec<_>>()).repeatedly());
        vendor.expect(get_run().reply(run(words[2])).any_number());
        let output = env.run(&[name, "io/219", "--wait", "-f", "json"]).expect_code(0);
        let item = &output.json()["items"][0];
        assert_eq!((&item["outcome"], &item["state"]), (&"confirmed".into(), &state.into()), "{name} {output}");
        assert_eq!((&item["verb"], &item["address"]), (&name.into(), &ADDRESS.into()));
    }
}

#[test]
fn force_stop_with_wait_ends_with_any_end() {
    let (env, vendor) = home();
    vendor.expect(get_details().replies([details_of_run("stopping"), details_of_run("aborted")]).repeatedly());
    vendor.expect(force_stop().in_any_order());
    let output = env.run(&["force-stop", "io/219", "--wait", "--yes"]);
    assert_output!(env, output, @r#"
    exit code: 0
    ----- stdout -----
    ADDRESS                                      VERB        OUTCOME    STATE    MESSAGE
    io/219@647ca798-de12-48e2-bf32-5c7332431050  force-stop  confirmed  aborted  run 647ca798-de12-48e2-bf32-5c7332431050 "Weekly DMZ" (scan 219)
    ----- stderr -----
    force-stop accepted: io/219: scan 219 "Weekly DMZ"
    io/219  aborted
    "#);
}

#[test]
fn another_end_than_the_wanted_state_is_6() {
    let (env, vendor) = home();
    vendor.expect(verb("pause")).expect(get_details().reply(details_of_run("completed")));
    let output = env.run(&["pause", "io/219", "--wait"]);
    assert_output!(env, output, @r"
    exit code: 6
    ----- stdout -----
    ADDRESS                                      VERB   OUTCOME  STATE      MESSAGE
    io/219@647ca798-de12-48e2-bf32-5c7332431050  pause  failed   completed  the run ended before that: completed
    ----- stderr -----
    pause accepted: io/219: scan 219
    io/219  completed
    error: io/219@647ca798-de12-48e2-bf32-5c7332431050: the run ended before that: completed
    ");
}

#[test]
fn a_wait_that_ends_before_the_state_is_12() {
    let (env, vendor) = home();
    vendor.expect(verb("pause")).expect(get_details().reply(details_of_run("running")));
    vendor.expect(get_latest().reply(latest("pausing")).repeatedly());
    vendor.expect(get_run().reply(run("pausing")).any_number());
    let output = env.run(&["pause", "io/219", "--wait", "--timeout", "10m", "--progress", "none"]);
    assert_output!(env, output, @r"
    exit code: 12
    ----- stdout -----
    ADDRESS                                      VERB   OUTCOME  STATE    MESSAGE
    io/219@647ca798-de12-48e2-bf32-5c7332431050  pause  failed   pausing  waited 10m, and the run is still pausing
    ----- stderr -----
    pause accepted: io/219: scan 219
    error: io/219@647ca798-de12-48e2-bf32-5c7332431050: waited 10m, and the run is still pausing

    hint: the scan goes on; follow it with `scanctl wait io/219@647ca798-de12-48e2-bf32-5c7332431050`
    ");

    let (env, vendor) = home();
    vendor.expect(verb("pause")).expect(get_details().reply(refusal(401, "Invalid credentials.")));
    let output = env.run(&["pause", "io/219", "--wait"]);
    assert_output!(env, output, @r"
    exit code: 12
    ----- stdout -----
    ADDRESS  VERB   OUTCOME  MESSAGE
    io/219   pause  failed   the waiting ended: HTTP 401: Invalid credentials.
    ----- stderr -----
    pause accepted: io/219: scan 219
    error: io/219: the waiting ended: HTTP 401: Invalid credentials.
      caused by: GET http://127.0.0.1:[PORT]/scans/219
      request id: d7b1c0f4a5e94a0e8f0c6f1d2b3a4958

    hint: the scan goes on; follow it with `scanctl wait io/219`
    ");
}

#[test]
fn several_runs_have_one_outcome_each() {
    let (env, vendor) = home();
    let other = Vendor::start();
    env.profile("io-eu", "tenable-io", &other.url(), "");
    env.profile("jsa", "juniper", &other.url(), "");
    vendor.expect(verb("stop").in_any_order());
    vendor.expect(post("/scans/220/stop").json(json!({})).reply(dressed(Reply::empty(409))).in_any_order());
    vendor.expect(get("/scans/220").reply(details_of_run("paused")));
    other.expect(post("/scans/7/stop").json(json!({})).reply(dressed(Reply::empty(200))));
    let output = env.run(&["stop", "io/219", "io/220", "jsa/3", "io-eu/7"]).expect_code(13);
    let firsts: Vec<Vec<&str>> = output.stdout.lines().map(|line| line.split_whitespace().take(3).collect()).collect();
    assert_eq!(
        firsts,
        [
            ["ADDRESS", "VERB", "OUTCOME"],
            ["io/219", "stop", "accepted"],
            [format!("io/220@{RUN}").as_str(), "stop", "failed"],
            ["jsa/3", "stop", "failed"],
            ["io-eu/7", "stop", "accepted"],
        ]
    );
    env.run(&["stop", "io/219", "io/219"]).expect_code(2);
}

#[test]
fn a_dry_run_of_each_verb_writes_nothing() {
    for name in ["pause", "resume", "stop", "force-stop"] {
        let (env, vendor) = home();
        vendor.expect(get_details().reply(details_of_run("running")).any_number());
        vendor.expect(get_run().reply(run("running")).any_number());
        for address in ["io/219", ADDRESS] {
            // What is not sent needs no confirmation.
            let output = env.run(&[name, address, "-n", "--wait", "-f", "json"]).expect_code(0);
            let item = &output.json()["items"][0];
            assert_eq!(item["outcome"], "planned", "{name} {output}");
            let scan = if name == "force-stop" { SCHEDULE } else { "219" };
            assert_eq!(
                item["request"],
                json!({ "method": "POST", "path": format!("/scans/{scan}/{name}"), "body": {} })
            );
        }
        assert_eq!(vendor.writes(), 0);
    }
    let (env, vendor) = home();
    let output = env.run(&["stop", "io/219", "-n", "--escalate-after", "1m"]);
    assert_output!(env, output, @r"
    exit code: 0
    ----- stdout -----
    ADDRESS  VERB  OUTCOME  MESSAGE
    io/219   stop  planned  would send POST /scans/219/stop {}
    ");
    assert_eq!(vendor.connections(), 0);
}

#[test]
fn limits_are_waited_out_or_told() {
    let (env, vendor) = home();
    vendor.expect(verb("pause").replies([too_many("2"), dressed(Reply::empty(200))]).repeatedly());
    env.run(&["pause", "io/219", "-q"]).expect_code(0);
    assert_eq!(vendor.writes(), 2);

    let (env, vendor) = home();
    vendor.expect(verb("pause").reply(too_many("600")));
    env.run(&["pause", "io/219", "-q"]).expect_code(8);
    assert_eq!(vendor.requests().len(), 1);
}

#[test]
fn flags_that_need_others_are_refused() {
    let (env, vendor) = home();
    let output = env.run(&["stop", "io/219", "--on-timeout", "stop"]);
    assert_output!(env, output, @r"
    exit code: 2
    ----- stderr -----
    error: `--on-timeout` needs `--wait`
    ");
    env.run(&["pause"]).expect_code(2);
    env.run(&["status", "io/219", "-n"]).expect_code(2);
    assert_eq!(vendor.connections(), 0);
}
