//! Errors of the Azure client.

use std::io;
use std::time::Duration;

use super::credentials::{ENDPOINT_NAMES, KEY_NAMES, TIER_NAME};
use super::service_error::ServiceError;
use crate::context::Interrupted;
use crate::credentials::FILES;
use crate::errors::{Hint, io_hint};

/// What to do without the service.
const LOCAL: &str = "or find the faces on this machine, with another `--detector`";

/// Why endpoint and key can't be used. Neither is ever shown.
#[derive(Debug, thiserror::Error)]
pub enum CredentialsError {
    /// They are not there.
    #[error("Azure Face is asked with an endpoint and a key: {} not set", are(.names))]
    Missing {
        /// The first of the names under which they are looked for.
        names: Vec<String>,
    },
    /// The endpoint is not one.
    #[error("the endpoint in {variable} {problem}")]
    Endpoint {
        /// Where it comes from.
        variable: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// The key has characters that no key has.
    #[error("the key in {variable} holds characters that no key has")]
    Key {
        /// Where it comes from.
        variable: String,
    },
    /// The tier is not one.
    #[error("the pricing tier in {variable} is neither `f0` nor `s0`")]
    Tier {
        /// Where it comes from.
        variable: String,
    },
    /// A file that may hold them can't be read.
    #[error(transparent)]
    Io(#[from] io::Error),
}

fn are(names: &[String]) -> String {
    let verb = if names.len() == 1 { "is" } else { "are" };
    format!("{} {verb}", names.join(" and "))
}

impl Hint for CredentialsError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Missing { .. } => Some(format!(
                "copy both from `Keys and Endpoint` of your Face resource (portal.azure.com) into \
                 the environment or into `{}` in this folder: {}=https://NAME.cognitiveservices.\
                 azure.com and {}=...; {LOCAL}",
                FILES[0], ENDPOINT_NAMES[0], KEY_NAMES[0],
            )),
            Self::Endpoint { .. } => Some(format!(
                "write it like {}=https://NAME.cognitiveservices.azure.com",
                ENDPOINT_NAMES[0]
            )),
            Self::Key { .. } => {
                Some("copy the key once more, without blanks and quotes in it".to_owned())
            }
            Self::Tier { .. } => Some(format!("set {TIER_NAME} to f0 (free) or s0 (standard)")),
            Self::Io(source) => io_hint(source),
        }
    }
}

/// Why the service gave no answer that can be used.
#[derive(Debug, thiserror::Error)]
pub enum AzureError {
    /// Endpoint or key can't be used.
    #[error(transparent)]
    Credentials(#[from] CredentialsError),
    /// The HTTP client can't be made.
    #[error("cannot make an HTTP client: {0}")]
    Client(String),
    /// No connection: name not found, refused, unreachable, certificate not valid.
    #[error("cannot connect to `{host}`: {cause}")]
    Unreachable {
        /// The host.
        host: String,
        /// Why, as the system says it.
        cause: String,
    },
    /// Too slow.
    #[error("`{host}` took too long")]
    TimedOut {
        /// The host.
        host: String,
    },
    /// The connection ended early.
    #[error("the connection to `{host}` broke: {cause}")]
    Broken {
        /// The host.
        host: String,
        /// Why.
        cause: String,
    },
    /// Status 401.
    #[error("`{host}` refuses the key ({error})")]
    KeyRefused {
        /// The host.
        host: String,
        /// What it says.
        error: ServiceError,
    },
    /// Status 403: the operation needs an approval that the resource does not have.
    #[error("this Azure resource is not approved for {features} ({error})")]
    NotApproved {
        /// What it is not approved for.
        features: String,
        /// What the service says.
        error: ServiceError,
    },
    /// Status 403: no calls are left.
    #[error("the quota of this Azure resource is used up ({error})")]
    QuotaSpent {
        /// What the service says.
        error: ServiceError,
    },
    /// Status 403 for another reason, such as a firewall.
    #[error("`{host}` does not allow this ({error})")]
    Forbidden {
        /// The host.
        host: String,
        /// What it says.
        error: ServiceError,
    },
    /// Status 404 without the name of a missing thing, or a redirect.
    #[error("there is no Face service at `{host}` ({error})")]
    WrongAddress {
        /// The host.
        host: String,
        /// What it says.
        error: ServiceError,
    },
    /// Status 429, also after waiting.
    #[error("`{host}` has too many requests ({error})")]
    TooManyRequests {
        /// The host.
        host: String,
        /// What it says.
        error: ServiceError,
    },
    /// Any other error of the service.
    #[error("the service answered {0}")]
    Service(ServiceError),
    /// A success that can't be read.
    #[error("`{host}` gave an answer that can't be understood: {problem}")]
    BadAnswer {
        /// The host.
        host: String,
        /// What is wrong with it.
        problem: String,
    },
    /// The photo can't be encoded.
    #[error("cannot encode the photo: {0}")]
    Encode(#[from] image::ImageError),
    /// One request after the other failed.
    #[error("the service failed {times} times in a row")]
    KeepsFailing {
        /// How many.
        times: u32,
        /// The last error.
        source: Box<AzureError>,
    },
    /// The user pressed Ctrl-C.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
}

impl AzureError {
    /// Sorts an error that the service tells.
    pub(super) fn of_service(error: ServiceError, host: &str) -> Self {
        let host = host.to_owned();
        if let Some(features) = error.missing_approvals() {
            let features = features.to_owned();
            return Self::NotApproved { features, error };
        }
        match error.status {
            401 => Self::KeyRefused { host, error },
            403 if error.is_quota_spent() => Self::QuotaSpent { error },
            403 => Self::Forbidden { host, error },
            429 => Self::TooManyRequests { host, error },
            300..=399 => Self::WrongAddress { host, error },
            404 if error.is_wrong_address() => Self::WrongAddress { host, error },
            _ => Self::Service(error),
        }
    }

    /// Whether every other request would fail as well, now: the user has to do something first.
    #[must_use]
    pub fn concerns_all_requests(&self) -> bool {
        match self {
            Self::Credentials(_)
            | Self::Client(_)
            | Self::Unreachable { .. }
            | Self::KeyRefused { .. }
            | Self::NotApproved { .. }
            | Self::QuotaSpent { .. }
            | Self::Forbidden { .. }
            | Self::WrongAddress { .. }
            | Self::TooManyRequests { .. }
            | Self::KeepsFailing { .. }
            | Self::Interrupted(_) => true,
            Self::TimedOut { .. }
            | Self::Broken { .. }
            | Self::Service(_)
            | Self::BadAnswer { .. }
            | Self::Encode(_) => false,
        }
    }

    /// Whether only the picture that was sent is at fault.
    #[must_use]
    pub fn is_about_the_image(&self) -> bool {
        match self {
            Self::Service(error) => error.is_about_the_image(),
            Self::Encode(_) => true,
            _ => false,
        }
    }

    /// Whether the same request may well succeed a little later.
    pub(super) fn is_transient(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::TimedOut { .. } | Self::Broken { .. } => true,
            Self::TooManyRequests { .. } => true,
            Self::Service(error) => error.is_transient(),
            _ => false,
        }
    }

    /// Whether the service certainly did nothing of what was asked.
    pub(super) fn is_before_execution(&self) -> bool {
        matches!(
            self,
            Self::Unreachable { .. } | Self::TooManyRequests { .. }
        )
    }

    /// The pause that the service asks for.
    pub(super) fn asked_pause(&self) -> Option<Duration> {
        match self {
            Self::TooManyRequests { error, .. } | Self::Service(error) => error.retry_after,
            _ => None,
        }
    }
}

impl Hint for AzureError {
    fn hint(&self) -> Option<String> {
        let text = match self {
            Self::Credentials(source) => return source.hint(),
            Self::KeepsFailing { source, .. } => {
                return source.hint().or_else(|| {
                    Some("run the same command again later: it continues where it stopped".into())
                });
            }
            Self::Client(_) | Self::Interrupted(_) | Self::Encode(_) => return None,
            Self::Unreachable { .. } => format!(
                "check the network and {} (https://NAME.cognitiveservices.azure.com), then run the \
                 same command again; {LOCAL}",
                ENDPOINT_NAMES[0]
            ),
            Self::TimedOut { .. } | Self::Broken { .. } | Self::BadAnswer { .. } => {
                "run the same command again later: it continues where it stopped".to_owned()
            }
            Self::KeyRefused { .. } => format!(
                "set {} and {} to key and endpoint of one and the same Face resource, as `Keys and \
                 Endpoint` in the Azure portal shows them",
                KEY_NAMES[0], ENDPOINT_NAMES[0]
            ),
            Self::NotApproved { .. } => format!(
                "Microsoft gives face ids, identify, verify and similar faces only to customers \
                 that it has approved (https://aka.ms/facerecognition). What works without: boxes, \
                 landmarks and attributes of faces (detect without face ids), {LOCAL}; faces are \
                 recognised here by `facepipe train` and `facepipe verify`"
            ),
            Self::QuotaSpent { .. } => format!(
                "wait until the quota is renewed, or change the resource's pricing tier, then run \
                 the same command again: it continues where it stopped; {LOCAL}"
            ),
            Self::Forbidden { .. } => {
                "look at `Networking` of the resource in the Azure portal: it may only allow some \
                 networks"
                    .to_owned()
            }
            Self::WrongAddress { .. } => format!(
                "set {} to the endpoint of a Face resource, as `Keys and Endpoint` in the Azure \
                 portal shows it: https://NAME.cognitiveservices.azure.com",
                ENDPOINT_NAMES[0]
            ),
            Self::TooManyRequests { error, .. } => match error.retry_after {
                Some(pause) => format!(
                    "run the same command again in {} s: it continues where it stopped; \
                     {TIER_NAME} says how often the service may be asked",
                    pause.as_secs().max(1)
                ),
                None => format!(
                    "run the same command again in a minute: it continues where it stopped; \
                     {TIER_NAME}=f0 asks less often"
                ),
            },
            Self::Service(_) => return None,
        };
        Some(text)
    }

    fn is_interruption(&self) -> bool {
        matches!(self, Self::Interrupted(_))
    }
}
