//! Files on their way out: whole, in pieces, once, and for as long as they move. And the other requests that change
//! something.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use scanctl::error::Detail;
use scanctl::exit::Exit;
use scanctl::http::upload::Upload;
use serde_json::json;
use socket2::{Domain, Socket, Type};

use super::{Client, fate, keys};
use crate::common::{Exchange, Reply, Vendor, delete, patch, post, put};

/// Larger than what a connection holds on its way.
const LARGE: usize = 32 << 20;

fn file(folder: &tempfile::TempDir, size: usize) -> (PathBuf, Vec<u8>) {
    let content: Vec<u8> = (0..size).map(|at| u8::try_from(at * 31 % 251).unwrap()).collect();
    let path = folder.path().join("report.nessus");
    std::fs::write(&path, &content).unwrap();
    (path, content)
}

#[tokio::test]
async fn a_file_is_sent_whole_and_again_where_it_was_not_taken() {
    let folder = tempfile::tempdir().unwrap();
    let (path, content) = file(&folder, (3 << 20) + 17);
    let vendor = Vendor::start();
    let upload = || post("/rest/file/upload").part("Filedata", "report.nessus", content.clone());
    vendor.expect(upload().reply(Reply::empty(429)));
    vendor.expect(upload().reply(Reply::json(200, &json!({"filename": "fdSzCv"}))));
    let client = Client::new(&vendor.url(), "", keys());
    let request = client.http.post(["file", "upload"]).upload(Upload::new("Filedata", &path).unwrap());
    let answer: serde_json::Value = request.label("upload").send().await.unwrap().json().unwrap();
    assert_eq!(answer["filename"], "fdSzCv");
    assert_eq!(client.writes.in_flight(), 0);
}

#[tokio::test]
async fn an_empty_file_is_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let (path, _) = file(&folder, 0);
    let vendor = Vendor::start();
    vendor.expect(post("/rest/file/upload").part("Filedata", "report.nessus", ""));
    let client = Client::new(&vendor.url(), "", keys());
    client.http.post(["file", "upload"]).upload(Upload::new("Filedata", &path).unwrap()).send().await.unwrap();
}

#[tokio::test]
async fn a_dry_run_says_which_file_and_sends_none() {
    let folder = tempfile::tempdir().unwrap();
    let (path, _) = file(&folder, 5);
    let vendor = Vendor::start();
    let client = Client::dry(&vendor.url(), keys());
    let request = client.http.post(["file", "upload"]).upload(Upload::new("Filedata", &path).unwrap());
    let planned = request.send().await.unwrap_err();
    let Detail::Planned(request) = planned.detail() else { panic!("{}", planned.one_line()) };
    assert_eq!((request.method.as_str(), request.path.as_str()), ("POST", "/rest/file/upload"));
    assert_eq!(request.body, Some(json!({"Filedata": {"file": "report.nessus", "bytes": 5}})));
    assert_eq!(vendor.connections(), 0);
}

#[tokio::test]
async fn a_file_that_shrinks_on_its_way_is_no_success() {
    let folder = tempfile::tempdir().unwrap();
    let (path, _) = file(&folder, 1 << 20);
    let vendor = Vendor::start();
    let client = Client::new(&vendor.url(), "", keys());
    let upload = Upload::new("Filedata", &path).unwrap();
    std::fs::write(&path, "short").unwrap();
    let error = client.http.post(["file", "upload"]).upload(upload).send().await.unwrap_err();
    assert!(error.lost().is_some(), "{}", error.one_line());
    drop(vendor.take_problems());
}

/// A server that takes so many bytes at a time, and answers when it has all; it may stop taking.
fn slow(pause: Duration, most: usize) -> SocketAddr {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.set_recv_buffer_size(64 << 10).unwrap();
    socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into()).unwrap();
    socket.listen(1).unwrap();
    let listener = TcpListener::from(socket);
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        let Ok((mut stream, _)) = listener.accept() else { return };
        let mut taken = 0;
        let mut piece = vec![0; 1 << 20];
        while taken < most {
            let mut got = 0;
            while got < piece.len() && taken + got < most {
                match stream.read(&mut piece[got..]) {
                    Ok(0) | Err(_) => return,
                    Ok(count) => got += count,
                }
            }
            taken += got;
            std::thread::sleep(pause);
        }
        if most < LARGE {
            // Until the other end has had enough.
            std::thread::sleep(Duration::from_secs(20));
            return;
        }
        drop(stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}"));
    });
    address
}

#[tokio::test]
async fn a_large_file_may_take_longer_than_any_answer_as_long_as_it_moves() {
    let folder = tempfile::tempdir().unwrap();
    let (path, _) = file(&folder, LARGE);
    let address = slow(Duration::from_millis(60), LARGE);
    let client = Client::new(&format!("http://{address}"), "timeout = '1s'", keys());
    let started = Instant::now();
    let request = client.http.post(["file", "upload"]).upload(Upload::new("Filedata", &path).unwrap());
    request.send().await.unwrap_or_else(|error| panic!("{}", error.one_line()));
    assert!(started.elapsed() > Duration::from_millis(1500), "it was not slow: {:?}", started.elapsed());
}

#[tokio::test]
async fn a_file_that_does_not_move_any_more_ends_the_call() {
    let folder = tempfile::tempdir().unwrap();
    let (path, _) = file(&folder, LARGE);
    let address = slow(Duration::ZERO, 1 << 20);
    let client = Client::new(&format!("http://{address}"), "timeout = '500ms'", keys());
    let started = Instant::now();
    let request = client.http.post(["file", "upload"]).upload(Upload::new("Filedata", &path).unwrap());
    let error = request.send().await.unwrap_err();
    assert!(error.lost().is_some() && started.elapsed() < Duration::from_secs(10), "{}", error.one_line());
}

#[tokio::test]
async fn what_is_changed_or_deleted_is_asked_for_once() {
    type Send = for<'a> fn(&'a Client) -> scanctl::http::Request<'a>;
    let requests: [(Exchange, Send); 3] = [
        (put("/rest/scan/34").json(json!({"name": "x"})), |client| {
            client.http.put(["scan", "34"]).json(&json!({"name": "x"}))
        }),
        (patch("/rest/scan/34").json(json!({"name": "x"})), |client| {
            client.http.patch(["scan", "34"]).json(&json!({"name": "x"}))
        }),
        (delete("/rest/scan/34"), |client| client.http.delete(["scan", "34"])),
    ];
    for (exchange, send) in requests {
        for (reply, expected) in [
            (Reply::close(), Some(Exit::UnknownOutcome)),
            (Reply::empty(502), Some(Exit::UnknownOutcome)),
            (Reply::empty(404), Some(Exit::NotFound)),
            (Reply::empty(204), None),
        ] {
            let vendor = Vendor::start();
            vendor.expect(exchange.clone().reply(reply));
            let client = Client::new(&vendor.url(), "", keys());
            let end = send(&client).send().await;
            let told = end.as_ref().map_or_else(fate, |_| "ok".to_owned());
            assert_eq!(end.err().map(|error| error.exit()), expected, "{told}");
        }
        let vendor = Vendor::start();
        let client = Client::dry(&vendor.url(), keys());
        let planned = send(&client).send().await.unwrap_err();
        assert!(matches!(planned.detail(), Detail::Planned(_)), "{}", planned.one_line());
        assert_eq!(vendor.connections(), 0);
    }
}
