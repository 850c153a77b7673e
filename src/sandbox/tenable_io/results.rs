//! Everything that is read about one scan: details, status, history, hosts and plugin output.

use serde_json::{Map, Value, json};

use super::reply::{self, Outcome};
use super::run::{Run, addresses, whole};
use super::view::{self, ViewHost, ViewRow};
use super::world::{CLOUD_SCANNER, DARK_SCANNER, OWNER_ID, OWNER_UUID, Scan, World};
use super::{filters, scanners};
use crate::sandbox::{Reply, Request};

/// A scan to read, for the calls that answer `Scan not found`.
fn readable<'a>(world: &'a World, id: &str) -> Result<&'a Scan, Reply> {
    world.scan(id).ok_or_else(reply::scan_not_found)
}

/// The run that `history_id` or `history_uuid` names; the latest without either.
pub fn chosen<'a>(scan: &'a Scan, request: &Request) -> Result<Option<&'a Run>, ()> {
    match request.parameter("history_id").or_else(|| request.parameter("history_uuid")) {
        None => Ok(scan.latest()),
        Some(id) => scan.run(id).map(Some).ok_or(()),
    }
}

/// `GET /scans/{id}/latest-status`
pub fn latest_status(world: &World, id: &str) -> Outcome {
    let scan = readable(world, id)?;
    reply::ok(&json!({ "status": scan.status() }))
}

/// `GET /scans/{id}/progress`
pub fn progress(world: &World, id: &str, request: &Request, now: f64) -> Outcome {
    let scan = readable(world, id)?;
    let run = chosen(scan, request).map_err(|()| reply::scan_not_found())?;
    reply::ok(&json!({ "progress": run.map_or(0, |run| run.progress(now)) }))
}

/// `GET /scans/{id}`
pub fn details(world: &World, id: &str, request: &Request, now: f64) -> Outcome {
    let scan = readable(world, id)?;
    let run = chosen(scan, request).map_err(|()| reply::scan_not_found())?;
    let history: Vec<Value> = scan.runs.iter().rev().map(|run| history_line(run, now)).collect();
    let mut info = info(scan);
    let Some(run) = run else {
        info.insert("status".to_owned(), json!("empty"));
        return reply::ok(&json!({ "info": info, "history": history }));
    };
    let hosts = view::hosts(run, now);
    run_info(&mut info, scan, run, &hosts, now);
    let mut answer = json!({
        "info": info, "history": history, "notes": notes(run), "remediations": remediations(run, &hosts),
        "progress": run.progress(now)
    });
    // What is older than 35 days keeps its notes and remediations and loses the rest.
    if !run.archived(now)
        && let Some(members) = answer.as_object_mut()
    {
        let rows = || hosts.iter().flat_map(|host| &host.rows);
        members.insert("hosts".to_owned(), host_list(&hosts, false));
        members.insert("vulnerabilities".to_owned(), grouped(rows(), 1));
        members.insert("comphosts".to_owned(), host_list(&hosts, true));
        members.insert("compliance".to_owned(), checks(rows(), None));
        members.insert("filters".to_owned(), filters::catalogue(Some("vulnerability")));
    }
    reply::ok(&answer)
}

/// What `info` has of every scan, run or not.
fn info(scan: &Scan) -> Map<String, Value> {
    let imported = scan.imported();
    let policy = scan.template.as_deref().map(super::editor::template_title);
    let members = json!({
        "owner": scan.owner, "name": scan.name(), "no_target": false, "folder_id": scan.folder, "control": scan.control(),
        "user_permissions": scan.permissions, "schedule_uuid": scan.schedule_uuid,
        // Recorded as null, which the published schema does not admit; both admit these.
        "shared": scan.permissions < 128, "tag_targets": [],
        "edit_allowed": scan.runs.is_empty() && !imported,
        "scanner_name": if imported || scan.agents() { None } else { Some(scanners::name(scan.scanner())) },
        "policy": policy, "object_id": scan.id, "acls": super::scans::acls(scan)
    });
    match members {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}

fn run_info(info: &mut Map<String, Value>, scan: &Scan, run: &Run, hosts: &[ViewHost], now: f64) {
    let found = !hosts.is_empty();
    let mut set = |name: &str, value: Value| {
        info.insert(name.to_owned(), value);
    };
    set("uuid", json!(run.uuid));
    set("status", json!(run.state.word()));
    set("is_archived", json!(run.archived(now)));
    set("reindexing", json!(false));
    set("scan_start", json!(whole(run.launched)));
    set("timestamp", json!(whole(run.since)));
    set("haskb", json!(found));
    set("hasaudittrail", json!(found));
    set("scanner_start", Value::Null);
    if scan.imported() {
        for name in ["targets", "scan_type", "alt_targets_used", "pci-can-upload"] {
            set(name, Value::Null);
        }
    } else {
        set("hostcount", json!(hosts.len()));
        set("scan_type", json!(run.kind));
        set("targets", json!(run.targets));
        set("alt_targets_used", json!(run.custom_targets));
        set("pci-can-upload", json!(false));
    }
    if let Some(ended) = run.ended() {
        set("scan_end", json!(ended));
        set("scanner_end", Value::Null);
    }
    if scan.agents() {
        let agents: Vec<Value> = run
            .targets
            .split(',')
            .zip(1..)
            .map(|(name, id)| json!({ "id": id, "uuid": format!("{OWNER_UUID}{id}"), "name": name }))
            .collect();
        set("agent_count", json!(agents.len()));
        set("agent_targets", json!(agents));
    }
}

fn history_line(run: &Run, now: f64) -> Value {
    json!({
        "history_id": run.history_id, "owner_id": OWNER_ID, "creation_date": whole(run.launched),
        "last_modification_date": whole(run.since), "uuid": run.uuid, "type": run.kind, "status": run.history_word(),
        "scheduler": u8::from(run.scheduled), "alt_targets_used": run.custom_targets, "is_archived": run.archived(now)
    })
}

fn notes(run: &Run) -> Value {
    let why = match run.state.word() {
        "aborted" if run.kind == Some("remote") => "No scanner took the scan in time.",
        "aborted" => "The scanner stopped reporting before all hosts were done.",
        _ => return json!([]),
    };
    json!([{ "title": "Scan aborted", "message": why, "severity": 3 }])
}

fn remediations(run: &Run, hosts: &[ViewHost]) -> Value {
    if run.state.active() && hosts.is_empty() {
        return json!({});
    }
    let mut plugins: Vec<&ViewRow> =
        hosts.iter().flat_map(|host| &host.rows).filter(|row| !row.cves.is_empty() && row.severity > 1).collect();
    plugins.sort_by_key(|row| row.plugin);
    plugins.dedup_by_key(|row| row.plugin);
    let affected = |plugin: u32| hosts.iter().filter(|host| host.rows.iter().any(|row| row.plugin == plugin)).count();
    let list: Vec<Value> = plugins
        .iter()
        .map(|row| {
            json!({
                "vulns": row.cves.len(), "value": format!("{:032x}", u128::from(row.plugin) * 0x9e37_79b9_7f4a_7c15_f39c),
                "hosts": affected(row.plugin), "remediation": format!("{}: {}", row.name, row.solution)
            })
        })
        .collect();
    let mut cves: Vec<&String> = hosts.iter().flat_map(|host| &host.rows).flat_map(|row| &row.cves).collect();
    cves.sort_unstable();
    cves.dedup();
    let impacted = hosts.iter().filter(|host| host.rows.iter().any(|row| !row.cves.is_empty())).count();
    json!({
        "num_cves": cves.len(), "num_hosts": hosts.len(), "num_impacted_hosts": impacted,
        "num_remediated_cves": plugins.iter().map(|row| row.cves.len()).sum::<usize>(), "remediations": list
    })
}

/// Hosts with their counts, of vulnerabilities or of compliance.
fn host_list(hosts: &[ViewHost], compliance: bool) -> Value {
    let with = hosts.iter().filter(|host| !compliance || host.rows.iter().any(|row| row.check.is_some()));
    with.zip(0..)
        .map(|(host, index)| {
            let counts = view::counts(host.rows.iter(), compliance);
            let items: Vec<Value> = counts
                .iter()
                .zip(0..)
                .map(|(count, level)| json!({ "count": count, "severitylevel": level }))
                .collect();
            let [info, low, medium, high, critical] = counts;
            json!({
                "asset_id": host.id, "host_id": host.id, "uuid": host.uuid, "hostname": host.name,
                "progress": "100-100/200-200", "scanprogresscurrent": 100, "scanprogresstotal": 100,
                "numchecksconsidered": 100, "totalchecksconsidered": 100, "severitycount": { "item": items },
                "severity": counts.iter().sum::<u64>(),
                "score": info + 10 * low + 100 * medium + 1000 * high + 10_000 * critical,
                "info": info, "low": low, "medium": medium, "high": high, "critical": critical, "host_index": index
            })
        })
        .collect()
}

/// Vulnerabilities by plugin, worst first.
fn grouped<'a>(rows: impl Iterator<Item = &'a ViewRow>, first_index: u64) -> Value {
    by_plugin(rows)
        .into_iter()
        .zip(first_index..)
        .map(|((row, count), index)| {
            json!({
                "count": count, "plugin_id": row.plugin, "plugin_name": row.name, "severity": row.severity,
                "plugin_family": row.family, "vuln_index": index
            })
        })
        .collect()
}

fn by_plugin<'a>(rows: impl Iterator<Item = &'a ViewRow>) -> Vec<(&'a ViewRow, u64)> {
    let mut groups: Vec<(&ViewRow, u64)> = Vec::new();
    for row in rows.filter(|row| row.check.is_none()) {
        match groups.iter_mut().find(|(first, _)| first.plugin == row.plugin) {
            Some((_, count)) => *count += 1,
            None => groups.push((row, 1)),
        }
    }
    groups.sort_by_key(|(row, count)| (std::cmp::Reverse(row.severity), std::cmp::Reverse(*count), row.plugin));
    groups
}

/// Compliance rows. Their plugin id is the check's, and no number.
fn checks<'a>(rows: impl Iterator<Item = &'a ViewRow>, host: Option<&ViewHost>) -> Value {
    let mut groups: Vec<(&ViewRow, &[String; 3], u64)> = Vec::new();
    for row in rows {
        let Some(check) = &row.check else { continue };
        match groups.iter_mut().find(|(_, known, _)| known[0] == check[0]) {
            Some((_, _, count)) => *count += 1,
            None => groups.push((row, check, 1)),
        }
    }
    groups
        .into_iter()
        .zip(0..)
        .map(|((row, check, count), index)| {
            let mut line = json!({
                "count": count, "plugin_id": check[0], "plugin_name": check[1], "plugin_family": row.name,
                "severity": row.severity, "severity_index": index
            });
            match host {
                Some(host) => {
                    line["host_id"] = json!(host.id);
                    line["hostname"] = json!(host.name);
                }
                None => line["vuln_index"] = json!(index + 1),
            }
            line
        })
        .collect()
}

/// The run and host that a call about one host means.
fn one_host(world: &World, id: &str, host: &str, request: &Request, now: f64) -> Result<ViewHost, Reply> {
    let scan = world.scan(id).ok_or_else(reply::not_found)?;
    let run = chosen(scan, request).ok().flatten().filter(|run| !run.archived(now)).ok_or_else(reply::not_found)?;
    view::hosts(run, now).into_iter().find(|found| found.id.to_string() == host).ok_or_else(reply::not_found)
}

/// `GET /scans/{id}/hosts/{host}`
pub fn host(world: &World, id: &str, host: &str, request: &Request, now: f64) -> Outcome {
    let host = one_host(world, id, host, request, now)?;
    let vulnerabilities: Vec<Value> = by_plugin(host.rows.iter())
        .into_iter()
        .map(|(row, count)| {
            json!({
                "count": count, "host_id": host.id, "hostname": host.name, "plugin_family": row.family,
                "plugin_id": row.plugin, "plugin_name": row.name, "severity": row.severity, "severity_index": 0,
                "vuln_index": 0
            })
        })
        .collect();
    reply::ok(&json!({
        "info": {
            "mac-address": host.mac, "host-fqdn": host.fqdn, "host-ip": host.ip,
            "operating-system": host.os.as_ref().map(|os| [os]),
            "host_start": crate::sandbox::nessus::ctime(host.started), "host_end": crate::sandbox::nessus::ctime(host.ended)
        },
        "vulnerabilities": vulnerabilities, "compliance": checks(host.rows.iter(), Some(&host))
    }))
}

/// `GET /scans/{id}/hosts/{host}/plugins/{plugin}`
pub fn plugin_output(world: &World, id: &str, host: &str, plugin: &str, request: &Request, now: f64) -> Outcome {
    let host = one_host(world, id, host, request, now)?;
    let rows: Vec<&ViewRow> =
        host.rows.iter().filter(|row| row.check.is_none() && row.plugin.to_string() == plugin).collect();
    let first = rows.first().ok_or_else(reply::not_found)?;
    // Ports with the same output share one entry.
    let mut outputs: Vec<(&str, Map<String, Value>)> = Vec::new();
    for row in &rows {
        let port = format!("{} / {} / {}", row.port, row.protocol, row.service);
        let hosts = json!([{ "hostname": host.name }]);
        match outputs.iter_mut().find(|(output, _)| *output == row.output) {
            Some((_, ports)) => {
                ports.insert(port, hosts);
            }
            None => outputs.push((&row.output, Map::from_iter([(port, hosts)]))),
        }
    }
    let outputs: Vec<Value> = outputs
        .into_iter()
        .map(|(output, ports)| {
            let output = if output.is_empty() { Value::Null } else { json!(output) };
            json!({
                "ports": ports, "has_attachment": 0, "severity": first.severity, "plugin_output": output, "hosts": null,
                "custom_description": null
            })
        })
        .collect();
    reply::ok(&json!({ "outputs": outputs, "info": { "plugindescription": plugin_description(first) } }))
}

/// What the service tells about a plugin.
pub fn plugin_description(row: &ViewRow) -> Value {
    let score = |cvss: &Option<[String; 2]>| cvss.as_ref().map_or_else(|| "0.0".to_owned(), |cvss| cvss[0].clone());
    let date = |text: &str| format!("{}T00:00:00Z", text.replace('/', "-"));
    let xrefs: Vec<Value> = row
        .references
        .iter()
        .filter_map(|reference| reference.split_once(':'))
        .map(|(kind, id)| json!({ "type": kind, "id": id }))
        .collect();
    let mut references = Vec::new();
    for (name, values) in [("cve", &row.cves), ("cwe", &row.cwes)] {
        if !values.is_empty() {
            references.push(json!({ "name": name, "values": { "value": values } }));
        }
    }
    json!({
        "severity": row.severity, "pluginname": row.name, "pluginfamily": row.family, "pluginid": row.plugin.to_string(),
        "pluginattributes": {
            "synopsis": row.synopsis, "description": row.description.replace('\n', " "),
            "solution": if row.solution == "n/a" { Value::Null } else { json!(row.solution) },
            "see_also": if row.see_also.is_empty() { Value::Null } else { json!(row.see_also) },
            "has_patch": row.exploit.is_some(),
            "risk_information": {
                "risk_factor": row.risk, "cvss_base_score": score(&row.cvss2), "cvss_temporal_score": "0.0",
                "cvss3_base_score": score(&row.cvss3), "cvss3_temporal_score": "0.0",
                "cvss_vector": row.cvss2.as_ref().map(|cvss| &cvss[1]), "cvss3_vector": row.cvss3.as_ref().map(|cvss| &cvss[1])
            },
            "ref_information": { "ref": references }, "xrefs": xrefs,
            "plugin_information": {
                "plugin_version": "1.17", "plugin_id": row.plugin, "plugin_type": row.kind, "plugin_family": row.family,
                "plugin_publication_date": date(&row.published), "plugin_modification_date": date(&row.modified)
            },
            "vuln_information": { "exploit_available": row.exploit, "vpr_score": row.vpr }
        }
    })
}

/// `GET /scans/{id}/attachments/{attachment}?key=…`
pub fn attachment(world: &World, id: &str, request: &Request) -> Outcome {
    // The key is looked at before anything else: an unknown scan with a bad key is still a bad key.
    let key = request.parameter("key").unwrap_or_default();
    if key.len() < 32 || !key.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(reply::invalid("key", "invalid key format"));
    }
    world.scan(id).ok_or_else(reply::not_found)?;
    Err(reply::not_found())
}

/// `GET /scans/{id}/history`
pub fn history(world: &World, id: &str, request: &Request, now: f64) -> Outcome {
    let scan = world.scan(id).ok_or_else(reply::not_found)?;
    let limit = page(request, "limit", 50)?;
    let offset = page(request, "offset", 0)?;
    reply::flag(request, "exclude_rollover")?;
    let mut keys = Vec::new();
    for part in request.parameter("sort").unwrap_or("start_date:desc").split(',') {
        let (name, order) = part.split_once(':').unwrap_or((part, "asc"));
        if !matches!(name, "start_date" | "end_date" | "status") || !matches!(order, "asc" | "desc") {
            return Err(reply::invalid("sort", part));
        }
        keys.push((name, order));
    }
    // Imports have no history page.
    let mut runs: Vec<&Run> = if scan.imported() { Vec::new() } else { scan.runs.iter().collect() };
    for (name, order) in keys.iter().rev() {
        match *name {
            "status" => runs.sort_by_key(|run| run.state.word()),
            "end_date" => runs.sort_by_key(|run| run.ended()),
            _ => runs.sort_by_key(|run| whole(run.launched)),
        }
        if *order == "desc" {
            runs.reverse();
        }
    }
    let total = runs.len();
    let lines: Vec<Value> = runs.into_iter().skip(offset).take(limit).map(|run| page_line(run, now)).collect();
    let sort: Vec<Value> =
        keys.iter().map(|(name, order)| json!({ "name": name, "order": order.to_uppercase() })).collect();
    reply::ok(&json!({
        "pagination": { "offset": offset, "total": total, "sort": sort, "limit": limit }, "history": lines
    }))
}

/// A page size or start.
pub fn page(request: &Request, name: &str, default: usize) -> Result<usize, Reply> {
    match reply::number(request, name)? {
        None => Ok(default),
        Some(number) => {
            usize::try_from(number).map_err(|_| reply::mistyped("query", name, "must be larger than or equal to 0"))
        }
    }
}

fn page_line(run: &Run, now: f64) -> Value {
    let mut line = json!({
        "scan_uuid": run.uuid, "id": run.history_id, "is_archived": run.archived(now), "time_start": whole(run.launched),
        "visibility": "public", "targets": { "custom": run.custom_targets, "default": null }, "status": run.history_word()
    });
    if let Some(ended) = run.ended() {
        line["time_end"] = json!(ended);
    }
    line
}

/// `GET /scans/{id}/history/{run}`
pub fn one_run(world: &World, id: &str, run: &str, now: f64) -> Outcome {
    let scan = world.scan(id).ok_or_else(reply::not_found)?;
    let run = scan.run(run).ok_or_else(reply::not_found)?;
    let mut answer = json!({
        "owner_id": OWNER_ID, "schedule_uuid": scan.schedule_uuid, "status": run.history_word(),
        "scan_start": whole(run.launched), "owner_uuid": OWNER_UUID, "owner": scan.owner, "object_id": run.history_id,
        "uuid": run.uuid, "scan_end": run.ended(), "name": scan.name(), "is_archived": run.archived(now)
    });
    if let Some(kind) = run.kind {
        answer["scan_type"] = json!(kind);
        answer["targets"] = json!(run.targets);
    }
    reply::ok(&answer)
}

/// `DELETE /scans/{id}/history/{run}`
pub fn delete_run(world: &mut World, id: &str, run: &str, request: &Request) -> Outcome {
    reply::flag(request, "delete_rollovers")?;
    let scan = world.scan_mut(id).ok_or_else(reply::not_found)?;
    let found = scan.run(run).ok_or_else(reply::not_found)?;
    if scan.permissions < 64 {
        return Err(reply::insufficient());
    }
    if found.state.active() {
        return Err(reply::error(409, "Can not delete an active scan"));
    }
    let uuid = found.uuid.clone();
    scan.runs.retain(|run| run.uuid != uuid);
    world.exports.retain(|export| export.run != uuid);
    reply::empty()
}

/// How many hosts a scan is going to look at.
pub fn total_targets(run: &Run) -> u64 {
    addresses(&run.targets)
}

/// `GET /scanners/{id}/scans`: the live runs of a scanner.
pub fn of_scanner(world: &World, scanner: &str) -> Value {
    let live = world.scans.iter().filter(|scan| scan.scanner() == scanner && scan.active());
    live.filter_map(|scan| Some((scan, scan.latest()?)))
        .map(|(scan, run)| {
            json!({
                "scan_id": scan.id, "id": run.uuid, "status": run.state.word(), "name": scan.name(), "user": scan.owner,
                "start_time": whole(run.launched), "last_modification_date": whole(run.since), "scanner_uuid": scanner,
                "network_id": "00000000-0000-0000-0000-000000000000", "remote": scanner != CLOUD_SCANNER,
                "reachable": scanner != DARK_SCANNER
            })
        })
        .collect()
}
