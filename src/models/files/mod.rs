//! Model files and data sets that are fetched, never committed: the registry, checks, downloads.

mod archives;
mod download;
mod error;
mod package;
mod pull;
mod registry;
mod staging;
mod tarball;
mod unpack;
mod verify;

use std::path::PathBuf;

pub use error::{FailedPull, FailedSource, PullError, SourceError};
pub use pull::{PullReport, PulledEntry, Selection, pull};
pub use registry::{
    Archive, Checksum, Ecosystem, Entry, Kind, Registry, RegistryError, Source, Unpack,
};
pub use verify::{EntryStatus, Mismatch, State, check, status};

/// Where the entries of the registry lie.
#[derive(Debug, Clone)]
pub struct Folders {
    /// Model files: `models/weights`.
    pub weights: PathBuf,
    /// Data sets, a folder each: `data`.
    pub data: PathBuf,
}

impl Folders {
    /// The folder that an entry belongs in.
    #[must_use]
    pub fn of(&self, entry: &Entry) -> &std::path::Path {
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

#[cfg(test)]
mod tests {
    use super::*;
    use facepipe_core::artifacts::digest::sha256_hex;

    /// An entry whose right contents are `contents`, without a source.
    pub(super) fn entry_for(file: &str, contents: &[u8]) -> Entry {
        Entry {
            name: "a".to_owned(),
            kind: Kind::Backbone,
            file: file.to_owned(),
            required: false,
            bytes: Some(contents.len() as u64),
            sha256: Some(sha256_hex(contents)),
            sha256_prefix: None,
            licence: "MIT".to_owned(),
            credit: "nobody".to_owned(),
            description: "a test".to_owned(),
            unpack: None,
            sources: Vec::new(),
        }
    }
}
