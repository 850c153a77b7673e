//! What the fixtures do not show: what is never asked, what is the same and what is not, and a life of a config on the
//! simulated service.

use std::time::Instant;

use serde_json::{Value, json};

use super::super::SPEC;
use super::super::answer::Config;
use super::{after_an_update, number, shows};
use crate::backends::change::{Change, Found, PreparedChange};
use crate::backends::definition::Draft;
use crate::backends::scripted::{self, Rig, connect, json as answer, target};
use crate::backends::{ScanQuery, Target};
use crate::error::Detail;
use crate::exit::Exit;
use crate::model::Support;
use crate::sandbox::{Options, Sandbox, accepted, cloudflare, faults};

const TOKEN: &str =
    "backend = \"cloudflare\"\naccount_id = \"0123456789abcdef0123456789ABCDEF\"\ntoken = \"0123-token\"";
const LIST: &str = "GET /client/v4/accounts/0123456789abcdef0123456789ABCDEF/cloudforce-one/scans/config";

fn draft(sets: &[&str]) -> Draft {
    scripted::draft(&SPEC.forms.scan, "cloudflare", sets)
}

fn listed(configs: &[Value]) -> Value {
    json!({"success": true, "errors": [], "messages": [], "result": configs})
}

fn config(id: &str, ips: &[&str], ports: &[&str], frequency: Value) -> Value {
    json!({"id": id, "account_id": "x", "ips": ips, "ports": ports, "frequency": frequency})
}

#[tokio::test]
async fn what_the_api_does_not_have_is_refused_unsent() {
    let rig = Rig::new(TOKEN, Vec::new());
    for change in [
        Change::DeleteRun,
        Change::CopyRun { users: vec!["1".into()] },
        Change::EmailRun { to: vec!["a@b".into()] },
        Change::ImportRun { file: "x".into(), draft: Draft::new(&SPEC.forms.import) },
        Change::ReimportRun(Draft::new(&SPEC.forms.reimport)),
    ] {
        assert!(matches!((SPEC.support)(change.operation(), None), Support::No(_)));
        let error = rig.backend.prepare_change(&target("c1", None), &change).await.unwrap_err();
        assert_eq!(error.exit(), Exit::Unsupported);
        let error = rig.backend.apply(&PreparedChange::new(&target("c1", None), &change)).await.unwrap_err();
        assert_eq!(error.exit(), Exit::Unsupported);
    }
    assert!(rig.heard().is_empty());
}

#[test]
fn a_config_is_what_its_three_members_are() {
    let is = |config: Value, body: Value| shows(&serde_json::from_value::<Config>(config).unwrap(), &body);
    let body = json!({"ips": ["1.1.1.1", "2606:4700::1"], "ports": ["22", "80-90"], "frequency": 7});
    let like = |ips: &[&str], ports: &[&str], frequency| is(config("c", ips, ports, frequency), body.clone());
    assert!(like(&["2606:4700:0::1", "1.1.1.1/32"], &["80-90", "22"], json!(7.0)));
    assert!(!like(&["1.1.1.1"], &["80-90", "22"], json!(7)));
    assert!(!like(&["1.1.1.1", "2606:4700::1"], &["22"], json!(7)));
    assert!(!like(&["1.1.1.1", "2606:4700::1"], &["22", "80-90"], json!(7.5)));
    assert!(!like(&["1.1.1.1", "2606:4700::1"], &["22", "80-90"], json!(null)));
    assert!(is(config("c", &[], &[], json!(0.0)), json!({"frequency": 0})));
    assert!(!is(config("c", &[], &[], json!(null)), json!({"frequency": 0})));
    assert_eq!((number(7.0), number(0.5), number(1e300)), (json!(7), json!(0.5), json!(1e300)));
}

#[test]
fn what_is_forgotten_is_said_with_the_way_back() {
    let said = |before, days| after_an_update(before, days, "cf/c1").unwrap_or_default();
    assert!(said(Some(7.0), Some(0)).contains("`scanctl scans update cf/c1 --frequency 7`"));
    assert!(!said(Some(0.5), Some(0)).contains("scanctl") && said(Some(0.5), Some(0)).contains("forgets"));
    assert!(said(Some(0.0), Some(3)).contains("scans next"));
    assert!(said(Some(0.0), None).contains("`scanctl launch cf/c1`"));
    assert_eq!(said(Some(7.0), None), "");
    assert_eq!(said(None, Some(0)), "");
}

#[tokio::test]
async fn every_like_config_is_a_doubt_and_an_unlike_one_is_none() {
    let one_off = Change::CreateScan(draft(&["targets=1.1.1.1", "ports=22, 80"]));
    let configs = [
        config("a", &["1.1.1.1/32"], &["80", "22"], json!(0.0)),
        config("b", &["1.1.1.1"], &["80", "22"], json!(7)),
        config("c", &["1.1.1.1"], &["22", "80"], json!(0)),
        config("d", &["1.1.1.1"], &["default"], json!(0)),
    ];
    let rig = Rig::new(TOKEN, vec![(LIST, answer(200, listed(&configs)))]);
    let prepared = rig.backend.prepare_change(&Target::default(), &one_off).await.unwrap();
    assert_eq!(prepared.doubts, ["another one-off config of the same addresses, ports and frequency as t/a, t/c"]);
    assert_eq!(prepared.before, ["a", "b", "c", "d"]);
    assert_eq!(prepared.body, Some(json!({"ips": ["1.1.1.1"], "ports": ["22", "80"], "frequency": 0})));
    rig.then(vec![(LIST, answer(200, listed(&configs[1..2])))]);
    let prepared = rig.backend.prepare_change(&Target::default(), &one_off).await.unwrap();
    assert!(prepared.doubts.is_empty());
    rig.heard();
}

#[tokio::test]
async fn the_simulated_service_agrees_from_the_making_to_the_deletion() {
    // Every changing request is carried out, and every answer to one is lost.
    let faults = faults::Fault::parse_list("cf:POST:lost=2x,cf:PATCH:lost=1x,cf:DELETE:lost=1x").unwrap();
    let vendor = Box::new(cloudflare::Cloudflare::new(1.0));
    let sandbox = Sandbox::start_with(Options { faults, ..Options::default() }, vec![("cf", vendor)]).unwrap();
    let account = cloudflare::ACCOUNT;
    let settings = format!("backend = \"cloudflare\"\naccount_id = \"{account}\"\ntoken = \"{}\"", accepted::TOKEN);
    let backend = connect(&sandbox.origins()[0].1, &settings, false).unwrap();
    let count = backend.scans(&ScanQuery::default()).await.unwrap().value.len();

    let mut target = Target::default();
    let update = || draft(&["frequency=0", "ports=all", "targets=9.9.9.9,1.0.0.1"]);
    for change in [
        Change::CreateScan(draft(&["targets=9.9.9.9,1.0.0.1", "frequency=7"])),
        Change::CopyScan(Draft::new(&SPEC.forms.copy)),
        Change::UpdateScan(update()),
        Change::DeleteScan,
    ] {
        let prepared = backend.prepare_change(&target, &change).await.unwrap();
        if let Change::UpdateScan(_) = change {
            assert_eq!(prepared.body, Some(json!({"frequency": 0, "ports": ["all"]})));
            assert_eq!(backend.find_applied(&prepared, Instant::now()).await.unwrap(), Found::NotYet);
        }
        let error = backend.apply(&prepared).await.unwrap_err();
        let Detail::Lost(lost) = error.detail() else { panic!("{error}") };
        let Found::Seen(mut found) = backend.find_applied(&prepared, lost.sent).await.unwrap() else {
            panic!("not found")
        };
        assert_eq!(found.len(), 1);
        target = found.remove(0);
    }
    let left = backend.scans(&ScanQuery::default()).await.unwrap().value;
    assert_eq!(left.len(), count + 1);
    assert!(left.iter().all(|scan| Some(&scan.scan) != target.scan.as_ref()));
    let gone = backend.prepare_change(&target, &Change::DeleteScan).await.unwrap_err();
    assert_eq!(gone.exit(), Exit::NotFound);
}
