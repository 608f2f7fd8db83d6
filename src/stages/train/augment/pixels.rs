//! Changes to the pixels of a chip.

use image::{Rgb, RgbImage, imageops};
use rand::{Rng, RngExt};

use super::{Augmentation, Movement};
use facepipe_imaging::image_io;

/// Range of a blur's strength: the share of each neighbour's colour that a pixel takes, in both
/// directions. A third is the mean of nine pixels.
const BLUR: [f64; 2] = [0.1, 1.0 / 3.0];
/// The range of a hidden rectangle's ratio of width to height, to either side of 1: that of "random
/// erasing" (Z. Zhong et al., AAAI 2020) is 3.3, which hides whole stripes of a face.
const CUTOUT_STRETCH: f64 = 2.0;
/// Binary digits behind the point of the numbers that pixels are multiplied by.
const DIGITS: u32 = 12;
const ONE: f64 = (1 << DIGITS) as f64;

impl Augmentation {
    /// Light, colour, sharpness and hidden parts, in the order in which a camera and a website would.
    pub(super) fn change_pixels(&self, mut chip: RgbImage, random: &mut impl Rng) -> RgbImage {
        let mut factor = |most: f64| 1.0 + random.random_range(-1.0..=1.0) * most;
        let colours = Colours {
            brightness: factor(self.light),
            contrast: factor(self.light),
            saturation: factor(self.saturation),
        };
        let grey = random.random_bool(self.grey);
        let saturation = if grey { 0.0 } else { colours.saturation };
        let mean = mean_light(&chip);
        recolour(
            &mut chip,
            Colours {
                saturation,
                ..colours
            },
            mean,
        );
        if random.random_bool(self.cutout) {
            self.hide_part(&mut chip, mean * colours.brightness, random);
        }
        if random.random_bool(self.blur) {
            blur(&mut chip, random.random_range(BLUR[0]..=BLUR[1]));
        }
        if random.random_bool(self.low_resolution) {
            chip = with_less_detail(&chip, random.random_range(self.smallest_side..=1.0));
        }
        if random.random_bool(self.jpeg) {
            chip = through_jpeg(chip, random.random_range(self.jpeg_quality..=100));
        }
        chip
    }

    /// Hides a rectangle, some of it possibly outside, under the mean light.
    fn hide_part(&self, chip: &mut RgbImage, light: f64, random: &mut impl Rng) {
        let (width, height) = (chip.width(), chip.height());
        let area = random.random_range(0.0..=self.cutout_area);
        let stretch = random.random_range(-1.0..=1.0) * CUTOUT_STRETCH.ln() / 2.0;
        let mut range = |length: u32, share: f64| {
            let middle = random.random_range(0.0..=1.0);
            let at = |edge: f64| (edge.clamp(0.0, 1.0) * f64::from(length)).round() as u32;
            at(middle - share / 2.0)..at(middle + share / 2.0)
        };
        let columns = range(width, area.sqrt() * stretch.exp());
        let rows = range(height, area.sqrt() * (-stretch).exp());
        let paint = Rgb([light.round().clamp(0.0, 255.0) as u8; 3]);
        for y in rows {
            for x in columns.clone() {
                chip.put_pixel(x, y, paint);
            }
        }
    }
}

/// Factors of the colours.
#[derive(Debug, Clone, Copy)]
struct Colours {
    brightness: f64,
    /// Around the picture's mean light.
    contrast: f64,
    /// Around each pixel's light.
    saturation: f64,
}

/// The mean of all numbers of a picture, 0 to 255.
fn mean_light(image: &RgbImage) -> f64 {
    let bytes = image.as_raw();
    let sum: u64 = bytes.iter().map(|byte| u64::from(*byte)).sum();
    sum as f64 / bytes.len().max(1) as f64
}

/// Multiplies brightness, contrast and saturation; in whole numbers, for it is done to every image.
fn recolour(image: &mut RgbImage, colours: Colours, mean: f64) {
    let gain = colours.brightness * colours.contrast;
    let whole = |number: f64| (number * ONE).round() as i32;
    let offset = whole(mean * colours.brightness * (1.0 - colours.contrast)) + (1 << (DIGITS - 1));
    let own = whole(gain * colours.saturation);
    let shared = whole(gain * (1.0 - colours.saturation));
    for pixel in image.as_chunks_mut::<3>().0 {
        let [red, green, blue] = pixel.map(i32::from);
        // The weights of light in BT.601, as parts of 256.
        let light = (77 * red + 150 * green + 29 * blue) >> 8;
        let same = light * shared + offset;
        *pixel =
            [red, green, blue].map(|value| ((value * own + same) >> DIGITS).clamp(0, 255) as u8);
    }
}

/// Each pixel takes `share` of its neighbours' colour on either side, across and then down.
fn blur(image: &mut RgbImage, share: f64) {
    let side = (share * 256.0).round() as u32;
    let middle = 256 - 2 * side;
    let (width, height) = (image.width() as usize, image.height() as usize);
    let mix = |before: u8, here: u8, after: u8| {
        let sum = side * (u32::from(before) + u32::from(after)) + middle * u32::from(here);
        ((sum + 128) >> 8) as u8
    };
    let row = 3 * width;
    let source = image.as_raw().clone();
    let mut across = source.clone();
    for (from, to) in source.chunks_exact(row).zip(across.chunks_exact_mut(row)) {
        for index in 3..row.saturating_sub(3) {
            to[index] = mix(from[index - 3], from[index], from[index + 3]);
        }
    }
    let target: &mut [u8] = image;
    target.copy_from_slice(&across);
    for index in row..(row * height).saturating_sub(row) {
        target[index] = mix(across[index - row], across[index], across[index + row]);
    }
}

/// The picture shrunk to this share of its sides and enlarged again.
fn with_less_detail(image: &RgbImage, share: f64) -> RgbImage {
    let (width, height) = image.dimensions();
    let less = |side: u32| ((f64::from(side) * share).round() as u32).clamp(1, side);
    let small = imageops::thumbnail(image, less(width), less(height));
    imageops::resize(&small, width, height, imageops::FilterType::Triangle)
}

/// As a JPEG file of this quality shows it.
fn through_jpeg(image: RgbImage, quality: u8) -> RgbImage {
    let decoded = image_io::encode_jpeg(&image, quality)
        .ok()
        .and_then(|bytes| image_io::decode(&bytes).ok());
    decoded.map_or(image, |decoded| decoded.rgb)
}

/// A picture turned about its centre, moved and scaled, in its own size; bilinear, and beyond its edge
/// as at the edge.
pub(super) fn moved(picture: &RgbImage, movement: Movement) -> RgbImage {
    let (width, height) = (f64::from(picture.width()), f64::from(picture.height()));
    let (sine, cosine) = movement.angle.sin_cos();
    let along = [cosine * movement.zoom, sine * movement.zoom];
    let centre = [(width - 1.0) / 2.0, (height - 1.0) / 2.0];
    let middle = [
        centre[0] + movement.shift[0] * width,
        centre[1] + movement.shift[1] * height,
    ];
    let last = [width - 1.0, height - 1.0];
    let mut result = RgbImage::new(picture.width(), picture.height());
    for (column, row, pixel) in result.enumerate_pixels_mut() {
        let (dx, dy) = (f64::from(column) - centre[0], f64::from(row) - centre[1]);
        let x = (middle[0] + along[0] * dx - along[1] * dy).clamp(0.0, last[0]);
        let y = (middle[1] + along[1] * dx + along[0] * dy).clamp(0.0, last[1]);
        *pixel = bilinear(picture, x, y);
    }
    result
}

/// The colour at a place inside of the picture.
fn bilinear(picture: &RgbImage, x: f64, y: f64) -> Rgb<u8> {
    let (left, top) = (x as u32, y as u32);
    let right = (left + 1).min(picture.width() - 1);
    let below = (top + 1).min(picture.height() - 1);
    let part = |place: f64, start: u32| ((place - f64::from(start)) * 256.0) as u32;
    let (part_x, part_y) = (part(x, left), part(y, top));
    let colours = [(left, top), (right, top), (left, below), (right, below)]
        .map(|(x, y)| picture.get_pixel(x, y).0.map(u32::from));
    Rgb(std::array::from_fn(|channel| {
        let [first, second, third, fourth] = colours.map(|colour| colour[channel]);
        let upper = first * (256 - part_x) + second * part_x;
        let lower = third * (256 - part_x) + fourth * part_x;
        ((upper * (256 - part_y) + lower * part_y + (1 << 15)) >> 16) as u8
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    const UNCHANGED: Colours = Colours {
        brightness: 1.0,
        contrast: 1.0,
        saturation: 1.0,
    };

    fn two_halves(left: [u8; 3], right: [u8; 3]) -> RgbImage {
        RgbImage::from_fn(64, 48, |x, _| Rgb(if x < 32 { left } else { right }))
    }

    #[test]
    fn light_changes_around_the_mean() {
        let mut image = two_halves([80; 3], [120; 3]);
        let mean = mean_light(&image);
        let colours = Colours {
            brightness: 1.5,
            contrast: 0.5,
            ..UNCHANGED
        };
        recolour(&mut image, colours, mean);
        assert_eq!(image.get_pixel(0, 0).0, [135; 3]);
        assert_eq!(image.get_pixel(63, 0).0, [165; 3]);
    }

    #[test]
    fn colours_fade_to_the_pixels_light_and_nothing_changes_by_ones() {
        let before = two_halves([200, 40, 0], [0, 0, 255]);
        let mut image = before.clone();
        recolour(&mut image, UNCHANGED, mean_light(&before));
        assert_eq!(image, before);
        let grey = Colours {
            saturation: 0.0,
            ..UNCHANGED
        };
        recolour(&mut image, grey, mean_light(&before));
        assert_eq!(image.get_pixel(0, 0).0, [83; 3]);
        assert_eq!(image.get_pixel(40, 9).0, [28; 3]);
    }

    #[test]
    fn a_blur_mixes_neighbours_in_both_directions() {
        let mut image = RgbImage::new(64, 48);
        image.put_pixel(10, 20, Rgb([0, 255, 0]));
        blur(&mut image, 0.25);
        let green = |x, y| image.get_pixel(x, y).0[1];
        assert_eq!([green(10, 20), green(9, 20), green(10, 21)], [64, 32, 32]);
        assert_eq!([green(11, 21), green(12, 20), green(10, 22)], [16, 0, 0]);
        assert_eq!(image.get_pixel(10, 20).0[0], 0);
    }

    #[test]
    fn less_detail_and_jpeg_keep_the_size_and_most_of_the_picture() {
        let image = RgbImage::from_fn(64, 48, |x, y| Rgb([x as u8 * 3, y as u8 * 4, 90]));
        for changed in [
            with_less_detail(&image, 0.3),
            through_jpeg(image.clone(), 30),
        ] {
            assert_eq!(changed.dimensions(), (64, 48));
            assert_ne!(changed, image);
            let pairs = changed.as_raw().iter().zip(image.as_raw());
            let sum: u32 = pairs.map(|(one, two)| u32::from(one.abs_diff(*two))).sum();
            let mean = f64::from(sum) / image.as_raw().len() as f64;
            assert!(mean < 8.0, "{mean}");
        }
    }

    #[test]
    fn a_quarter_turn_and_a_shift_move_a_point() {
        let mut image = RgbImage::new(65, 49);
        image.put_pixel(42, 24, Rgb([255, 0, 0]));
        let quarter = Movement {
            angle: std::f64::consts::FRAC_PI_2,
            zoom: 1.0,
            shift: [0.0; 2],
        };
        // The sampled square is turned clockwise, so the face turns the other way.
        assert_eq!(moved(&image, quarter).get_pixel(32, 14).0, [255, 0, 0]);
        let right = Movement {
            angle: 0.0,
            zoom: 1.0,
            shift: [10.0 / 65.0, 0.0],
        };
        assert_eq!(moved(&image, right).get_pixel(32, 24).0, [255, 0, 0]);
    }
}
