//! Errors of model files.

use std::io;

use crate::cli::hints::Advice;
use facepipe_models::dlib::ModelFileError;
use facepipe_models::files::{NoHomeFolder, PullError, RegistryError};

/// The name to pull: one package holds all of dlib's models, and is downloaded once for all of them.
const DLIB_ENTRIES: &str = "dlib";

impl Advice for RegistryError {}

impl Advice for NoHomeFolder {
    fn next_step(&self) -> Option<String> {
        Some(
            "set FACEPIPE_WEIGHTS_DIR to the folder of model files, or give `--weights-dir`".into(),
        )
    }
}

impl Advice for PullError {
    fn next_step(&self) -> Option<String> {
        match self {
            Self::UnknownName { .. } => Some("run `facepipe models list`".to_owned()),
            Self::Failed(_) => Some(
                "check the network and run the same command again, or put the file in its place \
                 by hand (`facepipe models list --json` shows where) and run \
                 `facepipe models verify`"
                    .to_owned(),
            ),
            Self::Io(error) => match error.kind() {
                io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::PermissionDenied => Some(
                    "check the permissions of that path, or choose another folder with \
                     `--weights-dir`, for data sets with `--data-dir`"
                        .to_owned(),
                ),
                _ => error.next_step(),
            },
            Self::Interrupted(_) => None,
        }
    }

    fn is_interruption(&self) -> bool {
        matches!(self, Self::Interrupted(_))
    }
}

impl Advice for ModelFileError {
    fn next_step(&self) -> Option<String> {
        match self {
            Self::Missing { .. } => Some(format!("run `facepipe models pull {DLIB_ENTRIES}`")),
            Self::Damaged { .. } => Some(format!(
                "run `facepipe models verify`, then `facepipe models pull {DLIB_ENTRIES}`"
            )),
            Self::Io(error) => error.next_step(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_pull_is_tried_again() {
        let step = PullError::Failed(Vec::new()).next_step();
        assert!(step.is_some_and(|step| step.contains("run the same command again")));
    }
}
