//! `facepipe azure detect`

use std::collections::BTreeMap;
use std::io;

use clap::Args;
use serde::Serialize;
use serde_json::Value;

use super::super::args::Globals;
use super::super::failure::Failure;
use super::super::output::{Outcome, write_json_line};
use super::options::{detection_models, recognition_models};
use super::photo::Photo;
use super::session::Session;
use crate::azure::{
    AzureError, Body, DETECTION_MODEL, DetectOptions, FoundFace, RECOGNITION_MODEL, detect,
};
use crate::types::Size;

/// How long a face id is kept where nothing else is said, in seconds: the service's own default.
const A_DAY: u32 = 86_400;
/// Attributes that the service still knows. What it once said of age, gender and emotion is retired.
const ATTRIBUTES: [&str; 9] = [
    "accessories",
    "blur",
    "exposure",
    "glasses",
    "headPose",
    "mask",
    "noise",
    "occlusion",
    "qualityForRecognition",
];

/// Arguments of `detect`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    facepipe azure detect party.jpg\n  \
    facepipe azure detect party.jpg --no-face-ids --landmarks --attributes headPose,mask\n  \
    facepipe azure detect https://example.org/party.jpg --json\n\n\
    One line an image: {\"path\", \"width\", \"height\", \"faces\": [{\"box\": [left, top, right, bottom], \
    \"face_id\", \"recognition_model\", \"landmarks\": {name: [x, y]}, \"attributes\"}]}, or {\"path\", \
    \"error\"}; largest face first, in pixels of the upright photo. With --json one object holds all \
    of them.\n\n\
    detection_01 knows no mask, detection_02 no attributes and landmarks, detection_03 no accessories \
    and noise.")]
pub(super) struct DetectArgs {
    /// Photos, or addresses (https://…) that the service fetches itself
    #[arg(required_unless_present = "session_image", value_name = "IMAGE|URL")]
    images: Vec<String>,
    /// The picture of a liveness session, by its `sessionImageId`
    #[arg(long, value_name = "ID", conflicts_with = "images")]
    session_image: Option<String>,
    /// Only boxes: face ids need Microsoft's approval
    #[arg(long)]
    no_face_ids: bool,
    /// How long face ids are kept, in seconds, 60 to 86400
    #[arg(long, value_name = "SECONDS", default_value_t = A_DAY,
          value_parser = clap::value_parser!(u32).range(60..=86_400))]
    face_id_life: u32,
    /// Also the 27 landmarks
    #[arg(long)]
    landmarks: bool,
    /// Also these attributes
    #[arg(long, value_name = "A,B,…", value_delimiter = ',', value_parser = ATTRIBUTES)]
    attributes: Vec<String>,
    /// What finds the faces
    #[arg(long, value_name = "MODEL", default_value = DETECTION_MODEL,
          value_parser = detection_models())]
    detection_model: String,
    /// What the face ids belong to: the model of the group that they are looked up in
    #[arg(long, value_name = "MODEL", default_value = RECOGNITION_MODEL,
          value_parser = recognition_models())]
    recognition_model: String,
}

/// What is said of one image.
#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Line {
    Found {
        path: String,
        #[serde(flatten)]
        size: Option<Size>,
        faces: Vec<Face>,
    },
    Failed {
        path: String,
        error: String,
    },
}

/// A face in the photo's pixels.
#[derive(Debug, Serialize)]
pub(super) struct Face {
    #[serde(rename = "box")]
    pub(super) rect: [f32; 4],
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) face_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    recognition_model: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    landmarks: Option<BTreeMap<String, [f32; 2]>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    attributes: Option<Value>,
}

impl Face {
    /// A face that was found in a picture, `scale` pixels of the photo for one of its own.
    pub(super) fn in_photo(face: FoundFace, (x, y): (f32, f32)) -> Self {
        let rect = face.face_rectangle;
        let (left, top) = (rect.left as f32, rect.top as f32);
        let landmarks = face.face_landmarks.map(|points| {
            let points = points.into_iter();
            let scaled = points.map(|(name, point)| (name, [point.x * x, point.y * y]));
            scaled.collect()
        });
        Self {
            rect: [
                left * x,
                top * y,
                (left + rect.width as f32) * x,
                (top + rect.height as f32) * y,
            ]
            .map(f32::round),
            face_id: face.face_id,
            recognition_model: face.recognition_model,
            landmarks,
            attributes: face.face_attributes,
        }
    }
}

pub(super) fn run(
    args: &DetectArgs,
    session: &Session<'_>,
    globals: &Globals,
) -> Result<Outcome, Failure> {
    let mut options = DetectOptions {
        face_ids: (!args.no_face_ids).then_some(args.face_id_life),
        landmarks: args.landmarks,
        attributes: args.attributes.clone(),
        detection_model: args.detection_model.clone(),
        recognition_model: args.recognition_model.clone(),
        return_recognition_model: !args.no_face_ids,
    };
    let images = args.session_image.iter().chain(&args.images);
    let (mut lines, mut items_failed) = (Vec::new(), 0);
    for path in images {
        session.context.interrupt.check()?;
        let photo = match &args.session_image {
            Some(_) => Ok(None),
            None => Photo::named(path).map(Some),
        };
        let found = photo.map_err(|error| error.to_string());
        let line = match found {
            Err(error) => Err(error),
            Ok(photo) => faces(path, photo.as_ref(), &mut options, session)?,
        };
        let path = path.clone();
        let line = line.unwrap_or_else(|error| Line::Failed { path, error });
        items_failed += u64::from(matches!(line, Line::Failed { .. }));
        if !globals.json {
            write_json_line(&mut io::stdout().lock(), &line).map_err(Failure::of_output)?;
        }
        lines.push(line);
    }
    let answer = super::super::output::to_value(&lines)?;
    let outcome = session.outcome("detect", &answer, Vec::new())?;
    Ok(Outcome {
        items_failed,
        ..outcome
    })
}

/// The faces of an image. Where the resource may not give face ids, goes on without.
fn faces(
    path: &str,
    photo: Option<&Photo>,
    options: &mut DetectOptions,
    session: &Session<'_>,
) -> Result<Result<Line, String>, Failure> {
    let body = || match photo {
        Some(photo) => photo.body(),
        None => Body::Json(serde_json::json!({"sessionImageId": path}).to_string()),
    };
    let mut found = detect(&session.client, body(), options);
    if let (Err(AzureError::NotApproved { features, .. }), true) =
        (&found, options.face_ids.is_some())
    {
        session.context.progress.note(&format!(
            "Microsoft has not approved this resource for {features}, and gives it no face ids: going \
             on with boxes only (https://aka.ms/facerecognition). What needs face ids won't work: \
             identify, verify, find-similar, group. What works: boxes, landmarks, attributes, and \
             facepipe's own `verify` and `train`, on this machine"
        ));
        options.face_ids = None;
        options.return_recognition_model = false;
        found = detect(&session.client, body(), options);
    }
    let found = match found {
        Ok(found) => found,
        Err(error) if error.concerns_all_requests() => return Err(error.into()),
        Err(error) => return Ok(Err(error.to_string())),
    };
    let scale = photo.map_or((1.0, 1.0), Photo::scale);
    Ok(Ok(Line::Found {
        path: path.to_owned(),
        size: photo.and_then(Photo::size),
        faces: found
            .into_iter()
            .map(|face| Face::in_photo(face, scale))
            .collect(),
    }))
}
