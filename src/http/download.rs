//! A body that is too large to hold: it is handed on as it comes.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::stream::{self, LocalBoxStream, StreamExt as _};

use super::{auth, connection};
use crate::error::{Error, Result};
use crate::exit::Exit;
use crate::secret::Secret;

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

/// Strikes secrets out of bytes that come in pieces: as many are held back as may be the beginning of one.
#[derive(Debug, Default)]
pub(super) struct Scrubber {
    secrets: Vec<Secret>,
    held: Bytes,
}

impl Scrubber {
    /// For these secrets.
    pub(super) fn new(secrets: Vec<Secret>) -> Self {
        Self { secrets, held: Bytes::new() }
    }

    fn pass(&mut self, chunk: Bytes) -> Bytes {
        let whole = if self.held.is_empty() {
            chunk
        } else {
            let mut whole = BytesMut::with_capacity(self.held.len() + chunk.len());
            whole.extend_from_slice(&self.held);
            whole.extend_from_slice(&chunk);
            whole.freeze()
        };
        let mut whole = auth::scrub_body(whole, &self.secrets);
        let held = auth::held_back(&whole, &self.secrets);
        self.held = whole.split_off(whole.len() - held);
        whole
    }

    fn rest(&mut self) -> Bytes {
        std::mem::take(&mut self.held)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scrubbed(pieces: &[&str], secrets: &[&str]) -> String {
        let mut scrubber = Scrubber::new(secrets.iter().map(|secret| Secret::new(*secret)).collect());
        let mut out = Vec::new();
        for piece in pieces {
            out.extend_from_slice(&scrubber.pass(Bytes::copy_from_slice(piece.as_bytes())));
        }
        out.extend_from_slice(&scrubber.rest());
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_secret_that_comes_in_two_pieces_is_struck_out() {
        let secret = "abcdefghijklmnop";
        let text = format!("before {secret} after, and abcdefg");
        for at in 0..text.len() {
            let (left, right) = text.split_at(at);
            assert_eq!(scrubbed(&[left, right], &[secret]), "before (redacted) after, and abcdefg", "{at}");
        }
        let bytes: Vec<&str> = text.split_inclusive(|_| true).collect();
        assert_eq!(scrubbed(&bytes, &[secret]), "before (redacted) after, and abcdefg");
        assert_eq!(scrubbed(&[&text], &[]), text);
    }
}
