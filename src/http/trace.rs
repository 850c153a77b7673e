//! What may be seen of a request: paths without query values, an allow-list of headers, cut bodies.

use reqwest::Url;
use reqwest::header::HeaderMap;

use crate::text::has_power;

/// Headers that help support and reveal nothing.
const ALLOWED: [&str; 10] = [
    "content-type",
    "content-length",
    "content-range",
    "date",
    "deprecated",
    "ratelimit",
    "retry-after",
    "server",
    "x-request-uuid",
    "cf-ray",
];

/// The longest excerpt of a body in a log or an error.
pub const EXCERPT: usize = 512;

/// Scheme, host, port and path; user information and query values are left out.
pub fn safe_url(url: &Url) -> String {
    let mut text = url.origin().ascii_serialization();
    text.push_str(url.path());
    if url.query().is_some() {
        let names: Vec<String> = url.query_pairs().map(|(name, _)| name.into_owned()).collect();
        text.push_str("?[");
        text.push_str(&names.join(","));
        text.push(']');
    }
    text
}

/// The allowed headers in one line.
pub fn safe_headers(headers: &HeaderMap) -> String {
    let mut shown = Vec::new();
    for name in ALLOWED {
        if let Some(value) = headers.get(name).and_then(|value| value.to_str().ok()) {
            shown.push(format!("{name}: {value}"));
        }
    }
    shown.join(", ")
}

/// The beginning of a body as text.
pub fn excerpt(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(&body[..body.len().min(EXCERPT)]);
    let mut text: String = text.trim().chars().map(|symbol| if has_power(symbol) { ' ' } else { symbol }).collect();
    if body.len() > EXCERPT {
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{excerpt, safe_url};

    #[test]
    fn urls_lose_user_information_and_query_values() {
        let url = "https://user:canary@example.org/scans/1?key=canary&sort=x".parse().unwrap();
        assert_eq!(safe_url(&url), "https://example.org/scans/1?[key,sort]");
    }

    #[test]
    fn excerpts_are_cut_and_harmless() {
        assert_eq!(excerpt(b"\x1b[31mred\r\n"), " [31mred");
        assert!(excerpt(&[b'x'; 2000]).chars().count() <= 513);
    }
}
