//! The one geometry by which a face is cut out of a photo, for crop, predict and serve alike.

use image::RgbImage;
use image::imageops::{self, FilterType};

use crate::types::{FaceBox, PixelRect, Size};

/// Longest side of a chip, in pixels: more than twice what any backbone takes in, and small enough
/// that a thousand chips of camera pictures don't fill a disk.
pub const MAX_CHIP_SIDE: u32 = 512;

/// What is cut out for a detector's box: a square on the box's longer side with the same centre,
/// grown by `margin` of that side on each side, clamped to the photo.
///
/// At the photo's edge the result is not square.
#[must_use]
pub fn chip_rect(face: PixelRect, margin: f32, photo: Size) -> PixelRect {
    let size = face.size();
    let (width, height) = (size.width as f32, size.height as f32);
    let half = width.max(height) * (0.5 + margin);
    let (x, y) = (
        face.left as f32 + width / 2.0,
        face.top as f32 + height / 2.0,
    );
    FaceBox {
        left: x - half,
        top: y - half,
        right: x + half,
        bottom: y + half,
    }
    .clamped(photo)
    .unwrap_or(face)
}

/// Cuts a rectangle out of a photo; one with a side over [`MAX_CHIP_SIDE`] is shrunk to it.
#[must_use]
pub fn cut(photo: &RgbImage, rect: PixelRect) -> RgbImage {
    let Size { width, height } = rect.size();
    let chip = imageops::crop_imm(photo, rect.left, rect.top, width, height).to_image();
    let longer = width.max(height);
    if longer <= MAX_CHIP_SIDE {
        return chip;
    }
    let shrunk = |side: u32| {
        let scaled = f64::from(side) * f64::from(MAX_CHIP_SIDE) / f64::from(longer);
        (scaled.round() as u32).max(1)
    };
    imageops::resize(&chip, shrunk(width), shrunk(height), FilterType::Triangle)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tall_box_becomes_a_square_with_the_same_centre() {
        let face = PixelRect {
            left: 20,
            top: 10,
            right: 30,
            bottom: 30,
        };
        let rect = chip_rect(face, 0.25, Size::new(64, 48));
        assert_eq!(<[u32; 4]>::from(rect), [10, 5, 40, 35]);
    }

    #[test]
    fn at_the_edge_it_is_clamped() {
        let face = PixelRect {
            left: 0,
            top: 30,
            right: 20,
            bottom: 48,
        };
        let rect = chip_rect(face, 0.5, Size::new(64, 48));
        assert_eq!(<[u32; 4]>::from(rect), [0, 19, 30, 48]);
    }

    #[test]
    fn a_large_chip_is_shrunk_with_its_ratio() {
        let photo = RgbImage::new(2048, 1100);
        let whole = cut(&photo, PixelRect::whole(Size::of(&photo)));
        assert_eq!(Size::of(&whole), Size::new(512, 275));
        let part = cut(
            &photo,
            PixelRect {
                left: 5,
                top: 6,
                right: 69,
                bottom: 54,
            },
        );
        assert_eq!(Size::of(&part), Size::new(64, 48));
    }
}
