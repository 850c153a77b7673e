//! What Cloudflare sends: one envelope around everything, configs, and the latest open ports.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::time::Duration;

use reqwest::header::HeaderMap;
use serde::Deserialize;
use serde_json::Value;

use crate::backends::wire::{Loose, null_as_default, plain_text};
use crate::exit::Exit;
use crate::http::{VendorError, retry};
use crate::model::{Scan, ScanId};

/// Over the limit, everything of the user is blocked for this long.
const BLOCK: Duration = Duration::from_secs(300);
/// The entitlement without which every call of this API fails, by the text of the failure.
const ENTITLEMENT: &str = "cfone.port_scan";
/// "Please wait and consider throttling", under any status.
const THROTTLED: i64 = 971;
/// "No route": something in the path is not what it should be.
const NO_ROUTE: i64 = 7003;
/// Authentication failed, not authorised, unknown or missing key, malformed header; under 400, 401 or 403.
const AUTH: [i64; 5] = [10_000, 9109, 9103, 9106, 6003];

/// The envelope. A `success` that is false is a refusal, found before by [`error_in_success`].
#[derive(Debug, Deserialize)]
pub struct Envelope<T> {
    #[serde(default)]
    success: Value,
    /// Warnings, in an answer that is a success; objects or texts.
    #[serde(default)]
    errors: Value,
    #[serde(default)]
    messages: Value,
    /// What was asked for.
    pub result: Option<T>,
}

impl<T> Envelope<T> {
    /// Whether it says that the call was a success, without which no status is one.
    pub fn succeeded(&self) -> bool {
        self.success == Value::Bool(true)
    }

    /// Whether nothing being there means that there is nothing: a result may be left out of an envelope, the rest of the
    /// envelope may not.
    pub fn is_whole(&self) -> bool {
        self.result.is_some() || (self.errors.is_array() && self.messages.is_array())
    }

    /// What a success complains about.
    pub fn warnings(&self) -> Vec<String> {
        said(&self.errors).into_iter().map(|said| format!("Cloudflare warns: {}", said.text)).collect()
    }
}

struct Said {
    code: Option<i64>,
    text: String,
}

/// The items of `errors` or `messages`: objects on most calls, texts on others, an empty object where there are none.
fn said(items: &Value) -> Vec<Said> {
    match items {
        Value::Array(items) => items.iter().flat_map(said).collect(),
        Value::String(text) if !text.is_empty() => vec![Said { code: None, text: text.clone() }],
        Value::Object(item) => {
            let code = item.get("code").and_then(|code| serde_json::from_value::<Loose>(code.clone()).ok()?.number());
            let text = item.get("message").and_then(Value::as_str).filter(|text| !text.is_empty());
            match (code, text) {
                (None, None) => Vec::new(),
                (Some(number), None) => vec![Said { code, text: format!("code {number}") }],
                (_, Some(text)) => vec![Said { code, text: text.to_owned() }],
            }
        }
        _ => Vec::new(),
    }
}

/// Reads an answer that is not 2xx.
pub fn refusal(status: u16, headers: &HeaderMap, body: &[u8]) -> VendorError {
    let read = meaning(status, body);
    let pause = if status == 429 || read.throttled { pause(status, headers) } else { None };
    VendorError { pause, ..read }
}

/// Finds the refusal in a 2xx answer: the status alone does not tell.
pub fn error_in_success(body: &[u8]) -> Option<VendorError> {
    #[derive(Deserialize)]
    struct Outcome {
        success: Option<bool>,
    }
    let outcome: Outcome = serde_json::from_slice(body).ok()?;
    (outcome.success == Some(false)).then(|| meaning(200, body))
}

fn meaning(status: u16, body: &[u8]) -> VendorError {
    let parsed: Option<Value> = serde_json::from_slice(body).ok();
    let (items, text) = match &parsed {
        None => (Vec::new(), plain_text(body)),
        Some(envelope) => {
            let mut items = said(&envelope["errors"]);
            if items.is_empty() {
                items = said(&envelope["messages"]);
            }
            let texts: Vec<&str> = items.iter().map(|item| item.text.as_str()).collect();
            let text = Some(texts.join("; ")).filter(|text| !text.is_empty());
            (items, text.or_else(|| envelope.as_str().map(str::to_owned)))
        }
    };
    let has = |code: i64| items.iter().any(|item| item.code == Some(code));
    let says = |words: &str| text.as_deref().is_some_and(|text| text.to_ascii_lowercase().contains(words));
    let unentitled = String::from_utf8_lossy(body).contains(ENTITLEMENT);
    // One code for what a token may never do and for a passing failure; only the words differ.
    let not_for_token = has(10_001) && says("not allowed for token");
    let is_auth = matches!(status, 401 | 403) || AUTH.into_iter().any(has) || not_for_token;
    let (exit, hint) = if unentitled {
        let hint = "missing entitlement: the account needs `cfone.port_scan`, which comes with a Cloudforce One \
                    subscription; the credentials themselves may be right";
        (Some(Exit::Auth), Some(hint))
    } else if has(9103) || has(9106) {
        (Some(Exit::Auth), Some("`email` and `api_key` belong together; a token is not a Global API key"))
    } else if is_auth {
        let hint = "the credentials must belong to `account_id`, and a token needs the permission group Cloudforce One \
                    Write, or Read for commands that only look";
        (Some(Exit::Auth), Some(hint))
    } else if has(NO_ROUTE) {
        // The path is ours except for two ids. One that names no config is "not found" to the call itself, so what
        // cannot be routed is the account's: a value of the profile.
        (Some(Exit::Config), Some("this is usually a wrong `account_id` of the profile"))
    } else if status == 404 {
        (None, Some("no such scan config, or no access to it"))
    } else {
        (None, None)
    };
    VendorError {
        code: items.iter().find_map(|item| item.code),
        text,
        exit,
        hint: hint.map(str::to_owned),
        throttled: has(THROTTLED),
        ..VendorError::default()
    }
}

/// How long to be silent where no `Retry-After` says it: until the allowance is renewed, else as long as a block lasts.
fn pause(status: u16, headers: &HeaderMap) -> Option<Duration> {
    if retry::retry_after(headers).is_some() {
        return None;
    }
    let block = (status == 429).then_some(BLOCK);
    reset(headers).or(block)
}

/// The seconds `t` of `Ratelimit: "default";r=0;t=30`, of the longest wait among the exhausted ones.
fn reset(headers: &HeaderMap) -> Option<Duration> {
    let policies = headers.get_all("ratelimit").iter().filter_map(|value| value.to_str().ok());
    let limits: Vec<(Option<u64>, u64)> = policies
        .flat_map(|text| text.split(','))
        .filter_map(|limit| {
            let value = |name: &str| {
                let value = limit.split(';').find_map(|part| part.trim().strip_prefix(name)?.strip_prefix('='));
                value.and_then(|value| value.trim().parse().ok())
            };
            Some((value("r"), value("t")?))
        })
        .collect();
    let exhausted = limits.iter().filter(|(left, _)| *left == Some(0)).map(|(_, reset)| *reset).max();
    exhausted.or_else(|| limits.iter().map(|(_, reset)| *reset).max()).map(Duration::from_secs)
}

/// A scan config. All fields are documented as always there; the order of the lists is not.
#[derive(Debug, Deserialize)]
pub struct Config {
    #[serde(default)]
    id: Loose,
    #[serde(default, deserialize_with = "null_as_default")]
    ips: Vec<Loose>,
    #[serde(default, deserialize_with = "null_as_default")]
    ports: Vec<Loose>,
    /// Days between scans, 0 for one scan; a JSON number that may be written as 7.0.
    #[serde(default)]
    frequency: Loose,
}

impl Config {
    /// Its id, without which it cannot be addressed.
    pub fn id(&self) -> Option<ScanId> {
        self.id.text().map(ScanId::new)
    }

    /// Addresses and blocks.
    pub fn ips(&self) -> Vec<String> {
        self.ips.iter().filter_map(Loose::owned).collect()
    }

    /// Ports and ranges, `default` or `all`.
    pub fn ports(&self) -> Vec<String> {
        self.ports.iter().filter_map(Loose::owned).collect()
    }

    /// Days between scans, 0 for one scan.
    pub fn days(&self) -> Option<f64> {
        self.frequency.text()?.trim().parse().ok()
    }

    /// Whether it scans once.
    pub fn is_one_off(&self) -> bool {
        self.frequency.number() == Some(0)
    }

    /// The stored scan.
    pub fn scan(&self) -> Option<Scan> {
        let schedule = match (self.frequency.number(), self.frequency.text()) {
            (Some(0), _) => Some("one-off".to_owned()),
            (Some(1), _) => Some("every 1 day".to_owned()),
            (Some(days), _) => Some(format!("every {days} days")),
            (None, text) => text.map(|days| format!("every {days} days")),
        };
        Some(Scan {
            scan: self.id()?,
            name: None,
            enabled: None,
            schedule,
            targets: Some(self.ips()),
            last_run: None,
            fields: None,
        })
    }
}

/// One port of an address.
#[derive(Debug, Deserialize)]
pub struct OpenPort {
    /// The port; a JSON number that may be written as 8080.0.
    #[serde(default)]
    pub number: Loose,
    /// `tcp`; no others are documented, and none are ruled out.
    #[serde(default)]
    pub proto: Loose,
    /// `open`; no others are documented, and none are ruled out.
    #[serde(default)]
    pub status: Loose,
}

/// The latest result: a map whose keys are the scanned addresses.
pub type OpenPorts = BTreeMap<String, Option<Vec<OpenPort>>>;

/// What a result amounts to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// Addresses with at least one port.
    pub addresses: usize,
    /// Ports of all of them.
    pub ports: usize,
    /// The same for equal results in any order, within one run of the program.
    pub digest: String,
}

/// Sums a result up. `null` and an empty map are the same.
pub fn sum_up(result: Option<&OpenPorts>) -> Summary {
    let mut summary = Summary { addresses: 0, ports: 0, digest: String::new() };
    let mut hasher = DefaultHasher::new();
    for (address, ports) in result.into_iter().flatten() {
        let mut ports: Vec<_> = ports
            .iter()
            .flatten()
            .map(|port| (port.number.number(), port.number.text(), port.proto.text(), port.status.text()))
            // 8080 and 8080.0 are the same port.
            .map(|(number, text, proto, status)| (number, text.filter(|_| number.is_none()), proto, status))
            .collect();
        ports.sort_unstable();
        summary.addresses += usize::from(!ports.is_empty());
        summary.ports += ports.len();
        (address, ports).hash(&mut hasher);
    }
    summary.digest = format!("{:016x}", hasher.finish());
    summary
}
