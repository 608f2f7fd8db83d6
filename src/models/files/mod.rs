//! Model files and data sets that are fetched, never committed: the registry, checks, downloads.

mod archives;
mod download;
mod error;
mod folders;
mod package;
mod pull;
mod registry;
mod staging;
mod tarball;
mod unpack;
mod verify;

pub use error::{FailedPull, FailedSource, PullError, SourceError};
pub use folders::{Folders, NoHomeFolder, weights_folder};
pub use pull::{PullReport, PulledEntry, Selection, pull};
pub use registry::{
    Archive, Checksum, Ecosystem, Entry, Kind, Registry, RegistryError, Source, Unpack,
};
pub use verify::{EntryStatus, Mismatch, State, check, status};

#[cfg(test)]
mod tests {
    use super::*;
    use facepipe_core::artifacts::digest::sha256_hex;

    /// An entry whose contents must be `contents`, without a source.
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
