//! Which scans are meant: several at once, names, and what is wrong with a call.

use serde_json::json;

use crate::common::tenable_vm::{ADDRESS, OLD, OTHER, RUN, answer, held, home, launch, launched, refusal};
use crate::common::{Vendor, get, post};

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
