//! Pictures as pixels: the only decoder, perceptual hashes, a comparison of details, dates of photos, data
//! sets on disk.

pub mod data_set;
pub mod detail_comparison;
pub mod image_io;
mod jpeg_segments;
pub mod other_formats;
pub mod perceptual_hash;
pub mod photo_date;
mod repairs;
pub mod resize;
mod truncation;
