//! Checkpoints after every epoch, and within long ones: `last` to resume from, `best` to use.
//!
//! `last` is one file: the network's tensors, the optimizer's, those of the averaged network, and all
//! counts as its text. So its parts can't be of different steps, however the process ends. A digest
//! in the text shows when a bit of it has changed; the file before it is kept for that case until the
//! training is finished.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::ema::Ema;
use super::error::TrainError;
use super::learner::Learner;
use super::progress::Progress;
use super::settings::Settings;
use facepipe_core::artifacts::model_folder::{BEST_FILE, LAST_FILE, METRICS_FILE};
use facepipe_core::artifacts::{atomic, digest::sha256_hex};
use facepipe_nn::tensor_file::{self, TensorFileError};
use facepipe_nn::{Network, OPTIMIZER_PREFIX, load_weights};
use tch::Tensor;

/// The previous `last`: used where `last` is damaged or a process was killed between two renames.
pub(super) const PREVIOUS_FILE: &str = "checkpoints/previous.safetensors";
/// The next `last`, until it is complete.
const NEXT_FILE: &str = "checkpoints/next.safetensors";
/// Names of the averaged network's tensors begin with this, behind the optimizer's prefix.
const EMA_PREFIX: &str = "ema.";

/// The text of `last`.
#[derive(Debug, Serialize, Deserialize)]
struct Text {
    progress: Progress,
    /// SHA-256 over the progress as JSON and all tensors.
    sha256: String,
}

/// The weights of the best network so far, until they are saved.
#[derive(Debug)]
pub(super) struct BestWeights(BTreeMap<String, Tensor>);

impl BestWeights {
    /// Those of a network, which may move on.
    pub(super) fn of(network: &Network) -> Self {
        let tensors = network.state().tensors().into_iter();
        Self(
            tensors
                .map(|(name, tensor)| (name, tensor.copy()))
                .collect(),
        )
    }
}

/// The checkpoints of one model.
#[derive(Debug)]
pub(super) struct Checkpoints {
    model: PathBuf,
}

/// The checkpoint of an earlier training.
#[derive(Debug)]
pub(super) struct Found {
    /// Where it is.
    pub(super) progress: Progress,
    /// Why `last` was not used.
    pub(super) damage: Option<String>,
}

impl Checkpoints {
    /// Of a model's folder.
    pub(super) fn new(model: &Path) -> Self {
        Self {
            model: model.to_owned(),
        }
    }

    /// Whether there is anything to resume from.
    pub(super) fn exist(&self) -> io::Result<bool> {
        Ok(fs_err::exists(self.model.join(LAST_FILE))?
            || fs_err::exists(self.model.join(PREVIOUS_FILE))?)
    }

    /// Saves the state of the training; `best` are the weights to use, where there are better ones than saved. `last` is
    /// written at the end: a process that dies before does the epoch again and writes the same files.
    ///
    /// # Errors
    /// Weights that are no numbers any more, and files that can't be written; the earlier checkpoint is
    /// whole then.
    pub(super) fn save(
        &self,
        learner: &Learner,
        progress: &Progress,
        best: Option<&BestWeights>,
    ) -> Result<(), TrainError> {
        let progress = &Progress {
            scaler: learner.scaler,
            ema_updates: learner.ema.as_ref().map(Ema::updates),
            ..progress.clone()
        };
        let mut tensors = learner.network.state().tensors();
        ensure_finite(&tensors, progress)?;
        let cannot_keep = |path: &Path, source: TensorFileError| TrainError::Keep {
            path: path.to_owned(),
            source,
        };
        if let Some(best) = best {
            let path = self.model.join(BEST_FILE);
            tensor_file::write(&path, &best.0, None)
                .map_err(|source| cannot_keep(&path, source))?;
        }
        let csv = self.model.join(METRICS_FILE);
        atomic::write(&csv, progress.metrics_csv().as_bytes())
            .map_err(|source| cannot_keep(&csv, source.into()))?;
        let mut add = |prefix: &str, more: BTreeMap<String, Tensor>| {
            let name = |name| format!("{OPTIMIZER_PREFIX}{prefix}{name}");
            tensors.extend(more.into_iter().map(|(key, tensor)| (name(key), tensor)));
        };
        add("", learner.optimizer.tensors());
        if let Some(ema) = &learner.ema {
            add(EMA_PREFIX, ema.network.state().tensors());
        }
        let text = Text {
            progress: progress.clone(),
            sha256: digest(&tensors, progress)?,
        };
        let text = serde_json::to_string(&text).map_err(io::Error::from)?;
        let [next, last, previous] =
            [NEXT_FILE, LAST_FILE, PREVIOUS_FILE].map(|name| self.model.join(name));
        tensor_file::write(&next, &tensors, Some(text))
            .map_err(|source| cannot_keep(&last, source))?;
        rename_if_there(&last, &previous)?;
        Ok(fs_err::rename(next, last)?)
    }

    /// Resumes the training from `last`, or the file before it where `last` is damaged;
    /// `None` where there is none of this run.
    pub(super) fn restore(
        &self,
        learner: &mut Learner,
        settings: &Settings,
        run: &str,
    ) -> Result<Option<Found>, TrainError> {
        let mut damage: Option<TrainError> = None;
        for name in [LAST_FILE, PREVIOUS_FILE] {
            let path = self.model.join(name);
            if !fs_err::exists(&path)? {
                continue;
            }
            match read(&path) {
                Ok((progress, _)) if progress.run != run => return Ok(None),
                Ok((progress, tensors)) => {
                    take_over(learner, settings, &progress, tensors, &path)?;
                    return Ok(Some(Found {
                        progress,
                        damage: damage.map(|error| error.to_string()),
                    }));
                }
                Err(error) if error.is_damage() => damage = Some(damage.unwrap_or(error)),
                Err(error) => return Err(error),
            }
        }
        damage.map_or(Ok(None), Err)
    }

    /// Removes everything that a training could resume from, so that it starts from scratch.
    pub(super) fn forget(&self) -> io::Result<()> {
        atomic::remove_if_there(&self.model.join(LAST_FILE))?;
        self.tidy()
    }

    /// Removes what only an unfinished training needs.
    pub(super) fn tidy(&self) -> io::Result<()> {
        atomic::remove_if_there(&self.model.join(NEXT_FILE))?;
        atomic::remove_if_there(&self.model.join(PREVIOUS_FILE))
    }
}

/// Reads a checkpoint and verifies that it is unchanged.
fn read(path: &Path) -> Result<(Progress, BTreeMap<String, Tensor>), TrainError> {
    let damaged = |what: String| TrainError::DamagedCheckpoint {
        path: path.to_owned(),
        what,
    };
    let file = match tensor_file::read(path) {
        Err(TensorFileError::Io(source)) => return Err(source.into()),
        Err(error) => {
            let cause = std::error::Error::source(&error);
            return Err(damaged(
                cause.map_or_else(|| error.to_string(), ToString::to_string),
            ));
        }
        Ok(file) => file,
    };
    let text = file
        .text
        .ok_or_else(|| damaged("it does not say where the training is".to_owned()))?;
    let text: Text = serde_json::from_str(&text).map_err(|error| damaged(error.to_string()))?;
    if digest(&file.tensors, &text.progress)? != text.sha256 {
        return Err(damaged(
            "its contents have changed since they were written".to_owned(),
        ));
    }
    Ok((text.progress, file.tensors))
}

fn take_over(
    learner: &mut Learner,
    settings: &Settings,
    progress: &Progress,
    all: BTreeMap<String, Tensor>,
    path: &Path,
) -> Result<(), TrainError> {
    let (mut tensors, mut moments, mut means) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
    let ema = format!("{OPTIMIZER_PREFIX}{EMA_PREFIX}");
    for (name, tensor) in all {
        if let Some(name) = name.strip_prefix(&ema) {
            means.insert(name.to_owned(), tensor);
        } else if let Some(name) = name.strip_prefix(OPTIMIZER_PREFIX) {
            moments.insert(name.to_owned(), tensor);
        } else {
            tensors.insert(name, tensor);
        }
    }
    load_weights(&learner.network, tensors, path)?;
    let missing = |name| TrainError::DamagedCheckpoint {
        path: path.to_owned(),
        what: format!("`{OPTIMIZER_PREFIX}{name}` is missing"),
    };
    learner.optimizer.restore(&moments).map_err(missing)?;
    learner.scaler = progress.scaler.or(learner.scaler);
    if let (Some(updates), Some(decay)) = (progress.ema_updates, settings.ema) {
        let mut ema = Ema::new(&learner.network, decay);
        load_weights(&ema.network, means, path)?;
        ema.set_updates(updates);
        learner.ema = Some(ema);
    }
    Ok(())
}

/// A step may have made weights that are no numbers: such a network is not kept.
fn ensure_finite(
    tensors: &BTreeMap<String, Tensor>,
    progress: &Progress,
) -> Result<(), TrainError> {
    for (name, tensor) in tensors {
        if tensor.isfinite().all().int64_value(&[]) == 0 {
            return Err(TrainError::WeightsNotFinite {
                name: name.clone(),
                epoch: progress.epoch + u32::from(progress.within.is_some()),
            });
        }
    }
    Ok(())
}

fn digest(tensors: &BTreeMap<String, Tensor>, progress: &Progress) -> Result<String, TrainError> {
    let text = serde_json::to_string(progress).map_err(io::Error::from)?;
    let tensors = tensor_file::digest(tensors);
    Ok(sha256_hex(format!("{text}\n{tensors}").as_bytes()))
}

fn rename_if_there(from: &Path, to: &Path) -> io::Result<()> {
    match fs_err::rename(from, to) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// A digest of the settings and inputs that a checkpoint must belong to.
pub(super) fn run_key(settings: &Settings, inputs: &impl Serialize) -> Result<String, TrainError> {
    let text = serde_json::to_string(&(settings, inputs)).map_err(io::Error::from)?;
    Ok(sha256_hex(text.as_bytes()))
}
