//! The operation `detect`.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::error::AzureError;
use super::operations;
use super::request::{Body, Request};
use super::transport::Client;

/// The models that find faces; the last one finds smaller, turned and covered faces as well.
pub const DETECTION_MODELS: [&str; 3] = ["detection_01", "detection_02", "detection_03"];
/// The models that face ids and kept faces belong to; the last one is the best.
pub const RECOGNITION_MODELS: [&str; 4] = [
    "recognition_01",
    "recognition_02",
    "recognition_03",
    "recognition_04",
];
/// The detection model that is asked for where none is chosen.
pub const DETECTION_MODEL: &str = DETECTION_MODELS[2];
/// The recognition model that is asked for where none is chosen.
pub const RECOGNITION_MODEL: &str = RECOGNITION_MODELS[3];

/// What to ask of the faces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DetectOptions {
    /// Face ids, for identify and verify, kept for so many seconds (60 to 86,400): needs an approval
    /// of Microsoft's. The service's own default is to give them, so not asking is said.
    pub face_ids: Option<u32>,
    /// The 27 landmarks.
    pub landmarks: bool,
    /// Attributes, such as `blur` or `headPose`.
    pub attributes: Vec<String>,
    /// What finds the faces: one of [`DETECTION_MODELS`].
    pub detection_model: String,
    /// What the face ids belong to: one of [`RECOGNITION_MODELS`].
    pub recognition_model: String,
    /// Whether each face is to say its recognition model.
    pub return_recognition_model: bool,
}

impl Default for DetectOptions {
    fn default() -> Self {
        Self {
            face_ids: None,
            landmarks: false,
            attributes: Vec::new(),
            detection_model: DETECTION_MODEL.to_owned(),
            recognition_model: RECOGNITION_MODEL.to_owned(),
            return_recognition_model: false,
        }
    }
}

impl DetectOptions {
    /// The request for the faces of a picture, or of an address, as JSON.
    #[must_use]
    pub fn request(&self, picture: Body) -> Request {
        let mut request = operations::DETECT
            .request(&[])
            .query("returnFaceId", self.face_ids.is_some())
            .query("returnFaceLandmarks", self.landmarks)
            .query("detectionModel", &self.detection_model);
        // The quality attribute belongs to a recognition model, like face ids.
        if self.face_ids.is_some() || !self.attributes.is_empty() || self.return_recognition_model {
            request = request.query("recognitionModel", &self.recognition_model);
        }
        if self.return_recognition_model {
            request = request.query("returnRecognitionModel", true);
        }
        if !self.attributes.is_empty() {
            request = request.query("returnFaceAttributes", self.attributes.join(","));
        }
        request
            .maybe_query("faceIdTimeToLive", self.face_ids)
            .body(picture)
    }
}

/// A face that the service found.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FoundFace {
    /// Its id, where that was asked for.
    #[serde(default)]
    pub face_id: Option<String>,
    /// Where it is, in pixels of the picture that was sent.
    pub face_rectangle: FaceRectangle,
    /// The landmarks by their names, such as `pupilLeft`: the eye on the image's left.
    #[serde(default)]
    pub face_landmarks: Option<BTreeMap<String, Point>>,
    /// The attributes, as the service gives them.
    #[serde(default)]
    pub face_attributes: Option<serde_json::Value>,
    /// What its id belongs to, where that was asked for.
    #[serde(default)]
    pub recognition_model: Option<String>,
}

/// A rectangle in pixels; it may reach over the picture's edge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct FaceRectangle {
    /// First row.
    pub top: i32,
    /// First column.
    pub left: i32,
    /// Columns.
    pub width: i32,
    /// Rows.
    pub height: i32,
}

impl FaceRectangle {
    /// As `targetFace` has it: left, top, width, height.
    #[must_use]
    pub fn target(self) -> String {
        format!("{},{},{},{}", self.left, self.top, self.width, self.height)
    }
}

/// A point in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
pub struct Point {
    /// From the left edge.
    pub x: f32,
    /// From the top edge.
    pub y: f32,
}

/// The faces of a picture (JPEG, PNG, GIF or BMP of 1 KB to 6 MB), largest first, at most 100.
///
/// # Errors
/// [`AzureError`]; a picture without a face is an empty list.
pub fn detect(
    client: &Client,
    picture: Body,
    options: &DetectOptions,
) -> Result<Vec<FoundFace>, AzureError> {
    client.send(&options.request(picture))?.json()
}
