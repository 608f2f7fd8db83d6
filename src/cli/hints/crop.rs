//! Errors of `crop`.

use crate::cli::hints::Advice;
use facepipe_core::artifacts::image_folder::ImageFolderError;
use facepipe_core::artifacts::selection::SelectionError;
use facepipe_core::artifacts::stage::DISCARDED_FILE;
use facepipe_core::types::Reason;
use facepipe_crop::CropError;

impl Advice for CropError {
    fn next_step(&self) -> Option<String> {
        match self {
            Self::NoInput(_) => Some(
                "give a folder that holds a folder of photos for each person, or make one with \
                 `facepipe fetch`"
                    .to_owned(),
            ),
            Self::Folder(ImageFolderError::NoLabels(root)) => Some(format!(
                "move the photos of each person into a folder of their own: \
                 `{}/<name>/photo.jpg`",
                root.display()
            )),
            Self::Folder(source) => source.next_step(),
            Self::Io(source) => source.next_step(),
            Self::Stage(source) => source.next_step(),
            Self::Detector(source) => source.next_step(),
            Self::Selection(SelectionError::Folder { .. }) => Some(
                "bring the folder back, or leave its person out with `facepipe project remove`".to_owned(),
            ),
            Self::ForeignChips(_) => {
                Some("choose an empty or new folder with `--chips`".to_owned())
            }
            Self::DamagedCrop { .. } => {
                Some("remove the file, and run the same command again with `--force`".to_owned())
            }
            Self::OtherPhotos { .. } => Some(
                "choose another folder with `--out`, or add `--force` to make this one of the new photos".to_owned(),
            ),
            Self::NoFaces {
                reason: Some(reason),
                out,
                ..
            } if *reason == Reason::Unreadable.to_string() => Some(format!(
                "most can't be read; `{}` says why for each: convert formats that are not decoded \
                 (HEIC, AVIF, camera raw) to JPEG, and copy damaged files again",
                out.join(DISCARDED_FILE).display()
            )),
            Self::NoFaces { out, .. } => Some(format!(
                "read why in `{}`; try a lower `--min-face` and weaker limits of quality, or keep \
                 whole photos with `--keep-no-face`",
                out.join(DISCARDED_FILE).display()
            )),
            Self::Interrupted(_) | Self::Judge(_) => None,
        }
    }

    fn is_interruption(&self) -> bool {
        match self {
            Self::Interrupted(_) => true,
            Self::Detector(source) => source.is_interruption(),
            _ => false,
        }
    }
}
