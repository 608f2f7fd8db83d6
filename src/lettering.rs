//! Text on pictures, in letters of 8x8 pixels: needs no font of the system.

use font8x8::{BASIC_FONTS, LATIN_FONTS, UnicodeFonts};
use image::{Rgb, RgbImage};

/// Side of a letter in pixels.
pub(crate) const LETTER: u32 = 8;

/// Writes from left to right; `left` and `top` are the first letter's. What lies outside the
/// picture is left out.
pub(crate) fn write_across(picture: &mut RgbImage, left: u32, top: u32, text: &str, ink: Rgb<u8>) {
    for (letter, start) in text.chars().zip((left..).step_by(LETTER as usize)) {
        for (x, y) in pixels() {
            if has_ink(letter, x, y) {
                put(picture, start + x, top + y, ink);
            }
        }
    }
}

/// Writes from below upwards, with the letters' tops on the left.
#[cfg(feature = "torch")]
pub(crate) fn write_upwards(
    picture: &mut RgbImage,
    left: u32,
    bottom: u32,
    text: &str,
    ink: Rgb<u8>,
) {
    for (letter, number) in text.chars().zip(0..) {
        for (x, y) in pixels() {
            if has_ink(letter, x, y) {
                put(picture, left + y, bottom - 1 - number * LETTER - x, ink);
            }
        }
    }
}

/// Whether a letter has ink at a place of its 8x8 pixels; unknown ones are question marks.
fn has_ink(letter: char, x: u32, y: u32) -> bool {
    let rows = BASIC_FONTS
        .get(letter)
        .or_else(|| LATIN_FONTS.get(letter))
        .or_else(|| BASIC_FONTS.get('?'))
        .unwrap_or_default();
    rows[y as usize] >> x & 1 == 1
}

fn pixels() -> impl Iterator<Item = (u32, u32)> {
    (0..LETTER).flat_map(|y| (0..LETTER).map(move |x| (x, y)))
}

fn put(picture: &mut RgbImage, x: u32, y: u32, ink: Rgb<u8>) {
    if let Some(pixel) = picture.get_pixel_mut_checked(x, y) {
        *pixel = ink;
    }
}
