//! Text from vendors that does nothing in Markdown, wherever it is shown.
//!
//! Most of that is done by backslashes. But those who show comments look for mentions, references and addresses only
//! after that, in the text as a reader would see it: such signs are parted from what follows by a word joiner, which
//! has no width and breaks no line.

use super::super::document::shorten;
use crate::text::clean;

/// No width, and no line break either.
const JOINER: char = '\u{2060}';

/// Text as prose on one line, of at most so many characters of the original.
pub(super) fn prose(text: &str, most: usize) -> String {
    let text = one_line(text, most);
    let mut out = String::with_capacity(text.len() + 16);
    let mut symbols = text.chars().peekable();
    while let Some(symbol) = symbols.next() {
        let next = symbols.peek().copied();
        let leads_to_word = next.is_some_and(|next| next.is_alphanumeric() || matches!(next, '"' | '_' | '-' | '.'));
        match symbol {
            // What begins or ends formatting, code, links, elements, entities, cells, formulas.
            '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '|' | '{' | '}' => {
                out.push('\\');
                out.push(symbol);
            }
            // And what also is the sign of somebody, or of something that has a number or a name.
            '@' | '#' | '!' | '~' | '%' | '$' | '&' | '^' => {
                out.push('\\');
                out.push(symbol);
                if leads_to_word {
                    out.push(JOINER);
                }
            }
            // `https:` and `:name:`.
            ':' if next.is_some_and(|next| next.is_alphabetic() || matches!(next, '/' | '+' | '-')) => {
                out.extend([symbol, JOINER])
            }
            // `www.` and `GH-1`.
            '.' | '-' if next.is_some_and(char::is_alphanumeric) && follows_sign(&out, symbol) => {
                out.extend([JOINER, symbol]);
            }
            symbol => out.push(symbol),
        }
    }
    out
}

/// Whether what stands before makes an address or a reference of the next sign.
fn follows_sign(before: &str, sign: char) -> bool {
    let word = if sign == '.' { "www" } else { "gh" };
    let at = before.len().checked_sub(word.len()).and_then(|at| before.get(at..));
    at.is_some_and(|end| end.eq_ignore_ascii_case(word))
}

/// Text as code on one line: shown as it is.
pub(super) fn code(text: &str, most: usize) -> String {
    let text = one_line(text, most);
    if text.is_empty() {
        return String::new();
    }
    // In a cell, a backslash would take the bar's escape away; and a text of bars and backticks needs care that no
    // identifier does.
    if text.contains(['|', '\\', '`']) {
        return prose(&text, most);
    }
    format!("`{text}`")
}

/// On one line, without what steers a terminal, reorders, ends lines elsewhere, or is an end of the page.
fn one_line(text: &str, most: usize) -> String {
    // Nobody sees what lies far behind the limit, white space included.
    let text = clean(&shorten(text, most.saturating_mul(4)));
    let words: Vec<&str> = text.split_whitespace().collect();
    let text = words.join(" ");
    shorten(&text, most).chars().filter(|symbol| *symbol != '\u{feff}').collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_words_stay_plain() {
        assert_eq!(
            prose("OpenSSL 1.1.1 (CVE-2021-0001), fixed in 1.1.1n.", 99),
            "OpenSSL 1.1.1 (CVE-2021-0001), fixed in 1.1.1n."
        );
        assert_eq!(prose("a\n  b\u{2028}c", 99), "a b c");
        assert_eq!(prose("abcdef", 4), "abc…");
        assert_eq!(code("web01.example.org:443/tcp", 99), "`web01.example.org:443/tcp`");
        assert_eq!(code("", 99), "");
    }

    #[test]
    fn signs_do_nothing() {
        assert_eq!(prose("1 < 2 | `x` *y* [z](u) <b>", 99), r"1 \< 2 \| \`x\` \*y\* \[z\](u) \<b\>");
        assert_eq!(
            prose("@a #1 !1 a@b.c 5% & x", 99),
            "\\@\u{2060}a \\#\u{2060}1 \\!\u{2060}1 a\\@\u{2060}b.c 5\\% \\& x"
        );
        assert_eq!(prose("https://x www.y GH-1 :o:", 99), "https:\u{2060}//x www\u{2060}.y GH\u{2060}-1 :\u{2060}o:");
        assert_eq!(prose("&lt; ![i](x)", 99), "\\&\u{2060}lt; \\!\\[i\\](x)");
    }

    #[test]
    fn code_cannot_be_left() {
        assert_eq!(code("a`b", 99), r"a\`b");
        assert_eq!(code("a|b\\", 99), r"a\|b\\");
        assert_eq!(code("\u{1b}[2J\u{202e}", 99), "`\u{fffd}[2J\u{fffd}`");
    }
}
