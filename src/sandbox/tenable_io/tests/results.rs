//! Reading: lists, details, history, hosts, exports.

use super::*;
use crate::sandbox::tenable_io::imported;

#[test]
fn the_list_shows_every_kind_of_scan() {
    let mut client = Client::new();
    let list = client.get("/scans");
    let scans = list["scans"].as_array().unwrap();
    assert_eq!(list["timestamp"], START as i64);
    for scan in scans {
        let schedule = scan["schedule_uuid"].as_str().unwrap();
        assert!(matches!(schedule.len(), 52 | 61), "{schedule}");
        assert_eq!(schedule.len() == 61, schedule.starts_with("template-"));
        assert_eq!(scan["uuid"].is_null(), scan["status"] == "empty");
        assert_eq!(scan["uuid"].as_str().map_or(36, str::len), if scan["status"] == "imported" { 52 } else { 36 });
        assert!(scan.get("folder_id").is_none());
    }
    let words: std::collections::BTreeSet<_> = scans.iter().map(|scan| scan["status"].as_str().unwrap()).collect();
    assert_eq!(words.into_iter().collect::<Vec<_>>(), ["aborted", "completed", "empty", "imported", "paused"]);
    assert_eq!(scans.iter().filter(|scan| scan["name"] == "Quarterly PCI").count(), 2);
    let imported = client.named("Acquired company");
    assert_eq!(
        (&imported["type"], &imported["control"], &imported["template_uuid"]),
        (&Value::Null, &json!(false), &Value::Null)
    );
    let other = Client::new().get("/scans");
    assert_eq!(list, other, "ids are the same in every sandbox");
}

#[test]
fn the_list_is_narrowed_by_folder_and_by_runs() {
    let mut client = Client::new();
    let names = |list: &Value| -> Vec<String> {
        list["scans"].as_array().unwrap().iter().map(|scan| scan["name"].as_str().unwrap().to_owned()).collect()
    };
    let all = client.get("/scans");
    let folder =
        all["folders"].as_array().unwrap().iter().find(|folder| folder["name"] == "Perimeter").unwrap()["id"].clone();
    let perimeter = client.get(&format!("/scans?folder_id={folder}"));
    assert_eq!(names(&perimeter), ["Weekly DMZ"]);
    assert_eq!(perimeter["folders"], all["folders"], "folders are always all of them");
    let recent = client.get(&format!("/scans?last_modification_date={}", (START - 2.0 * DAY) as i64));
    assert!(
        names(&recent).contains(&"Change window".to_owned()) && !names(&recent).contains(&"Flaky appliance".to_owned())
    );
    let window =
        format!("/scans?started_from={}&started_to={}", (START - 12.0 * DAY) as i64, (START - 10.0 * DAY) as i64);
    assert_eq!(names(&client.get(&window)), ["Flaky appliance"]);
    assert_eq!(client.call("GET", "/scans?folder_id=x", None).status, 400);
}

#[test]
fn details_say_less_of_scans_without_results() {
    let mut client = Client::new();
    let id = client.id("Campus network");
    let never = client.get(&format!("/scans/{id}"));
    let mut keys: Vec<_> = never.as_object().unwrap().keys().collect();
    keys.sort();
    assert_eq!(keys, ["history", "info"]);
    assert_eq!((&never["history"], &never["info"]["status"]), (&json!([]), &json!("empty")));
    for absent in ["uuid", "targets", "hostcount", "scan_start", "timestamp"] {
        assert!(never["info"].get(absent).is_none(), "{absent}");
    }
    let dmz = client.id("Weekly DMZ");
    let full = client.get(&format!("/scans/{dmz}"));
    let oldest = full["history"].as_array().unwrap().last().unwrap().clone();
    assert_eq!(oldest["is_archived"], true);
    for name in ["uuid", "history_id"] {
        let run = oldest[name].to_string().replace('"', "");
        let archived = client.get(&format!("/scans/{dmz}?history_id={run}"));
        assert_eq!(archived["info"]["uuid"], oldest["uuid"]);
        assert_eq!(archived["info"]["is_archived"], true);
        for absent in ["hosts", "vulnerabilities", "comphosts", "compliance", "filters"] {
            assert!(archived.get(absent).is_none() && full.get(absent).is_some(), "{absent}");
        }
    }
    assert_eq!(client.call("GET", &format!("/scans/{dmz}?history_id=1"), None).status, 404);
    let imported = client.id("Acquired company");
    let info = client.get(&format!("/scans/{imported}"))["info"].clone();
    for name in ["scanner_name", "policy", "targets", "scan_type", "alt_targets_used", "pci-can-upload"] {
        assert_eq!(info.get(name), Some(&Value::Null), "{name}");
    }
    assert!(info.get("hostcount").is_none());
    let laptops = client.id("Laptops");
    let info = client.get(&format!("/scans/{laptops}"))["info"].clone();
    assert_eq!((&info["scanner_name"], &info["agent_count"]), (&Value::Null, &json!(2)));
}

/// The same findings, however they are asked for.
#[test]
fn details_hosts_outputs_and_export_agree() {
    for name in ["Weekly DMZ", "Acquired company"] {
        let mut client = Client::new();
        let id = client.id(name);
        let details = client.get(&format!("/scans/{id}"));
        let sum =
            |list: &Value| list.as_array().unwrap().iter().map(|line| line["count"].as_u64().unwrap()).sum::<u64>();
        let (found, checked) = (sum(&details["vulnerabilities"]), sum(&details["compliance"]));
        assert!(found > 20 && checked > 0);
        let mut by_severity = [0; 5];
        let mut outputs = 0;
        for host in details["hosts"].as_array().unwrap() {
            let answer = client.get(&format!("/scans/{id}/hosts/{}", host["host_id"]));
            let mut counts = [0; 5];
            for line in answer["vulnerabilities"].as_array().unwrap() {
                counts[line["severity"].as_u64().unwrap() as usize] += line["count"].as_u64().unwrap();
                let output =
                    client.get(&format!("/scans/{id}/hosts/{}/plugins/{}", host["host_id"], line["plugin_id"]));
                let ports =
                    output["outputs"].as_array().unwrap().iter().map(|entry| entry["ports"].as_object().unwrap().len());
                outputs += ports.sum::<usize>() as u64;
                assert_eq!(output["info"]["plugindescription"]["pluginid"], line["plugin_id"].to_string());
            }
            for (severity, word) in ["info", "low", "medium", "high", "critical"].iter().enumerate() {
                assert_eq!(host[word], counts[severity], "{word} of {}", host["hostname"]);
                assert_eq!(host["severitycount"]["item"][severity]["count"], counts[severity]);
                by_severity[severity] += counts[severity];
            }
            let [info, low, medium, high, critical] = counts;
            assert_eq!(host["score"], info + 10 * low + 100 * medium + 1000 * high + 10_000 * critical);
        }
        assert_eq!(by_severity.iter().sum::<u64>(), found);
        assert!(by_severity.iter().all(|count| *count > 0), "{by_severity:?}");
        assert_eq!(outputs, found);
        let file = export(&mut client, id, json!({ "format": "nessus" }));
        let document = imported::read(&file).unwrap();
        assert_eq!(document.hosts.iter().map(|host| host.rows.len() as u64).sum::<u64>(), found + checked);
        let names: Vec<&str> = document.hosts.iter().map(|host| host.name.as_str()).collect();
        let listed: Vec<&str> =
            details["hosts"].as_array().unwrap().iter().map(|host| host["hostname"].as_str().unwrap()).collect();
        assert_eq!(names, listed);
    }
}

fn export(client: &mut Client, id: u64, body: Value) -> Vec<u8> {
    let file = client.ok("POST", &format!("/scans/{id}/export"), Some(body))["file"].as_str().unwrap().to_owned();
    client.now += 4.0;
    let reply = client.call("GET", &format!("/scans/{id}/export/{file}/download"), None);
    assert_eq!((reply.status, header(&reply, "Content-Type")), (200, Some("application/octet-stream")));
    reply.body
}

#[test]
fn hosts_appear_one_by_one_while_the_scan_runs() {
    let mut client = Client::new();
    let id = client.fresh("192.0.2.12-192.0.2.14");
    client.ok("POST", &format!("/scans/{id}/launch"), None);
    let mut counts = Vec::new();
    for seconds in [50.0, 300.0, 450.0, 800.0, 1150.0] {
        client.now = START + seconds;
        counts.push(client.get(&format!("/scans/{id}"))["info"]["hostcount"].as_u64().unwrap());
    }
    assert_eq!(counts, [0, 0, 1, 2, 3]);
}

#[test]
fn exports_are_prepared_named_after_the_scan_and_kept() {
    let mut client = Client::new();
    let id = client.id("Weekly DMZ");
    let request = format!("/scans/{id}/export");
    let first = client.ok("POST", &request, Some(json!({ "format": "nessus", "chapters": "vuln_by_host" })));
    let file = first["file"].as_str().unwrap();
    let run = client.get(&format!("/scans/{id}"))["info"]["uuid"].as_str().unwrap().to_owned();
    assert_eq!(file, format!("SSE-{run}-nessus"));
    assert_eq!(first["temp_token"].as_str().unwrap().len(), 64);
    let status = format!("/scans/{id}/export/{file}/status");
    assert_eq!(client.get(&status), json!({ "status": "loading" }));
    assert_eq!(client.call("GET", &format!("/scans/{id}/export/{file}/download"), None).status, 404);
    client.now += 3.0;
    assert_eq!(client.get(&status), json!({ "status": "ready" }));
    let again = client.ok("POST", &request, Some(json!({ "format": "nessus" })));
    assert_eq!(again["file"], file);
    assert_eq!(client.get(&status), json!({ "status": "ready" }), "asked again, it is there at once");
    let reply = client.call("GET", &format!("/scans/{id}/export/{file}/download"), None);
    assert_eq!(header(&reply, "Content-Disposition"), Some("attachment; filename=Weekly DMZ.nessus"));
    let keys = ("x-apikeys", "accessKey=access;secretKey=secret");
    let target = format!("/scans/{id}/export/{file}/download");
    assert_eq!(client.send("GET", &target, &[keys, ("accept", "application/json")], b"").status, 406);
    assert_eq!(client.send("GET", &target, &[keys, ("accept", "application/octet-stream")], b"").status, 200);
    let recent = client.get("/scans/exports");
    assert_eq!(recent[0]["export_id"], file);
    assert_eq!((&recent[0]["ready"], &recent[0]["metadata"]["file_size"]), (&json!(true), &json!(reply.body.len())));
    assert_eq!(client.call("GET", "/scans/exports?limit=5002", None).status, 400);
    let other = client.id("Nightly web servers");
    assert_eq!(client.call("GET", &format!("/scans/{other}/export/{file}/status"), None).status, 404);
}

#[test]
fn each_format_has_its_rules() {
    let mut client = Client::new();
    let id = client.id("Weekly DMZ");
    let refused = |client: &mut Client, query: &str, body: Value| {
        let reply = client.call("POST", &format!("/scans/{id}/export{query}"), Some(body.clone()));
        assert_eq!(reply.status, 400, "{query} {body}: {}", text(&reply));
    };
    refused(&mut client, "", json!({}));
    refused(&mut client, "", json!({ "format": "xml" }));
    refused(&mut client, "", json!({ "format": "pdf" }));
    refused(&mut client, "", json!({ "format": "html", "chapters": "vuln_by_host,remediations" }));
    refused(&mut client, "", json!({ "format": "db", "asset_id": "a", "password": "p" }));
    refused(&mut client, "?type=other", json!({ "format": "nessus" }));
    let history = client.get(&format!("/scans/{id}"))["history"].clone();
    let oldest = format!("?history_id={}", history.as_array().unwrap().last().unwrap()["history_id"]);
    refused(&mut client, &oldest, json!({ "format": "pdf", "chapters": "vuln_by_host" }));
    let filter = json!({ "format": "nessus", "filter.0.filter": "severity", "filter.0.quality": "eq", "filter.0.value": "High" });
    refused(&mut client, &oldest, filter.clone());
    assert_eq!(
        client.call("POST", &format!("/scans/{id}/export{oldest}"), Some(json!({ "format": "csv" }))).status,
        200
    );

    let all = imported::read(&export(&mut client, id, json!({ "format": "nessus" }))).unwrap();
    let high = imported::read(&export(&mut client, id, filter)).unwrap();
    let severities = |upload: &imported::Upload| -> Vec<String> {
        upload.hosts.iter().flat_map(|host| &host.rows).map(|row| row.attribute("severity").to_owned()).collect()
    };
    assert!(severities(&high).iter().all(|severity| severity == "3"));
    assert_eq!(severities(&high).len(), severities(&all).iter().filter(|severity| *severity == "3").count());
    let csv = String::from_utf8(export(&mut client, id, json!({ "format": "csv" }))).unwrap();
    assert!(
        csv.starts_with("\"Plugin ID\",\"CVE\",")
            && csv.contains("\"CVE-2017-0144\"")
            && csv.contains("\"CVE-2017-0145\"")
    );
    let chapters = json!({ "format": "html", "chapters": "vuln_by_host;remediations" });
    assert!(export(&mut client, id, chapters).starts_with(b"<!DOCTYPE html>"));
    let pdf = export(&mut client, id, json!({ "format": "pdf", "chapters": "vuln_by_host" }));
    assert!(pdf.starts_with(b"%PDF-1.4") && pdf.ends_with(b"%%EOF\n"));
    let chapters = json!({ "format": "pdf", "chapters": "vuln_by_host" });
    let file = client.ok("POST", &format!("/scans/{id}/export"), Some(chapters))["file"].as_str().unwrap().to_owned();
    assert!(file.contains(':') && file.ends_with("-pdf"), "{file}");
}

#[test]
fn web_applications_say_so_on_each_call_and_never_run_scans_have_no_export() {
    let mut client = Client::new();
    let shop = client.id("Web shop");
    let body = || Some(json!({ "format": "nessus" }));
    assert_eq!(client.call("POST", &format!("/scans/{shop}/export"), body()).status, 404);
    let file =
        client.ok("POST", &format!("/scans/{shop}/export?type=web-app"), body())["file"].as_str().unwrap().to_owned();
    assert_eq!(file.len(), 36);
    client.now += 4.0;
    for (query, status) in [("", 404), ("?type=web-app", 200)] {
        for call in ["status", "download"] {
            assert_eq!(client.call("GET", &format!("/scans/{shop}/export/{file}/{call}{query}"), None).status, status);
        }
    }
    let never = client.id("Campus network");
    assert_eq!(client.call("POST", &format!("/scans/{never}/export"), body()).status, 404);
}

#[test]
fn history_is_paged_sorted_and_deleted() {
    let mut client = Client::new();
    let id = client.id("Weekly DMZ");
    let page = client.get(&format!("/scans/{id}/history?limit=2&offset=1&exclude_rollover=false"));
    assert_eq!(
        page["pagination"],
        json!({ "offset": 1, "total": 6, "limit": 2, "sort": [{ "name": "start_date", "order": "DESC" }] })
    );
    assert_eq!(page["history"].as_array().unwrap().len(), 2);
    let all = client.get(&format!("/scans/{id}/history"));
    let words: Vec<_> = all["history"].as_array().unwrap().iter().map(|run| run["status"].as_str().unwrap()).collect();
    assert_eq!(words, ["completed", "completed", "canceled", "aborted", "completed", "completed"]);
    let sorted = client.get(&format!("/scans/{id}/history?sort=status:asc,start_date:desc"));
    assert_eq!(sorted["history"][0]["status"], "aborted");
    assert_eq!(sorted["history"][5], all["history"][5]);
    for query in ["limit=x", "offset=-1", "sort=name:asc", "exclude_rollover=1"] {
        assert_eq!(client.call("GET", &format!("/scans/{id}/history?{query}"), None).status, 400, "{query}");
    }
    let run = all["history"][0].clone();
    for name in ["scan_uuid", "id"] {
        let one = client.get(&format!("/scans/{id}/history/{}", run[name].to_string().replace('"', "")));
        assert_eq!(
            (&one["object_id"], &one["uuid"], &one["scan_start"]),
            (&run["id"], &run["scan_uuid"], &run["time_start"])
        );
    }
    let target = format!("/scans/{id}/history/{}", run["scan_uuid"].as_str().unwrap());
    assert_eq!(client.ok("DELETE", &target, None), Value::Null);
    assert_eq!(client.call("DELETE", &target, None).status, 404);
    assert_eq!(client.get(&format!("/scans/{id}/history"))["pagination"]["total"], 5);
    let paused = client.named("Change window");
    let target = format!("/scans/{}/history/{}", paused["id"], paused["uuid"].as_str().unwrap());
    assert_eq!(client.call("DELETE", &target, None).status, 409);
}

#[test]
fn progress_is_that_of_the_run_asked_for() {
    let mut client = Client::new();
    let id = client.id("Campus network");
    assert_eq!(client.get(&format!("/scans/{id}/progress")), json!({ "progress": 0 }));
    let run = client.ok("POST", &format!("/scans/{id}/launch"), None)["scan_uuid"].as_str().unwrap().to_owned();
    client.now += 600.0;
    assert_eq!(client.get(&format!("/scans/{id}/progress?history_uuid={run}")), json!({ "progress": 44 }));
    let dmz = client.id("Weekly DMZ");
    assert_eq!(client.get(&format!("/scans/{dmz}/progress")), json!({ "progress": 100 }));
    assert_eq!(client.call("GET", &format!("/scans/{dmz}/progress?history_uuid={run}"), None).status, 404);
}
