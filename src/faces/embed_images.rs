//! Embeddings of many images with one face each, with a cache of earlier results.

use std::path::{Path, PathBuf};

use image::RgbImage;

use crate::alignment::place_of;
use crate::embed::EmbedError;
use crate::embedding_cache::{EmbeddingCache, FoundFace};
use crate::face_chip::{chip, chips};
use crate::face_choice::FaceChoice;
use facepipe_core::artifacts::digest::md5_hex;
use facepipe_core::context::{Context, Interrupted};
use facepipe_core::parallel;
use facepipe_core::ports::{
    DetectorError, FaceDetector, FaceDetectorFactory, FaceEmbedder, FaceEmbedderFactory,
    LandmarkModel,
};
use facepipe_core::types::{CropPlace, Distances, Size};
use facepipe_imaging::image_io::{self, DecodeError};
use facepipe_imaging::perceptual_hash::{PerceptualHash, Reduced};
use facepipe_models::dlib::face_chip::CHIP_SIDE;

/// Chips that an embedder always gets at once: networks may round differently for another number,
/// and the numbers must not depend on the cache. The last batch is filled up with black.
const CHIPS: usize = 16;

/// The models that make embeddings of images.
pub struct ImageEmbedder {
    /// Detects the faces of images without a known one.
    pub detectors: Box<dyn FaceDetectorFactory>,
    /// Finds the points by which those are aligned.
    pub landmarks: Box<dyn LandmarkModel>,
    /// Makes the embeddings.
    pub embedders: Box<dyn FaceEmbedderFactory>,
}

impl ImageEmbedder {
    /// How the embeddings are made, in one line: distinguishes them from those of other models.
    #[must_use]
    pub fn made_by(&self) -> String {
        let (model, detector) = (self.embedders.model(), self.detectors.name());
        format!("{model}, found by {detector}")
    }

    /// How many numbers an embedding has.
    #[must_use]
    pub fn length(&self) -> usize {
        self.embedders.model().length
    }

    /// What the distances of the embeddings mean.
    #[must_use]
    pub fn distances(&self) -> Distances {
        self.embedders.model().distances
    }
}

impl std::fmt::Debug for ImageEmbedder {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("ImageEmbedder")
            .field("made_by", &self.made_by())
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

/// A face that is cut out for its embedding.
struct CutFace {
    place: CropPlace,
    /// Of dlib's chip.
    hash: PerceptualHash,
    chips: Vec<RgbImage>,
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
        let mut faces = Vec::with_capacity(CHIPS);
        let mut places = Vec::with_capacity(CHIPS);
        let mut hashes = Vec::with_capacity(CHIPS);
        for image in images {
            let face = self.face(image)?;
            places.push(face.as_ref().map(|face| face.place));
            if let Some(face) = face {
                hashes.push(face.hash);
                faces.push(face.chips);
            }
        }
        if faces.is_empty() {
            return Ok(vec![None; places.len()]);
        }
        faces.resize_with(CHIPS, || {
            let black = self.embedder.forms().iter().map(|form| form.size);
            black
                .map(|size| RgbImage::new(size.width, size.height))
                .collect()
        });
        let embeddings = self.embedder.embed(&faces).map_err(EmbedError::from)?;
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

    /// An image's face; `None` where no face was found.
    ///
    /// An image on which the detector itself fails counts as one without a face.
    fn face(&mut self, image: &FaceImage<'_>) -> Result<Option<CutFace>, EmbedImagesError> {
        let decoded = image_io::read_bytes(image.path).and_then(|bytes| image_io::decode(&bytes));
        let photo = decoded
            .map_err(|error| EmbedImagesError::Changed(image.path.to_owned(), error))?
            .rgb;
        let embedder = &self.embedder;
        let cut = |place: CropPlace| {
            let aligned = chip(&photo, Some(&place), Size::new(CHIP_SIDE, CHIP_SIDE));
            CutFace {
                place,
                hash: Reduced::of(&image_io::grey(&aligned)).hash(),
                chips: chips(&photo, &place, embedder.forms()),
            }
        };
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
        let place = main.map(|index| place_of(self.landmarks, &photo, &faces[index]));
        Ok(place.map(cut))
    }
}
