//! What the writers of documents share: JSON from structs, in which a text is only a text, and texts of limited length.
//!
//! Not for: what any format looks like.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::ser::{CharEscape, Formatter, Serializer};

use super::out::Out;
use crate::error::Result;

/// A document that is being written.
pub(super) struct Document(Out);

impl Document {
    pub(super) fn new(out: Box<dyn Write + Send>) -> Self {
        Self(Out::new(out))
    }

    pub(super) fn text(&mut self, text: &str) {
        self.0.push(text.as_bytes());
    }

    pub(super) fn json(&mut self, value: &impl Serialize) {
        // Writing here cannot fail: what fails is kept until it is asked for.
        let _infallible = write_json(&mut self.0, Json, value);
    }

    /// Whether everything could be written so far.
    pub(super) fn settle(&mut self) -> Result<()> {
        self.0.settle()
    }

    /// Hands everything on.
    pub(super) fn flush(&mut self) -> Result<()> {
        self.0.flush()
    }
}

/// Writes a value as JSON on one line.
pub(super) fn write_json(out: impl Write, formatter: impl Formatter, value: &impl Serialize) -> io::Result<()> {
    value.serialize(&mut Serializer::with_formatter(out, formatter)).map_err(io::Error::from)
}

/// JSON whose texts hold no character that would do something to a terminal: such characters are written as escapes,
/// which every reader turns back.
pub(super) struct Json;

impl Formatter for Json {
    fn write_string_fragment<W: ?Sized + Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        let mut rest = fragment;
        while let Some((at, length, symbol)) = next_command(rest) {
            write!(writer, "{}\\u{:04x}", &rest[..at], u32::from(symbol))?;
            rest = &rest[at + length..];
        }
        writer.write_all(rest.as_bytes())
    }
}

/// JSON for data inside a page: no text can end the element it stands in, and characters that reorder or command are
/// replaced, since the page only shows them.
pub(super) struct Embedded;

impl Formatter for Embedded {
    fn write_string_fragment<W: ?Sized + Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        let mut rest = fragment;
        loop {
            let markup = memchr::memchr(b'<', rest.as_bytes()).map(|at| (at, 1, "\\u003c"));
            let before = markup.map_or(rest, |(at, ..)| &rest[..at]);
            let found = next_command(before).map(|(at, length, _)| (at, length, "\u{fffd}")).or(markup);
            let Some((at, length, instead)) = found else { return writer.write_all(rest.as_bytes()) };
            writer.write_all(&rest.as_bytes()[..at])?;
            writer.write_all(instead.as_bytes())?;
            rest = &rest[at + length..];
        }
    }

    fn write_char_escape<W: ?Sized + Write>(&mut self, writer: &mut W, escape: CharEscape) -> io::Result<()> {
        writer.write_all(match escape {
            CharEscape::Quote => b"\\\"",
            CharEscape::ReverseSolidus => b"\\\\",
            CharEscape::Solidus => b"\\/",
            CharEscape::LineFeed => b"\\n",
            CharEscape::Tab => b"\\t",
            CharEscape::CarriageReturn => b"\\r",
            CharEscape::Backspace | CharEscape::FormFeed | CharEscape::AsciiControl(_) => "\u{fffd}".as_bytes(),
        })
    }
}

/// The next character, beyond those that JSON escapes itself, that commands a terminal or reorders a line: where it is,
/// how many bytes it has, and what it is.
fn next_command(text: &str) -> Option<(usize, usize, char)> {
    let mut from = 0;
    // Every such character begins with one of three bytes, and few others do.
    while let Some(found) = memchr::memchr3(0x7f, 0xc2, 0xe2, &text.as_bytes()[from..]) {
        let at = from + found;
        let symbol = text.get(at..)?.chars().next()?;
        if crate::ui::has_power(symbol) {
            return Some((at, symbol.len_utf8(), symbol));
        }
        from = at + symbol.len_utf8();
    }
    None
}

/// The beginning of a text, of at most so many bytes, and whether that is not all of it.
pub(super) fn cut(text: &str, most: usize) -> (&str, bool) {
    let mut end = most.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    (&text[..end], end < text.len())
}

/// Of a text's characters at most so many; the last is `…` where there were more.
pub(super) fn shorten(text: &str, most: usize) -> std::borrow::Cow<'_, str> {
    // Where the byte is that the limit would fall on, were all characters one byte long, nothing need be counted.
    if text.len() <= most {
        return text.into();
    }
    match text.char_indices().nth(most) {
        None => text.into(),
        Some(_) => {
            let end = text.char_indices().nth(most.saturating_sub(1)).map_or(0, |(at, _)| at);
            format!("{}…", &text[..end]).into()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(formatter: impl Formatter, text: &str) -> String {
        let mut out = Vec::new();
        write_json(&mut out, formatter, &text).unwrap();
        String::from_utf8(out).unwrap()
    }

    const HOSTILE: &str = "a\u{1b}[2J\u{9b}1m\u{7f}\u{202e}é—\"\\\n\t</script><!--";

    #[test]
    fn json_shows_no_command_and_loses_nothing() {
        let json = written(Json, HOSTILE);
        assert_eq!(
            json, r#""a\u001b[2J\u009b1m\u007f\u202eé—\"\\\n\t</script><!--""#,
            "what only means something to a terminal is escaped"
        );
        assert_eq!(serde_json::from_str::<String>(&json).unwrap(), HOSTILE);
    }

    #[test]
    fn embedded_json_holds_no_markup_and_no_command() {
        let json = written(Embedded, HOSTILE);
        assert_eq!(json, "\"a\u{fffd}[2J\u{fffd}1m\u{fffd}\u{fffd}é—\\\"\\\\\\n\\t\\u003c/script>\\u003c!--\"");
        let back: String = serde_json::from_str(&json).unwrap();
        assert_eq!(back, "a\u{fffd}[2J\u{fffd}1m\u{fffd}\u{fffd}é—\"\\\n\t</script><!--");
    }

    #[test]
    fn texts_are_cut_between_characters() {
        assert_eq!(cut("aé", 2), ("a", true));
        assert_eq!(cut("aé", 3), ("aé", false));
        assert_eq!(shorten("äöü", 3), "äöü");
        assert_eq!(shorten("äöüß", 3), "äö…");
        assert_eq!(shorten("", 0), "");
    }
}
