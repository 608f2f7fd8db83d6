//! Why there are no usable credentials.

use std::io;

/// Why endpoint and key can't be used. Neither is ever shown.
#[derive(Debug, thiserror::Error)]
pub enum CredentialsError {
    /// They are not set.
    #[error("Azure Face needs an endpoint and a key: {} not set", are(.names))]
    Missing {
        /// The first of the names under which they are searched.
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

fn are(names: &[String]) -> String {
    let verb = if names.len() == 1 { "is" } else { "are" };
    format!("{} {verb}", names.join(" and "))
}
