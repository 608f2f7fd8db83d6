//! What is kept after every epoch: `last` to go on with, `best` to use.
//!
//! `last` is one file, replaced as a whole: the network's tensors, the optimizer's, and all counts
//! as its text. So its parts can't be of different epochs, however the process ends.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::error::TrainError;
use super::optimizer::AdamW;
use super::schedule::Plateau;
use super::settings::Settings;
use crate::artifacts::model_folder::{BEST_FILE, LAST_FILE, METRICS_FILE};
use crate::artifacts::{atomic, digest::sha256_hex};
use crate::nn::{Network, OPTIMIZER_PREFIX, load_weights, tensor_file};

/// Where a training is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Progress {
    /// Digest of the settings and inputs that it belongs to.
    pub(super) run: String,
    /// Epochs done.
    pub(super) epoch: u32,
    /// Steps done since the trunk was frozen or began to move: each has a schedule of its own.
    pub(super) steps: u64,
    /// What the plateau schedule remembers.
    pub(super) plateau: Plateau,
    /// The best epoch so far.
    pub(super) best: Option<Best>,
    /// Epochs since then, or since the trunk moves.
    pub(super) epochs_without_gain: u32,
    /// Whether nothing more is to be done.
    pub(super) finished: bool,
    /// What `metrics.csv` holds.
    pub(super) metrics: Vec<EpochMetrics>,
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
        }
    }

    /// Takes note of an epoch; returns whether it is the best so far.
    pub(super) fn after_epoch(&mut self, metrics: EpochMetrics, settings: &Settings) -> bool {
        let val = metrics.val;
        let gained = self.best.is_none_or(|best| val.loss < best.val_loss);
        self.epoch = metrics.epoch;
        self.plateau.after_epoch(val.loss);
        if gained {
            self.best = Some(Best {
                epoch: metrics.epoch,
                val_loss: val.loss,
                val_accuracy: val.accuracy,
            });
        }
        // A frozen trunk soon gives all it can: that is no reason to end before it moves.
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

    fn metrics_csv(&self) -> String {
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

/// The checkpoints of one model.
#[derive(Debug)]
pub(super) struct Checkpoints {
    model: PathBuf,
}

impl Checkpoints {
    /// Of a model's folder.
    pub(super) fn new(model: &Path) -> Self {
        Self {
            model: model.to_owned(),
        }
    }

    /// Keeps what an epoch gave. `last` is written at the end: a process that dies before does the
    /// epoch again and writes the same files.
    pub(super) fn save(
        &self,
        network: &Network,
        optimizer: &AdamW,
        progress: &Progress,
        is_best: bool,
    ) -> Result<(), TrainError> {
        let mut tensors = network.state().tensors();
        if is_best {
            tensor_file::write(&self.model.join(BEST_FILE), &tensors, None)?;
        }
        atomic::write(
            &self.model.join(METRICS_FILE),
            progress.metrics_csv().as_bytes(),
        )?;
        let moments = optimizer.tensors().into_iter();
        tensors.extend(moments.map(|(name, tensor)| (format!("{OPTIMIZER_PREFIX}{name}"), tensor)));
        let text = serde_json::to_string(progress).map_err(std::io::Error::from)?;
        tensor_file::write(&self.model.join(LAST_FILE), &tensors, Some(text))?;
        Ok(())
    }

    /// Takes up the training where `last` left it; `None` where there is none of this run.
    pub(super) fn restore(
        &self,
        network: &Network,
        optimizer: &mut AdamW,
        run: &str,
    ) -> Result<Option<Progress>, TrainError> {
        let path = self.model.join(LAST_FILE);
        if !fs_err::exists(&path)? {
            return Ok(None);
        }
        let file = tensor_file::read(&path)?;
        let damaged = |what: String| TrainError::DamagedCheckpoint {
            path: path.clone(),
            what,
        };
        let text = file
            .text
            .ok_or_else(|| damaged("it does not say where the training is".to_owned()))?;
        let progress: Progress =
            serde_json::from_str(&text).map_err(|error| damaged(error.to_string()))?;
        if progress.run != run {
            return Ok(None);
        }
        let (mut tensors, mut moments) = (BTreeMap::new(), BTreeMap::new());
        for (name, tensor) in file.tensors {
            match name.strip_prefix(OPTIMIZER_PREFIX) {
                Some(name) => moments.insert(name.to_owned(), tensor),
                None => tensors.insert(name, tensor),
            };
        }
        load_weights(network, tensors, &path)?;
        optimizer
            .restore(&moments)
            .map_err(|name| damaged(format!("`{OPTIMIZER_PREFIX}{name}` is missing")))?;
        Ok(Some(progress))
    }

    /// Removes `last`, so that a training begins at its beginning.
    pub(super) fn forget(&self) -> Result<(), TrainError> {
        match fs_err::remove_file(self.model.join(LAST_FILE)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
            _ => Ok(()),
        }
    }
}

/// A digest of what a checkpoint must belong to.
pub(super) fn run_key(settings: &Settings, inputs: &impl Serialize) -> Result<String, TrainError> {
    let text = serde_json::to_string(&(settings, inputs)).map_err(std::io::Error::from)?;
    Ok(sha256_hex(text.as_bytes()))
}
