//! What is asked for a result, what it is read as, and that nothing is made of its absence.

use serde_json::{Value, json};

use super::super::NO_RESULT;
use crate::backends::report::{ExportOrder, Fetch};
use crate::backends::scripted::{Rig, chunks_of, connect, fetch, findings_of, json as answer, reply, target};
use crate::backends::{Order, ScanQuery, Target};
use crate::exit::Exit;
use crate::model::{ExportFormat, RunState};
use crate::sandbox::{Options, Reply, Sandbox, accepted, cloudflare};

const TOKEN: &str =
    "backend = \"cloudflare\"\naccount_id = \"0123456789abcdef0123456789abcdef\"\ntoken = \"0123-token\"";
const LIST: &str = "GET /client/v4/accounts/0123456789abcdef0123456789abcdef/cloudforce-one/scans/config";
const RESULT: &str = "GET /client/v4/accounts/0123456789abcdef0123456789abcdef/cloudforce-one/scans/results/c1";

const JSON: ExportOrder = ExportOrder { format: ExportFormat::Json, chapters: Vec::new(), asset: None, password: None };

fn success(result: Value) -> Reply {
    answer(200, json!({"success": true, "errors": [], "messages": [], "result": result}))
}

fn failure(status: u16, code: i64, text: &str) -> Reply {
    answer(
        status,
        json!({"success": false, "errors": [{"code": code, "message": text}], "messages": [], "result": null}),
    )
}

fn copy(reply: &Reply) -> Reply {
    Reply { status: reply.status, headers: reply.headers.clone(), body: reply.body.clone() }
}

fn listed() -> (&'static str, Reply) {
    (LIST, success(json!([{"id": "c1", "ips": ["1.1.1.1"], "ports": ["default"], "frequency": 0}])))
}

/// Everything that may mean that there is no result yet, and whether there is an answer to be kept.
fn nothing() -> Vec<(Reply, bool)> {
    vec![
        (success(json!({})), true),
        (success(json!(null)), true),
        (success(json!({"1.1.1.1": [], "1.1.1.2": null})), true),
        (answer(200, json!({"success": true, "errors": [], "messages": []})), true),
        (failure(404, 1234, "not found"), false),
        (failure(400, 7003, "no route"), false),
        (reply(405, ""), false),
    ]
}

async fn read(result: Value) -> Vec<Value> {
    let rig = Rig::new(TOKEN, vec![(RESULT, success(result))]);
    let report = rig.backend.results(&target("c1", None), &fetch(false)).await.unwrap();
    let (rows, decoded) = findings_of(report).await;
    assert!(decoded.problem.is_none());
    assert_eq!(rig.lines(), [RESULT]);
    rows
}

#[tokio::test]
async fn one_request_brings_state_and_findings() {
    let result = json!({
        "2606:4700:4700:0:0:0:0:1111": [{"number": 443.0, "proto": "TCP", "status": "open"}],
        "1.1.1.1": [{"number": 8080, "proto": "tcp", "status": "open"}, {"number": "53", "proto": "udp"}],
        "1.1.1.2": [],
    });
    let body = json!({"success": true, "errors": ["soon over"], "messages": [], "result": result});
    let rig = Rig::new(TOKEN, vec![(RESULT, answer(200, body))]);
    let report = rig.backend.results(&target("c1", None), &fetch(false)).await.unwrap();
    assert_eq!(
        (report.run.state, &report.run.run, &report.incomplete),
        (Some(RunState::ResultsAvailable), &None, &None)
    );
    assert_eq!(report.run.scan.as_ref().unwrap().as_str(), "c1");
    let notes = report.notes.join("\n");
    for words in ["Cloudflare warns: soon over", "does not say when they were seen", "is not known to be closed"] {
        assert!(notes.contains(words), "{notes}");
    }
    let (rows, decoded) = findings_of(report).await;
    assert_eq!((decoded.hosts, decoded.findings, decoded.problem.is_none()), (3, 3, true));
    assert_eq!(rig.lines(), [RESULT]);
    let told: Vec<Value> =
        rows.iter().map(|row| json!([row["name"], row["ip"], row["port"], row["protocol"], row["state"]])).collect();
    assert_eq!(
        told,
        [
            json!(["1.1.1.1", "1.1.1.1", 8080, "tcp", "open"]),
            json!(["1.1.1.1", "1.1.1.1", 53, "udp", null]),
            json!(["2606:4700:4700:0:0:0:0:1111", "2606:4700:4700::1111", 443, "tcp", "open"]),
        ]
    );
    for row in &rows {
        assert_eq!((&row["plugin_id"], &row["plugin_name"]), (&json!(null), &json!("open port")));
        assert_eq!((&row["severity"], &row["fqdn"], &row["output"]), (&json!("info"), &json!(null), &json!(null)));
    }
}

#[tokio::test]
async fn the_id_of_an_open_port_follows_from_address_port_and_protocol() {
    let id = async |address: &str, port: Value| {
        let rows = read(json!({address: [port]})).await;
        rows[0]["id"].as_str().unwrap().to_owned()
    };
    let open = json!({"number": 443, "proto": "tcp", "status": "open"});
    let expected = ring::digest::digest(
        &ring::digest::SHA256,
        "cloudflare||2606:4700::1|443|tcp|open-port".replace('|', "\u{1f}").as_bytes(),
    );
    let expected: String = expected.as_ref()[..16].iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(id("2606:4700::1", open.clone()).await, expected);
    // Another spelling of the same.
    assert_eq!(id("2606:4700:0:0:0:0:0:1", json!({"number": 443.0, "proto": "TCP", "status": "Open"})).await, expected);
    assert_ne!(id("2606:4700::1", json!({"number": 443, "proto": "udp", "status": "open"})).await, expected);
    assert_ne!(id("2606:4700::2", open).await, expected);
}

#[tokio::test]
async fn words_and_ports_that_nobody_documents_are_kept_and_never_called_open() {
    let rows = read(json!({
        "host.example.org": [
            {"number": 1, "status": "filtered"}, {"number": 2, "status": "OPEN"}, {"number": 70000}, {"number": -1},
            {"number": 1.5}, {"number": null, "proto": null, "status": null, "new": [1]}, {},
        ],
    }))
    .await;
    let told: Vec<Value> = rows.iter().map(|row| json!([row["port"], row["plugin_name"], row["state"]])).collect();
    assert_eq!(
        told,
        [
            json!([1, "filtered port", "filtered"]),
            json!([2, "open port", "OPEN"]),
            json!([null, "open port", null]),
            json!([null, "open port", null]),
            json!([null, "open port", null]),
            json!([null, "open port", null]),
            json!([null, "open port", null]),
        ]
    );
    assert_eq!((&rows[0]["name"], &rows[0]["ip"]), (&json!("host.example.org"), &json!(null)));
    let ids: std::collections::HashSet<&Value> = rows.iter().map(|row| &row["id"]).collect();
    assert_eq!(ids.len(), rows.len());

    // A host with every port open is read in parts.
    let all: Vec<Value> = (1..=1200).map(|port| json!({"number": port, "proto": "tcp", "status": "open"})).collect();
    let rows = read(json!({"1.1.1.1": all})).await;
    assert!(rows.iter().map(|row| row["port"].as_u64().unwrap()).eq(1..=1200));
}

#[tokio::test]
async fn an_empty_result_is_refused_and_nothing_is_made_of_it() {
    for (result, _) in nothing() {
        for export in [false, true] {
            let rig = Rig::new(TOKEN, vec![(RESULT, copy(&result)), listed()]);
            let (target, whole) = (target("c1", None), fetch(false));
            let refused = match export {
                true => rig.backend.export(&target, &JSON, &whole).await,
                false => rig.backend.results(&target, &whole).await,
            };
            let error = refused.unwrap_err();
            assert_eq!((error.exit(), error.message()), (Exit::InvalidState, NO_RESULT), "{error}");
            assert!(error.hint_text().unwrap().contains("`scanctl wait t/c1`"), "{error}");
            assert_eq!(rig.lines(), [RESULT, LIST]);
        }
    }
}

#[tokio::test]
async fn an_empty_result_that_is_wanted_all_the_same_is_incomplete() {
    for (result, is_answer) in nothing() {
        let rig = Rig::new(TOKEN, vec![(RESULT, copy(&result)), listed()]);
        let report = rig.backend.results(&target("c1", None), &fetch(true)).await.unwrap();
        assert_eq!((report.incomplete.as_deref(), report.run.state), (Some(NO_RESULT), None));
        let (rows, decoded) = findings_of(report).await;
        assert_eq!((rows.len(), decoded.problem.is_none()), (0, true));
        rig.heard();

        rig.then(vec![(RESULT, copy(&result)), listed()]);
        match rig.backend.export(&target("c1", None), &JSON, &fetch(true)).await {
            Ok(mut report) => {
                assert!(is_answer && report.incomplete.is_some());
                assert_eq!(chunks_of(&mut report).await.0.concat(), result.body);
            }
            // A refusal is no result, not even a part of one.
            Err(error) => assert_eq!((error.exit(), is_answer), (Exit::InvalidState, false)),
        }
        rig.heard();
    }
}

#[tokio::test]
async fn a_config_that_is_not_listed_is_not_found() {
    for (result, _) in nothing() {
        for partial in [false, true] {
            let rig = Rig::new(TOKEN, vec![(RESULT, copy(&result)), (LIST, success(json!([{"id": "c2"}])))]);
            let error = rig.backend.results(&target("c1", None), &fetch(partial)).await.unwrap_err();
            assert_eq!(error.exit(), Exit::NotFound, "{error}");
            rig.heard();
        }
    }
}

#[tokio::test]
async fn what_fails_otherwise_is_no_missing_result() {
    for (result, exit) in [
        (failure(403, 9109, "Unauthorized"), Exit::Auth),
        (failure(404, 1, "needs cfone.port_scan entitlement"), Exit::Auth),
        (reply(429, "null"), Exit::Limited),
        (reply(200, "<html><title>Sign in</title></html>"), Exit::BadData),
        (reply(200, "{\"success\": true, \"result\": {\"1.1.1.1\": [{\"number\": 1"), Exit::BadData),
        (success(json!([1])), Exit::BadData),
        (success(json!({"1.1.1.1": [443]})), Exit::BadData),
        (answer(200, json!({"success": false, "errors": [{"code": 10000, "message": "no"}]})), Exit::Auth),
    ] {
        for partial in [false, true] {
            let rig = Rig::new(TOKEN, vec![(RESULT, copy(&result))]);
            let error = rig.backend.results(&target("c1", None), &fetch(partial)).await.unwrap_err();
            assert_eq!(error.exit(), exit, "{error}");
            assert_eq!(rig.lines(), [RESULT]);
        }
    }
}

#[tokio::test]
async fn an_export_is_the_answer_byte_for_byte() {
    let odd = "{ \"result\":{\"1.1.1.1\":[ {\"number\":8080.0,\"new\":1.50}]},\n \"success\":true }\n";
    let rig = Rig::new(TOKEN, vec![(RESULT, reply(200, odd))]);
    let mut report = rig.backend.export(&target("c1", None), &JSON, &fetch(false)).await.unwrap();
    assert!(report.decoder.is_none());
    assert_eq!(report.download.length, Some(odd.len() as u64));
    assert_eq!(chunks_of(&mut report).await.0.concat(), odd.as_bytes());
    rig.heard();

    let nessus = ExportOrder { format: ExportFormat::Nessus, ..JSON };
    let error = rig.backend.export(&target("c1", None), &nessus, &fetch(false)).await.unwrap_err();
    assert_eq!(error.exit(), Exit::Unsupported);
    let analysis = Fetch { via_analysis: true, ..fetch(false) };
    let error = rig.backend.results(&target("c1", None), &analysis).await.unwrap_err();
    assert_eq!(error.exit(), Exit::Unsupported);
    assert_eq!(rig.backend.results(&Target::default(), &fetch(false)).await.unwrap_err().exit(), Exit::Usage);
    assert!(rig.heard().is_empty());
}

#[tokio::test]
async fn the_vendors_own_sample_is_read() {
    #[expect(clippy::disallowed_methods, reason = "where the samples lie is the caller's choice")]
    let Ok(folder) = std::env::var("SCANCTL_SAMPLES") else {
        eprintln!("left out: SCANCTL_SAMPLES is not set");
        return;
    };
    let path = std::path::PathBuf::from(folder).join("cloudflare/payloads/results-response-docs.json");
    let rig = Rig::new(TOKEN, vec![(RESULT, reply(200, &std::fs::read_to_string(path).unwrap()))]);
    let report = rig.backend.results(&target("c1", None), &fetch(false)).await.unwrap();
    let (rows, _) = findings_of(report).await;
    assert_eq!((rows.len(), &rows[0]["ip"], &rows[0]["port"]), (1, &json!("1.1.1.1"), &json!(8080)));
    rig.heard();
}

#[tokio::test]
async fn the_simulated_service_has_a_result_only_after_its_scan() {
    let vendor = Box::new(cloudflare::Cloudflare::new(1.0));
    let sandbox = Sandbox::start_with(Options::default(), vec![("cf", vendor)]).unwrap();
    let account = cloudflare::ACCOUNT;
    let settings = format!("backend = \"cloudflare\"\naccount_id = \"{account}\"\ntoken = \"{}\"", accepted::TOKEN);
    let backend = connect(&sandbox.origins()[0].1, &settings, false).unwrap();
    let order = Order { targets: vec!["1.1.1.1".to_owned()], ports: vec!["443".to_owned()] };
    let prepared = backend.prepare(&Target::default(), &order).await.unwrap();
    let launched = backend.launch(&prepared).await.unwrap();
    let wanted = Target { scan: launched.scan, ..Target::default() };
    let early = backend.results(&wanted, &fetch(false)).await.unwrap_err();
    assert_eq!(early.exit(), Exit::InvalidState);
    let part = backend.results(&wanted, &fetch(true)).await.unwrap();
    assert!(part.incomplete.is_some());
    assert!(findings_of(part).await.0.is_empty());
    let known = backend.scans(&ScanQuery::default()).await.unwrap().value;
    let weekly = known.iter().find(|scan| scan.schedule.as_deref() == Some("every 7 days")).unwrap();
    let report = backend.results(&target(weekly.scan.as_str(), None), &fetch(false)).await.unwrap();
    let (rows, decoded) = findings_of(report).await;
    assert!(decoded.problem.is_none() && !rows.is_empty());
    assert!(rows.iter().all(|row| row["plugin_name"] == "open port" && row["port"].is_u64() && row["ip"].is_string()));
    let nobody = backend.results(&target("nobody", None), &fetch(true)).await.unwrap_err();
    assert_eq!(nobody.exit(), Exit::NotFound);
}
