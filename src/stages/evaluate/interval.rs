//! Intervals that hold a figure's true value with 95 % certainty.

use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};

/// The normal distribution's 97.5 % quantile, for intervals of 95 %.
pub(super) const Z_95: f64 = 1.959_963_984_540_054;
/// How many resamples of the images are drawn: enough that the interval's ends are steady to about a hundredth
/// of its width. B. Efron and R. Tibshirani, "An introduction to the bootstrap" (1993), chapter 13.
pub(super) const DRAWS: usize = 2000;

/// Wilson's score interval for a share at 95 %.
///
/// E. B. Wilson, "Probable inference, the law of succession, and statistical inference", JASA 22
/// (1927). Unlike the normal one it stays inside 0..1 and holds for few images.
pub(super) fn wilson(right: u64, images: u64) -> [f64; 2] {
    wilson_of_share(right as f64 / images.max(1) as f64, images)
}

/// The same, of a share that was found with so many images.
pub(super) fn wilson_of_share(share: f64, images: u64) -> [f64; 2] {
    if images == 0 {
        return [0.0, 1.0];
    }
    let count = images as f64;
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

/// The counts of one draw for [`means_over_labels`], by label.
#[derive(Debug, Clone, Default)]
struct Draw {
    right: Vec<u64>,
    given: Vec<u64>,
}

/// Bootstrap intervals, at 95 %, of the mean recall and the mean F1 of the labels that have images.
///
/// Images are drawn with replacement among those of the same label, so that no label loses all of its
/// own; `answers` are truth and prediction of each image. Where every image is named right a draw
/// can't show how sure that is: Wilson's interval is used instead.
pub(super) fn means_over_labels(
    labels: usize,
    answers: &[(usize, usize)],
    seed: u64,
) -> [[f64; 2]; 2] {
    let count = answers.len() as u64;
    if answers.iter().all(|(truth, predicted)| truth == predicted) {
        return [wilson(count, count); 2];
    }
    let mut of_label = vec![Vec::new(); labels];
    for (truth, predicted) in answers {
        of_label[*truth].push(*predicted);
    }
    let mut generator = ChaCha8Rng::seed_from_u64(seed);
    let (mut recalls, mut f1s) = (Vec::with_capacity(DRAWS), Vec::with_capacity(DRAWS));
    for _ in 0..DRAWS {
        let mut draw = Draw {
            right: vec![0; labels],
            given: vec![0; labels],
        };
        for (truth, predictions) in of_label.iter().enumerate() {
            for _ in predictions {
                let predicted = predictions[generator.random_range(0..predictions.len())];
                draw.given[predicted] += 1;
                draw.right[truth] += u64::from(predicted == truth);
            }
        }
        let (recall, f1) = draw.means(&of_label);
        recalls.push(recall);
        f1s.push(f1);
    }
    [middle_of(recalls), middle_of(f1s)]
}

impl Draw {
    /// Mean recall and mean F1.
    fn means(&self, of_label: &[Vec<usize>]) -> (f64, f64) {
        let (mut recall, mut f1, mut shown) = (0.0, 0.0, 0_u64);
        for (label, predictions) in of_label.iter().enumerate() {
            let support = predictions.len() as u64;
            if support > 0 {
                shown += 1;
                recall += self.right[label] as f64 / support as f64;
                f1 += 2.0 * self.right[label] as f64 / (support + self.given[label]) as f64;
            }
        }
        let shown = shown.max(1) as f64;
        (recall / shown, f1 / shown)
    }
}

/// The ends of the middle 95 % of some figures.
pub(super) fn middle_of(mut figures: Vec<f64>) -> [f64; 2] {
    figures.sort_by(f64::total_cmp);
    let at = |share: f64| figures[((figures.len() - 1) as f64 * share).round() as usize];
    [at(0.025), at(0.975)]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The ends are those shares for which the figure found is just 1.96 deviations away.
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

    /// With two labels of 100 images the mean of the recalls is about normal, with a variance that is
    /// a quarter of the sum of both.
    #[test]
    fn drawn_intervals_are_as_wide_as_theory_says() {
        let of_label = |label: usize, right: usize| {
            (0..100).map(move |index| (label, if index < right { label } else { 1 - label }))
        };
        let answers: Vec<_> = of_label(0, 90).chain(of_label(1, 70)).collect();
        let [recall, f1] = means_over_labels(2, &answers, 3);
        let deviation = ((0.9 * 0.1 + 0.7 * 0.3) / 100.0_f64).sqrt() / 2.0;
        assert!(
            (recall[0] - (0.8 - Z_95 * deviation)).abs() < 0.01,
            "{recall:?}"
        );
        assert!(
            (recall[1] - (0.8 + Z_95 * deviation)).abs() < 0.01,
            "{recall:?}"
        );
        let found = (180.0 / 220.0 + 140.0 / 180.0) / 2.0;
        assert!(f1[0] < found && found < f1[1]);
        assert_eq!(means_over_labels(2, &answers, 3), [recall, f1]);
    }

    #[test]
    fn without_a_mistake_the_interval_is_wilsons_and_not_a_point() {
        let answers = vec![(0, 0); 20];
        assert_eq!(means_over_labels(3, &answers, 0), [wilson(20, 20); 2]);
    }
}
