//! What all errors of the crate have in common: they can say what to do next.

use std::io;

/// An error that may know the user's next step.
///
/// Each stage has one `thiserror` enum; the command line prints the error, its causes and, after
/// a blank line, the hint.
pub trait Hint: std::error::Error {
    /// The next command or action that mends the error, if there is one.
    fn hint(&self) -> Option<String> {
        None
    }

    /// Whether it only says that the user interrupted the work.
    fn is_interruption(&self) -> bool {
        false
    }
}

/// An error and its causes in one line.
#[must_use]
pub fn with_causes(error: &(dyn std::error::Error + 'static)) -> String {
    let texts: Vec<String> = causes(error).map(ToString::to_string).collect();
    texts.join(": ")
}

/// An error and what caused it, outermost first.
pub fn causes<'a>(
    error: &'a (dyn std::error::Error + 'static),
) -> impl Iterator<Item = &'a (dyn std::error::Error + 'static)> {
    std::iter::successors(Some(error), |&error| error.source())
}

/// What the innermost cause says.
#[must_use]
pub fn root_cause(error: &(dyn std::error::Error + 'static)) -> String {
    causes(error).last().unwrap_or(error).to_string()
}

/// The hint for an I/O error, by its kind; the error itself already names the path.
#[must_use]
pub fn io_hint(error: &io::Error) -> Option<String> {
    let text = match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            "free some disk space and run the same command again: it continues where it stopped"
        }
        io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::PermissionDenied => {
            "check the permissions of that path, or choose another folder with `--out`"
        }
        io::ErrorKind::NotFound => "check the spelling of that path",
        io::ErrorKind::NotADirectory => "a part of that path is a file, not a folder",
        _ => return None,
    };
    Some(text.to_owned())
}

/// Any error, told as if it stood there itself: for errors that hold what an adapter may meet, whatever
/// that is.
#[derive(Debug)]
pub struct BoxedError(Box<dyn Hint + Send + Sync>);

impl BoxedError {
    /// Holds `error`.
    pub fn new(error: impl Hint + Send + Sync + 'static) -> Self {
        Self(Box::new(error))
    }
}

impl std::fmt::Display for BoxedError {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(formatter)
    }
}

impl std::error::Error for BoxedError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source()
    }
}

impl Hint for BoxedError {
    fn hint(&self) -> Option<String> {
        self.0.hint()
    }

    fn is_interruption(&self) -> bool {
        self.0.is_interruption()
    }
}

impl Hint for io::Error {
    fn hint(&self) -> Option<String> {
        io_hint(self)
    }
}
