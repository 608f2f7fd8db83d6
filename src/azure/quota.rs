//! The limit of calls to the service.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::clock::Clock;
use facepipe_core::context::Interrupted;

/// The margin that is added to a quota's window, as a share of it: calls that are sent evenly need
/// not arrive evenly.
const MARGIN: f64 = 0.05;

/// Pricing tier of the resource.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Default,
    strum::Display,
    strum::EnumMessage,
    strum::EnumString,
    strum::IntoStaticStr,
    strum::VariantArray,
)]
#[strum(serialize_all = "lowercase", ascii_case_insensitive)]
pub enum Tier {
    /// Free: 20 calls a minute. Also assumed where the tier is not set.
    #[default]
    F0,
    /// Standard: 10 calls a second.
    S0,
}

impl Tier {
    /// Its name on the command line and in the portal.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// The number of calls that are allowed in a window of time.
    #[must_use]
    pub const fn quota(self) -> (usize, Duration) {
        match self {
            Self::F0 => (20, Duration::from_secs(60)),
            Self::S0 => (10, Duration::from_secs(1)),
        }
    }
}

/// A bucket with as many tokens as the quota has calls. A token returns one window after it was
/// taken, so that no window of that length sees more calls than the quota.
#[derive(Debug)]
pub(super) struct TokenBucket {
    tokens: usize,
    window: Duration,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// When the latest tokens were taken, or will be: not more of them than there are tokens.
    taken: VecDeque<Instant>,
    /// No call is sent before this.
    paused_until: Option<Instant>,
}

impl TokenBucket {
    pub(super) fn new(tier: Tier) -> Self {
        let (tokens, window) = tier.quota();
        Self {
            tokens,
            window: window.mul_f64(1.0 + MARGIN),
            state: Mutex::default(),
        }
    }

    /// Waits for a token and takes it; `report` gets the length of the wait, if only the quota
    /// causes it.
    pub(super) fn take(
        &self,
        clock: &dyn Clock,
        report: impl FnOnce(Duration),
    ) -> Result<(), Interrupted> {
        let now = clock.now();
        let mut start = self.reserve(now);
        if self.paused_until().is_none_or(|until| until <= now) {
            report(start.saturating_duration_since(now));
        }
        loop {
            let now = clock.now();
            // While this thread waits another may receive a pause.
            start = start.max(self.paused_until().unwrap_or(start));
            let left = start.saturating_duration_since(now);
            if left.is_zero() {
                return Ok(());
            }
            clock.wait(left)?;
        }
    }

    /// No call is sent before `pause` is over.
    pub(super) fn pause(&self, now: Instant, pause: Duration) {
        let until = now + pause;
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.paused_until = Some(state.paused_until.map_or(until, |old| old.max(until)));
        // Calls that were to be sent meanwhile are sent then, and their tokens return that much
        // later.
        for taken in state.taken.iter_mut().filter(|taken| **taken > now) {
            *taken = (*taken).max(until);
        }
    }

    /// The time at which a token is available for the caller.
    fn reserve(&self, now: Instant) -> Instant {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let mut start = now.max(state.paused_until.unwrap_or(now));
        if state.taken.len() >= self.tokens {
            let back = state.taken.pop_front().map(|taken| taken + self.window);
            start = start.max(back.unwrap_or(start));
        }
        state.taken.push_back(start);
        start
    }

    fn paused_until(&self) -> Option<Instant> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.paused_until
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_window_sees_more_calls_than_the_quota() {
        for tier in [Tier::F0, Tier::S0] {
            let (calls, window) = tier.quota();
            let bucket = TokenBucket::new(tier);
            let now = Instant::now();
            let starts: Vec<Instant> = (0..calls * 3 + 1).map(|_| bucket.reserve(now)).collect();
            assert_eq!(starts[calls - 1], now, "the first go at once");
            for (early, late) in starts.iter().zip(&starts[calls..]) {
                assert!(*late - *early > window, "{tier:?}");
            }
            let longest = starts[calls * 3] - now;
            assert!(longest < window.mul_f64(3.2), "{tier:?}: {longest:?}");
            let later = now + window * 10;
            assert_eq!(bucket.reserve(later), later, "tokens come back");
        }
    }

    #[test]
    fn a_pause_holds_for_all() {
        let bucket = TokenBucket::new(Tier::S0);
        let now = Instant::now();
        bucket.pause(now, Duration::from_secs(9));
        bucket.pause(now, Duration::from_secs(2));
        assert_eq!(bucket.reserve(now), now + Duration::from_secs(9));
    }

    #[test]
    fn tokens_of_calls_that_a_pause_held_up_come_back_later() {
        let bucket = TokenBucket::new(Tier::F0);
        let now = Instant::now();
        let second = |number| now + Duration::from_secs(number);
        for _ in 0..20 {
            assert_eq!(bucket.reserve(now), now);
        }
        for _ in 0..6 {
            assert_eq!(bucket.reserve(now), second(63));
        }
        bucket.pause(second(62), Duration::from_secs(26));
        // The six are sent at 88; with fourteen more that is the quota, until 88 + 63.
        for _ in 0..14 {
            assert_eq!(bucket.reserve(second(88)), second(88));
        }
        assert_eq!(bucket.reserve(second(88)), second(88 + 63));
    }

    #[test]
    fn tiers_are_read_in_any_case() {
        assert_eq!("S0".parse(), Ok(Tier::S0));
        assert_eq!("f0".parse(), Ok(Tier::F0));
        assert!("s1".parse::<Tier>().is_err());
    }
}
