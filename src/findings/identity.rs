//! Which finding is which, from run to run and from file to API.
//!
//! The id is the first 32 hex digits of SHA-256 over `source|plugin|host|port|protocol|check`, joined by 0x1F. Rows of
//! one report whose key is equal get `#2`, `#3`, … appended to it: within one host's entry in order of the hash of
//! their output, and where the same host has another entry (several addresses with one name, or an entry so large that
//! it is read in parts), that entry counts on. To count in order of the hash over the whole report one would have to
//! hold it back until its end; the *set* of ids is the same either way.
//!
//! Not for: what must be remembered of earlier entries ([`super::numbering`]).

use std::fmt;
use std::io::Write as _;
use std::str::FromStr;

use ring::digest::{Digest, SHA256};

use super::shape::{Details, Host, Source, Text};
use crate::error::Error;

/// The separator between the parts of a key: a character that stands in none of them.
const SEPARATOR: u8 = 0x1f;

/// The id of a finding.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FindingId([u8; 16]);

impl FindingId {
    /// The id as bytes.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    fn of(digest: &Digest) -> Self {
        let mut bytes = [0; 16];
        bytes.iter_mut().zip(digest.as_ref()).for_each(|(to, from)| *to = *from);
        Self(bytes)
    }

    /// A hash of a text.
    pub(super) fn hashed(text: &str) -> u64 {
        Self::of(&ring::digest::digest(&SHA256, text.as_bytes())).short()
    }

    fn short(self) -> u64 {
        let [a, b, c, d, e, f, g, h, ..] = self.0;
        u64::from_be_bytes([a, b, c, d, e, f, g, h])
    }
}

impl FromStr for FindingId {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let wrong = || Error::bad_data(format!("`{}` is no id of a finding", text.escape_debug()));
        let digits: &[u8; 32] = text.as_bytes().try_into().map_err(|_| wrong())?;
        let mut bytes = [0; 16];
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            let digit = |at: usize| char::from(pair[at]).to_digit(16).map(|digit| digit as u8);
            *byte = digit(0).zip(digit(1)).map(|(high, low)| high << 4 | low).ok_or_else(wrong)?;
        }
        Ok(Self(bytes))
    }
}

impl fmt::Display for FindingId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut text = [0; 32];
        for (pair, byte) in text.chunks_exact_mut(2).zip(self.0) {
            pair[0] = DIGITS[usize::from(byte >> 4)];
            pair[1] = DIGITS[usize::from(byte & 15)];
        }
        formatter.write_str(std::str::from_utf8(&text).unwrap_or_default())
    }
}

impl fmt::Debug for FindingId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

/// The part of the key that names the host: lower-case full name, else address, else the report's name.
pub(super) fn host_key(host: &Host<'_>) -> String {
    match (&host.fqdn, &host.ip) {
        (Some(fqdn), _) => fqdn.to_lowercase(),
        (None, Some(ip)) => ip.clone().into_owned(),
        (None, None) => host.name.clone().into_owned(),
    }
}

/// The part of the key that names what was looked at, where the plugin alone does not.
fn check_key<'d>(details: &'d Details<'_>) -> &'d str {
    if let Some(check) = details.compliance.as_ref().and_then(|compliance| compliance.check_id.as_deref()) {
        return check;
    }
    // A port that was found open is no plugin's row.
    if details.plugin_id.is_none() && details.plugin_name.as_deref() == Some(super::OPEN_PORT) {
        return "open-port";
    }
    ""
}

fn digest(source: Source, host: &str, details: &Details<'_>, rank: u32) -> FindingId {
    let mut key = Vec::with_capacity(160);
    key.extend_from_slice(source.name().as_bytes());
    key.push(SEPARATOR);
    key.extend_from_slice(details.plugin_id.as_deref().unwrap_or_default().as_bytes());
    key.push(SEPARATOR);
    key.extend_from_slice(host.as_bytes());
    key.push(SEPARATOR);
    if let Some(port) = details.port {
        // Writing to memory cannot fail.
        let _ = write!(key, "{port}");
    }
    key.push(SEPARATOR);
    key.extend(details.protocol.as_deref().unwrap_or_default().bytes().map(|byte| byte.to_ascii_lowercase()));
    key.push(SEPARATOR);
    key.extend_from_slice(check_key(details).as_bytes());
    if rank > 1 {
        let _ = write!(key, "#{rank}");
    }
    FindingId::of(&ring::digest::digest(&SHA256, &key))
}

/// The ids of one host's entry, as far as the entry alone tells them.
#[derive(Debug)]
pub(super) struct EntryIds {
    /// The host's part of the key.
    host: String,
    rows: Vec<RowId>,
}

#[derive(Debug, Clone, Copy)]
struct RowId {
    id: FindingId,
    /// The beginning of the id that the key has without a suffix.
    key: u64,
    /// Which of the equal keys this is, from 1.
    rank: u32,
}

impl EntryIds {
    /// Ids for the rows of one entry. `output` gives a row's output, and is asked only for rows with equal keys.
    pub(super) fn new<'o>(
        source: Source,
        host: &Host<'_>,
        rows: &[Details<'_>],
        mut output: impl FnMut(usize) -> Option<Text<'o>>,
    ) -> Self {
        let host = host_key(host);
        let mut ids: Vec<RowId> = rows
            .iter()
            .map(|details| {
                let id = digest(source, &host, details, 1);
                RowId { id, key: id.short(), rank: 1 }
            })
            .collect();
        let mut order: Vec<(u64, usize)> = ids.iter().enumerate().map(|(index, row)| (row.key, index)).collect();
        order.sort_unstable();
        for equal in order.chunk_by(|left, right| left.0 == right.0).filter(|equal| equal.len() > 1) {
            let mut hashes: Vec<([u8; 32], usize)> =
                equal.iter().map(|(_, index)| (output_hash(output(*index)), *index)).collect();
            hashes.sort_unstable();
            for (rank, (_, index)) in (1..).zip(hashes) {
                if let (Some(row), Some(details)) = (ids.get_mut(index), rows.get(index)) {
                    *row = RowId { id: digest(source, &host, details, rank), rank, ..*row };
                }
            }
        }
        Self { host, rows: ids }
    }

    /// The host's part of the key.
    pub(super) fn host(&self) -> &str {
        &self.host
    }

    /// What stands for each row's key without a suffix, in the order of the rows.
    pub(super) fn keys(&self) -> impl Iterator<Item = u64> {
        self.rows.iter().map(|row| row.key)
    }

    /// Lets a row count on where its key was used so often before. `details` is the row.
    pub(super) fn count_on(&mut self, index: usize, earlier: u32, source: Source, details: &Details<'_>) {
        if let Some(row) = self.rows.get_mut(index) {
            row.rank = row.rank.saturating_add(earlier);
            row.id = digest(source, &self.host, details, row.rank);
        }
    }

    /// The ids, in the order of the rows.
    pub(super) fn ids(&self) -> impl Iterator<Item = FindingId> {
        self.rows.iter().map(|row| row.id)
    }
}

fn output_hash(output: Option<Text<'_>>) -> [u8; 32] {
    let digest = ring::digest::digest(&SHA256, output.unwrap_or_default().as_bytes());
    let mut bytes = [0; 32];
    bytes.iter_mut().zip(digest.as_ref()).for_each(|(to, from)| *to = *from);
    bytes
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use super::super::numbering::Numbering;
    use super::super::numbering::testing::{expected, host, ids, row};
    use super::*;
    use crate::findings::shape::Compliance;

    #[test]
    fn the_key_is_source_plugin_host_port_protocol_check() {
        let numbering = &mut Numbering::default();
        let named = host("DB.Example.org");
        assert_eq!(ids(numbering, &named, &[row("19506", 0, "x")]), [expected("tenable|19506|db.example.org|0|tcp|")]);
        let addressed = Host { fqdn: None, ..named.clone() };
        assert_eq!(ids(numbering, &addressed, &[row("1", 443, "")]), [expected("tenable|1|192.0.2.1|443|tcp|")]);
        let called = Host { ip: None, ..addressed };
        let upper = Details { protocol: Some("TCP".into()), ..row("1", 443, "") };
        assert_eq!(ids(numbering, &called, &[upper]), [expected("tenable|1|target|443|tcp|")]);
        let check = Compliance { check_id: Some("c1".into()), ..Compliance::default() };
        let audit = Details { compliance: Some(Box::new(check)), ..row("21157", 0, "") };
        assert_eq!(ids(numbering, &named, &[audit]), [expected("tenable|21157|db.example.org|0|tcp|c1")]);
        let open = Details {
            plugin_name: Some(crate::findings::OPEN_PORT.into()),
            port: Some(22),
            protocol: Some("tcp".into()),
            ..Details::default()
        };
        let mut entry = EntryIds::new(Source::Cloudflare, &called, std::slice::from_ref(&open), |_| None);
        numbering.number(Source::Cloudflare, &[open], &mut entry).unwrap();
        let id = entry.ids().next().unwrap();
        assert_eq!(id.to_string(), expected("cloudflare||target|22|tcp|open-port"));
        assert_eq!(id.as_bytes().len(), 16);
        assert_eq!(id.to_string().parse::<FindingId>().unwrap(), id);
        for wrong in ["", "0", &"g".repeat(32), &"é".repeat(16), &"0".repeat(33)] {
            assert!(wrong.parse::<FindingId>().is_err(), "{wrong}");
        }
        let long = "n".repeat(400);
        let far = Host { fqdn: Some(long.clone().into()), ..Host::default() };
        assert_eq!(ids(numbering, &far, &[row("1", 1, "")]), [expected(&format!("tenable|1|{long}|1|tcp|"))]);
    }

    #[test]
    fn equal_keys_are_told_apart_by_their_output_wherever_they_stand() {
        let key = "tenable|1|a|80|tcp|";
        let rows = [row("1", 80, "first"), row("2", 80, "first"), row("1", 80, "second"), row("1", 80, "third")];
        let mut backwards = rows.clone();
        backwards.reverse();
        let forth = ids(&mut Numbering::default(), &host("a"), &rows);
        let mut back = ids(&mut Numbering::default(), &host("a"), &backwards);
        back.reverse();
        assert_eq!(forth, back);
        let mut sorted = vec![forth[0].clone(), forth[2].clone(), forth[3].clone()];
        sorted.sort();
        let mut wanted = ["", "#2", "#3"].map(|suffix| expected(&format!("{key}{suffix}")));
        wanted.sort();
        assert_eq!(sorted, wanted);
        // `third` has the smallest hash, then `first`, then `second`.
        let mut order: Vec<&str> = vec!["first", "second", "third"];
        order.sort_by_key(|output| output_hash(Some(Cow::Borrowed(output))));
        let place =
            rows.iter().position(|row| row.output.as_deref() == Some(order[0]) && row.port == Some(80)).unwrap();
        assert_eq!(forth[place], expected(key));
    }
}
