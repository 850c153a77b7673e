//! Vendors' text made harmless in what programs read: JSON in which nothing steers a terminal, CSV cells that no
//! spreadsheet runs. One way of spelling each, for findings, rows and errors alike.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::Value;
use serde_json::ser::{Formatter, Serializer};

use crate::text::has_power;

/// Whether a character steers a terminal, or reorders or breaks what a reader sees.
const fn steers(symbol: char) -> bool {
    has_power(symbol) || matches!(symbol, '\u{2028}' | '\u{2029}')
}

/// Such a character as JSON can spell it, so that the value stays the same and looking at the document does no harm.
fn escaped(symbol: char) -> String {
    format!("\\u{:04x}", u32::from(symbol))
}

/// Hands on text as it stands between the quotes of JSON.
#[inline]
pub(super) fn json_text(text: &str, mut push: impl FnMut(&[u8])) {
    in_runs(
        text,
        |eight| eight.powerful() | eight.equal(b'"') | eight.equal(b'\\'),
        |part| match part {
            Part::Run(run) => push(run.as_bytes()),
            Part::Special('"') => push(b"\\\""),
            Part::Special('\\') => push(b"\\\\"),
            Part::Special('\n') => push(b"\\n"),
            Part::Special('\r') => push(b"\\r"),
            Part::Special('\t') => push(b"\\t"),
            Part::Special(symbol) if steers(symbol) => push(escaped(symbol).as_bytes()),
            Part::Special(symbol) => push(symbol.encode_utf8(&mut [0; 4]).as_bytes()),
        },
    );
}

/// Writes a value as JSON on one line.
pub(super) fn write_json(out: impl Write, formatter: impl Formatter, value: &impl Serialize) -> io::Result<()> {
    value.serialize(&mut Serializer::with_formatter(out, formatter)).map_err(io::Error::from)
}

/// JSON on one line whose texts are spelled as [`json_text`] does.
pub(super) struct Json;

impl Formatter for Json {
    fn write_string_fragment<W: ?Sized + Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        let mut written = Ok(());
        json_text(fragment, |bytes| {
            if written.is_ok() {
                written = writer.write_all(bytes);
            }
        });
        written
    }
}

/// A value as JSON on one line.
pub fn json(value: &Value) -> String {
    calmed(&value.to_string())
}

/// A value as JSON for people too: indented, on many lines.
pub fn indented_json(value: &Value) -> String {
    calmed(&format!("{value:#}"))
}

/// JSON without what steers a terminal. Outside of its texts it has no such character but the line feed.
fn calmed(json: &str) -> String {
    let mut calm = String::with_capacity(json.len());
    for symbol in json.chars() {
        if steers(symbol) && symbol != '\n' {
            calm.push_str(&escaped(symbol));
        } else {
            calm.push(symbol);
        }
    }
    calm
}

/// Hands on one CSV cell by RFC 4180. What a spreadsheet would run is made text by an apostrophe; what steers a terminal
/// becomes U+FFFD, and every line break one line feed.
pub(super) fn cell(text: &str, mut push: impl FnMut(&[u8])) {
    let specials = |eight: Eight| eight.powerful() | eight.equal(b'"') | eight.equal(b',');
    if special(text.as_bytes(), specials) == text.len() {
        if runs(text) {
            push(b"'");
        }
        push(text.as_bytes());
        return;
    }
    push(b"\"");
    if runs(text) {
        push(b"'");
    }
    let mut after_return = false;
    in_runs(
        text,
        |eight| eight.powerful() | eight.equal(b'"'),
        |part| {
            let begins_with_feed = matches!(part, Part::Special('\n'));
            if std::mem::take(&mut after_return) && !begins_with_feed {
                push(b"\n");
            }
            match part {
                Part::Run(run) => push(run.as_bytes()),
                Part::Special('"') => push(b"\"\""),
                Part::Special('\r') => after_return = true,
                Part::Special(symbol) if has_power(symbol) && !matches!(symbol, '\n' | '\t') => {
                    push("\u{fffd}".as_bytes());
                }
                Part::Special(symbol) => push(symbol.encode_utf8(&mut [0; 4]).as_bytes()),
            }
        },
    );
    push(if after_return { b"\n\"" } else { b"\"" });
}

/// Whether a spreadsheet takes a cell with this text for a formula. Some look behind white space, and some take the
/// wide forms of East Asian keyboards too.
fn runs(text: &str) -> bool {
    text.starts_with(['\t', '\r'])
        || text.trim_start().starts_with(['=', '+', '-', '@', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}'])
}

/// A part of a text.
pub(super) enum Part<'a> {
    /// Nothing special in it.
    Run(&'a str),
    /// A character that begins with a special byte.
    Special(char),
}

/// Eight bytes, looked at together: this is done to every byte of every text. What finds a byte gives a number in which
/// the lowest byte that is not zero is that of the first one found.
#[derive(Clone, Copy)]
pub(super) struct Eight(u64);

impl Eight {
    const ONES: u64 = u64::from_le_bytes([1; 8]);
    const HIGHS: u64 = u64::from_le_bytes([0x80; 8]);

    fn below(self, byte: u8) -> u64 {
        self.0.wrapping_sub(Self::ONES * u64::from(byte)) & !self.0 & Self::HIGHS
    }

    /// This byte.
    pub(super) fn equal(self, byte: u8) -> u64 {
        Self(self.0 ^ (Self::ONES * u64::from(byte))).below(1)
    }

    /// Control characters, and the first bytes of characters that may have power over a terminal or a reader: 0xC2, 0xE2.
    pub(super) fn powerful(self) -> u64 {
        self.below(0x20) | self.equal(0x7f) | Self(self.0 | (Self::ONES * 0x20)).equal(0xe2)
    }
}

/// Gives a text in parts. Bytes that only continue a character are never special.
#[inline]
pub(super) fn in_runs<'a>(text: &'a str, specials: impl Fn(Eight) -> u64 + Copy, mut take: impl FnMut(Part<'a>)) {
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(write: impl FnOnce(&mut dyn FnMut(&[u8]))) -> String {
        let mut bytes = Vec::new();
        write(&mut |more| bytes.extend_from_slice(more));
        String::from_utf8(bytes).unwrap()
    }

    fn in_quotes(text: &str) -> String {
        format!("\"{}\"", written(|push| json_text(text, push)))
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
            assert_eq!(written(|push| cell(text, push)), expected);
        }
    }

    #[test]
    fn json_shows_nothing_that_steers_a_terminal() {
        let text = "a\"\\\n\r\t\0\u{1b}[2J\u{7f}\u{9b}\u{a0}\u{202e}\u{2028}…é";
        let json = in_quotes(text);
        assert_eq!(json, r#""a\"\\\n\r\t\u0000\u001b[2J\u007f\u009b X\u202e\u2028…é""#.replace(" X", "\u{a0}"));
        assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
    }

    #[test]
    fn json_of_values_is_as_harmless_and_keeps_them() {
        let text = "a\u{1b}[2J\u{9b}1m\u{7f}\u{202e}\u{2028}é—\"\\\n\t";
        let value = serde_json::json!({ "name": text, "list": [1, null] });
        let spelled = r#""a\u001b[2J\u009b1m\u007f\u202e\u2028é—\"\\\n\t""#;
        let mut bytes = Vec::new();
        write_json(&mut bytes, Json, &value).unwrap();
        assert_eq!(String::from_utf8(bytes).unwrap(), json(&value));
        for document in [json(&value), indented_json(&value)] {
            assert!(document.contains(spelled), "{document}");
            assert!(!document.chars().any(|symbol| steers(symbol) && symbol != '\n'), "{document}");
            assert_eq!(serde_json::from_str::<Value>(&document).unwrap(), value);
        }
        assert_eq!(json(&value).lines().count(), 1);
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
            let json = in_quotes(&text);
            prop_assert!(!json.chars().any(has_power));
            prop_assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
        }

        #[test]
        fn every_cell_is_one_cell(text in "[\\PC\\x00-\\x20\\u{7f}-\\u{a0}\",=]{0,80}") {
            let cell = written(|push| cell(&text, push));
            let inner = cell.strip_prefix('"').and_then(|cell| cell.strip_suffix('"'));
            match inner {
                Some(inner) => prop_assert!(!inner.replace("\"\"", "").contains('"')),
                None => prop_assert!(!cell.contains(['"', ',', '\n', '\r'])),
            }
            let value = inner.map_or(cell.clone(), |inner| inner.replace("\"\"", "\""));
            prop_assert!(!value.starts_with(['=', '+', '-', '@', '\t', '\r']));
            prop_assert!(!value.chars().any(|symbol| has_power(symbol) && !matches!(symbol, '\n' | '\t')));
        }
    }
}
