//! Embeddings of many images with one face each, with a cache of earlier results.

use std::path::{Path, PathBuf};

use image::RgbImage;

use crate::dlib_box::landmarks_of;
use crate::embed::EmbedError;
use crate::embedding_cache::{EmbeddingCache, FoundFace};
use crate::face_chip::chip;
use crate::face_choice::FaceChoice;
use facepipe_core::artifacts::digest::md5_hex;
use facepipe_core::context::{Context, Interrupted};
use facepipe_core::parallel;
use facepipe_core::ports::{
    DetectorError, FaceDetector, FaceDetectorFactory, FaceEmbedder, FaceEmbedderFactory,
    LandmarkModel,
};
use facepipe_core::types::{CropPlace, Size};
use facepipe_imaging::image_io::{self, DecodeError};
use facepipe_imaging::perceptual_hash::Reduced;
use facepipe_models::dlib::face_chip::{CHIP_SIDE, square_of};

/// Chips that an embedder always gets at once: networks may round differently for another number,
/// and the numbers must not depend on the cache. The last batch is filled up with black.
const CHIPS: usize = 16;

/// The models that make embeddings of images.
pub struct ImageEmbedder {
    /// How the embeddings are made, in one line: distinguishes them from those of other models.
    pub name: String,
    /// Detects the faces of images without a known one.
    pub detectors: Box<dyn FaceDetectorFactory>,
    /// Finds the points by which those are aligned.
    pub landmarks: Box<dyn LandmarkModel>,
    /// Makes the embeddings.
    pub embedders: Box<dyn FaceEmbedderFactory>,
}

impl std::fmt::Debug for ImageEmbedder {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("ImageEmbedder")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// An image of one face.
#[derive(Debug, Clone, Copy)]
pub struct FaceImage<'image> {
    /// The file.
    pub path: &'image Path,
    /// MD5 of its bytes, hexadecimal.
    pub md5: &'image str,
    /// Where the aligned face is in it; `None`: the image's main face is detected.
    pub place: Option<&'image CropPlace>,
}

/// Why images have no embeddings.
#[derive(Debug, thiserror::Error)]
pub enum EmbedImagesError {
    /// An image was changed or removed meanwhile.
    #[error("`{}` changed while it was being read", .0.display())]
    Changed(PathBuf, #[source] DecodeError),
    /// The networks failed.
    #[error(transparent)]
    Embed(#[from] EmbedError),
    /// The cache can't be read or written.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// The user interrupted the work.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
}

impl From<DetectorError> for EmbedImagesError {
    fn from(error: DetectorError) -> Self {
        Self::Embed(error.into())
    }
}

/// The images' faces with their embeddings, in the images' order; `None` where no face was found.
///
/// # Errors
/// [`EmbedImagesError`]; what was computed before is in the cache.
pub fn embed_images(
    images: &[FaceImage<'_>],
    tools: &ImageEmbedder,
    cache: &mut EmbeddingCache,
    context: &Context,
) -> Result<Vec<Option<FoundFace>>, EmbedImagesError> {
    let keys: Vec<String> = images.iter().map(key).collect();
    let todo: Vec<usize> = (0..images.len())
        .filter(|index| cache.get(&keys[*index]).is_none())
        .collect();
    let bar = context.progress.start("faces", Some(images.len() as u64));
    bar.advance((images.len() - todo.len()) as u64);
    let batches: Vec<&[usize]> = todo.chunks(CHIPS).collect();
    let must_detect = todo.iter().any(|index| images[*index].place.is_none());
    parallel::for_each(
        &batches,
        context.threads,
        || {
            let detector = must_detect.then(|| tools.detectors.create());
            Ok(Worker {
                detector: detector.transpose()?,
                landmarks: tools.landmarks.as_ref(),
                embedder: tools.embedders.create(),
            })
        },
        |worker, batch| worker.embed(batch.iter().map(|index| &images[*index])),
        |index, embeddings| {
            context.interrupt.check()?;
            for (image, embedding) in batches[index].iter().zip(embeddings?) {
                cache.insert(&keys[*image], embedding)?;
                bar.advance(1);
            }
            Ok::<_, EmbedImagesError>(())
        },
    )?;
    let known = |key: &String| cache.get(key).flatten().cloned();
    Ok(keys.iter().map(known).collect())
}

/// The cache's key: a digest of all that the embedding of an image depends on.
fn key(image: &FaceImage<'_>) -> String {
    let place = image.place.map(|place| format!("{place:?}"));
    md5_hex(format!("{} {}", image.md5, place.unwrap_or_default()).as_bytes())
}

/// The tools of a worker thread.
struct Worker<'tools> {
    detector: Option<Box<dyn FaceDetector>>,
    landmarks: &'tools dyn LandmarkModel,
    embedder: Box<dyn FaceEmbedder>,
}

impl Worker<'_> {
    /// The faces of a batch of images.
    fn embed<'image>(
        &mut self,
        images: impl Iterator<Item = &'image FaceImage<'image>>,
    ) -> Result<Vec<Option<FoundFace>>, EmbedImagesError> {
        let mut chips = Vec::with_capacity(CHIPS);
        let mut places = Vec::with_capacity(CHIPS);
        for image in images {
            let (place, chip) = self.chip(image)?.unzip();
            places.push(place);
            chips.extend(chip);
        }
        if chips.is_empty() {
            return Ok(vec![None; places.len()]);
        }
        let hash = |chip: &RgbImage| Reduced::of(&image_io::grey(chip)).hash();
        let hashes: Vec<_> = chips.iter().map(hash).collect();
        chips.resize(CHIPS, RgbImage::new(CHIP_SIDE, CHIP_SIDE));
        let embeddings = self.embedder.embed(&chips).map_err(EmbedError::from)?;
        let mut found = hashes.into_iter().zip(embeddings);
        let face = |place: Option<CropPlace>| {
            let place = place?;
            let (hash, embedding) = found.next()?;
            Some(FoundFace {
                place,
                hash,
                embedding,
            })
        };
        Ok(places.into_iter().map(face).collect())
    }

    /// The place of an image's face, and the network's input for it; `None` where no face was
    /// found.
    ///
    /// An image on which the detector itself fails counts as one without a face.
    fn chip(
        &mut self,
        image: &FaceImage<'_>,
    ) -> Result<Option<(CropPlace, RgbImage)>, EmbedImagesError> {
        let decoded = image_io::read_bytes(image.path).and_then(|bytes| image_io::decode(&bytes));
        let photo = decoded
            .map_err(|error| EmbedImagesError::Changed(image.path.to_owned(), error))?
            .rgb;
        let size = Size::new(CHIP_SIDE, CHIP_SIDE);
        let cut = |place: CropPlace| (place, chip(&photo, Some(&place), size).into_owned());
        let detector = match (image.place, &mut self.detector) {
            (Some(place), _) => return Ok(Some(cut(*place))),
            (None, None) => return Ok(None),
            (None, Some(detector)) => detector,
        };
        let faces = match detector.detect(&photo) {
            Ok(faces) => faces,
            Err(error) if error.concerns_all_photos() => return Err(error.into()),
            Err(_) => return Ok(None),
        };
        let main = FaceChoice::Main.only(&faces, Size::of(&photo), |_| true);
        let place = main.map(|index| CropPlace {
            square: square_of(&landmarks_of(self.landmarks, &photo, &faces[index])),
            corner: [0, 0],
        });
        Ok(place.map(cut))
    }
}
