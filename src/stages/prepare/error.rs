//! Errors of the stage.

use std::io;
use std::path::PathBuf;

use facepipe_core::artifacts::image_folder::ImageFolderError;
use facepipe_core::artifacts::stage::StageError;
use facepipe_core::context::Interrupted;
use facepipe_faces::embed_images::EmbedImagesError;
use facepipe_imaging::image_io::DecodeError;

/// Why the data set could not be made.
#[derive(Debug, thiserror::Error)]
pub enum PrepareError {
    /// The folder of images does not exist.
    #[error("there is no folder `{}`", .0.display())]
    NoInput(PathBuf),
    /// Its label folders are empty.
    #[error("the folders of `{}` hold no files", .0.display())]
    NoImages(PathBuf),
    /// The folder of images can't be listed.
    #[error(transparent)]
    Folder(#[from] ImageFolderError),
    /// The output folder can't be used.
    #[error(transparent)]
    Stage(#[from] StageError),
    /// A file can't be read or written.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// An image was changed or removed while the stage ran.
    #[error("`{}` changed while it was being prepared", .0.display())]
    Changed(PathBuf, #[source] DecodeError),
    /// An image to explain is not in the folder.
    #[error("`{}` is no image in the folders of `{}`", .name.display(), .input.display())]
    NoSuchImage {
        /// The requested value.
        name: PathBuf,
        /// The folder.
        input: PathBuf,
    },
    /// An image to explain can't be read.
    #[error("`{file}` can't be compared: {message}")]
    NotComparable {
        /// Its path below the folder.
        file: String,
        /// Why.
        message: String,
    },
    /// The faces can't be compared.
    #[error(transparent)]
    Embedding(#[from] EmbedImagesError),
    /// Clean identities were requested without an embedder that compares faces.
    #[error("faces can't be compared without an embedder")]
    NoEmbedder,
    /// The data set whose split is to be kept has none.
    #[error("`{}` says of no image which side it is on", .0.display())]
    NoSplit(PathBuf),
    /// A split was to be checked where there is none.
    #[error("`{}` holds no split: it needs two or more of the folders train, val and test", .0.display())]
    NothingToCheck(PathBuf),
    /// A split that was checked leaks.
    #[error(
        "the split leaks: images of one picture or photo are on more than one side (sets of them: {0})"
    )]
    Leaks(usize),
    /// Every image was left out.
    #[error("not one image is left for the data set")]
    NothingLeft {
        /// The file with the reasons.
        out: PathBuf,
    },
    /// The user interrupted the work.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
}
