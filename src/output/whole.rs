//! Whether a file that a vendor made has come whole: it begins as its format begins, and ends as that ends.
//!
//! What was written to a file is also read back where its format can be checked: archives are unpacked against their
//! checksums, JSON is parsed. Nothing is unpacked without end. Not for: what is in it.

use std::collections::VecDeque;
use std::io::{self, BufReader, Read, Seek};

use crate::error::{Error, Result};
use crate::findings::bound::Bound;
use crate::findings::sniff;
use crate::model::ExportFormat;

/// How much of the beginning is looked at.
const HEAD: usize = 64 * 1024;
/// How much of the end is looked at.
const TAIL: usize = 4 * 1024;
/// How much is unpacked at a time.
const PIECE: usize = 64 * 1024;
/// The directory of a zip archive ends with a comment of at most this length.
const END_OF_ARCHIVE: &[u8] = b"PK\x05\x06";

/// What went by: the beginning, the end, how much.
#[derive(Debug, Default)]
pub struct Witness {
    head: Vec<u8>,
    tail: VecDeque<u8>,
    length: u64,
}

/// What a file is by its first bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    Xml,
    Zip,
    Gzip,
    Pdf,
    Html,
    Json,
    Table,
    /// Encrypted or unknown: only its length can be checked.
    Opaque,
}

impl Witness {
    /// More bytes went by.
    pub fn see(&mut self, bytes: &[u8]) {
        self.length += bytes.len() as u64;
        let room = HEAD.saturating_sub(self.head.len()).min(bytes.len());
        self.head.extend_from_slice(bytes.get(..room).unwrap_or_default());
        let last = bytes.get(bytes.len().saturating_sub(TAIL)..).unwrap_or_default();
        let over = (self.tail.len() + last.len()).saturating_sub(TAIL);
        self.tail.drain(..over.min(self.tail.len()));
        self.tail.extend(last);
    }

    /// How many bytes went by.
    pub const fn length(&self) -> u64 {
        self.length
    }

    /// Whether that was a whole file of the format, as far as both ends tell.
    ///
    /// # Errors
    /// `bad_data` saying what is wrong.
    pub fn judge(&self, format: ExportFormat) -> Result<()> {
        let shape = self.shape(format)?;
        let tail: Vec<u8> = self.tail.iter().copied().collect();
        let end = tail.trim_ascii_end();
        let whole = match shape {
            Shape::Xml => closes(&self.head, self.length > HEAD as u64, end),
            Shape::Html => ends_with_word(end, b"</html>"),
            Shape::Pdf => memchr::memmem::rfind(&tail, b"%%EOF").is_some_and(|at| tail.len() - at <= 1024),
            // A comment may follow the directory.
            Shape::Zip => memchr::memmem::rfind(&tail, END_OF_ARCHIVE).is_some_and(|at| tail.len() - at >= 22),
            Shape::Json => matches!(
                (self.head.trim_ascii_start().first(), end.last()),
                // Of several answers the first and the last need not be alike.
                (Some(b'{' | b'['), Some(b'}' | b']'))
            ),
            Shape::Table => tail.ends_with(b"\n"),
            Shape::Gzip | Shape::Opaque => true,
        };
        if whole { Ok(()) } else { Err(cut_off(format, self.length)) }
    }

    /// The same for a file that can be read back.
    ///
    /// # Errors
    /// `bad_data` saying what is wrong; exit 1 where it cannot be read.
    pub fn judge_file(&self, format: ExportFormat, file: impl Read + Seek) -> Result<()> {
        self.judge_within(format, file, Bound::of(self.length))
    }

    fn judge_within(&self, format: ExportFormat, mut file: impl Read + Seek, mut bound: Bound) -> Result<()> {
        self.judge(format)?;
        let broken = |problem: &dyn std::fmt::Display| cut_off(format, self.length).because(problem.to_string());
        // Only unpacking it all compares the checksum.
        let mut unpack = |packed: &mut dyn Read| {
            let mut buffer = vec![0; PIECE];
            loop {
                match packed.read(&mut buffer) {
                    Ok(0) => return Ok(()),
                    Ok(count) => bound.count(count).map_err(|problem| excess(format, &problem.to_string()))?,
                    Err(problem) if problem.kind() == io::ErrorKind::Interrupted => {}
                    Err(problem) => return Err(broken(&problem)),
                }
            }
        };
        match self.shape(format)? {
            Shape::Zip => {
                let mut archive = zip::ZipArchive::new(BufReader::new(file)).map_err(|problem| broken(&problem))?;
                let mut packed: u64 = 0;
                for index in 0..archive.len() {
                    let mut member = archive.by_index(index).map_err(|problem| broken(&problem))?;
                    packed = packed.saturating_add(member.compressed_size());
                    if packed > self.length {
                        return Err(excess(format, "the members of the archive overlap"));
                    }
                    unpack(&mut member)?;
                }
                Ok(())
            }
            Shape::Gzip => unpack(&mut sniff::gunzip(BufReader::new(&mut file))),
            Shape::Json => {
                // One answer, or several below each other.
                serde_json::Deserializer::from_reader(BufReader::new(file))
                    .into_iter::<serde::de::IgnoredAny>()
                    .try_for_each(|answer| answer.map(|_| ()))
                    .map_err(|problem| broken(&problem))
            }
            Shape::Xml | Shape::Pdf | Shape::Html | Shape::Table | Shape::Opaque => Ok(()),
        }
    }

    /// What it is, which must be what was asked for.
    fn shape(&self, format: ExportFormat) -> Result<Shape> {
        let head = self.head.as_slice();
        if let Some(refused) = sniff::refused(format, head) {
            return Err(refused);
        }
        let is = |beginning: &[u8]| head.starts_with(beginning);
        let text = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head).trim_ascii_start();
        let shape = match format {
            ExportFormat::Nessus | ExportFormat::V2 | ExportFormat::Scap12 if is(b"PK\x03\x04") => Some(Shape::Zip),
            ExportFormat::Nessus | ExportFormat::V2 | ExportFormat::Scap12 if is(b"\x1f\x8b") => Some(Shape::Gzip),
            ExportFormat::Nessus | ExportFormat::V2 | ExportFormat::Scap12 => {
                text.starts_with(b"<").then_some(Shape::Xml)
            }
            ExportFormat::Html => text.starts_with(b"<").then_some(Shape::Html),
            ExportFormat::Pdf => is(b"%PDF-").then_some(Shape::Pdf),
            ExportFormat::Json => matches!(text.first(), Some(b'{' | b'[')).then_some(Shape::Json),
            ExportFormat::Csv => Some(Shape::Table),
            ExportFormat::Db => Some(Shape::Opaque),
        };
        shape.ok_or_else(|| {
            let beginning: String = String::from_utf8_lossy(head).chars().take(40).collect();
            Error::bad_data(format!("not {}; it begins with `{}`", format.describe(), beginning.escape_debug()))
        })
    }
}

/// The error of an archive that is made to be unpacked without end.
fn excess(format: ExportFormat, why: &str) -> Error {
    Error::bad_data(format!("not {}: {why}", format.describe()))
}

fn cut_off(format: ExportFormat, length: u64) -> Error {
    Error::bad_data(format!("the file is cut off after {length} bytes: that is not {} whole", format.describe()))
        .hint("nothing was changed: fetch it again")
}

fn ends_with_word(end: &[u8], word: &[u8]) -> bool {
    end.len().checked_sub(word.len()).is_some_and(|at| end[at..].eq_ignore_ascii_case(word))
}

/// Whether XML ends with the closing tag of the element that it begins with. `goes_on` tells that the head is not all.
fn closes(head: &[u8], goes_on: bool, end: &[u8]) -> bool {
    // In another encoding than ASCII's kin the tags are not seen.
    if head.iter().take(4).any(|byte| *byte == 0) {
        return true;
    }
    let Some(root) = behind_prolog(head) else { return false };
    let length =
        root.iter().position(|byte| byte.is_ascii_whitespace() || matches!(byte, b'>' | b'/')).unwrap_or(root.len());
    let (name, rest) = root.split_at(length);
    match tag_length(rest) {
        None if !goes_on => return false,
        Some(tag) if rest[..tag].ends_with(b"/>") => return !goes_on && only_comments(&rest[tag..]),
        _ => {}
    }
    let mut end = end.trim_ascii_end();
    while end.ends_with(b"-->") {
        let Some(comment) = memchr::memmem::rfind(end, b"<!--") else { return false };
        end = end[..comment].trim_ascii_end();
    }
    end.strip_suffix(b">")
        .and_then(|end| end.trim_ascii_end().strip_suffix(name))
        .is_some_and(|end| end.ends_with(b"</"))
}

/// What follows the `<` of the first element; declarations and comments come before it.
fn behind_prolog(head: &[u8]) -> Option<&[u8]> {
    let mut rest = head;
    loop {
        rest = rest.get(memchr::memchr(b'<', rest)? + 1..)?;
        let close: &[u8] = match rest.first()? {
            b'!' if rest.starts_with(b"!--") => b"-->",
            b'?' => b"?>",
            b'!' => b">",
            _ => return Some(rest),
        };
        rest = rest.get(memchr::memmem::find(rest, close)? + close.len()..)?;
    }
}

/// How far the tag goes whose inside this begins with, if its `>` is there; one in quotes is not its end.
fn tag_length(inside: &[u8]) -> Option<usize> {
    let mut quote = None;
    for (at, byte) in inside.iter().enumerate() {
        match (quote, byte) {
            (None, b'>') => return Some(at + 1),
            (None, b'"' | b'\'') => quote = Some(byte),
            (Some(open), byte) if open == byte => quote = None,
            _ => {}
        }
    }
    None
}

fn only_comments(text: &[u8]) -> bool {
    let mut rest = text.trim_ascii();
    while let Some(comment) = rest.strip_prefix(b"<!--") {
        let Some(length) = memchr::memmem::find(comment, b"-->") else { return false };
        rest = comment[length + 3..].trim_ascii();
    }
    rest.is_empty()
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Write as _};

    use super::*;

    fn judged(format: ExportFormat, bytes: &[u8]) -> Result<(), String> {
        let mut witness = Witness::default();
        bytes.chunks(7).for_each(|chunk| witness.see(chunk));
        assert_eq!(witness.length(), bytes.len() as u64);
        witness.judge_file(format, Cursor::new(bytes)).map_err(|error| error.one_line())
    }

    fn zip() -> Vec<u8> {
        let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
        writer.start_file("a.nessus", zip::write::SimpleFileOptions::default()).unwrap();
        writer.write_all(&b"<NessusClientData_v2/>".repeat(500)).unwrap();
        writer.finish().unwrap().into_inner()
    }

    #[test]
    fn every_cut_is_noticed() {
        let page = [b"<!DOCTYPE html><html><body>".as_slice(), &[b'x'; 6000], b"</body></html>\n"].concat();
        for (format, whole) in [
            (
                ExportFormat::Nessus,
                b"<?xml version=\"1.0\"?>\n<NessusClientData_v2>\n</NessusClientData_v2>\n".to_vec(),
            ),
            (
                ExportFormat::Nessus,
                b"<!-- <x/> --><NessusClientData_v2 a='/>' b=\"'>\"><Policy/><Report name='r'>\
                  <ReportHost name='h'><ReportItem a='1'/></ReportHost><ReportHost/></Report></NessusClientData_v2 >"
                    .to_vec(),
            ),
            (ExportFormat::Nessus, b"<?x <y/>?><!-- <x/> --><NessusClientData_v2 a='/>' b=\"'/>\" />".to_vec()),
            (ExportFormat::Html, page),
            (ExportFormat::Pdf, b"%PDF-1.4\n1 0 obj\nendobj\nstartxref\n12\n%%EOF".to_vec()),
            (ExportFormat::V2, zip()),
            (ExportFormat::Json, b"{\"a\": [1, 2]}".to_vec()),
        ] {
            assert_eq!(judged(format, &whole), Ok(()), "{format:?}");
            // A line break at the end is no loss.
            let least = whole.trim_ascii_end().len();
            for at in 0..least {
                assert!(judged(format, &whole[..at]).is_err(), "{format:?} cut at {at} of {least}");
            }
        }
        assert_eq!(judged(ExportFormat::Csv, b"a,b\n1,2\n"), Ok(()));
        assert!(judged(ExportFormat::Csv, b"a,b\n1,").is_err());
        assert_eq!(judged(ExportFormat::Nessus, b"<NessusClientData_v2 a='1'/>"), Ok(()));
        for whole in [b"<a b='1'/><!-- <c/> -->\n".as_slice(), b"<a><b/></a>\n<!-- <c/> --> <!---->"] {
            assert_eq!(judged(ExportFormat::Nessus, whole), Ok(()));
            for cut in [5, 6] {
                assert!(judged(ExportFormat::Nessus, &whole[..whole.len() - cut]).is_err());
            }
        }
        let large = [b"<a>".as_slice(), &b"<b/>".repeat(HEAD), b"</a>"].concat();
        assert_eq!(judged(ExportFormat::Nessus, &large), Ok(()));
        assert!(judged(ExportFormat::Nessus, &large[..large.len() - 4]).is_err());
        assert_eq!(judged(ExportFormat::Json, b"{}\n[1]\n"), Ok(()));
        assert_eq!(judged(ExportFormat::Db, &[0, 200, 3]), Ok(()));
    }

    #[test]
    fn damage_inside_is_noticed() {
        let mut damaged = zip();
        let at = damaged.len() / 2 - 20;
        damaged[at] ^= 0xff;
        assert!(judged(ExportFormat::V2, &damaged).is_err());
        assert!(judged(ExportFormat::Json, b"{\"a\": [1 2]}").is_err());
    }

    #[test]
    fn what_unpacks_without_end_is_no_file() {
        let judged = |bytes: &[u8]| {
            let mut witness = Witness::default();
            witness.see(bytes);
            let bound = Bound::of(bytes.len() as u64).from(1 << 16);
            witness.judge_within(ExportFormat::V2, Cursor::new(bytes), bound).map_err(|error| error.one_line())
        };
        let excess = Err("not a packed .nessus report: it unpacks to more than any report holds".to_owned());
        for (length, ends) in [(1 << 16, Ok(())), (4 << 20, excess)] {
            let content = vec![b' '; length];
            let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
            writer.start_file("a.nessus", zip::write::SimpleFileOptions::default()).unwrap();
            writer.write_all(&content).unwrap();
            assert_eq!(judged(&writer.finish().unwrap().into_inner()), ends);
            let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
            writer.write_all(&content).unwrap();
            assert_eq!(judged(&writer.finish().unwrap()), ends);
        }
        // The directory names its one member many times.
        let archive = zip();
        let (members, directory) = archive.split_at(memchr::memmem::find(&archive, b"PK\x01\x02").unwrap());
        let (entry, end) = directory.split_at(memchr::memmem::find(directory, END_OF_ARCHIVE).unwrap());
        let mut end = end.to_vec();
        let mut entries = Vec::new();
        for number in 0..200u8 {
            let mut entry = entry.to_vec();
            // Behind the fixed part stands the name.
            entry[46] = b'0' + number % 64;
            entry[47] = b'0' + number / 64;
            entries.extend(entry);
        }
        end[8..12].copy_from_slice(&[200, 0, 200, 0]);
        end[12..16].copy_from_slice(&u32::try_from(entries.len()).unwrap().to_le_bytes());
        let archive = [members, &entries, &end].concat();
        assert!(members.len() * 200 > archive.len() * 2);
        let problem = judged(&archive).unwrap_err();
        assert_eq!(problem, "not a packed .nessus report: the members of the archive overlap");
    }

    #[test]
    fn something_else_is_named() {
        let page = b"<html><head><title>Sign  in</title></head></html>";
        for format in [ExportFormat::Nessus, ExportFormat::Pdf, ExportFormat::Csv, ExportFormat::Db] {
            assert!(judged(format, page).unwrap_err().contains("an HTML page, as of a login or an error: \"Sign in\""));
        }
        let refusal = br#"{"error_code": 147, "error_msg": "Scan Result #8 does not exist"}"#;
        assert_eq!(
            judged(ExportFormat::V2, refusal).unwrap_err(),
            "not a packed .nessus report, but JSON: error 147: Scan Result #8 does not exist"
        );
        assert_eq!(judged(ExportFormat::Pdf, b"hello").unwrap_err(), "not a PDF document; it begins with `hello`");
        assert_eq!(judged(ExportFormat::Csv, b"").unwrap_err(), "the vendor's file is empty");
        // What is encrypted may begin in any way.
        for by_chance in [b"{\x91\x02\xff".as_slice(), b"[\x00garbage", b"  {encrypted"] {
            assert_eq!(judged(ExportFormat::Db, by_chance), Ok(()));
        }
        for answer in ["{\"error\": \"Scan not fou", "[{}]", " {}"] {
            assert!(judged(ExportFormat::Db, answer.as_bytes()).unwrap_err().contains("not a scan database, but JSON"));
        }
    }
}
