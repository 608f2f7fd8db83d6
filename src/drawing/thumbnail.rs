//! Small pictures of crops, for contact sheets.

use image::RgbImage;
use image::imageops::{self, FilterType};

use facepipe_core::types::{CropPlace, Size};
use facepipe_faces::face_chip;

/// A crop in a square of `side` pixels: the aligned face as a network sees it, where its place is
/// known, or else the whole with its ratio.
#[must_use]
pub fn thumbnail(crop: &RgbImage, place: Option<&CropPlace>, side: u32) -> RgbImage {
    if place.is_some() {
        return face_chip::chip(crop, place, Size::new(side, side)).into_owned();
    }
    let Size { width, height } = Size::of(crop);
    let longer = width.max(height).max(1);
    let scaled = |length: u32| (length * side / longer).max(1);
    imageops::resize(crop, scaled(width), scaled(height), FilterType::Triangle)
}
