//! One HTTP/1.1 listener on loopback for one simulated vendor, with faults between vendor and client.
//!
//! Not for anything a vendor decides: paths, states and error bodies are the vendors' own.

use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use super::faults::{Dice, Effect};
use super::{Exchange, Log, Moment, Reply, Request, Vendor};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Limited};
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// No simulated upload needs more, and a client that loops must not eat the machine.
const LARGEST_BODY: usize = 64 * 1024 * 1024;

/// A vendor behind a lock: requests of one vendor are answered one after the other, as by one database.
pub type Shared = Arc<Mutex<Box<dyn Vendor>>>;

/// One vendor with what stands between it and its clients.
pub struct Site {
    profile: &'static str,
    vendor: Shared,
    dice: Mutex<Dice>,
    latency: Duration,
    log: Option<Log>,
}

impl Site {
    /// A vendor under its profile name, with its faults, a delay added to every answer, and a listener to its traffic.
    pub fn new(
        profile: &'static str,
        vendor: Box<dyn Vendor>,
        dice: Dice,
        latency: Duration,
        log: Option<Log>,
    ) -> Self {
        Self { profile, vendor: Arc::new(Mutex::new(vendor)), dice: Mutex::new(dice), latency, log }
    }

    fn roll(&self, method: &str, path: &[String]) -> Option<Effect> {
        self.dice.lock().ok().and_then(|mut dice| dice.roll(method, path))
    }

    fn reply(&self, request: &Request) -> Reply {
        match self.vendor.lock() {
            Ok(mut vendor) => vendor.answer(request, now()),
            Err(_poisoned) => Reply { status: 500, headers: Vec::new(), body: Vec::new() },
        }
    }

    fn refusal(&self, status: u16) -> Reply {
        let mut reply = match self.vendor.lock() {
            Ok(vendor) => vendor.fault(status),
            Err(_poisoned) => Reply { status, headers: Vec::new(), body: Vec::new() },
        };
        if status == 429 && !reply.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("retry-after")) {
            reply.headers.push(("Retry-After", "1".to_owned()));
        }
        reply
    }
}

/// Opens a listener on a free loopback port (0), or on `port`. Has to be called on a tokio runtime.
///
/// # Errors
/// When the port is taken.
pub fn listen(port: u16) -> std::io::Result<(TcpListener, SocketAddr)> {
    let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
    listener.set_nonblocking(true)?;
    let address = listener.local_addr()?;
    Ok((TcpListener::from_std(listener)?, address))
}

/// Serves one vendor until the sender of `stop` is gone. Requests in flight are then still answered.
pub async fn serve(listener: TcpListener, site: Arc<Site>, mut stop: watch::Receiver<()>) {
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ended = stop.changed() => return,
        };
        match accepted {
            Ok((stream, _peer)) => {
                tokio::spawn(connection(stream, Arc::clone(&site), stop.clone()));
            }
            // Out of file descriptors: going round at once would only take the processor from those that could close.
            Err(_) => pause(Duration::from_millis(20)).await,
        }
    }
}

async fn connection(stream: TcpStream, site: Arc<Site>, mut stop: watch::Receiver<()>) {
    drop(stream.set_nodelay(true));
    let reset = Arc::new(AtomicBool::new(false));
    let service = service_fn(|request| answer(Arc::clone(&site), Arc::clone(&reset), request));
    let mut connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    tokio::select! {
        _ended = &mut connection => {}
        _stopped = stop.changed() => {
            Pin::new(&mut connection).graceful_shutdown();
            drop((&mut connection).await);
        }
    }
    if reset.load(Ordering::Relaxed) {
        let stream = connection.into_parts().io.into_inner();
        // Closing without lingering sends RST instead of FIN.
        drop(stream.set_zero_linger());
    }
}

async fn answer(
    site: Arc<Site>,
    reset: Arc<AtomicBool>,
    request: hyper::Request<Incoming>,
) -> Result<hyper::Response<Payload>, Broken> {
    let started = Instant::now();
    let (parts, body) = request.into_parts();
    let method = parts.method.as_str().to_owned();
    let path: Vec<String> = parts.uri.path().split('/').filter(|segment| !segment.is_empty()).map(decode).collect();
    let target = parts.uri.path_and_query().map(|target| target.as_str().to_owned()).unwrap_or_default();
    let effect = site.roll(&method, &path);
    let report = |status: Option<u16>| {
        if let Some(log) = &site.log {
            let elapsed = started.elapsed();
            log(&Exchange { profile: site.profile, method: &method, target: &target, status, fault: effect, elapsed });
        }
    };
    if effect == Some(Effect::Refused) {
        report(None);
        reset.store(true, Ordering::Relaxed);
        return Err(Broken);
    }
    let body = match Limited::new(body, LARGEST_BODY).collect().await {
        Ok(collected) => collected.to_bytes().to_vec(),
        Err(_) => return Err(Broken),
    };
    let request = Request {
        method: method.clone(),
        path,
        query: pairs(parts.uri.query().unwrap_or_default()),
        headers: parts
            .headers
            .iter()
            .map(|(name, value)| (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
            .collect(),
        body,
    };
    let reply = match effect {
        Some(Effect::Status(status)) => site.refusal(status),
        _ => site.reply(&request),
    };
    let late = match effect {
        Some(Effect::Slow(delay)) => site.latency + delay,
        _ => site.latency,
    };
    if !late.is_zero() {
        pause(late).await;
    }
    // An empty body cannot be cut, so the answer is lost instead.
    let lost = effect == Some(Effect::Lost) || (effect == Some(Effect::Truncate) && reply.body.is_empty());
    if lost {
        report(None);
        reset.store(true, Ordering::Relaxed);
        return Err(Broken);
    }
    report(Some(reply.status));
    Ok(response(reply, effect == Some(Effect::Truncate)))
}

fn response(reply: Reply, cut: bool) -> hyper::Response<Payload> {
    let mut builder = hyper::Response::builder().status(reply.status);
    for (name, value) in reply.headers {
        builder = builder.header(name, value);
    }
    let length = reply.body.len();
    let keep = if cut { length / 2 } else { length };
    let payload =
        Payload { announced: length as u64, rest: Some(Bytes::from(reply.body).slice(..keep)), cut, flushed: false };
    builder.body(payload).unwrap_or_default()
}

#[expect(clippy::disallowed_methods, reason = "the sandbox plays a slow vendor; nothing of the client waits here")]
async fn pause(duration: Duration) {
    tokio::time::sleep(duration).await;
}

/// Ends the connection instead of answering.
#[derive(Debug, thiserror::Error)]
#[error("connection broken on purpose")]
struct Broken;

/// A body in one piece, or one that breaks off after its first half although it announced the whole.
#[derive(Debug, Default)]
struct Payload {
    announced: u64,
    rest: Option<Bytes>,
    cut: bool,
    flushed: bool,
}

impl Body for Payload {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        if let Some(rest) = self.rest.take() {
            self.announced -= rest.len() as u64;
            return Poll::Ready(Some(Ok(Frame::data(rest))));
        }
        if !self.cut {
            return Poll::Ready(None);
        }
        // hyper writes what it has buffered only while the body waits, so the first half needs one round of waiting.
        if !self.flushed {
            self.flushed = true;
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(Some(Err(Broken)))
    }

    fn is_end_stream(&self) -> bool {
        !self.cut && self.rest.as_ref().is_none_or(Bytes::is_empty)
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.announced)
    }
}

/// The current moment of the machine's clock.
pub fn now() -> Moment {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    Moment(since.as_secs_f64())
}

/// Percent-decoding of one segment or query part; what is not valid stays as it is.
fn decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let hex = bytes.get(at + 1..at + 3).filter(|pair| pair.iter().all(u8::is_ascii_hexdigit));
        let hex = hex.and_then(|pair| std::str::from_utf8(pair).ok());
        match (bytes[at], hex.and_then(|pair| u8::from_str_radix(pair, 16).ok())) {
            (b'%', Some(byte)) => {
                out.push(byte);
                at += 3;
            }
            (byte, _) => {
                out.push(byte);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

fn pairs(query: &str) -> Vec<(String, String)> {
    query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decode(&key.replace('+', " ")), decode(&value.replace('+', " ")))
        })
        .collect()
}

#[cfg(test)]
mod tests;
