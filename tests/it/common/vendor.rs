//! A scripted HTTP server on loopback, on threads of its own so that no client can starve it.
//!
//! It fails its test, when dropped, if a request was not expected, was expected and never came, or was not what the
//! script says: a mock that cannot fail proves nothing.

use std::collections::{BTreeMap, VecDeque};
use std::fmt::Write as _;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use rustls::{ServerConfig, ServerConnection, StreamOwned};

use super::exchange::{Exchange, Manner, Received, Reply, Times};

/// No test waits longer for anything.
pub const PATIENCE: Duration = Duration::from_secs(60);

#[derive(Default)]
struct State {
    script: VecDeque<Exchange>,
    free: Vec<Exchange>,
    taken: usize,
    seen: Vec<Received>,
    problems: Vec<String>,
    connections: usize,
    open: BTreeMap<usize, TcpStream>,
    threads: Vec<JoinHandle<()>>,
    in_flight: usize,
    most_in_flight: usize,
    stopped: bool,
    /// The problems were told.
    verified: bool,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until something holds, at most this long; whether it held.
    fn wait(&self, longest: Duration, mut holds: impl FnMut(&State) -> bool) -> bool {
        let waited = self.changed.wait_timeout_while(self.state(), longest, |state| !holds(state));
        let (_state, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
        !timeout.timed_out()
    }

    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let result = change(&mut self.state());
        self.changed.notify_all();
        result
    }
}

/// The mock server.
pub struct Vendor {
    shared: Arc<Shared>,
    address: SocketAddr,
    scheme: &'static str,
    listening: Option<JoinHandle<()>>,
}

impl Vendor {
    /// A server on a free loopback port that expects nothing yet.
    pub fn start() -> Self {
        Self::listen(None)
    }

    /// The same behind TLS.
    pub fn start_tls(config: ServerConfig) -> Self {
        Self::listen(Some(Arc::new(config)))
    }

    fn listen(tls: Option<Arc<ServerConfig>>) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free loopback port");
        let address = listener.local_addr().expect("a bound listener has an address");
        let shared = Arc::new(Shared::default());
        let scheme = if tls.is_some() { "https" } else { "http" };
        let listening = {
            let shared = Arc::clone(&shared);
            std::thread::spawn(move || accept(&listener, &shared, tls.as_ref()))
        };
        Self { shared, address, scheme, listening: Some(listening) }
    }

    /// The origin, without a trailing slash.
    pub fn url(&self) -> String {
        format!("{}://{}", self.scheme, self.address)
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// Adds an exchange to the script.
    pub fn expect(&self, exchange: Exchange) -> &Self {
        self.shared.change(|state| match exchange.times {
            Times::InOrder => state.script.push_back(exchange),
            Times::AnyOrder | Times::AtLeast(_) => state.free.push(exchange),
        });
        self
    }

    /// Every request so far.
    pub fn requests(&self) -> Vec<Received> {
        self.shared.state().seen.clone()
    }

    /// Method and target of every request so far.
    pub fn lines(&self) -> Vec<String> {
        self.shared.state().seen.iter().map(Received::line).collect()
    }

    /// How many requests came that may change something.
    pub fn writes(&self) -> usize {
        self.shared.state().seen.iter().filter(|request| request.is_write()).count()
    }

    /// How many connections were opened, also those that sent no request.
    pub fn connections(&self) -> usize {
        self.shared.state().connections
    }

    /// The most requests that were under way at a time.
    pub fn most_in_flight(&self) -> usize {
        self.shared.state().most_in_flight
    }

    /// Blocks until the requests so far satisfy a condition. Not for the thread that drives the client.
    pub fn wait_until(&self, holds: impl Fn(&[Received]) -> bool) {
        let held = self.shared.wait(PATIENCE, |state| holds(&state.seen));
        assert!(held, "waited in vain\n{}", self.report());
    }

    /// Blocks until a request with this method and path has come.
    pub fn wait_for(&self, method: &str, path: &str) {
        self.wait_until(|seen| seen.iter().any(|request| request.method == method && request.path == path));
    }

    /// Something for replies to hold a request with until others come.
    pub fn gate(&self) -> Gate {
        Gate(Arc::clone(&self.shared))
    }

    /// What would fail the test, without failing it. For tests of the mock itself.
    pub fn take_problems(&self) -> String {
        let problems = self.problems();
        self.shared.state().verified = true;
        if problems == 0 { String::new() } else { self.report() }
    }

    fn problems(&self) -> usize {
        let state = self.shared.state();
        state.problems.len() + state.script.len() + missing(&state).count()
    }

    fn report(&self) -> String {
        let state = self.shared.state();
        let mut out = format!("mock vendor {}:\n", self.url());
        for problem in &state.problems {
            let _infallible = writeln!(out, "* {problem}");
        }
        for exchange in &state.script {
            let _infallible = writeln!(out, "* expected in order, never came: {}", exchange.line());
        }
        for exchange in missing(&state) {
            let _infallible = writeln!(out, "* expected, never came: {}", exchange.line());
        }
        out.push_str("requests in the order received:\n");
        for (at, request) in state.seen.iter().enumerate() {
            let _infallible = writeln!(out, "  {}. {}", at + 1, request.line());
        }
        out
    }
}

fn missing(state: &State) -> impl Iterator<Item = &Exchange> {
    state.free.iter().filter(|exchange| match exchange.times {
        Times::InOrder => false,
        Times::AnyOrder => exchange.used == 0,
        Times::AtLeast(least) => exchange.used < least,
    })
}

impl Drop for Vendor {
    fn drop(&mut self) {
        let (open, threads) = self.shared.change(|state| {
            state.stopped = true;
            (std::mem::take(&mut state.open), std::mem::take(&mut state.threads))
        });
        for stream in open.values() {
            // The client may have closed it already.
            drop(stream.shutdown(Shutdown::Both));
        }
        // Wakes the listener up, which then sees that it is to stop.
        drop(TcpStream::connect(self.address));
        for thread in self.listening.take().into_iter().chain(threads) {
            if thread.join().is_err() {
                self.shared.change(|state| state.problems.push("a reply panicked; see above".to_owned()));
            }
        }
        if self.shared.state().verified || self.problems() == 0 {
            return;
        }
        if std::thread::panicking() {
            eprintln!("{}", self.report());
        } else {
            panic!("{}", self.report());
        }
    }
}

/// Lets a reply wait for the requests of others.
#[derive(Clone)]
pub struct Gate(Arc<Shared>);

impl Gate {
    /// Blocks until this many requests are under way at a time, at most so long; whether they came.
    pub fn until_in_flight(&self, count: usize, longest: Duration) -> bool {
        self.0.wait(longest, |state| state.in_flight >= count || state.stopped)
    }

    /// Blocks until this many requests have come.
    pub fn until_seen(&self, count: usize) -> bool {
        self.0.wait(PATIENCE, |state| state.seen.len() >= count || state.stopped)
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>, tls: Option<&Arc<ServerConfig>>) {
    for stream in listener.incoming() {
        let Ok(stream) = stream else { continue };
        let mut state = shared.state();
        if state.stopped {
            return;
        }
        state.connections += 1;
        let number = state.connections;
        if let Ok(copy) = stream.try_clone() {
            state.open.insert(number, copy);
        }
        let thread = {
            let (shared, tls) = (Arc::clone(shared), tls.cloned());
            std::thread::spawn(move || {
                let copy = Copied(&shared, number);
                let served = serve(stream, number, &shared, tls);
                // The copy goes first: a reset is sent when the last handle closes.
                drop(copy);
                drop(served);
            })
        };
        state.threads.push(thread);
    }
}

/// Removes the copy of a connection's handle, also when a reply panics.
struct Copied<'a>(&'a Shared, usize);

impl Drop for Copied<'_> {
    fn drop(&mut self) {
        self.0.change(|state| drop(state.open.remove(&self.1)));
    }
}

enum Wire {
    Plain(TcpStream),
    Tls(Box<StreamOwned<ServerConnection, TcpStream>>),
}

impl Wire {
    fn socket(&self) -> &TcpStream {
        match self {
            Self::Plain(stream) => stream,
            Self::Tls(stream) => &stream.sock,
        }
    }
}

impl Read for Wire {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(stream) => stream.read(buffer),
            Self::Tls(stream) => stream.read(buffer),
        }
    }
}

impl Write for Wire {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(stream) => stream.write(bytes),
            Self::Tls(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(stream) => stream.flush(),
            Self::Tls(stream) => stream.flush(),
        }
    }
}

/// Serves one connection to its end; gives the socket back so that its owner decides when it closes.
fn serve(stream: TcpStream, number: usize, shared: &Arc<Shared>, tls: Option<Arc<ServerConfig>>) -> Option<Wire> {
    let mut wire = match tls {
        None => Wire::Plain(stream),
        Some(config) => {
            let connection = ServerConnection::new(config).ok()?;
            Wire::Tls(Box::new(StreamOwned::new(connection, stream)))
        }
    };
    let mut buffer = Vec::new();
    loop {
        if buffer.is_empty() && wire.socket().peek(&mut [0]).ok()? > 0 && shared.change(closes_before_reading) {
            return Some(wire);
        }
        let mut request = match read_request(&mut wire, &mut buffer) {
            Ok(Some(request)) => request,
            Ok(None) | Err(_) => return Some(wire),
        };
        request.connection = number;
        if let Wire::Tls(stream) = &wire {
            request.server_name = stream.conn.server_name().map(str::to_owned);
            request.client_certificate = stream.conn.peer_certificates().is_some();
        }
        let _under_way = UnderWay::new(shared);
        let reply = answer(shared, &request);
        let goes_on = send(&mut wire, &reply, shared).unwrap_or(false);
        if !goes_on || request.header("connection").contains(&"close") {
            return Some(wire);
        }
    }
}

fn closes_before_reading(state: &mut State) -> bool {
    if state.script.front().is_some_and(|next| next.closes_before_reading) {
        state.script.pop_front();
        state.taken += 1;
        return true;
    }
    match state.free.iter_mut().find(|exchange| exchange.closes_before_reading) {
        Some(exchange) => {
            exchange.used += 1;
            true
        }
        None => false,
    }
}

struct UnderWay<'a>(&'a Shared);

impl<'a> UnderWay<'a> {
    fn new(shared: &'a Shared) -> Self {
        shared.change(|state| {
            state.in_flight += 1;
            state.most_in_flight = state.most_in_flight.max(state.in_flight);
        });
        Self(shared)
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.change(|state| state.in_flight -= 1);
    }
}

/// Finds the exchange of a request and asks it for the answer.
fn answer(shared: &Shared, request: &Received) -> Reply {
    let answering = shared.change(|state| {
        state.seen.push(request.clone());
        let number = state.seen.len();
        if state.script.front().is_some_and(|next| next.is_route_of(request)) {
            let exchange = state.script.pop_front()?;
            state.taken += 1;
            let differences = exchange.differences(request);
            if !differences.is_empty() {
                let line = request.line();
                state.problems.push(format!("request {number}, {line}, is not as expected\n{}", indent(&differences)));
            }
            return Some(exchange.answering());
        }
        let fits = |exchange: &&mut Exchange| {
            let spent = exchange.times == Times::AnyOrder && exchange.used > 0;
            !spent && exchange.differences(request).is_empty()
        };
        if let Some(exchange) = state.free.iter_mut().find(fits) {
            exchange.used += 1;
            return Some(exchange.answering());
        }
        let mut problem = format!("request {number}, {}, was not expected", request.line());
        let near = state.free.iter().find(|exchange| exchange.is_route_of(request));
        if let Some(near) = near {
            let _infallible = write!(problem, "\n  nearest: {}\n{}", near.line(), indent(&near.differences(request)));
        } else if let Some(next) = state.script.front() {
            let at = state.taken + 1;
            let _infallible =
                write!(problem, "\n  next in order ({at}): {}\n{}", next.line(), indent(&next.differences(request)));
        }
        state.problems.push(problem);
        None
    });
    match answering {
        Some(answering) => answering(request),
        None => Reply::text(418, "the test did not expect this request"),
    }
}

fn indent(text: &str) -> String {
    let lines: Vec<String> = text.lines().map(|line| format!("    {line}")).collect();
    lines.join("\n")
}

/// Sends an answer; whether the connection goes on.
fn send(wire: &mut Wire, reply: &Reply, shared: &Shared) -> io::Result<bool> {
    match &reply.manner {
        Manner::Close => return Ok(false),
        Manner::Reset => {
            socket2::SockRef::from(wire.socket()).set_linger(Some(Duration::ZERO))?;
            return Ok(false);
        }
        Manner::Stall => {
            shared.wait(PATIENCE, |state| state.stopped);
            return Ok(false);
        }
        Manner::Garbage(bytes) => {
            wire.write_all(bytes)?;
            wire.flush()?;
            return Ok(false);
        }
        Manner::Half => {
            wire.write_all(&reply.head())?;
            wire.write_all(&reply.body[..reply.body.len() / 2])?;
            wire.flush()?;
            return Ok(false);
        }
        Manner::Whole => {
            let mut whole = reply.head();
            whole.extend_from_slice(&reply.body);
            wire.write_all(&whole)?;
        }
        Manner::Slow(pause) => {
            wire.write_all(&reply.head())?;
            for byte in &reply.body {
                wire.write_all(&[*byte])?;
                wire.flush()?;
                if shared.wait(*pause, |state| state.stopped) {
                    return Ok(false);
                }
            }
        }
    }
    wire.flush()?;
    let closing = reply.headers.iter().any(|(name, value)| name.eq_ignore_ascii_case("connection") && value == "close");
    Ok(!closing)
}

/// Reads one request; none where the client closed the connection in between two.
fn read_request(wire: &mut Wire, buffer: &mut Vec<u8>) -> io::Result<Option<Received>> {
    const END: &[u8] = b"\r\n\r\n";
    let head_length = loop {
        if let Some(at) = buffer.windows(END.len()).position(|window| window == END) {
            break at;
        }
        if !fill(wire, buffer)? {
            return Ok(None);
        }
    };
    let head = String::from_utf8_lossy(&buffer[..head_length]).into_owned();
    let mut lines = head.split("\r\n");
    let mut first = lines.next().unwrap_or_default().split(' ');
    let (method, target) = (first.next().unwrap_or_default(), first.next().unwrap_or_default());
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_owned(), value.trim().to_owned()))
        .collect();
    let mut request = Received { method: method.to_owned(), target: target.to_owned(), headers, ..Received::default() };
    let below_origin = match target.split_once("://") {
        Some((_, rest)) => rest.find('/').map_or("/", |at| &rest[at..]),
        None => target,
    };
    let (path, query) = below_origin.split_once('?').unwrap_or((below_origin, ""));
    request.path = path.to_owned();
    let parts = query.split('&').filter(|part| !part.is_empty());
    request.query = parts.map(|part| part.split_once('=').unwrap_or((part, ""))).map(decoded).collect();
    let length: usize = match request.header("content-length").as_slice() {
        [] => 0,
        [one] => one.parse().map_err(io::Error::other)?,
        _ => return Err(io::Error::other("several lengths")),
    };
    let start = head_length + END.len();
    while buffer.len() < start + length {
        if !fill(wire, buffer)? {
            return Ok(None);
        }
    }
    request.body = buffer[start..start + length].to_vec();
    buffer.drain(..start + length);
    Ok(Some(request))
}

fn fill(wire: &mut Wire, buffer: &mut Vec<u8>) -> io::Result<bool> {
    let mut part = [0; 16 * 1024];
    let count = wire.read(&mut part)?;
    buffer.extend_from_slice(&part[..count]);
    Ok(count > 0)
}

fn decoded((name, value): (&str, &str)) -> (String, String) {
    (decode(name), decode(value))
}

fn decode(text: &str) -> String {
    let mut out = Vec::new();
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        let byte = match byte {
            b'+' => b' ',
            b'%' => {
                let digits: Vec<u8> = bytes.by_ref().take(2).collect();
                let digits = String::from_utf8_lossy(&digits).into_owned();
                u8::from_str_radix(&digits, 16).expect("the client sent a bad percent encoding")
            }
            other => other,
        };
        out.push(byte);
    }
    String::from_utf8_lossy(&out).into_owned()
}
