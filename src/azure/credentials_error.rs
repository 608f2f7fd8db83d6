//! Why the service can't even be asked.

use strum::VariantArray as _;

use std::io;

use super::auth::Auth;
use super::credentials::{AUTH_NAME, ENDPOINT_NAMES, KEY_NAMES, TIER_NAME};
use facepipe_core::errors::{Hint, io_hint};
use facepipe_net::credentials::FILES;

/// What to do without the service.
const LOCAL: &str =
    "Or find the faces on this machine (`facepipe detect`, or another `--detector`)";

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
    /// The way to sign in is not one.
    #[error("the way to sign in in {variable} is not known")]
    Auth {
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

/// The ways to sign in, as they are written.
fn ways() -> String {
    Auth::VARIANTS
        .iter()
        .map(|way| way.as_str())
        .collect::<Vec<_>>()
        .join(", ")
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
                 azure.com and {}=... . Without a key: {AUTH_NAME} (or `facepipe azure --auth`) {}. \
                 {LOCAL}",
                FILES[0],
                ENDPOINT_NAMES[0],
                KEY_NAMES[0],
                ways(),
            )),
            Self::Endpoint { .. } => Some(format!(
                "write it like {}=https://NAME.cognitiveservices.azure.com",
                ENDPOINT_NAMES[0]
            )),
            Self::Key { .. } => {
                Some("copy the key once more, without blanks and quotes in it".to_owned())
            }
            Self::Auth { .. } => Some(format!("set {AUTH_NAME} to {}", ways())),
            Self::Tier { .. } => Some(format!("set {TIER_NAME} to f0 (free) or s0 (standard)")),
            Self::Io(source) => io_hint(source),
        }
    }
}
