//! Azure's Face service over REST: credentials, transport with retries, operations.
//!
//! Photos that are given to it leave the machine, and each call is billed. [`Client`] is shared by
//! all threads: it keeps below the quota of the pricing tier, repeats requests after temporary
//! errors and counts the calls. It blocks its thread, so it must not be used on a thread of an
//! asynchronous runtime.

mod auth;
mod authorizer;
mod azure_cli;
mod clock;
mod collection;
mod credentials;
mod credentials_error;
mod detect;
mod endpoint;
pub mod enroll;
mod error;
mod identify;
pub mod operations;
mod pause;
mod picture;
mod quota;
mod request;
mod resources;
mod service_error;
mod sign_in;
pub mod training;
mod transport;

pub use auth::Auth;
pub use clock::{Clock, SystemClock};
pub use collection::Collection;
pub use credentials::{
    AUTH_NAME, Choice, Credentials, ENDPOINT_NAMES, Identity, KEY_NAMES, TIER_NAME,
};
pub use credentials_error::CredentialsError;
pub use detect::{
    ATTRIBUTES, DETECTION_MODEL, DETECTION_MODELS, DetectOptions, FaceRectangle, FoundFace, Point,
    RECOGNITION_MODEL, RECOGNITION_MODELS, detect, detect_by,
};
pub use endpoint::{ApiVersion, Endpoint};
pub use error::AzureError;
pub use identify::{Candidate, Identifier, IdentifyOptions, MOST_FACES_A_CALL};
pub use operations::{BodyKind, Operation};
pub use picture::{MIN_FACE_SIDE, Picture, PictureError};
pub use quota::Tier;
pub use request::{Body, Repeat, Request};
pub use resources::{
    Description, Group, LARGEST_PAGE, LONGEST_DEVICE, LONGEST_FACE_DATA, LONGEST_ID, LONGEST_NAME,
    LONGEST_USER_DATA, Listing, MOST_FACES, PersistedFace, Person,
};
pub use service_error::ServiceError;
pub use sign_in::{SignIn, SignInError};
pub use transport::{Answer, Client, Timeouts};

#[cfg(test)]
mod pause_tests;
#[cfg(test)]
mod transport_tests;
