//! Errors of the stage.

use std::io;
use std::path::PathBuf;

use facepipe_core::artifacts::image_folder::ImageFolderError;
use facepipe_core::artifacts::stage::StageError;
use facepipe_core::context::Interrupted;
use facepipe_core::errors::{Hint, io_hint};
use facepipe_core::ports::DetectorError;

/// Why the crops could not be made.
#[derive(Debug, thiserror::Error)]
pub enum CropError {
    /// The folder of photos is not there.
    #[error("there is no folder `{}`", .0.display())]
    NoInput(PathBuf),
    /// The folder of photos can't be listed.
    #[error(transparent)]
    Folder(#[from] ImageFolderError),
    /// The output folder can't be used.
    #[error(transparent)]
    Stage(#[from] StageError),
    /// A file can't be read or written.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The detector can't be made, or fails on all photos.
    #[error(transparent)]
    Detector(#[from] DetectorError),
    /// Not one face, or none that is good enough.
    #[error("no face was kept of any of the {photos} photos")]
    NoFaces {
        /// How many photos were looked at.
        photos: u64,
        /// Where the reasons stand.
        out: PathBuf,
    },
    /// The user interrupted the work.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
}

impl Hint for CropError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::NoInput(_) => Some(
                "give a folder that holds a folder of photos for each person, or make one with \
                 `facepipe fetch`"
                    .to_owned(),
            ),
            Self::Folder(ImageFolderError::NoLabels(root)) => Some(format!(
                "move the photos of each person into a folder of their own: \
                 `{}/<name>/photo.jpg`",
                root.display()
            )),
            Self::Folder(ImageFolderError::Io(source)) | Self::Io(source) => io_hint(source),
            Self::Folder(ImageFolderError::ReservedName(_)) => Some(
                "give that folder another name, or move it elsewhere if it holds no photos"
                    .to_owned(),
            ),
            Self::Folder(ImageFolderError::Walk { .. }) => {
                Some("remove that entry, or make it readable".to_owned())
            }
            Self::Stage(source) => source.hint(),
            Self::Detector(source) => source.hint(),
            Self::NoFaces { out, .. } => Some(format!(
                "read why in `{}`; try a lower `--min-face` and weaker limits of quality, or keep \
                 whole photos with `--keep-no-face`",
                out.join(facepipe_core::artifacts::stage::DISCARDED_FILE)
                    .display()
            )),
            Self::Interrupted(_) => None,
        }
    }

    fn is_interruption(&self) -> bool {
        matches!(self, Self::Interrupted(_))
    }
}
