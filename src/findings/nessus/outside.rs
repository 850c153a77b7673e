//! The part of a document that is outside hosts: the root, the policy, the report's tags. Each tag is read and checked,
//! one after the other, since what stands here is small.

use std::io::Read;

use memchr::memchr;

use super::cutter::{Cutter, special_end, tag_end};
use super::in_bytes;
use super::markup::{Cursor, DEEPEST, Markup, Problem, is_of_report, is_space};
use crate::error::Error;
use crate::findings::sniff::FOREIGN;

/// What stands next outside hosts.
pub(super) enum Outside {
    Host,
    End(Option<Error>),
}

/// Whether outside text could be read a step on.
enum Step {
    On,
    Host,
    More,
}

fn wrong<T>(at: usize, what: &str) -> Result<T, Problem> {
    Err(Problem { at, what: Some(what.to_owned()) })
}

impl<R: Read> Cutter<R> {
    /// Reads on outside hosts up to the next host or the end.
    pub(super) fn outside(&mut self) -> Outside {
        loop {
            match self.step() {
                Ok(Step::On) => {}
                Ok(Step::Host) => return Outside::Host,
                Ok(Step::More) => {
                    if self.more() {
                        continue;
                    }
                    if !self.dry {
                        let what = format!("a text of more than {} bytes", self.sizes.most);
                        return Outside::End(Some(self.malformed(&Problem { at: 0, what: Some(what) })));
                    }
                    if !self.root_closed || self.failure.is_some() {
                        return Outside::End(Some(self.cut_off()));
                    }
                    return Outside::End((!self.has_report).then(|| self.no_report()));
                }
                Err(problem) => return Outside::End(Some(self.malformed(&problem))),
            }
        }
    }

    /// One text or tag outside hosts.
    fn step(&mut self) -> Result<Step, Problem> {
        let data = self.data();
        let text = memchr(b'<', data).unwrap_or(data.len());
        let is_last = text == data.len();
        if self.open.is_empty() {
            // Some writers leave zeros behind the end.
            let is_nothing = |byte: &u8| is_space(*byte) || (self.root_closed && *byte == 0);
            if let Some(at) = data[..text].iter().position(|byte| !is_nothing(byte)) {
                return wrong(at, if self.root_closed { "text behind the end" } else { "text before the first tag" });
            }
        } else if is_last {
            return Ok(Step::More);
        } else if memchr(b'&', &data[..text]).is_some() {
            let lossy = String::from_utf8_lossy(&data[..text]);
            let checked = Cursor::new(&lossy).check_references(0..lossy.len());
            checked.map_err(|problem| Problem { at: in_bytes(data, problem.at).0, ..problem })?;
        }
        if is_last {
            self.consume(text);
            return Ok(Step::More);
        }
        self.consume(text);
        let data = self.data();
        if data.starts_with(b"<!") || data.starts_with(b"<?") {
            if data.len() >= 9 && data[..9].eq_ignore_ascii_case(b"<!DOCTYPE") {
                return wrong(0, "a document type, which no .nessus file has");
            }
            let known = [&b"<!--"[..], b"<![CDATA[", b"<!DOCTYPE", b"<?"];
            if !known.iter().any(|word| data.starts_with(word) || word.starts_with(data)) {
                return wrong(0, "a declaration where none may stand");
            }
            let Some(end) = special_end(data, 0) else { return Ok(Step::More) };
            if self.open.is_empty() && data.starts_with(b"<![") {
                return wrong(0, "text outside the document's element");
            }
            self.consume(end);
            return Ok(Step::On);
        }
        let Some(end) = tag_end(data, 0)? else { return Ok(Step::More) };
        let tag = String::from_utf8_lossy(&data[..end]).into_owned();
        let mut cursor = Cursor::new(&tag);
        let read = self.tag(&mut cursor);
        if !matches!(read, Ok(Step::Host)) {
            let place = read.as_ref().map_or_else(|problem| problem.at, |_| tag.len());
            let (at, strange) = in_bytes(&self.data()[..end], place);
            self.replaced += strange + cursor.replaced;
            read.map_err(|problem| Problem { at, ..problem })?;
            self.consume(end);
            return Ok(Step::On);
        }
        read
    }

    /// A tag outside hosts, the whole text of which is the cursor's.
    fn tag(&mut self, cursor: &mut Cursor<'_>) -> Result<Step, Problem> {
        match cursor.markup()? {
            Markup::Start { name, empty } => {
                if name == "ReportHost" && self.holds_hosts() {
                    self.has_report = true;
                    return Ok(Step::Host);
                }
                if self.root_closed {
                    return wrong(0, "another element behind the end");
                }
                if self.open.is_empty() && name != "NessusClientData_v2" {
                    return wrong(0, &foreign(name));
                }
                let is_report = name == "Report" && self.open.len() == 1;
                // In other letters it is no report, nor is what stands in it a host.
                let is_like_it = self.open.len() == 1 && name.eq_ignore_ascii_case("Report");
                if !is_report && (is_like_it || is_of_report(name)) {
                    return wrong(0, &format!("a `{name}` where none may stand"));
                }
                self.has_report |= is_report;
                if self.open.len() == 1 && self.instead.is_none() {
                    self.instead = Some(name.to_owned());
                }
                cursor.each_attribute(|_, _| ())?;
                if !empty {
                    if self.open.len() == DEEPEST {
                        return wrong(0, "elements nested too deep");
                    }
                    self.open.push(name.to_owned());
                } else if self.open.is_empty() {
                    self.root_closed = true;
                }
            }
            Markup::End { name } => {
                if self.open.last().is_none_or(|open| open != name) {
                    let open = self.open.last().map_or("nothing", String::as_str);
                    return wrong(0, &format!("`</{name}>` where `{open}` is open"));
                }
                self.open.pop();
                self.root_closed = self.open.is_empty();
            }
            Markup::Characters(_) | Markup::Nothing => {}
        }
        Ok(Step::On)
    }

    /// Why a document that is whole is no result all the same: a scan without a host has a report too.
    fn no_report(&self) -> Error {
        match self.instead.as_deref() {
            Some("Policy") => Error::bad_data("the document holds a policy and no report")
                .hint("export the results of a scan, not its policy"),
            Some(name) => Error::bad_data(format!("the document holds `{name}` and no report")),
            None => Error::bad_data("the document holds nothing, not even a report without hosts"),
        }
    }

    /// Whether a host here is one of the report: below the report, or where that is left out, below the root.
    pub(super) fn holds_hosts(&self) -> bool {
        match self.open.as_slice() {
            [_root] => true,
            [_root, report] => report == "Report",
            _ => false,
        }
    }
}

/// What a document with another root is.
fn foreign(root: &str) -> String {
    let name = root.rsplit(':').next().unwrap_or(root);
    let what = match name {
        "NessusClientData" => "a .nessus report of version 1",
        "html" | "HTML" => "an HTML page, as of a login or an error",
        "nmaprun" => "a report of Nmap",
        "report" | "get_reports_response" => "a report of OpenVAS",
        "asset-report-collection" | "data-stream-collection" | "Benchmark" => "a SCAP document",
        _ => return format!("{FOREIGN} (version 2) report, but an XML document `{root}`"),
    };
    format!("{FOREIGN} (version 2) report, but {what}")
}
