//! Errors as the user sees them: what failed, why, and the next step.

use std::io;

use crate::cli::hints::Advice;
use crate::cli::output::say::say;
use crate::cli::{FAILURE, INTERRUPTED, SUCCESS, USAGE};
use facepipe_core::errors::causes;

/// An error of any stage on its way to the terminal.
#[derive(Debug)]
pub(crate) enum Failure {
    /// A stage failed.
    Stage(Box<dyn Advice + Send>),
    /// Arguments that clap can't check.
    Usage {
        /// What is wrong.
        message: String,
        /// What to do.
        hint: String,
    },
    /// The reader of our output closed it: that is no error.
    OutputClosed,
}

impl<E: Advice + Send + 'static> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Stage(Box::new(error))
    }
}

impl Failure {
    /// An error while writing results to stdout.
    pub(crate) fn of_output(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            Self::OutputClosed
        } else {
            error.into()
        }
    }
}

/// Prints an error to stderr and gives the exit code for it.
pub(crate) fn print(failure: &Failure) -> u8 {
    match failure {
        Failure::OutputClosed => SUCCESS,
        Failure::Usage { message, hint } => {
            say(&format!("error: {message}\n\nhint: {hint}"));
            USAGE
        }
        Failure::Stage(error) if error.is_interruption() => {
            say("interrupted\n\nhint: run the same command again to continue");
            INTERRUPTED
        }
        Failure::Stage(error) => {
            say(&format!("error: {error}"));
            let mut last = error.to_string();
            for cause in error.source().into_iter().flat_map(causes) {
                let text = cause.to_string();
                if !last.contains(&text) {
                    say(&format!("caused by: {text}"));
                }
                last = text;
            }
            if let Some(step) = error.next_step() {
                say(&format!("\nhint: {step}"));
            }
            FAILURE
        }
    }
}
