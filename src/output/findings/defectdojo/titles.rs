//! Titles by which DefectDojo tells findings apart.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::{BuildHasher, RandomState};

use super::super::summary::{check_name, place_of};
use super::texts::line;
use crate::findings::Finding;

/// The length of DefectDojo's column, in characters.
pub(super) const TITLE: usize = 511;
/// Of a title the most that the place may take.
const PLACE: usize = 300;

/// What tells apart rows that would otherwise have one title.
#[derive(Default)]
pub(super) struct Titles {
    hashing: RandomState,
    /// Of each host name the address that came first.
    addresses: HashMap<u64, u64>,
    /// The host of the last row, and how often each title was used there.
    host: Option<(u64, HashMap<u64, u32>)>,
    /// What its titles end in.
    address: String,
}

impl Titles {
    /// The next row is of another report.
    pub(super) fn next_report(&mut self) {
        self.host = None;
    }

    /// What the title of the next row ends in.
    pub(super) fn suffix(&mut self, finding: &Finding<'_>) -> String {
        let host = finding.host;
        let identity = self.hashing.hash_one((host.label(), &host.name, &host.ip));
        let used = match &mut self.host {
            Some((known, used)) if *known == identity => used,
            _ => {
                let address = host.ip.as_deref().unwrap_or(&host.name);
                let this = self.hashing.hash_one(address);
                self.address = match self.addresses.entry(self.hashing.hash_one(host.label().to_lowercase())) {
                    Entry::Occupied(first) if *first.get() != this => format!(" [{}]", line(address, 64)),
                    Entry::Occupied(_) => String::new(),
                    Entry::Vacant(entry) => {
                        entry.insert(this);
                        String::new()
                    }
                };
                &mut self.host.insert((identity, HashMap::new())).1
            }
        };
        let key = self.hashing.hash_one((check_name(finding), place_of(finding)));
        let count = used.entry(key).or_insert(0);
        *count += 1;
        if *count > 1 { format!("{} ({count})", self.address) } else { self.address.clone() }
    }
}

/// The title: what was found, and where.
pub(super) fn title(finding: &Finding<'_>, suffix: &str) -> String {
    let place = line(&place_of(finding), PLACE);
    let rest = format!(" on {place}{suffix}");
    let left = TITLE.saturating_sub(rest.chars().count());
    let name = line(check_name(finding), left);
    format!("{name}{rest}")
}
