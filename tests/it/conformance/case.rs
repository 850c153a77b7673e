//! Runs one case: mock servers, a home, the real program, and everything it said compared.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use scanctl::exit::Exit;
use serde_json::Value;

use super::fixture::{Backend, Broken, Case, Exchange, Server, Times};
use super::subset;
use crate::common::env::Output;
use crate::common::{self, Env, Reply, Vendor};

/// What was not as the fixture says, or none.
pub fn run(backend: &Backend, case: &Case) -> Option<String> {
    let servers: BTreeMap<&str, Vendor> = backend.server.keys().map(|name| (name.as_str(), Vendor::start())).collect();
    for exchange in &case.exchange {
        let at = exchange.at.as_deref().unwrap_or(&backend.main);
        let (Some(vendor), Some(server)) = (servers.get(at), backend.server.get(at)) else {
            return Some(format!("there is no server `{at}`"));
        };
        let mut request = exchange.request.clone();
        for (name, word) in &backend.words {
            request = request.replace(&format!("{{{name}}}"), word);
        }
        vendor.expect(scripted(&request, exchange, server, case));
    }
    let env = Env::new();
    let mut config = case.config.as_ref().unwrap_or(&backend.config).replace("{settings}", &case.settings);
    for (name, vendor) in &servers {
        config = config.replace(&format!("{{{name}}}"), &vendor.url());
    }
    env.config(&config);
    for (name, content) in &case.files {
        env.file(name, content, 0o600);
    }
    let mut arguments: Vec<&str> = case.args.iter().map(String::as_str).collect();
    if case.text.is_none() {
        arguments.extend(["-f", "json"]);
    }
    let output = env.run(&arguments);
    let mut problems = String::new();
    for (name, vendor) in &servers {
        let told = vendor.take_problems();
        if !told.is_empty() {
            let _infallible = writeln!(problems, "{}", told.replacen("mock vendor", &format!("server {name}"), 1));
        }
    }
    let mut told = |what: String| {
        let _infallible = writeln!(problems, "* {what}");
    };
    compare_output(case, &output, &mut told);
    if problems.is_empty() { None } else { Some(format!("{problems}scanctl {}\n{output}", arguments.join(" "))) }
}

fn compare_output(case: &Case, output: &Output, told: &mut dyn FnMut(String)) {
    if output.code() != Some(case.exit) {
        told(format!("exit code: expected {}, found {:?}", case.exit, output.code()));
    }
    match (&case.text, &case.items) {
        (Some(text), _) if *text != output.stdout => told(format!("stdout: expected {text:?}")),
        (Some(_), _) => {}
        (None, None) if !output.stdout.is_empty() && !is_an_empty_list(output) => {
            told("stdout: expected nothing".to_owned());
        }
        (None, None) => {}
        (None, Some(items)) => match serde_json::from_str::<Value>(&output.stdout) {
            Err(problem) => told(format!("stdout is no JSON: {problem}")),
            Ok(document) => {
                let expected = serde_json::json!({
                    "schema_version": 1,
                    "kind": kind(case),
                    "complete": case.complete,
                    "items": json(items),
                });
                if let Some(difference) = subset::difference(&expected, &document) {
                    told(format!("stdout: {difference}"));
                }
            }
        },
    }
    if case.text.is_none() {
        compare_error(case, output, told);
    }
    for text in &case.stderr {
        if !output.stderr.contains(text) {
            told(format!("stderr lacks {text:?}"));
        }
    }
    for text in &case.unsaid {
        if output.stdout.contains(text) || output.stderr.contains(text) {
            told(format!("{text:?} was said"));
        }
    }
}

/// A call that did not end well says so in one JSON object, the last line of stderr, whose kind is that of the code.
fn compare_error(case: &Case, output: &Output, told: &mut dyn FnMut(String)) {
    let last = output.stderr.lines().last().unwrap_or_default();
    let error = serde_json::from_str::<Value>(last).ok().map(|line| line["error"].clone()).filter(Value::is_object);
    let kind = Exit::ALL.iter().find(|exit| i32::from(exit.code()) == case.exit).map(|exit| exit.kind());
    match &error {
        None if case.exit != 0 => told("stderr does not end with a JSON error".to_owned()),
        Some(_) if case.exit == 0 => told("stderr ends with a JSON error".to_owned()),
        // Targets with different fates have errors of their own kinds.
        Some(error) if case.exit != 13 && error["kind"].as_str() != kind => {
            told(format!("error.kind: expected {kind:?}, found {}", error["kind"]));
        }
        _ => {}
    }
    if let Some(expected) = &case.error {
        let found = error.unwrap_or_default();
        if let Some(difference) = subset::difference(&json(expected), &found) {
            told(format!("error: {difference}"));
        }
    }
}

/// `kind` of the document that a command prints.
fn kind(case: &Case) -> &'static str {
    let words: Vec<&str> = case.args.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["scans", "list" | "show", ..] => "scans",
        ["runs", "list" | "show", ..] | ["status" | "list", ..] => "runs",
        ["profiles", ..] => "profiles",
        ["results", ..] => "findings",
        _ => "outcomes",
    }
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|problem| panic!("the fixture's JSON is none: {problem}\n{text}"))
}

/// The exchange as the mock takes it.
fn scripted(request: &str, exchange: &Exchange, server: &Server, case: &Case) -> common::Exchange {
    let (method, target) = request.split_once(' ').expect("a request has a method and a path");
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let method = ["GET", "POST", "PUT", "PATCH", "DELETE"].into_iter().find(|known| *known == method);
    let mut expected = common::Exchange::new(method.expect("a known method"), path);
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        expected = expected.query(name, value);
    }
    let mut headers = server.headers.clone();
    headers.extend(exchange.headers.clone());
    for name in &exchange.absent {
        headers.remove(name);
    }
    match (&exchange.body, &exchange.upload) {
        (_, Some(upload)) => {
            headers.insert("content-type".to_owned(), "*".to_owned());
            let content = case.files.get(&upload.file).unwrap_or_else(|| panic!("the case has no {}", upload.file));
            expected = expected.part(&upload.part, &upload.file, content.as_bytes());
        }
        (Some(body), None) => {
            headers.insert("content-type".to_owned(), "application/json".to_owned());
            expected = expected.json(json(body));
        }
        (None, None) => {
            expected = expected.no_header("content-type");
            if method == Some("POST") {
                headers.insert("content-length".to_owned(), "0".to_owned());
            }
        }
    }
    for (name, value) in &headers {
        expected = if value == "*" { expected.has_header(name) } else { expected.header(name, value) };
    }
    for name in server.absent.iter().chain(&exchange.absent).filter(|name| !headers.contains_key(*name)) {
        expected = expected.no_header(name);
    }
    let expected = expected.reply(reply(exchange));
    match exchange.times {
        Times::Once => expected,
        Times::OnceInAnyOrder => expected.in_any_order(),
        Times::Repeatedly => expected.repeatedly(),
        Times::AnyNumber => expected.any_number(),
    }
}

fn reply(exchange: &Exchange) -> Reply {
    let mut reply = match exchange.broken {
        Some(Broken::Close) => return Reply::close(),
        Some(Broken::Half) => Reply::empty(exchange.status).half(),
        None => Reply::empty(exchange.status),
    };
    let json = (!exchange.answer.is_empty()).then_some("application/json");
    if let Some(kind) = exchange.kind.as_deref().or(json) {
        reply = reply.header("Content-Type", kind);
    }
    for (name, value) in &exchange.with {
        reply = reply.header(name, value);
    }
    reply.body(exchange.answer.clone())
}

/// Lists are written whatever became of them: without a row, and marked as not complete.
fn is_an_empty_list(output: &Output) -> bool {
    let Ok(document) = serde_json::from_str::<Value>(&output.stdout) else { return false };
    let list = matches!(document["kind"].as_str(), Some("runs" | "scans"));
    list && document["complete"] == false && document["items"].as_array().is_some_and(Vec::is_empty)
}
