//! Target lists: how many addresses they hold, which, and whether they lie in a range. Not for what is found there.

use std::net::Ipv4Addr;

/// How many addresses a target list holds, counting a name as one.
pub(super) fn count(targets: &str) -> u64 {
    items(targets).map(|item| item.size()).sum()
}

/// The IPv4 addresses of a target list that holds at most `most` of them; nothing for longer ones.
pub(super) fn addresses(targets: &str, most: u64) -> Vec<u32> {
    if count(targets) > most {
        return Vec::new();
    }
    items(targets)
        .flat_map(|item| match item {
            Item::Range(first, last) => (first..=last).collect(),
            Item::Name => Vec::new(),
        })
        .collect()
}

/// The parts of a target list that are not within a range list. Names are looked up by nobody, so they are within.
pub(super) fn outside(targets: &str, ranges: &str) -> Vec<String> {
    let within = |first: u32, last: u32| {
        items(ranges).any(|range| matches!(range, Item::Range(from, to) if from <= first && last <= to))
    };
    parts(targets)
        .filter(|part| matches!(Item::read(part), Item::Range(first, last) if !within(first, last)))
        .map(str::to_owned)
        .collect()
}

/// Addresses as a range list: `10.0.0.1,10.0.0.3-10.0.0.5`.
pub(super) fn ranges(addresses: &[u32]) -> String {
    let mut sorted = addresses.to_vec();
    sorted.sort_unstable();
    sorted.dedup();
    let mut runs: Vec<(u32, u32)> = Vec::new();
    for address in sorted {
        match runs.last_mut() {
            Some((_, last)) if *last + 1 == address => *last = address,
            _ => runs.push((address, address)),
        }
    }
    let dotted = Ipv4Addr::from_bits;
    let texts = runs.into_iter().map(|(first, last)| {
        if first == last { dotted(first).to_string() } else { format!("{}-{}", dotted(first), dotted(last)) }
    });
    texts.collect::<Vec<_>>().join(",")
}

enum Item {
    Range(u32, u32),
    Name,
}

impl Item {
    fn read(text: &str) -> Self {
        let address = |text: &str| text.trim().parse::<Ipv4Addr>().ok().map(Ipv4Addr::to_bits);
        if let Some(single) = address(text) {
            return Self::Range(single, single);
        }
        if let Some((first, last)) = text.split_once('-')
            && let (Some(first), Some(last)) = (address(first), address(last))
            && first <= last
        {
            return Self::Range(first, last);
        }
        if let Some((base, bits)) = text.split_once('/')
            && let (Some(base), Ok(bits @ 0..=32)) = (address(base), bits.parse::<u32>())
        {
            let mask = u32::MAX.checked_shl(32 - bits).unwrap_or(0);
            return Self::Range(base & mask, base | !mask);
        }
        Self::Name
    }

    fn size(&self) -> u64 {
        match self {
            Self::Range(first, last) => u64::from(last - first) + 1,
            Self::Name => 1,
        }
    }
}

fn parts(targets: &str) -> impl Iterator<Item = &str> {
    targets.split([',', '\n']).map(str::trim).filter(|part| !part.is_empty())
}

fn items(targets: &str) -> impl Iterator<Item = Item> {
    parts(targets).map(Item::read)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_counted() {
        assert_eq!(count("192.0.2.0/28,web01.example.com,10.0.0.1-10.0.0.4, 10.0.0.9"), 16 + 1 + 4 + 1);
        assert_eq!(count(""), 0);
        assert_eq!(count("0.0.0.0/0"), 1 << 32);
    }

    #[test]
    fn addresses_make_range_lists() {
        let addresses = addresses("10.0.0.3-10.0.0.5,10.0.0.1,www.example.com", 10);
        assert_eq!(ranges(&addresses), "10.0.0.1,10.0.0.3-10.0.0.5");
        assert_eq!(ranges(&[]), "");
        assert!(super::addresses("10.0.0.0/8", 4096).is_empty());
    }

    #[test]
    fn what_lies_outside_is_named() {
        assert_eq!(outside("198.51.100.7,10.0.0.1-10.0.0.2,www.example.com", "198.51.100.0/24"), ["10.0.0.1-10.0.0.2"]);
        assert!(outside("10.0.0.0/8", "0.0.0.0/0").is_empty());
    }
}
