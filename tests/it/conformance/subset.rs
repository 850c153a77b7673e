//! Comparing JSON with what must be in it.

use serde_json::Value;

/// Where `found` lacks what `expected` has, or none. Objects may have more members, lists may not have more items.
pub fn difference(expected: &Value, found: &Value) -> Option<String> {
    compare("", expected, found)
}

fn compare(path: &str, expected: &Value, found: &Value) -> Option<String> {
    match (expected, found) {
        (Value::Object(expected), Value::Object(found)) => expected.iter().find_map(|(key, value)| {
            let path = format!("{path}.{key}");
            match found.get(key) {
                Some(found) => compare(&path, value, found),
                None => Some(format!("{path} is missing, expected {value}")),
            }
        }),
        (Value::Array(expected), Value::Array(found)) if expected.len() == found.len() => {
            let pairs = expected.iter().zip(found).enumerate();
            pairs.into_iter().find_map(|(at, (expected, found))| compare(&format!("{path}[{at}]"), expected, found))
        }
        // A text between two ellipses is a part of the text.
        (Value::String(expected), Value::String(found)) if is_part(expected, found) => None,
        _ if expected == found => None,
        _ => Some(format!("{}: expected {expected}, found {found}", if path.is_empty() { "." } else { path })),
    }
}

fn is_part(expected: &str, found: &str) -> bool {
    expected
        .strip_prefix('…')
        .and_then(|expected| expected.strip_suffix('…'))
        .is_some_and(|part| !part.is_empty() && found.contains(part))
}

#[test]
fn a_subset_is_found_and_anything_else_is_told() {
    use serde_json::json;
    let found = json!({"a": 1, "b": [{"c": null, "d": "one two"}]});
    for expected in [json!({"a": 1}), json!({"b": [{"c": null}]}), json!({"b": [{"d": "…e t…"}]}), json!({})] {
        assert_eq!(difference(&expected, &found), None, "{expected}");
    }
    for (expected, told) in [
        (json!({"a": 2}), ".a: expected 2, found 1"),
        (json!({"e": null}), ".e is missing, expected null"),
        (json!({"b": []}), ".b: expected [], found [{\"c\":null,\"d\":\"one two\"}]"),
        (json!({"b": [{"d": "…x…"}]}), ".b[0].d: expected \"…x…\", found \"one two\""),
        (json!([]), ".: expected [], found {\"a\":1,\"b\":[{\"c\":null,\"d\":\"one two\"}]}"),
    ] {
        assert_eq!(difference(&expected, &found).as_deref(), Some(told));
    }
}
