//! One suite for every backend and every verb, driven by the registry: what a backend says it does must have fixtures
//! that prove it, what it says it cannot do must be refused before anything else happens.
//!
//! The fixtures in `tests/fixtures/BACKEND/VERB.toml` are written from the vendors' documentation and from recorded
//! traffic, not from the program. `SCANCTL_CASE=TEXT` runs only the cases whose name has that text.

#![expect(clippy::disallowed_methods, reason = "which cases run is said by whoever runs them")]

mod case;
mod fixture;
mod subset;
mod unsupported;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use scanctl::backends::REGISTRY;
use scanctl::model::{Operation, Support, Verb};

use self::fixture::{Backend, Fixture};

/// Cases that are under way at a time; each is mostly waiting for a process.
const WORKERS: usize = 8;

fn folder(backend: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(backend)
}

/// Everything a backend can be asked, with the name of its fixture.
fn operations() -> Vec<(String, Operation)> {
    // A comparison asks for results.
    let verbs = Verb::ALL.iter().filter(|verb| **verb != Verb::Diff);
    let mut all: Vec<(String, Operation)> =
        verbs.map(|verb| (verb.name().replace(' ', "-"), verb.operation())).collect();
    all.push(("launch-targets".to_owned(), Operation::Launch { targets: true }));
    all.push(("profiles-check".to_owned(), Operation::Check));
    all
}

/// Whether an operation sends a changing request.
fn changes(operation: Operation) -> bool {
    match operation {
        Operation::Launch { .. }
        | Operation::Control(_)
        | Operation::ScansCreate
        | Operation::ScansUpdate
        | Operation::ScansCopy
        | Operation::ScansDelete
        | Operation::RunsDelete
        | Operation::RunsCopy
        | Operation::RunsEmail
        | Operation::RunsImport
        | Operation::RunsReimport => true,
        Operation::LaunchPorts
        | Operation::Status
        | Operation::Wait
        | Operation::Results
        | Operation::ResultsViaAnalysis
        | Operation::Export
        | Operation::List
        | Operation::ScansList
        | Operation::ScansShow
        | Operation::RunsList
        | Operation::RunsShow
        | Operation::Fields
        | Operation::OneInstance
        | Operation::Window
        | Operation::Optimize
        | Operation::Check => false,
    }
}

#[test]
fn every_supported_verb_has_fixtures_and_nothing_else_has() {
    let mut problems = String::new();
    for spec in REGISTRY {
        let mut expected = BTreeSet::from(["backend.toml".to_owned()]);
        for (name, operation) in operations() {
            if matches!((spec.support)(operation, None), Support::No(_)) {
                continue;
            }
            let file = format!("{name}.toml");
            expected.insert(file.clone());
            if !folder(spec.id).join(&file).is_file() {
                writeln!(problems, "{} {name}: tests/fixtures/{}/{file} is missing", spec.id, spec.id).unwrap();
                continue;
            }
            let fixture = Fixture::read(spec.id, &name);
            for lack in fixture.lacks(changes(operation)) {
                writeln!(problems, "{} {name}: {lack}", spec.id).unwrap();
            }
        }
        for entry in std::fs::read_dir(folder(spec.id)).into_iter().flatten() {
            let file = entry.unwrap().file_name().into_string().unwrap();
            if file.ends_with(".toml") && !expected.contains(&file) {
                writeln!(problems, "{}: {file} is no verb that the backend supports", spec.id).unwrap();
            }
        }
    }
    assert!(problems.is_empty(), "\n{problems}");
}

#[test]
fn every_case_goes_as_documented() {
    let wanted = std::env::var("SCANCTL_CASE").unwrap_or_default();
    let mut backends = Vec::new();
    for spec in REGISTRY {
        if !folder(spec.id).join("backend.toml").is_file() {
            // Told by the test above.
            continue;
        }
        let fixtures: Vec<(String, Fixture)> = operations()
            .into_iter()
            .filter(|(name, _)| folder(spec.id).join(format!("{name}.toml")).is_file())
            .map(|(name, _)| (name.clone(), Fixture::read(spec.id, &name)))
            .collect();
        backends.push((spec.id, Backend::read(spec.id), fixtures));
    }
    let mut jobs = Vec::new();
    for (id, backend, fixtures) in &backends {
        for (verb, fixture) in fixtures {
            for case in &fixture.case {
                let name = format!("{id} {verb}: {}", case.name);
                if name.contains(&wanted) {
                    jobs.push((name, *backend, case));
                }
            }
        }
    }
    let count = jobs.len();
    let (queue, failures) = (Mutex::new(jobs), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| {
                loop {
                    let next = queue.lock().unwrap().pop();
                    let Some((name, backend, case)) = next else { return };
                    let ran = catch_unwind(AssertUnwindSafe(|| case::run(backend, case)));
                    let problem = ran.unwrap_or_else(|_panic| Some("it panicked; see above".to_owned()));
                    let verdict = match (problem, &case.fails) {
                        (None, None) | (Some(_), Some(_)) => continue,
                        (Some(problem), None) => problem,
                        (None, Some(why)) => format!("it was marked as failing ({why}) and does not fail any more\n"),
                    };
                    failures.lock().unwrap().push(format!("=== {name}\n{verdict}"));
                }
            });
        }
    });
    let mut failures = failures.into_inner().unwrap();
    failures.sort();
    assert!(failures.is_empty(), "{} of {count} cases failed\n\n{}", failures.len(), failures.join("\n"));
}
