//! ROC and precision-recall curves of scores: the accepted share from each threshold on.

use serde::{Deserialize, Serialize};

/// One scored example.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Scored {
    /// The higher, the likelier it is a positive.
    pub(super) score: f64,
    /// Whether it is one.
    pub(super) positive: bool,
}

/// Positives and negatives that reach a threshold.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Step {
    /// Scores of at least this are accepted.
    pub(super) threshold: f64,
    /// Accepted positives.
    pub(super) hits: u64,
    /// Accepted negatives.
    pub(super) false_alarms: u64,
}

/// All thresholds that separate scores, from the highest on.
#[derive(Debug, Clone)]
pub(super) struct Curve {
    steps: Vec<Step>,
    positives: u64,
    negatives: u64,
}

pub(super) use facepipe_drawing::plot::Point;

/// Acceptance of positives where at most a share of negatives is accepted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AcceptRate {
    /// The share of negatives that may be accepted.
    pub false_accept_rate: f64,
    /// Scores of at least this are accepted.
    pub threshold: f64,
    /// The share of negatives that is accepted then.
    pub false_accepts: f64,
    /// The share of positives that is accepted then.
    pub true_accept_rate: f64,
    /// Wilson's 95 % interval of that share.
    pub interval: [f64; 2],
    /// Fewer negatives than `1 / false_accept_rate`: not one may be accepted, and the rate itself can't
    /// be measured.
    pub too_few: bool,
}

impl Curve {
    /// The curve of some scores; `None` unless there are both positives and negatives.
    pub(super) fn new(mut scored: Vec<Scored>) -> Option<Self> {
        scored.sort_by(|one, other| other.score.total_cmp(&one.score));
        let mut steps: Vec<Step> = Vec::new();
        let (mut hits, mut false_alarms) = (0, 0);
        for equals in scored.chunk_by(|one, other| one.score == other.score) {
            hits += equals.iter().filter(|one| one.positive).count() as u64;
            false_alarms += equals.iter().filter(|one| !one.positive).count() as u64;
            steps.push(Step {
                threshold: equals[0].score,
                hits,
                false_alarms,
            });
        }
        (hits > 0 && false_alarms > 0).then_some(Self {
            steps,
            positives: hits,
            negatives: false_alarms,
        })
    }

    /// The share of accepted positives at a step.
    fn hit_rate(&self, step: &Step) -> f64 {
        step.hits as f64 / self.positives as f64
    }

    /// The share of accepted negatives at a step.
    fn alarm_rate(&self, step: &Step) -> f64 {
        step.false_alarms as f64 / self.negatives as f64
    }

    /// The ROC curve: accepted negatives (x) and positives (y), from (0, 0) to (1, 1); or to where only
    /// scores of minus infinity are left, which nothing accepts.
    pub(super) fn roc(&self) -> Vec<Point> {
        let is_reached = |step: &&Step| step.threshold > f64::NEG_INFINITY;
        let points = self.steps.iter().filter(is_reached);
        let points = points.map(|step| [self.alarm_rate(step), self.hit_rate(step)]);
        std::iter::once([0.0, 0.0]).chain(points).collect()
    }

    /// The area below the ROC curve: the chance that a positive has a higher score than a negative,
    /// equal scores counting half. J. A. Hanley and B. J. McNeil, Radiology 143 (1982).
    pub(super) fn area(&self) -> f64 {
        let trapezoid =
            |pair: &[Point]| (pair[1][0] - pair[0][0]) * (pair[0][1] + pair[1][1]) / 2.0;
        self.roc().windows(2).map(trapezoid).sum()
    }

    /// Recall (x) and precision (y), from the highest threshold on.
    pub(super) fn precision_recall(&self) -> Vec<Point> {
        let point = |step: &Step| {
            let accepted = (step.hits + step.false_alarms) as f64;
            [self.hit_rate(step), step.hits as f64 / accepted]
        };
        self.steps.iter().map(point).collect()
    }

    /// Average precision: each gain of recall times the precision there, without interpolation.
    pub(super) fn average_precision(&self) -> f64 {
        let mut before = 0.0;
        let gain = |[recall, precision]: Point| {
            let gained = (recall - before) * precision;
            before = recall;
            gained
        };
        self.precision_recall().into_iter().map(gain).sum()
    }

    /// The rate at which as many negatives are accepted as positives are refused; between two
    /// thresholds on the straight line.
    pub(super) fn equal_error_rate(&self) -> f64 {
        let points = self.roc();
        let excess = |point: &Point| point[0] - (1.0 - point[1]);
        for pair in points.windows(2) {
            let (before, after) = (excess(&pair[0]), excess(&pair[1]));
            if after >= 0.0 {
                let along = if after > before {
                    -before / (after - before)
                } else {
                    0.0
                };
                return pair[0][0] + along * (pair[1][0] - pair[0][0]);
            }
        }
        1.0
    }

    /// The lowest threshold at which at most a share of negatives is accepted: halfway between two
    /// scores, so that neither rounding nor another program's arithmetic moves a score over it.
    pub(super) fn threshold_for(&self, false_accept_rate: f64) -> f64 {
        let allowed = allowed(false_accept_rate, self.negatives);
        let place = self
            .steps
            .partition_point(|step| step.false_alarms <= allowed);
        let Some(refused) = self.steps.get(place) else {
            return self.steps.last().map_or(0.0, |step| step.threshold);
        };
        match place.checked_sub(1).map(|before| self.steps[before]) {
            Some(accepted) => f64::midpoint(accepted.threshold, refused.threshold),
            None => refused.threshold.next_up(),
        }
    }

    /// Positives and negatives of at least a score.
    pub(super) fn accepted(&self, threshold: f64) -> (u64, u64) {
        let place = self
            .steps
            .partition_point(|step| step.threshold >= threshold);
        match place.checked_sub(1).map(|last| self.steps[last]) {
            Some(step) => (step.hits, step.false_alarms),
            None => (0, 0),
        }
    }

    /// How many positives are accepted where at most a share of negatives is.
    pub(super) fn accept_rate(&self, false_accept_rate: f64) -> AcceptRate {
        let threshold = self.threshold_for(false_accept_rate);
        let (hits, false_alarms) = self.accepted(threshold);
        AcceptRate {
            false_accept_rate,
            threshold,
            false_accepts: false_alarms as f64 / self.negatives as f64,
            true_accept_rate: hits as f64 / self.positives as f64,
            interval: super::interval::wilson(hits, self.positives),
            too_few: too_few(self.negatives, false_accept_rate),
        }
    }
}

/// How many of the negatives a share of them is, at most.
pub(super) fn allowed(share: f64, negatives: u64) -> u64 {
    // A share such as 0.01 of 300 is just below 3 in binary.
    const ROUNDING: f64 = 1e-9;
    (share * negatives as f64 + ROUNDING).floor() as u64
}

/// Whether a rate is smaller than one of this many negatives.
pub(super) fn too_few(negatives: u64, false_accept_rate: f64) -> bool {
    negatives as f64 * false_accept_rate < 1.0 - 1e-9
}

/// A curve with so few points that it can be kept and drawn: those beside long straight parts stay, of
/// the others one in several.
pub(super) fn thinned(points: &[Point]) -> Vec<Point> {
    /// Points that are kept, about.
    const KEPT: usize = 300;
    let is_corner = |index: usize| {
        let (before, here, after) = (points[index - 1], points[index], points[index + 1]);
        let turn = (here[0] - before[0]) * (after[1] - here[1])
            - (here[1] - before[1]) * (after[0] - here[0]);
        turn.abs() > 1e-12
    };
    let last = points.len().saturating_sub(1);
    let corners =
        (0..points.len()).filter(|index| *index == 0 || *index == last || is_corner(*index));
    let corners: Vec<Point> = corners.map(|index| points[index]).collect();
    let each = corners.len().div_ceil(KEPT).max(1);
    let last = corners.len().saturating_sub(1);
    let kept = corners.into_iter().enumerate();
    kept.filter(|(index, _)| index % each == 0 || *index == last)
        .map(|(_, point)| point)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn curve(pairs: &[(f64, u8)]) -> Option<Curve> {
        let scored = pairs.iter().map(|(score, positive)| Scored {
            score: *score,
            positive: *positive == 1,
        });
        Curve::new(scored.collect())
    }

    const WITH_TIES: [(f64, u8); 10] = [
        (0.9, 1),
        (0.8, 1),
        (0.8, 0),
        (0.7, 1),
        (0.6, 0),
        (0.6, 1),
        (0.6, 1),
        (0.5, 0),
        (0.4, 0),
        (0.3, 1),
    ];

    /// scikit-learn 1.9's `roc_curve`, `roc_auc_score`, `precision_recall_curve` and
    /// `average_precision_score` of the same.
    #[test]
    fn curves_with_ties_are_those_of_scikit_learn() {
        let curve = curve(&WITH_TIES).expect("both kinds");
        let roc = [
            [0.0, 0.0],
            [0.0, 0.166_666_667],
            [0.25, 0.333_333_333],
            [0.25, 0.5],
            [0.5, 0.833_333_333],
            [0.75, 0.833_333_333],
            [1.0, 0.833_333_333],
            [1.0, 1.0],
        ];
        assert_eq!(curve.roc().len(), roc.len());
        for (found, expected) in curve.roc().iter().zip(roc) {
            assert!((found[0] - expected[0]).abs() < 1e-8 && (found[1] - expected[1]).abs() < 1e-8);
        }
        assert!((curve.area() - 0.645_833_333_333).abs() < 1e-10);
        assert!((curve.average_precision() - 0.740_873_015_873).abs() < 1e-10);
        let precisions = [1.0, 2.0 / 3.0, 0.75, 5.0 / 7.0, 0.625, 5.0 / 9.0, 0.6];
        for (found, expected) in curve.precision_recall().iter().zip(precisions) {
            assert!((found[1] - expected).abs() < 1e-12);
        }
    }

    #[test]
    fn one_kind_has_no_curve() {
        assert!(curve(&[]).is_none());
        assert!(curve(&[(0.5, 1), (0.25, 1)]).is_none());
        assert!(curve(&[(0.5, 0)]).is_none());
    }

    #[test]
    fn equal_errors_are_between_two_thresholds() {
        // At 0.6 two of four negatives are accepted and one of six positives is refused; before, one
        // and three are: the line between crosses where both are 0.35.
        let found = curve(&WITH_TIES).expect("both kinds").equal_error_rate();
        let along = (0.5 - 0.25) / ((0.5 - 1.0 / 6.0) + (0.5 - 0.25));
        assert!((found - (0.25 + 0.25 * along)).abs() < 1e-9, "{found}");
        let perfect = curve(&[(0.9, 1), (0.1, 0)]).expect("both kinds");
        assert_eq!(perfect.equal_error_rate(), 0.0);
        let upside_down = curve(&[(0.1, 1), (0.9, 0)]).expect("both kinds");
        assert_eq!(upside_down.equal_error_rate(), 1.0);
        let undecided = curve(&[(0.5, 1), (0.5, 0)]).expect("both kinds");
        assert_eq!((undecided.equal_error_rate(), undecided.area()), (0.5, 0.5));
    }

    #[test]
    fn thresholds_accept_as_many_negatives_as_they_may() {
        let curve = curve(&WITH_TIES).expect("both kinds");
        // One of four may pass: down to 0.7, and halfway to 0.6.
        let rate = curve.accept_rate(0.25);
        assert!((rate.threshold - 0.65).abs() < 1e-12);
        assert_eq!((rate.false_accepts, rate.true_accept_rate), (0.25, 0.5));
        assert!(!rate.too_few);
        // None may pass.
        let rate = curve.accept_rate(0.01);
        assert!((rate.threshold - 0.85).abs() < 1e-12);
        assert_eq!(
            (rate.false_accepts, rate.true_accept_rate),
            (0.0, 1.0 / 6.0)
        );
        assert!(rate.too_few);
        assert!(!too_few(100, 0.01) && too_few(99, 0.01));
        // A negative above all others is refused by the next number.
        let worst = super::Curve::new(vec![
            Scored {
                score: 0.75,
                positive: false,
            },
            Scored {
                score: 0.5,
                positive: true,
            },
        ]);
        let rate = worst.expect("both kinds").accept_rate(0.5);
        assert!(rate.threshold > 0.75 && rate.threshold < 0.750_001);
    }

    #[test]
    fn thinned_curves_keep_their_ends_and_corners() {
        let steps: Vec<Point> = vec![
            [0.0, 0.0],
            [0.0, 0.5],
            [0.0, 0.75],
            [0.5, 0.75],
            [1.0, 0.75],
            [1.0, 1.0],
        ];
        assert_eq!(
            thinned(&steps),
            [[0.0, 0.0], [0.0, 0.75], [1.0, 0.75], [1.0, 1.0]]
        );
        let zigzag: Vec<Point> = (0..5000)
            .map(|n| [f64::from(n), f64::from(n % 2)])
            .collect();
        let few = thinned(&zigzag);
        assert!(few.len() < 400 && few.last() == zigzag.last());
        assert!(thinned(&[]).is_empty());
    }
}
