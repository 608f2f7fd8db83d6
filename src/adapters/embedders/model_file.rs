//! A file of weights with its digest.

use std::io;
use std::path::Path;

use facepipe_core::artifacts::digest::sha256_of_file;
use facepipe_core::types::ModelFile;

/// The name and digest of a file.
///
/// # Errors
/// The I/O error, with its path.
pub(super) fn model_file(path: &Path) -> io::Result<ModelFile> {
    let name = path.file_name().unwrap_or(path.as_os_str());
    Ok(ModelFile {
        file: name.to_string_lossy().into_owned(),
        sha256: sha256_of_file(path)?,
    })
}
