//! What JSON is that holds no findings which could be read back: formats that people take for a report.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

/// Names it by the keys of its first object; the text may be cut off anywhere.
pub(super) fn named(text: &str) -> Option<&'static str> {
    let mut name = None;
    // What is cut off ends with an error, and what came before it may have told.
    let _cut_off = First(&mut name).deserialize(&mut serde_json::Deserializer::from_str(text));
    name
}

/// The first object, or that of an array.
struct First<'n>(&'n mut Option<&'static str>);

impl<'de> DeserializeSeed<'de> for First<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for First<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        items.next_element_seed(self).map(|_first| ())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<String>()? {
            *self.0 = match key.as_str() {
                "$schema" => {
                    let schema = map.next_value::<Value>()?;
                    schema.as_str().filter(|schema| schema.contains("sarif")).map(|_| "a SARIF document")
                }
                "class_uid" | "category_uid" => Some("events of OCSF"),
                "dynamic_tool" => Some("findings for DefectDojo"),
                "severity_before" => Some("what `scanctl diff` wrote"),
                _ => {
                    map.next_value::<IgnoredAny>()?;
                    None
                }
            };
            if self.0.is_some() {
                break;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::named;

    #[test]
    fn formats_are_known_by_their_keys_also_where_they_are_cut_off() {
        for (text, name) in [
            (r#"{"version":"2.1.0","$schema":"https://json.schemastore.org/sarif-2.1.0.json","ru"#, "a SARIF document"),
            (r#"{"activity_id":1,"category_uid":2,"message":"error"}"#, "events of OCSF"),
            (r#"[{"activity_id":1,"class_uid":2002},{"#, "events of OCSF"),
            (r#"{"type":"scanctl","dynamic_tool":true,"findings":[{"#, "findings for DefectDojo"),
            (r#"{"change":"new","severity_before":null,"finding":{"#, "what `scanctl diff` wrote"),
        ] {
            assert_eq!(named(text), Some(name), "{text}");
        }
        for text in ["", "[]", "[1, 2", "{", r#"{"$schema":"x","error":"Not Found"}"#, r#"{"a":["class_uid"]}"#, "null"]
        {
            assert_eq!(named(text), None, "{text}");
        }
    }
}
