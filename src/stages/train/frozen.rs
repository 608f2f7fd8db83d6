//! Epochs in which the trunk is frozen: the features of the images are computed once, and then only
//! the head learns, from features in memory.

use tch::{Kind, Tensor};

use super::error::TrainError;
use super::feature_cache::{FeatureCache, View};
use super::features::{Features, features_of};
use super::mixup::cross_entropy;
use super::order::{Purpose, generator};
use super::settings::Settings;
use facepipe_core::context::Context;
use facepipe_core::types::Head;
use facepipe_imaging::data_set::Example;
use facepipe_nn::{Loader, Network, Picture, consecutive_batches, of_length_one};
use image::{RgbImage, imageops};
use rand::RngExt;

/// How many steepnesses are tried for the first head, each by √2 less than the one before. The first
/// is right where the parts of a feature vary independently of each other, which is never the case.
const STEEPNESSES: i32 = 24;

/// Images of a label, on average, from which on the spread of features is measured on those of train alone:
/// with one image a label they have none.
const ENOUGH_IMAGES: usize = 2;
/// Least variance of a label's features, as a share of that of the labels' means. Of features that were trained
/// to distinguish faces it is about a quarter, of those of ImageNet about as large as that; a hundredth is only
/// reached where all images of a label are copies of one, and would make every answer certain.
const LEAST_SHARE: f64 = 0.01;
/// Variance of features below which they are taken to be equal, where the means are equal as well: the square
/// of single precision's rounding.
const SMALLEST_VARIANCE: f64 = 1e-14;

/// Features of the images of train and val, on the loader's device.
pub(super) struct FrozenFeatures {
    /// `[images, features]` for each view of the training images.
    views: Vec<Tensor>,
    /// `[images]`.
    labels: Tensor,
    /// The same for the order of the images.
    train_labels: Vec<usize>,
    /// `[images, features]` of val.
    val: Tensor,
    /// `[images]` of val.
    val_labels: Tensor,
}

impl FrozenFeatures {
    /// Runs the trunk over all images, and over the training images once a view: as they are,
    /// mirrored, then changed by chance. What `cache` knows is not computed again.
    pub(super) fn compute(
        network: &Network,
        loader: &Loader<'_>,
        settings: &Settings,
        [train, val]: [&[Example]; 2],
        cache: &mut FeatureCache,
        context: &Context,
    ) -> Result<Self, TrainError> {
        let images = train.len() * settings.frozen_views as usize + val.len();
        let task = context.progress.start("features", Some(images as u64));
        let done = |images: usize| {
            context.interrupt.check()?;
            task.advance(images as u64);
            Ok(())
        };
        let run = |examples: &[Example], cut: &(dyn Fn(usize, Picture) -> RgbImage + Sync)| {
            let batches = consecutive_batches(examples.len(), settings.batch as usize);
            features_of(network, loader, examples, &batches, cut, done)
        };
        let mut run_new = |examples: &[Example], view: View| -> Result<Tensor, TrainError> {
            let known = |example: &Example| cache.get(example, view, loader.device);
            let mut rows: Vec<Option<Tensor>> = examples.iter().map(known).collect();
            let new = examples.iter().zip(&rows).filter(|(_, row)| row.is_none());
            let new: Vec<Example> = new.map(|(example, _)| example.clone()).collect();
            done(examples.len() - new.len())?;
            if !new.is_empty() {
                let computed = run(&new, &|_, picture| match view {
                    View::Plain => picture.chip(),
                    View::Mirrored => imageops::flip_horizontal(&picture.chip()),
                })?;
                let missing = rows.iter_mut().filter(|row| row.is_none());
                for (row, index) in missing.zip(0..) {
                    *row = Some(computed.features.get(index));
                }
            }
            let rows: Vec<Tensor> = rows.into_iter().flatten().collect();
            for (example, row) in examples.iter().zip(&rows) {
                cache.put(example, view, row);
            }
            Ok(Tensor::stack(&rows, 0))
        };
        let val_features = run_new(val, View::Plain)?;
        let mut views = vec![run_new(train, View::Plain)?];
        for view in 1..settings.frozen_views {
            views.push(if view == 1 && settings.augmentation.flip {
                run_new(train, View::Mirrored)?
            } else {
                let changed = |position: usize, picture: Picture| {
                    let place = view as usize * train.len() + position;
                    let mut random = generator(settings.seed, Purpose::View, 0, place);
                    settings.augmentation.apply(&picture, &mut random)
                };
                run(train, &changed)?.features
            });
        }
        let labels = |examples: &[Example]| -> Vec<usize> {
            examples.iter().map(|example| example.label).collect()
        };
        let numbers = |examples: &[Example]| {
            let labels: Vec<i64> = examples.iter().map(|one| one.label as i64).collect();
            Tensor::from_slice(&labels).to_device(loader.device)
        };
        Ok(Self {
            views,
            labels: numbers(train),
            train_labels: labels(train),
            val: val_features,
            val_labels: numbers(val),
        })
    }

    /// Features of the images of train and val as they are.
    pub(super) fn of_sides(&self) -> [Features; 2] {
        let side = |features: &Tensor, labels: &Tensor| Features {
            features: features.shallow_clone(),
            labels: labels.shallow_clone(),
        };
        [
            side(&self.views[0], &self.labels),
            side(&self.val, &self.val_labels),
        ]
    }

    /// Features and labels of some training images, each seen in one of its views by chance.
    ///
    /// # Shapes
    /// `[batch, features]` and `[batch]`.
    pub(super) fn batch(
        &self,
        chosen: &[usize],
        first_position: usize,
        seed: u64,
        pass: u32,
    ) -> (Tensor, Tensor) {
        let views = self.views.len();
        let rows: Vec<Tensor> = chosen
            .iter()
            .zip(first_position..)
            .map(|(index, position)| {
                let mut random = generator(seed, Purpose::View, pass, position);
                let view = &self.views[random.random_range(0..views)];
                view.select(0, *index as i64)
            })
            .collect();
        let indices: Vec<i64> = chosen.iter().map(|index| *index as i64).collect();
        let indices = Tensor::from_slice(&indices).to_device(self.labels.device());
        (
            Tensor::stack(&rows, 0),
            self.labels.index_select(0, &indices),
        )
    }

    /// The labels of the training images.
    pub(super) fn train_labels(&self) -> &[usize] {
        &self.train_labels
    }

    /// Features and labels of val.
    pub(super) const fn val(&self) -> (&Tensor, &Tensor) {
        (&self.val, &self.val_labels)
    }

    /// Gives the head its first weights: each label's logit falls with the square of the distance to
    /// the mean of its features, with the steepness that fits the images of val best. For features that were
    /// trained to distinguish faces that is a good classifier already. A label without images keeps
    /// its random weights.
    ///
    /// Source: J. Snell et al., "Prototypical networks for few-shot learning", NeurIPS 2017, section
    /// 2.4: distances to means are a linear layer.
    ///
    /// A cosine head begins with the directions from the middle of all means to each of them, all of length 1: a
    /// mean is the shorter, the more its label's images differ, and would then get the faces that belong to another.
    pub(super) fn start_head(&self, network: &Network, labels: usize, smoothing: f64) {
        let _guard = tch::no_grad_guard();
        let classes = self.classes(labels);
        let (mut weight, mut bias) = network.head();
        if network.head_kind() == Head::Cosine {
            let (labels, means): (Vec<i64>, Vec<Tensor>) = classes.means.into_iter().unzip();
            let directions = of_length_one(&Tensor::stack(&means, 0));
            let middle = directions.mean_dim([0_i64].as_slice(), true, Kind::Float);
            let from_middle = directions - middle;
            for (row, label) in (0..).zip(labels) {
                weight.select(0, label).copy_(&from_middle.select(0, row));
            }
            return;
        }
        let mut best = (f64::INFINITY, weight.copy(), bias.copy());
        for step in 0..STEEPNESSES {
            let less = 0.5_f64.powf(f64::from(step) / 2.0);
            let steepness = 0.5 / classes.variance * less;
            for (label, mean) in &classes.means {
                let square = mean.square().sum(Kind::Float);
                weight.select(0, *label).copy_(&(mean * (2.0 * steepness)));
                bias.select(0, *label).copy_(&(square * -steepness));
            }
            let logits = network.classify(&self.val);
            let loss = cross_entropy(&logits, &self.val_labels, smoothing).double_value(&[]);
            if loss < best.0 {
                best = (loss, weight.copy(), bias.copy());
            }
        }
        weight.copy_(&best.1);
        bias.copy_(&best.2);
    }

    /// The means of the labels that have images, and how far features are from them.
    fn classes(&self, labels: usize) -> Classes {
        let features = &self.views[0];
        let (mut means, mut squares) = (Vec::new(), 0.0);
        for label in 0..labels as i64 {
            let rows = self.labels.eq(label).nonzero().flatten(0, -1);
            if rows.numel() == 0 {
                continue;
            }
            let of_label = features.index_select(0, &rows);
            let mean = of_label.mean_dim([0_i64].as_slice(), false, Kind::Float);
            squares += (of_label - &mean)
                .square()
                .sum(Kind::Float)
                .double_value(&[]);
            means.push((label, mean));
        }
        let mut variance = squares / features.numel().max(1) as f64;
        if self.train_labels.len() < ENOUGH_IMAGES * means.len() {
            variance = variance.max(self.variance_of_val(&means));
        }
        let least = (LEAST_SHARE * variance_of_means(&means)).max(SMALLEST_VARIANCE);
        Classes {
            means,
            variance: variance.max(least),
        }
    }

    /// How far the features of val are from the means of their labels. A mean of so few images is itself about
    /// as far from the label's true mean, so that this is more than the spread: the cautious side.
    fn variance_of_val(&self, means: &[(i64, Tensor)]) -> f64 {
        let (mut squares, mut numbers) = (0.0, 0);
        for (label, mean) in means {
            let rows = self.val_labels.eq(*label).nonzero().flatten(0, -1);
            if rows.numel() > 0 {
                let apart = self.val.index_select(0, &rows) - mean;
                numbers += apart.numel();
                squares += apart.square().sum(Kind::Float).double_value(&[]);
            }
        }
        squares / numbers.max(1) as f64
    }
}

/// Mean square of the difference between a number of a mean and that of the mean of all means.
fn variance_of_means(means: &[(i64, Tensor)]) -> f64 {
    if means.is_empty() {
        return 0.0;
    }
    let means: Vec<&Tensor> = means.iter().map(|(_, mean)| mean).collect();
    let means = Tensor::stack(&means, 0);
    let middle = means.mean_dim([0_i64].as_slice(), true, Kind::Float);
    (means - middle)
        .square()
        .mean(Kind::Float)
        .double_value(&[])
}

/// Statistics of the labels' features.
struct Classes {
    /// By label: the mean of its features, `[features]`.
    means: Vec<(i64, Tensor)>,
    /// Mean square of the difference between a number of a feature and its mean.
    variance: f64,
}

#[cfg(test)]
mod tests {
    use super::*;
    use facepipe_nn::Backbone;
    use tch::Device;

    #[test]
    fn the_first_head_separates_clusters_and_ignores_an_empty_label() {
        tch::set_num_threads(1);
        tch::manual_seed(5);
        let network = Network::new(Backbone::Resnet18, 3, Device::Cpu);
        let untouched = network.head().0.select(0, 1).copy();
        let centres = Tensor::randn([3, 512], (Kind::Float, Device::Cpu));
        let labels = Tensor::from_slice(&[0_i64, 2, 0, 2, 2, 0]);
        let near = |labels: &Tensor| {
            let noise = Tensor::randn([labels.size()[0], 512], (Kind::Float, Device::Cpu));
            centres.index_select(0, labels) + noise * 0.3
        };
        let val_labels = Tensor::from_slice(&[2_i64, 0, 2, 0]);
        let frozen = FrozenFeatures {
            views: vec![near(&labels), near(&labels)],
            val: near(&val_labels),
            train_labels: vec![0, 2, 0, 2, 2, 0],
            labels,
            val_labels,
        };
        frozen.start_head(&network, 3, 0.1);
        let (features, expected) = frozen.val();
        let answers = tch::no_grad(|| network.classify(features));
        assert_eq!(answers.argmax(-1, false), *expected);
        let certainty = answers.softmax(-1, Kind::Float).max().double_value(&[]);
        assert!((0.5..0.9999).contains(&certainty), "{certainty}");
        assert_eq!(network.head().0.select(0, 1), untouched);
    }

    #[test]
    fn a_label_of_unlike_images_keeps_its_place_in_a_cosine_head() {
        let network = Network::with_head(Backbone::Resnet18, Head::Cosine, 2, Device::Cpu);
        let rows = |rows: &[[f32; 3]]| {
            let features = Tensor::zeros([rows.len() as i64, 512], (Kind::Float, Device::Cpu));
            for (row, numbers) in (0..).zip(rows) {
                features
                    .select(0, row)
                    .narrow(0, 0, 3)
                    .copy_(&Tensor::from_slice(numbers));
            }
            features
        };
        // The mean of the first label is a tenth as long as the second's.
        let train = [[1.0, 0.0, 3.0], [1.0, 0.0, -3.0], [0.0, 10.0, 0.0]];
        let labels = Tensor::from_slice(&[0_i64, 0, 1]);
        let frozen = FrozenFeatures {
            views: vec![rows(&train)],
            val: rows(&[[0.6, 0.5, 0.0]]),
            train_labels: vec![0, 0, 1],
            labels: labels.copy(),
            val_labels: Tensor::from_slice(&[0_i64]),
        };
        frozen.start_head(&network, 2, 0.1);
        let (features, expected) = frozen.val();
        let answers = tch::no_grad(|| network.classify(features));
        assert_eq!(answers.argmax(-1, false), *expected);
    }

    #[test]
    fn one_image_a_label_does_not_make_the_first_head_certain_of_everything() {
        tch::set_num_threads(1);
        tch::manual_seed(5);
        let network = Network::new(Backbone::Resnet18, 4, Device::Cpu);
        let labels = Tensor::arange(4, (Kind::Int64, Device::Cpu));
        let centres = Tensor::randn([4, 512], (Kind::Float, Device::Cpu));
        let near = || &centres + Tensor::randn([4, 512], (Kind::Float, Device::Cpu)) * 0.5;
        let (train, val, known) = (near(), near(), near());
        let strangers = Tensor::randn([40, 512], (Kind::Float, Device::Cpu));
        // Copies in val have no spread either.
        for val in [val, train.copy()] {
            let frozen = FrozenFeatures {
                views: vec![train.copy()],
                val,
                train_labels: vec![0, 1, 2, 3],
                labels: labels.copy(),
                val_labels: labels.copy(),
            };
            frozen.start_head(&network, 4, 0.1);
            let certainty = |features: &Tensor| {
                let answers = tch::no_grad(|| network.classify(features));
                answers
                    .softmax(-1, Kind::Float)
                    .amax([-1_i64].as_slice(), false)
            };
            let of_strangers = certainty(&strangers).mean(Kind::Float).double_value(&[]);
            let of_known = certainty(&known).mean(Kind::Float).double_value(&[]);
            assert!(
                of_strangers < 0.9 && of_known > of_strangers,
                "{of_known} {of_strangers}"
            );
        }
    }

    #[test]
    fn a_batch_has_the_views_of_the_chosen_images_in_their_order() {
        let view = |start: i64| Tensor::arange(5, (Kind::Float, Device::Cpu)).view([5, 1]) + start;
        let frozen = FrozenFeatures {
            views: vec![view(0), view(100)],
            labels: Tensor::from_slice(&[0_i64, 1, 2, 3, 4]),
            train_labels: vec![0, 1, 2, 3, 4],
            val: view(0),
            val_labels: Tensor::from_slice(&[0_i64, 1, 2, 3, 4]),
        };
        let chosen = [4, 0, 2];
        let batch = |pass| frozen.batch(&chosen, 7, 3, pass);
        let (features, labels) = batch(1);
        assert_eq!(labels, Tensor::from_slice(&[4_i64, 0, 2]));
        let images = features.remainder(100.0).flatten(0, -1);
        assert_eq!(images, Tensor::from_slice(&[4.0_f32, 0.0, 2.0]));
        assert_eq!(features, batch(1).0);
        assert!((2..20).any(|pass| batch(pass).0 != features));
    }
}
