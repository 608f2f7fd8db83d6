//! dlib's five landmarks in the boxes of any detector.

use std::path::Path;

use image::RgbImage;

use facepipe_core::ports::LandmarkModel;
use facepipe_core::types::{EyeCornersNose, FaceBox};
use facepipe_models::dlib::{InclusiveRect, LANDMARKS_FILE, ModelFileError, ShapePredictor};

/// The model, read once for all threads.
#[derive(Debug)]
pub struct DlibLandmarkModel {
    predictor: ShapePredictor,
}

impl DlibLandmarkModel {
    /// Reads the model from the folder of weights.
    ///
    /// # Errors
    /// [`ModelFileError`].
    pub fn new(weights: &Path) -> Result<Self, ModelFileError> {
        let predictor = ShapePredictor::open(&weights.join(LANDMARKS_FILE))?;
        Ok(Self { predictor })
    }
}

impl LandmarkModel for DlibLandmarkModel {
    fn landmarks(&self, photo: &RgbImage, face: FaceBox) -> EyeCornersNose {
        let rect = InclusiveRect {
            left: face.left.round() as i64,
            top: face.top.round() as i64,
            right: face.right.round() as i64 - 1,
            bottom: face.bottom.round() as i64 - 1,
        };
        self.predictor.landmarks(photo, rect)
    }
}
