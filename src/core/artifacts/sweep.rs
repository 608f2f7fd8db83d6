//! Removes what killed and earlier runs left in a stage's output.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use fs_err as fs;
use walkdir::WalkDir;

use super::atomic::TEMPORARY_SUFFIX;
use super::digest::is_content_name;
use super::image_folder::REPORT_FOLDER;
use super::path_text::relative_path;

/// The files below a folder that are named by content, as a stage names its own.
pub fn content_files(root: &Path) -> impl Iterator<Item = PathBuf> {
    let entries = WalkDir::new(root).min_depth(1).into_iter().flatten();
    entries
        .filter(|entry| !entry.file_type().is_dir())
        .filter(|entry| is_content_name(&entry.file_name().to_string_lossy()))
        .map(walkdir::DirEntry::into_path)
}

/// Removes what killed runs left in the label folders of an output: unfinished files, and files
/// named by content that are not kept; then folders that are empty. `is_kept` gets each file's path below the
/// root, with `/`.
///
/// Files with other names are the user's and stay.
///
/// # Errors
/// The I/O error, with its path.
pub fn sweep_others(root: &Path, is_kept: impl Fn(&str) -> bool) -> io::Result<()> {
    for entry in WalkDir::new(root)
        .min_depth(1)
        .contents_first(true)
        .into_iter()
        .flatten()
    {
        let name = entry.file_name().to_string_lossy();
        if entry.file_type().is_dir() {
            if fs::read_dir(entry.path())?.next().is_none() {
                fs::remove_dir(entry.path())?;
            }
        } else if name.ends_with(TEMPORARY_SUFFIX)
            || (is_content_name(&name) && !is_kept(&relative_path(root, entry.path())))
        {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// Removes the files of that name from the reports of labels, except those in `keep`, by their
/// paths below `root`.
///
/// # Errors
/// The I/O error, with its path.
pub fn sweep_reports(root: &Path, name: &str, keep: &BTreeSet<String>) -> io::Result<()> {
    let folder = root.join(REPORT_FOLDER);
    for entry in WalkDir::new(folder).min_depth(2).into_iter().flatten() {
        let is_report = entry.file_name() == name;
        if is_report && !keep.contains(&relative_path(root, entry.path())) {
            fs_err::remove_file(entry.path())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::image_folder::list;
    use super::*;

    #[test]
    fn sweeping_keeps_the_users_files() {
        let root = tempfile::tempdir().expect("temporary folder");
        for file in [
            "a/0123456789abcdef.png",
            "a/fedcba9876543210.png",
            "a/mine.png",
            "b/.x.tmp-facepipe",
        ] {
            let path = root.path().join(file);
            fs::create_dir_all(path.parent().expect("has a parent")).expect("makes");
            fs::write(path, file).expect("writes");
        }
        let keep: BTreeSet<&str> = BTreeSet::from(["a/0123456789abcdef.png"]);
        sweep_others(root.path(), |file| keep.contains(file)).expect("sweeps");
        let files: Vec<_> = list(root.path()).expect("lists").files;
        let files: Vec<_> = files.iter().map(|file| file.relative.as_str()).collect();
        assert_eq!(files, ["a/0123456789abcdef.png", "a/mine.png"]);
        assert!(!root.path().join("b").exists());
    }
}
