//! How both products write a stored scan: whatever can be a text is one ("true", "3600"), other objects go by id, targets
//! are one text with commas, and a schedule is an object. Not for what only one of them takes.
//!
//! Vendor pages: Scan (POST, PATCH) and Director-Scan (POST). A start is `TZID=ZONE:YYYYMMDDTHHMMSS`, a recurrence a rule
//! after RFC 5545.

use jiff::civil::DateTime;
use serde_json::{Map, Value, json};

use super::scalar;
use crate::backends::definition::{Draft, Value as Written};
use crate::error::{Error, Result};

/// Keys that both products take as text, under the vendor's spelling in their forms.
pub const TEXTS: &[&str] = &[
    "name",
    "description",
    "max_scan_time",
    "inactivity_timeout",
    "timeout_action",
    "rollover_type",
    "host_tracking",
    "virtual_hosts",
    "mitigate_after",
    "email_on_launch",
    "email_on_finish",
];

/// The time of day of a start.
const START: &str = "%Y%m%dT%H%M%S";

/// A value as text: "true", "3600", the word itself.
pub fn text(value: &Written) -> String {
    match value {
        Written::Text(text) => text.clone(),
        Written::Number(number) => number.to_string(),
        Written::Flag(on) => on.to_string(),
        Written::List(list) => list.join(","),
    }
}

/// The members of a body for every key of [`TEXTS`] that was written.
pub fn texts(draft: &Draft) -> Map<String, Value> {
    let written = draft.iter().filter(|(key, _)| TEXTS.contains(&key.name));
    written
        .map(|(key, value)| (if key.vendor.is_empty() { key.name } else { key.vendor }.into(), text(value).into()))
        .collect()
}

/// Targets as one text.
///
/// # Errors
/// Exit 2 for a target with a blank in it, which would be two.
pub fn targets(list: &[String]) -> Result<Value> {
    match list.iter().find(|target| target.contains(|sign: char| sign.is_whitespace() || sign == ',')) {
        Some(bad) => Err(Error::usage(format!("`targets`: \"{bad}\" is not one target"))),
        None => Ok(list.join(",").into()),
    }
}

/// One of the vendor's numbers. It is sent as a number, as the vendor's own clients do.
///
/// # Errors
/// Exit 2 for anything else, naming the key.
pub fn number(key: &str, text: &str) -> Result<Value> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let number = digits.then(|| text.parse::<u64>().ok()).flatten();
    number
        .map(Value::from)
        .ok_or_else(|| Error::usage(format!("`{key}` must be one of the vendor's numbers, not \"{text}\"")))
}

/// Another object by its number: `{"id": 1}`.
///
/// # Errors
/// Exit 2 for what is no number, naming the key.
pub fn by_id(key: &str, text: &str) -> Result<Value> {
    Ok(json!({"id": number(key, text)?}))
}

/// Other objects by their numbers.
///
/// # Errors
/// Exit 2 for what is no number, naming the key.
pub fn by_ids(key: &str, list: &[String]) -> Result<Value> {
    list.iter().map(|text| by_id(key, text)).collect()
}

/// A schedule, as it is written or was read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Schedule {
    /// `template`, `ical` and so on; empty where none was read.
    pub kind: String,
    /// The first start, whole; empty for none.
    pub start: String,
    /// The rule; empty for once.
    pub repeat: String,
    /// Whether it is on, where that is said.
    pub enabled: Option<bool>,
    /// The scan it follows.
    pub after: Option<String>,
}

impl Schedule {
    /// A schedule as the vendor shows it.
    pub fn read(shown: &Value) -> Self {
        let part = |key: &str| shown.get(key).and_then(scalar).unwrap_or_default();
        let dependent = shown.get("dependent").and_then(|scan| scan.get("id")).and_then(scalar);
        Self {
            kind: part("type"),
            start: part("start"),
            repeat: part("repeatRule"),
            enabled: match &*part("enabled") {
                "true" => Some(true),
                "false" => Some(false),
                _ => shown.get("enabled").and_then(Value::as_bool),
            },
            after: [Some(part("dependentID")), dependent]
                .into_iter()
                .flatten()
                .find(|id| !matches!(&**id, "" | "-1" | "0")),
        }
    }

    /// What was written over what there was; none where nothing of a schedule was written. The vendor takes a schedule
    /// as a whole, so what was not written is what there was.
    ///
    /// # Errors
    /// Exit 2 for what does not go together, and for a start that is none.
    pub fn written(draft: &Draft, old: &Self) -> Result<Option<Self>> {
        let given = |name: &str| draft.iter().find(|(key, _)| key.name == name).map(|(_, value)| value);
        let word = |name: &str| given(name).map(text).map(|text| text.trim().to_owned());
        let (repeat, start, zone) = (word("schedule.repeat"), word("schedule.start"), word("schedule.timezone"));
        let (kind, after) = (word("schedule.type"), word("schedule.after"));
        let enabled = match given("schedule.enabled") {
            Some(Written::Flag(on)) => Some(*on),
            _ => None,
        };
        let by_clock = [("repeat", &repeat), ("start", &start), ("timezone", &zone)];
        let by_clock = by_clock.into_iter().find(|(_, value)| value.is_some()).map(|(name, _)| name);
        if kind.is_none() && after.is_none() && by_clock.is_none() && enabled.is_none() {
            return Ok(None);
        }
        let kind = kind.unwrap_or_else(|| match (by_clock, &after) {
            (_, Some(_)) => "dependent".to_owned(),
            (Some(_), None) => "ical".to_owned(),
            (None, None) if old.kind.is_empty() => "template".to_owned(),
            (None, None) => old.kind.clone(),
        });
        for (name, needs) in [(by_clock, "ical"), (after.as_ref().map(|_| "after"), "dependent")] {
            if let Some(name) = name.filter(|_| kind != needs) {
                return Err(Error::usage(format!("`schedule.{name}` goes with `schedule.type` {needs}, not {kind}")));
            }
        }
        // Whether it is on stays as it was, except where nothing starts by itself any more.
        let stays = kind == old.kind || matches!(&*kind, "ical" | "dependent");
        let mut new = Self { enabled: enabled.or(old.enabled.filter(|_| stays)), ..Self::default() };
        match kind.as_str() {
            "ical" => {
                new.start = first_start(start, zone, &old.start)?;
                new.repeat = repeat.unwrap_or_else(|| old.repeat.clone());
            }
            "dependent" => new.after = after.or_else(|| old.after.clone()),
            _ => {}
        }
        new.kind = kind;
        Ok(Some(new))
    }

    /// The schedule as it is sent.
    ///
    /// # Errors
    /// Exit 2 where the scan it follows is no number.
    pub fn json(&self) -> Result<Value> {
        let mut object = json!({"type": self.kind});
        if self.kind == "ical" {
            object["start"] = self.start.as_str().into();
            object["repeatRule"] = self.repeat.as_str().into();
        }
        if let Some(after) = &self.after {
            object["dependentID"] = number("schedule.after", after)?;
        }
        if let Some(on) = self.enabled {
            object["enabled"] = on.to_string().into();
        }
        Ok(object)
    }
}

/// A whole start, of what was written and of what there was.
fn first_start(start: Option<String>, zone: Option<String>, old: &str) -> Result<String> {
    let example = "`--start 20260105T200000 --timezone Europe/Berlin`";
    let parted = |whole: &str| {
        let (zone, time) = whole.strip_prefix("TZID=")?.split_once(':')?;
        Some((zone.to_owned(), time.to_owned()))
    };
    let (old_zone, old_time) = parted(old).unzip();
    let (own_zone, time) = match start {
        Some(start) => parted(&start).map_or((None, Some(start)), |(zone, time)| (Some(zone), Some(time))),
        None => (None, old_time),
    };
    if let (Some(own), Some(zone)) = (&own_zone, &zone)
        && own != zone
    {
        return Err(Error::usage(format!("`schedule.start` is in {own}, and `schedule.timezone` is {zone}")));
    }
    let Some(time) = time else {
        return Err(Error::usage("`schedule.start` is missing: a schedule by the clock needs a first start")
            .hint(format!("for instance {example}")));
    };
    if DateTime::strptime(START, &time).is_err() {
        return Err(Error::usage(format!("`schedule.start`: \"{time}\" is no YYYYMMDDTHHMMSS"))
            .hint(format!("for instance {example}")));
    }
    let Some(zone) = own_zone.or(zone).or(old_zone) else {
        return Err(Error::usage("`schedule.timezone` is missing: the vendor takes no start without one")
            .hint(format!("for instance {example}")));
    };
    if zone.is_empty() || zone.contains(|sign: char| sign.is_whitespace() || sign.is_control() || sign == ':') {
        return Err(Error::usage(format!("`schedule.timezone`: \"{zone}\" is no name such as Europe/Berlin")));
    }
    Ok(format!("TZID={zone}:{time}"))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{Schedule, by_id, by_ids, number, targets, texts};
    use crate::backends::REGISTRY;
    use crate::backends::definition::Draft;
    use crate::backends::scripted;
    use crate::exit::Exit;

    fn draft(backend: &str, sets: &[&str]) -> Draft {
        let spec = REGISTRY.iter().find(|spec| spec.id == backend).unwrap();
        scripted::draft(&spec.forms.scan, spec.id, sets)
    }

    #[test]
    fn texts_are_texts_under_the_vendors_names() {
        let sets = [
            "name=Weekly",
            "max_scan_time=12h",
            "host_tracking=true",
            "email_on_finish=false",
            "mitigate_after=30",
            "timeout_action=DISCARD",
            "repository=1",
        ];
        assert_eq!(
            Value::Object(texts(&draft("tenable-sc", &sets))),
            json!({
                "name": "Weekly", "maxScanTime": "43200", "dhcpTracking": "true", "emailOnFinish": "false",
                "classifyMitigatedAge": "30", "timeoutAction": "discard",
            })
        );
        let unlimited = texts(&draft("tenable-sc-director", &["max_scan_time=unlimited", "virtual_hosts=true"]));
        assert_eq!(Value::Object(unlimited), json!({"maxScanTime": "unlimited", "scanningVirtualHosts": "true"}));
    }

    #[test]
    fn other_objects_go_by_number_and_targets_are_one_text() {
        assert_eq!(by_id("policy", "1000002").unwrap(), json!({"id": 1_000_002}));
        assert_eq!(by_ids("assets", &["2".into(), "3".into()]).unwrap(), json!([{"id": 2}, {"id": 3}]));
        for bad in ["", "-1", "1a", "B0DD6E59-850B-421B-9498-74DE0177CF64", "99999999999999999999"] {
            let error = number("policy", bad).unwrap_err();
            assert!(error.exit() == Exit::Usage && error.message().contains("`policy`"), "{bad}");
        }
        assert_eq!(targets(&["192.0.2.0/24".into(), "a.example".into()]).unwrap(), "192.0.2.0/24,a.example");
        assert!(targets(&["192.0.2.1 192.0.2.2".into()]).is_err());
    }

    fn written(sets: &[&str], old: &Schedule) -> String {
        match Schedule::written(&draft("tenable-sc", sets), old) {
            Ok(None) => "none".to_owned(),
            Ok(Some(schedule)) => schedule.json().unwrap().to_string(),
            Err(error) => {
                assert_eq!(error.exit(), Exit::Usage);
                error.message().to_owned()
            }
        }
    }

    #[test]
    fn a_new_schedule_is_what_its_keys_make_of_it() {
        let at = "schedule.start=20260105T200000";
        let berlin = "schedule.timezone=Europe/Berlin";
        for (sets, expected) in [
            (&["name=x"][..], "none"),
            (&["schedule.type=never"], r#"{"type":"never"}"#),
            (&["schedule.enabled=false"], r#"{"type":"template","enabled":"false"}"#),
            (&[at, berlin], r#"{"type":"ical","start":"TZID=Europe/Berlin:20260105T200000","repeatRule":""}"#),
            (
                &["schedule.start=TZID=UTC:20260105T200000", "schedule.repeat=FREQ=WEEKLY", "schedule.enabled=true"],
                r#"{"type":"ical","start":"TZID=UTC:20260105T200000","repeatRule":"FREQ=WEEKLY","enabled":"true"}"#,
            ),
            (&["schedule.after=34"], r#"{"type":"dependent","dependentID":34}"#),
            (
                &["schedule.repeat=FREQ=DAILY"],
                "`schedule.start` is missing: a schedule by the clock needs a first start",
            ),
            (&[at], "`schedule.timezone` is missing: the vendor takes no start without one"),
            (&[berlin], "`schedule.start` is missing: a schedule by the clock needs a first start"),
            (&["schedule.start=monday", berlin], "`schedule.start`: \"monday\" is no YYYYMMDDTHHMMSS"),
            (
                &["schedule.start=20261305T200000", berlin],
                "`schedule.start`: \"20261305T200000\" is no YYYYMMDDTHHMMSS",
            ),
            (&[at, "schedule.timezone=a b"], "`schedule.timezone`: \"a b\" is no name such as Europe/Berlin"),
            (
                &["schedule.start=TZID=UTC:20260105T200000", berlin],
                "`schedule.start` is in UTC, and `schedule.timezone` is Europe/Berlin",
            ),
            (&["schedule.type=never", at], "`schedule.start` goes with `schedule.type` ical, not never"),
            (&["schedule.after=34", at, berlin], "`schedule.start` goes with `schedule.type` ical, not dependent"),
            (
                &["schedule.after=34", "schedule.type=template"],
                "`schedule.after` goes with `schedule.type` dependent, not template",
            ),
        ] {
            assert_eq!(written(sets, &Schedule::default()), expected, "{sets:?}");
        }
    }

    #[test]
    fn what_is_not_written_stays_as_it_was() {
        let weekly = Schedule::read(&json!({
            "id": "76", "objectType": "scan", "type": "ical", "start": "TZID=UTC:20260101T010000",
            "repeatRule": "FREQ=WEEKLY", "enabled": "true", "nextRun": 0,
        }));
        for (sets, expected) in [
            (
                &["schedule.enabled=false"][..],
                r#"{"type":"ical","start":"TZID=UTC:20260101T010000","repeatRule":"FREQ=WEEKLY","enabled":"false"}"#,
            ),
            (
                &["schedule.timezone=Europe/Berlin"],
                r#"{"type":"ical","start":"TZID=Europe/Berlin:20260101T010000","repeatRule":"FREQ=WEEKLY","enabled":"true"}"#,
            ),
            (
                &["schedule.start=20260202T020000", "schedule.repeat="],
                r#"{"type":"ical","start":"TZID=UTC:20260202T020000","repeatRule":"","enabled":"true"}"#,
            ),
            (&["schedule.type=template"], r#"{"type":"template"}"#),
            (&["schedule.after=3"], r#"{"type":"dependent","dependentID":3,"enabled":"true"}"#),
        ] {
            assert_eq!(written(sets, &weekly), expected, "{sets:?}");
        }
        let dependent =
            Schedule::read(&json!({"type": "dependent", "start": "", "dependent": {"id": "4", "name": "x"}}));
        assert_eq!(dependent.after.as_deref(), Some("4"));
        assert_eq!(Schedule::read(&json!({"type": "template", "dependentID": "-1"})).after, None);
        assert_eq!(Schedule::read(&Value::Null), Schedule::default());
    }
}
