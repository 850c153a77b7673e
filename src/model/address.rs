//! Addresses: `[PROFILE/]ID[@RUN]`.
//!
//! Ids are opaque. Vendors use small integers, UUIDs, 52- and 61-character identifiers; nothing here parses them. The
//! id of a scan and the id of a run are different types because, on some vendors, the same small integer is both.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use crate::error::Error;

/// The id of a stored scan: Tenable VM scan, Tenable.sc scan, Director scan, JSA profile, Cloudflare config.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ScanId(Arc<str>);

/// The id of one execution: Tenable VM history uuid, Tenable.sc or Director scanResult, JSA run.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RunId(Arc<str>);

macro_rules! opaque_id {
    ($name:ident) => {
        impl $name {
            /// Takes the vendor's id as it is.
            pub fn new(id: impl Into<Arc<str>>) -> Self {
                Self(id.into())
            }

            /// The vendor's id as it is.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(&self.0)
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }
    };
}

opaque_id!(ScanId);
opaque_id!(RunId);

/// What stands before `@`: an id whose meaning depends on backend and verb, or a scan's exact name.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum IdOrName {
    /// The id that the vendor's own API takes for the verb.
    Id(Arc<str>),
    /// `name:…`, the exact name of a scan.
    Name(Arc<str>),
}

/// What stands behind `@`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum RunSelector {
    /// One run by its id.
    Id(RunId),
    /// `latest` (0) or `latest~N`: the Nth run before the newest.
    Latest(usize),
}

/// One address as typed, checked for grammar only.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Address {
    /// The profile named in place.
    pub profile: Option<Arc<str>>,
    /// The scan, or whatever a bare id means for the verb. None in `sc/@8`.
    pub subject: Option<IdOrName>,
    /// The run.
    pub run: Option<RunSelector>,
}

impl Address {
    /// The full address of a scan or a run of a profile: what every other command takes back.
    pub fn full(profile: &str, scan: Option<&ScanId>, run: Option<&RunId>) -> String {
        let scan = scan.map_or("", ScanId::as_str);
        match run {
            Some(run) => format!("{profile}/{scan}@{run}"),
            None => format!("{profile}/{scan}"),
        }
    }

    /// The id before `@`, if it is one and not a name.
    pub fn id(&self) -> Option<&str> {
        match &self.subject {
            Some(IdOrName::Id(id)) => Some(id),
            _ => None,
        }
    }

    /// The exact scan name, if the address has one.
    pub fn name(&self) -> Option<&str> {
        match &self.subject {
            Some(IdOrName::Name(name)) => Some(name),
            _ => None,
        }
    }

    /// The run's id, if it is named by id.
    pub fn run_id(&self) -> Option<&RunId> {
        match &self.run {
            Some(RunSelector::Id(run)) => Some(run),
            _ => None,
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(profile) = &self.profile {
            write!(formatter, "{profile}/")?;
        }
        match &self.subject {
            Some(IdOrName::Id(id)) => formatter.write_str(id)?,
            Some(IdOrName::Name(name)) => write!(formatter, "name:{name}")?,
            None => {}
        }
        match &self.run {
            Some(RunSelector::Id(run)) => write!(formatter, "@{run}"),
            Some(RunSelector::Latest(0)) => formatter.write_str("@latest"),
            Some(RunSelector::Latest(back)) => write!(formatter, "@latest~{back}"),
            None => Ok(()),
        }
    }
}

/// Whether a text can be a profile's or a group's name.
pub fn is_profile_name(text: &str) -> bool {
    let mut bytes = text.bytes();
    bytes.next().is_some_and(|first| first.is_ascii_lowercase() || first.is_ascii_digit())
        && bytes.all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

fn selector(text: &str) -> Option<RunSelector> {
    match text.strip_prefix("latest") {
        Some("") => Some(RunSelector::Latest(0)),
        Some(back) => back.strip_prefix('~').and_then(|back| back.parse().ok()).map(RunSelector::Latest),
        None => None,
    }
}

impl FromStr for Address {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let bad = |why: &str| {
            Error::usage(format!("`{text}` is not an address: {why}")).hint(
                "an address is [PROFILE/]ID[@RUN], for example `219`, `io/219@latest`, `sc/@8` or `io/name:Weekly DMZ`",
            )
        };
        if text.chars().any(char::is_control) {
            return Err(bad("it has a control character"));
        }
        let (profile, rest) = match text.split_once('/') {
            _ if text.starts_with("name:") => (None, text),
            Some((profile, rest)) if is_profile_name(profile) => (Some(Arc::from(profile)), rest),
            Some((profile, _)) => return Err(bad(&format!("`{profile}` cannot be a profile's name"))),
            None => (None, text),
        };
        if let Some(named) = rest.strip_prefix("name:") {
            let (name, run) = match named.rsplit_once('@').map(|(name, tail)| (name, selector(tail))) {
                Some((name, Some(run))) => (name, Some(run)),
                _ => (named, None),
            };
            if name.is_empty() {
                return Err(bad("the name is empty"));
            }
            return Ok(Self { profile, subject: Some(IdOrName::Name(name.into())), run });
        }
        let (id, run) = match rest.rsplit_once('@') {
            Some((_, "")) => return Err(bad("nothing follows `@`")),
            Some((id, tail)) => (id, Some(selector(tail).unwrap_or_else(|| RunSelector::Id(RunId::new(tail))))),
            None => (rest, None),
        };
        let subject = (!id.is_empty()).then(|| IdOrName::Id(id.into()));
        match (&subject, &run) {
            (None, None) => Err(bad("it names nothing")),
            (None, Some(RunSelector::Latest(_))) => Err(bad("`@latest` needs a scan before it")),
            _ => Ok(Self { profile, subject, run }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Address, IdOrName, RunId, RunSelector};

    fn parse(text: &str) -> Address {
        text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    #[test]
    fn every_documented_form_is_read_and_written_back() {
        for text in [
            "219",
            "io/219",
            "io/219@647ca798-de12-48e2-bf32-5c7332431050",
            "sc/34@8",
            "sc/@8",
            "219@latest",
            "219@latest~1",
            "io/name:Weekly DMZ",
            "io/name:Weekly DMZ@latest~2",
            "template-4ab61abb-5c16-129a-1e2d-a708c0d5f3146f785617596060f7",
        ] {
            assert_eq!(parse(text).to_string(), text);
        }
    }

    #[test]
    fn a_name_keeps_slashes_and_at_signs() {
        let address = parse("name:io/ops@example.org");
        assert_eq!((address.profile.as_deref(), address.name()), (None, Some("io/ops@example.org")));
        assert_eq!(parse("io/name:a@latest~x").name(), Some("a@latest~x"));
        assert_eq!(parse("io/name:a@b@latest").subject, Some(IdOrName::Name("a@b".into())));
    }

    #[test]
    fn the_last_at_sign_splits_an_id() {
        let address = parse("io/a@b@c");
        assert_eq!(address.id(), Some("a@b"));
        assert_eq!(address.run, Some(RunSelector::Id(RunId::new("c"))));
    }

    #[test]
    fn what_names_nothing_is_refused() {
        for text in ["", "io/", "@latest", "io/@latest", "219@", "IO/219", "/219", "name:", "a b/219", "21\u{1b}9"] {
            assert!(text.parse::<Address>().is_err(), "{text:?}");
        }
    }
}
