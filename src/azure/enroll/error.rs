//! Errors of an enrolment.

use std::io;
use std::path::PathBuf;

use crate::AzureError;
use facepipe_core::artifacts::image_folder::ImageFolderError;
use facepipe_core::context::Interrupted;

/// Why an enrolment stopped. What was sent until then stays, and the same command continues.
#[derive(Debug, thiserror::Error)]
pub enum EnrollError {
    /// The folder is not one of persons.
    #[error(transparent)]
    Folder(#[from] ImageFolderError),
    /// The service gives no answer that can be used.
    #[error(transparent)]
    Azure(#[from] AzureError),
    /// The journal, or a list, can't be read or written.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// Another enrolment is writing to the journal.
    #[error("another enrolment is at work in `{}`", .0.display())]
    InUse(PathBuf),
    /// The journal is about another group.
    #[error("the journal in `{}` is about another group or resource", .0.display())]
    OtherGroup(PathBuf),
    /// The group can't hold what is to be added.
    #[error("the group `{id}` was made with {found}, and not with {wanted}")]
    OtherModel {
        /// The group.
        id: String,
        /// Its recognition model.
        found: String,
        /// The one that was asked for.
        wanted: String,
    },
    /// The training came to nothing.
    #[error("the training of `{id}` failed: {message}")]
    Training {
        /// The group.
        id: String,
        /// What the service says.
        message: String,
    },
    /// The user pressed Ctrl-C.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
}
