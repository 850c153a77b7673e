//! NessusClientData_v2 into findings, on every core and in bounded memory.
//!
//! Workers take turns at the source: one cuts the next block of whole hosts off it ([`cutter`]), lets go of the source
//! and reads the block ([`entry`]), waits until every block before was delivered, and delivers. So hosts are read at
//! the same time while the sink sees them in the report's order and never two at once, and what is held is a few blocks,
//! whatever the size of the report.
//!
//! Not for: what the bytes are before they are XML ([`super::sniff`]).

mod cutter;
mod entry;
mod markup;
mod outside;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::io::Read;
use std::num::NonZero;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use self::cutter::{Block, Cutter, Piece, Sizes};
use self::entry::{Entries, Reading};
use super::{Decoded, Emitter};
use crate::error::{Error, Result};

/// More workers would only wait for the sink.
const MOST_WORKERS: usize = 4;

/// Reads a document to its end, or to where it is broken.
///
/// # Errors
/// Those of the sink. What is wrong with the document is in what comes back, because it comes after findings.
pub(super) fn decode(source: impl Read + Send, emitter: Emitter<'_>) -> Result<Decoded> {
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    // One more than cores: where blocks differ, as those of real hosts do, one of them waits for its turn to deliver.
    run(source, emitter, (cores + 1).min(MOST_WORKERS), Sizes::default())
}

/// Makes the allocator of most Linux systems keep what blocks and their texts take turns in. It gives back what is free at
/// the end of its memory, a little at a time, and then each block's memory is zeroed anew. From the largest piece that was
/// mapped and freed it learns how much to keep; elsewhere this does nothing.
fn keep_memory() {
    const LARGEST: usize = 1024 * 1024;
    drop(std::hint::black_box(Vec::<u8>::with_capacity(LARGEST)));
}

fn run(source: impl Read + Send, emitter: Emitter<'_>, workers: usize, sizes: Sizes) -> Result<Decoded> {
    keep_memory();
    let shared = Shared {
        reading: Reading { needs: emitter.needs(), most: sizes.rows },
        cutting: Mutex::new(Cutting { cutter: Cutter::new(source, sizes), next: 0 }),
        turn: Mutex::new(Turn { next: 0, emitter, replaced: 0, problem: None, failure: None }),
        delivered: Condvar::new(),
        stopped: AtomicBool::new(false),
    };
    thread::scope(|scope| {
        for _ in 1..workers {
            // Without a thread the work is done by those that there are.
            if thread::Builder::new().name("decode".to_owned()).spawn_scoped(scope, || shared.work()).is_err() {
                break;
            }
        }
        shared.work();
    });
    let Turn { emitter, replaced, problem, failure, .. } =
        shared.turn.into_inner().unwrap_or_else(PoisonError::into_inner);
    match failure {
        Some(failure) => Err(failure),
        None => Ok(Decoded { replaced, problem, ..emitter.decoded() }),
    }
}

/// What the workers share.
struct Shared<'s, R> {
    reading: Reading,
    cutting: Mutex<Cutting<R>>,
    turn: Mutex<Turn<'s>>,
    /// A block was delivered, or nothing more will be.
    delivered: Condvar,
    stopped: AtomicBool,
}

struct Cutting<R> {
    cutter: Cutter<R>,
    /// The number of the next piece.
    next: u64,
}

struct Turn<'s> {
    /// The number of the piece that is delivered next.
    next: u64,
    emitter: Emitter<'s>,
    /// Characters that were replaced.
    replaced: u64,
    /// What is wrong with the document.
    problem: Option<Error>,
    /// What the sink said.
    failure: Option<Error>,
}

/// Of a worker that panicked nothing is used any more: where that does not end the program, the panic is the caller's.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<R: Read> Shared<'_, R> {
    fn work(&self) {
        let _guard = Guard(self);
        let mut spare = Vec::new();
        loop {
            let mut cutting = lock(&self.cutting);
            if cutting.cutter.has_ended() || self.stopped.load(Ordering::Relaxed) {
                return;
            }
            let number = cutting.next;
            cutting.next += 1;
            let piece = cutting.cutter.next(std::mem::take(&mut spare));
            let replaced = std::mem::take(&mut cutting.cutter.replaced);
            // Two very large rows at once would take twice the memory.
            let is_large = matches!(&piece, Piece::Block(block) if block.is_large(cutting.cutter.sizes));
            let alone = is_large.then_some(cutting);
            match piece {
                Piece::Block(block) => {
                    if !self.block(number, &block, replaced) {
                        return;
                    }
                    if alone.is_none() {
                        spare = block.into_buffer();
                    }
                }
                Piece::End(problem) => {
                    self.deliver(number, true, |turn| {
                        turn.replaced += replaced;
                        turn.problem = problem;
                        false
                    });
                    return;
                }
            }
        }
    }

    /// Reads and delivers a block; false if nothing is to follow.
    fn block(&self, number: u64, block: &Block, mut replaced: u64) -> bool {
        let text = match simdutf8::basic::from_utf8(block.bytes()) {
            Ok(text) => Cow::Borrowed(text),
            Err(_) => String::from_utf8_lossy(block.bytes()),
        };
        let source = lock(&self.turn).emitter.origin().source;
        let mut entries = Entries::new(&text, self.reading, block.continues, block.is_part);
        loop {
            let goes_on = entries.read();
            replaced += entries.replaced();
            let mut ids: Vec<_> = entries
                .entries
                .iter()
                .map(|entry| super::EntryIds::new(source, &entry.host, &entry.rows, |row| entries.evidence(entry, row)))
                .collect();
            let mut read = entries.problem.as_ref().map_or(text.len(), |problem| problem.at);
            if !goes_on && let Cow::Owned(_) = text {
                let strange;
                (read, strange) = in_bytes(block.bytes(), read);
                replaced += strange.saturating_sub(in_bytes(block.head(), block.head().len()).1);
            }
            let replaced = std::mem::take(&mut replaced);
            let was_taken = self.deliver(number, !goes_on, |turn| {
                turn.replaced += replaced;
                for (entry, ids) in entries.entries.iter().zip(&mut ids) {
                    if let Err(failure) = turn.emitter.entry(&entry.host, &entry.rows, ids) {
                        turn.failure = Some(failure);
                        return false;
                    }
                }
                match &entries.problem {
                    // Why it ends too early is the next piece.
                    Some(problem) if block.cut_off && problem.what.is_none() => true,
                    Some(problem) => {
                        turn.problem = Some(cutter::malformed(problem, block.place(read)));
                        false
                    }
                    None => true,
                }
            });
            if !(was_taken && goes_on) {
                return was_taken;
            }
        }
    }

    /// Does a thing when it is its turn, and ends the turn if that was all of it; false if nothing is to follow.
    fn deliver(&self, number: u64, is_all: bool, act: impl FnOnce(&mut Turn<'_>) -> bool) -> bool {
        let mut turn = lock(&self.turn);
        while turn.next != number && !self.stopped.load(Ordering::Relaxed) {
            turn = self.delivered.wait(turn).unwrap_or_else(PoisonError::into_inner);
        }
        if self.stopped.load(Ordering::Relaxed) {
            return false;
        }
        let goes_on = act(&mut turn);
        turn.next += u64::from(is_all);
        if !goes_on {
            self.stopped.store(true, Ordering::Relaxed);
        }
        drop(turn);
        self.delivered.notify_all();
        goes_on
    }
}

/// Lets nobody wait for a worker that panicked: its turn would never come.
struct Guard<'w, 's, R>(&'w Shared<'s, R>);

impl<R> Drop for Guard<'_, '_, R> {
    fn drop(&mut self) {
        if thread::panicking() {
            // With the lock, so that nobody is between looking and waiting.
            let turn = lock(&self.0.turn);
            self.0.stopped.store(true, Ordering::Relaxed);
            drop(turn);
            self.0.delivered.notify_all();
        }
    }
}

/// The place in a block's bytes of a place in its text, and how many bytes and sequences before it are no UTF-8 and were
/// replaced.
fn in_bytes(block: &[u8], place: usize) -> (usize, u64) {
    let (mut in_text, mut in_bytes, mut strange) = (0, 0, 0);
    for chunk in block.utf8_chunks() {
        let valid = chunk.valid().len();
        if chunk.invalid().is_empty() || in_text + valid >= place {
            break;
        }
        in_text += valid + char::REPLACEMENT_CHARACTER.len_utf8();
        in_bytes += valid + chunk.invalid().len();
        strange += 1;
    }
    (in_bytes + place.saturating_sub(in_text), strange)
}
