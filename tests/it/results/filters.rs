//! Filters: what they take, and what is said of those that find nothing.

use super::home;

#[test]
fn what_was_asked_for_and_not_there_is_told() {
    let env = home();
    let asked = ["results", "--from", "newer.nessus", "--host", "db*,192.0.2.77", "--host", "x?", "--plugin", "abc"];
    let output = env.run(&asked).expect_code(0);
    let host = "warning: `--host 192.0.2.77,x?` matched no host that has findings in what was read\n";
    assert!(output.stderr.contains(host), "{output}");
    assert!(output.stderr.contains("warning: `--plugin abc` matched no finding in what was read\n"), "{output}");
    // A host that only the older report has was there.
    let gone = ["diff", "./older.nessus", "./newer.nessus", "--host", "192.0.2.77,192.0.2.0/24"];
    let output = env.run(&gone).expect_code(0);
    assert!(output.stderr.contains("warning: `--host 192.0.2.77` matched no host"), "{output}");
    let met = ["results", "--from", "newer.nessus", "--host", "192.0.2.1-14,db.example.org", "--severity", "critical"];
    let output = env.run(&met).expect_code(0);
    assert!(!output.stderr.contains("matched no"), "{output}");
}

#[test]
fn hosts_that_cannot_be_are_refused() {
    let env = home();
    for (host, hint) in [
        ("192.0.2.7:443", "without a port"),
        ("192.0.2.9-8", "as 192.0.2.7-192.0.2.9, or 192.0.2.7-9"),
        ("a b", "nothing else for more than itself"),
        ("!db*", "none can be left out"),
    ] {
        let output = env.run(&["results", "--from", "newer.nessus", "--host", host]).expect_code(2);
        assert!(output.stderr.contains(hint), "{output}");
    }
}
