//! dlib's face chip: the picture of a face, turned upright, that the embedding network sees.
//!
//! `get_face_chip` and `extract_image_chips` of dlib's `interpolation.h` for one face: the same
//! bytes, given the same landmarks.

use image::{Rgb, RgbImage, imageops};

use super::pyramid;
pub use super::pyramid::{halve, halve_size};
use super::similarity::Similarity;
use facepipe_core::types::{ChipSpec, ChipSquare, CropPlace, EyeCornersNose, Size};

/// Width and height of a chip in pixels: the input of dlib's network.
pub const CHIP_SIDE: u32 = 150;
/// Space around the face, as a share of the mean face's side: what dlib's network was trained with.
const PADDING: f64 = ChipSpec::PADDING;
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

/// The square in which a face with these landmarks looks most like the mean face.
#[must_use]
pub fn square_of(landmarks: &EyeCornersNose) -> ChipSquare {
    let side = f64::from(CHIP_SIDE);
    let mean_face = MEAN_FACE
        .map(|point| point.map(|number| (PADDING + number) / (2.0 * PADDING + 1.0) * side));
    let face = landmarks.0.map(|point| point.map(f64::from));
    let to_photo = Similarity::between(&mean_face, &face);
    let [x, y] = to_photo.apply([side / 2.0; 2]);
    let half = (to_photo.a.hypot(to_photo.b) * side - 1.0) / 2.0;
    ChipSquare {
        left: x - half,
        top: y - half,
        right: x + half,
        bottom: y + half,
        angle: to_photo.b.atan2(to_photo.a),
    }
}

/// The square's place after the picture is halved.
pub fn halved(square: ChipSquare) -> ChipSquare {
    let [x, y] = HALVING_SHIFT;
    ChipSquare {
        left: square.left / 2.0 - x,
        top: square.top / 2.0 - y,
        right: square.right / 2.0 - x,
        bottom: square.bottom / 2.0 - y,
        angle: square.angle,
    }
}

/// A point's place after the picture is halved.
#[must_use]
pub fn halved_point([x, y]: [f32; 2]) -> [f32; 2] {
    let [right, down] = HALVING_SHIFT;
    [x / 2.0 - right as f32, y / 2.0 - down as f32]
}

/// Its place in a picture that begins at `corner`.
fn relative_to(square: ChipSquare, [x, y]: [f64; 2]) -> ChipSquare {
    ChipSquare {
        left: square.left - x,
        top: square.top - y,
        right: square.right - x,
        bottom: square.bottom - y,
        angle: square.angle,
    }
}

/// The chip that dlib's network sees: 150 x 150 pixels, black where it reaches over the photo's
/// edge.
#[must_use]
pub fn cut(photo: &RgbImage, landmarks: &EyeCornersNose) -> RgbImage {
    let place = CropPlace::in_picture(square_of(landmarks), None);
    cut_from(photo, &place, Size::new(CHIP_SIDE, CHIP_SIDE))
}

/// The same from a part of a picture, in any size: the very pixels that the whole picture gives,
/// where the part holds all that the chip needs.
#[must_use]
pub fn cut_from(part: &RgbImage, place: &CropPlace, size: Size) -> RgbImage {
    let square = place.square;
    let unscaled = size.width == size.height && square.side() == f64::from(size.width);
    if square.angle == 0.0 && unscaled {
        return copy(part, place, size);
    }
    let Halvings { depth, margin } = Halvings::of(square, size);
    let Some(crop) = Crop::around(part, place, margin) else {
        return RgbImage::new(size.width, size.height);
    };
    let mut picture = crop.picture;
    let mut square = relative_to(square, crop.corner);
    for _ in 0..depth {
        picture = pyramid::halve(&picture);
        square = halved(square);
    }
    sample(&picture, square, size)
}

/// A square that is neither turned nor scaled is not sampled, but moved to whole pixels.
fn copy(part: &RgbImage, place: &CropPlace, size: Size) -> RgbImage {
    let start = |edge: f64, corner: u32| (edge + 0.5).floor() - f64::from(corner);
    let left = start(place.square.left, place.corner[0]);
    let top = start(place.square.top, place.corner[1]);
    RgbImage::from_fn(size.width, size.height, |column, row| {
        let (x, y) = (left + f64::from(column), top + f64::from(row));
        let inside =
            x >= 0.0 && y >= 0.0 && x < f64::from(part.width()) && y < f64::from(part.height());
        if inside {
            *part.get_pixel(x as u32, y as u32)
        } else {
            Rgb([0; 3])
        }
    })
}

/// How often a picture is halved before the chip is sampled from it.
pub struct Halvings {
    pub(crate) depth: u32,
    /// Pixels around the face's square that the blurs need.
    pub margin: f64,
}

impl Halvings {
    /// Halved as long as the square then still has at least as many pixels as the chip. A square
    /// with a side of 2^32 pixels, far beyond any picture, is halved 25 times.
    pub fn of(square: ChipSquare, chip: Size) -> Self {
        const MOST: u32 = 25;
        let (mut depth, mut margin) = (0, 2.0);
        let mut smaller = halved(square);
        while smaller.side() * smaller.side() > chip.area() as f64 && depth < MOST {
            smaller = halved(smaller);
            depth += 1;
            margin = 2.0 * margin + 2.0;
        }
        Self { depth, margin }
    }
}

/// The part of a picture that a chip needs.
struct Crop {
    picture: RgbImage,
    /// Its first column and row in the picture that the square is measured in.
    corner: [f64; 2],
}

impl Crop {
    /// `None` where the square lies outside the picture.
    fn around(part: &RgbImage, place: &CropPlace, margin: f64) -> Option<Self> {
        let corners = place.square.corners();
        let range = |axis: usize, side: u32| {
            let values = corners.map(|corner| corner[axis]);
            let start = f64::from(place.corner[axis]);
            let last = start + f64::from(side) - 1.0;
            let first = values.iter().copied().fold(f64::INFINITY, f64::min) - margin;
            let end = values.iter().copied().fold(f64::NEG_INFINITY, f64::max) + margin;
            let (first, end) = (first.max(start).round(), end.min(last).round());
            (first <= end).then_some((first - start, end - first + 1.0, first))
        };
        let (left, width, first_column) = range(0, part.width())?;
        let (top, height, first_row) = range(1, part.height())?;
        let view = imageops::crop_imm(part, left as u32, top as u32, width as u32, height as u32);
        Some(Self {
            picture: view.to_image(),
            corner: [first_column, first_row],
        })
    }
}

/// Samples the turned square, bilinear in double precision and rounded down.
fn sample(picture: &RgbImage, square: ChipSquare, size: Size) -> RgbImage {
    let [start, along, down, _] = square.corners();
    let step = |end: [f64; 2], pixels: u32| {
        let steps = f64::from(pixels.max(2)) - 1.0;
        [(end[0] - start[0]) / steps, (end[1] - start[1]) / steps]
    };
    let (along, down) = (step(along, size.width), step(down, size.height));
    RgbImage::from_fn(size.width, size.height, |column, row| {
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
    fn mean_face(left: f64, top: f64, side: f64) -> EyeCornersNose {
        let at = |start: f64, number: f64| (start + (0.25 + number) / 1.5 * side).round() as i32;
        EyeCornersNose(MEAN_FACE.map(|[x, y]| [at(left, x), at(top, y)]))
    }

    #[test]
    fn the_place_of_an_upright_face() {
        let place = square_of(&mean_face(200.0, 100.0, 600.0));
        assert!((place.left - 200.0).abs() < 1.5 && (place.top - 100.0).abs() < 1.5);
        assert!((place.right - 799.0).abs() < 1.5 && (place.bottom - 699.0).abs() < 1.5);
        assert!(place.angle.abs() < 2e-3);
    }

    #[test]
    fn large_faces_are_halved_and_small_ones_are_not() {
        for (side, depth) in [(150.0, 0), (295.0, 0), (305.0, 1), (640.0, 2)] {
            let square = square_of(&mean_face(0.0, 0.0, side));
            let chip = Size::new(CHIP_SIDE, CHIP_SIDE);
            assert_eq!(Halvings::of(square, chip).depth, depth, "{side}");
        }
    }

    #[test]
    fn a_part_of_a_picture_gives_the_pixels_of_the_whole() {
        let photo = RgbImage::from_fn(640, 480, |x, y| {
            Rgb([
                (x * 7 % 251) as u8,
                (y * 5 % 241) as u8,
                (x * y % 239) as u8,
            ])
        });
        let landmarks =
            EyeCornersNose([[400, 160], [352, 170], [222, 195], [274, 188], [328, 270]]);
        let square = square_of(&landmarks);
        assert!(square.side() > 300.0 && square.angle < -0.1, "{square:?}");
        let (left, top) = (41, 3);
        let part = imageops::crop_imm(&photo, left, top, 560, 470).to_image();
        let in_part = CropPlace {
            corner: [left, top],
            ..CropPlace::in_picture(square, None)
        };
        let chip = cut_from(&part, &in_part, Size::new(150, 150));
        assert!(chip == cut(&photo, &landmarks));
        let wide = cut_from(&part, &in_part, Size::new(64, 48));
        assert_eq!(wide.dimensions(), (64, 48));
    }

    #[test]
    fn a_square_of_the_chips_own_pixels_is_copied() {
        let photo = RgbImage::from_fn(64, 48, |x, y| Rgb([x as u8, y as u8, 9]));
        let square = ChipSquare {
            left: 9.7,
            top: -1.2,
            right: 41.7,
            bottom: 30.8,
            angle: 0.0,
        };
        let place = CropPlace::in_picture(square, None);
        let chip = cut_from(&photo, &place, Size::new(33, 33));
        assert_eq!(chip.get_pixel(0, 0), &Rgb([0; 3]));
        assert_eq!(chip.get_pixel(2, 5), &Rgb([12, 4, 9]));
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
        let extreme = EyeCornersNose([
            [i32::MAX, i32::MIN],
            [i32::MAX, 0],
            [i32::MIN, 7],
            [0, i32::MAX],
            [i32::MIN, i32::MIN],
        ]);
        assert_eq!(cut(&photo, &extreme).dimensions(), (CHIP_SIDE, CHIP_SIDE));
        let point = EyeCornersNose([[9, 9]; 5]);
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
