//! The one place that talks HTTP: sending, repeating, sessions, secrets, and what may be told of it.
//!
//! It knows no vendor. A backend gives it a [`Dialect`] (how this vendor says no) and an [`auth::Auth`], and then speaks
//! in requests: `http.post(["scans", id, "launch"]).json(&body).label("launch").send().await?.json()?`.
//!
//! A request that changes something is sent again only if it is known not to have been processed; see [`retry`].
//! In a dry run such a request is never sent: it ends as [`Detail::Planned`], whatever command asked for it.

pub mod auth;
pub mod connection;
pub mod download;
pub mod retry;
mod scrub;
pub mod trace;
pub mod upload;

use std::cell::{Cell, OnceCell, RefCell};
use std::rc::Rc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use jiff::Timestamp;
use reqwest::header::{ACCEPT, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, SET_COOKIE};
use reqwest::{Client, Method, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::Semaphore;

use crate::error::{Detail, Error, Lost, PlannedRequest, Result, VendorAnswer};
use crate::exit::Exit;
use crate::poll;
use crate::secret::Secret;
use auth::{Auth, Live, SessionRequest};
use connection::{Connection, Trust};
use download::{Download, Rest};
use retry::{Event, Repeat, Verdict};
use scrub::{Needles, Scrubber};
use upload::Upload;

/// No answer of an API call is larger; a larger one is not what any vendor promises.
const LARGEST_ANSWER: usize = 256 * 1024 * 1024;

/// How one vendor says no.
#[derive(Debug, Clone, Copy)]
pub struct Dialect {
    /// Reads a refusal: any answer whose status is not 2xx.
    pub refusal: fn(u16, &HeaderMap, &[u8]) -> VendorError,
    /// Finds a refusal inside a 2xx answer.
    pub error_in_success: fn(&[u8]) -> Option<VendorError>,
    /// The response header with the vendor's request id.
    pub request_id: Option<&'static str>,
}

/// A refusal as the vendor's own words put it.
#[derive(Debug, Default)]
pub struct VendorError {
    /// What the vendor says.
    pub text: Option<String>,
    /// The vendor's own code.
    pub code: Option<i64>,
    /// The exit code, where the vendor's words tell more than the status.
    pub exit: Option<Exit>,
    /// What to do now, where the vendor's words tell.
    pub hint: Option<String>,
    /// The session has expired: log in once and send again.
    pub expired_session: bool,
    /// Refused at the gate by a rate limit, whatever the status.
    pub throttled: bool,
    /// How long to pause, where the vendor says it in its own way.
    pub pause: Option<Duration>,
}

/// What a program run shares between its profiles.
#[derive(Clone)]
pub struct Shared {
    /// Changing requests are planned, not sent.
    pub dry_run: bool,
    /// Changing requests under way.
    pub writes: Rc<Writes>,
    /// Tells the user about pauses and warnings.
    pub notice: Rc<dyn Fn(&str)>,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Shared").field("dry_run", &self.dry_run).finish_non_exhaustive()
    }
}

/// Changing requests of the whole program run, those apart that serve nothing by themselves: how many are under way, whose, and whether new ones may begin.
#[derive(Debug, Default)]
pub struct Writes {
    /// The task of each that is under way.
    in_flight: RefCell<Vec<Task>>,
    /// The task that is being worked on.
    current: Cell<Task>,
    last: Cell<u64>,
    closed: Cell<Option<Exit>>,
}

/// A piece of work whose changing requests can be told from those of others.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Task(u64);

impl Writes {
    /// How many are under way.
    pub fn in_flight(&self) -> usize {
        self.in_flight.borrow().len()
    }

    /// Whether one of this task is under way.
    pub fn is_in_flight(&self, task: Task) -> bool {
        self.in_flight.borrow().contains(&task)
    }

    /// A new task.
    pub fn task(&self) -> Task {
        self.last.set(self.last.get() + 1);
        Task(self.last.get())
    }

    /// Does a piece of work as this task.
    pub async fn within<T>(&self, task: Task, work: impl Future<Output = T>) -> T {
        let mut work = std::pin::pin!(work);
        std::future::poll_fn(|context| {
            let outer = self.current.replace(task);
            let polled = work.as_mut().poll(context);
            self.current.set(outer);
            polled
        })
        .await
    }

    /// After a signal no changing request begins any more, also not a repeated one.
    pub fn close(&self, signal: Exit) {
        self.closed.set(Some(signal));
    }

    fn check(&self, repeat: Repeat) -> Result<()> {
        match self.closed.get() {
            Some(signal) if repeat != Repeat::Safe => Err(Error::new(signal, "interrupted; nothing was sent")),
            _ => Ok(()),
        }
    }

    fn enter(self: &Rc<Self>) -> InFlight {
        let task = self.current.get();
        self.in_flight.borrow_mut().push(task);
        InFlight(Rc::clone(self), task)
    }
}

struct InFlight(Rc<Writes>, Task);

impl Drop for InFlight {
    fn drop(&mut self) {
        let mut in_flight = self.0.in_flight.borrow_mut();
        if let Some(at) = in_flight.iter().position(|task| *task == self.1) {
            in_flight.swap_remove(at);
        }
    }
}

/// The client of one profile.
#[derive(Debug)]
pub struct Http {
    profile: String,
    connection: Connection,
    trust: RefCell<Option<Trust>>,
    client: OnceCell<Client>,
    auth: Auth,
    dialect: Dialect,
    headers: HeaderMap,
    gate: Semaphore,
    shared: Shared,
    warned: RefCell<Vec<String>>,
    /// What every login so far has granted, to be struck out of texts.
    granted: RefCell<Vec<Secret>>,
}

impl Http {
    /// A client that has not sent anything. Certificate files are read here, so that a bad path is told first.
    ///
    /// # Errors
    /// Exit 3 for a certificate file or proxy that cannot be used.
    pub fn new(profile: &str, connection: Connection, auth: Auth, dialect: Dialect, shared: Shared) -> Result<Self> {
        let trust = connection.trust(profile)?;
        Ok(Self {
            profile: profile.to_owned(),
            gate: Semaphore::new(connection.max_concurrency.min(Semaphore::MAX_PERMITS)),
            trust: RefCell::new(Some(trust)),
            client: OnceCell::new(),
            connection,
            auth,
            dialect,
            headers: HeaderMap::new(),
            shared,
            warned: RefCell::new(Vec::new()),
            granted: RefCell::new(Vec::new()),
        })
    }

    /// Adds a header to every request.
    #[must_use]
    pub fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }

    /// Whether the other end is this machine.
    pub fn is_loopback(&self) -> bool {
        self.connection.is_loopback()
    }

    /// A reading request.
    pub fn get<'a, S: AsRef<str> + 'a>(&'a self, path: impl IntoIterator<Item = S>) -> Request<'a> {
        Request::new(self, Method::GET, path, Repeat::Safe)
    }

    /// A changing request that is sent once.
    pub fn post<'a, S: AsRef<str> + 'a>(&'a self, path: impl IntoIterator<Item = S>) -> Request<'a> {
        Request::new(self, Method::POST, path, Repeat::Once)
    }

    /// A changing request that is sent once.
    pub fn put<'a, S: AsRef<str> + 'a>(&'a self, path: impl IntoIterator<Item = S>) -> Request<'a> {
        Request::new(self, Method::PUT, path, Repeat::Once)
    }

    /// A changing request that is sent once.
    pub fn patch<'a, S: AsRef<str> + 'a>(&'a self, path: impl IntoIterator<Item = S>) -> Request<'a> {
        Request::new(self, Method::PATCH, path, Repeat::Once)
    }

    /// A deleting request that is sent once: what a second one deletes may be what somebody has made since.
    pub fn delete<'a, S: AsRef<str> + 'a>(&'a self, path: impl IntoIterator<Item = S>) -> Request<'a> {
        Request::new(self, Method::DELETE, path, Repeat::Once)
    }

    /// Ends the session, where there is one. A failure is only logged: nobody can do anything about it.
    pub async fn close(&self) {
        let Auth::Session(session) = &self.auth else { return };
        let Some(live) = session.live.lock().await.take() else { return };
        let logout = session.protocol.logout();
        let deadline = Instant::now() + retry::CALL_DEADLINE;
        match self.session_request(&logout, &live.headers, Repeat::Idempotent, deadline).await {
            Ok(_) => {}
            Err(Failure::Expired(problem) | Failure::Other(problem)) => {
                tracing::debug!(profile = %self.profile, problem = %problem.one_line(), "logout failed");
            }
        }
    }

    fn client(&self) -> Result<&Client> {
        if let Some(client) = self.client.get() {
            return Ok(client);
        }
        let trust = match self.trust.take() {
            Some(trust) => trust,
            None => self.connection.trust(&self.profile)?,
        };
        if self.connection.insecure {
            (self.shared.notice)(&format!(
                "profile `{}`: certificates are not checked (`insecure = true`); anyone on the way can read and change everything",
                self.profile
            ));
        }
        let client = self.connection.client(trust, &self.profile)?;
        Ok(self.client.get_or_init(|| client))
    }

    /// Sends a request under the session or key headers of the profile.
    async fn send(&self, request: &Request<'_>) -> Result<Answer> {
        if request.repeat != Repeat::Safe && self.shared.dry_run {
            return Err(Error::planned(request.plan()?));
        }
        self.shared.writes.check(request.repeat)?;
        let _permit =
            self.gate.acquire().await.map_err(|_closed| Error::new(Exit::Internal, "the client is closed"))?;
        // One deadline for all that belongs to the call, a login included.
        let deadline = Instant::now() + retry::CALL_DEADLINE;
        match &self.auth {
            Auth::Headers { headers, .. } => match self.attempts(request, headers, deadline).await {
                Ok(answer) => Ok(answer),
                Err(Failure::Expired(problem) | Failure::Other(problem)) => Err(problem),
            },
            Auth::Session(session) => {
                let live = self.open_session(session, None, deadline).await?;
                match self.attempts(request, &live.headers, deadline).await {
                    Ok(answer) => Ok(answer),
                    Err(Failure::Other(problem)) => Err(problem),
                    Err(Failure::Expired(_)) => {
                        let live = self.open_session(session, Some(live.generation), deadline).await?;
                        match self.attempts(request, &live.headers, deadline).await {
                            Ok(answer) => Ok(answer),
                            Err(Failure::Expired(problem) | Failure::Other(problem)) => Err(problem),
                        }
                    }
                }
            }
        }
    }

    /// The open session, or a new login if there is none or `expired` is the one that was refused.
    async fn open_session(&self, session: &auth::Session, expired: Option<u64>, deadline: Instant) -> Result<Live> {
        let mut live = session.live.lock().await;
        let next = match &*live {
            Some(open) if expired != Some(open.generation) => return Ok(open.clone()),
            Some(open) => open.generation + 1,
            None => expired.map_or(1, |old| old + 1),
        };
        if let Some(refused) = &*session.refused.borrow() {
            return Err(refused.clone());
        }
        *live = None;
        let login = session.protocol.login();
        let answer = match self.session_request(&login, &[], Repeat::Idempotent, deadline).await {
            Ok(answer) => answer,
            Err(Failure::Expired(problem) | Failure::Other(problem)) => {
                let problem = problem.context(format!("profile `{}`: the login failed", self.profile));
                if problem.refused() {
                    *session.refused.borrow_mut() = Some(problem.clone());
                }
                return Err(problem);
            }
        };
        let cookies: Vec<String> = answer
            .headers
            .get_all(SET_COOKIE)
            .iter()
            .filter_map(|value| value.to_str().ok().map(str::to_owned))
            .collect();
        let headers = session.protocol.accept(&answer.body, &cookies).inspect_err(|problem| {
            *session.refused.borrow_mut() = Some(problem.clone());
        })?;
        self.granted.borrow_mut().extend(auth::granted(&headers));
        let opened = Live { generation: next, headers };
        *live = Some(opened.clone());
        Ok(opened)
    }

    async fn session_request(
        &self,
        session: &SessionRequest,
        headers: &[(HeaderName, Secret)],
        repeat: Repeat,
        deadline: Instant,
    ) -> Result<Answer, Failure> {
        let mut request = Request::new(self, session.method.clone(), &session.path, repeat).label("session");
        request.private = true;
        if let Some(body) = &session.body {
            request.body = Body::Private(body.clone());
        }
        self.attempts(&request, headers, deadline).await
    }

    /// The loop: send, classify, pause, send again. See [`retry::verdict`] for the table.
    async fn attempts(
        &self,
        request: &Request<'_>,
        credentials: &[(HeaderName, Secret)],
        deadline: Instant,
    ) -> Result<Answer, Failure> {
        let prepared = self.prepare(request, credentials)?;
        let client = self.client()?;
        let mut attempt = 0;
        loop {
            // Its turn, a login or a pause may have come after a signal. Sessions themselves still end in order.
            if !request.private {
                self.shared.writes.check(request.repeat)?;
            }
            attempt += 1;
            let sent = Instant::now();
            let left = deadline.saturating_duration_since(sent);
            let limit = self.connection.timeout.min(left);
            let Some(mut copy) = prepared.try_clone() else {
                return Err(Error::new(Exit::Internal, "a request could not be copied").into());
            };
            let moved = match &request.body {
                // Its length is what was declared, whatever becomes of the file meanwhile.
                Body::Upload(upload) => {
                    let (body, moved) = upload.body()?;
                    *copy.body_mut() = Some(body);
                    Some(moved)
                }
                Body::None | Body::Json(_) | Body::Private(_) => None,
            };
            let counts = request.repeat == Repeat::Once && !request.incidental;
            let in_flight = counts.then(|| self.shared.writes.enter());
            let exchanged = exchange(client, copy, request.streamed);
            let result = match moved {
                None => tokio::time::timeout(limit, exchanged).await.ok(),
                Some(moved) => moved.while_it_moves(self.connection.timeout, exchanged).await,
            };
            let result = result.unwrap_or_else(|| {
                let why = format!("no answer within {:.1} s", limit.as_secs_f64());
                Err(Broken { event: Event::NoAnswer, why })
            });
            drop(in_flight);
            let (event, problem) = match result {
                Ok(mut received) => {
                    // Before anything reads it: what the vendor echoes must not get any further.
                    received.body = self.needles(request).strike_body(received.body);
                    self.log(request, &received, sent);
                    match self.classify(request, received, sent) {
                        Ok(answer) => return Ok(answer),
                        Err(refused) => *refused,
                    }
                }
                Err(broken) => {
                    tracing::debug!(profile = %self.profile, request = request.label, event = ?broken.event, why = %broken.why, "no answer");
                    (broken.event, Refusal::broken(broken.why))
                }
            };
            if problem.vendor.expired_session {
                return Err(Failure::Expired(self.failure(request, Exit::Auth, Detail::Refused, problem)));
            }
            let verdict = if problem.vendor.throttled {
                Verdict::Again(Exit::Limited)
            } else {
                retry::verdict(request.repeat, event)
            };
            match verdict {
                Verdict::Again(exit) => {
                    let wanted = problem.vendor.pause.or(problem.retry_after);
                    let pause = wanted.unwrap_or_else(|| retry::pause(attempt, fastrand::f64()));
                    let in_time = pause < deadline.saturating_duration_since(Instant::now());
                    if attempt >= retry::ATTEMPTS || !in_time {
                        return Err(self
                            .failure(request, exit, Detail::Plain, problem)
                            .with_retry_after(wanted)
                            .into());
                    }
                    self.tell_pause(&problem, exit, pause, attempt);
                    poll::sleep(pause).await;
                }
                Verdict::Unknown => {
                    return Err(self
                        .failure(request, Exit::UnknownOutcome, Detail::Lost(Lost { sent }), problem)
                        .into());
                }
                Verdict::Refused(exit) => {
                    let exit = problem.vendor.exit.unwrap_or(exit);
                    return Err(self.failure(request, exit, Detail::Refused, problem).into());
                }
                Verdict::Failed(exit) => return Err(self.failure(request, exit, Detail::Plain, problem).into()),
                Verdict::Done => {
                    let exit = problem.vendor.exit.unwrap_or(Exit::Internal);
                    return Err(self.failure(request, exit, Detail::Refused, problem).into());
                }
            }
        }
    }

    fn prepare(&self, request: &Request<'_>, credentials: &[(HeaderName, Secret)]) -> Result<reqwest::Request> {
        let url = request.url()?;
        let mut prepared = reqwest::Request::new(request.method.clone(), url);
        let headers = prepared.headers_mut();
        headers.extend(self.headers.clone());
        headers.insert(ACCEPT, HeaderValue::from_static(request.accept));
        for (name, value) in &request.headers {
            headers.insert(name, value.clone());
        }
        for (name, secret) in credentials {
            headers.insert(name, auth::header_value(secret)?);
        }
        let body = match &request.body {
            Body::None => None,
            Body::Json(value) => Some(request.with_secrets(value, Secret::expose).to_string()),
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
        } else if request.method == Method::POST {
            // Some gateways refuse a POST that does not say how long its body is, and the client says nothing of an
            // empty one by itself.
            headers.insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
        }
        Ok(prepared)
    }

    /// Turns what was received into an answer, or into what went wrong.
    fn classify(
        &self,
        request: &Request<'_>,
        received: Received,
        sent: Instant,
    ) -> Result<Answer, Box<(Event, Refusal)>> {
        let status = received.status.as_u16();
        let retry_after = retry::retry_after(&received.headers);
        let request_id = self
            .dialect
            .request_id
            .and_then(|name| received.headers.get(name))
            .and_then(|value| value.to_str().ok())
            .map(|id| self.scrub(id));
        let refusal = |vendor: VendorError| Refusal {
            status: Some(status),
            request_id: request_id.clone(),
            retry_after,
            why: None,
            vendor,
        };
        if received.status.is_redirection() {
            let location = received.headers.get(reqwest::header::LOCATION).and_then(|value| value.to_str().ok());
            let target = location
                .and_then(|location| self.connection.base.join(location).ok())
                .map_or_else(|| "nowhere".to_owned(), |url| url.origin().ascii_serialization());
            let vendor = VendorError {
                text: Some(format!("the server redirects to {target}")),
                hint: Some("`base_url` is probably not the API's own address; redirects are never followed, because keys would go along".to_owned()),
                ..VendorError::default()
            };
            return Err(Box::new((Event::Status(status), refusal(vendor))));
        }
        if !received.status.is_success() {
            let vendor = (self.dialect.refusal)(status, &received.headers, &received.body);
            return Err(Box::new((Event::Status(status), refusal(vendor))));
        }
        if let Some(vendor) = (self.dialect.error_in_success)(&received.body) {
            return Err(Box::new((Event::Status(status), refusal(vendor))));
        }
        if let Some(warning) = received.headers.get("deprecated").and_then(|value| value.to_str().ok()) {
            let warning = self.scrub(warning);
            self.warn_once(&format!("profile `{}`: the vendor says: {warning}", self.profile));
        }
        Ok(Answer {
            label: request.label,
            repeat: request.repeat,
            status,
            date: retry::date(&received.headers),
            headers: received.headers,
            body: received.body,
            rest: received.rest,
            request_id,
            sent,
            received: Instant::now(),
        })
    }

    /// A warning that is worth one line a run.
    pub fn warn_once(&self, text: &str) {
        let mut warned = self.warned.borrow_mut();
        if !warned.iter().any(|known| known == text) {
            warned.push(text.to_owned());
            (self.shared.notice)(text);
        }
    }

    fn tell_pause(&self, problem: &Refusal, exit: Exit, pause: Duration, attempt: u32) {
        let why = match (exit, problem.status) {
            (Exit::Limited, _) => "rate limited".to_owned(),
            (_, Some(status)) => format!("HTTP {status}"),
            (_, None) => problem.why.clone().unwrap_or_else(|| "no answer".to_owned()),
        };
        (self.shared.notice)(&format!(
            "profile `{}`: {why}, waiting {:.1} s (try {} of {})",
            self.profile,
            pause.as_secs_f64(),
            attempt + 1,
            retry::ATTEMPTS
        ));
    }

    fn secrets(&self) -> Vec<&Secret> {
        match &self.auth {
            Auth::Headers { secrets, .. } => secrets.iter().collect(),
            Auth::Session(session) => session.protocol.secrets(),
        }
    }

    /// What the answer to a request must not show. That to a login is read for what it grants.
    fn needles(&self, request: &Request<'_>) -> Needles {
        let granted = self.granted.borrow();
        let granted = granted.iter().filter(|_| !request.private);
        Needles::new(self.secrets().into_iter().chain(request.hidden()).chain(granted))
    }

    /// Strikes this profile's secrets out of a text that may echo them.
    pub fn scrub(&self, text: &str) -> String {
        Needles::new(self.secrets().into_iter().chain(self.granted.borrow().iter())).strike(text)
    }

    fn failure(&self, request: &Request<'_>, exit: Exit, detail: Detail, problem: Refusal) -> Error {
        let what = format!(
            "{} {}",
            request.method,
            trace::safe_url(&request.url().unwrap_or_else(|_bad| self.connection.base.clone()))
        );
        let text = problem.vendor.text.as_deref().map(|text| self.needles(request).strike(&self.scrub(text)));
        let why = match (problem.status, &text, &problem.why) {
            (Some(status), Some(text), _) => format!("HTTP {status}: {text}"),
            (Some(status), None, _) => {
                let reason = StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason());
                format!("HTTP {status}{}", reason.map_or(String::new(), |reason| format!(" {reason}")))
            }
            (None, _, Some(why)) => self.scrub(why),
            (None, _, None) => "no answer".to_owned(),
        };
        let mut error = Error::new(exit, why).because(what).with_detail(detail).with_answer(VendorAnswer {
            status: problem.status,
            code: problem.vendor.code,
            text,
            request_id: problem.request_id,
        });
        let hint = problem.vendor.hint.or_else(|| match exit {
            Exit::Network if problem.status.is_none() => Some(format!(
                "check `base_url`, `proxy` and `ca_file` of profile `{}`: `scanctl profiles check -p {}`",
                self.profile, self.profile
            )),
            _ => None,
        });
        if let Some(hint) = hint {
            error = error.hint(hint);
        }
        error
    }

    fn log(&self, request: &Request<'_>, received: &Received, sent: Instant) {
        tracing::debug!(
            profile = %self.profile,
            request = request.label,
            method = %request.method,
            url = %request.url().map(|url| trace::safe_url(&url)).unwrap_or_default(),
            status = received.status.as_u16(),
            milliseconds = u64::try_from(sent.elapsed().as_millis()).unwrap_or(u64::MAX),
            headers = %self.scrub(&trace::safe_headers(&received.headers)),
            "answer"
        );
        if !request.private && !request.unlogged {
            tracing::trace!(profile = %self.profile, body = %trace::excerpt(self.scrub(&String::from_utf8_lossy(&received.body)).as_bytes()), "body");
        }
    }
}

/// What went wrong with one attempt.
#[derive(Debug, Default)]
struct Refusal {
    status: Option<u16>,
    request_id: Option<String>,
    retry_after: Option<Duration>,
    why: Option<String>,
    vendor: VendorError,
}

impl Refusal {
    fn broken(why: String) -> Self {
        Self { why: Some(why), ..Self::default() }
    }
}

/// Why a call ended without an answer.
enum Failure {
    /// The vendor refused the request because the session is over.
    Expired(Error),
    /// Anything else.
    Other(Error),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Other(error)
    }
}

/// One whole answer off the wire.
struct Received {
    status: StatusCode,
    headers: HeaderMap,
    /// The whole body, or its beginning where a rest is to come.
    body: Bytes,
    rest: Option<reqwest::Response>,
}

/// One attempt that brought no whole answer.
struct Broken {
    event: Event,
    why: String,
}

/// Sends a request and reads its answer; where it is to be streamed, only the beginning of a report. What begins as a
/// JSON object is no report but what a vendor says about one, whatever the status.
async fn exchange(client: &Client, request: reqwest::Request, streamed: bool) -> Result<Received, Broken> {
    let mut response = client.execute(request).await.map_err(broken)?;
    let (status, headers) = (response.status(), response.headers().clone());
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(broken)? {
        if body.len() + chunk.len() > LARGEST_ANSWER {
            return Err(Broken {
                event: Event::TooLarge,
                why: format!("the answer is larger than {} MiB", LARGEST_ANSWER >> 20),
            });
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
        _ => format!("the connection broke: {why}"),
    };
    Broken { event, why }
}

/// Looks through the whole chain of causes for a TLS refusal, also behind I/O errors.
fn certificate_refused(problem: &(dyn std::error::Error + 'static)) -> bool {
    let mut current = Some(problem);
    while let Some(error) = current {
        if matches!(error.downcast_ref(), Some(rustls::Error::InvalidCertificate(_))) {
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

#[derive(Debug)]
enum Body {
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
    method: Method,
    path: Vec<String>,
    query: Vec<(String, String)>,
    headers: Vec<(HeaderName, HeaderValue)>,
    accept: &'static str,
    body: Body,
    secrets: Vec<(&'static str, Secret)>,
    repeat: Repeat,
    incidental: bool,
    label: &'static str,
    private: bool,
    unlogged: bool,
    streamed: bool,
}

impl<'a> Request<'a> {
    fn new<S: AsRef<str>>(http: &'a Http, method: Method, path: impl IntoIterator<Item = S>, repeat: Repeat) -> Self {
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
    /// See the table in [`retry`]; a dry run ends a changing request as [`Detail::Planned`].
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
    fn url(&self) -> Result<reqwest::Url> {
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

    fn hidden(&self) -> impl Iterator<Item = &Secret> {
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

    fn plan(&self) -> Result<PlannedRequest> {
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
    rest: Option<reqwest::Response>,
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
