//! One scripted request and its answer: what is expected, how it differs from what came, and how to answer or to fail.

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::Value;

/// A request as it came off the wire.
#[derive(Debug, Clone, Default)]
pub struct Received {
    pub method: String,
    /// The request target as sent: origin-form, or absolute-form at a proxy.
    pub target: String,
    /// The path as sent, still percent-encoded.
    pub path: String,
    /// Decoded query pairs in the order sent.
    pub query: Vec<(String, String)>,
    /// Header lines in the order and spelling sent.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    /// The number of the connection, from 1.
    pub connection: usize,
    /// The name that the client asked for in the TLS handshake.
    pub server_name: Option<String>,
    /// Whether the client showed a certificate.
    pub client_certificate: bool,
}

impl Received {
    /// Every value of a header.
    pub fn header(&self, name: &str) -> Vec<&str> {
        let same = |known: &str| known.eq_ignore_ascii_case(name);
        self.headers.iter().filter(|(known, _)| same(known)).map(|(_, value)| value.as_str()).collect()
    }

    /// The body as JSON.
    pub fn json(&self) -> Option<Value> {
        serde_json::from_slice(&self.body).ok()
    }

    /// Whether it may change something.
    pub fn is_write(&self) -> bool {
        !matches!(self.method.as_str(), "GET" | "HEAD" | "OPTIONS")
    }

    /// Method and target.
    pub fn line(&self) -> String {
        format!("{} {}", self.method, self.target)
    }
}

#[derive(Debug, Clone)]
enum Header {
    Equal(String),
    Present,
    Absent,
}

#[derive(Debug, Clone)]
enum Content {
    Json(Value),
    Bytes(Vec<u8>),
    /// The one part of a form: its name, its file's name, its content.
    Part(String, String, Vec<u8>),
    Any,
}

/// How often, and when, an exchange is expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Times {
    /// Once, in the order of the script.
    InOrder,
    /// Once, whenever it comes.
    AnyOrder,
    /// Whenever it comes, at least this often.
    AtLeast(usize),
}

type Answering = Arc<dyn Fn(&Received) -> Reply + Send + Sync>;

/// One expected request with its answer.
#[derive(Clone)]
pub struct Exchange {
    method: &'static str,
    path: String,
    query: Option<Vec<(String, String)>>,
    headers: Vec<(String, Header)>,
    content: Content,
    answering: Answering,
    pub(super) times: Times,
    pub(super) used: usize,
    /// The connection is closed when the request begins to arrive.
    pub(super) closes_before_reading: bool,
}

/// The one file of a form, by the letter of RFC 7578, and a body that is as long as its head says.
fn form(request: &Received) -> Option<(String, Vec<u8>)> {
    let [kind] = request.header("content-type")[..] else { return None };
    let [length] = request.header("content-length")[..] else { return None };
    if length.parse() != Ok(request.body.len()) {
        return None;
    }
    let boundary = kind.strip_prefix("multipart/form-data; boundary=")?;
    let body = request.body.strip_prefix(format!("--{boundary}\r\n").as_bytes())?;
    let end = format!("\r\n--{boundary}--\r\n");
    let body = body.strip_suffix(end.as_bytes())?;
    let split = body.windows(4).position(|window| window == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&body[..split]).ok()?;
    let disposition = head.lines().find_map(|line| line.strip_prefix("Content-Disposition: form-data; name=\""))?;
    let (name, file) = disposition.strip_suffix('"')?.split_once("\"; filename=\"")?;
    Some((format!("part \"{name}\", file \"{file}\""), body[split + 4..].to_vec()))
}

/// Expects a GET of a path (percent-encoded, without query).
pub fn get(path: &str) -> Exchange {
    Exchange::new("GET", path)
}

/// Expects a POST.
pub fn post(path: &str) -> Exchange {
    Exchange::new("POST", path)
}

/// Expects a PATCH.
pub fn patch(path: &str) -> Exchange {
    Exchange::new("PATCH", path)
}

/// Expects a PUT.
pub fn put(path: &str) -> Exchange {
    Exchange::new("PUT", path)
}

/// Expects a DELETE.
pub fn delete(path: &str) -> Exchange {
    Exchange::new("DELETE", path)
}

/// Closes the connection as soon as a request begins to arrive, without reading it.
pub fn close_before_reading() -> Exchange {
    let mut exchange = Exchange::new("(close before reading)", "");
    exchange.closes_before_reading = true;
    exchange
}

impl Exchange {
    /// Expects this method and path, no query, no body, any headers; answers 200 with an empty body.
    pub fn new(method: &'static str, path: &str) -> Self {
        Self {
            method,
            path: path.to_owned(),
            query: Some(Vec::new()),
            headers: Vec::new(),
            content: Content::Bytes(Vec::new()),
            answering: Arc::new(|_| Reply::empty(200)),
            times: Times::InOrder,
            used: 0,
            closes_before_reading: false,
        }
    }

    /// Expects a query parameter; all must be listed, in any order.
    pub fn query(mut self, name: &str, value: &str) -> Self {
        self.query.get_or_insert_default().push((name.to_owned(), value.to_owned()));
        self
    }

    /// Takes any query.
    pub fn any_query(mut self) -> Self {
        self.query = None;
        self
    }

    /// Expects a header exactly once with this value.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), Header::Equal(value.to_owned())));
        self
    }

    /// Expects a header with any value.
    pub fn has_header(mut self, name: &str) -> Self {
        self.headers.push((name.to_owned(), Header::Present));
        self
    }

    /// Expects that a header is absent.
    pub fn no_header(mut self, name: &str) -> Self {
        self.headers.push((name.to_owned(), Header::Absent));
        self
    }

    /// Expects a body that is equal to this as JSON.
    pub fn json(mut self, body: Value) -> Self {
        self.content = Content::Json(body);
        self
    }

    /// Expects a body of exactly these bytes.
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.content = Content::Bytes(body.into());
        self
    }

    /// Expects a form with one part, a file.
    pub fn part(mut self, name: &str, file: &str, content: impl Into<Vec<u8>>) -> Self {
        self.content = Content::Part(name.to_owned(), file.to_owned(), content.into());
        self
    }

    /// Takes any body.
    pub fn any_body(mut self) -> Self {
        self.content = Content::Any;
        self
    }

    /// Answers with this.
    pub fn reply(mut self, reply: Reply) -> Self {
        self.answering = Arc::new(move |_| reply.clone());
        self
    }

    /// Answers with these in turn; the last one goes on.
    pub fn replies(mut self, replies: impl IntoIterator<Item = Reply>) -> Self {
        let replies: Vec<Reply> = replies.into_iter().collect();
        let next = AtomicUsize::new(0);
        self.answering = Arc::new(move |_| {
            let at = next.fetch_add(1, Ordering::SeqCst).min(replies.len() - 1);
            replies[at].clone()
        });
        self
    }

    /// Answers with what a function makes of the request. It may block and may assert.
    pub fn reply_with(mut self, answering: impl Fn(&Received) -> Reply + Send + Sync + 'static) -> Self {
        self.answering = Arc::new(answering);
        self
    }

    /// Once, but whenever it comes.
    pub fn in_any_order(mut self) -> Self {
        self.times = Times::AnyOrder;
        self
    }

    /// Whenever and however often it comes, also never.
    pub fn any_number(mut self) -> Self {
        self.times = Times::AtLeast(0);
        self
    }

    /// Whenever and however often it comes, but at least once.
    pub fn repeatedly(mut self) -> Self {
        self.times = Times::AtLeast(1);
        self
    }

    /// Method and path.
    pub fn line(&self) -> String {
        let query = match &self.query {
            None => "?…".to_owned(),
            Some(pairs) if pairs.is_empty() => String::new(),
            Some(pairs) => {
                let pairs: Vec<String> = pairs.iter().map(|(name, value)| format!("{name}={value}")).collect();
                format!("?{}", pairs.join("&"))
            }
        };
        format!("{} {}{query}", self.method, self.path)
    }

    /// Whether method and path are the expected ones.
    pub fn is_route_of(&self, request: &Received) -> bool {
        self.method == request.method && self.path == request.path
    }

    /// How to answer.
    pub(super) fn answering(&self) -> Answering {
        Arc::clone(&self.answering)
    }

    /// What is not as expected; empty if all is.
    pub fn differences(&self, request: &Received) -> String {
        let mut out = String::new();
        compare(&mut out, "method", self.method, &request.method);
        compare(&mut out, "path", &self.path, &request.path);
        if let Some(expected) = &self.query {
            let (mut expected, mut received) = (expected.clone(), request.query.clone());
            expected.sort();
            received.sort();
            compare(&mut out, "query", &pairs(&expected), &pairs(&received));
        }
        for (name, expected) in &self.headers {
            let received = request.header(name);
            let fits = match expected {
                Header::Equal(value) => received == [value.as_str()],
                Header::Present => !received.is_empty(),
                Header::Absent => received.is_empty(),
            };
            if !fits {
                compare(&mut out, &format!("header {name}"), &format!("{expected:?}"), &format!("{received:?}"));
            }
        }
        match &self.content {
            Content::Any => {}
            Content::Bytes(expected) if *expected == request.body => {}
            Content::Bytes(expected) => {
                let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
                compare(&mut out, "body", &format!("{:?}", text(expected)), &format!("{:?}", text(&request.body)));
            }
            Content::Part(name, file, content) => {
                let received = form(request).unwrap_or_else(|| ("no form of one file".to_owned(), Vec::new()));
                let text =
                    |(head, content): &(String, Vec<u8>)| format!("{head}: {:?}", String::from_utf8_lossy(content));
                let expected = (format!("part \"{name}\", file \"{file}\""), content.clone());
                if received != expected {
                    compare(&mut out, "body", &text(&expected), &text(&received));
                }
            }
            Content::Json(expected) => match request.json() {
                Some(received) if received == *expected => {}
                Some(received) => {
                    let (expected, received) = (format!("{expected:#}\n"), format!("{received:#}\n"));
                    let diff = similar::TextDiff::from_lines(&expected, &received);
                    let diff = diff.unified_diff().to_string();
                    let _infallible = writeln!(out, "body (- expected, + received):\n{}", diff.trim_end());
                }
                None => {
                    let received = String::from_utf8_lossy(&request.body).into_owned();
                    compare(&mut out, "body", &format!("{expected}"), &format!("{received:?} (no JSON)"));
                }
            },
        }
        out
    }
}

fn pairs(pairs: &[(String, String)]) -> String {
    format!("{pairs:?}")
}

fn compare(out: &mut String, what: &str, expected: &str, received: &str) {
    if expected != received {
        let _infallible = writeln!(out, "{what}:\n  expected {expected}\n  received {received}");
    }
}

/// How an answer reaches the client, or fails to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Manner {
    Whole,
    /// The head announces the whole body, half of it comes, the connection closes.
    Half,
    /// One byte at a time with this pause between.
    Slow(Duration),
    /// These bytes instead of HTTP, then the connection closes.
    Garbage(Vec<u8>),
    /// The connection closes without an answer.
    Close,
    /// The connection is reset without an answer.
    Reset,
    /// No answer and no end, until the mock ends.
    Stall,
}

/// An answer, or the lack of one.
#[derive(Debug, Clone)]
pub struct Reply {
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
    pub(super) manner: Manner,
}

impl Reply {
    fn new(status: u16, manner: Manner) -> Self {
        Self { status, headers: Vec::new(), body: Vec::new(), manner }
    }

    /// This status, no body.
    pub fn empty(status: u16) -> Self {
        Self::new(status, Manner::Whole)
    }

    /// A JSON body.
    pub fn json(status: u16, body: &Value) -> Self {
        Self::empty(status).header("Content-Type", "application/json").body(body.to_string())
    }

    /// An HTML page.
    pub fn html(status: u16, body: &str) -> Self {
        Self::empty(status).header("Content-Type", "text/html").body(body)
    }

    /// Plain text.
    pub fn text(status: u16, body: &str) -> Self {
        Self::empty(status).header("Content-Type", "text/plain").body(body)
    }

    /// Reads the whole request and closes the connection.
    pub fn close() -> Self {
        Self::new(0, Manner::Close)
    }

    /// Reads the whole request and resets the connection.
    pub fn reset() -> Self {
        Self::new(0, Manner::Reset)
    }

    /// Reads the whole request and says nothing.
    pub fn stall() -> Self {
        Self::new(0, Manner::Stall)
    }

    /// Bytes that are no HTTP.
    pub fn garbage(bytes: impl Into<Vec<u8>>) -> Self {
        Self::new(0, Manner::Garbage(bytes.into()))
    }

    /// Adds a header; names may repeat.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Sets the body.
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// Cuts the body off in the middle.
    pub fn half(mut self) -> Self {
        self.manner = Manner::Half;
        self
    }

    /// Sends the body byte by byte.
    pub fn slow(mut self, pause: Duration) -> Self {
        self.manner = Manner::Slow(pause);
        self
    }

    /// Compresses the body.
    pub fn gzip(mut self) -> Self {
        use std::io::Write as _;
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(&self.body).expect("a vector takes everything");
        self.body = encoder.finish().expect("a vector takes everything");
        self.header("Content-Encoding", "gzip")
    }

    /// The head as it goes out. The length is announced even where the body will be cut.
    pub(super) fn head(&self) -> Vec<u8> {
        let mut head = format!("HTTP/1.1 {} Mock\r\n", self.status);
        for (name, value) in &self.headers {
            let _infallible = write!(head, "{name}: {value}\r\n");
        }
        let cut_of_nothing = self.manner == Manner::Half && self.body.is_empty();
        let length = if cut_of_nothing { 100 } else { self.body.len() };
        if !matches!(self.status, 100..=199 | 204 | 304) {
            let _infallible = write!(head, "Content-Length: {length}\r\n");
        }
        head.push_str("\r\n");
        head.into_bytes()
    }
}
