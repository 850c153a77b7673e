//! A report whose every text tries something.

use std::fmt::Write as _;

/// What a text may try. Each holds a mark that a test can look for, and nothing that XML forbids.
pub const ATTACKS: [&str; 24] = [
    // Markup, and the ends of what it may be put in.
    "<script>hacked('script')</script>",
    "</script><script>hacked('end')</script>",
    "<!--<script>hacked('comment')",
    "]]><img src=x onerror=hacked('cdata')>",
    "<img src=\"http://127.0.0.1:9/f2-picture\" onerror=\"hacked('img')\">",
    "\"><svg onload=hacked('svg')><iframe src=\"javascript:hacked('frame')\"></iframe>",
    "javascript:hacked('link')//",
    "</textarea></title></style><meta http-equiv=refresh content='0;url=http://127.0.0.1:9/f2-refresh'>",
    "{{constructor.constructor('hacked(1)')()}} ${hacked(2)} `hacked`",
    // Markdown, and what those who show it make of plain words.
    "![x](http://127.0.0.1:9/f2-markdown) [click](javascript:hacked('md')) [ref]: http://127.0.0.1:9/",
    "@everyone @octocat #1 GH-1 owner/repo#1 !1 ~label %1 www.example.org https://example.org/ who@example.org",
    "| a | b |\n|---|---|\n| c | d |\n\n# heading\n\n> quote\n- [ ] task\n/close\n***bold*** ~~gone~~ ```fence``` ``x``",
    "\\[x\\](http://127.0.0.1:9/f2-escape) \\`<b>\\` \\| \\\\| `|` ``` \\",
    "<details open><summary>x</summary> &lt;b&gt; &#64;octocat &commat;octocat",
    "$`math`$ $$x$$ :smile: [^1] *[HTML]: x",
    // Spreadsheets.
    "=HYPERLINK(\"http://127.0.0.1:9/f2-cell\",\"x\")",
    "+1+cmd|' /C calc'!A0",
    "-2+3",
    "@SUM(1,2)",
    "a,\"b\"\n=1+1\r\n\"",
    // Terminals and readers: C1 commands, what deletes, what reorders, ends of lines that are none, no characters.
    "\u{9b}2J\u{9b}31m\u{9d}0;title\u{9c}\u{90}q\u{9c}\u{7f}\u{85}",
    "user\u{202e}txt.exe\u{202c} \u{2066}\u{2067}x\u{2069} \u{200e}\u{200f}\u{61c}",
    "line\u{2028}separated\u{2029}twice \u{feff}\u{fffd}\u{10ffff}\u{200b}",
    "'; DROP TABLE findings; -- \" OR 1=1 %00 %0d%0a {\"a\":1} \\u0000 \\\" \\",
];

/// Escapes a text for XML; with `entities` every character is a reference.
fn xml(text: &str, entities: bool) -> String {
    let mut out = String::new();
    for symbol in text.chars() {
        match symbol {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            symbol if entities || symbol < ' ' => {
                let _ = write!(out, "&#{};", u32::from(symbol));
            }
            symbol => out.push(symbol),
        }
    }
    out
}

/// The report. Each attack stands in every place of a row in turn, and all together in one; then come numbers out of
/// range, rows that are alike, and texts of a megabyte.
pub fn report() -> String {
    let mut out = String::from("<?xml version=\"1.0\"?>\n<NessusClientData_v2>\n");
    let all = ATTACKS.join(" ");
    let _ = write!(out, "<Report name=\"{}\" xmlns:cm=\"http://www.nessus.org/cm\">", xml(&all, false));
    for (number, attack) in ATTACKS.iter().enumerate() {
        let text = &xml(attack, number % 2 == 0);
        let _ = write!(
            out,
            "<ReportHost name=\"{text}\"><HostProperties><tag name=\"host-fqdn\">{text}</tag>\
             <tag name=\"host-ip\">{text}</tag><tag name=\"operating-system\">{text}</tag>\
             <tag name=\"host-uuid\">{text}</tag><tag name=\"{text}\">{text}</tag>\
             <tag name=\"HOST_END_TIMESTAMP\">-1</tag></HostProperties>"
        );
        for severity in 0..5 {
            let _ = write!(
                out,
                "<ReportItem port=\"{}\" svc_name=\"{text}\" protocol=\"{text}\" severity=\"{severity}\" \
                 pluginID=\"{number}{severity}{}\" pluginName=\"{text}\" pluginFamily=\"{text}\">{}</ReportItem>",
                number * 2000,
                if severity == 4 { text } else { "" },
                children(text),
            );
        }
        let _ = write!(
            out,
            "<ReportItem port=\"0\" svc_name=\"general\" protocol=\"tcp\" severity=\"3\" pluginID=\"21157\" \
             pluginName=\"Unix Compliance Checks\" pluginFamily=\"Policy Compliance\"><compliance>true</compliance>{}\
             <description>{text}</description></ReportItem>",
            [
                "check-id",
                "check-name",
                "result",
                "actual-value",
                "policy-value",
                "info",
                "solution",
                "audit-file",
                "reference",
                "see-also"
            ]
            .map(|name| format!("<cm:compliance-{name}>{text}</cm:compliance-{name}>"))
            .concat(),
        );
        out.push_str("</ReportHost>\n");
    }
    odd(&mut out);
    long(&mut out);
    out.push_str("</Report>\n</NessusClientData_v2>\n");
    out
}

fn children(text: &str) -> String {
    let names = [
        "agent",
        "attachment",
        "cpe",
        "cve",
        "cvss_vector",
        "cvss3_vector",
        "cvss4_vector",
        "cwe",
        "description",
        "exploitability_ease",
        "exploit_available",
        "fname",
        "in_the_news",
        "patch_publication_date",
        "plugin_modification_date",
        "plugin_output",
        "plugin_publication_date",
        "plugin_type",
        "risk_factor",
        "script_version",
        "see_also",
        "solution",
        "synopsis",
        "vuln_publication_date",
        "xref",
        "cisa-known-exploited",
        "exploit_code_maturity",
        "metasploit_name",
    ];
    let mut out = names.map(|name| format!("<{name}>{text}</{name}>")).concat();
    out.push_str(
        "<cvss_base_score>11.0</cvss_base_score><cvss3_base_score>-1</cvss3_base_score>\
         <cvss4_base_score>NaN</cvss4_base_score><vpr_score>1e400</vpr_score><epss_score>7</epss_score>",
    );
    out
}

/// Rows that are alike, and rows that lack what every row has.
fn odd(out: &mut String) {
    for address in ["192.0.2.1", "192.0.2.2", "::ffff:192.0.2.3", "2001:db8::1", "fe80::1%eth0"] {
        let _ = write!(
            out,
            "<ReportHost name=\"{address}\"><HostProperties><tag name=\"host-ip\">{address}</tag>\
             <tag name=\"host-fqdn\">same.example.org</tag>\
             <tag name=\"HOST_START_TIMESTAMP\">99999999999</tag></HostProperties>"
        );
        for service in ["www", "www", "https", "a-very-long-service-name", "ssl/http?"] {
            let _ = write!(
                out,
                "<ReportItem port=\"443\" svc_name=\"{service}\" protocol=\"tcp\" severity=\"1\" pluginID=\"7\" \
                 pluginName=\"Same\" pluginFamily=\"General\"><plugin_output>{service}</plugin_output></ReportItem>"
            );
        }
        for protocol in ["udp", "icmp", ""] {
            let _ = write!(
                out,
                "<ReportItem port=\"0\" svc_name=\"\" protocol=\"{protocol}\" severity=\"1\" pluginID=\"7\" \
                 pluginName=\"Same\" pluginFamily=\"General\"/>"
            );
        }
        out.push_str(
            "<ReportItem severity=\"0\" port=\"8080\" protocol=\"tcp\" pluginFamily=\"Port scanners\" \
             pluginID=\"11219\" pluginName=\"Nessus SYN scanner\"/><ReportItem/><ReportItem severity=\"9\" \
             pluginName=\"  \" pluginID=\" \" port=\"99999\"/></ReportHost>\n",
        );
    }
}

/// Long texts, and many of them.
fn long(out: &mut String) {
    let line = "long ".repeat(200_000) + "&lt;/script&gt;`|";
    let cves: String = (0..3000).map(|number| format!("<cve>CVE-2024-{number:05}</cve>")).collect();
    let links: String = (0..3000).map(|number| format!("https://example.org/{number}&lt;b&gt;\n")).collect();
    let name = "n".repeat(100_000);
    let _ = writeln!(
        out,
        "<ReportHost name=\"{name}\"><HostProperties><tag name=\"operating-system\">{line}</tag></HostProperties>\
         <ReportItem port=\"443\" svc_name=\"{name}\" protocol=\"{name}\" severity=\"4\" pluginID=\"{name}\" \
         pluginName=\"{name}\" pluginFamily=\"{name}\">{cves}<see_also>{links}</see_also><solution>{line}</solution>\
         <synopsis>{line}</synopsis><description>{line}</description><plugin_output>{line}</plugin_output>\
         <cvss3_vector>{line}</cvss3_vector><xref>{line}</xref></ReportItem></ReportHost>"
    );
}
