//! Options that several commands share, and where their values come from.

pub(crate) mod args;
pub(crate) mod config;
pub(crate) mod identities;
pub(crate) mod image_limits;
pub(crate) mod inputs;
pub(crate) mod splitting;
