//! Photos that are not of the data set: the face that each is about, cut out as for `predict`, and
//! what the network makes of it.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use image::RgbImage;
use tch::Tensor;

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

/// One photo to look at.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Photo {
    /// What to call it.
    pub(super) name: String,
    /// What to open.
    pub(super) path: PathBuf,
}

/// What is asked of the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    /// A number for each label.
    Logits,
    /// What it knows before it tells labels.
    Features,
}

/// A photo's face.
#[derive(Debug, Clone)]
pub(super) struct PhotoFace {
    /// Where it is in the upright photo.
    pub(super) face: DetectedFace,
    /// What the network says.
    pub(super) numbers: Vec<f32>,
}

/// Finds the faces that photos are about, and asks the network about them.
pub(super) struct PhotoFaces<'a> {
    classifier: &'a Classifier,
    faces: ModelFaces<'a>,
}

/// Why a photo has no face to show.
#[derive(Debug, thiserror::Error)]
enum LookError {
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

    /// For images that are faces already.
    pub(super) fn of_whole_images(classifier: &'a Classifier) -> Self {
        let faces = ModelFaces::of_whole_images(classifier.card());
        Self { classifier, faces }
    }

    /// What the network says of each photo's face, in the photos' order, or why there is none.
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
        let mut waiting: Vec<(usize, Vec<f32>)> = Vec::new();
        let mut names = photos.iter();
        parallel::for_each_in_order(
            photos,
            context.threads,
            || Ok(faces.finder()?),
            |finder, _, photo| look_at(finder, &photo.path),
            |looked| {
                context.interrupt.check()?;
                bar.advance(1);
                let name = names.next().map_or("", |photo| &photo.name);
                match looked {
                    Err(LookError::Detector(error)) if error.concerns_all_photos() => {
                        return Err(error.into());
                    }
                    Err(error) => found.push(Err(discarded(name, &error))),
                    Ok((face, numbers)) => {
                        waiting.push((found.len(), numbers));
                        found.push(Ok(PhotoFace {
                            face,
                            numbers: Vec::new(),
                        }));
                    }
                }
                if waiting.len() >= BATCH {
                    self.answer(&mut waiting, &mut found, wanted)?;
                }
                Ok::<(), EvaluateError>(())
            },
        )?;
        self.answer(&mut waiting, &mut found, wanted)?;
        use_threads(context.threads);
        Ok(found)
    }

    /// The chip of a face that was found before.
    pub(super) fn chip(&self, path: &Path, face: &DetectedFace) -> Option<RgbImage> {
        let bytes = image_io::read_bytes(path).ok()?;
        let photo = image_io::decode(&bytes).ok()?.rgb;
        Some(self.faces.chip(photo, face))
    }

    fn answer(
        &self,
        waiting: &mut Vec<(usize, Vec<f32>)>,
        found: &mut [Result<PhotoFace, Discarded>],
        wanted: Wanted,
    ) -> Result<(), EvaluateError> {
        if waiting.is_empty() {
            return Ok(());
        }
        let (places, numbers): (Vec<usize>, Vec<Vec<f32>>) = waiting.drain(..).unzip();
        let images: Tensor = input_tensor(&numbers, &self.classifier.card().input);
        let rows = match wanted {
            Wanted::Logits => self.classifier.logits(&images)?,
            Wanted::Features => self.classifier.features(&images)?,
        };
        let rows = Vec::<Vec<f32>>::try_from(rows).map_err(ModelError::from)?;
        for (place, row) in places.into_iter().zip(rows) {
            if let Ok(face) = &mut found[place] {
                face.numbers = row;
            }
        }
        Ok(())
    }
}

/// The face that a photo is about, and what the network takes of it.
fn look_at(
    finder: &mut FaceFinder<'_>,
    path: &Path,
) -> Result<(DetectedFace, Vec<f32>), LookError> {
    let photo = image_io::decode(&image_io::read_bytes(path)?)?.rgb;
    let mut faces = finder.faces(&photo)?;
    let main = FaceChoice::Main
        .only(&faces, Size::of(&photo), |_| true)
        .ok_or(LookError::NoFace)?;
    let face = faces.swap_remove(main);
    let numbers = finder.numbers(&photo, &face);
    Ok((face, numbers))
}

fn discarded(name: &str, error: &LookError) -> Discarded {
    Discarded {
        item: name.to_owned(),
        kind: ItemKind::Image,
        label: None,
        reason: match error {
            LookError::Decode(_) => Reason::Unreadable,
            LookError::Detector(_) => Reason::DetectorFailed,
            LookError::NoFace => Reason::NoFace,
        },
        message: error.to_string(),
        related: Vec::new(),
        distance: None,
    }
}
