//! Errors of the Azure client.

use std::time::Duration;

use super::credentials_error::CredentialsError;
use super::service_error::ServiceError;
use super::sign_in::SignInError;
use facepipe_core::context::Interrupted;

/// Why the service gave no usable answer.
#[derive(Debug, thiserror::Error)]
pub enum AzureError {
    /// Endpoint or key can't be used.
    #[error(transparent)]
    Credentials(#[from] CredentialsError),
    /// There is no token of Entra ID.
    #[error(transparent)]
    SignIn(#[from] SignInError),
    /// The version that was chosen does not have the operation.
    #[error("version {chosen} of the service has no `{operation}`")]
    NotInVersion {
        /// The requested operation.
        operation: &'static str,
        /// The version that was chosen.
        chosen: &'static str,
        /// The oldest that has it.
        since: &'static str,
    },
    /// A training takes longer than the limit.
    #[error("the training of `{id}` is still running")]
    StillTraining {
        /// The kind of collection, such as `person-group`.
        verb: &'static str,
        /// Its id.
        id: String,
    },
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
        /// The server's message.
        error: ServiceError,
    },
    /// Status 401 for a token.
    #[error("`{host}` refuses the token of Entra ID ({error})")]
    TokenRefused {
        /// The host.
        host: String,
        /// The server's message.
        error: ServiceError,
    },
    /// Status 403: the operation needs an approval that the resource does not have.
    #[error("this Azure resource is not approved for {features} ({error})")]
    NotApproved {
        /// What it is not approved for.
        features: String,
        /// The service's message.
        error: ServiceError,
    },
    /// Status 403: no calls are left.
    #[error("the quota of this Azure resource is used up ({error})")]
    QuotaSpent {
        /// The service's message.
        error: ServiceError,
    },
    /// Status 403 for another reason, such as a firewall.
    #[error("`{host}` does not allow this ({error})")]
    Forbidden {
        /// The host.
        host: String,
        /// The server's message.
        error: ServiceError,
    },
    /// Status 404 without the name of a missing thing, or a redirect.
    #[error("there is no Face service at `{host}` ({error})")]
    WrongAddress {
        /// The host.
        host: String,
        /// The server's message.
        error: ServiceError,
    },
    /// Status 429, also after waiting.
    #[error("`{host}` has too many requests ({error})")]
    TooManyRequests {
        /// The host.
        host: String,
        /// The server's message.
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
    /// Sorts an error that the service returned.
    pub(super) fn of_service(error: ServiceError, host: &str) -> Self {
        let host = host.to_owned();
        if let Some(features) = error.missing_approvals() {
            let features = features.to_owned();
            return Self::NotApproved { features, error };
        }
        match error.status {
            401 => Self::KeyRefused { host, error },
            403 if error.is_quota_spent() => Self::QuotaSpent { error },
            // No more groups, persons or faces: other requests work.
            403 if error.code == "QuotaExceeded" => Self::Service(error),
            403 => Self::Forbidden { host, error },
            429 => Self::TooManyRequests { host, error },
            300..=399 => Self::WrongAddress { host, error },
            404 if error.is_wrong_address() => Self::WrongAddress { host, error },
            _ => Self::Service(error),
        }
    }

    /// Whether every other request would fail now as well: the user has to act first.
    #[must_use]
    pub fn concerns_all_requests(&self) -> bool {
        match self {
            Self::Credentials(_)
            | Self::Client(_)
            | Self::Unreachable { .. }
            | Self::SignIn(_)
            | Self::NotInVersion { .. }
            | Self::StillTraining { .. }
            | Self::KeyRefused { .. }
            | Self::TokenRefused { .. }
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

    /// Whether the same request may succeed a little later.
    pub(super) fn is_transient(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::TimedOut { .. } | Self::Broken { .. } => true,
            Self::TooManyRequests { .. } => true,
            Self::Service(error) => error.is_transient(),
            _ => false,
        }
    }

    /// Whether the service certainly did nothing.
    pub(super) fn is_before_execution(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::TooManyRequests { .. } => true,
            Self::Service(error) => error.is_busy(),
            _ => false,
        }
    }

    /// Whether it is unknown if the service executed the request: it may have, and only its answer
    /// was lost.
    #[must_use]
    pub fn leaves_outcome_unknown(&self) -> bool {
        match self {
            Self::TimedOut { .. } | Self::Broken { .. } | Self::BadAnswer { .. } => true,
            Self::Service(error) => error.is_transient() && !error.is_busy(),
            _ => false,
        }
    }

    /// Whether the service has certainly refused the request, and others may continue.
    pub(super) fn concerns_only_this(&self) -> bool {
        !self.concerns_all_requests() && !self.leaves_outcome_unknown()
    }

    /// Whether the requested resource does not exist.
    pub(super) fn is_missing(&self) -> bool {
        matches!(self, Self::Service(error) if error.status == 404)
    }

    /// The code of an error that the service returned, such as `PersonNotFound`.
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::Service(error) => Some(&error.code),
            _ => None,
        }
    }

    /// The pause that the service requests.
    pub(super) fn asked_pause(&self) -> Option<Duration> {
        match self {
            Self::TooManyRequests { error, .. } | Self::Service(error) => error.retry_after,
            _ => None,
        }
    }
}
