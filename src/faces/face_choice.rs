//! Which faces of a photo are kept.

use serde::{Deserialize, Serialize};

use facepipe_core::types::{DetectedFace, PixelRect, Size};

/// The factor by which a face's squared distance from the photo's centre reduces its area: that of
/// facenet-pytorch's choice of the same kind.
const DISTANCE_WEIGHT: f64 = 2.0;

/// Faces with smaller sides than this are not kept, and are the main face only where no other is larger.
pub const MIN_FACE: u32 = 48;

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
        let weight = |rect: PixelRect| match self {
            Self::All | Self::Largest => rect.size().area() as f64,
            Self::Main => prominence(rect, photo),
        };
        if self == Self::All {
            return None;
        }
        let candidates = faces.iter().enumerate().filter(|(_, face)| fits(face));
        heaviest(candidates.map(|(index, face)| (index, face.rect)), weight)
    }
}

/// The index of the face that a photo is about, by the same rule as [`FaceChoice::Main`]: among the faces of at
/// least [`MIN_FACE`] pixels or, where there are none, among all. `None` for a photo without faces.
pub fn main_face(faces: impl Iterator<Item = PixelRect>, photo: Size) -> Option<usize> {
    let faces: Vec<(usize, PixelRect)> = faces.enumerate().collect();
    let of = |smallest: u32| {
        let large = faces.iter().copied();
        let large = large.filter(|(_, rect)| rect.size().square_side() >= smallest);
        heaviest(large, |rect| prominence(rect, photo))
    };
    of(MIN_FACE).or_else(|| of(0))
}

/// The face of the largest weight; of equal ones the first.
fn heaviest(
    faces: impl Iterator<Item = (usize, PixelRect)>,
    weight: impl Fn(PixelRect) -> f64,
) -> Option<usize> {
    let weights = faces.map(|(index, rect)| (index, weight(rect)));
    weights
        .reduce(|best, next| if next.1 > best.1 { next } else { best })
        .map(|(index, _)| index)
}

/// A detected face, and whether the photo is about it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MarkedFace {
    /// The face.
    #[serde(flatten)]
    pub face: DetectedFace,
    /// Whether it is the photo's main face; left out where it is not.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub main: bool,
}

/// Marks the main face of a photo.
#[must_use]
pub fn mark_main(faces: Vec<DetectedFace>, photo: Size) -> Vec<MarkedFace> {
    let main = main_face(faces.iter().map(|face| face.rect), photo);
    let marked = faces.into_iter().enumerate().map(|(index, face)| {
        let main = main == Some(index);
        MarkedFace { face, main }
    });
    marked.collect()
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
        let main = main_face(faces.iter().map(|face| face.rect), photo);
        assert_eq!(main, Some(1));
        let twins = [face([10, 10, 20, 20]), face([44, 28, 54, 38])];
        for choice in [FaceChoice::Largest, FaceChoice::Main] {
            assert_eq!(choice.only(&twins, photo, |_| true), Some(0));
        }
    }

    #[test]
    fn a_small_face_in_the_middle_is_main_only_without_larger_ones() {
        let photo = Size::new(640, 480);
        let small = PixelRect::from([310, 230, 340, 265]);
        let large = PixelRect::from([0, 0, 60, 60]);
        let main = |faces: &[PixelRect]| main_face(faces.iter().copied(), photo);
        assert_eq!(main(&[large, small]), Some(0));
        assert_eq!(main(&[small]), Some(0));
        assert_eq!(main(&[]), None);
    }
}
