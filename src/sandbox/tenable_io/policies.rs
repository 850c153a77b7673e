//! Policies, which the user interface calls scan templates.

use serde_json::{Map, Value, json};

use super::reply::{self, Outcome};
use super::run::whole;
use super::world::{OWNER, OWNER_ID, Policy, TEMPLATES, World};
use crate::sandbox::{Reply, Request};

fn item(policy: &Policy) -> Value {
    json!({
        "no_target": "false", "template_uuid": policy.template, "description": policy.setting("description"),
        "name": policy.name(), "owner": OWNER, "visibility": "private", "shared": 0, "user_permissions": 128,
        "last_modification_date": policy.modified, "creation_date": policy.created, "owner_id": OWNER_ID, "id": policy.id
    })
}

fn place(world: &World, id: &str) -> Result<usize, Reply> {
    world.policies.iter().position(|policy| policy.id.to_string() == id).ok_or_else(reply::not_found)
}

fn find<'a>(world: &'a World, id: &str) -> Result<&'a Policy, Reply> {
    world.policies.get(place(world, id)?).ok_or_else(reply::not_found)
}

/// `GET /policies`
pub fn list(world: &World) -> Outcome {
    reply::ok(&json!({ "policies": world.policies.iter().map(item).collect::<Vec<_>>() }))
}

/// `GET /policies/{id}`
pub fn details(world: &World, id: &str) -> Outcome {
    reply::ok(&Value::Object(find(world, id)?.document.clone()))
}

/// Template and document of a policy that somebody sends.
fn read(request: &Request) -> Result<(String, Map<String, Value>), Reply> {
    let body = reply::body(request)?;
    let uuid = body.get("uuid").and_then(Value::as_str).unwrap_or_default();
    if !TEMPLATES.iter().any(|template| template.2 == uuid) {
        return Err(reply::invalid("uuid", uuid));
    }
    let name = body.get("settings").and_then(|settings| settings.get("name")).and_then(Value::as_str);
    if name.is_none_or(str::is_empty) {
        return Err(reply::invalid("name", ""));
    }
    Ok((uuid.to_owned(), body))
}

fn add(world: &mut World, template: String, document: Map<String, Value>, now: f64) -> Policy {
    let policy = Policy { id: world.id(), template, document, created: whole(now), modified: whole(now) };
    world.policies.push(policy.clone());
    policy
}

/// `POST /policies`
pub fn create(world: &mut World, request: &Request, now: f64) -> Outcome {
    let (template, document) = read(request)?;
    let policy = add(world, template, document, now);
    reply::ok(&json!({ "policy_id": policy.id, "policy_name": policy.name() }))
}

/// `PUT /policies/{id}`
pub fn update(world: &mut World, id: &str, request: &Request, now: f64) -> Outcome {
    let place = place(world, id)?;
    let (template, document) = read(request)?;
    if let Some(policy) = world.policies.get_mut(place) {
        policy.template = template;
        policy.document = document;
        policy.modified = whole(now);
    }
    reply::empty()
}

/// `POST /policies/{id}/copy`
pub fn copy(world: &mut World, id: &str, now: f64) -> Outcome {
    let policy = find(world, id)?.clone();
    let name = format!("Copy of {}", policy.name());
    let mut document = policy.document;
    if let Some(settings) = document.get_mut("settings") {
        settings["name"] = json!(name);
    }
    let copy = add(world, policy.template, document, now);
    reply::ok(&json!({ "id": copy.id, "name": name }))
}

/// `DELETE /policies/{id}`
pub fn delete(world: &mut World, id: &str) -> Outcome {
    let place = place(world, id)?;
    world.policies.remove(place);
    reply::empty()
}

/// `GET /policies/{id}/export`: XML around the document, which `import` reads again.
pub fn export(world: &World, id: &str) -> Outcome {
    let policy = find(world, id)?;
    let escape = |text: &str| text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let document = Value::Object(policy.document.clone()).to_string();
    let text = format!(
        "<?xml version=\"1.0\" ?>\n<NessusClientData_v2><Policy><policyName>{}</policyName><policyComments>{}</policyComments></Policy></NessusClientData_v2>\n",
        escape(policy.name()),
        escape(&document)
    );
    Ok(Reply {
        status: 200,
        headers: vec![
            ("Content-Type", "text/xml".to_owned()),
            ("Content-Disposition", format!("attachment; filename=nessus_policy_{}.nessus", policy.id)),
        ],
        body: text.into_bytes(),
    })
}

/// `POST /policies/import`
pub fn import(world: &mut World, request: &Request, now: f64) -> Outcome {
    let body = reply::body(request)?;
    reply::only(&body, &["file"])?;
    let file =
        body.get("file").and_then(Value::as_str).ok_or_else(|| reply::mistyped("payload", "file", "is required"))?;
    let bytes =
        world.uploads.iter().find(|(name, _)| name == file).map(|(_, bytes)| bytes).ok_or_else(reply::not_found)?;
    let text = String::from_utf8_lossy(bytes);
    let part = |name: &str| {
        let (_, after) = text.split_once(&format!("<{name}>"))?;
        let (inside, _) = after.split_once(&format!("</{name}>"))?;
        Some(inside.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&"))
    };
    let name = part("policyName").ok_or_else(|| reply::invalid("file", "not a policy"))?;
    let document = part("policyComments").and_then(|text| serde_json::from_str::<Map<String, Value>>(&text).ok());
    let document = document.unwrap_or_else(|| {
        Map::from_iter([("uuid".to_owned(), json!(TEMPLATES[1].2)), ("settings".to_owned(), json!({ "name": name }))])
    });
    let template = document.get("uuid").and_then(Value::as_str).unwrap_or(TEMPLATES[1].2).to_owned();
    let policy = add(world, template, document, now);
    let mut answer = item(&policy);
    answer["private"] = json!(1);
    reply::ok(&answer)
}
