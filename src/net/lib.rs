//! Shared by all HTTP clients: the client itself, retries and keys.

pub mod client;
pub mod credentials;
pub mod retry;
