//! What can go wrong in training.

use std::io;
use std::path::PathBuf;

use crate::artifacts::stage::StageError;
use crate::context::Interrupted;
use crate::data_set::DataSetError;
use crate::errors::{Hint, io_hint};
use crate::nn::tensor_file::TensorFileError;
use crate::nn::{LoaderError, WeightsError};
use crate::types::Split;

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
    /// One label alone can't be told from others.
    #[error("training needs at least two labels; `{}` has {}", .data.display(), .labels.len())]
    TooFewLabels {
        /// The data set.
        data: PathBuf,
        /// The labels that it has.
        labels: Vec<String>,
    },
    /// A side has too few usable images.
    #[error("`{}` has {images} usable images for {split}, and {needed} are needed", .data.display())]
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
    /// An image vanished during the training.
    #[error(transparent)]
    Image(#[from] LoaderError),
    /// A checkpoint can't be written or read.
    #[error("cannot use a checkpoint")]
    Checkpoint(#[from] TensorFileError),
    /// A checkpoint lacks what it should hold.
    #[error("the checkpoint `{}` is damaged: {what}", .path.display())]
    DamagedCheckpoint {
        /// The checkpoint.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// The loss is no number any more.
    #[error("the loss became {loss} in epoch {epoch}, batch {batch}")]
    NotFinite {
        /// The epoch, from 1.
        epoch: u32,
        /// The batch of the epoch, from 1.
        batch: usize,
        /// The loss.
        loss: f64,
    },
    /// The resolved settings can't be written as TOML.
    #[error("cannot write the settings as TOML")]
    Config(#[from] toml::ser::Error),
    /// There is nothing to resume.
    #[error("`{}` holds no interrupted training", .0.display())]
    NothingToResume(PathBuf),
}

impl Hint for TrainError {
    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Io(source) | Self::Checkpoint(TensorFileError::Io(source)) => {
                return io_hint(source);
            }
            Self::Stage(source) => return source.hint(),
            Self::Data(source) => return source.hint(),
            Self::Weights(source) => return source.hint(),
            Self::Image(source) => return source.hint(),
            Self::TooFewLabels { .. } => "add photos of another person in a folder of its own, \
                then run `facepipe crop` and `facepipe prepare` again"
                .to_owned(),
            Self::TooFewImages { split, .. } => format!(
                "add photos, or give {split} a larger share: `facepipe prepare CROPS --out DATA \
                 --{split} SHARE --force`"
            ),
            Self::NotFinite { .. } => "the last good epoch is kept; start again with a lower \
                `--lr` and `--force`"
                .to_owned(),
            Self::Checkpoint(_) | Self::DamagedCheckpoint { .. } => {
                "start the training anew with `--force`".to_owned()
            }
            Self::NothingToResume(_) => "leave `--resume` out to start a training".to_owned(),
            Self::Interrupted(_) | Self::Config(_) => return None,
        })
    }

    fn is_interruption(&self) -> bool {
        matches!(self, Self::Interrupted(_))
    }
}
