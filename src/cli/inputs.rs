//! The images that a command line names: files as they are, folders with all that is below them.

use std::io;
use std::path::{Path, PathBuf};

use walkdir::WalkDir;

use super::failure::Failure;
use crate::artifacts::image_folder::is_hidden;

/// One image to look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct InputFile {
    /// What to open.
    pub(super) path: PathBuf,
    /// What to call it in results: the argument, or the folder argument and the path below it.
    pub(super) name: String,
}

/// All files that the arguments name, folders in the order of names; hidden files are passed over.
pub(super) fn expand(arguments: &[PathBuf]) -> Result<Vec<InputFile>, Failure> {
    let mut files = Vec::new();
    for argument in arguments {
        if !argument.exists() {
            return Err(Failure::Usage {
                message: format!("there is no file or folder `{}`", argument.display()),
                hint: "check the spelling; a name with spaces needs quotes".to_owned(),
            });
        }
        if argument.is_dir() {
            add_folder(argument, &mut files)?;
        } else {
            files.push(file(argument));
        }
    }
    Ok(files)
}

fn add_folder(folder: &Path, files: &mut Vec<InputFile>) -> Result<(), Failure> {
    let visible = |entry: &walkdir::DirEntry| entry.depth() == 0 || !is_hidden(entry.file_name());
    let walk = WalkDir::new(folder).follow_links(true).sort_by_file_name();
    for entry in walk.into_iter().filter_entry(visible) {
        let entry = entry.map_err(io::Error::from)?;
        if entry.file_type().is_file() {
            files.push(file(entry.path()));
        }
    }
    Ok(())
}

fn file(path: &Path) -> InputFile {
    InputFile {
        path: path.to_owned(),
        name: path.to_string_lossy().into_owned(),
    }
}
