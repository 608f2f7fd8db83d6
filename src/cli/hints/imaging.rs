//! Errors of data sets.

use crate::cli::hints::Advice;
use facepipe_core::artifacts::image_folder::ImageFolderError;
use facepipe_imaging::data_set::DataSetError;

impl Advice for DataSetError {
    fn next_step(&self) -> Option<String> {
        let text = match self {
            Self::Io(source) => return source.next_step(),
            Self::Stamp(source) => return source.next_step(),
            Self::Missing(_) => "check the spelling of that path, or make the data set: \
                                 `facepipe prepare CROPS --out DATA`"
                .to_owned(),
            Self::NoSides(path) => format!(
                "if its folders are labels, split it first: `facepipe prepare {} --out DATA`",
                path.display()
            ),
            Self::Incomplete(_) => "run the same `facepipe prepare` again: it continues".to_owned(),
            Self::Folder(ImageFolderError::ReservedName(_)) => {
                "give that folder another name, or move it elsewhere if it holds no images"
                    .to_owned()
            }
            Self::Folder(_) => "each side needs a folder a label with its images".to_owned(),
            Self::Description { .. } | Self::UnknownLabel { .. } => {
                "make the data set again with `facepipe prepare CROPS --out DATA --force`"
                    .to_owned()
            }
        };
        Some(text)
    }
}
