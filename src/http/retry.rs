//! How often a request may be sent: one table, one schedule of pauses.

use std::time::Duration;

use jiff::Timestamp;
use reqwest::header::{HeaderMap, RETRY_AFTER};

use crate::exit::Exit;

/// Attempts of one call, the first included.
pub const ATTEMPTS: u32 = 5;
/// One call ends within this, retries included: a cron job must not hang on one request.
pub const CALL_DEADLINE: Duration = Duration::from_secs(120);
/// The first pause of the schedule.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// The longest pause of the schedule, the vendor's own wishes apart.
const LONGEST_PAUSE: Duration = Duration::from_secs(15);

/// How often a request may be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repeat {
    /// It reads; sending it again does no harm.
    Safe,
    /// It changes something, and twice is the same as once.
    Idempotent,
    /// It changes something, and twice is not the same: sent again only if it is known not to have been processed.
    Once,
}

/// What happened to one attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// No connection was made: nothing was sent.
    NoConnection,
    /// The certificate was refused: nothing was sent, and trying again will not help.
    Certificate,
    /// Sent, at least in part, and no whole answer came: timeout, closed connection, cut-off body.
    NoAnswer,
    /// What came is nothing that any vendor promises: more than that, no HTTP, or packed bytes that are none.
    Unreadable,
    /// An answer with this status.
    Status(u16),
}

/// What to do about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The answer is the answer.
    Done,
    /// Pause and send again; when attempts or time are spent, end with this code.
    Again(Exit),
    /// Stop: refused for certain, nothing was changed.
    Refused(Exit),
    /// Stop: it may have been processed.
    Unknown,
    /// Stop: no request of this kind can succeed.
    Failed(Exit),
}

/// The table.
pub fn verdict(repeat: Repeat, event: Event) -> Verdict {
    let again_unless_once = |exit| if repeat == Repeat::Once { Verdict::Unknown } else { Verdict::Again(exit) };
    match event {
        Event::NoConnection => Verdict::Again(Exit::Network),
        Event::Certificate => Verdict::Failed(Exit::Network),
        Event::NoAnswer => again_unless_once(Exit::Network),
        Event::Unreadable if repeat == Repeat::Once => Verdict::Unknown,
        Event::Unreadable => Verdict::Failed(Exit::BadData),
        Event::Status(status) => match status {
            200..=299 => Verdict::Done,
            300..=399 => Verdict::Failed(Exit::Config),
            429 => Verdict::Again(Exit::Limited),
            408 => again_unless_once(Exit::Network),
            400..=499 => Verdict::Refused(refusal(status)),
            500..=599 => again_unless_once(Exit::Network),
            _ => again_unless_once(Exit::BadData),
        },
    }
}

/// The exit code of a plain refusal; a backend that knows better overrides it.
const fn refusal(status: u16) -> Exit {
    match status {
        400 | 413 | 415 | 422 => Exit::Usage,
        401 | 403 => Exit::Auth,
        404 | 410 => Exit::NotFound,
        409 => Exit::InvalidState,
        _ => Exit::Internal,
    }
}

/// The table, where the vendor's words may say that a rate limit refused the request, whatever the status. A refusal it is
/// then; to send a change again without being told is for 429 alone.
pub fn verdict_of(repeat: Repeat, event: Event, throttled: bool) -> Verdict {
    match verdict(repeat, event) {
        verdict if !throttled => verdict,
        _ if repeat != Repeat::Once => Verdict::Again(Exit::Limited),
        Verdict::Done | Verdict::Refused(_) => Verdict::Refused(Exit::Limited),
        verdict => verdict,
    }
}

/// The pause before attempt `attempt` + 1 (from 1): what the vendor asks for, and never less than the schedule has.
pub fn pause_of(attempt: u32, wanted: Option<Duration>, random: f64) -> Duration {
    pause(attempt, random).max(wanted.unwrap_or_default())
}

/// The schedule: exponential with full jitter over its upper half.
fn pause(attempt: u32, random: f64) -> Duration {
    let whole = FIRST_PAUSE.saturating_mul(1 << attempt.saturating_sub(1).min(10)).min(LONGEST_PAUSE);
    whole.mul_f64(0.5 + random.clamp(0.0, 1.0) / 2.0)
}

/// `Retry-After` as seconds or as a date, which is taken against the answer's own `Date` where there is one.
pub fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse::<f64>() {
        // More than can be counted is longer than anybody waits.
        return Some(Duration::try_from_secs_f64(seconds.max(0.0)).unwrap_or(Duration::MAX));
    }
    let until = http_date(text)?;
    let now = date(headers).unwrap_or_else(Timestamp::now);
    Some(Duration::try_from(until.duration_since(now)).unwrap_or(Duration::ZERO))
}

/// The vendor's clock, from the `Date` header.
pub fn date(headers: &HeaderMap) -> Option<Timestamp> {
    http_date(headers.get(reqwest::header::DATE)?.to_str().ok()?)
}

/// An HTTP date; the obsolete forms are not read.
fn http_date(text: &str) -> Option<Timestamp> {
    jiff::fmt::rfc2822::parse(text).ok().map(|zoned| zoned.timestamp())
}

#[cfg(test)]
mod tests {
    use super::{Event, Repeat, Verdict, date, pause, pause_of, retry_after, verdict, verdict_of};
    use crate::exit::Exit;
    use reqwest::header::{DATE, HeaderMap, HeaderValue, RETRY_AFTER};
    use std::fmt::Write as _;
    use std::time::Duration;

    #[test]
    fn every_registered_status_and_failure_for_each_kind_of_request() {
        let registered: &[std::ops::RangeInclusive<u16>] = &[
            100..=104,
            200..=208,
            226..=226,
            300..=308,
            400..=418,
            421..=426,
            428..=429,
            431..=431,
            451..=451,
            500..=508,
            510..=511,
        ];
        let mut events = vec![
            ("no connection".to_owned(), Event::NoConnection),
            ("certificate".to_owned(), Event::Certificate),
            ("no answer".to_owned(), Event::NoAnswer),
            ("unreadable".to_owned(), Event::Unreadable),
        ];
        events.extend(
            registered
                .iter()
                .cloned()
                .flatten()
                .chain([419, 420])
                .map(|status| (status.to_string(), Event::Status(status))),
        );
        let mut table: Vec<(String, Vec<String>)> = Vec::new();
        for (name, event) in events {
            let row =
                [Repeat::Safe, Repeat::Idempotent, Repeat::Once].map(|repeat| format!("{:?}", verdict(repeat, event)));
            let row = row.join(" | ");
            match table.last_mut() {
                Some((last, names)) if *last == row => names.push(name),
                _ => table.push((row, vec![name])),
            }
        }
        let mut text = String::new();
        for (row, names) in table {
            writeln!(text, "{}: {row}", names.join(" ")).unwrap();
        }
        insta::assert_snapshot!(text, @r"
        no connection: Again(Network) | Again(Network) | Again(Network)
        certificate: Failed(Network) | Failed(Network) | Failed(Network)
        no answer: Again(Network) | Again(Network) | Unknown
        unreadable: Failed(BadData) | Failed(BadData) | Unknown
        100 101 102 103 104: Again(BadData) | Again(BadData) | Unknown
        200 201 202 203 204 205 206 207 208 226: Done | Done | Done
        300 301 302 303 304 305 306 307 308: Failed(Config) | Failed(Config) | Failed(Config)
        400: Refused(Usage) | Refused(Usage) | Refused(Usage)
        401: Refused(Auth) | Refused(Auth) | Refused(Auth)
        402: Refused(Internal) | Refused(Internal) | Refused(Internal)
        403: Refused(Auth) | Refused(Auth) | Refused(Auth)
        404: Refused(NotFound) | Refused(NotFound) | Refused(NotFound)
        405 406 407: Refused(Internal) | Refused(Internal) | Refused(Internal)
        408: Again(Network) | Again(Network) | Unknown
        409: Refused(InvalidState) | Refused(InvalidState) | Refused(InvalidState)
        410: Refused(NotFound) | Refused(NotFound) | Refused(NotFound)
        411 412: Refused(Internal) | Refused(Internal) | Refused(Internal)
        413: Refused(Usage) | Refused(Usage) | Refused(Usage)
        414: Refused(Internal) | Refused(Internal) | Refused(Internal)
        415: Refused(Usage) | Refused(Usage) | Refused(Usage)
        416 417 418 421: Refused(Internal) | Refused(Internal) | Refused(Internal)
        422: Refused(Usage) | Refused(Usage) | Refused(Usage)
        423 424 425 426 428: Refused(Internal) | Refused(Internal) | Refused(Internal)
        429: Again(Limited) | Again(Limited) | Again(Limited)
        431 451: Refused(Internal) | Refused(Internal) | Refused(Internal)
        500 501 502 503 504 505 506 507 508 510 511: Again(Network) | Again(Network) | Unknown
        419 420: Refused(Internal) | Refused(Internal) | Refused(Internal)
        ");
    }

    #[test]
    fn only_refusals_at_the_gate_and_missing_connections_repeat_a_once_request() {
        for status in 100..600 {
            let expected = status == 429;
            assert_eq!(matches!(verdict(Repeat::Once, Event::Status(status)), Verdict::Again(_)), expected, "{status}");
        }
        assert_eq!(verdict(Repeat::Once, Event::NoAnswer), Verdict::Unknown);
    }

    #[test]
    fn words_about_a_rate_limit_repeat_what_reads_and_nothing_else() {
        let limited = |repeat, status| verdict_of(repeat, Event::Status(status), true);
        for status in [200, 400, 403, 429, 503] {
            assert_eq!(limited(Repeat::Safe, status), Verdict::Again(Exit::Limited));
            assert_eq!(limited(Repeat::Idempotent, status), Verdict::Again(Exit::Limited));
        }
        assert_eq!(limited(Repeat::Once, 429), Verdict::Again(Exit::Limited));
        assert_eq!(limited(Repeat::Once, 200), Verdict::Refused(Exit::Limited));
        assert_eq!(limited(Repeat::Once, 403), Verdict::Refused(Exit::Limited));
        assert_eq!(limited(Repeat::Once, 503), Verdict::Unknown);
        assert_eq!(verdict_of(Repeat::Safe, Event::Status(403), false), Verdict::Refused(Exit::Auth));
    }

    #[test]
    fn a_vendor_can_ask_for_more_than_the_schedule_and_not_for_less() {
        let paused = |wanted: Option<u64>| pause_of(2, wanted.map(Duration::from_secs), 0.0).as_millis();
        assert_eq!([None, Some(0), Some(7)].map(paused), [500, 500, 7000]);
    }

    #[test]
    fn pauses_grow_and_stay_within_their_bounds() {
        let schedule: Vec<(u128, u128)> =
            (1..=7).map(|attempt| (pause(attempt, 0.0).as_millis(), pause(attempt, 1.0).as_millis())).collect();
        assert_eq!(
            schedule,
            [(250, 500), (500, 1000), (1000, 2000), (2000, 4000), (4000, 8000), (7500, 15000), (7500, 15000)]
        );
    }

    #[test]
    fn retry_after_is_seconds_or_a_date_by_the_vendors_clock() {
        let mut headers = HeaderMap::new();
        assert_eq!(retry_after(&headers), None);
        headers.insert(RETRY_AFTER, HeaderValue::from_static("30"));
        assert_eq!(retry_after(&headers), Some(Duration::from_secs(30)));
        headers.insert(DATE, HeaderValue::from_static("Thu, 21 Nov 2019 15:39:37 GMT"));
        headers.insert(RETRY_AFTER, HeaderValue::from_static("Thu, 21 Nov 2019 15:40:07 GMT"));
        assert_eq!(retry_after(&headers), Some(Duration::from_secs(30)));
        headers.insert(RETRY_AFTER, HeaderValue::from_static("Thu, 21 Nov 2019 15:00:00 GMT"));
        assert_eq!(retry_after(&headers), Some(Duration::ZERO));
        assert_eq!(date(&headers).unwrap().as_second(), 1_574_350_777);
    }
}
