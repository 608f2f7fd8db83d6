//! dlib's landmarks for the faces of a detector that has none of its own.

use std::sync::Arc;

use image::RgbImage;

use facepipe_core::ports::{DetectorError, FaceDetector, FaceDetectorFactory, LandmarkModel};
use facepipe_core::types::{DetectedFace, Landmarks, Size};
use facepipe_faces::dlib_box::SquareFit;

/// A detector and the landmark model for its boxes.
pub struct WithLandmarks {
    detectors: Box<dyn FaceDetectorFactory>,
    model: Arc<dyn LandmarkModel>,
    fit: SquareFit,
}

impl WithLandmarks {
    /// Adds landmarks to a detector of square boxes that differ from dlib's by `fit`.
    #[must_use]
    pub fn new(
        detectors: Box<dyn FaceDetectorFactory>,
        model: Arc<dyn LandmarkModel>,
        fit: SquareFit,
    ) -> Self {
        Self {
            detectors,
            model,
            fit,
        }
    }
}

impl FaceDetectorFactory for WithLandmarks {
    fn name(&self) -> &str {
        self.detectors.name()
    }

    fn create(&self) -> Result<Box<dyn FaceDetector>, DetectorError> {
        Ok(Box::new(DetectorWithLandmarks {
            detector: self.detectors.create()?,
            model: Arc::clone(&self.model),
            fit: self.fit,
        }))
    }
}

struct DetectorWithLandmarks {
    detector: Box<dyn FaceDetector>,
    model: Arc<dyn LandmarkModel>,
    fit: SquareFit,
}

impl FaceDetector for DetectorWithLandmarks {
    fn detect(&mut self, photo: &RgbImage) -> Result<Vec<DetectedFace>, DetectorError> {
        let mut faces = self.detector.detect(photo)?;
        for face in &mut faces {
            if face.landmarks.is_none() {
                let square = self.fit.apply(face.rect, Size::of(photo));
                let points = self.model.landmarks(photo, square);
                face.landmarks = Some(Landmarks::EyeCornersNose(points));
            }
        }
        Ok(faces)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use facepipe_core::types::{EyeCornersNose, FaceBox, Landmarks5, PixelRect};

    const OWN: Landmarks = Landmarks::EyesNoseMouth(Landmarks5([[9.0, 7.0]; 5]));

    struct TwoFaces;

    impl FaceDetectorFactory for TwoFaces {
        fn name(&self) -> &str {
            "two"
        }

        fn create(&self) -> Result<Box<dyn FaceDetector>, DetectorError> {
            Ok(Box::new(Self))
        }
    }

    impl FaceDetector for TwoFaces {
        fn detect(&mut self, _: &RgbImage) -> Result<Vec<DetectedFace>, DetectorError> {
            let face = |landmarks| DetectedFace {
                rect: PixelRect::from([20, 10, 40, 30]),
                score: 2.0,
                landmarks,
            };
            Ok(vec![face(None), face(Some(OWN))])
        }
    }

    impl LandmarkModel for TwoFaces {
        fn landmarks(&self, _: &RgbImage, face: FaceBox) -> EyeCornersNose {
            EyeCornersNose([[face.left as i32, face.top as i32]; 5])
        }
    }

    #[test]
    fn only_faces_without_landmarks_get_them_from_the_fitted_box() {
        let fit = SquareFit {
            side: 1.5,
            below: 0.1,
        };
        let factory = WithLandmarks::new(Box::new(TwoFaces), Arc::new(TwoFaces), fit);
        assert_eq!(factory.name(), "two");
        let mut detector = factory.create().expect("creates");
        let faces = detector.detect(&RgbImage::new(64, 48)).expect("detects");
        let found = Landmarks::EyeCornersNose(EyeCornersNose([[15, 8]; 5]));
        assert_eq!(faces[0].landmarks, Some(found));
        assert_eq!(faces[1].landmarks, Some(OWN));
    }
}
