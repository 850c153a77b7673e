//! What the container holds when the sandbox starts. Past runs are dated back from the first request, in real days,
//! so that archived results and old exports can be met without waiting for them.

use serde_json::{Map, Value, json};

use super::imported;
use super::run::{Fate, State, whole};
use super::world::{COLLEAGUE, DARK_SCANNER, Folder, OWN_SCANNER, Policy, TEMPLATES, WEB_TEMPLATE, World};
use crate::sandbox::nessus;

const DAY: f64 = 86400.0;
const BASIC: &str = TEMPLATES[0].2;

/// The container at the start.
pub fn world(speed: f64, now: f64) -> World {
    let mut world = World::new(speed);
    let folder = world.id();
    world.folders.push(Folder { id: folder, name: "Perimeter".to_owned(), kind: "custom" });
    policy(&mut world, now);

    let dmz = scan(
        &mut world,
        now - 120.0 * DAY,
        json!({
            "name": "Weekly DMZ", "text_targets": "192.0.2.12-192.0.2.14,www.example.org", "enabled": true,
            "launch": "WEEKLY", "rrules": "FREQ=WEEKLY;INTERVAL=1;BYDAY=MO", "starttime": "20260105T010000",
            "timezone": "Europe/Berlin", "folder_id": folder, "description": "Everything that faces the internet",
            "emails": "security@example.org"
        }),
    );
    for (days, state, share) in [
        (70.0, State::Completed, 1.0),
        (40.0, State::Completed, 1.0),
        (22.0, State::Aborted, 0.3),
        (15.0, State::Canceled, 0.6),
        (8.0, State::Completed, 1.0),
        (1.0, State::Completed, 1.0),
    ] {
        past(&mut world, dmz, now - days * DAY, state, share, true);
    }

    let web = scan(
        &mut world,
        now - 30.0 * DAY,
        json!({
            "name": "Nightly web servers", "text_targets": "www.example.org,shop.example.org", "enabled": true,
            "launch": "DAILY", "rrules": "FREQ=DAILY;INTERVAL=1", "starttime": "20260101T223000", "timezone": "Etc/UTC"
        }),
    );
    for days in [3.0, 2.0, 1.0] {
        past(&mut world, web, now - days * DAY, State::Completed, 1.0, true);
    }

    scan(
        &mut world,
        now - 9.0 * DAY,
        json!({ "name": "Branch office", "text_targets": "198.51.100.0/28", "enabled": false, "launch": "ON_DEMAND",
            "scanner_id": OWN_SCANNER }),
    );
    scan(&mut world, now - 5.0 * DAY, json!({ "name": "Campus network", "text_targets": "10.20.0.0/22" }));

    for targets in ["203.0.113.20-203.0.113.22", "203.0.113.30"] {
        let twin = scan(&mut world, now - 90.0 * DAY, json!({ "name": "Quarterly PCI", "text_targets": targets }));
        past(&mut world, twin, now - 30.0 * DAY, State::Completed, 1.0, false);
    }

    let flaky = scan(
        &mut world,
        now - 12.0 * DAY,
        json!({ "name": "Flaky appliance", "text_targets": "192.0.2.40-192.0.2.41" }),
    );
    if let Some(scan) = world.scans.get_mut(flaky) {
        scan.fate = Fate::Breaks(0.6);
    }
    past(&mut world, flaky, now - 11.0 * DAY, State::Aborted, 0.6, false);

    scan(
        &mut world,
        now - 4.0 * DAY,
        json!({ "name": "Dark site", "text_targets": "198.51.100.200", "scanner_id": DARK_SCANNER }),
    );

    let window =
        scan(&mut world, now - 2.0 * DAY, json!({ "name": "Change window", "text_targets": "192.0.2.15-192.0.2.17" }));
    // A paused run ages with the speed, so it must not be dated back by real hours.
    let begun = now - 700.0 / world.speed;
    world.launch(window, None, false, begun);
    if let Some(run) = world.scans.get_mut(window).and_then(|scan| scan.runs.last_mut()) {
        run.advance(now - 300.0 / speed);
        run.enter(State::Paused, now - 300.0 / speed);
    }

    let retired = scan(
        &mut world,
        now - 400.0 * DAY,
        json!({ "name": "Old data center", "text_targets": "192.0.2.200", "enabled": false,
            "rrules": "FREQ=MONTHLY;INTERVAL=1;BYMONTHDAY=1", "starttime": "20250101T030000", "timezone": "US/Central" }),
    );
    past(&mut world, retired, now - 200.0 * DAY, State::Completed, 1.0, true);
    if let Some(scan) = world.scans.get_mut(retired) {
        scan.disabled = true;
    }

    let theirs = scan(&mut world, now - 60.0 * DAY, json!({ "name": "Colleague's lab", "text_targets": "192.0.2.90" }));
    past(&mut world, theirs, now - 6.0 * DAY, State::Completed, 1.0, false);
    if let Some(scan) = world.scans.get_mut(theirs) {
        scan.owner = COLLEAGUE.to_owned();
        scan.permissions = 16;
    }

    agents(&mut world, now);
    import(&mut world, now);

    let shop = world.add(
        Some(WEB_TEMPLATE.2),
        settings(json!({ "name": "Web shop", "text_targets": "https://shop.example.org" })),
        now - 20.0 * DAY,
    );
    if let Some(scan) = world.scans.get_mut(shop) {
        scan.web = true;
    }
    past(&mut world, shop, now - 19.0 * DAY, State::Completed, 1.0, false);
    world
}

fn settings(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}

fn scan(world: &mut World, created: f64, value: Value) -> usize {
    world.add(Some(BASIC), settings(value), created)
}

/// A run of the past that took twenty minutes, or the share of it that was done when it ended.
fn past(world: &mut World, place: usize, launched: f64, state: State, share: f64, scheduled: bool) {
    let speed = world.speed;
    world.launch(place, None, scheduled, launched);
    if let Some(scan) = world.scans.get_mut(place) {
        scan.read = true;
        if let Some(run) = scan.runs.last_mut() {
            run.worked = share * 1000.0 / speed;
            run.enter(state, launched + 200.0 + share * 1000.0);
        }
    }
}

fn agents(world: &mut World, now: f64) {
    let place = world.add(
        Some(TEMPLATES[6].2),
        settings(json!({ "name": "Laptops", "agent_group_id": ["8d1f3b5a-7c9e-4b2d-a6f0-1e3c5d7b9f11"],
            "scan_time_window": 180 })),
        now - 50.0 * DAY,
    );
    past(world, place, now - 7.0 * DAY, State::Completed, 1.0, true);
}

fn import(world: &mut World, now: f64) {
    let scanned = whole(now - 10.0 * DAY);
    let hosts = nessus::hosts::scan("198.51.100.12-198.51.100.14", 1, scanned - 900, scanned);
    let text = nessus::report("Acquired company", "Advanced Network Scan", "198.51.100.12-198.51.100.14", &hosts);
    if let Some(upload) = imported::read(text.as_bytes()) {
        super::upload::add_import(world, upload, 3, now - 9.0 * DAY);
    }
}

fn policy(world: &mut World, now: f64) {
    let id = world.id();
    world.policies.push(Policy {
        id,
        template: TEMPLATES[1].2.to_owned(),
        document: settings(json!({ "uuid": TEMPLATES[1].2, "settings": {
            "name": "Quiet scan", "description": "Slow, and without what may hurt", "safe_checks": "yes", "max_checks_per_host": "2"
        } })),
        created: whole(now - 100.0 * DAY),
        modified: whole(now - 100.0 * DAY),
    });
}
