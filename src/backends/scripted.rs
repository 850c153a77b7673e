//! For tests only: a backend connected to a vendor that answers from a script, so that a test sees every byte that was
//! sent. What is asked beyond the script is refused with 418, and a step that nobody asked for fails the test.

use std::io::Write as _;
use std::rc::Rc;
use std::sync::{Arc, Mutex, MutexGuard};

use bytes::Bytes;
use serde_json::{Value, json};

use super::definition::{Draft, Form, Given};
use super::report::{Decoder, Fetch, Report};
use super::{Backend, Target};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::findings::{Chunks, Decoded, Finding, FindingSink, Origin, decode_pages};
use crate::model::{RunId, ScanId};
use crate::sandbox::{Moment, Options, Reply, Request, Sandbox, Vendor, faults};
use crate::ui::{Settings, Ui};

/// One request as it came.
#[derive(Debug)]
pub struct Heard {
    /// Method and path, as in a step.
    pub line: String,
    /// Decoded query pairs in the order sent.
    pub query: Vec<(String, String)>,
    /// Header names in lower case.
    pub headers: Vec<(String, String)>,
    /// The whole body.
    pub body: String,
}

impl Heard {
    /// The first header of that name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

#[derive(Default)]
struct Script {
    steps: Vec<(String, Reply)>,
    heard: Vec<Heard>,
}

#[derive(Clone, Default)]
struct Scripted(Arc<Mutex<Script>>);

impl Scripted {
    fn lock(&self) -> MutexGuard<'_, Script> {
        self.0.lock().unwrap()
    }
}

impl Vendor for Scripted {
    fn answer(&mut self, request: &Request, _now: Moment) -> Reply {
        let line = format!("{} /{}", request.method, request.path.join("/"));
        let mut script = self.lock();
        script.heard.push(Heard {
            line: line.clone(),
            query: request.query.clone(),
            headers: request.headers.clone(),
            body: String::from_utf8_lossy(&request.body).into_owned(),
        });
        match script.steps.iter().position(|(expected, _)| *expected == line) {
            Some(at) => script.steps.remove(at).1,
            None => reply(418, "not in the script"),
        }
    }

    fn fault(&self, status: u16) -> Reply {
        reply(status, "")
    }
}

/// A reply with a body of any kind.
pub fn reply(status: u16, body: &str) -> Reply {
    Reply { status, headers: Vec::new(), body: body.as_bytes().to_vec() }
}

/// A JSON reply.
#[expect(clippy::needless_pass_by_value, reason = "callers write json!() in place")]
pub fn json(status: u16, body: Value) -> Reply {
    reply(status, &body.to_string())
}

/// A reply with a header added.
pub fn with(mut reply: Reply, name: &'static str, value: &str) -> Reply {
    reply.headers.push((name, value.to_owned()));
    reply
}

/// A target that names a scan, and perhaps a run.
pub fn target(scan: &str, run: Option<&str>) -> Target {
    Target { scan: Some(ScanId::new(scan)), run: run.map(RunId::new), name: None }
}

/// What is written by `--set KEY=VALUE` for a form of a backend.
pub fn draft(form: &'static Form, backend: &str, sets: &[&str]) -> Draft {
    let given: Vec<Given> = sets.iter().map(|set| Given::set(set).unwrap()).collect();
    Draft::read(form, backend, None, &given).unwrap()
}

/// Connects a profile `t` with these settings to a vendor at `origin`.
pub fn connect(origin: &str, settings: &str, dry_run: bool) -> Result<Rc<dyn Backend>> {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    write!(file, "[profiles.t]\nbase_url = \"{origin}\"\n{settings}\n").unwrap();
    let context = Context::new(Rc::new(Ui::new(Settings::default())), Some(file.path().to_owned()), Vec::new());
    context.connect("t", &[], dry_run)
}

/// A backend and its scripted vendor.
pub struct Rig {
    /// The backend under test.
    pub backend: Rc<dyn Backend>,
    script: Scripted,
    _sandbox: Sandbox,
}

impl Rig {
    /// A profile with these settings, and its vendor's answers.
    pub fn new(settings: &str, steps: Vec<(&str, Reply)>) -> Self {
        Self::with(settings, steps, "", false)
    }

    /// The same with faults of the network, or as a dry run.
    pub fn with(settings: &str, steps: Vec<(&str, Reply)>, faults: &str, dry_run: bool) -> Self {
        let script = Scripted::default();
        script.lock().steps = steps.into_iter().map(|(line, reply)| (line.to_owned(), reply)).collect();
        let options = Options { faults: faults::Fault::parse_list(faults).unwrap(), ..Options::default() };
        let vendor: Box<dyn Vendor> = Box::new(script.clone());
        let sandbox = Sandbox::start_with(options, vec![("cf", vendor)]).unwrap();
        let backend = connect(&sandbox.origins()[0].1, settings, dry_run).unwrap();
        Self { backend, script, _sandbox: sandbox }
    }

    /// Adds answers.
    pub fn then(&self, steps: Vec<(&str, Reply)>) {
        self.script.lock().steps.extend(steps.into_iter().map(|(line, reply)| (line.to_owned(), reply)));
    }

    /// Everything that was asked since the last call; every step must have been.
    pub fn heard(&self) -> Vec<Heard> {
        let mut script = self.script.lock();
        let left: Vec<&String> = script.steps.iter().map(|(line, _)| line).collect();
        assert!(left.is_empty(), "never asked: {left:?}");
        std::mem::take(&mut script.heard)
    }

    /// How many steps nobody has asked for, for scripts that need not be played to their end.
    pub fn unheard(&self) -> usize {
        self.script.lock().steps.len()
    }

    /// The request lines of [`Rig::heard`].
    pub fn lines(&self) -> Vec<String> {
        self.heard().into_iter().map(|heard| heard.line).collect()
    }
}

/// How a result is fetched: whole, or with `--partial`.
pub fn fetch(partial: bool) -> Fetch<'static> {
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
    Fetch { partial, via_analysis: false, deadline, tell: &|_| {} }
}

/// The chunks of a report, and with which error they ended.
pub async fn chunks_of(report: &mut Report<'_>) -> (Vec<Bytes>, Option<Error>) {
    let mut chunks = Vec::new();
    while let Some(chunk) = report.download.next().await {
        match chunk {
            Ok(chunk) => chunks.push(chunk),
            Err(problem) => {
                assert!(report.download.next().await.is_none(), "an error is the last item");
                return (chunks, Some(problem));
            }
        }
    }
    (chunks, None)
}

/// What a report of API answers says: rows as JSON, and how they were read.
pub async fn findings_of(mut report: Report<'_>) -> (Vec<Value>, Decoded) {
    let Some(Decoder::Pages(reader)) = report.decoder.take() else { panic!("{report:?} is not made of answers") };
    let (chunks, problem) = chunks_of(&mut report).await;
    let (sender, receiver) = Chunks::channel(chunks.len() + 1);
    for chunk in chunks.into_iter().map(Ok).chain(problem.map(Err)) {
        sender.try_send(chunk).unwrap();
    }
    drop(sender);
    let origin = Origin { source: report.source, ..Origin::default() };
    let read = move || {
        let mut rows = Rows(Vec::new());
        let decoded = decode_pages(receiver, reader, &origin, &mut rows).unwrap();
        (rows.0, decoded)
    };
    std::thread::spawn(read).join().unwrap()
}

struct Rows(Vec<Value>);

impl FindingSink for Rows {
    fn finding(&mut self, finding: &Finding<'_>) -> Result<()> {
        let Finding { id, host, details, .. } = finding;
        self.0.push(json!({
            "id": id.to_string(),
            "name": host.name,
            "fqdn": host.fqdn,
            "ip": host.ip,
            "port": details.port,
            "protocol": details.protocol,
            "service": details.service,
            "plugin_id": details.plugin_id,
            "plugin_name": details.plugin_name,
            "severity": details.severity.name(),
            "severity_source": details.severity_source.name(),
            "cves": details.cves,
            "synopsis": details.synopsis,
            "output": details.output,
            "state": details.state,
            "scored": details.cvss2.is_some() || details.cvss3.is_some() || details.cvss4.is_some(),
            "seen": details.first_seen.is_some() || details.last_seen.is_some(),
            "other": details.other,
        }));
        Ok(())
    }
}
