//! The editor: templates, and scans and policies the way the user interface edits them. The official client reads it
//! before it creates or changes anything.

use serde_json::{Map, Value, json};

use super::reply::{self, Outcome};
use super::view;
use super::world::{CLOUD_SCANNER, DEFAULT_NETWORK, Policy, Scan, TEMPLATES, WEB_TEMPLATE, World};
use super::{results, scanners, scans};
use crate::sandbox::Reply;
use crate::sandbox::nessus::plugins::{ALL, CHECKS};
use crate::sandbox::nessus::{Finding, Plugin};

/// The title of a template by UUID.
pub fn template_title(uuid: &str) -> &'static str {
    if uuid == WEB_TEMPLATE.2 {
        return WEB_TEMPLATE.1;
    }
    TEMPLATES.iter().find(|template| template.2 == uuid).map_or("", |template| template.1)
}

/// The short name of a template by UUID, if there is such a template.
fn template_name(uuid: &str) -> Option<&'static str> {
    if uuid == WEB_TEMPLATE.2 {
        return Some(WEB_TEMPLATE.0);
    }
    TEMPLATES.iter().find(|template| template.2 == uuid).map(|template| template.0)
}

fn kind(kind: &str) -> Result<(), Reply> {
    if matches!(kind, "scan" | "policy" | "remediation") {
        Ok(())
    } else {
        Err(reply::mistyped("params", "type", "must be one of [scan, policy, remediation]"))
    }
}

/// `GET /editor/{type}/templates`
pub fn templates(of: &str) -> Outcome {
    kind(of)?;
    let entry = |name: &str, title: &str, uuid: &str, agent: bool, web: bool| {
        json!({
            "unsupported": false, "cloud_only": web, "desc": format!("{title} template."), "order": null,
            "subscription_only": false, "is_was": web.then_some(true), "title": title, "is_agent": agent.then_some(true),
            "uuid": uuid, "manager_only": false, "name": name
        })
    };
    let listed = TEMPLATES.iter().filter(|template| of != "remediation" || template.0 == "advanced");
    let mut templates: Vec<Value> =
        listed.map(|(name, title, uuid, agent)| entry(name, title, uuid, *agent, false)).collect();
    if of == "scan" {
        templates.push(entry(WEB_TEMPLATE.0, WEB_TEMPLATE.1, WEB_TEMPLATE.2, false, true));
    }
    reply::ok(&json!({ "templates": templates }))
}

/// `GET /editor/{type}/templates/{uuid}`
pub fn template(of: &str, uuid: &str) -> Outcome {
    kind(of)?;
    template_name(uuid).ok_or_else(reply::not_found)?;
    reply::ok(&document(uuid, &Map::new(), &json!([]), &[]))
}

/// `GET /editor/{type}/{id}`
pub fn object(world: &World, of: &str, id: &str) -> Outcome {
    kind(of)?;
    if of == "policy" {
        let policy = policy(world, id).ok_or_else(reply::not_found)?;
        return reply::ok(&document(&policy.template, &settings(policy), &json!([]), &[]));
    }
    let scan = world.scan(id).ok_or_else(reply::not_found)?;
    let template = scan.template.as_deref().ok_or_else(reply::not_found)?;
    let mut settings = scan.settings.clone();
    settings.insert("scanner_id".to_owned(), json!(scan.scanner()));
    settings.insert("folder_id".to_owned(), json!(scan.folder));
    reply::ok(&document(template, &settings, &scans::acls(scan), &scan.credentials))
}

/// `GET /editor/scan/policy/{id}`: a new scan on the base of a policy.
pub fn from_policy(world: &World, id: &str) -> Outcome {
    let policy = policy(world, id).ok_or_else(reply::not_found)?;
    let mut settings = settings(policy);
    settings.retain(|name, _| name != "name" && name != "description");
    reply::ok(&document(&policy.template, &settings, &json!([]), &[]))
}

fn policy<'a>(world: &'a World, id: &str) -> Option<&'a Policy> {
    world.policies.iter().find(|policy| policy.id.to_string() == id)
}

fn settings(policy: &Policy) -> Map<String, Value> {
    policy.document.get("settings").and_then(Value::as_object).cloned().unwrap_or_default()
}

/// Settings that every template offers besides those about targets and schedule, with what the editor suggests. The
/// suggestion is for the user interface: nobody applies it to a scan that was made without it.
const SUGGESTED: [(&str, &str, &str); 8] = [
    ("discovery", "ping_the_remote_host", "yes"),
    ("discovery", "portscan_range", "default"),
    ("discovery", "syn_scanner", "yes"),
    ("assessment", "thorough_tests", "no"),
    ("assessment", "provided_creds_only", "yes"),
    ("report", "report_superseded_patches", "yes"),
    ("advanced", "safe_checks", "yes"),
    ("advanced", "max_checks_per_host", "5"),
];

fn document(
    template: &str,
    set: &Map<String, Value>,
    acls: &Value,
    credentials: &[(u64, String, String, Value)],
) -> Value {
    let get = |name: &str| set.get(name).cloned().unwrap_or(Value::Null);
    let input = |id: &str, name: &str, kind: &str, default: Value| json!({ "id": id, "name": name, "type": kind, "default": default });
    let scanner = set.get("scanner_id").cloned().unwrap_or_else(|| json!(CLOUD_SCANNER));
    let mut basic = vec![
        input("name", "Name", "entry", get("name")),
        input("description", "Description", "textarea", get("description")),
        input("folder_id", "Folder", "select", get("folder_id")),
        json!({ "id": "scanner_id", "name": "Scanner", "type": "select", "default": scanner, "options": scanners::options() }),
        input(
            "target_network_uuid",
            "Network",
            "select",
            set.get("target_network_uuid").cloned().unwrap_or_else(|| json!(DEFAULT_NETWORK)),
        ),
        input("text_targets", "Targets", "textarea", get("text_targets")),
        input("file_targets", "Upload Targets", "file", get("file_targets")),
        input("scan_time_window", "Scan Window", "entry", get("scan_time_window")),
    ];
    for list in ["target_groups", "tag_targets", "asset_lists", "agent_group_id"] {
        if let Some(value) = set.get(list) {
            basic.push(input(list, list, "list", value.clone()));
        }
    }
    let enabled = set.get("enabled").cloned().unwrap_or(json!(true));
    let launch = set.get("launch").cloned().unwrap_or(json!("ON_DEMAND"));
    let mut sections = Map::new();
    for (section, id, suggested) in SUGGESTED {
        let value = set.get(id).cloned().unwrap_or_else(|| json!(suggested));
        let section = sections.entry(section).or_insert_with(|| json!({ "inputs": [], "groups": [] }));
        if let Some(inputs) = section.get_mut("inputs").and_then(Value::as_array_mut) {
            inputs.push(input(id, id, "entry", value));
        }
    }
    sections.insert(
        "basic".to_owned(),
        json!({
            "title": "Basic", "inputs": basic,
            "groups": [
                { "name": "schedule", "title": "Schedule", "enabled": enabled, "launch": launch, "rrules": get("rrules"),
                  "starttime": get("starttime"), "timezone": get("timezone") },
                { "name": "permissions", "title": "Permissions", "acls": acls },
                { "name": "notifications", "title": "Notifications", "filters": null, "filter_type": null,
                  "inputs": [input("emails", "Email Recipient(s)", "textarea", get("emails"))] }
            ]
        }),
    );
    json!({
        "uuid": template, "name": template_name(template), "title": template_title(template), "settings": sections,
        "user_permissions": 128, "is_agent": null, "is_was": null, "owner": null,
        "filter_attributes": super::filters::catalogue(None), "credentials": { "data": credential_types(credentials) },
        "compliance": { "data": [{ "name": "Unix", "audits": [
            { "id": 1, "type": "custom", "free": 0, "name": CHECKS[0].audit, "summary": format!("File: {}", CHECKS[0].audit) }
        ] }] },
        "plugins": { "families": families() }
    })
}

/// Kinds of credentials with those that the scan has.
fn credential_types(credentials: &[(u64, String, String, Value)]) -> Value {
    let mut categories: Vec<(&str, Vec<&str>)> = vec![("Host", vec!["SSH", "Windows"])];
    for (_, category, kind, _) in credentials {
        match categories.iter_mut().find(|(known, _)| known == category) {
            Some((_, kinds)) if kinds.contains(&kind.as_str()) => {}
            Some((_, kinds)) => kinds.push(kind),
            None => categories.push((category, vec![kind])),
        }
    }
    let instances = |category: &str, kind: &str| -> Vec<Value> {
        let mine = credentials.iter().filter(|known| known.1 == category && known.2 == kind);
        mine.map(|(id, _, kind, settings)| {
            let inputs: Vec<Value> = settings
                .as_object()
                .into_iter()
                .flatten()
                .map(|(name, value)| {
                    let hidden = name.contains("password") || name.contains("key");
                    let shown = if hidden { json!("********") } else { value.clone() };
                    json!({ "id": name, "name": name, "type": if hidden { "password" } else { "entry" }, "default": shown })
                })
                .collect();
            json!({ "id": id, "summary": kind, "inputs": inputs })
        })
        .collect()
    };
    categories
        .into_iter()
        .map(|(category, kinds)| {
            let types: Vec<Value> = kinds
                .into_iter()
                .map(|kind| {
                    json!({ "name": kind, "max": 1000, "inputs": [], "settings": null, "instances": instances(category, kind) })
                })
                .collect();
            json!({ "name": category, "types": types })
        })
        .collect()
}

/// Families in the order of their ids.
fn family_names() -> Vec<&'static str> {
    let mut names: Vec<&str> = ALL.iter().map(|plugin| plugin.family).collect();
    names.sort_unstable();
    names.dedup();
    names
}

fn families() -> Value {
    let list = family_names().into_iter().zip(1..).map(|(name, id)| {
        let count = ALL.iter().filter(|plugin| plugin.family == name).count();
        // One family is neither on nor off, so that clients have to look into it.
        let status = if name == "SNMP" { "mixed" } else { "enabled" };
        (name.to_owned(), json!({ "id": id, "count": count, "status": status }))
    });
    Value::Object(list.collect())
}

fn plugins_of(family: &str) -> Option<Vec<&'static Plugin>> {
    let name = family_names().into_iter().zip(1..).find(|(_, id)| family == id.to_string()).map(|(name, _)| name)?;
    Some(ALL.iter().copied().filter(|plugin| plugin.family == name).collect())
}

/// Whether there is such a thing to edit.
fn exists(world: &World, of: &str, id: &str) -> Result<(), Reply> {
    let known = template_name(id).is_some()
        || if of == "policy" {
            policy(world, id).is_some()
        } else {
            world.scan(id).is_some_and(|scan: &Scan| !scan.imported())
        };
    if known { Ok(()) } else { Err(reply::error(404, &format!("Unknown {of} ID: {id}."))) }
}

/// `GET /editor/{type}/{id}/families/{family}`
pub fn family(world: &World, of: &str, id: &str, family: &str) -> Outcome {
    kind(of)?;
    exists(world, of, id)?;
    let plugins: Vec<Value> = plugins_of(family)
        .ok_or_else(reply::not_found)?
        .into_iter()
        .map(|plugin| json!({ "id": plugin.id, "name": plugin.name, "status": "enabled" }))
        .collect();
    reply::ok(&json!({ "plugins": plugins }))
}

/// `GET /editor/{type}/{id}/families/{family}/plugins/{plugin}`
pub fn plugin(world: &World, of: &str, id: &str, family: &str, plugin: &str) -> Outcome {
    kind(of)?;
    exists(world, of, id)?;
    let plugins = plugins_of(family).ok_or_else(reply::not_found)?;
    let plugin = plugins.into_iter().find(|known| known.id.to_string() == plugin).ok_or_else(reply::not_found)?;
    let row = view::made_row(&Finding {
        plugin,
        port: 0,
        protocol: "tcp",
        service: "general",
        output: String::new(),
        check: None,
    });
    reply::ok(&json!({ "plugindescription": results::plugin_description(&row) }))
}

/// `GET /editor/{type}/{id}/audits/{file}`
pub fn audit(world: &World, of: &str, id: &str, file: &str) -> Outcome {
    kind(of)?;
    exists(world, of, id).map_err(|_| reply::not_found())?;
    if file != "1" {
        return Err(reply::not_found());
    }
    let mut text = String::from("<check_type:\"Unix\">\n");
    for check in &CHECKS {
        text.push_str(&format!(
            "<custom_item>\n  description : \"{}\"\n  expect : \"{}\"\n</custom_item>\n",
            check.name, check.wanted
        ));
    }
    text.push_str("</check_type>\n");
    Ok(Reply {
        status: 200,
        headers: vec![
            ("Content-Type", "application/octet-stream".to_owned()),
            ("Content-Disposition", format!("attachment; filename={}", CHECKS[0].audit)),
        ],
        body: text.into_bytes(),
    })
}
