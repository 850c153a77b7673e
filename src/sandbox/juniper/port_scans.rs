//! `/services/port_scans`: the console's own look at the ports of one address. It has nothing to do with the scanner.

use super::reply::{code, error, integer, no_endpoint};
use super::{Outcome, catalogue, query};
use crate::sandbox::Request;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::net::IpAddr;

const FIELDS: &str = "id,ip,message,status";
const QUEUED_SECONDS: f64 = 3.0;
const PROCESSING_SECONDS: f64 = 27.0;

/// The lookups asked for so far.
pub(super) struct PortScans {
    speed: f64,
    lookups: Vec<Lookup>,
}

struct Lookup {
    id: i64,
    address: IpAddr,
    created: f64,
}

impl PortScans {
    /// A console that was never asked.
    pub(super) fn new(speed: f64) -> Self {
        Self { speed, lookups: Vec::new() }
    }

    fn object(&self, lookup: &Lookup, now: f64) -> Value {
        let age = (now - lookup.created) * self.speed;
        let (status, message) = match age {
            ..QUEUED_SECONDS => ("QUEUED", String::new()),
            ..PROCESSING_SECONDS => ("PROCESSING", String::new()),
            _ => ("COMPLETED", report(lookup.address)),
        };
        json!({"id": lookup.id, "ip": lookup.address, "message": message, "status": status})
    }
}

/// Answers `/services/port_scans…`.
pub(super) fn answer(scans: &mut PortScans, request: &Request, path: &[&str], now: f64) -> Outcome {
    match (request.method.as_str(), path) {
        ("POST", []) => {
            let Some(text) = request.parameter("IP") else {
                let message = "Missing required parameter \"IP\" from query parameters";
                return Err(error(422, code::MISSING_PARAMETER, message));
            };
            let address = text.parse().map_err(|_| {
                error(422, code::WRONG_TYPE, &format!("The value \"{text}\" of parameter \"IP\" is no address."))
            })?;
            let id = 1 + i64::try_from(scans.lookups.len()).unwrap_or_default();
            let lookup = Lookup { id, address, created: now };
            let mut reply = query::one(request, 201, &scans.object(&lookup, now), FIELDS)?;
            reply.headers.push(("Location", format!("/api/services/port_scans/{id}")));
            scans.lookups.push(lookup);
            Ok(reply)
        }
        ("GET", [id]) => {
            let id = integer(id, "port_scan_id")?;
            let lookup = scans.lookups.iter().find(|lookup| lookup.id == id);
            let lookup = lookup.ok_or_else(|| error(404, code::NOT_FOUND, &format!("There is no port scan {id}.")))?;
            query::one(request, 200, &scans.object(lookup, now), FIELDS)
        }
        _ => Err(no_endpoint(request)),
    }
}

/// The result is text for people.
fn report(address: IpAddr) -> String {
    let found = catalogue::scan(&[address], 0);
    let services: BTreeMap<u16, &str> =
        found.iter().map(|found| (found.exposure.port, found.exposure.service)).collect();
    let open = services.iter().filter(|(port, _)| **port != 0);
    let lines: Vec<String> = open.map(|(port, service)| format!("{port}/tcp open {service}")).collect();
    format!("Port scan of {address}\n{}\n", lines.join("\n"))
}
