//! Texts at the boxes of faces, in a photo: readable at any size, and not on top of each other.

use image::{Rgb, RgbImage};

use crate::lettering::{LETTER, write_enlarged};
use facepipe_core::types::PixelRect;

/// Space between a label's edge and its letters, in pixels of a letter.
const GAP: u32 = 1;
/// Ends a text that is cut off.
const CUT_OFF: &str = "..";

/// The colour of letters.
pub(crate) const INK: Rgb<u8> = Rgb([0, 0, 0]);

/// The labels of one photo.
pub struct Labels {
    /// Pixels of the photo to a pixel of a letter, at least: less only where the photo is narrow.
    least: u32,
    /// At most: where the text is not much wider than its box.
    most: u32,
    /// Where labels are already.
    taken: Vec<PixelRect>,
}

impl Labels {
    /// Labels of which a letter's pixel is `least` to `most` pixels of the photo.
    pub fn new(least: u32, most: u32) -> Self {
        Self {
            least,
            most,
            taken: Vec::new(),
        }
    }

    /// Writes a text above a box; below or inside it where there is no room, or where another label
    /// is. A text that is wider than the photo has smaller letters, and is cut off in the end.
    pub fn add(&mut self, photo: &mut RgbImage, rect: PixelRect, text: &str, paper: Rgb<u8>) {
        let rect_width = rect.right - rect.left;
        let letters = text.chars().count() as u32;
        let width_at = |scale: u32, letters: u32| (letters * LETTER + 2 * GAP) * scale;
        let fits = |scale: &u32| {
            let of_box = *scale <= self.least || 2 * width_at(*scale, letters) <= 3 * rect_width;
            of_box && width_at(*scale, letters) <= photo.width()
        };
        let scale = (1..=self.most).rev().find(fits).unwrap_or(1);
        let room = photo.width().saturating_sub(2 * GAP) / LETTER;
        let text = cut_off(text, room / scale);
        let width = width_at(scale, text.chars().count() as u32);
        let height = (LETTER + 2 * GAP) * scale;
        let place = self.place(photo, rect, width, height);
        fill(photo, place, paper);
        let (left, top) = (place.left + GAP * scale, place.top + GAP * scale);
        write_enlarged(photo, left, top, scale, &text, INK);
        self.taken.push(place);
    }

    /// The first place that is free or, where none is, the first inside the photo.
    fn place(&self, photo: &RgbImage, rect: PixelRect, width: u32, height: u32) -> PixelRect {
        let left = rect.left.min(photo.width().saturating_sub(width));
        let at = |top: u32| PixelRect {
            left,
            top,
            right: left + width,
            bottom: top + height,
        };
        let inside: Vec<PixelRect> = [
            rect.top.checked_sub(height),
            Some(rect.bottom),
            Some(rect.top),
            rect.bottom.checked_sub(height),
        ]
        .into_iter()
        .flatten()
        .map(at)
        .filter(|place| place.bottom <= photo.height())
        .collect();
        let free = |place: &&PixelRect| !self.taken.iter().any(|taken| overlap(taken, place));
        let chosen = inside.iter().find(free).or_else(|| inside.first());
        chosen.copied().unwrap_or_else(|| at(0))
    }
}

fn overlap(a: &PixelRect, b: &PixelRect) -> bool {
    a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom
}

/// A text of at most so many letters.
fn cut_off(text: &str, letters: u32) -> String {
    let letters = letters as usize;
    if text.chars().count() <= letters {
        return text.to_owned();
    }
    let kept = letters.saturating_sub(CUT_OFF.len());
    let text: String = text.chars().take(kept).collect();
    text + CUT_OFF
}

/// Paints what lies inside the photo.
pub(crate) fn fill(photo: &mut RgbImage, rect: PixelRect, ink: Rgb<u8>) {
    for y in rect.top..rect.bottom.min(photo.height()) {
        for x in rect.left..rect.right.min(photo.width()) {
            photo.put_pixel(x, y, ink);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GREY: Rgb<u8> = Rgb([90, 90, 90]);
    const PAPER: Rgb<u8> = Rgb([0, 220, 60]);

    /// The smallest rectangle that holds a photo's changed pixels.
    fn changed(photo: &RgbImage) -> [u32; 4] {
        let places = photo
            .enumerate_pixels()
            .filter(|(.., pixel)| **pixel != GREY);
        places.fold([u32::MAX, u32::MAX, 0, 0], |all, (x, y, _)| {
            let [left, top, right, bottom] = all;
            [left.min(x), top.min(y), right.max(x + 1), bottom.max(y + 1)]
        })
    }

    fn labelled(size: (u32, u32), scales: (u32, u32), rects: &[[u32; 4]], text: &str) -> RgbImage {
        let mut photo = RgbImage::from_pixel(size.0, size.1, GREY);
        let mut labels = Labels::new(scales.0, scales.1);
        for rect in rects {
            labels.add(&mut photo, (*rect).into(), text, PAPER);
        }
        photo
    }

    #[test]
    fn a_label_stands_above_its_box_and_below_where_there_is_no_room() {
        let rect = [20, 24, 60, 40];
        assert_eq!(
            changed(&labelled((90, 64), (1, 1), &[rect], "ada")),
            [20, 14, 46, 24]
        );
        let at_top = [20, 4, 60, 40];
        assert_eq!(
            changed(&labelled((90, 64), (1, 1), &[at_top], "ada")),
            [20, 40, 46, 50]
        );
        let whole = [0, 0, 90, 64];
        assert_eq!(
            changed(&labelled((90, 64), (1, 1), &[whole], "ada")),
            [0, 0, 26, 10]
        );
        let at_right = [80, 24, 90, 40];
        assert_eq!(
            changed(&labelled((90, 64), (1, 1), &[at_right], "ada")),
            [64, 14, 90, 24]
        );
    }

    #[test]
    fn labels_of_neighbours_do_not_cover_each_other() {
        let photo = labelled(
            (90, 64),
            (1, 1),
            &[[20, 24, 40, 44], [30, 24, 50, 44]],
            "ada",
        );
        // One above, one below.
        assert_eq!(changed(&photo), [20, 14, 56, 54]);
        assert_eq!(photo.get_pixel(22, 30), &GREY);
    }

    #[test]
    fn letters_grow_with_the_photo_and_shrink_to_fit() {
        let rect = [100, 300, 400, 600];
        let large = changed(&labelled((4000, 3000), (8, 16), &[rect], "ada"));
        assert_eq!(large, [100, 140, 100 + 26 * 16, 300]);
        let crowd = changed(&labelled(
            (4000, 3000),
            (8, 16),
            &[[100, 300, 200, 400]],
            "ada",
        ));
        assert_eq!(crowd, [100, 220, 100 + 26 * 8, 300]);
        let narrow = changed(&labelled(
            (100, 3000),
            (8, 16),
            &[[0, 300, 100, 600]],
            "ada",
        ));
        assert_eq!(narrow, [0, 270, 78, 300]);
        let [left, _, right, _] = changed(&labelled(
            (64, 48),
            (1, 1),
            &[[10, 20, 50, 40]],
            "a very long name",
        ));
        assert!(
            left < 10 && right <= 64 && right - left > 50,
            "{left} {right}"
        );
    }

    #[test]
    fn long_texts_end_in_dots() {
        assert_eq!(cut_off("lovelace", 8), "lovelace");
        assert_eq!(cut_off("lovelace", 6), "love..");
        assert_eq!(cut_off("lovelace", 0), "..");
    }

    #[test]
    fn photos_without_room_are_no_trouble() {
        for size in [(1, 1), (3, 64), (64, 3), (9, 9)] {
            let all = [0, 0, size.0, size.1];
            let photo = labelled(size, (2, 4), &[all, all, all], "somebody 100%");
            assert_eq!(photo.dimensions(), size);
        }
    }
}
