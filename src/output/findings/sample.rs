//! What the tests of the formats share: a place that can be looked at, and reports to write.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use super::{About, FindingFormat, Options, ReportWriter, open};
use crate::findings::{Compliance, Cvss, Decoded, Details, Emitter, Exploit, Host, Origin, Severity};

/// A place whose content can be looked at.
#[derive(Clone, Default)]
pub(super) struct Shared(Arc<Mutex<Vec<u8>>>);

impl Shared {
    /// Everything that was written.
    pub(super) fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A document that is being written.
pub(super) struct Document {
    pub(super) writer: Box<dyn ReportWriter>,
    place: Shared,
}

impl Document {
    pub(super) fn new(format: FindingFormat, options: &Options) -> Self {
        Self::of(|out| open(format, out, options))
    }

    pub(super) fn of(writer: impl FnOnce(Box<dyn Write + Send>) -> Box<dyn ReportWriter>) -> Self {
        let place = Shared::default();
        Self { writer: writer(Box::new(place.clone())), place }
    }

    /// Writes a report.
    pub(super) fn report(&mut self, about: &About, hosts: &[(Host<'_>, Vec<Details<'_>>)], complete: bool) {
        self.writer.begin(about).unwrap();
        let mut emitter = Emitter::new(&about.origin, &mut *self.writer);
        let mut findings = 0;
        for (host, rows) in hosts {
            emitter.host(host, rows).unwrap();
            findings += rows.len() as u64;
        }
        let decoded = Decoded { hosts: hosts.len() as u64, findings, ..Decoded::default() };
        self.writer.end(&decoded, complete).unwrap();
    }

    /// What there is at the end.
    pub(super) fn finish(mut self, complete: bool) -> String {
        self.writer.finish(complete).unwrap();
        self.place.text()
    }
}

/// One whole report as a document.
pub(super) fn document(
    format: FindingFormat,
    options: &Options,
    about: &About,
    hosts: &[(Host<'_>, Vec<Details<'_>>)],
) -> String {
    let mut document = Document::new(format, options);
    document.report(about, hosts, true);
    document.finish(true)
}

/// A run of Tenable VM.
pub(super) fn about() -> About {
    let text = |text: &str| Some(text.to_owned());
    About {
        origin: Origin {
            profile: text("io"),
            backend: text("tenable-io"),
            scan: text("219"),
            run: text("9f2c"),
            ..Origin::default()
        },
        address: "io/219@9f2c".to_owned(),
        name: text("Weekly DMZ"),
        started_at: "2026-11-20T01:00:00Z".parse().ok(),
        ended_at: "2026-11-20T02:10:00Z".parse().ok(),
        declared: Some(("scanctl.toml".to_owned(), 12)),
        ..About::default()
    }
}

/// A host with everything.
pub(super) fn web<'a>() -> Host<'a> {
    Host {
        name: "web01".into(),
        fqdn: Some("web01.example.org".into()),
        ip: Some("192.0.2.10".into()),
        ..Host::default()
    }
}

/// A finding with everything.
pub(super) fn library<'a>() -> Details<'a> {
    Details {
        port: Some(443),
        protocol: Some("tcp".into()),
        service: Some("www".into()),
        plugin_id: Some("156032".into()),
        plugin_name: Some("Example Library Multiple Vulnerabilities".into()),
        plugin_family: Some("CGI abuses".into()),
        severity: Severity::Critical,
        cvss2: Some(Cvss { base_score: Some(7.5), ..Cvss::default() }),
        cvss3: Some(Cvss {
            base_score: Some(9.8),
            vector: Some("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H".into()),
            ..Cvss::default()
        }),
        vpr: Some(9.2),
        epss: Some(0.94),
        cves: vec!["CVE-2021-0001".into(), "CVE-2021-0002".into()],
        cwes: vec!["502".into()],
        synopsis: Some("A library is old.".into()),
        description: Some("The remote host runs a version of the library with known flaws.".into()),
        solution: Some("Update the library.".into()),
        see_also: vec!["https://example.org/a".into(), "https://example.org/b?c=d".into()],
        output: Some("  Installed version : 1.0\n  Fixed version : 1.1".into()),
        exploit: Exploit { available: Some(true), ..Exploit::default() },
        first_seen: "2026-10-01T00:00:00Z".parse().ok(),
        last_seen: "2026-11-20T01:40:00Z".parse().ok(),
        state: Some("active".into()),
        ..Details::default()
    }
}

/// A finding with next to nothing.
pub(super) fn bare<'a>(plugin: &'a str, name: &'a str, severity: Severity) -> Details<'a> {
    Details { plugin_id: Some(plugin.into()), plugin_name: Some(name.into()), severity, ..Details::default() }
}

/// A check of an audit.
pub(super) fn check<'a>() -> Details<'a> {
    Details {
        port: Some(0),
        protocol: Some("tcp".into()),
        compliance: Some(Box::new(Compliance {
            check_id: Some("a1b2".into()),
            check_name: Some("1.1.1 Ensure that it is so".into()),
            result: Some("FAILED".into()),
            actual_value: Some("0".into()),
            ..Compliance::default()
        })),
        ..bare("21157", "Unix Compliance Checks", Severity::High)
    }
}

/// Texts that would do harm where they are not made harmless.
pub(super) const HOSTILE: [&str; 12] = [
    "\u{1b}[2J\u{1b}]0;title\u{7}",
    "\u{9b}31m\u{202e}gpj.exe",
    "=HYPERLINK(\"http://evil.example\")",
    "+1\t-2\r\n@SUM(A1)",
    "<script>alert(1)</script>&amp;]]>",
    "[click](http://evil.example) ![](http://evil.example/x.png) `code` **bold** | cell",
    "a\0b",
    "\"quoted\", 'single' \\ back\\slash",
    "\u{feff}\u{fffe}\u{e000}\u{10ffff}\u{2028}\u{2029}",
    "e\u{301}\u{200d}\u{1f469}\u{200d}\u{1f52c} 全角文字",
    " \n\t ",
    "../../etc/passwd https://user:pass@evil.example/a b",
];

/// A host and a finding that say this wherever they can.
pub(super) fn says(text: &str) -> (Host<'_>, Details<'_>) {
    let some = || Some(std::borrow::Cow::Borrowed(text));
    let host = Host { name: text.into(), fqdn: some(), ip: some(), ..Host::default() };
    let details = Details {
        protocol: some(),
        service: some(),
        plugin_id: some(),
        plugin_name: some(),
        plugin_family: some(),
        cvss3: Some(Cvss { base_score: Some(99.0), vector: some(), ..Cvss::default() }),
        vpr: Some(-1.0),
        epss: Some(7.0),
        cves: vec![text.into()],
        cwes: vec![text.into()],
        synopsis: some(),
        description: some(),
        solution: some(),
        see_also: vec![text.into()],
        output: some(),
        state: some(),
        ..Details::default()
    };
    (host, details)
}
