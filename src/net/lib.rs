//! What everything that speaks HTTP shares: back-off and keys.

pub mod back_off;
pub mod credentials;
