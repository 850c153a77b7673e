use super::*;

fn words() -> Words {
    Words { backends: vec!["tenable-io", "juniper"], verbs: vec!["launch".to_owned(), "launch --targets".to_owned()] }
}

/// Every object of ours in a schema, by where it stands.
fn objects<'a>(schema: &'a Value, at: &str, found: &mut Vec<(String, &'a Value)>) {
    match schema {
        Value::Object(map) => {
            if map.contains_key("properties") && map.contains_key("required") {
                found.push((at.to_owned(), schema));
            }
            map.iter().for_each(|(key, below)| objects(below, &format!("{at}/{key}"), found));
        }
        Value::Array(list) => list.iter().for_each(|below| objects(below, at, found)),
        _ => {}
    }
}

#[test]
fn every_schema_is_one_and_refers_only_to_what_it_has() {
    for kind in Kind::ALL {
        for schema in [kind.document(&words()), kind.line(&words())] {
            jsonschema::draft202012::meta::validate(&schema).unwrap_or_else(|error| panic!("{kind:?}: {error}"));
            jsonschema::draft202012::new(&schema).unwrap_or_else(|error| panic!("{kind:?}: {error}"));
        }
    }
}

#[test]
fn every_object_is_closed_and_every_key_explained() {
    for kind in Kind::ALL.into_iter().filter(|kind| *kind != Kind::Log) {
        let schema = kind.document(&words());
        let mut found = Vec::new();
        objects(&schema, "", &mut found);
        assert!(!found.is_empty());
        for (at, object) in found {
            assert_eq!(object["additionalProperties"], false, "{kind:?} {at}");
            let keys = object["properties"].as_object().unwrap();
            let optional: Vec<&str> = keys
                .keys()
                .map(String::as_str)
                .filter(|key| !object["required"].as_array().unwrap().contains(&json!(key)))
                .collect();
            assert!(optional.iter().all(|key| ["changes", "fields"].contains(key)), "{kind:?} {at}: {optional:?}");
            for (name, key) in keys {
                let explained = key.get("description").is_some() || key.get("$ref").is_some() || name == "items";
                assert!(explained, "{kind:?} {at}: {name}");
            }
        }
    }
}

#[test]
fn a_wrong_name_is_met_with_the_nearest_and_names_are_their_own() {
    let hint = |word: &str| word.parse::<Kind>().unwrap_err().hint_text().unwrap_or_default().to_owned();
    assert_eq!(hint("finding"), "did you mean `findings`?");
    assert_eq!(hint("outcome"), "did you mean `outcomes`?");
    assert!(hint("xml").starts_with("the schemas are outcomes, runs, "));
    for kind in Kind::ALL {
        assert_eq!(kind.name().parse::<Kind>().unwrap(), kind);
    }
    assert_eq!(Kind::Runs.line(&words())["$id"], "urn:scanctl:schema:1:runs:line");
}
