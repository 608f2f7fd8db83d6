//! Images by label and side.

use std::collections::BTreeMap;

use maud::{Markup, html};

use super::{Shown, not_shown};
use facepipe_core::types::Split;
use facepipe_drawing::plot::{Colour, unit};

/// Labels that are listed; of more only the largest and the smallest.
const MOST_LABELS: usize = 200;
/// Length of the longest bar, in units.
const BAR: f64 = 240.0;

/// The tone of a side in plots: colour-blind readers can distinguish them.
pub(super) const fn tone(side: Split) -> usize {
    match side {
        Split::Train => 0,
        Split::Val => 2,
        Split::Test => 1,
    }
}

/// Images by label.
pub(super) struct Counts<'a> {
    /// Kept images by side, and those left out, of each label; the largest first.
    rows: Vec<(&'a str, [u64; 3], u64)>,
}

impl<'a> Counts<'a> {
    pub(super) fn of(shown: &Shown<'a>) -> Self {
        let mut labels: BTreeMap<&str, ([u64; 3], u64)> = BTreeMap::new();
        for (at, side) in Split::ALL.into_iter().enumerate() {
            for (label, count) in shown
                .data_set
                .images
                .get(side.folder())
                .into_iter()
                .flatten()
            {
                labels.entry(label).or_default().0[at] += count;
            }
        }
        for label in shown
            .discarded
            .iter()
            .filter_map(|item| item.label.as_deref())
        {
            labels.entry(label).or_default().1 += 1;
        }
        let row = |(label, (kept, left_out))| (label, kept, left_out);
        let mut rows: Vec<_> = labels.into_iter().map(row).collect();
        rows.sort_by_key(|(label, kept, _)| (std::cmp::Reverse(kept.iter().sum::<u64>()), *label));
        Self { rows }
    }

    pub(super) fn markup(&self) -> Markup {
        let total = |kept: &[u64; 3]| kept.iter().sum::<u64>();
        let largest = self
            .rows
            .iter()
            .map(|row| total(&row.1))
            .max()
            .unwrap_or(0)
            .max(1);
        let count = self.rows.len();
        let hidden = count.saturating_sub(MOST_LABELS);
        let first = if hidden > 0 { MOST_LABELS / 2 } else { count };
        let rows = self.rows[..first]
            .iter()
            .chain(&self.rows[first + hidden..]);
        html! {
            h2 { "Labels" }
            p {
                "Images of each label by side:"
                @for side in Split::ALL {
                    " " span.key { svg viewBox="0 0 10 10" width="10" height="10" {
                        rect class=(Colour::Tone(tone(side)).fill_class()) width="10" height="10" {}
                    } " " (side.folder()) }
                }
                @if hidden > 0 { ". The " (first) " largest and the " (count - first - hidden) " smallest are listed" }
                "."
            }
            div.table { table {
                thead { tr {
                    th { "label" } th { "train" } th { "val" } th { "test" } th.left { "" } th { "left out" }
                } }
                tbody {
                    @for (label, kept, left_out) in rows {
                        tr {
                            td { (label) }
                            @for count in kept { td { (count) } }
                            td.left { (bar(kept, largest)) }
                            td { (left_out) }
                        }
                    }
                }
            } }
            (not_shown(hidden, "label"))
        }
    }
}

/// The images of a label as a bar with a part for each side.
fn bar(kept: &[u64; 3], largest: u64) -> Markup {
    let length = |count: u64| BAR * count as f64 / largest as f64;
    let start = |at: usize| kept[..at].iter().map(|count| length(*count)).sum::<f64>();
    html! {
        svg.bar viewBox=(format!("0 0 {BAR} 12")) width=(BAR) height="12" role="img" {
            @for (at, side) in Split::ALL.into_iter().enumerate() {
                @if kept[at] > 0 {
                    rect class=(Colour::Tone(tone(side)).fill_class()) x=(unit(start(at))) y="1" height="10"
                        width=(unit((length(kept[at]) - 0.8).max(0.6))) { title { (kept[at]) " " (side.folder()) } }
                }
            }
        }
    }
}
