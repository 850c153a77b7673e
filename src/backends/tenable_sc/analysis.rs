//! Findings of one result through the API that analyses them, page by page.
//!
//! Vendor page: <https://docs.tenable.com/security-center/api/Analysis.htm>.
//!
//! - The result's id, the view and the offsets stand at the root and in the query: products before and after version 6
//!   look in different places.
//! - Rows are sorted by address, so that a host's rows stand together. One sort field is all there is: in which order a
//!   product gives the rows of one address is not documented, only that offsets count them.
//! - How many rows a page may have is not documented either. A shorter page than the one asked for is no end while the
//!   total says that there is more.
//! - Rows of one host may come on two pages. Findings with equal keys are then numbered page by page: the set of ids is
//!   that of the whole report, and which of the equal findings is `#2` may be another one than in the report.
//!
//! Not for what a row says: that is [`super::record`].

use std::collections::HashMap;

use bytes::Bytes;
use futures_util::stream::{self, StreamExt as _};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Map, Value, json};

use super::record::{Place, Record};
use crate::backends::sc_rest;
use crate::backends::wire::{Loose, null_as_default};
use crate::error::{Error, Result};
use crate::findings::{Details, Emitter, Host, PageReader};
use crate::http::Http;
use crate::http::download::Download;
use crate::model::RunId;

/// Rows of a page; what the vendor's own client asks for.
const PAGE: u64 = 1000;

const AGAIN: &str = "read them again, or without `--via analysis`";

/// A page, as far as it must be known to ask for the next.
#[derive(Debug, Default, Deserialize)]
struct Head {
    #[serde(default, rename = "totalRecords")]
    total: Loose,
    #[serde(default, rename = "startOffset")]
    start: Loose,
    results: Option<Vec<IgnoredAny>>,
}

/// How far the reading is.
#[derive(Debug, Default)]
struct Paging {
    /// How many rows came, which is the next page's first.
    read: u64,
    /// How many there are, by the last page that said so.
    total: Option<u64>,
    /// The first total, where a later page had another.
    changed_from: Option<u64>,
    /// There is nothing more to ask for.
    done: bool,
}

impl Paging {
    /// Takes note of a page.
    ///
    /// # Errors
    /// In words, what the page contradicts.
    fn turn(&mut self, page: &Head) -> Result<(), String> {
        // A list that is not there says that there is nothing only where the total says so too.
        let rows = match &page.results {
            Some(rows) => rows.len() as u64,
            None if page.total.count() == Some(self.read) => 0,
            None => return Err("it has no list of findings".to_owned()),
        };
        if let Some(start) = page.start.count().filter(|start| *start != self.read) {
            return Err(format!("findings from {} on were asked for, those from {start} on came", self.read));
        }
        if let Some(total) = page.total.count() {
            match self.total.replace(total) {
                Some(before) if before != total => _ = self.changed_from.get_or_insert(before),
                _ => {}
            }
        }
        self.read += rows;
        self.done = match self.total {
            Some(total) if self.read > total || (rows == 0 && self.read < total) => {
                if self.changed_from.is_none() {
                    return Err(format!("{total} findings were announced, and {} came", self.read));
                }
                true
            }
            Some(total) => self.read == total,
            None => rows < PAGE,
        };
        Ok(())
    }
}

/// The pages of a result. `is_whole`: a result that is not one already may change while it is read.
///
/// # Errors
/// Those of the first page, so that a refusal is told before anything is written.
pub async fn pages<'a>(http: &'a Http, profile: &str, run: &RunId, is_whole: bool) -> Result<Download<'a>> {
    let mut paging = Paging::default();
    let reading = Reading { http, profile: profile.to_owned(), run: run.clone(), is_whole };
    let first = reading.page(&mut paging).await?;
    let rest = stream::unfold((reading, Some(paging)), |(reading, paging)| async move {
        let mut paging = paging?;
        if paging.done {
            let changed = reading.changed(&paging)?;
            return Some((Err(changed), (reading, None)));
        }
        match reading.page(&mut paging).await {
            Ok(page) => Some((Ok(page), (reading, Some(paging)))),
            Err(problem) => Some((Err(problem), (reading, None))),
        }
    });
    Ok(Download::new(stream::iter([Ok(first)]).chain(rest)))
}

struct Reading<'a> {
    http: &'a Http,
    profile: String,
    run: RunId,
    is_whole: bool,
}

impl Reading<'_> {
    async fn page(&self, paging: &mut Paging) -> Result<Bytes> {
        let request = self.http.post(["analysis"]).json(&query(&self.run, paging.read)).reads();
        let answer = request.label("analysis").send().await?;
        let (page, _) = sc_rest::open::<Head>(&answer)?;
        paging.turn(&page).map_err(|why| answer.unreadable(&why).hint(AGAIN))?;
        if let (Some(before), Some(now)) = (paging.changed_from, paging.total) {
            let Self { profile, run, .. } = self;
            self.http.warn_once(&format!(
                "profile `{profile}`: run {run} had {before} findings when the reading began, and now has {now}"
            ));
        }
        Ok(answer.body)
    }

    /// The error of a result that changed while it was read.
    fn changed(&self, paging: &Paging) -> Option<Error> {
        paging.changed_from.filter(|_| self.is_whole)?;
        let error = "the findings changed while they were read: pages may overlap, or lack some";
        Some(Error::bad_data(error).hint(AGAIN))
    }
}

/// The request for the page that begins with that row.
fn query(run: &RunId, start: u64) -> Value {
    let (run, end) = (run.as_str(), start + PAGE);
    json!({
        "type": "vuln",
        "sourceType": "individual",
        "scanID": run,
        "view": "all",
        "sortField": "ip",
        "sortDir": "ASC",
        "startOffset": start,
        "endOffset": end,
        "query": {
            "type": "vuln",
            "tool": "vulndetails",
            "filters": [],
            "scanID": run,
            "view": "all",
            "startOffset": start,
            "endOffset": end,
        },
    })
}

#[derive(Deserialize)]
struct Page {
    response: Rows,
}

#[derive(Deserialize)]
struct Rows {
    #[serde(default, deserialize_with = "null_as_default")]
    results: Vec<Map<String, Value>>,
}

/// Reads the pages as findings, host by host.
pub fn reader() -> PageReader {
    Box::new(read)
}

fn read(page: &[u8], emitter: &mut Emitter<'_>) -> Result<Option<Error>> {
    let page: Page = match serde_json::from_slice(page) {
        Ok(page) => page,
        Err(problem) => {
            return Ok(Some(Error::bad_data(format!("a page of findings is not what the API promises: {problem}"))));
        }
    };
    let mut hosts: Vec<(Host<'_>, Vec<Details<'_>>)> = Vec::new();
    let mut known: HashMap<Place, usize> = HashMap::new();
    for row in page.response.results {
        let mut record = Record::new(row);
        let (place, host) = (record.place(), record.host());
        let at = *known.entry(place).or_insert_with(|| {
            hosts.push((host, Vec::new()));
            hosts.len() - 1
        });
        if let Some((_, rows)) = hosts.get_mut(at) {
            rows.push(record.details());
        }
    }
    for (host, rows) in &hosts {
        emitter.host(host, rows)?;
    }
    Ok(None)
}
