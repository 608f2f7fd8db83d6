//! Errors of `prepare`.

use crate::cli::hints::Advice;
use facepipe_core::artifacts::image_folder::ImageFolderError;
use facepipe_core::artifacts::stage::DISCARDED_FILE;
use facepipe_prepare::PrepareError;

impl Advice for PrepareError {
    fn next_step(&self) -> Option<String> {
        match self {
            Self::NoInput(_) | Self::NoImages(_) => Some(
                "give the folder that `facepipe crop` wrote, or one that holds a folder of photos \
                 for each person"
                    .to_owned(),
            ),
            Self::Folder(ImageFolderError::NoLabels(root)) => Some(format!(
                "move the images of each person into a folder of their own: `{}/<name>/`",
                root.display()
            )),
            Self::Folder(source) => source.next_step(),
            Self::Io(source) => source.next_step(),
            Self::Stage(source) => source.next_step(),
            Self::Embedding(source) => source.next_step(),
            Self::Changed(..) => Some("run the same command again".to_owned()),
            Self::NoSuchImage { .. } => Some(
                "name two images by their paths, or by those below the folder: `ada/1.jpg`"
                    .to_owned(),
            ),
            Self::NotComparable { .. } => None,
            Self::NoSplit(_) => Some(
                "give `--keep-split` a data set of `facepipe prepare`, its manifest.jsonl or sides.jsonl, \
                 or a folder with train, val and test"
                    .to_owned(),
            ),
            Self::NothingLeft { out } => Some(format!(
                "read why in `{}`",
                out.join(DISCARDED_FILE).display()
            )),
            Self::NothingToCheck(_) => Some(
                "give the folder that `facepipe prepare` wrote, or one with train/LABEL/FILE and \
                 test/LABEL/FILE"
                    .to_owned(),
            ),
            Self::Leaks(_) => Some(
                "move the images of each leak to one side; or put all images into one folder for each label, \
                 and let `facepipe prepare` split them"
                    .to_owned(),
            ),
            Self::NoEmbedder | Self::Interrupted(_) => None,
        }
    }

    fn is_interruption(&self) -> bool {
        match self {
            Self::Interrupted(_) => true,
            Self::Embedding(source) => source.is_interruption(),
            _ => false,
        }
    }
}
