//! Lines on stderr, for people.

use std::io::Write as _;

/// Writes a line. A reader that has gone, such as `2>&1 | head`, does not end the work.
pub(crate) fn say(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}
