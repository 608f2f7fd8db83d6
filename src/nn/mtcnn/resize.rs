//! Parts of a photo at another size, as MTCNN's networks take them in.

use std::ops::Range;

use image::RgbImage;
use tch::{TchError, Tensor};

use facepipe_core::types::{PixelRect, Size};

/// Channels of a pixel.
const CHANNELS: usize = 3;
/// The networks take in `(value - MIDDLE) * STEP`, about -1 to 1.
const MIDDLE: f32 = 127.5;
const STEP: f32 = 0.007_812_5;

/// Pictures of one size that become one batch.
pub(super) struct Pictures {
    size: Size,
    /// Picture by picture, row by row, the channels of a pixel side by side.
    numbers: Vec<f32>,
}

impl Pictures {
    /// No pictures yet, with room for some.
    pub(super) fn with_capacity(size: Size, count: usize) -> Self {
        Self {
            size,
            numbers: Vec::with_capacity(count * size.area() as usize * CHANNELS),
        }
    }

    /// Adds a part of a photo. A pixel becomes the mean of all pixels that its area touches,
    /// whether in whole or in part (PyTorch's `interpolate(mode="area")`).
    pub(super) fn add(&mut self, photo: &RgbImage, part: PixelRect) {
        let from = part.size();
        let columns: Vec<Range<usize>> = (0..self.size.width)
            .map(|column| touched(column, from.width, self.size.width))
            .collect();
        let stride = photo.width() as usize * CHANNELS;
        let start = part.left as usize * CHANNELS;
        let mut sums = vec![0_u32; from.width as usize * CHANNELS];
        for row in 0..self.size.height {
            let rows = touched(row, from.height, self.size.height);
            sums.fill(0);
            for y in rows.clone() {
                let line = &photo.as_raw()[(part.top as usize + y) * stride + start..];
                for (sum, value) in sums.iter_mut().zip(line) {
                    *sum += u32::from(*value);
                }
            }
            for columns in &columns {
                let mut totals = [0_u32; CHANNELS];
                let pixels = &sums[columns.start * CHANNELS..columns.end * CHANNELS];
                for pixel in pixels.chunks_exact(CHANNELS) {
                    for (total, value) in totals.iter_mut().zip(pixel) {
                        *total += value;
                    }
                }
                let (height, width) = (rows.len() as f32, columns.len() as f32);
                self.numbers
                    .extend(totals.map(|total| (total as f32 / height / width - MIDDLE) * STEP));
            }
        }
    }

    /// All pictures as a tensor.
    ///
    /// # Shapes
    /// `[count, 3, height, width]`, with channels innermost in memory.
    pub(super) fn tensor(&self) -> Result<Tensor, TchError> {
        let (height, width) = (i64::from(self.size.height), i64::from(self.size.width));
        Tensor::f_from_slice(&self.numbers)?
            .f_view([-1, height, width, CHANNELS as i64])?
            .f_permute([0, 3, 1, 2])
    }
}

/// Which of `from` pixels the area of pixel `index` of `to` touches.
fn touched(index: u32, from: u32, to: u32) -> Range<usize> {
    let (index, from, to) = (index as usize, from as usize, to as usize);
    index * from / to..((index + 1) * from).div_ceil(to)
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::Rgb;

    fn photo() -> RgbImage {
        RgbImage::from_fn(64, 48, |x, y| {
            Rgb([(x * 3) as u8, (y * 5) as u8, (x * y) as u8])
        })
    }

    fn part(left: u32, top: u32, right: u32, bottom: u32) -> PixelRect {
        PixelRect::from([left, top, right, bottom])
    }

    #[test]
    fn it_is_pytorchs_area_interpolation() {
        tch::set_num_threads(1);
        let photo = photo();
        let whole = Tensor::from_slice(photo.as_raw()).view([48, 64, 3]);
        let whole = whole.permute([2, 0, 1]).to_kind(tch::Kind::Float);
        for (rect, size) in [
            (part(0, 0, 64, 48), Size::new(39, 29)),
            (part(5, 7, 22, 40), Size::new(24, 24)),
            (part(60, 40, 64, 48), Size::new(48, 48)),
            (part(3, 3, 4, 4), Size::new(24, 24)),
        ] {
            let mut pictures = Pictures::with_capacity(size, 1);
            pictures.add(&photo, rect);
            let ours = pictures.tensor().expect("a tensor");
            let (left, top) = (i64::from(rect.left), i64::from(rect.top));
            let cut = whole.narrow(1, top, i64::from(rect.size().height)).narrow(
                2,
                left,
                i64::from(rect.size().width),
            );
            let output = [i64::from(size.height), i64::from(size.width)];
            let theirs = (cut.unsqueeze(0).adaptive_avg_pool2d(output) - 127.5) / 128.0;
            assert_eq!(ours.size(), theirs.size());
            let difference = (ours - theirs).abs().max().double_value(&[]);
            assert!(difference < 1e-6, "{rect:?}: {difference}");
        }
    }

    #[test]
    fn pictures_of_a_batch_lie_one_behind_the_other() {
        let size = Size::new(24, 24);
        let (first, second) = (part(0, 0, 30, 30), part(10, 3, 50, 43));
        let tensor = |rects: &[PixelRect]| {
            let mut pictures = Pictures::with_capacity(size, rects.len());
            rects.iter().for_each(|rect| pictures.add(&photo(), *rect));
            pictures.tensor().expect("a tensor")
        };
        let both = tensor(&[first, second]);
        assert_eq!(both.size(), [2, 3, 24, 24]);
        assert_eq!(both.narrow(0, 0, 1), tensor(&[first]));
        assert_eq!(both.narrow(0, 1, 1), tensor(&[second]));
    }
}
