//! Changes against the simulated service, an independent reading of the same pages, and the recorded answers. What is
//! sent and answered case by case is in the conformance suite.

use std::path::PathBuf;
use std::rc::Rc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::backends::change::{Applied, Change, Found, PreparedChange};
use crate::backends::definition::{Draft, Form};
use crate::backends::scripted::{self, Rig, connect, json as answer, reply, target, with};
use crate::backends::tenable_io::form::FORMS;
use crate::backends::{Backend, RunQuery, ScanQuery, Target};
use crate::error::{Detail, Result};
use crate::exit::Exit;
use crate::model::{RunState, Scan};
use crate::sandbox::{Options, Sandbox, accepted};

const KEYS: &str = "backend = \"tenable-io\"\naccess_key = \"0123-access\"\nsecret_key = \"0123-secret\"";
const REPORT: &str =
    "<?xml version=\"1.0\" ?>\n<NessusClientData_v2><Report name=\"Imported DMZ\"></Report></NessusClientData_v2>\n";

fn draft(form: &'static Form, sets: &[&str]) -> Draft {
    scripted::draft(form, "tenable-io", sets)
}

fn creation() -> Change {
    Change::CreateScan(draft(&FORMS.scan, &["name=Nightly", "template=basic", "targets=192.0.2.1,192.0.2.2"]))
}

fn simulated() -> (Sandbox, Rc<dyn Backend>) {
    let sandbox = Sandbox::start(Options { speed: 50.0, ..Options::default() }).unwrap();
    let origin = sandbox.origins().iter().find(|(name, _)| *name == "io").unwrap().1.clone();
    let settings = format!(
        "backend = \"tenable-io\"\naccess_key = \"{}\"\nsecret_key = \"{}\"",
        accepted::ACCESS_KEY,
        accepted::SECRET_KEY
    );
    let backend = connect(&origin, &settings, false).unwrap();
    (sandbox, backend)
}

async fn done(backend: &Rc<dyn Backend>, target: &Target, change: &Change) -> Result<(PreparedChange, Applied)> {
    let prepared = backend.prepare_change(target, change).await?;
    let applied = backend.apply(&prepared).await?;
    Ok((prepared, applied))
}

async fn shown(backend: &Rc<dyn Backend>, target: &Target) -> Scan {
    backend.scan(target, &ScanQuery::default()).await.unwrap().value
}

#[tokio::test]
async fn the_whole_life_of_a_scan() {
    let (_sandbox, backend) = simulated();
    let begun = Instant::now();
    let none = Target::default();
    let sets = [
        "name=Nightly",
        "template=basic",
        "targets=192.0.2.1",
        "scanner=Branch scanner",
        "schedule.start=20400102T200000",
        "timezone=Europe/Berlin",
    ];
    let (prepared, made) = done(&backend, &none, &Change::CreateScan(draft(&FORMS.scan, &sets))).await.unwrap();
    let scan = shown(&backend, &made.target).await;
    assert_eq!((scan.name.as_deref(), scan.enabled), (Some("Nightly"), Some(true)));
    assert_eq!(scan.schedule.as_deref(), Some("FREQ=ONETIME;INTERVAL=1 20400102T200000 Europe/Berlin"));
    assert_eq!(backend.find_applied(&prepared, begun).await.unwrap(), Found::Seen(vec![made.target.clone()]));

    let update = |sets: &[&str]| Change::UpdateScan(draft(&FORMS.scan, sets));
    let same = backend.prepare_change(&made.target, &update(&["name=Nightly", "targets=192.0.2.1"])).await.unwrap();
    assert!(same.differences.is_empty() && same.doubts.is_empty(), "{same:?}");
    let change = update(&["targets=192.0.2.9", "description=The edge"]);
    let prepared = backend.prepare_change(&made.target, &change).await.unwrap();
    assert_eq!(prepared.differences.len(), 2, "{:?}", prepared.differences);
    assert_eq!(backend.find_applied(&prepared, begun).await.unwrap(), Found::NotYet);
    backend.apply(&prepared).await.unwrap();
    assert_eq!(backend.find_applied(&prepared, begun).await.unwrap(), Found::Seen(vec![prepared.target.clone()]));
    // Neither the scanner nor the schedule was lost.
    let again = backend.prepare_change(&made.target, &update(&["name=x"])).await.unwrap();
    let branch = backend.prepare_change(&made.target, &update(&["scanner=Branch scanner"])).await.unwrap();
    assert!(branch.differences.is_empty(), "{:?}", branch.differences);
    assert_eq!(again.body.unwrap()["settings"]["enabled"], json!(true));
    assert_eq!(shown(&backend, &made.target).await.schedule, scan.schedule);

    let sets = ["scanner=AUTO-ROUTED", "network=3f2504e0-4f89-11d3-9a0c-0305e82c3309"];
    done(&backend, &made.target, &update(&sets)).await.unwrap();
    done(&backend, &made.target, &update(&["name=Nightly", "description=Routed"])).await.unwrap();
    let routed = backend.prepare_change(&made.target, &update(&sets)).await.unwrap();
    assert!(routed.differences.is_empty() && routed.doubts.is_empty(), "{routed:?}");

    let (prepared, copied) = done(&backend, &made.target, &Change::CopyScan(draft(&FORMS.copy, &[]))).await.unwrap();
    assert_eq!(copied.target.name.as_deref(), Some("Copy of Nightly"));
    assert_eq!(backend.find_applied(&prepared, begun).await.unwrap(), Found::Seen(vec![copied.target.clone()]));

    for gone in [&copied.target, &made.target] {
        let prepared = backend.prepare_change(gone, &Change::DeleteScan).await.unwrap();
        assert_eq!(backend.find_applied(&prepared, begun).await.unwrap(), Found::NotYet);
        backend.apply(&prepared).await.unwrap();
        assert!(matches!(backend.find_applied(&prepared, begun).await.unwrap(), Found::Seen(seen) if seen.len() == 1));
        let again = done(&backend, gone, &Change::DeleteScan).await.unwrap_err();
        assert_eq!(again.exit(), Exit::NotFound);
    }
}

#[tokio::test]
async fn a_report_goes_in_and_its_run_comes_out_and_is_deleted() {
    let (_sandbox, backend) = simulated();
    let begun = Instant::now();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("report.nessus");
    std::fs::write(&file, REPORT).unwrap();
    let change = Change::ImportRun { file, draft: draft(&FORMS.import, &[]) };
    let (prepared, made) = done(&backend, &Target::default(), &change).await.unwrap();
    assert_eq!(made.target.name.as_deref(), Some("Imported DMZ"));
    assert!(made.target.run.as_ref().is_some_and(|run| run.as_str().len() == 52), "{:?}", made.target);
    assert_eq!(backend.find_applied(&prepared, begun).await.unwrap(), Found::Seen(vec![made.target.clone()]));
    let run = backend.status(&made.target).await.unwrap().value;
    assert_eq!(run.state, Some(RunState::Imported));
    let runs = backend.runs(Some(&made.target), &RunQuery::default()).await.unwrap().value;
    assert_eq!(runs.len(), 1);

    let runs = backend.runs(None, &RunQuery::default()).await.unwrap().value;
    let over = runs.into_iter().find(|run| run.state == Some(RunState::Completed)).unwrap();
    let named = Target { scan: over.scan, run: over.run, name: None };
    let (prepared, deleted) = done(&backend, &named, &Change::DeleteRun).await.unwrap();
    assert_eq!(deleted.target.run, named.run);
    assert!(matches!(backend.find_applied(&prepared, begun).await.unwrap(), Found::Seen(_)));
    assert_eq!(done(&backend, &named, &Change::DeleteRun).await.unwrap_err().exit(), Exit::NotFound);
}

#[tokio::test]
async fn a_dry_run_reads_and_sends_nothing_that_changes() {
    let templates = json!({"templates": [{"name": "basic", "title": "Basic", "uuid": "731a8e52"}]});
    let script = vec![
        ("GET /editor/scan/templates", answer(200, templates)),
        ("GET /scans", answer(200, json!({"scans": [{"id": 219, "name": "Nightly"}]}))),
    ];
    let rig = Rig::with(KEYS, script, "", true);
    let planned = done(&rig.backend, &Target::default(), &creation()).await.unwrap_err();
    let Detail::Planned(request) = planned.detail() else { panic!("{planned:?}") };
    assert_eq!((request.method.as_str(), request.path.as_str()), ("POST", "/scans"));
    assert_eq!(
        request.body,
        Some(json!({"uuid": "731a8e52", "settings": {"name": "Nightly", "text_targets": "192.0.2.1,192.0.2.2"}}))
    );
    assert_eq!(rig.lines(), ["GET /editor/scan/templates", "GET /scans"]);
}

#[tokio::test]
async fn what_tenable_vm_does_not_do_is_refused_unsent() {
    let rig = Rig::new(KEYS, Vec::new());
    let run = target("219", Some("647ca798"));
    for change in [
        Change::CopyRun { users: vec!["5".to_owned()] },
        Change::EmailRun { to: vec!["soc@example.org".to_owned()] },
        Change::ReimportRun(draft(&FORMS.reimport, &[])),
    ] {
        assert_eq!(done(&rig.backend, &run, &change).await.unwrap_err().exit(), Exit::Unsupported);
        let refused = rig.backend.apply(&PreparedChange::new(&run, &change)).await.unwrap_err();
        assert_eq!(refused.exit(), Exit::Unsupported);
        let prepared = PreparedChange::new(&run, &change);
        assert_eq!(rig.backend.find_applied(&prepared, Instant::now()).await.unwrap(), Found::Untold);
    }
    assert!(rig.heard().is_empty());
}

#[tokio::test]
async fn only_what_was_made_since_then_counts() {
    let row =
        |id: u32, name: &str, made: i64| json!({"id": id, "name": name, "status": "empty", "creation_date": made});
    let list = |rows: &[Value]| with(answer(200, json!({ "scans": rows })), "Date", "Thu, 21 Nov 2019 15:39:37 GMT");
    let asked = 1_574_350_777 - 20;
    let rig = Rig::new(KEYS, Vec::new());
    let prepared = PreparedChange {
        before: vec!["9".to_owned()],
        ..PreparedChange::new(&Target::default(), &creation()).body(json!({"settings": {"name": "Nightly"}}))
    };
    for (rows, found) in [
        (vec![row(1, "Nightly", asked - 2), row(2, "Other", asked + 5)], vec![]),
        (vec![row(1, "Nightly", asked - 1)], vec!["1"]),
        (vec![row(1, "Nightly", asked), row(2, "Nightly", asked + 20)], vec!["1", "2"]),
        (vec![json!({"id": 3, "name": "Nightly"})], vec![]),
        // It was there, and was launched for the first time.
        (vec![row(9, "Nightly", asked + 5)], vec![]),
    ] {
        rig.then(vec![("GET /scans", list(&rows))]);
        let sent = Instant::now().checked_sub(Duration::from_secs(20)).unwrap();
        let seen = match rig.backend.find_applied(&prepared, sent).await.unwrap() {
            Found::Seen(targets) => targets.iter().map(|target| target.scan.clone().unwrap().to_string()).collect(),
            Found::NotYet => Vec::new(),
            Found::Untold => panic!("the list tells"),
        };
        assert_eq!(seen, found, "{rows:?}");
    }
    let _all_was_asked = rig.heard();
}

#[tokio::test]
async fn an_import_is_known_by_its_id_and_the_name_of_its_report() {
    let folder = tempfile::tempdir().unwrap();
    let written = |name: &str, content: &str| {
        let file = folder.path().join(name);
        std::fs::write(&file, content).unwrap();
        let change = Change::ImportRun { file, draft: draft(&FORMS.import, &[]) };
        PreparedChange { before: vec!["9".to_owned()], ..PreparedChange::new(&Target::default(), &change) }
    };
    let (named, unnamed) = (written("report.nessus", REPORT), written("report.db", "no document"));
    let row = |id: u32, name: &str, status: &str| json!({"id": id, "name": name, "status": status, "uuid": format!("run-{id}"), "creation_date": 1_574_350_770});
    let seen = |ids: &[u32], name: &str| {
        let targets = ids
            .iter()
            .map(|id| Target { name: Some(name.to_owned()), ..target(&id.to_string(), Some(&format!("run-{id}"))) });
        Found::Seen(targets.collect())
    };
    let rig = Rig::new(KEYS, Vec::new());
    for (prepared, rows, found) in [
        (&named, vec![row(1, "Imported DMZ", "imported"), row(2, "Theirs", "imported")], seen(&[1], "Imported DMZ")),
        (&named, vec![row(1, "Theirs", "imported")], Found::NotYet),
        (&named, vec![row(9, "Imported DMZ", "imported")], Found::NotYet),
        (&named, vec![row(1, "Imported DMZ", "empty")], Found::NotYet),
        (&unnamed, vec![row(9, "Theirs", "imported")], Found::NotYet),
        (&unnamed, vec![row(1, "Theirs", "imported")], Found::Untold),
        (&unnamed, vec![row(1, "One", "imported"), row(2, "One", "imported")], seen(&[1, 2], "One")),
    ] {
        let list = with(answer(200, json!({ "scans": rows })), "Date", "Thu, 21 Nov 2019 15:39:20 GMT");
        rig.then(vec![("GET /scans", list)]);
        assert_eq!(rig.backend.find_applied(prepared, Instant::now()).await.unwrap(), found, "{rows:?}");
    }
    let _all_was_asked = rig.heard();
}

#[tokio::test]
async fn an_update_is_seen_only_if_all_of_it_is() {
    let editor = |name: &str, groups: Option<Value>| {
        let mut inputs = vec![json!({"id": "name", "default": name}), json!({"id": "scanner_id", "default": "s"})];
        inputs.extend(groups.map(|groups| json!({"id": "target_groups", "default": groups})));
        answer(200, json!({"uuid": "731a8e52", "settings": {"basic": {"inputs": inputs}}}))
    };
    let scan = target("219", None);
    let named = Target { name: Some("new".to_owned()), ..scan.clone() };
    for (sets, name, groups, found) in [
        (&["name=new"][..], "new", None, Found::Seen(vec![named.clone()])),
        (&["name=new"], "old", None, Found::NotYet),
        (&["name=new", "target_groups=2"], "old", None, Found::NotYet),
        (&["name=new", "target_groups=2"], "new", None, Found::Untold),
        (&["name=new", "target_groups=2"], "new", Some(json!([2])), Found::Seen(vec![named])),
        (&["target_groups=2"], "old", None, Found::Untold),
    ] {
        let rig = Rig::new(KEYS, vec![("GET /editor/scan/219", editor("old", None))]);
        let change = Change::UpdateScan(draft(&FORMS.scan, sets));
        let prepared = rig.backend.prepare_change(&scan, &change).await.unwrap();
        rig.then(vec![("GET /editor/scan/219", editor(name, groups))]);
        assert_eq!(rig.backend.find_applied(&prepared, Instant::now()).await.unwrap(), found, "{sets:?} {name}");
        let _all_was_asked = rig.heard();
    }
}

#[tokio::test]
async fn an_update_whose_answer_names_no_scan_is_unknown() {
    let change = Change::UpdateScan(draft(&FORMS.scan, &["name=new"]));
    let prepared = PreparedChange::new(&target("219", None), &change).body(json!({"settings": {"name": "new"}}));
    for (body, is_lost) in [(json!({}), true), (json!({"error": "no"}), true), (json!({"id": 219}), false)] {
        let rig = Rig::new(KEYS, vec![("PUT /scans/219", answer(200, body.clone()))]);
        let lost = rig.backend.apply(&prepared).await.err().map(|problem| problem.lost().is_some());
        assert_eq!(lost, is_lost.then_some(true), "{body}");
        let _all_was_asked = rig.heard();
    }
}

#[tokio::test]
async fn a_refused_request_is_final_and_a_lost_one_is_said_to_be_lost() {
    let body = json!({"settings": {"name": "Nightly"}});
    let prepared = PreparedChange::new(&Target::default(), &creation()).body(body);
    for (refusal, exit, lost) in [
        (answer(400, json!({"error": "no"})), Exit::Usage, false),
        (answer(412, json!({"error": "API is not available"})), Exit::Unsupported, false),
        (answer(500, json!({"message": "An internal server error occurred."})), Exit::UnknownOutcome, true),
        (reply(200, ""), Exit::UnknownOutcome, true),
        (reply(200, "<html>"), Exit::UnknownOutcome, true),
        (answer(200, json!({"scan": {"uuid": "template-4ab61abb"}})), Exit::UnknownOutcome, true),
        (answer(200, json!([])), Exit::UnknownOutcome, true),
    ] {
        let rig = Rig::new(KEYS, vec![("POST /scans", refusal)]);
        let refused = rig.backend.apply(&prepared).await.unwrap_err();
        assert_eq!((refused.exit(), refused.lost().is_some()), (exit, lost), "{}", refused.one_line());
        assert_eq!(rig.lines(), ["POST /scans"]);
    }
}

/// The recorded answers to creations, updates, copies, imports and deletions.
#[tokio::test]
async fn recorded_answers_are_understood() {
    #[expect(clippy::disallowed_methods, reason = "where the recorded traffic lies is the caller's choice")]
    let Ok(folder) = std::env::var("SCANCTL_SAMPLES") else {
        eprintln!("left out: SCANCTL_SAMPLES is not set");
        return;
    };
    let mut told = 0;
    for part in ["pytenable", "sdk-python"] {
        for file in std::fs::read_dir(PathBuf::from(&folder).join("tenable-io").join(part)).unwrap() {
            let read: Value = serde_json::from_slice(&std::fs::read(file.unwrap().path()).unwrap()).unwrap();
            let (request, response) = (&read["request"], &read["response"]);
            let (method, path) = (request["method"].as_str().unwrap(), request["path_with_query"].as_str().unwrap());
            let segments: Vec<&str> = path.trim_start_matches('/').split(['/', '?']).collect();
            let change = match (method, segments.as_slice()) {
                ("POST", ["scans"]) => creation(),
                ("PUT", ["scans", _]) => Change::UpdateScan(draft(&FORMS.scan, &["name=x"])),
                ("POST", ["scans", _, "copy"]) => Change::CopyScan(draft(&FORMS.copy, &[])),
                ("DELETE", ["scans", _]) => Change::DeleteScan,
                ("DELETE", ["scans", _, "history", _]) => Change::DeleteRun,
                ("POST", ["scans", "import", _]) => {
                    let file = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"));
                    Change::ImportRun { file, draft: draft(&FORMS.import, &[]) }
                }
                _ => continue,
            };
            let line = format!("{method} {}", path.split('?').next().unwrap());
            let body = response["body"].as_str().unwrap_or_default();
            let status = u16::try_from(response["status"].as_u64().unwrap()).unwrap();
            let rig = Rig::new(KEYS, Vec::new());
            if matches!(change, Change::ImportRun { .. }) {
                rig.then(vec![("POST /file/upload", answer(200, json!({"fileuploaded": "Filedata"})))]);
            }
            rig.then(vec![(&line, reply(status, body))]);
            let named = target(segments.get(1).unwrap_or(&"219"), segments.get(3).copied());
            let prepared = PreparedChange::new(&named, &change).body(json!({}));
            match (status, rig.backend.apply(&prepared).await) {
                (200, Ok(applied)) if change.makes() => {
                    let answered: Value = serde_json::from_str(body).unwrap();
                    let inner = answered.get("scan").unwrap_or(&answered);
                    assert_eq!(applied.target.scan.unwrap().as_str(), inner["id"].to_string());
                    assert_eq!(applied.target.name.as_deref(), inner["name"].as_str());
                    let run = applied.target.run.map(|run| run.to_string());
                    assert_eq!(run.is_some(), matches!(change, Change::ImportRun { .. }));
                    assert!(run.is_none_or(|run| inner["uuid"] == run));
                }
                (200, Ok(applied)) => assert_eq!(applied.target.scan, named.scan),
                (404, Err(refused)) => assert_eq!(refused.exit(), Exit::NotFound),
                (status, outcome) => panic!("{line} {status}: {outcome:?}"),
            }
            let _all_was_asked = rig.heard();
            told += 1;
        }
    }
    assert!(told > 15, "{told} recordings of changes");
}
