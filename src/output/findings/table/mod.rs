//! Findings as a table for people, one line each, and last what there was of each severity.
//!
//! ```text
//! SEVERITY  HOST               PORT     PLUGIN  CVSS  VPR  NAME
//! critical  web01.example.org  443/tcp  156032  9.8   9.2  Example Library Multiple Vulnerabilities
//! high      web01.example.org  -        21157   -     -    FAILED: 1.1.1 Ensure that it is so
//!
//! 1 critical, 1 high on 1 host in io/219@9f2c
//! ```
//!
//! The columns are made to fit the first thousand rows; then rows are written as they come, so that a table of any
//! length takes the same memory. On a terminal a longer text is cut, elsewhere nothing ever is.

use std::borrow::Cow;
use std::io::Write;

use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

use super::columns::{Column, Value};
use super::facts;
use super::out::Out;
use super::states::Changes;
use super::{About, Change, Options, ReportWriter};
use crate::error::Result;
use crate::findings::filter::Counts;
use crate::findings::{Decoded, Finding, FindingSink, HostSet, Needs, Severity, SeveritySource};
use crate::text::clean;

/// So many rows are looked at before the columns are as wide as they stay.
const MOST_HELD: usize = 1000;
/// So many bytes of them.
const MOST_HELD_BYTES: usize = 1024 * 1024;
/// Between two columns.
const GAP: usize = 2;
/// A column that is longer than this may be made narrower where others would have to go.
const COMFORTABLE: usize = 24;

/// A writer.
pub(super) fn open(out: Box<dyn Write + Send>, options: &Options) -> Box<dyn ReportWriter> {
    let columns = match &options.columns {
        Some(columns) => columns.as_slice().iter().map(|column| Shown::Key(*column)).collect(),
        None => Shown::USUAL.to_vec(),
    };
    Box::new(Writer::new(out, options, columns, None))
}

/// A writer of what differs from an older report: findings that are the same there are counted, and have no row.
pub(super) fn comparing(out: Box<dyn Write + Send>, options: &Options) -> Box<dyn ReportWriter> {
    Box::new(Writer::new(out, options, Shown::COMPARED.to_vec(), Some(Changes::default())))
}

impl Writer {
    fn new(out: Box<dyn Write + Send>, options: &Options, columns: Vec<Shown>, changes: Option<Changes>) -> Self {
        Self {
            out: Out::new(out),
            width: options.width.map(usize::from),
            color: options.color,
            filter: options.filter.as_deref().map(clean),
            columns,
            changes,
            held: Vec::new(),
            held_bytes: 0,
            layout: None,
            address: String::new(),
            open: false,
            report: Tally::default(),
            hosts: HostSet::default(),
            all: Tally::default(),
            reports: 0,
        }
    }
}

/// A column of the table.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Shown {
    /// As the key says.
    Key(Column),
    /// Port and protocol in one.
    Port,
    /// The score that says most.
    Cvss,
    /// The plugin's name, or an audit's check and how it went.
    Name,
    /// How it stands to an older report.
    Change,
}

impl Shown {
    const USUAL: [Self; 7] = [
        Self::Key(Column::Severity),
        Self::Key(Column::Host),
        Self::Port,
        Self::Key(Column::PluginId),
        Self::Cvss,
        Self::Key(Column::Vpr),
        Self::Name,
    ];
    const COMPARED: [Self; 6] = [
        Self::Change,
        Self::Key(Column::Severity),
        Self::Key(Column::Host),
        Self::Port,
        Self::Key(Column::PluginId),
        Self::Name,
    ];
    /// What goes first where the width does not do.
    const SPARE: [Self; 3] = [Self::Key(Column::Vpr), Self::Cvss, Self::Key(Column::PluginId)];

    fn header(self, is_usual: bool) -> String {
        match self {
            Self::Port => "PORT".to_owned(),
            Self::Cvss => "CVSS".to_owned(),
            Self::Name => "NAME".to_owned(),
            Self::Change => "CHANGE".to_owned(),
            Self::Key(Column::PluginId) if is_usual => "PLUGIN".to_owned(),
            Self::Key(column) => column.name().replace('_', " ").to_uppercase(),
        }
    }

    fn cell(self, finding: &Finding<'_>, change: &str, before: Option<Severity>) -> String {
        let details = finding.details;
        let mut text = String::new();
        match self {
            Self::Change => text.push_str(change),
            Self::Key(Column::Severity) if before.is_some_and(|before| before != details.severity) => {
                let before = before.map_or("", Severity::name);
                text = format!("{before} → {}", details.severity);
            }
            Self::Key(Column::Severity) if details.severity_source == SeveritySource::Derived => {
                text = format!("{} (derived)", details.severity);
            }
            Self::Key(Column::Vpr) => {
                if let Some(number) = facts::vpr(details) {
                    text = format!("{number:.1}");
                }
            }
            Self::Key(column) => column.value(finding).add_to(&mut text),
            Self::Port => match (details.port, &details.protocol) {
                (None | Some(0), _) => {}
                (Some(port), Some(protocol)) => text = format!("{port}/{protocol}"),
                (Some(port), None) => text = port.to_string(),
            },
            Self::Cvss => {
                if let Some(facts::Best { base, version }) = facts::best_cvss(details) {
                    let mark = if version == 3 { String::new() } else { format!(" v{version}") };
                    text = format!("{base:.1}{mark}");
                }
            }
            Self::Name => match &details.compliance {
                Some(check) if check.check_name.is_some() => Value::Check(check).add_to(&mut text),
                _ => Column::PluginName.value(finding).add_to(&mut text),
            },
        }
        let text = clean(text.trim());
        if text.is_empty() { "-".to_owned() } else { text }
    }
}

/// A row whose columns are not decided yet.
struct Row {
    severity: Severity,
    cells: Vec<String>,
}

/// A column as it stays.
struct Place {
    /// Which of a row's cells.
    at: usize,
    width: usize,
    is_severity: bool,
}

/// What the last line tells.
#[derive(Default)]
struct Tally {
    counts: Counts,
    /// Hosts with findings that have a row.
    hosts: u64,
    incomplete: bool,
    /// Findings that the filter left out, as far as they were counted.
    left_out: u64,
}

struct Writer {
    out: Out,
    width: Option<usize>,
    color: bool,
    /// In the user's words.
    filter: Option<String>,
    columns: Vec<Shown>,
    /// Where the differences from an older report are what is told.
    changes: Option<Changes>,
    held: Vec<Row>,
    held_bytes: usize,
    layout: Option<Vec<Place>>,
    /// Of the report that is open.
    address: String,
    open: bool,
    report: Tally,
    /// The hosts of that report which have a row.
    hosts: HostSet,
    all: Tally,
    reports: usize,
}

impl FindingSink for Writer {
    fn finding(&mut self, finding: &Finding<'_>) -> Result<()> {
        self.row(finding, "", None)
    }

    fn needs(&self) -> Needs {
        let needs = self.columns.iter().map(|column| match column {
            Shown::Key(column) => column.needs(),
            Shown::Port | Shown::Change => Needs::Core,
            Shown::Cvss | Shown::Name => Needs::Facts,
        });
        needs.max().unwrap_or(Needs::Core)
    }
}

impl Writer {
    fn row(&mut self, finding: &Finding<'_>, change: &str, before: Option<Severity>) -> Result<()> {
        let severity = finding.details.severity;
        let new_hosts = u64::from(self.hosts.insert(finding.host_number));
        for tally in [&mut self.report, &mut self.all] {
            tally.counts.add(severity);
            tally.hosts += new_hosts;
        }
        let cells = self.columns.iter().map(|column| column.cell(finding, change, before)).collect();
        let row = Row { severity, cells };
        if let Some(layout) = &self.layout {
            self.out.push(line(layout, &row.cells, Some(row.severity).filter(|_| self.color), self.width).as_bytes());
            return self.out.settle();
        }
        self.held_bytes += row.cells.iter().map(String::len).sum::<usize>();
        self.held.push(row);
        if self.held.len() >= MOST_HELD || self.held_bytes >= MOST_HELD_BYTES {
            self.lay_out();
        }
        self.out.settle()
    }
}

impl ReportWriter for Writer {
    fn begin(&mut self, about: &About) -> Result<()> {
        if self.reports > 0 {
            self.out.push(b"\n");
        }
        self.reports += 1;
        self.open = true;
        self.address = clean(&about.address);
        self.report = Tally::default();
        self.hosts = HostSet::default();
        Ok(())
    }

    fn compared(&mut self, finding: &Finding<'_>, change: Change, before: Option<Severity>) -> Result<()> {
        let Some(changes) = &mut self.changes else { return self.finding(finding) };
        changes.add(change);
        match change {
            Change::Unchanged => Ok(()),
            Change::New | Change::Changed | Change::Fixed | Change::Unseen => self.row(finding, change.name(), before),
        }
    }

    fn end(&mut self, decoded: &Decoded, complete: bool) -> Result<()> {
        self.report.incomplete = !complete;
        self.all.incomplete |= !complete;
        self.report.left_out = decoded.findings.saturating_sub(self.report.counts.total());
        self.all.left_out += self.report.left_out;
        self.close(Some(decoded.hosts));
        self.out.settle()
    }

    fn finish(&mut self, complete: bool) -> Result<()> {
        self.all.incomplete |= !complete;
        if self.open {
            self.report.incomplete = true;
            self.close(None);
        }
        if self.reports > 1 {
            let total = self.summary(&self.all, None, "");
            self.out.plain(format_args!("\nin all: {total}\n"));
        }
        self.out.flush()
    }
}

impl Writer {
    /// Ends a report: its rows, and what there was.
    fn close(&mut self, hosts: Option<u64>) {
        self.lay_out();
        if self.report.counts.total() > 0 {
            self.out.push(b"\n");
        }
        let place = if self.address.is_empty() { String::new() } else { format!(" in {}", self.address) };
        let mut summary = self.summary(&self.report, hosts, &place);
        if self.report.incomplete {
            summary.push_str(" (incomplete)");
        }
        summary.push('\n');
        self.out.push(summary.as_bytes());
        self.layout = None;
        self.open = false;
    }

    /// `3 critical, 1 high on 2 hosts in io/219; 5 others left out by --min-severity high`.
    fn summary(&self, tally: &Tally, scanned: Option<u64>, place: &str) -> String {
        if let Some(Changes { new, fixed, changed, unchanged, unseen }) = self.changes {
            let unseen = match unseen {
                0 => String::new(),
                unseen => format!(", {unseen} unseen (not known to be closed)"),
            };
            let passing = self.filter.as_ref().map(|filter| format!(" of what passes {filter}")).unwrap_or_default();
            return format!(
                "{new} new, {fixed} fixed, {changed} changed, {unchanged} unchanged{unseen}{passing}{place}"
            );
        }
        let counts: Vec<String> = Severity::ALL
            .into_iter()
            .rev()
            .map(|severity| (severity, tally.counts.of(severity)))
            .filter(|(_, count)| *count > 0)
            .map(|(severity, count)| paint(&format!("{count} {severity}"), severity, self.color))
            .collect();
        if counts.is_empty() {
            return match (&self.filter, tally.left_out, scanned) {
                (Some(filter), count @ 1.., _) => format!("no findings pass {filter} ({count} left out){place}"),
                (_, _, Some(hosts @ 1..)) => format!("no findings on {}{place}", plural(hosts, "host")),
                _ => format!("no findings{place}"),
            };
        }
        let left_out = match (&self.filter, tally.left_out) {
            (None, _) => String::new(),
            (Some(filter), 0) => format!("; none left out by {filter}"),
            (Some(filter), count) => format!("; {} left out by {filter}", plural(count, "other")),
        };
        format!("{} on {}{place}{left_out}", counts.join(", "), plural(tally.hosts, "host"))
    }

    /// Decides on the columns, and writes the rows that waited for it.
    fn lay_out(&mut self) {
        let rows = std::mem::take(&mut self.held);
        self.held_bytes = 0;
        if rows.is_empty() || self.layout.is_some() {
            return;
        }
        let is_usual = self.columns == Shown::USUAL || self.changes.is_some();
        let headers: Vec<String> = self.columns.iter().map(|column| column.header(is_usual)).collect();
        let content = |column: usize| {
            let cells = rows.iter().filter_map(|row| row.cells.get(column));
            cells.chain(headers.get(column)).map(|cell| cell.width()).max().unwrap_or_default()
        };
        let widths = self.columns.iter().enumerate().map(|(at, column)| (*column, at, content(at))).collect();
        let layout = fitted(widths, self.width, is_usual);
        let mut text = line(&layout, &headers, None, self.width);
        if self.color {
            text = format!("\u{1b}[1m{}\u{1b}[0m\n", text.trim_end());
        }
        self.out.push(text.as_bytes());
        for row in &rows {
            let painted = Some(row.severity).filter(|_| self.color);
            self.out.push(line(&layout, &row.cells, painted, self.width).as_bytes());
        }
        self.layout = Some(layout);
    }
}

/// Which columns there are, and how wide, so that they fit.
fn fitted(mut columns: Vec<(Shown, usize, usize)>, most: Option<usize>, is_usual: bool) -> Vec<Place> {
    if let Some(most) = most {
        let gaps = |count: usize| GAP * count.saturating_sub(1);
        for spare in Shown::SPARE.into_iter().filter(|_| is_usual) {
            let least: usize = columns.iter().map(|(_, _, width)| *width.min(&COMFORTABLE)).sum();
            if least + gaps(columns.len()) <= most {
                break;
            }
            columns.retain(|(column, _, _)| *column != spare);
        }
        // The widest gives way, step by step.
        columns.iter_mut().for_each(|(_, _, width)| *width = most.min(*width));
        let room = most.saturating_sub(gaps(columns.len()));
        while columns.iter().map(|(_, _, width)| *width).sum::<usize>() > room {
            let widest = columns.iter_mut().map(|(_, _, width)| width).max().filter(|width| **width > 1);
            let Some(widest) = widest else { break };
            *widest -= 1;
        }
    }
    let place = |(column, at, width)| Place { at, width, is_severity: column == Shown::Key(Column::Severity) };
    columns.into_iter().map(place).collect()
}

/// Cells side by side, cut where the width has an end, with a severity in its colour.
fn line(layout: &[Place], cells: &[String], painted: Option<Severity>, most: Option<usize>) -> String {
    let mut line = String::new();
    let (mut used, mut start) = (0, 0);
    let mut severity = None;
    for place in layout {
        let text = cells.get(place.at).map_or("", String::as_str);
        let text = if most.is_some() { cut(text, place.width) } else { Cow::Borrowed(text) };
        if !line.is_empty() {
            // A cell that is longer than its column, where nothing is cut, moves the next one.
            let next = start.max(used + GAP);
            line.extend(std::iter::repeat_n(' ', next - used));
            used = next;
        }
        if place.is_severity {
            severity = Some(line.len()..line.len() + text.len());
        }
        line.push_str(&text);
        used += text.width();
        start += place.width + GAP;
    }
    match (most, painted, severity) {
        // In less room than the gaps take.
        (Some(most), _, _) if used > most => line = cut(&line, most).into_owned(),
        (_, Some(painted), Some(range)) => {
            let word = paint(line.get(range.clone()).unwrap_or_default(), painted, true);
            line.replace_range(range, &word);
        }
        _ => {}
    }
    line.truncate(line.trim_end().len());
    line.push('\n');
    line
}

/// At most so wide, with a mark where something is missing.
fn cut(text: &str, width: usize) -> Cow<'_, str> {
    if text.width() <= width {
        return Cow::Borrowed(text);
    }
    let mut taken = 0;
    let kept = text.chars().take_while(|symbol| {
        taken += symbol.width().unwrap_or_default();
        taken < width
    });
    let mut kept: String = kept.collect();
    kept.push('…');
    Cow::Owned(kept)
}

fn paint(text: &str, severity: Severity, color: bool) -> String {
    let code = match severity {
        Severity::Critical if color => "1;31",
        Severity::High if color => "31",
        Severity::Medium if color => "33",
        Severity::Low if color => "36",
        _ => return text.to_owned(),
    };
    format!("\u{1b}[{code}m{text}\u{1b}[0m")
}

fn plural(count: u64, word: &str) -> String {
    format!("{count} {word}{}", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests;
