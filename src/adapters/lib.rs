//! One file for each external component: image sources, detectors, face models.

pub mod detectors;
pub mod dlib_landmarks;
#[cfg(feature = "torch")]
pub mod embedders;
pub mod sources;
