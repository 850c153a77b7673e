//! Large hosts, large rows, and what is too large.

use std::collections::BTreeSet;

use super::*;

#[test]
fn large_hosts_are_read_in_parts() {
    let items: String = (0..40)
        .map(|number| {
            format!(
                "<ReportItem port=\"{}\" pluginID=\"7\" severity=\"2\"><plugin_output>{}<![CDATA[<ReportItem >]]></plugin_output></ReportItem>\n",
                number % 5,
                "x".repeat(number)
            )
        })
        .collect();
    let head = "<ReportHost name='h'><HostProperties><tag name='host-ip'>192.0.2.9</tag></HostProperties>";
    let document = format!(
        "<NessusClientData_v2><Report>{head}{items}</ReportHost><ReportHost name='i'>{items}</ReportHost></Report></NessusClientData_v2>"
    );
    let (whole, _) = read(&document);
    for part in [1, 100, 150, 200, 500, 1000, 3000] {
        let sizes = Sizes { chunk: 100, part, most: 1 << 20, rows: 4096 };
        let (rows, decoded) = rows_of(document.as_bytes(), 3, sizes, Needs::All);
        assert!(decoded.is_complete(), "{part}: {}", problem(&decoded));
        assert_eq!((decoded.hosts, decoded.findings), (2, 80), "{part}");
        let without_id = |rows: &[String]| rows.iter().map(|row| row[32..].to_owned()).collect::<Vec<_>>();
        assert_eq!(without_id(&rows), without_id(&whole), "{part}");
        let ids = |rows: &[String]| {
            let mut ids: Vec<String> = rows.iter().map(|row| row[..32].to_owned()).collect();
            ids.sort();
            ids
        };
        assert_eq!(ids(&rows), ids(&whole), "{part}");
        for step in [1, 7, 64] {
            let again = rows_of(Slow(document.as_bytes(), step), 1, Sizes { chunk: step, ..sizes }, Needs::All).0;
            assert_eq!(again, rows, "where a part ends depends on the document alone");
        }
    }
    let cut = &document[..document.len() / 3];
    let (rows, decoded) =
        rows_of(cut.as_bytes(), 2, Sizes { chunk: 100, part: 300, most: 1 << 20, rows: 4096 }, Needs::All);
    assert!(!rows.is_empty() && rows.len() < 40);
    assert_eq!((decoded.hosts, problem(&decoded).as_str()), (1, "the report is cut off inside a host"));
}

#[test]
fn a_host_of_many_rows_is_held_in_parts_however_small_they_are() {
    let host = |name: &str, rows: usize| {
        let row = |number| format!("<ReportItem port='{}' pluginID='7'/>", number % 3);
        let head =
            "<HostProperties><tag name='host-fqdn'>FQDN</tag><tag name='HOST_END_TIMESTAMP'>9</tag></HostProperties>";
        let head = head.replace("FQDN", name);
        format!("<ReportHost name='{name}'>{head}{}</ReportHost>\n", (0..rows).map(row).collect::<String>())
    };
    let hosts = [("a", 3), ("b", 0), ("c", 40), ("d", 8), ("e", 1)].map(|(name, rows)| host(name, rows)).concat();
    let document = format!("<NessusClientData_v2><Report>{hosts}</Report></NessusClientData_v2>");
    let (whole, _) = read(&document);
    for held in [1, 2, 7, 8, 9, 40, 52] {
        for (workers, chunk, part) in [(1, 1 << 20, 1 << 20), (3, 64, 1 << 20), (3, 64, 500)] {
            let sizes = Sizes { chunk, part, most: 1 << 20, rows: held };
            let (rows, decoded) = rows_of(document.as_bytes(), workers, sizes, Needs::All);
            assert!(decoded.is_complete(), "{held}: {}", problem(&decoded));
            assert_eq!((decoded.hosts, decoded.findings), (5, 52), "{held}");
            let without_id = |rows: &[String]| rows.iter().map(|row| row[32..].to_owned()).collect::<Vec<_>>();
            assert_eq!(without_id(&rows), without_id(&whole), "{held}");
            let ids = |rows: &[String]| rows.iter().map(|row| row[..32].to_owned()).collect::<BTreeSet<_>>();
            assert_eq!(ids(&rows), ids(&whole), "{held}");
        }
    }
    let mut entries = Entries::new(host("a", 40).leak(), Reading { needs: Needs::All, most: 16 }, false, false);
    let mut held = Vec::new();
    loop {
        let goes_on = entries.read();
        held.push(entries.entries.iter().map(|entry| entry.rows.len()).sum::<usize>());
        if !goes_on {
            break;
        }
    }
    assert_eq!(held, [16, 16, 8]);
    let many = "<ReportHost/>".repeat(40);
    let mut entries = Entries::new(&many, Reading { needs: Needs::All, most: 16 }, false, false);
    assert!(entries.read());
    assert_eq!(entries.entries.len(), 16);
}

#[test]
fn properties_behind_more_rows_than_are_held_are_refused() {
    let row = "<ReportItem pluginID='1'/>";
    let document = |rows: usize| {
        format!(
            "<NessusClientData_v2><Report><ReportHost name='a'>{}<HostProperties><tag name='host-ip'>192.0.2.1</tag>\
             </HostProperties></ReportHost></Report></NessusClientData_v2>",
            row.repeat(rows)
        )
    };
    for (rows, is_read) in [(4, true), (8, true), (9, false), (20, false)] {
        let (seen, decoded) = rows_of(document(rows).as_bytes(), 2, Sizes { rows: 8, ..SMALL }, Needs::Core);
        assert_eq!(decoded.is_complete(), is_read, "{rows}: {}", problem(&decoded));
        assert_eq!(seen.iter().all(|row| row.contains("ip: Some(\"192.0.2.1\")")), is_read, "{rows}");
        if !is_read {
            assert!(problem(&decoded).contains("properties of a host behind more rows"), "{}", problem(&decoded));
            assert_eq!(decoded.problem.as_ref().map(Error::exit), Some(crate::exit::Exit::BadData));
        }
    }
}

#[test]
fn parts_of_a_large_host_never_differ_in_their_properties() {
    let rows = |count: usize| "<ReportItem pluginID='1'><x>text</x></ReportItem>".repeat(count);
    let tag = "<tag name='host-ip'>192.0.2.1</tag>";
    let head = format!("<HostProperties>{tag}</HostProperties>");
    let refused = "properties of a host behind more rows";
    for (inside, problem_is) in [
        (format!("{head}{}", rows(40)), ""),
        (format!("{}{head}", rows(40)), refused),
        (format!("{}{head}{}", rows(2), rows(40)), refused),
        (format!("{}{head}{}", rows(20), rows(20)), refused),
        (format!("{head}{}{head}", rows(40)), refused),
        (format!("<HostProperties\n>{tag}</HostProperties >{}", rows(40)), ""),
        (format!("<!-- </HostProperties> <ReportItem > -->\n{head}{}", rows(40)), ""),
        (
            format!("<HostProperties>{tag}<tag name='x'><![CDATA[<ReportItem >]]></tag></HostProperties>{}", rows(40)),
            "",
        ),
        (format!("<x>\u{e9}</x>{head}{}", rows(40)), ""),
    ] {
        let document = format!(
            "<NessusClientData_v2><Report><ReportHost name='a'>{inside}</ReportHost></Report></NessusClientData_v2>"
        );
        for latin in [false, true] {
            // Bytes that are no UTF-8 have another length once they are replaced.
            let bytes = if latin {
                document.chars().map(|symbol| symbol as u8).collect()
            } else {
                document.clone().into_bytes()
            };
            for chunk in [50, 1 << 20] {
                let sizes = Sizes { chunk, part: 400, ..SMALL };
                let (seen, decoded) = rows_of(bytes.as_slice(), 2, sizes, Needs::All);
                assert_eq!(decoded.is_complete(), problem_is.is_empty(), "{inside}: {}", problem(&decoded));
                assert!(problem(&decoded).contains(problem_is), "{inside}: {}", problem(&decoded));
                if problem_is.is_empty() {
                    assert_eq!((seen.len(), decoded.hosts), (40, 1));
                    assert!(seen.iter().all(|row| row.contains("ip: Some(\"192.0.2.1\")")), "{inside}");
                } else {
                    assert_eq!(decoded.problem.as_ref().map(Error::exit), Some(crate::exit::Exit::BadData));
                }
            }
        }
    }
}

#[test]
fn what_is_strange_about_a_large_host_is_counted_once() {
    let row = "<ReportItem pluginID='1'><plugin_output>\x01</plugin_output></ReportItem>".repeat(50);
    for strange in ["\u{1}", "&#2;", "\u{80}"] {
        let host = format!(
            "<ReportHost name='a{strange}' x='{strange}'><HostProperties><tag name='y'>{strange}</tag></HostProperties>\
             {row}</ReportHost>"
        );
        let document = format!("<NessusClientData_v2>{host}{host}</NessusClientData_v2>");
        // A lone byte of a character of several is no UTF-8.
        let bytes: Vec<u8> = document.chars().map(|symbol| symbol as u8).collect();
        for part in [1 << 20, 1000, 100] {
            let sizes = Sizes { chunk: 200, part, ..SMALL };
            let (rows, decoded) = rows_of(bytes.as_slice(), 2, sizes, Needs::All);
            assert_eq!((problem(&decoded).as_str(), rows.len()), ("", 100));
            assert_eq!(decoded.replaced, 106, "{strange:?} {part}");
        }
    }
}

#[test]
fn too_much_at_once_is_refused() {
    let row = format!("<ReportItem pluginID='1'><plugin_output>{}</plugin_output></ReportItem>", "x".repeat(5000));
    let document = format!("<NessusClientData_v2><ReportHost name='a'>{row}{row}</ReportHost></NessusClientData_v2>");
    let read = |most| rows_of(document.as_bytes(), 2, Sizes { chunk: 100, part: 200, most, rows: 4096 }, Needs::All).1;
    assert!(read(8000).is_complete());
    assert!(problem(&read(3000)).contains("one row or host property of more than 3000 bytes"));
    let policy = format!("<NessusClientData_v2><Policy>{}</Policy></NessusClientData_v2>", "x".repeat(5000));
    let decoded = rows_of(policy.as_bytes(), 2, Sizes { chunk: 100, part: 200, most: 3000, rows: 4096 }, Needs::All).1;
    assert!(problem(&decoded).contains("a text of more than 3000 bytes"), "{}", problem(&decoded));
}

#[test]
fn what_came_before_a_row_that_is_too_large_is_given() {
    let row = |id: u32, output: &str| {
        format!("<ReportItem pluginID='{id}'><plugin_output>{output}</plugin_output></ReportItem>")
    };
    let head = "<ReportHost name='b'><HostProperties><tag name='host-ip'>192.0.2.1</tag></HostProperties>";
    let small = row(2, "<![CDATA[<ReportItem>]]>") + "<ReportItem pluginID='3'/>";
    let large = row(4, &"x".repeat(5000));
    for (before, is_known) in [(0, 3), (20, 23)] {
        let rows: String = (0..before).map(|id| row(id, "text")).collect();
        let document = format!(
            "<NessusClientData_v2><ReportHost name='a'>{}</ReportHost>{head}{rows}{small}{large}</ReportHost>\
             </NessusClientData_v2>",
            row(1, "")
        );
        let place = document.find(&large).unwrap();
        for needs in [Needs::Core, Needs::All] {
            for part in [200, 2000] {
                let sizes = Sizes { chunk: 100, part, most: 3000, rows: 4096 };
                let (rows, decoded) = rows_of(document.as_bytes(), 2, sizes, needs);
                assert_eq!((rows.len(), decoded.hosts), (is_known, 2));
                assert!(rows[1..].iter().all(|row| row.contains("ip: Some(\"192.0.2.1\")")), "{rows:?}");
                let what = format!("broken at byte {place}: one row or host property of more than 3000 bytes");
                assert!(problem(&decoded).contains(&what), "{part}: {}", problem(&decoded));
            }
        }
    }
    let host = "<ReportHost name='a'><ReportItem pluginID='1'/></ReportHost>";
    let tag = format!("<ReportHost a='{}", "x".repeat(2 * markup::LONGEST_TAG));
    let document = format!("<NessusClientData_v2>{host}{tag}");
    let sizes = Sizes { chunk: 4 * markup::LONGEST_TAG, part: 1 << 30, most: 1 << 30, rows: 4096 };
    let (rows, decoded) = rows_of(document.as_bytes(), 1, sizes, Needs::All);
    assert_eq!(rows.len(), 1, "{}", problem(&decoded));
    assert!(problem(&decoded).contains("a tag of more than"), "{}", problem(&decoded));
}

#[test]
fn the_content_of_attachments_makes_no_row_too_large() {
    let base64 = |length: usize| "aGVsbG8r/w==\r\n".repeat(length / 14 + 1);
    let file = |name: &str, length: usize| {
        format!("<attachment name='{name}' type='image/png'>{}</attachment>", base64(length))
    };
    let output = "<plugin_output><![CDATA[<attachment>]]><!-- <attachment> --> &lt;\u{e9}</plugin_output>";
    let rows = format!(
        "<ReportItem pluginID='1'>{}</ReportItem><ReportItem pluginID='2'>{}{output}{}<attachment name='empty'/>{}\
         <cve>CVE-2024-1</cve></ReportItem><ReportItem pluginID='3'/>",
        file("a", 90_000),
        file("b", 40_000),
        file("c", 30),
        file("d", 20_000),
    );
    let document = |inside: &str| {
        format!(
            "<NessusClientData_v2><ReportHost name='a'>{inside}</ReportHost><ReportHost name='b'>{inside}</ReportHost></NessusClientData_v2>"
        )
    };
    let roomy = Sizes { chunk: 1 << 20, part: 1 << 20, most: 1 << 20, rows: 4096 };
    for needs in [Needs::Core, Needs::Facts, Needs::All] {
        let text = document(&rows);
        let (expected, decoded) = rows_of(text.as_bytes(), 1, roomy, needs);
        assert_eq!((problem(&decoded).as_str(), expected.len()), ("", 6));
        for (chunk, part) in [(100, 200), (1000, 2000), (6000, 100)] {
            let (rows, decoded) = rows_of(text.as_bytes(), 2, Sizes { chunk, part, most: 16_000, rows: 4096 }, needs);
            assert_eq!(problem(&decoded), "", "{chunk}");
            assert_eq!((rows, decoded.hosts), (expected.clone(), 2), "{chunk}");
        }
    }
    // What is wrong is found all the same, and where it stands.
    for (wrong, what) in [
        ("<attachment name='e'>&no;</attachment>", "an unknown entity `&no;`"),
        ("<x></y>", "`</y>` where `x` is open"),
        ("<attachment>x</attachments>", "`</attachments>` where `attachment` is open"),
    ] {
        let row = format!("<ReportItem pluginID='4'>{}{wrong}{}</ReportItem>", file("f", 40_000), file("g", 9_000));
        let text = document(&format!("{rows}{row}"));
        let (expected, whole) = rows_of(text.as_bytes(), 1, roomy, Needs::All);
        assert!(problem(&whole).contains(what), "{}", problem(&whole));
        let sizes = Sizes { chunk: 500, part: 1000, most: 16_000, rows: 4096 };
        let (rows, decoded) = rows_of(text.as_bytes(), 2, sizes, Needs::All);
        assert_eq!((rows, problem(&decoded)), (expected, problem(&whole)));
    }
}
