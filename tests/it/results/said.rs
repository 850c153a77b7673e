//! What is said of a call beside its documents: mistakes in its words, flags without a use, whose warning it is.

use serde_json::json;

use super::home;
use crate::common::Env;
use crate::common::env::Output;

/// The hint of the error in the last line.
fn hint(output: &Output) -> String {
    let line = output.stderr.lines().last().unwrap_or_default();
    let error: serde_json::Value = serde_json::from_str(line).unwrap_or_else(|_| panic!("{output}"));
    error["error"]["hint"].as_str().unwrap_or_default().to_owned()
}

#[test]
fn a_file_in_the_place_of_a_run_is_told_where_files_go() {
    let env = home();
    for (run, expected) in [
        ("./newer.nessus", "scanctl results --from ./newer.nessus"),
        ("newer.nessus", "scanctl results --from newer.nessus"),
        ("file:newer.nessus", "scanctl results --from newer.nessus"),
        ("/tmp/a b", "scanctl results --from '/tmp/a b'"),
        ("-", "scanctl results --from -"),
    ] {
        let output = env.run(&["results", run, "--log-format", "json"]).expect_code(2);
        assert_eq!(hint(&output), expected);
    }
    for asked in [
        &["results", "--from", "newer.nessus", "--baseline", "-", "--log-format", "json"][..],
        &["diff", "-", "./newer.nessus", "--log-format", "json"],
    ] {
        assert_eq!(hint(&env.run(asked).expect_code(2)), "stdin is written `file:-` here");
    }
}

#[test]
fn a_limit_that_is_another_argument_is_told_from_a_mistyped_one() {
    let env = home();
    let asked = |words: &[&str]| hint(&env.run(words).expect_code(2));
    let expected = "put --fail-on-new last, or write --fail-on-new=info";
    assert_eq!(asked(&["results", "--baseline", "./x", "--fail-on-new", "io/244", "-f", "json"]), expected);
    assert_eq!(asked(&["diff", "--fail-on-new", "./a", "./b", "-f", "json"]), expected);
    let mistyped = asked(&["diff", "--fail-on-new", "hihg", "./a", "./b", "-f", "json"]);
    assert_eq!(mistyped, "the severities are critical, high, medium, low, info");
}

#[test]
fn flags_that_no_document_has_a_use_for_are_told() {
    let env = home();
    let said = |more: &[&str]| {
        let words = [&["results", "--from", "newer.nessus", "-o", "csv=a.csv"][..], more].concat();
        env.run(&words).expect_code(0).stderr
    };
    let ports = "warning: --include-ports changes nothing: it is about ocsf and ocsf-array, and none is written";
    assert!(said(&["--include-ports", "--columns", "core"]).contains(ports));
    assert!(!said(&["--include-ports", "-o", "ocsf=b"]).contains("changes nothing"));
    let words = ["results", "--from", "newer.nessus", "-f", "json", "--columns", "core"];
    let output = env.run(&words).expect_code(0);
    let columns = "warning: --columns changes nothing: it is about csv and table, and none is written";
    assert!(output.stderr.contains(columns), "{output}");
}

#[test]
fn a_warning_about_a_file_names_it() {
    let env = Env::new();
    let port = json!({
        "id": "0123456789abcdef0123456789abcdef", "profile": "cf", "backend": "cloudflare", "scan": "c", "run": null,
        "host": "192.0.2.3", "ip": "192.0.2.3", "port": 22, "protocol": "tcp", "service": null, "plugin_id": null,
        "plugin_name": "open port", "plugin_family": null, "severity": "info", "severity_source": "derived",
        "cves": [], "cwes": [], "see_also": [], "output": null,
    });
    let document = json!({"schema_version": 1, "kind": "findings", "items": [port], "complete": true});
    env.file("ports.json", document.to_string(), 0o644);
    let words = ["results", "--from", "ports.json", "-o", "ocsf=a", "-o", "ocsf-array=b", "-o", "ocsf=-"];
    let output = env.run(&words).expect_code(0);
    for start in ["warning: a: OCSF: left out 1", "warning: b: OCSF: left out 1", "warning: OCSF: left out 1"] {
        assert_eq!(output.stderr.lines().filter(|line| line.starts_with(start)).count(), 1, "{output}");
    }
}

#[test]
fn a_failure_of_a_comparison_is_told_as_one() {
    let env = home();
    env.file("cut.nessus", "<NessusClientData_v2><Report name=\"r\">", 0o644);
    for sides in [["./cut.nessus", "./newer.nessus"], ["./newer.nessus", "./cut.nessus"]] {
        let output = env.run(&["diff", sides[0], sides[1], "-f", "json"]).expect_code(16);
        assert!(output.stderr.contains("\"verb\":\"diff\",\"address\":\"./cut.nessus\""), "{output}");
    }
    env.profile("jsa", "juniper", "http://127.0.0.1:9", "");
    let output = env.run(&["diff", "jsa/1", "jsa/2", "--via", "analysis", "-f", "json"]).expect_code(7);
    assert!(output.stderr.contains("\"verb\":\"diff\""), "{output}");
}
