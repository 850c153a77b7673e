//! The sandbox as a whole: its configuration, and that the scans it advertises can be launched.

use serde_json::Value;

use super::*;

#[tokio::test]
async fn the_configuration_is_toml_and_names_every_vendor() {
    let sandbox = Sandbox::start(Options::default()).unwrap();
    let config: toml::Table = sandbox.config().parse().unwrap();
    let profiles = config["profiles"].as_table().unwrap();
    assert_eq!(profiles.len(), 5);
    for (profile, origin) in sandbox.origins() {
        assert_eq!(profiles[*profile]["base_url"].as_str(), Some(origin.as_str()));
        assert!(origin.starts_with("http://127.0.0.1:"), "{origin}");
    }
    let group: Vec<_> = config["groups"]["all"].as_array().unwrap().iter().filter_map(toml::Value::as_str).collect();
    assert_eq!(group, faults::PROFILES);
    let instance = profiles["director"]["instances"].as_table().unwrap().values().next().unwrap();
    assert!(profiles.contains_key(instance.as_str().unwrap()));
}

#[tokio::test]
async fn a_speed_that_is_no_positive_number_is_refused() {
    for speed in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        let error = Sandbox::start(Options { speed, ..Options::default() }).err().unwrap();
        assert_eq!(error.kind(), std::io::ErrorKind::InvalidInput, "{speed}");
    }
}

fn send(vendor: &mut dyn Vendor, method: &str, path: &str, header: (&str, &str)) -> Reply {
    let request = Request {
        method: method.to_owned(),
        path: path.split('/').filter(|segment| !segment.is_empty()).map(str::to_owned).collect(),
        query: Vec::new(),
        headers: vec![(header.0.to_owned(), header.1.to_owned()), ("version".to_owned(), "17.0".to_owned())],
        body: Vec::new(),
    };
    vendor.answer(&request, server::now())
}

/// Examples, documentation and the demo lean on these ids.
#[test]
fn advertised_scans_can_be_launched() {
    let mut vendors = vendors(1.0);
    for ((profile, id), (name, vendor)) in seeds::LAUNCHABLE.iter().zip(&mut vendors) {
        assert_eq!(profile, name);
        let keys = ("x-apikey", "accesskey=access; secretkey=secret");
        let (reply, status) = match *profile {
            "io" => {
                let keys = ("x-apikeys", "accessKey=access;secretKey=secret");
                (send(vendor.as_mut(), "POST", &format!("/scans/{id}/launch"), keys), 200)
            }
            "sc" => (send(vendor.as_mut(), "POST", &format!("/rest/scan/{id}/launch"), keys), 200),
            "director" => (send(vendor.as_mut(), "GET", &format!("/rest/mgmt/scan/{id}"), keys), 200),
            "jsa" => {
                let path = format!("/api/scanner/scanprofiles/{id}/start");
                (send(vendor.as_mut(), "POST", &path, ("sec", accepted::TOKEN)), 202)
            }
            _ => {
                let path = format!("/client/v4/accounts/{}/cloudforce-one/scans/config", accepted::ACCOUNT_ID);
                let reply = send(vendor.as_mut(), "GET", &path, ("authorization", "Bearer token"));
                let list: Value = serde_json::from_slice(&reply.body).unwrap();
                let found = list["result"].as_array().unwrap().iter().any(|config| config["id"] == *id);
                assert!(found, "{list}");
                (reply, 200)
            }
        };
        let text = String::from_utf8_lossy(&reply.body);
        assert_eq!(reply.status, status, "{profile}/{id}: {text}");
        if matches!(*profile, "sc" | "director") {
            assert!(text.contains("\"error_code\":0"), "{profile}/{id}: {text}");
        }
    }
}
