//! What all errors of the rooms have in common: causes, and errors of any kind.
//!
//! An error says what is wrong and names the item. What the user can do about it is for the command
//! line to say, since only that knows its options and commands.

use std::error::Error;

/// An error and its causes in one line.
#[must_use]
pub fn with_causes(error: &(dyn Error + 'static)) -> String {
    let texts: Vec<String> = causes(error).map(ToString::to_string).collect();
    texts.join(": ")
}

/// An error and what caused it, outermost first.
pub fn causes<'a>(
    error: &'a (dyn Error + 'static),
) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| error.source())
}

/// The message of the innermost cause.
#[must_use]
pub fn root_cause(error: &(dyn Error + 'static)) -> String {
    causes(error).last().unwrap_or(error).to_string()
}

/// Any error, shown as the error itself: for variants that hold whatever error an adapter meets.
#[derive(Debug)]
pub struct BoxedError(Box<dyn Error + Send + Sync>);

impl BoxedError {
    /// Holds `error`.
    pub fn new(error: impl Error + Send + Sync + 'static) -> Self {
        Self(Box::new(error))
    }

    /// The error itself, for callers that know its type.
    #[must_use]
    pub fn inner(&self) -> &(dyn Error + Send + Sync + 'static) {
        self.0.as_ref()
    }
}

impl std::fmt::Display for BoxedError {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(formatter)
    }
}

impl Error for BoxedError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.source()
    }
}
