//! Figures of calibration: ECE, adaptive ECE, Brier score, log loss.

use serde::{Deserialize, Serialize};

use super::{Answers, first_largest, softmax, surprise};

/// Bins of equal width: as many as in C. Guo et al., "On calibration of modern neural networks", ICML
/// 2017.
pub const EQUAL_BINS: usize = 15;
/// Bins of equally many images: as many as in J. Nixon et al., "Measuring calibration in deep
/// learning", CVPR workshops 2019.
pub const ADAPTIVE_BINS: usize = 15;

/// How well probabilities agree with the outcomes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Figures {
    /// The temperature of the logits.
    pub temperature: f64,
    /// Mean cross-entropy (negative log likelihood) in nats.
    pub loss: f64,
    /// Mean over images of the sum over labels of the squared difference between the probability and
    /// 1 (the right label) or 0: from 0 to 2. G. W. Brier, "Verification of forecasts expressed in
    /// terms of probability", 1950.
    pub brier: f64,
    /// Expected calibration error of the most probable label: the mean distance between confidence and
    /// share of right ones over [`EQUAL_BINS`] bins of equal width, weighted by their images.
    pub ece: f64,
    /// The same over at most [`ADAPTIVE_BINS`] bins of equally many images.
    pub adaptive_ece: f64,
    /// Mean probability of the most probable label.
    pub confidence: f64,
    /// The bins of equal width; those without images have means of 0.
    pub bins: Vec<Bin>,
}

/// Images of about the same confidence.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Bin {
    /// Confidences are above this (the lowest bin has 0 as well).
    pub low: f64,
    /// Confidences are at most this.
    pub high: f64,
    /// How many images it has.
    pub images: u64,
    /// Their mean confidence.
    pub confidence: f64,
    /// The share of them that is labelled correctly.
    pub accuracy: f64,
}

/// Confidence of one answer, and whether it is right: 1, or 0, or in between where answers of equal
/// confidence share their mean.
type Outcome = (f64, f64);

impl Figures {
    /// The figures of some answers at a temperature; without any images everything is 0.
    #[must_use]
    pub fn new(answers: Answers<'_>, temperature: f64) -> Self {
        let (mut loss, mut brier) = (0.0, 0.0);
        let mut outcomes = Vec::with_capacity(answers.truths.len());
        for (logits, truth) in answers.logits.iter().zip(answers.truths) {
            let probabilities = softmax(logits, temperature);
            loss += surprise(logits, *truth, temperature);
            let aim = |label| if label == *truth { 1.0 } else { 0.0 };
            let squares = probabilities.iter().enumerate();
            brier += squares
                .map(|(label, probability)| (probability - aim(label)).powi(2))
                .sum::<f64>();
            let best = first_largest(&probabilities);
            outcomes.push((probabilities[best], aim(best)));
        }
        let count = outcomes.len().max(1) as f64;
        let bins = equal_width(&outcomes);
        let gap = |bin: &Bin| bin.images as f64 * (bin.accuracy - bin.confidence).abs();
        Self {
            temperature,
            loss: loss / count,
            brier: brier / count,
            ece: bins.iter().map(gap).sum::<f64>() / count,
            adaptive_ece: adaptive_error(outcomes.clone()),
            confidence: outcomes.iter().map(|outcome| outcome.0).sum::<f64>() / count,
            bins,
        }
    }
}

fn equal_width(outcomes: &[Outcome]) -> Vec<Bin> {
    let mut sums = vec![(0_u64, 0.0, 0.0); EQUAL_BINS];
    for (confidence, right) in outcomes {
        let place = (confidence * EQUAL_BINS as f64).ceil() as usize;
        let sum = &mut sums[place.clamp(1, EQUAL_BINS) - 1];
        *sum = (sum.0 + 1, sum.1 + confidence, sum.2 + right);
    }
    let bin = |(index, (images, confidence, right)): (usize, (u64, f64, f64))| {
        let count = images.max(1) as f64;
        Bin {
            low: index as f64 / EQUAL_BINS as f64,
            high: (index + 1) as f64 / EQUAL_BINS as f64,
            images,
            confidence: confidence / count,
            accuracy: right / count,
        }
    };
    sums.into_iter().enumerate().map(bin).collect()
}

/// The error over bins of equally many answers.
fn adaptive_error(mut outcomes: Vec<Outcome>) -> f64 {
    outcomes.sort_by(|one, other| one.0.total_cmp(&other.0));
    share_among_equals(&mut outcomes);
    let count = outcomes.len();
    let bins = ADAPTIVE_BINS.min(count);
    let error = |bin: usize| {
        let part = &outcomes[bin * count / bins..(bin + 1) * count / bins];
        part.iter()
            .map(|outcome| outcome.1 - outcome.0)
            .sum::<f64>()
            .abs()
    };
    (0..bins).map(error).sum::<f64>() / count.max(1) as f64
}

/// The order of answers of equal confidence must not matter where a bin ends among them.
fn share_among_equals(outcomes: &mut [Outcome]) {
    for equals in outcomes.chunk_by_mut(|one, other| one.0 == other.0) {
        let mean = equals.iter().map(|outcome| outcome.1).sum::<f64>() / equals.len() as f64;
        equals.iter_mut().for_each(|outcome| outcome.1 = mean);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Logits whose softmax are the given probabilities.
    fn logits(rows: &[[f32; 3]]) -> Vec<Vec<f32>> {
        rows.iter().map(|row| row.map(f32::ln).to_vec()).collect()
    }

    #[test]
    fn figures_of_a_small_case_by_hand() {
        let logits = logits(&[
            [0.9, 0.05, 0.05],
            [0.9, 0.05, 0.05],
            [0.2, 0.5, 0.3],
            [0.25, 0.35, 0.4],
        ]);
        let truths = [0, 1, 1, 2];
        let answers = Answers {
            logits: &logits,
            truths: &truths,
        };
        let figures = Figures::new(answers, 1.0);
        let loss = -(0.9_f64.ln() + 0.05_f64.ln() + 0.5_f64.ln() + 0.4_f64.ln()) / 4.0;
        assert!((figures.loss - loss).abs() < 1e-6);
        // 0.015 + (0.81 + 0.9025 + 0.0025) + 0.38 + 0.545, by four.
        assert!((figures.brier - 2.655 / 4.0).abs() < 1e-6);
        // Both of 90 % share a bin in which half are right; the others have a bin each.
        assert!((figures.ece - (2.0 * 0.4 + 0.5 + 0.6) / 4.0).abs() < 1e-6);
        // As many bins as answers; those of equal confidence share their mean.
        assert!((figures.adaptive_ece - (2.0 * 0.4 + 0.5 + 0.6) / 4.0).abs() < 1e-6);
        assert!((figures.confidence - 2.7 / 4.0).abs() < 1e-6);
        let bin = figures.bins[13];
        assert_eq!((bin.images, bin.accuracy), (2, 0.5));
        assert!((bin.confidence - 0.9).abs() < 1e-6 && bin.low < 0.9 && 0.9 < bin.high);
    }

    /// A case that earlier scripts got wrong: a binary classifier that says 30 % and is right in
    /// 30 % of cases is calibrated.
    #[test]
    fn calibrated_answers_have_no_error_below_one_half_either() {
        let logits: Vec<Vec<f32>> = vec![vec![0.7_f32.ln(), 0.3_f32.ln()]; 100];
        let truths: Vec<usize> = (0..100).map(|index| usize::from(index % 10 < 3)).collect();
        let answers = Answers {
            logits: &logits,
            truths: &truths,
        };
        let figures = Figures::new(answers, 1.0);
        assert!(
            figures.ece < 1e-6 && figures.adaptive_ece < 1e-6,
            "{figures:?}"
        );
        let hotter = Figures::new(answers, 0.5);
        assert!(hotter.ece > 0.1 && hotter.loss > figures.loss);
    }

    #[test]
    fn without_images_and_at_the_ends_nothing_breaks() {
        let none = Figures::new(
            Answers {
                logits: &[],
                truths: &[],
            },
            1.0,
        );
        assert_eq!((none.loss, none.ece, none.adaptive_ece), (0.0, 0.0, 0.0));
        let certain = [vec![0.0, 200.0], vec![200.0, 0.0]];
        let figures = Figures::new(
            Answers {
                logits: &certain,
                truths: &[1, 1],
            },
            0.1,
        );
        assert_eq!(
            (figures.ece, figures.brier, figures.loss),
            (0.5, 1.0, 1000.0)
        );
        assert_eq!(figures.bins[14].images, 2);
    }
}
