//! Cuts a document into blocks of whole hosts, which can then be read apart from each other, also at the same time.
//!
//! Outside hosts each tag is read ([`super::outside`]). Inside hosts it only looks for the end tag, stepping
//! over CDATA sections, comments and processing instructions: everywhere else `</ReportHost` is that tag, because text
//! and attributes hold no `<`. Where they do, reading the block finds it.
//!
//! A host larger than [`Sizes::part`] is cut before a `ReportItem`, at a place that depends on the document alone;
//! each further part gets the host's head (start tag and properties) again, so that it is a whole host in itself. Where
//! properties follow rows, reading such a part ends: rows of one host would differ in what their host is.
//!
//! Of a row that is larger than such a part the content of attachments is not held ([`thin`]). A row that is too large
//! all the same ends the document; the rows before it come out first.

mod scan;
mod thin;

use std::io::{self, Read};

use memchr::memmem::Finder;

use self::scan::{ITEM, begins, behind_rows, ends_name, find_special, head_of};
use self::thin::Gap;
use super::markup::{LONGEST_TEXT, Problem, is_space};
use super::outside::Outside;
use crate::error::Error;
use crate::findings::input::{CUT_OFF_HINT, read_failure};
use crate::findings::sniff::FOREIGN;

pub(super) use self::scan::{special_end, tag_end};

/// How much is read at once, and how much at most.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sizes {
    /// Bytes of an ordinary block. Small enough to stay in a core's cache from reading to writing.
    pub chunk: usize,
    /// Bytes of a host from which on it is cut into parts.
    pub part: usize,
    /// Bytes that are held at most: no row is larger, the content of its attachments left out, together with what
    /// stands before it in its part.
    pub most: usize,
    /// Rows of a host that are held at once, however small they are.
    pub rows: usize,
}

impl Sizes {
    /// Memory for one part of a host.
    fn ordinary(self) -> usize {
        self.part + 2 * self.chunk
    }

    /// Memory for the largest row.
    fn largest(self) -> usize {
        self.most + 2 * self.chunk
    }
}

impl Default for Sizes {
    fn default() -> Self {
        Self { chunk: 512 * 1024, part: 2 * 1024 * 1024, most: LONGEST_TEXT, rows: 4096 }
    }
}

/// Whole hosts, or at the end of a document that is cut off the beginning of one.
#[derive(Debug)]
pub(super) struct Block {
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    /// Where in the document it begins.
    offset: u64,
    /// What stands in the document and not in it.
    gaps: Vec<Gap>,
    /// How many bytes at its beginning stood in an earlier block too.
    repeated: usize,
    /// It goes on with a host whose first part was in the block before.
    pub continues: bool,
    /// It holds one host, and not all of it.
    pub is_part: bool,
    /// The document ends in it.
    pub cut_off: bool,
}

impl Block {
    /// The block's text.
    pub(super) fn bytes(&self) -> &[u8] {
        self.buffer.get(self.start..self.end).unwrap_or_default()
    }

    /// What of it stood in an earlier block too.
    pub(super) fn head(&self) -> &[u8] {
        self.bytes().get(..self.repeated).unwrap_or_default()
    }

    /// Where in the document one of its bytes stands.
    pub(super) fn place(&self, at: usize) -> u64 {
        let at = at.saturating_sub(self.repeated);
        let left_out: usize = self.gaps.iter().take_while(|gap| gap.at <= at).map(|gap| gap.length).sum();
        self.offset + (at + left_out) as u64
    }

    /// Whether it is so large that a second one should wait.
    pub(super) fn is_large(&self, sizes: Sizes) -> bool {
        self.bytes().len() > sizes.part + sizes.chunk
    }

    /// Its memory, for the next block.
    pub(super) fn into_buffer(self) -> Vec<u8> {
        self.buffer
    }
}

/// The next thing of a document.
#[derive(Debug)]
pub(super) enum Piece {
    /// Hosts.
    Block(Block),
    /// Nothing more: whole, or why not.
    End(Option<Error>),
}

/// A document being cut.
#[derive(Debug)]
pub(super) struct Cutter<R> {
    source: R,
    pub(super) sizes: Sizes,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    /// Where in the document `start` is.
    offset: u64,
    /// What of the document was left out of what is held.
    gaps: Vec<Gap>,
    /// The source has no more, or failed.
    pub(super) dry: bool,
    pub(super) failure: Option<io::Error>,
    /// The elements around, outermost first.
    pub(super) open: Vec<String>,
    pub(super) root_closed: bool,
    /// A report or a host was there.
    pub(super) has_report: bool,
    /// The first element below the root.
    pub(super) instead: Option<String>,
    /// Start tag and properties of the host that is being cut into parts.
    head: Vec<u8>,
    /// Characters that no document may hold, outside hosts, since the last piece.
    pub(super) replaced: u64,
    /// Why the document ends here, once what came before was given.
    too_large: Option<Error>,
    ended: bool,
    close: Finder<'static>,
    item: Finder<'static>,
}

const HOST: &[u8] = b"<ReportHost";
const CLOSE: &[u8] = b"</ReportHost";
const CLOSE_TAG: &[u8] = b"</ReportHost>";
/// A needle with the byte behind it, which tells whether the name ends there.
const NEEDLE: usize = CLOSE.len() + 1;

/// How far the end of a host has been looked for.
#[derive(Debug, Default)]
struct Search {
    /// Nothing before this place is the end, and it stands in no CDATA section or the like.
    at: usize,
    /// The next thing that looks like the end.
    close: Option<usize>,
    /// Nothing before this place is content of an attachment that may be left out.
    thinned: usize,
}

/// Which part of a host a block is.
#[derive(Debug, Clone, Copy)]
struct Part {
    /// Not the first one.
    continues: bool,
    /// Not the last one.
    goes_on: bool,
}

impl Part {
    /// All of it, or several hosts.
    const WHOLE: Self = Self { continues: false, goes_on: false };
}

/// What looking for the end of a host found, as distance from its beginning.
enum Found {
    End(usize),
    /// The place before which a large host is cut.
    Part(usize),
    More,
}

impl<R: Read> Cutter<R> {
    pub(super) fn new(source: R, sizes: Sizes) -> Self {
        Self {
            source,
            sizes,
            buffer: vec![0; sizes.chunk],
            start: 0,
            end: 0,
            offset: 0,
            gaps: Vec::new(),
            dry: false,
            failure: None,
            open: Vec::new(),
            root_closed: false,
            has_report: false,
            instead: None,
            head: Vec::new(),
            replaced: 0,
            too_large: None,
            ended: false,
            close: Finder::new(CLOSE),
            item: Finder::new(ITEM),
        }
    }

    /// Whether the end was given.
    pub(super) fn has_ended(&self) -> bool {
        self.ended
    }

    /// The next piece; `spare` is memory that it may use.
    pub(super) fn next(&mut self, spare: Vec<u8>) -> Piece {
        let piece = if let Some(problem) = self.too_large.take() {
            Piece::End(Some(problem))
        } else if !self.head.is_empty() {
            self.part(spare, Search::default())
        } else {
            match self.outside() {
                Outside::Host => self.hosts(spare),
                Outside::End(problem) => Piece::End(problem),
            }
        };
        self.ended = matches!(piece, Piece::End(_));
        piece
    }

    pub(super) fn data(&self) -> &[u8] {
        self.buffer.get(self.start..self.end).unwrap_or_default()
    }

    /// Steps over what was dealt with.
    pub(super) fn consume(&mut self, count: usize) {
        self.start += count;
        self.offset += count as u64;
    }

    /// Reads until so much is held, as far as the source has it.
    fn fill(&mut self, wanted: usize) {
        // The head of a host that is read in parts gets its room before the next part.
        let room = self.head.len();
        if self.start + wanted > self.buffer.len() && self.start > room {
            self.buffer.copy_within(self.start..self.end, room);
            self.end -= self.start - room;
            self.start = room;
        }
        let full = self.start + wanted;
        if full > self.buffer.len() {
            // Two sizes and no growing step by step, which would leave holes in the heap. Pages of the larger one that
            // are never written take no memory.
            let larger = if full <= self.sizes.ordinary() { self.sizes.ordinary() } else { self.sizes.largest() };
            let mut buffer = vec![0; full.max(larger)];
            buffer[self.start..self.end].copy_from_slice(&self.buffer[self.start..self.end]);
            self.buffer = buffer;
        }
        while !self.dry && self.end < full {
            match self.source.read(&mut self.buffer[self.end..full]) {
                Ok(0) => self.dry = true,
                Ok(count) => self.end += count,
                Err(problem) if problem.kind() == io::ErrorKind::Interrupted => {}
                Err(problem) => {
                    self.failure = Some(problem);
                    self.dry = true;
                }
            }
        }
    }

    /// Gets more behind what is held; false if there is none or no more may be held.
    pub(super) fn more(&mut self) -> bool {
        let held = self.end - self.start;
        if self.dry || held >= self.sizes.most {
            return false;
        }
        self.fill((held + self.sizes.chunk).min(self.sizes.most));
        true
    }

    /// Gets more of a host whose end is not held, as [`Self::more`] does.
    fn more_of_host(&mut self, search: &mut Search) -> bool {
        if self.end - self.start + self.sizes.chunk > self.sizes.ordinary() {
            self.thin(search);
        }
        self.more()
    }

    /// A block of the hosts that are held whole, at least one.
    fn hosts(&mut self, spare: Vec<u8>) -> Piece {
        self.fill(self.sizes.chunk);
        let (mut begin, mut cut) = (0, 0);
        let mut search = Search::default();
        loop {
            match self.find_end(begin, true, &mut search) {
                Ok(Found::End(end)) => {
                    cut = end;
                    let data = self.data();
                    let space = data.get(end..).unwrap_or_default().iter().take_while(|byte| is_space(**byte)).count();
                    if !begins(data.get(end + space..).unwrap_or_default(), HOST) {
                        return Piece::Block(self.take(cut, spare, Part::WHOLE));
                    }
                    begin = end + space;
                    search = Search { at: begin, ..Search::default() };
                }
                Ok(Found::More | Found::Part(_)) | Err(_) if cut > 0 => {
                    return Piece::Block(self.take(cut, spare, Part::WHOLE));
                }
                Ok(Found::Part(at)) => {
                    self.head = head_of(self.data().get(..at).unwrap_or_default());
                    return Piece::Block(self.take(at, spare, Part { continues: false, goes_on: true }));
                }
                Ok(Found::More) => {
                    if !self.more_of_host(&mut search) {
                        return self.unfinished(spare);
                    }
                }
                Err(problem) => return Piece::End(Some(self.malformed(&problem))),
            }
        }
    }

    /// A further part of a large host.
    fn part(&mut self, spare: Vec<u8>, mut search: Search) -> Piece {
        self.fill(self.sizes.chunk);
        loop {
            match self.find_end(0, false, &mut search) {
                Ok(Found::End(end)) => {
                    return Piece::Block(self.take(end, spare, Part { continues: true, goes_on: false }));
                }
                Ok(Found::Part(at)) => {
                    return Piece::Block(self.take(at, spare, Part { continues: true, goes_on: true }));
                }
                Ok(Found::More) => {
                    if !self.more_of_host(&mut search) {
                        return self.unfinished(spare);
                    }
                }
                Err(problem) => return Piece::End(Some(self.malformed(&problem))),
            }
        }
    }

    /// What there is of a host that has no end.
    fn unfinished(&mut self, spare: Vec<u8>) -> Piece {
        let held = self.end - self.start;
        if !self.dry {
            return self.too_large(spare);
        }
        self.open.push("ReportHost".to_owned());
        if held == 0 {
            return Piece::End(Some(self.cut_off()));
        }
        let part = Part { continues: !self.head.is_empty(), goes_on: false };
        let mut block = self.take(held, spare, part);
        // What follows is outside, where the end is noticed.
        block.cut_off = true;
        Piece::Block(block)
    }

    /// What there is of a host before that of it which is too large.
    fn too_large(&mut self, spare: Vec<u8>) -> Piece {
        let what = format!("one row or host property of more than {} bytes", self.sizes.most);
        let problem = Problem { at: 0, what: Some(what) };
        let rows = behind_rows(self.data());
        if rows == 0 {
            return Piece::End(Some(self.malformed(&problem)));
        }
        // The rest is not held twice.
        self.end = self.start + rows;
        let continues = !self.head.is_empty();
        let mut block = self.take(rows, spare, Part { continues, goes_on: true });
        // Nothing follows that could differ in what the host is.
        block.is_part = continues;
        self.too_large = Some(self.malformed(&problem));
        Piece::Block(block)
    }

    /// Gives away the buffer with the first bytes of what is held, and goes on with the rest in the other one.
    ///
    /// A part of a large host is made a whole one by what is missing before and behind it.
    fn take(&mut self, count: usize, mut spare: Vec<u8>, part: Part) -> Block {
        let rest = self.start + count..self.end;
        let mut buffer = std::mem::take(&mut self.buffer);
        let (mut start, mut end) = (self.start, self.start + count);
        let mut repeated = 0;
        if part.continues {
            // Room was left for it.
            repeated = self.head.len();
            start -= repeated;
            buffer[start..start + repeated].copy_from_slice(&self.head);
        }
        if !part.goes_on {
            self.head.clear();
        }
        let room = self.head.len();
        let wanted = self.sizes.chunk.max(room + rest.len());
        // What one large host needed is not kept for ever.
        if spare.len() < wanted || spare.len() > self.sizes.ordinary() {
            drop(spare);
            spare = vec![0; wanted];
        }
        spare[room..room + rest.len()].copy_from_slice(&buffer[rest.clone()]);
        (self.start, self.end) = (room, room + rest.len());
        self.buffer = spare;
        if part.goes_on {
            buffer.truncate(end);
            buffer.extend_from_slice(CLOSE_TAG);
            end = buffer.len();
        }
        let mut gaps = std::mem::take(&mut self.gaps);
        self.gaps = gaps.split_off(gaps.partition_point(|gap| gap.at < count));
        self.gaps.iter_mut().for_each(|gap| gap.at -= count);
        let offset = self.offset;
        self.offset += (count + gaps.iter().map(|gap| gap.length).sum::<usize>()) as u64;
        let is_part = part.continues || part.goes_on;
        Block { buffer, start, end, offset, gaps, repeated, continues: part.continues, is_part, cut_off: false }
    }

    /// Looks for the end of the host that begins at `begin`, as far as it is held.
    fn find_end(&self, begin: usize, with_tag: bool, search: &mut Search) -> Result<Found, Problem> {
        let data = self.data();
        if with_tag && search.at <= begin {
            match tag_end(data, begin)? {
                None => return Ok(Found::More),
                Some(end) if data.get(end - 2) == Some(&b'/') => return Ok(Found::End(end)),
                Some(end) => search.at = end,
            }
        }
        let split_from = begin + self.sizes.part;
        loop {
            let rest = data.get(search.at..).unwrap_or_default();
            if search.close.is_none_or(|close| close < search.at) {
                search.close = self.close.find(rest).map(|distance| search.at + distance);
            }
            let limit = search.close.unwrap_or(data.len());
            let special = find_special(data, search.at, limit);
            let known = special.unwrap_or(limit);
            if known > split_from {
                let mut from = search.at.max(split_from);
                while let Some(distance) = self.item.find(data.get(from..known).unwrap_or_default()) {
                    from += distance;
                    match data.get(from + ITEM.len()) {
                        None => break,
                        Some(byte) if ends_name(*byte) => return Ok(Found::Part(from)),
                        Some(_) => from += ITEM.len(),
                    }
                }
            }
            if let Some(special) = special {
                match special_end(data, special) {
                    Some(end) => search.at = end,
                    None => {
                        search.at = special;
                        search.close = None;
                        return Ok(Found::More);
                    }
                }
            } else if let Some(close) = search.close {
                let behind = data.get(close + CLOSE.len()..).unwrap_or_default();
                let space = behind.iter().take_while(|byte| is_space(**byte)).count();
                match behind.get(space) {
                    Some(b'>') => return Ok(Found::End(close + CLOSE.len() + space + 1)),
                    // Another name, or a broken tag, which reading the block will find.
                    Some(_) => search.at = close + CLOSE.len(),
                    None => {
                        search.at = close;
                        return Ok(Found::More);
                    }
                }
            } else {
                search.at = search.at.max(data.len().saturating_sub(NEEDLE));
                return Ok(Found::More);
            }
        }
    }

    pub(super) fn malformed(&self, problem: &Problem) -> Error {
        malformed(problem, self.offset + problem.at as u64)
    }

    /// Why there is no more: the source's failure, or just its end.
    pub(super) fn cut_off(&mut self) -> Error {
        let place = match self.open.as_slice() {
            [] => "before its first tag",
            [.., host] if host == "ReportHost" => "inside a host",
            _ if self.holds_hosts() => "between two hosts, or before or behind them",
            _ => "before the first host",
        };
        match self.failure.take() {
            Some(failure) => read_failure(failure),
            None => Error::bad_data(format!("the report is cut off {place}")).hint(CUT_OFF_HINT),
        }
    }
}

/// The error for a place in the document that is not XML, or not what a report has.
pub(super) fn malformed(problem: &Problem, place: u64) -> Error {
    if problem.what.as_deref().is_some_and(|what| what.starts_with(FOREIGN)) {
        return Error::bad_data(problem.to_string());
    }
    Error::bad_data(format!("the report is broken at byte {place}: {problem}"))
}
