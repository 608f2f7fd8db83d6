//! Why a source of images can't go on.

use std::io;

use crate::artifacts::image_folder::ImageFolderError;
use crate::errors::{Hint, io_hint};

/// Why a source can't go on.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// Its list can't be read.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// Its folder can't be listed.
    #[error(transparent)]
    Folder(#[from] ImageFolderError),
    /// Its list or folder holds nothing.
    #[error("`{list}` is empty")]
    Empty {
        /// The list or folder.
        list: String,
    },
    /// Its list can't be read to the end.
    #[error("cannot read `{list}` to its end")]
    Broken {
        /// The list.
        list: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The list has columns, but none that holds addresses.
    #[error("`{list}` has no column of addresses; its first line is `{first}`")]
    NoUrlColumn {
        /// The list.
        list: String,
        /// Its first line.
        first: String,
    },
    /// The list names no labels and none was given.
    #[error("`{list}` names no label for its addresses")]
    NoLabel {
        /// The list.
        list: String,
    },
    /// The answer is not of the documented form.
    #[error("{source_name} gave an answer that can't be understood: {message}")]
    BadAnswer {
        /// The source's name.
        source_name: String,
        /// What is wrong with it.
        message: String,
    },
    /// The question was not answered.
    #[error("cannot ask {source_name}: {problem}")]
    NoAnswer {
        /// The source's name.
        source_name: String,
        /// Why.
        problem: String,
    },
    /// The source wants a key, and there is none or it is not the right one.
    #[error("{source_name} is asked with a key: {problem}")]
    Key {
        /// The source's name.
        source_name: String,
        /// What is the matter; the key itself is never shown.
        problem: String,
        /// How to mend it.
        hint: String,
    },
    /// Nobody has that name.
    #[error("Wikidata knows no person `{name}`")]
    NoPerson {
        /// The name or the item's number.
        name: String,
    },
    /// Several people have that name.
    #[error("`{name}` may be any of these people:{}", in_lines(.choices))]
    ManyPeople {
        /// The name.
        name: String,
        /// Number, name and description of each.
        choices: Vec<String>,
    },
    /// The answer is an error.
    #[error("{source_name} refused the request: {message} (`{code}`)")]
    Refused {
        /// The source's name.
        source_name: String,
        /// Its error code.
        code: String,
        /// What it says.
        message: String,
    },
}

fn in_lines(choices: &[String]) -> String {
    choices
        .iter()
        .map(|choice| format!("\n  {choice}"))
        .collect()
}

impl Hint for SourceError {
    fn hint(&self) -> Option<String> {
        let text = match self {
            Self::Key { hint, .. } => return Some(hint.clone()),
            Self::ManyPeople { choices, .. } => {
                let first = choices.first()?.split(' ').next().unwrap_or_default();
                return Some(format!(
                    "choose one by the number, such as `--wikidata {first}`; \
                     https://www.wikidata.org/wiki/{first} says more of them"
                ));
            }
            Self::NoPerson { .. } => {
                "check the spelling, give the number of the person's item on wikidata.org \
                 (`--wikidata Q7259`), or search by text with `--query`"
            }
            Self::NoAnswer { .. } => {
                "check the network and run the same command again: it continues where it stopped"
            }
            Self::Io(source) | Self::Folder(ImageFolderError::Io(source)) => {
                return io_hint(source);
            }
            Self::Folder(ImageFolderError::NoLabels(_)) => {
                "put each label's photos into a folder of its own, or give all of them one label \
                 with `--label`"
            }
            Self::Folder(ImageFolderError::ReservedName(_)) => {
                "give that folder another name, or move it elsewhere if it holds no photos"
            }
            Self::Folder(ImageFolderError::Walk { .. }) => "check that folder's links",
            Self::Broken { .. } => {
                "mend the list there and run the same command again: what was fetched stays"
            }
            Self::Empty { .. } => "write one address a line into it",
            Self::NoUrlColumn { .. } => "name the column in a first line: `url,label`",
            Self::NoLabel { .. } => "add `--label NAME`, or a `label` column",
            Self::BadAnswer { .. } | Self::Refused { .. } => {
                "run the same command again later: it continues where it stopped"
            }
        };
        Some(text.to_owned())
    }
}
