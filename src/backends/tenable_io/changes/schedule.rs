//! When a stored scan starts by itself, in the vendor's notation.
//!
//! Source: <https://developer.tenable.com/reference/scans-create>, the settings marked Schedule; recorded requests of
//! the vendor's client have `scheduleScan` beside `enabled`.

use jiff::civil::DateTime;
use serde_json::{Map, Value as Json, json};

use crate::backends::definition::Draft;
use crate::error::{Error, Result};

const FREQUENCIES: [&str; 5] = ["ONETIME", "DAILY", "WEEKLY", "MONTHLY", "YEARLY"];
/// What a start alone means.
const ONCE: &str = "FREQ=ONETIME;INTERVAL=1";
const KEYS: [&str; 4] = ["schedule.enabled", "schedule.repeat", "schedule.start", "schedule.timezone"];

/// The schedule that a scan has, to be sent back as a whole when something else is changed.
pub(super) fn kept(before: &Map<String, Json>) -> Map<String, Json> {
    let mut settings = Map::new();
    for name in ["enabled", "launch", "rrules", "starttime", "timezone"] {
        if let Some(value) = before.get(name).filter(|value| !value.is_null() && value.as_str() != Some("")) {
            settings.insert(name.to_owned(), value.clone());
        }
    }
    // What is on without a rule is no schedule: new scans are so, and those that a trigger starts.
    match settings.get("enabled").and_then(Json::as_bool) {
        Some(true) if settings.contains_key("rrules") => settings.insert("scheduleScan".to_owned(), "yes".into()),
        Some(false) => settings.insert("scheduleScan".to_owned(), "no".into()),
        _ => None,
    };
    settings
}

/// The settings of the schedule, if anything of it was written. `before` has the settings that the scan has already: a
/// schedule is always sent as a whole, as the vendor's client sends it, also when it is switched off.
///
/// # Errors
/// Exit 2 for what is no schedule, naming the key.
pub(super) fn settings(draft: &Draft, before: &Map<String, Json>) -> Result<Option<Map<String, Json>>> {
    if !KEYS.iter().any(|key| draft.has(key)) {
        return Ok(None);
    }
    let kept = |name: &str| before.get(name).and_then(Json::as_str).filter(|text| !text.is_empty()).map(str::to_owned);
    let repeat = draft.text("schedule.repeat").map(rule).transpose()?;
    let start = draft.text("schedule.start").map(start).transpose()?;
    let timezone = draft.text("schedule.timezone").map(str::to_owned);
    let was_on = before.get("enabled").and_then(Json::as_bool);
    let begins = repeat.is_some() || start.is_some();
    let on = draft.flag("schedule.enabled").unwrap_or(begins || was_on.unwrap_or(true));

    let mut settings = Map::new();
    settings.insert("enabled".to_owned(), on.into());
    settings.insert("scheduleScan".to_owned(), if on { "yes" } else { "no" }.into());
    // A scan that is off keeps the word for how it is launched.
    let launch = kept("launch").filter(|_| !on && repeat.is_none());
    let repeat = repeat.or_else(|| kept("rrules")).or_else(|| (on && start.is_some()).then(|| ONCE.to_owned()));
    if on && repeat.is_none() {
        return Err(Error::usage("a schedule that is on needs `schedule.repeat` or `schedule.start`").hint(
            "`--schedule 'FREQ=WEEKLY;INTERVAL=1;BYDAY=MO'` repeats it, `--start 20300105T200000` starts it once",
        ));
    }
    // What was kept may have a rule that nobody documents.
    let launch = launch.or_else(|| repeat.as_deref().and_then(frequency));
    settings.insert("launch".to_owned(), launch.into());
    settings.insert("rrules".to_owned(), repeat.into());
    let rest = [("starttime", start), ("timezone", timezone)];
    for (name, value) in rest {
        if let Some(value) = value.or_else(|| kept(name)) {
            settings.insert(name.to_owned(), json!(value));
        }
    }
    settings.retain(|_, value| !value.is_null() && value.as_str() != Some(""));
    Ok(Some(settings))
}

/// What the user must know of a schedule that is to be sent.
pub(super) fn warnings(settings: &Map<String, Json>, now: DateTime) -> Vec<String> {
    if settings.get("enabled") != Some(&Json::Bool(true)) {
        return Vec::new();
    }
    let mut warnings = Vec::new();
    match settings.get("starttime").and_then(Json::as_str) {
        None => warnings.push("the schedule has no `schedule.start`, and what the vendor makes of that is not known"),
        // A day is more than any two clocks are apart.
        Some(text) if text.parse::<DateTime>().is_ok_and(|start| start.date() < now.date()) => {
            warnings.push("the first start lies in the past, where the vendor's page wants a future one");
        }
        Some(_) => {}
    }
    if !settings.contains_key("timezone") {
        warnings.push("the schedule has no `schedule.timezone`, and which one the vendor takes then is not known");
    }
    warnings.into_iter().map(str::to_owned).collect()
}

fn frequency(rule: &str) -> Option<String> {
    let mut parts = rule.split(';').filter_map(|part| part.trim().split_once('='));
    let (_, word) = parts.find(|(name, _)| name.eq_ignore_ascii_case("FREQ"))?;
    Some(word.trim().to_ascii_uppercase())
}

fn rule(text: &str) -> Result<String> {
    let text = text.trim().trim_start_matches("RRULE:");
    match frequency(text) {
        Some(word) if FREQUENCIES.contains(&word.as_str()) => Ok(text.to_owned()),
        _ => Err(Error::usage(format!("`schedule.repeat`: \"{text}\" is no rule with FREQ={}", FREQUENCIES.join("|")))
            .hint("as in FREQ=WEEKLY;INTERVAL=1;BYDAY=MO,TH")),
    }
}

fn start(text: &str) -> Result<String> {
    let read = text.trim().parse::<DateTime>().map_err(|_no_time| {
        Error::usage(format!("`schedule.start`: \"{text}\" is no time as YYYYMMDDTHHMMSS"))
            .hint("it is a time in `schedule.timezone`, as 20300105T200000, without a zone of its own")
    })?;
    Ok(read.strftime("%Y%m%dT%H%M%S").to_string())
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use serde_json::{Map, Value, json};

    use super::{kept, settings, warnings};
    use crate::backends::definition::Draft;
    use crate::backends::scripted;
    use crate::backends::tenable_io::form::FORMS;

    fn draft(sets: &[&str]) -> Draft {
        scripted::draft(&FORMS.scan, "tenable-io", sets)
    }

    fn map(value: &Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn a_schedule_is_sent_whole_and_only_if_it_was_written() {
        let weekly = "FREQ=WEEKLY;INTERVAL=1;BYDAY=MO";
        let had = json!({"enabled": true, "rrules": weekly, "starttime": "20260105T200000", "timezone": "Etc/UTC"});
        let off = json!({"enabled": false, "rrules": null});
        for (sets, before, sent) in [
            (&["name=x"][..], &json!({}), json!(null)),
            (&["name=x"], &had, json!(null)),
            (
                &[
                    "schedule.repeat=FREQ=WEEKLY;INTERVAL=1;BYDAY=MO",
                    "schedule.start=2030-01-05T20:00:00",
                    "timezone=Europe/Berlin",
                ],
                &json!({}),
                json!({"enabled": true, "scheduleScan": "yes", "launch": "WEEKLY", "rrules": weekly,
                    "starttime": "20300105T200000", "timezone": "Europe/Berlin"}),
            ),
            (
                &["schedule.start=20300105T200000"],
                &json!({}),
                json!({"enabled": true, "scheduleScan": "yes", "launch": "ONETIME", "rrules": "FREQ=ONETIME;INTERVAL=1",
                    "starttime": "20300105T200000"}),
            ),
            (
                &["schedule.repeat=RRULE:freq=daily", "schedule.enabled=false"],
                &json!({}),
                json!({"enabled": false, "scheduleScan": "no", "launch": "DAILY", "rrules": "freq=daily"}),
            ),
            (
                &["schedule.enabled=false"],
                &had,
                json!({"enabled": false, "scheduleScan": "no", "launch": "WEEKLY", "rrules": weekly,
                    "starttime": "20260105T200000", "timezone": "Etc/UTC"}),
            ),
            (
                &["schedule.timezone=US/Central"],
                &had,
                json!({"enabled": true, "scheduleScan": "yes", "launch": "WEEKLY", "rrules": weekly,
                    "starttime": "20260105T200000", "timezone": "US/Central"}),
            ),
            (
                &["schedule.timezone=US/Central"],
                &off,
                json!({"enabled": false, "scheduleScan": "no", "timezone": "US/Central"}),
            ),
            (
                &["schedule.start=20300105T200000"],
                &had,
                json!({"enabled": true, "scheduleScan": "yes", "launch": "WEEKLY", "rrules": weekly,
                    "starttime": "20300105T200000", "timezone": "Etc/UTC"}),
            ),
        ] {
            let read = settings(&draft(sets), &map(before)).unwrap();
            assert_eq!(read.map_or(json!(null), Value::Object), sent, "{sets:?} {before}");
        }
    }

    #[test]
    fn a_schedule_that_is_not_changed_is_sent_back_whole() {
        for (before, sent) in [
            (
                json!({"name": "x", "enabled": false, "launch": "ONETIME", "rrules": "FREQ=ONETIME;INTERVAL=1",
                    "starttime": "20210324T143000", "timezone": "Etc/UTC"}),
                json!({"enabled": false, "launch": "ONETIME", "rrules": "FREQ=ONETIME;INTERVAL=1",
                    "starttime": "20210324T143000", "timezone": "Etc/UTC", "scheduleScan": "no"}),
            ),
            (
                json!({"enabled": true, "launch": "DAILY", "rrules": "FREQ=DAILY;INTERVAL=1", "starttime": null}),
                json!({"enabled": true, "launch": "DAILY", "rrules": "FREQ=DAILY;INTERVAL=1", "scheduleScan": "yes"}),
            ),
            (json!({"enabled": true, "rrules": "", "timezone": null}), json!({"enabled": true})),
            (json!({"enabled": true, "launch": "ON_DEMAND"}), json!({"enabled": true, "launch": "ON_DEMAND"})),
            (json!({"name": "x"}), json!({})),
        ] {
            assert_eq!(Value::Object(kept(&map(&before))), sent, "{before}");
        }
    }

    #[test]
    fn what_is_no_schedule_is_refused_by_its_key() {
        for (sets, words) in [
            (&["schedule.repeat=weekly"][..], "`schedule.repeat`: \"weekly\""),
            (&["schedule.repeat=FREQ=HOURLY"], "FREQ=ONETIME|DAILY"),
            (&["schedule.start=tomorrow"], "`schedule.start`: \"tomorrow\""),
            (&["schedule.start=2030-01-05T20:00:00Z"], "`schedule.start`"),
            (&["schedule.enabled=true"], "needs `schedule.repeat`"),
        ] {
            let refused = settings(&draft(sets), &Map::new()).unwrap_err();
            assert!(refused.message().contains(words), "{refused}");
        }
    }

    #[test]
    fn what_the_vendor_may_make_of_it_is_said_before() {
        let now = date(2026, 1, 6).at(12, 0, 0, 0);
        for (settings, told) in [
            (json!({"enabled": false}), 0),
            (json!({"enabled": true, "starttime": "20260106T100000", "timezone": "x"}), 0),
            (json!({"enabled": true, "starttime": "20260105T200000", "timezone": "x"}), 1),
            (json!({"enabled": true, "timezone": "x"}), 1),
            (json!({"enabled": true}), 2),
        ] {
            assert_eq!(warnings(&map(&settings), now).len(), told, "{settings}");
        }
    }
}
