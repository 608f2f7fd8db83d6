//! One file for each outside thing: image sources, detectors, face models.

pub mod detectors;
pub mod dlib_landmarks;
#[cfg(feature = "torch")]
pub mod embedders;
pub mod sources;
