//! How fast reports are decoded, beside a plain reader, and what memory that takes.
//!
//! ```text
//! cargo bench --bench findings                      generates 200 MB and measures every mode, three times each
//! cargo bench --bench findings -- generate MB FILE  writes a report of that size
//! cargo bench --bench findings -- MODE FILE         one mode on one file; its data to stdout, its measure to stderr
//! ```
//!
//! Modes: `plain` is a single-threaded quick-xml reader over a `BufReader` that writes the core columns; `core` writes
//! the same columns through this crate; `facts` and `all` decode more and count bytes; `rows` writes every decoded
//! value as a line of JSON, to be compared with an independent reader by `benches/nessus_peers.py`.

#[path = "support/gen.rs"]
mod generate;

use std::fs::File;
use std::hint::black_box;
use std::io::{self, BufReader, BufWriter, Write};
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context as _, bail};
use quick_xml::XmlVersion;
use quick_xml::events::{BytesStart, Event};
use scanctl::error::{Error, Result};
use scanctl::exit::Exit;
use scanctl::findings::{Decoded, Details, Finding, FindingSink, Needs, Origin, decode};
use serde_json::{Value, json};

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        [] => everything(200),
        ["generate", megabytes, file] => {
            let bytes = megabytes.parse::<u64>()? * 1_000_000;
            let mut out = BufWriter::new(File::create(file)?);
            generate::report(&mut out, 1, bytes)?;
            Ok(out.flush()?)
        }
        [mode, file] => one(mode, file),
        _ => bail!("expected nothing, `generate MB FILE`, or `MODE FILE`"),
    }
}

const MODES: [&str; 4] = ["plain", "core", "facts", "all"];

/// Every mode in a process of its own, in turns, on one generated file.
fn everything(megabytes: u64) -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("report.nessus");
    let mut out = BufWriter::new(File::create(&file)?);
    let bytes = generate::report(&mut out, 1, megabytes * 1_000_000)?;
    out.flush()?;
    let mut best = [f64::INFINITY; MODES.len()];
    let mut peak = [0; MODES.len()];
    for _ in 0..3 {
        for (index, mode) in MODES.iter().enumerate() {
            let run = Command::new(std::env::current_exe()?).arg(mode).arg(&file).stdout(Stdio::null()).output()?;
            let text = String::from_utf8_lossy(&run.stderr).into_owned();
            let measure: Value = serde_json::from_str(text.lines().last().unwrap_or_default()).context(text.clone())?;
            best[index] = best[index].min(measure["seconds"].as_f64().unwrap_or(f64::INFINITY));
            peak[index] = peak[index].max(measure["peak_kib"].as_u64().unwrap_or_default());
        }
    }
    let mut stdout = io::stdout().lock();
    for (index, mode) in MODES.iter().enumerate() {
        let speed = bytes as f64 / best[index] / 1e6;
        let ratio = best[0] / best[index];
        writeln!(stdout, "{mode:6} {speed:7.0} MB/s  {ratio:5.2} of plain  peak {:6} KiB", peak[index])?;
    }
    Ok(())
}

fn one(mode: &str, file: &str) -> anyhow::Result<()> {
    let source = File::open(file)?;
    let bytes = source.metadata()?.len();
    let mut out = BufWriter::with_capacity(256 * 1024, io::stdout());
    let begun = Instant::now();
    let decoded = match mode {
        "plain" => {
            plain(BufReader::with_capacity(64 * 1024, source), &mut out)?;
            Decoded::default()
        }
        "core" => decode(source, &Origin::default(), &mut Columns(&mut out))?,
        "facts" => decode(source, &Origin::default(), &mut Bytes { needs: Needs::Facts, seen: 0 })?,
        "all" => decode(source, &Origin::default(), &mut Bytes { needs: Needs::All, seen: 0 })?,
        "rows" => decode(source, &Origin::default(), &mut Rows(&mut out))?,
        _ => bail!("unknown mode `{mode}`"),
    };
    out.flush()?;
    let seconds = begun.elapsed().as_secs_f64();
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
    let measure = json!({
        "mode": mode,
        "seconds": seconds,
        "megabytes_a_second": bytes as f64 / seconds / 1e6,
        "peak_kib": peak.trim().trim_end_matches(" kB").parse::<u64>().ok(),
        "hosts": decoded.hosts,
        "findings": decoded.findings,
        "replaced": decoded.replaced,
        "problem": decoded.problem.as_ref().map(Error::one_line),
    });
    writeln!(io::stderr(), "{measure}")?;
    Ok(())
}

fn failed(problem: io::Error) -> Error {
    Error::new(Exit::Internal, problem.to_string())
}

/// One CSV line.
fn line(out: &mut impl Write, cells: [&str; 9]) -> io::Result<()> {
    for (index, cell) in cells.into_iter().enumerate() {
        if index > 0 {
            out.write_all(b",")?;
        }
        if cell.bytes().any(|byte| matches!(byte, b',' | b'"' | b'\n' | b'\r')) {
            write!(out, "\"{}\"", cell.replace('"', "\"\""))?;
        } else {
            out.write_all(cell.as_bytes())?;
        }
    }
    out.write_all(b"\n")
}

const SEVERITIES: [&str; 5] = ["info", "low", "medium", "high", "critical"];

/// The peer: what one writes with quick-xml's buffered reader for the same columns.
fn plain(source: impl io::BufRead, out: &mut impl Write) -> anyhow::Result<()> {
    fn attribute<'a>(tag: &'a BytesStart<'_>, name: &str) -> anyhow::Result<std::borrow::Cow<'a, str>> {
        Ok(match tag.try_get_attribute(name)? {
            Some(attribute) => attribute.normalized_value(XmlVersion::Implicit1_0)?,
            None => "".into(),
        })
    }
    let mut reader = quick_xml::Reader::from_reader(source);
    let mut buffer = Vec::new();
    let (mut host, mut ip) = (String::new(), String::new());
    let mut in_ip = false;
    loop {
        let event = reader.read_event_into(&mut buffer)?;
        match &event {
            Event::Start(tag) | Event::Empty(tag) => match tag.name().as_ref() {
                "ReportHost" => {
                    host = attribute(tag, "name")?.into_owned();
                    ip.clear();
                }
                "tag" => in_ip = matches!(event, Event::Start(_)) && attribute(tag, "name")? == "host-ip",
                "ReportItem" => {
                    let severity: usize = attribute(tag, "severity")?.parse().unwrap_or_default();
                    let cells = [
                        host.as_str(),
                        &ip,
                        &attribute(tag, "port")?,
                        &attribute(tag, "protocol")?,
                        &attribute(tag, "svc_name")?,
                        SEVERITIES.get(severity).copied().unwrap_or("info"),
                        &attribute(tag, "pluginID")?,
                        &attribute(tag, "pluginName")?,
                        &attribute(tag, "pluginFamily")?,
                    ];
                    line(out, cells)?;
                }
                _ => {}
            },
            Event::Text(text) if in_ip => ip.push_str(&text.xml10_content()),
            Event::End(_) => in_ip = false,
            Event::Eof => return Ok(()),
            _ => {}
        }
        buffer.clear();
    }
}

/// The same columns as `plain`.
struct Columns<W>(W);

impl<W: Write + Send> FindingSink for Columns<W> {
    fn finding(&mut self, finding: &Finding<'_>) -> Result<()> {
        let details = finding.details;
        let mut port = [0; 5];
        let cells = [
            finding.host.name.as_ref(),
            finding.host.ip.as_deref().unwrap_or_default(),
            decimal(details.port, &mut port),
            details.protocol.as_deref().unwrap_or_default(),
            details.service.as_deref().unwrap_or_default(),
            details.severity.name(),
            details.plugin_id.as_deref().unwrap_or_default(),
            details.plugin_name.as_deref().unwrap_or_default(),
            details.plugin_family.as_deref().unwrap_or_default(),
        ];
        black_box(finding.id);
        line(&mut self.0, cells).map_err(failed)
    }

    fn needs(&self) -> Needs {
        Needs::Core
    }
}

fn decimal(number: Option<u16>, buffer: &mut [u8; 5]) -> &str {
    let mut left = &mut buffer[..];
    let free = match number.map(|number| write!(left, "{number}")) {
        Some(Ok(())) => left.len(),
        _ => 5,
    };
    std::str::from_utf8(&buffer[..5 - free]).unwrap_or_default()
}

/// Looks at everything and keeps nothing.
struct Bytes {
    needs: Needs,
    seen: usize,
}

impl FindingSink for Bytes {
    fn finding(&mut self, finding: &Finding<'_>) -> Result<()> {
        let Details { output, description, solution, synopsis, cves, see_also, .. } = finding.details;
        let texts = [output, description, solution, synopsis].into_iter().flatten().chain(cves).chain(see_also);
        self.seen = black_box(self.seen + texts.map(|text| text.len()).sum::<usize>());
        Ok(())
    }

    fn needs(&self) -> Needs {
        self.needs
    }
}

/// Every value, as JSON.
struct Rows<W>(W);

impl<W: Write + Send> FindingSink for Rows<W> {
    fn finding(&mut self, finding: &Finding<'_>) -> Result<()> {
        serde_json::to_writer(&mut self.0, &row(finding)).map_err(|problem| failed(problem.into()))?;
        self.0.write_all(b"\n").map_err(failed)
    }
}

fn row(finding: &Finding<'_>) -> Value {
    let host = finding.host;
    let Details {
        port,
        protocol,
        service,
        plugin_id,
        plugin_name,
        plugin_family,
        plugin_type,
        severity,
        severity_source: _,
        risk_factor,
        cvss2,
        cvss3,
        cvss4,
        vpr,
        epss,
        cves,
        cwes,
        xrefs,
        synopsis,
        description,
        solution,
        see_also,
        output,
        exploit,
        dates,
        compliance,
        attachments,
        first_seen: _,
        last_seen,
        state: _,
        other,
    } = finding.details;
    let scores = [cvss2, cvss3, cvss4].map(|cvss| {
        cvss.as_ref().map(|cvss| json!([cvss.base_score, cvss.vector, cvss.temporal_score, cvss.temporal_vector]))
    });
    let compliance = compliance.as_ref().map(|check| {
        json!({
            "check-id": check.check_id, "check-name": check.check_name, "result": check.result,
            "actual-value": check.actual_value, "policy-value": check.policy_value, "info": check.info,
            "solution": check.solution, "audit-file": check.audit_file, "reference": check.reference,
            "see-also": check.see_also, "error": check.error,
        })
    });
    let attachments: Vec<Value> = attachments.iter().map(|file| json!([file.name, file.media_type])).collect();
    json!({
        "id": finding.id.to_string(),
        "host": {
            "name": host.name, "fqdn": host.fqdn, "ip": host.ip, "macs": host.macs, "netbios": host.netbios,
            "os": host.os, "uuid": host.uuid, "started_at": host.started_at, "ended_at": host.ended_at,
            "properties": host.properties,
        },
        "port": port, "protocol": protocol, "service": service, "plugin_id": plugin_id, "plugin_name": plugin_name,
        "plugin_family": plugin_family, "plugin_type": plugin_type, "severity": severity.name(),
        "risk_factor": risk_factor, "cvss": scores, "vpr": vpr, "epss": epss, "cves": cves, "cwes": cwes,
        "xrefs": xrefs, "synopsis": synopsis, "description": description, "solution": solution,
        "see_also": see_also, "output": output,
        "exploit": [exploit.available, exploit.by_malware, exploit.by_scanner],
        "exploit_words": [exploit.ease, exploit.code_maturity, exploit.cisa_known],
        "frameworks": exploit.frameworks,
        "dates": [dates.plugin_published, dates.plugin_modified, dates.vulnerability_published, dates.patch_published],
        "compliance": compliance, "attachments": attachments, "last_seen": last_seen, "other": other,
    })
}
