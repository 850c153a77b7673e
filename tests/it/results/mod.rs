//! `results`, `export` and `diff` as their users meet them: files, pipes, gates, comparisons, hints.

mod comparing;
mod files;
mod filters;
mod guide;
mod said;
mod terminal;

use scanctl::sandbox::nessus;

use crate::common::Env;
use crate::common::env::Output;

/// A home with two reports of the same network, `older.nessus` and `newer.nessus`, which differ.
fn home() -> Env {
    let env = Env::new();
    for (name, run) in [("older.nessus", 1), ("newer.nessus", 2)] {
        let hosts = nessus::hosts::scan("192.0.2.0/28,db.example.org", run, 1_700_000_000, 1_700_000_600);
        env.file(name, nessus::report("Weekly DMZ", "policy", "192.0.2.0/28", &hosts), 0o644);
    }
    env
}

/// Runs a shell script in the sandbox, with `scanctl` on its path.
fn in_sandbox(env: &Env, script: &str) -> Output {
    let program = std::path::Path::new(env!("CARGO_BIN_EXE_scanctl"));
    let folder = program.parent().and_then(|folder| folder.to_str()).expect("a plain folder");
    let script = format!("PATH={folder}:$PATH; export PATH; {script}");
    env.run(&["sandbox", "--speed", "100000", "--", "sh", "-c", &script])
}
