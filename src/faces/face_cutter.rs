//! Detecting the faces of photos and cutting them out, for crop and predict alike.

use image::RgbImage;

use crate::dlib_box::landmarks_of;
use crate::face_chip::{FaceCut, cut_aligned, cut_box};
use facepipe_core::ports::{FaceDetectorFactory, LandmarkModel};
use facepipe_core::types::{DetectedFace, EyeCornersNose};

/// A detector, and the model of the points by which faces are aligned.
pub struct FaceTools {
    /// Makes a detector for each worker.
    pub detectors: Box<dyn FaceDetectorFactory>,
    /// Finds the points; `None`: faces are cut out by their boxes.
    pub landmarks: Option<Box<dyn LandmarkModel>>,
}

impl FaceTools {
    /// A cutter with `margin` of the faces' side around them.
    #[must_use]
    pub fn cutter(&self, margin: f32) -> FaceCutter<'_> {
        FaceCutter {
            landmarks: self.landmarks.as_deref(),
            margin,
        }
    }
}

impl std::fmt::Debug for FaceTools {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("FaceTools")
            .field("detector", &self.detectors.name())
            .field("align", &self.landmarks.is_some())
            .finish()
    }
}

/// Cuts faces out of photos. All threads may use one.
#[derive(Clone, Copy)]
pub struct FaceCutter<'tools> {
    landmarks: Option<&'tools dyn LandmarkModel>,
    margin: f32,
}

/// A cut-out face, and the points by which it was aligned.
#[derive(Debug, Clone, PartialEq)]
pub struct CutFace {
    /// The face.
    pub cut: FaceCut,
    /// The points in the photo; `None` where it was cut out by its box.
    pub points: Option<EyeCornersNose>,
}

impl FaceCutter<'_> {
    /// Cuts out a face that a detector found in an EXIF-upright photo.
    ///
    /// A face whose points are outside the photo is cut out by its box.
    #[must_use]
    pub fn cut(&self, photo: &RgbImage, face: &DetectedFace) -> CutFace {
        let aligned = self.landmarks.and_then(|model| {
            let points = landmarks_of(model, photo, face);
            let cut = cut_aligned(photo, &points, face.eyes_nose_mouth(), self.margin)?;
            Some(CutFace {
                cut,
                points: Some(points),
            })
        });
        aligned.unwrap_or_else(|| CutFace {
            cut: cut_box(photo, face.rect, self.margin),
            points: None,
        })
    }
}
