//! How much may come out of what is packed, whatever its headers say: an archive made to fill memory or time ends here.
//!
//! Not for: how large a part of a report may be, which its reader says.

use std::io::{self, ErrorKind, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// No packed report is larger when unpacked.
const LARGEST_UNPACKED: u64 = 64 << 30;
/// From here on the ratio is looked at.
const UNSUSPICIOUS: u64 = 256 << 20;
/// No report packs better than this.
const LARGEST_RATIO: u64 = 500;

/// Counts what was unpacked against what was packed.
#[derive(Debug)]
pub struct Bound {
    packed: Arc<AtomicU64>,
    unpacked: u64,
    unsuspicious: u64,
}

impl Bound {
    /// For what is unpacked from a source, which is to be read through what comes with it.
    pub(super) fn on<R: Read>(source: R) -> (Counted<R>, Self) {
        let packed = Arc::new(AtomicU64::new(0));
        let counted = Counted { source, count: Arc::clone(&packed) };
        (counted, Self { packed, unpacked: 0, unsuspicious: UNSUSPICIOUS })
    }

    /// For what is unpacked from so many bytes, of which some may be unpacked again and again.
    pub fn of(packed: u64) -> Self {
        Self { packed: Arc::new(AtomicU64::new(packed)), unpacked: 0, unsuspicious: UNSUSPICIOUS }
    }

    /// So many bytes more were unpacked, whether anybody wants them or not.
    ///
    /// # Errors
    /// `InvalidData` where that is more than a report can be.
    pub fn count(&mut self, bytes: usize) -> io::Result<()> {
        self.unpacked += bytes as u64;
        let ratio = self.unpacked / self.packed.load(Ordering::Relaxed).max(1);
        if self.unpacked > LARGEST_UNPACKED || (self.unpacked > self.unsuspicious && ratio > LARGEST_RATIO) {
            return Err(io::Error::new(ErrorKind::InvalidData, "it unpacks to more than any report holds"));
        }
        Ok(())
    }

    /// With another size from which on the ratio is looked at.
    #[cfg(test)]
    pub(crate) fn from(mut self, unsuspicious: u64) -> Self {
        self.unsuspicious = unsuspicious;
        self
    }
}

/// Counts what is read.
pub(super) struct Counted<R> {
    source: R,
    count: Arc<AtomicU64>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.source.read(buffer)?;
        self.count.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}

/// Something unpacked that ends where it is more than a report can be.
pub(super) struct Bounded<R> {
    source: R,
    bound: Bound,
}

impl<R> Bounded<R> {
    /// `source` unpacks what the bound is on.
    pub(super) fn new(source: R, bound: Bound) -> Self {
        Self { source, bound }
    }
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.source.read(buffer)?;
        self.bound.count(count)?;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_unpacks_too_well_ends() {
        let (mut counted, bound) = Bound::on(io::repeat(b' ').take(1 << 20));
        io::copy(&mut counted, &mut io::sink()).unwrap();
        let mut endless = Bounded::new(io::repeat(b' '), bound);
        let mut buffer = vec![0; 1 << 20];
        let mut read = 0;
        let problem = loop {
            match endless.read(&mut buffer) {
                Ok(count) => read += count as u64,
                Err(problem) => break problem,
            }
        };
        assert_eq!(problem.kind(), ErrorKind::InvalidData);
        assert!(read <= (LARGEST_RATIO + 2) << 20, "{read}");
    }
}
