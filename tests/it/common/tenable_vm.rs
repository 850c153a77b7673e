//! Tenable VM as most tests need it: one scan, the run that they follow, an older one, and the vendor's clock. The
//! shapes are those of the vendor's documentation and of recorded traffic.

use std::sync::Mutex;
use std::sync::mpsc::{Sender, channel};

use serde_json::{Value, json};

use super::{Env, Exchange, Received, Reply, Vendor, get, post};

/// The run that the tests follow.
pub const RUN: &str = "647ca798-de12-48e2-bf32-5c7332431050";
/// An older run of the same scan.
pub const OLD: &str = "fc9dc7c5-8eec-4d39-ad9c-20e833cca69b";
/// A third run.
pub const OTHER: &str = "1c36f9e6-24d0-4ad3-9ada-3a3bf13d544e";
/// The scan's other id, the only one that force-stop takes.
pub const SCHEDULE: &str = "template-4ab61abb-5c16-129a-1e2d-a708c0d5f3146f785617596060f7";
/// [`RUN`] in full.
pub const ADDRESS: &str = "io/219@647ca798-de12-48e2-bf32-5c7332431050";
/// What the vendor's clock shows: years before that of this machine.
pub const NOW: i64 = 1_574_337_600;
const NOW_IN_WORDS: &str = "Thu, 21 Nov 2019 12:00:00 GMT";

/// A home with the profile `io` of a new mock.
pub fn home() -> (Env, Vendor) {
    let (env, vendor) = (Env::new(), Vendor::start());
    env.tenable_io(&vendor);
    (env, vendor)
}

/// A JSON answer with the headers that every answer of the vendor has.
pub fn answer(status: u16, body: &Value) -> Reply {
    dressed(Reply::json(status, body))
}

/// Any answer with the headers that every answer of the vendor has.
pub fn dressed(reply: Reply) -> Reply {
    reply.header("Date", NOW_IN_WORDS).header("X-Request-Uuid", "d7b1c0f4a5e94a0e8f0c6f1d2b3a4958")
}

/// A refusal in the words of most services of the vendor.
pub fn refusal(status: u16, error: &str) -> Reply {
    answer(status, &json!({ "error": error }))
}

/// The vendor's rate limit: a page of its gateway.
pub fn too_many(retry_after: &str) -> Reply {
    let page = "<html>\r\n<head><title>429 Too Many Requests</title></head>\r\n<body>nginx</body>\r\n</html>";
    dressed(Reply::html(429, page)).header("Retry-After", retry_after)
}

/// The launch of the scan, answered with [`RUN`].
pub fn launch() -> Exchange {
    post("/scans/219/launch").json(json!({})).reply(launched(RUN))
}

/// The answer to a launch.
pub fn launched(run: &str) -> Reply {
    answer(200, &json!({ "scan_uuid": run }))
}

/// The details of the scan: its runs, newest first, each with its status and the second it started.
pub fn details(runs: &[(&str, &str, i64)]) -> Reply {
    let entries: Vec<Value> = runs.iter().map(|(run, status, started)| entry(run, status, *started)).collect();
    let mut info = json!({ "name": "Weekly DMZ", "object_id": 219, "schedule_uuid": SCHEDULE, "status": "empty" });
    if let Some((run, status, started)) = runs.first() {
        info["uuid"] = json!(run);
        info["status"] = json!(status);
        info["scan_start"] = json!(started);
        info["timestamp"] = json!(started);
        info["targets"] = json!("192.0.2.1, 192.0.2.2");
        info["hostcount"] = json!(2);
        if is_over(status) {
            info["scan_end"] = json!(started + 300);
        }
    }
    answer(200, &json!({ "info": info, "history": entries }))
}

/// The details of the scan while [`RUN`] has this status.
pub fn details_of_run(status: &str) -> Reply {
    details(&[(RUN, status, NOW), (OLD, "completed", NOW - 86_400)])
}

fn entry(run: &str, status: &str, started: i64) -> Value {
    let ended = if is_over(status) { started + 300 } else { started };
    json!({ "history_id": 11_063_918, "uuid": run, "status": status, "creation_date": started,
        "last_modification_date": ended, "type": "ps", "scheduler": 0, "owner_id": 2, "alt_targets_used": false })
}

fn is_over(status: &str) -> bool {
    matches!(status, "completed" | "canceled" | "aborted" | "stopped" | "imported")
}

/// The reading of the scan.
pub fn get_details() -> Exchange {
    get("/scans/219")
}

/// The reading of [`RUN`] alone.
pub fn get_run() -> Exchange {
    get("/scans/219/history/647ca798-de12-48e2-bf32-5c7332431050")
}

/// One run alone.
pub fn run(status: &str) -> Reply {
    let ended = is_over(status).then_some(NOW + 300);
    answer(
        200,
        &json!({ "object_id": 11_063_918, "schedule_uuid": SCHEDULE, "name": "Weekly DMZ", "scan_type": "ps",
            "status": status, "scan_start": NOW, "scan_end": ended, "owner": "user@example.org" }),
    )
}

/// The cheap reading of whichever run is the newest.
pub fn get_latest() -> Exchange {
    get("/scans/219/latest-status")
}

/// The newest run's status.
pub fn latest(status: &str) -> Reply {
    answer(200, &json!({ "status": status }))
}

/// Holds an answer back until the sender sends, or is dropped.
pub fn held(reply: Reply) -> (Sender<()>, impl Fn(&Received) -> Reply + Send + Sync + 'static) {
    let (release, released) = channel::<()>();
    let released = Mutex::new(released);
    let answering = move |_: &Received| {
        // A dropped sender releases as well.
        let _released = released.lock().expect("no reply panics").recv();
        reply.clone()
    };
    (release, answering)
}
