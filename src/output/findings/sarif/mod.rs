//! Findings as SARIF 2.1.0, so that GitHub's code scanning takes them.
//!
//! One SARIF run for each report. A finding has no file, so its location is the line that declares the scan: the
//! profile's in the config, else line 1 of `scanctl.toml`; host and port stand in the message, in a logical location,
//! and in the hash by which GitHub tells alerts apart. What GitHub would refuse or drop is kept within its limits here:
//! twenty runs, the worst 5,000 findings of each, ten tags a rule, ten megabytes compressed.
//!
//! ```json
//! {"$schema":"…","version":"2.1.0","runs":[{
//!   "automationDetails":{"id":"scanctl/io/219/9f2c"},
//!   "results":[{"ruleId":"tenable-io/156032","ruleIndex":0,"level":"error",
//!     "message":{"text":"Example Library … on web01.example.org (192.0.2.10) 443/tcp"},
//!     "locations":[{"physicalLocation":{"artifactLocation":{"uri":"scanctl.toml"},"region":{"startLine":12,…}},
//!                   "logicalLocations":[{"fullyQualifiedName":"web01.example.org:443/tcp","kind":"resource"}]}],
//!     "partialFingerprints":{"primaryLocationLineHash":"169824bb50736817:1"},…}],
//!   "tool":{"driver":{"name":"scanctl","rules":[{"id":"tenable-io/156032",…}]}},
//!   "invocations":[{"executionSuccessful":true,…}]}]}
//! ```
//!
//! The limits are those of the page "SARIF support for code scanning" in GitHub's documentation. What is held is what is
//! kept: a few kilobytes a finding and a rule, whatever the size of the report.

mod place;
mod result;
mod rule;

use std::collections::{BTreeMap, HashSet};
use std::io::{self, Write};

use flate2::Compression;
use flate2::write::GzEncoder;
use jiff::Timestamp;
use serde::Serialize;

use self::place::{Anchor, automation_id};
use self::rule::{Rule, Wording};
use super::out::{Out, time};
use super::{About, Change, Options, ReportWriter};
use crate::error::{Error, Result};
use crate::findings::{Decoded, Finding, FindingSink, Severity};

/// Runs in one document.
pub(super) const MOST_RUNS: usize = 20;
/// Findings of one run: GitHub takes more, and shows no more.
const MOST_RESULTS: usize = 5000;
/// Bytes of the whole document, compressed; a little less than GitHub takes.
const MOST_BYTES: u64 = 9_800_000;

/// A writer.
pub(super) fn open(out: Box<dyn Write + Send>, options: &Options) -> Box<dyn ReportWriter> {
    Box::new(Writer::new(out, options.reports, MOST_BYTES))
}

struct Writer {
    out: Out,
    run: Option<Run>,
    /// How the run before went, which is written once it is known whether anything after it failed.
    went: Option<Invocation>,
    runs: usize,
    /// How many runs there will be, as far as that is known.
    expected: usize,
    bytes_left: u64,
    /// What GitHub takes for one and the same analysis must come once.
    categories: HashSet<String>,
    notes: Vec<String>,
}

/// A report of which the worst findings are kept.
struct Run {
    about: About,
    anchor: Anchor,
    /// By severity, the mildest first; in the report's order.
    kept: [Vec<Kept>; Severity::ALL.len()],
    rules: Rules,
    findings: u64,
    started_at: Option<Timestamp>,
    ended_at: Option<Timestamp>,
}

/// A finding, written but for its rule.
struct Kept {
    rule: usize,
    /// Everything after the rule's index, without the first brace.
    body: Box<[u8]>,
    /// What names its host; no rule may.
    places: [Box<str>; 2],
}

/// The rules that are in use.
#[derive(Default)]
struct Rules {
    /// Each with the number of its uses.
    slots: Vec<Option<(Rule, usize)>>,
    free: Vec<usize>,
    by_id: BTreeMap<String, usize>,
}

impl Rules {
    /// The slot of a finding's rule, with one more use.
    fn of(&mut self, finding: &Finding<'_>) -> usize {
        let id = rule::id(finding);
        if let Some(slot) = self.by_id.get(&id)
            && let Some(Some((rule, uses))) = self.slots.get_mut(*slot)
        {
            *uses += 1;
            rule.worsen(finding.details);
            return *slot;
        }
        let slot = self.free.pop().unwrap_or(self.slots.len());
        let entry = Some((Rule::new(id.clone(), finding.details), 1));
        match self.slots.get_mut(slot) {
            Some(free) => *free = entry,
            None => self.slots.push(entry),
        }
        self.by_id.insert(id, slot);
        slot
    }

    fn give_back(&mut self, slot: usize) {
        if let Some(entry) = self.slots.get_mut(slot)
            && let Some((rule, uses)) = entry
        {
            *uses -= 1;
            if *uses == 0 {
                self.by_id.remove(&rule.id);
                *entry = None;
                self.free.push(slot);
            }
        }
    }

    fn get(&self, slot: usize) -> Option<&Rule> {
        self.slots.get(slot)?.as_ref().map(|(rule, _)| rule)
    }
}

impl FindingSink for Writer {
    fn finding(&mut self, finding: &Finding<'_>) -> Result<()> {
        self.keep(finding, None)
    }
}

impl ReportWriter for Writer {
    fn begin(&mut self, about: &About) -> Result<()> {
        if self.runs == MOST_RUNS {
            return Err(Error::usage(format!("one SARIF document holds at most {MOST_RUNS} runs"))
                .hint("write some of them to another file"));
        }
        self.tell(true);
        self.run = Some(Run {
            about: about.clone(),
            anchor: Anchor::of(about),
            kept: Default::default(),
            rules: Rules::default(),
            findings: 0,
            started_at: about.started_at,
            ended_at: about.ended_at,
        });
        Ok(())
    }

    fn compared(&mut self, finding: &Finding<'_>, change: Change, _before: Option<Severity>) -> Result<()> {
        self.keep(finding, Some(change))
    }

    fn end(&mut self, _decoded: &Decoded, complete: bool) -> Result<()> {
        self.close(complete)
    }

    fn finish(&mut self, complete: bool) -> Result<()> {
        // A report that was left open was not read whole.
        self.close(false)?;
        // One that could not even be begun has no run of its own, and its lack must show in some place.
        self.tell(complete);
        self.out.push(b"]}\n");
        self.out.flush()
    }

    fn notes(&self) -> Vec<String> {
        self.notes.clone()
    }
}

impl Writer {
    fn new(out: Box<dyn Write + Send>, expected: usize, bytes_left: u64) -> Self {
        let mut out = Out::new(out);
        out.push(b"{\"$schema\":\"https://json.schemastore.org/sarif-2.1.0.json\",\"version\":\"2.1.0\",\"runs\":[");
        Self {
            out,
            run: None,
            went: None,
            runs: 0,
            expected,
            bytes_left,
            categories: HashSet::new(),
            notes: Vec::new(),
        }
    }

    fn keep(&mut self, finding: &Finding<'_>, change: Option<Change>) -> Result<()> {
        if let Some(run) = &mut self.run {
            run.keep(finding, change);
        }
        self.out.settle()
    }

    fn close(&mut self, complete: bool) -> Result<()> {
        let Some(run) = self.run.take() else { return Ok(()) };
        // What a single run may take, so that those to come find room as well.
        let to_come = self.expected.saturating_sub(self.runs);
        let share = self.bytes_left / if to_come == 0 { 2 } else { to_come as u64 };
        let mut id = automation_id(&run.about, "");
        let mut is_another = false;
        for number in 2.. {
            if self.categories.insert(id.category.clone()) {
                break;
            }
            is_another = true;
            id = automation_id(&run.about, &format!("~{number}"));
        }
        if is_another {
            self.notes
                .push(format!("the SARIF holds several runs of one scan: GitHub gets {} as another one", id.full));
        }
        let ordered = run.ordered();
        let mut count = ordered.len();
        let used = loop {
            let document = Document { run: &run, results: ordered.get(..count).unwrap_or_default(), id: &id.full };
            let mut plain = Counter(0);
            document.write(&mut plain);
            if plain.0 <= share {
                break plain.0;
            }
            let mut packed = GzEncoder::new(Counter(0), Compression::fast());
            document.write(&mut packed);
            let packed = packed.finish().map_or(plain.0, |counter| counter.0);
            if packed <= share || count == 0 {
                break packed;
            }
            // The bytes of each finding are about the same; a little less makes up for those that are not.
            let fits = (count as u64).saturating_mul(share) / packed * 19 / 20;
            count = usize::try_from(fits).unwrap_or_default().min(count - 1);
        };
        self.bytes_left = self.bytes_left.saturating_sub(used);
        if count < usize::try_from(run.findings).unwrap_or(usize::MAX) {
            let limit = if count < ordered.len() {
                "more would pass its ten megabytes".to_owned()
            } else {
                format!("GitHub shows no more than {MOST_RESULTS} of a run")
            };
            let (address, findings) = (&run.about.address, run.findings);
            self.notes.push(format!("the SARIF of {address} holds the worst {count} of {findings} findings: {limit}"));
        }
        if self.runs > 0 {
            self.out.push(b",");
        }
        self.runs += 1;
        let results = ordered.get(..count).unwrap_or_default();
        Document { run: &run, results, id: &id.full }.write(&mut self.out);
        self.went = Some(Invocation {
            execution_successful: complete,
            start_time_utc: time(run.started_at),
            end_time_utc: time(run.ended_at),
        });
        self.out.settle()
    }

    /// Ends the run that is written but for how it went.
    fn tell(&mut self, complete: bool) {
        let Some(mut went) = self.went.take() else { return };
        went.execution_successful &= complete;
        self.out.push(b",\"invocations\":[");
        self.out.push(serde_json::to_string(&went).unwrap_or_default().as_bytes());
        self.out.push(b"]}");
    }
}

impl Run {
    fn keep(&mut self, finding: &Finding<'_>, change: Option<Change>) {
        self.findings += 1;
        let (host, severity) = (finding.host, finding.details.severity.rank());
        if self.about.started_at.is_none() {
            self.started_at = self.started_at.into_iter().chain(host.started_at).min();
        }
        if self.about.ended_at.is_none() {
            self.ended_at = self.ended_at.max(host.ended_at);
        }
        if self.kept.iter().map(Vec::len).sum::<usize>() >= MOST_RESULTS {
            // The latest of the mildest goes, if this one is worse.
            let mildest = self.kept.iter_mut().enumerate().find(|(_, kept)| !kept.is_empty());
            let Some((_, kept)) = mildest.filter(|(rank, _)| *rank < severity) else { return };
            if let Some(Kept { rule, .. }) = kept.pop() {
                self.rules.give_back(rule);
            }
        }
        let rule = self.rules.of(finding);
        let body = result::body(finding, change, &self.anchor);
        let places = result::host_names(host).map(|name| name.to_lowercase().into());
        if let Some(kept) = self.kept.get_mut(severity) {
            kept.push(Kept { rule, body, places });
        }
    }

    /// The findings, the worst first.
    fn ordered(&self) -> Vec<&Kept> {
        self.kept.iter().rev().flatten().collect()
    }
}

/// A SARIF run with so many results.
struct Document<'a> {
    run: &'a Run,
    results: &'a [&'a Kept],
    id: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Invocation {
    execution_successful: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    start_time_utc: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    end_time_utc: Option<Timestamp>,
}

impl Document<'_> {
    /// Writes the run but for how it went. The places that it goes to keep their failures to themselves.
    fn write(&self, out: &mut impl Write) {
        // In the order of their first use, which is that of severity.
        let mut indexes = vec![None; self.run.rules.slots.len()];
        let mut rules = Vec::new();
        for result in self.results {
            if let Some(index @ None) = indexes.get_mut(result.rule)
                && let Some(rule) = self.run.rules.get(result.rule)
            {
                *index = Some(rules.len());
                rules.push(rule);
            }
        }
        let places = self.results.iter().flat_map(|result| &result.places).map(AsRef::as_ref);
        let places: HashSet<&str> = places.filter(|place: &&str| !place.is_empty()).collect();
        let wordings: Vec<Wording<'_>> =
            rules.iter().enumerate().map(|(index, rule)| rule.wording(index, &places)).collect();
        let mut write = || -> io::Result<()> {
            out.write_all(b"\n{\"automationDetails\":{\"id\":")?;
            serde_json::to_writer(&mut *out, self.id)?;
            out.write_all(b"},\"results\":[")?;
            for (at, result) in self.results.iter().enumerate() {
                let index = indexes.get(result.rule).copied().flatten().unwrap_or_default();
                out.write_all(if at > 0 { b",\n{\"ruleId\":" } else { b"\n{\"ruleId\":" })?;
                serde_json::to_writer(&mut *out, wordings.get(index).map_or("", |wording| wording.id()))?;
                write!(out, ",\"ruleIndex\":{index},")?;
                out.write_all(&result.body)?;
            }
            out.write_all(b"],\"tool\":{\"driver\":{\"name\":\"scanctl\",\"semanticVersion\":")?;
            serde_json::to_writer(&mut *out, env!("CARGO_PKG_VERSION"))?;
            out.write_all(b",\"rules\":[")?;
            for (at, wording) in wordings.iter().enumerate() {
                out.write_all(if at > 0 { b",\n" } else { b"\n" })?;
                serde_json::to_writer(&mut *out, wording)?;
            }
            out.write_all(b"]}}")
        };
        let _kept_by_the_place = write();
    }
}

/// Counts bytes.
struct Counter(u64);

impl Write for Counter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests;
