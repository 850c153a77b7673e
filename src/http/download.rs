//! A body that is too large to hold: it is handed on as it comes.

use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::{self, LocalBoxStream, StreamExt as _};

use super::connection;
use super::scrub::Scrubber;
use crate::error::{Error, Result};
use crate::exit::Exit;

/// The bytes of an answer, in order. An error is the last item.
pub struct Download<'a> {
    /// How many bytes will come, where the server says so and sends them as they are.
    pub length: Option<u64>,
    chunks: LocalBoxStream<'a, Result<Bytes>>,
}

impl std::fmt::Debug for Download<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Download").field("length", &self.length).finish_non_exhaustive()
    }
}

impl<'a> Download<'a> {
    /// Bytes that come from several answers, one after the other.
    pub fn new(chunks: impl stream::Stream<Item = Result<Bytes>> + 'a) -> Self {
        Self { length: None, chunks: chunks.boxed_local() }
    }

    /// Bytes that are here already.
    pub fn whole(body: Bytes) -> Self {
        let length = Some(body.len() as u64);
        Self { length, chunks: stream::iter([Ok(body)]).boxed_local() }
    }

    /// The next bytes; `None` at the end.
    ///
    /// # Errors
    /// Exit 9 where the connection broke, or was silent for longer than the profile's `timeout`.
    pub async fn next(&mut self) -> Option<Result<Bytes>> {
        self.chunks.next().await
    }
}

/// The rest of an answer whose beginning was read.
pub(super) struct Rest {
    pub(super) response: reqwest::Response,
    pub(super) length: Option<u64>,
    /// The longest silence.
    pub(super) patience: Duration,
    /// The call, for messages.
    pub(super) what: String,
    pub(super) scrubber: Scrubber,
}

impl Rest {
    /// Beginning and rest as one stream, without secrets.
    pub(super) fn follow(self, beginning: Bytes) -> Download<'static> {
        let Self { response, length, patience, what, mut scrubber } = self;
        let received = beginning.len() as u64;
        let first = scrubber.pass(beginning);
        let state = Some((response, scrubber, received));
        let rest = stream::unfold(state, move |state| {
            let what = what.clone();
            async move {
                let (mut response, mut scrubber, received) = state?;
                let broken = |why: String| {
                    Error::new(Exit::Network, format!("the download broke off after {received} bytes: {why}"))
                        .because(what.clone())
                        .hint("nothing was changed: try again")
                };
                match tokio::time::timeout(patience, response.chunk()).await {
                    Ok(Ok(Some(chunk))) => {
                        let received = received + chunk.len() as u64;
                        Some((Ok(scrubber.pass(chunk)), Some((response, scrubber, received))))
                    }
                    Ok(Ok(None)) => Some((Ok(scrubber.rest()), None)),
                    Ok(Err(problem)) => Some((Err(broken(connection::innermost(&problem.without_url()))), None)),
                    Err(_elapsed) => {
                        Some((Err(broken(format!("no byte within {:.1} s", patience.as_secs_f64()))), None))
                    }
                }
            }
        });
        let chunks = stream::iter([Ok(first)]).chain(rest).filter(|chunk| {
            let empty = matches!(chunk, Ok(chunk) if chunk.is_empty());
            std::future::ready(!empty)
        });
        Download { length, chunks: chunks.boxed_local() }
    }
}
