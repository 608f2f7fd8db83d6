//! One folder for each label, with images inside: listing, fingerprints, label names.

use std::collections::BTreeSet;
use std::io;
use std::path::{Component, Path, PathBuf};
use std::time::UNIX_EPOCH;

use fs_err as fs;
use serde::{Deserialize, Serialize};
use walkdir::WalkDir;

use super::atomic::TEMPORARY_SUFFIX;
use super::digest::{is_content_name, sha256_hex};
use super::stage;
use crate::types::Stage;

/// One file below a label's folder.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct LabelledFile {
    /// The label: the first folder's name.
    pub label: String,
    /// The path below the root, with `/`.
    pub relative: String,
    /// The path to open.
    pub path: PathBuf,
}

/// A listed folder of labels.
#[derive(Debug, Clone, Default)]
pub struct ImageFolder {
    /// Labels, sorted; one may have no files.
    pub labels: Vec<String>,
    /// Files, sorted by their path below the root.
    pub files: Vec<LabelledFile>,
}

/// Why a folder can't be read as a folder of labels.
#[derive(Debug, thiserror::Error)]
pub enum ImageFolderError {
    /// It can't be read.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// There is a loop of symbolic links, or an entry that can't be read.
    #[error("cannot list `{}`", .path.display())]
    Walk {
        /// Where.
        path: PathBuf,
        /// Why.
        #[source]
        source: walkdir::Error,
    },
    /// It has no folders.
    #[error("`{}` holds no folders: each label needs a folder with its photos", .0.display())]
    NoLabels(PathBuf),
    /// A folder has the name that stages keep for their own pictures.
    #[error("`{}` can't be a label: facepipe keeps that name for reports", .0.display())]
    ReservedName(PathBuf),
}

/// Lists a folder of labels. Hidden files and folders are skipped, and so are entries beside the
/// label folders: files, and the [`REPORT_FOLDER`] of the stage that made the folder.
///
/// # Errors
/// [`ImageFolderError`].
pub fn list(root: &Path) -> Result<ImageFolder, ImageFolderError> {
    let mut folder = ImageFolder::default();
    for entry in fs::read_dir(root)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if is_hidden(&entry.file_name()) || !entry.path().is_dir() {
            continue;
        }
        if name != REPORT_FOLDER {
            folder.labels.push(name);
        } else if !has_report(root) {
            return Err(ImageFolderError::ReservedName(entry.path()));
        }
    }
    if folder.labels.is_empty() {
        return Err(ImageFolderError::NoLabels(root.to_owned()));
    }
    folder.labels.sort();
    for label in &folder.labels {
        let visible =
            |entry: &walkdir::DirEntry| entry.depth() == 0 || !is_hidden(entry.file_name());
        let walk = WalkDir::new(root.join(label)).follow_links(true);
        for entry in walk.into_iter().filter_entry(visible) {
            let entry = entry.map_err(|source| ImageFolderError::Walk {
                path: source.path().unwrap_or(root).to_owned(),
                source,
            })?;
            if entry.file_type().is_file() {
                folder.files.push(LabelledFile {
                    label: label.clone(),
                    relative: relative_path(root, entry.path()),
                    path: entry.path().to_owned(),
                });
            }
        }
    }
    folder.files.sort_by(|a, b| a.relative.cmp(&b.relative));
    Ok(folder)
}

/// A file of a label's report, below the output folder.
#[must_use]
pub fn report_file(label: &str, name: &str) -> String {
    format!("{REPORT_FOLDER}/{label}/{name}")
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

/// Whether a stage that writes a [`REPORT_FOLDER`] made the folder.
fn has_report(root: &Path) -> bool {
    stage::read_stamp(root).is_ok_and(|stamp| stamp.is_some_and(|stamp| stamp.is_of(Stage::Crop)))
}

/// Whether a file is one that operating systems keep beside the user's photos (`.DS_Store`,
/// `._photo.jpg`); a name that begins with two dots is the user's own.
#[must_use]
pub fn is_hidden(name: &std::ffi::OsStr) -> bool {
    let name = name.to_string_lossy();
    name.starts_with('.') && !name.starts_with("..")
}

/// A folder of pictures about a stage's result, beside the labels.
pub const REPORT_FOLDER: &str = "report";

/// A path below `root`, with `/` between its parts.
#[must_use]
pub fn relative_path(root: &Path, path: &Path) -> String {
    let below = path.strip_prefix(root).unwrap_or(path);
    let parts = below.components().filter_map(|part| match part {
        Component::Normal(name) => Some(name.to_string_lossy()),
        _ => None,
    });
    parts.collect::<Vec<_>>().join("/")
}

/// Identifies the state of an input folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fingerprint {
    /// How many files it holds.
    pub files: u64,
    /// SHA-256 over the files' paths, sizes and times of change.
    pub digest: String,
}

impl ImageFolder {
    /// The folder's fingerprint: it changes when a file is added, removed, renamed or written.
    /// Files named by their content count by name alone, so that a copied data set is the same.
    ///
    /// # Errors
    /// The I/O error of a file whose metadata can't be read.
    pub fn fingerprint(&self) -> io::Result<Fingerprint> {
        let mut text = String::new();
        for file in &self.files {
            text.push_str(&file.relative);
            let name = file.path.file_name().unwrap_or_default().to_string_lossy();
            if !is_content_name(&name) {
                let metadata = fs::metadata(&file.path)?;
                let changed = metadata
                    .modified()?
                    .duration_since(UNIX_EPOCH)
                    .unwrap_or_default();
                text.push_str(&format!("\t{}\t{}", metadata.len(), changed.as_nanos()));
            }
            text.push('\n');
        }
        Ok(Fingerprint {
            files: self.files.len() as u64,
            digest: sha256_hex(text.as_bytes()),
        })
    }
}

/// A folder name for a label that works on every file system: letters and digits of any script,
/// `-`, `_`; everything else becomes `_`.
///
/// ```text
/// "Sarah Connor" -> "sarah_connor"      "AC/DC: live" -> "ac_dc_live"
/// ```
#[must_use]
pub fn label_from_query(query: &str) -> String {
    let mut label = String::new();
    for letter in query.trim().chars().flat_map(char::to_lowercase) {
        if letter.is_alphanumeric() || letter == '-' {
            label.push(letter);
        } else if !label.is_empty() && !label.ends_with('_') {
            label.push('_');
        }
    }
    shorten(&mut label);
    label.truncate(label.trim_end_matches('_').len());
    match label.as_str() {
        "" => "unnamed".to_owned(),
        REPORT_FOLDER => format!("{REPORT_FOLDER}_"),
        _ => label,
    }
}

/// A label as the user wrote it: unchanged where it can be a folder's name on every file system,
/// else as [`label_from_query`] makes one of it.
#[must_use]
pub fn label_from_text(text: &str) -> String {
    let text = text.trim();
    let usable = !text.is_empty()
        && text.len() <= LABEL_BYTES
        && text != REPORT_FOLDER
        && !text.starts_with('.')
        && !text.ends_with('.')
        && !text.contains(|letter: char| letter.is_control() || r#"/\<>:"|?*"#.contains(letter));
    if usable {
        text.to_owned()
    } else {
        label_from_query(text)
    }
}

/// Longest label in bytes: file systems allow 255, and names derived from it get longer.
const LABEL_BYTES: usize = 120;

fn shorten(label: &mut String) {
    let mut length = LABEL_BYTES.min(label.len());
    while !label.is_char_boundary(length) {
        length -= 1;
    }
    label.truncate(length);
}

/// Removes what killed runs left in the label folders of an output: unfinished files, and files
/// named by content that are not in `keep`; then folders that are empty.
///
/// Files with other names are the user's and stay.
///
/// # Errors
/// The I/O error, with its path.
pub fn sweep(root: &Path, keep: &std::collections::BTreeSet<String>) -> io::Result<()> {
    sweep_others(root, |file| keep.contains(file))
}

/// As [`sweep`], for folders whose files are too many for a list: `is_kept` gets each file's path below
/// the root, with `/`.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_from_queries() {
        assert_eq!(label_from_query("Sarah  Connor "), "sarah_connor");
        assert_eq!(label_from_query("../AC/DC: live!"), "ac_dc_live");
        assert_eq!(label_from_query("Ñandú 漢字"), "ñandú_漢字");
        assert_eq!(label_from_query("?"), "unnamed");
        assert_eq!(label_from_query("Report"), "report_");
        assert_eq!(label_from_query(&"漢".repeat(300)), "漢".repeat(40));
    }

    #[test]
    fn written_labels_stay_where_they_are_folder_names() {
        for label in ["Ben Affleck", "ben_afflek", "O'Neil", "漢字"] {
            assert_eq!(label_from_text(&format!(" {label} ")), label);
        }
        assert_eq!(label_from_text("../../etc/Passwd"), "etc_passwd");
        assert_eq!(label_from_text(".hidden"), "hidden");
        assert_eq!(label_from_text("AC/DC"), "ac_dc");
        assert_eq!(label_from_text("report"), "report_");
    }

    #[test]
    fn lists_labels_and_skips_hidden_and_other_files() {
        let root = tempfile::tempdir().expect("temporary folder");
        for file in ["b/2.jpg", "a/1.jpg", "a/.hidden.jpg", ".git/x.jpg"] {
            let path = root.path().join(file);
            fs::create_dir_all(path.parent().expect("has a parent")).expect("makes");
            fs::write(path, file).expect("writes");
        }
        fs::write(root.path().join("manifest.jsonl"), "").expect("writes");
        let folder = list(root.path()).expect("lists");
        assert_eq!(folder.labels, ["a", "b"]);
        let files: Vec<_> = folder
            .files
            .iter()
            .map(|file| file.relative.as_str())
            .collect();
        assert_eq!(files, ["a/1.jpg", "b/2.jpg"]);
    }

    #[test]
    fn a_report_of_crop_is_no_label_and_a_label_of_that_name_is_refused() {
        let root = tempfile::tempdir().expect("temporary folder");
        for file in ["a/1.jpg", "report/a/crops.png"] {
            let path = root.path().join(file);
            fs::create_dir_all(path.parent().expect("has a parent")).expect("makes");
            fs::write(path, file).expect("writes");
        }
        let error = list(root.path()).expect_err("no stage marks it as a report");
        assert!(
            matches!(&error, ImageFolderError::ReservedName(path) if path.ends_with(REPORT_FOLDER)),
            "{error}"
        );
        for (stage, is_report) in [("fetch", false), ("crop", true)] {
            let stamp = format!(
                r#"{{"stage":"{stage}","made_by":"","settings":{{}},"inputs":{{}},"complete":true}}"#
            );
            fs::write(root.path().join(stage::STAMP_FILE), stamp).expect("writes");
            let listed = list(root.path()).map(|folder| folder.labels);
            assert_eq!(listed.is_ok(), is_report, "{stage}");
            assert!(listed.is_err() || listed.is_ok_and(|labels| labels == ["a"]));
        }
    }

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
        let keep = std::iter::once("a/0123456789abcdef.png".to_owned()).collect();
        sweep(root.path(), &keep).expect("sweeps");
        let files: Vec<_> = list(root.path()).expect("lists").files;
        let files: Vec<_> = files.iter().map(|file| file.relative.as_str()).collect();
        assert_eq!(files, ["a/0123456789abcdef.png", "a/mine.png"]);
        assert!(!root.path().join("b").exists());
    }
}
