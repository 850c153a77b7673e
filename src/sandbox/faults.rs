//! Faults on demand: what a bad network or a tired vendor does, by chance and by seed, so that a run of faults can be
//! repeated. This file decides; `server` acts. It is not for states of scans: those belong to the vendors.
//!
//! A specification is a comma-separated list of `[SCOPE:…]KIND=AMOUNT[:DURATION]`.
//!
//! | kind | what happens |
//! | --- | --- |
//! | `429` | refused unprocessed with the vendor's own 429 and a `Retry-After` |
//! | `500` | refused unprocessed with the vendor's own 500 |
//! | `reset` | the connection is reset: one half as `refused`, the other as `lost` |
//! | `refused` | reset before the request is processed |
//! | `lost` | processed, then reset: the answer is lost |
//! | `slow` | processed, then answered late (3 s, or as in `slow=0.1:10s`) |
//! | `truncate` | processed, the body is announced whole and cut half way |
//!
//! The amount is a probability (`0.1`, `1`) or, as `2x`, the first two requests of each vendor that the rule covers.
//! Scopes narrow a rule and may be combined: a profile name (`io`), a method (`POST`), one path segment (`/export`),
//! or `launch` for whatever starts a scan at that vendor. Rules are tried in order and the first that strikes wins.

use std::str::FromStr;
use std::time::Duration;

/// The profile names a scope may use, which are those of the generated configuration.
pub const PROFILES: [&str; 5] = ["io", "sc", "director", "jsa", "cf"];

const KINDS: &str = "429, 500, reset, refused, lost, slow, truncate";
const METHODS: [&str; 5] = ["GET", "POST", "PUT", "PATCH", "DELETE"];
const SLOWNESS: Duration = Duration::from_secs(3);

/// What goes wrong with one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// The vendor's gateway answers with this status instead of processing the request.
    Status(u16),
    /// The connection is reset before the request is processed.
    Refused,
    /// The request is processed and its answer lost.
    Lost,
    /// The request is processed and answered late.
    Slow(Duration),
    /// The request is processed and the answer's body cut half way.
    Truncate,
}

impl std::fmt::Display for Effect {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Status(status) => write!(formatter, "{status}"),
            Self::Refused => formatter.write_str("refused"),
            Self::Lost => formatter.write_str("lost"),
            Self::Slow(delay) => write!(formatter, "slow {}s", delay.as_secs_f64()),
            Self::Truncate => formatter.write_str("truncate"),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    Reset,
    One(Effect),
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Amount {
    Chance(f64),
    First(u32),
}

#[derive(Debug, Clone, PartialEq)]
enum Scope {
    Profile(&'static str),
    Method(&'static str),
    Segment(String),
    Launch,
}

/// One rule of a fault specification, such as `io:launch:lost=1x`.
#[derive(Debug, Clone, PartialEq)]
pub struct Fault {
    scopes: Vec<Scope>,
    kind: Kind,
    amount: Amount,
}

/// A fault specification that cannot be read; its text says what is accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadFault(String);

impl Fault {
    /// Reads a comma-separated list of rules; an empty text is an empty list.
    ///
    /// # Errors
    /// At the first rule that cannot be read.
    pub fn parse_list(text: &str) -> Result<Vec<Self>, BadFault> {
        text.split(',').map(str::trim).filter(|rule| !rule.is_empty()).map(str::parse).collect()
    }
}

impl FromStr for Fault {
    type Err = BadFault;

    fn from_str(text: &str) -> Result<Self, BadFault> {
        let Some((subject, amount)) = text.split_once('=') else {
            return Err(BadFault(format!(
                "fault `{text}` has no amount: write KIND=AMOUNT, such as 429=0.1 or lost=1x"
            )));
        };
        let mut words: Vec<&str> = subject.split(':').collect();
        let kind = words.pop().unwrap_or_default();
        let scopes = words.into_iter().map(|word| scope(word, text)).collect::<Result<Vec<_>, _>>()?;
        let (amount, duration) = match amount.split_once(':') {
            Some((amount, duration)) => (amount, Some(duration)),
            None => (amount, None),
        };
        let amount = parse_amount(amount, text)?;
        let kind = match (kind, duration) {
            ("slow", None) => Kind::One(Effect::Slow(SLOWNESS)),
            ("slow", Some(duration)) => Kind::One(Effect::Slow(parse_duration(duration, text)?)),
            (_, Some(_)) => {
                return Err(BadFault(format!("fault `{text}`: only slow takes a duration, as in slow=0.1:3s")));
            }
            ("429", None) => Kind::One(Effect::Status(429)),
            ("500", None) => Kind::One(Effect::Status(500)),
            ("reset", None) => Kind::Reset,
            ("refused", None) => Kind::One(Effect::Refused),
            ("lost", None) => Kind::One(Effect::Lost),
            ("truncate", None) => Kind::One(Effect::Truncate),
            (other, None) => {
                return Err(BadFault(format!("fault `{text}`: unknown kind `{other}`, use one of {KINDS}")));
            }
        };
        Ok(Self { scopes, kind, amount })
    }
}

fn scope(word: &str, text: &str) -> Result<Scope, BadFault> {
    if let Some(profile) = PROFILES.iter().find(|profile| **profile == word) {
        return Ok(Scope::Profile(profile));
    }
    if let Some(method) = METHODS.iter().find(|method| method.eq_ignore_ascii_case(word)) {
        return Ok(Scope::Method(method));
    }
    match word.strip_prefix('/') {
        Some(segment) if !segment.is_empty() && !segment.contains('/') => Ok(Scope::Segment(segment.to_owned())),
        _ if word == "launch" => Ok(Scope::Launch),
        _ => Err(BadFault(format!(
            "fault `{text}`: unknown scope `{word}`, use a profile ({}), a method ({}), one path segment (/export) or launch",
            PROFILES.join(", "),
            METHODS.join(", ")
        ))),
    }
}

fn parse_amount(amount: &str, text: &str) -> Result<Amount, BadFault> {
    let parsed = match amount.strip_suffix('x') {
        Some(count) => count.parse().ok().map(Amount::First),
        None => amount.parse().ok().filter(|chance| (0.0..=1.0).contains(chance)).map(Amount::Chance),
    };
    parsed.ok_or_else(|| {
        BadFault(format!(
            "fault `{text}`: `{amount}` is neither a probability from 0 to 1 nor a number of first requests such as 2x"
        ))
    })
}

fn parse_duration(duration: &str, text: &str) -> Result<Duration, BadFault> {
    let seconds = match duration.strip_suffix("ms") {
        Some(number) => number.parse::<f64>().ok().map(|number| number / 1000.0),
        None => duration.strip_suffix('s').and_then(|number| number.parse().ok()),
    };
    seconds
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .ok_or_else(|| BadFault(format!("fault `{text}`: `{duration}` is no duration, write 3s, 0.5s or 250ms")))
}

/// The rules as they apply to one vendor, with what has been used up of them.
#[derive(Debug)]
pub struct Dice {
    profile: &'static str,
    rules: Vec<(Fault, u32)>,
    random: fastrand::Rng,
}

impl Dice {
    /// Takes the rules that can concern this profile.
    pub fn new(profile: &'static str, faults: &[Fault], seed: u64) -> Self {
        let concerns = |fault: &&Fault| {
            fault.scopes.iter().all(|scope| !matches!(scope, Scope::Profile(wanted) if *wanted != profile))
        };
        let rules = faults.iter().filter(concerns).map(|fault| (fault.clone(), 0)).collect();
        Self { profile, rules, random: fastrand::Rng::with_seed(seed) }
    }

    /// What goes wrong with this request, if anything.
    pub fn roll(&mut self, method: &str, path: &[String]) -> Option<Effect> {
        for (fault, struck) in &mut self.rules {
            if !fault.scopes.iter().all(|scope| covers(scope, self.profile, method, path)) {
                continue;
            }
            let strikes = match fault.amount {
                Amount::Chance(chance) => self.random.f64() < chance,
                Amount::First(count) => *struck < count,
            };
            if strikes {
                *struck = struck.saturating_add(1);
                return Some(match fault.kind {
                    Kind::One(effect) => effect,
                    Kind::Reset if self.random.bool() => Effect::Refused,
                    Kind::Reset => Effect::Lost,
                });
            }
        }
        None
    }
}

fn covers(scope: &Scope, profile: &str, method: &str, path: &[String]) -> bool {
    match scope {
        Scope::Profile(wanted) => *wanted == profile,
        Scope::Method(wanted) => *wanted == method,
        Scope::Segment(wanted) => path.iter().any(|segment| segment == wanted),
        Scope::Launch => {
            let last = path.last().map(String::as_str).unwrap_or_default();
            // Cloudflare has no launch: creating a configuration is what starts a scan there.
            method == "POST" && (last == "launch" || last == "start" || (profile == "cf" && last == "config"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> Vec<String> {
        text.split('/').filter(|segment| !segment.is_empty()).map(str::to_owned).collect()
    }

    #[test]
    fn bad_specifications_say_what_is_accepted() {
        for (text, part) in [
            ("429", "KIND=AMOUNT"),
            ("banana=0.1", "429, 500, reset, refused, lost, slow, truncate"),
            ("429=2", "probability from 0 to 1"),
            ("429=NaN", "probability from 0 to 1"),
            ("429=-1x", "2x"),
            ("429=0.1:3s", "only slow"),
            ("slow=1:3h", "write 3s"),
            ("slow=1:-3s", "write 3s"),
            ("iod:429=1", "io, sc, director, jsa, cf"),
            ("/a/b:429=1", "one path segment"),
        ] {
            let error = Fault::parse_list(text).unwrap_err().to_string();
            assert!(error.contains(part), "{text}: {error}");
        }
    }

    #[test]
    fn first_requests_are_counted_by_rule_and_scope() {
        let faults = Fault::parse_list("post:/scans:429=2x, launch:lost=1x").unwrap();
        let mut dice = Dice::new("io", &faults, 0);
        assert_eq!(dice.roll("GET", &path("/scans")), None);
        assert_eq!(dice.roll("POST", &path("/scans/1/launch")), Some(Effect::Status(429)));
        assert_eq!(dice.roll("POST", &path("/scans")), Some(Effect::Status(429)));
        assert_eq!(dice.roll("POST", &path("/scans")), None);
        assert_eq!(dice.roll("POST", &path("/scans/1/launch")), Some(Effect::Lost));
        assert_eq!(dice.roll("POST", &path("/scans/1/launch")), None);
    }

    #[test]
    fn a_profile_scope_leaves_the_other_vendors_alone() {
        let faults = Fault::parse_list("jsa:500=1").unwrap();
        assert_eq!(Dice::new("io", &faults, 0).roll("GET", &path("/scans")), None);
        assert_eq!(Dice::new("jsa", &faults, 0).roll("GET", &path("/api")), Some(Effect::Status(500)));
    }

    #[test]
    fn launch_means_what_starts_a_scan_at_each_vendor() {
        let faults = Fault::parse_list("launch:refused=1").unwrap();
        for (profile, request, struck) in [
            ("io", "/scans/1/launch", true),
            ("sc", "/rest/scan/1/launch", true),
            ("jsa", "/api/scanner/scanprofiles/1/start", true),
            ("cf", "/client/v4/accounts/a/cloudforce-one/scans/config", true),
            ("io", "/scans/config", false),
        ] {
            let effect = Dice::new(profile, &faults, 0).roll("POST", &path(request));
            assert_eq!(effect.is_some(), struck, "{profile} {request}");
        }
    }

    #[test]
    fn chance_is_reproducible_and_about_right() {
        let faults = Fault::parse_list("429=0.1,reset=0.5,slow=1:250ms").unwrap();
        let run = |seed| {
            let mut dice = Dice::new("io", &faults, seed);
            (0..1000).map(|_| dice.roll("GET", &path("/scans"))).collect::<Vec<_>>()
        };
        let first = run(7);
        assert_eq!(first, run(7));
        assert_ne!(first, run(8));
        let count = |wanted| first.iter().filter(|effect| **effect == Some(wanted)).count();
        assert!((60..140).contains(&count(Effect::Status(429))));
        assert!((170..280).contains(&count(Effect::Lost)));
        assert!((170..280).contains(&count(Effect::Refused)));
        assert!((400..500).contains(&count(Effect::Slow(Duration::from_millis(250)))));
        assert_eq!(count(Effect::Truncate), 0);
    }
}
