//! Names the faces of photos: detect, cut, preprocess, classify.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::context::{Context, Interrupted};
use crate::errors::Hint;
use crate::face_cutter::{FaceCutter, FaceTools};
use crate::image_io::{self, DecodeError};
use crate::nn::{Classifier, ModelError, input_tensor, most_probable, preprocess, use_threads};
use crate::parallel;
use crate::ports::{DetectorError, FaceDetector};
use crate::types::{ChipSpec, DetectedFace, InputSpec, PixelRect, Size};

/// Faces that the network sees at once.
const BATCH: usize = 32;
/// The score of a whole image that is taken for a face.
const WHOLE_SCORE: f32 = 1.0;

/// One image to look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Photo {
    /// What to open.
    pub path: PathBuf,
    /// What to call it in results.
    pub name: String,
}

/// What is said of one image: a line of the output.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Answer {
    /// It was looked at.
    Named {
        /// The image.
        path: String,
        /// Its faces, largest first.
        faces: Vec<NamedFace>,
    },
    /// It could not be.
    Failed {
        /// The image.
        path: String,
        /// Why.
        error: String,
    },
}

/// A face and who it is.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct NamedFace {
    /// Where it is in the upright photo.
    #[serde(rename = "box")]
    pub rect: PixelRect,
    /// The detector's certainty.
    pub score: f32,
    /// The most probable label.
    pub label: String,
    /// Its probability.
    pub probability: f32,
    /// The probability of each label.
    pub probabilities: BTreeMap<String, f32>,
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
    /// The model needs a detector, and none was given.
    #[error(
        "the model was trained on faces that detector `{detector}` found, which is not at hand"
    )]
    NoDetector {
        /// The detector's name.
        detector: String,
    },
}

impl Hint for PredictError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Model(source) => source.hint(),
            Self::Detector(source) => source.hint(),
            Self::Interrupted(_) => None,
            Self::NoDetector { .. } => {
                Some("use the version of facepipe that made the model".to_owned())
            }
        }
    }

    fn is_interruption(&self) -> bool {
        matches!(self, Self::Interrupted(_))
    }
}

/// The detector that a model's photos need, by name; `None`: images are faces already.
#[must_use]
pub fn detector_of(classifier: &Classifier) -> Option<&str> {
    match &classifier.card().chip {
        ChipSpec::Aligned { detector, .. } | ChipSpec::Box { detector, .. } => Some(detector),
        ChipSpec::Whole => None,
    }
}

/// Whether a model's faces are aligned by landmarks.
#[must_use]
pub fn aligns(classifier: &Classifier) -> bool {
    matches!(classifier.card().chip, ChipSpec::Aligned { .. })
}

/// Names the faces of photos and hands the answers to `take`, in the photos' order.
///
/// # Errors
/// [`PredictError`], or the first error of `take`. A photo that can't be read is an answer.
pub fn run<E>(
    classifier: &Classifier,
    tools: Option<&FaceTools>,
    photos: &[Photo],
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
    let chip = &classifier.card().chip;
    let margin = match chip {
        // The surroundings of the face are not seen.
        ChipSpec::Aligned { .. } | ChipSpec::Whole => 0.0,
        ChipSpec::Box { margin, .. } => *margin,
    };
    let cutting = match (chip, tools) {
        (ChipSpec::Whole, _) => None,
        (_, Some(tools)) => Some((&tools.detectors, tools.cutter(margin))),
        (ChipSpec::Aligned { detector, .. } | ChipSpec::Box { detector, .. }, None) => {
            let detector = detector.clone();
            return Err(PredictError::NoDetector { detector }.into());
        }
    };
    let input = &classifier.card().input;
    let start = || match cutting {
        None => Ok(Finder::Whole),
        Some((detectors, cutter)) => detectors
            .create()
            .map(|detector| Finder::Faces { detector, cutter })
            .map_err(|error| E::from(PredictError::from(error))),
    };
    let bar = context.progress.start("predict", Some(photos.len() as u64));
    let mut waiting = Waiting::default();
    let work = |finder: &mut Finder<'_>, _: usize, photo: &Photo| Looked {
        name: photo.name.clone(),
        faces: finder.look(&photo.path, input),
    };
    let handle = |looked: Looked| -> Result<(), E> {
        context.interrupt.check().map_err(PredictError::from)?;
        let looked = looked.unless_all_fail()?;
        waiting.add(looked);
        bar.advance(1);
        if waiting.faces() >= BATCH {
            waiting.answer(classifier, &mut take)?;
        }
        Ok(())
    };
    parallel::for_each_in_order(photos, context.threads, start, work, handle)?;
    waiting.answer(classifier, &mut take)
}

/// Finds the faces of photos, in one worker.
enum Finder<'tools> {
    /// Each image is a face.
    Whole,
    /// Faces are found and cut out.
    Faces {
        detector: Box<dyn FaceDetector>,
        cutter: FaceCutter<'tools>,
    },
}

/// A photo's faces with the numbers that the network takes, or why there are none.
struct Looked {
    name: String,
    faces: Result<Vec<(DetectedFace, Vec<f32>)>, LookError>,
}

impl Looked {
    /// An error for what would befall every other photo as well.
    fn unless_all_fail(self) -> Result<Self, PredictError> {
        match self.faces {
            Err(LookError::Detector(error)) if error.concerns_all_photos() => Err(error.into()),
            faces => Ok(Self { faces, ..self }),
        }
    }
}

/// Why a photo can't be looked at.
#[derive(Debug, thiserror::Error)]
enum LookError {
    #[error(transparent)]
    Decode(#[from] DecodeError),
    #[error(transparent)]
    Detector(#[from] DetectorError),
}

impl Finder<'_> {
    fn look(
        &mut self,
        path: &Path,
        input: &InputSpec,
    ) -> Result<Vec<(DetectedFace, Vec<f32>)>, LookError> {
        let photo = image_io::decode(&image_io::read_bytes(path)?)?.rgb;
        let size = Size::of(&photo);
        match self {
            Self::Whole => {
                let face = DetectedFace {
                    rect: PixelRect::whole(size),
                    score: WHOLE_SCORE,
                    landmarks: None,
                };
                Ok(vec![(face, preprocess(&photo, input))])
            }
            Self::Faces { detector, cutter } => {
                let numbers = |face: &DetectedFace| {
                    preprocess(&cutter.cut(&photo, face).cut.chip(input.size), input)
                };
                let faces = detector.detect(&photo)?.into_iter();
                Ok(faces.map(|face| (face.clone(), numbers(&face))).collect())
            }
        }
    }
}

/// Photos that wait until their faces fill a batch.
#[derive(Default)]
struct Waiting {
    photos: Vec<Looked>,
}

impl Waiting {
    fn add(&mut self, photo: Looked) {
        self.photos.push(photo);
    }

    fn faces(&self) -> usize {
        self.photos
            .iter()
            .map(|photo| photo.faces.as_ref().map_or(0, Vec::len))
            .sum()
    }

    fn answer<E: From<PredictError>>(
        &mut self,
        classifier: &Classifier,
        take: &mut impl FnMut(Answer) -> Result<(), E>,
    ) -> Result<(), E> {
        let card = classifier.card();
        let photos = std::mem::take(&mut self.photos);
        let mut numbers = Vec::new();
        let mut found = Vec::new();
        for photo in photos {
            found.push((
                photo.name,
                photo.faces.map(|faces| {
                    let (faces, of_faces): (Vec<_>, Vec<_>) = faces.into_iter().unzip();
                    numbers.extend(of_faces);
                    faces
                }),
            ));
        }
        let mut probabilities = Vec::with_capacity(numbers.len());
        for batch in numbers.chunks(BATCH) {
            let of_batch = classifier
                .probabilities(&input_tensor(batch, &card.input))
                .map_err(PredictError::from)?;
            probabilities.extend(of_batch);
        }
        let mut probabilities = probabilities.into_iter();
        for (path, faces) in found {
            take(match faces {
                Err(error) => Answer::Failed {
                    path,
                    error: error.to_string(),
                },
                Ok(faces) => Answer::Named {
                    path,
                    faces: faces
                        .into_iter()
                        .zip(probabilities.by_ref())
                        .map(|(face, of_labels)| name_face(&face, &of_labels, &card.labels))
                        .collect(),
                },
            })?;
        }
        Ok(())
    }
}

fn name_face(face: &DetectedFace, probabilities: &[f32], labels: &[String]) -> NamedFace {
    let best = most_probable(probabilities);
    NamedFace {
        rect: face.rect,
        score: face.score,
        label: labels[best].clone(),
        probability: probabilities[best],
        probabilities: labels
            .iter()
            .cloned()
            .zip(probabilities.iter().copied())
            .collect(),
    }
}
