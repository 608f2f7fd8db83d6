//! Errors of finding and embedding faces.

use crate::cli::hints::Advice;
use facepipe_faces::embed::EmbedError;
use facepipe_faces::embed_images::EmbedImagesError;
use facepipe_faces::face_finder::NoDetector;

impl Advice for NoDetector {
    fn next_step(&self) -> Option<String> {
        Some("use the version of facepipe that made the model".to_owned())
    }
}

impl Advice for EmbedError {
    fn next_step(&self) -> Option<String> {
        match self {
            Self::Detector(error) => error.next_step(),
            Self::Embedder(error) => error.next_step(),
        }
    }

    fn is_interruption(&self) -> bool {
        matches!(self, Self::Detector(error) if error.is_interruption())
    }
}

impl Advice for EmbedImagesError {
    fn next_step(&self) -> Option<String> {
        match self {
            Self::Changed(..) => Some("run the same command again".to_owned()),
            Self::Embed(error) => error.next_step(),
            Self::Io(error) => error.next_step(),
            Self::Interrupted(_) => None,
        }
    }

    fn is_interruption(&self) -> bool {
        match self {
            Self::Interrupted(_) => true,
            Self::Embed(error) => error.is_interruption(),
            _ => false,
        }
    }
}
