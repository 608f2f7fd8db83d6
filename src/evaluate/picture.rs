//! A confusion matrix as a picture: rows are truths, columns predictions.

use image::{Rgb, RgbImage};

use crate::lettering::{LETTER, write_across, write_upwards};

/// Letters of a name that are shown.
const NAME_LETTERS: usize = 16;
/// From this many labels on their names are left out: the picture would be all margin.
const MAX_NAMED_LABELS: usize = 80;
/// Space around the matrix and between it and the names, in pixels.
const GAP: u32 = 8;
/// Side that the matrix should about have, in pixels.
const MATRIX_SIDE: u32 = 640;
/// Smallest and largest side of a cell, in pixels.
const CELL_SIDES: (u32, u32) = (4, 56);
/// From this side on cells have a line around them, in pixels.
const CELL_WITH_LINE: u32 = 10;

const WHITE: Rgb<u8> = Rgb([255, 255, 255]);
const BLACK: Rgb<u8> = Rgb([20, 20, 20]);
const LINE: Rgb<u8> = Rgb([222, 222, 222]);
/// The colour of a cell that holds all images of its row.
const FULL: Rgb<u8> = Rgb([8, 69, 148]);
/// The same for wrong predictions.
const FULL_WRONG: Rgb<u8> = Rgb([165, 15, 21]);

/// Draws a matrix of counts: the darker a cell, the larger its share of its row; right ones are
/// blue, wrong ones red.
pub(super) fn draw(labels: &[&str], confusion: &[Vec<u64>]) -> RgbImage {
    let count = labels.len() as u32;
    let cell = (MATRIX_SIDE / count.max(1)).clamp(CELL_SIDES.0, CELL_SIDES.1);
    let named = labels.len() <= MAX_NAMED_LABELS && cell >= LETTER;
    let longest = labels.iter().map(|label| shown(label).chars().count());
    let names = if named {
        longest.max().unwrap_or(0) as u32 * LETTER + GAP
    } else {
        0
    };
    // Above: the columns' title and names. On the left: the rows'.
    let origin = GAP + LETTER + GAP + names;
    let side = origin + cell * count + GAP;
    let title = "columns: prediction, rows: truth";
    let width = side.max(2 * GAP + title.len() as u32 * LETTER);
    let mut picture = RgbImage::from_pixel(width, side, WHITE);
    write_across(&mut picture, GAP, GAP, title, BLACK);
    for (index, label) in labels.iter().enumerate() {
        if named {
            let middle = origin + index as u32 * cell + (cell - LETTER) / 2;
            let name = shown(label);
            let length = name.chars().count() as u32 * LETTER;
            write_across(&mut picture, origin - GAP - length, middle, &name, BLACK);
            write_upwards(&mut picture, middle, origin - GAP, &name, BLACK);
        }
    }
    for (row, counts) in confusion.iter().enumerate() {
        let sum: u64 = counts.iter().sum();
        for (column, value) in counts.iter().enumerate() {
            let place = (origin + column as u32 * cell, origin + row as u32 * cell);
            let share = *value as f64 / sum.max(1) as f64;
            let full = if row == column { FULL } else { FULL_WRONG };
            draw_cell(&mut picture, place, cell, *value, share, full);
        }
    }
    picture
}

fn draw_cell(
    picture: &mut RgbImage,
    (left, top): (u32, u32),
    cell: u32,
    value: u64,
    share: f64,
    full: Rgb<u8>,
) {
    let colour = mixed(full, share);
    let line = u32::from(cell >= CELL_WITH_LINE);
    for y in 0..cell {
        for x in 0..cell {
            let on_line = x < line || y < line;
            picture.put_pixel(left + x, top + y, if on_line { LINE } else { colour });
        }
    }
    let text = value.to_string();
    let length = text.len() as u32 * LETTER;
    if value > 0 && length < cell && LETTER < cell {
        let ink = if share > 0.5 { WHITE } else { BLACK };
        let (x, y) = (
            left + (cell - length).div_ceil(2),
            top + (cell - LETTER).div_ceil(2),
        );
        write_across(picture, x, y, &text, ink);
    }
}

/// From white (0) to a colour (1). Small shares are still seen.
fn mixed(full: Rgb<u8>, share: f64) -> Rgb<u8> {
    let amount = share.sqrt();
    Rgb(full
        .0
        .map(|channel| (255.0 + (f64::from(channel) - 255.0) * amount).round() as u8))
}

/// A name cut to its first letters.
fn shown(label: &str) -> String {
    if label.chars().count() <= NAME_LETTERS {
        return label.to_owned();
    }
    let start: String = label.chars().take(NAME_LETTERS - 2).collect();
    format!("{start}..")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_truths_and_columns_predictions() {
        let labels = ["ada", "bea"];
        let picture = draw(&labels, &[vec![4, 0], vec![3, 1]]);
        let (cell, origin) = (56, GAP + LETTER + GAP + 3 * LETTER + GAP);
        let corner = |row: u32, column: u32| {
            *picture.get_pixel(origin + column * cell + 3, origin + row * cell + 3)
        };
        assert_eq!(corner(0, 0), FULL);
        assert_eq!(corner(0, 1), WHITE);
        assert_eq!(corner(1, 0), mixed(FULL_WRONG, 0.75));
        assert_eq!(corner(1, 1), mixed(FULL, 0.25));
    }

    #[test]
    fn any_number_of_labels_and_any_letters_can_be_drawn() {
        for count in [0, 1, 7, 79, 81, 400] {
            let names: Vec<String> = (0..count)
                .map(|n| format!("ñandú 漢字 number {n}"))
                .collect();
            let labels: Vec<&str> = names.iter().map(String::as_str).collect();
            let confusion = vec![vec![1_000_000; count]; count];
            let picture = draw(&labels, &confusion);
            assert!(picture.width() < 2000 && picture.height() < 2000);
        }
    }
}
