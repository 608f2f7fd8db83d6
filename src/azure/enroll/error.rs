//! Errors of an enrolment.

use std::io;
use std::path::PathBuf;

use crate::AzureError;
use facepipe_core::artifacts::image_folder::ImageFolderError;
use facepipe_core::context::Interrupted;
use facepipe_core::errors::{Hint, io_hint};

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

impl Hint for EnrollError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Folder(_) => Some(
                "make a folder for each person, named like the person, with the photos inside"
                    .to_owned(),
            ),
            Self::Azure(source) => source.hint().or_else(|| {
                Some("run the same command again: it continues where it stopped".to_owned())
            }),
            Self::Io(source) => io_hint(source),
            Self::InUse(_) => {
                Some("wait until it is done, or choose another folder with `--out`".to_owned())
            }
            Self::OtherGroup(_) => Some("choose another folder with `--out`".to_owned()),
            Self::OtherModel { found, .. } => Some(format!(
                "a group keeps the model that it was made with: add `--recognition-model {found}`, or \
                 choose another group"
            )),
            Self::Training { .. } => Some(
                "run the same command again; a group without any face can't be trained".to_owned(),
            ),
            Self::Interrupted(_) => None,
        }
    }

    fn is_interruption(&self) -> bool {
        match self {
            Self::Interrupted(_) => true,
            Self::Azure(source) => source.is_interruption(),
            _ => false,
        }
    }
}
