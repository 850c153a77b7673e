//! What a finished run of a Nessus scanner found, and the `.nessus` (v2) document of it, for every simulated vendor
//! that serves that format.
//!
//! [`report`] writes the document; [`hosts::scan`] makes up the findings. Not a reader of the format: the client has
//! its own, and the two must not agree by sharing code.

pub mod hosts;
pub mod plugins;

use std::fmt::Write as _;

/// A score of one CVSS version with its vector.
#[derive(Debug, Clone, Copy)]
pub struct Cvss {
    /// Base score with one decimal, as exported.
    pub score: &'static str,
    /// Vector with the prefix that the vendor writes for that version.
    pub vector: &'static str,
}

/// One plugin of the simulated feed.
#[derive(Debug)]
pub struct Plugin {
    /// Plugin id.
    pub id: u32,
    /// Plugin name.
    pub name: &'static str,
    /// Plugin family.
    pub family: &'static str,
    /// 0 info, 1 low, 2 medium, 3 high, 4 critical.
    pub severity: u8,
    /// `remote`, `local`, `combined` or `settings`.
    pub kind: &'static str,
    /// File name of the script.
    pub file: &'static str,
    /// One sentence.
    pub synopsis: &'static str,
    /// May have several lines.
    pub description: &'static str,
    /// `n/a` where there is nothing to do.
    pub solution: &'static str,
    /// Links, exported as lines of one element.
    pub see_also: &'static [&'static str],
    /// CVE ids, exported as one element each.
    pub cves: &'static [&'static str],
    /// CWE numbers, exported as one element each.
    pub cwes: &'static [u32],
    /// Other references as `SOURCE:ID`.
    pub references: &'static [&'static str],
    /// CVSS version 2.
    pub cvss2: Option<Cvss>,
    /// CVSS version 3.
    pub cvss3: Option<Cvss>,
    /// CVSS version 4.
    pub cvss4: Option<Cvss>,
    /// Vulnerability priority rating.
    pub vpr: Option<&'static str>,
    /// Exploit prediction score.
    pub epss: Option<&'static str>,
    /// Whether an exploit is known; nothing is exported for plugins without vulnerability.
    pub exploit: Option<bool>,
    /// `YYYY/MM/DD`.
    pub published: &'static str,
    /// `YYYY/MM/DD`.
    pub modified: &'static str,
}

/// One check of a compliance audit.
#[derive(Debug)]
pub struct Check {
    /// Stable id of the check, 32 hex characters.
    pub id: &'static str,
    /// Name with its number in the benchmark.
    pub name: &'static str,
    /// `PASSED`, `FAILED` or `WARNING`.
    pub result: &'static str,
    /// Value found on the host; may have several lines.
    pub actual: &'static str,
    /// Value that the policy wants.
    pub wanted: &'static str,
    /// Rationale.
    pub info: &'static str,
    /// How to comply.
    pub solution: &'static str,
    /// Name of the audit file.
    pub audit: &'static str,
    /// References as `STANDARD|ID`, comma separated.
    pub reference: &'static str,
    /// Link to the benchmark.
    pub see_also: &'static str,
}

/// One row of a result.
#[derive(Debug, Clone)]
pub struct Finding {
    /// What looked.
    pub plugin: &'static Plugin,
    /// 0 where the finding concerns the host as a whole.
    pub port: u16,
    /// `tcp`, `udp` or `icmp`.
    pub protocol: &'static str,
    /// Service name as the scanner guessed it.
    pub service: &'static str,
    /// Plugin output; empty for none.
    pub output: String,
    /// Set on compliance findings alone.
    pub check: Option<&'static Check>,
}

impl Finding {
    /// The plugin's severity, or for a compliance check the one its result counts as.
    pub fn severity(&self) -> u8 {
        match self.check.map(|check| check.result) {
            None => self.plugin.severity,
            Some("FAILED") => 3,
            Some("WARNING") => 2,
            Some(_) => 1,
        }
    }
}

/// One scanned host.
#[derive(Debug, Clone)]
pub struct Host {
    /// The host as the scan was told of it: a name or an address.
    pub name: String,
    /// IPv4 address.
    pub ip: String,
    /// Full name, where it resolved.
    pub fqdn: Option<String>,
    /// NetBIOS name, on Windows.
    pub netbios: Option<String>,
    /// Hardware address, where the scanner was near enough.
    pub mac: Option<String>,
    /// Operating system.
    pub os: Option<&'static str>,
    /// The vendor's own id of the asset, an ordinary UUID.
    pub uuid: String,
    /// Unix seconds.
    pub started: i64,
    /// Unix seconds.
    pub ended: i64,
    /// Every row, compliance included.
    pub findings: Vec<Finding>,
}

/// The `.nessus` document of a run: `name` is the scan's, `policy` the policy's, `targets` what was asked for.
pub fn report(name: &str, policy: &str, targets: &str, hosts: &[Host]) -> String {
    let mut out = String::from("<?xml version=\"1.0\" ?>\n<NessusClientData_v2>\n<Policy>");
    element(&mut out, "policyName", policy);
    out.push_str("<Preferences><ServerPreferences>");
    let started = hosts.iter().map(|host| host.started).min().unwrap_or_default().to_string();
    let ended = hosts.iter().map(|host| host.ended).max().unwrap_or_default().to_string();
    let seen = seen_plugins(hosts);
    let set: String = seen.iter().map(|plugin| format!("{};", plugin.id)).collect();
    for (key, value) in [
        ("TARGET", targets),
        ("plugin_set", &set),
        ("name", name),
        ("scan_start_timestamp", &started),
        ("scan_end_timestamp", &ended),
        ("port_range", "default"),
        ("safe_checks", "yes"),
    ] {
        out.push_str("<preference>");
        element(&mut out, "name", key);
        element(&mut out, "value", value);
        out.push_str("</preference>");
    }
    out.push_str("</ServerPreferences><PluginsPreferences/></Preferences><FamilySelection>");
    let mut families: Vec<&str> = seen.iter().map(|plugin| plugin.family).collect();
    families.sort_unstable();
    families.dedup();
    for family in families {
        out.push_str("<FamilyItem>");
        element(&mut out, "FamilyName", family);
        element(&mut out, "Status", "enabled");
        out.push_str("</FamilyItem>");
    }
    out.push_str("</FamilySelection><IndividualPluginSelection/></Policy>\n<Report name=\"");
    escape(&mut out, name);
    out.push_str("\" xmlns:cm=\"http://www.nessus.org/cm\">");
    for host in hosts {
        report_host(&mut out, policy, host);
    }
    out.push_str("</Report>\n</NessusClientData_v2>\n");
    out
}

/// Every plugin that found something, once, by id.
fn seen_plugins(hosts: &[Host]) -> Vec<&'static Plugin> {
    let mut seen: Vec<&'static Plugin> =
        hosts.iter().flat_map(|host| &host.findings).map(|finding| finding.plugin).collect();
    seen.sort_unstable_by_key(|plugin| plugin.id);
    seen.dedup_by_key(|plugin| plugin.id);
    seen
}

fn report_host(out: &mut String, policy: &str, host: &Host) {
    out.push_str("<ReportHost name=\"");
    escape(out, &host.name);
    out.push_str("\"><HostProperties>");
    let credentialed = host.findings.iter().any(|finding| finding.plugin.kind == "local");
    let family = match host.os {
        Some(os) if os.contains("Windows") => "windows",
        Some(os) if os.contains("Linux") => "linux",
        _ => "other",
    };
    let mut tag = |name: &str, value: &str| {
        let _ = write!(out, "<tag name=\"{name}\">");
        escape(out, value);
        out.push_str("</tag>");
    };
    tag(if credentialed { "LastAuthenticatedResults" } else { "LastUnauthenticatedResults" }, &host.ended.to_string());
    tag("HOST_END_TIMESTAMP", &host.ended.to_string());
    tag("HOST_END", &ctime(host.ended));
    tag("HOST_START_TIMESTAMP", &host.started.to_string());
    tag("HOST_START", &ctime(host.started));
    tag("host-ip", &host.ip);
    tag("host-uuid", &host.uuid);
    if let Some(fqdn) = &host.fqdn {
        tag("host-fqdn", fqdn);
    }
    if let Some(netbios) = &host.netbios {
        tag("netbios-name", netbios);
    }
    if let Some(mac) = &host.mac {
        tag("mac-address", mac);
    }
    if let Some(os) = host.os {
        tag("operating-system", os);
    }
    tag("os", family);
    tag("policy-used", policy);
    tag("Credentialed_Scan", if credentialed { "true" } else { "false" });
    out.push_str("</HostProperties>");
    for finding in &host.findings {
        report_item(out, finding);
    }
    out.push_str("</ReportHost>");
}

fn report_item(out: &mut String, finding: &Finding) {
    let plugin = finding.plugin;
    let _ = write!(
        out,
        "\n<ReportItem port=\"{}\" svc_name=\"{}\" protocol=\"{}\" severity=\"{}\" pluginID=\"{}\" pluginName=\"",
        finding.port,
        finding.service,
        finding.protocol,
        finding.severity(),
        plugin.id
    );
    escape(out, plugin.name);
    out.push_str("\" pluginFamily=\"");
    escape(out, plugin.family);
    out.push_str("\">\n");
    if let Some(check) = finding.check {
        compliance(out, finding, check);
    } else {
        element(out, "description", plugin.description);
    }
    element(out, "fname", plugin.file);
    element(out, "plugin_modification_date", plugin.modified);
    element(out, "plugin_name", plugin.name);
    element(out, "plugin_publication_date", plugin.published);
    element(out, "plugin_type", plugin.kind);
    element(out, "risk_factor", risk(plugin.severity));
    element(out, "script_version", "1.17");
    element(out, "synopsis", plugin.synopsis);
    element(out, "solution", plugin.solution);
    if !plugin.see_also.is_empty() {
        element(out, "see_also", &plugin.see_also.join("\n"));
    }
    for cve in plugin.cves {
        element(out, "cve", cve);
    }
    for cwe in plugin.cwes {
        element(out, "cwe", &cwe.to_string());
        element(out, "xref", &format!("CWE:{cwe}"));
    }
    for reference in plugin.references {
        element(out, "xref", reference);
    }
    for (prefix, cvss) in [("cvss", plugin.cvss2), ("cvss3", plugin.cvss3), ("cvss4", plugin.cvss4)] {
        if let Some(cvss) = cvss {
            element(out, &format!("{prefix}_base_score"), cvss.score);
            element(out, &format!("{prefix}_vector"), cvss.vector);
        }
    }
    if let Some(vpr) = plugin.vpr {
        element(out, "vpr_score", vpr);
    }
    if let Some(epss) = plugin.epss {
        element(out, "epss_score", epss);
    }
    if let Some(exploit) = plugin.exploit {
        element(out, "exploit_available", if exploit { "true" } else { "false" });
        let ease = if exploit { "Exploits are available" } else { "No known exploits are available" };
        element(out, "exploitability_ease", ease);
    }
    if !finding.output.is_empty() {
        element(out, "plugin_output", &finding.output);
    }
    out.push_str("</ReportItem>");
}

/// Compliance rows carry their values in `cm:` elements and a summary of them as description.
fn compliance(out: &mut String, finding: &Finding, check: &Check) {
    element(out, "compliance", "true");
    element(out, "description", &compliance_text(check));
    for (name, value) in [
        ("cm:compliance-check-name", check.name),
        ("cm:compliance-check-id", check.id),
        ("cm:compliance-result", check.result),
        ("cm:compliance-actual-value", check.actual),
        ("cm:compliance-policy-value", check.wanted),
        ("cm:compliance-info", check.info),
        ("cm:compliance-solution", check.solution),
        ("cm:compliance-audit-file", check.audit),
        ("cm:compliance-reference", check.reference),
        ("cm:compliance-see-also", check.see_also),
    ] {
        element(out, name, value);
    }
    debug_assert!(finding.output.is_empty(), "a compliance row has its values instead of an output");
}

/// What a compliance row shows where only one text fits.
pub fn compliance_text(check: &Check) -> String {
    format!(
        "\"{}\" : [{}]\n\n{}\n\nSolution:\n{}\n\nSee Also: {}\n\nReference:\n{}\n\nPolicy Value:\n{}\n\nActual Value:\n{}",
        check.name,
        check.result,
        check.info,
        check.solution,
        check.see_also,
        check.reference,
        check.wanted,
        check.actual
    )
}

/// The word for a severity as the plugins write it.
pub fn risk(severity: u8) -> &'static str {
    match severity {
        0 => "None",
        1 => "Low",
        2 => "Medium",
        3 => "High",
        _ => "Critical",
    }
}

/// A time as C's `ctime` prints it, without zone: `Thu Nov 21 15:39:37 2019`.
pub fn ctime(seconds: i64) -> String {
    jiff::Timestamp::from_second(seconds)
        .map(|time| time.strftime("%a %b %e %H:%M:%S %Y").to_string())
        .unwrap_or_default()
}

fn element(out: &mut String, name: &str, text: &str) {
    let _ = write!(out, "<{name}>");
    escape(out, text);
    let _ = write!(out, "</{name}>");
}

/// The five named entities; control characters that XML 1.0 cannot hold become question marks.
fn escape(out: &mut String, text: &str) {
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&apos;"),
            '\n' | '\t' => out.push(character),
            control if control.is_control() => out.push('?'),
            other => out.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Vec<Host> {
        hosts::scan("192.0.2.12,db.example.org", 1, 1_700_000_000, 1_700_000_600)
    }

    #[test]
    fn every_row_is_in_the_document_once() {
        let hosts = sample();
        let text = report("R&D <weekly>", "Basic Network Scan", "192.0.2.12,db.example.org", &hosts);
        assert!(text.starts_with("<?xml version=\"1.0\" ?>\n<NessusClientData_v2>"));
        assert!(text.contains("<Report name=\"R&amp;D &lt;weekly&gt;\" xmlns:cm="));
        assert_eq!(text.matches("<ReportHost ").count(), hosts.len());
        assert_eq!(text.matches("<ReportItem ").count(), hosts.iter().map(|host| host.findings.len()).sum::<usize>());
        for severity in 0..=4 {
            let wanted = hosts.iter().flat_map(|host| &host.findings).filter(|finding| finding.severity() == severity);
            assert_eq!(text.matches(&format!(" severity=\"{severity}\" ")).count(), wanted.count(), "{severity}");
        }
        assert_eq!(text.matches("<cm:compliance-result>").count(), text.matches("<compliance>true").count());
        assert!(text.contains("<cm:compliance-result>FAILED</cm:compliance-result>"));
    }

    #[test]
    fn a_run_without_hosts_is_still_a_document() {
        let text = report("empty", "Basic Network Scan", "", &[]);
        assert!(text.contains("xmlns:cm=\"http://www.nessus.org/cm\"></Report>"));
        assert!(text.ends_with("</NessusClientData_v2>\n"));
    }

    #[test]
    fn text_from_outside_cannot_break_the_document() {
        let mut out = String::new();
        escape(&mut out, "<a b='\u{1b}\"&\n");
        assert_eq!(out, "&lt;a b=&apos;?&quot;&amp;\n");
    }

    #[test]
    fn times_are_written_like_c() {
        assert_eq!(ctime(1_574_350_777), "Thu Nov 21 15:39:37 2019");
        assert_eq!(ctime(1_622_548_800), "Tue Jun  1 12:00:00 2021");
    }
}
