//! How libtorch's threads wait for each other.
//!
//! libgomp's threads spin while they wait. Where another thread or program needs the processor that
//! one of them spins on, a step takes many times as long: training with two threads on a busy
//! machine of two processors took 60 s with spinning and 7 s without. libgomp reads its settings
//! when it is loaded, before any code of this program runs; so the program starts itself once more.

use super::Needs;

/// The setting's name, of the OpenMP standard.
const SETTING: &str = "OMP_WAIT_POLICY";
/// Other settings of the same behaviour; a user who sets one of them has decided.
const OTHER_SETTINGS: [&str; 2] = ["GOMP_SPINCOUNT", "KMP_BLOCKTIME"];

/// Starts the program again, as the same process, with threads that sleep while they wait. Does
/// nothing for commands that run no network for long, and where that was done or decided before.
#[cfg(target_os = "linux")]
pub(crate) fn restart_with_sleeping_threads(needs: Needs, arguments: &[std::ffi::OsString]) {
    use std::os::unix::process::CommandExt;

    let decided = std::env::var_os(SETTING).is_some()
        || OTHER_SETTINGS
            .iter()
            .any(|name| std::env::var_os(name).is_some());
    if decided || !needs.networks_for_long {
        return;
    }
    if let (Ok(program), Some((name, rest))) = (std::env::current_exe(), arguments.split_first()) {
        // It returns only where it fails; then the program continues as it is, only slower.
        let _ = std::process::Command::new(program)
            .arg0(name)
            .args(rest)
            .env(SETTING, "passive")
            .exec();
    }
}

/// Elsewhere the program continues as it is.
#[cfg(not(target_os = "linux"))]
pub(crate) fn restart_with_sleeping_threads(_: Needs, _: &[std::ffi::OsString]) {}
