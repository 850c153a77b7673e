//! What Director shows: stored scans and copies of runs, as lists and one by one, with fields by the vendor's names, for
//! one instance or organization, and for a span of time. Not for results.

use jiff::Timestamp;
use serde_json::Value;

use super::wire::{Copied, Known, StoredScan};
use super::{COPY, Director, run_of, scan_of};
use crate::backends::sc_rest::choice::{Family, Kinship, newest_first};
use crate::backends::sc_rest::definition::number;
use crate::backends::sc_rest::query::{fields, span, told_span};
use crate::backends::sc_rest::{self, Listed, Which, result};
use crate::backends::{Reading, RunQuery, ScanQuery, Target};
use crate::error::{Error, Result};
use crate::exit::Exit;
use crate::http::{Answer, Request};
use crate::model::{Run, RunId, Scan, ScanId};

const SCAN_FIELDS: &str = "id,uuid,name,SCI,organization,sciScanID,ipList";

/// A list of copies, the vendor's clock when it answered, and the answer.
pub(super) type Copies = (Vec<Copied>, Option<Timestamp>, Answer);

/// These fields, and those that lead to an instance.
fn bridged(fields: &str) -> String {
    format!("{fields},sci,sciScanResult")
}

/// What is always answered, or asked for by the program itself, of a scan.
const ALWAYS_OF_SCANS: &[&str] = &["id", "uuid", "name"];
/// The same of a run.
const ALWAYS_OF_RUNS: &[&str] = &["id", "name", "createdtime", "scan", "sci", "sciscanresult", "sciscanresultid"];

/// Of an object what was asked for, as it came. Some members are answered under a longer name than they are asked by, so
/// what is left out is what nobody asked for.
fn picked(object: &Value, asked: &[String], always: &[&str]) -> Option<Value> {
    let asked: Vec<String> = asked.iter().map(|name| name.trim().to_ascii_lowercase()).collect();
    let mut picked = object.as_object().filter(|_| !asked.is_empty())?.clone();
    picked.retain(|name, _| {
        let name = name.to_ascii_lowercase();
        !always.contains(&name.as_str()) || asked.iter().any(|asked| !asked.is_empty() && name.starts_with(asked))
    });
    Some(Value::Object(picked))
}

/// A list of copies as runs, newest first. Their scans are left open.
pub(super) fn read((copies, now, answer): Copies, asked: &[String]) -> Reading<Vec<Run>> {
    let mut runs: Vec<Run> = copies.iter().map(|copied| run(copied, now, asked)).collect();
    newest_first(&mut runs);
    Reading::new(runs, vec![answer.body]).note(COPY)
}

fn run(copied: &Copied, now: Option<Timestamp>, asked: &[String]) -> Run {
    Run { fields: picked(&copied.object, asked, ALWAYS_OF_RUNS), ..copied.run(now) }
}

impl Director {
    pub(super) async fn stored(&self, scan: &ScanId) -> Result<(StoredScan, Answer)> {
        self.stored_with(scan, Some(SCAN_FIELDS)).await
    }

    async fn stored_with(&self, scan: &ScanId, fields: Option<&str>) -> Result<(StoredScan, Answer)> {
        let request = self.http.get(["mgmt", "scan", scan.as_str()]);
        let request = fields.into_iter().fold(request, |request, fields| request.query("fields", fields));
        let answer = request.label("Director scan").send().await?;
        let (stored, _) = sc_rest::open::<StoredScan>(&answer)?;
        if stored.id.text().is_none() {
            return Err(answer.unreadable("`response.id` is missing"));
        }
        Ok((stored, answer))
    }

    pub(super) async fn stored_scans(&self) -> Result<(Vec<StoredScan>, Answer)> {
        self.stored_scans_of(&ScanQuery::default()).await
    }

    /// The stored scans that a query asks for.
    pub(super) async fn stored_scans_of(&self, query: &ScanQuery) -> Result<(Vec<StoredScan>, Answer)> {
        let wanted = if query.fields.is_empty() { SCAN_FIELDS.to_owned() } else { fields("id,name", &query.fields) };
        let mut request = self.http.get(["mgmt", "scan"]).query("fields", wanted);
        for (flag, parameter, asked) in [("--sci", "sciID", &query.instance), ("--org", "orgID", &query.organization)] {
            if let Some(text) = asked {
                request = request.query(parameter, number(flag, text)?);
            }
        }
        let answer = request.label("Director scans").send().await?;
        let (list, _) = sc_rest::open::<Listed>(&answer)?;
        Ok((list.of(&answer)?, answer))
    }

    pub(super) async fn copied(&self, run: &RunId) -> Result<(Copied, Run, Answer)> {
        self.copied_with(run, result::FIELDS).await
    }

    pub(super) async fn copied_with(&self, run: &RunId, fields: &str) -> Result<(Copied, Run, Answer)> {
        self.copied_as(run, &bridged(fields)).await
    }

    async fn copied_as(&self, run: &RunId, fields: &str) -> Result<(Copied, Run, Answer)> {
        let request = self.http.get(["mgmt", "scanResult", run.as_str()]).query("fields", fields);
        let answer = request.label("Director scan result").send().await?;
        let (copied, now) = sc_rest::open::<Copied>(&answer)?;
        copied.result.check(fields, &answer)?;
        let read = Run { run: Some(run.clone()), ..copied.run(now) };
        Ok((copied, read, answer))
    }

    pub(super) async fn copies(&self, which: Which) -> Result<Copies> {
        let request = sc_rest::window(self.http.get(["mgmt", "scanResult"]), which);
        self.copies_as(request, &bridged(result::FIELDS)).await
    }

    async fn copies_as(&self, request: Request<'_>, fields: &str) -> Result<Copies> {
        let answer = request.query("fields", fields).label("Director scan results").send().await?;
        let (list, now) = sc_rest::open::<Listed>(&answer)?;
        let copies = list.of::<Copied>(&answer)?;
        copies.iter().try_for_each(|copied| copied.result.check(fields, &answer))?;
        Ok((copies, now, answer))
    }

    /// The runs of a scan among these copies.
    pub(super) async fn family_of(
        &self,
        scan: &Target,
        copies: impl Future<Output = Result<Copies>>,
        asked: &[String],
    ) -> Result<Family> {
        let scan = scan_of(scan)?;
        let (stored, copies) = tokio::join!(self.stored(scan), copies);
        let (stored, _) = stored?;
        let (copies, now, answer) = copies?;
        let id = stored.id.text().map_or_else(|| scan.clone(), ScanId::new);
        let runs = copies.iter().map(|copied| {
            let kinship = copied.kinship(&stored);
            let scan = (kinship == Kinship::Own).then(|| id.clone());
            (Run { scan, ..run(copied, now, asked) }, kinship)
        });
        Ok(Family::new(&self.profile, (id.clone(), stored.name.owned()), runs, (now, &answer)))
    }

    pub(super) async fn listed_scans(&self, query: &ScanQuery) -> Result<Reading<Vec<Scan>>> {
        let (stored, answer) = self.stored_scans_of(query).await?;
        let shown = |stored: &StoredScan| {
            Some(Scan { fields: picked(&stored.object, &query.fields, ALWAYS_OF_SCANS), ..stored.scan()? })
        };
        let mut reading = Reading::new(stored.iter().filter_map(shown).collect(), vec![answer.body]);
        reading.notes = self.places(&stored);
        if stored.is_empty() {
            if let Some(instance) = &query.instance {
                reading.notes.extend(self.why_nothing_on(instance).await?);
            }
            if let Some(organization) = &query.organization {
                reading.notes.extend(self.why_nothing_of(organization).await?);
            }
        }
        Ok(reading)
    }

    /// Why an instance has no scans: there is none of that number, or Director is not on good terms with it.
    async fn why_nothing_on(&self, number: &str) -> Result<Option<String>> {
        let Ok(instances) = self.known_instances().await else { return Ok(None) };
        let Some(instance) = instances.iter().find(|instance| instance.id.text() == Some(number)) else {
            return Err(Error::new(Exit::NotFound, format!("Director has no instance {number}"))
                .hint(format!("its instances are {}", super::new_scan::listed(&instances))));
        };
        Ok(super::new_scan::unwell(instance).map(|unwell| format!("{unwell}, so its scans may be missing here")))
    }

    /// Why an organization has no scans: there is none of that number. 0 is no organization but the administrators, and
    /// no list has it.
    async fn why_nothing_of(&self, number: &str) -> Result<Option<String>> {
        let number = number.trim_start_matches('0');
        if number.is_empty() {
            return Ok(None);
        }
        let request = self.http.get(["mgmt", "organization"]).label("organizations");
        let unknown = |why: &str| Ok(Some(format!("{why}, so whether there is an organization {number} is not known")));
        match self.known::<Known>(request).await {
            Err(problem) => unknown(&format!("Director's organizations could not be read ({})", problem.one_line())),
            Ok(all) if all.is_empty() => unknown("Director shows no organizations"),
            Ok(all) if all.iter().any(|known| known.id.text() == Some(number)) => Ok(None),
            Ok(all) => Err(Error::new(Exit::NotFound, format!("Director has no organization {number}"))
                .hint(format!("its organizations are {}", super::new_scan::listed(&all)))),
        }
    }

    pub(super) async fn shown_scan(&self, target: &Target, query: &ScanQuery) -> Result<Reading<Scan>> {
        // Unless fields are named, one object comes whole.
        let wanted = (!query.fields.is_empty()).then(|| fields("id,name", &query.fields));
        let (stored, answer) = self.stored_with(scan_of(target)?, wanted.as_deref()).await?;
        let scan = stored.scan().ok_or_else(|| answer.unreadable("`response.id` is missing"))?;
        let scan = Scan { fields: picked(&stored.object, &query.fields, ALWAYS_OF_SCANS), ..scan };
        let mut reading = Reading::new(scan, vec![answer.body]);
        reading.notes = self.places(std::slice::from_ref(&stored));
        Ok(reading)
    }

    pub(super) async fn listed_runs(&self, target: Option<&Target>, query: &RunQuery) -> Result<Reading<Vec<Run>>> {
        let asked = &query.fields;
        let wanted = match (asked.is_empty(), target) {
            (true, _) => bridged(result::FIELDS),
            // What tells the newest, and which scan a run is of.
            (false, None) => fields("id,name,createdTime", asked),
            (false, Some(_)) => fields(&bridged("id,name,createdTime,scan"), asked),
        };
        let copies = self.copies_as(span(self.http.get(["mgmt", "scanResult"]), query), &wanted);
        let Some(target) = target else { return Ok(read(copies.await?, asked).note(told_span(query))) };
        let family = self.family_of(target, copies, asked).await?;
        let raw = vec![family.raw.clone()];
        let (runs, unsure) = family.own();
        let notes = [Some(COPY.to_owned()), Some(told_span(query)), unsure].into_iter().flatten().collect();
        Ok(Reading { value: runs, raw, notes })
    }

    pub(super) async fn shown_run(&self, target: &Target, query: &RunQuery) -> Result<Reading<Run>> {
        let (copied, read, answer) = self.copied_as(run_of(target)?, &fields("id,name", &query.fields)).await?;
        let run =
            Run { scan: target.scan.clone(), fields: picked(&copied.object, &query.fields, ALWAYS_OF_RUNS), ..read };
        Ok(Reading::new(run, vec![answer.body]).note(COPY))
    }
}
