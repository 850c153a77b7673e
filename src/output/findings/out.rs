//! Bytes on their way out, in large pieces, and vendors' text made harmless on the way.
//!
//! A document is written in thousands of small steps. None of them can fail here: a failure is kept, and told once a
//! finding ([`Out::settle`]).

use std::fmt;
use std::io::{self, Write};

use jiff::Timestamp;

use crate::error::{Error, Result};
use crate::exit::Exit;
use crate::ui::has_power;

/// How much is written at once, in bytes.
const PIECE: usize = 64 * 1024;

/// Where a document goes.
pub(super) struct Out {
    out: Box<dyn Write + Send>,
    buffer: Vec<u8>,
    failure: Option<io::Error>,
}

impl Out {
    /// Into this.
    pub(super) fn new(out: Box<dyn Write + Send>) -> Self {
        Self { out, buffer: Vec::with_capacity(PIECE), failure: None }
    }

    /// Takes bytes as they are.
    #[inline]
    pub(super) fn push(&mut self, bytes: &[u8]) {
        if bytes.len() > PIECE - self.buffer.len() {
            self.push_much(bytes);
        } else {
            self.buffer.extend_from_slice(bytes);
        }
    }

    fn push_much(&mut self, bytes: &[u8]) {
        self.hand_on();
        if bytes.len() < PIECE {
            self.buffer.extend_from_slice(bytes);
        } else if self.failure.is_none() {
            self.failure = self.out.write_all(bytes).err();
        }
    }

    fn hand_on(&mut self) {
        if self.failure.is_none() {
            self.failure = self.out.write_all(&self.buffer).err();
        }
        self.buffer.clear();
    }

    /// Whether everything could be written so far.
    ///
    /// # Errors
    /// Exit 1, or the error that the place itself gave.
    pub(super) fn settle(&mut self) -> Result<()> {
        match self.failure.take() {
            None => Ok(()),
            Some(failure) => Err(failure
                .downcast::<Error>()
                .unwrap_or_else(|failure| Error::new(Exit::Internal, format!("cannot write the findings: {failure}")))),
        }
    }

    /// Hands on all that is held back.
    ///
    /// # Errors
    /// As for [`Self::settle`].
    pub(super) fn flush(&mut self) -> Result<()> {
        self.hand_on();
        if self.failure.is_none() {
            self.failure = self.out.flush().err();
        }
        self.settle()
    }

    /// A number as JSON writes it; `null` where it has no notation.
    pub(super) fn number(&mut self, number: impl serde::Serialize) {
        // Writing here cannot fail.
        let _infallible = serde_json::to_writer(self, &number);
    }

    /// Anything without special characters: an id, a time.
    pub(super) fn plain(&mut self, value: impl fmt::Display) {
        let _infallible = write!(self, "{value}");
    }

    /// Text in quotes, as JSON wants it. What steers a terminal or reorders what a reader sees is escaped too: the
    /// value stays the same, and looking at the document does no harm.
    pub(super) fn json(&mut self, text: &str) {
        self.push(b"\"");
        in_runs(
            text,
            |eight| eight.powerful() | eight.equal(b'"') | eight.equal(b'\\'),
            |part| match part {
                Part::Run(run) => self.push(run.as_bytes()),
                Part::Special('"') => self.push(b"\\\""),
                Part::Special('\\') => self.push(b"\\\\"),
                Part::Special('\n') => self.push(b"\\n"),
                Part::Special('\r') => self.push(b"\\r"),
                Part::Special('\t') => self.push(b"\\t"),
                Part::Special(symbol) if has_power(symbol) || matches!(symbol, '\u{2028}' | '\u{2029}') => {
                    self.plain(format_args!("\\u{:04x}", u32::from(symbol)));
                }
                Part::Special(symbol) => self.push(symbol.encode_utf8(&mut [0; 4]).as_bytes()),
            },
        );
        self.push(b"\"");
    }

    /// One CSV cell by RFC 4180. What a spreadsheet would run is made text by an apostrophe; what steers a terminal
    /// becomes U+FFFD, and every line break one line feed.
    pub(super) fn cell(&mut self, text: &str) {
        let specials = |eight: Eight| eight.powerful() | eight.equal(b'"') | eight.equal(b',');
        if special(text.as_bytes(), specials) == text.len() {
            if runs(text) {
                self.push(b"'");
            }
            self.push(text.as_bytes());
            return;
        }
        self.push(b"\"");
        if runs(text) {
            self.push(b"'");
        }
        let mut after_return = false;
        in_runs(
            text,
            |eight| eight.powerful() | eight.equal(b'"'),
            |part| {
                let begins_with_feed = matches!(part, Part::Special('\n'));
                if std::mem::take(&mut after_return) && !begins_with_feed {
                    self.push(b"\n");
                }
                match part {
                    Part::Run(run) => self.push(run.as_bytes()),
                    Part::Special('"') => self.push(b"\"\""),
                    Part::Special('\r') => after_return = true,
                    Part::Special(symbol) if has_power(symbol) && !matches!(symbol, '\n' | '\t') => {
                        self.push("\u{fffd}".as_bytes());
                    }
                    Part::Special(symbol) => self.push(symbol.encode_utf8(&mut [0; 4]).as_bytes()),
                }
            },
        );
        self.push(if after_return { b"\n\"" } else { b"\"" });
    }
}

impl Write for Out {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.push(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Whether a spreadsheet takes a cell with this text for a formula. Some look behind white space, and some take the
/// wide forms of East Asian keyboards too.
fn runs(text: &str) -> bool {
    text.starts_with(['\t', '\r'])
        || text.trim_start().starts_with(['=', '+', '-', '@', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}'])
}

/// A part of a text.
enum Part<'a> {
    /// Nothing special in it.
    Run(&'a str),
    /// A character that begins with a special byte.
    Special(char),
}

/// Eight bytes, looked at together: this is done to every byte of every text. What finds a byte gives a number in which
/// the lowest byte that is not zero is that of the first one found.
#[derive(Clone, Copy)]
struct Eight(u64);

impl Eight {
    const ONES: u64 = u64::from_le_bytes([1; 8]);
    const HIGHS: u64 = u64::from_le_bytes([0x80; 8]);

    fn below(self, byte: u8) -> u64 {
        self.0.wrapping_sub(Self::ONES * u64::from(byte)) & !self.0 & Self::HIGHS
    }

    fn equal(self, byte: u8) -> u64 {
        Self(self.0 ^ (Self::ONES * u64::from(byte))).below(1)
    }

    /// Control characters, and the first bytes of characters that may have power over a terminal or a reader: 0xC2, 0xE2.
    fn powerful(self) -> u64 {
        self.below(0x20) | self.equal(0x7f) | Self(self.0 | (Self::ONES * 0x20)).equal(0xe2)
    }
}

/// Gives a text in parts. Bytes that only continue a character are never special.
#[inline]
fn in_runs<'a>(text: &'a str, specials: impl Fn(Eight) -> u64 + Copy, mut take: impl FnMut(Part<'a>)) {
    let mut rest = text;
    while !rest.is_empty() {
        let (run, after) = rest.split_at_checked(special(rest.as_bytes(), specials)).unwrap_or((rest, ""));
        if !run.is_empty() {
            take(Part::Run(run));
        }
        let mut characters = after.chars();
        if let Some(symbol) = characters.next() {
            take(Part::Special(symbol));
        }
        rest = characters.as_str();
    }
}

/// Where the first special byte is, or the length where there is none.
#[inline]
fn special(bytes: &[u8], specials: impl Fn(Eight) -> u64) -> usize {
    let first = |eight: [u8; 8]| {
        let found = specials(Eight(u64::from_le_bytes(eight)));
        (found != 0).then_some(found.trailing_zeros() as usize / 8)
    };
    let (eights, rest) = bytes.as_chunks::<8>();
    if let Some((at, within)) = eights.iter().enumerate().find_map(|(at, eight)| Some((at, first(*eight)?))) {
        return at * 8 + within;
    }
    let mut last = [b'x'; 8];
    last.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
    eights.len() * 8 + first(last).unwrap_or(rest.len())
}

/// A score within its scale, from 0; anything else is not known.
pub(super) fn score(score: Option<f64>, most: f64) -> Option<f64> {
    score.filter(|score| (0.0..=most).contains(score))
}

/// A time that has a notation in RFC 3339, which knows no years before the first.
pub(super) fn time(time: Option<Timestamp>) -> Option<Timestamp> {
    const FIRST_YEAR: i64 = -62_135_596_800;
    time.filter(|time| time.as_second() >= FIRST_YEAR)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::sample::Shared;
    use super::*;

    fn written(write: impl FnOnce(&mut Out)) -> String {
        let shared = Shared::default();
        let mut out = Out::new(Box::new(shared.clone()));
        write(&mut out);
        out.flush().unwrap();
        shared.text()
    }

    #[test]
    fn cells_are_quoted_and_cannot_run() {
        for (text, expected) in [
            ("plain", "plain"),
            ("a,b", "\"a,b\""),
            ("say \"x\"", "\"say \"\"x\"\"\""),
            ("=1+1", "'=1+1"),
            ("@SUM(A1),2", "\"'@SUM(A1),2\""),
            ("-3.5", "'-3.5"),
            (" +1", "' +1"),
            ("\n=1", "\"'\n=1\""),
            ("\tx", "\"'\tx\""),
            ("\rx", "\"'\nx\""),
            ("\u{ff1d}1", "'\u{ff1d}1"),
            ("a\r\nb\rc\r", "\"a\nb\nc\n\""),
            ("a\u{1b}[2J\u{9b}\u{202e}\0", "\"a\u{fffd}[2J\u{fffd}\u{fffd}\u{fffd}\""),
            ("Größe", "Größe"),
            ("« »…", "\"« »…\""),
        ] {
            assert_eq!(written(|out| out.cell(text)), expected);
        }
    }

    #[test]
    fn json_shows_nothing_that_steers_a_terminal() {
        let text = "a\"\\\n\r\t\0\u{1b}[2J\u{7f}\u{9b}\u{a0}\u{202e}\u{2028}…é";
        let json = written(|out| out.json(text));
        assert_eq!(json, r#""a\"\\\n\r\t\u0000\u001b[2J\u007f\u009b X\u202e\u2028…é""#.replace(" X", "\u{a0}"));
        assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
    }

    #[test]
    fn a_place_that_fails_is_told_once_and_its_own_error_is_kept() {
        struct Full;
        impl Write for Full {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::Error::other(Error::new(Exit::Network, "gone")))
            }

            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let mut out = Out::new(Box::new(Full));
        out.push(b"small");
        out.settle().unwrap();
        out.push(&[b'x'; 2 * PIECE]);
        assert_eq!(out.settle().unwrap_err().exit(), Exit::Network);
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn the_first_special_byte_is_found(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            let specials = |eight: Eight| eight.powerful() | eight.equal(b'"') | eight.equal(b'\\');
            let first = bytes.iter().position(|byte| *byte < 0x20 || matches!(byte, b'"' | b'\\' | 0x7f | 0xc2 | 0xe2));
            prop_assert_eq!(special(&bytes, specials), first.unwrap_or(bytes.len()));
        }

        #[test]
        fn every_text_survives_json(text in "[\\PC\\x00-\\x20\\u{7f}-\\u{a0}\"\\\\\u{2020}-\u{2070}]{0,80}") {
            let json = written(|out| out.json(&text));
            prop_assert!(!json.chars().any(has_power));
            prop_assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
        }

        #[test]
        fn every_cell_is_one_cell(text in "[\\PC\\x00-\\x20\\u{7f}-\\u{a0}\",=]{0,80}") {
            let cell = written(|out| out.cell(&text));
            let inner = cell.strip_prefix('"').and_then(|cell| cell.strip_suffix('"'));
            match inner {
                Some(inner) => prop_assert!(!inner.replace("\"\"", "").contains('"')),
                None => prop_assert!(!cell.contains(['"', ',', '\n', '\r'])),
            }
            let value = inner.map_or(cell.clone(), |inner| inner.replace("\"\"", "\""));
            prop_assert!(!value.starts_with(['=', '+', '-', '@', '\t', '\r']));
            prop_assert!(!value.chars().any(|symbol| has_power(symbol) && !matches!(symbol, '\n' | '\t')));
        }

        #[test]
        fn large_and_small_pieces_keep_their_order(sizes in proptest::collection::vec(0usize..2 * PIECE, 0..6)) {
            let text: Vec<String> = sizes.iter().enumerate().map(|(at, size)| at.to_string().repeat(*size)).collect();
            let result = written(|out| text.iter().for_each(|text| out.push(text.as_bytes())));
            prop_assert_eq!(result, text.concat());
        }
    }
}
