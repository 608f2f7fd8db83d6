//! Photos outside the data set: the main face of each, cut out as for `predict`, and
//! the network's output for it.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use image::RgbImage;
use tch::{Device, Tensor};

use super::{BATCH, EvaluateError};
use facepipe_core::context::Context;
use facepipe_core::parallel;
use facepipe_core::ports::DetectorError;
use facepipe_core::types::{DetectedFace, Discarded, ItemKind, Reason, Size};
use facepipe_faces::face_choice::FaceChoice;
use facepipe_faces::face_cutter::FaceTools;
use facepipe_faces::face_finder::{FaceFinder, ModelFaces};
use facepipe_imaging::image_io::{self, DecodeError};
use facepipe_nn::{Classifier, ModelError, input_tensor, use_threads};

/// One photo to examine.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Photo {
    /// Its name in reports.
    pub(super) name: String,
    /// The path of its file.
    pub(super) path: PathBuf,
}

/// What the network is to compute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    /// The logits, and the similarities with the images of each label.
    Answers,
    /// The same, and the features beside.
    AnswersAndFeatures,
    /// The features before the layer that predicts labels.
    Features,
}

impl Wanted {
    /// The answers, with features or without.
    pub(super) const fn answers(with_features: bool) -> Self {
        if with_features {
            Self::AnswersAndFeatures
        } else {
            Self::Answers
        }
    }
}

/// A photo's face.
#[derive(Debug, Clone)]
pub(super) struct PhotoFace {
    /// Where it is in the upright photo.
    pub(super) face: DetectedFace,
    /// Which of the photo's faces it is, from 0.
    pub(super) number: u32,
    /// How many faces the photo has.
    pub(super) found: usize,
    /// The logits; the features, where only those are wanted.
    pub(super) numbers: Vec<f32>,
    /// The features beside logits, where both are wanted.
    pub(super) features: Vec<f32>,
    /// The similarities beside logits, of a model that gives them.
    pub(super) similarities: Vec<f32>,
}

/// Finds the main faces of photos, and runs the network on them.
pub(super) struct PhotoFaces<'a> {
    classifier: &'a Classifier,
    faces: ModelFaces<'a>,
}

/// Why a photo has no usable face.
#[derive(Debug, thiserror::Error)]
enum ExamineError {
    #[error(transparent)]
    Decode(#[from] DecodeError),
    #[error(transparent)]
    Detector(#[from] DetectorError),
    #[error("no face was found")]
    NoFace,
}

impl<'a> PhotoFaces<'a> {
    /// As the faces of the model's images were found.
    pub(super) fn new(
        classifier: &'a Classifier,
        tools: Option<&'a FaceTools>,
    ) -> Result<Self, EvaluateError> {
        let faces = ModelFaces::new(classifier.card(), tools)?;
        Ok(Self { classifier, faces })
    }

    /// For images that are face chips already.
    pub(super) fn of_whole_images(classifier: &'a Classifier) -> Self {
        let faces = ModelFaces::of_whole_images(classifier.card());
        Self { classifier, faces }
    }

    /// The network's output for each photo's face, in the photos' order, or why there is none.
    pub(super) fn ask(
        &self,
        photos: &[Photo],
        wanted: Wanted,
        task: &str,
        context: &Context,
    ) -> Result<Vec<Result<PhotoFace, Discarded>>, EvaluateError> {
        // A detector in each thread keeps them all busy: libtorch's own threads would wait.
        use_threads(if self.faces.are_found() {
            NonZeroUsize::MIN
        } else {
            context.threads
        });
        // The network itself stays on this thread.
        let faces = self.faces;
        let bar = context.progress.start(task, Some(photos.len() as u64));
        let mut found: Vec<Result<PhotoFace, Discarded>> = Vec::with_capacity(photos.len());
        let mut pending: Vec<(usize, Vec<f32>)> = Vec::new();
        let mut names = photos.iter();
        parallel::for_each_in_order(
            photos,
            context.threads,
            || Ok(faces.finder()?),
            |finder, _, photo| examine(finder, &photo.path),
            |examined| {
                context.interrupt.check()?;
                bar.advance(1);
                let name = names.next().map_or("", |photo| &photo.name);
                match examined {
                    Err(ExamineError::Detector(error)) if error.concerns_all_photos() => {
                        return Err(error.into());
                    }
                    Err(error) => found.push(Err(discarded(name, &error))),
                    Ok(Examined {
                        face,
                        number,
                        found: of_photo,
                        numbers,
                    }) => {
                        pending.push((found.len(), numbers));
                        found.push(Ok(PhotoFace {
                            face,
                            number,
                            found: of_photo,
                            numbers: Vec::new(),
                            features: Vec::new(),
                            similarities: Vec::new(),
                        }));
                    }
                }
                if pending.len() >= BATCH {
                    self.answer(&mut pending, &mut found, wanted)?;
                }
                Ok::<(), EvaluateError>(())
            },
        )?;
        self.answer(&mut pending, &mut found, wanted)?;
        use_threads(context.threads);
        Ok(found)
    }

    /// The chip of a detected face.
    pub(super) fn chip(&self, path: &Path, face: &DetectedFace) -> Option<RgbImage> {
        let bytes = image_io::read_bytes(path).ok()?;
        let photo = image_io::decode(&bytes).ok()?.rgb;
        Some(self.faces.chip(photo, face))
    }

    fn answer(
        &self,
        pending: &mut Vec<(usize, Vec<f32>)>,
        found: &mut [Result<PhotoFace, Discarded>],
        wanted: Wanted,
    ) -> Result<(), EvaluateError> {
        if pending.is_empty() {
            return Ok(());
        }
        let (places, numbers): (Vec<usize>, Vec<Vec<f32>>) = pending.drain(..).unzip();
        let images: Tensor = input_tensor(&numbers, &self.classifier.card().input);
        let outputs = match wanted {
            Wanted::Answers | Wanted::AnswersAndFeatures => self.classifier.outputs(&images)?,
            Wanted::Features => {
                let features = rows(self.classifier.features(&images)?)?;
                for (place, features) in places.into_iter().zip(features) {
                    if let Ok(face) = &mut found[place] {
                        face.numbers = features;
                    }
                }
                return Ok(());
            }
        };
        let none = || vec![Vec::new(); places.len()];
        let logits = rows(outputs.logits)?;
        let similarities = outputs.similarities.map_or_else(|| Ok(none()), rows)?;
        let features = match wanted {
            Wanted::AnswersAndFeatures => rows(outputs.features.ok_or(ModelError::NoFeatures)?)?,
            _ => none(),
        };
        let columns = logits.into_iter().zip(similarities).zip(features);
        for (place, ((logits, similarities), features)) in places.into_iter().zip(columns) {
            if let Ok(face) = &mut found[place] {
                face.numbers = logits;
                face.similarities = similarities;
                face.features = features;
            }
        }
        Ok(())
    }
}

/// The rows of a matrix.
pub(super) fn rows(matrix: Tensor) -> Result<Vec<Vec<f32>>, ModelError> {
    Ok(Vec::try_from(matrix.to_device(Device::Cpu))?)
}

/// The main face of a photo, and the network's input for it.
struct Examined {
    face: DetectedFace,
    number: u32,
    found: usize,
    numbers: Vec<f32>,
}

/// Looks for the main face of a photo.
fn examine(finder: &mut FaceFinder<'_>, path: &Path) -> Result<Examined, ExamineError> {
    let photo = image_io::decode(&image_io::read_bytes(path)?)?.rgb;
    let mut faces = finder.faces(&photo)?;
    let main = FaceChoice::Main
        .only(&faces, Size::of(&photo), |_| true)
        .ok_or(ExamineError::NoFace)?;
    let found = faces.len();
    let face = faces.swap_remove(main);
    Ok(Examined {
        numbers: finder.numbers(&photo, &face),
        face,
        number: main as u32,
        found,
    })
}

fn discarded(name: &str, error: &ExamineError) -> Discarded {
    Discarded {
        item: name.to_owned(),
        kind: ItemKind::Image,
        label: None,
        reason: match error {
            ExamineError::Decode(_) => Reason::Unreadable,
            ExamineError::Detector(_) => Reason::DetectorFailed,
            ExamineError::NoFace => Reason::NoFace,
        },
        message: error.to_string(),
        related: Vec::new(),
        distance: None,
        photo: None,
        face: None,
    }
}
