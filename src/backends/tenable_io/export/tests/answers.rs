//! Every answer that does not lead to a file, and what is made of it.

use std::time::{Duration, Instant};

use serde_json::json;

use super::{ASK, ENTRY, FETCH, KEYS, LOOK, REPORT, RUN};
use super::{asked, bytes, call, dated, entry, error, export, file, order, ready, results};
use crate::backends::scripted::{Rig, json as answer, reply, target, with};
use crate::exit::Exit;
use crate::model::ExportFormat;

#[tokio::test]
async fn every_refusal_of_the_request_has_its_own_code() {
    let page = "<html>\n<head>\n<title>429 Too Many Requests</title>\n</head>\n<body>nginx</body>\n</html>";
    let busy = || with(with(reply(429, page), "Retry-After", "300"), "Content-Type", "text/html");
    let short = |status, text: &str| answer(status, json!({ "error": text }));
    let gateway = |status: u16, error: &str, message: &str| {
        answer(status, json!({"statusCode": status, "error": error, "message": message}))
    };
    for (refusal, exit, words) in [
        (busy(), Exit::Limited, "too many requests"),
        (with(short(429, "Duplicate export"), "Retry-After", "300"), Exit::Limited, "being prepared already"),
        (short(409, "Duplicate export not allowed."), Exit::Limited, "the same export is being prepared already"),
        (reply(409, ""), Exit::Limited, "does not take the export now"),
        (gateway(400, "Bad Request", "child \"format\" fails"), Exit::Usage, "child \"format\" fails"),
        (gateway(401, "Unauthorized", "Invalid credentials."), Exit::Auth, "Invalid credentials."),
        (reply(401, "This API key token has been blacklisted."), Exit::Auth, "not recognised"),
        (gateway(403, "Forbidden", "Insufficient scope"), Exit::Auth, "Scan Operator"),
        (short(403, "You are not authorized to perform this request"), Exit::Auth, "Scan Operator"),
        (short(404, "The requested file was not found"), Exit::NotFound, "The requested file was not found"),
        (answer(404, json!({"info": {"error": "Scan not found"}})), Exit::NotFound, "Scan not found"),
        (short(412, "API is not available"), Exit::Unsupported, "Nessus"),
        (gateway(406, "Not Acceptable", "Not Acceptable"), Exit::Internal, "Not Acceptable"),
        (short(405, "Can not export running scans"), Exit::InvalidState, "Can not export running scans"),
        (reply(200, ""), Exit::BadData, "it is empty"),
        (reply(200, page), Exit::BadData, "it is HTML"),
        (answer(200, json!({"temp_token": "995bdb"})), Exit::BadData, "`file` is missing"),
    ] {
        let rig = Rig::new(KEYS, vec![(ENTRY, dated(answer(200, entry("completed")))), (ASK, refusal)]);
        let refused = error(results(&rig, Some(RUN)).await);
        let said = format!("{} {}", refused.one_line(), refused.hint_text().unwrap_or_default());
        assert_eq!(refused.exit(), exit, "{said}");
        assert!(said.contains(words), "{said}");
        assert!(refused.lost().is_none(), "{said}");
        assert_eq!(rig.lines(), [ENTRY, ASK]);
    }
}

#[tokio::test]
async fn a_run_that_is_active_and_cannot_be_exported_is_in_the_wrong_state() {
    let rig = Rig::new(KEYS, vec![(ENTRY, dated(answer(200, entry("running")))), (ASK, reply(409, ""))]);
    let refused = call(&rig.backend, &target("219", Some(RUN)), None, true, Duration::from_secs(5)).await.result;
    assert_eq!(error(refused).exit(), Exit::InvalidState);
}

#[tokio::test]
async fn a_lost_answer_to_the_request_is_asked_for_again_and_is_never_an_unknown_outcome() {
    let rig = Rig::with(
        KEYS,
        vec![
            (ENTRY, dated(answer(200, entry("completed")))),
            (ASK, asked()),
            (ASK, asked()),
            (LOOK, ready()),
            (FETCH, file(REPORT)),
        ],
        "POST:lost=1x",
        false,
    );
    let mut report = results(&rig, Some(RUN)).await.unwrap();
    assert_eq!(bytes(&mut report).await, REPORT.as_bytes());
    assert_eq!(rig.lines(), [ENTRY, ASK, ASK, LOOK, FETCH]);
}

#[tokio::test]
async fn an_export_that_is_not_ready_in_time_or_never_will_be() {
    let preparing = || answer(200, json!({ "status": "loading" }));
    let mut steps = vec![(ENTRY, dated(answer(200, entry("completed")))), (ASK, asked())];
    steps.extend((0..100).map(|_| (LOOK, preparing())));
    let rig = Rig::new(KEYS, steps);
    let begun = Instant::now();
    let called = call(&rig.backend, &target("219", Some(RUN)), None, false, Duration::from_millis(600)).await;
    let late = error(called.result);
    assert_eq!(late.exit(), Exit::Network);
    assert_eq!(late.message(), "the export was not ready in time: its status is \"loading\"");
    assert!(begun.elapsed() < Duration::from_secs(3));
    assert!(late.hint_text().unwrap().contains("--timeout"));
    // Said once, not at every look.
    assert_eq!(called.told.len(), 2, "{:?}", called.told);
    let left = rig.unheard();
    assert!((90..100).contains(&left), "growing pauses, and {left} looks left");

    let rig = Rig::new(
        KEYS,
        vec![
            (ENTRY, dated(answer(200, entry("completed")))),
            (ASK, asked()),
            (LOOK, preparing()),
            (LOOK, answer(200, json!({ "status": "error" }))),
        ],
    );
    let failed = error(results(&rig, Some(RUN)).await);
    assert_eq!((failed.exit(), rig.lines().len()), (Exit::Network, 4));
    assert!(failed.message().contains("\"error\""));
}

#[tokio::test]
async fn looks_that_fail_in_passing_are_survived_and_refusals_are_not() {
    let busy = || with(reply(429, "<html><title>429 Too Many Requests</title>"), "Retry-After", "0");
    let mut steps = vec![(ENTRY, dated(answer(200, entry("completed")))), (ASK, asked())];
    // One call repeats by itself four times; the next look then works.
    steps.extend((0..5).map(|_| (LOOK, busy())));
    steps.extend([
        (LOOK, answer(200, json!({}))),
        (LOOK, reply(200, "<html><title>Sign in</title>")),
        (LOOK, ready()),
        (FETCH, file(REPORT)),
    ]);
    let rig = Rig::new(KEYS, steps);
    let called = call(&rig.backend, &target("219", Some(RUN)), None, false, Duration::from_secs(20)).await;
    called.result.unwrap();
    assert_eq!(called.told.len(), 4, "{:?}", called.told);
    let _all_was_asked = rig.heard();

    for (refusal, exit) in [
        (answer(404, json!({"error": "The requested file was not found"})), Exit::NotFound),
        (reply(404, ""), Exit::NotFound),
        (answer(403, json!({"statusCode": 403, "error": "Forbidden", "message": "Forbidden"})), Exit::Auth),
    ] {
        let rig =
            Rig::new(KEYS, vec![(ENTRY, dated(answer(200, entry("completed")))), (ASK, asked()), (LOOK, refusal)]);
        let refused = error(results(&rig, Some(RUN)).await);
        assert_eq!(refused.exit(), exit);
        if exit == Exit::NotFound {
            assert_eq!(refused.message(), "the vendor does not know the export any more");
        }
    }
}

#[tokio::test]
async fn what_comes_in_place_of_the_file_is_named_for_what_it_is() {
    for (format, body, words) in [
        (ExportFormat::Nessus, "", "the vendor's file is empty"),
        (ExportFormat::Csv, " \n", "the vendor's file is empty"),
        (ExportFormat::Pdf, r#"{"error":"Scan not found"}"#, "not a PDF document, but JSON: Scan not found"),
        (ExportFormat::Pdf, r#"{"info":{"error":"Scan not found"}}"#, "not a PDF document, but JSON: Scan not found"),
        (ExportFormat::Nessus, r#"{"status":"loading"}"#, "not a .nessus report, but JSON"),
        (
            ExportFormat::Csv,
            "\n<!DOCTYPE html><title>Sign in</title>",
            "not a table of comma-separated values, but an HTML page, as of a login or an error: \"Sign in\"",
        ),
        (ExportFormat::Nessus, "<HTML>", "not a .nessus report, but an HTML page, as of a login or an error"),
    ] {
        let rig = Rig::new(
            KEYS,
            vec![(ENTRY, dated(answer(200, entry("completed")))), (ASK, asked()), (LOOK, ready()), (FETCH, file(body))],
        );
        let problem = error(export(&rig, &order(format)).await);
        assert_eq!(problem.exit(), Exit::BadData, "{body}");
        assert!(problem.message().ends_with(words), "{problem}");
    }
    let rig = Rig::with(
        KEYS,
        vec![(ENTRY, dated(answer(200, entry("completed")))), (ASK, asked()), (LOOK, ready()), (FETCH, file(REPORT))],
        "/download:truncate=1",
        false,
    );
    let mut cut = results(&rig, Some(RUN)).await.unwrap();
    let first = cut.download.next().await.unwrap().unwrap();
    assert!(REPORT.as_bytes().starts_with(&first) && first.len() < REPORT.len());
    assert_eq!(cut.download.next().await.unwrap().unwrap_err().exit(), Exit::Network);
    // What only begins like JSON is a file of some kind.
    let rig = Rig::new(
        KEYS,
        vec![
            (ENTRY, dated(answer(200, entry("completed")))),
            (ASK, asked()),
            (LOOK, ready()),
            (FETCH, file("{encrypted")),
        ],
    );
    let mut report = export(&rig, &order(ExportFormat::Csv)).await.unwrap();
    assert_eq!(bytes(&mut report).await, b"{encrypted");
    let rig = Rig::new(
        KEYS,
        vec![
            (ENTRY, dated(answer(200, entry("completed")))),
            (ASK, asked()),
            (LOOK, ready()),
            (FETCH, answer(404, json!({"error": "The requested file was not found"}))),
        ],
    );
    let missing = error(results(&rig, Some(RUN)).await);
    assert_eq!((missing.exit(), missing.message()), (Exit::NotFound, "the vendor does not know the export any more"));
}
