//! One step of dlib's image pyramid: half the size, after a blur.
//!
//! dlib's `pyramid_down<2>` on 8-bit colour images.

use image::RgbImage;

use facepipe_core::types::Size;

/// Weights of the blur, along rows and along columns.
const WEIGHTS: [u32; 5] = [1, 4, 6, 4, 1];
/// The sum of the weights of both directions.
const TOTAL: u32 = 256;
/// Pixels at each edge that the blur has no room for, together.
const BORDER: u32 = 3;

/// Half the image: `(width - 3) / 2` x `(height - 3) / 2` pixels, rounded down; empty where the
/// image is smaller than the blur.
///
/// Sums are whole numbers; the last division is rounded down.
#[must_use]
pub fn halve(image: &RgbImage) -> RgbImage {
    let Size { width, height } = halve_size(Size::of(image));
    let mut smaller = RgbImage::new(width, height);
    if width == 0 || height == 0 {
        return smaller;
    }
    let row_bytes = 3 * image.width() as usize;
    let source_rows: Vec<&[u8]> = image.as_raw().chunks_exact(row_bytes).collect();
    let mut blurred = vec![0_u32; row_bytes];
    for (row, target) in smaller.chunks_exact_mut(3 * width as usize).enumerate() {
        blur_columns(&source_rows[2 * row..2 * row + WEIGHTS.len()], &mut blurred);
        for (column, pixel) in target.chunks_exact_mut(3).enumerate() {
            let window = &blurred[6 * column..6 * column + 3 * WEIGHTS.len()];
            for (channel, value) in pixel.iter_mut().enumerate() {
                let taps = window[channel..].iter().step_by(3);
                let sum: u32 = taps.zip(WEIGHTS).map(|(tap, weight)| tap * weight).sum();
                *value = (sum / TOTAL) as u8;
            }
        }
    }
    smaller
}

/// The size of the half of an image of a size.
#[must_use]
pub fn halve_size(size: Size) -> Size {
    let half = |side: u32| side.saturating_sub(BORDER) / 2;
    Size::new(half(size.width), half(size.height))
}

/// The weighted sum of five rows.
fn blur_columns(rows: &[&[u8]], blurred: &mut [u32]) {
    blurred.fill(0);
    for (row, weight) in rows.iter().zip(WEIGHTS) {
        for (sum, value) in blurred.iter_mut().zip(*row) {
            *sum += weight * u32::from(*value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::Rgb;

    #[test]
    fn sizes_and_sums_round_down() {
        let image = RgbImage::from_fn(64, 47, |x, y| Rgb([x as u8, y as u8, 200]));
        let smaller = halve(&image);
        assert_eq!(Size::of(&smaller), Size::new(30, 22));
        // The blur is centred two pixels in; on an even ramp it changes nothing.
        assert_eq!(smaller.get_pixel(3, 5), &Rgb([8, 12, 200]));
        let mut dot = RgbImage::new(9, 7);
        dot.put_pixel(2, 2, Rgb([255, 7, 0]));
        // 255 * 36 / 256 is 35.9, 7 * 36 / 256 is 0.98.
        assert_eq!(halve(&dot).get_pixel(0, 0), &Rgb([35, 0, 0]));
    }

    #[test]
    fn images_smaller_than_the_blur_become_empty() {
        for (width, height) in [(0, 0), (4, 9), (9, 4), (2, 2)] {
            assert_eq!(halve(&RgbImage::new(width, height)).len(), 0);
        }
    }
}
