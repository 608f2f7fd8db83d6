//! The photo in two sizes: one in which small faces are found, and one in which those are that fill it.

use image::RgbImage;

use super::Yunet;
use super::cells::{boxes, suppress};
use crate::{FoundFace, TorchError};
use facepipe_core::types::Size;
use facepipe_imaging::resize;

/// Both sides of what the network sees are multiples of this: its largest step from cell to cell.
const STEP: u32 = 32;
/// Score from which a box is a face.
const THRESHOLD: f32 = 0.5;
/// Overlap from which two boxes are one face (OpenCV's value).
const SAME: f32 = 0.3;
/// Side from which O-Net looks at a box again: smaller ones are too blurred for it.
const SEEN_AGAIN: f32 = 40.0;
/// Probability below which O-Net is certain that a box is no face.
const NO_FACE: f32 = 0.01;

/// Small photos are enlarged by this, or until their longer side has [`ENLARGED_TO`] pixels: so that the network finds
/// faces of fewer pixels than those that it was trained on.
const ENLARGED_BY: f32 = 1.6;
const ENLARGED_TO: f32 = 1024.0;
/// The longer side to which large photos are made smaller.
const REDUCED_TO: f32 = 1920.0;
/// The longer side of the small copy: a face that fills the photo is one as the network knows them there.
const OVERVIEW: f32 = 320.0;
/// The share of the photo's longer side from which faces of the small copy count.
const FILLS: f32 = 1.0 / 3.0;

impl Yunet {
    /// The faces of a photo, most certain first.
    ///
    /// # Errors
    /// [`TorchError`] when libtorch fails, such as for lack of memory.
    pub fn detect(&mut self, photo: &RgbImage) -> Result<Vec<FoundFace>, TorchError> {
        let found = self.search(photo);
        self.confirmed(photo, found)
    }

    fn search(&mut self, photo: &RgbImage) -> Vec<FoundFace> {
        let longer = photo.width().max(photo.height()) as f32;
        let detail = side_for_details(longer);
        let mut found = self.search_at(photo, detail / longer);
        if detail > OVERVIEW {
            let overview = self.search_at(photo, OVERVIEW / longer).into_iter();
            let fills =
                |found: &FoundFace| found.face.width().max(found.face.height()) >= FILLS * longer;
            found.extend(overview.filter(fills));
        }
        suppress(found, SAME)
    }

    /// The boxes in a copy of a photo, in pixels of the photo.
    fn search_at(&mut self, photo: &RgbImage, scale: f32) -> Vec<FoundFace> {
        let scaled = |side: u32| ((side as f32 * scale).round() as u32).max(1);
        let size = Size::new(scaled(photo.width()), scaled(photo.height()));
        let (bytes, sides) = picture(photo, size);
        let levels = self
            .network
            .forward(self.arch, &bytes, sides, &mut self.memory);
        let found = suppress(boxes(&levels, THRESHOLD), SAME).into_iter();
        let back = [
            photo.width() as f32 / size.width as f32,
            photo.height() as f32 / size.height as f32,
        ];
        found.map(|found| found.scaled(back)).collect()
    }

    /// Leaves out what O-Net is certain to be no face.
    fn confirmed(
        &self,
        photo: &RgbImage,
        mut found: Vec<FoundFace>,
    ) -> Result<Vec<FoundFace>, TorchError> {
        let is_large =
            |found: &FoundFace| found.face.width().min(found.face.height()) >= SEEN_AGAIN;
        let large: Vec<_> = found
            .iter()
            .filter(|found| is_large(found))
            .map(|found| found.face)
            .collect();
        let mut probabilities = self.second.probabilities(photo, &large)?.into_iter();
        found.retain(|found| {
            !is_large(found)
                || probabilities
                    .next()
                    .flatten()
                    .is_none_or(|face| face >= NO_FACE)
        });
        Ok(found)
    }
}

/// The longer side of the copy in which small faces are searched.
fn side_for_details(longer: f32) -> f32 {
    if longer < ENLARGED_TO {
        (ENLARGED_BY * longer).min(ENLARGED_TO)
    } else {
        longer.min(REDUCED_TO)
    }
}

/// A photo in a size, with black at the right and bottom up to multiples of [`STEP`]; its height and width then.
///
/// # Shapes
/// `[height, width, 3]`, row by row.
fn picture(photo: &RgbImage, size: Size) -> (Vec<u8>, [usize; 2]) {
    let resized;
    let pixels = if Size::of(photo) == size {
        photo
    } else {
        resized = resize::triangle_rgb(photo, size.width, size.height);
        &resized
    };
    let [width, height] =
        [size.width, size.height].map(|side| side.next_multiple_of(STEP) as usize);
    let row = size.width as usize * 3;
    let mut padded = vec![0_u8; width * height * 3];
    let rows = padded.chunks_exact_mut(width * 3);
    for (from, to) in pixels.as_raw().chunks_exact(row).zip(rows) {
        to[..row].copy_from_slice(from);
    }
    (padded, [height, width])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_photos_are_enlarged_and_large_ones_reduced() {
        for (longer, side) in [
            (10.0, 16.0),
            (250.0, 400.0),
            (640.0, 1024.0),
            (1000.0, 1024.0),
            (1200.0, 1200.0),
            (6000.0, 1920.0),
        ] {
            assert_eq!(side_for_details(longer), side);
        }
    }

    #[test]
    fn pictures_are_padded_with_black_at_their_ends() {
        let photo = RgbImage::from_pixel(40, 20, image::Rgb([10, 20, 30]));
        let (bytes, sides) = picture(&photo, Size::new(40, 20));
        assert_eq!((sides, bytes.len()), ([32, 64], 32 * 64 * 3));
        let at = |y: usize, x: usize| &bytes[3 * (64 * y + x)..][..3];
        for (y, x) in [(0, 0), (19, 39), (5, 7)] {
            assert_eq!(at(y, x), [10, 20, 30]);
        }
        for (y, x) in [(20, 0), (0, 40), (31, 63)] {
            assert_eq!(at(y, x), [0, 0, 0]);
        }
    }
}
