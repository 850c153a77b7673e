//! Changes against a scripted instance.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use serde_json::{Value, json};

use super::super::SPEC;
use crate::backends::change::{Applied, Change, Found, PreparedChange};
use crate::backends::definition::{Draft, Form};
use crate::backends::sc_rest::testing::{NOW, Program, Reply, Seen, Vendor, bare, busy, missing, ok, refused};
use crate::backends::scripted;
use crate::backends::{Backend, Peers as _, Target};
use crate::error::{Detail, Error, Result};
use crate::exit::Exit;
use crate::model::{Operation, RunId, ScanId};
use std::rc::Rc;

fn instance(script: impl Fn(&Seen) -> Reply + Send + 'static) -> (Vendor, Rc<dyn Backend>) {
    let vendor = Vendor::new(script);
    let program = Program::new(&vendor.profile("sc", "tenable-sc", ""));
    let sc = program.open("sc", &[Operation::ScansCreate]).unwrap();
    (vendor, sc)
}

fn draft(form: &'static Form, sets: &[&str]) -> Draft {
    scripted::draft(form, SPEC.id, sets)
}

fn scan(id: &str) -> Target {
    Target { scan: Some(ScanId::new(id)), ..Target::default() }
}

fn run(id: &str) -> Target {
    Target { run: Some(RunId::new(id)), ..Target::default() }
}

fn new_scan() -> Change {
    let sets = ["name=Weekly", "policy=1000002", "repository=1", "targets=192.0.2.1"];
    Change::CreateScan(draft(&SPEC.forms.scan, &sets))
}

async fn both(sc: &dyn Backend, target: &Target, change: &Change) -> Result<(PreparedChange, Applied), Error> {
    let prepared = sc.prepare_change(target, change).await?;
    let applied = sc.apply(&prepared).await?;
    Ok((prepared, applied))
}

#[tokio::test]
async fn a_scan_that_is_made_is_the_one_of_the_answer() {
    for (answer, expected) in [
        (json!({"id": "40", "name": "Weekly", "policyID": "1"}), Some("40")),
        (json!({"id": 40}), Some("40")),
        (json!(""), None),
        (json!([]), None),
        (json!({"name": "Weekly"}), None),
    ] {
        let told = answer.clone();
        let (vendor, sc) = instance(move |_| ok(answer.clone()));
        let made = both(&*sc, &Target::default(), &new_scan()).await;
        assert_eq!(vendor.lines(), ["POST /scan"], "{told}");
        match (made, expected) {
            (Ok((_, applied)), Some(id)) => assert_eq!(applied.target.scan, Some(ScanId::new(id))),
            // It was taken, so what became of it is looked for.
            (Err(lost), None) => assert!(lost.lost().is_some() && lost.exit() == Exit::UnknownOutcome, "{told}"),
            (made, _) => panic!("{told}: {made:?}"),
        }
    }
}

#[tokio::test]
async fn a_lost_scan_is_new_by_the_vendors_clock_and_has_the_name() {
    let made = |id: &str, name: &str, ago: i64| json!({"id": id, "name": name, "createdTime": (NOW - ago).to_string()});
    for (scans, expected) in [
        (vec![made("1", "Weekly", 7200), made("2", "Weekly", 1), made("3", "Other", 0)], vec!["2"]),
        (vec![made("2", "Weekly", 1), made("3", "Weekly", 0)], vec!["2", "3"]),
        (vec![made("1", "Weekly", 5), json!({"id": "2", "name": "Weekly"})], vec![]),
    ] {
        let (_vendor, sc) = instance(move |seen| match seen.line.as_str() {
            "GET /scan" => ok(json!({"usable": scans, "manageable": scans})),
            _ => busy(),
        });
        let prepared = sc.prepare_change(&Target::default(), &new_scan()).await.unwrap();
        let lost = sc.apply(&prepared).await.unwrap_err();
        let found = sc.find_applied(&prepared, lost.lost().unwrap().sent).await.unwrap();
        let ids = match found {
            Found::Seen(targets) => targets.iter().map(|target| target.scan.clone().unwrap().to_string()).collect(),
            Found::NotYet => Vec::new(),
            Found::Untold => panic!("it can be told"),
        };
        assert_eq!(ids, expected);
    }
}

#[tokio::test]
async fn a_copy_says_whose_it_is_and_what_it_is_called() {
    let (vendor, sc) = instance(|seen| match seen.line.as_str() {
        "GET /scan/34" => ok(json!({"id": "34", "name": "Weekly"})),
        "GET /currentUser" => ok(json!({"id": "2", "username": "api"})),
        "POST /scan/34/copy" => ok(json!({"scan": {"id": "41", "name": "Copy of Weekly"}})),
        _ => missing(),
    });
    let change = Change::CopyScan(Draft::new(&SPEC.forms.copy));
    let (_, applied) = both(&*sc, &scan("34"), &change).await.unwrap();
    assert_eq!(applied.target, Target { name: Some("Copy of Weekly".into()), ..scan("41") });
    let sent = vendor.take().pop().unwrap();
    assert_eq!(sent.body, r#"{"name":"Copy of Weekly","targetUser":{"id":2}}"#);
    let named = Change::CopyScan(draft(&SPEC.forms.copy, &["user=5", "name=Nightly"]));
    both(&*sc, &scan("34"), &named).await.unwrap();
    let seen = vendor.take();
    assert_eq!(seen.len(), 2, "whose it is was said");
    assert_eq!(seen[1].body, r#"{"name":"Nightly","targetUser":{"id":5}}"#);
}

#[tokio::test]
async fn an_update_is_seen_by_its_effect() {
    for (shown, expected) in [
        (json!({"id": "34", "name": "New", "emailOnFinish": "true"}), Found::Seen(Vec::new())),
        (json!({"id": "34", "name": "New", "emailOnFinish": "false"}), Found::NotYet),
        // What cannot be read proves nothing, whatever else is as it should be.
        (json!({"id": "34", "name": "New"}), Found::Untold),
        (json!({"id": "34", "name": "Old"}), Found::NotYet),
    ] {
        let asked = AtomicBool::new(false);
        let (_vendor, sc) = instance(move |_| match asked.swap(true, Ordering::SeqCst) {
            false => ok(json!({"id": "34", "name": "Old", "emailOnFinish": "false"})),
            true => ok(shown.clone()),
        });
        let change = Change::UpdateScan(draft(&SPEC.forms.scan, &["name=New", "email_on_finish=true"]));
        let prepared = sc.prepare_change(&scan("34"), &change).await.unwrap();
        assert_eq!(prepared.differences.len(), 2);
        let found = sc.find_applied(&prepared, Instant::now()).await.unwrap();
        assert_eq!(std::mem::discriminant(&found), std::mem::discriminant(&expected), "{found:?}");
    }
    let (_vendor, sc) = instance(|_| ok(json!({"id": "34", "name": "Old"})));
    let change = Change::UpdateScan(draft(&SPEC.forms.scan, &["email_on_finish=true"]));
    let prepared = sc.prepare_change(&scan("34"), &change).await.unwrap();
    assert_eq!(sc.find_applied(&prepared, Instant::now()).await.unwrap(), Found::Untold);
}

#[tokio::test]
async fn a_mail_that_could_not_be_sent_is_a_failure() {
    const FAILED: &str =
        r#"{"type":"regular","response":"","error_code":0,"error_msg":"Error sending email.\n","timestamp":1}"#;
    let (vendor, sc) = instance(|seen| match seen.line.as_str() {
        "GET /scanResult/8" => ok(json!({"id": "8", "name": "Weekly", "status": "Completed"})),
        _ => bare(FAILED),
    });
    let change = Change::EmailRun { to: vec!["a@example.org".into(), "b@example.org".into()] };
    let error = both(&*sc, &run("8"), &change).await.unwrap_err();
    assert!(error.exit() == Exit::Internal && error.refused() && error.message().contains("Error sending email."));
    let seen = vendor.take();
    assert_eq!(seen.last().unwrap().body, r#"{"email":"a@example.org,b@example.org"}"#);
    assert_eq!(seen.len(), 2, "never sent twice");
}

fn file() -> (tempfile::TempDir, Change) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("report.nessus");
    std::fs::write(&file, "<NessusClientData_v2/>").unwrap();
    (folder, Change::ImportRun { file, draft: draft(&SPEC.forms.import, &["repository=1", "virtual_hosts=true"]) })
}

#[tokio::test]
async fn an_import_is_the_new_result_that_is_named_so() {
    let result =
        |id: &str, name: &str, ago: i64| json!({"id": id, "name": name, "createdTime": (NOW - ago).to_string()});
    let mine = "Manual Import - report.nessus";
    let before = result("7", mine, 3600);
    for (new, expected) in [
        (vec![result("9", mine, 0), result("10", "Weekly", 0)], vec!["9"]),
        (vec![result("9", mine, 0), result("11", "Manual Import - other.nessus", 0)], vec!["9"]),
        (vec![result("9", mine, 0), result("11", mine, 1)], vec!["9", "11"]),
        // Somebody else's, however alone it is.
        (vec![result("11", "Manual Import - other.nessus", 0)], vec![]),
        (vec![result("11", "Manual Import - my-report.nessus", 0)], vec![]),
        (vec![result("9", "Manual Import - renamed", 0)], vec![]),
        (vec![result("9", mine, 600)], vec![]),
        (vec![json!({"id": "9", "name": mine})], vec!["9"]),
        (vec![], vec![]),
    ] {
        let (imported, old) = (AtomicBool::new(false), before.clone());
        let (vendor, sc) = instance(move |seen| match seen.line.as_str() {
            "GET /scanResult" => {
                let new = if imported.load(Ordering::SeqCst) { &new[..] } else { &[] };
                let listed = [std::slice::from_ref(&old), new].concat();
                ok(json!({"usable": listed}))
            }
            "POST /file/upload" => {
                ok(json!({"filename": "fdSzCv", "originalFilename": "report.nessus", "context": []}))
            }
            "POST /scanResult/import" => {
                imported.store(true, Ordering::SeqCst);
                ok(json!(""))
            }
            _ => missing(),
        });
        let (_folder, change) = file();
        let (prepared, applied) = both(&*sc, &Target::default(), &change).await.unwrap();
        assert_eq!((applied.target, prepared.before.clone()), (Target::default(), vec!["7".to_owned()]));
        let seen = vendor.take();
        assert!(seen[0].query.starts_with("startTime=0&endTime=9999999999&"), "{}", seen[0].query);
        assert!(seen[1].headers["content-type"].starts_with("multipart/form-data; boundary="));
        let body: Value = serde_json::from_str(&seen[2].body).unwrap();
        assert_eq!(body, json!({"filename": "fdSzCv", "repository": {"id": 1}, "scanningVirtualHosts": "true"}));
        let found = match sc.find_applied(&prepared, Instant::now()).await.unwrap() {
            Found::Seen(targets) => targets.iter().map(|target| target.run.clone().unwrap().to_string()).collect(),
            _ => Vec::new(),
        };
        assert_eq!(found, expected);
    }
}

#[tokio::test]
async fn an_import_that_fails_leaves_nothing_and_is_never_taken_for_another_failure() {
    for (upload, import, exit, lost, lines) in [
        (ok(json!({"filename": "f"})), refused(146, "Bad repository.\n"), Exit::Usage, false, 4),
        (ok(json!({"filename": "f"})), busy(), Exit::UnknownOutcome, true, 3),
        (ok(json!({"filename": "f"})), bare("<html>"), Exit::UnknownOutcome, true, 3),
        // Only the file may be there.
        (busy(), busy(), Exit::Network, false, 2),
        (bare("<html>"), busy(), Exit::Network, false, 2),
        (ok(json!({"content": ""})), busy(), Exit::Network, false, 2),
        (refused(146, "Too large.\n"), busy(), Exit::Usage, false, 2),
    ] {
        let replies = std::sync::Mutex::new((Some(upload), Some(import)));
        let (vendor, sc) = instance(move |seen| match seen.line.as_str() {
            "GET /scanResult" => ok(json!([])),
            "POST /file/upload" => replies.lock().unwrap().0.take().unwrap(),
            "POST /scanResult/import" => replies.lock().unwrap().1.take().unwrap(),
            _ => ok(json!("")),
        });
        let (_folder, change) = file();
        let error = both(&*sc, &Target::default(), &change).await.unwrap_err();
        assert_eq!((error.exit(), error.lost().is_some()), (exit, lost), "{error}");
        let seen = vendor.take();
        assert_eq!(seen.len(), lines, "{error}");
        if lines == 4 {
            assert_eq!((seen[3].line.as_str(), seen[3].body.as_str()), ("POST /file/clear", r#"{"filename":"f"}"#));
        }
    }
}

#[tokio::test]
async fn another_import_is_seen_by_the_results_own() {
    let over = json!({"status": "Completed", "running": "false", "importStatus": "Finished", "importStart": "100"});
    let with = |key: &str, value: Value| {
        let mut import = over.clone();
        import[key] = value;
        import
    };
    let at = |start: i64| with("importStart", start.to_string().into());
    let begun = at(NOW);
    let seen = Found::Seen(vec![Target { name: Some("Weekly".into()), ..run("8") }]);
    for (before, after, expected) in [
        (&over, &begun, &seen),
        (&with("importStatus", json!("Error")), &begun, &seen),
        (&over, &over, &Found::NotYet),
        (&over, &with("importStatus", json!("Import Pending")), &Found::NotYet),
        // Begun before the request was sent: somebody else's.
        (&over, &at(NOW - 600), &Found::NotYet),
        (&at(NOW), &at(NOW), &Found::NotYet),
        // The first import of a run moves it as well.
        (&with("status", json!("Running")), &begun, &Found::Untold),
        (&with("running", json!("true")), &begun, &Found::Untold),
        (&with("importStatus", json!("No Results")), &begun, &Found::Untold),
        (&with("importStatus", json!("Importing")), &begun, &Found::Untold),
        (&with("importStart", json!("-1")), &begun, &Found::Untold),
    ] {
        let whole = |import: &Value| {
            let mut import = import.clone();
            import["id"] = "8".into();
            import["name"] = "Weekly".into();
            import
        };
        let (before, after) = (whole(before), whole(after));
        let (told, asked) = (format!("{before} {after}"), AtomicBool::new(false));
        let (_vendor, sc) =
            instance(move |_| ok(if asked.swap(true, Ordering::SeqCst) { after.clone() } else { before.clone() }));
        let change = Change::ReimportRun(Draft::new(&SPEC.forms.reimport));
        let prepared = sc.prepare_change(&run("8"), &change).await.unwrap();
        assert_eq!((prepared.target.name.as_deref(), prepared.body.as_ref()), (Some("Weekly"), Some(&json!({}))));
        assert_eq!(&sc.find_applied(&prepared, Instant::now()).await.unwrap(), expected, "{told}");
    }
}

#[tokio::test]
async fn deletions_are_seen_by_what_is_gone_and_others_by_nothing() {
    let gone = AtomicBool::new(false);
    let (vendor, sc) = instance(move |seen| match seen.line.as_str() {
        "DELETE /scan/34" | "DELETE /scanResult/8" => {
            gone.store(true, Ordering::SeqCst);
            bare("<html>signed out</html>")
        }
        _ if gone.load(Ordering::SeqCst) => missing(),
        "GET /scan/0A-34" | "GET /scan/34" => ok(json!({"id": "34", "name": "Weekly"})),
        _ => ok(json!({"id": "8", "name": "Weekly", "status": "Paused"})),
    });
    let run_over = sc.prepare_change(&run("8"), &Change::DeleteRun).await.unwrap();
    assert_eq!(run_over.doubts, ["deletion of run 8 while it is Paused"]);
    let prepared = sc.prepare_change(&scan("0A-34"), &Change::DeleteScan).await.unwrap();
    assert_eq!(sc.find_applied(&prepared, Instant::now()).await.unwrap(), Found::NotYet);
    let lost = sc.apply(&prepared).await.unwrap_err();
    assert!(lost.lost().is_some());
    assert!(vendor.lines().contains(&"DELETE /scan/34".to_owned()), "by its number, however it was named");
    let Found::Seen(targets) = sc.find_applied(&prepared, Instant::now()).await.unwrap() else { panic!("it is gone") };
    assert_eq!(targets, [Target { name: Some("Weekly".into()), ..scan("34") }]);
    for change in [Change::CopyRun { users: vec!["5".into()] }, Change::EmailRun { to: vec!["a@b".into()] }] {
        let prepared = PreparedChange::new(&run("8"), &change);
        assert_eq!(sc.find_applied(&prepared, Instant::now()).await.unwrap(), Found::Untold);
    }
}

#[tokio::test]
async fn a_dry_run_plans_every_change() {
    let vendor = Vendor::new(|seen| match seen.line.as_str() {
        "GET /scanResult" => ok(json!([])),
        line if line.starts_with("GET /scanResult") => ok(json!({"id": "8", "name": "Weekly", "status": "Completed"})),
        "GET /currentUser" => ok(json!({"id": "2"})),
        line if line.starts_with("GET ") => ok(json!({"id": "34", "name": "Weekly", "emailOnFinish": "false"})),
        line => panic!("{line} was sent"),
    });
    let program = Program::dry_run(&vendor.profile("sc", "tenable-sc", ""));
    let sc = program.open("sc", &[Operation::ScansCreate]).unwrap();
    let (_folder, import) = file();
    for (target, change, line) in [
        (Target::default(), new_scan(), "POST /rest/scan"),
        (scan("34"), Change::UpdateScan(draft(&SPEC.forms.scan, &["email_on_finish=true"])), "PATCH /rest/scan/34"),
        (scan("34"), Change::CopyScan(Draft::new(&SPEC.forms.copy)), "POST /rest/scan/34/copy"),
        (scan("34"), Change::DeleteScan, "DELETE /rest/scan/34"),
        (run("8"), Change::DeleteRun, "DELETE /rest/scanResult/8"),
        (run("8"), Change::CopyRun { users: vec!["5".into()] }, "POST /rest/scanResult/8/copy"),
        (run("8"), Change::EmailRun { to: vec!["a@b".into()] }, "POST /rest/scanResult/8/email"),
        (run("8"), Change::ReimportRun(Draft::new(&SPEC.forms.reimport)), "POST /rest/scanResult/8/import"),
        (Target::default(), import, "POST /rest/file/upload"),
    ] {
        let error = both(&*sc, &target, &change).await.unwrap_err();
        let Detail::Planned(planned) = error.detail() else { panic!("{line}: {error}") };
        assert_eq!(format!("{} {}", planned.method, planned.path), line);
        if line.ends_with("upload") {
            let then = error.hint_text().unwrap();
            assert!(then.starts_with(r#"then POST /rest/scanResult/import {"scanningVirtualHosts":"true","#), "{then}");
        }
    }
}
