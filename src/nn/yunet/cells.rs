//! From the network's numbers to boxes, and which of overlapping boxes stay.

use crate::FoundFace;
use facepipe_core::types::{FaceBox, Landmarks5};
use facepipe_yunet::{Level, STRIDES};

/// The boxes of all cells with a score from `least` on, in pixels of the picture.
///
/// The score is the root of the product of the two probabilities, that there is a face and that the box fits; a
/// box's centre is its cell's corner moved by two numbers of cells, its sides are two exponentials of cells, and so
/// are landmarks moved (OpenCV's `FaceDetectorYN` reads the numbers so).
pub(super) fn boxes(levels: &[Level; STRIDES.len()], least: f32) -> Vec<FoundFace> {
    let mut found = Vec::new();
    for ([class, fit, place, points], stride) in levels.iter().zip(STRIDES) {
        let columns = class.width;
        let scores = class.values.iter().zip(fit.values.iter());
        let scores: Vec<f32> = scores
            .map(|(class, fit)| (sigmoid(*class) * sigmoid(*fit)).sqrt())
            .collect();
        let certain = scores
            .iter()
            .enumerate()
            .filter(|(_, score)| **score >= least);
        let certain: Vec<(usize, f32)> = certain.map(|(at, score)| (at, *score)).collect();
        if certain.is_empty() {
            continue;
        }
        let stride = stride as f32;
        for (at, score) in certain {
            let (column, row) = ((at % columns) as f32, (at / columns) as f32);
            let place = &place.values[4 * at..][..4];
            let (x, y) = ((column + place[0]) * stride, (row + place[1]) * stride);
            let (width, height) = (place[2].exp() * stride, place[3].exp() * stride);
            let points = &points.values[10 * at..][..10];
            let point = |number: usize| {
                [
                    (column + points[2 * number]) * stride,
                    (row + points[2 * number + 1]) * stride,
                ]
            };
            found.push(FoundFace {
                face: FaceBox {
                    left: x - width / 2.0,
                    top: y - height / 2.0,
                    right: x + width / 2.0,
                    bottom: y + height / 2.0,
                },
                score,
                landmarks: Landmarks5(std::array::from_fn(point)),
            });
        }
    }
    found.retain(|found| found.face.area().is_finite());
    found
}

/// Of boxes that overlap by more than `limit` (intersection over union) only the most certain stays. The result is
/// sorted by falling certainty.
pub(super) fn suppress(mut found: Vec<FoundFace>, limit: f32) -> Vec<FoundFace> {
    found.sort_by(|a, b| b.score.total_cmp(&a.score));
    let mut kept: Vec<FoundFace> = Vec::new();
    for one in found {
        if kept
            .iter()
            .all(|better| better.face.iou(&one.face) <= limit)
        {
            kept.push(one);
        }
    }
    kept
}

fn sigmoid(number: f32) -> f32 {
    1.0 / (1.0 + (-number).exp())
}
