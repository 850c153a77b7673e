//! Rows of a result in one form, whether a scanner here found them or an uploaded report holds them. Not for how the
//! analysis groups and shows them.

use super::super::nessus::{self, Finding, Host};

/// One row: a plugin, a host, a port, what was seen. Lists are joined with commas.
#[derive(Debug, Clone, Default, PartialEq)]
pub(in crate::sandbox) struct Record {
    pub(super) ip: String,
    pub(super) dns: String,
    pub(super) netbios: String,
    pub(super) mac: String,
    pub(super) os: String,
    pub(super) port: u16,
    pub(super) protocol: String,
    pub(super) service: String,
    pub(super) plugin: u64,
    pub(super) name: String,
    pub(super) family: String,
    /// 0 to 4.
    pub(super) severity: u8,
    pub(super) risk: String,
    pub(super) synopsis: String,
    pub(super) description: String,
    pub(super) solution: String,
    pub(super) see_also: String,
    pub(super) output: String,
    pub(super) cvss2: String,
    pub(super) cvss2_vector: String,
    pub(super) cvss3: String,
    pub(super) cvss3_vector: String,
    pub(super) cvss4: String,
    pub(super) cvss4_vector: String,
    pub(super) vpr: String,
    pub(super) epss: String,
    pub(super) cve: String,
    pub(super) bid: String,
    pub(super) xref: String,
    pub(super) cpe: String,
    pub(super) exploit: bool,
    pub(super) check_type: String,
    pub(super) version: String,
    /// `YYYY/MM/DD`, empty for unknown.
    pub(super) published: String,
    /// `YYYY/MM/DD`, empty for unknown.
    pub(super) modified: String,
}

/// The rows of scanned hosts.
pub(super) fn of_hosts(hosts: &[Host]) -> Vec<Record> {
    hosts.iter().flat_map(|host| host.findings.iter().map(|finding| of_finding(host, finding))).collect()
}

fn of_finding(host: &Host, finding: &Finding) -> Record {
    let plugin = finding.plugin;
    let text = |cvss: Option<nessus::Cvss>| {
        cvss.map_or_else(Default::default, |cvss| {
            // Scores come with the report's prefix, vectors here without.
            let vector = cvss.vector.split_once('#').map_or(cvss.vector, |(_, vector)| vector);
            let vector =
                if vector.starts_with("CVSS:") { vector.split_once('/').map_or("", |(_, rest)| rest) } else { vector };
            (cvss.score.to_owned(), vector.to_owned())
        })
    };
    let ((cvss2, cvss2_vector), (cvss3, cvss3_vector)) = (text(plugin.cvss2), text(plugin.cvss3));
    let (cvss4, cvss4_vector) = text(plugin.cvss4);
    let weaknesses = plugin.cwes.iter().map(|cwe| format!("CWE #{cwe}"));
    let references = plugin.references.iter().map(|reference| reference.replacen(':', " #", 1));
    Record {
        ip: host.ip.clone(),
        dns: host.fqdn.clone().unwrap_or_default(),
        netbios: host.netbios.clone().unwrap_or_default(),
        mac: host.mac.clone().unwrap_or_default(),
        os: host.os.unwrap_or_default().into(),
        port: finding.port,
        protocol: finding.protocol.into(),
        service: finding.service.into(),
        plugin: plugin.id.into(),
        name: plugin.name.into(),
        family: plugin.family.into(),
        severity: finding.severity(),
        risk: nessus::risk(plugin.severity).into(),
        synopsis: plugin.synopsis.into(),
        description: finding.check.map_or_else(|| plugin.description.into(), nessus::compliance_text),
        solution: plugin.solution.into(),
        see_also: plugin.see_also.join("\n"),
        output: finding.check.map_or_else(|| finding.output.clone(), nessus::compliance_text),
        cvss2,
        cvss2_vector,
        cvss3,
        cvss3_vector,
        cvss4,
        cvss4_vector,
        vpr: plugin.vpr.unwrap_or_default().into(),
        epss: plugin.epss.unwrap_or_default().into(),
        cve: plugin.cves.join(","),
        bid: String::new(),
        xref: weaknesses.chain(references).collect::<Vec<_>>().join(","),
        cpe: String::new(),
        exploit: plugin.exploit == Some(true),
        check_type: plugin.kind.into(),
        version: "1.17".into(),
        published: plugin.published.into(),
        modified: plugin.modified.into(),
    }
}

/// Whether a file can be imported: a second-version report, from its first element to its last.
pub(super) fn is_document(text: &str) -> bool {
    let text = text.trim();
    text.contains("<NessusClientData_v2") && text.ends_with("</NessusClientData_v2>")
}

/// The rows of an uploaded report. It reads what such reports are made of and nothing else: no CDATA, no comments
/// within elements, no entity declarations.
pub(super) fn of_document(text: &str) -> Vec<Record> {
    let mut records = Vec::new();
    for host in blocks(text, "ReportHost") {
        let tag = |name: &str| {
            let start = format!("<tag name=\"{name}\">");
            let rest = host.split_once(&start).map(|(_, rest)| rest);
            rest.and_then(|rest| rest.split_once('<')).map(|(value, _)| unescape(value)).unwrap_or_default()
        };
        let ip = Some(tag("host-ip")).filter(|ip| !ip.is_empty()).unwrap_or_else(|| attribute(host, "name"));
        let (dns, netbios, mac, os) =
            (tag("host-fqdn"), tag("netbios-name"), tag("mac-address"), tag("operating-system"));
        for item in blocks(host, "ReportItem") {
            let child = |name: &str| blocks(item, name).next().map(content).unwrap_or_default();
            let children = |name: &str| blocks(item, name).map(content).collect::<Vec<_>>().join(",");
            records.push(Record {
                ip: ip.clone(),
                dns: dns.clone(),
                netbios: netbios.clone(),
                mac: mac.clone(),
                os: os.clone(),
                port: attribute(item, "port").parse().unwrap_or_default(),
                protocol: attribute(item, "protocol"),
                service: attribute(item, "svc_name"),
                plugin: attribute(item, "pluginID").parse().unwrap_or_default(),
                name: attribute(item, "pluginName"),
                family: attribute(item, "pluginFamily"),
                severity: attribute(item, "severity").parse::<u8>().unwrap_or_default().min(4),
                risk: child("risk_factor"),
                synopsis: child("synopsis"),
                description: child("description"),
                solution: child("solution"),
                see_also: child("see_also"),
                output: child("plugin_output"),
                cvss2: child("cvss_base_score"),
                cvss2_vector: child("cvss_vector").replacen("CVSS2#", "", 1),
                cvss3: child("cvss3_base_score"),
                cvss3_vector: child("cvss3_vector").replacen("CVSS:3.0/", "", 1),
                cvss4: child("cvss4_base_score"),
                cvss4_vector: child("cvss4_vector").replacen("CVSS:4.0/", "", 1),
                vpr: child("vpr_score"),
                epss: child("epss_score"),
                cve: children("cve"),
                bid: children("bid"),
                xref: children("xref").replace(':', " #"),
                cpe: children("cpe"),
                exploit: child("exploit_available") == "true",
                check_type: child("plugin_type"),
                version: child("script_version"),
                published: child("plugin_publication_date"),
                modified: child("plugin_modification_date"),
            });
        }
    }
    records
}

/// The elements of one name, from after the name to before the end tag; empty elements too.
fn blocks<'a>(text: &'a str, name: &str) -> impl Iterator<Item = &'a str> {
    let (open, close) = (format!("<{name}"), format!("</{name}>"));
    let mut rest = text;
    std::iter::from_fn(move || {
        loop {
            let (_, after) = rest.split_once(&open)?;
            rest = after;
            // `<ReportHost` must not match `<ReportHosts`.
            if !after.starts_with([' ', '>', '/', '\t', '\n', '\r']) {
                continue;
            }
            let head = after.split_once('>').map_or(after, |(head, _)| head);
            if head.ends_with('/') {
                return Some(head);
            }
            let (block, after) = after.split_once(&close)?;
            rest = after;
            return Some(block);
        }
    })
}

fn content(block: &str) -> String {
    block.split_once('>').map(|(_, inner)| unescape(inner.trim())).unwrap_or_default()
}

fn attribute(block: &str, name: &str) -> String {
    let head = block.split_once('>').map_or(block, |(head, _)| head);
    let value = head.split_once(&format!(" {name}=\"")).map(|(_, rest)| rest);
    value.and_then(|rest| rest.split_once('"')).map(|(value, _)| unescape(value)).unwrap_or_default()
}

fn unescape(text: &str) -> String {
    text.replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&apos;", "'")
        .replace("&#39;", "'")
        .replace("&amp;", "&")
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOCUMENT: &str = r#"<?xml version="1.0" ?>
<NessusClientData_v2><Report name="x"><ReportHost name="db"><HostProperties>
<tag name="host-ip">192.0.2.9</tag><tag name="host-fqdn">db.example.org</tag></HostProperties>
<ReportItem port="22" svc_name="ssh" protocol="tcp" severity="4" pluginID="7" pluginName="A &amp; B" pluginFamily="F">
<cve>CVE-2020-1</cve><cve>CVE-2020-2</cve><cvss3_base_score>9.8</cvss3_base_score>
<plugin_output>one
two &lt;three&gt;</plugin_output></ReportItem>
<ReportItem port="0" svc_name="general" protocol="tcp" severity="0" pluginID="8" pluginName="C" pluginFamily="F"/>
</ReportHost></Report></NessusClientData_v2>
"#;

    #[test]
    fn uploaded_reports_are_read() {
        assert!(is_document(DOCUMENT));
        assert!(!is_document(&DOCUMENT[..200]));
        let records = of_document(DOCUMENT);
        assert_eq!(records.len(), 2);
        assert_eq!((records[0].ip.as_str(), records[0].dns.as_str()), ("192.0.2.9", "db.example.org"));
        assert_eq!(records[0].name, "A & B");
        assert_eq!(records[0].cve, "CVE-2020-1,CVE-2020-2");
        assert_eq!(records[0].output, "one\ntwo <three>");
        assert_eq!((records[1].plugin, records[1].output.as_str()), (8, ""));
    }

    #[test]
    fn what_is_exported_reads_the_same_again() {
        let hosts = nessus::hosts::scan("192.0.2.10,db.example.org", 0, 1_700_000_000, 1_700_000_600);
        let document = nessus::report("n", "p", "192.0.2.10,db.example.org", &hosts);
        let key =
            |record: &Record| (record.ip.clone(), record.plugin, record.port, record.severity, record.cve.clone());
        let made: Vec<_> = of_hosts(&hosts).iter().map(key).collect();
        let read: Vec<_> = of_document(&document).iter().map(key).collect();
        assert!(!made.is_empty());
        assert_eq!(read, made);
    }
}
