//! dlib's face chip: the picture of a face, turned upright, that the embedding network sees.
//!
//! `get_face_chip` and `extract_image_chips` of dlib's `interpolation.h` for one face: the same
//! bytes, given the same landmarks.

use image::{Rgb, RgbImage, imageops};

use super::pyramid;
use super::similarity::Similarity;
use crate::types::DlibLandmarks5;

/// Width and height of a chip in pixels: the input of dlib's network.
pub const CHIP_SIDE: u32 = 150;
/// Space around the face, as a share of the mean face's side: what dlib's network was trained with.
const PADDING: f64 = 0.25;
/// Where the landmarks of the mean face lie, in 0..1 (dlib's `get_face_chip_details`).
const MEAN_FACE: [[f64; 2]; 5] = [
    [0.8595674595992, 0.2134981538014],
    [0.6460604764104, 0.2289674387677],
    [0.1205750620789, 0.2137274526848],
    [0.3340850613712, 0.2290642403242],
    [0.4901123135679, 0.6277975316475],
];
/// How far a halved picture is shifted, in its pixels: the blur takes more at the left and the top.
const HALVING_SHIFT: [f64; 2] = [1.25, 0.75];
/// Pixels of a chip: a picture is halved as long as the face's square has more than that.
const CHIP_AREA: f64 = (CHIP_SIDE * CHIP_SIDE) as f64;

/// The square of a photo that becomes a chip.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ChipPlace {
    /// First column of the square before it is turned, in pixels.
    pub left: f64,
    /// First row.
    pub top: f64,
    /// Last column.
    pub right: f64,
    /// Last row.
    pub bottom: f64,
    /// By how much it is turned about its centre, in radians, clockwise on the screen.
    pub angle: f64,
}

impl ChipPlace {
    /// The square in which a face with these landmarks looks most like the mean face.
    #[must_use]
    pub fn of(landmarks: &DlibLandmarks5) -> Self {
        let side = f64::from(CHIP_SIDE);
        let mean_face = MEAN_FACE
            .map(|point| point.map(|number| (PADDING + number) / (2.0 * PADDING + 1.0) * side));
        let face = landmarks.0.map(|point| point.map(f64::from));
        let to_photo = Similarity::between(&mean_face, &face);
        let [x, y] = to_photo.apply([side / 2.0; 2]);
        let half = (to_photo.a.hypot(to_photo.b) * side - 1.0) / 2.0;
        Self {
            left: x - half,
            top: y - half,
            right: x + half,
            bottom: y + half,
            angle: to_photo.b.atan2(to_photo.a),
        }
    }

    /// The square's place after the picture is halved.
    fn halved(self) -> Self {
        let [x, y] = HALVING_SHIFT;
        Self {
            left: self.left / 2.0 - x,
            top: self.top / 2.0 - y,
            right: self.right / 2.0 - x,
            bottom: self.bottom / 2.0 - y,
            angle: self.angle,
        }
    }

    /// Its place in a picture that begins at `corner`.
    fn relative_to(self, [x, y]: [f64; 2]) -> Self {
        Self {
            left: self.left - x,
            top: self.top - y,
            right: self.right - x,
            bottom: self.bottom - y,
            angle: self.angle,
        }
    }

    fn area(self) -> f64 {
        (self.right - self.left + 1.0) * (self.bottom - self.top + 1.0)
    }

    /// The turned corners: top left, top right, bottom left, bottom right.
    fn corners(self) -> [[f64; 2]; 4] {
        let centre = [
            (self.left + self.right) / 2.0,
            (self.top + self.bottom) / 2.0,
        ];
        let (sine, cosine) = self.angle.sin_cos();
        [
            [self.left, self.top],
            [self.right, self.top],
            [self.left, self.bottom],
            [self.right, self.bottom],
        ]
        .map(|[x, y]| {
            let (dx, dy) = (x - centre[0], y - centre[1]);
            [
                cosine * dx - sine * dy + centre[0],
                sine * dx + cosine * dy + centre[1],
            ]
        })
    }
}

/// The chip of a face: 150 x 150 pixels, black where it reaches over the photo's edge.
#[must_use]
pub fn cut(photo: &RgbImage, landmarks: &DlibLandmarks5) -> RgbImage {
    cut_at(photo, ChipPlace::of(landmarks))
}

fn cut_at(photo: &RgbImage, place: ChipPlace) -> RgbImage {
    let Halvings { depth, margin } = Halvings::of(place);
    let Some(crop) = Crop::around(photo, place, margin) else {
        return RgbImage::new(CHIP_SIDE, CHIP_SIDE);
    };
    let mut picture = crop.picture;
    let mut place = place.relative_to(crop.corner);
    for _ in 0..depth {
        picture = pyramid::halve(&picture);
        place = place.halved();
    }
    sample(&picture, place)
}

/// How often a picture is halved before the chip is sampled from it.
struct Halvings {
    depth: u32,
    /// Pixels around the face's square that the blurs need.
    margin: f64,
}

impl Halvings {
    /// Halved as long as the square then still has at least as many pixels as the chip. A square
    /// with a side of 2^32 pixels, far beyond any picture, is halved 25 times.
    fn of(place: ChipPlace) -> Self {
        const MOST: u32 = 25;
        let (mut depth, mut margin) = (0, 2.0);
        let mut smaller = place.halved();
        while smaller.area() > CHIP_AREA && depth < MOST {
            smaller = smaller.halved();
            depth += 1;
            margin = 2.0 * margin + 2.0;
        }
        Self { depth, margin }
    }
}

/// The part of a photo that a chip needs.
struct Crop {
    picture: RgbImage,
    /// Its first column and row in the photo.
    corner: [f64; 2],
}

impl Crop {
    /// `None` where the square lies outside the photo.
    fn around(photo: &RgbImage, place: ChipPlace, margin: f64) -> Option<Self> {
        let corners = place.corners();
        let range = |axis: usize, side: u32| {
            let values = corners.map(|corner| corner[axis]);
            let last = f64::from(side) - 1.0;
            let first = values.iter().copied().fold(f64::INFINITY, f64::min) - margin;
            let end = values.iter().copied().fold(f64::NEG_INFINITY, f64::max) + margin;
            let (first, end) = (first.max(0.0).round(), end.min(last).round());
            (first <= end).then_some((first, end))
        };
        let (left, right) = range(0, photo.width())?;
        let (top, bottom) = range(1, photo.height())?;
        let (width, height) = (right - left + 1.0, bottom - top + 1.0);
        let view = imageops::crop_imm(photo, left as u32, top as u32, width as u32, height as u32);
        Some(Self {
            picture: view.to_image(),
            corner: [left, top],
        })
    }
}

/// Samples the turned square, bilinear in double precision and rounded down.
fn sample(picture: &RgbImage, place: ChipPlace) -> RgbImage {
    let steps = f64::from(CHIP_SIDE) - 1.0;
    let [start, along, down, _] = place.corners();
    let step = |end: [f64; 2]| [(end[0] - start[0]) / steps, (end[1] - start[1]) / steps];
    let (along, down) = (step(along), step(down));
    RgbImage::from_fn(CHIP_SIDE, CHIP_SIDE, |column, row| {
        let (column, row) = (f64::from(column), f64::from(row));
        let x = along[0] * column + down[0] * row + start[0];
        let y = along[1] * column + down[1] * row + start[1];
        bilinear(picture, x, y)
    })
}

fn bilinear(picture: &RgbImage, x: f64, y: f64) -> Rgb<u8> {
    let (left, top) = (x.floor(), y.floor());
    let inside = left >= 0.0
        && top >= 0.0
        && left + 1.0 < f64::from(picture.width())
        && top + 1.0 < f64::from(picture.height());
    if !inside {
        return Rgb([0; 3]);
    }
    let (fraction_x, fraction_y) = (x - left, y - top);
    let (left, top) = (left as u32, top as u32);
    let row = |y| {
        (
            picture.get_pixel(left, y).0,
            picture.get_pixel(left + 1, y).0,
        )
    };
    let (upper, lower) = (row(top), row(top + 1));
    Rgb(std::array::from_fn(|channel| {
        let mix = |(left, right): ([u8; 3], [u8; 3])| {
            (1.0 - fraction_x) * f64::from(left[channel]) + fraction_x * f64::from(right[channel])
        };
        ((1.0 - fraction_y) * mix(upper) + fraction_y * mix(lower)) as u8
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Landmarks of an upright mean face whose square has this corner and side.
    fn mean_face(left: f64, top: f64, side: f64) -> DlibLandmarks5 {
        let at = |start: f64, number: f64| (start + (0.25 + number) / 1.5 * side).round() as i32;
        DlibLandmarks5(MEAN_FACE.map(|[x, y]| [at(left, x), at(top, y)]))
    }

    #[test]
    fn the_place_of_an_upright_face() {
        let place = ChipPlace::of(&mean_face(200.0, 100.0, 600.0));
        assert!((place.left - 200.0).abs() < 1.5 && (place.top - 100.0).abs() < 1.5);
        assert!((place.right - 799.0).abs() < 1.5 && (place.bottom - 699.0).abs() < 1.5);
        assert!(place.angle.abs() < 2e-3);
    }

    #[test]
    fn large_faces_are_halved_and_small_ones_are_not() {
        for (side, depth) in [(150.0, 0), (295.0, 0), (305.0, 1), (640.0, 2)] {
            let place = ChipPlace::of(&mean_face(0.0, 0.0, side));
            assert_eq!(Halvings::of(place).depth, depth, "{side}");
        }
    }

    #[test]
    fn beyond_the_edge_it_is_black_and_far_outside_nothing_happens() {
        let photo = RgbImage::from_pixel(64, 48, Rgb([200, 100, 50]));
        let chip = cut(&photo, &mean_face(-40.0, -30.0, 80.0));
        assert_eq!(chip.get_pixel(0, 0), &Rgb([0; 3]));
        assert_eq!(chip.get_pixel(100, 100), &Rgb([200, 100, 50]));
        for left in [-5000.0, 5000.0, 1e9] {
            let chip = cut(&photo, &mean_face(left, 0.0, 400.0));
            assert!(chip.iter().all(|value| *value == 0), "{left}");
        }
        let extreme = DlibLandmarks5([
            [i32::MAX, i32::MIN],
            [i32::MAX, 0],
            [i32::MIN, 7],
            [0, i32::MAX],
            [i32::MIN, i32::MIN],
        ]);
        assert_eq!(cut(&photo, &extreme).dimensions(), (CHIP_SIDE, CHIP_SIDE));
        let point = DlibLandmarks5([[9, 9]; 5]);
        assert_eq!(cut(&photo, &point).dimensions(), (CHIP_SIDE, CHIP_SIDE));
    }

    #[test]
    fn sampling_rounds_down() {
        let mut picture = RgbImage::new(3, 2);
        picture.put_pixel(1, 0, Rgb([255, 3, 1]));
        // A quarter of the way from 0 to 255 is 63.75.
        assert_eq!(bilinear(&picture, 0.25, 0.0), Rgb([63, 0, 0]));
        assert_eq!(bilinear(&picture, 2.0, 0.0), Rgb([0; 3]));
    }
}
