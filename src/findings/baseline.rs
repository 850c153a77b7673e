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
pub struct OlderReport {
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

/// What became of a finding since an older report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// Only the newer one has it.
    New,
    /// Both have it, and not the same.
    Changed,
    /// Both have it, the same.
    Unchanged,
    /// Only the older one has it.
    Fixed,
    /// Only the older one has it, and that the newer one does not proves nothing.
    Unseen,
}

impl Change {
    /// Every one.
    pub const ALL: [Self; 5] = [Self::New, Self::Changed, Self::Unchanged, Self::Fixed, Self::Unseen];

    /// The word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Changed => "changed",
            Self::Unchanged => "unchanged",
            Self::Fixed => "fixed",
            Self::Unseen => "unseen",
        }
    }
}

/// A finding of the newer report, compared.
#[derive(Debug, Clone, Copy)]
pub struct Match {
    /// Whether it is new, changed or unchanged.
    pub change: Change,
    /// Its severity in the older report, where that has it.
    pub before: Option<Severity>,
    /// Whether the older one was marked.
    pub marked: bool,
}

impl OlderReport {
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
            return Match { change: Change::New, before: None, marked: false };
        };
        let entry = &mut self.entries[at];
        entry.seen = true;
        let same = entry.severity == finding.details.severity && entry.content == content(finding);
        let change = if same { Change::Unchanged } else { Change::Changed };
        Match { change, before: Some(entry.severity), marked: entry.marked }
    }

    /// Whether a finding of the older report was marked and no comparison met it. Each is told once.
    pub fn take_missing(&mut self, id: FindingId) -> bool {
        let Ok(at) = self.entries.binary_search_by_key(&id, |entry| entry.id) else { return false };
        let entry = &mut self.entries[at];
        !std::mem::replace(&mut entry.seen, true) && entry.marked
    }
}

impl FindingSink for OlderReport {
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

    struct Compared<'b>(&'b mut OlderReport, Vec<(String, Change, Option<Severity>)>);

    impl FindingSink for Compared<'_> {
        fn finding(&mut self, finding: &Finding<'_>) -> Result<()> {
            let name = finding.details.plugin_id.as_deref().unwrap_or_default().to_owned();
            let Match { change, before, marked: _ } = self.0.compare(finding);
            self.1.push((name, change, before));
            Ok(())
        }
    }

    struct Missing<'b>(&'b mut OlderReport, Vec<String>);

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
        let mut older_report = OlderReport::default();
        emit(&older, &mut older_report);
        emit(&older, &mut older_report);
        older_report.seal();
        assert_eq!((older_report.len(), older_report.is_empty()), (5, false));
        let exploited = Details {
            exploit: Exploit { available: Some(true), ..Exploit::default() },
            vpr: Some(9.9),
            ..row("4", low, "a")
        };
        let scored =
            Details { vpr: Some(9.9), epss: Some(0.5), description: Some("x".into()), ..row("1", high, " a\n") };
        let newer = [scored, row("2", high, "b"), row("3", high, "a"), exploited, row("6", low, "a")];
        let mut compared = Compared(&mut older_report, Vec::new());
        emit(&newer, &mut compared);
        let told: Vec<(&str, Change, Option<Severity>)> =
            compared.1.iter().map(|(name, change, before)| (name.as_str(), *change, *before)).collect();
        assert_eq!(
            told,
            [
                ("1", Change::Unchanged, Some(high)),
                ("2", Change::Changed, Some(high)),
                ("3", Change::Changed, Some(low)),
                ("4", Change::Changed, Some(low)),
                ("6", Change::New, None),
            ]
        );
        let mut missing = Missing(&mut older_report, Vec::new());
        emit(&older, &mut missing);
        emit(&older, &mut missing);
        assert_eq!(missing.1, ["5"]);
    }
}
