//! Data types, traits, errors and files on disk: the base of all other rooms.

pub mod artifacts;
pub mod context;
pub mod errors;
pub mod ledger;
pub mod licence;
pub mod parallel;
pub mod ports;
pub mod secret;
pub mod types;
pub mod words;
