//! The rate limit: 1,200 requests in five minutes, and five minutes of silence for whoever asks for more.

use crate::sandbox::Reply;

const REQUESTS: u32 = 1200;
const WINDOW_SECONDS: f64 = 300.0;
/// What an injected 429 asks for; a drill need not last five minutes.
pub(super) const SHORT_WAIT_SECONDS: u32 = 2;

/// What is left of the allowance. The window is real time: it is not a state that `--speed` shortens.
#[derive(Debug, Default)]
pub(super) struct Budget {
    opened: f64,
    spent: u32,
    blocked_until: f64,
}

impl Budget {
    /// Counts one request. The refusal, if it was one too many.
    pub(super) fn spend(&mut self, now: f64) -> Option<Reply> {
        if now < self.blocked_until {
            return Some(throttled(whole_seconds(self.blocked_until - now)));
        }
        if now - self.opened >= WINDOW_SECONDS {
            *self = Self { opened: now, ..Self::default() };
        }
        if self.spent >= REQUESTS {
            self.blocked_until = now + WINDOW_SECONDS;
            return Some(throttled(whole_seconds(WINDOW_SECONDS)));
        }
        self.spent += 1;
        None
    }

    /// The two headers that every answer carries.
    pub(super) fn headers(&self, now: f64) -> [(&'static str, String); 2] {
        let left = REQUESTS - self.spent;
        let reset = whole_seconds(self.opened + WINDOW_SECONDS - now);
        [
            ("Ratelimit", format!("\"default\";r={left};t={reset}")),
            ("Ratelimit-Policy", format!("\"default\";q={REQUESTS};w={}", whole_seconds(WINDOW_SECONDS))),
        ]
    }
}

/// The refusal: `retry-after` occurs nowhere else, and the body is not an envelope.
pub(super) fn throttled(wait: u32) -> Reply {
    let headers = vec![
        ("Retry-After", wait.to_string()),
        ("Ratelimit", format!("\"default\";r=0;t={wait}")),
        ("Ratelimit-Policy", format!("\"default\";q={REQUESTS};w={}", whole_seconds(WINDOW_SECONDS))),
        ("Content-Type", "application/json".to_owned()),
    ];
    Reply { status: 429, headers, body: b"null".to_vec() }
}

/// Rounded up.
fn whole_seconds(seconds: f64) -> u32 {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and 300")]
    let whole = seconds.clamp(0.0, WINDOW_SECONDS).ceil() as u32;
    whole
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_request_too_many_costs_five_minutes() {
        let mut budget = Budget::default();
        for _ in 0..1200 {
            assert!(budget.spend(1000.0).is_none());
        }
        assert_eq!(budget.headers(1000.0)[0].1, "\"default\";r=0;t=300");
        let blocked = budget.spend(1010.0).unwrap();
        assert_eq!((blocked.status, &blocked.headers[0].1), (429, &"300".to_owned()));
        assert_eq!(budget.spend(1309.5).unwrap().headers[0].1, "1");
        assert!(budget.spend(1310.0).is_none());
        assert_eq!(budget.headers(1310.0)[0].1, "\"default\";r=1199;t=300");
    }

    #[test]
    fn the_allowance_comes_back_after_the_window() {
        let mut budget = Budget::default();
        for second in 0..10 {
            assert!(budget.spend(1000.0 + f64::from(second)).is_none());
        }
        assert_eq!(budget.headers(1009.5)[0].1, "\"default\";r=1190;t=291");
        assert!(budget.spend(1300.0).is_none());
        assert_eq!(budget.headers(1300.0)[0].1, "\"default\";r=1199;t=300");
    }
}
