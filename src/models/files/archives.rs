//! Packages that are downloaded during one pull, once for all entries that are in them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::error::SourceError;
use super::package;
use super::registry::Archive;
use super::staging::Staging;
use facepipe_core::context::Interrupt;

/// A file of a Python package.
#[derive(Debug, Clone, Copy)]
pub(super) struct PythonPackage<'a> {
    /// The package's name.
    pub(super) name: &'a str,
    /// Its exact version.
    pub(super) version: &'a str,
    /// Wheel or source distribution.
    pub(super) archive: Archive,
    /// The file's SHA-256, in hexadecimal.
    pub(super) sha256: &'a str,
}

/// The downloaded packages, by checksum; they are deleted when this is dropped.
#[derive(Debug, Default)]
pub(super) struct Archives {
    downloaded: BTreeMap<String, (Staging, PathBuf)>,
}

impl Archives {
    /// The package's file; the first request downloads it beside `staging`.
    ///
    /// # Errors
    /// [`SourceError`].
    pub(super) fn get(
        &mut self,
        package: PythonPackage<'_>,
        staging: &Path,
        interrupt: &Interrupt,
    ) -> Result<PathBuf, SourceError> {
        self.get_by(package, staging, |folder| {
            package::python_package(package, folder, interrupt)
        })
    }

    fn get_by(
        &mut self,
        package: PythonPackage<'_>,
        staging: &Path,
        download: impl FnOnce(&Path) -> Result<PathBuf, SourceError>,
    ) -> Result<PathBuf, SourceError> {
        if let Some((_, file)) = self.downloaded.get(package.sha256) {
            return Ok(file.clone());
        }
        let folder = staging.parent().unwrap_or(staging);
        let staging = Staging::new(folder, &format!("{}-{}", package.name, package.version))?;
        let file = download(staging.path())?;
        let downloaded = (staging, file.clone());
        self.downloaded
            .insert(package.sha256.to_owned(), downloaded);
        Ok(file)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_is_downloaded_once_and_is_deleted_at_the_end() {
        let root = tempfile::tempdir().expect("temporary folder");
        let package = PythonPackage {
            name: "models",
            version: "1.0",
            archive: Archive::Sdist,
            sha256: "00",
        };
        let mut archives = Archives::default();
        let mut downloads = 0;
        let mut get = |archives: &mut Archives| {
            archives.get_by(package, &root.path().join("staging"), |folder| {
                downloads += 1;
                let file = folder.join("models-1.0.tar.gz");
                fs_err::write(&file, "a package")?;
                Ok(file)
            })
        };
        let first = get(&mut archives).expect("downloads");
        let second = get(&mut archives).expect("is there");
        assert_eq!(first, second);
        assert_eq!(fs_err::read(&first).expect("reads"), b"a package");
        assert_eq!(downloads, 1);
        drop(archives);
        assert_eq!(fs_err::read_dir(root.path()).expect("lists").count(), 0);
    }

    #[test]
    fn a_failed_download_is_tried_again_for_the_next_entry() {
        let root = tempfile::tempdir().expect("temporary folder");
        let package = PythonPackage {
            name: "models",
            version: "1.0",
            archive: Archive::Wheel,
            sha256: "00",
        };
        let mut archives = Archives::default();
        let staging = root.path().join("staging");
        let failed = archives.get_by(package, &staging, |_| {
            Err(SourceError::NotInPackage {
                path: "*.whl".to_owned(),
            })
        });
        assert!(failed.is_err());
        let file = archives.get_by(package, &staging, |folder| Ok(folder.join("a.whl")));
        assert!(file.expect("downloads").ends_with("a.whl"));
    }
}
