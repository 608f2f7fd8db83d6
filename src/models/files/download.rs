//! One file from an https address.

use std::io::Write;
use std::path::Path;
use std::time::Duration;

use reqwest::{Client, Response};
use url::Url;

use super::error::SourceError;
use facepipe_core::context::Context;
use facepipe_net::client;
use facepipe_net::retry::{RetryPolicy, status_may_pass};

/// Longest time without data from a server.
const READ_TIMEOUT: Duration = Duration::from_secs(30);
/// Largest file where the registry gives no size, in bytes: several times the largest it names.
pub(super) const MAX_BYTES: u64 = 1 << 30;
/// Bytes that progress is counted in.
const KILOBYTE: u64 = 1000;

/// Downloads `url` to the new file `to`.
///
/// # Errors
/// [`SourceError`]; `to` may exist, unfinished.
pub(super) fn to_file(
    url: &Url,
    limit: u64,
    to: &Path,
    name: &str,
    context: &Context,
) -> Result<(), SourceError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let client = client::builder()
            .https_only(url.scheme() == "https")
            .read_timeout(READ_TIMEOUT)
            .build()
            .map_err(SourceError::Transport)?;
        let policy = RetryPolicy::DOWNLOAD;
        for attempt in 0..policy.retries {
            context.interrupt.check()?;
            match one_try(&client, url, limit, to, name, context).await {
                Err(error) if is_transient(&error) => {
                    tokio::time::sleep(policy.pause(attempt, url.as_str())).await;
                }
                result => return result,
            }
        }
        one_try(&client, url, limit, to, name, context).await
    })
}

async fn one_try(
    client: &Client,
    url: &Url,
    limit: u64,
    to: &Path,
    name: &str,
    context: &Context,
) -> Result<(), SourceError> {
    let request = client.get(url.clone()).send();
    let mut response = request.await.map_err(SourceError::Transport)?;
    if !response.status().is_success() {
        return Err(SourceError::Status(response.status()));
    }
    let total = response.content_length();
    if total.is_some_and(|total| total > limit) {
        return Err(SourceError::TooLarge { limit });
    }
    let task = context
        .progress
        .start(&format!("{name}, kB"), total.map(|bytes| bytes / KILOBYTE));
    let mut file = fs_err::File::create(to)?;
    let mut received = 0;
    while let Some(piece) = next_piece(&mut response).await? {
        context.interrupt.check()?;
        let before = received;
        received += piece.len() as u64;
        if received > limit {
            return Err(SourceError::TooLarge { limit });
        }
        file.write_all(&piece)?;
        task.advance(received / KILOBYTE - before / KILOBYTE);
    }
    Ok(())
}

async fn next_piece(
    response: &mut Response,
) -> Result<Option<impl std::ops::Deref<Target = [u8]> + use<>>, SourceError> {
    response.chunk().await.map_err(SourceError::Transport)
}

/// Whether the same request may succeed a little later.
fn is_transient(error: &SourceError) -> bool {
    match error {
        SourceError::Transport(error) => !error.is_builder() && !error.is_redirect(),
        SourceError::Status(status) => status_may_pass(status.as_u16()),
        _ => false,
    }
}
