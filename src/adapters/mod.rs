//! One file for each outside thing: image sources, detectors, face models.

#[cfg(feature = "torch")]
pub mod dlib_embedder;
pub mod dlib_landmarks;
pub mod seeta;
pub mod sources;
