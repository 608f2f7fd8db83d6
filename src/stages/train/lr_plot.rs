//! Loss over learning rate as a picture.

use super::lr_find::Point;
use facepipe_drawing::plot::{Axis, Chart, Colour, Corner, Mark, Shape};

/// How far above the first loss the picture reaches at most: beyond it a loss only leaves the picture.
const HIGHEST_LOSS: f64 = 1.5;
/// Space above and below the curve, as a share of its height.
const MARGIN: f64 = 0.05;

/// The curve with its mark at the suggested rate.
pub(super) fn chart(points: &[Point], suggestion: f64) -> Chart {
    let rates = || points.iter().map(|point| point.rate.log10());
    let first = rates().fold(f64::INFINITY, f64::min).floor();
    let last = rates().fold(f64::NEG_INFINITY, f64::max).ceil();
    let lowest = points.iter().map(|point| point.smoothed.min(point.loss));
    let low = lowest.fold(f64::INFINITY, f64::min);
    let high = points.iter().map(|point| point.smoothed);
    let high = high.fold(f64::NEG_INFINITY, f64::max);
    let start = points.first().map_or(1.0, |point| point.smoothed);
    let high = high.min(start * HIGHEST_LOSS).max(low + 1e-3);
    let margin = (high - low) * MARGIN;
    let line = |loss: fn(&Point) -> f64| {
        let place = |point: &Point| [point.rate, loss(point)];
        Shape::Line(points.iter().map(place).collect())
    };
    Chart {
        title: "Loss over learning rate".to_owned(),
        x: Axis::powers("learning rate", 10_f64.powf(first), 10_f64.powf(last)),
        y: Axis::even("loss", low - margin, high + margin, false),
        marks: vec![
            Mark::new("each batch", Colour::Muted, line(|point| point.loss)),
            Mark::new("smoothed", Colour::Tone(0), line(|point| point.smoothed)),
            Mark::new(
                format!("suggested: {suggestion}"),
                Colour::Tone(1),
                Shape::Upright(suggestion),
            ),
        ],
        legend: Corner::TopRight,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_curve_falls_to_the_right_and_the_mark_is_at_its_rate() {
        let points: Vec<Point> = (0..=40)
            .map(|step| {
                let rate = 10_f64.powf(-5.0 + f64::from(step) / 10.0);
                let loss = 3.0 - f64::from(step) / 20.0;
                Point {
                    rate,
                    loss: loss + 0.1,
                    smoothed: loss,
                }
            })
            .collect();
        let png = chart(&points, 1e-3).figure().png().expect("draws");
        let picture = image::load_from_memory(&png).expect("a picture").to_rgb8();
        let (width, height) = picture.dimensions();
        let columns_of = |ink: [u8; 3]| -> Vec<u32> {
            let inked = picture
                .enumerate_pixels()
                .filter(|(.., pixel)| pixel.0 == ink);
            inked.map(|(x, ..)| x).collect()
        };
        // The frame goes from 58 to 22 units before the right edge, of two pixels each.
        let middle = f64::from(116 + width - 44) / 2.0;
        let below_the_legend = height / 2;
        let marked: Vec<u32> = (0..width)
            .filter(|x| {
                (below_the_legend..height).any(|y| picture.get_pixel(*x, y).0 == [0xd5, 0x5e, 0x00])
            })
            .collect();
        assert!(!marked.is_empty());
        assert!(
            marked
                .iter()
                .all(|x| (f64::from(*x) + 0.5 - middle).abs() < 2.0),
            "{marked:?}"
        );
        let curve = [0x00, 0x72, 0xb2];
        let highest = |x| (0..height).find(|y| picture.get_pixel(x, *y).0 == curve);
        let columns = columns_of(curve);
        let (first, last) = (columns.iter().min(), columns.iter().max());
        assert!(first.is_some_and(|x| *x < 130) && last.is_some_and(|x| *x > width - 60));
        let (early, later) = (highest(160), highest(width / 2));
        assert!(early.is_some() && early < later, "{early:?} {later:?}");
    }
}
