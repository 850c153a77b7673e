//! Director, driven beside the instance that it copies from.

use serde_json::{Value, json};

use super::super::tenable_sc::tests::{Client, START, header, keys};
use super::super::tenable_sc::{TenableSc, pair};
use super::Director;

fn both() -> (Client<TenableSc>, Client<Director>) {
    let (instance, director) = pair(1.0);
    (Client { vendor: instance, now: START, headers: keys() }, Client { vendor: director, now: START, headers: keys() })
}

fn director() -> Client<Director> {
    both().1
}

fn ids(list: &Value) -> Vec<&str> {
    list.as_array().unwrap().iter().map(|row| row["id"].as_str().unwrap()).collect()
}

#[test]
fn its_ids_are_its_own_and_mean_something_else_on_the_instance() {
    let (mut instance, mut director) = both();
    let scans = director.get("/rest/mgmt/scan?fields=name,sciScanID,SCI,createdTime,maxScanTime,uuid");
    for scan in scans.as_array().unwrap().iter().filter(|scan| scan["SCI"]["id"] == "1") {
        let (own, there) = (scan["id"].as_str().unwrap(), scan["sciScanID"].as_str().unwrap());
        assert_ne!(own, there);
        let twin = instance.get(&format!("/rest/scan/{there}"));
        for key in ["name", "createdTime", "maxScanTime", "uuid"] {
            assert!(twin[key].is_string() && twin[key] == scan[key], "{key}: {scan}");
        }
    }
    assert_eq!(director.get("/rest/mgmt/scan/8")["sciScanID"], "3");
    assert_ne!(instance.member("/rest/scan/8", "name"), director.member("/rest/mgmt/scan/8", "name"));
    let results = director.get("/rest/mgmt/scanResult?startTime=0");
    for result in results.as_array().unwrap().iter().filter(|result| result["SCI"]["id"] == "1") {
        let there = result["sciScanResultID"].as_str().unwrap();
        assert_ne!(result["id"], there);
        assert_eq!(instance.member(&format!("/rest/scanResult/{there}"), "name"), result["name"]);
    }
}

#[test]
fn lists_are_bare_and_answer_under_other_names() {
    let mut director = director();
    let all = director.get("/rest/mgmt/scan");
    assert_eq!(ids(&all), ["10", "9", "8", "7", "6", "5", "4", "3", "2"]);
    let mut keys: Vec<_> = all[0].as_object().unwrap().keys().collect();
    keys.sort();
    assert_eq!(keys, ["SCI", "description", "id", "name", "organization", "status", "uuid"]);
    let asked = director.get("/rest/mgmt/scan?fields=policy,creator,owner,repository,zone,plugin,sciScanID");
    let mut keys: Vec<_> = asked[0].as_object().unwrap().keys().collect();
    keys.sort();
    assert_eq!(
        keys,
        ["creatorUUID", "id", "ownerUUID", "pluginID", "policyUUID", "repositoryUUID", "sciScanID", "uuid", "zoneUUID"]
    );
    let one = director.get("/rest/mgmt/scan/9");
    assert_eq!((&one["pluginID"], &one["zoneUUID"]), (&json!("-1"), &json!("")));
    for hidden in ["schedule", "assets", "credentials", "reports", "policy"] {
        assert!(one.get(hidden).is_none(), "{hidden}");
    }
    let uuid = one["uuid"].as_str().unwrap().to_owned();
    assert_eq!(director.get(&format!("/rest/mgmt/scan/{uuid}")), one);
}

#[test]
fn lists_are_narrowed_by_directors_own_ids() {
    let mut director = director();
    assert_eq!(ids(&director.get("/rest/mgmt/scan?sciID=2")), ["2"]);
    assert_eq!(ids(&director.get("/rest/mgmt/scan?sciID=1&orgID=3")).len(), 8);
    assert_eq!(director.get("/rest/mgmt/scan?sciID=1&orgID=4"), json!([]));
    assert_eq!(director.get("/rest/mgmt/scan?sciID=77"), json!([]));
    assert_eq!(ids(&director.ok("GET", "/rest/mgmt/scan", &json!({"sciID": 2}))), ["2"], "a body does the same");
    assert_eq!(director.refused("GET", "/rest/mgmt/scan?sciID=x", &Value::Null).1, 146);
    let administrators = director.get("/rest/mgmt/user?orgID=0");
    assert_eq!(administrators[0]["organization"]["id"], json!(0));
}

#[test]
fn scans_are_created_by_uuids_and_appear_on_the_instance() {
    let (mut instance, mut director) = both();
    let users = director.get("/rest/mgmt/user?sciID=1&orgID=3");
    let user = users.as_array().unwrap().iter().find(|user| user["username"] == "user").unwrap()["uuid"].clone();
    let policy = director.get("/rest/mgmt/policy?sciID=1")[0]["uuid"].clone();
    let repository = director.get("/rest/mgmt/repository?sciID=1")[0]["uuid"].clone();
    let full = json!({
        "name": "Made", "sciID": 1, "userUUID": user, "policyUUID": policy, "repositoryUUID": repository,
        "ipList": "10.20.0.10", "maxScanTime": 7200, "classifyMitigatedAge": 1, "zoneUUID": "",
        "schedule": {"type": "ical", "start": "TZID=UTC:20260302T010000", "repeatRule": ""},
    });
    for key in ["name", "sciID", "userUUID", "policyUUID", "repositoryUUID"] {
        let mut body = full.clone();
        body.as_object_mut().unwrap().remove(key);
        let (_, code, message) = director.refused("POST", "/rest/mgmt/scan", &body);
        assert_eq!(code, 146);
        assert!(message.contains(key), "{message}");
    }
    for (key, value) in [
        ("sciID", json!(2)),
        ("sciID", json!(9)),
        ("policyUUID", json!("6ED5492E-0D90-401B-892D-D1DAF28EAC12")),
        ("schedule", json!({"type": "now"})),
        ("emailOnLaunch", json!(true)),
    ] {
        let mut body = full.clone();
        body[key] = value;
        assert_eq!(director.refused("POST", "/rest/mgmt/scan", &body).1, 146, "{key}");
    }
    let made = director.ok("POST", "/rest/mgmt/scan", &full);
    assert_eq!((&made["id"], &made["sciScanID"], &made["maxScanTime"]), (&json!("11"), &json!("9"), &json!("7200")));
    let there = instance.get("/rest/scan/9");
    assert_eq!((&there["name"], &there["schedule"]["type"]), (&json!("Made"), &json!("ical")));
    assert_eq!(director.ok("DELETE", "/rest/mgmt/scan/11", &Value::Null), "");
    assert_eq!(instance.refused("GET", "/rest/scan/9", &Value::Null).1, 147);
    assert_eq!(director.refused("DELETE", "/rest/mgmt/scan/11", &Value::Null).1, 147);
    assert_eq!(director.refused("DELETE", "/rest/mgmt/scan/2", &Value::Null).1, 146, "out of reach");
}

#[test]
fn copies_lag_behind_the_runs() {
    let (mut instance, mut director) = both();
    instance.ok("POST", "/rest/scan/3/launch", &json!({}));
    let copy = "/rest/mgmt/scanResult/18";
    director.now += 29.0;
    assert_eq!(director.refused("GET", copy, &Value::Null).1, 147, "not there yet");
    director.now += 2.0;
    assert_eq!(director.member(copy, "status"), "Queued");
    instance.now = director.now;
    assert_eq!(instance.member("/rest/scanResult/14", "status"), "Running");
    director.now += 60.0;
    let (theirs, ours) = (instance.get("/rest/scanResult/14"), director.get(copy));
    assert_eq!(ours["sciScanResultID"], "14");
    for key in ["name", "status", "createdTime", "startTime"] {
        assert_eq!(theirs[key], ours[key], "{key}");
    }
    assert!(ours.get("progress").is_none() && ours.get("ownerGroup").is_none());
    assert_eq!(ids(&director.get("/rest/mgmt/scanResult?filter=running")), ["18"]);

    assert_eq!(director.ok("POST", &format!("{copy}/pause"), &Value::Null)["status"], "Running");
    instance.now = director.now + 31.0;
    assert_eq!(instance.member("/rest/scanResult/14", "status"), "Paused");
    director.now += 31.0;
    assert_eq!(director.member(copy, "status"), "Pausing");
    assert_eq!(director.refused("POST", &format!("{copy}/pause"), &Value::Null).1, 146, "the run itself is paused");
    assert_eq!(director.ok("POST", &format!("{copy}/resume"), &Value::Null)["status"], "Pausing");
}

#[test]
fn what_is_deleted_stays_a_copy_for_a_while() {
    let (mut instance, mut director) = both();
    director.get("/rest/mgmt/scanResult/9");
    instance.ok("DELETE", "/rest/scanResult/8", &Value::Null);
    director.now += 29.0;
    assert_eq!(director.member("/rest/mgmt/scanResult/9", "sciScanResultID"), "8");
    assert_eq!(director.refused("POST", "/rest/mgmt/scanResult/9/pause", &Value::Null).1, 147);
    director.now += 2.0;
    assert_eq!(director.refused("GET", "/rest/mgmt/scanResult/9", &Value::Null).1, 147);
}

#[test]
fn calls_that_director_does_not_have_are_missing_routes() {
    let mut director = director();
    for (method, path) in [
        ("POST", "/rest/mgmt/scan/8/launch"),
        ("PATCH", "/rest/mgmt/scan/8"),
        ("POST", "/rest/mgmt/scan/8/copy"),
        ("POST", "/rest/mgmt/scanResult/9/stop"),
        ("DELETE", "/rest/mgmt/scanResult/9"),
        ("POST", "/rest/mgmt/scanResult/9/copy"),
        ("GET", "/rest/mgmt/sci"),
        ("GET", "/rest/scan"),
        ("POST", "/rest/scanResult/9/stop"),
    ] {
        assert_eq!(director.refused(method, path, &json!({})).0, 404, "{method} {path}");
    }
}

#[test]
fn results_are_fetched_and_mailed() {
    let mut director = director();
    let reply = director.send("POST", "/rest/mgmt/scanResult/9/download", br#"{"downloadType":"v2"}"#);
    assert_eq!(header(&reply, "content-disposition"), Some("attachment; filename=9-nessus.zip"));
    assert!(reply.body.starts_with(b"PK\x03\x04"));
    assert_eq!(director.ok("POST", "/rest/mgmt/scanResult/9/email", &json!({"email": "a@corp.example"})), "");
    assert_eq!(director.refused("POST", "/rest/mgmt/scanResult/1/download", &Value::Null).1, 146, "never fetched");
    assert_eq!(director.refused("POST", "/rest/mgmt/scanResult/99/email", &json!({"email": "a@b.c"})).1, 147);
}

#[test]
fn a_broken_instance_says_so_by_its_status() {
    let mut director = director();
    let instances = director.get("/rest/sci?fields=name,version,ip");
    let broken = &instances[1];
    assert_eq!(
        (&broken["status"], &broken["version"], &broken["ip"]),
        (&json!("8194"), &json!("Unknown"), &json!("0.0.0.0"))
    );
    assert_eq!((&broken["workingScanners"], &instances[0]["status"]), (&json!(0), &json!("1")));
    assert_eq!(director.get("/rest/mgmt/scan/2")["SCI"]["id"], "2");
    let stranded = director.get("/rest/mgmt/scanResult/1");
    assert_eq!((&stranded["SCI"]["id"], &stranded["retrievalStatus"]), (&json!("2"), &json!("Not Retrieved")));
    assert_eq!(director.refused("POST", "/rest/mgmt/scanResult/1/pause", &Value::Null).1, 146);
}

#[test]
fn the_one_who_asks_is_an_administrator() {
    let mut director = director();
    let user = director.get("/rest/currentUser");
    assert_eq!((&user["organization"]["id"], &user["group"]["id"]), (&json!(0), &json!(-1)), "numbers, both");
    assert_eq!(user["role"]["name"], "Administrator");
    let organizations = director.get("/rest/mgmt/organization");
    assert_eq!((&organizations[0]["id"], &organizations[0]["sciOrgID"]), (&json!("3"), &json!("1")));
    assert!(director.get("/rest/mgmt/zone")[0].get("uuid").is_none());
    assert_eq!(director.get("/rest/mgmt/scanner").as_array().unwrap().len(), 2);
    director.headers.clear();
    assert_eq!(director.refused("GET", "/rest/mgmt/scan", &Value::Null).1, 12);
}
