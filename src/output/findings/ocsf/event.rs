//! An event as it is written: attributes of OCSF 1.8.0, class 2002, and nothing else.

use serde::Serialize;

#[derive(Serialize)]
pub(super) struct Event<'a> {
    pub activity_id: u8,
    pub category_uid: u8,
    pub class_uid: u16,
    pub type_uid: u32,
    pub severity_id: u8,
    pub time: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status_id: Option<u8>,
    pub message: String,
    pub metadata: Metadata<'a>,
    pub finding_info: FindingInfo<'a>,
    pub resources: [Resource<'a>; 1],
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub observables: Vec<Observable>,
    pub vulnerabilities: Vec<Vulnerability<'a>>,
    pub unmapped: Unmapped<'a>,
}

#[derive(Serialize)]
pub(super) struct Metadata<'a> {
    pub version: &'static str,
    pub product: Product<'a>,
    pub loggers: [Logger; 1],
    #[serde(skip_serializing_if = "Option::is_none")]
    pub correlation_uid: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event_code: Option<&'a str>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub labels: &'a [String],
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub is_truncated: bool,
}

#[derive(Serialize)]
pub(super) struct Product<'a> {
    pub name: &'a str,
    pub vendor_name: &'static str,
}

#[derive(Serialize)]
pub(super) struct Logger {
    pub name: &'static str,
    pub version: &'static str,
}

#[derive(Serialize)]
pub(super) struct FindingInfo<'a> {
    pub uid: String,
    pub title: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub desc: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_seen_time: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_seen_time: Option<i64>,
    pub analytic: Analytic<'a>,
}

#[derive(Serialize)]
pub(super) struct Analytic<'a> {
    pub type_id: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uid: Option<&'a str>,
    pub name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub category: Option<&'a str>,
}

#[derive(Serialize)]
pub(super) struct Resource<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uid: Option<&'a str>,
    pub name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hostname: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ip: Option<String>,
    pub role_id: u8,
}

#[derive(Serialize)]
pub(super) struct Observable {
    pub type_id: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<&'static str>,
    pub value: String,
}

#[derive(Serialize, Clone)]
pub(super) struct Vulnerability<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub desc: Option<&'a str>,
    pub severity: &'static str,
    pub vendor_name: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_seen_time: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_seen_time: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remediation: Option<Remediation<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub references: Vec<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_fix_available: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_exploit_available: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cve: Option<Cve<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub advisory: Option<Advisory<'a>>,
}

#[derive(Serialize, Clone, Copy)]
pub(super) struct Remediation<'a> {
    pub desc: &'a str,
}

#[derive(Serialize, Clone)]
pub(super) struct Cve<'a> {
    pub uid: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub cvss: Vec<Cvss<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub epss: Option<Epss>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub related_cwes: Vec<Cwe>,
}

#[derive(Serialize, Clone, Copy)]
pub(super) struct Cvss<'a> {
    pub base_score: f64,
    pub version: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vector_string: Option<&'a str>,
    pub vendor_name: &'static str,
}

#[derive(Serialize, Clone)]
pub(super) struct Epss {
    /// A text in this version.
    pub score: String,
}

#[derive(Serialize, Clone)]
pub(super) struct Cwe {
    pub uid: String,
}

#[derive(Serialize, Clone)]
pub(super) struct Advisory<'a> {
    pub uid: &'a str,
    pub title: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub related_cwes: Vec<Cwe>,
}

/// What the class has no attribute for.
#[derive(Serialize)]
pub(super) struct Unmapped<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub protocol: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operating_system: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vpr: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub epss: Option<f64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub cvss: Vec<Unplaced<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub compliance: Option<Compliance<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output: Option<&'a str>,
    pub scanctl: Ours<'a>,
}

/// A score that has no place in a vulnerability.
#[derive(Serialize)]
pub(super) struct Unplaced<'a> {
    pub version: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base_score: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vector_string: Option<&'a str>,
}

#[derive(Serialize)]
pub(super) struct Compliance<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub check: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub result: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub actual_value: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy_value: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<&'a str>,
}

#[derive(Serialize)]
pub(super) struct Ours<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub profile: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backend: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scan: Option<&'a str>,
    pub report: &'a str,
    pub severity_source: &'static str,
    pub time_source: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub baseline: Option<&'static str>,
}
