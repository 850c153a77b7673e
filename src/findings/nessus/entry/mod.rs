//! Hosts and their rows out of a block: a text of whole `ReportHost` elements and nothing between them but white space.
//!
//! What a sink does not need is stepped over; its tags and references are checked all the same.
//!
//! Elements of compliance checks are in a namespace, whose prefix is `cm` in what scanners write. Programs that write
//! reports anew call it `ns0` or the like, or declare it on each element as the default one. No other elements are
//! called `compliance-` something, so that the prefix does not matter.

mod row;

use std::borrow::Cow;

use jiff::Timestamp;

use self::row::read_row;
use super::markup::{Cursor, Markup, Problem, Result};
use crate::findings::Needs;
use crate::findings::shape::{Details, Host, Text};

/// How much of each row is to be read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reading {
    /// What the sink looks at.
    pub needs: Needs,
    /// How many rows are held at once: of one host, and about as many hosts and rows together.
    pub most: usize,
}

/// What follows `compliance-` in the name of an element of a compliance check.
fn of_check(name: &str) -> Option<&str> {
    const OWN: &str = "compliance-";
    if name.len() <= OWN.len() {
        return None;
    }
    name.strip_prefix(OWN).or_else(|| name.split_once(':')?.1.strip_prefix(OWN))
}

impl Reading {
    /// Whether a row's child must be read at all.
    fn wants(&self, name: &str) -> bool {
        if self.needs == Needs::All {
            return true;
        }
        match of_check(name) {
            // The check's id is part of the finding's id.
            Some("check-id") => true,
            Some(name) => self.needs == Needs::Facts && matches!(name, "check-name" | "result"),
            None => {
                self.needs == Needs::Facts
                    && !matches!(name, OUTPUT | DESCRIPTION | "synopsis" | "solution" | "see_also" | "attachment")
            }
        }
    }
}

/// One `ReportHost`.
#[derive(Debug, Default)]
pub(super) struct Entry<'a> {
    /// The host.
    pub host: Host<'a>,
    /// Its rows.
    pub rows: Vec<Details<'a>>,
    /// The host had an entry before: this one goes on where that ended.
    pub goes_on: bool,
    /// Its start tag was read.
    begun: bool,
    /// Other entries have rows of its host too.
    is_part: bool,
    /// Its host's rows begin in an earlier entry that was read from the same block.
    behind_rows: bool,
    /// For each row, where its output stands.
    evidence: Vec<Option<Evidence>>,
}

/// The text that tells rows with equal keys apart: the output, else the description.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Evidence {
    Output(usize),
    Description(usize),
    /// The row has it.
    OwnOutput,
    OwnDescription,
}

/// What a block holds, a bounded number of rows at a time.
#[derive(Debug)]
pub(super) struct Entries<'a> {
    /// The hosts that were read last, the last one with the rows before the problem, if there is one.
    pub entries: Vec<Entry<'a>>,
    /// Why reading ended before the block did.
    pub problem: Option<Problem>,
    reading: Reading,
    /// The next entry, where it is not just any host.
    next: Option<Entry<'a>>,
    cursor: Cursor<'a>,
}

impl<'a> Entries<'a> {
    /// Nothing of a block yet. `is_part`: there is only one host, and not all of it; `goes_on`: it had an entry in the
    /// block before.
    pub(super) fn new(text: &'a str, reading: Reading, goes_on: bool, is_part: bool) -> Self {
        let next = is_part.then(|| Entry { goes_on, is_part, ..Entry::default() });
        Self { entries: Vec::new(), problem: None, reading, next, cursor: Cursor::new(text) }
    }

    /// Reads on, instead of what was read before. False if nothing follows.
    ///
    /// A host with more than [`Reading::most`] rows gets several entries, whatever stands before it in the block.
    pub(super) fn read(&mut self) -> bool {
        let mut room = self.entries.last().map_or(32, |last| last.rows.len());
        self.entries.clear();
        let mut held = 0;
        while held < self.reading.most {
            if self.next.is_none() {
                self.cursor.skip_space();
                if self.cursor.is_at_end() {
                    return false;
                }
            }
            let mut entry = self.next.take().unwrap_or_default();
            // Hosts of one report are alike: room for as many rows as the last one had, since rows are large.
            entry.rows.reserve_exact((room + room / 4).min(512));
            let read = entry.read(&mut self.cursor, self.reading);
            let Entry { host, rows, .. } = &mut entry;
            if host.ip.is_none() && host.name.parse::<std::net::IpAddr>().is_ok() {
                host.ip = Some(host.name.clone());
            }
            rows.iter_mut().for_each(|row| row.last_seen = host.ended_at);
            room = rows.len();
            held += 1 + room;
            if matches!(read, Ok(Read::Rows)) {
                let host = host.clone();
                self.next = Some(Entry { host, goes_on: true, begun: true, behind_rows: true, ..Entry::default() });
            }
            if entry.begun {
                self.entries.push(entry);
            }
            if let Err(problem) = read {
                self.problem = Some(problem);
                return false;
            }
        }
        true
    }

    /// How many forbidden characters were replaced in what was read last.
    pub(super) fn replaced(&mut self) -> u64 {
        std::mem::take(&mut self.cursor.replaced)
    }

    /// The text that tells a row from others with the same key.
    pub(super) fn evidence<'e>(&'e self, entry: &'e Entry<'a>, row: usize) -> Option<Text<'e>> {
        let own = |text: fn(&'e Details<'a>) -> Option<&'e str>| entry.rows.get(row).and_then(text).map(Cow::Borrowed);
        let (name, at) = match entry.evidence.get(row).copied().flatten()? {
            Evidence::Output(at) => (OUTPUT, at),
            Evidence::Description(at) => (DESCRIPTION, at),
            Evidence::OwnOutput => return own(|details| details.output.as_deref()),
            Evidence::OwnDescription => return own(|details| details.description.as_deref()),
        };
        self.cursor.elsewhere(at).element_text(name).ok()
    }
}

/// How far a host was read.
enum Read {
    /// To its end.
    Host,
    /// As many rows as are held at once, and another follows.
    Rows,
}

const OUTPUT: &str = "plugin_output";
const DESCRIPTION: &str = "description";

impl<'a> Entry<'a> {
    /// Reads the start tag; false if that is all.
    fn begin(&mut self, cursor: &mut Cursor<'a>, reading: Reading) -> Result<bool> {
        let Markup::Start { name: "ReportHost", empty } = cursor.markup()? else {
            return cursor.malformed("something else than a host between hosts");
        };
        let host = &mut self.host;
        cursor.each_attribute(|name, value| {
            if name == "name" {
                host.name = trimmed(value);
            } else if reading.needs == Needs::All {
                host.properties.push((name.into(), value));
            }
        })?;
        self.begun = true;
        self.count_once(cursor, 0);
        Ok(!empty)
    }

    fn read(&mut self, cursor: &mut Cursor<'a>, reading: Reading) -> Result<Read> {
        if !self.begun && !self.begin(cursor, reading)? {
            return Ok(Read::Host);
        }
        loop {
            let between = cursor.until_markup()?;
            cursor.check_references(between)?;
            let at = cursor.at;
            match cursor.markup()? {
                Markup::Start { name: "ReportItem", .. } if self.rows.len() >= reading.most => {
                    cursor.at = at;
                    return Ok(Read::Rows);
                }
                Markup::Start { name: "ReportItem", empty } => {
                    // Built in its place, because it is large.
                    self.rows.push(Details::default());
                    let evidence = match self.rows.last_mut().map(|row| read_row(row, cursor, empty, reading)) {
                        Some(Ok(evidence)) => evidence,
                        Some(Err(problem)) => {
                            self.rows.pop();
                            return Err(problem);
                        }
                        None => None,
                    };
                    self.evidence.push(evidence);
                }
                Markup::Start { name: "HostProperties", empty } => {
                    cursor.each_attribute(|_, _| ())?;
                    if self.behind_rows || (self.is_part && !self.rows.is_empty()) {
                        let what = "properties of a host behind more rows than are held at once".to_owned();
                        return Err(Problem { at, what: Some(what) });
                    }
                    if !empty {
                        let known = cursor.replaced;
                        self.properties(cursor, reading.needs)?;
                        self.count_once(cursor, known);
                    }
                }
                Markup::Start { name, empty } => {
                    cursor.each_attribute(|_, _| ())?;
                    cursor.refuse_inside(name, "ReportHost")?;
                    if !empty {
                        cursor.skip_element(name)?;
                    }
                }
                Markup::End { name: "ReportHost" } => return Ok(Read::Host),
                Markup::End { name } => {
                    return cursor.malformed(format!("`</{name}>` where `ReportHost` is open"));
                }
                Markup::Characters(_) | Markup::Nothing => {}
            }
        }
    }

    /// Takes back what was counted in text that an earlier block had too.
    fn count_once(&self, cursor: &mut Cursor<'a>, known: u64) {
        if self.goes_on {
            cursor.replaced = known;
        }
    }

    fn properties(&mut self, cursor: &mut Cursor<'a>, needs: Needs) -> Result<()> {
        loop {
            let between = cursor.until_markup()?;
            cursor.check_references(between)?;
            match cursor.markup()? {
                Markup::Start { name, empty } => {
                    cursor.refuse_inside(name, "HostProperties")?;
                    let mut property = None;
                    cursor.each_attribute(|attribute, value| {
                        if attribute == "name" {
                            property = Some(value);
                        }
                    })?;
                    let wanted = property.filter(|property| {
                        name == "tag" && (needs == Needs::All || KNOWN_PROPERTIES.contains(&property.as_ref()))
                    });
                    match wanted {
                        Some(property) => {
                            let value = if empty { Cow::Borrowed("") } else { cursor.element_text(name)? };
                            self.property(property, value, needs);
                        }
                        None if empty => {}
                        None => cursor.skip_element(name)?,
                    }
                }
                Markup::End { name: "HostProperties" } => break,
                Markup::End { name } => {
                    return cursor.malformed(format!("`</{name}>` where `HostProperties` is open"));
                }
                Markup::Characters(_) | Markup::Nothing => {}
            }
        }
        Ok(())
    }

    fn property(&mut self, name: Text<'a>, value: Text<'a>, needs: Needs) {
        let host = &mut self.host;
        let slot = match name.as_ref() {
            "host-fqdn" => &mut host.fqdn,
            "host-ip" => &mut host.ip,
            "netbios-name" => &mut host.netbios,
            "operating-system" => &mut host.os,
            "host-uuid" => &mut host.uuid,
            "mac-address" if host.macs.is_empty() => {
                host.macs = lines(value);
                return;
            }
            "HOST_START_TIMESTAMP" if host.started_at.is_none() => {
                host.started_at = instant(&value);
                return;
            }
            "HOST_END_TIMESTAMP" if host.ended_at.is_none() => {
                host.ended_at = instant(&value);
                return;
            }
            _ => {
                if needs == Needs::All {
                    host.properties.push((name, value));
                }
                return;
            }
        };
        let value = trimmed(value);
        if slot.is_none() && !value.is_empty() {
            *slot = Some(value);
        }
    }
}

/// Host properties that every sink may need.
const KNOWN_PROPERTIES: [&str; 8] = [
    "host-fqdn",
    "host-ip",
    "netbios-name",
    "operating-system",
    "host-uuid",
    "mac-address",
    "HOST_START_TIMESTAMP",
    "HOST_END_TIMESTAMP",
];

/// Without white space around it.
fn trimmed(text: Text<'_>) -> Text<'_> {
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(text.trim()),
        Cow::Owned(text) if text.trim().len() == text.len() => Cow::Owned(text),
        Cow::Owned(text) => Cow::Owned(text.trim().to_owned()),
    }
}

/// The lines that have text, without white space around them.
fn lines(text: Text<'_>) -> Vec<Text<'_>> {
    match text {
        Cow::Borrowed(text) => non_empty_lines(text).map(Cow::Borrowed).collect(),
        Cow::Owned(text) => non_empty_lines(&text).map(|line| Cow::Owned(line.to_owned())).collect(),
    }
}

fn non_empty_lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines().map(str::trim).filter(|line| !line.is_empty())
}

/// An instant out of Unix seconds.
fn instant(text: &str) -> Option<Timestamp> {
    Timestamp::from_second(text.trim().parse().ok()?).ok()
}
