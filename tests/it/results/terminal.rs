//! What a terminal shows: rows and progress on one screen, and what is left of it.

use super::files::{endless, with_file};
use crate::common::tenable_vm::held;
use crate::common::{Env, Reply, Vendor, get};

/// What such a terminal shows at the end, without blanks at the edges and empty lines.
fn screen(text: &str, columns: usize) -> Vec<String> {
    let mut rows: Vec<Vec<char>> = vec![Vec::new()];
    let (mut x, mut y) = (0_usize, 0_usize);
    let mut symbols = text.chars();
    while let Some(symbol) = symbols.next() {
        match symbol {
            '\r' => x = 0,
            '\n' => (x, y) = (0, y + 1),
            '\u{1b}' => {
                assert_eq!(symbols.next(), Some('['));
                let mut digits = String::new();
                let order = symbols.by_ref().find(|symbol| {
                    digits.push(*symbol);
                    symbol.is_ascii_alphabetic()
                });
                let count: usize = digits.trim_end_matches(char::is_alphabetic).parse().unwrap_or(1);
                match order {
                    Some('A') => y = y.saturating_sub(count),
                    Some('B') => y += count,
                    Some('K') => rows[y].clear(),
                    Some('m') => {}
                    order => panic!("{order:?}"),
                }
            }
            symbol => {
                if x == columns {
                    (x, y) = (0, y + 1);
                }
                rows.resize_with(rows.len().max(y + 1), Vec::new);
                let row = &mut rows[y];
                row.resize(row.len().max(x + 1), ' ');
                row[x] = symbol;
                x += 1;
            }
        }
        rows.resize_with(rows.len().max(y + 1), Vec::new);
    }
    let rows = rows.into_iter().map(|row| row.into_iter().collect::<String>().trim().to_owned());
    rows.filter(|row| !row.is_empty()).collect()
}

/// A home on a terminal that can move its cursor.
fn home() -> Env {
    let mut env = Env::new();
    env.set("TERM", "xterm");
    env
}

#[test]
fn ctrl_c_leaves_nothing_of_the_live_display() {
    let env = home();
    let vendor = Vendor::start();
    env.profile("sc", "tenable-sc", &vendor.url(), "");
    let (_release, reply) = held(Reply::text(200, ""));
    vendor.expect(get("/rest/scanResult/8").any_query().any_number().reply_with(reply));
    for (before, command) in ["results", "export"].into_iter().enumerate() {
        let asked: &[&str] =
            if command == "export" { &["export", "sc/@8", "-o", "a.zip"] } else { &["results", "sc/@8"] };
        let (running, mut keyboard) = env.spawn_in_terminal(asked, 60);
        vendor.wait_until(|seen| seen.len() > before);
        running.until_stdout("sc/@8");
        // The terminal shows the key; nobody but this test sends the signal, as the program is in no session of its.
        std::io::Write::write_all(&mut keyboard, b"\x03").unwrap();
        running.until_stdout("^C");
        running.interrupt();
        drop(keyboard);
        let output = running.wait().expect_code(130);
        assert_eq!(screen(&output.stdout, 60), ["error: sc/@8: interrupted before everything was read"], "{output}");
    }
}

#[test]
fn rows_and_progress_share_a_terminal() {
    let whole = format!("{}</Report></NessusClientData_v2>", endless(3000));
    let env = home();
    let shown = |progress: &str| {
        let _vendor = with_file(&env, &whole);
        let output =
            env.run_in_terminal(&["results", "sc/@8", "-f", "csv", "--columns", "host", "--progress", progress], 60);
        screen(&output.expect_code(0).stdout, 60)
    };
    for progress in ["bar", "plain"] {
        std::fs::remove_file(env.config_path()).unwrap_or_default();
        let shown = shown(progress);
        let rows: Vec<&String> = shown.iter().filter(|row| row.starts_with("10.0.")).collect();
        assert_eq!(rows.len(), 3000, "{progress}");
        assert!(rows.iter().all(|row| row.split('.').count() == 4 && row.len() <= 11), "{progress}");
        let told = shown.iter().any(|row| row.starts_with("sc/@8  ") && row.contains("KiB"));
        assert_eq!(told, progress == "plain", "{progress}: {:?}", &shown[..4]);
    }
}
