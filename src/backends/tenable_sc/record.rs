//! One row of an analysis as a finding, with the id that the same finding has in the report.
//!
//! Every value is text, also numbers: scores may be empty, times are seconds with -1 for none, several values of one kind
//! are joined by commas. Vectors come without their version's prefix and are left so, since which minor version it is
//! the row does not say. What has no place of its own is kept under the vendor's name for it.
//!
//! A row of a compliance audit does not say the id of its check, so such a row has another id than in the report.

use std::borrow::Cow;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Map, Value};

use crate::findings::{Cvss, Dates, Details, Exploit, Host, Severity, Text};

/// What tells hosts apart.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Place {
    fqdn: Option<String>,
    ip: Option<String>,
    uuid: Option<String>,
}

/// A row from which one value after another is taken.
#[derive(Debug)]
pub struct Record {
    place: Place,
    row: Map<String, Value>,
}

impl Record {
    /// A row as received.
    pub fn new(row: Map<String, Value>) -> Self {
        let place = Place { fqdn: None, ip: None, uuid: None };
        let mut record = Self { place, row };
        record.place = Place {
            fqdn: record.word("dnsName"),
            ip: record.word("ip"),
            uuid: record.word("hostUUID").or_else(|| record.word("uuid")),
        };
        record
    }

    /// What tells its host from others.
    pub fn place(&self) -> Place {
        self.place.clone()
    }

    /// Its host.
    pub fn host(&mut self) -> Host<'static> {
        let macs = self.word("macAddress").unwrap_or_default();
        let macs = macs.split([',', ' ', '\n']).map(str::trim).filter(|mac| !mac.is_empty());
        let Place { fqdn, ip, uuid } = self.place.clone();
        Host {
            // Which name the scan was told is not among the values.
            name: ip.clone().or_else(|| fqdn.clone()).or_else(|| uuid.clone()).unwrap_or_default().into(),
            fqdn: fqdn.map(Cow::Owned),
            ip: ip.map(Cow::Owned),
            macs: macs.map(|mac| Cow::Owned(mac.to_owned())).collect(),
            netbios: self.text("netbiosName"),
            os: self.text("operatingSystem"),
            uuid: uuid.map(Cow::Owned),
            ..Host::default()
        }
    }

    /// What was found there.
    pub fn details(mut self) -> Details<'static> {
        let risk_factor = self.text("riskFactor");
        let (severity, family) = (self.take("severity"), self.take("family"));
        let xrefs: Vec<Text<'_>> = self.list("xref").into_iter().map(reference).collect();
        let accepted = self.flag("acceptRisk") == Some(true);
        let recast = self.flag("recastRisk") == Some(true);
        let state = if accepted { Some("accepted") } else { recast.then_some("recast") };
        let details = Details {
            port: self.word("port").and_then(|port| port.parse().ok()),
            protocol: self.word("protocol").map(|protocol| protocol.to_ascii_lowercase().into()),
            plugin_id: self.text("pluginID"),
            plugin_name: self.text("pluginName").or_else(|| self.text("name")),
            plugin_family: family.as_ref().and_then(|family| part(family, "name")).map(Cow::Owned),
            plugin_type: self.text("checkType"),
            severity: severity.as_ref().and_then(severity_of).or_else(|| risk(&risk_factor)).unwrap_or(Severity::Info),
            risk_factor,
            cvss2: self.cvss(["baseScore", "cvssVector", "temporalScore"]),
            cvss3: self.cvss(["cvssV3BaseScore", "cvssV3Vector", "cvssV3TemporalScore"]),
            cvss4: self.cvss(["cvssV4BaseScore", "cvssV4Vector", "cvssV4ThreatScore"]),
            vpr: self.score("vprScore"),
            cves: self.list("cve"),
            cwes: xrefs.iter().filter_map(|xref| xref.strip_prefix("CWE:")).map(|cwe| cwe.to_owned().into()).collect(),
            xrefs,
            synopsis: self.long("synopsis"),
            description: self.long("description"),
            solution: self.long("solution"),
            see_also: self.links(),
            output: self.output(),
            exploit: self.exploit(),
            dates: Dates {
                plugin_published: self.date("pluginPubDate"),
                plugin_modified: self.date("pluginModDate"),
                vulnerability_published: self.date("vulnPubDate"),
                patch_published: self.date("patchPubDate"),
            },
            first_seen: self.time("firstSeen"),
            last_seen: self.time("lastSeen"),
            state: state.map(Cow::Borrowed),
            ..Details::default()
        };
        Details { other: self.rest(), ..details }
    }

    /// A value as it is; none where it is empty.
    fn long(&mut self, key: &str) -> Option<Text<'static>> {
        self.take(key).and_then(scalar).map(Cow::Owned)
    }

    /// A value, which is null from then on: what is left keeps the vendor's order.
    fn take(&mut self, key: &str) -> Option<Value> {
        self.row.get_mut(key).map(Value::take)
    }

    /// A value without white space around it.
    fn word(&mut self, key: &str) -> Option<String> {
        let value = self.long(key)?;
        Some(value.trim()).filter(|text| !text.is_empty()).map(str::to_owned)
    }

    fn text(&mut self, key: &str) -> Option<Text<'static>> {
        self.word(key).map(Cow::Owned)
    }

    fn list(&mut self, key: &str) -> Vec<Text<'static>> {
        let joined = self.word(key).unwrap_or_default();
        let items = joined.split(',').map(str::trim).filter(|item| !item.is_empty());
        items.map(|item| Cow::Owned(item.to_owned())).collect()
    }

    fn flag(&mut self, key: &str) -> Option<bool> {
        match self.word(key)?.to_ascii_lowercase().as_str() {
            "1" | "yes" | "true" => Some(true),
            "0" | "no" | "false" => Some(false),
            _ => None,
        }
    }

    fn score(&mut self, key: &str) -> Option<f64> {
        self.word(key)?.parse().ok().filter(|score: &f64| score.is_finite() && *score >= 0.0)
    }

    fn cvss(&mut self, [base, vector, temporal]: [&str; 3]) -> Option<Cvss<'static>> {
        let scores = Cvss {
            base_score: self.score(base),
            vector: self.text(vector),
            temporal_score: self.score(temporal),
            temporal_vector: None,
        };
        Some(scores).filter(|scores| *scores != Cvss::default())
    }

    fn time(&mut self, key: &str) -> Option<Timestamp> {
        let seconds = self.word(key)?.parse().ok().filter(|seconds| *seconds > 0)?;
        Timestamp::from_second(seconds).ok()
    }

    /// The day of a time, as the reports write it.
    fn date(&mut self, key: &str) -> Option<Text<'static>> {
        let day = self.time(key)?.to_zoned(TimeZone::UTC).date();
        Some(day.strftime("%Y/%m/%d").to_string().into())
    }

    fn links(&mut self) -> Vec<Text<'static>> {
        let lines = self.word("seeAlso").unwrap_or_default();
        let lines = lines.lines().map(str::trim).filter(|line| !line.is_empty());
        lines.map(|line| Cow::Owned(line.to_owned())).collect()
    }

    /// What the plugin wrote, out of the tag that the product puts around it.
    fn output(&mut self) -> Option<Text<'static>> {
        let text = self.long("pluginText")?;
        let inner = text.trim().strip_prefix("<plugin_output>").map(|text| text.strip_suffix("</plugin_output>"));
        match inner {
            Some(Some("")) => None,
            Some(Some(inner)) => Some(inner.to_owned().into()),
            _ => Some(text),
        }
    }

    fn exploit(&mut self) -> Exploit<'static> {
        const FRAMEWORKS: [&str; 5] = ["core", "metasploit", "canvas", "exploithub", "d2_elliot"];
        // Left where it is: it may also say which module of a framework it is.
        let named = self.row.get("exploitFrameworks").and_then(Value::as_str).unwrap_or_default().to_ascii_lowercase();
        let mut frameworks = Vec::new();
        for name in named.split(',') {
            // "Core Impact", "Metasploit (the module's name)": the name begins with the framework's.
            let name = name.trim().replace(' ', "_");
            let framework = FRAMEWORKS.into_iter().find(|framework| name.starts_with(framework));
            frameworks.extend(framework.filter(|framework| !frameworks.contains(framework)));
        }
        Exploit {
            available: self.flag("exploitAvailable"),
            ease: self.text("exploitEase"),
            frameworks,
            ..Exploit::default()
        }
    }

    /// Everything that was not taken and says something.
    fn rest(self) -> Vec<(Text<'static>, Text<'static>)> {
        let said = self.row.into_iter().filter_map(|(key, value)| {
            let text = match &value {
                Value::Object(object) if object.contains_key("name") => part(&value, "name"),
                Value::Object(object) => (!object.is_empty()).then(|| value.to_string()),
                Value::Array(items) => (!items.is_empty()).then(|| value.to_string()),
                _ => scalar(value).filter(|text| !matches!(text.trim(), "" | "-1" | "[]")),
            };
            Some((Cow::Owned(key), Cow::Owned(text?)))
        });
        said.collect()
    }
}

fn scalar(value: Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text).filter(|text| !text.is_empty()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(truth) => Some(truth.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

fn part(object: &Value, key: &str) -> Option<String> {
    scalar(object.get(key)?.clone())
}

/// By number, as the product counts from 0 for information to 4 for critical; else by name.
fn severity_of(value: &Value) -> Option<Severity> {
    let number = part(value, "id").or_else(|| scalar(value.clone()));
    let by_number = number.and_then(|number| Severity::from_rank(number.trim().parse().ok()?));
    by_number.or_else(|| part(value, "name").and_then(|name| named(&name)))
}

fn risk(word: &Option<Text<'_>>) -> Option<Severity> {
    named(word.as_deref()?)
}

fn named(word: &str) -> Option<Severity> {
    if word.eq_ignore_ascii_case("none") {
        return Some(Severity::Info);
    }
    Severity::ALL.into_iter().find(|severity| severity.name().eq_ignore_ascii_case(word.trim()))
}

/// A reference as reports write it: `CWE #200` is `CWE:200`.
fn reference(written: Text<'static>) -> Text<'static> {
    match written.split_once('#') {
        Some((source, id)) if !source.contains(':') => format!("{}:{}", source.trim(), id.trim()).into(),
        _ => written,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::Record;
    use crate::findings::{Details, Host, Severity};

    fn read(row: Value) -> (Host<'static>, Details<'static>) {
        let mut record = Record::new(row.as_object().unwrap().clone());
        (record.host(), record.details())
    }

    #[test]
    fn every_value_finds_its_place() {
        let row = r#"{
            "pluginID": "20007", "severity": {"id": "4", "name": "Critical", "description": ""}, "ip": "192.0.2.1",
            "dnsName": "web.example.org", "macAddress": "00:50:56:00:00:01", "netbiosName": "WORKGROUP\\WEB", "uuid": "",
            "hostUUID": "A-1", "port": "443", "protocol": "TCP", "pluginName": "SSL", "riskFactor": "High", "acceptRisk": "0",
            "recastRisk": "1", "hasBeenMitigated": "0", "firstSeen": "1545074182", "lastSeen": "1545074183", "synopsis": "s",
            "description": "d\n e", "solution": "n/a", "seeAlso": "https://a\n\n https://b", "baseScore": "9.8", "temporalScore": "",
            "cvssVector": "AV:N/AC:L", "cvssV3BaseScore": "8.1", "cvssV3TemporalScore": "7.3", "cvssV3Vector": "AV:N",
            "cvssV4BaseScore": "", "vprScore": "6.7", "exploitAvailable": "Yes", "exploitEase": "Exploits are available",
            "exploitFrameworks": "Core Impact, Metasploit (a module), Weird", "cpe": "cpe:/a:b", "cve": "CVE-2020-1,CVE-2020-2",
            "bid": "12,13", "xref": "CWE #200,IAVA #2020-A-1,odd", "vulnPubDate": "-1", "patchPubDate": "788979600",
            "pluginPubDate": "947005200", "pluginModDate": "1544806800", "checkType": "remote", "version": "1.2",
            "pluginText": "<plugin_output>\nseen <b> </plugin_output>", "family": {"id": "11", "name": "Web Servers"},
            "repository": {"id": "1", "name": "Default"}, "vprContext": "[]", "epssScore": "0.5", "keyDrivers": [], "acrScore": 7
        }"#;
        let (host, details) = read(serde_json::from_str(row).unwrap());
        assert_eq!(
            (&*host.name, host.label(), host.ip.as_deref()),
            ("192.0.2.1", "web.example.org", Some("192.0.2.1"))
        );
        assert_eq!((host.macs.len(), host.netbios.as_deref()), (1, Some("WORKGROUP\\WEB")));
        assert_eq!(host.uuid.as_deref(), Some("A-1"));
        assert_eq!((details.plugin_id.as_deref(), details.plugin_name.as_deref()), (Some("20007"), Some("SSL")));
        assert_eq!(
            (details.plugin_family.as_deref(), details.plugin_type.as_deref()),
            (Some("Web Servers"), Some("remote"))
        );
        assert_eq!((details.port, details.protocol.as_deref()), (Some(443), Some("tcp")));
        assert_eq!((details.severity, details.risk_factor.as_deref()), (Severity::Critical, Some("High")));
        let cvss2 = details.cvss2.unwrap();
        assert_eq!(
            (cvss2.base_score, cvss2.vector.as_deref(), cvss2.temporal_score),
            (Some(9.8), Some("AV:N/AC:L"), None)
        );
        let cvss3 = details.cvss3.unwrap();
        assert_eq!(
            (cvss3.base_score, cvss3.vector.as_deref(), cvss3.temporal_score),
            (Some(8.1), Some("AV:N"), Some(7.3))
        );
        assert_eq!((details.cvss4, details.vpr, details.epss), (None, Some(6.7), None));
        assert_eq!((details.cves.join(" "), details.cwes.join(" ")), ("CVE-2020-1 CVE-2020-2".into(), "200".into()));
        assert_eq!(details.xrefs, ["CWE:200", "IAVA:2020-A-1", "odd"]);
        assert_eq!(details.see_also, ["https://a", "https://b"]);
        assert_eq!((details.output.as_deref(), details.description.as_deref()), (Some("\nseen <b> "), Some("d\n e")));
        assert_eq!((details.exploit.available, details.exploit.frameworks), (Some(true), vec!["core", "metasploit"]));
        assert_eq!(details.dates.plugin_published.as_deref(), Some("2000/01/04"));
        assert_eq!(details.dates.plugin_modified.as_deref(), Some("2018/12/14"));
        assert_eq!(
            (details.dates.vulnerability_published, details.dates.patch_published.as_deref()),
            (None, Some("1995/01/01"))
        );
        assert_eq!(
            (details.first_seen.unwrap().as_second(), details.last_seen.unwrap().as_second()),
            (1_545_074_182, 1_545_074_183)
        );
        assert_eq!(details.state.as_deref(), Some("recast"));
        let other: Vec<String> = details.other.iter().map(|(key, text)| format!("{key}={text}")).collect();
        assert_eq!(
            other,
            [
                "hasBeenMitigated=0",
                "exploitFrameworks=Core Impact, Metasploit (a module), Weird",
                "cpe=cpe:/a:b",
                "bid=12,13",
                "version=1.2",
                "repository=Default",
                "epssScore=0.5",
                "acrScore=7",
            ]
        );
    }

    #[test]
    fn severities_are_numbers_then_names_then_risks() {
        for (row, severity) in [
            (json!({"severity": {"id": "0", "name": "High"}}), Severity::Info),
            (json!({"severity": {"id": 2}}), Severity::Medium),
            (json!({"severity": "3"}), Severity::High),
            (json!({"severity": {"id": "9", "name": "Critical"}}), Severity::Critical),
            (json!({"severity": null, "riskFactor": "Low"}), Severity::Low),
            (json!({"riskFactor": "None"}), Severity::Info),
            (json!({"severity": {"id": "9", "name": "Other"}, "riskFactor": "High"}), Severity::High),
            (json!({}), Severity::Info),
        ] {
            assert_eq!(read(row.clone()).1.severity, severity, "{row}");
        }
    }

    #[test]
    fn what_is_missing_is_not_made_up() {
        let (host, details) = read(json!({
            "ip": "", "dnsName": null, "uuid": "U-1", "port": "x", "protocol": "", "baseScore": "-1", "firstSeen": "-1",
            "exploitAvailable": "", "pluginText": "<plugin_output></plugin_output>", "family": [], "name": "Short",
        }));
        assert_eq!((&*host.name, host.fqdn, host.ip, host.uuid.as_deref()), ("U-1", None, None, Some("U-1")));
        assert_eq!(details, Details { plugin_name: Some("Short".into()), ..Details::default() });
    }
}
