//! One pass over the training images, and one over those of val.

use tch::{Kind, Tensor};

use super::error::TrainError;
use super::frozen::FrozenFeatures;
use super::learner::Learner;
use super::mixup::{Mixup, cross_entropy};
use super::optimizer::Rates;
use super::order::{Purpose, generator};
use super::progress::{Progress, Score, Within};
use super::sampling;
use super::settings::Settings;
use facepipe_core::context::Context;
use facepipe_imaging::data_set::Example;
use facepipe_nn::{Loader, Network, Picture, Precision, consecutive_batches};

/// The tools of an epoch.
pub(super) struct Epoch<'a> {
    /// From 1.
    pub(super) number: u32,
    /// The training's settings.
    pub(super) settings: &'a Settings,
    /// Makes the batches.
    pub(super) loader: &'a Loader<'a>,
    /// Progress and interruption.
    pub(super) context: &'a Context,
}

impl Epoch<'_> {
    /// Moves the network once over all training images, or over the rest of the epoch.
    /// Returns the score on them and the head's last learning rate. `keep` is called between batches
    /// with all that it takes to resume there.
    pub(super) fn train(
        &self,
        examples: &[Example],
        learner: &mut Learner,
        progress: &mut Progress,
        mut keep: impl FnMut(&Learner, &Progress) -> Result<(), TrainError> + Send,
    ) -> Result<(Score, f64), TrainError> {
        let (settings, number) = (self.settings, self.number);
        learner.network.set_trunk_trainable(true);
        learner.start_ema(settings);
        let labels: Vec<usize> = examples.iter().map(|example| example.label).collect();
        let batches = self.batches(&labels, number);
        let steps_per_epoch = batches.len().div_ceil(settings.accumulate.max(1) as usize) as u64;
        let mut tally = self.tally("train", examples.len());
        tally.within = progress.within.unwrap_or_default();
        tally.task.advance(tally.within.images as u64);
        let first = tally.within;
        let cut = |position, picture: Picture| {
            let (purpose, position) = (Purpose::Augmentation, first.images + position);
            let mut random = generator(settings.seed, purpose, number, position);
            settings.augmentation.apply(&picture, &mut random)
        };
        let left = &batches[first.batches.min(batches.len())..];
        self.loader.each_picture(examples, left, cut, |batch| {
            let epochs = settings.epochs - settings.freeze_epochs.min(settings.epochs);
            let (steps, plateau) = (progress.steps, &progress.plateau);
            let factor = settings
                .schedule
                .factor(steps, steps_per_epoch, epochs, plateau);
            let rate = settings.learning_rate * factor;
            let mixup = Mixup::draw(settings, number, tally.within.batches, batch.size());
            let images = settings.precision.input(&mixup.mix(&batch.images));
            let features = learner.network.features(&images, true);
            let logits = learner.network.classify(&features);
            let loss = mixup.loss(&logits, &batch.labels, settings);
            let names = || names(examples, &batch.examples);
            tally.add(&batch.labels, &logits, &loss, names)?;
            learner.add(&loss);
            tally.within.learning_rate = rate;
            let is_last = tally.within.batches == batches.len();
            if learner.optimizer.pending() >= settings.accumulate || is_last {
                let (trunk, head) = (rate * settings.trunk_rate, rate);
                let moved = learner.step(Rates { trunk, head });
                moved.map_err(|_| tally.not_finite("gradients", f64::NAN, names()))?;
                progress.steps += 1;
            }
            progress.within = Some(tally.within);
            keep(learner, progress)
        })?;
        Ok((tally.score(), tally.within.learning_rate))
    }

    /// Moves only the head, by features of the training images. Returns as [`Epoch::train`] does.
    pub(super) fn train_head(
        &self,
        frozen: &FrozenFeatures,
        examples: &[Example],
        learner: &mut Learner,
        progress: &mut Progress,
    ) -> Result<(Score, f64), TrainError> {
        let (settings, passes) = (self.settings, self.settings.frozen_passes);
        learner.network.set_trunk_trainable(false);
        let labels = frozen.train_labels();
        let mut tally = self.tally("train", labels.len() * passes as usize);
        let mut rate = 0.0;
        for pass in (self.number - 1) * passes + 1..=self.number * passes {
            let batches = self.batches(labels, pass);
            let mut position = 0;
            for (number, chosen) in batches.iter().enumerate() {
                self.context.interrupt.check()?;
                let epochs = settings.freeze_epochs * passes;
                let per_epoch = batches.len() as u64;
                let (steps, plateau) = (progress.steps, &progress.plateau);
                let factor = settings.schedule.factor(steps, per_epoch, epochs, plateau);
                rate = settings.frozen_rate * factor;
                let (features, labels) = frozen.batch(chosen, position, settings.seed, pass);
                let mixup = Mixup::draw(settings, pass, number, chosen.len());
                let logits = learner.network.classify(&mixup.mix(&features));
                let loss = mixup.loss(&logits, &labels, settings);
                let names = || names(examples, chosen);
                tally.add(&labels, &logits, &loss, names)?;
                learner.add(&loss);
                let (trunk, head) = (0.0, rate);
                let moved = learner.step(Rates { trunk, head });
                moved.map_err(|_| tally.not_finite("gradients", f64::NAN, names()))?;
                progress.steps += 1;
                position += chosen.len();
            }
        }
        Ok((tally.score(), rate))
    }

    /// The score of the head on features of val.
    pub(super) fn validate_head(
        &self,
        frozen: &FrozenFeatures,
        network: &Network,
    ) -> Result<Score, TrainError> {
        let (features, labels) = frozen.val();
        let mut tally = self.tally("val", labels.size()[0] as usize);
        let logits = tch::no_grad(|| network.classify(features));
        let loss = cross_entropy(&logits, labels, 0.0);
        tally.add(labels, &logits, &loss, Vec::new)?;
        Ok(tally.score())
    }

    /// The score on images as they are, in 32 bits: it is as the model will be used.
    pub(super) fn validate(
        &self,
        examples: &[Example],
        network: &Network,
    ) -> Result<Score, TrainError> {
        let batches = consecutive_batches(examples.len(), self.settings.batch as usize);
        let mut tally = self.tally("val", examples.len());
        let unchanged = |_, image| image;
        self.loader.each(examples, &batches, unchanged, |batch| {
            self.context.interrupt.check()?;
            tch::no_grad(|| {
                let logits = network.forward(&Precision::F32.input(&batch.images));
                let loss = cross_entropy(&logits, &batch.labels, 0.0);
                let names = || names(examples, &batch.examples);
                tally.add(&batch.labels, &logits, &loss, names)
            })
        })?;
        Ok(tally.score())
    }

    fn batches(&self, labels: &[usize], pass: u32) -> Vec<Vec<usize>> {
        let settings = self.settings;
        let batch = settings.batch as usize;
        sampling::batches(labels, settings.balance, batch, settings.seed, pass)
    }

    fn tally(&self, side: &'static str, images: usize) -> Tally {
        let name = format!("{side} {}/{}", self.number, self.settings.epochs);
        Tally {
            side,
            epoch: self.number,
            task: self.context.progress.start(&name, Some(images as u64)),
            within: Within::default(),
        }
    }
}

fn names(examples: &[Example], chosen: &[usize]) -> Vec<String> {
    let files = chosen.iter().map(|index| examples[*index].file.clone());
    files.collect()
}

/// Sums over the batches of a pass.
struct Tally {
    side: &'static str,
    epoch: u32,
    task: Box<dyn facepipe_core::ports::TaskProgress>,
    within: Within,
}

impl Tally {
    fn add(
        &mut self,
        labels: &Tensor,
        logits: &Tensor,
        loss: &Tensor,
        names: impl Fn() -> Vec<String>,
    ) -> Result<(), TrainError> {
        let images = labels.size()[0] as usize;
        self.within.batches += 1;
        self.within.images += images;
        let loss = loss.double_value(&[]);
        if !loss.is_finite() {
            let what = if self.side == "val" {
                "loss on val"
            } else {
                "loss on train"
            };
            return Err(self.not_finite(what, loss, names()));
        }
        self.within.loss += loss * images as f64;
        let hits = logits.argmax(-1, false).eq_tensor(labels);
        self.within.right += hits.sum(Kind::Int64).int64_value(&[]);
        self.task.advance(images as u64);
        let mean = self.within.loss / self.within.images as f64;
        self.task.message(&format!("loss {mean:.4}"));
        Ok(())
    }

    fn not_finite(&self, what: &'static str, value: f64, images: Vec<String>) -> TrainError {
        TrainError::NotFinite {
            what,
            value,
            epoch: self.epoch,
            batch: self.within.batches,
            images,
        }
    }

    fn score(&self) -> Score {
        let images = self.within.images.max(1) as f64;
        Score {
            loss: self.within.loss / images,
            accuracy: self.within.right as f64 / images,
        }
    }
}
