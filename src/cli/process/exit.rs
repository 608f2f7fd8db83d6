//! How the process ends.

use std::io::Write;

/// Ends the process with an exit code.
///
/// On Unix it skips libtorch's work at the end of a process, which frees one by one the memory that the
/// system reclaims at once: a third of the time of a short command. Nothing else is left to do by then but
/// to flush the standard output.
#[cfg(unix)]
#[expect(
    unsafe_code,
    reason = "a call of the C library, without pointers, that does not return"
)]
pub(crate) fn exit_with(code: u8) -> ! {
    // A pipe without a reader is no error.
    let _ = std::io::stdout().flush();
    unsafe { libc::_exit(code.into()) }
}

/// Elsewhere it ends as usual.
#[cfg(not(unix))]
pub(crate) fn exit_with(code: u8) -> ! {
    std::process::exit(code.into())
}
