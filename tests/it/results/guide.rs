//! The README's chapter on findings: every line of it runs, and ends as it says.

use super::in_sandbox;
use crate::common::Env;

/// The commands of the chapter, with the exit code that its comment names.
fn commands() -> Vec<(String, i32)> {
    let text = include_str!("../../../README.md");
    let chapter = text.split("\n### Findings\n").nth(1).and_then(|rest| rest.split("\n### ").next());
    let chapter = chapter.expect("the README has a chapter on findings");
    let mut commands = Vec::new();
    for block in chapter.split("```sh\n").skip(1) {
        let block = block.split("```").next().unwrap_or_default().replace("\\\n", " ");
        for line in block.lines().filter(|line| !line.is_empty()) {
            let (command, comment) = line.split_once(" #").unwrap_or((line, ""));
            let exit = comment.split_once("exit ").map_or(0, |(_, rest)| {
                let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
                digits.parse().expect("an exit code")
            });
            commands.push((command.trim().to_owned(), exit));
        }
    }
    commands
}

#[test]
fn the_readme_on_findings_is_true() {
    let commands = commands();
    assert!(commands.len() >= 12, "{commands:?}");
    let env = Env::new();
    let mut script = String::new();
    for (command, exit) in &commands {
        let shown = command.replace('\'', "'\\''");
        script.push_str(&format!(
            "( {command} ) >/dev/null 2>err; code=$?; \
             [ $code = {exit} ] || {{ echo '{shown}' ended with $code; cat err; exit 1; }}\n"
        ));
    }
    let output = in_sandbox(&env, &script);
    assert_eq!((output.code(), output.stdout.as_str()), (Some(0), ""), "{output}");
}
