//! Answers that are none of this product's, or lack what they promise: nothing is made of them.

use std::time::Instant;

use serde_json::json;

use super::{connect, instance, run, scan};
use crate::backends::sc_rest::testing::{bare, ok};
use crate::backends::{Order, Prepared, ScanQuery, Target};
use crate::exit::Exit;

#[tokio::test]
async fn nothing_is_made_of_answers_that_say_nothing() {
    for hollow in [json!({}), json!({"id": ""}), json!({"name": "Weekly"}), json!({"id": "8"})] {
        let shown = hollow.clone();
        let (_vendor, program) = instance(move |_| ok(shown.clone()));
        let sc = connect(&program);
        let problem = sc.status(&run("8")).await.unwrap_err();
        assert_eq!(problem.exit(), Exit::BadData, "{hollow}");
    }
    let (_vendor, program) = instance(|_| ok(json!({"usable": [{"id": "8"}], "manageable": []})));
    assert_eq!(connect(&program).active().await.unwrap_err().exit(), Exit::BadData);
    let (_vendor, program) = instance(|_| ok(json!({"usable": [{"name": "Weekly"}], "manageable": []})));
    let sc = connect(&program);
    assert_eq!(sc.active().await.unwrap_err().exit(), Exit::BadData);
    assert_eq!(sc.scans(&ScanQuery::default()).await.unwrap_err().exit(), Exit::BadData);
    let (_vendor, program) = instance(|_| ok(json!({})));
    assert_eq!(connect(&program).identity().await.unwrap_err().exit(), Exit::BadData);
}

/// Which run is new is told by the vendor's clock or not at all.
#[tokio::test]
async fn without_the_vendors_clock_no_run_is_new() {
    let ahead = jiff::Timestamp::now().as_second() + 1800;
    let old = json!({"id": "7", "name": "Weekly", "scan": {"id": "34"}, "status": "Completed", "createdTime": ahead});
    let (_vendor, program) = instance(move |_| bare(json!({"response": [old]}).to_string()));
    let prepared = Prepared {
        target: Target { name: Some("Weekly".into()), ..scan("34") },
        order: Order::default(),
        before: Vec::new(),
        warnings: Vec::new(),
    };
    let found = connect(&program).find_launched(&prepared, Instant::now()).await.unwrap();
    assert!(found.is_empty(), "{found:?}");
}
