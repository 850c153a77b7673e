//! What a backend cannot do is refused before a secret is read and before a connection is opened.

use scanctl::backends::{REGISTRY, Spec};
use scanctl::model::{Operation, Support};

use super::operations;
use crate::common::{Env, Vendor};

/// What is typed for an operation on the profile `p`.
fn typed(name: &str) -> Vec<&str> {
    match name {
        "list" => vec!["list", "-p", "p"],
        "scans-list" => vec!["scans", "list", "-p", "p"],
        "scans-show" => vec!["scans", "show", "p/1"],
        "runs-list" => vec!["runs", "list", "p/1"],
        "runs-show" => vec!["runs", "show", "p/1@2"],
        "scans-create" => vec!["scans", "create", "-p", "p"],
        "scans-update" => vec!["scans", "update", "p/1", "--name", "n"],
        "scans-copy" => vec!["scans", "copy", "p/1"],
        "scans-delete" => vec!["scans", "delete", "p/1"],
        "runs-delete" => vec!["runs", "delete", "p/1@2"],
        "runs-copy" => vec!["runs", "copy", "p/1@2", "--user", "5"],
        "runs-email" => vec!["runs", "email", "p/1@2", "--to", "soc@example.org"],
        "runs-import" => vec!["runs", "import", "-p", "p", "absent.nessus"],
        "runs-reimport" => vec!["runs", "reimport", "p/1@2"],
        "launch-targets" => vec!["launch", "p/1", "--targets", "192.0.2.1"],
        "profiles-check" => vec!["profiles", "check", "p"],
        // No confirmation is given where one is needed: what cannot be done is said first.
        verb => vec![verb, "p/1"],
    }
}

/// A profile at its best, except that its secrets cannot be read.
fn profile(spec: &Spec, origin: &str) -> String {
    let keys = "access_key = { env = \"NOT_SET\" }\nsecret_key = { env = \"NOT_SET\" }";
    let settings = match spec.id {
        "juniper" => "token = { env = \"NOT_SET\" }".to_owned(),
        "cloudflare" => "token = { env = \"NOT_SET\" }\naccount_id = \"0123456789abcdef0123456789abcdef\"".to_owned(),
        "tenable-sc-director" => format!(
            "{keys}\ninstances = {{ \"3\" = \"sc\" }}\n\
             [profiles.sc]\nbackend = \"tenable-sc\"\nbase_url = \"{origin}\"\n{keys}"
        ),
        _ => keys.to_owned(),
    };
    format!("[profiles.p]\nbackend = \"{}\"\nbase_url = \"{origin}\"\n{settings}\n", spec.id)
}

fn refused(spec: &Spec, what: &str, arguments: &[&str], reason: &str, problems: &mut Vec<String>) {
    let vendor = Vendor::start();
    let env = Env::new();
    env.config(&profile(spec, &vendor.url()));
    let mut json = arguments.to_vec();
    json.extend(["-f", "json"]);
    let output = env.run(&json);
    let error: serde_json::Value = serde_json::from_str(&output.stderr).unwrap_or_default();
    let error = &error["error"];
    let told = [
        (output.code() == Some(7), "the exit code is not 7"),
        (vendor.connections() == 0, "a connection was opened"),
        (output.stdout.is_empty(), "stdout is not empty"),
        (error["kind"] == "unsupported", "the error is not of the kind `unsupported`"),
        (error["hint"] == reason, "the reason is not the hint"),
        (error["message"].as_str().is_some_and(|text| text.contains(spec.id)), "the message does not name the backend"),
    ];
    for (_, problem) in told.iter().filter(|(holds, _)| !holds) {
        problems.push(format!("{} {what}: {problem}\n{output}", spec.id));
    }
    let text = env.run(arguments);
    if text.code() != Some(7) || !text.stderr.contains(&format!("hint: {reason}")) {
        problems.push(format!("{} {what}: as text it is not said as a hint\n{text}", spec.id));
    }
}

#[test]
fn what_a_backend_cannot_do_is_refused_before_anything_is_read_or_sent() {
    let mut problems = Vec::new();
    for spec in REGISTRY {
        for (name, operation) in operations() {
            let Support::No(reason) = (spec.support)(operation, None) else { continue };
            refused(spec, &name, &typed(&name), reason, &mut problems);
            if let Operation::Control(_) = operation {
                let mut dry_run = typed(&name);
                dry_run.push("-n");
                refused(spec, &format!("{name} -n"), &dry_run, reason, &mut problems);
                for what in ["leave", "stop", "pause"] {
                    let mut waits = typed(&name);
                    waits.extend(["--wait", "--on-timeout", what]);
                    refused(spec, &format!("{name} --wait --on-timeout {what}"), &waits, reason, &mut problems);
                }
            }
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn a_wait_that_ends_in_something_impossible_is_refused_before_the_launch() {
    let mut problems = Vec::new();
    for spec in REGISTRY {
        for (what, operation) in [
            ("pause", Operation::Control(scanctl::model::Control::Pause)),
            ("stop", Operation::Control(scanctl::model::Control::Stop)),
        ] {
            let Support::No(reason) = (spec.support)(operation, None) else { continue };
            for verb in ["launch", "wait"] {
                let mut arguments = vec![verb, "p/1", "--on-timeout", what];
                if verb == "launch" {
                    arguments.push("--wait");
                }
                refused(spec, &arguments.join(" "), &arguments, reason, &mut problems);
            }
        }
        if let Support::No(reason) = (spec.support)(Operation::Control(scanctl::model::Control::ForceStop), None) {
            if matches!((spec.support)(Operation::Control(scanctl::model::Control::Stop), None), Support::No(_)) {
                continue;
            }
            let arguments = ["stop", "p/1", "--escalate-after", "10m"];
            refused(spec, "stop --escalate-after", &arguments, reason, &mut problems);
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn what_is_asked_besides_the_verb_is_refused_in_the_same_way() {
    let mut problems = Vec::new();
    for spec in REGISTRY {
        for (verb, operation, arguments) in [
            (Operation::ScansList, Operation::Fields, &["scans", "list", "-p", "p", "--fields", "name"][..]),
            (Operation::ScansShow, Operation::Fields, &["scans", "show", "p/1", "--fields", "name"]),
            (Operation::RunsList, Operation::Fields, &["runs", "list", "-p", "p", "--fields", "name"]),
            (Operation::ScansList, Operation::OneInstance, &["scans", "list", "-p", "p", "--sci", "3"]),
            (Operation::ScansList, Operation::OneInstance, &["scans", "list", "-p", "p", "--org", "3"]),
            (Operation::RunsList, Operation::Window, &["runs", "list", "p/1", "--since", "7d"]),
            (Operation::RunsList, Operation::Window, &["runs", "list", "p/1", "--until", "2026-01-01"]),
            (Operation::RunsList, Operation::Optimize, &["runs", "list", "p/1", "--optimize", "false"]),
        ] {
            if matches!((spec.support)(verb, None), Support::No(_)) {
                continue;
            }
            if let Support::No(reason) = (spec.support)(operation, None) {
                refused(spec, &arguments.join(" "), arguments, reason, &mut problems);
            }
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}
