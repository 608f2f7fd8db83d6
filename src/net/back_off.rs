//! How long to wait before a server is asked again.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::{Duration, SystemTime};

/// The pause before try number `attempt` + 1 (from 0): `first`, doubled with each try, at most
/// `longest`. Half of it is fixed, half depends on `what` is tried, so that what failed together is
/// not tried again together.
#[must_use]
pub fn back_off(first: Duration, longest: Duration, attempt: u32, what: impl Hash) -> Duration {
    let pause = first.saturating_mul(1 << attempt.min(16)).min(longest);
    let mut hasher = DefaultHasher::new();
    (what, attempt, std::process::id()).hash(&mut hasher);
    let share = (hasher.finish() % 1000) as f64 / 1000.0;
    pause.mul_f64(0.5 + share / 2.0)
}

/// What a `Retry-After` header asks for: seconds, or a date.
#[must_use]
pub fn retry_after(header: &str, now: SystemTime) -> Option<Duration> {
    let header = header.trim();
    if let Ok(seconds) = header.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = httpdate::parse_http_date(header).ok()?;
    Some(date.duration_since(now).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_in_seconds_and_as_a_date() {
        let now = httpdate::parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT").expect("is a date");
        let asked = |header| retry_after(header, now).map(|pause| pause.as_secs());
        assert_eq!(asked("120"), Some(120));
        assert_eq!(asked(" Sun, 06 Nov 1994 08:50:07 GMT"), Some(30));
        assert_eq!(asked("Sun, 06 Nov 1994 08:00:00 GMT"), Some(0));
        assert_eq!(asked("soon"), None);
        assert_eq!(asked("-1"), None);
    }

    #[test]
    fn pauses_grow_to_a_cap_and_differ_between_addresses() {
        let (first, longest) = (Duration::from_millis(500), Duration::from_secs(30));
        for attempt in 0..40 {
            let nominal = first.saturating_mul(1 << attempt.min(16)).min(longest);
            let pause = back_off(first, longest, attempt, "http://a.org/1.jpg");
            assert!(
                pause >= nominal / 2 && pause <= nominal,
                "{attempt}: {pause:?}"
            );
        }
        let different: std::collections::HashSet<_> = (0..50)
            .map(|what| back_off(first, longest, 0, what))
            .collect();
        assert!(different.len() > 30);
    }
}
