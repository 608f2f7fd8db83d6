//! A face as a detecting network gives it.

use facepipe_core::types::{DetectedFace, FaceBox, Landmarks, Landmarks5, Size};

/// A face in a picture's pixels; its box may reach over the picture's edge.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FoundFace {
    /// Where it is.
    pub face: FaceBox,
    /// The network's certainty that it is one, 0 to 1.
    pub score: f32,
    /// Eyes, nose and corners of the mouth.
    pub landmarks: Landmarks5,
}

impl FoundFace {
    /// The same in a picture that is scaled in `x` and `y`.
    pub(crate) fn scaled(self, [x, y]: [f32; 2]) -> Self {
        let FaceBox {
            left,
            top,
            right,
            bottom,
        } = self.face;
        Self {
            face: FaceBox {
                left: left * x,
                top: top * y,
                right: right * x,
                bottom: bottom * y,
            },
            landmarks: Landmarks5(self.landmarks.0.map(|point| [point[0] * x, point[1] * y])),
            ..self
        }
    }
}

/// Faces with whole pixels inside the photo, largest first.
#[must_use]
pub fn in_photo(found: Vec<FoundFace>, photo: Size) -> Vec<DetectedFace> {
    let inside = found.into_iter().filter_map(|found| {
        Some(DetectedFace {
            rect: found.face.clamped(photo)?,
            score: found.score,
            landmarks: Some(Landmarks::EyesNoseMouth(found.landmarks)),
        })
    });
    let mut faces: Vec<_> = inside.collect();
    faces.sort_by_key(|face| std::cmp::Reverse(face.rect.size().area()));
    faces
}
