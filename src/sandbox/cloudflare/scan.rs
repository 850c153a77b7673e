//! Targets, ports, and what a scan of them shows.
//!
//! A result follows from the addresses, the ports and the number of the scan alone. Two scans of the same config in a
//! row always differ in one port.

use serde_json::{Map, Value, json};
use std::net::IpAddr;

/// The most addresses one config may have.
pub(super) const MOST_ADDRESSES: u128 = 5000;

/// Ports that something may listen on. `default` is taken to mean all but the last two.
const COMMON: &[u16] =
    &[21, 22, 25, 53, 80, 110, 143, 161, 443, 445, 993, 3306, 3389, 5432, 8080, 8443, 31_337, 49_152];
const NOT_IN_DEFAULT: usize = 2;

/// An address or a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Block {
    address: IpAddr,
    prefix: u8,
}

impl Block {
    /// Reads `address` or `address/prefix`.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (address, prefix) = text.split_once('/').map_or((text, None), |(address, prefix)| (address, Some(prefix)));
        let address: IpAddr = address.parse().ok()?;
        let longest = if address.is_ipv4() { 32 } else { 128 };
        let prefix = match prefix {
            None => longest,
            Some(digits) => digits.parse().ok().filter(|prefix| *prefix <= longest)?,
        };
        Some(Self { address, prefix })
    }

    /// How many addresses it has.
    pub(super) fn count(self) -> u128 {
        let longest: u8 = if self.address.is_ipv4() { 32 } else { 128 };
        1_u128.checked_shl(u32::from(longest - self.prefix)).unwrap_or(u128::MAX)
    }

    fn addresses(self) -> Vec<IpAddr> {
        let bits = match self.address {
            IpAddr::V4(four) => u128::from(u32::from(four)),
            IpAddr::V6(six) => u128::from(six),
        };
        let first = bits & !(self.count() - 1);
        let address = |bits: u128| match u32::try_from(bits) {
            Ok(four) if self.address.is_ipv4() => IpAddr::from(four.to_be_bytes()),
            _ => IpAddr::from(bits.to_be_bytes()),
        };
        (0..self.count().min(MOST_ADDRESSES)).map(|offset| address(first + offset)).collect()
    }
}

/// Whether an entry of `ports` has a documented form: `default`, `all`, a port, a range, or a list of these two.
pub(super) fn is_port_entry(entry: &str) -> bool {
    let all_or_default = matches!(entry, "default" | "all");
    all_or_default || entry.split(',').all(|part| range(part.trim_start()).is_some())
}

/// Both ends of `first-last` or of a single port.
fn range(text: &str) -> Option<(u16, u16)> {
    let port = |digits: &str| digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok()).flatten();
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let (first, last) = (port(first)?, port(last)?);
    (first <= last).then_some((first, last))
}

/// The map from address to open ports that scan number `scan` of these targets leaves behind.
///
/// Of addresses without an open port some are in the map with an empty list and most are not in it. Keys have the
/// shortest spelling of an address, whatever spelling was sent.
pub(super) fn result(targets: &[String], ports: &[String], scan: u64, floats: bool) -> Value {
    let candidates = candidates(ports);
    let mut map = Map::new();
    let mut changes = true;
    for block in targets.iter().filter_map(|target| Block::parse(target)) {
        let single = block.count() == 1;
        for address in block.addresses() {
            let key = address.to_string();
            let silent = matches!(address, IpAddr::V4(four) if four.octets()[..3] == [198, 51, 100]);
            if silent || !(single || mix(&key, 0).is_multiple_of(3)) {
                if mix(&key, 1).is_multiple_of(7) && !silent {
                    map.insert(key, json!([]));
                }
                continue;
            }
            let flipped = std::mem::take(&mut changes).then(|| flipped(scan, candidates.len())).flatten();
            let open = open(&key, &candidates, flipped);
            map.insert(key, open.iter().map(|port| port_object(*port, floats)).collect());
        }
    }
    Value::Object(map)
}

/// The index of the port that scan number `scan` sees otherwise than the scan before and the scan after it.
fn flipped(scan: u64, candidates: usize) -> Option<usize> {
    let step = usize::try_from(scan / 2).ok()?;
    (scan % 2 == 1 && candidates > 0).then(|| step % candidates)
}

fn open(host: &str, candidates: &[u16], flipped: Option<usize>) -> Vec<u16> {
    let first = usize::try_from(mix(host, 3)).unwrap_or_default() % candidates.len().max(1);
    let is_open = |index: usize, port: u16| index == first || mix(host, u64::from(port)).is_multiple_of(4);
    let seen = candidates.iter().copied().enumerate();
    seen.filter(|(index, port)| is_open(*index, *port) != (flipped == Some(*index))).map(|(_, port)| port).collect()
}

/// The ports worth looking at: the common ones among those asked for, or else the first asked for.
fn candidates(ports: &[String]) -> Vec<u16> {
    let default = COMMON.len() - NOT_IN_DEFAULT;
    let asked: Vec<(u16, u16)> =
        ports.iter().flat_map(|entry| entry.split(',')).filter_map(|part| range(part.trim())).collect();
    let wanted = |index: usize, port: u16| {
        ports.iter().any(|entry| entry == "all" || (entry == "default" && index < default))
            || asked.iter().any(|(first, last)| (*first..=*last).contains(&port))
    };
    let common = COMMON.iter().copied().enumerate().filter(|(index, port)| wanted(*index, *port));
    let mut found: Vec<u16> = common.map(|(_, port)| port).collect();
    if found.is_empty() {
        found.extend(asked.first().map(|(first, _)| *first));
    }
    found
}

/// JSON knows numbers, not integers: both spellings occur.
fn port_object(port: u16, floats: bool) -> Value {
    let number = if floats { json!(f64::from(port)) } else { json!(port) };
    json!({"number": number, "proto": if matches!(port, 53 | 161) { "udp" } else { "tcp" }, "status": "open"})
}

/// A number that looks like chance and always is the same (FNV-1a with a salt, then stirred).
fn mix(text: &str, salt: u64) -> u64 {
    let start = 0xcbf2_9ce4_8422_2325 ^ salt.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mixed = text.bytes().fold(start, |state, byte| (state ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    (mixed ^ (mixed >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 13
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(entries: &[&str]) -> Vec<String> {
        entries.iter().map(|entry| (*entry).to_owned()).collect()
    }

    #[test]
    fn blocks_are_counted_and_others_refused() {
        for (text, count) in [
            ("1.1.1.1", 1),
            ("203.0.113.7/32", 1),
            ("203.0.113.7/20", 4096),
            ("2606:4700::/116", 4096),
            ("::/0", u128::MAX),
        ] {
            assert_eq!(Block::parse(text).map(Block::count), Some(count), "{text}");
        }
        for text in ["example.com", "1.1.1.1-9", "1.1.1.1-1.1.1.9", "1.1.1.1/33", "::1/129", "1.1.1.1/", "", "1.1.1.1 "]
        {
            assert_eq!(Block::parse(text), None, "{text}");
        }
    }

    #[test]
    fn ports_are_words_ports_ranges_and_lists() {
        for entry in ["default", "all", "443", "1-80", "1-80,443", "1-80, 443", "65535"] {
            assert!(is_port_entry(entry), "{entry}");
        }
        for entry in ["", "Default", "80-1", "65536", "http", "1-", "-1", "1-2-3", "80,", "default,80", "+80"] {
            assert!(!is_port_entry(entry), "{entry}");
        }
    }

    #[test]
    fn two_scans_in_a_row_differ_even_with_one_port() {
        for ports in [list(&["443"]), list(&["default"]), list(&["12345"])] {
            let scans: Vec<Value> = (0..6).map(|scan| result(&list(&["1.1.1.1"]), &ports, scan, false)).collect();
            assert!(scans.windows(2).all(|pair| pair[0] != pair[1]), "{ports:?}");
            assert_ne!(scans[0], json!({"1.1.1.1": []}), "the first scan finds something");
        }
    }

    #[test]
    fn keys_have_the_shortest_spelling() {
        let found = result(&list(&["2606:4700:4700:0:0:0:0:1111"]), &list(&["443"]), 0, true);
        assert_eq!(found, json!({"2606:4700:4700::1111": [{"number": 443.0, "proto": "tcp", "status": "open"}]}));
    }

    #[test]
    fn a_block_shows_some_addresses_some_empty_and_most_not_at_all() {
        let found = result(&list(&["203.0.113.0/24"]), &list(&["default"]), 0, false);
        let map = found.as_object().unwrap();
        let empty = map.values().filter(|ports| **ports == json!([])).count();
        assert!(empty > 0 && map.len() > empty && map.len() < 200, "{empty} of {}", map.len());
        assert_eq!(result(&list(&["198.51.100.0/24"]), &list(&["all"]), 0, false), json!({}));
    }

    #[test]
    fn blocks_are_expanded_from_their_first_to_their_last_address() {
        let ends = |text: &str| {
            let all = Block::parse(text).unwrap().addresses();
            (all.first().unwrap().to_string(), all.last().unwrap().to_string())
        };
        assert_eq!(ends("203.0.113.7/30"), ("203.0.113.4".to_owned(), "203.0.113.7".to_owned()));
        assert_eq!(ends("255.255.255.255"), ("255.255.255.255".to_owned(), "255.255.255.255".to_owned()));
        assert_eq!(ends("::7/126"), ("::4".to_owned(), "::7".to_owned()));
        let last = "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff";
        assert_eq!(ends(last), (last.to_owned(), last.to_owned()));
    }

    #[test]
    fn only_ports_asked_for_are_shown() {
        let found = result(&list(&["203.0.113.0/24"]), &list(&["1-80", "443"]), 3, false);
        let ports = found.as_object().unwrap().values().flat_map(|ports| ports.as_array().unwrap());
        let numbers: Vec<u64> = ports.map(|port| port["number"].as_u64().unwrap()).collect();
        assert!(!numbers.is_empty() && numbers.iter().all(|number| *number <= 80 || *number == 443), "{numbers:?}");
    }
}
