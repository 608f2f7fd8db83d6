//! A photo with its faces marked, for a person to look at.

use image::{Rgb, RgbImage};

use crate::face_label::{Labels, fill};
use facepipe_core::types::{DetectedFace, PixelRect};

/// A line is one pixel wide for each so many pixels of the photo's longer side, so that it is seen
/// on camera pictures too.
const SIDE_OF_ONE_PIXEL: u32 = 500;
/// Of boxes and of what is written at them.
pub const BOX: Rgb<u8> = Rgb([0, 220, 60]);
/// Colours of the landmarks, in their order.
const LANDMARKS: [Rgb<u8>; 5] = [
    Rgb([255, 40, 40]),
    Rgb([255, 210, 0]),
    Rgb([60, 140, 255]),
    Rgb([255, 80, 255]),
    Rgb([0, 230, 230]),
];

/// Draws each face's box with its score above it, and its landmarks where it has some, in the order
/// of their points: red, yellow, blue, magenta, cyan. Eyes, nose and mouth: the eyes are red (on the
/// image's left) and yellow, the nose is blue, the mouth's corners are magenta (left) and cyan.
/// Corners of the eyes: those of the right eye are red (outer) and yellow, those of the left eye
/// blue (outer) and magenta, the nose is cyan.
pub fn mark_faces(photo: &mut RgbImage, faces: &[DetectedFace]) {
    let width = line_width(photo);
    for face in faces {
        frame(photo, face.rect, width, BOX);
        if let Some(landmarks) = face.landmarks {
            for ([x, y], ink) in landmarks.points().into_iter().zip(LANDMARKS) {
                dot(photo, x, y, width, ink);
            }
        }
    }
    // Last, so that no box of a neighbour crosses the numbers.
    let mut labels = Labels::new(width, width);
    for face in faces {
        labels.add(photo, face.rect, &format!("{:.2}", face.score), BOX);
    }
}

/// The width of lines, in pixels, that suits a photo.
pub fn line_width(photo: &RgbImage) -> u32 {
    (photo.width().max(photo.height()) / SIDE_OF_ONE_PIXEL).max(1)
}

/// A box's outline, inside the box.
pub fn frame(photo: &mut RgbImage, rect: PixelRect, width: u32, ink: Rgb<u8>) {
    let PixelRect {
        left,
        top,
        right,
        bottom,
    } = rect;
    let side = |left, top, right, bottom| PixelRect {
        left,
        top,
        right,
        bottom,
    };
    fill(
        photo,
        side(left, top, right, (top + width).min(bottom)),
        ink,
    );
    fill(
        photo,
        side(left, bottom.saturating_sub(width).max(top), right, bottom),
        ink,
    );
    fill(
        photo,
        side(left, top, (left + width).min(right), bottom),
        ink,
    );
    fill(
        photo,
        side(right.saturating_sub(width).max(left), top, right, bottom),
        ink,
    );
}

/// A square of `width` pixels to each side of a landmark.
fn dot(photo: &mut RgbImage, x: f32, y: f32, width: u32, ink: Rgb<u8>) {
    let edges = |middle: f32| {
        let (middle, width) = (middle.round(), width as f32);
        (
            (middle - width).max(0.0) as u32,
            (middle + width + 1.0).max(0.0) as u32,
        )
    };
    let ((left, right), (top, bottom)) = (edges(x), edges(y));
    let rect = PixelRect {
        left,
        top,
        right,
        bottom,
    };
    fill(photo, rect, ink);
}

#[cfg(test)]
mod tests {
    use super::*;
    use facepipe_core::types::{EyeCornersNose, Landmarks, Landmarks5};

    const GREY: Rgb<u8> = Rgb([90, 90, 90]);

    fn face(rect: [u32; 4], landmarks: Option<Landmarks>) -> DetectedFace {
        DetectedFace {
            rect: rect.into(),
            score: 0.98,
            landmarks,
        }
    }

    fn eyes_nose_mouth(points: [[f32; 2]; 5]) -> Option<Landmarks> {
        Some(Landmarks::EyesNoseMouth(Landmarks5(points)))
    }

    #[test]
    fn dlib_landmarks_are_drawn_too() {
        let mut photo = RgbImage::from_pixel(64, 48, GREY);
        let points = [[45, 20], [39, 21], [27, 20], [33, 21], [36, 29]];
        let landmarks = Some(Landmarks::EyeCornersNose(EyeCornersNose(points)));
        mark_faces(&mut photo, &[face([24, 16, 50, 40], landmarks)]);
        for ([x, y], ink) in points.into_iter().zip(LANDMARKS) {
            assert_eq!(photo.get_pixel(x as u32, y as u32), &ink);
        }
    }

    #[test]
    fn boxes_and_landmarks_lie_where_they_are_said_to() {
        let mut photo = RgbImage::from_pixel(64, 48, GREY);
        let points = [
            [30.0, 20.0],
            [40.0, 21.0],
            [35.0, 26.4],
            [31.0, 31.0],
            [39.0, 32.0],
        ];
        mark_faces(
            &mut photo,
            &[face([24, 16, 50, 40], eyes_nose_mouth(points))],
        );
        for (x, y) in [(24, 16), (49, 16), (24, 39), (49, 39), (24, 30), (37, 39)] {
            assert_eq!(photo.get_pixel(x, y), &BOX, "{x}, {y}");
        }
        for (x, y) in [(23, 30), (50, 30), (37, 40), (25, 17), (48, 38)] {
            assert_eq!(photo.get_pixel(x, y), &GREY, "{x}, {y}");
        }
        for ([x, y], ink) in points.into_iter().zip(LANDMARKS) {
            assert_eq!(photo.get_pixel(x as u32, y.round() as u32), &ink);
        }
        let above = (2..16).flat_map(|y| (24..58).map(move |x| (x, y)));
        let dark = above.filter(|(x, y)| photo.get_pixel(*x, *y).0.iter().all(|value| *value < 60));
        assert!(dark.count() > 20, "the score stands above the box");
    }

    #[test]
    fn faces_at_and_over_the_edges_are_drawn() {
        for size in [(1, 1), (9, 64), (64, 9), (1200, 30)] {
            let mut photo = RgbImage::from_pixel(size.0, size.1, GREY);
            let outside = [[-5.0, -9.0], [1e9, 3.0], [3.0, 1e9], [0.0, 0.0], [2.0; 2]];
            let landmarks = eyes_nose_mouth(outside);
            mark_faces(&mut photo, &[face([0, 0, size.0, size.1], landmarks)]);
            mark_faces(&mut photo, &[face([size.0 - 1, 0, size.0, 1], None)]);
            assert!(photo.pixels().any(|pixel| *pixel != GREY));
        }
    }
}
