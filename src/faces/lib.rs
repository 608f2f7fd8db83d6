//! Faces: cutting, alignment, quality, embeddings and their comparison.

pub mod alignment;
pub mod dlib_box;
pub mod embed;
pub mod embed_images;
pub mod embedding_cache;
pub mod face_chip;
pub mod face_choice;
pub mod face_cutter;
pub mod face_finder;
pub mod face_pairs;
pub mod identity;
pub mod preprocess;
pub mod quality;
