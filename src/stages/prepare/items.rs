//! The images of the input: read, decoded and hashed, or taken from the cache.

use std::collections::{HashMap, HashSet};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::PrepareError;
use super::cache::{Cache, CacheFile, FileStamp};
use super::features::Features;
use facepipe_core::artifacts::digest::md5_hex;
use facepipe_core::artifacts::image_folder::{ImageFolder, LabelledFile};
use facepipe_core::artifacts::jsonl;
use facepipe_core::artifacts::stage::MANIFEST_FILE;
use facepipe_core::context::Context;
use facepipe_core::parallel;
use facepipe_core::types::{
    CropPlace, CropRecord, Discarded, ImageRecord, ItemKind, PhotoFaceName, Reason, SplitRecord,
};
use facepipe_imaging::image_io::{self, DecodeError};
use facepipe_imaging::perceptual_hash::PerceptualHash;

/// One image of the input, without its pixels.
#[derive(Debug, Clone)]
pub(super) struct Item {
    pub(super) label: String,
    /// Path below the input folder.
    pub(super) relative: String,
    pub(super) path: PathBuf,
    /// What people are told of it.
    pub(super) name: PhotoFaceName,
    pub(super) features: Features,
    /// The photo that a crop was cut from.
    pub(super) photo: Option<Photo>,
    /// Other labels that `fetch` found the image, or the crop's photo, for.
    pub(super) also_labels: Vec<String>,
}

/// The record of a photo that a crop was cut from, and of the crop.
#[derive(Debug, Clone)]
pub(super) struct Photo {
    pub(super) file: String,
    pub(super) md5: String,
    /// Which of its faces the crop shows, from 0; `None` for a photo kept whole.
    pub(super) face: Option<u32>,
    pub(super) phash: PerceptualHash,
    /// The place of the face in the crop.
    pub(super) place: Option<CropPlace>,
    /// How good a picture of the face the crop is, 0 to 1.
    pub(super) quality: Option<f64>,
}

impl Item {
    /// The place of the face, where it is known.
    pub(super) fn place(&self) -> Option<&CropPlace> {
        self.photo.as_ref()?.place.as_ref()
    }
}

/// The images of the input.
#[derive(Debug, Default)]
pub(super) struct Items {
    /// In the order of their paths.
    pub(super) items: Vec<Item>,
    /// Files that are no images, with their reasons.
    pub(super) discarded: Vec<Discarded>,
    /// How many were in the cache.
    pub(super) known: u64,
}

/// An image that was read.
struct Seen {
    item: Item,
    stamp: FileStamp,
    /// Whether the cache has it under this name already.
    is_known: bool,
    is_decoded: bool,
}

/// Reads all images.
pub(super) fn read(
    folder: &ImageFolder,
    manifest: &Path,
    cache: &Cache,
    mut cache_file: Option<CacheFile>,
    rotations: bool,
    context: &Context,
) -> Result<Items, PrepareError> {
    let recorded = Recorded::read(manifest);
    let total = Some(folder.files.len() as u64);
    let bar = context.progress.start("hash", total);
    let mut read = Items::default();
    parallel::for_each(
        &folder.files,
        context.threads,
        || Ok(()),
        |(), file| {
            let mut seen = read_one(file, recorded.photos.get(&file.relative), cache, rotations)?;
            let also = recorded.also_labels.get(&file.relative);
            seen.item.also_labels = also.cloned().unwrap_or_default();
            if let Some(name) = recorded.names.get(&file.relative) {
                seen.item.name = name.clone();
            }
            Ok(seen)
        },
        |index, seen| {
            context.interrupt.check()?;
            bar.advance(1);
            match seen {
                Ok(seen) => {
                    let Seen { item, stamp, .. } = seen;
                    if let Some(file) = cache_file.as_mut().filter(|_| !seen.is_known) {
                        file.keep(&item.relative, stamp, item.place(), &item.features)?;
                    }
                    read.known += u64::from(!seen.is_decoded);
                    read.items.push(item);
                }
                Err(error) => {
                    read.discarded
                        .push(unreadable(&folder.files[index], &recorded, &error))
                }
            }
            Ok::<_, PrepareError>(())
        },
    )?;
    read.items.sort_by(|a, b| a.relative.cmp(&b.relative));
    if let Some(file) = cache_file {
        let names: HashSet<&str> = folder
            .files
            .iter()
            .map(|file| file.relative.as_str())
            .collect();
        file.tidy(&names)?;
    }
    Ok(read)
}

fn read_one(
    file: &LabelledFile,
    photo: Option<&Photo>,
    cache: &Cache,
    rotations: bool,
) -> Result<Seen, DecodeError> {
    let place = photo.and_then(|photo| photo.place.as_ref());
    // Before the file is read: a change after this is seen next time.
    let stamp = FileStamp::of(&file.path)?;
    let seen = |features: Features, is_known: bool, is_decoded: bool| Seen {
        item: Item {
            label: file.label.clone(),
            relative: file.relative.clone(),
            path: file.path.clone(),
            name: PhotoFaceName::of_file(&file.relative),
            features,
            photo: photo.cloned(),
            also_labels: Vec::new(),
        },
        stamp,
        is_known,
        is_decoded,
    };
    if let Some(features) = cache.of_file(&file.relative, stamp, place) {
        return Ok(seen(features.clone(), true, false));
    }
    let bytes = image_io::read_bytes(&file.path)?;
    let md5 = md5_hex(&bytes);
    if let Some(features) = cache.of_content(&md5, place) {
        return Ok(seen(features.clone(), false, false));
    }
    let features = Features::of(&bytes, md5, place, rotations)?;
    Ok(seen(features, false, true))
}

/// The records of an earlier stage about the images, by file.
#[derive(Debug, Default)]
struct Recorded {
    /// The photos of crops.
    photos: HashMap<String, Photo>,
    /// Other labels that `fetch` found the image, or a crop's photo, for.
    also_labels: HashMap<String, Vec<String>>,
    /// What people are told of the images.
    names: HashMap<String, PhotoFaceName>,
}

impl Recorded {
    /// Reads the manifest of `crop`, `prepare` or `fetch`; nothing where there is none of them.
    fn read(manifest: &Path) -> Self {
        if let Ok(crops) = jsonl::read::<CropRecord>(manifest) {
            return Self::of_crops(crops);
        }
        if let Ok(images) = jsonl::read::<SplitRecord>(manifest) {
            return Self::of_data_set(images);
        }
        jsonl::read::<ImageRecord>(manifest).map_or_else(|_| Self::default(), Self::of_photos)
    }

    fn of_crops(crops: Vec<CropRecord>) -> Self {
        let names = CropRecord::names(&crops.iter().collect::<Vec<_>>());
        let files = crops.iter().map(|crop| crop.file.clone());
        let mut recorded = Self {
            names: files.zip(names).collect(),
            ..Self::default()
        };
        for crop in crops {
            recorded.also(&crop.file, crop.source.also_labels);
            let Ok(phash) = crop.source.phash.parse() else {
                continue;
            };
            let photo = Photo {
                file: crop.source.file,
                md5: crop.source.md5,
                face: crop.face,
                phash,
                place: crop.place,
                quality: crop.quality.map(|quality| quality.overall),
            };
            recorded.photos.insert(crop.file, photo);
        }
        recorded
    }

    fn of_data_set(images: Vec<SplitRecord>) -> Self {
        let names = SplitRecord::names(&images);
        let files = images.iter().map(|image| image.file.clone());
        let names = files.zip(names).collect();
        let photo = |image: SplitRecord| {
            let photo = Photo {
                file: image.photo?,
                md5: image.photo_md5?,
                face: image.face,
                phash: image.photo_phash?.parse().ok()?,
                place: image.place,
                quality: None,
            };
            Some((image.file, photo))
        };
        Self {
            photos: images.into_iter().filter_map(photo).collect(),
            names,
            ..Self::default()
        }
    }

    fn of_photos(photos: Vec<ImageRecord>) -> Self {
        let mut recorded = Self::default();
        for photo in photos {
            recorded.also(&photo.file, photo.also_labels);
        }
        recorded
    }

    fn also(&mut self, file: &str, labels: Vec<String>) {
        if !labels.is_empty() {
            self.also_labels.insert(file.to_owned(), labels);
        }
    }
}

/// Whether the manifest beside the images has the places of their faces, so that no detection is needed.
#[must_use]
pub fn knows_faces(input: &Path) -> bool {
    let Ok(file) = fs_err::File::open(input.join(MANIFEST_FILE)) else {
        return false;
    };
    let mut lines = BufReader::new(file).lines().map_while(Result::ok);
    lines.any(|line| {
        let record = serde_json::from_str::<Value>(&line);
        record.is_ok_and(|record| record.get("place").is_some_and(Value::is_object))
    })
}

fn unreadable(file: &LabelledFile, recorded: &Recorded, error: &DecodeError) -> Discarded {
    let photo = recorded.photos.get(&file.relative);
    Discarded {
        item: file.relative.clone(),
        kind: ItemKind::Image,
        label: Some(file.label.clone()),
        reason: Reason::Unreadable,
        message: error.to_string(),
        related: Vec::new(),
        distance: None,
        photo: photo.map(|photo| photo.file.clone()),
        face: photo.and_then(|photo| photo.face),
    }
}
