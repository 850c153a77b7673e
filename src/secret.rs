//! Secrets and where they come from.
//!
//! A [`Secret`] cannot be printed. Its text is reached through [`Secret::expose`] alone, which the architecture test
//! allows where headers and login bodies are composed, and where echoes are struck out.

#![expect(clippy::disallowed_methods, reason = "secrets may come from the environment")]

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::error::{Error, Result};

/// A text that must not leave the program except to the vendor it belongs to.
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    /// Wraps a text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("(redacted)")
    }
}

/// Where a secret is read from. Holds no secret itself, except for a literal.
#[derive(Debug, Clone)]
pub enum SecretSource {
    /// `{ env = "NAME" }`
    Env(String),
    /// `{ command = ["program", "argument"] }`: its standard output.
    Command(Vec<String>),
    /// `{ file = "PATH" }`: its content.
    File(PathBuf),
    /// A text in the config file itself, which only its owner may be able to read.
    Literal {
        /// The text.
        secret: Secret,
        /// The config file.
        file: PathBuf,
    },
}

impl SecretSource {
    /// Reads a source as it is written on a command line: `env:NAME`, `file:PATH` or `command:PROGRAM ARGUMENT…`.
    ///
    /// # Errors
    /// Exit 2; the text is not echoed, since it may be the secret itself.
    pub fn parse(text: &str) -> Result<Self> {
        match text.split_once(':') {
            Some(("env", name)) if !name.is_empty() => Ok(Self::Env(name.to_owned())),
            Some(("file", path)) if !path.is_empty() => Ok(Self::File(path.into())),
            Some(("command", words)) if !words.trim().is_empty() => {
                Ok(Self::Command(words.split_whitespace().map(str::to_owned).collect()))
            }
            _ => Err(Error::usage("a secret is not given on the command line, where others can read it")
                .hint("say where to read it from: env:NAME, file:PATH or command:PROGRAM ARGUMENT…")),
        }
    }

    /// The source in words, without the secret.
    pub fn describe(&self) -> String {
        match self {
            Self::Env(name) => format!("environment variable {name}"),
            Self::Command(words) => format!("command {}", words.first().map_or("", String::as_str)),
            Self::File(path) => format!("file {}", path.display()),
            Self::Literal { file, .. } => format!("literal in {}", file.display()),
        }
    }

    /// Reads the secret. `what` names it in errors, for example ``profile `io`: `secret_key` ``.
    ///
    /// # Errors
    /// A config error (exit 3) that names the source and never the value.
    pub fn read(&self, what: &str) -> Result<Secret> {
        let text = match self {
            Self::Env(name) => std::env::var(name).map_err(|problem| {
                let why = match problem {
                    std::env::VarError::NotPresent => "is not set",
                    std::env::VarError::NotUnicode(_) => "is not valid UTF-8",
                };
                Error::config(format!("{what}: environment variable `{name}` {why}"))
            })?,
            Self::Command(words) => run(words, what)?,
            Self::File(path) => std::fs::read_to_string(path)
                .map_err(|problem| Error::config(format!("{what}: cannot read {}: {problem}", path.display())))?,
            Self::Literal { secret, file } => {
                owner_only(file, what)?;
                secret.0.clone()
            }
        };
        let text = text.trim_end_matches(['\r', '\n']);
        if text.is_empty() {
            return Err(Error::config(format!("{what}: {} is empty", self.describe())));
        }
        if text.chars().any(char::is_control) {
            return Err(Error::config(format!(
                "{what}: {} has a line break or control character in it",
                self.describe()
            )));
        }
        Ok(Secret::new(text))
    }
}

/// Runs a secret command. Its stderr and terminal stay the user's, so that a password manager can ask.
fn run(words: &[String], what: &str) -> Result<String> {
    let Some((program, arguments)) = words.split_first() else {
        return Err(Error::config(format!("{what}: the command is empty")));
    };
    let output = Command::new(program)
        .args(arguments)
        .stdin(Stdio::inherit())
        .stderr(Stdio::inherit())
        .output()
        .map_err(|problem| Error::config(format!("{what}: cannot run `{program}`: {problem}")))?;
    if !output.status.success() {
        return Err(Error::config(format!("{what}: `{program}` failed ({})", output.status)));
    }
    String::from_utf8(output.stdout)
        .map_err(|_not_text| Error::config(format!("{what}: the output of `{program}` is not valid UTF-8")))
}

/// Refuses a literal secret in a file that others can read.
#[cfg(unix)]
fn owner_only(file: &Path, what: &str) -> Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    let metadata = std::fs::metadata(file)
        .map_err(|problem| Error::config(format!("{what}: cannot check {}: {problem}", file.display())))?;
    let mode = metadata.permissions().mode() & 0o777;
    if mode & 0o077 == 0 {
        return Ok(());
    }
    Err(Error::config(format!(
        "{what}: a literal secret in a file that others can read ({}, mode {mode:03o})",
        file.display()
    ))
    .hint(format!(
        "chmod 600 {}, or take the secret from {{ env = … }}, {{ file = … }} or {{ command = … }}",
        file.display()
    )))
}

/// Other systems have no mode bits to check.
#[cfg(not(unix))]
fn owner_only(_file: &Path, _what: &str) -> Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{Secret, SecretSource};

    #[test]
    fn a_secret_does_not_print() {
        assert_eq!(format!("{:?}", Secret::new("canary")), "(redacted)");
    }

    #[test]
    fn a_failing_command_is_named_without_its_output() {
        let source = SecretSource::Command(vec!["sh".into(), "-c".into(), "echo canary; exit 3".into()]);
        let error = source.read("profile `io`: `secret_key`").unwrap_err();
        assert_eq!(error.exit(), crate::exit::Exit::Config);
        assert!(!error.one_line().contains("canary"), "{error}");
    }

    #[test]
    fn a_source_on_the_command_line_is_no_secret() {
        let words = |text| SecretSource::parse(text).unwrap().describe();
        assert_eq!(words("env:PASSWORD"), "environment variable PASSWORD");
        assert_eq!(words("file:/a:b"), "file /a:b");
        assert_eq!(words("command:pass show  x"), "command pass");
        for wrong in ["canary", "canary:x", "env:", "file:", "command: "] {
            let error = SecretSource::parse(wrong).unwrap_err();
            assert_eq!(error.exit(), crate::exit::Exit::Usage);
            assert!(!error.one_line().contains("canary"), "{error}");
        }
    }

    #[test]
    fn the_output_of_a_command_loses_its_line_end() {
        let source = SecretSource::Command(vec!["printf".into(), "abc\\r\\n".into()]);
        assert_eq!(source.read("x").unwrap().expose(), "abc");
    }
}
