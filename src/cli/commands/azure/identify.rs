//! `facepipe azure identify`: names for the faces of photos.

use std::io::{self, StdoutLock, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;

use super::detect::Face;
use super::lines::{self, Found, Line};
use super::options::{GroupOptions, confidence, detection_models, uuid};
use super::photo::Photo;
use super::session::Session;
use crate::cli::failure::Failure;
use crate::cli::options::globals::Globals;
use crate::cli::options::inputs;
use crate::cli::output::result::{Outcome, to_value};
use facepipe_azure::{
    Candidate, DETECTION_MODEL, DetectOptions, Identifier, IdentifyOptions, detect,
};
use facepipe_core::words::counted;

/// How long the face ids are kept, in seconds: they are looked up at once, but with the free tier, or
/// where the service is busy, that may wait some minutes for its turn.
const FACE_ID_LIFE: u32 = 60 * 10;
/// The name of a face that is no person of the group.
const UNKNOWN: &str = "unknown";

/// Arguments of `identify`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    facepipe azure identify party.jpg --group friends\n  \
    facepipe azure identify photos --group friends --min-confidence 0.7 --json\n  \
    facepipe azure identify --face-id FACE_ID --group friends\n\n\
    It takes one call for the group, one for each photo and one more where it has faces (ten at a time), \
    and one for each person that comes up for the first time.")]
pub(super) struct IdentifyArgs {
    /// Photos, folders of them, patterns, or - for a list on stdin
    #[arg(
        required_unless_present = "face_id",
        conflicts_with = "face_id",
        value_name = "IMAGE|DIR|PATTERN|-"
    )]
    images: Vec<PathBuf>,
    /// A face id that `detect` gave, in place of photos; may be given several times
    #[arg(long, value_name = "ID", value_parser = uuid)]
    face_id: Vec<String>,
    #[command(flatten)]
    group: GroupOptions,
    /// At most this many candidates a face, 1 to 100 [default: 10, the service's own]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100))]
    candidates: Option<u32>,
    /// Only candidates from this confidence on, 0 to 1 [default: the service's own bound]
    #[arg(long, value_name = "X", value_parser = confidence)]
    min_confidence: Option<f64>,
    /// The detection model
    #[arg(long, value_name = "MODEL", default_value = DETECTION_MODEL,
          value_parser = detection_models())]
    detection_model: String,
}

/// The photo, then its faces, as lines of text.
fn print(output: &mut StdoutLock<'_>, line: &Line<Named>) -> io::Result<()> {
    match line {
        Line::Found { path, faces, .. } => {
            let number = match faces.len() {
                0 => "no face".to_owned(),
                number => counted(number, "face"),
            };
            writeln!(output, "{path}: {number}")?;
            faces
                .iter()
                .try_for_each(|face| writeln!(output, "{}", face.line()))
        }
        Line::Failed { path, error } => writeln!(output, "{path}: {error}"),
    }
}

/// A face and its candidates.
#[derive(Debug, Serialize)]
struct Named {
    #[serde(flatten)]
    face: Face,
    /// The most likely candidate's name, or `unknown`.
    name: String,
    confidence: Option<f64>,
    candidates: Vec<Candidate>,
}

impl Named {
    fn new(face: Face, candidates: Vec<Candidate>) -> Self {
        let first = candidates.first();
        Self {
            face,
            name: first.map_or_else(|| UNKNOWN.to_owned(), |first| first.name.clone()),
            confidence: first.map(|first| first.confidence),
            candidates,
        }
    }

    /// `ada  0.91  box 10 20 110 140`
    fn line(&self) -> String {
        let confidence = self.confidence.map(|confidence| format!("{confidence:.2}"));
        let [left, top, right, bottom] = self.face.rect;
        format!(
            "  {:<24} {:>5}  box {left} {top} {right} {bottom}",
            self.name,
            confidence.unwrap_or_else(|| "-".to_owned())
        )
    }
}

pub(super) fn run(
    args: &IdentifyArgs,
    session: &Session<'_>,
    globals: &Globals,
) -> Result<Outcome, Failure> {
    let group = args.group.group();
    let options = IdentifyOptions {
        candidates: args.candidates,
        min_confidence: args.min_confidence,
    };
    let mut identifier = Identifier::new(&session.client, &group, options);
    if !args.face_id.is_empty() {
        return of_ids(&args.face_id, &mut identifier, session);
    }
    let files = inputs::expand(&args.images)?;
    let description = group.description(&session.client)?;
    let options = DetectOptions {
        face_ids: Some(FACE_ID_LIFE),
        detection_model: args.detection_model.clone(),
        recognition_model: description.recognition_model().to_owned(),
        ..DetectOptions::default()
    };
    let images = files.into_iter().map(|file| (file.name, file.path));
    let look = |_: &str, file: PathBuf| of_photo(&file, &options, &mut identifier, session);
    lines::of_each("identify", images, session, globals, look, print)
}

fn of_photo(
    file: &Path,
    options: &DetectOptions,
    identifier: &mut Identifier<'_>,
    session: &Session<'_>,
) -> Result<Result<Found<Named>, String>, Failure> {
    let photo = match Photo::read(file) {
        Ok(photo) => photo,
        Err(error) => return Ok(Err(error.to_string())),
    };
    let found = match detect(&session.client, photo.body(), options) {
        Ok(found) => found,
        Err(error) if error.concerns_all_requests() => return Err(error.into()),
        Err(error) => return Ok(Err(error.to_string())),
    };
    let ids: Vec<String> = found
        .iter()
        .filter_map(|face| face.face_id.clone())
        .collect();
    if ids.len() < found.len() {
        return Ok(Err("the service gave no ids for its faces".to_owned()));
    }
    let candidates = match identifier.identify(&ids) {
        Ok(candidates) => candidates,
        // The next photo may fare better, unlike where the group is not trained.
        Err(error) if error.leaves_outcome_unknown() => return Ok(Err(error.to_string())),
        Err(error) => return Err(error.into()),
    };
    let faces = found
        .into_iter()
        .zip(candidates)
        .map(|(face, candidates)| Named::new(Face::in_photo(face, photo.scale()), candidates));
    Ok(Ok((photo.size(), faces.collect())))
}

/// The result for a face id.
#[derive(Debug, Serialize)]
struct OfId<'a> {
    face_id: &'a str,
    candidates: Vec<Candidate>,
}

fn of_ids(
    ids: &[String],
    identifier: &mut Identifier<'_>,
    session: &Session<'_>,
) -> Result<Outcome, Failure> {
    let candidates = identifier.identify(ids)?;
    let lines = ids.iter().zip(&candidates).map(|(id, candidates)| {
        let first = candidates.first();
        first.map_or_else(
            || format!("{id}  {UNKNOWN}"),
            |first| format!("{id}  {}  {:.2}", first.name, first.confidence),
        )
    });
    let lines = lines.collect();
    let faces = ids.iter().zip(candidates);
    let faces: Vec<_> = faces
        .map(|(face_id, candidates)| OfId {
            face_id,
            candidates,
        })
        .collect();
    session.outcome("identify", &to_value(&faces)?, lines)
}
