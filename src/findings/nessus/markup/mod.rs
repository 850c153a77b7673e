//! Reading XML from text that is whole in memory: tags, attributes, text, references.
//!
//! Checked: tags match and are spelled as XML wants, attributes are quoted, unique and free of `<`, references are one
//! of the five named ones or numeric. There is no other entity: a document type is refused before this is reached.
//! Characters that XML forbids do not end the reading; each becomes U+FFFD and is counted, because scanners copy what
//! strangers' services say into their reports.

#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

use memchr::{memchr, memchr2, memmem};

use crate::findings::shape::Text;

/// From this size on a text gets [`LARGE_ROOM`]: of such ones few are held at once, so that their room, of which little
/// is ever written, is no burden where address space is limited.
const LARGE: usize = 4 * 1024 * 1024;
/// More than the C library's allocator ever keeps for later: so much goes back to the system as soon as it is freed, and
/// what is not written of it takes no memory.
const LARGE_ROOM: usize = LONGEST_TEXT + 64 * 1024;

/// Elements nest no deeper.
pub(super) const DEEPEST: usize = 64;
/// No text is longer, in bytes as written: more is never held at once.
pub(super) const LONGEST_TEXT: usize = 34 * 1024 * 1024;
/// No tag is longer, its attributes included.
pub(super) const LONGEST_TAG: usize = 1024 * 1024;
/// No tag has more attributes.
const MOST_ATTRIBUTES: usize = 64;
/// No reference is longer between `&` and `;`.
const LONGEST_REFERENCE: usize = 16;

/// Why reading ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Problem {
    /// Byte offset in the text.
    pub at: usize,
    /// What is wrong; none where the text just ends too early.
    pub what: Option<String>,
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.what.as_deref().unwrap_or("it ends too early"))
    }
}

pub(super) type Result<T> = std::result::Result<T, Problem>;

/// What stands at a `<`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Markup<'a> {
    /// A start tag; its attributes are in [`Cursor::attributes`].
    Start { name: &'a str, empty: bool },
    /// An end tag.
    End { name: &'a str },
    /// The inside of a CDATA section.
    Characters(&'a str),
    /// A comment or a processing instruction.
    Nothing,
}

/// A place in a text.
#[derive(Debug)]
pub(super) struct Cursor<'a> {
    text: &'a str,
    pub at: usize,
    /// Name and place of the raw value of each attribute of the last start tag.
    attributes: Vec<(&'a str, Range<usize>)>,
    /// How many forbidden characters were replaced.
    pub replaced: u64,
}

/// Bytes that may stand in a name.
const NAME: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = byte >= 0x80
            || (byte as u8).is_ascii_alphanumeric()
            || byte == b'_' as usize
            || byte == b'-' as usize
            || byte == b'.' as usize
            || byte == b':' as usize;
        byte += 1;
    }
    table
};

/// Whether a byte is white space to XML.
pub(super) const fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

/// Whether a name is that of a report, a host, its properties or a row, whatever its prefix and the case of its letters.
pub(super) fn is_of_report(name: &str) -> bool {
    // Every tag comes through here, and few end like one of these.
    if !matches!(name.as_bytes().last(), Some(b't' | b'm' | b's' | b'T' | b'M' | b'S')) {
        return false;
    }
    let local = name.rsplit_once(':').map_or(name, |(_, local)| local);
    // Small letters alone are too common a word for a report.
    local == "Report"
        || ["ReportHost", "ReportItem", "HostProperties"].iter().any(|own| local.eq_ignore_ascii_case(own))
}

/// Whether XML lets a character stand in a document.
const fn is_allowed(character: char) -> bool {
    matches!(character, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
}

/// Whether text needs no look at each character. Written so that the compiler makes vector code of it.
fn is_plain(bytes: &[u8], attribute: bool) -> bool {
    // Line ends and tabs become spaces in attributes.
    let is_special = |byte: u8| byte < b' ' && (attribute || (byte != b'\n' && byte != b'\t'));
    bytes.chunks(64).all(|chunk| !chunk.iter().fold(false, |found, &byte| found | is_special(byte)))
}

impl<'a> Cursor<'a> {
    /// At the beginning of a text.
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, at: 0, attributes: Vec::new(), replaced: 0 }
    }

    /// At another place of the same text.
    pub(super) fn elsewhere(&self, at: usize) -> Self {
        Self { text: self.text, at, attributes: Vec::new(), replaced: 0 }
    }

    fn bytes(&self) -> &'a [u8] {
        self.text.as_bytes()
    }

    fn byte(&self, at: usize) -> Option<u8> {
        self.bytes().get(at).copied()
    }

    /// The text from a place on.
    fn rest(&self, at: usize) -> &'a [u8] {
        self.bytes().get(at..).unwrap_or_default()
    }

    pub(super) fn malformed<T>(&self, what: impl Into<String>) -> Result<T> {
        Err(Problem { at: self.at, what: Some(what.into()) })
    }

    fn cut<T>(&self) -> Result<T> {
        Err(Problem { at: self.text.len(), what: None })
    }

    /// Whether the text is read to its end.
    pub(super) fn is_at_end(&self) -> bool {
        self.at >= self.text.len()
    }

    /// Steps over white space.
    pub(super) fn skip_space(&mut self) {
        while self.byte(self.at).is_some_and(is_space) {
            self.at += 1;
        }
    }

    /// What was written at a place.
    pub(super) fn slice(&self, place: Range<usize>) -> &'a str {
        self.text.get(place).unwrap_or_default()
    }

    /// The place of the text before the next `<`; the cursor then stands at it.
    pub(super) fn until_markup(&mut self) -> Result<Range<usize>> {
        let start = self.at;
        match memchr(b'<', self.rest(start)) {
            Some(length) => {
                self.at = start + length;
                Ok(start..self.at)
            }
            None => self.cut(),
        }
    }

    /// What stands at the cursor's `<`; the cursor then stands behind it.
    pub(super) fn markup(&mut self) -> Result<Markup<'a>> {
        match self.byte(self.at + 1) {
            None => self.cut(),
            Some(b'/') => self.end_tag(),
            Some(b'!') => self.declaration(),
            Some(b'?') => {
                self.enclosed("<?", "?>")?;
                Ok(Markup::Nothing)
            }
            Some(_) => self.start_tag(),
        }
    }

    fn end_tag(&mut self) -> Result<Markup<'a>> {
        let name = self.name(self.at + 2)?;
        let mut end = self.at + 2 + name.len();
        while self.byte(end).is_some_and(is_space) {
            end += 1;
        }
        match self.byte(end) {
            Some(b'>') => {
                self.at = end + 1;
                Ok(Markup::End { name })
            }
            Some(_) => self.malformed("an end tag that is not closed"),
            None => self.cut(),
        }
    }

    fn declaration(&mut self) -> Result<Markup<'a>> {
        let rest = self.rest(self.at);
        if rest.starts_with(b"<!--") {
            self.enclosed("<!--", "-->")?;
            Ok(Markup::Nothing)
        } else if rest.starts_with(b"<![CDATA[") {
            Ok(Markup::Characters(self.enclosed("<![CDATA[", "]]>")?))
        } else if b"<![CDATA[".starts_with(rest) || b"<!--".starts_with(rest) {
            self.cut()
        } else {
            self.malformed("a declaration where none may stand")
        }
    }

    /// What stands between two markers, the first of which is at the cursor.
    fn enclosed(&mut self, open: &str, close: &str) -> Result<&'a str> {
        let start = self.at + open.len();
        match memmem::find(self.rest(start), close.as_bytes()) {
            Some(length) => {
                self.at = start + length + close.len();
                Ok(&self.text[start..start + length])
            }
            None => self.cut(),
        }
    }

    fn name(&self, start: usize) -> Result<&'a str> {
        let rest = self.rest(start);
        let length = rest.iter().position(|&byte| !NAME[usize::from(byte)]).unwrap_or(rest.len());
        match rest.first() {
            None => self.cut(),
            Some(first) if length == 0 || first.is_ascii_digit() || matches!(first, b'-' | b'.') => {
                self.malformed("a `<` that begins no tag")
            }
            Some(_) => Ok(&self.text[start..start + length]),
        }
    }

    fn start_tag(&mut self) -> Result<Markup<'a>> {
        let name = self.name(self.at + 1)?;
        let mut at = self.at + 1 + name.len();
        self.attributes.clear();
        if self.byte(at) == Some(b'>') {
            self.at = at + 1;
            return Ok(Markup::Start { name, empty: false });
        }
        loop {
            let before = at;
            while self.byte(at).is_some_and(is_space) {
                at += 1;
            }
            match self.byte(at) {
                None => return self.cut(),
                Some(b'>') => {
                    self.at = at + 1;
                    return Ok(Markup::Start { name, empty: false });
                }
                Some(b'/') => match self.byte(at + 1) {
                    Some(b'>') => {
                        self.at = at + 2;
                        return Ok(Markup::Start { name, empty: true });
                    }
                    Some(_) => return self.malformed(format!("a broken tag `{name}`")),
                    None => return self.cut(),
                },
                Some(_) if at == before => return self.malformed(format!("a broken tag `{name}`")),
                Some(_) => at = self.attribute(name, at)?,
            }
            if at - self.at > LONGEST_TAG {
                return self.malformed(format!("a tag `{name}` of more than {LONGEST_TAG} bytes"));
            }
        }
    }

    /// Reads one attribute and gives the place behind it.
    fn attribute(&mut self, tag: &str, start: usize) -> Result<usize> {
        let broken = |at: usize| Err(Problem { at, what: Some(format!("a broken attribute of `{tag}`")) });
        let Ok(name) = self.name(start) else { return broken(start) };
        let mut at = start + name.len();
        while self.byte(at).is_some_and(is_space) {
            at += 1;
        }
        match self.byte(at) {
            Some(b'=') => at += 1,
            Some(_) => return broken(at),
            None => return self.cut(),
        }
        while self.byte(at).is_some_and(is_space) {
            at += 1;
        }
        let quote = match self.byte(at) {
            Some(quote @ (b'"' | b'\'')) => quote,
            Some(_) => return broken(at),
            None => return self.cut(),
        };
        at += 1;
        let Some(length) = memchr2(quote, b'<', self.rest(at)) else { return self.cut() };
        if self.byte(at + length) != Some(quote) {
            return broken(at + length);
        }
        if self.attributes.iter().any(|(known, _)| *known == name) {
            return Err(Problem { at: start, what: Some(format!("attribute `{name}` twice in `{tag}`")) });
        }
        if self.attributes.len() == MOST_ATTRIBUTES {
            return Err(Problem {
                at: start,
                what: Some(format!("more than {MOST_ATTRIBUTES} attributes in `{tag}`")),
            });
        }
        self.attributes.push((name, at..at + length));
        Ok(at + length + 1)
    }

    /// Unescapes every attribute of the last start tag, in order.
    pub(super) fn each_attribute(&mut self, mut take: impl FnMut(&'a str, Text<'a>)) -> Result<()> {
        for index in 0..self.attributes.len() {
            if let Some((name, place)) = self.attributes.get(index).cloned() {
                let value = self.unescape(place, true)?;
                take(name, value);
            }
        }
        Ok(())
    }

    /// The place behind an end tag of this name at `at`, where it stands there in its usual spelling.
    fn closes(&self, at: usize, name: &str) -> Option<usize> {
        let rest = self.rest(at).strip_prefix(b"</")?.strip_prefix(name.as_bytes())?;
        (rest.first() == Some(&b'>')).then_some(at + 3 + name.len())
    }

    /// All text of the element whose start tag was just read, tags inside it left out.
    pub(super) fn element_text(&mut self, name: &str) -> Result<Text<'a>> {
        let start = self.at;
        let Some(length) = memchr(b'<', self.rest(start)) else { return self.cut() };
        if let Some(behind) = self.closes(start + length, name) {
            let text = self.unescape(start..start + length, false)?;
            self.at = behind;
            return Ok(text);
        }
        let mut text = String::new();
        self.walk(name, Some(&mut text))?;
        Ok(Cow::Owned(text))
    }

    /// Steps over the element whose start tag was just read.
    pub(super) fn skip_element(&mut self, name: &str) -> Result<()> {
        let end = self.checked_text()?;
        match self.closes(end, name) {
            Some(behind) => {
                self.at = behind;
                Ok(())
            }
            None => self.walk(name, None),
        }
    }

    /// Steps over text, checking its references, and gives the place of the next `<`.
    fn checked_text(&mut self) -> Result<usize> {
        let mut at = self.at;
        loop {
            match memchr2(b'<', b'&', self.rest(at)) {
                None => return self.cut(),
                Some(length) => {
                    at += length;
                    if self.byte(at) == Some(b'<') {
                        return Ok(at);
                    }
                    at += self.reference(at)?.1;
                }
            }
        }
    }

    /// Walks to the end of an element with anything inside it, gathering its text if wanted.
    fn walk(&mut self, name: &str, mut gather: Option<&mut String>) -> Result<()> {
        let mut open: Vec<&'a str> = Vec::new();
        loop {
            let text = self.until_markup()?;
            match &mut gather {
                Some(gathered) => {
                    let text = self.unescape(text, false)?;
                    gather_more(gathered, text.len());
                    gathered.push_str(&text);
                }
                None => self.check_references(text)?,
            }
            match self.markup()? {
                Markup::Start { name: inner, empty } => {
                    self.each_attribute(|_, _| ())?;
                    self.refuse_inside(inner, name)?;
                    if empty {
                        continue;
                    }
                    if open.len() == DEEPEST {
                        return self.malformed(format!("elements nested more than {DEEPEST} deep"));
                    }
                    open.push(inner);
                }
                Markup::End { name: closed } => {
                    let expected = open.pop();
                    if closed != expected.unwrap_or(name) {
                        return self.malformed(format!("`</{closed}>` where `{}` is open", expected.unwrap_or(name)));
                    }
                    if expected.is_none() {
                        return Ok(());
                    }
                }
                Markup::Characters(characters) => {
                    if let Some(gathered) = &mut gather {
                        gather_more(gathered, characters.len());
                        self.characters(characters, false, gathered);
                    }
                }
                Markup::Nothing => {}
            }
        }
    }

    /// Hosts and rows stand in no other place than theirs: what is cut at their tags must be cut right, and none may be
    /// stepped over as something unknown.
    pub(super) fn refuse_inside(&self, name: &str, around: &str) -> Result<()> {
        if is_of_report(name) {
            return self.malformed(format!("a `{name}` inside `{around}`"));
        }
        Ok(())
    }

    /// Checks the references of text that nobody wants.
    pub(super) fn check_references(&self, place: Range<usize>) -> Result<()> {
        let mut at = place.start;
        while let Some(length) = memchr(b'&', self.slice(at..place.end).as_bytes()) {
            at += length;
            at += self.reference(at)?.1;
        }
        Ok(())
    }

    /// Text or attribute value without references, line ends as XML wants them.
    fn unescape(&mut self, place: Range<usize>, attribute: bool) -> Result<Text<'a>> {
        let raw = self.slice(place.clone());
        let first = memchr(b'&', raw.as_bytes());
        let as_it_is = is_plain(raw.as_bytes(), attribute);
        if first.is_none() && as_it_is {
            return Ok(Cow::Borrowed(raw));
        }
        let mut text = String::with_capacity(if raw.len() < LARGE { raw.len() } else { LARGE_ROOM });
        let mut done = 0;
        while let Some(length) = memchr(b'&', &raw.as_bytes()[done..]) {
            self.piece(&raw[done..done + length], as_it_is, attribute, &mut text);
            let (character, width) = self.reference(place.start + done + length)?;
            if is_allowed(character) {
                text.push(character);
            } else {
                self.replaced += 1;
                text.push(char::REPLACEMENT_CHARACTER);
            }
            done += length + width;
        }
        self.piece(&raw[done..], as_it_is, attribute, &mut text);
        Ok(Cow::Owned(text))
    }

    fn piece(&mut self, piece: &str, as_it_is: bool, attribute: bool, text: &mut String) {
        if as_it_is { text.push_str(piece) } else { self.characters(piece, attribute, text) }
    }

    /// Characters without references: line ends become `\n`, in attributes white space a space.
    fn characters(&mut self, raw: &str, attribute: bool, text: &mut String) {
        if is_plain(raw.as_bytes(), attribute) {
            text.push_str(raw);
            return;
        }
        let mut before = '\0';
        for character in raw.chars() {
            match character {
                '\n' if before == '\r' => {}
                '\n' | '\r' | '\t' if attribute => text.push(' '),
                '\r' => text.push('\n'),
                allowed if is_allowed(allowed) => text.push(allowed),
                _ => {
                    self.replaced += 1;
                    text.push(char::REPLACEMENT_CHARACTER);
                }
            }
            before = character;
        }
    }

    /// The character of the reference at `at`, and how many bytes it takes.
    ///
    /// A number that stands for no character at all becomes NUL, which callers replace like any forbidden one.
    fn reference(&self, at: usize) -> Result<(char, usize)> {
        let rest = self.rest(at + 1);
        match rest {
            [b'l', b't', b';', ..] => return Ok(('<', 4)),
            [b'g', b't', b';', ..] => return Ok(('>', 4)),
            [b'a', b'm', b'p', b';', ..] => return Ok(('&', 5)),
            [b'q', b'u', b'o', b't', b';', ..] => return Ok(('"', 6)),
            [b'a', b'p', b'o', b's', b';', ..] => return Ok(('\'', 6)),
            _ => {}
        }
        let window = rest.get(..=LONGEST_REFERENCE).unwrap_or(rest);
        let wrong = |what: String| Err(Problem { at, what: Some(what) });
        let Some(length) = memchr(b';', window) else {
            return wrong("an `&` that begins no reference".to_owned());
        };
        let name = &rest[..length];
        let character = match name {
            [b'#', b'x', digits @ ..] => match number(digits, 16) {
                Some(code) => char::from_u32(code).unwrap_or('\0'),
                None => return wrong("a broken character reference".to_owned()),
            },
            [b'#', digits @ ..] => match number(digits, 10) {
                Some(code) => char::from_u32(code).unwrap_or('\0'),
                None => return wrong("a broken character reference".to_owned()),
            },
            _ if !name.is_empty() && name.iter().all(|byte| NAME[usize::from(*byte)]) => {
                return wrong(format!("an unknown entity `&{};`", String::from_utf8_lossy(name)));
            }
            _ => return wrong("an `&` that begins no reference".to_owned()),
        };
        Ok((character, length + 2))
    }
}

/// Room for more of a text that comes in pieces.
fn gather_more(text: &mut String, length: usize) {
    if text.len() + length >= LARGE && text.capacity() < LARGE_ROOM {
        text.reserve_exact(LARGE_ROOM - text.len());
    }
}

/// A number of digits alone; too large a one is the largest.
fn number(digits: &[u8], radix: u32) -> Option<u32> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0u32, |value, &digit| {
        let digit = char::from(digit).to_digit(radix)?;
        Some(value.saturating_mul(radix).saturating_add(digit))
    })
}
