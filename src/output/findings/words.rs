//! Counts and times as a reader wants them.

use jiff::Timestamp;

/// A number with its thousands apart.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A number and what it counts.
pub(super) fn counted(count: u64, one: &str, many: &str) -> String {
    format!("{} {}", grouped(count), if count == 1 { one } else { many })
}

/// What a filter does to a document. `filter` is marked up already; `left_out` is known where findings are not compared.
pub(super) fn filtered(filter: &str, left_out: Option<u64>) -> String {
    match left_out {
        None => format!("Only findings that pass {filter} are compared."),
        Some(count) => {
            let (count, are) = match count {
                0 => ("none".to_owned(), "is"),
                1 => ("1 other".to_owned(), "is"),
                count => (format!("{} others", grouped(count)), "are"),
            };
            format!("Only findings that pass {filter} are counted and listed; {count} {are} left out.")
        }
    }
}

/// From when to when something was, in minutes.
pub(super) fn times(started_at: Option<Timestamp>, ended_at: Option<Timestamp>) -> Option<String> {
    let minute = |time: Timestamp| time.strftime("%Y-%m-%d %H:%M").to_string();
    match (started_at, ended_at) {
        (Some(start), Some(end)) => Some(format!("{} – {} UTC", minute(start), minute(end))),
        (Some(start), None) => Some(format!("began {} UTC", minute(start))),
        (None, Some(end)) => Some(format!("ended {} UTC", minute(end))),
        (None, None) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_apart() {
        assert_eq!([0, 999, 1000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!((counted(1, "host", "hosts"), counted(2, "host", "hosts")), ("1 host".into(), "2 hosts".into()));
    }

    #[test]
    fn times_are_told_as_far_as_they_are_known() {
        let at = |text: &str| Some(text.parse().unwrap());
        let (start, end) = (at("2026-11-20T01:00:59Z"), at("2026-11-20T02:10:00Z"));
        assert_eq!(times(start, end).unwrap(), "2026-11-20 01:00 – 2026-11-20 02:10 UTC");
        assert_eq!(times(None, end).unwrap(), "ended 2026-11-20 02:10 UTC");
        assert_eq!(times(None, None), None);
    }
}
