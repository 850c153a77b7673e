//! One row of a host: where each of its elements belongs.

use std::borrow::Cow;
use std::collections::BTreeSet;

use super::super::markup::{Cursor, Markup, Result};
use super::{DESCRIPTION, Evidence, OUTPUT, Reading, lines, of_check, trimmed};
use crate::findings::Needs;
use crate::findings::shape::{Attachment, Compliance, Cvss, Details, Severity, SeveritySource, Text};

/// Reads a row whose start tag was just read, and where its output stands.
pub(super) fn read_row<'a>(
    row: &mut Details<'a>,
    cursor: &mut Cursor<'a>,
    empty: bool,
    reading: Reading,
) -> Result<Option<Evidence>> {
    let mut severity = None;
    // That of the newest version, and its place in BASE_SCORES.
    let mut base_score: Option<(usize, f64)> = None;
    cursor.each_attribute(|name, value| {
        let slot = match name {
            "port" => {
                row.port = value.trim().parse().ok();
                return;
            }
            "severity" => {
                severity = value.trim().parse().ok().and_then(Severity::from_rank).or_else(|| of_risk(&value));
                return;
            }
            "svc_name" => &mut row.service,
            "protocol" => &mut row.protocol,
            "pluginID" => &mut row.plugin_id,
            "pluginName" => &mut row.plugin_name,
            "pluginFamily" => &mut row.plugin_family,
            _ => {
                if reading.needs == Needs::All {
                    row.other.push((name.into(), value));
                }
                return;
            }
        };
        *slot = present(trimmed(value));
    })?;
    let mut evidence = None;
    let mut open = !empty;
    while open {
        let between = cursor.until_markup()?;
        cursor.check_references(between)?;
        match cursor.markup()? {
            Markup::Start { name, empty } => {
                cursor.refuse_inside(name, "ReportItem")?;
                let at = cursor.at;
                let known = evidence;
                match name {
                    OUTPUT if !empty && !matches!(evidence, Some(Evidence::Output(_) | Evidence::OwnOutput)) => {
                        evidence = Some(Evidence::Output(at));
                    }
                    DESCRIPTION if !empty && evidence.is_none() => evidence = Some(Evidence::Description(at)),
                    // Whatever else is read of the row: its severity is always wanted.
                    _ if severity.is_none() && !empty => {
                        let text = || cursor.elsewhere(at).element_text(name).ok();
                        if name == "risk_factor" {
                            severity = text().and_then(|word| of_risk(&word));
                        } else if let Some(version) = BASE_SCORES.iter().position(|known| *known == name)
                            && base_score.is_none_or(|(known, _)| version > known)
                            && let Some(score) = text().and_then(|text| on_scale(&text, 10.0))
                        {
                            base_score = Some((version, score));
                        }
                    }
                    _ => {}
                }
                let had = (row.output.is_some(), row.description.is_some());
                child(row, cursor, name, empty, reading)?;
                // A long text is not unescaped twice.
                if evidence != known {
                    match (evidence, had) {
                        (Some(Evidence::Output(_)), (false, _)) if row.output.is_some() => {
                            evidence = Some(Evidence::OwnOutput);
                        }
                        (Some(Evidence::Description(_)), (_, false)) if row.description.is_some() => {
                            evidence = Some(Evidence::OwnDescription);
                        }
                        _ => {}
                    }
                }
            }
            Markup::End { name: "ReportItem" } => open = false,
            Markup::End { name } => return cursor.malformed(format!("`</{name}>` where `ReportItem` is open")),
            Markup::Characters(_) | Markup::Nothing => {}
        }
    }
    row.severity = severity.unwrap_or_else(|| Severity::of_score(base_score.map_or(0.0, |(_, score)| score)));
    if severity.is_none() {
        row.severity_source = SeveritySource::Derived;
    }
    let mut numbers = row.xrefs.iter().filter_map(cwe_of).peekable();
    if numbers.peek().is_some() {
        let mut known: BTreeSet<_> = row.cwes.iter().cloned().collect();
        row.cwes.extend(numbers.filter(|number| known.insert(number.clone())));
    }
    Ok(evidence)
}

/// Reads one child of a row whose start tag was just read.
fn child<'a>(
    row: &mut Details<'a>,
    cursor: &mut Cursor<'a>,
    name: &'a str,
    empty: bool,
    reading: Reading,
) -> Result<()> {
    if !reading.wants(name) {
        cursor.each_attribute(|_, _| ())?;
        return if empty { Ok(()) } else { cursor.skip_element(name) };
    }
    if name == "attachment" {
        let mut attachment = Attachment::default();
        cursor.each_attribute(|attribute, value| match attribute {
            "name" => attachment.name = value,
            "type" => attachment.media_type = present(value),
            _ => {}
        })?;
        if !empty {
            // Whole files, which nobody wants: of large rows they are not even held.
            cursor.skip_element(name)?;
        }
        row.attachments.push(attachment);
        return Ok(());
    }
    cursor.each_attribute(|_, _| ())?;
    let text = if empty { Cow::Borrowed("") } else { cursor.element_text(name)? };
    if let Some(unused) = place(row, name, text)
        && reading.needs == Needs::All
        && !(unused.is_empty() && is_single(name))
    {
        row.other.push((name.into(), unused));
    }
    Ok(())
}

/// Whether an element has a place of its own, so that without text it says nothing.
fn is_single(name: &str) -> bool {
    matches!(name, OUTPUT | DESCRIPTION | "synopsis" | "solution" | "see_also" | "cve" | "cwe" | "xref")
}

/// Puts a child's text where it belongs, or gives it back if it belongs nowhere or its place is taken.
fn place<'a>(row: &mut Details<'a>, name: &str, text: Text<'a>) -> Option<Text<'a>> {
    if let Some(rest) = name.strip_prefix("cvss") {
        return cvss(row, rest, text);
    }
    if let Some(rest) = of_check(name) {
        return compliance(row, rest, text);
    }
    if let Some(framework) = name.strip_prefix("exploit_framework_") {
        let Some(framework) = FRAMEWORKS.into_iter().find(|known| *known == framework) else { return Some(text) };
        return match truth(&text) {
            Some(true) => {
                row.exploit.frameworks.push(framework);
                None
            }
            _ => Some(text),
        };
    }
    let exploit = &mut row.exploit;
    match name {
        OUTPUT => whole(&mut row.output, text),
        DESCRIPTION => whole(&mut row.description, text),
        "synopsis" => whole(&mut row.synopsis, text),
        "solution" => whole(&mut row.solution, text),
        "see_also" => {
            row.see_also.append(&mut lines(text));
            None
        }
        "cve" => several(&mut row.cves, text),
        "xref" => several(&mut row.xrefs, text),
        "cwe" => several(&mut row.cwes, text),
        "risk_factor" => short(&mut row.risk_factor, text),
        "plugin_type" => short(&mut row.plugin_type, text),
        "plugin_name" if row.plugin_name.is_none() => short(&mut row.plugin_name, text),
        "vpr_score" => score(&mut row.vpr, 10.0, text),
        "epss_score" => score(&mut row.epss, 1.0, text),
        "exploit_available" => flag(&mut exploit.available, text),
        "exploitability_ease" => short(&mut exploit.ease, text),
        "exploit_code_maturity" => short(&mut exploit.code_maturity, text),
        "exploited_by_malware" => flag(&mut exploit.by_malware, text),
        "exploited_by_nessus" => flag(&mut exploit.by_scanner, text),
        "cisa-known-exploited" => short(&mut exploit.cisa_known, text),
        "plugin_publication_date" => short(&mut row.dates.plugin_published, text),
        "plugin_modification_date" => short(&mut row.dates.plugin_modified, text),
        "vuln_publication_date" => short(&mut row.dates.vulnerability_published, text),
        "patch_publication_date" => short(&mut row.dates.patch_published, text),
        "compliance" => match truth(&text) {
            Some(true) => {
                row.compliance.get_or_insert_default();
                None
            }
            _ => Some(text),
        },
        _ => Some(text),
    }
}

/// The elements that a severity is derived from where the row has none, the oldest version first.
const BASE_SCORES: [&str; 3] = ["cvss_base_score", "cvss3_base_score", "cvss4_base_score"];

/// Exploit frameworks that the vendor names in an element of their own.
const FRAMEWORKS: [&str; 5] = ["core", "metasploit", "canvas", "exploithub", "d2_elliot"];

/// `name` is what follows `cvss`.
fn cvss<'a>(row: &mut Details<'a>, name: &str, text: Text<'a>) -> Option<Text<'a>> {
    let (version, name) = match name.as_bytes().first() {
        Some(b'_') => (&mut row.cvss2, name),
        Some(b'3') => (&mut row.cvss3, &name[1..]),
        Some(b'4') => (&mut row.cvss4, &name[1..]),
        _ => return Some(text),
    };
    let mut scores = version.take().unwrap_or_default();
    let unused = match name {
        "_base_score" => score(&mut scores.base_score, 10.0, text),
        "_vector" => short(&mut scores.vector, text),
        "_temporal_score" | "_threat_score" => score(&mut scores.temporal_score, 10.0, text),
        "_temporal_vector" | "_threat_vector" => short(&mut scores.temporal_vector, text),
        _ => Some(text),
    };
    *version = Some(scores).filter(|scores| *scores != Cvss::default());
    unused
}

/// `name` is what follows `compliance-`.
fn compliance<'a>(row: &mut Details<'a>, name: &str, text: Text<'a>) -> Option<Text<'a>> {
    let check: &mut Compliance<'a> = row.compliance.get_or_insert_default();
    match name {
        "check-id" => short(&mut check.check_id, text),
        "check-name" => short(&mut check.check_name, text),
        "result" => short(&mut check.result, text),
        "actual-value" => whole(&mut check.actual_value, text),
        "policy-value" => whole(&mut check.policy_value, text),
        "info" => whole(&mut check.info, text),
        "solution" => whole(&mut check.solution, text),
        "audit-file" => short(&mut check.audit_file, text),
        "reference" => whole(&mut check.reference, text),
        "see-also" => short(&mut check.see_also, text),
        "error" => whole(&mut check.error, text),
        _ => Some(text),
    }
}

/// The number of a reference to a CWE.
fn cwe_of<'a>(xref: &Text<'a>) -> Option<Text<'a>> {
    let number = match xref {
        Cow::Borrowed(text) => Cow::Borrowed(text.strip_prefix("CWE:")?.trim()),
        Cow::Owned(text) => Cow::Owned(text.strip_prefix("CWE:")?.trim().to_owned()),
    };
    present(number)
}

fn of_risk(word: &str) -> Option<Severity> {
    match word.trim() {
        "None" => Some(Severity::Info),
        word => Severity::ALL.into_iter().find(|severity| severity.name().eq_ignore_ascii_case(word)),
    }
}

/// Long text, as it is.
fn whole<'a>(slot: &mut Option<Text<'a>>, text: Text<'a>) -> Option<Text<'a>> {
    if slot.is_some() || text.is_empty() {
        return Some(text);
    }
    *slot = Some(text);
    None
}

/// Short text, without white space around it.
fn short<'a>(slot: &mut Option<Text<'a>>, text: Text<'a>) -> Option<Text<'a>> {
    whole(slot, trimmed(text))
}

fn several<'a>(list: &mut Vec<Text<'a>>, text: Text<'a>) -> Option<Text<'a>> {
    let text = trimmed(text);
    if text.is_empty() {
        return Some(text);
    }
    list.push(text);
    None
}

/// A score on a scale from 0.
fn score<'a>(slot: &mut Option<f64>, most: f64, text: Text<'a>) -> Option<Text<'a>> {
    match on_scale(&text, most) {
        Some(number) if slot.is_none() => {
            *slot = Some(number);
            None
        }
        _ => Some(text),
    }
}

fn on_scale(text: &str, most: f64) -> Option<f64> {
    text.trim().parse().ok().filter(|number| (0.0..=most).contains(number))
}

fn flag<'a>(slot: &mut Option<bool>, text: Text<'a>) -> Option<Text<'a>> {
    match truth(&text) {
        Some(truth) if slot.is_none() => {
            *slot = Some(truth);
            None
        }
        _ => Some(text),
    }
}

fn truth(text: &str) -> Option<bool> {
    let text = text.trim();
    if text.eq_ignore_ascii_case("true") {
        Some(true)
    } else if text.eq_ignore_ascii_case("false") {
        Some(false)
    } else {
        None
    }
}

fn present(text: Text<'_>) -> Option<Text<'_>> {
    Some(text).filter(|text| !text.is_empty())
}
