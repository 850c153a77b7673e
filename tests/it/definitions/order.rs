//! What is said first: grammar, config, support, confirmation, secrets; and nothing is sent before all of it is fine.

use scanctl::model::{Operation, Verb};

use super::{PROFILES, does, five};
use crate::common::Vendor;

#[test]
fn what_is_wrong_is_said_in_one_order_and_nothing_is_sent() {
    let vendor = Vendor::start();
    let env = five(&vendor);
    env.file("report.nessus", "<NessusClientData_v2/>", 0o600);
    for (arguments, code, said) in [
        // Grammar, before anything.
        (&["scans", "delete", "IO/219"][..], 2, "cannot be a profile's name"),
        (&["scans", "delete", "sc/34@8"], 2, "takes a scan"),
        (&["scans", "update", "sc/34@8", "--name", "x"], 2, "takes a scan"),
        (&["scans", "copy", "io/219@latest"], 2, "takes a scan"),
        (&["runs", "delete", "io/219"], 2, "needs SCAN@RUN"),
        (&["runs", "delete", "io/219@latest"], 2, "whichever is the newest"),
        (&["runs", "delete", "sc/name:Weekly DMZ"], 2, "whichever is the newest"),
        (&["scans", "create", "-p", "io", "-p", "sc", "--name", "x"], 2, "one profile"),
        (&["runs", "import", "-p", "io", "-p", "sc", "report.nessus"], 2, "one profile"),
        // What is written, before a confirmation and before secrets.
        (&["scans", "create", "-p", "cf"], 2, "missing: `targets`"),
        (&["runs", "import", "-p", "sc", "report.nessus"], 2, "missing: `repository`"),
        (&["runs", "import", "-p", "sc", "absent.nessus", "--repository", "1"], 2, "absent.nessus"),
        (&["runs", "import", "-p", "sc", ".", "--repository", "1"], 2, "no regular file"),
        // A confirmation, before secrets.
        (&["scans", "delete", "sc/34", "io/219"], 2, "deletion of 2 scans (sc/34, io/219) needs a confirmation"),
        (&["runs", "delete", "sc/@8"], 2, "deletion of 1 run with its result (sc/@8) needs a confirmation"),
        // Secrets last.
        (&["scans", "delete", "sc/34", "--yes"], 3, "NOT_SET"),
        (&["scans", "delete", "sc/34", "--dry-run"], 3, "NOT_SET"),
        (&["runs", "import", "-p", "sc", "report.nessus", "--repository", "1"], 3, "NOT_SET"),
        (&["runs", "copy", "sc/@8", "--user", "5", "--user", "6"], 3, "NOT_SET"),
        (&["runs", "email", "director/8", "--to", "soc@example.org"], 3, "NOT_SET"),
        (&["scans", "create", "-p", "jsa", "--name", "x", "--targets", "192.0.2.1"], 3, "NOT_SET"),
    ] {
        let expected =
            if code == 3 || after_support(said) { supported(arguments, code, said) } else { Some((code, said)) };
        let Some((code, said)) = expected else { continue };
        let output = env.run(arguments);
        let output = output.expect_code(code);
        assert!(output.stderr.contains(said) && output.stdout.is_empty(), "{arguments:?}\n{output}");
    }
    assert_eq!(vendor.connections(), 0);
}

/// What is said only where the backend does what is asked.
fn after_support(said: &str) -> bool {
    ["missing", "absent", "no regular", "needs"].iter().any(|start| said.contains(start))
}

/// What is to be said, unless the backends do not do it: that comes first. None where only some of them do.
fn supported<'a>(arguments: &[&'a str], code: i32, said: &'a str) -> Option<(i32, &'a str)> {
    let verb = Verb::ALL.into_iter().find(|verb| verb.name() == arguments[..2].join(" ")).unwrap();
    let profiles = PROFILES.iter().map(|(profile, _)| *profile);
    let named = profiles.filter(|profile| {
        arguments.iter().any(|argument| argument == profile || argument.starts_with(&format!("{profile}/")))
    });
    let able: Vec<bool> = named.map(|profile| does(profile, verb.operation())).collect();
    match (able.contains(&true), able.contains(&false)) {
        (true, true) => None,
        (true, false) => Some((code, said)),
        (false, _) => Some((7, "backend")),
    }
}

#[test]
fn flags_that_cannot_be_meant_are_refused() {
    let vendor = Vendor::start();
    let env = five(&vendor);
    for arguments in [
        &["runs", "copy", "sc/@8"][..],
        &["runs", "copy", "sc/@8", "--user", ""],
        &["runs", "email", "sc/@8"],
        &["runs", "email", "sc/@8", "--to", "nobody"],
        &["runs", "email", "sc/@8", "--to", "a@b c"],
        &["runs", "import", "-p", "sc", "report.nessus", "--timeout", "1h"],
        &["runs", "list", "sc/34", "--since", "2026-02-01", "--until", "2026-01-01"],
        &["runs", "list", "sc/34", "--since", "yesterday"],
        &["runs", "list", "sc/34", "--optimize", "perhaps"],
        &["scans", "delete"],
        &["scans", "delete", "sc/34", "sc/34", "--yes"],
        &["scans", "update", "sc/34", "sc/35", "--name", "x"],
    ] {
        let output = env.run(arguments).expect_code(2);
        assert_eq!(output.stdout, "", "{arguments:?}");
    }
    env.run(&["scans", "delete", "nope/219"]).expect_code(3);
    let raw = if does("cf", Operation::ScansCreate) { 2 } else { 7 };
    env.run(&["scans", "create", "-p", "cf", "--targets", "192.0.2.1", "--raw"]).expect_code(raw);
    assert_eq!(vendor.connections(), 0);
}

#[test]
fn a_blank_name_is_refused_unsent_on_every_backend() {
    let vendor = Vendor::start();
    let env = five(&vendor);
    env.file("blank.toml", "name = '\t'\n", 0o600);
    let mut refused = 0;
    for (profile, _) in PROFILES {
        let scan = format!("{profile}/3");
        for (operation, arguments) in [
            (Operation::ScansCopy, &["scans", "copy", &scan, "--name", "  "][..]),
            (Operation::ScansUpdate, &["scans", "update", &scan, "--name", "  "]),
            (Operation::ScansUpdate, &["scans", "update", &scan, "--file", "blank.toml"]),
            (Operation::ScansCreate, &["scans", "create", "-p", profile, "--name", " ", "--targets", "192.0.2.1"]),
        ] {
            let output = env.run(arguments);
            // A config of Cloudflare has no name, which is another refusal.
            if profile == "cf" || !does(profile, operation) {
                assert_ne!(output.code(), Some(0), "{output}");
                continue;
            }
            let output = output.expect_code(2);
            assert!(output.stderr.contains("`name`"), "{output}");
            refused += 1;
        }
    }
    assert!(refused >= 10, "{refused}");
    assert_eq!(vendor.connections(), 0);
}

/// Of several addresses the one that cannot be done is its own failure, and the others are asked about alone.
#[test]
fn the_count_is_of_what_can_be_deleted() {
    let vendor = Vendor::start();
    let env = five(&vendor);
    if !does("sc", Operation::RunsDelete) {
        env.run(&["runs", "delete", "sc/@8", "jsa/5@11"]).expect_code(7);
        return;
    }
    let output = env.run(&["runs", "delete", "sc/@8", "jsa/5@11"]).expect_code(2);
    assert!(output.stderr.contains("deletion of 1 run with its result (sc/@8)"), "{output}");
    assert_eq!(vendor.connections(), 0);
}

#[test]
fn on_a_terminal_the_question_names_what_is_lost_and_no_means_no() {
    let vendor = Vendor::start();
    let env = five(&vendor);
    if !does("sc", Operation::ScansDelete) || !does("io", Operation::ScansDelete) {
        eprintln!("not both of them delete scans");
        return;
    }
    for (answer, code) in [("n\n", 2), ("\n", 2), ("y\n", 3)] {
        let output = env.run_on_terminal(&["scans", "delete", "sc/34", "io/219"], answer).expect_code(code);
        assert!(output.stderr.contains("deletion of 2 scans (sc/34, io/219)?"), "{output}");
    }
    assert_eq!(vendor.connections(), 0);
}
