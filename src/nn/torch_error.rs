//! libtorch's errors without its stack.

use tch::TchError;

/// The first line of libtorch's message; the rest is addresses in its code.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct TorchError(String);

impl TorchError {
    /// From the text of a panic, in which line breaks and quotes may be escaped.
    #[must_use]
    pub fn from_text(text: &str) -> Self {
        let line = text.split("\\n").next().unwrap_or_default();
        let line = line.lines().next().unwrap_or_default();
        Self(line.trim_matches('"').to_owned())
    }
}

impl From<TchError> for TorchError {
    fn from(error: TchError) -> Self {
        let text = error.to_string();
        let line = text.lines().next().unwrap_or_default();
        Self(line.trim_start_matches("Internal torch error: ").to_owned())
    }
}
