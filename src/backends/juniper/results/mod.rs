//! The result of a run: pages of a list of findings, asked for one after the other while the ones before are read.
//!
//! What tells the end is the rows that came, not what the console announces: its total is believed as long as it stays
//! the same, and has to agree with the rows in the end. A console that ignores `Range` sends everything at once.

mod rows;
#[cfg(test)]
mod tests;

use bytes::Bytes;
use futures_util::stream::{self, StreamExt as _};
use reqwest::header::RANGE;
use serde::de::IgnoredAny;

use super::Juniper;
use super::range::{self, Extent};
use super::refusal::NOT_PERMITTED;
use crate::backends::report::{Decoder, Fetch, Report, settled};
use crate::backends::{Backend as _, Target};
use crate::error::{Error, Result};
use crate::exit::Exit;
use crate::findings::{PageReader, Source};
use crate::http::Answer;
use crate::http::download::Download;
use crate::model::{Address, Run, RunState};

/// Findings asked for at a time.
pub(super) const PAGE: usize = 500;

const SEVERITY: &str = "JSA gives scores and no severity: it is derived from the base score, and `info` where there is \
     none; which version of CVSS the scores follow is not said";

/// The findings of a run.
pub(super) async fn results<'a>(console: &'a Juniper, target: &Target, fetch: &Fetch<'_>) -> Result<Report<'a>> {
    let mut report = fetched(console, target, fetch, Form::Answers).await?;
    report.decoder = Some(Decoder::Pages(reader()));
    report.notes.push(SEVERITY.to_owned());
    Ok(report)
}

/// Reads pages of `…/results` as findings.
pub fn reader() -> PageReader {
    Box::new(rows::read)
}

/// The answers as they are; where there are several, one a line.
pub(super) async fn export<'a>(console: &'a Juniper, target: &Target, fetch: &Fetch<'_>) -> Result<Report<'a>> {
    fetched(console, target, fetch, Form::Lines).await
}

async fn fetched<'a>(console: &'a Juniper, target: &Target, fetch: &Fetch<'_>, form: Form) -> Result<Report<'a>> {
    let run = console.status(target).await?.value;
    let address = Address::full(&console.profile, run.scan.as_ref(), run.run.as_ref());
    let incomplete = settled(&address, &run, fetch.partial)?;
    let (Some(scan), Some(id)) = (&run.scan, &run.run) else {
        return Err(Error::bad_data(format!("`{address}`: the console does not name the run")));
    };
    let path = ["scanner", "scanprofiles", scan.as_str(), "runs", id.as_str(), "results"].map(str::to_owned);
    let mut pages = Pages::new(console, path, form, incomplete.is_none());
    // The first page is waited for, so that a refusal is told before anything is written.
    let first = pages.next().await.transpose().map_err(|problem| not_given(problem, &run, &address))?;
    let rest = stream::unfold(pages, async |mut pages| {
        let page = pages.next().await?;
        Some((page, pages))
    });
    let chunks = stream::iter(first.map(Ok)).chain(rest);
    let notes = incomplete.is_none().then(|| ending(&run)).into_iter().collect();
    Ok(Report { run, source: Source::Jsa, decoder: None, download: Download::new(chunks), incomplete, notes })
}

/// An end time is all that tells of the end.
fn ending(run: &Run) -> String {
    let word = run.native_state.as_deref().map_or(String::new(), |word| format!("; the scan profile says \"{word}\""));
    format!("JSA tells that the run has ended, and not how{word}")
}

/// One code stands for "no permission" and for "not now"; of a run that is under way it says that there is no result yet.
fn not_given(problem: Error, run: &Run, address: &str) -> Error {
    let is_active = run.state.is_some_and(RunState::is_active);
    if !is_active || !problem.refused() || problem.answer().code != Some(NOT_PERMITTED) {
        return problem;
    }
    let why = "the console does not give the result of this run while it is under way";
    problem.context(why).with_exit(Exit::InvalidState).hint(format!("scanctl wait {address}"))
}

/// What the bytes are to look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// One whole answer a chunk.
    Answers,
    /// A file: the only answer as it is, or each of several on a line of its own.
    Lines,
}

/// What comes next.
#[derive(Debug)]
enum Step {
    Page,
    Fail(Error),
    End,
}

/// The pages of one result.
struct Pages<'a> {
    console: &'a Juniper,
    path: [String; 6],
    form: Form,
    /// Whether the rows must be as many as the console says in the end.
    exact: bool,
    step: Step,
    /// Rows that came.
    rows: usize,
    /// How many there are in all, by the newest answer that tells.
    total: Option<usize>,
    /// Whether answers differed in it.
    moved: bool,
    /// The page before, of a console that says nothing about the place of a page.
    before: Option<Bytes>,
}

impl<'a> Pages<'a> {
    fn new(console: &'a Juniper, path: [String; 6], form: Form, exact: bool) -> Self {
        Self { console, path, form, exact, step: Step::Page, rows: 0, total: None, moved: false, before: None }
    }

    /// The next page; `None` after the last one.
    async fn next(&mut self) -> Option<Result<Bytes>> {
        let earlier = self.rows > 0;
        match std::mem::replace(&mut self.step, Step::End) {
            Step::Page => {}
            Step::Fail(problem) => return Some(Err(problem)),
            Step::End => return None,
        }
        let page = match self.page().await {
            Ok(Some(page)) => page,
            Ok(None) => return None,
            Err(problem) => return Some(Err(problem)),
        };
        let more = matches!(self.step, Step::Page);
        let as_it_is = self.form == Form::Answers || !(earlier || more);
        Some(Ok(if as_it_is { page } else { line(&page, earlier) }))
    }

    async fn page(&mut self) -> Result<Option<Bytes>> {
        let answer = match self.ask(Some(self.rows)).await {
            Ok(answer) => answer,
            // Past the end an empty list is documented, but this is what the status is for.
            Err(refused) if refused.answer().status == Some(416) && self.rows > 0 => {
                return self.agreed().map(|()| None);
            }
            Err(refused) if refused.answer().status == Some(416) => {
                let answer = self.ask(None).await?;
                self.rows = count(&answer)?;
                return Ok(Some(answer.body));
            }
            Err(problem) => return Err(problem),
        };
        let extent = Extent::of(&answer.headers);
        let rows = match count(&answer) {
            Ok(rows) => rows,
            // What came of a list that is cut off is read.
            Err(problem) if answer.body.trim_ascii_start().starts_with(b"[") => {
                self.step = Step::Fail(problem);
                return Ok(Some(answer.body));
            }
            Err(problem) => return Err(problem),
        };
        if let Some(first) = extent.and_then(|extent| extent.first).filter(|first| rows > 0 && *first != self.rows) {
            let why = format!("findings from the {}th on were asked for, and came from the {first}th on", self.rows);
            return Err(answer.unreadable(&why));
        }
        let again = extent.is_none() && self.before.as_ref() == Some(&answer.body);
        if let Some(total) = extent.and_then(|extent| extent.total) {
            self.moved |= self.total.is_some_and(|before| before != total);
            self.total = Some(total);
        }
        if self.rows > 0 && (rows == 0 || again) {
            return self.agreed().map(|()| None);
        }
        self.rows += rows;
        let more = match (extent, self.total) {
            _ if rows == 0 => false,
            (None, _) => rows == PAGE,
            (Some(_), Some(total)) => self.rows < total || (self.moved && rows >= PAGE),
            (Some(_), None) => true,
        };
        self.before = (more && extent.is_none()).then(|| answer.body.clone());
        self.step = match self.agreed() {
            _ if more => Step::Page,
            Ok(()) => Step::End,
            Err(problem) => Step::Fail(problem),
        };
        Ok(Some(answer.body))
    }

    async fn ask(&self, first: Option<usize>) -> Result<Answer> {
        let request = self.console.http.get(&self.path).label("results");
        let request = match first {
            Some(first) => request.header(RANGE, range::ask(first, PAGE)),
            None => request,
        };
        request.send().await
    }

    /// Whether as many rows came as the console says there are. Of a run that goes on more may have come meanwhile.
    fn agreed(&self) -> Result<()> {
        match self.total {
            Some(total) if self.exact && total != self.rows => {
                let why = format!("the console names {total} findings, and {} came", self.rows);
                Err(Error::bad_data(why).hint("fetch the result again; `--partial` takes what comes"))
            }
            _ => Ok(()),
        }
    }
}

/// The rows of a page, which are read for good only after it was handed on.
///
/// # Errors
/// Exit 16 for what is no list. `null` is one where the answer also says that there is nothing.
fn count(answer: &Answer) -> Result<usize> {
    let told = || Extent::of(&answer.headers).and_then(|extent| extent.total);
    match answer.json::<Option<Vec<IgnoredAny>>>()? {
        Some(rows) => Ok(rows.len()),
        None if told() == Some(0) => Ok(0),
        None => Err(answer.unreadable("it is no list of findings")),
    }
}

/// A page as a line of a file. Line breaks stand only between the values of JSON, never in them.
fn line(page: &Bytes, follows: bool) -> Bytes {
    let page = page.trim_ascii().iter().map(|byte| if matches!(byte, b'\n' | b'\r') { b' ' } else { *byte });
    follows.then_some(b'\n').into_iter().chain(page).collect()
}
