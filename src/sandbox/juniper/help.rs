//! `/help`: what versions and endpoints this console has. The same table decides which requests are answered at all.

use super::reply::{code, error, integer, no_endpoint};
use super::{Outcome, Releases, query};
use crate::sandbox::{Reply, Request};
use query::Takes;
use serde_json::{Value, json};

const VERSION_FIELDS: &str = "id,version,deprecated,removed,root_resource_ids";
const ENDPOINT_FIELDS: &str = "id,resource_id,path,http_method,version,last_modified_version,deprecated,\
    caller_has_access,summary,description,response_description,\
    parameters(parameter_name,type,default_value,description,mime_types(mime_type,data_type,sample)),\
    response_mime_types(mime_type,media_type,sample),\
    success_responses(response_code,response_code_description,description),\
    error_responses(response_code,response_code_description,unique_code,description)";

/// Versions that older consoles had, in the order in which they came.
const HISTORIC: &[&str] = &["8.0", "9.0", "12.0", "13.0", "13.1", "14.0"];
/// The first version that marks the scanner's endpoints. The documentation shows none in 17.0 and all of them in 26.0.
const SCANNER_DEPRECATED_FROM: u32 = 20;
/// The first version without creation in the newer form, and without two calls of `/qvm`.
const CUT_FROM: u32 = 26;

struct Endpoint {
    method: &'static str,
    path: &'static str,
    success: u16,
    media: &'static str,
    errors: &'static [(u16, u32)],
    summary: &'static str,
}

const fn endpoint(
    method: &'static str,
    path: &'static str,
    success: u16,
    media: &'static str,
    errors: &'static [(u16, u32)],
    summary: &'static str,
) -> Endpoint {
    Endpoint { method, path, success, media, errors, summary }
}

const JSON: &str = "application/json";
const TEXT: &str = "text/plain";
const SCAN: &[(u16, u32)] = &[(500, 1030)];
const RUN: &[(u16, u32)] = &[(404, 1002), (422, 1005), (500, 1030)];
const START: &[(u16, u32)] = &[(422, 1005), (500, 1030)];
const SEARCH: &[(u16, u32)] = &[(404, 1002), (500, 1020)];
const CHANGE: &[(u16, u32)] = &[(403, 1009), (404, 1002), (409, 1004), (422, 1005), (500, 1020)];
const LEGACY: &[(u16, u32)] = &[(420, 9101)];

static ENDPOINTS: &[Endpoint] = &[
    endpoint("GET", "/scanner/profiles", 200, JSON, SCAN, "Lists the scan profiles in the old form."),
    endpoint("POST", "/scanner/profiles/create", 200, TEXT, &[(419, 9101), (500, 1030)], "Creates a scan profile."),
    endpoint("POST", "/scanner/profiles/start", 200, TEXT, START, "Starts a scan profile."),
    endpoint("GET", "/scanner/scanprofiles", 200, JSON, SCAN, "Lists the scan profiles."),
    endpoint("POST", "/scanner/scanprofiles", 200, TEXT, SCAN, "Creates a scan profile."),
    endpoint("GET", "/scanner/scanprofiles/{profileid}", 200, JSON, SCAN, "Reads a scan profile."),
    endpoint("POST", "/scanner/scanprofiles/{profileid}", 202, JSON, SCAN, "Updates a scan profile."),
    endpoint("DELETE", "/scanner/scanprofiles/{profileid}", 204, TEXT, SCAN, "Deletes a scan profile."),
    endpoint("POST", "/scanner/scanprofiles/{profileid}/start", 202, TEXT, START, "Starts a scan profile."),
    endpoint("GET", "/scanner/scanprofiles/{profileid}/runs", 200, JSON, RUN, ""),
    endpoint("GET", "/scanner/scanprofiles/{profileid}/runs/{run_id}", 200, JSON, &[(404, 1002), (500, 1030)], ""),
    endpoint("GET", "/scanner/scanprofiles/{profileid}/runs/{run_id}/results", 200, JSON, RUN, ""),
    endpoint("GET", "/qvm/saved_searches", 200, JSON, &[(500, 1020)], "Lists the saved searches."),
    endpoint("GET", "/qvm/saved_searches/{saved_search_id}", 200, JSON, SEARCH, "Reads a saved search."),
    endpoint(
        "POST",
        "/qvm/saved_searches/{saved_search_id}",
        200,
        JSON,
        CHANGE,
        "Changes the owner of a saved search.",
    ),
    endpoint("DELETE", "/qvm/saved_searches/{saved_search_id}", 204, TEXT, CHANGE, "Deletes a saved search."),
    endpoint("GET", "/qvm/saved_searches/{saved_search_id}/vuln_instances", 201, JSON, SEARCH, "Starts a search."),
    endpoint("GET", "/qvm/saved_searches/vuln_instances/{task_id}/status", 200, JSON, SEARCH, "Reads a search task."),
    endpoint(
        "POST",
        "/qvm/saved_searches/vuln_instances/{task_id}/status",
        200,
        JSON,
        CHANGE,
        "Changes a search task.",
    ),
    endpoint(
        "GET",
        "/qvm/saved_searches/vuln_instances/{task_id}/results/vuln_instances",
        200,
        JSON,
        SEARCH,
        "Lists the instances a search found.",
    ),
    endpoint(
        "GET",
        "/qvm/saved_searches/vuln_instances/{task_id}/results/assets",
        200,
        JSON,
        SEARCH,
        "Lists the assets a search found.",
    ),
    endpoint(
        "GET",
        "/qvm/saved_searches/vuln_instances/{task_id}/results/vulnerabilities",
        200,
        JSON,
        SEARCH,
        "Lists the vulnerabilities a search found.",
    ),
    endpoint("GET", "/qvm/filters", 200, JSON, &[(420, 9102)], "Lists what the older calls can filter by."),
    endpoint("GET", "/qvm/savedsearches", 200, JSON, &[(420, 9104)], "Lists the saved searches in the old form."),
    endpoint("GET", "/qvm/assets", 200, JSON, LEGACY, "Lists assets with vulnerabilities."),
    endpoint("GET", "/qvm/vulns", 200, JSON, LEGACY, "Lists vulnerabilities."),
    endpoint("GET", "/qvm/vulninstances", 200, JSON, LEGACY, "Lists vulnerability instances."),
    endpoint("GET", "/qvm/openservices", 200, JSON, LEGACY, "Lists open services."),
    endpoint("GET", "/qvm/network", 200, JSON, LEGACY, "Lists networks with vulnerabilities."),
    endpoint("POST", "/services/port_scans", 201, JSON, &[(500, 1020)], "Starts a port scan of one address."),
    endpoint("GET", "/services/port_scans/{port_scan_id}", 200, JSON, SEARCH, "Reads a port scan."),
    endpoint("GET", "/help/versions", 200, JSON, &[(500, 1020)], "Lists the versions."),
    endpoint("GET", "/help/versions/{version_id}", 200, JSON, SEARCH, "Reads a version."),
    endpoint("GET", "/help/endpoints", 200, JSON, &[(500, 1020)], "Lists the endpoints."),
    endpoint("GET", "/help/endpoints/{endpoint_id}", 200, JSON, SEARCH, "Reads an endpoint."),
];

impl Endpoint {
    fn is_in(&self, version: u32) -> bool {
        let cut = matches!(
            (self.method, self.path),
            ("POST", "/scanner/scanprofiles") | ("GET", "/qvm/vulninstances" | "/qvm/savedsearches")
        );
        !cut || version < CUT_FROM
    }

    fn is_deprecated_in(&self, version: u32) -> bool {
        self.path.starts_with("/scanner/") && version >= SCANNER_DEPRECATED_FROM
    }

    fn is_at(&self, path: &[&str]) -> bool {
        let pattern = self.path.split('/').skip(1);
        pattern.clone().count() == path.len()
            && pattern.zip(path).all(|(expected, found)| expected.starts_with('{') || expected == *found)
    }

    fn object(&self, id: usize, version: u32) -> Value {
        let parameters =
            self.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')).map(|name| {
                json!({
                    "parameter_name": name, "type": "PATH", "default_value": "", "description": "",
                    "mime_types": [{"mime_type": TEXT, "data_type": "String", "sample": ""}],
                })
            });
        let errors = self.errors.iter().map(|(status, unique)| {
            json!({"response_code": status, "response_code_description": "", "unique_code": unique, "description": ""})
        });
        json!({
            "id": id,
            "resource_id": id % ENDPOINTS.len(),
            "path": self.path,
            "http_method": self.method,
            "version": format!("{version}.0"),
            "last_modified_version": "15.0",
            "deprecated": self.is_deprecated_in(version),
            "caller_has_access": true,
            "summary": self.summary,
            "description": self.summary,
            "response_description": "",
            "parameters": parameters.collect::<Vec<_>>(),
            "response_mime_types": [{"mime_type": self.media, "media_type": self.media, "sample": ""}],
            "success_responses": [
                {"response_code": self.success, "response_code_description": "", "description": ""}
            ],
            "error_responses": errors.collect::<Vec<_>>(),
        })
    }
}

/// The refusal of a request that this version has no endpoint for, if that is so.
pub(super) fn refusal(request: &Request, path: &[&str], version: u32) -> Option<Reply> {
    let here: Vec<&Endpoint> = ENDPOINTS.iter().filter(|one| one.is_in(version) && one.is_at(path)).collect();
    if here.iter().any(|one| one.method == request.method) {
        return None;
    }
    if here.is_empty() {
        return Some(no_endpoint(request));
    }
    let allowed: Vec<&str> = here.iter().map(|one| one.method).collect();
    let message = format!("The method {} is not allowed for /{}.", request.method, path.join("/"));
    let mut refused = error(405, code::NO_METHOD, &message);
    refused.headers.push(("Allow", allowed.join(", ")));
    Some(refused)
}

/// The text of the `Deprecated` header, where the version or the endpoint is deprecated.
pub(super) fn deprecation(method: &str, path: &[&str], version: u32, releases: Releases) -> Option<String> {
    let endpoint = ENDPOINTS.iter().find(|one| one.method == method && one.is_at(path))?;
    if endpoint.is_deprecated_in(version) {
        return Some(format!("{method} {} is deprecated and may be removed in a later version", endpoint.path));
    }
    (version < releases.oldest_current).then(|| format!("API version {version}.0 is deprecated and will be removed"))
}

/// Answers `/help/…`.
pub(super) fn answer(releases: Releases, request: &Request, path: &[&str]) -> Outcome {
    match (request.method.as_str(), path) {
        ("GET", ["versions"]) => query::list(request, versions(releases), VERSION_FIELDS, Takes::All),
        ("GET", ["versions", id]) => one_of(request, versions(releases), id, "version_id", VERSION_FIELDS),
        ("GET", ["endpoints"]) => query::list(request, endpoints(releases), ENDPOINT_FIELDS, Takes::All),
        ("GET", ["endpoints", id]) => one_of(request, endpoints(releases), id, "endpoint_id", ENDPOINT_FIELDS),
        _ => Err(no_endpoint(request)),
    }
}

fn one_of(request: &Request, all: Vec<Value>, id: &str, name: &str, fields: &str) -> Outcome {
    let id = integer(id, name)?;
    let found = all.into_iter().find(|item| item["id"] == id);
    let found = found.ok_or_else(|| error(404, code::NOT_FOUND, &format!("There is no {name} {id}.")))?;
    query::one(request, 200, &found, fields)
}

fn versions(releases: Releases) -> Vec<Value> {
    let historic = HISTORIC.iter().map(|version| ((*version).to_owned(), true, true));
    let numbered = (15..=releases.newest)
        .map(|major| (format!("{major}.0"), major < releases.oldest_current, major < releases.oldest));
    let object = |(id, (version, deprecated, removed)): (usize, (String, bool, bool))| {
        json!({
            "id": id + 1, "version": version, "deprecated": deprecated, "removed": removed,
            "root_resource_ids": [1, 2, 3, 4],
        })
    };
    historic.chain(numbered).enumerate().map(object).collect()
}

/// Every endpoint once for each version that has it.
fn endpoints(releases: Releases) -> Vec<Value> {
    (releases.oldest..=releases.newest)
        .flat_map(|version| ENDPOINTS.iter().map(move |one| (version, one)))
        .enumerate()
        .filter(|(_, (version, one))| one.is_in(*version))
        .map(|(id, (version, one))| one.object(id + 1, version))
        .collect()
}
