//! Why a model file of dlib's can't be used.

use std::io;
use std::path::{Path, PathBuf};

use super::reader::{ReadError, Reader};

/// Why a model file of dlib's can't be used.
#[derive(Debug, thiserror::Error)]
pub enum ModelFileError {
    /// It is missing.
    #[error("the model file `{}` is missing", .path.display())]
    Missing {
        /// Where it was expected.
        path: PathBuf,
    },
    /// It can't be read from the disk.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// It is damaged, or another file.
    #[error("`{}` is not the model file that it should be", .path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it, and where.
        #[source]
        source: ReadError,
    },
}

/// Reads a whole file and hands it to `parse`, which must use it to the last byte.
///
/// # Errors
/// [`ModelFileError`].
pub(super) fn read_file<T>(
    path: &Path,
    parse: impl FnOnce(&mut Reader<'_>) -> Result<T, ReadError>,
) -> Result<T, ModelFileError> {
    let path = path.to_owned();
    let bytes = match fs_err::read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(ModelFileError::Missing { path });
        }
        Err(error) => return Err(error.into()),
    };
    let mut reader = Reader::new(&bytes);
    let parsed = parse(&mut reader).and_then(|parsed| reader.end().map(|()| parsed));
    parsed.map_err(|source| ModelFileError::Damaged { path, source })
}
