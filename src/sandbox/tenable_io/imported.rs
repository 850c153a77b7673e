//! What the service keeps of an uploaded `.nessus` file. A reader of just what it serves back: names, addresses and
//! rows; whatever it does not understand is left out rather than refused.

/// An uploaded report.
#[derive(Debug, Clone, Default)]
pub struct Upload {
    /// The file as uploaded.
    pub bytes: Vec<u8>,
    /// Name of the report.
    pub name: String,
    /// Name of the policy.
    pub policy: String,
    /// When it was scanned, in Unix seconds, if the file says so.
    pub scanned: Option<i64>,
    /// Its hosts.
    pub hosts: Vec<UploadedHost>,
}

/// One host of an uploaded report.
#[derive(Debug, Clone, Default)]
pub struct UploadedHost {
    /// Name in the report.
    pub name: String,
    /// Host properties by name.
    pub tags: Vec<(String, String)>,
    /// Its rows.
    pub rows: Vec<UploadedRow>,
}

/// One row of an uploaded report.
#[derive(Debug, Clone, Default)]
pub struct UploadedRow {
    /// Attributes of the row.
    pub attributes: Vec<(String, String)>,
    /// Child elements in their order.
    pub children: Vec<(String, String)>,
}

impl UploadedHost {
    /// A host property.
    pub fn tag(&self, name: &str) -> Option<&str> {
        self.tags.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

impl UploadedRow {
    /// An attribute, or nothing.
    pub fn attribute(&self, name: &str) -> &str {
        self.attributes.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str()).unwrap_or_default()
    }

    /// Every child element of that name.
    pub fn children<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.children.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The first child element of that name, or nothing.
    pub fn child(&self, name: &str) -> &str {
        self.children.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str()).unwrap_or_default()
    }
}

/// Reads an upload; nothing if it is no `.nessus` document of version 2.
pub fn read(bytes: &[u8]) -> Option<Upload> {
    let text = std::str::from_utf8(bytes).ok()?;
    let start = text.find("<NessusClientData_v2")?;
    text.find("</NessusClientData_v2>")?;
    let mut upload = Upload { bytes: bytes.to_vec(), ..Upload::default() };
    let mut scanner = Scanner { rest: text.get(start..)? };
    let mut host: Option<UploadedHost> = None;
    let mut row: Option<UploadedRow> = None;
    while let Some(tag) = scanner.next_tag() {
        match tag.name {
            "policyName" => upload.policy = tag.text(&mut scanner),
            "Report" => upload.name = tag.attribute("name").unwrap_or_default(),
            "ReportHost" => {
                host =
                    Some(UploadedHost { name: tag.attribute("name").unwrap_or_default(), ..UploadedHost::default() });
            }
            "tag" => {
                if let (Some(host), Some(name)) = (&mut host, tag.attribute("name")) {
                    host.tags.push((name, tag.text(&mut scanner)));
                }
            }
            "ReportItem" => {
                let found = UploadedRow { attributes: tag.attributes(), children: Vec::new() };
                match (&mut host, tag.closed) {
                    (Some(host), true) => host.rows.push(found),
                    _ => row = Some(found),
                }
            }
            "/ReportItem" => {
                if let (Some(host), Some(row)) = (&mut host, row.take()) {
                    host.rows.push(row);
                }
            }
            "/ReportHost" => upload.hosts.extend(host.take()),
            name => {
                if let Some(row) = &mut row
                    && !name.starts_with('/')
                {
                    row.children.push((name.to_owned(), tag.text(&mut scanner)));
                }
            }
        }
    }
    upload.scanned = upload.hosts.iter().filter_map(scanned).max();
    Some(upload)
}

fn scanned(host: &UploadedHost) -> Option<i64> {
    if let Some(seconds) = host.tag("HOST_END_TIMESTAMP").and_then(|text| text.trim().parse().ok()) {
        return Some(seconds);
    }
    let written = host.tag("HOST_END").or_else(|| host.tag("HOST_START"))?;
    let time = jiff::civil::DateTime::strptime("%a %b %d %H:%M:%S %Y", written.trim()).ok()?;
    Some(time.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp().as_second())
}

struct Scanner<'a> {
    rest: &'a str,
}

struct Tag<'a> {
    name: &'a str,
    raw: &'a str,
    closed: bool,
}

impl<'a> Scanner<'a> {
    fn next_tag(&mut self) -> Option<Tag<'a>> {
        let start = self.rest.find('<')?;
        let inner = self.rest.get(start + 1..)?;
        // `>` is legal inside attribute values, which plugin names do use.
        let mut quote = None;
        let end = inner.char_indices().find_map(|(at, character)| match (quote, character) {
            (None, '"' | '\'') => {
                quote = Some(character);
                None
            }
            (Some(open), _) if open == character => {
                quote = None;
                None
            }
            (None, '>') => Some(at),
            _ => None,
        })?;
        self.rest = inner.get(end + 1..)?;
        let raw = inner.get(..end)?;
        let closed = raw.ends_with('/');
        let raw = raw.trim_end_matches('/');
        let name = raw.split(|character: char| character.is_whitespace()).next().unwrap_or_default();
        Some(Tag { name, raw, closed })
    }
}

impl Tag<'_> {
    /// The text up to the next tag.
    fn text(&self, scanner: &mut Scanner<'_>) -> String {
        if self.closed {
            return String::new();
        }
        let end = scanner.rest.find('<').unwrap_or(scanner.rest.len());
        let (text, rest) = scanner.rest.split_at(end);
        scanner.rest = rest;
        unescape(text)
    }

    fn attribute(&self, wanted: &str) -> Option<String> {
        self.attributes().into_iter().find(|(name, _)| name == wanted).map(|(_, value)| value)
    }

    fn attributes(&self) -> Vec<(String, String)> {
        let mut found = Vec::new();
        let mut rest = self.raw.get(self.name.len()..).unwrap_or_default();
        while let Some((name, after)) = rest.split_once('=') {
            let after = after.trim_start();
            let Some(quote) = after.chars().next().filter(|quote| matches!(quote, '"' | '\'')) else { break };
            let Some((value, next)) = after.get(1..).and_then(|after| after.split_once(quote)) else { break };
            found.push((name.trim().to_owned(), unescape(value)));
            rest = next;
        }
        found
    }
}

fn unescape(text: &str) -> String {
    text.replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&apos;", "'")
        .replace("&#xA;", "\n")
        .replace("&#10;", "\n")
        .replace("&amp;", "&")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::nessus;

    #[test]
    fn what_one_half_writes_the_other_reads() {
        let hosts = nessus::hosts::scan("192.0.2.12-192.0.2.14", 1, 1_700_000_000, 1_700_000_600);
        let text = nessus::report("a <b> & \"c\"", "Basic", "192.0.2.12-192.0.2.14", &hosts);
        let upload = read(text.as_bytes()).unwrap();
        assert_eq!(upload.name, "a <b> & \"c\"");
        assert_eq!(upload.policy, "Basic");
        assert_eq!(upload.scanned, Some(1_700_000_600));
        assert_eq!(upload.hosts.len(), 3);
        for (host, read) in hosts.iter().zip(&upload.hosts) {
            assert_eq!(read.name, host.name);
            assert_eq!(read.tag("host-ip"), Some(host.ip.as_str()));
            assert_eq!(read.rows.len(), host.findings.len());
            for (finding, row) in host.findings.iter().zip(&read.rows) {
                assert_eq!(row.attribute("pluginID"), finding.plugin.id.to_string());
                assert_eq!(row.attribute("pluginName"), finding.plugin.name);
                assert_eq!(row.child("plugin_output"), finding.output);
                assert_eq!(row.children("cve").collect::<Vec<_>>(), finding.plugin.cves);
            }
        }
    }

    #[test]
    fn other_writers_are_understood() {
        let text = "<NessusClientData_v2><Report name='r'><ReportHost name=\"h\"><HostProperties>\
            <tag name=\"HOST_END\">Tue Jun  1 12:00:00 2021</tag></HostProperties>\
            <ReportItem pluginID=\"1\" pluginName=\"a > b\" severity=\"0\"/>\
            <ReportItem pluginID=\"2\" severity=\"1\"><cve>CVE-1</cve><empty/></ReportItem>\
            </ReportHost></Report></NessusClientData_v2>";
        let upload = read(text.as_bytes()).unwrap();
        assert_eq!(upload.scanned, Some(1_622_548_800));
        assert_eq!(upload.hosts[0].rows.len(), 2);
        assert_eq!(upload.hosts[0].rows[0].attribute("pluginName"), "a > b");
        assert_eq!(upload.hosts[0].rows[1].child("cve"), "CVE-1");
        assert!(read(b"<html></html>").is_none());
        assert!(read(b"<NessusClientData_v2><Report>").is_none());
    }
}
