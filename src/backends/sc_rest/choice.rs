//! Which run of a scan is meant. Results often do not say which scan they are of (`scan.id` is -1, also after ordinary
//! runs), so a scan has runs that are its own and runs that may be: those of its name that say nothing.
//!
//! A run that may be counts as running when something is about to be launched, and is never chosen: where it could be
//! the one that is meant, the choice is the user's.

use std::time::Instant;

use bytes::Bytes;
use jiff::Timestamp;

use crate::error::{Detail, Error, Result};
use crate::exit::Exit;
use crate::http::Answer;
use crate::model::{Address, Run, RunState, ScanId};

/// Addresses in a message; a long history would drown it.
const SHOWN: usize = 10;

/// What a result says about a scan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kinship {
    /// It is a run of the scan.
    Own,
    /// It says nothing, and has the scan's name.
    Unsure,
    /// It is not.
    None,
}

/// The runs that are, or may be, one scan's, newest first.
#[derive(Debug)]
pub struct Family {
    profile: String,
    /// The scan, by the vendor's own number.
    pub scan: ScanId,
    /// Its name.
    pub name: Option<String>,
    runs: Vec<(Run, Kinship)>,
    /// The vendor's list as received.
    pub raw: Bytes,
    /// The vendor's clock when it answered.
    pub now: Option<Timestamp>,
    /// When the list came.
    pub received: Instant,
}

/// Newest first: by the vendor's times, then by its numbers.
pub fn newest_first(runs: &mut [Run]) {
    runs.sort_by_key(age);
}

fn age(run: &Run) -> std::cmp::Reverse<(Option<Timestamp>, u64)> {
    let number = run.run.as_ref().and_then(|run| run.as_str().parse().ok()).unwrap_or(0);
    std::cmp::Reverse((run.created_at.or(run.started_at), number))
}

impl Family {
    /// Sorts out what a list answered.
    pub fn new(
        profile: &str,
        (scan, name): (ScanId, Option<String>),
        runs: impl IntoIterator<Item = (Run, Kinship)>,
        (now, answer): (Option<Timestamp>, &Answer),
    ) -> Self {
        let mut runs: Vec<(Run, Kinship)> = runs.into_iter().filter(|(_, kinship)| *kinship != Kinship::None).collect();
        runs.sort_by_key(|(run, _)| age(run));
        Self { profile: profile.to_owned(), scan, name, runs, raw: answer.body.clone(), now, received: answer.received }
    }

    /// Everything that is, or may be, the scan's.
    pub fn all(&self) -> impl Iterator<Item = &Run> {
        self.runs.iter().map(|(run, _)| run)
    }

    /// What is, or may be, the scan's and is active.
    pub fn active(&self) -> Vec<Run> {
        self.all().filter(|run| is_active(run)).cloned().collect()
    }

    /// What is the scan's, and what must be said about the rest.
    pub fn own(self) -> (Vec<Run>, Option<String>) {
        let unsure: Vec<String> = self
            .runs
            .iter()
            .filter(|(_, kinship)| *kinship == Kinship::Unsure)
            .map(|(run, _)| self.address(run))
            .collect();
        let note = (!unsure.is_empty()).then(|| {
            format!(
                "not listed, since they do not say which scan they are of, are runs named{}: {}",
                self.quoted_name(),
                listed(&unsure)
            )
        });
        let own = self.runs.into_iter().filter(|(_, kinship)| *kinship == Kinship::Own).map(|(run, _)| run);
        (own.collect(), note)
    }

    /// The run that is `back` runs before the newest.
    ///
    /// # Errors
    /// Exit 5: there is none that far back, or it could be another one.
    pub fn nth(&self, back: usize) -> Result<Run> {
        let certain = self.runs.get(..=back).filter(|runs| runs.iter().all(|(_, kinship)| *kinship == Kinship::Own));
        if let Some((run, _)) = certain.and_then(<[_]>::last) {
            return Ok(run.clone());
        }
        // Every run that has at most `back` runs of the scan before it, and at least so many that may be.
        let mut own = 0;
        let mut candidates = Vec::new();
        for (run, kinship) in &self.runs {
            if own > back {
                break;
            }
            candidates.push(run);
            own += usize::from(*kinship == Kinship::Own);
        }
        match candidates.get(back..) {
            Some(candidates) if !candidates.is_empty() => Err(self.ambiguous(candidates)),
            _ => {
                let scan = Address::full(&self.profile, Some(&self.scan), None);
                let what = if self.runs.is_empty() { "no run" } else { "no run that far back" };
                Err(Error::new(Exit::NotFound, format!("scan {}{} has {what}", self.scan, self.quoted_name()))
                    .hint(format!("`scanctl runs list {scan}` shows its runs")))
            }
        }
    }

    /// The active run, else the newest.
    ///
    /// # Errors
    /// Exit 5: there is none, or it could be one of several.
    pub fn current(&self) -> Result<Run> {
        let active: Vec<&(Run, Kinship)> = self.runs.iter().filter(|(run, _)| is_active(run)).collect();
        match active[..] {
            [] => self.nth(0),
            [(run, Kinship::Own)] => Ok(run.clone()),
            _ => Err(self.ambiguous(&active.iter().map(|(run, _)| run).collect::<Vec<_>>())),
        }
    }

    fn ambiguous(&self, candidates: &[&Run]) -> Error {
        let candidates: Vec<String> = candidates.iter().map(|run| self.address(run)).collect();
        Error::new(
            Exit::NotFound,
            format!("it cannot be told which run of scan {}{} is meant", self.scan, self.quoted_name()),
        )
        .because("several are active, or results of that name do not say which scan they are of")
        .hint(format!("name one of {}", listed(&candidates)))
        .with_detail(Detail::Candidates(candidates))
    }

    fn quoted_name(&self) -> String {
        self.name.as_deref().map_or(String::new(), |name| format!(" \"{name}\""))
    }

    fn address(&self, run: &Run) -> String {
        Address::full(&self.profile, run.scan.as_ref(), run.run.as_ref())
    }
}

fn is_active(run: &Run) -> bool {
    run.state.is_some_and(RunState::is_active)
}

fn listed(addresses: &[String]) -> String {
    let shown = addresses.iter().take(SHOWN).map(String::as_str).collect::<Vec<_>>().join(", ");
    match addresses.len().checked_sub(SHOWN) {
        None | Some(0) => shown,
        Some(more) => format!("{shown} and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use bytes::Bytes;
    use jiff::Timestamp;

    use super::{Family, Kinship, age};
    use crate::error::{Detail, Result};
    use crate::exit::Exit;
    use crate::model::{Run, RunId, RunState, ScanId};

    /// `o8` is run 8 of the scan, `u9` one that may be; a `*` behind it says that it is active.
    fn family(runs: &str) -> Family {
        let mut runs: Vec<(Run, Kinship)> = runs
            .split_whitespace()
            .map(|word| {
                let own = word.starts_with('o');
                let id = word[1..].trim_end_matches('*');
                let state = if word.ends_with('*') { RunState::Running } else { RunState::Completed };
                let run = Run {
                    scan: own.then(|| ScanId::new("34")),
                    run: Some(RunId::new(id)),
                    state: Some(state),
                    created_at: Timestamp::from_second(1000).ok(),
                    ..Run::default()
                };
                (run, if own { Kinship::Own } else { Kinship::Unsure })
            })
            .collect();
        runs.sort_by_key(|(run, _)| age(run));
        Family {
            profile: "sc".into(),
            scan: ScanId::new("34"),
            name: Some("Weekly".into()),
            runs,
            raw: Bytes::new(),
            now: None,
            received: Instant::now(),
        }
    }

    fn told(result: Result<Run>) -> String {
        match result {
            Ok(run) => run.run.unwrap().to_string(),
            Err(error) => {
                assert_eq!(error.exit(), Exit::NotFound);
                match error.detail() {
                    Detail::Candidates(candidates) => candidates.join(" "),
                    _ => "none".to_owned(),
                }
            }
        }
    }

    #[test]
    fn the_nth_run_is_told_only_where_it_is_certain() {
        for (runs, back, expected) in [
            ("o7 o8 o9", 0, "9"),
            ("o7 o10 o9", 2, "7"),
            ("o7 o8", 2, "none"),
            ("", 0, "none"),
            ("o9 u8", 0, "9"),
            ("o8 u9", 0, "sc/@9 sc/34@8"),
            ("o9 u8 o7", 1, "sc/@8 sc/34@7"),
            ("o8 u9", 1, "sc/34@8"),
            ("u9", 0, "sc/@9"),
            ("u9", 1, "none"),
        ] {
            assert_eq!(told(family(runs).nth(back)), expected, "{runs} ~{back}");
        }
    }

    #[test]
    fn the_current_run_is_the_only_active_one_else_the_newest() {
        for (runs, expected) in [
            ("o7* o8", "7"),
            ("o7 o8", "8"),
            ("o7* u8", "7"),
            ("o7* u8*", "sc/@8 sc/34@7"),
            ("o7* o8*", "sc/34@8 sc/34@7"),
            ("u8*", "sc/@8"),
            ("o7 u8", "sc/@8 sc/34@7"),
            ("", "none"),
        ] {
            assert_eq!(told(family(runs).current()), expected, "{runs}");
        }
    }

    #[test]
    fn what_may_be_running_counts_and_what_may_be_the_scans_is_said() {
        assert_eq!(family("o7* u8* o9").active().len(), 2);
        let (own, note) = family("o7 u8 o9").own();
        assert_eq!(own.len(), 2);
        assert!(note.unwrap().ends_with("named \"Weekly\": sc/@8"));
        assert_eq!(family("o7").own().1, None);
        let many: String = (1..=12).map(|run| format!("u{run} ")).collect();
        assert!(family(&many).own().1.unwrap().ends_with("sc/@3 and 2 more"));
    }
}
