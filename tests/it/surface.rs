//! What users meet before they run anything: help, completions, man page, the tables of the README. Everything that is
//! generated is committed, and compared here; `UPDATE_GOLDEN=1 cargo test` rewrites it.

#![expect(clippy::disallowed_methods, reason = "the one that changes the surface asks for new files")]

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use scanctl::backends::REGISTRY;
use scanctl::cli;
use scanctl::commands::{backends, completions, man};
use scanctl::exit::Exit;

use crate::common::Env;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_path_buf()
}

/// Compares a committed file with what is generated, or rewrites it.
fn golden(path: &Path, expected: &str) {
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, expected).unwrap();
    }
    let found = std::fs::read_to_string(path).unwrap_or_default();
    assert!(found == expected, "{} is not current; run `UPDATE_GOLDEN=1 cargo test surface`", path.display());
}

/// Replaces what stands between two marks of the README.
fn between(readme: &str, name: &str, content: &str) -> String {
    let (begin, end) = (format!("<!-- begin {name} -->\n"), format!("<!-- end {name} -->"));
    let start = readme.find(&begin).unwrap() + begin.len();
    let stop = readme.find(&end).unwrap();
    format!("{}{content}{}", &readme[..start], &readme[stop..])
}

#[test]
fn the_tables_of_the_readme_are_what_the_program_does() {
    let mut support = String::from("| verb |");
    for spec in REGISTRY {
        write!(support, " {} |", spec.id).unwrap();
    }
    support.push_str("\n| --- |");
    support.push_str(&" --- |".repeat(REGISTRY.len()));
    support.push('\n');
    let rows = backends::rows(None);
    let verbs: Vec<&str> =
        rows.iter().filter(|row| row.backend == REGISTRY[0].id).map(|row| row.verb.as_str()).collect();
    for verb in verbs {
        write!(support, "| {verb} |").unwrap();
        for spec in REGISTRY {
            let row = rows.iter().find(|row| row.backend == spec.id && row.verb == verb).unwrap();
            write!(support, " {} |", if row.support == "no" { "–" } else { row.support }).unwrap();
        }
        support.push('\n');
    }
    let mut codes = String::from("| code | kind | meaning |\n| --- | --- | --- |\n");
    for exit in Exit::ALL {
        writeln!(codes, "| {} | `{}` | {} |", exit.code(), exit.kind(), exit.meaning()).unwrap();
    }
    let path = root().join("README.md");
    let readme = std::fs::read_to_string(&path).unwrap();
    let expected = between(&between(&readme, "backends", &support), "exit codes", &codes);
    golden(&path, &expected);
}

#[test]
fn completions_and_man_page_are_current() {
    let folder = root().join("completions");
    for (shell, file) in [
        (completions::Shell::Bash, "scanctl.bash"),
        (completions::Shell::Zsh, "_scanctl"),
        (completions::Shell::Fish, "scanctl.fish"),
        (completions::Shell::Powershell, "scanctl.ps1"),
        (completions::Shell::Elvish, "scanctl.elv"),
    ] {
        golden(&folder.join(file), &String::from_utf8(completions::script(shell).unwrap()).unwrap());
    }
    golden(&folder.join("scanctl.1"), &String::from_utf8(man::page().unwrap()).unwrap());
}

#[test]
fn the_command_line_is_consistent() {
    cli::command().debug_assert();
}

#[test]
fn every_command_has_help_with_what_it_does() {
    fn check(command: &clap::Command, path: &str) {
        for sub in command.get_subcommands().filter(|sub| sub.get_name() != "help") {
            let path = format!("{path} {}", sub.get_name());
            let about = sub.get_about().map(ToString::to_string).unwrap_or_default();
            assert!(!about.is_empty() && !about.ends_with('.'), "{path}: {about:?}");
            assert!(about.starts_with(|first: char| first.is_uppercase()), "{path}: {about:?}");
            for argument in sub.get_arguments().filter(|argument| !argument.is_global_set()) {
                let help = argument.get_help().map(ToString::to_string).unwrap_or_default();
                assert!(!help.is_empty() && !help.ends_with('.'), "{path} {}: {help:?}", argument.get_id());
            }
            check(sub, &path);
        }
    }
    check(&cli::command(), "scanctl");
}

#[test]
fn the_help_lists_every_exit_code() {
    let output = Env::new().run(&["--help"]).expect_code(0);
    for exit in Exit::ALL {
        assert!(output.stdout.contains(exit.meaning()), "{}", exit.kind());
    }
}

#[test]
fn the_help_of_a_command_has_the_formats_that_it_writes() {
    let env = Env::new();
    let help = |command: &str| {
        let text = env.run(&[command, "--help"]).expect_code(0).stdout;
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let findings = help("results");
    assert!(findings.contains("as table, json, ndjson, csv, sarif, ocsf, ocsf-array, defectdojo, markdown or html"));
    assert!(help("diff").contains("as table, json, ndjson, sarif, markdown or html"));
    assert!(help("status").contains("as table, json, ndjson or csv"));
    for command in ["export", "man", "completions", "demo", "sandbox"] {
        let text = help(command);
        assert!(!text.contains("--format") && !text.contains("--raw"), "{command}: {text}");
        assert_eq!(text.contains("--output"), command == "export", "{command}: {text}");
    }
}

#[test]
fn arguments_that_cannot_be_parsed_are_told_to_programs_too() {
    let mut env = Env::new();
    let told = |env: &Env, words: &[&str]| {
        let output = env.run(words).expect_code(2);
        assert!(output.stdout.is_empty() && output.stderr.lines().count() == 1, "{output}");
        let error: serde_json::Value = serde_json::from_str(&output.stderr).unwrap();
        assert_eq!(error["error"]["kind"], "usage");
        ["message", "hint"].map(|key| error["error"][key].as_str().unwrap_or_default().to_owned())
    };
    let [message, hint] = told(&env, &["results", "io/244", "--severity", "hihg", "-f", "json"]);
    assert_eq!(message, "invalid value 'hihg' for '--severity <LIST>': unknown severity `hihg`");
    assert_eq!(hint, "the severities are critical, high, medium, low, info");
    let [message, hint] = told(&env, &["lanch", "--log-format", "json"]);
    assert_eq!(message, "unrecognized subcommand 'lanch'");
    assert!(hint.contains("'launch'"), "{hint}");
    let [message, hint] = told(&env, &["--log-format=json", "results"]);
    assert!(message.contains("not provided: <RUN>"), "{message}");
    assert!(hint.starts_with("Usage: scanctl results"), "{hint}");
    told(&env, &["-qfndjson"]);
    env.set("SCANCTL_FORMAT", "json");
    told(&env, &["status", "--nonsense"]);
    let output = env.run(&["status", "--nonsense", "-f", "table"]).expect_code(2);
    assert!(output.stderr.starts_with("error: "), "{output}");
    env.set("CLICOLOR_FORCE", "1");
    let escaped = |env: &Env, more: &[&str]| {
        env.run(&[&["status", "--nonsense", "-f", "table"], more].concat()).stderr.contains('\u{1b}')
    };
    assert!(escaped(&env, &[]) && !escaped(&env, &["--color", "never"]));
    assert!(env.run(&["--help", "-f", "json", "--color", "never"]).expect_code(0).stdout.contains("Usage: "));
}

#[test]
fn profile_names_are_completed_without_a_network() {
    let mut env = Env::new();
    env.config(
        "[profiles.io-eu]\nbackend = 'tenable-io'\n[profiles.sc]\nbackend = 'tenable-sc'\n[groups]\nprod = ['sc']\n",
    );
    env.set("COMPLETE", "fish");
    let output = env.run(&["--", "scanctl", "-p", ""]).expect_code(0);
    for name in ["io-eu", "sc", "prod"] {
        assert!(output.stdout.lines().any(|line| line.split('\t').next() == Some(name)), "{}", output.stdout);
    }
    let output = env.run(&["--", "scanctl", "status", ""]).expect_code(0);
    assert!(output.stdout.lines().any(|line| line.starts_with("io-eu/")), "{}", output.stdout);
}
