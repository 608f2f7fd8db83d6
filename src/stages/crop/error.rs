//! Errors of the stage.

use std::io;
use std::path::PathBuf;

use facepipe_core::artifacts::image_folder::ImageFolderError;
use facepipe_core::artifacts::selection::SelectionError;
use facepipe_core::artifacts::stage::StageError;
use facepipe_core::context::Interrupted;
use facepipe_core::ports::{DetectorError, EmbedderError};
use facepipe_core::words::counted;

/// Why the crops could not be made.
#[derive(Debug, thiserror::Error)]
pub enum CropError {
    /// The folder of photos does not exist.
    #[error("there is no folder `{}`", .0.display())]
    NoInput(PathBuf),
    /// The folder of photos can't be listed.
    #[error(transparent)]
    Folder(#[from] ImageFolderError),
    /// The changes to the list of photos can't be applied.
    #[error(transparent)]
    Selection(#[from] SelectionError),
    /// The output folder can't be used.
    #[error(transparent)]
    Stage(#[from] StageError),
    /// A file can't be read or written.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The detector can't be made, or fails on all photos.
    #[error(transparent)]
    Detector(#[from] DetectorError),
    /// The network that measures the faces' quality failed.
    #[error(transparent)]
    Judge(#[from] EmbedderError),
    /// None of the photos that the crops were cut from is in the folder any more.
    #[error(
        "none of the {photos} photos that `{}` was made from is in this folder: all of its crops would be removed",
        .out.display()
    )]
    OtherPhotos {
        /// The output folder.
        out: PathBuf,
        /// How many there were.
        photos: usize,
    },
    /// The folder for chips has files that are no chips.
    #[error("`{}` is not empty, and has no list of chips", .0.display())]
    ForeignChips(PathBuf),
    /// A crop can't be decoded any more.
    #[error("the crop `{file}` is damaged: {message}")]
    DamagedCrop {
        /// The crop, below its folder.
        file: String,
        /// Why.
        message: String,
    },
    /// Not one face, or none that is good enough.
    #[error("no face was kept of {}", counted(*photos, "photo"))]
    NoFaces {
        /// How many photos were examined.
        photos: u64,
        /// The reason of most of them.
        reason: Option<String>,
        /// The file with the reasons.
        out: PathBuf,
    },
    /// The user interrupted the work.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
}
