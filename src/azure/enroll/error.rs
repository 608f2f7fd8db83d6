//! Errors of an enrolment.

use std::io;
use std::path::PathBuf;

use crate::AzureError;
use facepipe_core::artifacts::image_folder::ImageFolderError;
use facepipe_core::artifacts::lock::of_process;
use facepipe_core::context::Interrupted;

/// Why an enrolment stopped. What was sent before stays, and the same command continues.
#[derive(Debug, thiserror::Error)]
pub enum EnrollError {
    /// The folder does not have one folder for each person.
    #[error(transparent)]
    Folder(#[from] ImageFolderError),
    /// The service gives no usable answer.
    #[error(transparent)]
    Azure(#[from] AzureError),
    /// The journal, or a list, can't be read or written.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// Another enrolment is writing to the journal.
    #[error("another enrolment{} is running in `{}`", of_process(*.process), .folder.display())]
    InUse {
        /// The folder.
        folder: PathBuf,
        /// The other one's process id, where it is known.
        process: Option<u32>,
    },
    /// The journal is about another group.
    #[error("the journal in `{}` is about another group or resource", .0.display())]
    OtherGroup(PathBuf),
    /// The group does not fit the faces to be added.
    #[error("the group `{id}` was made with {found}, and not with {wanted}")]
    OtherModel {
        /// The group.
        id: String,
        /// Its recognition model.
        found: String,
        /// The requested one.
        wanted: String,
    },
    /// The training failed.
    #[error("the training of `{id}` failed: {message}")]
    Training {
        /// The group.
        id: String,
        /// The service's message.
        message: String,
    },
    /// The user pressed Ctrl-C.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
}
