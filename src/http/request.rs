//! A request being put together, and what of it goes on the wire or into a plan.

use reqwest::Method;
use reqwest::header::{ACCEPT, CONTENT_LENGTH, CONTENT_TYPE, HeaderName, HeaderValue};
use serde::Serialize;

use super::download::{Download, Rest};
use super::retry::Repeat;
use super::scrub::Scrubber;
use super::upload::Upload;
use super::{Answer, Http, auth, trace};
use crate::error::{Error, PlannedRequest, Result};
use crate::secret::Secret;

/// What a request carries.
#[derive(Debug)]
pub(super) enum Body {
    None,
    Json(serde_json::Value),
    /// A login: never logged, never planned.
    Private(Secret),
    /// A file, as the one part of a form. Read as it is sent.
    Upload(Upload),
}

/// A request being put together.
#[derive(Debug)]
pub struct Request<'a> {
    http: &'a Http,
    pub(super) method: Method,
    path: Vec<String>,
    query: Vec<(String, String)>,
    headers: Vec<(HeaderName, HeaderValue)>,
    accept: &'static str,
    pub(super) body: Body,
    secrets: Vec<(&'static str, Secret)>,
    pub(super) repeat: Repeat,
    pub(super) incidental: bool,
    pub(super) label: &'static str,
    pub(super) private: bool,
    pub(super) unlogged: bool,
    pub(super) streamed: bool,
}

impl<'a> Request<'a> {
    pub(super) fn new<S: AsRef<str>>(
        http: &'a Http,
        method: Method,
        path: impl IntoIterator<Item = S>,
        repeat: Repeat,
    ) -> Self {
        Self {
            http,
            method,
            path: path.into_iter().map(|segment| segment.as_ref().to_owned()).collect(),
            query: Vec::new(),
            headers: Vec::new(),
            accept: "application/json",
            body: Body::None,
            secrets: Vec::new(),
            repeat,
            incidental: false,
            label: "",
            private: false,
            unlogged: false,
            streamed: false,
        }
    }

    /// Adds a query parameter.
    #[must_use]
    pub fn query(mut self, name: &str, value: impl ToString) -> Self {
        self.query.push((name.to_owned(), value.to_string()));
        self
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// Asks for another type of answer than JSON.
    #[must_use]
    pub fn accept(mut self, accept: &'static str) -> Self {
        self.accept = accept;
        self
    }

    /// Sets a JSON body.
    #[must_use]
    pub fn json(mut self, body: &impl Serialize) -> Self {
        self.body = Body::Json(serde_json::to_value(body).unwrap_or_default());
        self
    }

    /// Sends a file as the part of that name of a form. It is read while it is sent, in pieces; the call ends when
    /// nothing moves for the profile's `timeout`, however long it takes as a whole.
    #[must_use]
    pub fn upload(mut self, upload: Upload) -> Self {
        self.body = Body::Upload(upload);
        self
    }

    /// Adds a secret to the JSON body. It is not planned, and what echoes it loses it.
    #[must_use]
    pub fn secret(mut self, name: &'static str, secret: Secret) -> Self {
        self.secrets.push((name, secret));
        self
    }

    /// Keeps the answer's body out of every log: it holds a token.
    #[must_use]
    pub fn unlogged(mut self) -> Self {
        self.unlogged = true;
        self
    }

    /// Declares that a request other than GET only reads.
    #[must_use]
    pub fn reads(mut self) -> Self {
        self.repeat = Repeat::Safe;
        self
    }

    /// Declares that what it changes serves nothing by itself, such as a file that is laid ready: cut off by a signal, it
    /// leaves nothing unknown.
    #[must_use]
    pub fn incidental(mut self) -> Self {
        self.incidental = true;
        self
    }

    /// Names the call in logs and errors.
    #[must_use]
    pub fn label(mut self, label: &'static str) -> Self {
        self.label = label;
        self
    }

    /// Sends it and waits for the whole answer.
    ///
    /// # Errors
    /// See the table in [`super::retry`]; a dry run ends a changing request as [`Detail::Planned`](crate::error::Detail::Planned).
    pub async fn send(self) -> Result<Answer> {
        self.http.send(&self).await
    }

    /// Sends it and waits for the beginning of the answer only: for reports, which may be of any size. The answer's body
    /// is then that beginning. A refusal is read whole, also one that is JSON under a status of success.
    ///
    /// # Errors
    /// As for [`Request::send`]. What breaks later is the download's own error.
    pub async fn download(mut self) -> Result<(Answer, Download<'static>)> {
        self.streamed = true;
        let mut answer = self.http.send(&self).await?;
        let Some(response) = answer.rest.take() else {
            let download = Download::whole(answer.body.clone());
            return Ok((answer, download));
        };
        let rest = Rest {
            // The library tells how much is left of what was announced.
            length: response.content_length().map(|left| left + answer.body.len() as u64),
            response,
            patience: self.http.connection.timeout,
            what: format!("{} {}", self.method, trace::safe_url(&self.url()?)),
            scrubber: Scrubber::new(self.http.needles(&self)),
        };
        let download = rest.follow(answer.body.clone());
        Ok((answer, download))
    }

    /// The URL. Every segment is percent-encoded; one that would leave its place in the path is refused.
    pub(super) fn url(&self) -> Result<reqwest::Url> {
        let mut url = self.http.connection.base.clone();
        // The URL library drops tabs and line breaks, which would make another id of this one.
        let leaves = |id: &str| matches!(id, "" | "." | "..") || id.chars().any(char::is_control);
        if let Some(bad) = self.path.iter().find(|segment| leaves(segment)) {
            return Err(Error::usage(format!("`{}` cannot be an id", bad.escape_debug())));
        }
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(&self.path);
        }
        if !self.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&self.query);
        }
        Ok(url)
    }

    /// As it is sent, but for a file's content, which is read for each attempt.
    pub(super) fn prepare(&self, credentials: &[(HeaderName, Secret)]) -> Result<reqwest::Request> {
        let url = self.url()?;
        let mut prepared = reqwest::Request::new(self.method.clone(), url);
        let headers = prepared.headers_mut();
        headers.extend(self.http.headers.clone());
        headers.insert(ACCEPT, HeaderValue::from_static(self.accept));
        for (name, value) in &self.headers {
            headers.insert(name, value.clone());
        }
        for (name, secret) in credentials {
            headers.insert(name, auth::header_value(secret)?);
        }
        let body = match &self.body {
            Body::None => None,
            Body::Json(value) => Some(self.with_secrets(value, Secret::expose).to_string()),
            Body::Private(text) => Some(text.expose().to_owned()),
            Body::Upload(upload) => {
                headers.insert(CONTENT_TYPE, upload.content_type()?);
                headers.insert(CONTENT_LENGTH, HeaderValue::from(upload.length()));
                return Ok(prepared);
            }
        };
        if let Some(body) = body {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            *prepared.body_mut() = Some(body.into());
        } else if self.method == Method::POST {
            // Some gateways refuse a POST that does not say how long its body is, and the client says nothing of an
            // empty one by itself.
            headers.insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
        }
        Ok(prepared)
    }

    /// The secrets of its body.
    pub(super) fn hidden(&self) -> impl Iterator<Item = &Secret> {
        self.secrets.iter().map(|(_, secret)| secret)
    }

    /// The JSON body together with its secrets, as they are to be written.
    fn with_secrets<'t>(&'t self, body: &serde_json::Value, written: fn(&'t Secret) -> &'t str) -> serde_json::Value {
        let mut whole = body.clone();
        if let Some(members) = whole.as_object_mut() {
            let secrets = self.secrets.iter().map(|(name, secret)| ((*name).to_owned(), written(secret).into()));
            members.extend(secrets);
        }
        whole
    }

    /// What a dry run tells of it.
    pub(super) fn plan(&self) -> Result<PlannedRequest> {
        let url = self.url()?;
        let path = match url.query() {
            Some(query) => format!("{}?{query}", url.path()),
            None => url.path().to_owned(),
        };
        let body = match &self.body {
            Body::Upload(upload) => Some(upload.plan()),
            Body::Json(value) => Some(self.with_secrets(value, |_secret| "(redacted)")),
            Body::None | Body::Private(_) => None,
        };
        Ok(PlannedRequest { method: self.method.to_string(), path, body })
    }
}
