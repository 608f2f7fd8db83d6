//! The compared part of a picture: the aligned face or, of a whole picture, what is inside its frame.

use image::metadata::Orientation;
use image::{GrayImage, RgbImage};
use serde::{Deserialize, Serialize};

use facepipe_core::types::{CropPlace, Size};
use facepipe_faces::face_chip;
use facepipe_imaging::detail_comparison::SIDE;
use facepipe_imaging::image_io::grey as grey_of;
use facepipe_imaging::perceptual_hash::{CoarseHash, PerceptualHash, Reduced};

/// How far grey values of one line may be from their mean for it to be part of a frame, of 255: noise of
/// JPEG in a plain area stays below.
const FRAME_TOLERANCE: u8 = 24;
/// Smallest share of a side that is taken for the picture inside a frame; below, the whole picture
/// counts.
const SMALLEST_INSIDE: f64 = 0.2;

/// The ways in which a picture can be turned and mirrored, beside its original orientation.
pub(super) const TURNS: [Orientation; 7] = [
    Orientation::Rotate90,
    Orientation::Rotate180,
    Orientation::Rotate270,
    Orientation::FlipHorizontal,
    Orientation::FlipVertical,
    Orientation::Rotate90FlipH,
    Orientation::Rotate270FlipH,
];

/// The hashes of a view.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ViewHashes {
    pub(super) fine: PerceptualHash,
    pub(super) coarse: CoarseHash,
}

impl ViewHashes {
    pub(super) fn of(view: &Reduced) -> Self {
        Self {
            fine: view.hash(),
            coarse: view.coarse(),
        }
    }
}

/// The compared part of a picture, in grey: the aligned face where its place is known, else what is
/// inside the frame.
pub(super) fn of(picture: &RgbImage, place: Option<&CropPlace>) -> GrayImage {
    let grey = grey_of(picture);
    part(picture, &grey, place).unwrap_or(grey)
}

/// The same, from the grey picture too; `None` where all of it counts.
pub(super) fn part(
    picture: &RgbImage,
    grey: &GrayImage,
    place: Option<&CropPlace>,
) -> Option<GrayImage> {
    if place.is_some() {
        let face = face_chip::chip(picture, place, Size::new(SIDE, SIDE));
        return Some(grey_of(&face));
    }
    let [left, top, right, bottom] = inside_frame(grey);
    if [left, top, right, bottom] == [0, 0, grey.width(), grey.height()] {
        return None;
    }
    let rows = grey.as_raw().chunks_exact(grey.width() as usize);
    let rows = rows.skip(top as usize).take((bottom - top) as usize);
    let rows: Vec<&[u8]> = rows
        .map(|row| &row[left as usize..right as usize])
        .collect();
    GrayImage::from_raw(right - left, bottom - top, rows.concat())
}

/// The picture inside a frame of one brightness: left, top, right and bottom (exclusive) in pixels.
fn inside_frame(grey: &GrayImage) -> [u32; 4] {
    let (width, height) = grey.dimensions();
    let row = |y: u32| (0..width).map(move |x| grey.get_pixel(x, y).0[0]);
    let column = |x: u32| (0..height).map(move |y| grey.get_pixel(x, y).0[0]);
    let [left, right] = ends(width, column);
    let [top, bottom] = ends(height, row);
    [left, top, right, bottom]
}

/// Where the lines that belong to no frame begin and end.
fn ends<Line: Iterator<Item = u8>>(count: u32, line: impl Fn(u32) -> Line) -> [u32; 2] {
    let frame = |index: &dyn Fn(u32) -> u32| {
        let (sum, length) = line(index(0)).fold((0_u64, 0_u64), |(sum, length), value| {
            (sum + u64::from(value), length + 1)
        });
        let mean = (sum / length.max(1)) as u8;
        let is_frame =
            |at: &u32| line(index(*at)).all(|value| value.abs_diff(mean) <= FRAME_TOLERANCE);
        (0..count).take_while(is_frame).count() as u32
    };
    let start = frame(&|at| at);
    let end = frame(&|at| count - 1 - at);
    if f64::from(start + end) > f64::from(count) * (1.0 - SMALLEST_INSIDE) {
        return [0, count];
    }
    [start, count - end]
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::{Luma, imageops};

    fn picture() -> GrayImage {
        GrayImage::from_fn(64, 48, |x, y| Luma([(x * 7 + y * 13) as u8]))
    }

    #[test]
    fn a_frame_is_cut_off_on_each_side_it_is_on() {
        let noise = |x: u32, y: u32| Luma([3 + ((x * y) % 5) as u8]);
        let mut framed = GrayImage::from_fn(100, 60, noise);
        imageops::replace(&mut framed, &picture(), 20, 0);
        assert_eq!(inside_frame(&framed), [20, 0, 84, 48]);
    }

    #[test]
    fn without_a_frame_all_of_it_counts() {
        assert_eq!(inside_frame(&picture()), [0, 0, 64, 48]);
        let plain = GrayImage::from_pixel(64, 48, Luma([200]));
        assert_eq!(inside_frame(&plain), [0, 0, 64, 48]);
        let mut dot = GrayImage::from_pixel(64, 48, Luma([200]));
        dot.put_pixel(30, 20, Luma([0]));
        assert_eq!(inside_frame(&dot), [0, 0, 64, 48]);
    }
}
