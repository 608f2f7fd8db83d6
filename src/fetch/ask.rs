//! Questions of sources and what becomes of the answers.

use super::FetchError;
use super::retry::DownloadError;
use crate::ports::{ImageSource, SourceRequest};

/// Gives a source the answer to its question, or tells it that there is none.
pub(super) fn hand_over(
    source: &mut dyn ImageSource,
    name: &str,
    asked: &SourceRequest,
    answer: Result<Vec<u8>, DownloadError>,
) -> Result<(), FetchError> {
    let error = match answer {
        Ok(body) => return Ok(source.answer(&body)?),
        Err(error) => error,
    };
    let source_name = source.asking().unwrap_or(name).to_owned();
    let status = match &error {
        DownloadError::Status { status, .. } => Some(*status),
        _ => None,
    };
    if source.unanswered(status, &error.to_string())? {
        return Ok(());
    }
    Err(FetchError::Search {
        source_name,
        url: asked.url.to_string(),
        source: error,
    })
}
