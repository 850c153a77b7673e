//! The one place that talks HTTP: sending, repeating, sessions, secrets, and what may be told of it.
//!
//! It knows no vendor. A backend gives it a [`Dialect`] (how this vendor says no) and an [`auth::Auth`], and then speaks
//! in requests: `http.post(["scans", id, "launch"]).json(&body).label("launch").send().await?.json()?`.
//!
//! A request that changes something is sent again only if it is known not to have been processed; see [`retry`].
//! In a dry run such a request is never sent: it ends as [`Detail::Planned`], whatever command asked for it.

mod answer;
pub mod auth;
pub mod connection;
pub mod download;
mod request;
pub mod retry;
mod scrub;
pub mod trace;
pub mod upload;
mod writes;

use std::cell::{OnceCell, RefCell};
use std::rc::Rc;
use std::time::{Duration, Instant};

use reqwest::header::{HeaderMap, HeaderName, HeaderValue, SET_COOKIE};
use reqwest::{Client, Method, StatusCode};
use tokio::sync::Semaphore;

use crate::error::{Detail, Error, Lost, Result, VendorAnswer};
use crate::exit::Exit;
use crate::poll;
use crate::secret::Secret;
use answer::{Broken, Received, Refusal, exchange};
use auth::{Auth, Live, SessionRequest};
use connection::{Connection, Trust};
use request::Body;
use retry::{Event, Repeat, Verdict};
use scrub::Needles;

pub use answer::Answer;
pub use request::Request;
pub use writes::{Task, Writes};

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
        let prepared = request.prepare(credentials)?;
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
                    received.body = self.needles(request).strike_before_reading(received.body);
                    self.log(request, &received, sent);
                    match received.classify(self, request, sent) {
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
            match retry::verdict_of(request.repeat, event, problem.vendor.throttled) {
                Verdict::Again(exit) => {
                    let wanted = problem.wanted_pause();
                    let pause = retry::pause_of(attempt, wanted, fastrand::f64());
                    let in_time = pause < deadline.saturating_duration_since(Instant::now());
                    if attempt >= retry::ATTEMPTS || !in_time {
                        let error = self.failure(request, exit, Detail::Plain, problem).with_retry_after(wanted);
                        return Err(error.or_hint(|| self.advice(event, exit, wanted)).into());
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
                Verdict::Failed(exit) => {
                    let error = self.failure(request, exit, Detail::Plain, problem);
                    return Err(error.or_hint(|| self.advice(event, exit, None)).into());
                }
                Verdict::Done => {
                    let exit = problem.vendor.exit.unwrap_or(Exit::Internal);
                    return Err(self.failure(request, exit, Detail::Refused, problem).into());
                }
            }
        }
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
        if let Some(hint) = problem.vendor.hint {
            error = error.hint(hint);
        }
        error
    }

    /// What to do now, where the vendor does not say it.
    fn advice(&self, event: Event, exit: Exit, wanted: Option<Duration>) -> String {
        const LATER: &str = "try again later, or with a smaller `max_concurrency` of the profile";
        match (event, wanted) {
            (_, Some(wanted)) if wanted > Duration::from_secs(24 * 60 * 60) => {
                "the vendor asks to wait more than a day before the next try".to_owned()
            }
            (_, Some(wanted)) if wanted > Duration::ZERO => {
                format!("the vendor asks to wait {:.0} s before the next try", wanted.as_secs_f64().ceil())
            }
            (Event::NoConnection | Event::Certificate, _) => format!(
                "check `base_url`, `proxy` and `ca_file` of profile `{0}`: `scanctl profiles check -p {0}`",
                self.profile
            ),
            (Event::NoAnswer, _) => {
                "the server was reached, and its answer did not come whole: try again later; if that \
                                     does not help, give the profile a longer `timeout`, or look at what stands between"
                    .to_owned()
            }
            (Event::Unreadable, _) => {
                "is `base_url` the API's own address, and not that of something before it?".to_owned()
            }
            (Event::Status(_), _) if exit == Exit::Limited => LATER.to_owned(),
            (Event::Status(_), _) => "the fault is at the server's end: try again later".to_owned(),
        }
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
