//! Errors of an enrolment.

use crate::cli::hints::Advice;
use facepipe_azure::enroll::EnrollError;

impl Advice for EnrollError {
    fn next_step(&self) -> Option<String> {
        match self {
            Self::Folder(_) => Some(
                "make a folder for each person, named like the person, with the photos inside"
                    .to_owned(),
            ),
            Self::Azure(source) => source.next_step().or_else(|| {
                Some("run the same command again: it continues where it stopped".to_owned())
            }),
            Self::Io(source) => source.next_step(),
            Self::InUse { .. } => {
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
