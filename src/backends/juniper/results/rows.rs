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

/// A finding, from which one value after another is taken. Every field is optional.
struct Row(Map<String, Value>);

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
    fn take(&mut self, mut row: Row) -> Result<()> {
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
        while let Some(row) = list.next_element()? {
            if let Err(failed) = self.take(Row(row)) {
                self.failed = Some(failed);
                return Err(serde::de::Error::custom("not taken"));
            }
        }
        Ok(())
    }
}

impl Row {
    /// A value, which is null from then on: what is left keeps the console's order.
    fn take(&mut self, key: &str) -> Loose {
        loose(self.0.get_mut(key).map(Value::take).unwrap_or_default())
    }

    /// What is listed, or the only item where it is no list, without white space around it.
    fn texts(&mut self, key: &str) -> Vec<String> {
        let items = match self.0.get_mut(key).map(Value::take).unwrap_or_default() {
            Value::Array(items) => items,
            item => vec![item],
        };
        items.into_iter().filter_map(|item| trimmed(&loose(item))).collect()
    }

    fn host(&mut self) -> Host<'static> {
        let told = trimmed(&self.take("ip_address"));
        // The same address has one spelling, so that findings of two runs can be compared.
        let ip = told.as_deref().and_then(|text| text.parse::<IpAddr>().ok()).map(|ip| ip.to_string());
        let name = trimmed(&self.take("hostname"));
        // A name without a domain is not enough to tell hosts apart.
        let is_full = |name: &&String| name.trim_end_matches('.').contains('.') && name.parse::<IpAddr>().is_err();
        Host {
            fqdn: name.as_ref().filter(is_full).cloned().map(Cow::Owned),
            name: name.or(told).unwrap_or_default().into(),
            ip: ip.map(Cow::Owned),
            ..Host::default()
        }
    }

    /// What was found on the host, which must have been taken before.
    fn details(mut self) -> Details<'static> {
        let services = self.texts("open_services");
        let services = (!services.is_empty()).then(|| services.join(", "));
        let said = ["critical_details", "informative_details"].into_iter().filter_map(|key| self.take(key).owned());
        let mut said: Vec<String> = said.collect();
        // Whether they are those of the port is not documented, so none is called the finding's service.
        said.extend(services.as_deref().map(|services| format!("open_services: {services}")));
        // CVSS, of a version that is not told.
        let [base, temporal] = ["base_score", "temporal_score"].map(|key| self.take(key));
        let scores: Vec<String> = [("base score", &base), ("temporal score", &temporal)]
            .iter()
            .filter_map(|(name, score)| Some(format!("{name} {}", score.text()?)))
            .collect();
        Details {
            port: self.take("port").number().and_then(|port| u16::try_from(port).ok()),
            // The id in the scanner's catalogue, and the title.
            plugin_id: self.take("exposure_id").owned().map(Cow::Owned),
            plugin_name: self.take("vulnerability").owned().map(Cow::Owned),
            severity: severity(&base),
            severity_source: SeveritySource::Derived,
            cves: self.texts("cve_ids").into_iter().map(Cow::Owned).collect(),
            synopsis: (!scores.is_empty()).then(|| Cow::Owned(scores.join(", "))),
            output: (!said.is_empty()).then(|| Cow::Owned(said.join("\n\n"))),
            other: [("base_score", base.owned()), ("temporal_score", temporal.owned()), ("open_services", services)]
                .into_iter()
                .filter_map(|(name, value)| Some((Cow::Borrowed(name), Cow::Owned(value?))))
                .chain(self.rest())
                .collect(),
            ..Details::default()
        }
    }

    /// What a newer console may add.
    fn rest(self) -> impl Iterator<Item = (Text<'static>, Text<'static>)> {
        self.0.into_iter().filter(|(_, value)| !value.is_null()).map(|(name, value)| {
            let text = match value {
                Value::String(text) => text,
                value => value.to_string(),
            };
            (Cow::Owned(name), Cow::Owned(text))
        })
    }
}

/// Any value as a scalar.
fn loose(value: Value) -> Loose {
    Loose::deserialize(value).unwrap_or_default()
}

/// A text without white space around it, if there is one.
fn trimmed(value: &Loose) -> Option<String> {
    value.text().map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned)
}

fn severity(score: &Loose) -> Severity {
    Severity::of_score(score.text().and_then(|text| text.trim().parse().ok()).unwrap_or_default())
}
