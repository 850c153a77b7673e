//! The checks of the fuzz targets (`tests/fuzz`) on made-up input, so that they run on every toolchain.

#[path = "../fuzz/harness.rs"]
mod harness;

use proptest::prelude::*;

/// Bytes that look like a report often enough.
fn report() -> impl Strategy<Value = Vec<u8>> {
    let words = proptest::sample::select(vec![
        "<?xml version=\"1.0\"?>",
        "<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?>",
        "<NessusClientData_v2>",
        "</NessusClientData_v2>",
        "<Report name=\"r\">",
        "</Report>",
        "<ReportHost name=\"a\">",
        "</ReportHost>",
        "<HostProperties><tag name=\"host-ip\">192.0.2.1</tag></HostProperties>",
        "<ReportItem port=\"80\" protocol=\"tcp\" severity=\"3\" pluginID=\"1\" pluginName=\"n\">",
        "<ReportItem pluginID='2'/>",
        "</ReportItem>",
        "<plugin_output>x &amp; y</plugin_output>",
        "<cve>CVE-2021-44228</cve>",
        "<cm:compliance-result>FAILED</cm:compliance-result>",
        "<![CDATA[<b>]]>",
        "<!-- c -->",
        "&#x41;",
        "&bad;",
        "<",
        ">",
        "\"",
        "\u{fffd}é",
    ]);
    let piece = prop_oneof![
        8 => words.prop_map(|word| word.as_bytes().to_vec()),
        1 => proptest::collection::vec(any::<u8>(), 0..6),
    ];
    proptest::collection::vec(piece, 0..30).prop_map(|pieces| pieces.concat())
}

/// A whole report around made-up rows.
fn whole() -> impl Strategy<Value = Vec<u8>> {
    proptest::collection::vec((0u8..4, 0u8..3, "[ -;=?-~]{0,12}"), 0..8).prop_map(|rows| {
        let mut text = "<NessusClientData_v2><Report><ReportHost name=\"a\">".to_owned();
        for (plugin, severity, output) in rows {
            let output = output.replace('&', "&amp;");
            text.push_str(&format!(
                "<ReportItem port=\"80\" severity=\"{severity}\" pluginID=\"{plugin}\"><plugin_output>{output}</plugin_output></ReportItem>"
            ));
        }
        text.push_str("</ReportHost></Report></NessusClientData_v2>");
        text.into_bytes()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_report(bytes in report()) {
        harness::report(&bytes);
    }

    #[test]
    fn any_packing(choice in any::<[u8; 3]>(), text in prop_oneof![whole(), report()]) {
        harness::packed(&[choice.as_slice(), &text].concat());
    }
}
