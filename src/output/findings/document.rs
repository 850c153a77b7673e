//! What the writers of documents share: JSON from structs, also within a page, and texts of limited length.
//!
//! Not for: what any format looks like.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::ser::{CharEscape, Formatter};

use super::out::Out;
use crate::error::Result;
use crate::output::safe::{Json, Part, in_runs, write_json};
use crate::text::has_power;

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

/// JSON for data inside a page: no text can end the element it stands in, and characters that reorder or command are
/// replaced, since the page only shows them.
pub(super) struct Embedded;

impl Formatter for Embedded {
    fn write_string_fragment<W: ?Sized + Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        let mut written = Ok(());
        let mut write = |bytes: &[u8]| {
            if written.is_ok() {
                written = writer.write_all(bytes);
            }
        };
        in_runs(
            fragment,
            |eight| eight.powerful() | eight.equal(b'<'),
            |part| match part {
                Part::Run(run) => write(run.as_bytes()),
                Part::Special('<') => write(b"\\u003c"),
                Part::Special(symbol) if has_power(symbol) => write("\u{fffd}".as_bytes()),
                Part::Special(symbol) => write(symbol.encode_utf8(&mut [0; 4]).as_bytes()),
            },
        );
        written
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
