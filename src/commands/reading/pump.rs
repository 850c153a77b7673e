//! A download and the thread that reads it, side by side: bytes go through a bounded channel, so that a slow reader slows
//! the download and nothing holds the report.
//!
//! Decoding and writing block, so they have a thread of their own; the network and signals stay with the caller's.

use std::io::{self, Read};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::Notify;
use tokio::sync::mpsc::Sender;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::backends::report::Download;
use crate::context::Context;
use crate::error::{Error, Result};
use crate::exit::Exit;
use crate::findings::Chunks;
use crate::ui::Progress;

/// How many chunks may wait for the reader: enough to overlap, few enough to stay in a cache.
const BOUND: usize = 2;
/// How long the reader may take to put its things in order after a signal, or when nobody wants more of a source that
/// says nothing.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// Says that nobody wants more of a source.
#[derive(Debug, Clone, Default)]
pub struct Enough(Arc<Notify>);

impl Enough {
    /// Says it.
    pub fn say(&self) {
        self.0.notify_one();
    }
}

/// Hands a download to a blocking thread and waits for what that makes of it. A signal ends the download: the thread
/// gets it as the source's failure. `None` if the thread did not end soon after a signal, or after it had enough.
///
/// # Errors
/// Exit 1 when the thread dies.
pub async fn download<T: Send + 'static>(
    context: &Context,
    progress: Option<&Progress>,
    mut download: Download<'_>,
    enough: &Enough,
    work: impl FnOnce(Chunks) -> T + Send + 'static,
) -> Result<Option<T>> {
    let (sender, chunks) = Chunks::channel(BOUND);
    let mut reading = tokio::task::spawn_blocking(move || work(chunks));
    let (mut received, length) = (0, download.length);
    let show = |received, ended| {
        if let Some(progress) = progress {
            progress.bytes(&context.ui, received, length, ended);
        }
    };
    show(received, false);
    let hurried = loop {
        let chunk = tokio::select! {
            biased;
            signal = context.interrupt.first() => break interrupted(&sender, signal).await,
            () = enough.0.notified() => break true,
            read = &mut reading => return finished(read).map(Some),
            chunk = download.next() => chunk,
        };
        let Some(chunk) = chunk else {
            show(received, true);
            break false;
        };
        let is_last = chunk.is_err();
        received += chunk.as_ref().map_or(0, Bytes::len) as u64;
        let sent = tokio::select! {
            biased;
            signal = context.interrupt.first() => break interrupted(&sender, signal).await,
            () = enough.0.notified() => break true,
            sent = sender.send(chunk) => sent,
        };
        show(received, is_last);
        if is_last || sent.is_err() {
            break false;
        }
    };
    drop(sender);
    wait(context, reading, hurried, enough).await
}

/// Lets a blocking thread read a local source and waits for what that makes of it. As [`download`].
///
/// # Errors
/// Exit 1 when the thread dies.
pub async fn local<T: Send + 'static>(
    context: &Context,
    source: impl Read + Send + 'static,
    enough: &Enough,
    work: impl FnOnce(Interruptible) -> T + Send + 'static,
) -> Result<Option<T>> {
    let signalled = Arc::new(OnceLock::new());
    let source = Interruptible { source: Box::new(source), signalled: Arc::clone(&signalled) };
    let mut reading = tokio::task::spawn_blocking(move || work(source));
    tokio::select! {
        biased;
        read = &mut reading => return finished(read).map(Some),
        signal = context.interrupt.first() => drop(signalled.set(signal)),
        () = enough.0.notified() => {}
    }
    wait(context, reading, true, enough).await
}

/// A local source that ends with a signal.
pub struct Interruptible {
    source: Box<dyn Read + Send>,
    signalled: Arc<OnceLock<Exit>>,
}

impl Read for Interruptible {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.signalled.get() {
            Some(signal) => Err(io::Error::other(interruption(*signal))),
            None => self.source.read(buffer),
        }
    }
}

/// What a signal makes of a source.
pub fn interruption(signal: Exit) -> Error {
    Error::new(signal, "interrupted before everything was read")
}

/// What ended a reading whose thread did not end: a signal, else nothing that is known.
pub fn abandoned(context: &Context) -> Error {
    context.interrupt.received().map_or_else(|| Error::new(Exit::Internal, "reading did not end"), interruption)
}

/// Tells the reader of a signal. It may be busy with something that nobody takes from it.
async fn interrupted(sender: &Sender<Result<Bytes>>, signal: Exit) -> bool {
    drop(timeout(LAST_WORDS, sender.send(Err(interruption(signal)))).await);
    true
}

async fn wait<T>(context: &Context, mut reading: JoinHandle<T>, hurried: bool, enough: &Enough) -> Result<Option<T>> {
    if !hurried {
        tokio::select! {
            biased;
            read = &mut reading => return finished(read).map(Some),
            _ = context.interrupt.first() => {}
            () = enough.0.notified() => {}
        }
    }
    match timeout(LAST_WORDS, reading).await {
        Ok(read) => finished(read).map(Some),
        Err(_elapsed) => Ok(None),
    }
}

fn finished<T>(read: Result<T, tokio::task::JoinError>) -> Result<T> {
    read.map_err(|problem| Error::new(Exit::Internal, format!("reading ended unexpectedly: {problem}")))
}
