//! Hosts and their rows out of a block: a text of whole `ReportHost` elements and nothing between them but white space.
//!
//! What a sink does not need is stepped over; its tags and references are checked all the same.
//!
//! Elements of compliance checks are in a namespace, whose prefix is `cm` in what scanners write. Programs that write
//! reports anew call it `ns0` or the like, or declare it on each element as the default one. No other elements are
//! called `compliance-` something, so that the prefix does not matter.

use std::borrow::Cow;

use jiff::Timestamp;

use super::markup::{Cursor, Markup, Problem, Result};
use crate::findings::Needs;
use crate::findings::shape::{Attachment, Compliance, Cvss, Details, Host, Severity, Text};

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
    /// Nothing of a block yet. `is_part`: there is only one host, and not all of it.
    pub(super) fn new(text: &'a str, reading: Reading, is_part: bool) -> Self {
        let next = is_part.then(|| Entry { is_part, ..Entry::default() });
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
                self.next = Some(Entry { host, begun: true, behind_rows: true, ..Entry::default() });
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
                        self.properties(cursor, reading.needs)?;
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

/// Reads a row whose start tag was just read, and where its output stands.
fn read_row<'a>(
    row: &mut Details<'a>,
    cursor: &mut Cursor<'a>,
    empty: bool,
    reading: Reading,
) -> Result<Option<Evidence>> {
    let mut severity = None;
    cursor.each_attribute(|name, value| {
        let slot = match name {
            "port" => {
                row.port = value.trim().parse().ok();
                return;
            }
            "severity" => {
                severity = value.trim().parse().ok().and_then(Severity::from_rank).or_else(|| of_risk(&value));
                return;
            }
            "svc_name" => &mut row.service,
            "protocol" => &mut row.protocol,
            "pluginID" => &mut row.plugin_id,
            "pluginName" => &mut row.plugin_name,
            "pluginFamily" => &mut row.plugin_family,
            _ => {
                if reading.needs == Needs::All {
                    row.other.push((name.into(), value));
                }
                return;
            }
        };
        *slot = present(trimmed(value));
    })?;
    let mut evidence = None;
    let mut open = !empty;
    while open {
        let between = cursor.until_markup()?;
        cursor.check_references(between)?;
        match cursor.markup()? {
            Markup::Start { name, empty } => {
                cursor.refuse_inside(name, "ReportItem")?;
                let at = cursor.at;
                let known = evidence;
                match name {
                    OUTPUT if !empty && !matches!(evidence, Some(Evidence::Output(_) | Evidence::OwnOutput)) => {
                        evidence = Some(Evidence::Output(at));
                    }
                    DESCRIPTION if !empty && evidence.is_none() => evidence = Some(Evidence::Description(at)),
                    "risk_factor" if severity.is_none() && !empty => {
                        severity = cursor.elsewhere(at).element_text(name).ok().and_then(|word| of_risk(&word));
                    }
                    _ => {}
                }
                let had = (row.output.is_some(), row.description.is_some());
                child(row, cursor, name, empty, reading)?;
                // A long text is not unescaped twice.
                if evidence != known {
                    match (evidence, had) {
                        (Some(Evidence::Output(_)), (false, _)) if row.output.is_some() => {
                            evidence = Some(Evidence::OwnOutput);
                        }
                        (Some(Evidence::Description(_)), (_, false)) if row.description.is_some() => {
                            evidence = Some(Evidence::OwnDescription);
                        }
                        _ => {}
                    }
                }
            }
            Markup::End { name: "ReportItem" } => open = false,
            Markup::End { name } => return cursor.malformed(format!("`</{name}>` where `ReportItem` is open")),
            Markup::Characters(_) | Markup::Nothing => {}
        }
    }
    row.severity = severity.unwrap_or(Severity::Info);
    for index in 0..row.xrefs.len() {
        if let Some(number) = row.xrefs.get(index).and_then(cwe_of)
            && !row.cwes.contains(&number)
        {
            row.cwes.push(number);
        }
    }
    Ok(evidence)
}

/// Reads one child of a row whose start tag was just read.
fn child<'a>(
    row: &mut Details<'a>,
    cursor: &mut Cursor<'a>,
    name: &'a str,
    empty: bool,
    reading: Reading,
) -> Result<()> {
    if !reading.wants(name) {
        cursor.each_attribute(|_, _| ())?;
        return if empty { Ok(()) } else { cursor.skip_element(name) };
    }
    if name == "attachment" {
        let mut attachment = Attachment::default();
        cursor.each_attribute(|attribute, value| match attribute {
            "name" => attachment.name = value,
            "type" => attachment.media_type = present(value),
            _ => {}
        })?;
        if !empty {
            attachment.content = cursor.element_text(name)?;
        }
        row.attachments.push(attachment);
        return Ok(());
    }
    cursor.each_attribute(|_, _| ())?;
    let text = if empty { Cow::Borrowed("") } else { cursor.element_text(name)? };
    if let Some(unused) = place(row, name, text)
        && reading.needs == Needs::All
        && !(unused.is_empty() && is_single(name))
    {
        row.other.push((name.into(), unused));
    }
    Ok(())
}

/// Whether an element has a place of its own, so that without text it says nothing.
fn is_single(name: &str) -> bool {
    matches!(name, OUTPUT | DESCRIPTION | "synopsis" | "solution" | "see_also" | "cve" | "cwe" | "xref")
}

/// Puts a child's text where it belongs, or gives it back if it belongs nowhere or its place is taken.
fn place<'a>(row: &mut Details<'a>, name: &str, text: Text<'a>) -> Option<Text<'a>> {
    if let Some(rest) = name.strip_prefix("cvss") {
        return cvss(row, rest, text);
    }
    if let Some(rest) = of_check(name) {
        return compliance(row, rest, text);
    }
    if let Some(framework) = name.strip_prefix("exploit_framework_") {
        let Some(framework) = FRAMEWORKS.into_iter().find(|known| *known == framework) else { return Some(text) };
        return match truth(&text) {
            Some(true) => {
                row.exploit.frameworks.push(framework);
                None
            }
            _ => Some(text),
        };
    }
    let exploit = &mut row.exploit;
    match name {
        OUTPUT => whole(&mut row.output, text),
        DESCRIPTION => whole(&mut row.description, text),
        "synopsis" => whole(&mut row.synopsis, text),
        "solution" => whole(&mut row.solution, text),
        "see_also" => {
            row.see_also.append(&mut lines(text));
            None
        }
        "cve" => several(&mut row.cves, text),
        "xref" => several(&mut row.xrefs, text),
        "cwe" => several(&mut row.cwes, text),
        "risk_factor" => short(&mut row.risk_factor, text),
        "plugin_type" => short(&mut row.plugin_type, text),
        "plugin_name" if row.plugin_name.is_none() => short(&mut row.plugin_name, text),
        "vpr_score" => score(&mut row.vpr, text),
        "epss_score" => score(&mut row.epss, text),
        "exploit_available" => flag(&mut exploit.available, text),
        "exploitability_ease" => short(&mut exploit.ease, text),
        "exploit_code_maturity" => short(&mut exploit.code_maturity, text),
        "exploited_by_malware" => flag(&mut exploit.by_malware, text),
        "exploited_by_nessus" => flag(&mut exploit.by_scanner, text),
        "cisa-known-exploited" => short(&mut exploit.cisa_known, text),
        "plugin_publication_date" => short(&mut row.dates.plugin_published, text),
        "plugin_modification_date" => short(&mut row.dates.plugin_modified, text),
        "vuln_publication_date" => short(&mut row.dates.vulnerability_published, text),
        "patch_publication_date" => short(&mut row.dates.patch_published, text),
        "compliance" => match truth(&text) {
            Some(true) => {
                row.compliance.get_or_insert_default();
                None
            }
            _ => Some(text),
        },
        _ => Some(text),
    }
}

/// Exploit frameworks that the vendor names in an element of their own.
const FRAMEWORKS: [&str; 5] = ["core", "metasploit", "canvas", "exploithub", "d2_elliot"];

/// `name` is what follows `cvss`.
fn cvss<'a>(row: &mut Details<'a>, name: &str, text: Text<'a>) -> Option<Text<'a>> {
    let (version, name) = match name.as_bytes().first() {
        Some(b'_') => (&mut row.cvss2, name),
        Some(b'3') => (&mut row.cvss3, &name[1..]),
        Some(b'4') => (&mut row.cvss4, &name[1..]),
        _ => return Some(text),
    };
    let mut scores = version.take().unwrap_or_default();
    let unused = match name {
        "_base_score" => score(&mut scores.base_score, text),
        "_vector" => short(&mut scores.vector, text),
        "_temporal_score" | "_threat_score" => score(&mut scores.temporal_score, text),
        "_temporal_vector" | "_threat_vector" => short(&mut scores.temporal_vector, text),
        _ => Some(text),
    };
    *version = Some(scores).filter(|scores| *scores != Cvss::default());
    unused
}

/// `name` is what follows `compliance-`.
fn compliance<'a>(row: &mut Details<'a>, name: &str, text: Text<'a>) -> Option<Text<'a>> {
    let check: &mut Compliance<'a> = row.compliance.get_or_insert_default();
    match name {
        "check-id" => short(&mut check.check_id, text),
        "check-name" => short(&mut check.check_name, text),
        "result" => short(&mut check.result, text),
        "actual-value" => whole(&mut check.actual_value, text),
        "policy-value" => whole(&mut check.policy_value, text),
        "info" => whole(&mut check.info, text),
        "solution" => whole(&mut check.solution, text),
        "audit-file" => short(&mut check.audit_file, text),
        "reference" => whole(&mut check.reference, text),
        "see-also" => short(&mut check.see_also, text),
        _ => Some(text),
    }
}

/// The number of a reference to a CWE.
fn cwe_of<'a>(xref: &Text<'a>) -> Option<Text<'a>> {
    let number = match xref {
        Cow::Borrowed(text) => Cow::Borrowed(text.strip_prefix("CWE:")?.trim()),
        Cow::Owned(text) => Cow::Owned(text.strip_prefix("CWE:")?.trim().to_owned()),
    };
    present(number)
}

fn of_risk(word: &str) -> Option<Severity> {
    match word.trim() {
        "None" => Some(Severity::Info),
        word => Severity::ALL.into_iter().find(|severity| severity.name().eq_ignore_ascii_case(word)),
    }
}

/// Long text, as it is.
fn whole<'a>(slot: &mut Option<Text<'a>>, text: Text<'a>) -> Option<Text<'a>> {
    if slot.is_some() || text.is_empty() {
        return Some(text);
    }
    *slot = Some(text);
    None
}

/// Short text, without white space around it.
fn short<'a>(slot: &mut Option<Text<'a>>, text: Text<'a>) -> Option<Text<'a>> {
    whole(slot, trimmed(text))
}

fn several<'a>(list: &mut Vec<Text<'a>>, text: Text<'a>) -> Option<Text<'a>> {
    let text = trimmed(text);
    if text.is_empty() {
        return Some(text);
    }
    list.push(text);
    None
}

fn score<'a>(slot: &mut Option<f64>, text: Text<'a>) -> Option<Text<'a>> {
    match text.trim().parse::<f64>() {
        Ok(number) if slot.is_none() && number.is_finite() => {
            *slot = Some(number);
            None
        }
        _ => Some(text),
    }
}

fn flag<'a>(slot: &mut Option<bool>, text: Text<'a>) -> Option<Text<'a>> {
    match truth(&text) {
        Some(truth) if slot.is_none() => {
            *slot = Some(truth);
            None
        }
        _ => Some(text),
    }
}

fn truth(text: &str) -> Option<bool> {
    let text = text.trim();
    if text.eq_ignore_ascii_case("true") {
        Some(true)
    } else if text.eq_ignore_ascii_case("false") {
        Some(false)
    } else {
        None
    }
}

fn present(text: Text<'_>) -> Option<Text<'_>> {
    Some(text).filter(|text| !text.is_empty())
}

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
