//! Lists of runs, and what is known of one stored scan.
//!
//! Vendor pages: <https://developer.tenable.com/reference/scans-list>, `scans-details`, `scans-history`.
//!
//! Quirks that shape this file:
//! - The history has pages, and no filter by time.
//! - Imported runs are in the details alone.
//! - The details have no schedule, the list has no targets. A scan that never ran has them in the editor alone.

use jiff::Timestamp;

use super::records::{ListItem, ScanList, state};
use super::{HISTORY_PAGE, TenableIo};
use crate::backends::{Reading, RunQuery, Target};
use crate::error::Result;
use crate::exit::Exit;
use crate::model::{Run, RunState, Scan, ScanId};

impl TenableIo {
    /// The runs of a scan, newest first, page by page, as far as they are wanted.
    pub(super) async fn runs_of(&self, scan: &ScanId, query: &RunQuery) -> Result<Reading<Vec<Run>>> {
        let mut reading = Reading::<Vec<Run>>::default();
        let mut read = 0;
        let (total, whole) = loop {
            let (page, answer) = match self.history_page(scan, read, HISTORY_PAGE).await {
                Ok(page) => page,
                // As of an import, whose runs the history does not have.
                Err(missing) if missing.exit() == Exit::NotFound && read == 0 => {
                    return self.runs_in_details(scan, query).await.map_err(|_also_missing| missing);
                }
                Err(problem) => return Err(problem),
            };
            if page.history.iter().any(|item| item.scan_uuid.text().or(item.status.text()).is_none()) {
                return Err(answer.unreadable("a run has neither `scan_uuid` nor `status`"));
            }
            let count = page.history.len();
            let total = page.pagination.total.count();
            read += count;
            reading.raw.push(answer.body);
            let oldest = page.history.last().and_then(|item| item.time_start.seconds());
            reading.value.extend(page.history.into_iter().map(|item| item.run(scan)).filter(|run| is_in(run, query)));
            let done = match total {
                Some(total) => count == 0 || read as u64 >= total,
                None => count < HISTORY_PAGE,
            };
            let enough = query.limit.is_some_and(|limit| reading.value.len() > limit);
            let before = query.since.zip(oldest).is_some_and(|(since, oldest)| oldest < since);
            if done || enough || before {
                break (total, done);
            }
        };
        if read == 0 {
            return self.runs_in_details(scan, query).await.map(|mut found| {
                found.raw.splice(0..0, reading.raw);
                found
            });
        }
        let pages = counted(reading.raw.len() as u64, "page");
        let of = match total {
            Some(total) if !whole => format!("the newest {read} of {}", counted(total, "run")),
            _ => counted(read as u64, "run"),
        };
        Ok(windowed(reading.note(format!("{of}, read in {pages}")), query))
    }

    /// The runs that the details of a scan know.
    async fn runs_in_details(&self, scan: &ScanId, query: &RunQuery) -> Result<Reading<Vec<Run>>> {
        let (details, answer) = self.details(scan).await?;
        let runs = details.history.iter().map(|entry| entry.run(scan, details.info.name.owned()));
        let runs: Vec<Run> = runs.filter(|run| is_in(run, query)).collect();
        let some = !runs.is_empty();
        let reading = Reading::new(runs, vec![answer.body]);
        Ok(if some {
            windowed(reading.note("the vendor's history has none; these are from the scan's details"), query)
        } else {
            reading
        })
    }

    /// The latest run of each scan.
    pub(super) async fn latest_runs(&self, query: &RunQuery) -> Result<Reading<Vec<Run>>> {
        let mut request = self.http.get(["scans"]).label("scans list");
        for (name, moment) in [("started_from", query.since), ("started_to", query.until)] {
            if let Some(moment) = moment {
                request = request.query(name, moment.as_second());
            }
        }
        let answer = request.send().await?;
        let list: ScanList = answer.json()?;
        let runs = list.scans.iter().filter_map(ListItem::run).collect();
        let reading =
            Reading::new(runs, vec![answer.body]).note("the latest run of each scan; name a scan for all of its runs");
        Ok(match window(query) {
            Some(window) => reading.note(format!("{window}, by the vendor's own filter for scans")),
            None => reading,
        })
    }

    /// One stored scan, from its details, for its schedule from the list, and before its first run from the editor.
    pub(super) async fn stored_scan(&self, target: &Target) -> Result<Reading<Scan>> {
        let scan = self.scan_of(target)?;
        let (details, answer) = self.details(scan).await?;
        let newest = details.newest(scan);
        let targets =
            details.info.targets.text().map(|text| text.split(',').map(|one| one.trim().to_owned()).collect());
        let mut reading = Reading::new(
            Scan {
                scan: scan.clone(),
                name: details.info.name.owned(),
                enabled: None,
                schedule: None,
                targets,
                last_run: newest.run.is_some().then_some(newest),
                fields: None,
            },
            vec![answer.body],
        );
        if reading.value.targets.is_none() && details.info.status.text().map(state) == Some(RunState::Idle) {
            match self.editor(scan).await {
                Ok(editor) => reading.value.targets = editor.targets(),
                Err(problem) => reading = reading.note(format!("its targets cannot be read: {}", problem.one_line())),
            }
        }
        let (list, answer) = match self.list().await {
            Ok(listed) => listed,
            Err(problem) => {
                return Ok(reading.note(format!("its schedule cannot be read: {}", problem.one_line())));
            }
        };
        reading.raw.push(answer.body);
        let is_it = |item: &&ListItem| [item.id.text(), item.schedule_uuid.text()].contains(&Some(scan.as_str()));
        let Some(item) = list.scans.iter().find(is_it) else {
            return Ok(reading.note(format!("the list does not have scan {scan}, so its schedule is not known")));
        };
        reading.value.enabled = item.enabled.flag();
        reading.value.schedule = item.schedule();
        Ok(reading)
    }
}

/// Whether a run is within the span of time that was asked for. One that does not say when it started may be.
fn is_in(run: &Run, query: &RunQuery) -> bool {
    let outside =
        |started| query.since.is_some_and(|since| started < since) || query.until.is_some_and(|until| started > until);
    !run.started_at.is_some_and(outside)
}

fn window(query: &RunQuery) -> Option<String> {
    // Nobody means a part of a second.
    let whole = |moment: Timestamp| moment.strftime("%Y-%m-%dT%H:%M:%SZ");
    match (query.since.map(whole), query.until.map(whole)) {
        (None, None) => None,
        (Some(since), None) => Some(format!("from {since} on")),
        (None, Some(until)) => Some(format!("up to {until}")),
        (Some(since), Some(until)) => Some(format!("from {since} to {until}")),
    }
}

fn windowed(reading: Reading<Vec<Run>>, query: &RunQuery) -> Reading<Vec<Run>> {
    match window(query) {
        Some(window) => reading.note(format!("{window}, compared here with the start of each run")),
        None => reading,
    }
}

fn counted(number: u64, word: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {word}{plural}")
}
