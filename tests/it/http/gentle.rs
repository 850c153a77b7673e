//! Manners: few requests at a time, and none that changes anything once a signal came.

use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use futures_util::future::join_all;
use scanctl::exit::Exit;
use serde_json::json;

use super::{Client, keys, session};
use crate::common::{Reply, Vendor, get, post};

/// Runs a request until it has to wait; whether it has to.
async fn begins<T>(request: &mut Pin<Box<impl Future<Output = T>>>) -> bool {
    std::future::poll_fn(|context| Poll::Ready(request.as_mut().poll(context).is_pending())).await
}

#[tokio::test]
async fn never_more_requests_at_a_time_than_allowed() {
    for allowed in [1, 3] {
        let vendor = Vendor::start();
        let gate = vendor.gate();
        // Waits for as many as are allowed to be there, and gives one more the chance to come.
        vendor.expect(
            get("/rest/things")
                .reply_with(move |_| {
                    gate.until_in_flight(allowed + 1, Duration::from_millis(100));
                    Reply::empty(200)
                })
                .repeatedly(),
        );
        let client = Client::new(&vendor.url(), &format!("max_concurrency = {allowed}"), keys());
        for sent in join_all((0..7).map(|_| client.http.get(["things"]).send())).await {
            sent.unwrap();
        }
        assert_eq!((vendor.most_in_flight(), vendor.requests().len()), (allowed, 7));
    }
}

#[tokio::test]
async fn changing_requests_under_way_are_counted() {
    let vendor = Vendor::start();
    vendor.expect(get("/rest/things").any_number());
    vendor.expect(post("/rest/things"));
    let client = Client::new(&vendor.url(), "", keys());
    assert_eq!(client.writes.in_flight(), 0);
    let mut post = Box::pin(client.http.post(["things"]).send());
    assert!(begins(&mut post).await);
    let mut get = Box::pin(client.http.get(["things"]).send());
    assert!(begins(&mut get).await);
    assert_eq!(client.writes.in_flight(), 1);
    post.await.unwrap();
    assert_eq!(client.writes.in_flight(), 0);
    get.await.unwrap();
}

#[tokio::test]
async fn after_a_signal_no_changing_request_begins_also_not_one_that_waits_for_its_turn() {
    let vendor = Vendor::start();
    vendor.expect(get("/rest/things").any_number());
    vendor.expect(post("/rest/things/1"));
    let client = Client::new(&vendor.url(), "max_concurrency = 1", keys());
    let mut first = Box::pin(client.http.post(["things", "1"]).send());
    assert!(begins(&mut first).await);
    let mut second = Box::pin(client.http.post(["things", "2"]).send());
    assert!(begins(&mut second).await);
    client.writes.close(Exit::Interrupted);
    first.await.unwrap();
    assert_eq!(second.await.unwrap_err().exit(), Exit::Interrupted);
    let error = client.http.post(["things", "3"]).send().await.unwrap_err();
    assert_eq!((error.exit(), error.lost().is_some()), (Exit::Interrupted, false));
    client.http.get(["things"]).send().await.unwrap();
    assert_eq!(vendor.writes(), 1);
}

#[tokio::test]
async fn a_signal_during_a_pause_ends_the_repeats_of_a_changing_request() {
    let vendor = Vendor::start();
    vendor.expect(post("/rest/things").reply(Reply::empty(429).header("Retry-After", "0")));
    let client = Client::new(&vendor.url(), "", keys());
    let mut request = Box::pin(client.http.post(["things"]).send());
    let ended = loop {
        tokio::select! {
            ended = &mut request => break ended,
            () = tokio::task::yield_now() => {
                if !client.notices().is_empty() {
                    client.writes.close(Exit::Terminated);
                }
            }
        }
    };
    assert_eq!(ended.unwrap_err().exit(), Exit::Terminated);
}

#[tokio::test]
async fn a_signal_during_the_login_keeps_a_changing_request_back() {
    let vendor = Vendor::start();
    vendor.expect(post("/rest/token").any_body().reply(Reply::json(200, &json!({"token": "t"}))));
    let client = Client::new(&vendor.url(), "", session());
    let mut request = Box::pin(client.http.post(["things"]).send());
    assert!(begins(&mut request).await);
    client.writes.close(Exit::Interrupted);
    assert_eq!(request.await.unwrap_err().exit(), Exit::Interrupted);
}

#[tokio::test]
async fn a_deprecation_is_told_once() {
    let vendor = Vendor::start();
    vendor.expect(get("/rest/things").reply(Reply::empty(200).header("Deprecated", "use /v2")).repeatedly());
    let client = Client::new(&vendor.url(), "", keys());
    for _ in 0..2 {
        client.http.get(["things"]).send().await.unwrap();
    }
    assert_eq!(client.notices(), ["profile `test`: the vendor says: use /v2"]);
}
