//! Whether a model file or data set exists and is the right one.

use std::io;
use std::path::{Path, PathBuf};

use serde::Serialize;
use walkdir::WalkDir;

use super::registry::{Entry, Kind, Unpack};
use super::{Folders, Registry};
use facepipe_core::artifacts::digest::{sha256_hex, sha256_of_file};
use facepipe_core::artifacts::path_text::relative_path;
use facepipe_core::words::counted;

/// The state of an entry on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// It exists and is the right one.
    Present,
    /// It is missing.
    Missing,
    /// Something else is in its place.
    Damaged(Mismatch),
}

/// How a file or data set differs from the registry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Mismatch {
    /// Another size.
    #[error("it has {found} bytes instead of {expected}")]
    Size {
        /// Bytes by the registry.
        expected: u64,
        /// Bytes on disk.
        found: u64,
    },
    /// Other contents.
    #[error("its SHA-256 is {found} instead of {expected}")]
    Sha256 {
        /// The registry's digits, with `…` where they are only the first.
        expected: String,
        /// The digest of the file on disk.
        found: String,
    },
    /// More or fewer files in a data set.
    #[error("it holds {} instead of {expected}", counted(*found, "file"))]
    Files {
        /// Files by the registry.
        expected: u64,
        /// Files on disk.
        found: u64,
    },
    /// A folder where a file should be, or the other way round.
    #[error("it is not a {expected}")]
    Type {
        /// `file` or `folder`.
        expected: &'static str,
    },
}

/// One line of `models list`.
#[derive(Debug, Clone, Serialize)]
pub struct EntryStatus {
    /// The entry's name.
    pub name: String,
    /// Its purpose.
    pub kind: Kind,
    /// `present`, `missing` or `damaged`.
    pub state: &'static str,
    /// How it is damaged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
    /// Its path, whether or not it exists.
    #[serde(serialize_with = "facepipe_core::artifacts::path_text::as_text::serialize")]
    pub path: PathBuf,
    /// Size in bytes, if the registry states it.
    pub bytes: Option<u64>,
    /// Whether the pipeline requires it.
    pub required: bool,
    /// Its licence.
    pub licence: String,
    /// The credit to give when using it.
    pub credit: String,
    /// Its description, in one line.
    pub description: String,
}

impl EntryStatus {
    /// Whether the user has to act: it is damaged, or it is required and missing.
    #[must_use]
    pub fn needs_mending(&self) -> bool {
        match self.state {
            "present" => false,
            "missing" => self.required,
            _ => true,
        }
    }
}

/// Checks every entry of a registry.
///
/// # Errors
/// The I/O error of a file that exists and can't be read.
pub fn status(registry: &Registry, folders: &Folders) -> io::Result<Vec<EntryStatus>> {
    let entries = registry.entries.iter();
    entries
        .map(|entry| {
            let path = folders.path(entry);
            let state = check(entry, &path)?;
            Ok(EntryStatus {
                name: entry.name.clone(),
                kind: entry.kind,
                state: match state {
                    State::Present => "present",
                    State::Missing => "missing",
                    State::Damaged(_) => "damaged",
                },
                problem: match &state {
                    State::Damaged(mismatch) => Some(mismatch.to_string()),
                    State::Present | State::Missing => None,
                },
                path,
                bytes: entry.bytes,
                required: entry.required,
                licence: entry.licence.clone(),
                credit: entry.credit.clone(),
                description: entry.description.clone(),
            })
        })
        .collect()
}

/// Compares the file at `path` with the registry's size and checksum.
///
/// # Errors
/// The I/O error of a file that exists and can't be read.
pub fn check(entry: &Entry, path: &Path) -> io::Result<State> {
    let metadata = match fs_err::metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(State::Missing),
        Err(error) => return Err(error),
    };
    let mismatch = match &entry.unpack {
        Some(unpack) if metadata.is_dir() => mismatch_of_folder(entry, unpack, path)?,
        None if metadata.is_file() => mismatch_of_file(entry, metadata.len(), path)?,
        Some(_) => Some(Mismatch::Type { expected: "folder" }),
        None => Some(Mismatch::Type { expected: "file" }),
    };
    Ok(mismatch.map_or(State::Present, State::Damaged))
}

fn mismatch_of_file(entry: &Entry, bytes: u64, path: &Path) -> io::Result<Option<Mismatch>> {
    if let Some(mismatch) = mismatch_of_size(entry, bytes) {
        return Ok(Some(mismatch));
    }
    Ok(mismatch_of_digest(entry, sha256_of_file(path)?))
}

fn mismatch_of_folder(entry: &Entry, unpack: &Unpack, root: &Path) -> io::Result<Option<Mismatch>> {
    let mut lines = Vec::new();
    let mut bytes = 0;
    for file in WalkDir::new(root) {
        let file = file.map_err(io::Error::from)?;
        let belongs = file
            .path()
            .extension()
            .is_some_and(|it| it == &*unpack.extension);
        if file.file_type().is_file() && belongs {
            bytes += fs_err::metadata(file.path())?.len();
            lines.push((relative_path(root, file.path()), file.into_path()));
        }
    }
    let found = lines.len() as u64;
    if found != unpack.files {
        let expected = unpack.files;
        return Ok(Some(Mismatch::Files { expected, found }));
    }
    if let Some(mismatch) = mismatch_of_size(entry, bytes) {
        return Ok(Some(mismatch));
    }
    lines.sort();
    let mut list = String::new();
    for (relative, path) in lines {
        list.push_str(&format!("{}  {relative}\n", sha256_of_file(&path)?));
    }
    Ok(mismatch_of_digest(entry, sha256_hex(list.as_bytes())))
}

fn mismatch_of_size(entry: &Entry, found: u64) -> Option<Mismatch> {
    let expected = entry.bytes?;
    (expected != found).then_some(Mismatch::Size { expected, found })
}

fn mismatch_of_digest(entry: &Entry, found: String) -> Option<Mismatch> {
    let checksum = entry.checksum();
    (!checksum.accepts(&found)).then(|| Mismatch::Sha256 {
        expected: checksum.to_string(),
        found,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::tests::entry_for;

    #[test]
    fn a_file_is_present_missing_or_damaged() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let path = folder.path().join("a.bin");
        let mut entry = entry_for("a.bin", b"right");
        assert_eq!(check(&entry, &path).expect("looks"), State::Missing);
        fs_err::write(&path, b"right").expect("writes");
        assert_eq!(check(&entry, &path).expect("looks"), State::Present);
        fs_err::write(&path, b"wrong").expect("writes");
        assert!(matches!(
            check(&entry, &path).expect("looks"),
            State::Damaged(Mismatch::Sha256 { .. })
        ));
        fs_err::write(&path, b"longer").expect("writes");
        assert_eq!(
            check(&entry, &path).expect("looks"),
            State::Damaged(Mismatch::Size {
                expected: 5,
                found: 6
            })
        );
        fs_err::write(&path, b"right").expect("writes");
        entry.sha256_prefix = entry.sha256.take().map(|digits| digits[..8].to_owned());
        assert_eq!(check(&entry, &path).expect("looks"), State::Present);
        entry.sha256_prefix = Some("00000000".to_owned());
        let State::Damaged(mismatch) = check(&entry, &path).expect("looks") else {
            panic!("another prefix is damage");
        };
        assert!(
            mismatch.to_string().ends_with("instead of 00000000…"),
            "{mismatch}"
        );
        assert_eq!(
            check(&entry, folder.path()).expect("looks"),
            State::Damaged(Mismatch::Type { expected: "file" })
        );
    }

    #[test]
    fn a_data_set_counts_only_its_own_files() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let root = folder.path();
        for (file, text) in [
            ("s1/1.pgm", "one"),
            ("s2/1.pgm", "two"),
            ("notes.txt", "mine"),
        ] {
            let path = root.join(file);
            fs_err::create_dir_all(path.parent().expect("has a parent")).expect("makes");
            fs_err::write(path, text).expect("writes");
        }
        let list = format!(
            "{}  s1/1.pgm\n{}  s2/1.pgm\n",
            sha256_hex(b"one"),
            sha256_hex(b"two")
        );
        let mut entry = entry_for("x", list.as_bytes());
        entry.kind = Kind::Dataset;
        entry.bytes = Some(6);
        entry.unpack = Some(Unpack {
            files: 2,
            extension: "pgm".to_owned(),
        });
        assert_eq!(check(&entry, root).expect("looks"), State::Present);
        fs_err::write(root.join("s2/1.pgm"), "owt").expect("writes");
        assert!(matches!(
            check(&entry, root).expect("looks"),
            State::Damaged(Mismatch::Sha256 { .. })
        ));
        fs_err::remove_file(root.join("s2/1.pgm")).expect("removes");
        assert!(matches!(
            check(&entry, root).expect("looks"),
            State::Damaged(Mismatch::Files {
                expected: 2,
                found: 1
            })
        ));
    }
}
