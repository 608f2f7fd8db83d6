//! The state of a training: everything that it needs to resume, but tensors.

use serde::{Deserialize, Serialize};

use super::scaler::LossScaler;
use super::schedule::Plateau;
use super::settings::Settings;

/// The state of a training.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Progress {
    /// Digest of the settings and inputs that it belongs to.
    pub(super) run: String,
    /// Epochs done.
    pub(super) epoch: u32,
    /// Steps done since the trunk was frozen or began to move: each has a schedule of its own.
    pub(super) steps: u64,
    /// The state of the plateau schedule.
    pub(super) plateau: Plateau,
    /// The best epoch so far.
    pub(super) best: Option<Best>,
    /// Epochs since then, or since the trunk moves.
    pub(super) epochs_without_gain: u32,
    /// Whether it is finished.
    pub(super) finished: bool,
    /// The lines of `metrics.csv`.
    pub(super) metrics: Vec<EpochMetrics>,
    /// The finished part of the next epoch; nothing between epochs.
    pub(super) within: Option<Within>,
    /// The factor of the loss, in fp16.
    pub(super) scaler: Option<LossScaler>,
    /// Steps that the averaged network has followed, where there is one.
    pub(super) ema_updates: Option<u64>,
}

/// The state of a training within an epoch.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Within {
    /// Batches done.
    pub(super) batches: usize,
    /// Images in them.
    pub(super) images: usize,
    /// The sum of their losses.
    pub(super) loss: f64,
    /// How many of the images were right.
    pub(super) right: i64,
    /// The head's last learning rate.
    pub(super) learning_rate: f64,
}

/// The best epoch of a training: the one with the lowest loss on val.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Best {
    /// The epoch, from 1.
    pub epoch: u32,
    /// Mean cross-entropy on val, in nats.
    pub val_loss: f64,
    /// Share of images of val that are right.
    pub val_accuracy: f64,
}

/// One line of `metrics.csv`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct EpochMetrics {
    /// From 1.
    pub(super) epoch: u32,
    /// Whether the trunk was frozen.
    pub(super) frozen: bool,
    /// The head's learning rate in the epoch's last step.
    pub(super) learning_rate: f64,
    /// Over the training images, as changed, while the network moved.
    pub(super) train: Score,
    /// Over the images of val, after the epoch.
    pub(super) val: Score,
}

/// Loss and accuracy over some images.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Score {
    /// Mean cross-entropy in nats.
    pub(super) loss: f64,
    /// Share of images that are right.
    pub(super) accuracy: f64,
}

impl Progress {
    /// The start of a training.
    pub(super) const fn new(run: String, plateau: Plateau) -> Self {
        Self {
            run,
            epoch: 0,
            steps: 0,
            plateau,
            best: None,
            epochs_without_gain: 0,
            finished: false,
            metrics: Vec::new(),
            within: None,
            scaler: None,
            ema_updates: None,
        }
    }

    /// Records an epoch; returns whether it is the best so far.
    pub(super) fn after_epoch(&mut self, metrics: EpochMetrics, settings: &Settings) -> bool {
        let val = metrics.val;
        let gained = self.best.is_none_or(|best| val.loss < best.val_loss);
        self.epoch = metrics.epoch;
        self.within = None;
        self.plateau.after_epoch(val.loss);
        if gained {
            self.best = Some(Best {
                epoch: metrics.epoch,
                val_loss: val.loss,
                val_accuracy: val.accuracy,
            });
        }
        // The head on a frozen trunk soon stops improving: that is no reason to end before it moves.
        self.epochs_without_gain = if gained || metrics.frozen {
            0
        } else {
            self.epochs_without_gain + 1
        };
        let out_of_patience =
            settings.patience > 0 && self.epochs_without_gain >= settings.patience;
        self.finished = out_of_patience || self.epoch >= settings.epochs;
        self.metrics.push(metrics);
        gained
    }

    /// The text of `metrics.csv`.
    pub(super) fn metrics_csv(&self) -> String {
        let mut csv = "epoch,phase,lr,train_loss,train_accuracy,val_loss,val_accuracy\n".to_owned();
        for line in &self.metrics {
            let phase = if line.frozen { "frozen" } else { "full" };
            csv.push_str(&format!(
                "{},{phase},{:.9},{:.6},{:.6},{:.6},{:.6}\n",
                line.epoch,
                line.learning_rate,
                line.train.loss,
                line.train.accuracy,
                line.val.loss,
                line.val.accuracy
            ));
        }
        csv
    }
}
