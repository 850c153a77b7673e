//! CVSS scores and vectors as other programs take them: a version that is told, a vector that parses.

use super::facts::base;
use crate::findings::Cvss;

/// The longest vector that any consumer takes.
const LONGEST: usize = 255;

/// The metrics that each base vector must have, and their values.
const BASE_3: [(&str, &str); 8] =
    [("AV", "NALP"), ("AC", "LH"), ("PR", "NLH"), ("UI", "NR"), ("S", "UC"), ("C", "NLH"), ("I", "NLH"), ("A", "NLH")];
const BASE_4: [(&str, &str); 11] = [
    ("AV", "NALP"),
    ("AC", "LH"),
    ("AT", "NP"),
    ("PR", "NLH"),
    ("UI", "NPA"),
    ("VC", "HLN"),
    ("VI", "HLN"),
    ("VA", "HLN"),
    ("SC", "HLN"),
    ("SI", "HLN"),
    ("SA", "HLN"),
];

/// A score of one version.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Score<'a> {
    /// `2.0`, `3.0`, `3.1` or `4.0`; none where only the major version is known.
    pub version: Option<&'static str>,
    pub base: Option<f64>,
    /// Without the vendor's own prefix.
    pub vector: Option<&'a str>,
}

/// Version 2.
pub(super) fn version_2<'a>(cvss: &'a Cvss<'_>) -> Score<'a> {
    let vector = cvss.vector.as_deref().map(|vector| vector.strip_prefix("CVSS2#").unwrap_or(vector));
    let vector = vector.filter(|vector| vector.starts_with("AV:") && is_plain(vector));
    Score { version: Some("2.0"), base: base(cvss), vector }
}

/// Version 3, whose minor version only a vector tells.
pub(super) fn version_3<'a>(cvss: &'a Cvss<'_>) -> Score<'a> {
    let told = cvss.vector.as_deref().and_then(|vector| {
        let version = ["3.0", "3.1"].into_iter().find(|version| is_vector(vector, version, &BASE_3))?;
        Some((version, vector))
    });
    Score { version: told.map(|(version, _)| version), base: base(cvss), vector: told.map(|(_, vector)| vector) }
}

/// Version 4.
pub(super) fn version_4<'a>(cvss: &'a Cvss<'_>) -> Score<'a> {
    let vector = cvss.vector.as_deref().filter(|vector| is_vector(vector, "4.0", &BASE_4));
    Score { version: Some("4.0"), base: base(cvss), vector }
}

fn is_plain(vector: &str) -> bool {
    vector.len() <= LONGEST
        && vector.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b':' | b'/' | b'.' | b'-'))
}

fn is_vector(vector: &str, version: &str, wanted: &[(&str, &str)]) -> bool {
    let Some(metrics) = vector.strip_prefix("CVSS:").and_then(|rest| rest.strip_prefix(version)?.strip_prefix('/'))
    else {
        return false;
    };
    if !is_plain(vector) {
        return false;
    }
    let mut seen: Vec<(&str, &str)> = Vec::with_capacity(wanted.len());
    for metric in metrics.split('/') {
        match metric.split_once(':') {
            Some((name, value))
                if !name.is_empty()
                    && !value.is_empty()
                    && !value.contains(':')
                    && !seen.iter().any(|(other, _)| *other == name) =>
            {
                seen.push((name, value));
            }
            _ => return false,
        }
    }
    wanted.iter().all(|(name, values)| {
        seen.iter().any(|(other, value)| other == name && value.len() == 1 && values.contains(value))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cvss(score: f64, vector: &'static str) -> Cvss<'static> {
        Cvss { base_score: Some(score), vector: Some(vector.into()), ..Cvss::default() }
    }

    #[test]
    fn a_version_is_only_what_a_vector_tells() {
        let seen = cvss(9.8, "CVSS:3.0/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H/E:P");
        assert_eq!(version_3(&seen), Score { version: Some("3.0"), base: Some(9.8), vector: seen.vector.as_deref() });
        let none = Score { version: None, base: Some(9.8), vector: None };
        for wrong in [
            "",
            "AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H",
            "CVSS:3.2/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H",
            "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H",
            "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H/A:L",
            "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:X",
            "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:",
            "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H/",
            "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H/<b>:x",
        ] {
            assert_eq!(version_3(&cvss(9.8, wrong)), none, "{wrong}");
        }
        assert_eq!(version_3(&cvss(11.0, "")).base, None);
        assert_eq!(version_3(&cvss(f64::NAN, "")).base, None);
    }

    #[test]
    fn the_vendors_prefix_of_version_2_is_dropped() {
        let prefixed = cvss(7.5, "CVSS2#AV:N/AC:L/Au:N/C:P/I:P/A:P");
        assert_eq!(version_2(&prefixed).vector, Some("AV:N/AC:L/Au:N/C:P/I:P/A:P"));
        assert_eq!(version_2(&cvss(7.5, "CVSS:2.0/AV:N")).vector, None);
        let four = cvss(9.3, "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N");
        assert_eq!(version_4(&four).vector, four.vector.as_deref());
    }
}
