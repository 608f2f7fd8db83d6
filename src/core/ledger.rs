//! What became of each photo between the input folder and the data set: one line a photo, put
//! together from the manifests of the stages.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::artifacts::jsonl;
use crate::artifacts::stage::{DISCARDED_FILE, MANIFEST_FILE};
use crate::types::{Counts, CropRecord, Discarded, ItemKind, SplitRecord};

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
