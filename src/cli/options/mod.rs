//! Options that several commands share, and where their values come from.

pub(crate) mod config;
pub(crate) mod globals;
pub(crate) mod image_limits;
pub(crate) mod inputs;
pub(crate) mod named;
pub(crate) mod switch;
