//! Files that a test needs and a clone does not have: real photos and the weights of networks.
//!
//! A test without its files reports that past the test harness, which hides the output of passing
//! tests. `scripts/test.sh` counts these lines; with `FACEPIPE_TEST_STRICT=1` such a test fails.

use std::io::Write as _;
use std::path::{Path, PathBuf};

/// A file to which each skip is written as one line, if `scripts/test.sh` requests it.
const LIST: &str = "FACEPIPE_TEST_SKIPS";
/// The folder of model files, unless it is the usual one.
pub const WEIGHTS: &str = "FACEPIPE_WEIGHTS_DIR";
/// Whether a skip is a failure.
const STRICT: &str = "FACEPIPE_TEST_STRICT";

/// The folder of the whole project.
#[must_use]
pub fn project() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The folder of real photographs for tests (`FACEPIPE_SHARED`, else `../shared`); a missing one is
/// reported.
#[must_use]
pub fn shared(below: &str) -> Option<PathBuf> {
    let root = std::env::var_os("FACEPIPE_SHARED")
        .map_or_else(|| project().join("../shared"), PathBuf::from);
    let path = root.join(below);
    if path.exists() {
        return Some(path);
    }
    skip(&format!(
        "no `{}`; set FACEPIPE_SHARED to run this test",
        path.display()
    ));
    None
}

/// The portraits that every clone has, one person on each (`tests/photos/README.md`).
#[must_use]
pub fn portraits() -> PathBuf {
    project().join("tests/photos")
}

/// The folder of model files, as the program finds it in the project's folder: `scripts/test.sh` fetches
/// them into it. Where there is none, one that does not exist.
#[must_use]
pub fn weights_folder() -> PathBuf {
    let given = std::env::var_os(WEIGHTS).map(|given| project().join(given));
    facepipe_models::files::weights_folder(given.as_deref(), &project())
        .unwrap_or_else(|_| project().join("models/weights"))
}

/// A fetched model file; a missing one is reported.
#[must_use]
pub fn weights(name: &str) -> Option<PathBuf> {
    let path = weights_folder().join(name);
    if path.is_file() {
        return Some(path);
    }
    skip(&format!(
        "no `{}`; run `facepipe models pull --all`",
        path.display()
    ));
    None
}

/// Reports that the calling test can't run here.
///
/// # Panics
/// With `FACEPIPE_TEST_STRICT=1`.
pub fn skip(reason: &str) {
    let test = std::thread::current();
    let test = test.name().unwrap_or("a test");
    let line = format!("SKIPPED: {test}: {reason}\n");
    std::io::stderr()
        .write_all(line.as_bytes())
        .expect("stderr is open");
    if let Some(list) = std::env::var_os(LIST) {
        let mut options = fs_err::OpenOptions::new();
        let list = options.create(true).append(true).open(PathBuf::from(list));
        list.and_then(|mut list| list.write_all(line.as_bytes()))
            .expect("the list of skips can be written");
    }
    assert!(
        std::env::var_os(STRICT).is_none_or(|strict| strict != "1"),
        "skipped, which {STRICT}=1 does not allow: {reason}"
    );
}
