//! Real sockets, one thread, a vendor that only counts.

use super::super::faults::Fault;
use super::super::{Options, Sandbox};
use super::*;
use std::sync::atomic::AtomicUsize;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

struct Counter(Arc<AtomicUsize>);

impl Vendor for Counter {
    fn answer(&mut self, request: &Request, _now: Moment) -> Reply {
        self.0.fetch_add(1, Ordering::Relaxed);
        let text = format!("{} {:?} {:?} {}", request.method, request.path, request.query, request.body.len());
        let body = if request.path.is_empty() { Vec::new() } else { text.into_bytes() };
        Reply { status: 200, headers: vec![("X-Twice", "a".to_owned()), ("X-Twice", "b".to_owned())], body }
    }

    fn fault(&self, status: u16) -> Reply {
        Reply { status, headers: Vec::new(), body: b"tired".to_vec() }
    }
}

struct Fixture {
    sandbox: Sandbox,
    processed: Arc<AtomicUsize>,
    seen: Arc<Mutex<Vec<String>>>,
}

async fn start(faults: &str) -> Fixture {
    let processed = Arc::new(AtomicUsize::new(0));
    let seen = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&seen);
    let log: Log = Arc::new(move |exchange: &Exchange<'_>| {
        let fault = exchange.fault.map(|effect| effect.to_string()).unwrap_or_default();
        let line = format!("{} {} {:?} {fault}", exchange.method, exchange.target, exchange.status);
        sink.lock().unwrap().push(line);
    });
    let options = Options { faults: Fault::parse_list(faults).unwrap(), log: Some(log), ..Options::default() };
    let vendor: Box<dyn Vendor> = Box::new(Counter(Arc::clone(&processed)));
    let sandbox = Sandbox::start_with(options, vec![("io", vendor)]).unwrap();
    Fixture { sandbox, processed, seen }
}

impl Fixture {
    async fn connect(&self) -> TcpStream {
        let address = self.sandbox.origins()[0].1.strip_prefix("http://").unwrap();
        TcpStream::connect(address).await.unwrap()
    }

    fn processed(&self) -> usize {
        self.processed.load(Ordering::Relaxed)
    }
}

async fn send(stream: &mut TcpStream, head: &str) {
    stream.write_all(format!("{head} HTTP/1.1\r\nHost: localhost\r\n\r\n").as_bytes()).await.unwrap();
}

/// Head and body of one answer, which must announce its length.
async fn read(stream: &mut TcpStream) -> (String, Vec<u8>) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    let head = String::from_utf8(head).unwrap().to_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap().parse().unwrap();
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.unwrap();
    (head, body)
}

#[tokio::test]
async fn one_connection_carries_many_requests_and_decodes_them() {
    let fixture = start("").await;
    let mut stream = fixture.connect().await;
    send(&mut stream, "GET /a%2Fb//c%zz?x=1+2&y=%C3%A9&z").await;
    let (head, body) = read(&mut stream).await;
    assert!(head.starts_with("http/1.1 200"), "{head}");
    assert_eq!(head.matches("x-twice: ").count(), 2);
    assert!(head.contains("\r\ndate: "));
    assert_eq!(String::from_utf8(body).unwrap(), r#"GET ["a/b", "c%zz"] [("x", "1 2"), ("y", "é"), ("z", "")] 0"#);
    send(&mut stream, "DELETE /").await;
    let (head, body) = read(&mut stream).await;
    assert!(head.contains("content-length: 0"), "{head}");
    assert!(body.is_empty());
    assert_eq!(*fixture.seen.lock().unwrap(), ["GET /a%2Fb//c%zz?x=1+2&y=%C3%A9&z Some(200) ", "DELETE / Some(200) "]);
}

#[tokio::test]
async fn refusals_are_not_processed_and_429_says_when_to_come_back() {
    let fixture = start("429=1x,500=1x").await;
    let mut stream = fixture.connect().await;
    send(&mut stream, "GET /a").await;
    let (head, body) = read(&mut stream).await;
    assert!(head.starts_with("http/1.1 429") && head.contains("retry-after: 1\r\n"), "{head}");
    assert_eq!(body, b"tired");
    send(&mut stream, "GET /a").await;
    let (head, _) = read(&mut stream).await;
    assert!(head.starts_with("http/1.1 500") && !head.contains("retry-after"), "{head}");
    assert_eq!(fixture.processed(), 0);
    send(&mut stream, "GET /a").await;
    assert!(read(&mut stream).await.0.starts_with("http/1.1 200"));
    assert_eq!(fixture.processed(), 1);
}

#[tokio::test]
async fn resets_come_before_or_after_the_request_is_processed() {
    for (faults, processed) in [("refused=1x", 0), ("lost=1x", 1)] {
        let fixture = start(faults).await;
        let mut stream = fixture.connect().await;
        send(&mut stream, "POST /a").await;
        let error = stream.read_u8().await.unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset, "{faults}");
        assert_eq!(fixture.processed(), processed, "{faults}");
        let name = faults.strip_suffix("=1x").unwrap();
        assert_eq!(*fixture.seen.lock().unwrap(), [format!("POST /a None {name}")]);
        let mut stream = fixture.connect().await;
        send(&mut stream, "POST /a").await;
        assert!(read(&mut stream).await.0.starts_with("http/1.1 200"));
    }
}

#[tokio::test]
async fn a_cut_body_is_announced_whole() {
    let fixture = start("truncate=1").await;
    let mut stream = fixture.connect().await;
    send(&mut stream, "GET /abc").await;
    let mut all = Vec::new();
    stream.read_to_end(&mut all).await.unwrap();
    let text = String::from_utf8(all).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    let whole = r#"GET ["abc"] [] 0"#;
    assert!(head.contains(&format!("content-length: {}", whole.len())), "{head}");
    assert_eq!(body, &whole[..whole.len() / 2]);
    // Nothing to cut: the answer is lost instead.
    let mut stream = fixture.connect().await;
    send(&mut stream, "GET /").await;
    assert_eq!(stream.read_u8().await.unwrap_err().kind(), std::io::ErrorKind::ConnectionReset);
}

#[tokio::test]
async fn a_slow_request_is_processed_before_its_answer_comes() {
    let fixture = start("slow=1x:300ms").await;
    let mut slow = fixture.connect().await;
    let mut quick = fixture.connect().await;
    let began = Instant::now();
    send(&mut slow, "GET /slow").await;
    while fixture.processed() == 0 {
        tokio::task::yield_now().await;
    }
    send(&mut quick, "GET /quick").await;
    read(&mut quick).await;
    assert!(began.elapsed() < Duration::from_millis(250), "the slow one must not hold up others");
    read(&mut slow).await;
    assert!(began.elapsed() >= Duration::from_millis(300));
}

#[tokio::test]
async fn stopping_closes_idle_connections_and_answers_what_is_in_flight() {
    let fixture = start("/slow:slow=1:200ms").await;
    let (mut fresh, mut idle, mut busy) = (fixture.connect().await, fixture.connect().await, fixture.connect().await);
    send(&mut idle, "GET /a").await;
    read(&mut idle).await;
    send(&mut busy, "GET /slow").await;
    while fixture.processed() < 2 {
        tokio::task::yield_now().await;
    }
    let address = fixture.sandbox.origins()[0].1.strip_prefix("http://").unwrap().to_owned();
    drop(fixture.sandbox);
    assert!(read(&mut busy).await.0.starts_with("http/1.1 200"));
    for stream in [&mut fresh, &mut idle, &mut busy] {
        assert_eq!(stream.read_u8().await.unwrap_err().kind(), std::io::ErrorKind::UnexpectedEof);
    }
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn ports_are_consecutive_or_refused() {
    let (_guard, address) = listen(0).unwrap();
    let vendors = || -> Vec<crate::sandbox::Named> { vec![("io", Box::new(Counter(Arc::default())))] };
    let taken = Options { ports: Some(address.port()), ..Options::default() };
    let error = Sandbox::start_with(taken, vendors()).err().unwrap();
    assert_eq!(error.kind(), std::io::ErrorKind::AddrInUse);
    assert!(error.to_string().contains(&address.port().to_string()), "{error}");
    let overflow = Options { ports: Some(u16::MAX), ..Options::default() };
    let mut two = vendors();
    two.extend(vendors());
    let error = Sandbox::start_with(overflow, two).err().unwrap();
    assert_eq!(error.kind(), std::io::ErrorKind::InvalidInput);
}
