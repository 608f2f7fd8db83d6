//! The faces of two photos, compared.

use serde::Serialize;

use crate::embed::EmbeddedFace;
use facepipe_core::types::{Embedding, PixelRect};

/// The place of a face.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct FacePlace {
    /// In the upright photo.
    #[serde(rename = "box")]
    pub rect: PixelRect,
    /// The detector's certainty.
    pub score: f32,
}

/// Places of faces, with the embedding of each.
#[must_use]
pub fn places_and_embeddings(faces: Vec<EmbeddedFace>) -> (Vec<FacePlace>, Vec<Embedding>) {
    let split = |face: EmbeddedFace| {
        let (rect, score) = (face.rect, face.score);
        (FacePlace { rect, score }, face.embedding)
    };
    faces.into_iter().map(split).unzip()
}

/// A face of one photo and one of the other, by their places in the lists of faces.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct FacePair {
    /// The face of the first photo.
    pub a: usize,
    /// The face of the second photo.
    pub b: usize,
    /// The Euclidean distance of their embeddings.
    pub distance: f32,
    /// Whether they are one person.
    pub same: bool,
}

/// Whether two photos show one person.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Comparison<Photo> {
    /// Whether any face of the one photo is the same person as any of the other.
    pub same: bool,
    /// The distance below which faces are the same person.
    pub threshold: f32,
    /// The faces of the first photo.
    pub a: Photo,
    /// The faces of the second photo.
    pub b: Photo,
    /// Each face of the one photo with each of the other, nearest first.
    pub pairs: Vec<FacePair>,
}

impl<Photo> Comparison<Photo> {
    /// Compares two photos, each with the embeddings of its faces; those nearer than `threshold` are one person.
    #[must_use]
    pub fn new(a: (Photo, Vec<Embedding>), b: (Photo, Vec<Embedding>), threshold: f32) -> Self {
        let pairs = compare(&a.1, &b.1, threshold);
        Self {
            same: pairs.iter().any(|pair| pair.same),
            threshold,
            a: a.0,
            b: b.0,
            pairs,
        }
    }
}

fn compare(a: &[Embedding], b: &[Embedding], threshold: f32) -> Vec<FacePair> {
    let mut pairs = Vec::with_capacity(a.len() * b.len());
    for (first, one) in a.iter().enumerate() {
        for (second, other) in b.iter().enumerate() {
            pairs.push(FacePair {
                a: first,
                b: second,
                distance: one.distance(other),
                same: one.distance(other) < threshold,
            });
        }
    }
    pairs.sort_by(|one, other| one.distance.total_cmp(&other.distance));
    pairs
}
