//! What must hold of any bytes, for the fuzz targets beside this file and for proptest.

use std::collections::HashSet;
use std::io::{self, Read, Write as _};

use scanctl::backends::{cloudflare, juniper, tenable_sc};
use scanctl::error::Result;
use scanctl::exit::Exit;
use scanctl::findings::{Chunks, Decoded, Finding, FindingId, FindingSink, Origin, PageReader, decode, decode_pages};

/// Everything that a sink was given, as text.
#[derive(Default)]
struct Rows {
    rows: Vec<String>,
    ids: HashSet<FindingId>,
}

impl FindingSink for Rows {
    fn finding(&mut self, finding: &Finding<'_>) -> Result<()> {
        assert!(self.ids.insert(finding.id), "one id for two rows: {}", finding.id);
        self.rows.push(format!("{} {:?} {:?}", finding.id, finding.host, finding.details));
        Ok(())
    }
}

/// Gives a few bytes at a time.
struct Slow<'a>(&'a [u8], usize);

impl Read for Slow<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.1.min(buffer.len()).min(self.0.len());
        let (now, later) = self.0.split_at(count);
        buffer[..count].copy_from_slice(now);
        self.0 = later;
        Ok(count)
    }
}

fn read(source: impl Read + Send) -> (Vec<String>, Decoded) {
    let mut rows = Rows::default();
    let decoded = decode(source, &Origin::default(), &mut rows).expect("this sink never fails");
    assert_eq!(decoded.findings, rows.rows.len() as u64);
    if let Some(problem) = &decoded.problem {
        assert_eq!(problem.exit(), Exit::BadData, "{problem:?}");
    }
    (rows.rows, decoded)
}

/// Any bytes are read to an end, the same way however they come.
pub fn report(bytes: &[u8]) {
    let (rows, decoded) = read(bytes);
    let step = 1 + bytes.len() % 7;
    let (again, slowly) = read(Slow(bytes, step));
    assert_eq!(rows, again);
    assert_eq!(
        (decoded.hosts, decoded.replaced, decoded.problem.map(|problem| problem.one_line())),
        (slowly.hosts, slowly.replaced, slowly.problem.map(|problem| problem.one_line()))
    );
}

/// What is read from a packed report is what is read from the report; damage to the packing is noticed or harmless.
/// The first bytes choose the packing and the damage.
pub fn packed(bytes: &[u8]) {
    let Some(([kind, at, with], text)) = bytes.split_first_chunk::<3>() else { return };
    let mut packed = if kind % 2 == 0 { gzip(text) } else { zip(text, kind % 4 == 1) };
    let (plain, of_plain) = read(text);
    let (unpacked, of_packed) = read(packed.as_slice());
    // An empty archive, and an archive in an archive, are named for what they are.
    if of_plain.problem.is_none() {
        assert!(of_packed.problem.is_none(), "{:?}", of_packed.problem);
        assert_eq!(plain, unpacked);
    }
    let at = usize::from(*at) * packed.len() / 256;
    packed[at] = *with;
    let (damaged, of_damaged) = read(packed.as_slice());
    if of_damaged.problem.is_none() && of_plain.problem.is_none() {
        assert_eq!(plain, damaged);
    }
}

/// Whatever a vendor answers is read to an end, every time the same, or named as bad; the same answer once more brings
/// the same rows once more under ids of their own.
pub fn answers(bytes: &[u8]) {
    for reader in [tenable_sc::reader, juniper::reader, cloudflare::reader] {
        let (rows, decoded) = read_answers(reader(), &[bytes]);
        let (again, twice) = read_answers(reader(), &[bytes, bytes]);
        let problem = decoded.problem.as_ref().map(scanctl::error::Error::one_line);
        assert_eq!(problem, twice.problem.as_ref().map(scanctl::error::Error::one_line));
        assert_eq!(rows, again[..rows.len()]);
        assert_eq!(again.len(), if problem.is_some() { rows.len() } else { 2 * rows.len() });
        assert_eq!(decoded.hosts, twice.hosts);
    }
}

fn read_answers(reader: PageReader, pages: &[&[u8]]) -> (Vec<String>, Decoded) {
    let (sender, chunks) = Chunks::channel(pages.len());
    for page in pages {
        sender.try_send(Ok(page.to_vec().into())).expect("there is room");
    }
    drop(sender);
    let mut rows = Rows::default();
    let decoded = decode_pages(chunks, reader, &Origin::default(), &mut rows).expect("this sink never fails");
    assert_eq!(decoded.findings, rows.rows.len() as u64);
    if let Some(problem) = &decoded.problem {
        assert_eq!(problem.exit(), Exit::BadData, "{problem:?}");
    }
    (rows.rows, decoded)
}

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    writer.write_all(text).expect("memory can be written");
    writer.finish().expect("memory can be written")
}

fn zip(text: &[u8], streamed: bool) -> Vec<u8> {
    let options = zip::write::SimpleFileOptions::default();
    if streamed {
        let mut writer = zip::ZipWriter::new_stream(Vec::new());
        writer.start_file("a.nessus", options).expect("memory can be written");
        writer.write_all(text).expect("memory can be written");
        writer.finish().expect("memory can be written").into_inner()
    } else {
        let mut writer = zip::ZipWriter::new(io::Cursor::new(Vec::new()));
        writer.start_file("a.nessus", options).expect("memory can be written");
        writer.write_all(text).expect("memory can be written");
        writer.finish().expect("memory can be written").into_inner()
    }
}
