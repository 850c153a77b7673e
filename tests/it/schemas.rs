//! `scanctl schema`: every kind of JSON that the program really prints, against the schema that it prints of it. All
//! other tests do the same for whatever documents and errors they meet.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use scanctl::output::schema::Kind;
use serde_json::{Value, json};

use crate::common::Env;
use crate::common::schema::{wrong_in_document, wrong_in_line};

/// Calls in one sandbox, each with the kind that it prints. What stands between two calls is other shell.
const CALLS: &[(&str, &str)] = &[
    ("profiles", "profiles list"),
    ("profiles", "profiles show io director"),
    ("profiles", "profiles check"),
    ("backends", "backends"),
    ("schemas", "schema"),
    ("scans", "scans list -p all"),
    ("scans", "scans show io/219 jsa/2"),
    ("outcomes", "launch io/219 sc/2 director/9 jsa/2 cf/3a96f5ba-f6e1-4111-bc27-f354080b5160 --wait"),
    ("outcomes", "launch io/219 -n"),
    ("outcomes", "scans update cf/3a96f5ba-f6e1-4111-bc27-f354080b5160 --frequency 3 -n"),
    ("runs", "runs list jsa/2 --fields id"),
    ("outcomes", "pause io/219 jsa/2 io/nothing"),
    ("runs", "status io/219 sc/2@latest jsa/2 cf/3a96f5ba-f6e1-4111-bc27-f354080b5160"),
    ("runs", "runs list -p all"),
    ("runs", "list"),
    ("outcomes", "wait io/219"),
    ("findings", "results io/219 sc/2@latest jsa/2 cf/3a96f5ba-f6e1-4111-bc27-f354080b5160"),
];

/// Runs the calls, each into a document and into lines, and gives both by the number of the call.
fn printed(env: &mut Env) -> Vec<(String, String)> {
    let program = Path::new(env!("CARGO_BIN_EXE_scanctl"));
    let folder = program.parent().unwrap().to_str().unwrap();
    env.set("PATH", &format!("{folder}:/usr/bin:/bin"));
    let script: String = CALLS
        .iter()
        .enumerate()
        .map(|(at, (_, call))| format!("scanctl {call} -o {at}.json -o {at}.ndjson 2>{at}.err\n"))
        .collect();
    env.run(&["sandbox", "--speed", "100000", "--", "sh", "-c", &script]);
    let file = |at: usize, end: &str| {
        let err = env.read(&format!("{at}.err")).unwrap_or_default();
        env.read(&format!("{at}.{end}")).unwrap_or_else(|| panic!("{} wrote no {end}: {err}", CALLS[at].1))
    };
    (0..CALLS.len()).map(|at| (file(at, "json"), file(at, "ndjson"))).collect()
}

#[test]
fn what_every_command_prints_is_what_its_schema_says() {
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    for ((kind, call), (document, lines)) in CALLS.iter().zip(printed(&mut Env::new())) {
        let document: Value = serde_json::from_str(&document).unwrap();
        assert_eq!(document["kind"], *kind, "{call}");
        assert_eq!(wrong_in_document(&document), Vec::<String>::new(), "{call}");
        let items = document["items"].as_array().unwrap();
        *seen.entry(kind).or_default() += items.len();
        let lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        for line in &lines {
            assert_eq!(wrong_in_line(kind, line), Vec::<String>::new(), "{call}");
        }
        let marks = lines.iter().filter(|line| line["kind"] == "end").count();
        assert_eq!((lines.len() - marks, marks), (items.len(), usize::from(document["complete"] == false)), "{call}");
    }
    let enough = [
        ("outcomes", 10),
        ("runs", 8),
        ("scans", 8),
        ("findings", 30),
        ("profiles", 12),
        ("backends", 100),
        ("schemas", Kind::ALL.len()),
    ];
    for (kind, least) in enough {
        assert!(seen[kind] >= least, "{seen:?}");
    }
}

/// Reports of this project and, where they are at hand, real ones.
fn reports() -> Vec<String> {
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/nessus")];
    folders.extend(crate::recorded::samples().map(|folder| folder.join("nessus")));
    let mut found = Vec::new();
    for folder in folders {
        let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path().to_str().unwrap().to_owned());
        found.extend(files.filter(|path| path.ends_with(".nessus")));
    }
    found.sort();
    found
}

#[test]
fn findings_and_differences_of_real_and_hostile_reports_too() {
    let env = Env::new();
    let reports = reports();
    let none = "<NessusClientData_v2><Report/></NessusClientData_v2>";
    let mut older = env.file("older.nessus", none, 0o600).to_str().unwrap().to_owned();
    let mut changes = BTreeSet::new();
    for report in reports {
        let file = |name: &str| env.read(name).unwrap();
        env.run(&["results", "--from", &report, "-o", "a.json", "-o", "a.ndjson"]).expect_code(0);
        env.run(&["diff", &older, &report, "-o", "b.json", "-o", "b.ndjson"]).expect_code(0);
        for (kind, name) in [("findings", "a"), ("diff", "b")] {
            let document: Value = serde_json::from_str(&file(&format!("{name}.json"))).unwrap();
            assert_eq!((&document["kind"], wrong_in_document(&document)), (&json!(kind), vec![]), "{report}");
            for line in file(&format!("{name}.ndjson")).lines() {
                let line = serde_json::from_str(line).unwrap();
                assert_eq!(wrong_in_line(kind, &line), Vec::<String>::new(), "{report}");
            }
            let all = document["items"].as_array().unwrap();
            changes.extend(all.iter().filter_map(|item| item["change"].as_str()).map(str::to_owned));
        }
        older = report;
    }
    assert!(changes.contains("new") && changes.contains("fixed"), "{changes:?}");
}

#[test]
fn a_report_that_is_cut_off_ends_with_the_mark() {
    let env = Env::new();
    let whole = fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/nessus/hostile.nessus")).unwrap();
    env.file("cut.nessus", &whole[..whole.len() - 40], 0o600);
    let output = env.run(&["results", "--from", "cut.nessus", "-f", "ndjson"]).expect_code(16);
    let last: Value = serde_json::from_str(output.stdout.lines().last().unwrap()).unwrap();
    assert_eq!(last, json!({ "kind": "end", "complete": false }));
    for line in output.stdout.lines() {
        assert_eq!(wrong_in_line("findings", &serde_json::from_str(line).unwrap()), Vec::<String>::new());
    }
    // The error and the document are looked at as in every test.
    env.run(&["results", "--from", "cut.nessus", "-f", "json"]).expect_code(16);
}

#[test]
fn a_missing_or_misspelt_key_and_a_strange_word_are_noticed() {
    let (env, error) = (Env::new(), |line: &Value| wrong_in_line("error", line).len());
    let output = env.run(&["backends", "juniper", "-f", "json"]).expect_code(0).json();
    let wrong = |change: &dyn Fn(&mut Value)| {
        let mut changed = output.clone();
        change(&mut changed);
        wrong_in_document(&changed).len()
    };
    assert_eq!(wrong(&|_| {}), 0);
    assert_eq!(wrong(&|document| drop(document["items"][0].as_object_mut().unwrap().remove("note"))), 1);
    assert_eq!(wrong(&|document| document["items"][0]["notes"] = json!(null)), 1);
    assert_eq!(wrong(&|document| document["items"][0]["support"] = json!("perhaps")), 1);
    assert_eq!(wrong(&|document| document["items"][0]["verb"] = json!("lunch")), 1);
    assert_eq!(wrong(&|document| document["complete"] = json!(null)), 1);
    assert_eq!(wrong(&|document| document["more"] = json!(1)), 1);
    assert_eq!(wrong(&|document| document["schema_version"] = json!(2)), 1);
    assert!(wrong(&|document| document["kind"] = json!("runs")) > 0);
    assert_eq!(wrong(&|document| document["kind"] = json!("run")), 1);
    let stderr = env.run(&["launch", "io/219", "-f", "json"]).expect_code(3).stderr;
    let line: Value = serde_json::from_str(stderr.lines().last().unwrap()).unwrap();
    assert_eq!(error(&line), 0);
    for (key, value) in [("kind", json!("success")), ("retryable", json!(null)), ("cause", json!("x"))] {
        let mut line = line.clone();
        line["error"][key] = value;
        assert_eq!(error(&line), 1, "{key}");
    }
}

#[test]
fn log_lines_are_what_their_schema_says() {
    let output = Env::new().run(&["sandbox", "--", "scanctl", "list", "-vv", "--log-format", "json"]).expect_code(0);
    let lines = output.stderr.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    // What they hold is looked at as in every test.
    assert!(lines.filter(|line| line["level"] == "DEBUG").count() > 3, "{output}");
}

#[test]
fn a_schema_is_printed_listed_and_written_to_a_file() {
    let env = Env::new();
    for kind in Kind::ALL {
        let schema = env.run(&["schema", kind.name()]).expect_code(0).json();
        assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
        env.run(&["schema", kind.name(), "--line", "-o", "line.json"]).expect_code(0);
        let line: Value = serde_json::from_str(&env.read("line.json").unwrap()).unwrap();
        assert_eq!(schema["$id"] != line["$id"], kind.has_document(), "{kind:?}");
    }
    let listed = env.run(&["schema", "-f", "csv"]).expect_code(0).stdout;
    let names: Vec<&str> = listed.lines().skip(1).filter_map(|line| line.split(',').next()).collect();
    assert_eq!(names, Kind::ALL.map(Kind::name));
    let output = env.run(&["schema", "finding"]).expect_code(2);
    assert_output!(env, output, @r"
    exit code: 2
    ----- stderr -----
    error: there is no schema `finding`

    hint: did you mean `findings`?
    ");
    env.run(&["schema", "findings", "-f", "csv"]).expect_code(2);
    env.run(&["schema", "--line"]).expect_code(2);
}

#[test]
fn every_kind_that_the_source_writes_has_a_schema() {
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
    let mut kinds = BTreeSet::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = fs::read_to_string(&path).unwrap_or_default();
            for mark in ["const KIND: &'static str = \"", "\\\"schema_version\\\":1,\\\"kind\\\":\\\""] {
                for (at, _) in text.match_indices(mark) {
                    let word: String = text[at + mark.len()..].chars().take_while(char::is_ascii_alphabetic).collect();
                    kinds.insert(word);
                }
            }
        }
    }
    let documents: BTreeSet<String> =
        Kind::ALL.into_iter().filter(|kind| kind.has_document()).map(|kind| kind.name().to_owned()).collect();
    assert_eq!(kinds, documents);
}
