//! Which side images were on before: what a growing data set must not change.
//!
//! `sides.jsonl` in the output folder has a line for each image content that was ever placed, and for its
//! duplicates, which may replace it later. It outlives a run that makes everything again, and a run that is killed.

use std::collections::{BTreeMap, HashMap};
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::super::items::Item;
use super::super::{PrepareError, Settings, SideSize};
use super::SplitBy;
use facepipe_core::artifacts::digest::{md5_hex, sha256_hex, sha256_of_file};
use facepipe_core::artifacts::stage::MANIFEST_FILE;
use facepipe_core::artifacts::{given_split, jsonl};
use facepipe_core::types::Split;
use facepipe_imaging::image_io;

/// The file's name, in the output folder.
pub const SIDES_FILE: &str = "sides.jsonl";

/// The settings that a split depends on: where any of it changes, a new split is wanted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Basis {
    train: SideSize,
    val: SideSize,
    test: SideSize,
    seed: u64,
    split_by: SplitBy,
    folds: Option<u32>,
}

impl Basis {
    fn of(settings: &Settings) -> Self {
        Self {
            train: settings.train,
            val: settings.val,
            test: settings.test,
            seed: settings.seed,
            split_by: settings.split_by,
            folds: settings.folds,
        }
    }

    /// The same without folds, which are a split of their own.
    fn of_sides(&self) -> Self {
        Self {
            folds: None,
            ..self.clone()
        }
    }
}

/// An image that has changed sides, although placed images keep their side.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Moved {
    /// The side that it was on.
    pub(super) from: Split,
    /// Images that it belongs to, by the MD5 of their content: these joined groups of two sides.
    pub(super) because: Vec<String>,
}

/// The record of one image content.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Known {
    pub(super) md5: String,
    pub(super) split: Split,
    /// MD5 of the photo that it was cut from: crops of it that look different belong there as well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) photo_md5: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) fold: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) moved: Option<Moved>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(untagged)]
enum Line {
    Basis { basis: Basis },
    Known(Known),
}

/// The sides of images before.
#[derive(Debug, Default)]
pub(crate) struct Earlier {
    known: BTreeMap<String, Known>,
    by_photo: HashMap<String, Known>,
    /// Whether an earlier split of the output folder is given up, because another one is requested.
    pub(super) is_given_up: bool,
}

impl Earlier {
    /// Reads the records of an output folder and of the split that the settings name.
    pub(crate) fn read(out: &Path, settings: &Settings) -> Result<Self, PrepareError> {
        let mut earlier = Self::default();
        let wanted = Basis::of(settings);
        let other = settings.keep_split.as_deref();
        let is_own = other.is_some_and(|other| is_same_folder(other, out));
        let (basis, known) = read_lines(&out.join(SIDES_FILE))?;
        let has_sides = basis.as_ref().map(Basis::of_sides) == Some(wanted.of_sides());
        let has_folds = has_sides && basis.is_some_and(|basis| basis.folds == wanted.folds);
        earlier.is_given_up = !known.is_empty() && !has_sides && !is_own;
        if has_sides || is_own {
            known.into_iter().for_each(|known| {
                let fold = known.fold.filter(|_| has_folds);
                earlier.take(Known { fold, ..known });
            });
        }
        if let Some(other) = other.filter(|_| !is_own) {
            for known in read_other(other)? {
                let (fold, moved) = (None, None);
                if !earlier.known.contains_key(&known.md5) {
                    earlier.take(Known {
                        fold,
                        moved,
                        ..known
                    });
                }
            }
        }
        Ok(earlier)
    }

    fn take(&mut self, known: Known) {
        if let Some(photo) = &known.photo_md5 {
            self.by_photo.insert(photo.clone(), known.clone());
        }
        self.known.insert(known.md5.clone(), known);
    }

    /// The record of an image: by its content or, if that is new, by its photo.
    pub(super) fn of(&self, item: &Item) -> Option<&Known> {
        let photo = || self.by_photo.get(&item.photo.as_ref()?.md5);
        self.of_content(&item.features.md5).or_else(photo)
    }

    pub(super) fn of_content(&self, md5: &str) -> Option<&Known> {
        self.known.get(md5)
    }

    /// Whether nothing is known.
    pub(super) fn is_empty(&self) -> bool {
        self.known.is_empty()
    }

    /// Records the sides of images now; others that were known stay known.
    pub(crate) fn write(
        self,
        out: &Path,
        settings: &Settings,
        now: Vec<Known>,
    ) -> Result<(), PrepareError> {
        let mut known = self.known;
        known.extend(now.into_iter().map(|image| (image.md5.clone(), image)));
        let basis = Basis::of(settings);
        let lines: Vec<Line> = [Line::Basis { basis }]
            .into_iter()
            .chain(known.into_values().map(Line::Known))
            .collect();
        Ok(jsonl::write(&out.join(SIDES_FILE), &lines)?)
    }
}

fn is_same_folder(a: &Path, b: &Path) -> bool {
    match (fs_err::canonicalize(a), fs_err::canonicalize(b)) {
        (Ok(a), Ok(b)) => a == b,
        _ => a == b,
    }
}

/// Identifies the split that the settings name; `None` where it is the output folder's own.
pub(crate) fn digest(out: &Path, settings: &Settings) -> Result<Option<String>, PrepareError> {
    let Some(other) = settings.keep_split.as_deref() else {
        return Ok(None);
    };
    if is_same_folder(other, out) {
        return Ok(None);
    }
    Ok(Some(match Other::of(other)? {
        Other::List(path) => sha256_of_file(&path)?,
        Other::Folder(root) => {
            let (folder, _) = given_split::list(&root)?;
            sha256_hex(folder.fingerprint()?.digest.as_bytes())
        }
    }))
}

/// Where another data set says which side its images are on.
enum Other {
    /// A list with a line for each image.
    List(PathBuf),
    /// Folders of sides.
    Folder(PathBuf),
}

impl Other {
    fn of(path: &Path) -> Result<Self, PrepareError> {
        if path.is_file() {
            return Ok(Self::List(path.to_owned()));
        }
        let lists = [SIDES_FILE, MANIFEST_FILE].map(|name| path.join(name));
        if let Some(list) = lists.into_iter().find(|list| list.is_file()) {
            return Ok(Self::List(list));
        }
        let has_sides =
            path.is_dir() && given_split::list(path).is_ok_and(|(_, sides)| sides.is_some());
        if has_sides {
            return Ok(Self::Folder(path.to_owned()));
        }
        Err(PrepareError::NoSplit(path.to_owned()))
    }
}

fn read_other(path: &Path) -> Result<Vec<Known>, PrepareError> {
    match Other::of(path)? {
        Other::List(list) => {
            let (_, known) = read_lines(&list)?;
            if known.is_empty() {
                return Err(PrepareError::NoSplit(list));
            }
            Ok(known)
        }
        Other::Folder(root) => {
            let (folder, sides) = given_split::list(&root)?;
            let sides = sides.unwrap_or_default();
            let mut known = Vec::new();
            for file in &folder.files {
                let bytes = image_io::read_bytes(&file.path)
                    .map_err(|error| PrepareError::Changed(file.path.clone(), error))?;
                known.extend(sides.of(&file.relative).map(|split| Known {
                    md5: md5_hex(&bytes),
                    split,
                    photo_md5: None,
                    fold: None,
                    moved: None,
                }));
            }
            Ok(known)
        }
    }
}

/// Reads `sides.jsonl` or a data set's manifest; lines without a side are skipped. A missing
/// file has none.
fn read_lines(path: &Path) -> Result<(Option<Basis>, Vec<Known>), PrepareError> {
    let file = match fs_err::File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok((None, Vec::new())),
        file => file?,
    };
    let (mut basis, mut known) = (None, Vec::new());
    for line in BufReader::new(file).lines() {
        match serde_json::from_str(&line?) {
            Ok(Line::Basis { basis: found }) => basis = Some(found),
            Ok(Line::Known(image)) => known.push(image),
            Err(_) => {}
        }
    }
    Ok((basis, known))
}
