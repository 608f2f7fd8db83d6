//! Pictures as pixels: the only decoder, perceptual hashes, dates of photos, data sets on disk.

pub mod data_set;
pub mod image_io;
pub mod perceptual_hash;
pub mod photo_date;
pub mod resize;
