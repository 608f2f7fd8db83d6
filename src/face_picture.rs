//! A photo with its faces marked, for a person to look at.

use image::{Rgb, RgbImage};

use crate::lettering::{LETTER, write_across};
use crate::types::{DetectedFace, PixelRect, Size};

/// A line is one pixel wide for each so many pixels of the photo's longer side, so that it is seen
/// on camera pictures too.
const SIDE_OF_ONE_PIXEL: u32 = 500;
/// Space between a label's edge and its letters, in pixels.
const LABEL_GAP: u32 = 1;

const BOX: Rgb<u8> = Rgb([0, 220, 60]);
const LABEL_INK: Rgb<u8> = Rgb([0, 0, 0]);
/// Colours of the landmarks, in their order: eyes on the image's left and right, nose, corners of
/// the mouth on the left and right.
const LANDMARKS: [Rgb<u8>; 5] = [
    Rgb([255, 40, 40]),
    Rgb([255, 210, 0]),
    Rgb([60, 140, 255]),
    Rgb([255, 80, 255]),
    Rgb([0, 230, 230]),
];

/// Draws each face's box with its score above it, and its landmarks where it has some. Eyes are
/// red (on the image's left) and yellow, the nose is blue, the mouth's corners are magenta (left)
/// and cyan.
pub fn mark_faces(photo: &mut RgbImage, faces: &[DetectedFace]) {
    let size = Size::of(photo);
    let width = (size.width.max(size.height) / SIDE_OF_ONE_PIXEL).max(1);
    for face in faces {
        frame(photo, face.rect, width);
        if let Some(landmarks) = face.landmarks {
            for ([x, y], ink) in landmarks.0.into_iter().zip(LANDMARKS) {
                dot(photo, x, y, width, ink);
            }
        }
    }
    // Last, so that no box of a neighbour crosses the numbers.
    for face in faces {
        label(photo, face.rect, &format!("{:.2}", face.score));
    }
}

/// A box's outline, inside the box.
fn frame(photo: &mut RgbImage, rect: PixelRect, width: u32) {
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
        BOX,
    );
    fill(
        photo,
        side(left, bottom.saturating_sub(width).max(top), right, bottom),
        BOX,
    );
    fill(
        photo,
        side(left, top, (left + width).min(right), bottom),
        BOX,
    );
    fill(
        photo,
        side(right.saturating_sub(width).max(left), top, right, bottom),
        BOX,
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

/// A text above a box or, where there is no room, inside it.
fn label(photo: &mut RgbImage, rect: PixelRect, text: &str) {
    let height = LETTER + 2 * LABEL_GAP;
    let width = text.len() as u32 * LETTER + 2 * LABEL_GAP;
    let left = rect.left.min(photo.width().saturating_sub(width));
    let top = rect.top.checked_sub(height).unwrap_or(rect.top);
    let background = PixelRect {
        left,
        top,
        right: left + width,
        bottom: top + height,
    };
    fill(photo, background, BOX);
    write_across(photo, left + LABEL_GAP, top + LABEL_GAP, text, LABEL_INK);
}

/// Paints what lies inside the photo.
fn fill(photo: &mut RgbImage, rect: PixelRect, ink: Rgb<u8>) {
    for y in rect.top..rect.bottom.min(photo.height()) {
        for x in rect.left..rect.right.min(photo.width()) {
            photo.put_pixel(x, y, ink);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::Landmarks5;

    const GREY: Rgb<u8> = Rgb([90, 90, 90]);

    fn face(rect: [u32; 4], landmarks: Option<Landmarks5>) -> DetectedFace {
        DetectedFace {
            rect: rect.into(),
            score: 0.98,
            landmarks,
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
            &[face([24, 12, 50, 40], Some(Landmarks5(points)))],
        );
        for (x, y) in [(24, 12), (49, 12), (24, 39), (49, 39), (24, 30), (37, 39)] {
            assert_eq!(photo.get_pixel(x, y), &BOX, "{x}, {y}");
        }
        for (x, y) in [(23, 30), (50, 30), (37, 40), (25, 13), (48, 38)] {
            assert_eq!(photo.get_pixel(x, y), &GREY, "{x}, {y}");
        }
        for ([x, y], ink) in points.into_iter().zip(LANDMARKS) {
            assert_eq!(photo.get_pixel(x as u32, y.round() as u32), &ink);
        }
        let row: Vec<_> = (24..58).map(|x| *photo.get_pixel(x, 6)).collect();
        assert!(row.contains(&LABEL_INK), "the score stands above the box");
    }

    #[test]
    fn faces_at_and_over_the_edges_are_drawn() {
        for size in [(1, 1), (9, 64), (64, 9), (1200, 30)] {
            let mut photo = RgbImage::from_pixel(size.0, size.1, GREY);
            let outside = Landmarks5([[-5.0, -9.0], [1e9, 3.0], [3.0, 1e9], [0.0, 0.0], [2.0; 2]]);
            mark_faces(&mut photo, &[face([0, 0, size.0, size.1], Some(outside))]);
            mark_faces(&mut photo, &[face([size.0 - 1, 0, size.0, 1], None)]);
            assert!(photo.pixels().any(|pixel| *pixel != GREY));
        }
    }
}
