//! Errors of files and folders, and of adapters behind the ports.

use std::io;

use crate::cli::hints::Advice;
use facepipe_azure::AzureError;
use facepipe_core::artifacts::image_folder::ImageFolderError;
use facepipe_core::artifacts::model_folder::CardError;
use facepipe_core::artifacts::stage::StageError;
use facepipe_core::context::Interrupted;
use facepipe_core::errors::BoxedError;
use facepipe_core::ports::{DetectorError, EmbedderError};

impl Advice for io::Error {
    /// By the error's kind; the error itself already names the path.
    fn next_step(&self) -> Option<String> {
        let text = match self.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                "free some disk space and run the same command again: it continues where it stopped"
            }
            io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::PermissionDenied => {
                "check the permissions of that path, or choose another folder with `--out`"
            }
            io::ErrorKind::NotFound => "check the spelling of that path",
            io::ErrorKind::AlreadyExists => "something else has that name: choose another one",
            io::ErrorKind::NotADirectory => "a part of that path is a file, not a folder",
            _ => return None,
        };
        Some(text.to_owned())
    }
}

impl Advice for Interrupted {
    fn is_interruption(&self) -> bool {
        true
    }
}

impl Advice for ImageFolderError {
    fn next_step(&self) -> Option<String> {
        match self {
            Self::Io(source) => source.next_step(),
            // The stages word it: for photos or for crops.
            Self::NoLabels(_) => None,
            Self::ReservedName(_) => Some(
                "give that folder another name, or move it elsewhere if it holds no photos"
                    .to_owned(),
            ),
            Self::SplitBelow { below, .. } => Some(format!(
                "give `{}` itself; if it is a person, give the folders in it other names",
                below.display()
            )),
            Self::UnclearSplit { .. } => Some(
                "for a split, give each side a folder for each label, and move other folders elsewhere; for a \
                 single side, give its folder itself; for people of these names, give their folders other names"
                    .to_owned(),
            ),
        }
    }
}

impl Advice for StageError {
    fn next_step(&self) -> Option<String> {
        match self {
            Self::Io(source) => source.next_step(),
            Self::Foreign { .. } => Some("choose an empty or new folder with `--out`".to_owned()),
            Self::Stamp { path, .. } => Some(format!(
                "remove `{}` and run the command again",
                path.display()
            )),
            Self::Changed { .. } => Some(
                "add `--force` to make it again, or choose another folder with `--out`".to_owned(),
            ),
            Self::Busy { .. } => {
                Some("wait until it has ended, or choose another folder with `--out`".to_owned())
            }
            Self::Unfinished { stage, .. } => Some(format!(
                "run the same `facepipe {stage}` again: it continues; or wait until it has ended"
            )),
            Self::NotAFolder(_) => Some("choose a new or empty folder with `--out`".to_owned()),
            Self::Overlap { .. } => {
                Some("choose a folder beside the input with `--out`".to_owned())
            }
        }
    }
}

impl Advice for CardError {
    fn next_step(&self) -> Option<String> {
        Some(match self {
            Self::Io(source) => return source.next_step(),
            Self::Stamp(source) => return source.next_step(),
            Self::NoModel(_) | Self::NoCard(_) => "give the folder that `facepipe train DATA \
                --out models/NAME` made, or a TorchScript file from `facepipe export`"
                .to_owned(),
            Self::Incomplete(_) => {
                "run the same `facepipe train` again: it continues where it stopped".to_owned()
            }
            Self::Damaged { .. } => "run the same `facepipe train` again with `--force`".to_owned(),
            Self::TooNew { .. } => "use a newer facepipe".to_owned(),
        })
    }
}

impl Advice for DetectorError {
    fn next_step(&self) -> Option<String> {
        match self {
            Self::ModelMissing { detector, .. } => {
                Some(format!("run `facepipe models pull {detector}`"))
            }
            Self::ModelUnreadable { .. } => {
                Some("run `facepipe models verify`, then `facepipe models pull`".to_owned())
            }
            Self::Unusable(error) | Self::FailedOnPhoto(error) => error.next_step(),
            Self::Crashed { .. } => None,
        }
    }

    fn is_interruption(&self) -> bool {
        matches!(self, Self::Unusable(error) | Self::FailedOnPhoto(error) if error.is_interruption())
    }
}

impl Advice for EmbedderError {}

/// Errors that adapters box: an error of another type has no advice until it is listed here.
fn boxed(error: &BoxedError) -> Option<&dyn Advice> {
    let azure = error.inner().downcast_ref::<AzureError>();
    azure.map(|error| error as &dyn Advice)
}

impl Advice for BoxedError {
    fn next_step(&self) -> Option<String> {
        boxed(self)?.next_step()
    }

    fn is_interruption(&self) -> bool {
        boxed(self).is_some_and(Advice::is_interruption)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boxed_errors_of_a_detector_speak_for_themselves() {
        let interrupted = AzureError::Interrupted(Interrupted);
        let error = DetectorError::Unusable(BoxedError::new(interrupted));
        assert!(error.is_interruption());
        assert_eq!(error.next_step(), None);
        let of_a_stage = facepipe_crop::CropError::Detector(error);
        assert!(of_a_stage.is_interruption());
        let old = AzureError::NotInVersion {
            operation: "detect",
            chosen: "v1.0",
            since: "v1.2",
        };
        let error = DetectorError::FailedOnPhoto(BoxedError::new(old));
        let step = error.next_step();
        assert_eq!(step.as_deref(), Some("add `--api-version v1.2`"));
    }
}
