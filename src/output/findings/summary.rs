//! What a page and a comment tell of reports as a whole: how many, how bad, which checks, where. Held within bounds
//! whatever the reports hold.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher as _, RandomState};

use super::Change;
use super::document::shorten;
use super::facts;
use super::states::Changes;
use crate::findings::{Details, Finding, OPEN_PORT, Severity};
use crate::text::clean;

/// So many checks, and as many hosts, are counted apart; beyond, the mildest and rarest are forgotten.
const MOST: usize = 20_000;
/// How many characters of a name are kept.
const NAME: usize = 200;
/// How many of a check's places and CVE ids are kept.
const EXAMPLES: usize = 5;

/// Counts over all reports of a document.
#[derive(Debug)]
pub(super) struct Summary {
    /// Findings by severity; those that are gone since an older report are not among them.
    pub counts: [u64; 5],
    /// Findings by how they stand to an older report, where they were compared.
    pub changes: Option<Changes>,
    pub checks: Tally<Check>,
    pub hosts: Tally<Place>,
    hashing: RandomState,
    /// Which report this is.
    report: usize,
    /// Which checks were met on which hosts.
    met: Recent,
}

/// Things that came once, by hash: all of the last ones, so that one is told for new again only after many others.
#[derive(Debug, Default)]
struct Recent {
    latest: HashSet<u64>,
    before: HashSet<u64>,
}

impl Recent {
    /// Whether it is new.
    fn insert(&mut self, hash: u64) -> bool {
        if self.latest.len() >= MOST {
            self.before = std::mem::take(&mut self.latest);
        }
        self.latest.insert(hash) && !self.before.contains(&hash)
    }
}

/// All findings of one check.
#[derive(Debug)]
pub(super) struct Check {
    pub plugin_id: Option<String>,
    pub name: String,
    pub severity: Severity,
    pub vpr: Option<f64>,
    /// The highest base score.
    pub cvss: Option<f64>,
    pub cves: Vec<String>,
    pub more_cves: usize,
    pub solution: Option<String>,
    /// What is there now.
    pub findings: Part,
    /// Hosts with it; one of two reports counts in both.
    pub hosts: u64,
    /// What is new since an older report.
    pub new: Part,
    /// What is gone since then, and so not among `findings`.
    pub fixed: Part,
    /// What is not there any more, which proves nothing; not among `findings` either.
    pub unseen: Part,
    /// What was there, and is not the same now.
    pub changed: Part,
}

/// Some of a check's findings.
#[derive(Debug, Default)]
pub(super) struct Part {
    pub count: u64,
    /// Where the first of them are, and how many are in each place.
    pub places: Vec<(String, u64)>,
}

impl Part {
    fn add(&mut self, finding: &Finding<'_>) {
        self.count += 1;
        // Two findings in one place make one place.
        if self.places.len() < EXAMPLES {
            let place = short(&place_of(finding));
            match self.places.iter_mut().find(|(known, _)| *known == place) {
                Some((_, count)) => *count += 1,
                None => self.places.push((place, 1)),
            }
        }
    }
}

/// All findings of one host.
#[derive(Debug)]
pub(super) struct Place {
    pub label: String,
    pub ip: Option<String>,
    pub counts: [u64; 5],
}

/// Things counted apart, within bounds.
#[derive(Debug)]
pub(super) struct Tally<T> {
    kept: HashMap<u64, T>,
    most: usize,
    /// How many were forgotten to stay within bounds; one that comes again is counted again.
    pub forgotten: u64,
}

/// By what the more important of two is found.
pub(super) trait Weight {
    /// Larger is more important.
    fn weight(&self) -> impl Ord;
}

impl Weight for Check {
    fn weight(&self) -> impl Ord {
        let tenths = |score: Option<f64>| score.map_or(0, |score| (score * 10.0) as i64);
        (self.severity, tenths(self.vpr), tenths(self.cvss), self.findings.count + self.fixed.count + self.unseen.count)
    }
}

impl Weight for Place {
    fn weight(&self) -> impl Ord {
        let [info, low, medium, high, critical] = self.counts;
        (critical, high, medium, low, info)
    }
}

impl<T: Weight> Tally<T> {
    fn new(most: usize) -> Self {
        Self { kept: HashMap::new(), most, forgotten: 0 }
    }

    fn entry(&mut self, key: u64, make: impl FnOnce() -> T) -> &mut T {
        if self.kept.len() >= self.most && !self.kept.contains_key(&key) {
            let mut all: Vec<(u64, T)> = self.kept.drain().collect();
            all.sort_unstable_by(|left, right| {
                right.1.weight().cmp(&left.1.weight()).then_with(|| left.0.cmp(&right.0))
            });
            let less = all.split_off(self.most / 2);
            self.forgotten += less.len() as u64;
            self.kept.extend(all);
        }
        match self.kept.entry(key) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => entry.insert(make()),
        }
    }

    /// Those that matter, the most important first; equal ones by name.
    pub(super) fn ranked(&self, wanted: impl Fn(&T) -> bool, name: impl Fn(&T) -> &str) -> Vec<&T> {
        let mut all: Vec<&T> = self.kept.values().filter(|one| wanted(one)).collect();
        all.sort_by(|left, right| right.weight().cmp(&left.weight()).then_with(|| name(left).cmp(name(right))));
        all
    }
}

impl Default for Summary {
    fn default() -> Self {
        Self {
            counts: [0; 5],
            changes: None,
            checks: Tally::new(MOST),
            hosts: Tally::new(MOST),
            hashing: RandomState::new(),
            report: 0,
            met: Recent::default(),
        }
    }
}

impl Summary {
    /// A report begins.
    pub(super) fn next_report(&mut self) {
        self.report += 1;
    }

    pub(super) fn total(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// Counts a finding.
    pub(super) fn add(&mut self, finding: &Finding<'_>, change: Option<Change>) {
        let (host, details) = (finding.host, finding.details);
        let is_gone = matches!(change, Some(Change::Fixed | Change::Unseen));
        if let Some(change) = change {
            self.changes.get_or_insert_default().add(change);
        }
        let name = check_name(finding);
        let label = host.label();
        if !is_gone {
            self.counts[details.severity.rank()] += 1;
            let key = self.hashing.hash_one(label);
            let place = self.hosts.entry(key, || Place {
                label: short(label),
                ip: host.ip.as_deref().filter(|ip| *ip != label).map(short),
                counts: [0; 5],
            });
            place.counts[details.severity.rank()] += 1;
        }
        let key = self.hashing.hash_one((details.plugin_id.as_deref(), name));
        let check = self.checks.entry(key, || Check {
            plugin_id: details.plugin_id.as_deref().map(short),
            name: short(name),
            severity: Severity::Info,
            vpr: None,
            cvss: None,
            cves: facts::cves(details).take(EXAMPLES).map(ToOwned::to_owned).collect(),
            more_cves: facts::cves(details).count().saturating_sub(EXAMPLES),
            solution: solution(details).map(short),
            findings: Part::default(),
            hosts: 0,
            new: Part::default(),
            fixed: Part::default(),
            unseen: Part::default(),
            changed: Part::default(),
        });
        check.severity = check.severity.max(details.severity);
        check.vpr = higher(check.vpr, facts::vpr(details));
        check.cvss = higher(check.cvss, facts::best_cvss(details).map(|best| best.base));
        match change {
            Some(Change::New) => check.new.add(finding),
            Some(Change::Fixed) => check.fixed.add(finding),
            Some(Change::Unseen) => check.unseen.add(finding),
            Some(Change::Changed) => check.changed.add(finding),
            Some(Change::Unchanged) | None => {}
        }
        if !is_gone {
            check.findings.add(finding);
        }
        check.hosts += u64::from(self.met.insert(self.hashing.hash_one((key, self.report, label))));
    }
}

pub(super) fn short(text: &str) -> String {
    shorten(&clean(&shorten(text, NAME)), NAME).trim().to_owned()
}

fn higher(one: Option<f64>, other: Option<f64>) -> Option<f64> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.max(other)),
        (one, other) => one.or(other),
    }
}

/// What was checked, for people: of a compliance audit the check, else the plugin's name.
pub(super) fn check_name<'f>(finding: &'f Finding<'_>) -> &'f str {
    let details = finding.details;
    let audit = details.compliance.as_ref().and_then(|compliance| compliance.check_name.as_deref());
    let texts = [audit, details.plugin_name.as_deref(), details.plugin_id.as_deref()];
    texts.into_iter().flatten().find(|text| !text.trim().is_empty()).unwrap_or("unnamed finding")
}

/// What helps. A scanner says `n/a` where nothing needs help.
pub(super) fn solution<'d>(details: &'d Details<'_>) -> Option<&'d str> {
    details.solution.as_deref().filter(|text| !text.trim().eq_ignore_ascii_case("n/a"))
}

/// Where something was found, for people: `host`, or `host:443/tcp`.
pub(super) fn place_of(finding: &Finding<'_>) -> String {
    let label = host_name(finding);
    let details = finding.details;
    match (details.port.filter(|port| *port > 0), details.protocol.as_deref()) {
        (Some(port), protocol) => {
            let host = if label.contains(':') { format!("[{label}]") } else { label.to_owned() };
            format!("{host}:{port}/{}", protocol.unwrap_or("?"))
        }
        (None, None | Some("tcp")) => label.to_owned(),
        (None, Some(protocol)) => format!("{label} ({protocol})"),
    }
}

/// What a host is called, also where the report has no name for it.
pub(super) fn host_name<'f>(finding: &'f Finding<'_>) -> &'f str {
    let host = finding.host;
    let texts = [host.label(), &host.name, host.ip.as_deref().unwrap_or_default()];
    texts.into_iter().find(|text| !text.trim().is_empty()).unwrap_or("unnamed host")
}

/// Whether a row tells of an open port and of nothing else: a row of an API that has no check, or of one of the
/// plugins that Tenable's scanner looks for ports with.
pub(super) fn is_open_port(finding: &Finding<'_>) -> bool {
    let details = finding.details;
    match &details.plugin_id {
        None => details.plugin_name.as_deref() == Some(OPEN_PORT),
        Some(_) => {
            details.plugin_family.as_deref() == Some("Port scanners")
                && details.severity == Severity::Info
                && details.port.is_some_and(|port| port > 0)
                && details.cves.is_empty()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Row, row};
    use super::*;

    fn summary(rows: &[Row]) -> Summary {
        let mut summary = Summary::default();
        rows.iter().for_each(|row| row.with(|finding| summary.add(finding, None)));
        summary
    }

    #[test]
    fn checks_are_counted_over_hosts_and_the_worst_come_first() {
        let made = summary(&[
            row("a", "1", Severity::Low).port(80),
            row("a", "1", Severity::Low).port(443),
            row("a", "1", Severity::Low).port(80),
            row("a", "2", Severity::Critical),
            row("b", "1", Severity::Low),
        ]);
        assert_eq!((made.counts, made.total()), ([0, 4, 0, 0, 1], 5));
        let checks = made.checks.ranked(|_| true, |check| &check.name);
        let told: Vec<(&str, u64, u64, Vec<String>)> = checks
            .iter()
            .map(|check| {
                let (id, found) = (check.plugin_id.as_deref().unwrap(), &check.findings);
                (
                    id,
                    found.count,
                    check.hosts,
                    found.places.iter().map(|(place, count)| format!("{place} {count}")).collect(),
                )
            })
            .collect();
        let places = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        assert_eq!(told, [("2", 1, 1, places(&["a 1"])), ("1", 4, 2, places(&["a:80/tcp 2", "a:443/tcp 1", "b 1"]))]);
        let hosts = made.hosts.ranked(|_| true, |host| &host.label);
        assert_eq!(hosts.iter().map(|host| host.label.as_str()).collect::<Vec<_>>(), ["a", "b"]);
    }

    #[test]
    fn hosts_that_take_turns_count_once_for_a_check() {
        let rows = ["a", "b", "a", "b"].map(|host| row(host, "1", Severity::Low));
        let mut made = summary(&rows);
        let hosts = |made: &Summary| made.checks.ranked(|_| true, |check| &check.name)[0].hosts;
        assert_eq!(hosts(&made), 2);
        made.next_report();
        rows.iter().for_each(|row| row.with(|finding| made.add(finding, None)));
        assert_eq!(hosts(&made), 4);
        let mut recent = Recent::default();
        assert!((0..=MOST as u64).all(|hash| recent.insert(hash)) && !recent.insert(0));
        assert!(recent.latest.len() <= 2);
    }

    #[test]
    fn what_is_gone_is_no_finding_of_today() {
        let mut made = Summary::default();
        row("a", "1", Severity::High).with(|finding| made.add(finding, Some(Change::Fixed)));
        row("a", "2", Severity::Low).with(|finding| made.add(finding, Some(Change::New)));
        assert_eq!(made.counts, [0, 1, 0, 0, 0]);
        assert_eq!(made.changes, Some(Changes { new: 1, fixed: 1, ..Changes::default() }));
        let checks = made.checks.ranked(|_| true, |check| &check.name);
        assert_eq!(
            checks.iter().map(|check| (check.findings.count, check.fixed.count)).collect::<Vec<_>>(),
            [(0, 1), (1, 0)]
        );
    }

    #[test]
    fn only_the_mildest_are_forgotten_when_there_are_too_many() {
        let mut made = Summary { checks: Tally::new(4), ..Summary::default() };
        for id in 0..20 {
            let severity = if id == 3 { Severity::High } else { Severity::Info };
            row("a", &id.to_string(), severity).with(|finding| made.add(finding, None));
        }
        assert!(made.checks.kept.len() <= 4);
        assert_eq!(made.checks.forgotten + made.checks.kept.len() as u64, 20);
        assert_eq!(made.checks.ranked(|_| true, |check| &check.name)[0].plugin_id.as_deref(), Some("3"));
    }
}
