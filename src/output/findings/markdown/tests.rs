use super::super::testing::{Row, document, row};
use super::super::{About, Change, FindingFormat, Options, open};
use crate::findings::{Decoded, Severity};

fn about() -> About {
    About {
        address: "io/219@9f2c".to_owned(),
        name: Some("Weekly *DMZ*".to_owned()),
        product: Some("Tenable Vulnerability Management"),
        started_at: Some("2026-11-20T01:00:00Z".parse().unwrap()),
        ended_at: Some("2026-11-20T02:10:00Z".parse().unwrap()),
        ..About::default()
    }
}

fn summary(rows: &[Row]) -> String {
    document(FindingFormat::Markdown, &about(), rows, true).0
}

#[test]
fn the_worst_come_first_grouped_by_check() {
    let old = |host: &str| {
        row(host, "156032", Severity::Critical).port(443).change(|details| {
            details.plugin_name = Some("Example Library < 1.1".into());
            details.cves = (1..6).map(|number| format!("CVE-2021-{number:04}").into()).collect();
            details.solution = Some("Update\nthe library.".into());
            details.vpr = Some(9.2);
        })
    };
    let rows = [
        row("web01", "1", Severity::Info),
        row("web01", "2", Severity::Medium).port(22),
        old("web01"),
        old("web02"),
        old("web03"),
        old("web04"),
    ];
    insta::assert_snapshot!(summary(&rows), @r"
    ## Scan findings: 4 critical, 1 medium

    From `io/219@9f2c` · Weekly \*DMZ\* · Tenable Vulnerability Management · 2026-11-20 01:00 – 2026-11-20 02:10 UTC · 1 host · 6 findings

    | 🟥 Critical | 🟧 High | 🟨 Medium | 🟦 Low | ⬜ Info | Total |
    |--:|--:|--:|--:|--:|--:|
    | **4** | **0** | **1** | 0 | 1 | 6 |

    ### Worst findings

    | Severity | Finding | CVSS | VPR | Where |
    |---|---|--:|--:|---|
    | 🟥 critical | **Example Library \< 1.1**<br>`156032` `CVE-2021-0001` `CVE-2021-0002` `CVE-2021-0003` +2<br>Update the library. |  | 9.2 | `web01:443/tcp` `web02:443/tcp` `web03:443/tcp` +1 |
    | 🟨 medium | **plugin 2**<br>`2` |  |  | `web01:22/tcp` |

    1 informational finding is not listed.

    ### Hosts with the worst findings

    | Host | Critical | High | Medium | Low | Info |
    |---|--:|--:|--:|--:|--:|
    | `web01` | 1 | 0 | 1 | 0 | 1 |
    | `web02` | 1 | 0 | 0 | 0 | 0 |
    | `web03` | 1 | 0 | 0 | 0 | 0 |
    | `web04` | 1 | 0 | 0 | 0 | 0 |
    ");
}

#[test]
fn a_comparison_tells_what_is_new_and_fixed_and_where() {
    let rows = [
        row("a", "1", Severity::High).compared(Change::Unchanged),
        row("b", "1", Severity::High).compared(Change::New),
        row("c", "2", Severity::Low).compared(Change::Fixed),
        row("d", "3", Severity::Info).compared(Change::Changed),
    ];
    insta::assert_snapshot!(summary(&rows), @r"
    ## Scan findings: 1 new, 1 fixed

    From `io/219@9f2c` · Weekly \*DMZ\* · Tenable Vulnerability Management · 2026-11-20 01:00 – 2026-11-20 02:10 UTC · 1 host · 3 findings

    | 🟥 Critical | 🟧 High | 🟨 Medium | 🟦 Low | ⬜ Info | Total |
    |--:|--:|--:|--:|--:|--:|
    | **0** | **2** | **0** | 0 | 1 | 3 |

    | New | Fixed | Changed | Unchanged |
    |--:|--:|--:|--:|
    | **1** | **1** | 1 | 1 |

    ### New findings

    | Severity | Finding | CVSS | VPR | Where |
    |---|---|--:|--:|---|
    | 🟧 high | **plugin 1**<br>`1` |  |  | `b` |

    ### Fixed findings

    | Severity | Finding | CVSS | VPR | Where |
    |---|---|--:|--:|---|
    | 🟦 low | **plugin 2**<br>`2` |  |  | `c` |

    ### Changed findings

    | Severity | Finding | CVSS | VPR | Where |
    |---|---|--:|--:|---|
    | ⬜ info | **plugin 3**<br>`3` |  |  | `d` |

    ### Hosts with the worst findings

    | Host | Critical | High | Medium | Low | Info |
    |---|--:|--:|--:|--:|--:|
    | `a` | 0 | 1 | 0 | 0 | 0 |
    | `b` | 0 | 1 | 0 | 0 | 0 |
    ");
}

#[test]
fn nothing_is_a_summary_too_and_information_alone_is_listed() {
    let none = summary(&[]);
    assert!(none.starts_with("## Scan findings: none\n"), "{none}");
    assert!(!none.contains("###"), "{none}");
    let info = summary(&[row("h", "1", Severity::Info)]);
    assert!(info.starts_with("## Scan findings: 1 informational\n"), "{info}");
    assert!(info.contains("| ⬜\u{a0}info | **plugin 1**"), "{info}");
}

#[test]
fn what_is_not_whole_says_so_before_all_else() {
    let (part, _) = document(FindingFormat::Markdown, &about(), &[row("h", "1", Severity::Low)], false);
    let mark = part.find("**Incomplete.**").unwrap();
    assert!(mark < part.find("| 🟥 Critical").unwrap());
    assert!(!summary(&[]).contains("Incomplete"));
}

#[test]
fn several_reports_are_listed_with_their_own_counts() {
    let place = super::super::sample::Shared::default();
    let mut writer = open(FindingFormat::Markdown, Box::new(place.clone()), &Options::default());
    for (number, complete) in (0..25).map(|number| (number, number != 1)) {
        writer.begin(&About { address: format!("io/{number}@1"), ..About::default() }).unwrap();
        row("h", "1", Severity::Low).with(|finding| writer.finding(finding).unwrap());
        writer.end(&Decoded { hosts: 1, ..Decoded::default() }, complete).unwrap();
    }
    writer.finish(true).unwrap();
    let text = place.text();
    assert!(
        text.contains("| `io/0@1` | 0 | 0 | 0 | 1 | 0 |\n| `io/1@1` ⚠️ incomplete | 0 | 0 | 0 | 1 | 0 |"),
        "{text}"
    );
    assert!(text.contains("… and 15 more reports"), "{text}");
    assert!(text.contains("**Incomplete.**"), "a part is missing although the rest is there");
    assert!(text.contains("| **0** | **0** | **0** | 25 | 0 | 25 |"), "{text}");
}

#[test]
fn a_comment_takes_it_whatever_it_holds() {
    let worst = "|".repeat(300);
    let mut rows = Vec::new();
    for number in 0..60 {
        let label = format!("{number}{worst}");
        for change in [Change::New, Change::Fixed, Change::Changed] {
            rows.push(
                row(&label, &label, Severity::Critical)
                    .port(65535)
                    .change(|details| {
                        details.plugin_name = Some(format!("{change:?}{label}").into());
                        details.cves = vec!["CVE-2021-1234567890123456789".into(); 9];
                        details.solution = Some(label.clone().into());
                        details.protocol = Some(label.clone().into());
                    })
                    .host(|host| host.ip = Some(label.clone().into()))
                    .compared(change),
            );
        }
    }
    let about = About { address: worst.clone(), name: Some(worst.clone()), ..about() };
    let text = document(FindingFormat::Markdown, &about, &rows, true).0;
    assert!(text.contains("… and 50 more checks with 50 findings."), "{text}");
    let length = text.chars().count();
    assert!((20_000..65_536).contains(&length), "{length}");
}
