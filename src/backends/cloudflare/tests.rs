//! What is sent to Cloudflare and what is made of its answers; and a life of a config on the simulated service.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use reqwest::header::HeaderMap;
use serde_json::{Value, json};

use super::answer::{Config, Envelope, OpenPorts, error_in_success, refusal, sum_up};
use super::{NO_RESULT, SPEC};
use crate::backends::change::{Change, PreparedChange};
use crate::backends::scripted::{Rig, connect, json as answer, reply, target, with};
use crate::backends::{Order, Seen};
use crate::backends::{RunQuery, ScanQuery};
use crate::error::Detail;
use crate::exit::Exit;
use crate::model::{Control, Operation, Run, RunState, ScanId, Support, Verb};
use crate::sandbox::{Options, Sandbox, accepted, cloudflare, faults};

const TOKEN: &str =
    "backend = \"cloudflare\"\naccount_id = \"0123456789abcdef0123456789ABCDEF\"\ntoken = \"0123-token\"";
const LIST: &str = "GET /client/v4/accounts/0123456789abcdef0123456789ABCDEF/cloudforce-one/scans/config";
const CREATE: &str = "POST /client/v4/accounts/0123456789abcdef0123456789ABCDEF/cloudforce-one/scans/config";
const RESULT: &str = "GET /client/v4/accounts/0123456789abcdef0123456789ABCDEF/cloudforce-one/scans/results/c1";

/// A body of the vendor's documentation, where the folder is at hand.
fn sample(path: &str) -> Option<Vec<u8>> {
    #[expect(clippy::disallowed_methods, reason = "where the samples lie is the caller's choice")]
    let Ok(folder) = std::env::var("SCANCTL_SAMPLES") else {
        eprintln!("left out: SCANCTL_SAMPLES is not set");
        return None;
    };
    Some(std::fs::read(PathBuf::from(folder).join("cloudflare").join(path)).unwrap())
}

fn success(result: Value) -> Value {
    json!({"success": true, "errors": [], "messages": [], "result": result})
}

fn failure(errors: Value) -> Value {
    json!({"success": false, "errors": errors, "messages": [], "result": null})
}

fn coded(code: i64, text: &str) -> Value {
    failure(json!([{"code": code, "message": text}]))
}

fn config(id: &str, ips: &[&str], ports: &[&str], frequency: Value) -> Value {
    json!({"id": id, "account_id": "x", "ips": ips, "ports": ports, "frequency": frequency})
}

fn weekly() -> Value {
    config("c1", &["1.1.1.1", "2606:4700::/124"], &["1-80", "443"], json!(7.0))
}

fn one_off() -> Value {
    config("c1", &["1.1.1.1"], &["default"], json!(0))
}

fn open_port(number: Value) -> Value {
    json!({"1.1.1.1": [{"number": number, "proto": "tcp", "status": "open"}]})
}

#[test]
fn the_vendors_own_samples_are_read() {
    let Some(body) = sample("payloads/list-response-docs.json") else { return };
    let list: Envelope<Vec<Config>> = serde_json::from_slice(&body).unwrap();
    assert_eq!(list.warnings(), ["Cloudflare warns: message"]);
    let scan = list.result.unwrap()[0].scan().unwrap();
    assert_eq!((scan.scan.as_str(), scan.schedule.as_deref(), scan.name), ("uuid", Some("every 7 days"), None));
    assert_eq!(scan.targets.unwrap(), ["1.1.1.1", "2606:4700:4700::1111"]);

    let result: Envelope<OpenPorts> =
        serde_json::from_slice(&sample("payloads/results-response-docs.json").unwrap_or_default()).unwrap();
    assert_eq!(result.warnings(), ["Cloudflare warns: string"]);
    let summary = sum_up(result.result.as_ref());
    assert_eq!((summary.addresses, summary.ports), (1, 1));

    // The text of a good token check has the code of a failed one, among `messages`.
    for path in ["token-verify-response-docs.json", "token-verify-response-live-style.json"] {
        let body = sample(&format!("payloads/{path}")).unwrap_or_default();
        assert!(error_in_success(&body).is_none(), "{path}");
    }
}

#[test]
fn every_recorded_refusal_keeps_its_code_and_words_under_any_status() {
    for (path, code, exit, throttled) in [
        ("errors/10000-authentication.json", 10_000, Some(Exit::Auth), false),
        ("errors/6003-invalid-headers.json", 6003, Some(Exit::Auth), false),
        ("errors/7003-common-yaml.json", 7003, Some(Exit::Config), false),
        ("errors/9109-unauthorized.json", 9109, Some(Exit::Auth), false),
        ("errors/971-throttled.json", 971, None, true),
    ] {
        let Some(body) = sample(path) else { return };
        for status in [400, 404, 405, 500] {
            let read = refusal(status, &HeaderMap::new(), &body);
            assert_eq!((read.code, read.exit, read.throttled), (Some(code), exit, throttled), "{path} {status}");
            assert!(!read.text.unwrap().is_empty());
        }
        let read = error_in_success(&body).unwrap();
        assert_eq!((read.code, read.exit, read.throttled), (Some(code), exit, throttled), "{path} 200");
    }
}

#[test]
fn refusals_of_every_shape() {
    let auth = Some(Exit::Auth);
    for (status, body, code, exit, text) in [
        (
            403,
            coded(10_000, "needs cfone.port_scan entitlement"),
            Some(10_000),
            auth,
            Some("needs cfone.port_scan entitlement"),
        ),
        (404, failure(json!(["no cfone.port_scan"])), None, auth, Some("no cfone.port_scan")),
        (400, coded(9103, "Unknown X-Auth-Key"), Some(9103), auth, Some("Unknown X-Auth-Key")),
        (400, coded(9106, "Missing X-Auth-Key"), Some(9106), auth, Some("Missing X-Auth-Key")),
        (
            400,
            failure(json!([{"code": 1, "message": "a"}, {"code": "9109", "message": "b"}])),
            Some(1),
            auth,
            Some("a; b"),
        ),
        (400, coded(10_001, "Method not allowed for token"), Some(10_001), auth, Some("Method not allowed for token")),
        (400, coded(10_001, "internal error"), Some(10_001), None, Some("internal error")),
        (401, failure(json!([])), None, auth, None),
        (403, json!(null), None, auth, None),
        (404, coded(1234, "not found"), Some(1234), None, Some("not found")),
        (400, failure(json!([{"message": "no code"}])), None, None, Some("no code")),
        (400, failure(json!([{"code": 1004}])), Some(1004), None, Some("code 1004")),
        (
            400,
            json!({"success": true, "errors": {}, "messages": ["only a message"]}),
            None,
            None,
            Some("only a message"),
        ),
        (400, json!("as a text"), None, None, Some("as a text")),
        (400, json!([1]), None, None, None),
    ] {
        let read = refusal(status, &HeaderMap::new(), body.to_string().as_bytes());
        assert_eq!((read.code, read.exit, read.text.as_deref()), (code, exit, text), "{status} {body}");
    }
    let page = refusal(502, &HeaderMap::new(), b"<html><head><title>502 Bad Gateway</title>");
    assert_eq!(page.text.as_deref(), Some("502 Bad Gateway"));
    let missing = refusal(400, &HeaderMap::new(), coded(9109, "needs cfone.port_scan").to_string().as_bytes());
    assert!(missing.hint.unwrap().starts_with("missing entitlement"));
    for body in [&b"{\"success\":true}"[..], b"null", b"", b"<html>", b"{\"success\":null}", b"[]"] {
        assert!(error_in_success(body).is_none());
    }
}

#[test]
fn a_429_is_silent_for_as_long_as_it_says_else_until_the_block_ends() {
    for (headers, expected) in [
        (&[][..], Some(300)),
        (&[("ratelimit", "\"default\";r=0;t=30")], Some(30)),
        (&[("ratelimit", "\"burst\";r=5;t=200, \"default\"; r=0; t=30")], Some(30)),
        (&[("ratelimit", "\"burst\";r=5;t=20, \"default\";r=7;t=30")], Some(30)),
        (&[("ratelimit", "nonsense")], Some(300)),
        // The client reads this one itself.
        (&[("ratelimit", "\"default\";r=0;t=30"), ("retry-after", "12")], None),
        (&[("retry-after", "nonsense")], Some(300)),
    ] {
        let headers: HeaderMap =
            headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect();
        for body in [&b""[..], b"null", b"{}", b"<html>"] {
            assert_eq!(refusal(429, &headers, body).pause, expected.map(Duration::from_secs), "{headers:?}");
        }
    }
    // Not the block, so no five minutes.
    assert_eq!(refusal(400, &HeaderMap::new(), coded(971, "wait").to_string().as_bytes()).pause, None);
}

#[test]
fn schedules_are_days() {
    for (frequency, expected) in [
        (json!(0), Some("one-off")),
        (json!(0.0), Some("one-off")),
        (json!(1), Some("every 1 day")),
        (json!(7.0), Some("every 7 days")),
        (json!(0.5), Some("every 0.5 days")),
        (json!(null), None),
    ] {
        let read: Config = serde_json::from_value(config("a", &[], &[], frequency.clone())).unwrap();
        assert_eq!(read.scan().unwrap().schedule.as_deref(), expected, "{frequency}");
        assert_eq!(read.is_one_off(), expected == Some("one-off"));
    }
    let nulls: Config = serde_json::from_value(json!({"id": "a", "ips": null, "ports": null, "x": 1})).unwrap();
    assert_eq!((nulls.ips().len(), nulls.ports().len(), nulls.is_one_off()), (0, 0, false));
}

#[test]
fn equal_results_have_one_digest_whatever_their_order() {
    let digest = |result: Value| sum_up(serde_json::from_value::<Option<OpenPorts>>(result).unwrap().as_ref()).digest;
    let one = json!({"a": [{"number": 80}, {"number": 443, "proto": "tcp"}], "b": []});
    let other = json!({"b": null, "a": [{"number": 443.0, "proto": "tcp"}, {"number": 80}]});
    assert_eq!(digest(one.clone()), digest(other));
    assert_ne!(digest(one), digest(json!({"a": [{"number": 80}], "b": []})));
    assert_eq!(digest(json!(null)), digest(json!({})));
    assert_ne!(
        digest(json!({"a": [{"number": 80, "status": "open"}]})),
        digest(json!({"a": [{"number": 80, "status": "x"}]}))
    );
}

#[test]
fn what_cannot_be_done_names_the_nearest_thing_and_its_limits() {
    for (operation, words) in [
        (Operation::Control(Control::Pause), "--frequency 0"),
        (Operation::Control(Control::Resume), "--frequency DAYS"),
        (Operation::Control(Control::Stop), "neither is known to halt a scan under way"),
        (Operation::Control(Control::ForceStop), "scans delete"),
        (Operation::List, "has no runs"),
        (Operation::RunsList, "has no runs"),
        (Operation::RunsShow, "has no runs"),
    ] {
        let Support::No(why) = (SPEC.support)(operation, None) else { panic!("{operation:?}") };
        assert!(why.contains(words), "{operation:?}: {why}");
    }
    assert!(matches!((SPEC.support)(Operation::Launch { targets: false }, None), Support::Via(_)));
    assert_eq!((SPEC.support)(Operation::Launch { targets: true }, None), Support::Native);
    for verb in Verb::ALL {
        assert!(!(SPEC.bare_id)(verb).is_empty());
    }
}

#[tokio::test]
async fn credentials_go_by_header_and_exactly_one_kind_is_taken() {
    let rig = Rig::new(TOKEN, vec![(LIST, answer(200, success(json!([weekly()]))))]);
    let identity = rig.backend.identity().await.unwrap();
    assert_eq!((identity.user, identity.proved.as_str()), (None, "1 scan config can be read"));
    let heard = rig.heard();
    assert_eq!((heard[0].header("authorization"), heard[0].header("x-auth-key")), (Some("Bearer 0123-token"), None));

    let key = "backend = \"cloudflare\"\naccount_id = \"0123456789abcdef0123456789ABCDEF\"\nemail = \"ops@example.org\"\napi_key = \"0123-key\"";
    let echo = answer(400, coded(9103, "Unknown X-Auth-Key 0123-key of ops@example.org"));
    let rig = Rig::new(key, vec![(LIST, with(echo, "cf-ray", "8f2-FRA"))]);
    let error = rig.backend.identity().await.unwrap_err();
    assert_eq!((error.exit(), error.answer().request_id.as_deref()), (Exit::Auth, Some("8f2-FRA")));
    assert_eq!(error.answer().text.as_deref(), Some("Unknown X-Auth-Key (redacted) of (redacted)"));
    let heard = rig.heard();
    assert_eq!(
        (heard[0].header("x-auth-email"), heard[0].header("x-auth-key")),
        (Some("ops@example.org"), Some("0123-key"))
    );
    assert_eq!(heard[0].header("authorization"), None);

    let account = "account_id = \"0123456789abcdef0123456789abcdef\"";
    for bad in [
        account.to_owned(),
        "token = \"a\"".to_owned(),
        "account_id = \"0123\"\ntoken = \"a\"".to_owned(),
        "account_id = \"0123456789abcdef0123456789abcdeg\"\ntoken = \"a\"".to_owned(),
        format!("{account}\nemail = \"a\""),
        format!("{account}\napi_key = \"a\""),
        format!("{account}\ntoken = \"a\"\nemail = \"b\"\napi_key = \"c\""),
    ] {
        let error =
            connect("https://api.example.org", &format!("backend = \"cloudflare\"\n{bad}"), false).err().unwrap();
        assert_eq!(error.exit(), Exit::Config, "{bad}");
        assert!(!error.one_line().contains("0123456789"), "{error}");
    }
    let insecure = format!("backend = \"cloudflare\"\n{account}\ntoken = \"a\"\ninsecure = true");
    assert_eq!(connect("https://api.cloudflare.com", &insecure, false).err().unwrap().exit(), Exit::Config);
}

#[tokio::test]
async fn a_launch_clones_a_config_as_a_new_one_off() {
    let created = answer(200, success(config("new-1", &["1.1.1.1"], &["443"], json!(0))));
    let rig = Rig::new(TOKEN, vec![(LIST, answer(200, success(json!([weekly()])))), (CREATE, created)]);
    let prepared = rig.backend.prepare(&target("c1", None), &Order::default()).await.unwrap();
    assert_eq!((prepared.before.as_slice(), prepared.warnings.is_empty()), (["c1".to_owned()].as_slice(), true));
    let launched = rig.backend.launch(&prepared).await.unwrap();
    assert_eq!((launched.scan, launched.run), (Some(ScanId::new("new-1")), None));
    assert!(launched.message.unwrap().contains("`scanctl scans delete t/new-1`"));
    let heard = rig.heard();
    let body: Value = serde_json::from_str(&heard[1].body).unwrap();
    assert_eq!(body, json!({"ips": ["1.1.1.1", "2606:4700::/124"], "ports": ["1-80", "443"], "frequency": 0}));

    // The ports of the config go with other targets, and other ports with its targets.
    for (order, ips, ports) in [
        (Order { targets: vec!["8.8.8.8".to_owned()], ports: Vec::new() }, json!(["8.8.8.8"]), json!(["1-80", "443"])),
        (
            Order { targets: Vec::new(), ports: vec!["all".to_owned()] },
            json!(["1.1.1.1", "2606:4700::/124"]),
            json!(["all"]),
        ),
    ] {
        rig.then(vec![
            (LIST, answer(200, success(json!([weekly()])))),
            (CREATE, answer(200, success(config("n", &[], &[], json!(0))))),
        ]);
        let prepared = rig.backend.prepare(&target("c1", None), &order).await.unwrap();
        rig.backend.launch(&prepared).await.unwrap();
        let body: Value = serde_json::from_str(&rig.heard()[1].body).unwrap();
        assert_eq!(body, json!({"ips": ips, "ports": ports, "frequency": 0}));
    }

    rig.then(vec![(LIST, answer(200, success(json!(null))))]);
    let error = rig.backend.prepare(&target("c1", None), &Order::default()).await.unwrap_err();
    assert_eq!(error.exit(), Exit::NotFound);
    rig.heard();
}

#[tokio::test]
async fn a_launch_over_targets_needs_no_config_and_is_checked_before_anything_is_sent() {
    let listed = json!({"success": true, "errors": ["soon over"], "result": []});
    let rig = Rig::with(TOKEN, vec![(LIST, answer(200, listed))], "", true);
    let order =
        Order { targets: vec!["1.1.1.1".to_owned(), "10.0.0.1".to_owned()], ports: vec!["22,80-90".to_owned()] };
    let prepared = rig.backend.prepare(&crate::backends::Target::default(), &order).await.unwrap();
    assert_eq!(prepared.warnings.len(), 2);
    assert!(prepared.warnings[0].contains("10.0.0.1") && prepared.warnings[1].contains("soon over"));
    let error = rig.backend.launch(&prepared).await.unwrap_err();
    let Detail::Planned(planned) = error.detail() else { panic!("{error}") };
    assert_eq!(planned.body, Some(json!({"ips": ["1.1.1.1", "10.0.0.1"], "ports": ["22", "80-90"], "frequency": 0})));
    assert_eq!(rig.lines(), [LIST]);

    for (targets, ports) in [("example.org", "80"), ("1.1.1.1", "http"), ("8.0.0.0/8", "80")] {
        let order = Order { targets: vec![targets.to_owned()], ports: vec![ports.to_owned()] };
        let error = rig.backend.prepare(&target("c1", None), &order).await.unwrap_err();
        assert_eq!(error.exit(), Exit::Usage);
    }
    let error = rig.backend.prepare(&crate::backends::Target::default(), &Order::default()).await.unwrap_err();
    assert_eq!(error.exit(), Exit::Usage);
    assert!(rig.heard().is_empty());
}

#[tokio::test]
async fn a_launch_is_refused_or_lost_and_never_sent_twice() {
    for (reply_, exit, lost) in [
        (answer(200, coded(1234, "no")), Exit::Internal, false),
        (answer(400, coded(1004, "bad ips")), Exit::Usage, false),
        (answer(400, coded(9109, "Unauthorized")), Exit::Auth, false),
        (answer(200, success(json!(null))), Exit::UnknownOutcome, true),
        (answer(200, success(json!({"id": ""}))), Exit::UnknownOutcome, true),
        (reply(200, "<html>"), Exit::UnknownOutcome, true),
        (answer(500, coded(1000, "timeout")), Exit::UnknownOutcome, true),
        (reply(522, "<html><title>522</title>"), Exit::UnknownOutcome, true),
    ] {
        let rig = Rig::new(TOKEN, vec![(LIST, answer(200, success(json!([one_off()])))), (CREATE, reply_)]);
        let prepared = rig.backend.prepare(&target("c1", None), &Order::default()).await.unwrap();
        let error = rig.backend.launch(&prepared).await.unwrap_err();
        assert_eq!((error.exit(), error.lost().is_some(), error.refused()), (exit, lost, !lost), "{error}");
        assert_eq!(rig.heard().len(), 2);
    }
}

#[tokio::test]
async fn a_lost_launch_is_found_by_what_is_new_and_the_same() {
    let rig = Rig::new(TOKEN, vec![(LIST, answer(200, success(json!([weekly()]))))]);
    let prepared = rig.backend.prepare(&target("c1", None), &Order::default()).await.unwrap();
    let now = json!([
        weekly(),
        config("other-ports", &["1.1.1.1", "2606:4700::/124"], &["443"], json!(0)),
        config("other-ips", &["1.1.1.1"], &["1-80", "443"], json!(0)),
        config("recurring", &["1.1.1.1", "2606:4700::/124"], &["1-80", "443"], json!(7)),
        config("it", &["2606:4700:0::/124", "1.1.1.1/32"], &["443", "1-80"], json!(0.0)),
    ]);
    rig.then(vec![(LIST, answer(200, success(now)))]);
    let found = rig.backend.find_launched(&prepared, Instant::now()).await.unwrap();
    let ids: Vec<_> = found.iter().map(|run| run.scan.as_ref().unwrap().as_str()).collect();
    assert_eq!(ids, ["it"]);
    rig.heard();
}

#[tokio::test]
async fn a_rate_limit_ends_the_call_at_once_where_the_block_outlasts_it() {
    let rig = Rig::new(TOKEN, vec![(LIST, reply(429, "null"))]);
    let error = rig.backend.scans(&ScanQuery::default()).await.unwrap_err();
    assert_eq!((error.exit(), error.retry_after()), (Exit::Limited, Some(Duration::from_secs(300))));
    rig.heard();
    // "Consider throttling" arrives in a 200, and is waited out.
    rig.then(vec![(LIST, answer(200, coded(971, "wait"))), (LIST, answer(200, success(json!([]))))]);
    assert!(rig.backend.scans(&ScanQuery::default()).await.unwrap().value.is_empty());
    assert_eq!(rig.heard().len(), 2);
}

#[tokio::test]
async fn status_says_whether_there_is_a_result_and_never_more() {
    let open = Some(RunState::ResultsAvailable);
    for (result, state) in [
        (answer(200, success(open_port(json!(8080)))), open),
        (answer(200, success(json!({"1.1.1.1": [], "1.1.1.2": null}))), None),
        (answer(200, success(json!({}))), None),
        (answer(200, success(json!(null))), None),
        (answer(404, coded(1234, "not found")), None),
        (answer(400, coded(7003, "no route")), None),
        (answer(405, failure(json!([]))), None),
    ] {
        let rig = Rig::new(TOKEN, vec![(LIST, answer(200, success(json!([weekly()])))), (RESULT, result)]);
        let reading = rig.backend.status(&target("c1", None)).await.unwrap();
        assert_eq!(reading.value.state, state);
        assert_eq!(reading.value.message.as_deref() == Some(NO_RESULT), state.is_none());
        assert_eq!((reading.value.run, reading.value.native_state, reading.value.started_at), (None, None, None));
        rig.heard();
    }
    for (list, result, exit) in [
        (success(json!([])), None, Exit::NotFound),
        (success(json!([one_off()])), Some(answer(403, coded(9109, "no"))), Exit::Auth),
        (success(json!([one_off()])), Some(reply(429, "")), Exit::Limited),
        (success(json!([one_off()])), Some(reply(200, "<html>")), Exit::BadData),
        (json!({"success": true, "result": {"a": 1}}), None, Exit::BadData),
    ] {
        let rig = Rig::new(TOKEN, vec![(LIST, answer(200, list))]);
        rig.then(result.into_iter().map(|result| (RESULT, result)).collect());
        assert_eq!(rig.backend.status(&target("c1", None)).await.unwrap_err().exit(), exit);
        rig.heard();
    }
}

#[tokio::test]
async fn a_one_off_ends_with_any_entry_and_a_recurring_one_with_a_change() {
    let wanted = target("c1", None);
    let seen = |first: &Run| Seen { polls: 1, first: Some(first.clone()), last: Some(first.clone()), launched: None };
    for (listed, unchanged) in [(one_off(), Some(RunState::ResultsAvailable)), (weekly(), None)] {
        let recurring = unchanged.is_none();
        let rig = Rig::new(
            TOKEN,
            vec![(LIST, answer(200, success(json!([listed])))), (RESULT, answer(200, success(open_port(json!(80)))))],
        );
        let first = rig.backend.status(&wanted).await.unwrap().value;
        assert_eq!(first.state, Some(RunState::ResultsAvailable));
        rig.heard();

        // The list need not be read again.
        rig.then(vec![(RESULT, answer(200, success(open_port(json!(80.0)))))]);
        let run = rig.backend.poll(&wanted, &seen(&first)).await.unwrap();
        assert_eq!((run.state, run.message.unwrap().contains("not changed")), (unchanged, recurring));
        rig.then(vec![(RESULT, answer(200, success(open_port(json!(443)))))]);
        assert_eq!(rig.backend.poll(&wanted, &seen(&first)).await.unwrap().state, Some(RunState::ResultsAvailable));
        // That nothing is open any more cannot be told from a scan that is under way.
        rig.then(vec![(RESULT, answer(200, success(json!({}))))]);
        assert_eq!(rig.backend.poll(&wanted, &seen(&first)).await.unwrap().state, None);
        assert_eq!(rig.lines(), [RESULT, RESULT, RESULT]);
    }

    // Polled from the beginning: the first look is no change.
    for (listed, state) in [(one_off(), Some(RunState::ResultsAvailable)), (weekly(), None)] {
        let rig = Rig::new(
            TOKEN,
            vec![(RESULT, answer(200, success(open_port(json!(80))))), (LIST, answer(200, success(json!([listed]))))],
        );
        assert_eq!(rig.backend.poll(&wanted, &Seen::default()).await.unwrap().state, state);
        rig.heard();
    }
}

#[tokio::test]
async fn a_poll_whose_result_fails_looks_whether_the_config_is_still_there() {
    let wanted = target("c1", None);
    let rig = Rig::new(TOKEN, vec![(RESULT, reply(404, "")), (LIST, answer(200, success(json!([one_off()]))))]);
    assert_eq!(rig.backend.poll(&wanted, &Seen::default()).await.unwrap().message.as_deref(), Some(NO_RESULT));
    rig.then(vec![(RESULT, reply(404, "")), (LIST, answer(200, success(json!([]))))]);
    assert_eq!(rig.backend.poll(&wanted, &Seen::default()).await.unwrap_err().exit(), Exit::NotFound);
    rig.then(vec![(RESULT, answer(400, coded(10_000, "Authentication error")))]);
    assert_eq!(rig.backend.poll(&wanted, &Seen::default()).await.unwrap_err().exit(), Exit::Auth);
    rig.heard();
}

#[tokio::test]
async fn what_needs_no_request_sends_none() {
    let rig = Rig::new(TOKEN, Vec::new());
    for address in ["t/name:x", "t/c1@latest", "t/c1@8", "t/@8"] {
        let error = rig.backend.resolve(&address.parse().unwrap(), Verb::Status).await.unwrap_err();
        assert_eq!(error.exit(), Exit::Usage, "{address}");
    }
    assert_eq!(rig.backend.resolve(&"t/c1".parse().unwrap(), Verb::Wait).await.unwrap(), target("c1", None));
    let wanted = target("c1", None);
    for control in [Control::Pause, Control::Resume, Control::Stop, Control::ForceStop] {
        assert_eq!(rig.backend.control(&wanted, control).await.unwrap_err().exit(), Exit::Unsupported);
    }
    assert_eq!(rig.backend.active().await.unwrap_err().exit(), Exit::Unsupported);
    assert_eq!(rig.backend.active_runs(&wanted).await.unwrap_err().exit(), Exit::Unsupported);
    assert_eq!(rig.backend.runs(None, &RunQuery::default()).await.unwrap_err().exit(), Exit::Unsupported);
    assert_eq!(rig.backend.run(&wanted, &RunQuery::default()).await.unwrap_err().exit(), Exit::Unsupported);
    assert!(rig.heard().is_empty());
}

#[tokio::test]
async fn one_config_is_found_in_the_list() {
    let listed = json!({"success": true, "errors": ["soon over"], "result": [weekly(), one_off()]});
    let rig = Rig::new(TOKEN, vec![(LIST, answer(200, listed.clone()))]);
    let reading = rig.backend.scan(&target("c1", None), &ScanQuery::default()).await.unwrap();
    assert_eq!(reading.notes, ["Cloudflare warns: soon over"]);
    let scan = reading.value;
    assert_eq!((scan.name, scan.enabled, scan.last_run), (None, None, None));
    assert_eq!(scan.schedule.as_deref(), Some("every 7 days"));
    rig.then(vec![(LIST, answer(200, listed))]);
    assert_eq!(rig.backend.scan(&target("c9", None), &ScanQuery::default()).await.unwrap_err().exit(), Exit::NotFound);
    rig.heard();
}

#[tokio::test]
async fn the_simulated_service_agrees_from_launch_to_result() {
    let vendor = Box::new(cloudflare::Cloudflare::new(20_000.0));
    let faults = faults::Fault::parse_list("cf:POST:lost=1x").unwrap();
    let sandbox = Sandbox::start_with(Options { faults, ..Options::default() }, vec![("cf", vendor)]).unwrap();
    let settings = |account: &str| {
        format!("backend = \"cloudflare\"\naccount_id = \"{account}\"\ntoken = \"{}\"", accepted::TOKEN)
    };
    let origin = &sandbox.origins()[0].1;
    let backend = connect(origin, &settings(cloudflare::ACCOUNT), false).unwrap();
    let known = backend.scans(&ScanQuery::default()).await.unwrap().value;
    let weekly = known.iter().find(|scan| scan.schedule.as_deref().is_some_and(|text| text != "one-off")).unwrap();
    let shown = backend.scan(&target(weekly.scan.as_str(), None), &ScanQuery::default()).await.unwrap().value;
    assert_eq!(&shown, weekly);

    let prepared = backend.prepare(&target(weekly.scan.as_str(), None), &Order::default()).await.unwrap();
    let lost = backend.launch(&prepared).await.unwrap_err().lost().unwrap();
    let found = backend.find_launched(&prepared, lost.sent).await.unwrap();
    assert_eq!(found.len(), 1);
    let launched = crate::backends::Target { scan: found[0].scan.clone(), ..crate::backends::Target::default() };
    let mut seen = Seen::default();
    loop {
        let run = backend.poll(&launched, &seen).await.unwrap();
        if run.is_terminal() {
            assert_eq!(run.state, Some(RunState::ResultsAvailable));
            break;
        }
        seen.first.get_or_insert(run);
    }
    assert_eq!(backend.scans(&ScanQuery::default()).await.unwrap().value.len(), known.len() + 1);
    assert_eq!(backend.status(&target("nobody", None)).await.unwrap_err().exit(), Exit::NotFound);

    let unentitled = connect(origin, &settings(cloudflare::UNENTITLED_ACCOUNT), false).unwrap();
    let error = unentitled.identity().await.unwrap_err();
    assert_eq!(error.exit(), Exit::Auth);
    assert!(error.hint_text().unwrap().contains("missing entitlement"));
}

#[tokio::test]
async fn only_a_whole_envelope_that_says_so_is_a_success() {
    const DELETE: &str = "DELETE /client/v4/accounts/0123456789abcdef0123456789ABCDEF/cloudforce-one/scans/config/c1";
    let rig = Rig::new(TOKEN, Vec::new());
    let scan = target("c1", None);
    let deletion = PreparedChange::new(&scan, &Change::DeleteScan);
    for body in [json!({}), json!({"result": {}}), json!({"success": null}), json!({"success": "true"})] {
        rig.then(vec![(DELETE, answer(200, body.clone()))]);
        assert!(rig.backend.apply(&deletion).await.unwrap_err().lost().is_some(), "{body}");
    }
    rig.then(vec![(DELETE, answer(200, success(json!({}))))]);
    rig.backend.apply(&deletion).await.unwrap();
    for body in [
        json!({}),
        json!({"success": true}),
        json!({"success": true, "errors": []}),
        json!({"result": []}),
        success(json!([{}])),
    ] {
        rig.then((0..3).map(|_| (LIST, answer(200, body.clone()))).collect());
        let all = rig.backend.scans(&ScanQuery::default()).await.unwrap_err();
        let one = rig.backend.scan(&scan, &ScanQuery::default()).await.unwrap_err();
        let who = rig.backend.identity().await.unwrap_err();
        assert_eq!([all.exit(), one.exit(), who.exit()], [Exit::BadData; 3], "{body}");
    }
    // The documented description does not require a result.
    for body in [success(json!(null)), json!({"success": true, "errors": [], "messages": []})] {
        rig.then(vec![(LIST, answer(200, body))]);
        assert!(rig.backend.scans(&ScanQuery::default()).await.unwrap().value.is_empty());
    }
    let _all_was_asked = rig.heard();
}
