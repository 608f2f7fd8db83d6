//! Text in pictures and plots: DejaVu Sans, whose outlines are part of the program, so that no font of
//! the system is needed. What the font cannot write is written in Latin letters (see `letters.rs`).

mod font;
mod letters;

use image::{Rgb, RgbImage};
use tiny_skia::{FillRule, Mask, Path, Transform};

pub(crate) use font::Line;
pub use font::Weight;
use letters::writable;

/// Size in which text is still easy to read, in pixels: letters without ascenders are 6 pixels high,
/// capitals 8.
pub const SIZE: u32 = 11;
/// Ends a text that is cut off.
const CUT_OFF: char = '…';

/// Sets a line of text in letters of a size: the font's em.
pub(crate) fn line(text: &str, size: f32, weight: Weight) -> Line {
    let face = weight.face();
    font::set(face, &writable(face, text), size)
}

/// The width of a text in letters of a size, in the units of the size.
#[must_use]
pub fn width(text: &str, size: f32, weight: Weight) -> f32 {
    line(text, size, weight).width
}

/// From the top of one line to the top of the next, in pixels: room for accents and descenders.
#[must_use]
pub fn line_height(size: u32) -> u32 {
    let (above, below) = font::extent(Weight::Regular.face(), size as f32);
    (above.ceil() + below.ceil()) as u32
}

/// A text that is no wider than `most` pixels: what is too long loses its end, for which a `…` stands.
#[must_use]
pub fn fitted(text: &str, size: u32, most: u32) -> String {
    let fits = |text: &str| width(text, size as f32, Weight::Regular) <= most as f32;
    if fits(text) {
        return text.to_owned();
    }
    let ends = text.char_indices().map(|(end, _)| end).rev();
    let mut cut = ends.map(|end| format!("{}{CUT_OFF}", text[..end].trim_end()));
    cut.find(|text| fits(text)).unwrap_or_default()
}

/// The same, but what is too long loses its middle: the end of a file's name tells it from others.
#[must_use]
pub fn fitted_in_middle(text: &str, size: u32, most: u32) -> String {
    let fits = |text: &str| width(text, size as f32, Weight::Regular) <= most as f32;
    if fits(text) {
        return text.to_owned();
    }
    let letters: Vec<char> = text.chars().collect();
    let cut = |kept: usize| {
        let (begin, end) = (kept / 2, letters.len() - kept.div_ceil(2));
        let begin: String = letters[..begin].iter().collect();
        let end: String = letters[end..].iter().collect();
        format!("{}{CUT_OFF}{end}", begin.trim_end())
    };
    let mut cut = (1..letters.len()).rev().map(cut);
    cut.find(|text| fits(text)).unwrap_or_default()
}

/// Writes a line of which `left` and `top` are the upper left corner, as high as [`line_height`]
/// says. What lies outside the picture is left out.
pub fn write(picture: &mut RgbImage, left: u32, top: u32, size: u32, text: &str, ink: Rgb<u8>) {
    let (above, _) = font::extent(Weight::Regular.face(), size as f32);
    // A baseline between two rows of pixels would blur the feet of all letters.
    let origin = Transform::from_translate(left as f32, top as f32 + above.ceil());
    let outline = line(text, size as f32, Weight::Regular).outline;
    if let Some(outline) = outline.and_then(|outline| outline.transform(origin)) {
        fill(picture, &outline, ink);
    }
}

/// Writes a line in letters of [`SIZE`], as [`write()`] does.
pub fn write_small(picture: &mut RgbImage, left: u32, top: u32, text: &str, ink: Rgb<u8>) {
    write(picture, left, top, SIZE, text, ink);
}

/// Fills an outline, with smooth edges.
fn fill(picture: &mut RgbImage, outline: &Path, ink: Rgb<u8>) {
    let bounds = outline.bounds();
    let (left, top) = (bounds.left().floor() as u32, bounds.top().floor() as u32);
    let right = (bounds.right().ceil() as u32).min(picture.width());
    let bottom = (bounds.bottom().ceil() as u32).min(picture.height());
    let size = (right.saturating_sub(left), bottom.saturating_sub(top));
    let Some(mut mask) = Mask::new(size.0, size.1) else {
        return;
    };
    let origin = Transform::from_translate(-(left as f32), -(top as f32));
    mask.fill_path(outline, FillRule::Winding, true, origin);
    for (row, covers) in (top..).zip(mask.data().chunks_exact(size.0 as usize)) {
        for (column, cover) in (left..).zip(covers) {
            let pixel = picture.get_pixel_mut(column, row);
            for (channel, ink) in pixel.0.iter_mut().zip(ink.0) {
                let (cover, ink, paper) = (u32::from(*cover), u32::from(ink), u32::from(*channel));
                *channel = ((ink * cover + paper * (255 - cover) + 127) / 255) as u8;
            }
        }
    }
}

#[cfg(test)]
mod tests;
