//! Loss over learning rate as a picture.

use image::{Rgb, RgbImage};

use super::lr_find::Point;
use facepipe_drawing::lettering::{LETTER, write_across, write_upwards};

const WIDTH: u32 = 720;
const HEIGHT: u32 = 440;
/// Space for numbers and words: left, top, right, bottom.
const MARGINS: [u32; 4] = [76, 34, 20, 46];
/// How far above the first loss the picture reaches at most: beyond it a loss only leaves the picture.
const HIGHEST_LOSS: f64 = 1.5;
/// Lines across.
const LINES: u32 = 5;

const BACKGROUND: Rgb<u8> = Rgb([255, 255, 255]);
const INK: Rgb<u8> = Rgb([20, 20, 20]);
const GRID: Rgb<u8> = Rgb([225, 225, 225]);
const PALE: Rgb<u8> = Rgb([170, 190, 225]);
const CURVE: Rgb<u8> = Rgb([30, 80, 180]);
const MARK: Rgb<u8> = Rgb([200, 60, 30]);

/// The part of the numbers that is shown, and where.
struct Frame {
    powers: [f64; 2],
    losses: [f64; 2],
}

impl Frame {
    fn of(points: &[Point]) -> Self {
        let rates = points.iter().map(|point| point.rate.log10());
        let low = points.iter().map(|point| point.smoothed.min(point.loss));
        let low = low.fold(f64::INFINITY, f64::min);
        let high = points.iter().map(|point| point.smoothed);
        let high = high.fold(f64::NEG_INFINITY, f64::max);
        let first = points.first().map_or(1.0, |point| point.smoothed);
        let high = high.min(first * HIGHEST_LOSS).max(low + 1e-3);
        Self {
            powers: [
                rates.clone().fold(f64::INFINITY, f64::min).floor(),
                rates.fold(f64::NEG_INFINITY, f64::max).ceil(),
            ],
            losses: [low - (high - low) * 0.05, high + (high - low) * 0.05],
        }
    }

    fn x(&self, rate: f64) -> f64 {
        let width = f64::from(WIDTH - MARGINS[0] - MARGINS[2]);
        let [from, to] = self.powers;
        f64::from(MARGINS[0]) + (rate.log10() - from) / (to - from).max(1.0) * width
    }

    fn y(&self, loss: f64) -> f64 {
        let height = f64::from(HEIGHT - MARGINS[1] - MARGINS[3]);
        let [from, to] = self.losses;
        f64::from(MARGINS[1]) + (to - loss) / (to - from) * height
    }
}

/// The curve with its mark at the suggested rate.
pub(super) fn draw(points: &[Point], suggestion: f64) -> RgbImage {
    let mut picture = RgbImage::from_pixel(WIDTH, HEIGHT, BACKGROUND);
    let frame = Frame::of(points);
    let (top, bottom) = (f64::from(MARGINS[1]), f64::from(HEIGHT - MARGINS[3]));
    let (left, right) = (f64::from(MARGINS[0]), f64::from(WIDTH - MARGINS[2]));
    for power in frame.powers[0] as i32..=frame.powers[1] as i32 {
        let x = frame.x(10_f64.powi(power));
        line(&mut picture, [x, top], [x, bottom], GRID);
        let text = format!("1e{power}");
        let start = (x as u32).saturating_sub(text.len() as u32 * LETTER / 2);
        write_across(&mut picture, start, HEIGHT - MARGINS[3] + 8, &text, INK);
    }
    for number in 0..LINES {
        let [from, to] = frame.losses;
        let loss = from + (to - from) * f64::from(number) / f64::from(LINES - 1);
        let y = frame.y(loss);
        line(&mut picture, [left, y], [right, y], GRID);
        let text = format!("{loss:.3}");
        let start = MARGINS[0] - 8 - text.len() as u32 * LETTER;
        write_across(&mut picture, start, y as u32 - LETTER / 2, &text, INK);
    }
    let mark = frame.x(suggestion);
    line(&mut picture, [mark, top], [mark, bottom], MARK);
    let places = |loss: fn(&Point) -> f64| {
        let place = |point: &Point| [frame.x(point.rate), frame.y(loss(point)).max(top)];
        points.iter().map(place).collect::<Vec<_>>()
    };
    for (places, ink) in [
        (places(|point| point.loss), PALE),
        (places(|point| point.smoothed), CURVE),
    ] {
        for pair in places.windows(2) {
            line(&mut picture, pair[0], pair[1], ink);
        }
    }
    let title = format!("loss over learning rate; suggested: {suggestion}");
    write_across(&mut picture, MARGINS[0], 12, &title, INK);
    let below = "learning rate (pale: each batch, dark: smoothed)";
    write_across(&mut picture, MARGINS[0] + 90, HEIGHT - 18, below, INK);
    write_upwards(&mut picture, 6, HEIGHT / 2 + 2 * LETTER, "loss", INK);
    picture
}

/// A line two pixels wide; what lies outside the picture is left out.
fn line(picture: &mut RgbImage, from: [f64; 2], to: [f64; 2], ink: Rgb<u8>) {
    let length = (to[0] - from[0]).abs().max((to[1] - from[1]).abs());
    let steps = length.ceil().max(1.0);
    for step in 0..=steps as u32 {
        let share = f64::from(step) / steps;
        let [x, y] = [0, 1].map(|axis: usize| from[axis] + (to[axis] - from[axis]) * share);
        let [x, y] = [x.round() as u32, y.round() as u32];
        for (x, y) in [(x, y), (x + 1, y), (x, y + 1)] {
            if let Some(pixel) = picture.get_pixel_mut_checked(x, y) {
                *pixel = ink;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_curve_falls_to_the_right_and_the_mark_stands_at_its_rate() {
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
        let picture = draw(&points, 1e-3);
        assert_eq!(picture.dimensions(), (WIDTH, HEIGHT));
        let middle = MARGINS[0] + (WIDTH - MARGINS[0] - MARGINS[2]) / 2;
        let marked: Vec<u32> = (0..WIDTH)
            .filter(|x| *picture.get_pixel(*x, HEIGHT - MARGINS[3] - 3) == MARK)
            .collect();
        assert_eq!(marked, [middle, middle + 1]);
        let highest = |x| (0..HEIGHT).find(|y| *picture.get_pixel(x, *y) == CURVE);
        let (first, later) = (highest(MARGINS[0] + 40), highest(WIDTH - MARGINS[2] - 40));
        assert!(first.is_some() && first < later, "{first:?} {later:?}");
    }
}
