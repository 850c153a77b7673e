//! Facts of a finding that other programs check before they take them: ids that are ids, times that can be.

use jiff::Timestamp;

use crate::findings::Details;

/// From 1990 to 2100, in milliseconds: what lies outside is no time of a scan but a counter, a default or a mistake.
const PLAUSIBLE: std::ops::Range<i64> = 631_152_000_000..4_102_444_800_000;

/// A time that can be meant.
pub(super) fn plausible(time: Option<Timestamp>) -> Option<Timestamp> {
    time.filter(|time| PLAUSIBLE.contains(&time.as_millisecond()))
}

/// The CVE ids, without what is none.
pub(super) fn cves<'a>(details: &'a Details<'_>) -> impl Iterator<Item = &'a str> + Clone {
    details.cves.iter().map(|cve| cve.trim()).filter(|cve| is_cve(cve))
}

/// The CWE numbers.
pub(super) fn cwes(details: &Details<'_>) -> impl Iterator<Item = u16> {
    details.cwes.iter().filter_map(|cwe| cwe.trim().parse().ok()).filter(|cwe| *cwe > 0)
}

fn is_cve(text: &str) -> bool {
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    text.strip_prefix("CVE-").and_then(|rest| rest.split_once('-')).is_some_and(|(year, number)| {
        year.len() == 4 && (4..=19).contains(&number.len()) && digits(year) && digits(number)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_ids_are_ids() {
        let texts = ["CVE-2021-0001", "cve", "CVE-2021-", " CVE-1999-123456 ", "CVE-2021-0001<b>", "CVE-20211-1"];
        let details = Details {
            cves: texts.map(Into::into).into(),
            cwes: ["79", "CWE-79", "0", "99999999999", "", " 502"].map(Into::into).into(),
            ..Details::default()
        };
        assert_eq!(cves(&details).collect::<Vec<_>>(), ["CVE-2021-0001", "CVE-1999-123456"]);
        assert_eq!(cwes(&details).collect::<Vec<_>>(), [79, 502]);
    }

    #[test]
    fn a_counter_is_no_time() {
        let at = |seconds| plausible(Timestamp::from_second(seconds).ok()).map(Timestamp::as_second);
        assert_eq!([at(0), at(-1), at(1_700_000_000), at(99_999_999_999)], [None, None, Some(1_700_000_000), None]);
    }
}
