//! One photo with its faces, cut out and as the numbers that the network takes.

use std::path::Path;

use image::RgbImage;

use super::Photo;
use facepipe_core::ports::DetectorError;
use facepipe_core::types::{DetectedFace, Size};
use facepipe_faces::face_finder::FaceFinder;
use facepipe_imaging::image_io::{self, DecodeError};

/// A photo that was looked at.
pub(super) struct Looked {
    /// Its name in results.
    pub(super) name: String,
    /// What was seen, or why nothing was.
    pub(super) seen: Result<Seen, LookError>,
}

/// What was seen in a photo.
pub(super) struct Seen {
    /// Its faces.
    pub(super) faces: Vec<DetectedFace>,
    /// What the network takes of each.
    pub(super) numbers: Vec<Vec<f32>>,
    /// The photo itself, where its faces are to be marked in it.
    pub(super) pixels: Option<RgbImage>,
}

/// Why a photo can't be looked at.
#[derive(Debug, thiserror::Error)]
pub(super) enum LookError {
    /// It is no image.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// The detector fails on it.
    #[error(transparent)]
    Detector(#[from] DetectorError),
}

impl Looked {
    /// Looks at a photo, and keeps its pixels if wanted.
    pub(super) fn at(photo: &Photo, finder: &mut FaceFinder<'_>, keep_pixels: bool) -> Self {
        Self {
            name: photo.name.clone(),
            seen: Seen::of(&photo.path, finder, keep_pixels),
        }
    }

    /// How many faces it has.
    pub(super) fn faces(&self) -> usize {
        self.seen.as_ref().map_or(0, |seen| seen.faces.len())
    }

    /// How many pixels are kept of it.
    pub(super) fn pixels(&self) -> u64 {
        let seen = self.seen.as_ref().ok();
        let pixels = seen.and_then(|seen| seen.pixels.as_ref());
        pixels.map_or(0, |photo| Size::of(photo).area())
    }

    /// An error for what would befall every other photo as well.
    pub(super) fn unless_all_fail(self) -> Result<Self, DetectorError> {
        match self.seen {
            Err(LookError::Detector(error)) if error.concerns_all_photos() => Err(error),
            seen => Ok(Self { seen, ..self }),
        }
    }
}

impl Seen {
    fn of(path: &Path, finder: &mut FaceFinder<'_>, keep_pixels: bool) -> Result<Self, LookError> {
        let photo = image_io::decode(&image_io::read_bytes(path)?)?.rgb;
        let faces = finder.faces(&photo)?;
        let numbers = faces.iter().map(|face| finder.numbers(&photo, face));
        Ok(Self {
            numbers: numbers.collect(),
            faces,
            pixels: keep_pixels.then_some(photo),
        })
    }
}
