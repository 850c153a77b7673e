//! A number for each of very many keys: a map of pages that moves to a temporary file when it is large, so that it takes
//! the same memory however many keys there are.
//!
//! A key's page is told by the first bits of its hash. When a page is full the map gets twice the pages, and each old one
//! is shared out to two: in order, so that a growing file is read and written from beginning to end. A change reads one
//! page and writes it, whatever the size. The hash is another one in every call, so that nobody can choose keys that
//! all want the same page.

use std::fs::File;
use std::hash::{BuildHasher as _, RandomState};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};

/// Bytes of a page: how many slots are used, then those.
const PAGE: usize = 4096;
/// A key and its number.
const SLOT: usize = 12;
const USED: usize = 4;
const SLOTS: usize = (PAGE - USED) / SLOT;
/// A map of more pages is a file: 4 MiB.
const MOST_IN_MEMORY: usize = 1024;

/// Keys with their numbers.
#[derive(Debug)]
pub(super) struct PagedMap {
    pages: Pages,
    /// How many bits of a hash tell the page.
    bits: u32,
    hashing: RandomState,
    /// How many pages may be in memory.
    in_memory: usize,
}

impl Default for PagedMap {
    fn default() -> Self {
        Self { pages: Pages::default(), bits: 0, hashing: RandomState::new(), in_memory: MOST_IN_MEMORY }
    }
}

impl PagedMap {
    /// Gives a key the number that `change` makes of the one that it had, and tells that one.
    pub(super) fn change(&mut self, key: u64, change: impl Fn(Option<u32>) -> u32) -> io::Result<Option<u32>> {
        loop {
            let at = self.page_of(key);
            let mut page = self.pages.read(at)?;
            let known = page.slots().enumerate().find(|(_, (known, _))| *known == key);
            let before = known.map(|(_, (_, number))| number);
            let after = change(before);
            if before == Some(after) {
                return Ok(before);
            }
            if page.put(known.map(|(slot, _)| slot), key, after) {
                self.pages.write(at, &page)?;
                return Ok(before);
            }
            self.grow()?;
        }
    }

    fn page_of(&self, key: u64) -> usize {
        let hash = self.hashing.hash_one(key);
        usize::try_from(hash.checked_shr(u64::BITS - self.bits).unwrap_or_default()).unwrap_or_default()
    }

    fn grow(&mut self) -> io::Result<()> {
        let before = 1usize << self.bits;
        self.bits += 1;
        let mut pages = if before * 2 > self.in_memory { Pages::File(tempfile::tempfile()?) } else { Pages::default() };
        for at in 0..before {
            let mut halves = [Page::EMPTY; 2];
            for (key, number) in self.pages.read(at)?.slots() {
                // All of them have room, even in one half.
                let _fits = halves[self.page_of(key) % 2].put(None, key, number);
            }
            for (half, page) in halves.iter().enumerate() {
                pages.write(at * 2 + half, page)?;
            }
        }
        self.pages = pages;
        Ok(())
    }
}

/// All pages.
#[derive(Debug)]
enum Pages {
    Memory(Vec<Page>),
    File(File),
}

impl Default for Pages {
    fn default() -> Self {
        Self::Memory(Vec::new())
    }
}

impl Pages {
    /// A page that was never written is empty.
    fn read(&mut self, at: usize) -> io::Result<Page> {
        match self {
            Self::Memory(pages) => Ok(pages.get(at).cloned().unwrap_or(Page::EMPTY)),
            Self::File(file) => {
                let mut page = Page::EMPTY;
                file.seek(SeekFrom::Start((at * PAGE) as u64))?;
                file.read_exact(&mut page.0)?;
                Ok(page)
            }
        }
    }

    fn write(&mut self, at: usize, page: &Page) -> io::Result<()> {
        match self {
            Self::Memory(pages) => {
                match pages.get_mut(at) {
                    Some(place) => place.clone_from(page),
                    None => pages.push(page.clone()),
                }
                Ok(())
            }
            Self::File(file) => {
                file.seek(SeekFrom::Start((at * PAGE) as u64))?;
                file.write_all(&page.0)
            }
        }
    }
}

#[derive(Debug, Clone)]
struct Page([u8; PAGE]);

impl Page {
    const EMPTY: Self = Self([0; PAGE]);

    fn used(&self) -> usize {
        let [low, high, ..] = self.0;
        usize::from(u16::from_le_bytes([low, high])).min(SLOTS)
    }

    fn slots(&self) -> impl Iterator<Item = (u64, u32)> {
        self.0[USED..].chunks_exact(SLOT).take(self.used()).map(|slot| {
            let (mut key, mut number) = ([0; 8], [0; 4]);
            key.copy_from_slice(&slot[..8]);
            number.copy_from_slice(&slot[8..]);
            (u64::from_le_bytes(key), u32::from_le_bytes(number))
        })
    }

    /// Puts a key into a slot, or else into one more; false where there is none.
    fn put(&mut self, slot: Option<usize>, key: u64, number: u32) -> bool {
        let used = self.used();
        let at = slot.unwrap_or(used);
        if at >= SLOTS {
            return false;
        }
        let bytes = &mut self.0[USED + at * SLOT..][..SLOT];
        bytes[..8].copy_from_slice(&key.to_le_bytes());
        bytes[8..].copy_from_slice(&number.to_le_bytes());
        let used = u16::try_from(used.max(at + 1)).unwrap_or_default();
        self.0[..2].copy_from_slice(&used.to_le_bytes());
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_change_is_kept_however_many_keys_there_are() {
        let mut map = PagedMap { in_memory: 4, ..PagedMap::default() };
        // Neighbours, as no digest makes them, are spread like any others.
        let many = 20 * SLOTS as u64;
        for round in 0..2 {
            for key in 0..many {
                let before = map.change(key, |before| before.map_or(7, |before| before + 1)).unwrap();
                assert_eq!(before, (round > 0).then_some(7));
            }
        }
        assert!(matches!(map.pages, Pages::File(_)));
        let mut look = |key| map.change(key, Option::unwrap_or_default).unwrap();
        assert_eq!((look(0), look(many - 1), look(many)), (Some(8), Some(8), None));
    }

    #[test]
    fn few_keys_stay_in_memory() {
        let mut map = PagedMap::default();
        assert!((0..2000).all(|key| map.change(key, |_| 1).unwrap().is_none()));
        assert!((0..2000).all(|key| map.change(key, |_| 2).unwrap() == Some(1)));
        assert!(matches!(map.pages, Pages::Memory(_)));
    }
}
