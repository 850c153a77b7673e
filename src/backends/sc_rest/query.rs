//! What a list is narrowed to: fields by the vendor's names, a span of time. Not for what the vendor cannot narrow.

use serde_json::{Map, Value};

use crate::backends::RunQuery;
use crate::http::Request;

/// Lies ahead of any clock.
const EVER: i64 = 9_999_999_999;

/// The vendor's list of fields: those without which nothing can be read, and those that were asked for, each once.
pub fn fields(needed: &str, asked: &[String]) -> String {
    let mut all: Vec<&str> = Vec::new();
    for name in needed.split(',').chain(asked.iter().map(|name| name.trim())) {
        if !name.is_empty() && !all.contains(&name) {
            all.push(name);
        }
    }
    all.join(",")
}

/// Of an object those fields that were asked for, with names and values as they came. The vendor answers some names in
/// another case than they are asked in.
pub fn picked(object: &Value, asked: &[String]) -> Value {
    let wanted = |name: &str| asked.iter().any(|asked| asked.trim().eq_ignore_ascii_case(name));
    let Some(object) = object.as_object() else { return Value::Null };
    let picked: Map<String, Value> =
        object.iter().filter(|(name, _)| wanted(name)).map(|(name, value)| (name.clone(), value.clone())).collect();
    Value::Object(picked)
}

/// What is to be said of fields that no object has: the vendor does not refuse names that it does not know.
pub fn not_given<'a>(picked: impl IntoIterator<Item = &'a Value>, asked: &[String]) -> Option<String> {
    let mut absent: Vec<&str> = asked.iter().map(|name| name.trim()).filter(|name| !name.is_empty()).collect();
    let mut any = false;
    for object in picked.into_iter().filter_map(Value::as_object) {
        any = true;
        absent.retain(|asked| !object.keys().any(|name| name.eq_ignore_ascii_case(asked)));
    }
    (any && !absent.is_empty()).then(|| format!("the vendor gave no field named {}", absent.join(", ")))
}

/// Asks for the runs of a span of time, by when they were created.
pub fn span<'a>(request: Request<'a>, query: &RunQuery) -> Request<'a> {
    let since = query.since.map_or(0, |since| since.as_second().max(0));
    let until = query.until.map_or(EVER, |until| until.as_second().max(0));
    request.query("startTime", since).query("endTime", until)
}

/// Which span that is, in words.
pub fn told_span(query: &RunQuery) -> String {
    match (query.since, query.until) {
        (None, None) => {
            "runs of all times were asked for; by itself the vendor lists those of the last 30 days".to_owned()
        }
        (Some(since), None) => format!("runs created since {since:.0}"),
        (None, Some(until)) => format!("runs created up to {until:.0}"),
        (Some(since), Some(until)) => format!("runs created from {since:.0} to {until:.0}"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{fields, not_given, picked, told_span};
    use crate::backends::RunQuery;

    fn asked(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn fields_are_asked_for_once_and_shown_as_they_came() {
        let names = asked(&["name", " policy", "sci", "nope", ""]);
        assert_eq!(fields("id,name", &names), "id,name,policy,sci,nope");
        let object = json!({"id": "1", "name": "a", "SCI": {"id": "3"}, "policy": {"id": -1}});
        let shown = picked(&object, &names);
        assert_eq!(shown, json!({"name": "a", "SCI": {"id": "3"}, "policy": {"id": -1}}));
        assert_eq!(not_given([&shown], &names).as_deref(), Some("the vendor gave no field named nope"));
        assert_eq!(not_given([&shown], &names[..3]), None);
        assert_eq!(not_given([], &names), None, "of nothing nothing can be told");
    }

    #[test]
    fn a_span_is_told_and_so_is_its_absence() {
        let at = |text: &str| text.parse().ok();
        let query = |since, until| RunQuery { since, until, ..RunQuery::default() };
        assert!(told_span(&query(None, None)).contains("30 days"));
        let (first, last) = (at("2026-01-01T00:00:00.5Z"), at("2026-02-01T00:00:00Z"));
        assert_eq!(told_span(&query(first, last)), "runs created from 2026-01-01T00:00:00Z to 2026-02-01T00:00:00Z");
        assert_eq!(told_span(&query(first, None)), "runs created since 2026-01-01T00:00:00Z");
    }
}
