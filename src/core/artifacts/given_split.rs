//! Folders that are split already: `train/ada/1.jpg`, `test/ada/2.jpg`.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io;
use std::path::{Path, PathBuf};

use super::image_folder::{self, ImageFolder, ImageFolderError, LabelledFile, REPORT_FOLDER};
use super::labels::label_of_folder;
use super::path_text::text_of_name;
use super::stage;
use super::walk::{PassedOver, Why};
use crate::types::{Split, Stage};

/// Folder names of the sides, in small letters.
const NAMES: [(&str, Split); 10] = [
    ("train", Split::Train),
    ("training", Split::Train),
    ("val", Split::Val),
    ("valid", Split::Val),
    ("validation", Split::Val),
    ("dev", Split::Val),
    ("test", Split::Test),
    ("testing", Split::Test),
    ("eval", Split::Test),
    ("evaluation", Split::Test),
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
            if label_of_folder(below.split_once('/')?.0) != label {
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

/// A folder with the name of a side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SideFolder {
    /// Its name.
    pub name: String,
    /// The side.
    pub side: Split,
    path: PathBuf,
    /// The labels whose folders it holds.
    labels: BTreeSet<String>,
}

/// Lists a folder of labels, or of sides with labels in them; in the second case also returns the
/// side of each folder.
///
/// It is one of sides if folders of train (`train`, `training`) and of another side (`val`, `valid`,
/// `validation`, `dev`; `test`, `testing`, `eval`, `evaluation`) hold folders of the same labels, or hold folders of labels and have
/// no other folder beside them. What else lies beside the sides, or in them beside the labels, is passed over;
/// what `facepipe` keeps beside the sides is left out without a word.
///
/// # Errors
/// [`ImageFolderError`]; [`ImageFolderError::UnclearSplit`] for folders that have such names without being
/// laid out so, since sides are no people; [`ImageFolderError::SplitBelow`] where the sides lie in a folder of it.
pub fn list(root: &Path) -> Result<(ImageFolder, Option<GivenSides>), ImageFolderError> {
    let (sides, beside) = look(root)?;
    match layout(&sides, &beside) {
        Layout::Labels => {
            let folders = beside.iter().chain(sides.iter().map(|side| &side.path));
            for folder in folders.filter(|folder| holds_train(folder)) {
                let (sides, beside) = look(folder)?;
                if matches!(layout(&sides, &beside), Layout::Sides) {
                    return Err(ImageFolderError::SplitBelow {
                        root: root.to_owned(),
                        below: folder.clone(),
                    });
                }
            }
            Ok((image_folder::list(root)?, None))
        }
        Layout::Unclear(problem) => Err(ImageFolderError::UnclearSplit {
            root: root.to_owned(),
            problem,
        }),
        Layout::Sides => {
            let mut folder = list_sides(&sides)?;
            let beside = beside
                .into_iter()
                .map(|path| PassedOver::new(root, path, Why::BesideSides));
            folder.passed_over.extend(beside);
            folder.passed_over.sort();
            let by_folder = sides.into_iter().map(|folder| (folder.name, folder.side));
            let given = GivenSides {
                by_folder: by_folder.collect(),
                by_file: HashMap::new(),
            };
            Ok((folder, Some(given)))
        }
    }
}

impl SideFolder {
    /// Lists the folder, its files with their paths below it; without labels it has none.
    ///
    /// # Errors
    /// [`ImageFolderError`].
    pub fn list(&self) -> Result<ImageFolder, ImageFolderError> {
        image_folder::list_with(&self.path, |_| true, false)
    }
}

/// The folders that have names of sides, sorted by name.
///
/// # Errors
/// The I/O error of the folder.
pub fn side_folders(root: &Path) -> io::Result<Vec<SideFolder>> {
    Ok(look(root)?.0)
}

/// The folders of sides, and what lies beside them: folders, and files that may be photos.
fn look(root: &Path) -> io::Result<(Vec<SideFolder>, Vec<PathBuf>)> {
    let is_data_set = stage::read_stamp(root)
        .is_ok_and(|stamp| stamp.is_some_and(|stamp| stamp.is_of(Stage::Prepare)));
    let (mut sides, mut beside) = (Vec::new(), Vec::new());
    for (path, is_folder) in image_folder::entries(root)? {
        let name = text_of_name(&path).into_owned();
        if !is_folder {
            if image_folder::may_be_photo(&path) {
                beside.push(path);
            }
        } else if let Some(side) = side_of_name(&name) {
            // A folder that can't be read has none; listing it reports the error.
            let inside = image_folder::entries(&path).unwrap_or_default();
            let folders = inside.iter().filter(|(_, is_folder)| *is_folder);
            let labels = folders
                .map(|(path, _)| label_of_folder(&text_of_name(path)))
                .collect();
            sides.push(SideFolder {
                name,
                side,
                path,
                labels,
            });
        } else if !(is_data_set && BESIDE.contains(&name.as_str())) {
            beside.push(path);
        }
    }
    Ok((sides, beside))
}

/// How a folder is laid out.
enum Layout {
    Labels,
    Sides,
    /// Its folders have names of sides, and can't be read so for this reason.
    Unclear(String),
}

fn layout(sides: &[SideFolder], beside: &[PathBuf]) -> Layout {
    let named: BTreeSet<Split> = sides.iter().map(|folder| folder.side).collect();
    if named.len() < 2 {
        let is_alone = !beside.iter().any(|path| path.is_dir());
        return match sides {
            [only] if is_alone && only.side == Split::Train && !only.labels.is_empty() => {
                let name = &only.name;
                Layout::Unclear(format!(
                    "it holds no split, and its only folder, `{name}`, holds folders of labels itself"
                ))
            }
            _ => Layout::Labels,
        };
    }
    let shared = sides.iter().enumerate().find_map(|(at, a)| {
        let others = sides[at + 1..].iter().filter(|b| b.side != a.side);
        let mut sharing = others.filter(|b| !a.labels.is_disjoint(&b.labels));
        Some((&a.name, &sharing.next()?.name))
    });
    if !named.contains(&Split::Train) {
        return match shared {
            Some((a, b)) => Layout::Unclear(format!(
                "`{a}` and `{b}` hold folders of the same names, and there is no `train`"
            )),
            None => Layout::Labels,
        };
    }
    if shared.is_some() {
        return Layout::Sides;
    }
    if let Some(flat) = sides.iter().find(|folder| folder.labels.is_empty()) {
        let name = &flat.name;
        return Layout::Unclear(format!(
            "it holds sides of a split, of which `{name}` holds no folders of labels"
        ));
    }
    match beside.iter().find(|path| path.is_dir()) {
        Some(folder) => Layout::Unclear(format!(
            "the folders with names of sides share no label, and `{}` lies beside them",
            text_of_name(folder)
        )),
        None => Layout::Sides,
    }
}

/// Whether a folder has one in it that is named as train. Other folders are not looked at, since they may hold many
/// files.
fn holds_train(folder: &Path) -> bool {
    let entries = fs_err::read_dir(folder).into_iter().flatten().flatten();
    // Known without asking the file system for each.
    let is_file = |entry: &fs_err::DirEntry| entry.file_type().is_ok_and(|kind| kind.is_file());
    let others = entries.filter(|entry| !is_file(entry));
    let mut paths = others.map(|entry| entry.path());
    paths.any(|path| side_of_name(&text_of_name(&path)) == Some(Split::Train) && path.is_dir())
}

fn side_of_name(folder: &str) -> Option<Split> {
    // As for labels: blanks around a name don't count.
    let small = label_of_folder(folder).to_lowercase();
    let known = NAMES.iter().find(|(name, _)| *name == small);
    known.map(|(_, side)| *side)
}

/// Lists folders of sides with labels in them as one, each file with its path below the folder that holds the
/// sides.
fn list_sides(sides: &[SideFolder]) -> Result<ImageFolder, ImageFolderError> {
    let mut labels = BTreeSet::new();
    let mut all = ImageFolder::default();
    for folder in sides {
        let (name, side) = (&folder.name, folder.list()?);
        let below = |relative: String| format!("{name}/{relative}");
        labels.extend(side.labels);
        all.files
            .extend(side.files.into_iter().map(|file| LabelledFile {
                relative: below(file.relative),
                ..file
            }));
        all.passed_over
            .extend(side.passed_over.into_iter().map(|entry| PassedOver {
                relative: below(entry.relative),
                ..entry
            }));
    }
    all.labels = labels.into_iter().collect();
    all.files.sort_by(|a, b| a.relative.cmp(&b.relative));
    all.passed_over.sort();
    Ok(all)
}

#[cfg(test)]
mod tests {
    use fs_err as fs;

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
        let root = folder(&[
            "Training/ada/1.png",
            "dev/bea/2.png",
            "test \u{b}/ada/x/3.png",
        ]);
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
        assert_eq!(folder.files[2].relative, "test \u{b}/ada/x/3.png");
    }

    #[test]
    fn people_with_such_names_are_labels() {
        for files in [
            &["val/ada/1.png", "test/bea/2.png"][..],
            &["train/1.png"],
            &["train/1.png", "grace/2.png"],
            &["train/2019/1.png", "grace/2.png"],
            &["dev/2019/1.png"],
            &["cem/train/1.png", "cem/test/2.png"],
        ] {
            let root = folder(files);
            let (folder, sides) = list(root.path()).expect("lists");
            assert_eq!(sides, None, "{files:?}");
            assert!(folder.labels.iter().all(|label| label != "ada"));
        }
    }

    #[test]
    fn what_lies_beside_sides_or_their_labels_is_passed_over() {
        let files = [
            "train/ada/1.png",
            "train/Thumbs.db",
            "train/stray.jpg",
            "val/ADA/2.png",
            "val/ada/3.png",
            "val/val_annotations.txt",
            "test/4.png",
            "annotations/a.json",
            "data.yaml",
            "cover.jpg",
        ];
        let root = folder(&files);
        let (folder, sides) = list(root.path()).expect("lists");
        let sides = sides.expect("has sides");
        assert_eq!(folder.labels, ["ADA", "ada"]);
        let found: Vec<_> = (folder.files.iter())
            .map(|file| (file.relative.as_str(), sides.of(&file.relative)))
            .collect();
        let expected = [
            ("train/ada/1.png", Some(Split::Train)),
            ("val/ADA/2.png", Some(Split::Val)),
            ("val/ada/3.png", Some(Split::Val)),
        ];
        assert_eq!(found, expected);
        let passed_over: Vec<_> = (folder.passed_over.iter())
            .map(|entry| (entry.relative.as_str(), entry.why.clone()))
            .collect();
        let expected = [
            ("annotations", Why::BesideSides),
            ("cover.jpg", Why::BesideSides),
            ("test/4.png", Why::BesideLabels),
            ("train/stray.jpg", Why::BesideLabels),
            ("val/val_annotations.txt", Why::BesideLabels),
        ];
        assert_eq!(passed_over, expected);
    }

    #[test]
    fn sides_that_are_no_split_are_refused_and_never_people() {
        for (files, problem) in [
            (
                &["val/1.png", "train/2.png"][..],
                "`train` holds no folders",
            ),
            (
                &["train/ada/1.png", "test/2.png"],
                "`test` holds no folders",
            ),
            (
                &["train/ada/1.png", "val/bea/2.png", "grace/3.png"],
                "`grace` lies beside",
            ),
            (&["val/ada/1.png", "test/ada/2.png"], "no `train`"),
            (&["train/ada/1.png"], "its only folder, `train`"),
            (&["data/train/ada/1.png", "data/eval/ada/2.png"], "data"),
            (
                &["train/train/ada/1.png", "train/val/ada/2.png", "x/3.png"],
                "train",
            ),
        ] {
            let root = folder(files);
            let error = list(root.path()).expect_err("is refused").to_string();
            assert!(error.contains(problem), "{error}");
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
        let (folder, _) = list(root.path()).expect("lists");
        assert_eq!(folder.passed_over.len(), 3, "no stage made them");
        let stamp = r#"{"stage":"prepare","made_by":"","settings":{},"inputs":{},"complete":true}"#;
        fs::write(root.path().join(stage::STAMP_FILE), stamp).expect("writes");
        let (folder, sides) = list(root.path()).expect("lists");
        assert!(sides.is_some());
        assert_eq!((folder.files.len(), folder.passed_over.len()), (2, 0));
    }
}
