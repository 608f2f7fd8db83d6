//! Folders that are split already: `train/ada/1.jpg`, `test/ada/2.jpg`.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;

use fs_err as fs;

use super::image_folder::{self, ImageFolder, ImageFolderError, LabelledFile, REPORT_FOLDER};
use super::stage;
use crate::types::{Split, Stage};

/// Folder names of the sides, in small letters.
const NAMES: [(&str, Split); 8] = [
    ("train", Split::Train),
    ("training", Split::Train),
    ("val", Split::Val),
    ("valid", Split::Val),
    ("validation", Split::Val),
    ("dev", Split::Val),
    ("test", Split::Test),
    ("testing", Split::Test),
];

/// The folder of a data set's tar files, beside its sides.
pub const SHARDS_FOLDER: &str = "shards";
/// The folder of a data set's caches, likewise. It can be removed at any time.
pub const CACHE_FOLDER: &str = "cache";
/// Folders in a data set that are neither sides nor labels.
const BESIDE: [&str; 3] = [REPORT_FOLDER, SHARDS_FOLDER, CACHE_FOLDER];

/// The side of each folder of an input.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GivenSides {
    by_folder: BTreeMap<String, Split>,
    /// Sides of single files, where their folders don't say it.
    by_file: HashMap<String, Split>,
}

impl GivenSides {
    /// The side of a file, by its path below the input.
    #[must_use]
    pub fn of(&self, relative: &str) -> Option<Split> {
        if !self.by_file.is_empty() {
            return self.by_file.get(relative).copied();
        }
        let (folder, _) = relative.split_once('/')?;
        self.by_folder.get(folder).copied()
    }

    /// The sides of crops whose photos were in a split folder: each crop with its path, its label
    /// and its photo's path. `None` where not all photos have a side, or where all have the same.
    #[must_use]
    pub fn of_photos<'a>(
        crops: impl Iterator<Item = (&'a str, &'a str, Option<&'a str>)>,
    ) -> Option<Self> {
        let mut sides = Self::default();
        for (file, label, photo) in crops {
            let (folder, below) = photo?.split_once('/')?;
            let side = side_of_name(folder)?;
            if below.split_once('/')?.0 != label {
                return None;
            }
            sides.by_folder.insert(folder.to_owned(), side);
            sides.by_file.insert(file.to_owned(), side);
        }
        sides.are_sides().then_some(sides)
    }

    /// Whether there is train and another side.
    fn are_sides(&self) -> bool {
        let found: BTreeSet<Split> = self.by_folder.values().copied().collect();
        found.contains(&Split::Train) && found.len() > 1
    }

    /// The folders with their sides.
    pub fn folders(&self) -> impl Iterator<Item = (&str, Split)> {
        self.by_folder
            .iter()
            .map(|(name, side)| (name.as_str(), *side))
    }
}

/// Lists a folder of labels, or of sides with labels in them; in the second case also returns the
/// side of each folder.
///
/// It is one of sides if all its folders have names of sides (`train`, `training`; `val`, `valid`,
/// `validation`, `dev`; `test`, `testing`), one of them train and at least one of another side, and if each
/// holds folders and no image of its own. What `facepipe` keeps beside the sides is skipped.
///
/// # Errors
/// [`ImageFolderError`].
pub fn list(root: &Path) -> Result<(ImageFolder, Option<GivenSides>), ImageFolderError> {
    match sides_of(root)? {
        Some(sides) => {
            let folder = list_sides(root, sides.folders().map(|(name, _)| name))?;
            Ok((folder, Some(sides)))
        }
        None => Ok((image_folder::list(root)?, None)),
    }
}

fn sides_of(root: &Path) -> Result<Option<GivenSides>, ImageFolderError> {
    let is_data_set = stage::read_stamp(root)
        .is_ok_and(|stamp| stamp.is_some_and(|stamp| stamp.is_of(Stage::Prepare)));
    let mut sides = GivenSides::default();
    for entry in fs::read_dir(root)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let is_beside = is_data_set && BESIDE.contains(&name.as_str());
        if image_folder::is_hidden(&entry.file_name()) || !entry.path().is_dir() || is_beside {
            continue;
        }
        let side = side_of_name(&name);
        let Some(side) = side.filter(|_| holds_folders_only(&entry.path()).unwrap_or(false)) else {
            return Ok(None);
        };
        sides.by_folder.insert(name, side);
    }
    Ok(sides.are_sides().then_some(sides))
}

fn side_of_name(folder: &str) -> Option<Split> {
    let small = folder.to_lowercase();
    let known = NAMES.iter().find(|(name, _)| *name == small);
    known.map(|(_, side)| *side)
}

fn holds_folders_only(folder: &Path) -> std::io::Result<bool> {
    let mut folders = 0;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if image_folder::is_hidden(&entry.file_name()) {
            continue;
        }
        if !entry.path().is_dir() {
            return Ok(false);
        }
        folders += 1;
    }
    Ok(folders > 0)
}

/// Lists folders of sides with labels in them as one, each file with its path below `root`.
///
/// # Errors
/// [`ImageFolderError`].
pub fn list_sides<'a>(
    root: &Path,
    sides: impl Iterator<Item = &'a str>,
) -> Result<ImageFolder, ImageFolderError> {
    let mut labels = BTreeSet::new();
    let mut files = Vec::new();
    for name in sides {
        let side = image_folder::list(&root.join(name))?;
        labels.extend(side.labels);
        files.extend(side.files.into_iter().map(|file| LabelledFile {
            relative: format!("{name}/{}", file.relative),
            ..file
        }));
    }
    files.sort_by(|a, b| a.relative.cmp(&b.relative));
    Ok(ImageFolder {
        labels: labels.into_iter().collect(),
        files,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(files: &[&str]) -> tempfile::TempDir {
        let root = tempfile::tempdir().expect("temporary folder");
        for file in files {
            let path = root.path().join(file);
            fs::create_dir_all(path.parent().expect("has a parent")).expect("makes");
            fs::write(path, file).expect("writes");
        }
        root
    }

    #[test]
    fn sides_are_recognised_by_their_usual_names() {
        let root = folder(&["Training/ada/1.png", "dev/bea/2.png", "test/ada/x/3.png"]);
        let (folder, sides) = list(root.path()).expect("lists");
        let sides = sides.expect("has sides");
        let found: Vec<_> = (folder.files.iter())
            .map(|file| (file.label.as_str(), sides.of(&file.relative)))
            .collect();
        let expected = [
            ("ada", Some(Split::Train)),
            ("bea", Some(Split::Val)),
            ("ada", Some(Split::Test)),
        ];
        assert_eq!(found, expected);
        assert_eq!(folder.labels, ["ada", "bea"]);
        assert_eq!(folder.files[2].relative, "test/ada/x/3.png");
    }

    #[test]
    fn people_with_such_names_are_labels() {
        for files in [
            &["val/1.png", "train/2.png"][..],
            &["train/ada/1.png", "val/bea/2.png", "grace/3.png"],
            &["val/ada/1.png", "test/ada/2.png"],
            &["train/ada/1.png"],
        ] {
            let root = folder(files);
            let (folder, sides) = list(root.path()).expect("lists");
            assert_eq!(sides, None, "{files:?}");
            assert!(folder.labels.iter().all(|label| label != "ada"));
        }
    }

    #[test]
    fn crops_have_the_sides_of_their_photos() {
        let crops = [
            ("ada/1.png", "ada", Some("train/ada/1.jpg")),
            ("ada/2.png", "ada", Some("valid/ada/x/2.jpg")),
        ];
        let sides = GivenSides::of_photos(crops.into_iter()).expect("has sides");
        assert_eq!(sides.of("ada/1.png"), Some(Split::Train));
        assert_eq!(sides.of("ada/2.png"), Some(Split::Val));
        for other in [
            Some("ada/train/3.jpg"),
            Some("test/bea/3.jpg"),
            Some("test/3.jpg"),
            None,
        ] {
            let crops = crops.into_iter().chain([("ada/3.png", "ada", other)]);
            assert_eq!(GivenSides::of_photos(crops), None, "{other:?}");
        }
        assert_eq!(GivenSides::of_photos(crops.into_iter().take(1)), None);
    }

    #[test]
    fn other_files_beside_the_sides_of_a_data_set_are_skipped() {
        let files = [
            "train/ada/1.png",
            "test/ada/2.png",
            "report/ada/x.png",
            "shards/a.tar",
            "cache/hashes.jsonl",
        ];
        let root = folder(&files);
        assert!(list(root.path()).is_err(), "no stage marks it as a report");
        let stamp = r#"{"stage":"prepare","made_by":"","settings":{},"inputs":{},"complete":true}"#;
        fs::write(root.path().join(stage::STAMP_FILE), stamp).expect("writes");
        let (folder, sides) = list(root.path()).expect("lists");
        assert!(sides.is_some());
        assert_eq!(folder.files.len(), 2);
    }
}
