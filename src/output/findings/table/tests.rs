//! Tables as people see them, of every width.

use unicode_width::UnicodeWidthStr as _;

use super::super::sample::{Document, HOSTILE, about, bare, check, document, library, says, web};
use super::super::{About, FindingFormat, Options};
use super::MOST_HELD;
use crate::findings::{Cvss, Details, Host, Severity, SeveritySource};

fn written(width: Option<u16>, color: bool, hosts: &[(Host<'_>, Vec<Details<'_>>)]) -> String {
    document(FindingFormat::Table, &Options { width, color, ..Options::default() }, &about(), hosts)
}

fn named<'a>(name: &'a str) -> Host<'a> {
    Host { name: name.into(), ..Host::default() }
}

fn few<'a>() -> Vec<(Host<'a>, Vec<Details<'a>>)> {
    let derived = Details {
        severity_source: SeveritySource::Derived,
        cvss2: Some(Cvss { base_score: Some(4.0), ..Cvss::default() }),
        port: Some(53),
        protocol: Some("udp".into()),
        ..bare("7", "Something between", Severity::Medium)
    };
    vec![(web(), vec![library(), check()]), (named("db"), vec![derived, bare("8", "全角 name", Severity::Low)])]
}

#[test]
fn rows_then_counts() {
    assert_eq!(
        written(None, false, &few()),
        "\
SEVERITY          HOST               PORT     PLUGIN  CVSS    VPR  NAME
critical          web01.example.org  443/tcp  156032  9.8     9.2  Example Library Multiple Vulnerabilities
high              web01.example.org  -        21157   -       -    FAILED: 1.1.1 Ensure that it is so
medium (derived)  db                 53/udp   7       4.0 v2  -    Something between
low               db                 -        8       -       -    全角 name

1 critical, 1 high, 1 medium, 1 low on 2 hosts in io/219@9f2c
"
    );
}

#[test]
fn it_fits_every_width() {
    assert_eq!(
        written(Some(80), false, &few()),
        "\
SEVERITY          HOST               PORT     PLUGIN  NAME
critical          web01.example.org  443/tcp  156032  Example Library Multiple …
high              web01.example.org  -        21157   FAILED: 1.1.1 Ensure that…
medium (derived)  db                 53/udp   7       Something between
low               db                 -        8       全角 name

1 critical, 1 high, 1 medium, 1 low on 2 hosts in io/219@9f2c
"
    );
    for width in 1..140 {
        for color in [false, true] {
            let text = written(Some(width), color, &few());
            for line in text.split("\n\n").next().unwrap().lines() {
                let plain = line.replace("\u{1b}[0m", "").replace("\u{1b}[1;31m", "").replace("\u{1b}[1m", "");
                let plain = plain.replace("\u{1b}[31m", "").replace("\u{1b}[33m", "").replace("\u{1b}[36m", "");
                assert!(plain.width() <= usize::from(width), "{width}: {plain}");
            }
        }
    }
}

#[test]
fn severities_are_coloured_where_that_is_wanted() {
    let text = written(None, true, &few());
    assert!(text.starts_with("\u{1b}[1mSEVERITY "), "{text}");
    assert!(text.contains("\n\u{1b}[1;31mcritical\u{1b}[0m          web01"), "{text}");
    assert!(text.contains("\u{1b}[1;31m1 critical\u{1b}[0m, \u{1b}[31m1 high\u{1b}[0m, "), "{text}");
    assert!(!written(None, false, &few()).contains('\u{1b}'));
}

#[test]
fn nothing_is_said_to_be_nothing() {
    assert_eq!(written(None, false, &[]), "no findings in io/219@9f2c\n");
    let hosts = [(web(), vec![]), (named("db"), vec![])];
    assert_eq!(written(None, false, &hosts), "no findings on 2 hosts in io/219@9f2c\n");
    let mut document = Document::new(FindingFormat::Table, &Options::default());
    document.report(&About::default(), &[], false);
    assert_eq!(document.finish(true), "no findings (incomplete)\n");
}

#[test]
fn several_reports_have_a_sum() {
    let mut document = Document::new(FindingFormat::Table, &Options::default());
    document.report(&about(), &[(named("a"), vec![bare("1", "x", Severity::Info)])], true);
    let other = About { address: "sc/@8".to_owned(), ..about() };
    document.report(&other, &[(named("a"), vec![bare("1", "x", Severity::High)])], false);
    assert_eq!(
        document.finish(false),
        "\
SEVERITY  HOST  PORT  PLUGIN  CVSS  VPR  NAME
info      a     -     1       -     -    x

1 info on 1 host in io/219@9f2c

SEVERITY  HOST  PORT  PLUGIN  CVSS  VPR  NAME
high      a     -     1       -     -    x

1 high on 1 host in sc/@8 (incomplete)

in all: 1 high, 1 info on 2 hosts
"
    );
}

#[test]
fn hosts_that_take_turns_count_once() {
    let hosts: Vec<_> = ["a", "b", "a", "b"].map(|host| (named(host), few().remove(0).1)).into();
    let text = written(None, false, &hosts);
    assert!(text.ends_with("\n4 critical, 4 high on 2 hosts in io/219@9f2c\n"), "{text}");
}

#[test]
fn columns_can_be_chosen() {
    let options =
        Options { columns: Some("host,plugin_id,cves".parse().unwrap()), width: Some(40), ..Options::default() };
    let text = document(FindingFormat::Table, &options, &about(), &[(web(), vec![library(), check()])]);
    assert_eq!(
        text,
        "\
HOST            PLUGIN ID  CVES
web01.example…  156032     CVE-2021-000…
web01.example…  21157      -

1 critical, 1 high on 1 host in io/219@9f2c
"
    );
}

#[test]
fn what_comes_late_does_not_wait() {
    let names: Vec<String> = (0..=MOST_HELD).map(|at| format!("h{at}")).collect();
    let mut hosts: Vec<_> = names.iter().map(|name| (named(name), vec![bare("1", "short", Severity::Info)])).collect();
    hosts.push((named("a-very-long-name.example.org"), vec![bare("123456789", "long", Severity::Info)]));
    let last = |text: String| text.lines().nth(MOST_HELD + 2).unwrap().to_owned();
    assert_eq!(last(written(None, false, &hosts)), "info      a-very-long-name.example.org  -  123456789  -  -  long");
    assert_eq!(last(written(Some(100), false, &hosts)), "info      a-v…  -     12345…  -     -    long");
}

#[test]
fn hostile_text_is_one_harmless_line() {
    for text in HOSTILE {
        let (host, details) = says(text);
        let written = written(None, false, &[(host, vec![details])]);
        assert_eq!(written.lines().count(), 4, "{written}");
        assert!(!written.chars().any(|symbol| crate::text::has_power(symbol) && symbol != '\n'), "{written}");
    }
}
