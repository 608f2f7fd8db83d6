//! Resizing by `fast_image_resize`: with `image`'s own, resizing would take longer than decoding.
//!
//! Only the two kinds of pixels that are needed are named: the crate's generic call compiles
//! thirteen of them, which took four CPU minutes of a release build.

use std::cell::RefCell;

use fast_image_resize::images::{TypedImage, TypedImageRef};
use fast_image_resize::pixels::{U8, U8x3};
use fast_image_resize::{FilterType, PixelTrait, ResizeAlg, ResizeOptions, Resizer};
use image::{GrayImage, RgbImage, imageops};

thread_local! {
    /// Its buffers are reused for the thread's next picture.
    static RESIZER: RefCell<Resizer> = RefCell::default();
}

/// A grey picture in another size by an antialiased triangle filter; its ratio is not kept.
#[must_use]
pub fn triangle(picture: &GrayImage, width: u32, height: u32) -> GrayImage {
    let filter = FilterType::Bilinear;
    resized::<U8>(
        picture.as_raw(),
        picture.dimensions(),
        (width, height),
        filter,
    )
    .and_then(|pixels| GrayImage::from_raw(width, height, pixels))
    // Pictures that the fast way refuses, such as one without pixels, are left to the slow one.
    .unwrap_or_else(|| imageops::resize(picture, width, height, imageops::FilterType::Triangle))
}

/// A picture in another size by an antialiased triangle filter; its ratio is not kept.
#[must_use]
pub fn triangle_rgb(picture: &RgbImage, width: u32, height: u32) -> RgbImage {
    let slow = imageops::FilterType::Triangle;
    rgb(picture, (width, height), FilterType::Bilinear, slow)
}

/// A picture in another size by a Lanczos filter of three lobes; its ratio is not kept.
#[must_use]
pub fn lanczos(picture: &RgbImage, width: u32, height: u32) -> RgbImage {
    let slow = imageops::FilterType::Lanczos3;
    rgb(picture, (width, height), FilterType::Lanczos3, slow)
}

/// By a filter of `fast_image_resize` or, where that refuses the picture, by the same one of `image`.
fn rgb(
    picture: &RgbImage,
    (width, height): (u32, u32),
    fast: FilterType,
    slow: imageops::FilterType,
) -> RgbImage {
    let size = (width, height);
    resized::<U8x3>(picture.as_raw(), picture.dimensions(), size, fast)
        .and_then(|pixels| RgbImage::from_raw(width, height, pixels))
        .unwrap_or_else(|| imageops::resize(picture, width, height, slow))
}

/// Bytes of pixels, a row after the other; `None` where the crate refuses the sizes.
fn resized<P: PixelTrait>(
    bytes: &[u8],
    (from_width, from_height): (u32, u32),
    (width, height): (u32, u32),
    filter: FilterType,
) -> Option<Vec<u8>> {
    let source = TypedImageRef::<P>::from_buffer(from_width, from_height, bytes).ok()?;
    let mut pixels = vec![0; width as usize * height as usize * P::size()];
    let mut target = TypedImage::<P>::from_buffer(width, height, &mut pixels).ok()?;
    let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(filter));
    RESIZER
        .with_borrow_mut(|resizer| resizer.resize_typed(&source, &mut target, &options))
        .ok()?;
    Some(pixels)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_filters_agree_with_those_of_image() {
        let grey = GrayImage::from_fn(97, 61, |x, y| image::Luma([(x * 2 + y) as u8]));
        let rgb = RgbImage::from_fn(97, 61, |x, y| image::Rgb([x as u8, y as u8, (x + y) as u8]));
        let far = |ours: &[u8], others: &[u8]| {
            assert_eq!(ours.len(), others.len());
            ours.iter().zip(others).map(|(a, b)| a.abs_diff(*b)).max()
        };
        let others = imageops::resize(&grey, 33, 20, imageops::FilterType::Triangle);
        assert!(far(&triangle(&grey, 33, 20), &others) <= Some(1));
        let others = imageops::resize(&rgb, 33, 20, imageops::FilterType::Lanczos3);
        assert!(far(&lanczos(&rgb, 33, 20), &others) <= Some(1));
    }

    #[test]
    fn pictures_without_pixels_do_not_crash() {
        assert_eq!(triangle(&GrayImage::new(0, 4), 3, 2).dimensions(), (3, 2));
        assert_eq!(lanczos(&RgbImage::new(5, 5), 0, 0).dimensions(), (0, 0));
    }
}
