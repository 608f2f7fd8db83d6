//! The charts of a report.

use super::confusion;
use super::shares::{AcceptChart, Histogram, accept_rates, histogram};
use crate::Findings;
use crate::open_set::{Impostors, OpenSet};
use crate::report::Report;
use crate::separation::ScoreKind;
use crate::training::Training;
use facepipe_drawing::plot::{Axis, Bar, Chart, Colour, Corner, Mark, Plot, Shape};
use facepipe_models::calibration::Figures;

/// How much a bar covers what is behind it.
pub(super) const COVER: f64 = 0.55;

/// All charts that the findings have figures for.
pub(crate) fn all(
    report: &Report,
    findings: &Findings<'_>,
    training: Option<&Training>,
) -> Vec<Plot> {
    let metrics = &report.metrics;
    let calibration = &report.calibration;
    let mut plots = vec![
        confusion(&metrics.labels(), &metrics.confusion),
        reliability(
            "reliability",
            "Probabilities as given",
            &calibration.calibrated,
        ),
        reliability(
            "reliability_uncalibrated",
            "Without the temperature",
            &calibration.uncalibrated,
        ),
        roc(report),
        precision_recall(report),
    ];
    match (&findings.impostors, &report.open_set) {
        (Some(impostors), Some(open_set)) => {
            plots.extend(strangers(findings, impostors, open_set));
        }
        _ => plots.push(confidence(findings)),
    }
    if let (Some(compared), Some(verification)) = (&findings.compared, &report.verification) {
        let cosines = |same: bool| -> Vec<f64> {
            let pairs = compared.iter().filter(|pair| pair.same == same);
            pairs.filter_map(|pair| pair.cosine).collect()
        };
        let (same, different) = (cosines(true), cosines(false));
        let thresholds = &verification.accuracy.thresholds;
        let lowest = compared
            .iter()
            .filter_map(|pair| pair.cosine)
            .fold(1.0, f64::min);
        plots.push(histogram(Histogram {
            name: "pairs",
            title: "Pairs of photos",
            caption: "Cosine of the features of two photos; the dashed line is the threshold that \
                tells most pairs right.",
            label: "cosine",
            kinds: [("one person", &same), ("two people", &different)],
            low: lowest.min(0.0),
            threshold: Some(thresholds.values().sum::<f64>() / thresholds.len().max(1) as f64),
        }));
        plots.push(accept_rates(&AcceptChart {
            name: "verification",
            title: "Pairs: ROC",
            up: "pairs of one person accepted",
            across: "pairs of two people accepted",
            curve: &verification.curve,
            rates: &verification.rates,
            negatives: verification.pairs - verification.same,
        }));
    }
    if let Some(training) = training {
        plots.extend(of_training(training));
    }
    plots
}

/// Known people beside strangers, by the number that decides.
fn strangers(findings: &Findings<'_>, impostors: &Impostors, open_set: &OpenSet) -> [Plot; 2] {
    /// Similarities fill a small part of their range: the axis begins at the lowest, at a whole part of these.
    const STEPS: f64 = 20.0;
    let (kind, decisive) = (open_set.decided_by, open_set.decisive());
    let known = findings.predictions.iter().map(|one| one.score(kind));
    let known: Vec<f64> = known.collect();
    let strangers = impostors.faces.iter().map(|one| one.score(kind));
    let strangers: Vec<f64> = strangers.collect();
    let (label, caption, low) = match kind {
        ScoreKind::Probability => (
            "probability",
            "Probability of the most probable label.",
            0.0,
        ),
        ScoreKind::Similarity => {
            let all = known.iter().chain(&strangers).copied();
            let lowest = all.fold(decisive.chosen.threshold, f64::min);
            let low = (lowest * STEPS).floor() / STEPS;
            let caption = "Similarity with the images of the most probable label.";
            ("similarity", caption, low.min(1.0 - 1.0 / STEPS))
        }
    };
    let caption = format!("{caption} Faces left of the dashed line are unknown to the model.");
    [
        histogram(Histogram {
            name: "confidence",
            title: "Known people and strangers",
            caption: &caption,
            label,
            kinds: [("known people", &known), ("strangers", &strangers)],
            low,
            threshold: Some(decisive.chosen.threshold),
        }),
        accept_rates(&AcceptChart {
            name: "open_set",
            title: "Strangers accepted, known people found",
            up: "known faces accepted and rightly named",
            across: "strangers accepted",
            curve: &decisive.curve,
            rates: &decisive.rates,
            negatives: open_set.impostors,
        }),
    ]
}

fn reliability(name: &'static str, title: &str, figures: &Figures) -> Plot {
    let filled = || figures.bins.iter().filter(|bin| bin.images > 0);
    let images: u64 = figures.bins.iter().map(|bin| bin.images).sum();
    let bars = |from: fn(f64, f64) -> (f64, f64)| -> Vec<Bar> {
        filled()
            .map(|bin| {
                let (from, to) = from(bin.accuracy, bin.confidence);
                Bar {
                    low: bin.low,
                    high: bin.high,
                    from,
                    to,
                }
            })
            .collect()
    };
    let counts = filled().map(|bin| {
        let (middle, half) = (f64::midpoint(bin.low, bin.high), (bin.high - bin.low) / 7.0);
        Bar {
            low: middle - half,
            high: middle + half,
            from: 0.0,
            to: bin.images as f64 / images.max(1) as f64,
        }
    });
    let chart = Chart {
        title: format!(
            "{title}: T = {:.3}, ECE {:.1} %",
            figures.temperature,
            figures.ece * 100.0
        ),
        x: Axis::shares("probability of the most probable label"),
        y: Axis::shares("share of right answers"),
        marks: vec![
            Mark::new(
                "right answers",
                Colour::Tone(0),
                Shape::Bars(bars(|right, _| (0.0, right)), COVER),
            ),
            Mark::new(
                "too sure or too modest",
                Colour::Tone(1),
                Shape::Bars(bars(|right, said| (right, said)), 0.35),
            ),
            Mark::new(
                "share of images",
                Colour::Muted,
                Shape::Bars(counts.collect(), 0.9),
            ),
            Mark::unnamed(Colour::Muted, Shape::Dashed(vec![[0.0, 0.0], [1.0, 1.0]])),
        ],
        legend: Corner::TopLeft,
    };
    let caption = format!(
        "Where answers can be believed the bars end at the dashed line. Log loss {:.4}, Brier score \
         {:.4}, adaptive ECE {:.1} %.",
        figures.loss,
        figures.brier,
        figures.adaptive_ece * 100.0
    );
    Plot::of(name, caption, &chart)
}

fn area(name: &str, figure: Option<f64>) -> String {
    figure.map_or_else(|| name.to_owned(), |figure| format!("{name}: {figure:.4}"))
}

fn roc(report: &Report) -> Plot {
    let one_vs_rest = &report.one_vs_rest;
    let curves = &one_vs_rest.curves;
    let chart = Chart {
        title: "ROC, each label against the rest".to_owned(),
        x: Axis::shares("images of other labels accepted"),
        y: Axis::shares("images of the label accepted"),
        marks: vec![
            Mark::unnamed(Colour::Muted, Shape::Dashed(vec![[0.0, 0.0], [1.0, 1.0]])),
            Mark::new(
                area("all pairs, area", one_vs_rest.roc_auc_micro),
                Colour::Tone(1),
                Shape::Line(curves.roc_micro.clone()),
            ),
            Mark::new(
                area("mean of labels, area", one_vs_rest.roc_auc_macro),
                Colour::Tone(0),
                Shape::Line(curves.roc_macro.clone()),
            ),
        ],
        legend: Corner::BottomRight,
    };
    Plot::of(
        "roc",
        "The nearer to the upper left corner the better; an area of 1 is perfect.",
        &chart,
    )
}

fn precision_recall(report: &Report) -> Plot {
    let one_vs_rest = &report.one_vs_rest;
    let curves = &one_vs_rest.curves;
    let chart = Chart {
        title: "Precision and recall, each label against the rest".to_owned(),
        x: Axis::shares("recall"),
        y: Axis::shares("precision"),
        marks: vec![
            Mark::new(
                area("all pairs, average", one_vs_rest.average_precision_micro),
                Colour::Tone(1),
                Shape::Line(curves.precision_recall_micro.clone()),
            ),
            Mark::new(
                area(
                    "mean of labels, average",
                    one_vs_rest.average_precision_macro,
                ),
                Colour::Tone(0),
                Shape::Line(curves.precision_recall_macro.clone()),
            ),
        ],
        legend: Corner::BottomLeft,
    };
    Plot::of(
        "precision_recall",
        "The nearer to the upper right corner the better; an average precision of 1 is perfect.",
        &chart,
    )
}

fn confidence(findings: &Findings<'_>) -> Plot {
    let of = |right: bool| -> Vec<f64> {
        let answers = findings.predictions.iter();
        let answers = answers.filter(|answer| answer.is_right() == right);
        answers.map(|answer| answer.probability).collect()
    };
    histogram(Histogram {
        name: "confidence",
        title: "How sure the answers are",
        caption: "Probability of the most probable label, of right and of wrong answers, each kind \
            for itself.",
        label: "probability",
        kinds: [("right answers", &of(true)), ("wrong answers", &of(false))],
        low: 0.0,
        threshold: None,
    })
}

/// Loss and accuracy by epoch.
pub(crate) fn of_training(training: &Training) -> Vec<Plot> {
    let last = training.epochs.last().copied().unwrap_or(1.0);
    let chart = |title: &str, label: &str, columns: [&[f64]; 2], percent: bool, legend: Corner| {
        let marks = columns.into_iter().zip(["train", "val"]).enumerate();
        let marks = marks.map(|(tone, (values, name))| {
            let points = training
                .epochs
                .iter()
                .zip(values)
                .map(|(epoch, value)| [*epoch, *value]);
            Mark::new(name, Colour::Tone(tone), Shape::Line(points.collect()))
        });
        let all = || {
            columns
                .into_iter()
                .flatten()
                .copied()
                .filter(|value| value.is_finite())
        };
        let lowest = if percent {
            all().fold(0.9, f64::min)
        } else {
            0.0
        };
        let highest = if percent {
            1.0
        } else {
            all().fold(0.0, f64::max).max(1e-3)
        };
        let first = training.epochs.first().copied().unwrap_or(0.0);
        let mut marks: Vec<Mark> = marks.collect();
        if let Some(end) = training.frozen_until.filter(|end| *end < last) {
            let shape = Shape::Upright(end);
            marks.push(Mark::new(
                "all layers learn from here",
                Colour::Muted,
                shape,
            ));
        }
        Chart {
            title: title.to_owned(),
            x: Axis::even("epoch", first, last, false),
            y: Axis::even(
                label,
                lowest,
                highest * if percent { 1.0 } else { 1.05 },
                percent,
            ),
            marks,
            legend,
        }
    };
    let loss = chart(
        "Loss while training",
        "mean cross-entropy",
        [&training.train_loss, &training.val_loss],
        false,
        Corner::TopRight,
    );
    let accuracy = chart(
        "Accuracy while training",
        "share of right answers",
        [&training.train_accuracy, &training.val_accuracy],
        true,
        Corner::BottomRight,
    );
    vec![
        Plot::of("training_loss", "From metrics.csv.", &loss),
        Plot::of("training_accuracy", "From metrics.csv.", &accuracy),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_chart_becomes_a_picture_in_its_colours() {
        let training = Training {
            epochs: vec![1.0, 2.0, 3.0],
            train_loss: vec![2.0, 1.0, f64::NAN],
            val_loss: vec![2.5, 1.5, 1.25],
            train_accuracy: vec![0.1, 0.5, 0.75],
            val_accuracy: vec![0.2, 0.5, 0.7],
            frozen_until: Some(1.0),
        };
        for plot in of_training(&training) {
            let png =
                image::load_from_memory(&plot.figure.png().expect("draws")).expect("a picture");
            let blue = png
                .to_rgb8()
                .pixels()
                .filter(|pixel| pixel.0 == [0, 0x72, 0xb2])
                .count();
            assert!(blue > 200, "{}: {blue}", plot.name);
        }
    }
}
