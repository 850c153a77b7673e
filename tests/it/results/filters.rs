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

#[test]
fn a_report_for_people_says_what_a_filter_left_out() {
    let env = home();
    let results = |asked: &[&str]| env.run(&[&["results", "--from", "newer.nessus"], asked].concat()).expect_code(0);
    let all = results(&["-f", "ndjson"]).stdout;
    let (total, high) = (all.lines().count(), all.matches("\"severity\":\"high\"").count());
    let others = total - high;
    assert!(high > 1 && others > 1, "{all}");

    let output = results(&["--severity", "high"]);
    let told = output.stdout.lines().last().unwrap();
    assert!(told.ends_with(&format!(" in newer.nessus; {others} others left out by --severity high")), "{output}");
    let output = results(&["--severity", "high", "-f", "json"]);
    let told = format!("{high} findings: {high} high; {others} others left out by --severity high\n");
    assert!(output.stderr.contains(&told), "{output}");
    for (format, filter) in [("markdown", "`--severity high`"), ("html", "<code>--severity high</code>")] {
        let told = format!("Only findings that pass {filter} are counted and listed; {others} others are left out.");
        assert!(results(&["--severity", "high", "-f", format]).stdout.contains(&told), "{format}");
        assert!(!results(&["-f", format]).stdout.contains("Only findings"), "{format}");
    }

    let none = ["--host", "203.0.113.9"];
    let output = results(&none);
    let told = format!("no findings pass --host 203.0.113.9 ({total} left out) in newer.nessus\n");
    assert_eq!(output.stdout, told, "{output}");
    let output = results(&[&none[..], &["-f", "markdown"]].concat());
    assert!(output.stdout.starts_with("## Scan findings: none pass the filter\n"), "{output}");
    assert!(output.stderr.contains(&format!("no findings pass --host 203.0.113.9; {total} left out\n")), "{output}");
    // Nothing is left out of nothing.
    env.file("none.ndjson", "{\"kind\":\"end\",\"complete\":true}\n", 0o644);
    let output = env.run(&["results", "--from", "none.ndjson", "--severity", "high"]).expect_code(0);
    assert_eq!(output.stdout, "no findings in none.ndjson\n", "{output}");

    let both = ["results", "--from", "newer.nessus", "--from", "older.nessus", "--min-severity", "info"];
    let output = env.run(&both).expect_code(0);
    assert!(output.stdout.lines().last().unwrap().ends_with("; none left out by --min-severity info"), "{output}");

    let compared = ["diff", "./older.nessus", "./newer.nessus", "--severity", "high"];
    let output = env.run(&compared).expect_code(0);
    let told = " unchanged of what passes --severity high in ./newer.nessus since ./older.nessus\n";
    assert!(output.stdout.ends_with(told), "{output}");
    let output = env.run(&[&compared[..], &["-f", "markdown"]].concat()).expect_code(0);
    assert!(output.stdout.contains("\nOnly findings that pass `--severity high` are compared.\n"), "{output}");
}
