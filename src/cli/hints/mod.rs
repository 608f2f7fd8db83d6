//! Hints, which the command line adds to an error of a room: the user's next step, with its options and commands.
//!
//! A file for each room. A room's error only says what is wrong; an error that can end a command has
//! [`Advice`], or the command does not compile. A command's own errors have it beside them.

mod azure;
mod core;
mod crop;
mod faces;
mod fetch;
mod imaging;
mod models;
#[cfg(feature = "torch")]
mod networks;
mod prepare;
mod sources;
pub(crate) mod verbs;

/// Hints beside an error and its causes.
pub(crate) trait Advice: std::error::Error {
    /// The next command or action that resolves the error, if there is one. It is printed after `hint: `.
    fn next_step(&self) -> Option<String> {
        None
    }

    /// Whether it only says that the user interrupted the work.
    fn is_interruption(&self) -> bool {
        false
    }
}
