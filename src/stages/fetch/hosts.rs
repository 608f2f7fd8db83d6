//! The load a host gets: connections at a time, requests and bytes a second, pauses that it asks
//! for, and pauses after it refused.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep_until};
use url::Url;

use super::pace::Pace;
use super::robots::Robots;

/// The limits that hosts publish, all requests together.
struct Published {
    /// The full host name.
    host: &'static str,
    connections: usize,
    requests_per_second: Option<f64>,
    bytes_per_second: Option<f64>,
}

/// Hosts that publish limits, which take precedence over the user's:
/// - `upload.wikimedia.org`: two connections and 25 Mbit/s (terms of use for media files);
/// - Commons' and Wikidata's API: one request after the other (MediaWiki's API etiquette);
/// - Openverse: 20 requests a minute without an account. Its 200 a day are left to its answers.
const PUBLISHED: [Published; 4] = [
    Published {
        host: "upload.wikimedia.org",
        connections: 2,
        requests_per_second: None,
        bytes_per_second: Some(25e6 / 8.0),
    },
    Published {
        host: "commons.wikimedia.org",
        connections: 1,
        requests_per_second: None,
        bytes_per_second: None,
    },
    Published {
        host: "www.wikidata.org",
        connections: 1,
        requests_per_second: None,
        bytes_per_second: None,
    },
    Published {
        host: "api.openverse.org",
        connections: 1,
        requests_per_second: Some(20.0 / 60.0),
        bytes_per_second: None,
    },
];

/// Longest pause that is waited for within a run, as a `Retry-After` asks for; after that the
/// images of the host are left to the next run.
pub(super) const LONGEST_PAUSE: Duration = Duration::from_secs(120);
/// Refusals (403, TLS) one after the other from which on a host is paused for a while: single images
/// may well be forbidden.
const REFUSALS: u32 = 5;
/// The longest such pause, as a multiple of the first one ([`super::Timeouts::refused`], a second): ten
/// minutes.
const LONGEST_REFUSAL: u32 = 600;
/// The longest such pause that images of the host wait for, as a multiple of the first one; during a
/// longer one they are left to the next run. So a host that refuses everything costs a run 1 + 2 + 4 + 8
/// seconds.
const PATIENCE: u32 = 10;

/// All hosts contacted so far.
pub(super) struct Hosts {
    connections: usize,
    requests_per_second: Option<f64>,
    first_pause: Duration,
    by_name: Mutex<HashMap<String, Arc<Host>>>,
}

/// One host, port included.
pub(super) struct Host {
    connections: Arc<Semaphore>,
    requests: Mutex<Pace>,
    /// `None`: no limit.
    bytes: Option<Mutex<Pace>>,
    pauses: Mutex<Pauses>,
    /// The rules of its robots.txt; locked while the file is requested.
    pub(super) robots: tokio::sync::Mutex<Option<RobotsAnswer>>,
}

/// The outcome of the request for robots.txt.
#[derive(Debug, Clone)]
pub(super) enum RobotsAnswer {
    Rules(Arc<Robots>),
    /// Its rules are unknown until then.
    Unknown(super::DownloadError, Instant),
}

/// Why a host gets no request now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Closed {
    /// It asks for a pause that is longer than a run waits.
    PausedTooLong,
    /// It refuses one request after the other.
    Refusing,
}

impl Hosts {
    /// `connections` and `requests_per_second` (`None`: unlimited) hold for each host, and
    /// `first_pause` for one that refuses.
    pub(super) fn new(
        connections: usize,
        requests_per_second: Option<f64>,
        first_pause: Duration,
    ) -> Self {
        Self {
            connections,
            requests_per_second,
            first_pause,
            by_name: Mutex::default(),
        }
    }

    /// The host of an address.
    pub(super) fn of(&self, url: &Url) -> Arc<Host> {
        let name = url.host_str().unwrap_or_default();
        let key = format!("{name}:{}", url.port_or_known_default().unwrap_or_default());
        let mut by_name = self.by_name.lock().unwrap_or_else(PoisonError::into_inner);
        let host = by_name.entry(key).or_insert_with(|| {
            let published = PUBLISHED.iter().find(|published| published.host == name);
            Arc::new(self.host(published))
        });
        host.clone()
    }

    fn host(&self, published: Option<&Published>) -> Host {
        let most = published.map_or(usize::MAX, |published| published.connections);
        let connections = self.connections.min(most).max(1);
        let rate = published.and_then(|published| published.requests_per_second);
        let rate = match (rate, self.requests_per_second) {
            (Some(rate), Some(users)) => Some(rate.min(users)),
            (rate, users) => rate.or(users),
        };
        let bytes = published.and_then(|published| published.bytes_per_second);
        let bytes = bytes.map(|rate| Mutex::new(Pace::new(Some(rate), rate as usize)));
        Host {
            connections: Arc::new(Semaphore::new(connections)),
            requests: Mutex::new(Pace::new(rate, connections)),
            bytes,
            pauses: Mutex::new(Pauses::new(self.first_pause)),
            robots: tokio::sync::Mutex::default(),
        }
    }
}

impl Host {
    /// Waits for a free connection and for the host's pace. The permit is the connection.
    pub(super) async fn enter(&self) -> Result<OwnedSemaphorePermit, Closed> {
        let Ok(permit) = self.connections.clone().acquire_owned().await else {
            unreachable!("the semaphore is never closed")
        };
        self.pauses().check(Instant::now())?;
        let mut start = lock(&self.requests).reserve(Instant::now());
        loop {
            let now = Instant::now();
            let left = start.saturating_duration_since(now);
            let paused = self.pauses().check(now)?;
            if left.max(paused).is_zero() {
                return Ok(permit);
            }
            start = start.max(now + paused);
            sleep_until(start).await;
        }
    }

    /// Waits until the host may send more, after it has sent some bytes.
    pub(super) async fn received(&self, bytes: usize) {
        if let Some(pace) = &self.bytes {
            let start = lock(pace).reserve_many(Instant::now(), bytes);
            sleep_until(start).await;
        }
    }

    /// No request goes to the host before `pause` is over: it asked for that.
    pub(super) fn pause(&self, pause: Duration) {
        self.pauses().ask(Instant::now(), pause);
    }

    /// It refused a request that was sent at `sent`.
    pub(super) fn refused(&self, sent: Instant) {
        self.pauses().refused(Instant::now(), sent, REFUSALS);
    }

    /// It is too busy for a request that was sent at `sent`, and did not say for how long.
    pub(super) fn is_busy(&self, sent: Instant) {
        self.pauses().refused(Instant::now(), sent, 1);
    }

    /// It answered.
    pub(super) fn answered(&self) {
        self.pauses().answered();
    }

    fn pauses(&self) -> MutexGuard<'_, Pauses> {
        lock(&self.pauses)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The pauses of a host.
#[derive(Debug)]
struct Pauses {
    /// The first pause after refusals.
    first: Duration,
    /// As it asked.
    asked_until: Option<Instant>,
    /// After it refused.
    refused_until: Option<Instant>,
    /// When the last pause after a refusal began: refusals of earlier requests don't count.
    refused_at: Option<Instant>,
    /// Refusals without an answer between them.
    streak: u32,
    /// Pauses without an answer between them.
    pauses: u32,
}

impl Pauses {
    const fn new(first: Duration) -> Self {
        Self {
            first,
            asked_until: None,
            refused_until: None,
            refused_at: None,
            streak: 0,
            pauses: 0,
        }
    }

    fn ask(&mut self, now: Instant, pause: Duration) {
        // Beyond a year the exact length does not matter.
        let until = now + pause.min(Duration::from_secs(365 * 86_400));
        self.asked_until = Some(self.asked_until.map_or(until, |old| old.max(until)));
    }

    fn refused(&mut self, now: Instant, sent: Instant, allowed: u32) {
        if self.refused_at.is_some_and(|at| sent < at) {
            return;
        }
        self.streak += 1;
        if self.streak < allowed && self.pauses == 0 {
            return;
        }
        let times = (1 << self.pauses.min(16)).min(LONGEST_REFUSAL);
        self.refused_until = Some(now + self.first.saturating_mul(times));
        self.refused_at = Some(now);
        self.pauses += 1;
    }

    fn answered(&mut self) {
        (self.streak, self.pauses) = (0, 0);
        self.refused_until = None;
    }

    /// How long to wait now.
    fn check(&self, now: Instant) -> Result<Duration, Closed> {
        let left = |until: Option<Instant>| {
            until.map_or(Duration::ZERO, |until| until.saturating_duration_since(now))
        };
        let (asked, refused) = (left(self.asked_until), left(self.refused_until));
        if asked > LONGEST_PAUSE {
            return Err(Closed::PausedTooLong);
        }
        if refused > self.first.saturating_mul(PATIENCE) {
            return Err(Closed::Refusing);
        }
        Ok(asked.max(refused))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn the_longest_requested_pause_holds() {
        let mut pauses = Pauses::new(SECOND);
        let now = Instant::now();
        pauses.ask(now, 9 * SECOND);
        pauses.ask(now, 2 * SECOND);
        assert_eq!(pauses.check(now + 4 * SECOND), Ok(5 * SECOND));
        assert_eq!(pauses.check(now + 9 * SECOND), Ok(Duration::ZERO));
        pauses.ask(now, Duration::MAX);
        assert_eq!(pauses.check(now), Err(Closed::PausedTooLong));
    }

    #[test]
    fn a_host_that_refuses_is_paused_ever_longer_but_not_for_ever() {
        let mut pauses = Pauses::new(SECOND);
        let mut now = Instant::now();
        for _ in 1..REFUSALS {
            pauses.refused(now, now, REFUSALS);
            assert_eq!(
                pauses.check(now),
                Ok(Duration::ZERO),
                "single images may be forbidden"
            );
        }
        let mut lengths = Vec::new();
        for _ in 0..12 {
            pauses.refused(now, now, REFUSALS);
            // Others that were under way are refused as well: that is no news.
            pauses.refused(now, now - SECOND, REFUSALS);
            let until = pauses.refused_until.expect("is paused");
            lengths.push((until - now).as_secs());
            now = until;
            assert_eq!(
                pauses.check(now),
                Ok(Duration::ZERO),
                "the host is queried again"
            );
        }
        assert_eq!(lengths, [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 600, 600]);
        pauses.refused(now, now, REFUSALS);
        assert_eq!(pauses.check(now), Err(Closed::Refusing));
        pauses.answered();
        assert_eq!(pauses.check(now), Ok(Duration::ZERO));
        pauses.refused(now, now, REFUSALS);
        assert_eq!(
            pauses.check(now),
            Ok(Duration::ZERO),
            "an answer resets the pauses"
        );
    }

    #[test]
    fn a_busy_host_is_paused_at_once() {
        let mut pauses = Pauses::new(SECOND);
        let now = Instant::now();
        pauses.refused(now, now, 1);
        assert_eq!(pauses.check(now), Ok(SECOND));
    }

    #[test]
    fn published_limits_take_precedence_for_exactly_those_hosts() {
        let hosts = Hosts::new(8, None, SECOND);
        let host = |url: &str| hosts.of(&Url::parse(url).expect("is an address"));
        let connections = |url: &str| host(url).connections.available_permits();
        assert_eq!(connections("https://upload.wikimedia.org/a.jpg"), 2);
        assert!(host("https://upload.wikimedia.org/a.jpg").bytes.is_some());
        assert_eq!(connections("https://commons.wikimedia.org/w/api.php"), 1);
        for other in [
            "https://upload.wikimedia.org.evil.org/a.jpg",
            "https://xupload.wikimedia.org/a.jpg",
            "https://wikimedia.org/a.jpg",
        ] {
            assert_eq!(connections(other), 8);
            assert!(host(other).bytes.is_none());
        }
        let openverse = host("https://api.openverse.org/v1/images/");
        let now = Instant::now();
        let starts = [(); 3].map(|()| lock(&openverse.requests).reserve(now) - now);
        assert_eq!(starts.map(|start| start.as_secs()), [0, 3, 6]);
    }
}
