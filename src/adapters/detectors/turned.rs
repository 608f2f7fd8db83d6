//! A second look at photos without a certain face: at copies turned by 90, 180 and 270 degrees, as cameras and scanners
//! leave them that write no orientation.

use std::sync::Arc;

use image::{RgbImage, imageops};

use facepipe_core::ports::{DetectorError, FaceDetector, FaceDetectorFactory, LandmarkModel};
use facepipe_core::types::{DetectedFace, EyeCornersNose, Landmarks, PixelRect, Size};
use facepipe_faces::dlib_box::landmarks_of;

/// The score from which on MTCNN's faces are certain. Of 90 photos of LFW the faces of the upright ones have 0.992
/// or more, those of turned ones, seen upright, 0.999, and seen sideways at most 0.996, mostly below 0.9; of 42
/// photos without a face three have some in turned copies, with 0.86 at most.
pub const CERTAIN_TO_MTCNN: f32 = 0.99;
/// The same for SeetaFace: 8.8 and more, sideways 4.7 at most, without a face 2.4.
pub const CERTAIN_TO_SEETA: f32 = 6.0;
/// The same for dlib's CNN detector: 1.03 and more; without a face it found none.
pub const CERTAIN_TO_MMOD: f32 = 0.9;
/// The same for YuNet: 0.919 and more, turned by 90 or 180 degrees 0.898 at most, without a face 0.67.
pub const CERTAIN_TO_YUNET: f32 = 0.9;

/// A detector that looks again.
pub struct Turned {
    detectors: Box<dyn FaceDetectorFactory>,
    model: Arc<dyn LandmarkModel>,
    certain: f32,
}

impl Turned {
    /// Lets a detector look again at photos in which no upright face has the score `certain`; turned ones need it.
    /// They get their points by `model`, in the turned copy: by them they are aligned as upright ones are.
    #[must_use]
    pub fn new(
        detectors: Box<dyn FaceDetectorFactory>,
        model: Arc<dyn LandmarkModel>,
        certain: f32,
    ) -> Self {
        Self {
            detectors,
            model,
            certain,
        }
    }
}

impl FaceDetectorFactory for Turned {
    fn name(&self) -> &str {
        self.detectors.name()
    }

    fn create(&self) -> Result<Box<dyn FaceDetector>, DetectorError> {
        Ok(Box::new(TurnedDetector {
            detector: self.detectors.create()?,
            model: Arc::clone(&self.model),
            certain: self.certain,
        }))
    }
}

struct TurnedDetector {
    detector: Box<dyn FaceDetector>,
    model: Arc<dyn LandmarkModel>,
    certain: f32,
}

impl FaceDetector for TurnedDetector {
    fn detect(&mut self, photo: &RgbImage) -> Result<Vec<DetectedFace>, DetectorError> {
        let upright = self.detector.detect(photo)?;
        if certainty(&upright) >= self.certain {
            return Ok(upright);
        }
        let mut best = (self.certain, upright);
        for turn in Turn::ALL {
            let copy = turn.copy(photo);
            let mut faces = self.detector.detect(&copy)?;
            // A face is found the wrong way round, too, but with less certainty.
            let certainty = certainty(&faces);
            if certainty < best.0 {
                continue;
            }
            faces.retain(|face| face.score >= self.certain);
            for face in &mut faces {
                let points = landmarks_of(self.model.as_ref(), &copy, face);
                *face = turn.back(face, points, Size::of(photo));
            }
            best = (certainty, faces);
        }
        Ok(best.1)
    }
}

/// The highest score.
fn certainty(faces: &[DetectedFace]) -> f32 {
    faces
        .iter()
        .map(|face| face.score)
        .fold(f32::NEG_INFINITY, f32::max)
}

/// By how much a photo is turned, clockwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Turn {
    Quarter,
    Half,
    ThreeQuarters,
}

impl Turn {
    const ALL: [Self; 3] = [Self::Quarter, Self::ThreeQuarters, Self::Half];

    fn copy(self, photo: &RgbImage) -> RgbImage {
        match self {
            Self::Quarter => imageops::rotate90(photo),
            Self::Half => imageops::rotate180(photo),
            Self::ThreeQuarters => imageops::rotate270(photo),
        }
    }

    /// A face of the turned copy, in the pixels of the photo.
    fn back(self, face: &DetectedFace, points: EyeCornersNose, photo: Size) -> DetectedFace {
        let (width, height) = (photo.width, photo.height);
        let PixelRect {
            left,
            top,
            right,
            bottom,
        } = face.rect;
        let rect = match self {
            Self::Quarter => [top, height - right, bottom, height - left],
            Self::Half => [width - right, height - bottom, width - left, height - top],
            Self::ThreeQuarters => [width - bottom, left, width - top, right],
        };
        let (last_x, last_y) = (width as i32 - 1, height as i32 - 1);
        let EyeCornersNose(points) = points;
        let points = points.map(|[x, y]| match self {
            Self::Quarter => [y, last_y - x],
            Self::Half => [last_x - x, last_y - y],
            Self::ThreeQuarters => [last_x - y, x],
        });
        DetectedFace {
            rect: rect.into(),
            score: face.score,
            landmarks: Some(Landmarks::EyeCornersNose(EyeCornersNose(points))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use facepipe_core::types::FaceBox;
    use image::Rgb;

    const WHITE: Rgb<u8> = Rgb([255; 3]);

    /// Finds the bright rectangle, if it is taller than wide and its upper half is the brighter one.
    struct Upright;

    impl FaceDetectorFactory for Upright {
        fn name(&self) -> &str {
            "upright"
        }

        fn create(&self) -> Result<Box<dyn FaceDetector>, DetectorError> {
            Ok(Box::new(Self))
        }
    }

    impl FaceDetector for Upright {
        fn detect(&mut self, photo: &RgbImage) -> Result<Vec<DetectedFace>, DetectorError> {
            let bright = photo
                .enumerate_pixels()
                .filter(|(_, _, pixel)| pixel.0[0] > 0);
            let places: Vec<(u32, u32)> = bright.map(|(x, y, _)| (x, y)).collect();
            let edge = |of: fn(&(u32, u32)) -> u32| {
                let all = places.iter().map(of);
                (
                    all.clone().min().unwrap_or_default(),
                    all.max().unwrap_or_default() + 1,
                )
            };
            let ((left, right), (top, bottom)) = (edge(|place| place.0), edge(|place| place.1));
            let is_upright = bottom - top > right - left && *photo.get_pixel(left, top) == WHITE;
            Ok(if is_upright {
                vec![DetectedFace {
                    rect: [left, top, right, bottom].into(),
                    score: 1.0,
                    landmarks: None,
                }]
            } else {
                Vec::new()
            })
        }
    }

    /// The corners and the middle of the box.
    struct Corners;

    impl LandmarkModel for Corners {
        fn landmarks(&self, _: &RgbImage, face: FaceBox) -> EyeCornersNose {
            let [left, top] = [face.left, face.top].map(|edge| edge as i32);
            let [right, bottom] = [face.right, face.bottom].map(|edge| edge as i32 - 1);
            EyeCornersNose([
                [left, top],
                [right, top],
                [left, bottom],
                [right, bottom],
                [left, top],
            ])
        }
    }

    #[test]
    fn a_face_is_found_however_the_photo_is_turned() {
        // Six wide, ten high, its upper rows white, the others grey.
        let upright = RgbImage::from_fn(40, 30, |x, y| match (x, y) {
            (5..11, 3..6) => WHITE,
            (5..11, 6..13) => Rgb([90; 3]),
            _ => Rgb([0; 3]),
        });
        let detectors = Turned::new(Box::new(Upright), Arc::new(Corners), 0.9);
        let mut detector = detectors.create().expect("is made");
        let found = detector.detect(&upright).expect("detects");
        assert_eq!(
            (found.len(), found[0].landmarks),
            (1, None),
            "an upright face is left as it is"
        );
        for (photo, corner) in [
            (imageops::rotate90(&upright), [26, 5]),
            (imageops::rotate180(&upright), [34, 26]),
            (imageops::rotate270(&upright), [3, 34]),
        ] {
            let faces = detector.detect(&photo).expect("detects");
            let [face] = faces.as_slice() else {
                panic!("one face: {faces:?}");
            };
            let PixelRect {
                left,
                top,
                right,
                bottom,
            } = face.rect;
            let inside = photo.enumerate_pixels().all(|(x, y, pixel)| {
                (pixel.0[0] > 0) == ((left..right).contains(&x) && (top..bottom).contains(&y))
            });
            assert!(inside, "{:?}", face.rect);
            let Some(Landmarks::EyeCornersNose(EyeCornersNose(points))) = face.landmarks else {
                panic!("has points");
            };
            // The first is the face's own upper left corner.
            assert_eq!(points[0], corner);
        }
        assert!(
            detector
                .detect(&RgbImage::from_pixel(9, 9, WHITE))
                .expect("detects")
                .is_empty()
        );
    }
}
