//! Photos that are not of the data set: the face that each is about, cut out as for `predict`, and
//! what the network makes of it.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use image::RgbImage;
use tch::Tensor;

use super::{BATCH, EvaluateError};
use crate::context::Context;
use crate::face_choice::FaceChoice;
use crate::face_cutter::{FaceCutter, FaceTools};
use crate::image_io::{self, DecodeError};
use crate::nn::{Classifier, ModelError, input_tensor, preprocess, use_threads};
use crate::parallel;
use crate::ports::{DetectorError, FaceDetector};
use crate::types::{ChipSpec, DetectedFace, Discarded, InputSpec, ItemKind, Reason, Size};

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
    /// Where it is in the upright photo; `None`: the whole image is the face.
    pub(super) face: Option<DetectedFace>,
    /// What the network says.
    pub(super) numbers: Vec<f32>,
}

/// Finds faces and cuts them out as the model's card says.
pub(super) struct Finder<'a> {
    classifier: &'a Classifier,
    cutting: Option<(&'a FaceTools, f32)>,
}

/// What one worker finds faces with.
type Worker<'a> = Option<(Box<dyn FaceDetector>, FaceCutter<'a>)>;
/// A face and the numbers that the network takes.
type Cut = (Option<DetectedFace>, Vec<f32>);

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

impl<'a> Finder<'a> {
    /// What finds the faces of a model's photos.
    pub(super) fn new(
        classifier: &'a Classifier,
        tools: Option<&'a FaceTools>,
    ) -> Result<Self, EvaluateError> {
        let chip = &classifier.card().chip;
        let cutting = match (chip, tools) {
            (ChipSpec::Whole, _) => None,
            (ChipSpec::Aligned { .. }, Some(tools)) => Some((tools, 0.0)),
            (ChipSpec::Box { margin, .. }, Some(tools)) => Some((tools, *margin)),
            (ChipSpec::Aligned { detector, .. } | ChipSpec::Box { detector, .. }, None) => {
                return Err(EvaluateError::NoDetector {
                    detector: detector.clone(),
                });
            }
        };
        Ok(Self {
            classifier,
            cutting,
        })
    }

    /// For images that are faces already.
    pub(super) fn of_whole_images(classifier: &'a Classifier) -> Self {
        Self {
            classifier,
            cutting: None,
        }
    }

    /// What the network says of each photo's face, in the photos' order, or why there is none.
    pub(super) fn look(
        &self,
        photos: &[Photo],
        wanted: Wanted,
        task: &str,
        context: &Context,
    ) -> Result<Vec<Result<PhotoFace, Discarded>>, EvaluateError> {
        // A detector in each thread keeps them all busy: libtorch's own threads would wait.
        use_threads(match self.cutting {
            Some(_) => NonZeroUsize::MIN,
            None => context.threads,
        });
        let input = &self.classifier.card().input;
        let cutting = self.cutting;
        let bar = context.progress.start(task, Some(photos.len() as u64));
        let mut found: Vec<Result<PhotoFace, Discarded>> = Vec::with_capacity(photos.len());
        let mut waiting: Vec<(usize, Vec<f32>)> = Vec::new();
        let mut names = photos.iter();
        parallel::for_each_in_order(
            photos,
            context.threads,
            || worker(cutting),
            |worker, _, photo| look_at(worker, &photo.path, input),
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
    pub(super) fn chip(&self, path: &Path, face: Option<&DetectedFace>) -> Option<RgbImage> {
        let bytes = image_io::read_bytes(path).ok()?;
        let photo = image_io::decode(&bytes).ok()?.rgb;
        let size = self.classifier.card().input.size;
        Some(match (face, self.cutting) {
            (Some(face), Some((tools, margin))) => tools
                .cutter(margin)
                .cut(&photo, face)
                .cut
                .chip(size)
                .into_owned(),
            _ => photo,
        })
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

fn worker(cutting: Option<(&FaceTools, f32)>) -> Result<Worker<'_>, EvaluateError> {
    let Some((tools, margin)) = cutting else {
        return Ok(None);
    };
    Ok(Some((tools.detectors.create()?, tools.cutter(margin))))
}

fn look_at(worker: &mut Worker<'_>, path: &Path, input: &InputSpec) -> Result<Cut, LookError> {
    let photo = image_io::decode(&image_io::read_bytes(path)?)?.rgb;
    let Some((detector, cutter)) = worker else {
        return Ok((None, preprocess(&photo, input)));
    };
    let mut faces = detector.detect(&photo)?;
    let main = FaceChoice::Main
        .only(&faces, Size::of(&photo), |_| true)
        .ok_or(LookError::NoFace)?;
    let face = faces.swap_remove(main);
    let cut = cutter.cut(&photo, &face).cut;
    let numbers = preprocess(&cut.chip(input.size), input);
    Ok((Some(face), numbers))
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
    }
}
