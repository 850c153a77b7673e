//! Logins: at the first need, once however many requests ask, once more when the vendor says that it is over.

use futures_util::future::join_all;
use scanctl::exit::Exit;
use serde_json::json;

use super::{Client, PASSWORD, fate, session};
use crate::common::{Exchange, Reply, Vendor, delete, get, post};

fn login() -> Exchange {
    post("/rest/token").json(json!({"password": PASSWORD})).no_header("x-token").no_header("cookie")
}

fn token(token: &str) -> Reply {
    let reply = Reply::json(200, &json!({"token": token}));
    reply.header("Set-Cookie", "first=1").header("Set-Cookie", &format!("second={token}"))
}

fn things(token: &str) -> Exchange {
    let exchange = get("/rest/things").header("x-token", token).header("cookie", &format!("second={token}"));
    exchange.reply(Reply::json(200, &json!({})))
}

fn expired() -> Reply {
    Reply::json(403, &json!({"error": "session expired", "expired": true}))
}

#[tokio::test]
async fn a_login_is_made_at_the_first_need_and_ended_at_the_close() {
    let vendor = Vendor::start();
    vendor.expect(login().reply(token("t1"))).expect(things("t1")).expect(things("t1"));
    vendor.expect(delete("/rest/token").header("x-token", "t1").header("cookie", "second=t1"));
    let client = Client::new(&vendor.url(), "", session());
    assert_eq!(vendor.connections(), 0);
    for _ in 0..2 {
        client.http.get(["things"]).send().await.unwrap();
    }
    client.http.close().await;
    client.http.close().await;
}

#[tokio::test]
async fn a_session_that_is_never_used_sends_nothing() {
    let vendor = Vendor::start();
    let client = Client::new(&vendor.url(), "", session());
    client.http.close().await;
    assert_eq!(vendor.connections(), 0);
}

#[tokio::test]
async fn requests_at_the_same_time_share_one_login() {
    let vendor = Vendor::start();
    vendor.expect(login().reply(token("t1")).in_any_order());
    for _ in 0..4 {
        vendor.expect(things("t1").in_any_order());
    }
    let client = Client::new(&vendor.url(), "max_concurrency = 4", session());
    for sent in join_all((0..4).map(|_| client.http.get(["things"]).send())).await {
        sent.unwrap();
    }
}

#[tokio::test]
async fn requests_that_meet_an_expired_session_share_one_new_login() {
    let vendor = Vendor::start();
    let gate = vendor.gate();
    vendor.expect(login().replies([token("t1"), token("t2"), token("t3")]).repeatedly());
    // Nobody hears of the end before everybody asked.
    vendor.expect(
        things("t1")
            .reply_with(move |_| {
                assert!(gate.until_seen(5));
                expired()
            })
            .repeatedly(),
    );
    for _ in 0..4 {
        vendor.expect(things("t2").in_any_order());
    }
    let client = Client::new(&vendor.url(), "max_concurrency = 4", session());
    for sent in join_all((0..4).map(|_| client.http.get(["things"]).send())).await {
        sent.unwrap();
    }
    assert_eq!(vendor.writes(), 2, "{:?}", vendor.lines());
}

#[tokio::test]
async fn a_session_that_expires_twice_is_refused() {
    let vendor = Vendor::start();
    vendor.expect(login().reply(token("t1"))).expect(things("t1").reply(expired()));
    vendor.expect(login().reply(token("t2"))).expect(things("t2").reply(expired()));
    let client = Client::new(&vendor.url(), "", session());
    let error = client.http.get(["things"]).send().await.unwrap_err();
    assert_eq!(fate(&error), "auth, refused");
    assert_eq!(client.notices(), Vec::<String>::new());
}

#[tokio::test]
async fn a_changing_request_goes_out_again_after_a_new_login_since_it_was_refused() {
    let vendor = Vendor::start();
    let start = |token: &str| post("/rest/start").header("x-token", token);
    vendor.expect(login().reply(token("t1"))).expect(start("t1").reply(expired()));
    vendor.expect(login().reply(token("t2"))).expect(start("t2"));
    let client = Client::new(&vendor.url(), "", session());
    client.http.post(["start"]).send().await.unwrap();
}

#[tokio::test]
async fn a_refused_login_sends_nothing_else_and_nothing_at_the_end() {
    let vendor = Vendor::start();
    vendor.expect(login().reply(Reply::json(401, &json!({"error": format!("no user with {PASSWORD}")}))));
    let client = Client::new(&vendor.url(), "", session());
    let error = client.http.post(["start"]).send().await.unwrap_err();
    assert_eq!(error.exit(), Exit::Auth);
    insta::assert_snapshot!(error.one_line().replace(&vendor.url(), "URL"), @"profile `test`: the login failed: HTTP 401: no user with (redacted): POST URL/rest/token");
    client.http.close().await;
}

/// The vendor grants no session although it refused nothing, for instance because the user has one too many.
#[tokio::test]
async fn a_login_without_a_token_is_not_tried_again() {
    let vendor = Vendor::start();
    vendor.expect(login().reply(Reply::json(200, &json!({"releaseSession": true}))));
    let client = Client::new(&vendor.url(), "", session());
    let error = client.http.get(["things"]).send().await.unwrap_err();
    assert_eq!((error.exit(), error.message()), (Exit::Limited, "the login gave no token"));
    client.http.close().await;
}

/// A lost login is no lost launch: nothing was changed.
#[tokio::test]
async fn a_login_that_gets_no_answer_loses_no_changing_request() {
    let vendor = Vendor::start();
    vendor.expect(login().reply(Reply::empty(503).header("Retry-After", "0")).repeatedly());
    let client = Client::new(&vendor.url(), "", session());
    let error = client.http.post(["start"]).send().await.unwrap_err();
    assert_eq!(fate(&error), "network");
    insta::assert_snapshot!(error.one_line().replace(&vendor.url(), "URL"), @"profile `test`: the login failed: HTTP 503 Service Unavailable: POST URL/rest/token");
    assert_eq!(vendor.writes(), 5);
}

#[tokio::test]
async fn a_failing_logout_is_no_error() {
    let vendor = Vendor::start();
    vendor.expect(login().reply(token("t1"))).expect(things("t1"));
    vendor.expect(delete("/rest/token").reply(expired()));
    let client = Client::new(&vendor.url(), "", session());
    client.http.get(["things"]).send().await.unwrap();
    client.http.close().await;
    assert_eq!(client.notices(), Vec::<String>::new());
}

#[tokio::test]
async fn a_token_that_the_vendor_echoes_is_struck_out() {
    const LIVE: &str = "canary-live-token-1";
    let vendor = Vendor::start();
    vendor.expect(login().reply(token(LIVE)));
    vendor.expect(things(LIVE).reply(Reply::json(403, &json!({"error": format!("bad X-Token {LIVE}")}))));
    let client = Client::new(&vendor.url(), "", session());
    let error = client.http.get(["things"]).send().await.unwrap_err();
    assert!(!format!("{} {error:?}", error.one_line()).contains(LIVE), "{}", error.one_line());
}
