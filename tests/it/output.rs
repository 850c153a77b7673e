//! Where data goes and in what shape: stdout and files, formats, errors for programs, colours, widths, hostile text.

use std::fs;
use std::io::pipe;
use std::os::unix::fs::PermissionsExt as _;

use serde_json::{Value, json};

use crate::common::env::Output;
use crate::common::tenable_vm::{
    ADDRESS, NOW, OLD, OTHER, RUN, answer, details_of_run, get_details, get_latest, get_run, held, home, latest,
    launch, launched, refusal, run,
};
use crate::common::{Env, Reply, Vendor, get, post};

/// The vendor's list of scans: one that runs, one that ended, one that never ran.
fn list() -> Reply {
    answer(
        200,
        &json!({ "folders": [], "timestamp": NOW, "scans": [
            { "id": 219, "name": "Weekly DMZ", "status": "running", "uuid": RUN, "enabled": true, "progress": 40,
              "rrules": "FREQ=WEEKLY;INTERVAL=1;BYDAY=MO", "starttime": "20191118T060000", "timezone": "Etc/UTC" },
            { "id": 8, "name": "Web, \"public\"", "status": "completed", "uuid": OLD, "enabled": false, "rrules": null },
            { "id": 9, "name": "=1+1", "status": "empty", "uuid": null, "enabled": false, "rrules": null },
        ] }),
    )
}

/// The last lines of stderr, each as JSON.
fn errors(output: &Output, count: usize) -> Vec<Value> {
    let lines: Vec<&str> = output.stderr.lines().collect();
    let last = lines.iter().skip(lines.len().saturating_sub(count));
    last.map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("no JSON: {line}\n{output}"))).collect()
}

/// The names of the files in the home's folder that are there besides what the home is made of.
fn files(env: &Env) -> Vec<String> {
    let own = ["home", "config", "state", "data", "cache", "run", "tmp"];
    let mut names: Vec<String> =
        fs::read_dir(env.folder()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.retain(|name| !own.contains(&name.as_str()));
    names.sort();
    names
}

#[test]
fn the_four_formats_of_a_list() {
    let (env, vendor) = home();
    vendor.expect(get("/scans").reply(list()).repeatedly());
    let output = env.run(&["scans", "list"]);
    assert_output!(env, output, @r#"
    exit code: 0
    ----- stdout -----
    ADDRESS  NAME           ENABLED  SCHEDULE                                                 LAST RUN
    io/219   Weekly DMZ     yes      FREQ=WEEKLY;INTERVAL=1;BYDAY=MO 20191118T060000 Etc/UTC  running
    io/8     Web, "public"  no       -                                                        completed
    io/9     =1+1           no       -                                                        -
    "#);
    let output = env.run(&["scans", "list", "-f", "csv"]);
    assert_output!(env, output, @r#"
    exit code: 0
    ----- stdout -----
    address,name,enabled,schedule,targets,last_run
    io/219,Weekly DMZ,yes,FREQ=WEEKLY;INTERVAL=1;BYDAY=MO 20191118T060000 Etc/UTC,,running
    io/8,"Web, ""public""",no,,,completed
    io/9,'=1+1,no,,,
    "#);
    let output = env.run(&["scans", "list", "-f", "ndjson"]);
    assert_output!(env, output, @r#"
    exit code: 0
    ----- stdout -----
    {"profile":"io","backend":"tenable-io","address":"io/219","scan":"219","name":"Weekly DMZ","enabled":true,"schedule":"FREQ=WEEKLY;INTERVAL=1;BYDAY=MO 20191118T060000 Etc/UTC","targets":null,"last_run":{"profile":"io","backend":"tenable-io","address":"io/219@647ca798-de12-48e2-bf32-5c7332431050","scan":"219","name":"Weekly DMZ","run":"647ca798-de12-48e2-bf32-5c7332431050","state":"running","native_state":"running","progress":40,"started_at":null,"ended_at":null,"hosts_total":null,"hosts_done":null,"message":null}}
    {"profile":"io","backend":"tenable-io","address":"io/8","scan":"8","name":"Web, \"public\"","enabled":false,"schedule":null,"targets":null,"last_run":{"profile":"io","backend":"tenable-io","address":"io/8@fc9dc7c5-8eec-4d39-ad9c-20e833cca69b","scan":"8","name":"Web, \"public\"","run":"fc9dc7c5-8eec-4d39-ad9c-20e833cca69b","state":"completed","native_state":"completed","progress":null,"started_at":null,"ended_at":null,"hosts_total":null,"hosts_done":null,"message":null}}
    {"profile":"io","backend":"tenable-io","address":"io/9","scan":"9","name":"=1+1","enabled":false,"schedule":null,"targets":null,"last_run":null}
    "#);
    let output = env.run(&["scans", "list", "-f", "json"]).expect_code(0).json();
    assert_eq!(
        (&output["schema_version"], &output["kind"], &output["complete"]),
        (&1.into(), &"scans".into(), &true.into())
    );
    assert_eq!(output["items"].as_array().unwrap().len(), 3);
}

#[test]
fn a_document_of_nothing_is_a_document() {
    let (env, vendor) = home();
    vendor.expect(get("/scans").reply(answer(200, &json!({ "scans": null }))).repeatedly());
    vendor.expect(get("/scans/219/history").any_query().repeatedly().reply(answer(200, &json!({ "history": null }))));
    // Runs that were imported are in the details alone.
    vendor
        .expect(get("/scans/219").any_query().repeatedly().reply(answer(200, &json!({ "info": {}, "history": null }))));
    for (arguments, kind) in [
        (&["list"][..], "runs"),
        (&["scans", "list"], "scans"),
        (&["runs", "list"], "runs"),
        (&["runs", "list", "219"], "runs"),
    ] {
        let printed = |format: &str| env.run(&[arguments, &["-q", "-f", format]].concat()).expect_code(0);
        assert_eq!(printed("json").json(), json!({ "schema_version": 1, "kind": kind, "complete": true, "items": [] }));
        assert_eq!(printed("ndjson").stdout, "");
        assert_eq!(printed("csv").stdout.lines().count(), 1);
        assert_eq!(printed("table").stdout, "");
    }
}

#[test]
fn several_files_each_in_its_format() {
    let (env, vendor) = home();
    vendor.expect(get("/scans").reply(list()).repeatedly());
    env.file("out.json", "what was there before", 0o644);
    // Lists leave no parts, so this is somebody's own.
    env.file("out.csv.partial", "mine", 0o644);
    let flags = ["-o", "out.json", "-o", "out.csv", "-o", "lines.ndjson", "-o", "json=raw.out", "-o", "table.txt"];
    let output = env.run(&[&["scans", "list"], &flags[..]].concat()).expect_code(0);
    assert_eq!(output.stdout, "");
    assert_eq!(files(&env), ["lines.ndjson", "out.csv", "out.csv.partial", "out.json", "raw.out", "table.txt"]);
    let document: Value = serde_json::from_str(&env.read("out.json").unwrap()).unwrap();
    assert_eq!(document["items"].as_array().unwrap().len(), 3);
    assert_eq!(env.read("raw.out"), env.read("out.json"));
    assert!(env.read("out.csv").unwrap().starts_with("address,name,"));
    assert_eq!(env.read("lines.ndjson").unwrap().lines().count(), 3);
    assert!(env.read("table.txt").unwrap().starts_with("ADDRESS  NAME"));

    // `-` adds stdout back, in the format of -f, which files without another take too.
    let output = env.run(&["scans", "list", "-f", "ndjson", "-o", "plain", "-o", "-", "-o", "csv=-"]).expect_code(0);
    assert_eq!(env.read("plain").unwrap().lines().count(), 3);
    assert_eq!(output.stdout.lines().filter(|line| line.starts_with('{')).count(), 3);
    assert_eq!(output.stdout.lines().filter(|line| line.starts_with("io/")).count(), 3);
}

#[test]
fn outcomes_are_written_whatever_they_are() {
    let (env, vendor) = home();
    vendor.expect(launch().reply(refusal(404, "Scan not found")));
    env.run(&["launch", "io/219", "-o", "outcome.json"]).expect_code(5);
    let document: Value = serde_json::from_str(&env.read("outcome.json").unwrap()).unwrap();
    assert_eq!(document["items"][0]["error"]["kind"], "not_found");

    vendor.expect(launch());
    let output = env.run(&["launch", "io/219", "-q", "-o", "outcome.json", "-o", "csv=-"]).expect_code(0);
    assert_eq!(output.stdout, format!("{ADDRESS}\n"));
    assert!(env.read("outcome.json").unwrap().contains(ADDRESS));
}

#[test]
fn a_call_that_cannot_be_made_leaves_files_alone() {
    let (env, vendor) = home();
    env.profile("jsa", "juniper", &vendor.url(), "");
    for (arguments, code) in [
        (&["launch", "io/219", "io/219"][..], 2),
        (&["launch", "nope/219"], 3),
        (&["pause", "jsa/219"], 7),
        (&["force-stop", "io/219"], 2),
        (&["launch", "io/219", "--raw"], 2),
    ] {
        env.file("outcome.json", "what was there before", 0o644);
        let output = env.run(&[arguments, &["-o", "outcome.json"]].concat());
        assert_eq!(output.code(), Some(code), "{arguments:?}: {output}");
        assert_eq!(output.stdout, "");
        assert_eq!(env.read("outcome.json").unwrap(), "what was there before");
        assert_eq!(files(&env), ["outcome.json"]);
    }
    assert_eq!(vendor.connections(), 0);
}

#[test]
fn lists_are_written_whatever_was_read_and_say_that_something_is_missing() {
    let (env, vendor) = home();
    let other = Vendor::start();
    env.profile("io-eu", "tenable-io", &other.url(), "");
    vendor.expect(get("/scans").reply(list()).repeatedly());
    other.expect(get("/scans").reply(refusal(403, "Forbidden")).repeatedly());
    let both = ["scans", "list", "-p", "io", "-p", "io-eu"];
    let output = env.run(&[&both[..], &["-f", "json"]].concat()).expect_code(13);
    assert_eq!((&output.json()["complete"], output.json()["items"].as_array().unwrap().len()), (&false.into(), 3));
    let output = env.run(&[&both[..], &["-f", "ndjson"]].concat()).expect_code(13);
    assert_eq!(output.stdout.lines().last(), Some(r#"{"kind":"end","complete":false}"#), "{output}");
    let error = &errors(&output, 1)[0]["error"];
    assert_eq!((&error["profile"], &error["verb"]), (&"io-eu".into(), &"scans list".into()));
    let output = env.run(&both).expect_code(13);
    assert!(output.stderr.contains("error: cannot list scans of profile `io-eu`"), "{output}");

    for arguments in [&["scans", "list", "-p", "io-eu"][..], &["list", "-p", "io-eu"]] {
        let output = env.run(&[arguments, &["-f", "json", "-o", "-", "-o", "list.json"]].concat()).expect_code(4);
        assert_eq!((&output.json()["complete"], &output.json()["items"]), (&false.into(), &json!([])));
        assert_eq!(env.read("list.json").unwrap(), output.stdout);
    }
    vendor.expect(get_details().reply(details_of_run("running")).repeatedly());
    vendor.expect(get("/scans/220").reply(refusal(404, "Scan not found")).repeatedly());
    let output = env.run(&["status", "io/219", "io/220", "-f", "json"]).expect_code(13);
    assert_eq!((&output.json()["complete"], output.json()["items"].as_array().unwrap().len()), (&false.into(), 1));
    let output = env.run(&["status", "io/220", "-f", "ndjson"]).expect_code(5);
    assert_eq!(output.stdout, "{\"kind\":\"end\",\"complete\":false}\n");
    vendor.expect(get("/scans/220/history").any_query().reply(refusal(404, "Scan not found")));
    let output = env.run(&["runs", "list", "io/220", "-f", "json"]).expect_code(5);
    assert_eq!((&output.json()["complete"], &output.json()["kind"]), (&false.into(), &"runs".into()));
    assert_eq!(errors(&output, 1)[0]["error"]["address"], "io/220");
}

#[test]
fn files_are_opened_before_the_first_request() {
    let (env, vendor) = home();
    for (file, said) in [
        ("absent/out.json", "cannot write absent/out.json: No such file or directory"),
        ("json=home", "cannot write home: it is a directory"),
        ("report", "which format for report?"),
        ("report.pdf", "which format for report.pdf?"),
        ("xml=report", "unknown format `xml`"),
        ("jsn=report", "unknown format `jsn`"),
        ("/proc/version.json", "cannot write /proc/version.json"),
    ] {
        let output = env.run(&["launch", "io/219", "-o", file]).expect_code(2);
        assert!(output.stderr.starts_with(&format!("error: {said}")), "{output}");
    }
    assert_eq!(vendor.connections(), 0);
    assert_eq!(files(&env), Vec::<String>::new());
}

#[test]
fn what_is_no_regular_file_is_written_in_place() {
    let (env, vendor) = home();
    vendor.expect(get("/scans").reply(list()).repeatedly());
    env.run(&["scans", "list", "-o", "json=/dev/null"]).expect_code(0);
    assert!(!fs::metadata("/dev/null").unwrap().is_file());

    let fifo = env.path("fifo");
    rustix::fs::mkfifoat(rustix::fs::CWD, &fifo, rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR).unwrap();
    let reading = std::thread::spawn({
        let fifo = fifo.clone();
        move || fs::read_to_string(fifo).unwrap()
    });
    env.run(&["scans", "list", "-o", "csv=fifo"]).expect_code(0);
    assert_eq!(reading.join().unwrap().lines().count(), 4);
    assert_eq!(files(&env), ["fifo"]);

    // A link keeps pointing where it points.
    env.file("real.json", "before", 0o600);
    std::os::unix::fs::symlink("real.json", env.path("link.json")).unwrap();
    env.run(&["scans", "list", "-o", "link.json"]).expect_code(0);
    assert!(fs::symlink_metadata(env.path("link.json")).unwrap().file_type().is_symlink());
    assert!(env.read("real.json").unwrap().contains("Weekly DMZ"));
    assert_eq!(fs::metadata(env.path("real.json")).unwrap().permissions().mode() & 0o777, 0o600);
    // Also where nothing is yet.
    std::os::unix::fs::symlink("home/new.json", env.path("dangling.json")).unwrap();
    env.run(&["scans", "list", "-o", "dangling.json"]).expect_code(0);
    assert!(fs::symlink_metadata(env.path("dangling.json")).unwrap().file_type().is_symlink());
    assert!(env.read("home/new.json").unwrap().contains("Weekly DMZ"));
    std::os::unix::fs::symlink("loop.json", env.path("loop.json")).unwrap();
    let output = env.run(&["scans", "list", "-o", "loop.json"]).expect_code(2);
    assert!(output.stderr.contains("cannot write loop.json: too many symbolic links"), "{output}");
}

#[test]
fn a_full_disk_is_1() {
    let (env, vendor) = home();
    vendor.expect(get("/scans").reply(list()).repeatedly());
    let full = || fs::File::options().write(true).open("/dev/full").unwrap();
    let output = env.spawn_into(&["scans", "list"], full()).wait();
    assert_output!(env, output, @r"
    exit code: 1
    ----- stderr -----
    error: cannot write to stdout: No space left on device (os error 28)
    ");
    env.run(&["scans", "list", "-o", "json=/dev/full"]).expect_code(1);
    // The launch is not lost with it: its address is on stderr.
    vendor.expect(launch());
    let output = env.spawn_into(&["launch", "io/219"], full()).wait().expect_code(1);
    assert!(output.stderr.contains(&format!("launched {ADDRESS}")), "{output}");
    vendor.expect(launch());
    let output = env.spawn_into(&["launch", "io/219", "-q"], full()).wait().expect_code(1);
    assert!(output.stderr.contains("cannot write to stdout"), "{output}");
}

#[test]
fn a_closed_stdout_silences_stdout_alone() {
    let (env, vendor) = home();
    vendor.expect(get("/scans").reply(list()).any_number());
    vendor.expect(launch()).expect(get_latest().replies(["running", "canceled"].map(latest)).repeatedly());
    vendor.expect(get_run().reply(run("canceled")));
    let closed = || pipe().unwrap().1;
    let output =
        env.spawn_into(&["launch", "io/219", "--wait", "-f", "json", "-o", "-", "-o", "o.csv"], closed()).wait();
    assert_eq!(output.code(), Some(11), "{output}");
    assert!(output.stderr.contains("ended_badly"), "{output}");
    assert!(env.read("o.csv").unwrap().contains("stopped (canceled)"));
    let output = env.spawn_into(&["scans", "list"], closed()).wait().expect_code(0);
    assert_eq!(output.stderr, "");
    for arguments in [&["--help"][..], &["backends"], &["profiles", "list"], &["completions", "bash"]] {
        let output = env.spawn_into(arguments, closed()).wait().expect_code(0);
        assert_eq!(output.stderr, "", "{arguments:?}");
    }
}

#[test]
fn each_outcome_is_a_line_as_soon_as_it_is_known() {
    let (env, vendor) = home();
    let other = Vendor::start();
    env.profile("io-eu", "tenable-io", &other.url(), "");
    let (release, reply) = held(launched(OTHER));
    vendor.expect(launch());
    other.expect(post("/scans/7/launch").json(json!({})).reply_with(reply));
    let running = env.spawn(&["launch", "io-eu/7", "io/219", "-f", "ndjson"]);
    running.until_stdout("\n");
    drop(release);
    let output = running.wait().expect_code(0);
    let lines: Vec<Value> = output.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.iter().map(|line| &line["address"]).collect::<Vec<_>>(), [ADDRESS, &format!("io-eu/7@{OTHER}")]);
}

#[test]
fn failed_targets_are_json_lines_last_on_stderr() {
    let (env, vendor) = home();
    let answered = json!({ "statusCode": 404, "error": "Not Found", "message": "Scan not found" });
    vendor.expect(launch()).expect(post("/scans/220/launch").json(json!({})).reply(answer(404, &answered)));
    vendor.expect(post("/scans/221/launch").json(json!({})).reply(refusal(403, "Forbidden")));
    let output = env.run(&["launch", "io/219", "io/220", "io/221", "--log-format", "json", "-vvv"]).expect_code(13);
    let told = errors(&output, 2);
    let first = json!({ "error": {
        "kind": "not_found",
        "message": format!("HTTP 404: Scan not found: POST {}/scans/220/launch", vendor.url()),
        "hint": "no such scan or run, or no access to it",
        "profile": "io", "backend": "tenable-io", "verb": "launch", "address": "io/220",
        "http_status": 404, "vendor_code": null, "request_id": "d7b1c0f4a5e94a0e8f0c6f1d2b3a4958", "retryable": false,
    } });
    assert_eq!(told[0], first);
    assert_eq!((&told[1]["error"]["kind"], &told[1]["error"]["address"]), (&"auth".into(), &"io/221".into()));
    // The order of the fields is the documented one, too.
    let line = output.stderr.lines().rev().nth(1).unwrap();
    let expected = r#"{"error":{"kind":"#;
    assert!(line.starts_with(expected), "{line}");
    // The table on stdout is not concerned.
    assert!(output.stdout.starts_with("ADDRESS "), "{output}");
}

#[test]
fn errors_of_a_whole_call_are_one_json_line() {
    let (mut env, vendor) = home();
    for arguments in [&["launch", "nope/1", "-f", "json"][..], &["launch", "nope/1", "--log-format", "json"]] {
        let output = env.run(arguments).expect_code(3);
        assert_eq!((output.stdout.as_str(), output.stderr.lines().count()), ("", 1), "{output}");
        let error = &errors(&output, 1)[0]["error"];
        assert_eq!(
            (&error["kind"], &error["retryable"], &error["address"]),
            (&"config".into(), &false.into(), &Value::Null)
        );
        let keys: Vec<&String> = error.as_object().unwrap().keys().collect();
        let documented = [
            "kind",
            "message",
            "hint",
            "profile",
            "backend",
            "verb",
            "address",
            "http_status",
            "vendor_code",
            "request_id",
            "retryable",
        ];
        assert_eq!(keys, documented);
    }
    env.set("SCANCTL_FORMAT", "ndjson");
    errors(&env.run(&["launch", "nope/1"]).expect_code(3), 1);
    assert_eq!(vendor.connections(), 0);
}

#[test]
fn raw_is_the_vendors_bytes() {
    let (mut env, vendor) = home();
    let body = b"{ \"info\" : {\"name\":\"caf\xc3\xa9 \\u001b[31m\",\"status\":\"running\" , \"uuid\":null},\r\n \"history\": [] }";
    vendor.expect(get_details().repeatedly().reply(answer(200, &Value::Null).body(body.as_slice())));
    let output = env.run(&["status", "io/219", "--raw"]).expect_code(0);
    assert_eq!(output.stdout_bytes, body);
    env.run(&["status", "io/219", "--raw", "-o", "run.json", "-o", "any.name"]).expect_code(0);
    assert_eq!(fs::read(env.path("run.json")).unwrap(), body);
    assert_eq!(fs::read(env.path("any.name")).unwrap(), body);
    // Several answers are a line apart.
    let page = |from: usize| {
        answer(200, &json!({ "pagination": { "total": 51 }, "history": vec![json!({ "status": "completed" }); from] }))
    };
    vendor.expect(get("/scans/219/history").any_query().replies([page(50), page(1)]).repeatedly());
    let output = env.run(&["runs", "list", "io/219", "--raw"]).expect_code(0);
    assert_eq!((output.stdout.lines().count(), output.stdout.ends_with('}')), (2, true), "{output}");
    env.set("SCANCTL_FORMAT", "csv");
    assert_eq!(env.run(&["status", "io/219", "--raw"]).expect_code(0).stdout_bytes, body);
}

#[test]
fn raw_conflicts_with_a_format_and_with_verbs_that_read_nothing() {
    let (env, vendor) = home();
    for arguments in [
        &["status", "io/219", "--raw", "-f", "json"][..],
        &["launch", "io/219", "--raw"],
        &["wait", "io/219", "--raw"],
        &["pause", "io/219", "--raw"],
        &["profiles", "list", "--raw"],
    ] {
        let output = env.run(arguments).expect_code(2);
        assert!(output.stderr.contains("`--raw`"), "{output}");
    }
    let output = env.run_in_terminal(&["status", "io/219", "--raw"], 80).expect_code(2);
    assert!(output.stdout.contains("the vendor's raw bytes are not written to a terminal"), "{output}");
    assert_eq!(vendor.connections(), 0);
}

#[test]
fn raw_of_a_failure_leaves_the_file_alone() {
    let (env, vendor) = home();
    vendor.expect(get_details().repeatedly().reply(refusal(404, "Scan not found")));
    env.file("run.json", "what was there before", 0o644);
    let output = env.run(&["status", "io/219", "--raw", "-o", "run.json"]).expect_code(5);
    assert_eq!(env.read("run.json").unwrap(), "what was there before", "{output}");
    assert_eq!(env.run(&["status", "io/219", "--raw"]).expect_code(5).stdout, "");
}

#[test]
fn hostile_text_of_a_vendor_has_no_power() {
    let (env, vendor) = home();
    let name = "\u{1b}]0;owned\u{7}\u{1b}[2J\u{9b}31m\r\nio/666  completed \u{202e}kcehc\u{2066}";
    let scans = json!({ "scans": [
        { "id": 1, "name": name, "status": "run\u{1b}[8mning", "uuid": "\u{1b}c\u{7}" },
        { "id": 2, "name": "=cmd|' /C calc'!A1", "status": "completed", "uuid": OLD },
        { "id": 3, "name": "@SUM(1,2)", "status": "completed", "uuid": OLD },
        { "id": 4, "name": "\t=1+1", "status": "completed", "uuid": OLD },
        { "id": 5, "name": "-2+3", "status": "completed", "uuid": OLD },
        { "id": 6, "name": "＝1+1", "status": "completed", "uuid": OLD },
    ] });
    vendor.expect(get("/scans").reply(answer(200, &scans)).repeatedly());
    let dangerous = |text: &str| text.chars().any(|symbol| symbol.is_control() && symbol != '\n');
    let bidirectional = |text: &str| text.contains(['\u{202e}', '\u{2066}']);
    for arguments in [&["scans", "list"][..], &["list"], &["runs", "list"], &["scans", "list", "--color", "never"]] {
        let output = env.run(arguments).expect_code(0);
        for text in [&output.stdout, &output.stderr] {
            assert!(!dangerous(text) && !bidirectional(text), "{arguments:?}: {text:?}");
        }
        assert!(!output.stdout.lines().any(|line| line.starts_with("io/666")), "{output}");
    }
    let csv = env.run(&["scans", "list", "-f", "csv"]).expect_code(0).stdout;
    assert!(!csv.chars().any(|symbol| symbol.is_control() && !matches!(symbol, '\t' | '\r' | '\n')), "{csv:?}");
    for cell in ["'=cmd|' /C calc'!A1", "\"'@SUM(1,2)\"", "\"'\t=1+1\"", "'-2+3", "'＝1+1"] {
        assert!(csv.contains(&format!(",{cell},")), "{cell}: {csv}");
    }
    // JSON carries it as it is, with the escapes of JSON.
    let output = env.run(&["scans", "list", "-f", "json"]).expect_code(0);
    assert_eq!(output.json()["items"][0]["name"], name);
    assert!(!dangerous(&output.stdout) && !bidirectional(&output.stdout), "{:?}", output.stdout);
    let lines = env.run(&["scans", "list", "-f", "ndjson"]).expect_code(0).stdout;
    assert_eq!(serde_json::from_str::<Value>(lines.lines().next().unwrap()).unwrap()["name"], name);
    assert!(!dangerous(&lines) && !bidirectional(&lines), "{lines:?}");
}

#[test]
fn hostile_refusals_and_ids_have_no_power_either() {
    let (env, vendor) = home();
    let evil = "no\u{1b}[2J\u{9b}\r\nio/666  completed\u{202e}";
    vendor.expect(get_details().reply(refusal(403, evil)).repeatedly());
    let output = env.run(&["status", "io/219", "-f", "json"]).expect_code(4);
    assert!(!output.stderr.contains(['\u{1b}', '\u{9b}', '\u{202e}']), "{:?}", output.stderr);
    assert!(output.stderr.contains("\\u202e"), "{output}");
    let output = env.run(&["status", "io/219", "-vvv"]).expect_code(4);
    assert!(!output.stderr.contains(['\u{1b}', '\r', '\u{202e}']), "{:?}", output.stderr);
    assert!(!output.stderr.lines().any(|line| line.starts_with("io/666")), "{output}");
    vendor.expect(launch().reply(launched("a\u{1b}[2J\nio/666")));
    let output = env.run(&["launch", "io/219", "-q"]);
    assert!(!output.stdout.contains('\u{1b}') && output.stdout.lines().count() <= 1, "{output}");
    vendor.expect(get_latest().replies(["a\u{1b}[2J\nb", "completed"].map(latest)).repeatedly());
    vendor.expect(get_run().reply(run("completed")));
    let output = env.run(&["wait", ADDRESS]).expect_code(0);
    assert!(!output.stderr.contains('\u{1b}') && !output.stderr.contains("\nb"), "{:?}", output.stderr);
}

#[test]
fn the_environment_speaks_where_no_flag_does() {
    let (mut env, vendor) = home();
    env.profile("io-eu", "tenable-io", &vendor.url(), "");
    vendor.expect(get("/scans").reply(list()).repeatedly());
    env.run(&["scans", "list"]).expect_code(2);
    env.set("SCANCTL_PROFILE", "io-eu").set("SCANCTL_FORMAT", "ndjson");
    let output = env.run(&["scans", "list"]).expect_code(0);
    assert!(output.stdout.starts_with(r#"{"profile":"io-eu","#), "{output}");
    let output = env.run(&["scans", "list", "-p", "io", "-f", "csv"]).expect_code(0);
    assert!(output.stdout.contains("\r\nio/219,"), "{output}");
    env.run(&["scans", "list", "-o", "list.json"]).expect_code(0);
    assert!(env.read("list.json").unwrap().starts_with("{\n  \"schema_version\": 1,"));
    // An address names its profile in place.
    vendor.expect(launch());
    assert_eq!(env.run(&["launch", "io/219", "-q"]).expect_code(0).stdout, format!("{ADDRESS}\n"));
    env.set("SCANCTL_FORMAT", "xml");
    env.run(&["scans", "list"]).expect_code(2);
    env.set("SCANCTL_FORMAT", "").set("SCANCTL_PROFILE", "io,io-eu");
    let output = env.run(&["scans", "list"]).expect_code(0);
    assert_eq!(output.stdout.lines().count(), 7, "{output}");

    let elsewhere = env.file("elsewhere.toml", "default_profile = 'nope'", 0o600);
    env.set("SCANCTL_CONFIG", elsewhere.to_str().unwrap()).set("SCANCTL_PROFILE", "");
    let output = env.run(&["scans", "list"]).expect_code(3);
    assert!(output.stderr.contains("elsewhere.toml"), "{output}");
    let own = env.config_path();
    env.run(&["scans", "list", "-p", "io", "--config", own.to_str().unwrap()]).expect_code(0);
}

#[test]
fn logs_come_when_asked_for_and_say_calls_alone() {
    let (mut env, vendor) = home();
    vendor.expect(get("/scans").reply(list()).repeatedly());
    assert_eq!(env.run(&["scans", "list"]).expect_code(0).stderr, "");
    let output = env.run(&["scans", "list", "-v"]).expect_code(0);
    assert!(
        output.stderr.contains("GET") && output.stderr.contains("/scans") && output.stderr.contains("status=200"),
        "{output}"
    );
    env.set("SCANCTL_LOG", "debug");
    let output = env.run(&["scans", "list", "--log-format", "json"]).expect_code(0);
    let lines: Vec<Value> = output.stderr.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(lines.iter().any(|line| line["fields"]["status"] == 200), "{output}");
    // The libraries below would show headers.
    env.set("SCANCTL_LOG", "trace,hyper=trace,reqwest=trace");
    let output = env.run(&["scans", "list"]).expect_code(0);
    assert!(!output.stderr.to_lowercase().contains("x-apikeys") && !output.stderr.contains("hyper"), "{output}");
}

#[test]
fn colour_is_for_terminals_unless_said_otherwise() {
    let (mut env, vendor) = home();
    vendor.expect(get("/scans").reply(list()).repeatedly());
    let coloured = |output: Output| output.expect_code(0).stdout.contains('\u{1b}');
    let list = ["scans", "list", "--progress", "none"];
    assert!(!coloured(env.run(&list)));
    assert!(coloured(env.run_in_terminal(&list, 200)));
    assert!(coloured(env.run(&[&list[..], &["--color", "always"]].concat())));
    assert!(!coloured(env.run_in_terminal(&[&list[..], &["--color", "never"]].concat(), 200)));
    env.set("CLICOLOR_FORCE", "1");
    assert!(coloured(env.run(&list)));
    env.set("CLICOLOR_FORCE", "0");
    assert!(!coloured(env.run(&list)));
    env.set("CLICOLOR_FORCE", "1").set("NO_COLOR", "1");
    assert!(!coloured(env.run(&list)));
    assert!(!coloured(env.run_in_terminal(&list, 200)));
    assert!(coloured(env.run(&[&list[..], &["--color", "always"]].concat())));
    // Data for programs has none in any case.
    assert!(!coloured(env.run(&["scans", "list", "-f", "json", "--color", "always"])));
}

#[test]
fn tables_fit_a_terminal_of_80_columns() {
    let (mut env, vendor) = home();
    env.set("NO_COLOR", "1");
    vendor.expect(get("/scans").reply(list()).repeatedly());
    vendor.expect(get_details().reply(details_of_run("running")).repeatedly());
    for arguments in
        [&["scans", "list"][..], &["list"], &["runs", "list"], &["status", "io/219"], &["profiles", "list"]]
    {
        let output = env.run_in_terminal(arguments, 80).expect_code(0);
        let widest = output.stdout.lines().map(|line| line.chars().count()).max().unwrap();
        assert!(widest <= 80, "{arguments:?}: {widest}\n{output}");
        // An address is there to be copied.
        if arguments != ["profiles", "list"] {
            assert!(output.stdout.contains("io/219"), "{output}");
        }
    }
    let scans = env.run_in_terminal(&["scans", "list"], 80);
    assert!(scans.stdout.lines().next().unwrap().contains("ENABLED"), "{scans}");
    // In a pipe nothing is cut.
    let output = env.run(&["scans", "list"]).expect_code(0);
    assert!(output.stdout.contains("FREQ=WEEKLY;INTERVAL=1;BYDAY=MO 20191118T060000 Etc/UTC"), "{output}");
}
