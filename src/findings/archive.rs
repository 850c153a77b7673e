//! A report out of a zip archive that is read from its beginning to its end, once: a download cannot be seeked in.
//!
//! So the directory at the archive's end is not used, and sizes may stand behind a member (data descriptor). A member's
//! length and checksum are checked against what was really unpacked. Not a general zip reader.

use std::io::{self, BufRead, ErrorKind, Read};

use flate2::{Crc, Decompress, FlushDecompress, Status};

const MEMBER: [u8; 4] = *b"PK\x03\x04";
const DESCRIPTOR: [u8; 4] = *b"PK\x07\x08";
/// No archive has more members before its report.
const MOST_MEMBERS: usize = 1000;

/// The one report of an archive.
pub(super) struct ZipReport<R> {
    source: R,
    /// None once the member is read and checked.
    member: Option<Member>,
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
    /// Finds the report: the first member called `.nessus` or `.xml`, or called something without an extension.
    pub(super) fn open(mut source: R) -> io::Result<Self> {
        let mut others = Vec::new();
        for _ in 0..MOST_MEMBERS {
            let Some(member) = Member::read(&mut source)? else {
                let names = others.join(", ");
                let what = if names.is_empty() { "nothing".to_owned() } else { names };
                return Err(broken(format!("the archive holds no .nessus file, but {what}")));
            };
            if member.is_report() {
                return Ok(Self { source, member: Some(member) });
            }
            if !member.name.ends_with('/') && others.len() < 5 {
                others.push(format!("`{}`", member.name.escape_debug()));
            }
            let mut report = Self { source, member: Some(member) };
            io::copy(&mut (&mut report).take(u64::MAX), &mut io::sink())?;
            source = report.source;
        }
        Err(broken(format!("the archive holds no .nessus file among its first {MOST_MEMBERS} members")))
    }
}

impl<R: BufRead> Read for ZipReport<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Some(member) = &mut self.member else { return Ok(0) };
        if buffer.is_empty() {
            return Ok(0);
        }
        let count = member.unpack(&mut self.source, buffer)?;
        if count == 0 {
            member.check(&mut self.source)?;
            let was_report = member.is_report();
            self.member = None;
            if was_report {
                self.no_other_report()?;
            }
        }
        Ok(count)
    }
}

impl<R: BufRead> ZipReport<R> {
    /// Two reports in one archive cannot be told apart by who gets their findings.
    fn no_other_report(&mut self) -> io::Result<()> {
        for _ in 0..MOST_MEMBERS {
            match Member::read(&mut self.source) {
                Ok(Some(member)) if member.is_report() => {
                    return Err(broken(format!(
                        "the archive holds another report, `{}`: unpack it and name one",
                        member.name.escape_debug()
                    )));
                }
                Ok(Some(mut member)) => {
                    let mut waste = [0; 8192];
                    while member.unpack(&mut self.source, &mut waste)? > 0 {}
                    member.check(&mut self.source)?;
                }
                // What stands behind a report that was checked is not missed.
                Ok(None) | Err(_) => break,
            }
        }
        Ok(())
    }
}

impl Member {
    /// Reads the header of the next member; none at the directory that ends the members.
    fn read(source: &mut impl BufRead) -> io::Result<Option<Self>> {
        let mut signature = [0; 4];
        source.read_exact(&mut signature)?;
        if signature != MEMBER {
            return if signature.starts_with(b"PK") { Ok(None) } else { Err(broken("a broken zip archive")) };
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
        if flags & 1 != 0 {
            return Err(broken("the archive is encrypted"));
        }
        member.packing = match u16_at(&header, 4) {
            0 if member.described && member.packed_size == 0 && !member.name.ends_with('/') => {
                return Err(broken("a stored member of the archive does not say how long it is"));
            }
            0 => Packing::Stored,
            8 => Packing::Deflated(Box::new(Decompress::new(false))),
            method => {
                return Err(broken(format!("the archive is packed in a way (method {method}) that is not known")));
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

    fn is_report(&self) -> bool {
        let name = self.name.rsplit(['/', '\\']).next().unwrap_or_default().to_ascii_lowercase();
        // Archives made on a Mac carry a shadow of each file.
        if name.is_empty() || name.starts_with('.') || self.name.starts_with("__MACOSX/") {
            return false;
        }
        name.ends_with(".nessus") || name.ends_with(".xml") || !name.contains('.')
    }

    /// Unpacks some; 0 at the member's end.
    fn unpack(&mut self, source: &mut impl BufRead, buffer: &mut [u8]) -> io::Result<usize> {
        let count = match &mut self.packing {
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
