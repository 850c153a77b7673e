//! Exports: the one way in which Tenable VM gives the whole result of a run.
//!
//! Vendor pages: <https://developer.tenable.com/reference/scans-export-request>, `scans-export-status`,
//! `scans-export-download`.
//!
//! Quirks that shape this file:
//! - Three calls: ask, look until it is ready, fetch. The vendor's own client looks without end; here a deadline ends it.
//! - Without a history id the newest run is exported, whichever that is by then. So every request names its run.
//! - The same run, format and chapters, asked for again, are the same file: recorded three weeks apart.
//! - Details and hosts are gone 35 days after a run, exports are not. 60 days after it only `nessus` and `csv` are left.
//! - In `nessus` the output of a plugin is cut after 5,000,000 characters; the vendor ends it with `***TRUNCATED***`.
//! - Scans of web applications take `type=web-app` on each of the three calls.
//!
//! Not for: reading what is exported.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::records::{Details, ExportAnswer, ExportStatus};
use super::{SPEC, TenableIo};
use crate::backends::Target;
use crate::backends::report::{Decoder, ExportOrder, Fetch, Report, settled};
use crate::error::{Error, Result, nearest};
use crate::exit::Exit;
use crate::findings::{Source, sniff};
use crate::http::{Answer, Request};
use crate::model::{Address, ExportFormat, Run, RunId, RunState, ScanId};
use crate::poll::{self, Pace};

/// What a document may be made of, by the vendor's page.
const CHAPTERS: [&str; 6] =
    ["vuln_hosts_summary", "vuln_by_host", "vuln_by_plugin", "compliance_exec", "compliance", "remediations"];
/// What most readers of a document look for: an overview, what each host has, and what to do about it.
const USUAL_CHAPTERS: [&str; 3] = ["vuln_hosts_summary", "vuln_by_host", "remediations"];

/// After these days the vendor has archived a run: details and hosts are gone.
const ARCHIVED_AFTER: i64 = 35;
/// After these days the vendor makes no documents and databases any more.
const DOCUMENTS_UNTIL: i64 = 60;

/// The vendor's own client looks every 2.5 s.
const FIRST_PAUSE: Duration = Duration::from_secs(2);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// The first pause on this machine, where nobody asks for politeness.
const FIRST_PAUSE_AT_HOME: Duration = Duration::from_millis(100);
/// A look shortly before the deadline may take this long.
const LAST_LOOK: Duration = Duration::from_secs(5);
/// So many looks in a row may fail; each was repeated by itself.
const FAILED_LOOKS: u32 = 5;
/// While nothing changes, the user is told so often.
const TELL_EVERY: Duration = Duration::from_secs(60);

/// A run, and what must be known of it to export it and no other.
struct Bound {
    scan: ScanId,
    run: Run,
    /// The history id: the only name of a run that the vendor documents for exports.
    number: Option<i64>,
    web: bool,
    archived: bool,
    reindexing: bool,
    /// Whole days since it ended, by the vendor's clock.
    age: Option<i64>,
}

impl Bound {
    fn new(scan: &ScanId, run: Run, answer: &Answer) -> Self {
        let now = answer.date.unwrap_or_else(Timestamp::now);
        let last = run.ended_at.or(run.started_at);
        let age = last.map(|last| (now.as_second() - last.as_second()).div_euclid(24 * 60 * 60));
        let archived = age.is_some_and(|days| days >= ARCHIVED_AFTER);
        Self { scan: scan.clone(), run, number: None, web: false, archived, reindexing: false, age }
    }

    /// Takes over what the details say of the run.
    fn learn(&mut self, details: &Details) {
        let info = &details.info;
        let entry = self.run.run.as_ref().and_then(|run| details.entry(run));
        self.number = self.number.or_else(|| entry?.history_id.number());
        self.web |= is_web(info.scan_type.text());
        if self.run.run.as_ref().map(RunId::as_str) == info.uuid.text() {
            self.reindexing = info.reindexing.flag() == Some(true);
            self.archived = info.is_archived.flag().unwrap_or(self.archived);
        } else if let Some(archived) = entry.and_then(|entry| entry.is_archived.flag()) {
            self.archived = archived;
        }
    }

    /// Refuses what the vendor is known to make no more.
    fn check_age(&self, address: &str, format: ExportFormat) -> Result<()> {
        let Some(days) = self.age.filter(|days| *days > DOCUMENTS_UNTIL && is_for_a_while(format)) else {
            return Ok(());
        };
        let message = format!(
            "the run ended {days} days ago, and Tenable VM makes {} of a run for {DOCUMENTS_UNTIL} days only",
            format.name()
        );
        Err(Error::new(Exit::Unsupported, message)
            .hint(format!("`scanctl export {address} --as nessus` and `--as csv` are possible for longer")))
    }

    fn notes(&self, order: &ExportOrder) -> Vec<String> {
        let mut notes = Vec::new();
        if self.archived {
            notes.push(format!(
                "the vendor has archived this run (older than {ARCHIVED_AFTER} days); its export is still whole"
            ));
        }
        if self.reindexing {
            notes.push("the vendor says that it is indexing this run again".to_owned());
        }
        if order.format.is_document() && order.chapters.is_empty() {
            notes.push(format!(
                "chapters: {}; choose others of {} with --chapters",
                USUAL_CHAPTERS.join(", "),
                CHAPTERS.join(", ")
            ));
        }
        if order.format == ExportFormat::Db {
            notes.push("a database holds one asset, as it was before the vendor processed the run".to_owned());
        }
        notes
    }

    fn query<'r>(&self, request: Request<'r>) -> Request<'r> {
        if self.web { request.query("type", "web-app") } else { request }
    }
}

fn is_web(scan_type: Option<&str>) -> bool {
    matches!(scan_type, Some("webapp" | "web-app"))
}

fn is_for_a_while(format: ExportFormat) -> bool {
    format.is_document() || format == ExportFormat::Db
}

/// Refuses options that make no sense for the format. Sends nothing.
fn check(order: &ExportOrder) -> Result<()> {
    SPEC.check_export(order.format, &order.chapters, order.asset.is_some(), order.password.is_some())?;
    if let Some(unknown) = order.chapters.iter().find(|chapter| !CHAPTERS.contains(&chapter.as_str())) {
        let error = Error::usage(format!("`{unknown}` is no chapter of Tenable VM"));
        return Err(match nearest(unknown, CHAPTERS) {
            Some(near) => error.hint(format!("did you mean `{near}`?")),
            None => error.hint(format!("the chapters are {}", CHAPTERS.join(", "))),
        });
    }
    Ok(())
}

/// The request's body; the password comes into it where it leaves.
fn body(order: &ExportOrder) -> Value {
    let mut body = json!({ "format": order.format.name() });
    if order.format.is_document() {
        let mut chapters: Vec<&str> = Vec::new();
        for chapter in &order.chapters {
            if !chapters.contains(&chapter.as_str()) {
                chapters.push(chapter);
            }
        }
        if chapters.is_empty() {
            chapters.extend(USUAL_CHAPTERS);
        }
        body["chapters"] = json!(chapters.join(";"));
    }
    if let Some(asset) = &order.asset {
        body["asset_id"] = json!(asset);
    }
    body
}

impl TenableIo {
    /// Asks for an export of one run, waits until it is ready, and begins to fetch it.
    pub(super) async fn exported(
        &self,
        target: &Target,
        order: &ExportOrder,
        fetch: &Fetch<'_>,
    ) -> Result<Report<'static>> {
        check(order)?;
        let bound = self.bind(target).await?;
        let address = Address::full(&self.profile, Some(&bound.scan), bound.run.run.as_ref());
        bound.check_age(&address, order.format)?;
        let incomplete = settled(&address, &bound.run, fetch.partial)?;
        let Some(run) = &bound.run.run else {
            return Err(Error::bad_data(format!(
                "the vendor names no run of scan {}, so none can be exported",
                bound.scan
            )));
        };
        (fetch.tell)(&format!("asking for {address} as {}", order.format.name()));
        let file = self.ask(&bound, run, order, fetch).await?;
        self.ready(&bound, &file, fetch).await?;
        let request = self.http.get(["scans", bound.scan.as_str(), "export", &file, "download"]);
        let request = bound.query(request.accept("*/*").label("export download"));
        let (answer, download) = request.download().await.map_err(gone)?;
        if let Some(other) = sniff::refused(order.format, &answer.body) {
            return Err(answer.unreadable(other.message()));
        }
        Ok(Report {
            notes: bound.notes(order),
            run: bound.run,
            source: Source::Tenable,
            decoder: (order.format == ExportFormat::Nessus).then_some(Decoder::Nessus),
            download,
            incomplete,
        })
    }

    /// Reads the run once, whichever one it is. Where that does not tell its number, the details do.
    async fn bind(&self, target: &Target) -> Result<Bound> {
        let scan = self.scan_of(target)?;
        let known = match &target.run {
            Some(run) => match self.history_run(scan, run).await {
                Ok((read, answer)) => {
                    let mut bound = Bound::new(scan, read.run(scan, run), &answer);
                    bound.number = read.object_id.number();
                    bound.web = is_web(read.scan_type.text());
                    bound.archived = read.is_archived.flag().unwrap_or(bound.archived);
                    if bound.number.is_some() {
                        return Ok(bound);
                    }
                    Some(bound)
                }
                // Imported runs are in the details alone, and Nessus has no such call.
                Err(missing) if missing.exit() == Exit::NotFound => None,
                Err(problem) => return Err(problem),
            },
            None => None,
        };
        let (details, answer) = self.details(scan).await?;
        let read = || match &target.run {
            None => Ok(details.newest(scan)),
            Some(run) => details.run(scan, run).ok_or_else(|| {
                Error::new(Exit::NotFound, format!("scan {scan} has no run {run}, or there is no access to it")).hint(
                    format!("`scanctl runs list {}` shows its runs", Address::full(&self.profile, Some(scan), None)),
                )
            }),
        };
        let mut bound = match known {
            Some(bound) => bound,
            None => Bound::new(scan, read()?, &answer),
        };
        bound.learn(&details);
        Ok(bound)
    }

    /// The request; its answer is the file's id.
    async fn ask(&self, bound: &Bound, run: &RunId, order: &ExportOrder, fetch: &Fetch<'_>) -> Result<String> {
        // Changes nothing that is scanned or stored: asked for again, it is the same file. So a lost answer is no loss.
        let mut request = self.http.post(["scans", bound.scan.as_str(), "export"]).reads().json(&body(order));
        if let Some(password) = &order.password {
            request = request.secret("password", password.clone());
        }
        request = match bound.number {
            Some(number) => request.query("history_id", number),
            // Documented formerly, and still what the vendor's own client sends.
            None => request.query("history_uuid", run),
        };
        // A token that opens the file without a key may come with the answer.
        let asked = bound.query(request).label("export request").unlogged().send();
        let answer = match tokio::time::timeout(left(fetch).max(LAST_LOOK), asked).await {
            Ok(answer) => answer.map_err(|refused| refused_because(refused, bound, order.format))?,
            Err(_elapsed) => return Err(late("the vendor has not even taken the request")),
        };
        let read: ExportAnswer = answer.json()?;
        let file = read.file.owned().ok_or_else(|| answer.unreadable("`file` is missing"))?;
        // Where the undocumented parameter was passed over, the newest run would be taken for this one.
        if bound.number.is_none() && file.starts_with("SSE") && !file.contains(run.as_str()) {
            return Err(answer.unreadable(&format!("it is of another run than {run}: {file}")));
        }
        Ok(file)
    }

    /// Looks until the file is ready.
    async fn ready(&self, bound: &Bound, file: &str, fetch: &Fetch<'_>) -> Result<()> {
        let first = if self.http.is_loopback() { FIRST_PAUSE_AT_HOME } else { FIRST_PAUSE };
        let mut pace = Pace::new(first, LONGEST_PAUSE);
        let started = poll::now();
        let (mut word, mut told, mut failed) = (None, None, 0);
        loop {
            let mut pause = pace.pause();
            match tokio::time::timeout(left(fetch).max(LAST_LOOK), self.look(bound, file)).await {
                Err(_elapsed) => {}
                Ok(Ok(read)) => {
                    failed = 0;
                    match read.to_ascii_lowercase().as_str() {
                        "ready" => return Ok(()),
                        "error" => {
                            return Err(Error::new(
                                Exit::Network,
                                "the vendor failed to prepare the export (its status is \"error\")",
                            )
                            .hint("nothing was changed: try again"));
                        }
                        _ => word = Some(read),
                    }
                }
                Ok(Err(problem)) => {
                    failed += 1;
                    let passing = matches!(problem.exit(), Exit::Network | Exit::Limited | Exit::BadData);
                    if !passing || failed >= FAILED_LOOKS || left(fetch).is_zero() {
                        return Err(problem);
                    }
                    pause = pause.max(problem.retry_after().unwrap_or_default());
                    (fetch.tell)(&format!(
                        "the export's status cannot be read ({}), looking again",
                        problem.one_line()
                    ));
                }
            }
            if left(fetch).is_zero() {
                let word = word.as_deref().unwrap_or("none");
                return Err(late(&format!("its status is \"{word}\"")));
            }
            if let Some(now) = &word {
                let due = told.as_ref().is_none_or(|(last, at)| last != now || poll::now() - *at >= TELL_EVERY);
                if due {
                    let seconds = (poll::now() - started).as_secs();
                    (fetch.tell)(&format!("the vendor prepares the export: {now} ({seconds} s)"));
                    told = Some((now.clone(), poll::now()));
                }
            }
            poll::sleep(pause.min(left(fetch))).await;
        }
    }

    /// One look: the vendor's word.
    async fn look(&self, bound: &Bound, file: &str) -> Result<String> {
        let request = self.http.get(["scans", bound.scan.as_str(), "export", file, "status"]).label("export status");
        let answer = bound.query(request).send().await.map_err(gone)?;
        let read: ExportStatus = answer.json()?;
        read.status.owned().ok_or_else(|| answer.unreadable("`status` is missing"))
    }
}

fn left(fetch: &Fetch<'_>) -> Duration {
    fetch.deadline.saturating_duration_since(poll::now().into_std())
}

fn late(why: &str) -> Error {
    Error::new(Exit::Network, format!("the export was not ready in time: {why}"))
        .hint("try again with a longer --timeout: what is asked for again is not prepared anew")
}

/// What a refused request for an export means. No refusal but that of too many requests is documented with its words,
/// so the vendor's are always kept.
fn refused_because(refused: Error, bound: &Bound, format: ExportFormat) -> Error {
    let answer = refused.answer();
    let said = answer.text.as_deref().unwrap_or_default().to_ascii_lowercase();
    let duplicate = said.contains("duplicate") || said.contains("already");
    let active = bound.run.state.is_some_and(RunState::is_active);
    match answer.status {
        Some(409 | 429) if duplicate => refused
            .with_exit(Exit::Limited)
            .context("the same export is being prepared already")
            .hint("nothing was changed: try again when that one is ready"),
        Some(409) if active => refused
            .context("the vendor does not export the run while it is active")
            .hint("`scanctl wait` ends when the run has ended"),
        Some(409) => refused
            .with_exit(Exit::Limited)
            .context("the vendor does not take the export now; another one may be under way")
            .hint("nothing was changed: try again later"),
        Some(429) => refused
            .context("too many requests: the vendor limits how many a user may send a minute")
            .hint("nothing was changed: try again in a minute"),
        Some(400) if is_for_a_while(format) && bound.age.is_none_or(|days| days >= DOCUMENTS_UNTIL) => {
            refused.hint(format!(
                "{} is made for {DOCUMENTS_UNTIL} days after a run; nessus and csv are possible for longer",
                format.name()
            ))
        }
        Some(403) => refused.hint("an export needs the role Scan Operator, and the right to view the scan"),
        // Nessus says this one with several statuses.
        Some(_) if said.contains("export running scan") => refused.with_exit(Exit::InvalidState),
        _ => refused,
    }
}

/// The file was there a moment ago, so its absence does not mean the scan's.
fn gone(problem: Error) -> Error {
    if problem.exit() != Exit::NotFound {
        return problem;
    }
    problem.context("the vendor does not know the export any more").hint("try again: it is asked for anew")
}

#[cfg(test)]
mod tests;
