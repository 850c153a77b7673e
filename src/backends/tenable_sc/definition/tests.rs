//! What is written becomes what is sent, and what is shown is compared with it.

use serde_json::{Value, json};

use super::super::SPEC;
use super::{fields, new_scan, update};
use crate::backends::definition::{Draft, Given};
use crate::backends::scripted;
use crate::error::Result;
use crate::exit::Exit;
use crate::model::Difference;

const NEEDED: [&str; 4] = ["name=Weekly", "policy=1000002", "repository=1", "targets=192.0.2.1"];

fn draft(sets: &[&str]) -> Draft {
    scripted::draft(&SPEC.forms.scan, SPEC.id, sets)
}

fn made(sets: &[&str]) -> Result<Value> {
    new_scan(&draft(&[&NEEDED[..], sets].concat()))
}

fn changed(sets: &[&str], shown: Value) -> Result<(Vec<String>, Value)> {
    let (differences, body) = update(&draft(sets), &shown, "sc/34")?;
    Ok((differences.iter().map(Difference::describe).collect(), body))
}

#[test]
fn both_limits_of_time_are_always_sent_and_fit() {
    for (sets, max, idle) in [
        (&[][..], "3600", "3600"),
        (&["max_scan_time=2h"], "7200", "7200"),
        (&["max_scan_time=120h"], "432000", "43200"),
        (&["max_scan_time=unlimited"], "unlimited", "43200"),
        (&["max_scan_time=unlimited", "inactivity_timeout=100h"], "unlimited", "360000"),
        (&["max_scan_time=12h", "inactivity_timeout=3600"], "43200", "3600"),
    ] {
        let body = made(sets).unwrap();
        assert_eq!((&body["maxScanTime"], &body["inactivityTimeout"]), (&max.into(), &idle.into()), "{sets:?}");
    }
    for sets in [&["inactivity_timeout=2h"][..], &["max_scan_time=2h", "inactivity_timeout=7201"]] {
        let error = made(sets).unwrap_err();
        assert!(error.exit() == Exit::Usage && error.message().contains("longer than `max_scan_time`"), "{sets:?}");
    }
}

#[test]
fn what_the_vendor_would_not_take_is_refused_with_the_key() {
    for (set, said) in [
        ("policy=Full Scan", "`policy`"),
        ("repository=", "`repository`"),
        ("zone=Perimeter", "`zone`"),
        ("assets=2,x", "`assets`"),
        ("credentials=-3", "`credentials`"),
        ("reports=12", "`reports`"),
        ("reports=12:weekly", "`reports`"),
        ("reports=a:individual", "`reports`"),
        ("targets=192.0.2.1 192.0.2.2", "`targets`"),
        ("schedule.after=x", "`schedule.after`"),
        ("schedule.type=dependent", "`schedule.after`"),
        ("schedule.type=ical", "`schedule.start`"),
    ] {
        let sets: Vec<&str> = NEEDED
            .into_iter()
            .filter(|needed| needed.split('=').next() != set.split('=').next())
            .chain([set])
            .collect();
        let Ok(given) = sets.iter().map(|set| Given::set(set)).collect::<Result<Vec<_>>>() else { panic!("{set}") };
        // What the form itself refuses is tested with the forms.
        let Ok(draft) = Draft::read(&SPEC.forms.scan, SPEC.id, None, &given) else { continue };
        let error = new_scan(&draft).unwrap_err();
        assert!(error.exit() == Exit::Usage && error.message().contains(said), "{set}: {error}");
    }
    assert_eq!(made(&["zone=-1"]).unwrap()["zone"], json!({"id": 0}));
}

/// What is sent, as the product shows it afterwards: ids and numbers as texts, names beside them.
fn shown(body: &Value) -> Value {
    match body {
        Value::Object(object) => {
            let mut object: serde_json::Map<String, Value> =
                object.iter().map(|(key, value)| (key.clone(), shown(value))).collect();
            if object.contains_key("id") {
                object.insert("name".to_owned(), "Anything".into());
            }
            Value::Object(object)
        }
        Value::Array(items) => items.iter().rev().map(shown).collect(),
        Value::Number(number) => number.to_string().into(),
        other => other.clone(),
    }
}

#[test]
fn every_key_of_the_form_is_sent_and_read_back() {
    let after = ["schedule.after=34", "schedule.type=dependent"];
    let by_clock = ["schedule.start=20260105T200000", "schedule.timezone=UTC", "schedule.type=ical"];
    for key in SPEC.forms.scan.keys {
        let example = format!("{}={}", key.name, key.example.trim_matches(['[', ']']).replace(['"', ' '], ""));
        let mut sets: Vec<&str> = match key.name {
            "schedule.after" => after.to_vec(),
            name if name.starts_with("schedule.") => by_clock.to_vec(),
            "inactivity_timeout" => vec!["max_scan_time=12h"],
            _ => Vec::new(),
        };
        sets.extend(NEEDED);
        sets.retain(|set| set.split('=').next() != Some(key.name));
        sets.push(&example);
        let written = draft(&sets);
        let body = new_scan(&written).unwrap_or_else(|error| panic!("{example}: {error}"));
        let bare = new_scan(&draft(&NEEDED)).unwrap();
        let is_needed = NEEDED.iter().any(|needed| needed.split('=').next() == Some(key.name));
        assert!(is_needed || body != bare, "{example} changes nothing");
        let (differences, body) = update(&written, &shown(&body), "sc/34").unwrap();
        assert_eq!((differences.len(), body), (0, json!({})), "{example}: what is so already is sent");
    }
}

#[test]
fn the_fields_that_are_read_are_those_that_are_written() {
    for (sets, expected) in [
        (&["name=x"][..], "id,name"),
        (&["targets=a", "host_tracking=true"], "id,name,ipList,dhcpTracking"),
        (&["max_scan_time=2h"], "id,name,maxScanTime,inactivityTimeout"),
        (&["schedule.repeat=x", "schedule.enabled=true", "zone=1"], "id,name,zone,schedule"),
    ] {
        assert_eq!(fields(&draft(sets)), expected);
    }
}

#[test]
fn an_update_sends_what_differs_and_tells_it() {
    let scan = || {
        json!({
            "id": "34", "name": "Weekly", "description": null, "ipList": "192.0.2.1,\n192.0.2.2", "maxScanTime": "Unlimited",
            "inactivityTimeout": 43200, "classifyMitigatedAge": "0", "dhcpTracking": true, "zone": {"id": "0", "name": ""},
            "reports": [{"id": "3", "name": "Summary", "reportSource": "individual"}], "credentials": [],
            "schedule": {"id": "7", "type": "dependent", "start": "", "repeatRule": "", "dependentID": "2"},
        })
    };
    for (sets, told, sent) in [
        (&["description=New"][..], &["description: none → New"][..], json!({"description": "New"})),
        (&["targets=192.0.2.2,192.0.2.1"], &[], json!({})),
        (&["max_scan_time=unlimited", "zone=0", "host_tracking=true"], &[], json!({})),
        (&["max_scan_time=24h"], &["max_scan_time: unlimited → 86400"], json!({"maxScanTime": "86400"})),
        (&["reports=3:individual"], &[], json!({})),
        (
            &["reports=3:patched"],
            &["reports: 3:individual → 3:patched"],
            json!({"reports": [{"id": 3, "reportSource": "patched"}]}),
        ),
        (&["credentials=9"], &["credentials: none → 9"], json!({"credentials": [{"id": 9}]})),
        (&["policy=5"], &["policy: unreadable → 5"], json!({"policy": {"id": 5}})),
        (&["schedule.after=2"], &[], json!({})),
        (
            &["schedule.after=3"],
            &["schedule.after: 2 → 3"],
            json!({"schedule": {"type": "dependent", "dependentID": 3}}),
        ),
        (
            &["schedule.start=20260105T200000", "schedule.timezone=UTC"],
            &[
                "schedule.type: dependent → ical (goes with the schedule's new type)",
                "schedule.start: none → TZID=UTC:20260105T200000",
                "schedule.after: 2 → none (goes with the schedule's new type)",
            ],
            json!({"schedule": {"type": "ical", "start": "TZID=UTC:20260105T200000", "repeatRule": ""}}),
        ),
        (
            &["schedule.enabled=false"],
            &["schedule.enabled: none → false"],
            json!({"schedule": {
                "type": "dependent", "dependentID": 2, "enabled": "false",
            }}),
        ),
    ] {
        let (differences, body) = changed(sets, scan()).unwrap();
        assert_eq!(
            (differences.iter().map(String::as_str).collect::<Vec<_>>(), body),
            (told.to_vec(), sent),
            "{sets:?}"
        );
    }
}

#[test]
fn a_limit_that_was_not_named_is_neither_changed_nor_broken() {
    let scan = json!({"id": "34", "maxScanTime": "43200", "inactivityTimeout": "21600"});
    for (sets, hint) in [
        ("max_scan_time=1h", "scanctl scans update sc/34 --max-scan-time 3600 --set inactivity_timeout=3600"),
        ("inactivity_timeout=13h", "scanctl scans update sc/34 --max-scan-time 46800 --set inactivity_timeout=46800"),
    ] {
        let error = changed(&[sets], scan.clone()).unwrap_err();
        assert!(error.exit() == Exit::Usage && error.hint_text().unwrap().ends_with(hint), "{error:?}");
    }
    assert_eq!(changed(&["max_scan_time=6h"], scan.clone()).unwrap().1, json!({"maxScanTime": "21600"}));
    assert!(changed(&["max_scan_time=unlimited"], scan).is_ok());
    // Old versions have no such limit to show.
    assert!(changed(&["max_scan_time=1h"], json!({"id": "34", "maxScanTime": "7200"})).is_ok());
}

#[test]
fn a_schedule_that_is_not_shown_is_not_guessed() {
    for shown in [json!({"id": "34"}), json!({"id": "34", "schedule": {"id": -1, "type": ""}})] {
        let error = changed(&["schedule.enabled=false"], shown.clone()).unwrap_err();
        assert!(error.message().contains("does not show the scan's schedule"), "{error}");
        let (told, body) = changed(&["schedule.type=never"], shown).unwrap();
        assert_eq!(
            (told, body),
            (vec!["schedule.type: unreadable → never".to_owned()], json!({"schedule": {"type": "never"}}))
        );
    }
}
