//! How often each kind of request is sent for everything that can happen to it.

use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use scanctl::exit::Exit;
use serde_json::json;
use socket2::{Domain, Socket, Type};

use super::{Client, fate, keys, session};
use crate::common::{Exchange, Reply, Vendor, close_before_reading, delete, get, post};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// A GET.
    Safe,
    /// A login, the only request that changes something and may be repeated.
    Idempotent,
    /// A POST.
    Once,
}

impl Kind {
    const ALL: [Self; 3] = [Self::Safe, Self::Idempotent, Self::Once];

    /// What the mock expects of a request of this kind.
    fn exchange(self) -> Exchange {
        match self {
            Self::Safe => get("/rest/things/1"),
            Self::Idempotent => post("/rest/token").any_body(),
            Self::Once => post("/rest/things").json(json!({"name": "x"})),
        }
    }

    /// Sends it; how it ended.
    async fn send(self, client: &Client) -> Result<(), scanctl::error::Error> {
        let answer = match self {
            Self::Safe => client.http.get(["things", "1"]).label("thing").send().await?,
            Self::Once => client.http.post(["things"]).json(&json!({"name": "x"})).label("make").send().await?,
            // Behind the login comes the request that needs it.
            Self::Idempotent => return client.http.get(["things"]).send().await.map(drop),
        };
        answer.json::<serde_json::Value>().map(drop)
    }

    fn client(self, origin: &str, more: &str) -> Client {
        Client::new(origin, more, if self == Self::Idempotent { session() } else { keys() })
    }
}

/// One line of the table: how often each kind was seen, how often the client paused, and how it ended.
async fn row(name: &str, more: &str, script: impl Fn(Exchange) -> Vec<Exchange>) -> String {
    let cells = Kind::ALL.map(|kind| {
        let vendor = Vendor::start();
        for exchange in script(kind.exchange()) {
            vendor.expect(exchange);
        }
        if kind == Kind::Idempotent {
            vendor.expect(get("/rest/things").reply(Reply::json(200, &json!({}))).any_number());
        }
        async move {
            let client = kind.client(&vendor.url(), more);
            let end = kind.send(&client).await;
            let end = end.map_or_else(|error| fate(&error), |()| "ok".to_owned());
            let line = kind.exchange().line();
            let seen = vendor.lines().iter().filter(|seen| **seen == line).count();
            let pauses = client.notices().len();
            format!("{:<41}", format!("{seen} seen, {pauses} pauses: {end}"))
        }
    });
    format!("{name:<37} | {}", join_all(cells).await.join(" | ").trim_end())
}

fn always(reply: Reply) -> impl Fn(Exchange) -> Vec<Exchange> {
    move |exchange| vec![exchange.reply(reply.clone()).repeatedly()]
}

/// First this, then all is well.
fn first(reply: Reply) -> impl Fn(Exchange) -> Vec<Exchange> {
    move |exchange| vec![exchange.replies([reply.clone(), fine()]).repeatedly()]
}

fn fine() -> Reply {
    Reply::json(200, &json!({"token": "t"}))
}

fn status(status: u16) -> Reply {
    Reply::json(status, &json!({"error": "no"}))
}

/// Every row runs at once, since real pauses are made between attempts.
#[tokio::test]
async fn each_kind_of_request_for_everything_that_can_happen() {
    let whole = r#"{"token": "a long token that is cut off in the middle"}"#;
    let rows = tokio::join!(
        async {
            [
                row("200", "", always(fine())).await,
                row("302 to another host", "", always(status(302).header("Location", "https://example.org/"))).await,
                row("400", "", always(status(400))).await,
                row("401", "", always(status(401))).await,
                row("403", "", always(status(403))).await,
                row("404", "", always(status(404))).await,
                row("409", "", always(status(409))).await,
                row("refusal inside a 200", "", always(Reply::json(200, &json!({"error_code": 7})))).await,
                row("HTML with 200", "", always(Reply::html(200, "<html>portal</html>"))).await,
                row("nothing with 200", "", always(Reply::empty(200))).await,
                row("cut-off JSON with 200", "", always(Reply::text(200, "{\"token\": \"a"))).await,
            ]
        },
        row("408, then 200", "", first(status(408))),
        row("429 with Retry-After: 0", "", always(status(429).header("Retry-After", "0"))),
        row("429 with a date that is past", "", {
            let reply = status(429).header("Retry-After", "Thu, 21 Nov 2019 15:39:37 GMT");
            always(reply.header("Date", "Thu, 21 Nov 2019 15:39:38 GMT"))
        }),
        row("429 with Retry-After: 600", "", always(status(429).header("Retry-After", "600"))),
        row("429 without, then 200", "", first(status(429))),
        row("throttled by another status, then 200", "", {
            first(Reply::json(400, &json!({"throttled": true, "pause": 0.0})))
        }),
        row("500 with Retry-After: 0", "", always(status(500).header("Retry-After", "0"))),
        row("500, then 200", "", first(status(500))),
        row("503 with Retry-After: 0", "", always(status(503).header("Retry-After", "0"))),
        row("503 with Retry-After: 600", "", always(status(503).header("Retry-After", "600"))),
        row("closed before reading", "", |_| vec![close_before_reading().repeatedly()]),
        row("read, then closed", "", always(Reply::close())),
        row("read, then closed, then 200", "", first(Reply::close())),
        row("reset", "", always(Reply::reset())),
        row("half the body", "", always(Reply::text(200, whole).half())),
        row("half the body, then 200", "", first(Reply::text(200, whole).half())),
        row("gzip that is none", "", always(Reply::text(200, whole).header("Content-Encoding", "gzip"))),
        row("no HTTP", "", always(Reply::garbage("SSH-2.0-OpenSSH_9.9\r\n"))),
        row("no answer in time", "timeout = \"200ms\"", always(Reply::stall())),
        row("no answer in time, then 200", "timeout = \"500ms\"", first(Reply::stall())),
        row("slow bytes in time", "", always(fine().slow(Duration::from_millis(1)))),
    );
    let mut lines: Vec<String> = rows.0.into();
    macro_rules! rest { ($($at:tt)*) => { $(lines.push(rows.$at);)* } }
    rest!(1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21);
    let lines: Vec<&str> = lines.iter().map(|line| line.trim_end()).collect();
    insta::assert_snapshot!(lines.join("\n"), @r"
    200                                   | 1 seen, 0 pauses: ok                      | 1 seen, 0 pauses: ok                      | 1 seen, 0 pauses: ok
    302 to another host                   | 1 seen, 0 pauses: config                  | 1 seen, 0 pauses: config                  | 1 seen, 0 pauses: config
    400                                   | 1 seen, 0 pauses: usage, refused          | 1 seen, 0 pauses: usage, refused          | 1 seen, 0 pauses: usage, refused
    401                                   | 1 seen, 0 pauses: auth, refused           | 1 seen, 0 pauses: auth, refused           | 1 seen, 0 pauses: auth, refused
    403                                   | 1 seen, 0 pauses: auth, refused           | 1 seen, 0 pauses: auth, refused           | 1 seen, 0 pauses: auth, refused
    404                                   | 1 seen, 0 pauses: not_found, refused      | 1 seen, 0 pauses: not_found, refused      | 1 seen, 0 pauses: not_found, refused
    409                                   | 1 seen, 0 pauses: invalid_state, refused  | 1 seen, 0 pauses: invalid_state, refused  | 1 seen, 0 pauses: invalid_state, refused
    refusal inside a 200                  | 1 seen, 0 pauses: invalid_state, refused  | 1 seen, 0 pauses: invalid_state, refused  | 1 seen, 0 pauses: invalid_state, refused
    HTML with 200                         | 1 seen, 0 pauses: bad_data                | 1 seen, 0 pauses: limited                 | 1 seen, 0 pauses: unknown_outcome, lost
    nothing with 200                      | 1 seen, 0 pauses: bad_data                | 1 seen, 0 pauses: limited                 | 1 seen, 0 pauses: unknown_outcome, lost
    cut-off JSON with 200                 | 1 seen, 0 pauses: bad_data                | 1 seen, 0 pauses: limited                 | 1 seen, 0 pauses: unknown_outcome, lost
    408, then 200                         | 2 seen, 1 pauses: ok                      | 2 seen, 1 pauses: ok                      | 1 seen, 0 pauses: unknown_outcome, lost
    429 with Retry-After: 0               | 5 seen, 4 pauses: limited                 | 5 seen, 4 pauses: limited                 | 5 seen, 4 pauses: limited
    429 with a date that is past          | 5 seen, 4 pauses: limited                 | 5 seen, 4 pauses: limited                 | 5 seen, 4 pauses: limited
    429 with Retry-After: 600             | 1 seen, 0 pauses: limited                 | 1 seen, 0 pauses: limited                 | 1 seen, 0 pauses: limited
    429 without, then 200                 | 2 seen, 1 pauses: ok                      | 2 seen, 1 pauses: ok                      | 2 seen, 1 pauses: ok
    throttled by another status, then 200 | 2 seen, 1 pauses: ok                      | 2 seen, 1 pauses: ok                      | 1 seen, 0 pauses: limited, refused
    500 with Retry-After: 0               | 5 seen, 4 pauses: network                 | 5 seen, 4 pauses: network                 | 1 seen, 0 pauses: unknown_outcome, lost
    500, then 200                         | 2 seen, 1 pauses: ok                      | 2 seen, 1 pauses: ok                      | 1 seen, 0 pauses: unknown_outcome, lost
    503 with Retry-After: 0               | 5 seen, 4 pauses: network                 | 5 seen, 4 pauses: network                 | 1 seen, 0 pauses: unknown_outcome, lost
    503 with Retry-After: 600             | 1 seen, 0 pauses: network                 | 1 seen, 0 pauses: network                 | 1 seen, 0 pauses: unknown_outcome, lost
    closed before reading                 | 0 seen, 4 pauses: network                 | 0 seen, 4 pauses: network                 | 0 seen, 0 pauses: unknown_outcome, lost
    read, then closed                     | 5 seen, 4 pauses: network                 | 5 seen, 4 pauses: network                 | 1 seen, 0 pauses: unknown_outcome, lost
    read, then closed, then 200           | 2 seen, 1 pauses: ok                      | 2 seen, 1 pauses: ok                      | 1 seen, 0 pauses: unknown_outcome, lost
    reset                                 | 5 seen, 4 pauses: network                 | 5 seen, 4 pauses: network                 | 1 seen, 0 pauses: unknown_outcome, lost
    half the body                         | 5 seen, 4 pauses: network                 | 5 seen, 4 pauses: network                 | 1 seen, 0 pauses: unknown_outcome, lost
    half the body, then 200               | 2 seen, 1 pauses: ok                      | 2 seen, 1 pauses: ok                      | 1 seen, 0 pauses: unknown_outcome, lost
    gzip that is none                     | 1 seen, 0 pauses: bad_data                | 1 seen, 0 pauses: bad_data                | 1 seen, 0 pauses: unknown_outcome, lost
    no HTTP                               | 1 seen, 0 pauses: bad_data                | 1 seen, 0 pauses: bad_data                | 1 seen, 0 pauses: unknown_outcome, lost
    no answer in time                     | 5 seen, 4 pauses: network                 | 5 seen, 4 pauses: network                 | 1 seen, 0 pauses: unknown_outcome, lost
    no answer in time, then 200           | 2 seen, 1 pauses: ok                      | 2 seen, 1 pauses: ok                      | 1 seen, 0 pauses: unknown_outcome, lost
    slow bytes in time                    | 1 seen, 0 pauses: ok                      | 1 seen, 0 pauses: ok                      | 1 seen, 0 pauses: ok
    ");
}

/// A port that refuses: bound, so that nobody else gets it, and not listened on.
fn refusing_port() -> (Socket, u16) {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into()).unwrap();
    let port = socket.local_addr().unwrap().as_socket().unwrap().port();
    (socket, port)
}

/// A listener whose queue is full leaves new connections without an answer.
fn full_port() -> (Socket, u16, Vec<TcpStream>) {
    let (socket, port) = refusing_port();
    socket.listen(0).unwrap();
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let mut queue = Vec::new();
    while let Ok(queued) = TcpStream::connect_timeout(&address, Duration::from_millis(300)) {
        queue.push(queued);
    }
    (socket, port, queue)
}

/// All at once, since real pauses are made between attempts.
#[tokio::test]
async fn what_never_connected_is_tried_again_by_every_kind_and_loses_nothing() {
    let (_refusing, refused) = refusing_port();
    let (_listening, full, _queue) = full_port();
    // It waits for a request, which a handshake never becomes.
    let silent = Vendor::start();
    let proxy = Vendor::start();
    let tunnel = Exchange::new("CONNECT", "sc.example.org:443").no_header("x-apikeys");
    proxy.expect(tunnel.reply(Reply::empty(407)).repeatedly());
    let cases = [
        (Kind::Safe, "refused", format!("http://127.0.0.1:{refused}"), String::new()),
        (Kind::Idempotent, "refused", format!("http://127.0.0.1:{refused}"), String::new()),
        (Kind::Once, "refused", format!("http://127.0.0.1:{refused}"), String::new()),
        (Kind::Once, "not taken", format!("http://127.0.0.1:{full}"), "connect_timeout = \"100ms\"".to_owned()),
        (Kind::Once, "not taken, short timeout", format!("http://127.0.0.1:{full}"), "timeout = \"500ms\"".to_owned()),
        (Kind::Once, "handshake", format!("https://127.0.0.1:{}", silent.port()), "timeout = \"500ms\"".to_owned()),
        (Kind::Once, "proxy", "https://sc.example.org".to_owned(), format!("proxy = \"{}\"", proxy.url())),
    ];
    let ends = cases.map(|(kind, name, origin, more)| async move {
        let client = kind.client(&origin, &more);
        let error = kind.send(&client).await.unwrap_err();
        let notices = client.notices();
        assert!(notices.len() == 4 && notices[3].contains("(try 5 of 5)"), "{name}: {notices:?}");
        assert!(error.hint_text().is_some_and(|hint| hint.contains("scanctl profiles check -p test")), "{name}");
        format!("{name}: {}: {}", fate(&error), error.one_line().replace(&origin, "URL"))
    });
    insta::assert_snapshot!(join_all(ends).await.join("\n"), @r"
    refused: network: cannot connect: Connection refused (os error 111): GET URL/rest/things/1
    refused: network: profile `test`: the login failed: cannot connect: Connection refused (os error 111): POST URL/rest/token
    refused: network: cannot connect: Connection refused (os error 111): POST URL/rest/things
    not taken: network: cannot connect: timed out: POST URL/rest/things
    not taken, short timeout: network: cannot connect: timed out: POST URL/rest/things
    handshake: network: cannot connect: timed out: POST URL/rest/things
    proxy: network: cannot connect: tunnel error: proxy authorization required: POST URL/rest/things
    ");
}

#[tokio::test]
async fn a_long_retry_after_ends_the_call_at_once_and_is_handed_on() {
    for kind in [Kind::Safe, Kind::Once] {
        let vendor = Vendor::start();
        vendor.expect(kind.exchange().reply(status(429).header("Retry-After", "600")));
        let client = kind.client(&vendor.url(), "");
        let begin = Instant::now();
        let error = kind.send(&client).await.unwrap_err();
        assert!(begin.elapsed() < Duration::from_secs(5));
        assert_eq!((error.exit(), error.retry_after()), (Exit::Limited, Some(Duration::from_secs(600))));
        assert!(error.exit().retryable());
        assert_eq!(error.hint_text(), Some("the vendor asks to wait 600 s before the next try"));
        assert_eq!(client.notices(), Vec::<String>::new());
    }
}

#[tokio::test]
async fn the_user_hears_of_every_pause() {
    let vendor = Vendor::start();
    let replies = [status(429).header("Retry-After", "0.7"), status(503).header("Retry-After", "1.2"), fine()];
    vendor.expect(get("/rest/things/1").replies(replies).repeatedly());
    let client = Kind::Safe.client(&vendor.url(), "");
    Kind::Safe.send(&client).await.unwrap();
    let expected = [
        "profile `test`: rate limited, waiting 0.7 s (try 2 of 5)",
        "profile `test`: HTTP 503, waiting 1.2 s (try 3 of 5)",
    ];
    assert_eq!(client.notices(), expected);
}

/// A connection that was used before may be closing already when a request goes out on it.
#[tokio::test]
async fn a_changing_request_on_a_used_connection_is_sent_once() {
    for fault in [Reply::close(), Reply::reset(), Reply::text(200, "half").half()] {
        let vendor = Vendor::start();
        vendor.expect(get("/rest/things/1").reply(fine()));
        vendor.expect(Kind::Once.exchange().reply(fault));
        let client = Client::new(&vendor.url(), "", keys());
        Kind::Safe.send(&client).await.unwrap();
        let error = Kind::Once.send(&client).await.unwrap_err();
        assert_eq!(fate(&error), "unknown_outcome, lost");
        let seen = vendor.requests();
        assert_eq!((seen.len(), seen[0].connection, seen[1].connection), (2, 1, 1), "{:?}", vendor.lines());
    }
}

#[tokio::test]
async fn a_changing_request_after_a_connection_that_ended_is_sent_at_most_once() {
    for _round in 0..20 {
        let vendor = Vendor::start();
        vendor.expect(get("/rest/things/1").reply(fine().header("Connection", "close")));
        vendor.expect(Kind::Once.exchange().reply(fine()).any_number());
        let client = Client::new(&vendor.url(), "", keys());
        Kind::Safe.send(&client).await.unwrap();
        Kind::Once.send(&client).await.unwrap();
        assert_eq!(vendor.writes(), 1);
    }
}

#[tokio::test]
async fn what_is_lost_says_when_it_was_sent_and_what_is_refused_says_so() {
    let vendor = Vendor::start();
    vendor.expect(Kind::Once.exchange().reply(Reply::close()));
    vendor.expect(Kind::Once.exchange().reply(status(409).header("X-Request-UUID", "abc")));
    let client = Client::new(&vendor.url(), "", keys());
    let before = Instant::now();
    let lost = Kind::Once.send(&client).await.unwrap_err();
    let sent = lost.lost().unwrap().sent;
    assert!(before <= sent && sent <= Instant::now());
    assert!(!lost.refused() && !lost.exit().retryable());
    let refused = Kind::Once.send(&client).await.unwrap_err();
    assert!(refused.refused() && refused.lost().is_none());
    let answer = refused.answer();
    assert_eq!((answer.status, answer.text.as_deref()), (Some(409), Some("no")));
    assert_eq!(answer.request_id.as_deref(), Some("abc"));
    insta::assert_snapshot!(refused.one_line().replace(&vendor.url(), "URL"), @"HTTP 409: no: POST URL/rest/things");
}

#[tokio::test]
async fn a_dry_run_reads_and_never_writes() {
    let vendor = Vendor::start();
    vendor.expect(get("/rest/things/1").reply(fine()));
    let client = Client::dry(&vendor.url(), keys());
    Kind::Safe.send(&client).await.unwrap();
    let request = client.http.post(["things", "a/b", "start"]).query("x", "1 2").json(&json!({"n": 1}));
    let error = request.send().await.unwrap_err();
    assert_eq!(error.exit(), Exit::Success);
    let scanctl::error::Detail::Planned(planned) = error.detail() else { panic!("{error:?}") };
    assert_eq!((planned.method.as_str(), planned.path.as_str()), ("POST", "/rest/things/a%2Fb/start?x=1+2"));
    assert_eq!(planned.body, Some(json!({"n": 1})));
    assert_eq!((vendor.writes(), vendor.requests().len()), (0, 1));
}

#[tokio::test]
async fn a_dry_run_logs_in_to_read_and_out_again() {
    let vendor = Vendor::start();
    vendor.expect(post("/rest/token").any_body().reply(fine()));
    vendor.expect(get("/rest/things/1").header("x-token", "t").reply(fine()));
    vendor.expect(delete("/rest/token").header("x-token", "t"));
    let client = Client::dry(&vendor.url(), session());
    Kind::Safe.send(&client).await.unwrap();
    assert_eq!(fate(&Kind::Once.send(&client).await.unwrap_err()), "success, planned");
    client.http.close().await;
}
