//! The confusion matrix, for a few labels as for a thousand.

use maud::{Markup, PreEscaped, html};

use facepipe_drawing::plot::{Plot, shown, unit};

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
    let longest = names
        .iter()
        .map(|name| name.chars().count())
        .max()
        .unwrap_or(0);
    let named = cell >= CELL_WITH_NAME;
    let beside = if named {
        longest as f64 * letters * 0.6 + 8.0
    } else {
        14.0
    };
    let side = cell * labels.len() as f64;
    let (left, top) = (GAP + 16.0 + beside, HEAD + if named { beside } else { 0.0 });
    // The names below the columns' end lean, so none of them needs more room.
    let (width, height) = ((left + side + GAP).max(300.0), top + side + GAP);
    let drawing = Drawing {
        labels,
        counts,
        cell,
        left,
        top,
    };
    let svg = html! {
        svg viewBox=(format!("0 0 {width:.0} {height:.0}")) role="img" font-size=(unit(letters)) {
            rect.back width=(unit(width)) height=(unit(height)) {}
            text.ink x=(GAP) y="22" font-size="14" font-weight="bold" { "Confusion matrix" }
            text.soft x=(unit(left)) y="42" font-size="12" { "predicted →" }
            text.soft x="14" y=(unit(top)) font-size="12" text-anchor="end"
                transform=(format!("rotate(-90 14 {top:.1})")) { "← truth" }
            rect.frame x=(unit(left)) y=(unit(top)) width=(unit(side)) height=(unit(side)) {}
            @if named {
                @for (index, name) in names.iter().enumerate() {
                    @let middle = (index as f64 + 0.5) * cell;
                    text.ink x=(unit(left - 6.0)) y=(unit(top + middle + letters * 0.35)) text-anchor="end" { (name) }
                    @let (x, y) = (left + middle + letters * 0.35, top - 6.0);
                    text.ink x=(unit(x)) y=(unit(y)) transform=(format!("rotate(-90 {x:.1} {y:.1})")) { (name) }
                }
            }
            (drawing.cells())
            @if cell >= CELL_WITH_LINES { (drawing.lines()) }
        }
    };
    Plot {
        name: "confusion",
        caption:
            "Rows are the truth, columns the prediction; a cell is the darker, the larger its \
            share of its row."
                .to_owned(),
        svg,
        wide: true,
    }
}

struct Drawing<'a> {
    labels: &'a [&'a str],
    counts: &'a [Vec<u64>],
    cell: f64,
    left: f64,
    top: f64,
}

impl Drawing<'_> {
    /// Only cells that hold something: a thousand labels have a million cells.
    fn cells(&self) -> Markup {
        html! {
            @for (row, counts) in self.counts.iter().enumerate() {
                @let sum: u64 = counts.iter().sum();
                @for (column, count) in counts.iter().enumerate() {
                    @if *count > 0 { (self.cell(row, column, *count, sum)) }
                }
            }
        }
    }

    fn cell(&self, row: usize, column: usize, count: u64, sum: u64) -> Markup {
        let share = count as f64 / sum.max(1) as f64;
        let class = if row == column { "t0-fill" } else { "t1-fill" };
        let side = self
            .cell
            .max(if row == column { 1.5 } else { SMALLEST_MARK });
        let overhang = (side - self.cell) / 2.0;
        let (x, y) = (
            self.left + column as f64 * self.cell,
            self.top + row as f64 * self.cell,
        );
        // Small shares are still seen.
        let cover = 0.15 + 0.85 * share.sqrt();
        let [truth, predicted] = [row, column].map(|index| shown(self.labels[index], 60));
        let ink = if cover > 0.65 { "back" } else { "ink" };
        let middle = self.cell / 2.0;
        html! {
            rect class=(class) fill-opacity=(format!("{cover:.2}")) x=(unit(x - overhang)) y=(unit(y - overhang))
                width=(unit(side)) height=(unit(side)) {
                title { (truth) @if row == column { " named right: " } @else { " taken for " (predicted) ": " }
                    (count) " of " (sum) }
            }
            @if self.cell >= CELL_WITH_COUNT && count.to_string().len() as f64 * 8.0 < self.cell {
                text class=(ink) x=(unit(x + middle)) y=(unit(y + middle + 4.0)) text-anchor="middle"
                    font-size="12" pointer-events="none" { (count) }
            }
        }
    }

    fn lines(&self) -> Markup {
        let side = self.cell * self.labels.len() as f64;
        let mut path = String::new();
        for index in 1..self.labels.len() {
            let along = index as f64 * self.cell;
            let (x, y) = (self.left + along, self.top + along);
            path.push_str(&format!(
                "M{:.1} {y:.1}h{side:.1}M{x:.1} {:.1}v{side:.1}",
                self.left, self.top
            ));
        }
        html! { path.grid fill="none" d=(PreEscaped(path)) {} }
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
            let png = image::load_from_memory(&plot.png().expect("draws")).expect("a picture");
            assert!(png.width() < 4001 && png.height() < 4001 && png.width() > 100);
        }
    }

    #[test]
    fn rows_are_truths_and_columns_predictions() {
        let plot = confusion(&["ada", "bea"], &[vec![4, 0], vec![3, 1]]);
        assert!(plot.svg.0.contains("ada named right: 4 of 4"));
        assert!(plot.svg.0.contains("bea taken for ada: 3 of 4"));
        assert!(!plot.svg.0.contains("ada taken for bea"));
        // The mistake lies below the first label's right answers.
        let picture = image::load_from_memory(&plot.png().expect("draws"))
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
