//! Names the faces of photos: detect, cut, preprocess, classify.

mod answer;
mod looked;
mod picture;
mod waiting;

use std::io;
use std::num::NonZeroUsize;
use std::path::PathBuf;

pub use answer::{Answer, NamedFace, Naming, Probabilities, UNKNOWN};
pub use picture::name_faces;

use facepipe_core::context::{Context, Interrupted};
use facepipe_core::parallel;
use facepipe_core::ports::DetectorError;
use facepipe_drawing::marked_copies::MarkedCopies;
use facepipe_faces::face_cutter::FaceTools;
use facepipe_faces::face_finder::{FaceFinder, ModelFaces, NoDetector};
use facepipe_nn::{Classifier, ModelError, use_threads};
use looked::Looked;
use waiting::Waiting;

/// One image to look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Photo {
    /// What to open.
    pub path: PathBuf,
    /// What to call it in results.
    pub name: String,
}

/// What is asked of a prediction.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// How probabilities become labels.
    pub naming: Naming,
    /// Where to put copies of the photos with the names of their faces.
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
    /// A marked copy can't be written.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The model needs a detector, and none was given.
    #[error(transparent)]
    NoDetector(#[from] NoDetector),
}

/// Names the faces of photos and hands the answers to `take`, in the photos' order, a few photos
/// after they were looked at. Only those few are in memory, however many photos there are.
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
    let mut waiting = Waiting::new(classifier, settings, context.threads);
    let keep_pixels = settings.draw.is_some();
    let work = |finder: &mut FaceFinder<'_>, _: usize, photo: &Photo| {
        Looked::at(photo, finder, keep_pixels)
    };
    let handle = |looked: Looked| -> Result<(), E> {
        context.interrupt.check().map_err(PredictError::from)?;
        waiting.add(looked.unless_all_fail().map_err(PredictError::from)?);
        bar.advance(1);
        if waiting.is_full() {
            waiting.answer(&mut take)?;
        }
        Ok(())
    };
    parallel::for_each_in_order(photos, context.threads, start, work, handle)?;
    waiting.answer(&mut take)
}
