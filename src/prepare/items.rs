//! The images as they come: read, decoded, hashed.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::PrepareError;
use crate::artifacts::digest::md5_hex;
use crate::artifacts::image_folder::{ImageFolder, LabelledFile};
use crate::artifacts::jsonl;
use crate::context::Context;
use crate::image_io::{self, DecodeError};
use crate::parallel;
use crate::perceptual_hash::PerceptualHash;
use crate::types::{CropPlace, CropRecord, Discarded, ItemKind, Reason, Size};

/// One image of the input, without its pixels.
#[derive(Debug, Clone)]
pub(super) struct Item {
    pub(super) label: String,
    /// Path below the input folder.
    pub(super) relative: String,
    pub(super) path: PathBuf,
    /// File extension by content.
    pub(super) extension: &'static str,
    /// MD5 of the bytes.
    pub(super) md5: String,
    /// MD5 of the decoded pixels: the same picture saved without loss in another format.
    pub(super) pixel_md5: String,
    pub(super) phash: PerceptualHash,
    pub(super) size: Size,
    /// The photo that a crop was cut from.
    pub(super) photo: Option<Photo>,
}

/// What is known of a photo that a crop was cut from.
#[derive(Debug, Clone)]
pub(super) struct Photo {
    pub(super) file: String,
    pub(super) md5: String,
    pub(super) phash: PerceptualHash,
    /// Where the face lies in the crop.
    pub(super) place: Option<CropPlace>,
}

/// Reads all images, in the order of their paths; what is no image is listed with its reason.
pub(super) fn read(
    folder: &ImageFolder,
    crop_manifest: &Path,
    context: &Context,
) -> Result<(Vec<Item>, Vec<Discarded>), PrepareError> {
    let photos = read_photos(crop_manifest)?;
    let bar = context
        .progress
        .start("hash", Some(folder.files.len() as u64));
    let (mut items, mut discarded) = (Vec::new(), Vec::new());
    parallel::for_each(
        &folder.files,
        context.threads,
        || Ok(()),
        |(), file| read_one(file, photos.get(&file.relative)),
        |index, item| {
            context.interrupt.check()?;
            bar.advance(1);
            match item {
                Ok(item) => items.push(item),
                Err(error) => discarded.push(unreadable(&folder.files[index], &error)),
            }
            Ok::<_, PrepareError>(())
        },
    )?;
    items.sort_by(|a, b| a.relative.cmp(&b.relative));
    Ok((items, discarded))
}

fn read_one(file: &LabelledFile, photo: Option<&Photo>) -> Result<Item, DecodeError> {
    let bytes = image_io::read_bytes(&file.path)?;
    let decoded = image_io::decode(&bytes)?;
    let size = Size::of(&decoded.rgb);
    let mut pixels = format!("{size} ").into_bytes();
    pixels.extend_from_slice(decoded.rgb.as_raw());
    Ok(Item {
        label: file.label.clone(),
        relative: file.relative.clone(),
        path: file.path.clone(),
        extension: image_io::extension(decoded.format),
        md5: md5_hex(&bytes),
        pixel_md5: md5_hex(&pixels),
        phash: PerceptualHash::of(&decoded.rgb),
        size,
        photo: photo.cloned(),
    })
}

/// The photos of the crops, by crop file; empty where the images are no crops of ours.
fn read_photos(crop_manifest: &Path) -> Result<HashMap<String, Photo>, PrepareError> {
    if !crop_manifest.exists() {
        return Ok(HashMap::new());
    }
    // Another stage's manifest (fetched photos, say) has other fields, and no photos to tell of.
    let Ok(crops) = jsonl::read::<CropRecord>(crop_manifest) else {
        return Ok(HashMap::new());
    };
    let photo = |crop: CropRecord| {
        let phash = crop.source.phash.parse().ok()?;
        let photo = Photo {
            file: crop.source.file,
            md5: crop.source.md5,
            phash,
            place: crop.place,
        };
        Some((crop.file, photo))
    };
    Ok(crops.into_iter().filter_map(photo).collect())
}

fn unreadable(file: &LabelledFile, error: &DecodeError) -> Discarded {
    Discarded {
        item: file.relative.clone(),
        kind: ItemKind::Image,
        label: Some(file.label.clone()),
        reason: Reason::Unreadable,
        message: error.to_string(),
        related: Vec::new(),
    }
}
