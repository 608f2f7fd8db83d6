//! What decides which faces are kept and how they are cut.

use serde::{Deserialize, Serialize};

use super::{FaceChoice, QualityLimits};

/// Settings of the stage; they stand in its `stage.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// The detector's name.
    pub detector: String,
    /// Whether faces are aligned by their landmarks.
    pub align: bool,
    /// Share of the face's side that is added on each side.
    pub margin: f32,
    /// Smallest face in pixels: the side of a square of its box's area.
    pub min_face: u32,
    /// Which faces of a photo are kept.
    pub faces: FaceChoice,
    /// Whether a photo without a face is kept whole.
    pub keep_no_face: bool,
    /// What a face's quality has to be.
    pub limits: QualityLimits,
}
