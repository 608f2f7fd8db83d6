//! Errors of a pull.

use std::io;
use std::path::PathBuf;

use super::verify::Mismatch;
use facepipe_core::context::Interrupted;

/// Why a pull failed.
#[derive(Debug, thiserror::Error)]
pub enum PullError {
    /// The registry has no such entry.
    #[error("there is no model file or data set named `{name}`; there are: {known}")]
    UnknownName {
        /// The name as given.
        name: String,
        /// All names.
        known: String,
    },
    /// Some entries could not be fetched; the others were.
    #[error("could not pull {}", list(.0))]
    Failed(Vec<FailedPull>),
    /// The folders can't be read or written.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// Ctrl-C.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
}

/// An entry that no source provided.
#[derive(Debug)]
pub struct FailedPull {
    /// The entry's name.
    pub name: String,
    /// The error of each source, in the order they were tried.
    pub sources: Vec<FailedSource>,
}

/// The error of one source.
#[derive(Debug)]
pub struct FailedSource {
    /// The source, for a person.
    pub source: String,
    /// Why it failed.
    pub error: SourceError,
}

/// `resnet18:` and below it a line a source, with all causes.
fn list(failed: &[FailedPull]) -> String {
    let mut text = String::new();
    for pull in failed {
        text.push_str(&format!("`{}`:", pull.name));
        for failed in &pull.sources {
            text.push_str(&format!("\n  {}: {}", failed.source, failed.error));
            let mut cause = std::error::Error::source(&failed.error);
            while let Some(error) = cause {
                text.push_str(&format!(": {error}"));
                cause = error.source();
            }
        }
        text.push('\n');
    }
    text.truncate(text.trim_end().len());
    text
}

/// Why one source did not give the right file.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The server answered, but not with the file.
    #[error("the server answered {0}")]
    Status(reqwest::StatusCode),
    /// No connection, or it broke.
    #[error("the download failed")]
    Transport(#[source] reqwest::Error),
    /// It has more bytes than the registry states, or than any model file has.
    #[error("it is larger than {limit} bytes")]
    TooLarge {
        /// The limit, in bytes.
        limit: u64,
    },
    /// A file was downloaded, but it is not the right one.
    #[error("refused: {mismatch} (kept as `{}`)", .kept.display())]
    Refused {
        /// What is wrong with it.
        mismatch: Mismatch,
        /// Where it was moved to.
        kept: PathBuf,
    },
    /// The tool that fetches packages can't be started.
    #[error("`{program}` can't be started; install it, or check PATH")]
    NoTool {
        /// Such as `cargo`.
        program: &'static str,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The tool that fetches packages failed.
    #[error("`{program}` failed: {message}")]
    ToolFailed {
        /// Such as `cargo`.
        program: &'static str,
        /// The end of its output.
        message: String,
    },
    /// The package does not hold the file.
    #[error("the package holds no `{path}`")]
    NotInPackage {
        /// The path inside the package.
        path: String,
    },
    /// The package is not a readable archive.
    #[error("the package can't be unpacked")]
    Archive(#[from] zip::result::ZipError),
    /// The package would write outside the folder it is unpacked in.
    #[error("the package holds the unsafe path `{path}`")]
    UnsafePath {
        /// The path inside the package.
        path: String,
    },
    /// Reading or writing on this machine failed.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// Ctrl-C.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
}
