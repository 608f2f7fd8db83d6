//! From which similarity on a face is taken for the person of a label, so that few strangers get a name.
//!
//! A similarity is the cosine of the angle between a face's features and the centre of a label's. With the centres of
//! people whom it does not show this angle is nearly normally distributed, and hardly depends on how many images a
//! label has: two numbers say how alike strangers are, and the number of labels how often one of them is alike enough.

use std::f64::consts::PI;

use statrs::distribution::{ContinuousCDF as _, Normal};

/// How many labels of a model count as much as what is known of its network from elsewhere.
const LABELS_LIKE_THE_NETWORKS: f64 = 20.0;
/// Least deviation: of features that are the same for every face.
const LEAST_DEVIATION: f64 = 1e-6;

/// The angles, in radians, of faces with the centres of labels that are not theirs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OtherPeople {
    /// Their mean.
    pub mean: f64,
    /// Their standard deviation.
    pub deviation: f64,
}

impl OtherPeople {
    /// Those of some measured similarities, from -1 to 1; `None` without any, or where one is no number.
    #[must_use]
    pub fn of(similarities: &[f64]) -> Option<Self> {
        let angles: Vec<f64> = similarities.iter().copied().map(angle).collect();
        let count = angles.len() as f64;
        let mean = angles.iter().sum::<f64>() / count;
        let squares = angles.iter().map(|one| (one - mean).powi(2));
        let deviation = (squares.sum::<f64>() / count).sqrt().max(LEAST_DEVIATION);
        (mean.is_finite() && deviation.is_finite()).then_some(Self { mean, deviation })
    }

    /// These of a network, after what was measured on a model's own labels: the more labels, the more that counts.
    #[must_use]
    pub fn with_own(self, own: Self, labels: usize) -> Self {
        let weight = labels as f64 / (labels as f64 + LABELS_LIKE_THE_NETWORKS);
        let mixed = |network: f64, own: f64| network + weight * (own - network);
        let variance = mixed(self.deviation.powi(2), own.deviation.powi(2));
        Self {
            mean: mixed(self.mean, own.mean),
            deviation: variance.sqrt(),
        }
    }

    /// The similarity that this share of strangers reaches with the likest of some labels.
    ///
    /// Labels count as if no stranger were like two of them, which can only make it larger (Boole's inequality).
    #[must_use]
    pub fn bound(self, labels: usize, share: f64) -> f64 {
        let of_one = Normal::standard().inverse_cdf(share / labels.max(1) as f64);
        of_one
            .mul_add(self.deviation, self.mean)
            .clamp(0.0, PI)
            .cos()
    }

    /// The share of strangers that reach a similarity with one of some labels, at most.
    #[must_use]
    pub fn share(self, labels: usize, similarity: f64) -> f64 {
        let of_one = Normal::standard().cdf((angle(similarity) - self.mean) / self.deviation);
        (of_one * labels as f64).min(1.0)
    }
}

fn angle(similarity: f64) -> f64 {
    similarity.clamp(-1.0, 1.0).acos()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NETWORK: OtherPeople = OtherPeople {
        mean: 1.4,
        deviation: 0.1,
    };

    #[test]
    fn a_bound_lets_through_the_share_that_it_was_made_for() {
        // The normal distribution's quantiles: -2.3263 at 0.01, -3.0902 at 0.001.
        for (labels, share, angle) in [(1, 0.01, 1.167_37), (10, 0.01, 1.090_98)] {
            let found = NETWORK.bound(labels, share);
            assert!((found - f64::cos(angle)).abs() < 1e-5, "{found}");
            assert!((NETWORK.share(labels, found) - share).abs() < 1e-9);
        }
        assert_eq!(NETWORK.share(5, -1.0), 1.0);
        let wide = OtherPeople {
            deviation: 1.0,
            ..NETWORK
        };
        assert_eq!(wide.bound(1000, 1e-6), 1.0);
    }

    #[test]
    fn own_labels_count_the_more_the_more_they_are() {
        let own = OtherPeople::of(&[f64::cos(1.1), f64::cos(1.3)]).expect("numbers");
        assert!((own.mean - 1.2).abs() < 1e-12 && (own.deviation - 0.1).abs() < 1e-12);
        let [few, as_many, many] = [2, 20, 2000].map(|labels| NETWORK.with_own(own, labels).mean);
        assert!(1.4 > few && few > as_many && as_many > many && many > 1.2);
        assert!((as_many - 1.3).abs() < 1e-12);
        assert_eq!(OtherPeople::of(&[]), None);
        assert_eq!(OtherPeople::of(&[0.1, f64::NAN]), None);
        let equal = OtherPeople::of(&[0.5, 0.5]).expect("numbers");
        assert!(equal.bound(2, 0.01) > 0.5);
    }
}
