//! The filters of exports: their catalogue, their flat dotted keys, and whether a row passes.

use serde_json::{Map, Value, json};

use super::reply;
use super::view::{ViewHost, ViewRow};
use crate::sandbox::Reply;

/// One filter of an export.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter {
    name: String,
    quality: String,
    value: String,
}

const TEXT: &[&str] = &["eq", "neq", "match", "nmatch"];
const CHOICE: &[&str] = &["eq", "neq"];
const NUMBER: &[&str] = &["lte", "gte", "eq", "neq", "lt", "gt"];
const PORT: &[&str] = &["eq", "neq", "gte", "lte"];

enum Control {
    Entry(&'static str, &'static str),
    List(&'static str, &'static [&'static str]),
}

const ANY: Control = Control::Entry(".*", "TEXT");
const BOOLEAN: Control = Control::List("dropdown", &["true", "false"]);

/// Name, readable name, operators and control of each filter. The service knows some sixty; these are the ones that
/// mean something for made-up findings.
static CATALOGUE: &[(&str, &str, &[&str], Control)] = &[
    (
        "host.id",
        "Asset ID",
        TEXT,
        Control::Entry(
            "[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}(,[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12})*",
            "01234567-abcd-ef01-2345-6789abcdef01",
        ),
    ),
    ("plugin.attributes.cve.raw", "CVE", TEXT, ANY),
    ("plugin.attributes.cvss_base_score", "CVSS Base Score", NUMBER, Control::Entry("^[0-9]+(\\.[0-9]+)?$", "7.5")),
    (
        "plugin.attributes.cvss3_base_score",
        "CVSS v3.0 Base Score",
        NUMBER,
        Control::Entry("^[0-9]+(\\.[0-9]+)?$", "7.5"),
    ),
    ("plugin.attributes.xref:CWE", "CWE", TEXT, Control::Entry("^([0-9]+)(,[0-9]+)*$", "CWE reference (ie: 200)")),
    ("compliance_description", "Check Name", &["match", "nmatch"], ANY),
    ("plugin.attributes.exploit_available", "Exploit Available", CHOICE, BOOLEAN),
    (
        "host.target",
        "Hostname/IP Address",
        &["eq", "neq", "match", "nmatch", "begins"],
        Control::Entry(".*", "192.168.1.2,host.example.com"),
    ),
    ("plugin.attributes.description", "Plugin Description", &["match", "nmatch"], ANY),
    ("plugin.family", "Plugin Family", CHOICE, ANY),
    ("plugin.id", "Plugin ID", CHOICE, Control::Entry("^(0|[1-9][0-9]{0,6})(,\\s*(0|[1-9][0-9]{0,6}))*$", "42,51192")),
    ("plugin.name", "Plugin Name", &["match", "nmatch", "eq", "neq"], ANY),
    ("output", "Plugin Output", TEXT, Control::Entry(".*", "text,other text")),
    ("plugin.attributes.plugin_type", "Plugin Type", CHOICE, Control::List("dropdown", &["local", "remote"])),
    ("port.port", "Port", PORT, Control::Entry("^[0-9]{1,5}(,\\s*[0-9]{1,5})*$", "80,8080")),
    ("port.protocol", "Protocol", CHOICE, Control::List("dropdown", &["tcp", "udp", "icmp"])),
    ("plugin.attributes.see_also", "See Also", TEXT, ANY),
    ("severity", "Severity", CHOICE, Control::List("dropdown_multi", &["Info", "Low", "Medium", "High", "Critical"])),
    ("plugin.attributes.solution", "Solution", &["match", "nmatch"], ANY),
    ("plugin.attributes.synopsis", "Synopsis", &["match", "nmatch"], ANY),
];

/// The catalogue as details and the filter endpoints print it.
pub fn catalogue(group: Option<&str>) -> Value {
    CATALOGUE
        .iter()
        .map(|(name, readable, operators, control)| {
            let control = match control {
                Control::Entry(regex, example) => json!({ "type": "entry", "regex": regex, "readable_regex": example }),
                Control::List(kind, list) => json!({ "type": kind, "list": list }),
            };
            json!({ "name": name, "readable_name": readable, "control": control, "operators": operators, "group_name": group })
        })
        .collect()
}

/// Reads `filter.0.filter`, `filter.0.quality`, `filter.0.value`, `filter.1.…` and `filter.search_type`.
///
/// Gives the filters and whether one of them is enough.
pub fn read(body: &Map<String, Value>) -> Result<(Vec<Filter>, bool), Reply> {
    let any = match body.get("filter.search_type").map(Value::as_str) {
        None | Some(Some("and")) => false,
        Some(Some("or")) => true,
        Some(_) => return Err(reply::mistyped("payload", "filter.search_type", "must be one of [and, or]")),
    };
    let mut filters = Vec::new();
    while let Some(name) = body.get(&format!("filter.{}.filter", filters.len())) {
        let part = |part: &str| {
            let key = format!("filter.{}.{part}", filters.len());
            let text = body.get(&key).and_then(Value::as_str).map(str::to_owned);
            text.ok_or_else(|| reply::mistyped("payload", &key, "must be a string"))
        };
        let (quality, value) = (part("quality")?, part("value")?);
        let Some(known) = CATALOGUE.iter().find(|known| name.as_str() == Some(known.0)) else {
            return Err(reply::invalid("filter", &format!("unknown filter {name}")));
        };
        if !known.2.contains(&quality.as_str()) {
            return Err(reply::invalid("filter", &format!("{} has no operator {quality}", known.0)));
        }
        filters.push(Filter { name: known.0.to_owned(), quality, value });
    }
    Ok((filters, any))
}

/// Whether a row passes.
pub fn passes(filters: &[Filter], any: bool, host: &ViewHost, row: &ViewRow) -> bool {
    filters.is_empty()
        || if any {
            filters.iter().any(|filter| filter.passes(host, row))
        } else {
            filters.iter().all(|filter| filter.passes(host, row))
        }
}

impl Filter {
    fn passes(&self, host: &ViewHost, row: &ViewRow) -> bool {
        let values = values(&self.name, host, row);
        let wanted: Vec<&str> = self.value.split(',').map(str::trim).collect();
        let equal = || values.iter().any(|value| wanted.iter().any(|wanted| value.eq_ignore_ascii_case(wanted)));
        let contains = || {
            let lower: Vec<String> = wanted.iter().map(|wanted| wanted.to_lowercase()).collect();
            values.iter().any(|value| lower.iter().any(|wanted| value.to_lowercase().contains(wanted)))
        };
        let compare = |test: fn(f64, f64) -> bool| {
            let pairs = values.iter().zip(wanted.iter().cycle());
            let mut pairs = pairs.filter_map(|(value, wanted)| Some((value.parse().ok()?, wanted.parse().ok()?)));
            pairs.any(|(value, wanted)| test(value, wanted))
        };
        match self.quality.as_str() {
            "eq" => equal(),
            "neq" => !equal(),
            "match" => contains(),
            "nmatch" => !contains(),
            "begins" => values.iter().any(|value| wanted.iter().any(|wanted| value.starts_with(wanted))),
            "lt" => compare(|value, wanted| value < wanted),
            "lte" => compare(|value, wanted| value <= wanted),
            "gt" => compare(|value, wanted| value > wanted),
            _ => compare(|value, wanted| value >= wanted),
        }
    }
}

/// What a row has to show for a filter; several where several would match.
fn values(name: &str, host: &ViewHost, row: &ViewRow) -> Vec<String> {
    let one = |text: &str| vec![text.to_owned()];
    match name {
        "host.id" => host.uuid.iter().cloned().collect(),
        "host.target" => {
            [Some(&host.name), host.ip.as_ref(), host.fqdn.as_ref()].into_iter().flatten().cloned().collect()
        }
        "plugin.id" => vec![row.plugin.to_string()],
        "plugin.name" => one(&row.name),
        "plugin.family" => one(&row.family),
        "plugin.attributes.plugin_type" => one(&row.kind),
        "plugin.attributes.cve.raw" => row.cves.clone(),
        "plugin.attributes.xref:CWE" => row.cwes.clone(),
        "plugin.attributes.cvss_base_score" => row.cvss2.iter().map(|cvss| cvss[0].clone()).collect(),
        "plugin.attributes.cvss3_base_score" => row.cvss3.iter().map(|cvss| cvss[0].clone()).collect(),
        "plugin.attributes.exploit_available" => vec![row.exploit.unwrap_or(false).to_string()],
        "plugin.attributes.description" => one(&row.description),
        "plugin.attributes.solution" => one(&row.solution),
        "plugin.attributes.synopsis" => one(&row.synopsis),
        "plugin.attributes.see_also" => row.see_also.clone(),
        "compliance_description" => row.check.iter().map(|check| check[1].clone()).collect(),
        "output" => one(&row.output),
        "port.port" => vec![row.port.to_string()],
        "port.protocol" => one(&row.protocol),
        "severity" => one(["Info", "Low", "Medium", "High", "Critical"]
            .get(usize::from(row.severity))
            .copied()
            .unwrap_or_default()),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::tenable_io::run::{Fate, State, tests::run};
    use crate::sandbox::tenable_io::view;

    fn count(body: Value) -> usize {
        let mut done = run(1.0, "192.0.2.12-192.0.2.14", Fate::Completes);
        done.enter(State::Completed, 3000.0);
        let (filters, any) = read(body.as_object().unwrap()).unwrap();
        view::hosts(&done, 4000.0)
            .iter()
            .map(|host| host.rows.iter().filter(|row| passes(&filters, any, host, row)).count())
            .sum()
    }

    #[test]
    fn filters_narrow_and_widen() {
        let all = count(json!({}));
        let critical = json!({ "filter.0.filter": "severity", "filter.0.quality": "eq", "filter.0.value": "Critical" });
        assert_eq!(count(critical.clone()), 2);
        let mut both = critical.as_object().unwrap().clone();
        for (key, value) in
            [("filter.1.filter", "port.port"), ("filter.1.quality", "eq"), ("filter.1.value", "3389,23")]
        {
            both.insert(key.to_owned(), value.into());
        }
        assert_eq!(count(both.clone().into()), 1);
        both.insert("filter.search_type".to_owned(), "or".into());
        let either = count(both.into());
        assert!(either > 2 && either < all, "{either} of {all}");
        let not = json!({ "filter.0.filter": "severity", "filter.0.quality": "neq", "filter.0.value": "critical" });
        assert_eq!(count(not), all - 2);
        let score = json!({ "filter.0.filter": "plugin.attributes.cvss3_base_score", "filter.0.quality": "gte", "filter.0.value": "9.8" });
        assert_eq!(count(score), 2);
        let text =
            json!({ "filter.0.filter": "plugin.name", "filter.0.quality": "match", "filter.0.value": "bluekeep" });
        assert_eq!(count(text), 1);
    }

    #[test]
    fn unknown_names_and_operators_are_refused() {
        for (name, quality, value) in [
            (json!("nonsense"), json!("eq"), json!("1")),
            (json!("severity"), json!("gte"), json!("Low")),
            (json!("severity"), json!("eq"), json!(4)),
            (json!("severity"), Value::Null, json!("Low")),
        ] {
            let body = json!({ "filter.0.filter": name, "filter.0.quality": quality, "filter.0.value": value });
            assert_eq!(read(body.as_object().unwrap()).unwrap_err().status, 400, "{body}");
        }
        let body = json!({ "filter.search_type": "xor" });
        assert_eq!(read(body.as_object().unwrap()).unwrap_err().status, 400);
    }
}
