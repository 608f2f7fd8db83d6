//! Texts at the boxes of faces, in a photo: readable at any size, and not on top of each other.

use image::{Rgb, RgbImage};

use crate::text::{self, SIZE, Weight};
use facepipe_core::types::PixelRect;

/// The colour of letters.
const INK: Rgb<u8> = Rgb([0, 0, 0]);

/// The labels of one photo.
pub struct Labels {
    /// Size of the letters in pixels, at least: less only where the photo is narrow.
    least: u32,
    /// At most: where the text is not much wider than its box.
    most: u32,
    /// Where labels are already.
    taken: Vec<PixelRect>,
}

impl Labels {
    /// Labels with letters of `least` to `most` times [`SIZE`].
    pub fn new(least: u32, most: u32) -> Self {
        Self {
            least: least * SIZE,
            most: most * SIZE,
            taken: Vec::new(),
        }
    }

    /// Writes a text above a box; below or inside it where there is no room, or where another label
    /// is. A text that is wider than the photo has smaller letters, down to [`SIZE`], and is cut off in
    /// the end.
    pub fn add(&mut self, photo: &mut RgbImage, rect: PixelRect, text: &str, paper: Rgb<u8>) {
        let rect_width = rect.right - rect.left;
        // Letters of all sizes have the same shape.
        let width_of_one = text::width(text, 1.0, Weight::Regular);
        let width_at = |size: u32| (width_of_one * size as f32).ceil() as u32 + 2 * gap(size);
        let fits = |size: &u32| {
            let of_box = *size <= self.least || 2 * width_at(*size) <= 3 * rect_width;
            of_box && width_at(*size) <= photo.width()
        };
        let size = (SIZE..=self.most).rev().find(fits).unwrap_or(SIZE);
        let gap = gap(size);
        let text = text::fitted(text, size, photo.width().saturating_sub(2 * gap));
        let width = text::width(&text, size as f32, Weight::Regular).ceil() as u32 + 2 * gap;
        let place = self.place(photo, rect, width, text::line_height(size));
        fill(photo, place, paper);
        text::write(photo, place.left + gap, place.top, size, &text, INK);
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

/// Space at both ends of a label, in pixels.
const fn gap(size: u32) -> u32 {
    size.div_ceil(SIZE) * 2
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

    /// Width and height of a label at a multiple of the smallest size.
    fn size(text: &str, times: u32) -> (u32, u32) {
        let size = SIZE * times;
        let letters = text::width(text, size as f32, Weight::Regular).ceil() as u32;
        (letters + 4 * times, text::line_height(size))
    }

    #[test]
    fn a_label_stands_above_its_box_and_below_where_there_is_no_room() {
        let (width, height) = size("ada", 1);
        let alone = |rect: [u32; 4]| changed(&labelled((90, 64), (1, 1), &[rect], "ada"));
        assert_eq!(alone([20, 24, 60, 40]), [20, 24 - height, 20 + width, 24]);
        assert_eq!(alone([20, 4, 60, 40]), [20, 40, 20 + width, 40 + height]);
        assert_eq!(alone([0, 0, 90, 64]), [0, 0, width, height]);
        assert_eq!(alone([80, 24, 90, 40]), [90 - width, 24 - height, 90, 24]);
    }

    #[test]
    fn letters_are_dark_and_leave_an_edge_of_paper() {
        let photo = labelled((90, 64), (1, 1), &[[20, 24, 60, 40]], "ada 87%");
        let [left, top, right, bottom] = changed(&photo);
        let dark = |x: u32, y: u32| photo.get_pixel(x, y).0.iter().all(|value| *value < 60);
        let inside = (top..bottom).flat_map(|y| (left..right).map(move |x| (x, y)));
        let (dark, rest): (Vec<_>, Vec<_>) = inside.partition(|(x, y)| dark(*x, *y));
        assert!(dark.len() > 40, "{}", dark.len());
        assert!(
            dark.iter().all(
                |(x, y)| (left + 2..right - 2).contains(x) && (top + 1..bottom - 1).contains(y)
            )
        );
        let paper = rest
            .iter()
            .filter(|(x, y)| *photo.get_pixel(*x, *y) == PAPER)
            .count();
        assert!(paper > dark.len(), "{paper}");
    }

    #[test]
    fn labels_of_neighbours_do_not_cover_each_other() {
        let rects = [[20, 24, 40, 44], [30, 24, 50, 44]];
        let photo = labelled((90, 64), (1, 1), &rects, "ada");
        let (width, height) = size("ada", 1);
        // One above, one below.
        assert_eq!(changed(&photo), [20, 24 - height, 30 + width, 44 + height]);
        assert_eq!(photo.get_pixel(22, 30), &GREY);
    }

    #[test]
    fn letters_grow_with_the_photo_and_shrink_to_fit() {
        let label = |photo, rect, text| changed(&labelled(photo, (8, 16), &[rect], text));
        let (width, height) = size("ada", 16);
        let large = label((4000, 3000), [100, 500, 500, 900], "ada");
        assert_eq!(large, [100, 500 - height, 100 + width, 500]);
        let (width, height) = size("ada", 8);
        let crowd = label((4000, 3000), [100, 300, 200, 400], "ada");
        assert_eq!(crowd, [100, 300 - height, 100 + width, 300]);
        let [left, top, right, bottom] = label((100, 3000), [0, 300, 100, 600], "ada");
        assert!(left == 0 && (80..=100).contains(&right), "{left} {right}");
        assert!(bottom == 300 && top > 300 - height, "{top} {bottom}");
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
    fn photos_without_room_are_no_trouble() {
        for size in [(1, 1), (3, 64), (64, 3), (9, 9)] {
            let all = [0, 0, size.0, size.1];
            let photo = labelled(size, (2, 4), &[all, all, all], "somebody 100%");
            assert_eq!(photo.dimensions(), size);
        }
    }
}
