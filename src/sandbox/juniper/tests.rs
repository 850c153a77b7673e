//! The console driven by requests and a clock: what each state, refusal and oddity looks like from outside.

use super::*;
use serde_json::{Value, json};

/// 2026-05-04 12:00 UTC.
const START: f64 = 1_777_896_000.0;

/// A console and its clock.
struct Console {
    vendor: Juniper,
    now: f64,
}

struct Answer {
    status: u16,
    headers: Vec<(&'static str, String)>,
    text: String,
}

impl Console {
    fn new(speed: f64) -> Self {
        Self { vendor: Juniper::new(speed), now: START }
    }

    fn send(&mut self, method: &str, target: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let request = Request {
            method: method.to_owned(),
            path: path.split('/').filter(|part| !part.is_empty()).map(str::to_owned).collect(),
            query: query
                .split('&')
                .filter_map(|pair| pair.split_once('='))
                .map(|(key, value)| (key.to_owned(), value.to_owned()))
                .collect(),
            headers: headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
            body: body.as_bytes().to_vec(),
        };
        let reply = self.vendor.answer(&request, Moment(self.now));
        Answer { status: reply.status, headers: reply.headers, text: String::from_utf8(reply.body).unwrap() }
    }

    fn get(&mut self, target: &str) -> Answer {
        self.send("GET", &format!("/api{target}"), &[("sec", "token"), ("version", "17.0")], "")
    }

    fn post(&mut self, target: &str, body: &str) -> Answer {
        let headers = [("sec", "token"), ("version", "17.0"), ("content-type", "application/json")];
        self.send("POST", &format!("/api{target}"), &headers, body)
    }

    fn profile(&mut self, id: i64) -> Value {
        self.get(&format!("/scanner/scanprofiles/{id}")).json()[0].clone()
    }

    fn runs(&mut self, id: i64) -> Value {
        self.get(&format!("/scanner/scanprofiles/{id}/runs")).json()
    }
}

impl Answer {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str())
    }

    fn json(&self) -> Value {
        assert_eq!(self.header("Content-Type"), Some("application/json"), "{}", self.text);
        serde_json::from_str(&self.text).unwrap()
    }

    /// Status and code of an error, after a look at the whole envelope.
    #[track_caller]
    fn error(&self) -> (u16, u64) {
        let envelope = self.json();
        assert_eq!(envelope["http_response"]["code"], self.status);
        assert!(envelope["http_response"]["message"].is_string() && envelope["message"].is_string());
        assert_eq!((&envelope["details"], &envelope["description"]), (&json!({}), &json!("")));
        (self.status, envelope["code"].as_u64().unwrap())
    }

    #[track_caller]
    fn plain(&self, status: u16) {
        assert_eq!((self.status, self.header("Content-Type")), (status, Some("text/plain")), "{}", self.text);
        assert!(!self.text.is_empty());
    }
}

#[test]
fn only_the_token_or_basic_credentials_open_the_api() {
    let mut console = Console::new(1.0);
    for (headers, status) in [
        (&[("sec", "token")][..], 200),
        (&[("authorization", "Basic dXNlcjpwYXNzd29yZA==")], 200),
        (&[("authorization", "basic dXNlcjpwYXNzd29yZA==")], 200),
        (&[], 401),
        (&[("sec", "Token")], 401),
        (&[("authorization", "Bearer token")], 401),
        (&[("authorization", "Basic dXNlcjp0b2tlbg==")], 401),
        (&[("authorization", "Basic !")], 401),
        (&[("sec", "wrong"), ("authorization", "Basic dXNlcjpwYXNzd29yZA==")], 401),
    ] {
        let answer = console.send("GET", "/api/scanner/profiles", headers, "");
        assert_eq!(answer.status, status, "{headers:?}");
        if status == 401 {
            assert_eq!(answer.error(), (401, 18));
        }
    }
    assert!(console.send("GET", "/api/scanner/profiles", &[], "").text.contains("No SEC header present in request"));
}

#[test]
fn a_version_is_rounded_down_or_was_removed() {
    let mut console = Console::new(1.0);
    let ask = |console: &mut Console, version: &str| {
        console.send("GET", "/api/scanner/scanprofiles", &[("sec", "token"), ("version", version)], "")
    };
    for (version, deprecated) in [("15.0", false), ("17.0", false), ("17.9", false), ("20.0", true), ("99.0", true)] {
        let answer = ask(&mut console, version);
        assert_eq!((answer.status, answer.header("Deprecated").is_some()), (200, deprecated), "{version}");
    }
    for version in ["14.0", "14.9", "9.0"] {
        let answer = ask(&mut console, version);
        assert_eq!(answer.status, 422, "{version}");
        assert!(answer.json()["message"].as_str().unwrap().contains("has been removed"), "{version}");
    }
    assert_eq!(ask(&mut console, "newest").error(), (422, 11));
    let newest = console.send("GET", "/api/scanner/scanprofiles", &[("sec", "token")], "");
    assert!(newest.header("Deprecated").is_some(), "without a version the newest answers");
    let search = console.send("GET", "/api/qvm/saved_searches", &[("sec", "token"), ("version", "20.0")], "");
    assert_eq!(search.header("Deprecated"), None, "the searches are not deprecated");
}

#[test]
fn after_the_end_of_the_scanner_creation_is_gone_and_old_versions_too() {
    let mut console = Console { vendor: Juniper::end_of_life(1.0), now: START };
    let body = r#"{"name":"n","hosts":["10.0.0.1"]}"#;
    let mut create = |version: &str| {
        let headers = [("sec", "token"), ("version", version), ("content-type", "application/json")];
        console.send("POST", "/api/scanner/scanprofiles", &headers, body)
    };
    assert!(create("17.0").text.contains("has been removed"));
    assert_eq!(create("26.0").error().0, 405);
    create("25.0").plain(200);
    assert!(create("23.0").header("Deprecated").is_some());
    let version = console.send("GET", "/api/help/versions", &[("sec", "token"), ("version", "23.0")], "");
    assert!(version.header("Deprecated").is_some_and(|text| text.contains("23.0")), "the version itself is deprecated");
}

#[test]
fn a_started_run_shows_up_later_and_ends() {
    let mut console = Console::new(1.0);
    console.post("/scanner/scanprofiles/8/start", "").plain(202);
    assert_eq!(console.runs(8), json!([]), "the run is not listed yet");
    let waiting = console.profile(8);
    assert_eq!((&waiting["status"], &waiting["progress"]), (&json!("Waiting for a scanner"), &json!(0)));
    assert_eq!(console.post("/scanner/scanprofiles/8/start", "").error(), (422, 1005), "already accepted");
    console.now += 6.5;
    let runs = console.runs(8);
    let began = ((START + 6.0) * 1000.0) as i64;
    assert_eq!(runs, json!([{"id": 441, "scan_profile_id": 8, "start_time": began, "end_time": 0}]));
    assert_eq!(console.post("/scanner/scanprofiles/8/start", "").error(), (422, 1005), "running");
    assert_eq!(console.get("/scanner/scanprofiles/8/runs/441/results").error(), (422, 1005));
    console.now = START + 6.0 + 324.0;
    let half = console.profile(8);
    assert_eq!((&half["status"], &half["progress"]), (&json!("Running: vulnerability checks"), &json!(50)));
    assert!(half.get("endTime").is_none() && half["duration"]["null"] == true);
    console.now = START + 6.0 + 648.5;
    let run = console.get("/scanner/scanprofiles/8/runs/441").json();
    assert_eq!(run["end_time"], began + 648_000);
    let done = console.profile(8);
    assert_eq!((&done["status"], &done["progress"]), (&json!("Completed"), &json!(100)));
    assert_eq!((&done["endTime"]["time"], &done["duration"]["minutes"]), (&run["end_time"], &json!(10)));
    assert!(!console.get("/scanner/scanprofiles/8/runs/441/results").json().as_array().unwrap().is_empty());
    console.post("/scanner/scanprofiles/8/start", "").plain(202);
}

#[test]
fn speed_shortens_states_and_not_the_clock() {
    let mut console = Console::new(100.0);
    console.post("/scanner/scanprofiles/8/start", "").plain(202);
    console.now += 0.05;
    assert_eq!(console.runs(8), json!([]));
    console.now += 0.05;
    assert_eq!(console.runs(8)[0]["end_time"], 0);
    console.now = START + 6.6;
    let run = console.runs(8)[0].clone();
    assert_eq!(run["end_time"].as_i64().unwrap() - run["start_time"].as_i64().unwrap(), 6480);
}

#[test]
fn a_start_takes_the_bare_list_of_addresses() {
    let mut console = Console::new(1.0);
    for (body, code) in [
        (r#"{"ips":["10.20.30.4"]}"#, 11),
        (r#""10.20.30.4""#, 11),
        ("[1]", 11),
        ("null", 11),
        ("[", 11),
        (r#"["10.20.30.0/24"]"#, 1005),
        (r#"["branch.example.net"]"#, 1005),
    ] {
        assert_eq!(console.post("/scanner/scanprofiles/8/start", body).error(), (422, code), "{body}");
    }
    let unsaid = console.send("POST", "/api/scanner/scanprofiles/8/start", &[("sec", "token")], r#"["10.20.30.4"]"#);
    assert_eq!(unsaid.error(), (422, 11), "the type of a body has to be said");
    console.now += 60.0;
    assert_eq!(console.runs(8), json!([]), "nothing was started by a refused request");
    console.post("/scanner/scanprofiles/8/start", r#"["10.20.30.4","10.20.30.6-10.20.30.7"]"#).plain(202);
    console.now += 3600.0;
    let run = console.runs(8)[0]["id"].clone();
    let results = console.get(&format!("/scanner/scanprofiles/8/runs/{run}/results")).json();
    let hosts: std::collections::BTreeSet<&str> =
        results.as_array().unwrap().iter().map(|row| row["ip_address"].as_str().unwrap()).collect();
    assert_eq!(hosts.into_iter().collect::<Vec<_>>(), ["10.20.30.4", "10.20.30.6", "10.20.30.7"]);
}

#[test]
fn the_old_start_takes_the_id_from_the_query_and_answers_200() {
    let mut console = Console::new(1.0);
    console.post("/scanner/profiles/start?scanProfileId=8", "").plain(200);
    assert_eq!(console.post("/scanner/profiles/start?scanProfileId=8", "").error(), (422, 1005));
    assert_eq!(console.post("/scanner/profiles/start", "").error(), (422, 8));
    assert_eq!(console.post("/scanner/profiles/start?scanProfileId=999", "").error(), (422, 1005));
    assert_eq!(console.post("/scanner/profiles/start?scanProfileId=x", "").error(), (422, 1005));
    console.now += 10.0;
    assert_eq!(console.runs(8).as_array().unwrap().len(), 1);
}

#[test]
fn creation_names_no_id_and_allows_the_same_name_twice() {
    let mut console = Console::new(1.0);
    for _ in 0..2 {
        let created =
            console.post("/scanner/scanprofiles", r#"{"name":"Twin","hosts":["10.1.1.1"],"description":"d"}"#);
        created.plain(200);
        assert!(!created.text.chars().any(|character| character.is_ascii_digit()), "{}", created.text);
    }
    console.post("/scanner/profiles/create", r#"{"name":"Old","ips":["10.1.1.1-10.1.1.9"]}"#).plain(200);
    let listed = console.get("/scanner/profiles").json();
    let named = |name: &str| {
        let is = |profile: &&Value| profile["scanProfileName"] == name;
        listed.as_array().unwrap().iter().filter(is).map(|profile| profile["scanProfileId"].clone()).collect::<Vec<_>>()
    };
    assert_eq!((named("Twin"), named("Old")), (vec![json!(21), json!(22)], vec![json!(23)]));
    assert_eq!(listed[0].as_object().unwrap().len(), 5, "the old listing has five members");
}

#[test]
fn each_form_of_creation_refuses_in_its_own_way() {
    let mut console = Console::new(1.0);
    let bodies = [
        "",
        "[]",
        r#"{"KEY":["10.1.1.1"]}"#,
        r#"{"name":" ","KEY":["10.1.1.1"]}"#,
        r#"{"name":7,"KEY":["10.1.1.1"]}"#,
        r#"{"name":"n"}"#,
        r#"{"name":"n","KEY":[]}"#,
        r#"{"name":"n","KEY":"10.1.1.1"}"#,
        r#"{"name":"n","KEY":["10.1.1.0/24"]}"#,
        r#"{"name":"n","OTHER":["10.1.1.1"]}"#,
        r#"{"scanProfile":{"name":"n","KEY":["10.1.1.1"]}}"#,
    ];
    for body in bodies {
        let new = body.replace("KEY", "hosts").replace("OTHER", "ips");
        assert_eq!(console.post("/scanner/scanprofiles", &new).error(), (500, 1030), "{new}");
        let old = body.replace("KEY", "ips").replace("OTHER", "hosts");
        assert_eq!(console.post("/scanner/profiles/create", &old).error(), (419, 9101), "{old}");
    }
    assert_eq!(console.get("/scanner/profiles").json().as_array().unwrap().len(), 5, "nothing was created");
}

#[test]
fn an_update_replaces_what_it_names_and_keeps_the_rest() {
    let mut console = Console::new(1.0);
    let updated = console.post("/scanner/scanprofiles/8", r#"{"ips":["10.20.30.4"]}"#);
    assert_eq!(updated.status, 202);
    assert!(updated.json().is_string());
    console.post("/scanner/scanprofiles/8", r#"{"name":"Renamed"}"#).json();
    let profile = console.profile(8);
    assert_eq!(profile["scanProfileName"], "Renamed");
    assert_eq!(profile["description"], "Waits for the first on-demand scan");
    assert!(profile.get("ips").is_none() && profile.get("hosts").is_none(), "targets cannot be read back");
    console.post("/scanner/scanprofiles/8/start", "").plain(202);
    console.now += 3600.0;
    let results = console.get("/scanner/scanprofiles/8/runs/441/results").json();
    assert!(results.as_array().unwrap().iter().all(|row| row["ip_address"] == "10.20.30.4"));
    for body in [r#"{"hosts":["10.0.0.1"]}"#, r#"{"ips":["10.0.0.0/8"]}"#, "", "7"] {
        assert_eq!(console.post("/scanner/scanprofiles/8", body).error(), (500, 1030), "{body}");
    }
    assert_eq!(console.post("/scanner/scanprofiles/999", "{}").error(), (500, 1030));
}

#[test]
fn a_deleted_profile_is_gone_with_its_runs() {
    let mut console = Console::new(1.0);
    let headers = [("sec", "token")];
    let deleted = console.send("DELETE", "/api/scanner/scanprofiles/2", &headers, "");
    assert_eq!((deleted.status, deleted.text.as_str()), (204, ""));
    assert_eq!(console.send("DELETE", "/api/scanner/scanprofiles/2", &headers, "").error(), (500, 1030));
    assert_eq!(console.get("/scanner/scanprofiles/2").json(), json!([]));
    assert_eq!(console.get("/scanner/scanprofiles/2/runs/402/results").error(), (404, 1002));
}

#[test]
fn what_is_not_there_answers_differently_by_endpoint() {
    let mut console = Console::new(1.0);
    let one = console.get("/scanner/scanprofiles/999");
    assert_eq!((one.status, one.json()), (200, json!([])), "an unknown profile is an empty list");
    assert_eq!(console.get("/scanner/scanprofiles/999/runs").error(), (404, 1002));
    assert_eq!(console.get("/scanner/scanprofiles/2/runs/398").error(), (404, 1002), "a run of another profile");
    assert_eq!(console.get("/scanner/scanprofiles/2/runs/1/results").error(), (404, 1002));
    assert_eq!(console.runs(8), json!([]), "a known profile without runs");
    assert_eq!(console.get("/scanner/scanprofiles/x/runs").error(), (422, 11));
    assert_eq!(console.get("/scanner/scanprofiles/create").error(), (422, 11), "create exists only in the old form");
    assert_eq!(console.get("/scanner/nothing").error().0, 404);
    let wrong = console.post("/scanner/scanprofiles/8/runs", "");
    assert_eq!((wrong.error().0, wrong.header("Allow")), (405, Some("GET")));
    assert_eq!(
        console.send("GET", "/console", &[("sec", "token")], "").header("Content-Type"),
        Some("text/html; charset=UTF-8")
    );
}

#[test]
fn the_history_holds_runs_of_all_ends_in_no_order() {
    let mut console = Console::new(1.0);
    let runs = console.runs(2);
    let starts: Vec<i64> = runs.as_array().unwrap().iter().map(|run| run["start_time"].as_i64().unwrap()).collect();
    assert_eq!(starts.len(), 3);
    assert!(!starts.is_sorted() && !starts.iter().rev().is_sorted(), "{starts:?}");
    assert_eq!(console.get("/scanner/scanprofiles/2/runs/417/results").json(), json!([]));
    assert_eq!(console.get("/scanner/scanprofiles/13/runs/409/results").json(), json!([]), "nothing answered");
    assert_eq!(console.get("/scanner/scanprofiles/5/runs/440").json()["end_time"], 0, "one run is going on");
    assert_eq!(console.post("/scanner/scanprofiles/5/start", "").error(), (422, 1005));
}

#[test]
fn results_are_ranged_and_always_the_same() {
    let mut console = Console::new(1.0);
    let path = "/api/scanner/scanprofiles/2/runs/402/results";
    let whole = console.get("/scanner/scanprofiles/2/runs/402/results").json();
    let whole = whole.as_array().unwrap();
    assert!(whole.len() > 50, "more than one page of 50: {}", whole.len());
    let range = [("sec", "token"), ("range", "items=50-99")];
    let rest = console.send("GET", path, &range, "");
    let window = format!("items 50-{}/{}", whole.len() - 1, whole.len());
    assert_eq!((rest.status, rest.header("Content-Range")), (200, Some(window.as_str())));
    assert_eq!(rest.json().as_array().unwrap()[..], whole[50..]);
    let filtered = console.get("/scanner/scanprofiles/2/runs/402/results?filter=port=1").json();
    assert_eq!(filtered.as_array().map(Vec::len), Some(whole.len()), "results take no filter");
    let scores: Vec<f64> = whole.iter().map(|row| row["base_score"].as_f64().unwrap()).collect();
    assert!(scores.contains(&10.0) && scores.contains(&5.0) && scores.contains(&0.0));
    assert!(whole.iter().any(|row| row["hostname"] == "") && whole.iter().any(|row| row["cve_ids"] == json!([])));
    let other = console.get("/scanner/scanprofiles/2/runs/431/results").json();
    assert_ne!(other.as_array(), Some(whole), "another run of the same targets differs");
}

#[test]
fn reading_a_search_makes_a_task_each_time() {
    let mut console = Console::new(1.0);
    let created = console.get("/qvm/saved_searches/110/vuln_instances");
    let task = json!({"id": 7001, "status": "QUEUED", "retention_period_in_days": 2});
    assert_eq!((created.status, created.json()), (201, task));
    assert_eq!(console.get("/qvm/saved_searches/110/vuln_instances").json()["id"], 7002);
    let results = "/qvm/saved_searches/vuln_instances/7001/results/vuln_instances";
    assert_eq!(console.get(results).error(), (404, 1002));
    for (after, status) in [(3.9, "QUEUED"), (4.1, "PROCESSING"), (19.9, "PROCESSING"), (20.1, "COMPLETED")] {
        console.now = START + after;
        assert_eq!(console.get("/qvm/saved_searches/vuln_instances/7001/status").json()["status"], status, "{after}");
    }
    let instances = console.get(results).json();
    assert!(instances.as_array().is_some_and(|all| !all.is_empty()));
    let (asset, vulnerability) = (&instances[0]["asset_id"], &instances[0]["vulnerability_id"]);
    let assets = format!("/qvm/saved_searches/vuln_instances/7001/results/assets?filter=id IN ({asset})");
    let asset = console.get(&assets).json();
    assert_eq!(asset[0]["interfaces"][0]["ip_addresses"][0]["value"], "10.100.85.135");
    let vulnerabilities =
        format!("/qvm/saved_searches/vuln_instances/7001/results/vulnerabilities?filter=id IN ({vulnerability})");
    assert_eq!(console.get(&vulnerabilities).json().as_array().map(Vec::len), Some(1));
    console.now += 2.0 * 86_400.0;
    assert_eq!(console.get(results).error(), (404, 1002), "results are kept for two days");
}

#[test]
fn a_task_can_be_cancelled_until_it_is_done() {
    let mut console = Console::new(1.0);
    console.get("/qvm/saved_searches/101/vuln_instances").json();
    let status = "/qvm/saved_searches/vuln_instances/7001/status";
    assert_eq!(console.post(&format!("{status}?status=PAUSED"), "").error(), (422, 1005));
    assert_eq!(console.post(&format!("{status}?retention_period_in_days=15"), "").error(), (422, 1005));
    assert_eq!(
        console.post(&format!("{status}?retention_period_in_days=14"), "").json()["retention_period_in_days"],
        14
    );
    assert_eq!(console.post(&format!("{status}?status=CANCELLED"), "").json()["status"], "CANCEL_REQUESTED");
    console.now += 3.5;
    assert_eq!(console.get(status).json()["status"], "CANCELLED");
    assert_eq!(console.post(&format!("{status}?status=CANCELLED"), "").error(), (409, 1004));
    assert_eq!(console.post("/qvm/saved_searches/vuln_instances/1/status?status=CANCELLED", "").error(), (404, 1002));
}

#[test]
fn the_older_asset_calls_refuse_with_420() {
    let mut console = Console::new(1.0);
    let all = console.get("/qvm/vulninstances").json();
    let filter =
        r#"/qvm/vulninstances?filters=[{"parameter":"IP Address","operator":"Equals","value":"10.100.85.135"}]"#;
    let some = console.get(filter).json();
    let by_name = console.get("/qvm/vulninstances?savedSearchName=The payment server").json();
    let by_id = console.get("/qvm/vulninstances?savedSearchId=110").json();
    assert!(all.as_array().unwrap().len() > some.as_array().unwrap().len() && !some.as_array().unwrap().is_empty());
    assert_eq!((&by_name, &by_id), (&some, &some));
    for query in [
        "savedSearchId=1",
        "savedSearchName=Nothing",
        "filters={}",
        r#"filters=[{"parameter":"IPv4 Address","operator":"Equals","value":"x"}]"#,
        r#"filters=[{"parameter":"IP Address","operator":"Like","value":"x"}]"#,
    ] {
        for kind in ["assets", "vulns", "openservices", "network", "vulninstances"] {
            assert_eq!(console.get(&format!("/qvm/{kind}?{query}")).error(), (420, 9101), "{kind} {query}");
        }
    }
}

#[test]
fn saved_searches_can_be_owned_and_deleted() {
    let mut console = Console::new(1.0);
    assert_eq!(console.post("/qvm/saved_searches/104", r#"{"owner":"admin"}"#).json()["owner"], "admin");
    assert_eq!(console.post("/qvm/saved_searches/104", r#"{"name":"x"}"#).error(), (422, 1005));
    assert_eq!(console.send("DELETE", "/api/qvm/saved_searches/104", &[("sec", "token")], "").status, 204);
    assert_eq!(console.get("/qvm/saved_searches/104").error(), (404, 1002));
    let left = console.get("/qvm/saved_searches?fields=id").json();
    assert_eq!(left, json!([{"id": 101}, {"id": 110}]));
}

#[test]
fn a_port_scan_is_a_lookup_in_the_background() {
    let mut console = Console::new(1.0);
    let created = console.post("/services/port_scans?IP=10.100.85.135", "");
    assert_eq!((created.status, created.header("Location")), (201, Some("/api/services/port_scans/1")));
    let queued = json!({"id": 1, "ip": "10.100.85.135", "message": "", "status": "QUEUED"});
    assert_eq!(created.json(), queued);
    console.now += 28.0;
    let done = console.get("/services/port_scans/1").json();
    assert_eq!(done["status"], "COMPLETED");
    assert_eq!(done["message"], "Port scan of 10.100.85.135\n22/tcp open ssh\n80/tcp open http\n");
    assert_eq!(console.post("/services/port_scans", "").error(), (422, 8));
    assert_eq!(console.post("/services/port_scans?IP=web", "").error(), (422, 11));
    assert_eq!(console.get("/services/port_scans/9").error(), (404, 1002));
}

#[test]
fn help_tells_versions_and_endpoints() {
    let mut console = Console::new(1.0);
    let versions = console.get("/help/versions").json();
    let find =
        |name: &str| versions.as_array().unwrap().iter().find(|version| version["version"] == name).unwrap().clone();
    assert_eq!((&find("14.0")["removed"], &find("17.0")["removed"]), (&json!(true), &json!(false)));
    let id = find("17.0")["id"].clone();
    assert_eq!(console.get(&format!("/help/versions/{id}")).json()["version"], "17.0");
    let create = "/help/endpoints?filter=path=\"/scanner/scanprofiles\" and http_method=POST and version=\"17.0\"";
    let create = console.get(create).json();
    assert_eq!(create.as_array().map(Vec::len), Some(1));
    assert_eq!(
        (&create[0]["deprecated"], &create[0]["success_responses"][0]["response_code"]),
        (&json!(false), &json!(200))
    );
    assert_eq!(console.get("/help/endpoints/99999").error(), (404, 1002));
}

#[test]
fn faults_are_those_of_this_vendor() {
    let console = Juniper::new(1.0);
    let overload = console.fault(500);
    let envelope: Value = serde_json::from_slice(&overload.body).unwrap();
    assert_eq!((overload.status, &envelope["code"]), (500, &json!(1030)));
    let proxy = console.fault(429);
    assert!(proxy.status == 429 && proxy.body.starts_with(b"<!DOCTYPE html>"));
}
