//! Times as this API serialises them: the getters of a Java date and of a PostgreSQL interval.

use jiff::Timestamp;
use jiff::tz::{Offset, TimeZone};
use serde_json::{Value, json};

/// The console's clock is one hour east of UTC, so that reading the calendar fields as UTC shows.
const CONSOLE_OFFSET_HOURS: i8 = 1;

/// Milliseconds since the epoch.
pub(super) fn milliseconds(seconds: f64) -> i64 {
    #[expect(clippy::cast_possible_truncation, reason = "a time in milliseconds fits by far")]
    let rounded = (seconds * 1000.0).round() as i64;
    rounded
}

/// A `java.util.Date`: years from 1900, months from 0, `day` the weekday from Sunday, the offset positive to the west.
pub(super) fn date(seconds: f64) -> Value {
    let time = milliseconds(seconds);
    let offset = Offset::constant(CONSOLE_OFFSET_HOURS);
    let local = Timestamp::from_millisecond(time).unwrap_or_default().to_zoned(TimeZone::fixed(offset));
    json!({
        "time": time,
        "year": local.year() - 1900,
        "month": local.month() - 1,
        "date": local.day(),
        "day": local.weekday().to_sunday_zero_offset(),
        "hours": local.hour(),
        "minutes": local.minute(),
        "seconds": local.second(),
        "timezoneOffset": -60 * i32::from(CONSOLE_OFFSET_HOURS),
    })
}

/// A PostgreSQL interval. `seconds` already holds the fraction that `wholeSeconds` and `microSeconds` repeat.
pub(super) fn interval(seconds: f64) -> Value {
    let micro = milliseconds(seconds.max(0.0)) * 1000;
    let (whole, fraction) = (micro / 1_000_000, micro % 1_000_000);
    let (days, hours, minutes, rest) = (whole / 86_400, whole / 3600 % 24, whole / 60 % 60, whole % 60);
    #[expect(clippy::cast_precision_loss, reason = "less than a minute")]
    let with_fraction = (rest * 1_000_000 + fraction) as f64 / 1_000_000.0;
    json!({
        "years": 0,
        "months": 0,
        "days": days,
        "hours": hours,
        "minutes": minutes,
        "seconds": with_fraction,
        "wholeSeconds": rest,
        "microSeconds": fraction,
        "type": "interval",
        "value": format!("0 years 0 mons {days} days {hours} hours {minutes} mins {with_fraction} secs"),
        "null": false,
    })
}

/// The interval of what never happened: a key named `null` that is true, and no text.
pub(super) fn no_interval() -> Value {
    json!({
        "years": 0, "months": 0, "days": 0, "hours": 0, "minutes": 0, "seconds": 0.0,
        "wholeSeconds": 0, "microSeconds": 0, "type": "interval", "null": true,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_counts_years_from_1900_and_months_from_0() {
        // 2022-05-24 00:00 UTC, a Tuesday; the console shows 01:00.
        let date = date(1_653_350_400.0);
        assert_eq!(date["time"], 1_653_350_400_000_i64);
        assert_eq!((&date["year"], &date["month"]), (&json!(122), &json!(4)));
        assert_eq!((&date["date"], &date["day"]), (&json!(24), &json!(2)));
        assert_eq!((&date["hours"], &date["timezoneOffset"]), (&json!(1), &json!(-60)));
    }

    #[test]
    fn an_interval_says_its_seconds_twice() {
        let interval = interval(93_784.25);
        assert_eq!((&interval["days"], &interval["hours"], &interval["minutes"]), (&json!(1), &json!(2), &json!(3)));
        assert_eq!(interval["seconds"], 4.25);
        assert_eq!((&interval["wholeSeconds"], &interval["microSeconds"]), (&json!(4), &json!(250_000)));
        assert_eq!(interval["null"], false);
    }
}
