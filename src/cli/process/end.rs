//! How the process ends.

use std::io::Write;

/// Ends the process with an exit code.
///
/// On Unix it leaves out what libtorch does at the end of a process, which is to free one by one what the
/// system takes back at once: a third of the time of a short command. Nothing else is left to do by then but
/// to write what stands in the standard output's buffer.
#[cfg(unix)]
#[expect(
    unsafe_code,
    reason = "a call of the C library, without pointers, that does not return"
)]
pub(crate) fn with(code: u8) -> ! {
    // A pipe that nobody reads is no error.
    let _ = std::io::stdout().flush();
    unsafe { libc::_exit(code.into()) }
}

/// Elsewhere it ends as usual.
#[cfg(not(unix))]
pub(crate) fn with(code: u8) -> ! {
    std::process::exit(code.into())
}
