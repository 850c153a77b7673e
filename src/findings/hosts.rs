//! Hosts as a user names them: an address, a network, a range of addresses, or a name with `*` and `?`.
//!
//! What no host can have is refused: a slip in an address must not become a name that nothing has, which would leave
//! every gate open.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use super::shape::Host;
use crate::error::{Error, Result};

/// Hosts by address or by name.
#[derive(Debug, Clone, PartialEq)]
pub struct HostPattern {
    written: String,
    meant: Meant,
}

#[derive(Debug, Clone, PartialEq)]
enum Meant {
    /// Addresses from the first to the last, both of one family.
    Addresses(IpAddr, IpAddr),
    /// Names, full names, NetBIOS names and addresses, with `*` and `?`, in lower case.
    Names(String),
}

impl fmt::Display for HostPattern {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.written)
    }
}

impl FromStr for HostPattern {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let text = text.trim();
        if text.is_empty() {
            return Err(Error::usage("an empty host pattern"));
        }
        let meant = match addresses(text)? {
            Some((first, last)) => Meant::Addresses(first, last),
            None => Meant::Names(name(text)?),
        };
        Ok(Self { written: text.to_owned(), meant })
    }
}

impl HostPattern {
    /// Whether a host is meant.
    pub fn matches(&self, host: &Host<'_>) -> bool {
        match &self.meant {
            Meant::Addresses(first, last) => {
                // Behind address translation a scan is told of another address than the host has.
                let texts = [host.ip.as_ref(), Some(&host.name)].into_iter().flatten();
                // Of the other family all addresses are either before the first or behind the last.
                texts.filter_map(|text| address(text)).any(|address| (*first..=*last).contains(&address))
            }
            Meant::Names(pattern) => {
                let names = [Some(&host.name), host.fqdn.as_ref(), host.netbios.as_ref(), host.ip.as_ref()];
                names.into_iter().flatten().any(|name| glob(pattern, &name.to_lowercase()))
            }
        }
    }
}

/// The addresses that are meant, first and last; `None` where a name is meant.
fn addresses(text: &str) -> Result<Option<(IpAddr, IpAddr)>> {
    if let Some(one) = address(text) {
        return Ok(Some((one, one)));
    }
    if let Some((start, bits)) = text.split_once('/').filter(|(start, _)| may_begin_a_network(start)) {
        return network(start, bits).map(Some).ok_or_else(|| {
            Error::usage(format!("`{text}` is no network"))
                .hint("write an address and how many bits of it count, as 192.0.2.0/24 or 2001:db8::/32")
        });
    }
    if let Some((first, last)) = text.split_once('-')
        && let Some(first) = address(first.trim_end())
        && (is_of_digits(last.trim_start()) || last.contains(':'))
    {
        return range(first, last.trim_start()).map(Some).ok_or_else(|| {
            Error::usage(format!("`{text}` is no range of addresses"))
                .hint("write the first and the last address, as 192.0.2.7-192.0.2.9, or 192.0.2.7-9")
        });
    }
    if is_like_an_address(text) {
        return Err(Error::usage(format!("`{text}` is no address"))
            .hint("write an address as 192.0.2.7 or 2001:db8::7, without a port and without leading zeros"));
    }
    Ok(None)
}

/// An address, also in brackets, with a zone, or of one family written as one of the other.
fn address(text: &str) -> Option<IpAddr> {
    let text = without_brackets(text);
    let text = match text.split_once('%') {
        Some((address, _zone)) if address.contains(':') => address,
        _ => text,
    };
    text.parse::<IpAddr>().ok().map(|address| address.to_canonical())
}

fn without_brackets(text: &str) -> &str {
    text.strip_prefix('[').and_then(|inside| inside.strip_suffix(']')).unwrap_or(text)
}

/// Digits and what stands between them in addresses and ranges; nothing at all too.
fn is_of_digits(text: &str) -> bool {
    text.chars().all(|symbol| symbol.is_ascii_digit() || matches!(symbol, '.' | '-'))
}

/// Of hexadecimal digits and what stands between them in addresses and ranges.
fn is_of_hex_digits(text: &str) -> bool {
    without_brackets(text).chars().all(|symbol| symbol.is_ascii_hexdigit() || matches!(symbol, ':' | '.' | '-'))
}

/// Whether a network is meant, and no name with a `/` in it, as container images have.
fn may_begin_a_network(text: &str) -> bool {
    is_of_digits(text) || (text.contains(':') && is_of_hex_digits(text))
}

/// Whether an address is meant, and no name: the last part of a name is no number, and of its colons there is one.
fn is_like_an_address(text: &str) -> bool {
    let has_port = text.split_once(':').is_some_and(|(host, port)| is_of_digits(port) && address(host).is_some());
    has_port || (is_of_digits(text) && text.contains('.')) || (text.matches(':').count() > 1 && is_of_hex_digits(text))
}

fn network(start: &str, bits: &str) -> Option<(IpAddr, IpAddr)> {
    let start: IpAddr = without_brackets(start).parse().ok()?;
    let bits: u32 = bits.parse().ok()?;
    match start {
        IpAddr::V4(start) => {
            let free = u32::MAX.checked_shr(bits).unwrap_or_default();
            let first = start.to_bits() & !free;
            (bits <= u32::BITS).then(|| (Ipv4Addr::from_bits(first).into(), Ipv4Addr::from_bits(first | free).into()))
        }
        IpAddr::V6(start) => {
            let free = u128::MAX.checked_shr(bits).unwrap_or_default();
            let first = start.to_bits() & !free;
            let ends = (Ipv6Addr::from_bits(first), Ipv6Addr::from_bits(first | free));
            (bits <= u128::BITS).then(|| match (ends.0.to_ipv4_mapped(), ends.1.to_ipv4_mapped()) {
                (Some(first), Some(last)) => (first.into(), last.into()),
                _ => (ends.0.into(), ends.1.into()),
            })
        }
    }
}

/// `last` is an address, or the last number of one that begins like the first.
fn range(first: IpAddr, last: &str) -> Option<(IpAddr, IpAddr)> {
    let last = match (address(last), first) {
        (Some(last), _) => last,
        (None, IpAddr::V4(start)) => {
            let [a, b, c, _] = start.octets();
            Ipv4Addr::new(a, b, c, last.parse().ok()?).into()
        }
        (None, IpAddr::V6(_)) => return None,
    };
    (first.is_ipv4() == last.is_ipv4() && first <= last).then_some((first, last))
}

/// A pattern of names, in lower case.
fn name(text: &str) -> Result<String> {
    let wrong = |symbol: &char| symbol.is_whitespace() || symbol.is_control() || matches!(symbol, '!' | '[' | ']');
    match text.chars().find(wrong) {
        None => Ok(text.to_lowercase()),
        Some('!') => Err(Error::usage(format!("no host is called `{text}`"))
            .hint("a pattern tells which hosts are wanted; none can be left out")),
        Some(_) => Err(Error::usage(format!("no host is called `{text}`"))
            .hint("`*` stands for any text and `?` for any one character, and nothing else for more than itself")),
    }
}

/// Shell-like matching with `*` and `?` over the whole text.
fn glob(pattern: &str, text: &str) -> bool {
    let (mut pattern, mut text) = (pattern.chars(), text.chars());
    // Where to go on when what follows the last `*` does not fit: that `*` takes one more character.
    let mut star = None;
    loop {
        let mut ahead = pattern.clone();
        match ahead.next() {
            Some('*') => {
                star = Some((ahead.clone(), text.clone()));
                pattern = ahead;
                continue;
            }
            Some(symbol) => {
                let mut rest = text.clone();
                if rest.next().is_some_and(|character| symbol == '?' || symbol == character) {
                    (pattern, text) = (ahead, rest);
                    continue;
                }
            }
            None if text.as_str().is_empty() => return true,
            None => {}
        }
        let Some((after, taken)) = &mut star else { return false };
        if taken.next().is_none() {
            return false;
        }
        (pattern, text) = (after.clone(), taken.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host<'a>(name: &'a str, ip: Option<&'a str>, fqdn: Option<&'a str>) -> Host<'a> {
        Host { name: name.into(), ip: ip.map(Into::into), fqdn: fqdn.map(Into::into), ..Host::default() }
    }

    fn pattern(text: &str) -> HostPattern {
        text.parse().unwrap()
    }

    #[test]
    fn networks_and_names_are_matched() {
        let database = host("target", Some("192.0.2.77"), Some("DB1.Example.org"));
        let six = host("2001:DB8::12", None, None);
        for (text, of_database, of_six) in [
            ("192.0.2.0/24", true, false),
            ("192.0.2.64/26", true, false),
            ("192.0.2.0/26", false, false),
            ("0.0.0.0/0", true, false),
            ("::/0", false, true),
            ("2001:db8::/32", false, true),
            ("2001:0db8:0::0012", false, true),
            ("192.0.2.77", true, false),
            ("192.0.2.7", false, false),
            ("192.0.2.*", true, false),
            ("db?.example.org", true, false),
            ("*.EXAMPLE.org", true, false),
            ("example.org", false, false),
            ("target", true, false),
            ("*", true, true),
            ("*d*b*o*g", true, false),
            ("*d*b*o*x", false, false),
        ] {
            assert_eq!(pattern(text).matches(&database), of_database, "{text}");
            assert_eq!(pattern(text).matches(&six), of_six, "{text}");
        }
        let translated = host("203.0.113.5", Some("10.0.0.5"), None);
        for (text, of_it) in
            [("203.0.113.5", true), ("203.0.113.0/24", true), ("10.0.0.5", true), ("10.0.1.0/24", false)]
        {
            assert_eq!(pattern(text).matches(&translated), of_it, "{text}");
        }
        let image = host("container/abc:latest", None, None);
        for (text, of_it) in [("container/abc:latest", true), ("Container/*", true), ("x/8", false)] {
            assert_eq!(pattern(text).matches(&image), of_it, "{text}");
        }
        let zoned = host("fe80::1%eth0", None, None);
        for (text, of_it) in [("fe80::/10", true), ("fe80::1", true), ("FE80::1%eth1", true), ("fe80::2", false)] {
            assert_eq!(pattern(text).matches(&zoned), of_it, "{text}");
        }
    }

    #[test]
    fn ranges_and_every_spelling_of_an_address_are_understood() {
        let database = host("target", Some("192.0.2.77"), None);
        let six = host("2001:db8::12", None, None);
        for (text, of_database, of_six) in [
            ("192.0.2.70-192.0.2.80", true, false),
            ("192.0.2.70 - 192.0.2.77", true, false),
            ("192.0.2.77-192.0.3.1", true, false),
            ("192.0.2.70-80", true, false),
            ("192.0.2.78-80", false, false),
            ("2001:db8::1-2001:db8::20", false, true),
            ("2001:db8::13-2001:db8::20", false, false),
            ("[2001:db8::12]", false, true),
            ("[2001:db8::]/64", false, true),
            ("::ffff:192.0.2.77", true, false),
            ("::ffff:192.0.2.0/120", true, false),
            ("::ffff:192.0.2.0-192.0.2.99", true, false),
        ] {
            assert_eq!(pattern(text).matches(&database), of_database, "{text}");
            assert_eq!(pattern(text).matches(&six), of_six, "{text}");
        }
        for name in ["192.0.2.1-static.example.org", "10-0-0-1", "123", "db:22", "cafe:bad", "192.0.2.1-cafe.bad"] {
            assert!(pattern(name).matches(&host(name, None, None)), "{name}");
        }
    }

    #[test]
    fn what_no_host_can_have_is_refused() {
        for (wrong, why) in [
            ("", "empty"),
            ("192.0.2.0/33", "no network"),
            ("192.0.2/24", "no network"),
            ("::/129", "no network"),
            ("2001:db8/32", "no network"),
            ("/8", "no network"),
            ("192.0.2.0/", "no network"),
            ("192.0.2.9-192.0.2.1", "no range"),
            ("192.0.2.9-8", "no range"),
            ("192.0.2.9-256", "no range"),
            ("192.0.2.9-", "no range"),
            ("192.0.2.9-2001:db8::1", "no range"),
            ("2001:db8::1-5", "no range"),
            ("192.0.2.52:53", "no address"),
            ("[2001:db8::1]:53", "no host is called"),
            ("192.0.2.052", "no address"),
            ("192.0.2.", "no address"),
            ("192.0.2.256", "no address"),
            ("2001:db8:::1", "no address"),
            ("a b", "no host is called"),
            ("!scanme*", "no host is called"),
            ("[a-s]*", "no host is called"),
        ] {
            let told = wrong.parse::<HostPattern>().unwrap_err().one_line();
            assert!(told.contains(why), "{wrong}: {told}");
        }
    }
}
