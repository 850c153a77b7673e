//! What goes over the wire: paths, headers, bodies, and that keys go to no other host.

use std::time::Duration;

use futures_util::future::join_all;
use scanctl::exit::Exit;
use serde_json::json;

use super::{Client, KEY, fate, keys};
use crate::common::{Reply, Vendor, get, post};

#[tokio::test]
async fn redirects_are_never_followed_and_keys_go_to_no_other_host() {
    for status in [301, 302, 303, 307, 308] {
        let (vendor, other) = (Vendor::start(), Vendor::start());
        let away = Reply::empty(status).header("Location", &format!("{}/portal?a=canary", other.url()));
        vendor.expect(get("/rest/things").header("x-apikeys", KEY).reply(away.clone()));
        vendor.expect(post("/rest/things").header("x-apikeys", KEY).reply(away));
        let client = Client::new(&vendor.url(), "", keys());
        let get = client.http.get(["things"]).send().await.unwrap_err();
        let post = client.http.post(["things"]).send().await.unwrap_err();
        for error in [get, post] {
            assert_eq!((error.exit(), error.lost().is_some()), (Exit::Config, false));
            let line = error.one_line();
            assert!(line.contains(&format!("the server redirects to {}", other.url())), "{line}");
            assert!(!line.contains("canary") && error.hint_text().unwrap().contains("base_url"), "{line}");
        }
        assert_eq!((other.connections(), vendor.requests().len()), (0, 2));
    }
}

#[tokio::test]
async fn redirects_within_the_host_and_without_a_place_are_refused_too() {
    let vendor = Vendor::start();
    vendor.expect(get("/rest/things").reply(Reply::empty(302).header("Location", "/login")));
    vendor.expect(get("/rest/things").reply(Reply::empty(304)));
    let client = Client::new(&vendor.url(), "", keys());
    for expected in [vendor.url(), "nowhere".to_owned()] {
        let error = client.http.get(["things"]).send().await.unwrap_err();
        assert!(error.one_line().contains(&format!("redirects to {expected}")), "{}", error.one_line());
    }
}

#[tokio::test]
async fn an_id_stays_in_its_place_of_the_path_whatever_it_holds() {
    let ids = [
        ("a/b", "a%2Fb"),
        ("a?b=c#d", "a%3Fb=c%23d"),
        ("50%", "50%25"),
        ("%2e%2e", "%252e%252e"),
        ("..%2f", "..%252f"),
        ("a b", "a%20b"),
        (" ", "%20"),
        ("...", "..."),
        ("../x", "..%2Fx"),
        ("a\\..\\b", "a%5C..%5Cb"),
        ("größe", "gr%C3%B6%C3%9Fe"),
        ("a;b@c:d", "a;b@c:d"),
    ];
    for (id, encoded) in ids {
        let vendor = Vendor::start();
        vendor.expect(post(&format!("/rest/things/{encoded}/stop")));
        let client = Client::new(&vendor.url(), "", keys());
        client.http.post(["things", id, "stop"]).send().await.unwrap();
    }
}

/// A URL library may drop such characters, and the id would be another one.
#[tokio::test]
async fn an_id_that_cannot_stay_in_its_place_is_refused_unsent() {
    let vendor = Vendor::start();
    let client = Client::new(&vendor.url(), "", keys());
    let mut taken = Vec::new();
    for id in ["", ".", "..", "21\t9", "21\n9", "\t", ".\t.", "\r..", "%2e\n", "a\0b", "\u{1b}", "\u{7f}", "\u{85}"] {
        for request in [client.http.get(["things", id, "x"]), client.http.post(["things", id])] {
            match request.send().await {
                Err(error) if error.exit() == Exit::Usage => {}
                other => taken.push(format!("{id:?}: {:?}", other.map_err(|error| error.one_line()))),
            }
        }
    }
    drop(vendor.take_problems());
    assert!(taken.is_empty(), "{taken:#?}\n{:?}", vendor.lines());
    assert_eq!(vendor.connections(), 0);
}

#[tokio::test]
async fn queries_are_encoded() {
    let vendor = Vendor::start();
    vendor.expect(get("/rest/things").query("fields", "a,b&c=d").query("n", "1").query("ü", " +%"));
    let client = Client::new(&vendor.url(), "", keys());
    let request = client.http.get(["things"]).query("fields", "a,b&c=d").query("n", 1).query("ü", " +%");
    request.send().await.unwrap();
}

#[tokio::test]
async fn headers_are_those_of_an_integration() {
    let vendor = Vendor::start();
    vendor.expect(get("/rest/things")).expect(post("/rest/things")).expect(post("/rest/things").json(json!([1])));
    let client = Client::new(&vendor.url(), "user_agent_suffix = \"team\\u0000 é x\"", keys());
    client.http.get(["things"]).send().await.unwrap();
    client.http.post(["things"]).send().await.unwrap();
    client.http.post(["things"]).accept("text/csv").json(&json!([1])).send().await.unwrap();
    let mut shown = String::new();
    for request in vendor.requests() {
        let headers = request.headers.iter().map(|(name, value)| format!("  {name}: {value}\n"));
        shown.push_str(&format!("{}\n{}", request.line(), headers.collect::<String>()));
    }
    let shown = shown.replace(&vendor.url()["http://".len()..], "HOST").replace(env!("CARGO_PKG_VERSION"), "VERSION");
    insta::assert_snapshot!(shown, @r"
    GET /rest/things
      accept: application/json
      x-apikeys: canary-key-0123456789
      user-agent: Integration/1.0 (scanctl; scanctl; Build/VERSION) scanctl/VERSION team  x
      accept-encoding: gzip
      host: HOST
    POST /rest/things
      accept: application/json
      x-apikeys: canary-key-0123456789
      content-length: 0
      user-agent: Integration/1.0 (scanctl; scanctl; Build/VERSION) scanctl/VERSION team  x
      accept-encoding: gzip
      host: HOST
    POST /rest/things
      accept: text/csv
      x-apikeys: canary-key-0123456789
      content-type: application/json
      user-agent: Integration/1.0 (scanctl; scanctl; Build/VERSION) scanctl/VERSION team  x
      accept-encoding: gzip
      host: HOST
      content-length: 3
    ");
}

#[tokio::test]
async fn compressed_answers_are_read() {
    let vendor = Vendor::start();
    vendor.expect(get("/rest/things").reply(Reply::json(200, &json!({"a": 1})).gzip()));
    vendor.expect(get("/rest/things").reply(Reply::json(403, &json!({"error": "no right"})).gzip()));
    let client = Client::new(&vendor.url(), "", keys());
    let answer = client.http.get(["things"]).send().await.unwrap();
    assert_eq!(answer.json::<serde_json::Value>().unwrap(), json!({"a": 1}));
    let error = client.http.get(["things"]).send().await.unwrap_err();
    assert_eq!(error.answer().text.as_deref(), Some("no right"));
}

#[tokio::test]
async fn an_answer_carries_the_vendors_clock_and_request_id() {
    let vendor = Vendor::start();
    let reply = Reply::json(200, &json!({})).header("Date", "Thu, 21 Nov 2019 15:39:37 GMT");
    vendor.expect(get("/rest/things").reply(reply.header("X-Request-Uuid", "u-1")));
    let client = Client::new(&vendor.url(), "", keys());
    let answer = client.http.get(["things"]).send().await.unwrap();
    assert_eq!(answer.date.unwrap().as_second(), 1_574_350_777);
    assert_eq!((answer.request_id.as_deref(), answer.status), (Some("u-1"), 200));
    assert!(answer.sent <= answer.received);
}

#[tokio::test]
async fn an_answer_that_is_not_what_was_promised_says_what_it_is() {
    #[derive(Debug, serde::Deserialize)]
    struct Things {
        #[expect(dead_code, reason = "only its reading is tested")]
        things: Vec<u32>,
    }
    let bodies = [
        Reply::html(200, " <!doctype html><title>Login</title>"),
        Reply::text(200, " \r\n"),
        Reply::text(200, "{\"things\": [1, 2"),
        Reply::text(200, "{\"things\": [1, \"canary\"]}"),
        Reply::text(200, "{}"),
        Reply::text(200, "[]"),
        Reply::text(200, "Notice: undefined index"),
        Reply::garbage("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n\u{fe}"),
    ];
    let mut said = Vec::new();
    for body in bodies {
        let vendor = Vendor::start();
        vendor.expect(get("/rest/things").reply(body.clone())).expect(post("/rest/things").reply(body));
        let client = Client::new(&vendor.url(), "", keys());
        let answer = client.http.get(["things"]).label("things list").send().await.unwrap();
        let error = answer.json::<Things>().unwrap_err();
        assert_eq!(fate(&error), "bad_data");
        said.push(error.one_line());
        let answer = client.http.post(["things"]).label("launch").send().await.unwrap();
        assert_eq!(fate(&answer.json::<Things>().unwrap_err()), "unknown_outcome, lost");
    }
    insta::assert_snapshot!(said.join("\n"), @r#"
    the answer to `things list` is not what the API promises: it is HTML, not JSON
    the answer to `things list` is not what the API promises: it is empty
    the answer to `things list` is not what the API promises: at `things`: EOF while parsing a list at line 1 column 16
    the answer to `things list` is not what the API promises: at `things[1]`: invalid type: string "canary", expected u32 at line 1 column 23
    the answer to `things list` is not what the API promises: missing field `things` at line 1 column 2
    the answer to `things list` is not what the API promises: invalid length 0, expected struct Things with 1 element at line 1 column 2
    the answer to `things list` is not what the API promises: expected value at line 1 column 1
    the answer to `things list` is not what the API promises: expected value at line 1 column 1
    "#);
}

#[tokio::test]
async fn keys_that_the_vendor_echoes_are_struck_out() {
    let vendor = Vendor::start();
    let echo = json!({"error": format!("key {KEY}\u{1b}[31m is blacklisted")});
    vendor.expect(get("/rest/things").reply(Reply::json(401, &echo)));
    let client = Client::new(&vendor.url(), "", keys());
    let error = client.http.get(["things"]).send().await.unwrap_err();
    let everything = format!("{} {error:?} {:?}", error.one_line(), client.http);
    assert!(everything.contains("(redacted)") && !everything.contains("canary"), "{everything}");
}

#[tokio::test]
async fn query_values_are_not_told() {
    let vendor = Vendor::start();
    vendor.expect(get("/rest/things").any_query().reply(Reply::empty(404)));
    let client = Client::new(&vendor.url(), "", keys());
    let error = client.http.get(["things"]).query("filter", "canary").send().await.unwrap_err();
    assert!(!format!("{error:?}").contains("canary"), "{error:?}");
    assert!(error.one_line().contains("/rest/things?[filter]"), "{}", error.one_line());
}

#[tokio::test]
async fn slow_answers_end_with_the_attempt_not_with_the_byte() {
    let vendor = Vendor::start();
    let slow = Reply::text(200, "0123456789").slow(Duration::from_millis(100));
    vendor.expect(post("/rest/things").reply(slow));
    let client = Client::new(&vendor.url(), "timeout = \"300ms\"", keys());
    let error = client.http.post(["things"]).send().await.unwrap_err();
    assert_eq!(fate(&error), "unknown_outcome, lost");
}

#[tokio::test]
async fn the_prefix_and_a_path_of_the_base_url_are_kept() {
    let vendor = Vendor::start();
    for (base, path) in [("", "/rest/a"), ("/", "/rest/a"), ("/rest/", "/rest/a"), ("/console", "/console/rest/a")] {
        vendor.expect(get(path));
        let client = Client::new(&format!("{}{base}", vendor.url()), "", keys());
        client.http.get(["a"]).send().await.unwrap();
    }
}

#[tokio::test]
async fn two_clients_do_not_share_anything() {
    let vendor = Vendor::start();
    let cookie = Reply::empty(200).header("Set-Cookie", "session=1; Path=/");
    vendor.expect(get("/rest/things").no_header("cookie").reply(cookie).repeatedly());
    let clients = [(); 2].map(|()| Client::new(&vendor.url(), "", keys()));
    for _ in 0..2 {
        for sent in join_all(clients.iter().map(|client| client.http.get(["things"]).send())).await {
            sent.unwrap();
        }
    }
}
