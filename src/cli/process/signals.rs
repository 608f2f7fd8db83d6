//! Handling of Ctrl-C and SIGTERM.

use crate::cli::INTERRUPTED;
use facepipe_core::context::Interrupt;

/// The first Ctrl-C (or SIGTERM) lets the work at hand end; the second ends the process at once.
pub(crate) fn handle_signals(interrupt: &Interrupt) -> std::io::Result<()> {
    let interrupt = interrupt.clone();
    ctrlc::set_handler(move || {
        if interrupt.raise() {
            #[expect(
                clippy::exit,
                reason = "the user asked twice; every file on disk is whole"
            )]
            std::process::exit(i32::from(INTERRUPTED));
        }
    })
    .map_err(std::io::Error::other)
}
