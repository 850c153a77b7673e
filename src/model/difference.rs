//! What an update changes.

use serde_json::Value;

/// One key of a stored scan, before and after.
#[derive(Debug, Clone, PartialEq)]
pub struct Difference {
    /// The key, as it is written in files and flags.
    pub key: String,
    /// The old value; none where it cannot be read.
    pub before: Option<Value>,
    /// The new value.
    pub after: Value,
    /// What is not known about it.
    pub note: Option<String>,
}

impl Difference {
    /// The change in one line: `targets: 192.0.2.1 → 192.0.2.2`.
    pub fn describe(&self) -> String {
        let before = self.before.as_ref().map_or_else(|| "unreadable".to_owned(), plain);
        let note = self.note.as_deref().map(|note| format!(" ({note})")).unwrap_or_default();
        format!("{}: {before} → {}{note}", self.key, plain(&self.after))
    }
}

/// A value as it would be typed.
fn plain(value: &Value) -> String {
    match value {
        Value::Null => "none".to_owned(),
        Value::String(text) if text.is_empty() => "none".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(items) if items.is_empty() => "none".to_owned(),
        Value::Array(items) => items.iter().map(plain).collect::<Vec<_>>().join(","),
        value => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::Difference;

    #[test]
    fn a_difference_reads_as_it_would_be_typed() {
        let line = |before, after, note: Option<&str>| {
            let note = note.map(str::to_owned);
            Difference { key: "targets".into(), before, after, note }.describe()
        };
        assert_eq!(line(Some(json!(["a", "b"])), json!(["c"]), None), "targets: a,b → c");
        assert_eq!(line(Some(json!("")), json!(7), None), "targets: none → 7");
        assert_eq!(
            line(None, json!(["10.0.0.1"]), Some("replace or append not known")),
            "targets: unreadable → 10.0.0.1 (replace or append not known)"
        );
    }
}
