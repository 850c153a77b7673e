//! Stored scans and runs as they are listed and shown: fields of the vendor's own, spans of time, the newest run of each
//! scan. Not for what an address means.

use serde_json::Value;

use super::{FIELDS, SCAN_FIELDS, StoredScan, TenableSc, scan_of};
use crate::backends::sc_rest::choice::{Family, Kinship, newest_first};
use crate::backends::sc_rest::result::ScanResult;
use crate::backends::sc_rest::{self, Listed, Which, query};
use crate::backends::{Reading, RunQuery, ScanQuery, Target};
use crate::error::{Error, Result};
use crate::http::Answer;
use crate::model::{Address, Run, RunId, Scan};

/// What is asked of runs of which no more than the newest one of a scan is wanted.
const NEWEST_FIELDS: &str =
    "id,name,status,importStatus,scan,createdTime,startTime,finishTime,errorDetails,importErrorDetails";

/// Addresses in a note; many would drown it.
const SHOWN: usize = 10;

impl TenableSc {
    /// Every stored scan.
    pub(super) async fn list_scans(&self, query: &ScanQuery) -> Result<Reading<Vec<Scan>>> {
        let fields = query::fields(SCAN_FIELDS, &query.fields);
        let request = self.http.get(["scan"]).query("fields", fields).label("scans");
        let (answer, newest) = tokio::join!(request.send(), self.newest(query));
        let answer = answer?;
        let (Listed(objects), _) = sc_rest::open::<Listed>(&answer)?;
        let stored: Vec<StoredScan> = Listed(objects.clone()).of(&answer)?;
        let mut scans = Vec::new();
        for (object, stored) in objects.iter().zip(&stored) {
            scans.extend(stored.scan().map(|scan| with_fields(scan, object, query)));
        }
        let mut reading = Reading::new(scans, vec![answer.body]);
        self.tell_newest(&mut reading.value, newest, &mut reading.notes);
        let shown = reading.value.iter().filter_map(|scan| scan.fields.as_ref());
        reading.notes.extend(query::not_given(shown, &query.fields));
        Ok(reading)
    }

    /// One stored scan.
    pub(super) async fn show_scan(&self, target: &Target, query: &ScanQuery) -> Result<Reading<Scan>> {
        let fields = query::fields(SCAN_FIELDS, &query.fields);
        let (read, newest) = tokio::join!(self.stored_with(scan_of(target)?, &fields), self.newest(query));
        let (scan, assets, object, answer) = read?;
        let mut scans = vec![with_fields(scan, &object, query)];
        let mut notes = Vec::new();
        self.tell_newest(&mut scans, newest, &mut notes);
        notes.extend(query::not_given(scans.iter().filter_map(|scan| scan.fields.as_ref()), &query.fields));
        if !assets.is_empty() {
            let names: Vec<String> =
                assets.iter().filter_map(|list| list.name.clone().or_else(|| list.id.clone())).collect();
            notes.push(format!("its targets come from asset lists too: {}", names.join(", ")));
        }
        let scan = scans.pop().ok_or_else(|| answer.unreadable("`response.id` is missing"))?;
        Ok(Reading { value: scan, raw: vec![answer.body], notes })
    }

    /// The runs of a scan, or all of them.
    pub(super) async fn list_runs(&self, target: Option<&Target>, query: &RunQuery) -> Result<Reading<Vec<Run>>> {
        let mut notes = vec![query::told_span(query)];
        let sent = match query.optimize {
            None => None,
            Some(true) => Some("`filter=optimizeCompletedScans` and `optimizeCompletedScanResults=true`"),
            Some(false) => Some("`optimizeCompletedScanResults=false`"),
        };
        notes.extend(sent.map(|sent| format!("sent as {sent}: which of these the product follows is not documented")));
        let (runs, raw, note) = match target {
            None => {
                let (runs, answer) = self.listed_with(query).await?;
                (runs, answer.body, None)
            }
            Some(target) => {
                let (names, listed) = tokio::join!(self.names(target), self.listed_with(query));
                let ((scan, name), (runs, answer)) = (names?, listed?);
                let kin = runs.into_iter().map(|run| {
                    let kinship = Self::kinship(&run, &scan, name.as_deref());
                    (run, kinship)
                });
                let family = Family::new(&self.profile, (scan.clone(), name.clone()), kin, (None, &answer));
                let (own, note) = family.own();
                (own, answer.body, note)
            }
        };
        notes.extend(note);
        notes.extend(query::not_given(runs.iter().filter_map(|run| run.fields.as_ref()), &query.fields));
        Ok(Reading { value: runs, raw: vec![raw], notes })
    }

    /// One run.
    pub(super) async fn show_run(&self, run: &RunId, query: &RunQuery) -> Result<Reading<Run>> {
        let fields = query::fields(FIELDS, &query.fields);
        let (_, mut run, answer) = self.result_with(run, &fields).await?;
        if !query.fields.is_empty() {
            let (object, _) = sc_rest::open::<Value>(&answer)?;
            run.fields = Some(query::picked(&object, &query.fields));
        }
        let note = query::not_given(run.fields.as_ref(), &query.fields);
        Ok(Reading { value: run, raw: vec![answer.body], notes: note.into_iter().collect() })
    }

    async fn listed_with(&self, query: &RunQuery) -> Result<(Vec<Run>, Answer)> {
        let mut request = query::span(self.http.get(["scanResult"]), query);
        if let Some(optimize) = query.optimize {
            // The page has a value of `filter` for it, the vendor's own client a parameter.
            if optimize {
                request = request.query("filter", "optimizeCompletedScans");
            }
            request = request.query("optimizeCompletedScanResults", optimize);
        }
        let request = request.query("fields", query::fields(FIELDS, &query.fields));
        let answer = request.label("scan results").send().await?;
        let (Listed(objects), now) = sc_rest::open::<Listed>(&answer)?;
        let results: Vec<ScanResult> = Listed(objects.clone()).of(&answer)?;
        let mut runs: Vec<Run> = results.iter().map(|result| result.run(now)).collect();
        if !query.fields.is_empty() {
            for (run, object) in runs.iter_mut().zip(&objects) {
                run.fields = Some(query::picked(object, &query.fields));
            }
        }
        newest_first(&mut runs);
        Ok((runs, answer))
    }

    /// The runs among which each scan's newest is; none where nobody asked.
    async fn newest(&self, query: &ScanQuery) -> Option<Result<Vec<Run>>> {
        if !query.last_run {
            return None;
        }
        let request = sc_rest::window(self.http.get(["scanResult"]), Which::All).query("fields", NEWEST_FIELDS);
        let read = async {
            let answer = request.label("scan results").send().await?;
            let (list, now) = sc_rest::open::<Listed>(&answer)?;
            let mut runs: Vec<Run> = list.of::<ScanResult>(&answer)?.iter().map(|result| result.run(now)).collect();
            newest_first(&mut runs);
            Ok::<_, Error>(runs)
        };
        Some(read.await)
    }

    /// Gives each scan its newest run, where it is certain which one that is.
    fn tell_newest(&self, scans: &mut [Scan], newest: Option<Result<Vec<Run>>>, notes: &mut Vec<String>) {
        let runs = match newest {
            None => return,
            Some(Ok(runs)) => runs,
            Some(Err(problem)) => {
                notes.push(format!("the last runs are not shown: {}", problem.one_line()));
                return;
            }
        };
        let mut unsure = Vec::new();
        for scan in scans {
            let kin = runs.iter().map(|run| (run, Self::kinship(run, &scan.scan, scan.name.as_deref())));
            match kin.into_iter().find(|(_, kinship)| *kinship != Kinship::None) {
                Some((run, Kinship::Own)) => scan.last_run = Some(run.clone()),
                Some(_) => unsure.push(Address::full(&self.profile, Some(&scan.scan), None)),
                None => {}
            }
        }
        if !unsure.is_empty() {
            let shown = unsure.iter().take(SHOWN).map(String::as_str).collect::<Vec<_>>().join(", ");
            let more = unsure.len().checked_sub(SHOWN).filter(|more| *more > 0);
            let more = more.map_or_else(String::new, |more| format!(" and {more} more"));
            notes.push(format!(
                "the last run is not told of {shown}{more}: the newest run of that name does not say which scan it is of"
            ));
        }
    }
}

fn with_fields(scan: Scan, object: &Value, query: &ScanQuery) -> Scan {
    let fields = (!query.fields.is_empty()).then(|| query::picked(object, &query.fields));
    Scan { fields, ..scan }
}
