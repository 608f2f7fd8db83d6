//! Pictures as pixels: the only door to decoding, perceptual hashes, dates of photos.

pub mod image_io;
pub mod perceptual_hash;
pub mod photo_date;
