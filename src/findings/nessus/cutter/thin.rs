//! Keeps the content of attachments from being held: nobody wants it, and it alone makes rows large.
//!
//! Only rows that outgrow the usual memory are looked through, so that all others cost nothing. Content goes as far as
//! it is plain text without anything that reading would look at; what is left out is remembered, so that places in the
//! document can still be named.

use std::io::Read;
use std::ops::Range;

use memchr::memchr;

use super::scan::{Tags, begins};
use super::{Cutter, Search};

const ATTACHMENT: &[u8] = b"<attachment";
/// Shorter content may stay.
const WORTH: usize = 4096;

/// Bytes of the document that were left out.
#[derive(Debug)]
pub(super) struct Gap {
    /// Before which byte of what is held.
    pub at: usize,
    /// How many.
    pub length: usize,
}

/// Whether reading does nothing about a byte of text but step over it.
const fn is_plain(byte: u8) -> bool {
    matches!(byte, b' '..=b'~' | b'\t' | b'\n' | b'\r') && byte != b'&' && byte != b'<'
}

impl<R: Read> Cutter<R> {
    /// Leaves out the content of attachments of the host that is being looked through.
    pub(super) fn thin(&mut self, search: &mut Search) {
        let data = self.data();
        let mut unwanted: Vec<Range<usize>> = Vec::new();
        let mut tags = Tags::new(data, search.thinned);
        let mut open = None;
        for tag in tags.by_ref() {
            if !begins(&data[tag.clone()], ATTACHMENT) || data[tag.end - 2] == b'/' {
                continue;
            }
            let text = data.get(tag.end..).unwrap_or_default();
            let length = memchr(b'<', text);
            let plain = text.iter().take_while(|byte| is_plain(**byte)).count();
            if plain >= WORTH {
                unwanted.push(tag.end..tag.end + plain);
            }
            if length.is_none() {
                // The rest of its content is still to come.
                open = Some(tag.start);
            }
        }
        let thinned = open.unwrap_or(tags.at);
        let gone = |place: usize| -> usize {
            unwanted.iter().map(|range| range.end.min(place).saturating_sub(range.start.min(place))).sum()
        };
        let left = |place: usize| place - gone(place);
        *search = Search { at: left(search.at), close: search.close.map(left), thinned: left(thinned) };
        let new: Vec<Gap> = unwanted.iter().map(|range| Gap { at: left(range.start), length: range.len() }).collect();
        for gap in new {
            match self.gaps.last_mut() {
                Some(last) if last.at == gap.at => last.length += gap.length,
                _ => self.gaps.push(gap),
            }
        }
        self.leave_out(&unwanted);
    }

    /// Closes up what is held where ranges of it, in their order, are unwanted.
    fn leave_out(&mut self, unwanted: &[Range<usize>]) {
        let Some(first) = unwanted.first() else { return };
        let held = self.end - self.start;
        let mut to = self.start + first.start;
        for (number, range) in unwanted.iter().enumerate() {
            let kept = range.end..unwanted.get(number + 1).map_or(held, |next| next.start);
            self.buffer.copy_within(self.start + kept.start..self.start + kept.end, to);
            to += kept.len();
        }
        self.end = to;
    }
}
