//! How a result is asked for, where it ends, and what its rows are read as.

use serde_json::{Value, json};

use super::PAGE;
use crate::backends::report::ExportOrder;
use crate::backends::scripted::{Rig, chunks_of, connect, fetch, findings_of, json as answer, reply, target, with};
use crate::error::Error;
use crate::exit::Exit;
use crate::model::{ExportFormat, RunState};
use crate::sandbox::{Options, Reply, Sandbox, accepted, juniper};

const TOKEN: &str = "backend = \"juniper\"\ntoken = \"0123-token\"";
const PROFILE: &str = "GET /api/scanner/scanprofiles/5";
const RUNS: &str = "GET /api/scanner/scanprofiles/5/runs";
const RESULTS: &str = "GET /api/scanner/scanprofiles/5/runs/4/results";
const ENDED: &str = "[{\"id\": 4, \"start_time\": 1000, \"end_time\": 2000}]";
const GOING: &str = "[{\"id\": 4, \"start_time\": 1000, \"end_time\": 0}]";

const JSON: ExportOrder = ExportOrder { format: ExportFormat::Json, chapters: Vec::new(), asset: None, password: None };

fn profile(word: &str) -> Reply {
    answer(200, json!([{"scanProfileId": 5, "scanProfileName": "Data centre", "status": word}]))
}

/// What is read before the result.
fn before(runs: &str) -> Vec<(&'static str, Reply)> {
    vec![(PROFILE, profile("Completed")), (RUNS, reply(200, runs))]
}

/// A console whose run has ended, and its pages.
fn console(pages: Vec<Reply>) -> Rig {
    let mut steps = before(ENDED);
    steps.extend(pages.into_iter().map(|page| (RESULTS, page)));
    Rig::new(TOKEN, steps)
}

fn row(id: usize) -> Value {
    json!({"ip_address": "192.0.2.1", "hostname": "db.example.org", "port": 443, "vulnerability": "Old TLS",
        "exposure_id": id, "cve_ids": ["CVE-2011-3389"], "base_score": 4.3, "temporal_score": 3.2,
        "open_services": ["https"], "critical_details": "TLS 1.0", "informative_details": ""})
}

fn page(from: usize, to: usize) -> Reply {
    answer(200, Value::from_iter((from..to).map(row)))
}

fn at(page: Reply, range: &str) -> Reply {
    with(page, "Content-Range", range)
}

fn refused(status: u16, code: i64, message: &str) -> Reply {
    answer(status, json!({"message": message, "details": {}, "description": "", "code": code, "http_response": {}}))
}

/// The rows of the ended run, with how they end.
async fn rows(rig: &Rig) -> (Vec<Value>, Option<Error>) {
    let wanted = target("5", Some("4"));
    let report = rig.backend.results(&wanted, &fetch(false)).await.unwrap();
    assert_eq!(report.incomplete, None);
    let (rows, decoded) = findings_of(report).await;
    assert_eq!(decoded.findings, rows.len() as u64);
    (rows, decoded.problem)
}

fn ranges(rig: &Rig) -> Vec<Option<String>> {
    let heard = rig.heard();
    let of_result = heard.iter().filter(|heard| heard.line == RESULTS);
    of_result.map(|heard| heard.header("range").map(str::to_owned)).collect()
}

fn some(ranges: &[&str]) -> Vec<Option<String>> {
    ranges.iter().map(|range| Some((*range).to_owned())).collect()
}

#[tokio::test]
async fn pages_are_asked_for_until_the_rows_are_all_there() {
    let rig = console(vec![
        at(page(0, 500), "items 0-499/1200"),
        at(page(500, 1000), "items 500-999/1200"),
        at(page(1000, 1200), "items 1000-1199/1200"),
    ]);
    let (found, problem) = rows(&rig).await;
    assert!(problem.is_none(), "{problem:?}");
    let ids: Vec<&str> = found.iter().map(|row| row["plugin_id"].as_str().unwrap()).collect();
    let expected: Vec<String> = (0..1200).map(|id| id.to_string()).collect();
    assert_eq!(ids, expected);
    assert_eq!(ranges(&rig), some(&["items=0-499", "items=500-999", "items=1000-1499"]));
}

#[tokio::test]
async fn the_end_is_found_by_the_rows_that_come() {
    let nothing = || at(reply(200, "[]"), "items */500");
    for (name, pages, count) in [
        ("one short page", vec![at(page(0, 12), "items 0-11/12")], 12),
        ("exactly full", vec![at(page(0, 500), "items 0-499/500")], 500),
        ("no findings", vec![at(reply(200, "[]"), "items */0")], 0),
        ("no findings, without a range", vec![reply(200, "[]")], 0),
        ("null", vec![at(reply(200, "null"), "items */0")], 0),
        ("no range told, full, then past the end", vec![page(0, 500), nothing()], 500),
        ("no range told, full, then nothing", vec![page(0, 500), reply(200, "[]")], 500),
        ("no range told, full, then short", vec![page(0, 500), page(500, 503)], 503),
        (
            "status 206",
            vec![at(Reply { status: 206, ..page(0, 500) }, "items 0-499/510"), at(page(500, 510), "items 500-509/510")],
            510,
        ),
        ("416 past the end", vec![page(0, 500), refused(416, 32, "no such items")], 500),
        ("416 past an unknown end", vec![at(page(0, 500), "items 0-499/*"), reply(416, "")], 500),
        ("an unknown total", vec![at(page(0, 20), "items 0-19/*"), at(reply(200, "[]"), "items */20")], 20),
        (
            "a smaller page than asked for",
            vec![at(page(0, 50), "items 0-49/80"), at(page(50, 80), "items 50-79/80")],
            80,
        ),
        ("the range is ignored", vec![page(0, 1203)], 1203),
        ("the range is ignored and told", vec![at(page(0, 1203), "items 0-1202/1203")], 1203),
        ("the range is ignored and the list as long as a page", vec![page(0, 500), page(0, 500)], 500),
        (
            "the total grows on the way",
            vec![
                at(page(0, 500), "items 0-499/1000"),
                at(page(500, 1000), "items 500-999/1001"),
                at(page(1000, 1001), "items 1000-1000/1001"),
            ],
            1001,
        ),
        (
            "the total shrinks below what came",
            vec![
                at(page(0, 500), "items 0-499/2000"),
                at(page(500, 1000), "items 500-999/1000"),
                at(page(1000, 1003), "items 1000-1002/1003"),
            ],
            1003,
        ),
    ] {
        let rig = console(pages);
        let (found, problem) = rows(&rig).await;
        assert!(problem.is_none(), "{name}: {problem:?}");
        assert_eq!(found.len(), count, "{name}");
        rig.heard();
    }
}

#[tokio::test]
async fn a_range_that_is_refused_at_the_beginning_is_left_out() {
    let rig = console(vec![reply(416, ""), page(0, 3)]);
    let (found, problem) = rows(&rig).await;
    assert_eq!((found.len(), problem.is_none()), (3, true));
    assert_eq!(ranges(&rig), [Some("items=0-499".to_owned()), None]);
}

#[tokio::test]
async fn a_list_that_does_not_add_up_is_read_and_not_whole() {
    for (name, pages, count, words) in [
        (
            "fewer than announced",
            vec![at(page(0, 500), "items 0-499/800"), at(reply(200, "[]"), "items */800")],
            500,
            "names 800 findings, and 500 came",
        ),
        (
            "a page is another one",
            vec![at(page(0, 500), "items 0-499/800"), at(page(0, 500), "items 0-499/800")],
            500,
            "from the 0th on",
        ),
        ("cut off", vec![at(reply(200, &cut_off()), "items 0-2/3")], 2, "cut off"),
        ("cut off later", vec![page(0, 500), reply(200, &cut_off())], 502, "cut off"),
        ("refused later", vec![page(0, 500), refused(403, 26, "no more")], 500, "no more"),
        ("a login page later", vec![page(0, 500), reply(200, "<html><title>Login</title></html>")], 500, "HTML"),
        ("something else later", vec![page(0, 500), answer(200, json!({"message": "no"}))], 500, "results"),
        ("no objects", vec![answer(200, json!([row(1), 7, row(2)]))], 1, "cannot be read"),
        ("lists for objects", vec![answer(200, json!([row(1), []]))], 1, "cannot be read"),
    ] {
        let rig = console(pages);
        let (found, problem) = rows(&rig).await;
        assert_eq!(found.len(), count, "{name}");
        let problem = problem.unwrap_or_else(|| panic!("{name}: read as whole"));
        assert!(problem.one_line().contains(words), "{name}: {}", problem.one_line());
        let exit = if name == "refused later" { Exit::Auth } else { Exit::BadData };
        assert_eq!(problem.exit(), exit, "{name}");
        rig.heard();
    }
}

fn cut_off() -> String {
    let whole = json!([row(1), row(2), row(3)]).to_string();
    whole[..whole.len() - 40].to_owned()
}

#[tokio::test]
async fn a_first_page_that_is_none_fails_before_anything_is_written() {
    for (page, exit) in [
        (reply(200, "<html><title>Login</title></html>"), Exit::BadData),
        (reply(200, ""), Exit::BadData),
        (reply(200, "  "), Exit::BadData),
        (answer(200, json!({"message": "no"})), Exit::BadData),
        (refused(404, 1002, "no run"), Exit::NotFound),
        (refused(404, 12, "no endpoint"), Exit::Unsupported),
        (refused(403, 26, "not allowed"), Exit::Auth),
        (refused(422, 1005, "null"), Exit::Usage),
    ] {
        let rig = console(vec![page]);
        let error = rig.backend.results(&target("5", None), &fetch(false)).await.unwrap_err();
        assert_eq!(error.exit(), exit, "{error}");
        rig.heard();
    }
}

#[tokio::test]
async fn a_run_under_way_is_refused_unless_a_part_is_wanted() {
    let rig = Rig::new(TOKEN, before(GOING));
    for bare in [target("5", None), target("5", Some("4"))] {
        let error = rig.backend.results(&bare, &fetch(false)).await.unwrap_err();
        assert_eq!(error.exit(), Exit::InvalidState);
        assert!(error.hint_text().unwrap().contains("--partial"), "{error}");
        assert_eq!(rig.lines(), [PROFILE, RUNS]);
        rig.then(before(GOING));
    }
    let error = rig.backend.export(&target("5", None), &JSON, &fetch(false)).await.unwrap_err();
    assert_eq!(error.exit(), Exit::InvalidState);
    rig.heard();

    // Findings are still being added, so the total need not agree.
    rig.then(before(GOING));
    rig.then(vec![(RESULTS, at(page(0, 3), "items 0-2/9")), (RESULTS, at(reply(200, "[]"), "items */9"))]);
    let report = rig.backend.results(&target("5", None), &fetch(true)).await.unwrap();
    assert_eq!(report.incomplete.as_deref(), Some("the run is running (\"Completed\")"));
    let (rows, decoded) = findings_of(report).await;
    assert_eq!((rows.len(), decoded.problem.is_none()), (3, true));
    rig.heard();

    // Or the console keeps it back, which is no mistake of the user's.
    rig.then(before(GOING));
    rig.then(vec![(RESULTS, refused(422, 1005, "null"))]);
    let error = rig.backend.results(&target("5", None), &fetch(true)).await.unwrap_err();
    assert_eq!((error.exit(), error.hint_text()), (Exit::InvalidState, Some("scanctl wait t/5@4")));
    rig.heard();

    rig.then(vec![(PROFILE, profile("New")), (RUNS, reply(200, "[]"))]);
    let error = rig.backend.results(&target("5", None), &fetch(true)).await.unwrap_err();
    assert_eq!(error.exit(), Exit::InvalidState);
    assert!(error.message().contains("never run"), "{error}");
    rig.heard();
}

#[tokio::test]
async fn what_is_no_list_is_not_an_empty_one() {
    let rig = console(vec![reply(200, "null")]);
    let error = rig.backend.results(&target("5", None), &fetch(false)).await.unwrap_err();
    assert_eq!(error.exit(), Exit::BadData, "{error}");
}

#[tokio::test]
async fn a_bare_id_is_the_latest_run_and_its_end_is_told_without_a_judgement() {
    let rig = Rig::new(TOKEN, Vec::new());
    let runs = json!([{"id": 3, "start_time": 10, "end_time": 20}, {"id": 4, "start_time": 1000, "end_time": 2000}]);
    rig.then(vec![(PROFILE, profile("Stopped by admin")), (RUNS, answer(200, runs)), (RESULTS, page(0, 1))]);
    let report = rig.backend.results(&target("5", None), &fetch(false)).await.unwrap();
    assert_eq!((report.run.state, report.run.name.as_deref()), (Some(RunState::Ended), Some("Data centre")));
    assert_eq!(report.run.run.as_ref().unwrap().as_str(), "4");
    assert_eq!(
        report.notes[0],
        "JSA tells that the run has ended, and not how; the scan profile says \"Stopped by admin\""
    );
    assert!(report.notes[1].contains("derived from the base score"), "{:?}", report.notes);
    rig.heard();
}

#[tokio::test]
async fn an_export_is_the_answer_as_it_is_or_one_answer_a_line() {
    let order = &JSON;
    let export = async |pages: Vec<Reply>| {
        let rig = console(pages);
        let mut report = rig.backend.export(&target("5", None), order, &fetch(false)).await.unwrap();
        assert!(report.decoder.is_none());
        let (chunks, problem) = chunks_of(&mut report).await;
        rig.heard();
        (String::from_utf8(chunks.concat()).unwrap(), problem)
    };
    let odd = "\n[ {\"ip_address\" :\"192.0.2.1\",\n \"x\": 1.50} ]\n";
    assert_eq!(export(vec![reply(200, odd)]).await.0, odd);
    assert_eq!(export(vec![reply(200, "[]")]).await.0, "[]");
    let pretty = serde_json::to_string_pretty(&Value::from_iter((0..PAGE).map(row))).unwrap();
    let (text, problem) = export(vec![reply(200, &pretty), reply(200, odd)]).await;
    assert!(problem.is_none());
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!((lines.len(), lines[1]), (2, "[ {\"ip_address\" :\"192.0.2.1\",  \"x\": 1.50} ]"));
    assert_eq!(lines[0].replace(' ', ""), pretty.replace([' ', '\n'], ""));
    // An empty last page is no part of the result.
    let (text, _) = export(vec![reply(200, &pretty), reply(200, "[]")]).await;
    assert_eq!(text.lines().count(), 1);
    let (_, problem) = export(vec![reply(200, &cut_off())]).await;
    assert_eq!(problem.unwrap().exit(), Exit::BadData);

    let rig = Rig::new(TOKEN, Vec::new());
    let nessus = ExportOrder { format: ExportFormat::Nessus, ..JSON };
    let error = rig.backend.export(&target("5", None), &nessus, &fetch(false)).await.unwrap_err();
    assert_eq!(error.exit(), Exit::Unsupported);
    let analysis = crate::backends::report::Fetch { via_analysis: true, ..fetch(false) };
    let error = rig.backend.results(&target("5", None), &analysis).await.unwrap_err();
    assert_eq!(error.exit(), Exit::Unsupported);
    assert!(rig.heard().is_empty());
}

#[tokio::test]
async fn a_row_says_what_the_console_said_and_what_is_derived() {
    let rig = console(vec![answer(200, json!([row(7)]))]);
    let (mut found, _) = rows(&rig).await;
    found[0].as_object_mut().unwrap().remove("id");
    assert_eq!(
        found,
        [json!({
            "name": "db.example.org", "fqdn": "db.example.org", "ip": "192.0.2.1", "port": 443, "protocol": null,
            "service": null, "plugin_id": "7", "plugin_name": "Old TLS", "severity": "medium",
            "severity_source": "derived", "cves": ["CVE-2011-3389"], "synopsis": "base score 4.3, temporal score 3.2",
            "output": "TLS 1.0\n\nopen_services: https", "state": null,
            "scored": false, "seen": false,
            "other": [["base_score", "4.3"], ["temporal_score", "3.2"], ["open_services", "https"]],
        })]
    );
    rig.heard();
}

#[tokio::test]
async fn severities_follow_the_base_score_alone() {
    for (score, expected) in [
        (json!(10.0), "critical"),
        (json!(9), "critical"),
        (json!(8.9), "high"),
        (json!(7.0), "high"),
        (json!(6.9), "medium"),
        (json!(4), "medium"),
        (json!(3.9), "low"),
        (json!(0.1), "low"),
        (json!(0.0), "info"),
        (json!(-1), "info"),
        (json!("7.5"), "high"),
        (json!(""), "info"),
        (json!("n/a"), "info"),
        (json!(null), "info"),
        (json!({"score": 9}), "info"),
    ] {
        let rig = console(vec![answer(200, json!([{"base_score": score, "temporal_score": 10, "severity": "x"}]))]);
        let (found, problem) = rows(&rig).await;
        assert!(problem.is_none());
        assert_eq!(
            (&found[0]["severity"], &found[0]["severity_source"]),
            (&json!(expected), &json!("derived")),
            "{score}"
        );
        assert!(found[0]["other"].as_array().unwrap().contains(&json!(["severity", "x"])));
        rig.heard();
    }
}

#[tokio::test]
async fn rows_of_nulls_texts_and_strangers_are_read() {
    let strange = json!([
        {"ip_address": null, "hostname": null, "port": null, "vulnerability": null, "exposure_id": null, "cve_ids": null,
            "base_score": null, "temporal_score": null, "open_services": null, "critical_details": null,
            "informative_details": null},
        {"ip_address": " 2001:DB8:0:0::1 ", "hostname": "dc1", "port": "443", "exposure_id": "12", "cve_ids": "CVE-1",
            "open_services": ["http", null, "ssh"], "critical_details": "a\u{1b}[31m", "informative_details": "b", "nested": {"a": [1]}},
        {"ip_address": "192.0.2.7", "hostname": "192.0.2.7", "port": 70000, "exposure_id": 1.0},
        {"ip_address": "not an address", "hostname": "Web.Example.ORG", "port": -1},
        {},
    ]);
    let rig = console(vec![answer(200, strange)]);
    let report = rig.backend.results(&target("5", None), &fetch(false)).await.unwrap();
    let (found, decoded) = findings_of(report).await;
    assert!(decoded.problem.is_none());
    assert_eq!((found.len(), decoded.hosts), (5, 4));
    let told = |at: usize, key: &str| found[at][key].clone();
    for (at, key, expected) in [
        (0, "name", json!("")),
        (0, "cves", json!([])),
        (0, "other", json!([])),
        (1, "name", json!("dc1")),
        (1, "fqdn", json!(null)),
        (1, "ip", json!("2001:db8::1")),
        (1, "port", json!(443)),
        (1, "cves", json!(["CVE-1"])),
        (1, "output", json!("a\u{1b}[31m\n\nb\n\nopen_services: http, ssh")),
        (1, "synopsis", json!(null)),
        (1, "other", json!([["open_services", "http, ssh"], ["nested", "{\"a\":[1]}"]])),
        (2, "fqdn", json!(null)),
        (2, "ip", json!("192.0.2.7")),
        (2, "port", json!(null)),
        (2, "plugin_id", json!("1")),
        (3, "fqdn", json!("Web.Example.ORG")),
        (3, "ip", json!(null)),
        (3, "port", json!(null)),
        (4, "plugin_id", json!(null)),
    ] {
        assert_eq!(told(at, key), expected, "{at} {key}");
    }
    rig.heard();
}

#[tokio::test]
async fn ids_do_not_depend_on_where_a_page_ends() {
    let ids = async |pages: Vec<Reply>| {
        let rig = console(pages);
        let (found, problem) = rows(&rig).await;
        assert!(problem.is_none());
        rig.heard();
        let mut ids: Vec<String> = found.iter().map(|row| row["id"].as_str().unwrap().to_owned()).collect();
        ids.sort();
        ids
    };
    // The same weakness of the same port three times, on both sides of a page's end.
    let all: Vec<Value> = (0..PAGE + 1).map(|at| if at >= PAGE - 2 { row(1) } else { row(at + 10) }).collect();
    let (left, right) = all.split_at(PAGE);
    let paged = ids(vec![answer(200, json!(left)), answer(200, json!(right))]).await;
    let whole = ids(vec![answer(200, json!(all))]).await;
    assert_eq!(paged, whole);
    assert_eq!(paged.windows(2).filter(|pair| pair[0] == pair[1]).count(), 0);
    assert_eq!(paged.len(), PAGE + 1);
}

#[tokio::test]
async fn the_vendors_own_sample_is_read() {
    #[expect(clippy::disallowed_methods, reason = "where the samples lie is the caller's choice")]
    let Ok(folder) = std::env::var("SCANCTL_SAMPLES") else {
        eprintln!("left out: SCANCTL_SAMPLES is not set");
        return;
    };
    let path = std::path::PathBuf::from(folder).join("juniper/payloads/run-results-response.json");
    let rig = console(vec![reply(200, &std::fs::read_to_string(path).unwrap())]);
    let (found, problem) = rows(&rig).await;
    assert!(problem.is_none());
    let row = &found[0];
    assert_eq!((&row["name"], &row["port"], &row["plugin_id"]), (&json!("String"), &json!(42), &json!("42")));
    assert_eq!(
        (&row["plugin_name"], &row["output"]),
        (&json!("String"), &json!("String\n\nString\n\nopen_services: String"))
    );
    rig.heard();
}

#[tokio::test]
async fn the_simulated_console_gives_the_same_findings_every_time() {
    let vendor = Box::new(juniper::Juniper::new(1.0));
    let sandbox = Sandbox::start_with(Options::default(), vec![("jsa", vendor)]).unwrap();
    let settings = format!("backend = \"juniper\"\ntoken = \"{}\"", accepted::TOKEN);
    let backend = connect(&sandbox.origins()[0].1, &settings, false).unwrap();
    let wanted = target("2", Some("402"));
    let read = async || {
        let report = backend.results(&wanted, &fetch(false)).await.unwrap();
        let (rows, decoded) = findings_of(report).await;
        assert!(decoded.problem.is_none() && decoded.hosts > 1 && !rows.is_empty());
        rows
    };
    let rows = read().await;
    assert_eq!(rows, read().await);
    assert!(rows.iter().all(|row| row["severity_source"] == "derived" && row["ip"].is_string()));
    let mut report = backend.export(&wanted, &JSON, &fetch(false)).await.unwrap();
    let (chunks, problem) = chunks_of(&mut report).await;
    assert!(problem.is_none());
    let raw: Vec<Value> = serde_json::from_slice(&chunks.concat()).unwrap();
    assert_eq!(raw.len(), rows.len());
    for (raw, row) in raw.iter().zip(&rows) {
        assert_eq!((&raw["vulnerability"], &raw["ip_address"]), (&row["plugin_name"], &row["ip"]));
    }

    // Scan profile 5 has a run under way, and its result is kept back.
    let going = target("5", None);
    for partial in [false, true] {
        let error = backend.results(&going, &fetch(partial)).await.unwrap_err();
        assert_eq!(error.exit(), Exit::InvalidState, "{error}");
    }
}
