//! Runs.

use std::io::{Cursor, Read as _};

use serde_json::{Value, json};

use super::{Client, START, client, header};
use crate::sandbox::tenable_sc::TenableSc;

fn launched(client: &mut Client<TenableSc>) -> String {
    let launched = client.ok("POST", "/rest/scan/3/launch", &json!({}));
    format!("/rest/scanResult/{}", launched["scanResult"]["id"].as_str().unwrap())
}

fn state(client: &mut Client<TenableSc>, run: &str) -> [String; 3] {
    let row = client.get(&format!("{run}?fields=status,running,importStatus"));
    ["status", "running", "importStatus"].map(|key| row[key].as_str().unwrap().to_owned())
}

fn ids(list: &Value) -> Vec<&str> {
    list.as_array().unwrap().iter().map(|row| row["id"].as_str().unwrap()).collect()
}

#[test]
fn a_run_is_over_before_its_data_is_in_the_repository() {
    let mut client = client();
    let run = launched(&mut client);
    assert_eq!(state(&mut client, &run), ["Queued", "true", "No Results"]);
    let fresh = client.get(&run);
    assert_eq!(
        (&fresh["startTime"], &fresh["finishTime"], &fresh["progress"]),
        (&json!("-1"), &json!("-1"), &json!([]))
    );
    client.now += 620.0;
    assert_eq!(state(&mut client, &run), ["Running", "true", "No Results"]);
    let half = client.get(&run);
    assert_eq!(
        (&half["totalIPs"], &half["completedIPs"], &half["downloadAvailable"]),
        (&json!("5"), &json!("2"), &json!("false"))
    );
    assert_eq!(half["progress"]["runState"], "Running");
    assert!(half["progress"]["scannedIPs"].is_string() && half["progress"]["distributedSize"].is_u64());
    client.now = START + 1221.0;
    assert_eq!(state(&mut client, &run), ["Completed", "false", "No Results"]);
    client.now = START + 1300.0;
    assert_eq!(state(&mut client, &run), ["Completed", "false", "Finished"]);
    let done = client.get(&run);
    assert_eq!((&done["scanDuration"], &done["importDuration"]), (&json!("1200"), &json!("12")));
    assert_eq!(done["progress"]["runState"], "Stopped", "the engine's word, not a user's deed");
    let progress = &done["progress"];
    let sum = progress["scannedSize"].as_u64().unwrap() + progress["deadHostSize"].as_u64().unwrap();
    assert_eq!(Some(sum), progress["distributedSize"].as_u64());
}

#[test]
fn controls_answer_with_what_was_and_refuse_wrong_states() {
    let mut client = client();
    let run = launched(&mut client);
    let refused = |client: &mut Client<TenableSc>, verb: &str| {
        let (status, code, message) = client.refused("POST", &format!("{run}/{verb}"), &Value::Null);
        assert_eq!((status, code), (403, 146));
        message
    };
    assert!(refused(&mut client, "pause").contains("The scan is Queued."));
    client.now += 320.0;
    refused(&mut client, "resume");
    assert_eq!(client.ok("POST", &format!("{run}/pause"), &Value::Null)["status"], "Running");
    assert_eq!(state(&mut client, &run)[0], "Pausing");
    client.now += 40.0;
    assert_eq!(state(&mut client, &run), ["Paused", "true", "No Results"]);
    refused(&mut client, "pause");
    let before = client.member(&run, "completedChecks");
    client.now += 50_000.0;
    assert_eq!(client.member(&run, "completedChecks"), before);
    let running = client.get("/rest/scanResult?filter=running&startTime=0");
    assert_eq!(ids(&running["usable"]), ["14"], "what is paused still counts as running");
    let completed = client.get("/rest/scanResult?filter=completed,usable&startTime=0");
    assert!(!ids(&completed["usable"]).contains(&"14") && completed.get("manageable").is_none());
    assert!(ids(&client.get("/rest/scanResult?filter=running,completed&startTime=0")["usable"]).contains(&"14"));
    assert_eq!(client.ok("POST", &format!("{run}/resume"), &Value::Null)["status"], "Paused");
    client.now += 40.0;
    assert_eq!(client.ok("POST", &format!("{run}/stop"), &Value::Null)["status"], "Running");
    assert_eq!(state(&mut client, &run)[0], "Stopping");
    refused(&mut client, "stop");
    client.now += 100.0;
    assert_eq!(state(&mut client, &run), ["Partial", "false", "Finished"], "there is no word for stopped");
    refused(&mut client, "stop");
    refused(&mut client, "resume");
}

#[test]
fn a_stop_may_say_what_becomes_of_the_data() {
    let mut client = client();
    let run = launched(&mut client);
    client.now += 320.0;
    assert_eq!(client.refused("POST", &format!("{run}/stop"), &json!({"type": "eat"})).1, 146);
    client.ok("POST", &format!("{run}/stop"), &json!({"type": "discard"}));
    client.now += 5000.0;
    assert_eq!(state(&mut client, &run), ["Partial", "false", "No Results"]);
    assert_eq!(client.member(&run, "downloadAvailable"), "false");
}

#[test]
fn targets_that_cannot_be_scanned_end_in_error() {
    let mut client = client();
    let body =
        json!({"name": "x", "repository": {"id": 2}, "policy": {"id": 1000001}, "ipList": "10.1.1.1,198.51.100.3"});
    client.ok("POST", "/rest/scan", &body);
    let run = client.ok("POST", "/rest/scan/9/launch", &json!({}))["scanResult"]["id"].clone();
    let run = format!("/rest/scanResult/{}", run.as_str().unwrap());
    assert_eq!(client.member(&run, "errorDetails"), "");
    client.now += 30.0;
    let failed = client.get(&run);
    assert_eq!(
        (&failed["status"], &failed["running"], &failed["startTime"]),
        (&json!("Error"), &json!("false"), &json!("-1"))
    );
    assert_ne!(failed["finishTime"], "-1");
    assert!(failed["errorDetails"].as_str().unwrap().contains("10.1.1.1"));
}

#[test]
fn lists_reach_back_thirty_days_by_creation() {
    let mut client = client();
    let default = client.get("/rest/scanResult");
    assert!(!ids(&default["usable"]).contains(&"1"), "created 40 days ago");
    let all = client.get("/rest/scanResult?startTime=0&endTime=9999999999");
    assert_eq!(ids(&all["usable"]).len(), 13);
    assert_eq!(ids(&all["manageable"]).len(), 12, "one belongs to somebody else");
    let mut keys: Vec<_> = all["usable"][0].as_object().unwrap().keys().collect();
    keys.sort();
    assert_eq!(keys, ["description", "id", "name", "status"]);
    let created: i64 = client.member("/rest/scanResult/8", "createdTime").as_str().unwrap().parse().unwrap();
    let finished: i64 = client.member("/rest/scanResult/8", "finishTime").as_str().unwrap().parse().unwrap();
    let window =
        |field: &str, time: i64| format!("/rest/scanResult?startTime={time}&endTime={time}&timeCompareField={field}");
    assert_eq!(ids(&client.get(&window("createdTime", created))["usable"]), ["8"]);
    assert_eq!(ids(&client.get(&window("finishTime", finished))["usable"]), ["8"]);
    assert_eq!(ids(&client.get(&window("finishTime", created))["usable"]), [""; 0]);
    assert_eq!(client.refused("GET", &window("importFinish", 1), &Value::Null).1, 146);
    assert_eq!(client.refused("GET", "/rest/scanResult?startTime=today", &Value::Null).1, 146);
}

#[test]
fn optimized_lists_leave_out_the_counters_of_what_is_over() {
    let mut client = client();
    launched(&mut client);
    client.now += 100.0;
    let fields = "fields=id,completedIPs,totalIPs,progress";
    for parameter in ["optimizeCompletedScanResults=true", "filter=optimizeCompletedScans,usable"] {
        let rows = client.get(&format!("/rest/scanResult?{fields}&{parameter}"))["usable"].clone();
        for row in rows.as_array().unwrap() {
            assert_eq!(row.get("completedIPs").is_some(), row["id"] == "14", "{row}");
            assert!(row.get("totalIPs").is_some() && row.get("progress").is_none());
        }
    }
    let rows = client.get(&format!("/rest/scanResult?{fields}&optimizeCompletedScanResults=false"))["usable"].clone();
    assert!(rows.as_array().unwrap().iter().all(|row| row.get("completedIPs").is_some()));
}

#[test]
fn stored_runs_have_every_kind_of_end() {
    let mut client = client();
    let scheduled = client.get("/rest/scanResult/11");
    assert_eq!(scheduled["scan"], json!({"id": -1, "name": "", "description": ""}), "although it is a run of scan 1");
    assert_eq!(client.member("/rest/scanResult/8", "scan")["id"], "3");
    assert_eq!(state(&mut client, "/rest/scanResult/3"), ["Completed", "false", "Error"]);
    assert_ne!(client.member("/rest/scanResult/3", "importErrorDetails"), "");
    assert_eq!(state(&mut client, "/rest/scanResult/6"), ["Partial", "false", "No Results"]);
    let failed = client.get("/rest/scanResult/7");
    assert_eq!(
        (&failed["status"], &failed["startTime"], &failed["downloadAvailable"]),
        (&json!("Error"), &json!("-1"), &json!("false"))
    );
    assert_eq!(state(&mut client, "/rest/scanResult/10"), ["Partial", "false", "Finished"]);
    let agents = client.get("/rest/scanResult/12");
    assert_eq!(agents["name"], "Server Agents [Agent Scan Import]");
    assert_eq!(
        (&agents["description"], &agents["totalIPs"], &agents["progress"]),
        (&json!(null), &json!("-1"), &json!([]))
    );
}

#[test]
fn downloads_are_zips_that_call_themselves_base64() {
    let mut client = client();
    for body in [b"".as_slice(), br#"{"downloadType":"v2"}"#] {
        let reply = client.send("POST", "/rest/scanResult/8/download", body);
        assert_eq!(header(&reply, "content-type"), Some("application/zip"));
        assert_eq!(header(&reply, "content-disposition"), Some("attachment; filename=8-nessus.zip"));
        assert_eq!(header(&reply, "content-transfer-encoding"), Some("BASE64;"));
        let mut archive = zip::ZipArchive::new(Cursor::new(reply.body)).unwrap();
        assert_eq!((archive.len(), archive.by_index(0).unwrap().name().unwrap().as_ref()), (1, "8.nessus"));
        let mut text = String::new();
        archive.by_index(0).unwrap().read_to_string(&mut text).unwrap();
        assert!(text.contains("<NessusClientData_v2>") && text.matches("<ReportHost ").count() >= 2);
    }
    let plain = client.send("POST", "/rest/scanResult/13/download", b"");
    assert!(plain.body.starts_with(b"<?xml"), "what came unzipped goes unzipped");
    let scap = client.send("POST", "/rest/scanResult/2/download", br#"{"downloadType":"scap1_2"}"#);
    assert!(scap.body.starts_with(b"PK"));
    for (run, body) in [
        ("1", json!(null)),
        ("6", json!(null)),
        ("7", json!({})),
        ("8", json!({"downloadType": "scap1_2"})),
        ("8", json!({"downloadType": "pdf"})),
    ] {
        assert_eq!(client.refused("POST", &format!("/rest/scanResult/{run}/download"), &body).1, 146, "{run} {body}");
    }
    assert_eq!(client.refused("POST", "/rest/scanResult/99/download", &Value::Null).1, 147);
}

#[test]
fn mail_that_cannot_be_sent_is_200_with_a_message() {
    let mut client = client();
    assert_eq!(client.ok("POST", "/rest/scanResult/8/email", &json!({"email": "a@corp.example"})), "");
    let (status, envelope) =
        client.call("POST", "/rest/scanResult/8/email", &json!({"email": "a@corp.example,b@localhost"}));
    assert_eq!((status, &envelope["error_code"], &envelope["response"]), (200, &json!(0), &json!("")));
    assert!(envelope["error_msg"].as_str().unwrap().contains("b@localhost"));
    assert_eq!(client.refused("POST", "/rest/scanResult/8/email", &json!({})).1, 146);
}

#[test]
fn copies_and_deletions_have_no_result() {
    let mut client = client();
    assert_eq!(client.ok("POST", "/rest/scanResult/8/copy", &json!({"users": [{"id": 1}, {"id": 4}]})), "");
    let owners = ["14", "15"].map(|id| client.get(&format!("/rest/scanResult/{id}"))["owner"]["id"].clone());
    assert_eq!(owners, ["1", "4"]);
    assert_eq!(client.refused("POST", "/rest/scanResult/8/copy", &json!({"users": [{"id": 99}]})).1, 146);
    assert_eq!(client.ok("DELETE", "/rest/scanResult/8", &Value::Null), "");
    assert_eq!(client.refused("GET", "/rest/scanResult/8", &Value::Null).1, 147);
    assert_eq!(client.refused("DELETE", "/rest/scanResult/6", &Value::Null).1, 146, "not ours");
    let run = launched(&mut client);
    assert_eq!(client.refused("DELETE", &run, &Value::Null).1, 146, "still running");
}

#[test]
fn uploads_become_results_that_have_to_be_looked_for() {
    let mut client = client();
    let document = client.send("POST", "/rest/scanResult/13/download", b"").body;
    let mut form = b"--b\r\nContent-Disposition: form-data; name=\"Filedata\"; filename=\"x.nessus\"\r\n\r\n".to_vec();
    form.extend_from_slice(&document);
    form.extend_from_slice(b"\r\n--b--\r\n");
    assert_eq!(client.refused("POST", "/rest/file/upload", &json!({})).1, 146, "no form");
    client.headers.push(("content-type".into(), "multipart/form-data; boundary=b".into()));
    let upload = |client: &mut Client<TenableSc>| -> String {
        let reply = client.send("POST", "/rest/file/upload", &form);
        let envelope: Value = serde_json::from_slice(&reply.body).unwrap();
        assert_eq!(envelope["response"]["originalFilename"], "x.nessus");
        envelope["response"]["filename"].as_str().unwrap().to_owned()
    };
    let (first, second) = (upload(&mut client), upload(&mut client));
    client.headers.pop();
    assert!(client.ok("POST", "/rest/file/clear", &json!({"filename": second}))["filename"].is_string());
    let body = |name: &str| json!({"filename": name, "repository": {"id": 1}});
    assert_eq!(client.refused("POST", "/rest/scanResult/import", &body(&second)).1, 146, "cleared");
    assert_eq!(client.ok("POST", "/rest/scanResult/import", &body(&first)), "");
    assert_eq!(client.refused("POST", "/rest/scanResult/import", &body(&first)).1, 146, "used up");
    let rows =
        client.get(&format!("/rest/scanResult?startTime={}&fields=name,id,scan", START as i64))["usable"].clone();
    assert_eq!((ids(&rows), &rows[0]["name"]), (vec!["14"], &json!("Manual Import - x.nessus")));
    let imports: Vec<_> = [0.0, 4.0, 9.0, 30.0]
        .into_iter()
        .map(|after| {
            client.now = START + after;
            state(&mut client, "/rest/scanResult/14")
        })
        .collect();
    assert_eq!(
        imports.iter().map(|state| state[2].as_str()).collect::<Vec<_>>(),
        ["No Results", "Import Pending", "Importing", "Finished"]
    );
    assert!(imports.iter().all(|state| state[0] == "Completed"));
    assert_eq!(client.ok("POST", "/rest/scanResult/14/import", &json!({"dhcpTracking": "true"})), "");
    assert_eq!(client.refused("POST", "/rest/scanResult/14/import", &json!({"dhcpTracking": true})).1, 146);
    assert_eq!(client.refused("POST", "/rest/scanResult/7/import", &json!({})).1, 146, "no data");
}

#[test]
fn speed_shortens_states_and_leaves_the_clock_alone() {
    let mut client = Client { vendor: crate::sandbox::tenable_sc::pair(100.0).0, ..client() };
    let run = launched(&mut client);
    client.now += 12.3;
    let done = client.get(&run);
    assert_eq!((&done["status"], &done["scanDuration"]), (&json!("Completed"), &json!("12")));
    assert_eq!(done["createdTime"], (START as i64).to_string());
}
