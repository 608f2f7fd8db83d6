//! Changes to training images: mirrored, cut, stretched, lit otherwise.

use image::{RgbImage, imageops};
use rand::{Rng, RngExt};

use super::settings::Augmentation;
use crate::types::{PixelRect, Size};

impl Augmentation {
    /// Changes an image by random numbers; its size may change.
    pub(super) fn apply(&self, image: &RgbImage, random: &mut impl Rng) -> RgbImage {
        let part = self.part(Size::of(image), random);
        let (width, height) = (part.size().width, part.size().height);
        let mut changed = imageops::crop_imm(image, part.left, part.top, width, height).to_image();
        if self.flip && random.random_bool(0.5) {
            imageops::flip_horizontal_in_place(&mut changed);
        }
        let mut factor = || 1.0 + random.random_range(-1.0..=1.0) * self.max_light;
        relight(&mut changed, factor(), factor());
        changed
    }

    /// A part of an image of at least `min_area`, stretched by at most `max_stretch`, anywhere.
    fn part(&self, size: Size, random: &mut impl Rng) -> PixelRect {
        let area = random.random_range(self.min_area..=1.0);
        let stretch = self.max_stretch.ln() * random.random_range(-1.0..=1.0);
        let side = |length: u32, stretch: f64| {
            let share = area.sqrt() * stretch.exp();
            ((f64::from(length) * share).round() as u32).clamp(1, length)
        };
        let width = side(size.width, stretch / 2.0);
        let height = side(size.height, -stretch / 2.0);
        let left = random.random_range(0..=size.width - width);
        let top = random.random_range(0..=size.height - height);
        PixelRect {
            left,
            top,
            right: left + width,
            bottom: top + height,
        }
    }
}

/// Multiplies brightness, then contrast around the picture's mean.
fn relight(image: &mut RgbImage, brightness: f64, contrast: f64) {
    let bytes = image.as_raw();
    let sum: u64 = bytes.iter().map(|byte| u64::from(*byte)).sum();
    let mean = sum as f64 / bytes.len().max(1) as f64 * brightness;
    let table: Vec<u8> = (0..=u8::MAX)
        .map(|byte| {
            let bright = f64::from(byte) * brightness;
            ((bright - mean) * contrast + mean)
                .round()
                .clamp(0.0, 255.0) as u8
        })
        .collect();
    for byte in image.iter_mut() {
        *byte = table[usize::from(*byte)];
    }
}

#[cfg(test)]
mod tests {
    use super::super::order::{Purpose, generator};
    use super::*;
    use image::Rgb;

    fn picture() -> RgbImage {
        RgbImage::from_fn(64, 48, |x, y| Rgb([x as u8 * 3, y as u8 * 4, 90]))
    }

    #[test]
    fn the_same_numbers_change_an_image_the_same_way() {
        let change = |position| {
            let mut random = generator(3, Purpose::Augmentation, 1, position);
            Augmentation::default().apply(&picture(), &mut random)
        };
        assert_eq!(change(0), change(0));
        assert_ne!(change(0), change(1));
    }

    #[test]
    fn parts_lie_inside_and_are_large_enough() {
        let augmentation = Augmentation::default();
        let size = Size::new(64, 48);
        for position in 0..500 {
            let mut random = generator(0, Purpose::Augmentation, 1, position);
            let part = augmentation.part(size, &mut random);
            assert!(part.right <= 64 && part.bottom <= 48, "{part:?}");
            let share = part.size().area() as f64 / size.area() as f64;
            assert!(share > augmentation.min_area - 0.05, "{share}");
        }
    }

    #[test]
    fn light_changes_around_the_mean() {
        let mut image = RgbImage::from_fn(64, 48, |x, _| Rgb([if x < 32 { 80 } else { 120 }; 3]));
        relight(&mut image, 1.5, 0.5);
        assert_eq!(image.get_pixel(0, 0).0, [135; 3]);
        assert_eq!(image.get_pixel(63, 0).0, [165; 3]);
    }
}
