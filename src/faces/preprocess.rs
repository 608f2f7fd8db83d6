//! The one way from an image to a network's input, for training, evaluation, export and
//! prediction alike.

use image::RgbImage;

use crate::face_chip;
use facepipe_core::types::{InputSpec, Size};
use facepipe_models::dlib::network_file::CHANNEL_MEANS;

/// Channel means of ImageNet in 0..1, as torchvision's weights expect them.
const IMAGENET_MEAN: [f32; 3] = [0.485, 0.456, 0.406];
/// Channel deviations of ImageNet in 0..1, as torchvision's weights expect them.
const IMAGENET_STD: [f32; 3] = [0.229, 0.224, 0.225];
/// The divisor of pixel values in dlib's network.
const DLIB_SCALE: f32 = 256.0;
/// What SFace subtracts from pixel values, and divides them by then.
const SFACE_MIDDLE: f32 = 127.5;
const SFACE_SCALE: f32 = 128.0;
/// The name of the resize filter in model cards.
pub const INTERPOLATION: &str = "triangle";
/// The name of the channel order in model cards.
pub const CHANNELS: &str = "RGB";

/// The input of networks that start from ImageNet weights, at a size.
#[must_use]
pub fn imagenet_input(size: Size) -> InputSpec {
    InputSpec {
        size,
        channels: CHANNELS.to_owned(),
        scale: 255.0,
        mean: IMAGENET_MEAN,
        std: IMAGENET_STD,
        interpolation: INTERPOLATION.to_owned(),
    }
}

/// The input of dlib's network, at a size: `(value - mean of the channel) / 256`.
#[must_use]
pub fn dlib_input(size: Size) -> InputSpec {
    InputSpec {
        size,
        channels: CHANNELS.to_owned(),
        scale: DLIB_SCALE,
        mean: CHANNEL_MEANS.map(|mean| mean / DLIB_SCALE),
        std: [1.0; 3],
        interpolation: INTERPOLATION.to_owned(),
    }
}

/// The input of SFace, at a size: `(value - 127.5) / 128`.
#[must_use]
pub fn sface_input(size: Size) -> InputSpec {
    InputSpec {
        size,
        channels: CHANNELS.to_owned(),
        scale: SFACE_SCALE,
        mean: [SFACE_MIDDLE / SFACE_SCALE; 3],
        std: [1.0; 3],
        interpolation: INTERPOLATION.to_owned(),
    }
}

/// A chip as numbers: `(value / scale - mean) / std` for each channel. An image of another size is
/// resized as [`face_chip::chip`] does it.
///
/// # Shapes
/// The result is `[3, height, width]`, row by row.
#[must_use]
pub fn preprocess(image: &RgbImage, input: &InputSpec) -> Vec<f32> {
    let Size { width, height } = input.size;
    let resized = face_chip::chip(image, None, input.size);
    let plane = width as usize * height as usize;
    let mut numbers = vec![0.0; 3 * plane];
    for (channel, (mean, std)) in input.mean.into_iter().zip(input.std).enumerate() {
        let target = &mut numbers[channel * plane..(channel + 1) * plane];
        for (number, pixel) in target.iter_mut().zip(resized.pixels()) {
            *number = (f32::from(pixel.0[channel]) / input.scale - mean) / std;
        }
    }
    numbers
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::Rgb;

    #[test]
    fn channels_rows_and_columns_are_where_they_belong() {
        let size = Size::new(64, 48);
        let input = imagenet_input(size);
        let image = RgbImage::from_fn(64, 48, |x, y| Rgb([x as u8, y as u8, 255]));
        let numbers = preprocess(&image, &input);
        assert_eq!(numbers.len(), 3 * 48 * 64);
        let at = |channel: usize, y: usize, x: usize| numbers[(channel * 48 + y) * 64 + x];
        let expected = |value: f32, channel: usize| {
            (value / 255.0 - IMAGENET_MEAN[channel]) / IMAGENET_STD[channel]
        };
        assert!((at(0, 7, 50) - expected(50.0, 0)).abs() < 1e-6);
        assert!((at(1, 7, 50) - expected(7.0, 1)).abs() < 1e-6);
        assert!((at(2, 47, 63) - expected(255.0, 2)).abs() < 1e-6);
    }

    #[test]
    fn shrinking_averages_instead_of_dropping_pixels() {
        let stripes = RgbImage::from_fn(64, 48, |x, _| Rgb([if x % 2 == 0 { 0 } else { 255 }; 3]));
        let mut input = imagenet_input(Size::new(16, 24));
        (input.mean, input.std) = ([0.0; 3], [1.0; 3]);
        let numbers = preprocess(&stripes, &input);
        assert_eq!(numbers.len(), 3 * 16 * 24);
        // Away from the edges each pixel is the mean of black and white.
        for row in numbers.chunks(16) {
            assert!(row[2..14].iter().all(|number| (number - 0.5).abs() < 0.02));
        }
    }
}
