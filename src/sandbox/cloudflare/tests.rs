//! The service driven by requests and a clock: what each state, refusal and oddity looks like from outside.

use super::*;
use std::collections::BTreeSet;

/// 2026-05-04 12:00 UTC.
const START: f64 = 1_777_896_000.0;
const SCANS: &str = "/client/v4/accounts/0123456789abcdef0123456789abcdef/cloudforce-one/scans";

/// The service and its clock.
struct Service {
    vendor: Cloudflare,
    now: f64,
}

struct Answer {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: Value,
}

impl Service {
    fn new(speed: f64) -> Self {
        Self { vendor: Cloudflare::new(speed), now: START }
    }

    fn send(&mut self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let request = Request {
            method: method.to_owned(),
            path: path.split('/').filter(|part| !part.is_empty()).map(str::to_owned).collect(),
            query: Vec::new(),
            headers: headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
            body: body.as_bytes().to_vec(),
        };
        let reply = self.vendor.answer(&request, Moment(self.now));
        assert!(reply.headers.contains(&("Content-Type", "application/json".to_owned())));
        Answer { status: reply.status, headers: reply.headers, body: serde_json::from_slice(&reply.body).unwrap() }
    }

    fn ask(&mut self, method: &str, path: &str, body: &str) -> Answer {
        self.send(method, &format!("{SCANS}/{path}"), &[("authorization", "Bearer token")], body)
    }

    #[track_caller]
    fn create(&mut self, body: &str) -> Value {
        self.ask("POST", "config", body).result()
    }

    #[track_caller]
    fn result(&mut self, config: &Value) -> Value {
        let id = config["id"].as_str().unwrap().to_owned();
        self.ask("GET", &format!("results/{id}"), "").result()
    }

    fn seeded(&mut self, address: &str) -> Value {
        let all = self.ask("GET", "config", "").result();
        all.as_array().unwrap().iter().find(|config| config["ips"][0] == address).unwrap().clone()
    }
}

impl Answer {
    #[track_caller]
    fn result(&self) -> Value {
        assert_eq!(
            (self.status, &self.body["success"], &self.body["errors"]),
            (200, &json!(true), &json!([])),
            "{}",
            self.body
        );
        self.body["result"].clone()
    }

    /// Status and code of a refusal, after a look at the whole envelope.
    #[track_caller]
    fn error(&self) -> (u16, u64) {
        assert_eq!((&self.body["success"], &self.body["messages"]), (&json!(false), &json!([])), "{}", self.body);
        assert!(self.body["result"].is_null() && self.body["errors"][0]["message"].is_string());
        (self.status, self.body["errors"][0]["code"].as_u64().unwrap())
    }
}

#[test]
fn credentials_are_a_token_or_a_pair_and_never_both() {
    let mut service = Service::new(1.0);
    let (bearer, email, key) = (("authorization", "Bearer token"), ("x-auth-email", EMAIL), ("x-auth-key", "secret"));
    for headers in [&[bearer][..], &[("authorization", "bearer token")], &[email, key]] {
        assert_eq!(service.send("GET", &format!("{SCANS}/config"), headers, "").status, 200, "{headers:?}");
    }
    for (headers, error) in [
        (&[][..], (400, 9106)),
        (&[email], (400, 9106)),
        (&[key], (400, 9106)),
        (&[email, ("x-auth-key", "token")], (400, 9103)),
        (&[("x-auth-email", "other@example.com"), key], (400, 9103)),
        (&[("authorization", "Bearer secret")], (401, 10000)),
        (&[("authorization", "token")], (400, 6003)),
        (&[("authorization", "Bearer ")], (400, 6003)),
        (&[bearer, email, key], (400, 6003)),
        (&[bearer, key], (400, 6003)),
    ] {
        assert_eq!(service.send("GET", &format!("{SCANS}/config"), headers, "").error(), error, "{headers:?}");
    }
}

#[test]
fn another_account_fails_in_another_way() {
    let mut service = Service::new(1.0);
    let mut list = |account: &str| {
        let path = format!("/client/v4/accounts/{account}/cloudforce-one/scans/config");
        service.send("GET", &path, &[("authorization", "Bearer token")], "")
    };
    assert_eq!(list("00000000000000000000000000000000").error(), (403, 9109));
    assert_eq!(list("my-account").error(), (404, 7003));
    assert_eq!(list("0123456789ABCDEF0123456789ABCDEF").error(), (404, 7003));
    let unentitled = list(UNENTITLED_ACCOUNT);
    assert_eq!(unentitled.error(), (403, 10000));
    assert!(unentitled.body["errors"][0]["message"].as_str().unwrap().contains("cfone.port_scan"));
}

#[test]
fn a_good_token_is_told_by_a_message_of_code_10000() {
    let mut service = Service::new(1.0);
    for path in ["/client/v4/user/tokens/verify", &format!("/client/v4/accounts/{ACCOUNT}/tokens/verify")] {
        let answer = service.send("GET", path, &[("authorization", "Bearer token")], "");
        assert_eq!(answer.result()["status"], "active");
        assert_eq!(answer.body["messages"][0]["code"], 10000);
        let key = [("x-auth-email", EMAIL), ("x-auth-key", "secret")];
        assert_eq!(service.send("GET", path, &key, "").error(), (400, 6003), "a key is no token");
        assert_eq!(service.send("GET", path, &[("authorization", "Bearer x")], "").error(), (401, 10000));
    }
}

#[test]
fn creating_answers_200_with_the_five_members_and_fills_in_defaults() {
    let mut service = Service::new(1.0);
    let full = service.create(r#"{"ips":["9.9.9.9","1.1.1.1"],"frequency":7.0,"ports":["1-80","443"]}"#);
    assert_eq!(full.as_object().unwrap().len(), 5);
    assert_eq!(full["ips"], json!(["1.1.1.1", "9.9.9.9"]), "the order sent is not kept");
    assert_eq!(full["frequency"].to_string(), "7.0");
    assert_eq!((&full["account_id"], &full["ports"]), (&json!(ACCOUNT), &json!(["1-80", "443"])));
    let minimal = service.create(r#"{"ips":["203.0.113.7/32"]}"#);
    assert_eq!((&minimal["frequency"], &minimal["ports"]), (&json!(0), &json!(["default"])));
    assert_eq!(minimal["ips"], json!(["203.0.113.7/32"]), "a block of one is echoed as sent");
    let id = minimal["id"].as_str().unwrap();
    let shape: Vec<usize> = id.split('-').map(str::len).collect();
    assert_eq!((shape, id.as_bytes()[14]), (vec![8, 4, 4, 4, 12], b'4'), "{id}");
}

#[test]
fn what_the_specification_forbids_is_refused() {
    let mut service = Service::new(1.0);
    let before = service.ask("GET", "config", "").result();
    for (body, pointer) in [
        ("", ""),
        ("[]", ""),
        ("{", ""),
        (r#"{"ips":["1.1.1.1"],"name":"n"}"#, ""),
        ("{}", "/ips"),
        (r#"{"frequency":0}"#, "/ips"),
        (r#"{"ips":"1.1.1.1"}"#, "/ips"),
        (r#"{"ips":[]}"#, "/ips"),
        (r#"{"ips":["example.com"]}"#, "/ips"),
        (r#"{"ips":["1.2.3.4-9"]}"#, "/ips"),
        (r#"{"ips":["10.0.0.0/19"]}"#, "/ips"),
        (r#"{"ips":["10.0.0.0/20","10.1.0.0/20"]}"#, "/ips"),
        (r#"{"ips":["::/0","::/1"]}"#, "/ips"),
        (r#"{"ips":["1.1.1.1"],"ports":"443"}"#, "/ports"),
        (r#"{"ips":["1.1.1.1"],"ports":[443]}"#, "/ports"),
        (r#"{"ips":["1.1.1.1"],"ports":["http"]}"#, "/ports"),
        (r#"{"ips":["1.1.1.1"],"frequency":"7"}"#, "/frequency"),
        (r#"{"ips":["1.1.1.1"],"frequency":-1}"#, "/frequency"),
        (r#"{"ips":["1.1.1.1"],"frequency":null}"#, "/frequency"),
    ] {
        let refused = service.ask("POST", "config", body);
        assert_eq!(refused.error().0, 400, "{body}");
        assert_eq!(refused.body["errors"][0]["source"]["pointer"], pointer, "{body}");
    }
    assert_eq!(service.ask("GET", "config", "").result(), before, "nothing was created");
    service.create(r#"{"ips":["10.0.0.0/20","10.0.0.0/20"]}"#);
}

#[test]
fn a_one_off_result_appears_after_minutes_and_stays() {
    let mut service = Service::new(1.0);
    let config = service.create(r#"{"ips":["203.0.113.9"],"frequency":0,"ports":["default"]}"#);
    assert_eq!(service.result(&config), json!({}));
    service.now += 239.0;
    assert_eq!(service.result(&config), json!({}));
    service.now += 2.0;
    let found = service.result(&config);
    assert_eq!(found.as_object().unwrap().keys().collect::<Vec<_>>(), ["203.0.113.9"]);
    assert_eq!(found["203.0.113.9"][0]["status"], "open");
    service.now += 400.0 * 86_400.0;
    assert_eq!(service.result(&config), found);
    let listed = service.seeded("203.0.113.9");
    assert_eq!(listed, config, "a one-off config stays listed");
}

#[test]
fn speed_brings_results_sooner() {
    let mut service = Service::new(60.0);
    let config = service.create(r#"{"ips":["203.0.113.9"]}"#);
    service.now += 3.9;
    assert_eq!(service.result(&config), json!({}));
    service.now += 0.2;
    assert_ne!(service.result(&config), json!({}));
}

#[test]
fn a_recurring_result_changes_with_each_interval_and_only_then() {
    let mut service = Service::new(1.0);
    let config = service.create(r#"{"ips":["203.0.113.9"],"frequency":1}"#);
    service.now += 241.0;
    let mut last = service.result(&config);
    for day in 1..8 {
        service.now = START + 239.0 + f64::from(day) * 86_400.0;
        assert_eq!(service.result(&config), last, "day {day}");
        service.now += 2.0;
        let next = service.result(&config);
        assert_ne!(next, last, "day {day}");
        last = next;
    }
}

#[test]
fn scans_pass_alike_whether_observed_or_not() {
    let (mut watched, mut left) = (Service::new(1.0), Service::new(1.0));
    let body = r#"{"ips":["203.0.113.9"],"frequency":0.5}"#;
    let (one, other) = (watched.create(body), left.create(body));
    for _ in 0..33 {
        watched.now += 10_000.0;
        watched.result(&one);
    }
    left.now = watched.now;
    assert_eq!(left.result(&other), watched.result(&one));
}

#[test]
fn no_open_port_looks_like_not_finished() {
    let mut service = Service::new(1.0);
    let closed = service.seeded("198.51.100.0/28");
    let pending = service.seeded("192.0.2.0/29");
    assert_eq!((service.result(&closed), service.result(&pending)), (json!({}), json!({})));
    service.now += 1000.0;
    assert_eq!(service.result(&closed), json!({}));
    assert_ne!(service.result(&pending), json!({}));
}

#[test]
fn an_update_changes_what_it_names() {
    let mut service = Service::new(1.0);
    let config = service.create(r#"{"ips":["203.0.113.9"],"frequency":7,"ports":["443"]}"#);
    let path = format!("config/{}", config["id"].as_str().unwrap());
    assert_eq!(service.ask("PATCH", &path, "{}").result(), config);
    let weekly = service.ask("PATCH", &path, r#"{"frequency":30,"ports":["all"]}"#).result();
    assert_eq!((&weekly["frequency"], &weekly["ports"], &weekly["ips"]), (&json!(30), &json!(["all"]), &config["ips"]));
    assert_eq!(service.ask("PATCH", &path, r#"{"ips":"9.9.9.9"}"#).error().0, 400);
    assert_eq!(service.ask("PATCH", &path, "").error().0, 400);
    assert_eq!(service.ask("PATCH", "config/nothing", "{}").error(), (404, 1001));
    assert_eq!(service.seeded("203.0.113.9"), weekly);
}

#[test]
fn new_targets_keep_the_old_result_until_they_are_scanned() {
    let mut service = Service::new(1.0);
    let config = service.create(r#"{"ips":["203.0.113.9"]}"#);
    service.now += 241.0;
    let old = service.result(&config);
    let path = format!("config/{}", config["id"].as_str().unwrap());
    service.ask("PATCH", &path, r#"{"ips":["203.0.113.10"]}"#).result();
    assert_eq!(service.result(&config), old);
    service.now += 241.0;
    assert!(service.result(&config).get("203.0.113.10").is_some());
}

#[test]
fn frequency_0_ends_the_recurrence_and_forgets_the_interval() {
    let mut service = Service::new(1.0);
    let config = service.create(r#"{"ips":["203.0.113.9"],"frequency":1}"#);
    let path = format!("config/{}", config["id"].as_str().unwrap());
    service.now += 241.0;
    let first = service.result(&config);
    service.ask("PATCH", &path, r#"{"frequency":0}"#).result();
    service.now += 10.0 * 86_400.0;
    assert_eq!(service.result(&config), first);
    service.ask("PATCH", &path, r#"{"frequency":1}"#).result();
    service.now += 241.0;
    assert_ne!(service.result(&config), first);
}

#[test]
fn deleting_answers_200_with_strings_and_takes_the_result_away() {
    let mut service = Service::new(1.0);
    let config = service.seeded("203.0.113.7/32");
    assert_ne!(service.result(&config), json!({}));
    let id = config["id"].as_str().unwrap();
    let deleted = service.ask("DELETE", &format!("config/{id}"), "");
    assert_eq!(deleted.result(), json!({}));
    assert!(deleted.body["messages"][0].is_string(), "bare strings here, objects elsewhere");
    assert_eq!(service.ask("DELETE", &format!("config/{id}"), "").error(), (404, 1001));
    assert_eq!(service.ask("GET", &format!("results/{id}"), "").error(), (404, 1001));
}

#[test]
fn the_list_has_an_order_of_its_own() {
    let mut service = Service::new(1.0);
    let created: Vec<Value> =
        (0..6).map(|n| service.create(&format!(r#"{{"ips":["203.0.113.{n}"]}}"#))["id"].clone()).collect();
    let all = service.ask("GET", "config", "").result();
    let listed: Vec<Value> = all.as_array().unwrap().iter().map(|config| config["id"].clone()).collect();
    let kept: Vec<&Value> = listed.iter().filter(|id| created.contains(id)).collect();
    assert_ne!(kept, created.iter().collect::<Vec<_>>());
    assert_eq!(listed.iter().map(Value::to_string).collect::<BTreeSet<_>>().len(), 10, "six and the four seeded");
}

#[test]
fn methods_that_do_not_exist_are_405() {
    let mut service = Service::new(1.0);
    for (method, path, allowed) in [
        ("GET", "config/x", "PATCH, DELETE"),
        ("PUT", "config/x", "PATCH, DELETE"),
        ("POST", "config/x", "PATCH, DELETE"),
        ("DELETE", "config", "GET, POST"),
        ("DELETE", "config/", "GET, POST"),
        ("POST", "results/x", "GET"),
    ] {
        let refused = service.ask(method, path, "{}");
        assert_eq!(refused.error().0, 405, "{method} {path}");
        assert!(refused.headers.contains(&("Allow", allowed.to_owned())), "{method} {path}");
    }
    assert_eq!(service.ask("GET", "results", "").error(), (404, 7003));
    assert_eq!(service.ask("GET", "", "").error(), (404, 7003));
    let outside = service.send("GET", "/client/v4/zones", &[("authorization", "Bearer token")], "");
    assert_eq!(outside.error(), (404, 7003));
}

#[test]
fn every_answer_tells_the_allowance() {
    let mut service = Service::new(1.0);
    let ok = service.ask("GET", "config", "");
    let refused = service.ask("GET", "nothing", "");
    let find = |answer: &Answer, name: &str| {
        answer.headers.iter().find(|(known, _)| *known == name).map(|(_, value)| value.clone())
    };
    assert_eq!(find(&ok, "Ratelimit").as_deref(), Some("\"default\";r=1199;t=300"));
    assert_eq!(find(&refused, "Ratelimit").as_deref(), Some("\"default\";r=1198;t=300"));
    assert_eq!(find(&ok, "Ratelimit-Policy").as_deref(), Some("\"default\";q=1200;w=300"));
    assert_eq!(find(&ok, "Retry-After"), None);
    for _ in 0..1198 {
        service.ask("GET", "config", "");
    }
    let blocked = service.ask("GET", "config", "");
    assert_eq!((blocked.status, &blocked.body), (429, &Value::Null));
    assert_eq!(find(&blocked, "Retry-After").as_deref(), Some("300"));
}

#[test]
fn faults_are_those_of_the_edge() {
    let service = Cloudflare::new(1.0);
    assert!(service.fault(500).body.starts_with(b"<!DOCTYPE html>"));
    let throttled = service.fault(429);
    assert!(throttled.status == 429 && throttled.headers.iter().any(|(name, _)| *name == "Retry-After"));
}
