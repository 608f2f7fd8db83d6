//! How to fetch.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::examine::Keep;
use facepipe_core::licence::LicenceFilter;
use facepipe_net::client::CONNECT_TIMEOUT;
use facepipe_net::retry::RetryPolicy;

/// How to fetch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// Most images that a request brings to one label; `None`: no limit.
    pub max: Option<u64>,
    /// Which images are kept.
    pub keep: Keep,
    /// Largest answer or file in bytes.
    pub max_bytes: u64,
    /// Downloads at the same time.
    pub connections: usize,
    /// Downloads from one host at the same time.
    pub host_connections: usize,
    /// Requests to one host a second; `None`: no limit.
    pub host_rate: Option<f64>,
    /// How often a download is tried again after an error that may pass.
    pub retries: u32,
    /// Whether addresses in private networks may be asked.
    pub allow_private: bool,
    /// How long is waited for what.
    pub timeouts: Timeouts,
    /// Whether to fetch also what its owner does not want in data sets, as robots.txt and
    /// `X-Robots-Tag` say.
    pub ignore_opt_out: bool,
    /// Whether to try again what failed for good in an earlier run.
    pub retry_failed: bool,
    /// Whom the asked servers' operators can write to: an e-mail or web address.
    pub contact: Option<String>,
    /// Which licences an image may have.
    pub licences: LicenceFilter,
}

impl Settings {
    /// The default of `max` where anything is searched for: what a query finds further down is rarely
    /// what was meant.
    pub const MAX_OF_A_SEARCH: u64 = 100;
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            max: None,
            keep: Keep::default(),
            max_bytes: 64 << 20,
            connections: 16,
            host_connections: 4,
            host_rate: Some(10.0),
            retries: RetryPolicy::DOWNLOAD.retries,
            allow_private: false,
            timeouts: Timeouts::default(),
            ignore_opt_out: false,
            retry_failed: false,
            contact: None,
            licences: LicenceFilter::default(),
        }
    }
}

/// How long is waited for what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timeouts {
    /// For a connection, TLS included.
    pub connect: Duration,
    /// For the next piece of an answer.
    pub read: Duration,
    /// For one whole answer: servers that drip end here.
    pub total: Duration,
    /// For a host that refuses one request after the other, at first; each further refusal doubles it.
    pub refused: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: CONNECT_TIMEOUT,
            read: Duration::from_secs(30),
            total: Duration::from_secs(120),
            refused: Duration::from_secs(1),
        }
    }
}
