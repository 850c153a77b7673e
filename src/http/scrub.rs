//! Striking secrets out of what a vendor sends back: of texts, of whole answers, and of bytes that come in pieces.
//!
//! One list of what is looked for serves all three. A secret is looked for as it is, and as JSON and markup spell it.

use bytes::{Bytes, BytesMut};
use memchr::memmem;

use crate::secret::Secret;

/// What stands where a secret stood.
const STRUCK: &str = "(redacted)";
/// A shorter secret is left: it would strike out ordinary words.
const SHORTEST: usize = 6;
/// A shorter one may well be a word of the vendor's own, such as the name of a JSON key, or a part of a number.
const UNMISTAKABLE: usize = 12;

/// What is looked for.
#[derive(Debug, Default)]
pub(super) struct Needles(Vec<Needle>);

#[derive(Debug)]
struct Needle {
    spelling: String,
    is_number: bool,
    /// Of letters alone.
    is_word: bool,
}

impl Needles {
    /// Every spelling of these secrets.
    pub(super) fn new<'a>(secrets: impl IntoIterator<Item = &'a Secret>) -> Self {
        let mut needles: Vec<Needle> = Vec::new();
        let secrets = secrets.into_iter().map(Secret::expose).filter(|secret| secret.len() >= SHORTEST);
        for spelling in secrets.flat_map(spellings) {
            if !needles.iter().any(|needle| needle.spelling == spelling) {
                let is_number = spelling.bytes().all(|byte| byte.is_ascii_digit());
                let is_word = spelling.bytes().all(|byte| byte.is_ascii_alphabetic());
                needles.push(Needle { spelling, is_number, is_word });
            }
        }
        Self(needles)
    }

    /// A text without the secrets that it echoes.
    pub(super) fn strike(&self, text: &str) -> String {
        match self.struck(text.as_bytes(), |_, _, _| Some(STRUCK)) {
            Some(struck) => String::from_utf8_lossy(&struck).into_owned(),
            None => text.to_owned(),
        }
    }

    /// A whole answer without the secrets that it echoes. What was JSON stays JSON with the same keys: a number becomes
    /// null, and a short secret that is the name of a key or a part of a longer number is no echo.
    pub(super) fn strike_body(&self, body: Bytes) -> Bytes {
        self.in_body(body, |_| true)
    }

    /// The same, but for short secrets that may be words: by its words a refusal is known. What is shown of it is
    /// struck once more, as a text.
    pub(super) fn strike_before_reading(&self, body: Bytes) -> Bytes {
        self.in_body(body, |needle| needle.is_number || needle.spelling.len() >= UNMISTAKABLE)
    }

    fn in_body(&self, body: Bytes, wanted: impl Fn(&Needle) -> bool) -> Bytes {
        let struck = self.struck(&body, |needle, before, after| {
            if !wanted(needle) {
                return None;
            }
            let is_digit = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_digit);
            if needle.is_number && (is_digit(before.last()) || is_digit(after.first())) {
                return None;
            }
            if needle.spelling.len() < UNMISTAKABLE && is_in_key(before, after) {
                return None;
            }
            let is_value =
                matches!(before.last(), Some(b':' | b',' | b'[')) && matches!(after.first(), Some(b',' | b'}' | b']'));
            Some(if needle.is_number && is_value { "null" } else { STRUCK })
        });
        struck.map_or(body, Bytes::from)
    }

    /// Replaces what is found by what is to stand there, told the needle and what is around it. None where nothing is.
    fn struck(&self, bytes: &[u8], instead: impl Fn(&Needle, &[u8], &[u8]) -> Option<&'static str>) -> Option<Vec<u8>> {
        let mut found: Vec<(usize, usize, &str)> = Vec::new();
        for needle in &self.0 {
            for start in memmem::find_iter(bytes, &needle.spelling) {
                let end = start + needle.spelling.len();
                if let (Some(before), Some(after)) = (bytes.get(..start), bytes.get(end..))
                    && let Some(instead) = instead(needle, before, after)
                {
                    found.push((start, end, instead));
                }
            }
        }
        if found.is_empty() {
            return None;
        }
        found.sort_unstable();
        let mut struck = Vec::with_capacity(bytes.len());
        let mut kept = 0;
        for (start, end, instead) in found {
            // One may begin within another.
            if start >= kept {
                struck.extend_from_slice(bytes.get(kept..start).unwrap_or_default());
                struck.extend_from_slice(instead.as_bytes());
            }
            kept = kept.max(end);
        }
        struck.extend_from_slice(bytes.get(kept..).unwrap_or_default());
        Some(struck)
    }

    /// How many of the last bytes may be the beginning of what is looked for.
    fn held_back(&self, bytes: &[u8]) -> usize {
        let held = self.0.iter().filter_map(|needle| {
            let spelling = needle.spelling.as_bytes();
            let most = bytes.len().min(spelling.len() - 1);
            (1..=most).rev().find(|count| bytes.ends_with(spelling.get(..*count).unwrap_or_default()))
        });
        held.max().unwrap_or_default()
    }
}

/// The spellings that an echo may have, the plain one first. Some are the same.
fn spellings(secret: &str) -> Vec<String> {
    let json = serde_json::Value::from(secret).to_string();
    let json = json.strip_prefix('"').and_then(|json| json.strip_suffix('"')).unwrap_or(&json).to_owned();
    // As PHP writes it, unless it is told otherwise.
    let ascii: String = json.chars().fold(String::new(), |mut ascii, symbol| {
        if symbol.is_ascii() {
            ascii.push(symbol);
        } else {
            symbol.encode_utf16(&mut [0; 2]).iter().for_each(|unit| ascii.push_str(&format!("\\u{unit:04x}")));
        }
        ascii
    });
    let slashed = |json: &str| json.replace('/', "\\/");
    let markup = secret.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;");
    let quoted = ["&#39;", "&#039;", "&apos;"].map(|quote| markup.replace('\'', quote));
    [secret.to_owned(), slashed(&json), slashed(&ascii), json, ascii, markup].into_iter().chain(quoted).collect()
}

/// Whether what stands between these is the name of a JSON key, or a part of it.
fn is_in_key(before: &[u8], after: &[u8]) -> bool {
    let is_word = |byte: &&u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    let opens = before.iter().rev().find(|byte| !is_word(byte)) == Some(&b'"');
    let rest = after.iter().position(|byte| !is_word(&byte)).and_then(|end| after.get(end..)).unwrap_or_default();
    opens && rest.strip_prefix(b"\"").is_some_and(|rest| rest.trim_ascii_start().starts_with(b":"))
}

/// Strikes secrets out of bytes that come in pieces: as many are held back as may be the beginning of one.
#[derive(Debug, Default)]
pub(super) struct Scrubber {
    needles: Needles,
    held: Bytes,
}

impl Scrubber {
    /// For these.
    pub(super) fn new(needles: Needles) -> Self {
        Self { needles, held: Bytes::new() }
    }

    pub(super) fn pass(&mut self, chunk: Bytes) -> Bytes {
        let whole = if self.held.is_empty() {
            chunk
        } else {
            let mut whole = BytesMut::with_capacity(self.held.len() + chunk.len());
            whole.extend_from_slice(&self.held);
            whole.extend_from_slice(&chunk);
            whole.freeze()
        };
        // A report is full of words and numbers, and one struck out of it by chance would change a finding.
        let unlike_prose = |needle: &Needle, _: &[u8], _: &[u8]| {
            let may_be_chance = needle.spelling.len() < UNMISTAKABLE && (needle.is_word || needle.is_number);
            (!may_be_chance).then_some(STRUCK)
        };
        let mut whole = self.needles.struck(&whole, unlike_prose).map_or(whole, Bytes::from);
        let held = self.needles.held_back(&whole);
        self.held = whole.split_off(whole.len() - held);
        whole
    }

    pub(super) fn rest(&mut self) -> Bytes {
        std::mem::take(&mut self.held)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn needles(secrets: &[&str]) -> Needles {
        let secrets: Vec<Secret> = secrets.iter().map(|secret| Secret::new(*secret)).collect();
        Needles::new(&secrets)
    }

    fn body(text: &str, secrets: &[&str]) -> String {
        String::from_utf8(needles(secrets).strike_body(Bytes::copy_from_slice(text.as_bytes())).to_vec()).unwrap()
    }

    fn in_pieces(pieces: &[&str], secrets: &[&str]) -> String {
        let mut scrubber = Scrubber::new(needles(secrets));
        let mut out = Vec::new();
        for piece in pieces {
            out.extend_from_slice(&scrubber.pass(Bytes::copy_from_slice(piece.as_bytes())));
        }
        out.extend_from_slice(&scrubber.rest());
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn every_spelling_of_a_secret_is_struck_out_of_texts_answers_and_pieces() {
        let secret = "pä/ss\"wo\\rd'<&";
        for spelling in [
            secret,
            r#"pä/ss\"wo\\rd'<&"#,
            r#"pä\/ss\"wo\\rd'<&"#,
            r#"p\u00e4/ss\"wo\\rd'<&"#,
            r#"p\u00e4\/ss\"wo\\rd'<&"#,
            "pä/ss&quot;wo\\rd'&lt;&amp;",
            "pä/ss&quot;wo\\rd&#039;&lt;&amp;",
        ] {
            let echo = format!("[\"it was {spelling}, \"]");
            let expected = "[\"it was (redacted), \"]";
            assert_eq!(needles(&[secret]).strike(&echo), expected);
            assert_eq!(body(&echo, &[secret]), expected);
            assert_eq!(in_pieces(&[&echo], &[secret]), expected);
        }
    }

    #[test]
    fn a_short_secret_is_struck_out_and_the_keys_of_an_answer_stay() {
        let answer = r#"{"response" : {"id":"a response","responses":[1],"response_id":2},"word":"response"}"#;
        let expected = r#"{"response" : {"id":"a (redacted)","responses":[1],"response_id":2},"word":"(redacted)"}"#;
        assert_eq!(body(answer, &["response"]), expected);
        assert_eq!(body(answer, &["word", ""]), answer, "too short to be told from a word");
        let needles = needles(&["access", "1837402761", "abcdefghijkl"]);
        let refused = needles.strike_before_reading("no access for 1837402761 of abcdefghijkl".into());
        assert_eq!(refused, "no access for (redacted) of (redacted)");
    }

    #[test]
    fn a_report_keeps_the_words_and_numbers_that_a_short_secret_may_be() {
        let report = "<ReportItem pluginName=\"default password\" port=\"1837402761\"/> Summer2024";
        let secrets = ["default", "password", "1837402761", "Summer2024"];
        assert_eq!(in_pieces(&[report], &secrets), report.replace("Summer2024", "(redacted)"));
    }

    #[test]
    fn a_number_that_is_a_secret_leaves_json_behind() {
        let answer = r#"{"token":1837402761,"all":[1837402761,18374027610],"at":"X: 1837402761"}"#;
        let expected = r#"{"token":null,"all":[null,18374027610],"at":"X: (redacted)"}"#;
        assert_eq!(body(answer, &["1837402761"]), expected);
    }

    #[test]
    fn secrets_within_each_other_leave_nothing() {
        assert_eq!(body("x abcdefghijkl y", &["cdefghij", "abcdef", "hijkl-"]), "x (redacted)kl y");
        assert_eq!(body("x abcdefghij y", &["abcdef", "efghij"]), "x (redacted) y");
    }

    #[test]
    fn a_secret_that_comes_in_two_pieces_is_struck_out() {
        let secret = "abcdefghijklmnop";
        let text = format!("before {secret} after, and abcdefg");
        for at in 0..text.len() {
            let (left, right) = text.split_at(at);
            assert_eq!(in_pieces(&[left, right], &[secret]), "before (redacted) after, and abcdefg", "{at}");
        }
        let bytes: Vec<&str> = text.split_inclusive(|_| true).collect();
        assert_eq!(in_pieces(&bytes, &[secret]), "before (redacted) after, and abcdefg");
        assert_eq!(in_pieces(&[&text], &[]), text);
    }
}
