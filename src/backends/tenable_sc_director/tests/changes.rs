//! What is looked up before a change, what is sent, and how a change is found whose answer is lost.

use std::time::Instant;

use serde_json::{Value, json};

use super::{run, scan};
use crate::backends::change::{Change, Found};
use crate::backends::definition::Draft;
use crate::backends::sc_rest::testing::{Program, Reply, Seen, Vendor, bare, busy, missing, ok, refused};
use crate::backends::scripted;
use crate::backends::{Backend, Peers as _, Target};
use crate::error::{Detail, Error, Result};
use crate::exit::Exit;
use crate::model::{Operation, ScanId, Support};

const ANN: &str = "F7791B94-A722-4C77-A722-7529CF19D68D";
const ADMIN: &str = "3B0C36CA-3C5B-4B7F-8B1C-5F7D7C1C2F10";
const FAR: &str = "09698C92-B1A2-4526-BA9F-4B4A6B0F81BE";
const BASIC: &str = "91E02A57-505A-4BF6-95B0-AA4C5CCBFBDC";
const REPOSITORY: &str = "6ED5492E-0D90-401B-892D-D1DAF28EAC12";

fn made(id: &str, name: &str, owner: &str) -> Value {
    json!({
        "id": id, "uuid": "B0DD6E59-850B-421B-9498-74DE0177CF64", "name": name, "ownerUUID": owner, "policyUUID": BASIC,
        "repositoryUUID": REPOSITORY, "sciScanID": "1", "SCI": {"id": "3", "name": "SCI 2", "description": ""},
    })
}

/// Instance 3 is well and has a user and a policy; instance 4 is not well. The list of users is not narrowed.
fn director(seen: &Seen) -> Reply {
    let at = |id: &str| json!({"id": id, "name": format!("SCI {id}"), "description": ""});
    match seen.line.as_str() {
        "GET /sci" => {
            ok(json!([{"id": 3, "name": "SCI 2", "status": "1"}, {"id": "4", "name": "SCI 3", "status": "8194"}]))
        }
        "GET /mgmt/user" => ok(json!([
            {"id": "11", "uuid": ANN, "username": "ann", "SCI": at("3"), "organization": {"id": "5", "name": "Org"}},
            {"id": "12", "uuid": ADMIN, "username": "admin", "SCI": at("3"), "organization": {"id": 0, "name": ""}},
            {"id": "13", "uuid": FAR, "username": "far", "sci": at("4"), "organization": {"id": "6", "name": "Org"}},
        ])),
        "GET /mgmt/policy" => ok(json!([{"id": "21", "uuid": BASIC, "name": "Basic"}])),
        "GET /mgmt/scan" => ok(json!([made("40", "Old", ANN)])),
        "POST /mgmt/scan" => ok(made("43", "Weekly", ANN)),
        "GET /mgmt/scan/43" => ok(made("43", "Weekly", ANN)),
        "DELETE /mgmt/scan/43" => ok(json!("")),
        "GET /mgmt/scanResult/70" => ok(json!({
            "id": "70", "name": "Weekly", "status": "Completed", "scan": {"id": "1"}, "SCI": at("3"),
            "sciScanResultID": "8",
        })),
        "POST /mgmt/scanResult/70/email" => ok(json!("")),
        _ => missing(),
    }
}

struct Site {
    vendor: Vendor,
    backend: std::rc::Rc<dyn Backend>,
}

impl Site {
    fn of(script: impl Fn(&Seen) -> Reply + Send + 'static) -> Self {
        let vendor = Vendor::new(script);
        let program = Program::new(&vendor.profile("director", "tenable-sc-director", ""));
        let backend = program.open("director", &[Operation::ScansCreate]).unwrap();
        Self { vendor, backend }
    }

    fn new() -> Self {
        Self::of(director)
    }

    /// What was sent that changes anything.
    fn writes(&self) -> Vec<Seen> {
        self.vendor.take().into_iter().filter(|seen| !seen.line.starts_with("GET ")).collect()
    }
}

fn draft(sets: &[&str]) -> Draft {
    scripted::draft(&super::SPEC.forms.scan, "tenable-sc-director", sets)
}

/// A scan of what is needed, with these over it.
fn create(more: &[&str]) -> Change {
    let (owner, policy) = (format!("owner={ANN}"), format!("policy={BASIC}"));
    let repository = format!("repository={REPOSITORY}");
    let needed = ["name=Weekly", "sci=3", &owner, &policy, &repository, "targets=192.0.2.1"];
    let key = |set: &str| set.split('=').next().unwrap().to_owned();
    let left = needed.into_iter().filter(|set| !more.iter().any(|other| key(other) == key(set)));
    Change::CreateScan(draft(&left.chain(more.iter().copied()).collect::<Vec<_>>()))
}

async fn body(more: &[&str]) -> Result<Value> {
    let prepared = Site::new().backend.prepare_change(&Target::default(), &create(more)).await?;
    Ok(prepared.body.unwrap())
}

#[tokio::test]
async fn a_scan_is_sent_with_every_documented_parameter() {
    let whole = body(&[]).await.unwrap();
    let defaults = json!({
        "name": "Weekly", "type": "policy", "description": "", "sciID": 3, "userUUID": ANN, "policyUUID": BASIC,
        "repositoryUUID": REPOSITORY, "zoneUUID": "", "dhcpTracking": "false", "classifyMitigatedAge": 0,
        "schedule": {"type": "template", "enabled": "true"}, "assets": [], "emailOnLaunch": "false",
        "emailOnFinish": "false", "timeoutAction": "import", "scanningVirtualHosts": "false",
        "rolloverType": "template", "ipList": "192.0.2.1", "maxScanTime": 3600,
    });
    assert_eq!(whole, defaults);
    for (set, key, expected) in [
        ("description=The edge", "description", json!("The edge")),
        ("type=POLICY", "type", json!("policy")),
        ("zone=6ED5492E", "zoneUUID", json!("6ED5492E")),
        ("host_tracking=true", "dhcpTracking", json!("true")),
        ("mitigate_after=30", "classifyMitigatedAge", json!(30)),
        ("assets=2,5", "assets", json!([{"id": 2}, {"id": 5}])),
        ("email_on_launch=true", "emailOnLaunch", json!("true")),
        ("email_on_finish=true", "emailOnFinish", json!("true")),
        ("timeout_action=discard", "timeoutAction", json!("discard")),
        ("virtual_hosts=true", "scanningVirtualHosts", json!("true")),
        ("rollover_type=nextday", "rolloverType", json!("nextDay")),
        ("targets=a.example,192.0.2.0/24", "ipList", json!("a.example,192.0.2.0/24")),
        ("max_scan_time=2h", "maxScanTime", json!(7200)),
        ("max_scan_time=unlimited", "maxScanTime", json!("unlimited")),
        ("schedule.type=never", "schedule", json!({"type": "never", "enabled": "true"})),
        ("schedule.type=rollover", "schedule", json!({"type": "rollover", "enabled": "true"})),
        ("schedule.enabled=false", "schedule", json!({"type": "template", "enabled": "false"})),
    ] {
        let sent = body(&[set]).await.unwrap();
        assert_eq!(sent[key], expected, "{set}");
        let others = |body: &Value| {
            let mut others = body.as_object().unwrap().clone();
            others.remove(key);
            others
        };
        assert_eq!(others(&sent), others(&defaults), "{set} changes nothing else");
    }
    let once = body(&["schedule.start=TZID=UTC:20260105T200000"]).await.unwrap();
    assert_eq!(
        once["schedule"],
        json!({"type": "ical", "start": "TZID=UTC:20260105T200000", "repeatRule": "", "enabled": "true"})
    );
}

#[tokio::test]
async fn what_cannot_be_sent_is_named_before_anything_is() {
    for (set, exit, said) in [
        ("sci=SCI 2", Exit::Usage, "`sci` must be one of the vendor's numbers, not \"SCI 2\""),
        ("assets=2,x", Exit::Usage, "`assets` must be"),
        ("targets=192.0.2.1 192.0.2.2", Exit::Usage, "`targets`: "),
        ("schedule.start=20260105T200000", Exit::Usage, "`schedule.timezone` is missing"),
        ("schedule.repeat=FREQ=DAILY", Exit::Usage, "`schedule.start` is missing"),
        ("sci=9", Exit::NotFound, "`sci` 9: Director has no such instance"),
        ("owner=ann", Exit::NotFound, "`owner` ann: instance 3 has no such user"),
        ("policy=21", Exit::NotFound, "`policy` 21: instance 3 has no such policy"),
        (&format!("owner={FAR}"), Exit::NotFound, &format!("`owner` {FAR} is of instance 4, and `sci` is 3")),
    ] {
        let error = body(&[set]).await.unwrap_err();
        assert_eq!(error.exit(), exit, "{set}");
        assert!(error.message().starts_with(said), "{set}: {}", error.message());
    }
    let hint = async |set: &str| body(&[set]).await.unwrap_err().hint_text().unwrap().to_owned();
    assert_eq!(hint("sci=9").await, "its instances are 3 \"SCI 2\", 4 \"SCI 3\"");
    assert_eq!(hint("owner=ann").await, format!("`owner` goes by uuid: {ANN} \"ann\""));
    assert_eq!(hint("policy=21").await, format!("`policy` goes by uuid: {BASIC} \"Basic\""));
    assert_eq!(hint("owner=x").await, format!("what instance 3 has: {ANN} \"ann\", {ADMIN} \"admin\""));
    let both = body(&["owner=x", "policy=y"]).await.unwrap_err();
    assert!(both.message().contains("`owner` x") && both.message().contains("`policy` y"));
}

#[tokio::test]
async fn references_go_out_as_the_vendor_spells_them() {
    let owner = format!("owner= {} ", ANN.to_lowercase());
    assert_eq!(body(&[&owner]).await.unwrap()["userUUID"], ANN);
}

#[tokio::test]
async fn what_is_doubtful_is_said() {
    let warned = async |more: &[&str]| {
        let site = Site::new();
        site.backend.prepare_change(&Target::default(), &create(more)).await.unwrap()
    };
    let plain = warned(&[]).await;
    assert_eq!(plain.warnings, ["not checked, since no list of them is documented: `repository`"]);
    assert_eq!((plain.message, plain.before), (None, vec!["40".to_owned()]));
    let all = warned(&["zone=x", "assets=2", "name=Old"]).await.warnings;
    assert_eq!(
        all,
        [
            "the instance has scans of that name already: director/40",
            "not checked, since no list of them is documented: `repository`, `zone`, `assets`",
        ]
    );
    assert!(warned(&[&format!("owner={ADMIN}")]).await.warnings[0].contains("administrator"));
    assert!(warned(&["schedule.type=dependent"]).await.warnings[1].contains("no key for it is documented"));
    let by_clock = warned(&["schedule.start=TZID=UTC:20260105T200000"]).await;
    assert_eq!(by_clock.message.as_deref(), Some("its schedule cannot be read back"));
    let unwell = warned(&["sci=4", &format!("owner={FAR}")]).await.warnings;
    assert!(unwell[0].starts_with("Director gives instance 4 \"SCI 3\" the status 8194"), "{unwell:?}");
}

#[tokio::test]
async fn a_scan_is_made_by_one_request_and_named_by_its_answer() {
    let site = Site::new();
    let prepared = site.backend.prepare_change(&Target::default(), &create(&[])).await.unwrap();
    assert!(site.writes().is_empty());
    let applied = site.backend.apply(&prepared).await.unwrap();
    assert_eq!(applied.target, Target { name: Some("Weekly".into()), ..scan("43") });
    assert_eq!(applied.message.as_deref(), Some("that is scan 1 on instance 3 \"SCI 2\""));
    let writes = site.writes();
    assert_eq!(writes.len(), 1);
    assert_eq!(serde_json::from_str::<Value>(&writes[0].body).unwrap(), prepared.body.unwrap());
}

#[tokio::test]
async fn a_new_scan_is_told_by_its_number_and_its_likeness() {
    let told = async |now: Value, answer: fn() -> Reply| {
        let site = Site::of(move |seen| match seen.line.as_str() {
            "POST /mgmt/scan" => answer(),
            "GET /mgmt/scan" if seen.query.contains("owner") => ok(now.clone()),
            _ => director(seen),
        });
        let prepared = site.backend.prepare_change(&Target::default(), &create(&[])).await.unwrap();
        let lost = site.backend.apply(&prepared).await.unwrap_err();
        assert!(lost.lost().is_some(), "{lost}");
        let found = site.backend.find_applied(&prepared, Instant::now()).await.unwrap();
        assert_eq!(site.writes().len(), 1);
        match found {
            Found::Seen(targets) => targets.iter().map(|target| target.scan.as_ref().unwrap().to_string()).collect(),
            other => vec![format!("{other:?}")],
        }
    };
    let page: fn() -> Reply = || bare("<html>");
    let (old, ours) = (made("40", "Weekly", ANN), made("43", "Weekly", ANN));
    assert_eq!(told(json!([old, ours]), page).await, ["43"]);
    assert_eq!(told(json!([old]), page).await, ["NotYet"]);
    assert_eq!(told(json!([old, made("43", "Another", ANN), made("44", "Weekly", FAR)]), busy).await, ["NotYet"]);
    assert_eq!(told(json!([ours, made("44", "Weekly", ANN)]), page).await, ["43", "44"]);
    // What is not shown is no difference.
    assert_eq!(told(json!([{"id": 44, "name": "Weekly"}]), || ok(json!({"name": "Weekly"}))).await, ["44"]);
}

#[tokio::test]
async fn what_could_not_be_checked_is_named_where_director_misses_it() {
    let site = Site::of(|seen| match seen.line.as_str() {
        "POST /mgmt/scan" => refused(146, "Repository does not exist.\n"),
        _ => director(seen),
    });
    let prepared = site.backend.prepare_change(&Target::default(), &create(&[])).await.unwrap();
    let refusal = site.backend.apply(&prepared).await.unwrap_err();
    assert!(refusal.refused() && refusal.exit() == Exit::NotFound);
    assert!(refusal.hint_text().unwrap().contains("`repository`"));
}

#[tokio::test]
async fn a_list_that_cannot_be_read_stops_the_creation() {
    for (line, key) in [("GET /sci", "sci"), ("GET /mgmt/user", "owner"), ("GET /mgmt/policy", "policy")] {
        let site =
            Site::of(move |seen| if seen.line == line { refused(146, "No permission.\n") } else { director(seen) });
        let error = site.backend.prepare_change(&Target::default(), &create(&[])).await.unwrap_err();
        assert_eq!(
            (error.exit(), error.message()),
            (Exit::Auth, &*format!("`{key}` could not be checked, so nothing was sent"))
        );
    }
}

#[tokio::test]
async fn a_scan_is_read_before_it_is_deleted() {
    let site = Site::new();
    let prepared = site.backend.prepare_change(&scan("43"), &Change::DeleteScan).await.unwrap();
    assert_eq!(prepared.target.describe(), "scan 43 \"Weekly\"");
    assert_eq!(prepared.warnings, ["this deletes scan 1 on instance 3 \"SCI 2\""]);
    assert_eq!(prepared.message.as_deref(), Some("that is scan 1 on instance 3 \"SCI 2\""));
    assert_eq!(site.vendor.lines(), ["GET /mgmt/scan/43"]);
    site.backend.apply(&prepared).await.unwrap();
    assert_eq!(site.vendor.lines(), ["DELETE /mgmt/scan/43"]);
    assert_eq!(site.backend.find_applied(&prepared, Instant::now()).await.unwrap(), Found::NotYet);
    let gone = crate::backends::change::PreparedChange::new(&scan("44"), &Change::DeleteScan);
    assert_eq!(site.backend.find_applied(&gone, Instant::now()).await.unwrap(), Found::Seen(vec![scan("44")]));
    let none = site.backend.prepare_change(&scan("44"), &Change::DeleteScan).await.unwrap_err();
    assert_eq!(none.exit(), Exit::NotFound);
    // An answer that is none of this product's proves nothing.
    let site = Site::of(|seen| if seen.line.starts_with("DELETE") { bare("") } else { director(seen) });
    assert!(site.backend.apply(&prepared).await.unwrap_err().lost().is_some());
}

#[tokio::test]
async fn mail_goes_where_director_has_the_call() {
    let email = Change::EmailRun { to: vec!["soc@example.org".into(), "audit@example.org".into()] };
    let site = Site::new();
    let prepared = site.backend.prepare_change(&run("70"), &email).await.unwrap();
    // Whose number the copy's scan has is not said.
    assert_eq!(prepared.target, Target { name: Some("Weekly".into()), ..run("70") });
    site.backend.apply(&prepared).await.unwrap();
    assert_eq!(site.writes()[0].body, r#"{"email":"soc@example.org,audit@example.org"}"#);
    assert_eq!(site.backend.find_applied(&prepared, Instant::now()).await.unwrap(), Found::Untold);
    assert_eq!(site.backend.prepare_change(&run("99"), &email).await.unwrap_err().exit(), Exit::NotFound);

    let site = Site::of(|seen| {
        if seen.line.ends_with("/email") {
            bare(r#"{"response":"","error_code":0,"error_msg":"Error sending email.\n"}"#)
        } else {
            director(seen)
        }
    });
    let unsent = site.backend.apply(&prepared).await.unwrap_err();
    assert!(unsent.refused() && unsent.exit() == Exit::Internal, "{unsent}");
    assert!(unsent.message().contains("Error sending email."));
}

#[tokio::test]
async fn what_director_has_no_call_for_is_refused_unsent() {
    let site = Site::new();
    let copy = Draft::new(&super::SPEC.forms.copy);
    for (change, target, hint) in [
        (Change::UpdateScan(draft(&["name=x"])), scan("43"), "scanctl scans update INSTANCE/SCAN"),
        (Change::CopyScan(copy.clone()), scan("43"), "scanctl scans copy INSTANCE/SCAN"),
        (Change::DeleteRun, run("70"), "INSTANCE/@RUN"),
        (Change::CopyRun { users: vec!["5".into()] }, run("70"), "INSTANCE/@RUN"),
        (
            Change::ImportRun { file: "report.nessus".into(), draft: copy.clone() },
            Target::default(),
            "runs import -p INSTANCE",
        ),
        (Change::ReimportRun(copy.clone()), run("70"), "INSTANCE/@RUN"),
    ] {
        let prepared = crate::backends::change::PreparedChange::new(&target, &change);
        let refusals: [Error; 2] = [
            site.backend.prepare_change(&target, &change).await.unwrap_err(),
            site.backend.apply(&prepared).await.unwrap_err(),
        ];
        for refusal in refusals {
            assert_eq!(refusal.exit(), Exit::Unsupported);
            assert!(refusal.hint_text().unwrap().contains(hint), "{hint}");
            assert!(
                matches!((super::SPEC.support)(change.operation(), None), Support::No(why) if refusal.hint_text() == Some(why))
            );
        }
    }
    assert!(site.vendor.take().is_empty());
}

#[tokio::test]
async fn a_dry_run_reads_and_plans() {
    let vendor = Vendor::new(director);
    let program = Program::dry_run(&vendor.profile("director", "tenable-sc-director", ""));
    let backend = program.open("director", &[Operation::ScansCreate]).unwrap();
    let prepared = backend.prepare_change(&Target::default(), &create(&[])).await.unwrap();
    let error = backend.apply(&prepared).await.unwrap_err();
    let Detail::Planned(planned) = error.detail() else { panic!("{error}") };
    assert_eq!((planned.method.as_str(), planned.path.as_str()), ("POST", "/rest/mgmt/scan"));
    assert_eq!(planned.body, prepared.body);
    let prepared = backend.prepare_change(&scan("43"), &Change::DeleteScan).await.unwrap();
    let error = backend.apply(&prepared).await.unwrap_err();
    assert!(matches!(error.detail(), Detail::Planned(planned) if planned.method == "DELETE"));
    assert!(vendor.lines().iter().all(|line| line.starts_with("GET ")));
    assert_eq!(prepared.target.scan, Some(ScanId::new("43")));
}
