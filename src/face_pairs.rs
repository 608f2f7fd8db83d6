//! The faces of two photos, compared.

use serde::Serialize;

use crate::types::Embedding;

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

/// Each face of the one photo with each of the other, nearest first.
#[must_use]
pub fn compare_faces(a: &[Embedding], b: &[Embedding]) -> Vec<FacePair> {
    let mut pairs = Vec::with_capacity(a.len() * b.len());
    for (first, one) in a.iter().enumerate() {
        for (second, other) in b.iter().enumerate() {
            pairs.push(FacePair {
                a: first,
                b: second,
                distance: one.distance(other),
                same: one.is_same_person(other),
            });
        }
    }
    pairs.sort_by(|one, other| one.distance.total_cmp(&other.distance));
    pairs
}
