//! The face that a photo is about.

use crate::types::{DetectedFace, PixelRect, Size};

/// By how much a face's square distance from the photo's centre takes away from its area: the value of
/// facenet-pytorch's choice of the same kind.
const DISTANCE_WEIGHT: f64 = 2.0;

/// The face that a photo is about, a large one near the middle, by its place in the list: of equal ones
/// the first.
#[must_use]
pub fn main_face(faces: &[DetectedFace], photo: Size) -> Option<usize> {
    let weight = |face: &DetectedFace| prominence(face.rect, photo);
    let numbered = faces.iter().enumerate().rev();
    numbered
        .max_by(|(_, one), (_, other)| weight(one).total_cmp(&weight(other)))
        .map(|(index, _)| index)
}

/// A face's area less twice the square of its distance from the photo's centre, in
/// square pixels.
#[must_use]
pub fn prominence(rect: PixelRect, photo: Size) -> f64 {
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
    fn a_large_face_near_the_middle_goes_before_the_largest() {
        let face = |rect: [u32; 4]| DetectedFace {
            rect: rect.into(),
            score: 1.0,
            landmarks: None,
        };
        let faces = [face([0, 0, 22, 24]), face([22, 14, 42, 34])];
        assert_eq!(main_face(&faces, Size::new(64, 48)), Some(1));
        assert_eq!(main_face(&faces[..1], Size::new(64, 48)), Some(0));
        assert_eq!(main_face(&[], Size::new(64, 48)), None);
    }
}
