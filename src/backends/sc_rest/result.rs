//! One run on the wire: the scanResult of both products, and what its words mean.

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;

use super::Reference;
use crate::backends::wire::Loose;
use crate::error::Result;
use crate::http::Answer;
use crate::model::{Run, RunId, RunState, ScanId};

/// What is asked of every run: without it a list tells name and status alone.
pub const FIELDS: &str = "id,name,status,importStatus,scan,createdTime,startTime,finishTime,totalIPs,scannedIPs,\
                          completedIPs,totalChecks,completedChecks,errorDetails,importErrorDetails";

/// "No Results" stands before an import as well as for an import of nothing. This long after the end it is the latter.
const IMPORT_GRACE: SignedDuration = SignedDuration::from_secs(120);

/// One run.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct ScanResult {
    /// Its id.
    pub id: Loose,
    /// The scan's name when it ran.
    pub name: Loose,
    /// The scan; the product often has none to show, also after ordinary runs.
    pub scan: Reference,
    /// The scan again, in the answers to launches.
    #[serde(rename = "scanID")]
    pub scan_id: Reference,
    status: Loose,
    #[serde(rename = "importStatus")]
    import_status: Loose,
    #[serde(rename = "createdTime")]
    created_time: Loose,
    #[serde(rename = "startTime")]
    start_time: Loose,
    #[serde(rename = "finishTime")]
    finish_time: Loose,
    #[serde(rename = "totalIPs")]
    total_ips: Loose,
    #[serde(rename = "scannedIPs")]
    scanned_ips: Loose,
    #[serde(rename = "completedIPs")]
    completed_ips: Loose,
    #[serde(rename = "totalChecks")]
    total_checks: Loose,
    #[serde(rename = "completedChecks")]
    completed_checks: Loose,
    #[serde(rename = "errorDetails")]
    error_details: Loose,
    #[serde(rename = "importErrorDetails")]
    import_error_details: Loose,
    #[serde(rename = "downloadAvailable")]
    download_available: Loose,
}

impl ScanResult {
    /// The scan it is of, where the vendor says.
    pub fn scan(&self) -> Option<ScanId> {
        [&self.scan, &self.scan_id].into_iter().find_map(|scan| scan.id.as_deref()).map(ScanId::new)
    }

    /// Refuses what is no record of a run: it has an id, and a status where that was among the fields asked for.
    ///
    /// # Errors
    /// Exit 16.
    pub fn check(&self, fields: &str, answer: &Answer) -> Result<()> {
        if self.id.text().is_none() {
            return Err(answer.unreadable("`response.id` is missing"));
        }
        if self.status.text().is_none() && fields.split(',').any(|field| field == "status") {
            return Err(answer.unreadable("`response.status` is missing"));
        }
        Ok(())
    }

    /// The vendor's word for the state.
    pub fn status(&self) -> Option<String> {
        self.status.owned()
    }

    /// Whether the vendor says that there is no file of it.
    pub fn has_no_file(&self) -> bool {
        self.download_available.flag() == Some(false)
    }

    /// Whether agents scanned and the run is only how their results came in: such runs cannot be steered.
    pub fn is_of_agents(&self) -> bool {
        self.name.text().is_some_and(|name| name.ends_with("[Agent Scan Import]"))
    }

    /// The run as it was at `now`, by the vendor's clock.
    pub fn run(&self, now: Option<Timestamp>) -> Run {
        let native = self.status.owned();
        let finished = self.finish_time.seconds();
        let state = native.as_deref().map(|word| state(word, self.import_status.text(), finished, now));
        let details = [&self.error_details, &self.import_error_details].map(|details| details.text().map(str::trim));
        let details: Vec<&str> = details.into_iter().flatten().filter(|details| !details.is_empty()).collect();
        let message = if !details.is_empty() {
            Some(details.join("; "))
        } else if state == Some(RunState::Publishing) {
            self.import_status.text().map(|word| format!("import: {word}"))
        } else {
            None
        };
        Run {
            scan: self.scan(),
            run: self.id.text().map(RunId::new),
            name: self.name.owned(),
            state,
            native_state: native,
            progress: percent(&self.completed_checks, &self.total_checks)
                .or_else(|| percent(&self.completed_ips, &self.total_ips)),
            created_at: self.created_time.seconds(),
            started_at: self.start_time.seconds(),
            ended_at: finished,
            hosts_total: self.total_ips.count().filter(|total| *total > 0),
            hosts_done: self.completed_ips.count().or_else(|| self.scanned_ips.count()),
            message,
            fields: None,
            counters: format!("{:?} {:?}", self.completed_checks.text(), self.import_status.text()),
        }
    }
}

/// Percent done; unknown where the total is unknown or nothing.
fn percent(done: &Loose, total: &Loose) -> Option<u8> {
    let total = u128::from(total.count().filter(|total| *total > 0)?);
    let done = u128::from(done.count()?).min(total);
    u8::try_from(done * 100 / total).ok()
}

/// The vendor's words, by the user guide's page on scan result statuses. Agent scans use four of them.
///
/// A scan that is over is not yet its results: these are there once the import is.
fn state(status: &str, import: Option<&str>, finished: Option<Timestamp>, now: Option<Timestamp>) -> RunState {
    let over = |end| match import.map(str::to_ascii_lowercase).as_deref() {
        Some("finished") => end,
        Some("error") => RunState::Failed,
        Some("no results") | None => match (finished, now) {
            (Some(finished), Some(now)) if now.duration_since(finished) >= IMPORT_GRACE => end,
            _ => RunState::Publishing,
        },
        // Import Pending, Importing, and whatever else stands between.
        Some(_) => RunState::Publishing,
    };
    match status.to_ascii_lowercase().as_str() {
        "queued" => RunState::Queued,
        "preparing" | "resolving hostnames" | "verifying targets" | "initializing scanners" => RunState::Starting,
        "running" => RunState::Running,
        "pausing" => RunState::Pausing,
        "paused" => RunState::Paused,
        "resuming" => RunState::Resuming,
        "stopping" => RunState::Stopping,
        "completed" => over(RunState::Completed),
        "partial" => over(RunState::Partial),
        "error" => RunState::Failed,
        _ => RunState::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use serde_json::{Value, json};

    use super::ScanResult;
    use crate::model::{Run, RunState};

    fn run(now: i64, result: Value) -> Run {
        serde_json::from_value::<ScanResult>(result).unwrap().run(Timestamp::from_second(now).ok())
    }

    #[test]
    fn every_documented_word_has_a_state_and_unknown_ones_are_kept() {
        for (word, state) in [
            ("Queued", RunState::Queued),
            ("Preparing", RunState::Starting),
            ("Resolving Hostnames", RunState::Starting),
            ("Verifying Targets", RunState::Starting),
            ("Initializing Scanners", RunState::Starting),
            ("Running", RunState::Running),
            ("Pausing", RunState::Pausing),
            ("Paused", RunState::Paused),
            ("Resuming", RunState::Resuming),
            ("Stopping", RunState::Stopping),
            ("Completed", RunState::Completed),
            ("Partial", RunState::Partial),
            ("Error", RunState::Failed),
            ("COMPLETED", RunState::Completed),
            ("Stopped", RunState::Unknown),
            ("Frobnicating", RunState::Unknown),
        ] {
            let run = run(2000, json!({"id": "8", "status": word, "importStatus": "Finished", "finishTime": "1000"}));
            assert_eq!((run.state, run.native_state.as_deref()), (Some(state), Some(word)));
        }
        assert_eq!(run(0, json!({"id": "8"})).state, None);
    }

    #[test]
    fn a_scan_that_is_over_publishes_until_its_import_is() {
        let state = |status: &str, import: Value, finished: &str, now: i64| {
            let run = run(now, json!({"status": status, "importStatus": import, "finishTime": finished}));
            run.state.unwrap()
        };
        for (status, end) in [("Completed", RunState::Completed), ("Partial", RunState::Partial)] {
            assert_eq!(state(status, json!("Finished"), "1000", 1001), end);
            assert_eq!(state(status, json!("Error"), "1000", 1001), RunState::Failed);
            for word in ["Import Pending", "Importing", "Blocked"] {
                assert_eq!(state(status, json!(word), "1000", 99_999), RunState::Publishing, "{word}");
            }
            for nothing in [json!("No Results"), json!(""), Value::Null] {
                assert_eq!(state(status, nothing.clone(), "1000", 1119), RunState::Publishing);
                assert_eq!(state(status, nothing.clone(), "1000", 1120), end);
                assert_eq!(state(status, nothing, "-1", 99_999), RunState::Publishing);
            }
        }
        // The word stands there before any import as well.
        assert_eq!(state("Running", json!("No Results"), "-1", 1000), RunState::Running);
        let untimed: ScanResult = serde_json::from_value(json!({"status": "Completed", "finishTime": "1"})).unwrap();
        assert_eq!(untimed.run(None).state, Some(RunState::Publishing));
    }

    #[test]
    fn progress_is_checks_then_hosts_then_unknown() {
        let progress = |result: Value| run(0, result).progress;
        let checks =
            json!({"totalChecks": "209686528", "completedChecks": "104843264", "totalIPs": "10", "completedIPs": "1"});
        assert_eq!(progress(checks), Some(50));
        let hosts = json!({"totalChecks": "-1", "completedChecks": "-1 ", "totalIPs": 8, "completedIPs": "2"});
        assert_eq!(progress(hosts), Some(25));
        assert_eq!(progress(json!({"totalIPs": "4", "completedIPs": "9"})), Some(100));
        assert_eq!(progress(json!({"totalIPs": "0", "completedIPs": "0"})), None);
        assert_eq!(progress(json!({"totalIPs": "-1"})), None);
        assert_eq!(
            progress(json!({"totalChecks": "9223372036854775807", "completedChecks": "9223372036854775806"})),
            Some(99)
        );
    }

    #[test]
    fn minus_one_is_never_a_time_a_scan_or_a_count() {
        let run = run(
            0,
            json!({
                "id": "8", "name": "Weekly", "status": "Queued", "scan": {"id": -1, "name": ""}, "startTime": "-1",
                "finishTime": 0, "createdTime": "1545177477", "totalIPs": "-1", "scannedIPs": "-1", "errorDetails": null,
            }),
        );
        assert_eq!(
            (run.scan, run.started_at, run.ended_at, run.hosts_total, run.hosts_done),
            (None, None, None, None, None)
        );
        assert_eq!(run.created_at.unwrap().as_second(), 1_545_177_477);
        assert_eq!(run.message, None);
    }

    #[test]
    fn the_vendors_reasons_are_the_message() {
        let result = json!({"status": "Error", "errorDetails": "out of range\n", "importErrorDetails": "no data"});
        assert_eq!(run(0, result).message.as_deref(), Some("out of range; no data"));
        let result = json!({"status": "Completed", "importStatus": "Importing", "errorDetails": ""});
        assert_eq!(run(0, result).message.as_deref(), Some("import: Importing"));
    }
}
