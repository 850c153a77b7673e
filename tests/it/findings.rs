//! Reports through the library's front door: every wrapping, every encoding, what is no report, and the simulated
//! vendors' own documents read back.

use std::fmt::Write as _;
use std::io::{Cursor, Read, Write as _};
use std::path::PathBuf;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use scanctl::error::{Error, Result};
use scanctl::exit::Exit;
use scanctl::findings::{Chunks, Decoded, Finding, FindingSink, Origin, Severity, decode};
use scanctl::sandbox::nessus;
use zip::write::{SimpleFileOptions, ZipWriter};

#[derive(Default)]
struct Rows(Vec<String>);

impl FindingSink for Rows {
    fn finding(&mut self, finding: &Finding<'_>) -> Result<()> {
        self.0.push(format!("{} {:?} {:?}", finding.id, finding.host, finding.details));
        Ok(())
    }
}

fn read(source: impl Read + Send) -> (Vec<String>, Decoded) {
    let mut rows = Rows::default();
    let decoded = decode(source, &Origin::default(), &mut rows).unwrap();
    (rows.0, decoded)
}

fn problem(source: &[u8]) -> String {
    let (_, decoded) = read(source);
    let problem = decoded.problem.unwrap_or_else(|| panic!("{:?} was read", String::from_utf8_lossy(source)));
    assert_eq!(problem.exit(), Exit::BadData);
    problem.one_line()
}

fn hosts() -> Vec<nessus::Host> {
    nessus::hosts::scan("192.0.2.0/28,db.example.org", 1, 1_700_000_000, 1_700_000_600)
}

fn report() -> String {
    nessus::report("Größe & <more>", "policy", "192.0.2.0/28", &hosts())
}

fn zipped(members: &[(&str, &[u8])], streamed: bool) -> Vec<u8> {
    fn fill<W: std::io::Write + std::io::Seek>(mut writer: ZipWriter<W>, members: &[(&str, &[u8])]) -> W {
        for (name, content) in members {
            writer.start_file(*name, SimpleFileOptions::default()).unwrap();
            writer.write_all(content).unwrap();
        }
        writer.finish().unwrap()
    }
    if streamed {
        fill(ZipWriter::new_stream(Vec::new()), members).into_inner()
    } else {
        fill(ZipWriter::new(Cursor::new(Vec::new())), members).into_inner()
    }
}

fn gzipped(content: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

fn utf_16(text: &str, bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
    text.encode_utf16().flat_map(bytes).collect()
}

#[test]
fn the_simulated_vendors_reports_are_read_back() {
    struct Check(Vec<(String, nessus::Finding)>);
    impl FindingSink for Check {
        fn finding(&mut self, finding: &Finding<'_>) -> Result<()> {
            let (address, expected) = self.0.remove(0);
            let details = finding.details;
            assert_eq!(finding.host.ip.as_deref(), Some(address.as_str()));
            assert_eq!(details.plugin_id.as_deref(), Some(expected.plugin.id.to_string().as_str()));
            assert_eq!(details.plugin_name.as_deref(), Some(expected.plugin.name));
            assert_eq!(details.severity, Severity::ALL[usize::from(expected.severity())]);
            assert_eq!((details.port, details.protocol.as_deref()), (Some(expected.port), Some(expected.protocol)));
            assert_eq!(details.output.as_deref().unwrap_or_default(), expected.output);
            assert_eq!(details.solution.as_deref(), Some(expected.plugin.solution));
            assert_eq!(details.cves, expected.plugin.cves);
            assert_eq!(details.see_also, expected.plugin.see_also);
            assert_eq!(details.exploit.available, expected.plugin.exploit);
            let scores = [&details.cvss2, &details.cvss3, &details.cvss4].map(|cvss| {
                cvss.as_ref().map(|cvss| (cvss.base_score.unwrap(), cvss.vector.as_deref().unwrap().to_owned()))
            });
            let plugin = expected.plugin;
            let wanted = [plugin.cvss2, plugin.cvss3, plugin.cvss4]
                .map(|cvss| cvss.map(|cvss| (cvss.score.parse::<f64>().unwrap(), cvss.vector.to_owned())));
            assert_eq!(scores, wanted);
            let checked = details.compliance.as_ref().map(|check| {
                [&check.check_id, &check.check_name, &check.result, &check.actual_value, &check.info]
                    .map(|text| text.as_deref().unwrap_or_default().to_owned())
            });
            let wanted = expected
                .check
                .map(|check| [check.id, check.name, check.result, check.actual, check.info].map(str::to_owned));
            assert_eq!(checked, wanted);
            Ok(())
        }
    }
    let expected = hosts()
        .into_iter()
        .flat_map(|host| host.findings.into_iter().map(move |finding| (host.ip.clone(), finding)))
        .collect::<Vec<_>>();
    let count = expected.len() as u64;
    let mut check = Check(expected);
    let decoded = decode(report().as_bytes(), &Origin::default(), &mut check).unwrap();
    assert!(decoded.is_complete() && check.0.is_empty());
    assert_eq!((decoded.findings, decoded.hosts), (count, hosts().len() as u64));
}

#[test]
fn every_wrapping_and_encoding_is_opened() {
    let report = report();
    let (expected, decoded) = read(report.as_bytes());
    assert!(decoded.is_complete() && expected.len() > 20);
    let plain = report.as_bytes();
    let body = report.strip_prefix("<?xml version=\"1.0\" ?>").unwrap();
    let latin: Vec<u8> = format!("<?xml version='1.0' encoding='ISO-8859-1'?>{body}")
        .chars()
        .map(|character| u8::try_from(u32::from(character)).unwrap())
        .collect();
    let after = latin.iter().position(|byte| *byte == b'>').unwrap() + 1;
    let python = [b"<?xml version='1.0' encoding='latin-1'?>", &latin[after..]].concat();
    let declared = format!("<?xml version=\"1.0\" encoding=\"UTF-16\"?>{body}");
    let stored = {
        let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
        let options = SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
        writer.start_file("r.nessus", options).unwrap();
        writer.write_all(plain).unwrap();
        writer.finish().unwrap().into_inner()
    };
    let with_others: [(&str, &[u8]); 4] =
        [("readme.txt", b"hello"), ("__MACOSX/r.nessus", b"x"), ("folder/R.NESSUS", plain), ("after.txt", b"bye")];
    for (name, bytes) in [
        ("blank lines first", [b"\n\n ", plain].concat()),
        ("byte order mark", [b"\xef\xbb\xbf", plain].concat()),
        ("zeros behind", [plain, b"\0\0\n"].concat()),
        ("gzip", gzipped(plain)),
        ("gzip in two members", [gzipped(&plain[..1000]), gzipped(&plain[1000..])].concat()),
        ("zip", zipped(&[("7.nessus", plain)], false)),
        ("zip with data descriptors", zipped(&[("7.nessus", plain)], true)),
        ("zip without an extension", zipped(&[("report", plain)], true)),
        ("zip, stored", stored),
        ("zip with other files", zipped(&with_others, false)),
        ("zip with other files, descriptors", zipped(&with_others, true)),
        ("gzip in zip", zipped(&[("7.nessus", &gzipped(plain))], false)),
        ("ISO-8859-1", latin),
        ("latin-1", python),
        ("UTF-16 little", [b"\xff\xfe".to_vec(), utf_16(&declared, u16::to_le_bytes)].concat()),
        ("UTF-16 big", [b"\xfe\xff".to_vec(), utf_16(&declared, u16::to_be_bytes)].concat()),
        ("UTF-16 little without mark", utf_16(&declared, u16::to_le_bytes)),
        ("UTF-16 big without mark", utf_16(&declared, u16::to_be_bytes)),
        ("UTF-16, which is not true", declared.clone().into_bytes()),
        ("gzip of UTF-16", gzipped(&utf_16(&declared, u16::to_be_bytes))),
    ] {
        let (rows, decoded) = read(bytes.as_slice());
        assert_eq!(decoded.problem.map(|problem| problem.one_line()), None, "{name}");
        assert_eq!(rows, expected, "{name}");
        assert_eq!(decoded.replaced, 0, "{name}");
    }
    let windows = b"<?xml version=\"1.0\" encoding=\"windows-1252\"?><NessusClientData_v2><ReportHost name=\"\x80\"><ReportItem/></ReportHost></NessusClientData_v2>";
    assert!(read(windows.as_slice()).0[0].contains("name: \"€\""));
}

#[test]
fn a_packed_report_that_is_cut_off_or_damaged_gives_what_came_before() {
    let report = report();
    let (expected, _) = read(report.as_bytes());
    for whole in [gzipped(report.as_bytes()), zipped(&[("7.nessus", report.as_bytes())], true)] {
        let mut most = 0;
        for length in (1..=60).map(|part| whole.len() * part / 61) {
            let (rows, decoded) = read(&whole[..length]);
            let problem = decoded.problem.expect("it is cut off");
            assert_eq!(problem.exit(), Exit::BadData, "{}", problem.one_line());
            assert!(expected.starts_with(&rows), "{length}");
            most = most.max(rows.len());
        }
        assert!(most > expected.len() / 2);
    }
    let mut wrong = gzipped(report.as_bytes());
    let checksum = wrong.len() - 8;
    wrong[checksum] ^= 1;
    let (rows, decoded) = read(wrong.as_slice());
    assert_eq!(rows, expected);
    assert!(decoded.problem.unwrap().one_line().contains("cannot be unpacked"));
    for streamed in [false, true] {
        let mut wrong = zipped(&[("7.nessus", report.as_bytes())], streamed);
        let at = if streamed { memchr::memmem::find(&wrong, b"PK\x07\x08").unwrap() + 4 } else { 14 };
        wrong[at] ^= 1;
        let (rows, decoded) = read(wrong.as_slice());
        assert_eq!(rows, expected);
        let problem = decoded.problem.unwrap().one_line();
        assert_eq!(problem, "the report cannot be unpacked: a member of the archive does not match its checksum");
    }
    let two = zipped(&[("1.nessus", report.as_bytes()), ("2.nessus", report.as_bytes())], false);
    let (rows, decoded) = read(two.as_slice());
    assert_eq!(rows, expected);
    assert!(decoded.problem.unwrap().one_line().contains("another report, `2.nessus`"));
}

#[test]
fn what_is_no_report_is_named() {
    let html = b"<!DOCTYPE html>\n<html><head><TITLE>Sign\n in</title></head>";
    let utf_16_html: Vec<u8> = [b"\xff\xfe".to_vec(), utf_16("<html>", u16::to_le_bytes)].concat();
    let page = "not a .nessus report, but an HTML page, as of a login or an error";
    let encrypted = {
        let mut bytes = zipped(&[("7.nessus", b"x")], false);
        bytes[6] |= 1;
        bytes
    };
    for (bytes, what) in [
        (b"".to_vec(), "the report is empty".to_owned()),
        (b" \r\n\t".to_vec(), "the report is empty".to_owned()),
        (b"\xef\xbb\xbf\n".to_vec(), "the report is empty".to_owned()),
        (gzipped(b""), "the report is empty".to_owned()),
        (html.to_vec(), format!("{page}: \"Sign in\"")),
        (gzipped(html), format!("{page}: \"Sign in\"")),
        (b"<HTML><body>".to_vec(), page.to_owned()),
        (utf_16_html, page.to_owned()),
        (
            br#"{"type":"regular","response":"","error_code":143,"error_msg":"Scan Result #8 is not finished.\n"}"#
                .to_vec(),
            "not a .nessus report, but JSON: error 143: Scan Result #8 is not finished.".to_owned(),
        ),
        (br#"{"error":"Not Found"}"#.to_vec(), "not a .nessus report, but JSON: Not Found".to_owned()),
        (
            br#"{"success":false,"errors":[{"code":10000,"message":"Authentication error"}]}"#.to_vec(),
            "not a .nessus report, but JSON: error 10000: Authentication error".to_owned(),
        ),
        (b"[1, 2".to_vec(), "not a .nessus report, but JSON".to_owned()),
        (
            b"<?xml version=\"1.0\"?><NessusClientData><Report/></NessusClientData>".to_vec(),
            "not a .nessus (version 2) report, but a .nessus report of version 1".to_owned(),
        ),
        (b"<nmaprun a='1'></nmaprun>".to_vec(), "not a .nessus (version 2) report, but a report of Nmap".to_owned()),
        (
            b"<?xml version='1.0'?><svg/>".to_vec(),
            "not a .nessus (version 2) report, but an XML document `svg`".to_owned(),
        ),
        (b"%PDF-1.7 ...".to_vec(), "not a .nessus report, but a PDF document".to_owned()),
        (
            b"Plugin ID,CVE,CVSS\n1,,\n".to_vec(),
            "not a .nessus report, but a table of comma-separated values".to_owned(),
        ),
        (b"BZh91AY".to_vec(), "not a .nessus report, but a bzip2 file: unpack it first".to_owned()),
        (b"\x1b[31mred".to_vec(), "not a .nessus report; it begins with `\\u{1b}[31mred`".to_owned()),
        (
            b"<?xml version='1.0' encoding='klingon'?><a/>".to_vec(),
            "the report is in `klingon`, an encoding that is not known".to_owned(),
        ),
        (zipped(&[], false), "not a .nessus report, but an empty zip archive".to_owned()),
        (
            zipped(&[("a.txt", b"x"), ("b/", b""), ("c.json", b"{}")], false),
            "the report cannot be unpacked: the archive holds no .nessus file, but `a.txt`, `c.json`".to_owned(),
        ),
        (encrypted, "the report cannot be unpacked: the archive is encrypted".to_owned()),
        (b"<?xml version='1.0'?>".to_vec(), "the report is cut off before its first tag".to_owned()),
        (b"<NessusClientData_v2><Policy>".to_vec(), "the report is cut off before the first host".to_owned()),
        (
            b"<NessusClientData_v2><Policy/></NessusClientData_v2>".to_vec(),
            "the document holds a policy and no report".to_owned(),
        ),
    ] {
        assert_eq!(problem(&bytes), what);
    }
}

#[test]
fn an_empty_report_is_a_whole_report() {
    for document in [
        "<NessusClientData_v2><Report name=\"x\"/></NessusClientData_v2>",
        "<NessusClientData_v2><Policy/><Report></Report></NessusClientData_v2><!-- end -->",
    ] {
        let (rows, decoded) = read(document.as_bytes());
        assert!(decoded.is_complete(), "{document}");
        assert_eq!((rows.len(), decoded.hosts), (0, 0));
    }
}

#[test]
fn no_host_lends_its_properties_to_the_next() {
    let document = "<NessusClientData_v2><Report>\
        <ReportHost name='a'><HostProperties><tag name='host-ip'>192.0.2.1</tag><tag name='host-fqdn'>a.example</tag>\
        </HostProperties><ReportItem pluginID='1'/></ReportHost>\
        <ReportHost name='b'><ReportItem pluginID='1'/></ReportHost>\
        <ReportHost name='c'><ReportItem pluginID='1'/><HostProperties><tag name='host-ip'>192.0.2.3</tag></HostProperties></ReportHost>\
        <ReportHost name='192.0.2.4'><HostProperties/><ReportItem pluginID='1'/></ReportHost>\
        </Report></NessusClientData_v2>";
    struct Addresses(Vec<String>);
    impl FindingSink for Addresses {
        fn finding(&mut self, finding: &Finding<'_>) -> Result<()> {
            let host = finding.host;
            let mut text = String::new();
            write!(text, "{} {:?} {:?}", host.name, host.ip, host.fqdn).unwrap();
            self.0.push(text);
            Ok(())
        }
    }
    let mut seen = Addresses(Vec::new());
    decode(document.as_bytes(), &Origin::default(), &mut seen).unwrap();
    let expected = [
        "a Some(\"192.0.2.1\") Some(\"a.example\")",
        "b None None",
        "c Some(\"192.0.2.3\") None",
        "192.0.2.4 Some(\"192.0.2.4\") None",
    ];
    assert_eq!(seen.0, expected);
}

#[test]
fn a_very_long_text_is_read_and_a_longer_one_refused() {
    let document = |length: usize, entities: bool| {
        let text = if entities { "a&amp;bcd\n".repeat(length / 10) } else { "x".repeat(length) };
        format!(
            "<NessusClientData_v2><ReportHost name='a'><ReportItem pluginID='1'/><ReportItem pluginID='2'>\
             <plugin_output>{text}</plugin_output></ReportItem><ReportItem pluginID='3'/></ReportHost></NessusClientData_v2>"
        )
    };
    struct Lengths(Vec<usize>);
    impl FindingSink for Lengths {
        fn finding(&mut self, finding: &Finding<'_>) -> Result<()> {
            self.0.push(finding.details.output.as_ref().map_or(0, |output| output.len()));
            Ok(())
        }
    }
    const MIB: usize = 1024 * 1024;
    for (bytes, entities, expected) in
        [(12 * MIB, false, 12 * MIB), (12 * MIB, true, 12 * MIB / 10 * 6), (33 * MIB, false, 33 * MIB)]
    {
        let mut seen = Lengths(Vec::new());
        let decoded = decode(document(bytes, entities).as_bytes(), &Origin::default(), &mut seen).unwrap();
        assert!(decoded.is_complete());
        assert_eq!(seen.0, [0, expected, 0]);
    }
    for bytes in [35 * MIB, 80 * MIB] {
        let mut seen = Lengths(Vec::new());
        let decoded = decode(document(bytes, false).as_bytes(), &Origin::default(), &mut seen).unwrap();
        assert_eq!(decoded.problem.unwrap().exit(), Exit::BadData);
        assert_eq!(seen.0, [0]);
    }
}

#[tokio::test]
async fn a_download_is_read_as_it_comes() {
    let report = report();
    let (expected, _) = read(report.as_bytes());
    let (sender, chunks) = Chunks::channel(2);
    let reading = tokio::task::spawn_blocking(move || read(chunks));
    for chunk in report.as_bytes().chunks(777) {
        sender.send(Ok(Bytes::copy_from_slice(chunk))).await.unwrap();
    }
    drop(sender);
    let (rows, decoded) = reading.await.unwrap();
    assert!(decoded.is_complete());
    assert_eq!(rows, expected);

    let (sender, chunks) = Chunks::channel(2);
    let reading = tokio::task::spawn_blocking(move || read(chunks));
    sender.send(Ok(Bytes::copy_from_slice(&report.as_bytes()[..report.len() / 2]))).await.unwrap();
    sender.send(Err(Error::new(Exit::Network, "the connection was lost"))).await.unwrap();
    let (rows, decoded) = reading.await.unwrap();
    assert!(expected.starts_with(&rows) && !rows.is_empty());
    let problem = decoded.problem.unwrap();
    assert_eq!((problem.exit(), problem.message()), (Exit::Network, "the connection was lost"));
}

#[test]
#[expect(clippy::disallowed_methods, reason = "tests are told where the recorded traffic is")]
fn real_exports_are_read_whole() {
    let Some(folder) = std::env::var_os("SCANCTL_SAMPLES").map(PathBuf::from) else {
        eprintln!("left out: SCANCTL_SAMPLES does not point to the recorded traffic");
        return;
    };
    let mut files = 0;
    for entry in std::fs::read_dir(folder.join("nessus")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "nessus") {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        let (rows, decoded) = read(text.as_bytes());
        assert!(decoded.is_complete(), "{}: {:?}", path.display(), decoded.problem);
        assert_eq!(rows.len(), text.matches("<ReportItem ").count(), "{}", path.display());
        let mut ids: Vec<&str> = rows.iter().map(|row| &row[..32]).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), rows.len(), "{}", path.display());
        files += 1;
    }
    assert!(files > 0);
}
