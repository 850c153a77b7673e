//! What is sent for an export, what is made of every answer on its way, and a run exported from the simulated service.

mod answers;

use std::cell::RefCell;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::CHAPTERS;
use crate::backends::report::{Decoder, ExportOrder, Fetch, Report};
use crate::backends::scripted::{Heard, Rig, connect, json as answer, reply, target, with};
use crate::backends::{Backend, RunQuery, Target};
use crate::error::{Error, Result};
use crate::exit::Exit;
use crate::findings::Source;
use crate::model::{ExportFormat, RunState, ScanId};
use crate::sandbox::{Options, Reply, Sandbox, accepted};
use crate::secret::Secret;

const KEYS: &str = "backend = \"tenable-io\"\naccess_key = \"0123-access\"\nsecret_key = \"0123-secret\"";
const RUN: &str = "647ca798-de12-48e2-bf32-5c7332431050";
const OLD: &str = "fc9dc7c5-8eec-4d39-ad9c-20e833cca69b";
const FILE: &str = "SSE-647ca798-de12-48e2-bf32-5c7332431050-nessus";
const DETAILS: &str = "GET /scans/219";
const ENTRY: &str = "GET /scans/219/history/647ca798-de12-48e2-bf32-5c7332431050";
const ASK: &str = "POST /scans/219/export";
const LOOK: &str = "GET /scans/219/export/SSE-647ca798-de12-48e2-bf32-5c7332431050-nessus/status";
const FETCH: &str = "GET /scans/219/export/SSE-647ca798-de12-48e2-bf32-5c7332431050-nessus/download";
/// The vendor's clock: the day after the run.
const NEXT_DAY: &str = "Fri, 22 Nov 2019 15:45:09 GMT";
const REPORT: &str =
    "<?xml version=\"1.0\" ?>\n<NessusClientData_v2><Policy/><Report name=\"x\"/></NessusClientData_v2>";

fn details(status: &str) -> Value {
    let end = (!matches!(status, "running" | "paused" | "publishing")).then_some(1_574_351_109);
    json!({
        "info": {
            "name": "Weekly DMZ", "object_id": 219, "uuid": RUN, "status": status, "scan_type": "ps",
            "scan_start": 1_574_350_777, "scan_end": end, "timestamp": 1_574_351_109, "is_archived": false,
        },
        "history": [
            {"history_id": 11_063_918, "uuid": RUN, "status": status, "creation_date": 1_574_350_777,
                "last_modification_date": 1_574_351_109, "is_archived": false},
            {"history_id": 10_535_512, "uuid": OLD, "status": "aborted", "creation_date": 1_545_945_482,
                "last_modification_date": 1_545_945_607, "is_archived": true},
        ],
    })
}

fn entry(status: &str) -> Value {
    json!({
        "owner_id": 2, "status": status, "scan_start": 1_574_350_777, "scan_end": 1_574_351_109, "object_id": 11_063_918,
        "uuid": RUN, "scan_type": "ps", "name": "Weekly DMZ", "targets": "192.0.2.10",
    })
}

fn dated(reply: Reply) -> Reply {
    with(reply, "Date", NEXT_DAY)
}

fn asked() -> Reply {
    answer(
        200,
        json!({ "file": FILE, "temp_token": "995bdb656fc6dc5d76e18ccafe7fbd390618fcd0257e0e1aa121f4412a6f7ecc" }),
    )
}

fn ready() -> Reply {
    answer(200, json!({ "status": "ready" }))
}

fn file(body: &str) -> Reply {
    with(
        with(reply(200, body), "Content-Type", "application/octet-stream"),
        "Content-Disposition",
        "attachment; filename=../../x.nessus",
    )
}

fn order(format: ExportFormat) -> ExportOrder {
    ExportOrder { format, chapters: Vec::new(), asset: None, password: None }
}

/// One call, and what it told on its way.
struct Called<'a> {
    result: Result<Report<'a>>,
    told: Vec<String>,
}

async fn call<'a>(
    backend: &'a Rc<dyn Backend>,
    target: &Target,
    order: Option<&ExportOrder>,
    partial: bool,
    patience: Duration,
) -> Called<'a> {
    let told = RefCell::new(Vec::new());
    let tell = |text: &str| told.borrow_mut().push(text.to_owned());
    let fetch = Fetch { partial, via_analysis: false, deadline: Instant::now() + patience, tell: &tell };
    let result = match order {
        None => backend.results(target, &fetch).await,
        Some(order) => backend.export(target, order, &fetch).await,
    };
    Called { result, told: told.into_inner() }
}

async fn results<'a>(rig: &'a Rig, run: Option<&str>) -> Result<Report<'a>> {
    call(&rig.backend, &target("219", run), None, false, Duration::from_secs(20)).await.result
}

async fn export<'a>(rig: &'a Rig, order: &ExportOrder) -> Result<Report<'a>> {
    call(&rig.backend, &target("219", Some(RUN)), Some(order), false, Duration::from_secs(20)).await.result
}

async fn bytes(report: &mut Report<'_>) -> Vec<u8> {
    let mut all = Vec::new();
    while let Some(chunk) = report.download.next().await {
        all.extend_from_slice(&chunk.unwrap());
    }
    all
}

fn error(result: Result<Report<'_>>) -> Error {
    result.expect_err("it is no report")
}

fn query(heard: &Heard) -> Vec<(&str, &str)> {
    heard.query.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
}

#[tokio::test]
async fn the_newest_run_is_read_once_and_exported_by_its_number() {
    let rig = Rig::new(
        KEYS,
        vec![
            (DETAILS, dated(answer(200, details("completed")))),
            (ASK, asked()),
            (LOOK, answer(200, json!({ "status": "loading" }))),
            (LOOK, answer(200, json!({ "status": "some new word" }))),
            (LOOK, ready()),
            (FETCH, file(REPORT)),
        ],
    );
    let called = call(&rig.backend, &target("219", None), None, false, Duration::from_secs(20)).await;
    let mut report = called.result.unwrap();
    assert_eq!(bytes(&mut report).await, REPORT.as_bytes());
    assert_eq!(report.run.run.as_ref().unwrap().as_str(), RUN);
    assert_eq!((report.run.state, report.run.name.as_deref()), (Some(RunState::Completed), Some("Weekly DMZ")));
    assert!(matches!(report.decoder, Some(Decoder::Nessus)) && report.source == Source::Tenable);
    assert_eq!((report.incomplete, report.notes), (None, Vec::new()));
    assert_eq!(
        called.told,
        [
            "asking for t/219@647ca798-de12-48e2-bf32-5c7332431050 as nessus",
            "the vendor prepares the export: loading",
            "the vendor prepares the export: some new word",
        ]
    );
    let heard = rig.heard();
    let lines: Vec<&str> = heard.iter().map(|heard| heard.line.as_str()).collect();
    assert_eq!(lines, [DETAILS, ASK, LOOK, LOOK, LOOK, FETCH]);
    assert_eq!(query(&heard[1]), [("history_id", "11063918")]);
    assert_eq!(heard[1].body, r#"{"format":"nessus"}"#);
    assert_eq!(heard[5].header("accept"), Some("*/*"));
    assert!(heard.iter().skip(2).all(|heard| heard.query.is_empty()));
}

#[tokio::test]
async fn one_run_is_read_alone_and_its_export_is_of_no_other() {
    let rig = Rig::new(
        KEYS,
        vec![(ENTRY, dated(answer(200, entry("completed")))), (ASK, asked()), (LOOK, ready()), (FETCH, file(REPORT))],
    );
    let mut report = results(&rig, Some(RUN)).await.unwrap();
    assert_eq!(bytes(&mut report).await, REPORT.as_bytes());
    assert_eq!(query(&rig.heard()[1]), [("history_id", "11063918")]);
}

#[tokio::test]
async fn a_run_that_one_call_does_not_number_is_looked_up_in_the_details() {
    let mut nameless = entry("completed");
    nameless.as_object_mut().unwrap().remove("object_id");
    for first in [dated(answer(200, nameless)), answer(404, json!({"error": "The requested file was not found"}))] {
        let rig = Rig::new(
            KEYS,
            vec![
                (ENTRY, first),
                (DETAILS, dated(answer(200, details("completed")))),
                (ASK, asked()),
                (LOOK, ready()),
                (FETCH, file(REPORT)),
            ],
        );
        results(&rig, Some(RUN)).await.unwrap();
        assert_eq!(query(&rig.heard()[2]), [("history_id", "11063918")]);
    }
    let rig = Rig::new(
        KEYS,
        vec![
            ("GET /scans/219/history/none", answer(404, json!({"error": "The requested file was not found"}))),
            (DETAILS, answer(200, details("completed"))),
        ],
    );
    let missing = error(results(&rig, Some("none")).await);
    assert_eq!(missing.exit(), Exit::NotFound);
    assert_eq!(missing.hint_text(), Some("`scanctl runs list t/219` shows its runs"));
}

#[tokio::test]
async fn a_run_without_a_number_goes_by_its_uuid_and_another_runs_file_is_not_taken() {
    let mut unnumbered = details("completed");
    unnumbered["history"] = json!(null);
    for (file_id, taken) in [
        (FILE, true),
        ("b7a1a7a0-0f52-4a41-8ac0-6d6b4b7d7d3a", true),
        ("SSE-fc9dc7c5-8eec-4d39-ad9c-20e833cca69b-nessus", false),
    ] {
        let (look, fetch) =
            (format!("GET /scans/219/export/{file_id}/status"), format!("GET /scans/219/export/{file_id}/download"));
        let rig = Rig::new(
            KEYS,
            vec![(DETAILS, dated(answer(200, unnumbered.clone()))), (ASK, answer(200, json!({ "file": file_id })))],
        );
        if taken {
            rig.then(vec![(&look, ready()), (&fetch, file(REPORT))]);
        }
        let result = results(&rig, None).await.map(|report| report.run);
        assert_eq!(query(&rig.heard()[1]), [("history_uuid", RUN)]);
        match result {
            Ok(_) => assert!(taken, "{file_id}"),
            Err(problem) => assert_eq!((problem.exit(), taken), (Exit::BadData, false), "{file_id}"),
        }
    }
}

#[tokio::test]
async fn what_is_active_or_did_not_end_well_is_refused_unless_a_part_is_wanted() {
    for (word, state) in [
        ("running", "the run is running"),
        ("paused", "the run is paused"),
        ("publishing", "the run is publishing"),
        ("canceled", "the run ended stopped (\"canceled\")"),
        ("aborted", "the run ended aborted"),
        ("brand new", "the run is unknown (\"brand new\")"),
    ] {
        let rig = Rig::new(KEYS, vec![(DETAILS, dated(answer(200, details(word))))]);
        let refused = error(results(&rig, None).await);
        assert_eq!(refused.exit(), Exit::InvalidState, "{word}");
        assert!(refused.message().starts_with(state), "{}", refused.message());
        assert_eq!(rig.lines(), [DETAILS]);

        rig.then(vec![
            (DETAILS, dated(answer(200, details(word)))),
            (ASK, asked()),
            (LOOK, ready()),
            (FETCH, file(REPORT)),
        ]);
        let taken = call(&rig.backend, &target("219", None), None, true, Duration::from_secs(20)).await.result.unwrap();
        assert_eq!(taken.incomplete.as_deref(), Some(state));
    }
}

#[tokio::test]
async fn what_never_ran_has_no_result_and_nothing_is_asked_for() {
    let never = json!({"info": {"name": "Weekly DMZ", "object_id": 219, "status": "empty"}, "history": []});
    let rig = Rig::new(KEYS, vec![(DETAILS, answer(200, never))]);
    let refused = call(&rig.backend, &target("219", None), None, true, Duration::from_secs(1)).await.result;
    assert_eq!(error(refused).exit(), Exit::InvalidState);
    let nameless = json!({"info": {"name": "Weekly DMZ", "object_id": 219, "status": "completed"}, "history": []});
    rig.then(vec![(DETAILS, answer(200, nameless))]);
    assert_eq!(error(results(&rig, None).await).exit(), Exit::BadData);
    assert_eq!(rig.lines(), [DETAILS, DETAILS]);
}

#[tokio::test]
async fn an_imported_run_is_exported_by_its_details() {
    let uuid = "9ddc6f77-d4ce-2352-b576-3fb5032d9b9e2f9714bd97fe285f";
    let imported = json!({
        "info": {"name": "Test", "object_id": 286, "uuid": uuid, "status": "imported", "scan_type": null, "targets": null},
        "history": [{"history_id": 12_165_000, "uuid": uuid, "status": "imported", "type": null}],
    });
    let rig =
        Rig::new(KEYS, vec![(DETAILS, answer(200, imported)), (ASK, asked()), (LOOK, ready()), (FETCH, file(REPORT))]);
    let report = results(&rig, None).await.unwrap();
    assert_eq!((report.run.state, report.incomplete), (Some(RunState::Imported), None));
    assert_eq!(query(&rig.heard()[1]), [("history_id", "12165000")]);
}

#[tokio::test]
async fn documents_and_databases_of_old_runs_are_refused_before_they_are_asked_for() {
    let database = ExportOrder {
        asset: Some("2".to_owned()),
        password: Some(Secret::new("a long password")),
        ..order(ExportFormat::Db)
    };
    // The run ended at 15:45:09 on 21 November 2019: 60 days later, and one more.
    for (date, refused) in [("Mon, 20 Jan 2020 15:45:09 GMT", false), ("Tue, 21 Jan 2020 15:45:09 GMT", true)] {
        for order in [order(ExportFormat::Pdf), order(ExportFormat::Html), database.clone()] {
            let rig = Rig::new(KEYS, vec![(ENTRY, with(answer(200, entry("completed")), "Date", date))]);
            if !refused {
                rig.then(vec![(ASK, asked()), (LOOK, ready()), (FETCH, file("%PDF-1.4"))]);
            }
            match export(&rig, &order).await {
                Ok(report) => assert!(!refused && report.decoder.is_none()),
                Err(problem) => {
                    assert!(refused, "{problem:?}");
                    assert_eq!(problem.exit(), Exit::Unsupported);
                    assert!(problem.message().contains("61 days ago"), "{problem}");
                    let hint = problem.hint_text().unwrap();
                    assert!(
                        hint.contains("scanctl export t/219@647ca798-de12-48e2-bf32-5c7332431050 --as nessus"),
                        "{hint}"
                    );
                }
            }
            let _all_was_asked = rig.heard();
        }
        for order in [order(ExportFormat::Nessus), order(ExportFormat::Csv)] {
            let rig = Rig::new(
                KEYS,
                vec![
                    (ENTRY, with(answer(200, entry("completed")), "Date", date)),
                    (ASK, asked()),
                    (LOOK, ready()),
                    (FETCH, file("Plugin ID,CVE")),
                ],
            );
            let report = export(&rig, &order).await.unwrap();
            assert_eq!(report.notes.len(), 1, "archived: {:?}", report.notes);
            let _all_was_asked = rig.heard();
        }
    }
}

#[tokio::test]
async fn an_archived_run_is_exported_whole_and_said_to_be_archived() {
    for (archived, date, notes) in [
        (json!(true), NEXT_DAY, 1),
        (json!(false), "Mon, 20 Jan 2020 15:45:09 GMT", 0),
        (json!(null), "Thu, 26 Dec 2019 15:45:09 GMT", 1),
        (json!(null), "Wed, 25 Dec 2019 15:45:09 GMT", 0),
    ] {
        let mut read = entry("completed");
        read["is_archived"] = archived.clone();
        let mut whole = details("completed");
        whole["info"]["is_archived"] = archived;
        for (run, first) in [(Some(RUN), (ENTRY, read)), (None, (DETAILS, whole))] {
            let rig = Rig::new(
                KEYS,
                vec![
                    (first.0, with(answer(200, first.1), "Date", date)),
                    (ASK, asked()),
                    (LOOK, ready()),
                    (FETCH, file(REPORT)),
                ],
            );
            let report = results(&rig, run).await.unwrap();
            assert_eq!(report.notes.len(), notes, "{date}: {:?}", report.notes);
            assert_eq!(report.incomplete, None);
        }
    }
}

#[tokio::test]
async fn documents_have_their_chapters_and_databases_their_asset_and_password() {
    let usual = json!({"format": "pdf", "chapters": "vuln_hosts_summary;vuln_by_host;remediations"});
    let some = ["vuln_by_plugin", "compliance", "vuln_by_plugin"].map(str::to_owned).to_vec();
    let password = "pass \"word\" 012345";
    let database =
        ExportOrder { asset: Some("2".to_owned()), password: Some(Secret::new(password)), ..order(ExportFormat::Db) };
    for (order, body, notes) in [
        (order(ExportFormat::Pdf), usual, "chapters: "),
        (
            ExportOrder { chapters: some, ..order(ExportFormat::Html) },
            json!({"format": "html", "chapters": "vuln_by_plugin;compliance"}),
            "",
        ),
        (order(ExportFormat::Csv), json!({"format": "csv"}), ""),
        (database, json!({"format": "db", "asset_id": "2", "password": password}), "a database holds one asset"),
    ] {
        let rig = Rig::new(
            KEYS,
            vec![
                (ENTRY, dated(answer(200, entry("completed")))),
                (ASK, asked()),
                (LOOK, ready()),
                (FETCH, file("<html>a page")),
            ],
        );
        let exported = export(&rig, &order).await.map(|report| report.notes.join("\n"));
        let heard = rig.heard();
        assert_eq!(serde_json::from_str::<Value>(&heard[1].body).unwrap(), body);
        assert_eq!(query(&heard[1]), [("history_id", "11063918")]);
        match exported {
            Ok(told) => assert!(told.starts_with(notes) && told.is_empty() == notes.is_empty(), "{told}"),
            // A page is none of the others.
            Err(problem) => {
                assert_eq!(problem.exit(), Exit::BadData);
                assert_ne!(order.format, ExportFormat::Html);
            }
        }
    }
}

#[tokio::test]
async fn options_that_make_no_sense_are_refused_unsent() {
    let asset = || Some("2".to_owned());
    let password = || Some(Secret::new("a long password"));
    let chapters = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let rig = Rig::new(KEYS, Vec::new());
    for (order, exit, words) in [
        (ExportOrder { chapters: chapters(&CHAPTERS), ..order(ExportFormat::Csv) }, Exit::Usage, "--chapters"),
        (ExportOrder { chapters: chapters(&CHAPTERS), ..order(ExportFormat::Nessus) }, Exit::Usage, "--chapters"),
        (
            ExportOrder { chapters: chapters(&["vuln_by_hosts"]), ..order(ExportFormat::Pdf) },
            Exit::Usage,
            "did you mean `vuln_by_host`?",
        ),
        (
            ExportOrder { chapters: chapters(&["7"]), ..order(ExportFormat::Html) },
            Exit::Usage,
            "the chapters are vuln_hosts_summary, vuln_by_host",
        ),
        (order(ExportFormat::Db), Exit::Usage, "--asset-id"),
        (ExportOrder { asset: asset(), ..order(ExportFormat::Db) }, Exit::Usage, "--password-from"),
        (ExportOrder { password: password(), ..order(ExportFormat::Db) }, Exit::Usage, "--asset-id"),
        (ExportOrder { asset: asset(), ..order(ExportFormat::Nessus) }, Exit::Usage, "--asset-id"),
        (ExportOrder { password: password(), ..order(ExportFormat::Pdf) }, Exit::Usage, "--password-from"),
        (order(ExportFormat::V2), Exit::Unsupported, "nessus, csv, html, pdf, db"),
    ] {
        let refused = error(export(&rig, &order).await);
        assert_eq!(refused.exit(), exit, "{order:?}");
        let said = format!("{} {}", refused.one_line(), refused.hint_text().unwrap_or_default());
        assert!(said.contains(words), "{said}");
    }
    assert!(rig.heard().is_empty());
}

#[tokio::test]
async fn file_ids_of_every_form_stay_one_segment() {
    for file_id in [
        "SSEUF-ee904e9c-4fb6-4643-88a2-a4e388651568-C:e112bd1-754-946-e35-1a7bf1cbd33-pdf",
        "SSEF-54975f7e-faa7-4415-9434-c74c1dcefcc9-F:5537b1dcac78d9bb9e9b8fdc355-html",
        "d5243147-6034-48d5-9122-f704eb11c20a",
        "a%2Fb c?d#e",
    ] {
        let (look, fetch) =
            (format!("GET /scans/219/export/{file_id}/status"), format!("GET /scans/219/export/{file_id}/download"));
        let rig = Rig::new(
            KEYS,
            vec![
                (ENTRY, dated(answer(200, entry("completed")))),
                (ASK, answer(200, json!({ "file": file_id }))),
                (&look, ready()),
                (&fetch, file(REPORT)),
            ],
        );
        results(&rig, Some(RUN)).await.unwrap();
        let _all_was_asked = rig.heard();
    }
    // Nessus numbers its files.
    let rig = Rig::new(
        KEYS,
        vec![
            (ENTRY, dated(answer(200, entry("completed")))),
            (ASK, answer(200, json!({"file": 1_048_321, "token": "ab"}))),
            ("GET /scans/219/export/1048321/status", ready()),
            ("GET /scans/219/export/1048321/download", file(REPORT)),
        ],
    );
    results(&rig, Some(RUN)).await.unwrap();
}

#[tokio::test]
async fn web_applications_say_so_on_each_of_the_three_calls() {
    let mut read = entry("completed");
    read["scan_type"] = json!("webapp");
    let rig =
        Rig::new(KEYS, vec![(ENTRY, dated(answer(200, read))), (ASK, asked()), (LOOK, ready()), (FETCH, file(REPORT))]);
    results(&rig, Some(RUN)).await.unwrap();
    let heard = rig.heard();
    assert_eq!(query(&heard[1]), [("history_id", "11063918"), ("type", "web-app")]);
    assert_eq!((query(&heard[2]), query(&heard[3])), (vec![("type", "web-app")], vec![("type", "web-app")]));
}

#[tokio::test]
async fn a_password_that_the_vendor_echoes_is_struck_out() {
    let password = "correct horse battery";
    let database =
        ExportOrder { asset: Some("2".to_owned()), password: Some(Secret::new(password)), ..order(ExportFormat::Db) };
    let echo =
        json!({"statusCode": 400, "error": "Bad Request", "message": format!("password \"{password}\" is too weak")});
    let rig = Rig::new(KEYS, vec![(ENTRY, dated(answer(200, entry("completed")))), (ASK, answer(400, echo))]);
    let refused = error(export(&rig, &database).await);
    assert_eq!(refused.exit(), Exit::Usage);
    assert!(!format!("{refused:?}").contains(password), "{refused:?}");
    assert!(refused.message().contains("(redacted)"), "{refused}");
    assert!(rig.heard()[1].body.contains(password));
}

/// The recorded export of a finished scan, three weeks apart, by the vendor's own client.
#[tokio::test]
async fn the_recorded_export_is_followed_to_its_file() {
    #[expect(clippy::disallowed_methods, reason = "where the recorded traffic lies is the caller's choice")]
    let Ok(folder) = std::env::var("SCANCTL_SAMPLES") else {
        eprintln!("left out: SCANCTL_SAMPLES is not set");
        return;
    };
    let recorded = |name: &str| {
        let path = PathBuf::from(&folder).join("tenable-io/pytenable").join(name);
        let read: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
        let body = read["response"]["body"].as_str().unwrap().to_owned();
        let reply = Reply {
            status: u16::try_from(read["response"]["status"].as_u64().unwrap()).unwrap(),
            headers: vec![("Date", read["response"]["headers"]["Date"].as_str().unwrap().to_owned())],
            body: body.clone().into_bytes(),
        };
        let request = &read["request"];
        let line = format!("{} {}", request["method"].as_str().unwrap(), request["path_with_query"].as_str().unwrap());
        (line, reply, body)
    };
    let steps = [
        "test_scan_export_bytesio_stream_hook__001.json",
        "test_scan_export_bytesio_stream_hook__003.json",
        "test_scan_export_bytesio_stream_hook__004.json",
        "test_scan_export_bytesio__004.json",
    ]
    .map(recorded);
    let whole = steps[3].2.clone();
    let expected: Vec<String> = steps.iter().map(|(line, ..)| line.clone()).collect();
    let rig = Rig::new(KEYS, Vec::new());
    rig.then(steps.iter().map(|(line, reply, _)| (line.as_str(), reply.clone())).collect());
    let mut report =
        call(&rig.backend, &target("175", None), None, false, Duration::from_secs(20)).await.result.unwrap();
    assert_eq!(report.run.run.as_ref().unwrap().as_str(), "d84bc6a3-1f0a-42a0-85bb-3470dfeed221");
    assert_eq!(report.run.state, Some(RunState::Completed));
    assert!(bytes(&mut report).await == whole.as_bytes(), "the file as it was recorded");
    assert_eq!(rig.lines(), expected);
}

/// Every format from the simulated service, an independent reading of the same pages.
#[tokio::test]
async fn a_run_of_the_simulated_service_in_every_format() {
    let sandbox = Sandbox::start(Options { speed: 50.0, ..Options::default() }).unwrap();
    let origin = sandbox.origins().iter().find(|(name, _)| *name == "io").unwrap().1.clone();
    let settings = format!(
        "backend = \"tenable-io\"\naccess_key = \"{}\"\nsecret_key = \"{}\"",
        accepted::ACCESS_KEY,
        accepted::SECRET_KEY
    );
    let backend = connect(&origin, &settings, false).unwrap();
    let runs = backend.runs(None, &RunQuery::default()).await.unwrap().value;
    let run = runs.iter().find(|run| run.state == Some(RunState::Completed)).unwrap();
    let named = Target { scan: run.scan.clone(), run: run.run.clone(), name: None };
    let database = ExportOrder {
        asset: Some("2".to_owned()),
        password: Some(Secret::new("a long password")),
        ..order(ExportFormat::Db)
    };
    for (order, start) in [
        (order(ExportFormat::Nessus), &b"<?xml"[..]),
        (order(ExportFormat::Csv), b"\"Plugin ID\""),
        (order(ExportFormat::Html), b"<!DOCTYPE html>"),
        (order(ExportFormat::Pdf), b"%PDF-"),
        (database, b""),
    ] {
        let mut report = call(&backend, &named, Some(&order), false, Duration::from_secs(20)).await.result.unwrap();
        let length = report.download.length;
        let whole = bytes(&mut report).await;
        assert!(whole.starts_with(start) && !whole.is_empty(), "{:?}", order.format);
        assert_eq!(length, Some(whole.len() as u64));
        assert_eq!(report.run.run, run.run);
    }
    let unknown = Target { scan: Some(ScanId::new("999999")), run: None, name: None };
    let missing = call(&backend, &unknown, None, false, Duration::from_secs(5)).await.result;
    assert_eq!(error(missing).exit(), Exit::NotFound);
}
