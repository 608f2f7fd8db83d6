//! One file for each outside thing: image sources, detectors.

pub mod seeta;
pub mod sources;
