//! Settings that decide which faces are kept and how they are cut.

use serde::Serialize;

use super::{FaceChoice, QualityLimits};
use facepipe_faces::face_choice::MIN_FACE;
use facepipe_faces::face_cutter::FaceTools;

/// Settings of the stage.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Settings {
    /// Share of the face's side that is added on each side.
    pub margin: f32,
    /// Smallest face in pixels: the side of a square of its box's area.
    pub min_face: u32,
    /// Which faces of a photo are kept.
    pub faces: FaceChoice,
    /// Whether a photo without a face is kept whole.
    pub keep_no_face: bool,
    /// Whether the detector looks at turned copies of photos in which no face is upright.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub rotations: bool,
    /// Limits of a face's quality.
    pub limits: QualityLimits,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            margin: 0.2,
            min_face: MIN_FACE,
            faces: FaceChoice::All,
            keep_no_face: false,
            rotations: false,
            limits: QualityLimits::default(),
        }
    }
}

/// What `stage.json` records: the settings, and what found the faces.
#[derive(Debug, Serialize)]
pub(super) struct WrittenSettings<'a> {
    /// The detector's name.
    detector: &'a str,
    /// Whether faces are aligned by their landmarks.
    align: bool,
    #[serde(flatten)]
    settings: &'a Settings,
}

impl<'a> WrittenSettings<'a> {
    /// Settings, and the tools that were used with them.
    pub(super) fn new(settings: &'a Settings, tools: &'a FaceTools) -> Self {
        Self {
            detector: tools.detectors.name(),
            align: tools.landmarks.is_some(),
            settings,
        }
    }
}
