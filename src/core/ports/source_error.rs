//! Why a source of images can't continue.

use std::io;

use crate::artifacts::image_folder::ImageFolderError;

/// Why a source can't continue.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// Its list can't be read.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// Its folder can't be listed.
    #[error(transparent)]
    Folder(#[from] ImageFolderError),
    /// Its list or folder is empty.
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
    /// The list has columns, but none of addresses.
    #[error("`{list}` has no column of addresses; its first line is `{first}`")]
    NoUrlColumn {
        /// The list.
        list: String,
        /// Its first line.
        first: String,
    },
    /// Two columns of the list may be the one that is needed.
    #[error("`{list}` has two columns that may be the `{exact}`: `{}` and `{}`", .names[0], .names[1])]
    TwoColumns {
        /// The list.
        list: String,
        /// The columns.
        names: [String; 2],
        /// The name that would decide.
        exact: &'static str,
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
    /// The request was not answered.
    #[error("the request to {source_name} failed: {problem}")]
    NoAnswer {
        /// The source's name.
        source_name: String,
        /// Why.
        problem: String,
    },
    /// The source needs a key, and there is none or it is wrong.
    #[error("{source_name} needs a key: {problem}")]
    Key {
        /// The source's name.
        source_name: String,
        /// What is wrong; the key itself is never shown.
        problem: String,
    },
    /// No person has that name.
    #[error("{source_name} knows no person `{name}`")]
    NoPerson {
        /// The source's name.
        source_name: String,
        /// The name, or the source's number of the person.
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
        /// Its message.
        message: String,
    },
}

fn in_lines(choices: &[String]) -> String {
    choices
        .iter()
        .map(|choice| format!("\n  {choice}"))
        .collect()
}
