//! Looks at one photo: its faces, cut out and as the numbers that the network takes.

use std::path::Path;

use image::RgbImage;

use super::Photo;
use crate::face_cutter::FaceCutter;
use crate::image_io::{self, DecodeError};
use crate::nn::preprocess;
use crate::ports::{DetectorError, FaceDetector};
use crate::types::{DetectedFace, InputSpec, PixelRect, Size};

/// The score of a whole image that is taken for a face.
const WHOLE_SCORE: f32 = 1.0;

/// Finds the faces of photos, in one worker.
pub(super) enum Finder<'tools> {
    /// Each image is a face.
    Whole,
    /// Faces are found and cut out.
    Faces {
        /// Finds them.
        detector: Box<dyn FaceDetector>,
        /// Cuts them out.
        cutter: FaceCutter<'tools>,
    },
}

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

impl Finder<'_> {
    /// Looks at a photo, and keeps its pixels if wanted.
    pub(super) fn look(&mut self, photo: &Photo, input: &InputSpec, keep_pixels: bool) -> Looked {
        let seen = self.see(&photo.path, input).map(|(pixels, mut seen)| {
            seen.pixels = keep_pixels.then_some(pixels);
            seen
        });
        Looked {
            name: photo.name.clone(),
            seen,
        }
    }

    fn see(&mut self, path: &Path, input: &InputSpec) -> Result<(RgbImage, Seen), LookError> {
        let photo = image_io::decode(&image_io::read_bytes(path)?)?.rgb;
        let (faces, numbers) = match self {
            Self::Whole => {
                let face = DetectedFace {
                    rect: PixelRect::whole(Size::of(&photo)),
                    score: WHOLE_SCORE,
                    landmarks: None,
                };
                (vec![face], vec![preprocess(&photo, input)])
            }
            Self::Faces { detector, cutter } => {
                let faces = detector.detect(&photo)?;
                let numbers = |face: &DetectedFace| {
                    preprocess(&cutter.cut(&photo, face).cut.chip(input.size), input)
                };
                let numbers = faces.iter().map(numbers).collect();
                (faces, numbers)
            }
        };
        let seen = Seen {
            faces,
            numbers,
            pixels: None,
        };
        Ok((photo, seen))
    }
}
