//! ROC and precision-recall of each label against all others.

use serde::{Deserialize, Serialize};

use super::curve::{Curve, Point, Scored, thinned};

/// Most pairs of image and label over which the micro average is taken: their scores are sorted at
/// once, at 16 bytes each.
const MAX_MICRO_PAIRS: usize = 20_000_000;
/// Places of x at which the curves of all labels are averaged.
const MEAN_PLACES: usize = 200;

/// Areas below the curves of labels, each against all others by its probability.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OneVsRest {
    /// Mean area below the ROC curves of the labels that have images, and do not have all images.
    pub roc_auc_macro: Option<f64>,
    /// Area below the ROC curve of all pairs of image and label.
    pub roc_auc_micro: Option<f64>,
    /// Mean of those labels' average precisions.
    pub average_precision_macro: Option<f64>,
    /// Average precision of all pairs of image and label.
    pub average_precision_micro: Option<f64>,
    /// The labels, in the order of the network's outputs.
    pub classes: Vec<ClassAreas>,
    /// Curves over all labels.
    pub curves: MeanCurves,
}

/// Areas below the curves of one label.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClassAreas {
    /// The label.
    pub label: String,
    /// Area below its ROC curve; `None` where it has no images, or no other label has.
    pub roc_auc: Option<f64>,
    /// Its average precision; `None` as above.
    pub average_precision: Option<f64>,
}

/// Curves that are drawn: points x, y.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct MeanCurves {
    /// Share of other images accepted, share of own images accepted: the mean of the labels' curves.
    pub roc_macro: Vec<Point>,
    /// The same of all pairs of image and label.
    pub roc_micro: Vec<Point>,
    /// Recall, precision of all pairs of image and label.
    pub precision_recall_micro: Vec<Point>,
    /// Recall, precision: the mean of the labels' curves.
    pub precision_recall_macro: Vec<Point>,
}

impl OneVsRest {
    /// The areas of some probabilities (`[images][labels]`) and the images' true labels.
    pub(super) fn new(labels: &[String], probabilities: &[Vec<f64>], truths: &[usize]) -> Self {
        let curve = |label: usize| {
            let of_image = |(row, truth): (&Vec<f64>, &usize)| Scored {
                score: row[label],
                positive: *truth == label,
            };
            Curve::new(probabilities.iter().zip(truths).map(of_image).collect())
        };
        let mut classes = Vec::with_capacity(labels.len());
        let (mut rocs, mut recalls) = (MeanCurve::default(), MeanCurve::default());
        for (index, label) in labels.iter().enumerate() {
            let curve = curve(index);
            if let Some(curve) = &curve {
                rocs.add(&curve.roc(), height);
                recalls.add(&envelope(curve.precision_recall()), best_from);
            }
            classes.push(ClassAreas {
                label: label.clone(),
                roc_auc: curve.as_ref().map(Curve::area),
                average_precision: curve.as_ref().map(Curve::average_precision),
            });
        }
        let micro = (probabilities.len() * labels.len() <= MAX_MICRO_PAIRS)
            .then(|| micro(probabilities, truths))
            .flatten();
        let points = |points: fn(&Curve) -> Vec<Point>| {
            micro
                .as_ref()
                .map_or_else(Vec::new, |curve| thinned(&points(curve)))
        };
        let curves = MeanCurves {
            roc_macro: rocs.finish(Some([0.0, 0.0])),
            roc_micro: points(Curve::roc),
            precision_recall_micro: points(Curve::precision_recall),
            precision_recall_macro: recalls.finish(None),
        };
        Self {
            roc_auc_macro: mean(classes.iter().map(|class| class.roc_auc)),
            roc_auc_micro: micro.as_ref().map(Curve::area),
            average_precision_macro: mean(classes.iter().map(|class| class.average_precision)),
            average_precision_micro: micro.as_ref().map(Curve::average_precision),
            classes,
            curves,
        }
    }
}

/// The curve over all pairs of image and label.
fn micro(probabilities: &[Vec<f64>], truths: &[usize]) -> Option<Curve> {
    let pairs = probabilities.iter().zip(truths).flat_map(|(row, truth)| {
        row.iter().enumerate().map(|(label, score)| Scored {
            score: *score,
            positive: label == *truth,
        })
    });
    Curve::new(pairs.collect())
}

/// The mean of the present values.
fn mean(figures: impl Iterator<Item = Option<f64>>) -> Option<f64> {
    let figures: Vec<f64> = figures.flatten().collect();
    (!figures.is_empty()).then(|| figures.iter().sum::<f64>() / figures.len() as f64)
}

/// The mean of several curves, at fixed places.
#[derive(Default)]
struct MeanCurve {
    sums: Vec<f64>,
    curves: u64,
}

impl MeanCurve {
    fn add(&mut self, points: &[Point], height: impl Fn(&[Point], f64) -> f64) {
        self.sums.resize(MEAN_PLACES + 1, 0.0);
        self.curves += 1;
        for (place, sum) in self.sums.iter_mut().enumerate() {
            *sum += height(points, place as f64 / MEAN_PLACES as f64);
        }
    }

    fn finish(self, first: Option<Point>) -> Vec<Point> {
        let mean = |(place, sum): (usize, f64)| {
            [place as f64 / MEAN_PLACES as f64, sum / self.curves as f64]
        };
        let points = self.sums.into_iter().enumerate().map(mean);
        let all: Vec<Point> = first
            .filter(|_| self.curves > 0)
            .into_iter()
            .chain(points)
            .collect();
        thinned(&all)
    }
}

/// The highest y of a curve at x, on straight lines between its points, which go to the right.
fn height(points: &[Point], x: f64) -> f64 {
    let after = points.partition_point(|point| point[0] <= x);
    let Some(right) = points.get(after) else {
        return points.last().map_or(0.0, |point| point[1]);
    };
    match after.checked_sub(1).map(|before| points[before]) {
        Some(left) => left[1] + (right[1] - left[1]) * (x - left[0]) / (right[0] - left[0]),
        None => right[1],
    }
}

/// A curve of precisions where each is the highest of its recall and all larger ones.
fn envelope(mut points: Vec<Point>) -> Vec<Point> {
    let mut highest: f64 = 0.0;
    for point in points.iter_mut().rev() {
        highest = highest.max(point[1]);
        point[1] = highest;
    }
    points
}

/// The height of an [`envelope`] at a recall.
fn best_from(points: &[Point], recall: f64) -> f64 {
    let start = points.partition_point(|point| point[0] < recall);
    points[start.min(points.len() - 1)][1]
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use facepipe_models::calibration::softmax;

    /// Scores with many ties of 60 images for four labels, of which the last has none; at a
    /// temperature of 4.
    pub(crate) fn sample() -> (Vec<Vec<f32>>, Vec<usize>) {
        let truth = |image: usize| image * 5 % 3;
        let logit = |image: usize, label: usize| {
            let value = (image * 7 + label * 13 + image * image * 3) % 11;
            (value + if label == truth(image) { 2 } else { 0 }) as f32
        };
        let rows = (0..60).map(|image| (0..4).map(|label| logit(image, label)).collect());
        (rows.collect(), (0..60).map(truth).collect())
    }

    /// Equal probabilities stay equal, whatever the order of additions.
    fn rounded(row: Vec<f64>) -> Vec<f64> {
        row.into_iter()
            .map(|value| (value * 1e9).round() / 1e9)
            .collect()
    }

    /// scikit-learn 1.9's `roc_auc_score` and `average_precision_score` of the same.
    #[test]
    fn areas_are_those_of_scikit_learn() {
        let (logits, truths) = sample();
        let probabilities: Vec<Vec<f64>> = logits
            .iter()
            .map(|row| rounded(softmax(row, 4.0)))
            .collect();
        let labels = ["a", "b", "c", "absent"].map(str::to_owned);
        let found = OneVsRest::new(&labels, &probabilities, &truths);
        let near = |found: Option<f64>, expected: f64| {
            assert!(
                found.is_some_and(|found| (found - expected).abs() < 1e-9),
                "{found:?}"
            );
        };
        for (class, (roc, average)) in found.classes.iter().zip([
            (0.733_75, 0.688_974_359_0),
            (0.683_75, 0.594_841_269_8),
            (0.718_75, 0.644_358_974_4),
        ]) {
            near(class.roc_auc, roc);
            near(class.average_precision, average);
        }
        assert_eq!(found.classes[3].roc_auc, None);
        near(found.roc_auc_macro, 0.712_083_333_333);
        near(found.average_precision_macro, 0.642_724_867_725);
        near(found.roc_auc_micro, 0.681_435_185_185);
        near(found.average_precision_micro, 0.481_204_831_940);
        let ends = |points: &[Point]| (points[0], points[points.len() - 1]);
        assert_eq!(ends(&found.curves.roc_macro), ([0.0, 0.0], [1.0, 1.0]));
        assert_eq!(ends(&found.curves.roc_micro), ([0.0, 0.0], [1.0, 1.0]));
    }

    #[test]
    fn one_label_has_no_areas() {
        let labels = ["a", "b"].map(str::to_owned);
        let found = OneVsRest::new(&labels, &[vec![0.25, 0.75], vec![0.5, 0.5]], &[1, 1]);
        assert_eq!(
            (found.roc_auc_macro, found.average_precision_macro),
            (None, None)
        );
        // Pairs of image and label are of both kinds even so.
        assert!(found.roc_auc_micro.is_some());
        assert!(found.curves.roc_macro.is_empty());
        let none = OneVsRest::new(&labels, &[], &[]);
        assert_eq!(none.roc_auc_micro, None);
    }
}
