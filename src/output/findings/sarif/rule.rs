//! What was looked for, as a SARIF rule: one for all hosts on which it was found, so it names none of them.

use std::borrow::Cow;
use std::collections::HashSet;

use serde::Serialize;

use super::super::facts;
use super::place::without_places;
use super::result::{level, line, text};
use crate::findings::{Details, Finding, OPEN_PORT, Severity};

/// Characters of a rule's name.
const LONGEST_NAME: usize = 255;
/// Characters of each of its descriptions.
const LONGEST_DESCRIPTION: usize = 1024;
/// Characters of the help.
const LONGEST_HELP: usize = 2000;
/// Characters of an id.
const LONGEST_ID: usize = 200;
/// GitHub keeps no more.
const MOST_TAGS: usize = 10;
/// Of these are weaknesses.
const MOST_WEAKNESSES: usize = 3;
/// Links in the help.
const MOST_LINKS: usize = 10;

/// A rule, as the first finding tells it.
#[derive(Debug)]
pub(super) struct Rule {
    pub(super) id: String,
    title: String,
    description: String,
    solution: String,
    links: Vec<String>,
    tags: Vec<String>,
    severity: Severity,
    score: Option<String>,
}

/// `BACKEND/PLUGIN`; each check of an audit is its own.
pub(super) fn id(finding: &Finding<'_>) -> String {
    let (origin, details) = (finding.origin, finding.details);
    let word = |text: &str| {
        let word = line(text, LONGEST_ID)?;
        Some(word.replace(|symbol: char| symbol.is_whitespace(), "-"))
    };
    // A file of saved findings names any backend it likes.
    let backend = origin.backend.as_deref().and_then(word);
    let backend = backend.as_deref().unwrap_or(origin.source.name());
    let mut id = match details.plugin_id.as_deref().and_then(word) {
        Some(plugin) => format!("{backend}/{plugin}"),
        None if details.plugin_name.as_deref() == Some(OPEN_PORT) => format!("{backend}/open-port"),
        None => {
            let name = details.plugin_name.as_deref().and_then(word);
            format!("{backend}/{}", name.map_or("unnamed".to_owned(), |name| name.to_lowercase()))
        }
    };
    if let Some(check) = details.compliance.as_ref().and_then(|check| word(check.check_id.as_deref()?)) {
        id.push(':');
        id.push_str(&check);
    }
    id
}

/// What it is called: the plugin's name, or an audit's check's.
pub(super) fn title(details: &Details<'_>, most: usize) -> String {
    let check = details.compliance.as_ref().and_then(|check| line(check.check_name.as_deref()?, most));
    check
        .or_else(|| line(details.plugin_name.as_deref()?, most))
        .or_else(|| line(&format!("plugin {}", details.plugin_id.as_deref()?), most))
        .unwrap_or_else(|| "unnamed check".to_owned())
}

impl Rule {
    /// Of a finding.
    pub(super) fn new(id: String, details: &Details<'_>) -> Self {
        let check = details.compliance.as_deref();
        let first = |texts: [Option<&str>; 3], most| texts.into_iter().flatten().find_map(|part| text(part, most));
        let info = check.and_then(|check| check.info.as_deref());
        let description =
            first([info, details.description.as_deref(), details.synopsis.as_deref()], LONGEST_DESCRIPTION);
        let mended = check.and_then(|check| check.solution.as_deref());
        let solution = first([mended, details.solution.as_deref(), None], LONGEST_HELP);
        let links = details.see_also.iter().map(AsRef::as_ref);
        let links = links.chain(check.and_then(|check| check.see_also.as_deref()));
        let mut rule = Self {
            id,
            title: title(details, LONGEST_DESCRIPTION),
            description: description.unwrap_or_default(),
            solution: solution.unwrap_or_else(|| "The report gives no solution.".to_owned()),
            links: links.filter(|link| is_link(link)).take(MOST_LINKS).map(str::to_owned).collect(),
            tags: tags(details),
            severity: details.severity,
            score: None,
        };
        rule.score = points(details);
        rule
    }

    /// Takes the worse of two opinions: a policy may have changed how bad it is on some hosts.
    pub(super) fn worsen(&mut self, details: &Details<'_>) {
        if details.severity > self.severity {
            self.severity = details.severity;
            self.score = points(details);
        }
    }

    /// How it is written, the `index`th of all.
    pub(super) fn wording<'a>(&'a self, index: usize, places: &HashSet<&str>) -> Wording<'a> {
        let title = match without_places(&self.title, places) {
            Some(title) => Cow::Owned(title),
            None => Cow::Borrowed(self.title.as_str()),
        };
        let id = match without_places(&self.id, places) {
            Some(_) => {
                let backend = self.id.split('/').next().unwrap_or_default();
                Cow::Owned(format!("{backend}/unnamed-{index}"))
            }
            None => Cow::Borrowed(self.id.as_str()),
        };
        let short = line(&title, LONGEST_DESCRIPTION).unwrap_or_default();
        let full =
            if self.description.is_empty() { Cow::Owned(short.clone()) } else { Cow::Borrowed(&*self.description) };
        Wording {
            id,
            name: line(&title, LONGEST_NAME).unwrap_or_default(),
            short_description: Described { text: Cow::Owned(short), markdown: None },
            full_description: Described { text: full, markdown: None },
            help: self.help(),
            help_uri: self.links.first().map(String::as_str),
            default_configuration: Configuration { level: level(self.severity) },
            properties: Properties { tags: &self.tags, security_severity: self.score.as_deref() },
        }
    }

    fn help(&self) -> Described<'_> {
        if self.links.is_empty() {
            return Described { text: Cow::Borrowed(&self.solution), markdown: Some(verbatim(&self.solution)) };
        }
        let (mut text, mut markdown) = (self.solution.clone(), verbatim(&self.solution));
        text.push_str("\n\nSee also:");
        markdown.push_str("\n\nSee also:\n");
        for link in &self.links {
            text.push_str(&format!("\n{link}"));
            markdown.push_str(&format!("\n- <{link}>"));
        }
        Described { text: Cow::Owned(text), markdown: Some(markdown) }
    }
}

/// Text that shows as it is, whatever markup it holds: a block whose fence is longer than any in it.
fn verbatim(text: &str) -> String {
    let longest = text.split(|symbol| symbol != '`').map(str::len).max().unwrap_or_default();
    let fence = "`".repeat(longest.max(2) + 1);
    format!("{fence}text\n{text}\n{fence}")
}

/// An absolute address of the web, spelled as addresses are.
fn is_link(text: &str) -> bool {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    let (hex, plain) = (|byte: &u8| byte.is_ascii_hexdigit(), |byte: u8| byte.is_ascii_alphanumeric());
    let bytes = text.as_bytes();
    let is_spelled = bytes.iter().enumerate().all(|(at, byte)| match byte {
        b'%' => bytes.get(at + 1..at + 3).is_some_and(|digits| digits.iter().all(hex)),
        byte => plain(*byte) || b"-._~:/?#[]@!$&'()*+,;=".contains(byte),
    });
    rest.is_some_and(|rest| rest.starts_with(|first: char| first.is_ascii_alphanumeric() || first == '[')) && is_spelled
}

/// `security`, weaknesses, then as many vulnerabilities as GitHub keeps.
fn tags(details: &Details<'_>) -> Vec<String> {
    let mut tags = vec!["security".to_owned()];
    let weaknesses = facts::cwes(details).map(|number| format!("external/cwe/cwe-{number}"));
    let vulnerabilities = facts::cves(details).map(str::to_owned);
    for tag in weaknesses.take(MOST_WEAKNESSES).chain(vulnerabilities) {
        if tags.len() < MOST_TAGS && !tags.contains(&tag) {
            tags.push(tag);
        }
    }
    tags
}

/// GitHub's measure: above 0 and up to 10, as text. What is no weakness has none.
fn points(details: &Details<'_>) -> Option<String> {
    let assumed = match details.severity {
        Severity::Critical => 9.5,
        Severity::High => 8.0,
        Severity::Medium => 5.5,
        Severity::Low => 2.0,
        Severity::Info => return None,
    };
    let given = facts::best_cvss(details).map(|best| best.base).filter(|points| *points >= 0.1);
    Some(format!("{:.1}", given.unwrap_or(assumed)))
}

/// A rule as it is written.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Wording<'a> {
    id: Cow<'a, str>,
    name: String,
    short_description: Described<'a>,
    full_description: Described<'a>,
    help: Described<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    help_uri: Option<&'a str>,
    default_configuration: Configuration,
    properties: Properties<'a>,
}

impl Wording<'_> {
    /// The id, as results name it.
    pub(super) fn id(&self) -> &str {
        &self.id
    }
}

#[derive(Debug, Serialize)]
struct Described<'a> {
    text: Cow<'a, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    markdown: Option<String>,
}

#[derive(Debug, Serialize)]
struct Configuration {
    level: &'static str,
}

#[derive(Debug, Serialize)]
struct Properties<'a> {
    tags: &'a [String],
    #[serde(rename = "security-severity", skip_serializing_if = "Option::is_none")]
    security_severity: Option<&'a str>,
}
