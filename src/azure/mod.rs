//! Azure's Face service over REST: credentials, transport with retries, operations.
//!
//! Photos that are given to it leave the machine, and each call is billed. [`Client`] is shared by all
//! threads that ask: it keeps below the quota of the pricing tier, repeats what may pass and counts
//! the calls. It blocks its thread, so it must not be used on a thread of an asynchronous runtime.

mod clock;
mod credentials;
mod detect;
mod endpoint;
mod error;
mod picture;
mod quota;
mod retry;
mod service_error;
mod transport;

pub use clock::{Clock, SystemClock};
pub use credentials::{Credentials, ENDPOINT_NAMES, KEY_NAMES, TIER_NAME};
pub use detect::{DetectOptions, FaceRectangle, FoundFace, Point, detect};
pub use endpoint::{ApiVersion, Endpoint};
pub use error::{AzureError, CredentialsError};
pub use picture::{MIN_FACE_SIDE, Picture};
pub use quota::Tier;
pub use service_error::ServiceError;
pub use transport::{Answer, Body, Client, Repeat, Request, Timeouts};

#[cfg(test)]
mod transport_tests;
