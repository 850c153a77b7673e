//! The envelope `{success, errors, messages, result}` around every answer, and what a gateway sends instead.

use crate::sandbox::Reply;
use serde_json::{Value, json};

/// Codes of errors. `NO_METHOD`, `NO_CONFIG` and `INVALID` are nowhere documented for these operations.
pub(super) mod code {
    pub const NO_CONFIG: u32 = 1001;
    pub const INVALID: u32 = 1002;
    pub const BAD_HEADERS: u32 = 6003;
    pub const NO_METHOD: u32 = 7001;
    pub const NO_ROUTE: u32 = 7003;
    pub const UNKNOWN_KEY: u32 = 9103;
    pub const MISSING_KEY: u32 = 9106;
    pub const UNAUTHORIZED: u32 = 9109;
    pub const AUTHENTICATION: u32 = 10_000;
}

/// JSON as it is.
pub(super) fn json(status: u16, value: &Value) -> Reply {
    Reply {
        status,
        headers: vec![("Content-Type", "application/json".to_owned())],
        body: value.to_string().into_bytes(),
    }
}

/// A success of list, create and update, whose errors and messages would be objects.
pub(super) fn success(result: &Value) -> Reply {
    json(200, &json!({"success": true, "errors": [], "messages": [], "result": result}))
}

/// A success of delete and results, whose errors and messages are bare strings.
pub(super) fn success_with_strings(result: &Value, messages: &[&str]) -> Reply {
    json(200, &json!({"success": true, "errors": [], "messages": messages, "result": result}))
}

/// A refusal.
pub(super) fn failure(status: u16, code: u32, message: &str) -> Reply {
    fail(status, &json!({"code": code, "message": message}))
}

/// A refusal of a member of the body.
pub(super) fn failure_at(status: u16, code: u32, message: &str, pointer: &str) -> Reply {
    fail(status, &json!({"code": code, "message": message, "source": {"pointer": pointer}}))
}

fn fail(status: u16, error: &Value) -> Reply {
    json(status, &json!({"success": false, "errors": [error], "messages": [], "result": null}))
}

/// A page of the edge in front of the API.
pub(super) fn gateway(status: u16) -> Reply {
    let page = format!(
        "<!DOCTYPE html>\n<html lang=\"en-US\"><head><title>api.cloudflare.com | {status}</title></head>\n\
         <body><h1>Error {status}</h1></body></html>\n"
    );
    Reply { status, headers: vec![("Content-Type", "text/html; charset=UTF-8".to_owned())], body: page.into_bytes() }
}
