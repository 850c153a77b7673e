//! How the tools of an analysis show findings: one by one, or counted by address, plugin, severity and so on. Not for
//! which findings there are.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::super::catalog::{self, space};
use super::super::records::Record;
use super::super::wire::{self, Object, Refusal, integer};
use super::Row;

const SEVERITIES: [(&str, &str); 5] = [
    ("Info", "Informative"),
    ("Low", "Low Severity"),
    ("Medium", "Medium Severity"),
    ("High", "High Severity"),
    ("Critical", "Critical Severity"),
];

/// Tools that this sandbox has nothing for, and that therefore show nothing.
const EMPTY: &[&str] = &[
    "cceipdetail",
    "cveipdetail",
    "iavmipdetail",
    "listmailclients",
    "listsoftware",
    "listsshservers",
    "listwebclients",
    "listwebservers",
    "sumasset",
    "sumcce",
    "sumiavm",
    "summsbulletin",
    "sumremediation",
    "sumuserresponsibility",
    "trend",
    "sumwasurl",
    "wasvulndetail",
    "waslistvuln",
];

/// Shows findings with a tool.
///
/// # Errors
/// When there is no such tool.
pub(super) fn show(tool: &str, rows: &[Row], of_vulnerabilities: bool) -> Result<Vec<Value>, Refusal> {
    if !of_vulnerabilities || EMPTY.contains(&tool) {
        return Ok(Vec::new());
    }
    Ok(match tool {
        "vulndetails" => rows.iter().map(|row| Value::Object(details(row))).collect(),
        "listvuln" => rows.iter().map(|row| Value::Object(short(row))).collect(),
        "vulnipdetail" | "vulnipsummary" => by_plugin_with_hosts(rows),
        "sumid" => grouped(
            rows,
            |record| vec![record.plugin.to_string()],
            |rows| {
                let record = &rows[0].record;
                json!({
                    "pluginID": record.plugin.to_string(),
                    "total": rows.len().to_string(),
                    "hostTotal": hosts(rows).to_string(),
                    "severity": severity(record.severity),
                    "name": record.name,
                    "family": family(&record.family),
                    "vprScore": record.vpr,
                })
            },
        ),
        "sumseverity" => (0..=4_u8)
            .rev()
            .map(|level| {
                let count = rows.iter().filter(|row| row.record.severity == level).count();
                json!({"severity": severity(level), "count": count.to_string()})
            })
            .collect(),
        "sumip" => grouped(
            rows,
            |record| vec![record.ip.clone()],
            |rows| {
                let record = &rows[0].record;
                counted(
                    rows,
                    json!({
                        "ip": record.ip, "uuid": "", "dnsName": record.dns, "macAddress": record.mac,
                        "netbiosName": record.netbios, "osCPE": "", "biosGUID": "", "mcafeeGUID": "", "lastAuthRun": "",
                        "lastUnauthRun": wire::epoch(Some(rows[0].seen)), "policyName": "", "pluginSet": "202501280413",
                        "tpmID": "", "hostUniqueness": "repositoryID,ip,dnsName",
                        "repository": repository(rows[0].repository),
                    }),
                )
            },
        ),
        "sumport" => one_key(rows, "port", |record| vec![record.port.to_string()]),
        "sumprotocol" => one_key(rows, "protocol", |record| vec![protocol_number(&record.protocol).to_string()]),
        "sumdnsname" => one_key(rows, "dnsName", |record| vec![record.dns.clone()]),
        "sumcve" => one_key(rows, "cveID", |record| {
            record.cve.split(',').filter(|cve| !cve.is_empty()).map(str::to_owned).collect()
        }),
        "sumclassa" => one_key(rows, "ip", |record| vec![network(&record.ip, 1)]),
        "sumclassb" => one_key(rows, "ip", |record| vec![network(&record.ip, 2)]),
        "sumclassc" => one_key(rows, "ip", |record| vec![network(&record.ip, 3)]),
        "sumfamily" => grouped(
            rows,
            |record| vec![record.family.clone()],
            |rows| counted(rows, json!({"family": family(&rows[0].record.family)})),
        ),
        "listos" => named(rows, |record| record.os.clone()),
        "listservices" => named(rows, |record| record.service.clone()),
        _ => {
            return Err(Refusal::because(format!(
                "Invalid parameters specified for vuln query.\nThe tool '{tool}' is invalid."
            )));
        }
    })
}

/// Counts of everything that matched: `-1` where a tool does not count, with a blank after it where one does not care.
pub(super) fn element_count(tool: &str, rows: &[Row]) -> String {
    match tool {
        "sumseverity" => "-1 ".into(),
        _ if tool.starts_with("sum") => {
            let of = |level: u8| rows.iter().filter(|row| row.record.severity == level).count();
            format!("{}:{}:{}:{}:{}:{}", rows.len(), of(4), of(3), of(2), of(1), of(0))
        }
        _ => "-1".into(),
    }
}

/// Sorts what a tool shows by one of its members.
///
/// # Errors
/// When the direction is neither `ASC` nor `DESC`.
pub(super) fn sort(results: &mut [Value], body: &Object, query: &Object) -> Result<(), Refusal> {
    let of = |key: &str| body.get(key).or_else(|| query.get(key)).and_then(Value::as_str);
    let Some(field) = of("sortField") else { return Ok(()) };
    let descending = match of("sortDir").map(str::to_ascii_uppercase).as_deref() {
        None | Some("ASC") => false,
        Some("DESC") => true,
        Some(_) => return Err(Refusal::because("Invalid value for attribute 'sortDir': ASC or DESC.")),
    };
    let key = |row: &Value| {
        let value = row.get(field).cloned().unwrap_or_default();
        let value = value.get("id").cloned().unwrap_or(value);
        (integer(&value), value.as_str().unwrap_or_default().to_owned())
    };
    results.sort_by(|a, b| if descending { key(b).cmp(&key(a)) } else { key(a).cmp(&key(b)) });
    Ok(())
}

/// The number of a plugin family.
pub(super) fn family_id(name: &str) -> i64 {
    const FAMILIES: [&str; 24] = [
        "Service detection",
        "Windows : Microsoft Bulletins",
        "Settings",
        "CGI abuses",
        "Databases",
        "DNS",
        "FTP",
        "General",
        "Misc.",
        "SNMP",
        "Web Servers",
        "Windows",
        "Port scanners",
        "Policy Compliance",
        "Firewalls",
        "CISCO",
        "Ubuntu Local Security Checks",
        "Red Hat Local Security Checks",
        "Debian Local Security Checks",
        "Default Unix Accounts",
        "SCADA",
        "Denial of Service",
        "Gain a shell remotely",
        "Backdoors",
    ];
    let place = FAMILIES.iter().position(|family| *family == name).unwrap_or(FAMILIES.len());
    i64::try_from(place).unwrap_or_default() + 1
}

/// The number of a protocol in an IP packet.
pub(super) fn protocol_number(protocol: &str) -> u8 {
    match protocol.to_ascii_lowercase().as_str() {
        "icmp" => 1,
        "udp" => 17,
        _ => 6,
    }
}

fn severity(level: u8) -> Value {
    let (name, description) = SEVERITIES[usize::from(level.min(4))];
    json!({"id": level.to_string(), "name": name, "description": description})
}

fn family(name: &str) -> Value {
    json!({"id": family_id(name).to_string(), "name": name, "type": "active"})
}

fn repository(id: u64) -> Value {
    let mut object = catalog::find(catalog::REPOSITORIES, id).map(catalog::Named::brief).unwrap_or_default();
    object.insert("dataFormat".into(), "IPv4".into());
    Value::Object(object)
}

/// A date of a report as an epoch, `-1` for none.
fn date(text: &str) -> Value {
    let parsed = jiff::civil::Date::strptime("%Y/%m/%d", text).ok();
    let epoch = parsed.and_then(|date| date.to_zoned(jiff::tz::TimeZone::UTC).ok());
    Value::String(epoch.map_or_else(|| "-1".to_owned(), |time| time.timestamp().as_second().to_string()))
}

fn short(row: &Row) -> Object {
    let record = &row.record;
    catalog::object(json!({
        "pluginID": record.plugin.to_string(),
        "severity": severity(record.severity),
        "ip": record.ip,
        "uuid": "",
        "port": record.port.to_string(),
        "protocol": record.protocol.to_uppercase(),
        "name": record.name,
        "dnsName": record.dns,
        "macAddress": record.mac,
        "netbiosName": record.netbios,
        "uniqueness": "repositoryID,ip,dnsName",
        "hostUniqueness": "repositoryID,ip,dnsName",
        "family": family(&record.family),
        "repository": repository(row.repository),
        "pluginInfo": format!(
            "{} ({}/{}) {}", record.plugin, record.port, protocol_number(&record.protocol), record.name
        ),
        "vprScore": record.vpr,
    }))
}

fn details(row: &Row) -> Object {
    let record = &row.record;
    let mut object = short(row);
    object.remove("name");
    let text = if record.output.is_empty() {
        String::new()
    } else {
        format!("<plugin_output>{}</plugin_output>", record.output)
    };
    let of_vulnerability = record.severity > 0 && record.check_type != "settings";
    let ease = match (record.exploit, of_vulnerability) {
        (true, _) => "Exploits are available",
        (false, true) => "No known exploits are available",
        (false, false) => "",
    };
    object.append(&mut catalog::object(json!({
        "pluginName": record.name,
        "hasBeenMitigated": "0",
        "acceptRisk": "0",
        "recastRisk": "0",
        "firstSeen": wire::epoch(Some(row.seen)),
        "lastSeen": wire::epoch(Some(row.seen)),
        "exploitAvailable": if record.exploit { "Yes" } else { "No" },
        "exploitEase": ease,
        "exploitFrameworks": if record.exploit { "Core Impact, Metasploit" } else { "" },
        "synopsis": record.synopsis,
        "description": record.description,
        "solution": record.solution,
        "seeAlso": record.see_also,
        "riskFactor": record.risk,
        "stigSeverity": "",
        "vprContext": "[]",
        "baseScore": record.cvss2,
        "temporalScore": "",
        "cvssVector": record.cvss2_vector,
        "cvssV3BaseScore": record.cvss3,
        "cvssV3TemporalScore": "",
        "cvssV3Vector": record.cvss3_vector,
        "cvssV4BaseScore": record.cvss4,
        "cvssV4Vector": record.cvss4_vector,
        "cpe": record.cpe,
    })));
    object.append(&mut catalog::object(json!({
        "vulnPubDate": if of_vulnerability { date(&record.published) } else { "-1".into() },
        "patchPubDate": "-1",
        "pluginPubDate": date(&record.published),
        "pluginModDate": date(&record.modified),
        "checkType": record.check_type,
        "version": record.version,
        "cve": record.cve,
        "bid": record.bid,
        "xref": record.xref,
        "pluginText": text,
        "vulnUUID": "",
        "hostUUID": wire::uuid(space::HOST, record.ip.bytes().fold(7, |sum: u64, byte| (sum * 31 + u64::from(byte)) & 0xFFFF_FFFF)),
        "acrScore": "",
        "assetExposureScore": "",
        "epssScore": record.epss,
        "keyDrivers": "",
        "operatingSystem": record.os,
    })));
    object
}

fn grouped(rows: &[Row], keys: impl Fn(&Record) -> Vec<String>, shown: impl Fn(&[&Row]) -> Value) -> Vec<Value> {
    let mut groups: BTreeMap<String, Vec<&Row>> = BTreeMap::new();
    for row in rows {
        for key in keys(&row.record) {
            groups.entry(key).or_default().push(row);
        }
    }
    groups.values().map(|rows| shown(rows)).collect()
}

fn one_key(rows: &[Row], name: &str, keys: impl Fn(&Record) -> Vec<String>) -> Vec<Value> {
    let mut groups: BTreeMap<String, Vec<&Row>> = BTreeMap::new();
    for row in rows {
        for key in keys(&row.record) {
            groups.entry(key).or_default().push(row);
        }
    }
    groups.into_iter().map(|(key, rows)| counted(&rows, json!({name: key}))).collect()
}

fn named(rows: &[Row], key: impl Fn(&Record) -> String) -> Vec<Value> {
    let mut groups: BTreeMap<String, Vec<&Row>> = BTreeMap::new();
    for row in rows {
        groups.entry(key(&row.record)).or_default().push(row);
    }
    let known = groups.into_iter().filter(|(key, _)| !key.is_empty());
    known
        .map(|(key, rows)| json!({"name": key, "count": hosts(&rows).to_string(), "detectionMethod": "active"}))
        .collect()
}

fn by_plugin_with_hosts(rows: &[Row]) -> Vec<Value> {
    grouped(
        rows,
        |record| vec![record.plugin.to_string()],
        |rows| {
            let record = &rows[0].record;
            let hosts: Vec<Value> = rows
                .iter()
                .map(|row| {
                    json!({
                        "repository": repository(row.repository),
                        "iplist": [{
                            "ip": row.record.ip, "dnsName": row.record.dns, "macAddress": row.record.mac,
                            "netbiosName": row.record.netbios, "uuid": "",
                        }],
                    })
                })
                .collect();
            json!({
                "pluginID": record.plugin.to_string(),
                "total": rows.len().to_string(),
                "severity": severity(record.severity),
                "name": record.name,
                "family": family(&record.family),
                "pluginDescription": record.description,
                "hosts": hosts,
            })
        },
    )
}

/// Adds the counts that all sums have: by severity, together, and weighed.
fn counted(rows: &[&Row], head: Value) -> Value {
    const WEIGHTS: [usize; 5] = [0, 1, 3, 10, 40];
    let mut object = catalog::object(head);
    let mut score = 0;
    for (level, (name, _)) in SEVERITIES.iter().enumerate() {
        let count = rows.iter().filter(|row| usize::from(row.record.severity) == level).count();
        score += count * WEIGHTS[level];
        object.insert(format!("severity{name}"), count.to_string().into());
    }
    object.insert("total".into(), rows.len().to_string().into());
    object.insert("score".into(), score.to_string().into());
    Value::Object(object)
}

fn hosts(rows: &[&Row]) -> usize {
    let mut addresses: Vec<&str> = rows.iter().map(|row| row.record.ip.as_str()).collect();
    addresses.sort_unstable();
    addresses.dedup();
    addresses.len()
}

/// The first octets of an address, with the rest as zeros and the length of the network.
fn network(ip: &str, octets: usize) -> String {
    let kept: Vec<&str> = ip.split('.').take(octets).chain(["0"; 3]).take(4).collect();
    format!("{}/{}", kept.join("."), octets * 8)
}
