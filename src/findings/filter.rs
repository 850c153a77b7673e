//! Which findings are wanted, and how many there were.

use super::hosts::HostPattern;
use super::shape::{Details, Finding, Host, Severity, Text};

/// What a finding must be to be let through. An empty list asks for nothing.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Any of these severities.
    pub severities: Vec<Severity>,
    /// At least this severity.
    pub least: Option<Severity>,
    /// Any of these plugins, each named once.
    pub plugins: Vec<String>,
    /// Any of these hosts.
    pub hosts: Vec<HostPattern>,
}

/// A filter at work on reports: it also knows which of its hosts and plugins there were none of.
#[derive(Debug, Default)]
pub struct Sieve {
    filter: Filter,
    seen: u64,
    /// The host whose rows come, and whether it is wanted: they come one after the other.
    current: Option<(Names, bool)>,
    hosts_met: Vec<bool>,
    plugins_met: Vec<bool>,
}

/// What patterns look at of a host.
#[derive(Debug)]
struct Names {
    name: String,
    fqdn: Option<String>,
    netbios: Option<String>,
    ip: Option<String>,
}

impl Names {
    fn of(host: &Host<'_>) -> Self {
        let owned = |text: &Option<Text<'_>>| text.as_deref().map(ToOwned::to_owned);
        let name = host.name.clone().into_owned();
        Self { name, fqdn: owned(&host.fqdn), netbios: owned(&host.netbios), ip: owned(&host.ip) }
    }

    fn are_of(&self, host: &Host<'_>) -> bool {
        let Self { name, fqdn, netbios, ip } = self;
        *name == host.name
            && ip.as_deref() == host.ip.as_deref()
            && fqdn.as_deref() == host.fqdn.as_deref()
            && netbios.as_deref() == host.netbios.as_deref()
    }
}

impl From<Filter> for Sieve {
    fn from(filter: Filter) -> Self {
        let (hosts_met, plugins_met) = (vec![false; filter.hosts.len()], vec![false; filter.plugins.len()]);
        Self { filter, seen: 0, current: None, hosts_met, plugins_met }
    }
}

impl Sieve {
    /// Whether a finding is wanted.
    pub fn wants(&mut self, finding: &Finding<'_>) -> bool {
        self.seen += 1;
        // Both are asked whatever the other says: each remembers what it met.
        let (is_host, is_plugin) = (self.wants_host(finding.host), self.wants_plugin(finding.details));
        let Filter { severities, least, plugins: _, hosts: _ } = &self.filter;
        let severity = finding.details.severity;
        is_host
            && is_plugin
            && (severities.is_empty() || severities.contains(&severity))
            && least.is_none_or(|least| severity >= least)
    }

    fn wants_host(&mut self, host: &Host<'_>) -> bool {
        if self.filter.hosts.is_empty() {
            return true;
        }
        match &self.current {
            Some((names, wanted)) if names.are_of(host) => *wanted,
            _ => {
                let mut wanted = false;
                for (pattern, met) in self.filter.hosts.iter().zip(&mut self.hosts_met) {
                    let matches = pattern.matches(host);
                    (wanted, *met) = (wanted || matches, *met || matches);
                }
                self.current = Some((Names::of(host), wanted));
                wanted
            }
        }
    }

    fn wants_plugin(&mut self, details: &Details<'_>) -> bool {
        if self.filter.plugins.is_empty() {
            return true;
        }
        let Some(id) = details.plugin_id.as_deref() else { return false };
        let at = self.filter.plugins.iter().position(|plugin| plugin == id);
        if let Some(met) = at.and_then(|at| self.plugins_met.get_mut(at)) {
            *met = true;
        }
        at.is_some()
    }

    /// How many findings it was asked about.
    pub const fn seen(&self) -> u64 {
        self.seen
    }

    /// Patterns of hosts that no finding's host matched.
    pub fn unmet_hosts(&self) -> impl Iterator<Item = &HostPattern> {
        self.filter.hosts.iter().zip(&self.hosts_met).filter(|(_, met)| !**met).map(|(pattern, _)| pattern)
    }

    /// Plugins of which there was no finding.
    pub fn unmet_plugins(&self) -> impl Iterator<Item = &str> {
        self.filter.plugins.iter().zip(&self.plugins_met).filter(|(_, met)| !**met).map(|(plugin, _)| plugin.as_str())
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
    use crate::error::Result;
    use crate::findings::{Emitter, FindingSink, Origin};

    /// What passes of three plugins on each of two hosts, and what was never met.
    fn sifted(filter: Filter) -> (Vec<String>, Vec<String>) {
        struct Sink(Sieve, Vec<String>);
        impl FindingSink for Sink {
            fn finding(&mut self, finding: &Finding<'_>) -> Result<()> {
                if self.0.wants(finding) {
                    let plugin = finding.details.plugin_id.as_deref().unwrap_or("-");
                    self.1.push(format!("{}:{plugin}", finding.host.label()));
                }
                Ok(())
            }
        }
        let mut sink = Sink(filter.into(), Vec::new());
        let origin = Origin::default();
        let mut emitter = Emitter::new(&origin, &mut sink);
        for name in ["192.0.2.1", "a.example.org"] {
            let row = |plugin: &'static str, severity| Details {
                plugin_id: Some(plugin.into()),
                severity,
                ..Details::default()
            };
            let rows = [row("1", Severity::Info), row("22", Severity::High), row("3", Severity::Critical)];
            emitter.host(&Host { name: name.into(), ..Host::default() }, &rows).unwrap();
        }
        let Sink(sieve, passed) = sink;
        assert_eq!(sieve.seen(), 6);
        let unmet = sieve.unmet_hosts().map(ToString::to_string).chain(sieve.unmet_plugins().map(ToOwned::to_owned));
        (passed, unmet.collect())
    }

    #[test]
    fn what_is_wanted_is_all_that_the_filter_asks() {
        let wants = |filter: Filter| sifted(filter).0;
        assert_eq!(wants(Filter::default()).len(), 6);
        assert_eq!(wants(Filter { severities: vec![Severity::High], ..Filter::default() }).len(), 2);
        assert_eq!(wants(Filter { least: Some(Severity::High), ..Filter::default() }).len(), 4);
        assert_eq!(wants(Filter { plugins: vec!["2".into(), "3".into()], ..Filter::default() }).len(), 2);
        let one = Filter {
            hosts: vec!["192.0.2.0/31".parse().unwrap()],
            plugins: vec!["1".into()],
            least: Some(Severity::Info),
            ..Filter::default()
        };
        assert_eq!(wants(one), ["192.0.2.1:1"]);
    }

    #[test]
    fn hosts_and_plugins_that_were_not_there_are_known() {
        let hosts = ["*.example.org", "192.0.2.9", "a*"].map(|text| text.parse().unwrap()).to_vec();
        let plugins = ["3", "4", "22"].map(ToOwned::to_owned).to_vec();
        // A host was there, whatever its findings are.
        let filter = Filter { severities: vec![Severity::Low], least: None, plugins, hosts };
        assert_eq!(sifted(filter), (vec![], vec!["192.0.2.9".to_owned(), "4".to_owned()]));
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
