//! One folder for each label, with images inside: listing and fingerprints.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use fs_err as fs;
use image::ImageFormat;
use serde::{Deserialize, Serialize};

use super::digest::{is_content_name, sha256_hex};
use super::labels::label_of_folder;
use super::path_text::{relative_path, text_of_name};
use super::stage::{self, DISCARDED_FILE, JOURNAL_FILE, MANIFEST_FILE, REPORT_FILE};
use super::walk::{self, PassedOver, Why, is_skipped};
use crate::types::{DataSet, Discarded, Stage};

/// A folder of pictures about a stage's result, beside the labels.
pub const REPORT_FOLDER: &str = "report";
/// What became of each photo, which `crop` keeps for its next run.
pub const OUTCOMES_FILE: &str = "outcomes.jsonl";
/// Files that stages write beside the folders of labels: no label can have such a name.
const STAGE_FILES: [&str; 7] = [
    stage::STAMP_FILE,
    MANIFEST_FILE,
    DISCARDED_FILE,
    JOURNAL_FILE,
    REPORT_FILE,
    DataSet::FILE,
    OUTCOMES_FILE,
];
/// Names that no label of `fetch` gets: what stages write beside the folders of labels.
pub const RESERVED_NAMES: [&str; 19] = [
    MANIFEST_FILE,
    DISCARDED_FILE,
    JOURNAL_FILE,
    REPORT_FILE,
    stage::STAMP_FILE,
    DataSet::FILE,
    OUTCOMES_FILE,
    REPORT_FOLDER,
    "report.html",
    "fetch-journal.jsonl",
    "licences.csv",
    "ATTRIBUTION.md",
    "sides.jsonl",
    "splits.csv",
    "proof.json",
    "proof.html",
    "labels.json",
    "photos.jsonl",
    "index.html",
];
/// Extensions of photos beside those of the `image` crate's formats.
const OTHER_PHOTOS: [&str; 16] = [
    "heic", "heif", "jxl", "jp2", "jpe", "nef", "nrw", "cr2", "cr3", "arw", "dng", "raf", "orf",
    "rw2", "pef", "srw",
];

/// One file below a label's folder.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct LabelledFile {
    /// The label: the first folder's name, by [`label_of_folder`].
    pub label: String,
    /// The path below the root as text, with `/`, by [`relative_path`].
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
    /// Entries that are not used, sorted likewise.
    pub passed_over: Vec<PassedOver>,
}

/// Why a folder can't be read as a folder of labels.
#[derive(Debug, thiserror::Error)]
pub enum ImageFolderError {
    /// It can't be read.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// It has no folders.
    #[error("`{}` holds no folders: each label needs a folder with its photos", .0.display())]
    NoLabels(PathBuf),
    /// A folder has a name that stages keep for their own files and pictures.
    #[error("`{}` can't be a label: facepipe keeps that name for its own files", .0.display())]
    ReservedName(PathBuf),
    /// A folder in it is a split data set.
    #[error("`{}` holds a split data set in its folder `{}`, which is no label", .root.display(), .below.display())]
    SplitBelow {
        /// The folder.
        root: PathBuf,
        /// The one with the sides.
        below: PathBuf,
    },
    /// Folders have names of a split's sides, but are not laid out as one.
    #[error("`{}` is neither a split data set nor a folder of labels: {problem}", .root.display())]
    UnclearSplit {
        /// The folder.
        root: PathBuf,
        /// What speaks against a split.
        problem: String,
    },
}

/// Lists a folder of labels. What is [skipped by name](is_skipped) is left out without a word, and so are
/// files beside the label folders that are no photos by their names, and the [`REPORT_FOLDER`] of the stage
/// that made the folder; whatever else is not used is among the passed over.
///
/// # Errors
/// [`ImageFolderError`].
pub fn list(root: &Path) -> Result<ImageFolder, ImageFolderError> {
    list_with(root, may_be_photo, true)
}

/// As [`list`]; `is_reported` says of a file beside the label folders whether it is among the passed over, and
/// a folder without labels is an error only if they are `needed`.
pub(super) fn list_with(
    root: &Path,
    is_reported: impl Fn(&Path) -> bool,
    needed: bool,
) -> Result<ImageFolder, ImageFolderError> {
    let mut folder = ImageFolder::default();
    let mut labels = BTreeSet::new();
    for (path, is_folder) in entries(root)? {
        let name = path.file_name().unwrap_or_default();
        let mut pass_over = |why| {
            folder
                .passed_over
                .push(PassedOver::new(root, path.clone(), why))
        };
        if !is_folder {
            match path.metadata() {
                Err(error) => pass_over(walk::why_of(&path, &error)),
                Ok(_) if is_reported(&path) => pass_over(Why::BesideLabels),
                Ok(_) => {}
            }
            continue;
        }
        if name == REPORT_FOLDER && has_report(root) {
            continue;
        }
        let label = label_of_folder(&text_of_name(&path));
        if label == REPORT_FOLDER || STAGE_FILES.contains(&label.as_str()) {
            return Err(ImageFolderError::ReservedName(path));
        }
        match walk::walk(root, &path) {
            // A folder that can't be read is no label: it would have no photos.
            Err(error) => pass_over(walk::why_of(&path, &error)),
            // A link to a folder that it is in is none either.
            Ok(walked)
                if walked.files.is_empty()
                    && walked.passed_over.iter().any(|one| one.path == path) =>
            {
                folder.passed_over.extend(walked.passed_over);
            }
            Ok(walked) => {
                folder
                    .files
                    .extend(walked.files.into_iter().map(|path| LabelledFile {
                        label: label.clone(),
                        relative: relative_path(root, &path),
                        path,
                    }));
                folder
                    .passed_over
                    .extend(walked.passed_over.into_iter().map(|entry| PassedOver {
                        label: Some(label.clone()),
                        ..entry
                    }));
                labels.insert(label);
            }
        }
    }
    if labels.is_empty() && needed {
        return Err(ImageFolderError::NoLabels(root.to_owned()));
    }
    folder.labels = labels.into_iter().collect();
    folder.files.sort_by(|a, b| a.relative.cmp(&b.relative));
    folder.passed_over.sort();
    Ok(folder)
}

/// The entries of a folder that are not skipped by name, sorted, and whether each is a folder (or a link to
/// one).
pub(super) fn entries(root: &Path) -> io::Result<Vec<(PathBuf, bool)>> {
    let mut entries = Vec::new();
    for entry in fs::read_dir(root)? {
        let entry = entry?;
        if !is_skipped(&entry.file_name()) {
            let path = entry.path();
            let is_folder = path.is_dir();
            entries.push((path, is_folder));
        }
    }
    entries.sort();
    Ok(entries)
}

/// Whether a file is a photo by its name: it has the extension of one, or none.
pub(super) fn may_be_photo(path: &Path) -> bool {
    match path.extension() {
        None => true,
        Some(extension) => {
            let is_other = |extension: &str| OTHER_PHOTOS.contains(&&*extension.to_lowercase());
            ImageFormat::from_extension(extension).is_some()
                || extension.to_str().is_some_and(is_other)
        }
    }
}

/// A file of a label's report, below the output folder.
#[must_use]
pub fn report_file(label: &str, name: &str) -> String {
    format!("{REPORT_FOLDER}/{label}/{name}")
}

/// Whether a stage that writes a [`REPORT_FOLDER`] made the folder.
fn has_report(root: &Path) -> bool {
    stage::read_stamp(root).is_ok_and(|stamp| stamp.is_some_and(|stamp| stamp.is_of(Stage::Crop)))
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
    /// Files named by their content count by name and size, so that a copied data set is the same, others by the
    /// time of their last change too; what was passed over counts by name and reason.
    ///
    /// # Errors
    /// The I/O error of a file whose metadata can't be read.
    pub fn fingerprint(&self) -> io::Result<Fingerprint> {
        let mut text = String::new();
        for file in &self.files {
            text.push_str(&file.relative);
            let name = file.path.file_name().unwrap_or_default();
            let metadata = fs::metadata(&file.path)?;
            if name.to_str().is_some_and(is_content_name) {
                text.push_str(&format!("\t{}", metadata.len()));
            } else {
                let changed = metadata
                    .modified()?
                    .duration_since(UNIX_EPOCH)
                    .unwrap_or_default();
                text.push_str(&format!("\t{}\t{}", metadata.len(), changed.as_nanos()));
            }
            text.push('\n');
        }
        for entry in &self.passed_over {
            text.push_str(&format!("{}\t{}\n", entry.relative, entry.why.message()));
        }
        Ok(Fingerprint {
            files: self.files.len() as u64,
            digest: sha256_hex(text.as_bytes()),
        })
    }

    /// All files that are there: those that are used and those that are passed over.
    #[must_use]
    pub fn found(&self) -> u64 {
        (self.files.len() + self.passed_over.len()) as u64
    }

    /// A line of `discarded.jsonl` for each entry that was passed over.
    pub fn discarded(&self) -> impl Iterator<Item = Discarded> {
        self.passed_over.iter().map(PassedOver::discarded)
    }

    /// What was passed over, in words: a line for each reason.
    #[must_use]
    pub fn notes(&self) -> Vec<String> {
        let mut by_reason: BTreeMap<String, Vec<&str>> = BTreeMap::new();
        for entry in &self.passed_over {
            let alike = by_reason.entry(entry.why.message()).or_default();
            alike.push(&entry.relative);
        }
        let note = |(reason, entries): (String, Vec<&str>)| {
            let more = match entries.len() - 1 {
                0 => String::new(),
                others => format!(" and {others} more"),
            };
            format!("left out: `{}`{more} ({reason})", entries[0])
        };
        by_reason.into_iter().map(note).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
