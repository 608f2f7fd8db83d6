//! One pass over the training images, and one over those of val.

use tch::{Kind, Tensor};

use super::checkpoint::Score;
use super::error::TrainError;
use super::frozen::FrozenFeatures;
use super::mixup::{Mixup, cross_entropy};
use super::optimizer::{AdamW, Rates};
use super::order::{Purpose, generator};
use super::sampling;
use super::schedule::Plateau;
use super::settings::Settings;
use crate::context::Context;
use crate::data_set::Example;
use crate::nn::{Loader, Network, Picture, consecutive_batches};

/// What an epoch works with.
pub(super) struct Epoch<'a> {
    /// From 1.
    pub(super) number: u32,
    /// The training's settings.
    pub(super) settings: &'a Settings,
    /// The network, which moves.
    pub(super) network: &'a Network,
    /// Makes the batches.
    pub(super) loader: &'a Loader<'a>,
    /// Progress and interruption.
    pub(super) context: &'a Context,
}

impl Epoch<'_> {
    /// Moves the network once over all training images. Returns the score on them and the head's
    /// last learning rate; `steps` counts the steps of the whole training.
    pub(super) fn train(
        &self,
        examples: &[Example],
        optimizer: &mut AdamW,
        plateau: &Plateau,
        steps: &mut u64,
    ) -> Result<(Score, f64), TrainError> {
        let (settings, number) = (self.settings, self.number);
        self.network.set_trunk_trainable(true);
        let labels: Vec<usize> = examples.iter().map(|example| example.label).collect();
        let batches = self.batches(&labels, number);
        let mut tally = self.tally("train", examples.len());
        let mut rate = 0.0;
        let mut batch_number = 0;
        let cut = |position, picture: Picture| {
            let purpose = Purpose::Augmentation;
            let mut random = generator(settings.seed, purpose, number, position);
            settings.augmentation.apply(&picture, &mut random)
        };
        self.loader.each_picture(examples, &batches, cut, |batch| {
            let epochs = settings.epochs - settings.freeze_epochs.min(settings.epochs);
            let per_epoch = batches.len() as u64;
            let factor = settings.schedule.factor(*steps, per_epoch, epochs, plateau);
            rate = settings.learning_rate * factor;
            let mixup = Mixup::draw(settings, number, batch_number, batch.size());
            batch_number += 1;
            let features = self.network.features(&mixup.mix(&batch.images), true);
            let logits = self.network.classify(&features);
            let loss = mixup.loss(&logits, &batch.labels, settings);
            tally.add(&batch.labels, &logits, &loss)?;
            optimizer.step(
                &loss,
                Rates {
                    trunk: rate * settings.trunk_rate,
                    head: rate,
                },
            );
            self.network.project_head(settings.cosine_scale);
            *steps += 1;
            Ok::<(), TrainError>(())
        })?;
        Ok((tally.score(), rate))
    }

    /// Moves the head alone, by features of the training images. Returns as [`Epoch::train`] does.
    pub(super) fn train_head(
        &self,
        frozen: &FrozenFeatures,
        optimizer: &mut AdamW,
        plateau: &Plateau,
        steps: &mut u64,
    ) -> Result<(Score, f64), TrainError> {
        let (settings, passes) = (self.settings, self.settings.frozen_passes);
        self.network.set_trunk_trainable(false);
        let labels = frozen.train_labels();
        let mut tally = self.tally("train", labels.len() * passes as usize);
        let mut rate = 0.0;
        for pass in (self.number - 1) * passes + 1..=self.number * passes {
            let batches = self.batches(labels, pass);
            let mut position = 0;
            for (number, chosen) in batches.iter().enumerate() {
                let epochs = settings.freeze_epochs * passes;
                let per_epoch = batches.len() as u64;
                let factor = settings.schedule.factor(*steps, per_epoch, epochs, plateau);
                rate = settings.frozen_rate * factor;
                let (features, labels) = frozen.batch(chosen, position, settings.seed, pass);
                let mixup = Mixup::draw(settings, pass, number, chosen.len());
                let logits = self.network.classify(&mixup.mix(&features));
                let loss = mixup.loss(&logits, &labels, settings);
                tally.add(&labels, &logits, &loss)?;
                let (trunk, head) = (0.0, rate);
                optimizer.step(&loss, Rates { trunk, head });
                self.network.project_head(settings.cosine_scale);
                *steps += 1;
                position += chosen.len();
            }
        }
        Ok((tally.score(), rate))
    }

    /// The score of the head on features of val.
    pub(super) fn validate_head(&self, frozen: &FrozenFeatures) -> Result<Score, TrainError> {
        let (features, labels) = frozen.val();
        let mut tally = self.tally("val", labels.size()[0] as usize);
        let logits = tch::no_grad(|| self.network.classify(features));
        tally.add(labels, &logits, &cross_entropy(&logits, labels, 0.0))?;
        Ok(tally.score())
    }

    /// The score on images as they are.
    pub(super) fn validate(&self, examples: &[Example]) -> Result<Score, TrainError> {
        let batches = consecutive_batches(examples.len(), self.settings.batch as usize);
        let mut tally = self.tally("val", examples.len());
        let unchanged = |_, image| image;
        self.loader.each(examples, &batches, unchanged, |batch| {
            tch::no_grad(|| {
                let logits = self.network.forward(&batch.images);
                let loss = cross_entropy(&logits, &batch.labels, 0.0);
                tally.add(&batch.labels, &logits, &loss)
            })
        })?;
        Ok(tally.score())
    }

    fn batches(&self, labels: &[usize], pass: u32) -> Vec<Vec<usize>> {
        let settings = self.settings;
        let batch = settings.batch as usize;
        sampling::batches(labels, settings.balance, batch, settings.seed, pass)
    }

    fn tally(&self, side: &str, images: usize) -> Tally<'_> {
        let name = format!("{side} {}/{}", self.number, self.settings.epochs);
        Tally {
            epoch: self.number,
            context: self.context,
            task: self.context.progress.start(&name, Some(images as u64)),
            batches: 0,
            images: 0,
            loss: 0.0,
            right: 0,
        }
    }
}

/// Sums over the batches of a pass.
struct Tally<'a> {
    epoch: u32,
    context: &'a Context,
    task: Box<dyn crate::ports::TaskProgress>,
    batches: usize,
    images: usize,
    loss: f64,
    right: i64,
}

impl Tally<'_> {
    fn add(&mut self, labels: &Tensor, logits: &Tensor, loss: &Tensor) -> Result<(), TrainError> {
        self.context.interrupt.check()?;
        let images = labels.size()[0] as usize;
        self.batches += 1;
        self.images += images;
        let loss = loss.double_value(&[]);
        if !loss.is_finite() {
            return Err(TrainError::NotFinite {
                epoch: self.epoch,
                batch: self.batches,
                loss,
            });
        }
        self.loss += loss * images as f64;
        let hits = logits.argmax(-1, false).eq_tensor(labels);
        self.right += hits.sum(Kind::Int64).int64_value(&[]);
        self.task.advance(images as u64);
        self.task
            .message(&format!("loss {:.4}", self.loss / self.images as f64));
        Ok(())
    }

    fn score(&self) -> Score {
        Score {
            loss: self.loss / self.images.max(1) as f64,
            accuracy: self.right as f64 / self.images.max(1) as f64,
        }
    }
}
