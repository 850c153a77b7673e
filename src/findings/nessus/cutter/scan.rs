//! Tags and other markup in bytes that may end anywhere, and are no text yet.

use std::ops::Range;

use memchr::{memchr, memchr2, memchr3};

use super::super::in_bytes;
use super::super::markup::{Cursor, LONGEST_TAG, Markup, Problem, is_space};

pub(super) const ITEM: &[u8] = b"<ReportItem";
const ITEM_END: &[u8] = b"</ReportItem";

/// Whether text begins with a start tag of this name.
pub(super) fn begins(text: &[u8], tag: &[u8]) -> bool {
    text.strip_prefix(tag).and_then(<[u8]>::first).is_some_and(|byte| ends_name(*byte))
}

pub(super) const fn ends_name(byte: u8) -> bool {
    is_space(byte) || matches!(byte, b'>' | b'/')
}

/// The place behind the tag that begins at `start`, if it is held whole.
pub(in super::super) fn tag_end(data: &[u8], start: usize) -> Result<Option<usize>, Problem> {
    let mut at = start;
    loop {
        let rest = data.get(at..).unwrap_or_default();
        let Some(distance) = memchr3(b'>', b'"', b'\'', rest) else { break };
        at += distance;
        let quote = data[at];
        if quote == b'>' {
            return Ok(Some(at + 1));
        }
        let Some(distance) = memchr(quote, &data[at + 1..]) else { break };
        at += distance + 2;
    }
    if data.len() - start > LONGEST_TAG {
        return Err(Problem { at: start, what: Some(format!("a tag of more than {LONGEST_TAG} bytes")) });
    }
    Ok(None)
}

/// The places of tags, one after the other, as far as they are held whole. What stands in CDATA sections and the like is
/// none.
pub(super) struct Tags<'d> {
    data: &'d [u8],
    /// Where it goes on; at the end where reading goes on when there is more.
    pub at: usize,
}

impl<'d> Tags<'d> {
    /// From a place on that stands in no tag or CDATA section or the like.
    pub(super) fn new(data: &'d [u8], at: usize) -> Self {
        Self { data, at }
    }
}

impl Iterator for Tags<'_> {
    type Item = Range<usize>;

    fn next(&mut self) -> Option<Range<usize>> {
        loop {
            let Some(distance) = memchr(b'<', self.data.get(self.at..)?) else {
                self.at = self.data.len();
                return None;
            };
            self.at += distance;
            if matches!(self.data.get(self.at + 1)?, b'!' | b'?') {
                self.at = special_end(self.data, self.at)?;
                continue;
            }
            let start = self.at;
            self.at = tag_end(self.data, start).ok().flatten()?;
            return Some(start..self.at);
        }
    }
}

/// Where in a host that has no end the row begins that has none; behind the last row if each has one.
pub(super) fn behind_rows(host: &[u8]) -> usize {
    let mut behind = 0;
    for tag in Tags::new(host, 0) {
        let text = &host[tag.clone()];
        if begins(text, ITEM_END) || (begins(text, ITEM) && text.ends_with(b"/>")) {
            behind = tag.end;
        } else if begins(text, ITEM) {
            behind = tag.start;
        }
    }
    behind
}

/// The first `<!` or `<?` between two places.
pub(super) fn find_special(data: &[u8], from: usize, to: usize) -> Option<usize> {
    let mut at = from;
    while let Some(distance) = memchr2(b'!', b'?', data.get(at..to).unwrap_or_default()) {
        at += distance;
        if at > from && data[at - 1] == b'<' {
            return Some(at - 1);
        }
        at += 1;
    }
    None
}

/// The place behind the comment, CDATA section or processing instruction at `start`, if it is held whole.
pub(in super::super) fn special_end(data: &[u8], start: usize) -> Option<usize> {
    let rest = data.get(start..)?;
    let (open, close): (usize, &[u8]) = if rest.starts_with(b"<!--") {
        (4, b"-->")
    } else if rest.starts_with(b"<![CDATA[") {
        (9, b"]]>")
    } else if rest.starts_with(b"<?") {
        (2, b"?>")
    } else if rest.len() >= 9 {
        // No such thing exists; reading the block will find it.
        return Some(start + 2);
    } else {
        return None;
    };
    let distance = memchr::memmem::find(rest.get(open..)?, close)?;
    Some(start + open + distance + close.len())
}

/// Start tag and properties of a host, as far as they stand before its rows.
pub(super) fn head_of(host: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(host);
    let mut cursor = Cursor::new(&text);
    let mut end = 0;
    // What is broken is found when the block is read.
    if cursor.markup().is_ok() {
        end = cursor.at;
        while cursor.until_markup().is_ok() {
            let read = match cursor.markup() {
                Ok(Markup::Start { name: "ReportItem", .. } | Markup::End { .. }) | Err(_) => break,
                Ok(Markup::Start { name, empty: false }) => {
                    cursor.skip_element(name).map(|()| name == "HostProperties")
                }
                Ok(_) => Ok(false),
            };
            match read {
                Ok(true) => end = cursor.at,
                Ok(false) => {}
                Err(_) => break,
            }
        }
    }
    host.get(..in_bytes(host, end).0).unwrap_or_default().to_vec()
}
