//! A stored scan as it is written: the body of a new one, and what an update changes of an old one. Not for schedules
//! and the notation of texts, which Director has too.

use serde_json::{Map, Value, json};

use crate::backends::definition::{Draft, Value as Written};
use crate::backends::sc_rest::definition::{Schedule, TEXTS, by_id, by_ids, number, targets, text};
use crate::backends::sc_rest::{reference, scalar};
use crate::error::{Error, Result};
use crate::model::Difference;

/// What `maxScanTime` is where nothing else is written, as documented.
const MAX_SCAN_TIME: i64 = 3600;
/// The longest `inactivityTimeout` that is chosen here: what the product itself takes.
const INACTIVITY: i64 = 43_200;
const SOURCES: [&str; 6] = ["cumulative", "patched", "individual", "lce", "archive", "mobile"];

/// The body of a new scan.
///
/// Both time limits are always sent. The product's own choice of the second, twelve hours, does not fit its own choice
/// of the first, one hour, and recent versions refuse a scan whose limits do not fit.
///
/// # Errors
/// Exit 2 for what the vendor would not take, naming the key.
pub fn new_scan(draft: &Draft) -> Result<Value> {
    let mut body = Map::new();
    for (key, value) in draft.iter() {
        if let Some((name, value)) = member(key.name, key.vendor, value)? {
            body.insert(name.to_owned(), value);
        }
    }
    let longest = match draft.value("max_scan_time") {
        None => Some(MAX_SCAN_TIME),
        Some(Written::Number(seconds)) => Some(*seconds),
        Some(_) => None,
    };
    let idle = draft.number("inactivity_timeout").unwrap_or(longest.unwrap_or(INACTIVITY).min(INACTIVITY));
    fits(longest, Some(idle)).map_err(Error::usage)?;
    let longest = longest.map_or_else(|| "unlimited".to_owned(), |longest| longest.to_string());
    body.insert("maxScanTime".to_owned(), longest.into());
    body.insert("inactivityTimeout".to_owned(), idle.to_string().into());
    body.insert("type".to_owned(), "policy".into());
    let schedule = Schedule::written(draft, &Schedule::default())?;
    let schedule = schedule.unwrap_or_else(|| Schedule { kind: "template".to_owned(), ..Schedule::default() });
    body.insert("schedule".to_owned(), sent(&schedule)?);
    Ok(Value::Object(body))
}

/// The vendor's fields that tell what an update changes.
pub fn fields(draft: &Draft) -> String {
    let mut fields = vec!["id", "name"];
    for (key, _) in draft.iter() {
        let names: &[&str] = match key.name {
            schedule if schedule.starts_with("schedule.") => &["schedule"],
            "max_scan_time" | "inactivity_timeout" => &["maxScanTime", "inactivityTimeout"],
            _ if key.vendor.is_empty() => &[key.name],
            _ => &[key.vendor],
        };
        for name in names {
            if !fields.contains(name) {
                fields.push(name);
            }
        }
    }
    fields.join(",")
}

/// An update: the keys that differ, and the body that changes those and no other.
///
/// # Errors
/// Exit 2 for what the vendor would not take, naming the key.
pub fn update(draft: &Draft, shown: &Value, address: &str) -> Result<(Vec<Difference>, Value)> {
    let (mut differences, mut body) = (Vec::new(), Map::new());
    for (key, value) in draft.iter() {
        let Some((name, sent)) = member(key.name, key.vendor, value)? else { continue };
        let before = shown.get(name).and_then(|shown| readable(key.name, shown));
        let after = canonical(key.name, value);
        if before.as_ref().is_some_and(|before| same(before, &after)) {
            continue;
        }
        body.insert(name.to_owned(), sent);
        differences.push(Difference { key: key.name.to_owned(), before, after, note: None });
    }
    check_limits(draft, shown, address)?;
    let old = shown.get("schedule").map(Schedule::read).filter(|old| !old.kind.is_empty());
    let whole = ["schedule.type", "schedule.start", "schedule.after"];
    if old.is_none() && draft.has("schedule.enabled") && !whole.iter().any(|key| draft.has(key)) {
        return Err(Error::usage("the vendor does not show the scan's schedule, which is sent as a whole")
            .hint("name `schedule.type` too, and whatever else belongs to it"));
    }
    if let Some(new) = Schedule::written(draft, &old.clone().unwrap_or_default())? {
        let changed = schedule_differences(draft, old.as_ref(), &new);
        if !changed.is_empty() {
            body.insert("schedule".to_owned(), self::sent(&new)?);
            differences.extend(changed);
        }
    }
    Ok((differences, Value::Object(body)))
}

/// One key of a body, under the vendor's name; none for parts of the schedule, which goes as a whole.
fn member<'a>(key: &'a str, vendor: &'a str, value: &Written) -> Result<Option<(&'a str, Value)>> {
    let list = |value: &Written| match value {
        Written::List(list) => list.clone(),
        other => vec![text(other)],
    };
    let value = match key {
        _ if TEXTS.contains(&key) => text(value).into(),
        "targets" => targets(&list(value))?,
        "policy" | "repository" => by_id(key, &text(value))?,
        "zone" => match &*text(value) {
            "-1" => json!({"id": 0}),
            id => by_id(key, id)?,
        },
        "assets" | "credentials" => by_ids(key, &list(value))?,
        "reports" => list(value).iter().map(|report| one_report(report)).collect::<Result<Value>>()?,
        _ => return Ok(None),
    };
    Ok(Some((if vendor.is_empty() { key } else { vendor }, value)))
}

fn one_report(written: &str) -> Result<Value> {
    let parts = written.split_once(':').filter(|(_, source)| SOURCES.contains(source));
    let Some((id, source)) = parts else {
        let what = format!("`reports` must be ID:SOURCE, not \"{written}\"");
        return Err(Error::usage(what).hint(format!("the sources are {}", SOURCES.join(", "))));
    };
    Ok(json!({"id": number("reports", id)?, "reportSource": source}))
}

fn sent(schedule: &Schedule) -> Result<Value> {
    if schedule.kind == "dependent" && schedule.after.is_none() {
        return Err(Error::usage("`schedule.after` is missing: which scan does it follow?"));
    }
    schedule.json()
}

/// What a written value is compared as, and shown as.
fn canonical(key: &str, value: &Written) -> Value {
    match (key, value) {
        ("zone", Written::Text(id)) if matches!(&**id, "0" | "-1") => Value::Null,
        _ => value.json(),
    }
}

/// A value of the vendor's in the same notation; none where it cannot be read.
fn readable(key: &str, shown: &Value) -> Option<Value> {
    let whole = |shown: &Value| scalar(shown)?.parse::<i64>().ok().map(Value::from);
    let ids = |shown: &Value| {
        let list = shown.as_array()?.iter();
        list.map(|item| reference(Some(item)).id.map(Value::from)).collect::<Option<Vec<_>>>().map(Value::from)
    };
    match key {
        "policy" | "repository" => reference(Some(shown)).id.map(Value::from),
        "zone" => Some(reference(Some(shown)).id.filter(|id| id != "0").map_or(Value::Null, Value::from)),
        "assets" | "credentials" => ids(shown),
        "reports" => {
            let one = |item: &Value| {
                let source = item.get("reportSource").and_then(scalar)?;
                Some(Value::from(format!("{}:{source}", reference(Some(item)).id?)))
            };
            shown.as_array()?.iter().map(one).collect::<Option<Vec<_>>>().map(Value::from)
        }
        "targets" => {
            let list = shown.as_str()?.split([',', '\n']).map(str::trim).filter(|target| !target.is_empty());
            Some(list.collect::<Vec<_>>().into())
        }
        "host_tracking" | "virtual_hosts" | "email_on_launch" | "email_on_finish" => match &*scalar_or_flag(shown)? {
            "true" => Some(true.into()),
            "false" => Some(false.into()),
            _ => None,
        },
        "mitigate_after" | "inactivity_timeout" => whole(shown),
        "max_scan_time" => whole(shown).or_else(|| scalar(shown).map(|word| word.to_ascii_lowercase().into())),
        _ if shown.is_null() => Some("".into()),
        _ => shown.as_str().map(Value::from),
    }
}

fn scalar_or_flag(shown: &Value) -> Option<String> {
    shown.as_bool().map(|on| on.to_string()).or_else(|| scalar(shown))
}

/// Whether two values mean the same: a list is the same in any order.
fn same(before: &Value, after: &Value) -> bool {
    let sorted = |value: &Value| {
        let mut items: Vec<String> = value.as_array()?.iter().map(Value::to_string).collect();
        items.sort_unstable();
        Some(items)
    };
    match (sorted(before), sorted(after)) {
        (Some(before), Some(after)) => before == after,
        _ => before == after,
    }
}

fn fits(longest: Option<i64>, idle: Option<i64>) -> Result<(), String> {
    match (longest, idle) {
        (Some(longest), Some(idle)) if idle > longest => {
            Err(format!("`inactivity_timeout` ({idle} s) is longer than `max_scan_time` ({longest} s)"))
        }
        _ => Ok(()),
    }
}

/// The two limits must fit each other also where only one of them is changed, and the other is not changed unasked.
fn check_limits(draft: &Draft, shown: &Value, address: &str) -> Result<()> {
    let limit = |key: &str, name: &str| match draft.value(key) {
        Some(Written::Number(seconds)) => Some(*seconds),
        Some(_) => None,
        None => readable(key, shown.get(name)?)?.as_i64(),
    };
    let (max, idle) = (limit("max_scan_time", "maxScanTime"), limit("inactivity_timeout", "inactivityTimeout"));
    if !draft.has("max_scan_time") && !draft.has("inactivity_timeout") {
        return Ok(());
    }
    fits(max, idle).map_err(|why| {
        let error = Error::usage(why);
        match (draft.has("inactivity_timeout"), max, idle) {
            (false, Some(max), _) => error.hint(format!(
                "the first is the scan's own and was not named: scanctl scans update {address} --max-scan-time {max} --set inactivity_timeout={max}"
            )),
            (true, _, Some(idle)) if !draft.has("max_scan_time") => error.hint(format!(
                "the second is the scan's own and was not named: scanctl scans update {address} --max-scan-time {idle} --set inactivity_timeout={idle}"
            )),
            _ => error,
        }
    })
}

fn schedule_differences(draft: &Draft, old: Option<&Schedule>, new: &Schedule) -> Vec<Difference> {
    let parts = |schedule: &Schedule| {
        let on = schedule.enabled.map_or(Value::Null, Value::from);
        let after = schedule.after.as_deref().map_or(Value::Null, Value::from);
        let text = |text: &str| Value::from(text);
        [text(&schedule.kind), text(&schedule.start), text(&schedule.repeat), on, after]
    };
    let names = ["type", "start", "repeat", "enabled", "after"].map(|name| format!("schedule.{name}"));
    let (before, after) = (old.map(parts), parts(new));
    let mut differences = Vec::new();
    for (at, (key, after)) in names.into_iter().zip(after).enumerate() {
        let before = before.as_ref().map(|before| before[at].clone());
        let written = draft.has(&key) || (key == "schedule.start" && draft.has("schedule.timezone"));
        // Of a schedule that cannot be read, only what was written is known to be meant.
        let differs = match &before {
            Some(before) => *before != after && (written || key != "schedule.enabled"),
            None => written,
        };
        if differs {
            let note = (!written).then(|| "goes with the schedule's new type".to_owned());
            differences.push(Difference { key, before, after, note });
        }
    }
    differences
}

#[cfg(test)]
mod tests;
