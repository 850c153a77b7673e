//! What arguments say of how errors are printed, for when they cannot be parsed: then there is nothing else to ask.
//!
//! Not for: anything that depends on the command, and arguments that can be parsed.

use std::error::Error as _;
use std::ffi::OsString;
use std::io::{self, Write as _};

use clap::error::ErrorKind;

use super::error_line;
use crate::config::env;
use crate::error::Error;
use crate::output::rows::Subject;

/// How errors are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Asked {
    /// As an object in one line.
    json: bool,
    /// Whether text has colour.
    pub color: clap::ColorChoice,
}

impl Asked {
    /// What these arguments, without the program's name, and the environment say.
    pub fn of(arguments: impl IntoIterator<Item = OsString>) -> Self {
        let (mut format, mut log_format, mut color) = (None, None, None);
        let mut words = arguments.into_iter().map(|word| word.to_string_lossy().into_owned());
        // What follows is for another program.
        while let Some(word) = words.next().filter(|word| word != "--") {
            if let Some(long) = word.strip_prefix("--") {
                let (name, value) = match long.split_once('=') {
                    Some((name, value)) => (name, Some(value.to_owned())),
                    None => (long, None),
                };
                let place = match name {
                    "format" => &mut format,
                    "log-format" => &mut log_format,
                    "color" => &mut color,
                    _ => continue,
                };
                *place = value.or_else(|| words.next());
            } else if let Some(flags) = word.strip_prefix('-') {
                // Several flags may share a dash; the first that takes a value takes the rest, or the next word.
                let Some(at) = flags.find(['f', 'p', 'o']) else { continue };
                let (flag, rest) = flags[at..].split_at(1);
                let value = if rest.is_empty() { words.next() } else { Some(rest.trim_start_matches('=').to_owned()) };
                if flag == "f" {
                    format = value;
                }
            }
        }
        let format = format.or_else(|| env::read(env::FORMAT));
        Self {
            json: matches!(format.as_deref(), Some("json" | "ndjson")) || log_format.as_deref() == Some("json"),
            color: match color.as_deref() {
                Some("never") => clap::ColorChoice::Never,
                Some("always") => clap::ColorChoice::Always,
                _ => clap::ColorChoice::Auto,
            },
        }
    }

    /// Prints why the arguments cannot be parsed; or help and the version, which go to stdout.
    pub fn print(self, problem: &clap::Error) {
        if self.json && problem.use_stderr() {
            // Nobody is left to be told when stderr is gone.
            drop(writeln!(io::stderr(), "{}", error_line(&as_error(problem), Subject::default())));
        } else {
            // A closed pipe is no error.
            drop(problem.print());
        }
    }
}

/// The parser's error as one of ours.
fn as_error(problem: &clap::Error) -> Error {
    let text = problem.render().to_string();
    if problem.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        return Error::usage("what to do is missing").hint("--help lists it");
    }
    let mut blocks = text.trim().split("\n\n");
    let message: Vec<&str> = blocks.next().unwrap_or_default().split_whitespace().collect();
    let message = message.join(" ");
    let error = Error::usage(message.strip_prefix("error: ").unwrap_or(&message));
    let own = problem.source().and_then(|source| source.downcast_ref::<Error>()).and_then(Error::hint_text);
    let tip = text.lines().find_map(|line| line.trim_start().strip_prefix("tip: "));
    let usage = || text.lines().find(|line| line.starts_with("Usage: "));
    match own.or(tip).or_else(usage) {
        Some(hint) => error.hint(hint),
        None => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_format_is_found_however_it_is_written() {
        let asked = |words: &str| Asked::of(words.split_whitespace().map(OsString::from));
        for words in [
            "lanch -f json",
            "-fjson lanch",
            "lanch -f=ndjson",
            "lanch --format json",
            "lanch --format=ndjson",
            "lanch -qf json",
            "lanch -p io -vfjson",
            "--log-format json lanch",
            "lanch --log-format=json",
        ] {
            assert!(asked(words).json, "{words}");
        }
        for words in [
            "lanch",
            "lanch -f table",
            "lanch -p -f json",
            "lanch -of json",
            "lanch -- -f json",
            "lanch --format",
            "lanch -p f json",
        ] {
            assert!(!asked(words).json, "{words}");
        }
        for (words, color) in [
            ("lanch --color never", clap::ColorChoice::Never),
            ("--color=always lanch", clap::ColorChoice::Always),
            ("lanch", clap::ColorChoice::Auto),
        ] {
            assert_eq!(asked(words).color, color, "{words}");
        }
    }
}
