//! `facepipe azure detect`

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::Args;
use serde::Serialize;
use serde_json::Value;

use super::lines::{self, Found};
use super::options::{detection_models, recognition_models};
use super::photo::{self, Photo};
use super::session::Session;
use crate::cli::failure::Failure;
use crate::cli::options::globals::Globals;
use crate::cli::options::inputs;
use crate::cli::output::result::{Outcome, write_json_line};
use facepipe_azure::{
    ATTRIBUTES, AzureError, DETECTION_MODEL, DetectOptions, FoundFace, RECOGNITION_MODEL, Request,
    detect_by,
};

/// How long a face id is kept by default, in seconds: the service's own default.
const A_DAY: u32 = 86_400;
/// Arguments of `detect`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    facepipe azure detect party.jpg\n  \
    facepipe azure detect photos --no-face-ids\n  \
    facepipe azure detect party.jpg --no-face-ids --landmarks --attributes headPose,mask\n  \
    facepipe azure detect https://example.org/party.jpg --json\n\n\
    One line an image: {\"path\", \"width\", \"height\", \"faces\": [{\"box\": [left, top, right, bottom], \
    \"target_face\", \"face_id\", \"recognition_model\", \"landmarks\": {name: [x, y]}, \"attributes\"}]}, \
    or {\"path\", \"error\"}; largest face first, in pixels of the upright photo. With --json one object \
    holds all of them. The `target_face` of a face is what `--target-face` of `face add` takes.\n\n\
    detection_03 and detection_01 support the attributes blur, exposure, glasses, headPose, occlusion and \
    qualityForRecognition; detection_03 also mask, detection_01 also accessories and noise, and age, \
    smile, facialHair and hair, which need another approval of Microsoft's. detection_02 supports no \
    attributes and no landmarks.")]
pub(super) struct DetectArgs {
    /// Photos, folders of them, patterns, - for a list on stdin, or addresses (https://…) that the
    /// service fetches itself
    #[arg(
        required_unless_present = "session_image",
        value_name = "IMAGE|DIR|PATTERN|URL|-"
    )]
    images: Vec<PathBuf>,
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
    /// The detection model
    #[arg(long, value_name = "MODEL", default_value = DETECTION_MODEL,
          value_parser = detection_models())]
    detection_model: String,
    /// The recognition model of the face ids: that of the group that they are looked up in
    #[arg(long, value_name = "MODEL", default_value = RECOGNITION_MODEL,
          value_parser = recognition_models())]
    recognition_model: String,
}

/// An image to send.
enum Image {
    /// The picture of a liveness session.
    OfSession,
    /// An address that the service fetches itself.
    Address,
    /// A file.
    File(PathBuf),
}

impl DetectArgs {
    /// The images, each with its name in the results: files first, then addresses.
    fn images(&self) -> Result<Vec<(String, Image)>, Failure> {
        if let Some(id) = &self.session_image {
            return Ok(vec![(id.clone(), Image::OfSession)]);
        }
        let is_address = |image: &&PathBuf| image.to_str().is_some_and(photo::is_address);
        let (addresses, others): (Vec<_>, Vec<_>) = self.images.iter().partition(is_address);
        let others: Vec<PathBuf> = others.into_iter().cloned().collect();
        let mut images = Vec::new();
        if !others.is_empty() {
            let files = inputs::expand(&others)?.into_iter();
            images.extend(files.map(|file| (file.name, Image::File(file.path))));
        }
        let addresses = addresses.into_iter().map(|url| url.display().to_string());
        images.extend(addresses.map(|url| (url, Image::Address)));
        Ok(images)
    }
}

/// The rectangle of a face in the photo's pixels.
#[derive(Debug, Serialize)]
pub(super) struct Face {
    #[serde(rename = "box")]
    pub(super) rect: [f32; 4],
    /// The same in the form of `--target-face`.
    target_face: String,
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
        let target = face.face_rectangle.scaled((x, y));
        let [left, top, width, height] = target;
        let landmarks = face.face_landmarks.map(|points| {
            let points = points.into_iter();
            let scaled = points.map(|(name, point)| (name, [point.x * x, point.y * y]));
            scaled.collect()
        });
        Self {
            rect: [left, top, left + width, top + height].map(f32::round),
            target_face: target.map(hundredths).join(","),
            face_id: face.face_id,
            recognition_model: face.recognition_model,
            landmarks,
            attributes: face.face_attributes,
        }
    }
}

/// A number with two decimals where it needs them: read back, it is the same pixel.
fn hundredths(number: f32) -> String {
    let text = format!("{number:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
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
    if let Some(contradiction) = options.contradiction() {
        return Err(Failure::Usage {
            message: contradiction,
            hint: "`facepipe azure detect --help` shows which model supports which attributes"
                .to_owned(),
        });
    }
    let look = |path: &str, image| {
        let photo = match image {
            Image::OfSession => None,
            Image::Address => Some(Photo::Address(path.to_owned())),
            Image::File(file) => match Photo::read(&file) {
                Ok(photo) => Some(photo),
                Err(error) => return Ok(Err(error.to_string())),
            },
        };
        faces(path, photo.as_ref(), &mut options, session)
    };
    lines::of_each(
        "detect",
        args.images()?,
        session,
        globals,
        look,
        |output, line| write_json_line(output, line),
    )
}

/// The faces of an image. Where the resource may not give face ids, continues without.
fn faces(
    path: &str,
    photo: Option<&Photo>,
    options: &mut DetectOptions,
    session: &Session<'_>,
) -> Result<Result<Found<Face>, String>, Failure> {
    let request = |options: &DetectOptions| -> Request {
        match photo {
            Some(photo) => options.request(photo.body()),
            None => options.session_image_request(path),
        }
    };
    let mut found = detect_by(&session.client, &request(options));
    if let (Err(AzureError::NotApproved { features, .. }), true) =
        (&found, options.face_ids.is_some())
    {
        session.context.progress.note(&format!(
            "Microsoft has not approved this resource for {features}, and gives it no face ids: going \
             on with boxes only (https://aka.ms/facerecognition). Operations on face ids won't work: \
             identify, verify, find-similar, group. What works: boxes, landmarks, attributes, and \
             facepipe's own `verify` and `train`, on this machine"
        ));
        options.face_ids = None;
        options.return_recognition_model = false;
        found = detect_by(&session.client, &request(options));
    }
    let found = match found {
        Ok(found) => found,
        Err(error) if error.concerns_all_requests() => return Err(error.into()),
        Err(error) => return Ok(Err(error.to_string())),
    };
    let scale = photo.map_or((1.0, 1.0), Photo::scale);
    let faces = found.into_iter();
    let faces = faces.map(|face| Face::in_photo(face, scale)).collect();
    Ok(Ok((photo.and_then(Photo::size), faces)))
}
