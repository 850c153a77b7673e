use serde_json::{Value, json};

use super::super::sample::{Document, HOSTILE, about, bare, check, document, library, says, web};
use super::super::{About, Change, FindingFormat, Options, ReportWriter};
use super::{MOST_RESULTS, MOST_RUNS, Writer};
use crate::exit::Exit;
use crate::findings::{Decoded, Details, Emitter, Finding, FindingSink, Host, Severity};

fn sarif(about: &About, hosts: &[(Host<'_>, Vec<Details<'_>>)]) -> Value {
    parsed(&document(FindingFormat::Sarif, &Options { reports: 1, ..Options::default() }, about, hosts))
}

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|problem| panic!("{problem}\n{text}"))
}

#[test]
fn a_finding_is_a_result_with_its_rule() {
    let document = sarif(&about(), &[(web(), vec![library()])]);
    assert_eq!(document["version"], "2.1.0");
    let run = &document["runs"][0];
    assert_eq!(run["automationDetails"]["id"], "scanctl/io/219/9f2c");
    assert_eq!(
        run["invocations"],
        json!([{
            "executionSuccessful": true, "startTimeUtc": "2026-11-20T01:00:00Z", "endTimeUtc": "2026-11-20T02:10:00Z",
        }])
    );
    assert_eq!(
        run["results"],
        json!([{
            "ruleId": "tenable-io/156032", "ruleIndex": 0, "level": "error", "rank": 92.0,
            "message": {
                "text": "Example Library Multiple Vulnerabilities on web01.example.org (192.0.2.10) 443/tcp",
            },
            "locations": [{
                "physicalLocation": {
                    "artifactLocation": { "uri": "scanctl.toml" },
                    "region": { "startLine": 12, "startColumn": 1, "endLine": 12, "endColumn": 2 },
                },
                "logicalLocations": [{ "fullyQualifiedName": "web01.example.org:443/tcp", "kind": "resource" }],
            }],
            "partialFingerprints": { "primaryLocationLineHash": "169824bb50736817:1" },
            "fingerprints": { "scanctl/v1": "169824bb50736817698918c71c47e5e3" },
            "provenance": {
                "firstDetectionTimeUtc": "2026-10-01T00:00:00Z", "lastDetectionTimeUtc": "2026-11-20T01:40:00Z",
            },
            "properties": {
                "cves": ["CVE-2021-0001", "CVE-2021-0002"], "vpr": 9.2, "epss": 0.94, "exploit_available": true,
                "output": "Installed version : 1.0\n  Fixed version : 1.1",
            },
        }])
    );
    let driver = &run["tool"]["driver"];
    assert_eq!((&driver["name"], &driver["semanticVersion"]), (&json!("scanctl"), &json!(env!("CARGO_PKG_VERSION"))));
    assert_eq!(
        driver["rules"],
        json!([{
            "id": "tenable-io/156032",
            "name": "Example Library Multiple Vulnerabilities",
            "shortDescription": { "text": "Example Library Multiple Vulnerabilities" },
            "fullDescription": { "text": "The remote host runs a version of the library with known flaws." },
            "help": {
                "text": "Update the library.\n\nSee also:\nhttps://example.org/a\nhttps://example.org/b?c=d",
                "markdown": "```text\nUpdate the library.\n```\n\nSee also:\n\n- <https://example.org/a>\n\
                             - <https://example.org/b?c=d>",
            },
            "helpUri": "https://example.org/a",
            "defaultConfiguration": { "level": "error" },
            "properties": {
                "tags": ["security", "external/cwe/cwe-502", "CVE-2021-0001", "CVE-2021-0002"],
                "security-severity": "9.8",
            },
        }])
    );
}

#[test]
fn nothing_is_a_run_without_results_and_a_broken_report_says_so() {
    let run = &sarif(&About::default(), &[])["runs"][0];
    assert_eq!((&run["results"], &run["tool"]["driver"]["rules"]), (&json!([]), &json!([])));
    assert_eq!(run["automationDetails"]["id"], "scanctl/file/unnamed/latest");
    let mut incomplete = Document::new(FindingFormat::Sarif, &Options::default());
    incomplete.report(&about(), &[(web(), vec![library()])], false);
    incomplete.writer.begin(&About { address: "sc/@8".to_owned(), ..About::default() }).unwrap();
    let document = parsed(&incomplete.finish(false));
    for run in document["runs"].as_array().unwrap() {
        assert_eq!(run["invocations"][0]["executionSuccessful"], false);
    }
    assert_eq!(document["runs"].as_array().unwrap().len(), 2);
    let mut lacks_one = Document::new(FindingFormat::Sarif, &Options::default());
    lacks_one.report(&about(), &[(web(), vec![library()])], true);
    lacks_one.report(&about(), &[], true);
    let document = parsed(&lacks_one.finish(false));
    let went = |run: usize| &document["runs"][run]["invocations"][0]["executionSuccessful"];
    assert_eq!((went(0), went(1)), (&json!(true), &json!(false)));
    assert_eq!(parsed(&Document::new(FindingFormat::Sarif, &Options::default()).finish(true))["runs"], json!([]));
}

#[test]
fn scores_and_levels_follow_the_severity() {
    let scored = |severity, cvss3, cvss2| {
        let cvss = |points| crate::findings::Cvss { base_score: Some(points), ..Default::default() };
        let row =
            Details { cvss3: Option::map(cvss3, cvss), cvss2: Option::map(cvss2, cvss), ..bare("1", "x", severity) };
        let document = sarif(&about(), &[(web(), vec![row])]);
        let run = &document["runs"][0];
        let rule = &run["tool"]["driver"]["rules"][0];
        assert_eq!(rule["defaultConfiguration"]["level"], run["results"][0]["level"]);
        (rule["properties"]["security-severity"].clone(), run["results"][0]["level"].clone())
    };
    for (severity, cvss3, cvss2, points, level) in [
        (Severity::Critical, None, None, json!("9.5"), "error"),
        (Severity::High, Some(7.25), Some(1.0), json!("7.2"), "error"),
        (Severity::Medium, None, Some(6.0), json!("6.0"), "warning"),
        (Severity::Medium, Some(0.0), None, json!("5.5"), "warning"),
        (Severity::Low, Some(99.0), Some(-1.0), json!("2.0"), "note"),
        (Severity::Info, Some(9.0), None, Value::Null, "note"),
    ] {
        assert_eq!(scored(severity, cvss3, cvss2), (points, json!(level)));
    }
}

#[test]
fn a_rule_is_as_bad_as_its_worst_result_and_names_no_host() {
    let row = |severity| bare("7", "Flaw on web01.example.org", severity);
    let other = Host { name: "db".into(), ..Host::default() };
    let document = sarif(&about(), &[(other, vec![row(Severity::Low)]), (web(), vec![row(Severity::High), check()])]);
    let run = &document["runs"][0];
    let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
    assert_eq!(rules[0]["name"], "Flaw on (host)");
    assert_eq!(rules[0]["properties"]["security-severity"], "8.0");
    assert_eq!(rules[1]["id"], "tenable-io/21157:a1b2");
    assert_eq!(rules[1]["name"], "1.1.1 Ensure that it is so");
    let results: Vec<(u64, &str)> = run["results"]
        .as_array()
        .unwrap()
        .iter()
        .map(|result| (result["ruleIndex"].as_u64().unwrap(), result["message"]["text"].as_str().unwrap()))
        .collect();
    assert_eq!(
        results,
        [
            (0, "Flaw on web01.example.org on web01.example.org (192.0.2.10)"),
            (1, "1.1.1 Ensure that it is so on web01.example.org (192.0.2.10)"),
            (0, "Flaw on web01.example.org on db"),
        ]
    );
    assert_eq!(run["results"][1]["properties"], json!({ "compliance": "FAILED" }));
}

#[test]
fn what_was_compared_says_how_it_stands() {
    struct Compare<'w>(&'w mut dyn ReportWriter, Vec<Change>);
    impl FindingSink for Compare<'_> {
        fn finding(&mut self, finding: &Finding<'_>) -> crate::error::Result<()> {
            let change = self.1.pop().unwrap();
            self.0.compared(finding, change, None)
        }
    }
    let mut document = Document::new(FindingFormat::Sarif, &Options::default());
    let about = about();
    document.writer.begin(&about).unwrap();
    let order = vec![Change::New, Change::Unchanged, Change::Changed, Change::Fixed];
    let mut compare = Compare(&mut *document.writer, order.into_iter().rev().collect());
    let mut rows: Vec<Details<'_>> = ["1", "2", "3", "4"].map(|plugin| bare(plugin, "x", Severity::Low)).into();
    rows[1].state = Some("Accepted".into());
    Emitter::new(&about.origin, &mut compare).host(&web(), &rows).unwrap();
    document.writer.end(&Decoded::default(), true).unwrap();
    let document = parsed(&document.finish(true));
    let results = document["runs"][0]["results"].as_array().unwrap();
    let states: Vec<&str> = results.iter().map(|result| result["baselineState"].as_str().unwrap()).collect();
    assert_eq!(states, ["new", "unchanged", "updated", "absent"]);
    assert_eq!(results[1]["suppressions"], json!([{ "kind": "external" }]));
    assert_eq!(results[0].get("suppressions"), None);
}

#[test]
fn only_the_worst_are_kept_and_that_is_said() {
    let plugins: Vec<String> = (0..MOST_RESULTS + 10).map(|number| number.to_string()).collect();
    let row = |(at, plugin)| bare(plugin, "x", if at % 2 == 0 { Severity::Low } else { Severity::High });
    let mut rows: Vec<Details<'_>> = plugins.iter().map(String::as_str).enumerate().map(row).collect();
    rows.push(bare("last", "x", Severity::Critical));
    rows.push(bare("late", "x", Severity::Low));
    let mut document = Document::new(FindingFormat::Sarif, &Options { reports: 1, ..Options::default() });
    document.report(&about(), &[(web(), rows)], true);
    assert_eq!(
        document.writer.notes(),
        ["the SARIF of io/219@9f2c holds the worst 5000 of 5012 findings: GitHub shows no more than 5000 of a run"]
    );
    let document = parsed(&document.finish(true));
    let run = &document["runs"][0];
    let results = run["results"].as_array().unwrap();
    let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
    assert_eq!((results.len(), rules.len()), (MOST_RESULTS, MOST_RESULTS));
    let ids: Vec<&str> = results.iter().map(|result| result["ruleId"].as_str().unwrap()).collect();
    assert_eq!(&ids[..3], ["tenable-io/last", "tenable-io/1", "tenable-io/3"]);
    // Half of 5010 are high; one is critical; the first low ones fill what is left.
    assert_eq!((ids[2505], ids[2506]), ("tenable-io/5009", "tenable-io/0"));
    assert_eq!(ids[4999], "tenable-io/4986");
    for (at, result) in results.iter().enumerate() {
        let index = result["ruleIndex"].as_u64().unwrap();
        assert_eq!(rules[usize::try_from(index).unwrap()]["id"], ids[at]);
    }
}

#[test]
fn the_compressed_size_has_a_limit() {
    const MOST: u64 = 400_000;
    // Texts that do not get much smaller.
    let mut random = fastrand::Rng::with_seed(7);
    let mut noise = |length: usize| -> String { (0..length).map(|_| random.char('!'..'\u{2000}')).collect() };
    let texts: Vec<[String; 3]> = (0..150).map(|_| [noise(250), noise(1000), noise(480)]).collect();
    let plugins: Vec<String> = (0..texts.len()).map(|number| number.to_string()).collect();
    let rows = texts.iter().zip(&plugins).map(|([name, description, output], plugin)| Details {
        description: Some(description.as_str().into()),
        output: Some(output.as_str().into()),
        ..bare(plugin, name, Severity::High)
    });
    let hosts = [(web(), rows.collect())];
    for expected in [0, 3] {
        let mut document = Document::of(|out| Box::new(Writer::new(out, expected, MOST)));
        for number in 0..3 {
            let mut about = about();
            about.origin.scan = Some(number.to_string());
            document.report(&about, &hosts, true);
        }
        let notes = document.writer.notes();
        assert_eq!(notes.len(), 3);
        assert!(notes.iter().all(|note| note.ends_with("more would pass its ten megabytes")), "{notes:?}");
        let text = document.finish(true);
        let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        std::io::Write::write_all(&mut packed, text.as_bytes()).unwrap();
        let packed = packed.finish().unwrap().len();
        assert!((250_000..400_000).contains(&packed), "{packed}");
        let kept: Vec<usize> = parsed(&text)["runs"]
            .as_array()
            .unwrap()
            .iter()
            .map(|run| run["results"].as_array().unwrap().len())
            .collect();
        assert!(kept.iter().all(|kept| *kept > 10), "{kept:?}");
        assert!(expected == 0 || kept.iter().max().unwrap() - kept.iter().min().unwrap() < 10, "{kept:?}");
    }
}

#[test]
fn a_tilde_in_a_name_is_no_second_run() {
    let mut document = Document::new(FindingFormat::Sarif, &Options::default());
    for file in ["weekly~1.nessus", "weekly.nessus"] {
        document.report(&About { file: Some(file.to_owned()), ..About::default() }, &[], true);
    }
    assert_eq!(document.writer.notes(), Vec::<String>::new());
}

#[test]
fn runs_are_told_apart_and_no_more_than_twenty() {
    let mut document = Document::new(FindingFormat::Sarif, &Options::default());
    for _ in 0..MOST_RUNS {
        document.report(&about(), &[], true);
    }
    let refused = document.writer.begin(&about()).unwrap_err();
    assert_eq!((refused.exit(), refused.message()), (Exit::Usage, "one SARIF document holds at most 20 runs"));
    assert_eq!(document.writer.notes().len(), MOST_RUNS - 1);
    let document = parsed(&document.finish(true));
    let ids: std::collections::BTreeSet<&str> = document["runs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|run| run["automationDetails"]["id"].as_str().unwrap())
        .collect();
    assert_eq!(ids.len(), MOST_RUNS);
    assert!(ids.contains("scanctl/io/219/9f2c") && ids.contains("scanctl/io/219~20/9f2c"));
}

#[test]
fn hostile_text_does_no_harm() {
    for text in HOSTILE {
        let (host, details) = says(text);
        let document = document(FindingFormat::Sarif, &Options::default(), &about(), &[(host, vec![details])]);
        assert!(!document.chars().any(|symbol| crate::text::has_power(symbol) && symbol != '\n'), "{document}");
        let run = &parsed(&document)["runs"][0];
        let result = &run["results"][0];
        assert!(!result["message"]["text"].as_str().unwrap().contains("]("));
        assert!(result.get("rank").is_none() && result["properties"].get("epss").is_none());
        let rule = &run["tool"]["driver"]["rules"][0];
        assert_eq!(rule["properties"]["tags"], json!(["security"]));
        assert!(rule.get("helpUri").is_none());
        let help = rule["help"]["markdown"].as_str().unwrap();
        assert!(help.starts_with("```text\n") && help.ends_with("\n```"), "{help}");
    }
    let fenced = Details { solution: Some("```\n````\n# x".into()), ..bare("1", "x", Severity::Low) };
    let help = &sarif(&about(), &[(web(), vec![fenced])])["runs"][0]["tool"]["driver"]["rules"][0]["help"]["markdown"];
    assert_eq!(help, "`````text\n```\n````\n# x\n`````");
}

/// What GitHub's page on SARIF asks for and what it limits, in that page's order, that a document does not keep to.
/// Empty text counts as none.
fn refused_by_github(document: &Value) -> Vec<String> {
    let mut refused = Vec::new();
    let mut ask = |kept: bool, what: String| refused.extend((!kept).then_some(what));
    let length = |value: &Value| value.as_str().map_or(0, |text| text.trim().chars().count());
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    ask(length(&document["$schema"]) > 0, "$schema".to_owned());
    ask(document["version"] == "2.1.0", "version".to_owned());
    ask(document["runs"].is_array() && list(&document["runs"]).len() <= 20, "20 runs".to_owned());
    for run in list(&document["runs"]) {
        let (results, rules) = (list(&run["results"]), list(&run["tool"]["driver"]["rules"]));
        ask(length(&run["tool"]["driver"]["name"]) > 0, "driver.name".to_owned());
        ask(run["results"].is_array() && results.len() <= 5_000, "5,000 results".to_owned());
        ask(run["tool"]["driver"]["rules"].is_array() && rules.len() <= 25_000, "25,000 rules".to_owned());
        ask(length(&run["automationDetails"]["id"]) > 0, "automationDetails.id".to_owned());
        for (at, rule) in rules.iter().enumerate() {
            let mut ask = |kept: bool, what: &str| ask(kept, format!("rule {at}: {what}: {rule}"));
            ask(length(&rule["id"]) > 0, "id");
            ask((1..=255).contains(&length(&rule["name"])), "name");
            ask((1..=1024).contains(&length(&rule["shortDescription"]["text"])), "shortDescription");
            ask((1..=1024).contains(&length(&rule["fullDescription"]["text"])), "fullDescription");
            ask(length(&rule["help"]["text"]) > 0, "help");
            let tags = list(&rule["properties"]["tags"]);
            ask(tags.len() <= 10 && tags.contains(&json!("security")), "tags");
            let points = rule["properties"].get("security-severity").map(|points| points.as_str()?.parse::<f64>().ok());
            ask(points.is_none_or(|points| points.is_some_and(|points| points > 0.0 && points <= 10.0)), "points");
            ask(points.is_some() || rule["defaultConfiguration"]["level"] == "note", "no points");
        }
        for (at, result) in results.iter().enumerate() {
            let mut ask = |kept: bool, what: &str| ask(kept, format!("result {at}: {what}: {result}"));
            let index = result["ruleIndex"].as_u64().and_then(|index| usize::try_from(index).ok());
            ask(index.and_then(|index| rules.get(index)).is_some_and(|rule| rule["id"] == result["ruleId"]), "rule");
            ask(length(&result["message"]["text"]) > 0, "message");
            ask((1..=100).contains(&list(&result["locations"]).len()), "locations");
            let place = &result["locations"][0]["physicalLocation"];
            let uri = place["artifactLocation"]["uri"].as_str().unwrap_or_default();
            ask(!uri.is_empty() && !uri.starts_with('/') && !uri.contains([':', ' ']), "uri");
            for key in ["startLine", "startColumn", "endLine", "endColumn"] {
                ask(place["region"][key].as_u64() > Some(0), key);
            }
            let hash = result["partialFingerprints"]["primaryLocationLineHash"].as_str().unwrap_or_default();
            let id = hash.strip_suffix(":1").unwrap_or_default();
            ask(id.len() == 16 && id.bytes().all(|byte| byte.is_ascii_hexdigit()), "primaryLocationLineHash");
        }
    }
    refused
}

#[test]
fn github_takes_it_whatever_the_report_says() {
    let long = |symbol: &str| symbol.repeat(5_000);
    let many = |prefix: &str, count: usize| (0..count).map(|at| format!("{prefix}{at}").into()).collect();
    let monster = Details {
        plugin_id: Some(long("7").into()),
        plugin_name: Some(long("ä").into()),
        description: Some(long("ö ").into()),
        solution: Some(long("ü\n").into()),
        output: Some(long("ß").into()),
        cves: many("CVE-2021-", 300),
        cwes: many("", 300),
        see_also: many("https://example.org/", 300),
        ..bare("1", "x", Severity::Critical)
    };
    let nothing = Details { plugin_id: None, plugin_name: Some("  ".into()), ..bare("", "", Severity::Info) };
    let nameless = Details { plugin_name: None, solution: Some(String::new().into()), ..nothing.clone() };
    let mut hosts =
        vec![(web(), vec![library(), check(), monster, nothing]), (Host::default(), vec![library(), nameless])];
    hosts.extend(HOSTILE.iter().map(|text| {
        let (host, details) = says(text);
        (host, vec![details])
    }));
    let taken = sarif(&about(), &hosts);
    assert_eq!(refused_by_github(&taken), Vec::<String>::new());
    assert_eq!(taken["runs"][0]["results"].as_array().unwrap().len(), 6 + HOSTILE.len());
    assert_eq!(refused_by_github(&sarif(&About::default(), &[])), Vec::<String>::new());
    const { assert!(super::MOST_BYTES < 10 * 1000 * 1000) };
    // The list above would see what is missing.
    for (path, value) in [
        ("/runs/0/results/0/message/text", json!(" ")),
        ("/runs/0/results/0/ruleIndex", json!(1)),
        ("/runs/0/results/0/locations", json!([])),
        ("/runs/0/results/0/partialFingerprints", json!({})),
        ("/runs/0/tool/driver/rules/0/shortDescription/text", json!("x".repeat(1025))),
        ("/runs/0/tool/driver/rules/0/properties/security-severity", json!("0.0")),
    ] {
        let mut changed = taken.clone();
        *changed.pointer_mut(path).unwrap() = value;
        assert!(!refused_by_github(&changed).is_empty(), "{path}");
    }
}

#[test]
fn an_alert_is_the_same_from_run_to_run_and_another_on_each_host_and_port() {
    let hash = |about: &About, host: Host<'_>, details: Details<'_>| {
        let run = &sarif(about, &[(host, vec![details])])["runs"][0];
        run["results"][0]["partialFingerprints"]["primaryLocationLineHash"].as_str().unwrap().to_owned()
    };
    let first = hash(&about(), web(), library());
    let mut later = about();
    later.origin.run = Some("later".to_owned());
    later.declared = Some(("elsewhere.toml".to_owned(), 99));
    let reworded = Details {
        plugin_name: Some("Another title".into()),
        description: None,
        output: Some("another output".into()),
        severity: Severity::Low,
        ..library()
    };
    assert_eq!(hash(&later, web(), reworded), first);
    let host = Host { fqdn: Some("web02.example.org".into()), ..web() };
    let mut others = vec![
        first,
        hash(&about(), host, library()),
        hash(&about(), web(), Details { port: Some(8443), ..library() }),
        hash(&about(), web(), Details { protocol: Some("udp".into()), ..library() }),
        hash(&about(), web(), Details { plugin_id: Some("156033".into()), ..library() }),
    ];
    // Twice the same within one report.
    let twice = sarif(&about(), &[(web(), vec![library(), Details { output: Some("z".into()), ..library() }])]);
    others.push(twice["runs"][0]["results"][1]["partialFingerprints"]["primaryLocationLineHash"].to_string());
    let count = others.len();
    assert_eq!(others.into_iter().collect::<std::collections::BTreeSet<_>>().len(), count);
}
