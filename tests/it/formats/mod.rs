//! One report in which every text tries something, through every format: each document is read back by a parser of its
//! kind, and what has none is taken apart until only the writer's own marks are left.
//!
//! Not for: what a format's rows look like otherwise; that stands beside each writer.

mod hostile_report;
mod place;
mod reading;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use serde_json::{Value, json};

use self::hostile_report::ATTACKS;
use crate::common::Env;

const FORMATS: [&str; 10] =
    ["table", "json", "ndjson", "csv", "sarif", "ocsf", "ocsf-array", "defectdojo", "markdown", "html"];

/// What XML forbids, and so comes from the JSON of an API alone.
const COMMANDS: [&str; 6] = [
    "\u{1b}[2J\u{1b}]0;title\u{7}\u{1b}]52;c;aGFja2Vk\u{7}\u{1b}[8m",
    "a\0b\u{1}\u{8}\u{c}\u{1f}",
    "\u{1b}P1$q\u{1b}\\\u{1b}_x\u{1b}\\\r\nio/666  completed",
    "\tx\r=1+1\u{7f}",
    "\u{fffe}\u{ffff}\u{fdd0}\u{feff}",
    "\u{e0041}\u{ad}\u{600}\u{180e} \n\t ",
];

/// The documents of all formats, made in one pass.
struct Documents(BTreeMap<&'static str, String>);

impl Documents {
    fn of(report: &str, extension: &str) -> Self {
        let env = Env::new();
        let name = format!("hostile.{extension}");
        env.file(&name, report, 0o644);
        let mut arguments: Vec<String> = ["results", "--from", &name, "--include-ports"].map(str::to_owned).into();
        for format in FORMATS {
            arguments.extend(["-o".to_owned(), format!("{format}=out.{format}")]);
        }
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let output = env.run(&arguments).expect_code(0);
        assert_harmless("stderr", &output.stderr);
        Self(FORMATS.map(|format| (format, env.read(&format!("out.{format}")).expect("it is written"))).into())
    }

    fn items(&self) -> Vec<Value> {
        let document: Value = serde_json::from_str(&self.0["json"]).unwrap();
        document["items"].as_array().unwrap().clone()
    }
}

/// As a scanner writes it.
static NESSUS: LazyLock<Documents> = LazyLock::new(|| Documents::of(&hostile_report::report(), "nessus"));

/// As an API tells it: every text of every row is one of the attacks.
static SAVED: LazyLock<Documents> = LazyLock::new(|| {
    let items: Vec<Value> = ATTACKS.iter().chain(&COMMANDS).enumerate().map(|(at, text)| item(at, text)).collect();
    let document = json!({ "schema_version": 1, "kind": "findings", "complete": true, "items": items });
    Documents::of(&document.to_string(), "json")
});

fn item(at: usize, text: &str) -> Value {
    json!({
        "id": format!("{at:016x}{at:016x}"), "profile": text, "backend": text, "scan": text, "run": text, "host": text,
        "ip": text, "port": 443, "protocol": text, "service": text, "plugin_id": text, "plugin_name": text,
        "plugin_family": text, "severity": "high", "severity_source": "vendor", "cves": [text, "CVE-2024-0001"],
        "cwes": ["79"], "synopsis": text, "description": text, "solution": text, "see_also": [text], "output": text,
        "state": text,
    })
}

/// No character commands a terminal, moves a cursor or reorders a line.
fn assert_harmless(name: &str, text: &str) {
    let ends: &[char] = if name == "csv" { &['\n', '\r', '\t'] } else { &['\n'] };
    let found = text.char_indices().find(|(_, symbol)| {
        (symbol.is_control() || matches!(symbol, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'))
            && !ends.contains(symbol)
    });
    if let Some((at, symbol)) = found {
        let around: String = text[..at].chars().rev().take(80).collect::<Vec<_>>().into_iter().rev().collect();
        panic!("{name}: {symbol:?} after {around:?}");
    }
}

#[test]
fn no_format_carries_a_command() {
    for documents in [&*NESSUS, &*SAVED] {
        for (format, text) in &documents.0 {
            assert_harmless(format, text);
            assert!(text.ends_with('\n'), "{format}");
        }
    }
}

#[test]
fn json_loses_no_text() {
    let documents = &*SAVED;
    let items = documents.items();
    assert_eq!(items.len(), ATTACKS.len() + COMMANDS.len());
    for (at, (item, text)) in items.iter().zip(ATTACKS.iter().chain(&COMMANDS)).enumerate() {
        for key in ["host", "plugin_name", "synopsis", "description", "solution", "output", "state"] {
            assert_eq!(item[key].as_str(), Some(*text), "{key}");
        }
        assert_eq!(item["id"], format!("{at:016x}{at:016x}"));
    }
    for documents in [documents, &*NESSUS] {
        let lines: Vec<Value> = documents.0["ndjson"].lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines, documents.items());
    }
    let outputs: BTreeSet<String> =
        NESSUS.items().iter().filter_map(|item| item["output"].as_str().map(|text| text.trim().to_owned())).collect();
    for text in ATTACKS {
        // Where it is not written as a reference, XML makes one character of both.
        let plain = text.replace("\r\n", "\n");
        assert!(outputs.contains(text.trim()) || outputs.contains(plain.trim()), "{text:?}");
    }
}

#[test]
fn no_cell_is_a_formula() {
    for documents in [&*NESSUS, &*SAVED] {
        let rows = reading::csv(&documents.0["csv"]);
        assert_eq!(rows.len(), documents.items().len() + 1);
        for row in &rows {
            assert_eq!(row.len(), rows[0].len(), "{row:?}");
            for cell in row {
                assert!(!cell.starts_with(['=', '+', '-', '@', '\t', '\r']), "{cell:?}");
            }
        }
    }
}

#[test]
fn documents_for_programs_are_read_back_and_keep_their_limits() {
    fn longest(value: &Value) -> usize {
        match value {
            Value::String(text) => text.chars().count(),
            Value::Array(values) => values.iter().map(longest).max().unwrap_or(0),
            Value::Object(values) => values.values().map(longest).max().unwrap_or(0),
            _ => 0,
        }
    }
    for documents in [&*NESSUS, &*SAVED] {
        let count = documents.items().len();
        let read = |format: &str| serde_json::from_str::<Value>(&documents.0[format]).unwrap();

        let sarif = read("sarif");
        let [run] = sarif["runs"].as_array().unwrap().as_slice() else { panic!("one run") };
        assert_eq!(run["results"].as_array().unwrap().len(), count);
        let hashes: BTreeSet<&str> = run["results"]
            .as_array()
            .unwrap()
            .iter()
            .map(|result| {
                let place = &result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"];
                assert!(place.as_str().is_some_and(|place| !place.contains([' ', ':', '\\'])), "{place}");
                result["partialFingerprints"]["primaryLocationLineHash"].as_str().unwrap()
            })
            .collect();
        assert_eq!(hashes.len(), count);
        for rule in run["tool"]["driver"]["rules"].as_array().unwrap() {
            for text in [&rule["shortDescription"]["text"], &rule["fullDescription"]["text"]] {
                assert!((1..=1024).contains(&longest(text)), "{text}");
            }
        }

        let events: Vec<Value> = documents.0["ocsf"].lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(Value::Array(events.clone()), read("ocsf-array"));
        assert_eq!(events.len(), count);
        for vulnerability in events.iter().flat_map(|event| event["vulnerabilities"].as_array().unwrap()) {
            let kinds = ["advisory", "cve", "cwe"].iter().filter(|kind| vulnerability.get(kind).is_some()).count();
            assert_eq!(kinds, 1, "{vulnerability}");
        }

        let dojo = read("defectdojo");
        let findings = dojo["findings"].as_array().unwrap();
        assert_eq!(findings.len(), count);
        for finding in findings {
            for (key, most) in [("title", 511), ("service", 200), ("vuln_id_from_tool", 500)] {
                assert!(longest(&finding[key]) <= most, "{key}: {}", longest(&finding[key]));
            }
            assert!(!finding["title"].as_str().unwrap().trim().is_empty());
        }
    }
}

#[test]
fn a_table_has_one_line_a_row() {
    for documents in [&*NESSUS, &*SAVED] {
        let table = &documents.0["table"];
        let lines: Vec<&str> = table.lines().collect();
        let blank = lines.iter().position(|line| line.is_empty()).expect("counts stand apart");
        assert_eq!(blank, documents.items().len() + 1, "{}", lines[..3].join("\n"));
        assert!(lines.len() <= blank + 4, "{:?}", &lines[blank..]);
        // What separates lines for others than terminals does not stand in one either.
        assert!(!table.contains(['\u{2028}', '\u{2029}', '\u{85}', '\u{b}', '\u{c}']));
    }
}

#[test]
fn a_table_on_a_terminal_fits_and_only_has_colours() {
    let env = Env::new();
    env.file("hostile.nessus", hostile_report::report(), 0o644);
    for width in [40, 80, 140] {
        let arguments = ["results", "--from", "hostile.nessus", "--color", "always", "--progress", "none"];
        let output = env.run_in_terminal(&arguments, width).expect_code(0);
        let plain = reading::without_colours(&output.stdout);
        assert_harmless("table", &plain);
        // The counts below are a sentence, which a terminal may fold.
        for line in plain.lines().take_while(|line| !line.is_empty()) {
            let wide = unicode_width::UnicodeWidthStr::width(line);
            assert!(wide <= usize::from(width), "{wide} of {width}: {line:?}");
        }
    }
}

#[test]
fn in_markdown_no_text_does_anything() {
    for documents in [&*NESSUS, &*SAVED] {
        let text = &documents.0["markdown"];
        assert!(text.chars().count() <= 65_536);
        let mut cells = 0;
        for line in text.lines() {
            let row = reading::markdown(line);
            if line.starts_with('|') {
                // Header, rule and rows of one table have the same cells: no text ends one.
                assert!(cells == 0 || cells == row.cells, "{line}");
                cells = row.cells;
            } else {
                cells = 0;
            }
            reading::assert_inert(&row.prose, line);
        }
    }
}

#[test]
fn in_a_page_every_text_is_data() {
    for documents in [&*NESSUS, &*SAVED] {
        let page = reading::html(&documents.0["html"]);
        let own: BTreeSet<&str> = page.elements.iter().map(|element| element.name.as_str()).collect();
        let known: BTreeSet<&str> = [
            "html", "head", "meta", "title", "style", "body", "script", "p", "a", "header", "h1", "h2", "main",
            "section", "div", "span", "bdi", "code", "b", "i", "strong", "small", "ul", "ol", "li", "svg", "circle",
            "rect", "text", "details", "summary", "label", "input", "table", "thead", "tbody", "tr", "nav", "noscript",
            "footer",
        ]
        .into();
        let foreign: Vec<_> = own.difference(&known).collect();
        assert!(foreign.is_empty(), "{foreign:?}");
        for element in &page.elements {
            for (name, value) in &element.attributes {
                assert!(!name.starts_with("on") && name != "src" && name != "style", "{element:?}");
                assert!(name != "href" || value == "#findings", "{element:?}");
                assert!(name != "http-equiv" || value == "Content-Security-Policy", "{element:?}");
            }
        }
        // One script runs; the others are data, which hold all rows and nothing that could end them.
        let scripts: Vec<_> = page.elements.iter().filter(|element| element.name == "script").collect();
        let (data, code): (Vec<_>, Vec<_>) =
            scripts.into_iter().partition(|element| element.attribute("type") == Some("application/json"));
        assert_eq!(code.len(), 1);
        let mut rows = 0;
        for block in data {
            assert!(!block.content.contains('<'));
            let value: Value = serde_json::from_str(&block.content).unwrap();
            rows += value["rows"].as_array().map_or(0, Vec::len);
        }
        assert_eq!(rows, documents.items().len());
    }
}
