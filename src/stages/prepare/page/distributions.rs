//! How large and how good the images of each side are.

use maud::{Markup, html};

use super::Shown;
use super::counts::tone;
use facepipe_core::types::Split;
use facepipe_drawing::page::plots;
use facepipe_drawing::plot::{Axis, Bar, Chart, Colour, Corner, Mark, Plot, Point, Shape};

/// Bars of a histogram.
const BARS: usize = 24;
/// Share of the values that the axis of sizes reaches: a few huge photos would press the others together.
const SHOWN_SHARE: f64 = 0.99;
/// How much higher the axis reaches than the highest bar: the legend is there.
const HEADROOM: f64 = 1.3;
/// The opacity of a bar.
const COVER: f64 = 0.45;

/// The plots.
pub(super) fn markup(shown: &Shown<'_>) -> Markup {
    let sizes: Vec<(Split, f64)> = (shown.images.iter())
        .map(|placed| {
            let size = placed.image.item.features.size;
            (placed.side, f64::from(size.width.min(size.height)))
        })
        .collect();
    let qualities: Vec<(Split, f64)> = (shown.images.iter())
        .filter_map(|placed| {
            let photo = placed.image.item.photo.as_ref()?;
            Some((placed.side, photo.quality?))
        })
        .collect();
    let mut sorted: Vec<f64> = sizes.iter().map(|(_, size)| *size).collect();
    sorted.sort_by(f64::total_cmp);
    let last = (sorted.len().saturating_sub(1) as f64 * SHOWN_SHARE) as usize;
    let ends = [sorted.first(), sorted.get(last)].map(|end| end.copied().unwrap_or_default());
    let mut all = vec![Plot::of(
        "sizes",
        "The shorter side of the images; the last bar holds all larger ones. Sides should look alike.",
        &histogram("Sizes", "shorter side in pixels", &sizes, ends),
    )];
    if !qualities.is_empty() {
        all.push(Plot::of(
            "quality",
            "How good a picture of the face each crop is: sharp, lit, frontal, inside the photo. Sides should \
             look alike.",
            &histogram("Quality", "quality, 0 to 1", &qualities, [0.0, 1.0]),
        ));
    }
    html! { h2 { "Sizes and quality" } (plots(all.iter())) }
}

/// Values of each side as shares of the side: train as bars, the others as lines.
fn histogram(title: &str, label: &str, values: &[(Split, f64)], [low, high]: [f64; 2]) -> Chart {
    let x = Axis::even(label, low, high, false);
    let mut marks = Vec::new();
    let mut highest: f64 = 0.05;
    for side in Split::ALL {
        let of_side = || values.iter().filter(|(other, _)| *other == side);
        let total = of_side().count();
        let mut counts = [0_u64; BARS];
        for (_, value) in of_side() {
            counts[((x.place(*value) * BARS as f64) as usize).min(BARS - 1)] += 1;
        }
        if total == 0 {
            continue;
        }
        let shares = counts.map(|count| count as f64 / total as f64);
        highest = shares.iter().copied().fold(highest, f64::max);
        let edge = |at: usize| x.low + (x.high - x.low) * at as f64 / BARS as f64;
        let shape = if side == Split::Train {
            let bar = |(at, share): (usize, &f64)| Bar {
                low: edge(at),
                high: edge(at + 1),
                from: 0.0,
                to: *share,
            };
            Shape::Bars(shares.iter().enumerate().map(bar).collect(), COVER)
        } else {
            let step = |(at, share): (usize, &f64)| -> [Point; 2] {
                [[edge(at), *share], [edge(at + 1), *share]]
            };
            Shape::Line(shares.iter().enumerate().flat_map(step).collect())
        };
        marks.push(Mark::new(
            format!("{side} ({total})"),
            Colour::Tone(tone(side)),
            shape,
        ));
    }
    Chart {
        title: title.to_owned(),
        x,
        y: Axis::even("share of the side", 0.0, highest * HEADROOM, true),
        marks,
        legend: Corner::TopRight,
    }
}
