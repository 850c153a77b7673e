//! Pauses: how long to wait between two looks, and the waiting itself.

#![expect(clippy::disallowed_methods, reason = "this is the place where the program waits")]

use std::cell::Cell;
use std::time::Duration;

use tokio::time::Instant;

use crate::config::env;

/// How much longer each pause is than the one before.
const GROWTH: f64 = 1.25;
/// Pauses vary by this share to both sides, so that many cron jobs do not ask at the same moment.
const JITTER: f64 = 0.1;

/// Growing pauses between looks.
#[derive(Debug, Clone)]
pub struct Pace {
    next: Duration,
    longest: Duration,
}

impl Pace {
    /// From `first`, growing to `longest`.
    pub fn new(first: Duration, longest: Duration) -> Self {
        Self { next: first, longest: longest.max(first) }
    }

    /// The next pause.
    pub fn pause(&mut self) -> Duration {
        self.pause_with(fastrand::f64())
    }

    fn pause_with(&mut self, random: f64) -> Duration {
        let pause = self.next.mul_f64(1.0 - JITTER + 2.0 * JITTER * random);
        self.next = self.next.mul_f64(GROWTH).min(self.longest);
        pause
    }
}

thread_local! {
    /// The pauses that took no time because tests asked for no delay.
    static SKIPPED: Cell<Duration> = const { Cell::new(Duration::ZERO) };
}

/// The clock that patience is measured by. A pause has passed by it even where tests asked for no delay, so that a
/// deadline comes after as many looks as it would.
pub fn now() -> Instant {
    Instant::now() + SKIPPED.get()
}

/// Waits, except where tests asked for no delay.
pub async fn sleep(duration: Duration) {
    if env::read(env::TEST_NO_DELAY).is_none() {
        tokio::time::sleep(duration).await;
    } else {
        // Lets other tasks run; a pause of no length would starve them.
        tokio::time::sleep(Duration::from_millis(1)).await;
        SKIPPED.set(SKIPPED.get() + duration);
    }
}

#[cfg(test)]
mod tests {
    use super::Pace;
    use std::time::Duration;

    #[test]
    fn pauses_grow_to_the_longest_with_a_tenth_to_both_sides() {
        let mut pace = Pace::new(Duration::from_secs(10), Duration::from_secs(60));
        let schedule: Vec<u64> = (0..10).map(|_| pace.pause_with(0.5).as_secs()).collect();
        assert_eq!(schedule, [10, 12, 15, 19, 24, 30, 38, 47, 59, 60]);
        assert_eq!(pace.pause_with(0.0).as_secs_f64().round(), 54.0);
        assert_eq!(pace.pause_with(1.0).as_secs_f64().round(), 66.0);
    }
}
