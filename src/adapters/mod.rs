//! One file for each outside thing: image sources, detectors, face models.

pub mod azure;
pub mod both_sides;
#[cfg(feature = "torch")]
pub mod dlib_embedder;
pub mod dlib_landmarks;
#[cfg(feature = "torch")]
pub mod mmod;
#[cfg(feature = "torch")]
pub mod mtcnn;
#[cfg(feature = "torch")]
pub mod one_thread;
pub mod seeta;
pub mod sources;
pub mod with_landmarks;
