//! Token buckets: how many requests, or bytes, a host gets in a second.

use std::time::Duration;

use tokio::time::Instant;

/// A token bucket, kept as the time at which it would be full again.
#[derive(Debug)]
pub(super) struct Pace {
    /// Time in which one token comes; zero: no limit.
    interval: Duration,
    /// The bucket's size, as the time to fill it, less one token.
    tolerance: Duration,
    full_at: Option<Instant>,
}

impl Pace {
    /// A bucket of `burst` tokens.
    pub(super) fn new(tokens_per_second: Option<f64>, burst: usize) -> Self {
        let interval =
            tokens_per_second.map_or(Duration::ZERO, |rate| Duration::from_secs_f64(1.0 / rate));
        let tokens = u32::try_from(burst.saturating_sub(1)).unwrap_or(u32::MAX);
        Self {
            interval,
            tolerance: interval.saturating_mul(tokens),
            full_at: None,
        }
    }

    /// Takes a token; gives the time at which it is there.
    pub(super) fn reserve(&mut self, now: Instant) -> Instant {
        self.reserve_many(now, 1)
    }

    /// Takes several tokens; gives the time at which the first of them is there.
    pub(super) fn reserve_many(&mut self, now: Instant, tokens: usize) -> Instant {
        let full_at = self.full_at.map_or(now, |at| at.max(now));
        let tokens = u32::try_from(tokens).unwrap_or(u32::MAX);
        self.full_at = Some(full_at + self.interval.saturating_mul(tokens));
        full_at
            .checked_sub(self.tolerance)
            .map_or(now, |start| start.max(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_passes_at_once_and_the_rest_at_the_rate() {
        let mut pace = Pace::new(Some(10.0), 3);
        let now = Instant::now();
        let waits: Vec<u128> = (0..6)
            .map(|_| (pace.reserve(now) - now).as_millis())
            .collect();
        assert_eq!(waits, [0, 0, 0, 100, 200, 300]);
        let later = now + Duration::from_secs(5);
        assert_eq!(pace.reserve(later), later, "the bucket fills up again");
    }

    #[test]
    fn without_a_rate_no_request_waits() {
        let mut pace = Pace::new(None, 1);
        let now = Instant::now();
        assert!((0..1000).all(|_| pace.reserve(now) == now));
    }

    #[test]
    fn bytes_have_a_pace_as_well() {
        let mut pace = Pace::new(Some(1000.0), 1000);
        let now = Instant::now();
        let wait = |pace: &mut Pace, bytes| (pace.reserve_many(now, bytes) - now).as_millis();
        assert_eq!(wait(&mut pace, 900), 0);
        assert_eq!(wait(&mut pace, 600), 0);
        assert_eq!(wait(&mut pace, 1), 501);
    }
}
