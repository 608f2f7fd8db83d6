//! `facepipe verify`

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use crate::cli::commands::networks::embed::{Line, each_photo};
use crate::cli::failure::Failure;
use crate::cli::hints::Advice;
use crate::cli::options::globals::Globals;
use crate::cli::options::inputs;
use crate::cli::options::switch::RotationOptions;
use crate::cli::output::result::{Outcome, to_value};
use crate::cli::wiring;
use crate::cli::wiring::detectors::DetectorName;
use crate::cli::wiring::embedders::EmbedderOptions;
use facepipe_core::context::Context;
use facepipe_core::types::Embedding;
use facepipe_faces::face_pairs::{Comparison, FacePair, FacePlace, places_and_embeddings};

/// Arguments of `verify`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    facepipe verify passport.jpg selfie.jpg\n  \
    facepipe verify --json a.jpg b.jpg | jq .same\n\n\
    Every face of the one photo is compared with every face of the other. Faces whose embeddings are \
    nearer than the embedder's distance (Euclidean; `threshold` in the report) are the same person: 0.6 for \
    dlib, for which it was trained, and 1.1 for sface. The exit code does not depend on the answer.")]
pub(crate) struct VerifyArgs {
    /// A photo
    #[arg(value_name = "A")]
    first: PathBuf,
    /// Another photo
    #[arg(value_name = "B")]
    second: PathBuf,
    /// Which detector finds the faces
    #[arg(long, value_enum, default_value = "auto")]
    detector: DetectorName,
    #[command(flatten)]
    embedder: EmbedderOptions,
    #[command(flatten)]
    rotations: RotationOptions,
}

/// A photo in the report that `--json` prints.
#[derive(Debug, Serialize)]
struct Photo {
    path: String,
    faces: Vec<FacePlace>,
}

/// Why two photos can't be compared.
#[derive(Debug, thiserror::Error)]
enum VerifyError {
    #[error("`{path}` can't be used: {error}")]
    Unusable { path: String, error: String },
    #[error("no face was found in `{path}`")]
    NoFace { path: String },
}

impl Advice for VerifyError {
    fn next_step(&self) -> Option<String> {
        Some(match self {
            Self::Unusable { .. } => "use a whole photo, such as a JPEG or PNG file".to_owned(),
            Self::NoFace { .. } => {
                "use a photo in which the face is seen from the front and larger".to_owned()
            }
        })
    }
}

pub(crate) fn run(
    args: &VerifyArgs,
    globals: &Globals,
    context: &Context,
) -> Result<Outcome, Failure> {
    let files = [&args.first, &args.second].map(|path| inputs::file(path));
    let parts = wiring::networks::embedding_parts(
        args.detector,
        &args.embedder.embedder,
        false,
        args.rotations.are_on(|| 2),
        globals,
        context,
    )?;
    let threshold = parts.embedders.model().distances.same_person;
    let mut photos = Vec::new();
    each_photo(&files, &parts, context, |line| {
        photos.push(photo(line)?);
        Ok(())
    })?;
    let mut photos = photos.into_iter();
    let (Some(a), Some(b)) = (photos.next(), photos.next()) else {
        return Ok(Outcome::default());
    };
    let report = Comparison::new(a, b, threshold);
    Ok(Outcome {
        lines: lines(&report),
        report: to_value(&report)?,
        items_failed: 0,
    })
}

/// A photo and the embeddings of its faces.
fn photo(line: Line) -> Result<(Photo, Vec<Embedding>), VerifyError> {
    match line {
        Line::Failed { path, error } => Err(VerifyError::Unusable { path, error }),
        Line::Found { path, faces, .. } if faces.is_empty() => Err(VerifyError::NoFace { path }),
        Line::Found { path, faces, .. } => {
            let (faces, embeddings) = places_and_embeddings(faces);
            Ok((Photo { path, faces }, embeddings))
        }
    }
}

fn lines(report: &Comparison<Photo>) -> Vec<String> {
    let name = |photo: &Photo, index: usize| {
        if photo.faces.len() == 1 {
            return photo.path.clone();
        }
        let [left, top, right, bottom] = photo.faces[index].rect.into();
        format!("{} [{left}, {top}, {right}, {bottom}]", photo.path)
    };
    let line = |pair: &FacePair| {
        let verdict = if pair.same {
            "same person"
        } else {
            "different persons"
        };
        let (a, b) = (name(&report.a, pair.a), name(&report.b, pair.b));
        format!("{verdict}, distance {:.3}: {a} - {b}", pair.distance)
    };
    report.pairs.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn photo_of(path: &str, numbers: &[f32]) -> (Photo, Vec<Embedding>) {
        let face = |_: &f32| FacePlace {
            rect: [1, 2, 31, 42].into(),
            score: 3.0,
        };
        let embedding = |number: &f32| Embedding::new([0.0, *number]);
        let photo = Photo {
            path: path.to_owned(),
            faces: numbers.iter().map(face).collect(),
        };
        (photo, numbers.iter().map(embedding).collect())
    }

    #[test]
    fn pairs_come_nearest_first_and_name_the_faces() {
        let report = Comparison::new(
            photo_of("a.jpg", &[0.0]),
            photo_of("b.jpg", &[1.0, 0.25]),
            0.6,
        );
        assert!(report.same);
        let pairs: Vec<_> = report
            .pairs
            .iter()
            .map(|pair| (pair.b, pair.same))
            .collect();
        assert_eq!(pairs, [(1, true), (0, false)]);
        assert_eq!(
            lines(&report),
            [
                "same person, distance 0.250: a.jpg - b.jpg [1, 2, 31, 42]",
                "different persons, distance 1.000: a.jpg - b.jpg [1, 2, 31, 42]",
            ]
        );
    }

    #[test]
    fn a_photo_without_faces_is_an_error_with_a_hint() {
        let line = Line::Found {
            path: "wall.jpg".to_owned(),
            size: facepipe_core::types::Size::new(64, 48),
            faces: Vec::new(),
        };
        let error = photo(line).expect_err("no face");
        assert_eq!(error.to_string(), "no face was found in `wall.jpg`");
        assert!(error.next_step().is_some());
    }
}
