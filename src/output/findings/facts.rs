//! Facts of a finding that are judged before anybody is told: scores within their scale, ids that are ids, times that
//! can be. Every format takes them from here, so that one finding says the same in all of them.
//!
//! Not for: `cves` and `cwes` in JSON and CSV, which are the vendor's words.

use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::findings::{Cvss, Details};

/// From 1990 to 2100, in milliseconds: what lies outside is no time of a scan but a counter, a default or a mistake.
const PLAUSIBLE: std::ops::Range<i64> = 631_152_000_000..4_102_444_800_000;

/// A time that can be meant.
pub(super) fn plausible(time: Option<Timestamp>) -> Option<Timestamp> {
    time.filter(|time| PLAUSIBLE.contains(&time.as_millisecond()))
}

/// A score within its scale, from 0; anything else is not known.
fn within(score: Option<f64>, most: f64) -> Option<f64> {
    score.filter(|score| (0.0..=most).contains(score))
}

/// Tenable's Vulnerability Priority Rating, 0 to 10.
pub(super) fn vpr(details: &Details<'_>) -> Option<f64> {
    within(details.vpr, 10.0)
}

/// How probable it is that it will be exploited, 0 to 1.
pub(super) fn epss(details: &Details<'_>) -> Option<f64> {
    within(details.epss, 1.0)
}

/// The base score, 0 to 10.
pub(super) fn base(cvss: &Cvss<'_>) -> Option<f64> {
    within(cvss.base_score, 10.0)
}

/// The temporal score, 0 to 10.
pub(super) fn temporal(cvss: &Cvss<'_>) -> Option<f64> {
    within(cvss.temporal_score, 10.0)
}

/// The base score that stands for a finding where there is room for one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Best {
    pub base: f64,
    /// The major version.
    pub version: u8,
}

/// That of version 3, else of 2, else of 4: in the order in which code scanning is told of it, and the vendors' own
/// severities go by. 0 says that there is none, and stands only where no version has more.
pub(super) fn best_cvss(details: &Details<'_>) -> Option<Best> {
    let versions = [(3, &details.cvss3), (2, &details.cvss2), (4, &details.cvss4)];
    let mut told =
        versions.into_iter().filter_map(|(version, cvss)| Some(Best { base: base(cvss.as_ref()?)?, version }));
    let first = told.clone().next();
    told.find(|best| best.base > 0.0).or(first)
}

/// The CVE ids, without what is none.
pub(super) fn cves<'a>(details: &'a Details<'_>) -> impl Iterator<Item = &'a str> + Clone {
    details.cves.iter().map(|cve| cve.trim()).filter(|cve| is_cve(cve))
}

/// The CWE numbers, each once.
pub(super) fn cwes(details: &Details<'_>) -> impl Iterator<Item = u16> {
    let mut told = BTreeSet::new();
    details.cwes.iter().filter_map(|cwe| cwe_number(cwe.trim())).filter(move |number| told.insert(*number))
}

/// `79`, `CWE-79` or `cwe:79`.
fn cwe_number(text: &str) -> Option<u16> {
    let digits = match text.split_at_checked(3) {
        Some((name, number)) if name.eq_ignore_ascii_case("cwe") => number.trim_start_matches(['-', ':', ' ']),
        _ => text,
    };
    let is_number = digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|number| is_number && *number > 0)
}

fn is_cve(text: &str) -> bool {
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    text.strip_prefix("CVE-").and_then(|rest| rest.split_once('-')).is_some_and(|(year, number)| {
        year.len() == 4 && (4..=19).contains(&number.len()) && digits(year) && digits(number)
    })
}

#[cfg(test)]
mod tests {
    use super::super::sample::{about, document, web};
    use super::super::{FindingFormat, Options};
    use super::*;
    use crate::findings::Severity;

    #[test]
    fn one_finding_says_the_same_in_every_format() {
        let score = |score| Some(Cvss { base_score: Some(score), ..Cvss::default() });
        let details = Details {
            plugin_id: Some("1".into()),
            plugin_name: Some("Flaw".into()),
            severity: Severity::Medium,
            cvss2: score(7.1),
            cvss3: score(5.0),
            cvss4: score(9.3),
            vpr: Some(98765.0),
            cwes: ["CWE-79".into()].into(),
            cves: ["CVE-2021-0001".into(), "CVE-1".into()].into(),
            ..Details::default()
        };
        let hosts = [(web(), vec![details])];
        let written = |format| document(format, &Options::default(), &about(), &hosts);
        for format in FindingFormat::ALL {
            assert!(!written(format).contains("98765"), "{format:?}");
        }
        for (format, best, other) in [
            (FindingFormat::Table, " 5.0 ", "9.3"),
            (FindingFormat::Markdown, "| 5.0 |", "9.3"),
            (FindingFormat::Sarif, "\"security-severity\":\"5.0\"", "9.3"),
            (FindingFormat::Html, ",5.0,null,null,[\"CVE-2021-0001\"]", "9.3,"),
        ] {
            let document = written(format);
            assert!(document.contains(best) && !document.contains(other), "{document}");
        }
        for (format, weakness) in [
            (FindingFormat::Sarif, "\"external/cwe/cwe-79\""),
            (FindingFormat::Ocsf, "\"related_cwes\":[{\"uid\":\"CWE-79\"}]"),
            (FindingFormat::Defectdojo, "\"cwe\":79"),
            (FindingFormat::Html, "\"cwes\":[79]"),
        ] {
            let document = written(format);
            assert!(document.contains(weakness) && !document.contains("CVE-1\""), "{document}");
        }
    }

    #[test]
    fn only_ids_are_ids() {
        let texts = ["CVE-2021-0001", "cve", "CVE-2021-", " CVE-1999-123456 ", "CVE-2021-0001<b>", "CVE-20211-1"];
        let details = Details {
            cves: texts.map(Into::into).into(),
            cwes: ["CWE-79", "79", "cwe:22", "0", "99999999999", "", "+5", "CWE-", "x79", " 502"]
                .map(Into::into)
                .into(),
            ..Details::default()
        };
        assert_eq!(cves(&details).collect::<Vec<_>>(), ["CVE-2021-0001", "CVE-1999-123456"]);
        assert_eq!(cwes(&details).collect::<Vec<_>>(), [79, 22, 502]);
    }

    #[test]
    fn a_score_outside_its_scale_is_none() {
        let of = |score| {
            let details = Details { vpr: Some(score), epss: Some(score), ..Details::default() };
            (vpr(&details), epss(&details))
        };
        assert_eq!(of(0.5), (Some(0.5), Some(0.5)));
        assert_eq!(of(10.0), (Some(10.0), None));
        assert_eq!([of(99.0), of(-0.1), of(f64::NAN), of(f64::INFINITY)], [(None, None); 4]);
    }

    #[test]
    fn the_best_score_is_of_version_3_then_2_then_4() {
        let score = |score| Some(Cvss { base_score: Some(score), ..Cvss::default() });
        let best = |cvss2, cvss3, cvss4| {
            let best = best_cvss(&Details { cvss2, cvss3, cvss4, ..Details::default() });
            best.map(|Best { base, version }| (base, version))
        };
        assert_eq!(best(score(7.1), score(5.0), score(9.3)), Some((5.0, 3)));
        assert_eq!(best(score(7.1), None, score(9.3)), Some((7.1, 2)));
        assert_eq!(best(None, score(11.0), score(9.3)), Some((9.3, 4)));
        assert_eq!(best(score(7.1), score(0.0), None), Some((7.1, 2)));
        assert_eq!(best(None, score(0.0), None), Some((0.0, 3)));
        assert_eq!(best(None, None, None), None);
    }

    #[test]
    fn a_counter_is_no_time() {
        let at = |seconds| plausible(Timestamp::from_second(seconds).ok()).map(Timestamp::as_second);
        assert_eq!([at(0), at(-1), at(1_700_000_000), at(99_999_999_999)], [None, None, Some(1_700_000_000), None]);
    }
}
