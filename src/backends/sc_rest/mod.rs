//! What the two Security Centers truly share: login and keys, the envelope around every answer, refusals, status words,
//! the result of a run on the wire, and what an address means. Not a backend, and not for what only one of them has.
//!
//! Vendor pages: <https://docs.tenable.com/security-center/api/index.htm>, there Token, Scan, Scan-Result, Director-Scan,
//! Director-Scan-Result and API-Key-Authorization.
//!
//! Quirks that shape this module:
//! - The API is that of a PHP program: numbers and booleans are text, some neighbours are not, "no object" is an object
//!   with the *number* -1 as id, and an empty map is an empty list.
//! - Lists come as `usable` and `manageable`, which overlap; for an administrator, and on Director, as a bare list.
//! - A list of runs without a window is the last thirty days.

pub mod choice;
pub mod definition;
pub mod dialect;
pub mod download;
pub mod query;
pub mod resolve;
pub mod result;
pub mod session;
#[cfg(test)]
pub mod testing;

use std::collections::HashSet;
use std::fmt;
use std::time::Instant;

use jiff::{SignedDuration, Timestamp};
use serde::de::{DeserializeOwned, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, de};
use serde_json::Value;

use super::wire::Loose;
use super::{Controlled, Identity, Target};
use crate::error::Result;
use crate::http::{Answer, Http, Request};
use result::ScanResult;

/// The backend id of a Security Center, which is what a Director's instances are.
pub const INSTANCE: &str = "tenable-sc";

/// Which runs a list is to hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// Everything since the first.
    All,
    /// What runs now.
    Running,
}

/// Asks for runs of all times: the vendor's own window is the last thirty days, and a run may be older than that and
/// still run. The far end lies ahead of any clock.
pub fn window(request: Request<'_>, which: Which) -> Request<'_> {
    let request = request.query("startTime", 0).query("endTime", 9_999_999_999_u64);
    match which {
        Which::All => request,
        Which::Running => request.query("filter", "running"),
    }
}

/// What is around every answer.
#[derive(Debug, Deserialize)]
struct Envelope<T> {
    response: T,
    #[serde(default)]
    timestamp: Loose,
}

/// The content of an answer, and the vendor's clock when it answered.
///
/// # Errors
/// Exit 16, or a lost outcome, for what is no such answer.
pub fn open<T: DeserializeOwned>(answer: &Answer) -> Result<(T, Option<Timestamp>)> {
    let envelope: Envelope<T> = answer.json()?;
    Ok((envelope.response, envelope.timestamp.seconds().or(answer.date)))
}

/// Reads the answer of a request whose content says nothing: an empty text, or the object as it was.
///
/// # Errors
/// A lost outcome for what is no answer of this product.
pub fn taken(answer: &Answer) -> Result<()> {
    open::<IgnoredAny>(answer).map(|_| ())
}

/// The earliest time, by the vendor's clock, that something sent at `sent` can have been made. The vendor's times are
/// whole seconds, so the second before may be the same moment. None where the vendor did not tell the time: then nothing
/// can be told to be newer, since this machine's clock is not the vendor's.
pub fn earliest(now: Option<Timestamp>, received: Instant, sent: Instant) -> Option<Timestamp> {
    let ago = SignedDuration::from_secs(i64::try_from(received.duration_since(sent).as_secs()).unwrap_or(i64::MAX));
    now?.checked_sub(ago).and_then(|asked| asked.checked_sub(SignedDuration::from_secs(1))).ok()
}

/// A list in either of its shapes, each object once.
#[derive(Debug)]
pub struct Listed(pub Vec<Value>);

impl Listed {
    /// The objects as what they are.
    ///
    /// # Errors
    /// Exit 16 for an object that is not one, or has no id.
    pub fn of<T: DeserializeOwned>(self, answer: &Answer) -> Result<Vec<T>> {
        let read = self.0.into_iter().enumerate().map(|(index, item)| {
            if item.get("id").and_then(scalar).is_none_or(|id| id.is_empty()) {
                return Err(answer.unreadable(&format!("object {index} has no `id`")));
            }
            serde_json::from_value(item).map_err(|problem| answer.unreadable(&format!("object {index}: {problem}")))
        });
        read.collect()
    }
}

impl<'de> Deserialize<'de> for Listed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ListedVisitor)
    }
}

struct ListedVisitor;

impl<'de> Visitor<'de> for ListedVisitor {
    type Value = Listed;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a list, or an object with `usable` and `manageable`")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Listed, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Listed(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Listed, A::Error> {
        let mut lists = 0;
        let mut merged: Vec<Value> = Vec::new();
        let mut known = HashSet::new();
        while let Some(key) = entries.next_key::<String>()? {
            if key != "usable" && key != "manageable" {
                entries.next_value::<IgnoredAny>()?;
                continue;
            }
            lists += 1;
            for item in entries.next_value::<Option<Vec<Value>>>()?.unwrap_or_default() {
                let id = reference(item.get("id")).id;
                if id.is_none_or(|id| known.insert(id)) {
                    merged.push(item);
                }
            }
        }
        // A filter may leave one of the two out.
        if lists == 0 {
            Err(de::Error::custom("neither `usable` nor `manageable` is there"))
        } else {
            Ok(Listed(merged))
        }
    }
}

/// Another object, as far as it is shown: by id and name, or by id alone.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reference {
    /// Its id; none where the vendor writes -1.
    pub id: Option<String>,
    /// Its name.
    pub name: Option<String>,
}

impl<'de> Deserialize<'de> for Reference {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(reference(Some(&Value::deserialize(deserializer)?)))
    }
}

/// What a value says about another object; a value that is no reference says nothing.
pub fn reference(value: Option<&Value>) -> Reference {
    match value {
        Some(Value::Object(object)) => {
            let part = |key| object.get(key).and_then(scalar).filter(|text| !text.is_empty());
            Reference { id: part("id").filter(|id| id != "-1"), name: part("name") }
        }
        Some(value) => {
            Reference { id: scalar(value).filter(|id| !id.is_empty() && id != "-1"), ..Reference::default() }
        }
        None => Reference::default(),
    }
}

/// Reads a list of other objects; whatever is no list says nothing.
///
/// # Errors
/// Never for JSON.
pub fn references<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Reference>, D::Error> {
    let value = Value::deserialize(deserializer)?;
    Ok(value.as_array().into_iter().flatten().map(|item| reference(Some(item))).collect())
}

/// A text or a number as text.
pub fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.trim().to_owned()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// What an accepted control request tells: the result as it was when the request came, so ids and names but no state.
///
/// # Errors
/// A lost outcome for what is no answer of this product.
pub fn controlled(target: &Target, answer: &Answer) -> Result<Controlled> {
    let (response, _) = open::<Value>(answer)?;
    let mut target = target.clone();
    let mut message = None;
    if let Ok(result) = serde_json::from_value::<ScanResult>(response) {
        target.learn(&result.run(None));
        message = result.is_of_agents().then(|| "agents scanned; the product does not steer their scans".to_owned());
    }
    Ok(Controlled { target, message, request_id: None })
}

/// Who the profile is: one authenticated read. True in the second place for an administrator, who has no organization.
///
/// # Errors
/// Those of the read.
pub async fn identity(http: &Http, proof: &str) -> Result<(Identity, bool)> {
    #[derive(Deserialize)]
    struct User {
        #[serde(default)]
        username: Loose,
        #[serde(default)]
        role: Reference,
        #[serde(default)]
        organization: Reference,
    }
    let request = http.get(["currentUser"]).query("fields", "username,role,organization");
    let answer = request.label("current user").send().await?;
    let (user, _) = open::<User>(&answer)?;
    if user.username.text().or(user.role.id.as_deref()).or(user.organization.id.as_deref()).is_none() {
        return Err(answer.unreadable("it says nothing of a user"));
    }
    let is_administrator = user.organization.id.as_deref() == Some("0");
    let mut details = Vec::new();
    details.extend(user.role.name.map(|role| ("role".to_owned(), role)));
    details.extend(user.organization.name.map(|name| ("organization".to_owned(), name)));
    Ok((Identity { user: user.username.owned(), proved: proof.to_owned(), details }, is_administrator))
}

/// Whether an id is one of the vendor's numbers, and not a uuid.
pub fn is_number(id: &str) -> bool {
    !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::{Listed, Reference};

    #[test]
    fn lists_are_read_in_every_shape_and_each_object_once() {
        let ids = |json: &str| {
            let Listed(list) = serde_json::from_str(json).unwrap();
            list.iter().map(|item| item["id"].to_string()).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(ids(r#"[{"id":"1"},{"id":2}]"#), "\"1\" 2");
        assert_eq!(ids(r#"{"usable":[{"id":"1"},{"id":"2"}],"manageable":[{"id":"2"},{"id":"3"}]}"#), r#""1" "2" "3""#);
        assert_eq!(ids(r#"{"manageable":[{"id":"3"}]}"#), "\"3\"");
        assert_eq!(ids(r#"{"usable":null,"other":{"id":1},"manageable":[]}"#), "");
        for broken in ["{}", "\"\"", "null", r#"{"usable":"no"}"#] {
            assert!(serde_json::from_str::<Listed>(broken).is_err(), "{broken}");
        }
    }

    #[test]
    fn references_come_as_objects_and_as_ids_and_minus_one_is_none() {
        let read = |json: &str| serde_json::from_str::<Reference>(json).unwrap();
        let both = |id: &str, name: &str| Reference { id: Some(id.into()), name: Some(name.into()) };
        assert_eq!(read(r#"{"id":"34","name":"Weekly","description":""}"#), both("34", "Weekly"));
        assert_eq!(read(r#"{"id":34,"name":"Weekly"}"#), both("34", "Weekly"));
        assert_eq!(read("\"8\"").id.as_deref(), Some("8"));
        assert_eq!(read("8").id.as_deref(), Some("8"));
        for none in [r#"{"id":-1,"name":"","description":""}"#, r#""-1""#, "-1", "[]", "null", "\"\"", "{}"] {
            assert_eq!(read(none), Reference::default(), "{none}");
        }
    }
}
