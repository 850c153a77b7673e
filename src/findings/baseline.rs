//! An older report to compare with: which findings it has, and whether they are still the same.
//!
//! Of each finding its id, its severity and a hash of what may change are kept, 32 bytes in all; no report is. The same
//! is a finding whose severity, output, known exploit, and result of a compliance check are the same. Scores that
//! change by themselves from day to day (VPR, EPSS), dates, and the check's own texts do not count.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use super::identity::FindingId;
use super::shape::{Finding, Severity};
use super::{FindingSink, Needs};
use crate::error::Result;

/// The findings of an older report.
#[derive(Debug, Default)]
pub struct Baseline {
    entries: Vec<Entry>,
    /// In the order of the ids, each once.
    sorted: bool,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    id: FindingId,
    content: u64,
    severity: Severity,
    /// What its reader said of it.
    marked: bool,
    seen: bool,
}

/// How a finding stands to the older report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It is not in there.
    New,
    /// It is in there, the same.
    Unchanged,
    /// It is in there, and was of this severity.
    Changed(Severity),
}

/// One that was found again.
#[derive(Debug, Clone, Copy)]
pub struct Match {
    /// How it stands.
    pub standing: Standing,
    /// Whether the older one was marked.
    pub marked: bool,
}

impl Baseline {
    /// Adds a finding of the older report, marked or not.
    pub fn add(&mut self, finding: &Finding<'_>, marked: bool) {
        self.sorted = false;
        self.entries.push(Entry {
            id: finding.id,
            content: content(finding),
            severity: finding.details.severity,
            marked,
            seen: false,
        });
    }

    /// The older report has ended. To be called before the first comparison.
    pub fn seal(&mut self) {
        // Ids are each there once in a report; a file may hold several.
        self.entries.sort_by_key(|entry| entry.id);
        self.entries.dedup_by_key(|entry| entry.id);
        self.entries.shrink_to_fit();
        self.sorted = true;
    }

    /// How many findings it has.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Compares a finding of the newer report, and remembers that it was there.
    pub fn compare(&mut self, finding: &Finding<'_>) -> Match {
        debug_assert!(self.sorted, "compared before it was sealed");
        let Ok(at) = self.entries.binary_search_by_key(&finding.id, |entry| entry.id) else {
            return Match { standing: Standing::New, marked: false };
        };
        let entry = &mut self.entries[at];
        entry.seen = true;
        let same = entry.severity == finding.details.severity && entry.content == content(finding);
        let standing = if same { Standing::Unchanged } else { Standing::Changed(entry.severity) };
        Match { standing, marked: entry.marked }
    }

    /// Whether a finding of the older report was marked and no comparison met it. Each is told once.
    pub fn take_missing(&mut self, id: FindingId) -> bool {
        let Ok(at) = self.entries.binary_search_by_key(&id, |entry| entry.id) else { return false };
        let entry = &mut self.entries[at];
        !std::mem::replace(&mut entry.seen, true) && entry.marked
    }
}

impl FindingSink for Baseline {
    fn finding(&mut self, finding: &Finding<'_>) -> Result<()> {
        self.add(finding, true);
        Ok(())
    }

    fn needs(&self) -> Needs {
        Needs::All
    }
}

/// A hash of what may change, with the same result as long as the program runs.
fn content(finding: &Finding<'_>) -> u64 {
    let details = finding.details;
    let mut hasher = DefaultHasher::new();
    details.output.as_deref().map(str::trim).unwrap_or_default().hash(&mut hasher);
    details.exploit.available.unwrap_or_default().hash(&mut hasher);
    if let Some(check) = &details.compliance {
        check.result.as_deref().hash(&mut hasher);
        check.actual_value.as_deref().map(str::trim).hash(&mut hasher);
    }
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::findings::{Details, Emitter, Exploit, Host, Origin};

    fn row(plugin: &'static str, severity: Severity, output: &'static str) -> Details<'static> {
        Details { plugin_id: Some(plugin.into()), severity, output: Some(output.into()), ..Details::default() }
    }

    struct Standings<'b>(&'b mut Baseline, Vec<(String, Standing)>);

    impl FindingSink for Standings<'_> {
        fn finding(&mut self, finding: &Finding<'_>) -> Result<()> {
            let name = finding.details.plugin_id.as_deref().unwrap_or_default().to_owned();
            self.1.push((name, self.0.compare(finding).standing));
            Ok(())
        }
    }

    struct Missing<'b>(&'b mut Baseline, Vec<String>);

    impl FindingSink for Missing<'_> {
        fn finding(&mut self, finding: &Finding<'_>) -> Result<()> {
            if self.0.take_missing(finding.id) {
                self.1.push(finding.details.plugin_id.as_deref().unwrap_or_default().to_owned());
            }
            Ok(())
        }
    }

    fn emit(rows: &[Details<'_>], sink: &mut dyn FindingSink) {
        let (origin, host) = (Origin::default(), Host { name: "192.0.2.1".into(), ..Host::default() });
        Emitter::new(&origin, sink).host(&host, rows).unwrap();
    }

    #[test]
    fn findings_are_told_apart_by_id_and_by_what_may_change() {
        let (high, low) = (Severity::High, Severity::Low);
        let older =
            [row("1", high, "a"), row("2", high, "a"), row("3", low, "a"), row("4", low, "a"), row("5", low, "")];
        let mut baseline = Baseline::default();
        emit(&older, &mut baseline);
        emit(&older, &mut baseline);
        baseline.seal();
        assert_eq!((baseline.len(), baseline.is_empty()), (5, false));
        let exploited = Details {
            exploit: Exploit { available: Some(true), ..Exploit::default() },
            vpr: Some(9.9),
            ..row("4", low, "a")
        };
        let scored =
            Details { vpr: Some(9.9), epss: Some(0.5), description: Some("x".into()), ..row("1", high, " a\n") };
        let newer = [scored, row("2", high, "b"), row("3", high, "a"), exploited, row("6", low, "a")];
        let mut standings = Standings(&mut baseline, Vec::new());
        emit(&newer, &mut standings);
        let told: Vec<(&str, Standing)> =
            standings.1.iter().map(|(name, standing)| (name.as_str(), *standing)).collect();
        assert_eq!(
            told,
            [
                ("1", Standing::Unchanged),
                ("2", Standing::Changed(high)),
                ("3", Standing::Changed(low)),
                ("4", Standing::Changed(low)),
                ("6", Standing::New),
            ]
        );
        let mut missing = Missing(&mut baseline, Vec::new());
        emit(&older, &mut missing);
        emit(&older, &mut missing);
        assert_eq!(missing.1, ["5"]);
    }
}
