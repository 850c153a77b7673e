//! What the vendor's editor shows of a stored scan: the only reading of most of its settings.
//!
//! The answer is a form for a page: inputs with their values as `default`, in sections and groups. Its layout is not in
//! the vendor's description of the API, only in its client, so it is read tolerantly.

use serde_json::{Map, Value as Json};

/// The schedule is not an input but a group of its own.
const OF_THE_SCHEDULE: [&str; 5] = ["enabled", "launch", "rrules", "starttime", "timezone"];

/// A stored scan as it can be edited.
#[derive(Debug)]
pub(in super::super) struct Editor {
    /// The uuid of the scan's template.
    pub(super) template: Option<String>,
    /// Whether agents scan, so that there is no scanner.
    pub(super) by_agents: bool,
    /// The settings by the vendor's names.
    pub(super) settings: Map<String, Json>,
}

impl Editor {
    /// Reads an answer; none where it has no settings.
    pub(super) fn read(document: &Json) -> Option<Self> {
        let mut settings = Map::new();
        collect(document.get("settings")?.get("basic")?, &mut settings);
        Some(Self {
            template: document.get("uuid").and_then(Json::as_str).map(str::to_owned),
            by_agents: document.get("is_agent").and_then(Json::as_bool).unwrap_or(false),
            settings,
        })
    }

    /// A setting that has a value.
    pub(super) fn value(&self, name: &str) -> Option<&Json> {
        self.settings.get(name).filter(|value| !value.is_null() && value.as_str() != Some(""))
    }

    /// The targets that are written down as such.
    pub(in super::super) fn targets(&self) -> Option<Vec<String>> {
        let targets = shown(&self.settings, "targets")?;
        Some(targets.as_array()?.iter().filter_map(Json::as_str).map(str::to_owned).collect())
    }

    /// The scan's name.
    pub(super) fn name(&self) -> Option<String> {
        self.value("name").and_then(Json::as_str).map(str::to_owned)
    }
}

fn collect(part: &Json, settings: &mut Map<String, Json>) {
    match part {
        Json::Array(items) => items.iter().for_each(|item| collect(item, settings)),
        Json::Object(entries) => {
            if let Some(Json::String(id)) = entries.get("id") {
                let value = entries.get("default").cloned().unwrap_or(Json::Null);
                settings.entry(id.clone()).or_insert(value);
            }
            for name in OF_THE_SCHEDULE {
                if let Some(value) = entries.get(name).filter(|value| !value.is_object() && !value.is_array()) {
                    settings.entry(name).or_insert_with(|| value.clone());
                }
            }
            for name in ["inputs", "groups", "sections"] {
                if let Some(inner) = entries.get(name) {
                    collect(inner, settings);
                }
            }
        }
        _ => {}
    }
}

/// A key of the form, taken from settings in the vendor's notation and put as it would be written; none where the
/// settings do not have it. What is empty is null.
pub(super) fn shown(settings: &Map<String, Json>, key: &str) -> Option<Json> {
    let (name, shape) = vendor_name(key)?;
    let value = settings.get(name)?;
    let text = match value {
        Json::String(text) => text.trim().to_owned(),
        Json::Number(number) => number.to_string(),
        Json::Bool(_) | Json::Array(_) | Json::Object(_) | Json::Null => String::new(),
    };
    let items: Vec<Json> = match value {
        Json::Array(items) => items
            .iter()
            .filter_map(|item| match item {
                Json::String(text) => Some(text.as_str().into()),
                Json::Number(number) => Some(number.to_string().into()),
                _ => None,
            })
            .collect(),
        _ => text.split([',', '\n', '\r']).map(str::trim).filter(|item| !item.is_empty()).map(Json::from).collect(),
    };
    Some(match shape {
        Shape::List if items.is_empty() => Json::Null,
        Shape::List => items.into(),
        Shape::Flag => match value {
            Json::Bool(_) => value.clone(),
            _ => matches!(text.as_str(), "true" | "yes" | "1").into(),
        },
        Shape::Text | Shape::Number if text.is_empty() => Json::Null,
        Shape::Number => text.parse::<i64>().map_or_else(|_no_number| text.as_str().into(), Json::from),
        Shape::Text => text.into(),
    })
}

#[derive(Debug, Clone, Copy)]
enum Shape {
    Text,
    Number,
    Flag,
    List,
}

/// The vendor's name of a key of the form, and what its values are.
fn vendor_name(key: &str) -> Option<(&'static str, Shape)> {
    Some(match key {
        "name" => ("name", Shape::Text),
        "description" => ("description", Shape::Text),
        "policy" => ("policy_id", Shape::Text),
        "targets" => ("text_targets", Shape::List),
        "target_groups" => ("target_groups", Shape::List),
        "tag_targets" => ("tag_targets", Shape::List),
        "agent_groups" => ("agent_group_id", Shape::List),
        "scanner" => ("scanner_id", Shape::Text),
        "network" => ("target_network_uuid", Shape::Text),
        "folder" => ("folder_id", Shape::Text),
        "emails" => ("emails", Shape::List),
        "scan_time_window" => ("scan_time_window", Shape::Number),
        "schedule.enabled" => ("enabled", Shape::Flag),
        "schedule.repeat" => ("rrules", Shape::Text),
        "schedule.start" => ("starttime", Shape::Text),
        "schedule.timezone" => ("timezone", Shape::Text),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Editor, shown, vendor_name};
    use crate::backends::tenable_io::form::FORMS;

    #[test]
    fn every_key_but_the_template_is_a_setting() {
        let keys: Vec<&str> =
            FORMS.scan.keys.iter().map(|key| key.name).filter(|key| vendor_name(key).is_none()).collect();
        assert_eq!(keys, ["template"]);
    }

    #[test]
    fn settings_are_found_wherever_the_form_has_them() {
        let editor = Editor::read(&json!({
            "uuid": "731a8e52", "is_agent": null, "name": "basic",
            "settings": {
                "basic": {
                    "inputs": [
                        {"id": "name", "type": "entry", "default": "Weekly DMZ"},
                        {"id": "description", "type": "textarea"},
                        {"id": "folder_id", "type": "select", "default": 9, "options": [{"id": 9, "name": "Mine"}]},
                    ],
                    "sections": [{"name": "targets", "inputs": [{"id": "text_targets", "default": "a, b\nc,"}]}],
                    "groups": [
                        {"name": "schedule", "enabled": true, "launch": "WEEKLY", "rrules": "FREQ=WEEKLY", "timezone": null},
                        {"name": "permissions", "acls": []},
                        {"name": "notifications", "inputs": [{"id": "emails", "default": "a@x, b@x"}]},
                    ],
                },
                "discovery": {"inputs": [{"id": "portscan_range", "default": "default"}]},
            },
        }))
        .unwrap();
        assert_eq!((editor.template.as_deref(), editor.by_agents), (Some("731a8e52"), false));
        assert_eq!(editor.name().as_deref(), Some("Weekly DMZ"));
        for (key, value) in [
            ("name", Some(json!("Weekly DMZ"))),
            ("description", Some(json!(null))),
            ("folder", Some(json!("9"))),
            ("targets", Some(json!(["a", "b", "c"]))),
            ("emails", Some(json!(["a@x", "b@x"]))),
            ("schedule.enabled", Some(json!(true))),
            ("schedule.repeat", Some(json!("FREQ=WEEKLY"))),
            ("schedule.timezone", Some(json!(null))),
            ("schedule.start", None),
            ("scanner", None),
            ("template", None),
        ] {
            assert_eq!(shown(&editor.settings, key), value, "{key}");
        }
        assert_eq!(editor.targets().unwrap(), ["a", "b", "c"]);
        assert!(!editor.settings.contains_key("portscan_range"));
        assert!(Editor::read(&json!({"uuid": "x"})).is_none());
    }

    #[test]
    fn what_is_written_and_what_is_shown_are_compared_alike() {
        for (key, one, other) in [
            ("scan_time_window", json!({"scan_time_window": 180}), json!({"scan_time_window": "180"})),
            ("target_groups", json!({"target_groups": [2, 8]}), json!({"target_groups": ["2", "8"]})),
            ("target_groups", json!({"target_groups": []}), json!({"target_groups": null})),
            ("description", json!({"description": ""}), json!({"description": null})),
            ("folder", json!({"folder_id": 9}), json!({"folder_id": "9"})),
        ] {
            let read = |settings: serde_json::Value| shown(settings.as_object().unwrap(), key);
            assert_eq!(read(one), read(other), "{key}");
        }
    }
}
