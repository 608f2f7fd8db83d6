//! How well a model's probabilities are calibrated, the temperature that corrects them, and the similarity below
//! which a face is a stranger's.
//!
//! Everything here is arithmetic on what a network says: it needs no libtorch.

mod figures;
mod strangers;
mod temperature;

pub use figures::{ADAPTIVE_BINS, Bin, EQUAL_BINS, Figures};
pub use strangers::OtherPeople;
pub use temperature::{Chosen, ENOUGH, choose_temperature};

/// Logits of some images and their true labels.
///
/// # Shapes
/// `logits` is `[images][labels]`, `truths` is `[images]` with numbers of labels.
#[derive(Debug, Clone, Copy)]
pub struct Answers<'a> {
    /// The network's output for each image: one number a label.
    pub logits: &'a [Vec<f32>],
    /// The index of the true label of each image.
    pub truths: &'a [usize],
}

/// Probabilities of logits: the softmax of `logits / temperature`, free of overflow.
#[must_use]
pub fn softmax(logits: &[f32], temperature: f64) -> Vec<f64> {
    let largest = largest(logits);
    let powers = logits
        .iter()
        .map(|logit| ((f64::from(*logit) - largest) / temperature).exp());
    let powers: Vec<f64> = powers.collect();
    let sum: f64 = powers.iter().sum();
    powers.into_iter().map(|power| power / sum).collect()
}

/// `-ln` of the probability of one label, exact where that probability is too small for a number.
fn surprise(logits: &[f32], truth: usize, temperature: f64) -> f64 {
    let largest = largest(logits);
    let power = |logit: &f32| ((f64::from(*logit) - largest) / temperature).exp();
    let sum: f64 = logits.iter().map(power).sum();
    sum.ln() - (f64::from(logits[truth]) - largest) / temperature
}

fn largest(logits: &[f32]) -> f64 {
    f64::from(logits.iter().copied().fold(f32::NEG_INFINITY, f32::max))
}

/// The index of the largest value; of equal ones the first.
fn first_largest(values: &[f64]) -> usize {
    let mut best = 0;
    for (index, value) in values.iter().enumerate() {
        if *value > values[best] {
            best = index;
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probabilities_add_up_and_never_overflow() {
        let logits = [1.0, 3.0, 2.0];
        // scipy.special.softmax of the same.
        for (found, expected) in softmax(&logits, 1.0).iter().zip([
            0.090_030_573_170,
            0.665_240_955_775,
            0.244_728_471_055,
        ]) {
            assert!((found - expected).abs() < 1e-12);
        }
        let far = softmax(&[-5e4, 5e4], 0.01);
        assert_eq!(far, [0.0, 1.0]);
        assert!((surprise(&logits, 0, 1.0) + 0.090_030_573_170_f64.ln()).abs() < 1e-10);
        assert_eq!(surprise(&[-5e4, 5e4], 0, 0.5), 2e5);
    }
}
