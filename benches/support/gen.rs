//! Large `.nessus` files from a seed: many hosts, few plugins, outputs of several kilobytes.

use std::io::{self, Write};

use fastrand::Rng;

/// How many plugins there are.
const PLUGINS: usize = 120;

/// Words for names and texts; some need escaping, as real outputs do.
const WORDS: [&str; 40] = [
    "the",
    "remote",
    "host",
    "is",
    "affected",
    "by",
    "a",
    "flaw",
    "in",
    "version",
    "service",
    "listening",
    "on",
    "port",
    "could",
    "allow",
    "attacker",
    "to",
    "read",
    "files",
    "certificate",
    "expired",
    "package",
    "installed",
    "fixed",
    "path",
    "/usr/lib/x86_64-linux-gnu",
    "C:\\Windows\\System32",
    "libssl1.1",
    "1.1.1n-0+deb11u5",
    "&quot;quoted&quot;",
    "&gt;=",
    "R&amp;D",
    "&apos;admin&apos;",
    "TLSv1.2",
    "0x0000c030",
    "RSA",
    "SHA256",
    "user",
    "Größe",
];

struct Plugin {
    /// From the attributes' `pluginID` to the end of the start tag.
    attributes: String,
    /// All children but the output.
    children: String,
    severity: u8,
}

fn words(rng: &mut Rng, count: usize, out: &mut String) {
    for index in 0..count {
        if index > 0 {
            out.push(if index % 14 == 0 { '\n' } else { ' ' });
        }
        out.push_str(WORDS[rng.usize(..WORDS.len())]);
    }
}

fn text(rng: &mut Rng, count: std::ops::Range<usize>) -> String {
    let mut out = String::new();
    let count = rng.usize(count);
    words(rng, count, &mut out);
    out
}

fn plugin(rng: &mut Rng, id: usize) -> Plugin {
    let severity = [0, 0, 0, 0, 1, 2, 2, 3, 4][rng.usize(..9)];
    let name = text(rng, 4..10);
    let name = name.replace('\n', " ");
    let family = ["General", "Web Servers", "Debian Local Security Checks", "Windows", "Misc."][rng.usize(..5)];
    let risk = ["None", "Low", "Medium", "High", "Critical"][usize::from(severity)];
    let mut children = format!(
        "<description>{}</description>\n<fname>plugin_{id}.nasl</fname>\n\
         <plugin_modification_date>2024/03/{:02}</plugin_modification_date>\n<plugin_name>{name}</plugin_name>\n\
         <plugin_publication_date>2021/05/{:02}</plugin_publication_date>\n<plugin_type>remote</plugin_type>\n\
         <risk_factor>{risk}</risk_factor>\n<script_version>1.{}</script_version>\n\
         <see_also>https://www.example.org/{id}\nhttps://vendor.example/a?b=c&amp;d={id}</see_also>\n\
         <solution>{}</solution>\n<synopsis>{}</synopsis>\n",
        text(rng, 30..160),
        rng.u8(1..28),
        rng.u8(1..28),
        rng.u8(..),
        text(rng, 4..20),
        text(rng, 6..14),
    );
    if severity > 0 {
        for _ in 0..rng.usize(1..6) {
            children.push_str(&format!("<cve>CVE-20{:02}-{}</cve>\n", rng.u8(10..25), rng.u32(1000..60000)));
        }
        children.push_str(&format!(
            "<xref>CWE:{}</xref>\n<xref>IAVA:2023-A-{:04}</xref>\n<cvss_base_score>{}.{}</cvss_base_score>\n\
             <cvss_vector>CVSS2#AV:N/AC:L/Au:N/C:P/I:P/A:P</cvss_vector>\n<cvss3_base_score>9.8</cvss3_base_score>\n\
             <cvss3_vector>CVSS:3.0/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H</cvss3_vector>\n<vpr_score>6.7</vpr_score>\n\
             <epss_score>0.0042</epss_score>\n<exploit_available>true</exploit_available>\n\
             <exploitability_ease>Exploits are available</exploitability_ease>\n\
             <vuln_publication_date>2020/01/02</vuln_publication_date>\n",
            rng.u16(20..1000),
            rng.u16(..9999),
            severity * 2,
            rng.u8(..10),
        ));
    }
    Plugin {
        attributes: format!("pluginID=\"{}\" pluginName=\"{name}\" pluginFamily=\"{family}\">\n", 10_000 + id * 37),
        children,
        severity,
    }
}

/// Writes a report of about this many bytes, the same for the same seed.
pub fn report(out: &mut impl Write, seed: u64, bytes: u64) -> io::Result<u64> {
    let mut rng = Rng::with_seed(seed);
    let plugins: Vec<Plugin> = (0..PLUGINS).map(|id| plugin(&mut rng, id)).collect();
    let mut pool = String::new();
    words(&mut rng, 60_000, &mut pool);
    // Outputs are cut out of the pool at words' ends.
    let ends: Vec<usize> = pool.char_indices().filter(|(_, character)| *character == ' ').map(|(at, _)| at).collect();
    let mut written = 0;
    let mut host = String::new();
    host.push_str(
        "<?xml version=\"1.0\" ?>\n<NessusClientData_v2>\n<Policy><policyName>Generated</policyName></Policy>\n",
    );
    host.push_str("<Report name=\"generated\" xmlns:cm=\"http://www.nessus.org/cm\">\n");
    for number in 0u32.. {
        let address = format!("10.{}.{}.{}", number >> 16 & 255, number >> 8 & 255, number & 255);
        host.push_str(&format!("<ReportHost name=\"{address}\"><HostProperties>\n"));
        for (name, value) in [
            ("host-ip", address.as_str()),
            ("host-fqdn", &format!("host{number}.example.org")),
            ("mac-address", "00:00:5E:00:53:01\n00:00:5E:00:53:02"),
            ("operating-system", "Linux Kernel 5.10 on Debian 11.0"),
            ("HOST_START", "Tue Nov 14 22:13:20 2023"),
            ("HOST_START_TIMESTAMP", "1700000000"),
            ("HOST_END_TIMESTAMP", "1700000600"),
            ("policy-used", "Generated"),
            ("patch-summary-total-cves", "12"),
            ("system-type", "general-purpose"),
        ] {
            host.push_str(&format!("<tag name=\"{name}\">{value}</tag>\n"));
        }
        host.push_str("</HostProperties>\n");
        for _ in 0..rng.usize(15..90) {
            let plugin = &plugins[rng.usize(..plugins.len())];
            let port = [0, 22, 80, 443, 445, 3389, 8080][rng.usize(..7)];
            host.push_str(&format!(
                "<ReportItem port=\"{port}\" svc_name=\"www\" protocol=\"tcp\" severity=\"{}\" ",
                plugin.severity
            ));
            host.push_str(&plugin.attributes);
            host.push_str(&plugin.children);
            let first = rng.usize(..ends.len() - 1000);
            let most = rng.usize(20..1000);
            let last = first + rng.usize(5..most);
            host.push_str("<plugin_output>");
            host.push_str(&pool[ends[first]..ends[last]]);
            host.push_str("</plugin_output>\n</ReportItem>\n");
        }
        host.push_str("</ReportHost>\n");
        out.write_all(host.as_bytes())?;
        written += host.len() as u64;
        host.clear();
        if written >= bytes {
            break;
        }
    }
    let end = "</Report>\n</NessusClientData_v2>\n";
    out.write_all(end.as_bytes())?;
    Ok(written + end.len() as u64)
}
