//! Arithmetic on candidate boxes: offsets, squares, clipping, and which of overlapping ones stay.

use facepipe_core::types::{FaceBox, Landmarks5, PixelRect, Size};

/// A place where there may be a face, in the photo's pixels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Candidate {
    /// Where.
    pub(super) face: FaceBox,
    /// The probability that it is one, from the last network that classified it.
    pub(super) score: f32,
    /// How far to move the left, top, right and bottom edge, as shares of the box's sides.
    pub(super) offsets: [f32; 4],
    /// From O-Net only.
    pub(super) landmarks: Option<Landmarks5>,
}

/// What an intersection is compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Overlap {
    /// The union of both boxes.
    Union,
    /// The smaller box, with right and bottom edges counted as inside: of a box within another
    /// only the more certain one stays.
    Smaller,
}

impl Overlap {
    fn of(self, one: &FaceBox, other: &FaceBox) -> f32 {
        match self {
            Self::Union => one.iou(other),
            Self::Smaller => {
                let (one, other) = (edges_inside(one), edges_inside(other));
                let both = FaceBox {
                    left: one.left.max(other.left),
                    top: one.top.max(other.top),
                    right: one.right.min(other.right),
                    bottom: one.bottom.min(other.bottom),
                };
                both.area() / one.area().min(other.area())
            }
        }
    }
}

/// The box that reaches one pixel further to the right and to the bottom.
fn edges_inside(face: &FaceBox) -> FaceBox {
    FaceBox {
        right: face.right + 1.0,
        bottom: face.bottom + 1.0,
        ..*face
    }
}

/// Of boxes that overlap by more than `limit` only the most certain stays (non-maximum
/// suppression). The result is sorted by falling certainty.
pub(super) fn suppress(
    mut candidates: Vec<Candidate>,
    overlap: Overlap,
    limit: f32,
) -> Vec<Candidate> {
    candidates.sort_by(|a, b| b.score.total_cmp(&a.score));
    let mut kept: Vec<Candidate> = Vec::new();
    for candidate in candidates {
        if kept
            .iter()
            .all(|better| overlap.of(&better.face, &candidate.face) <= limit)
        {
            kept.push(candidate);
        }
    }
    kept
}

/// A box with its edges moved by shares of its sides. `edge` is 1 where the right and bottom edge
/// count as inside, as R-Net and O-Net have it, else 0.
pub(super) fn moved(face: &FaceBox, offsets: [f32; 4], edge: f32) -> FaceBox {
    let (width, height) = (face.right - face.left + edge, face.bottom - face.top + edge);
    FaceBox {
        left: face.left + offsets[0] * width,
        top: face.top + offsets[1] * height,
        right: face.right + offsets[2] * width,
        bottom: face.bottom + offsets[3] * height,
    }
}

/// The square on a box's longer side with the same centre.
pub(super) fn square(face: &FaceBox) -> FaceBox {
    let (width, height) = (face.right - face.left, face.bottom - face.top);
    let side = width.max(height);
    let left = face.left + width * 0.5 - side * 0.5;
    let top = face.top + height * 0.5 - side * 0.5;
    FaceBox {
        left,
        top,
        right: left + side,
        bottom: top + side,
    }
}

/// The part of the photo that a network sees for a box; `None` where the box is outside the photo.
///
/// Boxes count pixels from 1 and hold their right and bottom edge; fractions are cut off towards
/// zero.
pub(super) fn crop_rect(face: &FaceBox, photo: Size) -> Option<PixelRect> {
    let first = |edge: f32| (edge.trunc().max(1.0) - 1.0) as u32;
    let last = |edge: f32, limit: u32| (edge.trunc().max(0.0) as u32).min(limit);
    let rect = PixelRect {
        left: first(face.left),
        top: first(face.top),
        right: last(face.right, photo.width),
        bottom: last(face.bottom, photo.height),
    };
    (rect.left < rect.right && rect.top < rect.bottom).then_some(rect)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn face(left: f32, top: f32, right: f32, bottom: f32) -> FaceBox {
        FaceBox {
            left,
            top,
            right,
            bottom,
        }
    }

    fn candidate(face: FaceBox, score: f32) -> Candidate {
        Candidate {
            face,
            score,
            offsets: [0.0; 4],
            landmarks: None,
        }
    }

    fn scores(candidates: &[Candidate]) -> Vec<f32> {
        candidates.iter().map(|candidate| candidate.score).collect()
    }

    #[test]
    fn only_the_most_certain_of_overlapping_boxes_stays() {
        // The second overlaps the first by 0.6 of the union, the third the second by as much but
        // the first by 1/3: it stays, for the second is removed.
        let row = vec![
            candidate(face(25.0, 0.0, 125.0, 50.0), 0.8),
            candidate(face(0.0, 0.0, 100.0, 50.0), 0.9),
            candidate(face(50.0, 0.0, 150.0, 50.0), 0.7),
        ];
        let kept = suppress(row.clone(), Overlap::Union, 0.5);
        assert_eq!(scores(&kept), [0.9, 0.7]);
        assert_eq!(scores(&suppress(row, Overlap::Union, 0.6)), [0.9, 0.8, 0.7]);
    }

    #[test]
    fn a_box_within_another_is_suppressed_only_by_the_smaller_area() {
        let nested = vec![
            candidate(face(0.0, 0.0, 99.0, 99.0), 0.9),
            candidate(face(10.0, 10.0, 39.0, 29.0), 0.8),
        ];
        let kept = suppress(nested.clone(), Overlap::Union, 0.7);
        assert_eq!(scores(&kept), [0.9, 0.8]);
        assert_eq!(scores(&suppress(nested, Overlap::Smaller, 0.7)), [0.9]);
    }

    #[test]
    fn edges_move_by_shares_of_the_sides() {
        let offsets = [0.1, -0.1, 0.2, 0.5];
        let plain = moved(&face(10.0, 20.0, 30.0, 60.0), offsets, 0.0);
        assert_eq!(plain, face(12.0, 16.0, 34.0, 80.0));
        let inclusive = moved(&face(10.0, 20.0, 29.0, 59.0), offsets, 1.0);
        assert_eq!(inclusive, face(12.0, 16.0, 33.0, 79.0));
    }

    #[test]
    fn a_square_keeps_the_centre() {
        let tall = square(&face(10.0, 20.0, 30.0, 60.0));
        assert_eq!(tall, face(0.0, 20.0, 40.0, 60.0));
        let wide = square(&face(-10.0, 20.0, 50.0, 30.0));
        assert_eq!(wide, face(-10.0, -5.0, 50.0, 55.0));
    }

    #[test]
    fn crops_count_from_one_and_end_at_the_edge() {
        let photo = Size::new(64, 48);
        let rect = |face| crop_rect(&face, photo).map(<[u32; 4]>::from);
        assert_eq!(rect(face(5.9, 7.2, 20.9, 30.1)), Some([4, 6, 20, 30]));
        assert_eq!(rect(face(-8.5, 0.5, 90.0, 50.0)), Some([0, 0, 64, 48]));
        assert_eq!(rect(face(70.0, 5.0, 90.0, 20.0)), None);
        assert_eq!(rect(face(-30.0, 5.0, -3.0, 20.0)), None);
        assert_eq!(rect(face(5.0, 5.0, f32::NAN, 20.0)), None);
    }
}
