//! Finds the faces of photos in the way a model was trained on.

use image::RgbImage;

use crate::face_cutter::{FaceCutter, FaceTools};
use crate::preprocess::preprocess;
use facepipe_core::ports::{DetectorError, FaceDetector};
use facepipe_core::types::{
    ChipForm, ChipSpec, DetectedFace, InputSpec, ModelCard, PixelRect, Size,
};

/// The score of a whole image that counts as a face.
const WHOLE_SCORE: f32 = 1.0;

/// The model was trained on detected faces, and its detector is missing.
#[derive(Debug, thiserror::Error)]
#[error("the model was trained on faces that detector `{detector}` found, which is not available")]
pub struct NoDetector {
    /// The detector's name.
    pub detector: String,
}

/// How the faces of a model's photos are found and cut out.
#[derive(Debug, Clone, Copy)]
pub struct ModelFaces<'tools> {
    input: &'tools InputSpec,
    form: ChipForm,
    /// Detector, cutter and margin; `None`: images are faces already.
    cutting: Option<(&'tools FaceTools, f32)>,
}

/// Finds faces, in one worker.
pub struct FaceFinder<'tools> {
    input: &'tools InputSpec,
    form: ChipForm,
    cutting: Option<(Box<dyn FaceDetector>, FaceCutter<'tools>)>,
}

impl<'tools> ModelFaces<'tools> {
    /// Reads the settings of the model's card.
    ///
    /// # Errors
    /// [`NoDetector`] where the model needs a detector and `tools` is `None`.
    pub fn new(
        card: &'tools ModelCard,
        tools: Option<&'tools FaceTools>,
    ) -> Result<Self, NoDetector> {
        let cutting = match (&card.chip, tools) {
            (ChipSpec::Whole, _) => None,
            // The margin around an aligned face is not used.
            (ChipSpec::Aligned { .. }, Some(tools)) => Some((tools, 0.0)),
            (ChipSpec::Box { margin, .. }, Some(tools)) => Some((tools, *margin)),
            (ChipSpec::Aligned { detector, .. } | ChipSpec::Box { detector, .. }, None) => {
                let detector = detector.clone();
                return Err(NoDetector { detector });
            }
        };
        let (input, form) = (&card.input, form_of(card));
        Ok(Self {
            input,
            form,
            cutting,
        })
    }

    /// For images that are faces already.
    #[must_use]
    pub const fn of_whole_images(card: &'tools ModelCard) -> Self {
        Self {
            input: &card.input,
            form: form_of(card),
            cutting: None,
        }
    }

    /// Whether faces are detected, rather than whole images used as faces.
    #[must_use]
    pub const fn are_found(&self) -> bool {
        self.cutting.is_some()
    }

    /// The finder of one worker.
    ///
    /// # Errors
    /// The detector can't be made.
    pub fn finder(&self) -> Result<FaceFinder<'tools>, DetectorError> {
        let cutting = match self.cutting {
            Some((tools, margin)) => Some((tools.detectors.create()?, tools.cutter(margin))),
            None => None,
        };
        let (input, form) = (self.input, self.form);
        Ok(FaceFinder {
            input,
            form,
            cutting,
        })
    }

    /// The chip of a face that was found before, in the size of the network's input; the whole
    /// photo where images are faces.
    #[must_use]
    pub fn chip(&self, photo: RgbImage, face: &DetectedFace) -> RgbImage {
        let Some((tools, margin)) = self.cutting else {
            return photo;
        };
        let cut = tools.cutter(margin).cut(&photo, face).cut;
        cut.chip(self.form).into_owned()
    }
}

/// The chip of a model.
const fn form_of(card: &ModelCard) -> ChipForm {
    ChipForm {
        alignment: card.chip.alignment(),
        size: card.input.size,
    }
}

impl FaceFinder<'_> {
    /// The faces of an EXIF-upright photo, largest first.
    ///
    /// # Errors
    /// The detector fails.
    pub fn faces(&mut self, photo: &RgbImage) -> Result<Vec<DetectedFace>, DetectorError> {
        match &mut self.cutting {
            Some((detector, _)) => detector.detect(photo),
            None => Ok(vec![DetectedFace {
                rect: PixelRect::whole(Size::of(photo)),
                score: WHOLE_SCORE,
                landmarks: None,
            }]),
        }
    }

    /// The network's input for a face of the photo: numbers in the order channel, row, column.
    #[must_use]
    pub fn numbers(&self, photo: &RgbImage, face: &DetectedFace) -> Vec<f32> {
        match &self.cutting {
            Some((_, cutter)) => {
                let cut = cutter.cut(photo, face).cut;
                preprocess(&cut.chip(self.form), self.input)
            }
            None => preprocess(photo, self.input),
        }
    }
}
