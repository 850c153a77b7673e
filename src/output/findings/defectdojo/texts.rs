//! The vendor's texts as DefectDojo can take and show them.

use std::borrow::Cow;

use super::super::document::shorten;

/// A text on one line, of at most so many characters.
pub(super) fn line(text: &str, most: usize) -> String {
    shorten(&crate::text::clean(&shorten(text, most)), most).into_owned()
}

/// A text without NUL, which the database refuses.
pub(super) fn plain(text: &str) -> Cow<'_, str> {
    if text.contains('\0') { text.replace('\0', "\u{fffd}").into() } else { text.into() }
}

/// A text of at most so many characters.
pub(super) fn limited(text: Cow<'_, str>, most: usize) -> Cow<'_, str> {
    match text {
        Cow::Borrowed(text) => shorten(text, most),
        Cow::Owned(text) => shorten(&text, most).into_owned().into(),
    }
}

/// A text whose markup does nothing: no element begins in it, and no link or picture is made.
pub(super) fn inert(text: &str) -> Cow<'_, str> {
    if !text.contains(['\0', '<', ']']) {
        return text.into();
    }
    let mut out = String::with_capacity(text.len() + 16);
    let mut symbols = text.chars().peekable();
    while let Some(symbol) = symbols.next() {
        let next = symbols.peek().copied();
        match symbol {
            '\0' => out.push('\u{fffd}'),
            // Where no letter and no sign of markup follows no element begins: `< 1.2` stays readable.
            '<' if next.is_some_and(|next| next.is_ascii_alphabetic() || matches!(next, '/' | '!' | '?')) => {
                out.push_str("&lt;");
            }
            // Ends the name of a link, of a picture, or of what either refers to.
            ']' if matches!(next, Some('(' | ':')) => out.push_str("&#93;"),
            symbol => out.push(symbol),
        }
    }
    out.into()
}

/// A text in a fence longer than any in it.
pub(super) fn fenced(text: &str) -> String {
    let (mut longest, mut run) = (0, 0);
    for byte in text.bytes() {
        run = if byte == b'`' { run + 1 } else { 0 };
        longest = longest.max(run);
    }
    let fence = "`".repeat(3.max(longest + 1));
    let text = plain(text);
    format!("{fence}\n{}\n{fence}", text.trim_end_matches('\n'))
}
