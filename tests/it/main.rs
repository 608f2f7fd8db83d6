//! All integration tests, in one binary: each further one would link libtorch again.

mod azure;
mod faces;
mod fetch;
mod helpers;
#[cfg(feature = "torch")]
mod networks;
mod prepare;
pub(crate) mod program;
