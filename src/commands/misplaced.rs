//! Flags and formats of findings, typed where a scan is launched or awaited: there are no findings yet. They are known
//! there in order to be refused before anything is sent, with the line that does what was meant.

use std::path::Path;
use std::str::FromStr as _;

use crate::cli::Global;
use crate::error::{Error, Result};
use crate::model::Verb;
use crate::output::Format;
use crate::output::findings::FindingFormat;
use crate::output::wanted::FormatWord as _;

/// The flags of `results` that people type on other verbs. Not shown in help.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct FindingFlags {
    /// Belongs to `scanctl results`
    #[arg(long, hide = true, value_name = "LIST")]
    pub severity: Option<String>,

    /// Belongs to `scanctl results`
    #[arg(long, hide = true, value_name = "SEVERITY")]
    pub min_severity: Option<String>,

    /// Belongs to `scanctl results`
    #[arg(long, hide = true, value_name = "LIST")]
    pub plugin: Option<String>,

    /// Belongs to `scanctl results`
    #[arg(long, hide = true, value_name = "PATTERN")]
    pub host: Option<String>,

    /// Belongs to `scanctl results`
    #[arg(long, hide = true, value_name = "SEVERITY")]
    pub fail_on: Option<String>,

    /// Belongs to `scanctl results`
    #[arg(long, hide = true, value_name = "SEVERITY", num_args = 0..=1)]
    pub fail_on_new: Option<Option<String>>,

    /// Belongs to `scanctl results`
    #[arg(long, hide = true, value_name = "FILE|RUN")]
    pub baseline: Option<String>,

    /// Belongs to `scanctl results`
    #[arg(long, hide = true)]
    pub partial: bool,

    /// Belongs to `scanctl results`
    #[arg(long, hide = true, value_name = "LIST")]
    pub columns: Option<String>,

    /// Belongs to `scanctl results`
    #[arg(long, hide = true)]
    pub include_ports: bool,
}

impl FindingFlags {
    /// Refuses them, and finding formats.
    ///
    /// # Errors
    /// Exit 2 with the line that does what was meant.
    pub fn refuse(&self, verb: Verb, global: &Global, named: &[String]) -> Result<()> {
        let mut words = self.words();
        let mut first = words.first().cloned();
        if let Some(format) = global.format.as_deref().filter(|format| is_of_findings_alone(format)) {
            let flag = format!("-f {format}");
            first.get_or_insert(flag.clone());
            words.push(flag);
        }
        for output in global.outputs.iter().filter(|output| names_findings(output)) {
            let flag = format!("-o {}", quoted(output));
            first.get_or_insert(flag.clone());
            words.push(flag);
        }
        let Some(first) = first else { return Ok(()) };
        let what = named.iter().map(|name| quoted(name)).collect::<Vec<_>>().join(" ");
        let flags = words.join(" ");
        let launch = |what: &str| format!("run=$(scanctl launch -q --wait {what}) && scanctl results \"$run\" {flags}");
        let hint = match (verb, named) {
            (Verb::Wait, _) => {
                format!("`scanctl wait {what} && scanctl results {what} {flags}`, or from the start: `{}`", launch("…"))
            }
            (_, [_]) => launch(&what),
            // The variable holds a line for each run; the shell takes it apart where it stands without quotes.
            _ => launch(&what).replace("\"$run\"", "$run"),
        };
        Err(Error::usage(format!("`{first}` is about findings, and `{verb}` reads none")).hint(hint))
    }

    /// The flags as they were typed.
    fn words(&self) -> Vec<String> {
        let Self {
            severity,
            min_severity,
            plugin,
            host,
            fail_on,
            fail_on_new,
            baseline,
            partial,
            columns,
            include_ports,
        } = self;
        let mut words: Vec<String> = [
            ("--severity", severity),
            ("--min-severity", min_severity),
            ("--plugin", plugin),
            ("--host", host),
            ("--fail-on", fail_on),
            ("--baseline", baseline),
            ("--columns", columns),
        ]
        .into_iter()
        .filter_map(|(flag, value)| value.as_ref().map(|value| format!("{flag} {}", quoted(value))))
        .collect();
        match fail_on_new {
            Some(Some(limit)) => words.push(format!("--fail-on-new {}", quoted(limit))),
            Some(None) => words.push("--fail-on-new".to_owned()),
            None => {}
        }
        if *partial {
            words.push("--partial".to_owned());
        }
        if *include_ports {
            words.push("--include-ports".to_owned());
        }
        words
    }
}

fn is_of_findings_alone(format: &str) -> bool {
    Format::from_str(format).is_err() && FindingFormat::from_str(format).is_ok()
}

fn names_findings(output: &str) -> bool {
    match output.split_once('=') {
        Some((format, _)) => is_of_findings_alone(format),
        None => {
            let path = Path::new(output);
            Format::of_extension(path).is_none() && FindingFormat::of_extension(path).is_some()
        }
    }
}

/// A word as a shell takes it.
pub fn quoted(word: &str) -> String {
    let is_plain = |symbol: char| symbol.is_ascii_alphanumeric() || "/@.,:=_~%+-".contains(symbol);
    if !word.is_empty() && word.chars().all(is_plain) && !word.starts_with('~') {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn words_are_quoted_where_a_shell_would_take_them_apart() {
        for (word, expected) in
            [("io/219", "io/219"), ("io/name:Weekly DMZ", "'io/name:Weekly DMZ'"), ("it's", "'it'\\''s'"), ("", "''")]
        {
            assert_eq!(quoted(word), expected);
        }
    }
}
