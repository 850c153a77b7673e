//! How findings stand: by comparison with an older report, else by the vendor's word.

use super::Change;

/// How many findings are what, since an older report.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Changes {
    pub new: u64,
    pub changed: u64,
    pub unchanged: u64,
    pub fixed: u64,
    /// Not there any more, which proves nothing.
    pub unseen: u64,
}

impl Changes {
    /// Counts one.
    pub(super) const fn add(&mut self, change: Change) {
        *match change {
            Change::New => &mut self.new,
            Change::Changed => &mut self.changed,
            Change::Unchanged => &mut self.unchanged,
            Change::Fixed => &mut self.fixed,
            Change::Unseen => &mut self.unseen,
        } += 1;
    }
}

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
pub(super) fn standing(state: Option<&str>, change: Option<Change>) -> Option<Standing> {
    match change {
        Some(Change::New) => return Some(Standing::New),
        Some(Change::Unchanged) => return Some(Standing::Unchanged),
        Some(Change::Changed) => return Some(Standing::Changed),
        Some(Change::Fixed) => return Some(Standing::Gone),
        Some(Change::Unseen) => return None,
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
        assert_eq!(standing(Some("FIXED"), Some(Change::New)), Some(Standing::New));
        assert_eq!(standing(Some("Resurfaced"), None), Some(Standing::Changed));
        assert_eq!(standing(Some("pending"), None), None);
        assert_eq!(standing(None, None), None);
    }
}
