//! Figures of a classification into many labels.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::answers::Prediction;
use super::interval::{means_over_labels, wilson};

/// How many of the most probable labels count for `top5`.
const TOP: usize = 5;

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
    /// Share of images whose label is among the five most probable; `None` with at most five labels.
    #[serde(default)]
    pub top5: Option<f64>,
    /// Wilson's 95 % interval of that share.
    #[serde(default)]
    pub top5_interval: Option<[f64; 2]>,
    /// Mean recall of the labels that have images: each label counts the same.
    #[serde(default)]
    pub balanced_accuracy: f64,
    /// Its bootstrap interval at 95 %.
    #[serde(default)]
    pub balanced_accuracy_interval: [f64; 2],
    /// Mean cross-entropy in nats, at the model's temperature.
    pub loss: f64,
    /// Mean precision of the labels that have images; one that is never given counts 0.
    pub macro_precision: f64,
    /// Mean recall of the labels that have images.
    pub macro_recall: f64,
    /// Mean F1 of the labels that have images.
    pub macro_f1: f64,
    /// Its bootstrap interval at 95 %.
    #[serde(default)]
    pub macro_f1_interval: [f64; 2],
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
    /// The figures of some predictions; `labels` are in the order of the network's outputs, `seed` is
    /// of the images that are drawn for intervals.
    pub(super) fn new(labels: &[String], predictions: &[Prediction], loss: f64, seed: u64) -> Self {
        let mut confusion = vec![vec![0_u64; labels.len()]; labels.len()];
        for prediction in predictions {
            confusion[prediction.truth][prediction.predicted] += 1;
        }
        let given = sums_of_columns(&confusion);
        let classes: Vec<_> = labels
            .iter()
            .enumerate()
            .map(|(index, label)| ClassMetrics::new(label, index, &confusion, given[index]))
            .collect();
        let images = predictions.len() as u64;
        let right = (0..labels.len()).map(|index| confusion[index][index]).sum();
        let among_top = predictions.iter().filter(|one| one.rank < TOP).count() as u64;
        let says_something = labels.len() > TOP;
        let mean = |figure: fn(&ClassMetrics) -> Option<f64>| {
            let shown: Vec<_> = classes.iter().filter(|class| class.support > 0).collect();
            let sum: f64 = shown.iter().map(|class| figure(class).unwrap_or(0.0)).sum();
            sum / shown.len().max(1) as f64
        };
        let pairs: Vec<_> = predictions
            .iter()
            .map(|prediction| (prediction.truth, prediction.predicted))
            .collect();
        let [balanced_accuracy_interval, macro_f1_interval] =
            means_over_labels(labels.len(), &pairs, seed);
        Self {
            images,
            right,
            top1: share(right, images).unwrap_or(0.0),
            top1_interval: wilson(right, images),
            top5: share(among_top, images).filter(|_| says_something),
            top5_interval: says_something.then(|| wilson(among_top, images)),
            balanced_accuracy: mean(|class| class.recall),
            balanced_accuracy_interval,
            loss,
            macro_precision: mean(|class| class.precision),
            macro_recall: mean(|class| class.recall),
            macro_f1: mean(|class| class.f1),
            macro_f1_interval,
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
            ("balanced_accuracy", self.balanced_accuracy),
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
    fn new(label: &str, index: usize, confusion: &[Vec<u64>], given: u64) -> Self {
        let right = confusion[index][index];
        let support = confusion[index].iter().sum();
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

fn sums_of_columns(confusion: &[Vec<u64>]) -> Vec<u64> {
    let mut sums = vec![0; confusion.len()];
    for row in confusion {
        for (sum, count) in sums.iter_mut().zip(row) {
            *sum += count;
        }
    }
    sums
}

fn share(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn predictions(pairs: &[(usize, usize)]) -> Vec<Prediction> {
        let of = |&(truth, predicted): &(usize, usize)| Prediction {
            truth,
            predicted,
            rank: if truth == predicted { 0 } else { truth + 2 },
            ..Prediction::default()
        };
        pairs.iter().map(of).collect()
    }

    #[test]
    fn figures_of_a_small_case_by_hand() {
        let labels = ["ada", "bea", "cem", "dan"].map(str::to_owned);
        // Truth: 3 x ada, 2 x bea, 1 x cem, no dan; one bea is taken for dan, cem for ada.
        let pairs = [(0, 0), (0, 0), (0, 1), (1, 1), (1, 3), (2, 0)];
        let metrics = Metrics::new(&labels, &predictions(&pairs), 0.25, 0);
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
        assert_eq!(metrics.balanced_accuracy, metrics.macro_recall);
        let [low, high] = metrics.balanced_accuracy_interval;
        assert!(low < metrics.balanced_accuracy && metrics.balanced_accuracy < high);
        // Five of four labels are no choice.
        assert_eq!((metrics.top5, metrics.loss), (None, 0.25));
    }

    #[test]
    fn the_five_most_probable_of_six_labels_count() {
        let labels: Vec<String> = (0..6).map(|label| label.to_string()).collect();
        // Ranks 0, 4 and 5.
        let metrics = Metrics::new(&labels, &predictions(&[(1, 1), (2, 0), (3, 0)]), 0.0, 0);
        assert_eq!(metrics.top5, Some(2.0 / 3.0));
        assert_eq!(metrics.top5_interval, Some(wilson(2, 3)));
    }

    /// scikit-learn 1.9's `balanced_accuracy_score`, `f1_score`, `precision_score`, and `log_loss` of
    /// the same.
    #[test]
    fn figures_of_a_larger_case_are_those_of_scikit_learn() {
        use facepipe_models::calibration::{Answers, Figures};
        let (logits, truths) = super::super::one_vs_rest::tests::sample();
        let both = logits.iter().zip(&truths);
        let predictions: Vec<_> = both
            .map(|(logits, truth)| Prediction::new(logits, &[], *truth, 4.0))
            .collect();
        let answers = Answers {
            logits: &logits,
            truths: &truths,
        };
        let figures = Figures::new(answers, 4.0);
        let labels = ["a", "b", "c", "absent"].map(str::to_owned);
        let metrics = Metrics::new(&labels, &predictions, figures.loss, 0);
        let near = |found: f64, expected: f64| {
            assert!((found - expected).abs() < 1e-8, "{found} {expected}");
        };
        near(metrics.balanced_accuracy, 0.45);
        near(metrics.macro_f1, 0.508_014_425_967);
        near(metrics.loss, 1.302_073_546_660);
        near(figures.brier, 0.717_493_892_001);
        near(figures.ece, 0.306_219_276_214);
        let f1 = [0.521_739_13, 0.357_142_86, 0.645_161_29];
        let precision = [0.461_538_46, 0.625, 0.909_090_91];
        for (class, (f1, precision)) in metrics.classes.iter().zip(f1.into_iter().zip(precision)) {
            near(class.f1.unwrap_or(-1.0), f1);
            near(class.precision.unwrap_or(-1.0), precision);
        }
        assert_eq!(metrics.classes[3].precision, Some(0.0));
    }
}
