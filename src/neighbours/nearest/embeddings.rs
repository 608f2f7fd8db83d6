//! The nearest pairs of faces, of one label and of two.

use super::few::Few;
use super::{NearPair, scan};
use facepipe_core::context::{Context, Interrupted};
use facepipe_core::types::Embedding;

/// Faces in a tile that stays in the L1 cache while it is compared: 32 KiB.
const TILE: usize = 64;
/// Numbers that are added in parallel.
const LANES: usize = 16;
/// Numbers of an embedding after which pairs are dropped that are too far apart already, if it has more.
const FIRST_PART: usize = 64;

/// Embeddings in one piece of memory, with the index of each one's label.
#[derive(Debug, Clone, Default)]
pub struct Faces {
    numbers: Vec<f32>,
    /// How many of them a face has: those of its embedding, and zeros up to a multiple of [`LANES`].
    row: usize,
    labels: Vec<u32>,
}

impl Faces {
    /// Adds a face.
    pub fn push(&mut self, embedding: &Embedding, label: u32) {
        let numbers = embedding.numbers();
        let row = numbers.len().next_multiple_of(LANES);
        debug_assert!(self.is_empty() || self.row == row, "of two networks");
        self.row = row;
        self.numbers.extend(numbers);
        self.numbers.resize((self.labels.len() + 1) * row, 0.0);
        self.labels.push(label);
    }

    /// How many faces there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    fn row(&self, index: usize) -> &[f32] {
        &self.numbers[index * self.row..][..self.row]
    }
}

/// Which pairs of faces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Both have the same label.
    SameLabel,
    /// They have different ones.
    OtherLabel,
}

impl Kind {
    /// Both kinds, in the order of [`nearest_faces`].
    pub const ALL: [Self; 2] = [Self::SameLabel, Self::OtherLabel];
}

/// The `most` nearest pairs of each [`Kind`] between two lists of faces, nearest first, with their
/// Euclidean distances. Of equally near ones those with the lowest indices count.
///
/// # Errors
/// [`Interrupted`].
pub fn nearest_faces(
    left: &Faces,
    right: &Faces,
    most: usize,
    context: &Context,
) -> Result<[Vec<NearPair>; 2], Interrupted> {
    let nearest = scan::<2>(left.len(), most, context, |rows, found| {
        for first in (0..right.len()).step_by(TILE) {
            for row in rows.clone() {
                compare(left, row, right, first, found);
            }
        }
    })?;
    let pair = |(key, left, right)| NearPair {
        left: left as usize,
        right: right as usize,
        distance: f64::from(f32::from_bits(key).sqrt()),
    };
    Ok(nearest.map(|entries| entries.into_iter().map(pair).collect()))
}

/// Compares one face with those of a tile.
fn compare(left: &Faces, row: usize, right: &Faces, first: usize, found: &mut [Few; 2]) {
    let (face, label) = (left.row(row), left.labels[row]);
    for other in first..(first + TILE).min(right.len()) {
        let kind = usize::from(right.labels[other] != label);
        let numbers = right.row(other);
        let bound = found[kind].bound();
        let part = FIRST_PART.min(left.row);
        let start = squared(&face[..part], &numbers[..part]);
        if key(start) > bound {
            continue;
        }
        let distance = start + squared(&face[part..], &numbers[part..]);
        found[kind].offer((key(distance), row as u32, other as u32));
    }
}

/// The bits of numbers that are not negative have the numbers' order.
fn key(squared: f32) -> u32 {
    squared.to_bits()
}

/// The squared Euclidean distance; taken from the differences, so that near ones come out right.
fn squared(a: &[f32], b: &[f32]) -> f32 {
    let mut sums = [0.0; LANES];
    for (a, b) in a.chunks_exact(LANES).zip(b.chunks_exact(LANES)) {
        for ((sum, a), b) in sums.iter_mut().zip(a).zip(b) {
            *sum += (a - b) * (a - b);
        }
    }
    // In halves, so that no sum waits for the previous one.
    let mut half = LANES / 2;
    while half > 0 {
        let (low, high) = sums.split_at_mut(half);
        low.iter_mut().zip(&*high).for_each(|(a, b)| *a += b);
        half /= 2;
    }
    sums[0]
}
