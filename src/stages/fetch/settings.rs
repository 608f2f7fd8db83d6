//! Settings of the stage.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::examine::Keep;
use facepipe_core::licence::LicenceFilter;
use facepipe_net::client::CONNECT_TIMEOUT;
use facepipe_net::retry::RetryPolicy;

/// Settings of the stage.
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
    /// Whether addresses in private networks may be contacted.
    pub allow_private: bool,
    /// Whether the proxy is used that the environment names; whether an address is in a private network is
    /// then for the proxy to decide.
    #[serde(default)]
    pub proxy: bool,
    /// Timeouts.
    pub timeouts: Timeouts,
    /// Whether to fetch also images whose owners opted out of data sets by robots.txt and
    /// `X-Robots-Tag`.
    pub ignore_opt_out: bool,
    /// Whether to try again items that failed for good in an earlier run.
    pub retry_failed: bool,
    /// A contact for operators of servers: an e-mail or web address.
    pub contact: Option<String>,
    /// Which licences an image may have.
    pub licences: LicenceFilter,
}

impl Settings {
    /// The default of `max` where anything is searched for: results further down are rarely
    /// those searched for.
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
            proxy: false,
            timeouts: Timeouts::default(),
            ignore_opt_out: false,
            retry_failed: false,
            contact: None,
            licences: LicenceFilter::default(),
        }
    }
}

/// Timeouts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timeouts {
    /// For a connection, TLS included.
    pub connect: Duration,
    /// For the next piece of an answer.
    pub read: Duration,
    /// For one whole answer: limits servers that drip.
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
