//! When a failed request is sent again, and after what pause: the one policy for all HTTP clients.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::{Duration, SystemTime};

/// How often a request is sent again, and the pauses between.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryPolicy {
    /// Pause before the first retry; it doubles with each.
    pub first: Duration,
    /// Longest pause, unless a server asks for a longer one.
    pub longest: Duration,
    /// Most retries of a request that failed for a temporary reason.
    pub retries: u32,
}

impl RetryPolicy {
    /// For files of any web server: there are many hosts, and another run retries the failed ones.
    pub const DOWNLOAD: Self = Self {
        first: Duration::from_millis(500),
        longest: Duration::from_secs(30),
        retries: 3,
    };
    /// For a service without whose answer the work can't continue.
    pub const SERVICE: Self = Self {
        first: Duration::from_millis(800),
        longest: Duration::from_secs(60),
        retries: 3,
    };

    /// The pause before retry number `attempt` + 1 (from 0): the first pause, doubled with each, at
    /// most the longest. Half of it is fixed, half depends on `what` is sent (jitter), so that
    /// requests that failed together are not sent again together.
    #[must_use]
    pub fn pause(&self, attempt: u32, what: impl Hash) -> Duration {
        let pause = self
            .first
            .saturating_mul(1 << attempt.min(16))
            .min(self.longest);
        let mut hasher = DefaultHasher::new();
        (what, attempt, std::process::id()).hash(&mut hasher);
        let share = (hasher.finish() % 1000) as f64 / 1000.0;
        pause.mul_f64(0.5 + share / 2.0)
    }
}

/// Whether the same request may succeed later, by the status of the answer: timeout (408), too
/// early (425), too many requests (429), and temporary errors of servers and gateways. 520 to 524
/// and 530 are Cloudflare's for an origin that is down.
#[must_use]
pub fn status_may_pass(status: u16) -> bool {
    matches!(status, 408 | 425 | 429 | 500 | 502..=504 | 520..=524 | 530)
}

/// The pause of a `Retry-After` header: seconds, or a date (RFC 9110, section 10.2.3).
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
        let pause_of = |header| retry_after(header, now).map(|pause| pause.as_secs());
        assert_eq!(pause_of("120"), Some(120));
        assert_eq!(pause_of(" Sun, 06 Nov 1994 08:50:07 GMT"), Some(30));
        assert_eq!(pause_of("Sun, 06 Nov 1994 08:00:00 GMT"), Some(0));
        assert_eq!(pause_of("soon"), None);
        assert_eq!(pause_of("-1"), None);
    }

    #[test]
    fn pauses_grow_to_a_cap_and_differ_between_addresses() {
        let policy = RetryPolicy::DOWNLOAD;
        for attempt in 0..40 {
            let nominal = policy
                .first
                .saturating_mul(1 << attempt.min(16))
                .min(policy.longest);
            let pause = policy.pause(attempt, "http://a.org/1.jpg");
            assert!(
                pause >= nominal / 2 && pause <= nominal,
                "{attempt}: {pause:?}"
            );
        }
        let different: std::collections::HashSet<_> =
            (0..50).map(|what| policy.pause(0, what)).collect();
        assert!(different.len() > 30);
    }

    #[test]
    fn only_temporary_errors_are_retried() {
        assert!(
            [408, 429, 500, 502, 503, 504]
                .into_iter()
                .all(status_may_pass)
        );
        assert!(
            ![400, 401, 403, 404, 410, 451, 501, 505]
                .into_iter()
                .any(status_may_pass)
        );
    }
}
