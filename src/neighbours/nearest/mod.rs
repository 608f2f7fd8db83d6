//! The nearest pairs between two lists, exactly: every item of one is compared with every item of the
//! other.
//!
//! Close pairs within a small radius are found without that ([`crate::hash_join`]). Here the
//! question is how far apart the nearest pairs are, however far that is. Then there is no radius
//! that would save comparisons, but each of them is cheap: 100,000 images in sides of 70, 15 and
//! 15 % are 2.3 thousand million pairs. The cost grows with the square of the number; memory does not
//! grow.

mod embeddings;
mod few;
mod hashes;
#[cfg(test)]
mod tests;

use std::ops::Range;
use std::sync::atomic::{AtomicU32, Ordering};

pub use embeddings::{Faces, Kind, nearest_faces};
use facepipe_core::context::{Context, Interrupted};
use facepipe_core::parallel;
use few::Few;
pub use hashes::nearest_hashes;

/// Rows that a worker compares before it hands over its pairs and reads the bound.
const ROWS: usize = 64;

/// Two items that are near each other.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NearPair {
    /// The index in the first list.
    pub left: usize,
    /// The index in the second list.
    pub right: usize,
    /// Their distance: the number of bits that differ, or the Euclidean distance.
    pub distance: f64,
}

/// Lets workers compare ranges of `rows`, and gives the nearest pairs of each of `KINDS` kinds as
/// keys with the indices, nearest first; of equally near ones those with the lowest indices.
fn scan<const KINDS: usize>(
    rows: usize,
    most: usize,
    context: &Context,
    compare: impl Fn(Range<usize>, &mut [Few; KINDS]) + Sync,
) -> Result<[Vec<few::Entry>; KINDS], Interrupted> {
    let starts: Vec<usize> = (0..rows).step_by(ROWS).collect();
    // The largest distance that may still be among the nearest; falls as pairs are found.
    let bounds: [AtomicU32; KINDS] = std::array::from_fn(|_| AtomicU32::new(u32::MAX));
    let mut nearest: [Few; KINDS] = std::array::from_fn(|_| Few::new(most, u32::MAX));
    parallel::for_each(
        &starts,
        context.threads,
        || Ok(()),
        |(), start| {
            let bound = |kind: usize| bounds[kind].load(Ordering::Relaxed);
            let mut found = std::array::from_fn(|kind| Few::new(most, bound(kind)));
            compare(*start..(start + ROWS).min(rows), &mut found);
            found
        },
        |_, found: [Few; KINDS]| {
            context.interrupt.check()?;
            for ((all, new), bound) in nearest.iter_mut().zip(found).zip(&bounds) {
                new.entries().into_iter().for_each(|entry| all.offer(entry));
                bound.store(all.bound(), Ordering::Relaxed);
            }
            Ok(())
        },
    )?;
    Ok(nearest.map(Few::entries))
}
