//! Findings as JSON: one document, or one object a line.
//!
//! ```json
//! {"schema_version":1,"kind":"findings","items":[
//! {"id":"1698…","profile":"io","backend":"tenable-io","scan":"219","run":"9f2c","host":"web01.example.org",
//!  "ip":"192.0.2.10","port":443,"protocol":"tcp","service":"www","plugin_id":"156032","plugin_name":"…",
//!  "plugin_family":"…","severity":"critical","severity_source":"vendor","cvss2":null,
//!  "cvss3":{"score":9.8,"vector":"CVSS:3.1/…","temporal_score":null,"temporal_vector":null},"cvss4":null,"vpr":9.2,
//!  "epss":0.94,"cves":["CVE-2021-0001"],"cwes":["502"],"synopsis":"…","description":"…","solution":"…",
//!  "see_also":["https://…"],"output":"…","exploit_available":true,"compliance":null,
//!  "first_seen":"2026-10-01T00:00:00Z","last_seen":"2026-11-20T01:40:00Z","state":"active"}
//! ],"complete":true}
//! ```
//!
//! Every key is always there; what is not known is null. `complete` comes last, because it is known last. A stream of
//! lines that is not complete ends with `{"kind":"end","complete":false}`. `scanctl schema findings` says it for
//! programs.
//!
//! Written by hand, key by key: this is where the most bytes go through, and nothing is built up only to be written.

use std::io::Write;

use super::facts;
use super::out::{Out, time};
use super::{About, ReportWriter};
use crate::error::Result;
use crate::findings::{Compliance, Cvss, Decoded, Finding, FindingSink, Text};

/// One document.
pub(super) fn document(out: Box<dyn Write + Send>) -> Box<dyn ReportWriter> {
    Box::new(Writer(Items::document(out, "{\"schema_version\":1,\"kind\":\"findings\",\"items\":[")))
}

/// One object a line.
pub(super) fn lines(out: Box<dyn Write + Send>) -> Box<dyn ReportWriter> {
    Box::new(Writer(Items::lines(out)))
}

/// What stands around the items of every shape: a document, or lines.
pub(super) struct Items {
    out: Out,
    is_document: bool,
    /// Whether no item was written yet.
    is_first: bool,
    complete: bool,
}

impl Items {
    /// One document, which begins with `head`.
    pub(super) fn document(out: Box<dyn Write + Send>, head: &str) -> Self {
        let mut items = Self { is_document: true, ..Self::lines(out) };
        items.out.push(head.as_bytes());
        items
    }

    /// One item a line.
    pub(super) fn lines(out: Box<dyn Write + Send>) -> Self {
        Self { out: Out::new(out), is_document: false, is_first: true, complete: true }
    }

    /// The next item, which `write` writes.
    pub(super) fn item(&mut self, write: impl FnOnce(&mut Out)) -> Result<()> {
        if self.is_document {
            self.out.push(if self.is_first { b"\n" } else { b",\n" });
        }
        self.is_first = false;
        write(&mut self.out);
        if !self.is_document {
            self.out.push(b"\n");
        }
        self.out.settle()
    }

    /// A report has ended.
    pub(super) const fn end(&mut self, complete: bool) {
        self.complete &= complete;
    }

    /// All reports have ended.
    pub(super) fn finish(&mut self, complete: bool) -> Result<()> {
        let complete = complete && self.complete;
        if self.is_document {
            self.out.push(if self.is_first { b"" } else { b"\n" });
            self.out.plain(format_args!("],\"complete\":{complete}}}\n"));
        } else if !complete {
            self.out.push(b"{\"kind\":\"end\",\"complete\":false}\n");
        }
        self.out.flush()
    }
}

struct Writer(Items);

impl FindingSink for Writer {
    fn finding(&mut self, finding: &Finding<'_>) -> Result<()> {
        self.0.item(|out| object(out, finding))
    }
}

impl ReportWriter for Writer {
    fn begin(&mut self, _about: &About) -> Result<()> {
        Ok(())
    }

    fn end(&mut self, _decoded: &Decoded, complete: bool) -> Result<()> {
        self.0.end(complete);
        Ok(())
    }

    fn finish(&mut self, complete: bool) -> Result<()> {
        self.0.finish(complete)
    }
}

/// One finding.
pub(super) fn object(out: &mut Out, finding: &Finding<'_>) {
    let Finding { id, origin, host, host_number: _, details } = *finding;
    out.push(b"{\"id\":\"");
    out.plain(id);
    out.push(b"\"");
    text(out, ",\"profile\":", origin.profile.as_deref());
    text(out, ",\"backend\":", origin.backend.as_deref());
    text(out, ",\"scan\":", origin.scan.as_deref());
    text(out, ",\"run\":", origin.run.as_deref());
    text(out, ",\"host\":", Some(host.label()));
    text(out, ",\"ip\":", host.ip.as_deref());
    out.push(b",\"port\":");
    out.number(details.port);
    text(out, ",\"protocol\":", details.protocol.as_deref());
    text(out, ",\"service\":", details.service.as_deref());
    text(out, ",\"plugin_id\":", details.plugin_id.as_deref());
    text(out, ",\"plugin_name\":", details.plugin_name.as_deref());
    text(out, ",\"plugin_family\":", details.plugin_family.as_deref());
    text(out, ",\"severity\":", Some(details.severity.name()));
    text(out, ",\"severity_source\":", Some(details.severity_source.name()));
    cvss(out, ",\"cvss2\":", details.cvss2.as_ref());
    cvss(out, ",\"cvss3\":", details.cvss3.as_ref());
    cvss(out, ",\"cvss4\":", details.cvss4.as_ref());
    out.push(b",\"vpr\":");
    out.number(facts::vpr(details));
    out.push(b",\"epss\":");
    out.number(facts::epss(details));
    list(out, ",\"cves\":[", &details.cves);
    list(out, ",\"cwes\":[", &details.cwes);
    text(out, ",\"synopsis\":", details.synopsis.as_deref());
    text(out, ",\"description\":", details.description.as_deref());
    text(out, ",\"solution\":", details.solution.as_deref());
    list(out, ",\"see_also\":[", &details.see_also);
    text(out, ",\"output\":", details.output.as_deref());
    out.push(match details.exploit.available {
        Some(true) => b",\"exploit_available\":true",
        Some(false) => b",\"exploit_available\":false",
        None => b",\"exploit_available\":null",
    });
    compliance(out, details.compliance.as_deref());
    instant(out, ",\"first_seen\":", details.first_seen);
    instant(out, ",\"last_seen\":", details.last_seen);
    text(out, ",\"state\":", details.state.as_deref());
    out.push(b"}");
}

/// `key` begins what it names: comma, quotes and colon included.
fn text(out: &mut Out, key: &'static str, text: Option<&str>) {
    out.push(key.as_bytes());
    match text {
        Some(text) => out.json(text),
        None => out.push(b"null"),
    }
}

fn list(out: &mut Out, key: &'static str, list: &[Text<'_>]) {
    out.push(key.as_bytes());
    for (at, text) in list.iter().enumerate() {
        out.push(if at > 0 { b"," } else { b"" });
        out.json(text);
    }
    out.push(b"]");
}

fn instant(out: &mut Out, key: &'static str, instant: Option<jiff::Timestamp>) {
    out.push(key.as_bytes());
    match time(instant) {
        Some(instant) => out.plain(format_args!("\"{instant}\"")),
        None => out.push(b"null"),
    }
}

fn cvss(out: &mut Out, key: &'static str, cvss: Option<&Cvss<'_>>) {
    out.push(key.as_bytes());
    let Some(cvss) = cvss else { return out.push(b"null") };
    out.push(b"{\"score\":");
    out.number(facts::base(cvss));
    text(out, ",\"vector\":", cvss.vector.as_deref());
    out.push(b",\"temporal_score\":");
    out.number(facts::temporal(cvss));
    text(out, ",\"temporal_vector\":", cvss.temporal_vector.as_deref());
    out.push(b"}");
}

fn compliance(out: &mut Out, compliance: Option<&Compliance<'_>>) {
    out.push(b",\"compliance\":");
    let Some(Compliance {
        check_id,
        check_name,
        result,
        actual_value,
        policy_value,
        info,
        solution,
        audit_file,
        reference,
        see_also,
        error,
    }) = compliance
    else {
        return out.push(b"null");
    };
    text(out, "{\"check_id\":", check_id.as_deref());
    text(out, ",\"check_name\":", check_name.as_deref());
    text(out, ",\"result\":", result.as_deref());
    text(out, ",\"actual_value\":", actual_value.as_deref());
    text(out, ",\"policy_value\":", policy_value.as_deref());
    text(out, ",\"info\":", info.as_deref());
    text(out, ",\"solution\":", solution.as_deref());
    text(out, ",\"audit_file\":", audit_file.as_deref());
    text(out, ",\"reference\":", reference.as_deref());
    text(out, ",\"see_also\":", see_also.as_deref());
    text(out, ",\"error\":", error.as_deref());
    out.push(b"}");
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::sample::{Document, HOSTILE, about, check, document, library, says, web};
    use super::super::{About, Column, FindingFormat, Options};
    use crate::findings::{Details, Host};

    fn written(hosts: &[(Host<'_>, Vec<Details<'_>>)]) -> (String, Value) {
        let lines = document(FindingFormat::Ndjson, &Options::default(), &about(), hosts);
        let whole = document(FindingFormat::Json, &Options::default(), &about(), hosts);
        (lines, serde_json::from_str(&whole).unwrap())
    }

    #[test]
    fn a_finding_has_every_key_in_the_documented_order() {
        let (lines, whole) = written(&[(web(), vec![library(), check()])]);
        let expected = concat!(
            r#"{"id":"169824bb50736817698918c71c47e5e3","profile":"io","backend":"tenable-io","scan":"219","run":"9f2c","#,
            r#""host":"web01.example.org","ip":"192.0.2.10","port":443,"protocol":"tcp","service":"www","#,
            r#""plugin_id":"156032","plugin_name":"Example Library Multiple Vulnerabilities","plugin_family":"CGI abuses","#,
            r#""severity":"critical","severity_source":"vendor","#,
            r#""cvss2":{"score":7.5,"vector":null,"temporal_score":null,"temporal_vector":null},"#,
            r#""cvss3":{"score":9.8,"vector":"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H","temporal_score":null,"temporal_vector":null},"#,
            r#""cvss4":null,"vpr":9.2,"epss":0.94,"cves":["CVE-2021-0001","CVE-2021-0002"],"cwes":["502"],"#,
            r#""synopsis":"A library is old.","description":"The remote host runs a version of the library with known flaws.","#,
            r#""solution":"Update the library.","see_also":["https://example.org/a","https://example.org/b?c=d"],"#,
            r#""output":"  Installed version : 1.0\n  Fixed version : 1.1","exploit_available":true,"compliance":null,"#,
            r#""first_seen":"2026-10-01T00:00:00Z","last_seen":"2026-11-20T01:40:00Z","state":"active"}"#
        );
        assert_eq!(lines.lines().next().unwrap(), expected);
        let items: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(whole, json!({ "schema_version": 1, "kind": "findings", "complete": true, "items": items }));
        for item in &items {
            let keys: Vec<&str> = item.as_object().unwrap().keys().map(String::as_str).collect();
            assert_eq!(keys, Column::ALL.map(Column::name));
        }
        assert_eq!(
            items[1]["compliance"],
            json!({
                "check_id": "a1b2", "check_name": "1.1.1 Ensure that it is so", "result": "FAILED",
                "actual_value": "0", "policy_value": null, "info": null, "solution": null, "audit_file": null,
                "reference": null, "see_also": null, "error": null,
            })
        );
    }

    #[test]
    fn nothing_is_a_document_and_an_incomplete_one_says_so() {
        assert_eq!(
            written(&[]),
            (String::new(), json!({ "schema_version": 1, "kind": "findings", "items": [], "complete": true }))
        );
        for (whole_report, whole_call) in [(false, true), (true, false)] {
            for format in [FindingFormat::Json, FindingFormat::Ndjson] {
                let mut document = Document::new(format, &Options::default());
                document.report(&about(), &[(web(), vec![library()])], whole_report);
                document.report(&About::default(), &[], true);
                let text = document.finish(whole_call);
                let end: Value = match format {
                    FindingFormat::Json => serde_json::from_str(&text).unwrap(),
                    _ => serde_json::from_str(text.lines().nth(1).unwrap()).unwrap(),
                };
                assert_eq!(end["complete"], false);
                if format == FindingFormat::Ndjson {
                    assert_eq!(end, json!({ "kind": "end", "complete": false }));
                }
            }
        }
    }

    #[test]
    fn hostile_text_is_the_same_text_and_harmless() {
        for text in HOSTILE {
            let (host, details) = says(text);
            let (lines, whole) = written(&[(host, vec![details])]);
            assert!(!lines.trim_end_matches('\n').chars().any(crate::text::has_power), "{lines}");
            let item = &whole["items"][0];
            for key in ["host", "ip", "plugin_id", "plugin_name", "description", "output", "state"] {
                assert_eq!(item[key], text, "{key}");
            }
            assert_eq!((&item["vpr"], &item["epss"]), (&Value::Null, &Value::Null));
            assert_eq!(item["cvss3"]["score"], Value::Null);
        }
    }
}
