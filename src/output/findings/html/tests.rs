use serde_json::Value;

use super::super::sample::{self, HOSTILE};
use super::super::testing::{Row, document, row};
use super::super::{About, Change, FindingFormat, Options, open};
use super::{SCRIPT, STYLE, WHOLE, blocks};
use crate::findings::{Attachment, Decoded, Severity};

fn page(rows: &[Row]) -> String {
    document(FindingFormat::Html, &sample::about(), rows, true).0
}

/// What stands between the first of these and the next of those after it.
fn between<'t>(text: &'t str, from: &str, to: &str) -> &'t str {
    let (_, after) = text.split_once(from).unwrap_or_else(|| panic!("no {from:?}"));
    after.split_once(to).unwrap_or_else(|| panic!("no {to:?} after {from:?}")).0
}

/// Everything between two marks, wherever.
fn all<'t>(text: &'t str, from: &str, to: &str) -> Vec<&'t str> {
    text.split(from).skip(1).map(|after| after.split_once(to).unwrap().0).collect()
}

/// What the page's script puts together from the blocks.
#[derive(Debug, Default)]
struct Data {
    checks: Vec<Value>,
    hosts: Vec<Value>,
    rows: Vec<Value>,
    texts: Vec<Value>,
}

impl Data {
    fn of(page: &str) -> Self {
        let mut data = Self::default();
        for block in all(page, "<script type=\"application/json\" class=\"facts\">", "</script>") {
            let block: Value = serde_json::from_str(block).unwrap();
            for (key, into) in [("checks", &mut data.checks), ("hosts", &mut data.hosts), ("rows", &mut data.rows)] {
                into.extend(block[key].as_array().unwrap().iter().cloned());
            }
        }
        for block in all(page, "<script type=\"application/json\" class=\"texts\" data-end=\"", "</script>") {
            let (end, texts) = block.split_once("\">").unwrap();
            data.texts.extend(serde_json::from_str::<Vec<Value>>(texts).unwrap());
            assert_eq!(data.texts.len(), end.parse::<usize>().unwrap(), "a block says which number comes after it");
        }
        // Every number leads to something.
        for row in &data.rows {
            let number = |at: usize| usize::try_from(row[at].as_u64().unwrap()).unwrap();
            assert!(number(0) < data.checks.len() && number(1) < data.hosts.len() && number(6) < data.texts.len());
        }
        data
    }

    /// Of a row: its check, its host, its severity, what it tells.
    fn told(&self, row: usize) -> (&Value, &Value, u64, &Value) {
        let row = &self.rows[row];
        let number = |at: usize| usize::try_from(row[at].as_u64().unwrap()).unwrap();
        (&self.checks[number(0)], &self.hosts[number(1)], row[2].as_u64().unwrap(), &self.texts[number(6)])
    }
}

/// The policy's hashes, made by another hand than the writer's.
fn sha256(text: &str) -> String {
    use base64::Engine as _;
    let mut context = ring::digest::Context::new(&ring::digest::SHA256);
    text.bytes().for_each(|byte| context.update(&[byte]));
    format!("'sha256-{}'", base64::prelude::BASE64_STANDARD.encode(context.finish()))
}

#[test]
fn the_policy_lets_only_what_is_written_work() {
    for rows in [&[][..], &[row("h", "1", Severity::High)]] {
        let page = page(rows);
        let policy = between(&page, "http-equiv=\"Content-Security-Policy\" content=\"", "\"");
        let scripts = all(&page, "<script>", "</script>");
        let styles = all(&page, "<style>", "</style>");
        assert_eq!((scripts.len(), styles.as_slice()), (1, &[STYLE, WHOLE][..]));
        let [style, whole] = styles[..] else { panic!("two styles") };
        assert_eq!(
            policy,
            format!(
                "default-src 'none'; script-src {}; style-src {} {}; base-uri 'none'; form-action 'none'",
                sha256(scripts[0]),
                sha256(style),
                sha256(whole)
            )
        );
        // Before anything of a vendor's.
        assert!(page.find(policy).unwrap() < page.find("<title>").unwrap());
        // No style or handler stands in an attribute, where no hash allows it.
        let markup = page.replace(scripts[0], "").replace(style, "");
        for attribute in [" style=", " onclick=", " onload=", " src=", "@import", "url("] {
            assert!(!markup.contains(attribute), "{attribute}");
        }
    }
    for code in [SCRIPT, STYLE] {
        for word in
            ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "fetch(", "XMLHttp", "url("]
        {
            assert!(!code.contains(word), "{word}");
        }
    }
    assert!(!SCRIPT.contains("</") && !STYLE.contains("</"), "the element would end there");
}

#[test]
fn a_page_without_a_finding_is_whole() {
    let page = page(&[]);
    assert!(page.starts_with("<!doctype html>\n<html lang=\"en\">") && page.ends_with("</body>\n</html>\n"));
    assert!(page.contains("class=\"sum\">0</text>") && !page.contains("class=\"part "), "a ring without a part");
    assert_eq!(all(&page, "data-severity=", "</li>").len(), 5);
    assert!(!page.contains("Worst") && !page.contains("application/json") && !page.contains("Incomplete"));
    // Also with no report at all.
    let place = sample::Shared::default();
    open(FindingFormat::Html, Box::new(place.clone()), &Options::default()).finish(true).unwrap();
    let page = place.text();
    assert!(
        page.starts_with("<!doctype html>\n") && page.ends_with("</html>\n") && page.contains("0 reports"),
        "{page}"
    );
}

#[test]
fn what_is_counted_stands_in_the_markup() {
    let second = |plugin, severity| {
        row("web02", plugin, severity).host(|host| {
            (host.fqdn, host.ip) = (Some("web02.example.org".into()), Some("192.0.2.2".into()));
        })
    };
    let rows = [
        row("web01", "1", Severity::Critical).port(443).change(|details| details.vpr = Some(9.24)),
        row("web01", "2", Severity::Info),
        second("1", Severity::Critical),
        second("3", Severity::Info),
    ];
    let page = page(&rows);
    assert!(page.contains("aria-label=\"Findings by severity: 2 critical, 0 high, 0 medium, 0 low, 2 info\""));
    // Half of the ring from the top on, then the other half.
    assert!(page.contains("<circle class=\"part critical\" cx=\"20\" cy=\"20\" r=\"15.9155\" stroke-dasharray=\"50.000 50.000\" stroke-dashoffset=\"25.000\">"));
    assert!(page.contains("<circle class=\"part info\" cx=\"20\" cy=\"20\" r=\"15.9155\" stroke-dasharray=\"50.000 50.000\" stroke-dashoffset=\"-25.000\">"));
    assert!(page.contains("<li class=\"critical\" data-severity=\"4\"><b>2</b> <span>critical</span></li>"));
    assert!(page.contains("<li class=\"high none\" data-severity=\"3\"><b>0</b> <span>high</span></li>"));
    assert!(page.contains(
        "<code>io/219@9f2c</code> <span>Weekly DMZ</span> <span>2026-11-20 01:00 – 2026-11-20 02:10 UTC</span>"
    ));
    let hosts = between(&page, "<h2>Worst hosts</h2>", "</section>");
    assert_eq!(all(hosts, "data-host=\"", "\""), ["web01", "web02.example.org"]);
    assert!(hosts.contains("<small>192.0.2.2</small>") && hosts.contains("aria-label=\"1 critical, 1 info\""));
    let checks = between(&page, "<h2>Worst checks</h2>", "</section>");
    assert_eq!(all(checks, "data-plugin=\"", "\""), ["1", "2", "3"]);
    assert!(checks.contains("<small>VPR 9.2</small>"), "{checks}");
}

#[test]
fn only_the_worst_ten_are_named_and_the_rest_is_counted() {
    let rows: Vec<Row> = (0..13)
        .map(|number| {
            row(
                &format!("host{number:02}"),
                &format!("{number}"),
                if number == 7 { Severity::High } else { Severity::Low },
            )
        })
        .collect();
    let page = page(&rows);
    let hosts = between(&page, "<h2>Worst hosts</h2>", "</section>");
    let named = all(hosts, "data-host=\"", "\"");
    assert_eq!((named.len(), named[0]), (10, "host07"));
    assert!(hosts.contains("and 3 more hosts"));
    assert!(between(&page, "<h2>Worst checks</h2>", "</section>").contains("and 3 more checks"));
}

#[test]
fn a_row_leads_to_its_check_its_host_and_their_texts() {
    let rows = [
        row("web01", "156032", Severity::Critical).port(443).change(|details| *details = sample::library()),
        row("web01", "21157", Severity::High).change(|details| {
            *details = sample::check();
            details.attachments = vec![Attachment { name: "scan.txt".into(), media_type: None }];
        }),
        row("db", "156032", Severity::Critical).port(8443).change(|details| {
            *details = sample::library();
            details.output = None;
        }),
    ];
    let data = Data::of(&page(&rows));
    assert_eq!((data.checks.len(), data.hosts.len(), data.rows.len()), (2, 2, 3), "{data:?}");
    let (check, host, severity, text) = data.told(0);
    assert_eq!(check[0], "156032");
    assert_eq!(check[1], "Example Library Multiple Vulnerabilities");
    assert_eq!(
        (&check[2], &check[3], &check[4], &check[5], &check[8]),
        (&"CGI abuses".into(), &9.8.into(), &9.2.into(), &0.94.into(), &2.into())
    );
    assert_eq!((&host[0], severity), (&Value::from("web01"), 4));
    assert_eq!(text["output"], "  Installed version : 1.0\n  Fixed version : 1.1");
    assert_eq!(text["id"].as_str().unwrap().len(), 32);
    assert!(text["facts"].to_string().contains(r#"["First seen","2026-10-01 00:00 UTC"]"#), "{text}");
    let told = &data.texts[usize::try_from(check[7].as_u64().unwrap()).unwrap()];
    assert_eq!(told["solution"], "Update the library.");
    assert_eq!(told["links"], serde_json::json!(["https://example.org/a", "https://example.org/b?c=d"]));
    assert_eq!((&told["cves"][1], &told["cwes"][0]), (&"CVE-2021-0002".into(), &502.into()));
    assert!(told["facts"].to_string().contains(r#"["CVSS 3","9.8 · CVSS:3.1/AV:N"#), "{told}");

    let (check, _, severity, text) = data.told(1);
    assert_eq!((&check[1], severity), (&"1.1.1 Ensure that it is so".into(), 3));
    let facts = text["facts"].to_string();
    assert!(facts.contains(r#"["Result","FAILED"],["On the host","0"]"#), "{facts}");
    assert!(facts.contains(r#"["Attachments","scan.txt"]"#), "{facts}");

    // The check's texts are there once, however often it was found.
    assert_eq!(data.rows[0][0], data.rows[2][0]);
    assert_eq!(data.rows[2][3], 443);
    assert!(data.told(2).3.get("output").is_none());
}

#[test]
fn what_is_not_whole_is_marked() {
    let write = |end: bool, finish: bool| {
        let place = sample::Shared::default();
        let mut writer = open(FindingFormat::Html, Box::new(place.clone()), &Options::default());
        writer.begin(&sample::about()).unwrap();
        row("h", "1", Severity::Low).with(|finding| writer.finding(finding).unwrap());
        writer.end(&Decoded { findings: 1, hosts: 1, ..Decoded::default() }, end).unwrap();
        writer.finish(finish).unwrap();
        place.text()
    };
    for (end, finish) in [(false, false), (false, true), (true, false)] {
        let page = write(end, finish);
        let mark = page.find("<strong>Incomplete.</strong>").unwrap();
        assert!(mark < page.find("class=\"overview\"").unwrap());
    }
    assert!(!write(true, true).contains("Incomplete"));
}

#[test]
fn a_page_that_ends_early_says_so() {
    let page = page(&[row("h", "1", Severity::Low)]);
    let mark = page.find("<p class=\"loading\">").unwrap();
    let hidden = page.rfind(&format!("<style>{WHOLE}</style>")).unwrap();
    assert!(mark < page.find("application/json").unwrap() && hidden > page.find("<footer>").unwrap());
    assert!(!STYLE.contains(".loading { display"), "only the end hides it");
}

#[test]
fn a_comparison_tells_each_state() {
    let rows = [
        row("a", "1", Severity::High).compared(Change::Unchanged),
        row("b", "1", Severity::High).compared(Change::New),
        row("c", "2", Severity::Low).compared(Change::Fixed),
        row("d", "3", Severity::Info).compared(Change::Changed),
    ];
    let page = page(&rows);
    let changes = between(&page, "<ul class=\"changes\"", "</ul>");
    for (key, word) in [("new", "New"), ("fixed", "Fixed"), ("changed", "Changed"), ("unchanged", "Unchanged")] {
        assert!(
            changes.contains(&format!("<li class=\"{key}\" data-change=\"{key}\"><b>1</b> {word}</li>")),
            "{changes}"
        );
    }
    // What is gone has a row, and is not counted as if it were there.
    assert!(page.contains("class=\"sum\">3</text>") && page.contains("<b>0</b> <span>low</span>"));
    let data = Data::of(&page);
    let states: Vec<u64> = data.rows.iter().map(|row| row[8].as_u64().unwrap()).collect();
    assert_eq!(states, [3, 0, 1, 2]);
    // The script names them in this order.
    assert!(SCRIPT.contains(r#"const CHANGES = ["new", "fixed", "changed", "unchanged", "unseen"];"#));
    assert!(Data::of(&self::page(&[row("a", "1", Severity::Low)])).rows[0][8].is_null());
}

#[test]
fn several_reports_are_listed_with_their_own_counts() {
    let place = sample::Shared::default();
    let mut writer = open(FindingFormat::Html, Box::new(place.clone()), &Options::default());
    for number in 0..205 {
        writer.begin(&About { address: format!("io/{number}@<1>"), ..About::default() }).unwrap();
        for plugin in 0..=number % 2 {
            row("same-host", &plugin.to_string(), Severity::Low).with(|finding| writer.finding(finding).unwrap());
        }
        writer.end(&Decoded { hosts: 1, ..Decoded::default() }, number != 1).unwrap();
    }
    writer.finish(true).unwrap();
    let page = place.text();
    let reports = between(&page, "<details class=\"card reports\">", "</details>");
    assert!(
        reports.contains("<li><code data-report>io/0@&lt;1&gt;</code> <span>1 finding</span></li>\n<li><code data-report>io/1@&lt;1&gt;</code> <span>2 findings</span> <strong class=\"part\">incomplete</strong></li>"),
        "{reports}"
    );
    assert_eq!(all(reports, "<code data-report>", "</code>").len(), 200);
    assert!(reports.contains("… and 5 more") && page.contains("<strong>Incomplete.</strong>"));
    let data = Data::of(&page);
    assert_eq!((data.rows.len(), data.checks.len(), data.hosts.len()), (307, 2, 205));
    assert_eq!(data.rows.last().unwrap()[7], 204, "each row knows its report");
}

#[test]
fn hostile_text_stays_text() {
    for text in HOSTILE {
        let (host, details) = sample::says(text);
        let about = About { address: text.to_owned(), name: Some(text.to_owned()), ..sample::about() };
        let page = sample::document(FindingFormat::Html, &Options::default(), &about, &[(host, vec![details])]);
        assert!(!page.chars().any(|symbol| crate::text::has_power(symbol) && symbol != '\n'), "{page}");
        let data = Data::of(&page);
        let (check, _, _, told) = data.told(0);
        assert_eq!((&check[4], &check[5]), (&Value::Null, &Value::Null), "scores out of range are none");
        if !text.trim().is_empty() {
            let kept = told["output"].as_str().unwrap();
            // Nothing is lost but what has power.
            let harmless =
                text.replace(|symbol| crate::text::has_power(symbol) && !"\n\r\t".contains(symbol), "\u{fffd}");
            assert_eq!(kept, harmless);
        }
        let markup = page.replace(SCRIPT, "").replace(STYLE, "");
        assert_eq!(all(&markup, "<script", ">").len(), 3, "the page's own, and two blocks");
        assert!(!markup.contains("<script>alert") && !markup.contains("<img"));
    }
}

#[test]
fn long_texts_are_cut_and_the_reader_is_told() {
    let long = "ä".repeat(20_000);
    let rows = [row("h", "1", Severity::Low).change(|details| {
        details.output = Some(long.clone().into());
        details.description = Some(long.clone().into());
        details.plugin_name = Some(long.clone().into());
        details.cves = (0..900).map(|number| format!("CVE-2024-{number:04}").into()).collect();
    })];
    let data = Data::of(&page(&rows));
    let (check, _, _, text) = data.told(0);
    assert_eq!(
        text["output"].as_str().unwrap().len() + usize::try_from(text["cut"].as_u64().unwrap()).unwrap(),
        40_000
    );
    assert_eq!(text["output"].as_str().unwrap().len(), 16 << 10);
    assert_eq!(check[1].as_str().unwrap().chars().count(), 200);
    assert_eq!((check[6].as_array().unwrap().len(), &check[8]), (40, &900.into()));
}

/// Counts what is written, and keeps nothing of it.
#[derive(Clone, Default)]
struct Counted(std::sync::Arc<std::sync::atomic::AtomicUsize>);

impl std::io::Write for Counted {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.fetch_add(bytes.len(), std::sync::atomic::Ordering::Relaxed);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn rows_beyond_the_limit_are_counted_and_information_leaves_room() {
    let place = sample::Shared::default();
    let mut writer = open(FindingFormat::Html, Box::new(place.clone()), &Options::default());
    writer.begin(&sample::about()).unwrap();
    for (severity, count) in [(Severity::Info, 60_000), (Severity::Low, 60_000)] {
        let mut left = count;
        row("h", "1", severity).with(|finding| {
            while left > 0 {
                writer.finding(finding).unwrap();
                left -= 1;
            }
        });
    }
    writer.end(&Decoded { hosts: 1, ..Decoded::default() }, true).unwrap();
    writer.finish(true).unwrap();
    let page = place.text();
    let data = Data::of(&page);
    assert_eq!(data.rows.len() as u64, blocks::MOST_ROWS);
    let info = data.rows.iter().filter(|row| row[2] == 0).count();
    assert_eq!(info, 50_000, "half of the room is kept for what is worse");
    assert!(page.contains("20,000 findings are counted above and not listed here: a page lists at most 100,000."));
    assert!(page.contains("<b>60,000</b> <span>info</span>") && page.contains("class=\"sum\">120,000</text>"));
    assert_eq!(
        writer.notes(),
        ["HTML: 20000 findings are counted but not listed; a page with more than 100000 is of no use"]
    );
}

#[test]
fn texts_beyond_the_limit_are_left_out_and_the_rows_stay() {
    let written = Counted::default();
    let mut writer = open(FindingFormat::Html, Box::new(written.clone()), &Options::default());
    writer.begin(&sample::about()).unwrap();
    let long = "x".repeat(16 << 10);
    row("h", "1", Severity::Low).change(|details| details.output = Some(long.into())).with(|finding| {
        for _ in 0..5000 {
            writer.finding(finding).unwrap();
        }
    });
    writer.end(&Decoded { hosts: 1, ..Decoded::default() }, true).unwrap();
    writer.finish(true).unwrap();
    let size = written.0.load(std::sync::atomic::Ordering::Relaxed);
    assert!((blocks::MOST_TEXT..blocks::MOST_TEXT + (2 << 20)).contains(&size), "{size}");
    assert_eq!(writer.notes(), ["HTML: texts beyond 64 MiB were left out"]);
}
