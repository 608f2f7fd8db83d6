//! The credentials of each request: the key, or a token that is replaced in time.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use reqwest::blocking::RequestBuilder;
use reqwest::header::AUTHORIZATION;

use super::clock::Clock;
use super::credentials::{Credentials, Identity};
use super::credentials_error::CredentialsError;
use super::error::AzureError;
use super::sign_in::{SignIn, Token};
use facepipe_core::secret::Secret;

/// The header that the key goes into.
const KEY_HEADER: &str = "Ocp-Apim-Subscription-Key";
/// How long before its end a token is replaced, as the SDKs do it.
const EARLY: Duration = Duration::from_secs(300);

/// The credentials of a client.
pub(super) enum Authorizer {
    Key(Secret),
    Entra {
        sign_in: SignIn,
        token: Mutex<Option<Token>>,
    },
}

impl Authorizer {
    pub(super) fn new(credentials: &Credentials) -> Result<Self, AzureError> {
        match &credentials.identity {
            Identity::Key(key) if key.header().is_none() => {
                let variable = credentials.source.clone();
                Err(CredentialsError::Key { variable }.into())
            }
            Identity::Key(key) => Ok(Self::Key(key.clone())),
            Identity::Entra(sign_in) => Ok(Self::Entra {
                sign_in: sign_in.clone(),
                token: Mutex::default(),
            }),
        }
    }

    /// The key, or a token that is good for a while.
    pub(super) fn secret(&self, clock: &dyn Clock) -> Result<Secret, AzureError> {
        match self {
            Self::Key(key) => Ok(key.clone()),
            Self::Entra { sign_in, token } => {
                // Held while a token is requested: the other threads need the same one.
                let mut token = token.lock().unwrap_or_else(PoisonError::into_inner);
                if let Some(token) = &*token
                    && token.expires.saturating_duration_since(clock.now()) > EARLY
                {
                    return Ok(token.secret.clone());
                }
                let new = sign_in.token(clock)?;
                let secret = new.secret.clone();
                *token = Some(new);
                Ok(secret)
            }
        }
    }

    /// Makes the next request get a new token.
    pub(super) fn forget(&self) {
        if let Self::Entra { token, .. } = self {
            *token.lock().unwrap_or_else(PoisonError::into_inner) = None;
        }
    }

    /// A request with its credentials.
    pub(super) fn authorized(
        &self,
        builder: RequestBuilder,
        secret: &Secret,
    ) -> Result<RequestBuilder, AzureError> {
        let (name, value) = match self {
            Self::Key(_) => (KEY_HEADER, secret.header()),
            Self::Entra { .. } => (AUTHORIZATION.as_str(), secret.bearer()),
        };
        let unfit = || AzureError::Client("the token is not valid in a header".to_owned());
        Ok(builder.header(name, value.ok_or_else(unfit)?))
    }

    /// Names the credentials that were refused.
    pub(super) fn named(&self, error: AzureError) -> AzureError {
        match (self, error) {
            (Self::Entra { .. }, AzureError::KeyRefused { host, error }) => {
                AzureError::TokenRefused { host, error }
            }
            (_, error) => error,
        }
    }
}
