//! One photo whose faces are detected, cut out and preprocessed for the network.

use std::path::Path;

use image::RgbImage;

use super::Photo;
use facepipe_core::ports::DetectorError;
use facepipe_core::types::{DetectedFace, Size};
use facepipe_faces::face_finder::FaceFinder;
use facepipe_imaging::image_io::{self, DecodeError};

/// A photo whose faces were detected.
pub(super) struct PreparedPhoto {
    /// Its name in results.
    pub(super) name: String,
    /// Its faces, or why it has no result.
    pub(super) faces: Result<PhotoFaces, PhotoError>,
}

/// The faces of a photo.
pub(super) struct PhotoFaces {
    /// Where they are.
    pub(super) faces: Vec<DetectedFace>,
    /// The upright photo's.
    pub(super) size: Size,
    /// The network's input for each.
    pub(super) numbers: Vec<Vec<f32>>,
    /// The photo itself, where its faces are to be marked in it.
    pub(super) pixels: Option<RgbImage>,
}

/// Why a photo can't be processed.
#[derive(Debug, thiserror::Error)]
pub(super) enum PhotoError {
    /// It is no image.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// The detector fails on it.
    #[error(transparent)]
    Detector(#[from] DetectorError),
}

impl PreparedPhoto {
    /// Decodes a photo and finds its faces; keeps its pixels if wanted.
    pub(super) fn read(photo: &Photo, finder: &mut FaceFinder<'_>, keep_pixels: bool) -> Self {
        Self {
            name: photo.name.clone(),
            faces: PhotoFaces::of(&photo.path, finder, keep_pixels),
        }
    }

    /// The number of faces.
    pub(super) fn face_count(&self) -> usize {
        self.faces.as_ref().map_or(0, |found| found.faces.len())
    }

    /// The number of pixels that are kept in memory.
    pub(super) fn pixel_count(&self) -> u64 {
        let faces = self.faces.as_ref().ok();
        let pixels = faces.and_then(|found| found.pixels.as_ref());
        pixels.map_or(0, |photo| Size::of(photo).area())
    }

    /// An error that would concern every other photo as well.
    pub(super) fn unless_all_fail(self) -> Result<Self, DetectorError> {
        match self.faces {
            Err(PhotoError::Detector(error)) if error.concerns_all_photos() => Err(error),
            faces => Ok(Self { faces, ..self }),
        }
    }
}

impl PhotoFaces {
    fn of(path: &Path, finder: &mut FaceFinder<'_>, keep_pixels: bool) -> Result<Self, PhotoError> {
        let photo = image_io::decode(&image_io::read_bytes(path)?)?.rgb;
        let faces = finder.faces(&photo)?;
        let numbers = faces.iter().map(|face| finder.numbers(&photo, face));
        Ok(Self {
            numbers: numbers.collect(),
            size: Size::of(&photo),
            faces,
            pixels: keep_pixels.then_some(photo),
        })
    }
}
