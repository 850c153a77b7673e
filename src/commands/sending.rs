//! Sending a changing request: what a signal does to it, and how a lost answer is settled by reading back.

use std::future::Future;
use std::time::Duration;

use tokio::time::timeout;

use crate::backends::Backend;
use crate::context::Context;
use crate::error::{Error, Result};
use crate::exit::Exit;
use crate::poll::{self, Pace, sleep};

/// How long a signal waits for the answer of a request that is under way.
const LAST_ANSWER: Duration = Duration::from_secs(5);
/// How long a lost answer is looked for.
pub const READ_BACK: Duration = Duration::from_secs(30);
/// How long one look may take after a signal that came before it.
const LAST_LOOK: Duration = Duration::from_secs(3);
/// The longest pause between two looks for a lost answer.
pub const READ_BACK_PAUSE: Duration = Duration::from_secs(10);

/// Runs the part of a command that may send a changing request.
///
/// After a signal no such request begins. One that is under way gets a few seconds for its answer; without one, nobody
/// knows what became of it.
///
/// # Errors
/// What the work says; the signal's own code where nothing was under way; exit 15 where the answer did not come.
pub async fn guarded<T>(context: &Context, work: impl Future<Output = Result<T>>) -> Result<T> {
    let task = context.writes.task();
    let mut work = std::pin::pin!(context.writes.within(task, work));
    let signal = tokio::select! {
        biased;
        result = &mut work => return result,
        signal = context.interrupt.first() => signal,
    };
    context.writes.close(signal);
    if !context.writes.is_in_flight(task) {
        return Err(Error::new(signal, "interrupted; nothing was sent"));
    }
    context
        .ui
        .status(&format!("interrupted; waiting up to {} s for the answer to what was sent", LAST_ANSWER.as_secs()));
    match timeout(LAST_ANSWER, work).await {
        Ok(result) => result,
        Err(_elapsed) => Err(Error::new(
            Exit::UnknownOutcome,
            "interrupted while a changing request was under way, and its answer did not come",
        )
        .hint("look with `scanctl status` or `scanctl list` before doing it again")),
    }
}

/// What looking came to.
#[derive(Debug)]
pub enum Looked<T> {
    /// A look settled the matter.
    Found(T),
    /// At least one look came through, and none settled the matter.
    Nothing,
    /// No look came through.
    Unread,
}

/// Looks again and again, until a look settles the matter, the time is up, or a signal comes. Failed looks count as
/// looks that settle nothing. After a signal that came before, there is one look, and a short one.
pub async fn look_until<T, F>(
    context: &Context,
    backend: &dyn Backend,
    patience: Duration,
    longest: Duration,
    mut look: impl FnMut() -> F,
) -> Looked<T>
where
    F: Future<Output = Result<Option<T>>>,
{
    let interrupted = context.interrupt.received().is_some();
    let signal = async || if interrupted { context.interrupt.second().await } else { context.interrupt.first().await };
    let deadline = poll::now() + if interrupted { LAST_LOOK } else { patience };
    let mut ended = Looked::Unread;
    let first = if backend.is_loopback() { Duration::from_millis(200) } else { Duration::from_secs(2) };
    let mut pace = Pace::new(first, longest);
    let left = || deadline.saturating_duration_since(poll::now());
    loop {
        let looked = tokio::select! {
            biased;
            _ = signal() => return ended,
            looked = timeout(left(), look()) => looked,
        };
        match looked {
            Err(_elapsed) => return ended,
            Ok(Ok(Some(found))) => return Looked::Found(found),
            Ok(Ok(None)) => ended = Looked::Nothing,
            Ok(Err(problem)) => tracing::debug!(problem = %problem.one_line(), "a look failed"),
        }
        if interrupted || left().is_zero() {
            return ended;
        }
        tokio::select! {
            biased;
            _ = signal() => return ended,
            () = sleep(pace.pause().min(left())) => {}
        }
    }
}
