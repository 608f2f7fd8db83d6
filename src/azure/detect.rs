//! The operation `detect`.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::json;

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
/// The detection model that is requested by default.
pub const DETECTION_MODEL: &str = DETECTION_MODELS[2];
/// The recognition model that is requested by default.
pub const RECOGNITION_MODEL: &str = RECOGNITION_MODELS[3];

/// Attributes that the service still supports. Of the earlier ones, gender, emotion and makeup are retired;
/// age, smile, facialHair and hair need an approval of their own.
pub const ATTRIBUTES: [&str; 13] = [
    "accessories",
    "age",
    "blur",
    "exposure",
    "facialHair",
    "glasses",
    "hair",
    "headPose",
    "mask",
    "noise",
    "occlusion",
    "qualityForRecognition",
    "smile",
];
/// Attributes that a detection model does not support, by the service's documentation.
const UNKNOWN_ATTRIBUTES: [(&str, &[&str]); 3] = [
    (DETECTION_MODELS[0], &["mask"]),
    (DETECTION_MODELS[1], &ATTRIBUTES),
    (
        DETECTION_MODELS[2],
        &["accessories", "age", "facialHair", "hair", "noise", "smile"],
    ),
];
/// The attribute that belongs to a recognition model, one of the last two.
const QUALITY: &str = "qualityForRecognition";

/// What to request about the faces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DetectOptions {
    /// Face ids, for identify and verify, kept for this many seconds (60 to 86,400): needs an
    /// approval of Microsoft's. The service's own default is to return them, so `None` is sent
    /// explicitly.
    pub face_ids: Option<u32>,
    /// The 27 landmarks.
    pub landmarks: bool,
    /// Attributes, such as `blur` or `headPose`.
    pub attributes: Vec<String>,
    /// The model that detects the faces: one of [`DETECTION_MODELS`].
    pub detection_model: String,
    /// The model of the face ids: one of [`RECOGNITION_MODELS`].
    pub recognition_model: String,
    /// Whether each face states its recognition model.
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
    /// A problem that the service would refuse; finding it here saves a call.
    #[must_use]
    pub fn contradiction(&self) -> Option<String> {
        let (detection, recognition) = (&self.detection_model, &self.recognition_model);
        if self.landmarks && detection == DETECTION_MODELS[1] {
            return Some(format!("{detection} finds no landmarks"));
        }
        let of_model = UNKNOWN_ATTRIBUTES
            .iter()
            .find(|(model, _)| model == detection);
        let unknown = of_model.map_or(&[][..], |(_, unknown)| *unknown);
        let requested = &self.attributes;
        if let Some(name) = requested
            .iter()
            .find(|name| unknown.contains(&name.as_str()))
        {
            return Some(format!("{detection} does not know the attribute `{name}`"));
        }
        let is_old = RECOGNITION_MODELS[..2].contains(&recognition.as_str());
        (is_old && requested.iter().any(|name| name == QUALITY))
            .then(|| format!("{recognition} does not know the attribute `{QUALITY}`"))
    }

    /// The request for the faces of a picture, or of an address, as JSON.
    #[must_use]
    pub fn request(&self, picture: Body) -> Request {
        self.asked_by(operations::DETECT.request(&[])).body(picture)
    }

    /// The request for the faces of the picture that a liveness session took.
    #[must_use]
    pub fn session_image_request(&self, id: &str) -> Request {
        let request = operations::DETECT_SESSION_IMAGE.request(&[]);
        self.asked_by(request).json(json!({"sessionImageId": id}))
    }

    fn asked_by(&self, request: Request) -> Request {
        let mut request = request
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
        request.maybe_query("faceIdTimeToLive", self.face_ids)
    }
}

/// A face that the service found.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FoundFace {
    /// Its id, if requested.
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
    /// The model of its id, if requested.
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
    /// Left, top, width and height in a photo that has this many pixels for one of the picture's,
    /// from left to right and from top to bottom.
    #[must_use]
    pub fn scaled(self, (x, y): (f32, f32)) -> [f32; 4] {
        let (width, height) = (self.width as f32 * x, self.height as f32 * y);
        [self.left as f32 * x, self.top as f32 * y, width, height]
    }

    /// As the parameter `targetFace`: left, top, width, height.
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

/// The faces that a request of [`DetectOptions`] returns, largest first.
///
/// # Errors
/// [`AzureError`].
pub fn detect_by(client: &Client, request: &Request) -> Result<Vec<FoundFace>, AzureError> {
    client.send(request)?.json()
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
    detect_by(client, &options.request(picture))
}
