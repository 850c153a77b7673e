//! The bytes of exports: `.nessus`, CSV, HTML, PDF, and an opaque database.

use std::fmt::Write as _;

use super::imported::{Upload, UploadedHost};
use super::run::Run;
use super::view::{self, ViewHost, ViewRow};
use crate::sandbox::nessus;

type Passes<'a> = &'a dyn Fn(&ViewHost, &ViewRow) -> bool;

/// `.nessus`, with the rows that pass.
pub fn nessus(name: &str, policy: &str, run: &Run, now: f64, passes: Passes<'_>) -> Vec<u8> {
    let views = view::hosts(run, now);
    if let Some(upload) = &run.upload {
        let all = views.iter().all(|host| host.rows.iter().all(|row| passes(host, row)));
        return if all { upload.bytes.clone() } else { filtered_upload(upload, &views, passes) };
    }
    let mut hosts = view::made(run, now);
    for (host, view) in hosts.iter_mut().zip(&views) {
        let mut rows = view.rows.iter();
        host.findings.retain(|_| rows.next().is_some_and(|row| passes(view, row)));
    }
    hosts.retain(|host| !host.findings.is_empty());
    nessus::report(name, policy, &run.targets, &hosts).into_bytes()
}

/// Writes an upload again with fewer rows.
fn filtered_upload(upload: &Upload, views: &[ViewHost], passes: Passes<'_>) -> Vec<u8> {
    let mut out = String::from("<?xml version=\"1.0\" ?>\n<NessusClientData_v2>\n<Policy><policyName>");
    out.push_str(&markup(&upload.policy));
    let _ = write!(
        out,
        "</policyName></Policy>\n<Report name=\"{}\" xmlns:cm=\"http://www.nessus.org/cm\">",
        markup(&upload.name)
    );
    for (host, view) in upload.hosts.iter().zip(views) {
        filtered_host(&mut out, host, view, passes);
    }
    out.push_str("</Report>\n</NessusClientData_v2>\n");
    out.into_bytes()
}

fn filtered_host(out: &mut String, host: &UploadedHost, view: &ViewHost, passes: Passes<'_>) {
    let _ = write!(out, "<ReportHost name=\"{}\"><HostProperties>", markup(&host.name));
    for (name, value) in &host.tags {
        let _ = write!(out, "<tag name=\"{}\">{}</tag>", markup(name), markup(value));
    }
    out.push_str("</HostProperties>");
    for (row, _) in host.rows.iter().zip(&view.rows).filter(|(_, row)| passes(view, row)) {
        out.push_str("\n<ReportItem");
        for (name, value) in &row.attributes {
            let _ = write!(out, " {name}=\"{}\"", markup(value));
        }
        out.push('>');
        for (name, value) in &row.children {
            let _ = write!(out, "<{name}>{}</{name}>", markup(value));
        }
        out.push_str("</ReportItem>");
    }
    out.push_str("</ReportHost>");
}

fn markup(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// CSV with one line for each CVE of a row.
pub fn csv(hosts: &[ViewHost]) -> Vec<u8> {
    let mut out = String::from(
        "\"Plugin ID\",\"CVE\",\"CVSS\",\"Risk\",\"Host\",\"Protocol\",\"Port\",\"Name\",\"Synopsis\",\"Description\",\
         \"Solution\",\"See Also\",\"Plugin Output\",\"Asset UUID\",\"CVSS3 Base Score\",\"VPR Score\"\r\n",
    );
    let cell = |text: &str| format!("\"{}\"", text.replace('"', "\"\""));
    for host in hosts {
        for row in &host.rows {
            let none = [String::new()];
            for cve in if row.cves.is_empty() { &none[..] } else { &row.cves[..] } {
                let score = |cvss: &Option<[String; 2]>| cvss.as_ref().map(|cvss| cvss[0].clone()).unwrap_or_default();
                let cells = [
                    &row.plugin.to_string(),
                    cve,
                    &score(&row.cvss2),
                    &row.risk,
                    &host.name,
                    &row.protocol,
                    &row.port.to_string(),
                    &row.name,
                    &row.synopsis,
                    &row.description,
                    &row.solution,
                    &row.see_also.join("\n"),
                    &row.output,
                    &host.uuid.clone().unwrap_or_default(),
                    &score(&row.cvss3),
                    &row.vpr.clone().unwrap_or_default(),
                ];
                let line: Vec<String> = cells.iter().map(|text| cell(text)).collect();
                let _ = write!(out, "{}\r\n", line.join(","));
            }
        }
    }
    out.into_bytes()
}

/// A page with a table for each host.
pub fn html(name: &str, chapters: &str, hosts: &[ViewHost]) -> Vec<u8> {
    let name = markup(name);
    let mut out = format!(
        "<!DOCTYPE html>\n<html>\n<head><meta charset=\"utf-8\"><title>{name}</title></head>\n<body>\n<h1>{name}</h1>\n<p>{}</p>\n",
        markup(chapters)
    );
    for host in hosts {
        let _ = write!(
            out,
            "<h2>{}</h2>\n<table>\n<tr><th>Severity</th><th>Port</th><th>Plugin</th><th>Name</th></tr>\n",
            markup(&host.name)
        );
        for row in &host.rows {
            let _ = writeln!(
                out,
                "<tr><td>{}</td><td>{}/{}</td><td>{}</td><td>{}</td></tr>",
                nessus::risk(row.severity),
                row.port,
                row.protocol,
                row.plugin,
                markup(&row.name)
            );
        }
        out.push_str("</table>\n");
    }
    out.push_str("</body>\n</html>\n");
    out.into_bytes()
}

/// A PDF of one page: the name of the scan and a line for each host.
pub fn pdf(name: &str, hosts: &[ViewHost]) -> Vec<u8> {
    let plain = |text: &str| -> String {
        let kept = text.chars().filter(|character| character.is_ascii() && !character.is_ascii_control());
        kept.flat_map(|character| matches!(character, '(' | ')' | '\\').then_some('\\').into_iter().chain([character]))
            .collect()
    };
    let mut page = format!("BT /F1 14 Tf 50 780 Td ({}) Tj /F1 10 Tf", plain(name));
    for host in hosts.iter().take(40) {
        let _ = write!(page, " 0 -16 Td ({}: {} findings) Tj", plain(&host.name), host.rows.len());
    }
    page.push_str(" ET");
    let objects = [
        "<< /Type /Catalog /Pages 2 0 R >>".to_owned(),
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>".to_owned(),
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>"
            .to_owned(),
        format!("<< /Length {} >>\nstream\n{page}\nendstream", page.len()),
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>".to_owned(),
    ];
    let mut out = String::from("%PDF-1.4\n");
    let mut table = String::from("0000000000 65535 f \n");
    for (number, object) in (1..).zip(&objects) {
        let _ = writeln!(table, "{:010} 00000 n ", out.len());
        let _ = write!(out, "{number} 0 obj\n{object}\nendobj\n");
    }
    let start = out.len();
    let _ = write!(
        out,
        "xref\n0 {}\n{table}trailer\n<< /Size {} /Root 1 0 R >>\nstartxref\n{start}\n%%EOF\n",
        objects.len() + 1,
        objects.len() + 1
    );
    out.into_bytes()
}

/// Bytes that nobody can read, as the encrypted database is to everybody without its password.
pub fn database(run: &str) -> Vec<u8> {
    let seed = run.bytes().fold(7_u64, |seed, byte| seed.wrapping_mul(31).wrapping_add(u64::from(byte)));
    let mut random = fastrand::Rng::with_seed(seed);
    let mut out = b"NESSUSDB".to_vec();
    out.extend((0..4096).map(|_| random.u8(..)));
    out
}
