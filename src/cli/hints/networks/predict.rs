//! Errors of `predict`.

use crate::cli::hints::Advice;
use facepipe_predict::PredictError;

impl Advice for PredictError {
    fn next_step(&self) -> Option<String> {
        match self {
            Self::Model(source) => source.next_step(),
            Self::Detector(source) => source.next_step(),
            Self::Io(source) => source.next_step(),
            Self::Interrupted(_) => None,
            Self::NoDetector(source) => source.next_step(),
        }
    }

    fn is_interruption(&self) -> bool {
        match self {
            Self::Interrupted(_) => true,
            Self::Detector(source) => source.is_interruption(),
            _ => false,
        }
    }
}
