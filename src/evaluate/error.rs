//! What can go wrong in an evaluation.

use std::io;
use std::path::PathBuf;

use crate::artifacts::model_folder::CardError;
use crate::artifacts::stage::StageError;
use crate::context::Interrupted;
use crate::data_set::DataSetError;
use crate::errors::{Hint, io_hint};
use crate::nn::{LoaderError, ModelError};
use crate::types::Split;

/// Why an evaluation failed.
#[derive(Debug, thiserror::Error)]
pub enum EvaluateError {
    /// The user pressed Ctrl-C.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
    /// The report can't be written, or the model not read.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The report's folder can't be used.
    #[error(transparent)]
    Stage(#[from] StageError),
    /// The data set can't be used.
    #[error(transparent)]
    Data(#[from] DataSetError),
    /// The model can't be used.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// The model's card can't be read again.
    #[error(transparent)]
    Card(#[from] CardError),
    /// An image vanished meanwhile.
    #[error(transparent)]
    Image(#[from] LoaderError),
    /// The side has no image that can be used.
    #[error("`{}` has no usable images for {split}", .data.display())]
    NoImages {
        /// The data set.
        data: PathBuf,
        /// The side.
        split: Split,
    },
    /// The data set has a label that the model can't give.
    #[error("the data set has images of `{label}`, which the model `{}` does not know", .model.display())]
    UnknownLabel {
        /// The label.
        label: String,
        /// The model's folder.
        model: PathBuf,
    },
    /// The picture can't be encoded.
    #[error("cannot encode the picture of the confusion matrix")]
    Picture(#[source] image::ImageError),
}

impl Hint for EvaluateError {
    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Io(source) => return io_hint(source),
            Self::Stage(source) => return source.hint(),
            Self::Data(source) => return source.hint(),
            Self::Model(source) => return source.hint(),
            Self::Card(source) => return source.hint(),
            Self::Image(source) => return source.hint(),
            Self::NoImages { .. } => "choose another side with `--split train`, `val` or `test`, \
                or give this one a larger share in `facepipe prepare`"
                .to_owned(),
            Self::UnknownLabel { .. } => {
                "give the data set that the model was trained on, or train on this one".to_owned()
            }
            Self::Interrupted(_) | Self::Picture(_) => return None,
        })
    }

    fn is_interruption(&self) -> bool {
        matches!(self, Self::Interrupted(_))
    }
}
