//! Result files as they are sent: the zip around a report, and the SCAP form. Not for what a report says.

use std::fmt::Write as _;
use std::io::{Cursor, Write as _};

use zip::write::SimpleFileOptions;

use super::world::Run;

/// A zip file with one member. It cannot fail: it is written to memory.
pub(super) fn zip(name: &str, content: &[u8]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(zip::CompressionMethod::Deflated);
    let written = writer.start_file(name, options).and_then(|()| Ok(writer.write_all(content)?));
    match written.and_then(|()| writer.finish()) {
        Ok(cursor) => cursor.into_inner(),
        Err(_) => Vec::new(),
    }
}

/// The results of a benchmark in a form that SCAP tools know: rules with their results, host by host.
pub(super) fn scap_results(run: &Run, now: f64) -> String {
    let mut text = String::from(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <asset-report-collection xmlns=\"http://scap.nist.gov/schema/asset-reporting-format/1.1\">\n<reports>\n",
    );
    for host in run.hosts(now) {
        let _ = writeln!(
            text,
            "<report id=\"{}\"><content><TestResult xmlns=\"http://checklists.nist.gov/xccdf/1.2\"><target>{}</target>",
            host.uuid, host.ip
        );
        for check in host.findings.iter().filter_map(|finding| finding.check) {
            let result = if check.result == "PASSED" { "pass" } else { "fail" };
            let _ = writeln!(text, "<rule-result idref=\"xccdf_{}\"><result>{result}</result></rule-result>", check.id);
        }
        text.push_str("</TestResult></content></report>\n");
    }
    text.push_str("</reports>\n</asset-report-collection>\n");
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read as _;

    #[test]
    fn a_zip_holds_its_one_member() {
        let bytes = zip("7.nessus", b"content");
        assert!(bytes.starts_with(b"PK\x03\x04"));
        let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).unwrap();
        assert_eq!(archive.len(), 1);
        let mut member = archive.by_index(0).unwrap();
        assert_eq!(member.name().unwrap(), "7.nessus");
        let mut text = String::new();
        member.read_to_string(&mut text).unwrap();
        assert_eq!(text, "content");
    }
}
