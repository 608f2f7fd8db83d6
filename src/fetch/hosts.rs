//! How hard a host may be asked: connections at a time, requests a second, pauses it asks for.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep_until};
use url::Url;

/// Hosts that publish how many connections they want at most, all requests together:
/// upload.wikimedia.org's terms allow two, and its API asks for requests one after the other.
const PUBLISHED_CONNECTIONS: [(&str, usize); 2] =
    [("upload.wikimedia.org", 2), ("commons.wikimedia.org", 1)];
/// Longest pause that is waited for within a run, as a `Retry-After` asks for; after that the
/// images of the host are left to the next run.
pub(super) const LONGEST_PAUSE: Duration = Duration::from_secs(120);

/// All hosts that were asked so far.
pub(super) struct Hosts {
    connections: usize,
    requests_per_second: Option<f64>,
    by_name: Mutex<HashMap<String, Arc<Host>>>,
}

/// One host, port included.
pub(super) struct Host {
    connections: Arc<Semaphore>,
    pace: Mutex<Pace>,
}

/// A host wants to be left alone for longer than a run waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct PausedTooLong;

impl Hosts {
    /// `connections` and `requests_per_second` (`None`: unlimited) hold for each host.
    pub(super) fn new(connections: usize, requests_per_second: Option<f64>) -> Self {
        Self {
            connections,
            requests_per_second,
            by_name: Mutex::default(),
        }
    }

    /// The host of an address.
    pub(super) fn of(&self, url: &Url) -> Arc<Host> {
        let name = url.host_str().unwrap_or_default();
        let key = format!("{name}:{}", url.port_or_known_default().unwrap_or_default());
        let mut by_name = self.by_name.lock().unwrap_or_else(PoisonError::into_inner);
        let host = by_name.entry(key).or_insert_with(|| {
            let published = PUBLISHED_CONNECTIONS.iter().find(|(host, _)| *host == name);
            let most = published.map_or(usize::MAX, |(_, connections)| *connections);
            let connections = self.connections.min(most).max(1);
            Arc::new(Host {
                connections: Arc::new(Semaphore::new(connections)),
                pace: Mutex::new(Pace::new(self.requests_per_second, connections)),
            })
        });
        host.clone()
    }
}

impl Host {
    /// Waits for a free connection and for the host's pace. The permit is the connection.
    pub(super) async fn enter(&self) -> Result<OwnedSemaphorePermit, PausedTooLong> {
        let Ok(permit) = self.connections.clone().acquire_owned().await else {
            unreachable!("nobody closes the semaphore")
        };
        let mut start = self.pace().reserve(Instant::now());
        loop {
            let left = start.saturating_duration_since(Instant::now());
            let paused = self.pace().pause_left(Instant::now());
            if paused > LONGEST_PAUSE {
                return Err(PausedTooLong);
            }
            if left.max(paused).is_zero() {
                return Ok(permit);
            }
            start = start.max(Instant::now() + paused);
            sleep_until(start).await;
        }
    }

    /// Nobody asks the host before `pause` is over.
    pub(super) fn pause(&self, pause: Duration) {
        self.pace().pause(Instant::now(), pause);
    }

    fn pace(&self) -> std::sync::MutexGuard<'_, Pace> {
        self.pace.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A token bucket, kept as the time at which it would be full again.
#[derive(Debug)]
struct Pace {
    /// Time in which one token comes; zero: no limit.
    interval: Duration,
    /// What the bucket holds, as the time to fill it, less one token.
    tolerance: Duration,
    full_at: Option<Instant>,
    paused_until: Option<Instant>,
}

impl Pace {
    /// A bucket of `burst` tokens.
    fn new(requests_per_second: Option<f64>, burst: usize) -> Self {
        let interval =
            requests_per_second.map_or(Duration::ZERO, |rate| Duration::from_secs_f64(1.0 / rate));
        let tokens = u32::try_from(burst.saturating_sub(1)).unwrap_or(u32::MAX);
        Self {
            interval,
            tolerance: interval.saturating_mul(tokens),
            full_at: None,
            paused_until: None,
        }
    }

    /// Takes a token; gives the time at which it is there.
    fn reserve(&mut self, now: Instant) -> Instant {
        let full_at = self.full_at.map_or(now, |at| at.max(now));
        self.full_at = Some(full_at + self.interval);
        full_at
            .checked_sub(self.tolerance)
            .map_or(now, |start| start.max(now))
    }

    fn pause(&mut self, now: Instant, pause: Duration) {
        let until = now + pause;
        self.paused_until = Some(self.paused_until.map_or(until, |old| old.max(until)));
    }

    fn pause_left(&self, now: Instant) -> Duration {
        self.paused_until
            .map_or(Duration::ZERO, |until| until.saturating_duration_since(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_goes_at_once_and_the_rest_at_the_rate() {
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
    fn without_a_rate_nobody_waits() {
        let mut pace = Pace::new(None, 1);
        let now = Instant::now();
        assert!((0..1000).all(|_| pace.reserve(now) == now));
    }

    #[test]
    fn the_longest_pause_holds() {
        let mut pace = Pace::new(None, 1);
        let now = Instant::now();
        pace.pause(now, Duration::from_secs(9));
        pace.pause(now, Duration::from_secs(2));
        let later = now + Duration::from_secs(4);
        assert_eq!(pace.pause_left(later), Duration::from_secs(5));
        assert_eq!(
            pace.pause_left(now + Duration::from_secs(9)),
            Duration::ZERO
        );
    }

    #[test]
    fn published_limits_go_before_the_users() {
        let hosts = Hosts::new(8, None);
        let connections = |url: &str| {
            let url = Url::parse(url).expect("is an address");
            hosts.of(&url).connections.available_permits()
        };
        assert_eq!(connections("https://upload.wikimedia.org/a.jpg"), 2);
        assert_eq!(
            connections("https://upload.wikimedia.org.evil.org/a.jpg"),
            8
        );
    }
}
