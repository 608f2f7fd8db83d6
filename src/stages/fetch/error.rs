//! Why a fetch as a whole failed.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;

use super::download_error::DownloadError;
use facepipe_core::artifacts::stage::StageError;
use facepipe_core::context::Interrupted;
use facepipe_core::ports::SourceError;
use facepipe_core::words::counted;

/// Why a fetch as a whole failed. Failures of single images are recorded in `discarded.jsonl`.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The user interrupted it.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
    /// A file or folder can't be read or written.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The output folder can't be used.
    #[error(transparent)]
    Stage(#[from] StageError),
    /// A source can't continue.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// A source's request was not answered.
    #[error("cannot query {source_name} at `{url}`")]
    Search {
        /// The source's name.
        source_name: String,
        /// The query.
        url: String,
        /// Why.
        #[source]
        source: DownloadError,
    },
    /// The HTTP client can't be set up.
    #[error("cannot set up the HTTP client")]
    Client(#[source] reqwest::Error),
    /// The sources offered nothing.
    #[error("nothing was found for {what}")]
    NothingFound {
        /// The request.
        what: String,
    },
    /// Of all that the sources offered, nothing could be kept.
    #[error("none of {} could be kept: {}", counted(*offered, "image"), in_words(.reasons))]
    NothingKept {
        /// Images offered.
        offered: u64,
        /// Why, by reason code.
        reasons: BTreeMap<String, u64>,
        /// One of the messages.
        example: String,
        /// The file that says why for each.
        discarded: PathBuf,
    },
}

fn in_words(reasons: &BTreeMap<String, u64>) -> String {
    let parts = reasons
        .iter()
        .map(|(reason, count)| format!("{count} {reason}"));
    parts.collect::<Vec<_>>().join(", ")
}
