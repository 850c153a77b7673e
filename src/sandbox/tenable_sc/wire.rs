//! What all answers of a Security Center have in common: the envelope, the refusals, the headers, and how `fields`
//! picks from an object. Not for what any one resource means.

use serde_json::{Map, Value};

use super::super::{Moment, Reply, Request};

/// A JSON object on its way in or out.
pub(in crate::sandbox) type Object = Map<String, Value>;

/// What a request that was carried out is answered with.
pub(in crate::sandbox) enum Success {
    /// The `response` member of the envelope.
    Body(Value),
    /// HTTP 200 and `error_code` 0, and yet a failure that only `error_msg` tells.
    Noted(String),
    /// Raw bytes instead of an envelope: content type, file name, content.
    File(&'static str, String, Vec<u8>),
}

impl Success {
    /// The answer of actions that have no result: an empty string where others have an object.
    pub(in crate::sandbox) fn nothing() -> Self {
        Self::Body(Value::String(String::new()))
    }
}

impl From<Object> for Success {
    fn from(object: Object) -> Self {
        Self::Body(Value::Object(object))
    }
}

/// A refused request.
#[derive(Debug, PartialEq)]
pub(in crate::sandbox) struct Refusal {
    status: u16,
    code: i64,
    message: String,
    /// Refusals of the front door are JSON called HTML, and lack the newline that ends every other envelope.
    at_the_door: bool,
}

impl Refusal {
    /// The session token is missing, wrong or expired.
    pub(in crate::sandbox) fn invalid_token() -> Self {
        Self { status: 403, code: 12, message: "This request contains an invalid token.".into(), at_the_door: true }
    }

    /// API keys that no user has: 403 with an error code that says all is well, and no message.
    pub(in crate::sandbox) fn unknown_keys() -> Self {
        Self { status: 403, code: 0, message: String::new(), at_the_door: true }
    }

    /// A session and API keys in one request.
    pub(in crate::sandbox) fn two_credentials() -> Self {
        let message = "API keys and a session token cannot be used in the same request.\n".into();
        Self { status: 400, code: 146, message, at_the_door: false }
    }

    /// No such object, or not one of this user's: the two cannot be told apart.
    pub(in crate::sandbox) fn missing(doing: &str, kind: &str, id: &str) -> Self {
        let message = format!("{doing}\n{kind} #{id} does not exist.\n");
        Self { status: 403, code: 147, message, at_the_door: false }
    }

    /// Every other refusal: a bad value, a wrong state, a missing right.
    pub(in crate::sandbox) fn because(message: impl Into<String>) -> Self {
        let mut message = message.into();
        message.push('\n');
        Self { status: 403, code: 146, message, at_the_door: false }
    }

    /// An analysis that cannot be run since the data of that result is not, or no longer, there.
    pub(in crate::sandbox) fn no_data(message: impl Into<String>) -> Self {
        Self { code: 143, ..Self::because(message) }
    }

    /// A path or method that this product does not have. The vendor documents no answer for it; missing *objects* are
    /// never 404, so this one cannot be taken for them.
    pub(in crate::sandbox) fn no_route(request: &Request) -> Self {
        let message = format!("The resource '{} /{}' is invalid.", request.method, request.path.join("/"));
        Self { status: 404, ..Self::because(message) }
    }
}

/// What every handler returns.
pub(in crate::sandbox) type Outcome = Result<Success, Refusal>;

/// Turns an outcome into bytes and headers.
pub(in crate::sandbox) fn reply(outcome: Outcome, now: Moment) -> Reply {
    match outcome {
        Ok(Success::Body(response)) => sealed(200, "application/json", &envelope(&response, 0, "", now), true),
        Ok(Success::Noted(message)) => {
            sealed(200, "application/json", &envelope(&Value::from(""), 0, &message, now), true)
        }
        Ok(Success::File(content_type, name, bytes)) => {
            let mut headers = headers(content_type);
            headers.push(("Content-Disposition", format!("attachment; filename={name}")));
            // Not so: the body is the file itself. The vendor says BASE64 all the same.
            headers.push(("Content-Transfer-Encoding", "BASE64;".into()));
            Reply { status: 200, headers, body: bytes }
        }
        Err(refusal) => {
            let text = envelope(&Value::from(""), refusal.code, &refusal.message, now);
            let content_type = if refusal.at_the_door { "text/html; charset=UTF-8" } else { "application/json" };
            sealed(refusal.status, content_type, &text, !refusal.at_the_door)
        }
    }
}

/// The page of the web server itself, for what never reaches the application.
pub(in crate::sandbox) fn web_server_page(status: u16, title: &str) -> Reply {
    let body = format!(
        "<!DOCTYPE HTML PUBLIC \"-//IETF//DTD HTML 2.0//EN\">\n<html><head>\n<title>{status} {title}</title>\n\
         </head><body>\n<h1>{title}</h1>\n</body></html>\n"
    );
    let headers = vec![("Content-Type", "text/html; charset=iso-8859-1".into()), ("Server", "Apache".into())];
    Reply { status, headers, body: body.into_bytes() }
}

/// The envelope of an answer with a fault of the machine room: status 500 says the database is busy.
pub(in crate::sandbox) fn locked_database(now: Moment) -> Reply {
    let text = envelope(&Value::from(""), 1, "Error running SQL query: database is locked\n", now);
    sealed(500, "application/json", &text, true)
}

fn sealed(status: u16, content_type: &'static str, text: &str, newline: bool) -> Reply {
    let mut body = text.as_bytes().to_vec();
    if newline {
        body.push(b'\n');
    }
    Reply { status, headers: headers(content_type), body }
}

fn headers(content_type: &'static str) -> Vec<(&'static str, String)> {
    [
        ("Server", "Apache"),
        ("Content-Type", content_type),
        ("Cache-Control", "no-cache, no-store"),
        ("Pragma", "no-cache"),
        ("Expires", "Thu, 19 Nov 1981 08:52:00 GMT"),
        ("Vary", "x-apikey"),
        ("X-Frame-Options", "DENY"),
        ("X-Content-Type-Options", "nosniff"),
        ("X-XSS-Protection", "1; mode=block"),
    ]
    .into_iter()
    .map(|(name, value)| (name, value.to_owned()))
    .collect()
}

fn envelope(response: &Value, code: i64, message: &str, now: Moment) -> String {
    php(&format!(
        "{{\"type\":\"regular\",\"response\":{response},\"error_code\":{code},\"error_msg\":{},\"warnings\":[],\
         \"timestamp\":{}}}",
        Value::from(message),
        seconds(now.0),
    ))
}

/// JSON as PHP writes it: slashes escaped, nothing but ASCII.
fn php(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for character in json.chars() {
        match character {
            '/' => out.push_str("\\/"),
            _ if character.is_ascii() => out.push(character),
            _ => {
                for unit in character.encode_utf16(&mut [0; 2]) {
                    out.push_str(&format!("\\u{unit:04x}"));
                }
            }
        }
    }
    out
}

/// Whole seconds of a point in time.
#[expect(clippy::cast_possible_truncation, reason = "whole seconds of the present epoch fit")]
pub(in crate::sandbox) fn seconds(time: f64) -> i64 {
    time.floor() as i64
}

/// A time as this vendor writes it: a string, and "-1" for none.
pub(in crate::sandbox) fn epoch(time: Option<f64>) -> Value {
    Value::String(time.map_or_else(|| "-1".to_owned(), |time| seconds(time).to_string()))
}

/// `"true"` or `"false"`: this vendor's booleans are strings.
pub(in crate::sandbox) fn flag(value: bool) -> Value {
    Value::from(if value { "true" } else { "false" })
}

/// "No object": its id is a number where every other id is a string.
pub(in crate::sandbox) fn no_object() -> Value {
    serde_json::json!({"id": -1, "name": "", "description": ""})
}

/// The request's JSON object; an empty body counts as an empty object.
///
/// # Errors
/// When there is a body that is no JSON object.
pub(in crate::sandbox) fn body(request: &Request) -> Result<Object, Refusal> {
    if request.body.iter().all(u8::is_ascii_whitespace) {
        return Ok(Object::new());
    }
    // A PHP empty map is an empty list, and clients send it back as they got it.
    match serde_json::from_slice(&request.body) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(Value::Array(list)) if list.is_empty() => Ok(Object::new()),
        _ => Err(Refusal::because("Invalid request: the body is not a JSON object.")),
    }
}

/// An integer sent as a number or as a string: both kinds of client exist.
pub(in crate::sandbox) fn integer(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

/// The id in `{"key": {"id": n}}`.
///
/// # Errors
/// When the key holds anything else.
pub(in crate::sandbox) fn reference(object: &Object, key: &str) -> Result<Option<i64>, Refusal> {
    match object.get(key) {
        None => Ok(None),
        Some(value) => value
            .get("id")
            .and_then(integer)
            .map(Some)
            .ok_or_else(|| Refusal::because(format!("Invalid value for attribute '{key}': an object with an id."))),
    }
}

/// A parameter of a GET: from the query, or from a JSON body, which this vendor takes too.
pub(in crate::sandbox) fn parameter(request: &Request, name: &str) -> Option<String> {
    if let Some(value) = request.parameter(name) {
        return Some(value.to_owned());
    }
    match body(request).ok()?.get(name)? {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// Picks the members asked for with `fields`, together with those that always come.
///
/// Without `fields` the `default` ones come, or with `None` as default all of them. Names that this resource does not
/// have are passed over: the product's own pages send such names.
pub(in crate::sandbox) fn pick(
    full: Object,
    fields: Option<&str>,
    always: &[&str],
    default: Option<&[&str]>,
) -> Object {
    let wanted: Option<Vec<&str>> = match fields.filter(|fields| !fields.trim().is_empty()) {
        Some(fields) => Some(fields.split(',').map(str::trim).collect()),
        None => default.map(<[&str]>::to_vec),
    };
    match wanted {
        None => full,
        Some(wanted) => full
            .into_iter()
            .filter(|(key, _)| always.contains(&key.as_str()) || wanted.contains(&key.as_str()))
            .collect(),
    }
}

/// A version 4 UUID in this vendor's upper case, the same in each run of the sandbox.
pub(in crate::sandbox) fn uuid(space: u64, id: u64) -> String {
    let mut random = fastrand::Rng::with_seed((space << 32) ^ id.wrapping_mul(0x9E37_79B9_7F4A_7C15));
    let (high, low) = (random.u64(..), random.u64(..));
    format!(
        "{:08X}-{:04X}-4{:03X}-{:04X}-{:012X}",
        high >> 32,
        (high >> 16) & 0xFFFF,
        high & 0xFFF,
        0x8000 | (low >> 48) & 0x3FFF,
        low & 0xFFFF_FFFF_FFFF
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_escaped_as_php_does() {
        let reply = reply(Ok(Success::Body(Value::from("a/b \u{e9} \u{1f600} \\/"))), Moment(7.9));
        assert_eq!(
            String::from_utf8(reply.body).unwrap(),
            "{\"type\":\"regular\",\"response\":\"a\\/b \\u00e9 \\ud83d\\ude00 \\\\\\/\",\"error_code\":0,\
             \"error_msg\":\"\",\"warnings\":[],\"timestamp\":7}\n"
        );
    }

    #[test]
    fn refusals_of_the_door_are_json_called_html_without_a_newline() {
        let reply = reply(Err(Refusal::invalid_token()), Moment(1.0));
        assert_eq!(reply.status, 403);
        assert!(reply.headers.contains(&("Content-Type", "text/html; charset=UTF-8".into())));
        assert!(reply.body.ends_with(b"}"));
        let parsed: Value = serde_json::from_slice(&reply.body).unwrap();
        assert_eq!(parsed["error_code"], 12);
    }

    #[test]
    fn fields_pick_and_unknown_names_are_passed_over() {
        let full: Object = serde_json::from_str(r#"{"id":"1","name":"n","secret":"s"}"#).unwrap();
        let picked = pick(full.clone(), Some("name, nonsense"), &["id"], Some(&[]));
        assert_eq!(Value::Object(picked), serde_json::json!({"id": "1", "name": "n"}));
        assert_eq!(pick(full.clone(), None, &["id"], None), full);
        assert_eq!(Value::Object(pick(full, None, &["id"], Some(&[]))), serde_json::json!({"id": "1"}));
    }

    #[test]
    fn uuids_are_upper_case_and_stable() {
        let first = uuid(1, 2);
        assert_eq!(first, uuid(1, 2));
        assert_ne!(first, uuid(2, 1));
        assert_eq!(first.len(), 36);
        assert_eq!(first, first.to_uppercase());
        assert_eq!(&first[14..15], "4");
    }
}
