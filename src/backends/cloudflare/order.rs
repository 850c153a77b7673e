//! Checks what is to be scanned before anything is sent: addresses, blocks and ports in Cloudflare's notation.

use std::collections::{BTreeSet, HashSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::error::{Error, Result};

/// Addresses that one config may have, all blocks counted out.
const MOST_ADDRESSES: u128 = 5000;

/// Ranges that the Internet does not route, after IANA's registries of special-purpose addresses.
const SPECIAL: [(IpAddr, u32); 23] = [
    (v4(0, 0, 0, 0), 8),
    (v4(10, 0, 0, 0), 8),
    (v4(100, 64, 0, 0), 10),
    (v4(127, 0, 0, 0), 8),
    (v4(169, 254, 0, 0), 16),
    (v4(172, 16, 0, 0), 12),
    (v4(192, 0, 0, 0), 24),
    (v4(192, 0, 2, 0), 24),
    (v4(192, 168, 0, 0), 16),
    (v4(198, 18, 0, 0), 15),
    (v4(198, 51, 100, 0), 24),
    (v4(203, 0, 113, 0), 24),
    (v4(224, 0, 0, 0), 4),
    (v4(240, 0, 0, 0), 4),
    // Unspecified and loopback.
    (v6(0, 0), 127),
    (IpAddr::V6(Ipv6Addr::new(0, 0, 0, 0, 0, 0xffff, 0, 0)), 96),
    (IpAddr::V6(Ipv6Addr::new(0x64, 0xff9b, 1, 0, 0, 0, 0, 0)), 48),
    (v6(0x100, 0), 64),
    (v6(0x2001, 0xdb8), 32),
    (v6(0x3fff, 0), 20),
    (v6(0xfc00, 0), 7),
    (v6(0xfe80, 0), 10),
    (v6(0xff00, 0), 8),
];

const fn v4(one: u8, two: u8, three: u8, four: u8) -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(one, two, three, four))
}

const fn v6(one: u16, two: u16) -> IpAddr {
    IpAddr::V6(Ipv6Addr::new(one, two, 0, 0, 0, 0, 0, 0))
}

/// An address or a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Block {
    address: IpAddr,
    prefix: u32,
}

impl Block {
    fn parse(text: &str) -> Option<Self> {
        let (address, prefix) = text.split_once('/').map_or((text, None), |(address, prefix)| (address, Some(prefix)));
        let address: IpAddr = address.parse().ok()?;
        let prefix = match prefix {
            None => width(address),
            Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => digits.parse().ok()?,
            Some(_) => return None,
        };
        (prefix <= width(address)).then_some(Self { address, prefix })
    }

    /// How many addresses it has; the whole of IPv6 is one more than can be told.
    fn count(self) -> u128 {
        1_u128.checked_shl(width(self.address) - self.prefix).unwrap_or(u128::MAX)
    }

    fn overlaps(self, (address, prefix): (IpAddr, u32)) -> bool {
        let common = self.prefix.min(prefix);
        let beyond = width(self.address) - common;
        let network = |address| bits(address).checked_shr(beyond).unwrap_or(0);
        self.address.is_ipv4() == address.is_ipv4() && network(self.address) == network(address)
    }
}

const fn width(address: IpAddr) -> u32 {
    match address {
        IpAddr::V4(_) => 32,
        IpAddr::V6(_) => 128,
    }
}

fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => u128::from(address.to_bits()),
        IpAddr::V6(address) => address.to_bits(),
    }
}

/// The parts of a list whose entries may hold commas.
fn parts(texts: &[String]) -> impl Iterator<Item = &str> {
    texts.iter().flat_map(|text| text.split(',')).map(str::trim)
}

/// The same, each once, in order.
fn distinct(texts: &[String]) -> Vec<&str> {
    let mut known = HashSet::new();
    parts(texts).filter(|part| known.insert(*part)).collect()
}

/// Targets as they are sent, and what is to be said about them.
///
/// # Errors
/// Exit 2 for what is neither address nor block, and for too many.
pub fn targets(texts: &[String]) -> Result<(Vec<String>, Vec<String>)> {
    let parts = distinct(texts);
    let mut count = 0_u128;
    let mut special = Vec::new();
    for part in &parts {
        let block = Block::parse(part).ok_or_else(|| {
            Error::usage(format!("`{part}` is neither an address nor a block such as 192.0.2.0/24"))
                .hint("Cloudflare takes no host names, and no ranges with a dash")
        })?;
        count = count.saturating_add(block.count());
        if SPECIAL.into_iter().any(|range| block.overlaps(range)) {
            special.push(*part);
        }
    }
    if count > MOST_ADDRESSES {
        return Err(Error::usage(format!("the targets are {count} addresses, and Cloudflare takes {MOST_ADDRESSES}"))
            .hint("spread them over several configs"));
    }
    let mut warnings = Vec::new();
    if !special.is_empty() {
        warnings.push(format!("private or reserved, so not what Cloudflare sees from outside: {}", special.join(", ")));
    }
    Ok((parts.into_iter().map(str::to_owned).collect(), warnings))
}

/// Ports as they are sent: one element for each port or range, or one word.
///
/// # Errors
/// Exit 2 for what is no port, and for a word beside ports.
pub fn ports(texts: &[String]) -> Result<Vec<String>> {
    if texts.is_empty() {
        return Ok(vec!["default".to_owned()]);
    }
    let parts = distinct(texts);
    if let Some(word) = parts.iter().find(|part| matches!(**part, "default" | "all")) {
        if parts.len() > 1 {
            return Err(Error::usage(format!("`{word}` does not go with other ports")));
        }
        return Ok(vec![(*word).to_owned()]);
    }
    parts
        .into_iter()
        .map(|part| {
            let ends = part.split_once('-').map_or((part, part), |(first, last)| (first.trim(), last.trim()));
            match (port(ends.0), port(ends.1)) {
                (Some(first), Some(last)) if first == last && !part.contains('-') => Ok(first.to_string()),
                (Some(first), Some(last)) if first <= last => Ok(format!("{first}-{last}")),
                _ => Err(Error::usage(format!("`{part}` is no port and no range of ports"))
                    .hint("ports are 1 to 65535, for example `--ports 22,80-443`, `--ports default` or `--ports all`")),
            }
        })
        .collect()
}

fn port(text: &str) -> Option<u16> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|port| digits && *port > 0)
}

/// Whether two lists of targets are the same. Cloudflare promises neither order nor spelling.
pub fn same_targets(left: &[String], right: &[String]) -> bool {
    type Normal<'a> = BTreeSet<Result<Block, &'a str>>;
    let normal = |text| Block::parse(text).ok_or(text);
    parts(left).map(normal).collect::<Normal<'_>>() == parts(right).map(normal).collect::<Normal<'_>>()
}

/// Whether two lists of ports are the same.
pub fn same_ports(left: &[String], right: &[String]) -> bool {
    parts(left).collect::<BTreeSet<_>>() == parts(right).collect::<BTreeSet<_>>()
}

#[cfg(test)]
mod tests {
    use super::{ports, same_ports, same_targets, targets};
    use crate::exit::Exit;

    fn owned(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| (*text).to_owned()).collect()
    }

    #[test]
    fn targets_are_addresses_and_blocks_each_once() {
        let (sent, warnings) = targets(&owned(&["1.1.1.1, 2606:4700:4700::1111", "1.1.1.1", "8.8.8.0/24"])).unwrap();
        assert_eq!(sent, ["1.1.1.1", "2606:4700:4700::1111", "8.8.8.0/24"]);
        assert!(warnings.is_empty());
    }

    #[test]
    fn five_thousand_addresses_are_the_most() {
        for (list, accepted) in [
            (&["8.0.0.0/20"][..], true),
            (&["8.0.0.0/19"], false),
            (&["8.0.0.0/20", "9.0.0.0/23", "9.1.0.0/24", "9.2.0.0/25", "9.3.0.0/29"], true),
            (&["8.0.0.0/20", "9.0.0.0/23", "9.1.0.0/24", "9.2.0.0/25", "9.3.0.0/29", "9.4.0.1"], false),
            (&["2606:4700::/116"], true),
            (&["2606:4700::/115"], false),
            (&["::/0"], false),
            (&["::/0", "0.0.0.0/0", "::/1"], false),
        ] {
            let checked = targets(&owned(list));
            assert_eq!(
                checked.as_ref().err().map(crate::error::Error::exit),
                (!accepted).then_some(Exit::Usage),
                "{list:?}"
            );
        }
    }

    #[test]
    fn host_names_ranges_and_odd_spellings_are_refused() {
        for bad in [
            "example.org",
            "1.2.3.4-9",
            "1.2.3.4-1.2.3.9",
            "1.2.3",
            "1.2.3.4/33",
            "1.2.3.4/",
            "1.2.3.4/+8",
            "::/129",
            "",
            "1.2.3.4/a",
            "fe80::1%eth0",
            "01.2.3.4",
            "1.2.3.4:80",
            "[::1]",
            "*",
        ] {
            assert_eq!(targets(&owned(&[bad])).unwrap_err().exit(), Exit::Usage, "{bad}");
        }
    }

    #[test]
    fn what_is_not_on_the_internet_is_warned_about() {
        let special = [
            "10.1.2.3",
            "127.0.0.1",
            "172.16.0.0/24",
            "172.31.255.255",
            "192.168.1.0/28",
            "169.254.1.1",
            "100.64.0.1",
            "198.18.0.1",
            "203.0.113.7/32",
            "224.0.0.1",
            "255.255.255.255",
            "0.0.0.0",
            "::1",
            "::",
            "fe80::1",
            "fd00::/120",
            "ff02::1",
            "2001:db8::1",
            "::ffff:1.1.1.1",
        ];
        for text in special {
            let (_, warnings) = targets(&owned(&[text])).unwrap();
            assert_eq!(warnings.len(), 1, "{text}");
        }
        for text in [
            "1.1.1.1",
            "172.32.0.1",
            "192.169.0.1",
            "100.128.0.1",
            "11.0.0.1",
            "9.255.255.0/20",
            "2606:4700:4700::1111",
            "64:ff9b::1",
        ] {
            assert!(targets(&owned(&[text])).unwrap().1.is_empty(), "{text}");
        }
        let (_, warnings) = targets(&owned(&["1.1.1.1", "10.0.0.0/24", "192.168.0.1"])).unwrap();
        assert!(warnings[0].ends_with(": 10.0.0.0/24, 192.168.0.1"), "{warnings:?}");
    }

    #[test]
    fn ports_are_one_element_each() {
        for (list, sent) in [
            (&[][..], &["default"][..]),
            (&["default"], &["default"]),
            (&["all"], &["all"]),
            (&["1-80,443", "443"], &["1-80", "443"]),
            (&[" 22 , 8000 - 8080 "], &["22", "8000-8080"]),
            (&["0080"], &["80"]),
            (&["1-65535"], &["1-65535"]),
            (&["80-80"], &["80-80"]),
        ] {
            assert_eq!(ports(&owned(list)).unwrap(), sent, "{list:?}");
        }
        for bad in [
            "0",
            "65536",
            "80-",
            "-80",
            "90-80",
            "a",
            "80-443-8080",
            "80;443",
            "+80",
            "",
            "1,,2",
            "default,80",
            "all,default",
            "http",
        ] {
            assert_eq!(ports(&owned(&[bad])).unwrap_err().exit(), Exit::Usage, "{bad}");
        }
    }

    #[test]
    fn the_same_targets_in_any_order_and_spelling() {
        let left = owned(&["1.1.1.1/32", "2606:4700:4700:0:0:0:0:1111"]);
        assert!(same_targets(&left, &owned(&["2606:4700:4700::1111", "1.1.1.1"])));
        assert!(!same_targets(&left, &owned(&["1.1.1.1"])));
        assert!(!same_targets(&left, &owned(&["1.1.1.0/24", "2606:4700:4700::1111"])));
        assert!(same_targets(&owned(&["odd", "odder"]), &owned(&["odder", "odd"])));
        assert!(same_ports(&owned(&["443", "1-80"]), &owned(&["1-80,443"])));
        assert!(!same_ports(&owned(&["443"]), &owned(&["443", "80"])));
    }
}
