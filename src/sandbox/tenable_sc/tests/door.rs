//! Keys, sessions, and what strangers are told.

use serde_json::{Value, json};

use super::{Client, client, header, keys};
use crate::sandbox::tenable_sc::TenableSc;

fn login(client: &mut Client<TenableSc>, body: &Value) -> (Value, Vec<String>) {
    client.headers.clear();
    let reply = client.send("POST", "/rest/token", body.to_string().as_bytes());
    assert_eq!(reply.status, 200);
    let cookies = reply.headers.iter().filter(|(name, _)| *name == "Set-Cookie").map(|(_, value)| value.clone());
    let envelope: Value = serde_json::from_slice(&reply.body).unwrap();
    (envelope["response"].clone(), cookies.collect())
}

fn good() -> Value {
    json!({"username": "user", "password": "password"})
}

fn session_headers(token: &Value, cookie: &str) -> Vec<(String, String)> {
    let pair = cookie.split(';').next().unwrap();
    vec![("x-securitycenter".into(), token.to_string()), ("cookie".into(), pair.to_owned())]
}

#[test]
fn keys_are_taken_in_every_spelling_that_works() {
    let mut client = client();
    for value in [
        "accesskey=access; secretkey=secret;",
        "accessKey=access; secretKey=secret",
        "secretkey=secret;accesskey=access",
    ] {
        client.headers = vec![("x-apikey".into(), value.into())];
        assert_eq!(client.get("/rest/currentUser")["username"], "user");
    }
}

#[test]
fn refused_keys_are_403_with_code_0_and_called_html() {
    let mut client = client();
    client.headers = vec![("x-apikey".into(), "accesskey=no; secretkey=no;".into())];
    for path in ["/rest/system", "/rest/scan"] {
        let reply = client.send("GET", path, b"");
        assert_eq!(header(&reply, "content-type"), Some("text/html; charset=UTF-8"));
        assert!(!reply.body.ends_with(b"\n"));
        assert_eq!(client.refused("GET", path, &Value::Null), (403, 0, String::new()));
    }
}

#[test]
fn the_cloud_products_header_is_no_credential() {
    let mut client = client();
    client.headers = vec![("x-apikeys".into(), "accessKey=access; secretKey=secret".into())];
    let (status, code, message) = client.refused("GET", "/rest/scan", &Value::Null);
    assert_eq!((status, code, message.as_str()), (403, 12, "This request contains an invalid token."));
}

#[test]
fn system_tells_strangers_no_version_and_gives_them_a_worthless_cookie() {
    let mut client = client();
    assert_eq!(client.get("/rest/system")["version"], "6.4.0");
    client.headers.clear();
    let reply = client.send("GET", "/rest/system", b"");
    let stray = header(&reply, "set-cookie").unwrap().split(';').next().unwrap().to_owned();
    let envelope: Value = serde_json::from_slice(&reply.body).unwrap();
    assert!(envelope["response"].get("version").is_none());
    assert_eq!(envelope["response"]["sessionTimeout"], "3600");
    assert!(reply.body.len() > 9000, "the time zones make up most of it");
    // Keys beside that cookie are fine: official clients send both.
    client.headers = keys();
    client.headers.push(("cookie".into(), stray));
    assert_eq!(client.get("/rest/currentUser")["username"], "user");
}

#[test]
fn a_session_needs_its_number_and_the_last_of_two_cookies() {
    let mut client = client();
    let (response, cookies) = login(&mut client, &good());
    assert!(response["token"].is_u64(), "the token is a number: {response}");
    assert!(response["lastFailedLogin"].is_null());
    assert_eq!(cookies.len(), 2);
    client.headers = session_headers(&response["token"], &cookies[1]);
    assert_eq!(client.get("/rest/currentUser")["id"], "2");
    client.headers = session_headers(&response["token"], &cookies[0]);
    assert_eq!(client.refused("GET", "/rest/currentUser", &Value::Null).1, 12, "the first cookie is dead");
    client.headers.truncate(1);
    assert_eq!(client.refused("GET", "/rest/currentUser", &Value::Null).1, 12, "the number alone is nothing");
}

#[test]
fn a_session_and_keys_together_are_400() {
    let mut client = client();
    let (response, cookies) = login(&mut client, &good());
    client.headers = session_headers(&response["token"], &cookies[1]);
    client.headers.extend(keys());
    assert_eq!(client.refused("GET", "/rest/scan", &Value::Null).0, 400);
    client.headers.remove(0);
    assert_eq!(client.refused("GET", "/rest/scan", &Value::Null).0, 400, "the cookie of a login is enough");
}

#[test]
fn sessions_end_by_logout_and_by_idleness() {
    let mut client = client();
    let (response, cookies) = login(&mut client, &good());
    client.headers = session_headers(&response["token"], &cookies[1]);
    for _ in 0..3 {
        client.now += 3599.0;
        client.get("/rest/status");
    }
    client.now += 3600.0;
    assert_eq!(client.refused("GET", "/rest/status", &Value::Null).1, 12);

    let (response, cookies) = login(&mut client, &good());
    client.headers = session_headers(&response["token"], &cookies[1]);
    assert_eq!(client.ok("DELETE", "/rest/token", &Value::Null), "");
    assert_eq!(client.refused("DELETE", "/rest/token", &Value::Null).1, 12);
}

#[test]
fn wrong_passwords_are_counted() {
    let mut client = client();
    client.headers.clear();
    let wrong = json!({"username": "user", "password": "no"});
    assert_eq!(client.refused("POST", "/rest/token", &wrong).0, 403);
    assert_eq!(client.refused("POST", "/rest/token", &json!({"username": "user"})).1, 146);
    let (response, _) = login(&mut client, &good());
    assert_eq!(response["failedLogins"], "1");
    assert!(response["lastFailedLogin"].is_string());
}

#[test]
fn at_the_limit_a_login_says_so_and_gives_no_token() {
    let mut client = client();
    let (first, cookies) = login(&mut client, &good());
    let mut last = Value::Null;
    for _ in 0..200 {
        client.now += 1.0;
        last = login(&mut client, &good()).0;
        if last.get("token").is_none() {
            break;
        }
    }
    assert_eq!(last, json!({"releaseSession": true}));
    let (released, _) =
        login(&mut client, &json!({"username": "user", "password": "password", "releaseSession": true}));
    assert!(released["token"].is_u64());
    client.headers = session_headers(&first["token"], &cookies[1]);
    assert_eq!(client.refused("GET", "/rest/scan", &Value::Null).1, 12, "the oldest session had to go");
}

#[test]
fn what_does_not_exist_is_404_and_never_what_a_missing_object_is() {
    let mut client = client();
    assert_eq!(client.send("GET", "/scan", b"").status, 404, "without the prefix");
    for (method, path) in [
        ("GET", "/rest/nonsense"),
        ("PUT", "/rest/scan/1"),
        ("POST", "/rest/scanResult/8/launch"),
        ("GET", "/rest/mgmt/scan"),
        ("GET", "/rest/sci"),
        ("POST", "/rest/policy"),
    ] {
        assert_eq!(client.refused(method, path, &Value::Null).0, 404, "{method} {path}");
    }
    for path in ["/rest/scan/99", "/rest/scanResult/99", "/rest/policy/99", "/rest/user/99", "/rest/scan/x"] {
        let (status, code, message) = client.refused("GET", path, &Value::Null);
        assert_eq!((status, code), (403, 147), "{path}");
        assert!(message.ends_with("does not exist.\n"), "{message}");
    }
    client.headers.clear();
    assert_eq!(client.refused("GET", "/rest/nonsense", &Value::Null).1, 12, "strangers learn nothing");
}
