//! The loss of a batch, of which images may be mixed in pairs.
//!
//! H. Zhang et al., "mixup: beyond empirical risk minimization", ICLR 2018: a network that learns from
//! weighted means of two images, and that the answer is the same mean of both labels, is less certain
//! where it knows little. H. Wang et al., "CosFace: large margin cosine loss for deep face recognition",
//! CVPR 2018: the margin.

use rand::seq::SliceRandom;
use rand::{Rng, RngExt};
use tch::{Reduction, Tensor};

use super::order::{Purpose, generator};
use super::settings::Settings;
use facepipe_core::types::Head;

/// How a batch's images are mixed.
#[derive(Debug)]
pub(super) struct Mixup {
    /// The share that remains of each image, and the one it is mixed with; `None`: none is mixed.
    pairs: Option<(f64, Vec<i64>)>,
}

impl Mixup {
    /// Of a batch, by its number in the epoch.
    pub(super) fn draw(settings: &Settings, epoch: u32, batch: usize, images: usize) -> Self {
        if settings.mixup == 0.0 {
            return Self { pairs: None };
        }
        let mut random = generator(settings.seed, Purpose::Mixup, epoch, batch);
        let share = beta(settings.mixup, &mut random);
        let mut others: Vec<i64> = (0..images as i64).collect();
        others.shuffle(&mut random);
        Self {
            pairs: Some((share, others)),
        }
    }

    /// The mixed images, or features.
    ///
    /// # Shapes
    /// `[batch, ...]`, for input and output.
    pub(super) fn mix(&self, images: &Tensor) -> Tensor {
        match &self.pairs {
            None => images.shallow_clone(),
            Some((share, others)) => images * *share + select(images, others) * (1.0 - *share),
        }
    }

    /// The loss.
    ///
    /// # Shapes
    /// `[batch, classes]` and `[batch]` to a single number.
    pub(super) fn loss(&self, logits: &Tensor, labels: &Tensor, settings: &Settings) -> Tensor {
        let of = |labels: &Tensor| {
            let logits = with_margin(logits, labels, settings);
            cross_entropy(&logits, labels, settings.label_smoothing)
        };
        match &self.pairs {
            None => of(labels),
            Some((share, others)) => {
                of(labels) * *share + of(&select(labels, others)) * (1.0 - *share)
            }
        }
    }
}

fn select(tensor: &Tensor, rows: &[i64]) -> Tensor {
    let rows = Tensor::from_slice(rows).to_device(tensor.device());
    tensor.index_select(0, &rows)
}

/// A cosine head must be right by a margin while it learns.
fn with_margin(logits: &Tensor, labels: &Tensor, settings: &Settings) -> Tensor {
    if settings.head == Head::Linear || settings.cosine_margin == 0.0 {
        return logits.shallow_clone();
    }
    let less = settings.cosine_scale * settings.cosine_margin;
    let right = labels.one_hot(logits.size()[1]);
    logits - right.to_kind(logits.kind()) * less
}

/// Mean cross-entropy over a batch; `smoothing` is the share of each label that all labels get.
///
/// # Shapes
/// `[batch, classes]` and `[batch]` to a single number.
pub(super) fn cross_entropy(logits: &Tensor, labels: &Tensor, smoothing: f64) -> Tensor {
    const NO_LABEL: i64 = -100;
    logits.cross_entropy_loss(labels, None::<Tensor>, Reduction::Mean, NO_LABEL, smoothing)
}

/// A number of the distribution Beta(alpha, alpha). M. D. Jöhnk's way (1964): quick for an `alpha` up to
/// about 2.
fn beta(alpha: f64, random: &mut impl Rng) -> f64 {
    loop {
        let mut power = || {
            random
                .random_range(f64::MIN_POSITIVE..1.0)
                .powf(1.0 / alpha)
        };
        let (one, other) = (power(), power());
        let sum = one + other;
        if sum <= 1.0 && sum > 0.0 {
            return one / sum;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use facepipe_nn::{Backbone, WeightsChoice};

    fn settings() -> Settings {
        Settings::defaults(Backbone::Resnet18, WeightsChoice::None, 7)
    }

    #[test]
    fn beta_has_the_mean_and_the_variance_of_its_alpha() {
        for alpha in [0.2, 1.0, 2.0] {
            let mut random = generator(1, Purpose::Mixup, 1, 0);
            let numbers: Vec<f64> = (0..4000).map(|_| beta(alpha, &mut random)).collect();
            let mean = numbers.iter().sum::<f64>() / 4000.0;
            let squares = numbers.iter().map(|number| (number - mean).powi(2));
            let variance = squares.sum::<f64>() / 4000.0;
            let expected = 0.25 / (2.0 * alpha + 1.0);
            assert!((mean - 0.5).abs() < 0.03, "{alpha}: {mean}");
            assert!(
                (variance / expected - 1.0).abs() < 0.1,
                "{alpha}: {variance}"
            );
        }
    }

    #[test]
    fn images_and_labels_are_mixed_alike() {
        tch::set_num_threads(1);
        let with_mixup = Settings {
            mixup: 1.0,
            ..settings()
        };
        let mixup = Mixup::draw(&with_mixup, 1, 3, 3);
        let (share, others) = mixup.pairs.as_ref().expect("it is on");
        let images = Tensor::from_slice(&[1.0_f32, 2.0, 4.0, 8.0, 16.0, 32.0]).view([3, 2]);
        let mixed = mixup.mix(&images);
        for (row, other) in others.iter().enumerate() {
            let at = |row: i64| images.double_value(&[row, 1]);
            let expected = at(row as i64) * share + at(*other) * (1.0 - share);
            assert!((mixed.double_value(&[row as i64, 1]) - expected).abs() < 1e-4);
        }
        let logits = Tensor::from_slice(&[0.5_f32, -1.0, 2.0, 0.0, 1.0, 1.5]).view([3, 2]);
        let labels = Tensor::from_slice(&[0_i64, 1, 1]);
        let loss = mixup.loss(&logits, &labels, &with_mixup).double_value(&[]);
        let other_labels = select(&labels, others);
        let of = |labels: &Tensor| cross_entropy(&logits, labels, 0.0).double_value(&[]);
        let expected = of(&labels) * share + of(&other_labels) * (1.0 - share);
        assert!((loss - expected).abs() < 1e-6);
        let again = Mixup::draw(&with_mixup, 1, 3, 3);
        assert_eq!(again.pairs, mixup.pairs);
        assert_ne!(Mixup::draw(&with_mixup, 1, 4, 3).pairs, mixup.pairs);
        assert!(Mixup::draw(&settings(), 1, 3, 3).pairs.is_none());
    }

    #[test]
    fn a_margin_is_taken_from_the_right_labels_logit_alone() {
        let cosine = Settings {
            head: Head::Cosine,
            cosine_scale: 10.0,
            cosine_margin: 0.2,
            ..settings()
        };
        let logits = Tensor::from_slice(&[5.0_f32, 1.0, 0.0, 3.0]).view([2, 2]);
        let labels = Tensor::from_slice(&[0_i64, 1]);
        let expected = Tensor::from_slice(&[3.0_f32, 1.0, 0.0, 1.0]).view([2, 2]);
        assert_eq!(with_margin(&logits, &labels, &cosine), expected);
        assert_eq!(with_margin(&logits, &labels, &settings()), logits);
    }
}
