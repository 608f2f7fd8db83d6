//! The files of `models/<name>/`, and the model card.

use std::io;
use std::path::{Path, PathBuf};

use super::atomic;
use super::stage::{self, StageError};
use crate::types::ModelCard;

/// The model card's file name.
pub const CARD_FILE: &str = "model_card.json";
/// The class names' file name: a JSON list in the order of the network's outputs.
pub const LABELS_FILE: &str = "labels.json";
/// All resolved settings of the training.
pub const CONFIG_FILE: &str = "config.toml";
/// One line an epoch.
pub const METRICS_FILE: &str = "metrics.csv";
/// The model's weights.
pub const BEST_FILE: &str = "checkpoints/best.safetensors";
/// For each label the mean of its images' features: tells strangers from the people whom the model knows.
pub const LABEL_MEANS_FILE: &str = "checkpoints/label_means.safetensors";
/// Everything that resuming a training needs.
pub const LAST_FILE: &str = "checkpoints/last.safetensors";
/// Some preprocessed images of the data set, to check exported files with.
pub const SAMPLES_FILE: &str = "checkpoints/samples.safetensors";
/// The name of their tensor, `[images, 3, height, width]`.
pub const SAMPLES_TENSOR: &str = "images";
/// The folder of checkpoints.
pub const CHECKPOINTS_FOLDER: &str = "checkpoints";
/// The folder of evaluations.
pub const REPORT_FOLDER: &str = "report";
/// The folder of exported files.
pub const EXPORT_FOLDER: &str = "export";

/// Why a model's card can't be used.
#[derive(Debug, thiserror::Error)]
pub enum CardError {
    /// It can't be read or written.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The folder is missing.
    #[error("there is no model `{}`", .0.display())]
    NoModel(PathBuf),
    /// The folder has no card.
    #[error("`{}` is no model: it has no `{CARD_FILE}`", .0.display())]
    NoCard(PathBuf),
    /// The training did not run to its end.
    #[error("the training of `{}` is not complete", .0.display())]
    Incomplete(PathBuf),
    /// The training's stamp can't be read.
    #[error(transparent)]
    Stamp(#[from] StageError),
    /// The card is damaged.
    #[error("cannot understand the model card `{}`", .path.display())]
    Damaged {
        /// The card.
        path: PathBuf,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
    /// A newer program wrote it.
    #[error("the model card `{}` has format {found}, this program knows {}", .path.display(), ModelCard::FORMAT_VERSION)]
    TooNew {
        /// The card.
        path: PathBuf,
        /// The format that it has.
        found: u64,
    },
}

/// The card of a model whose training is complete.
///
/// # Errors
/// [`CardError`].
pub fn read_card(model: &Path) -> Result<ModelCard, CardError> {
    if !fs_err::exists(model)? {
        return Err(CardError::NoModel(model.to_owned()));
    }
    if stage::read_stamp(model)?.is_some_and(|stamp| !stamp.complete) {
        return Err(CardError::Incomplete(model.to_owned()));
    }
    let path = model.join(CARD_FILE);
    match fs_err::read(&path) {
        Ok(bytes) => parse_card(&bytes, &path),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Err(CardError::NoCard(model.to_owned()))
        }
        Err(error) => Err(error.into()),
    }
}

/// A card from its bytes; `path` is for messages.
///
/// # Errors
/// [`CardError::Damaged`], [`CardError::TooNew`].
pub fn parse_card(bytes: &[u8], path: &Path) -> Result<ModelCard, CardError> {
    let damaged = |source| CardError::Damaged {
        path: path.to_owned(),
        source,
    };
    // The version first: the other fields may look different in a newer card.
    let value: serde_json::Value = serde_json::from_slice(bytes).map_err(damaged)?;
    let found = value["format_version"].as_u64().unwrap_or_default();
    if found > u64::from(ModelCard::FORMAT_VERSION) {
        return Err(CardError::TooNew {
            path: path.to_owned(),
            found,
        });
    }
    serde_json::from_value(value).map_err(damaged)
}

/// Writes a model's card.
///
/// # Errors
/// The I/O error, with its path.
pub fn write_card(model: &Path, card: &ModelCard) -> io::Result<()> {
    atomic::write_json(&model.join(CARD_FILE), card)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_fault_has_its_own_error() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let model = folder.path();
        let read = || read_card(model).expect_err("no usable card");
        assert!(matches!(
            read_card(&model.join("x")),
            Err(CardError::NoModel(_))
        ));
        assert!(matches!(read(), CardError::NoCard(_)));
        fs_err::write(model.join(CARD_FILE), "{").expect("writes");
        assert!(matches!(read(), CardError::Damaged { .. }));
        fs_err::write(model.join(CARD_FILE), "{\"format_version\": 9}").expect("writes");
        assert!(matches!(read(), CardError::TooNew { found: 9, .. }));
    }
}
