//! What came back: a whole answer, or what went wrong with one attempt.

use std::io;
use std::time::{Duration, Instant};

use bytes::Bytes;
use jiff::Timestamp;
use reqwest::header::HeaderMap;
use reqwest::{Client, StatusCode};
use serde::de::DeserializeOwned;

use super::retry::{Event, Repeat};
use super::{Http, Request, VendorError, connection, retry};
use crate::error::{Detail, Error, Lost, Result, VendorAnswer};
use crate::exit::Exit;

/// No answer of an API call is larger; a larger one is not what any vendor promises.
const LARGEST_ANSWER: usize = 256 * 1024 * 1024;

/// A whole 2xx answer.
#[derive(Debug)]
pub struct Answer {
    label: &'static str,
    repeat: Repeat,
    /// HTTP status.
    pub status: u16,
    /// All headers.
    pub headers: HeaderMap,
    /// The whole body, decompressed.
    pub body: Bytes,
    pub(super) rest: Option<reqwest::Response>,
    /// The vendor's request id.
    pub request_id: Option<String>,
    /// The vendor's clock when it answered.
    pub date: Option<Timestamp>,
    /// Just before the first byte was sent.
    pub sent: Instant,
    /// When the last byte came.
    pub received: Instant,
}

impl Answer {
    /// The body as JSON.
    ///
    /// # Errors
    /// Exit 16 with the path of the bad field; for a request that changed something the outcome is unknown instead,
    /// since it was processed as far as anyone can tell.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T> {
        let mut deserializer = serde_json::Deserializer::from_slice(&self.body);
        serde_path_to_error::deserialize(&mut deserializer).map_err(|problem| {
            let path = problem.path().to_string();
            let why = if self.body.trim_ascii().is_empty() {
                "it is empty".to_owned()
            } else if self.body.trim_ascii_start().starts_with(b"<") {
                "it is HTML, not JSON".to_owned()
            } else if path == "." {
                problem.inner().to_string()
            } else {
                format!("at `{path}`: {}", problem.inner())
            };
            self.unreadable(&why)
        })
    }

    /// The error of an answer that lacks what the vendor's API promises.
    pub fn unreadable(&self, why: &str) -> Error {
        let answer =
            VendorAnswer { status: Some(self.status), request_id: self.request_id.clone(), ..VendorAnswer::default() };
        let error = Error::bad_data(format!("the answer to `{}` is not what the API promises: {why}", self.label))
            .with_answer(answer)
            .hint("`-vvv` shows the beginning of the answer");
        match self.repeat {
            Repeat::Once => error.with_exit(Exit::UnknownOutcome).with_detail(Detail::Lost(Lost { sent: self.sent })),
            Repeat::Safe | Repeat::Idempotent => error,
        }
    }
}

/// One whole answer off the wire.
pub(super) struct Received {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    /// The whole body, or its beginning where a rest is to come.
    pub(super) body: Bytes,
    rest: Option<reqwest::Response>,
}

impl Received {
    /// Turns what was received into an answer, or into what went wrong.
    pub(super) fn classify(
        self,
        http: &Http,
        request: &Request<'_>,
        sent: Instant,
    ) -> Result<Answer, Box<(Event, Refusal)>> {
        let status = self.status.as_u16();
        let retry_after = retry::retry_after(&self.headers);
        let request_id = http
            .dialect
            .request_id
            .and_then(|name| self.headers.get(name))
            .and_then(|value| value.to_str().ok())
            .map(|id| http.scrub(id));
        let refusal = |vendor: VendorError| Refusal {
            status: Some(status),
            request_id: request_id.clone(),
            retry_after,
            why: None,
            vendor,
        };
        if self.status.is_redirection() {
            let location = self.headers.get(reqwest::header::LOCATION).and_then(|value| value.to_str().ok());
            let target = location
                .and_then(|location| http.connection.base.join(location).ok())
                .map_or_else(|| "nowhere".to_owned(), |url| url.origin().ascii_serialization());
            let vendor = VendorError {
                text: Some(format!("the server redirects to {target}")),
                hint: Some("`base_url` is probably not the API's own address; redirects are never followed, because keys would go along".to_owned()),
                ..VendorError::default()
            };
            return Err(Box::new((Event::Status(status), refusal(vendor))));
        }
        if !self.status.is_success() {
            let vendor = (http.dialect.refusal)(status, &self.headers, &self.body);
            return Err(Box::new((Event::Status(status), refusal(vendor))));
        }
        if let Some(vendor) = (http.dialect.error_in_success)(&self.body) {
            return Err(Box::new((Event::Status(status), refusal(vendor))));
        }
        if let Some(warning) = self.headers.get("deprecated").and_then(|value| value.to_str().ok()) {
            let warning = http.scrub(warning);
            http.warn_once(&format!("profile `{}`: the vendor says: {warning}", http.profile));
        }
        Ok(Answer {
            label: request.label,
            repeat: request.repeat,
            status,
            date: retry::date(&self.headers),
            headers: self.headers,
            body: http.needles(request).strike_body(self.body),
            rest: self.rest,
            request_id,
            sent,
            received: Instant::now(),
        })
    }
}

/// One attempt that brought no whole answer.
pub(super) struct Broken {
    pub(super) event: Event,
    pub(super) why: String,
}

/// What went wrong with one attempt.
#[derive(Debug, Default)]
pub(super) struct Refusal {
    pub(super) status: Option<u16>,
    pub(super) request_id: Option<String>,
    pub(super) retry_after: Option<Duration>,
    pub(super) why: Option<String>,
    pub(super) vendor: VendorError,
}

impl Refusal {
    pub(super) fn broken(why: String) -> Self {
        Self { why: Some(why), ..Self::default() }
    }

    /// How long the vendor asks to wait, in its own way or in HTTP's.
    pub(super) fn wanted_pause(&self) -> Option<Duration> {
        self.vendor.pause.or(self.retry_after)
    }
}

/// Sends a request and reads its answer; where it is to be streamed, only the beginning of a report. What begins as a
/// JSON object is no report but what a vendor says about one, whatever the status.
pub(super) async fn exchange(client: &Client, request: reqwest::Request, streamed: bool) -> Result<Received, Broken> {
    let mut response = client.execute(request).await.map_err(broken)?;
    let (status, headers) = (response.status(), response.headers().clone());
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(broken)? {
        if body.len() + chunk.len() > LARGEST_ANSWER {
            let why = format!("the answer is larger than {} MiB", LARGEST_ANSWER >> 20);
            return Err(Broken { event: Event::Unreadable, why });
        }
        body.extend_from_slice(&chunk);
        let start = body.trim_ascii_start();
        if streamed && status.is_success() && !start.is_empty() && !start.starts_with(b"{") {
            return Ok(Received { status, headers, body: body.into(), rest: Some(response) });
        }
    }
    Ok(Received { status, headers, body: body.into(), rest: None })
}

fn broken(problem: reqwest::Error) -> Broken {
    let problem = problem.without_url();
    let event = if certificate_refused(&problem) {
        Event::Certificate
    } else if problem.is_connect() {
        Event::NoConnection
    } else if is_no_http(&problem) || cannot_be_unpacked(&problem) {
        Event::Unreadable
    } else {
        Event::NoAnswer
    };
    let why = match event {
        Event::NoConnection if problem.is_timeout() => "timed out".to_owned(),
        _ => connection::innermost(&problem),
    };
    let why = match event {
        Event::Certificate => format!("the server's certificate is refused: {why}"),
        Event::NoConnection => format!("cannot connect: {why}"),
        Event::Unreadable => format!("the answer is not what the API promises: {why}"),
        _ => format!("the connection broke: {why}"),
    };
    Broken { event, why }
}

fn certificate_refused(problem: &reqwest::Error) -> bool {
    is_caused_by(problem, |error| matches!(error.downcast_ref(), Some(rustls::Error::InvalidCertificate(_))))
}

/// Whether what came does not even begin as HTTP does, or has no end of headers.
fn is_no_http(problem: &reqwest::Error) -> bool {
    is_caused_by(problem, |error| error.downcast_ref().is_some_and(hyper::Error::is_parse))
}

/// Whether the bytes came, and are not packed as their header says. Where they just end, more should have come.
fn cannot_be_unpacked(problem: &reqwest::Error) -> bool {
    let is_cut_off = |error: &(dyn std::error::Error + 'static)| {
        error.is::<hyper::Error>()
            || error.downcast_ref().is_some_and(|error: &io::Error| error.kind() == io::ErrorKind::UnexpectedEof)
    };
    problem.is_decode() && !is_caused_by(problem, is_cut_off)
}

/// Looks through the whole chain of causes, also behind I/O errors.
fn is_caused_by(problem: &reqwest::Error, is: impl Fn(&(dyn std::error::Error + 'static)) -> bool) -> bool {
    let mut current: Option<&(dyn std::error::Error + 'static)> = Some(problem);
    while let Some(error) = current {
        if is(error) {
            return true;
        }
        let inner = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        current = match inner {
            Some(inner) => Some(inner as &(dyn std::error::Error + 'static)),
            None => error.source(),
        };
    }
    false
}
