//! Errors of a training.

use std::io;
use std::path::PathBuf;

use facepipe_core::artifacts::stage::StageError;
use facepipe_core::context::Interrupted;
use facepipe_core::types::Split;
use facepipe_core::words::counted;
use facepipe_imaging::data_set::DataSetError;
use facepipe_nn::tensor_file::TensorFileError;
use facepipe_nn::{LoaderError, ModelError, TorchError, WeightsError};

/// Why a training failed.
#[derive(Debug, thiserror::Error)]
pub enum TrainError {
    /// The user pressed Ctrl-C.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
    /// The model's folder can't be read or written.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The model's folder can't be used.
    #[error(transparent)]
    Stage(#[from] StageError),
    /// The data set can't be used.
    #[error(transparent)]
    Data(#[from] DataSetError),
    /// A classifier needs at least two labels.
    #[error("training needs at least two labels; `{}` has {}", .data.display(), .labels.len())]
    TooFewLabels {
        /// The data set.
        data: PathBuf,
        /// The labels that it has.
        labels: Vec<String>,
    },
    /// A side has too few usable images.
    #[error("`{}` has {} for {split}, and {needed} are needed", .data.display(), counted(*images, "usable image"))]
    TooFewImages {
        /// The data set.
        data: PathBuf,
        /// The side.
        split: Split,
        /// How many it has.
        images: usize,
        /// How many it needs.
        needed: usize,
    },
    /// The first weights can't be used.
    #[error(transparent)]
    Weights(#[from] WeightsError),
    /// An image disappeared during the training.
    #[error(transparent)]
    Image(#[from] LoaderError),
    /// The trained model can't be opened again.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// A checkpoint can't be written or read.
    #[error("cannot use a checkpoint")]
    Checkpoint(#[from] TensorFileError),
    /// A checkpoint lacks a part.
    #[error("the checkpoint `{}` is damaged: {what}", .path.display())]
    DamagedCheckpoint {
        /// The checkpoint.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// A file of the training can't be written.
    #[error("cannot keep the training in `{}`; the earlier checkpoint is complete", .path.display())]
    Keep {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: TensorFileError,
    },
    /// The loss or its gradients are no numbers any more.
    #[error("the {what} became {value} in epoch {epoch}, batch {batch}, of the images {}", some(.images))]
    NotFinite {
        /// `loss on train`, `loss on val` or `gradients`.
        what: &'static str,
        /// The value.
        value: f64,
        /// The epoch, from 1.
        epoch: u32,
        /// The batch of the epoch, from 1.
        batch: usize,
        /// The images of the batch.
        images: Vec<String>,
    },
    /// A step made weights that are no numbers.
    #[error("the weights `{name}` are no finite numbers any more in epoch {epoch}")]
    WeightsNotFinite {
        /// The tensor.
        name: String,
        /// The epoch, from 1.
        epoch: u32,
    },
    /// There is not enough memory for a step.
    #[error("there is not enough memory for {batch} images of {side} x {side} pixels a step")]
    OutOfMemory {
        /// Images a step.
        batch: u32,
        /// The side of the network's input.
        side: u32,
        /// How many fit, by trying.
        fits: Option<u32>,
    },
    /// libtorch's own error.
    #[error("libtorch failed: {0}")]
    Torch(TorchError),
    /// The data set has other labels than the interrupted training.
    #[error("`{}` was begun with other labels: {}", .model.display(), .changes.join("; "))]
    OtherLabels {
        /// The model's folder.
        model: PathBuf,
        /// The differences, one text each.
        changes: Vec<String>,
    },
    /// The resolved settings can't be written as TOML.
    #[error("cannot write the settings as TOML")]
    Config(#[from] toml::ser::Error),
    /// There is nothing to resume.
    #[error("`{}` holds no interrupted training", .0.display())]
    NothingToResume(PathBuf),
}

impl TrainError {
    /// Whether a checkpoint is damaged, so that the one before may help.
    pub(super) const fn is_damage(&self) -> bool {
        matches!(self, Self::DamagedCheckpoint { .. })
    }
}

/// Some names of many.
fn some(names: &[String]) -> String {
    /// How many are named.
    const NAMED: usize = 5;
    let named: Vec<String> = names
        .iter()
        .take(NAMED)
        .map(|name| format!("`{name}`"))
        .collect();
    match names.len().saturating_sub(NAMED) {
        0 => named.join(", "),
        more => format!("{} and {more} more", named.join(", ")),
    }
}
