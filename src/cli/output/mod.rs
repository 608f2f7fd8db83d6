//! What people and programs read: results, errors, progress.

pub(crate) mod explanation;
pub(crate) mod failure;
pub(crate) mod progress;
pub(crate) mod result;
