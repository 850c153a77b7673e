//! The settings that every profile has: where to connect, with what trust, how gently.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use reqwest::{Certificate, Client, Identity, Proxy, Url};

use crate::config::settings::Reader;
use crate::error::{Error, Result};
use crate::secret::{Secret, SecretSource};

/// Connecting takes milliseconds or does not work.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// One attempt of one API call; some vendors take their time for lists.
const TIMEOUT: Duration = Duration::from_secs(30);
/// Shorter than the keep-alive of common servers (5 s), so that a changing request does not meet a closing connection.
const IDLE: Duration = Duration::from_secs(4);

/// What a backend says about its vendor's connections.
#[derive(Debug, Clone, Copy)]
pub struct Defaults {
    /// The vendor's cloud, where it has one.
    pub base_url: Option<&'static str>,
    /// Added to the path of `base_url` unless it is there already; empty for none.
    pub prefix: &'static str,
    /// Requests at a time; the vendors ask for few.
    pub max_concurrency: usize,
    /// The domain of the vendor's public cloud: `insecure` is refused there.
    pub public_cloud: Option<&'static str>,
}

/// The connection settings of one profile.
#[derive(Debug, Clone)]
pub struct Connection {
    /// The API's root: origin, prefix, no trailing slash.
    pub base: Url,
    /// Requests at a time.
    pub max_concurrency: usize,
    /// One attempt of one call.
    pub timeout: Duration,
    connect_timeout: Duration,
    proxy: Option<SecretSource>,
    ca_file: Option<PathBuf>,
    ca_only: bool,
    connect_to: Option<IpAddr>,
    client_cert: Option<PathBuf>,
    client_key: Option<PathBuf>,
    /// Certificates are not checked.
    pub insecure: bool,
    user_agent_suffix: Option<String>,
}

/// The files of a connection, read.
#[derive(Debug)]
pub struct Trust {
    roots: Vec<Certificate>,
    identity: Option<Identity>,
    proxy: Option<Proxy>,
}

impl Connection {
    /// The keys that a profile of any backend may have.
    pub const KEYS: &[&str] = &[
        "base_url",
        "labels",
        "connect_to",
        "max_concurrency",
        "timeout",
        "connect_timeout",
        "proxy",
        "ca_file",
        "ca_only",
        "client_cert",
        "client_key",
        "insecure",
        "user_agent_suffix",
    ];

    /// Reads the common keys of a profile.
    ///
    /// # Errors
    /// Exit 3, at the place of the key.
    pub fn read(reader: &Reader<'_>, defaults: Defaults) -> Result<Self> {
        let settings = reader.settings();
        let text = match (reader.string("base_url")?, defaults.base_url) {
            (Some(text), _) => text,
            (None, Some(text)) => text.to_owned(),
            (None, None) => return Err(settings.error("base_url", "`base_url` is missing")),
        };
        let base =
            base(&text, defaults.prefix).map_err(|why| settings.error("base_url", format!("`base_url` {why}")))?;
        // Read for their types only; they are for people and for later use.
        let _labels = reader.string_map("labels")?;
        let connect_to = match reader.string("connect_to")? {
            None => None,
            Some(text) => Some(
                text.parse().map_err(|_invalid| settings.error("connect_to", "`connect_to` must be an IP address"))?,
            ),
        };
        let connection = Self {
            base,
            max_concurrency: reader.count("max_concurrency")?.unwrap_or(defaults.max_concurrency),
            timeout: reader.duration("timeout")?.unwrap_or(TIMEOUT),
            connect_timeout: reader.duration("connect_timeout")?.unwrap_or(CONNECT_TIMEOUT),
            proxy: reader.secret("proxy")?,
            ca_file: reader.path("ca_file")?,
            ca_only: reader.switch("ca_only")?,
            connect_to,
            client_cert: reader.path("client_cert")?,
            client_key: reader.path("client_key")?,
            insecure: reader.switch("insecure")?,
            user_agent_suffix: reader.string("user_agent_suffix")?,
        };
        if let Some(address) = connection.connect_to {
            if connection.base.domain().is_none() {
                let why = "`connect_to` needs a host name in `base_url`, the one that the certificate has";
                return Err(settings.error("connect_to", why));
            }
            if connection.base.scheme() == "http" && !address.is_loopback() {
                return Err(settings.error("connect_to", "`connect_to` leaves this machine, which needs https://"));
            }
        }
        if connection.insecure && is_cloud_of(&connection.base, defaults) {
            return Err(settings.error("insecure", "`insecure` is refused for a public cloud"));
        }
        if connection.ca_only && connection.ca_file.is_none() {
            return Err(settings.error("ca_only", "`ca_only` needs a `ca_file`"));
        }
        if connection.client_cert.is_some() != connection.client_key.is_some() {
            return Err(settings.error("client_cert", "`client_cert` and `client_key` go together"));
        }
        Ok(connection)
    }

    /// Whether the other end is this machine.
    pub fn is_loopback(&self) -> bool {
        is_loopback(&self.base) && self.connect_to.is_none_or(|address| address.is_loopback())
    }

    /// Reads certificate files and the proxy; sends nothing.
    ///
    /// # Errors
    /// Exit 3 for a file that cannot be read or is no PEM.
    pub fn trust(&self, profile: &str) -> Result<Trust> {
        let file = |path: &PathBuf, key: &str| {
            std::fs::read(path).map_err(|problem| {
                Error::config(format!("profile `{profile}`: cannot read `{key}` {}: {problem}", path.display()))
            })
        };
        let roots = match &self.ca_file {
            None => Vec::new(),
            Some(path) => {
                let roots = Certificate::from_pem_bundle(&file(path, "ca_file")?).unwrap_or_default();
                if roots.is_empty() {
                    let message = format!("profile `{profile}`: `ca_file` {} holds no PEM certificate", path.display());
                    return Err(Error::config(message));
                }
                roots
            }
        };
        let identity = match (&self.client_cert, &self.client_key) {
            (Some(certificate), Some(key)) => {
                let mut pem = file(key, "client_key")?;
                pem.push(b'\n');
                pem.extend(file(certificate, "client_cert")?);
                let identity = Identity::from_pem(&pem).map_err(|_invalid| {
                    Error::config(format!(
                        "profile `{profile}`: `client_cert` and `client_key` are no PEM certificate and key"
                    ))
                })?;
                Some(identity)
            }
            _ => None,
        };
        let proxy = match &self.proxy {
            None => None,
            Some(source) => {
                let url = proxy_text(source, profile)?;
                if self.base.scheme() == "http" && !Url::parse(url.expose()).is_ok_and(|url| is_loopback(&url)) {
                    let why =
                        format!("profile `{profile}`: a `proxy` outside this machine needs https:// in `base_url`");
                    return Err(Error::config(why));
                }
                let proxy = Proxy::all(url.expose())
                    .map_err(|_invalid| Error::config(format!("profile `{profile}`: `proxy` is no proxy URL")))?;
                Some(proxy)
            }
        };
        Ok(Trust { roots, identity, proxy })
    }

    /// Builds the client. The system's certificate store is loaded only where TLS will need it.
    ///
    /// # Errors
    /// Exit 3 when the certificates cannot be used together.
    #[expect(clippy::disallowed_methods, reason = "this is the one place that makes a client")]
    pub fn client(&self, trust: Trust, profile: &str) -> Result<Client> {
        // A provider that is installed already serves as well.
        let _already = rustls::crypto::ring::default_provider().install_default();
        let mut builder = Client::builder()
            .user_agent(self.user_agent())
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            // Shorter than one attempt, so that what never connected is known not to have been sent.
            .connect_timeout(self.connect_timeout.min(self.timeout.mul_f64(0.8)))
            .pool_idle_timeout(IDLE)
            .http1_only()
            .tls_danger_accept_invalid_certs(self.insecure);
        builder = match trust.proxy {
            Some(proxy) => builder.proxy(proxy),
            None if self.is_loopback() => builder.no_proxy(),
            None => builder,
        };
        builder = if self.ca_only || self.base.scheme() == "http" {
            builder.tls_certs_only(trust.roots)
        } else {
            builder.tls_certs_merge(trust.roots)
        };
        if let Some(identity) = trust.identity {
            builder = builder.identity(identity);
        }
        if let (Some(address), Some(host)) = (self.connect_to, self.base.host_str()) {
            builder = builder.resolve(host, SocketAddr::new(address, 0));
        }
        builder.build().map_err(|problem| {
            Error::config(format!("profile `{profile}`: cannot set up the connection"))
                .because(innermost(&problem.without_url()))
        })
    }

    /// The form the vendors ask integrations to use.
    fn user_agent(&self) -> String {
        const VERSION: &str = env!("CARGO_PKG_VERSION");
        let mut text = format!("Integration/1.0 (scanctl; scanctl; Build/{VERSION}) scanctl/{VERSION}");
        if let Some(suffix) = &self.user_agent_suffix {
            text.push(' ');
            text.extend(suffix.chars().filter(|symbol| symbol.is_ascii_graphic() || *symbol == ' '));
        }
        text
    }
}

/// A proxy URL without user information is no secret and may stand in any file.
fn proxy_text(source: &SecretSource, profile: &str) -> Result<Secret> {
    if let SecretSource::Literal { secret, .. } = source {
        let plain = Url::parse(secret.expose()).is_ok_and(|url| url.username().is_empty() && url.password().is_none());
        if plain {
            return Ok(secret.clone());
        }
    }
    source.read(&format!("profile `{profile}`: `proxy`"))
}

/// The API's root from what the user wrote.
fn base(text: &str, prefix: &str) -> Result<Url, String> {
    let mut url = Url::parse(text).map_err(|why| format!("is no URL: {why}"))?;
    match url.scheme() {
        "https" => {}
        "http" if is_loopback(&url) => {}
        "http" => return Err("must begin with https://; http:// is accepted only for this machine".to_owned()),
        _ => return Err("must begin with https://".to_owned()),
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("must not carry a user name or password".to_owned());
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err("must not carry a query or fragment".to_owned());
    }
    let path = url.path().trim_end_matches('/').to_owned();
    url.set_path(&if path.ends_with(prefix) { path } else { format!("{path}{prefix}") });
    Ok(url)
}

/// Whether the address is the vendor's public cloud, as opposed to a product of the same API on somebody's own host.
fn is_cloud_of(url: &Url, defaults: Defaults) -> bool {
    let (Some(host), Some(domain)) = (url.host_str(), defaults.public_cloud) else { return false };
    // A name that ends in a dot is the same name.
    let host = host.trim_end_matches('.');
    host == domain || host.strip_suffix(domain).is_some_and(|before| before.ends_with('.'))
}

fn is_loopback(url: &Url) -> bool {
    let Some(host) = url.host_str() else { return false };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// The last cause of a chain of errors, which is the one that says something.
pub fn innermost(error: &(dyn std::error::Error + 'static)) -> String {
    let mut current = error;
    while let Some(source) = current.source() {
        current = source;
    }
    current.to_string()
}

#[cfg(test)]
mod tests {
    use reqwest::Url;

    use super::{Defaults, base, is_cloud_of};

    #[test]
    fn a_cloud_is_known_under_every_spelling_of_its_name() {
        let defaults = Defaults { base_url: None, prefix: "", max_concurrency: 1, public_cloud: Some("tenable.com") };
        for (text, is_cloud) in [
            ("https://cloud.tenable.com", true),
            ("https://CLOUD.tenable.com.", true),
            ("https://tenable.com.", true),
            ("https://nottenable.com.", false),
            ("https://tenable.com.example.org", false),
            ("https://nessus.example.org", false),
        ] {
            assert_eq!(is_cloud_of(&Url::parse(text).unwrap(), defaults), is_cloud, "{text}");
        }
    }

    #[test]
    fn the_prefix_is_added_once() {
        for (text, prefix, expected) in [
            ("https://sc.example.org", "/rest", "https://sc.example.org/rest"),
            ("https://sc.example.org/", "/rest", "https://sc.example.org/rest"),
            ("https://sc.example.org/rest/", "/rest", "https://sc.example.org/rest"),
            ("https://proxy.example.org/sc", "/rest", "https://proxy.example.org/sc/rest"),
            ("http://127.0.0.1:8080", "", "http://127.0.0.1:8080/"),
            ("http://[::1]:8080", "/api", "http://[::1]:8080/api"),
        ] {
            assert_eq!(base(text, prefix).unwrap().as_str(), expected);
        }
    }

    #[test]
    fn plain_http_and_credentials_in_the_url_are_refused() {
        for text in [
            "http://sc.example.org",
            "http://10.0.0.1",
            "ftp://127.0.0.1",
            "https://a:b@example.org",
            "example.org",
            "https://x/?a=1",
        ] {
            assert!(base(text, "").is_err(), "{text}");
        }
    }
}
