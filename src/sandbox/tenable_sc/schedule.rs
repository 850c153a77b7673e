//! When a scan definition starts by itself: the schedule types, the iCal start and the repeat rule. Not a full
//! RFC 5545: what the product's own forms can make, and a refusal for the rest.

use jiff::civil::{Date, DateTime, Weekday};
use jiff::tz::{Offset, TimeZone};
use jiff::{Span, ToSpan as _};
use serde_json::{Value, json};

use super::system;
use super::wire::{Object, Refusal, integer, seconds};

/// More occurrences than this between the start and now are not looked through; the schedule is then dead.
const MOST_OCCURRENCES: u32 = 200_000;

/// The schedule of one definition.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::sandbox) enum Schedule {
    /// On demand.
    Template,
    /// No schedule at all.
    Never,
    /// What a rollover leaves behind.
    Rollover,
    /// Once, at creation.
    Now,
    /// When another scan has ended.
    Dependent(u64),
    /// By the clock.
    Calendar(Calendar),
}

/// An iCal start with its rule.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::sandbox) struct Calendar {
    start: String,
    rule: String,
    enabled: bool,
    zone: TimeZone,
    first: DateTime,
    repeat: Option<Repeat>,
}

#[derive(Debug, Clone, PartialEq)]
struct Repeat {
    every: Frequency,
    interval: i64,
    days: Vec<(i8, Weekday)>,
    day_of_month: Option<i8>,
    count: Option<u32>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Frequency {
    Hour,
    Day,
    Week,
    Month,
    Year,
}

impl Schedule {
    /// Reads a `schedule` object.
    ///
    /// # Errors
    /// When the type is none of `allowed`, or its members do not fit it.
    pub(in crate::sandbox) fn read(value: &Value, default: &str, allowed: &[&str]) -> Result<Self, Refusal> {
        let bad = |what: &str| Refusal::because(format!("Invalid value for attribute 'schedule': {what}."));
        let object = value.as_object().ok_or_else(|| bad("an object"))?;
        let kind = match object.get("type") {
            None => default,
            Some(Value::String(kind)) => kind,
            Some(_) => return Err(bad("type is a string")),
        };
        if !allowed.contains(&kind) {
            return Err(bad(&format!("type is one of {}", allowed.join(", "))));
        }
        match kind {
            "never" => Ok(Self::Never),
            "rollover" => Ok(Self::Rollover),
            "now" => Ok(Self::Now),
            "dependent" => object
                .get("dependentID")
                .and_then(integer)
                .and_then(|id| u64::try_from(id).ok())
                .map(Self::Dependent)
                .ok_or_else(|| bad("dependentID is required")),
            "ical" => Calendar::read(object).map(Self::Calendar).map_err(bad),
            _ => Ok(Self::Template),
        }
    }

    /// The first start after `after`, both in seconds since the epoch.
    pub(in crate::sandbox) fn next(&self, after: f64) -> Option<f64> {
        match self {
            Self::Calendar(calendar) if calendar.enabled => calendar.next(after),
            _ => None,
        }
    }

    /// As a reply shows it, but for the name of the scan that a dependent one waits for.
    pub(in crate::sandbox) fn wire(&self, id: u64, next: Option<f64>) -> Object {
        let (kind, start, rule, enabled) = match self {
            Self::Template => ("template", "", "", true),
            Self::Never => ("never", "", "", true),
            Self::Rollover => ("rollover", "", "", true),
            Self::Now => ("now", "", "", true),
            Self::Dependent(_) => ("dependent", "", "", true),
            Self::Calendar(calendar) => ("ical", calendar.start.as_str(), calendar.rule.as_str(), calendar.enabled),
        };
        let mut object = Object::new();
        object.insert("id".into(), id.to_string().into());
        object.insert("objectType".into(), "scan".into());
        object.insert("type".into(), kind.into());
        object.insert("start".into(), start.into());
        object.insert("repeatRule".into(), rule.into());
        object.insert("enabled".into(), super::wire::flag(enabled));
        // A number, unlike every other time of this object.
        object.insert("nextRun".into(), json!(next.map_or(0, seconds)));
        if let Self::Dependent(on) = self {
            object.insert("dependentID".into(), on.to_string().into());
        }
        object
    }
}

impl Calendar {
    fn read(object: &Object) -> Result<Self, &'static str> {
        let text = |key: &str| match object.get(key) {
            None => Some(String::new()),
            Some(value) => value.as_str().map(str::to_owned),
        };
        let start = text("start").ok_or("start is a string")?;
        let rule = text("repeatRule").ok_or("repeatRule is a string")?;
        let enabled = match text("enabled").as_deref() {
            Some("" | "true") => true,
            Some("false") => false,
            _ => return Err("enabled is \"true\" or \"false\""),
        };
        let form = "start is TZID=<zone>:YYYYMMDDTHHMMSS";
        let (zone, time) = start.strip_prefix("TZID=").and_then(|rest| rest.split_once(':')).ok_or(form)?;
        let hours = system::offset_of(zone).ok_or("the time zone of start is unknown")?;
        let first = DateTime::strptime("%Y%m%dT%H%M%S", time).map_err(|_| form)?;
        #[expect(clippy::cast_possible_truncation, reason = "at most 14 hours")]
        let offset = Offset::from_seconds((hours * 3600.0) as i32).map_err(|_| form)?;
        let repeat = if rule.is_empty() { None } else { Some(Repeat::read(&rule)?) };
        let zone = TimeZone::fixed(offset);
        Ok(Self { start, rule, enabled, zone, first, repeat })
    }

    fn next(&self, after: f64) -> Option<f64> {
        let epoch = |time: DateTime| -> Option<f64> {
            #[expect(clippy::cast_precision_loss, reason = "seconds of the present epoch fit")]
            self.zone.to_timestamp(time).ok().map(|stamp| stamp.as_second() as f64)
        };
        let Some(repeat) = &self.repeat else {
            return epoch(self.first).filter(|time| *time > after);
        };
        let mut number = 0;
        for period in 0..i64::from(MOST_OCCURRENCES) {
            for time in repeat.period(self.first, period)? {
                if time < self.first {
                    continue;
                }
                number += 1;
                if repeat.count.is_some_and(|count| number > count) {
                    return None;
                }
                let time = epoch(time)?;
                if time > after {
                    return Some(time);
                }
            }
        }
        None
    }
}

impl Repeat {
    fn read(rule: &str) -> Result<Self, &'static str> {
        let mut repeat = Self { every: Frequency::Day, interval: 1, days: Vec::new(), day_of_month: None, count: None };
        let mut frequent = false;
        for part in rule.trim_start_matches("RRULE:").split(';').filter(|part| !part.is_empty()) {
            let (key, value) = part.split_once('=').ok_or("repeatRule is FREQ=..;INTERVAL=..")?;
            let number = || value.parse::<u32>().ok().filter(|number| *number > 0);
            match key {
                "FREQ" => {
                    frequent = true;
                    repeat.every = match value {
                        "HOURLY" => Frequency::Hour,
                        "DAILY" => Frequency::Day,
                        "WEEKLY" => Frequency::Week,
                        "MONTHLY" => Frequency::Month,
                        "YEARLY" => Frequency::Year,
                        _ => return Err("the FREQ of repeatRule is unknown"),
                    };
                }
                "INTERVAL" => repeat.interval = number().ok_or("the INTERVAL of repeatRule is no number")?.into(),
                "COUNT" => repeat.count = Some(number().ok_or("the COUNT of repeatRule is no number")?),
                "BYMONTHDAY" => {
                    let day = value.parse().ok().filter(|day| (1..=31).contains(day));
                    repeat.day_of_month = Some(day.ok_or("the BYMONTHDAY of repeatRule is no day")?);
                }
                "BYDAY" => {
                    for day in value.split(',') {
                        repeat.days.push(week_day(day).ok_or("the BYDAY of repeatRule is no day")?);
                    }
                }
                _ => {}
            }
        }
        if frequent { Ok(repeat) } else { Err("repeatRule has no FREQ") }
    }

    /// The starts within the period of that number, in order; `None` past the end of the calendar.
    fn period(&self, first: DateTime, number: i64) -> Option<Vec<DateTime>> {
        let steps = number * self.interval;
        let shifted = |span: Span| first.checked_add(span).ok();
        Some(match self.every {
            Frequency::Hour => vec![shifted(Span::new().try_hours(steps).ok()?)?],
            Frequency::Day => vec![shifted(Span::new().try_days(steps).ok()?)?],
            Frequency::Year => vec![shifted(Span::new().try_years(steps).ok()?)?],
            Frequency::Week => {
                let same_day = shifted(Span::new().try_weeks(steps).ok()?)?;
                if self.days.is_empty() {
                    return Some(vec![same_day]);
                }
                let since_monday = i64::from(same_day.weekday().to_monday_zero_offset());
                let monday = same_day.checked_sub(since_monday.days()).ok()?;
                let mut days: Vec<i64> =
                    self.days.iter().map(|(_, day)| i64::from(day.to_monday_zero_offset())).collect();
                days.sort_unstable();
                days.into_iter().filter_map(|day| monday.checked_add(day.days()).ok()).collect()
            }
            Frequency::Month => {
                let month = first.date().first_of_month().checked_add(Span::new().try_months(steps).ok()?).ok()?;
                let mut dates: Vec<Date> = if self.days.is_empty() {
                    let day = self.day_of_month.unwrap_or(first.day());
                    Date::new(month.year(), month.month(), day).into_iter().collect()
                } else {
                    let nth = |(nth, day): &(i8, Weekday)| month.nth_weekday_of_month((*nth).max(1), *day).ok();
                    self.days.iter().filter_map(nth).collect()
                };
                dates.sort_unstable();
                dates.into_iter().map(|date| date.to_datetime(first.time())).collect()
            }
        })
    }
}

/// `MO`, or `2MO` for the second of the month.
fn week_day(text: &str) -> Option<(i8, Weekday)> {
    let (nth, day) = text.split_at_checked(text.len().checked_sub(2)?)?;
    let day = match day {
        "MO" => Weekday::Monday,
        "TU" => Weekday::Tuesday,
        "WE" => Weekday::Wednesday,
        "TH" => Weekday::Thursday,
        "FR" => Weekday::Friday,
        "SA" => Weekday::Saturday,
        "SU" => Weekday::Sunday,
        _ => return None,
    };
    if nth.is_empty() { Some((0, day)) } else { nth.parse().ok().map(|nth| (nth, day)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: &[&str] = &["ical", "dependent", "never", "rollover", "template", "now"];

    fn calendar(start: &str, rule: &str) -> Schedule {
        Schedule::read(&json!({"type": "ical", "start": start, "repeatRule": rule}), "template", ALL).unwrap()
    }

    /// 2026-03-02 (a Monday) 00:00 UTC.
    const MONDAY: f64 = 1_772_409_600.0;
    const DAY: f64 = 86_400.0;

    #[test]
    fn single_runs_happen_once() {
        let once = calendar("TZID=UTC:20260302T000000", "");
        assert_eq!(once.next(MONDAY - 1.0), Some(MONDAY));
        assert_eq!(once.next(MONDAY), None);
    }

    #[test]
    fn zones_shift_the_start() {
        assert_eq!(calendar("TZID=America/New_York:20260301T190000", "").next(0.0), Some(MONDAY));
    }

    #[test]
    fn rules_repeat() {
        let daily = calendar("TZID=UTC:20260302T000000", "FREQ=DAILY;INTERVAL=2");
        assert_eq!(daily.next(MONDAY), Some(MONDAY + 2.0 * DAY));
        let weekly = calendar("TZID=UTC:20260302T000000", "FREQ=WEEKLY;BYDAY=SA,TU;INTERVAL=1");
        assert_eq!(weekly.next(MONDAY), Some(MONDAY + DAY));
        assert_eq!(weekly.next(MONDAY + DAY), Some(MONDAY + 5.0 * DAY));
        assert_eq!(weekly.next(MONDAY + 5.0 * DAY), Some(MONDAY + 8.0 * DAY));
        let monthly = calendar("TZID=UTC:20260302T000000", "FREQ=MONTHLY;BYDAY=1MO;INTERVAL=1");
        assert_eq!(monthly.next(MONDAY), Some(MONDAY + 35.0 * DAY));
        let last_day = calendar("TZID=UTC:20260331T000000", "FREQ=MONTHLY;BYMONTHDAY=31");
        assert_eq!(last_day.next(MONDAY + 29.0 * DAY), Some(MONDAY + 90.0 * DAY), "April has no 31st");
        let twice = calendar("TZID=UTC:20260302T000000", "FREQ=HOURLY;COUNT=2");
        assert_eq!(twice.next(MONDAY), Some(MONDAY + 3600.0));
        assert_eq!(twice.next(MONDAY + 3600.0), None);
    }

    #[test]
    fn disabled_schedules_never_fire() {
        let value = json!({"type": "ical", "start": "TZID=UTC:20260302T000000", "repeatRule": "", "enabled": "false"});
        let schedule = Schedule::read(&value, "template", ALL).unwrap();
        assert_eq!(schedule.next(0.0), None);
        assert_eq!(schedule.wire(4, None)["nextRun"], json!(0));
    }

    #[test]
    fn nonsense_is_refused() {
        for value in [
            json!("never"),
            json!({"type": "hourly"}),
            json!({"type": "ical", "start": "20260302T000000", "repeatRule": ""}),
            json!({"type": "ical", "start": "TZID=Mars/Olympus:20260302T000000", "repeatRule": ""}),
            json!({"type": "ical", "start": "TZID=UTC:20260302T000000", "repeatRule": "INTERVAL=1"}),
            json!({"type": "dependent"}),
        ] {
            assert!(Schedule::read(&value, "template", ALL).is_err(), "{value}");
        }
        assert!(Schedule::read(&json!({"type": "now"}), "template", &["template"]).is_err());
    }
}
