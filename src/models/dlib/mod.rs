//! dlib's face models without dlib: its file format, its five landmarks and its aligned face chip.
//!
//! The numbers are those of dlib 20: landmarks and chips are identical, so that the network sees
//! exactly what it was trained on. No libtorch is needed; the networks themselves are in `nn`.
//!
//! Sources: D. E. King, "Dlib-ml: a machine learning toolkit", JMLR 10 (2009); V. Kazemi and
//! J. Sullivan, "One millisecond face alignment with an ensemble of regression trees", CVPR 2014.

mod error;
pub mod face_chip;
pub mod mmod_file;
pub mod network_file;
mod pyramid;
pub mod reader;
pub mod resnet_file;
mod shape_predictor;
mod similarity;
pub mod tiled_pyramid;

pub use error::ModelFileError;
pub use shape_predictor::{InclusiveRect, ShapePredictor};
pub use similarity::Similarity;

/// The file of the ResNet-29 that makes embeddings, in the folder of weights.
pub const RESNET_FILE: &str = "dlib_face_recognition_resnet_model_v1.dat";
/// The file of the five-landmark model, in the folder of weights.
pub const LANDMARKS_FILE: &str = "shape_predictor_5_face_landmarks.dat";
/// The file of the CNN face detector, in the folder of weights.
pub const MMOD_FILE: &str = "mmod_human_face_detector.dat";
