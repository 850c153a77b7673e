//! What is new, what is fixed, and what nobody can know.

use serde_json::{Value, json};

use super::{home, in_sandbox};
use crate::common::Env;

#[test]
fn a_gate_on_new_findings_says_how_to_see_them() {
    let env = home();
    let asked = ["results", "--from", "newer.nessus", "--baseline", "./older.nessus", "--fail-on-new", "medium"];
    let output = env.run(&asked).expect_code(10);
    assert!(output.stderr.contains("hint: `scanctl diff ./older.nessus file:newer.nessus` tells which"), "{output}");
    let pasted = env.run(&["diff", "./older.nessus", "file:newer.nessus", "-f", "json"]).expect_code(0);
    let document = pasted.json();
    assert_eq!((&document["kind"], &document["complete"]), (&json!("diff"), &json!(true)));
    let changes: Vec<&Value> = document["items"].as_array().unwrap().iter().map(|item| &item["change"]).collect();
    for change in ["new", "fixed", "unchanged"] {
        assert!(changes.contains(&&json!(change)), "{change}");
    }
    let same = ["results", "--from", "newer.nessus", "--baseline", "file:newer.nessus", "--fail-on-new"];
    env.run(&same).expect_code(0);
}

/// Findings as `results -f json` saves them, of open ports.
fn ports(ports: &[u16]) -> String {
    let items: Vec<Value> = ports
        .iter()
        .map(|port| {
            json!({
                "id": format!("{port:032x}"), "profile": "cf", "backend": "cloudflare", "scan": "c", "run": null,
                "host": "192.0.2.3", "ip": "192.0.2.3", "port": port, "protocol": "tcp", "service": null,
                "plugin_id": null, "plugin_name": "open port", "plugin_family": null, "severity": "info",
                "severity_source": "derived", "cves": [], "cwes": [], "see_also": [], "output": null,
            })
        })
        .collect();
    json!({"schema_version": 1, "kind": "findings", "items": items, "complete": true}).to_string()
}

#[test]
fn an_open_port_that_is_no_longer_listed_is_never_called_fixed() {
    let env = Env::new();
    env.file("older.json", ports(&[22, 80, 443]), 0o644);
    env.file("newer.json", ports(&[80, 8080]), 0o644);
    let compared = |format: &str| {
        let output = env.run(&["diff", "./older.json", "./newer.json", "-f", format]).expect_code(0);
        assert!(
            output.stderr.contains(
                "note: 2 open ports of the older report are not in the newer one, which does not tell that they are closed"
            ),
            "{output}"
        );
        output.stdout
    };
    insta::assert_snapshot!(compared("table"), @r"
    CHANGE  SEVERITY        HOST       PORT      PLUGIN  NAME
    new     info (derived)  192.0.2.3  8080/tcp  -       open port
    unseen  info (derived)  192.0.2.3  22/tcp    -       open port
    unseen  info (derived)  192.0.2.3  443/tcp   -       open port

    1 new, 0 fixed, 0 changed, 1 unchanged, 2 unseen (not known to be closed) in ./newer.json since ./older.json
    ");
    for format in ["json", "ndjson"] {
        let text = compared(format);
        assert_eq!(text.matches("\"change\":\"unseen\",\"severity_before\":\"info\"").count(), 2, "{text}");
        assert!(!text.contains("fixed"), "{text}");
    }
    let text = compared("markdown");
    assert!(text.starts_with("## Scan findings: 1 new, 0 fixed, 2 unseen\n"), "{text}");
    assert!(text.contains("### Unseen, not known to be closed") && !text.contains("### Fixed"), "{text}");
    let sarif: Value = serde_json::from_str(&compared("sarif")).unwrap();
    let results = sarif["runs"][0]["results"].as_array().unwrap();
    let absent: Vec<&str> = results
        .iter()
        .filter(|result| result["baselineState"] == "absent")
        .map(|result| result["message"]["text"].as_str().unwrap())
        .collect();
    assert_eq!(absent.len(), 2);
    assert!(absent.iter().all(|text| text.ends_with(", no longer seen, not known to be closed")), "{absent:?}");
    let page = compared("html");
    assert!(page.contains("<b>0</b> Fixed</li>"));
    assert!(page.contains("<b>2</b> No longer seen, not known to be closed</li>"));

    // A check that ran again and found nothing tells more.
    let env = home();
    let output = env.run(&["diff", "./older.nessus", "./newer.nessus"]).expect_code(0);
    assert!(!output.stdout.contains("unseen") && !output.stderr.contains("closed"), "{output}");
}

#[test]
fn an_empty_file_of_lines_is_an_older_report_without_findings() {
    let env = home();
    let none = ["results", "--from", "newer.nessus", "--host", "203.0.113.9", "-o", "clean.ndjson"];
    env.run(&none).expect_code(0);
    assert_eq!(env.read("clean.ndjson").as_deref(), Some(""));
    env.file("clean.jsonl", "", 0o644);
    env.file("clean.json", "", 0o644);
    let count = env.run(&["results", "--from", "newer.nessus", "-f", "ndjson"]).expect_code(0).stdout.lines().count();
    for older in ["./clean.ndjson", "./clean.jsonl"] {
        env.run(&["results", "--from", "newer.nessus", "--baseline", older, "--fail-on-new"]).expect_code(10);
        let output = env.run(&["diff", older, "./newer.nessus", "-f", "ndjson"]).expect_code(0);
        assert_eq!(output.stdout.matches("\"change\":\"new\"").count(), count, "{output}");
    }
    // Where it would close what is open, an empty file is none.
    for asked in [
        &["results", "--from", "clean.ndjson"][..],
        &["diff", "./older.nessus", "./clean.ndjson"],
        &["diff", "./clean.json", "./newer.nessus"],
        &["results", "--from", "newer.nessus", "--baseline", "file:-", "--fail-on-new"],
    ] {
        let output = env.run(asked).expect_code(16);
        assert!(output.stderr.contains("the report is empty"), "{output}");
    }
}

#[test]
fn an_older_report_that_comes_once_may_have_nothing_that_passes_the_filter() {
    let env = home();
    let from = |name: &str, asked: &[&str]| env.spawn_from(asked, std::fs::File::open(env.path(name)).unwrap()).wait();
    let asked = ["diff", "file:-", "./newer.nessus", "--host", "203.0.113.9", "-f", "json"];
    let document = from("older.nessus", &asked).expect_code(0).json();
    assert_eq!((&document["complete"], &document["items"]), (&json!(true), &json!([])));
    env.file("plain.nessus", "<NessusClientData_v2><Report name='r'></Report></NessusClientData_v2>", 0o644);
    from("plain.nessus", &["diff", "file:-", "./newer.nessus", "--fail-on-new"]).expect_code(10);
    let output = in_sandbox(&env, "scanctl diff io/219@latest~1 io/219@latest --host nomatch -f json").expect_code(0);
    assert_eq!(output.json()["items"], json!([]));
}

#[test]
fn what_this_program_wrote_it_reads_whatever_its_values_are() {
    let env = home();
    let long = "x".repeat(5000);
    let row = format!("<ReportHost name='{long}'><ReportItem port='1' severity='4' pluginID='{long}' pluginName='n'/>");
    let report = format!("<NessusClientData_v2><Report>{row}</ReportHost></Report></NessusClientData_v2>");
    env.file("long.nessus", report, 0o644);
    for format in ["json", "ndjson"] {
        let saved = format!("saved.{format}");
        env.run(&["results", "--from", "long.nessus", "-o", &saved]).expect_code(0);
        let output = env.run(&["diff", "./long.nessus", &format!("./{saved}"), "-f", "json"]).expect_code(0);
        assert_eq!(output.json()["items"][0]["change"], "unchanged");
    }
    let output = env.spawn_from(
        &["diff", "file:-", "./newer.nessus", "--plugin", &long],
        std::fs::File::open(env.path("long.nessus")).unwrap(),
    );
    assert!(output.wait().expect_code(0).stdout.contains("0 new, 1 fixed"));
}

#[test]
fn runs_of_a_vendor_are_compared_and_named_in_full() {
    let env = Env::new();
    let output = in_sandbox(&env, "scanctl diff io/219@latest~1 io/219 --min-severity medium").expect_code(0);
    let last = output.stdout.lines().last().unwrap();
    let (_, newer, older) = match last.split_once(" in ").and_then(|(counts, rest)| {
        let (newer, older) = rest.split_once(" since ")?;
        Some((counts, newer, older))
    }) {
        Some(parts) => parts,
        None => panic!("{output}"),
    };
    for address in [newer, older] {
        assert!(address.starts_with("io/219@") && address.len() > "io/219@latest~1".len(), "{output}");
    }
    assert_ne!(newer, older);
    in_sandbox(&env, "scanctl diff io/219@latest~1 io/219 --fail-on-new low").expect_code(10);
}

#[test]
fn flags_of_findings_lead_from_launch_and_wait_to_results() {
    let env = Env::new();
    let output = env.run(&["wait", "io/219", "--columns", "core", "--fail-on", "high"]).expect_code(2);
    assert!(
        output.stderr.contains(
            "hint: `scanctl wait io/219 && scanctl results io/219 --fail-on high --columns core`, or from the start: \
             `run=$(scanctl launch -q --wait …) && scanctl results \"$run\" --fail-on high --columns core`"
        ),
        "{output}"
    );
    let output = env.run(&["launch", "io/219", "--include-ports", "-o", "a.sarif"]).expect_code(2);
    assert!(
        output.stderr.contains(
            "hint: run=$(scanctl launch -q --wait io/219) && scanctl results \"$run\" --include-ports -o a.sarif"
        ),
        "{output}"
    );
}

#[test]
fn an_older_file_of_another_kind_is_named_and_not_called_cut_off() {
    let env = home();
    let readable = "hint: take a .nessus report, or what `scanctl results` wrote with `-f json` or `-f ndjson`";
    for (format, name, what) in [
        ("sarif", "a.sarif", "not a .nessus report, but a SARIF document"),
        ("ocsf", "ocsf.out", "not a .nessus report, but events of OCSF"),
        ("ocsf-array", "array.out", "not a .nessus report, but events of OCSF"),
        ("defectdojo", "dojo.out", "not a .nessus report, but findings for DefectDojo"),
        ("csv", "a.csv", "not a .nessus report; it begins with `"),
    ] {
        env.run(&["results", "--from", "older.nessus", "-o", &format!("{format}={name}")]).expect_code(0);
        let output =
            env.run(&["results", "--from", "newer.nessus", "--baseline", &format!("./{name}")]).expect_code(16);
        assert!(output.stderr.contains(what) && output.stderr.contains(readable), "{output}");
        assert!(!output.stderr.contains("not whole") && !output.stderr.contains("cut off"), "{output}");
    }
    for (format, what) in
        [("json", "the document holds diff, not findings"), ("ndjson", "but what `scanctl diff` wrote")]
    {
        env.run(&["diff", "./older.nessus", "./newer.nessus", "-o", &format!("{format}=diff.out")]).expect_code(0);
        let output = env.run(&["results", "--from", "diff.out"]).expect_code(16);
        assert!(output.stderr.contains(what) && output.stderr.contains(readable), "{output}");
    }
    let whole = env.read("older.nessus").unwrap();
    env.file("cut.nessus", &whole[..whole.len() / 2], 0o644);
    let output = env.run(&["diff", "./cut.nessus", "./newer.nessus"]).expect_code(16);
    let told = "error: ./cut.nessus: nothing can be compared with it\n  caused by: the report is cut off";
    assert!(output.stderr.contains(told), "{output}");
}
