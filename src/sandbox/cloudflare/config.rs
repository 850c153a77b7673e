//! Scan configs: what may be asked for, what is kept, and when their scans are done.
//!
//! A config knows when its next scan will be done. Observing it lets all scans pass that are due, so nothing has to
//! tick.

use super::account;
use super::scan::{self, Block};
use serde_json::{Map, Number, Value, json};

/// From a create or a changed target until the result is there.
const FIRST_RESULT_SECONDS: f64 = 240.0;
const DAY: f64 = 86_400.0;

/// All configs of the account.
pub(super) struct Configs {
    speed: f64,
    random: fastrand::Rng,
    all: Vec<Config>,
}

struct Config {
    id: String,
    targets: Targets,
    /// As it was sent: 7 and 7.0 are both numbers of days.
    frequency: Number,
    latest: Option<Done>,
    next: Option<f64>,
    scans: u64,
}

#[derive(Debug, Clone, PartialEq)]
struct Targets {
    addresses: Vec<String>,
    ports: Vec<String>,
}

/// A scan that is done: its targets may have been changed since.
struct Done {
    at: f64,
    number: u64,
    targets: Targets,
}

/// The body of a create or an update.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Wanted {
    addresses: Option<Vec<String>>,
    ports: Option<Vec<String>>,
    frequency: Option<Number>,
}

/// What is wrong with a body, and where.
#[derive(Debug, PartialEq)]
pub(super) struct Problem {
    /// For people.
    pub(super) message: String,
    /// The member, as a JSON pointer.
    pub(super) pointer: &'static str,
}

impl Wanted {
    /// Reads a body, which may hold the three documented members and nothing else.
    pub(super) fn parse(body: &[u8]) -> Result<Self, Problem> {
        let problem = |message: &str| Problem { message: message.to_owned(), pointer: "" };
        let Ok(Value::Object(mut members)) = serde_json::from_slice(body) else {
            return Err(problem("The request body is not a JSON object"));
        };
        let wanted = Self {
            addresses: strings(&mut members, "ips", "/ips")?,
            ports: strings(&mut members, "ports", "/ports")?,
            frequency: frequency(&mut members)?,
        };
        if let Some(name) = members.keys().next() {
            return Err(problem(&format!("Unknown property {name}")));
        }
        wanted.check()?;
        Ok(wanted)
    }

    fn check(&self) -> Result<(), Problem> {
        let bad = |pointer, message: String| Err(Problem { message, pointer });
        let mut counted: Vec<&String> = Vec::new();
        let mut total: u128 = 0;
        for address in self.addresses.iter().flatten() {
            let Some(block) = Block::parse(address) else {
                return bad("/ips", format!("{address} is neither an IP address nor a CIDR block"));
            };
            if !counted.contains(&address) {
                counted.push(address);
                total = total.saturating_add(block.count());
            }
            if total > scan::MOST_ADDRESSES {
                return bad("/ips", "More than 5000 IP addresses in total".to_owned());
            }
        }
        if self.addresses.as_ref().is_some_and(Vec::is_empty) {
            return bad("/ips", "ips must not be empty".to_owned());
        }
        match self.ports.iter().flatten().find(|entry| !scan::is_port_entry(entry)) {
            Some(entry) => bad("/ports", format!("{entry} is not a port, a range of ports, default or all")),
            None => Ok(()),
        }
    }
}

fn strings(
    members: &mut Map<String, Value>,
    name: &str,
    pointer: &'static str,
) -> Result<Option<Vec<String>>, Problem> {
    let Some(value) = members.remove(name) else { return Ok(None) };
    let problem = |_| Problem { message: format!("{name} must be an array of strings"), pointer };
    serde_json::from_value(value).map(Some).map_err(problem)
}

fn frequency(members: &mut Map<String, Value>) -> Result<Option<Number>, Problem> {
    match members.remove("frequency") {
        None => Ok(None),
        Some(Value::Number(days)) if days.as_f64().is_some_and(|days| days >= 0.0) => Ok(Some(days)),
        Some(_) => {
            Err(Problem { message: "frequency must be a number of days, 0 or more".to_owned(), pointer: "/frequency" })
        }
    }
}

impl Configs {
    /// An account with a recurring config, two one-off ones that are done, one of them without an open port, and one
    /// that was created just now.
    pub(super) fn seeded(now: f64, speed: f64) -> Self {
        let mut configs = Self { speed, random: fastrand::Rng::with_seed(0x00c1_00df_1a2e), all: Vec::new() };
        let days = |days: f64| Number::from_f64(days).unwrap_or_else(|| Number::from(0));
        configs.seed(&["1.1.1.1", "2606:4700:4700::1111"], &["default"], days(7.0), Some((now - 5.0 * DAY, 3)), now);
        configs.seed(&["203.0.113.7/32"], &["1-80", "443"], Number::from(0), Some((now - 40.0 * DAY, 0)), now);
        configs.seed(&["198.51.100.0/28"], &["all"], Number::from(0), Some((now - 3.0 * DAY, 0)), now);
        configs.seed(&["192.0.2.0/29"], &["default"], Number::from(0), None, now);
        configs
    }

    fn seed(&mut self, addresses: &[&str], ports: &[&str], frequency: Number, done: Option<(f64, u64)>, now: f64) {
        let owned = |entries: &[&str]| entries.iter().map(|entry| (*entry).to_owned()).collect();
        let targets = Targets { addresses: owned(addresses), ports: owned(ports) };
        let mut config = self.config(targets, frequency, now);
        if let Some((at, number)) = done {
            config.scans = number + 1;
            // Two real days of the week that a recurring config has been waiting for are left.
            config.next = (config.interval(self.speed) > 0.0).then_some(now + 2.0 * DAY / self.speed);
            config.latest = Some(Done { at, number, targets: config.targets.clone() });
        }
        self.all.push(config);
    }

    fn config(&mut self, targets: Targets, frequency: Number, now: f64) -> Config {
        let next = Some(now + FIRST_RESULT_SECONDS / self.speed);
        Config { id: self.uuid(), targets, frequency, latest: None, next, scans: 0 }
    }

    /// A random UUID from the seed.
    fn uuid(&mut self) -> String {
        let version_4 = (self.random.u128(..) & !(0xf << 76) & !(0x3 << 62)) | (0x4 << 76) | (0x2 << 62);
        let hex = format!("{version_4:032x}");
        [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
    }

    /// All configs, in the order of their ids, which is not that of their creation.
    pub(super) fn list(&self) -> Value {
        let mut all: Vec<&Config> = self.all.iter().collect();
        all.sort_by_key(|config| &config.id);
        all.into_iter().map(Config::object).collect()
    }

    /// Creates a config. What is left out becomes a one-off scan of the default ports.
    pub(super) fn create(&mut self, wanted: Wanted, now: f64) -> Result<Value, Problem> {
        let Wanted { addresses, ports, frequency } = wanted;
        let Some(addresses) = addresses else {
            return Err(Problem { message: "ips is required".to_owned(), pointer: "/ips" });
        };
        let targets = Targets { addresses, ports: ports.unwrap_or_else(|| vec!["default".to_owned()]) };
        let config = self.config(targets, frequency.unwrap_or_else(|| Number::from(0)), now);
        let object = config.object();
        self.all.push(config);
        Ok(object)
    }

    /// Changes what is named. `None` if there is no such config.
    pub(super) fn update(&mut self, id: &str, wanted: Wanted, now: f64) -> Option<Value> {
        let speed = self.speed;
        let config = self.find(id)?;
        config.pass(now, speed);
        let Wanted { addresses, ports, frequency } = wanted;
        let targets = Targets {
            addresses: addresses.unwrap_or_else(|| config.targets.addresses.clone()),
            ports: ports.unwrap_or_else(|| config.targets.ports.clone()),
        };
        let frequency = frequency.unwrap_or_else(|| config.frequency.clone());
        let other_targets = targets != config.targets;
        let other_frequency = frequency.as_f64() != config.frequency.as_f64();
        config.targets = targets;
        config.frequency = frequency;
        if other_targets {
            config.next = Some(now + FIRST_RESULT_SECONDS / speed);
        } else if other_frequency && let Some(latest) = &config.latest {
            let interval = config.interval(speed);
            config.next = (interval > 0.0).then(|| (latest.at + interval).max(now + FIRST_RESULT_SECONDS / speed));
        }
        Some(config.object())
    }

    /// Removes a config and its result. Whether there was one.
    pub(super) fn delete(&mut self, id: &str) -> bool {
        let before = self.all.len();
        self.all.retain(|config| config.id != id);
        self.all.len() < before
    }

    /// The latest result, `Some(None)` before there is one, `None` if there is no such config.
    pub(super) fn result(&mut self, id: &str, now: f64) -> Option<Option<Value>> {
        let speed = self.speed;
        let config = self.find(id)?;
        config.pass(now, speed);
        let floats = config.frequency.is_f64();
        let latest = config.latest.as_ref();
        Some(latest.map(|done| scan::result(&done.targets.addresses, &done.targets.ports, done.number, floats)))
    }

    fn find(&mut self, id: &str) -> Option<&mut Config> {
        self.all.iter_mut().find(|config| config.id == id)
    }
}

impl Config {
    /// Seconds between two scans, 0 for a one-off.
    fn interval(&self, speed: f64) -> f64 {
        self.frequency.as_f64().unwrap_or_default() * DAY / speed
    }

    /// Lets the scans that are due by now be done; only the last of them leaves a result.
    fn pass(&mut self, now: f64, speed: f64) {
        let Some(next) = self.next.filter(|next| *next <= now) else { return };
        let interval = self.interval(speed);
        let more = if interval > 0.0 { ((now - next) / interval).floor() } else { 0.0 };
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count, never negative")]
        let number = self.scans + more as u64;
        self.latest = Some(Done { at: next + more * interval, number, targets: self.targets.clone() });
        self.scans = number + 1;
        self.next = (interval > 0.0).then_some(next + (more + 1.0) * interval);
    }

    /// The five members. Addresses come back sorted, not in the order in which they were sent.
    fn object(&self) -> Value {
        let mut addresses = self.targets.addresses.clone();
        addresses.sort();
        json!({
            "id": self.id,
            "account_id": account(),
            "ips": addresses,
            "frequency": self.frequency,
            "ports": self.targets.ports,
        })
    }
}
