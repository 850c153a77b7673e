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

/// Bytes that look like an answer of an API often enough.
fn answer() -> impl Strategy<Value = Vec<u8>> {
    let value = prop_oneof![
        Just("null".to_owned()),
        Just("true".to_owned()),
        Just("[]".to_owned()),
        Just("{\"a\": [1, {\"b\": null}]}".to_owned()),
        Just("{\"id\": \"3\", \"name\": \"High\"}".to_owned()),
        Just("\"CVE-2021-44228,CVE-2021-45046\"".to_owned()),
        Just("\"-1\"".to_owned()),
        any::<i32>().prop_map(|number| number.to_string()),
        any::<f32>()
            .prop_filter("JSON has no others", |number| number.is_finite())
            .prop_map(|number| format!("{number:?}")),
        "[ -!#-\\[\\]-~é\u{1f}]{0,8}".prop_map(|text| serde_json::json!(text).to_string()),
        Just("[\"CVE-2021-44228\", null, 7]".to_owned()),
    ];
    let keys = proptest::sample::subsequence(
        vec![
            "ip_address",
            "hostname",
            "port",
            "vulnerability",
            "exposure_id",
            "cve_ids",
            "base_score",
            "temporal_score",
            "open_services",
            "critical_details",
            "informative_details",
            "number",
            "proto",
            "status",
            "new",
            "ip",
            "dnsName",
            "pluginID",
            "protocol",
            "severity",
            "riskFactor",
            "family",
            "cve",
            "xref",
            "seeAlso",
            "pluginText",
            "baseScore",
            "firstSeen",
            "acceptRisk",
        ],
        0..12,
    );
    let row = keys.prop_flat_map(move |keys| {
        let count = keys.len();
        (Just(keys), proptest::collection::vec(value.clone(), count)).prop_map(|(keys, values)| {
            let members: Vec<String> =
                keys.iter().zip(values).map(|(key, value)| format!("\"{key}\": {value}")).collect();
            format!("{{{}}}", members.join(", "))
        })
    });
    let row =
        prop_oneof![20 => row, 1 => Just("null".to_owned()), 1 => Just("[]".to_owned()), 1 => Just("7".to_owned())];
    let list = proptest::collection::vec(row, 0..6).prop_map(|rows| format!("[{}]", rows.join(",")));
    let map = proptest::collection::vec(("[0-9.:a-f]{1,6}", list.clone()), 0..4).prop_map(|entries| {
        let entries: Vec<String> = entries.iter().map(|(address, list)| format!("\"{address}\": {list}")).collect();
        format!("{{\"success\": true, \"errors\": [], \"result\": {{{}}}}}", entries.join(","))
    });
    let page = list.clone().prop_map(|list| {
        format!("{{\"type\": \"regular\", \"response\": {{\"totalRecords\": \"9\", \"results\": {list}}}, \"error_code\": 0}}")
    });
    (prop_oneof![list, map, page], any::<prop::sample::Index>(), prop_oneof![3 => Just(false), 1 => Just(true)])
        .prop_map(|(text, at, cut)| {
            let mut bytes = text.into_bytes();
            if cut {
                bytes.truncate(at.index(bytes.len()));
            }
            bytes
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

    #[test]
    fn any_answer(bytes in prop_oneof![8 => answer(), 1 => proptest::collection::vec(any::<u8>(), 0..40)]) {
        harness::answers(&bytes);
    }
}
