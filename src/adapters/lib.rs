//! One file for each outside thing: image sources, detectors, face models.

#[path = "detectors/azure.rs"]
pub mod azure;
#[path = "embedders/both_sides.rs"]
pub mod both_sides;
#[cfg(feature = "torch")]
#[path = "embedders/dlib_embedder.rs"]
pub mod dlib_embedder;
pub mod dlib_landmarks;
#[cfg(feature = "torch")]
#[path = "detectors/mmod.rs"]
pub mod mmod;
#[cfg(feature = "torch")]
#[path = "detectors/mtcnn.rs"]
pub mod mtcnn;
#[cfg(feature = "torch")]
#[path = "embedders/one_thread.rs"]
pub mod one_thread;
#[path = "detectors/seeta.rs"]
pub mod seeta;
pub mod sources;
#[path = "detectors/with_landmarks.rs"]
pub mod with_landmarks;
