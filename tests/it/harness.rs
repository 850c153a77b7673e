//! The tests' own tools: a mock that cannot fail would make every other test worthless.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use serde_json::json;

use crate::common::{Env, Exchange, Reply, Vendor, close_before_reading, delete, get, patch, post, put};

/// Sends bytes on a new connection and reads to its end.
fn ask(vendor: &Vendor, request: &str) -> Result<String, ErrorKind> {
    let mut stream = TcpStream::connect(("127.0.0.1", vendor.port())).unwrap();
    let mut answer = String::new();
    stream
        .write_all(request.as_bytes())
        .and_then(|()| stream.read_to_string(&mut answer))
        .map_err(|problem| problem.kind())?;
    Ok(answer)
}

fn request(line: &str, body: &str) -> String {
    format!(
        "{line} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-Key: one\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

fn problems_of(script: impl IntoIterator<Item = Exchange>, requests: &[String]) -> String {
    let vendor = Vendor::start();
    for exchange in script {
        vendor.expect(exchange);
    }
    for request in requests {
        // What the client sees of it is another test's business.
        drop(ask(&vendor, request));
    }
    vendor.take_problems().replace(&vendor.url(), "URL")
}

#[test]
fn a_script_that_is_followed_is_no_problem() {
    let script = [
        get("/a").query("x", "1 2").query("y", "&").header("x-key", "one").no_header("cookie"),
        post("/a").json(json!({"b": 1, "a": [2]})).has_header("host"),
        patch("/a").body("bytes"),
        put("/a").any_body().any_query(),
        delete("/a"),
        get("/poll").repeatedly(),
        get("/never").any_number(),
    ];
    let requests = [
        request("GET /a?y=%26&x=1+2", ""),
        request("GET /poll", ""),
        request("POST /a", "{\"a\":[2],\"b\":1}"),
        request("PATCH /a", "bytes"),
        request("PUT /a?anything", "anything"),
        request("GET /poll", ""),
        request("DELETE /a", ""),
    ];
    assert_eq!(problems_of(script, &requests), "");
}

#[test]
fn what_is_wrong_with_a_request_is_told() {
    let script = [post("/scans/1").query("x", "1").header("x-key", "two").json(json!({"a": 1, "b": 2}))];
    insta::assert_snapshot!(problems_of(script, &[request("POST /scans/1?x=2", "{\"a\":1,\"b\":3}")]), @r#"
    mock vendor URL:
    * request 1, POST /scans/1?x=2, is not as expected
        query:
          expected [("x", "1")]
          received [("x", "2")]
        header x-key:
          expected Equal("two")
          received ["one"]
        body (- expected, + received):
        @@ -1,4 +1,4 @@
         {
           "a": 1,
        -  "b": 2
        +  "b": 3
         }
    requests in the order received:
      1. POST /scans/1?x=2
    "#);
}

#[test]
fn an_unexpected_request_is_told_with_what_was_expected() {
    let script = [get("/first"), post("/second").any_body()];
    let requests = [request("GET /first", ""), request("POST /secnod", "{}")];
    insta::assert_snapshot!(problems_of(script, &requests), @r"
    mock vendor URL:
    * request 2, POST /secnod, was not expected
      next in order (2): POST /second
        path:
          expected /second
          received /secnod
    * expected in order, never came: POST /second
    requests in the order received:
      1. GET /first
      2. POST /secnod
    ");
}

#[test]
fn exchanges_that_never_came_are_told() {
    let script = [get("/in-order"), get("/any").in_any_order(), get("/poll").repeatedly()];
    insta::assert_snapshot!(problems_of(script, &[]), @r"
    mock vendor URL:
    * expected in order, never came: GET /in-order
    * expected, never came: GET /any
    * expected, never came: GET /poll
    requests in the order received:
    ");
}

#[test]
fn once_in_any_order_is_once() {
    let script = [get("/a").in_any_order(), get("/b").in_any_order()];
    let both = [request("GET /b", ""), request("GET /a", "")];
    assert_eq!(problems_of(script.clone(), &both), "");
    let twice = [request("GET /b", ""), request("GET /a", ""), request("GET /a", "")];
    assert!(problems_of(script, &twice).contains("request 3, GET /a, was not expected"));
}

#[test]
fn the_end_of_the_mock_fails_the_test() {
    let vendor = Vendor::start();
    vendor.expect(get("/a"));
    assert!(catch_unwind(AssertUnwindSafe(|| drop(vendor))).is_err());
    let vendor = Vendor::start();
    drop(ask(&vendor, &request("GET /a", "")));
    assert!(catch_unwind(AssertUnwindSafe(|| drop(vendor))).is_err());
    let vendor = Vendor::start();
    vendor.expect(get("/a").reply_with(|_| panic!("an assertion in a reply")));
    assert_eq!(ask(&vendor, &request("GET /a", "")), Ok(String::new()));
    assert!(catch_unwind(AssertUnwindSafe(|| drop(vendor))).is_err());
    let vendor = Vendor::start();
    drop(vendor);
}

#[test]
fn answers_are_whole_or_fail_as_asked() {
    let vendor = Vendor::start();
    let answered = |reply: Reply| {
        vendor.expect(get("/").reply(reply));
        ask(&vendor, &request("GET /", ""))
    };
    let whole = Reply::json(201, &json!({"a": 1})).header("Set-Cookie", "a=1").header("Set-Cookie", "b=2");
    let expected = "HTTP/1.1 201 Mock\r\nContent-Type: application/json\r\nSet-Cookie: a=1\r\n\
                    Set-Cookie: b=2\r\nContent-Length: 7\r\n\r\n{\"a\":1}";
    assert_eq!(answered(whole).as_deref(), Ok(expected));
    assert!(answered(Reply::text(200, "abcd").half()).unwrap().ends_with("Content-Length: 4\r\n\r\nab"));
    assert!(answered(Reply::empty(200).half()).unwrap().ends_with("Content-Length: 100\r\n\r\n"));
    assert!(answered(Reply::html(200, "abcd").slow(Duration::from_millis(1))).unwrap().ends_with("\r\n\r\nabcd"));
    assert_eq!(answered(Reply::garbage("\u{1}\u{2}")).as_deref(), Ok("\u{1}\u{2}"));
    assert_eq!(answered(Reply::close()).as_deref(), Ok(""));
    assert_eq!(answered(Reply::reset()), Err(ErrorKind::ConnectionReset));
    vendor.expect(close_before_reading());
    assert!(matches!(ask(&vendor, &request("GET /", "")), Ok(_) | Err(ErrorKind::ConnectionReset)));
    assert_eq!(vendor.requests().len(), 7, "a request that was not read is not seen");
    assert_eq!((vendor.writes(), vendor.connections()), (0, 8));
}

#[test]
fn replies_follow_each_other_and_the_last_goes_on() {
    let vendor = Vendor::start();
    let replies = ["one", "two"].map(|word| Reply::text(200, word));
    vendor.expect(get("/").replies(replies).repeatedly());
    let words: Vec<String> =
        (0..3).map(|_| ask(&vendor, &request("GET /", "")).unwrap().rsplit('\n').next().unwrap().to_owned()).collect();
    assert_eq!(words, ["one", "two", "two"]);
}

#[test]
fn a_home_starts_empty() {
    let env = Env::new();
    assert!(env.read("config/scanctl/config.toml").is_none());
    assert!(env.config_path().starts_with(env.folder()));
}

#[test]
fn a_program_under_way_gets_signals() {
    for terminate in [false, true] {
        let vendor = Vendor::start();
        vendor.expect(get("/scans/219").reply(Reply::stall()));
        let env = Env::new();
        env.tenable_io(&vendor);
        let running = env.spawn(&["status", "io/219"]);
        vendor.wait_for("GET", "/scans/219");
        if terminate {
            running.terminate();
        } else {
            running.interrupt();
        }
        running.wait().expect_code(if terminate { 143 } else { 130 });
    }
}

#[test]
fn a_person_at_a_terminal_is_asked() {
    let vendor = Vendor::start();
    let env = Env::new();
    env.tenable_io(&vendor);
    let output = env.run_on_terminal(&["force-stop", "io/template-1"], "n\n").expect_code(2);
    assert!(output.stderr.contains("[y/N]") && output.stdout.is_empty(), "{output}");
    env.run(&["force-stop", "io/template-1"]).expect_code(2);
    assert_eq!(vendor.writes(), 0);
    vendor.expect(get("/scans/template-1").any_query().reply(Reply::empty(404)).any_number());
    vendor.expect(post("/scans/template-1/force-stop").json(json!({})));
    env.run_on_terminal(&["force-stop", "io/template-1"], "y\n").expect_code(0);
}

/// Everywhere else tests have no time for pauses.
#[test]
fn pauses_are_made_where_a_test_asks_for_them() {
    let pause = Duration::from_millis(300);
    for without in [true, false] {
        let vendor = Vendor::start();
        let busy = Reply::empty(429).header("Retry-After", "0.6");
        vendor.expect(get("/scans/219").replies([busy, Reply::empty(404)]).repeatedly());
        let mut env = Env::new();
        env.tenable_io(&vendor);
        if without {
            env.unset("__SCANCTL_TEST_NO_DELAY");
        }
        let begin = Instant::now();
        let output = env.run(&["status", "io/219"]).expect_code(5);
        assert!(output.stderr.contains("rate limited, waiting 0.6 s (try 2 of 5)"), "{output}");
        assert!(!without || begin.elapsed() >= pause, "{:?}", begin.elapsed());
    }
}
