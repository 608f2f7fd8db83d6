//! The operation `detect`.

use std::collections::BTreeMap;

use reqwest::Method;
use serde::Deserialize;

use super::endpoint::ApiVersion;
use super::error::AzureError;
use super::transport::{Body, Client, Repeat, Request};

/// The newest detection model: finds smaller, turned and covered faces, and has landmarks.
const DETECTION_MODEL: &str = "detection_03";
/// The newest recognition model, which face ids belong to.
const RECOGNITION_MODEL: &str = "recognition_04";

/// What to ask of the faces.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DetectOptions {
    /// Face ids, for identify and verify, kept for so many seconds (60 to 86,400): needs an approval
    /// of Microsoft's. The service's own default is to give them, so not asking is said.
    pub face_ids: Option<u32>,
    /// The 27 landmarks.
    pub landmarks: bool,
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
    picture: Vec<u8>,
    options: DetectOptions,
) -> Result<Vec<FoundFace>, AzureError> {
    let mut query = vec![
        ("returnFaceId", options.face_ids.is_some().to_string()),
        ("returnFaceLandmarks", options.landmarks.to_string()),
        ("detectionModel", DETECTION_MODEL.to_owned()),
    ];
    if let Some(seconds) = options.face_ids {
        query.push(("recognitionModel", RECOGNITION_MODEL.to_owned()));
        query.push(("faceIdTimeToLive", seconds.to_string()));
    }
    let request = Request {
        method: Method::POST,
        version: ApiVersion::V1_0,
        path: "detect".to_owned(),
        query,
        body: Body::Image(picture),
        repeat: Repeat::Always,
    };
    client.send(&request)?.json()
}
