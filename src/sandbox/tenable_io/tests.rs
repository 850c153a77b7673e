//! The simulated vendor from outside, with a clock that the tests turn.

use serde_json::{Value, json};

use super::*;

const START: f64 = 1_800_000_000.0;
const DAY: f64 = 86400.0;

struct Client {
    vendor: TenableIo,
    now: f64,
}

impl Client {
    fn new() -> Self {
        Self { vendor: TenableIo::new(1.0), now: START }
    }

    fn send(&mut self, method: &str, target: &str, headers: &[(&str, &str)], body: &[u8]) -> Reply {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let pair = |pair: &str| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            (key.to_owned(), value.to_owned())
        };
        let request = Request {
            method: method.to_owned(),
            path: path.split('/').filter(|segment| !segment.is_empty()).map(str::to_owned).collect(),
            query: query.split('&').filter(|part| !part.is_empty()).map(pair).collect(),
            headers: headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
            body: body.to_vec(),
        };
        self.vendor.answer(&request, Moment(self.now))
    }

    fn call(&mut self, method: &str, target: &str, body: Option<Value>) -> Reply {
        let headers = [("x-apikeys", "accessKey=access;secretKey=secret"), ("content-type", "application/json")];
        let body = body.map(|body| body.to_string()).unwrap_or_default();
        self.send(method, target, &headers, body.as_bytes())
    }

    fn ok(&mut self, method: &str, target: &str, body: Option<Value>) -> Value {
        let reply = self.call(method, target, body);
        assert_eq!(reply.status, 200, "{method} {target}: {}", text(&reply));
        if reply.body.is_empty() { Value::Null } else { read(&reply) }
    }

    fn get(&mut self, target: &str) -> Value {
        self.ok("GET", target, None)
    }

    fn status(&mut self, id: u64) -> String {
        self.get(&format!("/scans/{id}/latest-status"))["status"].as_str().unwrap().to_owned()
    }

    fn named(&mut self, name: &str) -> Value {
        let list = self.get("/scans");
        list["scans"].as_array().unwrap().iter().find(|scan| scan["name"] == name).unwrap().clone()
    }

    fn id(&mut self, name: &str) -> u64 {
        self.named(name)["id"].as_u64().unwrap()
    }

    /// A scan that was never run.
    fn fresh(&mut self, targets: &str) -> u64 {
        let body = json!({ "uuid": world::TEMPLATES[0].2, "settings": { "name": "fresh", "text_targets": targets } });
        self.ok("POST", "/scans", Some(body))["scan"]["id"].as_u64().unwrap()
    }

    /// A launched scan and the seconds after which it is in that state.
    fn brought_to(&mut self, state: &str) -> u64 {
        let id = self.fresh("192.0.2.12-192.0.2.14");
        let steps: &[(&str, f64)] = match state {
            "initializing" => &[("launch", 1.0)],
            "pending" => &[("launch", 50.0)],
            "running" => &[("launch", 500.0)],
            "pausing" => &[("launch", 500.0), ("pause", 30.0)],
            "paused" => &[("launch", 500.0), ("pause", 90.0)],
            "resuming" => &[("launch", 500.0), ("pause", 90.0), ("resume", 30.0)],
            "stopping" => &[("launch", 500.0), ("stop", 30.0)],
            "publishing" => &[("launch", 1150.0)],
            "completed" => &[("launch", 1250.0)],
            "canceled" => &[("launch", 500.0), ("stop", 200.0)],
            "aborted" => &[("launch", 1150.0), ("force-stop", 1.0)],
            _ => &[],
        };
        let schedule = self.get(&format!("/scans/{id}"))["info"]["schedule_uuid"].as_str().unwrap().to_owned();
        for (verb, wait) in steps {
            self.ok("POST", &format!("/scans/{schedule}/{verb}"), Some(json!({})));
            self.now += wait;
        }
        assert_eq!(self.status(id), state);
        id
    }
}

fn text(reply: &Reply) -> String {
    String::from_utf8_lossy(&reply.body).into_owned()
}

fn read(reply: &Reply) -> Value {
    assert_eq!(header(reply, "Content-Type"), Some("application/json; charset=utf-8"));
    serde_json::from_slice(&reply.body).unwrap()
}

fn header<'a>(reply: &'a Reply, name: &str) -> Option<&'a str> {
    reply.headers.iter().find(|(key, _)| *key == name).map(|(_, value)| value.as_str())
}

mod results;
mod writing;

#[test]
fn every_spelling_of_the_key_header_is_accepted_and_nothing_else() {
    let mut client = Client::new();
    for keys in [
        "accessKey=access;secretKey=secret",
        "accessKey=access; secretKey=secret",
        "accessKey=access; secretKey=secret;",
    ] {
        assert_eq!(client.send("GET", "/session", &[("x-apikeys", keys)], b"").status, 200, "{keys}");
    }
    let wrong = client.send("GET", "/session", &[("x-apikeys", "accessKey=access;secretKey=wrong")], b"");
    assert_eq!((wrong.status, header(&wrong, "Content-Type")), (401, Some("application/octet-stream")));
    assert_eq!(header(&wrong, "X-Path-Handler"), Some("blacklisted"));
    assert!(text(&wrong).ends_with("has been blacklisted."));
    for (headers, message) in [
        (&[][..], "Missing authentication"),
        (&[("x-apikeys", "access:secret")][..], "Invalid credentials."),
        (&[("x-cookie", "token=unknown")][..], "Invalid credentials."),
    ] {
        let reply = client.send("GET", "/scans", headers, b"");
        assert_eq!((reply.status, read(&reply)["message"].as_str()), (401, Some(message)));
    }
    let keys = ("x-apikeys", "accessKey=access;secretKey=secret");
    let reply = client.send("GET", "/session", &[keys, ("x-impersonate", "username=nobody")], b"");
    assert_eq!((reply.status, read(&reply)["message"].as_str()), (403, Some("Forbidden")));
}

#[test]
fn the_old_login_works_until_it_is_closed() {
    let mut client = Client::new();
    let json = ("content-type", "application/json");
    let bad = client.send("POST", "/session", &[json], br#"{"username":"user","password":"wrong"}"#);
    assert_eq!(bad.status, 401);
    let reply = client.send("POST", "/session", &[json], br#"{"username":"user","password":"password"}"#);
    let cookie = format!("token={}", read(&reply)["token"].as_str().unwrap());
    let cookie = [("x-cookie", cookie.as_str())];
    assert_eq!(client.send("GET", "/scans", &cookie, b"").status, 200);
    assert_eq!(client.send("DELETE", "/session", &cookie, b"").status, 200);
    assert_eq!(client.send("GET", "/scans", &cookie, b"").status, 401);
}

#[test]
fn every_answer_has_its_own_request_number() {
    let mut client = Client::new();
    let mut seen = std::collections::HashSet::new();
    let replies = [
        client.call("GET", "/scans", None),
        client.call("GET", "/scans/99999", None),
        client.send("GET", "/scans", &[], b""),
        client.vendor.fault(500),
        client.vendor.fault(429),
    ];
    for reply in &replies {
        let uuid = header(reply, "X-Request-Uuid").unwrap();
        assert!(uuid.len() == 32 && uuid.bytes().all(|byte| byte.is_ascii_hexdigit()), "{uuid}");
        assert!(seen.insert(uuid.to_owned()));
    }
}

#[test]
fn a_run_is_seen_differently_by_different_calls_at_first() {
    let mut client = Client::new();
    let id = client.fresh("192.0.2.12");
    let before = client.get(&format!("/scans/{id}"));
    assert_eq!(before["info"]["edit_allowed"], true);
    let run = client.ok("POST", &format!("/scans/{id}/launch"), Some(json!({})))["scan_uuid"].clone();
    assert_eq!(run.as_str().unwrap().len(), 36);
    let details = client.get(&format!("/scans/{id}"));
    assert_eq!(details["info"]["status"], "initializing");
    assert_eq!(details["history"][0]["status"], "pending");
    assert_eq!((&details["info"]["uuid"], &details["history"][0]["uuid"]), (&run, &run));
    assert_eq!(details["info"]["edit_allowed"], false);
    assert!(details["info"].get("scan_end").is_none());
    assert_eq!(client.get(&format!("/scans/{id}/history/{}", run.as_str().unwrap()))["scan_end"], Value::Null);
    client.now += 1300.0;
    let details = client.get(&format!("/scans/{id}"));
    assert_eq!(details["info"]["status"], "completed");
    assert_eq!(details["info"]["scan_end"], json!(START + 1200.0).as_f64().map(|end| json!(end as i64)).unwrap());
    assert_eq!(details["info"]["timestamp"], details["info"]["scan_end"]);
}

/// Which verbs each state admits; everything else is a conflict.
#[test]
fn verbs_are_refused_in_the_wrong_state() {
    for (state, allowed) in [
        ("empty", &["launch"][..]),
        ("initializing", &[]),
        ("pending", &["stop"]),
        ("running", &["pause", "stop"]),
        ("pausing", &[]),
        ("paused", &["resume"]),
        ("resuming", &["stop"]),
        ("stopping", &["force-stop"]),
        ("publishing", &["force-stop"]),
        ("completed", &["launch"]),
        ("canceled", &["launch"]),
        ("aborted", &["launch"]),
    ] {
        for verb in ["launch", "pause", "resume", "stop", "force-stop"] {
            let mut client = Client::new();
            let id = client.brought_to(state);
            let schedule = client.get(&format!("/scans/{id}"))["info"]["schedule_uuid"].as_str().unwrap().to_owned();
            let reply = client.call("POST", &format!("/scans/{schedule}/{verb}"), None);
            let wanted = if allowed.contains(&verb) { 200 } else { 409 };
            assert_eq!(reply.status, wanted, "{verb} in {state}: {}", text(&reply));
            if wanted == 200 && verb != "launch" {
                assert!(reply.body.is_empty() && header(&reply, "Content-Type").is_none(), "{verb} answers nothing");
            }
            if wanted == 409 {
                assert_eq!(client.status(id), state, "a refused {verb} changes nothing");
            }
        }
    }
}

#[test]
fn pausing_takes_a_minute_and_stopping_three() {
    let mut client = Client::new();
    let id = client.brought_to("running");
    let mut words = Vec::new();
    for (verb, waits) in [("pause", [59.0, 61.0]), ("resume", [59.0, 61.0]), ("stop", [179.0, 181.0])] {
        client.ok("POST", &format!("/scans/{id}/{verb}"), None);
        let called = client.now;
        for wait in waits {
            client.now = called + wait;
            words.push(client.status(id));
        }
    }
    assert_eq!(words, ["pausing", "paused", "resuming", "running", "stopping", "canceled"]);
}

#[test]
fn force_stop_wants_the_schedule_uuid_and_a_run_uuid_is_no_scan() {
    let mut client = Client::new();
    let id = client.brought_to("stopping");
    assert_eq!(client.call("POST", &format!("/scans/{id}/force-stop"), None).status, 404);
    let run = client.get(&format!("/scans/{id}"))["info"]["uuid"].as_str().unwrap().to_owned();
    assert_eq!(client.call("GET", &format!("/scans/{run}"), None).status, 404);
    assert_eq!(client.call("POST", &format!("/scans/{run}/stop"), None).status, 404);
}

#[test]
fn launch_is_refused_with_the_right_status() {
    let mut client = Client::new();
    for (name, status) in
        [("Old data center", 403), ("Acquired company", 403), ("Colleague's lab", 403), ("Change window", 409)]
    {
        let id = client.id(name);
        assert_eq!(client.call("POST", &format!("/scans/{id}/launch"), None).status, status, "{name}");
    }
    let id = client.id("Colleague's lab");
    let reply = client.call("POST", &format!("/scans/{id}/launch"), None);
    assert_eq!(read(&reply), json!({ "statusCode": 403, "error": "Forbidden", "message": "Insufficient scope" }));
    assert_eq!(client.call("POST", "/scans/99999/launch", None).status, 404);
    // `enabled` is about the schedule alone.
    let branch = client.named("Branch office");
    assert_eq!(branch["enabled"], false);
    client.ok("POST", &format!("/scans/{}/launch", branch["id"]), None);
}

#[test]
fn other_targets_must_be_an_array() {
    let mut client = Client::new();
    let id = client.id("Campus network");
    for body in [
        json!({ "alt_targets": "192.0.2.1,192.0.2.2" }),
        json!({ "alt_targets": [1] }),
        json!({ "rollover": "yes" }),
        json!({ "targets": [] }),
    ] {
        let reply = client.call("POST", &format!("/scans/{id}/launch"), Some(body.clone()));
        assert_eq!(reply.status, 400, "{body}");
        assert_eq!(read(&reply)["validation"]["source"], "payload");
    }
    client.ok(
        "POST",
        &format!("/scans/{id}/launch"),
        Some(json!({ "alt_targets": ["192.0.2.1", "192.0.2.2,192.0.2.3"] })),
    );
    let details = client.get(&format!("/scans/{id}"));
    assert_eq!(details["info"]["targets"], "192.0.2.1,192.0.2.2,192.0.2.3");
    assert_eq!(details["info"]["alt_targets_used"], true);
    assert_eq!(client.get(&format!("/scans/{id}/history"))["history"][0]["targets"]["custom"], true);
}

#[test]
fn the_twenty_sixth_active_scan_is_too_many() {
    let mut client = Client::new();
    // One is paused from the start.
    for _ in 0..24 {
        let id = client.fresh("192.0.2.1");
        client.ok("POST", &format!("/scans/{id}/launch"), None);
    }
    assert_eq!(client.get("/scans/count?active=true")["count"], 25);
    let id = client.fresh("192.0.2.1");
    let reply = client.call("POST", &format!("/scans/{id}/launch"), None);
    assert_eq!((reply.status, header(&reply, "Content-Type")), (429, Some("text/html")));
    assert_eq!(header(&reply, "Retry-After"), Some("30"));
    assert!(text(&reply).contains("<title>429 Too Many Requests</title>"));
    assert_eq!(client.status(id), "empty");
}

#[test]
fn scanners_steer_their_live_runs() {
    let mut client = Client::new();
    let id = client.brought_to("running");
    let live = client.get("/scanners/1001/scans");
    let mine = live["scans"].as_array().unwrap().iter().find(|run| run["scan_id"] == id).unwrap().clone();
    let control = format!("/scans/{}/control", mine["id"].as_str().unwrap());
    assert_eq!(client.ok("POST", &format!("/scanners/1001{control}"), Some(json!({ "action": "pause" }))), json!({}));
    assert_eq!(client.status(id), "pausing");
    let reply = client.call("POST", &format!("/scanners/1{control}"), Some(json!({ "action": "stop" })));
    assert_eq!(read(&reply)["message"], "Scanner with id 1 not found.");
    let reply = client.call("GET", "/scanners/1", None);
    assert_eq!((reply.status, reply.body.len(), header(&reply, "Content-Type")), (404, 0, None));
}

#[test]
fn runs_that_the_service_gives_up_on_end_aborted() {
    let mut client = Client::new();
    let (dark, flaky) = (client.id("Dark site"), client.id("Flaky appliance"));
    for id in [dark, flaky] {
        client.ok("POST", &format!("/scans/{id}/launch"), None);
    }
    client.now += 800.0;
    assert_eq!((client.status(dark).as_str(), client.status(flaky).as_str()), ("pending", "aborted"));
    client.now += 4.0 * 3600.0;
    assert_eq!(client.status(dark), "aborted");
    let details = client.get(&format!("/scans/{dark}"));
    assert_eq!(details["notes"][0]["title"], "Scan aborted");
    assert_eq!(details["info"]["hostcount"], 0);
}

#[test]
fn errors_come_in_many_shapes() {
    let mut client = Client::new();
    for (method, target, status, body) in [
        ("GET", "/scans/99999", 404, json!({ "error": "Scan not found" })),
        ("GET", "/scans/99999/latest-status", 404, json!({ "error": "Scan not found" })),
        ("DELETE", "/scans/99999", 404, json!({ "error": "The requested file was not found" })),
        ("POST", "/scans/99999/copy", 404, json!({ "error": "The requested file was not found" })),
        ("GET", "/scans/99999/hosts/1", 404, json!({ "error": "The requested file was not found" })),
        ("GET", "/editor/scan/99999", 404, json!({ "error": "The requested file was not found" })),
        ("GET", "/scans/1/attachments/1?key=none", 400, json!({ "error": "Invalid 'key' field: invalid key format" })),
        ("GET", "/nothing", 404, json!({ "statusCode": 404, "error": "Not Found", "message": "Not Found" })),
        (
            "GET",
            "/scans/1/status",
            405,
            json!({ "statusCode": 405, "error": "Method Not Allowed", "message": "Method Not Allowed" }),
        ),
    ] {
        let reply = client.call(method, target, None);
        assert_eq!((reply.status, read(&reply)), (status, body), "{method} {target}");
    }
    let keys = ("x-apikeys", "accessKey=access;secretKey=secret");
    let id = client.id("Campus network");
    let launch = format!("/scans/{id}/launch");
    assert_eq!(client.send("POST", &launch, &[keys, ("content-type", "text/plain")], b"{}").status, 415);
    let json = ("content-type", "application/json; charset=utf-8");
    assert_eq!(client.send("POST", &launch, &[keys, json], b"{").status, 400);
    assert_eq!(client.send("POST", &launch, &[keys, json], b"[]").status, 400);
    let fault = client.vendor.fault(500);
    assert_eq!(read(&fault)["error"], "Internal Server Error");
}
