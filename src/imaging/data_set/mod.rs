//! A data set on disk, as training and evaluation see it: `{train,val,test}/<label>/<image>`.
//!
//! It is written by `prepare`, or is any folder of that layout, its sides by their usual names: without `dataset.json` the labels
//! are the folders' names, and the images are used whole.

mod check;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io;
use std::path::{Path, PathBuf};

use facepipe_core::artifacts::digest::sha256_hex;
use facepipe_core::artifacts::given_split::{self, SideFolder};
use facepipe_core::artifacts::image_folder::{Fingerprint, ImageFolderError};
use facepipe_core::artifacts::jsonl;
use facepipe_core::artifacts::labels::label_of_folder;
use facepipe_core::artifacts::stage::{self, MANIFEST_FILE, StageError};
use facepipe_core::types::{
    ChipSpec, CropPlace, DataSet, Discarded, PhotoFaceName, Split, SplitRecord,
};

pub use check::{Checked, check};

/// One image with its label.
#[derive(Debug, Clone, PartialEq)]
pub struct Example {
    /// Index of its label in the data set's labels.
    pub label: usize,
    /// `<side>/<label>/<name>`, below the data set's folder.
    pub file: String,
    /// The path to open.
    pub path: PathBuf,
    /// Where the aligned face is in the image; `None`: the whole image is the chip.
    pub place: Option<CropPlace>,
}

/// A listed data set.
#[derive(Debug, Clone)]
pub struct DataFolder {
    /// Class names, in the order of a network's outputs.
    pub labels: Vec<String>,
    /// How the images were cut out of photos.
    pub chip: ChipSpec,
    /// The images of each side, sorted by file.
    pub sides: BTreeMap<Split, Vec<Example>>,
    /// What is in the folders of each side and no image of a label.
    pub passed_over: BTreeMap<Split, Vec<Discarded>>,
    /// What people are told of the images that a manifest names, by file.
    pub names: HashMap<String, PhotoFaceName>,
    /// Identifies the state of the folder.
    pub fingerprint: Fingerprint,
}

impl DataFolder {
    /// The images of one side.
    #[must_use]
    pub fn side(&self, split: Split) -> &[Example] {
        self.sides.get(&split).map_or(&[], Vec::as_slice)
    }

    /// What people are told of an image: its photo or, where that is not known, its file.
    #[must_use]
    pub fn name(&self, file: &str) -> PhotoFaceName {
        let known = self.names.get(file).cloned();
        known.unwrap_or_else(|| PhotoFaceName::of_file(file))
    }
}

/// Why a folder can't be used as a data set.
#[derive(Debug, thiserror::Error)]
pub enum DataSetError {
    /// It can't be read.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// It does not exist.
    #[error("there is no data set `{}`", .0.display())]
    Missing(PathBuf),
    /// A side can't be listed.
    #[error(transparent)]
    Folder(#[from] ImageFolderError),
    /// It has none of the folders `train`, `val`, `test`.
    #[error("`{}` is no data set: it holds none of the folders `train`, `val`, `test`", .0.display())]
    NoSides(PathBuf),
    /// The stage that makes it did not run to its end.
    #[error("the data set `{}` is not complete", .0.display())]
    Incomplete(PathBuf),
    /// Its stamp can't be read.
    #[error(transparent)]
    Stamp(#[from] StageError),
    /// Its `dataset.json` is damaged.
    #[error("cannot understand `{}`", .path.display())]
    Description {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
    /// A label's folder that `dataset.json` does not know.
    #[error("the folder `{}` has no label in `{}`", .folder.display(), DataSet::FILE)]
    UnknownLabel {
        /// The folder.
        folder: PathBuf,
    },
}

/// Lists a data set.
///
/// # Errors
/// [`DataSetError`].
pub fn read(root: &Path) -> Result<DataFolder, DataSetError> {
    if !fs_err::exists(root)? {
        return Err(DataSetError::Missing(root.to_owned()));
    }
    if stage::read_stamp(root)?.is_some_and(|stamp| !stamp.complete) {
        return Err(DataSetError::Incomplete(root.to_owned()));
    }
    let description = read_description(root)?;
    let named = given_split::side_folders(root)?;
    let mut folders = Vec::new();
    for split in Split::ALL {
        for folder in named.iter().filter(|folder| folder.side == split) {
            // A side may be empty; callers that need it report that.
            folders.push((folder, folder.list()?));
        }
    }
    if folders.is_empty() {
        return Err(DataSetError::NoSides(root.to_owned()));
    }
    let found: BTreeSet<&String> = folders
        .iter()
        .flat_map(|(_, listed)| &listed.labels)
        .collect();
    let (labels, chip) = match description {
        Some(description) => (description.labels, description.chip),
        None => (found.into_iter().cloned().collect(), ChipSpec::Whole),
    };
    let records = match chip {
        ChipSpec::Aligned { .. } => read_records(root)?,
        // They are needed for names only.
        ChipSpec::Box { .. } | ChipSpec::Whole => read_records(root).unwrap_or_default(),
    };
    let files = || records.iter().map(|record| record.file.clone());
    let names = files().zip(SplitRecord::names(&records)).collect();
    let places: HashMap<String, CropPlace> = match chip {
        ChipSpec::Aligned { .. } => (files().zip(&records))
            .filter_map(|(file, record)| Some((file, record.place?)))
            .collect(),
        ChipSpec::Box { .. } | ChipSpec::Whole => HashMap::new(),
    };
    let mut sides = BTreeMap::<Split, Vec<Example>>::new();
    let mut passed_over = BTreeMap::<Split, Vec<Discarded>>::new();
    let mut fingerprints = String::new();
    let mut files = 0;
    for (SideFolder { name, side, .. }, listed) in &folders {
        let fingerprint = listed.fingerprint()?;
        files += fingerprint.files;
        fingerprints.push_str(&format!("{name}\t{}\n", fingerprint.digest));
        let examples = listed.files.iter().map(|file| {
            // Descriptions of earlier versions have labels as their folders are named.
            let is_its =
                |label: &String| *label == file.label || label_of_folder(label) == file.label;
            let label = labels.iter().position(is_its);
            Ok(Example {
                label: label.ok_or_else(|| DataSetError::UnknownLabel {
                    folder: root.join(name).join(&file.label),
                })?,
                place: places.get(&format!("{name}/{}", file.relative)).copied(),
                file: format!("{name}/{}", file.relative),
                path: file.path.clone(),
            })
        });
        let discarded = listed.discarded().map(|entry| Discarded {
            item: format!("{name}/{}", entry.item),
            ..entry
        });
        passed_over.entry(*side).or_default().extend(discarded);
        let of_side = sides.entry(*side).or_default();
        of_side.extend(examples.collect::<Result<Vec<_>, DataSetError>>()?);
    }
    Ok(DataFolder {
        labels,
        chip,
        sides,
        passed_over,
        names,
        fingerprint: Fingerprint {
            files,
            digest: sha256_hex(fingerprints.as_bytes()),
        },
    })
}

/// What `prepare` recorded about the images.
fn read_records(root: &Path) -> Result<Vec<SplitRecord>, DataSetError> {
    Ok(jsonl::read::<SplitRecord>(&root.join(MANIFEST_FILE))?)
}

fn read_description(root: &Path) -> Result<Option<DataSet>, DataSetError> {
    let path = root.join(DataSet::FILE);
    match fs_err::read(&path) {
        Ok(bytes) => serde_json::from_slice(&bytes)
            .map(Some)
            .map_err(|source| DataSetError::Description { path, source }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(files: &[&str]) -> tempfile::TempDir {
        let root = tempfile::tempdir().expect("temporary folder");
        for file in files {
            let path = root.path().join(file);
            fs_err::create_dir_all(path.parent().expect("has a parent")).expect("makes");
            fs_err::write(path, file).expect("writes");
        }
        root
    }

    #[test]
    fn a_plain_image_folder_has_the_labels_of_all_sides() {
        let root = folder(&["train/bea/1.png", "train/ada/2.png", "test/cem/3.png"]);
        let data = read(root.path()).expect("reads");
        assert_eq!(data.labels, ["ada", "bea", "cem"]);
        assert_eq!(data.chip, ChipSpec::Whole);
        let train: Vec<_> = data
            .side(Split::Train)
            .iter()
            .map(|example| (example.label, example.file.as_str()))
            .collect();
        assert_eq!(train, [(0, "train/ada/2.png"), (1, "train/bea/1.png")]);
        assert!(data.side(Split::Val).is_empty());
    }

    #[test]
    fn the_description_takes_precedence_over_the_folder_names() {
        let root = folder(&["train/bea/1.png", "train/ada/2.png"]);
        let json = r#"{"labels":["bea","ada"],"chip":{"kind":"box","margin":0.2,"detector":"seeta"},"images":{}}"#;
        fs_err::write(root.path().join(DataSet::FILE), json).expect("writes");
        let data = read(root.path()).expect("reads");
        assert_eq!(data.labels, ["bea", "ada"]);
        assert_eq!(data.side(Split::Train)[0].label, 1);
        fs_err::create_dir_all(root.path().join("val/dan")).expect("makes");
        fs_err::write(root.path().join("val/dan/4.png"), "4").expect("writes");
        let error = read(root.path()).expect_err("dan is unknown").to_string();
        assert!(error.contains("val/dan"), "{error}");
    }

    #[test]
    fn a_description_may_spell_labels_as_their_folders() {
        let root = folder(&["train/Jose\u{301}/1.png", "train/ada /2.png"]);
        let json =
            "{\"labels\":[\"Jose\u{301}\",\"ada \"],\"chip\":{\"kind\":\"whole\"},\"images\":{}}";
        fs_err::write(root.path().join(DataSet::FILE), json).expect("writes");
        let data = read(root.path()).expect("reads");
        let labels: Vec<usize> = data
            .side(Split::Train)
            .iter()
            .map(|one| one.label)
            .collect();
        assert_eq!(labels, [0, 1]);
    }

    #[test]
    fn other_folders_are_refused() {
        let root = folder(&["ada/1.png"]);
        assert!(matches!(read(root.path()), Err(DataSetError::NoSides(_))));
        let missing = root.path().join("nowhere");
        assert!(matches!(read(&missing), Err(DataSetError::Missing(_))));
    }
}
