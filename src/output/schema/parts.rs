//! What schemas are put together from.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

/// The schema of an item, and the named parts that it refers to.
pub(super) struct Shape {
    pub schema: Value,
    pub parts: Vec<(&'static str, Value)>,
}

impl Shape {
    pub fn plain(schema: Value) -> Self {
        Self { schema, parts: Vec::new() }
    }
}

/// An object that has these keys and no other.
pub(super) fn object<const N: usize>(description: &str, keys: [(&'static str, Value); N]) -> Value {
    with_optional(description, keys, [])
}

/// An object that has the first keys, may have the last, and has no other.
pub(super) fn with_optional<const N: usize, const M: usize>(
    description: &str,
    keys: [(&'static str, Value); N],
    optional: [(&'static str, Value); M],
) -> Value {
    let required: Vec<&str> = keys.iter().map(|(name, _)| *name).collect();
    let properties: Map<String, Value> =
        keys.into_iter().chain(optional).map(|(name, schema)| (name.to_owned(), schema)).collect();
    json!({
        "description": description,
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    })
}

/// Exactly this value.
pub(super) fn constant(value: impl Into<Value>, description: &str) -> Value {
    json!({ "const": value.into(), "description": description })
}

/// A text that is never empty.
pub(super) fn text(description: &str) -> Value {
    json!({ "type": "string", "minLength": 1, "description": description })
}

/// Any text, or null.
pub(super) fn maybe_text(description: &str) -> Value {
    json!({ "type": ["string", "null"], "description": description })
}

/// True, false, or null where it is not known.
pub(super) fn maybe_boolean(description: &str) -> Value {
    json!({ "type": ["boolean", "null"], "description": description })
}

/// A count, or null.
pub(super) fn maybe_count(description: &str) -> Value {
    json!({ "type": ["integer", "null"], "minimum": 0, "description": description })
}

/// A number from 0 to `most`, or null.
pub(super) fn maybe_score(most: f64, description: &str) -> Value {
    json!({ "type": ["number", "null"], "minimum": 0, "maximum": most, "description": description })
}

/// An instant in UTC, or null.
pub(super) fn maybe_time(description: &str) -> Value {
    json!({
        "type": ["string", "null"],
        "format": "date-time",
        "pattern": r"^-?\d{4,6}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$",
        "description": description,
        "examples": [Timestamp::UNIX_EPOCH.to_string()],
    })
}

/// One of these words.
pub(super) fn word(words: impl IntoIterator<Item = impl Into<Value>>, description: &str) -> Value {
    let words: Vec<Value> = words.into_iter().map(Into::into).collect();
    json!({ "enum": words, "description": description })
}

/// One of these words, or null.
pub(super) fn maybe_word(words: impl IntoIterator<Item = impl Into<Value>>, description: &str) -> Value {
    let words: Vec<Value> = words.into_iter().map(Into::into).chain([Value::Null]).collect();
    json!({ "enum": words, "description": description })
}

/// A list.
pub(super) fn list(items: Value, description: &str) -> Value {
    json!({ "type": "array", "items": items, "description": description })
}

/// A list of texts that are never empty.
pub(super) fn texts(description: &str) -> Value {
    list(json!({ "type": "string", "minLength": 1 }), description)
}

/// A part of the schema, by its name.
pub(super) fn part(name: &str) -> Value {
    json!({ "$ref": format!("#/$defs/{name}") })
}

/// A part of the schema, or null.
pub(super) fn maybe_part(name: &str, description: &str) -> Value {
    json!({ "anyOf": [part(name), { "type": "null" }], "description": description })
}

/// Whatever the vendor has there.
pub(super) fn anything(description: &str) -> Value {
    json!({ "description": description })
}
