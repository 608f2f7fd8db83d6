//! Face detectors.

pub mod azure;
#[cfg(feature = "torch")]
pub mod mmod;
#[cfg(feature = "torch")]
pub mod mtcnn;
pub mod seeta;
pub mod turned;
pub mod with_landmarks;
#[cfg(feature = "torch")]
pub mod yunet;
