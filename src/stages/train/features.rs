//! The trunk's features of images.

use image::RgbImage;
use tch::Tensor;

use super::Training;
use super::error::TrainError;
use super::frozen::FrozenFeatures;
use facepipe_imaging::data_set::Example;
use facepipe_nn::{Loader, Network, Picture, consecutive_batches};

/// Features of some images, on the loader's device.
pub(super) struct Features {
    /// `[images, features]`.
    pub(super) features: Tensor,
    /// Numbers of labels, `[images]`.
    pub(super) labels: Tensor,
}

/// Runs the trunk over images; `cut` makes the chip of a decoded one, `done` is told how many images each batch
/// had and may stop the work.
pub(super) fn features_of(
    network: &Network,
    loader: &Loader<'_>,
    examples: &[Example],
    batches: &[Vec<usize>],
    cut: impl Fn(usize, Picture) -> RgbImage + Sync,
    done: impl Fn(usize) -> Result<(), TrainError>,
) -> Result<Features, TrainError> {
    let (mut features, mut labels) = (Vec::new(), Vec::new());
    loader.each_picture(examples, batches, cut, |batch| {
        features.push(tch::no_grad(|| network.features(&batch.images, false)));
        done(batch.size())?;
        labels.push(batch.labels);
        Ok::<(), TrainError>(())
    })?;
    Ok(Features {
        features: Tensor::cat(&features, 0),
        labels: Tensor::cat(&labels, 0),
    })
}

impl Training<'_> {
    /// Features of the images of train and val as they are, by the trained network: those of a trunk that
    /// was frozen all the time are known.
    pub(super) fn final_features(
        &self,
        network: &Network,
        frozen: Option<&FrozenFeatures>,
    ) -> Result<[Features; 2], TrainError> {
        if let Some(frozen) = frozen {
            return Ok(frozen.of_sides());
        }
        let [train, val, _] = &self.sides;
        let input = self.settings.input();
        let loader = Loader {
            input: &input,
            alignment: self.settings.backbone.alignment(),
            threads: self.context.threads,
            device: self.places.device,
        };
        let images = train.usable.len() + val.usable.len();
        let task = self.context.progress.start("features", Some(images as u64));
        let run = |examples: &[Example]| {
            let batches = consecutive_batches(examples.len(), self.settings.batch as usize);
            let cut = |_, picture: Picture| picture.chip();
            features_of(network, &loader, examples, &batches, cut, |images| {
                self.context.interrupt.check()?;
                task.advance(images as u64);
                Ok(())
            })
        };
        Ok([run(&train.usable)?, run(&val.usable)?])
    }
}
