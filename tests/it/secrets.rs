//! Secrets stay inside: whatever a vendor makes of them, and wherever the program writes.
//!
//! Every run of the program in these tests fails if the word that all secrets have in common is on stdout or stderr.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::common::env::{ACCESS_KEY, CANARY, IO_KEYS, SECRET_KEY, TOKEN};
use crate::common::tenable_vm::{ADDRESS, details_of_run, get_details, get_latest, get_run, home, latest, launch, run};
use crate::common::{Env, Exchange, Received, Reply, Vendor, delete, get, patch, post, put};

const PASSWORD: &str = "canary-password-0123";

/// How much is logged.
const LOGS: [&[&str]; 3] = [&["-vvv"], &["-vvv", "--log-format", "json"], &["-f", "json"]];

/// Everything that the client sent.
fn echo(request: &Received) -> String {
    let headers: Vec<String> = request.headers.iter().map(|(name, value)| format!("{name}: {value}")).collect();
    format!("{}; {}", headers.join("; "), String::from_utf8_lossy(&request.body))
}

/// Every request is answered with what this makes of it.
fn answer_everything(vendor: &Vendor, paths: &[&str], answer: fn(&Received) -> Reply) {
    let methods: [fn(&str) -> Exchange; 5] = [get, post, put, patch, delete];
    for path in paths {
        for method in methods {
            vendor.expect(method(path).any_query().any_body().any_number().reply_with(answer));
        }
    }
}

/// The profiles of every backend, all of one mock.
fn every_backend(vendor: &Vendor) -> Env {
    let env = Env::new();
    let origin = vendor.url();
    for (name, backend) in [
        ("io", "tenable-io"),
        ("sc", "tenable-sc"),
        ("director", "tenable-sc-director"),
        ("jsa", "juniper"),
        ("cf", "cloudflare"),
    ] {
        env.profile(name, backend, &origin, "");
    }
    env.add_config(&format!(
        "[profiles.sc-login]\nbackend = \"tenable-sc\"\nbase_url = \"{origin}\"\nusername = \"user\"\npassword = \"{PASSWORD}\"
[profiles.jsa-login]\nbackend = \"juniper\"\nbase_url = \"{origin}\"\nusername = \"user\"\npassword = \"{PASSWORD}\"
[profiles.cf-key]\nbackend = \"cloudflare\"\nbase_url = \"{origin}\"\naccount_id = \"0123456789abcdef0123456789abcdef\"\nemail = \"user@example.org\"\napi_key = \"{TOKEN}\""
    ));
    env
}

/// The first requests of every backend's launch, status and check.
const FIRST_PATHS: [&str; 22] = [
    "/session",
    "/scans",
    "/scans/219",
    "/scans/219/launch",
    "/rest/token",
    "/rest/currentUser",
    "/rest/system",
    "/rest/status",
    "/rest/scan",
    "/rest/scan/219",
    "/rest/scan/219/launch",
    "/rest/scanResult",
    "/rest/scanResult/219",
    "/rest/mgmt/scan/219",
    "/rest/mgmt/scanResult",
    "/rest/mgmt/scanResult/219",
    "/api/scanner/scanprofiles",
    "/api/scanner/profiles",
    "/api/scanner/profiles/219",
    "/api/scanner/scanprofiles/219",
    "/api/scanner/scanprofiles/219/runs",
    "/client/v4/accounts/0123456789abcdef0123456789abcdef/cloudforce-one/scans/config",
];

#[test]
fn refusals_that_repeat_the_request_show_no_key_of_any_backend() {
    let answers: [fn(&Received) -> Reply; 6] = [
        |request| {
            Reply::json(
                403,
                &json!({ "error": echo(request), "error_code": 146, "error_msg": echo(request), "message": echo(request) }),
            )
        },
        |request| {
            Reply::json(400, &json!({ "success": false, "errors": [{ "code": 1001, "message": echo(request) }] }))
        },
        |request| Reply::text(401, &echo(request)),
        |request| Reply::html(404, &format!("<html><title>{}</title></html>", echo(request))),
        |request| Reply::json(500, &json!({ "message": echo(request), "description": echo(request), "code": 9 })),
        |request| Reply::json(200, &json!({ "error_code": 1, "error_msg": echo(request), "response": echo(request) })),
    ];
    for answer in answers {
        let vendor = Vendor::start();
        answer_everything(&vendor, &FIRST_PATHS, answer);
        let env = every_backend(&vendor);
        for log in LOGS {
            let profiles = ["io", "sc", "sc-login", "director", "jsa", "jsa-login", "cf", "cf-key"];
            let output = env.run(&[&["profiles", "check"], &profiles[..], log].concat());
            assert_ne!(output.code(), Some(0), "{output}");
            let addresses = profiles.map(|profile| format!("{profile}/219"));
            let mut status = vec!["status"];
            status.extend(addresses.iter().map(String::as_str));
            let output = env.run(&[&status[..], log].concat());
            assert_ne!(output.code(), Some(0), "{output}");
        }
        let beyond: Vec<String> = vendor.lines().into_iter().filter(|line| line.contains(CANARY)).collect();
        assert_eq!(beyond, Vec::<String>::new(), "no key is in a path");
        assert!(vendor.requests().iter().any(|request| request.header("x-apikeys") == [IO_KEYS]));
        // Which paths a backend reads first is not this test's business.
        let _unexpected = vendor.take_problems();
    }
}

#[test]
fn a_key_that_is_cut_off_does_not_show_its_beginning() {
    // Answers are shown by their beginnings: however far in the key stands, no part of it may be left at the cut.
    for key in [ACCESS_KEY, IO_KEYS] {
        for beginning in [150, 170, 185, 192, 470, 490, 500, 506] {
            let (env, vendor) = home();
            let text = format!("{}{key}", "x".repeat(beginning));
            vendor.expect(get_details().replies([Reply::text(403, &text), Reply::text(200, &text)]).repeatedly());
            for code in [4, 16] {
                env.run(&["status", "io/219", "-vvv"]).expect_code(code);
            }
        }
    }
}

#[test]
fn answers_that_cannot_be_read_are_told_without_the_key_in_them() {
    let bodies = [
        json!(IO_KEYS),
        json!({ "info": SECRET_KEY }),
        json!({ "info": { "status": "running" }, "history": ACCESS_KEY }),
        json!({ "info": { SECRET_KEY: 1 }, "history": [SECRET_KEY] }),
        json!({ "scans": SECRET_KEY, "status": [SECRET_KEY] }),
        json!({ "scan_uuid": { "x": SECRET_KEY } }),
    ];
    for body in bodies {
        for log in LOGS {
            let (env, vendor) = home();
            vendor.expect(get_details().any_number().reply(Reply::json(200, &body)));
            vendor.expect(get("/scans").any_number().reply(Reply::json(200, &body)));
            vendor.expect(launch().any_number().reply(Reply::json(200, &body)));
            for arguments in [&["status", "io/219"][..], &["scans", "list"], &["launch", "io/219"]] {
                let output = env.run(&[arguments, log].concat());
                assert!(matches!(output.code(), Some(0 | 15 | 16)), "{output}");
            }
        }
    }
}

#[test]
fn headers_that_repeat_the_key_are_not_shown() {
    for (status, body) in
        [(403, json!({ "error": "no" })), (200, json!({ "info": {}, "history": [] })), (200, json!(1))]
    {
        for name in ["X-Request-Uuid", "Server", "Deprecated", "Retry-After", "Content-Type", "Set-Cookie", "X-Other"] {
            let (env, vendor) = home();
            vendor.expect(get_details().reply(Reply::json(status, &body).header(name, IO_KEYS)));
            env.run(&["status", "io/219", "-vvv"]);
        }
    }
}

#[test]
fn a_redirect_takes_no_key_along() {
    for status in [301, 302, 307, 308] {
        let other = Vendor::start();
        let (env, vendor) = home();
        let away = Reply::empty(status).header("Location", &format!("{}/?{SECRET_KEY}#{ACCESS_KEY}", other.url()));
        let near = Reply::empty(status).header("Location", &format!("/{SECRET_KEY}"));
        let odd = Reply::empty(status)
            .header("Location", &format!("https://{ACCESS_KEY}:{SECRET_KEY}@{SECRET_KEY}.example/"));
        vendor.expect(get_details().replies([away.clone(), near, odd]).repeatedly()).expect(launch().reply(away));
        for _ in 0..3 {
            env.run(&["status", "io/219", "-vvv"]).expect_code(3);
        }
        env.run(&["launch", "io/219", "-vvv"]).expect_code(3);
        assert_eq!((other.connections(), vendor.writes()), (0, 1));
    }
}

/// Files below a folder that hold the word, besides the config file itself.
fn files_with_a_secret(folder: &Path, config: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files_with_a_secret(&path, config));
        } else if path != config && String::from_utf8_lossy(&fs::read(&path).unwrap()).contains(CANARY) {
            found.push(path.display().to_string());
        }
    }
    found
}

#[test]
fn no_file_is_written_with_a_secret_in_it() {
    let (env, vendor) = home();
    vendor.expect(launch()).expect(get_latest().replies(["running", "completed"].map(latest)).repeatedly());
    vendor.expect(get_run().reply(run("completed")).repeatedly());
    vendor
        .expect(get_details().reply_with(|request| Reply::json(403, &json!({ "error": echo(request) }))).any_number());
    let files = ["-o", "out.json", "-o", "out.csv", "-o", "out.ndjson", "-o", "out.txt"];
    env.run(&[&["launch", "io/219", "--wait", "-vvv"], &files[..]].concat()).expect_code(0);
    env.run(&[&["profiles", "show"], &files[..]].concat()).expect_code(0);
    env.run(&[&["pause", "io/219", "-n"], &files[..]].concat()).expect_code(0);
    env.run(&[&["status", "io/219"], &files[..]].concat()).expect_code(4);
    assert_eq!(files_with_a_secret(env.folder(), &env.config_path()), Vec::<String>::new());
}

#[test]
fn a_dry_run_shows_the_request_without_its_keys() {
    let (env, vendor) = home();
    vendor.expect(get_details().reply(details_of_run("stopping")).repeatedly());
    for arguments in [&["launch", "io/219", "-n"][..], &["stop", "io/219", "-n"], &["force-stop", "io/219", "-n"]] {
        for log in LOGS {
            env.run(&[arguments, log].concat()).expect_code(0);
        }
    }
}

#[test]
fn a_secret_in_the_wrong_place_is_not_repeated() {
    let (mut env, vendor) = home();
    for line in [
        format!("secret_kye = \"{SECRET_KEY}\""),
        format!("max_concurrency = \"{SECRET_KEY}\""),
        format!("timeout = \"{SECRET_KEY}\""),
        format!("connect_to = \"{SECRET_KEY}\""),
        format!("proxy = \"{SECRET_KEY}\""),
        format!("labels = \"{SECRET_KEY}\""),
        format!("access_key = {{ env = 1, \"{SECRET_KEY}\" = 2 }}"),
        format!("insecure = {SECRET_KEY}"),
    ] {
        let env = Env::new();
        env.profile("io", "tenable-io", &vendor.url(), &line);
        for log in LOGS {
            let output = env.run(&[&["status", "io/219"], log].concat());
            assert_eq!(output.code(), Some(3), "{line}: {output}");
        }
    }
    env.set("SCANCTL_LOG", "trace");
    env.run(&["profiles", "show", "io", "-f", "json"]).expect_code(0);
    env.run(&["profiles", "list"]).expect_code(0);
    assert_eq!(vendor.connections(), 0);
}

/// An answer of a Security Center.
fn enveloped(response: &Value) -> Reply {
    let envelope = json!({ "type": "regular", "response": response, "error_code": 0, "error_msg": "", "warnings": [], "timestamp": 1_700_000_000 });
    Reply::json(200, &envelope)
}

#[test]
fn what_a_session_is_made_of_is_in_no_output_that_echoes_it() {
    // The password has what JSON spells otherwise; the token is a number, and neither is long.
    const SESSION: [&str; 3] = ["1837402761", "canary-session-0123456789", "canary\\\\\"0"];
    let vendor = Vendor::start();
    let env = Env::new();
    let login = "username = \"user\"\npassword = 'canary\\\"0'\n";
    env.add_config(&format!("[profiles.sc]\nbackend = \"tenable-sc\"\nbase_url = \"{}\"\n{login}", vendor.url()));
    let granted = json!({ "token": 1_837_402_761, "releaseSession": false });
    let cookie = "TNS_SESSIONID=canary-session-0123456789; path=/; secure";
    vendor.expect(post("/rest/token").any_body().reply(enveloped(&granted).header("Set-Cookie", cookie)).any_number());
    vendor.expect(delete("/rest/token").reply(enveloped(&json!(""))).any_number());
    let list = get("/rest/scan").any_query().any_number().reply_with(|request| {
        let cookie = request.header("cookie").join(";");
        let name = format!("{} then {cookie} of canary\\\"0", request.header("x-securitycenter").join(";"));
        let value = cookie.split_once('=').unwrap().1;
        let scan = json!({ "id": "1", "name": name, "description": value, "owner": { "token": 1_837_402_761 } });
        enveloped(&json!({ "usable": [scan], "manageable": [] }))
    });
    vendor.expect(list).expect(
        get("/rest/scanResult").any_query().any_number().reply(enveloped(&json!({ "usable": [], "manageable": [] }))),
    );
    for how in [&["--raw"][..], &["-f", "json"], &["-f", "ndjson"], &["-f", "csv"], &["-f", "table"], &["-vvv"]] {
        let output = env.run(&[&["scans", "list"], how].concat()).expect_code(0);
        for secret in SESSION {
            assert!(!output.stdout.contains(secret) && !output.stderr.contains(secret), "{how:?} {secret}: {output}");
        }
        assert!(output.stdout.contains("(redacted) then (redacted) of (redacted)"), "{output}");
        if how == ["--raw"] {
            let raw: Value = serde_json::from_str(&output.stdout).unwrap();
            assert_eq!(raw["response"]["usable"][0]["owner"]["token"], Value::Null);
        }
    }
}

#[test]
fn logs_of_a_whole_life_hold_no_secret() {
    let vendor = Vendor::start();
    let env = every_backend(&vendor);
    let ok = |response: Value, more: &str| enveloped(&response).header("Set-Cookie", more);
    let cookie = "TNS_SESSIONID=canary-session-0123456789; path=/; secure";
    // The session's own token is as good as a password while it lives.
    vendor.expect(
        post("/rest/token").any_body().reply(ok(json!({ "token": 1_837_402_761, "releaseSession": false }), cookie)),
    );
    let result =
        json!({ "id": "8", "name": "Weekly DMZ", "status": "Running", "scan": { "id": "34", "name": "Weekly DMZ" } });
    vendor.expect(get("/rest/scanResult/8").any_query().reply(ok(result, cookie)).any_number());
    vendor.expect(get("/rest/scan/8").any_query().reply(ok(json!({}), cookie)).any_number());
    vendor.expect(delete("/rest/token").reply(ok(json!(""), cookie)).in_any_order());
    let output = env.run(&["status", "sc-login/@8", "-vvv"]);
    assert!(!output.stderr.contains("1837402761") && !output.stdout.contains("1837402761"), "{output}");
    assert_eq!(output.code(), Some(0), "{output}");

    let (env, vendor) = home();
    vendor.expect(launch()).expect(get_latest().replies(["running", "completed"].map(latest)).repeatedly());
    vendor.expect(get_run().reply(run("completed")));
    let output = env.run(&["launch", "io/219", "--wait", "-vvv"]).expect_code(0);
    assert!(output.stdout.contains(ADDRESS));
    assert!(!output.stderr.to_lowercase().contains("x-apikeys"), "{output}");
}
