//! Names the faces of photos: detect, cut, preprocess, classify.

mod answer;
mod pending;
mod picture;
mod prepared_photo;

use std::io;
use std::num::NonZeroUsize;
use std::path::PathBuf;

pub use answer::{Answer, NamedFace, Naming, Probabilities, UNKNOWN, UnknownBelow};
pub use picture::name_faces;

use facepipe_core::context::{Context, Interrupted};
use facepipe_core::parallel;
use facepipe_core::ports::DetectorError;
use facepipe_drawing::marked_copies::MarkedCopies;
use facepipe_faces::face_cutter::FaceTools;
use facepipe_faces::face_finder::{FaceFinder, ModelFaces, NoDetector};
use facepipe_nn::{Classifier, ModelError, use_threads};
use pending::PendingPhotos;
use prepared_photo::PreparedPhoto;

/// One image to predict.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Photo {
    /// The file.
    pub path: PathBuf,
    /// Its name in results.
    pub name: String,
}

/// Settings of a prediction.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// How the model's answers become labels.
    pub naming: Naming,
    /// Where to write copies of the photos with the names of their faces.
    pub draw: Option<MarkedCopies>,
}

/// Why a prediction failed as a whole.
#[derive(Debug, thiserror::Error)]
pub enum PredictError {
    /// The user pressed Ctrl-C.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
    /// The model can't be used.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// The model's detector can't be used, or fails on all photos.
    #[error(transparent)]
    Detector(#[from] DetectorError),
    /// An annotated copy can't be written.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The model needs a detector, and none was given.
    #[error(transparent)]
    NoDetector(#[from] NoDetector),
}

/// Names the faces of photos and hands the answers to `take`, in the photos' order, a few photos
/// after they were read. Only those few are in memory, however many photos there are.
///
/// # Errors
/// [`PredictError`], or the first error of `take`. A photo that can't be read is an answer.
pub fn run<E>(
    classifier: &Classifier,
    tools: Option<&FaceTools>,
    photos: &[Photo],
    settings: &Settings,
    context: &Context,
    mut take: impl FnMut(Answer) -> Result<(), E>,
) -> Result<(), E>
where
    E: From<PredictError> + Send,
{
    // A detector in each thread keeps them all busy: libtorch's own threads would wait for a
    // processor, and each for the others.
    use_threads(match tools {
        Some(_) => NonZeroUsize::MIN,
        None => context.threads,
    });
    let faces = ModelFaces::new(classifier.card(), tools).map_err(PredictError::from)?;
    let start = || {
        let finder = faces.finder();
        finder.map_err(|error| E::from(PredictError::from(error)))
    };
    let bar = context.progress.start("predict", Some(photos.len() as u64));
    let mut pending = PendingPhotos::new(classifier, settings, context.threads);
    let keep_pixels = settings.draw.is_some();
    let work = |finder: &mut FaceFinder<'_>, _: usize, photo: &Photo| {
        PreparedPhoto::read(photo, finder, keep_pixels)
    };
    let handle = |photo: PreparedPhoto| -> Result<(), E> {
        context.interrupt.check().map_err(PredictError::from)?;
        pending.add(photo.unless_all_fail().map_err(PredictError::from)?);
        bar.advance(1);
        if pending.is_full() {
            pending.answer(&mut take)?;
        }
        Ok(())
    };
    parallel::for_each_in_order(photos, context.threads, start, work, handle)?;
    pending.answer(&mut take)
}
