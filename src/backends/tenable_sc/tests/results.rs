//! Results and exports against a scripted instance, and against what was recorded.

use std::rc::Rc;

use serde_json::{Value, json};

use super::{instance, recorded, resolved, run};
use crate::backends::report::{Decoder, ExportOrder};
use crate::backends::sc_rest::testing::{
    Got, NOW, Program, Reply, Seen, Vendor, bare, busy, fetch, missing, ok, read, refused,
};
use crate::backends::{Backend, Peers as _, RunQuery};
use crate::error::{Detail, Error};
use crate::exit::Exit;
use crate::model::{ExportFormat, Operation, RunState, Verb};
use crate::sandbox::{Options, Sandbox};

const REPORT: &str = r#"<?xml version="1.0"?><NessusClientData_v2><Report name="Weekly">
<ReportHost name="192.0.2.1"><HostProperties><tag name="host-ip">192.0.2.1</tag><tag name="host-fqdn">Web.example.org</tag></HostProperties>
<ReportItem port="443" svc_name="www" protocol="tcp" severity="3" pluginID="20007" pluginName="SSL" pluginFamily="Service detection"><plugin_output>sslv3</plugin_output></ReportItem>
<ReportItem port="80" svc_name="www" protocol="tcp" severity="0" pluginID="10107" pluginName="HTTP" pluginFamily="Web Servers"><plugin_output>nginx</plugin_output></ReportItem>
<ReportItem port="80" svc_name="www" protocol="tcp" severity="0" pluginID="10107" pluginName="HTTP" pluginFamily="Web Servers"><plugin_output>apache</plugin_output></ReportItem>
</ReportHost>
<ReportHost name="192.0.2.2"><HostProperties><tag name="host-ip">192.0.2.2</tag></HostProperties>
<ReportItem port="0" svc_name="general" protocol="icmp" severity="1" pluginID="10114" pluginName="ICMP" pluginFamily="General"/>
</ReportHost></Report></NessusClientData_v2>
"#;

/// The findings of [`REPORT`] as an analysis has them.
fn rows() -> Vec<Value> {
    let row = |ip: &str, name: &str, port: &str, protocol: &str, plugin: &str, output: &str| {
        json!({
            "pluginID": plugin, "severity": {"id": "3", "name": "High"}, "ip": ip, "dnsName": name, "port": port,
            "protocol": protocol, "pluginName": "x", "pluginText": format!("<plugin_output>{output}</plugin_output>"),
        })
    };
    vec![
        row("192.0.2.1", "web.example.org", "443", "TCP", "20007", "sslv3"),
        row("192.0.2.1", "web.example.org", "80", "TCP", "10107", "nginx"),
        row("192.0.2.1", "web.example.org", "80", "TCP", "10107", "apache"),
        row("192.0.2.2", "", "0", "ICMP", "10114", ""),
    ]
}

fn result(status: &str, import: &str, finished: i64) -> Value {
    json!({
        "id": "8", "name": "Weekly", "scan": {"id": "34"}, "status": status, "importStatus": import,
        "finishTime": finished.to_string(),
    })
}

/// An instance whose result 8 is whole, and that answers everything else so.
fn answering(script: impl Fn(&Seen) -> Reply + Send + 'static) -> (Vendor, Program) {
    instance(move |seen| match seen.line.as_str() {
        "GET /scanResult/8" => ok(result("Completed", "Finished", NOW - 10)),
        _ => script(seen),
    })
}

fn connect(program: &Program) -> Rc<dyn Backend> {
    program.open("sc", &[Operation::Results]).unwrap()
}

fn order(format: ExportFormat) -> ExportOrder {
    ExportOrder { format, chapters: Vec::new(), asset: None, password: None }
}

fn body(seen: &Seen) -> Value {
    serde_json::from_str(&seen.body).unwrap()
}

async fn refusal(answer: impl Fn() -> Reply + Send + 'static) -> Error {
    let (_vendor, program) = answering(move |_| answer());
    connect(&program).results(&run("8"), &fetch(false, false)).await.unwrap_err()
}

#[tokio::test]
async fn a_result_is_the_runs_own_report() {
    let (vendor, program) = answering(|_| bare(REPORT));
    let sc = connect(&program);
    let report = sc.results(&run("8"), &fetch(false, false)).await.unwrap();
    assert_eq!((report.run.scan.as_ref().unwrap().as_str(), report.incomplete.as_deref()), ("34", None));
    let got = read(report).await;
    assert!(got.problem.is_none(), "{:?}", got.problem);
    assert_eq!((got.hosts, got.rows.len()), (2, 4));
    let seen = vendor.take();
    let lines: Vec<&str> = seen.iter().map(|seen| seen.line.as_str()).collect();
    assert_eq!(lines, ["GET /scanResult/8", "POST /scanResult/8/download"]);
    assert!(seen[0].query.ends_with(",importErrorDetails,downloadAvailable"), "{}", seen[0].query);
    assert_eq!(seen[1].body, r#"{"downloadType":"v2"}"#);
}

#[tokio::test]
async fn the_recorded_download_is_read_whole() {
    let Some(recorded) = recorded("036") else { return };
    assert_eq!(recorded.line, "POST /rest/scanResult/120/download");
    let zip = recorded.bytes.clone();
    let (_vendor, program) = answering(move |_| bare(&zip));
    let sc = connect(&program);
    let got = read(sc.results(&run("8"), &fetch(false, false)).await.unwrap()).await;
    assert!(got.problem.is_none(), "{:?}", got.problem);
    assert_eq!(got.bytes, recorded.bytes);
    let mut archive = zip::ZipArchive::new(std::io::Cursor::new(recorded.bytes)).unwrap();
    let text = std::io::read_to_string(archive.by_index(0).unwrap()).unwrap();
    assert_eq!((got.hosts, got.rows.len()), (6, text.matches("<ReportItem ").count()));
}

#[tokio::test]
async fn what_is_no_file_is_told_for_what_it_is() {
    let error = refusal(|| refused(146, "Scan Result #8 failed\n")).await;
    assert_eq!(error.exit(), Exit::InvalidState);
    assert!(error.hint_text().unwrap().contains("--via analysis 'sc/34@8'"));
    assert_eq!(refusal(|| refused(0, "Scan Result #8 failed\n")).await.exit(), Exit::InvalidState);
    assert_eq!(refusal(|| refused(146, "Download failed.\nNo permission for it.\n")).await.exit(), Exit::Auth);
    assert_eq!(refusal(|| refused(143, "Not there.\n")).await.exit(), Exit::InvalidState);
    assert_eq!(refusal(missing).await.exit(), Exit::NotFound);
    // Under a status of success too.
    let envelope = r#"{"type":"regular","response":"","error_code":146,"error_msg":"Scan Result #8 failed\n"}"#;
    assert_eq!(refusal(move || bare(envelope)).await.exit(), Exit::InvalidState);
    assert_eq!(refusal(|| ok(json!(""))).await.exit(), Exit::BadData);
    assert_eq!(refusal(|| bare(" \n")).await.exit(), Exit::BadData);

    let page = refusal(|| bare("<html><title>Log in</title></html>")).await;
    assert!(page.exit() == Exit::BadData && page.message().contains("\"Log in\""), "{page:?}");
}

#[tokio::test]
async fn what_is_no_whole_result_is_fetched_only_as_a_part() {
    for (status, import, finished, why) in [
        ("Queued", "No Results", -1, Some("the run is queued (\"Queued\")")),
        ("Running", "No Results", -1, Some("the run is running (\"Running\")")),
        ("Paused", "No Results", -1, Some("the run is paused (\"Paused\")")),
        ("Frobnicating", "Finished", NOW - 999, Some("the run is unknown (\"Frobnicating\")")),
        ("Completed", "Importing", NOW - 999, Some("the run is publishing (\"Completed\"): import: Importing")),
        ("Completed", "No Results", NOW - 119, Some("the run is publishing (\"Completed\"): import: No Results")),
        ("Completed", "No Results", NOW - 120, None),
        ("Completed", "Finished", NOW, None),
        ("Completed", "Error", NOW - 999, Some("the run ended failed (\"Completed\")")),
        ("Partial", "Finished", NOW - 999, Some("the run ended partial (\"Partial\")")),
        ("Error", "No Results", NOW - 999, Some("the run ended failed (\"Error\")")),
    ] {
        let (vendor, program) = instance(move |seen| match seen.line.as_str() {
            "GET /scanResult/8" => ok(result(status, import, finished)),
            "POST /analysis" => ok(json!({"totalRecords": "0", "results": []})),
            _ => bare(REPORT),
        });
        let sc = connect(&program);
        for (via_analysis, path) in [(false, "POST /scanResult/8/download"), (true, "POST /analysis")] {
            let whole = sc.results(&run("8"), &fetch(false, via_analysis)).await;
            assert_eq!(vendor.lines().contains(&path.to_owned()), why.is_none(), "{status} {import}");
            match why {
                None => assert_eq!(whole.unwrap().incomplete, None),
                Some(why) => {
                    let error = whole.unwrap_err();
                    assert_eq!(error.exit(), Exit::InvalidState);
                    assert!(error.message().starts_with(why), "{}", error.message());
                }
            }
            let part = sc.results(&run("8"), &fetch(true, via_analysis)).await.unwrap();
            assert_eq!(part.incomplete.as_deref(), why);
            vendor.take();
        }
        let exported = sc.export(&run("8"), &order(ExportFormat::V2), &fetch(false, false)).await;
        assert_eq!(exported.is_ok(), why.is_none());
    }
}

#[tokio::test]
async fn a_run_without_a_file_is_not_asked_for_one() {
    let (vendor, program) = instance(|seen| {
        let mut read = result("Completed", "Finished", NOW - 999);
        read["downloadAvailable"] = json!("false");
        if seen.line.starts_with("GET ") { ok(read) } else { missing() }
    });
    let error = connect(&program).results(&run("8"), &fetch(false, false)).await.unwrap_err();
    assert_eq!(
        (error.exit(), error.message()),
        (Exit::InvalidState, "the vendor has no file of `sc/34@8` to download")
    );
    assert_eq!(vendor.lines(), ["GET /scanResult/8"]);
}

#[tokio::test]
async fn an_export_is_the_file_that_was_asked_for() {
    let (vendor, program) = answering(|seen| {
        if seen.body.contains("scap1_2") { refused(146, "There are no SCAP results.\n") } else { bare(REPORT) }
    });
    let sc = connect(&program);
    let report = sc.export(&run("8"), &order(ExportFormat::V2), &fetch(false, false)).await.unwrap();
    assert!(matches!(report.decoder, Some(Decoder::Nessus)));
    assert_eq!(read(report).await.bytes, REPORT.as_bytes());
    vendor.take();
    let error = sc.export(&run("8"), &order(ExportFormat::Scap12), &fetch(false, false)).await.unwrap_err();
    assert_eq!(error.exit(), Exit::InvalidState);
    assert!(error.hint_text().unwrap().contains("SCAP policy"));
    assert_eq!(vendor.take()[1].body, r#"{"downloadType":"scap1_2"}"#);
    let error = sc.export(&run("8"), &order(ExportFormat::Pdf), &fetch(false, false)).await.unwrap_err();
    assert_eq!(error.exit(), Exit::Unsupported);
    assert!(vendor.lines().is_empty());

    let (_vendor, program) = answering(|_| bare(b"PK\x03\x04scap"));
    let sc = connect(&program);
    let report = sc.export(&run("8"), &order(ExportFormat::Scap12), &fetch(false, false)).await.unwrap();
    assert!(report.decoder.is_none());
    assert_eq!(read(report).await.bytes, b"PK\x03\x04scap");
}

/// The page that was asked for, of at most so many rows, with this total.
fn page(seen: &Seen, total: &Value, rows: &[Value], most: usize) -> Reply {
    let start = usize::try_from(body(seen)["query"]["startOffset"].as_u64().unwrap()).unwrap();
    let rows: Vec<&Value> = rows.iter().skip(start).take(most).collect();
    ok(json!({
        "totalRecords": total, "returnedRecords": rows.len(), "startOffset": start.to_string(), "endOffset": "0",
        "matchingDataElementCount": "-1", "results": rows,
    }))
}

/// What an analysis gives, what was asked for it, and what was said.
async fn analysed(
    partial: bool,
    script: impl Fn(&Seen) -> Reply + Send + 'static,
) -> (Result<Got, Error>, Vec<Value>, Vec<String>) {
    let (vendor, program) = answering(script);
    let sc = connect(&program);
    let got = match sc.results(&run("8"), &fetch(partial, true)).await {
        Ok(report) => Ok(read(report).await),
        Err(error) => Err(error),
    };
    let asked = vendor.take().iter().filter(|seen| seen.line == "POST /analysis").map(body).collect();
    let said = program.notices.borrow().clone();
    (got, asked, said)
}

fn starts(asked: &[Value]) -> Vec<u64> {
    asked.iter().map(|body| body["startOffset"].as_u64().unwrap()).collect()
}

#[tokio::test]
async fn an_analysis_names_the_result_twice_and_asks_for_one_page_after_the_other() {
    let all: Vec<Value> = (0..2500)
        .map(|row: u32| json!({"pluginID": row.to_string(), "ip": "192.0.2.1", "port": "0", "protocol": "TCP"}))
        .collect();
    let (got, asked, said) = analysed(false, move |seen| page(seen, &json!("2500"), &all, 1000)).await;
    let got = got.unwrap();
    assert!(got.problem.is_none() && said.is_empty());
    // One host, although it comes on three pages.
    assert_eq!((got.hosts, got.rows.len()), (1, 2500));
    let plugins: Vec<&str> = got.rows.iter().map(|(_, _, what)| what.as_str()).collect();
    assert_eq!((plugins[0], plugins[2499]), ("Some(\"0\") Some(0)", "Some(\"2499\") Some(0)"));
    assert_eq!(starts(&asked), [0, 1000, 2000]);
    assert_eq!(
        asked[1],
        json!({
            "type": "vuln", "sourceType": "individual", "scanID": "8", "view": "all", "sortField": "ip", "sortDir": "ASC",
            "startOffset": 1000, "endOffset": 2000,
            "query": {
                "type": "vuln", "tool": "vulndetails", "filters": [], "scanID": "8", "view": "all",
                "startOffset": 1000, "endOffset": 2000,
            },
        })
    );
}

#[tokio::test]
async fn the_same_findings_have_the_same_ids_wherever_they_come_from() {
    let (_vendor, program) = answering(|_| bare(REPORT));
    let sc = connect(&program);
    let file = read(sc.results(&run("8"), &fetch(false, false)).await.unwrap()).await;
    // However the pages are cut, also between findings with equal keys.
    for most in 1..=4 {
        let (got, asked, _) = analysed(false, move |seen| page(seen, &json!("4"), &rows(), most)).await;
        let got = got.unwrap();
        assert!(got.problem.is_none());
        assert_eq!(got.ids(), file.ids(), "{most}");
        assert_eq!((got.hosts, asked.len()), (2, 4_usize.div_ceil(most)));
    }
    let mut shuffled = rows();
    shuffled.swap(0, 3);
    let (got, ..) = analysed(false, move |seen| page(seen, &json!("4"), &shuffled, 9)).await;
    let got = got.unwrap();
    assert_eq!((got.ids(), got.hosts), (file.ids(), 2));
    let mut ids = file.ids();
    ids.dedup();
    assert_eq!(ids.len(), 4, "equal findings have ids of their own");
}

#[tokio::test]
async fn an_analysis_ends_by_its_total_or_by_a_short_page() {
    let many: Vec<Value> = (0..1000).map(|row: u32| json!({"pluginID": row.to_string(), "ip": "192.0.2.1"})).collect();
    let missing_total = many.clone();
    let (got, asked, _) = analysed(false, move |seen| page(seen, &Value::Null, &missing_total, 1000)).await;
    assert_eq!((got.unwrap().rows.len(), starts(&asked)), (1000, vec![0, 1000]));
    let (got, asked, _) = analysed(false, move |seen| page(seen, &json!(1000), &many, 1000)).await;
    assert_eq!((got.unwrap().rows.len(), starts(&asked)), (1000, vec![0]));
    // A product may give less than was asked for.
    let (got, asked, _) = analysed(false, |seen| page(seen, &json!("4"), &rows(), 3)).await;
    assert_eq!((got.unwrap().rows.len(), starts(&asked)), (4, vec![0, 3]));
    for none in [json!({"totalRecords": "0", "results": []}), json!({"totalRecords": 0, "results": null})] {
        let (got, ..) = analysed(false, move |_| ok(none.clone())).await;
        let got = got.unwrap();
        assert!(got.rows.is_empty() && got.problem.is_none());
    }
}

#[tokio::test]
async fn pages_that_contradict_each_other_are_no_whole_result() {
    let (got, ..) = analysed(false, |seen| page(seen, &json!("6"), &rows(), 3)).await;
    let got = got.unwrap();
    assert_eq!(got.rows.len(), 4);
    let problem = got.problem.unwrap();
    assert_eq!(problem.exit(), Exit::BadData);
    assert!(problem.message().ends_with("6 findings were announced, and 4 came"), "{}", problem.message());

    let (got, ..) = analysed(false, |seen| page(seen, &json!("3"), &rows(), 4)).await;
    assert!(got.unwrap_err().message().ends_with("3 findings were announced, and 4 came"));
    let (got, asked, _) =
        analysed(false, |_| ok(json!({"totalRecords": "4", "startOffset": "0", "results": rows()[..2]}))).await;
    let problem = got.unwrap().problem.unwrap();
    assert!(problem.message().ends_with("findings from 2 on were asked for, those from 0 on came"));
    assert_eq!(asked.len(), 2);
    let (got, ..) = analysed(false, |_| ok(json!({"totalRecords": "1", "results": ["no row"]}))).await;
    assert_eq!(got.unwrap().problem.unwrap().exit(), Exit::BadData);
    let (got, ..) = analysed(false, |_| bare("<html>")).await;
    assert_eq!(got.unwrap_err().exit(), Exit::BadData);
    for no_list in [json!({}), json!({"results": null}), json!({"totalRecords": "3"})] {
        let (got, ..) = analysed(false, move |_| ok(no_list.clone())).await;
        assert!(got.unwrap_err().message().ends_with("it has no list of findings"));
    }
}

/// The total is 3 on the first page and this on every other.
fn changing(seen: &Seen, then: &str) -> Reply {
    let total = if body(seen)["startOffset"] == 0 { "3" } else { then };
    page(seen, &json!(total), &rows(), 2)
}

#[tokio::test]
async fn a_total_that_changes_is_said_and_no_whole_result() {
    for (then, came) in [("4", 4), ("1", 4)] {
        let (got, asked, said) = analysed(false, move |seen| changing(seen, then)).await;
        let got = got.unwrap();
        assert_eq!((got.rows.len(), asked.len()), (came, 2), "{then}");
        let problem = got.problem.unwrap();
        assert_eq!(problem.exit(), Exit::BadData);
        assert!(problem.message().starts_with("the findings changed while they were read"));
        let text = format!("profile `sc`: run 8 had 3 findings when the reading began, and now has {then}");
        assert_eq!(said, [text]);
    }
    // Of a run that still writes its findings nothing else can be expected.
    let (vendor, program) = instance(|seen| match seen.line.as_str() {
        "GET /scanResult/8" => ok(result("Running", "No Results", -1)),
        _ => changing(seen, "4"),
    });
    let sc = connect(&program);
    let report = sc.results(&run("8"), &fetch(true, true)).await.unwrap();
    assert_eq!(report.incomplete.as_deref(), Some("the run is running (\"Running\")"));
    let got = read(report).await;
    assert!(got.problem.is_none() && got.rows.len() == 4);
    assert_eq!((program.notices.borrow().len(), vendor.take().len()), (1, 3));
}

#[tokio::test]
async fn an_analysis_that_is_refused_writes_nothing() {
    let (got, ..) = analysed(false, |_| refused(143, "Unable to process vuln query.\n")).await;
    let error = got.unwrap_err();
    assert_eq!((error.exit(), error.answer().code), (Exit::InvalidState, Some(143)));
    assert!(error.hint_text().unwrap().ends_with("`scanctl results 'sc/34@8'` reads the report of the run"));
    let text = "Group 'a' does not have access to the repository that contains the scan result.\n";
    let (got, ..) = analysed(false, move |_| refused(146, text)).await;
    assert_eq!(got.unwrap_err().exit(), Exit::Auth);
    // What comes later ends what came before.
    let (got, ..) = analysed(false, |seen| {
        if body(seen)["startOffset"] == 0 { page(seen, &json!("4"), &rows(), 3) } else { refused(143, "Gone.\n") }
    })
    .await;
    let got = got.unwrap();
    assert_eq!((got.rows.len(), got.problem.unwrap().exit()), (3, Exit::InvalidState));
}

#[tokio::test]
async fn a_page_only_reads_and_is_asked_for_again() {
    let count = std::sync::atomic::AtomicUsize::new(0);
    let (got, asked, _) = analysed(false, move |seen| {
        let first = count.fetch_add(1, std::sync::atomic::Ordering::SeqCst) == 0;
        if first { busy() } else { page(seen, &json!("4"), &rows(), 9) }
    })
    .await;
    assert_eq!((got.unwrap().rows.len(), asked.len()), (4, 2));
}

#[tokio::test]
async fn recorded_rows_are_read_whole() {
    let Some(recorded) = recorded("078") else { return };
    let body: Value = serde_json::from_str(&recorded.body).unwrap();
    let response = &body["response"];
    assert_eq!((response["totalRecords"].as_str(), response["returnedRecords"].as_u64()), (Some("1629"), Some(5)));
    let rows = response["results"].as_array().unwrap().clone();
    // The total is that of a repository, so the recorded page cannot be a result's only one.
    let mut whole = body.clone();
    whole["response"]["totalRecords"] = json!("5");
    let (got, ..) = analysed(false, move |_| bare(whole.to_string())).await;
    let got = got.unwrap();
    assert!(got.problem.is_none());
    assert_eq!((got.hosts, got.rows.len()), (1, rows.len()));
    assert!(got.rows.iter().all(|(_, host, _)| host == "pfsense.home.cugnet.net"));
    assert_eq!(got.rows[2].2, "Some(\"10114\") Some(0)");
}

#[tokio::test]
async fn a_number_that_is_a_run_and_a_scan_is_nothing_until_it_is_told_which() {
    let (vendor, program) = instance(|seen| match seen.line.as_str() {
        "GET /scanResult/8" => ok(result("Completed", "Finished", NOW)),
        "GET /scan/8" => ok(json!({"id": "8", "name": "Eight"})),
        "GET /scanResult" => ok(json!([])),
        _ => missing(),
    });
    let sc = connect(&program);
    for verb in [Verb::Results, Verb::Export] {
        let error = resolved(&*sc, "sc/8", verb).await.unwrap_err();
        assert_eq!(error.exit(), Exit::Usage);
        assert!(matches!(error.detail(), Detail::Candidates(both) if *both == ["sc/@8", "sc/8@latest"]));
        assert_eq!(resolved(&*sc, "sc/@8", verb).await.unwrap(), run("8"));
        assert_eq!(resolved(&*sc, "sc/9", verb).await.unwrap_err().exit(), Exit::NotFound);
    }
    assert!(vendor.lines().iter().all(|line| line.starts_with("GET ")));
}

/// The simulation reads the vendor's pages by itself. Every stored run of it, both ways.
#[tokio::test]
async fn the_simulated_instance_gives_the_same_findings_both_ways() {
    let sandbox = Sandbox::start(Options::default()).unwrap();
    let origin = |name: &str| sandbox.origins().iter().find(|(profile, _)| *profile == name).unwrap().1.clone();
    let keys = "access_key = { command = ['printf', 'access'] }\nsecret_key = { command = ['printf', 'secret'] }";
    let config = format!("[profiles.sc]\nbackend = 'tenable-sc'\nbase_url = '{}'\n{keys}\n", origin("sc"));
    let program = Program::new(&config);
    let sc = connect(&program);
    let (mut compared, mut refused, mut unfiled) = (0, 0, 0);
    for stored in sc.runs(None, &RunQuery::default()).await.unwrap().value {
        let target = run(stored.run.as_ref().unwrap().as_str());
        let file = match sc.results(&target, &fetch(false, false)).await {
            Ok(report) => read(report).await,
            Err(error) => {
                assert_eq!(error.exit(), Exit::InvalidState, "{}", error.one_line());
                refused += usize::from(stored.state != Some(RunState::Completed));
                unfiled += usize::from(stored.state == Some(RunState::Completed));
                continue;
            }
        };
        let rows = read(sc.results(&target, &fetch(false, true)).await.unwrap()).await;
        assert!(file.problem.is_none() && rows.problem.is_none(), "{:?} {:?}", file.problem, rows.problem);
        assert_eq!((file.hosts, file.rows.len()), (rows.hosts, rows.rows.len()));
        // A row of an audit's check does not say which check it is.
        let of_plugins = |got: &Got| {
            let is_check = |what: &str| what.starts_with("Some(\"21157\")");
            let mut ids: Vec<_> = got.rows.iter().filter(|row| !is_check(&row.2)).map(|row| row.0.clone()).collect();
            ids.sort_unstable();
            ids
        };
        assert_eq!(of_plugins(&file), of_plugins(&rows), "{stored:?}");
        compared += 1;
    }
    assert_eq!((compared, refused, unfiled), (8, 4, 1));
}
