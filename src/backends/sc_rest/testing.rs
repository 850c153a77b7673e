//! For tests: a scripted Security Center on loopback that remembers what it was sent, and profiles that speak to it.

use std::cell::RefCell;
use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::backends::report::{Decoder, Fetch, Report};
use crate::backends::{self, Backend, Connector, Peers, Spec};
use crate::config::Config;
use crate::error::{Error, Result};
use crate::findings::{self, Chunks, Finding, FindingSink, Origin};
use crate::http::Shared;
use crate::http::connection::Connection;
use crate::model::Operation;

/// The vendor's clock in every answer.
pub const NOW: i64 = 1_700_000_000;

/// One request as it came.
#[derive(Debug, Clone)]
pub struct Seen {
    /// Method and path below `/rest`: `POST /scan/34/launch`.
    pub line: String,
    /// The query, decoded as far as these tests need it.
    pub query: String,
    /// Header names in lower case.
    pub headers: HashMap<String, String>,
    /// The body.
    pub body: String,
}

/// One answer.
pub struct Reply {
    status: u16,
    cookies: Vec<String>,
    body: Vec<u8>,
}

impl Reply {
    /// Adds a `Set-Cookie`.
    pub fn cookie(mut self, cookie: &str) -> Self {
        self.cookies.push(cookie.to_owned());
        self
    }
}

/// 200 with this response.
pub fn ok(response: Value) -> Reply {
    let body = serde_json::json!({
        "type": "regular", "response": response, "error_code": 0, "error_msg": "", "warnings": [], "timestamp": NOW,
    });
    Reply { status: 200, cookies: Vec::new(), body: body.to_string().into_bytes() }
}

/// 403 with this code and text.
pub fn refused(code: i64, text: &str) -> Reply {
    let body = serde_json::json!({
        "type": "regular", "response": "", "error_code": code, "error_msg": text, "warnings": [], "timestamp": NOW,
    });
    Reply { status: 403, cookies: Vec::new(), body: body.to_string().into_bytes() }
}

/// The refusal of an object that is not there.
pub fn missing() -> Reply {
    refused(147, "The object cannot be shown.\nIt does not exist.\n")
}

/// 500, as when the product's database is busy.
pub fn busy() -> Reply {
    Reply { status: 500, ..refused(1, "Error running SQL query: database is locked\n") }
}

/// 200 with this body, whatever it is.
pub fn bare(body: impl AsRef<[u8]>) -> Reply {
    Reply { status: 200, cookies: Vec::new(), body: body.as_ref().to_vec() }
}

/// A vendor; it ends with the test.
pub struct Vendor {
    port: u16,
    seen: Arc<Mutex<Vec<Seen>>>,
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Vendor {
    /// Answers every request with what `script` says.
    pub fn new(script: impl Fn(&Seen) -> Reply + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (seen, over) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicBool::new(false)));
        let (log, end) = (Arc::clone(&seen), Arc::clone(&over));
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if end.load(Ordering::SeqCst) {
                    return;
                }
                if let Some(request) = stream.ok().and_then(|stream| receive(&stream).map(|seen| (stream, seen))) {
                    let (mut stream, request) = request;
                    log.lock().unwrap().push(request.clone());
                    send(&mut stream, &script(&request));
                }
            }
        });
        Self { port, seen, over, thread: Some(thread) }
    }

    /// Everything that was sent since the last time.
    pub fn take(&self) -> Vec<Seen> {
        std::mem::take(&mut self.seen.lock().unwrap())
    }

    /// The lines of everything that was sent since the last time; of what was sent at once in the order of the alphabet.
    pub fn lines(&self) -> Vec<String> {
        self.take().into_iter().map(|seen| seen.line).collect()
    }

    /// A profile with API keys that speaks to it.
    pub fn profile(&self, name: &str, backend: &str, more: &str) -> String {
        let keys = "access_key = { command = ['printf', 'access'] }\nsecret_key = { command = ['printf', 'secret'] }\n";
        format!("[profiles.{name}]\nbackend = '{backend}'\nbase_url = 'http://127.0.0.1:{}'\n{keys}{more}\n", self.port)
    }

    /// A profile with a login that speaks to it.
    pub fn login_profile(&self, name: &str, backend: &str, more: &str) -> String {
        let login = "username = 'ann'\npassword = { command = ['printf', 'password'] }\n";
        format!(
            "[profiles.{name}]\nbackend = '{backend}'\nbase_url = 'http://127.0.0.1:{}'\n{login}{more}\n",
            self.port
        )
    }
}

impl Drop for Vendor {
    fn drop(&mut self) {
        self.over.store(true, Ordering::SeqCst);
        drop(TcpStream::connect(("127.0.0.1", self.port)));
        let died = self.thread.take().is_some_and(|thread| thread.join().is_err());
        assert!(!died || std::thread::panicking(), "the script of the vendor failed");
    }
}

fn receive(stream: &TcpStream) -> Option<Seen> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let mut words = line.split_whitespace();
    let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
    let mut headers = HashMap::new();
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).ok()?;
        match header.trim_end().split_once(':') {
            Some((name, value)) => headers.insert(name.to_ascii_lowercase(), value.trim().to_owned()),
            None => break,
        };
    }
    let mut body = vec![0; headers.get("content-length").and_then(|length| length.parse().ok()).unwrap_or(0)];
    reader.read_exact(&mut body).ok()?;
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    let path = path.strip_prefix("/rest").unwrap_or(path);
    Some(Seen {
        line: format!("{method} {path}"),
        query: query.replace("%2C", ","),
        headers,
        body: String::from_utf8(body).ok()?,
    })
}

fn send(stream: &mut TcpStream, reply: &Reply) {
    let cookies: String = reply.cookies.iter().map(|cookie| format!("Set-Cookie: {cookie}\r\n")).collect();
    let head = format!(
        "HTTP/1.1 {} Whatever\r\nContent-Type: text/html\r\nContent-Length: {}\r\nConnection: close\r\n{cookies}\r\n",
        reply.status,
        reply.body.len()
    );
    drop(stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&reply.body)));
}

/// How a result is asked for in a test.
pub fn fetch(partial: bool, via_analysis: bool) -> Fetch<'static> {
    Fetch { partial, via_analysis, deadline: Instant::now() + Duration::from_secs(60), tell: &|_| () }
}

/// What came of a result.
#[derive(Debug, Default)]
pub struct Got {
    /// Id, host, port and plugin of each finding, in order.
    pub rows: Vec<(String, String, String)>,
    /// Hosts.
    pub hosts: u64,
    /// What was wrong with it.
    pub problem: Option<Error>,
    /// The bytes.
    pub bytes: Vec<u8>,
}

impl Got {
    /// The ids, sorted.
    pub fn ids(&self) -> Vec<&str> {
        let mut ids: Vec<&str> = self.rows.iter().map(|(id, ..)| id.as_str()).collect();
        ids.sort_unstable();
        ids
    }
}

impl FindingSink for &mut Got {
    fn finding(&mut self, finding: &Finding<'_>) -> Result<()> {
        let details = finding.details;
        let what = format!("{:?} {:?}", details.plugin_id.as_deref(), details.port);
        self.rows.push((finding.id.to_string(), finding.host.label().to_owned(), what));
        Ok(())
    }
}

/// Reads a result to its end.
pub async fn read(mut report: Report<'_>) -> Got {
    let (sender, chunks) = Chunks::channel(1024);
    let mut got = Got::default();
    while let Some(chunk) = report.download.next().await {
        got.bytes.extend(chunk.iter().flatten());
        sender.send(chunk).await.unwrap();
    }
    drop(sender);
    let origin = Origin { source: report.source, ..Origin::default() };
    let Some(decoder) = report.decoder else { return got };
    // What reads may block, which a thread of an async program may not.
    std::thread::spawn(move || {
        let decoded = match decoder {
            Decoder::Nessus => findings::decode(chunks, &origin, &mut &mut got),
            Decoder::Pages(reader) => findings::decode_pages(chunks, reader, &origin, &mut &mut got),
        };
        let decoded = decoded.unwrap();
        (got.hosts, got.problem) = (decoded.hosts, decoded.problem);
        got
    })
    .join()
    .unwrap()
}

/// A config and what its backends told the user.
pub struct Program {
    config: Config,
    dry_run: bool,
    /// Warnings.
    pub notices: Rc<RefCell<Vec<String>>>,
}

impl Program {
    /// With the profiles of this text.
    pub fn new(text: &str) -> Self {
        let config = Config::parse("config.toml".into(), text).unwrap();
        Self { config, dry_run: false, notices: Rc::default() }
    }

    /// With changing requests planned, not sent.
    pub fn dry_run(text: &str) -> Self {
        Self { dry_run: true, ..Self::new(text) }
    }
}

impl Peers for Program {
    fn spec(&self, profile: &str) -> Result<&'static Spec> {
        backends::find(&self.config.profile(profile)?)
    }

    fn open(&self, profile: &str, operations: &[Operation]) -> Result<Rc<dyn Backend>> {
        let settings = self.config.profile(profile)?;
        let spec = backends::find(&settings)?;
        let reader = settings.reader();
        let connection = Connection::read(&reader, spec.defaults)?;
        let connect = (spec.configure)(&reader)?;
        reader.finish()?;
        let notices = Rc::clone(&self.notices);
        let notice = Rc::new(move |text: &str| notices.borrow_mut().push(text.to_owned()));
        let shared = Shared { dry_run: self.dry_run, writes: Rc::default(), notice };
        connect(Connector { profile, connection, shared, operations, peers: self })
    }
}
