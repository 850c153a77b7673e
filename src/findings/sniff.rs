//! What the bytes are: a zip archive, a gzip file or bare XML, in whatever encoding, is opened; anything else is named.
//!
//! Services answer with a JSON error or an HTML login page where a report was asked for, and people keep reports in
//! several wrappings, so neither a status nor a file name is believed.

use std::io::{self, BufRead, BufReader, Read};
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use encoding_rs::{Decoder, DecoderResult, Encoding, UTF_8, UTF_16BE, UTF_16LE};
use flate2::bufread::GzDecoder;

use super::archive::ZipReport;
use super::bound::{Bound, Bounded};
use super::foreign::named;
use super::input::read_failure;
use crate::error::{Error, Result};
use crate::model::ExportFormat;

/// How much is looked at.
pub(super) const HEAD: usize = 1024;
/// How much of an answer that is no report is read to tell what it says.
const LONGEST_REFUSAL: u64 = 64 * 1024;
/// Stands for what cannot be decoded: U+FFFD.
const REPLACEMENT: &[u8] = "\u{fffd}".as_bytes();
/// How much is unpacked at a time.
const PACKED: usize = 64 * 1024;
/// Wrappings in wrappings.
const MOST_LAYERS: usize = 3;

/// Begins what is said of another kind of file.
pub(super) const FOREIGN: &str = "not a .nessus";
/// What is expected where findings are to be read.
const REPORT: &str = "a .nessus report";

/// The error for what a vendor sent in place of a file, where it is plainly none: nothing, JSON or a web page, with what
/// it says. `beginning` is all of it, or more than enough.
pub fn refused(expected: ExportFormat, beginning: &[u8]) -> Option<Error> {
    if beginning.trim_ascii().is_empty() {
        return Some(Error::bad_data("the vendor's file is empty"));
    }
    match Kind::of(beginning.get(..HEAD).unwrap_or(beginning)) {
        Kind::Json if expected != ExportFormat::Json => {
            let text = refusal(Box::new(beginning)).ok()?;
            is_json(&text).then(|| said_in_json(&text, expected.describe()))
        }
        Kind::Html if expected != ExportFormat::Html => Some(html(Box::new(beginning), expected.describe())),
        _ => None,
    }
}

/// Whether a text is JSON as far as it goes. An encrypted file may begin with a brace, by chance.
fn is_json(text: &str) -> bool {
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<serde::de::IgnoredAny>();
    values.next().is_some_and(|value| value.map_or_else(|problem| problem.is_eof(), |_| true))
}

/// A document as UTF-8, without byte order mark.
pub(super) type Document<'s> = Box<dyn Read + Send + 's>;

/// Opens a report. The number beside it says, once it is read, how many of its characters another encoding than UTF-8
/// does not have; each was replaced by U+FFFD. In UTF-8 they are left to the reader.
///
/// # Errors
/// `bad_data` naming what the bytes are instead, or the source's own failure.
pub(super) fn open<'s>(source: impl Read + Send + 's) -> Result<(Document<'s>, Arc<AtomicU64>)> {
    let mut source: Document<'s> = Box::new(source);
    let replaced = Arc::new(AtomicU64::new(0));
    for _ in 0..MOST_LAYERS {
        let mut head = Vec::with_capacity(HEAD);
        let failure = source.by_ref().take(HEAD as u64).read_to_end(&mut head).err();
        let kind = Kind::of(&head);
        let rest: Document<'s> = match failure {
            None => source,
            // What came before the failure may hold findings.
            Some(failure) if !matches!(kind, Kind::Unknown(_)) => Box::new(Failed(Some(failure))),
            Some(failure) => return Err(read_failure(failure)),
        };
        let whole: Document<'s> = Box::new(io::Cursor::new(head).chain(rest));
        source = match kind {
            Kind::Xml(encoding, mark) => return Ok((document(whole, encoding, mark, &replaced), replaced)),
            Kind::Gzip => {
                let (counted, bound) = Bound::on(whole);
                Box::new(Bounded::new(gunzip(BufReader::with_capacity(PACKED, counted)), bound))
            }
            Kind::Zip => {
                let (counted, bound) = Bound::on(whole);
                let counted = BufReader::with_capacity(PACKED, counted);
                Box::new(ZipReport::open(counted, bound).map_err(read_failure)?)
            }
            Kind::Json => return Err(json(whole, REPORT)),
            Kind::Html => return Err(html(whole, REPORT)),
            Kind::Unknown(what) => return Err(Error::bad_data(what)),
        };
    }
    Err(Error::bad_data("not a .nessus report, but archives inside archives"))
}

/// A source that has failed.
struct Failed(Option<io::Error>);

impl Read for Failed {
    fn read(&mut self, _buffer: &mut [u8]) -> io::Result<usize> {
        self.0.take().map_or(Ok(0), Err)
    }
}

/// Whether what begins like this may be a report, of whatever version and however packed. The beginning is long enough
/// if it has [`HEAD`] bytes.
pub(super) fn may_be_report(head: &[u8]) -> bool {
    match Kind::of(head) {
        Kind::Xml(encoding, mark) => {
            let (text, _) = encoding.decode_without_bom_handling(head.get(mark..).unwrap_or_default());
            root(&text).is_none_or(|name| name.starts_with("NessusClientData"))
        }
        Kind::Zip | Kind::Gzip => true,
        Kind::Json | Kind::Html => false,
        // In an encoding that is not known.
        Kind::Unknown(_) => declared_encoding(head).is_some(),
    }
}

/// The name of a document's element without its prefix, where the beginning of the document reaches so far.
fn root(mut text: &str) -> Option<&str> {
    loop {
        text = text.trim_start();
        let (open, close) = if text.starts_with("<?") { ("<?", "?>") } else { ("<!--", "-->") };
        let Some(inside) = text.strip_prefix(open) else { break };
        text = inside.split_once(close)?.1;
    }
    let name = text.strip_prefix('<')?;
    let length = name.find(|symbol: char| symbol.is_whitespace() || matches!(symbol, '>' | '/'))?;
    let name = name.get(..length)?;
    (!name.starts_with('!')).then(|| name.rsplit(':').next().unwrap_or(name))
}

/// What the first bytes tell.
#[derive(Debug, PartialEq)]
enum Kind {
    /// XML in an encoding, with a byte order mark of this length.
    Xml(&'static Encoding, usize),
    Zip,
    Gzip,
    Json,
    Html,
    /// None of these; the sentence says what.
    Unknown(String),
}

/// Beginnings of files that are sometimes taken for a report.
const OTHER_FILES: [(&[u8], &str); 7] = [
    (b"PK\x05\x06", "an empty zip archive"),
    (b"%PDF-", "a PDF document"),
    (b"BZh", "a bzip2 file: unpack it first"),
    (b"\xfd7zXZ", "an xz file: unpack it first"),
    (b"7z\xbc\xaf", "a 7-Zip archive: unpack it first"),
    (b"\x28\xb5\x2f\xfd", "a zstd file: unpack it first"),
    (b"SQLite format 3", "a database"),
];

impl Kind {
    fn of(head: &[u8]) -> Self {
        if head.starts_with(b"PK\x03\x04") {
            return Self::Zip;
        }
        if head.starts_with(b"\x1f\x8b") {
            return Self::Gzip;
        }
        if let Some((_, what)) = OTHER_FILES.iter().find(|(beginning, _)| head.starts_with(beginning)) {
            return Self::Unknown(format!("not a .nessus report, but {what}"));
        }
        if head.get(257..).is_some_and(|header| header.starts_with(b"ustar")) {
            return Self::Unknown("not a .nessus report, but a tar archive: unpack it first".to_owned());
        }
        // The mark of UTF-32 begins like that of UTF-16.
        if let [0xff, 0xfe, 0, 0, ..] | [0, 0, 0xfe, 0xff, ..] | [b'<', 0, 0, 0, ..] | [0, 0, 0, b'<', ..] = head {
            return Self::Unknown(unknown_encoding("UTF-32"));
        }
        if let Some((encoding, mark)) = Encoding::for_bom(head) {
            return Self::of_text(&head[mark..], encoding, mark);
        }
        match head {
            [b'<', 0, ..] => return Self::of_text(head, UTF_16LE, 0),
            [0, b'<', ..] => return Self::of_text(head, UTF_16BE, 0),
            _ => {}
        }
        match declared_encoding(head) {
            Some(label) => match known_encoding(label) {
                // The declaration was read as ASCII, so it is not true.
                Some(encoding) if encoding == UTF_16LE || encoding == UTF_16BE => Self::of_text(head, UTF_8, 0),
                Some(encoding) => Self::of_text(head, encoding, 0),
                None => Self::Unknown(unknown_encoding(&String::from_utf8_lossy(label))),
            },
            None => Self::of_text(head, UTF_8, 0),
        }
    }

    /// `head` has no byte order mark.
    fn of_text(head: &[u8], encoding: &'static Encoding, mark: usize) -> Self {
        let (text, _) = encoding.decode_without_bom_handling(head);
        let text = text.trim_start();
        let lower = text.get(..20.min(text.len())).unwrap_or_default().to_ascii_lowercase();
        if text.is_empty() && head.len() + mark < HEAD {
            Self::Unknown("the report is empty".to_owned())
        } else if lower.starts_with("<!doctype html") || lower.starts_with("<html") {
            Self::Html
        } else if text.is_empty() || text.starts_with('<') {
            Self::Xml(encoding, mark)
        } else if text.starts_with(['{', '[']) {
            Self::Json
        } else if lower.trim_start_matches('"').starts_with("plugin") && text.contains(',') {
            Self::Unknown("not a .nessus report, but a table of comma-separated values".to_owned())
        } else {
            let beginning: String = text.chars().take(40).collect();
            Self::Unknown(format!("not a .nessus report; it begins with `{}`", beginning.escape_debug()))
        }
    }
}

fn unknown_encoding(label: &str) -> String {
    format!("the report is in `{label}`, an encoding that is not known")
}

/// The encoding with that name, also as Python writes it: `latin-1`, `utf_8`.
fn known_encoding(label: &[u8]) -> Option<&'static Encoding> {
    let joined: Vec<u8> = label.iter().copied().filter(|byte| !matches!(byte, b'-' | b'_')).collect();
    // Browsers take it for windows-1252. What is not ASCII all the same is most likely UTF-8, and counted if it is not.
    if [&b"ascii"[..], b"usascii", b"ansix3.41968"].iter().any(|ascii| joined.eq_ignore_ascii_case(ascii)) {
        return Some(UTF_8);
    }
    Encoding::for_label_no_replacement(label).or_else(|| Encoding::for_label_no_replacement(&joined))
}

/// The encoding that an XML declaration names.
fn declared_encoding(head: &[u8]) -> Option<&[u8]> {
    let declaration = head.trim_ascii_start().strip_prefix(b"<?xml")?;
    let end = memchr::memmem::find(declaration, b"?>")?;
    let declaration = declaration.get(..end)?;
    let at = memchr::memmem::find(declaration, b"encoding")?;
    let value = declaration.get(at + b"encoding".len()..)?.trim_ascii_start().strip_prefix(b"=")?.trim_ascii_start();
    let (quote, value) = value.split_first()?;
    let length = memchr::memchr(*quote, value).filter(|_| matches!(quote, b'"' | b'\''))?;
    value.get(..length)
}

fn document<'s>(
    mut source: Document<'s>,
    encoding: &'static Encoding,
    mark: usize,
    replaced: &Arc<AtomicU64>,
) -> Document<'s> {
    if encoding == UTF_8 {
        let mut head = [0; 3];
        // The mark was seen: it is there.
        return match source.read_exact(head.get_mut(..mark).unwrap_or_default()) {
            Ok(()) => source,
            Err(_) => Box::new(io::empty()),
        };
    }
    Box::new(Transcoded {
        source,
        decoder: encoding.new_decoder_with_bom_removal(),
        input: vec![0; 32 * 1024],
        undecoded: 0..0,
        output: vec![0; 64 * 1024],
        unread: 0..0,
        dry: false,
        finished: false,
        replaced: Arc::clone(replaced),
    })
}

/// A source in another encoding, as UTF-8.
struct Transcoded<R> {
    source: R,
    decoder: Decoder,
    input: Vec<u8>,
    /// What of the input is not decoded yet.
    undecoded: Range<usize>,
    output: Vec<u8>,
    /// What of the output is not read yet.
    unread: Range<usize>,
    dry: bool,
    /// The decoder has given all it had.
    finished: bool,
    /// Characters that could not be decoded.
    replaced: Arc<AtomicU64>,
}

impl<R: Read> Read for Transcoded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.unread.is_empty() && !self.finished {
            if self.undecoded.is_empty() && !self.dry {
                self.undecoded = 0..self.source.read(&mut self.input)?;
                self.dry = self.undecoded.is_empty();
            }
            let input = self.input.get(self.undecoded.clone()).unwrap_or_default();
            let room = self.output.len().saturating_sub(REPLACEMENT.len());
            let output = self.output.get_mut(..room).unwrap_or_default();
            let (result, read, mut written) = self.decoder.decode_to_utf8_without_replacement(input, output, self.dry);
            self.undecoded.start += read;
            if matches!(result, DecoderResult::Malformed(..)) {
                self.replaced.fetch_add(1, Ordering::Relaxed);
                self.output[written..written + REPLACEMENT.len()].copy_from_slice(REPLACEMENT);
                written += REPLACEMENT.len();
            }
            self.unread = 0..written;
            self.finished = self.dry && result == DecoderResult::InputEmpty;
        }
        let count = buffer.len().min(self.unread.len());
        let end = self.unread.start + count;
        buffer[..count].copy_from_slice(&self.output[self.unread.start..end]);
        self.unread.start = end;
        Ok(count)
    }
}

/// What a gzip file holds: its members one after the other. Zero bytes may fill it up behind them, as tapes and block
/// devices leave them.
pub fn gunzip<R: BufRead>(source: R) -> impl Read {
    Members { member: Some(GzDecoder::new(source)) }
}

/// Begins each of them.
const MEMBER: u8 = 0x1f;

struct Members<R> {
    /// None once all are read.
    member: Option<GzDecoder<R>>,
}

impl<R: BufRead> Read for Members<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while let Some(member) = &mut self.member {
            let count = member.read(buffer)?;
            if count > 0 || buffer.is_empty() {
                return Ok(count);
            }
            let Some(member) = self.member.take() else { break };
            let mut source = member.into_inner();
            match source.fill_buf()?.first() {
                None => {}
                Some(0) => only_zeros(source)?,
                Some(&MEMBER) => self.member = Some(GzDecoder::new(source)),
                Some(_) => return Err(behind_the_end()),
            }
        }
        Ok(0)
    }
}

fn behind_the_end() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "something stands behind the end of the gzip file")
}

fn only_zeros(mut source: impl BufRead) -> io::Result<()> {
    loop {
        let rest = source.fill_buf()?;
        if rest.iter().any(|byte| *byte != 0) {
            return Err(behind_the_end());
        }
        let length = rest.len();
        if length == 0 {
            return Ok(());
        }
        source.consume(length);
    }
}

fn refusal(source: Document<'_>) -> Result<String> {
    let mut bytes = Vec::new();
    source.take(LONGEST_REFUSAL).read_to_end(&mut bytes).map_err(read_failure)?;
    let encoding = Encoding::for_bom(&bytes).map_or(UTF_8, |(encoding, _)| encoding);
    Ok(encoding.decode(&bytes).0.into_owned())
}

/// The error for an answer in JSON, with what it says.
fn json(source: Document<'_>, expected: &str) -> Error {
    refusal(source).map_or_else(|failure| failure, |text| said_in_json(&text, expected))
}

fn said_in_json(text: &str, expected: &str) -> Error {
    if let Some(name) = named(text) {
        return Error::bad_data(format!("not {expected}, but {name}"));
    }
    let error = format!("not {expected}, but JSON");
    let value: serde_json::Value = serde_json::from_str(text).unwrap_or_default();
    let said = ["error_msg", "message", "error", "detail", "reason"]
        .into_iter()
        .filter_map(|key| value.get(key))
        .chain(value.pointer("/error/message"))
        .chain(value.pointer("/info/error"))
        .chain(value.pointer("/errors/0/message"))
        .find_map(|text| text.as_str().map(str::trim).filter(|text| !text.is_empty()));
    let code = value.get("error_code").or(value.pointer("/errors/0/code")).and_then(serde_json::Value::as_i64);
    match (said, code.filter(|code| *code != 0)) {
        (Some(said), Some(code)) => Error::bad_data(format!("{error}: error {code}: {said}")),
        (Some(said), None) => Error::bad_data(format!("{error}: {said}")),
        (None, Some(code)) => Error::bad_data(format!("{error}: error {code}")),
        (None, None) => Error::bad_data(error),
    }
}

/// The error for a web page, with its title.
fn html(source: Document<'_>, expected: &str) -> Error {
    let text = match refusal(source) {
        Ok(text) => text,
        Err(failure) => return failure,
    };
    let error = format!("not {expected}, but an HTML page, as of a login or an error");
    let lower = text.to_ascii_lowercase();
    let title = lower.find("<title").and_then(|at| {
        let start = at + lower.get(at..)?.find('>')? + 1;
        let length = lower.get(start..)?.find("</title")?;
        Some(text.get(start..start + length)?.split_whitespace().collect::<Vec<_>>().join(" "))
    });
    match title.filter(|title| !title.is_empty()) {
        Some(title) => Error::bad_data(format!("{error}: \"{}\"", title.chars().take(80).collect::<String>())),
        None => Error::bad_data(error),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_declared_encoding_is_found() {
        for (head, label) in [
            ("<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?>", Some("ISO-8859-1")),
            ("\n<?xml version='1.0' encoding = 'utf-8' standalone='yes'?>", Some("utf-8")),
            ("<?xml version=\"1.0\" ?><a encoding='x'>", None),
            ("<a encoding='x'>", None),
            ("<?xml encoding=x?>", None),
        ] {
            assert_eq!(declared_encoding(head.as_bytes()), label.map(str::as_bytes), "{head}");
        }
    }

    fn read_all(bytes: &[u8]) -> Option<Vec<u8>> {
        let mut text = Vec::new();
        open(bytes).ok()?.0.read_to_end(&mut text).ok()?;
        Some(text)
    }

    fn zip(content: &[u8], streamed: bool) -> Vec<u8> {
        let options = zip::write::SimpleFileOptions::default();
        if streamed {
            let mut writer = zip::ZipWriter::new_stream(Vec::new());
            writer.start_file("a.nessus", options).unwrap();
            writer.write_all(content).unwrap();
            writer.finish().unwrap().into_inner()
        } else {
            let mut writer = zip::ZipWriter::new(io::Cursor::new(Vec::new()));
            writer.start_file("a.nessus", options).unwrap();
            writer.write_all(content).unwrap();
            writer.finish().unwrap().into_inner()
        }
    }

    #[test]
    fn zeros_behind_gzip_are_its_end_and_nothing_else_is() {
        let packed = |text: &[u8]| {
            let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
            writer.write_all(text).unwrap();
            writer.finish().unwrap()
        };
        let two = [packed(b"<a>"), packed(b"</a>")].concat();
        for zeros in [0, 1, 512, 200_000] {
            let padded = [two.clone(), vec![0; zeros]].concat();
            assert_eq!(read_all(&padded).as_deref(), Some(b"<a></a>".as_slice()), "{zeros}");
            assert_eq!(read_all(&[padded.clone(), b"x".to_vec()].concat()), None, "{zeros}");
            if zeros > 0 {
                assert_eq!(read_all(&[padded, two.clone()].concat()), None, "{zeros}");
            }
        }
        assert_eq!(read_all(&two[..two.len() - 5]), None);
    }

    #[test]
    fn what_comes_before_a_failure_is_read() {
        let text = b"<a>short</a>";
        let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        writer.write_all(text).unwrap();
        let packed = writer.finish().unwrap();
        let damaged = |at: usize| {
            let mut packed = packed.clone();
            let at = packed.len() - at;
            packed[at] ^= 1;
            packed
        };
        for (bytes, why) in [
            ([packed.clone(), b"junk".to_vec()].concat(), "something stands behind the end"),
            ([packed.clone(), b"-".repeat(5000)].concat(), "something stands behind the end"),
            (damaged(8), "corrupt gzip"),
            (packed[..packed.len() - 3].to_vec(), "unexpected end"),
        ] {
            let mut read = Vec::new();
            let failure = open(bytes.as_slice()).unwrap().0.read_to_end(&mut read).unwrap_err();
            assert!(failure.to_string().contains(why), "{failure}");
            assert_eq!(read, text, "{why}");
        }
        // What is no report is not told of what broke off, but that it did.
        let failing = b"abc".chain(Failed(Some(io::Error::new(io::ErrorKind::TimedOut, "too slow"))));
        assert!(open(failing).err().unwrap().message().contains("too slow"));
    }

    #[test]
    fn files_that_are_no_report_are_named() {
        let mut tar = vec![0; 600];
        tar[..6].copy_from_slice(b"a.name");
        tar[257..262].copy_from_slice(b"ustar");
        let utf_32 = |text: &str| text.chars().flat_map(|symbol| u32::from(symbol).to_le_bytes()).collect::<Vec<_>>();
        for (bytes, what) in [
            (tar, "a tar archive: unpack it first"),
            (utf_32("\u{feff}<a/>"), "`UTF-32`, an encoding that is not known"),
            (utf_32("<a/>"), "`UTF-32`, an encoding that is not known"),
        ] {
            assert!(open(bytes.as_slice()).err().unwrap().message().contains(what), "{what}");
        }
    }

    #[test]
    fn ascii_is_read_as_utf_8() {
        for label in ["us-ascii", "US-ASCII", "ascii", "us_ascii", "ANSI_X3.4-1968"] {
            let document = format!("<?xml version='1.0' encoding='{label}'?><a>Fran\u{e7}ois</a>");
            assert_eq!(read_all(document.as_bytes()).as_deref(), Some(document.as_bytes()), "{label}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn no_bytes_are_too_strange(
            start in proptest::sample::select(vec!["", "PK\u{3}\u{4}", "<?xml", "<a", "{"]), packed in any::<bool>(),
            bytes in proptest::collection::vec(any::<u8>(), 0..300),
        ) {
            let gzip: &[u8] = if packed { b"\x1f\x8b\x08\0" } else { b"" };
            read_all(&[gzip, start.as_bytes(), &bytes].concat());
        }

        /// A damaged archive is never read as something else without notice, except in what it does not say twice.
        #[test]
        fn a_damaged_archive_is_noticed(
            at in 0usize..200, byte in any::<u8>(), streamed in any::<bool>(), padding in 0usize..3000
        ) {
            let content = format!("<a>{}</a>", "x".repeat(padding));
            let whole = zip(content.as_bytes(), streamed);
            prop_assert_eq!(read_all(&whole), Some(content.clone().into_bytes()));
            let mut damaged = whole;
            let at = at % damaged.len();
            damaged[at] = byte;
            if let Some(text) = read_all(&damaged) {
                prop_assert_eq!(text, content.as_bytes());
            }
        }
    }
}
