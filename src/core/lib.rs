//! Data types, traits, errors and what lies on disk: what every other room builds on.

pub mod artifacts;
pub mod context;
pub mod errors;
pub mod ledger;
pub mod licence;
pub mod parallel;
pub mod ports;
pub mod secret;
pub mod types;
