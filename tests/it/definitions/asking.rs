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
