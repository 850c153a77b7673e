use serde_json::{Value, json};

use super::super::testing::{Row, document, row};
use super::super::{About, Change, FindingFormat};
use super::texts::{fenced, inert};
use crate::findings::{Compliance, Cvss, Dates, Exploit, Origin, Severity, SeveritySource};

fn about() -> About {
    About {
        origin: Origin {
            profile: Some("dmz".to_owned()),
            backend: Some("tenable-io".to_owned()),
            scan: Some("219".to_owned()),
            run: Some("9f2c".to_owned()),
            ..Origin::default()
        },
        address: "dmz/219@9f2c".to_owned(),
        name: Some("Weekly".to_owned()),
        ended_at: Some("2026-11-20T02:10:00Z".parse().unwrap()),
        ..About::default()
    }
}

fn import(rows: &[Row], complete: bool) -> Value {
    serde_json::from_str(&document(FindingFormat::Defectdojo, &about(), rows, complete).0).unwrap()
}

fn item(row: Row) -> Value {
    import(&[row], true)["findings"][0].take()
}

#[test]
fn a_finding_has_only_what_the_import_takes() {
    let made = item(
        row("192.0.2.10", "156032", Severity::Critical)
            .port(443)
            .host(|host| {
                host.fqdn = Some("web01.example.org".into());
                host.ip = Some("192.0.2.10".into());
            })
            .change(|details| {
                details.service = Some("https?".into());
                details.synopsis = Some("It is old.".into());
                details.description = Some("The library has [flaws](x) <b>.".into());
                details.solution = Some("Update to >= 1.1.".into());
                details.output = Some("  Installed version : 1.0\n".into());
                details.see_also = vec!["https://example.org/a".into()];
                details.xrefs = vec!["IAVA:2021-A-0001".into()];
                details.cves = vec!["CVE-2021-0001".into(), "CVE-2021-0002".into()];
                details.cwes = vec!["502".into()];
                details.cvss2 =
                    Some(Cvss { base_score: Some(10.0), vector: Some("CVSS2#AV:N/AC:L".into()), ..Cvss::default() });
                details.cvss3 = Some(Cvss {
                    base_score: Some(9.8),
                    vector: Some("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H".into()),
                    ..Cvss::default()
                });
                details.cvss4 =
                    Some(Cvss { base_score: Some(9.3), vector: Some("CVSS:4.0/AV:N".into()), ..Cvss::default() });
                details.vpr = Some(9.2);
                details.epss = Some(0.94);
                details.exploit = Exploit { cisa_known: Some("2021/12/24".into()), ..Exploit::default() };
                details.dates = Dates {
                    vulnerability_published: Some("2021/12/10".into()),
                    patch_published: Some("2021/12/10".into()),
                    ..Dates::default()
                };
                details.first_seen = Some("2026-10-01T23:59:59Z".parse().unwrap());
                details.last_seen = Some("2026-11-20T00:00:00Z".parse().unwrap());
            }),
    );
    let mut wanted = json!({
        "title": "plugin 156032 on web01.example.org:443/tcp",
        "severity": "Critical",
        "description": "It is old.\n\nThe library has [flaws&#93;(x) &lt;b>.",
        "date": "2026-10-01",
        "vuln_id_from_tool": "156032",
        "cvssv3": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H",
        "cvssv3_score": 9.8,
        "cvssv4_score": 9.3,
        "epss_score": 0.94,
        "severity_justification": "Tenable VPR 9.2\nCVSS 2.0 base score 10 (AV:N/AC:L)",
        "mitigation": "Update to >= 1.1.",
        "references": "https://example.org/a\nIAVA:2021-A-0001",
        "steps_to_reproduce": "```\n  Installed version : 1.0\n```",
        "cve": "CVE-2021-0001",
        "vulnerability_ids": ["CVE-2021-0001", "CVE-2021-0002"],
        "cwe": 502,
        "cwes": [502],
        "publish_date": "2021-12-10",
        "known_exploited": true,
        "fix_available": true,
        "active": true,
        "verified": false,
        "static_finding": false,
        "dynamic_finding": true,
        "service": "dmz",
        "tags": ["backend:tenable-io", "profile:dmz", "vpr:9.2", "last-seen:2026-11-20"],
        "endpoints": [{"host": "web01.example.org", "port": 443, "protocol": "https"}],
    });
    wanted["unique_id_from_tool"] = made["unique_id_from_tool"].clone();
    assert_eq!(made["unique_id_from_tool"].as_str().unwrap().len(), 32);
    assert_eq!(made, wanted);
}

#[test]
fn the_import_has_a_name_and_says_when_it_is_not_whole() {
    let whole = json!({
        "type": "scanctl",
        "dynamic_tool": true,
        "static_tool": false,
        "findings": [],
        "name": "Weekly (dmz/219@9f2c)",
    });
    assert_eq!(import(&[], true), whole);
    let part = import(&[row("h", "1", Severity::Low)], false);
    assert!(part["description"].as_str().unwrap().starts_with("Incomplete"));
    assert_eq!(part["findings"].as_array().unwrap().len(), 1);
}

#[test]
fn no_two_findings_have_one_title() {
    let at = |address: &'static str, service: &'static str| {
        row(address, "7", Severity::Low)
            .port(443)
            .host(|host| {
                host.fqdn = Some("same.example.org".into());
                host.ip = Some(address.into());
            })
            .change(|details| details.service = Some(service.into()))
    };
    let rows = [
        at("192.0.2.1", "https"),
        at("192.0.2.1", "www"),
        at("192.0.2.2", "https"),
        at("192.0.2.2", "https"),
        at("192.0.2.1", "https").port(0),
        at("192.0.2.1", "https").port(0).change(|details| details.protocol = Some("udp".into())),
    ];
    let made = import(&rows, true);
    let titles: Vec<&str> =
        made["findings"].as_array().unwrap().iter().map(|item| item["title"].as_str().unwrap()).collect();
    assert_eq!(
        titles,
        [
            "plugin 7 on same.example.org:443/tcp",
            "plugin 7 on same.example.org:443/tcp (2)",
            "plugin 7 on same.example.org:443/tcp [192.0.2.2]",
            "plugin 7 on same.example.org:443/tcp [192.0.2.2] (2)",
            "plugin 7 on same.example.org",
            "plugin 7 on same.example.org (udp)",
        ]
    );
}

#[test]
fn a_long_name_is_cut_and_the_place_stays() {
    let made = item(row("web01", "1", Severity::Low).port(80).change(|details| {
        details.plugin_name = Some("ä".repeat(1000).into());
        details.plugin_id = Some("9".repeat(1000).into());
    }));
    let title = made["title"].as_str().unwrap();
    assert_eq!(title.chars().count(), 511);
    assert!(title.ends_with("… on web01:80/tcp"), "{title}");
    assert_eq!(made["vuln_id_from_tool"].as_str().unwrap().chars().count(), 500);
}

#[test]
fn a_description_is_the_same_whatever_was_seen() {
    let audit = |actual: &'static str, description: &'static str| {
        item(row("h", "21157", Severity::High).change(|details| {
            details.description = Some(description.into());
            details.output = Some(actual.into());
            details.compliance = Some(Box::new(Compliance {
                check_name: Some("1.1 Passwords expire".into()),
                info: Some("They should.".into()),
                actual_value: Some(actual.into()),
                solution: Some("Let them.".into()),
                ..Compliance::default()
            }));
        }))
    };
    let (one, other) = (audit("99999", "FAILED: 99999"), audit("90", "PASSED: 90"));
    assert_eq!(one["description"], "1.1 Passwords expire\n\nThey should.");
    assert_eq!(one["description"], other["description"]);
    assert_eq!((&one["title"], &one["mitigation"]), (&json!("1.1 Passwords expire on h"), &json!("Let them.")));
    assert_ne!(one["steps_to_reproduce"], other["steps_to_reproduce"]);
    let silent = item(row("h", "1", Severity::Low));
    assert_eq!(silent["description"], "plugin 1", "the import wants a description");
}

#[test]
fn states_have_their_fields() {
    let fixed = item(row("h", "1", Severity::Low).compared(Change::Fixed));
    assert_eq!(
        (&fixed["active"], &fixed["is_mitigated"], &fixed["mitigated"]),
        (&json!(false), &json!(true), &json!("2026-11-20T02:10:00Z"))
    );
    let accepted = item(row("h", "1", Severity::Low).change(|details| details.state = Some("accepted".into())));
    assert_eq!((&accepted["active"], &accepted["risk_accepted"]), (&json!(false), &json!(true)));
    assert_eq!(accepted["tags"].as_array().unwrap().last().unwrap(), "state:accepted");
    let derived =
        item(row("h", "1", Severity::Low).change(|details| details.severity_source = SeveritySource::Derived));
    assert!(derived["severity_justification"].as_str().unwrap().contains("derived"));
}

#[test]
fn places_that_are_none_are_left_out() {
    let endpoint = |host: &'static str, service: &'static str, protocol: &'static str| {
        item(row(host, "1", Severity::Low).port(8443).change(|details| {
            details.service = Some(service.into());
            details.protocol = Some(protocol.into());
        }))["endpoints"]
            .clone()
    };
    assert_eq!(endpoint("h", "a-very-long-service", "UDP"), json!([{"host": "h", "port": 8443, "protocol": "udp"}]));
    assert_eq!(
        endpoint("2001:db8::1", "ssh", "tcp"),
        json!([{"host": "2001:db8::1", "port": 8443, "protocol": "ssh"}])
    );
    assert_eq!(endpoint("user@host/path", "", "<b>"), Value::Null);
}

#[test]
fn markup_in_texts_does_nothing() {
    assert_eq!(inert("a < b, x <= 1, [FAILED] yes"), "a < b, x <= 1, [FAILED] yes");
    assert_eq!(inert("<img src=x> </b> <!-- <http://x>"), "&lt;img src=x> &lt;/b> &lt;!-- &lt;http://x>");
    assert_eq!(inert("![x](http://x) [y]: z\0"), "![x&#93;(http://x) [y&#93;: z\u{fffd}");
    assert_eq!(fenced("a ``` b ```` c"), "`````\na ``` b ```` c\n`````");
}
