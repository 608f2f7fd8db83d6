//! Files of weights, as caches and reports name them.

use std::io;
use std::path::Path;

use facepipe_core::artifacts::digest::sha256_of_file;
use facepipe_core::types::ModelFile;

/// A network's only file.
pub(super) fn model_files(path: &Path) -> io::Result<Vec<ModelFile>> {
    let name = path.file_name().unwrap_or(path.as_os_str());
    Ok(vec![ModelFile {
        file: name.to_string_lossy().into_owned(),
        sha256: sha256_of_file(path)?,
    }])
}
