//! Where model files and data sets are.

use std::path::{Path, PathBuf};

use etcetera::base_strategy::{BaseStrategy as _, choose_native_strategy};

use super::registry::{Entry, Kind};

/// The folder of model files in a project, if there is one.
const BELOW_WORKING_FOLDER: &str = "models/weights";
/// Their folder in the user's data folder.
const BELOW_DATA_FOLDER: &str = "facepipe/weights";

/// The folders of the registry's entries.
#[derive(Debug, Clone)]
pub struct Folders {
    /// Model files: see [`weights_folder`].
    pub weights: PathBuf,
    /// Data sets, a folder each: `data`.
    pub data: PathBuf,
}

impl Folders {
    /// The folder that an entry belongs in.
    #[must_use]
    pub fn of(&self, entry: &Entry) -> &Path {
        match entry.kind {
            Kind::Dataset => &self.data,
            Kind::Detector | Kind::Landmarks | Kind::Backbone => &self.weights,
        }
    }

    /// The path of an entry: a file, or a folder for a data set.
    #[must_use]
    pub fn path(&self, entry: &Entry) -> PathBuf {
        self.of(entry).join(&entry.file)
    }
}

/// The user's data folder is not known.
#[derive(Debug, thiserror::Error)]
#[error("there is no folder for model files: HOME is not set")]
pub struct NoHomeFolder;

/// The folder of model files, which may be missing; the first of these:
///
/// 1. `given`, which the user chose
/// 2. `models/weights` below `here`, if that folder is there
/// 3. `facepipe/weights` in the user's data folder: `XDG_DATA_HOME`, by default `~/.local/share`; on
///    macOS `~/Library/Application Support`
///
/// # Errors
/// [`NoHomeFolder`] where it is the third and neither HOME nor XDG_DATA_HOME is set.
pub fn weights_folder(given: Option<&Path>, here: &Path) -> Result<PathBuf, NoHomeFolder> {
    if let Some(given) = given {
        return Ok(given.to_owned());
    }
    let below = here.join(BELOW_WORKING_FOLDER);
    if below.is_dir() {
        return Ok(below);
    }
    Ok(data_folder()?.join(BELOW_DATA_FOLDER))
}

fn data_folder() -> Result<PathBuf, NoHomeFolder> {
    // Without HOME, `etcetera` takes the home folder of the account from the system: for a service,
    // that is no place for files.
    let is_set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let has_xdg = cfg!(not(target_os = "macos")) && is_set("XDG_DATA_HOME");
    if cfg!(unix) && !is_set("HOME") && !has_xdg {
        return Err(NoHomeFolder);
    }
    let strategy = choose_native_strategy().map_err(|_| NoHomeFolder)?;
    Ok(strategy.data_dir())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_given_folder_takes_precedence() {
        let here = tempfile::tempdir().expect("temporary folder");
        let below = here.path().join(BELOW_WORKING_FOLDER);
        fs_err::create_dir_all(&below).expect("makes");
        let found = weights_folder(None, here.path()).expect("is there");
        assert_eq!(found, below);
        let given = Path::new("/given");
        let found = weights_folder(Some(given), here.path()).expect("is given");
        assert_eq!(found, given);
    }
}
