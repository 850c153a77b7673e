//! Which findings are wanted, and which of them end a call with exit 10: the flags, and what they come to.

use std::collections::HashSet;

use clap_complete::ArgValueCandidates;

use crate::commands::completions;
use crate::commands::misplaced::quoted;
use crate::error::{Error, Result};
use crate::exit::Exit;
use crate::findings::Severity;
use crate::findings::filter::{Counts, Filter, Sieve};
use crate::findings::hosts::HostPattern;
use crate::ui::Ui;

/// Which findings are wanted.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "Filters")]
pub struct Filters {
    /// Only these severities: critical, high, medium, low, info
    #[arg(long, value_name = "LIST", value_delimiter = ',', add = ArgValueCandidates::new(completions::severities))]
    pub severity: Vec<Severity>,

    /// Only this severity and worse
    #[arg(long, value_name = "SEVERITY", add = ArgValueCandidates::new(completions::severities))]
    pub min_severity: Option<Severity>,

    /// Only these plugins, by id
    #[arg(long, value_name = "LIST", value_delimiter = ',', value_parser = plugin)]
    pub plugin: Vec<String>,

    /// Only these hosts: an address, a network (192.0.2.0/24), a range (192.0.2.7-9), or a name with * and ? (repeatable, or a list)
    #[arg(long, value_name = "PATTERN", value_delimiter = ',')]
    pub host: Vec<HostPattern>,
}

/// A plugin's id. One that nothing can have would leave every finding out, and every gate open.
fn plugin(text: &str) -> std::result::Result<String, String> {
    let id = text.trim();
    if id.is_empty() {
        return Err("a plugin's id is missing".to_owned());
    }
    if id.contains(char::is_whitespace) {
        return Err("no plugin has an id with a blank in it".to_owned());
    }
    Ok(id.to_owned())
}

/// The limit of `--fail-on-new`. It may be left out, and then the next argument is taken for it.
///
/// # Errors
/// Exit 2.
pub fn limit_of_new(text: &str) -> Result<Severity> {
    text.parse().map_err(|unknown: Error| {
        if text.contains(['/', '@', '.']) {
            unknown.hint("put --fail-on-new last, or write --fail-on-new=info")
        } else {
            unknown
        }
    })
}

impl Filters {
    /// Whether none is set.
    pub fn is_empty(&self) -> bool {
        let Self { severity, min_severity, plugin, host } = self;
        severity.is_empty() && min_severity.is_none() && plugin.is_empty() && host.is_empty()
    }

    /// As they are typed, the first of many; `None` where none is set.
    pub fn in_words(&self) -> Option<String> {
        let Self { severity, min_severity, plugin, host } = self;
        let severities = severity.iter().map(ToString::to_string).collect::<Vec<_>>();
        let least = min_severity.iter().map(ToString::to_string).collect();
        let hosts = host.iter().map(|pattern| quoted(&pattern.to_string())).collect();
        let plugins = plugin.iter().map(|id| quoted(id)).collect();
        let flags = [("--severity", severities), ("--min-severity", least), ("--plugin", plugins), ("--host", hosts)];
        let set: Vec<String> = flags
            .into_iter()
            .filter(|(_, words)| !words.is_empty())
            .map(|(flag, words)| format!("{flag} {}", listed(&words)))
            .collect();
        (!set.is_empty()).then(|| set.join(" "))
    }

    /// As a filter that nothing went through.
    pub fn into_sieve(self) -> Sieve {
        let Self { severity, min_severity, plugin: mut plugins, host } = self;
        let mut known = HashSet::new();
        plugins.retain(|id| known.insert(id.clone()));
        Sieve::from(Filter { severities: severity, least: min_severity, plugins, hosts: host })
    }
}

/// So many words of a list are repeated.
const REPEATED: usize = 10;

/// Tells of hosts and plugins that were asked for and not there: a slip in one of them looks like a report without
/// findings, and opens a gate, which then is said whatever is to be silent.
pub fn tell_unmet(ui: &Ui, sieve: &Sieve, has_gate: bool) {
    if sieve.seen() == 0 {
        return;
    }
    let hosts: Vec<String> = sieve.unmet_hosts().map(ToString::to_string).collect();
    let plugins: Vec<String> = sieve.unmet_plugins().map(ToOwned::to_owned).collect();
    for (flag, words, what) in [("--host", hosts, "no host that has findings"), ("--plugin", plugins, "no finding")] {
        if !words.is_empty() {
            let text = format!("`{flag} {}` matched {what} in what was read", listed(&words));
            if has_gate && ui.is_quiet() { ui.always(&format!("warning: {text}")) } else { ui.warn(&text) }
        }
    }
}

/// Words as they are typed, the first of many.
fn listed(words: &[String]) -> String {
    let shown = words.iter().take(REPEATED).map(String::as_str).collect::<Vec<_>>().join(",");
    match words.len().saturating_sub(REPEATED) {
        0 => shown,
        more => format!("{shown},… ({more} more)"),
    }
}

/// The limits of a call.
#[derive(Debug, Clone, Copy, Default)]
pub struct Gates {
    /// Any finding of this severity or worse.
    pub any: Option<Severity>,
    /// Any new finding of this severity or worse.
    pub new: Option<Severity>,
}

impl Gates {
    /// Whether there is none.
    pub const fn is_empty(self) -> bool {
        self.any.is_none() && self.new.is_none()
    }

    /// What the counts come to: the error of every limit that is reached.
    ///
    /// # Errors
    /// Exit 10.
    pub fn judge(self, all: &Counts, new: &Counts) -> Result<()> {
        let reached = [(self.any, all, "", "--fail-on"), (self.new, new, "new ", "--fail-on-new")];
        let mut told = reached.into_iter().filter_map(|(limit, counts, kind, flag)| {
            let (limit, found) = limit.map(|limit| (limit, counts.at_least(limit)))?;
            let plural = if found == 1 { "" } else { "s" };
            let worse = match limit {
                Severity::Critical => format!(" of {limit}"),
                Severity::Info => String::new(),
                _ => format!(" of {limit} or worse"),
            };
            (found > 0).then(|| format!("{found} {kind}finding{plural}{worse} (limit {flag} {limit})"))
        });
        let Some(first) = told.next() else { return Ok(()) };
        let both = told.fold(first, |first, second| format!("{first}, and {second}"));
        Err(Error::new(Exit::Gate, format!("gate: {both}")))
    }
}

/// Counts for people: `2 findings: 2 critical; 5 others left out by --severity critical`. `passed` is the filter and how
/// many it left out.
pub fn in_words(counts: &Counts, passed: Option<(&str, u64)>) -> String {
    let parts: Vec<String> = Severity::ALL
        .into_iter()
        .rev()
        .filter(|severity| counts.of(*severity) > 0)
        .map(|severity| format!("{} {severity}", counts.of(severity)))
        .collect();
    let left_out = match passed {
        None => String::new(),
        Some((filter, count @ 1..)) if counts.total() == 0 => {
            return format!("no findings pass {filter}; {count} left out");
        }
        Some((filter, 0)) => format!("; none left out by {filter}"),
        Some((filter, 1)) => format!("; 1 other left out by {filter}"),
        Some((filter, count)) => format!("; {count} others left out by {filter}"),
    };
    match counts.total() {
        0 => "no findings".to_owned(),
        1 => format!("1 finding: {}{left_out}", parts.join(", ")),
        total => format!("{total} findings: {}{left_out}", parts.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(severities: &[Severity]) -> Counts {
        let mut counts = Counts::default();
        severities.iter().for_each(|severity| counts.add(*severity));
        counts
    }

    #[test]
    fn a_plugin_is_named_without_the_blanks_around_it() {
        assert_eq!(plugin(" 1001 ").as_deref(), Ok("1001"));
        assert!(plugin("").is_err() && plugin(" ").is_err() && plugin("1 2").is_err());
    }

    #[test]
    fn a_long_list_is_repeated_in_part() {
        let words: Vec<String> = (1..=12).map(|word| word.to_string()).collect();
        assert_eq!(listed(&words[..2]), "1,2");
        assert_eq!(listed(&words), "1,2,3,4,5,6,7,8,9,10,… (2 more)");
    }

    #[test]
    fn a_gate_speaks_of_what_it_found_and_of_its_limit() {
        use Severity::{Critical, High, Info, Low};
        let (all, new) = (counts(&[Critical, High, Info]), counts(&[Info]));
        let told = |any, new_limit| match (Gates { any, new: new_limit }).judge(&all, &new) {
            Ok(()) => "open".to_owned(),
            Err(error) => {
                assert_eq!(error.exit(), Exit::Gate);
                error.one_line()
            }
        };
        assert_eq!(told(None, None), "open");
        assert_eq!(told(Some(Low), Some(Low)), "gate: 2 findings of low or worse (limit --fail-on low)");
        assert_eq!(told(Some(Critical), None), "gate: 1 finding of critical (limit --fail-on critical)");
        assert_eq!(
            told(Some(High), Some(Info)),
            "gate: 2 findings of high or worse (limit --fail-on high), and 1 new finding (limit --fail-on-new info)"
        );
    }

    #[test]
    fn counts_say_what_was_left_out() {
        use Severity::{Critical, High, Info};
        let (all, none) = (counts(&[Critical, High, Info]), Counts::default());
        let filters = Filters {
            severity: vec![High, Critical],
            plugin: vec!["1".to_owned(), "2".to_owned()],
            host: vec!["*.example.org".parse().unwrap()],
            ..Filters::default()
        };
        let words = filters.in_words();
        assert_eq!(words.as_deref(), Some("--severity high,critical --plugin 1,2 --host '*.example.org'"));
        assert_eq!(Filters::default().in_words(), None);
        let filter = "--severity high";
        for (counts, passed, told) in [
            (&all, None, "3 findings: 1 critical, 1 high, 1 info"),
            (&all, Some((filter, 0)), "3 findings: 1 critical, 1 high, 1 info; none left out by --severity high"),
            (&all, Some((filter, 1)), "3 findings: 1 critical, 1 high, 1 info; 1 other left out by --severity high"),
            (&none, None, "no findings"),
            (&none, Some((filter, 0)), "no findings"),
            (&none, Some((filter, 5)), "no findings pass --severity high; 5 left out"),
        ] {
            assert_eq!(in_words(counts, passed), told);
        }
    }
}
