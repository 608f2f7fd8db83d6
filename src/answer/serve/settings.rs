//! Limits and settings of a server.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::num::NonZeroUsize;
use std::time::Duration;

use serde::Serialize;

use super::access::ApiKey;
use super::batching::Batching;
use super::browsers::Origin;
use facepipe_predict::Naming;

/// Where a server listens by default: only this machine reaches it.
pub const DEFAULT_ADDRESS: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8080);
/// Least memory for bodies, in bytes, however small a single one may be.
const LEAST_BODY_MEMORY: usize = 256 << 20;
/// Number of bodies of the largest size that are held at once.
const LARGE_BODIES: usize = 8;

/// Settings of a server.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Limits of requests.
    pub limits: Limits,
    /// When the model takes the queued requests.
    pub batching: Batching,
    /// How the model's answers become labels; without a bound of its own, the model card's applies.
    pub naming: Naming,
    /// Threads that decode photos and find faces; the model's operations take as many.
    pub threads: NonZeroUsize,
    /// Images are faces already, unless a request says otherwise.
    pub chips: bool,
    /// The key that requests have to send; `None`: none.
    pub key: Option<ApiKey>,
    /// Origins whose pages may send requests from a browser.
    pub cors: Vec<Origin>,
    /// Host names that are accepted, beside addresses and `localhost`, if the server listens only
    /// for its own machine and has no key.
    pub hosts: Vec<String>,
}

/// Limits of requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Limits {
    /// Requests that are queued or in progress.
    pub queue: usize,
    /// Largest body, in bytes.
    pub body_bytes: usize,
    /// Largest image, in pixels.
    pub pixels: u64,
    /// Longest time for a body to arrive, and for an answer to be made.
    #[serde(serialize_with = "seconds")]
    pub time: Duration,
    /// Longest time that requests are still answered after the signal to stop.
    #[serde(serialize_with = "seconds")]
    pub drain: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            queue: 128,
            body_bytes: 20_000_000,
            pixels: 50_000_000,
            time: Duration::from_secs(30),
            drain: Duration::from_secs(30),
        }
    }
}

/// A time in JSON.
pub(super) fn seconds<S: serde::Serializer>(
    time: &Duration,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(time.as_secs_f64())
}

impl Limits {
    /// Bytes of bodies that are held at once.
    #[must_use]
    pub fn body_memory(&self) -> usize {
        LEAST_BODY_MEMORY.max(self.body_bytes.saturating_mul(LARGE_BODIES))
    }
}
