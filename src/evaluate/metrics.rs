//! Figures of a classification into many labels.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Prediction;

/// The normal distribution's 97.5 % quantile, for intervals of 95 %.
const Z_95: f64 = 1.959_963_984_540_054;

/// All figures of an evaluation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Metrics {
    /// How many images were shown.
    pub images: u64,
    /// How many were named right.
    pub right: u64,
    /// Share of them.
    pub top1: f64,
    /// Wilson's 95 % interval of that share.
    pub top1_interval: [f64; 2],
    /// Mean cross-entropy in nats.
    pub loss: f64,
    /// Mean precision of the labels that have images; one that is never given counts 0.
    pub macro_precision: f64,
    /// Mean recall of the labels that have images.
    pub macro_recall: f64,
    /// Mean F1 of the labels that have images.
    pub macro_f1: f64,
    /// Figures of each label, in the order of the network's outputs.
    pub classes: Vec<ClassMetrics>,
    /// Images by truth (row) and prediction (column).
    pub confusion: Vec<Vec<u64>>,
}

/// Figures of one label.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClassMetrics {
    /// The label.
    pub label: String,
    /// Share of right ones among the images that were given this label; `None` without any.
    pub precision: Option<f64>,
    /// Share of this label's images that were named right; `None` without any.
    pub recall: Option<f64>,
    /// Harmonic mean of both; `None` without images.
    pub f1: Option<f64>,
    /// How many images it has.
    pub support: u64,
}

impl Metrics {
    /// The figures of some predictions; `labels` are in the order of the network's outputs.
    pub(super) fn new(labels: &[String], predictions: &[Prediction]) -> Self {
        let mut confusion = vec![vec![0_u64; labels.len()]; labels.len()];
        let mut loss = 0.0;
        for prediction in predictions {
            confusion[prediction.truth][prediction.predicted] += 1;
            let probability = prediction.probability_of_truth.max(f32::MIN_POSITIVE);
            loss -= f64::from(probability).ln();
        }
        let classes: Vec<_> = labels
            .iter()
            .enumerate()
            .map(|(index, label)| ClassMetrics::new(label, index, &confusion))
            .collect();
        let images = predictions.len() as u64;
        let right = (0..labels.len()).map(|index| confusion[index][index]).sum();
        let mean = |figure: fn(&ClassMetrics) -> Option<f64>| {
            let shown: Vec<_> = classes.iter().filter(|class| class.support > 0).collect();
            let sum: f64 = shown.iter().map(|class| figure(class).unwrap_or(0.0)).sum();
            sum / shown.len().max(1) as f64
        };
        Self {
            images,
            right,
            top1: share(right, images).unwrap_or(0.0),
            top1_interval: wilson(right, images),
            loss: loss / images.max(1) as f64,
            macro_precision: mean(|class| class.precision),
            macro_recall: mean(|class| class.recall),
            macro_f1: mean(|class| class.f1),
            classes,
            confusion,
        }
    }

    /// The labels, in the order of the network's outputs.
    pub(super) fn labels(&self) -> Vec<&str> {
        self.classes
            .iter()
            .map(|class| class.label.as_str())
            .collect()
    }

    /// The figures that a model's card has.
    pub(super) fn summary(&self) -> BTreeMap<String, f64> {
        [
            ("top1", self.top1),
            ("top1_low", self.top1_interval[0]),
            ("top1_high", self.top1_interval[1]),
            ("loss", self.loss),
            ("macro_precision", self.macro_precision),
            ("macro_recall", self.macro_recall),
            ("macro_f1", self.macro_f1),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into()
    }
}

impl ClassMetrics {
    fn new(label: &str, index: usize, confusion: &[Vec<u64>]) -> Self {
        let right = confusion[index][index];
        let support = confusion[index].iter().sum();
        let given = confusion.iter().map(|row| row[index]).sum();
        let f1 = share(2 * right, support + given).filter(|_| support > 0);
        Self {
            label: label.to_owned(),
            precision: share(right, given),
            recall: share(right, support),
            f1,
            support,
        }
    }
}

fn share(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

/// Wilson's score interval for a share at 95 %.
///
/// E. B. Wilson, "Probable inference, the law of succession, and statistical inference", JASA 22
/// (1927). Unlike the normal one it stays inside 0..1 and holds for few images.
fn wilson(right: u64, images: u64) -> [f64; 2] {
    if images == 0 {
        return [0.0, 1.0];
    }
    let count = images as f64;
    let share = right as f64 / count;
    let square = Z_95 * Z_95;
    let centre = share + square / (2.0 * count);
    let spread = Z_95 * (share * (1.0 - share) / count + square / (4.0 * count * count)).sqrt();
    let scale = 1.0 + square / count;
    // At the ends rounding must not leave the share itself outside.
    [
        ((centre - spread) / scale).clamp(0.0, share),
        ((centre + spread) / scale).clamp(share, 1.0),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn predictions(pairs: &[(usize, usize)]) -> Vec<Prediction> {
        let of = |&(truth, predicted): &(usize, usize)| Prediction {
            truth,
            predicted,
            probability: 0.5,
            probability_of_truth: if truth == predicted { 0.5 } else { 0.25 },
        };
        pairs.iter().map(of).collect()
    }

    #[test]
    fn figures_of_a_small_case_by_hand() {
        let labels = ["ada", "bea", "cem", "dan"].map(str::to_owned);
        // Truth: 3 x ada, 2 x bea, 1 x cem, no dan; one bea is taken for dan, cem for ada.
        let metrics = Metrics::new(
            &labels,
            &predictions(&[(0, 0), (0, 0), (0, 1), (1, 1), (1, 3), (2, 0)]),
        );
        assert_eq!((metrics.images, metrics.right), (6, 3));
        assert_eq!(metrics.confusion[2], [1, 0, 0, 0]);
        let ada = &metrics.classes[0];
        assert_eq!(ada.precision, Some(2.0 / 3.0));
        assert_eq!(ada.recall, Some(2.0 / 3.0));
        let cem = &metrics.classes[2];
        assert_eq!(
            (cem.precision, cem.recall, cem.f1),
            (None, Some(0.0), Some(0.0))
        );
        let dan = &metrics.classes[3];
        assert_eq!((dan.precision, dan.recall, dan.f1), (Some(0.0), None, None));
        // Over ada, bea and cem: dan has no images.
        assert!((metrics.macro_recall - (2.0 / 3.0 + 0.5 + 0.0) / 3.0).abs() < 1e-12);
        assert!((metrics.macro_precision - (2.0 / 3.0 + 0.5 + 0.0) / 3.0).abs() < 1e-12);
        let loss = (3.0 * 2.0_f64.ln() + 3.0 * 4.0_f64.ln()) / 6.0;
        assert!((metrics.loss - loss).abs() < 1e-6);
    }

    /// The ends are those shares for which the figure found lies just 1.96 deviations away.
    #[test]
    fn the_ends_of_wilsons_interval_solve_its_equation() {
        for (right, images) in [(10, 10), (0, 10), (45, 50), (1, 1), (970, 1000)] {
            let found = right as f64 / images as f64;
            let ends = wilson(right, images);
            assert!(ends[0] <= found && found <= ends[1] && ends[0] < ends[1]);
            for end in ends {
                let deviation = (end * (1.0 - end) / images as f64).sqrt();
                let distance = (found - end).abs();
                assert!((distance - Z_95 * deviation).abs() < 1e-7, "{ends:?}");
            }
        }
        let [low, high] = wilson(45, 50);
        assert!((low - 0.7864).abs() < 1e-4 && (high - 0.9565).abs() < 1e-4);
        assert_eq!(wilson(0, 0), [0.0, 1.0]);
    }
}
