//! Certificates, names, proxies: to whom the keys are shown.

use std::path::PathBuf;

use scanctl::exit::Exit;
use tempfile::TempDir;

use super::{Client, KEY, connection, fate, keys};
use crate::common::certificate::Certificate;
use crate::common::{Authority, Reply, Vendor, get, post};

/// PEM files for settings to name.
struct Files(TempDir);

impl Files {
    fn new() -> Self {
        Self(TempDir::new().unwrap())
    }

    fn write(&self, name: &str, pem: &str) -> PathBuf {
        let path = self.0.path().join(name);
        std::fs::write(&path, pem).unwrap();
        path
    }

    fn trusting(&self, authority: &Authority) -> String {
        format!("ca_file = {:?}\n", self.write("ca.pem", &authority.pem()))
    }

    fn showing(&self, certificate: &Certificate) -> String {
        let (own, key) = (self.write("own.pem", &certificate.pem()), self.write("own.key", &certificate.key_pem()));
        format!("client_cert = {own:?}\nclient_key = {key:?}\n")
    }
}

#[tokio::test]
async fn an_unknown_authority_is_refused_once_and_nothing_is_sent() {
    let vendor = Vendor::start_tls(Authority::new("unknown").issue(&["127.0.0.1"]).serving());
    let client = Client::new(&vendor.url(), "", keys());
    let error = client.http.post(["things"]).send().await.unwrap_err();
    assert_eq!(fate(&error), "network");
    assert_eq!((vendor.connections(), vendor.requests().len()), (1, 0));
    assert_eq!(client.notices(), Vec::<String>::new());
    let told = format!("{}\n{}", error.one_line().replace(&vendor.url(), "URL"), error.hint_text().unwrap());
    insta::assert_snapshot!(told, @r"
    the server's certificate is refused: invalid peer certificate: UnknownIssuer: POST URL/rest/things
    check `base_url`, `proxy` and `ca_file` of profile `test`: `scanctl profiles check -p test`
    ");
}

#[tokio::test]
async fn a_ca_file_is_trusted_and_keys_are_sent() {
    let authority = Authority::new("corporate");
    let files = Files::new();
    for more in ["", "ca_only = true"] {
        let vendor = Vendor::start_tls(authority.issue(&["127.0.0.1"]).serving());
        vendor.expect(get("/rest/things").header("x-apikeys", KEY));
        let client = Client::new(&vendor.url(), &(files.trusting(&authority) + more), keys());
        client.http.get(["things"]).send().await.unwrap();
        assert_eq!(client.notices(), Vec::<String>::new());
    }
}

#[tokio::test]
async fn wrong_certificates_are_refused_whatever_the_ca_file() {
    let authority = Authority::new("corporate");
    let files = Files::new();
    let trusting = files.trusting(&authority);
    let mut told = Vec::new();
    for (name, certificate) in [
        ("another authority", Authority::new("corporate").issue(&["127.0.0.1"])),
        ("another name", authority.issue(&["sc.example.org"])),
        ("expired", authority.issue_expired(&["127.0.0.1"])),
    ] {
        let vendor = Vendor::start_tls(certificate.serving());
        let client = Client::new(&vendor.url(), &trusting, keys());
        let error = client.http.post(["things"]).send().await.unwrap_err();
        assert_eq!((fate(&error).as_str(), vendor.connections()), ("network", 1), "{name}");
        let message = error.message().split(": verification time").next().unwrap();
        told.push(format!("{name}: {message}"));
    }
    insta::assert_snapshot!(told.join("\n"), @r#"
    another authority: the server's certificate is refused: invalid peer certificate: BadSignature
    another name: the server's certificate is refused: invalid peer certificate: certificate not valid for name "127.0.0.1"; certificate is only valid for DnsName("sc.example.org")
    expired: the server's certificate is refused: invalid peer certificate: certificate expired
    "#);
}

#[tokio::test]
async fn connect_to_goes_to_the_address_and_checks_the_name() {
    let authority = Authority::new("corporate");
    let files = Files::new();
    let vendor = Vendor::start_tls(authority.issue(&["jsa.example.org"]).serving());
    vendor.expect(get("/rest/things").header("host", &format!("jsa.example.org:{}", vendor.port())));
    let more = files.trusting(&authority) + "connect_to = \"127.0.0.1\"";
    let client = Client::new(&format!("https://jsa.example.org:{}", vendor.port()), &more, keys());
    client.http.get(["things"]).send().await.unwrap();
    assert_eq!(vendor.requests()[0].server_name.as_deref(), Some("jsa.example.org"));
    let client = Client::new(&format!("https://other.example.org:{}", vendor.port()), &more, keys());
    let error = client.http.get(["things"]).send().await.unwrap_err();
    assert!(error.message().contains("certificate is refused"), "{}", error.one_line());
}

/// A base URL with an address needs no look-up, and `connect_to` would be passed over in silence.
#[test]
fn connect_to_needs_a_name_to_stand_in_for() {
    let error = connection("https://10.0.0.1", "connect_to = \"10.0.0.2\"").unwrap_err();
    assert_eq!(error.exit(), Exit::Config);
    assert!(error.one_line().starts_with("config.toml:4:"), "{}", error.one_line());
}

/// Without TLS keys would go over the network for everybody to read.
#[test]
fn plain_http_does_not_leave_the_machine_by_connect_to_or_proxy() {
    let error = connection("http://localhost", "connect_to = \"10.0.0.2\"").unwrap_err();
    assert_eq!(error.exit(), Exit::Config);
    connection("http://localhost", "connect_to = \"127.0.0.2\"").unwrap();
    let far = Client::try_new("http://localhost", "proxy = \"http://10.0.0.2:3128\"", keys(), false);
    assert_eq!(far.err().map(|error| error.exit()), Some(Exit::Config));
    let far = Client::try_new("https://localhost", "proxy = \"http://10.0.0.2:3128\"", keys(), false);
    assert!(far.is_ok());
}

#[tokio::test]
async fn a_client_certificate_is_shown() {
    let (authority, clients) = (Authority::new("corporate"), Authority::new("clients"));
    let files = Files::new();
    let vendor = Vendor::start_tls(authority.issue(&["127.0.0.1"]).serving_only(&clients));
    vendor.expect(get("/rest/things"));
    let more = files.trusting(&authority) + &files.showing(&clients.issue(&["me"]));
    let client = Client::new(&vendor.url(), &more, keys());
    client.http.get(["things"]).send().await.unwrap();
    assert!(vendor.requests()[0].client_certificate);
}

#[tokio::test]
async fn a_missing_client_certificate_reaches_no_vendor() {
    let (authority, clients) = (Authority::new("corporate"), Authority::new("clients"));
    let files = Files::new();
    let vendor = Vendor::start_tls(authority.issue(&["127.0.0.1"]).serving_only(&clients));
    let client = Client::new(&vendor.url(), &files.trusting(&authority), keys());
    let error = client.http.post(["things"]).send().await.unwrap_err();
    assert_eq!(vendor.requests().len(), 0);
    assert!(matches!(error.exit(), Exit::Network | Exit::UnknownOutcome), "{}", error.one_line());
}

#[tokio::test]
async fn insecure_takes_any_certificate_and_says_so_once_a_run() {
    let vendor = Vendor::start_tls(Authority::new("unknown").issue_expired(&["else.example.org"]).serving());
    vendor.expect(get("/rest/things").repeatedly());
    let client = Client::new(&vendor.url(), "insecure = true", keys());
    assert_eq!(client.notices(), Vec::<String>::new());
    for _ in 0..2 {
        client.http.get(["things"]).send().await.unwrap();
    }
    let [warning] = client.notices().try_into().unwrap();
    assert!(warning.contains("certificates are not checked"), "{warning}");
}

#[tokio::test]
async fn a_proxy_gets_the_whole_address_and_its_own_password() {
    let (vendor, proxy) = (Vendor::start(), Vendor::start());
    proxy.expect(
        get("/rest/things")
            .query("a", "b")
            .header("x-apikeys", KEY)
            .header("proxy-authorization", "Basic dXNlcjpjYW5hcnk=")
            .reply(Reply::json(200, &serde_json::json!({"through": "proxy"}))),
    );
    let files = Files::new();
    let address = format!("http://user:canary@127.0.0.1:{}", proxy.port());
    let source = files.write("proxy", &address);
    let client = Client::new(&vendor.url(), &format!("proxy = {{ file = {source:?} }}"), keys());
    client.http.get(["things"]).query("a", "b").send().await.unwrap();
    assert_eq!(proxy.lines(), [format!("GET {}/rest/things?a=b", vendor.url())]);
    assert_eq!(vendor.connections(), 0);
}

#[tokio::test]
async fn the_system_s_proxy_is_not_asked_for_loopback() {
    let vendor = Vendor::start();
    vendor.expect(post("/rest/things").no_header("proxy-authorization"));
    let client = Client::new(&vendor.url(), "", keys());
    client.http.post(["things"]).send().await.unwrap();
    assert_eq!(vendor.lines(), ["POST /rest/things"]);
    assert!(client.http.is_loopback());
}

#[test]
fn files_that_cannot_be_used_are_told_before_anything_is_sent() {
    let files = Files::new();
    let (junk, pem) = (files.write("junk", "canary"), files.write("ca.pem", &Authority::new("x").pem()));
    let missing = files.0.path().join("missing");
    let mut told = Vec::new();
    for more in [
        format!("ca_file = {missing:?}"),
        format!("ca_file = {junk:?}"),
        format!("client_cert = {missing:?}\nclient_key = {missing:?}"),
        format!("client_cert = {pem:?}\nclient_key = {junk:?}"),
        format!("client_cert = {pem:?}\nclient_key = {pem:?}"),
        format!("proxy = {{ file = {missing:?} }}"),
    ] {
        let error = Client::try_new("https://sc.example.org", &more, keys(), false).err().unwrap();
        assert_eq!(error.exit(), Exit::Config);
        assert!(!error.one_line().contains("canary"), "{}", error.one_line());
        told.push(error.one_line().replace(files.0.path().to_str().unwrap(), "DIR"));
    }
    insta::assert_snapshot!(told.join("\n"), @r#"
    profile `test`: cannot read `ca_file` DIR/missing: No such file or directory (os error 2)
    profile `test`: `ca_file` DIR/junk holds no PEM certificate
    profile `test`: cannot read `client_key` DIR/missing: No such file or directory (os error 2)
    profile `test`: `client_cert` and `client_key` are no PEM certificate and key
    profile `test`: `client_cert` and `client_key` are no PEM certificate and key
    profile `test`: `proxy`: cannot read DIR/missing: No such file or directory (os error 2)
    "#);
}
