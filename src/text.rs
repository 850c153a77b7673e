//! What is dangerous to show of a text that somebody else wrote.
//!
//! Not for: how a format spells what it shows; see [`crate::output`].

/// Whether a character steers a terminal, or reorders what a reader sees.
pub const fn has_power(symbol: char) -> bool {
    symbol.is_ascii_control()
        || matches!(symbol, '\u{80}'..='\u{9f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Text without such characters, so that a vendor's text stays text. Line breaks of any kind and tabs become spaces.
pub fn clean(text: &str) -> String {
    let harmless = |symbol: char| match symbol {
        '\n' | '\t' | '\r' | '\u{2028}' | '\u{2029}' => ' ',
        symbol if has_power(symbol) => '\u{fffd}',
        symbol => symbol,
    };
    text.chars().map(harmless).collect()
}

#[cfg(test)]
mod tests {
    use super::clean;

    #[test]
    fn control_characters_and_reordering_marks_lose_their_power() {
        assert_eq!(clean("a\u{2028}b\u{2029}"), "a b ");
        assert_eq!(clean("a\u{1b}[2Jb\u{7}\nc\u{202e}d\u{9b}1m"), "a\u{fffd}[2Jb\u{fffd} c\u{fffd}d\u{fffd}1m");
    }
}
