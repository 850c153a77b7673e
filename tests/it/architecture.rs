//! The directions in which modules may use each other, and what may be touched in one place alone.
//!
//! Read from the source text: a rule that costs a compiler plugin is a rule that nobody keeps.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// What each module of the crate may use of it. A new module says so here, and why in its own documentation.
const MAY_USE: &[(&str, &[&str])] = &[
    ("exit", &[]),
    ("text", &[]),
    ("error", &["exit"]),
    ("model", &["error", "exit"]),
    ("secret", &["error", "exit"]),
    ("interrupt", &["exit"]),
    ("config", &["error", "exit", "model", "secret"]),
    ("poll", &["config"]),
    ("ui", &["error", "exit", "text"]),
    ("http", &["config", "error", "exit", "poll", "secret", "text"]),
    ("findings", &["error", "exit", "model"]),
    ("output", &["error", "exit", "findings", "model", "text", "ui"]),
    ("backends", &["config", "error", "exit", "findings", "http", "model", "poll", "secret"]),
    ("wait", &["backends", "error", "exit", "interrupt", "model", "poll"]),
    ("context", &["backends", "config", "error", "exit", "http", "interrupt", "model", "ui"]),
    ("sandbox", &[]),
    (
        "commands",
        &[
            "backends",
            "cli",
            "config",
            "context",
            "error",
            "exit",
            "findings",
            "interrupt",
            "model",
            "output",
            "poll",
            "sandbox",
            "secret",
            "ui",
            "wait",
        ],
    ),
    ("cli", &["commands", "config", "context", "error", "exit", "output", "ui"]),
    ("lib", &[]),
    ("main", &["cli"]),
];

/// Files of `backends` that several backends share. They are no backends.
const SHARED_BY_BACKENDS: [&str; 5] = ["wire", "sc_rest", "report", "definition", "change"];

/// Where the text of a secret may be taken out.
const MAY_EXPOSE: [&str; 7] = [
    // Sources: a literal that is handed on.
    "src/secret.rs",
    // Every text of the config file is kept as a secret until its key is known.
    "src/config/settings.rs",
    // Headers.
    "src/http/auth.rs",
    // Striking secrets out of what vendors echo.
    "src/http/scrub.rs",
    // The proxy's address may carry a password.
    "src/http/connection.rs",
    // The body of a login goes out.
    "src/http/request.rs",
    // The body of a login is put together.
    "src/backends/sc_rest/session.rs",
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every file below a folder of the project, by its path from the project's root.
fn files(folder: &str) -> Vec<(String, PathBuf)> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap_or_else(|problem| panic!("{}: {problem}", folder.display())) {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(root()).unwrap().to_str().unwrap().to_owned();
            if path.is_dir() && !matches!(name.as_str(), "target" | ".git") {
                folders.push(path);
            } else if path.is_file() && name != ".git" {
                found.push((name, path));
            }
        }
    }
    found.sort();
    found
}

fn rust_files(folder: &str) -> Vec<(String, String)> {
    let rust = files(folder).into_iter().filter(|(name, _)| name.ends_with(".rs"));
    rust.map(|(name, path)| (name, fs::read_to_string(path).unwrap())).collect()
}

/// The source of the program alone: without test modules, in files of their own or at the end of a file.
fn program_files() -> Vec<(String, String)> {
    const TESTS: &str = "#[cfg(test)]\nmod ";
    let all = rust_files("src");
    let mut tests: Vec<Vec<String>> = Vec::new();
    for (name, text) in &all {
        for (at, _) in text.match_indices(TESTS) {
            let declared = text[at + TESTS.len()..].split(|symbol| !is_word(symbol)).next().unwrap().to_owned();
            tests.push(module(name).into_iter().filter(|part| part != "lib").chain([declared]).collect());
        }
    }
    let program = all.into_iter().filter(|(name, _)| !tests.iter().any(|test| module(name).starts_with(test)));
    program
        .map(|(name, text)| {
            let end = text.find("#[cfg(test)]\nmod tests {").unwrap_or(text.len());
            (name, text[..end].to_owned())
        })
        .collect()
}

/// The module path of a source file: `src/http/auth.rs` is `http`, `auth`.
fn module(name: &str) -> Vec<String> {
    let below = name.strip_prefix("src/").unwrap().strip_suffix(".rs").unwrap();
    let mut module: Vec<String> = below.split('/').map(str::to_owned).collect();
    if module.last().is_some_and(|last| last == "mod") {
        module.pop();
    }
    module
}

/// Every path of the crate that a file names, from the crate's root: in `use` trees with their braces, and in line.
fn uses(name: &str, text: &str) -> BTreeSet<Vec<String>> {
    let code: String = text.lines().map(|line| line.split("//").next().unwrap_or("")).collect::<Vec<_>>().join("\n");
    let mut found = BTreeSet::new();
    for (at, _) in code.match_indices("::") {
        let before = code[..at].trim_end();
        let start = before.rfind(|symbol: char| !is_word(symbol)).map_or(0, |last| last + 1);
        let mut prefix = match &before[start..] {
            "crate" | "scanctl" if !before[..start].ends_with("::") => Vec::new(),
            "super" if !before[..start].ends_with("::") => {
                let mut parent = module(name);
                parent.pop();
                parent
            }
            _ => continue,
        };
        let mut rest = &code[at + 2..];
        while let Some(further) = rest.strip_prefix("super::") {
            prefix.pop();
            rest = further;
        }
        for path in tree(rest).0 {
            found.insert(prefix.iter().cloned().chain(path).collect());
        }
    }
    found
}

fn is_word(symbol: char) -> bool {
    symbol.is_alphanumeric() || symbol == '_'
}

/// The paths of a use tree, and what follows it.
fn tree(text: &str) -> (Vec<Vec<String>>, &str) {
    let text = text.trim_start();
    if let Some(mut inner) = text.strip_prefix('{') {
        let mut paths = Vec::new();
        loop {
            inner = inner.trim_start_matches([',', ' ', '\n']);
            if let Some(after) = inner.strip_prefix('}') {
                return (paths, after);
            }
            let (more, after) = tree(inner);
            let renamed = after.trim_start().strip_prefix("as ").map(|name| name.trim_start_matches(is_word));
            if more.is_empty() {
                return (paths, after);
            }
            paths.extend(more);
            inner = renamed.unwrap_or(after);
        }
    }
    let length = text.find(|symbol| !is_word(symbol) && symbol != '*').unwrap_or(text.len());
    let (word, after) = text.split_at(length);
    if word.is_empty() {
        return (Vec::new(), after);
    }
    match after.strip_prefix("::") {
        Some(below) if !below.starts_with('<') => {
            let (paths, after) = tree(below);
            let paths = paths.into_iter().map(|path| [vec![word.to_owned()], path].concat());
            (paths.collect(), after)
        }
        _ => (vec![vec![word.to_owned()]], after),
    }
}

#[test]
fn paths_are_found_in_trees_and_in_line() {
    let text = "use crate::{a, b::{c as d, e::*}, f};\nuse super::g::H; // use crate::z;\nlet x = crate::i::J::new();\n\
                fn k() -> super::super::l::M<crate::n::O> {}\nuse super::{\n    p,\n    q,\n};\nuse ::other::super_::r;";
    let found: Vec<String> = uses("src/one/two/three.rs", text).iter().map(|path| path.join("::")).collect();
    let expected =
        ["a", "b::c", "b::e::*", "f", "i::J::new", "n::O", "one::l::M", "one::two::g::H", "one::two::p", "one::two::q"];
    assert_eq!(found, expected);
}

#[test]
fn modules_use_only_what_lies_below_them() {
    let known: Vec<&str> = MAY_USE.iter().map(|(module, _)| *module).collect();
    let mut wrong = Vec::new();
    for (name, text) in program_files() {
        let own = module(&name)[0].clone();
        let Some((_, allowed)) = MAY_USE.iter().find(|(module, _)| *module == own) else {
            wrong.push(format!("{name}: say in MAY_USE what `{own}` may use"));
            continue;
        };
        for path in uses(&name, &text) {
            let used = path[0].as_str();
            // Anything else is an item of the crate's root, of which there is none.
            if used != own && known.contains(&used) && !allowed.contains(&used) {
                wrong.push(format!("{name}: `{own}` must not use `{}`", path.join("::")));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn backends_use_each_other_only_through_what_they_share() {
    let backends = backends();
    let mut wrong = Vec::new();
    for (name, text) in program_files() {
        let own = module(&name);
        for path in uses(&name, &text) {
            let [top, backend, ..] = path.as_slice() else { continue };
            let named = backends.contains(backend);
            let at_home = own.get(1) == Some(backend) || name == "src/backends/mod.rs";
            if top == "backends" && named && !at_home {
                wrong.push(format!("{name} must not know the backend `{backend}`"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// The names of the backends: the files and folders of `src/backends` that are one.
fn backends() -> BTreeSet<String> {
    let files = program_files().into_iter().map(|(name, _)| module(&name));
    let names = files.filter(|module| module[0] == "backends").filter_map(|module| module.get(1).cloned());
    names.filter(|name| !SHARED_BY_BACKENDS.contains(&name.as_str())).collect()
}

#[test]
fn every_backend_is_registered_under_the_name_of_its_file() {
    let text = fs::read_to_string(root().join("src/backends/mod.rs")).unwrap();
    let registry = text.split("REGISTRY: &[&Spec] =").nth(1).unwrap().split("&[").nth(1).unwrap();
    let registry = registry.split(']').next().unwrap();
    let registered: BTreeSet<String> = registry
        .split(',')
        .filter_map(|entry| Some(entry.trim().strip_prefix('&')?.strip_suffix("::SPEC")?.to_owned()))
        .collect();
    assert_eq!(registered, backends());
    let ids: BTreeSet<String> = scanctl::backends::REGISTRY.iter().map(|spec| spec.id.replace('-', "_")).collect();
    assert_eq!(ids, backends());
}

#[test]
fn backends_print_nothing_and_parse_no_flags_and_the_sandbox_is_no_client() {
    let mut wrong = Vec::new();
    for (folder, foreign) in [
        ("src/backends", &["clap::", "indicatif::", "comfy_table::", "std::io::std", "std::process::"][..]),
        ("src/http", &["clap::", "indicatif::", "std::io::std", "std::process::"][..]),
        ("src/sandbox", &["reqwest::", "clap::"][..]),
    ] {
        for (name, text) in rust_files(folder) {
            wrong.extend(foreign.iter().filter(|word| text.contains(**word)).map(|word| format!("{name}: {word}")));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn secrets_are_taken_out_only_where_they_leave() {
    let call = concat!(".exp", "ose()");
    let names = program_files().into_iter().filter(|(_, text)| text.contains(call)).map(|(name, _)| name);
    let wrong: Vec<String> = names.filter(|name| !MAY_EXPOSE.contains(&name.as_str())).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// The compiler passes over a file that no module declares, and its tests with it.
#[test]
fn no_file_is_forgotten() {
    let mut wrong = Vec::new();
    for folder in ["src", "tests/it"] {
        for (name, _) in rust_files(folder) {
            let path = Path::new(&name);
            let (folder, stem) = (path.parent().unwrap(), path.file_stem().unwrap().to_str().unwrap());
            let (above, declared) = match stem {
                "main" | "lib" => continue,
                "mod" => (folder.parent().unwrap(), folder.file_name().unwrap().to_str().unwrap()),
                _ => (folder, stem),
            };
            let own = above.with_extension("rs");
            let declares =
                [above.join("mod.rs"), above.join("lib.rs"), above.join("main.rs"), own].iter().any(|file| {
                    let text = fs::read_to_string(root().join(file)).unwrap_or_default();
                    text.lines().any(|line| line.ends_with(&format!("mod {declared};")))
                });
            if !declares {
                wrong.push(name);
            }
        }
    }
    assert!(wrong.is_empty(), "declared by no module: {wrong:#?}");
}

/// What is on one machine means nothing on another.
#[test]
fn nothing_names_the_machine_it_was_written_on() {
    let words = [concat!("/wo", "rk/"), concat!("../sha", "red"), concat!("/fa", "rm/"), concat!("/ro", "ot/")];
    let mut wrong = Vec::new();
    for (name, path) in files("") {
        let text = String::from_utf8_lossy(&fs::read(path).unwrap()).into_owned();
        for word in words {
            // The gate takes recorded traffic from there where it is at hand, and says so.
            if text.contains(word) && name != ".ci/run" {
                wrong.push(format!("{name}: {word}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
