//! How the console says no: one JSON envelope, on the endpoints that answer plain text too.

use reqwest::header::HeaderMap;
use serde::Deserialize;
use serde_json::Value;

use crate::backends::wire::{Loose, plain_text};
use crate::exit::Exit;
use crate::http::VendorError;

/// "Not found" of an endpoint that is there.
pub const NOT_FOUND: i64 = 1002;
/// "Invalid, not permitted or in progress", depending on the endpoint.
pub const NOT_PERMITTED: i64 = 1005;

#[derive(Debug, Default, Deserialize)]
struct Envelope {
    /// The concrete error.
    #[serde(default)]
    message: Loose,
    /// What the code means on this endpoint.
    #[serde(default)]
    description: Loose,
    /// The endpoint's own code.
    #[serde(default)]
    code: Loose,
    /// The status once more, with generic words.
    #[serde(default)]
    http_response: Value,
}

/// Reads a refusal. Bodies of 401, 403 and 404 may be pages of whatever stands before the console.
pub fn refusal(status: u16, _headers: &HeaderMap, body: &[u8]) -> VendorError {
    let is_object = body.trim_ascii_start().starts_with(b"{");
    let envelope: Option<Envelope> = serde_json::from_slice(body).ok().filter(|_| is_object);
    let code = envelope.as_ref().and_then(|envelope| envelope.code.number());
    let text = match envelope {
        Some(Envelope { message, description, http_response, .. }) => {
            let generic = || http_response["message"].as_str().map(str::to_owned);
            message.owned().or_else(|| description.owned()).or_else(generic)
        }
        None => plain_text(body),
    };
    let removed = text.as_deref().is_some_and(|text| text.to_ascii_lowercase().contains("has been removed"));
    // Not found by an endpoint is 1002. Anything else comes from whatever found no endpoint.
    let gone = matches!(status, 404 | 410) && code != Some(NOT_FOUND);
    let exit = match status {
        422 if removed => Some(Exit::Config),
        // Numbers of its own for a parameter that is missing or invalid.
        419 | 420 => Some(Exit::Usage),
        _ if gone => Some(Exit::Unsupported),
        _ => None,
    };
    let hint = match status {
        422 if removed => Some(
            "set `api_version` of the profile to one that this console still serves; it lists them at /api/help/versions",
        ),
        401 => Some("the token or login is not recognised; a token ends on the date that was set with its service"),
        403 => Some("the account's user role or security profile lacks something that this call needs"),
        _ if gone => Some(
            "this console may no longer ship the scanner: its support ended with 7.5.0 Update Package 6; else check `base_url`",
        ),
        404 => Some("no such scan profile or run, or no access to it"),
        _ => None,
    };
    VendorError { text, code, exit, hint: hint.map(str::to_owned), ..VendorError::default() }
}
