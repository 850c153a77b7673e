//! Findings that this program wrote as JSON, read back: a document or one object a line.
//!
//! What a document leaves out of a report stays left out: attachments, the vendor's further fields. The ids are those
//! that stand there. Not for the JSON of any vendor.

use std::io::{BufReader, Read};

use jiff::Timestamp;
use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

use super::identity::FindingId;
use super::input::read_failure;
use super::numbering::{Hosts, untracked};
use super::shape::{Compliance, Cvss, Details, Exploit, Finding, Host, Origin, Severity, SeveritySource, Source};
use super::{Decoded, FindingSink, READABLE};
use crate::error::{Error, Result};
use crate::exit::Exit;

/// How much of a beginning is looked at, at a time and in all: another program may have put the keys in its own order.
pub(super) const HEAD: usize = 1024;
pub(super) const LONGEST_HEAD: usize = 64 * HEAD;

/// How much is repeated of the word for what a document holds.
const LONGEST_KIND: usize = 40;

/// How findings were written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// As one document.
    Document,
    /// As one object a line.
    Lines,
}

/// What a beginning tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Beginning {
    /// Of findings.
    Of(Kind),
    /// Of something else.
    Other,
    /// Not enough yet.
    Short,
}

/// What begins like this. The keys of the first object tell, and not where they stand: a value may be of any length.
pub(super) fn recognizes(head: &[u8]) -> Beginning {
    if !head.trim_ascii_start().starts_with(b"{") {
        return Beginning::Other;
    }
    let mut kind = None;
    let read = serde_json::Deserializer::from_slice(head).deserialize_map(Keys(&mut kind));
    match (kind, read) {
        (Some(kind), _) => Beginning::Of(kind),
        (None, Err(problem)) if problem.is_eof() => Beginning::Short,
        (None, _) => Beginning::Other,
    }
}

/// Looks at the keys of an object until they tell what it is.
struct Keys<'k>(&'k mut Option<Kind>);

impl<'de> Visitor<'de> for Keys<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut says_complete = false;
        while let Some(key) = map.next_key::<String>()? {
            *self.0 = match key.as_str() {
                "schema_version" => Some(Kind::Document),
                "items" if says_complete => Some(Kind::Document),
                "id" => {
                    let id = map.next_value::<Value>()?;
                    id.as_str().is_some_and(|id| id.parse::<FindingId>().is_ok()).then_some(Kind::Lines)
                }
                "kind" => (map.next_value::<Value>()? == "end").then_some(Kind::Lines),
                _ => {
                    says_complete |= key == "complete";
                    map.next_value::<IgnoredAny>()?;
                    None
                }
            };
            if self.0.is_some() {
                break;
            }
        }
        Ok(())
    }
}

/// Reads a document or lines to the end.
///
/// # Errors
/// Those of the sink.
pub(super) fn decode(source: impl Read, kind: Kind, sink: &mut dyn FindingSink) -> Result<Decoded> {
    let mut taker = Taker { sink, findings: 0, hosts: Hosts::default(), other: None, failure: None };
    let mut reader = serde_json::Deserializer::from_reader(BufReader::with_capacity(64 * 1024, source));
    let problem = match kind {
        Kind::Document => {
            match reader.deserialize_map(Document(&mut taker)).and_then(|complete| reader.end().map(|()| complete)) {
                Ok(Some(true)) => None,
                Ok(Some(false)) => Some(incomplete()),
                Ok(None) => Some(Error::bad_data("the document does not say that it is complete")),
                Err(problem) => Some(taker.other.take().unwrap_or_else(|| unreadable(problem))),
            }
        }
        Kind::Lines => lines(reader, &mut taker),
    };
    let Taker { findings, hosts, failure, .. } = taker;
    match failure {
        Some(failure) => Err(failure),
        None => Ok(Decoded { findings, hosts: hosts.len(), problem, ..Decoded::default() }),
    }
}

fn lines<'de>(
    reader: serde_json::Deserializer<impl serde_json::de::Read<'de>>,
    taker: &mut Taker<'_>,
) -> Option<Error> {
    for line in reader.into_iter::<Line>() {
        match line {
            Ok(Line { kind: Some(kind), complete, .. }) if kind == "end" => {
                return (complete != Some(true)).then(incomplete);
            }
            Ok(Line { id: Some(id), item, .. }) => match taker.take(&id, *item) {
                Ok(()) => {}
                Err(Refused::Item(problem)) => return Some(problem),
                Err(Refused::Sink) => return None,
            },
            Ok(_) => return Some(Error::bad_data("a line holds no finding")),
            Err(problem) => return Some(unreadable(problem)),
        }
    }
    None
}

fn incomplete() -> Error {
    Error::bad_data("these findings are marked as incomplete")
        .hint("take a file that was written after everything was read")
}

fn unreadable(problem: serde_json::Error) -> Error {
    match problem.classify() {
        // What the source itself says, a signal for instance.
        serde_json::error::Category::Io => read_failure(problem.into()),
        serde_json::error::Category::Eof => Error::bad_data("the findings are cut off"),
        _ => Error::bad_data(format!("the findings cannot be read: {problem}")),
    }
}

/// Gives items to the sink.
struct Taker<'s> {
    sink: &'s mut dyn FindingSink,
    findings: u64,
    /// Hosts with findings.
    hosts: Hosts,
    /// Why the document is none of findings.
    other: Option<Error>,
    failure: Option<Error>,
}

/// Why an item was not taken.
enum Refused {
    Item(Error),
    Sink,
}

impl Taker<'_> {
    fn take(&mut self, id: &str, item: Item) -> Result<(), Refused> {
        let id = id.parse().map_err(Refused::Item)?;
        let (origin, host, details) = item.into_parts().map_err(Refused::Item)?;
        self.findings += 1;
        let taken = self.hosts.number(&host).map_err(|problem| untracked(&problem)).and_then(|host_number| {
            self.sink.finding(&Finding { id, origin: &origin, host: &host, host_number, details: &details })
        });
        taken.map_err(|failure| {
            self.failure = Some(failure);
            Refused::Sink
        })
    }
}

/// The document; whether it is complete.
struct Document<'t, 's>(&'t mut Taker<'s>);

impl<'de> Visitor<'de> for Document<'_, '_> {
    type Value = Option<bool>;

    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("a document of findings")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let (mut complete, mut items) = (None, false);
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "schema_version" => {
                    let version: u64 = map.next_value()?;
                    if version != 1 {
                        return Err(A::Error::custom(format!("version {version} of the document is not known")));
                    }
                }
                "kind" => {
                    let kind: String = map.next_value()?;
                    if kind != "findings" {
                        let kind: String = kind.chars().take(LONGEST_KIND).collect();
                        let other = Error::bad_data(format!("the document holds {kind}, not findings"));
                        self.0.other = Some(other.hint(READABLE));
                        return Err(A::Error::custom("of another kind"));
                    }
                }
                "complete" => complete = Some(map.next_value()?),
                "items" => {
                    map.next_value_seed(Items(self.0))?;
                    items = true;
                }
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        if items { Ok(complete) } else { Err(A::Error::custom("there are no items")) }
    }
}

struct Items<'t, 's>(&'t mut Taker<'s>);

impl<'de> DeserializeSeed<'de> for Items<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Items<'_, '_> {
    type Value = ();

    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("a list of findings")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        while let Some(line) = items.next_element::<Line>()? {
            let id = line.id.ok_or_else(|| A::Error::missing_field("id"))?;
            self.0.take(&id, *line.item).map_err(|refused| match refused {
                Refused::Item(problem) => A::Error::custom(problem.one_line()),
                // The sink's own error is what the caller gets.
                Refused::Sink => A::Error::custom("stopped"),
            })?;
        }
        Ok(())
    }
}

/// A finding, or the end of lines that are not complete.
struct Line {
    kind: Option<String>,
    complete: Option<bool>,
    id: Option<String>,
    item: Box<Item>,
}

impl<'de> Deserialize<'de> for Line {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut item = Box::new(Item::deserialize(deserializer)?);
        Ok(Self { kind: item.kind.take(), complete: item.complete, id: item.id.take(), item })
    }
}

/// A finding as it is written.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Item {
    kind: Option<String>,
    complete: Option<bool>,
    id: Option<String>,
    profile: Option<String>,
    backend: Option<String>,
    scan: Option<String>,
    run: Option<String>,
    host: Option<String>,
    ip: Option<String>,
    port: Option<u16>,
    protocol: Option<String>,
    service: Option<String>,
    plugin_id: Option<String>,
    plugin_name: Option<String>,
    plugin_family: Option<String>,
    severity: Option<String>,
    severity_source: Option<String>,
    cvss2: Option<Scores>,
    cvss3: Option<Scores>,
    cvss4: Option<Scores>,
    vpr: Option<f64>,
    epss: Option<f64>,
    cves: Vec<String>,
    cwes: Vec<String>,
    synopsis: Option<String>,
    description: Option<String>,
    solution: Option<String>,
    see_also: Vec<String>,
    output: Option<String>,
    exploit_available: Option<bool>,
    compliance: Option<Check>,
    first_seen: Option<Timestamp>,
    last_seen: Option<Timestamp>,
    state: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Scores {
    score: Option<f64>,
    vector: Option<String>,
    temporal_score: Option<f64>,
    temporal_vector: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Check {
    check_id: Option<String>,
    check_name: Option<String>,
    result: Option<String>,
    actual_value: Option<String>,
    policy_value: Option<String>,
    info: Option<String>,
    solution: Option<String>,
    audit_file: Option<String>,
    reference: Option<String>,
    see_also: Option<String>,
    error: Option<String>,
}

impl Item {
    fn into_parts(self) -> Result<(Origin, Host<'static>, Details<'static>)> {
        let severity = self.severity.as_deref().ok_or_else(|| Error::bad_data("a finding has no severity"))?;
        let severity: Severity = severity.parse().map_err(|wrong: Error| wrong.with_exit(Exit::BadData))?;
        let source = match self.backend.as_deref() {
            Some("juniper") => Source::Jsa,
            Some("cloudflare") => Source::Cloudflare,
            _ => Source::Tenable,
        };
        let origin = Origin { source, profile: self.profile, backend: self.backend, scan: self.scan, run: self.run };
        let ip = self.ip.map(Into::into);
        let label = self.host.unwrap_or_default();
        // The label is the full name where there is one, else the address, else what the report called the host.
        let host = Host { name: label.into(), ip, ..Host::default() };
        let host = match host.ip.as_ref() {
            Some(ip) if *ip == host.name => host,
            Some(_) => Host { fqdn: Some(host.name.clone()), ..host },
            None => host,
        };
        let details = Details {
            port: self.port,
            protocol: self.protocol.map(Into::into),
            service: self.service.map(Into::into),
            plugin_id: self.plugin_id.map(Into::into),
            plugin_name: self.plugin_name.map(Into::into),
            plugin_family: self.plugin_family.map(Into::into),
            severity,
            severity_source: match self.severity_source.as_deref() {
                Some("derived") => SeveritySource::Derived,
                _ => SeveritySource::Vendor,
            },
            cvss2: self.cvss2.map(Scores::into_cvss),
            cvss3: self.cvss3.map(Scores::into_cvss),
            cvss4: self.cvss4.map(Scores::into_cvss),
            vpr: self.vpr,
            epss: self.epss,
            cves: self.cves.into_iter().map(Into::into).collect(),
            cwes: self.cwes.into_iter().map(Into::into).collect(),
            synopsis: self.synopsis.map(Into::into),
            description: self.description.map(Into::into),
            solution: self.solution.map(Into::into),
            see_also: self.see_also.into_iter().map(Into::into).collect(),
            output: self.output.map(Into::into),
            exploit: Exploit { available: self.exploit_available, ..Exploit::default() },
            compliance: self.compliance.map(|check| Box::new(check.into_compliance())),
            first_seen: self.first_seen,
            last_seen: self.last_seen,
            state: self.state.map(Into::into),
            ..Details::default()
        };
        Ok((origin, host, details))
    }
}

impl Scores {
    fn into_cvss(self) -> Cvss<'static> {
        Cvss {
            base_score: self.score,
            vector: self.vector.map(Into::into),
            temporal_score: self.temporal_score,
            temporal_vector: self.temporal_vector.map(Into::into),
        }
    }
}

impl Check {
    fn into_compliance(self) -> Compliance<'static> {
        Compliance {
            check_id: self.check_id.map(Into::into),
            check_name: self.check_name.map(Into::into),
            result: self.result.map(Into::into),
            actual_value: self.actual_value.map(Into::into),
            policy_value: self.policy_value.map(Into::into),
            info: self.info.map(Into::into),
            solution: self.solution.map(Into::into),
            audit_file: self.audit_file.map(Into::into),
            reference: self.reference.map(Into::into),
            see_also: self.see_also.map(Into::into),
            error: self.error.map(Into::into),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Rows(Vec<String>);

    impl FindingSink for Rows {
        fn finding(&mut self, finding: &Finding<'_>) -> Result<()> {
            let Finding { id, origin, host, details, .. } = finding;
            let (severity, plugin) = (details.severity, details.plugin_id.as_deref().unwrap_or("-"));
            let error = details.compliance.as_ref().and_then(|check| check.error.as_deref()).unwrap_or_default();
            let scan = origin.scan.as_deref().unwrap_or("-");
            self.0.push(format!("{id} {scan} {} {plugin} {severity}{error}", host.label()));
            Ok(())
        }
    }

    const ITEM: &str = r#"{"id":"169824bb50736817698918c71c47e5e3","scan":"219","host":"a.example.org","ip":"192.0.2.1",
        "port":443,"plugin_id":"1","severity":"high","cvss3":{"score":9.8,"vector":null},"cves":["CVE-2021-0001"],
        "compliance":null,"first_seen":"2026-10-01T00:00:00Z","later_key":{"a":[1]}}"#;
    const ROW: &str = "169824bb50736817698918c71c47e5e3 219 a.example.org 1 high";

    fn read(text: &str) -> (Vec<String>, Option<String>) {
        assert!(matches!(recognizes(text.as_bytes()), Beginning::Of(_)), "{text}");
        let mut rows = Rows::default();
        let origin = Origin::default();
        let decoded = super::super::decode_any(text.as_bytes(), &origin, &mut rows).unwrap();
        (rows.0, decoded.problem.map(|problem| problem.one_line()))
    }

    fn document(items: &str, end: &str) -> String {
        format!("{{\"schema_version\": 1,\n\"kind\":\"findings\",\"items\":[{items}]{end}}}")
    }

    #[test]
    fn what_was_written_is_read_back() {
        let complete = ",\"complete\":true";
        assert_eq!(read(&document("", complete)), (vec![], None));
        assert_eq!(read(&document(&format!("{ITEM},{ITEM}"), complete)), (vec![ROW.to_owned(); 2], None));
        assert_eq!(read(&format!("{ITEM}\n{ITEM}\n")), (vec![ROW.to_owned(); 2], None));
        let audit = ITEM.replace("\"compliance\":null", "\"compliance\":{\"error\":\" no file\"}");
        assert_eq!(read(&audit), (vec![format!("{ROW} no file")], None));
    }

    #[test]
    fn a_host_that_comes_again_counts_once() {
        let other = ITEM.replace("a.example.org", "B.example.org");
        let lines = format!("{ITEM}\n{other}\n{ITEM}\n{}", other.replace("B.", "b."));
        let decoded = super::super::decode_lines(lines.as_bytes(), &mut Rows::default()).unwrap();
        assert_eq!((decoded.findings, decoded.hosts), (4, 2));
    }

    #[test]
    fn what_is_not_whole_is_told() {
        let incomplete = Some("these findings are marked as incomplete".to_owned());
        assert_eq!(read(&document(ITEM, ",\"complete\":false")), (vec![ROW.to_owned()], incomplete.clone()));
        assert_eq!(
            read(&format!("{ITEM}\n{{\"kind\":\"end\",\"complete\":false}}")),
            (vec![ROW.to_owned()], incomplete.clone())
        );
        assert_eq!(read("{\"kind\":\"end\",\"complete\":false}\n"), (vec![], incomplete));
        let unsaid = Some("the document does not say that it is complete".to_owned());
        assert_eq!(read(&document(ITEM, "")), (vec![ROW.to_owned()], unsaid));
        let whole = document(ITEM, ",\"complete\":true");
        for at in 60..whole.len() {
            assert!(read(&whole[..at]).1.is_some(), "cut at {at}");
        }
        let (_, problem) = read(&document(&ITEM.replace("high", "urgent"), ",\"complete\":true"));
        assert!(problem.unwrap().contains("unknown severity `urgent`"));
        let (_, problem) = read(&whole.replace("1698", "xxxx"));
        assert!(problem.unwrap().contains("is no id of a finding"));
        let (_, problem) = read(&whole.replace("\"kind\":\"findings\"", "\"kind\":\"runs\",\"x\":\"findings\""));
        assert!(problem.unwrap().contains("the document holds runs, not findings"));
        let (_, problem) = read(&whole.replace("\"schema_version\": 1", "\"schema_version\": 2"));
        assert!(problem.unwrap().contains("version 2 of the document is not known"));
    }

    #[test]
    fn the_json_of_others_is_not_taken_for_it() {
        for text in ["{\"error_code\": 147}", "[1]", "<a id='plugin_id'>", "{\"id\": 1}", "{\"items\":[]}", "{]", ""] {
            assert_eq!(recognizes(text.as_bytes()), Beginning::Other, "{text}");
        }
    }

    #[test]
    fn neither_long_values_nor_another_order_of_the_keys_hide_what_it_is() {
        let long = "x".repeat(3 * HEAD);
        let first = ITEM.replace("{\"id\"", &format!("{{\"plugin_name\":\"{long}\",\"id\""));
        let later = ITEM.replace("\"plugin_id\":\"1\"", &format!("\"service\":\"{long}\",\"plugin_id\":\"1\""));
        for item in [first.as_str(), &later] {
            assert_eq!(read(item), (vec![ROW.to_owned()], None));
            let sorted = format!("{{\"complete\":true,\"items\":[{item}],\"kind\":\"findings\",\"schema_version\":1}}");
            assert_eq!(read(&sorted), (vec![ROW.to_owned()], None));
        }
        let endless = format!("{{\"error\": \"{}", "x".repeat(2 * LONGEST_HEAD));
        assert_eq!(recognizes(endless.as_bytes()), Beginning::Short);
    }

    #[test]
    fn a_failure_of_the_source_is_told_as_it_is() {
        struct Failing(Option<std::io::Error>);
        impl Read for Failing {
            fn read(&mut self, _buffer: &mut [u8]) -> std::io::Result<usize> {
                Err(self.0.take().unwrap())
            }
        }
        let document = document(ITEM, "");
        for text in [ITEM, &document] {
            let interrupted = std::io::Error::other(Error::new(Exit::Interrupted, "interrupted"));
            for (failure, exit) in
                [(interrupted, Exit::Interrupted), (std::io::Error::from_raw_os_error(5), Exit::Internal)]
            {
                let source = text.as_bytes().chain(Failing(Some(failure)));
                let decoded = super::super::decode_any(source, &Origin::default(), &mut Rows::default()).unwrap();
                assert_eq!(decoded.problem.unwrap().exit(), exit);
            }
        }
    }
}
