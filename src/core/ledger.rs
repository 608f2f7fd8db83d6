//! What became of each photo between the input folder and the data set: one line a photo, put
//! together from the manifests of the stages.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::artifacts::jsonl;
use crate::artifacts::stage::{DISCARDED_FILE, MANIFEST_FILE};
use crate::types::{Counts, CropRecord, Discarded, ItemKind, Reason, Split, SplitRecord};

/// What became of one photo: a line of `photos.jsonl`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Fate {
    /// The photo's path below the folder that `crop` read.
    pub photo: String,
    /// Whether one of its faces is in the data set.
    pub kept: bool,
    /// Its faces in the data set: paths below the data set's folder.
    pub faces: Vec<String>,
    /// Why it, or some of its faces, are not in the data set.
    pub left_out: Vec<Discarded>,
}

/// The fates of all photos, sorted by path, from the folders that `crop` and `prepare` wrote.
///
/// # Errors
/// The I/O error, with its path, or `InvalidData`.
pub fn fates(crops: &Path, data_set: &Path) -> io::Result<Vec<Fate>> {
    let mut photos: BTreeMap<String, (Vec<String>, Vec<Discarded>)> = BTreeMap::new();
    let mut photo_of_crop = BTreeMap::new();
    for crop in jsonl::read::<CropRecord>(&crops.join(MANIFEST_FILE))? {
        photos.entry(crop.source.file.clone()).or_default();
        photo_of_crop.insert(crop.file, crop.source.file);
    }
    for item in jsonl::read::<Discarded>(&crops.join(DISCARDED_FILE))? {
        photos.entry(item.item.clone()).or_default().1.push(item);
    }
    for image in jsonl::read::<SplitRecord>(&data_set.join(MANIFEST_FILE))? {
        if let Some(photo) = image.photo {
            photos.entry(photo).or_default().0.push(image.file);
        }
    }
    for item in jsonl::read::<Discarded>(&data_set.join(DISCARDED_FILE))? {
        if let Some(photo) = photo_of_crop.get(&item.item) {
            let face = Discarded {
                kind: ItemKind::Face,
                ..item
            };
            photos.entry(photo.clone()).or_default().1.push(face);
        }
    }
    let fate = |(photo, (faces, left_out)): (String, (Vec<String>, Vec<Discarded>))| Fate {
        photo,
        kept: !faces.is_empty(),
        faces,
        left_out,
    };
    Ok(photos.into_iter().map(fate).collect())
}

/// Photos, or faces, by what became of them: each counts once, so that found = used + left out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// All.
    pub found: u64,
    /// Those in the data set, by side.
    pub used: BTreeMap<Split, u64>,
    /// The others, by reason.
    pub left_out: BTreeMap<String, u64>,
}

/// The reason, in a [`Tally`], of faces in photos of which no face can be used.
pub const UNUSABLE_PHOTO: &str = "unusable_photo";

impl Tally {
    /// Those in the data set.
    #[must_use]
    pub fn used(&self) -> u64 {
        self.used.values().sum()
    }

    /// Those that are not.
    #[must_use]
    pub fn left_out(&self) -> u64 {
        self.left_out.values().sum()
    }

    fn leave_out(&mut self, reason: Reason) {
        *self.left_out.entry(reason.to_string()).or_default() += 1;
    }
}

/// Photos by what became of them. Of several reasons the one counts that says most: that of the whole photo, or else
/// that of the face that came furthest.
#[must_use]
pub fn tally_photos(fates: &[Fate]) -> Tally {
    let mut tally = Tally {
        found: fates.len() as u64,
        ..Tally::default()
    };
    for fate in fates {
        let side = fate.faces.first().and_then(|file| side_of(file));
        match (side, main_reason(&fate.left_out)) {
            (Some(side), _) => *tally.used.entry(side).or_default() += 1,
            (None, Some(reason)) => tally.leave_out(reason),
            (None, None) => {}
        }
    }
    tally
}

/// The side of an image of the data set, which its path begins with.
fn side_of(file: &str) -> Option<Split> {
    file.split('/').next()?.parse().ok()
}

fn main_reason(left_out: &[Discarded]) -> Option<Reason> {
    let whole = left_out.iter().find(|one| one.kind == ItemKind::Image);
    // Reasons of `prepare` are behind those of `crop`.
    whole.or(left_out.last()).map(|one| one.reason)
}

/// Faces by what became of them, of `found` that the detector found, from the folders that `crop` and `prepare` wrote.
///
/// # Errors
/// The I/O error, with its path, or `InvalidData`.
pub fn tally_faces(crops: &Path, data_set: &Path, found: u64) -> io::Result<Tally> {
    let mut tally = Tally {
        found,
        ..Tally::default()
    };
    let mut cut = jsonl::read::<CropRecord>(&crops.join(MANIFEST_FILE))?;
    // A photo that was kept whole is no face.
    cut.retain(|crop| crop.face.is_some());
    let cut: BTreeSet<&str> = cut.iter().map(|crop| crop.file.as_str()).collect();
    for item in jsonl::read::<Discarded>(&crops.join(DISCARDED_FILE))? {
        if item.kind == ItemKind::Face || item.face.is_some() {
            tally.leave_out(item.reason);
        }
    }
    for image in jsonl::read::<SplitRecord>(&data_set.join(MANIFEST_FILE))? {
        if cut.contains(image.source.as_str()) {
            *tally.used.entry(image.split).or_default() += 1;
        }
    }
    for item in jsonl::read::<Discarded>(&data_set.join(DISCARDED_FILE))? {
        if cut.contains(item.item.as_str()) {
            tally.leave_out(item.reason);
        }
    }
    // Of a photo without any usable face only the photo has a line.
    let others = found.saturating_sub(tally.used() + tally.left_out());
    if others > 0 {
        tally.left_out.insert(UNUSABLE_PHOTO.to_owned(), others);
    }
    Ok(tally)
}

/// Photos by outcome.
#[must_use]
pub fn count(fates: &[Fate]) -> Counts {
    let found = fates.len() as u64;
    let kept = fates.iter().filter(|fate| fate.kept).count() as u64;
    Counts {
        found,
        kept,
        discarded: found - kept,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn left_out(kind: ItemKind, reason: Reason) -> Discarded {
        Discarded {
            kind,
            reason,
            ..Discarded::without_address(String::new(), None, "")
        }
    }

    #[test]
    fn each_photo_counts_once() {
        let fate = |faces: &[&str], left_out: Vec<Discarded>| Fate {
            photo: String::new(),
            kept: !faces.is_empty(),
            faces: faces.iter().map(|face| (*face).to_owned()).collect(),
            left_out,
        };
        let (face, image) = (ItemKind::Face, ItemKind::Image);
        let fates = [
            fate(&["test/a/1.png"], vec![left_out(face, Reason::NotMain)]),
            fate(&["train/a/2.png", "train/a/3.png"], Vec::new()),
            fate(&[], vec![left_out(image, Reason::NoFace)]),
            fate(
                &[],
                vec![
                    left_out(face, Reason::NotMain),
                    left_out(face, Reason::NearDuplicate),
                ],
            ),
            fate(
                &[],
                vec![
                    left_out(image, Reason::ExactDuplicate),
                    left_out(face, Reason::NotMain),
                ],
            ),
        ];
        let tally = tally_photos(&fates);
        assert_eq!((tally.found, tally.used(), tally.left_out()), (5, 2, 3));
        assert_eq!(
            tally.used,
            BTreeMap::from([(Split::Train, 1), (Split::Test, 1)])
        );
        let reasons = ["exact_duplicate", "near_duplicate", "no_face"];
        assert!(tally.left_out.keys().eq(reasons.iter()), "{tally:?}");
    }
}
