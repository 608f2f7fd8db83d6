//! Errors of an export.

use std::io;
use std::path::PathBuf;

use tch::TchError;
use zip::result::ZipError;

use super::Format;
use facepipe_core::artifacts::model_folder::CardError;
use facepipe_core::artifacts::stage::StageError;
use facepipe_core::context::Interrupted;
use facepipe_nn::tensor_file::TensorFileError;
use facepipe_nn::{ModelError, TorchError, WeightsError};

/// Why an export failed.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The user pressed Ctrl-C.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
    /// A file can't be read or written.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The export's folder can't be used.
    #[error(transparent)]
    Stage(#[from] StageError),
    /// The model's card can't be used.
    #[error(transparent)]
    Card(#[from] CardError),
    /// The model's network can't be used.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// A file of tensors can't be written or read.
    #[error(transparent)]
    Tensors(#[from] TensorFileError),
    /// The exported tensors can't be loaded again.
    #[error("the exported file can't be loaded again")]
    Again(#[from] WeightsError),
    /// The model's sample images are missing or of another size than the network's input.
    #[error("the sample images `{}` do not fit the model", .path.display())]
    Samples {
        /// Their file.
        path: PathBuf,
    },
    /// libtorch failed.
    #[error("libtorch failed while exporting")]
    Torch(#[source] TorchError),
    /// The archive can't be written.
    #[error("cannot write the archive `{}`", .path.display())]
    Archive {
        /// The archive.
        path: PathBuf,
        /// Why.
        #[source]
        source: ZipError,
    },
    /// The ONNX file can't be opened again.
    #[error("the ONNX file `{}` can't be opened again", .path.display())]
    Onnx {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The exported file holds another card than was written.
    #[error("the {} file does not hold the model card as it was written", .format.name())]
    CardDiffers {
        /// The file's format.
        format: Format,
    },
    /// The exported file gives other probabilities than the network.
    #[error("the {} file differs from the trained network: a probability by {difference:e}, in a batch of {batch}", .format.name())]
    Differs {
        /// The file's format.
        format: Format,
        /// The largest difference.
        difference: f64,
        /// The batch's size.
        batch: usize,
    },
}

impl From<TchError> for ExportError {
    fn from(error: TchError) -> Self {
        Self::Torch(error.into())
    }
}
