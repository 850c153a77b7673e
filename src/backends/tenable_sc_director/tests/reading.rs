//! Lists and single objects: what is asked for, and what is shown of it.

use serde_json::json;

use super::{Site, ids, run, scan};
use crate::backends::sc_rest::testing::{Program, Reply, Vendor, missing, ok, refused};
use crate::backends::{Peers as _, RunQuery, ScanQuery};
use crate::exit::Exit;
use crate::model::{Operation, Support};

fn fields(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[tokio::test]
async fn scans_say_where_they_are_and_nothing_that_cannot_be_read() {
    let site = Site::new();
    let director = site.open(Operation::ScansList);
    let scans = director.scans(&ScanQuery::default()).await.unwrap();
    assert_eq!(scans.value.len(), 4);
    assert_eq!(scans.notes, ["on instance 4 \"SCI 4\", profile `sc`: 43, 45, 46", "on instance 5 \"SCI 5\": 44"]);
    let one = director.scan(&scan("43"), &ScanQuery::default()).await.unwrap().value;
    assert_eq!((one.scan.as_str(), one.name.as_deref()), ("43", Some("Basic Scan")));
    assert_eq!(one.targets.unwrap(), ["192.26.28.0/24"]);
    assert_eq!((one.schedule, one.enabled, one.last_run), (None, None, None));
}

#[tokio::test]
async fn fields_are_passed_on_and_what_nobody_asked_for_is_left_out() {
    let site = Site::new();
    let director = site.open(Operation::ScansList);
    let query = ScanQuery { fields: fields(&["maxScanTime", "sci", " name"]), ..ScanQuery::default() };
    let scans = director.scans(&query).await.unwrap();
    let shown = scans.value[0].fields.clone().unwrap();
    assert_eq!((&shown["maxScanTime"], &shown["name"]), (&json!("unlimited"), &json!("Basic Scan")));
    assert!(shown.get("SCI").is_some() && shown.get("id").is_none() && shown.get("uuid").is_none(), "{shown}");
    let one = director.scan(&scan("43"), &query).await.unwrap().value.fields.unwrap();
    assert_eq!(one, shown);
    let queries: Vec<String> = site.director.take().into_iter().map(|seen| seen.query.replace('+', " ")).collect();
    assert_eq!(queries, ["fields=id,name,maxScanTime,sci", "fields=id,name,maxScanTime,sci"]);

    let query = RunQuery { fields: fields(&["status", "sciScanResult"]), ..RunQuery::default() };
    let one = director.run(&run("70"), &query).await.unwrap().value;
    assert_eq!((one.run.unwrap().as_str(), one.name.as_deref()), ("70", Some("Basic Scan")));
    let shown = one.fields.unwrap();
    assert_eq!((&shown["status"], &shown["sciScanResultID"]), (&json!("Running"), &json!("8")));
    assert!(shown.get("id").is_none() && shown.get("scan").is_none(), "{shown}");
    let own = director.runs(Some(&scan("43")), &query).await.unwrap();
    assert_eq!(ids(&own.value), ["70", "69"]);
    assert_eq!(own.value[0].fields, Some(shown));
    let asked = site.director.take();
    assert!(
        asked.iter().any(|seen| { seen.query.ends_with("fields=id,name,createdTime,scan,sci,sciScanResult,status") }),
        "{asked:?}"
    );
    // Nothing but the vendor's object without such a query.
    assert_eq!(director.run(&run("70"), &RunQuery::default()).await.unwrap().value.fields, None);
    assert_eq!(director.scans(&ScanQuery::default()).await.unwrap().value[0].fields, None);
}

#[tokio::test]
async fn one_scan_comes_whole_and_a_list_with_what_is_shown() {
    let site = Site::new();
    let director = site.open(Operation::ScansShow);
    director.scan(&scan("43"), &ScanQuery::default()).await.unwrap();
    director.scans(&ScanQuery::default()).await.unwrap();
    let queries: Vec<String> = site.director.take().into_iter().map(|seen| seen.query).collect();
    assert_eq!(queries, ["", "fields=id,uuid,name,SCI,organization,sciScanID,ipList"]);
}

#[tokio::test]
async fn lists_are_narrowed_by_directors_numbers() {
    let site = Site::new();
    let director = site.open(Operation::ScansList);
    let query = |instance: Option<&str>, organization: Option<&str>| ScanQuery {
        instance: instance.map(str::to_owned),
        organization: organization.map(str::to_owned),
        ..ScanQuery::default()
    };
    for (query, expected) in [
        (query(Some("4"), None), "&sciID=4"),
        (query(None, Some("0")), "&orgID=0"),
        (query(Some("4"), Some("3")), "&sciID=4&orgID=3"),
    ] {
        director.scans(&query).await.unwrap();
        assert!(site.director.take()[0].query.ends_with(expected), "{expected}");
    }
    for query in [query(Some("SCI 3"), None), query(Some(""), None), query(None, Some("-1"))] {
        let error = director.scans(&query).await.unwrap_err();
        assert_eq!(error.exit(), Exit::Usage);
        assert!(error.message().starts_with("`--") && site.director.take().is_empty());
    }
}

#[tokio::test]
async fn an_empty_instance_is_explained_as_far_as_director_can() {
    let vendor = Vendor::new(|seen| match seen.line.as_str() {
        "GET /mgmt/scan" => ok(json!([])),
        "GET /sci" => ok(json!([
            {"id": "3", "name": "SCI 2", "status": "1"}, {"id": "4", "name": "SCI 3", "status": 8194},
            {"id": "5", "name": "SCI 4"},
        ])),
        _ => missing(),
    });
    let program = Program::new(&vendor.profile("director", "tenable-sc-director", ""));
    let director = program.open("director", &[Operation::ScansList]).unwrap();
    let read = async |instance: &str| {
        director.scans(&ScanQuery { instance: Some(instance.to_owned()), ..ScanQuery::default() }).await
    };
    assert!(read("3").await.unwrap().notes.is_empty());
    assert!(read("5").await.unwrap().notes.is_empty(), "no status, no verdict");
    let unwell = read("4").await.unwrap().notes;
    assert_eq!(
        unwell,
        ["Director gives instance 4 \"SCI 3\" the status 8194, where 1 is well, so its scans may be missing here"]
    );
    let error = read("9").await.unwrap_err();
    assert_eq!((error.exit(), error.message()), (Exit::NotFound, "Director has no instance 9"));
    assert_eq!(error.hint_text(), Some("its instances are 3 \"SCI 2\", 4 \"SCI 3\", 5 \"SCI 4\""));
    // Of no instance in particular there is nothing to explain.
    vendor.take();
    director.scans(&ScanQuery::default()).await.unwrap();
    assert_eq!(vendor.lines(), ["GET /mgmt/scan"]);

    let silent = Vendor::new(|seen| if seen.line == "GET /mgmt/scan" { ok(json!([])) } else { refused(146, "No.") });
    let program = Program::new(&silent.profile("director", "tenable-sc-director", ""));
    let director = program.open("director", &[Operation::ScansList]).unwrap();
    let query = ScanQuery { instance: Some("9".to_owned()), ..ScanQuery::default() };
    assert!(director.scans(&query).await.unwrap().notes.is_empty());
}

#[tokio::test]
async fn an_empty_organization_is_one_that_director_lists() {
    let told = async |organizations: fn() -> Reply, organization: &str| {
        let vendor = Vendor::new(move |seen| match seen.line.as_str() {
            "GET /mgmt/scan" => ok(json!([])),
            "GET /mgmt/organization" => organizations(),
            _ => missing(),
        });
        let program = Program::new(&vendor.profile("director", "tenable-sc-director", ""));
        let director = program.open("director", &[Operation::ScansList]).unwrap();
        let query = ScanQuery { organization: Some(organization.to_owned()), ..ScanQuery::default() };
        let read = director.scans(&query).await;
        (read, vendor.lines())
    };
    // Their numbers on the instances are others.
    let two = || {
        ok(json!([
            {"id": "5", "name": "Example", "sciOrgID": "9", "SCI": {"id": "3", "name": "SCI 2"}},
            {"id": 6, "name": "Branch", "sciOrgID": "1", "SCI": {"id": "4", "name": "SCI 3"}},
        ]))
    };
    for known in ["5", "6", "06"] {
        let (read, lines) = told(two, known).await;
        assert!(read.unwrap().notes.is_empty());
        assert_eq!(lines, ["GET /mgmt/scan", "GET /mgmt/organization"]);
    }
    let (read, _) = told(two, "9").await;
    let error = read.unwrap_err();
    assert_eq!((error.exit(), error.message()), (Exit::NotFound, "Director has no organization 9"));
    assert_eq!(error.hint_text(), Some("its organizations are 5 \"Example\", 6 \"Branch\""));
    // Administrators are of none.
    let (read, lines) = told(two, "0").await;
    assert!(read.unwrap().notes.is_empty());
    assert_eq!(lines, ["GET /mgmt/scan"]);
    for (silent, why) in [
        ((|| refused(146, "No permission.")) as fn() -> Reply, "Director's organizations could not be read ("),
        (|| ok(json!([])), "Director shows no organizations"),
    ] {
        let (read, _) = told(silent, "9").await;
        let notes = read.unwrap().notes;
        assert!(notes.len() == 1 && notes[0].starts_with(why), "{notes:?}");
        assert!(notes[0].ends_with("so whether there is an organization 9 is not known"), "{notes:?}");
    }
}

#[tokio::test]
async fn a_span_of_time_is_asked_for_and_said() {
    let site = Site::new();
    let director = site.open(Operation::RunsList);
    let query = RunQuery {
        since: "2023-11-14T00:00:00.9Z".parse().ok(),
        until: "2023-11-15T00:00:00Z".parse().ok(),
        ..RunQuery::default()
    };
    for target in [None, Some(scan("43"))] {
        let runs = director.runs(target.as_ref(), &query).await.unwrap();
        assert!(runs.notes.contains(&"runs created from 2023-11-14T00:00:00Z to 2023-11-15T00:00:00Z".to_owned()));
        let asked = site.director.take();
        let asked = asked.iter().find(|seen| seen.line == "GET /mgmt/scanResult").unwrap();
        assert!(asked.query.starts_with("startTime=1699920000&endTime=1700006400&fields=id,name,status,"), "{asked:?}");
    }
}

#[test]
fn only_an_instance_optimizes() {
    let support = super::SPEC.support;
    for operation in [Operation::Fields, Operation::OneInstance, Operation::Window] {
        assert_eq!(support(operation, None), Support::Native, "{operation:?}");
    }
    assert!(matches!(support(Operation::Optimize, None), Support::No(_)));
}

#[tokio::test]
async fn nothing_is_made_of_answers_that_say_nothing() {
    for hollow in [json!({}), json!({"name": "Basic Scan"}), json!({"id": "70"})] {
        let shown = hollow.clone();
        let vendor = Vendor::new(move |_| ok(shown.clone()));
        let program = Program::new(&vendor.profile("director", "tenable-sc-director", ""));
        let director = program.open("director", &[Operation::Status]).unwrap();
        assert_eq!(director.status(&run("70")).await.unwrap_err().exit(), Exit::BadData, "{hollow}");
        if hollow.get("id").is_none() {
            let unread = director.scan(&scan("43"), &ScanQuery::default()).await.unwrap_err();
            assert_eq!(unread.exit(), Exit::BadData, "{hollow}");
        }
    }
}
