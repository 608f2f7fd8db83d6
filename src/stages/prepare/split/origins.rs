//! Where the images' photos come from, and when they were made: the input of a split by source or time.

use std::path::Path;

use super::super::items::Item;
use super::super::{Grouped, PrepareError};
use super::SplitBy;
use facepipe_core::artifacts::jsonl;
use facepipe_core::artifacts::stage::MANIFEST_FILE;
use facepipe_core::context::Context;
use facepipe_core::parallel;
use facepipe_core::types::{CropRecord, DateSource, ImageRecord, PhotoDate};
use facepipe_imaging::image_io;
use facepipe_imaging::photo_date;
use std::collections::HashMap;

/// The known origin of one image's photo.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Origin {
    pub(crate) name: Option<String>,
    pub(crate) made: Option<PhotoDate>,
}

/// The origins of images, in their order; all unknown where the split does not go by them.
pub(super) fn of_images(
    input: &Path,
    images: &[Grouped<'_>],
    split_by: SplitBy,
    context: &Context,
) -> Result<Vec<Origin>, PrepareError> {
    if split_by == SplitBy::Chance {
        return Ok(vec![Origin::default(); images.len()]);
    }
    let known = read(input);
    let of_image = |image: &Grouped<'_>| {
        let known = known.get(&image.item.relative).cloned().unwrap_or_default();
        Origin {
            name: known.name.or_else(|| folder_of(image.item)),
            made: known.made,
        }
    };
    let mut origins: Vec<Origin> = images.iter().map(of_image).collect();
    match split_by {
        SplitBy::Source => origins.iter_mut().for_each(|origin| origin.made = None),
        SplitBy::Time => {
            origins.iter_mut().for_each(|origin| origin.name = None);
            read_dates(images, &mut origins, context)?;
        }
        SplitBy::Chance => {}
    }
    Ok(origins)
}

/// Entries of the manifest beside the images: of crops about their photos, of fetched photos about themselves.
fn read(input: &Path) -> HashMap<String, Origin> {
    let manifest = input.join(MANIFEST_FILE);
    if let Ok(crops) = jsonl::read::<CropRecord>(&manifest) {
        let origin = |crop: CropRecord| {
            let (name, made) = (crop.source.origin, crop.source.made);
            (crop.file, Origin { name, made })
        };
        return crops.into_iter().map(origin).collect();
    }
    let photos = jsonl::read::<ImageRecord>(&manifest).unwrap_or_default();
    let origin = |photo: ImageRecord| {
        let origin = Origin {
            name: photo.provenance.origin(),
            made: photo.provenance.download_date(),
        };
        (photo.file, origin)
    };
    photos.into_iter().map(origin).collect()
}

/// The folder of a photo below its label's, which often is an event or album: that of the photo that a crop
/// was cut from, else its own. Photos beside each other in the label's folder have none.
fn folder_of(item: &Item) -> Option<String> {
    let path = item
        .photo
        .as_ref()
        .map_or(&item.relative, |photo| &photo.file);
    let (folder, _) = path.rsplit_once('/')?;
    let mut parts = folder.split('/').skip_while(|part| *part != item.label);
    parts.next()?;
    let below: Vec<&str> = parts.collect();
    (!below.is_empty()).then(|| format!("folder {}", below.join("/")))
}

/// Reads from whole photos when they were made; crops have no such data of their own.
fn read_dates(
    images: &[Grouped<'_>],
    origins: &mut [Origin],
    context: &Context,
) -> Result<(), PrepareError> {
    let is_asked = |index: &usize| {
        let made = origins[*index].made.map(|made| made.by);
        images[*index].item.photo.is_none() && made != Some(DateSource::Exif)
    };
    let asked: Vec<usize> = (0..images.len()).filter(is_asked).collect();
    let bar = context.progress.start("dates", Some(asked.len() as u64));
    parallel::for_each(
        &asked,
        context.threads,
        || Ok(()),
        |(), index| {
            let path = &images[*index].item.path;
            let by_camera = image_io::read_bytes(path).ok();
            let by_camera = by_camera.and_then(|bytes| photo_date::by_camera(&bytes));
            by_camera.or_else(|| photo_date::by_file(path))
        },
        |at, made: Option<PhotoDate>| {
            context.interrupt.check()?;
            bar.advance(1);
            let origin = &mut origins[asked[at]];
            // A download's date takes precedence over that of the file that it made.
            if origin.made.is_none() || made.is_some_and(|made| made.by == DateSource::Exif) {
                origin.made = made;
            }
            Ok::<_, PrepareError>(())
        },
    )
}
