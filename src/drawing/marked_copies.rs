//! The folder to which marked copies of photos go.

use std::io;
use std::path::{Path, PathBuf};

use image::RgbImage;

use facepipe_core::artifacts::atomic;
use facepipe_core::artifacts::digest::md5_hex;
use facepipe_core::artifacts::labels::shortened;
use facepipe_imaging::image_io;

/// Digits of a hash that tell marked photos of the same name apart.
const HASH_DIGITS: usize = 8;
/// Longest part of a photo's name in its copy's, in bytes: file systems allow 255 for the whole.
const STEM_BYTES: usize = 200;

/// A folder of pictures.
#[derive(Debug, Clone)]
pub struct MarkedCopies {
    folder: PathBuf,
}

impl MarkedCopies {
    /// Makes the folder where it is missing.
    ///
    /// # Errors
    /// The I/O error, with its path.
    pub fn new(folder: &Path) -> io::Result<Self> {
        fs_err::create_dir_all(folder)?;
        Ok(Self {
            folder: folder.to_owned(),
        })
    }

    /// Writes the marked copy of the photo of a name, as PNG.
    ///
    /// # Errors
    /// The I/O error, with its path.
    pub fn add(&self, photo: &str, marked: &RgbImage) -> io::Result<()> {
        let bytes = image_io::encode_png(marked).map_err(io::Error::other)?;
        atomic::write_bulk(&self.folder.join(file_name(photo)), &bytes)
    }
}

/// A file name that no other photo has: the photo's, shortened where it is long, and the first of the hash of
/// where it lies.
fn file_name(photo: &str) -> String {
    let stem = Path::new(photo).file_stem().unwrap_or_default();
    let stem = stem.to_string_lossy();
    let hash = md5_hex(photo.as_bytes());
    let stem = shortened(&stem, STEM_BYTES);
    format!("{stem}_{}.png", &hash[..HASH_DIGITS])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unlike_and_no_longer_than_file_systems_take() {
        let long = "\u{e9}".repeat(125);
        let names = [
            "a/1.jpg".to_owned(),
            "b/1.jpg".to_owned(),
            format!("a/{long}x.jpg"),
            format!("a/{long}y.jpg"),
        ]
        .map(|photo| file_name(&photo));
        assert!(names[0].starts_with("1_") && names[0] != names[1]);
        assert!(names[2] != names[3]);
        assert!(names.iter().all(|name| name.len() <= 255), "{names:?}");
    }
}
