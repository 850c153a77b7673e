//! Which findings are wanted, and how many there were.

use std::net::IpAddr;
use std::str::FromStr;

use super::shape::{Finding, Host, Severity};
use crate::error::{Error, Result};

/// What a finding must be to be let through. An empty list asks for nothing.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Any of these severities.
    pub severities: Vec<Severity>,
    /// At least this severity.
    pub least: Option<Severity>,
    /// Any of these plugins.
    pub plugins: Vec<String>,
    /// Any of these hosts.
    pub hosts: Vec<HostPattern>,
}

impl Filter {
    /// Whether a finding is wanted.
    pub fn wants(&self, finding: &Finding<'_>) -> bool {
        let Self { severities, least, plugins, hosts } = self;
        let details = finding.details;
        (severities.is_empty() || severities.contains(&details.severity))
            && least.is_none_or(|least| details.severity >= least)
            && (plugins.is_empty()
                || details.plugin_id.as_deref().is_some_and(|id| plugins.iter().any(|plugin| plugin == id)))
            && (hosts.is_empty() || hosts.iter().any(|pattern| pattern.matches(finding.host)))
    }
}

/// Hosts by network or by name.
#[derive(Debug, Clone, PartialEq)]
pub enum HostPattern {
    /// Addresses that begin like this one for as many bits.
    Network(IpAddr, u8),
    /// Names, full names, NetBIOS names and addresses, with `*` and `?`, in lower case.
    Glob(String),
}

impl FromStr for HostPattern {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let text = text.trim();
        if text.is_empty() {
            return Err(Error::usage("an empty host pattern"));
        }
        if let Some((address, bits)) = text.split_once('/').filter(|(address, _)| is_like_an_address(address)) {
            let wrong = || {
                Error::usage(format!("`{text}` is no network"))
                    .hint("write an address and how many bits of it count, as 192.0.2.0/24 or 2001:db8::/32")
            };
            let address: IpAddr = address.parse().map_err(|_| wrong())?;
            let bits: u8 = bits.parse().map_err(|_| wrong())?;
            return if bits <= width(address) { Ok(Self::Network(address, bits)) } else { Err(wrong()) };
        }
        match text.parse::<IpAddr>() {
            // So that every spelling of an address is meant.
            Ok(address) => Ok(Self::Network(address, width(address))),
            Err(_) => Ok(Self::Glob(text.to_lowercase())),
        }
    }
}

impl HostPattern {
    /// Whether a host is meant.
    pub fn matches(&self, host: &Host<'_>) -> bool {
        let names = [Some(&host.name), host.fqdn.as_ref(), host.netbios.as_ref(), host.ip.as_ref()];
        let mut names = names.into_iter().flatten();
        match self {
            Self::Network(network, bits) => {
                // Behind address translation a scan is told of another address than the host has.
                let addresses = [host.ip.as_ref(), Some(&host.name)].into_iter().flatten();
                let mut addresses = addresses.filter_map(|address| address.parse::<IpAddr>().ok());
                addresses.any(|address| is_in(address.to_canonical(), *network, *bits))
            }
            Self::Glob(pattern) => names.any(|name| glob(pattern, &name.to_lowercase())),
        }
    }
}

/// Whether an address is meant, and no name with a `/` in it, as container images have: a mistake in an address must not
/// become a name that nothing has, which would leave every gate open.
fn is_like_an_address(text: &str) -> bool {
    let is_of = |of: fn(char) -> bool| text.chars().all(of);
    is_of(|symbol| symbol.is_ascii_digit() || symbol == '.')
        || (text.contains(':') && is_of(|symbol| symbol.is_ascii_hexdigit() || matches!(symbol, ':' | '.')))
}

const fn width(address: IpAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 128 }
}

fn is_in(address: IpAddr, network: IpAddr, bits: u8) -> bool {
    // Both as one number whose first bits are the address's first.
    let number = |address: IpAddr| match address {
        IpAddr::V4(address) => u128::from(address.to_bits()) << 96,
        IpAddr::V6(address) => address.to_bits(),
    };
    let mask = u128::MAX.checked_shl(128 - u32::from(bits)).unwrap_or(0);
    address.is_ipv4() == network.is_ipv4() && (number(address) ^ number(network)) & mask == 0
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

/// How many findings there were of each severity.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts([u64; 5]);

impl Counts {
    /// How many of one severity.
    pub fn of(&self, severity: Severity) -> u64 {
        self.0.get(severity.rank()).copied().unwrap_or_default()
    }

    /// How many of this severity or a worse one.
    pub fn at_least(&self, severity: Severity) -> u64 {
        self.0.iter().skip(severity.rank()).sum()
    }

    /// How many.
    pub fn total(&self) -> u64 {
        self.0.iter().sum()
    }

    /// Counts one.
    pub fn add(&mut self, severity: Severity) {
        if let Some(count) = self.0.get_mut(severity.rank()) {
            *count += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::findings::{Details, Emitter, FindingSink, Origin};

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
        for wrong in ["192.0.2.0/33", "192.0.2/24", "::/129", "2001:db8/32", "/8", "192.0.2.0/", ""] {
            assert!(wrong.parse::<HostPattern>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_is_wanted_is_all_that_the_filter_asks() {
        let wants = |filter: &Filter| -> Vec<String> {
            struct Wanted<'f>(&'f Filter, Vec<String>);
            impl FindingSink for Wanted<'_> {
                fn finding(&mut self, finding: &Finding<'_>) -> Result<()> {
                    if self.0.wants(finding) {
                        let plugin = finding.details.plugin_id.as_deref().unwrap_or("-");
                        self.1.push(format!("{}:{plugin}", finding.host.label()));
                    }
                    Ok(())
                }
            }
            let mut sink = Wanted(filter, Vec::new());
            let origin = Origin::default();
            let mut emitter = Emitter::new(&origin, &mut sink);
            for name in ["192.0.2.1", "a.example.org"] {
                let row = |plugin: &'static str, severity| Details {
                    plugin_id: Some(plugin.into()),
                    severity,
                    ..Details::default()
                };
                let rows = [row("1", Severity::Info), row("22", Severity::High), row("3", Severity::Critical)];
                emitter.host(&host(name, None, None), &rows).unwrap();
            }
            sink.1
        };
        assert_eq!(wants(&Filter::default()).len(), 6);
        assert_eq!(wants(&Filter { severities: vec![Severity::High], ..Filter::default() }).len(), 2);
        assert_eq!(wants(&Filter { least: Some(Severity::High), ..Filter::default() }).len(), 4);
        assert_eq!(wants(&Filter { plugins: vec!["2".into(), "3".into()], ..Filter::default() }).len(), 2);
        let one = Filter {
            hosts: vec![pattern("192.0.2.0/31")],
            plugins: vec!["1".into()],
            least: Some(Severity::Info),
            ..Filter::default()
        };
        assert_eq!(wants(&one), ["192.0.2.1:1"]);
    }

    #[test]
    fn findings_are_counted_by_severity() {
        let mut counts = Counts::default();
        for severity in [Severity::Info, Severity::High, Severity::Critical, Severity::High] {
            counts.add(severity);
        }
        assert_eq!((counts.total(), counts.of(Severity::High), counts.at_least(Severity::High)), (4, 2, 3));
    }
}
