//! Stored scans.

use serde_json::Value;

use super::{Run, ScanId};

/// A stored scan, as read at one moment. What the vendor did not say is `None`.
#[derive(Debug, Clone, PartialEq)]
pub struct Scan {
    /// Its id.
    pub scan: ScanId,
    /// Its name; Cloudflare has none.
    pub name: Option<String>,
    /// Whether its schedule is switched on.
    pub enabled: Option<bool>,
    /// Its schedule in the vendor's own notation.
    pub schedule: Option<String>,
    /// Its targets; `None` where they cannot be read.
    pub targets: Option<Vec<String>>,
    /// Its newest run, where the list tells.
    pub last_run: Option<Run>,
    /// The fields that were asked for by name, as the vendor gave them.
    pub fields: Option<Value>,
}
