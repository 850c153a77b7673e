//! How a finding stands, for formats that want a state: by comparison with an older report, else by the vendor's word.

use super::Baseline;

/// How a finding stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// There, and nothing says that it was seen before.
    New,
    /// There as before.
    Unchanged,
    /// There again, or other than before.
    Changed,
    /// Mended, or not found any more.
    Gone,
    /// There, and somebody decided to live with it.
    Accepted,
}

/// How a finding stands. None where neither a comparison nor a known word tells.
pub(super) fn standing(state: Option<&str>, baseline: Option<Baseline>) -> Option<Standing> {
    match baseline {
        Some(Baseline::New) => return Some(Standing::New),
        Some(Baseline::Unchanged) => return Some(Standing::Unchanged),
        Some(Baseline::Updated) => return Some(Standing::Changed),
        Some(Baseline::Absent) => return Some(Standing::Gone),
        Some(Baseline::Unseen) => return None,
        None => {}
    }
    let state = state?;
    let words = [
        ("new", Standing::New),
        ("active", Standing::New),
        ("open", Standing::New),
        ("resurfaced", Standing::Changed),
        ("reopened", Standing::Changed),
        ("fixed", Standing::Gone),
        ("accepted", Standing::Accepted),
        ("recast", Standing::Accepted),
    ];
    words.into_iter().find(|(word, _)| state.eq_ignore_ascii_case(word)).map(|(_, standing)| standing)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_comparison_says_more_than_a_word_and_a_strange_word_says_nothing() {
        assert_eq!(standing(Some("FIXED"), None), Some(Standing::Gone));
        assert_eq!(standing(Some("FIXED"), Some(Baseline::New)), Some(Standing::New));
        assert_eq!(standing(Some("Resurfaced"), None), Some(Standing::Changed));
        assert_eq!(standing(Some("pending"), None), None);
        assert_eq!(standing(None, None), None);
    }
}
