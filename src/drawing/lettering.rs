//! Text on pictures, in letters of 8x8 pixels: needs no font of the system.

use font8x8::{BASIC_FONTS, LATIN_FONTS, UnicodeFonts};
use image::{Rgb, RgbImage};

/// Side of a letter in pixels.
pub const LETTER: u32 = 8;

/// Writes from left to right; `left` and `top` are the first letter's. What lies outside the
/// picture is left out.
pub fn write_across(picture: &mut RgbImage, left: u32, top: u32, text: &str, ink: Rgb<u8>) {
    write_enlarged(picture, left, top, 1, text, ink);
}

/// As [`write_across`], in letters of which each pixel is a square of `scale` pixels.
pub(crate) fn write_enlarged(
    picture: &mut RgbImage,
    left: u32,
    top: u32,
    scale: u32,
    text: &str,
    ink: Rgb<u8>,
) {
    for (letter, start) in text
        .chars()
        .zip((left..).step_by((LETTER * scale) as usize))
    {
        for (x, y) in pixels().filter(|(x, y)| has_ink(letter, *x, *y)) {
            for (across, down) in (0..scale).flat_map(|y| (0..scale).map(move |x| (x, y))) {
                put(
                    picture,
                    start + x * scale + across,
                    top + y * scale + down,
                    ink,
                );
            }
        }
    }
}

/// A text in letters that can be written: those of other scripts become Latin ones that sound
/// alike.
pub fn writable(text: &str) -> String {
    let written = |letter: char| BASIC_FONTS.get(letter).or_else(|| LATIN_FONTS.get(letter));
    let mut all = String::new();
    for letter in text.chars().filter(|letter| !letter.is_control()) {
        match (written(letter), deunicode::deunicode_char(letter)) {
            (None, Some(alike)) => all.push_str(alike),
            _ => all.push(letter),
        }
    }
    all.trim_end().to_owned()
}

/// Writes from below upwards, with the letters' tops on the left.
pub fn write_upwards(picture: &mut RgbImage, left: u32, bottom: u32, text: &str, ink: Rgb<u8>) {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_any_script_can_be_written() {
        for (name, expected) in [
            ("Ada Lovelace 97%", "Ada Lovelace 97%"),
            ("José Müller", "José Müller"),
            ("Ольга", "Ol'ga"),
            ("Şebnem Çağlar", "Sebnem Çaglar"),
            ("北京", "Bei Jing"),
            ("tab\tand\nline", "tabandline"),
        ] {
            assert_eq!(writable(name), expected);
        }
    }

    #[test]
    fn enlarged_letters_cover_the_same_shape() {
        const PAPER: Rgb<u8> = Rgb([255, 255, 255]);
        const INK: Rgb<u8> = Rgb([0, 0, 0]);
        let (mut small, mut large) = (
            RgbImage::from_pixel(64, 48, PAPER),
            RgbImage::from_pixel(192, 144, PAPER),
        );
        write_across(&mut small, 5, 7, "Ag?", INK);
        write_enlarged(&mut large, 15, 21, 3, "Ag?", INK);
        for (x, y, pixel) in large.enumerate_pixels() {
            assert_eq!(pixel, small.get_pixel(x / 3, y / 3), "{x}, {y}");
        }
        assert!(small.pixels().any(|pixel| *pixel == INK));
    }
}
