//! dlib's landmarks for the faces that any detector found.
//!
//! dlib's landmark model starts from a box, and was trained on those of dlib's own frontal detector:
//! squares from the eyebrows to the chin. Boxes of other detectors become such squares here. The
//! numbers are means over faces that both dlib's detector and the other one found, on some 1,500
//! faces of LFW, AT&T/ORL and web photos; `scripts/bench/dlib_boxes.py` measures them again.

use image::RgbImage;

use facepipe_core::ports::LandmarkModel;
use facepipe_core::types::{
    DetectedFace, EyeCornersNose, FaceBox, Landmarks, Landmarks5, PixelRect, Size,
};

/// Side of dlib's box, as a multiple of the root mean square distance of eyes, nose and corners of
/// the mouth from their middle: 3.85 on average, with a standard deviation of 0.32.
const SIDE_OF_SPREAD: f32 = 3.85;
/// How far below that middle the centre of dlib's box is, as a share of its side: 0.03 above it, with
/// a standard deviation of 0.04. Across, it is the middle itself.
const CENTRE_BELOW_POINTS: f32 = -0.03;

/// dlib's landmarks of a face: its own if it has them, or else those that the model finds in the
/// box that fits the detector's points or, without any, in the detector's box.
#[must_use]
pub fn landmarks_of(
    model: &dyn LandmarkModel,
    photo: &RgbImage,
    face: &DetectedFace,
) -> EyeCornersNose {
    match &face.landmarks {
        Some(Landmarks::EyeCornersNose(landmarks)) => *landmarks,
        Some(Landmarks::EyesNoseMouth(points)) => model.landmarks(photo, around(points)),
        None => model.landmarks(photo, face.rect.into()),
    }
}

/// The box that dlib's detector would give a face with these points.
#[must_use]
pub fn around(Landmarks5(points): &Landmarks5) -> FaceBox {
    let count = points.len() as f32;
    let middle = |axis: usize| points.iter().map(|point| point[axis]).sum::<f32>() / count;
    let (x, y) = (middle(0), middle(1));
    let squares = points.iter().map(|point| {
        let (dx, dy) = (point[0] - x, point[1] - y);
        dx * dx + dy * dy
    });
    let side = SIDE_OF_SPREAD * (squares.sum::<f32>() / count).sqrt();
    square(x, y + CENTRE_BELOW_POINTS * side, side)
}

/// By how much a detector's squares differ from dlib's.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SquareFit {
    /// Side of dlib's box, as a multiple of the detector's.
    pub side: f32,
    /// How far below the centre of the detector's box that of dlib's is, as a share of its side.
    pub below: f32,
}

impl SquareFit {
    /// A detector whose squares are used unchanged.
    pub const SAME: Self = Self {
        side: 1.0,
        below: 0.0,
    };

    /// The box that dlib's detector would give the face in another detector's square, which was
    /// clamped to the photo.
    #[must_use]
    pub fn apply(self, rect: PixelRect, photo: Size) -> FaceBox {
        let found = unclamped(rect, photo);
        let side = found.width() * self.side;
        let x = (found.left + found.right) / 2.0;
        let y = (found.top + found.bottom) / 2.0;
        square(x, y + self.below * side, side)
    }
}

/// The square that a rectangle was before the photo's edges clipped it: its longer side is the square's.
fn unclamped(rect: PixelRect, photo: Size) -> FaceBox {
    let Size { width, height } = rect.size();
    let side = width.max(height) as f32;
    let (left, right) = uncut(rect.left, rect.right, photo.width, side);
    let (top, bottom) = uncut(rect.top, rect.bottom, photo.height, side);
    FaceBox {
        left,
        top,
        right,
        bottom,
    }
}

/// The start and end of a length that an edge at 0 or at `limit` may have clipped.
fn uncut(start: u32, end: u32, limit: u32, length: f32) -> (f32, f32) {
    let (start_cut, end_cut) = (start == 0, end == limit);
    let (start, end) = (start as f32, end as f32);
    match (start_cut, end_cut) {
        (true, false) => (end - length, end),
        (false, true) => (start, start + length),
        _ => {
            let middle = (start + end) / 2.0;
            (middle - length / 2.0, middle + length / 2.0)
        }
    }
}

fn square(x: f32, y: f32, side: f32) -> FaceBox {
    FaceBox {
        left: x - side / 2.0,
        top: y - side / 2.0,
        right: x + side / 2.0,
        bottom: y + side / 2.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A model that returns the corners of the box that it is given.
    struct Corners;

    impl LandmarkModel for Corners {
        fn landmarks(&self, _: &RgbImage, face: FaceBox) -> EyeCornersNose {
            let at = |x: f32, y: f32| [x.round() as i32, y.round() as i32];
            let (first, last) = (at(face.left, face.top), at(face.right, face.bottom));
            EyeCornersNose([first, last, first, last, first])
        }
    }

    /// Points of a face 40 pixels wide, with their middle at (30, 20).
    const POINTS: [[f32; 2]; 5] = [
        [22.0, 14.0],
        [38.0, 14.0],
        [30.0, 20.0],
        [24.0, 26.0],
        [36.0, 26.0],
    ];

    #[test]
    fn the_box_around_points_is_a_square_a_little_above_their_middle() {
        let found = around(&Landmarks5(POINTS));
        // (100 + 100 + 0 + 72 + 72) / 5 = 68.8 square pixels.
        let side = SIDE_OF_SPREAD * 68.8_f32.sqrt();
        assert!((found.width() - side).abs() < 1e-3 && (found.height() - side).abs() < 1e-3);
        assert!(((found.left + found.right) / 2.0 - 30.0).abs() < 1e-3);
        let below = (found.top + found.bottom) / 2.0 - 20.0;
        assert!((below - CENTRE_BELOW_POINTS * side).abs() < 1e-3);
        let point = around(&Landmarks5([[9.0, 5.0]; 5]));
        assert_eq!((point.left, point.width()), (9.0, 0.0));
    }

    #[test]
    fn a_square_that_the_edge_clipped_is_restored() {
        let photo = Size::new(64, 48);
        let whole = |rect: [u32; 4]| {
            let face = SquareFit::SAME.apply(rect.into(), photo);
            [face.left, face.top, face.right, face.bottom]
        };
        assert_eq!(whole([5, 6, 25, 26]), [5.0, 6.0, 25.0, 26.0]);
        assert_eq!(whole([0, 6, 12, 26]), [-8.0, 6.0, 12.0, 26.0]);
        assert_eq!(whole([50, 30, 64, 48]), [50.0, 30.0, 68.0, 48.0]);
        assert_eq!(whole([44, 36, 64, 48]), [44.0, 36.0, 64.0, 56.0]);
        assert_eq!(whole([5, 6, 25, 25]), [5.0, 5.5, 25.0, 25.5]);
    }

    #[test]
    fn a_square_is_made_larger_and_moved_down() {
        let fit = SquareFit {
            side: 1.5,
            below: 0.1,
        };
        let found = fit.apply(PixelRect::from([20, 10, 40, 30]), Size::new(64, 48));
        assert_eq!((found.left, found.right), (15.0, 45.0));
        assert_eq!((found.top, found.bottom), (8.0, 38.0));
    }

    #[test]
    fn dlibs_own_landmarks_are_used_and_missing_ones_detected() {
        let photo = RgbImage::new(64, 48);
        let mut face = DetectedFace {
            rect: PixelRect::from([4, 3, 50, 44]),
            score: 1.0,
            landmarks: None,
        };
        let first = |face: &DetectedFace| landmarks_of(&Corners, &photo, face).0[0];
        assert_eq!(first(&face), [4, 3]);
        face.landmarks = Some(Landmarks::EyesNoseMouth(Landmarks5(POINTS)));
        let expected = around(&Landmarks5(POINTS));
        assert_eq!(first(&face)[0], expected.left.round() as i32);
        assert_eq!(first(&face)[1], expected.top.round() as i32);
        let known = EyeCornersNose([[7, 8]; 5]);
        face.landmarks = Some(Landmarks::EyeCornersNose(known));
        assert_eq!(landmarks_of(&Corners, &photo, &face), known);
    }
}
