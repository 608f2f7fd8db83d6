//! How good a picture of a face is.

use serde::{Deserialize, Serialize};

/// Measures of one face in one photo, taken by `facepipe_faces::quality`: they compare between
/// faces of different photos and sizes.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct FaceQuality {
    /// All measures in one number, 0 (useless) to 1 (perfect).
    pub overall: f64,
    /// Shorter side of the detector's box in pixels of the photo.
    pub size: u32,
    /// The detector's certainty; scales differ between detectors, so it is no part of `overall`.
    pub score: f64,
    /// Variance of the Laplacian of the face's luma (0 to 255) at one size for all faces.
    pub sharpness: f64,
    /// Mean luma of the face, 0 (black) to 1 (white).
    pub brightness: f64,
    /// Standard deviation of the face's luma, 0 to 0.5.
    pub contrast: f64,
    /// Share of the face's square, with the space around the face, that lies outside the photo.
    pub outside: f64,
    /// Length of the embedding that a network gives for the face before it is brought to one length; `None` where
    /// none was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub norm: Option<f64>,
    /// Where the face looks; `None` without landmarks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pose: Option<FacePose>,
}

impl FaceQuality {
    /// The name of the overall measure.
    pub const OVERALL: &str = "overall";

    /// All known measures, by name.
    pub fn measures(&self) -> impl Iterator<Item = (&'static str, f64)> {
        let always = [
            (Self::OVERALL, self.overall),
            ("size", self.size.into()),
            ("score", self.score),
            ("sharpness", self.sharpness),
            ("brightness", self.brightness),
            ("contrast", self.contrast),
            ("outside", self.outside),
        ];
        let angles = self.pose.into_iter().flat_map(|pose| {
            let pitch = pose.pitch.map(|pitch| ("pitch", pitch));
            [("yaw", pose.yaw), ("roll", pose.roll)]
                .into_iter()
                .chain(pitch)
        });
        let norm = self.norm.map(|norm| ("norm", norm));
        always.into_iter().chain(norm).chain(angles)
    }
}

/// Where a face looks, in degrees; 0 is straight into the camera.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct FacePose {
    /// Turned to the side: positive to the right of the image.
    pub yaw: f64,
    /// Raised or lowered: positive is up. `None` without the corners of the mouth.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pitch: Option<f64>,
    /// Leaning over: positive is clockwise on the screen.
    pub roll: f64,
}
