use serde_json::{Value, json};

use super::super::testing::{Row, document, document_with, row};
use super::super::{About, Change, FindingFormat, Options};
use crate::findings::{Compliance, Cvss, Dates, Exploit, OPEN_PORT, Origin, Severity, Source};

fn about() -> About {
    About {
        origin: Origin {
            source: Source::Tenable,
            profile: Some("dmz".to_owned()),
            backend: Some("tenable-io".to_owned()),
            scan: Some("219".to_owned()),
            run: Some("9f2c".to_owned()),
        },
        address: "dmz/219@9f2c".to_owned(),
        product: Some("Tenable Vulnerability Management"),
        ended_at: Some("2026-11-20T02:10:00Z".parse().unwrap()),
        ..About::default()
    }
}

fn events(rows: &[Row]) -> Vec<Value> {
    let (text, _) = document(FindingFormat::Ocsf, &about(), rows, true);
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn event(row: Row) -> Value {
    let mut events = events(&[row]);
    assert_eq!(events.len(), 1);
    events.remove(0)
}

fn rich() -> Row {
    row("192.0.2.10", "156032", Severity::Critical).port(443).host(|host| {
        host.fqdn = Some("web01.example.org".into());
        host.ip = Some("192.0.2.10".into());
        host.uuid = Some("a3f1c0de".into());
        host.ended_at = Some("2026-11-20T01:40:00Z".parse().unwrap());
    })
}

#[test]
fn a_check_with_several_cves_has_an_entry_for_each() {
    let made = event(rich().change(|details| {
        details.cves = vec!["CVE-2021-0001".into(), "CVE-2021-0002".into(), "nonsense".into()];
        details.cwes = vec!["502".into()];
        details.solution = Some("Update the library.".into());
        details.synopsis = Some("It is old.".into());
        details.description = Some("The library has flaws.".into());
        details.see_also = vec!["https://example.org/a".into()];
        details.cvss3 = Some(Cvss {
            base_score: Some(10.0),
            vector: Some("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:C/C:H/I:H/A:H".into()),
            ..Cvss::default()
        });
        details.vpr = Some(9.0);
        details.epss = Some(0.94);
        details.exploit = Exploit { available: Some(true), ..Exploit::default() };
        details.dates = Dates { patch_published: Some("2021/12/10".into()), ..Dates::default() };
        details.first_seen = Some("2026-10-01T00:00:00Z".parse().unwrap());
        details.output = Some("Installed version : 1.0".into());
        details.state = Some("ACTIVE".into());
    }));
    let entry = |cve: &str| {
        json!({
            "title": "plugin 156032",
            "desc": "It is old.",
            "severity": "Critical",
            "vendor_name": "Tenable",
            "first_seen_time": 1_790_812_800_000_i64,
            "remediation": {"desc": "Update the library."},
            "references": ["https://example.org/a"],
            "is_fix_available": true,
            "is_exploit_available": true,
            "cve": {
                "uid": cve,
                "cvss": [{
                    "base_score": 10.0,
                    "version": "3.1",
                    "vector_string": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:C/C:H/I:H/A:H",
                    "vendor_name": "Tenable",
                }],
                "epss": {"score": "0.94"},
                "related_cwes": [{"uid": "CWE-502"}],
            },
        })
    };
    assert_eq!(made["vulnerabilities"], json!([entry("CVE-2021-0001"), entry("CVE-2021-0002")]));
    assert_eq!(made["time"], json!(1_795_138_800_000_i64), "the host's scan ended then");
    assert_eq!(
        (&made["activity_id"], &made["type_uid"], &made["status_id"], &made["severity_id"]),
        (&json!(1), &json!(200_201), &json!(1), &json!(5))
    );
    assert_eq!(
        made["metadata"],
        json!({
            "version": "1.8.0",
            "product": {"name": "Tenable Vulnerability Management", "vendor_name": "Tenable"},
            "loggers": [{"name": "scanctl", "version": env!("CARGO_PKG_VERSION")}],
            "correlation_uid": "9f2c",
            "event_code": "156032",
            "labels": ["profile:dmz"],
        })
    );
    assert_eq!(
        made["observables"],
        json!([
            {"type_id": 1, "name": "resources[0].hostname", "value": "web01.example.org"},
            {"type_id": 2, "name": "resources[0].ip", "value": "192.0.2.10"},
            {"type_id": 11, "value": "443"},
        ])
    );
    assert_eq!(
        made["unmapped"],
        json!({
            "port": 443,
            "protocol": "tcp",
            "vpr": 9.0,
            "state": "ACTIVE",
            "output": "Installed version : 1.0",
            "scanctl": {
                "profile": "dmz",
                "backend": "tenable-io",
                "scan": "219",
                "report": "dmz/219@9f2c",
                "severity_source": "vendor",
                "time_source": "host",
            },
        })
    );
    assert_eq!(made["finding_info"]["desc"], "The library has flaws.");
}

#[test]
fn a_check_without_a_cve_has_an_advisory_and_its_scores_beside() {
    let made = event(rich().change(|details| {
        details.cvss2 = Some(Cvss {
            base_score: Some(5.0),
            vector: Some("CVSS2#AV:N/AC:L/Au:N/C:N/I:P/A:N".into()),
            ..Cvss::default()
        });
        details.cvss3 = Some(Cvss { base_score: Some(6.5), ..Cvss::default() });
        details.epss = Some(1.0);
    }));
    let entries = made["vulnerabilities"].as_array().unwrap();
    assert_eq!(entries.len(), 1);
    assert_eq!(entries[0]["advisory"], json!({"uid": "156032", "title": "plugin 156032"}));
    assert!(entries[0].get("cve").is_none() && entries[0].get("cwe").is_none());
    assert_eq!(
        made["unmapped"]["cvss"],
        json!([
            {"version": "2.0", "base_score": 5.0, "vector_string": "AV:N/AC:L/Au:N/C:N/I:P/A:N"},
            {"version": "3", "base_score": 6.5},
        ])
    );
    assert_eq!(made["unmapped"]["epss"], json!(1.0));
    assert!(made.get("status_id").is_none(), "nobody told a state");
}

#[test]
fn floats_are_written_with_a_point() {
    let row = rich().change(|details| {
        details.cves = vec!["CVE-2021-0001".into()];
        details.cvss2 = Some(Cvss { base_score: Some(10.0), ..Cvss::default() });
    });
    let (text, _) = document(FindingFormat::Ocsf, &about(), &[row], true);
    assert!(text.contains("\"base_score\":10.0,"), "{text}");
}

#[test]
fn the_time_says_where_it_comes_from() {
    let time = |about: &About, row: Row| {
        let (text, _) = document(FindingFormat::Ocsf, about, &[row], true);
        let event: Value = serde_json::from_str(&text).unwrap();
        (event["time"].as_i64().unwrap(), event["unmapped"]["scanctl"]["time_source"].as_str().unwrap().to_owned())
    };
    let bare = || row("h", "1", Severity::Low);
    let seen = bare().change(|details| details.last_seen = Some("2026-01-01T00:00:00Z".parse().unwrap()));
    assert_eq!(time(&about(), seen), (1_767_225_600_000, "finding".to_owned()));
    assert_eq!(time(&about(), bare()), (1_795_140_600_000, "run".to_owned()));
    let before = jiff::Timestamp::now().as_millisecond();
    let never = bare().host(|host| host.ended_at = Some(jiff::Timestamp::UNIX_EPOCH));
    let (written, source) = time(&About::default(), never);
    assert_eq!(source, "written", "the beginning of 1970 is no time of a scan");
    assert!((before..=jiff::Timestamp::now().as_millisecond()).contains(&written));
}

#[test]
fn states_and_comparisons_become_activities() {
    let ids = |state: Option<&'static str>, change: Option<Change>| {
        let mut row = row("h", "1", Severity::Low).change(|details| details.state = state.map(Into::into));
        row.change = change;
        let made = event(row);
        (made["activity_id"].as_u64().unwrap(), made["status_id"].as_u64(), made["type_uid"].as_u64().unwrap() % 100)
    };
    assert_eq!(ids(Some("active"), None), (1, Some(1), 1));
    assert_eq!(ids(Some("Resurfaced"), None), (2, None, 2));
    assert_eq!(ids(Some("FIXED"), None), (3, Some(4), 3));
    assert_eq!(ids(Some("accepted"), None), (1, Some(3), 1));
    assert_eq!(ids(None, Some(Change::New)), (1, Some(1), 1));
    assert_eq!(ids(None, Some(Change::Changed)), (2, None, 2));
    assert_eq!(ids(None, Some(Change::Fixed)), (3, Some(4), 3));
}

#[test]
fn open_ports_are_left_out_and_counted_unless_wanted() {
    let open = row("h", "", Severity::Info).port(22).change(|details| {
        details.plugin_id = None;
        details.plugin_name = Some(OPEN_PORT.into());
    });
    let scanner = row("h", "11219", Severity::Info)
        .port(22)
        .change(|details| details.plugin_family = Some("Port scanners".into()));
    let rows = [open, row("h", "1", Severity::Low), scanner];
    let (text, notes) = document(FindingFormat::Ocsf, &about(), &rows, true);
    assert_eq!(text.lines().count(), 1);
    assert_eq!(notes.len(), 1);
    assert!(notes[0].contains("left out 2 rows that tell"), "{notes:?}");
    let options = Options { include_ports: true, ..Options::default() };
    let (text, notes) = document_with(FindingFormat::Ocsf, &options, &about(), &rows, true);
    let events: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((events.len(), notes.len()), (3, 0));
    assert_eq!(events[0]["vulnerabilities"][0]["advisory"]["uid"], "open-port");
    assert_eq!(events[0]["severity_id"], 1);
    assert_eq!(events[2]["vulnerabilities"][0]["advisory"]["uid"], "11219");
}

#[test]
fn long_texts_are_cut_and_shared_ones_not_multiplied() {
    let made = event(row("h", "1", Severity::High).change(|details| {
        details.output = Some("ä".repeat(20_000).into());
        details.solution = Some("s".repeat(10_000).into());
        details.cves = (0..100).map(|number| format!("CVE-2024-{number:04}").into()).collect();
    }));
    assert_eq!(made["metadata"]["is_truncated"], json!(true));
    assert_eq!(made["unmapped"]["output"].as_str().unwrap().len(), 16 * 1024);
    let entries = made["vulnerabilities"].as_array().unwrap();
    assert_eq!(entries.len(), 100);
    assert_eq!(entries[0]["remediation"]["desc"].as_str().unwrap().len(), 10_000);
    assert!(entries[1..].iter().all(|entry| entry.get("remediation").is_none() && entry["cve"]["uid"].is_string()));
}

#[test]
fn an_audits_check_is_named_and_its_result_kept() {
    let made = event(row("h", "21157", Severity::High).change(|details| {
        details.compliance = Some(Box::new(Compliance {
            check_id: Some("c1".into()),
            check_name: Some("1.1 Passwords expire".into()),
            result: Some("FAILED".into()),
            ..Compliance::default()
        }));
    }));
    assert_eq!(made["finding_info"]["title"], "1.1 Passwords expire");
    assert_eq!(made["unmapped"]["compliance"], json!({"check": "c1", "result": "FAILED"}));
}

#[test]
fn arrays_are_arrays_and_nothing_is_valid_too() {
    let array = |rows: &[Row]| document(FindingFormat::OcsfArray, &about(), rows, true).0;
    assert_eq!(array(&[]), "[]\n");
    assert_eq!(document(FindingFormat::Ocsf, &about(), &[], true).0, "");
    let rows = [row("a", "1", Severity::Low), row("b", "1", Severity::Low)];
    let made: Value = serde_json::from_str(&array(&rows)).unwrap();
    assert_eq!(made.as_array().unwrap().len(), 2);
}

#[test]
fn each_entry_names_exactly_one_of_advisory_cve_and_cwe() {
    let options = Options { include_ports: true, ..Options::default() };
    let mut rows = Vec::new();
    for cves in [&[][..], &["CVE-2021-0001"], &["CVE-2021-0001", "CVE-2021-0001", "CVE-2021-0002"], &["nonsense", ""]] {
        for cwes in [&[][..], &["502", "79"], &["nonsense"]] {
            for plugin in [Some("156032"), Some(""), None] {
                for is_check in [false, true] {
                    rows.push(rich().change(|details| {
                        details.cves = cves.iter().map(|cve| (*cve).into()).collect();
                        details.cwes = cwes.iter().map(|cwe| (*cwe).into()).collect();
                        details.plugin_id = plugin.map(Into::into);
                        details.plugin_name = plugin.is_none().then_some(OPEN_PORT.into());
                        details.compliance = is_check.then(Box::default);
                    }));
                }
            }
        }
    }
    let (text, _) = document_with(FindingFormat::Ocsf, &options, &about(), &rows, true);
    let mut seen = [0; 2];
    for line in text.lines() {
        let event: Value = serde_json::from_str(line).unwrap();
        let entries = event["vulnerabilities"].as_array().unwrap();
        assert!(!entries.is_empty(), "{line}");
        for entry in entries {
            let named: Vec<&str> =
                ["advisory", "cve", "cwe"].into_iter().filter(|key| entry.get(*key).is_some()).collect();
            assert_eq!(named.len(), 1, "{entry}");
            assert!(entry[named[0]]["uid"].as_str().is_some_and(|uid| !uid.is_empty()), "{entry}");
            seen[usize::from(named[0] == "cve")] += 1;
        }
    }
    assert_eq!(text.lines().count(), rows.len());
    assert!(seen.iter().all(|count| *count > 10), "{seen:?}");
}
