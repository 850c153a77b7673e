//! How a Security Center says no: 403 for nearly everything, and a code that tells a family of reasons.
//!
//! Missing objects are 403 with code 147, or with 146 and a text; an expired session is 403 with code 12 and JSON that
//! calls itself HTML; API keys that nobody has are 403 with code 0 and no text. A mail that could not be sent is 200
//! with code 0, and only the text tells. So the code never stands alone, and the text decides only where it says that
//! something does not exist, or that somebody may not.

use reqwest::header::HeaderMap;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::backends::wire::{Loose, plain_text};
use crate::exit::Exit;
use crate::http::{Dialect, VendorError};

/// The dialect of both.
pub const DIALECT: Dialect = Dialect { refusal, error_in_success, request_id: None };

/// The session token is missing, wrong or expired.
const INVALID_TOKEN: i64 = 12;
/// The data of a result is missing, expired or still being written.
const NO_DATA: i64 = 143;
/// Most refusals: a bad value, a missing right, a wrong state.
pub const REFUSED: i64 = 146;
/// No such object, or none that this user may see.
const MISSING: i64 = 147;

#[derive(Debug, Deserialize)]
struct Verdict<'a> {
    #[serde(borrow)]
    response: Option<&'a RawValue>,
    #[serde(default)]
    error_code: Loose,
    #[serde(default)]
    error_msg: Loose,
}

impl Verdict<'_> {
    fn code(&self) -> Option<i64> {
        self.error_code.number()
    }

    /// The vendor's sentences, one a line there, in one line here.
    fn text(&self) -> Option<String> {
        let lines = self.error_msg.text()?.lines().map(str::trim).filter(|line| !line.is_empty());
        Some(lines.collect::<Vec<_>>().join(" ")).filter(|text| !text.is_empty())
    }

    fn is_empty(&self) -> bool {
        self.response.is_none_or(|response| matches!(response.get(), "\"\"" | "null" | "[]"))
    }
}

fn refusal(status: u16, _headers: &HeaderMap, body: &[u8]) -> VendorError {
    match serde_json::from_slice::<Verdict<'_>>(body) {
        Ok(verdict) => meaning(status, verdict.code(), verdict.text()),
        Err(_no_envelope) => VendorError { text: plain_text(body), ..VendorError::default() },
    }
}

fn error_in_success(body: &[u8]) -> Option<VendorError> {
    let verdict: Verdict<'_> = serde_json::from_slice(body).ok()?;
    match verdict.code() {
        Some(0) | None => {
            let text = verdict.text().filter(|_| verdict.is_empty())?;
            let exit = says(&text, &["does not exist"]).then_some(Exit::NotFound);
            Some(VendorError { exit, text: Some(text), ..VendorError::default() })
        }
        code => {
            // The same families of reasons as under the status that refusals have.
            let meaning = meaning(403, code, verdict.text());
            Some(VendorError { exit: meaning.exit.or(Some(Exit::Auth)), ..meaning })
        }
    }
}

fn meaning(status: u16, code: Option<i64>, text: Option<String>) -> VendorError {
    let said = |words: &[&str]| text.as_deref().is_some_and(|text| says(text, words));
    let hint = |words: &str| Some(words.to_owned());
    let (exit, hint) = match (status, code) {
        (403, Some(INVALID_TOKEN)) => {
            return VendorError { text, code, expired_session: true, ..VendorError::default() };
        }
        (403, _) if code == Some(MISSING) || said(&["does not exist"]) => {
            (Some(Exit::NotFound), hint("it does not exist, or this user has no access to it"))
        }
        (403, Some(NO_DATA)) => (Some(Exit::InvalidState), None),
        (403, Some(REFUSED)) => {
            // One code for "that value is no good", "you may not" and a wrong password; only the text tells.
            let may_not = said(&["have access", "access denied", "no access", "permission", "not authorized", "login"]);
            (Some(if may_not { Exit::Auth } else { Exit::Usage }), None)
        }
        (403, Some(0)) if text.is_none() => {
            (None, hint("the keys are not accepted: check them, and that they belong to this `base_url`"))
        }
        (400, _) if said(&["api key", "apikey"]) => (
            None,
            hint(
                "an administrator of the product must allow API keys; a login with `username` and `password` needs no such permission",
            ),
        ),
        _ => (None, None),
    };
    VendorError { text, code, exit, hint, ..VendorError::default() }
}

fn says(text: &str, words: &[&str]) -> bool {
    let text = text.to_ascii_lowercase();
    words.iter().any(|word| text.contains(word))
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderMap;

    use super::{error_in_success, refusal};
    use crate::exit::Exit;
    use crate::http::VendorError;

    fn envelope(code: i64, text: &str) -> Vec<u8> {
        let text = serde_json::Value::from(text);
        format!(
            r#"{{"type":"regular","response":"","error_code":{code},"error_msg":{text},"warnings":[],"timestamp":1}}"#
        )
        .into_bytes()
    }

    fn refused(status: u16, code: i64, text: &str) -> VendorError {
        refusal(status, &HeaderMap::new(), &envelope(code, text))
    }

    #[test]
    fn every_documented_refusal_gets_its_exit_code_and_keeps_code_and_text() {
        for (status, code, text, exit) in [
            (403, 147, "Unable to find existing Scan #31 to delete.\nScan #31 does not exist.\n", Some(Exit::NotFound)),
            (403, 146, "Delete Organization failed.\nOrganization #66 does not exist.\n", Some(Exit::NotFound)),
            (403, 147, "Scan #9 cannot be shown.\n", Some(Exit::NotFound)),
            (403, 146, "Invalid value for attribute 'maxScanTime'.\n", Some(Exit::Usage)),
            (
                403,
                146,
                "Group 'a' does not have access to the repository that contains the scan result.\n",
                Some(Exit::Auth),
            ),
            (403, 146, "Invalid login credentials.\n", Some(Exit::Auth)),
            (403, 143, "Unable to process vuln query.\n", Some(Exit::InvalidState)),
            (403, 0, "", None),
            (403, 1, "Something else.\n", None),
            (400, 146, "API keys and a session token cannot be used together.", None),
            (404, 146, "The resource 'mgmt' is invalid.", None),
        ] {
            let error = refused(status, code, text);
            let line = text.trim().replace('\n', " ");
            assert_eq!((error.exit, error.code), (exit, Some(code)), "{text}");
            assert_eq!(error.text.as_deref().unwrap_or_default(), line);
            assert!(!error.expired_session && !error.throttled);
        }
        assert!(refused(403, 0, "").hint.unwrap().contains("keys are not accepted"));
    }

    #[test]
    fn only_code_12_means_a_new_login() {
        let error = refused(403, 12, "This request contains an invalid token.");
        assert!(error.expired_session);
        assert_eq!(error.text.as_deref(), Some("This request contains an invalid token."));
        assert!(!refused(500, 12, "").expired_session);
    }

    #[test]
    fn what_is_no_envelope_gives_its_title() {
        let error =
            refusal(503, &HeaderMap::new(), b"<html><head><title>503 Service Unavailable</title></head></html>");
        assert_eq!((error.text.as_deref(), error.code, error.exit), (Some("503 Service Unavailable"), None, None));
        assert!(refusal(403, &HeaderMap::new(), b"").text.is_none());
    }

    #[test]
    fn a_refusal_inside_a_200_is_found_and_nothing_else_is() {
        let mail = error_in_success(&envelope(0, "Unable to send the mail.\nNo server.\n")).unwrap();
        assert_eq!((mail.text.as_deref(), mail.exit), (Some("Unable to send the mail. No server."), None));
        let missing = error_in_success(&envelope(147, "Scan #1 does not exist.\n")).unwrap();
        assert_eq!((missing.exit, missing.code), (Some(Exit::NotFound), Some(147)));
        assert_eq!(error_in_success(&envelope(99, "No.")).unwrap().exit, Some(Exit::Auth));
        assert!(error_in_success(&envelope(12, "Invalid token.")).unwrap().expired_session);
        for fine in [
            &envelope(0, "")[..],
            br#"{"response":{"id":"8"},"error_code":0,"error_msg":"a remark"}"#,
            br#"{"response":[],"error_code":0,"error_msg":""}"#,
            b"<html></html>",
            b"PK\x03\x04",
            b"",
        ] {
            assert!(error_in_success(fine).is_none(), "{}", String::from_utf8_lossy(fine));
        }
    }
}
