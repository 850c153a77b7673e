//! What the program prints as JSON is what its own schemas say, whatever a test is about.

use std::collections::HashMap;
use std::sync::LazyLock;

use jsonschema::Validator;
use scanctl::commands::schema::words;
use scanctl::output::schema::Kind;
use serde_json::Value;

/// For each name the validators of documents and of lines.
static VALIDATORS: LazyLock<HashMap<&str, [Validator; 2]>> = LazyLock::new(|| {
    let words = words();
    let validator = |schema: &Value| jsonschema::draft202012::new(schema).expect("a schema");
    let all = Kind::ALL.into_iter();
    all.map(|kind| (kind.name(), [kind.document(&words), kind.line(&words)].map(|schema| validator(&schema)))).collect()
});

fn problems(validator: &Validator, value: &Value) -> Vec<String> {
    validator.iter_errors(value).map(|error| format!("{}: {error}", error.instance_path())).collect()
}

/// What a document has that its kind's schema has not, or the other way round.
pub fn wrong_in_document(document: &Value) -> Vec<String> {
    let kind = document["kind"].as_str().unwrap_or_default();
    match VALIDATORS.get(kind) {
        Some([validator, _]) => problems(validator, document),
        None => vec![format!("there is no schema `{kind}`")],
    }
}

/// The same for a line of this kind.
pub fn wrong_in_line(kind: &str, line: &Value) -> Vec<String> {
    problems(&VALIDATORS[kind][1], line)
}

/// What is wrong with whatever the program printed in a shape of its own.
pub fn wrong_in_output(stdout: &str, stderr: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    if let Ok(document) = serde_json::from_str::<Value>(stdout)
        && document.get("schema_version").is_some()
    {
        wrong.extend(wrong_in_document(&document));
    }
    for line in stderr.lines() {
        match serde_json::from_str::<Value>(line) {
            Ok(line) if line.get("error").is_some() => wrong.extend(wrong_in_line("error", &line)),
            Ok(line) if line.get("level").is_some() => wrong.extend(wrong_in_line("log", &line)),
            _ => {}
        }
    }
    wrong
}
