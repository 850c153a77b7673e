//! What is asked before a change and what a signal does to one, against a vendor that answers.

use serde_json::json;

use crate::common::exchange::{delete, get, post};
use crate::common::{Env, Reply, Vendor};

const CONFIGS: &str = "/client/v4/accounts/0123456789abcdef0123456789abcdef/cloudforce-one/scans/config";

fn home() -> (Env, Vendor) {
    let (env, vendor) = (Env::new(), Vendor::start());
    env.config(&format!(
        "[profiles.cf]\nbackend = 'cloudflare'\nbase_url = '{}'\ntoken = 'canary-token-0123456789'\n\
         account_id = '0123456789abcdef0123456789abcdef'\n",
        vendor.url()
    ));
    (env, vendor)
}

fn one_off() -> serde_json::Value {
    json!({"id": "c1", "ips": ["8.8.8.8"], "ports": ["default"], "frequency": 0})
}

fn success(result: &serde_json::Value) -> Reply {
    Reply::json(200, &json!({"success": true, "errors": [], "messages": [], "result": result}))
}

#[test]
fn what_is_doubtful_is_asked_about_after_the_list_and_before_the_request() {
    for (answer, code) in [("y\n", 0), ("n\n", 2)] {
        let (env, vendor) = home();
        vendor.expect(get(CONFIGS).reply(success(&json!([one_off()]))));
        if code == 0 {
            let body = json!({"ips": ["8.8.8.8"], "ports": ["default"], "frequency": 0});
            vendor.expect(post(CONFIGS).json(body).reply(success(&json!({"id": "c2"}))));
        }
        let output =
            env.run_on_terminal(&["scans", "create", "-p", "cf", "--targets", "8.8.8.8"], answer).expect_code(code);
        assert!(output.stderr.contains("addresses, ports and frequency as cf/c1?"), "{output}");
        assert_eq!(vendor.writes(), usize::from(code == 0));
    }
}

#[test]
fn a_yes_that_was_given_before_does_not_silence_what_is_doubtful() {
    let (env, vendor) = home();
    vendor.expect(get(CONFIGS).reply(success(&json!([one_off()]))));
    let body = json!({"ips": ["8.8.8.8"], "ports": ["default"], "frequency": 0});
    vendor.expect(post(CONFIGS).json(body).reply(success(&json!({"id": "c2"}))));
    let create = ["scans", "create", "-p", "cf", "--targets", "8.8.8.8", "--yes", "-f", "json"];
    let output = env.run(&create).expect_code(0);
    let doubt = "another one-off config of the same addresses, ports and frequency as cf/c1";
    assert!(output.stderr.contains(&format!("warning: {doubt}\n")), "{output}");
    let message = output.json()["items"][0]["message"].as_str().unwrap().to_owned();
    assert!(message.ends_with(doubt), "{output}");
}

#[test]
fn a_change_whose_answer_a_signal_cut_off_is_unknown_and_says_where_to_look() {
    let (env, vendor) = home();
    vendor.expect(get(CONFIGS).reply(success(&json!([one_off()]))));
    vendor.expect(delete(&format!("{CONFIGS}/c1")).reply(Reply::stall()));
    let running = env.spawn(&["scans", "delete", "cf/c1", "--yes"]);
    vendor.wait_for("DELETE", &format!("{CONFIGS}/c1"));
    running.interrupt();
    let output = running.wait().expect_code(15);
    assert!(output.stderr.contains("hint: look with `scanctl scans show cf/c1` before doing it again"), "{output}");
}

fn rest(response: &serde_json::Value) -> Reply {
    let answer = json!({"type": "regular", "response": response, "error_code": 0, "error_msg": "", "warnings": [],
        "timestamp": 1_545_177_480});
    Reply::json(200, &answer)
}

/// An instance at which an import comes as far as to this request, which is not answered.
fn import_until(stalled: &str) -> (Env, Vendor) {
    let (env, vendor) = (Env::new(), Vendor::start());
    env.profile("sc", "tenable-sc", &vendor.url(), "");
    env.file("report.nessus", "<NessusClientData_v2/>", 0o600);
    vendor.expect(get("/rest/scanResult").any_query().reply(rest(&json!({"usable": [], "manageable": []}))));
    let upload = || post("/rest/file/upload").part("Filedata", "report.nessus", "<NessusClientData_v2/>");
    if stalled == "/rest/file/upload" {
        vendor.expect(upload().reply(Reply::stall()));
    } else {
        vendor.expect(upload().reply(rest(&json!({"filename": "fdSzCv"}))));
        let body = json!({"filename": "fdSzCv", "repository": {"id": 1}});
        vendor.expect(post(stalled).json(body).reply(Reply::stall()));
    }
    (env, vendor)
}

#[test]
fn taking_away_all_that_is_scanned_is_asked_about_and_taking_something_else_instead_is_not() {
    let stored = json!({"id": "3", "name": "Weekly DMZ", "ipList": "192.0.2.1", "assets": []});
    let fields = || get("/rest/scan/3").any_query().reply(rest(&stored));
    for (settings, code, asked) in [
        (
            &["--set", "targets="][..],
            2,
            "emptying `targets` of sc/3, which leaves it nothing to scan unless it has `assets`",
        ),
        (&["--set", "targets=", "-n"], 0, "warning: emptying `targets` of sc/3"),
        (&["--set", "targets=", "--set", "assets=4", "-n"], 0, ""),
        (&["--set", "targets=192.0.2.2", "-n"], 0, ""),
    ] {
        let (env, vendor) = (Env::new(), Vendor::start());
        env.profile("sc", "tenable-sc", &vendor.url(), "");
        vendor.expect(fields().any_number());
        vendor.expect(get("/rest/asset").any_query().reply(rest(&json!({"usable": [{"id": "4"}]}))).any_number());
        let output = env.run(&[&["scans", "update", "sc/3"], settings].concat()).expect_code(code);
        assert!(output.stderr.contains(asked), "{output}");
        assert_eq!(output.stderr.contains("nothing to scan"), !asked.is_empty(), "{output}");
        assert_eq!(vendor.writes(), 0);
    }
}

#[test]
fn a_file_that_a_signal_stops_on_its_way_was_not_imported_and_an_import_may_have_been() {
    for (stalled, code, said) in [
        ("/rest/file/upload", 130, "error: sc: interrupted; nothing was imported"),
        ("/rest/scanResult/import", 15, "it may have been imported"),
    ] {
        let (env, vendor) = import_until(stalled);
        let running = env.spawn(&["runs", "import", "report.nessus", "-p", "sc", "--repository", "1"]);
        vendor.wait_for("POST", stalled);
        running.interrupt();
        let output = running.wait().expect_code(code);
        assert!(output.stderr.contains(said), "{output}");
        assert_eq!(output.stderr.contains("may have been"), code == 15, "{output}");
        // There is no address yet, and half of one is none.
        assert!(output.stdout.contains("\nsc       runs import") && !output.stdout.contains("sc/"), "{output}");
    }
}
