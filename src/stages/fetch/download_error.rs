//! When a failed download is tried again, and after how long.

use std::error::Error;
use std::io;
use std::time::Duration;

use url::Url;

use super::addresses::PrivateAddress;
use facepipe_core::errors::{causes, root_cause};
use facepipe_core::types::Reason;
use facepipe_net::retry::status_may_pass;

/// Why a download failed.
#[derive(Debug, Clone, thiserror::Error)]
pub enum DownloadError {
    /// It leads into a private network.
    #[error("{0}")]
    Private(#[from] PrivateAddress),
    /// No connection: name not found, refused, unreachable.
    #[error("cannot connect to `{host}`: {cause}")]
    Connect {
        /// The host.
        host: String,
        /// The system's error.
        cause: String,
    },
    /// The server's certificate is not valid.
    #[error("cannot trust `{host}`: {cause}")]
    Tls {
        /// The host.
        host: String,
        /// What is wrong with it.
        cause: String,
    },
    /// Silent for too long.
    #[error("`{host}` took too long")]
    TimedOut {
        /// The host.
        host: String,
    },
    /// The answer came too slowly to finish in time.
    #[error("`{host}` did not send it within {} s", .limit.as_secs_f64())]
    TooSlow {
        /// The host.
        host: String,
        /// How long it had.
        limit: Duration,
    },
    /// The connection ended early, or its data are wrong.
    #[error("the connection to `{host}` broke: {cause}")]
    Broken {
        /// The host.
        host: String,
        /// Why.
        cause: String,
    },
    /// Another status than success.
    #[error("the server answered {status}")]
    Status {
        /// The HTTP status.
        status: u16,
        /// How long the server asks to wait.
        retry_after: Option<Duration>,
    },
    /// The host asked for a pause that is longer than a run waits.
    #[error("`{host}` asks to wait longer than this run does")]
    Paused {
        /// The host.
        host: String,
    },
    /// The host refuses one request after the other, and is paused for a while.
    #[error("`{host}` refused one request after the other; it is paused for a while")]
    Refusing {
        /// The host.
        host: String,
    },
    /// `X-Robots-Tag` says that the image is not for data sets.
    #[error("its server does not want it in data sets (`X-Robots-Tag: {directive}`)")]
    OptedOut {
        /// The directive.
        directive: &'static str,
    },
    /// robots.txt forbids it.
    #[error("`{host}` does not want programs to fetch it (robots.txt)")]
    Disallowed {
        /// The host.
        host: String,
    },
    /// robots.txt can't be read, so that its rules are unknown.
    #[error("{cause} (requesting the robots.txt of `{host}`)")]
    RobotsUnknown {
        /// The host.
        host: String,
        /// Why.
        cause: String,
    },
    /// More bytes than allowed.
    #[error("more than {limit} bytes")]
    TooLarge {
        /// The limit.
        limit: u64,
    },
    /// Redirects that go round and round, or nowhere, or from https to http.
    #[error("redirected {problem}")]
    Redirect {
        /// What is wrong with it.
        problem: &'static str,
    },
    /// Not an address that can be requested.
    #[error("cannot request that address: {cause}")]
    BadRequest {
        /// Why.
        cause: String,
    },
}

impl DownloadError {
    /// Whether the same request may succeed later: another run tries it again.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Connect { .. }
            | Self::TimedOut { .. }
            | Self::TooSlow { .. }
            | Self::Broken { .. }
            | Self::Paused { .. }
            | Self::Refusing { .. }
            | Self::RobotsUnknown { .. } => true,
            Self::Status { status, .. } => status_may_pass(*status),
            Self::Private(_)
            | Self::Tls { .. }
            | Self::OptedOut { .. }
            | Self::Disallowed { .. }
            | Self::TooLarge { .. }
            | Self::Redirect { .. }
            | Self::BadRequest { .. } => false,
        }
    }

    /// Whether it may succeed in some seconds: this run tries it again.
    #[must_use]
    pub fn is_worth_a_retry(&self) -> bool {
        let needs_longer = matches!(
            self,
            Self::TooSlow { .. }
                | Self::Paused { .. }
                | Self::Refusing { .. }
                | Self::RobotsUnknown { .. }
        );
        self.is_transient() && !needs_longer
    }

    /// The reason code in `discarded.jsonl`.
    #[must_use]
    pub fn reason(&self) -> Reason {
        match self {
            Self::Private(_) | Self::BadRequest { .. } => Reason::BadAddress,
            Self::Status { .. } => Reason::HttpStatus,
            Self::TooLarge { .. } => Reason::TooLarge,
            Self::Paused { .. } | Self::Refusing { .. } => Reason::HostPaused,
            Self::OptedOut { .. } | Self::Disallowed { .. } => Reason::OptedOut,
            _ => Reason::DownloadFailed,
        }
    }

    /// Sorts an error of the HTTP client.
    pub(super) fn of_client(error: &reqwest::Error, url: &Url) -> Self {
        let host = url.host_str().unwrap_or_default().to_owned();
        if let Some(private) = cause_of::<PrivateAddress>(error) {
            return private.clone().into();
        }
        let cause = root_cause(error);
        if error.is_timeout() {
            Self::TimedOut { host }
        } else if error.is_builder() {
            Self::BadRequest { cause }
        } else if error.is_connect() {
            let tls = causes(error)
                .filter_map(|cause| cause.downcast_ref())
                .any(is_of_tls);
            if tls {
                Self::Tls { host, cause }
            } else {
                Self::Connect { host, cause }
            }
        } else {
            Self::Broken { host, cause }
        }
    }
}

/// TLS errors arrive as an I/O error of this kind, within another I/O error.
fn is_of_tls(error: &io::Error) -> bool {
    let within = error.get_ref().and_then(|error| error.downcast_ref());
    error.kind() == io::ErrorKind::InvalidData || within.is_some_and(is_of_tls)
}

fn cause_of<'a, T: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a T> {
    causes(error).find_map(|error| error.downcast_ref())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_errors_that_may_pass_are_transient() {
        let status = |status| {
            DownloadError::Status {
                status,
                retry_after: None,
            }
            .is_transient()
        };
        assert!([408, 429, 500, 502, 503, 504].into_iter().all(status));
        assert!(
            ![400, 401, 403, 404, 410, 451, 501, 505]
                .into_iter()
                .any(status)
        );
    }
}
