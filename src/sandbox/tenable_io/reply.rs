//! The shapes of this vendor's answers: JSON, nothing at all, and its many kinds of errors.

use serde_json::{Map, Value, json};

use crate::sandbox::{Reply, Request};

/// What a handler gives back; a refusal is an answer like any other.
pub type Outcome = Result<Reply, Reply>;

/// A JSON body.
pub fn json(status: u16, value: &Value) -> Reply {
    let body = value.to_string().into_bytes();
    Reply { status, headers: vec![("Content-Type", "application/json; charset=utf-8".to_owned())], body }
}

/// 200 with a JSON body.
pub fn ok(value: &Value) -> Outcome {
    Ok(json(200, value))
}

/// 200 with zero bytes and no content type: most calls that change something.
pub fn empty() -> Outcome {
    Ok(Reply { status: 200, headers: Vec::new(), body: Vec::new() })
}

/// The short error.
pub fn error(status: u16, text: &str) -> Reply {
    json(status, &json!({ "error": text }))
}

/// The long error, which repeats its status.
pub fn long_error(status: u16, error: &str, message: &str) -> Reply {
    json(status, &json!({ "statusCode": status, "error": error, "message": message }))
}

/// Nearly every 404; the "file" is whatever was asked for.
pub fn not_found() -> Reply {
    error(404, "The requested file was not found")
}

/// The 404 of the calls that read a scan.
pub fn scan_not_found() -> Reply {
    error(404, "Scan not found")
}

/// The role or the permission on the object is too low.
pub fn insufficient() -> Reply {
    long_error(403, "Forbidden", "Insufficient scope")
}

/// A value that the service does not like.
pub fn invalid(field: &str, why: &str) -> Reply {
    error(400, &format!("Invalid '{field}' field: {why}"))
}

/// A member of the wrong type, in the words of the gateway's validation.
pub fn mistyped(source: &str, field: &str, wanted: &str) -> Reply {
    let message = format!("child \"{field}\" fails because [\"{field}\" {wanted}]");
    json(
        400,
        &json!({
            "statusCode": 400, "error": "Bad Request", "message": message,
            "validation": { "source": source, "keys": [field] }
        }),
    )
}

/// Too many requests, or too many active scans: the two look the same, and both are a page of the web server.
pub fn too_many(seconds: u64) -> Reply {
    let page = "<html>\r\n<head><title>429 Too Many Requests</title></head>\r\n<body bgcolor=\"white\">\r\n\
        <center><h1>429 Too Many Requests</h1></center>\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n";
    Reply {
        status: 429,
        headers: vec![("Content-Type", "text/html".to_owned()), ("Retry-After", seconds.to_string())],
        body: page.as_bytes().to_vec(),
    }
}

/// A request's JSON body; no body at all is an empty one.
pub fn body(request: &Request) -> Result<Map<String, Value>, Reply> {
    if request.body.is_empty() {
        return Ok(Map::new());
    }
    let kind = request.header("content-type").unwrap_or_default();
    if !kind.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json")) {
        return Err(long_error(415, "Unsupported Media Type", "Unsupported Media Type"));
    }
    match serde_json::from_slice(&request.body) {
        Ok(Value::Object(members)) => Ok(members),
        _ => Err(long_error(400, "Bad Request", "Invalid request payload JSON format")),
    }
}

/// Refuses members that the call does not have.
pub fn only(members: &Map<String, Value>, known: &[&str]) -> Result<(), Reply> {
    match members.keys().find(|key| !known.contains(&key.as_str())) {
        None => Ok(()),
        Some(key) => Err(mistyped("payload", key, "is not allowed")),
    }
}

/// A query parameter that has to be a whole number.
pub fn number(request: &Request, name: &str) -> Result<Option<i64>, Reply> {
    request
        .parameter(name)
        .map(|text| text.parse().map_err(|_| mistyped("query", name, "must be a number")))
        .transpose()
}

/// A query parameter that has to be true or false.
pub fn flag(request: &Request, name: &str) -> Result<Option<bool>, Reply> {
    match request.parameter(name) {
        None => Ok(None),
        Some("true") => Ok(Some(true)),
        Some("false") => Ok(Some(false)),
        Some(_) => Err(mistyped("query", name, "must be a boolean")),
    }
}
