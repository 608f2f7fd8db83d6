//! Output for people and programs: results, explanations, progress.

pub(crate) mod explanation;
pub(crate) mod progress;
pub(crate) mod result;
pub(crate) mod say;
