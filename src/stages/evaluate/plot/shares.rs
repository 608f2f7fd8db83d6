//! Charts of shares: histograms of two kinds, and what is accepted at which rate.

use super::charts::COVER;
use crate::curve::AcceptRate;
use crate::{rate_text, threshold_text};
use facepipe_drawing::plot::{Axis, Bar, Chart, Colour, Corner, Mark, Plot, Point, Shape};

/// Bars of a histogram.
const BARS: usize = 25;
/// Lowest share on logarithmic axes where no count decides.
const LOWEST_SHARE: f64 = 1e-5;

/// Two kinds of values and how they are shown.
pub(super) struct Histogram<'a> {
    pub(super) name: &'static str,
    pub(super) title: &'a str,
    pub(super) caption: &'a str,
    pub(super) label: &'a str,
    pub(super) kinds: [(&'a str, &'a [f64]); 2],
    pub(super) low: f64,
    pub(super) threshold: Option<f64>,
}

/// Two kinds of values from `low` to 1, each as shares of its own.
pub(super) fn histogram(of: Histogram<'_>) -> Plot {
    let width = (1.0 - of.low) / BARS as f64;
    let mut marks = Vec::new();
    let mut highest: f64 = 0.0;
    for (tone, (name, values)) in of.kinds.into_iter().enumerate() {
        let mut counts = vec![0_u64; BARS];
        for value in values {
            let place = ((value - of.low) / width)
                .floor()
                .clamp(0.0, (BARS - 1) as f64);
            counts[place as usize] += 1;
        }
        let bar = |(place, count): (usize, u64)| Bar {
            low: of.low + place as f64 * width,
            high: of.low + (place + 1) as f64 * width,
            from: 0.0,
            to: count as f64 / values.len().max(1) as f64,
        };
        let bars: Vec<Bar> = counts.into_iter().enumerate().map(bar).collect();
        highest = bars.iter().map(|bar| bar.to).fold(highest, f64::max);
        let name = format!("{name} ({})", values.len());
        marks.push(Mark::new(
            name,
            Colour::Tone(tone),
            Shape::Bars(bars, COVER),
        ));
    }
    if let Some(threshold) = of.threshold {
        let name = format!("threshold: {}", threshold_text(threshold));
        marks.push(Mark::new(name, Colour::Muted, Shape::Upright(threshold)));
    }
    let chart = Chart {
        title: of.title.to_owned(),
        x: Axis::even(of.label, of.low, 1.0, false),
        y: Axis::even("share of the kind", 0.0, highest.max(0.05), true),
        marks,
        legend: Corner::TopMiddle,
    };
    Plot::of(of.name, of.caption, &chart)
}

/// What is accepted at which rate, and how it is shown.
pub(super) struct AcceptChart<'a> {
    pub(super) name: &'static str,
    pub(super) title: &'a str,
    /// The names of the axes.
    pub(super) up: &'a str,
    pub(super) across: &'a str,
    pub(super) curve: &'a [Point],
    pub(super) rates: &'a [AcceptRate],
    /// How many there are that should not be accepted: the axis begins at half of one.
    pub(super) negatives: u64,
}

/// The share accepted of those who should be, by the share of the others.
pub(super) fn accept_rates(of: &AcceptChart<'_>) -> Plot {
    let low = (0.5 / of.negatives.max(1) as f64).clamp(LOWEST_SHARE, 0.1);
    // Between two points of a curve of shares nothing is reached but the lower one.
    let mut steps: Vec<Point> = Vec::new();
    for point in of.curve {
        if let Some(last) = steps.last().copied() {
            steps.push([point[0], last[1]]);
        }
        steps.push(*point);
    }
    let lowest = steps
        .iter()
        .filter(|point| point[0] >= low)
        .map(|point| point[1])
        .fold(1.0, f64::min);
    let bottom = if lowest > 0.9 {
        0.9
    } else if lowest > 0.5 {
        0.5
    } else {
        0.0
    };
    let mut marks = vec![Mark::unnamed(Colour::Tone(0), Shape::Line(steps))];
    for (tone, rate) in of.rates.iter().enumerate() {
        let text = format!(
            "{} at {}{}",
            rate_text(rate.true_accept_rate),
            rate_text(rate.false_accept_rate),
            if rate.too_few { " (too few)" } else { "" }
        );
        let shape = Shape::Upright(rate.false_accept_rate.max(low));
        marks.push(Mark::new(text, Colour::Tone(tone + 1), shape));
    }
    let chart = Chart {
        title: of.title.to_owned(),
        x: Axis::logarithmic(of.across, low),
        y: Axis::even(of.up, bottom, 1.0, true),
        marks,
        legend: Corner::BottomRight,
    };
    Plot::of(
        of.name,
        "The higher the line on the left, the better.",
        &chart,
    )
}
