//! A download as something to read from, and what it means when reading fails.

use std::io::{self, Read};

use bytes::{Buf as _, Bytes};
use tokio::sync::mpsc::{self, Receiver, Sender};

use crate::error::Error;
use crate::exit::Exit;

/// What to do about a report that ends too early.
pub(super) const CUT_OFF_HINT: &str = "what was complete was read; fetch the report again for the rest";

/// The reading end of a bounded channel of byte chunks, whose borders mean nothing. For a blocking thread.
///
/// An error sent through the channel is the report's end and comes out as [`super::Decoded::problem`] unchanged. A
/// sender that is dropped ends the report: whether that is too early the report itself tells.
#[derive(Debug)]
pub struct Chunks {
    receiver: Receiver<Result<Bytes, Error>>,
    chunk: Bytes,
}

impl Chunks {
    /// A channel that holds at most this many chunks: its bound lets a slow reader slow the download.
    pub fn channel(bound: usize) -> (Sender<Result<Bytes, Error>>, Self) {
        let (sender, receiver) = mpsc::channel(bound);
        (sender, Self { receiver, chunk: Bytes::new() })
    }

    /// The next chunk as it was sent, for sources whose chunks mean something; `None` at the end.
    pub fn next_chunk(&mut self) -> Option<Result<Bytes, Error>> {
        self.receiver.blocking_recv()
    }
}

impl Read for Chunks {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.chunk.is_empty() {
            match self.receiver.blocking_recv() {
                Some(Ok(chunk)) => self.chunk = chunk,
                Some(Err(error)) => return Err(io::Error::other(error)),
                None => return Ok(0),
            }
        }
        let count = buffer.len().min(self.chunk.len());
        self.chunk.copy_to_slice(buffer.get_mut(..count).unwrap_or_default());
        Ok(count)
    }
}

/// What a failed read means: the network's own error, that of a file, or a compressed report that ends too early.
pub(super) fn read_failure(failure: io::Error) -> Error {
    // The system's own errors are those of files: what a vendor sends comes with an error of its own.
    let of_file = |failure: &io::Error| Error::new(Exit::Internal, format!("reading failed: {failure}"));
    if failure.raw_os_error().is_some() {
        return of_file(&failure);
    }
    match failure.kind() {
        io::ErrorKind::UnexpectedEof => Error::bad_data("the report is cut off").hint(CUT_OFF_HINT),
        io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput => {
            Error::bad_data(format!("the report cannot be unpacked: {failure}"))
        }
        _ => failure.downcast::<Error>().unwrap_or_else(|failure| of_file(&failure)),
    }
}
