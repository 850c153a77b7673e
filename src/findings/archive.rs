//! A report out of a zip archive that is read from its beginning to its end, once: a download cannot be seeked in.
//!
//! So the directory at the archive's end is not used, and sizes may stand behind a member (data descriptor). A member's
//! length and checksum are checked against what was really unpacked. Not a general zip reader.

use std::io::{self, BufRead, Cursor, ErrorKind, Read};

use flate2::{Crc, Decompress, FlushDecompress, Status};

use super::bound::Bound;
use super::sniff;

const MEMBER: [u8; 4] = *b"PK\x03\x04";
/// Begins the directory, behind the last member.
const DIRECTORY: [u8; 4] = *b"PK\x01\x02";
const DESCRIPTOR: [u8; 4] = *b"PK\x07\x08";
/// No archive has more members before its report.
const MOST_MEMBERS: usize = 1000;

/// The one report of an archive.
pub(super) struct ZipReport<R> {
    source: R,
    /// Counts all that is unpacked, the report or not.
    bound: Bound,
    /// None once the member is read and checked.
    member: Option<Member>,
    /// What of it was unpacked to tell what it is.
    head: Cursor<Vec<u8>>,
}

/// A member being read.
struct Member {
    name: String,
    /// How it is packed.
    packing: Packing,
    /// Stands behind it instead of before.
    described: bool,
    checksum: u32,
    packed_size: u64,
    size: u64,
    crc: Crc,
    packed_read: u64,
    read: u64,
}

enum Packing {
    Stored,
    Deflated(Box<Decompress>),
    /// In a way that cannot be read, and why.
    Unreadable(String),
}

fn broken(what: impl Into<String>) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, what.into())
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    bytes.get(at..at + 2).and_then(|bytes| bytes.try_into().ok()).map_or(0, u16::from_le_bytes)
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..at + 4).and_then(|bytes| bytes.try_into().ok()).map_or(0, u32::from_le_bytes)
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    bytes.get(at..at + 8).and_then(|bytes| bytes.try_into().ok()).map_or(0, u64::from_le_bytes)
}

impl<R: BufRead> ZipReport<R> {
    /// Finds the report: the first member called `.nessus`, or called `.xml` or something without an extension and
    /// beginning like one.
    pub(super) fn open(mut source: R, mut bound: Bound) -> io::Result<Self> {
        let mut others = Vec::new();
        for _ in 0..MOST_MEMBERS {
            let Some(mut member) = Member::read(&mut source)? else {
                let names = others.join(", ");
                let what = if names.is_empty() { "nothing".to_owned() } else { names };
                return Err(broken(format!("the archive holds no .nessus file, but {what}")));
            };
            if let Some(head) = member.report(&mut source, &mut bound)? {
                return match member.packing {
                    Packing::Unreadable(why) => Err(broken(why)),
                    _ => Ok(Self { source, bound, member: Some(member), head: Cursor::new(head) }),
                };
            }
            if !member.name.ends_with('/') && others.len() < 5 {
                others.push(format!("`{}`", member.name.escape_debug()));
            }
            member.skip(&mut source, &mut bound)?;
        }
        Err(broken(format!("the archive holds no .nessus file among its first {MOST_MEMBERS} members")))
    }
}

impl<R: BufRead> Read for ZipReport<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Some(member) = &mut self.member else { return Ok(0) };
        let known = self.head.read(buffer)?;
        if known > 0 || buffer.is_empty() {
            return Ok(known);
        }
        let count = member.unpack(&mut self.source, buffer)?;
        self.bound.count(count)?;
        if count == 0 {
            member.check(&mut self.source)?;
            self.member = None;
            self.no_other_report()?;
            // An archive around this one is checked at its end.
            io::copy(&mut self.source, &mut io::sink())?;
        }
        Ok(count)
    }
}

impl<R: BufRead> ZipReport<R> {
    /// Two reports in one archive cannot be told apart by who gets their findings. Where the members cannot be read as
    /// far as the directory, there may be another.
    fn no_other_report(&mut self) -> io::Result<()> {
        while let Some(mut member) = Member::read(&mut self.source)? {
            if member.report(&mut self.source, &mut self.bound)?.is_some() {
                return Err(broken(format!(
                    "the archive holds another report, `{}`: unpack it and name one",
                    member.name.escape_debug()
                )));
            }
            member.skip(&mut self.source, &mut self.bound)?;
        }
        Ok(())
    }
}

impl Member {
    /// Reads the header of the next member; none at the directory that ends the members.
    fn read(source: &mut impl BufRead) -> io::Result<Option<Self>> {
        let mut signature = [0; 4];
        source.read_exact(&mut signature)?;
        match signature {
            MEMBER => {}
            DIRECTORY => return Ok(None),
            _ => return Err(broken("a broken zip archive")),
        }
        let mut header = [0; 26];
        source.read_exact(&mut header)?;
        let flags = u16_at(&header, 2);
        let mut name = vec![0; usize::from(u16_at(&header, 22))];
        source.read_exact(&mut name)?;
        let mut extra = vec![0; usize::from(u16_at(&header, 24))];
        source.read_exact(&mut extra)?;
        let mut member = Self {
            name: String::from_utf8_lossy(&name).into_owned(),
            packing: Packing::Stored,
            described: flags & 8 != 0,
            checksum: u32_at(&header, 10),
            packed_size: u64::from(u32_at(&header, 14)),
            size: u64::from(u32_at(&header, 18)),
            crc: Crc::new(),
            packed_read: 0,
            read: 0,
        };
        member.large_sizes(&extra);
        member.packing = match u16_at(&header, 4) {
            _ if flags & 1 != 0 => Packing::Unreadable("the archive is encrypted".to_owned()),
            0 if member.described && member.packed_size == 0 && !member.name.ends_with('/') => {
                Packing::Unreadable("a stored member of the archive does not say how long it is".to_owned())
            }
            0 => Packing::Stored,
            8 => Packing::Deflated(Box::new(Decompress::new(false))),
            method => {
                Packing::Unreadable(format!("the archive is packed in a way (method {method}) that is not known"))
            }
        };
        Ok(Some(member))
    }

    /// Sizes of 4 GiB and more stand in a field of their own.
    fn large_sizes(&mut self, mut extra: &[u8]) {
        while extra.len() >= 4 {
            let (kind, length) = (u16_at(extra, 0), usize::from(u16_at(extra, 2)));
            let field = extra.get(4..4 + length).unwrap_or_default();
            if kind == 1 {
                let mut at = 0;
                for size in [&mut self.size, &mut self.packed_size] {
                    if *size == u64::from(u32::MAX) && field.len() >= at + 8 {
                        *size = u64_at(field, at);
                        at += 8;
                    }
                }
            }
            extra = extra.get(4 + length..).unwrap_or_default();
        }
    }

    /// The beginning of a report, if the member is one; its name alone may tell, and then that is empty.
    fn report(&mut self, source: &mut impl BufRead, bound: &mut Bound) -> io::Result<Option<Vec<u8>>> {
        let name = self.name.rsplit(['/', '\\']).next().unwrap_or_default().to_ascii_lowercase();
        // Archives made on a Mac carry a shadow of each file.
        if name.is_empty() || name.starts_with('.') || self.name.starts_with("__MACOSX/") {
            return Ok(None);
        }
        let unpacked = name.strip_suffix(".gz").or_else(|| name.strip_suffix(".zip")).unwrap_or(&name);
        if unpacked.ends_with(".nessus") {
            return Ok(Some(Vec::new()));
        }
        if !unpacked.ends_with(".xml") && name.contains('.') {
            return Ok(None);
        }
        // What cannot be read is not known to be none.
        if matches!(self.packing, Packing::Unreadable(_)) {
            return Ok(Some(Vec::new()));
        }
        let mut head = vec![0; sniff::HEAD];
        let mut length = 0;
        loop {
            let count = self.unpack(source, head.get_mut(length..).unwrap_or_default())?;
            bound.count(count)?;
            length += count;
            if count == 0 || length == head.len() {
                break;
            }
        }
        head.truncate(length);
        Ok(Some(head).filter(|head| sniff::may_be_report(head)))
    }

    /// Steps over a member that is not wanted. One that cannot be read must say how long it is.
    fn skip(mut self, source: &mut impl BufRead, bound: &mut Bound) -> io::Result<()> {
        if let Packing::Unreadable(why) = self.packing {
            if self.described {
                return Err(broken(why));
            }
            return match io::copy(&mut source.take(self.packed_size), &mut io::sink())? {
                count if count < self.packed_size => Err(ErrorKind::UnexpectedEof.into()),
                _ => Ok(()),
            };
        }
        let mut waste = [0; 8192];
        loop {
            let count = self.unpack(source, &mut waste)?;
            if count == 0 {
                return self.check(source);
            }
            bound.count(count)?;
        }
    }

    /// Unpacks some; 0 at the member's end.
    fn unpack(&mut self, source: &mut impl BufRead, buffer: &mut [u8]) -> io::Result<usize> {
        let count = match &mut self.packing {
            Packing::Unreadable(why) => return Err(broken(why.clone())),
            Packing::Stored => {
                let left = usize::try_from(self.packed_size - self.packed_read).unwrap_or(usize::MAX);
                if left == 0 {
                    return Ok(0);
                }
                let most = buffer.len().min(left);
                let count = source.read(&mut buffer[..most])?;
                if count == 0 {
                    return Err(ErrorKind::UnexpectedEof.into());
                }
                self.packed_read += count as u64;
                count
            }
            Packing::Deflated(inflate) => loop {
                let input = source.fill_buf()?;
                let is_dry = input.is_empty();
                let (before_in, before_out) = (inflate.total_in(), inflate.total_out());
                let status = inflate
                    .decompress(input, buffer, FlushDecompress::None)
                    .map_err(|problem| broken(problem.to_string()))?;
                let taken = inflate.total_in() - before_in;
                let made = inflate.total_out() - before_out;
                self.packed_read += taken;
                source.consume(usize::try_from(taken).unwrap_or(usize::MAX));
                if made > 0 || status == Status::StreamEnd {
                    break usize::try_from(made).unwrap_or(usize::MAX);
                }
                if is_dry {
                    return Err(ErrorKind::UnexpectedEof.into());
                }
            },
        };
        self.crc.update(buffer.get(..count).unwrap_or_default());
        self.read += count as u64;
        Ok(count)
    }

    /// Compares what was unpacked with what the archive says.
    fn check(&mut self, source: &mut impl BufRead) -> io::Result<()> {
        if self.described {
            let mut word = [0; 4];
            source.read_exact(&mut word)?;
            if word == DESCRIPTOR {
                source.read_exact(&mut word)?;
            }
            self.checksum = u32::from_le_bytes(word);
            let mut sizes = [0; 16];
            source.read_exact(&mut sizes[..8])?;
            let (packed_size, size) = (u64::from(u32_at(&sizes, 0)), u64::from(u32_at(&sizes, 4)));
            (self.packed_size, self.size) = (packed_size, size);
            if (packed_size, size) != (self.packed_read, self.read) {
                // Large members have large sizes here, and nothing says so.
                source.read_exact(&mut sizes[8..])?;
                (self.packed_size, self.size) = (u64_at(&sizes, 0), u64_at(&sizes, 8));
            }
        }
        if (self.packed_size, self.size) != (self.packed_read, self.read) {
            return Err(broken("a member of the archive is not as long as the archive says"));
        }
        if self.checksum != self.crc.sum() {
            return Err(broken("a member of the archive does not match its checksum"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufReader, Write as _};

    use super::*;

    /// An archive of small members, stored.
    fn zip(members: &[(&str, &[u8])]) -> Vec<u8> {
        let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
        for (name, content) in members {
            let stored = zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
            writer.start_file(*name, stored).unwrap();
            writer.write_all(content).unwrap();
        }
        writer.finish().unwrap().into_inner()
    }

    fn text_of(archive: &[u8]) -> io::Result<String> {
        let (counted, bound) = Bound::on(archive);
        let mut text = String::new();
        ZipReport::open(BufReader::new(counted), bound.from(1 << 20))?.read_to_string(&mut text)?;
        Ok(text)
    }

    #[test]
    fn what_is_stepped_over_is_bounded_too() {
        for (size, ends) in [(1 << 16, false), (2 << 20, true)] {
            for names in [["a.nessus", "junk.txt"], ["junk.txt", "a.nessus"], ["b.txt", "a.nessus"]] {
                let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
                for name in names {
                    writer.start_file(name, zip::write::SimpleFileOptions::default()).unwrap();
                    let content = if name == "a.nessus" { b"<a/>".to_vec() } else { vec![0; size] };
                    writer.write_all(&content).unwrap();
                }
                let read = text_of(&writer.finish().unwrap().into_inner());
                match read {
                    Ok(text) => assert!(!ends && text == "<a/>", "{names:?} {size}"),
                    Err(problem) => assert!(ends && problem.to_string().contains("more than any report"), "{problem}"),
                }
            }
        }
    }

    /// Where the member with this number begins.
    fn header(archive: &[u8], number: usize) -> usize {
        memchr::memmem::find_iter(archive, &MEMBER).nth(number).unwrap()
    }

    #[test]
    fn another_report_is_never_lost() {
        const REPORT: &[u8] = b"<?xml version='1.0'?><!-- <x> --><NessusClientData_v2/>";
        let long = [b"<!--", b"-".repeat(2000).as_slice(), b"--><NessusClientData_v2/>"].concat();
        for (other, content) in [
            ("b.nessus", b"<b/>".as_slice()),
            ("b.xml", REPORT),
            ("b.xml", &long),
            ("b", REPORT),
            ("b", b"<x:NessusClientData/>"),
            ("b.xml", b"<?xml version='1.0' encoding='x-unheard-of'?>"),
            ("in/b.NESSUS", b""),
            ("b.nessus.gz", b""),
            ("b.nessus.zip", b""),
            ("b.xml.gz", b"\x1f\x8b"),
        ] {
            let archive = zip(&[("a.nessus", b"<a/>"), ("notes.txt", b"-"), (other, content)]);
            let why = |archive: &[u8]| text_of(archive).unwrap_err().to_string();
            assert!(why(&archive).contains("another report"), "{other}");
            let at = header(&archive, 2);
            // Packed by bzip2; encrypted.
            for (place, byte) in [(8, 12), (6, 1)] {
                let mut unreadable = archive.clone();
                unreadable[at + place] = byte;
                assert!(why(&unreadable).contains("another report"), "{other}");
            }
        }
        let mut damaged = zip(&[("a.nessus", b"<a/>"), ("b.nessus", b"<b/>")]);
        let at = header(&damaged, 1);
        damaged[at + 2] = 9;
        assert!(text_of(&damaged).unwrap_err().to_string().contains("broken"));
    }

    #[test]
    fn files_beside_a_report_that_have_names_like_one_are_none() {
        for (name, content) in [
            ("README", b"See the report.".as_slice()),
            ("LICENSE", &b"Permission is hereby granted, ".repeat(100)),
            ("meta.xml", b"<?xml version='1.0'?>\n<meta/>"),
            ("in/index.xml", b"\xff\xfe<\0a\0>\0"),
            ("EMPTY", b""),
            ("answer", b"{}"),
            ("page.xml", b"<!DOCTYPE html><html>"),
        ] {
            let report = ("a.nessus", b"<a/>".as_slice());
            for members in [[(name, content), report], [report, (name, content)]] {
                assert_eq!(text_of(&zip(&members)).as_deref().ok(), Some("<a/>"), "{name}");
            }
            let alone = text_of(&zip(&[(name, content)])).unwrap_err().to_string();
            assert_eq!(alone, format!("the archive holds no .nessus file, but `{name}`"));
        }
        let long = format!("<NessusClientData_v2>{}</NessusClientData_v2>", "x".repeat(5000));
        for name in ["report", "report.xml"] {
            assert_eq!(text_of(&zip(&[(name, long.as_bytes())])).unwrap(), long);
        }
    }

    #[test]
    fn an_archive_cut_before_its_directory_is_cut_off() {
        let archive = zip(&[("a.nessus", b"<a/>"), ("notes.txt", b"-"), ("b.nessus", b"<b/>")]);
        let report_end = header(&archive, 1);
        let name_end = header(&archive, 2) + 30 + "b.nessus".len();
        for at in report_end..name_end {
            assert_eq!(text_of(&archive[..at]).unwrap_err().kind(), ErrorKind::UnexpectedEof, "cut at {at}");
        }
    }

    #[test]
    fn what_is_no_report_need_not_be_readable() {
        for members in
            [[("a.nessus", b"<a/>"), ("notes.txt", b"----")], [("notes.txt", b"----"), ("a.nessus", b"<a/>")]]
        {
            let members = members.map(|(name, content)| (name, content.as_slice()));
            let mut archive = zip(&members);
            assert_eq!(text_of(&archive).unwrap(), "<a/>");
            let at = header(&archive, usize::from(members[1].0 == "notes.txt"));
            archive[at + 8] = 12;
            assert_eq!(text_of(&archive).unwrap(), "<a/>");
            // Without its length it cannot be stepped over.
            archive[at + 6] |= 8;
            assert!(text_of(&archive).is_err());
        }
    }

    #[test]
    fn a_packed_report_in_an_archive_is_read_and_the_archive_around_it_too() {
        use crate::findings::sniff;
        let inner = zip(&[("a.nessus", b"<a/>")]);
        let read = |archive: &[u8]| {
            let mut text = String::new();
            let (mut document, _) = sniff::open(archive).map_err(|error| error.one_line())?;
            document.read_to_string(&mut text).map_err(|error| error.to_string())?;
            Ok::<_, String>(text)
        };
        assert_eq!(read(&zip(&[("a.nessus.zip", &inner)])).as_deref(), Ok("<a/>"));
        let two = read(&zip(&[("a.nessus.zip", &inner), ("b.nessus", b"<b/>")]));
        assert!(two.unwrap_err().contains("another report"));
    }
}
