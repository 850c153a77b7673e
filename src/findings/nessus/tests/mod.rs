//! The pipeline on small documents, with blocks so small that every border is met.

mod large;

use std::io::{self, Read};

use proptest::prelude::*;

use super::*;
use crate::findings::{Finding, FindingSink, Needs, Origin, sniff};

/// Keeps what it gets as text.
struct Rows {
    rows: Vec<String>,
    needs: Needs,
}

impl FindingSink for Rows {
    fn finding(&mut self, finding: &Finding<'_>) -> Result<()> {
        self.rows.push(format!("{} {:?} {:?}", finding.id, finding.host, finding.details));
        Ok(())
    }

    fn needs(&self) -> Needs {
        self.needs
    }
}

const SMALL: Sizes = Sizes { chunk: 64, part: 1 << 20, most: 1 << 20, rows: 4096 };

/// Gives the source's bytes so many at a time.
struct Slow<'b>(&'b [u8], usize);

impl Read for Slow<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = self.1.min(buffer.len());
        (&mut self.0).take(most as u64).read(buffer)
    }
}

fn rows_of(source: impl Read + Send, workers: usize, sizes: Sizes, needs: Needs) -> (Vec<String>, Decoded) {
    let origin = Origin::default();
    let mut sink = Rows { rows: Vec::new(), needs };
    let decoded = match sniff::open(source) {
        Ok((document, _)) => run(document, Emitter::new(&origin, &mut sink), workers, sizes).unwrap(),
        Err(problem) => Decoded { problem: Some(problem), ..Decoded::default() },
    };
    assert_eq!(decoded.findings, sink.rows.len() as u64);
    (sink.rows, decoded)
}

fn read(document: &str) -> (Vec<String>, Decoded) {
    rows_of(document.as_bytes(), 2, SMALL, Needs::All)
}

fn problem(decoded: &Decoded) -> String {
    decoded.problem.as_ref().map(Error::one_line).unwrap_or_default()
}

/// A document with everything in it that makes cutting hard.
const HARD: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<!-- <ReportHost name="no"> -->
<NessusClientData_v2><Policy><policyName>A &amp; B</policyName><x a='>'/><![CDATA[</Policy>]]></Policy>
<Report name="R&amp;D" xmlns:cm="http://www.nessus.org/cm">
<ReportHost name="ä.example.org"><HostProperties><tag name="host-ip">192.0.2.1</tag><tag name="HOST_END_TIMESTAMP">1700000000</tag>
<tag name="mac-address">00:00:5e:00:53:01
00:00:5e:00:53:02</tag></HostProperties>
<ReportItem port="443" svc_name="www" protocol="tcp" severity="3" pluginID="1" pluginName="a &gt; b" pluginFamily="General">
<plugin_output><![CDATA[</ReportHost><ReportHost name="no">]]> &lt;one&gt;&#10;</plugin_output><cve>CVE-2024-1</cve><cve>CVE-2024-2</cve>
<xref>CWE:79</xref><cwe>89</cwe><see_also>https://a.example
https://b.example</see_also><cvss3_base_score>7.5</cvss3_base_score></ReportItem>
<ReportItem port="443" svc_name="www" protocol="tcp" severity="3" pluginID="1" pluginName="a &gt; b" pluginFamily="General"><plugin_output>two</plugin_output></ReportItem>
</ReportHost><ReportHost name="192.0.2.2"/><ReportHost name="h3"><!-- </ReportHost> --><HostProperties/>
<ReportItem port="0" svc_name="general" protocol="tcp" severity="0" pluginID="2" pluginName="" pluginFamily=""/>
<ReportItem port="0" severity="1" pluginID="21157" pluginName="audit"><compliance>true</compliance>
<cm:compliance-check-id>c1</cm:compliance-check-id><cm:compliance-result>FAILED</cm:compliance-result><description>why ß</description>
<attachment name="../x.png" type="image/png">iVBORw0=</attachment></ReportItem>
</ReportHost >
</Report></NessusClientData_v2>
"#;

#[test]
fn everything_is_read() {
    let (rows, decoded) = read(HARD);
    assert!(decoded.is_complete(), "{}", problem(&decoded));
    assert_eq!((decoded.hosts, decoded.findings, decoded.replaced), (3, 4, 0));
    let first = &rows[0];
    for part in [
        "ä.example.org",
        "ip: Some(\"192.0.2.1\")",
        "macs: [\"00:00:5e:00:53:01\", \"00:00:5e:00:53:02\"]",
        "plugin_name: Some(\"a > b\")",
        "output: Some(\"</ReportHost><ReportHost name=\\\"no\\\"> <one>\\n\")",
        "cves: [\"CVE-2024-1\", \"CVE-2024-2\"]",
        "cwes: [\"89\", \"79\"]",
        "see_also: [\"https://a.example\", \"https://b.example\"]",
        "base_score: Some(7.5)",
        "last_seen: Some(2023-11-14T22:13:20Z)",
    ] {
        assert!(first.contains(part), "{part} in {first}");
    }
    assert!(rows[2].contains("ip: None") && rows[2].contains("plugin_name: None"), "{}", rows[2]);
    assert!(rows[3].contains("check_id: Some(\"c1\")") && rows[3].contains("../x.png"), "{}", rows[3]);
}

#[test]
fn borders_of_chunks_blocks_and_workers_mean_nothing() {
    let (expected, _) = read(HARD);
    for step in 1..80 {
        for (workers, chunk) in [(1, 1 << 20), (2, 512), (3, step)] {
            let sizes = Sizes { chunk, ..SMALL };
            let (rows, decoded) = rows_of(Slow(HARD.as_bytes(), step), workers, sizes, Needs::All);
            assert!(decoded.is_complete(), "{step}: {}", problem(&decoded));
            assert_eq!(rows, expected, "{step}");
        }
    }
    for at in 0..HARD.len() {
        let (left, right) = HARD.as_bytes().split_at(at);
        let (rows, decoded) = rows_of(left.chain(right), 2, SMALL, Needs::All);
        assert!(decoded.is_complete(), "{at}: {}", problem(&decoded));
        assert_eq!(rows, expected, "{at}");
    }
}

#[test]
fn a_document_cut_off_anywhere_gives_what_was_complete() {
    let (expected, _) = read(HARD);
    let whole = HARD.trim_end().len();
    let mut seen = 0;
    for length in 0..whole {
        let (rows, decoded) = rows_of(&HARD.as_bytes()[..length], 2, SMALL, Needs::All);
        assert!(!decoded.is_complete(), "{length}");
        assert_eq!(decoded.problem.as_ref().map(Error::exit), Some(crate::exit::Exit::BadData), "{length}");
        // Until the tag that ends it, a host may yet get its address: it always comes first.
        assert_eq!(rows.len(), rows.iter().zip(&expected).filter(|(row, whole)| row == whole).count().max(seen.min(1)));
        assert!(rows.len() >= seen, "{length}");
        seen = rows.len();
        let problem = problem(&decoded);
        assert!(problem.contains("cut off") || problem.contains("empty") || problem.contains("begins no"), "{problem}");
    }
    assert_eq!(seen, expected.len());
    assert!(rows_of(&HARD.as_bytes()[..whole], 2, SMALL, Needs::All).1.is_complete());
}

/// What programs make of [`HARD`] that read a report and write it anew: the same findings.
#[test]
fn reports_that_other_programs_wrote_anew_say_the_same() {
    let (expected, _) = read(HARD);
    let (declaration, body) = HARD.split_once('\n').unwrap();
    let spelled = |text: &str| {
        let ascii = |symbol: char| if symbol.is_ascii() { symbol.to_string() } else { format!("&#{};", symbol as u32) };
        text.chars().map(ascii).collect::<String>()
    };
    let checks = "xmlns:cm=\"http://www.nessus.org/cm\"";
    let renamed = body.replace("cm:", "ns0:").replace("xmlns:ns0:", "xmlns:cm:").replace(&format!(" {checks}"), "");
    let renamed =
        renamed.replace("<NessusClientData_v2>", "<NessusClientData_v2 xmlns:ns0=\"http://www.nessus.org/cm\">");
    let (before, after) = body.split_once("<Report ").unwrap();
    for (program, text) in [
        ("ElementTree", format!("<?xml version='1.0' encoding='us-ascii'?>\n{}", spelled(&renamed))),
        ("ElementTree of a part", spelled(&renamed)),
        ("a library that declares prefixes where they are used", {
            let declared = body.replace(&format!(" {checks}"), "");
            declared.replace("<cm:compliance-check-id>", &format!("<cm:compliance-check-id {checks}>"))
        }),
        (
            "a formatter",
            body.replace("</cve><", "</cve>\n  <").replace("</xref><", "</xref>\n  <").replace("/>", " />"),
        ),
        ("Windows", HARD.replace('\n', "\r\n")),
        ("a minifier", HARD.replace(">\n<", "><")),
        (
            "one that quotes otherwise",
            HARD.replace("name=\"host-ip\"", "name = 'host-ip'").replace("port=\"443\"", "port='443'"),
        ),
        (
            "one for browsers",
            format!("{declaration}<?xml-stylesheet type=\"text/xsl\" href=\"r.xsl\"?>\n<!-- > < -->{body}"),
        ),
        ("a merger", format!("{declaration}{before}<Report name=\"R&amp;D\"/><Report {after}")),
        (
            "one that knows a default namespace",
            body.replace("<NessusClientData_v2>", "<NessusClientData_v2 xmlns='urn:x'>"),
        ),
        (
            "one that comments",
            HARD.replace(
                "</ReportHost><ReportHost name=\"192",
                "</ReportHost> <!-- </Report> --> <?x?> <ReportHost name=\"192",
            ),
        ),
        (
            "one that leaves room",
            HARD.replace("</ReportItem>", "</ReportItem\n>")
                .replace("</ReportHost>", "</ReportHost\t>")
                .replace("<![CDATA[</ReportHost\t>", "<![CDATA[</ReportHost>"),
        ),
    ] {
        let (rows, decoded) = read(&text);
        assert_eq!(problem(&decoded), "", "{program}");
        assert_eq!(decoded.hosts, 3, "{program}");
        for (row, wanted) in rows.iter().zip(&expected) {
            assert_eq!(row, wanted, "{program}");
        }
        assert_eq!(rows.len(), expected.len(), "{program}");
    }
}

#[test]
fn hosts_and_rows_where_none_are_expected_are_not_stepped_over() {
    let row = "<ReportItem pluginID='1' severity='4'/>";
    let host = format!("<ReportHost name='a'>{row}</ReportHost>");
    let of_other = |name: &str| format!("<Report><ReportHost name='a'><{name} pluginID='1'/></ReportHost></Report>");
    for (inside, what) in [
        (format!("<Wrapper><Report>{host}</Report></Wrapper>"), "a `Report` where none may stand"),
        (format!("<Report/><Wrapper>{host}</Wrapper>"), "a `ReportHost` where none may stand"),
        (format!("<report>{host}</report>"), "a `report` where none may stand"),
        (format!("<Report><Report>{host}</Report></Report>"), "a `Report` where none may stand"),
        (format!("<Report>{row}</Report>"), "a `ReportItem` where none may stand"),
        (format!("<Report/>{row}"), "a `ReportItem` where none may stand"),
        ("<n:Report><n:ReportHost/></n:Report>".to_owned(), "a `n:Report` where none may stand"),
        ("<Report><n:ReportHost/></Report>".to_owned(), "a `n:ReportHost` where none may stand"),
        ("<Report><reporthost/></Report>".to_owned(), "a `reporthost` where none may stand"),
        ("<Report><Policy><x:ReportItem/></Policy></Report>".to_owned(), "a `x:ReportItem` where none may stand"),
        (of_other("n:ReportItem"), "a `n:ReportItem` inside `ReportHost`"),
        (of_other("reportItem"), "a `reportItem` inside `ReportHost`"),
        (of_other("n:HostProperties"), "a `n:HostProperties` inside `ReportHost`"),
        (of_other("Report"), "a `Report` inside `ReportHost`"),
        (of_other("ReportItem><n:ReportHost"), "a `n:ReportHost` inside `ReportItem`"),
        (of_other("Items><n:ReportItem"), "a `n:ReportItem` inside `Items`"),
        (of_other("ReportItem><x><ReportItem"), "a `ReportItem` inside `x`"),
        (of_other("HostProperties><ReportItem"), "a `ReportItem` inside `HostProperties`"),
    ] {
        let document = format!("<NessusClientData_v2 xmlns:n='urn:x'>{inside}</NessusClientData_v2>");
        for needs in [Needs::Core, Needs::All] {
            let (_, decoded) = rows_of(document.as_bytes(), 2, SMALL, needs);
            assert!(problem(&decoded).contains(what), "{inside}: {}", problem(&decoded));
            assert_eq!(decoded.problem.as_ref().map(Error::exit), Some(crate::exit::Exit::BadData), "{inside}");
        }
    }
    let (rows, decoded) = read(&format!(
        "<NessusClientData_v2><Policy><x><report/></x></Policy><Report><ReportHosts/>{host}<x:Reports/></Report></NessusClientData_v2>"
    ));
    assert_eq!((problem(&decoded).as_str(), rows.len()), ("", 1));
}

#[test]
fn a_document_without_a_report_is_no_empty_result() {
    for (inside, what) in [
        ("<Policy><policyName>x</policyName></Policy>", "the document holds a policy and no report"),
        ("<Policy/><x><y/></x>", "the document holds a policy and no report"),
        ("<x><y/></x>", "the document holds `x` and no report"),
        ("", "the document holds nothing"),
    ] {
        let (_, decoded) = read(&format!("<NessusClientData_v2>{inside}</NessusClientData_v2>"));
        assert!(problem(&decoded).contains(what), "{inside}: {}", problem(&decoded));
        assert_eq!(decoded.problem.as_ref().map(Error::exit), Some(crate::exit::Exit::BadData), "{inside}");
    }
    assert!(problem(&read("<NessusClientData_v2/>").1).contains("holds nothing"));
    for inside in ["<Policy/><Report/>", "<Report></Report>", "<ReportHost name='a'/>"] {
        let (_, decoded) = read(&format!("<NessusClientData_v2>{inside}</NessusClientData_v2>"));
        assert!(decoded.is_complete(), "{inside}: {}", problem(&decoded));
    }
}

#[test]
fn checks_are_known_by_any_prefix_wherever_it_is_declared() {
    let space = "http://www.nessus.org/cm";
    let children = |prefix: &str, declared: &str| {
        let child =
            |name: &str, text: &str| format!("<{prefix}compliance-{name}{declared}>{text}</{prefix}compliance-{name}>");
        child("check-id", "c1") + &child("check-name", "1.1 x") + &child("result", "FAILED")
    };
    let document = |host: &str, row: &str, children: &str| {
        format!(
            "<NessusClientData_v2><Report><ReportHost name='a'{host}><ReportItem pluginID='21157'{row}>{children}\
             </ReportItem></ReportHost></Report></NessusClientData_v2>"
        )
    };
    let declared = format!(" xmlns:q='{space}'");
    let (rows, _) = read(&document("", "", "<cm:compliance-error>no such file</cm:compliance-error>"));
    assert!(rows[0].contains("error: Some(\"no such file\")"), "{}", rows[0]);
    for text in [
        document(&declared, "", &children("q:", "")),
        document("", &declared, &children("q:", "")),
        document("", "", &children("q:", &declared)),
        document("", "", &children("", &format!(" xmlns='{space}'"))),
        document("", "", &children("cm:", "")),
    ] {
        for needs in [Needs::Core, Needs::Facts, Needs::All] {
            let (rows, decoded) = rows_of(text.as_bytes(), 2, SMALL, needs);
            assert_eq!((problem(&decoded).as_str(), rows.len()), ("", 1), "{text}");
            assert!(rows[0].contains("check_id: Some(\"c1\")"), "{}", rows[0]);
            if needs != Needs::Core {
                assert!(rows[0].contains("check_name: Some(\"1.1 x\")"), "{}", rows[0]);
                assert!(rows[0].contains("result: Some(\"FAILED\")"), "{}", rows[0]);
            }
        }
    }
}

#[test]
fn what_a_small_report_leaves_out_is_not_known() {
    let (rows, decoded) = read(
        "<NessusClientData_v2><Report><ReportHost><ReportItem/></ReportHost>\
         <ReportHost name='a'><ReportItem port='general' severity='High' pluginName='x'><risk_factor>Low</risk_factor></ReportItem>\
         <ReportItem severity='9'><risk_factor>Medium</risk_factor></ReportItem><ReportItem severity=''/>\
         <Other><ReportItems/></Other></ReportHost></Report></NessusClientData_v2>",
    );
    assert_eq!(problem(&decoded), "");
    assert_eq!((rows.len(), decoded.hosts), (4, 2));
    for (row, parts) in rows.iter().zip([
        ["name: \"\"", "port: None", "plugin_id: None", "severity: Info"],
        ["name: \"a\"", "port: None", "plugin_name: Some(\"x\")", "severity: High"],
        ["name: \"a\"", "port: None", "plugin_name: None", "severity: Medium"],
        ["name: \"a\"", "port: None", "plugin_name: None", "severity: Info"],
    ]) {
        for part in parts {
            assert!(row.contains(part), "{part} in {row}");
        }
    }
}

#[test]
fn a_host_that_comes_again_counts_once() {
    let host = |name: &str| format!("<ReportHost name='{name}'><ReportItem pluginID='1'/></ReportHost>");
    let hosts = ["a", "b", "a", "b"].map(host).concat();
    let (rows, decoded) = read(&format!("<NessusClientData_v2><Report>{hosts}</Report></NessusClientData_v2>"));
    assert_eq!((rows.len(), decoded.hosts), (4, 2));
}

#[test]
fn nobody_waits_for_a_worker_that_panicked() {
    struct Panics;
    impl FindingSink for Panics {
        fn finding(&mut self, _finding: &Finding<'_>) -> Result<()> {
            panic!("the sink of a test")
        }
    }
    let (ended, end) = std::sync::mpsc::channel::<()>();
    let reading = thread::spawn(move || {
        let _ended_also_by_a_panic = ended;
        let origin = Origin::default();
        drop(run(HARD.as_bytes(), Emitter::new(&origin, &mut Panics), 3, SMALL));
    });
    let waited = end.recv_timeout(std::time::Duration::from_secs(60));
    assert_eq!(waited, Err(std::sync::mpsc::RecvTimeoutError::Disconnected));
    assert!(reading.join().is_err());
}

#[test]
fn a_severity_that_the_report_leaves_out_is_derived_and_says_so() {
    let document = |inside: &str| {
        format!(
            "<NessusClientData_v2><ReportHost name='a'><ReportItem {inside}</ReportItem></ReportHost></NessusClientData_v2>"
        )
    };
    for (inside, severity, source) in [
        ("><cvss3_base_score>9.8</cvss3_base_score>", "Critical", "Derived"),
        ("><cvss3_base_score>5.0</cvss3_base_score><cvss_base_score>9.8</cvss_base_score>", "Medium", "Derived"),
        ("><cvss4_base_score>99</cvss4_base_score><cvss_base_score> 7.5 </cvss_base_score>", "High", "Derived"),
        ("severity='9'><cvss3_base_score>0.1</cvss3_base_score>", "Low", "Derived"),
        ("><cvss3_temporal_score>9.8</cvss3_temporal_score>", "Info", "Derived"),
        (">", "Info", "Derived"),
        ("><cvss3_base_score>9.8</cvss3_base_score><risk_factor>Low</risk_factor>", "Low", "Vendor"),
        ("severity='0'><cvss3_base_score>9.8</cvss3_base_score>", "Info", "Vendor"),
    ] {
        for needs in [Needs::Core, Needs::Facts, Needs::All] {
            let (rows, decoded) = rows_of(document(inside).as_bytes(), 2, SMALL, needs);
            assert_eq!(problem(&decoded), "");
            let told = format!("severity: {severity}, severity_source: {source}");
            assert!(rows[0].contains(&told), "{inside} {needs:?}: {}", rows[0]);
        }
    }
}

#[test]
fn a_score_that_is_none_is_not_known() {
    let child = |name: &str, text: &str| format!("<{name}>{text}</{name}>");
    let bad = [("cvss_base_score", "-1"), ("cvss3_base_score", "10.1"), ("cvss4_threat_score", "NaN")];
    let bad = bad.into_iter().chain([("vpr_score", "inf"), ("epss_score", "94")]);
    let inside: String = bad.map(|(name, text)| child(name, text)).collect();
    let document = |inside: &str| {
        format!(
            "<NessusClientData_v2><ReportHost name='a'><ReportItem>{inside}</ReportItem></ReportHost></NessusClientData_v2>"
        )
    };
    let (rows, _) = read(&document(&inside));
    for part in ["cvss2: None, cvss3: None, cvss4: None, vpr: None, epss: None", "(\"epss_score\", \"94\")"] {
        assert!(rows[0].contains(part), "{part} in {}", rows[0]);
    }
    let (rows, _) = read(&document(&(inside + &child("cvss3_base_score", "10.0") + &child("vpr_score", "0"))));
    assert!(rows[0].contains("base_score: Some(10.0)") && rows[0].contains("vpr: Some(0.0)"), "{}", rows[0]);
}

#[test]
fn any_number_of_references_is_read_in_good_time() {
    let references: String = (0..40_000).map(|number| format!("<xref>CWE:{number}</xref>")).collect();
    let document = format!(
        "<NessusClientData_v2><ReportHost name='a'><ReportItem><cwe>7</cwe>{references}<xref>CWE:8</xref></ReportItem>\
         </ReportHost></NessusClientData_v2>"
    );
    let begun = std::time::Instant::now();
    let (rows, _) = rows_of(document.as_bytes(), 1, Sizes::default(), Needs::Facts);
    // Comparing each with each takes several times as long.
    assert!(begun.elapsed() < std::time::Duration::from_secs(5), "{:?}", begun.elapsed());
    assert!(rows[0].contains("cwes: [\"7\", \"0\", \"1\"") && rows[0].contains("\"6\", \"8\", \"9\""));
    assert!(rows[0].contains("\"39999\"], xrefs"));
}

#[test]
fn reports_put_one_behind_the_other_are_not_taken_for_one() {
    let (rows, decoded) = read(&format!("{HARD}{HARD}"));
    let (expected, _) = read(HARD);
    assert_eq!(rows, expected);
    assert!(
        problem(&decoded).contains("behind the end") || problem(&decoded).contains("another element"),
        "{}",
        problem(&decoded)
    );
}

#[test]
fn what_a_sink_does_not_need_changes_no_id() {
    let ids = |needs| {
        let (rows, decoded) = rows_of(HARD.as_bytes(), 2, SMALL, needs);
        assert!(decoded.is_complete());
        rows.iter().map(|row| row[..32].to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(ids(Needs::Core), ids(Needs::All));
    assert_eq!(ids(Needs::Facts), ids(Needs::All));
    let (rows, _) = rows_of(HARD.as_bytes(), 2, SMALL, Needs::Facts);
    assert!(rows[0].contains("CVE-2024-1") && rows[0].contains("output: None"), "{}", rows[0]);
}

#[test]
fn what_is_broken_is_named_after_what_came_before() {
    let host = |inside: &str| {
        format!(
            "<NessusClientData_v2><Report><ReportHost name='a'><ReportItem pluginID='1'/></ReportHost>\
             <ReportHost name='b'><ReportItem pluginID='2'/>{inside}</ReportHost></Report></NessusClientData_v2>"
        )
    };
    for (document, rows, what) in [
        (host("<ReportItem pluginID='3'><x></y></ReportItem>"), 2, "`</y>` where `x` is open"),
        (host("<ReportItem pluginID='3'><x>&no;</x></ReportItem>"), 2, "an unknown entity `&no;`"),
        (host("<ReportItem pluginID='3' pluginID='4'/>"), 2, "attribute `pluginID` twice in `ReportItem`"),
        (host("</ReportItem>"), 2, "`</ReportItem>` where `ReportHost` is open"),
        (host("<ReportItem><![X</ReportItem>"), 2, "a declaration where none may stand"),
        (host("") + "<more/>", 2, "another element behind the end"),
        (host("") + "more", 2, "text behind the end"),
        (host("").replace("</Report>", "</Rapport>"), 2, "`</Rapport>` where `Report` is open"),
        (host("").replace("<Report>", "<Report a='&b;'>"), 0, "an unknown entity `&b;`"),
        (format!("<!DOCTYPE x [<!ENTITY a 'b'>]>{}", host("")), 0, "a document type, which no .nessus file has"),
        (format!("<NessusClientData_v2>{}", "<a>".repeat(100)), 0, "elements nested too deep"),
    ] {
        for step in [1, 1000] {
            let (seen, decoded) = rows_of(Slow(document.as_bytes(), step), 2, Sizes { chunk: 50, ..SMALL }, Needs::All);
            assert!(problem(&decoded).contains(what), "{what}: {}", problem(&decoded));
            assert!(problem(&decoded).contains("broken at byte"), "{}", problem(&decoded));
            assert_eq!(seen.len(), rows, "{what}");
        }
    }
}

#[test]
fn a_sink_that_fails_ends_it() {
    struct Full(u32);
    impl FindingSink for Full {
        fn finding(&mut self, _: &Finding<'_>) -> Result<()> {
            self.0 += 1;
            if self.0 == 2 { Err(Error::new(crate::exit::Exit::Internal, "full")) } else { Ok(()) }
        }
    }
    let origin = Origin::default();
    let mut sink = Full(0);
    let failure = run(HARD.as_bytes(), Emitter::new(&origin, &mut sink), 2, SMALL).unwrap_err();
    assert_eq!((failure.message(), sink.0), ("full", 2));
}

#[test]
fn strange_bytes_are_replaced_and_counted() {
    let document = b"<NessusClientData_v2><ReportHost name='caf\xe9'><ReportItem pluginID='1'><plugin_output>\x1b[31m\xff</plugin_output></ReportItem></ReportHost></NessusClientData_v2>";
    let (rows, decoded) = rows_of(document.as_slice(), 2, SMALL, Needs::All);
    assert!(decoded.is_complete(), "{}", problem(&decoded));
    assert!(rows[0].contains("caf\u{fffd}") && rows[0].contains("\u{fffd}[31m\u{fffd}"), "{}", rows[0]);
    assert_eq!(decoded.replaced, 3);
}

#[test]
fn what_another_encoding_does_not_have_is_counted_too() {
    struct Output(Vec<String>);
    impl FindingSink for Output {
        fn finding(&mut self, finding: &Finding<'_>) -> Result<()> {
            self.0.extend(finding.details.output.as_deref().map(str::to_owned));
            Ok(())
        }
    }
    let document = |encoding: &str, output: &[u8]| {
        let head = format!(
            "<?xml version='1.0' encoding='{encoding}'?><NessusClientData_v2><ReportHost name='h'>\
             <ReportItem pluginID='1'><plugin_output>"
        );
        let tail = b"</plugin_output></ReportItem></ReportHost></NessusClientData_v2>";
        [head.as_bytes(), output, tail].concat()
    };
    let utf16 = |bytes: Vec<u8>| -> Vec<u8> {
        bytes.into_iter().flat_map(|byte| if byte == 0xff { [0x00, 0xd8] } else { [byte, 0] }).collect()
    };
    let many = [b"a\xff".repeat(50_000), b"b".to_vec()].concat();
    for (bytes, replaced, output) in [
        (document("iso-8859-7", b"a\xffb\xd2\xe1"), 2, "a\u{fffd}b\u{fffd}\u{3b1}".to_owned()),
        (document("utf-8", b"a\xffb"), 1, "a\u{fffd}b".to_owned()),
        (document("iso-8859-1", b"a\xffb"), 0, "a\u{ff}b".to_owned()),
        (utf16(document("utf-16", b"a\xffb")), 1, "a\u{fffd}b".to_owned()),
        (document("iso-8859-7", &many), 50_000, "a\u{fffd}".repeat(50_000) + "b"),
    ] {
        let mut sink = Output(Vec::new());
        let decoded = crate::findings::decode(bytes.as_slice(), &Origin::default(), &mut sink).unwrap();
        assert!(decoded.is_complete(), "{}", problem(&decoded));
        assert_eq!((decoded.replaced, sink.0), (replaced, vec![output]));
    }
}

/// Pieces that reports are made of, and pieces that break them.
fn soup() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("<NessusClientData_v2>".to_owned()),
        Just("</NessusClientData_v2>".to_owned()),
        Just("<Report name=\"r\">".to_owned()),
        Just("</Report>".to_owned()),
        Just("<ReportHost name=\"h\">".to_owned()),
        Just("</ReportHost>".to_owned()),
        Just("<ReportHost name='x'/>".to_owned()),
        Just("<HostProperties><tag name=\"host-ip\">192.0.2.1</tag></HostProperties>".to_owned()),
        Just("<ReportItem pluginID=\"1\" severity=\"4\" port=\"1\">".to_owned()),
        Just("<ReportItem pluginID=\"1\"/>".to_owned()),
        Just("</ReportItem>".to_owned()),
        Just("<plugin_output>".to_owned()),
        Just("</plugin_output>".to_owned()),
        Just("<![CDATA[".to_owned()),
        Just("]]>".to_owned()),
        Just("<!--".to_owned()),
        Just("-->".to_owned()),
        Just("<?x ?>".to_owned()),
        Just("&amp;".to_owned()),
        Just("&#x".to_owned()),
        Just("<".to_owned()),
        Just(">".to_owned()),
        Just("\"".to_owned()),
        "[ -~\n]{0,8}",
        "\\PC{0,4}",
    ];
    proptest::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever the bytes: no panic, and borders mean nothing, not even for what is wrong.
    #[test]
    fn nothing_depends_on_borders(
        text in soup(), begun in any::<bool>(), step in 1usize..50, chunk in 1usize..200, part in 1usize..200,
        held in 1usize..9
    ) {
        let text = if begun { format!("<NessusClientData_v2><ReportHost name='a'>{text}") } else { text };
        let sizes = |chunk| Sizes { chunk, part, most: 1 << 20, rows: held };
        let (rows, decoded) = rows_of(text.as_bytes(), 1, sizes(1 << 20), Needs::All);
        let (again, slowly) = rows_of(Slow(text.as_bytes(), step), 2, sizes(chunk), Needs::All);
        prop_assert_eq!(rows, again);
        prop_assert_eq!(decoded.hosts, slowly.hosts);
        let places = [decoded, slowly].map(|decoded| problem(&decoded));
        prop_assert_eq!(&places[0], &places[1]);
    }

    /// A real document with a few bytes changed.
    #[test]
    fn damage_is_survived(
        damage in proptest::collection::vec((0..HARD.len(), any::<u8>()), 0..6), step in 1usize..100, part in 1usize..2000
    ) {
        let mut bytes = HARD.as_bytes().to_vec();
        for (at, byte) in damage {
            bytes[at] = byte;
        }
        let sizes = |chunk| Sizes { chunk, part, most: 1 << 20, rows: 4096 };
        let (rows, decoded) = rows_of(bytes.as_slice(), 1, sizes(1 << 20), Needs::All);
        let (again, slowly) = rows_of(Slow(&bytes, step), 3, sizes(step), Needs::All);
        prop_assert_eq!(rows, again);
        let places = [decoded, slowly].map(|decoded| (decoded.hosts, decoded.replaced, problem(&decoded)));
        prop_assert_eq!(&places[0], &places[1]);
    }
}
