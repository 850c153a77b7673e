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
            |byte| byte < 0x20 || matches!(byte, b'"' | b'\\' | 0x7f | 0xc2 | 0xe2),
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
        let is_special = |byte: u8| byte < 0x20 || matches!(byte, b'"' | b',' | 0x7f | 0xc2 | 0xe2);
        if special(text.as_bytes(), is_special) == text.len() {
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
            |byte| byte < 0x20 || matches!(byte, b'"' | 0x7f | 0xc2 | 0xe2),
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

/// Gives a text in parts. Bytes that only continue a character are never special.
#[inline]
fn in_runs<'a>(text: &'a str, is_special: impl Fn(u8) -> bool + Copy, mut take: impl FnMut(Part<'a>)) {
    let mut rest = text;
    while !rest.is_empty() {
        let (run, after) = rest.split_at_checked(special(rest.as_bytes(), is_special)).unwrap_or((rest, ""));
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
fn special(bytes: &[u8], is_special: impl Fn(u8) -> bool) -> usize {
    // Whole blocks are looked at without a branch a byte, which compilers turn into vector instructions.
    let (blocks, _) = bytes.as_chunks::<16>();
    let plain = blocks.iter().take_while(|block| !block.iter().fold(false, |any, byte| any | is_special(*byte)));
    let start = plain.count() * 16;
    let rest = bytes.get(start..).unwrap_or_default();
    start + rest.iter().position(|byte| is_special(*byte)).unwrap_or(rest.len())
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
