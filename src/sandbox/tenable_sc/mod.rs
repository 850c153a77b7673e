//! Tenable Security Center (Tenable.sc) as its API behaves since version 6: an envelope around everything, numbers and
//! booleans as strings, missing objects as 403, and runs apart from the scans they are runs of.
//!
//! [`pair`] makes an instance and the Director above it, sharing one world. Not for what Director shows of it: that is
//! [`super::director`].

mod analysis;
mod archive;
pub(in crate::sandbox) mod catalog;
mod files;
mod lists;
pub(in crate::sandbox) mod records;
pub(in crate::sandbox) mod results;
pub(in crate::sandbox) mod scans;
pub(in crate::sandbox) mod schedule;
mod seed;
pub(in crate::sandbox) mod session;
mod system;
mod targets;
pub(in crate::sandbox) mod timeline;
pub(in crate::sandbox) mod wire;
pub(in crate::sandbox) mod world;

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use super::director::Director;
use super::{Moment, Reply, Request, Vendor};
use session::Door;
use wire::{Outcome, Refusal, Success};
use world::{SharedWorld, World};

/// A simulated Security Center.
pub struct TenableSc {
    door: Door,
    world: SharedWorld,
}

/// An instance and the Director that it is linked to. What happens on the one is seen on the other, there a little
/// later. `speed` divides how long states last.
pub fn pair(speed: f64) -> (TenableSc, Director) {
    let world = Arc::new(Mutex::new(World::new(speed)));
    (TenableSc { door: Door::new(0xC0FFEE), world: Arc::clone(&world) }, Director::new(world))
}

impl Vendor for TenableSc {
    fn answer(&mut self, request: &Request, now: Moment) -> Reply {
        let shared = &self.world;
        self.door.answer(request, now, |path| {
            let mut world = world::at(shared, now);
            let now = now.0;
            match path.split_first() {
                Some((&"scan", rest)) => scans::answer(&mut world, request, rest, now),
                Some((&"scanResult", rest)) => results::answer(&mut world, request, rest, now),
                Some((&"analysis", rest)) => analysis::answer(&world, request, rest, now),
                Some((&"file", rest)) => files::answer(&mut world, request, rest),
                Some((&"status", [])) if request.method == "GET" => Ok(status(now)),
                Some((&"system", rest)) => machine_room(&mut world, request, rest, now),
                _ => lists::answer(&mut world, request, path, now),
            }
        })
    }

    fn fault(&self, status: u16) -> Reply {
        fault(status)
    }
}

/// What stands before the application answers too many requests, the application itself that its database is busy.
pub(in crate::sandbox) fn fault(status: u16) -> Reply {
    match status {
        500 => wire::locked_database(super::server::now()),
        429 => wire::web_server_page(429, "Too Many Requests"),
        503 => wire::web_server_page(503, "Service Unavailable"),
        other => wire::web_server_page(other, "Error"),
    }
}

/// `/status` of both products.
pub(in crate::sandbox) fn status(now: f64) -> Success {
    system::status(now).into()
}

/// What lies below `/system`; the call itself is answered at the door.
fn machine_room(world: &mut World, request: &Request, path: &[&str], now: f64) -> Outcome {
    let locale = |code: &str| {
        let known = system::LOCALES.iter().find(|(known, _)| *known == code);
        known.map(|(code, name)| json!({"code": code, "name": name, "description": name}))
    };
    match (request.method.as_str(), path) {
        ("GET", ["locale"]) => Ok(Success::Body(locale(&world.locale).unwrap_or(Value::Null))),
        ("GET", ["locales"]) => {
            Ok(Success::Body(system::LOCALES.iter().filter_map(|(code, _)| locale(code)).collect()))
        }
        ("PATCH", ["locale"]) => {
            let body = wire::body(request)?;
            let code = body.get("PluginLocale").and_then(Value::as_str).unwrap_or_default();
            let answer = locale(code).ok_or_else(|| Refusal::because("Invalid value for attribute 'PluginLocale'."))?;
            world.locale = code.to_owned();
            Ok(Success::Body(answer))
        }
        ("GET", ["diagnostics"]) => Ok(system::diagnostics(world.diagnostics).into()),
        ("POST", ["diagnostics", "generate"]) => {
            // Clients wait for the time of the last file to change, and it has whole seconds.
            world.diagnostics = Some(world.diagnostics.map_or(now, |last| now.max(last + 1.0)));
            Ok(Success::nothing())
        }
        ("POST", ["diagnostics", "download"]) => match world.diagnostics {
            Some(_) => {
                let bytes =
                    b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\x03\x00\x00\x00\x00\x00\x00\x00\x00\x00".to_vec();
                Ok(Success::File("application/x-gzip", "diagnostics.tar.gz".into(), bytes))
            }
            None => Err(Refusal::because("No diagnostics file was generated.")),
        },
        _ => Err(Refusal::no_route(request)),
    }
}

#[cfg(test)]
pub(in crate::sandbox) mod tests;
