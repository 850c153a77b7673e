//! Bytes on their way out, in large pieces.
//!
//! A document is written in thousands of small steps. None of them can fail here: a failure is kept, and told once a
//! finding ([`Out::settle`]).

use std::fmt;
use std::io::{self, Write};

use jiff::Timestamp;

use crate::error::{Error, Result};
use crate::exit::Exit;
use crate::output::safe::{cell, json_text};

/// How much is written at once, in bytes.
const PIECE: usize = 64 * 1024;

/// Where a document goes.
pub(super) struct Out {
    out: Box<dyn Write + Send>,
    buffer: Vec<u8>,
    failure: Option<io::Error>,
}

impl Out {
    /// Into this.
    pub(super) fn new(out: Box<dyn Write + Send>) -> Self {
        Self { out, buffer: Vec::with_capacity(PIECE), failure: None }
    }

    /// Takes bytes as they are.
    #[inline]
    pub(super) fn push(&mut self, bytes: &[u8]) {
        if bytes.len() > PIECE - self.buffer.len() {
            self.push_much(bytes);
        } else {
            self.buffer.extend_from_slice(bytes);
        }
    }

    fn push_much(&mut self, bytes: &[u8]) {
        self.hand_on();
        if bytes.len() < PIECE {
            self.buffer.extend_from_slice(bytes);
        } else if self.failure.is_none() {
            self.failure = self.out.write_all(bytes).err();
        }
    }

    fn hand_on(&mut self) {
        if self.failure.is_none() {
            self.failure = self.out.write_all(&self.buffer).err();
        }
        self.buffer.clear();
    }

    /// Whether everything could be written so far.
    ///
    /// # Errors
    /// Exit 1, or the error that the place itself gave.
    pub(super) fn settle(&mut self) -> Result<()> {
        match self.failure.take() {
            None => Ok(()),
            Some(failure) => Err(failure
                .downcast::<Error>()
                .unwrap_or_else(|failure| Error::new(Exit::Internal, format!("cannot write the findings: {failure}")))),
        }
    }

    /// Hands on all that is held back.
    ///
    /// # Errors
    /// As for [`Self::settle`].
    pub(super) fn flush(&mut self) -> Result<()> {
        self.hand_on();
        if self.failure.is_none() {
            self.failure = self.out.flush().err();
        }
        self.settle()
    }

    /// A number as JSON writes it; `null` where it has no notation.
    pub(super) fn number(&mut self, number: impl serde::Serialize) {
        // Writing here cannot fail.
        let _infallible = serde_json::to_writer(self, &number);
    }

    /// Anything without special characters: an id, a time.
    pub(super) fn plain(&mut self, value: impl fmt::Display) {
        let _infallible = write!(self, "{value}");
    }

    /// Text in quotes, as JSON wants it.
    #[inline]
    pub(super) fn json(&mut self, text: &str) {
        self.push(b"\"");
        json_text(text, |bytes| self.push(bytes));
        self.push(b"\"");
    }

    /// One CSV cell.
    #[inline]
    pub(super) fn cell(&mut self, text: &str) {
        cell(text, |bytes| self.push(bytes));
    }
}

impl Write for Out {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.push(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A time that has a notation in RFC 3339, which knows no years before the first.
pub(super) fn time(time: Option<Timestamp>) -> Option<Timestamp> {
    const FIRST_YEAR: i64 = -62_135_596_800;
    time.filter(|time| time.as_second() >= FIRST_YEAR)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::sample::Shared;
    use super::*;

    fn written(write: impl FnOnce(&mut Out)) -> String {
        let shared = Shared::default();
        let mut out = Out::new(Box::new(shared.clone()));
        write(&mut out);
        out.flush().unwrap();
        shared.text()
    }

    #[test]
    fn a_place_that_fails_is_told_once_and_its_own_error_is_kept() {
        struct Full;
        impl Write for Full {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::Error::other(Error::new(Exit::Network, "gone")))
            }

            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let mut out = Out::new(Box::new(Full));
        out.push(b"small");
        out.settle().unwrap();
        out.push(&[b'x'; 2 * PIECE]);
        assert_eq!(out.settle().unwrap_err().exit(), Exit::Network);
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn large_and_small_pieces_keep_their_order(sizes in proptest::collection::vec(0usize..2 * PIECE, 0..6)) {
            let text: Vec<String> = sizes.iter().enumerate().map(|(at, size)| at.to_string().repeat(*size)).collect();
            let result = written(|out| text.iter().for_each(|text| out.push(text.as_bytes())));
            prop_assert_eq!(result, text.concat());
        }
    }
}
