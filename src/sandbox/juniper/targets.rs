//! What a profile may scan: addresses and ranges. Network blocks and host names are not supported.

use std::net::{IpAddr, Ipv4Addr};

/// More addresses of one range than this are counted as scanned but answer nothing.
const MOST_PER_RANGE: u32 = 256;

/// Whether every entry is an address or a range `first-last`; else the entry that is not.
pub(super) fn check(hosts: &[String]) -> Result<(), String> {
    for host in hosts {
        if addresses(host).is_none() {
            return Err(if host.contains('/') {
                format!("\"{host}\" is a CIDR range. Only IP addresses and ranges first-last can be scanned.")
            } else {
                format!("\"{host}\" is neither an IP address nor a range first-last.")
            });
        }
    }
    Ok(())
}

/// The single addresses of checked entries, each once.
pub(super) fn expand(hosts: &[String]) -> Vec<IpAddr> {
    let mut all = Vec::new();
    for address in hosts.iter().filter_map(|host| addresses(host)).flatten() {
        if !all.contains(&address) {
            all.push(address);
        }
    }
    all
}

fn addresses(host: &str) -> Option<Vec<IpAddr>> {
    if let Ok(address) = host.parse::<IpAddr>() {
        return Some(vec![address]);
    }
    let (first, last) = host.split_once('-')?;
    let first = u32::from(first.trim().parse::<Ipv4Addr>().ok()?);
    let last = u32::from(last.trim().parse::<Ipv4Addr>().ok()?);
    if first > last {
        return None;
    }
    let last = last.min(first.saturating_add(MOST_PER_RANGE - 1));
    Some((first..=last).map(|address| IpAddr::from(Ipv4Addr::from(address))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts(entries: &[&str]) -> Vec<String> {
        entries.iter().map(|entry| (*entry).to_owned()).collect()
    }

    #[test]
    fn only_addresses_and_ranges_are_targets() {
        assert_eq!(check(&hosts(&["10.0.0.1", "10.0.0.1-10.0.0.9", "10.0.0.1 - 10.0.0.2", "2001:db8::1"])), Ok(()));
        for refused in ["10.0.0.0/24", "web.example.net", "10.0.0.9-10.0.0.1", "10.0.0.256", "10.0.0.1-9", ""] {
            assert!(check(&hosts(&[refused])).is_err(), "{refused}");
        }
        assert!(check(&hosts(&["10.0.0.0/24"])).is_err_and(|message| message.contains("CIDR")));
    }

    #[test]
    fn ranges_are_expanded_once_each() {
        let all = expand(&hosts(&["10.0.0.1-10.0.0.3", "10.0.0.2", "10.0.1.0-10.0.9.255"]));
        assert_eq!(all.len(), 3 + 256);
        assert_eq!(all.first().map(ToString::to_string).as_deref(), Some("10.0.0.1"));
    }
}
