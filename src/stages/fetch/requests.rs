//! Sends the requests of sources and passes on the answers.

use super::download::Downloader;
use super::download_error::DownloadError;
use super::{FetchError, LAST_WAIT, POLL, Settings};
use facepipe_core::context::{Context, Interrupted};
use facepipe_core::ports::{ImageSource, Lookup, SourceRequest};

/// Largest answer to a lookup in bytes: each person comes with all statements of Wikidata about them.
const LARGEST_ANSWER: u64 = 64 << 20;

/// Gives a source the answer to its request, or reports that there is none.
pub(super) fn hand_over(
    source: &mut dyn ImageSource,
    name: &str,
    request: &SourceRequest,
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
        url: request.url.to_string(),
        source: error,
    })
}

/// Answers all requests of lookups, one after the other.
///
/// # Errors
/// [`FetchError`]: the first request without an answer, or with an ambiguous one.
pub fn look_up(
    lookups: &mut [&mut dyn Lookup],
    settings: &Settings,
    context: &Context,
) -> Result<(), FetchError> {
    // The limit in the settings applies to images only.
    let settings = Settings {
        max_bytes: settings.max_bytes.max(LARGEST_ANSWER),
        ..settings.clone()
    };
    let runtime = super::runtime(context)?;
    let result = runtime.block_on(async {
        let downloader = Downloader::new(&settings)?;
        for lookup in lookups {
            while let Some(request) = lookup.next_request() {
                let answer = send(&downloader, &request, context).await?;
                let body = answer.map_err(|source| FetchError::Search {
                    source_name: lookup.name().to_owned(),
                    url: request.url.to_string(),
                    source,
                })?;
                lookup.answer(&body)?;
            }
        }
        Ok(())
    });
    runtime.shutdown_timeout(LAST_WAIT);
    result
}

/// Sends one request; an interruption ends the waiting.
pub(super) async fn send(
    downloader: &Downloader,
    request: &SourceRequest,
    context: &Context,
) -> Result<Result<Vec<u8>, DownloadError>, Interrupted> {
    let answer = downloader.get(request);
    tokio::pin!(answer);
    loop {
        context.interrupt.check()?;
        tokio::select! {
            answer = &mut answer => return Ok(answer.map(|download| download.bytes)),
            () = tokio::time::sleep(POLL) => {}
        }
    }
}
