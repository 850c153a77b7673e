//! The asset model: everything known about every asset, whichever run found it.
//!
//! It is derived from the runs that have ended; a deleted profile takes its part away.

use super::catalogue::{self, Exposure};
use super::world::World;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::net::IpAddr;

/// Fields of an instance.
pub(super) const INSTANCE_FIELDS: &str = "id,asset_id,vulnerability_id,domain_id,risk_score,ports,first_seen_date,\
    last_seen_date,seen_by_scan_profile,critical_details,cvss_environmental_score,cvss_environmental_score_string,\
    relevant_patches(security_notice,patch_type,description)";
/// Fields of a vulnerability.
pub(super) const VULNERABILITY_FIELDS: &str = "id,cve_ids,osvdb_title,description,concern,remediation,critical_details,\
    severity(code,name),risk_factor(code,name),cvss_base_score,cvss_base_score_string,cvss_temporal_score,\
    cvss_temporal_score_string,patches(security_notice,description),virtual_patches(signature,device,qid)";
/// Fields of an asset.
pub(super) const ASSET_FIELDS: &str = "id,domain_id,hostnames,operating_systems(name,last_seen_date),\
    interfaces(id,mac_address,created,first_seen_scanner,last_seen_scanner,first_seen_profiler,last_seen_profiler,\
    ip_addresses(id,type,value,network_name,created,first_seen_scanner,last_seen_scanner,first_seen_profiler,\
    last_seen_profiler)),properties(id,type_id,name,value,last_reported,last_reported_by),\
    risk_policies(name,groups,passed,question_type,last_evaluated)";

/// One condition of a search: `{parameter, operator, value}`.
#[derive(Debug, Clone)]
pub(super) struct Condition {
    parameter: Parameter,
    value: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Parameter {
    Address,
    RiskFactor,
}

/// What conditions can be about, as the console lists it.
pub(super) fn filters() -> Value {
    let parameters = [Parameter::Address, Parameter::RiskFactor];
    parameters.iter().map(|parameter| json!({"parameter": parameter.name(), "operators": ["Equals"]})).collect()
}

impl Parameter {
    fn name(self) -> &'static str {
        match self {
            Self::Address => "IP Address",
            Self::RiskFactor => "Risk Factor",
        }
    }
}

impl Condition {
    /// Reads one condition, or tells what is wrong with it.
    pub(super) fn parse(value: &Value) -> Result<Self, String> {
        let member =
            |name: &str| value.get(name).and_then(Value::as_str).ok_or_else(|| format!("A filter has no {name}."));
        let name = member("parameter")?;
        let parameter = [Parameter::Address, Parameter::RiskFactor].into_iter().find(|known| known.name() == name);
        let parameter = parameter.ok_or_else(|| format!("\"{name}\" is not a filter parameter."))?;
        if member("operator")? != "Equals" {
            return Err(format!("\"{name}\" has no such operator."));
        }
        Ok(Self { parameter, value: member("value")?.to_owned() })
    }

    /// An address, exactly.
    pub(super) fn address(value: &str) -> Self {
        Self { parameter: Parameter::Address, value: value.to_owned() }
    }

    /// A word of the risk factor.
    pub(super) fn risk_factor(value: &str) -> Self {
        Self { parameter: Parameter::RiskFactor, value: value.to_owned() }
    }

    /// The condition as a saved search shows it.
    pub(super) fn object(&self) -> Value {
        json!({"parameter": self.parameter.name(), "operator": "Equals", "value": self.value})
    }

    fn holds(&self, instance: &Instance) -> bool {
        match self.parameter {
            Parameter::Address => instance.address.to_string() == self.value,
            Parameter::RiskFactor => risk(instance.exposure).1 == self.value,
        }
    }
}

/// A vulnerability on an asset.
pub(super) struct Instance {
    address: IpAddr,
    exposure: &'static Exposure,
    profile: String,
    first_seen: i64,
    last_seen: i64,
}

/// All instances that satisfy every condition.
pub(super) fn instances(world: &World, conditions: &[Condition], now: f64) -> Vec<Instance> {
    let mut known: BTreeMap<(IpAddr, i64), Instance> = BTreeMap::new();
    for profile in &world.profiles {
        for run in profile.runs(now).into_iter().filter(|run| !run.is_going(now)) {
            let seen = run.ended_at();
            for found in catalogue::scan(&run.addresses, run.id) {
                let instance = known.entry((found.address, found.exposure.id)).or_insert_with(|| Instance {
                    address: found.address,
                    exposure: found.exposure,
                    profile: profile.name.clone(),
                    first_seen: seen,
                    last_seen: seen,
                });
                instance.first_seen = instance.first_seen.min(seen);
                if seen >= instance.last_seen {
                    instance.last_seen = seen;
                    instance.profile.clone_from(&profile.name);
                }
            }
        }
    }
    known.into_values().filter(|instance| conditions.iter().all(|condition| condition.holds(instance))).collect()
}

/// The instances as the results list them: only ids of asset and vulnerability, to be joined.
pub(super) fn instance_rows(instances: &[Instance]) -> Vec<Value> {
    instances.iter().map(instance_row).collect()
}

fn instance_row(instance: &Instance) -> Value {
    let exposure = instance.exposure;
    let patch = (!exposure.remedy.is_empty()).then(
        || json!({"security_notice": format!("SN-{}", exposure.id), "patch_type": "OS", "description": exposure.remedy}),
    );
    json!({
        "id": asset_id(instance.address) * 1_000_000 + exposure.id,
        "asset_id": asset_id(instance.address),
        "vulnerability_id": exposure.id,
        "domain_id": 0,
        "risk_score": exposure.base * 0.9,
        "ports": if exposure.port == 0 { vec![] } else { vec![exposure.port] },
        "first_seen_date": instance.first_seen,
        "last_seen_date": instance.last_seen,
        "seen_by_scan_profile": instance.profile,
        "critical_details": exposure.critical,
        "cvss_environmental_score": exposure.temporal,
        "cvss_environmental_score_string": "CDP:ND/TD:ND/CR:ND/IR:ND/AR:ND",
        "relevant_patches": patch.into_iter().collect::<Vec<_>>(),
    })
}

/// The vulnerabilities of these instances, each once.
pub(super) fn vulnerability_rows(instances: &[Instance]) -> Vec<Value> {
    let wanted = |exposure: &&Exposure| instances.iter().any(|instance| instance.exposure.id == exposure.id);
    catalogue::EXPOSURES.iter().filter(wanted).map(vulnerability_row).collect()
}

fn vulnerability_row(exposure: &Exposure) -> Value {
    let (code, name) = risk(exposure);
    let severity = if name == "Warning" { "Low" } else { name };
    let patch = (!exposure.remedy.is_empty())
        .then(|| json!({"security_notice": format!("SN-{}", exposure.id), "description": exposure.remedy}));
    json!({
        "id": exposure.id,
        "cve_ids": exposure.cves,
        "osvdb_title": exposure.title,
        "description": exposure.title,
        "concern": exposure.informative,
        "remediation": exposure.remedy,
        "critical_details": exposure.critical,
        "severity": {"code": code, "name": severity},
        "risk_factor": {"code": code, "name": name},
        "cvss_base_score": exposure.base,
        "cvss_base_score_string": "AV:N/AC:L/Au:N/C:P/I:P/A:P",
        "cvss_temporal_score": exposure.temporal,
        "cvss_temporal_score_string": "E:F/RL:OF/RC:C",
        "patches": patch.into_iter().collect::<Vec<_>>(),
        "virtual_patches": [],
    })
}

/// The assets of these instances, each once.
pub(super) fn asset_rows(instances: &[Instance]) -> Vec<Value> {
    let mut seen: BTreeMap<IpAddr, (i64, i64)> = BTreeMap::new();
    for instance in instances {
        let (first, last) = seen.entry(instance.address).or_insert((instance.first_seen, instance.last_seen));
        *first = (*first).min(instance.first_seen);
        *last = (*last).max(instance.last_seen);
    }
    seen.into_iter().map(|(address, (first, last))| asset_row(address, first, last)).collect()
}

fn asset_row(address: IpAddr, first: i64, last: i64) -> Value {
    let id = asset_id(address);
    let hostname = catalogue::hostname(address);
    let mix = catalogue::mix(&address.to_string(), 3);
    let mac =
        format!("02:00:{:02x}:{:02x}:{:02x}:{:02x}", mix & 255, (mix >> 8) & 255, (mix >> 16) & 255, (mix >> 24) & 255);
    let system = if mix.is_multiple_of(2) { "Linux" } else { "Windows Server" };
    json!({
        "id": id,
        "domain_id": 0,
        "hostnames": if hostname.is_empty() { vec![] } else { vec![hostname] },
        "operating_systems": [{"name": system, "last_seen_date": last}],
        "interfaces": [{
            "id": id,
            "mac_address": mac,
            "created": first,
            "first_seen_scanner": first,
            "last_seen_scanner": last,
            "first_seen_profiler": 0,
            "last_seen_profiler": 0,
            "ip_addresses": [{
                "id": id,
                "type": if address.is_ipv4() { "IPV4" } else { "IPV6" },
                "value": address,
                "network_name": network(address),
                "created": first,
                "first_seen_scanner": first,
                "last_seen_scanner": last,
                "first_seen_profiler": 0,
                "last_seen_profiler": 0,
            }],
        }],
        "properties": [],
        "risk_policies": [],
    })
}

/// The open services of these instances, in a shape of our own: the vendor shows none.
pub(super) fn service_rows(instances: &[Instance]) -> Vec<Value> {
    let mut services: BTreeMap<(u16, &str), usize> = BTreeMap::new();
    for instance in instances.iter().filter(|instance| instance.exposure.port != 0) {
        *services.entry((instance.exposure.port, instance.exposure.service)).or_default() += 1;
    }
    services.into_iter().map(|((port, name), count)| json!({"port": port, "name": name, "instances": count})).collect()
}

/// The networks of these instances, in a shape of our own: the vendor shows none.
pub(super) fn network_rows(instances: &[Instance]) -> Vec<Value> {
    let mut networks: BTreeMap<&str, usize> = BTreeMap::new();
    for instance in instances {
        *networks.entry(network(instance.address)).or_default() += 1;
    }
    networks.into_iter().map(|(name, count)| json!({"name": name, "instances": count})).collect()
}

fn network(address: IpAddr) -> &'static str {
    match address {
        IpAddr::V4(four) if four.octets()[..2] == [10, 100] => "Net-10.Data_centre",
        IpAddr::V4(four) if four.is_private() => "Net-10",
        _ => "other",
    }
}

fn asset_id(address: IpAddr) -> i64 {
    match address {
        IpAddr::V4(four) => i64::from(u32::from(four)),
        IpAddr::V6(six) => (1 << 32) + i64::from(six.segments()[6]) * 65_536 + i64::from(six.segments()[7]),
    }
}

/// The risk factor of a score.
fn risk(exposure: &Exposure) -> (i64, &'static str) {
    match exposure.base {
        9.0.. => (5, "Critical"),
        7.0.. => (4, "High"),
        4.0.. => (3, "Medium"),
        0.1.. => (2, "Low"),
        _ => (1, "Warning"),
    }
}
