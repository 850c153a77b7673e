//! What must be remembered of the entries before, so that the next ones get ids that were not given yet: which hosts
//! there were, and how often each key was used on those that come again.
//!
//! Few hosts come again, so of a host's first entry its keys are only put down: eight bytes a finding, in a temporary file
//! once they are more than 1 MiB. Where a host comes again they move into a map ([`super::paged`]), once, and what
//! follows of it is counted there: a report whose hosts take turns costs a look into the map a row, however many hosts
//! and turns there are. What stays in memory is four bytes a
//! host, beside a few MiB of maps and lists.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::ops::Range;

use super::identity::{EntryIds, FindingId, host_key};
use super::paged::PagedMap;
use super::shape::{Details, Host, Source};
use crate::error::Error;
use crate::exit::Exit;

/// The error for a temporary file that cannot be used.
pub(super) fn untracked(problem: &io::Error) -> Error {
    Error::new(Exit::Internal, format!("cannot keep track of findings in a temporary file: {problem}"))
}

/// More remembered keys than this go to a temporary file: 1 MiB.
const MOST_IN_MEMORY: usize = 128 * 1024;

/// The hosts of a report, numbered from 0 in the order in which they first come.
#[derive(Debug, Default)]
pub(super) struct Hosts {
    /// By a hash of what tells hosts apart in ids.
    numbers: PagedMap,
    count: u32,
    /// The hash that was looked for last: rows of one host mostly come one after the other.
    latest: Option<(u64, u32)>,
}

impl Hosts {
    /// The number of a host.
    pub(super) fn number(&mut self, host: &Host<'_>) -> io::Result<u32> {
        Ok(self.number_of(&host_key(host))?.0)
    }

    /// The number of the host with this key, and whether it is the first time that it comes.
    fn number_of(&mut self, key: &str) -> io::Result<(u32, bool)> {
        let hash = FindingId::hashed(key);
        if let Some((_, number)) = self.latest.filter(|(latest, _)| *latest == hash) {
            return Ok((number, false));
        }
        let next = self.count;
        let known = self.numbers.change(hash, |known| known.unwrap_or(next))?;
        self.count += u32::from(known.is_none());
        let number = known.unwrap_or(next);
        self.latest = Some((hash, number));
        Ok((number, known.is_none()))
    }

    /// How many there are.
    pub(super) const fn len(&self) -> u64 {
        self.count as u64
    }
}

/// Some hosts of one report, by their numbers; a bit each.
#[derive(Debug, Default, Clone)]
pub struct HostSet {
    words: Vec<u64>,
    count: u64,
}

impl HostSet {
    /// Adds a host. Tells whether it was not in there.
    pub fn insert(&mut self, number: u32) -> bool {
        let (word, bit) = (number as usize / 64, 1 << (number % 64));
        if word >= self.words.len() {
            self.words.resize(word + 1, 0);
        }
        let Some(word) = self.words.get_mut(word) else { return false };
        let is_new = *word & bit == 0;
        *word |= bit;
        self.count += u64::from(is_new);
        is_new
    }

    /// How many are in there.
    pub const fn len(&self) -> u64 {
        self.count
    }

    /// Whether none is in there.
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }
}

/// What the entries before have used.
#[derive(Debug, Default)]
pub(super) struct Numbering {
    hosts: Hosts,
    /// Where in the list the keys of each host's first entry begin. They end where those of the next host begin.
    first: Vec<u32>,
    keys: Keys,
    /// Hosts that came again: their keys are in the map.
    again: HostSet,
    /// How often each of those keys was used.
    counts: PagedMap,
}

impl Numbering {
    /// Lets an entry count on where earlier entries of the same host have equal keys. The number of the host.
    pub(super) fn number(&mut self, source: Source, rows: &[Details<'_>], entry: &mut EntryIds) -> io::Result<u32> {
        let (number, is_first) = self.hosts.number_of(entry.host())?;
        if is_first {
            let start = u32::try_from(self.keys.len()).map_err(|_| io::Error::other("too many findings"))?;
            self.first.push(start);
            self.keys.add(entry.keys())?;
        } else if !rows.is_empty() {
            self.count_on(number, source, rows, entry)?;
        }
        Ok(number)
    }

    fn count_on(&mut self, number: u32, source: Source, rows: &[Details<'_>], entry: &mut EntryIds) -> io::Result<()> {
        if self.again.insert(number) {
            let begin = |number: usize| self.first.get(number).map(|begin| u64::from(*begin));
            let end = begin(number as usize + 1).unwrap_or_else(|| self.keys.len());
            let place = begin(number as usize).unwrap_or(end)..end;
            let Self { keys, counts, .. } = self;
            keys.read(place, |key| counts.change(key, |uses| more(uses, 1)).map(drop))?;
        }
        let mut order: Vec<(u64, usize)> = entry.keys().enumerate().map(|(index, key)| (key, index)).collect();
        order.sort_unstable();
        for equal in order.chunk_by(|left, right| left.0 == right.0) {
            let Some((key, _)) = equal.first() else { continue };
            let uses = u32::try_from(equal.len()).unwrap_or(u32::MAX);
            let Some(earlier) = self.counts.change(*key, |earlier| more(earlier, uses))? else { continue };
            for (_, index) in equal {
                if let Some(details) = rows.get(*index) {
                    entry.count_on(*index, earlier, source, details);
                }
            }
        }
        Ok(())
    }

    /// How many hosts there were.
    pub(super) fn hosts(&self) -> u64 {
        self.hosts.len()
    }
}

fn more(before: Option<u32>, uses: u32) -> u32 {
    before.unwrap_or_default().saturating_add(uses)
}

/// A growing list of keys, of which only the end is in memory.
#[derive(Debug, Default)]
struct Keys {
    file: Option<File>,
    /// How many are in the file.
    filed: u64,
    latest: Vec<u64>,
}

impl Keys {
    fn len(&self) -> u64 {
        self.filed + self.latest.len() as u64
    }

    fn add(&mut self, keys: impl Iterator<Item = u64>) -> io::Result<()> {
        self.latest.extend(keys);
        if self.latest.len() > MOST_IN_MEMORY {
            let file = match &mut self.file {
                Some(file) => file,
                empty => empty.insert(tempfile::tempfile()?),
            };
            file.seek(SeekFrom::End(0))?;
            let mut bytes = io::BufWriter::new(file);
            self.latest.iter().try_for_each(|key| bytes.write_all(&key.to_le_bytes()))?;
            bytes.flush()?;
            self.filed += self.latest.len() as u64;
            self.latest.clear();
        }
        Ok(())
    }

    /// Gives the keys between two places.
    fn read(&mut self, place: Range<u64>, mut take: impl FnMut(u64) -> io::Result<()>) -> io::Result<()> {
        let in_file = place.start.min(self.filed)..place.end.min(self.filed);
        if let Some(file) = self.file.as_mut().filter(|_| !in_file.is_empty()) {
            file.seek(SeekFrom::Start(in_file.start * 8))?;
            let length = (in_file.end - in_file.start) * 8;
            let room = usize::try_from(length).unwrap_or(usize::MAX).min(64 * 1024);
            let mut bytes = io::BufReader::with_capacity(room, file);
            let mut key = [0; 8];
            for _ in in_file {
                bytes.read_exact(&mut key)?;
                take(u64::from_le_bytes(key))?;
            }
        }
        let in_memory = |at: u64| usize::try_from(at.saturating_sub(self.filed)).unwrap_or(usize::MAX);
        let latest = self.latest.get(in_memory(place.start)..in_memory(place.end)).unwrap_or_default();
        latest.iter().copied().try_for_each(take)
    }
}

/// What tests of ids and of numbers share.
#[cfg(test)]
pub(super) mod testing {
    use std::borrow::Cow;

    use super::*;

    pub(in crate::findings) fn row(plugin: &'static str, port: u16, output: &'static str) -> Details<'static> {
        Details {
            plugin_id: Some(Cow::Borrowed(plugin)),
            port: Some(port),
            protocol: Some(Cow::Borrowed("tcp")),
            output: Some(Cow::Borrowed(output)),
            ..Details::default()
        }
    }

    pub(in crate::findings) fn host(fqdn: &str) -> Host<'static> {
        let fqdn = Some(fqdn.to_owned().into());
        Host { name: "target".into(), fqdn, ip: Some("192.0.2.1".into()), ..Host::default() }
    }

    pub(in crate::findings) fn expected(key: &str) -> String {
        let digest = ring::digest::digest(&ring::digest::SHA256, key.replace('|', "\u{1f}").as_bytes());
        digest.as_ref()[..16].iter().map(|byte| format!("{byte:02x}")).collect()
    }

    pub(in crate::findings) fn ids(numbering: &mut Numbering, host: &Host<'_>, rows: &[Details<'_>]) -> Vec<String> {
        let output = |index: usize| rows[index].output.as_deref().map(Cow::Borrowed);
        let mut entry = EntryIds::new(Source::Tenable, host, rows, output);
        numbering.number(Source::Tenable, rows, &mut entry).unwrap();
        entry.ids().map(|id| id.to_string()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::testing::{expected, host, ids, row};
    use super::*;

    #[test]
    fn a_host_with_a_further_entry_counts_on() {
        let numbering = &mut Numbering::default();
        let key = |suffix: &str| expected(&format!("tenable|1|a|80|tcp|{suffix}"));
        assert_eq!(ids(numbering, &host("a"), &[row("1", 80, "x")]), [key("")]);
        assert_eq!(ids(numbering, &host("b"), &[row("1", 80, "x")]), [expected("tenable|1|b|80|tcp|")]);
        let mut second = ids(numbering, &host("A"), &[row("1", 80, "x"), row("1", 80, "y"), row("9", 80, "")]);
        assert_eq!(second.pop().unwrap(), expected("tenable|9|a|80|tcp|"));
        second.sort();
        let mut wanted = [key("#2"), key("#3")];
        wanted.sort();
        assert_eq!(second, wanted);
        assert_eq!(ids(numbering, &host("b"), &[row("1", 80, "x")]), [expected("tenable|1|b|80|tcp|#2")]);
        assert_eq!(ids(numbering, &host("a"), &[row("1", 80, "x")]), [key("#4")]);
        assert_eq!(numbering.hosts(), 2);
    }

    #[test]
    fn hosts_without_rows_count_and_use_no_key() {
        let numbering = &mut Numbering::default();
        for name in ["a", "b", "a", "c"] {
            ids(numbering, &host(name), &[]);
        }
        assert_eq!(numbering.hosts(), 3);
        assert_eq!(ids(numbering, &host("b"), &[row("1", 80, "x")]), [expected("tenable|1|b|80|tcp|")]);
        assert_eq!(ids(numbering, &host("b"), &[row("1", 80, "x")]), [expected("tenable|1|b|80|tcp|#2")]);
    }

    /// Only what came first is put down: what an entry costs does not grow with those before it.
    #[test]
    fn hosts_that_take_turns_are_counted_on_wherever_their_keys_are() {
        const HOSTS: usize = 20;
        const PORTS: u16 = 100;
        let numbering = &mut Numbering::default();
        let hosts: Vec<Host<'_>> = (0..HOSTS).map(|number| host(&format!("h{number}"))).collect();
        for port in 0..PORTS {
            for host in &hosts {
                let mut entry = EntryIds::new(Source::Tenable, host, &[row("1", port, "")], |_| None);
                numbering.number(Source::Tenable, &[row("1", port, "")], &mut entry).unwrap();
            }
        }
        assert_eq!((numbering.hosts(), numbering.keys.len()), (HOSTS as u64, HOSTS as u64));
        for (name, port, suffix) in [("h0", 0, "#2"), ("h7", 99, "#2"), ("h7", 99, "#3"), ("h19", 100, "")] {
            let wanted = expected(&format!("tenable|1|{name}|{port}|tcp|{suffix}"));
            assert_eq!(ids(numbering, &host(name), &[row("1", port, "")]), [wanted], "{name} {port}");
        }
    }

    #[test]
    fn keys_outlive_memory() {
        let mut keys = Keys::default();
        let many = MOST_IN_MEMORY as u64;
        for added in [0..10, 10..many, many..many + 5, many + 5..many + 8] {
            keys.add(added).unwrap();
        }
        assert!(keys.file.is_some() && keys.filed == many + 5 && keys.latest.len() == 3);
        for wanted in [0..10, 10..many, many - 5..many + 8, many + 5..many + 8, 7..7] {
            let mut seen = Vec::new();
            keys.read(wanted.clone(), |key| {
                seen.push(key);
                Ok(())
            })
            .unwrap();
            assert!(seen.into_iter().eq(wanted));
        }
    }

    #[test]
    fn a_set_has_each_host_once() {
        let mut set = HostSet::default();
        assert!(set.is_empty());
        let told: Vec<bool> = [3, 64, 3, 0, 64, 1000].into_iter().map(|number| set.insert(number)).collect();
        assert_eq!((told, set.len()), (vec![true, true, false, true, false, true], 4));
    }
}
