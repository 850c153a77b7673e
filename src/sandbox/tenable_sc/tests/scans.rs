//! Definitions.

use serde_json::{Value, json};

use super::{START, client};

fn minimal() -> Value {
    json!({
        "name": "Made", "repository": {"id": 1}, "policy": {"id": "1000001"}, "type": "policy",
        "ipList": "10.20.0.10,10.20.0.12",
    })
}

fn with(key: &str, value: Value) -> Value {
    let mut body = minimal();
    body[key] = value;
    body
}

#[test]
fn lists_have_two_arrays_and_few_members() {
    let mut client = client();
    let lists = client.get("/rest/scan");
    let ids = |list: &Value| -> Vec<String> {
        list.as_array().unwrap().iter().map(|row| row["id"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(ids(&lists["usable"]), ["1", "2", "3", "4", "5", "6", "7", "8"]);
    assert_eq!(ids(&lists["manageable"]), ["1", "2", "3", "4", "5", "6", "8"], "one belongs to somebody else");
    let mut keys: Vec<_> = lists["usable"][0].as_object().unwrap().keys().collect();
    keys.sort();
    assert_eq!(keys, ["description", "id", "name", "status", "uuid"]);
    assert!(client.get("/rest/scan?filter=usable").get("manageable").is_none());
    let row = client.get("/rest/scan?fields=ipList,nonsense,schedule")["usable"][1].clone();
    assert_eq!(row.as_object().unwrap().len(), 4, "id and uuid always come: {row}");
    assert!(row["schedule"]["nextRun"].is_i64(), "a number among strings");
}

#[test]
fn created_scans_are_listed_and_deleted_ones_are_gone() {
    let mut client = client();
    let made = client.ok("POST", "/rest/scan", &minimal());
    assert_eq!(
        (&made["id"], &made["maxScanTime"], &made["dhcpTracking"]),
        (&json!("9"), &json!("3600"), &json!("false"))
    );
    assert_eq!(made["zone"], json!({"id": -1, "name": "", "description": ""}), "no object has a number as id");
    assert_eq!(made["createdTime"], (START as i64).to_string());
    assert_eq!(client.get("/rest/scan/9"), made);
    let uuid = made["uuid"].as_str().unwrap().to_owned();
    assert_eq!(client.get(&format!("/rest/scan/{}", uuid.to_lowercase())), made);
    assert_eq!(client.ok("DELETE", "/rest/scan/9", &Value::Null), "");
    let (status, code, message) = client.refused("DELETE", "/rest/scan/9", &Value::Null);
    assert_eq!((status, code), (403, 147));
    assert_eq!(message, "Unable to find existing Scan #9 to delete.\nScan #9 does not exist.\n");
    assert_eq!(client.refused("DELETE", "/rest/scan/7", &Value::Null).1, 146, "not ours");
}

#[test]
fn edits_change_what_they_name_and_copies_are_nested() {
    let mut client = client();
    client.now += 5.0;
    let edited = client.ok("PATCH", "/rest/scan/3", &json!({"name": "Renamed", "emailOnFinish": "true"}));
    assert_eq!((&edited["name"], &edited["emailOnFinish"]), (&json!("Renamed"), &json!("true")));
    assert_eq!(edited["ipList"], "10.20.0.11-10.20.0.14,shop.corp.example");
    assert_eq!(edited["modifiedTime"], (START as i64 + 5).to_string());
    let copy = client.ok("POST", "/rest/scan/3/copy", &json!({"name": "Twin", "targetUser": {"id": 1}}));
    assert_eq!((&copy["scan"]["name"], &copy["scan"]["owner"]["username"]), (&json!("Twin"), &json!("mara")));
    assert_eq!(copy["scan"]["ipList"], edited["ipList"]);
    assert_eq!(client.refused("POST", "/rest/scan/3/copy", &json!({"name": "x", "targetUser": {"id": 99}})).1, 146);
}

#[test]
fn bad_values_are_403_with_146() {
    let mut client = client();
    for body in [
        json!({}),
        with("name", json!("")),
        with("name", json!(7)),
        with("repository", json!(1)),
        with("repository", json!({"id": 77})),
        with("policy", json!({"id": 77})),
        with("type", json!("plugin")),
        with("dhcpTracking", json!(true)),
        with("timeoutAction", json!("explode")),
        with("ipList", json!(["10.0.0.1"])),
        with("assets", json!([2])),
        with("credentials", json!([{"id": 1}])),
        with("reports", json!([{"id": 1, "reportSource": "dreams"}])),
        with("schedule", json!({"type": "dependent", "dependentID": 99})),
        with("schedule", json!({"type": "ical", "start": "tomorrow", "repeatRule": ""})),
        with("zone", json!({"id": 9})),
        json!([1]),
    ] {
        let (status, code, _) = client.refused("POST", "/rest/scan", &body);
        assert_eq!((status, code), (403, 146), "{body}");
    }
    assert_eq!(client.send("POST", "/rest/scan", b"{oops").status, 403);
}

#[test]
fn scan_times_are_seconds_and_depend_on_each_other() {
    let mut client = client();
    for bad in [
        json!({"maxScanTime": 0}),
        json!({"maxScanTime": "1"}),
        json!({"maxScanTime": "3600"}),
        json!({"maxScanTime": 432_001}),
    ] {
        let mut body = minimal();
        body.as_object_mut().unwrap().append(&mut bad.as_object().unwrap().clone());
        assert_eq!(client.refused("POST", "/rest/scan", &body).1, 146, "{bad}");
    }
    let unlimited = client.ok("POST", "/rest/scan", &with("maxScanTime", json!("unlimited")));
    assert_eq!((&unlimited["maxScanTime"], &unlimited["inactivityTimeout"]), (&json!("unlimited"), &json!("43200")));
    let mut both = with("maxScanTime", json!(7200));
    both["inactivityTimeout"] = json!("7201");
    assert_eq!(client.refused("POST", "/rest/scan", &both).1, 146);
    both["inactivityTimeout"] = json!("7200");
    assert_eq!(client.ok("POST", "/rest/scan", &both)["maxScanTime"], "7200");
}

#[test]
fn launching_names_the_run_with_flat_ids() {
    let mut client = client();
    let launched = client.ok("POST", "/rest/scan/8/launch", &json!({}));
    assert_eq!(launched["scanID"], "8");
    let run = &launched["scanResult"];
    assert_eq!((&run["id"], &run["scanID"], &run["status"]), (&json!("14"), &json!("8"), &json!("Queued")));
    assert!(run["resultsSyncID"].is_i64() && run["jobID"].is_string());
    let again = client.ok("POST", "/rest/scan/8/launch", &Value::Null);
    assert_eq!(again["scanResult"]["id"], "15", "nothing forbids a second run");
    assert_eq!(client.refused("POST", "/rest/scan/99/launch", &json!({})).1, 147);
    assert_eq!(client.refused("POST", "/rest/scan/8/launch", &json!({"diagnosticTarget": "10.0.0.1"})).1, 146);
}

#[test]
fn a_schedule_of_now_starts_at_once() {
    let mut client = client();
    let made = client.ok("POST", "/rest/scan", &with("schedule", json!({"type": "now"})));
    assert_eq!(made["scanResultID"], "14");
    assert_eq!(client.member("/rest/scanResult/14", "status"), "Queued");
    assert_eq!(client.member("/rest/scanResult/14", "scan")["id"], "9", "a user started it, so it says of what");
}

#[test]
fn clocks_start_scans_and_ends_start_those_that_wait() {
    let mut client = client();
    let soon = json!({"type": "ical", "start": "TZID=UTC:20260302T010000", "repeatRule": ""});
    let made = client.ok("POST", "/rest/scan", &with("schedule", soon));
    assert_eq!(made["schedule"]["nextRun"], json!(START as i64 + 3600));
    client.ok("POST", "/rest/scan", &with("schedule", json!({"type": "dependent", "dependentID": 9})));
    assert_eq!(client.member("/rest/scan/9", "numDependents"), "1");
    let running = "/rest/scanResult?filter=running&fields=id,name,scan,createdTime";
    client.now += 3599.0;
    assert_eq!(client.get(running)["usable"], json!([]));
    client.now += 11.0;
    let first = client.get(running)["usable"].clone();
    assert_eq!(first.as_array().unwrap().len(), 1);
    assert_eq!(first[0]["createdTime"], (START as i64 + 3600).to_string(), "dated when it was due, not when seen");
    assert_eq!(first[0]["scan"]["id"], json!(-1), "scheduled runs do not name their scan");
    client.now += 1300.0;
    let second = client.get(running)["usable"].clone();
    assert_eq!(second.as_array().unwrap().len(), 1);
    assert_ne!(second[0]["id"], first[0]["id"]);
    client.now += 86_400.0;
    assert_eq!(client.member("/rest/scan/9", "schedule")["nextRun"], json!(0), "once only");
}

#[test]
fn time_that_nobody_watched_passes_all_the_same() {
    let mut client = client();
    let hourly = json!({"type": "ical", "start": "TZID=UTC:20260302T010000", "repeatRule": "FREQ=HOURLY;COUNT=2"});
    client.ok("POST", "/rest/scan", &with("schedule", hourly));
    client.ok("POST", "/rest/scan", &with("schedule", json!({"type": "dependent", "dependentID": 9})));
    client.now += 10.0 * 3600.0;
    let list = format!("/rest/scanResult?startTime={}&fields=createdTime,status", START as i64);
    let rows = client.get(&list)["usable"].clone();
    let mut after: Vec<i64> = rows
        .as_array()
        .unwrap()
        .iter()
        .map(|row| {
            assert_eq!(row["status"], "Completed");
            row["createdTime"].as_str().unwrap().parse::<i64>().unwrap() - START as i64
        })
        .collect();
    after.sort_unstable();
    assert_eq!(after, [3600, 3600 + 1220, 7200, 7200 + 1220], "each dated when it was due");
}

#[test]
fn agent_scans_are_another_resource() {
    let mut client = client();
    assert_eq!(client.get("/rest/agentScan")["usable"][0]["id"], "2");
    assert_eq!(client.get("/rest/scan/2")["name"], "Weekly DMZ", "with ids of its own");
    let launched = client.ok("POST", "/rest/agentScan/2/launch", &json!({}));
    let id = launched["scanResult"]["id"].as_str().unwrap().to_owned();
    client.now += 100.0;
    let run = client.get(&format!("/rest/scanResult/{id}"));
    assert_eq!((&run["status"], &run["progress"]), (&json!("Running"), &json!([])));
    assert!(run["name"].as_str().unwrap().ends_with("[Agent Scan Import]"));
    for verb in ["pause", "stop"] {
        assert_eq!(client.refused("POST", &format!("/rest/scanResult/{id}/{verb}"), &Value::Null).1, 146);
    }
}
