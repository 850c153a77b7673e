//! Where findings are, in words that SARIF has: a line of a file, a name of a host, a name of an analysis.

use std::collections::HashSet;
use std::fmt::Write as _;
use std::net::{IpAddr, Ipv6Addr};

use serde::Serialize;

use super::super::About;
use super::super::out::time;
use crate::findings::Details;

/// The line that declares the scan, as every finding of it has it.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Anchor {
    artifact_location: Artifact,
    region: Region,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
struct Artifact {
    uri: String,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Region {
    start_line: u64,
    start_column: u64,
    end_line: u64,
    end_column: u64,
}

impl Anchor {
    /// Of a report; line 1 of `scanctl.toml` where no file declares it.
    pub(super) fn of(about: &About) -> Self {
        let declared = about.declared.as_ref().and_then(|(path, line)| Some((relative(path)?, (*line).max(1))));
        let (uri, line) = declared.unwrap_or_else(|| ("scanctl.toml".to_owned(), 1));
        let region = Region { start_line: line, start_column: 1, end_line: line, end_column: 2 };
        Self { artifact_location: Artifact { uri }, region }
    }
}

/// A path as a relative reference, if it is one inside the folder that is analysed.
fn relative(path: &str) -> Option<String> {
    let parts: Vec<&str> = path.split('/').filter(|part| !matches!(*part, "" | ".")).collect();
    let inside = !path.starts_with('/') && !parts.is_empty() && !parts.contains(&"..");
    inside.then(|| parts.into_iter().map(escaped).collect::<Vec<_>>().join("/"))
}

/// Percent-encoded but for what is never special in an address.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            escaped.push(char::from(byte));
        } else {
            let _infallible = write!(escaped, "%{byte:02X}");
        }
    }
    escaped
}

/// The name of an analysis. What stands before the last slash is the category by which GitHub knows which older
/// analysis this one replaces.
pub(super) struct AutomationId {
    pub(super) category: String,
    pub(super) full: String,
}

/// `scanctl/PROFILE/SCAN/RUN`, each part escaped. A local file has no profile, its path as it was given stands for the
/// scan, since files of several scans may share a name, and the time of its end for the run.
pub(super) fn automation_id(about: &About, further: &str) -> AutomationId {
    let origin = &about.origin;
    let known = |text: Option<&str>| text.map(escaped).filter(|text| !text.is_empty());
    let profile = known(origin.profile.as_deref()).unwrap_or_else(|| "file".to_owned());
    let scan = known(origin.scan.as_deref())
        .or_else(|| known(about.file.as_deref().map(normalised).as_deref()))
        .or_else(|| known(about.name.as_deref()))
        .or_else(|| known(origin.run.as_deref()))
        .unwrap_or_else(|| "unnamed".to_owned());
    let ended = time(about.ended_at.or(about.started_at)).map(|ended| ended.strftime("%Y%m%dT%H%M%SZ").to_string());
    let run = known(origin.run.as_deref()).or(ended).unwrap_or_else(|| "latest".to_owned());
    let category = format!("scanctl/{profile}/{scan}{further}");
    let full = format!("{category}/{run}");
    AutomationId { category, full }
}

/// A path in the one spelling that names it, without looking at the disk.
fn normalised(path: &str) -> String {
    let start = if path.starts_with(['/', '\\']) { "/" } else { "" };
    let parts = path.split(['/', '\\']).filter(|part| !matches!(*part, "" | "."));
    format!("{start}{}", parts.collect::<Vec<_>>().join("/"))
}

/// `host:443/tcp`; none where the host has no name at all.
pub(super) fn qualified(host: &str, details: &Details<'_>) -> Option<String> {
    if host.is_empty() {
        return None;
    }
    let host = if host.parse::<Ipv6Addr>().is_ok() { format!("[{host}]") } else { host.to_owned() };
    Some(match port(details) {
        Some(port) => format!("{host}:{port}"),
        None => host,
    })
}

/// `443/tcp`; none where the finding concerns the host as a whole.
pub(super) fn port(details: &Details<'_>) -> Option<String> {
    let port = details.port.filter(|port| *port > 0)?;
    Some(match super::result::line(details.protocol.as_deref().unwrap_or_default(), 20) {
        Some(protocol) => format!("{port}/{protocol}"),
        None => port.to_string(),
    })
}

/// A text without the hosts that it names, because it stands for all of them.
pub(super) fn without_places(text: &str, places: &HashSet<&str>) -> Option<String> {
    let is_word = |symbol: char| symbol.is_ascii_alphanumeric() || matches!(symbol, '_' | '.' | ':' | '-');
    let mut result = String::new();
    let mut found = false;
    let mut rest = text;
    while !rest.is_empty() {
        let start = rest.find(is_word).unwrap_or(rest.len());
        let (between, after) = rest.split_at(start);
        result.push_str(between);
        let end = after.find(|symbol| !is_word(symbol)).unwrap_or(after.len());
        let (word, after) = after.split_at(end);
        if is_place(word, &result, after, places) {
            result.push_str("(host)");
            found = true;
        } else {
            result.push_str(word);
        }
        rest = after;
    }
    found.then_some(result)
}

/// Whether a word names a host. A name with dots always does; a bare one, which may be any word, does after `on` where
/// nothing more is said of it.
fn is_place(word: &str, before: &str, after: &str, places: &HashSet<&str>) -> bool {
    let word = word.to_ascii_lowercase();
    let word = word.trim_matches(['.', ':', '-']);
    let (name, number) = match word.rsplit_once(':') {
        Some((name, number)) if !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()) => (name, true),
        _ => (word, false),
    };
    let is_known = |name: &str| places.contains(name);
    if (word.contains(['.', ':']) && is_known(word)) || (name.contains(['.', ':']) && is_known(name)) {
        return true;
    }
    if before.ends_with('(') && word.parse::<IpAddr>().is_ok() {
        return true;
    }
    let follows = after.trim_start_matches(' ');
    let is_end = number || follows.is_empty() || follows.starts_with('(');
    let before = before.to_ascii_lowercase();
    is_end && is_known(name) && (before.ends_with(" on ") || before == "on ")
}

#[cfg(test)]
mod tests {
    use super::super::super::sample::about;
    use super::*;
    use crate::findings::Origin;

    #[test]
    fn a_location_is_a_relative_reference() {
        let uri = |path: &str, line| {
            let Anchor { artifact_location, region } =
                Anchor::of(&About { declared: Some((path.to_owned(), line)), ..About::default() });
            (artifact_location.uri, region.start_line, region.end_line)
        };
        let expected = |uri: &str, line| (uri.to_owned(), line, line);
        assert_eq!(uri("conf/scan ctl.toml", 12), expected("conf/scan%20ctl.toml", 12));
        assert_eq!(uri("./a:b.toml", 0), expected("a%3Ab.toml", 1));
        for outside in ["/etc/scanctl.toml", "../scanctl.toml", "a/../../b", "", "."] {
            assert_eq!(uri(outside, 7), expected("scanctl.toml", 1));
        }
        assert_eq!(Anchor::of(&About::default()).artifact_location.uri, "scanctl.toml");
    }

    #[test]
    fn an_analysis_is_named_by_profile_scan_and_run() {
        let id = |about: &About| automation_id(about, "").full;
        assert_eq!(id(&about()), "scanctl/io/219/9f2c");
        assert_eq!(automation_id(&about(), "~2").category, "scanctl/io/219~2");
        let origin = |scan: Option<&str>, run: Option<&str>| Origin {
            profile: Some("sc".to_owned()),
            scan: scan.map(str::to_owned),
            run: run.map(str::to_owned),
            ..Origin::default()
        };
        assert_eq!(id(&About { origin: origin(None, Some("8")), ..about() }), "scanctl/sc/Weekly%20DMZ/8");
        assert_eq!(
            id(&About { origin: origin(Some("a/b c"), None), ..about() }),
            "scanctl/sc/a%2Fb%20c/20261120T021000Z"
        );
        assert_eq!(id(&About { origin: origin(None, Some("8")), ..About::default() }), "scanctl/sc/8/8");
        let file = |path: &str| About { file: Some(path.to_owned()), ..About::default() };
        assert_eq!(id(&file("dmz weekly.nessus")), "scanctl/file/dmz%20weekly.nessus/latest");
        for path in ["exports/a.nessus", "./exports//a.nessus", ".\\exports\\a.nessus"] {
            assert_eq!(id(&file(path)), "scanctl/file/exports%2Fa.nessus/latest");
        }
        // Uploading the one must not close the alerts of another that has its name.
        for path in ["a.nessus", "other/a.nessus", "../exports/a.nessus", "/exports/a.nessus"] {
            assert_ne!(id(&file(path)), id(&file("exports/a.nessus")));
        }
        // What it is compared with is no part of its name.
        let compared = About { address: "./a.nessus since ./b.nessus".to_owned(), ..file("./a.nessus") };
        assert_eq!(id(&compared), id(&file("a.nessus")));
        assert_eq!(id(&file("")), "scanctl/file/unnamed/latest");
    }

    #[test]
    fn rules_name_no_host() {
        let places = HashSet::from(["web01.example.org", "192.0.2.1", "2001:db8::1", "windows", ""]);
        let scrubbed = |text: &str| without_places(text, &places).unwrap_or_default();
        for (text, expected) in [
            ("Flaw on WEB01.example.org.", "Flaw on (host)"),
            ("Flaw on web01.example.org:443 found", "Flaw on (host) found"),
            ("192.0.2.1 is down", "(host) is down"),
            ("v6 [2001:db8::1] too", "v6 [(host)] too"),
            ("Old service on windows", "Old service on (host)"),
            ("On windows (2019)", "On (host) (2019)"),
            ("on windows:445", "on (host)"),
            ("Backdoor on x (198.51.100.7)", "Backdoor on x ((host))"),
        ] {
            assert_eq!(scrubbed(text), expected);
        }
        for text in ["Windows is old", "Flaws on windows servers", "Version 192.0.2.10", "example.org", "Python is", ""]
        {
            assert_eq!(without_places(text, &places), None, "{text}");
        }
    }
}
