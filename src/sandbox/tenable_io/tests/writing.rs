//! Changing what is stored: scans, folders, policies, imports.

use super::*;

fn settings(members: Value) -> Option<Value> {
    Some(json!({ "uuid": world::TEMPLATES[0].2, "settings": members }))
}

#[test]
fn create_answers_wrapped_and_update_does_not() {
    let mut client = Client::new();
    let created = client.ok(
        "POST",
        "/scans",
        settings(json!({ "name": "n", "text_targets": "192.0.2.1", "scanner_id": world::OWN_SCANNER })),
    );
    let scan = &created["scan"];
    assert_eq!(created.as_object().unwrap().len(), 1);
    assert_eq!((&scan["shared"], &scan["custom_targets"]), (&json!(0), &json!("192.0.2.1")));
    assert_eq!(scan["scanner_uuid"], world::OWN_SCANNER);
    assert_eq!(scan["policy_id"].as_u64().unwrap() + 1, scan["id"].as_u64().unwrap());
    let id = scan["id"].clone();
    let listed = client.named("n");
    assert_eq!((&listed["schedule_uuid"], &listed["type"]), (&scan["uuid"], &Value::Null));
    let updated = client.ok("PUT", &format!("/scans/{id}"), Some(json!({ "settings": { "text_targets": "basic" } })));
    assert_eq!((&updated["id"], &updated["name"], &updated["custom_targets"]), (&id, &json!("n"), &json!("basic")));
    assert_eq!(updated["scanner_uuid"], world::CLOUD_SCANNER, "not naming the scanner moves the scan");
}

#[test]
fn bad_settings_are_refused_and_leave_nothing() {
    let mut client = Client::new();
    let before = client.get("/scans/count")["count"].clone();
    for (body, why) in [
        (json!({ "settings": { "name": "n", "text_targets": "t" } }), "no template"),
        (json!({ "uuid": "unknown", "settings": { "name": "n", "text_targets": "t" } }), "unknown template"),
        (json!({ "uuid": world::TEMPLATES[0].2 }), "no settings"),
        (settings(json!({ "text_targets": "t" })).unwrap(), "no name"),
        (settings(json!({ "name": "n" })).unwrap(), "no targets"),
        (settings(json!({ "name": "n", "text_targets": ["t"] })).unwrap(), "targets as a list"),
        (settings(json!({ "name": 1, "text_targets": "t" })).unwrap(), "name as a number"),
        (settings(json!({ "name": "n", "text_targets": "t", "enabled": "yes" })).unwrap(), "boolean as text"),
        (settings(json!({ "name": "n", "text_targets": "t", "folder_id": 999 })).unwrap(), "unknown folder"),
        (settings(json!({ "name": "n", "text_targets": "t", "scanner_id": "nowhere" })).unwrap(), "unknown scanner"),
        (settings(json!({ "name": "n", "text_targets": "t", "policy_id": "999" })).unwrap(), "unknown policy"),
    ] {
        assert_eq!(client.call("POST", "/scans", Some(body)).status, 400, "{why}");
    }
    assert_eq!(client.get("/scans/count")["count"], before);
}

#[test]
fn an_update_forgets_what_it_leaves_out_and_routing_needs_a_network() {
    let mut client = Client::new();
    let routed = |network: Value| json!({ "name": "routed", "text_targets": "t", "scanner_id": "AUTO-ROUTED", "target_network_uuid": network });
    for network in [Value::Null, json!("")] {
        assert_eq!(client.call("POST", "/scans", settings(routed(network))).status, 400);
    }
    let mut members = routed(json!("3f2504e0-4f89-11d3-9a0c-0305e82c3309"));
    members["folder_id"] = client.get("/folders")["folders"][2]["id"].clone();
    members["enabled"] = json!(true);
    let folder = members["folder_id"].clone();
    let made = client.ok("POST", "/scans", settings(members.clone()))["scan"].clone();
    assert_eq!((&made["auto_routed"], &made["target_network_uuid"]), (&json!(1), &members["target_network_uuid"]));
    let path = format!("/scans/{}", made["id"]);
    let sent = |members: &Value| Some(json!({ "settings": members }));
    assert_eq!(client.call("PUT", &path, sent(&json!({ "scanner_id": "AUTO-ROUTED" }))).status, 400);
    client.ok("PUT", &path, sent(&members));
    let info = |client: &mut Client| client.get(&path)["info"]["folder_id"].clone();
    assert_eq!((client.named("routed")["enabled"].clone(), info(&mut client)), (json!(true), folder));
    client.ok("PUT", &path, sent(&json!({ "text_targets": "u" })));
    assert_eq!((client.named("routed")["enabled"].clone(), info(&mut client)), (json!(false), json!(3)));
}

#[test]
fn launch_now_launches() {
    let mut client = Client::new();
    let body = settings(json!({ "name": "now", "text_targets": "192.0.2.1", "launch_now": true }));
    let id = client.ok("POST", "/scans", body)["scan"]["id"].as_u64().unwrap();
    assert_eq!(client.status(id), "initializing");
}

#[test]
fn copies_have_the_bare_schedule_uuid_and_deleted_scans_are_gone() {
    let mut client = Client::new();
    let id = client.id("Weekly DMZ");
    let copy = client.ok("POST", &format!("/scans/{id}/copy"), Some(json!({})));
    assert_eq!((&copy["name"], &copy["status"]), (&json!("Copy of Weekly DMZ"), &json!("empty")));
    let uuid = copy["uuid"].as_str().unwrap();
    assert_eq!(uuid.len(), 52);
    client.ok("POST", &format!("/scans/{uuid}/launch"), None);
    let reply = client.call("DELETE", &format!("/scans/{uuid}"), None);
    assert_eq!((reply.status, read(&reply)["error"].as_str()), (409, Some("Can not delete an active scan")));
    client.now += 2000.0;
    assert_eq!(client.ok("DELETE", &format!("/scans/{uuid}"), None), Value::Null);
    assert_eq!(client.call("GET", &format!("/scans/{uuid}"), None).status, 404);
    assert_eq!(client.call("DELETE", &format!("/scans/{uuid}"), None).status, 404);
}

#[test]
fn schedule_read_mark_and_folder_are_switches() {
    let mut client = Client::new();
    let id = client.id("Weekly DMZ");
    let off = client.ok("PUT", &format!("/scans/{id}/schedule"), Some(json!({ "enabled": false })));
    assert_eq!((&off["enabled"], &off["starttime"]), (&json!(false), &json!("20260105T010000")));
    assert_eq!(client.named("Weekly DMZ")["enabled"], false);
    for body in [json!({}), json!({ "enabled": "false" }), json!({ "enabled": true, "x": 1 })] {
        assert_eq!(client.call("PUT", &format!("/scans/{id}/schedule"), Some(body)).status, 400);
    }
    assert_eq!(client.ok("PUT", &format!("/scans/{id}/status"), Some(json!({ "read": false }))), Value::Null);
    assert_eq!(client.named("Weekly DMZ")["read"], false);
    let perimeter = client.get("/folders")["folders"][2].clone();
    assert_eq!((&perimeter["name"], &perimeter["unread_count"]), (&json!("Perimeter"), &json!(1)));
    assert_eq!(client.ok("DELETE", &format!("/folders/{}", perimeter["id"]), None), Value::Null);
    assert_eq!(client.get("/scans?folder_id=2")["scans"][0]["name"], "Weekly DMZ", "to the trash");
    assert_eq!(client.ok("PUT", &format!("/scans/{id}/folder"), Some(json!({ "folder_id": 3 }))), Value::Null);
    assert_eq!(client.get("/scans?folder_id=2")["scans"], json!([]));
    assert_eq!(client.call("DELETE", "/folders/2", None).status, 403);
    assert_eq!(client.call("POST", "/folders", Some(json!({ "name": "" }))).status, 400);
}

fn upload(client: &mut Client, content: &[u8]) -> String {
    let mut body = b"--b0\r\nContent-Disposition: form-data; name=\"Filedata\"; filename=\"results\"\r\n\r\n".to_vec();
    body.extend(content);
    body.extend(b"\r\n--b0--\r\n");
    let headers =
        [("x-apikeys", "accessKey=access;secretKey=secret"), ("content-type", "multipart/form-data; boundary=b0")];
    let reply = client.send("POST", "/file/upload", &headers, &body);
    read(&reply)["fileuploaded"].as_str().unwrap().to_owned()
}

#[test]
fn a_result_comes_back_in_as_it_went_out() {
    let mut client = Client::new();
    let id = client.id("Weekly DMZ");
    let file = client.ok("POST", &format!("/scans/{id}/export"), Some(json!({ "format": "nessus" })))["file"].clone();
    client.now += 4.0;
    let target = format!("/scans/{id}/export/{}/download", file.as_str().unwrap());
    let document = client.call("GET", &target, None).body;
    assert_eq!(upload(&mut client, b"192.0.2.1\n192.0.2.2"), "results");
    let name = upload(&mut client, &document);
    assert_eq!(name, "results_1");
    let answer = client.ok("POST", "/scans/import?include_aggregate=1", Some(json!({ "file": name })));
    let scan = &answer["scan"];
    assert_eq!((&scan["status"], &scan["control"]), (&json!("imported"), &Value::Null));
    assert_eq!(scan["uuid"].as_str().unwrap().len(), 52);
    let (original, copy) = (client.get(&format!("/scans/{id}")), client.get(&format!("/scans/{}", scan["id"])));
    for part in ["hosts", "vulnerabilities", "comphosts", "compliance"] {
        assert_eq!(original[part], copy[part], "{part}");
    }
    assert_eq!(copy["history"][0]["status"], "imported");
    assert_eq!(client.get(&format!("/scans/{}/history", scan["id"]))["history"], json!([]));
    assert_eq!(client.call("POST", "/scans/import", Some(json!({ "file": "unknown" }))).status, 404);
    assert_eq!(client.call("POST", "/scans/import", Some(json!({ "file": "results" }))).status, 400);
    // Uploaded files serve as targets too.
    let body = settings(json!({ "name": "from file", "file_targets": "results" }));
    let id = client.ok("POST", "/scans", body)["scan"]["id"].clone();
    client.ok("POST", &format!("/scans/{id}/launch"), None);
    assert_eq!(client.get(&format!("/scans/{id}"))["info"]["targets"], "192.0.2.1,192.0.2.2");
}

#[test]
fn old_results_are_refused_in_an_odd_way() {
    let mut client = Client::new();
    let old = "<NessusClientData_v2><Report name=\"r\"><ReportHost name=\"h\"><HostProperties>\
        <tag name=\"HOST_END_TIMESTAMP\">1700000000</tag></HostProperties></ReportHost></Report></NessusClientData_v2>";
    let name = upload(&mut client, old.as_bytes());
    let reply = client.call("POST", "/scans/import", Some(json!({ "file": name })));
    assert_eq!((reply.status, header(&reply, "Content-Type")), (409, Some("text/html; charset=utf-8")));
    let outer: Value = serde_json::from_slice(&reply.body).unwrap();
    let inner: Value = serde_json::from_str(outer["error"].as_str().unwrap()).unwrap();
    assert_eq!(inner["error"], "Scans older than 10/16/2025 cannot be imported.");
}

#[test]
fn the_editor_shows_what_was_stored() {
    let mut client = Client::new();
    let mut body =
        settings(json!({ "name": "edited", "text_targets": "192.0.2.1", "rrules": "FREQ=DAILY;INTERVAL=1" })).unwrap();
    body["credentials"] = json!({ "add": { "Host": { "SSH": [{ "username": "root", "password": "secret" }] } } });
    let id = client.ok("POST", "/scans", Some(body))["scan"]["id"].clone();
    let editor = client.get(&format!("/editor/scan/{id}"));
    assert_eq!(editor["uuid"], world::TEMPLATES[0].2);
    let inputs = editor["settings"]["basic"]["inputs"].as_array().unwrap();
    let value = |name: &str| inputs.iter().find(|input| input["id"] == name).unwrap()["default"].clone();
    assert_eq!(
        (value("name"), value("text_targets"), value("scanner_id")),
        (json!("edited"), json!("192.0.2.1"), json!(world::CLOUD_SCANNER))
    );
    assert_eq!(editor["settings"]["basic"]["groups"][0]["rrules"], "FREQ=DAILY;INTERVAL=1");
    let instance = &editor["credentials"]["data"][0]["types"][0]["instances"][0];
    assert!(instance["id"].is_number() && !instance.to_string().contains("secret"));
    let target = format!("/scans/{id}/credentials/{}/upgrade", instance["id"]);
    let upgrade = json!({ "name": "n", "settings": {}, "type": "SSH", "category": "Host", "ad_hoc": false });
    assert!(client.ok("POST", &target, Some(upgrade.clone()))["uuid"].is_string());
    assert_eq!(client.call("POST", &target, Some(upgrade)).status, 404);
    for of in ["scan", "policy"] {
        for template in client.get(&format!("/editor/{of}/templates"))["templates"].as_array().unwrap() {
            client.get(&format!("/editor/{of}/templates/{}", template["uuid"].as_str().unwrap()));
        }
    }
    let families = editor["plugins"]["families"].as_object().unwrap();
    let plugins: usize = families
        .values()
        .map(|family| {
            client.get(&format!("/editor/scan/{id}/families/{}", family["id"]))["plugins"].as_array().unwrap().len()
        })
        .sum();
    assert_eq!(plugins, crate::sandbox::nessus::plugins::ALL.len());
    let reply = client.call("GET", "/editor/policy/28/families/1", None);
    assert_eq!(read(&reply), json!({ "error": "Unknown policy ID: 28." }));
}

#[test]
fn policies_are_made_copied_exported_and_imported() {
    let mut client = Client::new();
    let made = client.ok("POST", "/policies", settings(json!({ "name": "mine", "safe_checks": "no" })));
    let copy = client.ok("POST", &format!("/policies/{}/copy", made["policy_id"]), None);
    assert_eq!(copy["name"], "Copy of mine");
    let reply = client.call("GET", &format!("/policies/{}/export", copy["id"]), None);
    assert_eq!(header(&reply, "Content-Type"), Some("text/xml"));
    let name = upload(&mut client, &reply.body);
    let imported = client.ok("POST", "/policies/import", Some(json!({ "file": name })));
    let details = client.get(&format!("/policies/{}", imported["id"]));
    assert_eq!(details["settings"], json!({ "name": "Copy of mine", "safe_checks": "no" }));
    let body =
        json!({ "name": "with policy", "text_targets": "192.0.2.1", "policy_id": made["policy_id"].to_string() });
    let scan = client.ok("POST", "/scans", settings(body));
    assert_eq!(scan["scan"]["policy_id"], made["policy_id"]);
    assert_eq!(client.ok("DELETE", &format!("/policies/{}", made["policy_id"]), None), Value::Null);
    assert_eq!(client.call("GET", &format!("/policies/{}", made["policy_id"]), None).status, 404);
}

#[test]
fn remediation_scans_are_listed_apart() {
    let mut client = Client::new();
    let made =
        client.ok("POST", "/scans/remediation", settings(json!({ "name": "fixed?", "text_targets": "192.0.2.1" })));
    assert_eq!(made["scan"]["remediation"], 1);
    let list = client.get("/scans/remediation?limit=5&offset=0&sort=scan_creation_date:asc");
    assert_eq!(list["pagination"], json!({ "offset": 0, "total": 1, "sort": "scan_creation_date:asc", "limit": 5 }));
    assert_eq!(list["scans"][0]["creation_date"], 0);
    assert!(list["scans"][0].get("uuid").is_none());
    assert!(client.get("/scans")["scans"].as_array().unwrap().iter().all(|scan| scan["name"] != "fixed?"));
    client.get(&format!("/scans/{}", made["scan"]["id"]));
}
