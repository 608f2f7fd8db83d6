//! Answers about photos.

use serde::Serialize;

use super::engine::Engine;
use super::workers::Found;
use facepipe_core::types::{DetectedFace, Size};
use facepipe_faces::embed::EmbeddedFace;
use facepipe_faces::face_pairs::{Comparison, FacePlace, places_and_embeddings};
use facepipe_nn::{Answer, most_probable};
use facepipe_predict::NamedFace;

/// The persons in a photo.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Prediction {
    /// The upright photo's.
    #[serde(flatten)]
    pub(super) size: Size,
    /// The index of the largest face's most probable label in the model's labels; `None` without a face.
    pub(super) pred_index: Option<usize>,
    /// The largest face's label.
    pub(super) pred_label: Option<String>,
    /// The largest face's probability of each label, in the model's order; empty without a face.
    pub(super) probabilities: Vec<f32>,
    /// All faces, largest first.
    pub(super) faces: Vec<NamedFace>,
}

impl Prediction {
    /// `answers` are the model's of each face.
    pub(super) fn new(engine: &Engine, found: &Found<DetectedFace>, answers: Vec<Answer>) -> Self {
        let labels = &engine.card().labels;
        let both = found.faces.iter().zip(&answers);
        let mut faces: Vec<NamedFace> = both
            .map(|(face, answer)| engine.naming.name(face, answer, labels))
            .collect();
        NamedFace::mark_main(&mut faces, found.size);
        let largest = answers
            .into_iter()
            .next()
            .map(|answer| answer.probabilities);
        Self {
            size: found.size,
            pred_index: largest.as_deref().map(most_probable),
            pred_label: faces.first().map(|face| face.label.clone()),
            probabilities: largest.unwrap_or_default(),
            faces,
        }
    }
}

/// Faces of a photo.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Faces<Face> {
    /// The upright photo's.
    #[serde(flatten)]
    pub(super) size: Size,
    /// Largest first.
    pub(super) faces: Vec<Face>,
}

impl<Face> From<Found<Face>> for Faces<Face> {
    fn from(found: Found<Face>) -> Self {
        Self {
            size: found.size,
            faces: found.faces,
        }
    }
}

/// Whether two photos show one person.
pub(super) type Verification = Comparison<Faces<FacePlace>>;

/// Compares the faces of two photos; those nearer than `threshold` are one person.
pub(super) fn verify(
    a: Found<EmbeddedFace>,
    b: Found<EmbeddedFace>,
    threshold: f32,
) -> Verification {
    let split = |found: Found<EmbeddedFace>| {
        let size = found.size;
        let (faces, embeddings) = places_and_embeddings(found.faces);
        (Faces { size, faces }, embeddings)
    };
    Comparison::new(split(a), split(b), threshold)
}
