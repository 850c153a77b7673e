//! How a profile proves who it is: fixed headers, or a session with a login.
//!
//! This is the one place, besides the login bodies of a backend and `scrub`, where a secret's text is used.

use std::cell::RefCell;

use reqwest::Method;
use reqwest::header::{COOKIE, HeaderName, HeaderValue};
use tokio::sync::Mutex;

use crate::error::{Error, Result};
use crate::secret::Secret;

/// The credentials of a profile.
#[derive(Debug)]
pub enum Auth {
    /// Headers sent with every request.
    Headers {
        /// The headers.
        headers: Vec<(HeaderName, Secret)>,
        /// The secrets in them, to be struck out of texts that echo them.
        secrets: Vec<Secret>,
    },
    /// A session that is opened before the first request and closed at the end.
    Session(Session),
}

impl Auth {
    /// Headers made of these secrets.
    pub fn headers(headers: Vec<(HeaderName, Secret)>, secrets: Vec<Secret>) -> Self {
        Self::Headers { headers, secrets }
    }

    /// One header made of an access key and a secret key, in the vendor's form.
    pub fn key_pair(name: &'static str, access: Secret, secret: Secret, form: fn(&str, &str) -> String) -> Self {
        let value = Secret::new(form(access.expose(), secret.expose()));
        Self::headers(vec![(HeaderName::from_static(name), value)], vec![access, secret])
    }

    /// `Authorization: Bearer`.
    pub fn bearer(token: Secret) -> Self {
        let value = Secret::new(format!("Bearer {}", token.expose()));
        Self::headers(vec![(reqwest::header::AUTHORIZATION, value)], vec![token])
    }

    /// `Authorization: Basic`; user and password are encoded as UTF-8.
    pub fn basic(user: &Secret, password: Secret) -> Self {
        use base64::Engine as _;
        let pair = format!("{}:{}", user.expose(), password.expose());
        let encoded = base64::engine::general_purpose::STANDARD.encode(pair);
        let value = Secret::new(format!("Basic {encoded}"));
        Self::headers(vec![(reqwest::header::AUTHORIZATION, value)], vec![password, Secret::new(encoded)])
    }
}

/// A login that yields headers.
#[derive(Debug)]
pub struct Session {
    pub(super) protocol: Box<dyn SessionProtocol>,
    pub(super) live: Mutex<Option<Live>>,
    /// A login that was refused for certain: trying it again for every request would lock the account.
    pub(super) refused: RefCell<Option<Error>>,
}

/// An open session.
#[derive(Debug, Clone)]
pub(super) struct Live {
    /// Tells two logins apart, so that several refused requests cause one new login.
    pub generation: u64,
    pub headers: Vec<(HeaderName, Secret)>,
}

impl Session {
    /// A session that is not open yet.
    pub fn new(protocol: Box<dyn SessionProtocol>) -> Self {
        Self { protocol, live: Mutex::new(None), refused: RefCell::new(None) }
    }
}

/// What a backend knows about its vendor's sessions.
pub trait SessionProtocol: std::fmt::Debug {
    /// The login request.
    fn login(&self) -> SessionRequest;

    /// Takes the login's answer: its body and its `Set-Cookie` values in order.
    ///
    /// # Errors
    /// When the answer grants no session; a login that may be tried again is not an error of this kind.
    fn accept(&self, body: &[u8], cookies: &[String]) -> Result<Vec<(HeaderName, Secret)>>;

    /// The request that ends the session.
    fn logout(&self) -> SessionRequest;

    /// Every secret of the protocol, to be struck out of texts.
    fn secrets(&self) -> Vec<&Secret>;
}

/// A request of the session itself.
#[derive(Debug)]
pub struct SessionRequest {
    /// HTTP method.
    pub method: Method,
    /// Path segments below the base URL.
    pub path: Vec<String>,
    /// JSON body; it holds the password and is never logged.
    pub body: Option<Secret>,
}

/// A header value that the HTTP library does not print either.
///
/// # Errors
/// When the secret has characters that no header may have.
pub fn header_value(secret: &Secret) -> Result<HeaderValue> {
    let mut value = HeaderValue::from_bytes(secret.expose().as_bytes())
        .map_err(|_invalid| Error::config("a secret has characters that cannot be sent in a header"))?;
    value.set_sensitive(true);
    Ok(value)
}

/// What must not be shown of the headers that a login granted: each as a whole, and the value of each cookie.
pub(super) fn granted(headers: &[(HeaderName, Secret)]) -> Vec<Secret> {
    let mut secrets = Vec::new();
    for (name, secret) in headers {
        secrets.push(secret.clone());
        if *name == COOKIE {
            let values = secret.expose().split(';').filter_map(|cookie| cookie.split_once('='));
            secrets.extend(values.map(|(_, value)| Secret::new(value.trim())));
        }
    }
    secrets
}
