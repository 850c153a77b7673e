//! The one error type below the commands: what failed, its exit code, what to do now, and what the vendor said.

use std::fmt;
use std::time::{Duration, Instant};

use crate::exit::Exit;

/// A result with [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A failure, with everything a tired person and a script need.
///
/// Boxed, so that results stay small.
#[derive(Debug, Clone)]
pub struct Error(Box<Inner>);

#[derive(Debug, Clone)]
struct Inner {
    exit: Exit,
    message: String,
    causes: Vec<String>,
    hint: Option<String>,
    answer: VendorAnswer,
    retry_after: Option<Duration>,
    detail: Detail,
}

/// What the vendor's refusal carried, for support and for scripts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct VendorAnswer {
    /// HTTP status.
    pub status: Option<u16>,
    /// The vendor's own error code.
    pub code: Option<i64>,
    /// The vendor's own text, as received (control characters included; the printer neutralises them).
    pub text: Option<String>,
    /// The vendor's request id, which its support asks for.
    pub request_id: Option<String>,
}

/// What callers must be able to tell apart beyond the exit code.
#[derive(Debug, Clone)]
pub enum Detail {
    /// Nothing more.
    Plain,
    /// A changing request may have been processed although its answer is lost.
    Lost(Lost),
    /// A dry run reached the request that it must not send.
    Planned(PlannedRequest),
    /// The vendor answered this request with a definite refusal; nothing was changed.
    Refused,
    /// Its errors were printed already, one by one.
    Told,
    /// Several things could have been meant, or could be the run: full addresses.
    Candidates(Vec<String>),
}

/// When a lost request was sent.
#[derive(Debug, Clone, Copy)]
pub struct Lost {
    /// Just before the first byte was sent.
    pub sent: Instant,
}

/// The request that a dry run would have sent.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct PlannedRequest {
    /// HTTP method.
    pub method: String,
    /// Path and query below the profile's origin.
    pub path: String,
    /// JSON body, or null where none is sent.
    pub body: Option<serde_json::Value>,
}

impl Error {
    /// A new error; `message` is a lower-case fragment without a full stop.
    pub fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            exit,
            message: message.into(),
            causes: Vec::new(),
            hint: None,
            answer: VendorAnswer::default(),
            retry_after: None,
            detail: Detail::Plain,
        }))
    }

    /// A flag or argument that cannot be taken.
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(Exit::Usage, message)
    }

    /// A config file, profile or secret source that cannot be used.
    pub fn config(message: impl Into<String>) -> Self {
        Self::new(Exit::Config, message)
    }

    /// An answer that is not what the vendor's API promises.
    pub fn bad_data(message: impl Into<String>) -> Self {
        Self::new(Exit::BadData, message)
    }

    /// A dry run's end. A hint on it says what would follow the request.
    pub fn planned(request: PlannedRequest) -> Self {
        let message = format!("dry run: {} {} was not sent", request.method, request.path);
        Self::new(Exit::Success, message).with_detail(Detail::Planned(request))
    }

    /// Adds what to do now: a sentence or a command that works when pasted.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.0.hint = Some(hint.into());
        self
    }

    /// Adds what to do now, unless that is said already.
    #[must_use]
    pub fn or_hint(self, hint: impl FnOnce() -> String) -> Self {
        if self.0.hint.is_some() { self } else { self.hint(hint()) }
    }

    /// Adds a cause below the message.
    #[must_use]
    pub fn because(mut self, cause: impl Into<String>) -> Self {
        self.0.causes.push(cause.into());
        self
    }

    /// Puts a sentence before the message, which becomes the first cause.
    #[must_use]
    pub fn context(mut self, message: impl Into<String>) -> Self {
        let inner = std::mem::replace(&mut self.0.message, message.into());
        self.0.causes.insert(0, inner);
        self
    }

    /// Puts a name before the message: `NAME: message`.
    #[must_use]
    pub fn prefix(mut self, name: &str) -> Self {
        self.0.message = format!("{name}: {}", self.0.message);
        self
    }

    /// Replaces the exit code.
    #[must_use]
    pub fn with_exit(mut self, exit: Exit) -> Self {
        self.0.exit = exit;
        self
    }

    /// Attaches what the vendor answered.
    #[must_use]
    pub fn with_answer(mut self, answer: VendorAnswer) -> Self {
        self.0.answer = answer;
        self
    }

    /// Attaches how long the vendor asked to wait.
    #[must_use]
    pub fn with_retry_after(mut self, after: Option<Duration>) -> Self {
        self.0.retry_after = after;
        self
    }

    /// Attaches what callers must tell apart.
    #[must_use]
    pub fn with_detail(mut self, detail: Detail) -> Self {
        self.0.detail = detail;
        self
    }

    /// The exit code.
    pub fn exit(&self) -> Exit {
        self.0.exit
    }

    /// What failed, in one line.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// Why, one line each, outermost first.
    pub fn causes(&self) -> &[String] {
        &self.0.causes
    }

    /// What to do now.
    pub fn hint_text(&self) -> Option<&str> {
        self.0.hint.as_deref()
    }

    /// What the vendor answered, as far as it did.
    pub fn answer(&self) -> &VendorAnswer {
        &self.0.answer
    }

    /// How long the vendor asked to wait, where it did.
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// What callers must tell apart.
    pub fn detail(&self) -> &Detail {
        &self.0.detail
    }

    /// When the request was sent whose answer is lost, if that is what happened.
    pub fn lost(&self) -> Option<Lost> {
        match self.0.detail {
            Detail::Lost(lost) => Some(lost),
            _ => None,
        }
    }

    /// Whether the vendor refused the request for certain, so that nothing was changed.
    pub fn refused(&self) -> bool {
        matches!(self.0.detail, Detail::Refused)
    }

    /// Message and causes in one line.
    pub fn one_line(&self) -> String {
        let mut line = self.0.message.clone();
        for cause in &self.0.causes {
            line.push_str(": ");
            line.push_str(cause);
        }
        line
    }
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0.message)
    }
}

impl std::error::Error for Error {}

/// How like each other two words are, from 0 to 1. Two neighbours that changed places are the same mistake in a word of
/// any length, also in one of two letters.
fn likeness(word: &str, candidate: &str) -> f64 {
    let swapped = strsim::osa_distance(word, candidate) == 1 && strsim::levenshtein(word, candidate) == 2;
    strsim::jaro_winkler(word, candidate).max(if swapped { 0.9 } else { 0.0 })
}

/// The known word nearest to a mistyped one, if it is near enough to be meant.
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    known
        .into_iter()
        .map(|candidate| (likeness(word, candidate), candidate))
        .filter(|(likeness, _)| *likeness > 0.8)
        .max_by(|left, right| left.0.total_cmp(&right.0))
        .map(|(_, candidate)| candidate)
}
