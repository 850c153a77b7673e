//! Findings as the console lists them: one flat object for each weakness of each port.
//!
//! It gives no severity, protocol, remediation or time. What a score means is derived and marked so; a field whose
//! meaning is not documented is kept under its own name.

use std::borrow::Cow;
use std::fmt;
use std::net::IpAddr;

use serde::Deserialize;
use serde::de::{Deserializer as _, SeqAccess, Visitor};
use serde_json::{Map, Value};

use crate::backends::wire::Loose;
use crate::error::{Error, Result};
use crate::findings::{Details, Emitter, Host, Severity, SeveritySource, Text};

/// Rows of one host that are held at most.
const MOST_AT_ONCE: usize = 500;

/// A finding. Every field is optional.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Row {
    ip_address: Loose,
    hostname: Loose,
    port: Loose,
    /// The title.
    vulnerability: Loose,
    /// The id in the scanner's catalogue.
    exposure_id: Loose,
    cve_ids: Several,
    /// CVSS, of a version that is not told.
    base_score: Loose,
    temporal_score: Loose,
    open_services: Several,
    critical_details: Loose,
    informative_details: Loose,
    /// What a newer console may add.
    #[serde(flatten)]
    more: Map<String, Value>,
}

/// A list, or its only item.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Several {
    Many(Vec<Loose>),
    One(Loose),
}

impl Default for Several {
    fn default() -> Self {
        Self::Many(Vec::new())
    }
}

impl Several {
    fn texts(&self) -> impl Iterator<Item = &str> {
        let items = match self {
            Self::Many(items) => items.as_slice(),
            Self::One(item) => std::slice::from_ref(item),
        };
        items.iter().filter_map(|item| item.text().map(str::trim)).filter(|text| !text.is_empty())
    }
}

/// Reads one page; see [`crate::findings::PageReader`].
pub(super) fn read(page: &[u8], emitter: &mut Emitter<'_>) -> Result<Option<Error>> {
    let mut rows = Rows { emitter, host: Host::default(), waiting: Vec::new(), failed: None };
    let mut json = serde_json::Deserializer::from_slice(page);
    let problem = json.deserialize_option(&mut rows).and_then(|()| json.end()).err();
    if let Some(failed) = rows.failed.take() {
        return Err(failed);
    }
    rows.flush()?;
    Ok(problem.map(|problem| {
        let why = if problem.is_eof() { "is cut off".to_owned() } else { format!("cannot be read: {problem}") };
        Error::bad_data(format!("a page of the result {why}")).hint("fetch the result again")
    }))
}

/// Rows on their way: those of one host that stand together are handed on together.
struct Rows<'e, 's> {
    emitter: &'e mut Emitter<'s>,
    host: Host<'static>,
    waiting: Vec<Details<'static>>,
    /// What the sink said.
    failed: Option<Error>,
}

impl Rows<'_, '_> {
    fn take(&mut self, row: &Row) -> Result<()> {
        let host = row.host();
        if host != self.host || self.waiting.len() >= MOST_AT_ONCE {
            self.flush()?;
            self.host = host;
        }
        self.waiting.push(row.details());
        Ok(())
    }

    fn flush(&mut self) -> Result<()> {
        if self.waiting.is_empty() {
            return Ok(());
        }
        self.emitter.host(&self.host, &std::mem::take(&mut self.waiting))
    }
}

impl<'de> Visitor<'de> for &mut Rows<'_, '_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a list of findings")
    }

    fn visit_none<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_some<D: serde::Deserializer<'de>>(self, list: D) -> Result<(), D::Error> {
        list.deserialize_seq(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while let Some(row) = list.next_element::<Row>()? {
            if let Err(failed) = self.take(&row) {
                self.failed = Some(failed);
                return Err(serde::de::Error::custom("not taken"));
            }
        }
        Ok(())
    }
}

impl Row {
    fn host(&self) -> Host<'static> {
        let told = self.ip_address.text().map(str::trim).filter(|text| !text.is_empty());
        // The same address has one spelling, so that findings of two runs can be compared.
        let ip = told.and_then(|text| text.parse::<IpAddr>().ok()).map(|ip| ip.to_string());
        let name = self.hostname.text().map(str::trim).filter(|text| !text.is_empty());
        // A name without a domain is not enough to tell hosts apart.
        let is_full = |name: &&str| name.trim_end_matches('.').contains('.') && name.parse::<IpAddr>().is_err();
        Host {
            name: owned(name.or(told).unwrap_or_default()),
            fqdn: name.filter(is_full).map(owned),
            ip: ip.map(Cow::Owned),
            ..Host::default()
        }
    }

    fn details(&self) -> Details<'static> {
        let services: Vec<&str> = self.open_services.texts().collect();
        let services = (!services.is_empty()).then(|| services.join(", "));
        let said = [&self.critical_details, &self.informative_details].into_iter().filter_map(Loose::owned);
        // Whether they are those of the port is not documented, so none is called the finding's service.
        let said: Vec<String> =
            said.chain(services.as_deref().map(|services| format!("open_services: {services}"))).collect();
        let scores = [("base score", &self.base_score), ("temporal score", &self.temporal_score)];
        let scores: Vec<String> =
            scores.iter().filter_map(|(name, score)| Some(format!("{name} {}", score.text()?))).collect();
        let known = [
            ("base_score", self.base_score.owned()),
            ("temporal_score", self.temporal_score.owned()),
            ("open_services", services),
        ];
        let known = known.into_iter().filter_map(|(name, value)| Some((Cow::Borrowed(name), Cow::Owned(value?))));
        let more = self.more.iter().filter(|(_, value)| !value.is_null());
        let more = more.map(|(name, value)| {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            (owned(name), Cow::Owned(text))
        });
        Details {
            port: self.port.number().and_then(|port| u16::try_from(port).ok()),
            plugin_id: self.exposure_id.owned().map(Cow::Owned),
            plugin_name: self.vulnerability.owned().map(Cow::Owned),
            severity: severity(&self.base_score),
            severity_source: SeveritySource::Derived,
            cves: self.cve_ids.texts().map(owned).collect(),
            synopsis: (!scores.is_empty()).then(|| Cow::Owned(scores.join(", "))),
            output: (!said.is_empty()).then(|| Cow::Owned(said.join("\n\n"))),
            other: known.chain(more).collect(),
            ..Details::default()
        }
    }
}

fn owned(text: &str) -> Text<'static> {
    Cow::Owned(text.to_owned())
}

fn severity(score: &Loose) -> Severity {
    Severity::of_score(score.text().and_then(|text| text.trim().parse().ok()).unwrap_or_default())
}
