//! Recorded traffic of the real services, replayed through the real program.
//!
//! The recordings are not part of this repository. They are looked for where `SCANCTL_SAMPLES` points, and each test says
//! on stderr that it was left out where they are not.

#![expect(clippy::disallowed_methods, reason = "where the recorded traffic is differs from machine to machine")]

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use crate::common::{Env, Exchange, Reply, Vendor, delete, get, patch, post};

/// One recorded request with its answer.
struct Interaction {
    method: String,
    path: String,
    body: Option<String>,
    reply: Reply,
    answer: String,
}

pub fn samples() -> Option<PathBuf> {
    let folder = std::env::var_os("SCANCTL_SAMPLES").map(PathBuf::from);
    if folder.is_none() {
        eprintln!("left out: SCANCTL_SAMPLES does not point to the recorded traffic");
    }
    folder
}

/// Reads one recording. Bodies are stored decompressed, so the headers of their transfer are not replayed.
fn recording(path: PathBuf) -> Interaction {
    let text = std::fs::read_to_string(&path).unwrap_or_else(|problem| panic!("{}: {problem}", path.display()));
    let read: Value = serde_json::from_str(&text).unwrap();
    let (request, response) = (&read["request"], &read["response"]);
    let answer = response["body"].as_str().unwrap_or_default().to_owned();
    let status = u16::try_from(response["status"].as_u64().unwrap()).unwrap();
    let mut reply = Reply::empty(status).body(answer.clone());
    for (name, value) in response["headers"].as_object().unwrap() {
        let transfer = ["content-encoding", "transfer-encoding", "content-length", "connection", "date", "keep-alive"];
        if transfer.contains(&name.to_lowercase().as_str()) {
            continue;
        }
        let values: Vec<&str> = match value {
            Value::Array(values) => values.iter().filter_map(Value::as_str).collect(),
            one => one.as_str().into_iter().collect(),
        };
        for value in values {
            reply = reply.header(name, value);
        }
    }
    Interaction {
        method: request["method"].as_str().unwrap().to_owned(),
        path: request["path_with_query"].as_str().unwrap().to_owned(),
        body: request["body"].as_str().map(str::to_owned),
        reply,
        answer,
    }
}

/// A recorded session: each change is answered once and in order, each reading with the next recorded reading, of which
/// the last before a change repeats.
struct Tape {
    interactions: Vec<Interaction>,
    next: usize,
}

impl Tape {
    fn read(&mut self) -> Reply {
        if self.interactions.get(self.next).is_some_and(|next| next.method == "GET") {
            self.next += 1;
        }
        self.interactions[self.next - 1].reply.clone()
    }

    fn change(&mut self, path: &str, body: &str) -> Reply {
        let at = (self.next..self.interactions.len())
            .find(|at| self.interactions[*at].method == "POST")
            .unwrap_or_else(|| panic!("no recorded change is left for {path}"));
        let recorded = &self.interactions[at];
        assert_eq!(
            (recorded.path.as_str(), recorded.body.as_deref()),
            (path, Some(body)),
            "another change than the recorded one"
        );
        self.next = at + 1;
        recorded.reply.clone()
    }
}

/// The whole life of a Tenable VM scan: launch, pause, resume, stop, with the states between.
fn life(samples: PathBuf) -> Vec<Interaction> {
    let folder = samples.join("tenable-io/sdk-python");
    (3..=44).map(|at| recording(folder.join(format!("test_scans_control_endpoints__{at:03}.json")))).collect()
}

/// Serves a life. What the recording has no answer for is answered as the service answers what it does not know.
fn serve(interactions: Vec<Interaction>) -> Vendor {
    const UNKNOWN: &str = r#"{"error":"The requested file was not found"}"#;
    let tape = Arc::new(Mutex::new(Tape { interactions, next: 0 }));
    let vendor = Vendor::start();
    let reading = Arc::clone(&tape);
    vendor.expect(get("/scans/219").any_number().reply_with(move |_| reading.lock().unwrap().read()));
    for verb in ["launch", "pause", "resume", "stop"] {
        let path = format!("/scans/219/{verb}");
        let changing = Arc::clone(&tape);
        vendor.expect(post(&path).any_body().any_number().reply_with(move |request| {
            changing.lock().unwrap().change(&request.path, &String::from_utf8_lossy(&request.body))
        }));
    }
    let run = "/scans/219/history/647ca798-de12-48e2-bf32-5c7332431050";
    for path in ["/scans/219/latest-status", run] {
        let unknown = Reply::empty(404).header("Content-Type", "application/json; charset=utf-8").body(UNKNOWN);
        vendor.expect(get(path).any_number().reply(unknown));
    }
    vendor
}

#[test]
fn the_recorded_life_of_a_tenable_vm_scan_verb_by_verb() {
    let Some(samples) = samples() else { return };
    let vendor = serve(life(samples));
    let env = Env::new();
    env.tenable_io(&vendor);
    let run = "io/219@647ca798-de12-48e2-bf32-5c7332431050";

    let launched = env.run(&["launch", "-q", "io/219"]).expect_code(0);
    assert_eq!(launched.stdout, format!("{run}\n"));
    let mut states = Vec::new();
    while states.last().is_none_or(|state| state != "running") {
        let status = env.run(&["status", "io/219", "-f", "json"]).expect_code(0).json();
        assert_eq!(status["items"][0]["address"], run);
        states.push(status["items"][0]["state"].as_str().unwrap().to_owned());
    }
    states.dedup();
    assert_eq!(states, ["starting", "queued", "running"]);

    for (verb, state) in [("pause", "paused"), ("resume", "running")] {
        let output = env.run(&[verb, run, "--wait", "-f", "json"]).expect_code(0).json();
        assert_eq!(
            (&output["items"][0]["outcome"], &output["items"][0]["state"]),
            (&"confirmed".into(), &state.into())
        );
        assert_eq!(output["items"][0]["address"], run);
    }
    let stopped = env.run(&["stop", "io/219", "--wait", "-f", "json"]).expect_code(0).json();
    assert_eq!(stopped["items"][0]["native_state"], "canceled");
    assert_eq!(stopped["items"][0]["ended_at"], "2019-11-21T15:45:09Z");
    assert_eq!(vendor.writes(), 4);
    env.run(&["wait", "io/219"]).expect_code(11);
}

#[test]
fn every_recorded_state_is_waited_through_to_the_end() {
    let Some(samples) = samples() else { return };
    // Without the changes in between, the readings are one long life with every state that was ever recorded of it.
    let mut readings = life(samples);
    let launch = readings.remove(0);
    readings.retain(|interaction| interaction.method == "GET");
    readings.insert(0, launch);
    let vendor = serve(readings);
    let env = Env::new();
    env.tenable_io(&vendor);
    let output = env.run(&["launch", "io/219", "--wait", "--progress", "plain", "-f", "json"]).expect_code(11);
    let outcome = &output.json()["items"][0];
    assert_eq!((&outcome["state"], &outcome["native_state"]), (&"stopped".into(), &"canceled".into()));
    assert_eq!(outcome["error"]["kind"], "ended_badly");
    for word in ["starting", "queued", "running", "pausing", "paused", "resuming", "stopping"] {
        assert!(output.stderr.contains(&format!("  {word}")), "{word}: {}", output.stderr);
    }
    assert_eq!(vendor.writes(), 1);
}

#[test]
fn recorded_refusals_of_tenable_vm_are_named_for_what_they_are() {
    let Some(samples) = samples() else { return };
    let folder = samples.join("tenable-io");
    for (file, code, said) in [
        ("errors-other-endpoints/sdk-python__TestTenableIOClient.test_client_bad_keys__000.json", 4, "not recognised"),
        ("errors-other-endpoints/pytenable__test_link_state_permissionerror__001.json", 4, "Insufficient scope"),
        ("pytenable/test_scan_results_scan_not_found_error__000.json", 5, "Scan not found"),
        ("pytenable/test_scan_configure_notfounderror__000.json", 5, "file was not found"),
    ] {
        let recorded = recording(folder.join(file));
        let vendor = Vendor::start();
        vendor.expect(get("/scans/219").reply(recorded.reply));
        let env = Env::new();
        env.tenable_io(&vendor);
        let output = env.run(&["status", "io/219"]);
        assert_eq!(output.code(), Some(code), "{file}: {output}");
        assert!(output.stderr.contains(said), "{file}: {output}");
        assert!(output.stderr.contains("request id:") || recorded.answer.is_empty(), "{file}: {output}");
    }
}

/// A recorded answer of Tenable.sc. The ids in the recorded addresses were edited afterwards: the body tells which object
/// an answer is of.
fn center(samples: &Path, file: &str) -> Reply {
    recording(samples.join("tenable-sc").join(file)).reply
}

/// A request under the recorded session.
fn inside(exchange: Exchange) -> Exchange {
    exchange
        .header("x-securitycenter", "1000000001")
        .header("cookie", "TNS_SESSIONID=fa4e0000000000000000000000000002")
        .no_header("x-apikey")
}

/// The request that the recorded session began with.
fn login(samples: &Path) -> Exchange {
    post("/rest/token")
        .json(json!({"username": "ann", "password": "canary-password", "releaseSession": false}))
        .no_header("x-securitycenter")
        .no_header("cookie")
        .no_header("x-apikey")
        .reply(center(samples, "002_sc_login@1db4d165_1.json"))
}

fn with_login(vendor: &Vendor) -> Env {
    let env = Env::new();
    env.config(&format!(
        "[profiles.sc]\nbackend = \"tenable-sc\"\nbase_url = \"{}\"\nusername = \"ann\"\npassword = \"canary-password\"\n",
        vendor.url()
    ));
    env
}

#[test]
fn the_recorded_session_of_a_tenable_sc_from_login_to_logout() {
    let Some(samples) = samples() else { return };
    let vendor = Vendor::start();
    vendor.expect(login(&samples));
    let scan = center(&samples, "043_test_scans_details_0.json");
    vendor.expect(inside(get("/rest/scan/28").any_query()).in_any_order().reply(scan));
    let results = center(&samples, "024_scan_instance@61c00400_0.json");
    vendor.expect(inside(get("/rest/scanResult").any_query()).in_any_order().reply(results));
    let launched = center(&samples, "054_test_scans_launch_0.json");
    vendor.expect(inside(post("/rest/scan/28/launch").json(json!({}))).reply(launched));
    let over = center(&samples, "029_test_scan_instances_details_success_0.json");
    vendor.expect(inside(get("/rest/scanResult/8").any_query()).reply(over));
    vendor.expect(inside(delete("/rest/token")).reply(center(&samples, "005_sc_logout@1db4d165_0.json")));
    let output = with_login(&vendor).run(&["launch", "sc/28", "--wait", "-f", "json"]).expect_code(0);
    assert!(output.stderr.contains("launched sc/34@8: run 8 \"Example Scan\" (scan 34)"), "{output}");
    let outcome = &output.json()["items"][0];
    assert_eq!((&outcome["outcome"], &outcome["run"]), (&"confirmed".into(), &"8".into()), "{output}");
    assert_eq!((&outcome["state"], &outcome["native_state"]), (&"completed".into(), &"Completed".into()), "{output}");
    assert_eq!(outcome["ended_at"], "2019-02-13T06:32:58Z");
}

#[test]
fn a_recorded_session_that_is_refused_is_opened_once_more() {
    let Some(samples) = samples() else { return };
    let expired = || center(&samples, "018_test_system_current_locale_0.json");
    let over = center(&samples, "029_test_scan_instances_details_success_0.json");
    for (answers, code) in [(vec![expired(), over], 0), (vec![expired(), expired()], 4)] {
        let vendor = Vendor::start();
        for answer in answers {
            vendor.expect(login(&samples));
            vendor.expect(inside(get("/rest/scanResult/121").any_query()).reply(answer));
        }
        let logout = center(&samples, "005_sc_logout@1db4d165_0.json");
        vendor.expect(inside(delete("/rest/token")).any_number().reply(logout));
        with_login(&vendor).run(&["status", "sc/@121"]).expect_code(code);
    }
}

#[test]
fn recorded_readings_of_tenable_sc_are_read() {
    let Some(samples) = samples() else { return };
    let results = "024_scan_instance@61c00400_0.json";
    let read = |path: &str, file: &str, arguments: &[&str]| {
        let vendor = Vendor::start();
        if arguments[0] == "scans" {
            // The newest run of each scan.
            vendor.expect(get("/rest/scanResult").any_query().reply(center(&samples, results)).repeatedly());
        }
        vendor.expect(get(path).any_query().has_header("x-apikey").reply(center(&samples, file)));
        let env = Env::new();
        env.profile("sc", "tenable-sc", &vendor.url(), "");
        let mut arguments = arguments.to_vec();
        arguments.extend(["-f", "json"]);
        env.run(&arguments).expect_code(0).json()["items"].clone()
    };
    let file = "029_test_scan_instances_details_success_0.json";
    let run = &read("/rest/scanResult/121", file, &["status", "sc/@121"])[0];
    // The recorded result does not say which scan it is of, as ordinary scheduled runs do not.
    for (key, value) in [
        ("address", json!("sc/@121")),
        ("scan", Value::Null),
        ("name", json!("Daily Internal Scan")),
        ("state", json!("completed")),
        ("progress", json!(100)),
        ("started_at", json!("2019-02-13T06:00:06Z")),
        ("ended_at", json!("2019-02-13T06:32:58Z")),
        ("hosts_total", json!(2048)),
        ("hosts_done", json!(2048)),
    ] {
        assert_eq!(run[key], value, "{run:#}");
    }
    let scans = read("/rest/scan", "047_test_scans_list_0.json", &["scans", "list"]);
    let ids: Vec<&str> = scans.as_array().unwrap().iter().map(|scan| scan["address"].as_str().unwrap()).collect();
    assert_eq!(ids, ["sc/1", "sc/2", "sc/3"]);
    let runs = read("/rest/scanResult", results, &["runs", "list", "-p", "sc"]);
    let words: Vec<(&str, &str)> = runs
        .as_array()
        .unwrap()
        .iter()
        .map(|run| (run["run"].as_str().unwrap(), run["native_state"].as_str().unwrap()))
        .collect();
    let completed = |id| (id, "Completed");
    assert_eq!(words, [completed("124"), ("123", "Partial"), completed("122"), completed("121"), completed("120")]);
    let scan = &read("/rest/scan/28", "043_test_scans_details_0.json", &["scans", "show", "sc/28"])[0];
    assert_eq!((&scan["name"], &scan["targets"]), (&"Example Scan".into(), &json!(["127.0.0.1"])));
    assert_eq!(scan["schedule"], "template");
}

#[test]
fn recorded_refusals_of_tenable_sc_are_named_for_what_they_are() {
    let Some(samples) = samples() else { return };
    for (file, code, said) in [
        ("016_sc_login_5_20_0_0.json", 4, "keys are not accepted"),
        ("018_test_system_current_locale_0.json", 4, "invalid token"),
        ("057_test_scans_delete_1.json", 5, "Scan #31 does not exist."),
        ("066_test_policies_delete_1.json", 5, "Policy #1000011 does not exist."),
        ("067_test_organizations_delete_success@f447cb7b_2.json", 5, "Organization #66 does not exist."),
        ("068_test_nnm_details_success@bb48dd4e_0.json", 5, "Passive Scanner #10 does not exist."),
        // A mail that could not be sent: 200, code 0, and a text that alone tells.
        ("032_test_scan_instances_email_success_0.json", 1, "Error sending email."),
    ] {
        let vendor = Vendor::start();
        vendor.expect(get("/rest/scanResult/8").any_query().reply(center(&samples, file)));
        let env = Env::new();
        env.profile("sc", "tenable-sc", &vendor.url(), "");
        let output = env.run(&["status", "sc/@8"]);
        assert_eq!(output.code(), Some(code), "{file}: {output}");
        assert!(output.stderr.contains(said), "{file}: {output}");
    }
}

#[test]
fn three_recorded_scans_of_one_name_are_told_apart_by_their_addresses() {
    let Some(samples) = samples() else { return };
    let vendor = Vendor::start();
    vendor.expect(get("/rest/scan").any_query().reply(center(&samples, "047_test_scans_list_0.json")));
    let env = Env::new();
    env.profile("sc", "tenable-sc", &vendor.url(), "");
    let output = env.run(&["launch", "sc/name:Daily Internal Scan", "-f", "json"]).expect_code(5);
    assert_eq!(output.json()["items"][0]["candidates"], json!(["sc/1", "sc/2", "sc/3"]));
    assert_eq!(vendor.writes(), 0);
}

/// The recorded answers to everything that changes what a Tenable.sc has stored. The request beside each was sent by the
/// vendor's own client, and but for the limits of time, which recent versions need, ours is the same.
#[test]
fn recorded_changes_of_tenable_sc_are_taken_as_made() {
    let Some(samples) = samples() else { return };
    let scan = |vendor: &Vendor| {
        let shown = center(&samples, "043_test_scans_details_0.json");
        vendor.expect(get("/rest/scan/28").any_query().in_any_order().reply(shown));
    };
    let result = |vendor: &Vendor| {
        let shown = center(&samples, "029_test_scan_instances_details_success_0.json");
        vendor.expect(get("/rest/scanResult/121").any_query().in_any_order().reply(shown));
    };
    let run = |expect: &dyn Fn(&Vendor), change: Exchange, file: &str, arguments: &[&str], code: i32| {
        let vendor = Vendor::start();
        expect(&vendor);
        vendor.expect(change.reply(center(&samples, file)));
        let env = Env::new();
        env.profile("sc", "tenable-sc", &vendor.url(), "");
        let output = env.run(&[arguments, &["-f", "json"]].concat()).expect_code(code);
        assert_eq!(vendor.writes(), 1, "{output}");
        output.json()["items"][0].clone()
    };
    let body = json!({
        "name": "Example Scan", "repository": {"id": 1}, "schedule": {"type": "template"}, "policy": {"id": 1_000_001},
        "ipList": "127.0.0.1", "type": "policy", "maxScanTime": "3600", "inactivityTimeout": "3600",
    });
    let made = run(
        &|_| (),
        post("/rest/scan").json(body),
        "039_sc_scans_create_0.json",
        &[
            "scans",
            "create",
            "-p",
            "sc",
            "--name",
            "Example Scan",
            "--policy",
            "1000001",
            "--repository",
            "1",
            "--targets",
            "127.0.0.1",
        ],
        0,
    );
    assert_eq!((&made["address"], &made["message"]), (&"sc/9".into(), &"made scan 9 \"Example Scan\"".into()));

    let edited = run(
        &scan,
        patch("/rest/scan/28").json(json!({"name": "Edited Example Scan"})),
        "049_test_scans_edit_0.json",
        &["scans", "update", "sc/28", "--name", "Edited Example Scan"],
        0,
    );
    let change = json!([{"key": "name", "before": "Example Scan", "after": "Edited Example Scan", "readable": true, "note": null}]);
    assert_eq!((&edited["outcome"], &edited["changes"]), (&"accepted".into(), &change));

    let copied = run(
        &scan,
        post("/rest/scan/28/copy").json(json!({"targetUser": {"id": 1}, "name": "scan_copy"})),
        "051_test_scans_copy_0.json",
        &["scans", "copy", "sc/28", "--name", "scan_copy", "--user", "1"],
        0,
    );
    assert_eq!(copied["address"], "sc/33");

    run(&scan, delete("/rest/scan/28"), "040_test_scans_create_0.json", &["scans", "delete", "sc/28", "--yes"], 0);
    run(&scan, delete("/rest/scan/28"), "057_test_scans_delete_1.json", &["scans", "delete", "sc/28", "--yes"], 5);
    let users = json!({"users": [{"id": 1}]});
    for (change, file, arguments, code) in [
        (
            post("/rest/scanResult/121/copy").json(users),
            "030_test_scan_instances_copy_success_0.json",
            &["runs", "copy", "sc/@121", "--user", "1"][..],
            0,
        ),
        (
            delete("/rest/scanResult/121"),
            "031_test_scan_instances_delete_success_0.json",
            &["runs", "delete", "sc/@121", "--yes"],
            0,
        ),
        (
            post("/rest/scanResult/121/email").json(json!({"email": "no-reply@tenable.com"})),
            "032_test_scan_instances_email_success_0.json",
            &["runs", "email", "sc/@121", "--to", "no-reply@tenable.com"],
            1,
        ),
        (
            post("/rest/scanResult/121/import").json(json!({})),
            "033_test_scan_instances_reimport_success_0.json",
            &["runs", "reimport", "sc/@121"],
            0,
        ),
    ] {
        let outcome = run(&result, change, file, arguments, code);
        assert_eq!(outcome["address"], "sc/@121", "{file}");
    }
}

#[test]
fn a_recorded_import_into_tenable_sc() {
    let Some(samples) = samples() else { return };
    let vendor = Vendor::start();
    let list = |more: Value| {
        let old = json!({"id": "121", "name": "Daily Internal Scan", "createdTime": "1550037600"});
        let listed = json!({"usable": [old, more], "manageable": []});
        let body = json!({"type": "regular", "response": listed, "error_code": 0, "error_msg": "", "timestamp": 1_550_189_107});
        Reply::empty(200).header("Content-Type", "application/json").body(body.to_string())
    };
    vendor.expect(get("/rest/scanResult").any_query().reply(list(json!({"id": "122", "name": "Other"}))));
    let upload = post("/rest/file/upload").part("Filedata", "example.nessus", b"<NessusClientData_v2/>");
    // The recorded answer to an upload of this product is that of another kind of file.
    let uploaded = center(&samples, "060_test_asset_lists_import_definition_success_0.json");
    vendor.expect(upload.reply(uploaded));
    let import = post("/rest/scanResult/import").json(json!({"repository": {"id": 1}, "filename": "SW6CHj"}));
    vendor.expect(import.reply(center(&samples, "035_test_scan_instances_import_scan_success_1.json")));
    let new = json!({"id": "123", "name": "Manual Import - example.nessus", "createdTime": "1550189106"});
    vendor.expect(get("/rest/scanResult").any_query().reply(list(new)));
    let env = Env::new();
    env.profile("sc", "tenable-sc", &vendor.url(), "");
    env.file("example.nessus", "<NessusClientData_v2/>", 0o600);
    let output = env.run(&["runs", "import", "example.nessus", "-q", "-p", "sc", "--repository", "1"]).expect_code(0);
    assert_eq!(output.stdout, "sc/@123\n");
}
