//! The three shapes of an answer: JSON, plain text, and the error envelope, which is JSON on every endpoint.

use crate::sandbox::{Reply, Request};
use serde_json::{Value, json};

/// The `code` of the error envelope.
///
/// Those from 1002 on are documented, endpoint by endpoint. Of the framework's own, which come before an endpoint
/// runs, 8, 11, 18 and 30 are known from programs that look for them; the others are made up here.
pub(super) mod code {
    pub const MISSING_PARAMETER: u32 = 8;
    pub const WRONG_TYPE: u32 = 11;
    pub const NO_ENDPOINT: u32 = 12;
    pub const NO_METHOD: u32 = 13;
    pub const UNAUTHORIZED: u32 = 18;
    pub const REMOVED_VERSION: u32 = 22;
    pub const UNKNOWN_FIELD: u32 = 30;
    pub const BAD_RANGE: u32 = 35;
    pub const BAD_FILTER: u32 = 36;
    pub const NOT_FOUND: u32 = 1002;
    pub const CONFLICT: u32 = 1004;
    pub const NOT_PERMITTED: u32 = 1005;
    pub const SCAN_CONDITIONS: u32 = 1030;
    pub const LEGACY_PARAMETER: u32 = 9101;
}

/// A JSON success.
pub(super) fn json(status: u16, value: &Value) -> Reply {
    Reply {
        status,
        headers: vec![("Content-Type", "application/json".to_owned())],
        body: value.to_string().into_bytes(),
    }
}

/// A plain-text success.
pub(super) fn text(status: u16, message: &str) -> Reply {
    Reply { status, headers: vec![("Content-Type", "text/plain".to_owned())], body: message.as_bytes().to_vec() }
}

/// An answer without a body.
pub(super) fn empty(status: u16) -> Reply {
    Reply { status, headers: Vec::new(), body: Vec::new() }
}

/// A page of the web server in front of the API.
pub(super) fn html(status: u16, title: &str) -> Reply {
    let page = format!(
        "<!DOCTYPE html>\n<html><head><title>{status} {title}</title></head><body><h1>{title}</h1></body></html>\n"
    );
    Reply { status, headers: vec![("Content-Type", "text/html; charset=UTF-8".to_owned())], body: page.into_bytes() }
}

/// The error envelope. Statuses such as 419 and 420 are the vendor's own.
pub(super) fn error(status: u16, code: u32, message: &str) -> Reply {
    let generic = match status {
        401 => "The request carries no valid credentials",
        404 => "Nothing was found under the requested address",
        405 => "The method is not allowed for the requested address",
        409 => "The request conflicts with the state of the resource",
        419 | 420 => "The request could not be processed",
        422 => "The request is well formed but asks for something that cannot be done",
        _ => "The server met an unexpected condition",
    };
    let envelope = json!({
        "message": message,
        "details": {},
        "description": "",
        "code": code,
        "http_response": { "code": status, "message": generic },
    });
    json(status, &envelope)
}

/// The answer where this version of the API has nothing.
pub(super) fn no_endpoint(request: &Request) -> Reply {
    let message = format!("There is no endpoint for {} /{}.", request.method, request.path.join("/"));
    error(404, code::NO_ENDPOINT, &message)
}

/// The body of a request, if it has one. The body is the bare value, never wrapped in the parameter's name.
pub(super) fn body(request: &Request) -> Result<Option<Value>, Reply> {
    if request.body.is_empty() {
        return Ok(None);
    }
    let media = request.header("content-type").unwrap_or_default();
    if !media.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("application/json") {
        let message = format!("The body has the media type \"{media}\", this endpoint takes application/json.");
        return Err(error(422, code::WRONG_TYPE, &message));
    }
    serde_json::from_slice(&request.body)
        .map(Some)
        .map_err(|problem| error(422, code::WRONG_TYPE, &format!("The body cannot be read as JSON: {problem}")))
}

/// A whole number from the path.
pub(super) fn integer(text: &str, name: &str) -> Result<i64, Reply> {
    text.parse().map_err(|_| {
        let message = format!("The value \"{text}\" of parameter \"{name}\" is not of type NUMBER.");
        error(422, code::WRONG_TYPE, &message)
    })
}
