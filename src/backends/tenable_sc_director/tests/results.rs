//! Results: Director's own file, and the instance as the second way.

use serde_json::{Value, json};

use super::{Site, run};
use crate::backends::report::{Decoder, ExportOrder};
use crate::backends::sc_rest::testing::{
    NOW, Program, Reply, Seen, Vendor, bare, busy, fetch, missing, ok, read, refused,
};
use crate::backends::{Peers as _, RunQuery};
use crate::error::Error;
use crate::exit::Exit;
use crate::model::{ExportFormat, Operation};
use crate::sandbox::{Options, Sandbox};

fn report(plugin: &str) -> String {
    format!(
        "<NessusClientData_v2><Report name=\"x\"><ReportHost name=\"192.0.2.1\"><ReportItem port=\"0\" protocol=\"tcp\" \
         severity=\"1\" pluginID=\"{plugin}\" pluginName=\"p\"/></ReportHost></Report></NessusClientData_v2>"
    )
}

fn over(id: &str, name: &str, status: &str) -> Value {
    json!({
        "id": id, "name": name, "status": status, "importStatus": "Finished", "createdTime": (NOW - 900).to_string(),
        "startTime": (NOW - 890).to_string(), "finishTime": (NOW - 600).to_string(),
    })
}

/// Run 80 has a file here, 81 is refused, 82 says that it has none, 83 answers with what is none, 84 is another run
/// there, 85 is lost on the way, 86 is on an instance that no profile maps, 87 runs, 88 runs by the
/// instance alone.
fn director(seen: &Seen) -> Reply {
    let copy = |id: &str, there: &str| {
        let mut copy = over(id, "Weekly", if id == "87" { "Running" } else { "Completed" });
        copy["SCI"] = json!({"id": if id == "86" { "5" } else { "4" }, "name": "SCI"});
        copy["sciScanResultID"] = json!(there);
        copy["downloadAvailable"] = json!(if id == "82" { "false" } else { "true" });
        ok(copy)
    };
    match seen.line.as_str() {
        "GET /mgmt/scanResult/80" => copy("80", "8"),
        "GET /mgmt/scanResult/81" => copy("81", "8"),
        "GET /mgmt/scanResult/82" => copy("82", "8"),
        "GET /mgmt/scanResult/83" => copy("83", "8"),
        "GET /mgmt/scanResult/84" => copy("84", "9"),
        "GET /mgmt/scanResult/85" => copy("85", "8"),
        "GET /mgmt/scanResult/86" => copy("86", "8"),
        "GET /mgmt/scanResult/87" => copy("87", "10"),
        "GET /mgmt/scanResult/88" => copy("88", "10"),
        "POST /mgmt/scanResult/80/download" => bare(report("1")),
        "POST /mgmt/scanResult/83/download" => ok(json!("")),
        "POST /mgmt/scanResult/85/download" => busy(),
        line if line.ends_with("/download") => refused(146, "Scan Result failed.\n"),
        _ => missing(),
    }
}

/// Instance 4.
fn instance(seen: &Seen) -> Reply {
    match seen.line.as_str() {
        "GET /scanResult/8" => ok(over("8", "Weekly", "Completed")),
        "GET /scanResult/9" => ok(over("9", "Stranger", "Completed")),
        "GET /scanResult/10" => ok(over("10", "Weekly", "Running")),
        "POST /scanResult/8/download" | "POST /scanResult/10/download" => bare(report("2")),
        _ => missing(),
    }
}

fn site() -> Site {
    Site::of(director, instance)
}

fn v2() -> ExportOrder {
    ExportOrder { format: ExportFormat::V2, chapters: Vec::new(), asset: None, password: None }
}

async fn refusal(site: &Site, id: &str) -> Error {
    let director = site.open(Operation::Results);
    director.results(&run(id), &fetch(false, false)).await.map(|_| ()).unwrap_err()
}

#[tokio::test]
async fn a_result_is_directors_own_file() {
    let site = site();
    let director = site.open(Operation::Results);
    let report = director.results(&run("80"), &fetch(false, false)).await.unwrap();
    assert_eq!((report.run.run.as_ref().unwrap().as_str(), report.incomplete.as_deref()), ("80", None));
    assert_eq!(report.notes, ["a copy held by Director; it may lag"]);
    let got = read(report).await;
    assert!(got.problem.is_none());
    assert_eq!(got.rows[0].2, "Some(\"1\") Some(0)");
    let seen = site.director.take();
    assert!(seen[0].query.ends_with(",downloadAvailable,sci,sciScanResult"), "{}", seen[0].query);
    assert_eq!(
        (seen[1].line.as_str(), seen[1].body.as_str()),
        ("POST /mgmt/scanResult/80/download", r#"{"downloadType":"v2"}"#)
    );
    assert_eq!(seen.len(), 2);
    assert!(site.instance.lines().is_empty());
}

#[tokio::test]
async fn the_instance_is_the_second_way_and_shows_the_same_run() {
    for id in ["81", "82", "83"] {
        let site = site();
        let director = site.open(Operation::Results);
        let report = director.results(&run(id), &fetch(false, false)).await.unwrap();
        // What is written names Director's run.
        assert_eq!((report.run.run.as_ref().unwrap().as_str(), report.run.scan.as_ref()), (id, None));
        assert!(
            report.notes.last().unwrap().starts_with("read from the instance, `sc/@8`; Director: "),
            "{:?}",
            report.notes
        );
        assert_eq!(read(report).await.rows[0].2, "Some(\"2\") Some(0)");
        let (here, there) = site.lines();
        assert_eq!(there, ["GET /scanResult/8", "GET /scanResult/8", "POST /scanResult/8/download"]);
        assert_eq!(here.contains(&format!("POST /mgmt/scanResult/{id}/download")), id != "82");
        let exported = director.export(&run(id), &v2(), &fetch(false, false)).await.unwrap();
        assert!(matches!(exported.decoder, Some(Decoder::Nessus)));
        assert_eq!(read(exported).await.bytes, report_bytes("2"));
    }
}

fn report_bytes(plugin: &str) -> Vec<u8> {
    report(plugin).into_bytes()
}

#[tokio::test]
async fn where_the_instance_cannot_be_asked_what_director_said_stands() {
    let site = site();
    // Another run there: nothing of it is fetched.
    let error = refusal(&site, "84").await;
    assert_eq!(error.exit(), Exit::Config);
    assert!(error.message().contains("named \"Stranger\" there and \"Weekly\" here"), "{}", error.message());
    assert_eq!(site.lines().1, ["GET /scanResult/9"]);
    // No profile for it.
    let error = refusal(&site, "86").await;
    assert_eq!(error.exit(), Exit::InvalidState);
    assert!(
        error.one_line().contains("the instance was not asked instead: run 86 is on instance 5"),
        "{}",
        error.one_line()
    );
    assert!(site.lines().1.is_empty());
    // It runs there, which the copy does not show yet.
    let error = refusal(&site, "88").await;
    assert_eq!(error.exit(), Exit::InvalidState);
    assert!(error.message().starts_with("the run is running"), "{}", error.message());
    assert!(error.one_line().contains("Director has no file: "));
    assert!(!site.lines().1.iter().any(|line| line.starts_with("POST")));
}

#[tokio::test]
async fn a_lost_answer_is_no_reason_to_ask_elsewhere() {
    let site = site();
    assert_eq!(refusal(&site, "85").await.exit(), Exit::Network);
    assert!(site.lines().1.is_empty());
}

#[tokio::test]
async fn without_instances_the_refusal_names_them() {
    let vendor = Vendor::new(director);
    let program = Program::new(&vendor.profile("director", "tenable-sc-director", ""));
    let director = program.open("director", &[Operation::Results]).unwrap();
    for id in ["81", "82"] {
        let error = director.results(&run(id), &fetch(false, false)).await.unwrap_err();
        assert_eq!(error.exit(), Exit::InvalidState, "{id}");
        assert!(error.hint_text().unwrap().starts_with("`instances = "));
    }
    assert!(director.results(&run("80"), &fetch(false, false)).await.is_ok());
}

#[tokio::test]
async fn what_is_wrong_with_an_instances_profile_matters_only_where_it_is_needed() {
    let vendor = Vendor::new(director);
    let broken = "[profiles.sc]\nbackend = 'tenable-sc'\nbase_url = 'http://127.0.0.1:9'\n\
                  access_key = { env = 'SCANCTL_TEST_UNSET' }\nsecret_key = { env = 'SCANCTL_TEST_UNSET' }\n";
    let config = vendor.profile("director", "tenable-sc-director", "instances = { '4' = 'sc' }") + broken;
    let director = Program::new(&config).open("director", &[Operation::Results]).unwrap();
    assert!(director.results(&run("80"), &fetch(false, false)).await.is_ok());
    let error = director.results(&run("81"), &fetch(false, false)).await.unwrap_err();
    assert_eq!(error.exit(), Exit::InvalidState);
    assert!(error.one_line().contains("SCANCTL_TEST_UNSET"), "{}", error.one_line());
}

#[tokio::test]
async fn a_copy_that_is_active_is_refused_and_an_analysis_too() {
    let site = site();
    let error = refusal(&site, "87").await;
    assert_eq!(error.exit(), Exit::InvalidState);
    assert!(error.message().starts_with("the run is running"));
    assert_eq!(site.lines().0, ["GET /mgmt/scanResult/87"]);
    let director = site.open(Operation::Results);
    let part = director.results(&run("87"), &fetch(true, false)).await.unwrap();
    assert_eq!(part.incomplete.as_deref(), Some("the run is running (\"Running\")"));
    site.lines();
    let error = director.results(&run("80"), &fetch(false, true)).await.unwrap_err();
    assert_eq!(error.exit(), Exit::Unsupported);
    let scap = ExportOrder { format: ExportFormat::Scap12, ..v2() };
    assert_eq!(director.export(&run("80"), &scap, &fetch(false, false)).await.unwrap_err().exit(), Exit::Unsupported);
    assert_eq!(site.lines(), (Vec::new(), Vec::new()));
}

/// The simulation reads the vendor's pages by itself: Director's copies are the instance's results.
#[tokio::test]
async fn the_simulated_director_gives_what_its_instance_gives() {
    let sandbox = Sandbox::start(Options::default()).unwrap();
    let origin = |name: &str| sandbox.origins().iter().find(|(profile, _)| *profile == name).unwrap().1.clone();
    let keys = "access_key = { command = ['printf', 'access'] }\nsecret_key = { command = ['printf', 'secret'] }";
    let config = format!(
        "[profiles.sc]\nbackend = 'tenable-sc'\nbase_url = '{}'\n{keys}\n[profiles.director]\n\
         backend = 'tenable-sc-director'\nbase_url = '{}'\n{keys}\ninstances = {{ '1' = 'sc' }}\n",
        origin("sc"),
        origin("director")
    );
    let program = Program::new(&config);
    let sc = program.open("sc", &[Operation::Results]).unwrap();
    let director = program.open("director", &[Operation::Results]).unwrap();
    let theirs = sc.runs(None, &RunQuery::default()).await.unwrap().value;
    let (mut compared, mut refused) = (0, 0);
    for copy in director.runs(None, &RunQuery::default()).await.unwrap().value {
        let there = theirs.iter().find(|run| run.created_at == copy.created_at && run.name == copy.name);
        let ours = director.results(&run(copy.run.unwrap().as_str()), &fetch(false, false)).await;
        let (Some(there), Ok(ours)) = (there, ours) else {
            refused += 1;
            continue;
        };
        let theirs = sc.results(&run(there.run.as_ref().unwrap().as_str()), &fetch(false, false)).await.unwrap();
        let (ours, theirs) = (read(ours).await, read(theirs).await);
        assert!(ours.problem.is_none() && !ours.rows.is_empty());
        assert_eq!(ours.ids(), theirs.ids());
        compared += 1;
    }
    // Not whole, without data any more, or stranded on an instance that is broken.
    assert_eq!((compared, refused), (8, 6));
}
