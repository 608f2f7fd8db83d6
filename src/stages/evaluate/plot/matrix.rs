//! The confusion matrix, for a few labels as for a thousand.

use facepipe_drawing::plot::{Area, Colour, Figure, Line, Plot, Stroke, Text, shown};
use facepipe_drawing::text::{Weight, width};

/// Side that the matrix should about have, in units.
const MATRIX_SIDE: f64 = 620.0;
/// Smallest and largest side of a cell.
const CELL_SIDES: (f64, f64) = (0.8, 54.0);
/// Cells from this side on have names beside them.
const CELL_WITH_NAME: f64 = 7.5;
/// Cells from this side on have counts in them.
const CELL_WITH_COUNT: f64 = 17.0;
/// Cells from this side on have lines around them.
const CELL_WITH_LINES: f64 = 7.5;
/// Smallest side of a wrong answer's mark: in a matrix of a thousand labels it would not be seen.
const SMALLEST_MARK: f64 = 3.0;
/// Letters of a name that are shown.
const NAME_LETTERS: usize = 22;
/// Size of letters, and of those of the title.
const LETTERS: f64 = 12.0;
const TITLE_LETTERS: f64 = 14.0;
/// Space at the edges.
const GAP: f64 = 12.0;
/// Space above the matrix for the title and the names of the sides.
const HEAD: f64 = 52.0;

/// Rows are truths, columns predictions; the darker a cell, the larger its share of its row. Right
/// answers have one colour, wrong ones another.
pub(crate) fn confusion(labels: &[&str], counts: &[Vec<u64>]) -> Plot {
    let cell = (MATRIX_SIDE / labels.len().max(1) as f64).clamp(CELL_SIDES.0, CELL_SIDES.1);
    let letters = (cell * 0.82).clamp(6.0, 12.0);
    let names: Vec<String> = labels
        .iter()
        .map(|label| shown(label, NAME_LETTERS))
        .collect();
    let longest = (names.iter())
        .map(|name| width(name, letters as f32, Weight::Regular))
        .fold(0.0, f32::max);
    let named = cell >= CELL_WITH_NAME;
    let beside = if named {
        f64::from(longest) + 8.0
    } else {
        14.0
    };
    let side = cell * labels.len() as f64;
    let (left, top) = (GAP + 16.0 + beside, HEAD + if named { beside } else { 0.0 });
    let mut figure = Figure::new((left + side + GAP).max(300.0), top + side + GAP);
    let soft = |text: &str, at| Text::new(text, at, LETTERS, Colour::Muted);
    figure.add(Text::new("Confusion matrix", [GAP, 22.0], TITLE_LETTERS, Colour::Text).bold());
    figure.add(soft("predicted →", [left, 42.0]));
    figure.add(soft("← truth", [14.0, top]).ending().upwards());
    figure.add(Line::frame([left, top], [side, side]));
    for (index, name) in names.iter().enumerate().filter(|_| named) {
        // From the middle of a cell to the baseline of a name beside it.
        let along = (index as f64 + 0.5) * cell + letters * 0.35;
        let name = |at| Text::new(name, at, letters, Colour::Text);
        figure.add(name([left - 6.0, top + along]).ending());
        figure.add(name([left + along, top - 6.0]).upwards());
    }
    let cells = Cells {
        labels,
        counts,
        cell,
        left,
        top,
    };
    cells.draw(&mut figure);
    if cell >= CELL_WITH_LINES {
        figure.add(cells.lines());
    }
    Plot {
        name: "confusion",
        caption:
            "Rows are the truth, columns the prediction; a cell is the darker, the larger its \
            share of its row."
                .to_owned(),
        figure,
        wide: true,
    }
}

struct Cells<'a> {
    labels: &'a [&'a str],
    counts: &'a [Vec<u64>],
    cell: f64,
    left: f64,
    top: f64,
}

impl Cells<'_> {
    /// Only cells that hold something: a thousand labels have a million cells.
    fn draw(&self, figure: &mut Figure) {
        for (row, counts) in self.counts.iter().enumerate() {
            let sum: u64 = counts.iter().sum();
            for (column, count) in counts.iter().enumerate().filter(|(_, count)| **count > 0) {
                self.draw_cell([row, column], *count, sum, figure);
            }
        }
    }

    fn draw_cell(&self, [row, column]: [usize; 2], count: u64, sum: u64, figure: &mut Figure) {
        let share = count as f64 / sum.max(1) as f64;
        let is_right = row == column;
        let side = self.cell.max(if is_right { 1.5 } else { SMALLEST_MARK });
        let overhang = (side - self.cell) / 2.0;
        let (x, y) = (
            self.left + column as f64 * self.cell,
            self.top + row as f64 * self.cell,
        );
        // Small shares are still seen.
        let cover = 0.15 + 0.85 * share.sqrt();
        let [truth, predicted] = [row, column].map(|index| shown(self.labels[index], 60));
        let what = if is_right {
            format!("{truth} named right")
        } else {
            format!("{truth} taken for {predicted}")
        };
        let tone = Colour::Tone(if is_right { 0 } else { 1 });
        figure.add(Area {
            cover,
            hint: Some(format!("{what}: {count} of {sum}")),
            ..Area::new([x - overhang, y - overhang], [side, side], tone)
        });
        if self.cell >= CELL_WITH_COUNT && count.to_string().len() as f64 * 8.0 < self.cell {
            let middle = self.cell / 2.0;
            let ink = if cover > 0.65 {
                Colour::Background
            } else {
                Colour::Text
            };
            let at = [x + middle, y + middle + 4.0];
            figure.add(Text::new(count.to_string(), at, LETTERS, ink).centred());
        }
    }

    /// The lines between cells.
    fn lines(&self) -> Line {
        let side = self.cell * self.labels.len() as f64;
        let (right, bottom) = (self.left + side, self.top + side);
        let places = (1..self.labels.len()).map(|index| index as f64 * self.cell);
        let lines = places.flat_map(|along| {
            let (x, y) = (self.left + along, self.top + along);
            [
                vec![[self.left, y], [right, y]],
                vec![[x, self.top], [x, bottom]],
            ]
        });
        Line {
            parts: lines.collect(),
            colour: Colour::Grid,
            stroke: Stroke::Thin,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_number_of_labels_and_any_letters_become_a_picture() {
        for count in [0, 1, 5, 79, 300] {
            let names: Vec<String> = (0..count)
                .map(|n| format!("<ñandú>\u{1} & 漢字 {n}"))
                .collect();
            let labels: Vec<&str> = names.iter().map(String::as_str).collect();
            let mut counts = vec![vec![0; count]; count];
            for index in 0..count {
                counts[index][index] = 1_000_000;
                counts[index][count - 1 - index] += 1;
            }
            let plot = confusion(&labels, &counts);
            let png =
                image::load_from_memory(&plot.figure.png().expect("draws")).expect("a picture");
            assert!(png.width() < 4001 && png.height() < 4001 && png.width() > 100);
        }
    }

    #[test]
    fn rows_are_truths_and_columns_predictions() {
        let plot = confusion(&["ada", "bea"], &[vec![4, 0], vec![3, 1]]);
        let svg = plot.figure.svg().into_string();
        assert!(svg.contains("ada named right: 4 of 4"));
        assert!(svg.contains("bea taken for ada: 3 of 4"));
        assert!(!svg.contains("ada taken for bea"));
        // The mistake lies below the first label's right answers.
        let picture = image::load_from_memory(&plot.figure.png().expect("draws"))
            .expect("a picture")
            .to_rgb8();
        let is_warm = |x: u32, y: u32| picture.get_pixel(x, y).0[0] > picture.get_pixel(x, y).0[2];
        let warm: Vec<(u32, u32)> = picture
            .enumerate_pixels()
            .filter(|(x, y, pixel)| is_warm(*x, *y) && pixel.0[0] > 180 && pixel.0[2] < 120)
            .map(|(x, y, _)| (x, y))
            .collect();
        let middle = warm.iter().map(|place| place.0).sum::<u32>() / warm.len() as u32;
        let cold = picture
            .enumerate_pixels()
            .filter(|(_, _, pixel)| pixel.0 == [0, 0x72, 0xb2]);
        let cold: Vec<u32> = cold.map(|(x, _, _)| x).collect();
        assert!(
            (f64::from(middle) - cold.iter().sum::<u32>() as f64 / cold.len() as f64).abs() < 20.0
        );
    }
}
