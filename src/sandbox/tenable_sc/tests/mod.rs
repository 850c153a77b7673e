//! The instance, driven request by request with a made-up clock.

mod analysis;
mod door;
mod results;
mod scans;

use serde_json::Value;

use super::super::{Moment, Reply, Request, Vendor};
use super::pair;

/// When the tests begin: 2026-03-02 00:00:00 UTC.
pub(in crate::sandbox) const START: f64 = 1_772_409_600.0;

/// A client with keys, and a clock of its own.
pub(in crate::sandbox) struct Client<V> {
    pub(in crate::sandbox) vendor: V,
    pub(in crate::sandbox) now: f64,
    pub(in crate::sandbox) headers: Vec<(String, String)>,
}

pub(in crate::sandbox) fn keys() -> Vec<(String, String)> {
    vec![("x-apikey".into(), "accesskey=access; secretkey=secret;".into())]
}

/// An instance at normal speed.
fn client() -> Client<super::TenableSc> {
    Client { vendor: pair(1.0).0, now: START, headers: keys() }
}

impl<V: Vendor> Client<V> {
    /// The bare reply.
    pub(in crate::sandbox) fn send(&mut self, method: &str, target: &str, body: &[u8]) -> Reply {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let request = Request {
            method: method.into(),
            path: path.split('/').filter(|segment| !segment.is_empty()).map(str::to_owned).collect(),
            query: query
                .split('&')
                .filter_map(|pair| pair.split_once('='))
                .map(|(key, value)| (key.to_owned(), value.to_owned()))
                .collect(),
            headers: self.headers.clone(),
            body: body.to_vec(),
        };
        self.vendor.answer(&request, Moment(self.now))
    }

    /// The envelope, and the status with it.
    pub(in crate::sandbox) fn call(&mut self, method: &str, target: &str, body: &Value) -> (u16, Value) {
        let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
        let reply = self.send(method, target, &body);
        let envelope: Value = serde_json::from_slice(&reply.body).unwrap();
        assert_eq!(envelope["type"], "regular");
        assert!(envelope["warnings"].as_array().unwrap().is_empty());
        (reply.status, envelope)
    }

    /// The `response` of a call that succeeds.
    pub(in crate::sandbox) fn ok(&mut self, method: &str, target: &str, body: &Value) -> Value {
        let (status, mut envelope) = self.call(method, target, body);
        assert_eq!((status, &envelope["error_code"], &envelope["error_msg"]), (200, &0.into(), &"".into()), "{target}");
        envelope["response"].take()
    }

    /// The `response` of a GET that succeeds.
    pub(in crate::sandbox) fn get(&mut self, target: &str) -> Value {
        self.ok("GET", target, &Value::Null)
    }

    /// Status, code and message of a call that is refused.
    pub(in crate::sandbox) fn refused(&mut self, method: &str, target: &str, body: &Value) -> (u16, i64, String) {
        let (status, envelope) = self.call(method, target, body);
        assert_eq!(envelope["response"], "", "a refusal has no result: {envelope}");
        assert!(status >= 400, "{method} {target} was not refused: {envelope}");
        (status, envelope["error_code"].as_i64().unwrap(), envelope["error_msg"].as_str().unwrap().to_owned())
    }

    /// One member of one object.
    pub(in crate::sandbox) fn member(&mut self, target: &str, name: &str) -> Value {
        self.get(target)[name].take()
    }
}

/// The value of a header.
pub(in crate::sandbox) fn header<'a>(reply: &'a Reply, name: &str) -> Option<&'a str> {
    reply.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
}

#[test]
fn faults_come_in_the_shapes_of_this_product() {
    let vendor = pair(1.0).0;
    let busy = vendor.fault(500);
    assert_eq!(busy.status, 500);
    let envelope: Value = serde_json::from_slice(&busy.body).unwrap();
    assert!(envelope["error_msg"].as_str().unwrap().contains("database is locked"));
    let limited = vendor.fault(429);
    assert_eq!(limited.status, 429);
    assert!(limited.body.starts_with(b"<!DOCTYPE"), "no envelope from what stands in front");
}
