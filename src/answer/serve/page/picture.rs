//! A photo as an answer's page shows it.

use image::RgbImage;
use image::imageops::thumbnail;

use facepipe_core::types::{PixelRect, Size};
use facepipe_predict::{NamedFace, name_faces};

/// Longer side on a page, in pixels: that of a window, on a screen of two pixels to a point. Photos that wait for
/// their names take 8 MB at most.
const LONGEST_SIDE: u32 = 1600;

/// A photo in the size of a page.
pub(crate) struct Picture {
    pixels: RgbImage,
    /// The photo's own.
    of: Size,
}

impl Picture {
    /// Shrinks a photo that is larger.
    pub(crate) fn of(photo: RgbImage) -> Self {
        let of = Size::of(&photo);
        let longer = of.width.max(of.height);
        if longer <= LONGEST_SIDE {
            return Self { pixels: photo, of };
        }
        let shrunk = |side: u32| scaled(side, LONGEST_SIDE, longer).max(1);
        let pixels = thumbnail(&photo, shrunk(of.width), shrunk(of.height));
        Self { pixels, of }
    }

    /// The picture with boxes and names.
    pub(crate) fn with_names(&self, faces: &[NamedFace]) -> RgbImage {
        let shown = Size::of(&self.pixels);
        let in_picture = |face: &NamedFace| {
            let rect = face.rect;
            let across = |x: u32| scaled(x, shown.width, self.of.width);
            let down = |y: u32| scaled(y, shown.height, self.of.height);
            let (left, top) = (across(rect.left), down(rect.top));
            NamedFace {
                rect: PixelRect {
                    left,
                    top,
                    right: across(rect.right).max(left + 1),
                    bottom: down(rect.bottom).max(top + 1),
                },
                ..face.clone()
            }
        };
        let faces: Vec<NamedFace> = faces.iter().map(in_picture).collect();
        name_faces(&self.pixels, &faces)
    }
}

/// A length in another scale.
fn scaled(length: u32, to: u32, from: u32) -> u32 {
    // No longer than `to`, for lengths are no longer than `from`.
    (u64::from(length) * u64::from(to) / u64::from(from.max(1))) as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use facepipe_drawing::face_picture::BOX;
    use facepipe_predict::Probabilities;

    fn face(rect: [u32; 4]) -> NamedFace {
        NamedFace {
            rect: rect.into(),
            score: 0.9,
            label: "ada".to_owned(),
            nearest: None,
            probability: 0.9,
            similarity: None,
            probabilities: Probabilities(Vec::new()),
            main: false,
        }
    }

    #[test]
    fn a_large_photo_is_shown_smaller_with_its_boxes() {
        let photo = RgbImage::from_pixel(4800, 3600, image::Rgb([90, 90, 90]));
        let picture = Picture::of(photo);
        let drawn = picture.with_names(&[face([300, 1200, 1200, 3300])]);
        assert_eq!(drawn.dimensions(), (1600, 1200));
        assert_eq!(drawn.get_pixel(100, 900), &BOX);
        assert_eq!(drawn.get_pixel(399, 900), &BOX);
        assert_eq!(drawn.get_pixel(80, 900).0, [90, 90, 90]);
    }

    #[test]
    fn small_and_narrow_photos_are_drawn_as_well() {
        let small = Picture::of(RgbImage::new(64, 48)).with_names(&[face([3, 5, 40, 48])]);
        assert_eq!(
            small,
            name_faces(&RgbImage::new(64, 48), &[face([3, 5, 40, 48])])
        );
        let narrow = Picture::of(RgbImage::new(20_000, 2)).with_names(&[face([0, 0, 20_000, 2])]);
        assert_eq!(narrow.dimensions(), (1600, 1));
    }
}
