//! Findings through the analysis.

use serde_json::{Value, json};

use super::client;

fn query(tool: &str) -> Value {
    json!({
        "type": "vuln", "sourceType": "individual", "scanID": 11,
        "query": {"type": "vuln", "tool": tool, "scanID": "11", "view": "all", "filters": [],
            "startOffset": 0, "endOffset": 1000},
    })
}

#[test]
fn pages_have_strings_beside_a_number() {
    let mut client = client();
    let mut body = query("vulndetails");
    let all = client.ok("POST", "/rest/analysis", &body);
    let total: usize = all["totalRecords"].as_str().unwrap().parse().unwrap();
    assert_eq!(all["returnedRecords"], json!(total));
    assert_eq!((&all["startOffset"], &all["endOffset"]), (&json!("0"), &json!("1000")));
    body["query"]["startOffset"] = json!("5");
    body["query"]["endOffset"] = json!(8);
    let page = client.ok("POST", "/rest/analysis", &body);
    assert_eq!(page["results"].as_array().unwrap().as_slice(), &all["results"].as_array().unwrap()[5..8]);
    for key in ["startOffset", "endOffset"] {
        body[key] = body["query"].as_object_mut().unwrap().remove(key).unwrap();
    }
    assert_eq!(client.ok("POST", "/rest/analysis", &body), page, "at the root they do the same");
    let row = &all["results"][0];
    assert!(row["port"].is_string() && row["severity"]["id"].is_string() && row["pluginPubDate"].is_string());
    let protocols: std::collections::BTreeSet<_> =
        all["results"].as_array().unwrap().iter().map(|row| row["protocol"].as_str().unwrap()).collect();
    assert!(protocols.contains("TCP"), "{protocols:?}");
    let texts = all["results"].as_array().unwrap().iter().map(|row| row["pluginText"].as_str().unwrap());
    for text in texts.filter(|text| !text.is_empty()) {
        assert!(text.starts_with("<plugin_output>") && text.ends_with("</plugin_output>"));
    }
}

#[test]
fn the_result_has_to_be_named_twice() {
    let mut client = client();
    let mut body = query("listvuln");
    body["query"].as_object_mut().unwrap().remove("scanID");
    let (status, code, message) = client.refused("POST", "/rest/analysis", &body);
    assert_eq!((status, code), (403, 146));
    assert!(message.contains("does not have access to the repository"), "{message}");
    let mut body = query("listvuln");
    body.as_object_mut().unwrap().remove("scanID");
    assert_eq!(client.refused("POST", "/rest/analysis", &body).1, 146);
}

#[test]
fn results_without_data_cannot_be_analysed() {
    let mut client = client();
    for (id, code) in [(1, 143), (3, 143), (6, 143), (7, 143), (99, 147)] {
        let mut body = query("listvuln");
        body["scanID"] = json!(id);
        body["query"]["scanID"] = json!(id);
        assert_eq!(client.refused("POST", "/rest/analysis", &body).1, code, "{id}");
    }
}

#[test]
fn wrong_queries_are_told_what_would_be_right() {
    let mut client = client();
    let mut body = query("vulndetails");
    body["query"]["filters"] = json!([{"filterName": "something", "operator": "=", "value": ""}]);
    let (_, code, message) = client.refused("POST", "/rest/analysis", &body);
    assert_eq!(code, 146);
    assert!(message.contains("'something' is invalid (valid filters: ") && message.contains("pluginID"));
    for (key, value) in [("type", json!("fruit")), ("sourceType", json!("lce")), ("sortDir", json!("UP"))] {
        let mut body = query("vulndetails");
        body["sortField"] = json!("severity");
        body[key] = value;
        assert_eq!(client.refused("POST", "/rest/analysis", &body).1, 146, "{key}");
    }
    assert_eq!(client.refused("POST", "/rest/analysis", &query("guess")).1, 146);
    assert_eq!(client.refused("POST", "/rest/analysis", &json!({"type": "vuln"})).1, 146);
}

#[test]
fn filters_and_order_are_honoured() {
    let mut client = client();
    let mut ask = |filter: Value, extra: &[(&str, &str)]| {
        let mut body = query("listvuln");
        body["query"]["filters"] = json!([filter]);
        for (key, value) in extra {
            body[*key] = json!(value);
        }
        client.ok("POST", "/rest/analysis", &body)["results"].as_array().unwrap().clone()
    };
    let severe = ask(
        json!({"filterName": "severity", "operator": "=", "value": "3,4"}),
        &[("sortField", "severity"), ("sortDir", "DESC")],
    );
    let levels: Vec<_> = severe.iter().map(|row| row["severity"]["id"].as_str().unwrap()).collect();
    assert!(levels.contains(&"3") && levels.contains(&"4") && levels.is_sorted_by(|a, b| a >= b), "{levels:?}");
    let one = ask(json!({"filterName": "pluginID", "operator": "=", "value": "19506"}), &[]);
    assert!(!one.is_empty() && one.iter().all(|row| row["pluginID"] == "19506"));
    let other = ask(json!({"filterName": "repository", "operator": "=", "value": [{"id": "2"}]}), &[]);
    assert!(other.is_empty());
}

#[test]
fn views_tell_what_changed() {
    let mut client = client();
    let mut of = |view: &str| {
        let mut body = query("listvuln");
        body["query"]["view"] = json!(view);
        client.ok("POST", "/rest/analysis", &body)["results"].as_array().unwrap().len()
    };
    let (all, new, patched) = (of("all"), of("new"), of("patched"));
    assert!(all > new && new > 0 && patched > 0, "{all} {new} {patched}");
}

#[test]
fn sums_add_up_and_address_lists_are_objects() {
    let mut client = client();
    let all = client.ok("POST", "/rest/analysis", &query("listvuln"))["results"].as_array().unwrap().len();
    let severities = client.ok("POST", "/rest/analysis", &query("sumseverity"));
    let counted: usize = severities["results"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["count"].as_str().unwrap().parse::<usize>().unwrap())
        .sum();
    assert_eq!(counted, all);
    assert_eq!(severities["matchingDataElementCount"], "-1 ", "with a blank");
    let addresses = client.ok("POST", "/rest/analysis", &query("sumip"));
    let counts = addresses["matchingDataElementCount"].as_str().unwrap();
    assert_eq!(counts.split(':').next().unwrap(), all.to_string());
    let list = client.ok("POST", "/rest/analysis", &query("iplist"));
    assert!(list["results"].is_null());
    assert_eq!(list["0"], addresses["results"][0]["ip"]);
}

#[test]
fn the_repositories_hold_the_newest_of_each_scan() {
    let mut client = client();
    let mut body = query("listvuln");
    body["sourceType"] = json!("cumulative");
    body["query"]["filters"] = json!([{"filterName": "repository", "operator": "=", "value": [{"id": "2"}]}]);
    let rows = client.ok("POST", "/rest/analysis", &body)["results"].as_array().unwrap().clone();
    assert!(!rows.is_empty() && rows.iter().all(|row| row["ip"].as_str().unwrap().starts_with("198.51.100.")));
    body["sourceType"] = json!("patched");
    assert!(!client.ok("POST", "/rest/analysis", &body)["results"].as_array().unwrap().is_empty());
}
