//! `facepipe azure identify`: names for the faces of photos.

use std::io::{self, Write};
use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use super::super::args::Globals;
use super::super::failure::Failure;
use super::super::inputs::{self, InputFile};
use super::super::output::{Outcome, to_value};
use super::detect::Face;
use super::options::{GroupOptions, confidence, detection_models, uuid};
use super::photo::Photo;
use super::session::Session;
use crate::azure::{
    Candidate, DETECTION_MODEL, DetectOptions, Identifier, IdentifyOptions, detect,
};
use crate::types::Size;

/// How long the face ids are kept, in seconds: they are looked up at once, but with the free tier, or
/// where the service is busy, that may wait some minutes for its turn.
const FACE_ID_LIFE: u32 = 60 * 10;
/// What a face is called that is nobody's.
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
    /// At most so many candidates a face, 1 to 100 [default: 10, the service's own]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100))]
    candidates: Option<u32>,
    /// Only candidates from this confidence on, 0 to 1 [default: the service's own bound]
    #[arg(long, value_name = "X", value_parser = confidence)]
    min_confidence: Option<f64>,
    /// What finds the faces
    #[arg(long, value_name = "MODEL", default_value = DETECTION_MODEL,
          value_parser = detection_models())]
    detection_model: String,
}

/// What `--json` prints as the answer, an entry a photo.
#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Line {
    Found {
        path: String,
        #[serde(flatten)]
        size: Option<Size>,
        faces: Vec<Named>,
    },
    Failed {
        path: String,
        error: String,
    },
}

impl Line {
    /// The same for a person: the photo, then its faces.
    fn texts(&self) -> Vec<String> {
        match self {
            Self::Found { path, faces, .. } => {
                let number = match faces.len() {
                    0 => "no face".to_owned(),
                    1 => "1 face".to_owned(),
                    number => format!("{number} faces"),
                };
                let first = std::iter::once(format!("{path}: {number}"));
                first.chain(faces.iter().map(Named::line)).collect()
            }
            Self::Failed { path, error } => vec![format!("{path}: {error}")],
        }
    }
}

/// A face and whom it may be.
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
    let (mut lines, mut items_failed) = (Vec::new(), 0);
    for file in &files {
        session.context.interrupt.check()?;
        let line = of_photo(file, &options, &mut identifier, session)?;
        items_failed += u64::from(matches!(line, Line::Failed { .. }));
        if !globals.json {
            // At once: what was paid for is not lost with a later photo.
            let mut stdout = io::stdout().lock();
            for text in line.texts() {
                writeln!(stdout, "{text}").map_err(Failure::of_output)?;
            }
        }
        lines.push(line);
    }
    let outcome = session.outcome("identify", &to_value(&lines)?, Vec::new())?;
    Ok(Outcome {
        items_failed,
        ..outcome
    })
}

fn of_photo(
    file: &InputFile,
    options: &DetectOptions,
    identifier: &mut Identifier<'_>,
    session: &Session<'_>,
) -> Result<Line, Failure> {
    let path = file.name.clone();
    let failed = |error: String| {
        let path = path.clone();
        Ok(Line::Failed { path, error })
    };
    let photo = match Photo::read(&file.path) {
        Ok(photo) => photo,
        Err(error) => return failed(error.to_string()),
    };
    let found = match detect(&session.client, photo.body(), options) {
        Ok(found) => found,
        Err(error) if error.concerns_all_requests() => return Err(error.into()),
        Err(error) => return failed(error.to_string()),
    };
    let ids: Vec<String> = found
        .iter()
        .filter_map(|face| face.face_id.clone())
        .collect();
    if ids.len() < found.len() {
        return failed("the service gave no ids for its faces".to_owned());
    }
    let candidates = match identifier.identify(&ids) {
        Ok(candidates) => candidates,
        // The next photo may fare better: nobody is asked for in vain, as without a training.
        Err(error) if error.leaves_outcome_unknown() => return failed(error.to_string()),
        Err(error) => return Err(error.into()),
    };
    let faces = found
        .into_iter()
        .zip(candidates)
        .map(|(face, candidates)| Named::new(Face::in_photo(face, photo.scale()), candidates));
    Ok(Line::Found {
        path: file.name.clone(),
        size: photo.size(),
        faces: faces.collect(),
    })
}

/// What is said of a face id.
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
