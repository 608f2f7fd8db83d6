//! Which faces of a photo are kept.

use serde::{Deserialize, Serialize};

use facepipe_core::types::{DetectedFace, PixelRect, Size};

/// The factor by which a face's squared distance from the photo's centre reduces its area: that of
/// facenet-pytorch's choice of the same kind.
const DISTANCE_WEIGHT: f64 = 2.0;

/// Which faces of a photo are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FaceChoice {
    /// Every face.
    All,
    /// The face with the largest box.
    Largest,
    /// The photo's main face: a large one near the middle. A person nearer to the camera at the
    /// photo's edge is larger, but not the subject.
    Main,
}

impl FaceChoice {
    /// The index of the one face that is kept; `None`: all are.
    pub fn only(
        self,
        faces: &[DetectedFace],
        photo: Size,
        fits: impl Fn(&DetectedFace) -> bool,
    ) -> Option<usize> {
        let weight = |face: &DetectedFace| match self {
            Self::All | Self::Largest => face.rect.size().area() as f64,
            Self::Main => prominence(face.rect, photo),
        };
        if self == Self::All {
            return None;
        }
        let candidates = faces.iter().enumerate().filter(|(_, face)| fits(face));
        // Of equal ones the first.
        candidates
            .rev()
            .max_by(|(_, one), (_, other)| weight(one).total_cmp(&weight(other)))
            .map(|(index, _)| index)
    }
}

/// A face's area less twice the square of its distance from the photo's centre, in
/// square pixels.
fn prominence(rect: PixelRect, photo: Size) -> f64 {
    let offset = |start: u32, end: u32, side: u32| {
        (f64::from(start) + f64::from(end) - f64::from(side)) / 2.0
    };
    let across = offset(rect.left, rect.right, photo.width);
    let down = offset(rect.top, rect.bottom, photo.height);
    rect.size().area() as f64 - DISTANCE_WEIGHT * (across * across + down * down)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_main_face_is_near_the_middle_and_the_largest_is_not() {
        let face = |rect: [u32; 4]| DetectedFace {
            rect: rect.into(),
            score: 1.0,
            landmarks: None,
        };
        let faces = [
            face([0, 0, 22, 24]),
            face([22, 14, 42, 34]),
            face([24, 15, 34, 25]),
        ];
        let photo = Size::new(64, 48);
        let only = |choice: FaceChoice, smallest: u64| {
            choice.only(&faces, photo, |face| face.rect.size().area() >= smallest)
        };
        assert_eq!(only(FaceChoice::All, 0), None);
        assert_eq!(only(FaceChoice::Largest, 0), Some(0));
        assert_eq!(only(FaceChoice::Main, 0), Some(1));
        assert_eq!(only(FaceChoice::Main, 450), Some(0));
        assert_eq!(only(FaceChoice::Main, 9999), None);
        let twins = [face([10, 10, 20, 20]), face([44, 28, 54, 38])];
        for choice in [FaceChoice::Largest, FaceChoice::Main] {
            assert_eq!(choice.only(&twins, photo, |_| true), Some(0));
        }
    }
}
