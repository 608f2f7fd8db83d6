//! How a face is turned and scaled for a network.

use serde::{Deserialize, Serialize};

use super::Size;

/// Where the points of a face lie in a chip.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Alignment {
    /// dlib's face chip: eye corners and nose where those of its mean face are, with its padding.
    Dlib,
    /// ArcFace's: eyes, nose and corners of the mouth where its template of 112 pixels has them.
    ArcFace,
}

/// The chip that a network takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ChipForm {
    /// How the face lies in it.
    pub alignment: Alignment,
    /// Its size.
    pub size: Size,
}
