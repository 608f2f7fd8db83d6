//! Preprocessed images as a batch.

use facepipe_core::types::{InputSpec, Size};
use tch::{Kind, Tensor};

/// A batch of preprocessed images as a tensor on the CPU.
///
/// # Shapes
/// Each image is `[3, height, width]`, the result `[batch, 3, height, width]`.
pub fn input_tensor(images: &[Vec<f32>], input: &InputSpec) -> Tensor {
    let Size { width, height } = input.size;
    let shape = [images.len() as i64, 3, i64::from(height), i64::from(width)];
    let all: Vec<f32> = images.concat();
    Tensor::from_slice(&all).view(shape).to_kind(Kind::Float)
}

#[cfg(test)]
mod tests {
    use super::*;
    use facepipe_faces::preprocess::{imagenet_input, preprocess};
    use image::{Rgb, RgbImage};

    #[test]
    fn rows_and_columns_are_where_they_belong() {
        let input = imagenet_input(Size::new(64, 48));
        let image = RgbImage::from_fn(64, 48, |x, y| Rgb([x as u8, y as u8, 255]));
        let numbers = preprocess(&image, &input);
        let tensor = input_tensor(std::slice::from_ref(&numbers), &input);
        assert_eq!(tensor.size(), [1, 3, 48, 64]);
        let at = |channel, y, x| tensor.double_value(&[0, channel, y, x]) as f32;
        assert_eq!(at(0, 7, 50), numbers[7 * 64 + 50]);
        assert_eq!(at(2, 47, 63), numbers[(2 * 48 + 47) * 64 + 63]);
    }
}
