//! Settings that decide which faces are kept and how they are cut.

use serde::Serialize;

use super::{FaceChoice, QualityLimits, Tools};
use facepipe_faces::face_choice::MIN_FACE;

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
    /// The network that decides the quality, where one does.
    #[serde(skip_serializing_if = "Option::is_none")]
    quality_by: Option<String>,
    #[serde(flatten)]
    settings: &'a Settings,
}

impl<'a> WrittenSettings<'a> {
    /// Settings, and the tools that were used with them.
    pub(super) fn new(settings: &'a Settings, tools: &'a Tools) -> Self {
        Self {
            detector: tools.faces.detectors.name(),
            align: tools.faces.landmarks.is_some(),
            quality_by: tools.judge.as_ref().map(|judge| judge.model().to_string()),
            settings,
        }
    }
}
