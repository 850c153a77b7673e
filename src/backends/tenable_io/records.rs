//! What Tenable Vulnerability Management sends, and what its words mean.

use reqwest::header::HeaderMap;
use serde::Deserialize;

use crate::backends::wire::{Loose, null_as_default, plain_text};
use crate::exit::Exit;
use crate::http::VendorError;
use crate::model::{Run, RunId, RunState, Scan, ScanId};

/// The vendor's words, with the words of its own clients (`queued`, `canceling`, `cancelled`, `processing`).
pub(super) fn state(word: &str) -> RunState {
    match word.to_ascii_lowercase().as_str() {
        "empty" => RunState::Idle,
        "imported" => RunState::Imported,
        "initializing" => RunState::Starting,
        "pending" | "queued" => RunState::Queued,
        "running" => RunState::Running,
        "pausing" => RunState::Pausing,
        "paused" => RunState::Paused,
        "resuming" => RunState::Resuming,
        "stopping" | "canceling" | "cancelling" => RunState::Stopping,
        "publishing" | "processing" => RunState::Publishing,
        "completed" => RunState::Completed,
        "canceled" | "cancelled" | "stopped" => RunState::Stopped,
        "aborted" => RunState::Aborted,
        _ => RunState::Unknown,
    }
}

/// Whether a state comes before scanning: a run that was further is another run.
pub(super) fn is_early(state: RunState) -> bool {
    matches!(state, RunState::Idle | RunState::Queued | RunState::Starting)
}

/// The text of a refusal, in any of the shapes that the gateway and the services behind it use.
pub(super) fn refusal(status: u16, _headers: &HeaderMap, body: &[u8]) -> VendorError {
    let text = refusal_text(body).or_else(|| plain_text(body));
    let said = |words: &str| text.as_deref().is_some_and(|text| text.to_ascii_lowercase().contains(words));
    match status {
        401 => VendorError {
            hint: Some("the keys are not recognised: check them, and that they belong to this `base_url`".to_owned()),
            text,
            ..VendorError::default()
        },
        404 => VendorError {
            hint: Some("no such scan or run, or no access to it".to_owned()),
            text,
            ..VendorError::default()
        },
        // Nessus Professional, Expert and Essentials refuse scan control by design.
        412 if said("api is not available") => VendorError {
            exit: Some(Exit::Unsupported),
            hint: Some("this Nessus edition does not allow scan control through its API".to_owned()),
            text,
            ..VendorError::default()
        },
        _ => VendorError { text, ..VendorError::default() },
    }
}

fn refusal_text(body: &[u8]) -> Option<String> {
    let value: serde_json::Value = serde_json::from_slice(body).ok()?;
    let text = match &value {
        serde_json::Value::String(text) => text.clone(),
        _ => [&value["message"], &value["error"], &value["info"]["error"]]
            .into_iter()
            .find_map(|part| part.as_str().filter(|text| !text.is_empty()))?
            .to_owned(),
    };
    // Some services pass on the JSON of another service as a string.
    Some(refusal_text(text.as_bytes()).filter(|_| text.trim_start().starts_with('{')).unwrap_or(text))
}

#[derive(Debug, Deserialize)]
pub(super) struct ScanList {
    /// Null where there are none.
    #[serde(deserialize_with = "null_as_default")]
    pub(super) scans: Vec<ListItem>,
}

#[derive(Debug, Deserialize)]
pub(super) struct ListItem {
    pub(super) id: Loose,
    #[serde(default)]
    pub(super) name: Loose,
    #[serde(default)]
    pub(super) status: Loose,
    #[serde(default)]
    pub(super) uuid: Loose,
    #[serde(default)]
    pub(super) enabled: Loose,
    #[serde(default)]
    pub(super) rrules: Loose,
    #[serde(default)]
    pub(super) starttime: Loose,
    #[serde(default)]
    pub(super) timezone: Loose,
    #[serde(default)]
    pub(super) progress: Loose,
    /// Until the first launch, when the scan was made.
    #[serde(default)]
    pub(super) creation_date: Loose,
    #[serde(default)]
    pub(super) schedule_uuid: Loose,
}

impl ListItem {
    pub(super) fn scan_id(&self) -> Option<ScanId> {
        self.id.text().map(ScanId::new)
    }

    pub(super) fn run(&self) -> Option<Run> {
        let word = self.status.owned();
        Some(Run {
            scan: self.scan_id(),
            run: Some(RunId::new(self.uuid.text()?)),
            name: self.name.owned(),
            state: word.as_deref().map(state),
            native_state: word,
            progress: self.progress.percent(),
            ..Run::default()
        })
    }

    /// The schedule in the vendor's notation.
    pub(super) fn schedule(&self) -> Option<String> {
        let rule = [self.rrules.text(), self.starttime.text(), self.timezone.text()];
        let rule: Vec<&str> = rule.into_iter().flatten().collect();
        (!rule.is_empty()).then(|| rule.join(" "))
    }

    pub(super) fn scan(&self) -> Option<Scan> {
        Some(Scan {
            scan: self.scan_id()?,
            name: self.name.owned(),
            enabled: self.enabled.flag(),
            schedule: self.schedule(),
            targets: None,
            last_run: self.run(),
            fields: None,
        })
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct Details {
    pub(super) info: Info,
    #[serde(default, deserialize_with = "null_as_default")]
    pub(super) history: Vec<DetailsHistory>,
    #[serde(default)]
    pub(super) progress: Loose,
}

#[derive(Debug, Deserialize)]
pub(super) struct Info {
    #[serde(default)]
    pub(super) uuid: Loose,
    #[serde(default)]
    pub(super) name: Loose,
    #[serde(default)]
    pub(super) status: Loose,
    #[serde(default)]
    pub(super) targets: Loose,
    #[serde(default)]
    pub(super) schedule_uuid: Loose,
    #[serde(default)]
    pub(super) scan_start: Loose,
    #[serde(default)]
    pub(super) scan_end: Loose,
    #[serde(default)]
    pub(super) timestamp: Loose,
    #[serde(default)]
    pub(super) hostcount: Loose,
    #[serde(default)]
    pub(super) scan_type: Loose,
    #[serde(default)]
    pub(super) is_archived: Loose,
    #[serde(default)]
    pub(super) reindexing: Loose,
}

#[derive(Debug, Deserialize)]
pub(super) struct DetailsHistory {
    #[serde(default)]
    pub(super) history_id: Loose,
    #[serde(default)]
    pub(super) is_archived: Loose,
    #[serde(default)]
    pub(super) uuid: Loose,
    #[serde(default)]
    pub(super) status: Loose,
    #[serde(default)]
    pub(super) creation_date: Loose,
    #[serde(default)]
    pub(super) last_modification_date: Loose,
}

impl Details {
    /// The run that `info` tells of: the newest.
    pub(super) fn newest(&self, scan: &ScanId) -> Run {
        let info = &self.info;
        let word = info.status.owned();
        Run {
            scan: Some(scan.clone()),
            run: info.uuid.text().map(RunId::new),
            name: info.name.owned(),
            state: word.as_deref().map(state),
            native_state: word,
            progress: self.progress.percent(),
            started_at: info.scan_start.seconds(),
            ended_at: info.scan_end.seconds(),
            counters: format!("{:?} {:?}", info.hostcount.text(), info.timestamp.text()),
            ..Run::default()
        }
    }

    /// One run out of `info` or the embedded history.
    pub(super) fn run(&self, scan: &ScanId, run: &RunId) -> Option<Run> {
        if self.info.uuid.text() == Some(run.as_str()) {
            return Some(self.newest(scan));
        }
        Some(self.entry(run)?.run(scan, self.info.name.owned()))
    }

    /// One run of the embedded history.
    pub(super) fn entry(&self, run: &RunId) -> Option<&DetailsHistory> {
        self.history.iter().find(|entry| entry.uuid.text() == Some(run.as_str()))
    }
}

impl DetailsHistory {
    pub(super) fn run(&self, scan: &ScanId, name: Option<String>) -> Run {
        let word = self.status.owned();
        let state = word.as_deref().map(state);
        Run {
            scan: Some(scan.clone()),
            run: self.uuid.text().map(RunId::new),
            name,
            state,
            native_state: word,
            started_at: self.creation_date.seconds(),
            // Until the end this is merely the last change.
            ended_at: self.last_modification_date.seconds().filter(|_| state.is_some_and(RunState::is_terminal)),
            ..Run::default()
        }
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct HistoryPage {
    #[serde(default, deserialize_with = "null_as_default")]
    pub(super) history: Vec<HistoryItem>,
    #[serde(default)]
    pub(super) pagination: Pagination,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct Pagination {
    #[serde(default)]
    pub(super) total: Loose,
}

#[derive(Debug, Deserialize)]
pub(super) struct HistoryItem {
    #[serde(default)]
    pub(super) scan_uuid: Loose,
    #[serde(default)]
    pub(super) status: Loose,
    #[serde(default)]
    pub(super) time_start: Loose,
    #[serde(default)]
    pub(super) time_end: Loose,
}

impl HistoryItem {
    pub(super) fn run(self, scan: &ScanId) -> Run {
        let word = self.status.owned();
        Run {
            scan: Some(scan.clone()),
            run: self.scan_uuid.text().map(RunId::new),
            state: word.as_deref().map(state),
            native_state: word,
            started_at: self.time_start.seconds(),
            ended_at: self.time_end.seconds(),
            ..Run::default()
        }
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct HistoryRun {
    #[serde(default)]
    pub(super) status: Loose,
    #[serde(default)]
    pub(super) name: Loose,
    #[serde(default)]
    pub(super) scan_start: Loose,
    #[serde(default)]
    pub(super) scan_end: Loose,
    /// The history id; a scan's record has its own id under this name.
    #[serde(default)]
    pub(super) object_id: Loose,
    #[serde(default)]
    pub(super) scan_type: Loose,
    #[serde(default)]
    pub(super) is_archived: Loose,
}

impl HistoryRun {
    pub(super) fn run(&self, scan: &ScanId, run: &RunId) -> Run {
        let word = self.status.owned();
        Run {
            scan: Some(scan.clone()),
            run: Some(run.clone()),
            name: self.name.owned(),
            state: word.as_deref().map(state),
            native_state: word,
            started_at: self.scan_start.seconds(),
            ended_at: self.scan_end.seconds(),
            ..Run::default()
        }
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct LatestStatus {
    pub(super) status: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct ExportAnswer {
    /// Text, of any form; Nessus has a number here.
    #[serde(default)]
    pub(super) file: Loose,
}

#[derive(Debug, Deserialize)]
pub(super) struct ExportStatus {
    #[serde(default)]
    pub(super) status: Loose,
}

#[derive(Debug, Deserialize)]
pub(super) struct LaunchAnswer {
    pub(super) scan_uuid: String,
}

#[cfg(test)]
mod tests {
    use super::{refusal, state};
    use crate::exit::Exit;
    use crate::model::RunState;
    use reqwest::header::HeaderMap;

    #[test]
    fn every_documented_word_has_its_state() {
        for (word, expected) in [
            ("empty", RunState::Idle),
            ("imported", RunState::Imported),
            ("initializing", RunState::Starting),
            ("pending", RunState::Queued),
            ("running", RunState::Running),
            ("pausing", RunState::Pausing),
            ("paused", RunState::Paused),
            ("resuming", RunState::Resuming),
            ("stopping", RunState::Stopping),
            ("publishing", RunState::Publishing),
            ("processing", RunState::Publishing),
            ("completed", RunState::Completed),
            ("canceled", RunState::Stopped),
            ("stopped", RunState::Stopped),
            ("aborted", RunState::Aborted),
            // Defined in the vendor's own clients.
            ("queued", RunState::Queued),
            ("canceling", RunState::Stopping),
            ("cancelled", RunState::Stopped),
            // Ends in "ed" and is no end.
            ("interrupted", RunState::Unknown),
            ("", RunState::Unknown),
        ] {
            assert_eq!(state(word), expected, "{word}");
        }
    }

    #[test]
    fn every_shape_of_refusal_gives_its_text() {
        for (status, body, text) in [
            (404, r#"{"error":"Scan not found"}"#, Some("Scan not found")),
            (
                403,
                r#"{"statusCode":403,"error":"Forbidden","message":"Insufficient scope"}"#,
                Some("Insufficient scope"),
            ),
            (
                400,
                r#"{"statusCode":400,"error":"Bad Request","message":"child \"days\" fails","validation":{}}"#,
                Some("child \"days\" fails"),
            ),
            (404, r#"{"error":"{\"error\":\"Network does not exist\"}"}"#, Some("Network does not exist")),
            (404, r#"{"info":{"error":"Scan not found"}}"#, Some("Scan not found")),
            (401, "This API key has been blacklisted.", Some("This API key has been blacklisted.")),
            (429, "<html><head><title>429 Too Many Requests</title></head></html>", Some("429 Too Many Requests")),
            (409, r#""a JSON string""#, Some("a JSON string")),
            (404, "", None),
            (500, r#"{"error":17}"#, Some(r#"{"error":17}"#)),
        ] {
            assert_eq!(refusal(status, &HeaderMap::new(), body.as_bytes()).text.as_deref(), text, "{body}");
        }
        let nessus = refusal(412, &HeaderMap::new(), br#"{"error":"API is not available"}"#);
        assert_eq!(nessus.exit, Some(Exit::Unsupported));
    }
}
