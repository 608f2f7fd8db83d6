//! What everything that speaks HTTP shares: the client, when it asks again, and keys.

pub mod client;
pub mod credentials;
pub mod retry;
